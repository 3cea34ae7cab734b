//! The local network is upgraded while it runs, to the runtime of the rehearsal
//! (`runtime/src/migrations/rehearsal.rs`), and its nodes are replaced one by one.

use std::{
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	},
	time::{Duration, Instant},
};

use anyhow::{bail, ensure, Context, Result};
use gridweave_e2e::{
	chain::{call, number_of, until, At, Call, Chain, Kind},
	council::{decide, succeeded},
	meter::{account, join_all, Device},
	place::{self, free_port, Place},
	process::{binary, Node, NodeSpec},
};
use serde_json::{json, Value as Json};
use sp_core::{Blake2Hasher, Hasher as _};
use subxt::{
	dynamic::{At as _, Value},
	ext::scale_value::ValueDef,
	rpcs::rpc_params,
};
use tokio::time::sleep;

/// Where the build leaves the code to upgrade to, beside the nodes.
const CODE: &str = "wbuild/gridweave-runtime/rehearsal.compact.compressed.wasm";

/// The authorities of the local network.
const NAMES: [&str; 4] = ["alice", "bob", "charlie", "dave"];

/// Meters whose deposits are migrated.
const METERS: u32 = 20;

/// Meters that the migration takes in a block, and what it divides deposits by.
const PER_BLOCK: u32 = 2;
const DIVISOR: u128 = 2;

/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(150);

/// Longest time without a block, and without finality: while one of four is away, its turns are empty.
const PAUSE: Duration = Duration::from_secs(30);

/// The same where the code changes: four nodes on one machine compile it at the same time.
const SWITCH: Duration = Duration::from_secs(60);

/// Watches from outside how far the network's finality is, by whichever nodes answer, until it is stopped.
struct Watch {
	stop: Arc<AtomicBool>,
	task: tokio::task::JoinHandle<Duration>,
}

impl Watch {
	fn start(ports: Vec<u16>) -> Self {
		let stop = Arc::new(AtomicBool::new(false));
		let stopped = stop.clone();
		let task = tokio::spawn(async move {
			let (mut last, mut since, mut longest) = (0, Instant::now(), Duration::ZERO);
			while !stopped.load(Ordering::Relaxed) {
				let mut most = 0;
				for port in &ports {
					most = most.max(finalised(*port).await.unwrap_or(0));
				}
				longest = longest.max(since.elapsed());
				if most > last {
					(last, since) = (most, Instant::now());
				}
				sleep(Duration::from_millis(500)).await;
			}
			longest
		});
		Self { stop, task }
	}

	/// The longest time in which nothing more was finalised.
	async fn longest(self) -> Result<Duration> {
		self.stop.store(true, Ordering::Relaxed);
		Ok(self.task.await?)
	}
}

/// The number of the last block that a node has finalised; it may be down.
async fn finalised(port: u16) -> Result<u64> {
	let client = reqwest::Client::builder()
		.no_proxy()
		.timeout(Duration::from_secs(2))
		.build()?;
	let ask = |method: &'static str, params: Json| {
		let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
		let request = client
			.post(format!("http://127.0.0.1:{port}"))
			.json(&request);
		async move {
			let answer: Json = request.send().await?.json().await?;
			anyhow::Ok(answer["result"].clone())
		}
	};
	let head = ask("chain_getFinalizedHead", json!([])).await?;
	let header = ask("chain_getHeader", json!([head])).await?;
	let number = header["number"].as_str().context("no number")?;
	Ok(u64::from_str_radix(number.trim_start_matches("0x"), 16)?)
}

/// When a block was made, in milliseconds.
async fn time_of(chain: &Chain, number: u64) -> Result<u64> {
	let at = chain.at(number).await?;
	let now = chain.storage(&at, "Timestamp", "Now", vec![]).await?;
	Ok(number_of(&now.context("no time")?)?.try_into()?)
}

/// The longest time between two blocks of these.
async fn longest_pause(chain: &Chain, from: u64, to: u64) -> Result<Duration> {
	let (mut last, mut longest) = (time_of(chain, from).await?, 0);
	for number in from + 1..=to {
		let time = time_of(chain, number).await?;
		longest = longest.max(time.saturating_sub(last));
		last = time;
	}
	Ok(Duration::from_millis(longest))
}

/// The version of the runtime that a node runs at its best block.
async fn version(chain: &Chain) -> Result<u64> {
	let version = chain.rpc("state_getRuntimeVersion", rpc_params![]).await?;
	version["specVersion"].as_u64().context("no version")
}

/// The deposit of a meter.
async fn deposit(chain: &Chain, at: &At, meter: u32) -> Result<u128> {
	let key = vec![Value::from_bytes(meter.to_be_bytes())];
	let record = chain.storage(at, "MeterRegistry", "Meters", key).await?;
	let record = record.with_context(|| format!("no meter {meter}"))?;
	number_of(record.at("deposit").context("no deposit")?)
}

