//! What meters alone are measured at.

use frame_support::assert_ok;
use gridweave_primitives::{Be32, WattHours};
use sp_runtime::Permill;

use crate::{
	baseline::Method,
	mock::*,
	types::{Baseline, Direction, Excluded, ProgrammeTerms, Stage},
	Event,
};

fn adjusted() -> ProgrammeTerms {
	ProgrammeTerms {
		baseline: Baseline::LikeDays {
			method: Method::TenOfTen,
			adjustment: Permill::from_percent(20),
		},
		dead_band: Permill::from_percent(20),
		..terms()
	}
}

fn excluded() -> Vec<Excluded> {
	events()
		.into_iter()
		.filter_map(|event| match event {
			Event::MeterExcluded { reason, .. } => Some(reason),
			_ => None,
		})
		.collect()
}

#[test]
fn a_reduction_should_be_measured_over_the_event_and_paid() {
	run(|| {
		let Village {
			programme,
			meters,
			resources,
		} = village(terms(), 2);
		let event = announce(programme, at(THIRD_MONDAY, 4), 2);
		took(meters[0], at(THIRD_MONDAY, 4), 600);
		took(meters[0], at(THIRD_MONDAY, 5), 700);
		let before = pallet_balances::Pallet::<Test>::free_balance(owner(0));
		let record = settle(event);
		assert_eq!(record.stage, Stage::Done);
		assert_eq!(record.delivered, WattHours(700));
		assert_eq!(record.paid, reward(700));
		let report = report(event, resources[0]).unwrap();
		assert_eq!(
			(report.tally.baseline, report.tally.measured),
			(2_000, 1_300)
		);
		assert_eq!(report.delivered, WattHours(700));
		let after = pallet_balances::Pallet::<Test>::free_balance(owner(0));
		assert_eq!(after - before, reward(700));
		// The other did nothing.
		assert_eq!(paid(event, resources[1]), 0);
		assert!(events().contains(&Event::MeterMeasured {
			event,
			meter: meters[1],
			baseline: 2_000,
			measured: 2_000,
		}));
	});
}

#[test]
fn an_increase_should_be_paid_where_that_is_wanted() {
	run(|| {
		let increase = ProgrammeTerms {
			direction: Direction::Increase,
			..terms()
		};
		let village = village(increase, 2);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		took(village.meters[0], at(THIRD_MONDAY, 4), 1_500);
		took(village.meters[1], at(THIRD_MONDAY, 4), 500);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), reward(500));
		assert_eq!(paid(event, village.resources[1]), 0);
	});
}

#[test]
fn feeding_in_more_should_be_a_reduction() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		took(village.meters[0], at(THIRD_MONDAY, 4), -250);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), reward(1_250));
	});
}

#[test]
fn like_days_should_be_of_the_same_kind() {
	run(|| {
		let least = ProgrammeTerms {
			least_days: 2,
			..terms()
		};
		let programme = open(least, BUDGET);
		let meter = add_meter(0);
		let resource = enrol(programme, meter);
		// The first Saturday and Sunday.
		took(meter, at(9, 4), 300);
		took(meter, at(10, 4), 501);
		live_until(at(16, 0));
		let event = announce(programme, at(16, 4), 1);
		took(meter, at(16, 4), 100);
		settle(event);
		// (300 + 501) / 2, rounded down, less 100.
		assert_eq!(paid(event, resource), reward(300));
	});
}

#[test]
fn days_of_events_should_not_be_like_days() {
	run(|| {
		let village = village(terms(), 1);
		let (meter, resource) = (village.meters[0], village.resources[0]);
		let first = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		took(meter, at(THIRD_MONDAY, 4), 0);
		live_until(at(THIRD_MONDAY + 1, 0));
		let second = announce(village.programme, at(THIRD_MONDAY + 1, 4), 1);
		took(meter, at(THIRD_MONDAY + 1, 4), 0);
		settle(second);
		assert_eq!(paid(first, resource), reward(1_000));
		// Were the first event's day among the ten, this would be 900.
		assert_eq!(paid(second, resource), reward(1_000));
	});
}

#[test]
fn days_on_which_it_opted_out_should_be_like_days() {
	run(|| {
		let village = village(terms(), 1);
		let (meter, resource) = (village.meters[0], village.resources[0]);
		let first = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		assert_ok!(DemandResponse::respond(
			RuntimeOrigin::signed(owner(0)),
			first,
			resource,
			crate::types::Response::OptOut
		));
		took(meter, at(THIRD_MONDAY, 4), 0);
		live_until(at(THIRD_MONDAY + 1, 0));
		let second = announce(village.programme, at(THIRD_MONDAY + 1, 4), 1);
		took(meter, at(THIRD_MONDAY + 1, 4), 0);
		settle(second);
		assert_eq!(report(first, resource), None);
		assert_eq!(paid(second, resource), reward(900));
	});
}

