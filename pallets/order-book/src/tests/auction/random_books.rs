//! Random books, against rules that share nothing with the auction: every price tried, every order's fill
//! computed from those before it.

use gridweave_primitives::units::{ENERGY_BOUND, PRICE_BOUND};
use proptest::test_runner::Config;

use super::*;

/// Books of any prices and energies that orders may have.
fn wide_book() -> impl Strategy<Value = Vec<Order>> {
	proptest::collection::vec(arb_order(1..PRICE_BOUND, ENERGY_BOUND - 1), 0..12)
}

fn any_book() -> impl Strategy<Value = Vec<Order>> {
	prop_oneof![3 => crowded_book(), 1 => wide_book()]
}

/// How much of a side is offered at limits that `counts`.
fn offered(orders: &[Order], side: Side, counts: impl Fn(u64) -> bool) -> u64 {
	let of_side = orders
		.iter()
		.filter(|order| order.side == side && counts(order.limit));
	of_side.map(|order| order.energy).sum()
}

/// The largest volume of any price, and the lowest and the highest of the prices that trade it and that no
/// unfilled order is strictly better than.
fn brute_force(orders: &[Order]) -> Option<(u64, u64, u64)> {
	let beside = |order: &Order| [order.limit - 1, order.limit, order.limit + 1];
	let prices: Vec<_> = orders.iter().flat_map(beside).collect();
	let volume_at = |price| {
		let bids = offered(orders, Side::Bid, |limit| limit >= price);
		let asks = offered(orders, Side::Ask, |limit| limit <= price);
		bids.min(asks)
	};
	let volume = prices.iter().map(|price| volume_at(*price)).max()?;
	let clears = |price: u64| {
		volume_at(price) == volume
			&& offered(orders, Side::Bid, |limit| limit > price) <= volume
			&& offered(orders, Side::Ask, |limit| limit < price) <= volume
	};
	let clearing = || prices.iter().copied().filter(|price| clears(*price));
	(volume > 0).then(|| (volume, clearing().min().unwrap(), clearing().max().unwrap()))
}

/// How much of an order should fill: what those that trade before it leave of the volume.
fn expected_fill(orders: &[Order], order: usize, volume: u64) -> u64 {
	let Order {
		side,
		limit,
		energy,
		..
	} = orders[order];
	let better = |other: u64| match side {
		Side::Bid => other > limit,
		Side::Ask => other < limit,
	};
	let earlier = offered(&orders[..order], side, |other| other == limit);
	let before = offered(orders, side, better) + earlier;
	volume.saturating_sub(before).min(energy)
}

/// The orders that placing lets into the book: none that crosses one of its owner's.
fn without_own_crossings(orders: Vec<Order>) -> Vec<Order> {
	let mut placed: Vec<Order> = Vec::new();
	for order in orders {
		let crosses = |other: &Order| {
			other.owner == order.owner
				&& match order.side {
					Side::Bid => other.side == Side::Ask && other.limit <= order.limit,
					Side::Ask => other.side == Side::Bid && other.limit >= order.limit,
				}
		};
		if !placed.iter().any(crosses) {
			placed.push(order);
		}
	}
	placed
}

proptest! {
	#![proptest_config(Config::with_cases(3_000))]

	#[test]
	fn clearing_should_be_that_of_every_price_tried(orders in any_book()) {
		let found = discover(&orders).0;
		let figures = found.map(|found| (found.volume.0, found.low.0, found.high.0));
		prop_assert_eq!(figures, brute_force(&orders));
		if let Some(found) = found {
			let midpoint = (u128::from(found.low.0) + u128::from(found.high.0)) / 2;
			prop_assert_eq!(u128::from(found.price().0), midpoint);
			for (side, margin) in [(Side::Bid, found.bid_margin), (Side::Ask, found.ask_margin)] {
				let last = queue(&orders, side)
					.into_iter()
					.rfind(|order| expected_fill(&orders, *order, found.volume.0) > 0)
					.unwrap();
				let level = (0..orders.len())
					.filter(|order| orders[*order].side == side)
					.filter(|order| orders[*order].limit == orders[last].limit)
					.map(|order| expected_fill(&orders, order, found.volume.0))
					.sum::<u64>();
				prop_assert_eq!((margin.limit.0, margin.filled.0), (orders[last].limit, level));
			}
		}
	}

	#[test]
	fn trades_should_fill_each_order_by_price_then_time(orders in any_book()) {
		let Some(clearing) = discover(&orders).0 else {
			return Ok(());
		};
		let trades = execute(&orders, &clearing);
		let (volume, price) = (clearing.volume.0, clearing.price().0);
		for (index, order) in orders.iter().enumerate() {
			let fill = filled(&trades, index);
			prop_assert_eq!(fill, expected_fill(&orders, index, volume));
			let (strictly_better, worse) = match order.side {
				Side::Bid => (order.limit > price, order.limit < price),
				Side::Ask => (order.limit < price, order.limit > price),
			};
			prop_assert!(!strictly_better || fill == order.energy, "unfilled: {:?}", order);
			prop_assert!(!worse || fill == 0, "beyond its limit: {:?}", order);
		}
	}

	#[test]
	fn trades_should_buy_and_sell_the_volume(orders in any_book()) {
		let Some(clearing) = discover(&orders).0 else {
			return Ok(());
		};
		let trades = execute(&orders, &clearing);
		let of_side = |side| {
			let orders = (0..orders.len()).filter(|index| orders[*index].side == side);
			orders.map(|index| filled(&trades, index)).collect::<Vec<_>>()
		};
		let (bought, sold) = (of_side(Side::Bid), of_side(Side::Ask));
		prop_assert_eq!(bought.iter().sum::<u64>(), clearing.volume.0);
		prop_assert_eq!(sold.iter().sum::<u64>(), clearing.volume.0);
		prop_assert!(trades.iter().all(|trade| trade.energy > 0));
		let fill = bought.iter().chain(&sold).filter(|energy| **energy > 0).count();
		prop_assert!(trades.len() < fill, "{} trades of {} orders", trades.len(), fill);
	}

	#[test]
	fn discovery_should_read_what_fills_and_one_more_of_each_side(orders in any_book()) {
		let (found, fed) = discover(&orders);
		let volume = found.map_or(0, |clearing| clearing.volume.0);
		let fill = (0..orders.len())
			.filter(|order| expected_fill(&orders, *order, volume) > 0)
			.count();
		prop_assert!(fed <= fill + 2, "{} fed, {} fill", fed, fill);
	}

	#[test]
	fn order_of_arrival_should_change_neither_price_nor_volume(
		(orders, shuffled) in any_book()
			.prop_flat_map(|orders| (Just(orders.clone()), Just(orders).prop_shuffle())),
	) {
		prop_assert_eq!(discover(&orders).0, discover(&shuffled).0);
	}

	#[test]
	fn nobody_should_trade_with_themselves_where_no_own_orders_cross(orders in crowded_book()) {
		let orders = without_own_crossings(orders);
		let Some(clearing) = discover(&orders).0 else {
			return Ok(());
		};
		for trade in execute(&orders, &clearing) {
			prop_assert_ne!(orders[trade.bid].owner, orders[trade.ask].owner);
		}
	}
}
