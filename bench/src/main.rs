//! What the chain costs, measured against stock yardsticks on the same machine.

mod access;
mod arrays;
mod chain;
mod clearing;
mod community;
mod demand_response;
mod figures;
mod ingest;
mod market;
mod orders;
mod responding;
mod service;
mod settlement;
mod state;
mod stopwatch;
mod sustained;
mod trading;
mod transactions;
mod transfer;

use anyhow::{bail, Result};
use clap::{Parser, ValueEnum};
use serde_json::{Map, Value};

/// Measure what the chain costs, against stock yardsticks in the same run. All times are microseconds of
/// processor.
#[derive(Debug, Parser)]
struct Options {
	/// What to measure.
	#[arg(required = true, value_name = "NAME")]
	names: Vec<Name>,
	/// Registered meters of `ingest`: enough for nine full blocks of readings.
	#[arg(
		long,
		value_name = "N",
		default_value_t = 1_000_000,
		value_parser = clap::value_parser!(u32).range(i64::from(ingest::least_meters())..)
	)]
	meters: u32,
	/// Accounts of `transfer`, orders of `orders` and `clearing`, meters of `settlement` and `demand-response`.
	#[arg(
		long,
		value_name = "N",
		default_value_t = 100_000,
		value_parser = clap::value_parser!(u32).range(1_000..=1_000_000)
	)]
	size: u32,
	/// How long devices report to a node and a gateway; 0 leaves that part of `ingest` out.
	#[arg(long, value_name = "M", default_value_t = 10)]
	minutes: u32,
	/// Print the figures as one JSON object, the last line of standard output.
	#[arg(long)]
	json: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Name {
	/// Everything.
	All,
	/// Stock transfers: import of full blocks.
	Transfer,
	/// Readings: import of full blocks against the bare verification of their signatures.
	Ingest,
	/// Orders: import of blocks of them against blocks of transfers.
	Orders,
	/// A call auction: import of its blocks against the algorithm over arrays and its storage.
	Clearing,
	/// Settlement of a period: import of its blocks.
	Settlement,
	/// An event of demand response: import of the blocks that record, measure and pay it.
	DemandResponse,
}

/// All that there is to measure.
const ALL: [Name; 6] = [
	Name::Transfer,
	Name::Ingest,
	Name::Orders,
	Name::Clearing,
	Name::Settlement,
	Name::DemandResponse,
];

impl Name {
	/// Its key in the figures.
	const fn key(self) -> &'static str {
		match self {
			Self::All => "all",
			Self::Transfer => "transfer",
			Self::Ingest => "ingest",
			Self::Orders => "orders",
			Self::Clearing => "clearing",
			Self::Settlement => "settlement",
			Self::DemandResponse => "demand-response",
		}
	}

	fn measure(self, options: &Options) -> Result<Value> {
		match self {
			Self::All => bail!("all is no measurement of its own"),
			Self::Transfer => transfer::run(options.size),
			Self::Ingest => {
				let mut figures = ingest::run(options.meters)?;
				if let Some(figures) = figures.as_object_mut().filter(|_| options.minutes > 0) {
					let sustained = sustained::run(options.minutes)?;
					figures.extend(sustained.as_object().cloned().unwrap_or_default());
				}
				Ok(figures)
			}
			Self::Orders => orders::run(options.size),
			Self::Clearing => clearing::run(options.size),
			Self::Settlement => settlement::run(options.size),
			Self::DemandResponse => demand_response::run(options.size),
		}
	}
}

fn main() -> Result<()> {
	let options = Options::parse();
	let mut names = match options.names.contains(&Name::All) {
		true => ALL.to_vec(),
		false => options.names.clone(),
	};
	names.sort_unstable();
	names.dedup();
	let mut figures = Map::new();
	for name in names {
		let measured = name.measure(&options)?;
		if !options.json {
			println!("{}", name.key());
			for (what, value) in measured.as_object().into_iter().flatten() {
				println!("  {what:<36} {value}");
			}
		}
		figures.insert(name.key().into(), measured);
	}
	if options.json {
		println!("{}", Value::from(figures));
	}
	Ok(())
}
