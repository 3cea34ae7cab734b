//! The chain while devices report: how far it has come with their readings, whatever becomes of the node.

use std::{
	collections::BTreeMap,
	sync::Arc,
	time::{Duration, Instant},
};

use anyhow::{ensure, Context, Result};
use futures::{stream, StreamExt, TryStreamExt};
use tokio::{sync::watch, time::timeout};
use tracing::warn;

use super::{judge::Latest, life::Field};
use crate::fleet::{
	chain::{At, Chain, Hash},
	progress::{progress, Progress},
};

/// Pause between two looks at the chain: about a block.
const PAUSE: Duration = Duration::from_secs(2);
/// Patience with a node: for a connection, and for one look.
const PATIENCE: Duration = Duration::from_secs(30);
/// Questions on their way to the node at a time.
const AT_ONCE: usize = 16;

/// A node that may go and come back.
pub struct Link {
	url: String,
	genesis: Hash,
	chain: Option<Arc<Chain>>,
}

impl Link {
	/// The node at this address, connected already.
	pub fn new(url: &str, chain: Arc<Chain>) -> Self {
		Self {
			url: url.into(),
			genesis: chain.genesis_hash(),
			chain: Some(chain),
		}
	}

	async fn chain(&mut self) -> Result<Arc<Chain>> {
		if let Some(chain) = &self.chain {
			return Ok(chain.clone());
		}
		let chain = Chain::connect(&self.url, PATIENCE).await?;
		ensure!(
			chain.genesis_hash() == self.genesis,
			"{} is a node of another chain now",
			self.url
		);
		Ok(self.chain.insert(Arc::new(chain)).clone())
	}

	/// How far all meters are, finalised. After an error the next call connects anew.
	pub async fn progress(&mut self) -> Result<BTreeMap<u32, Progress>> {
		self.look(async |chain, at| progress(chain, at).await).await
	}

	/// The latest of these meters, finalised, all at one block.
	pub async fn latest(&mut self, meters: &[u32]) -> Result<BTreeMap<u32, Latest>> {
		self.look(async |chain, at| {
			let ask = async |meter: &u32| {
				let latest: Option<Latest> =
					chain.ask(at, "MeterRegistryApi_latest", &(*meter,)).await?;
				anyhow::Ok(latest.map(|latest| (*meter, latest)))
			};
			let found: Vec<Option<(u32, Latest)>> = (stream::iter(meters))
				.map(ask)
				.buffered(AT_ONCE)
				.try_collect()
				.await?;
			Ok(found.into_iter().flatten().collect())
		})
		.await
	}

	async fn look<T>(&mut self, ask: impl AsyncFnOnce(&Chain, &At) -> Result<T>) -> Result<T> {
		let looked = async {
			let chain = self.chain().await?;
			let at = timeout(PATIENCE, chain.finalized()).await??;
			ask(&chain, &at).await
		};
		let found = looked.await;
		if found.is_err() {
			self.chain = None;
		}
		found
	}
}

/// What is known of the chain.
#[derive(Clone, Debug, Default)]
pub struct Seen {
	/// How far the meters are.
	pub progress: Arc<BTreeMap<u32, Progress>>,
	/// The longest time from a reading's acknowledgement to its finality, so far.
	pub worst_lag: Duration,
}

impl Seen {
	/// How many readings of these meters were accepted.
	pub fn accepted(&self, meters: &[u32]) -> u64 {
		(meters.iter())
			.filter_map(|meter| self.progress.get(meter))
			.map(|progress| progress.accepted)
			.sum()
	}
}

/// Looks at the chain for as long as somebody wants to know. `meters` are the devices' by their number.
pub async fn watch(
	mut link: Link,
	field: Arc<Field>,
	meters: Vec<u32>,
	seen: watch::Sender<Seen>,
) -> Result<()> {
	while !seen.is_closed() {
		match link.progress().await {
			Ok(progress) => {
				let now = Instant::now();
				let mut lag = Duration::ZERO;
				for (number, meter) in (0u32..).zip(&meters) {
					if let Some(progress) = progress.get(meter) {
						let oldest = field.waiting.finalised(number, progress.sequence, now);
						lag = lag.max(oldest.unwrap_or_default());
					}
				}
				seen.send_modify(|seen| {
					seen.progress = Arc::new(progress);
					seen.worst_lag = seen.worst_lag.max(lag);
				});
			}
			Err(error) => warn!("the node does not tell how far the chain is: {error:#}"),
		}
		tokio::time::sleep(PAUSE).await;
	}
	Ok(())
}

/// Asks until the node answers, for so long.
pub async fn insist<T>(patience: Duration, mut ask: impl AsyncFnMut() -> Result<T>) -> Result<T> {
	let deadline = Instant::now() + patience;
	loop {
		match ask().await {
			Ok(answer) => return Ok(answer),
			Err(error) if Instant::now() >= deadline => {
				return Err(error).with_context(|| format!("no answer for {patience:?}"))
			}
			Err(error) => warn!("the node does not answer: {error:#}"),
		}
		tokio::time::sleep(PAUSE).await;
	}
}
