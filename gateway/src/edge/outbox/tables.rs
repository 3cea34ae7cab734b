//! The tables, and what is done to them within one transaction.

use anyhow::{Context, Result};
use codec::{Decode, Encode};
use gridweave_primitives::{reading::SignedReading, MeterId};
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use super::Row;

/// Meter → [`Row`].
pub const METERS: TableDefinition<u32, &[u8]> = TableDefinition::new("meters");
/// Meter and sequence → frame.
pub const FRAMES: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("frames");
/// Meter → nonce of the command that its device carries out, and since when it has said so (Unix seconds).
pub const CARRIED: TableDefinition<u32, (u32, u64)> = TableDefinition::new("carried");
/// The chain that everything here is signed for.
pub const GENESIS: TableDefinition<(), [u8; 32]> = TableDefinition::new("genesis");

/// Decodes what is on disk.
pub fn decode<T: Decode>(mut bytes: &[u8]) -> Result<T> {
	T::decode(&mut bytes).context("the outbox is damaged")
}

/// The tables within a transaction.
pub struct Tables<'a> {
	meters: Table<'a, u32, &'static [u8]>,
	frames: Table<'a, (u32, u64), &'static [u8]>,
	carried: Table<'a, u32, (u32, u64)>,
}

impl<'a> Tables<'a> {
	/// Opens them.
	pub fn open(transaction: &'a WriteTransaction) -> Result<Self> {
		Ok(Self {
			meters: transaction.open_table(METERS)?,
			frames: transaction.open_table(FRAMES)?,
			carried: transaction.open_table(CARRIED)?,
		})
	}

	/// The command that a meter's device carries out, and since when it has said so.
	pub fn carried(&self, meter: MeterId) -> Result<Option<(u32, u64)>> {
		Ok(self.carried.get(meter.0)?.map(|carried| carried.value()))
	}

	/// Remembers that.
	pub fn set_carried(&mut self, meter: MeterId, nonce: u32, since: u64) -> Result<()> {
		self.carried.insert(meter.0, (nonce, since))?;
		Ok(())
	}

	/// What is remembered of a meter.
	pub fn row(&self, meter: MeterId) -> Result<Option<Row>> {
		let row = self.meters.get(meter.0)?;
		row.map(|row| decode(row.value())).transpose()
	}

	/// Remembers it.
	pub fn set_row(&mut self, meter: MeterId, row: &Row) -> Result<()> {
		self.meters.insert(meter.0, &row.encode()[..])?;
		Ok(())
	}

	/// Puts a reading.
	pub fn insert(&mut self, signed: &SignedReading) -> Result<()> {
		let key = (signed.reading.meter.0, signed.reading.sequence);
		self.frames.insert(key, &signed.encode()[..])?;
		Ok(())
	}

	/// Removes a reading; tells whether it was there.
	pub fn remove(&mut self, meter: MeterId, sequence: u64) -> Result<bool> {
		Ok(self.frames.remove((meter.0, sequence))?.is_some())
	}

	/// All readings of a meter, in order.
	pub fn frames(&self, meter: MeterId) -> Result<Vec<SignedReading>> {
		self.frames
			.range((meter.0, 0)..=(meter.0, u64::MAX))?
			.map(|entry| decode(entry?.1.value()))
			.collect()
	}

	/// Removes the oldest reading of a meter; tells whether there was one.
	pub fn drop_oldest(&mut self, meter: MeterId) -> Result<bool> {
		let oldest = self
			.frames
			.range((meter.0, 0)..=(meter.0, u64::MAX))?
			.next()
			.transpose()?
			.map(|(key, _)| key.value());
		match oldest {
			Some(key) => Ok(self.frames.remove(key)?.is_some()),
			None => Ok(false),
		}
	}
}
