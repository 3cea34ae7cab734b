//! The local network: four authorities.

use std::time::Duration;

use anyhow::{ensure, Result};
use gridweave_e2e::{
	chain::until,
	place,
	process::{Node, NodeSpec},
};

#[test]
fn four_authorities_should_make_and_finalise_one_chain() -> Result<()> {
	place::run(|place| async move {
		let alice = Node::start(&place, &NodeSpec::local("alice", None)).await?;
		let address = alice.address().await?;
		let mut nodes = vec![alice];
		for name in ["bob", "charlie", "dave"] {
			nodes.push(Node::start(&place, &NodeSpec::local(name, Some(&address))).await?);
		}

		// Three of four must vote, so what is finalised here is finalised by a network.
		let far = until(
			"block 8 finalised by all",
			Duration::from_secs(150),
			|| async {
				let mut least = u64::MAX;
				for node in &nodes {
					least = least.min(node.chain.finalised().await?.block_number());
				}
				Ok((least >= 8).then_some(least))
			},
		)
		.await?;
		let expected = nodes[0].chain.at(far).await?.block_hash();
		for node in &nodes {
			ensure!(
				node.chain.at(far).await?.block_hash() == expected,
				"two chains"
			);
		}

		// Round robin: with all four at work, every slot of the last blocks has its block.
		let times = [
			nodes[0].chain.block(far - 4).await?,
			nodes[0].chain.block(far).await?,
		];
		let mean = (times[1].timestamp - times[0].timestamp) / 4;
		ensure!(mean <= 3_750, "a block every {mean} ms");

		// One goes: the others show who is silent, and go on.
		nodes.pop();
		let missed = || async {
			let shown = nodes[0].metric("gridweave_validator_turns_missed").await?;
			let turns = shown.iter().map(|line| {
				let value = line.rsplit(' ').next().unwrap_or_default();
				Ok(value.parse::<f64>()?)
			});
			turns.collect::<Result<Vec<_>>>()
		};
		let silent = |turns: &[f64]| turns.iter().filter(|turns| **turns >= 3.0).count();
		until("one is silent", Duration::from_secs(120), || async {
			let turns = missed().await?;
			Ok((turns.len() == 4 && silent(&turns) == 1).then_some(()))
		})
		.await?;
		let number = nodes[0].chain.best_number().await?;
		let limit = Duration::from_secs(60);
		nodes[0].chain.until_finalised(number, limit).await?;
		ensure!(silent(&missed().await?) == 1, "others are silent, too");
		Ok(())
	})
}
