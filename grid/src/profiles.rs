//! The profiles of a grid: shares of rated power, a row for each quarter of an hour of a year.
//!
//! Shares are kept as integers in units of 10⁻⁹ so that the energy a meter counts is exact, whoever adds it
//! up.

use std::io::Read;

use anyhow::{ensure, Context, Result};

/// One in the unit shares are kept in.
pub const SHARE_ONE: i64 = 1_000_000_000;

/// Energy of a row is share × rated power, in units of 10⁻⁹ Wh × 4: so many are one Wh.
pub const UNITS_PER_WH: i128 = 4 * SHARE_ONE as i128;

/// The columns of profiles that a grid uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profiles {
	names: Vec<String>,
	columns: Vec<Vec<i64>>,
	rows: usize,
}

impl Profiles {
	/// How many rows there are: a whole year of quarters of an hour.
	pub fn rows(&self) -> usize {
		self.rows
	}

	/// The share of `profile` in `row`, in units of [`SHARE_ONE`]; the year repeats.
	pub fn share(&self, profile: usize, row: usize) -> i64 {
		self.columns[profile][row % self.rows]
	}

	/// What a profile is called in the file; empty for columns that come from none.
	pub fn name(&self, profile: usize) -> &str {
		self.names.get(profile).map_or("", String::as_str)
	}

	/// The wanted columns of a file, each by its name.
	pub fn read(input: impl Read, wanted: &[String]) -> Result<Self> {
		let mut reader = csv::Reader::from_reader(input);
		let header = reader.headers()?.clone();
		let places = wanted
			.iter()
			.map(|name| {
				header
					.iter()
					.position(|h| h == name)
					.with_context(|| format!("no profile {name}"))
			})
			.collect::<Result<Vec<usize>>>()?;
		let mut columns = vec![Vec::new(); wanted.len()];
		let mut record = csv::StringRecord::new();
		let mut rows = 0;
		while reader.read_record(&mut record)? {
			for (column, place) in columns.iter_mut().zip(&places) {
				let text = record.get(*place).unwrap_or_default();
				column.push(
					share(text).with_context(|| format!("row {rows}: {text:?} is no share"))?,
				);
			}
			rows += 1;
		}
		ensure!(rows > 0, "no rows");
		Ok(Self {
			names: wanted.to_vec(),
			columns,
			rows,
		})
	}

	/// Columns given directly, all of one length.
	pub fn from_columns(columns: Vec<Vec<i64>>) -> Self {
		let rows = columns.first().map_or(0, Vec::len);
		Self {
			names: Vec::new(),
			columns,
			rows,
		}
	}
}

/// A decimal number, possibly with an exponent, in units of 10⁻⁹; finer digits are an error: nothing is
/// rounded.
fn share(text: &str) -> Option<i64> {
	let (mantissa, exponent) = match text.split_once(['e', 'E']) {
		Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
		None => (text, 0),
	};
	let (sign, mantissa) = match mantissa.strip_prefix('-') {
		Some(rest) => (-1, rest),
		None => (1, mantissa),
	};
	let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
	let digits = format!("{whole}{fraction}");
	if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
		return None;
	}
	let value = digits.parse::<i64>().ok()?;
	let shift = 9 + exponent - i32::try_from(fraction.len()).ok()?;
	let scale = 10i64.checked_pow(shift.unsigned_abs())?;
	if shift >= 0 {
		value.checked_mul(scale).map(|value| sign * value)
	} else {
		(value % scale == 0).then_some(sign * (value / scale))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn shares_should_be_exact_or_refused() {
		for (text, value) in [
			("0", Some(0)),
			("1", Some(SHARE_ONE)),
			("0.06247", Some(62_470_000)),
			("-6e-06", Some(-6_000)),
			("8.2e-05", Some(82_000)),
			("1.5E1", Some(15 * SHARE_ONE)),
			("0.0000000001", None),
			("1e-10", None),
			("", None),
			("-", None),
			("nan", None),
			("0.1.2", None),
			("1e400", None),
		] {
			assert_eq!(share(text), value, "{text}");
		}
	}
}
