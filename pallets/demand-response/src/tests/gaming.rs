//! Attempts to earn without changing anything. Each test shows the honest case beside it, so that it is the attempt
//! that earns nothing and not the setting.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::MeterId;
use sp_runtime::Permill;

use crate::{
	baseline::Method,
	mock::*,
	types::{Baseline, Direction, Excluded, ProgrammeTerms},
	Error, Event,
};

fn adjusted() -> ProgrammeTerms {
	ProgrammeTerms {
		baseline: Baseline::LikeDays {
			method: Method::TenOfTen,
			adjustment: Permill::from_percent(20),
		},
		dead_band: Permill::from_percent(20),
		notice: 2,
		..terms()
	}
}

fn excluded(meter: MeterId) -> Vec<Excluded> {
	events()
		.into_iter()
		.filter_map(|event| match event {
			Event::MeterExcluded {
				meter: on, reason, ..
			} if on == meter => Some(reason),
			_ => None,
		})
		.collect()
}

#[test]
fn inflating_after_notice_should_earn_nothing() {
	run(|| {
		let village = village(adjusted(), 2);
		live_until(at(THIRD_MONDAY, 3));
		let event = announce(village.programme, at(THIRD_MONDAY, 6), 1);
		// Told of the event, the first takes three times the usual until it starts, then goes on as usual.
		for place in 3..6 {
			took(village.meters[0], at(THIRD_MONDAY, place), 3_000);
		}
		took(village.meters[1], at(THIRD_MONDAY, 6), 500);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), 0);
		assert_eq!(paid(event, village.resources[1]), reward(500));
	});
}

#[test]
fn inflating_the_window_every_day_should_earn_nothing() {
	run(|| {
		let programme = open(adjusted(), BUDGET);
		let meter = add_meter(0);
		let resource = enrol(programme, meter);
		// Who expects events at this time and so takes much before it, does so on the like days as well.
		for day in MONDAY..=THIRD_MONDAY {
			for place in 0..3 {
				took(meter, at(day, place), 5_000);
			}
		}
		live_until(at(THIRD_MONDAY, 3));
		let event = announce(programme, at(THIRD_MONDAY, 6), 1);
		settle(event);
		assert_eq!(report(event, resource).unwrap().tally.baseline, 1_000);
		assert_eq!(paid(event, resource), 0);
	});
}

#[test]
fn inflating_the_window_should_earn_nothing() {
	run(|| {
		let village = village(adjusted(), 2);
		// The first guesses right, and takes fifty times the usual before notice. The second needs a fifth more that
		// day, and gives up a quarter of it.
		for place in 0..3 {
			took(village.meters[0], at(THIRD_MONDAY, place), 50_000);
			took(village.meters[1], at(THIRD_MONDAY, place), 1_200);
		}
		live_until(at(THIRD_MONDAY, 3));
		let event = announce(village.programme, at(THIRD_MONDAY, 6), 1);
		took(village.meters[1], at(THIRD_MONDAY, 6), 900);
		settle(event);
		let inflated = report(event, village.resources[0]).unwrap();
		assert_eq!((inflated.tally.baseline, inflated.paid), (1_200, 0));
		assert_eq!(paid(event, village.resources[1]), reward(300));
	});
}

#[test]
fn inflating_the_windows_of_a_group_should_earn_nothing() {
	run(|| {
		let programme = open(adjusted(), BUDGET);
		// One of two feeds in what the other takes, all but a little: the group's baseline is next to nothing, and would
		// be doubled and more.
		let meters: Vec<_> = (0..2).map(add_meter).collect();
		world(|world| world.usual.insert(meters[1], vec![-900; DAY as usize]));
		let resource = group(programme, 50, &meters);
		live_until(at(THIRD_MONDAY, 0));
		for place in 0..3 {
			took(meters[0], at(THIRD_MONDAY, place), 5_000);
		}
		live_until(at(THIRD_MONDAY, 3));
		let event = announce(programme, at(THIRD_MONDAY, 6), 1);
		settle(event);
		let report = report(event, resource).unwrap();
		assert_eq!((report.tally.baseline, report.tally.measured), (300, 100));
		assert_eq!(report.paid, 0);
	});
}

