//! What members buy from links and sell to them where auctions are coupled. 1 kWh at 0.100 is 100 × 10⁹ planck.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{
	market::{Party, Trade},
	traits::{Clearing, OnTrade},
	Balance, Be32, MeterId, MicrogridId, Price, WattHours,
};
use sp_runtime::DispatchResult;

use crate::{mock::*, types::Exchange, Error, Exchanges, Transit};

/// 10⁹ planck.
const G: Balance = 1_000_000_000;
const AWAY: MicrogridId = MicrogridId(1);
/// A seller in the home community, and a buyer in the other one.
const SELLER: (u32, AccountId) = (0, 1);
const BUYER: (u32, AccountId) = (128, 2);
/// 1 kWh is sold at 0.100, 950 Wh arrive and are bought at 0.150.
const GETS: Balance = 100 * G;
const PAYS: Balance = 142_500_000_000;

fn parties() -> (Party<AccountId>, Party<AccountId>) {
	add_meter(SELLER.0, SELLER.1);
	add_meter(BUYER.0, BUYER.1);
	let Trade { seller, buyer, .. } =
		linked_trade_of((SELLER.0, 1_000), (BUYER.0, 950), 100_000, 0);
	assert_ok!(Settlement::lock(
		&seller.account,
		seller.meter,
		seller.released
	));
	assert_ok!(Settlement::lock(
		&buyer.account,
		buyer.meter,
		buyer.released
	));
	(seller, buyer)
}

fn import(buyer: &Party<AccountId>) -> DispatchResult {
	Settlement::on_import(PERIOD, buyer.clone(), PAYS)
}

fn export(seller: &Party<AccountId>) -> DispatchResult {
	Settlement::on_export(PERIOD, seller.clone(), GETS, RETAIL)
}

fn exchange(microgrid: MicrogridId) -> Exchange {
	Exchanges::<Test>::get((Be32::from(microgrid), Be32::from(PERIOD)))
}

#[test]
fn buyers_from_links_should_pay_at_once_and_sellers_be_paid_of_that() {
	run(|| {
		let (seller, buyer) = parties();
		let stray = Settlement::stray();
		assert_ok!(import(&buyer));
		assert_eq!(Settlement::do_try_state(), Ok(()));
		assert_eq!(
			(Settlement::imports_unpaid(), Settlement::stray()),
			(PAYS, stray)
		);
		// The bid locked (0.200 + 0.001) × 950 Wh; only the fee stays locked.
		let fee = 950_000_000;
		assert_eq!(
			(balance(BUYER.1), locked(BUYER.1)),
			(190_950_000_000 - PAYS, fee)
		);
		assert_ok!(export(&seller));
		assert_eq!(Settlement::do_try_state(), Ok(()));
		// It can still come to buy all of it at retail.
		assert_eq!(locked(SELLER.1), 201 * G);
		assert_eq!(Settlement::imports_unpaid(), PAYS - GETS);
		let sale = Exchange {
			sent: WattHours(1_000),
			proceeds: GETS,
			..Default::default()
		};
		let purchase = Exchange {
			received: WattHours(950),
			payments: PAYS,
			..Default::default()
		};
		assert_eq!((exchange(HOME), exchange(AWAY)), (sale, purchase));
		Settlement::pay_of_imports(&LINK_OPERATOR, PAYS - GETS);
		assert_eq!(balance(LINK_OPERATOR), PAYS - GETS);
		assert!(!Transit::<Test>::exists());
		assert_eq!(Settlement::stray(), stray);
		// There is nothing left to be paid of.
		Settlement::pay_of_imports(&LINK_OPERATOR, 1);
		assert_eq!(balance(LINK_OPERATOR), PAYS - GETS);
		metered(PERIOD, SELLER.0, 0, 1_000);
		metered(PERIOD, BUYER.0, 950, 0);
		let before = [SELLER.1, BUYER.1].map(balance);
		settle(PERIOD);
		assert_eq!(balance(SELLER.1), before[0] + 99 * G);
		assert_eq!(balance(BUYER.1), before[1] - fee);
		let home = Settlement::summary(HOME, PERIOD).expect("settled");
		assert_eq!(home.links.proceeds, GETS);
	});
}

#[test]
fn trades_with_links_should_be_refused_when_they_are_not_secured() {
	run(|| {
		let (seller, buyer) = parties();
		assert_noop!(export(&seller), Error::<Test>::ImportsUnpaid);
		let mut less = buyer.clone();
		less.released = PAYS + 950_000_000 - 1;
		assert_noop!(import(&less), Error::<Test>::MarginExceedsLock);
		assert_ok!(import(&buyer));
		let mut less = seller.clone();
		less.released = 201 * G - 1;
		assert_noop!(export(&less), Error::<Test>::MarginExceedsLock);
		assert_noop!(
			Settlement::on_export(PERIOD, seller.clone(), GETS, Price(u64::MAX)),
			Error::<Test>::MarginExceedsLock
		);
		assert_noop!(import(&buyer), Error::<Test>::LockMissing);
		freeze(PERIOD);
		assert_noop!(export(&seller), Error::<Test>::PeriodFrozen);
		assert_noop!(import(&buyer), Error::<Test>::PeriodFrozen);
		assert_eq!(Settlement::position_of(MeterId(SELLER.0), PERIOD), None);
	});
}
