//! Orders that leave a book in the block that goes on using it: the best must be found all the same, and
//! what is deleted is counted.

use frame_support::{assert_ok, dispatch::GetDispatchInfo};
use gridweave_primitives::{OrderId, Price};

use crate::{book, mock::*, BookId, Call, Error, NewOrder, WeightInfo};

const BOOK: BookId = BookId {
	microgrid: GRID,
	period: P,
};

fn cancel(order: OrderId) {
	assert_ok!(OrderBook::cancel_order(RuntimeOrigin::signed(ALICE), order));
}

/// A thousand asks of Alice from price 1,000 upwards, in the database; then a new block.
fn thousand() -> (sp_io::TestExternalities, Vec<OrderId>) {
	let mut ext = chain();
	let orders = ext.execute_with(|| {
		MaxOrdersPerMeter::set(2_000);
		(0..1_000)
			.map(|i| place(ask(ALICES, 10, 1_000 + i)))
			.collect()
	});
	ext.commit_all().expect("nothing is open");
	ext.execute_with(|| System::set_block_number(2));
	(ext, orders)
}

#[test]
fn best_should_be_found_after_a_thousand_removals_in_the_block() {
	let (mut ext, orders) = thousand();
	ext.execute_with(|| {
		MaxRemovals::set(2_000);
		for order in &orders[..999] {
			cancel(*order);
		}
		let best = |id| {
			OrderBook::best(GRID, P, crate::mock::ask(ALICES, 1, 1).side) == OrderBook::order(id)
		};
		assert!(best(orders[999]));
		// A better one comes and goes: what is found behind it lies beyond all that was deleted.
		let better = place(ask(CAROLS, 10, 500));
		assert!(best(better));
		place(bid(BOBS, 10, 500));
		assert!(best(orders[999]));
		check();
		cancel(orders[999]);
		assert_eq!(OrderBook::market_data(GRID, P).unwrap().best_ask, None);
		check();
	});
}

#[test]
fn removal_behind_the_best_should_not_move_it() {
	let (mut ext, orders) = thousand();
	ext.execute_with(|| {
		for order in &orders[1..500] {
			cancel(*order);
		}
		check();
		cancel(orders[0]);
		assert_eq!(
			OrderBook::market_data(GRID, P).unwrap().best_ask,
			Some(Price(1_500))
		);
		check();
	});
}

#[test]
fn fills_should_walk_over_what_was_cancelled_in_the_block() {
	let (mut ext, orders) = thousand();
	ext.execute_with(|| {
		for order in orders[1..10].iter().chain(&orders[11..20]) {
			cancel(*order);
		}
		place(bid(BOBS, 30, 900_000));
		assert_eq!(trades(), vec![(1_000, 10), (1_010, 10), (1_020, 10)]);
		check();
	});
}

#[test]
fn only_so_many_orders_should_leave_a_book_in_one_block() {
	let (mut ext, orders) = thousand();
	ext.execute_with(|| {
		MaxRemovals::set(10);
		for order in &orders[..8] {
			cancel(*order);
		}
		// Two more may leave: the rest of the bid is cancelled, for it would cross the book.
		place(bid(BOBS, 40, 900_000));
		assert_eq!(trades().len(), 2);
		assert_eq!(remaining(orders[10]), Some(10));
		assert_refused(
			ALICE,
			cancelling(orders[10]),
			Error::<Test>::TooManyRemovals,
		);
		assert_refused(
			BOB,
			placing(bid(BOBS, 40, 900_000)),
			Error::<Test>::TooManyRemovals,
		);
		assert_refused(
			ALICE,
			replacing(orders[10], 10, 2_000),
			Error::<Test>::TooManyRemovals,
		);
		// Other orders than the best leave nothing to be looked for: they are only counted.
		cancel(orders[12]);
		cancel(orders[999]);
		assert_eq!(book::load::<Test>(BOOK).unwrap().removals_at(2), 12);
		// Other books, and orders that do not cross, are not affected.
		place(bid(BOBS, 40, 900));
		let other = place(NewOrder {
			period: P1,
			..ask(ALICES, 10, 100)
		});
		cancel(other);
		check();
		System::set_block_number(3);
		place(bid(BOBS, 10, 900_000));
		assert_eq!(remaining(orders[10]), None);
		check();
	});
}

#[test]
fn removals_should_be_counted_by_block() {
	test(|| {
		let orders: Vec<_> = (0..4).map(|i| place(ask(ALICES, 10, 100 + i))).collect();
		cancel(orders[3]);
		cancel(orders[0]);
		assert_eq!(book::load::<Test>(BOOK).unwrap().removals_at(1), 2);
		assert_eq!(book::load::<Test>(BOOK).unwrap().removals_at(2), 0);
		System::set_block_number(2);
		cancel(orders[1]);
		assert_eq!(book::load::<Test>(BOOK).unwrap().removals_at(2), 1);
	});
}

#[test]
fn last_order_of_a_side_should_be_cancellable_however_many_have_left() {
	test(|| {
		MaxRemovals::set(5);
		let orders: Vec<_> = (0..6).map(|i| place(ask(ALICES, 10, 100 + i))).collect();
		orders[..5].iter().for_each(|order| cancel(*order));
		cancel(orders[5]);
		assert_eq!(OrderBook::market_data(GRID, P).unwrap().asks, 0);
	});
}

#[test]
fn emptying_a_side_should_look_for_nothing_behind_it() {
	test(|| {
		// The best goes last, so nothing is looked for before either.
		let orders: Vec<_> = (0..4).map(|i| place(ask(ALICES, 10, 100 + i))).collect();
		let by_cancelling = seeks(|| orders.iter().rev().for_each(|order| cancel(*order)));
		assert_eq!(by_cancelling, 0);

		let by_trading = |energy, price| {
			seeks(|| {
				place(bid(BOBS, energy, price));
			})
		};
		place(ask(ALICES, 10, 100));
		assert_eq!(by_trading(10, 100), 0);
		// With more behind, as many are looked for as are met, and the one that is the best then.
		for i in 0..3 {
			place(ask(ALICES, 10, 100 + i));
		}
		assert_eq!(by_trading(10, 100), 1);
		assert_eq!(by_trading(20, 200), 1);
		assert_eq!(trades().len(), 4);
	});
}

#[test]
fn cancelling_should_be_charged_for_what_the_look_up_steps_over() {
	test(|| {
		let orders: Vec<_> = (0..6).map(|i| place(ask(ALICES, 10, 100 + i))).collect();
		let charged = Call::<Test>::cancel_order {
			order_id: orders[0],
		}
		.get_dispatch_info()
		.call_weight;
		let spent = |order| {
			let result = OrderBook::cancel_order(RuntimeOrigin::signed(ALICE), order);
			result.unwrap().actual_weight.unwrap()
		};
		let plain = <() as WeightInfo>::cancel_order();
		assert_eq!(spent(orders[2]), plain);
		assert_eq!(spent(orders[4]), plain);
		// The best one: two keys deleted in this block may lie behind it.
		let walked = plain.saturating_add(<() as WeightInfo>::step_over(2));
		assert_eq!(spent(orders[0]), walked);
		assert!(walked.all_lt(charged));
	});
}
