//! Standing orders on the whole runtime: from the instruction to the bill; every invariant of every pallet is
//! checked after every block.

mod common;

use codec::Encode;
use common::{
	account,
	meters::{bring, enrol, genesis_hash, report, Device, MICROGRID},
	Chain,
};
use frame_support::{
	assert_ok,
	traits::fungible::{Inspect, InspectHold},
};
use gridweave_primitives::{
	cost, market::Side, traits::SettlementClock, Balance, Be32, MeterId, Period, PeriodClock,
	Price, WattHours,
};
use gridweave_runtime::{
	configs::governance::{deposit, ProxyType},
	Balances, Microgrids, OrderBook, Runtime, RuntimeCall, RuntimeEvent, Settlement, BLOCK_SECONDS,
	GRID,
};
use pallet_order_book::{
	Call, EndReason, Event, HoldReason, Instruction, Quantity, StandingOrders,
};

/// How many periods ahead orders are taken.
const HORIZON: u32 = 96;

fn standing(meter: MeterId, side: Side, price: u64, quantity: Quantity) -> RuntimeCall {
	RuntimeCall::OrderBook(Call::set_standing_order {
		meter,
		side,
		instruction: Instruction {
			limit_price: Price(price),
			quantity,
		},
	})
}

fn ending(meter: MeterId, side: Side) -> RuntimeCall {
	RuntimeCall::OrderBook(Call::cancel_standing_order { meter, side })
}

/// What is kept above this is sold.
fn above(keep: u64) -> Quantity {
	Quantity::Above {
		keep: WattHours(keep),
		most: None,
	}
}

/// What is held of an account for its standing orders.
fn held(chain: &mut Chain, who: &str) -> Balance {
	let reason = HoldReason::StandingOrder.into();
	chain.read(|| Balances::balance_on_hold(&reason, &account(who)))
}

/// What an account has outside of the clearing house.
fn funds(chain: &mut Chain, who: &str) -> Balance {
	chain.read(|| Balances::total_balance(&account(who)))
}

/// Reads both meters on a boundary.
fn report_both(chain: &mut Chain, salt: u32, one: &mut Device, other: &mut Device, at: u64) {
	chain.advance_to(at);
	let genesis = genesis_hash(chain);
	let readings = vec![one.read(&genesis, at), other.read(&genesis, at)];
	bring(chain, salt, readings);
}

/// A chain with a seller of Bob's and a buyer of Charlie's; the seller exported 500 Wh in each of four
/// periods.
fn measured() -> (Chain, PeriodClock, Device, Device) {
	let mut chain = Chain::development();
	chain.next_block();
	// Enough in the clearing house for all that follows.
	for who in ["Operator", "Bob", "Charlie"] {
		let amount = 1_000 * GRID;
		let call = RuntimeCall::Settlement(pallet_settlement::Call::top_up { amount });
		assert_ok!(chain.submit(who, call));
	}
	let mut seller = enrol(&mut chain, "Bob", 1);
	let mut buyer = enrol(&mut chain, "Charlie", 2);
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let first = chain.read(<Microgrids as SettlementClock>::current).next();
	for n in 0..=4 {
		seller.export = u64::from(n) * 500;
		let at = clock.start_of(first.saturating_add(n));
		report_both(&mut chain, n + 1, &mut seller, &mut buyer, at);
	}
	(chain, clock, seller, buyer)
}

/// The period that opens next, and when it does.
fn next_to_open(chain: &mut Chain, clock: &PeriodClock) -> (Period, u64) {
	let next = chain.read(<Microgrids as SettlementClock>::current).next();
	(next.saturating_add(HORIZON), clock.start_of(next))
}

fn order_book(chain: &Chain) -> Vec<Event<Runtime>> {
	let events = chain.events.iter().filter_map(|event| match event {
		RuntimeEvent::OrderBook(event) => Some(event.clone()),
		_ => None,
	});
	events.collect()
}

