//! Signed readings on disk until the gateway has them.
//!
//! Numbering, signing and storing a reading is one transaction that is synced to disk before anything of it
//! is sent: no sequence is ever used twice, whenever the power fails. A new outbox begins with the Unix time
//! as its first sequence, so that one that takes the place of a lost disk goes on above it.

mod tables;
#[cfg(test)]
mod tests;

use std::{
	fs::File,
	path::Path,
	sync::{Arc, Mutex, PoisonError},
};

use anyhow::{ensure, Context, Result};
use codec::{Compact, Decode, Encode};
use gridweave_primitives::{
	reading::{status, Quality, Reading, SignedReading},
	MeterId, WattHours,
};
use redb::{Database, ReadableDatabase, ReadableTable};
use sp_core::H256;
use tokio::sync::Notify;

use self::tables::{decode, Tables, CARRIED, FRAMES, GENESIS, METERS};
use super::key::Signer;
use crate::server::keys::unix_now;

/// What is remembered of a meter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Row {
	/// Sequence of its next reading.
	pub next: u64,
	/// The last reading's time.
	pub captured_at: u64,
	/// The last reading's registers.
	pub import: WattHours,
	/// The last reading's registers.
	pub export: WattHours,
	/// How often power had failed by then.
	pub power_failures: Option<u32>,
	/// How many readings wait.
	pub waiting: u32,
	/// How many readings the gateway has taken.
	pub delivered: u64,
	/// How many readings the gateway has refused for good.
	pub refused: u64,
	/// How many readings were dropped because too many waited.
	pub dropped: u64,
}

impl Row {
	/// The reading that a record becomes, and remembers it; or why it becomes none.
	///
	/// Of a command that its device carries out only readings tell that were captured since it has said so.
	fn reading_of(
		&mut self,
		meter: MeterId,
		record: Record,
		carried: Option<(u32, u64)>,
	) -> Result<Reading, Recorded> {
		if record.captured_at <= self.captured_at {
			return Err(Recorded::NotNewer);
		}
		// A register that vanishes for once must not look as if it ran backwards.
		let import = or_zero(record.import, self.import).ok_or(Recorded::Incomplete)?;
		let export = or_zero(record.export, self.export).ok_or(Recorded::Incomplete)?;
		let failed = matches!((self.power_failures, record.power_failures),
			(Some(before), Some(now)) if now > before);
		self.captured_at = record.captured_at;
		(self.import, self.export) = (import, export);
		self.power_failures = record.power_failures.or(self.power_failures);
		Ok(Reading {
			meter,
			sequence: self.next,
			captured_at: record.captured_at,
			import_register: import,
			export_register: export,
			state_of_charge: None,
			quality: record.quality,
			acknowledged: carried
				.filter(|(_, since)| *since <= record.captured_at)
				.map(|(nonce, _)| Compact(nonce)),
			status: if failed { status::POWER_FAILED } else { 0 },
		})
	}
}

/// What is to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
	/// Unix seconds.
	pub captured_at: u64,
	/// The import register, if it was shown.
	pub import: Option<WattHours>,
	/// The export register, if it was shown.
	pub export: Option<WattHours>,
	/// Power quality, if it was measured.
	pub quality: Option<Quality>,
	/// How often power ever failed, if the meter counts that.
	pub power_failures: Option<u32>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
	/// It is on disk under this sequence.
	As(u64),
	/// It is not newer than the last one.
	NotNewer,
	/// A register that was shown before is missing.
	Incomplete,
}

/// What is to become of a reading that was offered to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
	/// The gateway has it.
	Delivered,
	/// The gateway will never take it.
	Refused,
}

/// Readings that wait, by meter and in order. Clones share it.
#[derive(Clone)]
pub struct Outbox {
	db: Arc<Database>,
	/// Transactions wait for one another here, not inside the database on the threads of the runtime.
	turn: Arc<Mutex<()>>,
	genesis: H256,
	max_waiting: u32,
	changed: Arc<Notify>,
}

impl Outbox {
	/// Opens the outbox in a folder, or makes one. At most `max_waiting` readings of a meter are kept; after
	/// that, the oldest are dropped: registers are cumulative, so that no energy is lost with them.
	pub fn open(folder: &Path, genesis: H256, max_waiting: u32) -> Result<Self> {
		std::fs::create_dir_all(folder)?;
		let db = Database::create(folder.join("outbox.redb"))
			.with_context(|| format!("the outbox in {} cannot be opened", folder.display()))?;
		let folder = folder.canonicalize()?;
		File::open(&folder)?.sync_all()?;
		folder
			.parent()
			.map(|parent| File::open(parent)?.sync_all())
			.transpose()?;
		let transaction = db.begin_write()?;
		{
			transaction.open_table(METERS)?;
			transaction.open_table(FRAMES)?;
			transaction.open_table(CARRIED)?;
			let mut table = transaction.open_table(GENESIS)?;
			let known = table.get(())?.map(|value| H256(value.value()));
			match known {
				None => drop(table.insert((), genesis.0)?),
				Some(known) => ensure!(
					known == genesis,
					"the outbox is of the chain {known:?}, not of {genesis:?}"
				),
			}
		}
		transaction.commit()?;
		Ok(Self {
			db: Arc::new(db),
			turn: Arc::default(),
			genesis,
			max_waiting: max_waiting.max(1),
			changed: Arc::default(),
		})
	}

	/// Has the next readings of a meter say that its device carries out a command, as it has since `since` (Unix
	/// seconds); returns once that is synced to disk.
	pub async fn carry_out(&self, meter: MeterId, nonce: u32, since: u64) -> Result<()> {
		self.write(move |tables| tables.set_carried(meter, nonce, since))
			.await
	}

