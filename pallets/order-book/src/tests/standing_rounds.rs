//! Whose standing orders have their turn when, and which are left out.

use frame_support::{assert_ok, weights::Weight};
use gridweave_primitives::{market::Side, meter::MeterKind, MeterId, MicrogridId, Period};

use crate::{
	mock::*, service::TURN, Config, Event, NewOrder, Round, StandingAgenda, StandingRounds,
	WeightInfo,
};

use Side::Ask;

type W = <Test as Config>::WeightInfo;

const OTHER_GRID: MicrogridId = MicrogridId(1);

/// Meters with a standing order each, of an account that has enough.
fn crowd(grid: MicrogridId, first: u32, count: u32) -> Vec<MeterId> {
	let meters = (first..first + count).map(MeterId);
	meters
		.inspect(|meter| {
			add_meter(*meter, ALICE, grid, MeterKind::Prosumer, 40_000);
			stand(*meter, Ask, fixed(100, 90_000));
		})
		.collect()
}

/// Room for so many turns, with so many standing orders in all of them together that rest.
fn room(turns: u64, orders: u64) -> Weight {
	// Before the last one there must be room for the dearest.
	let most = OrderBook::weight_of_execution(0);
	let turn = W::standing_base().saturating_add(W::advance_round());
	turn.saturating_mul(turns)
		.saturating_add(W::standing_order(0).saturating_mul(orders.saturating_sub(1)))
		.saturating_add(most)
}

fn meters_placed() -> Vec<MeterId> {
	let placed = placements().into_iter();
	placed.map(|(meter, ..)| meter).collect()
}

fn round() -> Round {
	StandingRounds::<Test>::get(gridweave_primitives::Be32::from(GRID)).expect("under way")
}

/// How many were skipped, and for which period, since events were last taken.
fn skips() -> Vec<(Period, u32)> {
	let skipped = |event| match event {
		Event::StandingOrdersSkipped { period, orders, .. } => Some((period, orders)),
		_ => None,
	};
	take_events().into_iter().filter_map(skipped).collect()
}

#[test]
fn round_should_go_on_in_the_next_block_where_the_budget_ended() {
	test(|| {
		let meters = crowd(GRID, 100, 5);
		take_events();
		StandingWeight::set(room(1, 2));
		for part in [&meters[..2], &meters[2..4], &meters[4..], &[]] {
			block_at(Now::get().max(start_of(Period(START.0 + 1))) + 3);
			assert_eq!(meters_placed(), part);
			check();
		}
		assert_eq!((round().period, round().orders), (Period(NEXT.0 + 1), 5));
	});
}

#[test]
fn crowded_microgrid_should_not_delay_the_others() {
	test(|| {
		let many = crowd(GRID, 100, 3 * TURN);
		let few = crowd(OTHER_GRID, 1_000, 2);
		take_events();
		StandingWeight::set(room(2, u64::from(TURN) + 2));
		open(NEXT);
		let turn = TURN as usize;
		let expected: Vec<_> = many[..turn].iter().chain(&few).copied().collect();
		assert_eq!(meters_placed(), expected);
		// The lone one has all there is then.
		StandingWeight::set(room(2, 2 * u64::from(TURN)));
		block_at(Now::get() + 3);
		assert_eq!(meters_placed(), many[turn..]);
	});
}

#[test]
fn crowded_microgrids_should_have_turns_one_after_the_other() {
	test(|| {
		let one = crowd(GRID, 100, 2 * TURN);
		let other = crowd(OTHER_GRID, 1_000, 2 * TURN);
		take_events();
		StandingWeight::set(room(1, TURN.into()));
		let turn = TURN as usize;
		for part in [&one[..turn], &other[..turn], &one[turn..], &other[turn..]] {
			block_at(Now::get().max(start_of(Period(START.0 + 1))) + 3);
			assert_eq!(meters_placed(), part);
		}
	});
}

