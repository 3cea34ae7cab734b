//! Books whose clearing is worked out by hand.

use super::*;
use crate::auction::Margin;

/// The orders of bids and asks, each `(limit, energy)`: the bids came first.
fn book(bids: &[(u64, u64)], asks: &[(u64, u64)]) -> Vec<Order> {
	let side = |side, orders: &[(u64, u64)]| {
		let order = |&(limit, energy)| Order {
			side,
			owner: 0,
			limit,
			energy,
		};
		orders.iter().map(order).collect::<Vec<_>>()
	};
	[side(Side::Bid, bids), side(Side::Ask, asks)].concat()
}

/// What a book should come to: volume, lowest and highest clearing price, price, and the margins of bids
/// and asks.
type Expected = (u64, [u64; 2], u64, [(u64, u64); 2]);

fn assert_clears(bids: &[(u64, u64)], asks: &[(u64, u64)], expected: Expected) {
	let (volume, [low, high], price, margins) = expected;
	let [bid_margin, ask_margin] = margins.map(|(limit, filled)| Margin {
		limit: Price(limit),
		filled: WattHours(filled),
	});
	let clearing = Clearing {
		volume: WattHours(volume),
		low: Price(low),
		high: Price(high),
		bid_margin,
		ask_margin,
	};
	let (found, _) = discover(&book(bids, asks));
	assert_eq!(found, Some(clearing), "{bids:?} {asks:?}");
	assert_eq!(clearing.price(), Price(price), "{bids:?} {asks:?}");
}

#[test]
fn book_that_does_not_cross_should_have_no_price() {
	for (bids, asks) in [
		(&[][..], &[][..]),
		(&[(10, 5), (9, 5)], &[]),
		(&[], &[(10, 5), (11, 5)]),
		(&[(10, 5), (3, 900)], &[(11, 5), (20, 900)]),
	] {
		assert_eq!(discover(&book(bids, asks)).0, None, "{bids:?} {asks:?}");
	}
}

#[test]
fn price_should_lie_midway_between_the_last_orders_that_fill_where_nothing_is_left() {
	assert_clears(&[(10, 5)], &[(6, 5)], (5, [6, 10], 8, [(10, 5), (6, 5)]));
	// Rounded down.
	assert_clears(&[(9, 5)], &[(6, 5)], (5, [6, 9], 7, [(9, 5), (6, 5)]));
	// No spread, no choice.
	assert_clears(
		&[(10, 5)],
		&[(10, 5)],
		(5, [10, 10], 10, [(10, 5), (10, 5)]),
	);
	assert_clears(
		&[(20, 3), (12, 3)],
		&[(1, 2), (2, 2), (8, 2)],
		(6, [8, 12], 10, [(12, 3), (8, 2)]),
	);
}

#[test]
fn order_that_fills_in_part_should_set_the_price() {
	assert_clears(
		&[(12, 5), (10, 5)],
		&[(4, 7)],
		(7, [10, 10], 10, [(10, 2), (4, 7)]),
	);
	assert_clears(
		&[(12, 7)],
		&[(4, 5), (6, 5)],
		(7, [6, 6], 6, [(12, 7), (6, 2)]),
	);
	// Both sides have orders of the price; the greater side is not filled wholly.
	assert_clears(
		&[(10, 4), (10, 4)],
		&[(10, 3), (10, 9)],
		(8, [10, 10], 10, [(10, 8), (10, 8)]),
	);
}

#[test]
fn first_orders_that_go_unfilled_should_bound_the_price() {
	// On both sides, nearer than the last that fill.
	assert_clears(
		&[(20, 5), (9, 5)],
		&[(3, 5), (12, 5)],
		(5, [9, 12], 10, [(20, 5), (3, 5)]),
	);
	// Farther than the last that fill: no bound.
	assert_clears(
		&[(10, 5), (2, 5)],
		&[(8, 5), (15, 5)],
		(5, [8, 10], 9, [(10, 5), (8, 5)]),
	);
	// Only a bid is left, only an ask is left.
	assert_clears(
		&[(20, 5), (9, 5)],
		&[(3, 5)],
		(5, [9, 20], 14, [(20, 5), (3, 5)]),
	);
	assert_clears(
		&[(20, 5)],
		&[(3, 5), (12, 5)],
		(5, [3, 12], 7, [(20, 5), (3, 5)]),
	);
	// An unfilled bid of the price itself: nobody is strictly better.
	assert_clears(
		&[(10, 5), (10, 5)],
		&[(3, 5)],
		(5, [10, 10], 10, [(10, 5), (3, 5)]),
	);
}

#[test]
fn margin_should_be_what_fills_of_its_level() {
	assert_clears(
		&[(11, 1), (10, 3), (10, 3), (10, 3), (9, 50)],
		&[(5, 4), (5, 1)],
		(5, [10, 10], 10, [(10, 4), (5, 5)]),
	);
}

#[test]
fn highest_limits_should_not_overflow() {
	assert_clears(
		&[(u64::MAX, 5)],
		&[(u64::MAX - 2, 5)],
		(
			5,
			[u64::MAX - 2, u64::MAX],
			u64::MAX - 1,
			[(u64::MAX, 5), (u64::MAX - 2, 5)],
		),
	);
	assert_clears(
		&[(u64::MAX, 5)],
		&[(0, 5)],
		(5, [0, u64::MAX], u64::MAX / 2, [(u64::MAX, 5), (0, 5)]),
	);
}

#[test]
fn trades_should_be_paired_by_price_then_time() {
	// Arrival: 0, 1, 2 buy, 3, 4, 5 sell. 12 Wh are offered below 10, of 15 Wh that are wanted there.
	let orders = book(&[(10, 5), (12, 5), (10, 5)], &[(6, 5), (4, 7), (11, 1)]);
	let (clearing, _) = discover(&orders);
	let clearing = clearing.unwrap();
	assert_eq!(
		(clearing.volume, clearing.price()),
		(WattHours(12), Price(10))
	);
	let trade = |bid, ask, energy| Trade { bid, ask, energy };
	assert_eq!(
		execute(&orders, &clearing),
		[
			trade(1, 4, 5),
			trade(0, 4, 2),
			trade(0, 3, 3),
			trade(2, 3, 2)
		],
	);
}

#[test]
fn orders_beyond_the_crossing_should_not_be_read() {
	let beyond: Vec<_> = (0..1_000).map(|step| (9 - step % 9, 5)).collect();
	let bids = [&[(20, 5), (19, 5)][..], &beyond].concat();
	let asks: Vec<_> = (0..1_000).map(|step| (10 + step, 10)).collect();
	let (clearing, fed) = discover(&book(&bids, &asks));
	assert_eq!(clearing.unwrap().volume, WattHours(10));
	// Two bids and an ask that fill, and one more of each side.
	assert_eq!(fed, 5);
}
