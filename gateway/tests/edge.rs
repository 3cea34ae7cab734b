//! The edge signer loses and repeats nothing, whoever is killed; and load profiles come in whole.

mod edge_common;

use std::{
	path::Path,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc,
	},
	time::Duration,
};

use edge_common::{gateway, new_key, program, served, until, write_keys, Process, GENESIS};
use gridweave_primitives::device::DeviceKey;
use sp_core::ed25519;
use tokio::{io::AsyncWriteExt, net::TcpListener, time::sleep};

const METER: u32 = 7;

fn edge(folder: &Path) -> Process {
	let mut command = program();
	command
		.arg("edge")
		.arg("--config")
		.arg(folder.join("edge.toml"));
	Process::start(&mut command, "1 meters, for").0
}

/// A key for the meter, and the files of gateway and edge signer; returns the public key.
fn set_up(folder: &Path, address: &str, source: &str) -> DeviceKey {
	let public = new_key(&folder.join("meter.pem"));
	write_keys(folder, [(METER, public.clone())].into_iter());
	let config = format!(
		r#"
		gateway = "http://{address}"
		genesis = "{}"
		outbox = "{}"
		interval = 1
		[[meter]]
		id = {METER}
		key = "{}"
		{source}
		"#,
		hex::encode(GENESIS),
		folder.join("outbox").display(),
		folder.join("meter.pem").display(),
	);
	std::fs::write(folder.join("edge.toml"), config).expect("written");
	let mut bytes = [0; 32];
	hex::decode_to_slice(&public[2..], &mut bytes).expect("hex");
	DeviceKey::Ed25519(ed25519::Public::from_raw(bytes))
}

/// A free port, most likely.
async fn free_address() -> String {
	let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
	listener.local_addr().expect("an address").to_string()
}

/// A meter with a P1 port behind a TCP adapter: each telegram shows one Wh more.
async fn meter(listener: TcpListener, shown: Arc<AtomicU64>) {
	let crc = crc::Crc::<u16>::new(&crc::CRC_16_ARC);
	loop {
		let (mut stream, _) = listener.accept().await.expect("a connection");
		loop {
			let wh = shown.fetch_add(1, Ordering::SeqCst);
			let (kwh, wh) = (wh / 1_000, wh % 1_000);
			let text = format!("/GWV5TEST\r\n\r\n1-0:1.8.0({kwh:06}.{wh:03}*kWh)\r\n!");
			let telegram = format!("{text}{:04X}\r\n", crc.checksum(text.as_bytes()));
			if stream.write_all(telegram.as_bytes()).await.is_err() {
				break;
			}
			sleep(Duration::from_millis(20)).await;
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reading_should_arrive_once_whoever_is_killed() {
	let folder = tempfile::TempDir::new().expect("a folder");
	let folder = folder.path();
	let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
	let port = listener.local_addr().expect("an address").port();
	tokio::spawn(meter(listener, Arc::new(AtomicU64::new(1))));
	let address = free_address().await;
	let source = format!(r#"source = {{ protocol = "p1", tcp = "127.0.0.1:{port}" }}"#);
	let key = set_up(folder, &address, &source);

	let mut serving = gateway(folder, &address).0;
	let mut signing = edge(folder);
	for round in 0..4u64 {
		sleep(Duration::from_millis(2_300 + 170 * round)).await;
		signing.kill();
		// The gateway is away for a while, and the edge signer stores.
		serving.kill();
		signing = edge(folder);
		sleep(Duration::from_millis(1_900)).await;
		serving = gateway(folder, &address).0;
	}
	let enough = until(&address, |served| {
		served
			.get(&METER)
			.is_some_and(|readings| readings.len() >= 12)
	});
	let served = &enough.await[&METER];
	assert!(served
		.iter()
		.all(|signed| signed.is_signed_by(&key, &GENESIS)));
	for pair in served.windows(2) {
		let (before, after) = (&pair[0].reading, &pair[1].reading);
		// No gap: what was numbered before a kill was delivered after it.
		assert_eq!(after.sequence, before.sequence + 1);
		assert!(after.captured_at > before.captured_at);
		assert!(after.import_register > before.import_register);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_profile_should_come_in_whole_and_once() {
	let folder = tempfile::TempDir::new().expect("a folder");
	let folder = folder.path();
	let address = free_address().await;
	let key = set_up(folder, &address, "");
	let _serving = gateway(folder, &address).0;
	let import = |rows: std::ops::Range<u64>| {
		let mut text = String::from("ends;A+\n");
		for row in rows {
			// A quarter of an hour each, 0.25 kWh.
			text.push_str(&format!("{};0.250\n", 1_780_000_200 + 900 * row));
		}
		let path = folder.join("profile.csv");
		std::fs::write(&path, text).expect("written");
		let status = program()
			.args([
				"import",
				"--meter",
				&METER.to_string(),
				"--time",
				"ends",
				"--import",
				"A+",
			])
			.args(["--delimiter", ";", "--unit", "kwh", "--intervals", "900"])
			.arg("--config")
			.arg(folder.join("edge.toml"))
			.arg("--csv")
			.arg(path)
			.status();
		status.expect("it runs").success()
	};
	assert!(import(0..700));
	// One that overlaps adds what is new; one with a gap is refused.
	assert!(import(600..800));
	assert!(!import(801..900));

	let served = &served(&address).await[&METER];
	assert!(served
		.iter()
		.all(|signed| signed.is_signed_by(&key, &GENESIS)));
	// 800 quarters and the reading that they are counted from.
	let registers = served.iter().map(|signed| signed.reading.import_register.0);
	assert_eq!(
		registers.collect::<Vec<_>>(),
		(0..=800).map(|row| row * 250).collect::<Vec<_>>()
	);
	let last = served.last().expect("some").reading.captured_at;
	assert_eq!(last, 1_780_000_200 + 900 * 799);
}