#[test]
fn deflating_the_window_should_earn_nothing_where_an_increase_is_paid() {
	run(|| {
		let increase = ProgrammeTerms {
			direction: Direction::Increase,
			dead_band: Permill::from_percent(26),
			..adjusted()
		};
		let village = village(increase, 2);
		for place in 0..3 {
			took(village.meters[0], at(THIRD_MONDAY, place), 0);
		}
		live_until(at(THIRD_MONDAY, 3));
		let event = announce(village.programme, at(THIRD_MONDAY, 6), 1);
		took(village.meters[1], at(THIRD_MONDAY, 6), 1_500);
		settle(event);
		let deflated = report(event, village.resources[0]).unwrap();
		assert_eq!((deflated.tally.baseline, deflated.paid), (800, 0));
		assert_eq!(paid(event, village.resources[1]), reward(500));
	});
}

#[test]
fn terms_that_would_pay_for_moving_the_window_should_be_refused() {
	run(|| {
		let open = |terms| {
			DemandResponse::open_programme(RuntimeOrigin::signed(OPERATOR), HOME, terms, BUDGET)
		};
		for (direction, percent) in [(Direction::Reduce, 19), (Direction::Increase, 25)] {
			let terms = ProgrammeTerms {
				direction,
				dead_band: Permill::from_percent(percent),
				..adjusted()
			};
			assert_noop!(open(terms), Error::<Test>::AdjustmentTooLarge);
			let covered = ProgrammeTerms {
				dead_band: Permill::from_percent(percent + 1),
				..terms
			};
			assert_ok!(open(covered));
		}
	});
}

#[test]
fn silence_in_the_window_should_not_spare_the_adjustment() {
	run(|| {
		let village = village(adjusted(), 2);
		// Both are away that day and take little; the first hides it before notice.
		for place in 0..8 {
			took(village.meters[0], at(THIRD_MONDAY, place), 800);
			took(village.meters[1], at(THIRD_MONDAY, place), 800);
		}
		took(village.meters[0], at(THIRD_MONDAY, 1), None);
		live_until(at(THIRD_MONDAY, 3));
		let event = announce(village.programme, at(THIRD_MONDAY, 6), 1);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), 0);
		assert_eq!(paid(event, village.resources[1]), 0);
	});
}

#[test]
fn silence_on_low_days_should_not_raise_the_baseline() {
	run(|| {
		let least = ProgrammeTerms {
			least_days: 5,
			..terms()
		};
		let programme = open(least, BUDGET);
		let (meter, honest) = (add_meter(0), add_meter(1));
		let (resource, other) = (enrol(programme, meter), enrol(programme, honest));
		// It takes less on three days, and is silent then.
		for day in [6, 8, 12] {
			took(meter, at(day, 4), None);
			took(honest, at(day, 4), 0);
		}
		live_until(at(THIRD_MONDAY, 0));
		events();
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		took(meter, at(THIRD_MONDAY, 4), 0);
		took(honest, at(THIRD_MONDAY, 4), 0);
		settle(event);
		assert_eq!(paid(event, resource), 0);
		assert_eq!(excluded(meter), [Excluded::NoBaseline]);
		assert_eq!(paid(event, other), reward(700));
	});
}

#[test]
fn shifting_within_the_event_should_earn_nothing() {
	run(|| {
		let village = village(terms(), 2);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 3);
		took(village.meters[0], at(THIRD_MONDAY, 4), 0);
		took(village.meters[0], at(THIRD_MONDAY, 5), 2_000);
		took(village.meters[1], at(THIRD_MONDAY, 4), 0);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), 0);
		assert_eq!(paid(event, village.resources[1]), reward(1_000));
	});
}

#[test]
fn shifting_behind_the_event_should_earn_nothing() {
	run(|| {
		let rebound = ProgrammeTerms {
			rebound: 2,
			..terms()
		};
		let village = village(rebound, 2);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		took(village.meters[0], at(THIRD_MONDAY, 4), 0);
		took(village.meters[0], at(THIRD_MONDAY, 5), 2_000);
		took(village.meters[1], at(THIRD_MONDAY, 4), 0);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), 0);
		assert_eq!(paid(event, village.resources[1]), reward(1_000));
	});
}

