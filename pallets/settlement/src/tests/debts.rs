//! Arrears and claims, from their rise to their end.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{
	meter::Correction,
	microgrid::ResidualRule,
	traits::{Clearing, MeterCommitments, OnCorrection},
	Balance, Be32, MeterId, MicrogridId, Period,
};
use sp_runtime::Permill;

use crate::{mock::*, types::Creditor, ClaimQueues, Error, Event, Indebted};

const G: u128 = 1_000_000_000;
const OPERATOR: AccountId = OPERATORS[0];

fn top_up(who: AccountId, amount: Balance) {
	assert_ok!(Settlement::top_up(RuntimeOrigin::signed(who), amount));
}

fn withdraw(who: AccountId, amount: Balance) -> sp_runtime::DispatchResult {
	Settlement::withdraw(RuntimeOrigin::signed(who), amount)
}

fn pay(who: AccountId, amount: Balance) -> sp_runtime::DispatchResult {
	Settlement::pay_arrears(RuntimeOrigin::signed(who), HOME, amount)
}

fn arrears(who: AccountId) -> Balance {
	Settlement::account(&who).arrears
}

fn claims(who: AccountId) -> Balance {
	Settlement::account(&who).claims
}

/// Meter `id` of account `who` takes 100 Wh (30 × 10⁹ planck) in a period.
fn takes(period: Period, id: u32, who: AccountId) {
	add_meter(id, who);
	metered(period, id, 100, 0);
}

/// Meter `id` of account `who` feeds in 100 Wh (8 × 10⁹ planck) in a period.
fn feeds(period: Period, id: u32, who: AccountId) {
	add_meter(id, who);
	metered(period, id, 0, 100);
}

#[test]
fn unpaid_bill_should_become_arrears_that_block_bids_until_paid() {
	run(|| {
		top_up(1, 10 * G);
		takes(PERIOD, 0, 1);
		settle(PERIOD);
		assert_eq!(
			(balance(1), arrears(1), balance(OPERATOR)),
			(0, 20 * G, 10 * G)
		);
		assert!(!Settlement::member(&1).is_open());
		assert!(events().contains(&Event::ArrearsGrew {
			who: 1,
			microgrid: HOME,
			amount: 20 * G,
			total: 20 * G
		}));
		assert_noop!(
			Settlement::may_buy(&1, MeterId(0)),
			Error::<Test>::ArrearsBlockBids
		);
		// Asks are locked for as ever.
		assert_ok!(Settlement::lock(&1, MeterId(0), G));
		Settlement::unlock(&1, MeterId(0), G);

		// As much as is owed stays.
		top_up(1, 24 * G);
		assert_noop!(withdraw(1, 5 * G + 1), Error::<Test>::OwesArrears);
		assert_ok!(withdraw(1, 5 * G));

		assert_noop!(pay(1, 0), Error::<Test>::ZeroAmount);
		assert_noop!(pay(2, 1), Error::<Test>::NoArrears);
		assert_ok!(pay(1, 3 * G));
		assert_eq!(
			(arrears(1), balance(1), balance(OPERATOR)),
			(17 * G, 17 * G, 13 * G)
		);
		// More than is owed is not taken.
		assert_ok!(pay(1, 100 * G));
		assert_eq!((arrears(1), balance(1), balance(OPERATOR)), (0, 0, 30 * G));
		assert_eq!(
			events().last(),
			Some(&Event::ArrearsPaid {
				who: 1,
				microgrid: HOME,
				amount: 17 * G,
				left: 0
			})
		);
		assert_ok!(Settlement::may_buy(&1, MeterId(0)));
		assert_noop!(pay(1, 1), Error::<Test>::NoArrears);
	});
}

#[test]
fn arrears_should_be_payable_from_account_and_ledger() {
	run(|| {
		takes(PERIOD, 0, 1);
		settle(PERIOD);
		top_up(1, 20 * G);
		assert_ok!(Settlement::lock(&1, MeterId(0), 15 * G));
		let own = Balances::free_balance(1);
		assert_ok!(pay(1, 30 * G));
		assert_eq!((balance(1), locked(1)), (15 * G, 15 * G));
		assert_eq!(Balances::free_balance(1), own - 25 * G);
		assert_eq!(balance(OPERATOR), 30 * G);
		Settlement::unlock(&1, MeterId(0), 15 * G);

		// An account without money pays nothing.
		takes(PERIOD.next(), 1, 999);
		settle(PERIOD.next());
		assert_noop!(pay(999, 1), Error::<Test>::InsufficientFunds);
	});
}

