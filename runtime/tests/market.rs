//! A kilowatt-hour on the whole runtime: registered, metered, traded, settled; every invariant of every
//! pallet is checked after every block.

mod common;

use std::collections::BTreeMap;

use common::{account, pair, Chain};
use frame_support::{
	assert_ok,
	traits::fungible::{Inspect, InspectHold},
};
use gridweave_primitives::{
	cost,
	device::{registration_digest, DeviceKey, DeviceSignature, Serial},
	ingest::{IngestSignature, ReadingBatch},
	market::Side,
	meter::{MeterKind, Ratings},
	reading::{Reading, SignedReading},
	traits::SettlementClock,
	MeterId, MicrogridId, Period, Price, WattHours, Watts,
};
use gridweave_runtime::{
	AccountId, Balances, MeterRegistry, Microgrids, OrderBook, Runtime, RuntimeCall, Settlement,
	System, GRID,
};
use pallet_order_book::{NewOrder, TimeInForce};
use sp_core::{ed25519, Pair, H256};

const MICROGRID: MicrogridId = MicrogridId(0);

/// A meter and its device.
struct Device {
	pair: ed25519::Pair,
	meter: MeterId,
	sequence: u64,
	import: u64,
	export: u64,
}

fn genesis_hash(chain: &mut Chain) -> H256 {
	chain.read(|| System::block_hash(0))
}

fn enrol(chain: &mut Chain, who: &str, seed: u8) -> Device {
	let pair = ed25519::Pair::from_seed(&[seed; 32]);
	let serial = Serial::try_from(vec![seed; 8]).expect("short");
	let digest = registration_digest(&genesis_hash(chain), &account(who), MICROGRID, &serial);
	let key = DeviceKey::Ed25519(pair.public());
	assert_ok!(chain.submit(
		who,
		RuntimeCall::MeterRegistry(pallet_meter_registry::Call::register_meter {
			microgrid: MICROGRID,
			kind: MeterKind::Prosumer,
			key,
			serial,
			modulus: WattHours(1 << 40),
			proof: DeviceSignature::Ed25519(pair.sign(&digest)),
		}),
	));
	let meter = chain
		.read(|| MeterRegistry::api_meter_by_key(&key))
		.expect("registered");
	let ratings = Ratings {
		max_import: Watts(1_000_000),
		max_export: Watts(1_000_000),
	};
	assert_ok!(chain.submit(
		"Operator",
		RuntimeCall::MeterRegistry(pallet_meter_registry::Call::admit_meter { meter, ratings }),
	));
	Device {
		pair,
		meter,
		sequence: 0,
		import: 0,
		export: 0,
	}
}

impl Device {
	fn read(&mut self, genesis: &H256, captured_at: u64) -> SignedReading {
		self.sequence += 1;
		let reading = Reading {
			meter: self.meter,
			sequence: self.sequence,
			captured_at,
			import_register: WattHours(self.import),
			export_register: WattHours(self.export),
			state_of_charge: None,
			quality: None,
			acknowledged: None,
			status: 0,
		};
		let signature = DeviceSignature::Ed25519(self.pair.sign(&reading.digest(genesis)));
		SignedReading { reading, signature }
	}
}

/// Brings readings on chain as the authority's worker does.
fn bring(chain: &mut Chain, salt: u32, readings: Vec<SignedReading>) {
	let batch = ReadingBatch {
		authority: 0,
		salt,
		spans: 100,
		readings: readings.try_into().expect("few"),
	};
	let digest = batch.digest(&genesis_hash(chain));
	let signature = IngestSignature::from(pair("Alice").sign(&digest));
	assert_ok!(chain
		.submit_authorised(RuntimeCall::MeterRegistry(
			pallet_meter_registry::Call::submit_readings { batch, signature },
		))
		.expect("valid"));
}

fn order(meter: MeterId, side: Side, period: Period, energy: u64, price: u64) -> RuntimeCall {
	RuntimeCall::OrderBook(pallet_order_book::Call::place_order {
		order: NewOrder {
			meter,
			side,
			period,
			energy: WattHours(energy),
			limit_price: Price(price),
			time_in_force: TimeInForce::GoodUntilGate,
		},
	})
}

/// What orders and positions lock must be what the ledger says is locked.
fn check_locks(chain: &mut Chain) {
	chain.read(|| {
		let mut locked: BTreeMap<AccountId, u128> =
			pallet_order_book::Pallet::<Runtime>::locked_by_orders();
		for (who, amount) in pallet_settlement::Pallet::<Runtime>::locked_by_positions() {
			*locked.entry(who).or_default() += amount;
		}
		locked.retain(|_, amount| *amount > 0);
		let ledger: BTreeMap<AccountId, u128> = pallet_settlement::Ledger::<Runtime>::iter()
			.map(|(who, member)| (who, member.locked))
			.filter(|(_, locked)| *locked > 0)
			.collect();
		assert_eq!(locked, ledger);
	});
}

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
	check_locks(&mut chain);
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
	check_locks(&mut chain);
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
	check_locks(&mut chain);

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
	assert!(chain.submit("Bob", retire(seller.meter)).is_err());
	assert_ok!(chain.submit(
		"Charlie",
		order(buyer.meter, Side::Bid, period, 1_000, 150_000)
	));
	assert!(chain.submit("Bob", retire(seller.meter)).is_err());

	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	chain.advance_to(clock.freezes_at(period) + 9);
	check_locks(&mut chain);
	assert_ok!(chain.submit("Bob", retire(seller.meter)));
	chain.next_block();
	let held = chain.read(|| Balances::total_balance_on_hold(&account("Bob")));
	assert_eq!(held, free);
}
