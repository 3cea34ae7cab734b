//! The call auction: against hand-worked books, against every price tried, against a linear program.

mod bad_input;
mod linear_program;
mod random_books;
mod resumed;
mod worked_books;

use gridweave_primitives::{market::Side, Price, WattHours};
use proptest::prelude::*;

use crate::auction::{Clearing, Discovery, Execution, LimitOrder, Next};

/// An order of a test book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
	side: Side,
	owner: u8,
	limit: u64,
	energy: u64,
}

impl Order {
	fn terms(self) -> LimitOrder {
		LimitOrder {
			limit: Price(self.limit),
			energy: WattHours(self.energy),
		}
	}
}

/// A trade between the orders that came as the `bid`-th and the `ask`-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trade {
	bid: usize,
	ask: usize,
	energy: u64,
}

/// Which orders of a side there are, as they trade: best first, of one price the earliest first.
fn queue(orders: &[Order], side: Side) -> Vec<usize> {
	let of_side = |index: &usize| orders[*index].side == side;
	let mut queue: Vec<_> = (0..orders.len()).filter(of_side).collect();
	queue.sort_by_key(|index| {
		let limit = i128::from(orders[*index].limit);
		let rank = if side == Side::Bid { -limit } else { limit };
		(rank, *index)
	});
	queue
}

/// What a book comes to, and how many orders, or ends of sides, were fed for it.
fn discover(orders: &[Order]) -> (Option<Clearing>, usize) {
	let [mut bids, mut asks] = [Side::Bid, Side::Ask].map(|side| queue(orders, side).into_iter());
	let mut discovery = Discovery::default();
	let mut fed = 0;
	loop {
		let next = match discovery.next() {
			Next::Order(Side::Bid) => bids.next(),
			Next::Order(Side::Ask) => asks.next(),
			Next::Done(clearing) => return (clearing, fed),
		};
		let order = next.map(|index| orders[index].terms());
		discovery.feed(order).expect("it asked for this one");
		fed += 1;
	}
}

/// The trades of a book that comes to `clearing`.
fn execute(orders: &[Order], clearing: &Clearing) -> Vec<Trade> {
	let [mut bids, mut asks] =
		[Side::Bid, Side::Ask].map(|side| queue(orders, side).into_iter().peekable());
	let mut left: Vec<_> = orders.iter().map(|order| order.terms()).collect();
	let mut execution = Execution::new(clearing);
	let mut trades = Vec::new();
	while !execution.left().is_zero() {
		let (bid, ask) = (*bids.peek().unwrap(), *asks.peek().unwrap());
		let pairing = execution
			.pair(left[bid], left[ask])
			.expect("both orders fill");
		trades.push(Trade {
			bid,
			ask,
			energy: pairing.energy.0,
		});
		left[bid].energy = pairing.bid_left;
		left[ask].energy = pairing.ask_left;
		bids.next_if(|_| pairing.bid_left.is_zero());
		asks.next_if(|_| pairing.ask_left.is_zero());
	}
	trades
}

/// How much of an order the trades fill.
fn filled(trades: &[Trade], order: usize) -> u64 {
	let of_order = trades
		.iter()
		.filter(|trade| trade.bid == order || trade.ask == order);
	of_order.map(|trade| trade.energy).sum()
}

fn arb_order(limit: impl Strategy<Value = u64>, most: u64) -> impl Strategy<Value = Order> {
	(any::<bool>(), 0u8..4, limit, 1..=most).prop_map(|(buys, owner, limit, energy)| Order {
		side: if buys { Side::Bid } else { Side::Ask },
		owner,
		limit,
		energy,
	})
}

/// Books of few prices and little energy: many orders of one price, many that come out even.
fn crowded_book() -> impl Strategy<Value = Vec<Order>> {
	proptest::collection::vec(arb_order(1u64..9, 5), 0..24)
}