#[test]
fn proceeds_should_pay_arrears_first() {
	run(|| {
		takes(PERIOD, 0, 1);
		settle(PERIOD);
		assert_eq!(arrears(1), 30 * G);
		for n in 1..=4 {
			metered(PERIOD.saturating_add(n), 0, 0, 100);
			top_up(OPERATOR, 8 * G);
		}
		settle(PERIOD.saturating_add(3));
		// Three times 8 × 10⁹; the operator needs no money for that.
		assert_eq!(
			(arrears(1), balance(1), balance(OPERATOR)),
			(6 * G, 0, 32 * G)
		);
		settle(PERIOD.saturating_add(4));
		assert_eq!(
			(arrears(1), balance(1), balance(OPERATOR)),
			(0, 2 * G, 30 * G)
		);
	});
}

#[test]
fn proceeds_should_not_pay_arrears_of_another_community() {
	run(|| {
		takes(PERIOD, 0, 1);
		feeds(PERIOD, 128, 1);
		top_up(OPERATORS[1], 100 * G);
		settle(PERIOD);
		assert_eq!((arrears(1), balance(1)), (30 * G, 8 * G));
		assert_noop!(withdraw(1, 8 * G), Error::<Test>::OwesArrears);
	});
}

#[test]
fn operator_should_front_what_members_owe() {
	run(|| {
		takes(PERIOD, 0, 1);
		feeds(PERIOD, 1, 2);
		top_up(OPERATOR, 10 * G);
		settle(PERIOD);
		assert_eq!(
			(arrears(1), balance(2), balance(OPERATOR)),
			(30 * G, 8 * G, 2 * G)
		);
		assert_ok!(pay(1, 30 * G));
		assert_eq!(balance(OPERATOR), 32 * G);
	});
}

#[test]
fn members_money_should_pay_creditors_before_the_operators() {
	run(|| {
		top_up(1, 100 * G);
		takes(PERIOD, 0, 1);
		feeds(PERIOD, 1, 2);
		settle(PERIOD);
		assert_eq!(
			(balance(1), balance(2), balance(OPERATOR)),
			(70 * G, 8 * G, 22 * G)
		);
	});
}

#[test]
fn empty_operator_should_leave_claims_that_are_served_first_come_first_served() {
	run(|| {
		for (meter, who) in [(0, 1), (1, 2), (2, 3)] {
			feeds(PERIOD, meter, who);
		}
		top_up(OPERATOR, 10 * G);
		settle(PERIOD);
		// 8 for the first, 2 for the second, none for the third.
		assert_eq!((balance(1), balance(2), balance(3)), (8 * G, 2 * G, 0));
		assert_eq!(
			(claims(2), claims(3), Settlement::open_claims(HOME)),
			(6 * G, 8 * G, 14 * G)
		);
		assert!(events().contains(&Event::ClaimRecorded {
			microgrid: HOME,
			creditor: Creditor::Member(3),
			amount: 8 * G,
			total: 8 * G
		}));

		top_up(OPERATOR, 7 * G);
		assert_noop!(withdraw(OPERATOR, 1), Error::<Test>::OwesClaims);
		// Nor can it hide money from them in orders, of either side.
		assert_noop!(
			Settlement::lock(&OPERATOR, MeterId(0), 1),
			Error::<Test>::OwesClaims
		);
		assert_ok!(Settlement::lock(&OPERATOR, MeterId(0), 0));
		poll();
		assert_eq!((balance(2), balance(3), balance(OPERATOR)), (8 * G, G, 0));
		assert_eq!((claims(2), claims(3)), (0, 7 * G));
		assert!(events().contains(&Event::ClaimPaid {
			microgrid: HOME,
			creditor: Creditor::Member(2),
			amount: 6 * G,
			left: 0,
			set_off: false
		}));

		top_up(OPERATOR, 9 * G);
		poll();
		assert_eq!(
			(balance(3), claims(3), balance(OPERATOR)),
			(8 * G, 0, 2 * G)
		);
		assert!(!Indebted::<Test>::contains_key(OPERATOR));
		assert_eq!(ClaimQueues::<Test>::count(), 0);
		assert_ok!(Settlement::lock(&OPERATOR, MeterId(0), 1));
		Settlement::unlock(&OPERATOR, MeterId(0), 1);
		assert_ok!(withdraw(OPERATOR, 2 * G));
	});
}

