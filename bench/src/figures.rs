//! What is told of many measurements.

use anyhow::{Context, Result};

/// The value in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> Result<f64> {
	let mut values: Vec<f64> = values.into_iter().collect();
	values.sort_by(f64::total_cmp);
	let middle = values
		.get(values.len() / 2)
		.context("nothing was measured")?;
	Ok(rounded(*middle))
}

/// No more digits than mean something.
pub fn rounded(value: f64) -> f64 {
	(value * 1_000.0).round() / 1_000.0
}
