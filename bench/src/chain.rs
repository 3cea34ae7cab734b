//! A client over a database on disk, without a network: builds blocks and imports them as a node does.

use std::{path::Path, sync::Arc};

use anyhow::{anyhow, Context, Result};
use codec::Encode;
use gridweave_runtime::{opaque::Block, Hash, RuntimeApi, RuntimeCall, BLOCK_SECONDS};
use sc_block_builder::BlockBuilderBuilder;
use sc_client_api::{
	execution_extensions::ExecutionExtensions, Backend as _, Finalizer, HeaderBackend,
	TrieCacheContext,
};
use sc_client_db::{BlocksPruning, DatabaseSettings, DatabaseSource, PruningMode};
use sc_consensus::{
	BlockImport, BlockImportParams, ForkChoiceStrategy, ImportResult, StateAction,
	StorageChanges as Changes,
};
use sc_executor::WasmExecutor;
use sc_service::{
	client::ClientConfig, config::ExecutorConfiguration, GenesisBlockBuilder, TFullBackend,
	TFullClient, TaskManager,
};
use sp_api::StorageChanges;
use sp_blockchain::{ApplyExtrinsicFailed, Error as ChainError};
use sp_consensus::BlockOrigin;
use sp_consensus_aura::AURA_ENGINE_ID;
use sp_core::traits::SpawnNamed;
use sp_externalities::set_and_run_with_externalities;
use sp_runtime::{
	generic::{Digest, DigestItem},
	traits::Block as _,
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	OpaqueExtrinsic,
};
use sp_state_machine::{Ext, OverlayedChanges};
use sp_storage::Storage;

use crate::stopwatch::{rest, Stopwatch, Took};

type Executor = WasmExecutor<sp_io::SubstrateHostFunctions>;
type Client = TFullClient<Block, RuntimeApi, Executor>;
type Backend = TFullBackend<Block>;

/// The state of a block.
pub type State = <Backend as sc_client_api::Backend<Block>>::State;

/// What a node gives its trie cache by default.
const TRIE_CACHE: usize = 1024 * 1024 * 1024;

/// As an authority of the network keeps it.
const STATE_PRUNING: u32 = 256;

/// A chain on disk.
pub struct Chain {
	client: Arc<Client>,
	backend: Arc<Backend>,
}

/// A block that was made.
pub struct Made {
	/// The block.
	pub block: Block,
	/// What each of its transactions, the one that sets the time apart, took to be executed on those before.
	pub took: Vec<Took>,
}

impl Chain {
	/// Opens the chain in `folder`. `genesis` is written to disk if there is none yet.
	pub fn open(folder: &Path, genesis: Storage, tasks: &TaskManager) -> Result<Self> {
		// As a node's, with its defaults.
		let executor: Executor = sc_service::new_wasm_executor(&ExecutorConfiguration::default());
		let backend = sc_service::new_db_backend::<Block>(DatabaseSettings {
			trie_cache_maximum_size: Some(TRIE_CACHE),
			state_pruning: Some(PruningMode::blocks_pruning(STATE_PRUNING)),
			source: DatabaseSource::ParityDb {
				path: folder.to_owned(),
			},
			blocks_pruning: BlocksPruning::KeepFinalized,
			pruning_filters: Vec::new(),
			metrics_registry: None,
		})?;
		let builder = GenesisBlockBuilder::new_with_storage(
			genesis,
			true,
			backend.clone(),
			executor.clone(),
		)?;
		let spawner: Box<dyn SpawnNamed> = Box::new(tasks.spawn_handle());
		let client = sc_service::new_client(
			backend.clone(),
			executor.clone(),
			builder,
			None,
			None,
			ExecutionExtensions::new(None, Arc::new(executor)),
			spawner,
			None,
			None,
			ClientConfig::default(),
		)?;
		Ok(Self {
			client: Arc::new(client),
			backend,
		})
	}

	/// Hash of the first block.
	pub fn genesis_hash(&self) -> Hash {
		self.client.info().genesis_hash
	}

	/// Makes the next block, of the slot that `time` (Unix seconds) lies in, with as many of the `calls` as
	/// fit, and takes it over without executing it again.
	pub fn extend(
		&self,
		time: u64,
		calls: impl IntoIterator<Item = OpaqueExtrinsic>,
	) -> Result<Made> {
		let slot = time / u64::from(BLOCK_SECONDS);
		let mut builder = BlockBuilderBuilder::new(&*self.client)
			.on_parent_block(self.client.info().best_hash)
			.with_parent_block_number(self.client.info().best_number)
			.with_inherent_digests(Digest {
				logs: vec![DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode())],
			})
			.build()?;
		builder.push(opaque(gridweave_runtime::UncheckedExtrinsic::new_bare(
			RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: time * 1_000 }),
		))?)?;
		let mut took = Vec::new();
		for call in calls {
			let stopwatch = Stopwatch::start();
			let pushed = builder.push(call);
			let spent = stopwatch.read();
			match pushed {
				Ok(()) => took.push(spent),
				Err(ChainError::ApplyExtrinsicFailed(ApplyExtrinsicFailed::Validity(
					TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources),
				))) => break,
				Err(error) => return Err(error).context("a transaction is refused"),
			}
		}
		let built = builder.build()?;
		self.adopt(built.block.clone(), built.storage_changes)?;
		Ok(Made {
			block: built.block,
			took,
		})
	}

	/// Imports a block as one that came from the network: executes it, compares the root, writes the
	/// state. What it took, until the database has nothing left to do. Then finalises it, for what is not final
	/// is kept in memory, too.
	pub fn import(&self, block: Block) -> Result<Took> {
		self.take(block, StateAction::Execute)
	}

	/// Imports a block whose changes of the state are known: writes them. What it took.
	pub fn adopt(&self, block: Block, changes: StorageChanges<Block>) -> Result<Took> {
		self.take(block, StateAction::ApplyChanges(Changes::Changes(changes)))
	}

	fn take(&self, block: Block, action: StateAction<Block>) -> Result<Took> {
		let (header, body) = block.deconstruct();
		let mut params = BlockImportParams::new(BlockOrigin::NetworkBroadcast, header);
		params.body = Some(body);
		params.fork_choice = Some(ForkChoiceStrategy::LongestChain);
		params.state_action = action;
		let stopwatch = Stopwatch::start();
		let result = futures::executor::block_on(self.client.import_block(params))?;
		let took = stopwatch.read_at_rest();
		match result {
			ImportResult::Imported(_) => {
				self.client
					.finalize_block(self.client.info().best_hash, None, true)?;
				rest();
				Ok(took)
			}
			other => Err(anyhow!("the block is not imported: {other:?}")),
		}
	}

	/// The state after a block, as those see it who execute the next one.
	pub fn state(&self, block: Hash) -> Result<State> {
		Ok(self.backend.state_at(block, TrieCacheContext::Trusted)?)
	}

	/// Looks at the state of the best block.
	pub fn look<R>(&self, look: impl FnOnce() -> R) -> Result<R> {
		let state = self.state(self.client.info().best_hash)?;
		let mut overlay = OverlayedChanges::default();
		let mut ext = Ext::new(&mut overlay, &state, None);
		Ok(set_and_run_with_externalities(&mut ext, look))
	}
}

/// A transaction as blocks carry it.
pub fn opaque(transaction: gridweave_runtime::UncheckedExtrinsic) -> Result<OpaqueExtrinsic> {
	OpaqueExtrinsic::try_from_encoded_extrinsic(&transaction.encode())
		.context("a transaction encodes")
}
