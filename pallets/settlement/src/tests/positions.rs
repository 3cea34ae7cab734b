//! Trades into positions, locks into margins.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{
	cost,
	market::{buyer_worst_case, seller_worst_case},
	traits::{Clearing, OnTrade},
	MeterId, Price, WattHours,
};

use crate::{mock::*, Error};

fn two_meters() {
	add_meter(0, 1);
	add_meter(1, 2);
}

#[test]
fn trade_should_book_both_positions_and_turn_locks_into_margins() {
	run(|| {
		two_meters();
		trade(PERIOD, 0, 1, 500, 200_000);
		let seller = Settlement::position_of(MeterId(0), PERIOD).expect("booked");
		let buyer = Settlement::position_of(MeterId(1), PERIOD).expect("booked");
		let value = cost(Price(200_000), WattHours(500));
		let fee = cost(FEE, WattHours(500));
		assert_eq!((seller.owner, buyer.owner), (1, 2));
		assert_eq!(
			(seller.contracts.sold, buyer.contracts.bought),
			(WattHours(500), WattHours(500))
		);
		assert_eq!(
			(seller.contracts.receivable, buyer.contracts.payable),
			(value, value)
		);
		assert_eq!((seller.contracts.fee, buyer.contracts.fee), (fee, fee));
		// (0.300 + 0.001 − 0.200) and (0.200 + 0.001) per kWh.
		assert_eq!(
			(seller.margin, buyer.margin),
			(50_500_000_000, 100_500_000_000)
		);
		assert_eq!((locked(1), locked(2)), (seller.margin, buyer.margin));
	});
}

#[test]
fn better_price_should_free_what_the_order_had_locked_too_much() {
	run(|| {
		two_meters();
		let energy = WattHours(100);
		// A bid at 0.25 meets an ask at 0.2, whose seller would have taken 0.15 (a taker's better price
		// goes to the taker).
		let bid = buyer_worst_case(Price(250_000), FEE, energy);
		let ask = seller_worst_case(Price(150_000), RETAIL, FEE, energy);
		assert_ok!(Settlement::lock(&2, MeterId(0), bid));
		assert_ok!(Settlement::lock(&1, MeterId(0), ask));
		let mut trade = trade_of(PERIOD, 0, 1, 100, 200_000);
		(trade.seller.released, trade.buyer.released) = (ask, bid);
		assert_ok!(Settlement::on_trade(trade));
		assert_eq!(
			locked(1),
			seller_worst_case(Price(200_000), RETAIL, FEE, energy)
		);
		assert_eq!(locked(2), buyer_worst_case(Price(200_000), FEE, energy));
		assert_eq!((balance(1), balance(2)), (ask, bid));
	});
}

#[test]
fn trades_of_one_meter_should_add_up_in_its_position() {
	run(|| {
		two_meters();
		trade(PERIOD, 0, 1, 100, 200_000);
		trade(PERIOD, 0, 1, 50, 100_000);
		trade(PERIOD, 1, 0, 30, 150_000);
		let position = Settlement::position_of(MeterId(0), PERIOD).expect("booked");
		assert_eq!(position.contracts.sold, WattHours(150));
		assert_eq!(position.contracts.bought, WattHours(30));
		assert_eq!(position.contracts.receivable, 25_000_000_000);
		assert_eq!(position.contracts.payable, 4_500_000_000);
		assert_eq!(position.contracts.fee, 180_000_000);
	});
}

#[test]
fn sale_above_retail_should_need_no_margin() {
	run(|| {
		two_meters();
		trade(PERIOD, 0, 1, 100, 400_000);
		assert_eq!(locked(1), 0);
		assert_eq!(Settlement::locked_by_positions().get(&1), None);
		assert_eq!(
			Settlement::position_of(MeterId(0), PERIOD)
				.expect("booked")
				.margin,
			0
		);
	});
}

#[test]
fn trade_should_be_refused_when_it_is_not_secured() {
	run(|| {
		two_meters();
		let mut trade = trade_of(PERIOD, 0, 1, 500, 200_000);
		// A better price than their limits: something becomes free on both sides.
		trade.seller.released += 1;
		trade.buyer.released += 1;
		assert_noop!(
			Settlement::on_trade(trade.clone()),
			Error::<Test>::LockMissing
		);
		// The seller's side is undone as well when the buyer's is refused.
		assert_ok!(Settlement::lock(&1, MeterId(0), trade.seller.released));
		assert_noop!(
			Settlement::on_trade(trade.clone()),
			Error::<Test>::LockMissing
		);
		assert_ok!(Settlement::lock(&2, MeterId(0), trade.buyer.released));
		let mut less = trade.clone();
		less.buyer.released -= 2;
		assert_noop!(Settlement::on_trade(less), Error::<Test>::MarginExceedsLock);
		let mut less = trade.clone();
		less.seller.released -= 2;
		assert_noop!(Settlement::on_trade(less), Error::<Test>::MarginExceedsLock);
		assert_ok!(Settlement::on_trade(trade));
	});
}

#[test]
fn trade_for_a_frozen_period_should_be_refused() {
	run(|| {
		two_meters();
		freeze(PERIOD);
		assert_noop!(
			try_trade(PERIOD, 0, 1, 500, 200_000),
			Error::<Test>::PeriodFrozen
		);
		assert_ok!(try_trade(PERIOD.next(), 0, 1, 500, 200_000));
	});
}

#[test]
fn position_should_stay_its_owners() {
	run(|| {
		two_meters();
		trade(PERIOD, 0, 1, 500, 200_000);
		add_meter(0, 3);
		assert_noop!(
			try_trade(PERIOD, 0, 1, 500, 200_000),
			Error::<Test>::OwnerMismatch
		);
	});
}

#[test]
fn position_that_outgrows_its_numbers_should_be_refused() {
	run(|| {
		two_meters();
		trade(PERIOD, 0, 1, 500, 400_000);
		let mut more = trade_of(PERIOD, 0, 1, u64::MAX, 400_000);
		(more.seller.fee, more.buyer.fee) = (Price(0), Price(0));
		more.seller.released = 0;
		assert_noop!(Settlement::on_trade(more), Error::<Test>::Overflow);
	});
}
