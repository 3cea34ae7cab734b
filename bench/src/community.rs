//! The state of a large community, made without a block: as many registered, active meters as wanted, each
//! with an owner, a deposit, a device key, a latest reading and energy in the periods that are kept.
//! Besides what the periods after that were metered, where they are to be settled.

use anyhow::{anyhow, Context, Result};
use codec::Encode;
use frame_support::{
	traits::fungible::{Mutate, MutateHold},
	BoundedVec,
};
use gridweave_primitives::{
	device::{DeviceKey, DeviceSignature, Serial},
	ids::METERS_PER_PAGE,
	ingest::{IngestPair, ReadingBatch, MAX_BATCH_READINGS},
	meter::{MeterKind, MeterState, Provenance, Ratings},
	microgrid::Mechanism,
	reading::{Reading, SignedReading},
	Balance, Be32, MeterId, MicrogridId, PeriodClock, Slots, WattHours, Watts,
};
use gridweave_runtime::{
	genesis, AccountId, Balances, Hash, Runtime, RuntimeCall, RuntimeHoldReason,
	UncheckedExtrinsic, GRID, WASM_BINARY,
};
use pallet_meter_registry as registry;
use sc_chain_spec::GenesisConfigBuilderRuntimeCaller;
use sp_core::{ed25519, sr25519, Pair};
use sp_state_machine::BasicExternalities;
use sp_storage::{well_known_keys, Storage};

/// 15 June 2026, 06:00 UTC: when all meters gave their first readings.
pub const START: u64 = 1_781_503_200;

/// The clock of a network in service: periods of a quarter of an hour.
pub const CLOCK: PeriodClock = PeriodClock {
	period_length: 900,
	periods_per_day: 96,
	day_offset: 0,
	grace: 2,
	retention: 4,
};

/// Registers never roll over.
const MODULUS: WattHours = WattHours(1_000_000_000);

/// A house connection.
const RATINGS: Ratings = Ratings {
	max_import: Watts(14_000),
	max_export: Watts(10_000),
};

/// The microgrid that all meters belong to.
pub const MICROGRID: MicrogridId = MicrogridId(0);

/// What there is.
#[derive(Clone, Copy, Debug)]
pub struct Community {
	/// How many meters: a whole number of pages.
	pub meters: u32,
	/// How its books clear.
	pub mechanism: Mechanism,
	/// How many periods from [`START`] on are metered already.
	pub metered: u32,
}

/// The key pair of a meter's device.
pub fn device(meter: MeterId) -> ed25519::Pair {
	ed25519::Pair::from_seed(&sp_io::hashing::blake2_256(&meter.encode()))
}

/// The key pair of a meter's owner: each owns one.
pub fn owner(meter: MeterId) -> sr25519::Pair {
	sr25519::Pair::from_seed(&sp_io::hashing::blake2_256(&(b"owner", meter).encode()))
}

/// The account of a meter's owner.
pub fn account(meter: MeterId) -> AccountId {
	AccountId::from(owner(meter).public().0)
}

/// What a meter takes and gives in each of the periods that are metered already: one of six feeds in.
pub fn flow(meter: MeterId) -> (WattHours, WattHours) {
	if meter.0.is_multiple_of(6) {
		(WattHours::ZERO, WattHours(200))
	} else {
		(WattHours(125), WattHours::ZERO)
	}
}

/// A meter's n-th reading, at `at`: half a kilowatt since the one before.
fn reading(meter: MeterId, n: u64, at: u64) -> Reading {
	// What a register shows differs from meter to meter.
	let energy = 5_000_000 + u64::from(meter.0) + n * 125;
	Reading {
		meter,
		sequence: 1_000 + n,
		captured_at: at,
		import_register: WattHours(energy),
		export_register: WattHours(u64::from(meter.0)),
		state_of_charge: None,
		quality: None,
		acknowledged: None,
		status: 0,
	}
}

