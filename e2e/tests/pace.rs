//! How soon readings come on chain, and how often: by one authority and by several.

use std::{
	collections::{BTreeMap, BTreeSet},
	time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{ensure, Context, Result};
use codec::Encode;
use gridweave_e2e::{
	chain::{until, Block, Chain},
	meter::{account, brought, join_all, Device},
	place::{self, free_port},
	process::{Gateway, Node, NodeSpec},
};
use subxt::rpcs::rpc_params;

fn now() -> u64 {
	SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.map_or(0, |since| since.as_secs())
}

/// The blocks of a chain, each fetched once.
struct Blocks<'a> {
	chain: &'a Chain,
	seen: Vec<Block>,
}

impl<'a> Blocks<'a> {
	async fn from(chain: &'a Chain, first: u64) -> Result<Self> {
		let seen = vec![chain.block(first).await?];
		Ok(Self { chain, seen })
	}

	/// Fetches what was finalised since.
	async fn follow(&mut self) -> Result<()> {
		let last = self.chain.finalised().await?.block_number();
		let next = self.seen.last().map_or(1, |block| block.number + 1);
		for number in next..=last {
			self.seen.push(self.chain.block(number).await?);
		}
		Ok(())
	}

	/// Follows until so many different readings are finalised; returns each with the blocks it is in.
	async fn until_brought(
		&mut self,
		count: usize,
		limit: Duration,
	) -> Result<BTreeMap<(u32, u64), Vec<u64>>> {
		let deadline = tokio::time::Instant::now() + limit;
		loop {
			self.follow().await?;
			let mut found = BTreeMap::<_, Vec<u64>>::new();
			for block in &self.seen {
				for reading in brought(block)? {
					found.entry(reading).or_default().push(block.number);
				}
			}
			if found.len() >= count {
				return Ok(found);
			}
			ensure!(
				tokio::time::Instant::now() < deadline,
				"{} of {count} readings came within {limit:?}",
				found.len()
			);
			tokio::time::sleep(Duration::from_millis(500)).await;
		}
	}

	/// What became of each batch: its block, its authority, and its readings.
	fn fates(&self) -> Result<Vec<String>> {
		let events = self
			.seen
			.iter()
			.flat_map(|block| block.events.iter().map(move |event| (block.number, event)));
		events
			.filter(|(_, event)| event.is("MeterRegistry", "ReadingsAccepted"))
			.map(|(block, event)| {
				let [authority, accepted, stale, deferred] =
					["authority", "accepted", "stale", "deferred"].map(|field| event.number(field));
				Ok(format!(
					"in {block} by {}: {} accepted, {} stale, {} deferred",
					authority?, accepted?, stale?, deferred?
				))
			})
			.collect()
	}

	/// Sums of a field of the batches' events.
	fn counted(&self, field: &str) -> Result<u128> {
		let events = self.seen.iter().flat_map(|block| &block.events);
		events
			.filter(|event| event.is("MeterRegistry", "ReadingsAccepted"))
			.map(|event| event.number(field))
			.sum()
	}
}

/// The number of the next best block, once it is there.
async fn next_block(chain: &Chain) -> Result<u64> {
	let before = chain.best_number().await?;
	until("the next block", Duration::from_secs(30), || async {
		let best = chain.best_number().await?;
		Ok((best > before).then_some(best))
	})
	.await
}

/// Posts readings of all devices at once, until the gateway has stored them: it hears of new meters first.
async fn deliver(gateway: &Gateway, devices: &mut [Device]) -> Result<()> {
	let at = now();
	let body: Vec<u8> = devices
		.iter_mut()
		.flat_map(|device| device.read(at, 10, 0).encode())
		.collect();
	until(
		"the gateway stores all",
		Duration::from_secs(30),
		|| async {
			let (status, _) = gateway.post(body.clone()).await?;
			Ok((status == 201).then_some(()))
		},
	)
	.await
}

