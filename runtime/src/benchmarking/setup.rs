//! Sets up, by the pallets' own calls where there are any, the state their benchmarks start from.

// Benchmarks alone run this: what cannot be set up must stop them.
#![allow(clippy::expect_used)]

use alloc::{vec, vec::Vec};

use codec::Compact;
use frame_benchmarking::account;
use frame_support::traits::fungible::{Mutate, MutateHold};
use frame_system::RawOrigin;
use gridweave_primitives::{
	device::{registration_digest, DeviceKey, DeviceSignature, Serial},
	ids::METERS_PER_PAGE,
	link::LinkTerms,
	meter::{MeterKind, Ratings},
	microgrid::{Mechanism, Terms},
	reading::{Reading, SignedReading},
	traits::{MeteredEnergy, MicrogridInspect, SettlementClock},
	Be32, LinkId, MeterId, MicrogridId, Period, Price, WattHours, Watts,
};
use pallet_meter_registry::ESTIMATE_PERIODS;
use pallet_microgrids::PeriodRange;
use pallet_order_book::standing::EXPECTED_PERIODS;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_core::{crypto::KeyTypeId, ed25519, sr25519, H256};
use sp_runtime::{traits::OpaqueKeys, Permill};

use crate::{
	genesis::development_terms, session_keys, AccountId, Balance, Balances, MeterRegistry,
	Microgrids, Runtime, SessionKeys, Signature, System, GRID,
};

/// Implements what every pallet's benchmarks ask for.
pub struct Setup;

/// Keystore of the devices.
const DEVICES: KeyTypeId = KeyTypeId(*b"devi");
/// Keystore of the owners.
const OWNERS: KeyTypeId = KeyTypeId(*b"ownr");
/// Far from every bound.
const MONEY: Balance = 1_000_000_000 * GRID;
/// The period that benchmarks begin in.
const NOW: Period = Period(1_000_000);

fn set_time(now: u64) {
	pallet_timestamp::Now::<Runtime>::put(now * 1_000);
}

fn funded(name: &'static str, number: u32) -> AccountId {
	let who = account(name, number, 0);
	Balances::set_balance(&who, MONEY);
	who
}

fn open(microgrid: MicrogridId, period: Period) {
	let key = (Be32::from(microgrid), Be32::from(period));
	pallet_microgrids::PeriodTerms::<Runtime>::insert(key, terms());
}

/// The next meter of a microgrid begins a page: traders share nothing, which is the worst case.
fn turn_page(microgrid: MicrogridId) {
	pallet_meter_registry::Allocations::<Runtime>::mutate(Be32::from(microgrid), |given| {
		given.slots = METERS_PER_PAGE as u8;
	});
}

/// Terms under which asks at the feed-in price lock something.
fn terms() -> Terms {
	development_terms()
}

/// A meter with its device's key.
struct Metered {
	owner: AccountId,
	meter: MeterId,
	device: sr25519::Public,
}

fn sign(device: &sr25519::Public, digest: &[u8; 32]) -> DeviceSignature {
	let signature = sp_io::crypto::sr25519_sign(DEVICES, device, digest);
	DeviceSignature::Sr25519(signature.expect("the key was made here"))
}

fn genesis_hash() -> H256 {
	System::block_hash(0)
}

impl Metered {
	/// Registers and admits a meter.
	fn new(microgrid: MicrogridId, owner: AccountId, kind: MeterKind) -> Self {
		let device = sp_io::crypto::sr25519_generate(DEVICES, None);
		let serial = Serial::truncate_from(vec![b'0'; 32]);
		let digest = registration_digest(&genesis_hash(), &owner, microgrid, &serial);
		MeterRegistry::register_meter(
			RawOrigin::Signed(owner.clone()).into(),
			microgrid,
			kind,
			DeviceKey::Sr25519(device),
			serial,
			WattHours(1 << 48),
			sign(&device, &digest),
		)
		.expect("registers");
		let meter =
			MeterRegistry::api_meter_by_key(&DeviceKey::Sr25519(device)).expect("just registered");
		let operator = <Microgrids as MicrogridInspect<AccountId>>::operator(microgrid)
			.expect("the microgrid exists");
		let ratings = Ratings {
			max_import: Watts(1_000_000),
			max_export: Watts(1_000_000),
		};
		MeterRegistry::admit_meter(RawOrigin::Signed(operator).into(), meter, ratings)
			.expect("admits");
		Self {
			owner,
			meter,
			device,
		}
	}

