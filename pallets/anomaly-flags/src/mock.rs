//! A chain with flags and nothing else: two microgrids, meters and their energy as the tests say.

use std::{
	cell::RefCell,
	collections::{BTreeMap, BTreeSet},
};

use frame_support::{
	derive_impl, parameter_types,
	traits::{ConstU128, ConstU32, ConstU64},
	weights::Weight,
};
use gridweave_primitives::{
	device::{DeviceKey, DeviceSignature},
	meter::{
		EnergySource, MeterInfo, MeterKind, MeterState, MeteredPage, MeteredPeriod, Movement,
		Provenance, Ratings,
	},
	microgrid::Terms,
	reading::{Phase, Quality, Reading, SignedReading},
	traits::{
		DeviceKeys, MeterDeposits, MeterInspect, MeteredEnergy, MicrogridInspect, Observation,
		SettlementClock, SettlementProgress,
	},
	Balance, Be32, MeterId, MicrogridId, Period, PeriodClock, WattHours, Watts,
};
use sp_core::{crypto::Pair as _, ed25519, H256};
use sp_runtime::{BuildStorage, Permill};

use crate::{
	self as pallet_anomaly_flags, detectors::Finding, flags::Subject, Event, Flag, Flags, Kind,
};

type Block = frame_system::mocking::MockBlock<Test>;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Anomalies: pallet_anomaly_flags,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<1>;
}

/// Time at the start of every test: the first second of [`P0`], at midnight.
pub const T0: u64 = 1_800_057_600;
/// The period that begins at [`T0`].
pub const P0: Period = Period(2_000_064);
/// Length of a period.
pub const L: u64 = 900;
/// Operates microgrid 0; 21 operates microgrid 1.
pub const OPERATOR: u64 = 20;
/// Inspects microgrid 0.
pub const INSPECTOR: u64 = 30;
/// Owns every meter.
pub const OWNER: u64 = 1;
/// The first of the analysts.
pub const ANALYST: u64 = 40;
/// The community of most tests.
pub const HERE: MicrogridId = MicrogridId(0);
/// Its first meter.
pub const METER: MeterId = MeterId(0);
/// Its feeder.
pub const FEEDER: MeterId = MeterId(31);
/// Rating of all meters: 1 kWh a period, either way.
pub const RATINGS: Ratings = Ratings {
	max_import: Watts(4_000),
	max_export: Watts(4_000),
};

thread_local! {
	static METERS: RefCell<BTreeMap<MeterId, MeterInfo<u64>>> = const { RefCell::new(BTreeMap::new()) };
	static ENERGY: RefCell<BTreeMap<(Period, MeterId), MeteredPeriod>> = const { RefCell::new(BTreeMap::new()) };
	static SLASHED: RefCell<Vec<(MeterId, Permill)>> = const { RefCell::new(Vec::new()) };
}

parameter_types! {
	pub static Now: u64 = T0;
	/// How far settlement has come, in all microgrids.
	pub static SettledTo: Period = P0;
	pub static InspectWeight: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);
	pub static RaiseWeight: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);
	pub static ExpireWeight: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);
	pub const TamperingSlash: Permill = Permill::from_percent(80);
}

/// Everything that others provide.
pub struct Others;

impl SettlementClock for Others {
	/// Without grace: what is past is settled. Energy is kept for long.
	fn clock() -> PeriodClock {
		PeriodClock {
			grace: 0,
			retention: 96,
			..PeriodClock::default()
		}
	}
	fn now() -> u64 {
		Now::get()
	}
}

impl MicrogridInspect<u64> for Others {
	fn count() -> u32 {
		2
	}
	fn operator(microgrid: MicrogridId) -> Option<u64> {
		(microgrid.0 < 2).then(|| OPERATOR + u64::from(microgrid.0))
	}
	fn terms(_: MicrogridId, _: Period) -> Option<Terms> {
		None
	}
	fn first_period(_: MicrogridId) -> Option<Period> {
		Some(P0)
	}
}

impl MeterInspect<u64> for Others {
	fn meter(meter: MeterId) -> Option<MeterInfo<u64>> {
		METERS.with_borrow(|all| all.get(&meter).cloned())
	}
	fn state_of_charge(_: MeterId) -> Option<WattHours> {
		None
	}
}

impl DeviceKeys for Others {
	fn device_key(meter: MeterId) -> Option<DeviceKey> {
		Self::meter(meter).map(|_| DeviceKey::Ed25519(pair(meter).public()))
	}
}

impl MeteredEnergy for Others {
	fn pages(microgrid: MicrogridId) -> u32 {
		pages(microgrid).len() as u32
	}
	fn page(microgrid: MicrogridId, index: u32) -> Option<u32> {
		pages(microgrid).into_iter().nth(index as usize)
	}
	fn close_page(microgrid: MicrogridId, page: u32, period: Period) -> MeteredPage {
		Self::closed_page(microgrid, page, period)
	}
	fn closed_page(microgrid: MicrogridId, index: u32, period: Period) -> MeteredPage {
		let Some(page) = Self::page(microgrid, index) else {
			return MeteredPage::new();
		};
		let slots = (0..32).map(|slot| MeterId::at(page, slot));
		slots
			.filter(|meter| !Self::meter(*meter).is_some_and(|info| info.kind == MeterKind::Feeder))
			.filter_map(|meter| Some((meter, Self::metered(meter, period)?)))
			.collect()
	}
	fn metered(meter: MeterId, period: Period) -> Option<MeteredPeriod> {
		ENERGY.with_borrow(|all| all.get(&(period, meter)).copied())
	}
}

