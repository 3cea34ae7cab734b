//! What the worker remembers between runs, and what it tells operators. Bounded: a few gateways, and as
//! many readings as may fly.

use alloc::{collections::BTreeSet, vec::Vec};

use codec::{Decode, Encode};
use gridweave_primitives::{reading::SignedReading, MeterId};
use sp_core::H256;

use super::{fetch::FetchError, LANDED_BLOCKS, MAX_BACK_OFF_BLOCKS, SWEEP_BLOCKS};
use crate::freshness::count;

/// How many blocks are told apart in which readings were first seen.
const MARKS: usize = 32;

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct State {
	/// Number and hash of the block after which the worker ran last.
	last: Option<(u64, H256)>,
	/// Batches that may still come on chain.
	pub flights: Flights,
	/// One for each URL, in the order of the node's list.
	pub gateways: Vec<GatewayState>,
}

impl State {
	/// Notes that the worker runs after a block; `hash_of` tells hashes of the chain it is on. If that is
	/// not the chain of the last run, readings may have been retracted with their blocks: all that
	/// gateways keep, which is what is not finalised, is looked at again.
	pub fn arrive(&mut self, block: u64, hash_of: impl Fn(u64) -> H256) {
		let same = |(number, hash): (u64, H256)| number <= block && hash_of(number) == hash;
		if !self.last.is_none_or(same) {
			for gateway in &mut self.gateways {
				gateway.rewind();
			}
		}
		self.last = Some((block, hash_of(block)));
	}

	/// Keeps what is known of these gateways, in this order, and forgets others.
	pub fn keep_only(&mut self, urls: &[Vec<u8>]) {
		let mut known = core::mem::take(&mut self.gateways);
		let mut take = |url: &Vec<u8>| {
			let place = known.iter().position(|gateway| gateway.url == *url)?;
			Some(known.swap_remove(place))
		};
		let new = |url: &Vec<u8>| GatewayState {
			url: url.clone(),
			..GatewayState::default()
		};
		self.gateways = urls
			.iter()
			.map(|url| take(url).unwrap_or_else(|| new(url)))
			.collect();
	}
}

/// How far a gateway was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct GatewayState {
	/// Its base URL.
	pub url: Vec<u8>,
	/// Identity of its store.
	pub epoch: Option<u64>,
	/// Everything up to this offset is settled.
	pub cursor: u64,
	/// The block in which the gateway's last reading was reached, since it is read from its start.
	reached: Option<u64>,
	/// In which block offsets were first seen: (block, last offset), both ascending.
	marks: Vec<(u64, u64)>,
	/// How often in a row it failed.
	pub failures: u32,
	/// The block of the last failure.
	failed_at: Option<u64>,
	/// It is not asked before this block.
	retry_at: u64,
	/// Why it failed last, until it does not.
	error: Option<FetchError>,
	/// The block of the last visit without a failure.
	succeeded: Option<u64>,
	/// Readings seen in the last visit that were not settled.
	waiting: u32,
	/// The block in which the oldest of them was first seen.
	oldest: Option<u64>,
}

impl GatewayState {
	/// Begins with another store.
	pub fn begin(&mut self, epoch: u64) {
		self.epoch = Some(epoch);
		self.marks.clear();
		self.rewind();
	}

	/// Goes back to the oldest reading that the gateway keeps.
	fn rewind(&mut self) {
		self.cursor = 0;
		self.reached = None;
	}

	/// Goes back to the oldest reading that the gateway keeps, if it is time: some blocks after all there is
	/// was looked at. With many readings waiting, the worker would not get on otherwise.
	pub fn sweep_if_due(&mut self, block: u64) {
		let due = |reached: u64| match block.checked_sub(reached) {
			Some(since) => since >= SWEEP_BLOCKS,
			// The chain was reverted.
			None => true,
		};
		if self.reached.is_some_and(due) {
			self.rewind();
		}
	}

	/// Notes that there is no reading after `head` now. If there once was, the store has lost it, and its
	/// offset may come again.
	pub fn reach(&mut self, block: u64, head: u64) {
		self.reached.get_or_insert(block);
		let kept = self.marks.partition_point(|(_, last)| *last < head);
		self.marks.truncate(kept.saturating_add(1));
		if let Some((_, last)) = self.marks.get_mut(kept) {
			*last = head;
		}
	}