/// What is held of an account for its meters.
async fn held(chain: &Chain, at: &At, who: [u8; 32]) -> Result<u128> {
	let key = vec![Value::from_bytes(who)];
	let holds = chain.storage(at, "Balances", "Holds", key).await?;
	// A bounded list is a list in a type of its own.
	let holds = holds.context("nothing is held")?;
	let list = match holds.at(0usize) {
		Some(first) if first.at("amount").is_none() => first.clone(),
		_ => holds,
	};
	for place in 0usize.. {
		let Some(hold) = list.at(place) else { break };
		let reason = hold.at("id").map(|reason| &reason.value);
		if matches!(reason, Some(ValueDef::Variant(reason)) if reason.name == "MeterRegistry") {
			return number_of(hold.at("amount").context("no amount")?);
		}
	}
	bail!("nothing is held for meters: {list}")
}

async fn issuance(chain: &Chain, at: &At) -> Result<u128> {
	let total = chain
		.storage(at, "Balances", "TotalIssuance", vec![])
		.await?;
	number_of(&total.context("no issuance")?)
}

/// Two thirds of the council have it authorised by and by, and anybody brings the code. The first block that runs it.
async fn upgrade(chain: &Chain, code: Vec<u8>) -> Result<u64> {
	let hash = Value::from_bytes(Blake2Hasher::hash(&code));
	let authorize = call("System", "authorize_upgrade", vec![("code_hash", hash)]);
	let enact = call("Mandate", "enact", vec![("call", authorize.into_value())]);
	let when = chain.best_number().await? + 15;
	let schedule = call(
		"Scheduler",
		"schedule",
		vec![
			("when", Value::from(when)),
			("maybe_periodic", Value::unnamed_variant("None", [])),
			("priority", Value::from(0u8)),
			("call", enact.into_value()),
		],
	);
	decide(chain, schedule).await?;
	ensure!(chain.best_number().await? < when, "it was decided too late");
	chain.until_finalised(when, PATIENCE).await?;
	let events = chain.block(when).await?.events;
	let dispatched = events
		.iter()
		.find(|event| event.is("Scheduler", "Dispatched"));
	let dispatched = dispatched.with_context(|| format!("nothing was due: {events:?}"))?;
	ensure!(succeeded(&dispatched.fields), "{dispatched:?}");

	let apply = subxt::dynamic::tx("System", "apply_authorized_upgrade", (code,));
	let events = chain.run(&account("Eve")?, &apply).await?;
	ensure!(
		events.iter().any(|event| event.is("System", "CodeUpdated")),
		"{events:?}"
	);
	let next = version(chain).await?;
	until("the new code runs", SWITCH, || async {
		for number in when..=chain.best_number().await? {
			let at = chain.at(number).await?;
			let last = chain
				.storage(&at, "System", "LastRuntimeUpgrade", vec![])
				.await?;
			let last = last.as_ref().and_then(|last| last.at("spec_version"));
			if last.map(number_of).transpose()? == Some(next.into()) {
				return Ok(Some(number));
			}
		}
		Ok(None)
	})
	.await
}

fn transfer() -> Result<Call> {
	let to = Value::from_bytes(account("Bob")?.public_key().0);
	Ok(call(
		"Balances",
		"transfer_keep_alive",
		vec![
			("dest", Value::unnamed_variant("Id", [to])),
			("value", Value::from(1_000_000_000_000u128)),
		],
	))
}

/// Waits for the end of the migration that began in this block; its last block. Nothing but the time comes into its
/// blocks, and each changes so many meters.
async fn until_migrated(chain: &Chain, first: u64) -> Result<u64> {
	let mut advanced = 0;
	for number in first.. {
		chain.until_finalised(number, PATIENCE).await?;
		let block = chain.block(number).await?;
		ensure!(
			block
				.transactions
				.iter()
				.all(|transaction| transaction.kind == Kind::Inherent),
			"transactions in a half-migrated state: block {number}"
		);
		let of = |name: &str| {
			let events = block.events.iter();
			events
				.filter(|event| event.is("MultiBlockMigrations", name))
				.count()
		};
		ensure!(of("UpgradeStarted") == usize::from(number == first));
		ensure!(of("MigrationFailed") + of("UpgradeFailed") == 0);
		advanced += of("MigrationAdvanced");
		if of("UpgradeCompleted") == 1 {
			// The last one finds nothing left to do.
			ensure!(advanced as u32 == METERS.div_ceil(PER_BLOCK));
			ensure!(number - first == advanced as u64);
			return Ok(number);
		}
		ensure!(of("MigrationAdvanced") == 1, "block {number} did nothing");
	}
	bail!("unreachable: numbers of blocks do not end")
}

/// Waits until all four make blocks in turn.
async fn until_at_full_pace(chain: &Chain) -> Result<()> {
	until("all four make blocks", PATIENCE, || async {
		let best = chain.best_number().await?;
		let took = time_of(chain, best).await? - time_of(chain, best - 4).await?;
		Ok((took <= 13_500).then_some(()))
	})
	.await
}

