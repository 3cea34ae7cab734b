//! Keys that were copied: two nodes make blocks with one validator's keys.

use std::time::Duration;

use anyhow::{ensure, Context, Result};
use gridweave_e2e::{
	chain::{number_of, until},
	meter::account,
	place,
	process::{Node, NodeSpec},
};
use subxt::{dynamic::At as _, rpcs::rpc_params};

/// The copy of a node: the same keys in a network identity of its own. It makes blocks and does not vote, which
/// GRANDPA's own reports would find.
fn copy_of(name: &str, bootnode: &str) -> NodeSpec {
	let mut spec = NodeSpec::local(name, Some(bootnode));
	spec.name = format!("{name}-copy");
	let identity = format!("--node-key={:0>64}", "c0");
	spec.arguments
		.retain(|argument| !argument.starts_with("--node-key"));
	spec.arguments.extend([identity, "--no-grandpa".into()]);
	spec
}

#[test]
fn keys_on_two_machines_should_be_seen_and_anybody_should_be_able_to_prove_it() -> Result<()> {
	place::run(|place| async move {
		let alice = Node::start(&place, &NodeSpec::local("alice", None)).await?;
		let address = alice.address().await?;
		let mut nodes = vec![alice];
		for name in ["bob", "charlie", "dave"] {
			nodes.push(Node::start(&place, &NodeSpec::local(name, Some(&address))).await?);
		}
		let bob = &nodes[1];
		bob.chain
			.until_finalised(2, Duration::from_secs(120))
			.await?;
		let seen = || bob.chain.rpc("validators_equivocations", rpc_params![]);
		ensure!(seen().await? == serde_json::json!([]), "nobody cheats yet");

		let _copy = Node::start(&place, &copy_of("alice", &address)).await?;
		let limit = Duration::from_secs(120);
		let found = until("bob sees two blocks of one slot", limit, || async {
			Ok(seen().await?.get(0).cloned())
		})
		.await?;
		ensure!(found["first"] != found["second"], "{found}");
		let key = found["key"].as_str().context("no key")?;
		let counted = bob.metric("gridweave_equivocations_total").await?;
		ensure!(counted.iter().any(|line| line.contains(key)), "{counted:?}");

		// Anybody may report it, and pays nothing.
		let report = found["report"].as_str().context("no report")?;
		let report = hex::decode(report.trim_start_matches("0x"))?;
		let report = bob.chain.decoded(&report).await?;
		let events = bob.chain.run(&account("Eve")?, &report).await?;
		let removed = events
			.iter()
			.find(|event| event.is("ValidatorSet", "OffenderRemoved"));
		let removed = removed.with_context(|| format!("nobody was put out: {events:?}"))?;
		let who = removed.fields.at("validator").context("nobody")?;
		let alice = account("Alice")?.public_key().0;
		let bytes = who.at(0usize).unwrap_or(who);
		for (place, expected) in alice.iter().enumerate() {
			let byte = bytes.at(place).context("no account")?;
			ensure!(number_of(byte)? == u128::from(*expected), "another: {who}");
		}

		// The others go on.
		let number = bob.chain.best_number().await?;
		bob.chain.until_finalised(number, limit).await
	})
}
