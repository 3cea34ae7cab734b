//! Commands to devices over a real broker (mosquitto), from what answers as a gateway does: they survive when the
//! broker, the gateway and what is between them come and go, and what holds no more is not kept.

mod edge_common;

use std::{
	collections::HashMap,
	path::Path,
	sync::{Arc, Mutex},
	time::Duration,
};

use axum::{
	extract::{Query, State},
	http::StatusCode,
	routing::get,
	Json, Router,
};
use edge_common::{
	mosquitto::{Client, Mosquitto},
	program, Process, PATIENCE,
};
use gridweave_gateway::command::{Action, Command};
use serde_json::{json, Value};
use tokio::{
	net::TcpListener,
	sync::mpsc::UnboundedReceiver,
	time::{sleep, timeout},
};

const NOW: u64 = 1_780_000_000;

/// What a gateway says.
struct Gateway {
	/// `None` while it knows nothing.
	epoch: Option<u64>,
	now: u64,
	changes: Vec<(Command, &'static str)>,
}

type Shared = Arc<Mutex<Gateway>>;

async fn answer(
	State(gateway): State<Shared>,
	Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
	let read = |name: &str| query.get(name).and_then(|value| value.parse::<u64>().ok());
	let wait = if read("wait").is_some() { 200 } else { 0 };
	sleep(Duration::from_millis(wait)).await;
	let gateway = gateway.lock().expect("nobody panicked");
	let epoch = gateway.epoch.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
	let after = match read("epoch") == Some(epoch) {
		true => read("after").unwrap_or(0) as usize,
		false => 0,
	};
	// One at a time: pages are followed.
	let changes = gateway.changes.iter().skip(after).take(1);
	let commands: Vec<Value> = changes
		.map(|(command, state)| {
			let mut given = json!(command);
			given["state"] = json!(state);
			given["acknowledged"] = Value::Null;
			given
		})
		.collect();
	let next = after + commands.len();
	Ok(Json(
		json!({ "epoch": epoch.to_string(), "now": gateway.now, "next": next,
		"more": next < gateway.changes.len(), "commands": commands }),
	))
}

fn start(folder: &Path) -> Process {
	let mut command = program();
	command
		.arg("mqtt")
		.arg("--config")
		.arg(folder.join("mqtt.toml"));
	Process::start(&mut command, "subscribed at").0
}

fn command(meter: u32, nonce: u32) -> Command {
	Command {
		meter,
		nonce,
		action: Action::LimitImport,
		watts: Some(1_500),
		from: NOW,
		until: NOW + 900,
		event: Some(3),
	}
}

/// Waits until a client hears this; before it, it may hear again what it has heard.
async fn hears(messages: &mut UnboundedReceiver<Value>, expected: Value) {
	let heard = async {
		while let Some(message) = messages.recv().await {
			if message == expected {
				return;
			}
		}
		unreachable!("the client runs")
	};
	let waited = timeout(PATIENCE, heard).await;
	waited.unwrap_or_else(|_| panic!("{expected} is never heard"));
}

/// A device that subscribes only now: the next thing it hears is what the broker keeps.
fn device(mosquitto: &Mosquitto<'_>, version: &str, meter: u32) -> UnboundedReceiver<Value> {
	static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
	let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
	let topic = format!("gridweave/v1/commands/{meter}");
	Client::connect(mosquitto, version, &format!("device-{count}"), topic).1
}

/// Waits until the broker keeps nothing for a meter: whoever subscribes hears nothing for a while.
async fn until_cleared(mosquitto: &Mosquitto<'_>, version: &str, meter: u32) {
	let cleared = async {
		loop {
			let mut late = device(mosquitto, version, meter);
			if timeout(Duration::from_secs(2), late.recv()).await.is_err() {
				return;
			}
		}
	};
	let waited = timeout(PATIENCE, cleared).await;
	waited.unwrap_or_else(|_| panic!("the broker keeps something for meter {meter}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_should_hear_what_holds_whenever_they_subscribe_and_nothing_else() {
	for version in ["5", "3.1.1"] {
		let folder = tempfile::TempDir::new().expect("a folder");
		let folder = folder.path();
		let mosquitto = Mosquitto::new(folder, false).await;
		let mut broker = mosquitto.start();
		let gateway = Shared::new(Mutex::new(Gateway {
			epoch: None,
			now: NOW,
			changes: vec![(command(7, 1), "open"), (command(8, 2), "expired")],
		}));
		let set = |change: &dyn Fn(&mut Gateway)| change(&mut gateway.lock().expect("no panic"));
		let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
		let address = listener.local_addr().expect("an address");
		let router = Router::new()
			.route("/v1/commands", get(answer))
			.with_state(gateway.clone());
		tokio::spawn(async move { axum::serve(listener, router).await });
		let config = format!(
			"gateway = \"http://{address}\"\n{}\n",
			mosquitto.settings(version)
		);
		std::fs::write(folder.join("mqtt.toml"), config).expect("written");

		// Somebody told a device something once. While the gateway knows nothing, nothing is cleared.
		let (somebody, _) = Client::connect(&mosquitto, version, "somebody", "nothing".into());
		sleep(Duration::from_millis(500)).await;
		for meter in [8, 9] {
			let topic = format!("gridweave/v1/commands/{meter}");
			somebody.retain(topic, command(meter, 0).payload());
		}
		let mut bridge = start(folder);
		hears(&mut device(&mosquitto, version, 9), json!(command(9, 0))).await;
		sleep(Duration::from_secs(2)).await;
		hears(&mut device(&mosquitto, version, 9), json!(command(9, 0))).await;

		// It knows: what holds is told, retained, and the rest is cleared.
		set(&|gateway| gateway.epoch = Some(1));
		let mut first = device(&mosquitto, version, 7);
		hears(&mut first, json!(command(7, 1))).await;
		hears(&mut device(&mosquitto, version, 7), json!(command(7, 1))).await;
		until_cleared(&mosquitto, version, 8).await;
		until_cleared(&mosquitto, version, 9).await;

		// The bridge is killed; meanwhile one command takes the place of another, and one is given.
		bridge.kill();
		set(&|gateway| {
			gateway.changes = vec![(command(7, 3), "open"), (command(10, 4), "open")];
		});
		bridge = start(folder);
		hears(&mut first, json!(command(7, 3))).await;
		hears(&mut device(&mosquitto, version, 10), json!(command(10, 4))).await;

		// The broker is killed, and forgets what it kept.
		broker.kill();
		std::fs::remove_file(folder.join("mosquitto.db")).expect("it was written");
		broker = mosquitto.start();
		hears(&mut device(&mosquitto, version, 10), json!(command(10, 4))).await;

		// Acknowledged it is still told, until its time is over; a device that was off hears nothing then.
		set(&|gateway| gateway.changes.push((command(10, 4), "acknowledged")));
		sleep(Duration::from_secs(1)).await;
		hears(&mut device(&mosquitto, version, 10), json!(command(10, 4))).await;
		set(&|gateway| gateway.now = NOW + 900);
		until_cleared(&mosquitto, version, 10).await;
		until_cleared(&mosquitto, version, 7).await;

		// The same when the bridge was away at that time.
		set(&|gateway| {
			gateway.now = NOW;
			gateway.epoch = Some(2);
			gateway.changes = vec![(command(11, 5), "open")];
		});
		hears(&mut device(&mosquitto, version, 11), json!(command(11, 5))).await;
		bridge.kill();
		set(&|gateway| {
			gateway.epoch = Some(3);
			gateway.changes = vec![(command(11, 5), "expired")];
		});
		bridge = start(folder);
		until_cleared(&mosquitto, version, 11).await;
		drop((broker, bridge));
	}
}