#[test]
fn neighbours_that_report_in_turn_should_not_keep_one_another_waiting() -> Result<()> {
	place::run(|place| async move {
		let rpc_port = free_port()?;
		let gateway = Gateway::start(&place, rpc_port).await?;
		let spec = NodeSpec::development()
			.rpc_port(rpc_port)
			.gateways([gateway.url.clone()]);
		let node = Node::start(&place, &spec).await?;
		let chain = &node.chain;
		let (owner, operator) = (account("Alice")?, account("Operator")?);
		let mut devices = [
			Device::new("first neighbour", chain.genesis_hash())?,
			Device::new("second neighbour", chain.genesis_hash())?,
		];
		join_all(chain, &mut devices, &owner, &operator, 0).await?;
		ensure!(devices[0].meter / 32 == devices[1].meter / 32, "one page");
		deliver(&gateway, &mut devices).await?;
		let first = chain.best_number().await?;

		// One after the other, a block apart.
		let mut delivered = BTreeMap::new();
		for round in 0..12 {
			next_block(chain).await?;
			let device = &mut devices[round % 2];
			let reading = device.read(now(), 10, 0);
			gateway.deliver(&reading).await?;
			delivered.insert(
				(device.meter, reading.reading.sequence),
				chain.best_number().await?,
			);
		}
		let mut blocks = Blocks::from(chain, first).await?;
		let found = blocks
			.until_brought(2 + delivered.len(), Duration::from_secs(60))
			.await?;
		for (reading, at) in delivered {
			let included = found.get(&reading).context("it was brought")?[0];
			ensure!(
				included <= at + 3,
				"{reading:?} was delivered at block {at} and came in {included}"
			);
		}

		// Operators can see it without unsafe methods.
		let status = chain.rpc("meters_ingestStatus", rpc_params![]).await?;
		let told = &status["gateways"][0];
		ensure!(told["url"] == gateway.url.as_str(), "{status}");
		ensure!(told["error"].is_null() && told["failures"] == 0, "{status}");
		let lag = status["block"].as_u64().context("no block")?;
		ensure!(told["lastSuccessBlock"].as_u64() == Some(lag), "{status}");
		Ok(())
	})
}

#[test]
fn several_authorities_should_bring_everything_once_and_for_one_that_is_gone() -> Result<()> {
	const METERS: usize = 80;
	place::run(|place| async move {
		let rpc_port = free_port()?;
		let gateway = Gateway::start(&place, rpc_port).await?;
		let spec = |name, bootnode: Option<&str>| {
			NodeSpec::local(name, bootnode).gateways([gateway.url.clone()])
		};
		let alice = Node::start(&place, &spec("alice", None).rpc_port(rpc_port)).await?;
		let address = alice.address().await?;
		let mut others = Vec::new();
		for name in ["bob", "charlie", "dave"] {
			others.push(Node::start(&place, &spec(name, Some(&address))).await?);
		}
		let chain = &alice.chain;
		chain.until_finalised(2, Duration::from_secs(90)).await?;

		let (owner, operator) = (account("Alice")?, account("Operator")?);
		let mut devices = (0..METERS)
			.map(|n| Device::new(&format!("meter {n}"), chain.genesis_hash()))
			.collect::<Result<Vec<_>>>()?;
		let (here, there) = devices.split_at_mut(METERS / 2);
		join_all(chain, here, &owner, &operator, 0).await?;
		join_all(chain, there, &owner, &operator, 1).await?;
		let mut blocks = Blocks::from(chain, chain.best_number().await?).await?;

		let mut expected = 0;
		for round in 0..10 {
			if round == 6 {
				// Three of four go on: finality, too.
				others.pop();
			}
			deliver(&gateway, &mut devices).await?;
			expected += METERS;
			tokio::time::sleep(Duration::from_secs(3)).await;
		}
		let found = blocks
			.until_brought(expected, Duration::from_secs(120))
			.await?;
		ensure!(found.len() == expected, "{} readings", found.len());
		let accepted = blocks.counted("accepted")?;
		ensure!(
			accepted == expected as u128,
			"{accepted} were accepted: {:#?}",
			blocks.fates()?
		);

		let carried: usize = found.values().map(Vec::len).sum();
		let twice = carried - expected;
		ensure!(
			twice * 20 <= carried,
			"{twice} of {carried} readings were brought again"
		);
		ensure!(blocks.counted("stale")? == twice as u128);
		let authorities: BTreeSet<u128> = blocks
			.seen
			.iter()
			.flat_map(|block| &block.events)
			.filter(|event| event.is("MeterRegistry", "ReadingsAccepted"))
			.map(|event| event.number("authority"))
			.collect::<Result<_>>()?;
		ensure!(authorities.len() >= 3, "only {authorities:?} were at work");
		eprintln!("{twice} of {carried} readings twice, by {authorities:?}");
		Ok(())
	})
}
