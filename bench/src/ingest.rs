//! What a block of readings costs, against the bare verification of its signatures.

use std::{path::Path, time::Instant};

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
};

/// Blocks without readings before those that are measured: in them the periods of a day are opened.
const QUIET_BLOCKS: u32 = 40;

/// A figure of one community.
#[derive(Debug, Default)]
pub struct Cost {
	/// Registered meters.
	pub meters: u32,
	/// Readings of all measured blocks.
	pub readings: usize,
	/// Readings of the fullest block.
	pub block: usize,
	/// Seconds their import took.
	pub import: f64,
	/// Seconds the bare verification of their signatures took.
	pub verify: f64,
}

/// Imports `blocks` blocks of a community of `meters`, each with at most `most` readings.
pub fn measure(folder: &Path, meters: u32, blocks: u32, most: u32, full: bool) -> Result<Cost> {
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

	let mut cost = Cost {
		meters,
		..Cost::default()
	};
	let mut next = 0;
	for _ in 0..blocks {
		let wanted = most.min(meters - next);
		let readings = readings(next, wanted, full, &genesis);
		let (block, taken) = advance(&author, &readings)?;
		let batch = community::batch_size(1)?;
		let readings = &readings[..(taken * batch).min(readings.len())];
		ensure!(!readings.is_empty(), "no batch of readings fits a block");
		next += u32::try_from(readings.len())?;
		author.import(block.clone())?;
		cost.verify += verify(readings, &genesis)?;
		let took = importer.import(block)?;
		eprintln!("block of {} readings: {:.1} ms", readings.len(), took * 1e3);
		cost.import += took;
		cost.readings += readings.len();
		cost.block = cost.block.max(readings.len());
	}
	Ok(cost)
}

/// The first readings after the base of `count` meters from `from` on.
fn readings(from: u32, count: u32, full: bool, genesis: &Hash) -> Vec<SignedReading> {
	let at = START + u64::from(CLOCK.period_length);
	(from..from + count)
		.map(|id| community::signed(MeterId(id), 1, at, full, genesis))
		.collect()
}

/// Seconds that the bare verification of the readings' signatures takes, by the library the node uses.
fn verify(readings: &[SignedReading], genesis: &Hash) -> Result<f64> {
	let keys: Vec<ed25519::Public> = readings
		.iter()
		.map(|signed| community::device(signed.reading.meter).public())
		.collect();
	let started = Instant::now();
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
	let took = started.elapsed().as_secs_f64();
	ensure!(valid == readings.len(), "a reading is badly signed");
	Ok(took)
}
