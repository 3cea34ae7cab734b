//! A call auction on the whole runtime: ordered, cleared, delivered, settled; every invariant of every pallet
//! is checked after every block.

mod common;

use common::{
	account, genesis,
	meters::{bring, enrol, genesis_hash, MICROGRID},
	Chain,
};
use frame_support::assert_ok;
use gridweave_primitives::{
	cost, market::Side, traits::SettlementClock, MeterId, Period, Price, WattHours,
};
use gridweave_runtime::{
	Balances, Microgrids, OrderBook, Runtime, RuntimeCall, RuntimeEvent, Settlement, BLOCK_SECONDS,
	GRID,
};
use pallet_order_book::{Error, Event, NewOrder, TimeInForce};

/// Orders of each side: as many as a batch takes.
const ORDERS: u64 = 96;

/// Energy of an order, in Wh.
const EACH: u64 = 10;

/// The development preset, its communities' books call auctions.
fn with_auctions() -> Chain {
	Chain::from_genesis(genesis("development", |config| {
		let grids = config["microgrids"]["microgrids"].as_array_mut();
		for grid in grids.expect("the preset has communities") {
			grid[1]["rules"]["mechanism"] = "CallAuction".into();
		}
	}))
}

fn batch(meter: MeterId, side: Side, period: Period, price: u64) -> RuntimeCall {
	let order = NewOrder {
		meter,
		side,
		period,
		energy: WattHours(EACH),
		limit_price: Price(price),
		time_in_force: TimeInForce::GoodUntilGate,
	};
	let orders = vec![order; ORDERS as usize];
	RuntimeCall::OrderBook(pallet_order_book::Call::place_orders {
		orders: orders.try_into().expect("as many as a batch takes"),
	})
}

/// What an account has in the clearing house.
fn balance(chain: &mut Chain, who: &str) -> u128 {
	chain.read(|| Settlement::account(&account(who)).balance)
}

fn order_book(chain: &Chain) -> Vec<Event<Runtime>> {
	let events = chain.events.iter().filter_map(|event| match event {
		RuntimeEvent::OrderBook(event) => Some(event.clone()),
		_ => None,
	});
	events.collect()
}

#[test]
fn an_auction_should_end_before_its_period_freezes_and_be_settled_at_its_price() {
	let mut chain = with_auctions();
	chain.next_block();
	let genesis = genesis_hash(&mut chain);
	let supply = chain.read(Balances::total_issuance);
	assert_ok!(chain.submit(
		"Operator",
		RuntimeCall::Settlement(pallet_settlement::Call::top_up {
			amount: 1_000 * GRID
		}),
	));
	let mut seller = enrol(&mut chain, "Bob", 1);
	let mut buyer = enrol(&mut chain, "Charlie", 2);
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let period = chain
		.read(<Microgrids as SettlementClock>::current)
		.saturating_add(2);
	let (gate, freeze) = (clock.start_of(period), clock.freezes_at(period));
	chain.advance_to(gate - u64::from(BLOCK_SECONDS));
	assert_ok!(chain.submit("Bob", batch(seller.meter, Side::Ask, period, 150_000)));
	assert_ok!(chain.submit("Charlie", batch(buyer.meter, Side::Bid, period, 200_001)));
	let order = chain.read(|| {
		assert_eq!(Settlement::position_of(seller.meter, period), None);
		OrderBook::orders_of(seller.meter)[0].order_id
	});

	// The gate is shut: orders stay where they are until they have traded.
	chain.advance_to(gate);
	let cancel = RuntimeCall::OrderBook(pallet_order_book::Call::cancel_order { order_id: order });
	let refused = chain.submit("Bob", cancel);
	let expected: [sp_runtime::DispatchError; 2] = [
		Error::<Runtime>::GateClosed.into(),
		Error::<Runtime>::OrderNotFound.into(),
	];
	assert!(expected.contains(&refused.expect_err("the gate is closed")));
	let base = vec![seller.read(&genesis, gate), buyer.read(&genesis, gate)];
	bring(&mut chain, 1, base);

	// All of it trades before half of the blocks are over that there are until the period freezes.
	chain.advance_to(gate + (freeze - gate) / 2);
	let (energy, price) = (WattHours(ORDERS * EACH), Price(175_000));
	let events = order_book(&chain);
	assert!(events.contains(&Event::AuctionCleared {
		microgrid: MICROGRID,
		period,
		price,
		volume: energy,
	}));
	let trades = events
		.iter()
		.filter(|event| matches!(event, Event::Trade { taker: None, .. }));
	assert_eq!(trades.count() as u64, ORDERS);
	let abandoned = |event: &Event<Runtime>| matches!(event, Event::AuctionAbandoned { .. });
	assert!(!events.iter().any(abandoned));
	chain.read(|| {
		let position = Settlement::position_of(seller.meter, period).expect("it sold");
		assert_eq!(position.contracts.sold, energy);
		assert!(OrderBook::orders_of(seller.meter).is_empty());
		assert!(OrderBook::orders_of(buyer.meter).is_empty());
	});

	chain.advance_to(clock.end_of(period));
	(seller.export, buyer.import) = (energy.0, energy.0);
	let end = clock.end_of(period);
	let delivered = vec![seller.read(&genesis, end), buyer.read(&genesis, end)];
	bring(&mut chain, 2, delivered);
	let (bob, charlie) = (balance(&mut chain, "Bob"), balance(&mut chain, "Charlie"));
	chain.advance_to(freeze + 3 * u64::from(BLOCK_SECONDS));
	let (paid, fee) = (cost(price, energy), cost(Price(1_000), energy));
	assert_eq!(balance(&mut chain, "Bob"), bob + paid - fee);
	assert_eq!(balance(&mut chain, "Charlie"), charlie - paid - fee);
	chain.advance_to(clock.expires_at(period) + 10 * u64::from(clock.period_length));
	chain.read(|| {
		assert!(OrderBook::market_data(MICROGRID, period).is_none());
		assert_eq!(Balances::total_issuance(), supply);
	});
}
