//! The gateway as devices, workers and operators meet it: over HTTP, on a real listener.

use std::{
	collections::HashMap,
	io::{Read, Write},
	net::SocketAddr,
	sync::Mutex,
};

use codec::{Decode, Encode};
use futures::future::BoxFuture;
use gridweave_primitives::{
	reading::{ReadingPage, SignedReading},
	MeterId,
};
use reqwest::{header::CONTENT_TYPE, Client, StatusCode};
use serde_json::{json, Value};
use sp_core::H256;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{
	ingest::{ingest, Verdict, MAX_POST_READINGS},
	keys::{Known, MeterKeys},
	testing::*,
	*,
};

/// A gateway without a node that knows ten meters, on a port of its own.
struct Gateway {
	url: String,
	address: SocketAddr,
	client: Client,
	stop: watch::Sender<bool>,
	served: JoinHandle<anyhow::Result<()>>,
	_folder: TempDir,
}

impl Gateway {
	async fn start(offline: bool) -> Self {
		let folder = TempDir::new().unwrap();
		let args = ServeArgs {
			listen: "127.0.0.1:0".parse().unwrap(),
			store: folder.path().join("store"),
			// Nobody listens there.
			node: "ws://127.0.0.1:1".into(),
			keys: offline.then(|| key_file(&folder, 10)),
			max_readings: 1_000,
			max_readings_per_meter: 600,
			max_age: 0,
		};
		let (stop, stopped) = watch::channel(false);
		let (sender, address) = tokio::sync::oneshot::channel();
		let served = tokio::spawn(serve(args, stopped, |address| {
			sender.send(address).unwrap()
		}));
		let address = tokio::time::timeout(SOON, address).await.unwrap().unwrap();
		let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
		let url = format!("http://{address}");
		Self {
			url,
			address,
			client,
			stop,
			served,
			_folder: folder,
		}
	}

	async fn post(&self, kind: &str, body: Vec<u8>) -> (StatusCode, Value) {
		let post = self
			.client
			.post(format!("{}/v1/readings", self.url))
			.header(CONTENT_TYPE, kind);
		let answer = post.body(body).send().await.unwrap();
		(answer.status(), answer.json().await.unwrap())
	}

	async fn post_scale(&self, readings: &[SignedReading]) -> (StatusCode, Value) {
		let body = readings.iter().flat_map(Encode::encode).collect();
		self.post("application/octet-stream", body).await
	}

	async fn get(&self, path: &str) -> reqwest::Response {
		self.client
			.get(format!("{}{path}", self.url))
			.send()
			.await
			.unwrap()
	}

	async fn page(&self, query: &str) -> ReadingPage {
		let answer = self.get(&format!("/v1/readings{query}")).await;
		assert_eq!(answer.status(), StatusCode::OK);
		assert_eq!(answer.headers()[CONTENT_TYPE], "application/octet-stream");
		let bytes = answer.bytes().await.unwrap();
		let mut rest = &bytes[..];
		let page = ReadingPage::decode(&mut rest).unwrap();
		assert!(rest.is_empty());
		page
	}
}

fn outcomes(answer: &Value) -> Vec<&str> {
	let results = answer["results"].as_array().unwrap();
	results
		.iter()
		.map(|result| result["outcome"].as_str().unwrap())
		.collect()
}

#[tokio::test]
async fn a_posted_reading_should_be_acknowledged_and_served() {
	let gateway = Gateway::start(true).await;
	let signed = sign(reading(1, 1));
	let (status, answer) = gateway.post_scale(std::slice::from_ref(&signed)).await;
	assert_eq!(status, StatusCode::CREATED);
	assert_eq!(
		answer,
		json!({"safe": 1, "refused": 0, "results": [{"meter": 1, "sequence": 1, "outcome": "stored"}]}),
	);
	let page = gateway.page("").await;
	assert_eq!(page.readings, vec![(1, signed.clone())]);
	// Its device did not hear the answer: the same again.
	let (status, answer) = gateway.post_scale(&[signed]).await;
	assert_eq!(
		(status, outcomes(&answer)),
		(StatusCode::CREATED, vec!["duplicate"])
	);
	assert_eq!(gateway.page("").await.readings.len(), 1);
}

#[tokio::test]
async fn pages_should_go_on_after_an_offset_of_this_epoch() {
	let gateway = Gateway::start(true).await;
	let readings: Vec<_> = (1..=5).map(|n| sign(reading(1, n))).collect();
	gateway.post_scale(&readings).await;
	let first = gateway.page("?limit=2").await;
	assert_eq!(first.readings.len(), 2);
	let next = gateway
		.page(&format!("?after=2&epoch={}", first.epoch))
		.await;
	assert_eq!(
		next.readings
			.iter()
			.map(|(offset, _)| *offset)
			.collect::<Vec<_>>(),
		[3, 4, 5]
	);
	let other = gateway
		.page(&format!("?after=2&epoch={}", first.epoch ^ 1))
		.await;
	assert_eq!(other.readings.len(), 5);
}

