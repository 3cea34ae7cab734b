//! With a real client at its first block, and a real pool, in which the runtime checks what the door lets in.

use std::sync::LazyLock;

use codec::Encode;
use futures::executor::block_on;
use gridweave_primitives::{
	device::DeviceSignature,
	ingest::IngestPair,
	reading::{Reading, SignedReading},
	MeterId, WattHours,
};
use gridweave_runtime::{
	genesis, tx_extension, Header, RuntimeApi, RuntimeGenesisConfig, SignedPayload, VERSION,
	WASM_BINARY,
};
use sc_client_api::{
	backend::{Backend, BlockImportOperation, NewBlockState, StateBackend, TrieCacheContext},
	UsageProvider,
};
use sc_executor::WasmExecutor;
use sp_core::{
	storage::{well_known_keys, StateVersion, Storage},
	testing::TaskExecutor,
	Pair,
};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{generic::Era, traits::Header as _, BuildStorage, MultiAddress, MultiSignature};

use super::*;

const EXTERNAL: TransactionSource = TransactionSource::External;

/// A door and the pool behind it.
struct House {
	door: Door,
	pool: Arc<FullPool>,
	backend: Arc<sc_service::TFullBackend<Block>>,
	genesis: Hash,
	/// Of the database: removed with it.
	_folder: tempfile::TempDir,
}

/// The development chain's, built natively: half as long as by its own runtime.
fn first_state() -> Storage {
	let preset = genesis::preset(&sp_genesis_builder::DEV_RUNTIME_PRESET.into()).expect("a preset");
	let patch = serde_json::from_slice(&preset).expect("JSON");
	let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("JSON");
	sc_chain_spec::json_patch::merge(&mut config, patch);
	let config: RuntimeGenesisConfig = serde_json::from_value(config).expect("a state");
	let mut storage = config.build_storage().expect("a state");
	let code = WASM_BINARY.expect("a runtime").to_vec();
	storage.top.insert(well_known_keys::CODE.to_vec(), code);
	storage
}

fn house() -> House {
	static EXECUTOR: LazyLock<WasmExecutor> = LazyLock::new(|| WasmExecutor::builder().build());
	let executor = EXECUTOR.clone();
	let folder = tempfile::tempdir().expect("a folder");
	let backend = sc_service::new_db_backend(sc_client_db::DatabaseSettings {
		trie_cache_maximum_size: None,
		state_pruning: None,
		source: sc_client_db::DatabaseSource::ParityDb {
			path: folder.path().into(),
		},
		blocks_pruning: sc_client_db::BlocksPruning::KeepAll,
		pruning_filters: Vec::new(),
		metrics_registry: None,
	})
	.expect("a database");
	let first = sc_service::GenesisBlockBuilder::new(
		&first_state(),
		true,
		backend.clone(),
		executor.clone(),
	)
	.expect("a first block");
	let tasks = TaskExecutor::new();
	let client = sc_service::client::new_with_backend::<_, _, Block, _, RuntimeApi>(
		backend.clone(),
		executor,
		first,
		Box::new(tasks.clone()),
		None,
		None,
		Default::default(),
	)
	.expect("a client");
	let client: Arc<FullClient> = Arc::new(client);
	let pool =
		Arc::new(sc_transaction_pool::Builder::new(tasks, client.clone(), true.into()).build());
	let genesis = client.usage_info().chain.genesis_hash;
	// The pool checks nothing before it has seen a block.
	block_on(pool.maintain(ChainEvent::NewBestBlock {
		hash: genesis,
		tree_route: None,
	}));
	let registry = Registry::new();
	House {
		door: Door::new(pool.clone(), client, Some(&registry)).expect("a new metric"),
		pool,
		backend,
		genesis,
		_folder: folder,
	}
}

impl House {
	fn submit(&self, xt: OpaqueExtrinsic) -> Result<Hash, PoolError> {
		block_on(self.door.submit_one(self.genesis, EXTERNAL, xt)).map_err(of_pool)
	}

	fn refusal(&self, xt: OpaqueExtrinsic) -> String {
		self.submit(xt).expect_err("it is refused").to_string()
	}

	fn refused(&self, by: &str) -> u64 {
		let refused = self.door.refused.as_ref().expect("a registry");
		refused.with_label_values(&[by]).get()
	}

	fn sign(&self, pair: &IngestPair, batch: &ReadingBatch) -> IngestSignature {
		pair.sign(&batch.digest(&self.genesis))
	}

	/// A new best block, after which these are the ingest keys.
	fn change_authorities(&self, keys: &[IngestId]) {
		let key = pallet_meter_registry::IngestKeys::<Runtime>::hashed_key().to_vec();
		let value = keys.encode();
		let state = self
			.backend
			.state_at(self.genesis, TrieCacheContext::Untrusted)
			.expect("a state");
		let change = [(&key[..], Some(&value[..]))];
		let (root, nodes) = state.storage_root(change.into_iter(), StateVersion::V1);
		let mut block = self.backend.begin_operation().expect("an operation");
		self.backend
			.begin_state_operation(&mut block, self.genesis)
			.expect("its state");
		block.update_db_storage(nodes).expect("new nodes");
		block
			.update_storage(vec![(key, Some(value))], Vec::new())
			.expect("a new value");
		let header = Header::new(
			1,
			Default::default(),
			root,
			self.genesis,
			Default::default(),
		);
		block
			.set_block_data(
				header,
				Some(Vec::new()),
				None,
				None,
				NewBlockState::Best,
				true,
			)
			.expect("a block");
		self.backend.commit_operation(block).expect("a best block");
	}

