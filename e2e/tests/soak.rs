//! Devices with all faults, a gateway that is killed (-9) every minute, and a node that is every five: in the
//! end every acknowledged reading is on chain exactly once.
//!
//! `GRIDWEAVE_SOAK_MINUTES` says how long devices report (1), `GRIDWEAVE_SOAK_DEVICES` how many there are
//! (200), `GRIDWEAVE_SOAK_NODE_AWAY` how many seconds a killed node is away (5; from 36 on whole periods are
//! frozen and settled by estimates before their readings come). Runs shorter than ten minutes kill more often,
//! so that whatever can happen does.

use std::{
	env,
	process::Stdio,
	time::{Duration, Instant},
};

use anyhow::{ensure, Context, Result};
use gridweave_e2e::{
	place::{self, free_port, Place},
	process::{binary, Gateway, Node, NodeSpec},
};
use serde_json::{Map, Value};
use tokio::{
	fs::File,
	io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
	process::{Child, ChildStderr, Command},
	sync::oneshot,
	time::{sleep, timeout},
};

/// All faults. The seed fixes what they befall, so that each befalls something also in a short run.
const FAULTS: &str =
	"drop=2%,duplicate=2%,reorder=2%,delay=5%:30s,drift=1%:20s,restart=1%,rollover=10%";
/// How long a killed gateway is away.
const GATEWAY_AWAY: Duration = Duration::from_secs(2);
/// Longest time for all devices to join, and at the end for all readings to come on chain.
const PATIENCE: Duration = Duration::from_secs(240);

fn number(variable: &str, default: u32) -> Result<u32> {
	match env::var(variable) {
		Ok(text) => text
			.parse()
			.with_context(|| format!("{variable} is {text:?}")),
		Err(_) => Ok(default),
	}
}

/// The load generator, and who waits for its devices to be admitted.
fn load(
	place: &Place,
	node: &Node,
	gateway: &str,
	(minutes, devices): (u32, u32),
) -> Result<(Child, oneshot::Receiver<()>)> {
	let grid = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/simbench:LV1.101");
	let mut child = Command::new(binary("gridweave-gateway")?)
		.arg("load")
		.arg(format!("--node={}", node.url()))
		.arg(format!("--gateway={gateway}"))
		.arg(format!("--grid={grid}"))
		.arg(format!("--devices={devices}"))
		.arg(format!("--minutes={minutes}"))
		.arg(format!("--faults={FAULTS}"))
		.arg(format!("--state={}", place.folder("load")?.display()))
		.args(["--seed=1", "--keys=mixed", "--json"])
		.stdin(Stdio::null())
		.stdout(Stdio::piped())
		.stderr(Stdio::piped())
		.kill_on_drop(true)
		.spawn()?;
	let said = child.stderr.take().context("no standard error")?;
	let (tell, admitted) = oneshot::channel();
	tokio::spawn(keep(said, place.log("load")?, tell));
	Ok((child, admitted))
}

/// Keeps what the load generator says, and tells when its devices are admitted.
async fn keep(
	said: ChildStderr,
	log: std::path::PathBuf,
	admitted: oneshot::Sender<()>,
) -> Result<()> {
	let mut log = File::create(log).await?;
	let mut lines = BufReader::new(said).lines();
	let mut admitted = Some(admitted);
	while let Some(line) = lines.next_line().await? {
		log.write_all(format!("{line}\n").as_bytes()).await?;
		log.flush().await?;
		if line.contains("all are admitted") {
			// Nobody waits if the test is over.
			let _ = admitted.take().map(|admitted| admitted.send(()));
		}
	}
	Ok(())
}

