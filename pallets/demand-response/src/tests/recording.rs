//! Energy of enrolled meters is recorded, period by period.

use gridweave_primitives::{Be32, Period};

use crate::{
	history,
	mock::*,
	types::{KEPT_DAYS, UNMEASURED},
	Communities, DayPages,
};

fn nets(meter: gridweave_primitives::MeterId, day: u32) -> Option<Vec<i32>> {
	let mut days = history::Reader::<Test>::new();
	days.day(meter, day.into())
		.map(|day| day.net.clone().into_inner())
}

#[test]
fn settled_periods_should_be_recorded_from_enrolment_on() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meter = add_meter(0);
		live_until(at(MONDAY, 2));
		enrol(programme, meter);
		took(meter, at(MONDAY, 3), -700);
		took(meter, at(MONDAY, 4), None);
		// Beyond what is kept.
		took(meter, at(MONDAY, 5), i64::from(i32::MAX) + 1);
		live_until(at(MONDAY, 4));
		assert_eq!(nets(meter, MONDAY), None);
		live_until(at(MONDAY, 5));
		let [none, some] = [UNMEASURED, 1_000];
		assert_eq!(nets(meter, MONDAY), Some(vec![none, none, some]));
		live_until(at(MONDAY + 1, 2));
		assert_eq!(
			nets(meter, MONDAY),
			Some(vec![none, none, some, -700, none, none, some, some])
		);
	});
}

#[test]
fn days_should_be_kept_for_six_weeks() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meter = add_meter(0);
		enrol(programme, meter);
		live_until(at(MONDAY + KEPT_DAYS + 3, 0));
		assert_eq!(DayPages::<Test>::iter().count(), KEPT_DAYS as usize);
		assert_eq!(nets(meter, MONDAY), None);
		assert!(nets(meter, MONDAY + 3).is_some());
	});
}

#[test]
fn neighbours_should_share_a_day_and_leave_it_alone() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meters: Vec<_> = [3, 31, 0, 32].map(add_meter).to_vec();
		for (at, meter) in meters.iter().enumerate() {
			took(*meter, at_place(at), 100 + i64::try_from(at).unwrap());
			enrol(programme, *meter);
		}
		live_until(at(MONDAY + 1, 2));
		// Two pages, for 32 lies on the next.
		assert_eq!(DayPages::<Test>::iter().count(), 2);
		for (at, meter) in meters.iter().enumerate() {
			let mut expected = vec![1_000; 8];
			expected[at] = 100 + i32::try_from(at).unwrap();
			assert_eq!(nets(*meter, MONDAY), Some(expected));
		}
		let page = DayPages::<Test>::iter_values().find(|page| page.meters.len() == 3);
		let slots: Vec<_> = page.unwrap().meters.iter().map(|day| day.slot).collect();
		assert_eq!(slots, [0, 3, 31]);
		frame_support::assert_ok!(DemandResponse::leave(
			RuntimeOrigin::signed(owner(3)),
			programme,
			meters[0]
		));
		live_until(at(MONDAY + 2, 2));
		assert_eq!(nets(meters[0], MONDAY), None);
		assert_eq!(nets(meters[0], MONDAY + 1), None);
		assert_eq!(nets(meters[1], MONDAY + 1), Some(vec![1_000; 8]));
		// Whoever comes back begins anew.
		enrol(programme, meters[0]);
		live_until(at(MONDAY + 3, 2));
		assert_eq!(nets(meters[0], MONDAY + 1), None);
		let day = nets(meters[0], MONDAY + 2).unwrap();
		assert_eq!((day[0], day[7]), (1_000, 1_000));
	});
}

fn at_place(place: usize) -> Period {
	at(MONDAY, u32::try_from(place).unwrap())
}

#[test]
fn recording_should_wait_for_settlement_and_catch_up() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meter = add_meter(0);
		enrol(programme, meter);
		world(|world| world.stalled = Some(at(MONDAY, 1)));
		live_until(at(MONDAY + 1, 5));
		assert_eq!(nets(meter, MONDAY), Some(vec![1_000]));
		world(|world| world.stalled = None);
		poll();
		assert_eq!(nets(meter, MONDAY), Some(vec![1_000; 8]));
		assert_eq!(nets(meter, MONDAY + 1), Some(vec![1_000; 3]));
		let next = Communities::<Test>::get(Be32::from(HOME)).unwrap().next;
		assert_eq!(next, at(MONDAY + 1, 3));
	});
}

#[test]
fn communities_should_be_recorded_each_at_its_own_pace() {
	run(|| {
		let programme = open(terms(), BUDGET);
		enrol(programme, add_meter(0));
		let id = gridweave_primitives::ProgrammeId(crate::NextProgramme::<Test>::get());
		frame_support::assert_ok!(DemandResponse::open_programme(
			RuntimeOrigin::signed(OPERATORS[1]),
			gridweave_primitives::MicrogridId(1),
			terms(),
			BUDGET
		));
		live_until(at(MONDAY, 3));
		enrol(id, add_meter(96));
		live_until(at(MONDAY + 1, 0));
		let next = |microgrid: u32| {
			Communities::<Test>::get(Be32::from(microgrid))
				.unwrap()
				.next
		};
		let frozen: Period = at(MONDAY, 6);
		assert_eq!((next(0), next(1)), (frozen, frozen));
		assert_eq!(
			nets(gridweave_primitives::MeterId(96), MONDAY)
				.unwrap()
				.len(),
			6
		);
	});
}

#[test]
fn days_at_hand_should_be_those_of_the_meter_that_is_asked_for() {
	run(|| {
		let programme = open(terms(), BUDGET);
		// Two neighbours, and one of another page.
		let meters = [0, 1, 33].map(add_meter);
		for (meter, each) in meters.iter().zip([100, 200, 300]) {
			enrol(programme, *meter);
			world(|world| world.usual.insert(*meter, vec![each; DAY as usize]));
		}
		live_until(at(MONDAY + 2, 0));
		let whole = |day| history::Segment {
			day,
			from: 0,
			until: DAY,
		};
		let day = u64::from(MONDAY);
		let mut days = history::Reader::<Test>::new();
		for (meter, each) in [(0, 100), (1, 200), (2, 300), (0, 100), (2, 300)] {
			let meter = meters[meter];
			assert_eq!(
				days.measured(meter, &whole(day)),
				Some(each * i64::from(DAY))
			);
			assert_eq!(days.measured(meter, &whole(day - 1)), None);
		}
	});
}