	/// What a rogue authority signs: nothing at all.
	fn rogue(&self, salt: u32) -> OpaqueExtrinsic {
		let batch = batch(salt, Vec::new());
		let signature = self.sign(&alice(), &batch);
		wrapped(batch, signature, 0)
	}

	fn transfer(&self) -> OpaqueExtrinsic {
		let call = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
			dest: MultiAddress::Id(Sr25519Keyring::Bob.to_account_id()),
			value: gridweave_runtime::GRID,
		});
		let extension = tx_extension(Era::Immortal, 0, 0);
		let (spec, version) = (VERSION.spec_version, VERSION.transaction_version);
		let implicit = (
			(),
			(),
			spec,
			version,
			self.genesis,
			self.genesis,
			(),
			(),
			(),
			None,
			(),
		);
		let payload = SignedPayload::from_raw(call.clone(), extension.clone(), implicit);
		let signature = payload.using_encoded(|bytes| Sr25519Keyring::Alice.sign(bytes));
		opaque(UncheckedExtrinsic::new_signed(
			call,
			MultiAddress::Id(Sr25519Keyring::Alice.to_account_id()),
			MultiSignature::Sr25519(signature),
			extension,
		))
	}
}

fn opaque(transaction: UncheckedExtrinsic) -> OpaqueExtrinsic {
	OpaqueExtrinsic::try_from_encoded_extrinsic(&transaction.encode()).expect("bytes")
}

/// The only authority of the development chain.
fn alice() -> IngestPair {
	IngestPair::from_string("//Alice", None).expect("a well-known key")
}

fn bob() -> IngestPair {
	IngestPair::from_string("//Bob", None).expect("a well-known key")
}

fn alice_name() -> String {
	name(&alice().public())
}

/// A reading of a meter there is not, with a signature that is none.
fn reading() -> SignedReading {
	SignedReading {
		reading: Reading {
			meter: MeterId(7),
			sequence: 1,
			captured_at: 1,
			import_register: WattHours(1),
			export_register: WattHours(0),
			state_of_charge: None,
			quality: None,
			acknowledged: None,
			status: 0,
		},
		signature: DeviceSignature::Ed25519(sp_core::ed25519::Signature::from_raw([0; 64])),
	}
}

fn batch(salt: u32, readings: Vec<SignedReading>) -> ReadingBatch {
	ReadingBatch {
		authority: 0,
		salt,
		spans: 1,
		corrections: 0,
		readings: readings.try_into().expect("few readings"),
	}
}

fn wrapped(batch: ReadingBatch, signature: IngestSignature, tip: u128) -> OpaqueExtrinsic {
	let call = RuntimeCall::MeterRegistry(Call::submit_readings { batch, signature });
	let extension = tx_extension(Era::Immortal, 0, tip);
	opaque(UncheckedExtrinsic::new_transaction(call, extension))
}

fn of_pool(error: Error) -> PoolError {
	error.into_pool_error().expect("an error of the pool")
}

fn bad_proof() -> String {
	PoolError::InvalidTransaction(InvalidTransaction::BadProof).to_string()
}

fn custom(code: u8) -> String {
	PoolError::InvalidTransaction(InvalidTransaction::Custom(code)).to_string()
}

#[test]
fn outsiders_should_be_refused_and_counted() {
	let house = house();
	let honest = batch(1, vec![reading()]);

	let forged = house.sign(&bob(), &honest);
	assert_eq!(
		house.refusal(wrapped(honest.clone(), forged, 0)),
		bad_proof()
	);

	let signature = house.sign(&alice(), &honest);
	let mut altered = honest.clone();
	altered.salt = 2;
	assert_eq!(
		house.refusal(wrapped(altered, signature.clone(), 0)),
		bad_proof()
	);

	let mut unknown = honest.clone();
	unknown.authority = 1;
	let by_nobody = house.sign(&bob(), &unknown);
	assert_eq!(house.refusal(wrapped(unknown, by_nobody, 0)), bad_proof());

	let call = PoolError::InvalidTransaction(InvalidTransaction::Call).to_string();
	assert_eq!(house.refusal(wrapped(honest, signature, 1)), call);

	assert_eq!(house.refused(OUTSIDER), 4);
	assert_eq!(house.refused(&alice_name()), 0);
}

