//! How far the chain is with each meter's readings.

use std::collections::BTreeMap;

use anyhow::Result;

use super::chain::{At, Chain};

/// Meters of one answer: the most that the chain gives.
const PAGE: u32 = 2_000;

/// What the chain has accepted of a meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
	/// Sequence of the last accepted reading.
	pub sequence: u64,
	/// How many were accepted.
	pub accepted: u64,
}

/// How far all meters are that have given a reading.
pub async fn progress(chain: &Chain, at: &At) -> Result<BTreeMap<u32, Progress>> {
	let mut all = BTreeMap::new();
	let mut from = Some(0u32);
	while let Some(meter) = from {
		let page: Vec<(u32, u64, u64)> = chain
			.ask(at, "MeterRegistryApi_progress", &(meter, PAGE))
			.await?;
		from = page.last().and_then(|(last, ..)| last.checked_add(1));
		all.extend((page.into_iter()).map(|(meter, sequence, accepted)| {
			let progress = Progress { sequence, accepted };
			(meter, progress)
		}));
	}
	Ok(all)
}
