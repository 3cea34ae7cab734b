//! Nodes and gateways as child processes.

use std::{
	fs::OpenOptions,
	path::PathBuf,
	process::{Child, Command, Stdio},
	time::{Duration, Instant},
};

use anyhow::{bail, Context, Result};
use codec::{Decode, Encode};
use gridweave_primitives::reading::{ReadingPage, SignedReading};
use subxt::rpcs::rpc_params;

use crate::{
	chain::{until, Chain},
	place::{free_port, Place},
};

/// How long a process may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Path of a binary of this workspace: in the folder that `GRIDWEAVE_BIN` names, else beside the test's own.
pub fn binary(name: &str) -> Result<PathBuf> {
	let folder = match std::env::var_os("GRIDWEAVE_BIN") {
		Some(folder) => PathBuf::from(folder),
		None => {
			let test = std::env::current_exe()?;
			test.parent()
				.and_then(|deps| deps.parent())
				.context("no target folder")?
				.to_path_buf()
		}
	};
	let path = folder.join(name);
	if !path.exists() {
		bail!(
			"{} is missing: cargo build --release --workspace",
			path.display()
		)
	}
	Ok(path)
}

/// A child process; dropping it kills it (-9), by its id.
pub(crate) struct Process(Child);

impl Process {
	pub(crate) fn start(place: &Place, name: &str, command: &mut Command) -> Result<Self> {
		// What is started again writes on.
		let log = OpenOptions::new()
			.create(true)
			.append(true)
			.open(place.log(name)?)?;
		let child = command
			.stdin(Stdio::null())
			.stdout(log.try_clone()?)
			.stderr(log)
			.spawn()
			.with_context(|| format!("could not start {name}"))?;
		Ok(Self(child))
	}

	/// Fails if the process has ended.
	pub(crate) fn check(&mut self, name: &str) -> Result<()> {
		match self.0.try_wait()? {
			Some(status) => bail!("{name} ended: {status}"),
			None => Ok(()),
		}
	}

	fn end(&mut self) {
		// An error means that it has ended already.
		let _ = self.0.kill();
		let _ = self.0.wait();
	}
}

impl Drop for Process {
	fn drop(&mut self) {
		self.end();
	}
}

/// How to start a node.
#[derive(Clone, Debug)]
pub struct NodeSpec {
	/// Names the node's folder and log.
	pub name: String,
	/// Arguments that choose the chain and the role.
	pub arguments: Vec<String>,
	/// Gateways that it pulls from.
	pub gateways: Vec<String>,
	/// Port of its RPC server; a free one if none is named.
	pub rpc_port: Option<u16>,
}

impl NodeSpec {
	/// A development chain of one authority.
	pub fn development() -> Self {
		Self {
			name: "node".into(),
			arguments: vec!["--dev".into()],
			gateways: Vec::new(),
			rpc_port: None,
		}
	}

	/// One of the authorities of the local network: `alice`, `bob`, `charlie` or `dave`.
	pub fn local(name: &str, bootnode: Option<&str>) -> Self {
		let mut arguments = vec!["--chain=local".into(), format!("--{name}")];
		// A node's identity in the network; an authority makes none of its own accord.
		let secret: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
		arguments.push(format!("--node-key={secret:0>64}"));
		arguments.extend(bootnode.map(|address| format!("--bootnodes={address}")));
		Self {
			name: name.into(),
			arguments,
			gateways: Vec::new(),
			rpc_port: None,
		}
	}

	/// The same with these gateways.
	pub fn gateways(self, urls: impl IntoIterator<Item = String>) -> Self {
		Self {
			gateways: urls.into_iter().collect(),
			..self
		}
	}

	/// The same, but it keeps the state of all blocks: events of blocks long ago can be read.
	pub fn archive(mut self) -> Self {
		self.arguments.push("--state-pruning=archive".into());
		self
	}

	/// The same with this port for its RPC server.
	pub fn rpc_port(self, port: u16) -> Self {
		Self {
			rpc_port: Some(port),
			..self
		}
	}
}

/// A running node.
pub struct Node {
	process: Process,
	/// Port of its RPC server.
	pub rpc_port: u16,
	/// Its port in the network.
	pub port: u16,
	/// Port of its metrics.
	metrics_port: u16,
	/// Log file.
	pub log: PathBuf,
	/// The chain it is on.
	pub chain: Chain,
}

impl Node {
	/// Starts a node and waits until it answers. A second start under the same name continues its chain.
	pub async fn start(place: &Place, spec: &NodeSpec) -> Result<Self> {
		let rpc_port = match spec.rpc_port {
			Some(port) => port,
			None => free_port()?,
		};
		let (port, metrics_port) = (free_port()?, free_port()?);
		let mut command = Command::new(binary("gridweave-node")?);
		command
			.args(&spec.arguments)
			.arg(format!(
				"--base-path={}",
				place.folder(&spec.name)?.display()
			))
			.arg(format!("--rpc-port={rpc_port}"))
			.arg(format!("--listen-addr=/ip4/127.0.0.1/tcp/{port}"))
			.arg(format!("--prometheus-port={metrics_port}"))
			.arg("--no-telemetry")
			.args(
				spec.gateways
					.iter()
					.map(|url| format!("--meter-gateway={url}")),
			);
		let mut process = Process::start(place, &spec.name, &mut command)?;
		let log = place.folder("logs")?.join(format!("{}.log", spec.name));

		let url = format!("ws://127.0.0.1:{rpc_port}");
		let deadline = Instant::now() + PATIENCE;
		let chain = loop {
			process.check(&spec.name)?;
			match Chain::connect(&url).await {
				Ok(chain) => break chain,
				Err(error) if Instant::now() > deadline => {
					return Err(error.context(format!("{} does not answer", spec.name)))
				}
				Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
			}
		};
		Ok(Self {
			process,
			rpc_port,
			port,
			metrics_port,
			log,
			chain,
		})
	}