#[test]
fn an_authority_that_signs_bad_batches_should_be_named_and_barred() {
	let house = house();
	for salt in 0..2 {
		assert_eq!(house.refusal(house.rogue(salt)), custom(refusal::EMPTY));
	}
	let watched = block_on(
		house
			.door
			.submit_and_watch(house.genesis, EXTERNAL, house.rogue(2)),
	);
	let error = of_pool(watched.err().expect("it is refused"));
	assert_eq!(error.to_string(), custom(refusal::EMPTY));
	assert_eq!(house.refused(&alice_name()), 3);

	let banned = PoolError::TemporarilyBanned.to_string();
	assert_eq!(house.refusal(house.rogue(3)), banned);
	assert_eq!(house.refused(&alice_name()), 4);
	assert_eq!(house.refused(OUTSIDER), 0);

	// Not the pool has refused that one.
	let inside = block_on(
		house
			.pool
			.submit_one(house.genesis, EXTERNAL, house.rogue(3)),
	);
	let error = of_pool(inside.expect_err("it is refused"));
	assert_eq!(error.to_string(), custom(refusal::EMPTY));
}

#[test]
fn the_authorities_should_be_those_of_the_best_block() {
	let house = house();
	assert_eq!(house.refusal(house.rogue(1)), custom(refusal::EMPTY));
	assert_eq!(house.refused(&alice_name()), 1);

	house.change_authorities(&[bob().public(), alice().public()]);
	// Alice's place is another one now.
	assert_eq!(house.refusal(house.rogue(2)), bad_proof());
	assert_eq!(house.refused(OUTSIDER), 1);
	let by = |pair: &IngestPair, place| {
		let mut batch = batch(3, Vec::new());
		batch.authority = place;
		let signature = house.sign(pair, &batch);
		let passage = house.door.examine(&wrapped(batch, signature, 0));
		passage
			.map(|passage| passage.map(|passage| name(&passage.key)))
			.map_err(of_pool)
	};
	assert_eq!(by(&alice(), 1).expect("let in"), Some(alice_name()));
	assert_eq!(by(&bob(), 0).expect("let in"), Some(name(&bob().public())));
}

#[test]
fn what_may_befall_an_honest_authority_should_not_be_held_against_it() {
	let house = house();
	for salt in 0..10 {
		let batch = batch(salt, vec![reading()]);
		let signature = house.sign(&alice(), &batch);
		let xt = wrapped(batch, signature, 0);
		assert_eq!(house.refusal(xt), custom(refusal::UNKNOWN_METER));
	}
	assert_eq!(house.refused(&alice_name()), 0);
}

#[test]
fn other_transactions_should_pass_and_answers_keep_their_order() {
	let house = house();
	let honest = batch(1, vec![reading()]);
	let (by_bob, by_alice) = (house.sign(&bob(), &honest), house.sign(&alice(), &honest));
	let transfer = house.transfer();
	let all = vec![
		wrapped(honest.clone(), by_bob, 0),
		transfer.clone(),
		wrapped(honest, by_alice, 0),
	];
	let answers = block_on(house.door.submit_at(house.genesis, EXTERNAL, all)).expect("answers");
	let answers: Vec<_> = answers
		.into_iter()
		.map(|answer| answer.map_err(|error| of_pool(error).to_string()))
		.collect();
	let hash = house.pool.hash_of(&transfer);
	let code = custom(refusal::UNKNOWN_METER);
	assert_eq!(answers, [Err(bad_proof()), Ok(hash), Err(code)]);

	assert_eq!(house.pool.status().ready, 1);
	let waiting = house.door.ready_transaction(&hash).expect("it waits");
	assert_eq!(*waiting.data, transfer);
}

#[test]
fn junk_should_get_the_pools_own_answer() {
	let house = house();
	let whole = |salt| {
		let batch = batch(salt, vec![reading()]);
		let signature = house.sign(&alice(), &batch);
		wrapped(batch, signature, 0).inner().to_vec()
	};
	// Two of a kind each, because the pool bans what it has refused.
	let junk = |salt: u8| {
		let whole = whole(salt.into());
		[
			vec![salt, 1, 2],
			vec![GENERAL, salt],
			[&whole[..], &[0]].concat(),
			whole[..whole.len() - 1].to_vec(),
			[vec![GENERAL, salt], vec![0; 1 << 20]].concat(),
		]
	};
	for (one, other) in junk(1).into_iter().zip(junk(2)) {
		let (one, other) = (
			OpaqueExtrinsic::from_blob(one),
			OpaqueExtrinsic::from_blob(other),
		);
		let inside = block_on(house.pool.submit_one(house.genesis, EXTERNAL, one));
		let outside = block_on(house.door.submit_one(house.genesis, EXTERNAL, other));
		let inside = inside.expect_err("junk").to_string();
		assert_eq!(outside.expect_err("junk").to_string(), inside);
	}
	assert_eq!(house.refused(OUTSIDER), 0);
}

#[test]
fn limits_should_leave_room_for_full_blocks() {
	let limits = limits();
	let full: u32 = <Runtime as Config>::MaxBlockReadings::get();
	let full = full as usize;
	assert!(limits.pending * MAX_BATCH_READINGS as usize >= 2 * full);
	assert!(limits.checked * MAX_BATCH_READINGS as usize >= 20 * full);
}