#[test]
fn shifting_past_midnight_should_earn_nothing() {
	run(|| {
		let rebound = ProgrammeTerms {
			rebound: 2,
			..terms()
		};
		let village = village(rebound, 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 6), 2);
		took(village.meters[0], at(THIRD_MONDAY, 7), 0);
		took(village.meters[0], at(THIRD_MONDAY + 1, 1), 2_000);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), 0);
	});
}

#[test]
fn enrolling_a_meter_twice_should_be_refused() {
	run(|| {
		let village = village(terms(), 1);
		let meter = village.meters[0];
		let origin = || RuntimeOrigin::signed(owner(0));
		assert_noop!(
			DemandResponse::enrol(origin(), village.programme, meter),
			Error::<Test>::AlreadyEnrolled
		);
		let group = group(village.programme, 50, &[]);
		assert_ok!(DemandResponse::invite(
			RuntimeOrigin::signed(50),
			village.programme,
			group,
			meter
		));
		assert_noop!(
			DemandResponse::join_group(origin(), village.programme, group, meter),
			Error::<Test>::AlreadyEnrolled
		);
	});
}

#[test]
fn a_kilowatt_hour_should_be_paid_in_one_programme_only() {
	run(|| {
		let first = village(terms(), 1);
		let meter = first.meters[0];
		let second = open(terms(), BUDGET);
		let other = enrol(second, meter);
		let a = announce(first.programme, at(THIRD_MONDAY, 3), 2);
		let b = announce(second, at(THIRD_MONDAY, 4), 2);
		for place in 3..6 {
			took(meter, at(THIRD_MONDAY, place), 0);
		}
		settle(b);
		assert_eq!(paid(a, first.resources[0]), reward(2_000));
		assert_eq!(paid(b, other), 0);
		assert_eq!(excluded(meter), [Excluded::CountedElsewhere]);
	});
}

#[test]
fn energy_that_counts_nowhere_else_should_be_paid() {
	run(|| {
		// The first programme wants ten like days, of which there are five.
		let first = open(terms(), BUDGET);
		let second = open(
			ProgrammeTerms {
				least_days: 5,
				..terms()
			},
			BUDGET,
		);
		let meter = add_meter(0);
		let (one, other) = (enrol(first, meter), enrol(second, meter));
		live_until(at(11, 0));
		events();
		let a = announce(first, at(11, 4), 1);
		let b = announce(second, at(11, 4), 1);
		took(meter, at(11, 4), 0);
		settle(b);
		assert_eq!(paid(a, one), 0);
		assert_eq!(excluded(meter), [Excluded::NoBaseline]);
		assert_eq!(paid(b, other), reward(1_000));
	});
}

#[test]
fn programmes_that_pull_both_ways_should_not_pay_the_same_energy() {
	run(|| {
		let first = village(terms(), 1);
		let meter = first.meters[0];
		let second = open(
			ProgrammeTerms {
				direction: Direction::Increase,
				..terms()
			},
			BUDGET,
		);
		let other = enrol(second, meter);
		let a = announce(first.programme, at(THIRD_MONDAY, 4), 2);
		let b = announce(second, at(THIRD_MONDAY, 5), 1);
		took(meter, at(THIRD_MONDAY, 4), 0);
		took(meter, at(THIRD_MONDAY, 5), 2_000);
		settle(a);
		// The one that ends first in the order of announcement has it, and the shift earns nothing there.
		assert_eq!(paid(a, first.resources[0]), 0);
		assert_eq!(paid(b, other), 0);
	});
}

