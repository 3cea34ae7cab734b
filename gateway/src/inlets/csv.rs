//! Load profiles that meters export as CSV, with the mapping of columns declared.

use std::io::Read;

use anyhow::{bail, ensure, Context, Result};
use gridweave_primitives::WattHours;

use super::{decimal::Decimal, measurement::Register};

/// What the columns hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
	/// Name of the column of times.
	pub time: String,
	/// Name of the column of energy taken from the grid.
	pub import: String,
	/// Name of the column of energy fed in, if there is one.
	pub export: Option<String>,
	/// The power of ten that makes the numbers Wh.
	pub prefix: i32,
	/// What is between columns.
	pub delimiter: u8,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
	/// Unix seconds.
	pub time: u64,
	/// Energy taken from the grid: what the register shows, or what came since the row before.
	pub import: Register,
	/// Energy fed in.
	pub export: Register,
}

impl Row {
	/// Both, in whole Wh, rounded down; 0 where there is no column.
	pub fn energies(&self) -> (WattHours, WattHours) {
		let whole = |register: &Register| register.get().unwrap_or(WattHours(0));
		(whole(&self.import), whole(&self.export))
	}
}

/// Reads all rows. Times ascend strictly, and no value is missing: a file of which anything is doubtful is
/// refused as a whole.
pub fn read(file: impl Read, mapping: &Mapping) -> Result<Vec<Row>> {
	let mut reader = csv::ReaderBuilder::new()
		.delimiter(mapping.delimiter)
		.trim(csv::Trim::All)
		.from_reader(file);
	let headers = reader.headers()?.clone();
	let column = |name: &str| {
		let mut places = headers
			.iter()
			.enumerate()
			.filter(|(_, header)| *header == name);
		match (places.next(), places.next()) {
			(Some((place, _)), None) => Ok(place),
			(None, _) => bail!("there is no column {name:?}"),
			_ => bail!("there are several columns {name:?}"),
		}
	};
	let (time, import) = (column(&mapping.time)?, column(&mapping.import)?);
	let export = mapping.export.as_deref().map(column).transpose()?;
	let mut rows: Vec<Row> = Vec::new();
	for record in reader.records() {
		let record = record?;
		let line = record.position().map_or(0, csv::Position::line);
		let cell = |place: usize| record.get(place).unwrap_or_default();
		let energy = |place: usize| energy(cell(place), mapping.prefix);
		let row = || -> Result<Row> {
			let time = unix_seconds(cell(time))
				.with_context(|| format!("{:?} is no time with its offset", cell(time)))?;
			let before = rows.last().map_or(0, |row| row.time);
			ensure!(time > before, "times do not ascend");
			Ok(Row {
				time,
				import: energy(import)?,
				export: export.map(energy).transpose()?.unwrap_or_default(),
			})
		};
		let row = row().with_context(|| format!("line {line}"))?;
		rows.push(row);
	}
	Ok(rows)
}

fn energy(text: &str, prefix: i32) -> Result<Register> {
	let mut register = Register::default();
	if let Some(mut energy) = Decimal::parse(text) {
		energy.exponent += prefix;
		register.set_total(energy);
	}
	ensure!(register.get().is_some(), "{text:?} is no energy");
	Ok(register)
}

/// Reads Unix seconds, or a time of RFC 3339 with its offset from UTC (`2026-03-29T02:15:00+01:00`). Without
/// an offset, an hour of autumn would be there twice, and nobody could tell which is which.
pub fn unix_seconds(text: &str) -> Option<u64> {
	if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
		return text.parse().ok();
	}
	let (date, rest) = text.split_once(['T', ' '])?;
	let (time, offset) = match rest.strip_suffix(['Z', 'z']) {
		Some(time) => (time, 0),
		None => {
			let at = rest.rfind(['+', '-'])?;
			let (time, offset) = rest.split_at(at);
			let [hours, minutes] = numbers(&offset[1..], ':')?;
			let seconds = range(hours, 0..24)? * 3_600 + range(minutes, 0..60)? * 60;
			(
				time,
				if offset.starts_with('-') {
					-seconds
				} else {
					seconds
				},
			)
		}
	};
	let [year, month, day] = numbers(date, '-')?;
	let time = match time.matches(':').count() {
		1 => {
			let [hour, minute] = numbers(time, ':')?;
			[hour, minute, 0]
		}
		_ => numbers(time, ':')?,
	};
	let days = days(range(year, 1970..10_000)?, range(month, 1..13)?, day)?;
	let [hour, minute, second] = time;
	let seconds = range(hour, 0..24)? * 3_600 + range(minute, 0..60)? * 60 + range(second, 0..60)?;
	u64::try_from(days * 86_400 + seconds - offset).ok()
}

