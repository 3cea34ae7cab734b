//! The chain: meter keys on demand, and the follower that deletes what is finalised and sees what devices are
//! told.
//!
//! Keys are read at the best block. Readings are deleted by finalised state only, and only once the node's
//! chain is known to be the store's: the same genesis, and the same blocks where both have been.

use std::{
	collections::HashMap,
	convert::Infallible,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

use anyhow::{ensure, Context, Result};
use futures::{future::BoxFuture, Future};
use gridweave_primitives::MeterId;
use sp_core::H256;
use tokio::{sync::Semaphore, time::timeout};
use tracing::{debug, info, warn};

use super::{
	cache::Cache,
	commands::{follow::Follower, Commands},
	keys::{unix_now, Known, MeterKeys, MAX_LEAD},
	metrics::Metrics,
	node::{ChainClock, Connect, Node},
	openadr::OpenAdr,
	store::{Block, Store, StoreError, Tie},
};

/// Longest wait for one answer of the node.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// Longest wait of a post for the keys of its meters.
const LOOKUP: Duration = Duration::from_secs(5);
/// Pauses between attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));
/// Questions about meters at a time, of all posts together.
const MAX_LOOKUPS: usize = 16;
/// Questions for progress per finalised block; the next block goes on.
const MAX_QUESTIONS: usize = 64;

/// The node as `/health` shows it.
#[derive(Clone, Debug, Default)]
pub struct NodeState {
	/// Whether the follower is connected.
	pub connected: bool,
	/// The last finalised block seen.
	pub finalised: Option<u64>,
	/// Since when no newer one was seen.
	pub lag: Option<Duration>,
	/// Why the follower is not connected.
	pub error: Option<String>,
}

/// Shared between the follower and `/health`.
#[derive(Debug, Default)]
pub struct NodeStatus(Mutex<(NodeState, Option<Instant>)>);

impl NodeStatus {
	/// How the node is now.
	pub fn get(&self) -> NodeState {
		let (state, seen) = &*lock(&self.0);
		NodeState {
			lag: seen.map(|seen| seen.elapsed()),
			..state.clone()
		}
	}

	/// Only a newer block is progress: the same one again, after a new connection, is not.
	fn finalised(&self, number: u64) {
		let (state, seen) = &mut *lock(&self.0);
		if state.finalised < Some(number) {
			*seen = Some(Instant::now());
			state.finalised = Some(number);
		}
	}

	fn connection(&self, error: Option<String>) {
		let (state, _) = &mut *lock(&self.0);
		state.connected = error.is_none();
		state.error = error;
	}
}

/// What is guarded is replaced as a whole: it is sound even if somebody panicked beside it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answer, or an error if it takes longer.
pub(super) async fn within<T>(
	patience: Duration,
	answer: impl Future<Output = Result<T>>,
) -> Result<T> {
	let late = || format!("the node does not answer within {patience:?}");
	timeout(patience, answer).await.with_context(late)?
}

/// A node, reconnected to whenever it comes back. Clones share it.
#[derive(Clone)]
pub struct Chain {
	shared: Arc<Shared>,
}

struct Shared {
	connect: Box<dyn Connect>,
	store: Store,
	commands: Commands,
	openadr: OpenAdr,
	status: Arc<NodeStatus>,
	metrics: Arc<Metrics>,
	genesis: Mutex<std::result::Result<Option<H256>, StoreError>>,
	node: Mutex<Option<Arc<dyn Node>>>,
	clock: Mutex<Option<ChainClock>>,
	cache: Mutex<Cache>,
	lookups: Semaphore,
}

impl Chain {
	/// The node that this connects to; nothing is connected until [`Self::follow`].
	pub fn new(
		connect: impl Connect,
		store: Store,
		commands: Commands,
		openadr: OpenAdr,
		status: Arc<NodeStatus>,
		metrics: Arc<Metrics>,
	) -> Self {
		status.connection(Some("not connected yet".into()));
		let shared = Shared {
			connect: Box::new(connect),
			store,
			commands,
			openadr,
			status,
			metrics,
			genesis: Mutex::new(Ok(None)),
			node: Mutex::default(),
			clock: Mutex::default(),
			cache: Mutex::default(),
			lookups: Semaphore::new(MAX_LOOKUPS),
		};
		Self {
			shared: Arc::new(shared),
		}
	}

	/// Follows the finalised chain for ever, and connects again with growing pauses when the node goes.
	pub async fn follow(self) -> Infallible {
		let shared = &self.shared;
		let mut pause = PAUSES.0;
		loop {
			let before = shared.status.get().finalised;
			let Err(error) = self.session().await;
			*lock(&shared.node) = None;
			shared.openadr.lose();
			shared.metrics.node_connected.set(0);
			self.judge(error.downcast_ref());
			let error = format!("{error:#}");
			if shared.status.get().error.as_ref() != Some(&error) {
				warn!("the node: {error}");
			}
			shared.status.connection(Some(error));
			pause = match shared.status.get().finalised == before {
				true => (pause * 2).min(PAUSES.1),
				false => PAUSES.0,
			};
			tokio::time::sleep(pause).await;
		}
	}

	/// A node of another chain is worse than none: nothing that comes in could ever be settled.
	fn judge(&self, error: Option<&StoreError>) {
		let genesis = &mut *lock(&self.shared.genesis);
		match error {
			Some(refused @ (StoreError::WrongChain { .. } | StoreError::AnotherRun { .. })) => {
				*genesis = Err(refused.clone());
			}
			_ if genesis.is_err() => *genesis = Ok(None),
			_ => {}
		}
	}

	/// Ends with the connection only.
	async fn session(&self) -> Result<Infallible> {
		let shared = &self.shared;
		let node = within(ANSWER, shared.connect.connect()).await?;
		let genesis = node.genesis();
		// Another chain's finality must never delete anything here.
		let tie = shared.store.tie(genesis).await?;
		let mut block = within(ANSWER, node.finalised()).await?;
		self.recognise(&*node, tie, block).await?;
		*lock(&shared.genesis) = Ok(Some(genesis));
		*lock(&shared.node) = Some(node.clone());
		shared.status.connection(None);
		shared.metrics.node_connected.set(1);
		info!("connected to a node of chain {genesis:?}");

		let mut commands = Follower::new(shared.commands.clone(), shared.store.clone());
		let mut last = None;
		let mut from = MeterId(0);
		loop {
			if last != Some(block) {
				// Before anything is deleted by it: this is how the chain is known again.
				shared.store.see(block).await?;
				from = self.settle(&*node, block.hash, from).await?;
				shared.status.finalised(block.number);
				let number = i64::try_from(block.number).unwrap_or(i64::MAX);
				shared.metrics.finalised_block.set(number);
				shared.openadr.see(&node, block);
				commands.block(&*node, block.hash).await;
				last = Some(block);
			}
			match within(ANSWER, node.clock()).await {
				Ok(clock) => *lock(&shared.clock) = Some(clock),
				Err(error) => debug!("the node does not tell the chain's time: {error:#}"),
			}
			// Silence may mean a chain that stands still, or a connection that is dead: asking tells.
			if let Ok(next) = timeout(ANSWER, node.next_finalised()).await {
				next?;
			}
			block = within(ANSWER, node.finalised()).await?;
		}
	}

	/// Whether the node's chain is the one seen before, and at least as far. A node that is still behind
	/// would answer with keys and progress of the past.
	async fn recognise(&self, node: &dyn Node, tie: Tie, head: Block) -> Result<()> {
		for seen in [tie.first, tie.last].into_iter().flatten() {
			let Block { number, hash } = seen;
			let is_last = tie.last == Some(seen);
			if number > head.number {
				ensure!(
					!is_last,
					"the node is behind: it has finalised block {}, and {number} was seen before",
					head.number,
				);
				continue;
			}
			match within(ANSWER, node.hash_of(number)).await? {
				Some(found) if found != hash => {
					let stored = hash;
					return Err(StoreError::AnotherRun {
						number,
						stored,
						found,
					}
					.into());
				}
				Some(_) => {}
				// A node that began from a snapshot lacks old blocks.
				None => ensure!(!is_last, "the node does not know block {number} yet"),
			}
		}
		Ok(())
	}

	/// Deletes what is finalised of the meters whose readings are kept, from `from` on; returns where to go
	/// on at the next block.
	async fn settle(&self, node: &dyn Node, at: H256, mut from: MeterId) -> Result<MeterId> {
		let store = &self.shared.store;
		for _ in 0..MAX_QUESTIONS {
			let Some(first) = store.next_held(from).await? else {
				return Ok(MeterId(0));
			};
			let progress = within(ANSWER, node.progress(at, first)).await?;
			let next = progress.last().and_then(|last| last.meter.0.checked_add(1));
			let deleted = store.finalise(progress).await?;
			debug!("{deleted} readings are finalised");
			match next {
				Some(next) => from = MeterId(next),
				None => return Ok(MeterId(0)),
			}
		}
		Ok(from)
	}

	/// Asks the node about meters.
	async fn ask(&self, meters: Vec<MeterId>) -> Result<Vec<(MeterId, Known)>> {
		let node = lock(&self.shared.node).clone().context("not connected")?;
		let _permit = self.shared.lookups.acquire().await?;
		node.meters(meters).await
	}
}

impl MeterKeys for Chain {
	fn genesis(&self) -> std::result::Result<Option<H256>, StoreError> {
		lock(&self.shared.genesis).clone()
	}

	fn lookup<'a>(
		&'a self,
		meters: &'a [MeterId],
		fresh: bool,
	) -> BoxFuture<'a, HashMap<MeterId, Known>> {
		Box::pin(async move {
			let (cache, now) = (&self.shared.cache, Instant::now());
			let mut known = HashMap::with_capacity(meters.len());
			{
				let cache = lock(cache);
				let good = |meter: &MeterId| Some((*meter, cache.get(*meter, fresh, now)?));
				known.extend(meters.iter().filter_map(good));
			}
			let ask = |known: &HashMap<MeterId, Known>| -> Vec<MeterId> {
				let is_open = |meter: &&MeterId| !known.contains_key(meter);
				meters.iter().filter(is_open).copied().collect()
			};
			let open = ask(&known);
			if open.is_empty() {
				return known;
			}
			match within(LOOKUP, self.ask(open)).await {
				Ok(answers) => {
					let (mut cache, now) = (lock(cache), Instant::now());
					for (meter, answer) in answers {
						cache.put(meter, answer, now);
						if answer != Known::Unavailable {
							known.insert(meter, answer);
						}
					}
				}
				Err(error) => debug!("the node does not tell about meters: {error:#}"),
			}
			// A key that was good before serves on while nobody can be asked, unless it is in doubt.
			let cache = lock(cache);
			for meter in ask(&known) {
				let stale = cache.stale(meter).filter(|_| !fresh);
				known.insert(meter, stale.unwrap_or(Known::Unavailable));
			}
			known
		})
	}

	fn horizon(&self) -> u64 {
		let (now, lead) = match *lock(&self.shared.clock) {
			None => (0, MAX_LEAD),
			Some(clock) => (clock.now, MAX_LEAD.min(clock.period.into())),
		};
		unix_now().max(now).saturating_add(lead)
	}
}
