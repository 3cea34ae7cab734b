//! Whatever members and operators do: budgets are not exceeded, nothing is paid without a measured reduction, and
//! what was held is released in the end.

use gridweave_primitives::{traits::SettlementClock, EventId, Period, WattHours};
use proptest::prelude::*;

use crate::{
	baseline::Method,
	mock::*,
	types::{Action, Baseline, Direction, Response, Stage},
	DayPages, Events, HoldReason, Reports,
};

/// What somebody tries. Much of it is refused.
#[derive(Clone, Debug)]
enum Deed {
	Announce {
		programme: bool,
		ahead: u32,
		periods: u32,
		target: u64,
	},
	Respond {
		meter: u32,
		answer: Option<u64>,
		out: bool,
	},
	Take {
		meter: u32,
		ahead: u32,
		net: Option<i64>,
	},
	Leave {
		meter: u32,
		programme: bool,
	},
	Enrol {
		meter: u32,
		programme: bool,
	},
	Cancel,
	End,
	Quarantine {
		meter: u32,
		on: bool,
	},
	Acknowledge {
		meter: u32,
	},
	Pass {
		periods: u32,
	},
}

const METERS: u32 = 4;

fn deed() -> impl Strategy<Value = Deed> {
	let meter = || 0..METERS;
	prop_oneof![
		3 => (any::<bool>(), 1u32..8, 1u32..5, 1u64..4_000).prop_map(
			|(programme, ahead, periods, target)| Deed::Announce { programme, ahead, periods, target }
		),
		3 => (meter(), proptest::option::of(0u64..3_000), any::<bool>())
			.prop_map(|(meter, answer, out)| Deed::Respond { meter, answer, out }),
		6 => (meter(), 0u32..8, proptest::option::weighted(0.9, -2_000i64..3_000))
			.prop_map(|(meter, ahead, net)| Deed::Take { meter, ahead, net }),
		1 => (meter(), any::<bool>()).prop_map(|(meter, programme)| Deed::Leave { meter, programme }),
		1 => (meter(), any::<bool>()).prop_map(|(meter, programme)| Deed::Enrol { meter, programme }),
		1 => Just(Deed::Cancel),
		1 => Just(Deed::End),
		1 => (meter(), any::<bool>()).prop_map(|(meter, on)| Deed::Quarantine { meter, on }),
		1 => meter().prop_map(|meter| Deed::Acknowledge { meter }),
		6 => (1u32..6).prop_map(|periods| Deed::Pass { periods }),
	]
}

fn last_event() -> Option<EventId> {
	crate::NextEvent::<Test>::get().checked_sub(1).map(EventId)
}