#[test]
fn operator_of_two_communities_should_not_front_for_one_while_the_other_has_claims() {
	run(|| {
		world(|world| world.operators = vec![OPERATOR, OPERATOR]);
		feeds(PERIOD, 0, 1);
		settle(PERIOD);
		assert_eq!(claims(1), 8 * G);
		top_up(OPERATOR, 8 * G);
		// Before the block's round of claims the other community comes to owe as well.
		add_meter(128, 2);
		let correction = Correction {
			import: 0,
			export: 100,
		};
		Settlement::on_corrections(MeterId(128), &[(PERIOD, correction)]);
		assert_eq!(
			(balance(2), claims(2), balance(OPERATOR)),
			(0, 8 * G, 8 * G)
		);
		run_claims();
		assert_eq!((balance(1), claims(1), claims(2)), (8 * G, 0, 8 * G));
	});
}

#[test]
fn meter_of_a_debtor_should_stay_bound_until_its_arrears_are_paid() {
	run(|| {
		takes(PERIOD, 0, 1);
		add_meter(1, 1);
		add_meter(2, 2);
		add_meter(128, 1);
		let bound = |id| Settlement::has_commitments(MeterId(id));
		assert!(!bound(0));
		settle(PERIOD);
		// All its meters in this community, and no others.
		assert_eq!(
			[0, 1, 2, 128, 3].map(bound),
			[true, true, false, false, false]
		);
		assert_ok!(pay(1, 29 * G));
		assert!(bound(0));
		assert_ok!(pay(1, G));
		assert!(!bound(0) && !bound(1));
	});
}

#[test]
fn arrears_payments_should_serve_claims() {
	run(|| {
		takes(PERIOD, 0, 1);
		feeds(PERIOD, 1, 2);
		settle(PERIOD);
		assert_eq!((arrears(1), claims(2)), (30 * G, 8 * G));
		assert_ok!(pay(1, 30 * G));
		poll();
		assert_eq!(
			(claims(2), balance(2), balance(OPERATOR)),
			(0, 8 * G, 22 * G)
		);
	});
}

#[test]
fn later_bills_should_wait_for_older_claims() {
	run(|| {
		feeds(PERIOD, 0, 1);
		feeds(PERIOD.next(), 1, 2);
		settle(PERIOD);
		assert_eq!(claims(1), 8 * G);
		// Money that came too late for the block's round of claims does not overtake them.
		SettleWeight::set(Settlement::poll_weight());
		Settlement::poll(&mut frame_support::weights::WeightMeter::with_limit(
			Settlement::poll_weight(),
		));
		top_up(OPERATOR, 8 * G);
		freeze(PERIOD.next());
		let crate::schedule::Look::Settle(job) = Settlement::look(HOME) else {
			panic!("a period is due")
		};
		let mut job = *job;
		while let (crate::engine::Next::Step(next), _) = Settlement::step(job.clone()) {
			job = next;
		}
		Settlement::move_on(HOME, PERIOD.next());
		assert_eq!(
			(claims(1), claims(2), balance(OPERATOR)),
			(8 * G, 8 * G, 8 * G)
		);
		run_claims();
		assert_eq!((claims(1), claims(2), balance(1)), (0, 8 * G, 8 * G));
	});
}

fn run_claims() {
	Settlement::serve_claims(&mut frame_support::weights::WeightMeter::new());
}

#[test]
fn claims_of_one_creditor_should_share_one_place() {
	run(|| {
		for n in 0..3 {
			feeds(PERIOD.saturating_add(n), 0, 1);
			feeds(PERIOD.saturating_add(n), 1, 2);
			settle(PERIOD.saturating_add(n));
		}
		assert_eq!((claims(1), claims(2)), (24 * G, 24 * G));
		assert_eq!(crate::Claims::<Test>::iter().count(), 2);
		top_up(OPERATOR, 48 * G);
		poll();
		assert_eq!((balance(1), balance(2)), (24 * G, 24 * G));
	});
}

