//! What is asked of a node, and how it is asked over RPC.

mod commands;
mod openadr;

use std::sync::Arc;

use anyhow::{Context, Result};
use codec::{Decode, Encode};
use futures::{future::BoxFuture, FutureExt};
use gridweave_primitives::{device::DeviceKey, MeterId};
use sp_core::{ecdsa, ed25519, sr25519, H256};
use subxt::{
	backend::LegacyBackend,
	client::{ClientAtBlock, OnlineClientAtBlockImpl},
	config::{substrate::SubstrateConfig, RpcConfigFor},
	ext::{frame_decode::storage::encode_storage_key_prefix, scale_decode::DecodeAsType},
	rpcs::{client::RpcSubscription, methods::legacy::LegacyRpcMethods, RpcClient},
	OnlineClient,
};
use tokio::sync::Mutex;

pub use self::commands::CommandPage;
use super::{
	commands::plan::Mark,
	keys::{Key, Known},
	openadr::{
		facts::{Facts, Report},
		Scope,
	},
	store::{Block, Finalised},
};

/// The chain's time and how far ahead of it readings may lie, at the best block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainClock {
	/// Unix seconds.
	pub now: u64,
	/// Length of a settlement period, in seconds.
	pub period: u32,
}

/// Makes connections.
pub trait Connect: Send + Sync + 'static {
	/// A new connection to the node.
	fn connect(&self) -> BoxFuture<'_, Result<Arc<dyn Node>>>;
}

/// A connection to a node.
pub trait Node: Send + Sync + 'static {
	/// Hash of its chain's first block.
	fn genesis(&self) -> H256;

	/// The last finalised block.
	fn finalised(&self) -> BoxFuture<'_, Result<Block>>;

	/// Waits for a block to be finalised.
	fn next_finalised(&self) -> BoxFuture<'_, Result<()>>;

	/// Hash of the block of this number, if the node has it.
	fn hash_of(&self, number: u64) -> BoxFuture<'_, Result<Option<H256>>>;

	/// How far meters are in the state of block `at`, ascending from `from`: none if there are no further.
	fn progress(&self, at: H256, from: MeterId) -> BoxFuture<'_, Result<Vec<Finalised>>>;

	/// What is known of these meters at the best block; [`Known::Unavailable`] of those it cannot tell about.
	fn meters(&self, meters: Vec<MeterId>) -> BoxFuture<'_, Result<Vec<(MeterId, Known)>>>;

	/// Of block `at` what tells whether commands were given.
	fn mark(&self, at: H256) -> BoxFuture<'_, Result<Mark>>;

	/// The commands on these pages of meters in the state of block `at`; pages that cannot be read are left out.
	fn commands(&self, at: H256, pages: Vec<u32>)
		-> BoxFuture<'_, Result<Vec<(u32, CommandPage)>>>;

	/// Programmes, events and expected prices of these communities in the state of block `at`.
	fn flexibility<'a>(&'a self, at: H256, scope: &'a Scope) -> BoxFuture<'a, Result<Facts>>;

	/// Reports of an event from a resource on in the state of block `at`, in the order of resources, at most `most`.
	fn reports(
		&self,
		at: H256,
		event: u32,
		from: u32,
		most: u32,
	) -> BoxFuture<'_, Result<Vec<(u32, Report)>>>;

	/// The clock at the best block.
	fn clock(&self) -> BoxFuture<'_, Result<ChainClock>>;
}

/// Most meters per answer for progress; a node may answer with fewer.
const PROGRESS: u32 = 2_000;

type Rpc = LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>;
type Header = <RpcConfigFor<SubstrateConfig> as subxt::rpcs::RpcConfig>::Header;
type AtBlock = ClientAtBlock<SubstrateConfig, OnlineClientAtBlockImpl<SubstrateConfig>>;

/// A node's URL.
pub struct RpcUrl(pub String);

impl Connect for RpcUrl {
	fn connect(&self) -> BoxFuture<'_, Result<Arc<dyn Node>>> {
		async {
			let rpc = RpcClient::from_insecure_url(&self.0).await?;
			let backend = Arc::new(LegacyBackend::builder().build(rpc.clone()));
			let client = OnlineClient::from_backend(backend).await?;
			let rpc = Rpc::new(rpc);
			let heads = rpc.chain_subscribe_finalized_heads().await?;
			let node: Arc<dyn Node> = Arc::new(RpcNode {
				client,
				rpc,
				heads: Mutex::new(heads),
			});
			Ok(node)
		}
		.boxed()
	}
}

