//! How blocks use storage: what their execution reads and writes, and what that alone takes.

use std::{
	any::{Any, TypeId},
	hint::black_box,
};

use anyhow::{anyhow, ensure, Result};
use codec::{Decode, Encode};
use gridweave_runtime::{opaque::Block, Executive, Hash, UncheckedExtrinsic, VERSION};
use sp_api::StorageChanges;
use sp_externalities::{
	set_and_run_with_externalities, Error, Extension, ExtensionStore, Externalities,
	MultiRemovalResults,
};
use sp_runtime::traits::Block as _;
use sp_state_machine::{Ext, OverlayedChanges};
use sp_storage::{ChildInfo, StateVersion, TrackedStorageKey};

use crate::chain::Chain;

/// One use of storage.
pub enum Access {
	/// Reads the value of a key.
	Read(Vec<u8>),
	/// Looks whether a key has a value.
	Exists(Vec<u8>),
	/// Looks for the key behind one.
	Next(Vec<u8>),
	/// Writes a value, or removes it.
	Write(Vec<u8>, Option<Vec<u8>>),
	/// Appends to a list.
	Append(Vec<u8>, Vec<u8>),
	/// Removes the keys of a prefix.
	Clear(Vec<u8>, Option<u32>),
}

impl Access {
	/// Whether it changes the state.
	pub fn writes(&self) -> bool {
		matches!(self, Self::Write(..) | Self::Append(..) | Self::Clear(..))
	}
}

/// What the execution of a block of `chain` does to storage, from its first access to its last.
pub fn record(chain: &Chain, block: &Block) -> Result<Vec<Access>> {
	let (header, body) = block.clone().deconstruct();
	let transactions = body
		.iter()
		.map(|transaction| UncheckedExtrinsic::decode(&mut transaction.encode().as_slice()))
		.collect::<Result<Vec<_>, _>>()?;
	let state = chain.state(header.parent_hash)?;
	let mut overlay = OverlayedChanges::default();
	let mut ext = Ext::new(&mut overlay, &state, None);
	let mut recorder = Recorder {
		inner: &mut ext,
		accesses: Vec::new(),
	};
	let made = set_and_run_with_externalities(&mut recorder, || {
		Executive::initialize_block(&header);
		for transaction in transactions {
			Executive::apply_extrinsic(transaction)
				.map_err(|error| anyhow!("a transaction is refused: {error:?}"))?
				.map_err(|error| anyhow!("a transaction fails: {error:?}"))?;
		}
		anyhow::Ok(Executive::finalize_block())
	})?;
	ensure!(
		made.state_root == header.state_root,
		"executed natively, the block leads elsewhere"
	);
	Ok(recorder.accesses)
}

/// Does to the state after `parent` what was recorded, and computes the changes and the root that come of it.
pub fn replay(chain: &Chain, parent: Hash, accesses: Vec<Access>) -> Result<StorageChanges<Block>> {
	let state = chain.state(parent)?;
	let mut overlay = OverlayedChanges::default();
	let mut ext = Ext::new(&mut overlay, &state, None);
	for access in accesses {
		match access {
			Access::Read(key) => {
				black_box(ext.storage(&key));
			}
			Access::Exists(key) => {
				black_box(ext.exists_storage(&key));
			}
			Access::Next(key) => {
				black_box(ext.next_storage_key(&key));
			}
			Access::Write(key, value) => ext.place_storage(key, value),
			Access::Append(key, value) => ext.storage_append(key, value),
			Access::Clear(prefix, limit) => {
				black_box(ext.clear_prefix(&prefix, limit, None).unique);
			}
		}
	}
	overlay
		.drain_storage_changes(&state, VERSION.state_version())
		.map_err(|error| anyhow!("the changes cannot be told: {error}"))
}

/// Passes everything on, and notes how the state is used. No pallet here has a child trie.
struct Recorder<'a> {
	inner: &'a mut dyn Externalities,
	accesses: Vec<Access>,
}