	/// Brings a reading of both registers on chain.
	fn read(
		&self,
		sequence: u64,
		captured_at: u64,
		(import, export): (u64, u64),
		charge: Option<u64>,
	) {
		let reading = Reading {
			meter: self.meter,
			sequence,
			captured_at,
			import_register: WattHours(import),
			export_register: WattHours(export),
			state_of_charge: charge.map(Compact),
			quality: None,
			acknowledged: None,
			status: 0,
		};
		let signature = sign(&self.device, &reading.digest(&genesis_hash()));
		let readings = vec![SignedReading { reading, signature }];
		MeterRegistry::relay_readings(
			RawOrigin::Signed(self.owner.clone()).into(),
			readings.try_into().expect("one fits"),
			pallet_meter_registry::Witness {
				spans: 100,
				corrections: 100,
			},
		)
		.expect("accepted");
	}
}

impl pallet_microgrids::BenchmarkHelper for Setup {
	fn set_time(now: u64) {
		set_time(now);
	}

	fn set_settled(microgrid: MicrogridId, period: Period) {
		let progress = pallet_settlement::types::Progress {
			next: period,
			oldest: period,
		};
		pallet_settlement::Settled::<Runtime>::insert(Be32::from(microgrid), progress);
	}
}

impl pallet_meter_registry::BenchmarkHelper<AccountId, Signature> for Setup {
	fn microgrid() -> (MicrogridId, AccountId) {
		let microgrid = MicrogridId(0);
		// Settlement holds back nothing that is to be pruned.
		<Self as pallet_microgrids::BenchmarkHelper>::set_settled(microgrid, Period(u32::MAX));
		let operator = <Microgrids as MicrogridInspect<AccountId>>::operator(microgrid);
		(microgrid, operator.expect("genesis has a microgrid"))
	}

	fn funded(number: u32) -> AccountId {
		funded("owner", number)
	}

	fn signer(_: u32) -> AccountId {
		let who = AccountId::from(sp_io::crypto::sr25519_generate(OWNERS, None).0);
		Balances::set_balance(&who, MONEY);
		who
	}

	fn sign(who: &AccountId, digest: &[u8; 32]) -> Signature {
		let key = sr25519::Public::from_raw(*who.as_ref());
		let signature = sp_io::crypto::sr25519_sign(OWNERS, &key, digest);
		signature.expect("the key was made here").into()
	}

	fn set_now(now: u64) {
		set_time(now);
	}
}

impl pallet_order_book::BenchmarkHelper<AccountId> for Setup {
	fn market() -> (MicrogridId, Period) {
		let (microgrid, first) = (MicrogridId(0), NOW.next());
		set_time(<Microgrids as SettlementClock>::clock().start_of(NOW));
		let mut range = PeriodRange::starting_with(NOW);
		for ahead in 0..=96 {
			open(microgrid, NOW.saturating_add(ahead));
		}
		range.until = NOW.saturating_add(97);
		pallet_microgrids::Periods::<Runtime>::insert(microgrid, range);
		(microgrid, first)
	}

	fn linked(into: MicrogridId, n: u32) -> MicrogridId {
		let operator = funded("operator", n);
		let from = MicrogridId(<Microgrids as MicrogridInspect<AccountId>>::count());
		Microgrids::create_microgrid(RawOrigin::Root.into(), operator.clone(), terms())
			.expect("creates");
		open(from, NOW.next());
		let id = LinkId(n);
		let link = pallet_microgrids::Link {
			terms: LinkTerms {
				from,
				to: into,
				loss: Permill::from_percent(5),
				capacity: WattHours(1_000_000_000),
				wheeling_fee: Price(1),
				min_quantity: WattHours(1),
			},
			operator,
			deposit: 0,
			stage: pallet_microgrids::LinkStage::Open {
				first: NOW,
				until: None,
			},
		};
		pallet_microgrids::Links::<Runtime>::insert(id, link);
		pallet_microgrids::LinksOutOf::<Runtime>::mutate(from, |links| {
			links.try_push(id).expect("the first")
		});
		pallet_microgrids::LinksInto::<Runtime>::mutate(into, |links| {
			links.try_push(id).expect("no more than may be")
		});
		from
	}