#[test]
fn what_is_exported_above_a_part_should_be_sold_by_the_chain_delivered_and_paid() {
	let (mut chain, clock, mut seller, mut buyer) = measured();
	let supply = chain.read(Balances::total_issuance);
	// Bob lets Dave trade for him.
	assert_ok!(chain.submit(
		"Bob",
		RuntimeCall::Proxy(pallet_proxy::Call::add_proxy {
			delegate: account("Dave").into(),
			proxy_type: ProxyType::Trading,
			delay: 0,
		}),
	));
	let sell = standing(seller.meter, Side::Ask, 150_000, above(200));
	assert_ok!(chain.submit(
		"Dave",
		RuntimeCall::Proxy(pallet_proxy::Call::proxy {
			real: account("Bob").into(),
			force_proxy_type: None,
			call: Box::new(sell),
		}),
	));
	let fixed = Quantity::Fixed(WattHours(300));
	let buy = standing(buyer.meter, Side::Bid, 200_000, fixed);
	assert_ok!(chain.submit("Charlie", buy));
	let deposit: Balance = <Runtime as pallet_order_book::Config>::StandingDeposit::get();
	for who in ["Bob", "Charlie"] {
		assert_eq!(held(&mut chain, who), deposit);
	}

	// A period opens: both are executed, and pay the block's author for it.
	let (period, opens) = next_to_open(&mut chain, &clock);
	chain.advance_to(opens);
	let traders = |chain: &mut Chain| funds(chain, "Bob") + funds(chain, "Charlie");
	let (before, author) = (traders(&mut chain), funds(&mut chain, "Alice"));
	let position = |chain: &mut Chain| {
		let meter = seller.meter;
		chain.read(|| Settlement::position_of(meter, period))
	};
	assert_eq!(position(&mut chain), None);
	chain.next_block();
	let sold = position(&mut chain).expect("it sold");
	assert_eq!(sold.contracts.sold, WattHours(300));
	let paid = before - traders(&mut chain);
	assert!(paid > 0, "execution is paid for");
	assert_eq!(funds(&mut chain, "Alice"), author + paid);

	// Enough: nothing is placed any more.
	for (who, meter, side) in [
		("Bob", seller.meter, Side::Ask),
		("Charlie", buyer.meter, Side::Bid),
	] {
		assert_ok!(chain.submit(who, ending(meter, side)));
		assert_eq!(held(&mut chain, who), 0);
	}
	report_both(
		&mut chain,
		10,
		&mut seller,
		&mut buyer,
		clock.start_of(period),
	);
	let placed = order_book(&chain)
		.into_iter()
		.filter(|event| matches!(event, Event::OrderPlaced { .. }));
	assert_eq!(placed.count(), 2);
	(seller.export, buyer.import) = (seller.export + 300, buyer.import + 300);
	report_both(
		&mut chain,
		11,
		&mut seller,
		&mut buyer,
		clock.end_of(period),
	);
	let balance =
		|chain: &mut Chain, who| chain.read(|| Settlement::account(&account(who)).balance);
	let (bob, charlie) = (balance(&mut chain, "Bob"), balance(&mut chain, "Charlie"));
	chain.advance_to(clock.freezes_at(period) + 3 * u64::from(BLOCK_SECONDS));
	let energy = WattHours(300);
	let (price, fee) = (cost(Price(150_000), energy), cost(Price(1_000), energy));
	assert_eq!(balance(&mut chain, "Bob"), bob + price - fee);
	assert_eq!(balance(&mut chain, "Charlie"), charlie - price - fee);
	chain.read(|| {
		let bill = Settlement::statement(seller.meter, period).expect("it was billed");
		assert_eq!(bill.amount, (price - fee) as i128);
		assert_eq!(StandingOrders::<Runtime>::iter().count(), 0);
		assert_eq!(Balances::total_issuance(), supply);
	});
}

#[test]
fn standing_order_should_end_with_its_meter_and_its_deposit_return() {
	let (mut chain, clock, mut seller, buyer) = measured();
	let buy = standing(buyer.meter, Side::Bid, 200_000, above(0));
	assert_ok!(chain.submit("Charlie", buy));
	let (_, opens) = next_to_open(&mut chain, &clock);
	report(&mut chain, &mut seller, opens - 1);
	let retire = RuntimeCall::MeterRegistry(pallet_meter_registry::Call::retire_meter {
		meter: buyer.meter,
	});
	// It imported nothing: nothing was placed, and no order keeps the meter in service.
	assert_ok!(chain.submit("Charlie", retire));
	assert!(held(&mut chain, "Charlie") > 0);
	chain.advance_to(opens + u64::from(BLOCK_SECONDS));
	assert_eq!(held(&mut chain, "Charlie"), 0);
	let ended = Event::StandingOrderEnded {
		who: account("Charlie"),
		meter: buyer.meter,
		side: Side::Bid,
		reason: EndReason::MeterGone,
	};
	assert!(order_book(&chain).contains(&ended));
}

#[test]
fn deposit_should_be_that_of_what_is_stored_at_most() {
	let (mut chain, ..) = measured();
	let meter = MeterId(0);
	let longest = Quantity::Above {
		keep: WattHours(u64::MAX),
		most: Some(WattHours(u64::MAX)),
	};
	assert_ok!(chain.submit("Bob", standing(meter, Side::Ask, (1 << 40) - 1, longest)));
	let held = held(&mut chain, "Bob");
	chain.read(|| {
		let key = (Be32::from(MICROGRID), Be32::from(meter), Side::Ask);
		let mut order = StandingOrders::<Runtime>::get(key).expect("just given");
		order.refused = Some(pallet_order_book::Error::<Runtime>::Quarantined.into());
		let bytes = u32::try_from((key, order).encoded_size()).expect("short");
		assert_eq!(held, deposit(1, bytes));
		assert!(OrderBook::standing_orders(meter)[0].deposit == held);
	});
}
