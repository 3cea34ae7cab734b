//! `gridweave-gateway serve`.
//!
//! | module | holds |
//! |---|---|
//! | [`store`] | readings on disk, in order of arrival; group commit; retention |
//! | [`keys`] | which key a meter signs with: from the chain, or from a file while offline |
//! | [`body`] | from the body of a post to readings |
//! | [`ingest`] | verified readings and their outcomes |
//! | [`http`] | endpoints, limits, typed errors, and their description |
//! | [`chain`] | meter keys from the chain, and the follower that deletes what is finalised |
//! | [`commands`] | commands to devices, from finalised blocks to whoever tells them |
//! | [`openadr`] | programmes, events, prices and reports, for clients of OpenADR 3 |
//! | [`cache`] | what the node has said about meters |
//! | [`node`] | what is asked of a node, over RPC |
//! | [`listener`] | connections: how many, and for how long |
//! | [`workers`] | blocking work, so much at a time |
//! | [`metrics`] | what Prometheus reads |

pub mod body;
pub mod cache;
pub mod chain;
pub mod commands;
pub mod http;
pub mod ingest;
pub mod keys;
pub mod listener;
pub mod metrics;
pub mod node;
pub mod openadr;
pub mod store;
pub mod workers;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tracing::{info, warn};

use self::{
	chain::{Chain, NodeStatus},
	commands::Commands,
	http::App,
	keys::{FileKeys, Keys},
	metrics::Metrics,
	node::RpcUrl,
	openadr::{OpenAdr, Scope, MAX_COMMUNITIES},
	store::{Limits, Store},
};

/// How long requests may go on after a signal to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Pause between looks for readings that are too old.
const EXPIRY: Duration = Duration::from_secs(10);

/// Options of `gridweave-gateway serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
	/// Address to listen on. There is no encryption and anyone who connects may read: expose it beyond
	/// loopback only behind a proxy or inside a private network.
	#[arg(long, default_value = "127.0.0.1:9950")]
	pub listen: SocketAddr,
	/// Folder of the store; made if it does not exist. One gateway at a time.
	#[arg(long, value_name = "DIR")]
	pub store: PathBuf,
	/// WebSocket URL of a node that is trusted: usually one's own.
	#[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9944")]
	pub node: String,
	/// Meters whose readings are taken while the node is unreachable: a JSON file with the genesis hash
	/// and each meter's key (docs/gateway.md).
	#[arg(long, value_name = "FILE")]
	pub keys: Option<PathBuf>,
	/// Most readings kept at a time; beyond it, posts are answered with 429.
	#[arg(long, value_name = "N", default_value_t = 5_000_000)]
	pub max_readings: u64,
	/// Most readings kept of one meter: a stolen key cannot fill the store.
	#[arg(long, value_name = "N", default_value_t = 4_096)]
	pub max_readings_per_meter: u32,
	/// Seconds of running after which a reading is deleted even if the chain never took it, such as one of a
	/// meter that was retired. 0 keeps them for ever.
	#[arg(long, value_name = "SECONDS", default_value_t = 7 * 86_400)]
	pub max_age: u64,
	/// Microgrid whose programmes, events and prices clients of OpenADR are told; repeatable, at most 64. The first
	/// 64 if none is named.
	#[arg(long, value_name = "N")]
	pub openadr_microgrid: Vec<u32>,
}

/// Runs the gateway until SIGINT or SIGTERM.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
	let stop = watch::channel(false);
	let signal = {
		let sender = stop.0.clone();
		tokio::spawn(async move {
			let waited = terminated().await;
			let _ = sender.send(true);
			waited
		})
	};
	let served = serve(args, stop.1, |address| {
		info!("listening on http://{address}")
	})
	.await;
	if signal.is_finished() {
		signal.await??;
	}
	served
}

