//! The pool's door for batches of readings that come from outside, by the network or RPC.
//!
//! Batches cost no fee, and the pool is not made for a flood of bad ones: it keeps each while it waits to be
//! checked, and checks what it keeps again for each new block. So the door looks at them first, natively:
//!
//! - a batch that no authority signed is refused for the price of one signature;
//! - a batch of an authority goes on to the pool, and the door learns what becomes of it. An authority that
//!   signs what no honest one does, as readings that devices did not sign, is barred for a minute after three
//!   of them; and none has more checked than blocks have room for. What it was to bring, others take over.
//!
//! Only what the authority's signature covers is held against it, and only what does not depend on the state:
//! else outsiders could have it barred, with other wrappings or old batches of its own.
//!
//! All other transactions pass unseen, as do batches of this node's own worker, which uses the pool itself.

mod authorities;
mod conduct;
#[cfg(test)]
mod tests;

use std::{
	collections::HashMap,
	pin::Pin,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

use async_trait::async_trait;
use codec::MaxEncodedLen;
use gridweave_primitives::ingest::{IngestId, IngestSignature, ReadingBatch, MAX_BATCH_READINGS};
use gridweave_runtime::{
	is_canonical, opaque::Block, Hash, Runtime, RuntimeCall, UncheckedExtrinsic, BLOCK_SECONDS,
};
use pallet_meter_registry::{authorize::refusal, Call, Config};
use sc_transaction_pool_api::{
	error::{Error as PoolError, IntoPoolError},
	ChainEvent, ImportNotificationStream, MaintainedTransactionPool, PoolStatus, ReadyTransactions,
	TransactionFor, TransactionPool, TransactionSource, TransactionStatusStreamFor,
	TxInvalidityReportMap,
};
use sp_application_crypto::RuntimeAppPublic;
use sp_core::{hexdisplay::HexDisplay, ByteArray, Get};
use sp_runtime::{
	traits::LazyExtrinsic, transaction_validity::InvalidTransaction, OpaqueExtrinsic,
};
use substrate_prometheus_endpoint::{register, CounterVec, Opts, PrometheusError, Registry, U64};

use crate::service::{FullClient, FullPool};
use authorities::Authorities;
use conduct::{Fate, Limits, Refusal, Register, WINDOW};

const LOG: &str = "gridweave::door";

/// Who brought a refused batch that no authority signed.
const OUTSIDER: &str = "outsider";

/// First byte of a general transaction of version 5, the only kind that carries batches.
const GENERAL: u8 = 0x45;

/// Most bytes around a batch: kind, extension, call and the authority's signature.
const WRAPPING: usize = 256;

/// Refusals of batches that no honest authority ever signs, whatever block it knows.
const OFFENCES: [u8; 4] = [
	refusal::EMPTY,
	refusal::UNORDERED,
	refusal::BAD_WITNESS,
	refusal::BAD_DEVICE_SIGNATURE,
];

/// What the inner pool refuses with.
type Error = <FullPool as TransactionPool>::Error;

/// The pool, for those outside.
pub struct Door {
	pool: Arc<FullPool>,
	authorities: Authorities,
	register: Mutex<Register>,
	/// By `by`: the authority's ingest key, or [`OUTSIDER`].
	refused: Option<CounterVec<U64>>,
}

/// A batch of an authority on its way through the pool. What became of it is noted when this is dropped, even
/// if the submission was given up.
struct Passage<'a> {
	door: &'a Door,
	key: IngestId,
	hash: Hash,
	fate: Fate,
}

impl Drop for Passage<'_> {
	fn drop(&mut self) {
		let now = Instant::now();
		let barred = self
			.door
			.register()
			.settle(&self.key, &self.hash, self.fate, now);
		if barred {
			log::warn!(
				target: LOG,
				"authority {} signs bad batches: barred for {} s", name(&self.key), WINDOW.as_secs(),
			);
		}
	}
}

impl Passage<'_> {
	/// Notes the pool's answer.
	fn learn(&mut self, error: Error) -> Error {
		match error.into_pool_error() {
			Ok(error) => {
				self.fate = fate(&error);
				if self.fate == Fate::Offence {
					log::debug!(target: LOG, "batch {:?} of {}: {error}", self.hash, name(&self.key));
					self.door.count(&name(&self.key));
				}
				error.into()
			}
			Err(error) => error,
		}
	}
}

