//! The thread that writes: group commit.
//!
//! It ends at the first failure. The database refuses everything after one until it is opened again, and
//! whether the failed transaction will be found on disk then is not known: nobody was told that it is.

use std::sync::{Arc, Mutex, PoisonError};

use redb::{Database, Durability};
use tokio::sync::mpsc;
use tracing::error;

use super::{clock::Clock, served::Served, tables::Tables};
use crate::server::metrics::Metrics;

/// Readings after which a group is committed.
const GROUP: usize = 8_192;

/// Tells who waits for a job that its transaction is on disk.
pub type Done = Box<dyn FnOnce() + Send>;
/// What a job does within the group's transaction. Dropping it, or what it returns, tells who waits that
/// it is not known to be on disk.
pub type Work = Box<dyn FnOnce(&mut Tables<'_>) -> Result<Done, redb::Error> + Send>;

/// What the writer is asked for.
pub enum Job {
	/// Change the tables; `size` is how many readings it is about.
	Write {
		/// How many readings it is about.
		size: usize,
		/// What to do.
		work: Work,
	},
	/// Write what was queued before, then end.
	Stop,
}

/// The thread's state.
pub struct Writer {
	db: Arc<Database>,
	queue: mpsc::Receiver<Job>,
	clock: Clock,
	served: Arc<Mutex<Served>>,
	metrics: Arc<Metrics>,
}

impl Writer {
	/// Sets the gauges to what the store holds.
	pub fn new(
		db: Arc<Database>,
		queue: mpsc::Receiver<Job>,
		clock: Clock,
		served: Arc<Mutex<Served>>,
		metrics: Arc<Metrics>,
	) -> Result<Self, redb::Error> {
		let writer = Self {
			db,
			queue,
			clock,
			served,
			metrics,
		};
		writer.commit(Vec::new())?;
		Ok(writer)
	}

	/// Until told to stop, or until the store fails.
	pub fn run(mut self) {
		if let Err(error) = self.write_all() {
			error!("the store fails: {error}");
		}
	}

	fn write_all(&mut self) -> Result<(), redb::Error> {
		let mut stopped = false;
		while !stopped {
			let Some(mut job) = self.queue.blocking_recv() else {
				break;
			};
			// Whatever has come while the last group was being synced shares the next sync.
			let (mut size, mut group) = (0, Vec::new());
			loop {
				match job {
					Job::Stop => {
						stopped = true;
						break;
					}
					Job::Write { size: more, work } => {
						size += more;
						group.push(work);
					}
				}
				match self.queue.try_recv() {
					Ok(next) if size < GROUP => job = next,
					Ok(next) => {
						// The one too many opens the next group of its own.
						self.write(std::mem::take(&mut group))?;
						size = 0;
						job = next;
					}
					Err(_) => break,
				}
			}
			self.write(group)?;
		}
		Ok(())
	}

	fn write(&self, group: Vec<Work>) -> Result<(), redb::Error> {
		if !group.is_empty() {
			self.commit(group)?.into_iter().for_each(|done| done());
		}
		Ok(())
	}

	/// One transaction: all of it is on disk when this returns, or the writer ends.
	fn commit(&self, group: Vec<Work>) -> Result<Vec<Done>, redb::Error> {
		let mut transaction = self.db.begin_write()?;
		transaction
			.set_durability(Durability::Immediate)
			.map_err(redb::Error::from)?;
		let mut done = Vec::with_capacity(group.len());
		let (count, accepted, superseded, joined) = {
			let mut tables = Tables::open(&transaction)?;
			for work in group {
				done.push(work(&mut tables)?);
			}
			tables.set_clock(self.clock.now())?;
			let joined = tables.joined().to_vec();
			let accepted = tables.accepted()?;
			(tables.count()?, accepted, tables.superseded(), joined)
		};
		let timer = self.metrics.fsync.start_timer();
		transaction.commit()?;
		timer.observe_duration();
		let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
		joined.into_iter().for_each(|meter| served.add(meter));
		drop(served);
		self.metrics
			.stored
			.set(i64::try_from(count).unwrap_or(i64::MAX));
		self.metrics
			.accepted
			.set(i64::try_from(accepted).unwrap_or(i64::MAX));
		self.metrics.superseded.inc_by(superseded);
		Ok(done)
	}
}
