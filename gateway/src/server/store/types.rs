//! What goes in and comes out.

use std::time::Duration;

use codec::{Decode, Encode};
use gridweave_primitives::MeterId;
use sp_core::H256;

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
	/// It was checked with a key that newer blocks say is not the meter's.
	OldKey,
}

/// A block of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Block {
	/// How many blocks are before it.
	pub number: u64,
	/// Hash of its header.
	pub hash: H256,
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
	/// The disk failed or is full. Whether anything of it was written is not known; come again.
	#[error("the store fails, and it is not known what was written; come again")]
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
	/// The store is of this chain, but of another run of it.
	#[error(
		"this node's chain is another run: its block {number} is {found:?}, that of the store is {stored:?}. \
		No reading in the store is of use to it: begin a new store"
	)]
	AnotherRun {
		/// Number of the block by which they differ.
		number: u64,
		/// Its hash when the store saw it.
		stored: H256,
		/// Its hash now.
		found: H256,
	},
}

impl StoreError {
	pub(super) fn disk(error: impl Into<redb::Error>) -> Self {
		Self::Disk(error.into().to_string())
	}
}