/// Kills gateway and node in turn until the time is over; how often each.
async fn havoc(
	place: &Place,
	spec: &NodeSpec,
	port: u16,
	mut node: Node,
	mut gateway: Gateway,
	(minutes, away): (u32, Duration),
) -> Result<(Node, Gateway, [u32; 2])> {
	let rpc_port = node.rpc_port;
	let length = Duration::from_secs(60) * minutes;
	let pace = match minutes {
		0..10 => [length / 5, length / 2],
		_ => [Duration::from_secs(60), Duration::from_secs(300)],
	};
	let started = Instant::now();
	let mut kills = [0, 0];
	loop {
		let due = [pace[0] * (kills[0] + 1), pace[1] * (kills[1] + 1)];
		let next = due[0].min(due[1]);
		if next >= length {
			sleep(length.saturating_sub(started.elapsed())).await;
			return Ok((node, gateway, kills));
		}
		sleep(next.saturating_sub(started.elapsed())).await;
		if due[1] == next {
			drop(node);
			sleep(away).await;
			node = Node::start(place, spec).await.context("the node, again")?;
			kills[1] += 1;
		} else {
			drop(gateway);
			sleep(GATEWAY_AWAY).await;
			gateway = Gateway::start_on(place, rpc_port, port)
				.await
				.context("the gateway, again")?;
			kills[0] += 1;
		}
	}
}

/// Readings that batches have brought, by the events of all finalised blocks: accepted and relayed.
async fn counted(node: &Node) -> Result<(u128, u128)> {
	let mut sums = (0, 0);
	let last = node.chain.finalised().await?.block_number();
	for number in 1..=last {
		for event in node.chain.block(number).await?.events {
			if event.is("MeterRegistry", "ReadingsAccepted") {
				sums.0 += event.number("accepted")?;
			}
			if event.is("MeterRegistry", "ReadingsRelayed") {
				sums.1 += event.number("accepted")?;
			}
		}
	}
	Ok(sums)
}

#[test]
fn every_acknowledged_reading_should_be_on_chain_once_whatever_is_killed() -> Result<()> {
	let minutes = number("GRIDWEAVE_SOAK_MINUTES", 1)?;
	let devices = number("GRIDWEAVE_SOAK_DEVICES", 200)?;
	let away = Duration::from_secs(number("GRIDWEAVE_SOAK_NODE_AWAY", 5)?.into());
	ensure!(minutes > 0 && devices > 0, "a soak takes time and devices");
	place::run(|place| async move {
		let (rpc_port, port) = (free_port()?, free_port()?);
		let gateway = Gateway::start_on(&place, rpc_port, port).await?;
		let url = gateway.url.clone();
		let spec = NodeSpec::development()
			.archive()
			.rpc_port(rpc_port)
			.gateways([url.clone()]);
		let node = Node::start(&place, &spec).await?;
		let (mut child, admitted) = load(&place, &node, &url, (minutes, devices))?;
		timeout(PATIENCE, admitted)
			.await
			.context("the devices do not join")?
			.context("the load generator ended while its devices joined")?;

		let (node, _gateway, kills) =
			havoc(&place, &spec, port, node, gateway, (minutes, away)).await?;
		let status = timeout(PATIENCE, child.wait())
			.await
			.context("the load generator does not end")??;
		let mut text = String::new();
		let mut output = child.stdout.take().context("no standard output")?;
		output.read_to_string(&mut text).await?;
		println!(
			"{} gateway kills, {} node kills: {text}",
			kills[0], kills[1]
		);
		ensure!(status.success(), "{status}: {text}");
		ensure!(
			kills[0] >= 2 && kills[1] >= 1,
			"too few were killed: {kills:?}"
		);

		let last = text.lines().last().context("no figures")?;
		let figures: Map<String, Value> = serde_json::from_str(last)?;
		let figure = |key: &str| -> Result<u64> {
			let found = figures.get(key).and_then(Value::as_u64);
			found.with_context(|| format!("no {key}: {last}"))
		};
		ensure!(figure("lost")? == 0, "{last}");
		ensure!(figure("devices")? == u64::from(devices), "{last}");
		let on_chain = figure("readings_on_chain")?;
		ensure!(figure("readings_acknowledged")? >= on_chain, "{last}");
		// By what the chain has told of its batches, block by block.
		let counted = counted(&node).await?;
		ensure!(counted == (on_chain.into(), 0), "{counted:?}: {last}");
		let faults = figures.get("faults").and_then(Value::as_object);
		for (fault, count) in faults.context("no faults")? {
			ensure!(
				count.as_u64() > Some(0),
				"{fault} has befallen nothing: {last}"
			);
		}
		Ok(())
	})
}
