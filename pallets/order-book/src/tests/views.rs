//! What clients are told.

use frame_support::assert_ok;
use gridweave_primitives::{
	market::{Interest, Side},
	traits::{MarketInspect, SettlementClock},
	Price, WattHours,
};

use crate::{
	mock::*,
	runtime_api::{Level, Survey, TradeReport, TradedOrder},
	NewOrder,
};

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

#[test]
fn summary_should_tell_what_is_left_of_all_orders() {
	test(|| {
		place(ask(ALICES, 100, 80));
		let second = place(ask(ALICES, 50, 95));
		place(bid(BOBS, 120, 100));
		let reduced = place(bid(BOBS, 30, 70));
		let open = || {
			let market = OrderBook::market_data(GRID, P).expect("orders rest");
			(market.ask_energy, market.bid_energy)
		};
		assert_eq!(open(), (WattHours(30), WattHours(30)));
		assert_ok!(OrderBook::reduce_order(
			RuntimeOrigin::signed(BOB),
			reduced,
			WattHours(20)
		));
		assert_eq!(open(), (WattHours(30), WattHours(20)));
		assert_ok!(OrderBook::cancel_order(
			RuntimeOrigin::signed(ALICE),
			second
		));
		assert_eq!(open(), (WattHours(0), WattHours(20)));
		let interest = <OrderBook as MarketInspect>::interest(GRID, P);
		assert_eq!(
			interest,
			Interest {
				asks: WattHours(0),
				bids: WattHours(20),
				sold: WattHours(120),
				bought: WattHours(120),
				best_ask: None,
				best_bid: Some(Price(70)),
			}
		);
		let none = <OrderBook as MarketInspect>::interest(GRID, P1);
		assert_eq!(none, Interest::default());
	});
}

#[test]
fn trades_of_the_block_should_be_told_in_their_order() {
	test(|| {
		let first = place(ask(ALICES, 100, 80));
		let second = place(ask(ALICES, 50, 95));
		assert_eq!(OrderBook::trades(), vec![]);
		let bought = place(bid(BOBS, 120, 100));
		let traded = |order_id, meter| Some(TradedOrder { order_id, meter });
		let trade = |ask, price, energy| TradeReport {
			microgrid: GRID,
			period: P,
			price: Price(price),
			energy: WattHours(energy),
			taker: Some(Side::Bid),
			over: None,
			bid: traded(bought, BOBS),
			ask: traded(ask, ALICES),
		};
		assert_eq!(
			OrderBook::trades(),
			[trade(first, 80, 100), trade(second, 95, 20)]
		);
	});
}

#[test]
fn survey_should_come_to_all_books_page_by_page() {
	test(|| {
		for period in [P, P1, P2] {
			let order = |order: NewOrder| NewOrder { period, ..order };
			place(order(ask(ALICES, 100, 80)));
			place(order(bid(BOBS, 30, 70)));
		}
		let all = OrderBook::survey(None, 4);
		assert_eq!((all.books, all.orders, all.last), (3, 6, None));
		assert_eq!(all.energy, WattHours(390));
		let first = OrderBook::survey(None, 2);
		assert_eq!((first.books, first.orders), (2, 4));
		assert_eq!(first.last, Some((GRID, P1)));
		let rest = OrderBook::survey(first.last, 2);
		assert_eq!((rest.books, rest.orders, rest.last), (1, 2, None));
		assert_eq!(OrderBook::survey(None, 0), Survey::default());
	});
}

#[test]
fn books_should_be_due_when_their_gates_close() {
	test(|| {
		place(ask(ALICES, 100, 80));
		assert_eq!(OrderBook::books_due(), 0);
		Now::set(<Tables as SettlementClock>::clock().start_of(P));
		assert_eq!(OrderBook::books_due(), 1);
	});
}
