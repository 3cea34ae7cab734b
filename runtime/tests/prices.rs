//! What the market tells of coming periods on the whole runtime: from orders to what was metered.

mod common;

use common::{
	meters::{enrol, order, report, MICROGRID},
	Chain,
};
use frame_support::assert_ok;
use gridweave_primitives::{market::Side, traits::SettlementClock, Period, Price, WattHours};
use gridweave_runtime::{Microgrids, OrderBook, RuntimeCall, Settlement, GRID};
use pallet_settlement::expected::ExpectedPrice;

fn expected(chain: &mut Chain, period: Period) -> ExpectedPrice {
	let told = chain.read(|| Settlement::expected_prices(MICROGRID, period, 1));
	*told.first().expect("the period is open")
}

#[test]
fn prices_should_be_expected_from_orders_and_then_from_what_was_metered() {
	let mut chain = Chain::development();
	chain.next_block();
	assert_ok!(chain.submit(
		"Operator",
		RuntimeCall::Settlement(pallet_settlement::Call::top_up {
			amount: 1_000 * GRID
		}),
	));
	let mut seller = enrol(&mut chain, "Bob", 1);
	let mut buyer = enrol(&mut chain, "Charlie", 2);
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let now = chain.read(<Microgrids as SettlementClock>::current);
	let period = now.saturating_add(2);
	chain.advance_to(clock.start_of(period) - 3);

	// Nothing is known and nothing on offer: the tariff.
	let told = expected(&mut chain, period);
	assert_eq!(
		(told.surplus, told.need, told.ratio, told.days),
		(WattHours(0), WattHours(0), None, 0)
	);
	assert_eq!(
		(told.prices.sell, told.prices.buy),
		(Price(80_000), Price(300_000))
	);

	assert_ok!(chain.submit(
		"Bob",
		order(seller.meter, Side::Ask, period, 1_000, 150_000)
	));
	let told = expected(&mut chain, period);
	assert_eq!(
		(told.surplus, told.best_ask),
		(WattHours(1_000), Some(Price(150_000)))
	);
	assert_ok!(chain.submit(
		"Charlie",
		order(buyer.meter, Side::Bid, period, 1_500, 200_000)
	));
	// 1,000 Wh are traded, 500 Wh still wanted: surplus is as good as retail but for the fund's share.
	let told = expected(&mut chain, period);
	assert_eq!(
		(told.surplus, told.need, told.ratio),
		(WattHours(0), WattHours(500), Some(0))
	);
	assert_eq!(
		(told.prices.sell, told.prices.buy),
		(Price(289_000), Price(300_000))
	);
	assert_eq!((told.best_bid, told.best_ask), (Some(Price(200_000)), None));
	let trades = chain.read(OrderBook::trades);
	let [trade] = trades.as_slice() else {
		panic!("{trades:?}")
	};
	assert_eq!(
		(trade.period, trade.price, trade.energy),
		(period, Price(150_000), WattHours(1_000))
	);
	let meters = [trade.ask, trade.bid].map(|order| order.map(|order| order.meter));
	assert_eq!(meters, [Some(seller.meter), Some(buyer.meter)]);
	assert_eq!(trade.taker, Some(Side::Bid));
	let survey = chain.read(|| OrderBook::survey(None, 10));
	assert_eq!((survey.books, survey.orders), (1, 1));
	assert_eq!(survey.energy, WattHours(500));

	// Delivered and taken to the Wh, and settled.
	chain.advance_to(clock.start_of(period));
	for device in [&mut seller, &mut buyer] {
		report(&mut chain, device, clock.start_of(period));
		chain.next_block();
	}
	chain.advance_to(clock.end_of(period));
	(seller.export, buyer.import) = (1_000, 1_000);
	for device in [&mut seller, &mut buyer] {
		report(&mut chain, device, clock.end_of(period));
		chain.next_block();
	}
	let positions = chain.read(|| Settlement::positions_of(seller.meter));
	assert_eq!(positions.len(), 1);
	chain.advance_to(clock.freezes_at(period));
	for _ in 0..3 {
		chain.next_block();
	}
	chain.read(|| {
		let sums = Settlement::summary(MICROGRID, period).expect("it is settled");
		assert_eq!(
			(sums.delivered, sums.consumed),
			(WattHours(1_000), WattHours(1_000))
		);
		assert_eq!((sums.surplus, sums.need), (WattHours(0), WattHours(0)));
		assert!(Settlement::positions_of(seller.meter).is_empty());
	});

	// The same time of the next day, without orders: all of it would meet in the pool.
	let told = expected(&mut chain, period.saturating_add(96));
	assert_eq!(
		(told.surplus, told.need, told.ratio, told.days),
		(WattHours(1_000), WattHours(1_000), Some(1_000_000), 1)
	);
	assert_eq!(
		(told.prices.sell, told.prices.buy),
		(Price(80_000), Price(91_000))
	);
	// Orders for it leave less.
	let tomorrow = period.saturating_add(96);
	assert_ok!(chain.submit(
		"Bob",
		order(seller.meter, Side::Ask, tomorrow, 600, 150_000)
	));
	assert_ok!(chain.submit(
		"Charlie",
		order(buyer.meter, Side::Bid, tomorrow, 600, 150_000)
	));
	let told = expected(&mut chain, tomorrow);
	assert_eq!((told.surplus, told.need), (WattHours(400), WattHours(400)));
}
