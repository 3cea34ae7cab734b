//! From a reading with a tamper bit to those who look after meters: by RPC and subscription, webhook and broker.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Context, Result};
use gridweave_e2e::{
	alerts::{Alerts, Hook},
	broker::Broker,
	chain::call,
	meter::{account, Device},
	place::{self, free_port},
	process::{Gateway, Node, NodeSpec},
};
use gridweave_primitives::reading::status;
use serde_json::{json, Value as Json};
use subxt::{
	dynamic::Value,
	rpcs::{client::RpcSubscription, rpc_params},
};
use tokio::time::timeout;

/// Soon enough for a loaded machine.
const SOON: Duration = Duration::from_secs(90);
/// Long enough for what must not come.
const WHILE: Duration = Duration::from_secs(6);

fn now() -> u64 {
	SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.map_or(0, |since| since.as_secs())
}

/// The flags of the first message that has so many.
async fn flags(messages: &mut RpcSubscription<Json>, count: usize) -> Result<Vec<Json>> {
	let wait = async {
		loop {
			let message = messages.next().await.context("closed")??;
			let flags = message["flags"].as_array().context("no flags")?.clone();
			if flags.len() == count {
				return Ok(flags);
			}
		}
	};
	timeout(SOON, wait).await.context("not as many flags")?
}

#[test]
fn who_looks_after_meters_should_hear_of_a_flag_once_and_of_its_end() -> Result<()> {
	place::run(|place| async move {
		let rpc_port = free_port()?;
		let gateway = Gateway::start(&place, rpc_port).await?;
		let spec = NodeSpec::development()
			.rpc_port(rpc_port)
			.gateways([gateway.url.clone()]);
		let node = Node::start(&place, &spec).await?;
		let chain = &node.chain;
		let (operator, alice, bob) = (account("Operator")?, account("Alice")?, account("Bob")?);
		let mut meter = Device::new("a meter that is opened", chain.genesis_hash())?;
		meter.join(chain, &alice, &operator, 0).await?;

		let broker = Broker::start(&place).await?;
		let mut ear = broker.listen("inspector", "gridweave/v1/alerts/0");
		let mut hook = Hook::start(1).await?;
		let state = place.folder("state")?;
		let (url, node_url, broker_url) = (hook.url.clone(), node.url(), broker.url());
		let start = || Alerts::start(&place, &node_url, &state, &url, &broker_url);
		let alerts = start()?;
		let mut watched = chain
			.subscribe(
				"anomalies_subscribeFlags",
				rpc_params![0],
				"anomalies_unsubscribeFlags",
			)
			.await?;
		flags(&mut watched, 0).await?;

		// Its cover is opened.
		gateway.deliver(&meter.read(now() - 2, 10, 0)).await?;
		let mut reading = meter.read(now(), 10, 0).reading;
		reading.status = status::COVER_OPENED;
		gateway.deliver(&meter.signed(reading)).await?;
		let shown = flags(&mut watched, 1).await?.remove(0);
		ensure!(
			shown["meter"] == meter.meter && shown["kind"] == "tamperSwitch",
			"{shown}"
		);
		ensure!(
			shown["status"] == "raised" && shown["severity"] == "critical",
			"{shown}"
		);

		// The webhook, which failed at first, and the broker are told the same.
		let heard = hook.next(SOON).await?;
		let raised = format!(
			"0-{}-tamperSwitch-{}-raised",
			meter.meter, shown["raisedAt"]
		);
		ensure!(
			heard["id"] == *raised && heard["alert"] == "raised",
			"{heard}"
		);
		ensure!(heard["flag"]["seen"] == shown["seen"], "{heard}");
		let told = ear.next(SOON).await?.context("an empty message")?;
		ensure!(told["id"] == heard["id"], "{told}");

		let ask = |method, of: u32| chain.rpc(method, rpc_params![of]);
		let open = ask("anomalies_openFlags", 0).await?;
		ensure!(open == json!({ "flags": [shown], "next": null }), "{open}");
		let history = ask("anomalies_history", meter.meter).await?;
		ensure!(history == json!([shown]), "{history}");
		let quarantine = ask("anomalies_quarantine", meter.meter).await?;
		ensure!(
			quarantine["causes"] == json!(["tamperSwitch"]),
			"{quarantine}"
		);
		let suspects = ask("anomalies_suspects", 0).await?;
		let nobody = json!({ "calibrated": false, "alarm": false, "suspects": [] });
		ensure!(suspects == nobody, "{suspects}");
		ensure!(ask("anomalies_findings", meter.meter).await? == json!([]));
		let bad = chain.rpc("anomalies_openFlags", rpc_params![0, (1, "no kind")]);
		ensure!(bad.await.is_err(), "a kind that is none was taken");

		// Nobody is told twice, nor after a restart; what happened meanwhile is told.
		ensure!(hook.next(WHILE).await.is_err(), "told twice");
		drop(alerts);
		let inspector = Value::from_bytes(bob.public_key().0);
		let appointment = vec![("microgrid", Value::from(0u32)), ("inspector", inspector)];
		let appointment = call("AnomalyFlags", "appoint_inspector", appointment);
		chain.run(&operator, &appointment).await?;
		let dismissal = vec![
			("meter", Value::from(meter.meter)),
			("kind", Value::unnamed_variant("TamperSwitch", [])),
			("false_report", Value::from(false)),
		];
		let dismissal = call("AnomalyFlags", "dismiss", dismissal);
		chain.run(&bob, &dismissal).await?;
		flags(&mut watched, 0).await?;
		let _alerts = start()?;
		let ended = hook.next(SOON).await?;
		let id = raised.replace("raised", "ended");
		ensure!(ended["id"] == *id && ended["alert"] == "ended", "{ended}");
		ensure!(ended["flag"]["status"] == "dismissed", "{ended}");
		let told = ear.next(SOON).await?.context("an empty message")?;
		ensure!(told["id"] == *id, "{told}");
		ensure!(hook.next(WHILE).await.is_err(), "told twice");
		ensure!(ear.next(WHILE).await.is_err(), "told twice");
		Ok(())
	})
}
