//! Readings on disk, in order of arrival.
//!
//! One thread writes. It takes all jobs that wait and commits them together, so that many posts share one
//! sync to disk (*group commit*); a job is answered after its commit is on disk. Readers see committed
//! states only. Everything is kept in the store: memory is bounded by its cache and the queue of jobs.
//!
//! The order of a meter's readings is kept: a reading older than the newest that is kept or on chain of its
//! meter is stale. Sent again, a reading is a duplicate, whatever its signature (some kinds sign differently
//! every time).
//!
//! A reading leaves the store when the chain has finalised it or a later one of its meter, when its meter
//! has another key, or when it is too old.
//!
//! Ages are counted by the store's own clock, which goes on while the store is open and knows nothing of
//! dates: a machine whose clock is set must not lose readings by it.

mod clock;
mod served;
mod tables;
mod types;
mod writer;

#[cfg(test)]
mod tests;

use std::{
	fs::File,
	hash::{BuildHasher, RandomState},
	path::Path,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};

use gridweave_primitives::{
	reading::{SignedReading, MAX_PAGE_READINGS},
	MeterId,
};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata};
use sp_core::H256;
use tokio::sync::{mpsc, oneshot};

use self::{
	clock::Clock,
	tables::{Meta, Tables, FORMAT, HELD, META, READINGS},
	writer::{Done, Job, Writer},
};
pub use self::{
	served::Served,
	tables::Tie,
	types::{Block, Finalised, Limits, Outcome, Page, StoreError},
};
use super::{keys::Key, metrics::Metrics, workers::Workers};

/// Jobs that may wait for the writer; a post beyond it is told to come again.
const QUEUE: usize = 1_024;
/// Most readings expired by one transaction.
const EXPIRE: usize = 4_096;
/// Reads at a time; further ones wait.
pub const MAX_READS: usize = 16;
/// Memory for pages of the store, in bytes.
const CACHE: usize = 64 * 1024 * 1024;

type Result<T> = std::result::Result<T, StoreError>;

/// Handle of a store; clones share it.
#[derive(Clone)]
pub struct Store {
	inner: Arc<Inner>,
}

struct Inner {
	db: Arc<Database>,
	epoch: u64,
	clock: Clock,
	jobs: mpsc::Sender<Job>,
	writer: Mutex<Option<std::thread::JoinHandle<()>>>,
	reads: Workers,
	served: Arc<Mutex<Served>>,
	limits: Limits,
	metrics: Arc<Metrics>,
}

/// A number nobody else has: the hasher's keys come from the system's source of randomness.
pub(super) fn fresh_epoch() -> u64 {
	RandomState::new().hash_one(std::process::id())
}

/// Makes sure that what a folder lists is on disk: a file that nobody finds after a power failure is lost.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
	File::open(folder)?.sync_all()
}

impl Store {
	/// Opens the store in `folder`, or makes one.
	pub fn open(folder: &Path, limits: Limits, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
		std::fs::create_dir_all(folder)?;
		let db = Builder::new()
			.set_cache_size(CACHE)
			.create(folder.join("readings.redb"))?;
		let folder = folder.canonicalize()?;
		sync_folder(&folder)?;
		folder.parent().map(sync_folder).transpose()?;
		Self::start(db, limits, metrics)
	}

