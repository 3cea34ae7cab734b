//! What the gateway has acknowledged survives the worst: it is killed (-9) under load, again and again,
//! and everything it ever answered 201 for is served after the next start.

use std::{
	collections::BTreeMap,
	io::{BufRead, BufReader},
	path::Path,
	process::{Child, Command, Stdio},
	time::Duration,
};

use codec::{Decode, Encode};
use gridweave_primitives::{
	device::DeviceSignature,
	reading::{Reading, ReadingPage, SignedReading},
	MeterId, WattHours,
};
use reqwest::{header::CONTENT_TYPE, Client, StatusCode};
use sp_core::{ed25519, Pair, H256};
use tokio::{
	sync::mpsc,
	task::JoinSet,
	time::{sleep, timeout},
};

const GENESIS: H256 = H256([3; 32]);
const METERS: u32 = 24;
const KILLS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);

fn pair(meter: u32) -> ed25519::Pair {
	ed25519::Pair::from_seed(&[meter as u8 + 1; 32])
}

fn sign(meter: u32, sequence: u64) -> SignedReading {
	let reading = Reading {
		meter: MeterId(meter),
		sequence,
		captured_at: 1_700_000_000 + sequence,
		import_register: WattHours(sequence),
		export_register: WattHours(0),
		state_of_charge: None,
		quality: None,
		acknowledged: None,
		status: 0,
	};
	let signature = DeviceSignature::Ed25519(pair(meter).sign(&reading.digest(&GENESIS)));
	SignedReading { reading, signature }
}

/// A running gateway; killed when dropped.
struct Gateway {
	child: Child,
	url: String,
}

impl Gateway {
	/// Starts the binary on a port of its own choice and waits until it listens.
	fn start(folder: &Path) -> Self {
		let mut child = Command::new(env!("CARGO_BIN_EXE_gridweave-gateway"))
			.args([
				"serve",
				"--listen",
				"127.0.0.1:0",
				"--node",
				"ws://127.0.0.1:1",
				"--store",
			])
			.arg(folder.join("store"))
			.arg("--keys")
			.arg(folder.join("keys.json"))
			.env("RUST_LOG", "info")
			.env("NO_COLOR", "1")
			.stderr(Stdio::piped())
			.spawn()
			.expect("the binary starts");
		let mut log = BufReader::new(child.stderr.take().expect("piped")).lines();
		let url = loop {
			let line = log
				.next()
				.expect("it tells where it listens")
				.expect("text");
			if let Some((_, url)) = line.split_once("listening on ") {
				break url.trim().to_owned();
			}
		};
		// Whoever logs into a full pipe stops.
		std::thread::spawn(move || log.for_each(drop));
		Self { child, url }
	}

	/// SIGKILL: nothing is flushed, nobody is told.
	fn kill(&mut self) {
		self.child.kill().expect("it runs");
		self.child.wait().expect("it is gone");
	}
}

impl Drop for Gateway {
	fn drop(&mut self) {
		let _ = self.child.kill();
		let _ = self.child.wait();
	}
}

fn client() -> Client {
	Client::builder()
		.no_proxy()
		.timeout(PATIENCE)
		.build()
		.expect("a client")
}

/// A device: posts readings from `sequence` on until its gateway is gone. Tells of each 201.
async fn device(
	url: String,
	meter: u32,
	mut sequence: u64,
	acknowledged: mpsc::UnboundedSender<(u32, u64)>,
) {
	let client = client();
	loop {
		let post = client
			.post(format!("{url}/v1/readings"))
			.header(CONTENT_TYPE, "application/octet-stream")
			.body(sign(meter, sequence).encode());
		let Ok(answer) = post.send().await else {
			return;
		};
		assert_eq!(
			answer.status(),
			StatusCode::CREATED,
			"{:?}",
			answer.text().await
		);
		acknowledged
			.send((meter, sequence))
			.expect("the test listens");
		sequence += 1;
	}
}

/// Everything that is served, page by page, by meter and sequence; offsets ascend.
async fn served(url: &str) -> BTreeMap<(u32, u64), SignedReading> {
	let client = client();
	let (mut after, mut all) = (0, BTreeMap::new());
	loop {
		let answer = client
			.get(format!("{url}/v1/readings?after={after}"))
			.send()
			.await
			.expect("served");
		let page =
			ReadingPage::decode(&mut &answer.bytes().await.expect("a body")[..]).expect("a page");
		if page.readings.is_empty() {
			return all;
		}
		for (offset, signed) in page.readings {
			assert!(offset > after);
			after = offset;
			let key = (signed.reading.meter.0, signed.reading.sequence);
			assert!(all.insert(key, signed).is_none(), "{key:?} is served twice");
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_readings_should_survive_a_kill_under_load() {
	let folder = tempfile::TempDir::new().expect("a folder");
	let meters: serde_json::Map<String, serde_json::Value> = (0..METERS)
		.map(|meter| {
			let key = hex::encode(pair(meter).public());
			(meter.to_string(), serde_json::json!({ "ed25519": key }))
		})
		.collect();
	let keys = serde_json::json!({ "genesis": hex::encode(GENESIS), "meters": meters });
	std::fs::write(folder.path().join("keys.json"), keys.to_string()).expect("written");

	let mut acknowledged = BTreeMap::new();
	let mut gateway = Gateway::start(folder.path());
	for round in 1..=KILLS {
		let (sender, mut receiver) = mpsc::unbounded_channel();
		let mut devices = JoinSet::new();
		for meter in 0..METERS {
			let next = acknowledged.get(&meter).map_or(0, |last| last + 1);
			devices.spawn(device(gateway.url.clone(), meter, next, sender.clone()));
		}
		drop(sender);
		// Under load: in the middle of posts and syncs.
		let mut count = 0;
		while count < 150 {
			let (meter, sequence) = timeout(PATIENCE, receiver.recv())
				.await
				.expect("the gateway keeps up")
				.expect("devices run");
			acknowledged.insert(meter, sequence);
			count += 1;
		}
		sleep(Duration::from_millis(7 * round as u64)).await;
		gateway.kill();
		while let Some((meter, sequence)) = receiver.recv().await {
			acknowledged.insert(meter, sequence);
		}
		while let Some(device) = devices.join_next().await {
			device.expect("no device met anything but 201 or the end");
		}

		gateway = Gateway::start(folder.path());
		let served = timeout(PATIENCE, served(&gateway.url))
			.await
			.expect("served soon");
		for (meter, last) in &acknowledged {
			for sequence in 0..=*last {
				assert_eq!(
					served.get(&(*meter, sequence)),
					Some(&sign(*meter, sequence)),
					"meter {meter}, reading {sequence} of {last} was acknowledged before kill {round}",
				);
			}
		}
		// Of what was not acknowledged, each device had one reading on its way.
		let count: u64 = acknowledged.values().map(|last| last + 1).sum();
		assert!((served.len() as u64) <= count + u64::from(METERS));
	}
}
