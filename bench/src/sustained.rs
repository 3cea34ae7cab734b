//! How many readings a second one development node takes from a gateway, for minutes, and what it keeps of
//! them in pool and memory meanwhile.

use std::{
	fs,
	process::Stdio,
	time::{Duration, Instant},
};

use anyhow::{ensure, Context, Result};
use gridweave_e2e::{
	place::{self, Place},
	process::{binary, Gateway, Node, NodeSpec},
};
use serde_json::{json, Value};
use subxt::rpcs::rpc_params;
use tokio::{
	process::{Child, Command},
	time::{sleep, timeout},
};

use crate::figures::median;

/// Every quarter of an hour a reading of each of a million meters.
const RATE: f64 = 1_112.0;

/// Devices that give them, one reading a period of the development chain.
const DEVICES: u32 = 13_344;

/// What the node caches of the state, in bytes. By default it is 1 GiB, which fills all the while: nothing else could be
/// seen to grow.
const CACHE: u32 = 64 << 20;

/// Blocks whose states the node keeps behind the finalised one. Of each it notes in memory what to delete: with 256, the
/// default, that grows for 13 minutes before it stays.
const KEPT_STATES: u32 = 64;

/// Time between two looks at pool and memory.
const LOOK: Duration = Duration::from_secs(5);

/// Longest time for all devices to join and, in the end, for all readings to come on chain.
const PATIENCE: Duration = Duration::from_secs(600);

/// What was seen at one look.
#[derive(Debug)]
struct Look {
	/// Transactions in the pool.
	pool: usize,
	/// Memory of the node, in MiB.
	node: f64,
	/// Memory of the gateway, in MiB.
	gateway: f64,
}

/// Lets devices report for `minutes`.
pub fn run(minutes: u32) -> Result<Value> {
	let mut figures = Value::Null;
	let out = &mut figures;
	place::run(|place| async move {
		*out = measure(&place, minutes).await?;
		Ok(())
	})?;
	Ok(figures)
}

async fn measure(place: &Place, minutes: u32) -> Result<Value> {
	let (rpc_port, port) = (place::free_port()?, place::free_port()?);
	let gateway = Gateway::start_on(place, rpc_port, port).await?;
	let mut spec = NodeSpec::development()
		.rpc_port(rpc_port)
		.gateways([gateway.url.clone()]);
	spec.arguments.push(format!("--trie-cache-size={CACHE}"));
	spec.arguments
		.push(format!("--state-pruning={KEPT_STATES}"));
	let node = Node::start(place, &spec).await?;
	let mut load = load(place, &node, &gateway, minutes)?;

	let reporting = Duration::from_secs(60) * minutes;
	let limit = Instant::now() + reporting + PATIENCE;
	let mut looks = Vec::new();
	loop {
		if load.try_wait()?.is_some() {
			break;
		}
		ensure!(Instant::now() < limit, "the load generator does not end");
		looks.push(Look {
			pool: pool(&node).await?,
			node: memory(node.id())?,
			gateway: memory(gateway.id())?,
		});
		sleep(LOOK).await;
	}
	let output = timeout(LOOK, load.wait_with_output()).await??;
	let text = String::from_utf8_lossy(&output.stdout);
	ensure!(output.status.success(), "the load generator fails: {text}");
	let last = text.lines().last().context("no figures")?;
	let loaded: Value = serde_json::from_str(last)?;
	let figure = |key: &str| loaded[key].as_f64().with_context(|| format!("no {key}"));

	// What a process keeps goes up and down with what it works on: of each third its median. While devices join, in the
	// first, everything takes its place in memory.
	ensure!(looks.len() >= 3, "it was seen {} times only", looks.len());
	let mut nodes = Vec::new();
	let mut gateways = Vec::new();
	for third in looks.chunks(looks.len().div_ceil(3)) {
		nodes.push(rounded(median(third.iter().map(|look| look.node))?));
		gateways.push(rounded(median(third.iter().map(|look| look.gateway))?));
	}
	Ok(json!({
		"sustained_per_s": rounded(figure("readings_on_chain")? / figure("seconds")?),
		"sustained_s": figure("seconds")?,
		"devices": DEVICES,
		"readings_on_chain": figure("readings_on_chain")?,
		"lost": figure("lost")?,
		"worst_lag_s": figure("worst_lag_s")?,
		"pool_most": looks.iter().map(|look| look.pool).max(),
		"node_mib": nodes,
		"gateway_mib": gateways,
	}))
}

/// To a tenth.
fn rounded(value: f64) -> f64 {
	(value * 10.0).round() / 10.0
}

fn load(place: &Place, node: &Node, gateway: &Gateway, minutes: u32) -> Result<Child> {
	let grid = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/simbench:LV1.101");
	let log = fs::File::create(place.log("load")?)?;
	Ok(Command::new(binary("gridweave-gateway")?)
		.arg("load")
		.arg(format!("--node={}", node.url()))
		.arg(format!("--gateway={}", gateway.url))
		.arg(format!("--grid={grid}"))
		.arg(format!("--devices={DEVICES}"))
		.arg(format!("--rate={RATE}"))
		.arg(format!("--minutes={minutes}"))
		.args(["--seed=1", "--json"])
		.stdin(Stdio::null())
		.stdout(Stdio::piped())
		.stderr(log)
		.kill_on_drop(true)
		.spawn()?)
}

/// Transactions in the node's pool.
async fn pool(node: &Node) -> Result<usize> {
	let pending = node
		.chain
		.rpc("author_pendingExtrinsics", rpc_params![])
		.await?;
	Ok(pending.as_array().context("no list")?.len())
}

/// What a process keeps in memory of its own, in MiB: without the database's files, of which the system maps
/// what it has room for.
fn memory(process: u32) -> Result<f64> {
	let status = fs::read_to_string(format!("/proc/{process}/status"))?;
	let line = status
		.lines()
		.find_map(|line| line.strip_prefix("RssAnon:"))
		.context("no RssAnon")?;
	let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
	Ok(kib / 1_024.0)
}
