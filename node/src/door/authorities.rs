//! Who may sign batches, after the best block.

use std::sync::{Arc, Mutex, PoisonError};

use codec::Decode;
use gridweave_primitives::ingest::IngestId;
use gridweave_runtime::{Hash, Runtime, VERSION};
use sc_client_api::{StorageKey, StorageProvider};
use sp_api::{CallApiAt, CallContext};
use sp_blockchain::HeaderBackend;

use super::LOG;
use crate::service::FullClient;

/// The ingest keys in their order; none if the chain's runtime has other transactions than this node knows.
pub type Keys = Option<Arc<[IngestId]>>;

/// Reads the ingest keys once per best block.
pub struct Authorities {
	client: Arc<FullClient>,
	read: Mutex<Option<(Hash, Keys)>>,
}

impl Authorities {
	/// Reads from this client's state.
	pub const fn new(client: Arc<FullClient>) -> Self {
		Self {
			client,
			read: Mutex::new(None),
		}
	}

	/// The keys after the best block; `changed` is told when they are others than before.
	pub fn keys(&self, changed: impl FnOnce(&[IngestId])) -> Keys {
		let best = self.client.info().best_hash;
		let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
		let before = match read.as_ref() {
			Some((at, keys)) if *at == best => return keys.clone(),
			Some((_, keys)) => Some(keys),
			None => None,
		};
		let keys = self.read(best);
		if before != Some(&keys) {
			match &keys {
				Some(keys) => changed(keys),
				None => log::warn!(
					target: LOG,
					"the chain's runtime is not one this node knows: batches go to the pool unseen",
				),
			}
		}
		*read = Some((best, keys.clone()));
		keys
	}

	fn read(&self, at: Hash) -> Keys {
		let version = self
			.client
			.runtime_version_at(at, CallContext::Offchain)
			.ok()?;
		// The version of transactions grows when calls are encoded in another way.
		if version.spec_name != VERSION.spec_name
			|| version.transaction_version != VERSION.transaction_version
		{
			return None;
		}
		let key = StorageKey(pallet_meter_registry::IngestKeys::<Runtime>::hashed_key().to_vec());
		let stored = self.client.storage(at, &key).ok()??;
		Vec::decode(&mut &stored.0[..]).ok().map(Into::into)
	}

	/// Ties signatures to the chain.
	pub fn genesis_hash(&self) -> Hash {
		self.client.info().genesis_hash
	}
}
