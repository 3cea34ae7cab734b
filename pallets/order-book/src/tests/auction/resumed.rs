//! An auction that is stored and taken up again comes to the same as one in a single go.

use codec::{Decode, Encode, MaxEncodedLen};
use proptest::test_runner::Config;

use super::*;

/// As from storage in a later block.
fn stored<State: Encode + Decode + MaxEncodedLen>(state: State) -> State {
	let bytes = state.encode();
	assert!(bytes.len() <= State::max_encoded_len());
	State::decode(&mut &bytes[..]).expect("it was encoded")
}

/// The discovery in turns of `steps`: kept between them are its state and how many orders of either side
/// were fed.
fn discover_in_turns(orders: &[Order], steps: usize) -> Option<Clearing> {
	let mut kept = Discovery::default();
	let mut cursors = [0, 0];
	loop {
		let mut discovery = stored(kept);
		let [mut bids, mut asks] = [(Side::Bid, cursors[0]), (Side::Ask, cursors[1])]
			.map(|(side, cursor)| queue(orders, side).into_iter().skip(cursor));
		for _ in 0..steps {
			let next = match discovery.next() {
				Next::Order(Side::Bid) => {
					cursors[0] += 1;
					bids.next()
				}
				Next::Order(Side::Ask) => {
					cursors[1] += 1;
					asks.next()
				}
				Next::Done(clearing) => return clearing.map(stored),
			};
			let order = next.map(|index| orders[index].terms());
			discovery.feed(order).expect("it asked for this one");
		}
		kept = discovery;
	}
}

/// The execution in turns of `steps`: kept between them are its state and what is left in the book.
fn execute_in_turns(orders: &[Order], clearing: &Clearing, steps: usize) -> Vec<Trade> {
	let mut kept = Execution::new(clearing);
	let mut book = orders.to_vec();
	let mut trades = Vec::new();
	while !kept.left().is_zero() {
		let mut execution = stored(kept);
		for _ in 0..steps {
			if execution.left().is_zero() {
				break;
			}
			let best = |side| {
				let mut queue = queue(&book, side).into_iter();
				queue.find(|index| book[*index].energy > 0).unwrap()
			};
			let (bid, ask) = (best(Side::Bid), best(Side::Ask));
			let pairing = execution
				.pair(book[bid].terms(), book[ask].terms())
				.expect("both orders fill");
			book[bid].energy = pairing.bid_left.0;
			book[ask].energy = pairing.ask_left.0;
			trades.push(Trade {
				bid,
				ask,
				energy: pairing.energy.0,
			});
		}
		kept = execution;
	}
	trades
}

proptest! {
	#![proptest_config(Config::with_cases(1_000))]

	#[test]
	fn auction_in_turns_should_come_to_the_same(orders in crowded_book(), steps in 1usize..6) {
		let whole = discover(&orders).0;
		prop_assert_eq!(discover_in_turns(&orders, steps), whole);
		if let Some(clearing) = whole {
			let trades = execute(&orders, &clearing);
			prop_assert_eq!(execute_in_turns(&orders, &clearing, steps), trades);
		}
	}
}

#[test]
fn states_should_have_the_sizes_that_storage_reckons_with() {
	assert_eq!(Discovery::max_encoded_len(), 76);
	assert_eq!(Execution::max_encoded_len(), 16);
}
