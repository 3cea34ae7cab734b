//! Simulations of communities on the real pallets: see scripts/simulate.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, ValueEnum};
use gridweave_grid::grid::GridSource;
use gridweave_simulation::{anomalies, demand_response, Options};
use serde_json::{Map, Value};

/// Run real data through the real pallets, in process, and report what they are worth.
#[derive(Debug, Parser)]
#[command(name = "gridweave-simulate", version, about)]
struct Cli {
	/// What to simulate.
	#[arg(required = true, value_name = "NAME")]
	names: Vec<Name>,
	/// Grid folder, and which of its grids; all of them if none is named.
	#[arg(long, value_name = "DIR[:NAME]")]
	grid: GridSource,
	/// The first so many days of the year.
	#[arg(
		long,
		value_name = "N",
		default_value_t = 366,
		value_parser = clap::value_parser!(u32).range(7..=366)
	)]
	days: u32,
	/// What everything random follows from.
	#[arg(long, value_name = "N", default_value_t = 1)]
	seed: u64,
	/// Folder for reports and pictures.
	#[arg(long, value_name = "DIR", default_value = "simulation-report")]
	out: PathBuf,
	/// Print the figures as one JSON object, the last line of standard output.
	#[arg(long)]
	json: bool,
}

/// What can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Name {
	/// Everything.
	All,
	/// Meters that lie: how many are found, how soon, and how often honest ones are suspected.
	Anomalies,
	/// Events: how well baselines fit, what doing nothing earns, and a winter's day.
	DemandResponse,
}

/// All that there is to simulate.
const ALL: [Name; 2] = [Name::Anomalies, Name::DemandResponse];

impl Name {
	/// Its key in the figures, if there are several, and its folder.
	const fn key(self) -> &'static str {
		match self {
			Self::All => "all",
			Self::Anomalies => "anomalies",
			Self::DemandResponse => "demand-response",
		}
	}

	fn simulate(self, options: &Options) -> Result<Map<String, Value>> {
		match self {
			Self::All => anyhow::bail!("all is no simulation of its own"),
			Self::Anomalies => anomalies::run(options),
			Self::DemandResponse => demand_response::run(options),
		}
	}
}

fn main() -> ExitCode {
	let cli = Cli::parse();
	match run(&cli) {
		Ok(figures) => {
			if cli.json {
				println!("{}", Value::from(figures));
			}
			ExitCode::SUCCESS
		}
		Err(error) => {
			eprintln!("gridweave-simulate: {error:#}");
			ExitCode::FAILURE
		}
	}
}

/// The figures of one simulation, or of several by name.
fn run(cli: &Cli) -> Result<Map<String, Value>> {
	let mut names = match cli.names.contains(&Name::All) {
		true => ALL.to_vec(),
		false => cli.names.clone(),
	};
	names.sort_unstable();
	names.dedup();
	let mut figures = Map::new();
	for name in &names {
		let options = Options {
			grid: cli.grid.clone(),
			days: cli.days as usize,
			seed: cli.seed,
			out: cli.out.join(name.key()),
		};
		std::fs::create_dir_all(&options.out)?;
		let simulated = name.simulate(&options)?;
		let report = options.out.join("report.md");
		eprintln!("simulate: {} is told in {}", name.key(), report.display());
		if names.len() == 1 {
			return Ok(simulated);
		}
		figures.insert(name.key().into(), simulated.into());
	}
	Ok(figures)
}
