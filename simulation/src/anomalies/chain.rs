//! The real flags pallet, in a chain in memory with as little else as it needs: time passes period by period,
//! every period is settled as soon as it ends, and what meters metered comes from the simulation.
//!
//! The pallet is entered where a chain enters it: through [`OnReading`](gridweave_primitives::traits::OnReading)
//! with readings, through `on_poll`, and through its calls. Signatures of readings are left out, for the registry
//! checks them before flags are asked.

use std::cell::RefCell;

use anyhow::{anyhow, Result};
use frame_support::{
	derive_impl, parameter_types,
	traits::{ConstU128, ConstU32, ConstU64, Hooks},
	weights::{Weight, WeightMeter},
};
use gridweave_primitives::{
	device::DeviceKey,
	meter::{MeterInfo, MeterKind, MeterState, MeteredPage, MeteredPeriod, Provenance, Ratings},
	microgrid::Terms,
	traits::{
		DeviceKeys, MeterInspect, MeteredEnergy, MicrogridInspect, SettlementClock,
		SettlementProgress,
	},
	Balance, Be32, MeterId, MicrogridId, Period, PeriodClock, WattHours,
};
use pallet_anomaly_flags::{Event, Feeders, Parameters};
use sp_core::{crypto::Pair as _, ed25519};
use sp_runtime::{BuildStorage, Permill};

type Block = frame_system::mocking::MockBlock<Chain>;

frame_support::construct_runtime!(
	pub enum Chain {
		System: frame_system,
		Balances: pallet_balances,
		Flags: pallet_anomaly_flags,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Chain {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Chain {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<1>;
}

parameter_types! {
	/// Blocks are as large as need be.
	pub const Plenty: Weight = Weight::from_parts(u64::MAX / 4, u64::MAX / 4);
	pub const TamperingSlash: Permill = Permill::from_percent(80);
}

impl pallet_anomaly_flags::Config for Chain {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Microgrids = World;
	type Clock = World;
	type Meters = World;
	type Metered = World;
	type Settled = World;
	type Deposits = ();
	type TamperingSlash = TamperingSlash;
	type MaxInspectors = ConstU32<16>;
	type AnalystStake = ConstU128<1_000>;
	type FalseReportSlash = ConstU128<50>;
	type MaxFindings = ConstU32<20>;
	type Quorum = ConstU32<3>;
	type UnbondingDelay = ConstU64<604_800>;
	type InspectWeight = Plenty;
	type RaiseWeight = Plenty;
	type ExpireWeight = Plenty;
	type WeightInfo = ();
}

/// The first second of 2016, UTC.
const EPOCH: u64 = 1_451_606_400;

/// Operates every microgrid.
pub const OPERATOR: u64 = 1;

/// Everything that the pallet asks others for.
#[derive(Debug, Default)]
pub struct World {
	now: u64,
	settled: Period,
	/// Pages of meters, by microgrid.
	pages: Vec<Vec<u32>>,
	/// Meters by id; a page's last places may be empty.
	meters: Vec<Option<(MicrogridId, MeterKind, Ratings)>>,
	/// What they metered in the period that was settled last.
	energy: Vec<MeteredPeriod>,
}

thread_local! {
	static WORLD: RefCell<World> = RefCell::default();
}

/// No energy.
const NOTHING: MeteredPeriod = MeteredPeriod {
	import: WattHours(0),
	export: WattHours(0),
	provenance: Provenance::Measured,
};

/// The period of a row.
pub fn period_of(row: usize) -> Period {
	World::clock()
		.period_at(EPOCH)
		.saturating_add(u32::try_from(row).unwrap_or(u32::MAX))
}

/// The Unix second in which a row ends.
pub fn end_of(row: usize) -> u64 {
	World::clock().end_of(period_of(row))
}

/// A fresh chain on which the row before `row` has just ended.
pub fn begin(row: usize) -> Result<sp_io::TestExternalities> {
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: vec![(OPERATOR, 1_000_000)],
			..Default::default()
		},
		..Default::default()
	};
	let storage = genesis
		.build_storage()
		.map_err(|error| anyhow!("the chain cannot begin: {error}"))?;
	WORLD.set(World {
		now: World::clock().start_of(period_of(row)),
		settled: period_of(row),
		..World::default()
	});
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| System::set_block_number(1));
	Ok(ext)
}

/// Adds a microgrid with these meters; the last is its feeder, if it has one. Meters have consecutive ids: the first is
/// returned.
pub fn add_microgrid(
	meters: &[(MeterKind, Ratings)],
	parameters: Parameters,
) -> Result<(MicrogridId, MeterId)> {
	let (microgrid, first) = WORLD.with_borrow_mut(|world| {
		let microgrid = MicrogridId(world.pages.len() as u32);
		let page = world.meters.len().div_ceil(32) as u32;
		let first = MeterId::at(page, 0);
		world.meters.resize(first.0 as usize, None);
		world.meters.extend(
			meters
				.iter()
				.map(|(kind, ratings)| Some((microgrid, *kind, *ratings))),
		);
		world.energy.resize(world.meters.len(), NOTHING);
		world
			.pages
			.push((page..world.meters.len().div_ceil(32) as u32).collect());
		(microgrid, first)
	});
	let last = MeterId(first.0 + (meters.len() as u32).saturating_sub(1));
	let feeder = matches!(meters.last(), Some((MeterKind::Feeder, _))).then_some(last);
	let parameters = Parameters {
		feeder,
		..parameters
	};
	Flags::set_parameters(RuntimeOrigin::signed(OPERATOR), microgrid, Some(parameters))
		.map_err(|error| anyhow!("the detectors cannot be set: {error:?}"))?;
	Ok((microgrid, first))
}