#[test]
fn programmes_one_after_the_other_should_both_pay() {
	run(|| {
		let first = village(terms(), 1);
		let meter = first.meters[0];
		let second = open(terms(), BUDGET);
		let other = enrol(second, meter);
		let a = announce(first.programme, at(THIRD_MONDAY, 3), 1);
		let b = announce(second, at(THIRD_MONDAY, 4), 1);
		took(meter, at(THIRD_MONDAY, 3), 0);
		took(meter, at(THIRD_MONDAY, 4), 0);
		settle(b);
		assert_eq!(paid(a, first.resources[0]), reward(1_000));
		assert_eq!(paid(b, other), reward(1_000));
	});
}

#[test]
fn estimates_should_earn_nothing() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 2);
		// Estimated as nothing, which would be a perfect reduction.
		took(village.meters[0], at(THIRD_MONDAY, 4), None);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), 0);
		assert_eq!(excluded(village.meters[0]), [Excluded::Unmeasured]);
	});
}

#[test]
fn silence_in_the_rebound_should_earn_nothing() {
	run(|| {
		let rebound = ProgrammeTerms {
			rebound: 2,
			..terms()
		};
		let village = village(rebound, 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		took(village.meters[0], at(THIRD_MONDAY, 4), 0);
		took(village.meters[0], at(THIRD_MONDAY, 6), None);
		settle(event);
		assert_eq!(paid(event, village.resources[0]), 0);
	});
}

#[test]
fn who_is_under_quarantine_should_earn_nothing() {
	run(|| {
		let village = village(terms(), 2);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		for meter in &village.meters {
			took(*meter, at(THIRD_MONDAY, 4), 0);
		}
		world(|world| world.quarantined.insert(village.meters[0]));
		settle(event);
		assert_eq!(paid(event, village.resources[0]), 0);
		assert_eq!(paid(event, village.resources[1]), reward(1_000));
		assert_eq!(excluded(village.meters[0]), [Excluded::Quarantined]);
	});
}

#[test]
fn silencing_the_member_that_took_the_load_should_not_pay_a_group() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let (meters, own): (Vec<_>, Vec<_>) = (
			(0..2).map(add_meter).collect(),
			(2..4).map(add_meter).collect(),
		);
		let shifty = group(programme, 50, &meters);
		let honest = group(programme, 51, &own);
		live_until(at(THIRD_MONDAY, 0));
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		// Both groups' first member reduces by what the second takes more; the one group's second is silent then.
		took(meters[0], at(THIRD_MONDAY, 4), 0);
		took(meters[1], at(THIRD_MONDAY, 4), None);
		took(own[0], at(THIRD_MONDAY, 4), 0);
		took(own[1], at(THIRD_MONDAY, 4), 1_400);
		settle(event);
		assert_eq!(paid(event, shifty), 0);
		assert_eq!(paid(event, honest), reward(600));
	});
}

#[test]
fn nobody_should_leave_or_opt_out_when_it_went_badly() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		let leave = || {
			DemandResponse::leave(
				RuntimeOrigin::signed(owner(0)),
				village.programme,
				village.meters[0],
			)
		};
		let opt_out = || {
			DemandResponse::respond(
				RuntimeOrigin::signed(owner(0)),
				event,
				village.resources[0],
				crate::types::Response::OptOut,
			)
		};
		live_until(at(THIRD_MONDAY, 4));
		for _ in 4..7 {
			assert_noop!(leave(), Error::<Test>::EventUnderWay);
			assert_noop!(opt_out(), Error::<Test>::EventStarted);
			live_until(
				at(THIRD_MONDAY, 0).saturating_add(crate::mock::World::place().saturating_add(1)),
			);
		}
		settle(event);
		assert_ok!(leave());
	});
}

#[test]
fn who_comes_when_the_event_has_started_should_earn_nothing() {
	run(|| {
		let first = village(terms(), 1);
		let meter = first.meters[0];
		let second = open(terms(), BUDGET);
		let event = announce(second, at(THIRD_MONDAY, 4), 1);
		took(meter, at(THIRD_MONDAY, 4), 0);
		live_until(at(THIRD_MONDAY, 5));
		// It has a history, and knows that it took nothing.
		let resource = enrol(second, meter);
		settle(event);
		assert_eq!(report(event, resource), None);
		assert_eq!(excluded(meter), [Excluded::CameLate]);
	});
}