	/// Prepares the tables and starts the writer.
	pub(super) fn start(
		db: Database,
		limits: Limits,
		metrics: Arc<Metrics>,
	) -> anyhow::Result<Self> {
		let transaction = db.begin_write()?;
		let (epoch, clock, served) = {
			// All tables exist from now on.
			let served = Tables::open(&transaction)?.meters()?;
			let mut meta = transaction.open_table(META)?;
			let known = |table: &redb::Table<'_, &'static str, u64>, key| {
				Ok::<_, redb::StorageError>(table.get(key)?.map(|value| value.value()))
			};
			let epoch = match (known(&meta, Meta::EPOCH)?, known(&meta, Meta::FORMAT)?) {
				(None, _) => {
					let epoch = fresh_epoch();
					meta.insert(Meta::FORMAT, FORMAT)?;
					meta.insert(Meta::EPOCH, epoch)?;
					epoch
				}
				(Some(epoch), Some(FORMAT)) => epoch,
				(Some(_), _) => anyhow::bail!("another version of this program made it"),
			};
			let clock = Clock::resume(known(&meta, Meta::CLOCK)?.unwrap_or(0));
			(epoch, clock, Arc::new(Mutex::new(served)))
		};
		transaction.commit()?;

		let db = Arc::new(db);
		let (jobs, queue) = mpsc::channel(QUEUE);
		let writer = Writer::new(db.clone(), queue, clock, served.clone(), metrics.clone())?;
		let thread = std::thread::Builder::new()
			.name("store".into())
			.spawn(move || writer.run())?;
		let inner = Inner {
			db,
			epoch,
			clock,
			jobs,
			writer: Mutex::new(Some(thread)),
			reads: Workers::new(MAX_READS),
			served,
			limits,
			metrics,
		};
		Ok(Self {
			inner: Arc::new(inner),
		})
	}

	/// Identity of this store: offsets of another one mean nothing here.
	pub fn epoch(&self) -> u64 {
		self.inner.epoch
	}

	/// Writes readings, each with the key its signature was checked with, in their order. Returns once what
	/// was stored is synced to disk.
	pub async fn insert(&self, readings: Vec<(SignedReading, Key)>) -> Result<Vec<Outcome>> {
		let limits = self.inner.limits;
		let now = self.inner.clock.now();
		let (job, answer) = job(readings.len(), move |tables| {
			readings
				.iter()
				.map(|(signed, key)| tables.insert(signed, *key, now, &limits))
				.collect()
		});
		// Posts do not queue without bound: their devices come again.
		self.inner.jobs.try_send(job).map_err(|error| match error {
			mpsc::error::TrySendError::Full(_) => StoreError::Busy,
			mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
		})?;
		answer.await.map_err(|_| StoreError::NotWritten)
	}

	/// Deletes what the chain has finalised; returns how many readings that were.
	pub async fn finalise(&self, progress: Vec<Finalised>) -> Result<u64> {
		let deleted = self
			.write(progress.len(), move |tables| {
				progress.iter().try_fold(0u64, |sum, progress| {
					Ok(sum.saturating_add(tables.finalise(*progress)?))
				})
			})
			.await?;
		self.inner.metrics.finalised.inc_by(deleted);
		Ok(deleted)
	}

	/// Deletes what is too old; returns how many readings that were.
	pub async fn expire(&self) -> Result<u64> {
		let Some(age) = self.inner.limits.max_age else {
			return Ok(0);
		};
		let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
		// A store younger than that has nothing that old.
		let before = self.inner.clock.now().saturating_sub(age);
		let mut sum = 0u64;
		loop {
			let some = self
				.write(EXPIRE, move |tables| tables.expire(before, EXPIRE))
				.await?;
			if some == 0 {
				return Ok(sum);
			}
			self.inner.metrics.expired.inc_by(some);
			sum = sum.saturating_add(some);
		}
	}

	/// Ties the store to a chain; an error if it is tied to another.
	pub async fn tie(&self, found: H256) -> Result<Tie> {
		let tie = self.write(1, move |tables| tables.tie(found)).await?;
		let stored = tie.genesis;
		match stored == found {
			true => Ok(tie),
			false => Err(StoreError::WrongChain { stored, found }),
		}
	}

	/// Remembers a finalised block of the chain the store is tied to.
	pub async fn see(&self, block: Block) -> Result<()> {
		self.write(1, move |tables| tables.see(block)).await
	}

	/// Writes what is queued, and closes the store for this handle and all its clones.
	pub async fn close(&self) {
		let _ = self.inner.jobs.send(Job::Stop).await;
		let thread = self
			.inner
			.writer
			.lock()
			.ok()
			.and_then(|mut writer| writer.take());
		if let Some(thread) = thread {
			let _ = tokio::task::spawn_blocking(move || thread.join()).await;
		}
	}