/// Methods that are passed on unnoticed.
macro_rules! pass_on {
	($(fn $name:ident(&mut $self:ident $(, $arg:ident: $kind:ty)*) $(-> $result:ty)?;)*) => {
		$(fn $name(&mut $self $(, $arg: $kind)*) $(-> $result)? {
			$self.inner.$name($($arg),*)
		})*
	};
}

impl ExtensionStore for Recorder<'_> {
	pass_on! {
		fn extension_by_type_id(&mut self, id: TypeId) -> Option<&mut dyn Any>;
		fn register_extension_with_type_id(
			&mut self,
			id: TypeId,
			extension: Box<dyn Extension>
		) -> Result<(), Error>;
		fn deregister_extension_by_type_id(&mut self, id: TypeId) -> Result<(), Error>;
	}
}

impl Externalities for Recorder<'_> {
	fn storage(&mut self, key: &[u8]) -> Option<Vec<u8>> {
		self.accesses.push(Access::Read(key.to_vec()));
		self.inner.storage(key)
	}

	fn storage_hash(&mut self, key: &[u8]) -> Option<Vec<u8>> {
		self.accesses.push(Access::Read(key.to_vec()));
		self.inner.storage_hash(key)
	}

	fn exists_storage(&mut self, key: &[u8]) -> bool {
		self.accesses.push(Access::Exists(key.to_vec()));
		self.inner.exists_storage(key)
	}

	fn next_storage_key(&mut self, key: &[u8]) -> Option<Vec<u8>> {
		self.accesses.push(Access::Next(key.to_vec()));
		self.inner.next_storage_key(key)
	}

	fn place_storage(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
		self.accesses
			.push(Access::Write(key.clone(), value.clone()));
		self.inner.place_storage(key, value)
	}

	fn storage_append(&mut self, key: Vec<u8>, value: Vec<u8>) {
		self.accesses
			.push(Access::Append(key.clone(), value.clone()));
		self.inner.storage_append(key, value)
	}

	fn clear_prefix(
		&mut self,
		prefix: &[u8],
		limit: Option<u32>,
		cursor: Option<&[u8]>,
	) -> MultiRemovalResults {
		self.accesses.push(Access::Clear(prefix.to_vec(), limit));
		self.inner.clear_prefix(prefix, limit, cursor)
	}

	pass_on! {
		fn set_offchain_storage(&mut self, key: &[u8], value: Option<&[u8]>);
		fn child_storage_hash(&mut self, child: &ChildInfo, key: &[u8]) -> Option<Vec<u8>>;
		fn child_storage(&mut self, child: &ChildInfo, key: &[u8]) -> Option<Vec<u8>>;
		fn next_child_storage_key(&mut self, child: &ChildInfo, key: &[u8]) -> Option<Vec<u8>>;
		fn kill_child_storage(
			&mut self,
			child: &ChildInfo,
			limit: Option<u32>,
			cursor: Option<&[u8]>
		) -> MultiRemovalResults;
		fn clear_child_prefix(
			&mut self,
			child: &ChildInfo,
			prefix: &[u8],
			limit: Option<u32>,
			cursor: Option<&[u8]>
		) -> MultiRemovalResults;
		fn place_child_storage(&mut self, child: &ChildInfo, key: Vec<u8>, value: Option<Vec<u8>>);
		fn storage_root(&mut self, version: StateVersion) -> Vec<u8>;
		fn child_storage_root(&mut self, child: &ChildInfo, version: StateVersion) -> Vec<u8>;
		fn storage_start_transaction(&mut self);
		fn storage_rollback_transaction(&mut self) -> Result<(), ()>;
		fn storage_commit_transaction(&mut self) -> Result<(), ()>;
		fn wipe(&mut self);
		fn commit(&mut self);
		fn reset_read_write_count(&mut self);
		fn set_whitelist(&mut self, keys: Vec<TrackedStorageKey>);
	}

	fn read_write_count(&self) -> (u32, u32, u32, u32) {
		self.inner.read_write_count()
	}

	fn get_whitelist(&self) -> Vec<TrackedStorageKey> {
		self.inner.get_whitelist()
	}

	fn get_read_and_written_keys(&self) -> Vec<(Vec<u8>, u32, u32, bool)> {
		self.inner.get_read_and_written_keys()
	}
}
