//! Trades over a link: what is paid with the trade, and how both communities are settled. 1 kWh at 0.100 is
//! 100 × 10⁹ planck.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{
	market::Trade,
	traits::{Clearing, OnTrade},
	Balance, Be32, MeterId, MicrogridId, WattHours,
};
use proptest::prelude::*;

use crate::{mock::*, types::Exchange, Error, Exchanges};

/// 10⁹ planck.
const G: Balance = 1_000_000_000;
const AWAY: MicrogridId = MicrogridId(1);
/// A seller in the home community, and a buyer in the other one.
const SELLER: (u32, AccountId) = (0, 1);
const BUYER: (u32, AccountId) = (128, 2);

fn two_communities() {
	add_meter(SELLER.0, SELLER.1);
	add_meter(BUYER.0, BUYER.1);
}

fn top_up(who: AccountId, amount: Balance) {
	assert_ok!(Settlement::top_up(RuntimeOrigin::signed(who), amount));
}

/// 1 kWh is sent at 0.100, of which 950 Wh arrive; the link takes 0.010 per kWh. The bid was at 0.200.
fn linked() -> Trade<AccountId> {
	linked_trade_of((SELLER.0, 1_000), (BUYER.0, 950), 100_000, 10_000)
}

/// What the buyer pays with it: 100 + 9.5.
const PAID: Balance = 109_500_000_000;
const WHEELING: Balance = 9_500_000_000;

fn exchange(microgrid: MicrogridId) -> Exchange {
	Exchanges::<Test>::get((Be32::from(microgrid), Be32::from(PERIOD)))
}

#[test]
fn buyer_over_a_link_should_pay_with_the_trade_and_the_seller_not_be_paid_yet() {
	run(|| {
		two_communities();
		assert_ok!(book(linked()));
		// The bid locked (0.200 + 0.001) × 950 Wh; of that only the fee stays locked.
		let (lock, fee) = (190_950_000_000, 950_000_000);
		assert_eq!((balance(BUYER.1), locked(BUYER.1)), (lock - PAID, fee));
		// The seller can still come to buy all of it at retail: 300 + 1 − 100.
		assert_eq!((balance(SELLER.1), locked(SELLER.1)), (201 * G, 201 * G));
		assert_eq!(balance(LINK_OPERATOR), WHEELING);
		let sale = Exchange {
			sent: WattHours(1_000),
			proceeds: 100 * G,
			..Default::default()
		};
		let purchase = Exchange {
			received: WattHours(950),
			payments: PAID,
			..Default::default()
		};
		assert_eq!((exchange(HOME), exchange(AWAY)), (sale, purchase));
		let bought = Settlement::position_of(MeterId(BUYER.0), PERIOD).expect("it bought");
		assert_eq!(bought.contracts.bought, WattHours(950));
		assert_eq!(
			(bought.contracts.payable, bought.contracts.paid),
			(PAID, PAID)
		);
	});
}

#[test]
fn both_communities_should_be_settled_in_either_order() {
	for first in [0, 1] {
		run(|| {
			two_communities();
			for who in OPERATORS {
				top_up(who, 500 * G);
			}
			top_up(SELLER.1, 100 * G);
			assert_ok!(book(linked()));
			let before = [SELLER.1, BUYER.1, OPERATORS[0], OPERATORS[1]].map(balance);
			// 400 Wh short; all that arrived was taken.
			metered(PERIOD, SELLER.0, 0, 600);
			metered(PERIOD, BUYER.0, 950, 0);
			crate::Turn::<Test>::put(first);
			settle(PERIOD);
			// 100 for the energy, less 120 for what was short and 1 of fee.
			assert_eq!(balance(SELLER.1), before[0] - 21 * G);
			assert_eq!(balance(OPERATORS[0]), before[2] + 121 * G);
			// Nothing but the fee is left to be paid.
			assert_eq!(balance(BUYER.1), before[1] - 950_000_000);
			assert_eq!(balance(OPERATORS[1]), before[3] + 950_000_000);
			assert_eq!((locked(SELLER.1), locked(BUYER.1)), (0, 0));
			assert_eq!(balance(LINK_OPERATOR), WHEELING);
			for microgrid in [HOME, AWAY] {
				assert_eq!(exchange(microgrid), Exchange::default());
			}
			let home = Settlement::summary(HOME, PERIOD).expect("settled");
			assert_eq!(home.members + home.operator, (100 * G) as i128);
			assert_eq!(home.links.proceeds, 100 * G);
			let away = Settlement::summary(AWAY, PERIOD).expect("settled");
			assert_eq!(away.members + away.operator, -(PAID as i128));
			assert_eq!(away.links.payments, PAID);
			// What is billed is all the period cost.
			let bill = Settlement::statement(MeterId(BUYER.0), PERIOD).expect("billed");
			assert_eq!(bill.amount, -(PAID as i128) - 950_000_000);
		});
	}
}

