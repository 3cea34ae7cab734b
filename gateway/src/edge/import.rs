//! `gridweave-gateway import`: the load profile of a meter, from a file into the outbox and to the gateway.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{ensure, Context, Result};
use gridweave_primitives::{MeterId, WattHours};
use tracing::info;

use super::{
	config::Config,
	deliver::Delivery,
	key::FileSigner,
	outbox::{Outbox, Record, Recorded, Row},
	prepare,
};
use crate::inlets::{
	csv::{self, Mapping},
	gateway::Gateway,
};

/// Records written by one transaction.
const BATCH: usize = 500;
/// How long the gateway may not take anything before the import ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options of `gridweave-gateway import`.
#[derive(Clone, Debug, clap::Args)]
pub struct ImportArgs {
	/// The edge signer's file; while this runs, the edge signer must not (docs/meters.md).
	#[arg(long, value_name = "FILE")]
	config: PathBuf,
	/// The meter, by its id in that file.
	#[arg(long, value_name = "ID")]
	meter: u32,
	/// The load profile.
	#[arg(long, value_name = "FILE")]
	csv: PathBuf,
	/// Name of the column of times: RFC 3339 with an offset, or Unix seconds.
	#[arg(long, value_name = "COLUMN", default_value = "time")]
	time: String,
	/// Name of the column of energy taken from the grid.
	#[arg(long, value_name = "COLUMN", default_value = "import")]
	import: String,
	/// Name of the column of energy fed in.
	#[arg(long, value_name = "COLUMN")]
	export: Option<String>,
	/// Unit of the energy.
	#[arg(long, value_enum, default_value = "wh")]
	unit: UnitArg,
	/// Columns hold the energy since the row before, not what the register shows; rows are so many seconds
	/// apart, and their times are the ends.
	#[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
	intervals: Option<u64>,
	/// What is between columns.
	#[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = parse_delimiter)]
	delimiter: u8,
	/// Only write to the outbox; the edge signer delivers when it runs again.
	#[arg(long)]
	no_delivery: bool,
}

/// A unit of energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum UnitArg {
	Wh,
	#[value(name = "kwh")]
	KWh,
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
	match text.as_bytes() {
		[byte] if byte.is_ascii() => Ok(*byte),
		_ => Err("not one ASCII character".into()),
	}
}

/// Imports the file.
pub async fn run(args: ImportArgs) -> Result<()> {
	let config = Config::read(&args.config)?;
	let meter = config
		.meters
		.iter()
		.find(|meter| meter.id == args.meter)
		.with_context(|| format!("{} names no meter {}", args.config.display(), args.meter))?;
	let mapping = Mapping {
		time: args.time,
		import: args.import,
		export: args.export,
		prefix: match args.unit {
			UnitArg::Wh => 0,
			UnitArg::KWh => 3,
		},
		delimiter: args.delimiter,
	};
	let path = args.csv.display();
	let file = std::fs::File::open(&args.csv).with_context(|| format!("{path} cannot be read"))?;
	let rows = csv::read(file, &mapping).with_context(|| format!("in {path}"))?;

	let outbox = Outbox::open(&config.outbox, config.genesis, config.max_waiting)?;
	let signer = FileSigner::read(&meter.key)?;
	let meter = prepare(MeterId(meter.id), Arc::new(signer), &outbox).await?;
	let before = outbox.row(meter.id).await?.unwrap_or_default();
	let records = match args.intervals {
		None => registers(&rows, &before),
		Some(interval) => totals(&rows, &before, interval)?,
	};
	let (count, waiting) = (records.len(), before.waiting as usize);
	ensure!(
		waiting.saturating_add(count) <= config.max_waiting as usize,
		"{count} new readings and {waiting} that wait are more than max_waiting"
	);
	info!("{count} new readings in {} rows", rows.len());
	for batch in records.chunks(BATCH) {
		let recorded = outbox
			.record(meter.id, meter.signer.clone(), batch.to_vec())
			.await?;
		ensure!(
			recorded
				.iter()
				.all(|recorded| matches!(recorded, Recorded::As(_))),
			"the outbox does not take all of them"
		);
	}
	if args.no_delivery {
		return Ok(());
	}
	let gateway = Gateway::new(&config.gateway)?;
	let id = meter.id;
	Delivery::new(outbox.clone(), gateway, std::iter::once(id))
		.run_dry(PATIENCE)
		.await?;
	let after = outbox.row(id).await?.unwrap_or_default();
	let refused = after.refused.saturating_sub(before.refused);
	ensure!(
		refused == 0,
		"the gateway refused {refused} readings for good"
	);
	Ok(())
}

