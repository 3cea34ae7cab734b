//! Readings on disk, in order of arrival.
//!
//! One thread writes. It takes all jobs that wait and commits them together, so that many posts share one
//! sync to disk (*group commit*); a job is answered after its commit is on disk. Readers see committed
//! states only. Everything is kept in the store: memory is bounded by its cache and the queue of jobs.
//!
//! The order of a meter's readings is kept: a reading older than the newest stored of its meter is stale.
//! Sent again, a reading is a duplicate, whatever its signature (some kinds sign differently every time).
//!
//! A reading leaves the store when the chain has finalised it or a later one of its meter, or when it is
//! too old.

mod tables;
mod writer;

#[cfg(test)]
mod tests;

use std::{
	hash::{BuildHasher, Hasher, RandomState},
	path::Path,
	sync::{Arc, Mutex},
	time::{Duration, SystemTime, UNIX_EPOCH},
};

use gridweave_primitives::{
	reading::{SignedReading, MAX_PAGE_READINGS},
	MeterId,
};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata};
use sp_core::H256;
use tokio::sync::{mpsc, oneshot};

use self::{
	tables::{Meta, Tables, HELD, META, READINGS},
	writer::{Done, Job, Writer},
};
use super::metrics::Metrics;

/// Jobs that may wait for the writer; a post beyond it is told to come again.
const QUEUE: usize = 1_024;
/// Most readings expired by one transaction.
const EXPIRE: usize = 4_096;
/// Memory for pages of the store, in bytes.
const CACHE: usize = 64 * 1024 * 1024;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
	/// Most readings.
	pub max_readings: u64,
	/// Most readings of one meter.
	pub max_per_meter: u32,
	/// Longest time a reading is kept, if there is one.
	pub max_age: Option<Duration>,
}

/// What became of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
	/// On disk.
	Stored,
	/// It was on disk already, or is on chain.
	Duplicate,
	/// A newer one of its meter is on disk or on chain; `newest` is its sequence.
	Stale {
		/// The newest sequence.
		newest: u64,
	},
	/// Another reading of this meter has the same sequence: two devices sign with one key.
	Conflict,
	/// The store is full.
	Full,
	/// There are too many readings of this meter.
	MeterFull,
}

/// What the chain has finalised of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finalised {
	/// The meter.
	pub meter: MeterId,
	/// Sequence of its last accepted reading.
	pub sequence: u64,
	/// How many of its readings were accepted; 0 if none ever was.
	pub accepted: u64,
}

/// A page as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
	/// SCALE-encoded `ReadingPage`.
	pub bytes: Vec<u8>,
	/// How many readings it holds.
	pub count: u32,
}

/// Why the store does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
	/// The store cannot be read.
	#[error("the store fails: {0}")]
	Disk(String),
	/// The disk failed or is full; nothing was written. Come again.
	#[error("nothing was written; come again")]
	NotWritten,
	/// Too many jobs wait.
	#[error("the store is busy; come again")]
	Busy,
	/// The gateway is stopping.
	#[error("the store is closed")]
	Closed,
	/// The store is of another chain.
	#[error("the store holds readings of the chain {stored:?}, not of {found:?}")]
	WrongChain {
		/// Genesis hash of the store's chain.
		stored: H256,
		/// Genesis hash of the chain it was to be used for.
		found: H256,
	},
}

impl StoreError {
	fn disk(error: impl Into<redb::Error>) -> Self {
		Self::Disk(error.into().to_string())
	}
}

type Result<T> = std::result::Result<T, StoreError>;

/// Handle of a store; clones share it.
#[derive(Clone)]
pub struct Store {
	inner: Arc<Inner>,
}

struct Inner {
	db: Arc<Database>,
	epoch: u64,
	jobs: mpsc::Sender<Job>,
	writer: Mutex<Option<std::thread::JoinHandle<()>>>,
	limits: Limits,
	metrics: Arc<Metrics>,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
	let since = SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.unwrap_or_default();
	u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A number nobody else has: the hasher's keys come from the system's source of randomness.
fn fresh_epoch() -> u64 {
	let mut hasher = RandomState::new().build_hasher();
	hasher.write_u64(now_ms());
	hasher.finish()
}

impl Store {
	/// Opens the store in `folder`, or makes one.
	pub fn open(folder: &Path, limits: Limits, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
		std::fs::create_dir_all(folder)?;
		let db = Builder::new()
			.set_cache_size(CACHE)
			.create(folder.join("readings.redb"))?;
		let transaction = db.begin_write()?;
		let epoch = {
			// All tables exist from now on.
			drop(Tables::open(&transaction)?);
			let mut meta = transaction.open_table(META)?;
			let known = meta.get(Meta::EPOCH)?.map(|value| value.value());
			match known {
				Some(epoch) => epoch,
				None => {
					let epoch = fresh_epoch();
					meta.insert(Meta::EPOCH, epoch)?;
					epoch
				}
			}
		};
		transaction.commit()?;

		let db = Arc::new(db);
		let (jobs, queue) = mpsc::channel(QUEUE);
		let writer = Writer::new(db.clone(), queue, metrics.clone())?;
		let thread = std::thread::Builder::new()
			.name("store".into())
			.spawn(move || writer.run())?;
		let writer = Mutex::new(Some(thread));
		let inner = Inner {
			db,
			epoch,
			jobs,
			writer,
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

	/// Writes readings, whose signatures were checked, in their order. Returns once what was stored is
	/// synced to disk.
	pub async fn insert(&self, readings: Vec<SignedReading>) -> Result<Vec<Outcome>> {
		let limits = self.inner.limits;
		let now = now_ms();
		let (job, answer) = job(readings.len(), move |tables| {
			readings
				.iter()
				.map(|signed| tables.insert(signed, now, &limits))
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
		let before = now_ms().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
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
	pub async fn bind(&self, found: H256) -> Result<()> {
		let stored = self.write(1, move |tables| tables.bind(found)).await?;
		match stored == found {
			true => Ok(()),
			false => Err(StoreError::WrongChain { stored, found }),
		}
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
	/// `MAX_PAGE_BYTES`. An offset of another epoch
	/// is no offset here: such a page begins with the oldest reading.
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

	/// How many readings are kept, and for how long the oldest has been. Fails if the store does.
	pub async fn state(&self) -> Result<(u64, Duration)> {
		self.read(|db| {
			let table = db.begin_read()?.open_table(READINGS)?;
			let oldest = table
				.first()?
				.map(|(_, value)| tables::received_at(value.value()));
			let age = oldest.map_or(0, |at| now_ms().saturating_sub(at));
			Ok((table.len()?, Duration::from_millis(age)))
		})
		.await
	}

	/// Whether the writer still works.
	pub fn is_writing(&self) -> bool {
		!self.inner.jobs.is_closed()
	}

	async fn read<R: Send + 'static>(
		&self,
		read: impl FnOnce(&Database) -> std::result::Result<R, redb::Error> + Send + 'static,
	) -> Result<R> {
		let db = self.inner.db.clone();
		tokio::task::spawn_blocking(move || read(&db).map_err(StoreError::disk))
			.await
			.map_err(|_| StoreError::Closed)?
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

/// A job, and who waits for it: told the result once it is on disk, and dropped if it never will be.
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
