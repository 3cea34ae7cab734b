//! What a block of readings costs, against the bare verification of its signatures.

use std::path::Path;

use anyhow::{ensure, Result};
use gridweave_primitives::{
	device::DeviceSignature, ids::METERS_PER_PAGE, reading::SignedReading, MeterId,
};
use gridweave_runtime::{opaque::Block, Hash, BLOCK_SECONDS};
use sc_service::TaskManager;
use sp_core::{ed25519, Pair};

use crate::{
	chain::{opaque, Chain},
	community::{self, CLOCK, START},
	state,
	stopwatch::{Stopwatch, Took},
};

/// Blocks without readings before those that are measured: in them the periods of a day are opened.
const QUIET_BLOCKS: u32 = 40;

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

impl Cost {
	/// How much more the import costs than the bare verification.
	pub fn ratio(&self) -> f64 {
		self.import.cpu.as_secs_f64() / self.verify.cpu.as_secs_f64()
	}

	/// Microseconds a reading.
	pub fn per_reading(&self) -> f64 {
		self.import.cpu.as_secs_f64() * 1e6 / self.readings as f64
	}
}

/// Imports `blocks` blocks of a community of `meters`, each with at most `most` readings.
pub fn measure(
	folder: &Path,
	meters: u32,
	blocks: u32,
	most: u32,
	full: bool,
) -> Result<Vec<Cost>> {
	let runtime = tokio::runtime::Runtime::new()?;
	let tasks = TaskManager::new(runtime.handle().clone(), None)?;
	let meters = meters / METERS_PER_PAGE * METERS_PER_PAGE;
	let author = state::chain(meters, &folder.join(format!("author-{meters}")), &tasks)?;
	let importer = state::chain(meters, &folder.join(format!("importer-{meters}")), &tasks)?;
	let genesis = author.genesis_hash();

	let mut time = START + u64::from(CLOCK.period_length);
	let mut advance = |author: &Chain, readings: &[SignedReading]| -> Result<(Block, usize)> {
		let calls = community::batches(readings, 1, &genesis)?
			.into_iter()
			.map(opaque)
			.collect::<Result<Vec<_>>>()?;
		let (block, taken) = author.build(time, calls)?;
		time += u64::from(BLOCK_SECONDS);
		Ok((block, taken))
	};
	for _ in 0..QUIET_BLOCKS {
		let (block, _) = advance(&author, &[])?;
		author.import(block.clone())?;
		importer.import(block)?;
	}

	let mut made = Vec::new();
	let mut next = 0;
	for _ in 0..blocks {
		let mut readings = readings(next, most.min(meters - next), full, &genesis);
		let (block, taken) = advance(&author, &readings)?;
		readings.truncate(taken * community::batch_size(1)?);
		ensure!(!readings.is_empty(), "no batch of readings fits a block");
		next += u32::try_from(readings.len())?;
		author.import(block.clone())?;
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
		eprintln!("{cost:?}");
		costs.push(cost);
	}
	Ok(costs)
}

/// The first readings after the base of `count` meters from `from` on.
fn readings(from: u32, count: u32, full: bool, genesis: &Hash) -> Vec<SignedReading> {
	let at = START + u64::from(CLOCK.period_length);
	(from..from + count)
		.map(|id| community::signed(MeterId(id), 1, at, full, genesis))
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