	fn auctions_at(now: u64) {
		pallet_microgrids::PeriodTerms::<Runtime>::translate_values(|mut terms: Terms| {
			terms.rules.mechanism = Mechanism::CallAuction;
			Some(terms)
		});
		set_time(now);
	}

	fn meter(microgrid: MicrogridId, n: u32, storage: bool) -> (AccountId, MeterId) {
		turn_page(microgrid);
		let owner = funded("trader", n);
		let capacity = 1_000_000;
		let kind = if storage {
			MeterKind::Storage {
				capacity: WattHours(capacity),
			}
		} else {
			MeterKind::Prosumer
		};
		let metered = Metered::new(microgrid, owner.clone(), kind);
		if storage {
			metered.read(
				1,
				<Microgrids as SettlementClock>::now(),
				(0, 0),
				Some(capacity / 2),
			);
		}
		(owner, metered.meter)
	}

	fn metered(microgrid: MicrogridId, n: u32) -> (AccountId, MeterId) {
		turn_page(microgrid);
		let clock = <Microgrids as SettlementClock>::clock();
		let now = <Microgrids as SettlementClock>::now();
		let owner = funded("trader", n);
		let first = clock.period_at(now).saturating_sub(EXPECTED_PERIODS);
		let mut metered = None;
		for n in 0..=u64::from(EXPECTED_PERIODS) {
			let at = clock
				.start_of(first)
				.saturating_add(n * u64::from(clock.period_length));
			set_time(at);
			let meter = metered
				.get_or_insert_with(|| Metered::new(microgrid, owner.clone(), MeterKind::Prosumer));
			meter.read(n + 1, at, (n * 1_000, 0), None);
		}
		set_time(now);
		(owner, metered.expect("at least one reading").meter)
	}
}

/// A microgrid run by `operator` with one page of active meters, as `pallet_settlement` asks for it.
fn community(
	operator: AccountId,
	meters: Vec<(AccountId, MeterKind)>,
	silent: bool,
) -> (MicrogridId, Period, Vec<MeterId>) {
	let clock = <Microgrids as SettlementClock>::clock();
	let first = NOW.saturating_sub(ESTIMATE_PERIODS);
	set_time(clock.start_of(first));
	let microgrid = MicrogridId(<Microgrids as MicrogridInspect<AccountId>>::count());
	Balances::set_balance(&operator, MONEY);
	Microgrids::create_microgrid(RawOrigin::Root.into(), operator, terms()).expect("creates");
	open(microgrid, NOW);
	let metered: Vec<_> = meters
		.into_iter()
		.map(|(owner, kind)| Metered::new(microgrid, owner, kind))
		.collect();
	// Read on every boundary up to the period: what an estimate looks back at is measured.
	for back in 0..=ESTIMATE_PERIODS {
		let at = clock.start_of(first.saturating_add(back));
		set_time(at);
		for meter in &metered {
			let energy = u64::from(back) * 1_000;
			meter.read(u64::from(back) + 1, at, (energy, energy), None);
		}
	}
	if !silent {
		let (at, before) = (clock.end_of(NOW), u64::from(ESTIMATE_PERIODS) * 1_000);
		set_time(at);
		for meter in &metered {
			let sequence = u64::from(ESTIMATE_PERIODS) + 2;
			meter.read(sequence, at, (before, before + 1_000), None);
		}
	}
	set_time(clock.freezes_at(NOW));
	(
		microgrid,
		NOW,
		metered.into_iter().map(|metered| metered.meter).collect(),
	)
}

impl pallet_settlement::BenchmarkHelper<AccountId> for Setup {
	fn community(
		operator: AccountId,
		owners: Vec<AccountId>,
		silent: bool,
	) -> (MicrogridId, Period, Vec<MeterId>) {
		let meters = owners
			.into_iter()
			.map(|owner| (owner, MeterKind::Prosumer))
			.collect();
		community(operator, meters, silent)
	}
}