#[test]
fn period_that_opens_late_should_be_waited_for() {
	test(|| {
		let meters = crowd(GRID, 100, 2);
		take_events();
		let late = start_of(Period(START.0 + 1)) + 9;
		OpenLate::mutate(|periods| periods.insert((GRID, NEXT), late));
		for _ in 0..3 {
			block_at(Now::get().max(late - 12) + 3);
			check();
			let expected = if Now::get() < late { &[] } else { &meters[..] };
			assert_eq!(meters_placed(), expected);
		}
	});
}

#[test]
fn period_that_never_opens_should_be_left_out() {
	test(|| {
		crowd(GRID, 100, 1);
		take_events();
		OpenLate::mutate(|periods| periods.insert((GRID, NEXT), u64::MAX));
		open(NEXT);
		assert_eq!(placements(), vec![]);
		let after = Period(NEXT.0 + 1);
		open(after);
		let placed = placements();
		assert!(matches!(placed[..], [(_, Ask, period, 100)] if period == after));
		assert_eq!(skips(), vec![]);
	});
}

#[test]
fn what_is_left_when_the_gate_closes_should_be_skipped_and_counted() {
	test(|| {
		let meters = crowd(GRID, 100, 5);
		take_events();
		StandingWeight::set(room(1, 2));
		open(NEXT);
		assert_eq!(meters_placed(), meters[..2]);
		block_at(gate(NEXT));
		assert_eq!(skips(), vec![(NEXT, 3)]);
		// The next is open yet, and nobody has had it.
		block_at(gate(NEXT) + 3);
		let placed = placements();
		assert_eq!(placed.len(), 2);
		assert!(placed
			.iter()
			.all(|(_, _, period, _)| period.0 == NEXT.0 + 1));
	});
}

#[test]
fn standing_order_that_is_given_behind_the_round_should_wait() {
	test(|| {
		let meters = crowd(GRID, 100, 3);
		StandingWeight::set(room(1, 2));
		open(NEXT);
		assert_eq!(round().left(), 1);
		take_events();
		// Before where the round is, and after.
		let early = crowd(GRID, 50, 1);
		let late = crowd(GRID, 200, 1);
		check();
		StandingWeight::set(room(9, 9));
		take_events();
		block_at(Now::get() + 3);
		assert_eq!(meters_placed(), vec![meters[2], late[0]]);
		open(Period(NEXT.0 + 1));
		let all = early.into_iter().chain(meters).chain(late);
		assert_eq!(meters_placed(), all.collect::<Vec<_>>());
	});
}

#[test]
fn standing_orders_may_end_while_the_round_is_under_way() {
	for gone in [[0, 1], [1, 2], [2, 3], [0, 3]] {
		test(|| {
			let meters = crowd(GRID, 100, 4);
			StandingWeight::set(room(1, 2));
			open(NEXT);
			for n in gone {
				assert_ok!(dispatch(ALICE, ending(meters[n], Ask)));
				check();
			}
			take_events();
			StandingWeight::set(room(9, 9));
			block_at(Now::get() + 3);
			let left = [2, 3].into_iter().filter(|n| !gone.contains(n));
			assert_eq!(meters_placed(), left.map(|n| meters[n]).collect::<Vec<_>>());
			assert_eq!((round().period.0, round().orders), (NEXT.0 + 1, 2));
		});
	}
}

#[test]
fn standing_order_that_is_given_again_should_not_be_executed_twice() {
	test(|| {
		stand(ALICES, Ask, fixed(100, 90_000));
		open(NEXT);
		assert_eq!(OrderBook::orders_of(ALICES).len(), 1);
		// While the round waits for the next period, and when it had to begin anew.
		for wait in [0, 3] {
			assert_ok!(dispatch(ALICE, ending(ALICES, Ask)));
			block_at(Now::get() + wait);
			stand(ALICES, Ask, fixed(100, 90_000));
			block_at(Now::get() + 3);
			assert_eq!(OrderBook::orders_of(ALICES).len(), 1);
		}
		open(Period(NEXT.0 + 1));
		assert_eq!(OrderBook::orders_of(ALICES).len(), 2);
	});
}