fn record(time: u64, (import, export): (WattHours, WattHours)) -> Record {
	Record {
		captured_at: time,
		import: Some(import),
		export: Some(export),
		quality: None,
		power_failures: None,
	}
}

/// Of a file of registers, the rows that are new.
fn registers(rows: &[csv::Row], before: &Row) -> Vec<Record> {
	rows.iter()
		.filter(|row| row.time > before.captured_at)
		.map(|row| record(row.time, row.energies()))
		.collect()
}

/// Of a file of intervals, what registers would show at the ends of those that are new. A meter of which
/// nothing is known yet gets a first reading at the beginning of the first.
fn totals(rows: &[csv::Row], before: &Row, interval: u64) -> Result<Vec<Record>> {
	for pair in rows.windows(2) {
		ensure!(
			pair[1].time - pair[0].time == interval,
			"{} does not follow {} by {interval} s: energy in between is not known",
			pair[1].time,
			pair[0].time
		);
	}
	let mut records = Vec::new();
	let (mut import, mut export) = (before.import, before.export);
	let mut last = before.captured_at;
	for row in rows.iter().filter(|row| row.time > before.captured_at) {
		let begin = row
			.time
			.checked_sub(interval)
			.context("time begins in 1970")?;
		if last == 0 {
			records.push(record(begin, (import, export)));
			last = begin;
		}
		ensure!(
			begin == last,
			"the first new interval begins at {begin}, not at {last}, where the last reading was"
		);
		let (taken, fed) = row.energies();
		let sum = |register: WattHours, energy: WattHours| {
			register
				.0
				.checked_add(energy.0)
				.map(WattHours)
				.context("a register is full")
		};
		(import, export) = (sum(import, taken)?, sum(export, fed)?);
		records.push(record(row.time, (import, export)));
		last = row.time;
	}
	Ok(records)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::inlets::measurement::Register;

	fn rows(rows: &[(u64, u64)]) -> Vec<csv::Row> {
		let row = |(time, import): &(u64, u64)| csv::Row {
			time: *time,
			import: Register::of_total(WattHours(*import)),
			export: Register::default(),
		};
		rows.iter().map(row).collect()
	}

	fn shown(records: &[Record]) -> Vec<(u64, u64)> {
		let shown = |record: &Record| (record.captured_at, record.import.unwrap().0);
		records.iter().map(shown).collect()
	}

	#[test]
	fn a_file_that_overlaps_should_add_what_is_new() {
		let before = Row {
			captured_at: 200,
			import: WattHours(7),
			..Row::default()
		};
		let registers = registers(&rows(&[(100, 5), (200, 7), (300, 9)]), &before);
		assert_eq!(shown(&registers), [(300, 9)]);
		let totals = totals(
			&rows(&[(100, 5), (200, 2), (300, 4), (400, 0)]),
			&before,
			100,
		)
		.unwrap();
		assert_eq!(shown(&totals), [(300, 11), (400, 11)]);
	}

	#[test]
	fn the_first_interval_should_count() {
		let totals = totals(&rows(&[(1_000, 5), (1_100, 2)]), &Row::default(), 100).unwrap();
		assert_eq!(shown(&totals), [(900, 0), (1_000, 5), (1_100, 7)]);
	}

	#[test]
	fn a_gap_between_intervals_should_be_refused() {
		let before = Row {
			captured_at: 200,
			..Row::default()
		};
		assert!(totals(&rows(&[(300, 1), (500, 1)]), &before, 100).is_err());
		assert!(totals(&rows(&[(400, 1), (500, 1)]), &before, 100).is_err());
		assert!(totals(&rows(&[(50, 1)]), &Row::default(), 100).is_err());
	}
}
