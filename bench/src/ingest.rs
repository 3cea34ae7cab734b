//! What a block of readings costs, against the bare verification of its signatures; how that grows with the
//! number of registered meters; how many readings a block takes.

use anyhow::{ensure, Result};
use frame_support::traits::Get;
use gridweave_primitives::{
	device::DeviceSignature, ids::METERS_PER_PAGE, reading::SignedReading, MeterId,
};
use gridweave_runtime::{configs::system::MAX_BLOCK_WEIGHT, Hash, Runtime, BLOCK_SECONDS};
use pallet_meter_registry::{load::punctual, Config};
use serde_json::{json, Value};
use sp_core::{ed25519, Pair};

use crate::{
	chain::{opaque, Chain, Made},
	community::{self, Community, CLOCK, START},
	figures::{median, rounded},
	state::{Stage, State},
	stopwatch::{Stopwatch, Took},
};

/// Blocks without readings before those that are measured: in them the periods of a day are opened.
const QUIET_BLOCKS: u32 = 40;

/// Registered meters of the community that the large one is compared with.
const FEW: u32 = 10_016;

/// Measured blocks of either community.
const BLOCKS: u32 = 9;

/// How many meters give the measured blocks a reading each.
pub fn least_meters() -> u32 {
	let most: u32 = <Runtime as Config>::MaxBlockReadings::get();
	BLOCKS * most
}

/// Measures the import of full blocks with `meters` registered meters, at least [`least_meters`].
pub fn run(meters: u32) -> Result<Value> {
	let most = <Runtime as Config>::MaxBlockReadings::get();
	let few = (0..BLOCKS)
		.map(|_| measure(FEW, 1, most))
		.collect::<Result<Vec<_>>>()?
		.concat();
	let many = measure(meters, BLOCKS, most)?;
	let us = |took: Took, readings: usize| took.cpu.as_secs_f64() * 1e6 / readings as f64;
	let import = |cost: &Cost| us(cost.import, cost.readings);
	let verify = |cost: &Cost| us(cost.verify, cost.readings);
	let ratio = |cost: &Cost| import(cost) / verify(cost);
	let middle = |costs: &[Cost], of: &dyn Fn(&Cost) -> f64| median(costs.iter().map(of));
	Ok(json!({
		"meters": meters,
		"import_us": middle(&many, &import)?,
		"verify_us": middle(&many, &verify)?,
		"import_over_verify": middle(&many, &ratio)?,
		"few_meters": FEW,
		"import_us_of_few": middle(&few, &import)?,
		"growth": rounded(middle(&many, &ratio)? / middle(&few, &ratio)?),
		"readings_of_a_block": many.iter().map(|cost| cost.readings).max(),
		"readings_in_half_a_block_by_weight": by_weight(),
	}))
}

/// How many readings of full batches fit half a block by their weights.
fn by_weight() -> u64 {
	let pages = community::BATCH / METERS_PER_PAGE;
	let batch = punctual::<Runtime>(community::BATCH, pages);
	MAX_BLOCK_WEIGHT.ref_time() / 2 / batch.ref_time() * u64::from(community::BATCH)
}

/// What a block costs.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
	/// How many readings it brings.
	pub readings: usize,
	/// What its import took.
	pub import: Took,
	/// What the bare verification of its readings' signatures took.
	pub verify: Took,
}

/// Imports `blocks` blocks of a community of `meters`, each with at most `most` readings.
fn measure(meters: u32, blocks: u32, most: u32) -> Result<Vec<Cost>> {
	let stage = Stage::new()?;
	let meters = meters / METERS_PER_PAGE * METERS_PER_PAGE;
	let state = State::Reporting(Community::reporting(meters));
	let author = stage.chain(state, "author")?;
	let importer = stage.chain(state, "importer")?;
	let genesis = author.genesis_hash();

	let mut time = START + u64::from(CLOCK.period_length);
	let mut advance = |author: &Chain, readings: &[SignedReading]| -> Result<Made> {
		let calls = community::batches(readings, 1, &genesis)?
			.into_iter()
			.map(opaque)
			.collect::<Result<Vec<_>>>()?;
		let made = author.extend(time, calls)?;
		time += u64::from(BLOCK_SECONDS);
		Ok(made)
	};
	for _ in 0..QUIET_BLOCKS {
		importer.import(advance(&author, &[])?.block)?;
	}

	let mut made = Vec::new();
	let mut next = 0;
	for _ in 0..blocks {
		let mut readings = readings(next, most.min(meters - next), &genesis);
		let Made { block, took } = advance(&author, &readings)?;
		readings.truncate(took.len() * community::BATCH as usize);
		ensure!(!readings.is_empty(), "no batch of readings fits a block");
		next += u32::try_from(readings.len())?;
		made.push((block, readings));
	}
	drop(author);

	let mut costs = Vec::new();
	for (block, readings) in made {
		let verify = verify(&readings, &genesis)?;
		let import = importer.import(block)?;
		let cost = Cost {
			readings: readings.len(),
			import,
			verify,
		};
		eprintln!(
			"{meters} meters, {} readings: import {:?}, verify {:?}",
			cost.readings, cost.import, cost.verify
		);
		costs.push(cost);
	}
	Ok(costs)
}

/// The first readings after the base of `count` meters from `from` on.
fn readings(from: u32, count: u32, genesis: &Hash) -> Vec<SignedReading> {
	let at = START + u64::from(CLOCK.period_length);
	(from..from + count)
		.map(|id| community::signed(MeterId(id), 1, at, genesis))
		.collect()
}

/// What the bare verification of the readings' signatures takes, by the library the node uses.
fn verify(readings: &[SignedReading], genesis: &Hash) -> Result<Took> {
	let keys: Vec<ed25519::Public> = readings
		.iter()
		.map(|signed| community::device(signed.reading.meter).public())
		.collect();
	let stopwatch = Stopwatch::start();
	let mut valid = 0;
	for (signed, key) in readings.iter().zip(&keys) {
		let DeviceSignature::Ed25519(signature) = &signed.signature else {
			continue;
		};
		valid += usize::from(ed25519::Pair::verify(
			signature,
			signed.reading.digest(genesis),
			key,
		));
	}
	let took = stopwatch.read();
	ensure!(valid == readings.len(), "a reading is badly signed");
	Ok(took)
}