struct RpcNode {
	client: OnlineClient<SubstrateConfig>,
	rpc: Rpc,
	heads: Mutex<RpcSubscription<Header>>,
}

impl RpcNode {
	/// The best block: a meter may deliver as soon as it is admitted, and a wrong guess costs nothing, for
	/// the chain checks again.
	async fn best(&self) -> Result<AtBlock> {
		let best = self.rpc.chain_get_block_hash(None).await?;
		Ok(self.client.at_block(best.context("no best block")?).await?)
	}

	/// The values under these keys, by one question.
	async fn values(&self, at: &AtBlock, keys: &[Vec<u8>]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
		let keys = keys.iter().map(Vec::as_slice);
		let sets = self.rpc.state_query_storage_at(keys, Some(at.block_hash()));
		let changes = sets.await?.into_iter().flat_map(|set| set.changes);
		let values = changes.filter_map(|(key, value)| Some((key.0, value?.0)));
		Ok(values.collect())
	}
}

impl Node for RpcNode {
	fn genesis(&self) -> H256 {
		self.client.genesis_hash()
	}

	fn finalised(&self) -> BoxFuture<'_, Result<Block>> {
		async {
			let hash = self.rpc.chain_get_finalized_head().await?;
			let header = self.rpc.chain_get_header(Some(hash)).await?;
			let header = header.context("the finalised block has no header")?;
			Ok(Block {
				number: header.number,
				hash,
			})
		}
		.boxed()
	}

	fn next_finalised(&self) -> BoxFuture<'_, Result<()>> {
		async {
			let head = self.heads.lock().await.next().await;
			head.context("the node ended the subscription")??;
			Ok(())
		}
		.boxed()
	}

	fn hash_of(&self, number: u64) -> BoxFuture<'_, Result<Option<H256>>> {
		async move { Ok(self.rpc.chain_get_block_hash(Some(number.into())).await?) }.boxed()
	}

	fn progress(&self, at: H256, from: MeterId) -> BoxFuture<'_, Result<Vec<Finalised>>> {
		async move {
			let params = (from.0, PROGRESS).encode();
			let function = "MeterRegistryApi_progress";
			let answer = self
				.rpc
				.state_call(function, Some(&params), Some(at))
				.await?;
			let progress = Vec::<(u32, u64, u64)>::decode(&mut &answer[..])
				.with_context(|| format!("the node's answer to {function}"))?;
			let finalised = |(meter, sequence, accepted)| Finalised {
				meter: MeterId(meter),
				sequence,
				accepted,
			};
			Ok(progress.into_iter().map(finalised).collect())
		}
		.boxed()
	}

	fn meters(&self, meters: Vec<MeterId>) -> BoxFuture<'_, Result<Vec<(MeterId, Known)>>> {
		async move {
			let at = self.best().await?;
			let block = at.block_number();
			let (prefix, value_type) = entry(&at, "MeterRegistry", "Meters")?;
			// The map's keys are big-endian and not hashed, so that neighbours are neighbours.
			let key = |meter: &MeterId| [&prefix[..], &meter.0.to_be_bytes()].concat();
			let keys: Vec<Vec<u8>> = meters.iter().map(key).collect();
			let values = self.values(&at, &keys).await?;
			let values: std::collections::HashMap<_, _> = values.into_iter().collect();
			let types = at.metadata_ref().types();
			let known = |key| {
				let Some(value) = values.get(key) else {
					return Known::Unknown;
				};
				Registration::decode_as_type(&mut &value[..], value_type, types)
					.map_or(Known::Unavailable, |registration| registration.known(block))
			};
			let known: Vec<Known> = keys.iter().map(known).collect();
			Ok(meters.into_iter().zip(known).collect())
		}
		.boxed()
	}

	fn mark(&self, at: H256) -> BoxFuture<'_, Result<Mark>> {
		self.read_mark(at).boxed()
	}

	fn commands(
		&self,
		at: H256,
		pages: Vec<u32>,
	) -> BoxFuture<'_, Result<Vec<(u32, CommandPage)>>> {
		self.read_commands(at, pages).boxed()
	}

	fn flexibility<'a>(&'a self, at: H256, scope: &'a Scope) -> BoxFuture<'a, Result<Facts>> {
		self.read_flexibility(at, scope).boxed()
	}

	fn reports(
		&self,
		at: H256,
		event: u32,
		from: u32,
		most: u32,
	) -> BoxFuture<'_, Result<Vec<(u32, Report)>>> {
		self.read_reports(at, event, from, most).boxed()
	}

	fn clock(&self) -> BoxFuture<'_, Result<ChainClock>> {
		async {
			let at = self.best().await?;
			let (now, _) = entry(&at, "Timestamp", "Now")?;
			let (clock, clock_type) = entry(&at, "Microgrids", "Clock")?;
			let values = self.values(&at, &[now.clone(), clock.clone()]).await?;
			let value = |key: &[u8]| {
				let found = values.iter().find(|(found, _)| found == key);
				found.map(|(_, value)| value.as_slice())
			};
			let ms = u64::decode(&mut value(&now).context("the chain has no time")?)?;
			let clock = &mut value(&clock).context("the chain has no clock")?;
			let clock = Clock::decode_as_type(clock, clock_type, at.metadata_ref().types())?;
			Ok(ChainClock {
				now: ms / 1_000,
				period: clock.period_length,
			})
		}
		.boxed()
	}
}

