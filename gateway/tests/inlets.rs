//! Signed readings over a real broker (mosquitto), which is killed again and again: nothing is lost.

mod edge_common;

use std::{path::Path, time::Duration};

use base64::{prelude::BASE64_STANDARD, Engine};
use codec::Encode;
use edge_common::{
	gateway,
	mosquitto::{Client, Mosquitto},
	new_key, pair, program, served, sign, until, write_keys, Process, GENESIS, PATIENCE,
};
use serde_json::{json, Value};
use sp_core::Pair;
use tokio::{
	net::TcpListener,
	sync::mpsc,
	task::JoinSet,
	time::{sleep, timeout},
};

/// A device as `docs/meters.md` wants it: it sends a reading until it hears that it is safe, and then the
/// next.
async fn device(
	client: Client,
	mut answers: mpsc::UnboundedReceiver<Value>,
	meter: u32,
	readings: u64,
) {
	for sequence in 1..=readings {
		sleep(Duration::from_millis(25)).await;
		loop {
			let frame = sign(meter, sequence).encode();
			client.publish(format!("gridweave/v1/readings/{meter}"), frame);
			let answered = async {
				while let Some(answer) = answers.recv().await {
					if answer["sequence"] == sequence {
						assert_eq!(answer["meter"], meter);
						return answer["outcome"].as_str().expect("text").to_owned();
					}
				}
				unreachable!("the client runs")
			};
			match timeout(Duration::from_secs(2), answered).await.as_deref() {
				Ok("stored" | "duplicate") => break,
				Ok(other) => panic!("meter {meter}, reading {sequence}: {other}"),
				Err(_) => {}
			}
		}
	}
}

fn inlet(folder: &Path) -> Process {
	let mut command = program();
	command
		.arg("mqtt")
		.arg("--config")
		.arg(folder.join("mqtt.toml"));
	Process::start(&mut command, "subscribed at").0
}

/// Keys of devices, and the inlet's file.
fn set_up(folder: &Path, meters: u32, address: &str, settings: &str) {
	let key = |meter: u32| (meter, hex::encode(pair(meter).public()));
	write_keys(folder, (0..meters).map(key));
	let config = format!("gateway = \"http://{address}\"\n{settings}");
	std::fs::write(folder.join("mqtt.toml"), config).expect("written");
}

async fn free_address() -> String {
	let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
	listener.local_addr().expect("an address").to_string()
}

