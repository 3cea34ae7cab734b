//! The simulated fleet against a real chain and gateway: the whole path of a kilowatt-hour, and how a run
//! is stopped.

use std::{
	fs::File,
	process::{ExitStatus, Stdio},
	time::Duration,
};

use anyhow::{ensure, Context, Result};
use gridweave_e2e::{
	place::{self, free_port, Place},
	process::{binary, Gateway, Node, NodeSpec},
};
use tokio::{
	io::{AsyncBufReadExt, BufReader},
	process::{Child, Command},
	time::timeout,
};

/// The figures that a run gives, by the contract of `scripts/run --json`.
const KEYS: [&str; 13] = [
	"duplicates",
	"energy_balance_wh",
	"energy_metered_wh",
	"energy_pooled_wh",
	"energy_traded_wh",
	"finality_lag_blocks",
	"grid_export_wh",
	"grid_import_wh",
	"mean_price",
	"payments_sum_planck",
	"periods",
	"readings_on_chain",
	"readings_sent",
];

/// Exit code of who is stopped by Ctrl-C.
const INTERRUPTED: Option<i32> = Some(130);

async fn chain_and_gateway(place: &Place) -> Result<(Node, Gateway)> {
	let rpc_port = free_port()?;
	let gateway = Gateway::start(place, rpc_port).await?;
	let spec = NodeSpec::development()
		.rpc_port(rpc_port)
		.gateways([gateway.url.clone()]);
	Ok((Node::start(place, &spec).await?, gateway))
}

/// A fleet of the rural grid, which ends with the test.
fn fleet(node: &Node, gateway: &Gateway) -> Result<Command> {
	let grid = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/simbench:LV1.101");
	let mut command = Command::new(binary("gridweave-gateway")?);
	command
		.arg("fleet")
		.arg(format!("--node={}", node.url()))
		.arg(format!("--gateway={}", gateway.url))
		.arg(format!("--grid={grid}"))
		.stdin(Stdio::null())
		.stdout(Stdio::piped())
		.kill_on_drop(true);
	Ok(command)
}

/// Waits until the fleet is enrolled; then nobody reads any more what it says.
async fn enrolled(child: &mut Child) -> Result<()> {
	let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
	let until = async {
		while let Some(line) = lines.next_line().await? {
			if line.contains("are metered from") {
				return Ok(());
			}
		}
		anyhow::bail!("the fleet ended while it enrolled")
	};
	timeout(Duration::from_secs(120), until)
		.await
		.context("the fleet does not enrol")??;
	drop(child.stderr.take());
	Ok(())
}

async fn interrupt(child: &Child) -> Result<()> {
	let id = child.id().context("the fleet has ended")?.to_string();
	let status = Command::new("kill").args(["-INT", &id]).status().await?;
	ensure!(status.success(), "kill: {status}");
	Ok(())
}

async fn ended(child: &mut Child, seconds: u64) -> Result<ExitStatus> {
	let status = timeout(Duration::from_secs(seconds), child.wait()).await;
	Ok(status.with_context(|| format!("the fleet still runs after {seconds} s"))??)
}

#[test]
fn every_kilowatt_hour_should_go_from_meter_to_money() -> Result<()> {
	place::run(|place| async move {
		let (node, gateway) = chain_and_gateway(&place).await?;
		let child = fleet(&node, &gateway)?
			.args(["--periods", "2", "--json"])
			.stderr(File::create(place.log("fleet")?)?)
			.spawn()?;
		let output = timeout(Duration::from_secs(300), child.wait_with_output())
			.await
			.context("the fleet does not end")??;
		ensure!(output.status.success(), "the fleet: {}", output.status);

		let text = String::from_utf8(output.stdout)?;
		let last = text.lines().last().context("the fleet says nothing")?;
		let figures: serde_json::Map<String, serde_json::Value> = serde_json::from_str(last)?;
		let mut keys: Vec<&str> = figures.keys().map(String::as_str).collect();
		keys.sort_unstable();
		ensure!(keys == KEYS, "{keys:?}");
		for (key, value) in [
			("periods", 2),
			("duplicates", 0),
			("payments_sum_planck", 0),
			("energy_balance_wh", 0),
		] {
			ensure!(figures[key] == value, "{key}: {last}");
		}
		ensure!(
			figures["readings_sent"] == figures["readings_on_chain"],
			"{last}"
		);
		// A base, and one reading for each of two periods, of each of 13 meters.
		ensure!(figures["readings_sent"].as_u64() >= Some(39), "{last}");
		for key in ["energy_metered_wh", "energy_traded_wh"] {
			ensure!(figures[key].as_u64() > Some(0), "{key}: {last}");
		}
		Ok(())
	})
}

#[test]
fn an_interrupt_should_end_a_fleet_whose_output_nobody_reads() -> Result<()> {
	place::run(|place| async move {
		let (node, gateway) = chain_and_gateway(&place).await?;
		let start =
			|| -> Result<Child> { Ok(fleet(&node, &gateway)?.stderr(Stdio::piped()).spawn()?) };

		// Before anything is settled: when its last readings are on chain.
		let mut child = start()?;
		enrolled(&mut child).await?;
		interrupt(&child).await?;
		let status = ended(&mut child, 50).await?;
		ensure!(status.code() == INTERRUPTED, "{status}");

		// With readings that no gateway takes any more: at the second time.
		let mut child = start()?;
		enrolled(&mut child).await?;
		drop(gateway);
		tokio::time::sleep(Duration::from_secs(14)).await;
		interrupt(&child).await?;
		tokio::time::sleep(Duration::from_secs(3)).await;
		ensure!(
			child.try_wait()?.is_none(),
			"it does not wait for the gateway"
		);
		interrupt(&child).await?;
		let status = ended(&mut child, 5).await?;
		ensure!(status.code() == INTERRUPTED, "{status}");
		Ok(())
	})
}