/// A meter's signed n-th reading of the chain of `genesis`, at `at`.
pub fn signed(meter: MeterId, n: u64, at: u64, genesis: &Hash) -> SignedReading {
	let reading = reading(meter, n, at);
	let signature = device(meter).sign(&reading.digest(genesis));
	SignedReading {
		reading,
		signature: DeviceSignature::Ed25519(signature),
	}
}

/// How many readings a batch takes in whole pages of meters.
pub const BATCH: u32 = MAX_BATCH_READINGS / METERS_PER_PAGE * METERS_PER_PAGE;

/// Batches of ordered readings, of which those of a page touch `spans` periods, signed by the development
/// authority.
pub fn batches(
	readings: &[SignedReading],
	spans: u32,
	genesis: &Hash,
) -> Result<Vec<UncheckedExtrinsic>> {
	use frame_system::offchain::CreateAuthorizedTransaction;
	let authority = IngestPair::from_string("//Alice", None)
		.map_err(|error| anyhow!("the development key: {error:?}"))?;
	Ok(readings
		.chunks(BATCH as usize)
		.map(|chunk| {
			let batch = ReadingBatch {
				authority: 0,
				salt: 0,
				spans: spans * BATCH / METERS_PER_PAGE,
				corrections: 0,
				readings: BoundedVec::truncate_from(chunk.to_vec()),
			};
			let signature = authority.sign(&batch.digest(genesis));
			let call = RuntimeCall::from(registry::Call::<Runtime>::submit_readings {
				batch,
				signature,
			});
			<Runtime as CreateAuthorizedTransaction<registry::Call<Runtime>>>::create_authorized_transaction(call)
		})
		.collect())
}

impl Community {
	/// One whose meters give the readings that are measured.
	pub fn reporting(meters: u32) -> Self {
		Self {
			meters,
			mechanism: Mechanism::Continuous,
			metered: 0,
		}
	}

	/// The development chain's genesis with the clock of a network in service and this community as its first
	/// microgrid, after `then`.
	pub fn storage(&self, then: impl FnOnce() -> Result<()>) -> Result<Storage> {
		let code =
			WASM_BINARY.context("this build has no runtime: it was made with SKIP_WASM_BUILD")?;
		let preset = genesis::preset(&"development".into()).context("there is such a preset")?;
		let mut patch: serde_json::Value = serde_json::from_slice(&preset)?;
		let grids = &mut patch["microgrids"];
		grids["clock"] = serde_json::to_value(CLOCK)?;
		let rules = &mut grids["microgrids"][MICROGRID.0 as usize][1]["rules"];
		rules["mechanism"] = serde_json::to_value(self.mechanism)?;
		let storage = GenesisConfigBuilderRuntimeCaller::<sp_io::SubstrateHostFunctions>::new(code)
			.get_storage_for_patch(patch)
			.map_err(|error| anyhow!("genesis: {error}"))?;
		let mut state = BasicExternalities::new(storage);
		state.execute_with(|| {
			self.populate()?;
			then()
		})?;
		let mut storage = state.into_storages();
		storage
			.top
			.insert(well_known_keys::CODE.to_vec(), code.to_vec());
		Ok(storage)
	}

	fn populate(&self) -> Result<()> {
		let pages = self.meters / METERS_PER_PAGE;
		for page in 0..pages {
			let (grid, index) = (Be32::from(MICROGRID), Be32::from(page));
			registry::MicrogridPages::<Runtime>::insert(grid, index, page);
			self.populate_page(page)?;
		}
		registry::NextPage::<Runtime>::put(pages);
		registry::Allocations::<Runtime>::insert(
			Be32::from(MICROGRID),
			registry::Allocation {
				pages,
				slots: u8::try_from(METERS_PER_PAGE)?,
				free: 0,
			},
		);
		Ok(())
	}

