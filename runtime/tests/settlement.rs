//! How settlement and what surrounds it are wired: silence, corrections, retirement, debts, and what is kept
//! while settlement is late.

mod common;

use common::{
	account,
	meters::{enrol, order, report, Device, MICROGRID},
	Chain,
};
use frame_support::assert_ok;
use gridweave_primitives::{
	cost,
	market::Side,
	meter::{Correction, Provenance},
	traits::{MeteredEnergy, MicrogridInspect, SettlementClock},
	Balance, MeterId, Period, PeriodClock, Price, WattHours,
};
use gridweave_runtime::{
	AccountId, MeterRegistry, Microgrids, Runtime, RuntimeCall, RuntimeEvent, Settlement, GRID,
};
use sp_runtime::DispatchError;

/// Prices of the development preset.
const RETAIL: Price = Price(300_000);
const FEED_IN: Price = Price(80_000);

fn top_up(chain: &mut Chain, who: &str, amount: Balance) {
	let call = RuntimeCall::Settlement(pallet_settlement::Call::top_up { amount });
	assert_ok!(chain.submit(who, call));
}

fn registry(call: pallet_meter_registry::Call<Runtime>) -> RuntimeCall {
	RuntimeCall::MeterRegistry(call)
}

/// What the settlement told so far.
fn told(chain: &Chain) -> Vec<pallet_settlement::Event<Runtime>> {
	let settled = |event: &RuntimeEvent| match event {
		RuntimeEvent::Settlement(event) => Some(event.clone()),
		_ => None,
	};
	chain.events.iter().filter_map(settled).collect()
}

/// A chain with a meter of Bob's, read at the start of the period that is returned: now.
fn metered() -> (Chain, PeriodClock, Device, Period) {
	let mut chain = Chain::development();
	chain.next_block();
	let mut device = enrol(&mut chain, "Bob", 1);
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let first = chain.read(<Microgrids as SettlementClock>::current).next();
	chain.advance_to(clock.start_of(first));
	report(&mut chain, &mut device, clock.start_of(first));
	(chain, clock, device, first)
}

/// The device reads `import` and `export` more at the end of the period.
fn meters(chain: &mut Chain, device: &mut Device, until: u64, import: u64, export: u64) {
	chain.advance_to(until);
	device.import += import;
	device.export += export;
	report(chain, device, until);
}

/// Lets the chain go on until the period is settled.
fn settle(chain: &mut Chain, clock: &PeriodClock, period: Period) {
	chain.advance_to(clock.freezes_at(period));
	while chain.read(|| Settlement::progress(MICROGRID).is_none_or(|at| at.next <= period)) {
		chain.next_block();
	}
}

fn statement(
	chain: &mut Chain,
	meter: MeterId,
	period: Period,
) -> pallet_settlement::types::Statement<AccountId> {
	chain
		.read(|| Settlement::statement(meter, period))
		.expect("it was billed")
}

#[test]
fn silent_meter_should_be_billed_by_an_estimate_and_corrected_by_its_next_reading() {
	let (mut chain, clock, mut device, first) = metered();
	for who in ["Bob", "Operator"] {
		top_up(&mut chain, who, 10 * GRID);
	}
	meters(&mut chain, &mut device, clock.end_of(first), 1_000, 0);
	let silent = first.next();
	settle(&mut chain, &clock, silent);
	let bill = statement(&mut chain, device.meter, silent);
	assert_eq!(bill.provenance, Some(Provenance::Estimated));
	assert_eq!((bill.import, bill.export), (WattHours(1_000), WattHours(0)));
	assert_eq!(bill.amount, -(cost(RETAIL, WattHours(1_000)) as i128));

	// It used 400 Wh: the rest is refunded at feed-in.
	let before = chain.read(|| Settlement::account(&account("Bob")).balance);
	device.import += 400;
	report(&mut chain, &mut device, clock.end_of(silent));
	let refund = cost(FEED_IN, WattHours(600));
	let after = chain.read(|| Settlement::account(&account("Bob")).balance);
	assert_eq!(after, before + refund);
	chain.next_block();
	let corrected = pallet_settlement::Event::CorrectionSettled {
		meter: device.meter,
		period: silent,
		account: account("Bob"),
		correction: Correction {
			import: -600,
			export: 0,
		},
		amount: refund as i128,
	};
	assert!(told(&chain).contains(&corrected));
}

#[test]
fn retired_meter_should_leave_no_totals() {
	let (mut chain, clock, mut device, first) = metered();
	top_up(&mut chain, "Bob", 10 * GRID);
	meters(&mut chain, &mut device, clock.end_of(first), 1_000, 0);
	settle(&mut chain, &clock, first);
	let totals = chain.read(|| Settlement::totals(device.meter));
	assert_eq!((totals.periods, totals.import), (1, WattHours(1_000)));

	let meter = device.meter;
	let retire = registry(pallet_meter_registry::Call::retire_meter { meter });
	assert_ok!(chain.submit("Bob", retire));
	let now = chain.read(<Microgrids as SettlementClock>::current);
	chain.advance_to(clock.expires_at(now) + 10 * u64::from(clock.period_length));
	assert!(told(&chain).iter().any(|event| matches!(
		event,
		pallet_settlement::Event::TotalsClosed { meter, .. } if *meter == device.meter
	)));
	chain.read(|| {
		assert_eq!(pallet_settlement::Totals::<Runtime>::iter().count(), 0);
		assert_eq!(MeterRegistry::api_metered(device.meter, first), None);
	});
}

