//! A development chain makes blocks and finalises them, and everything in them decodes by its metadata.

use std::{
	process::Command,
	time::{Duration, Instant},
};

use anyhow::{ensure, Context, Result};
use gridweave_e2e::{
	chain::{call, until, Kind},
	meter::account,
	place,
	process::{binary, Node, NodeSpec},
};
use subxt::{dynamic::Value, rpcs::rpc_params};

#[test]
fn a_development_chain_should_produce_and_finalise_blocks_that_decode() -> Result<()> {
	place::run(|place| async move {
		let node = Node::start(&place, &NodeSpec::development()).await?;
		let chain = &node.chain;

		let alice = account("Alice")?;
		let to = Value::unnamed_variant("Id", [Value::from_bytes(account("Bob")?.public_key().0)]);
		let transfer = call(
			"Balances",
			"transfer_keep_alive",
			vec![("dest", to), ("value", Value::from(1_000_000_000_000u128))],
		);
		let events = chain.run(&alice, &transfer).await?;
		ensure!(events.iter().any(|event| event.is("Balances", "Transfer")));

		chain.until_finalised(6, Duration::from_secs(60)).await?;
		let mut blocks = Vec::new();
		for number in 1..=6 {
			blocks.push(chain.block(number).await?);
		}
		for pair in blocks.windows(2) {
			ensure!(pair[0].timestamp < pair[1].timestamp, "time runs");
		}
		let signed = blocks.iter().flat_map(|block| &block.transactions);
		let signed: Vec<_> = signed
			.filter(|transaction| transaction.kind == Kind::Signed)
			.collect();
		ensure!(signed.len() == 1 && signed[0].version == 0x84, "{blocks:?}");
		ensure!(blocks.iter().all(|block| !block.events.is_empty()));

		let lag = chain.best_number().await? - chain.finalised().await?.block_number();
		ensure!(lag <= 4, "finality lags {lag} blocks behind");
		let properties = chain.rpc("system_properties", rpc_params![]).await?;
		ensure!(properties["tokenSymbol"] == "GRID" && properties["tokenDecimals"] == 12);
		Ok(())
	})
}

#[test]
fn a_second_start_should_continue_the_chain_within_twenty_seconds() -> Result<()> {
	place::run(|place| async move {
		let node = Node::start(&place, &NodeSpec::development()).await?;
		node.chain
			.until_finalised(2, Duration::from_secs(60))
			.await?;
		let (genesis, before) = (node.chain.genesis_hash(), node.chain.best_number().await?);
		drop(node);

		let start = Instant::now();
		let node = Node::start(&place, &NodeSpec::development()).await?;
		ensure!(node.chain.genesis_hash() == genesis);
		until("a new block", Duration::from_secs(20), || async {
			Ok((node.chain.best_number().await? > before).then_some(()))
		})
		.await?;
		ensure!(
			start.elapsed() < Duration::from_secs(20),
			"it took {:?}",
			start.elapsed()
		);
		Ok(())
	})
}

#[test]
fn the_stock_commands_should_work_on_a_chain() -> Result<()> {
	place::run(|place| async move {
		let node = Node::start(&place, &NodeSpec::development()).await?;
		node.chain
			.until_finalised(3, Duration::from_secs(60))
			.await?;
		drop(node);

		let base = place.folder("node")?;
		let command = |arguments: &[&str]| -> Result<String> {
			let output = Command::new(binary("gridweave-node")?)
				.args(arguments)
				.output()?;
			let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
			ensure!(output.status.success(), "{arguments:?}: {err}");
			Ok(String::from_utf8_lossy(out).into_owned())
		};
		let base = format!("--base-path={}", base.display());
		let exported = place
			.folder("exported")?
			.join("blocks")
			.display()
			.to_string();

		let spec: serde_json::Value =
			serde_json::from_str(&command(&["build-spec", "--chain=local"])?)?;
		ensure!(spec["id"] == "gridweave_local", "{spec}");
		let info = command(&["chain-info", "--dev", &base])?;
		ensure!(
			info.contains("best_number") || info.contains("Best"),
			"{info}"
		);
		command(&["check-block", "--dev", &base, "1"])?;
		command(&[
			"export-blocks",
			"--dev",
			&base,
			"--from=1",
			"--to=3",
			&exported,
		])?;
		let elsewhere = format!("--base-path={}", place.folder("elsewhere")?.display());
		command(&["import-blocks", "--dev", &elsewhere, &exported])?;
		command(&["purge-chain", "--dev", "-y", &elsewhere])?;
		let key = command(&["key", "inspect", "//Alice", "--output-type=json"])?;
		let key: serde_json::Value = serde_json::from_str(&key)?;
		key["ss58PublicKey"].as_str().context("no key")?;
		Ok(())
	})
}

#[test]
fn arguments_that_make_no_sense_should_be_refused() -> Result<()> {
	for (argument, reason) in [
		("--meter-gateway=ftp://example.org", "http://"),
		(
			"--meter-gateway=http://user:secret@example.org",
			"credentials",
		),
		("--network-backend=libp2p", "litep2p"),
	] {
		let output = Command::new(binary("gridweave-node")?)
			.args([
				"--dev",
				"--tmp",
				"--port=0",
				"--rpc-port=0",
				"--no-prometheus",
			])
			.arg(argument)
			.output()?;
		let error = String::from_utf8_lossy(&output.stderr);
		ensure!(
			!output.status.success() && error.contains(reason),
			"{argument}: {error}"
		);
	}
	Ok(())
}