/// Ends each node in turn, starts another in its place, and waits until it is one of four again.
async fn replace_all(place: &Place, nodes: &mut [Node], specs: &[NodeSpec]) -> Result<()> {
	for (index, spec) in specs.iter().enumerate() {
		let other = (index + 1) % specs.len();
		let mut spec = spec.clone();
		let address = nodes[other].address().await?;
		spec.arguments
			.retain(|argument| !argument.starts_with("--bootnodes"));
		spec.arguments.push(format!("--bootnodes={address}"));
		nodes[index].restart(place, &spec).await?;
		let mark = nodes[other].chain.best_number().await?;
		nodes[index].chain.until_finalised(mark, PATIENCE).await?;
		until_at_full_pace(&nodes[other].chain).await?;
	}
	Ok(())
}

#[test]
fn a_network_should_be_upgraded_and_its_nodes_replaced_without_a_gap() -> Result<()> {
	place::run(|place| async move {
		let code = std::fs::read(binary(CODE)?)?;
		let mut specs = Vec::new();
		let mut nodes: Vec<Node> = Vec::new();
		for name in NAMES {
			let bootnode = match nodes.first() {
				Some(alice) => Some(alice.address().await?),
				None => None,
			};
			// Those who watch know them by their ports.
			let spec = NodeSpec::local(name, bootnode.as_deref()).rpc_port(free_port()?);
			nodes.push(Node::start(&place, &spec).await?);
			specs.push(spec);
		}
		let ports: Vec<_> = nodes.iter().map(|node| node.rpc_port).collect();
		nodes[3].chain.until_finalised(2, PATIENCE).await?;

		// What there is to migrate.
		let chain = &nodes[0].chain;
		let (eve, operator) = (account("Eve")?, account("Operator")?);
		let mut devices = (0..METERS)
			.map(|number| Device::new(&format!("meter {number:02}"), chain.genesis_hash()))
			.collect::<Result<Vec<_>>>()?;
		join_all(chain, &mut devices, &eve, &operator, 0).await?;

		let old = version(chain).await?;
		let begin = chain.best_number().await?;
		let watch = Watch::start(ports.clone());
		let first = upgrade(chain, code).await?;

		// Who sends a transaction while the state is half migrated waits, and is served afterwards.
		chain.until_finalised(first, SWITCH).await?;
		let best = chain.best().await?;
		let cursor = chain
			.storage(&best, "MultiBlockMigrations", "Cursor", vec![])
			.await?;
		ensure!(cursor.is_some(), "the migration was over too soon");
		chain.run(&account("Ferdie")?, &transfer()?).await?;
		let last = until_migrated(chain, first).await?;
		let longest = watch.longest().await?;
		ensure!(longest <= SWITCH, "no finality for {longest:?}");
		let longest = longest_pause(chain, begin, last).await?;
		ensure!(longest <= SWITCH, "no block for {longest:?}");
		let longest = longest_pause(chain, first, last).await?;
		ensure!(
			longest <= PAUSE,
			"no block for {longest:?} in the migration"
		);

		// All have one state: the new code's, migrated.
		let (before, after) = (chain.at(first - 1).await?, chain.at(last).await?);
		for node in &nodes {
			node.chain.until_finalised(last, PATIENCE).await?;
			ensure!(
				version(&node.chain).await? == old + 1,
				"a node stays behind"
			);
			let same = node.chain.at(last).await?;
			ensure!(same.block_hash() == after.block_hash(), "two chains");
		}
		let mut released = 0;
		for device in &devices {
			let full = deposit(chain, &before, device.meter).await?;
			let left = deposit(chain, &after, device.meter).await?;
			ensure!(full > 0 && left == full.div_ceil(DIVISOR), "{full}: {left}");
			released += full - left;
		}
		let who = eve.public_key().0;
		let (full, left) = (
			held(chain, &before, who).await?,
			held(chain, &after, who).await?,
		);
		ensure!(full - left == released, "{released}: {full}, {left}");
		let total = issuance(chain, &before).await?;
		ensure!(issuance(chain, &after).await? == total, "money was made");

		// What is new pays what the new runtime asks.
		let mut new = Device::new("meter xx", chain.genesis_hash())?;
		new.join(chain, &eve, &operator, 0).await?;
		let best = chain.best().await?;
		let asked = deposit(chain, &best, new.meter).await?;
		let known = deposit(chain, &best, devices[0].meter).await?;
		ensure!(asked == known, "{asked}: {known}");

		// Nodes are replaced one by one.
		until_at_full_pace(chain).await?;
		let begin = chain.best_number().await?;
		let watch = Watch::start(ports);
		replace_all(&place, &mut nodes, &specs).await?;
		let longest = watch.longest().await?;
		ensure!(longest <= PAUSE, "no finality for {longest:?}");
		let chain = &nodes[0].chain;
		let end = chain.best_number().await?;
		let longest = longest_pause(chain, begin, end).await?;
		ensure!(longest <= PAUSE, "no block for {longest:?}");
		chain.run(&account("Ferdie")?, &transfer()?).await?;
		chain.until_finalised(end, PAUSE).await
	})
}
