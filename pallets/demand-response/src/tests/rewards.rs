//! Budgets, pro rata, commitments and their penalties.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{EventId, Price, ResourceId, WattHours};
use sp_runtime::DispatchResult;

use crate::{
	mock::*,
	types::{Prices, ProgrammeTerms, Response},
	Error, Event, HoldReason,
};

fn respond(meter: u32, event: EventId, resource: ResourceId, response: Response) -> DispatchResult {
	DemandResponse::respond(
		RuntimeOrigin::signed(owner(meter)),
		event,
		resource,
		response,
	)
}

fn commit(meter: u32, event: EventId, resource: ResourceId, energy: u64) {
	assert_ok!(respond(
		meter,
		event,
		resource,
		Response::Commit(WattHours(energy))
	));
}

fn no_bonus() -> ProgrammeTerms {
	ProgrammeTerms {
		prices: Prices {
			bonus: Price(0),
			..terms().prices
		},
		..terms()
	}
}

#[test]
fn a_short_budget_should_be_shared_pro_rata() {
	run(|| {
		let village = village(no_bonus(), 3);
		let free = || DemandResponse::programme(village.programme).unwrap().free;
		let before = free();
		// A target of 1 kWh, of which twice as much is delivered.
		let event = announce_for(village.programme, at(THIRD_MONDAY, 4), 1, 1_000);
		assert_eq!(before - free(), reward(1_000));
		for (meter, net) in village.meters.iter().zip([0, 334, 667]) {
			took(*meter, at(THIRD_MONDAY, 4), net);
		}
		let record = settle(event);
		assert_eq!(record.claims, reward(1_999));
		let shares =
			[1_000u128, 666, 333].map(|energy| reward(1_000) * reward(energy) / reward(1_999));
		for (resource, share) in village.resources.iter().zip(shares) {
			assert_eq!(paid(event, *resource), share);
		}
		assert_eq!(record.paid, shares.iter().sum::<u128>());
		assert!(record.paid <= record.budget);
		// Rounding leaves less than a planck for each.
		assert!(record.budget - record.paid < 3);
		assert_eq!(before - free(), record.paid);
	});
}

#[test]
fn what_is_not_claimed_should_go_back_to_the_budget() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		took(village.meters[0], at(THIRD_MONDAY, 4), 900);
		settle(event);
		let programme = DemandResponse::programme(village.programme).unwrap();
		assert_eq!(programme.free, BUDGET - reward(100));
		assert_eq!(held(HoldReason::Budget, OPERATOR), BUDGET - reward(100));
	});
}

#[test]
fn events_should_not_share_what_is_set_aside() {
	run(|| {
		let village = village(no_bonus(), 1);
		let withdraw = |amount| {
			DemandResponse::withdraw_budget(
				RuntimeOrigin::signed(OPERATOR),
				village.programme,
				amount,
			)
		};
		assert_ok!(withdraw(BUDGET - reward(1_500)));
		let first = announce_for(village.programme, at(THIRD_MONDAY, 4), 1, 1_000);
		let second = announce_for(village.programme, at(THIRD_MONDAY, 6), 1, 1_000);
		assert_eq!(DemandResponse::event(first).unwrap().budget, reward(1_000));
		assert_eq!(DemandResponse::event(second).unwrap().budget, reward(500));
		assert_noop!(withdraw(1), Error::<Test>::BudgetNotFree);
		assert_noop!(
			DemandResponse::announce_event(
				RuntimeOrigin::signed(OPERATOR),
				village.programme,
				at(THIRD_MONDAY, 7),
				1,
				WattHours(1)
			),
			Error::<Test>::BudgetExhausted
		);
		for place in [4, 6] {
			took(village.meters[0], at(THIRD_MONDAY, place), 0);
		}
		settle(second);
		assert_eq!(paid(first, village.resources[0]), reward(1_000));
		assert_eq!(paid(second, village.resources[0]), reward(500));
	});
}

#[test]
fn a_commitment_that_is_kept_should_earn_its_bonus() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		commit(0, event, village.resources[0], 600);
		assert_eq!(
			held(HoldReason::Commitment, owner(0)),
			600 * 100_000 * 1_000
		);
		took(village.meters[0], at(THIRD_MONDAY, 4), 0);
		settle(event);
		assert_eq!(
			paid(event, village.resources[0]),
			reward(1_000) + 600 * 50_000 * 1_000
		);
		assert_eq!(held(HoldReason::Commitment, owner(0)), 0);
	});
}

#[test]
fn a_commitment_that_is_missed_should_cost_its_penalty() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		commit(0, event, village.resources[0], 600);
		took(village.meters[0], at(THIRD_MONDAY, 4), 800);
		let before = (
			Balances::free_balance(owner(0)) + held(HoldReason::Commitment, owner(0)),
			Balances::free_balance(OPERATOR),
			Balances::free_balance(FUNDS),
		);
		events();
		settle(event);
		// 400 of 600 were missed.
		let penalty = 400 * 100_000 * 1_000;
		let earned = reward(200) + 200 * 50_000 * 1_000;
		assert_eq!(
			Balances::free_balance(owner(0)),
			before.0 + earned - penalty
		);
		// Who announces the event gains nothing by it.
		assert_eq!(Balances::free_balance(OPERATOR), before.1);
		assert_eq!(Balances::free_balance(FUNDS), before.2 + penalty);
		assert_eq!(world(|world| world.fund), penalty);
		let report = report(event, village.resources[0]).unwrap();
		assert_eq!(
			(report.committed, report.penalty),
			(WattHours(600), penalty)
		);
		assert!(events().contains(&Event::PenaltyTaken {
			event,
			resource: village.resources[0],
			who: owner(0),
			amount: penalty,
		}));
	});
}