/// Devices send while broker, inlet and gateway are killed in turn.
async fn nothing_is_lost(version: &str) {
	const METERS: u32 = 8;
	const READINGS: u64 = 150;
	let folder = tempfile::TempDir::new().expect("a folder");
	let folder = folder.path();
	let mosquitto = Mosquitto::new(folder, true).await;
	let mut broker = mosquitto.start();
	let address = free_address().await;
	set_up(folder, METERS, &address, &mosquitto.settings(version));
	let mut serving = gateway(folder, &address).0;
	let mut inlet_process = inlet(folder);
	let mut devices = JoinSet::new();
	for meter in 0..METERS {
		let name = format!("device-{meter}");
		let hears = format!("gridweave/v1/readings/{meter}/ack");
		let (client, answers) = Client::connect(&mosquitto, version, &name, hears);
		devices.spawn(device(client, answers, meter, READINGS));
	}
	for round in 0..2u64 {
		sleep(Duration::from_millis(900 + 130 * round)).await;
		broker.kill();
		sleep(Duration::from_millis(300)).await;
		broker = mosquitto.start();
		sleep(Duration::from_millis(1_100)).await;
		inlet_process.kill();
		inlet_process = inlet(folder);
		sleep(Duration::from_millis(700)).await;
		serving.kill();
		sleep(Duration::from_millis(300)).await;
		serving = gateway(folder, &address).0;
	}
	let finished = async {
		while let Some(device) = devices.join_next().await {
			device.expect("no device met a refusal");
		}
	};
	timeout(PATIENCE, finished).await.expect("in time");
	let served = served(&address).await;
	for meter in 0..METERS {
		let expected: Vec<_> = (1..=READINGS)
			.map(|sequence| sign(meter, sequence))
			.collect();
		assert_eq!(served[&meter], expected, "meter {meter}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_lost_over_mqtt_5_with_tls() {
	nothing_is_lost("5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_should_be_lost_over_mqtt_3_with_tls() {
	nothing_is_lost("3.1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_should_keep_what_is_not_on_disk() {
	const METERS: u32 = 30;
	for version in ["5", "3.1.1"] {
		let folder = tempfile::TempDir::new().expect("a folder");
		let folder = folder.path();
		let mosquitto = Mosquitto::new(folder, false).await;
		let _broker = mosquitto.start();
		let address = free_address().await;
		set_up(folder, METERS, &address, &mosquitto.settings(version));
		let mut inlet_process = inlet(folder);
		// Each reading is sent once; there is no gateway, and the inlet dies with what it has.
		let (client, _answers) = Client::connect(&mosquitto, version, "devices", "nothing".into());
		for meter in 0..METERS {
			client.publish(
				format!("gridweave/v1/readings/{meter}"),
				sign(meter, 1).encode(),
			);
		}
		sleep(Duration::from_secs(2)).await;
		inlet_process.kill();
		let _serving = gateway(folder, &address).0;
		let _inlet = inlet(folder);
		let served = until(&address, |served| served.len() == METERS as usize).await;
		assert!((0..METERS).all(|meter| served[&meter] == [sign(meter, 1)]));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_should_hear_why_and_uplinks_should_come_in() {
	let folder = tempfile::TempDir::new().expect("a folder");
	let folder = folder.path();
	let mosquitto = Mosquitto::new(folder, false).await;
	let _broker = mosquitto.start();
	let address = free_address().await;
	set_up(folder, 3, &address, &mosquitto.settings("5"));
	let _serving = gateway(folder, &address).0;
	let _inlet = inlet(folder);
	let hears = "gridweave/v1/readings/+/ack".to_owned();
	let (client, mut answers) = Client::connect(&mosquitto, "3.1.1", "devices", hears);
	let mut forged = sign(1, 5);
	forged.signature = sign(2, 5).signature;
	let cases = [
		(
			1,
			sign(1, 5).encode(),
			json!({ "meter": 1, "sequence": 5, "outcome": "stored" }),
		),
		(
			1,
			sign(1, 5).encode(),
			json!({ "meter": 1, "sequence": 5, "outcome": "duplicate" }),
		),
		(
			1,
			sign(1, 4).encode(),
			json!({ "meter": 1, "sequence": 4, "outcome": "stale" }),
		),
		(
			1,
			forged.encode(),
			json!({ "meter": 1, "sequence": 5, "outcome": "bad_signature" }),
		),
		(2, sign(1, 6).encode(), json!({ "outcome": "malformed" })),
		(1, b"junk".to_vec(), json!({ "outcome": "malformed" })),
	];
	sleep(Duration::from_millis(500)).await;
	for (meter, frame, expected) in cases {
		client.publish(format!("gridweave/v1/readings/{meter}"), frame);
		let answer = timeout(PATIENCE, answers.recv()).await.expect("an answer");
		assert_eq!(answer, Some(expected));
	}
	let data = BASE64_STANDARD.encode(sign(2, 1).encode());
	let event = json!({ "deviceInfo": { "devEui": "0101010101010101" }, "fPort": 1, "data": data });
	client.publish(
		"application/app/device/0101010101010101/event/up".into(),
		event.to_string().into(),
	);
	let served = until(&address, |served| served.contains_key(&2)).await;
	assert_eq!(served[&2], [sign(2, 1)]);
	assert_eq!(served[&1], [sign(1, 5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn states_of_zigbee_devices_should_be_signed_at_the_edge() {
	let folder = tempfile::TempDir::new().expect("a folder");
	let folder = folder.path();
	let mosquitto = Mosquitto::new(folder, false).await;
	let _broker = mosquitto.start();
	let address = free_address().await;
	let public = new_key(&folder.join("meter.pem"));
	write_keys(folder, [(7, public)].into_iter());
	let config = format!(
		"gateway = \"http://{address}\"\ngenesis = \"{}\"\noutbox = \"{}\"\ninterval = 1\n{}\
		[[meter]]\nid = 7\nkey = \"{}\"\n\
		source = {{ protocol = \"zigbee2mqtt\", topic = \"zigbee2mqtt/pump\" }}\n",
		hex::encode(GENESIS),
		folder.join("outbox").display(),
		mosquitto.settings("3.1.1"),
		folder.join("meter.pem").display(),
	);
	std::fs::write(folder.join("edge.toml"), config).expect("written");
	let _serving = gateway(folder, &address).0;
	let mut command = program();
	command
		.arg("edge")
		.arg("--config")
		.arg(folder.join("edge.toml"));
	let _edge = Process::start(&mut command, "subscribed at").0;
	let (client, _answers) = Client::connect(&mosquitto, "5", "zigbee2mqtt", "nothing".into());
	tokio::spawn(async move {
		for wh in 1_500u64.. {
			let state = format!(
				r#"{{"energy": {}.{:03}, "power": 42.5, "voltage": 229, "current": 0.19}}"#,
				wh / 1_000,
				wh % 1_000
			);
			client.publish("zigbee2mqtt/pump".into(), state.into());
			sleep(Duration::from_millis(100)).await;
		}
	});
	let served = until(&address, |served| {
		served.get(&7).is_some_and(|readings| readings.len() >= 3)
	});
	for signed in &served.await[&7] {
		let quality = signed.reading.quality.as_ref().expect("measured");
		assert_eq!(
			(quality.phases[0].voltage_mv, quality.phases[0].current_ma),
			(229_000, 190)
		);
		assert!(signed.reading.import_register.0 >= 1_500);
	}
}