	/// Notes a visit without a failure.
	pub fn succeed(&mut self, block: u64) {
		self.failures = 0;
		self.error = None;
		self.succeeded = Some(block);
	}

	/// Notes a failure: it is asked again after 1, 2, 4, … blocks.
	pub fn fail(&mut self, block: u64, error: FetchError) {
		let pause = 1u64
			.checked_shl(self.failures)
			.unwrap_or(u64::MAX)
			.min(MAX_BACK_OFF_BLOCKS);
		self.failures = self.failures.saturating_add(1);
		self.failed_at = Some(block);
		self.retry_at = block.saturating_add(pause);
		self.error = Some(error);
	}

	/// Whether it failed in this block's run.
	pub fn failed_at(&self, block: u64) -> bool {
		self.error.is_some() && self.failed_at == Some(block)
	}

	/// Notes how many readings are waiting, from this offset on, and that all before are settled.
	pub fn advance(&mut self, block: u64, settled: u64, waiting: u32, first: Option<u64>) {
		self.cursor = first.map_or(settled, |offset| offset.saturating_sub(1));
		self.waiting = waiting;
		self.oldest = first.map(|offset| block.saturating_sub(self.age(offset, block)));
	}

	/// What operators are told of it.
	pub fn progress(&self, block: u64) -> GatewayProgress {
		GatewayProgress {
			url: self.url.clone(),
			cursor: self.cursor,
			waiting: self.waiting,
			oldest: self
				.oldest
				.map(|first_seen| block.saturating_sub(first_seen)),
			failures: self.failures,
			error: self.error.clone(),
			succeeded: self.succeeded,
		}
	}

	/// Whether it is left alone: no longer than the longest pause, even if the chain was reverted.
	pub fn rests(&self, block: u64) -> bool {
		self.retry_at > block && self.retry_at.saturating_sub(block) <= MAX_BACK_OFF_BLOCKS
	}

	/// Notes that everything up to `offset` was seen by `block`.
	pub fn mark(&mut self, block: u64, offset: u64) {
		match self.marks.last_mut() {
			Some((_, last)) if *last >= offset => return,
			Some((at, last)) if *at == block => *last = offset,
			_ => self.marks.push((block, offset)),
		}
		if self.marks.len() > MARKS {
			// The two oldest become one, at the time of the older.
			let (_, second) = self.marks.remove(1);
			if let Some((_, first)) = self.marks.first_mut() {
				*first = second;
			}
		}
	}

	/// How many blocks ago an offset was first seen.
	pub fn age(&self, offset: u64, block: u64) -> u64 {
		let mark = self.marks.iter().find(|(_, last)| offset <= *last);
		mark.map_or(0, |(at, _)| block.saturating_sub(*at))
	}
}

/// A batch that was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Flight {
	/// In which block.
	submitted: u64,
	/// When it is given up.
	expires: u64,
	/// How many readings it brings.
	readings: u32,
	/// What it weighs at most, in picoseconds.
	weight: u64,
	/// The highest sequence of each of its meters.
	meters: Vec<(MeterId, u64)>,
}

/// The batches in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Flights(Vec<Flight>);

impl Flight {
	fn pages(&self) -> impl Iterator<Item = u32> + '_ {
		self.meters.iter().map(|(meter, _)| meter.page())
	}
}

impl Flights {
	/// How many batches fly.
	pub fn batches(&self) -> u32 {
		count(self.0.len())
	}

	/// How many readings fly.
	pub fn readings(&self) -> u32 {
		self.0
			.iter()
			.fold(0u32, |sum, flight| sum.saturating_add(flight.readings))
	}

	/// What they weigh at most, in picoseconds.
	pub fn weight(&self) -> u64 {
		self.0
			.iter()
			.fold(0u64, |sum, flight| sum.saturating_add(flight.weight))
	}

	/// The pages of meters in flight: another batch with one of them would be refused by the pool.
	pub fn pages(&self) -> BTreeSet<u32> {
		self.0.iter().flat_map(Flight::pages).collect()
	}

