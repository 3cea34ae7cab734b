//! The node: meter keys on demand, and the follower that deletes what is finalised.
//!
//! Keys are read at the best block: a meter may deliver as soon as it is admitted, and a wrong guess costs
//! nothing, for the chain checks again. Readings are deleted by finalised state only.

use std::{
	collections::HashMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

use anyhow::{bail, Context};
use codec::{Decode, Encode};
use futures::{future::BoxFuture, stream, StreamExt};
use gridweave_primitives::{device::DeviceKey, MeterId};
use sp_core::{ecdsa, ed25519, sr25519, H256};
use subxt::{
	backend::LegacyBackend,
	config::{substrate::SubstrateConfig, RpcConfigFor},
	dynamic,
	ext::scale_decode::DecodeAsType,
	rpcs::{methods::legacy::LegacyRpcMethods, RpcClient},
	OnlineClient,
};
use tokio::{sync::Semaphore, time::timeout};
use tracing::{debug, info, warn};

use super::{
	keys::{Known, MeterKeys},
	metrics::Metrics,
	store::{Finalised, Store},
};

/// Longest wait for one answer of the node.
const ANSWER: Duration = Duration::from_secs(10);
/// Longest wait of a post for the keys of its meters.
const LOOKUP: Duration = Duration::from_secs(5);
/// Pauses between attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));
/// How long a key is trusted to be the meter's.
const KEY_LIFE: Duration = Duration::from_secs(600);
/// How long the node is not asked again about a meter that may not deliver, or whose signature was wrong.
const PATIENCE: Duration = Duration::from_secs(3);
/// Most meters remembered.
const MAX_CACHED: usize = 1 << 20;
/// Questions about meters at a time, of all posts together.
const MAX_LOOKUPS: usize = 32;
/// Meters per question for progress.
const PROGRESS: u32 = 2_000;
/// Questions for progress per finalised block; the next block goes on.
const MAX_QUESTIONS: usize = 64;

type Rpc = LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>;

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

	fn finalised(&self, number: u64) {
		let (state, seen) = &mut *lock(&self.0);
		*seen = Some(Instant::now());
		state.finalised = Some(number);
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

/// A node, reconnected to whenever it comes back. Clones share it.
#[derive(Clone)]
pub struct Chain {
	shared: Arc<Shared>,
}

struct Shared {
	url: String,
	store: Store,
	status: Arc<NodeStatus>,
	metrics: Arc<Metrics>,
	genesis: Mutex<Option<H256>>,
	connection: Mutex<Option<Connection>>,
	cache: Mutex<HashMap<MeterId, (Known, Instant)>>,
	lookups: Semaphore,
}

#[derive(Clone)]
struct Connection {
	client: OnlineClient<SubstrateConfig>,
	rpc: Rpc,
}

/// Of a registration what the gateway needs, decoded by the chain's metadata.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Registration {
	key: RegisteredKey,
	state: RegisteredState,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
enum RegisteredKey {
	Ed25519([u8; 32]),
	Sr25519([u8; 32]),
	Secp256k1([u8; 33]),
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
enum RegisteredState {
	Registered,
	Admitted,
	Active,
	Retired,
}

impl From<Registration> for Known {
	fn from(registration: Registration) -> Self {
		match registration.state {
			RegisteredState::Registered => Self::NotAdmitted,
			RegisteredState::Retired => Self::Retired,
			RegisteredState::Admitted | RegisteredState::Active => {
				Self::Key(match registration.key {
					RegisteredKey::Ed25519(key) => {
						DeviceKey::Ed25519(ed25519::Public::from_raw(key))
					}
					RegisteredKey::Sr25519(key) => {
						DeviceKey::Sr25519(sr25519::Public::from_raw(key))
					}
					RegisteredKey::Secp256k1(key) => {
						DeviceKey::Secp256k1(ecdsa::Public::from_raw(key))
					}
				})
			}
		}
	}
}

impl Chain {
	/// The node at this URL; nothing is connected until [`Self::follow`].
	pub fn new(url: String, store: Store, status: Arc<NodeStatus>, metrics: Arc<Metrics>) -> Self {
		status.connection(Some("not connected yet".into()));
		let shared = Shared {
			url,
			store,
			status,
			metrics,
			genesis: Mutex::default(),
			connection: Mutex::default(),
			cache: Mutex::default(),
			lookups: Semaphore::new(MAX_LOOKUPS),
		};
		Self {
			shared: Arc::new(shared),
		}
	}

	/// Follows the finalised chain for ever, and connects again with growing pauses when the node goes.
	pub async fn follow(self) {
		let shared = &self.shared;
		let mut pause = PAUSES.0;
		loop {
			let before = shared.status.get().finalised;
			let Err(error) = self.session().await;
			*lock(&shared.connection) = None;
			shared.metrics.node_connected.set(0);
			let error = format!("{error:#}");
			if shared.status.get().error.as_ref() != Some(&error) {
				warn!("node {}: {error}", shared.url);
			}
			shared.status.connection(Some(error));
			pause = match shared.status.get().finalised == before {
				true => (pause * 2).min(PAUSES.1),
				false => PAUSES.0,
			};
			tokio::time::sleep(pause).await;
		}
	}

	/// Ends with the connection only.
	async fn session(&self) -> anyhow::Result<std::convert::Infallible> {
		let shared = &self.shared;
		let rpc = timeout(ANSWER, RpcClient::from_insecure_url(&shared.url)).await??;
		let backend = Arc::new(LegacyBackend::builder().build(rpc.clone()));
		let client = timeout(
			ANSWER,
			OnlineClient::<SubstrateConfig>::from_backend(backend),
		)
		.await??;
		let rpc = Rpc::new(rpc);
		let genesis = client.genesis_hash();
		// Another chain's finality must never delete anything here.
		shared.store.bind(genesis).await?;
		*lock(&shared.genesis) = Some(genesis);
		let mut heads = timeout(ANSWER, rpc.chain_subscribe_finalized_heads()).await??;
		*lock(&shared.connection) = Some(Connection {
			client,
			rpc: rpc.clone(),
		});
		shared.status.connection(None);
		shared.metrics.node_connected.set(1);
		info!("connected to {}, chain {genesis:?}", shared.url);

		let mut last = None;
		let mut from = MeterId(0);
		loop {
			let hash = timeout(ANSWER, rpc.chain_get_finalized_head()).await??;
			if last != Some(hash) {
				let header = timeout(ANSWER, rpc.chain_get_header(Some(hash))).await??;
				let number = header.context("the finalised block has no header")?.number;
				from = self.settle(&rpc, hash, from).await?;
				shared.status.finalised(number);
				shared
					.metrics
					.finalised_block
					.set(i64::try_from(number).unwrap_or(i64::MAX));
				last = Some(hash);
			}
			// Silence may mean a chain that stands still, or a connection that is dead: asking tells.
			match timeout(ANSWER, heads.next()).await {
				Ok(None) => bail!("the node ended the subscription"),
				Ok(Some(head)) => drop(head?),
				Err(_) => {}
			}
		}
	}

	/// Deletes what is finalised of the meters whose readings are kept, from `from` on; returns where to go
	/// on at the next block.
	async fn settle(
		&self,
		rpc: &Rpc,
		hash: <RpcConfigFor<SubstrateConfig> as subxt::rpcs::RpcConfig>::Hash,
		mut from: MeterId,
	) -> anyhow::Result<MeterId> {
		let store = &self.shared.store;
		for _ in 0..MAX_QUESTIONS {
			let Some(first) = store.next_held(from).await? else {
				return Ok(MeterId(0));
			};
			let params = (first.0, PROGRESS).encode();
			let call = rpc.state_call("MeterRegistryApi_progress", Some(&params), Some(hash));
			let answer = timeout(ANSWER, call).await??;
			let progress = Vec::<(u32, u64, u64)>::decode(&mut &answer[..])
				.context("the node's answer to MeterRegistryApi_progress")?;
			let full = progress.len() >= PROGRESS as usize;
			let last = progress.last().map(|(meter, ..)| *meter);
			let progress = progress
				.into_iter()
				.map(|(meter, sequence, accepted)| Finalised {
					meter: MeterId(meter),
					sequence,
					accepted,
				});
			let deleted = store.finalise(progress.collect()).await?;
			debug!("{deleted} readings are finalised");
			match last.and_then(|last| last.checked_add(1)) {
				Some(next) if full => from = MeterId(next),
				_ => return Ok(MeterId(0)),
			}
		}
		Ok(from)
	}

	/// Asks the node about meters.
	async fn ask(&self, meters: Vec<MeterId>) -> anyhow::Result<Vec<(MeterId, Known)>> {
		let connection = lock(&self.shared.connection)
			.clone()
			.context("not connected")?;
		let best = connection
			.rpc
			.chain_get_block_hash(None)
			.await?
			.context("no best block")?;
		let at = &connection.client.at_block(best).await?;
		let entry = dynamic::storage::<([u8; 4],), Registration>("MeterRegistry", "Meters");
		let entry = &at.storage().entry(entry)?;
		stream::iter(meters)
			.map(|meter| async move {
				let _permit = self.shared.lookups.acquire().await?;
				// The map's keys are big-endian, so that neighbours are neighbours.
				let found = entry.try_fetch((meter.0.to_be_bytes(),)).await?;
				let known = match found {
					None => Known::Unknown,
					Some(value) => value.decode()?.into(),
				};
				anyhow::Ok((meter, known))
			})
			.buffer_unordered(MAX_LOOKUPS)
			.collect::<Vec<_>>()
			.await
			.into_iter()
			.collect()
	}
}

impl MeterKeys for Chain {
	fn genesis(&self) -> Option<H256> {
		*lock(&self.shared.genesis)
	}

	fn lookup<'a>(
		&'a self,
		meters: &'a [MeterId],
		fresh: bool,
	) -> BoxFuture<'a, HashMap<MeterId, Known>> {
		Box::pin(async move {
			let mut known = HashMap::with_capacity(meters.len());
			let mut ask = Vec::new();
			{
				let cache = lock(&self.shared.cache);
				for meter in meters {
					let cached = cache.get(meter);
					let good =
						cached.is_some_and(|(known, at)| is_good(*known, at.elapsed(), fresh));
					if !good {
						ask.push(*meter);
					}
					known.insert(
						*meter,
						cached.map_or(Known::Unavailable, |(known, _)| *known),
					);
				}
			}
			if ask.is_empty() {
				return known;
			}
			let answer = timeout(LOOKUP, self.ask(ask))
				.await
				.map_err(anyhow::Error::from);
			match answer.and_then(|answer| answer) {
				Ok(answer) => {
					let mut cache = lock(&self.shared.cache);
					if cache.len() + answer.len() > MAX_CACHED {
						cache.clear();
					}
					let now = Instant::now();
					cache.extend(answer.iter().map(|(meter, known)| (*meter, (*known, now))));
					known.extend(answer);
				}
				// What was known before still serves; of the others nothing is known.
				Err(error) => debug!("the node does not tell about meters: {error:#}"),
			}
			known
		})
	}
}

/// Whether what was learnt `age` ago still serves; `fresh`: its key has just failed to verify.
fn is_good(known: Known, age: Duration, fresh: bool) -> bool {
	match known {
		Known::Key(_) if !fresh => age < KEY_LIFE,
		Known::Unavailable => false,
		_ => age < PATIENCE,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::meter::{MeterKind, MeterState};
	use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};

	/// As the pallet stores it, with what else there is.
	#[derive(Encode, TypeInfo)]
	struct Meter {
		owner: [u8; 32],
		kind: MeterKind,
		key: DeviceKey,
		deposit: u128,
		state: MeterState,
		admitted_at: u64,
	}

	fn known(key: DeviceKey, state: MeterState) -> Known {
		let mut registry = Registry::new();
		let id = registry.register_type(&MetaType::new::<Meter>()).id;
		let registry = PortableRegistry::from(registry);
		let kind = MeterKind::Prosumer;
		let meter = Meter {
			owner: [1; 32],
			kind,
			key,
			deposit: 7,
			state,
			admitted_at: 9,
		};
		Registration::decode_as_type(&mut &meter.encode()[..], id, &registry)
			.unwrap()
			.into()
	}

	#[test]
	fn a_registration_should_be_read_by_the_chain_s_own_types() {
		let keys = [
			DeviceKey::Ed25519(ed25519::Public::from_raw([1; 32])),
			DeviceKey::Sr25519(sr25519::Public::from_raw([2; 32])),
			DeviceKey::Secp256k1(ecdsa::Public::from_raw([3; 33])),
		];
		for key in keys {
			assert_eq!(known(key, MeterState::Registered), Known::NotAdmitted);
			assert_eq!(known(key, MeterState::Admitted), Known::Key(key));
			assert_eq!(known(key, MeterState::Active), Known::Key(key));
			assert_eq!(known(key, MeterState::Retired), Known::Retired);
		}
	}

	#[test]
	fn what_is_cached_should_serve_for_a_time_that_fits_it() {
		let key = Known::Key(DeviceKey::Ed25519(ed25519::Public::from_raw([1; 32])));
		assert!(is_good(key, KEY_LIFE / 2, false));
		assert!(!is_good(key, KEY_LIFE, false));
		assert!(is_good(key, PATIENCE / 2, true));
		assert!(!is_good(key, PATIENCE, true));
		for refused in [Known::Unknown, Known::NotAdmitted, Known::Retired] {
			assert!(is_good(refused, PATIENCE / 2, false));
			assert!(!is_good(refused, PATIENCE, false));
		}
		assert!(!is_good(Known::Unavailable, Duration::ZERO, false));
	}
}