fn range(number: i64, range: std::ops::Range<i64>) -> Option<i64> {
	range.contains(&number).then_some(number)
}

fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
	let number = |part: &str| {
		let plain = part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
		part.parse().ok().filter(|_| plain)
	};
	let numbers: Option<Vec<i64>> = text.split(separator).map(number).collect();
	numbers?.try_into().ok()
}

/// Days from 1970 to a date.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
	let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	let february = if leap(year) { 29 } else { 28 };
	let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
	let before = usize::try_from(month - 1).ok()?;
	range(day, 1..months.get(before)? + 1)?;
	let years = (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
	let to_1970 = 1_969 * 365 + 1_969 / 4 - 1_969 / 100 + 1_969 / 400;
	Some(years - to_1970 + months.iter().take(before).sum::<i64>() + day - 1)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn mapping() -> Mapping {
		Mapping {
			time: "time".into(),
			import: "A+".into(),
			export: Some("A-".into()),
			prefix: 3,
			delimiter: b';',
		}
	}

	#[test]
	fn a_profile_should_be_read_by_its_mapping() {
		let text = "note;A-;time;A+\n;0;2026-10-25T02:45:00+02:00;1.5\nsummer ends; 0.25 ;2026-10-25T02:00:00+01:00;1.75\n";
		let rows = read(text.as_bytes(), &mapping()).unwrap();
		let times: Vec<u64> = rows.iter().map(|row| row.time).collect();
		assert_eq!(times, [1_792_889_100, 1_792_890_000]);
		assert_eq!(rows[0].energies(), (WattHours(1_500), WattHours(0)));
		assert_eq!(rows[1].energies(), (WattHours(1_750), WattHours(250)));
	}

	#[test]
	fn a_doubtful_file_should_be_refused_as_a_whole() {
		let bad = [
			("", "no columns"),
			("time;A+\n", "a column is missing"),
			("time;A+;A-;A-\n", "a column is there twice"),
			("time;A+;A-\n60;1\n", "a cell is missing"),
			("time;A+;A-\n60;1;0\n60;2;0\n", "time stands still"),
			("time;A+;A-\n60;1;0\n59;2;0\n", "time runs backwards"),
			("time;A+;A-\n60;;0\n", "a value is missing"),
			("time;A+;A-\n60;-1;0\n", "a register below zero"),
			(
				"time;A+;A-\n2026-10-25T02:15:00;1;0\n",
				"a time without offset",
			),
		];
		for (text, why) in bad {
			assert!(read(text.as_bytes(), &mapping()).is_err(), "{why}");
		}
	}

	#[test]
	fn times_should_be_those_of_the_calendar() {
		let cases = [
			("0", Some(0)),
			("1780000000", Some(1_780_000_000)),
			("1970-01-01T00:00:00Z", Some(0)),
			("2000-02-29T12:00:00Z", Some(951_825_600)),
			("2026-05-28 20:26:40Z", Some(1_780_000_000)),
			("2026-05-28T22:26:40+02:00", Some(1_780_000_000)),
			("2026-05-28T15:26-05:00", Some(1_779_999_960)),
			("2100-03-01T00:00:00Z", Some(4_107_542_400)),
			("1970-01-01T00:00:00+01:00", None),
			("2026-02-29T00:00:00Z", None),
			("2026-13-01T00:00:00Z", None),
			("2026-05-28T24:00:00Z", None),
			("2026-05-28T20:26:40", None),
			("2026-05-28", None),
			("28.05.2026 20:26", None),
			("", None),
		];
		for (text, expected) in cases {
			assert_eq!(unix_seconds(text), expected, "{text}");
		}
	}

	proptest! {
		#[test]
		fn any_file_should_be_survived(text in "(.|\n){0,200}", rows in "([0-9TZ:;.+e-]{0,30}\n){0,5}") {
			let _ = read(text.as_bytes(), &mapping());
			let _ = read(format!("time;A+;A-\n{rows}").as_bytes(), &mapping());
			let _ = unix_seconds(&text);
		}
	}
}