/// Time comes to a few seconds after the end of a row, which is when its readings are taken.
pub fn end_row(row: usize) {
	System::set_block_number(System::block_number() + 1);
	WORLD.with_borrow_mut(|world| world.now = end_of(row) + 5);
}

/// Says what a meter metered in the row that ended.
pub fn meter(meter: MeterId, energy: MeteredPeriod) {
	WORLD.with_borrow_mut(|world| {
		if let Some(place) = world.energy.get_mut(meter.0 as usize) {
			*place = energy;
		}
	});
}

/// Settles a row, and lets the pallet do its work. What it told since the last row.
pub fn settle(row: usize) -> Vec<Event<Chain>> {
	WORLD.with_borrow_mut(|world| world.settled = period_of(row).next());
	Flags::on_poll(System::block_number(), &mut WeightMeter::new());
	let told = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Flags(event) => Some(event),
			_ => None,
		});
	let told = told.collect();
	System::reset_events();
	told
}

/// Those whom the feeder's alarm names, if it was given in this row.
pub fn alarm(microgrid: MicrogridId, row: usize) -> Option<Vec<MeterId>> {
	let record = Feeders::<Chain>::get(Be32::from(microgrid))?;
	let length = Flags::parameters_of(microgrid).feeder_alarm;
	let now = World::clock().period_at(end_of(row));
	let given = record.alarm_until == now.saturating_add(length.into());
	let named = record
		.suspects
		.iter()
		.flatten()
		.map(|suspect| suspect.meter);
	given.then(|| named.collect())
}

/// The key pair of a meter's device.
pub fn pair(meter: MeterId) -> ed25519::Pair {
	let mut seed = [7u8; 32];
	for (place, byte) in seed.iter_mut().zip(meter.0.to_le_bytes()) {
		*place = byte;
	}
	ed25519::Pair::from_seed(&seed)
}

impl SettlementClock for World {
	fn clock() -> PeriodClock {
		PeriodClock {
			grace: 0,
			retention: 96,
			..PeriodClock::default()
		}
	}
	fn now() -> u64 {
		WORLD.with_borrow(|world| world.now)
	}
}

impl MicrogridInspect<u64> for World {
	fn count() -> u32 {
		WORLD.with_borrow(|world| world.pages.len() as u32)
	}
	fn operator(microgrid: MicrogridId) -> Option<u64> {
		(microgrid.0 < Self::count()).then_some(OPERATOR)
	}
	fn terms(_: MicrogridId, _: Period) -> Option<Terms> {
		None
	}
	fn first_period(microgrid: MicrogridId) -> Option<Period> {
		(microgrid.0 < Self::count()).then(|| period_of(0))
	}
}

impl MeterInspect<u64> for World {
	fn meter(meter: MeterId) -> Option<MeterInfo<u64>> {
		let known = WORLD.with_borrow(|world| world.meters.get(meter.0 as usize).copied());
		let (microgrid, kind, ratings) = known.flatten()?;
		Some(MeterInfo {
			owner: OPERATOR,
			microgrid,
			kind,
			ratings,
			state: MeterState::Active,
		})
	}
	fn state_of_charge(_: MeterId) -> Option<WattHours> {
		None
	}
}

impl DeviceKeys for World {
	fn device_key(meter: MeterId) -> Option<DeviceKey> {
		Self::meter(meter).map(|_| DeviceKey::Ed25519(pair(meter).public()))
	}
}

impl MeteredEnergy for World {
	fn pages(microgrid: MicrogridId) -> u32 {
		let pages = |world: &World| world.pages.get(microgrid.0 as usize).map(Vec::len);
		WORLD.with_borrow(pages).unwrap_or_default() as u32
	}
	fn page(microgrid: MicrogridId, index: u32) -> Option<u32> {
		WORLD.with_borrow(|world| {
			let pages = world.pages.get(microgrid.0 as usize)?;
			pages.get(index as usize).copied()
		})
	}
	fn close_page(microgrid: MicrogridId, index: u32, period: Period) -> MeteredPage {
		Self::closed_page(microgrid, index, period)
	}
	fn closed_page(microgrid: MicrogridId, index: u32, _: Period) -> MeteredPage {
		let Some(page) = Self::page(microgrid, index) else {
			return MeteredPage::new();
		};
		WORLD.with_borrow(|world| {
			let metered = (0..32).filter_map(|slot| {
				let meter = MeterId::at(page, slot);
				let (_, kind, _) = world.meters.get(meter.0 as usize).copied().flatten()?;
				let energy = world.energy.get(meter.0 as usize)?;
				(kind != MeterKind::Feeder).then_some((meter, *energy))
			});
			metered.collect()
		})
	}
	fn metered(meter: MeterId, _: Period) -> Option<MeteredPeriod> {
		WORLD.with_borrow(|world| world.energy.get(meter.0 as usize).copied())
	}
}

impl SettlementProgress for World {
	fn settled_before(_: MicrogridId) -> Period {
		WORLD.with_borrow(|world| world.settled)
	}
}