	/// Notes a batch, in order of meters, of `weight` picoseconds.
	pub fn depart(
		&mut self,
		submitted: u64,
		expires: u64,
		readings: &[SignedReading],
		weight: u64,
	) {
		let mut meters: Vec<(MeterId, u64)> = Vec::new();
		for SignedReading { reading, .. } in readings {
			match meters.last_mut() {
				Some((meter, highest)) if *meter == reading.meter => *highest = reading.sequence,
				_ => meters.push((reading.meter, reading.sequence)),
			}
		}
		self.0.push(Flight {
			submitted,
			expires,
			readings: count(readings.len()),
			weight,
			meters,
		});
	}

	/// Forgets what has landed and what is given up. `latest` tells a meter's latest sequence on chain.
	/// Returns the pages of what has landed: the pool may not have seen the block yet, and would refuse
	/// their next batch, which provides the same tags at the block before.
	pub fn settle(
		&mut self,
		block: u64,
		tally: &mut Tally,
		latest: impl Fn(MeterId) -> Option<u64>,
	) -> BTreeSet<u32> {
		let mut pages = BTreeSet::new();
		self.0.retain(|flight| {
			let arrived = |(meter, sequence): &&(MeterId, u64)| latest(*meter) >= Some(*sequence);
			let landed = flight.meters.iter().filter(arrived).count();
			let over = match block.checked_sub(flight.submitted) {
				_ if landed == flight.meters.len() => true,
				// A batch comes all at once: what one that landed did not bring does not come any more.
				Some(age) => block >= flight.expires || (landed > 0 && age >= LANDED_BLOCKS),
				// The chain was reverted to before it.
				None => true,
			};
			if over && landed == flight.meters.len() {
				tally.landed = tally.landed.saturating_add(flight.readings);
			} else if over {
				tally.expired = tally.expired.saturating_add(1);
			}
			if over && landed > 0 {
				pages.extend(flight.pages());
			}
			!over
		});
		pages
	}
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tally {
	/// Readings submitted.
	pub submitted: u32,
	/// In so many batches.
	pub batches: u32,
	/// Of those, refused by the pool at once.
	pub refused: u32,
	/// Readings of batches found on chain.
	pub landed: u32,
	/// Batches given up: their readings are brought again.
	pub expired: u32,
	/// Readings skipped: not newer than the latest on chain.
	pub stale: u32,
	/// Readings skipped: their meter is not known, not admitted, or retired.
	pub unknown: u32,
	/// Readings skipped: not signed by their meter's key.
	pub bad_signature: u32,
	/// Readings skipped: from the future, for too long.
	pub future: u32,
}

impl Tally {
	/// Whether operators want to read of it. Stale readings are what a gateway serves until they are
	/// finalised.
	pub fn is_noteworthy(&self) -> bool {
		Self { stale: 0, ..*self } != Self::default()
	}
}

impl core::fmt::Display for Tally {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		write!(
			f,
			"{} readings submitted in {} batches ({} refused), {} landed, {} batches given up; skipped: \
			{} stale, {} of unknown meters, {} badly signed, {} from the future",
			self.submitted,
			self.batches,
			self.refused,
			self.landed,
			self.expired,
			self.stale,
			self.unknown,
			self.bad_signature,
			self.future,
		)
	}
}

/// What the worker did in its last run: SCALE-encoded under [`PROGRESS_KEY`](super::PROGRESS_KEY).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Progress {
	/// The block after which it ran.
	pub block: u64,
	/// What it did.
	pub tally: Tally,
	/// Readings in flight after it.
	pub in_flight: u32,
	/// In so many batches.
	pub batches_in_flight: u32,
	/// Of each gateway, in the order of the node's list.
	pub gateways: Vec<GatewayProgress>,
}

/// How a gateway stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GatewayProgress {
	/// Its base URL.
	pub url: Vec<u8>,
	/// Everything up to this offset is settled.
	pub cursor: u64,
	/// Readings seen in the last visit that are not.
	pub waiting: u32,
	/// For how many blocks the oldest of them has been waiting: the lag.
	pub oldest: Option<u64>,
	/// How often in a row it failed. It is left alone for a while after each.
	pub failures: u32,
	/// Why it failed last, if it has not answered since.
	pub error: Option<FetchError>,
	/// The block after which it last answered as it should.
	pub succeeded: Option<u64>,
}