#[tokio::test]
async fn a_batch_should_be_answered_reading_by_reading() {
	let gateway = Gateway::start(true).await;
	gateway.post_scale(&[sign(reading(1, 5))]).await;
	let mut conflict = reading(1, 5);
	conflict.status = 1;
	let frames = [
		sign(reading(1, 6)).encode(),
		sign(reading(1, 4)).encode(),
		sign(conflict).encode(),
		sign_by(3, reading(2, 1)).encode(),
		sign(reading(99, 1)).encode(),
		vec![1, 2, 3],
		[sign(reading(2, 1)).encode(), vec![0]].concat(),
		sign(reading(2, 2)).encode(),
	];
	let frames: Vec<String> = frames
		.iter()
		.map(|f| format!("0x{}", hex::encode(f)))
		.collect();
	let body = json!({ "frames": frames }).to_string().into_bytes();
	let (status, answer) = gateway.post("application/json; charset=utf-8", body).await;
	assert_eq!(status, StatusCode::MULTI_STATUS);
	assert_eq!(
		(&answer["safe"], &answer["refused"]),
		(&json!(2), &json!(6))
	);
	let expected = [
		"stored",
		"stale",
		"conflict",
		"bad_signature",
		"unavailable",
		"malformed",
		"malformed",
		"stored",
	];
	assert_eq!(outcomes(&answer), expected);
}

#[tokio::test]
async fn a_refused_reading_should_have_the_status_of_its_reason() {
	let gateway = Gateway::start(true).await;
	gateway.post_scale(&[sign(reading(1, 5))]).await;
	let cases = [
		(
			sign_by(2, reading(1, 6)),
			StatusCode::FORBIDDEN,
			"bad_signature",
		),
		(sign(reading(1, 4)), StatusCode::CONFLICT, "stale"),
		(
			sign(reading(99, 1)),
			StatusCode::SERVICE_UNAVAILABLE,
			"unavailable",
		),
	];
	for (signed, expected, outcome) in cases {
		let (status, answer) = gateway.post_scale(&[signed]).await;
		assert_eq!((status, outcomes(&answer)), (expected, vec![outcome]));
	}
	let body = json!({ "frames": ["0x00"] }).to_string().into_bytes();
	let (status, answer) = gateway.post("application/json", body).await;
	assert_eq!(
		(status, outcomes(&answer)),
		(StatusCode::BAD_REQUEST, vec!["malformed"])
	);
}

#[tokio::test]
async fn a_full_store_and_a_full_meter_should_be_told_with_429() {
	let gateway = Gateway::start(true).await;
	let many = |meter, first: u64| -> Vec<_> {
		(first..first + 300)
			.map(|n| sign(reading(meter, n)))
			.collect()
	};
	gateway.post_scale(&many(1, 1)).await;
	gateway.post_scale(&many(1, 301)).await;
	let (status, answer) = gateway.post_scale(&[sign(reading(1, 601))]).await;
	assert_eq!(
		(status, outcomes(&answer)),
		(StatusCode::TOO_MANY_REQUESTS, vec!["meter_full"])
	);
	gateway.post_scale(&many(2, 1)).await;
	gateway.post_scale(&many(3, 1)[..100]).await;
	let (status, answer) = gateway.post_scale(&[sign(reading(4, 1))]).await;
	assert_eq!(
		(status, outcomes(&answer)),
		(StatusCode::TOO_MANY_REQUESTS, vec!["full"])
	);
}