/// Serves until `stop` turns true, or until a part fails that only a new start may mend; `ready` is told the
/// address.
pub async fn serve(
	args: ServeArgs,
	stop: watch::Receiver<bool>,
	ready: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
	let metrics = Arc::new(Metrics::new()?);
	let limits = Limits {
		max_readings: args.max_readings,
		max_per_meter: args.max_readings_per_meter,
		max_age: (args.max_age > 0).then(|| Duration::from_secs(args.max_age)),
	};
	let store = Store::open(&args.store, limits, metrics.clone())
		.with_context(|| format!("the store in {} cannot be opened", args.store.display()))?;
	let offline = match &args.keys {
		None => None,
		Some(path) => {
			let keys = FileKeys::read(path)
				.with_context(|| format!("{} is no file of keys", path.display()))?;
			store.tie(keys.genesis_hash()).await?;
			info!("{} meters are known without the node", keys.len());
			Some(keys)
		}
	};
	let status = Arc::new(NodeStatus::default());
	let node = RpcUrl(args.node.clone());
	let commands = Commands::new(metrics.clone());
	let scope = Scope::new(args.openadr_microgrid)
		.with_context(|| format!("more than {MAX_COMMUNITIES} microgrids are named for OpenADR"))?;
	let openadr = OpenAdr::new(scope);
	let chain = Chain::new(
		node,
		store.clone(),
		commands.clone(),
		openadr.clone(),
		status.clone(),
		metrics.clone(),
	);
	let mut tasks = JoinSet::new();
	let follow = chain.clone().follow();
	tasks.spawn(async move { match follow.await {} });
	tasks.spawn(expire(store.clone()));
	tasks.spawn(commands::expire(commands.clone()));
	let keys = Keys::new(chain, offline);
	let app = App::new(store.clone(), keys, commands, openadr, status, metrics);

	let listener = TcpListener::bind(args.listen)
		.await
		.with_context(|| format!("cannot listen on {}", args.listen))?;
	ready(listener.local_addr()?);
	attend(
		listener,
		listener::Limits::default(),
		app,
		store,
		tasks,
		stop,
	)
	.await
}

/// Serves until told to stop, or until the store or one of the tasks ends. Then it makes no sense to live
/// on: whoever supervises this process starts a new one, which opens the store again.
async fn attend(
	listener: TcpListener,
	limits: listener::Limits,
	app: Arc<App>,
	store: Store,
	mut tasks: JoinSet<()>,
	mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
	let (router, reserved) = (http::router(app.clone()), http::reserved_router(app));
	let server = listener::serve(listener, router, reserved, limits, stop.clone());
	tokio::pin!(server);
	let stopping = async move {
		let _ = stop.wait_for(|stop| *stop).await;
	};
	let ended = tokio::select! {
		// First: being told to stop is what ends the others, too.
		biased;
		() = stopping => {
			info!("stopping");
			if tokio::time::timeout(STOP_PATIENCE, &mut server).await.is_err() {
				warn!("connections were still open after {STOP_PATIENCE:?}");
			}
			Ok(())
		},
		() = &mut server => Ok(()),
		() = store.ended() => Err(anyhow::anyhow!("the store failed")),
		Some(ended) = tasks.join_next() => Err(match ended {
			Ok(()) => anyhow::anyhow!("a task ended"),
			Err(error) => anyhow::Error::from(error).context("a task ended"),
		}),
	};
	tasks.shutdown().await;
	// What is queued is still written: its senders may be waiting for their 201.
	store.close().await;
	ended
}

/// Deletes what is too old, for ever.
async fn expire(store: Store) {
	loop {
		match store.expire().await {
			Ok(0) => {}
			Ok(expired) => warn!("{expired} readings were too old; the chain never took them"),
			Err(error) => warn!("{error}"),
		}
		tokio::time::sleep(EXPIRY).await;
	}
}

async fn terminated() -> std::io::Result<()> {
	use tokio::signal::unix::{signal, SignalKind};
	let mut terminate = signal(SignalKind::terminate())?;
	tokio::select! {
		interrupted = tokio::signal::ctrl_c() => interrupted,
		_ = terminate.recv() => Ok(()),
	}
}
