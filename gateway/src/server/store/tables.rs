//! The tables, and what is done to them within one transaction.

use codec::{Decode, Encode};
use gridweave_primitives::{reading::SignedReading, MeterId};
use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use sp_core::{Blake2Hasher, Hasher, H256};

use super::{served::Served, Block, Finalised, Limits, Outcome};
use crate::server::keys::Key;

/// Offset → time of arrival (milliseconds of the store's clock, 8 bytes little-endian) and frame.
pub const READINGS: TableDefinition<u64, &[u8]> = TableDefinition::new("readings");
/// Meter → [`Row`].
pub const METERS: TableDefinition<u32, &[u8]> = TableDefinition::new("meters");
/// Meter and sequence of the readings kept → offset.
pub const HELD: TableDefinition<(u32, u64), u64> = TableDefinition::new("held");
/// [`Meta`] → value.
pub const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// [`Tie`] to the chain.
pub const CHAIN: TableDefinition<(), &[u8]> = TableDefinition::new("chain");

/// Keys of [`META`].
pub struct Meta;

impl Meta {
	/// How the tables are laid out; see [`FORMAT`].
	pub const FORMAT: &'static str = "format";
	/// Identity of the store.
	pub const EPOCH: &'static str = "epoch";
	/// The last offset given out; the first is 1.
	pub const OFFSET: &'static str = "offset";
	/// Sum of [`Row::accepted`].
	pub const ACCEPTED: &'static str = "accepted";
	/// For how many milliseconds the store has been open in its life.
	pub const CLOCK: &'static str = "clock";
}

/// The layout of the tables that this program reads and writes.
pub const FORMAT: u64 = 2;

/// Which chain the store is tied to, and which run of it: a development chain that begins anew has the same
/// genesis, but not the same blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Tie {
	/// Hash of the chain's first block.
	pub genesis: H256,
	/// The first finalised block seen after it. A chain that begins anew soon has another one there.
	pub first: Option<Block>,
	/// The last finalised block seen.
	pub last: Option<Block>,
}

/// What is remembered of a meter, also when none of its readings is kept any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Row {
	/// Sequence of the reading stored last.
	pub sequence: u64,
	/// Hash of that reading, without its signature. Once the chain has it, this tells whether what is sent
	/// again is the same.
	pub hash: H256,
	/// How many of its readings are kept.
	pub held: u32,
	/// Sequence of its last reading on chain.
	pub finalised: Option<u64>,
	/// How many of its readings the chain has accepted.
	pub accepted: u64,
	/// The key that the readings kept are signed with.
	pub key: Option<Key>,
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

