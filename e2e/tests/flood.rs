//! Batches that must not come on chain, by the thousand: blocks keep their pace, honest readings come as fast
//! as before, and the authority that signs bad ones is named.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Context, Result};
use codec::{Compact, Encode};
use futures::{stream, StreamExt};
use gridweave_e2e::{
	chain::{until, Chain},
	meter::{account, brought, join_all, Device},
	place::{self, free_port},
	process::{Gateway, Node, NodeSpec},
};
use gridweave_primitives::{
	ingest::{IngestPair, ReadingBatch},
	reading::SignedReading,
};
use sp_core::{Pair, H256};
use subxt::rpcs::rpc_params;
use tokio::time::{sleep, Instant};

/// Bad batches: outsiders', and those of an authority that signs what it did not check.
const OUTSIDERS: u32 = 9_500;
const ROGUES: u32 = 500;
/// Transactions on their way to the node at a time.
const AT_ONCE: usize = 16;
/// How much later than undisturbed blocks and readings may be.
const LATER: f64 = 1.1;
/// How long the undisturbed chain is looked at.
const QUIET: Duration = Duration::from_secs(20);

fn now() -> u64 {
	SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.map_or(0, |since| since.as_secs())
}

/// How a chain fared for a while.
#[derive(Debug)]
struct Pace {
	/// Seconds from a reading to the block it is in, on average.
	lag: f64,
	/// Seconds from block to block, on average.
	block: f64,
}

/// Lets devices report every second until `end` is over, and tells how that went.
async fn pace(
	chain: &Chain,
	gateway: &Gateway,
	devices: &mut [Device],
	end: impl std::future::Future<Output = ()>,
) -> Result<Pace> {
	let first = chain.best_number().await?;
	let mut sent = Vec::new();
	tokio::pin!(end);
	loop {
		tokio::select! {
			() = &mut end => break,
			() = sleep(Duration::from_secs(1)) => (),
		}
		let at = now();
		let mut body = Vec::new();
		for device in devices.iter_mut() {
			let signed = device.read(at, 10, 0);
			sent.push(((signed.reading.meter.0, signed.reading.sequence), at));
			signed.encode_to(&mut body);
		}
		until(
			"the gateway stores all",
			Duration::from_secs(20),
			|| async {
				let (status, _) = gateway.post(body.clone()).await?;
				Ok((status == 201).then_some(()))
			},
		)
		.await?;
	}
	let mut lags = Vec::new();
	let (mut next, mut times) = (first, Vec::new());
	let deadline = Instant::now() + Duration::from_secs(60);
	while lags.len() < sent.len() {
		ensure!(
			Instant::now() < deadline,
			"{} of {} readings came",
			lags.len(),
			sent.len()
		);
		if chain.best_number().await? < next {
			sleep(Duration::from_millis(200)).await;
			continue;
		}
		let block = chain.block(next).await?;
		next += 1;
		times.push(block.timestamp);
		for reading in brought(&block)? {
			if let Some((_, at)) = sent.iter().find(|(sent, _)| *sent == reading) {
				lags.push(block.timestamp as f64 / 1e3 - *at as f64);
			}
		}
	}
	let (from, until) = times.first().zip(times.last()).context("no block")?;
	Ok(Pace {
		lag: lags.iter().sum::<f64>() / lags.len() as f64,
		block: (until - from) as f64 / 1e3 / (times.len() - 1).max(1) as f64,
	})
}

/// Readings of meters that have given none, three each; the last one is another meter's.
fn badly_signed(devices: &mut [Device], admitted: u64) -> Result<Vec<SignedReading>> {
	let mut readings = Vec::new();
	for device in devices.iter_mut() {
		readings.extend((1..=3).map(|second| device.read(admitted + second, 1, 0)));
	}
	let stolen = readings.first().context("a reading")?.signature.clone();
	readings.last_mut().context("a reading")?.signature = stolen;
	Ok(readings)
}