#[tokio::test]
async fn a_bad_request_should_get_a_typed_error() {
	let gateway = Gateway::start(true).await;
	let scale = "application/octet-stream";
	let frame = sign(reading(1, 1)).encode();
	let too_many = frame.repeat(MAX_POST_READINGS + 1);
	let frames = |n| {
		json!({ "frames": vec!["0x00"; n] })
			.to_string()
			.into_bytes()
	};
	let cases = [
		(
			"text/plain",
			frame.clone(),
			StatusCode::UNSUPPORTED_MEDIA_TYPE,
			"content_type",
		),
		(scale, vec![], StatusCode::BAD_REQUEST, "malformed"),
		(scale, vec![0xff; 40], StatusCode::BAD_REQUEST, "malformed"),
		(
			scale,
			frame[..frame.len() - 1].to_vec(),
			StatusCode::BAD_REQUEST,
			"malformed",
		),
		(scale, too_many, StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
		(
			scale,
			vec![0; http::MAX_SCALE_BYTES + 1],
			StatusCode::PAYLOAD_TOO_LARGE,
			"too_large",
		),
		(
			"application/json",
			b"{}".to_vec(),
			StatusCode::BAD_REQUEST,
			"malformed",
		),
		(
			"application/json",
			frames(0),
			StatusCode::BAD_REQUEST,
			"malformed",
		),
		(
			"application/json",
			frames(501),
			StatusCode::PAYLOAD_TOO_LARGE,
			"too_large",
		),
	];
	for (kind, body, expected, code) in cases {
		let (status, answer) = gateway.post(kind, body).await;
		assert_eq!(
			(status, &answer["error"]["code"]),
			(expected, &json!(code)),
			"{answer}"
		);
		assert!(answer["error"]["message"].is_string());
	}
	let paths = [
		("/v1/readings?after=x", StatusCode::BAD_REQUEST, "query"),
		("/v1/readings?before=1", StatusCode::BAD_REQUEST, "query"),
		("/v2/readings", StatusCode::NOT_FOUND, "not_found"),
	];
	for (path, expected, code) in paths {
		let answer = gateway.get(path).await;
		assert_eq!(answer.status(), expected);
		assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], code);
	}
	let answer = gateway
		.client
		.delete(format!("{}/v1/readings", gateway.url))
		.send()
		.await
		.unwrap();
	assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
	// None of it has harmed anything.
	assert_eq!(
		gateway.post_scale(&[sign(reading(1, 1))]).await.0,
		StatusCode::CREATED
	);
}

#[tokio::test]
async fn a_body_without_end_should_be_cut_off() {
	let gateway = Gateway::start(true).await;
	// Written by hand: a client library would need another feature for streams.
	let answer = raw(gateway.address, |socket| {
		let head = "POST /v1/readings HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\
			content-type: application/octet-stream\r\n\r\n";
		socket.write_all(head.as_bytes())?;
		loop {
			socket.write_all(b"400\r\n")?;
			socket.write_all(&[0; 0x400])?;
			socket.write_all(b"\r\n")?;
		}
	})
	.await;
	assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_body_that_never_comes_should_be_given_up() {
	let gateway = Gateway::start(true).await;
	let answer = raw(gateway.address, |socket| {
		let head = "POST /v1/readings HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\
			content-type: application/octet-stream\r\n\r\n";
		socket.write_all(head.as_bytes())
	})
	.await;
	assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

/// What a server answers to bytes written by hand; errors of writing mean that it hung up.
async fn raw(
	address: SocketAddr,
	write: impl FnOnce(&mut std::net::TcpStream) -> std::io::Result<()> + Send + 'static,
) -> String {
	let talk = move || {
		let mut socket = std::net::TcpStream::connect(address).unwrap();
		socket.set_read_timeout(Some(SOON)).unwrap();
		let mut reader = socket.try_clone().unwrap();
		std::thread::spawn(move || write(&mut socket));
		let mut answer = [0; 12];
		reader.read_exact(&mut answer).unwrap();
		String::from_utf8_lossy(&answer).into_owned()
	};
	tokio::task::spawn_blocking(talk).await.unwrap()
}

#[tokio::test]
async fn metrics_should_count_what_happened() {
	let gateway = Gateway::start(true).await;
	let signed = sign(reading(1, 1));
	gateway
		.post_scale(&[signed.clone(), signed, sign_by(2, reading(1, 2))])
		.await;
	gateway.post("text/plain", vec![1]).await;
	gateway.page("").await;
	let text = gateway.get("/metrics").await.text().await.unwrap();
	let lines = [
		"received_total 3",
		"stored_total 1",
		"duplicates_total 1",
		"refused_total{reason=\"bad_signature\"} 1",
		"refused_total{reason=\"content_type\"} 1",
		"served_total 1",
		"stored 1",
		"node_connected 0",
	];
	for line in lines {
		assert!(
			text.contains(&format!("\ngridweave_gateway_{line}\n")),
			"{line} is not in {text}"
		);
	}
	assert!(text.contains("gridweave_gateway_fsync_seconds_count"));
	assert!(text.contains("gridweave_gateway_oldest_age_seconds"));
}

#[tokio::test]
async fn health_should_tell_whether_readings_can_be_taken() {
	let gateway = Gateway::start(true).await;
	let answer = gateway.get("/health").await;
	assert_eq!(answer.status(), StatusCode::OK);
	let health: Value = answer.json().await.unwrap();
	assert_eq!(
		(&health["status"], &health["store"]["ok"]),
		(&json!("offline"), &json!(true))
	);
	assert_eq!(health["node"]["connected"], json!(false));

	let gateway = Gateway::start(false).await;
	let answer = gateway.get("/health").await;
	assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
	assert_eq!(answer.json::<Value>().await.unwrap()["status"], "unhealthy");
	let (status, answer) = gateway.post_scale(&[sign(reading(1, 1))]).await;
	assert_eq!(
		(status, &answer["error"]["code"]),
		(StatusCode::SERVICE_UNAVAILABLE, &json!("no_node"))
	);
}

#[tokio::test]
async fn a_stopped_gateway_should_end_and_free_its_store() {
	let gateway = Gateway::start(true).await;
	gateway.post_scale(&[sign(reading(1, 1))]).await;
	gateway.stop.send(true).unwrap();
	tokio::time::timeout(SOON, gateway.served)
		.await
		.unwrap()
		.unwrap()
		.unwrap();
	let metrics = Arc::new(Metrics::new().unwrap());
	let store = Store::open(&gateway._folder.path().join("store"), LIMITS, metrics).unwrap();
	assert_eq!(store.state().await.unwrap().0, 1);
}

/// A chain on which meters are what a test says; what is asked for fresh comes from a second list.
#[derive(Default)]
struct FakeChain {
	cached: HashMap<u32, Known>,
	fresh: HashMap<u32, Known>,
	asked: Mutex<Vec<bool>>,
}

impl MeterKeys for FakeChain {
	fn genesis(&self) -> Option<H256> {
		Some(GENESIS)
	}

	fn lookup<'a>(
		&'a self,
		meters: &'a [MeterId],
		fresh: bool,
	) -> BoxFuture<'a, HashMap<MeterId, Known>> {
		self.asked.lock().unwrap().push(fresh);
		let from = if fresh { &self.fresh } else { &self.cached };
		let known = |meter: &MeterId| from.get(&meter.0).copied().unwrap_or(Known::Unknown);
		let known = meters.iter().map(|meter| (*meter, known(meter))).collect();
		Box::pin(async move { known })
	}
}