fn decode(value: &[u8]) -> Option<SignedReading> {
	SignedReading::decode(&mut frame_of(value)).ok()
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
	superseded: u64,
	joined: Vec<MeterId>,
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
			superseded: 0,
			joined: Vec::new(),
		})
	}

	/// All meters that ever delivered.
	pub fn meters(&self) -> Result<Served> {
		let mut served = Served::default();
		for entry in self.meters.iter()? {
			served.add(MeterId(entry?.0.value()));
		}
		Ok(served)
	}

	/// How many readings are kept.
	pub fn count(&self) -> Result<u64> {
		Ok(self.readings.len()?)
	}

	/// Sum of the readings that the chain has accepted of the meters known here.
	pub fn accepted(&self) -> Result<u64> {
		self.meta(Meta::ACCEPTED)
	}

	/// How many readings were deleted in this transaction because their meter has another key now.
	pub fn superseded(&self) -> u64 {
		self.superseded
	}

	/// Meters that delivered for the first time in this transaction.
	pub fn joined(&self) -> &[MeterId] {
		&self.joined
	}

	/// Notes for how long the store has been open in its life.
	pub fn set_clock(&mut self, now: u64) -> Result<()> {
		self.meta.insert(Meta::CLOCK, now)?;
		Ok(())
	}

	/// What the store is tied to; ties it to `genesis` if it is to nothing.
	pub fn tie(&mut self, genesis: H256) -> Result<Tie> {
		if let Some(known) = self.known_tie()? {
			return Ok(known);
		}
		let tie = Tie {
			genesis,
			first: None,
			last: None,
		};
		self.chain.insert((), tie.encode().as_slice())?;
		Ok(tie)
	}

	/// Notes a finalised block of the chain the store is tied to.
	pub fn see(&mut self, block: Block) -> Result<()> {
		let Some(tie) = self.known_tie()? else {
			return Ok(());
		};
		let seen = Some(block).filter(|block| block.number > 0);
		let tie = Tie {
			first: tie.first.or(seen),
			last: seen.or(tie.last),
			..tie
		};
		self.chain.insert((), tie.encode().as_slice())?;
		Ok(())
	}

	fn known_tie(&self) -> Result<Option<Tie>> {
		let value = self.chain.get(())?;
		value
			.map(|value| Tie::decode(&mut value.value()))
			.transpose()
			.map_err(|_| redb::Error::Corrupted("the tie to the chain".into()))
	}

	/// Stores a reading signed with `key`, if it is the newest of its meter and there is room.
	pub fn insert(
		&mut self,
		signed: &SignedReading,
		key: Key,
		now: u64,
		limits: &Limits,
	) -> Result<Outcome> {
		let (meter, sequence) = (signed.reading.meter, signed.reading.sequence);
		let known = self.row(meter)?;
		let is_new = known.is_none();
		let mut row = known.unwrap_or_default();
		match row.key {
			Some(old) if old.device != key.device && old.block > key.block => {
				return Ok(Outcome::OldKey);
			}
			// The chain will never take what is signed with a key that is not the meter's any more, but it
			// would keep the meter from delivering.
			Some(old) if old.device != key.device => {
				self.superseded =
					self.superseded
						.saturating_add(self.remove_until(&mut row, meter, u64::MAX)?);
				row.key = Some(key);
				self.put_row(meter, &row)?;
			}
			_ => {}
		}
		if let Some(outcome) = self.known(&row, signed)? {
			return Ok(outcome);
		}
		if row.held >= limits.max_per_meter {
			return Ok(Outcome::MeterFull);
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
		row.sequence = sequence;
		row.hash = hash_of(signed);
		row.held = row.held.saturating_add(1);
		row.key = row.key.filter(|old| old.block > key.block).or(Some(key));
		self.put_row(meter, &row)?;
		if is_new {
			self.joined.push(meter);
		}
		Ok(Outcome::Stored)
	}

	/// What a reading is that is not newer than all that are kept or on chain. What was kept once and is
	/// neither counts for nothing: nobody has it.
	fn known(&self, row: &Row, signed: &SignedReading) -> Result<Option<Outcome>> {
		let (meter, sequence) = (signed.reading.meter.0, signed.reading.sequence);
		let held = self.held.range((meter, 0)..=(meter, u64::MAX))?.next_back();
		let held = held.transpose()?.map(|(key, _)| key.value().1);
		let Some(newest) = held.max(row.finalised).filter(|newest| sequence <= *newest) else {
			return Ok(None);
		};
		let same = |hash: H256| match hash == hash_of(signed) {
			true => Outcome::Duplicate,
			false => Outcome::Conflict,
		};
		let offset = self
			.held
			.get((meter, sequence))?
			.map(|offset| offset.value());
		if let Some(offset) = offset {
			let stored = self.readings.get(offset)?;
			let stored = stored.and_then(|stored| decode(stored.value()));
			let stored = stored.ok_or_else(|| {
				redb::Error::Corrupted(format!("reading {sequence} of meter {meter}"))
			})?;
			return Ok(Some(same(hash_of(&stored))));
		}
		Ok(Some(
			match sequence == row.sequence && row.finalised >= Some(sequence) {
				true => same(row.hash),
				false => Outcome::Stale { newest },
			},
		))
	}

	/// Deletes the readings of a meter up to a sequence.
	fn remove_until(&mut self, row: &mut Row, meter: MeterId, sequence: u64) -> Result<u64> {
		let mut removed = 0u32;
		let done = self
			.held
			.extract_from_if((meter.0, 0)..=(meter.0, sequence), |_, _| true)?;
		for entry in done {
			let (_, offset) = entry?;
			self.readings.remove(offset.value())?;
			removed = removed.saturating_add(1);
		}
		row.held = row.held.saturating_sub(removed);
		Ok(removed.into())
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
		let deleted = self.remove_until(&mut row, progress.meter, progress.sequence)?;
		let total = self
			.meta(Meta::ACCEPTED)?
			.saturating_sub(row.accepted)
			.saturating_add(progress.accepted);
		self.meta.insert(Meta::ACCEPTED, total)?;
		row.finalised = Some(progress.sequence);
		row.accepted = progress.accepted;
		self.put_row(progress.meter, &row)?;
		Ok(deleted)
	}

	/// Deletes the oldest readings that arrived before `before`, at most `most`.
	pub fn expire(&mut self, before: u64, most: usize) -> Result<u64> {
		let mut old = Vec::new();
		for entry in self.readings.range(0..)?.take(most) {
			let (offset, value) = entry?;
			if received_at(value.value()) >= before {
				break;
			}
			let signed = decode(value.value());
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
