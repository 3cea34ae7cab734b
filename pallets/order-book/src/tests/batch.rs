//! Many orders in one transaction.

use frame_support::{assert_ok, dispatch::GetDispatchInfo};
use gridweave_primitives::OrderId;
use sp_runtime::DispatchError;

use crate::{mock::*, Call, CancelReason, Error, Event, NewOrder, NextOrderId};

fn refusals() -> Vec<(u32, DispatchError)> {
	let refused = |event| match event {
		Event::OrderRefused { index, error, .. } => Some((index, error)),
		_ => None,
	};
	events().into_iter().filter_map(refused).collect()
}

#[test]
fn each_order_of_a_batch_should_stand_for_itself() {
	test(|| {
		Accounts::insert(ALICE, ((301_000 - 100) * 150 * 1_000, 0, 0));
		let orders = batch(&[
			ask(ALICES, 100, 100),
			ask(BOBS, 100, 100),
			ask(ALICES_OTHER, 0, 100),
			NewOrder {
				period: P1,
				..ask(ALICES, 100, 100)
			},
			NewOrder {
				period: P2,
				..ask(ALICES_OTHER, 50, 100)
			},
		]);
		assert_ok!(OrderBook::place_orders(
			RuntimeOrigin::signed(ALICE),
			orders
		));
		assert_eq!(
			refusals(),
			vec![
				(1, Error::<Test>::NotMeterOwner.into()),
				(2, Error::<Test>::BelowMinimumQuantity.into()),
				// Events carry no text of `Other`.
				(3, DispatchError::Other("")),
			]
		);
		assert_eq!(OrderBook::orders_of(ALICES).len(), 1);
		assert_eq!(OrderBook::orders_of(ALICES_OTHER)[0].period, P2);
	});
}

#[test]
fn refused_orders_of_a_batch_should_leave_nothing_behind() {
	test(|| {
		place(bid(BOBS, 50, 100));
		for i in 0..12 {
			place(ask(ALICES, 10, 200 + i));
		}
		MostTrades::set(0);
		let before = (locked(ALICE), NextOrderId::<Test>::get(), trades());
		// The first one finds no room when its money is locked already, the second one when a fill is booked.
		let orders = batch(&[ask(ALICES, 10, 150), ask(ALICES_OTHER, 10, 100)]);
		assert_ok!(OrderBook::place_orders(
			RuntimeOrigin::signed(ALICE),
			orders
		));
		assert_eq!(
			refusals(),
			vec![
				(0, Error::<Test>::TooManyOrders.into()),
				(1, DispatchError::Other("")),
			]
		);
		assert_eq!(
			before,
			(locked(ALICE), NextOrderId::<Test>::get(), trades())
		);
	});
}

#[test]
fn empty_batch_should_be_refused() {
	test(|| {
		assert_refused(
			ALICE,
			Call::place_orders { orders: batch(&[]) },
			Error::<Test>::EmptyBatch,
		)
	});
}

#[test]
fn orders_of_a_batch_should_share_the_most_fills() {
	test(|| {
		let sales: Vec<OrderId> = (0..8)
			.map(|i| place(ask([ALICES, CAROLS][i % 2], 10, 100)))
			.collect();
		let orders = batch(&[
			bid(BOBS, 30, 100),
			bid(BOBS, 40, 100),
			bid(BOBS, 10, 100),
			// Does not cross, so it needs no fill.
			bid(BOBS, 10, 99),
		]);
		let first = sales.last().unwrap().0 + 1;
		assert_ok!(OrderBook::place_orders(RuntimeOrigin::signed(BOB), orders));
		assert_eq!(trades(), vec![(100, 10); 5]);
		assert_eq!(refusals(), vec![(2, Error::<Test>::TooManyFills.into())]);
		assert_eq!(OrderBook::orders_of(BOBS).len(), 1);
		assert!(events().contains(&Event::OrderCancelled {
			order_id: OrderId(first + 1),
			who: BOB,
			meter: BOBS,
			energy: gridweave_primitives::WattHours(20),
			reason: CancelReason::FillLimit,
		}));
	});
}

#[test]
fn weight_of_a_batch_should_be_that_of_its_work() {
	test(|| {
		Charges::mutate(|charges| charges.insert(STORE, CAPACITY));
		place(ask(ALICES, 10, 100));
		let orders = batch(&[bid(BOBS, 10, 100), bid(BOBS, 0, 100), ask(STORE, 10, 200)]);
		let call = Call::<Test>::place_orders {
			orders: orders.clone(),
		};
		let charged = call.get_dispatch_info().call_weight;
		let info = OrderBook::place_orders(RuntimeOrigin::signed(BOB), orders).unwrap();
		type W = ();
		let fill = <W as crate::WeightInfo>::place_order(1)
			.saturating_sub(<W as crate::WeightInfo>::place_order(0));
		let expected = <W as crate::WeightInfo>::place_orders(3)
			.saturating_add(fill)
			.saturating_add(<W as crate::WeightInfo>::check_storage());
		assert_eq!(info.actual_weight, Some(expected));
		assert!(expected.all_lt(charged));
	});
}

#[test]
fn batch_should_cost_more_the_more_it_has() {
	test(|| {
		let weight = |n: usize| {
			let orders = batch(&vec![ask(ALICES, 10, 100); n]);
			Call::<Test>::place_orders { orders }
				.get_dispatch_info()
				.call_weight
		};
		assert!((1..8).all(|n| weight(n).all_lt(weight(n + 1))));
	});
}