/// What the pool's refusal tells of the authority that signed the batch.
fn fate(error: &PoolError) -> Fate {
	match error {
		PoolError::InvalidTransaction(InvalidTransaction::Custom(code))
			if OFFENCES.contains(code) =>
		{
			Fate::Offence
		}
		PoolError::InvalidTransaction(_)
		| PoolError::UnknownTransaction(_)
		| PoolError::AlreadyImported(_)
		| PoolError::TemporarilyBanned => Fate::Innocent,
		_ => Fate::Checked,
	}
}

/// How an authority is named to operators: its ingest key as hex.
fn name(key: &IngestId) -> String {
	format!("0x{}", HexDisplay::from(&key.as_slice()))
}

/// As much as blocks have room for, and what may be on its way to the next two.
fn limits() -> Limits {
	let readings: u32 = <Runtime as Config>::MaxBlockReadings::get();
	let batches = u64::from(readings.div_ceil(MAX_BATCH_READINGS));
	let blocks = WINDOW.as_secs().div_ceil(BLOCK_SECONDS.into());
	let count = |blocks: u64| usize::try_from(blocks.saturating_mul(batches)).unwrap_or(usize::MAX);
	Limits {
		pending: count(2),
		checked: count(blocks.saturating_add(2)),
	}
}

/// A transaction with a batch, and the authority that the batch says has signed it.
struct Batch {
	batch: ReadingBatch,
	signature: IngestSignature,
	/// In the only wrapping that the runtime takes.
	canonical: bool,
}

impl Batch {
	/// The batch of a transaction; none if it is something else, even if nothing can decode it.
	fn of(transaction: &OpaqueExtrinsic) -> Option<Self> {
		let bytes = transaction.inner();
		let longest = ReadingBatch::max_encoded_len().saturating_add(WRAPPING);
		if bytes.first() != Some(&GENERAL) || bytes.len() > longest {
			return None;
		}
		let transaction = UncheckedExtrinsic::decode_unprefixed(bytes).ok()?;
		let canonical = is_canonical(&transaction);
		match transaction.function {
			RuntimeCall::MeterRegistry(Call::submit_readings { batch, signature }) => Some(Self {
				batch,
				signature,
				canonical,
			}),
			_ => None,
		}
	}

	/// The authority among `keys` that signed it.
	fn signer<'a>(&self, keys: &'a [IngestId], genesis: &Hash) -> Option<&'a IngestId> {
		let place = usize::try_from(self.batch.authority).ok()?;
		let key = keys.get(place)?;
		key.verify(&self.batch.digest(genesis), &self.signature)
			.then_some(key)
	}
}

impl Door {
	/// A door before `pool`, which judges by the state of `client`.
	pub fn new(
		pool: Arc<FullPool>,
		client: Arc<FullClient>,
		registry: Option<&Registry>,
	) -> Result<Self, PrometheusError> {
		let refused = registry
			.map(|registry| {
				let name = "gridweave_batches_refused_total";
				let help = "Batches of readings from outside that were refused";
				register(CounterVec::new(Opts::new(name, help), &["by"])?, registry)
			})
			.transpose()?;
		Ok(Self {
			pool,
			authorities: Authorities::new(client),
			register: Mutex::new(Register::new(limits())),
			refused,
		})
	}

	fn register(&self) -> MutexGuard<'_, Register> {
		self.register.lock().unwrap_or_else(PoisonError::into_inner)
	}

	fn count(&self, by: &str) {
		if let Some(refused) = &self.refused {
			refused.with_label_values(&[by]).inc();
		}
	}

	/// Whether a transaction may go to the pool; with a passage if it is an authority's batch.
	fn examine(&self, transaction: &OpaqueExtrinsic) -> Result<Option<Passage<'_>>, Error> {
		let Some(batch) = Batch::of(transaction) else {
			return Ok(None);
		};
		let Some(keys) = self.authorities.keys(|keys| self.register().retain(keys)) else {
			return Ok(None);
		};
		// Before the signature: what is around the batch is nobody's.
		if !batch.canonical {
			self.count(OUTSIDER);
			return Err(PoolError::InvalidTransaction(InvalidTransaction::Call).into());
		}
		let Some(key) = batch.signer(&keys, &self.authorities.genesis_hash()) else {
			self.count(OUTSIDER);
			return Err(PoolError::InvalidTransaction(InvalidTransaction::BadProof).into());
		};
		let hash = self.pool.hash_of(transaction);
		let admitted = self.register().admit(key, hash, Instant::now());
		match admitted {
			Ok(()) => Ok(Some(Passage {
				door: self,
				key: key.clone(),
				hash,
				fate: Fate::Checked,
			})),
			Err(Refusal::Known) => Err(PoolError::AlreadyImported(Box::new(hash)).into()),
			// As the pool itself says of what it does not want for a while.
			Err(Refusal::Barred | Refusal::TooMany) => {
				self.count(&name(key));
				Err(PoolError::TemporarilyBanned.into())
			}
		}
	}
}

