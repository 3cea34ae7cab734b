//! What the chain costs, measured against stock yardsticks on the same machine.

mod chain;
mod community;
mod ingest;
mod state;
mod stopwatch;

use anyhow::Result;
use clap::Parser;

/// Measure what a block of readings costs.
#[derive(Debug, Parser)]
struct Options {
	/// Registered meters.
	#[arg(long, default_value_t = 1_000_000)]
	meters: u32,
	/// Measured blocks.
	#[arg(long, default_value_t = 5)]
	blocks: u32,
	/// Most readings of a block.
	#[arg(long, default_value_t = 10_000)]
	readings: u32,
	/// With power quality.
	#[arg(long)]
	full: bool,
}

fn main() -> Result<()> {
	let options = Options::parse();
	let folder = tempfile::tempdir()?;
	let costs = ingest::measure(
		folder.path(),
		options.meters,
		options.blocks,
		options.readings,
		options.full,
	)?;
	let median = |of: fn(&ingest::Cost) -> f64| {
		let mut values: Vec<f64> = costs.iter().map(of).collect();
		values.sort_by(f64::total_cmp);
		values[values.len() / 2]
	};
	println!(
		"import over verify {:.3}, {:.1} us a reading",
		median(ingest::Cost::ratio),
		median(ingest::Cost::per_reading)
	);
	Ok(())
}
