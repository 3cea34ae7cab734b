//! From a device over a gateway to a finalised block, and what does not get there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Context, Result};
use codec::Encode;
use gridweave_e2e::{
	chain::{until, Block, Chain, Kind},
	meter::{account, Device},
	place::{self, free_port},
	process::{Gateway, Node, NodeSpec},
};

fn now() -> u64 {
	SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.map_or(0, |since| since.as_secs())
}

/// What batches and relays of these blocks counted: accepted, stale, relayed.
fn counted(blocks: &[Block]) -> Result<(u128, u128, u128)> {
	let mut sums = (0, 0, 0);
	for event in blocks.iter().flat_map(|block| &block.events) {
		if event.is("MeterRegistry", "ReadingsAccepted") {
			sums.0 += event.number("accepted")?;
			sums.1 += event.number("stale")?;
		}
		if event.is("MeterRegistry", "ReadingsRelayed") {
			sums.2 += event.number("accepted")?;
		}
	}
	Ok(sums)
}

/// All blocks so far.
async fn blocks(chain: &Chain) -> Result<Vec<Block>> {
	let mut blocks = Vec::new();
	for number in 1..=chain.best_number().await? {
		blocks.push(chain.block(number).await?);
	}
	Ok(blocks)
}

async fn until_accepted(chain: &Chain, count: u128) -> Result<()> {
	until(
		&format!("{count} readings on chain"),
		Duration::from_secs(60),
		|| async { Ok((counted(&blocks(chain).await?)?.0 >= count).then_some(())) },
	)
	.await
}

#[test]
fn every_good_reading_should_arrive_exactly_once_and_no_bad_one() -> Result<()> {
	place::run(|place| async move {
		let rpc_port = free_port()?;
		let gateway = Gateway::start(&place, rpc_port).await?;
		let spec = NodeSpec::development()
			.rpc_port(rpc_port)
			.gateways([gateway.url.clone()]);
		let node = Node::start(&place, &spec).await?;
		let chain = &node.chain;
		let genesis = chain.genesis_hash();

		let operator = account("Operator")?;
		let (alice, bob) = (account("Alice")?, account("Bob")?);
		let mut first = Device::new("first meter", genesis)?;
		let mut second = Device::new("second meter", genesis)?;
		first.join(chain, &alice, &operator, 0).await?;
		second.join(chain, &bob, &operator, 0).await?;
		let admitted = now();

		let old = first.read(admitted + 1, 1_000, 0);
		gateway.deliver(&old).await?;
		gateway.deliver(&second.read(admitted + 1, 0, 500)).await?;
		until_accepted(chain, 2).await?;

		// What a gateway must not take, and a chain must not count.
		let good = first.read(now(), 10, 0);
		let mut foreign = good.clone();
		foreign.signature = second.sign(&good.reading.digest(&sp_core::H256(genesis.0)));
		let mut elsewhere = Device::new("first meter", [7; 32])?;
		elsewhere.meter = first.meter;
		let mut nobody = Device::new("nobody", genesis)?;
		nobody.meter = 1_000_000;
		let mut truncated = good.encode();
		truncated.pop();
		let bad = [
			("of another key", foreign.encode()),
			(
				"for another chain",
				elsewhere.signed(good.reading.clone()).encode(),
			),
			("of an unknown meter", nobody.read(now(), 0, 0).encode()),
			("malformed", truncated),
			("empty", Vec::new()),
			("oversized", vec![0; 8 << 20]),
		];
		for (what, body) in bad {
			match gateway.post(body).await {
				Ok((status, text)) => {
					ensure!((400..500).contains(&status), "{what}: {status} {text}")
				}
				// A server may close the connection on a body that it does not want to read to its end.
				Err(_) if what == "oversized" => (),
				Err(error) => return Err(error.context(what)),
			}
		}
		// Delivered again, by a device that missed the acknowledgement.
		let (status, text) = gateway.post(old.encode()).await?;
		ensure!(status < 500, "{status} {text}");

		gateway.deliver(&good).await?;
		gateway.deliver(&second.read(now(), 0, 20)).await?;
		until_accepted(chain, 4).await?;
		let number = chain.best_number().await?;
		chain
			.until_finalised(number + 2, Duration::from_secs(60))
			.await?;

		let blocks = blocks(chain).await?;
		ensure!(counted(&blocks)? == (4, 0, 0), "{:?}", counted(&blocks)?);
		let mut batches = 0;
		for transaction in blocks.iter().flat_map(|block| &block.transactions) {
			if transaction.kind == Kind::General {
				ensure!(transaction.version == 0x45, "{transaction:?}");
				ensure!(transaction.name == "submit_readings", "{transaction:?}");
				batches += 1;
			}
			ensure!(transaction.name != "relay_readings", "{transaction:?}");
		}
		ensure!(batches >= 2, "{batches} batches");

		// Kept until finalised, and no longer.
		until(
			"the gateway has forgotten what is finalised",
			Duration::from_secs(30),
			|| async { Ok(gateway.page().await?.readings.is_empty().then_some(())) },
		)
		.await?;
		Ok(())
	})
}

#[test]
fn readings_should_survive_a_gateway_and_a_node_that_restart() -> Result<()> {
	place::run(|place| async move {
		let rpc_port = free_port()?;
		let gateway = Gateway::start(&place, rpc_port).await?;
		let spec = NodeSpec::development()
			.rpc_port(rpc_port)
			.gateways([gateway.url.clone()]);
		let node = Node::start(&place, &spec).await?;
		let mut device = Device::new("a meter", node.chain.genesis_hash())?;
		device
			.join(&node.chain, &account("Alice")?, &account("Operator")?, 0)
			.await?;
		gateway.deliver(&device.read(now(), 100, 0)).await?;
		until_accepted(&node.chain, 1).await?;

		// The node is gone; the gateway takes readings of a meter that it knows, and is killed.
		drop(node);
		for _ in 0..3 {
			tokio::time::sleep(Duration::from_secs(1)).await;
			gateway.deliver(&device.read(now(), 100, 0)).await?;
		}
		drop(gateway);
		let gateway = Gateway::start(&place, rpc_port).await?;
		let kept = gateway.page().await?.readings.len();
		ensure!(kept >= 3, "{kept} of 3 acknowledged readings are kept");

		let spec = spec.gateways([gateway.url.clone()]);
		let node = Node::start(&place, &spec).await.context("second start")?;
		until_accepted(&node.chain, 4).await?;
		let number = node.chain.best_number().await?;
		node.chain
			.until_finalised(number, Duration::from_secs(60))
			.await?;
		ensure!(counted(&blocks(&node.chain).await?)? == (4, 0, 0));
		Ok(())
	})
}