#[test]
fn claim_should_be_set_off_against_what_its_creditor_comes_to_owe() {
	run(|| {
		feeds(PERIOD, 0, 1);
		feeds(PERIOD, 1, 2);
		metered(PERIOD.next(), 0, 100, 0);
		settle(PERIOD);
		assert_eq!(claims(1), 8 * G);
		settle(PERIOD.next());
		assert_eq!((claims(1), arrears(1)), (0, 22 * G));
		assert!(events().contains(&Event::ClaimPaid {
			microgrid: HOME,
			creditor: Creditor::Member(1),
			amount: 8 * G,
			left: 0,
			set_off: true
		}));
		// The gap in the queue does not stop the second.
		top_up(OPERATOR, 8 * G);
		poll();
		assert_eq!((claims(2), balance(2)), (0, 8 * G));
	});
}

#[test]
fn fund_should_have_claims_as_well() {
	run(|| {
		let spread = Permill::from_percent(100);
		world(|world| world.residual = ResidualRule::Pool { spread });
		// All of the pool's gain is the fund's, but the one who takes cannot pay.
		takes(PERIOD, 0, 1);
		feeds(PERIOD, 1, 2);
		settle(PERIOD);
		let fund = Settlement::summary(HOME, PERIOD).expect("kept").fund;
		assert_eq!(fund, 22 * G);
		assert_eq!(Settlement::claim_of(HOME, &Creditor::Fund), fund);
		assert_ok!(pay(1, 30 * G));
		poll();
		assert_eq!((Settlement::fund(HOME), balance(2)), (fund, 8 * G));
		assert_eq!(balance(OPERATOR), 0);
	});
}

#[test]
fn new_operator_should_inherit_the_communitys_claims() {
	run(|| {
		feeds(PERIOD, 0, 1);
		feeds(PERIOD, 1, 50);
		settle(PERIOD);
		world(|world| world.operators[0] = 50);
		top_up(50, 100 * G);
		poll();
		// What the new operator had to get itself is settled by that.
		assert_eq!(
			(claims(1), claims(50), balance(1), balance(50)),
			(0, 0, 8 * G, 92 * G)
		);
		assert!(!Indebted::<Test>::contains_key(OPERATOR) && !Indebted::<Test>::contains_key(50));
	});
}

#[test]
fn arrears_with_a_community_that_is_gone_should_go_to_its_fund() {
	run(|| {
		takes(PERIOD, 128, 1);
		settle(PERIOD);
		world(|world| world.operators.truncate(1));
		let gone = MicrogridId(1);
		assert_ok!(Settlement::pay_arrears(
			RuntimeOrigin::signed(1),
			gone,
			30 * G
		));
		assert_eq!(Settlement::fund(gone), 30 * G);
		assert_eq!(Settlement::totals(MeterId(128)).periods, 1);
	});
}

#[test]
fn claims_of_many_communities_should_be_served_in_turn() {
	run(|| {
		for meter in [0, 1, 128, 129] {
			feeds(PERIOD, meter, u64::from(meter) + 1);
		}
		settle(PERIOD);
		assert_eq!(ClaimQueues::<Test>::count(), 2);
		top_up(OPERATORS[0], 16 * G);
		top_up(OPERATORS[1], 16 * G);
		// Half of the budget: two claims per block.
		let step = <() as crate::WeightInfo>::serve_claim();
		SettleWeight::set(Settlement::poll_weight().saturating_add(step.saturating_mul(4)));
		poll();
		assert_eq!(
			[0, 1].map(|id| Settlement::open_claims(MicrogridId(id))),
			[0, 16 * G]
		);
		poll();
		assert_eq!(
			[0, 1].map(|id| Settlement::open_claims(MicrogridId(id))),
			[0, 0]
		);
		assert_eq!(
			crate::Arrears::<Test>::iter_prefix(1).next(),
			None::<(Be32, Balance)>
		);
	});
}