/// The pool's answer to a transaction, after its passage has learnt of it.
fn settle<T>(passage: Option<Passage<'_>>, answer: Result<T, Error>) -> Result<T, Error> {
	answer.map_err(|error| match passage {
		Some(mut passage) => passage.learn(error),
		None => error,
	})
}

#[async_trait]
impl TransactionPool for Door {
	type Block = Block;
	type Hash = Hash;
	type InPoolTransaction = <FullPool as TransactionPool>::InPoolTransaction;
	type Error = Error;

	async fn submit_at(
		&self,
		at: Hash,
		source: TransactionSource,
		xts: Vec<TransactionFor<Self>>,
	) -> Result<Vec<Result<Hash, Error>>, Error> {
		let mut inside = Vec::new();
		let mut examined = Vec::new();
		for xt in xts {
			let passage = self.examine(&xt);
			if passage.is_ok() {
				inside.push(xt);
			}
			examined.push(passage);
		}
		let mut answers = self.pool.submit_at(at, source, inside).await?.into_iter();
		Ok(examined
			.into_iter()
			.filter_map(|examined| match examined {
				Ok(passage) => answers.next().map(|answer| settle(passage, answer)),
				Err(error) => Some(Err(error)),
			})
			.collect())
	}

	async fn submit_one(
		&self,
		at: Hash,
		source: TransactionSource,
		xt: TransactionFor<Self>,
	) -> Result<Hash, Error> {
		let passage = self.examine(&xt)?;
		settle(passage, self.pool.submit_one(at, source, xt).await)
	}

	async fn submit_and_watch(
		&self,
		at: Hash,
		source: TransactionSource,
		xt: TransactionFor<Self>,
	) -> Result<Pin<Box<TransactionStatusStreamFor<Self>>>, Error> {
		let passage = self.examine(&xt)?;
		settle(passage, self.pool.submit_and_watch(at, source, xt).await)
	}

	async fn ready_at(
		&self,
		at: Hash,
	) -> Box<dyn ReadyTransactions<Item = Arc<Self::InPoolTransaction>> + Send> {
		self.pool.ready_at(at).await
	}

	fn ready(&self) -> Box<dyn ReadyTransactions<Item = Arc<Self::InPoolTransaction>> + Send> {
		self.pool.ready()
	}

	async fn report_invalid(
		&self,
		at: Option<Hash>,
		invalid_tx_errors: TxInvalidityReportMap<Hash>,
	) -> Vec<Arc<Self::InPoolTransaction>> {
		self.pool.report_invalid(at, invalid_tx_errors).await
	}

	fn futures(&self) -> Vec<Self::InPoolTransaction> {
		self.pool.futures()
	}

	fn status(&self) -> PoolStatus {
		self.pool.status()
	}

	fn import_notification_stream(&self) -> ImportNotificationStream<Hash> {
		self.pool.import_notification_stream()
	}

	fn on_broadcasted(&self, propagations: HashMap<Hash, Vec<String>>) {
		self.pool.on_broadcasted(propagations);
	}

	fn hash_of(&self, xt: &TransactionFor<Self>) -> Hash {
		self.pool.hash_of(xt)
	}

	fn ready_transaction(&self, hash: &Hash) -> Option<Arc<Self::InPoolTransaction>> {
		self.pool.ready_transaction(hash)
	}

	async fn ready_at_with_timeout(
		&self,
		at: Hash,
		timeout: Duration,
	) -> Box<dyn ReadyTransactions<Item = Arc<Self::InPoolTransaction>> + Send> {
		self.pool.ready_at_with_timeout(at, timeout).await
	}
}

#[async_trait]
impl MaintainedTransactionPool for Door {
	async fn maintain(&self, event: ChainEvent<Block>) {
		self.pool.maintain(event).await;
	}
}
