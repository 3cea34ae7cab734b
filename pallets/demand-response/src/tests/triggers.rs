//! Events that the chain announces by itself.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{EventId, MeterId, Price, ProgrammeId, WattHours, Watts};
use sp_runtime::DispatchResult;

use crate::{
	mock::*,
	types::{Condition, ProgrammeTerms, Trigger},
	Error, Event,
};

fn set(programme: ProgrammeId, condition: Condition) -> DispatchResult {
	DemandResponse::set_trigger(
		RuntimeOrigin::signed(OPERATOR),
		programme,
		Some(Trigger {
			condition,
			periods: 2,
			target: WattHours(5_000),
		}),
	)
}

/// 4 kW over a quarter of an hour are 1 kWh.
const IMPORT: Condition = Condition::NetImport {
	feeder: FEEDER,
	above: Watts(4_000),
};

fn announced() -> Vec<(
	EventId,
	gridweave_primitives::Period,
	gridweave_primitives::Period,
)> {
	events()
		.into_iter()
		.filter_map(|event| match event {
			Event::EventAnnounced {
				event,
				start,
				end,
				automatic: true,
				..
			} => Some((event, start, end)),
			_ => None,
		})
		.collect()
}

#[test]
fn net_import_above_the_threshold_should_announce_an_event() {
	run(|| {
		let programme = open(
			ProgrammeTerms {
				notice: 1,
				..terms()
			},
			BUDGET,
		);
		assert_ok!(set(programme, IMPORT));
		// As much as the threshold is not above it.
		live_until(at(MONDAY, 4));
		assert_eq!(announced(), []);
		took(FEEDER, at(MONDAY, 5), 1_001);
		live_until(at(MONDAY, 6));
		assert_eq!(announced(), []);
		live_until(at(MONDAY, 7));
		assert_eq!(
			announced(),
			[(EventId(0), at(MONDAY + 1, 1), at(MONDAY + 1, 3))]
		);
	});
}

#[test]
fn surplus_should_announce_an_event() {
	run(|| {
		let programme = open(terms(), BUDGET);
		assert_ok!(set(
			programme,
			Condition::Surplus {
				feeder: FEEDER,
				above: Watts(4_000),
			}
		));
		took(FEEDER, at(MONDAY, 2), -1_000);
		took(FEEDER, at(MONDAY, 3), -1_001);
		live_until(at(MONDAY, 4));
		assert_eq!(announced(), []);
		live_until(at(MONDAY, 5));
		assert_eq!(
			announced(),
			[(EventId(0), at(MONDAY, 6), at(MONDAY + 1, 0))]
		);
	});
}

#[test]
fn a_price_above_the_level_should_announce_an_event() {
	run(|| {
		let programme = open(terms(), BUDGET);
		assert_ok!(set(
			programme,
			Condition::Price {
				above: Price(200_000),
			}
		));
		world(|world| world.best_ask = Some(Price(150_000)));
		live_until(at(MONDAY, 2));
		assert_eq!(announced(), []);
		world(|world| world.best_ask = Some(Price(900_000)));
		live_until(at(MONDAY, 3));
		assert_eq!(announced(), [(EventId(0), at(MONDAY, 4), at(MONDAY, 6))]);
		// Nobody pays more than retail.
		let price = DemandResponse::reference_price(HOME, at(MONDAY, 4));
		assert_eq!(price, Some(Price(300_000)));
	});
}

#[test]
fn a_trigger_should_wait_until_its_event_is_over_and_keep_the_days_limit() {
	run(|| {
		let programme = open(
			ProgrammeTerms {
				events_per_day: 2,
				..terms()
			},
			BUDGET,
		);
		assert_ok!(set(programme, IMPORT));
		for place in 0..DAY {
			took(FEEDER, at(MONDAY, place), 9_000);
			took(FEEDER, at(MONDAY + 1, place), 0);
		}
		live_until(at(MONDAY + 1, 6));
		assert_eq!(
			announced(),
			[
				(EventId(0), at(MONDAY, 3), at(MONDAY, 5)),
				(EventId(1), at(MONDAY, 6), at(MONDAY + 1, 0)),
				(EventId(2), at(MONDAY + 1, 1), at(MONDAY + 1, 3)),
			]
		);
		let failed = events();
		assert!(!failed
			.iter()
			.any(|event| matches!(event, Event::TriggerFailed { .. })));
	});
}

#[test]
fn a_trigger_that_cannot_announce_should_say_so() {
	run(|| {
		let programme = open(terms(), 0);
		assert_ok!(set(programme, IMPORT));
		took(FEEDER, at(MONDAY, 0), 9_000);
		live_until(at(MONDAY, 2));
		assert!(events().contains(&Event::TriggerFailed {
			programme,
			error: Error::<Test>::BudgetExhausted.into(),
		}));
	});
}

#[test]
fn a_trigger_should_name_the_feeder_of_the_community_and_end_when_it_is_removed() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let condition = |feeder| Condition::NetImport {
			feeder,
			above: Watts(4_000),
		};
		for feeder in [MeterId(9), add_meter(0)] {
			assert_noop!(set(programme, condition(feeder)), Error::<Test>::NotAFeeder);
		}
		let elsewhere = add_meter_of(97, 1, gridweave_primitives::meter::MeterKind::Feeder);
		assert_noop!(
			set(programme, condition(elsewhere)),
			Error::<Test>::NotAFeeder
		);
		let origin = RuntimeOrigin::signed;
		assert_noop!(
			DemandResponse::set_trigger(origin(1), programme, None),
			Error::<Test>::NotOperator
		);
		assert_ok!(set(programme, IMPORT));
		assert_ok!(DemandResponse::set_trigger(
			origin(OPERATOR),
			programme,
			None
		));
		took(FEEDER, at(MONDAY, 0), 9_000);
		live_until(at(MONDAY, 4));
		assert_eq!(announced(), []);
	});
}

#[test]
fn an_automatic_event_should_be_measured_and_paid_like_any_other() {
	run(|| {
		let village = village(terms(), 1);
		assert_ok!(set(village.programme, IMPORT));
		took(FEEDER, at(THIRD_MONDAY, 2), 9_000);
		live_until(at(THIRD_MONDAY, 4));
		let (event, start, _) = announced()[0];
		assert_eq!(start, at(THIRD_MONDAY, 5));
		took(village.meters[0], start, 400);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), reward(600));
	});
}
