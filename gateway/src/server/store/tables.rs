//! The tables, and what is done to them within one transaction.

use codec::{Decode, Encode};
use gridweave_primitives::{reading::SignedReading, MeterId};
use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use sp_core::{Blake2Hasher, Hasher, H256};

use super::{Finalised, Limits, Outcome};

/// Offset → time of arrival (milliseconds, 8 bytes little-endian) and frame.
pub const READINGS: TableDefinition<u64, &[u8]> = TableDefinition::new("readings");
/// Meter → [`Row`].
pub const METERS: TableDefinition<u32, &[u8]> = TableDefinition::new("meters");
/// Meter and sequence of the readings kept → offset.
pub const HELD: TableDefinition<(u32, u64), u64> = TableDefinition::new("held");
/// [`Meta`] → value.
pub const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// The chain the store is tied to.
pub const CHAIN: TableDefinition<(), &[u8]> = TableDefinition::new("chain");

/// Keys of [`META`].
pub struct Meta;

impl Meta {
	/// Identity of the store.
	pub const EPOCH: &'static str = "epoch";
	/// The last offset given out; the first is 1.
	pub const OFFSET: &'static str = "offset";
	/// Sum of [`Row::accepted`].
	pub const ACCEPTED: &'static str = "accepted";
}

/// What is remembered of a meter, also when none of its readings is kept any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Row {
	/// Sequence of the newest reading stored.
	pub sequence: u64,
	/// Hash of that reading, without its signature.
	pub hash: H256,
	/// How many of its readings are kept.
	pub held: u32,
	/// Sequence of its last reading on chain.
	pub finalised: Option<u64>,
	/// How many of its readings the chain has accepted.
	pub accepted: u64,
}

const AT: usize = 8;

/// When a stored reading arrived.
pub fn received_at(value: &[u8]) -> u64 {
	value
		.first_chunk::<AT>()
		.map_or(0, |at| u64::from_le_bytes(*at))
}

/// The frame of a stored reading.
pub fn frame_of(value: &[u8]) -> &[u8] {
	value.get(AT..).unwrap_or_default()
}

fn hash_of(signed: &SignedReading) -> H256 {
	signed.reading.using_encoded(Blake2Hasher::hash)
}

/// All tables of one transaction.
pub struct Tables<'t> {
	readings: Table<'t, u64, &'static [u8]>,
	meters: Table<'t, u32, &'static [u8]>,
	held: Table<'t, (u32, u64), u64>,
	meta: Table<'t, &'static str, u64>,
	chain: Table<'t, (), &'static [u8]>,
}

type Result<T> = std::result::Result<T, redb::Error>;

impl<'t> Tables<'t> {
	/// Of this transaction.
	pub fn open(transaction: &'t WriteTransaction) -> Result<Self> {
		Ok(Self {
			readings: transaction.open_table(READINGS)?,
			meters: transaction.open_table(METERS)?,
			held: transaction.open_table(HELD)?,
			meta: transaction.open_table(META)?,
			chain: transaction.open_table(CHAIN)?,
		})
	}

	/// How many readings are kept.
	pub fn count(&self) -> Result<u64> {
		Ok(self.readings.len()?)
	}

	/// Sum of the readings that the chain has accepted of the meters known here.
	pub fn accepted(&self) -> Result<u64> {
		self.meta(Meta::ACCEPTED)
	}

	/// The chain the store is tied to; ties it to `genesis` if it is to none.
	pub fn bind(&mut self, genesis: H256) -> Result<H256> {
		let known = self
			.chain
			.get(())?
			.and_then(|value| <[u8; 32]>::try_from(value.value()).ok());
		if known.is_none() {
			self.chain.insert((), genesis.as_bytes())?;
		}
		Ok(known.map_or(genesis, H256))
	}

	/// Stores a reading, if it is the newest of its meter and there is room.
	pub fn insert(&mut self, signed: &SignedReading, now: u64, limits: &Limits) -> Result<Outcome> {
		let (meter, sequence) = (signed.reading.meter, signed.reading.sequence);
		let row = self.row(meter)?;
		if let Some(row) = &row {
			if let Some(outcome) = self.known(row, signed)? {
				return Ok(outcome);
			}
			if row.held >= limits.max_per_meter {
				return Ok(Outcome::MeterFull);
			}
		}
		if self.count()? >= limits.max_readings {
			return Ok(Outcome::Full);
		}
		// Of 2⁶⁴ offsets none is ever given out twice.
		let offset = self.meta(Meta::OFFSET)?.saturating_add(1);
		self.meta.insert(Meta::OFFSET, offset)?;
		let mut value = now.to_le_bytes().to_vec();
		signed.encode_to(&mut value);
		self.readings.insert(offset, value.as_slice())?;
		self.held.insert((meter.0, sequence), offset)?;
		let row = row.unwrap_or_default();
		let held = row.held.saturating_add(1);
		self.put_row(
			meter,
			&Row {
				sequence,
				hash: hash_of(signed),
				held,
				..row
			},
		)?;
		Ok(Outcome::Stored)
	}

