//! Meters that lie, on the whole runtime: what they prove against themselves keeps them from the market, and
//! costs their deposit.

mod common;

use codec::Decode;
use common::{
	account,
	meters::{bring, enrol, genesis_hash, order, report, MICROGRID},
	Chain,
};
use frame_support::{
	assert_ok,
	traits::fungible::{Inspect, InspectHold},
};
use gridweave_primitives::{
	market::Side,
	reading::status,
	traits::{MeterDeposits, Quarantine, SettlementClock, SettlementProgress},
	Be32,
};
use gridweave_runtime::{
	AnomalyFlags, Balances, MeterRegistry, Microgrids, OrderBook, Runtime, RuntimeCall, Settlement,
	GRID,
};
use pallet_anomaly_flags::{Call, Flags, Kind, Status};

fn fund(chain: &mut Chain) {
	chain.next_block();
	for who in ["Operator", "Bob"] {
		assert_ok!(chain.submit(
			who,
			RuntimeCall::Settlement(pallet_settlement::Call::top_up {
				amount: 1_000 * GRID
			}),
		));
	}
	assert_ok!(chain.submit(
		"Operator",
		RuntimeCall::AnomalyFlags(Call::appoint_inspector {
			microgrid: MICROGRID,
			inspector: account("Dave"),
		}),
	));
}

/// Flags are raised by the tasks of the block after.
fn pass_block(chain: &mut Chain) {
	chain.next_block();
	chain.next_block();
}

#[test]
fn a_rollback_should_keep_a_meter_from_the_market_until_it_is_dismissed() {
	let mut chain = Chain::development();
	fund(&mut chain);
	let mut seller = enrol(&mut chain, "Bob", 1);
	let mut buyer = enrol(&mut chain, "Charlie", 2);
	let now = chain.read(<Microgrids as SettlementClock>::now);
	seller.export = 1_000;
	report(&mut chain, &mut seller, now);
	report(&mut chain, &mut buyer, now);
	let period = chain
		.read(<Microgrids as SettlementClock>::current)
		.saturating_add(6);
	assert_ok!(chain.submit(
		"Bob",
		order(seller.meter, Side::Ask, period, 1_000, 150_000)
	));
	chain.next_block();
	seller.export = 900;
	let later = chain.read(<Microgrids as SettlementClock>::now);
	report(&mut chain, &mut seller, later);
	pass_block(&mut chain);
	chain.read(|| {
		assert!(AnomalyFlags::is_quarantined(seller.meter));
		assert!(!AnomalyFlags::is_quarantined(buyer.meter));
		let page = AnomalyFlags::api_open_flags(MICROGRID, None, 10);
		let found: Vec<_> = page.flags.iter().map(|f| (f.meter, f.kind)).collect();
		assert_eq!(found, [(seller.meter, Kind::RegisterRollback)]);
	});
	// No new order, and the old one does not trade.
	assert!(chain
		.submit("Bob", order(seller.meter, Side::Ask, period, 10, 150_000))
		.is_err());
	assert_ok!(chain.submit(
		"Charlie",
		order(buyer.meter, Side::Bid, period, 1_000, 200_000)
	));
	chain.read(|| {
		assert!(OrderBook::orders_of(seller.meter).is_empty());
		assert_eq!(OrderBook::orders_of(buyer.meter).len(), 1);
	});
	assert_ok!(chain.submit(
		"Dave",
		RuntimeCall::AnomalyFlags(Call::dismiss {
			meter: seller.meter,
			kind: Kind::RegisterRollback,
			false_report: false,
		}),
	));
	assert_ok!(chain.submit("Bob", order(seller.meter, Side::Ask, period, 10, 150_000)));
}

#[test]
fn confirmed_tampering_should_cost_the_deposit_and_the_operator_should_gain_nothing() {
	let mut chain = Chain::development();
	fund(&mut chain);
	let mut meter = enrol(&mut chain, "Bob", 1);
	let genesis = genesis_hash(&mut chain);
	let now = chain.read(<Microgrids as SettlementClock>::now);
	let mut signed = meter.read(&genesis, now);
	signed.reading.status = status::COVER_OPENED;
	let signed = meter.resign(signed.reading, &genesis);
	bring(&mut chain, 1, vec![signed]);
	pass_block(&mut chain);
	// Its account, and what it has in the clearing house.
	let operator = account("Operator");
	let wealth = || {
		let ledger = Settlement::account(&operator).balance;
		Balances::total_balance(&operator) + ledger
	};
	let (before, fund) = chain.read(|| (wealth(), Settlement::fund(MICROGRID)));
	let held = chain.read(|| Balances::total_balance_on_hold(&account("Bob")));
	assert_ok!(chain.submit(
		"Dave",
		RuntimeCall::AnomalyFlags(Call::confirm {
			meter: meter.meter,
			kind: Kind::TamperSwitch,
			tampering: true,
		}),
	));
	chain.read(|| {
		let taken = held - Balances::total_balance_on_hold(&account("Bob"));
		assert!(taken > GRID, "the base of the deposit, and more");
		assert_eq!(Settlement::fund(MICROGRID) - fund, taken);
		assert_eq!(wealth(), before);
		let left = <MeterRegistry as MeterDeposits>::slash_deposit(
			meter.meter,
			sp_runtime::Permill::one(),
		);
		assert_eq!(left, 0);
	});
}

