//! Groups: made, joined, measured as one.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use gridweave_primitives::{Be32, ProgrammeId, ResourceId, WattHours};

use crate::{
	mock::*,
	types::{Response, MAX_INVITED},
	Error, HoldReason, Resources,
};

const AGGREGATOR: AccountId = 50;

fn village_group() -> (ProgrammeId, ResourceId, Vec<gridweave_primitives::MeterId>) {
	let programme = open(terms(), BUDGET);
	let meters: Vec<_> = (0..3).map(add_meter).collect();
	let group = group(programme, AGGREGATOR, &meters);
	live_until(at(THIRD_MONDAY, 0));
	(programme, group, meters)
}

#[test]
fn a_group_should_be_netted_and_its_owner_paid() {
	run(|| {
		let (programme, group, meters) = village_group();
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		took(meters[0], at(THIRD_MONDAY, 4), 200);
		took(meters[1], at(THIRD_MONDAY, 4), 1_300);
		let before = Balances::free_balance(AGGREGATOR);
		settle(event);
		let report = report(event, group).unwrap();
		assert_eq!(report.delivered, WattHours(500));
		assert_eq!((report.tally.counted, report.tally.unmeasured), (3, 0));
		assert_eq!(Balances::free_balance(AGGREGATOR) - before, reward(500));
	});
}

#[test]
fn each_of_several_groups_should_be_measured_alone() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meters: Vec<_> = (0..5).map(add_meter).collect();
		let first = group(programme, AGGREGATOR, &meters[..2]);
		let single = enrol(programme, meters[2]);
		let second = group(programme, AGGREGATOR, &meters[3..]);
		live_until(at(THIRD_MONDAY, 0));
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		for (meter, net) in meters.iter().zip([900, 1_000, 800, 0, 1_200]) {
			took(*meter, at(THIRD_MONDAY, 4), net);
		}
		let record = settle(event);
		assert_eq!(paid(event, first), reward(100));
		assert_eq!(paid(event, single), reward(200));
		assert_eq!(paid(event, second), reward(800));
		assert_eq!(record.paid, reward(1_100));
	});
}

#[test]
fn joining_should_need_an_invitation() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meter = add_meter(0);
		let group = group(programme, AGGREGATOR, &[]);
		let join =
			|| DemandResponse::join_group(RuntimeOrigin::signed(owner(0)), programme, group, meter);
		assert_noop!(join(), Error::<Test>::NotInvited);
		let invite =
			|who| DemandResponse::invite(RuntimeOrigin::signed(who), programme, group, meter);
		assert_noop!(invite(owner(0)), Error::<Test>::NotResourceOwner);
		assert_ok!(invite(AGGREGATOR));
		assert_ok!(invite(AGGREGATOR));
		assert_ok!(join());
		assert_noop!(join(), Error::<Test>::NotInvited);
		let key = (Be32::from(programme), Be32::from(group));
		let record = Resources::<Test>::get(key).unwrap();
		assert_eq!((record.members, record.invited.len()), (1, 0));
	});
}

#[test]
fn invitations_should_be_taken_back_by_who_gave_them_until_they_are_followed() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meter = add_meter(0);
		let group = group(programme, AGGREGATOR, &[]);
		let by = RuntimeOrigin::signed;
		let withdraw = |who| DemandResponse::withdraw_invitation(by(who), programme, group, meter);
		assert_noop!(withdraw(AGGREGATOR), Error::<Test>::NotInvited);
		let invite = || DemandResponse::invite(by(AGGREGATOR), programme, group, meter);
		let join = || DemandResponse::join_group(by(owner(0)), programme, group, meter);
		assert_ok!(invite());
		assert_noop!(withdraw(owner(0)), Error::<Test>::NotResourceOwner);
		assert_ok!(withdraw(AGGREGATOR));
		assert_noop!(join(), Error::<Test>::NotInvited);
		assert_ok!(invite());
		assert_ok!(join());
		assert_noop!(withdraw(AGGREGATOR), Error::<Test>::NotInvited);
	});
}