async fn verdicts(chain: &FakeChain, readings: Vec<SignedReading>) -> Vec<Verdict> {
	let fixture = Fixture::new(LIMITS);
	let readings = readings.into_iter().map(Some).collect();
	let entries = ingest(&fixture.store, chain, readings).await.unwrap();
	entries.into_iter().map(|entry| entry.outcome).collect()
}

#[tokio::test]
async fn only_meters_that_measure_should_be_taken() {
	let cached = [
		(1, Known::Key(key(1))),
		(2, Known::NotAdmitted),
		(3, Known::Retired),
		(4, Known::Unknown),
		(5, Known::Unavailable),
	];
	let chain = FakeChain {
		cached: cached.into(),
		..Default::default()
	};
	let readings = (1..=5).map(|meter| sign(reading(meter, 1))).collect();
	let expected = [
		Verdict::Stored,
		Verdict::NotAdmitted,
		Verdict::Retired,
		Verdict::UnknownMeter,
		Verdict::Unavailable,
	];
	assert_eq!(verdicts(&chain, readings).await, expected);
	assert_eq!(*chain.asked.lock().unwrap(), [false]);
}

#[tokio::test]
async fn a_rotated_key_should_be_asked_for_once() {
	let cached = [(1, Known::Key(key(7))), (2, Known::Key(key(2)))];
	let fresh = [(1, Known::Key(key(1)))];
	let chain = FakeChain {
		cached: cached.into(),
		fresh: fresh.into(),
		..Default::default()
	};
	let readings = vec![
		sign(reading(1, 1)),
		sign(reading(2, 1)),
		sign_by(7, reading(1, 2)),
	];
	let expected = [Verdict::Stored, Verdict::Stored, Verdict::Stored];
	assert_eq!(verdicts(&chain, readings).await, expected);
	assert_eq!(*chain.asked.lock().unwrap(), [false, true]);
	let bad = vec![sign_by(3, reading(1, 1))];
	assert_eq!(verdicts(&chain, bad).await, [Verdict::BadSignature]);
}

#[tokio::test]
async fn a_reading_for_another_chain_should_be_refused() {
	let cached = [(1, Known::Key(key(1)))];
	let fresh = cached;
	let chain = FakeChain {
		cached: cached.into(),
		fresh: fresh.into(),
		..Default::default()
	};
	let mut signed = sign(reading(1, 1));
	let pair = <sp_core::ed25519::Pair as sp_core::Pair>::from_seed(&{
		let mut seed = [0; 32];
		seed[0] = 1;
		seed
	});
	let elsewhere = signed.reading.digest(&H256([4; 32]));
	signed.signature = gridweave_primitives::device::DeviceSignature::Ed25519(sp_core::Pair::sign(
		&pair, &elsewhere,
	));
	assert_eq!(
		verdicts(&chain, vec![signed]).await,
		[Verdict::BadSignature]
	);
}
