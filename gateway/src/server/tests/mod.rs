//! The gateway as devices, workers and operators meet it: over HTTP, on a real listener.

mod commands;
mod description;
mod fake_node;
mod follow;
mod openadr;
mod operation;
mod overload;
mod posts;
mod requests;
mod verdicts;

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
use reqwest::{
	header::{HeaderValue, CONTENT_TYPE, RETRY_AFTER},
	Client, StatusCode,
};
use serde_json::{json, Value};
use sp_core::H256;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use self::description::expect_described;
use super::{
	body::MAX_POST_READINGS,
	ingest::{Ingest, Verdict},
	keys::{Known, MeterKeys},
	store::StoreError,
	testing::*,
	workers::Workers,
	*,
};

/// A running gateway, on a port of its own.
struct Gateway {
	url: String,
	address: SocketAddr,
	client: Client,
	stop: watch::Sender<bool>,
	served: JoinHandle<anyhow::Result<()>>,
	folder: TempDir,
}

impl Gateway {
	/// Without a node; `offline`: with a file of ten meters' keys.
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
			openadr_microgrid: Vec::new(),
		};
		let (stop, stopped) = watch::channel(false);
		let (sender, address) = tokio::sync::oneshot::channel();
		let served = tokio::spawn(serve(args, stopped, |address| {
			sender.send(address).unwrap()
		}));
		let address = tokio::time::timeout(SOON, address).await.unwrap().unwrap();
		Self::at(address, stop, served, folder)
	}

	/// With this chain.
	async fn of(chain: FakeChain) -> Self {
		let Fixture {
			store,
			metrics,
			folder,
		} = Fixture::new(LIMITS);
		let mut gateway = Self::with(store, chain, metrics, Default::default()).await;
		gateway.folder = folder;
		gateway
	}

	/// With this store and these limits, too.
	async fn with(
		store: Store,
		chain: FakeChain,
		metrics: Arc<Metrics>,
		limits: listener::Limits,
	) -> Self {
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = listener.local_addr().unwrap();
		let (stop, stopped) = watch::channel(false);
		let keys = Keys::new(Arc::new(chain), None);
		let commands = Commands::new(metrics.clone());
		let app = App::new(
			store.clone(),
			keys,
			commands,
			OpenAdr::new(Scope::default()),
			Arc::default(),
			metrics,
		);
		let served = attend(listener, limits, app, store, JoinSet::new(), stopped);
		let folder = TempDir::new().unwrap();
		Self::at(address, stop, tokio::spawn(served), folder)
	}

	/// With this store and a follower of this node.
	async fn following(node: &fake_node::FakeNode, fixture: Fixture) -> Self {
		let Fixture {
			store,
			metrics,
			folder,
		} = fixture;
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = listener.local_addr().unwrap();
		let (stop, stopped) = watch::channel(false);
		let status = Arc::new(NodeStatus::default());
		let commands = Commands::new(metrics.clone());
		let openadr = OpenAdr::new(Scope::default());
		let (of_chain, of_status) = (commands.clone(), status.clone());
		let chain = Chain::new(
			node.clone(),
			store.clone(),
			of_chain,
			openadr.clone(),
			of_status,
			metrics.clone(),
		);
		let mut tasks = JoinSet::new();
		let follow = chain.clone().follow();
		tasks.spawn(async move { match follow.await {} });
		tasks.spawn(super::commands::expire(commands.clone()));
		let keys = Keys::new(chain, None);
		let app = App::new(store.clone(), keys, commands, openadr, status, metrics);
		let served = attend(listener, Default::default(), app, store, tasks, stopped);
		Self::at(address, stop, tokio::spawn(served), folder)
	}

	fn at(
		address: SocketAddr,
		stop: watch::Sender<bool>,
		served: JoinHandle<anyhow::Result<()>>,
		folder: TempDir,
	) -> Self {
		Self {
			url: format!("http://{address}"),
			address,
			client: Client::builder().no_proxy().timeout(SOON).build().unwrap(),
			stop,
			served,
			folder,
		}
	}

	async fn try_post(&self, kind: &str, body: Vec<u8>) -> reqwest::Result<(StatusCode, Value)> {
		let post = self
			.client
			.post(format!("{}/v1/readings", self.url))
			.header(CONTENT_TYPE, kind);
		let answer = post.body(body).send().await?;
		let status = answer.status();
		let content_type = answer.headers().get(CONTENT_TYPE);
		expect_described("post", "/v1/readings", status, content_type);
		// Whoever is refused for the gateway's sake is told when to come again.
		assert_eq!(
			answer.headers().contains_key(RETRY_AFTER),
			status == StatusCode::SERVICE_UNAVAILABLE
		);
		Ok((status, answer.json().await?))
	}

	async fn post(&self, kind: &str, body: Vec<u8>) -> (StatusCode, Value) {
		self.try_post(kind, body).await.unwrap()
	}

	async fn post_scale(&self, readings: &[SignedReading]) -> (StatusCode, Value) {
		let body = readings.iter().flat_map(Encode::encode).collect();
		self.post("application/octet-stream", body).await
	}

	/// A good reading is refused with this typed error.
	async fn expect_problem(&self, expected: StatusCode, code: &str) {
		let (status, answer) = self.post_scale(&[sign(reading(1, 1))]).await;
		assert_eq!(
			(status, &answer["error"]["code"]),
			(expected, &json!(code)),
			"{answer}"
		);
	}

	/// From an endpoint that there is.
	async fn get(&self, path: &str) -> reqwest::Response {
		let answer = self.try_get(path).await.unwrap();
		let content_type = answer.headers().get(CONTENT_TYPE);
		let endpoint = path.split('?').next().unwrap();
		expect_described("get", endpoint, answer.status(), content_type);
		answer
	}

	async fn try_get(&self, path: &str) -> reqwest::Result<reqwest::Response> {
		self.client.get(format!("{}{path}", self.url)).send().await
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

/// A chain on which meters are what a test says; what is asked for fresh comes from a second list.
#[derive(Default)]
struct FakeChain {
	cached: HashMap<u32, Known>,
	fresh: HashMap<u32, Known>,
	asked: Mutex<Vec<bool>>,
	refused: Option<StoreError>,
	/// How long it takes to answer.
	delay: Duration,
}

impl FakeChain {
	/// Whose answers are always the same.
	fn knowing<const N: usize>(known: [(u32, Known); N]) -> Self {
		Self {
			cached: known.into(),
			fresh: known.into(),
			..Default::default()
		}
	}
}

impl MeterKeys for Arc<FakeChain> {
	fn genesis(&self) -> Result<Option<H256>, StoreError> {
		self.refused.clone().map_or(Ok(Some(GENESIS)), Err)
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
		Box::pin(async move {
			tokio::time::sleep(self.delay).await;
			known
		})
	}
}
