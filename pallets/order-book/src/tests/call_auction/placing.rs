//! Orders of a call auction until its gate closes.

use frame_support::{assert_ok, dispatch::GetDispatchInfo, weights::RuntimeDbWeight};
use gridweave_primitives::{market::Side, OrderId, Price, WattHours};

use super::{noted, W};
use crate::{mock::*, Call, CancelReason, Error, NewOrder, TimeInForce, WeightInfo};

#[test]
fn crossing_orders_should_rest_until_the_gate_closes() {
	test_auction(|| {
		let sale = place(ask(ALICES, 100, 80));
		let purchase = place(bid(BOBS, 60, 90));
		block_at(gate(P) - 1);
		assert_eq!(
			(remaining(sale), remaining(purchase)),
			(Some(100), Some(60))
		);
		assert_eq!(trades(), vec![]);
		let market = OrderBook::market_data(GRID, P).unwrap();
		assert_eq!(market.best_bid, Some(Price(90)));
		assert_eq!(market.best_ask, Some(Price(80)));
		assert_eq!(
			OrderBook::depth(GRID, P, Side::Bid, 5)[0].energy,
			WattHours(60)
		);
		assert_eq!(locked(ALICE), (301_000 - 80) * 100 * 1_000);
	});
}

#[test]
fn orders_that_match_at_once_or_never_should_be_refused() {
	test_auction(|| {
		place(ask(ALICES, 100, 80));
		for time_in_force in [TimeInForce::ImmediateOrCancel, TimeInForce::FillOrKill] {
			let order = NewOrder {
				time_in_force,
				..bid(BOBS, 60, 90)
			};
			assert_refused(BOB, placing(order), Error::<Test>::TimeInForceNotAllowed);
		}
	});
}

#[test]
fn order_that_crosses_ones_own_should_be_refused() {
	test_auction(|| {
		place(ask(ALICES, 100, 80));
		// Whatever meter it is for, at the same limit or a better one.
		for limit in [80, 81, 1_000] {
			let order = bid(ALICES_OTHER, 10, limit);
			assert_refused(ALICE, placing(order), Error::<Test>::CrossesOwnOrder);
		}
		place(bid(ALICES_OTHER, 10, 79));
		for limit in [79, 78, 10] {
			let order = ask(ALICES, 10, limit);
			assert_refused(ALICE, placing(order), Error::<Test>::CrossesOwnOrder);
		}
		// Others cross it, and so does one's own in another period.
		place(bid(BOBS, 10, 100));
		place(NewOrder {
			period: P1,
			..bid(ALICES_OTHER, 10, 100)
		});
		assert_eq!(noted(), 3);
	});
}

#[test]
fn best_limit_should_count_until_the_last_order_of_its_side_is_gone() {
	test_auction(|| {
		let best = place(ask(ALICES, 100, 80));
		let second = place(ask(ALICES, 100, 90));
		assert_ok!(dispatch(ALICE, cancelling(best)));
		check();
		let between = bid(ALICES_OTHER, 10, 85);
		assert_refused(ALICE, placing(between), Error::<Test>::CrossesOwnOrder);
		assert_ok!(dispatch(ALICE, cancelling(second)));
		assert_eq!(noted(), 0);
		place(between);
		assert_eq!(noted(), 1);
	});
}

#[test]
fn orders_should_be_cancelled_reduced_and_replaced_until_the_gate_closes() {
	test_auction(|| {
		let orders: Vec<_> = (0..3).map(|i| place(ask(ALICES, 100, 80 + i))).collect();
		let purchase = place(bid(BOBS, 100, 500));
		Now::set(gate(P) - 1);
		assert_ok!(dispatch(ALICE, cancelling(orders[0])));
		let reduce = |energy| Call::<Test>::reduce_order {
			order_id: orders[1],
			energy: WattHours(energy),
		};
		assert_ok!(dispatch(ALICE, reduce(50)));
		assert_ok!(dispatch(ALICE, replacing(orders[2], 70, 400)));
		assert_eq!(trades(), vec![]);
		check();
		// The clock has closed the gate, and the service has not come to the book yet.
		Now::set(gate(P));
		let closed = Error::<Test>::GateClosed;
		assert_refused(ALICE, cancelling(orders[1]), closed);
		assert_refused(ALICE, reduce(20), Error::<Test>::GateClosed);
		let replace = replacing(orders[1], 20, 80);
		assert_refused(ALICE, replace, Error::<Test>::GateClosed);
		assert_refused(BOB, cancelling(purchase), Error::<Test>::GateClosed);
		let late = ask(CAROLS, 10, 80);
		assert_refused(CAROL, placing(late), Error::<Test>::GateClosed);
	});
}

#[test]
fn order_should_be_replaced_across_what_ones_own_best_was() {
	test_auction(|| {
		let sale = place(ask(ALICES, 100, 80));
		place(bid(ALICES_OTHER, 100, 70));
		let replace = replacing(sale, 100, 70);
		assert_refused(ALICE, replace, Error::<Test>::CrossesOwnOrder);
		assert_ok!(dispatch(ALICE, replacing(sale, 100, 71)));
		assert_eq!(cancellations(), vec![(sale, 100, CancelReason::Replaced)]);
	});
}

#[test]
fn batch_should_refuse_only_what_crosses() {
	test_auction(|| {
		let orders = [
			ask(ALICES, 10, 80),
			bid(ALICES_OTHER, 10, 80),
			bid(ALICES_OTHER, 10, 79),
		];
		let call = Call::<Test>::place_orders {
			orders: batch(&orders),
		};
		assert_ok!(dispatch(ALICE, call));
		assert_eq!(OrderBook::orders_of(ALICES).len(), 1);
		assert_eq!(OrderBook::orders_of(ALICES_OTHER).len(), 1);
	});
}

#[test]
fn calls_should_be_charged_for_what_an_auction_takes_besides() {
	test_auction(|| {
		Database::set(RuntimeDbWeight {
			read: 1,
			write: 1_000,
		});
		let spent = |call: Call<Test>| {
			let announced = call.get_dispatch_info().call_weight;
			let spent = dispatch(ALICE, call).unwrap().actual_weight.unwrap();
			assert!(spent.all_lte(announced));
			spent
		};
		let keys = |reads, writes| Database::get().reads_writes(reads, writes);
		// An entry in the agenda, counted; and the limits of the account.
		let placed = W::place_order(0).saturating_add(keys(3, 3));
		assert_eq!(spent(placing(ask(ALICES, 10, 80))), placed);
		// The limits again, and what tells whether the gate is open.
		let replaced = W::replace_order().saturating_add(keys(5, 2));
		assert_eq!(spent(replacing(OrderId(0), 20, 80)), replaced);
		let cancelled = W::cancel_order().saturating_add(keys(4, 1));
		assert_eq!(spent(cancelling(OrderId(1))), cancelled);
	});
}