impl SettlementProgress for Others {
	fn settled_before(_: MicrogridId) -> Period {
		SettledTo::get()
	}
}

impl MeterDeposits for Others {
	fn slash_deposit(meter: MeterId, share: Permill) -> Balance {
		SLASHED.with_borrow_mut(|all| all.push((meter, share)));
		77
	}
}

fn pages(microgrid: MicrogridId) -> BTreeSet<u32> {
	METERS.with_borrow(|all| {
		all.iter()
			.filter(|(_, info)| info.microgrid == microgrid)
			.map(|(meter, _)| meter.page())
			.collect()
	})
}

impl crate::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Microgrids = Others;
	type Clock = Others;
	type Meters = Others;
	type Metered = Others;
	type Settled = Others;
	type Deposits = Others;
	type TamperingSlash = TamperingSlash;
	type MaxInspectors = ConstU32<3>;
	type AnalystStake = ConstU128<1_000>;
	type FalseReportSlash = ConstU128<250>;
	type MaxFindings = ConstU32<4>;
	type Quorum = ConstU32<3>;
	type UnbondingDelay = ConstU64<86_400>;
	type InspectWeight = InspectWeight;
	type RaiseWeight = RaiseWeight;
	type ExpireWeight = ExpireWeight;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Others;
}

#[cfg(feature = "runtime-benchmarks")]
impl crate::BenchmarkHelper<u64> for Others {
	fn community(_: u64, owner: u64) -> (MicrogridId, Period, Vec<MeterId>) {
		let meters: Vec<_> = (0..32).map(MeterId).collect();
		for meter in &meters {
			add_meter(*meter, HERE, MeterKind::Consumer);
			METERS.with_borrow_mut(|all| {
				if let Some(info) = all.get_mut(meter) {
					info.owner = owner;
				}
			});
			meter_energy(*meter, P0, 100, 0);
		}
		SettledTo::set(P0.next());
		(HERE, P0, meters)
	}
	fn operator(microgrid: MicrogridId) -> u64 {
		OPERATOR + u64::from(microgrid.0)
	}
	fn equivocation() -> (SignedReading, SignedReading) {
		add_meter(METER, HERE, MeterKind::Consumer);
		(
			signed(reading(METER, 1, T0, 1, 0)),
			signed(reading(METER, 1, T0, 2, 0)),
		)
	}
	fn feeder(_: MicrogridId) -> MeterId {
		add_meter(MeterId(64), HERE, MeterKind::Feeder);
		meter_energy(MeterId(64), P0, 3_300, 0);
		MeterId(64)
	}
	fn set_now(now: u64) {
		Now::set(now);
	}
}

/// A fresh chain at block 1: microgrid 0 has three meters and an inspector.
pub fn ext() -> sp_io::TestExternalities {
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..60).map(|who| (who, 1_000_000)).collect(),
			..Default::default()
		},
		..Default::default()
	}
	.build_storage()
	.expect("a genesis");
	Now::set(T0);
	SettledTo::set(P0);
	InspectWeight::set(Weight::from_parts(1_000_000_000_000, u64::MAX));
	RaiseWeight::set(Weight::from_parts(1_000_000_000_000, u64::MAX));
	ExpireWeight::set(Weight::from_parts(1_000_000_000_000, u64::MAX));
	METERS.take();
	ENERGY.take();
	SLASHED.take();
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| {
		System::set_block_number(1);
		for meter in 0..3 {
			add_meter(MeterId(meter), HERE, MeterKind::Prosumer);
		}
		Anomalies::appoint_inspector(RuntimeOrigin::signed(OPERATOR), HERE, INSPECTOR)
			.expect("appoints");
		System::reset_events();
	});
	ext
}

/// Runs a test on a fresh chain, and checks the invariants after it.
pub fn run(test: impl FnOnce()) {
	ext().execute_with(|| {
		test();
		Anomalies::do_try_state().expect("the invariants hold");
	});
}

/// Adds an active meter.
pub fn add_meter(meter: MeterId, microgrid: MicrogridId, kind: MeterKind) {
	let info = MeterInfo {
		owner: OWNER,
		microgrid,
		kind,
		ratings: RATINGS,
		state: MeterState::Active,
	};
	METERS.with_borrow_mut(|all| all.insert(meter, info));
}

/// Sets where a meter is in its life.
pub fn set_state(meter: MeterId, state: MeterState) {
	METERS.with_borrow_mut(|all| all.get_mut(&meter).expect("a meter").state = state);
}

/// Takes a meter away.
pub fn remove_meter(meter: MeterId) {
	METERS.with_borrow_mut(|all| all.remove(&meter));
}

