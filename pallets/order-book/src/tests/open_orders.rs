//! Cancelling, reducing, replacing.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{OrderId, Price, WattHours};

use crate::{mock::*, CancelReason, Error, Event};

fn signed(who: AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

#[test]
fn cancelled_order_should_leave_no_trace() {
	test(|| {
		let sale = place(ask(ALICES, 100, 100));
		place(bid(BOBS, 30, 100));
		assert_ok!(OrderBook::cancel_order(signed(ALICE), sale));
		assert_eq!(cancellations(), vec![(sale, 70, CancelReason::Cancelled)]);
		assert_eq!((remaining(sale), locked(ALICE)), (None, 0));
		let commitment = OrderBook::commitment(ALICES, P);
		assert_eq!((commitment.asks.0, commitment.sold.0), (0, 30));
		assert_refused(ALICE, cancelling(sale), Error::<Test>::OrderNotFound);
	});
}

#[test]
fn orders_should_only_be_changed_by_their_owner() {
	test(|| {
		let sale = place(ask(ALICES, 100, 100));
		let error = Error::<Test>::NotOrderOwner;
		assert_refused(BOB, cancelling(sale), error);
		assert_noop!(
			OrderBook::reduce_order(signed(BOB), sale, WattHours(50)),
			Error::<Test>::NotOrderOwner
		);
		assert_refused(BOB, replacing(sale, 50, 90), Error::<Test>::NotOrderOwner);
	});
}

#[test]
fn unknown_order_should_be_refused() {
	test(|| {
		let none = OrderId(5);
		assert_refused(BOB, cancelling(none), Error::<Test>::OrderNotFound);
		assert_noop!(
			OrderBook::reduce_order(signed(BOB), none, WattHours(50)),
			Error::<Test>::OrderNotFound
		);
		assert_refused(BOB, replacing(none, 50, 90), Error::<Test>::OrderNotFound);
	});
}

#[test]
fn reduced_order_should_keep_its_place_and_free_its_lock() {
	test(|| {
		let first = place(ask(ALICES, 100, 100));
		let second = place(ask(CAROLS, 100, 100));
		assert_ok!(OrderBook::reduce_order(signed(ALICE), first, WattHours(40)));
		assert_eq!(locked(ALICE), (301_000 - 100) * 40 * 1_000);
		assert_eq!(OrderBook::commitment(ALICES, P).asks, WattHours(40));
		assert!(events().contains(&Event::OrderReduced {
			order_id: first,
			who: ALICE,
			meter: ALICES,
			remaining: WattHours(40),
		}));
		place(bid(BOBS, 50, 100));
		assert_eq!((remaining(first), remaining(second)), (None, Some(90)));
	});
}

#[test]
fn order_should_only_be_reduced_to_less_that_may_rest() {
	test(|| {
		let sale = place(ask(ALICES, 100, 100));
		let reduce = |energy| OrderBook::reduce_order(signed(ALICE), sale, WattHours(energy));
		assert_noop!(reduce(100), Error::<Test>::NotReduced);
		assert_noop!(reduce(101), Error::<Test>::NotReduced);
		assert_noop!(reduce(9), Error::<Test>::BelowMinimumQuantity);
		assert_noop!(reduce(0), Error::<Test>::BelowMinimumQuantity);
		Now::set(start_of(P));
		assert_noop!(reduce(50), Error::<Test>::GateClosed);
	});
}

#[test]
fn replaced_order_should_go_to_the_end_of_the_queue() {
	test(|| {
		let first = place(ask(ALICES, 100, 100));
		let second = place(ask(CAROLS, 100, 100));
		assert_ok!(OrderBook::replace_order(
			signed(ALICE),
			first,
			WattHours(100),
			Price(100)
		));
		let third = OrderId(second.0 + 1);
		assert_eq!(cancellations(), vec![(first, 100, CancelReason::Replaced)]);
		place(bid(BOBS, 150, 100));
		assert_eq!((remaining(second), remaining(third)), (None, Some(50)));
	});
}

#[test]
fn replacing_order_should_trade_when_it_crosses() {
	test(|| {
		place(bid(BOBS, 60, 90));
		let sale = place(ask(ALICES, 100, 100));
		assert_ok!(OrderBook::replace_order(
			signed(ALICE),
			sale,
			WattHours(80),
			Price(90)
		));
		assert_eq!(trades(), vec![(90, 60)]);
		assert_eq!(remaining(OrderId(sale.0 + 1)), Some(20));
		assert_eq!(OrderBook::commitment(ALICES, P).asks, WattHours(20));
	});
}

#[test]
fn replacement_that_is_refused_should_leave_the_old_order() {
	test(|| {
		let sale = place(ask(ALICES, 100, 100));
		let refused = |energy, price, error: Error<Test>| {
			assert_refused(ALICE, replacing(sale, energy, price), error)
		};
		refused(RATED + 1, 100, Error::ExceedsExportRating);
		refused(100, 0, Error::PriceBelowFloor);
		Now::set(start_of(P));
		refused(100, 90, Error::GateClosed);
	});
}

#[test]
fn replacement_should_count_against_the_rating_without_the_old_order() {
	test(|| {
		let sale = place(ask(ALICES, RATED, 100));
		assert_ok!(OrderBook::replace_order(
			signed(ALICE),
			sale,
			WattHours(RATED),
			Price(90)
		));
	});
}
