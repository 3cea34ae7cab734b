//! Meters that come under quarantine with orders open.

use frame_support::{assert_ok, dispatch::GetDispatchInfo};
use gridweave_primitives::{traits::MeterCommitments, OrderId};

use crate::{mock::*, CancelReason, Commitment, Error, NewOrder, TimeInForce, WeightInfo};

fn quarantine(meter: gridweave_primitives::MeterId) {
	Quarantined::mutate(|meters| meters.insert(meter));
}

fn immediate(order: NewOrder) -> NewOrder {
	NewOrder {
		time_in_force: TimeInForce::ImmediateOrCancel,
		..order
	}
}

#[test]
fn order_of_a_quarantined_meter_should_be_cancelled_instead_of_filled() {
	test(|| {
		let first = place(ask(ALICES, 100, 80));
		let second = place(ask(CAROLS, 100, 90));
		quarantine(ALICES);
		place(bid(BOBS, 60, 100));
		assert_eq!(trades(), vec![(90, 60)]);
		assert_eq!(
			cancellations(),
			vec![(first, 100, CancelReason::Quarantined)]
		);
		assert_eq!((remaining(first), remaining(second)), (None, Some(40)));
		assert_eq!(locked(ALICE), 0);
		assert_eq!(OrderBook::commitment(ALICES, P), Commitment::default());
		assert!(!OrderBook::has_commitments(ALICES));
	});
}

#[test]
fn quarantined_order_should_be_cancelled_by_one_that_finds_nothing_else() {
	for side in ["rests", "goes"] {
		test(|| {
			let sale = place(ask(ALICES, 100, 80));
			quarantine(ALICES);
			let order = bid(BOBS, 60, 100);
			let purchase = place(if side == "rests" {
				order
			} else {
				immediate(order)
			});
			assert_eq!((trades(), remaining(sale)), (vec![], None));
			let rests = (side == "rests").then_some(60);
			assert_eq!(remaining(purchase), rests);
		});
	}
}

#[test]
fn quarantined_order_that_does_not_cross_should_stay() {
	test(|| {
		let sale = place(ask(ALICES, 100, 80));
		quarantine(ALICES);
		place(bid(BOBS, 60, 79));
		assert_eq!(remaining(sale), Some(100));
		// Its owner may still cancel it.
		assert_ok!(dispatch(ALICE, cancelling(sale)));
	});
}

#[test]
fn partly_filled_order_should_keep_its_trades_in_quarantine() {
	test(|| {
		let sale = place(ask(ALICES, 100, 80));
		place(bid(BOBS, 60, 100));
		quarantine(ALICES);
		place(bid(CAROLS, 60, 100));
		assert_eq!((trades(), remaining(sale)), (vec![(80, 60)], None));
		assert_eq!(OrderBook::commitment(ALICES, P).sold.0, 60);
	});
}

#[test]
fn order_that_must_fill_should_not_trade_with_quarantined_ones() {
	test(|| {
		let sale = place(ask(ALICES, 100, 80));
		quarantine(ALICES);
		let order = NewOrder {
			time_in_force: TimeInForce::FillOrKill,
			..bid(BOBS, 60, 100)
		};
		assert_refused(BOB, placing(order), Error::<Test>::NotFillable);
		assert_eq!(remaining(sale), Some(100));
		place(ask(CAROLS, 60, 90));
		place(order);
		assert_eq!((trades(), remaining(sale)), (vec![(90, 60)], None));
	});
}

#[test]
fn ones_own_quarantined_order_should_not_stop_matching() {
	test(|| {
		place(ask(ALICES, 100, 80));
		place(ask(CAROLS, 100, 90));
		quarantine(ALICES);
		place(bid(ALICES_OTHER, 60, 100));
		assert_eq!(trades(), vec![(90, 60)]);
	});
}

#[test]
fn cancelled_orders_should_count_to_the_most_fills_and_removals() {
	test(|| {
		let sales: Vec<OrderId> = (0..7).map(|i| place(ask(ALICES, 10, 80 + i))).collect();
		place(ask(CAROLS, 10, 90));
		quarantine(ALICES);
		let order = bid(BOBS, 10, 100);
		let charged = placing(order).get_dispatch_info().call_weight;
		let spent = dispatch(BOB, placing(order)).unwrap().actual_weight;
		assert_eq!(spent, Some(<() as WeightInfo>::place_order(5)));
		assert!(spent.unwrap().all_lt(charged));
		assert_eq!((remaining(sales[4]), remaining(sales[5])), (None, Some(10)));
		assert_eq!(
			cancellations().last().map(|(.., reason)| *reason),
			Some(CancelReason::FillLimit)
		);
		// The next one goes on from there, as far as orders may still leave the book.
		MaxRemovals::set(6);
		place(order);
		assert_eq!((remaining(sales[5]), remaining(sales[6])), (None, Some(10)));
		assert_refused(BOB, placing(order), Error::<Test>::TooManyRemovals);
		MaxRemovals::set(1_000);
		place(order);
		assert_eq!(trades(), vec![(90, 10)]);
	});
}
