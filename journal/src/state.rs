//! Where the conversion reads what events do not tell: the state at the end of a block.

use std::{collections::BTreeMap, ops::Bound};

use codec::DecodeAll;
use frame_support::storage::storage_prefix;
use sp_state_machine::BasicExternalities;

/// A key of the state.
pub type Key = Vec<u8>;
/// A value of the state, encoded.
pub type Value = Vec<u8>;

/// Why a block cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
	/// Events or state are not encoded as the runtime that this was built with does it.
	#[error("{what} cannot be decoded: {source}")]
	Encoding {
		/// What was to be decoded.
		what: &'static str,
		/// What is wrong with it.
		source: codec::Error,
	},
	/// The state lacks what an event speaks of.
	#[error("{0} is not there")]
	Missing(String),
	/// A journal cannot begin while a coupling of auctions is carried out: some blocks later it can.
	#[error("a coupling of auctions is being carried out; begin some blocks later")]
	Coupling,
	/// The state cannot be read.
	#[error(transparent)]
	Unreadable(Box<dyn std::error::Error + Send + Sync>),
}

/// The state at the end of a block.
pub trait State {
	/// The values of keys, in the same order.
	fn values(&self, keys: &[Key]) -> Result<Vec<Option<Value>>, Error>;

	/// All entries whose keys begin with `prefix`, in order of the keys.
	fn entries(&self, prefix: &[u8]) -> Result<Vec<(Key, Value)>, Error>;
}

/// A state held in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(pub BTreeMap<Key, Value>);

impl Snapshot {
	/// All that the externalities hold in which this is called.
	pub fn take() -> Self {
		let mut entries = BTreeMap::new();
		let mut at = Key::new();
		while let Some(key) = sp_io::storage::next_key(&at) {
			if let Some(value) = sp_io::storage::get(&key) {
				entries.insert(key.clone(), value.to_vec());
			}
			at = key;
		}
		Self(entries)
	}
}

impl State for Snapshot {
	fn values(&self, keys: &[Key]) -> Result<Vec<Option<Value>>, Error> {
		Ok(keys.iter().map(|key| self.0.get(key).cloned()).collect())
	}

	fn entries(&self, prefix: &[u8]) -> Result<Vec<(Key, Value)>, Error> {
		let from = (Bound::Included(prefix.to_vec()), Bound::Unbounded);
		let entries = self.0.range(from);
		Ok(entries
			.take_while(|(key, _)| key.starts_with(prefix))
			.map(|(key, value)| (key.clone(), value.clone()))
			.collect())
	}
}

/// Decodes all of `bytes`.
pub fn decode<V: DecodeAll>(what: &'static str, bytes: &[u8]) -> Result<V, Error> {
	V::decode_all(&mut &bytes[..]).map_err(|source| Error::Encoding { what, source })
}

/// Reads values of one kind.
pub fn read_all<V: DecodeAll>(
	state: &impl State,
	what: &'static str,
	keys: &[Key],
) -> Result<Vec<Option<V>>, Error> {
	let values = state.values(keys)?;
	values
		.into_iter()
		.map(|value| value.map(|value| decode(what, &value)).transpose())
		.collect()
}

/// Reads a value.
pub fn read<V: DecodeAll>(
	state: &impl State,
	what: &'static str,
	key: Key,
) -> Result<Option<V>, Error> {
	Ok(read_all(state, what, &[key])?.into_iter().flatten().next())
}

/// The prefix of a storage item.
pub fn prefix(pallet: &str, item: &str) -> Key {
	storage_prefix(pallet.as_bytes(), item.as_bytes()).to_vec()
}

/// Externalities that hold these storage items of a state, so that the runtime's own code can read them.
pub fn load(state: &impl State, items: &[(&str, &str)]) -> Result<BasicExternalities, Error> {
	let mut loaded = BasicExternalities::default();
	for (pallet, item) in items {
		for (key, value) in state.entries(&prefix(pallet, item))? {
			loaded.insert(key, value);
		}
	}
	Ok(loaded)
}