#[test]
fn two_readings_of_one_sequence_should_prove_a_cloned_key() {
	let mut chain = Chain::development();
	fund(&mut chain);
	let mut meter = enrol(&mut chain, "Bob", 1);
	let genesis = genesis_hash(&mut chain);
	let now = chain.read(<Microgrids as SettlementClock>::now);
	let first = meter.read(&genesis, now);
	let mut other = first.reading.clone();
	other.import_register.0 += 1;
	let second = meter.resign(other, &genesis);
	bring(&mut chain, 1, vec![first.clone()]);
	assert_ok!(chain.submit(
		"Charlie",
		RuntimeCall::AnomalyFlags(Call::report_equivocation {
			first: Box::new(first),
			second: Box::new(second)
		}),
	));
	assert!(chain.read(|| AnomalyFlags::is_quarantined(meter.meter)));
}

#[test]
fn periods_should_be_looked_at_as_they_are_settled_and_all_be_freed_with_the_meter() {
	let mut chain = Chain::development();
	fund(&mut chain);
	let mut meter = enrol(&mut chain, "Bob", 1);
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let first = chain
		.read(<Microgrids as SettlementClock>::current)
		.saturating_add(1);
	for n in 0..6 {
		let at = clock.start_of(first.saturating_add(n));
		chain.advance_to(at);
		meter.import = u64::from(n) * 100;
		report(&mut chain, &mut meter, at);
	}
	chain.advance_to(clock.freezes_at(first.saturating_add(4)));
	for _ in 0..4 {
		chain.next_block();
	}
	chain.read(|| {
		let inspected = pallet_anomaly_flags::Inspected::<Runtime>::get(Be32::from(MICROGRID));
		let settled = gridweave_runtime::Settlement::settled_before(MICROGRID);
		assert_eq!(inspected, Some(settled));
		assert!(settled > first.saturating_add(4));
	});
	// A flag, which goes with the meter.
	let genesis = genesis_hash(&mut chain);
	let now = chain.read(<Microgrids as SettlementClock>::now);
	meter.import = 0;
	let back = meter.read(&genesis, now);
	bring(&mut chain, 99, vec![back]);
	pass_block(&mut chain);
	let key = (
		Be32::from(MICROGRID),
		Be32::from(meter.meter),
		Kind::RegisterRollback,
	);
	chain.read(|| {
		let flag = Flags::<Runtime>::get(key).expect("raised");
		assert_eq!(flag.status, Status::Raised);
	});
	assert_ok!(chain.submit(
		"Bob",
		RuntimeCall::MeterRegistry(pallet_meter_registry::Call::retire_meter {
			meter: meter.meter
		}),
	));
	let current = chain.read(<Microgrids as SettlementClock>::current);
	chain.advance_to(clock.expires_at(current) + 10 * u64::from(clock.period_length));
	chain.read(|| {
		assert!(
			MeterRegistry::api_meter(meter.meter).is_none(),
			"it is freed"
		);
		assert!(Flags::<Runtime>::get(key).is_none());
		assert!(!AnomalyFlags::is_quarantined(meter.meter));
		let nothing = sp_io::storage::next_key(&storage_prefix("ProfilePages"))
			.is_none_or(|next| !next.starts_with(&storage_prefix("ProfilePages")));
		assert!(nothing, "no profile is kept");
	});
}

/// Where an item of the pallet is stored.
fn storage_prefix(item: &str) -> Vec<u8> {
	let mut prefix = sp_io::hashing::twox_128(b"AnomalyFlags").to_vec();
	prefix.extend(sp_io::hashing::twox_128(item.as_bytes()));
	prefix
}

#[test]
fn what_clients_ask_should_decode() {
	use codec::Encode;
	let mut chain = Chain::development();
	chain.read(|| {
		let page = AnomalyFlags::api_open_flags(MICROGRID, None, 10);
		let again =
			pallet_anomaly_flags::runtime_api::FlagPage::decode(&mut page.encode().as_slice());
		assert_eq!(again, Ok(page));
		let parameters = AnomalyFlags::parameters_of(MICROGRID);
		assert!(parameters.is_sound());
	});
}