	/// What a reading is that is not newer than all before.
	fn known(&self, row: &Row, signed: &SignedReading) -> Result<Option<Outcome>> {
		let (meter, sequence) = (signed.reading.meter, signed.reading.sequence);
		let newest = row
			.finalised
			.map_or(row.sequence, |finalised| finalised.max(row.sequence));
		if sequence > newest {
			return Ok(None);
		}
		let same = |hash: H256| match hash == hash_of(signed) {
			true => Outcome::Duplicate,
			false => Outcome::Conflict,
		};
		let offset = self
			.held
			.get((meter.0, sequence))?
			.map(|offset| offset.value());
		if let Some(stored) = offset
			.map(|offset| self.readings.get(offset))
			.transpose()?
			.flatten()
		{
			let stored = SignedReading::decode(&mut frame_of(stored.value()));
			return Ok(stored.ok().map(|stored| same(hash_of(&stored))));
		}
		Ok(match (sequence == row.sequence, same(row.hash)) {
			(true, Outcome::Duplicate) if row.finalised < Some(sequence) => {
				// It expired before the chain took it: nobody has it any more.
				None
			}
			(true, outcome) => Some(outcome),
			(false, _) => Some(Outcome::Stale { newest }),
		})
	}

	/// Deletes the readings of a meter that the chain has finalised, and notes how far it is.
	pub fn finalise(&mut self, progress: Finalised) -> Result<u64> {
		// Meters that never delivered here are none of ours; of others nothing is on chain yet.
		let Some(mut row) = self.row(progress.meter)? else {
			return Ok(0);
		};
		if progress.accepted == 0
			|| (row.finalised, row.accepted) == (Some(progress.sequence), progress.accepted)
		{
			return Ok(0);
		}
		let meter = progress.meter.0;
		let mut deleted = 0u32;
		let done = self
			.held
			.extract_from_if((meter, 0)..=(meter, progress.sequence), |_, _| true)?;
		for entry in done {
			let (_, offset) = entry?;
			self.readings.remove(offset.value())?;
			deleted = deleted.saturating_add(1);
		}
		let total = self
			.meta(Meta::ACCEPTED)?
			.saturating_sub(row.accepted)
			.saturating_add(progress.accepted);
		self.meta.insert(Meta::ACCEPTED, total)?;
		row.held = row.held.saturating_sub(deleted);
		row.finalised = Some(progress.sequence);
		row.accepted = progress.accepted;
		self.put_row(progress.meter, &row)?;
		Ok(deleted.into())
	}

	/// Deletes the oldest readings that arrived before `before`, at most `most`.
	pub fn expire(&mut self, before: u64, most: usize) -> Result<u64> {
		let mut old = Vec::new();
		for entry in self.readings.range(0..)?.take(most) {
			let (offset, value) = entry?;
			if received_at(value.value()) >= before {
				break;
			}
			let signed = SignedReading::decode(&mut frame_of(value.value())).ok();
			old.push((
				offset.value(),
				signed.map(|s| (s.reading.meter, s.reading.sequence)),
			));
		}
		for (offset, of) in &old {
			self.readings.remove(offset)?;
			let Some((meter, sequence)) = of else {
				continue;
			};
			self.held.remove((meter.0, *sequence))?;
			if let Some(mut row) = self.row(*meter)? {
				row.held = row.held.saturating_sub(1);
				self.put_row(*meter, &row)?;
			}
		}
		Ok(old.len() as u64)
	}

	fn meta(&self, key: &'static str) -> Result<u64> {
		Ok(self.meta.get(key)?.map_or(0, |value| value.value()))
	}

	fn row(&self, meter: MeterId) -> Result<Option<Row>> {
		let value = self.meters.get(meter.0)?;
		value
			.map(|value| Row::decode(&mut value.value()))
			.transpose()
			.map_err(|_| redb::Error::Corrupted(format!("the row of meter {meter}")))
	}

	fn put_row(&mut self, meter: MeterId, row: &Row) -> Result<()> {
		self.meters.insert(meter.0, row.encode().as_slice())?;
		Ok(())
	}
}