/// A bad transaction; each is another one.
fn bad(
	number: u32,
	envelope: &[u8],
	call: [u8; 2],
	readings: &[SignedReading],
	genesis: &H256,
	authority: &IngestPair,
) -> Vec<u8> {
	let rogue = number.is_multiple_of(OUTSIDERS / ROGUES + 1);
	let batch = ReadingBatch {
		// An authority there is; another one there is not.
		authority: if rogue { 0 } else { number % 2 },
		salt: number,
		spans: 900,
		corrections: 0,
		readings: readings.to_vec().try_into().unwrap_or_default(),
	};
	let digest = match rogue {
		true => batch.digest(genesis),
		false => [7; 32],
	};
	let signature = authority.sign(&digest);
	let transaction = [envelope, &call, &batch.encode(), &signature.encode()].concat();
	[Compact(transaction.len() as u32).encode(), transaction].concat()
}

#[test]
fn a_flood_of_bad_batches_should_hold_up_neither_blocks_nor_readings() -> Result<()> {
	place::run(|place| async move {
		let rpc_port = free_port()?;
		let gateway = Gateway::start(&place, rpc_port).await?;
		let spec = NodeSpec::development()
			.rpc_port(rpc_port)
			.gateways([gateway.url.clone()]);
		let node = Node::start(&place, &spec).await?;
		let chain = &node.chain;
		let genesis = H256(chain.genesis_hash().0);
		let named = |name: &str, count: u32| {
			(0..count)
				.map(|n| Device::new(&format!("{name} {n}"), genesis))
				.collect::<Result<Vec<_>>>()
		};
		let (mut honest, mut idle) = (named("honest", 20)?, named("idle", 32)?);
		let (owner, operator) = (account("Alice")?, account("Operator")?);
		join_all(chain, &mut honest, &owner, &operator, 0).await?;
		join_all(chain, &mut idle, &owner, &operator, 0).await?;
		let admitted = now();

		let quiet = pace(chain, &gateway, &mut honest, sleep(QUIET)).await?;

		// How batches are wrapped is seen on those that came.
		let mut general = Vec::new();
		let mut number = chain.best_number().await?;
		while general.is_empty() {
			general = chain.general(number).await?;
			number = number.checked_sub(1).context("no batch")?;
		}
		let (envelope, call) = general.first().context("a batch")?;
		let call = [call[0], call[1]];
		let authority = IngestPair::from_string("//Alice", None)?;
		let readings = badly_signed(&mut idle, admitted)?;
		let started = Instant::now();
		let (tell, told) = tokio::sync::oneshot::channel();
		let flood = async {
			let refused = stream::iter(0..OUTSIDERS + ROGUES)
				.map(|number| {
					let bytes = bad(number, envelope, call, &readings, &genesis, &authority);
					let hex = format!("0x{}", hex::encode(bytes));
					async move {
						chain
							.rpc("author_submitExtrinsic", rpc_params![hex])
							.await
							.is_err()
					}
				})
				.buffer_unordered(AT_ONCE)
				.filter(|refused| std::future::ready(*refused))
				.count()
				.await;
			let _ = tell.send(());
			refused
		};
		let over = async { told.await.unwrap_or_default() };
		let (refused, flooded) = futures::join!(flood, pace(chain, &gateway, &mut honest, over));
		let flooded = flooded?;
		println!(
			"quiet {quiet:?}, flooded {flooded:?}: {refused} refused in {:?}",
			started.elapsed()
		);

		for number in 1..=chain.best_number().await? {
			let came = brought(&chain.block(number).await?)?;
			let bad = |id| idle.iter().any(|device| device.meter == id);
			ensure!(
				!came.iter().any(|(id, _)| bad(*id)),
				"a bad batch came on chain"
			);
		}
		ensure!(flooded.block <= quiet.block * LATER, "blocks are late");
		// Times of readings are whole seconds.
		ensure!(flooded.lag <= quiet.lag * LATER + 1.0, "readings are late");

		let counted = node.metric("gridweave_batches_refused_total{").await?;
		let by = |who: &str| {
			let line = counted.iter().find(|line| line.contains(who));
			let value = line.and_then(|line| line.rsplit_once(' '));
			value.map_or(Ok(0), |(_, value)| value.parse::<u32>())
		};
		let key = format!("0x{}", hex::encode(authority.public()));
		ensure!(by("outsider")? == OUTSIDERS, "{counted:?}");
		ensure!(by(&key)? == ROGUES, "{counted:?}");
		Ok(())
	})
}
