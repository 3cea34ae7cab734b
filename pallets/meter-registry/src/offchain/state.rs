//! What the worker remembers between runs, and what it tells operators. Bounded: a few gateways, and as
//! many readings as may fly.

use alloc::{collections::BTreeSet, vec::Vec};

use codec::{Decode, Encode};
use gridweave_primitives::{reading::SignedReading, MeterId};

use super::{fetch::FetchError, LANDED_BLOCKS, MAX_BACK_OFF_BLOCKS, SWEEP_BLOCKS};
use crate::freshness::count;

/// How many blocks are told apart in which readings were first seen.
const MARKS: usize = 32;

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct State {
	/// Batches that may still come on chain.
	pub flights: Flights,
	/// One for each URL, in the order of the node's list.
	pub gateways: Vec<GatewayState>,
}

impl State {
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
	/// Where the cursor was at the last sweep.
	swept: u64,
	/// The block of the last sweep.
	swept_at: u64,
	/// In which block offsets were first seen: (block, last offset), both ascending.
	marks: Vec<(u64, u64)>,
	/// How often in a row it failed.
	pub failures: u32,
	/// It is not asked before this block.
	retry_at: u64,
}

impl GatewayState {
	/// Begins with another store.
	pub fn begin(&mut self, epoch: u64, block: u64) {
		let url = core::mem::take(&mut self.url);
		*self = Self {
			url,
			epoch: Some(epoch),
			swept_at: block,
			..Self::default()
		};
	}

	/// Goes back to where the cursor was a sweep before, if it is time. A chain that was reverted makes it
	/// so, too.
	pub fn sweep_if_due(&mut self, block: u64) {
		if block
			.checked_sub(self.swept_at)
			.is_some_and(|since| since < SWEEP_BLOCKS)
		{
			return;
		}
		let cursor = self.cursor;
		self.cursor = self.swept.min(cursor);
		self.swept = cursor;
		self.swept_at = block;
	}

	/// Notes a failure: it is asked again after 1, 2, 4, … blocks.
	pub fn fail(&mut self, block: u64) {
		let pause = 1u64
			.checked_shl(self.failures)
			.unwrap_or(u64::MAX)
			.min(MAX_BACK_OFF_BLOCKS);
		self.failures = self.failures.saturating_add(1);
		self.retry_at = block.saturating_add(pause);
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
	/// The highest sequence of each of its meters.
	meters: Vec<(MeterId, u64)>,
}

/// The batches in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Flights(Vec<Flight>);

impl Flights {
	/// How many readings fly.
	pub fn readings(&self) -> u32 {
		self.0
			.iter()
			.fold(0u32, |sum, flight| sum.saturating_add(flight.readings))
	}

	/// The pages of meters in flight: another batch with one of them would be refused by the pool.
	pub fn pages(&self) -> BTreeSet<u32> {
		self.0
			.iter()
			.flat_map(|flight| &flight.meters)
			.map(|(meter, _)| meter.page())
			.collect()
	}

	/// Notes a batch, in order of meters.
	pub fn depart(&mut self, submitted: u64, expires: u64, readings: &[SignedReading]) {
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
			meters,
		});
	}

	/// Forgets what has landed and what is given up. `latest` tells a meter's latest sequence on chain.
	pub fn settle(
		&mut self,
		block: u64,
		tally: &mut Tally,
		latest: impl Fn(MeterId) -> Option<u64>,
	) {
		self.0.retain(|flight| {
			let arrived = |(meter, sequence): &&(MeterId, u64)| latest(*meter) >= Some(*sequence);
			let landed = flight.meters.iter().filter(arrived).count();
			if landed == flight.meters.len() {
				tally.landed = tally.landed.saturating_add(flight.readings);
				return false;
			}
			let over = match block.checked_sub(flight.submitted) {
				// A batch comes all at once: what one that landed did not bring does not come any more.
				Some(age) => block >= flight.expires || (landed > 0 && age >= LANDED_BLOCKS),
				// The chain was reverted to before it.
				None => true,
			};
			if over {
				tally.expired = tally.expired.saturating_add(1);
			}
			!over
		});
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
	/// Of each gateway.
	pub gateways: Vec<GatewayProgress>,
}

/// How a gateway stood.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GatewayProgress {
	/// Its base URL.
	pub url: Vec<u8>,
	/// Everything up to this offset is settled.
	pub cursor: u64,
	/// Readings seen in this run that are not.
	pub waiting: u32,
	/// For how many blocks the oldest of them has been waiting: the lag.
	pub oldest: Option<u64>,
	/// How often in a row it failed.
	pub failures: u32,
	/// Why it failed in this run.
	pub error: Option<FetchError>,
}
