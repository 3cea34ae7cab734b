//! Orders that do not belong where they are fed: refused, and nothing changes.

use gridweave_primitives::units::ENERGY_BOUND;

use super::*;
use crate::auction::{FeedError, PairError, Pairing};

fn order(limit: u64, energy: u64) -> LimitOrder {
	LimitOrder {
		limit: Price(limit),
		energy: WattHours(energy),
	}
}

fn fed(orders: &[Option<LimitOrder>]) -> Discovery {
	let mut discovery = Discovery::default();
	for order in orders {
		discovery.feed(*order).unwrap();
	}
	discovery
}

/// To trade 5 Wh at 8.
fn execution_of_five() -> Execution {
	let discovery = fed(&[Some(order(10, 5)), Some(order(6, 5)), None, None]);
	match discovery.next() {
		Next::Done(Some(clearing)) => Execution::new(&clearing),
		other => panic!("{other:?}"),
	}
}

#[test]
fn discovery_should_refuse_what_it_cannot_take() {
	let one_bid = fed(&[Some(order(10, 5))]);
	let bid_filled = fed(&[Some(order(10, 5)), Some(order(7, 9))]);
	let ask_filled = fed(&[Some(order(10, 5)), Some(order(7, 2))]);
	let done = fed(&[Some(order(10, 5)), None]);
	for (before, refused, error) in [
		(one_bid, Some(order(7, 0)), FeedError::EnergyOutOfBounds),
		(
			one_bid,
			Some(order(7, ENERGY_BOUND)),
			FeedError::EnergyOutOfBounds,
		),
		(bid_filled, Some(order(11, 5)), FeedError::NotInOrder),
		(ask_filled, Some(order(6, 5)), FeedError::NotInOrder),
		(done, Some(order(7, 5)), FeedError::Done),
		(done, None, FeedError::Done),
	] {
		let mut discovery = before;
		assert_eq!(discovery.feed(refused), Err(error), "{refused:?}");
		assert_eq!(discovery, before, "{refused:?}");
	}
}

#[test]
fn discovery_should_take_orders_at_the_bounds() {
	let most = ENERGY_BOUND - 1;
	let discovery = fed(&[
		Some(order(10, most)),
		Some(order(10, most)),
		Some(order(10, most)),
		None,
	]);
	assert!(
		matches!(discovery.next(), Next::Done(Some(clearing)) if clearing.volume == WattHours(most))
	);
}

#[test]
fn execution_should_refuse_orders_that_do_not_fill() {
	let before = execution_of_five();
	assert_eq!((before.price(), before.left()), (Price(8), WattHours(5)));
	let mut done = before;
	done.pair(order(8, 5), order(8, 5)).unwrap();
	for (before, bid, ask, error) in [
		(
			before,
			order(7, 5),
			order(6, 5),
			PairError::BeyondLimit(Side::Bid),
		),
		(
			before,
			order(8, 5),
			order(9, 5),
			PairError::BeyondLimit(Side::Ask),
		),
		(
			before,
			order(8, 0),
			order(8, 5),
			PairError::EnergyOutOfBounds(Side::Bid),
		),
		(
			before,
			order(8, 5),
			order(8, ENERGY_BOUND),
			PairError::EnergyOutOfBounds(Side::Ask),
		),
		(done, order(8, 5), order(8, 5), PairError::Done),
	] {
		let mut execution = before;
		assert_eq!(execution.pair(bid, ask), Err(error));
		assert_eq!(execution, before, "{error:?}");
	}
}

#[test]
fn execution_should_never_trade_more_than_the_volume() {
	let mut execution = execution_of_five();
	let pairing = execution.pair(order(10, 9), order(6, 7)).unwrap();
	let Pairing {
		energy,
		bid_left,
		ask_left,
	} = pairing;
	assert_eq!([energy, bid_left, ask_left], [5, 4, 2].map(WattHours));
	assert!(execution.left().is_zero());
}