#[test]
fn operator_without_money_should_owe_claims_until_it_has_some() {
	let (mut chain, clock, mut device, first) = metered();
	meters(&mut chain, &mut device, clock.end_of(first), 0, 1_000);
	settle(&mut chain, &clock, first);
	let due = cost(FEED_IN, WattHours(1_000));
	let bob = account("Bob");
	chain.read(|| {
		let standing = Settlement::account(&bob);
		assert_eq!((standing.balance, standing.claims), (0, due));
		assert_eq!(Settlement::open_claims(MICROGRID), due);
	});

	top_up(&mut chain, "Operator", GRID);
	// Meanwhile the operator's money serves nothing else, orders on its own meters included.
	let own = enrol(&mut chain, "Operator", 2);
	let period = chain.read(<Microgrids as SettlementClock>::current).next();
	for side in [Side::Bid, Side::Ask] {
		assert_eq!(
			chain.submit("Operator", order(own.meter, side, period, 100, 100_000)),
			Err(pallet_settlement::Error::<Runtime>::OwesClaims.into())
		);
	}
	chain.next_block();
	chain.next_block();
	chain.read(|| {
		let standing = Settlement::account(&bob);
		assert_eq!((standing.balance, standing.claims), (due, 0));
		assert_eq!(Settlement::open_claims(MICROGRID), 0);
		let operator = Settlement::account(&account("Operator"));
		assert_eq!(operator.balance, GRID - due);
	});
}

#[test]
fn meter_of_a_debtor_should_change_hands_when_its_arrears_are_paid() {
	let (mut chain, clock, mut device, first) = metered();
	meters(&mut chain, &mut device, clock.end_of(first), 1_000, 0);
	settle(&mut chain, &clock, first);
	let arrears = chain.read(|| Settlement::account(&account("Bob")).arrears);
	assert_eq!(arrears, cost(RETAIL, WattHours(1_000)));

	let meter = device.meter;
	let offer = registry(pallet_meter_registry::Call::offer_meter {
		meter,
		to: Some(account("Charlie")),
	});
	let accept = registry(pallet_meter_registry::Call::accept_meter { meter });
	let retire = registry(pallet_meter_registry::Call::retire_meter { meter });
	assert_ok!(chain.submit("Bob", offer));
	let bound: DispatchError = pallet_meter_registry::Error::<Runtime>::HasCommitments.into();
	assert_eq!(chain.submit("Charlie", accept.clone()), Err(bound));
	assert_eq!(chain.submit("Bob", retire), Err(bound));
	let pay = RuntimeCall::Settlement(pallet_settlement::Call::pay_arrears {
		microgrid: MICROGRID,
		amount: arrears,
	});
	assert_ok!(chain.submit("Bob", pay));
	assert_ok!(chain.submit("Charlie", accept));
}

#[test]
fn what_settlement_needs_should_be_kept_until_it_has_passed() {
	let (mut chain, clock, mut device, first) = metered();
	// Settlement stands still.
	chain.read(|| pallet_settlement::IdleUntil::<Runtime>::put(u64::MAX));
	meters(&mut chain, &mut device, clock.end_of(first), 1_000, 0);
	chain.advance_to(clock.expires_at(first) + 10 * u64::from(clock.period_length));
	chain.read(|| {
		assert_eq!(Settlement::statement(device.meter, first), None);
		let metered = <MeterRegistry as MeteredEnergy>::metered(device.meter, first);
		assert_eq!(
			metered.map(|metered| metered.import),
			Some(WattHours(1_000))
		);
		let terms = <Microgrids as MicrogridInspect<AccountId>>::terms(MICROGRID, first);
		assert!(terms.is_some());
	});

	// It goes on, and so does pruning.
	chain.read(pallet_settlement::IdleUntil::<Runtime>::kill);
	for _ in 0..10 {
		chain.next_block();
	}
	let billed = told(&chain).into_iter().find_map(|event| match event {
		pallet_settlement::Event::StatementIssued {
			period, statement, ..
		} if period == first => Some(statement),
		_ => None,
	});
	let billed = billed.expect("it was billed");
	assert_eq!(billed.provenance, Some(Provenance::Measured));
	assert_eq!(billed.import, WattHours(1_000));
	chain.read(|| {
		assert_eq!(MeterRegistry::api_metered(device.meter, first), None);
		let terms = <Microgrids as MicrogridInspect<AccountId>>::terms(MICROGRID, first);
		assert!(terms.is_none());
	});
}
