//! A client over a database on disk, without a network: builds blocks and imports them as a node does.

use std::{path::Path, sync::Arc};

use anyhow::{anyhow, Context, Result};
use codec::Encode;
use gridweave_runtime::{opaque::Block, Hash, RuntimeApi, RuntimeCall, BLOCK_SECONDS};
use sc_block_builder::BlockBuilderBuilder;
use sc_client_api::{execution_extensions::ExecutionExtensions, Finalizer, HeaderBackend};
use sc_client_db::{BlocksPruning, DatabaseSettings, DatabaseSource, PruningMode};
use sc_consensus::{BlockImport, BlockImportParams, ForkChoiceStrategy, ImportResult, StateAction};
use sc_executor::WasmExecutor;
use sc_service::{
	client::ClientConfig, config::ExecutorConfiguration, GenesisBlockBuilder, TaskManager,
};
use sp_blockchain::{ApplyExtrinsicFailed, Error as ChainError};
use sp_consensus::BlockOrigin;
use sp_consensus_aura::AURA_ENGINE_ID;
use sp_core::traits::SpawnNamed;
use sp_runtime::{
	generic::{Digest, DigestItem},
	traits::Block as _,
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	OpaqueExtrinsic,
};
use sp_storage::Storage;

use crate::stopwatch::{Stopwatch, Took};

type Executor = WasmExecutor<sp_io::SubstrateHostFunctions>;
type Client = sc_service::TFullClient<Block, RuntimeApi, Executor>;

/// What a node gives its trie cache by default.
const TRIE_CACHE: usize = 1024 * 1024 * 1024;

/// As an authority of the network keeps it.
const STATE_PRUNING: u32 = 256;

/// A chain on disk.
pub struct Chain {
	client: Arc<Client>,
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
			backend,
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
		})
	}

	/// Hash of the first block.
	pub fn genesis_hash(&self) -> Hash {
		self.client.info().genesis_hash
	}

	/// Builds a block on the best one, of the slot that `time` (Unix seconds) lies in, with as many of the
	/// `calls` as fit; also how many that were.
	pub fn build(
		&self,
		time: u64,
		calls: impl IntoIterator<Item = OpaqueExtrinsic>,
	) -> Result<(Block, usize)> {
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
		let mut taken = 0;
		for call in calls {
			match builder.push(call) {
				Ok(()) => taken += 1,
				Err(ChainError::ApplyExtrinsicFailed(ApplyExtrinsicFailed::Validity(
					TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources),
				))) => break,
				Err(error) => return Err(error).context("a transaction is refused"),
			}
		}
		Ok((builder.build()?.block, taken))
	}

	/// Imports a block as one that came from the network: executes it, compares the root, writes the
	/// state. What it took. Then finalises it, for what is not final is kept in memory, too.
	pub fn import(&self, block: Block) -> Result<Took> {
		let (header, body) = block.deconstruct();
		let mut params = BlockImportParams::new(BlockOrigin::NetworkBroadcast, header);
		params.body = Some(body);
		params.fork_choice = Some(ForkChoiceStrategy::LongestChain);
		params.state_action = StateAction::Execute;
		let stopwatch = Stopwatch::start();
		let result = futures::executor::block_on(self.client.import_block(params))?;
		let took = stopwatch.read();
		match result {
			ImportResult::Imported(_) => {
				self.client
					.finalize_block(self.client.info().best_hash, None, true)?;
				Ok(took)
			}
			other => Err(anyhow!("the block is not imported: {other:?}")),
		}
	}
}

/// A transaction as blocks carry it.
pub fn opaque(transaction: gridweave_runtime::UncheckedExtrinsic) -> Result<OpaqueExtrinsic> {
	OpaqueExtrinsic::try_from_encoded_extrinsic(&transaction.encode())
		.context("a transaction encodes")
}
