//! Calls, and each of their errors.

use frame_support::{
	assert_noop, assert_ok,
	traits::{
		fungible::{InspectHold, MutateHold},
		tokens::Precision,
	},
};
use frame_system::RawOrigin;
use gridweave_primitives::{
	microgrid::{MarketRules, Terms},
	traits::MicrogridInspect,
	MicrogridId, Price, WattHours,
};
use sp_runtime::DispatchError;

use crate::{mock::*, Error, Event, HoldReason};

const NOWHERE: MicrogridId = MicrogridId(7);

fn held(who: AccountId) -> u128 {
	Balances::balance_on_hold(&HoldReason::Microgrid.into(), &who)
}

fn create(operator: AccountId, terms: Terms) -> Result<(), DispatchError> {
	Microgrids::create_microgrid(RawOrigin::Root.into(), operator, terms)
}

fn signed(who: AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

/// Each kind of unsound terms, with the error that names it.
fn unsound() -> Vec<(Terms, Error<Test>)> {
	let rules = |change: fn(&mut MarketRules)| {
		let mut terms = terms();
		change(&mut terms.rules);
		terms
	};
	vec![
		(terms_at(1 << 40), Error::PriceOutOfBounds),
		(
			rules(|r| r.price_cap = Price(1 << 40)),
			Error::PriceOutOfBounds,
		),
		(rules(|r| r.fee = Price(1 << 40)), Error::PriceOutOfBounds),
		(
			Terms {
				feed_in_price: Price(0),
				..terms()
			},
			Error::FeedInPriceOutOfBounds,
		),
		(
			Terms {
				feed_in_price: Price(300_001),
				..terms()
			},
			Error::FeedInPriceOutOfBounds,
		),
		(
			rules(|r| r.price_floor = Price(0)),
			Error::PriceFloorOutOfBounds,
		),
		(
			rules(|r| r.price_floor = Price(1_000_001)),
			Error::PriceFloorOutOfBounds,
		),
		(
			rules(|r| r.min_quantity = WattHours(0)),
			Error::MinQuantityOutOfBounds,
		),
		(
			rules(|r| r.min_quantity = WattHours(1 << 32)),
			Error::MinQuantityOutOfBounds,
		),
		(
			rules(|r| r.gate_closure = HORIZON),
			Error::GateBeyondHorizon,
		),
	]
}

#[test]
fn a_microgrid_should_be_created_against_a_deposit() {
	on(chain(vec![]), || {
		assert_ok!(create(ALICE, terms()));
		assert_eq!(<Microgrids as MicrogridInspect<_>>::count(), 1);
		assert_eq!(
			<Microgrids as MicrogridInspect<_>>::operator(FIRST),
			Some(ALICE)
		);
		assert_eq!(held(ALICE), DEPOSIT);
		let created = Event::MicrogridCreated {
			microgrid: FIRST,
			operator: ALICE,
			deposit: DEPOSIT,
			terms: terms(),
		};
		assert_eq!(events(), [created]);

		assert_ok!(create(ALICE, terms()));
		assert_eq!(held(ALICE), 2 * DEPOSIT);
	});
}

#[test]
fn only_governance_should_create_microgrids() {
	on(chain(vec![]), || {
		assert_noop!(
			Microgrids::create_microgrid(signed(ALICE), ALICE, terms()),
			DispatchError::BadOrigin
		);
	});
}

#[test]
fn a_microgrid_should_not_be_created_without_a_deposit() {
	on(chain(vec![]), || {
		assert_noop!(create(POOR, terms()), Error::<Test>::DepositUnavailable);
	});
}

#[test]
fn there_should_be_no_more_microgrids_than_there_is_room_for() {
	on(
		chain(vec![(ALICE, terms()); MAX_MICROGRIDS as usize]),
		|| {
			assert_noop!(create(BOB, terms()), Error::<Test>::TooManyMicrogrids);
		},
	);
}

#[test]
fn unsound_terms_should_be_refused_by_name() {
	with_one(|| {
		for (terms, error) in unsound() {
			assert_noop!(create(BOB, terms), DispatchError::from(error));
		}
		for (terms, error) in unsound() {
			assert_noop!(
				Microgrids::set_terms(signed(ALICE), FIRST, terms),
				DispatchError::from(error)
			);
		}
	});
}

#[test]
fn terms_at_the_bounds_should_be_taken() {
	with_one(|| {
		let rules = MarketRules {
			price_floor: Price(1),
			price_cap: Price((1 << 40) - 1),
			min_quantity: WattHours((1 << 32) - 1),
			gate_closure: HORIZON - 1,
			fee: Price((1 << 40) - 1),
			..terms().rules
		};
		let price = Price((1 << 40) - 1);
		let wide = Terms {
			retail_price: price,
			feed_in_price: price,
			rules,
			..terms()
		};
		assert_ok!(Microgrids::set_terms(signed(ALICE), FIRST, wide));
	});
}

#[test]
fn new_terms_should_hold_for_periods_that_open_later_only() {
	with_one(|| {
		System::reset_events();
		let new = terms_at(310_000);
		assert_ok!(Microgrids::set_terms(signed(ALICE), FIRST, new));
		let next = START.saturating_add(HORIZON + 1);
		assert_eq!(
			events(),
			[Event::TermsChanged {
				microgrid: FIRST,
				from: Some(next),
				terms: new
			}]
		);

		block_in(START.next());
		let terms_of = |period| <Microgrids as MicrogridInspect<AccountId>>::terms(FIRST, period);
		for period in span(START, next.saturating_sub(1)) {
			assert_eq!(terms_of(period), Some(terms()));
		}
		assert_eq!(terms_of(next), Some(new));
		assert_eq!(terms_of(next.next()), None);
	});
}

#[test]
fn terms_of_a_microgrid_that_has_not_started_should_change_from_its_first_period() {
	on(chain(vec![(ALICE, terms())]), || {
		let new = terms_at(310_000);
		assert_ok!(Microgrids::set_terms(signed(ALICE), FIRST, new));
		assert_eq!(
			events(),
			[Event::TermsChanged {
				microgrid: FIRST,
				from: None,
				terms: new
			}]
		);
		block_at(START_TIME);
		assert_eq!(
			<Microgrids as MicrogridInspect<AccountId>>::terms(FIRST, START),
			Some(new)
		);
	});
}

#[test]
fn only_the_operator_should_decide_about_its_microgrid() {
	with_one(|| {
		let not_operator = Error::<Test>::NotOperator;
		assert_noop!(
			Microgrids::set_terms(signed(BOB), FIRST, terms()),
			not_operator
		);
		let not_operator = Error::<Test>::NotOperator;
		assert_noop!(
			Microgrids::offer_operator(signed(BOB), FIRST, BOB),
			not_operator
		);
		assert_ok!(Microgrids::offer_operator(signed(ALICE), FIRST, BOB));
		let not_operator = Error::<Test>::NotOperator;
		assert_noop!(Microgrids::withdraw_offer(signed(BOB), FIRST), not_operator);
		assert_noop!(
			Microgrids::set_terms(RawOrigin::Root.into(), FIRST, terms()),
			DispatchError::BadOrigin
		);
	});
}

#[test]
fn calls_about_an_unknown_microgrid_should_be_refused() {
	with_one(|| {
		let calls = [
			Microgrids::set_terms(signed(ALICE), NOWHERE, terms()),
			Microgrids::offer_operator(signed(ALICE), NOWHERE, BOB),
			Microgrids::withdraw_offer(signed(ALICE), NOWHERE),
			Microgrids::accept_operator(signed(ALICE), NOWHERE),
		];
		for result in calls {
			assert_eq!(result, Err(Error::<Test>::UnknownMicrogrid.into()));
		}
	});
}

#[test]
fn a_microgrid_should_change_hands_by_offer_and_acceptance() {
	on(chain(vec![]), || {
		assert_ok!(create(ALICE, terms()));
		System::reset_events();

		assert_ok!(Microgrids::offer_operator(signed(ALICE), FIRST, BOB));
		assert_eq!(
			<Microgrids as MicrogridInspect<_>>::operator(FIRST),
			Some(ALICE)
		);
		assert_ok!(Microgrids::accept_operator(signed(BOB), FIRST));
		assert_eq!(
			<Microgrids as MicrogridInspect<_>>::operator(FIRST),
			Some(BOB)
		);
		assert_eq!((held(ALICE), held(BOB)), (0, DEPOSIT));
		assert_eq!(
			events(),
			[
				Event::OperatorOffered {
					microgrid: FIRST,
					successor: BOB
				},
				Event::OperatorChanged {
					microgrid: FIRST,
					old: ALICE,
					new: BOB
				},
			]
		);

		// The offer is used up, and the old operator has nothing to say any more.
		assert_noop!(
			Microgrids::accept_operator(signed(BOB), FIRST),
			Error::<Test>::NotOffered
		);
		assert_noop!(
			Microgrids::set_terms(signed(ALICE), FIRST, terms()),
			Error::<Test>::NotOperator
		);
		assert_ok!(Microgrids::set_terms(signed(BOB), FIRST, terms()));
	});
}

#[test]
fn a_deposit_left_with_a_former_operator_should_be_found() {
	on(chain(vec![]), || {
		assert_ok!(create(ALICE, terms()));
		assert_ok!(Microgrids::offer_operator(signed(ALICE), FIRST, BOB));
		assert_ok!(Microgrids::accept_operator(signed(BOB), FIRST));
		assert_ok!(Microgrids::do_try_state());
		let reason = HoldReason::Microgrid.into();
		assert_ok!(Balances::hold(&reason, &ALICE, 1));
		assert!(Microgrids::do_try_state().is_err());
		assert_ok!(Balances::release(&reason, &ALICE, 1, Precision::Exact));
	});
}

#[test]
fn a_successor_should_pay_the_deposit_that_genesis_did_not() {
	with_one(|| {
		assert_ok!(Microgrids::offer_operator(signed(ALICE), FIRST, BOB));
		assert_ok!(Microgrids::accept_operator(signed(BOB), FIRST));
		assert_eq!((held(ALICE), held(BOB)), (0, DEPOSIT));
	});
}

#[test]
fn a_handover_should_leave_deposits_of_other_microgrids_alone() {
	on(chain(vec![]), || {
		assert_ok!(create(ALICE, terms()));
		assert_ok!(create(ALICE, terms()));
		assert_ok!(Microgrids::offer_operator(signed(ALICE), SECOND, BOB));
		assert_ok!(Microgrids::accept_operator(signed(BOB), SECOND));
		assert_eq!((held(ALICE), held(BOB)), (DEPOSIT, DEPOSIT));
	});
}

#[test]
fn an_offer_should_be_for_one_account_only() {
	with_one(|| {
		assert_ok!(Microgrids::offer_operator(signed(ALICE), FIRST, BOB));
		assert_noop!(
			Microgrids::accept_operator(signed(CHARLIE), FIRST),
			Error::<Test>::NotOffered
		);
		// A later offer replaces the earlier one.
		assert_ok!(Microgrids::offer_operator(signed(ALICE), FIRST, CHARLIE));
		assert_noop!(
			Microgrids::accept_operator(signed(BOB), FIRST),
			Error::<Test>::NotOffered
		);
		assert_ok!(Microgrids::accept_operator(signed(CHARLIE), FIRST));
	});
}

#[test]
fn a_successor_without_money_should_not_take_over() {
	with_one(|| {
		assert_ok!(Microgrids::offer_operator(signed(ALICE), FIRST, POOR));
		assert_noop!(
			Microgrids::accept_operator(signed(POOR), FIRST),
			Error::<Test>::DepositUnavailable
		);
	});
}

#[test]
fn an_operator_should_not_offer_a_microgrid_to_itself() {
	with_one(|| {
		assert_noop!(
			Microgrids::offer_operator(signed(ALICE), FIRST, ALICE),
			Error::<Test>::AlreadyOperator
		);
	});
}

#[test]
fn a_withdrawn_offer_should_be_gone() {
	with_one(|| {
		assert_noop!(
			Microgrids::withdraw_offer(signed(ALICE), FIRST),
			Error::<Test>::NotOffered
		);
		assert_ok!(Microgrids::offer_operator(signed(ALICE), FIRST, BOB));
		System::reset_events();
		assert_ok!(Microgrids::withdraw_offer(signed(ALICE), FIRST));
		assert_eq!(
			events(),
			[Event::OfferWithdrawn {
				microgrid: FIRST,
				successor: BOB
			}]
		);
		assert_noop!(
			Microgrids::accept_operator(signed(BOB), FIRST),
			Error::<Test>::NotOffered
		);
	});
}