	/// Ends it, and starts another in its place, which goes on with its chain.
	pub async fn restart(&mut self, place: &Place, spec: &NodeSpec) -> Result<()> {
		self.process.end();
		*self = Self::start(place, spec).await?;
		Ok(())
	}

	/// Its process.
	pub fn id(&self) -> u32 {
		self.process.0.id()
	}

	/// What it counts for Prometheus under `name`, with labels and values, line by line.
	pub async fn metric(&self, name: &str) -> Result<Vec<String>> {
		let url = format!("http://127.0.0.1:{}/metrics", self.metrics_port);
		let text = reqwest::get(url).await?.error_for_status()?.text().await?;
		let lines = text.lines().filter(|line| line.starts_with(name));
		Ok(lines.map(Into::into).collect())
	}

	/// Its RPC server.
	pub fn url(&self) -> String {
		format!("ws://127.0.0.1:{}", self.rpc_port)
	}

	/// Its address for other nodes.
	pub async fn address(&self) -> Result<String> {
		let peer: String = self
			.chain
			.rpc("system_localPeerId", rpc_params![])
			.await?
			.as_str()
			.context("no peer")?
			.into();
		Ok(format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", self.port))
	}

	/// What it has logged so far.
	pub fn logged(&self) -> Result<String> {
		Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
	}
}

/// A running gateway, with its store in the test's folder.
pub struct Gateway {
	process: Process,
	/// Base URL.
	pub url: String,
}

impl Gateway {
	/// Starts a gateway for the node with this RPC port, which may start later, and waits until it listens.
	pub async fn start(place: &Place, node_rpc_port: u16) -> Result<Self> {
		Self::start_on(place, node_rpc_port, free_port()?).await
	}

	/// The same on a port that others know already.
	pub async fn start_on(place: &Place, node_rpc_port: u16, port: u16) -> Result<Self> {
		let mut command = Command::new(binary("gridweave-gateway")?);
		command
			.arg("serve")
			.arg(format!("--listen=127.0.0.1:{port}"))
			.arg(format!("--store={}", place.folder("gateway")?.display()))
			.arg(format!("--node=ws://127.0.0.1:{node_rpc_port}"));
		let mut process = Process::start(place, "gateway", &mut command)?;
		let deadline = Instant::now() + PATIENCE;
		while tokio::net::TcpStream::connect(("127.0.0.1", port))
			.await
			.is_err()
		{
			process.check("gateway")?;
			if Instant::now() > deadline {
				bail!("the gateway does not listen")
			}
			tokio::time::sleep(Duration::from_millis(100)).await;
		}
		Ok(Self {
			process,
			url: format!("http://127.0.0.1:{port}"),
		})
	}

	/// Its process.
	pub fn id(&self) -> u32 {
		self.process.0.id()
	}

	/// Posts a body as a device does; returns the status code and the text of the answer.
	pub async fn post(&self, body: Vec<u8>) -> Result<(u16, String)> {
		let client = reqwest::Client::builder()
			.no_proxy()
			.timeout(Duration::from_secs(10))
			.build()?;
		let answer = client
			.post(format!("{}/v1/readings", self.url))
			.header("content-type", "application/octet-stream")
			.body(body)
			.send()
			.await?;
		Ok((answer.status().as_u16(), answer.text().await?))
	}

	/// Posts a reading until the gateway has stored it. Until it has heard of a new meter, it refuses.
	pub async fn deliver(&self, reading: &SignedReading) -> Result<()> {
		let body = reading.encode();
		until(
			"the gateway stores a reading",
			Duration::from_secs(20),
			|| async {
				let (status, text) = self.post(body.clone()).await?;
				match status {
					201 => Ok(Some(())),
					_ if self.ended() => bail!("the gateway ended"),
					_ => {
						eprintln!("the gateway answers {status}: {text}");
						Ok(None)
					}
				}
			},
		)
		.await
	}

	/// What it answers to a GET of this path: the status code and the text.
	pub async fn get(&self, path: &str) -> Result<(u16, String)> {
		let client = reqwest::Client::builder()
			.no_proxy()
			.timeout(Duration::from_secs(10))
			.build()?;
		let answer = client.get(format!("{}{path}", self.url)).send().await?;
		Ok((answer.status().as_u16(), answer.text().await?))
	}

	/// The page it serves to off-chain workers, from the start of its store.
	pub async fn page(&self) -> Result<ReadingPage> {
		let client = reqwest::Client::builder()
			.no_proxy()
			.timeout(Duration::from_secs(10))
			.build()?;
		let answer = client
			.get(format!("{}/v1/readings?after=0", self.url))
			.send()
			.await?;
		let body = answer.error_for_status()?.bytes().await?;
		Ok(ReadingPage::decode(&mut &body[..])?)
	}

	fn ended(&self) -> bool {
		// A zombie keeps its entry until it is waited for, without a command line.
		let path = format!("/proc/{}/cmdline", self.process.0.id());
		std::fs::read(path).map_or(true, |line| line.is_empty())
	}
}
