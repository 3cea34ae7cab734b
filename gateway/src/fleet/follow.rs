//! Follows the chain, finalised block by finalised block, none left out.

use std::sync::Arc;

use anyhow::{bail, Context, Result};
use tokio::sync::mpsc::Sender;

use super::{
	chain::{Chain, Hash},
	enrol::MICROGRID,
	events::{read, Seen},
};

/// A finalised block.
pub struct Block {
	/// Its hash.
	pub hash: Hash,
	/// What its events say.
	pub seen: Vec<Seen>,
	/// How many blocks the best one was ahead when this one was finalised.
	pub lag: u64,
}

/// Sends every finalised block until nobody listens any more. Losing a block is an error: what is counted
/// must be complete.
pub async fn follow(chain: Arc<Chain>, blocks: Sender<Block>) -> Result<()> {
	let mut stream = chain.client().stream_blocks().await?;
	let mut last: Option<u64> = None;
	while let Some(block) = stream.next().await {
		let block = block.context("finalised blocks cannot be followed")?;
		if last.is_some_and(|last| block.number() <= last) {
			continue;
		}
		if let Some(last) = last.filter(|last| block.number() != last + 1) {
			bail!("block {} was followed by block {}", last, block.number());
		}
		last = Some(block.number());
		let lag = chain.best_number().await?.saturating_sub(block.number());
		let events = block.at().await?.events().fetch().await?;
		let mut seen = Vec::new();
		for event in events.iter() {
			seen.extend(read(&event?, MICROGRID.0)?);
		}
		if blocks
			.send(Block {
				hash: block.hash(),
				seen,
				lag,
			})
			.await
			.is_err()
		{
			return Ok(());
		}
	}
	bail!("the node stopped telling of finalised blocks")
}
