//! Trading balances, locks and funds.

use codec::Encode;
use frame_support::{
	assert_noop, assert_ok,
	traits::{fungible::Mutate, tokens::Preservation},
};
use gridweave_primitives::{
	traits::{Clearing, CommunityFunds},
	Be32, MeterId,
};
use sp_runtime::DispatchError;

use crate::{mock::*, types::Member, Error, Event, Funds, Ledger};

fn signed(who: AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

#[test]
fn top_up_should_open_and_grow_a_trading_balance() {
	run(|| {
		assert_ok!(Settlement::top_up(signed(1), MIN_TOP_UP));
		// An open one takes any amount.
		assert_ok!(Settlement::top_up(signed(1), 1));
		assert_eq!((balance(1), locked(1)), (MIN_TOP_UP + 1, 0));
		assert_eq!(Balances::free_balance(1), ENDOWMENT - MIN_TOP_UP - 1);
		assert_eq!(
			Balances::free_balance(Settlement::clearing_account()),
			MIN_TOP_UP + 1
		);
		assert_eq!(events()[1], Event::ToppedUp { who: 1, amount: 1 });
	});
}

#[test]
fn top_up_should_refuse_too_little_and_more_than_there_is() {
	run(|| {
		assert_noop!(Settlement::top_up(signed(1), 0), Error::<Test>::ZeroAmount);
		assert_noop!(
			Settlement::top_up(signed(1), MIN_TOP_UP - 1),
			Error::<Test>::BelowMinimumTopUp
		);
		// The account keeps its existential deposit.
		assert_noop!(
			Settlement::top_up(signed(1), ENDOWMENT - ED + 1),
			Error::<Test>::InsufficientFunds
		);
		assert_ok!(Settlement::top_up(signed(1), ENDOWMENT - ED));
	});
}

#[test]
fn withdraw_should_pay_out_what_is_free_and_free_an_empty_entry() {
	run(|| {
		assert_ok!(Settlement::top_up(signed(1), 1_000));
		assert_ok!(Settlement::lock(&1, MeterId(0), 400));
		assert_noop!(
			Settlement::withdraw(signed(1), 601),
			Error::<Test>::InsufficientFree
		);
		assert_noop!(
			Settlement::withdraw(signed(1), 0),
			Error::<Test>::ZeroAmount
		);
		assert_noop!(
			Settlement::withdraw(signed(2), 1),
			Error::<Test>::NotAMember
		);
		assert_ok!(Settlement::withdraw(signed(1), 600));
		Settlement::unlock(&1, MeterId(0), 400);
		assert_ok!(Settlement::withdraw(signed(1), 400));
		assert!(!Ledger::<Test>::contains_key(1));
		assert_eq!(Balances::free_balance(1), ENDOWMENT);
		assert_eq!(
			events().last(),
			Some(&Event::Withdrawn {
				who: 1,
				amount: 400
			})
		);
	});
}

#[test]
fn withdraw_should_keep_what_the_account_cannot_receive() {
	run(|| {
		assert_ok!(Settlement::top_up(signed(1), 1_000));
		// An account without money of its own, with a trading balance: proceeds.
		Ledger::<Test>::mutate(1, |member| member.balance -= 200);
		Ledger::<Test>::mutate(77, |member| member.balance += 200);
		assert_noop!(
			Settlement::withdraw(signed(77), ED - 1),
			Error::<Test>::CannotReceive
		);
		assert_ok!(Settlement::withdraw(signed(77), ED));
		assert_eq!(Balances::free_balance(77), ED);
	});
}

#[test]
fn clearing_house_should_never_be_left_with_dust() {
	run(|| {
		assert_ok!(Settlement::top_up(signed(1), MIN_TOP_UP));
		// A fund of less than the existential deposit is all that would stay.
		into_fund(1, ED - 1);
		assert_noop!(
			Settlement::withdraw(signed(1), MIN_TOP_UP - ED + 1),
			Error::<Test>::ReserveTooLow
		);
		assert_ok!(Settlement::spend_fund(
			RuntimeOrigin::root(),
			HOME,
			1,
			ED - 1
		));
		assert_ok!(Settlement::withdraw(signed(1), MIN_TOP_UP));
		assert_eq!(Balances::free_balance(Settlement::clearing_account()), 0);
	});
}

/// Makes part of a trading balance the community's.
fn into_fund(who: AccountId, amount: u128) {
	Ledger::<Test>::mutate(who, |member| member.balance -= amount);
	Funds::<Test>::mutate(Be32::from(HOME), |fund| *fund += amount);
}

#[test]
fn withdraw_should_leave_nothing_or_what_a_balance_opens_with() {
	run(|| {
		assert_ok!(Settlement::top_up(signed(1), 2 * MIN_TOP_UP));
		let dust = || Error::<Test>::RestTooSmall;
		assert_noop!(Settlement::withdraw(signed(1), MIN_TOP_UP + 1), dust());
		assert_noop!(Settlement::withdraw(signed(1), 2 * MIN_TOP_UP - 1), dust());
		assert_ok!(Settlement::withdraw(signed(1), MIN_TOP_UP));
		// What is locked counts.
		assert_ok!(Settlement::lock(&1, MeterId(0), MIN_TOP_UP - ED));
		assert_noop!(Settlement::withdraw(signed(1), ED), dust());
		assert_ok!(Settlement::lock(&1, MeterId(0), 2 * ED));
		assert_ok!(Settlement::top_up(signed(1), ED));
		assert_ok!(Settlement::withdraw(signed(1), ED));
		Settlement::unlock(&1, MeterId(0), MIN_TOP_UP + ED);
		assert_ok!(Settlement::withdraw(signed(1), MIN_TOP_UP + ED));
		assert!(!Ledger::<Test>::contains_key(1));
	});
}

#[test]
fn money_sent_to_the_clearing_house_directly_should_be_nobodys() {
	run(|| {
		let house = Settlement::clearing_account();
		assert_ok!(Balances::transfer_keep_alive(signed(1), house, ED));
		assert_eq!(Settlement::stray(), Some(ED));
		assert_ok!(Settlement::do_try_state());
		// With that endowment everything can be paid out.
		assert_ok!(Settlement::top_up(signed(2), MIN_TOP_UP));
		into_fund(2, 1);
		assert_ok!(Settlement::withdraw(signed(2), MIN_TOP_UP - 1));
		assert_ok!(Settlement::spend_fund(RuntimeOrigin::root(), HOME, 2, 1));
		assert_ok!(Settlement::withdraw(signed(2), 1));
		assert_ok!(<Balances as Mutate<_>>::transfer(
			&house,
			&1,
			ED,
			frame_support::traits::tokens::Preservation::Expendable
		));
	});
}

#[test]
fn lock_should_top_up_what_is_missing_only() {
	run(|| {
		assert_ok!(Settlement::lock(&1, MeterId(0), 0));
		assert!(!Ledger::<Test>::contains_key(1));
		// Opening takes the minimum, of which the rest stays free.
		assert_ok!(Settlement::lock(&1, MeterId(0), 30));
		assert_eq!((balance(1), locked(1)), (MIN_TOP_UP, 30));
		assert_ok!(Settlement::lock(&1, MeterId(0), 70));
		assert_eq!((balance(1), locked(1)), (MIN_TOP_UP, 100));
		assert_ok!(Settlement::lock(&1, MeterId(0), 5));
		assert_eq!((balance(1), locked(1)), (MIN_TOP_UP + 5, 105));
		Settlement::unlock(&1, MeterId(0), 105);
		assert_eq!((balance(1), locked(1)), (MIN_TOP_UP + 5, 0));
		assert_eq!(Balances::free_balance(1), ENDOWMENT - MIN_TOP_UP - 5);
	});
}

#[test]
fn lock_should_change_nothing_when_the_account_cannot_pay() {
	run(|| {
		assert_ok!(Settlement::lock(&1, MeterId(0), 200));
		assert_noop!(
			Settlement::lock(&1, MeterId(0), ENDOWMENT),
			Error::<Test>::InsufficientFunds
		);
		assert_noop!(
			Settlement::lock(&1, MeterId(0), u128::MAX),
			Error::<Test>::Overflow
		);
		assert_noop!(
			Settlement::lock(&999, MeterId(0), 1),
			Error::<Test>::InsufficientFunds
		);
		assert_eq!(locked(1), 200);
	});
}

#[test]
fn fund_should_be_spent_by_governance_only() {
	run(|| {
		assert_ok!(Settlement::top_up(signed(1), 1_000));
		Ledger::<Test>::mutate(1, |member| member.balance -= 300);
		Funds::<Test>::insert(Be32::from(HOME), 300);
		assert_noop!(
			Settlement::spend_fund(signed(100), HOME, 2, 1),
			DispatchError::BadOrigin
		);
		let root = RuntimeOrigin::root;
		assert_noop!(
			Settlement::spend_fund(root(), HOME, 2, 0),
			Error::<Test>::ZeroAmount
		);
		assert_noop!(
			Settlement::spend_fund(root(), HOME, 2, 301),
			Error::<Test>::FundTooSmall
		);
		assert_ok!(Settlement::spend_fund(root(), HOME, 2, 100));
		assert_ok!(Settlement::spend_fund(root(), HOME, 2, 200));
		assert_eq!((balance(2), Settlement::fund(HOME)), (300, 0));
		assert!(!Funds::<Test>::contains_key(Be32::from(HOME)));
		assert_eq!(
			events().last(),
			Some(&Event::FundSpent {
				microgrid: HOME,
				beneficiary: 2,
				amount: 200
			})
		);
	});
}

#[test]
fn what_a_fund_receives_should_be_its_communitys_and_nobody_elses() {
	run(|| {
		let operator = OPERATORS[0];
		let before = (balance(operator), Balances::free_balance(operator));
		let house = <Settlement as CommunityFunds<AccountId>>::account();
		let preserve = Preservation::Preserve;
		assert_ok!(<Balances as Mutate<_>>::transfer(
			&1,
			&house,
			5 * ED,
			preserve
		));
		<Settlement as CommunityFunds<AccountId>>::received(HOME, 3 * ED);
		<Settlement as CommunityFunds<AccountId>>::received(HOME, 0);
		let funds = || (Settlement::fund(HOME), Settlement::stray());
		assert_eq!(funds(), (3 * ED, Some(2 * ED)));
		<Settlement as CommunityFunds<AccountId>>::received(HOME, 2 * ED);
		assert_eq!(funds(), (5 * ED, Some(0)));
		let after = (balance(operator), Balances::free_balance(operator));
		assert_eq!(after, before);
		assert_ok!(Settlement::spend_fund(
			RuntimeOrigin::root(),
			HOME,
			2,
			5 * ED
		));
		assert_eq!(balance(2), 5 * ED);
	});
}

/// Values of 33 bytes and more have a node of the trie for themselves.
#[test]
fn trading_balances_should_fit_into_the_node_of_their_key() {
	let of = |amount| Member {
		balance: amount,
		locked: amount,
		owing: amount,
	};
	// In planck: 10⁻¹² GRID.
	assert_eq!(of(100 * 1_000_000_000_000).encoded_size(), 21);
	assert_eq!(of(1 << 71).encoded_size(), 30, "two thousand million GRID");
}
