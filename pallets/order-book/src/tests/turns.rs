//! Whose turn it is when much is due, and what is left of a block.

use frame_support::{assert_ok, weights::Weight};
use gridweave_primitives::{
	meter::MeterKind, traits::MeterCommitments, MeterId, MicrogridId, OrderId, Period, PeriodClock,
};
use proptest::prelude::*;

use crate::{mock::*, service::TURN, Agenda, Books, Config, NewOrder, Orders, Served, WeightInfo};

type W = <Test as Config>::WeightInfo;

const OTHER_GRID: MicrogridId = MicrogridId(1);
/// Carol's meter in the other microgrid.
const ELSEWHERE: MeterId = MeterId(77);

fn with_two_grids(f: impl FnOnce()) {
	test(|| {
		add_meter(ELSEWHERE, CAROL, OTHER_GRID, MeterKind::Prosumer, 40_000);
		MaxOrdersPerMeter::set(1_000);
		f();
	});
}

fn open(meter: MeterId) -> usize {
	OrderBook::orders_of(meter).len()
}

fn fill_book(meter: MeterId, period: Period, orders: u32) -> Vec<OrderId> {
	let order = |i| NewOrder {
		period,
		..ask(meter, 10, 100 + u64::from(i))
	};
	(0..orders).map(|i| place(order(i))).collect()
}

/// Room for so many turns, with so many orders in all of them together.
fn room(turns: u64, orders: u64) -> Weight {
	let turn = W::service_base().saturating_add(W::advance_book());
	turn.saturating_mul(turns)
		.saturating_add(W::expire_order().saturating_mul(orders))
}

#[test]
fn crowded_book_should_not_delay_the_others() {
	with_two_grids(|| {
		fill_book(ALICES, P, 10 * TURN);
		fill_book(ELSEWHERE, P, 3);
		ServiceWeight::set(room(2, u64::from(TURN) + 3));
		block_at(gate(P));
		assert_eq!(open(ALICES), 9 * TURN as usize);
		assert_eq!(open(ELSEWHERE), 0);
	});
}

#[test]
fn crowded_books_should_have_turns_one_after_the_other() {
	with_two_grids(|| {
		fill_book(ALICES, P, 3 * TURN);
		fill_book(ELSEWHERE, P, 3 * TURN);
		// One turn a block.
		ServiceWeight::set(room(1, TURN.into()));
		let turn = TURN as usize;
		for (block, left) in (0..).zip([(2, 3), (2, 2), (1, 2), (1, 1), (0, 1), (0, 0)]) {
			block_at(gate(P) + 3 * block);
			check();
			let expected = (left.0 * turn, left.1 * turn);
			assert_eq!((open(ALICES), open(ELSEWHERE)), expected);
		}
	});
}

#[test]
fn lone_crowded_book_should_have_all_there_is() {
	with_two_grids(|| {
		fill_book(ALICES, P, 3 * TURN);
		ServiceWeight::set(room(3, 3 * u64::from(TURN)));
		block_at(gate(P));
		assert_eq!(open(ALICES), 0);
		assert!(!OrderBook::has_commitments(ALICES));
	});
}

#[test]
fn book_that_became_due_later_should_come_after_those_that_wait() {
	with_two_grids(|| {
		fill_book(ELSEWHERE, P, 2 * TURN);
		ServiceWeight::set(room(1, TURN.into()));
		block_at(gate(P));
		fill_book(ALICES, P1, TURN);
		block_at(gate(P1));
		assert_eq!((open(ELSEWHERE), open(ALICES)), (0, TURN as usize));
		block_at(gate(P1) + 3);
		assert_eq!(open(ALICES), 0);
	});
}