	/// The command that a meter's device carries out, and since when it has said so.
	pub async fn carried_out(&self, meter: MeterId) -> Result<Option<(u32, u64)>> {
		self.read(move |db| {
			let table = db.begin_read()?.open_table(CARRIED)?;
			let carried = table.get(meter.0)?;
			Ok(carried.map(|carried| carried.value()))
		})
		.await
	}

	/// Waits until something was recorded since the last wait.
	pub async fn changed(&self) {
		self.changed.notified().await;
	}

	/// Numbers, signs and stores readings; returns once they are synced to disk.
	pub async fn record(
		&self,
		meter: MeterId,
		signer: Arc<dyn Signer>,
		records: Vec<Record>,
	) -> Result<Vec<Recorded>> {
		let genesis = self.genesis;
		let max_waiting = self.max_waiting;
		let recorded = self
			.write(move |tables| {
				let mut row = tables.row(meter)?.unwrap_or_else(|| Row {
					next: unix_now(),
					..Row::default()
				});
				let carried = tables.carried(meter)?;
				let recorded = records
					.into_iter()
					.map(|record| {
						let reading = match row.reading_of(meter, record, carried) {
							Ok(reading) => reading,
							Err(why) => return Ok(why),
						};
						let sequence = reading.sequence;
						row.next = sequence.checked_add(1).context("sequences are used up")?;
						let signature = signer.sign(&reading.digest(&genesis))?;
						tables.insert(&SignedReading { reading, signature })?;
						row.waiting = row.waiting.saturating_add(1);
						if row.waiting > max_waiting && tables.drop_oldest(meter)? {
							row.waiting -= 1;
							row.dropped = row.dropped.saturating_add(1);
						}
						Ok(Recorded::As(sequence))
					})
					.collect::<Result<Vec<_>>>()?;
				tables.set_row(meter, &row)?;
				Ok(recorded)
			})
			.await?;
		self.changed.notify_one();
		Ok(recorded)
	}

	/// Numbers, signs and stores a reading; returns once it is synced to disk.
	pub async fn record_one(
		&self,
		meter: MeterId,
		signer: Arc<dyn Signer>,
		record: Record,
	) -> Result<Recorded> {
		let recorded = self.record(meter, signer, vec![record]).await?;
		recorded.first().copied().context("nothing was recorded")
	}

	/// What is remembered of a meter, if it was ever recorded.
	pub async fn row(&self, meter: MeterId) -> Result<Option<Row>> {
		self.read(move |db| {
			let table = db.begin_read()?.open_table(METERS)?;
			let row = table.get(meter.0)?;
			row.map(|row| decode(row.value())).transpose()
		})
		.await
	}

	/// The oldest readings of a meter that wait, at most `limit`.
	pub async fn oldest(&self, meter: MeterId, limit: usize) -> Result<Vec<SignedReading>> {
		self.read(move |db| {
			let table = db.begin_read()?.open_table(FRAMES)?;
			let frames = table.range((meter.0, 0)..=(meter.0, u64::MAX))?;
			frames
				.take(limit)
				.map(|entry| decode(entry?.1.value()))
				.collect()
		})
		.await
	}

	/// Deletes readings whose fate is known.
	pub async fn settle(&self, fates: Vec<(MeterId, u64, Fate)>) -> Result<()> {
		self.write(move |tables| {
			for (meter, sequence, fate) in fates {
				// It may have been dropped while it was on its way.
				if !tables.remove(meter, sequence)? {
					continue;
				}
				let mut row = tables.row(meter)?.unwrap_or_default();
				row.waiting = row.waiting.saturating_sub(1);
				match fate {
					Fate::Delivered => row.delivered = row.delivered.saturating_add(1),
					Fate::Refused => row.refused = row.refused.saturating_add(1),
				}
				tables.set_row(meter, &row)?;
			}
			Ok(())
		})
		.await
	}

	/// Signs anew what waits of a meter and is not signed with its key: it has got another one since.
	/// Returns how many readings that were.
	pub async fn sign_anew(&self, meter: MeterId, signer: Arc<dyn Signer>) -> Result<usize> {
		let genesis = self.genesis;
		self.write(move |tables| {
			let key = signer.public();
			let mut count = 0;
			for mut signed in tables.frames(meter)? {
				if !signed.is_signed_by(&key, &genesis) {
					signed.signature = signer.sign(&signed.reading.digest(&genesis))?;
					tables.insert(&signed)?;
					count += 1;
				}
			}
			Ok(count)
		})
		.await
	}

	async fn read<R: Send + 'static>(
		&self,
		read: impl FnOnce(&Database) -> Result<R> + Send + 'static,
	) -> Result<R> {
		let db = self.db.clone();
		tokio::task::spawn_blocking(move || read(&db)).await?
	}

	/// Runs a transaction, and commits it durably if it succeeds.
	async fn write<R: Send + 'static>(
		&self,
		work: impl FnOnce(&mut Tables<'_>) -> Result<R> + Send + 'static,
	) -> Result<R> {
		let (db, turn) = (self.db.clone(), self.turn.clone());
		tokio::task::spawn_blocking(move || {
			let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
			let transaction = db.begin_write()?;
			let result = work(&mut Tables::open(&transaction)?)?;
			transaction.commit()?;
			Ok(result)
		})
		.await?
	}
}

/// A register as shown; 0 if it is not and never was.
fn or_zero(shown: Option<WattHours>, before: WattHours) -> Option<WattHours> {
	shown.or((before == WattHours(0)).then_some(before))
}
