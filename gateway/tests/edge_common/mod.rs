//! What tests of the whole program share: processes that end with the test, gateways, devices.

#![allow(dead_code)] // each test uses some of it

pub mod mosquitto;

use std::{
	collections::BTreeMap,
	io::{BufRead, BufReader},
	path::Path,
	process::{Child, Command, Stdio},
	time::Duration,
};

use codec::Decode;
use gridweave_primitives::{
	device::DeviceSignature,
	reading::{Reading, ReadingPage, SignedReading},
	MeterId, WattHours,
};
use reqwest::Client;
use serde_json::{json, Map, Value};
use sp_core::{ed25519, Pair, H256};

/// The chain of all of them.
pub const GENESIS: H256 = H256([3; 32]);
/// Soon enough for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A process; killed when dropped.
pub struct Process(Child);

impl Process {
	/// Starts it and waits for a line of its log; returns what follows `ready` in it.
	pub fn start(command: &mut Command, ready: &str) -> (Self, String) {
		let child = command
			.env("RUST_LOG", "info")
			.env("NO_COLOR", "1")
			.stderr(Stdio::piped())
			.spawn();
		let mut child = child.expect("it starts");
		let mut log = BufReader::new(child.stderr.take().expect("piped")).lines();
		let found = loop {
			let line = log.next().expect("it says that it is ready").expect("text");
			if let Some((_, rest)) = line.split_once(ready) {
				break rest.trim().to_owned();
			}
		};
		// Whoever logs into a full pipe stops.
		std::thread::spawn(move || log.for_each(drop));
		(Self(child), found)
	}

	/// SIGKILL: nothing is flushed, nobody is told.
	pub fn kill(&mut self) {
		self.0.kill().expect("it runs");
		self.0.wait().expect("it is gone");
	}
}

impl Drop for Process {
	fn drop(&mut self) {
		let _ = self.0.kill();
		let _ = self.0.wait();
	}
}

/// The program.
pub fn program() -> Command {
	Command::new(env!("CARGO_BIN_EXE_gridweave-gateway"))
}

/// A gateway without a node, which knows keys from `keys.json`; and its address.
pub fn gateway(folder: &Path, listen: &str) -> (Process, String) {
	let mut command = program();
	command
		.args(["serve", "--node", "ws://127.0.0.1:1", "--listen", listen])
		.arg("--store")
		.arg(folder.join("store"))
		.arg("--keys")
		.arg(folder.join("keys.json"));
	Process::start(&mut command, "listening on http://")
}

/// Writes the gateway's file of ed25519 keys, in hex.
pub fn write_keys(folder: &Path, keys: impl Iterator<Item = (u32, String)>) {
	let meters: Map<String, Value> = keys
		.map(|(meter, key)| (meter.to_string(), json!({ "ed25519": key })))
		.collect();
	let keys = json!({ "genesis": hex::encode(GENESIS), "meters": meters });
	std::fs::write(folder.join("keys.json"), keys.to_string()).expect("written");
}

/// `gridweave-gateway key generate`: the public key it prints.
pub fn new_key(path: &Path) -> String {
	let made = program()
		.args(["key", "generate", "--key"])
		.arg(path)
		.output()
		.expect("it runs");
	assert!(made.status.success());
	let shown: Value = serde_json::from_slice(&made.stdout).expect("JSON");
	shown["public"].as_str().expect("hex").to_owned()
}

/// The key pair of a device that signs for itself.
pub fn pair(meter: u32) -> ed25519::Pair {
	let mut seed = [1; 32];
	seed[..4].copy_from_slice(&meter.to_le_bytes());
	ed25519::Pair::from_seed(&seed)
}

/// A reading that such a device signed.
pub fn sign(meter: u32, sequence: u64) -> SignedReading {
	let reading = Reading {
		meter: MeterId(meter),
		sequence,
		captured_at: 1_780_000_000 + sequence,
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

/// Everything a gateway has, by meter and in order of arrival.
pub async fn served(address: &str) -> BTreeMap<u32, Vec<SignedReading>> {
	let client = Client::builder().no_proxy().timeout(PATIENCE).build();
	let client = client.expect("a client");
	let (mut after, mut all) = (0, BTreeMap::<u32, Vec<SignedReading>>::new());
	loop {
		let url = format!("http://{address}/v1/readings?after={after}");
		let answer = client.get(url).send().await.expect("served");
		let body = answer.bytes().await.expect("a body");
		let page = ReadingPage::decode(&mut &body[..]).expect("a page");
		if page.readings.is_empty() {
			return all;
		}
		for (offset, signed) in page.readings {
			after = offset;
			all.entry(signed.reading.meter.0).or_default().push(signed);
		}
	}
}

/// Waits until a gateway has what is asked for.
pub async fn until(
	address: &str,
	enough: impl Fn(&BTreeMap<u32, Vec<SignedReading>>) -> bool,
) -> BTreeMap<u32, Vec<SignedReading>> {
	let wait = async {
		loop {
			let served = served(address).await;
			if enough(&served) {
				return served;
			}
			tokio::time::sleep(Duration::from_millis(200)).await;
		}
	};
	tokio::time::timeout(PATIENCE, wait).await.expect("in time")
}