	/// The readings after an offset, at most `limit` and [`MAX_PAGE_READINGS`], of which the longest fit into
	/// `MAX_PAGE_BYTES`. An offset of another epoch is no offset here: such a page begins with the oldest
	/// reading.
	pub async fn page(&self, epoch: Option<u64>, after: u64, limit: u32) -> Result<Page> {
		let after = if epoch.is_none_or(|epoch| epoch == self.epoch()) {
			after
		} else {
			0
		};
		let own_epoch = self.epoch();
		let page = self
			.read(move |db| {
				let limit = limit.min(MAX_PAGE_READINGS);
				let table = db.begin_read()?.open_table(READINGS)?;
				let mut body = Vec::new();
				let mut count = 0u32;
				if let Some(first) = after.checked_add(1) {
					for entry in table.range(first..)?.take(limit as usize) {
						let (offset, value) = entry?;
						let frame = tables::frame_of(value.value());
						body.extend_from_slice(&offset.value().to_le_bytes());
						body.extend_from_slice(frame);
						count += 1;
					}
				}
				let mut bytes = own_epoch.to_le_bytes().to_vec();
				codec::Encode::encode_to(&codec::Compact(count), &mut bytes);
				bytes.append(&mut body);
				Ok(Page { bytes, count })
			})
			.await?;
		self.inner.metrics.served.inc_by(page.count.into());
		Ok(page)
	}

	/// The first meter from `from` on of which readings are kept.
	pub async fn next_held(&self, from: MeterId) -> Result<Option<MeterId>> {
		self.read(move |db| {
			let table = db.begin_read()?.open_table(HELD)?;
			let first = table.range((from.0, 0)..)?.next().transpose()?;
			Ok(first.map(|(key, _)| MeterId(key.value().0)))
		})
		.await
	}

	/// The meters that ever delivered here.
	pub fn served(&self) -> MutexGuard<'_, Served> {
		let served = self.inner.served.lock();
		served.unwrap_or_else(PoisonError::into_inner)
	}

	/// How many readings are kept, and for how long the oldest has been, by the store's clock. Fails if the
	/// store does.
	pub async fn state(&self) -> Result<(u64, Duration)> {
		let clock = self.inner.clock;
		self.read(move |db| {
			let table = db.begin_read()?.open_table(READINGS)?;
			let oldest = table
				.first()?
				.map(|(_, value)| tables::received_at(value.value()));
			let age = oldest.map_or(0, |at| clock.now().saturating_sub(at));
			Ok((table.len()?, Duration::from_millis(age)))
		})
		.await
	}

	/// Whether the writer still works.
	pub fn is_writing(&self) -> bool {
		!self.inner.jobs.is_closed()
	}

	/// Waits until the writer works no more: closed, or because the disk failed. What fails once fails for
	/// ever; only opening the store again may help.
	pub async fn ended(&self) {
		self.inner.jobs.closed().await;
	}

	async fn read<R: Send + 'static>(
		&self,
		read: impl FnOnce(&Database) -> std::result::Result<R, redb::Error> + Send + 'static,
	) -> Result<R> {
		let db = self.inner.db.clone();
		self.inner
			.reads
			.run(move || read(&db).map_err(StoreError::disk))
			.await
			.unwrap_or_else(|| Err(StoreError::Disk("a read panicked".into())))
	}

	async fn write<R: Send + 'static>(
		&self,
		size: usize,
		work: impl FnOnce(&mut Tables<'_>) -> std::result::Result<R, redb::Error> + Send + 'static,
	) -> Result<R> {
		let (job, answer) = job(size, work);
		self.inner
			.jobs
			.send(job)
			.await
			.map_err(|_| StoreError::Closed)?;
		answer.await.map_err(|_| StoreError::NotWritten)
	}
}

/// A job, and who waits for it: told the result once it is on disk, and dropped if nobody knows that it is.
fn job<R: Send + 'static>(
	size: usize,
	work: impl FnOnce(&mut Tables<'_>) -> std::result::Result<R, redb::Error> + Send + 'static,
) -> (Job, oneshot::Receiver<R>) {
	let (reply, answer) = oneshot::channel();
	let work = Box::new(move |tables: &mut Tables<'_>| {
		let result = work(tables)?;
		let done: Done = Box::new(move || {
			// Who does not wait any more needs no answer.
			let _ = reply.send(result);
		});
		Ok(done)
	});
	(Job::Write { size, work }, answer)
}
