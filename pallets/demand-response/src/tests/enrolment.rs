//! Meters enrol, leave, and are freed.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{
	meter::{MeterKind, MeterState},
	traits::MeterCommitments,
	MeterId, ProgrammeId,
};

use crate::{
	mock::*,
	types::{Action, Response, MAX_ENROLMENTS},
	CommandPages, Communities, DayPages, Error, HoldReason, Members, Resources, Watches,
};

#[test]
fn enrolling_should_hold_deposits_that_leaving_releases() {
	run(|| {
		let (first, second) = (open(terms(), BUDGET), open(terms(), BUDGET));
		let meter = add_meter(0);
		let held = || held(HoldReason::Enrolment, owner(0));
		enrol(first, meter);
		assert_eq!(held(), HISTORY_DEPOSIT + ENROLMENT_DEPOSIT);
		enrol(second, meter);
		assert_eq!(held(), HISTORY_DEPOSIT + 2 * ENROLMENT_DEPOSIT);
		assert!(DemandResponse::has_commitments(meter));
		live_until(at(MONDAY + 2, 0));
		assert_ok!(DemandResponse::send_command(
			RuntimeOrigin::signed(OPERATOR),
			first,
			meter,
			Action::Charge,
			0,
			u64::from(u32::MAX).min(world(|world| world.now) + 60)
		));
		assert!(DayPages::<Test>::iter().count() >= 2);
		let leave =
			|programme| DemandResponse::leave(RuntimeOrigin::signed(owner(0)), programme, meter);
		assert_ok!(leave(first));
		assert_noop!(leave(first), Error::<Test>::NotEnrolled);
		assert_eq!(held(), HISTORY_DEPOSIT + ENROLMENT_DEPOSIT);
		assert!(DayPages::<Test>::iter().count() >= 2);
		assert_ok!(leave(second));
		assert_eq!(held(), 0);
		assert!(!DemandResponse::has_commitments(meter));
		assert_eq!(DayPages::<Test>::iter().count(), 0);
		assert_eq!(CommandPages::<Test>::iter().count(), 0);
		assert_eq!(Members::<Test>::iter().count(), 0);
		assert_eq!(Resources::<Test>::iter().count(), 0);
		assert_eq!(Watches::<Test>::iter().count(), 0);
		assert_eq!(Communities::<Test>::count(), 0);
	});
}

#[test]
fn only_meters_that_measure_members_should_enrol() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meter = add_meter(0);
		let enrol = |who, programme, meter| {
			DemandResponse::enrol(RuntimeOrigin::signed(who), programme, meter)
		};
		let errors = [
			(
				enrol(1, ProgrammeId(7), meter),
				Error::<Test>::UnknownProgramme,
			),
			(enrol(1, programme, MeterId(9)), Error::<Test>::UnknownMeter),
			(enrol(2, programme, meter), Error::<Test>::NotMeterOwner),
			(
				enrol(OPERATOR, programme, FEEDER),
				Error::<Test>::UnknownMeter,
			),
			(
				enrol(owner(96), programme, add_meter(96)),
				Error::<Test>::OtherMicrogrid,
			),
		];
		for (found, expected) in errors {
			assert_eq!(found, Err(expected.into()));
		}
		for state in [MeterState::Registered, MeterState::Retired] {
			world(|world| world.meters.get_mut(&meter).unwrap().state = state);
			assert_noop!(enrol(1, programme, meter), Error::<Test>::UnknownMeter);
		}
		let poor = add_meter_of(5, 999, MeterKind::Consumer);
		assert_noop!(enrol(999, programme, poor), Error::<Test>::CannotHold);
	});
}

#[test]
fn a_meter_should_take_part_in_a_few_programmes_at_most() {
	run(|| {
		let meter = add_meter(0);
		for _ in 0..MAX_ENROLMENTS {
			enrol(open(terms(), BUDGET), meter);
		}
		let more = open(terms(), BUDGET);
		assert_noop!(
			DemandResponse::enrol(RuntimeOrigin::signed(owner(0)), more, meter),
			Error::<Test>::TooManyEnrolments
		);
		assert_eq!(
			DemandResponse::api_enrolments(meter).len(),
			MAX_ENROLMENTS as usize
		);
	});
}

#[test]
fn leaving_should_take_back_what_was_answered() {
	run(|| {
		let village = village(terms(), 2);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		let resource = village.resources[0];
		assert_ok!(DemandResponse::respond(
			RuntimeOrigin::signed(owner(0)),
			event,
			resource,
			Response::OptOut
		));
		assert_ok!(DemandResponse::leave(
			RuntimeOrigin::signed(owner(0)),
			village.programme,
			village.meters[0]
		));
		assert_eq!(DemandResponse::api_answer(event, resource), None);
		settle(event);
		// It may come again, without its history.
		let again = enrol(village.programme, village.meters[0]);
		assert_ne!(again, resource);
		let load = |meter, count| {
			DemandResponse::expected_load(village.programme, meter, at(21, 0), count)
		};
		assert_eq!(load(village.meters[0], 2), [None, None]);
		assert_eq!(load(village.meters[1], 2), [Some(1_000), Some(1_000)]);
	});
}

#[test]
fn strangers_should_not_take_others_out() {
	run(|| {
		let village = village(terms(), 1);
		let leave = |who| {
			DemandResponse::leave(
				RuntimeOrigin::signed(who),
				village.programme,
				village.meters[0],
			)
		};
		assert_noop!(leave(50), Error::<Test>::NotAllowed);
		assert_noop!(leave(OPERATORS[1]), Error::<Test>::NotAllowed);
		assert_ok!(leave(OPERATOR));
	});
}
