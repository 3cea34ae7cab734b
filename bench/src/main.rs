//! What the chain costs, measured against stock yardsticks on the same machine.

mod chain;
mod community;
mod ingest;
mod state;

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
	#[arg(long, default_value_t = 100_000)]
	readings: u32,
	/// With power quality.
	#[arg(long)]
	full: bool,
}

fn main() -> Result<()> {
	let options = Options::parse();
	let folder = tempfile::tempdir()?;
	let cost = ingest::measure(
		folder.path(),
		options.meters,
		options.blocks,
		options.readings,
		options.full,
	)?;
	println!("{cost:#?} ratio {:.3}", cost.import / cost.verify);
	Ok(())
}
