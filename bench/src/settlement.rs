//! What settling a period costs, of many meters of which one in three has traded.

use anyhow::{ensure, Context, Result};
use gridweave_primitives::{cost, WattHours};
use gridweave_runtime::{opaque::Block, Settlement, BLOCK_SECONDS};
use serde_json::{json, Value};

use crate::{
	chain::Chain,
	community::MICROGRID,
	figures::{median, rounded},
	market::{Delivered, EACH, MIDDLE},
	state::{Stage, State},
	stopwatch::Took,
	trading::us,
};

/// Blocks before the period is due.
const QUIET_BLOCKS: u32 = 15;

/// Measures the import of all blocks that settle a period of so many meters.
pub fn run(meters: u32) -> Result<Value> {
	let delivered = Delivered::of_at_least(meters);
	let stage = Stage::new()?;
	let author = stage.chain(State::Delivered(delivered), "author")?;
	let (before, settling) = settle(&author)?;
	check(&author, &delivered)?;
	drop(author);
	let importer = stage.chain(State::Delivered(delivered), "importer")?;
	let quiet = before
		.into_iter()
		.map(|block| Ok(us(importer.import(block)?, 1)))
		.collect::<Result<Vec<_>>>()?;
	let (mut all, mut worst) = (Took::default(), Took::default());
	let blocks = settling.len();
	for block in settling {
		let took = importer.import(block)?;
		all += took;
		worst = if took.cpu > worst.cpu { took } else { worst };
	}
	eprintln!("{delivered:?}, {blocks} blocks: import {all:?}, the longest {worst:?}");
	Ok(json!({
		"meters": delivered.meters,
		"traded": delivered.traded(),
		"blocks": blocks,
		"us_per_meter": rounded(us(all, delivered.meters)),
		"worst_block_us": rounded(us(worst, 1)),
		"empty_block_us": median(quiet)?,
	}))
}

/// Makes blocks until the period is settled: those before it is due, and those from then on.
fn settle(author: &Chain) -> Result<(Vec<Block>, Vec<Block>)> {
	let interval = u64::from(BLOCK_SECONDS);
	let mut time = Delivered::due() - u64::from(QUIET_BLOCKS) * interval;
	let mut next = || -> Result<Block> {
		let made = author.extend(time, []);
		time += interval;
		Ok(made?.block)
	};
	let before = (0..QUIET_BLOCKS).map(|_| next()).collect::<Result<_>>()?;
	let is_settled = || {
		author.look(|| {
			Settlement::progress(MICROGRID)
				.is_some_and(|progress| progress.next > Delivered::period())
		})
	};
	ensure!(!is_settled()?, "the period is settled before it is due");
	let mut settling = Vec::new();
	while !is_settled()? {
		settling.push(next()?);
	}
	Ok((before, settling))
}

/// All meters must be settled, and all trades among them.
fn check(chain: &Chain, delivered: &Delivered) -> Result<()> {
	let summary = chain
		.look(|| Settlement::summary(MICROGRID, Delivered::period()))?
		.context("the period has no summary")?;
	let energy = WattHours(EACH.0 * u64::from(delivered.traded() / 2));
	ensure!(
		summary.meters == delivered.meters
			&& summary.contracted == energy
			&& summary.delivered == energy
			&& summary.trade_value == cost(MIDDLE, energy)
			&& summary.balance() == 0,
		"settled otherwise than expected: {summary:?}"
	);
	Ok(())
}
