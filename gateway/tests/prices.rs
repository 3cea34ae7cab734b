//! Expected prices over a real broker (mosquitto), from what answers as a node does: they survive when the
//! broker, the node and the gateway come and go.

mod edge_common;

use std::{path::Path, time::Duration};

use edge_common::{
	mosquitto::{Client, Mosquitto},
	program, Process, PATIENCE,
};
use jsonrpsee::{
	core::SubscriptionResult,
	server::{Server, ServerHandle},
	PendingSubscriptionSink, RpcModule, SubscriptionMessage,
};
use serde_json::{json, Value};
use tokio::{
	sync::{mpsc::UnboundedReceiver, watch},
	time::{sleep, timeout},
};

/// What a node tells of microgrid 7 while the surplus is this.
fn told(surplus: u64) -> Value {
	json!({ "microgrid": 7, "periodLength": 12, "prices": [{ "period": 3, "surplus": surplus }] })
}

/// Tells a subscriber each surplus.
async fn answer(
	pending: PendingSubscriptionSink,
	mut surplus: watch::Receiver<u64>,
) -> SubscriptionResult {
	let sink = pending.accept().await?;
	loop {
		let message = told(*surplus.borrow_and_update());
		sink.send(SubscriptionMessage::from_json(&message)?).await?;
		tokio::select! {
			() = sink.closed() => return Ok(()),
			changed = surplus.changed() => changed?,
		}
	}
}

/// Answers on a port (0: a new one) as a node does; returns the port.
async fn node(port: u16, surplus: watch::Receiver<u64>) -> (ServerHandle, u16) {
	let mut module = RpcModule::new(surplus);
	module
		.register_subscription(
			"market_subscribePrices",
			"market_prices",
			"market_unsubscribePrices",
			|params, pending, surplus, _| async move {
				let microgrid: u32 = params.one()?;
				assert_eq!(microgrid, 7);
				answer(pending, (*surplus).clone()).await
			},
		)
		.expect("one subscription");
	let server = Server::builder().build(("127.0.0.1", port)).await;
	let server = server.expect("the port is free");
	let port = server.local_addr().expect("an address").port();
	(server.start(module), port)
}

fn start(folder: &Path) -> Process {
	let mut command = program();
	command
		.arg("mqtt")
		.arg("--config")
		.arg(folder.join("mqtt.toml"));
	Process::start(&mut command, "telling the prices of microgrid 7").0
}

/// Waits until a client hears this surplus.
async fn hears(messages: &mut UnboundedReceiver<Value>, surplus: u64) {
	let heard = async {
		while let Some(message) = messages.recv().await {
			if message["prices"][0]["surplus"] == surplus {
				assert_eq!(message, told(surplus));
				return;
			}
		}
		unreachable!("the client runs")
	};
	timeout(PATIENCE, heard).await.expect("in time");
}

/// A client of the broker that subscribes only now.
fn late(mosquitto: &Mosquitto<'_>, version: &str, name: &str) -> UnboundedReceiver<Value> {
	Client::connect(mosquitto, version, name, "gridweave/v1/prices/7".into()).1
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_should_hear_the_latest_prices_whenever_they_subscribe() {
	for version in ["5", "3.1.1"] {
		let folder = tempfile::TempDir::new().expect("a folder");
		let folder = folder.path();
		let mosquitto = Mosquitto::new(folder, false).await;
		let mut broker = mosquitto.start();
		let (surplus, receiver) = watch::channel(1);
		let (server, port) = node(0, receiver.clone()).await;
		let config = format!(
			"gateway = \"http://127.0.0.1:1\"\n{}\n[prices]\nnode = \"ws://127.0.0.1:{port}\"\n\
			microgrids = [7]\n",
			mosquitto.settings(version)
		);
		std::fs::write(folder.join("mqtt.toml"), config).expect("written");
		let mut gateway = start(folder);

		let mut first = late(&mosquitto, version, "first");
		hears(&mut first, 1).await;
		surplus.send(2).expect("the node listens");
		hears(&mut first, 2).await;
		// Retained: whoever comes later hears it at once.
		hears(&mut late(&mosquitto, version, "second"), 2).await;

		// A new broker's process, and the node goes away and comes back.
		broker.kill();
		broker = mosquitto.start();
		server.stop().expect("it runs");
		server.stopped().await;
		sleep(Duration::from_millis(500)).await;
		surplus.send(3).expect("the receiver is kept");
		let (server, _) = node(port, receiver.clone()).await;
		hears(&mut first, 3).await;

		// The gateway is killed, and tells anew.
		gateway.kill();
		surplus.send(4).expect("the node listens");
		gateway = start(folder);
		hears(&mut late(&mosquitto, version, "third"), 4).await;
		drop((broker, gateway, server));
	}
}
