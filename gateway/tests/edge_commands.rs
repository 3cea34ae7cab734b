//! Commands to a device behind the edge signer, over a real broker (mosquitto): what it says it carries out is in
//! the signed readings, whoever is killed.

mod edge_common;

use std::{
	path::Path,
	sync::{Arc, Mutex},
	time::{Duration, UNIX_EPOCH},
};

use axum::{
	extract::State,
	routing::{get, post},
	Json, Router,
};
use codec::Decode;
use edge_common::{
	mosquitto::{Client, Mosquitto},
	new_key, program, Process, GENESIS, PATIENCE,
};
use gridweave_gateway::command::{Action, Command};
use gridweave_primitives::{
	device::DeviceKey,
	reading::{Reading, SignedReading},
};
use serde_json::{json, Value};
use sp_core::ed25519;
use tokio::{
	io::AsyncWriteExt,
	net::TcpListener,
	sync::mpsc::UnboundedReceiver,
	time::{sleep, timeout},
};

const METER: u32 = 7;

fn now() -> u64 {
	UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

/// A gateway that takes all readings, and tells of this command.
#[derive(Default)]
struct Gateway {
	command: Option<Command>,
	readings: Vec<SignedReading>,
}

type Shared = Arc<Mutex<Gateway>>;

async fn take(State(gateway): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
	let frames = body["frames"].as_array().expect("frames");
	let readings = frames.iter().map(|frame| {
		let frame = hex::decode(&frame.as_str().expect("hex")[2..]).expect("hex");
		SignedReading::decode(&mut &frame[..]).expect("a reading")
	});
	let mut gateway = gateway.lock().expect("nobody panicked");
	gateway.readings.extend(readings);
	let results = vec![json!({ "outcome": "stored" }); frames.len()];
	Json(json!({ "results": results }))
}

async fn tell(State(gateway): State<Shared>) -> Json<Value> {
	let command = gateway.lock().expect("nobody panicked").command;
	let told = command.filter(|command| now() < command.until);
	let given = told.map(|command| {
		let mut given = json!(command);
		given["state"] = json!("open");
		given["acknowledged"] = Value::Null;
		given
	});
	let commands: Vec<Value> = given.into_iter().collect();
	Json(json!({ "meter": METER, "now": now(), "commands": commands, "latest": null }))
}

/// A meter with a P1 port behind a TCP adapter.
async fn meter(listener: TcpListener) {
	let crc = crc::Crc::<u16>::new(&crc::CRC_16_ARC);
	let mut wh = 0;
	loop {
		let (mut stream, _) = listener.accept().await.expect("a connection");
		loop {
			wh += 1;
			let text = format!("/GWV5TEST\r\n\r\n1-0:1.8.0(000000.{wh:03}*kWh)\r\n!");
			let telegram = format!("{text}{:04X}\r\n", crc.checksum(text.as_bytes()));
			if stream.write_all(telegram.as_bytes()).await.is_err() {
				break;
			}
			sleep(Duration::from_millis(200)).await;
		}
	}
}

fn edge(folder: &Path) -> Process {
	let mut command = program();
	command
		.arg("edge")
		.arg("--config")
		.arg(folder.join("edge.toml"));
	Process::start(&mut command, "1 meters, for").0
}

async fn hears(messages: &mut UnboundedReceiver<Value>, expected: Command) {
	let heard = async {
		while let Some(message) = messages.recv().await {
			if message == json!(expected) {
				return;
			}
		}
		unreachable!("the client runs")
	};
	let waited = timeout(PATIENCE, heard).await;
	waited.unwrap_or_else(|_| panic!("{expected:?} is never heard"));
}

/// Waits for a reading after `count` others that is as wanted.
async fn until_reading(
	gateway: &Shared,
	count: usize,
	is_wanted: impl Fn(&Reading) -> bool,
) -> usize {
	let wait = async {
		loop {
			{
				let gateway = gateway.lock().expect("nobody panicked");
				let mut readings = gateway.readings.iter().skip(count);
				if readings.any(|signed| is_wanted(&signed.reading)) {
					return gateway.readings.len();
				}
			}
			sleep(Duration::from_millis(100)).await;
		}
	};
	timeout(PATIENCE, wait).await.expect("in time")
}

fn says(nonce: Option<u32>) -> impl Fn(&Reading) -> bool {
	move |reading| reading.acknowledged.map(|nonce| nonce.0) == nonce
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_behind_the_edge_should_hear_its_command_and_be_heard() {
	let folder = tempfile::TempDir::new().expect("a folder");
	let folder = folder.path();
	let mosquitto = Mosquitto::new(folder, false).await;
	let _broker = mosquitto.start();
	let gateway = Shared::default();
	let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
	let address = listener.local_addr().expect("an address");
	let router = Router::new()
		.route("/v1/readings", post(take))
		.route("/v1/commands/7", get(tell))
		.with_state(gateway.clone());
	tokio::spawn(async move { axum::serve(listener, router).await });
	let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
	let port = listener.local_addr().expect("an address").port();
	tokio::spawn(meter(listener));
	let public = new_key(&folder.join("meter.pem"));
	let config = format!(
		"gateway = \"http://{address}\"\ngenesis = \"{}\"\noutbox = \"{}\"\ninterval = 1\n\
		[[meter]]\nid = {METER}\nkey = \"{}\"\ncommands = true\n\
		source = {{ protocol = \"p1\", tcp = \"127.0.0.1:{port}\" }}\n{}\n",
		hex::encode(GENESIS),
		folder.join("outbox").display(),
		folder.join("meter.pem").display(),
		mosquitto.settings("5"),
	);
	std::fs::write(folder.join("edge.toml"), config).expect("written");

	let mut signing = edge(folder);
	let count = until_reading(&gateway, 0, says(None)).await;
	let command = |nonce, seconds| Command {
		meter: METER,
		nonce,
		action: Action::LimitImport,
		watts: Some(1_000),
		from: now(),
		until: now() + seconds,
		event: None,
	};
	let give = |command| gateway.lock().expect("nobody panicked").command = Some(command);
	let first = command(5, 3_600);
	give(first);
	let topic = "gridweave/v1/commands/7".to_owned();
	let (device, mut heard) = Client::connect(&mosquitto, "5", "device", topic.clone());
	hears(&mut heard, first).await;
	// What it was not told, it cannot have carried out; and until it says something, readings say nothing.
	let ack = |nonce: u32| json!({ "nonce": nonce }).to_string().into_bytes();
	device.retain(format!("{topic}/ack"), ack(4));
	let count = until_reading(&gateway, count + 2, says(None)).await;
	device.retain(format!("{topic}/ack"), ack(5));
	let count = until_reading(&gateway, count, says(Some(5))).await;

	// Killed: its readings go on saying so, and a later command takes the place of the first.
	signing.kill();
	signing = edge(folder);
	let count = until_reading(&gateway, count, says(Some(5))).await;
	let second = command(6, 20);
	give(second);
	hears(&mut heard, second).await;
	device.retain(format!("{topic}/ack"), ack(6));
	let count = until_reading(&gateway, count, says(Some(6))).await;

	// Its time is over: the broker keeps nothing, and readings go on naming it.
	let cleared = async {
		loop {
			// On a busy machine silence says nothing before that.
			let is_over = now() >= second.until;
			let (_, mut late) = Client::connect(&mosquitto, "5", "late", topic.clone());
			let heard = timeout(Duration::from_secs(2), late.recv()).await;
			if heard.is_err() && is_over {
				return;
			}
		}
	};
	timeout(PATIENCE, cleared).await.expect("in time");
	until_reading(&gateway, count, says(Some(6))).await;

	let mut bytes = [0; 32];
	hex::decode_to_slice(&public[2..], &mut bytes).expect("hex");
	let key = DeviceKey::Ed25519(ed25519::Public::from_raw(bytes));
	let gateway = gateway.lock().expect("nobody panicked");
	let readings = &gateway.readings;
	assert!(readings
		.iter()
		.all(|signed| signed.is_signed_by(&key, &GENESIS)));
	// What is said is never taken back.
	let said: Vec<_> = readings
		.iter()
		.map(|signed| signed.reading.acknowledged.map(|nonce| nonce.0))
		.collect();
	assert!(said.windows(2).all(|pair| pair[0] <= pair[1]), "{said:?}");
	drop(signing);
}
