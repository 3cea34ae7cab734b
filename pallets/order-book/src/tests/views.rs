//! What clients are told.

use gridweave_primitives::{market::Side, Price, WattHours};

use crate::{mock::*, runtime_api::Level, NewOrder};

fn level(price: u64, energy: u64, orders: u32) -> Level {
	Level {
		price: Price(price),
		energy: WattHours(energy),
		orders,
	}
}

#[test]
fn depth_should_sum_each_price_best_first() {
	test(|| {
		for (energy, price) in [(10, 90), (20, 80), (30, 90), (40, 100)] {
			place(bid(BOBS, energy, price));
			place(ask(ALICES, energy, price + 100));
		}
		let depth = |side, levels| OrderBook::depth(GRID, P, side, levels);
		let bids = vec![level(100, 40, 1), level(90, 40, 2), level(80, 20, 1)];
		assert_eq!(depth(Side::Bid, 9), bids);
		assert_eq!(depth(Side::Bid, 2), bids[..2]);
		assert_eq!(depth(Side::Bid, 0), vec![]);
		assert_eq!(
			depth(Side::Ask, 2),
			vec![level(180, 20, 1), level(190, 40, 2)]
		);
		assert_eq!(OrderBook::depth(GRID, P1, Side::Ask, 2), vec![]);
	});
}

#[test]
fn market_data_should_tell_the_average_by_volume() {
	test(|| {
		place(ask(ALICES, 100, 80));
		place(ask(ALICES, 50, 95));
		place(bid(BOBS, 120, 100));
		place(bid(BOBS, 30, 70));
		let market = OrderBook::market_data(GRID, P).unwrap();
		assert_eq!(
			(market.best_bid, market.best_ask),
			(Some(Price(70)), Some(Price(95)))
		);
		assert_eq!((market.bids, market.asks), (1, 1));
		assert_eq!((market.volume, market.trades), (WattHours(120), 2));
		assert_eq!(market.value, (80 * 100 + 95 * 20) * 1_000);
		// 82.5, rounded down.
		assert_eq!(market.average_price, Some(Price(82)));
		assert_eq!(market.last_price, Some(Price(95)));
		assert_eq!(OrderBook::market_data(GRID, P1), None);
	});
}

#[test]
fn market_without_trades_should_have_no_prices_of_trades() {
	test(|| {
		place(ask(ALICES, 100, 80));
		let market = OrderBook::market_data(GRID, P).unwrap();
		assert_eq!((market.average_price, market.last_price), (None, None));
	});
}

#[test]
fn orders_of_a_meter_should_be_told_oldest_first() {
	test(|| {
		let first = place(NewOrder {
			period: P1,
			..ask(ALICES, 100, 80)
		});
		let second = place(bid(ALICES, 30, 70));
		place(ask(ALICES_OTHER, 30, 90));
		let orders = OrderBook::orders_of(ALICES);
		assert_eq!(
			orders
				.iter()
				.map(|order| order.order_id)
				.collect::<Vec<_>>(),
			[first, second]
		);
		assert_eq!(orders[1], OrderBook::order(second).unwrap());
		assert_eq!((orders[1].limit_price, orders[1].period), (Price(70), P));
		assert_eq!(OrderBook::best(GRID, P, Side::Bid), Some(orders[1].clone()));
		assert_eq!(OrderBook::best(GRID, P2, Side::Bid), None);
	});
}