#[test]
fn buyer_whose_lock_just_suffices_should_not_default() {
	run(|| {
		two_communities();
		let mut trade = linked();
		trade.buyer.released = PAID + 950_000_000;
		assert_ok!(book(trade.clone()));
		assert_eq!(
			(balance(BUYER.1), locked(BUYER.1)),
			(950_000_000, 950_000_000)
		);
		// It takes nothing, and its operator owns nothing: what the contract is worth is claimed at home.
		metered(PERIOD, SELLER.0, 0, 1_000);
		metered(PERIOD, BUYER.0, 0, 0);
		let before = balance(SELLER.1);
		settle(PERIOD);
		assert_eq!(balance(SELLER.1), before + 99 * G);
		let owed = crate::ClaimQueues::<Test>::get(Be32::from(AWAY)).expect("claimed");
		// 950 Wh at 0.080, less the fee.
		assert_eq!(owed.total, 76 * G - 950_000_000);
		assert_eq!(Settlement::open_claims(HOME), 0);
		assert_eq!(crate::Arrears::<Test>::iter().count(), 0);
	});
}

#[test]
fn trade_over_a_link_should_be_refused_when_it_is_not_secured() {
	run(|| {
		two_communities();
		let trade = linked();
		assert_ok!(Settlement::lock(
			&SELLER.1,
			MeterId(0),
			trade.seller.released
		));
		assert_noop!(
			Settlement::on_trade(trade.clone()),
			Error::<Test>::LockMissing
		);
		assert_ok!(Settlement::lock(&BUYER.1, MeterId(0), trade.buyer.released));
		// Neither what is paid nor the fee may be lacking.
		let mut less = trade.clone();
		less.buyer.released = PAID + 950_000_000 - 1;
		assert_noop!(Settlement::on_trade(less), Error::<Test>::MarginExceedsLock);
		let mut less = trade.clone();
		less.seller.released -= 1;
		assert_noop!(Settlement::on_trade(less), Error::<Test>::MarginExceedsLock);
		let mut much = trade.clone();
		much.seller.energy = WattHours(u64::MAX);
		much.seller.fee = gridweave_primitives::Price(0);
		much.retail_price = gridweave_primitives::Price(0);
		assert_ok!(Settlement::on_trade(trade));
		much.seller.released = 0;
		much.buyer.released = 0;
		much.value = 0;
		much.buyer.energy = WattHours(0);
		much.wheeling.as_mut().expect("over a link").fee = 0;
		assert_noop!(Settlement::on_trade(much), Error::<Test>::Overflow);
	});
}

#[test]
fn trade_over_a_link_should_be_refused_for_a_frozen_period() {
	run(|| {
		two_communities();
		freeze(PERIOD);
		assert_noop!(book(linked()), Error::<Test>::PeriodFrozen);
	});
}

#[test]
fn money_that_is_not_noted_as_set_aside_should_be_found() {
	run(|| {
		two_communities();
		assert_ok!(book(linked()));
		let key = (Be32::from(HOME), Be32::from(PERIOD));
		let right = Exchanges::<Test>::get(key);
		for wrong in [
			Exchange {
				sent: WattHours(999),
				..right
			},
			Exchange {
				proceeds: right.proceeds - 1,
				..right
			},
			Exchange {
				payments: 1,
				..right
			},
		] {
			Exchanges::<Test>::insert(key, wrong);
			assert!(Settlement::do_try_state().is_err());
		}
		Exchanges::<Test>::insert(key, right);
	});
}

/// The meters of the property test: two in each community.
const METERS: [u32; 4] = [0, 1, 128, 129];

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	/// Whatever is traded within communities and over links, and whatever is metered: no money comes or goes,
	/// the invariants hold after every block ([`settle`]), and nobody who sold over a link goes unpaid.
	#[test]
	fn trades_over_links_should_settle_without_loss(
		trades in proptest::collection::vec((0usize..4, 1usize..4, 1u64..2_000, 1u64..500_000, 0u64..50_000), 0..12),
		energy in proptest::collection::vec((0u64..5_000, 0u64..5_000), 4),
		first in 0u32..2,
	) {
		run(|| {
			for (meter, owner) in METERS.into_iter().zip(1..) {
				add_meter(meter, owner);
			}
			for who in OPERATORS {
				top_up(who, 1_000_000 * G);
			}
			let mut wheeling = 0;
			for (seller, other, sent, price, fee) in trades {
				let (seller, buyer) = (METERS[seller], METERS[(seller + other) % 4]);
				if seller / 128 == buyer / 128 {
					trade(PERIOD, seller, buyer, sent, price);
					continue;
				}
				let received = (sent * 19 / 20).max(1);
				let mut linked = linked_trade_of((seller, sent), (buyer, received), price, fee);
				wheeling += linked.wheeling.as_ref().expect("over a link").fee;
				linked.buyer.released += linked.payable();
				assert_ok!(book(linked));
			}
			assert_eq!(balance(LINK_OPERATOR), wheeling);
			for (meter, (import, export)) in METERS.into_iter().zip(energy) {
				metered(PERIOD, meter, import, export);
			}
			crate::Turn::<Test>::put(first);
			settle(PERIOD);
			assert_eq!(Exchanges::<Test>::iter().count(), 0);
			assert_eq!(crate::Claims::<Test>::iter().count(), 0);
			let sums = [HOME, AWAY].map(|grid| Settlement::summary(grid, PERIOD).expect("settled"));
			let paid: Balance = sums.iter().map(|sums| sums.links.payments).sum();
			let got: Balance = sums.iter().map(|sums| sums.links.proceeds).sum();
			assert_eq!(paid, got + wheeling);
		});
	}
}