#[test]
fn idle_time_should_be_used_when_the_budget_is_not_enough() {
	with_two_grids(|| {
		fill_book(ALICES, P, 3 * TURN);
		ServiceWeight::set(room(1, 10));
		block_at(gate(P));
		assert_eq!(open(ALICES), 3 * TURN as usize - 10);
		check();
		// No room for a step: nothing.
		idle(room(1, 1).saturating_sub(Weight::from_parts(1, 0)));
		assert_eq!(open(ALICES), 3 * TURN as usize - 10);
		idle(room(2, 40));
		assert_eq!(open(ALICES), 3 * TURN as usize - 50);
		check();
		idle(Weight::MAX);
		assert_eq!(open(ALICES), 0);
		check();
		// Nothing is left: one look, and one for standing orders.
		let looks = W::service_base().saturating_add(W::standing_base());
		assert_eq!(idle(Weight::MAX), looks);
	});
}

#[test]
fn idle_block_without_room_should_do_nothing() {
	test(|| {
		place(ask(ALICES, 10, 100));
		assert_eq!(idle(Weight::zero()), Weight::zero());
	});
}

#[test]
fn idle_time_should_go_on_behind_what_had_its_turn() {
	with_two_grids(|| {
		for period in [P, P1, P2] {
			fill_book(ALICES, period, 2);
			fill_book(ELSEWHERE, period, 2);
		}
		let served = || {
			let (in_block, (.., grid, period)) = Served::<Test>::get().expect("some had a turn");
			assert_eq!(u64::from(in_block), System::block_number());
			(grid.get(), Period(period.get()))
		};
		// All six are due, two have their turn. Of each, one order is looked for behind the first.
		ServiceWeight::set(room(2, 4));
		assert_eq!(seeks(|| block_at(gate(P2))), 2 + 2);
		assert_eq!(served(), (1, P));
		let idle_seeks = |left| {
			seeks(|| {
				idle(left);
			})
		};
		assert_eq!(idle_seeks(room(2, 4)), 2 + 2);
		assert_eq!(served(), (1, P1));
		// And one look that finds nothing more.
		assert_eq!(idle_seeks(Weight::MAX), 2 + 2 + 1);
		assert_eq!(served(), (1, P2));
		assert_eq!(Orders::<Test>::iter().count(), 0);
	});
}

#[test]
fn orders_cancelled_in_the_block_should_be_charged_to_be_stepped_over() {
	test(|| {
		let orders = fill_book(ALICES, P, 12);
		ServiceWeight::set(Weight::zero());
		block_at(gate(P));
		for order in &orders[4..7] {
			assert_ok!(dispatch(ALICE, cancelling(*order)));
		}
		let expected = room(1, 9)
			.saturating_add(W::step_over(3))
			.saturating_add(W::service_base())
			.saturating_add(W::standing_base());
		assert_eq!(idle(Weight::MAX), expected);
	});
}

#[test]
fn empty_agenda_should_not_be_looked_into() {
	test(|| assert_eq!(seeks(|| block_at(gate(P))), 0));
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

	/// However little room there is, and whenever: every order expires, everything is freed, and no block
	/// does more than it has room for.
	#[test]
	fn everything_should_be_done_in_the_end(
		sizes in proptest::collection::vec(0u32..80, 6),
		blocks in proptest::collection::vec((1u64..1_000, 0u64..60, 0u64..60), 1..40),
	) {
		with_two_grids(|| {
			let books = [P, P1, P2].into_iter().flat_map(|period| {
				[(ALICES, period), (ELSEWHERE, period)]
			});
			for ((meter, period), size) in books.zip(sizes) {
				fill_book(meter, period, size);
				place(NewOrder { period, ..bid(BOBS, 15, 100) });
			}
			let mut now = Now::get();
			for (seconds, budget, left) in blocks {
				now += seconds;
				ServiceWeight::set(room(1, budget));
				block_at(now);
				check();
				idle(room(1, left));
				check();
			}
			now = now.max(PeriodClock::default().expires_at(P2));
			ServiceWeight::set(room(1, 5));
			for _ in 0..200 {
				now += 3;
				block_at(now);
				check();
			}
			let left = (
				Agenda::<Test>::count(),
				Books::<Test>::iter().count(),
				Orders::<Test>::iter().count(),
				dealing(),
			);
			assert_eq!(left, (0, 0, 0, 0));
			assert_eq!((locked(ALICE), locked(BOB), locked(CAROL)), (0, 0, 0));
		});
	}
}
