//! What a stock transfer costs: the yardstick of orders, and what a node can take at most.

use anyhow::Result;
use serde_json::{json, Value};

use crate::{
	figures::{median, rounded},
	market::Market,
	state::{Stage, State},
	trading::{us, Trading},
};

/// Blocks that are measured.
const BLOCKS: usize = 9;

/// More than fit a block.
const MORE_THAN_FIT: u32 = 6_000;

/// Measures the import of full blocks of `balances.transfer_keep_alive` in a community of so many members,
/// besides those who are active elsewhere.
pub fn run(members: u32) -> Result<Value> {
	let market = Market::continuous(members, 0);
	let stage = Stage::new()?;
	let author = stage.chain(State::Market(market), "author")?;
	let importer = stage.chain(State::Market(market), "importer")?;
	let (mut trading, mut before) = Trading::begin(market, author)?;
	// One more, for what only the first costs.
	before.push(trading.transfer(MORE_THAN_FIT)?.0);
	let blocks = (0..BLOCKS)
		.map(|_| trading.transfer(MORE_THAN_FIT))
		.collect::<Result<Vec<_>>>()?;
	drop(trading);
	for block in before {
		importer.import(block)?;
	}
	let mut costs = Vec::new();
	let mut most = 0;
	for (block, count) in blocks {
		let took = importer.import(block)?;
		eprintln!("{count} transfers: import {took:?}");
		costs.push(us(took, count));
		most = most.max(count);
	}
	let import = median(costs)?;
	Ok(json!({
		"accounts": market.meters(),
		"import_us": import,
		"per_s": rounded(1e6 / import),
		"transfers_of_a_block": most,
	}))
}