/// A solar plant.
pub const SOLAR: MeterKind = MeterKind::Producer {
	source: EnergySource::Solar,
};

/// Sets what a meter metered in a period.
pub fn meter_energy(meter: MeterId, period: Period, import: u64, export: u64) {
	meter_as(meter, period, import, export, Provenance::Measured);
}

/// Sets what a meter metered in a period, and where it comes from.
pub fn meter_as(meter: MeterId, period: Period, import: u64, export: u64, provenance: Provenance) {
	let energy = MeteredPeriod {
		import: WattHours(import),
		export: WattHours(export),
		provenance,
	};
	ENERGY.with_borrow_mut(|all| all.insert((period, meter), energy));
}

/// The slashes asked for since this was asked last.
pub fn slashed() -> Vec<(MeterId, Permill)> {
	SLASHED.take()
}

/// Advances to the start of a period, with all before it settled, and lets the steps run.
pub fn go_to(period: Period) {
	Now::set(Others::clock().start_of(period));
	SettledTo::set(period);
	poll();
}

/// Lets the steps run.
pub fn poll() {
	use frame_support::traits::Hooks;
	System::set_block_number(System::block_number() + 1);
	Anomalies::on_poll(
		System::block_number(),
		&mut frame_support::weights::WeightMeter::new(),
	);
}

/// The key pair of a meter's device.
pub fn pair(meter: MeterId) -> ed25519::Pair {
	let mut seed = [3u8; 32];
	seed[..4].copy_from_slice(&meter.0.to_le_bytes());
	ed25519::Pair::from_seed(&seed)
}

/// A reading.
pub fn reading(meter: MeterId, sequence: u64, at: u64, import: u64, export: u64) -> Reading {
	Reading {
		meter,
		sequence,
		captured_at: at,
		import_register: WattHours(import),
		export_register: WattHours(export),
		state_of_charge: None,
		quality: None,
		acknowledged: None,
		status: 0,
	}
}

/// A reading with its device's signature.
pub fn signed(reading: Reading) -> SignedReading {
	let genesis: H256 = System::block_hash(0);
	let signature = pair(reading.meter).sign(&reading.digest(&genesis));
	SignedReading {
		reading,
		signature: DeviceSignature::Ed25519(signature),
	}
}

/// One phase at a voltage that carries a power.
pub fn quality(volts: u32, watts: u32) -> Quality {
	Quality {
		frequency_mhz: 50_000,
		phases: vec![Phase {
			voltage_mv: volts * 1_000,
			current_ma: watts * 1_000 / volts.max(1),
			power_factor: 1_000,
		}]
		.try_into()
		.expect("one phase"),
	}
}

/// Energy that a register moved by, all counted.
pub fn moved(counted: u64) -> Movement {
	Movement {
		counted: WattHours(counted),
		..Movement::default()
	}
}

/// A register that ran backwards.
pub const BACK: Movement = Movement {
	counted: WattHours(0),
	suspended: WattHours(0),
	rolled_back: true,
};

/// An observation of a reading one period after the one before.
pub fn observation<'a>(reading: &'a Reading, import: Movement) -> Observation<'a> {
	let mut previous = reading.clone();
	previous.sequence -= 1;
	previous.captured_at -= L;
	previous.quality = None;
	Observation {
		reading,
		previous: Some(previous),
		import,
		export: Movement::default(),
		ratings: RATINGS,
	}
}

/// Takes a reading of microgrid 0 that moved its import register. How many gave cause for a flag.
pub fn take(reading: Reading, import: Movement) -> u32 {
	observe(&[observation(&reading, import)])
}

/// Takes readings of microgrid 0, and raises what they give cause for: of how many meters.
pub fn observe(observations: &[Observation]) -> u32 {
	let noted = Anomalies::observe(HERE, observations);
	Anomalies::raise_findings(&mut frame_support::weights::WeightMeter::new());
	noted
}

/// Raises a flag of the first meter.
pub fn raise(kind: Kind) {
	raise_for(METER, kind);
}

/// Raises a flag.
pub fn raise_for(meter: MeterId, kind: Kind) {
	let subject = Subject {
		microgrid: HERE,
		meter,
		kind,
	};
	Anomalies::raise(subject, Finding::new(2, 1), &Anomalies::parameters_of(HERE));
}

/// A flag of the first meter.
pub fn flag(kind: Kind) -> Option<Flag> {
	flag_of(METER, kind)
}

/// A flag of a meter of microgrid 0.
pub fn flag_of(meter: MeterId, kind: Kind) -> Option<Flag> {
	Flags::<Test>::get((Be32::from(HERE), Be32::from(meter), kind))
}

/// The events of this pallet since the last time they were reset.
pub fn events() -> Vec<Event<Test>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Anomalies(event) => Some(event),
			_ => None,
		})
		.collect()
}

/// Somebody's origin.
pub fn by(who: u64) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

/// What is held of an analyst.
pub fn held(who: u64) -> Balance {
	use frame_support::traits::fungible::InspectHold;
	Balances::balance_on_hold(&crate::HoldReason::Analyst.into(), &who)
}