/// Where a storage entry lies, and the type of its values.
fn entry(at: &AtBlock, pallet: &str, entry: &str) -> Result<(Vec<u8>, u32)> {
	let value_type = at
		.metadata_ref()
		.pallet_by_name(pallet)
		.and_then(|pallet| pallet.storage()?.entry_by_name(entry))
		.with_context(|| format!("the chain has no {pallet}.{entry}"))?
		.value_ty();
	let prefix = encode_storage_key_prefix(pallet, entry);
	Ok((prefix.to_vec(), value_type))
}

/// Of the chain's clock what the gateway needs.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Clock {
	period_length: u32,
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

impl Registration {
	/// What it says of the meter, in the state of block number `block`.
	fn known(self, block: u64) -> Known {
		let device = match self.key {
			RegisteredKey::Ed25519(key) => DeviceKey::Ed25519(ed25519::Public::from_raw(key)),
			RegisteredKey::Sr25519(key) => DeviceKey::Sr25519(sr25519::Public::from_raw(key)),
			RegisteredKey::Secp256k1(key) => DeviceKey::Secp256k1(ecdsa::Public::from_raw(key)),
		};
		match self.state {
			RegisteredState::Registered => Known::NotAdmitted,
			RegisteredState::Retired => Known::Retired,
			RegisteredState::Admitted | RegisteredState::Active => {
				Known::Key(Key { device, block })
			}
		}
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

	fn known(device: DeviceKey, state: MeterState) -> Known {
		let mut registry = Registry::new();
		let id = registry.register_type(&MetaType::new::<Meter>()).id;
		let registry = PortableRegistry::from(registry);
		let kind = MeterKind::Prosumer;
		let meter = Meter {
			owner: [1; 32],
			kind,
			key: device,
			deposit: 7,
			state,
			admitted_at: 9,
		};
		Registration::decode_as_type(&mut &meter.encode()[..], id, &registry)
			.unwrap()
			.known(5)
	}

	#[test]
	fn a_registration_should_be_read_by_the_chain_s_own_types() {
		let keys = [
			DeviceKey::Ed25519(ed25519::Public::from_raw([1; 32])),
			DeviceKey::Sr25519(sr25519::Public::from_raw([2; 32])),
			DeviceKey::Secp256k1(ecdsa::Public::from_raw([3; 33])),
		];
		for device in keys {
			let key = Known::Key(Key { device, block: 5 });
			assert_eq!(known(device, MeterState::Registered), Known::NotAdmitted);
			assert_eq!(known(device, MeterState::Admitted), key);
			assert_eq!(known(device, MeterState::Active), key);
			assert_eq!(known(device, MeterState::Retired), Known::Retired);
		}
	}

	#[test]
	fn the_clock_should_be_read_by_the_chain_s_own_types() {
		let mut registry = Registry::new();
		let id = registry
			.register_type(&MetaType::new::<gridweave_primitives::PeriodClock>())
			.id;
		let registry = PortableRegistry::from(registry);
		let clock = gridweave_primitives::PeriodClock::default().encode();
		let clock = Clock::decode_as_type(&mut &clock[..], id, &registry).unwrap();
		assert_eq!(clock.period_length, 900);
	}
}