impl pallet_anomaly_flags::BenchmarkHelper<AccountId> for Setup {
	/// The last of the page is the feeder.
	fn community(operator: AccountId, owner: AccountId) -> (MicrogridId, Period, Vec<MeterId>) {
		let mut meters = vec![(owner, MeterKind::Prosumer); METERS_PER_PAGE as usize];
		if let Some((_, kind)) = meters.last_mut() {
			*kind = MeterKind::Feeder;
		}
		let (microgrid, period, meters) = community(operator, meters, false);
		MeterRegistry::close_page(microgrid, 0, period);
		<Self as pallet_microgrids::BenchmarkHelper>::set_settled(microgrid, period.next());
		(microgrid, period, meters)
	}

	fn operator(microgrid: MicrogridId) -> AccountId {
		let operator = <Microgrids as MicrogridInspect<AccountId>>::operator(microgrid);
		operator.expect("it was made with one")
	}

	fn equivocation() -> (SignedReading, SignedReading) {
		let metered = Metered::new(MicrogridId(0), funded("owner", 0), MeterKind::Prosumer);
		let signed = |import: u64| {
			let reading = Reading {
				meter: metered.meter,
				sequence: 1,
				captured_at: 1,
				import_register: WattHours(import),
				export_register: WattHours(0),
				state_of_charge: None,
				quality: None,
				acknowledged: None,
				status: 0,
			};
			let signature = sign(&metered.device, &reading.digest(&genesis_hash()));
			SignedReading { reading, signature }
		};
		(signed(1), signed(2))
	}

	fn feeder(microgrid: MicrogridId) -> MeterId {
		let page = pallet_meter_registry::MicrogridPages::<Runtime>::get(
			Be32::from(microgrid),
			Be32::from(0),
		);
		MeterId::at(page.expect("it has one"), (METERS_PER_PAGE - 1) as u8)
	}

	fn set_now(now: u64) {
		set_time(now);
	}
}

impl pallet_validator_set::BenchmarkHelper<AccountId> for Setup {
	fn set_keys(who: &AccountId, aura: AuraId) {
		let bytes: [u8; 32] = who.clone().into();
		let keys = session_keys(
			aura,
			ed25519::Public::from_raw(bytes).into(),
			sr25519::Public::from_raw(bytes).into(),
		);
		Balances::set_balance(who, MONEY);
		let reason = pallet_session::HoldReason::Keys.into();
		Balances::hold(&reason, who, GRID).expect("it is rich");
		System::inc_consumers(who).expect("it exists");
		for id in SessionKeys::key_ids() {
			pallet_session::KeyOwner::<Runtime>::insert((*id, keys.get_raw(*id).to_vec()), who);
		}
		pallet_session::NextKeys::<Runtime>::insert(who, keys);
	}

	fn activate(validators: &[AccountId]) {
		pallet_session::Validators::<Runtime>::put(validators.to_vec());
	}
}

impl pallet_demand_response::BenchmarkHelper<AccountId> for Setup {
	fn community(
		operator: AccountId,
		owners: Vec<AccountId>,
	) -> (MicrogridId, Period, Vec<MeterId>) {
		let owners = owners
			.iter()
			.cloned()
			.cycle()
			.take(METERS_PER_PAGE as usize);
		<Self as pallet_settlement::BenchmarkHelper<AccountId>>::community(
			operator,
			owners.collect(),
			false,
		)
	}

	fn feeder(microgrid: MicrogridId) -> MeterId {
		let clock = <Microgrids as SettlementClock>::clock();
		let now = <Microgrids as SettlementClock>::now();
		let period = clock.period_at(now).saturating_sub(2);
		set_time(clock.start_of(period));
		let feeder = Metered::new(microgrid, funded("feeder", 0), MeterKind::Feeder);
		feeder.read(1, clock.start_of(period), (0, 0), None);
		set_time(clock.end_of(period));
		feeder.read(2, clock.end_of(period), (1_000_000, 0), None);
		set_time(now);
		feeder.meter
	}

	fn fund(who: &AccountId, amount: Balance) {
		Balances::set_balance(who, amount);
	}

	fn set_time(now: u64) {
		set_time(now);
	}
}