#[test]
fn block_in_which_nothing_is_due_should_look_once() {
	test(|| {
		crowd(GRID, 100, 3);
		crowd(OTHER_GRID, 200, 3);
		let idle = seeks(|| block_at(Now::get() + 3));
		assert_eq!(idle, 1);
	});
	// Without any, not even that.
	test(|| assert_eq!(seeks(|| block_at(Now::get() + 3)), 0));
}

#[test]
fn nothing_should_be_sought_behind_the_last() {
	test(|| {
		crowd(GRID, 100, 3);
		// Each order is sought once; the agenda for this microgrid, and once in vain.
		let sought = seeks(|| open(NEXT));
		assert_eq!(sought, 3 + 2);
		assert_eq!(StandingAgenda::<Test>::count(), 1);
	});
}

#[test]
fn budget_without_room_for_the_dearest_should_start_nothing() {
	test(|| {
		let meters = crowd(GRID, 100, 1);
		take_events();
		let turn = W::standing_base().saturating_add(W::advance_round());
		let most = OrderBook::weight_of_execution(0);
		StandingWeight::set(
			turn.saturating_add(most)
				.saturating_sub(Weight::from_parts(1, 0)),
		);
		open(NEXT);
		assert_eq!(meters_placed(), vec![]);
		StandingWeight::set(turn.saturating_add(most));
		block_at(Now::get() + 3);
		assert_eq!(meters_placed(), meters);
	});
}

#[test]
fn idle_time_should_be_used_when_the_budget_is_not_enough() {
	test(|| {
		let meters = crowd(GRID, 100, 6);
		StandingWeight::set(room(1, 2));
		take_events();
		open(NEXT);
		assert_eq!(meters_placed(), meters[..2]);
		let books = <W as WeightInfo>::service_base();
		idle(books.saturating_add(room(1, 3)));
		assert_eq!(meters_placed(), meters[2..5]);
		check();
		// Behind what had its turn in this block.
		idle(books.saturating_add(room(1, 3)));
		assert_eq!(meters_placed(), meters[5..]);
		check();
		// Nothing is left: a look at the agenda of books, and one at that of standing orders.
		let looks = seeks(|| {
			idle(Weight::MAX);
		});
		assert_eq!(looks, 2);
	});
}

#[test]
fn what_calls_deleted_in_the_block_should_be_charged_to_be_stepped_over() {
	test(|| {
		let meters = crowd(GRID, 100, 6);
		StandingWeight::set(room(1, 2));
		open(NEXT);
		for meter in &meters[1..4] {
			assert_ok!(dispatch(ALICE, ending(*meter, Ask)));
		}
		take_events();
		let books = <W as WeightInfo>::service_base();
		let plain = books.saturating_add(room(1, 1));
		idle(plain);
		assert_eq!(meters_placed(), vec![]);
		let step_over = <W as WeightInfo>::step_over(3);
		idle(plain.saturating_add(step_over));
		assert_eq!(meters_placed(), vec![meters[4]]);
		// In the next block nothing of it is left.
		StandingWeight::set(room(1, 1));
		block_at(Now::get() + 3);
		assert_eq!(meters_placed(), vec![meters[5]]);
	});
}

#[test]
fn book_that_too_many_orders_have_left_should_wait_for_the_next_block() {
	test(|| {
		MaxRemovals::set(5);
		stand(BOBS, Side::Bid, fixed(100, 95_000));
		let room = StandingWeight::mutate(core::mem::take);
		open(NEXT);
		let orders: Vec<_> = (0..4)
			.map(|n| NewOrder {
				period: NEXT,
				..ask(ALICES, 100, 90_000 + n)
			})
			.map(place)
			.collect();
		for order in &orders[..3] {
			assert_ok!(dispatch(ALICE, cancelling(*order)));
		}
		idle(Weight::MAX);
		assert_eq!(trades(), vec![]);
		StandingWeight::set(room);
		block_at(Now::get() + 3);
		assert_eq!(trades(), vec![(90_003, 100)]);
	});
}