#[test]
fn the_window_before_notice_should_adjust_the_baseline_within_its_bound() {
	// What the window showed in each of four periods, and the baseline of one.
	for (window, baseline) in [
		(1_000, 1_000),
		(1_100, 1_100),
		(900, 900),
		(2_000, 1_200),
		(0, 800),
	] {
		run(|| {
			let village = village(adjusted(), 1);
			for place in 0..4 {
				took(village.meters[0], at(THIRD_MONDAY, place), window);
			}
			live_until(at(THIRD_MONDAY, 4));
			let event = announce(village.programme, at(THIRD_MONDAY, 5), 1);
			settle(event);
			let report = report(event, village.resources[0]).unwrap();
			assert_eq!(report.tally.baseline, baseline, "{window}");
		});
	}
}

#[test]
fn notice_on_an_earlier_day_should_not_adjust() {
	run(|| {
		let village = village(adjusted(), 1);
		for place in 0..4 {
			took(village.meters[0], at(THIRD_MONDAY, place), 2_000);
		}
		live_until(at(THIRD_MONDAY, 4));
		let event = announce(village.programme, at(THIRD_MONDAY + 1, 5), 1);
		settle(event);
		let report = report(event, village.resources[0]).unwrap();
		assert_eq!(report.tally.baseline, 1_000);
	});
}

#[test]
fn an_event_over_midnight_should_be_compared_day_by_day() {
	run(|| {
		let least = ProgrammeTerms {
			least_days: 5,
			..terms()
		};
		let programme = open(least, BUDGET);
		let meter = add_meter(0);
		let resource = enrol(programme, meter);
		// From Sunday to Monday: evenings of the weekend, and mornings of working days.
		for day in [9, 10, 16, 17] {
			took(meter, at(day, 7), 400);
		}
		live_until(at(23, 0));
		let event = announce(programme, at(24, 7), 2);
		took(meter, at(24, 7), 0);
		took(meter, at(25, 0), 0);
		settle(event);
		let report = report(event, resource).unwrap();
		// Saturdays and Sundays of two weeks, and the Saturday before, which was as usual.
		assert_eq!(report.tally.baseline, (4 * 400 + 1_000) / 5 + 1_000);
	});
}

#[test]
fn too_few_like_days_should_earn_nothing() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meter = add_meter(0);
		let resource = enrol(programme, meter);
		live_until(at(15, 0));
		events();
		let event = announce(programme, at(15, 4), 1);
		took(meter, at(15, 4), 0);
		settle(event);
		assert_eq!(report(event, resource), None);
		assert_eq!(excluded(), [Excluded::NoBaseline]);
	});
}

#[test]
fn changes_within_the_dead_band_should_earn_nothing() {
	for (measured, earned) in [(901, 0), (900, 100)] {
		run(|| {
			let band = ProgrammeTerms {
				dead_band: Permill::from_percent(10),
				..terms()
			};
			let village = village(band, 1);
			let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
			took(village.meters[0], at(THIRD_MONDAY, 4), measured);
			settle(event);
			assert_eq!(paid(event, village.resources[0]), reward(earned));
		});
	}
}

#[test]
fn a_commanded_storage_should_be_paid_for_what_it_fed_in_if_it_obeyed() {
	run(|| {
		let commanded = ProgrammeTerms {
			baseline: Baseline::Commanded,
			command: Some(crate::types::Action::Discharge),
			..terms()
		};
		let Village {
			programme,
			meters,
			resources,
		} = village(commanded, 4);
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		live_until(at(THIRD_MONDAY, 3));
		let nonce = DemandResponse::api_command(meters[0]).unwrap().nonce;
		let clock = world(|world| world.clock);
		live_until(at(THIRD_MONDAY, 5));
		// The first obeys, the second does not answer, the third answers too late.
		acknowledge(meters[0], nonce, clock.start_of(at(THIRD_MONDAY, 5)));
		acknowledge(meters[2], nonce, clock.start_of(at(THIRD_MONDAY, 5)) + 1);
		// The fourth obeys, and is told something else before that is measured.
		acknowledge(meters[3], nonce, clock.start_of(at(THIRD_MONDAY, 5)));
		let now = world(|world| world.now);
		assert_ok!(DemandResponse::send_command(
			RuntimeOrigin::signed(OPERATOR),
			programme,
			meters[3],
			crate::types::Action::Charge,
			now,
			now + 60,
		));
		for meter in &meters {
			took(*meter, at(THIRD_MONDAY, 4), -2_000);
		}
		settle(event);
		// Load is not counted: only what is fed in.
		assert_eq!(paid(event, resources[0]), reward(2_000));
		assert_eq!(paid(event, resources[1]), 0);
		assert_eq!(paid(event, resources[2]), 0);
		assert_eq!(paid(event, resources[3]), reward(2_000));
		assert_eq!(excluded(), [Excluded::NotAcknowledged; 2]);
	});
}

#[test]
fn energy_that_is_recorded_late_should_be_waited_for() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		took(village.meters[0], at(THIRD_MONDAY, 4), 0);
		world(|world| world.stalled = Some(at(THIRD_MONDAY, 4)));
		live_until(at(THIRD_MONDAY + 1, 4));
		assert_eq!(
			DemandResponse::event(event).unwrap().stage,
			Stage::Announced
		);
		world(|world| world.stalled = None);
		poll();
		assert_eq!(paid(event, village.resources[0]), reward(1_000));
		assert_eq!(
			crate::Events::<Test>::get(Be32::from(event)).unwrap().stage,
			Stage::Done
		);
	});
}