#[test]
fn silence_should_not_escape_the_penalty() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		commit(0, event, village.resources[0], 600);
		took(village.meters[0], at(THIRD_MONDAY, 4), None);
		settle(event);
		let report = report(event, village.resources[0]).unwrap();
		assert_eq!((report.paid, report.penalty), (0, 600 * 100_000 * 1_000));
	});
}

#[test]
fn a_commitment_should_shrink_with_an_event_that_ends_early() {
	run(|| {
		let village = village(terms(), 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 2), 4);
		commit(0, event, village.resources[0], 2_000);
		for place in 2..4 {
			took(village.meters[0], at(THIRD_MONDAY, place), 500);
		}
		live_until(at(THIRD_MONDAY, 3));
		assert_ok!(DemandResponse::end_event(
			RuntimeOrigin::signed(OPERATOR),
			event
		));
		settle(event);
		let report = report(event, village.resources[0]).unwrap();
		// Two of four periods: 1 000 of 2 000, and that much was delivered.
		assert_eq!(
			(report.committed, report.delivered),
			(WattHours(1_000), WattHours(1_000))
		);
		assert_eq!(report.penalty, 0);
		assert_eq!(held(HoldReason::Commitment, owner(0)), 0);
	});
}

#[test]
fn the_last_answer_should_count() {
	run(|| {
		let village = village(terms(), 1);
		let (event, resource) = (
			announce(village.programme, at(THIRD_MONDAY, 4), 1),
			village.resources[0],
		);
		let pledge = |energy: u128| energy * 100_000 * 1_000;
		commit(0, event, resource, 600);
		commit(0, event, resource, 400);
		assert_eq!(held(HoldReason::Commitment, owner(0)), pledge(400));
		assert_ok!(respond(0, event, resource, Response::OptOut));
		assert_eq!(held(HoldReason::Commitment, owner(0)), 0);
		commit(0, event, resource, 300);
		assert_ok!(respond(0, event, resource, Response::OptIn));
		assert_eq!(held(HoldReason::Commitment, owner(0)), 0);
		assert_eq!(DemandResponse::api_answer(event, resource), None);
	});
}

#[test]
fn commitments_should_be_refused_where_they_make_no_sense() {
	run(|| {
		let free = ProgrammeTerms {
			prices: Prices {
				penalty: Price(0),
				..terms().prices
			},
			..terms()
		};
		let village = village(free, 1);
		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		let some = Response::Commit(WattHours(1));
		let resource = village.resources[0];
		assert_noop!(
			respond(0, event, resource, some),
			Error::<Test>::NoCommitments
		);
		assert_noop!(
			respond(1, event, resource, some),
			Error::<Test>::NotResourceOwner
		);

		let programme = open(terms(), BUDGET);
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		let empty = group(programme, owner(0), &[]);
		assert_noop!(
			respond(0, event, empty, some),
			Error::<Test>::NothingToCommit
		);
		let resource = enrol(programme, village.meters[0]);
		let none = Response::Commit(WattHours(0));
		assert_noop!(
			respond(0, event, resource, none),
			Error::<Test>::TargetOutOfBounds
		);
		let all = Response::Commit(WattHours(1 << 40));
		assert_noop!(respond(0, event, resource, all), Error::<Test>::CannotHold);
		// It does not leave with its pledge.
		assert_ok!(respond(0, event, resource, some));
		assert_noop!(
			DemandResponse::leave(
				RuntimeOrigin::signed(owner(0)),
				programme,
				village.meters[0]
			),
			Error::<Test>::Committed
		);
	});
}

#[test]
fn an_operator_should_be_paid_for_a_meter_of_its_own() {
	run(|| {
		let programme = open(terms(), BUDGET);
		let meter = add_meter_of(
			3,
			OPERATOR,
			gridweave_primitives::meter::MeterKind::Prosumer,
		);
		let resource = enrol(programme, meter);
		live_until(at(THIRD_MONDAY, 0));
		let event = announce(programme, at(THIRD_MONDAY, 4), 1);
		assert_ok!(DemandResponse::respond(
			RuntimeOrigin::signed(OPERATOR),
			event,
			resource,
			Response::Commit(WattHours(2_000))
		));
		took(meter, at(THIRD_MONDAY, 4), 0);
		settle(event);
		assert_eq!(
			paid(event, resource),
			reward(1_000) + 1_000 * 50_000 * 1_000
		);
		assert_eq!(held(HoldReason::Commitment, OPERATOR), 0);
	});
}