/// Checks an event that is paid.
fn check(id: EventId) {
	let Some(event) = Events::<Test>::get(gridweave_primitives::Be32::from(id)) else {
		return;
	};
	if event.stage != Stage::Done {
		return;
	}
	let mut paid = 0;
	for (_, report) in Reports::<Test>::iter_prefix((gridweave_primitives::Be32::from(id),)) {
		paid += report.paid;
		assert!(report.paid <= report.claim);
		if report.delivered.is_zero() {
			assert_eq!(report.paid, 0, "paid without a reduction");
		}
		let reduced = report.tally.baseline - report.tally.measured;
		assert!(
			i64::try_from(report.delivered.0).unwrap() <= reduced.max(0),
			"more than was measured"
		);
	}
	assert_eq!(paid, event.paid);
	assert!(paid <= event.budget);
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	#[test]
	fn budgets_should_hold_and_holds_return_to_zero(
		deeds in proptest::collection::vec(deed(), 1..60),
		rebound in 0u32..3,
		percent in 0u32..=20,
		budget in 0u128..3_000_000_000_000,
		five in any::<bool>(),
	) {
		run(|| {
			let mut terms = terms();
			terms.rebound = rebound;
			terms.least_days = 3;
			terms.command = Some(Action::Discharge);
			terms.dead_band = sp_runtime::Permill::from_percent(percent);
			terms.baseline = Baseline::LikeDays {
				method: if five { Method::FiveOfTen } else { Method::TenOfTen },
				adjustment: sp_runtime::Permill::from_percent(percent),
			};
			let programmes = [open(terms, budget), open(terms, budget / 3)];
			let meters: Vec<_> = (0..METERS).map(add_meter).collect();
			group(programmes[0], 50, &meters[..2]);
			for meter in &meters[2..] {
				enrol(programmes[0], *meter);
			}
			enrol(programmes[1], meters[3]);
			live_until(at(MONDAY + 4, 0));
			let operator = || RuntimeOrigin::signed(OPERATOR);
			for deed in deeds {
				let now = World::current();
				let of = |programme: bool| programmes[usize::from(programme)];
				match deed {
					Deed::Announce { programme, ahead, periods, target } => {
						let start = now.saturating_add(ahead);
						let target = WattHours(target);
						let _ = DemandResponse::announce_event(
							operator(), of(programme), start, periods, target,
						);
					}
					Deed::Respond { meter, answer, out } => {
						let response = match answer {
							Some(energy) => Response::Commit(WattHours(energy)),
							None if out => Response::OptOut,
							None => Response::OptIn,
						};
						let Some(event) = last_event() else { continue };
						for (_, resource) in DemandResponse::api_enrolments(meters[meter as usize]) {
							for who in [owner(meter), 50] {
								let who = RuntimeOrigin::signed(who);
								let _ = DemandResponse::respond(who, event, resource, response);
							}
						}
					}
					Deed::Take { meter, ahead, net } => {
						took(meters[meter as usize], now.saturating_add(ahead), net);
					}
					Deed::Leave { meter, programme } => {
						let who = RuntimeOrigin::signed(owner(meter));
						let _ = DemandResponse::leave(who, of(programme), meters[meter as usize]);
					}
					Deed::Enrol { meter, programme } => {
						let who = RuntimeOrigin::signed(owner(meter));
						let _ = DemandResponse::enrol(who, of(programme), meters[meter as usize]);
					}
					Deed::Cancel => {
						if let Some(event) = last_event() {
							let _ = DemandResponse::cancel_event(operator(), event);
						}
					}
					Deed::End => {
						if let Some(event) = last_event() {
							let _ = DemandResponse::end_event(operator(), event);
						}
					}
					Deed::Quarantine { meter, on } => world(|world| {
						let meter = meters[meter as usize];
						if on {
							world.quarantined.insert(meter);
						} else {
							world.quarantined.remove(&meter);
						}
					}),
					Deed::Acknowledge { meter } => {
						let meter = meters[meter as usize];
						if let Some(command) = DemandResponse::api_command(meter) {
							acknowledge(meter, command.nonce, World::now());
						}
					}
					Deed::Pass { periods } => live_until(now.saturating_add(periods)),
				}
				DemandResponse::do_try_state().unwrap();
			}
			// All events end, and then the programmes do.
			live_until(Period(World::current().0 + 24));
			for id in 0..crate::NextEvent::<Test>::get() {
				check(EventId(id));
			}
			assert_eq!(DemandResponse::open_events(), 0);
			for programme in programmes {
				frame_support::assert_ok!(DemandResponse::close_programme(operator(), programme));
			}
			live_until(World::current().next());
			for who in (1..=99).chain(OPERATORS) {
				for reason in [HoldReason::Budget, HoldReason::Enrolment, HoldReason::Commitment] {
					assert_eq!(held(reason, who), 0);
				}
			}
			assert_eq!(DayPages::<Test>::iter().count(), 0);
			assert_eq!(crate::Responses::<Test>::iter().count(), 0);
			assert_eq!(crate::CommandPages::<Test>::iter().count(), 0);
			// Reports are pruned, and with them the last of it.
			live_until(Period(World::current().0 + crate::types::REPORT_RETENTION));
			assert_eq!(Events::<Test>::iter().count(), 0);
			assert_eq!(Reports::<Test>::iter().count(), 0);
			assert_eq!(crate::Timetable::<Test>::iter().count(), 0);
		});
	}

	/// A placebo: who does on the day of an event what it always does earns nothing, whatever its day looks like and
	/// whatever is paid for.
	#[test]
	fn doing_the_usual_should_earn_nothing(
		usual in proptest::collection::vec(-5_000i64..5_000, DAY as usize),
		(notice, ahead, periods) in (0u32..7, 1u32..9, 1u32..9),
		rebound in 0u32..3,
		percent in 0u32..=20,
		five in any::<bool>(),
		increase in any::<bool>(),
	) {
		run(|| {
			let mut terms = terms();
			terms.rebound = rebound;
			terms.least_days = 3;
			terms.direction = if increase { Direction::Increase } else { Direction::Reduce };
			terms.dead_band = covering(terms.direction, percent);
			terms.baseline = Baseline::LikeDays {
				method: if five { Method::FiveOfTen } else { Method::TenOfTen },
				adjustment: sp_runtime::Permill::from_percent(percent),
			};
			let programme = open(terms, BUDGET);
			let meter = add_meter(0);
			world(|world| world.usual.insert(meter, usual));
			let resource = enrol(programme, meter);
			live_until(at(11, notice));
			let event = announce(programme, at(11, notice + ahead), periods);
			let record = settle(event);
			prop_assert_eq!(record.paid, 0);
			let report = report(event, resource).unwrap();
			prop_assert_eq!(report.tally.counted, 1);
			prop_assert_eq!(report.tally.baseline, report.tally.measured);
			Ok(())
		})?;
	}

	/// Who does the usual in the event earns nothing, alone or in a group, whatever it did before notice.
	#[test]
	fn moving_the_window_should_earn_nothing(
		usual in proptest::collection::vec(proptest::collection::vec(-5_000i64..5_000, DAY as usize), 3),
		window in proptest::collection::vec(proptest::option::of(-20_000i64..20_000), 3 * 6),
		(notice, periods) in (1u32..6, 1u32..3),
		percent in 0u32..=20,
		increase in any::<bool>(),
	) {
		run(|| {
			let mut terms = terms();
			terms.direction = if increase { Direction::Increase } else { Direction::Reduce };
			terms.dead_band = covering(terms.direction, percent);
			terms.baseline = Baseline::LikeDays {
				method: Method::TenOfTen,
				adjustment: sp_runtime::Permill::from_percent(percent),
			};
			let programme = open(terms, BUDGET);
			let meters: Vec<_> = (0..3).map(add_meter).collect();
			for (meter, usual) in meters.iter().zip(usual) {
				world(|world| world.usual.insert(*meter, usual));
			}
			let group = group(programme, 50, &meters[..2]);
			let alone = enrol(programme, meters[2]);
			live_until(at(THIRD_MONDAY, 0));
			for (meter, window) in meters.iter().zip(window.chunks(6)) {
				for (place, net) in (0..notice).zip(window) {
					took(*meter, at(THIRD_MONDAY, place), *net);
				}
			}
			live_until(at(THIRD_MONDAY, notice));
			let event = announce(programme, at(THIRD_MONDAY, notice + 1), periods);
			settle(event);
			for resource in [group, alone] {
				let report = report(event, resource).unwrap();
				prop_assert_eq!(report.tally.unmeasured, 0);
				prop_assert_eq!(report.paid, 0, "{:?}", report);
			}
			Ok(())
		})?;
	}
}

/// A dead band that covers an adjustment.
fn covering(direction: Direction, percent: u32) -> sp_runtime::Permill {
	match direction {
		Direction::Reduce => sp_runtime::Permill::from_percent(percent),
		// 20 % of 80 % are 25 %.
		Direction::Increase => sp_runtime::Permill::from_percent(percent * 5 / 4 + 1),
	}
}
