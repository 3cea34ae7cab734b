//! A dead, slow, lying or flooding gateway costs its own readings and nothing else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Result};
use gridweave_e2e::{
	chain::{until, Chain},
	hostile::{Hostile, Hostility},
	meter::{account, Device},
	place::{self, free_port},
	process::{Gateway, Node, NodeSpec},
};
use gridweave_primitives::{reading::Reading, WattHours};

fn now() -> u64 {
	SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.map_or(0, |since| since.as_secs())
}

/// Readings accepted in the blocks from `first` on.
async fn accepted(chain: &Chain, first: u64) -> Result<u128> {
	let mut sum = 0;
	for number in first..=chain.best_number().await? {
		for event in chain.block(number).await?.events {
			if event.is("MeterRegistry", "ReadingsAccepted") {
				sum += event.number("accepted")?;
			}
		}
	}
	Ok(sum)
}

/// Mean time from block to block, in ms.
async fn block_time(chain: &Chain, first: u64, last: u64) -> Result<u64> {
	let (first, last) = (chain.block(first).await?, chain.block(last).await?);
	Ok((last.timestamp - first.timestamp) / (last.number - first.number))
}

#[test]
fn hostile_gateways_should_cost_nothing_but_their_own_readings() -> Result<()> {
	place::run(|place| async move {
		let rpc_port = free_port()?;
		let good = Gateway::start(&place, rpc_port).await?;
		let spec = NodeSpec::development()
			.rpc_port(rpc_port)
			.gateways([good.url.clone()]);
		let node = Node::start(&place, &spec).await?;
		let genesis = node.chain.genesis_hash();
		let mut device = Device::new("honest meter", genesis)?;
		device
			.join(&node.chain, &account("Alice")?, &account("Operator")?, 0)
			.await?;
		good.deliver(&device.read(now(), 100, 0)).await?;
		until("the first reading", Duration::from_secs(60), || async {
			Ok((accepted(&node.chain, 1).await? == 1).then_some(()))
		})
		.await?;

		// The node starts again, with every kind of hostile gateway before the good one.
		drop(node);
		let forger = Device::new("forger", genesis)?;
		let forged = |meter: u32, sequence| {
			forger.signed(Reading {
				meter: meter.into(),
				sequence,
				captured_at: now(),
				import_register: WattHours(u64::MAX / 2),
				export_register: WattHours(u64::MAX / 2),
				state_of_charge: None,
				quality: None,
				acknowledged: None,
				status: 0,
			})
		};
		let of_the_honest: Vec<_> = (1..500)
			.map(|i| forged(device.meter, 1_000_000 + i))
			.collect();
		let of_nobody: Vec<_> = (1..500).map(|i| forged(1_000_000 + i, 1)).collect();
		let mut hostile = Vec::new();
		for hostility in [
			Hostility::Silent,
			Hostility::Closed,
			Hostility::Slow,
			Hostility::EndlessHeaders,
			Hostility::Endless,
			Hostility::Garbage,
			Hostility::Bomb,
			Hostility::Overlong(forged(device.meter, 7)),
			Hostility::Page(of_the_honest),
			Hostility::Page(of_nobody),
			Hostility::Broken,
		] {
			hostile.push(Hostile::start(hostility).await?);
		}
		// One more that nobody serves at all.
		let dead = format!("http://127.0.0.1:{}", free_port()?);
		let urls = hostile.iter().map(|server| server.url.clone());
		let spec = spec.gateways(urls.chain([dead, good.url.clone()]));
		let node = Node::start(&place, &spec).await?;
		let chain = &node.chain;
		let first = chain.best_number().await? + 1;

		let mut sent = 0;
		for _ in 0..5 {
			good.deliver(&device.read(now(), 100, 0)).await?;
			sent += 1;
			tokio::time::sleep(Duration::from_secs(4)).await;
		}
		until(
			"every reading of the good gateway",
			Duration::from_secs(120),
			|| async { Ok((accepted(chain, first).await? >= sent).then_some(())) },
		)
		.await?;
		let last = (first + 10).max(chain.best_number().await?);
		chain.until_finalised(last, Duration::from_secs(90)).await?;

		// A slot is 3 s; one of ten may be lost to a busy machine, none to a gateway.
		let mean = block_time(chain, first, last).await?;
		ensure!(mean <= 3_300, "a block every {mean} ms");
		ensure!(
			accepted(chain, first).await? == sent,
			"something forged was accepted"
		);
		for server in &hostile {
			ensure!(
				server.asked() > 0,
				"{} was never asked: nothing is shown",
				server.hostility.name()
			);
		}
		Ok(())
	})
}