	fn populate_page(&self, page: u32) -> Result<()> {
		let start = CLOCK.period_at(START);
		let mut latest = registry::LatestPage {
			round: 1,
			kept_from: start.saturating_sub(CLOCK.grace + CLOCK.retention),
			..Default::default()
		};
		let mut before = registry::EnergyPage {
			closed: true,
			..Default::default()
		};
		let mut since = registry::EnergyPage::default();
		let mut metering = registry::MeteringPage {
			microgrid: MICROGRID,
			..Default::default()
		};
		let mut owners = Slots::default();
		for slot in 0..u8::try_from(METERS_PER_PAGE)? {
			let id = MeterId::at(page, slot);
			let registration = register(MICROGRID, id)?;
			metering.meters.set(slot, registration.metering());
			owners.set(slot, registration.billed());
			latest.meters.set(slot, self.latest(id));
			before
				.meters
				.set(slot, measured(WattHours(125), WattHours::ZERO));
			let (import, export) = flow(id);
			since.meters.set(slot, measured(import, export));
		}
		put("MeteringPages", &[page], &metering);
		put("OwnerPages", &[page], &owners);
		put("LatestPages", &[page], &latest);
		for back in 1..=CLOCK.grace + CLOCK.retention {
			put("EnergyPages", &[page, start.0 - back], &before);
		}
		for ahead in 0..self.metered {
			put("EnergyPages", &[page, start.0 + ahead], &since);
		}
		Ok(())
	}

	/// What is known of a meter's latest reading: of that at [`START`], or of that at the end of what is metered.
	fn latest(&self, id: MeterId) -> registry::LatestReading {
		let mut latest = registry::LatestReading {
			settles: true,
			..Default::default()
		};
		let mut shown = reading(id, 0, START);
		latest.update(&shown);
		for _ in 0..self.metered {
			let (import, export) = flow(id);
			shown.sequence += 1;
			shown.captured_at += u64::from(CLOCK.period_length);
			shown.import_register.0 += import.0;
			shown.export_register.0 += export.0;
			latest.imported.0 += import.0;
			latest.exported.0 += export.0;
			latest.update(&shown);
		}
		latest
	}
}

fn measured(import: WattHours, export: WattHours) -> registry::EnergyEntry {
	registry::EnergyEntry {
		import,
		export,
		outstanding: WattHours::ZERO,
		provenance: Provenance::Measured,
	}
}

fn register(microgrid: MicrogridId, id: MeterId) -> Result<registry::Meter<AccountId>> {
	let key = DeviceKey::Ed25519(device(id).public());
	let shown = reading(id, 0, START);
	let deposit = 2 * GRID;
	let owner = account(id);
	Balances::mint_into(&owner, 10 * GRID).map_err(failed)?;
	let reason = RuntimeHoldReason::from(registry::HoldReason::Registration);
	Balances::hold(&reason, &owner, Balance::from(deposit)).map_err(failed)?;
	registry::Keys::<Runtime>::insert(Hash::from(sp_io::hashing::blake2_256(&key.encode())), id);
	let meter = registry::Meter {
		owner,
		microgrid,
		kind: MeterKind::Prosumer,
		ratings: RATINGS,
		former: None,
		modulus: MODULUS,
		serial: Serial::truncate_from(format!("1EMH00{:08}", id.0).into_bytes()),
		key,
		rotated: None,
		deposit,
		state: MeterState::Active,
		admitted_at: START,
		base: registry::Registers {
			import: shown.import_register,
			export: shown.export_register,
		},
	};
	registry::Meters::<Runtime>::insert(Be32::from(id), &meter);
	Ok(meter)
}

/// A dispatch error as an error.
pub fn failed(error: sp_runtime::DispatchError) -> anyhow::Error {
	anyhow!("{error:?}")
}

/// Writes to a map of the registry whose keys are big-endian numbers, and which only it may write to.
fn put(item: &str, keys: &[u32], value: &impl Encode) {
	let prefix = frame_support::storage::storage_prefix(b"MeterRegistry", item.as_bytes());
	let mut key = prefix.to_vec();
	keys.iter().for_each(|part| key.extend(part.to_be_bytes()));
	frame_support::storage::unhashed::put(&key, value);
}
