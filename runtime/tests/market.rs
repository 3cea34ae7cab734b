//! A kilowatt-hour on the whole runtime: registered, metered, traded, settled; every invariant of every
//! pallet is checked after every block.

mod common;

use common::{
	account,
	meters::{bring, enrol, genesis_hash, order, MICROGRID},
	Chain,
};
use frame_support::{
	assert_ok,
	traits::fungible::{Inspect, InspectHold},
};
use gridweave_primitives::{cost, market::Side, traits::SettlementClock, Price, WattHours};
use gridweave_runtime::{
	Balances, MeterRegistry, Microgrids, OrderBook, Runtime, RuntimeCall, Settlement, GRID,
};

/// Everything an account owns: on its account, in the clearing house, and owed to it, less what it owes.
fn worth(chain: &mut Chain, who: &str) -> i128 {
	let who = account(who);
	chain.read(|| {
		let standing = Settlement::account(&who);
		Balances::total_balance(&who) as i128 + standing.balance as i128 + standing.claims as i128
			- standing.arrears as i128
	})
}

#[test]
fn a_traded_and_delivered_kilowatt_hour_should_cost_its_price_and_nothing_be_lost() {
	let mut chain = Chain::development();
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

	// Registers are read on boundaries; the first reading only sets the base.
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let period = chain
		.read(<Microgrids as SettlementClock>::current)
		.saturating_add(2);
	chain.advance_to(clock.start_of(period) - 3);
	assert_ok!(chain.submit(
		"Bob",
		order(seller.meter, Side::Ask, period, 1_000, 150_000)
	));
	assert_ok!(chain.submit(
		"Charlie",
		order(buyer.meter, Side::Bid, period, 1_500, 200_000)
	));
	chain.read(|| {
		let position = Settlement::position_of(seller.meter, period).expect("it sold");
		assert_eq!(position.contracts.sold, WattHours(1_000));
		// The bid's remainder rests.
		assert_eq!(OrderBook::orders_of(buyer.meter).len(), 1);
	});
	chain.advance_to(clock.start_of(period));
	let base = vec![
		seller.read(&genesis, clock.start_of(period)),
		buyer.read(&genesis, clock.start_of(period)),
	];
	bring(&mut chain, 1, base);
	// The gate is shut: what rested is gone, and its lock with it.
	chain.next_block();
	chain.next_block();
	assert!(chain.read(|| OrderBook::orders_of(buyer.meter).is_empty()));

	chain.advance_to(clock.end_of(period));
	seller.export = 1_000;
	buyer.import = 1_000;
	let end = vec![
		seller.read(&genesis, clock.end_of(period)),
		buyer.read(&genesis, clock.end_of(period)),
	];
	bring(&mut chain, 2, end);
	let (bob, charlie, operator) = (
		worth(&mut chain, "Bob"),
		worth(&mut chain, "Charlie"),
		worth(&mut chain, "Operator"),
	);

	chain.advance_to(clock.freezes_at(period));
	for _ in 0..3 {
		chain.next_block();
	}
	// Delivered and consumed in full: the price, and the fee on both sides.
	let (price, fee) = (
		cost(Price(150_000), WattHours(1_000)),
		cost(Price(1_000), WattHours(1_000)),
	);
	assert_eq!(worth(&mut chain, "Bob") - bob, (price - fee) as i128);
	assert_eq!(
		worth(&mut chain, "Charlie") - charlie,
		-((price + fee) as i128)
	);
	assert_eq!(worth(&mut chain, "Operator") - operator, 2 * fee as i128);
	chain.read(|| {
		for meter in [seller.meter, buyer.meter] {
			assert!(Settlement::statement(meter, period).is_some());
			assert!(Settlement::position_of(meter, period).is_none());
		}
		assert_eq!(Balances::total_issuance(), supply);
	});

	// Everything that was written has an end.
	chain.advance_to(clock.expires_at(period) + 10 * u64::from(clock.period_length));
	chain.read(|| {
		assert!(Settlement::statement(seller.meter, period).is_none());
		assert!(MeterRegistry::api_metered(seller.meter, period).is_none());
		assert!(OrderBook::market_data(MICROGRID, period).is_none());
	});
}

#[test]
fn a_meter_with_a_position_should_not_retire_and_then_leave_nothing() {
	let mut chain = Chain::development();
	chain.next_block();
	let free = chain.read(|| Balances::total_balance_on_hold(&account("Bob")));
	let seller = enrol(&mut chain, "Bob", 1);
	let buyer = enrol(&mut chain, "Charlie", 2);
	let period = chain
		.read(<Microgrids as SettlementClock>::current)
		.saturating_add(1);
	let retire =
		|meter| RuntimeCall::MeterRegistry(pallet_meter_registry::Call::retire_meter { meter });
	assert_ok!(chain.submit(
		"Bob",
		order(seller.meter, Side::Ask, period, 1_000, 150_000)
	));
	let bound = pallet_meter_registry::Error::<Runtime>::HasCommitments.into();
	assert_eq!(chain.submit("Bob", retire(seller.meter)), Err(bound));
	assert_ok!(chain.submit(
		"Charlie",
		order(buyer.meter, Side::Bid, period, 1_000, 150_000)
	));
	let bound = pallet_meter_registry::Error::<Runtime>::HasCommitments.into();
	assert_eq!(chain.submit("Bob", retire(seller.meter)), Err(bound));

	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	chain.advance_to(clock.freezes_at(period) + 9);
	assert_ok!(chain.submit("Bob", retire(seller.meter)));
	chain.next_block();
	let held = chain.read(|| Balances::total_balance_on_hold(&account("Bob")));
	assert_eq!(held, free);
}