#[test]
fn invitations_should_be_bounded_and_only_to_groups() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meter = add_meter(90);
		let group = group(programme, AGGREGATOR, &[]);
		let invite = |meter: u32| {
			DemandResponse::invite(
				RuntimeOrigin::signed(AGGREGATOR),
				programme,
				group,
				gridweave_primitives::MeterId(meter),
			)
		};
		for meter in 0..MAX_INVITED {
			assert_ok!(invite(meter));
		}
		assert_noop!(invite(MAX_INVITED), Error::<Test>::TooManyInvited);
		let single = enrol(programme, meter);
		assert_noop!(
			DemandResponse::invite(RuntimeOrigin::signed(owner(90)), programme, single, meter),
			Error::<Test>::NotAGroup
		);
		assert_noop!(
			DemandResponse::join_group(RuntimeOrigin::signed(owner(90)), programme, single, meter),
			Error::<Test>::NotAGroup
		);
	});
}

#[test]
fn a_group_should_be_dissolved_only_when_it_is_empty() {
	run(|| {
		let (programme, group, meters) = village_group();
		let dissolve =
			|who| DemandResponse::dissolve_group(RuntimeOrigin::signed(who), programme, group);
		assert_noop!(dissolve(1), Error::<Test>::NotResourceOwner);
		assert_noop!(dissolve(AGGREGATOR), Error::<Test>::GroupNotEmpty);
		// Each of the three who may takes one out.
		let leave =
			|who, meter| DemandResponse::leave(RuntimeOrigin::signed(who), programme, meter);
		assert_noop!(leave(owner(1), meters[0]), Error::<Test>::NotAllowed);
		assert_ok!(leave(owner(0), meters[0]));
		assert_ok!(leave(AGGREGATOR, meters[1]));
		assert_ok!(leave(OPERATOR, meters[2]));
		assert_eq!(held(HoldReason::Enrolment, AGGREGATOR), GROUP_DEPOSIT);
		assert_ok!(dissolve(AGGREGATOR));
		assert_eq!(held(HoldReason::Enrolment, AGGREGATOR), 0);
		assert_eq!(Resources::<Test>::iter().count(), 0);
	});
}

#[test]
fn a_group_that_emptied_should_still_owe_what_it_committed() {
	run(|| {
		let (programme, group, meters) = village_group();
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		assert_ok!(DemandResponse::respond(
			RuntimeOrigin::signed(AGGREGATOR),
			event,
			group,
			Response::Commit(WattHours(1_000))
		));
		let pledge = held(HoldReason::Commitment, AGGREGATOR);
		assert_eq!(pledge, 1_000 * 100_000 * 1_000);
		for (at, meter) in meters.iter().enumerate() {
			let owner = owner(u32::try_from(at).unwrap());
			assert_ok!(DemandResponse::leave(
				RuntimeOrigin::signed(owner),
				programme,
				*meter
			));
		}
		assert_noop!(
			DemandResponse::dissolve_group(RuntimeOrigin::signed(AGGREGATOR), programme, group),
			Error::<Test>::Committed
		);
		let before = Balances::total_balance(&AGGREGATOR);
		settle(event);
		assert_eq!(before - Balances::total_balance(&AGGREGATOR), pledge);
		assert_eq!(held(HoldReason::Commitment, AGGREGATOR), 0);
	});
}

#[test]
fn an_operator_should_not_cause_a_penalty() {
	run(|| {
		let (programme, group, meters) = village_group();
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		let respond = |response| {
			let owner = RuntimeOrigin::signed(AGGREGATOR);
			DemandResponse::respond(owner, event, group, response)
		};
		let leave =
			|who, meter| DemandResponse::leave(RuntimeOrigin::signed(who), programme, meter);
		assert_ok!(respond(Response::Commit(WattHours(1_000))));
		assert_noop!(leave(OPERATOR, meters[0]), Error::<Test>::Committed);
		// Those whose risk it is may still decide.
		assert_ok!(leave(owner(0), meters[0]));
		assert_ok!(leave(AGGREGATOR, meters[1]));
		// Without a commitment there is no penalty.
		assert_ok!(respond(Response::OptIn));
		assert_ok!(leave(OPERATOR, meters[2]));
	});
}
