//! Which readings can be accepted. Pure, apart from reading the clock.

use alloc::vec::Vec;

use gridweave_primitives::{
	reading::{Reading, SignedReading},
	traits::{SettlementClock, SettlementProgress},
	MicrogridId, Period, PeriodClock,
};

use crate::Config;

/// Most seconds a reading may lie ahead of the chain, if a period is not shorter.
pub const MAX_LEAD: u64 = 300;

/// The clock and the time, read once for all readings of a call.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
	/// The clock.
	pub clock: PeriodClock,
	/// Chain time, Unix seconds.
	pub now: u64,
}

impl Moment {
	/// Now.
	pub fn read<T: Config>() -> Self {
		Self {
			clock: T::Clock::clock(),
			now: T::Clock::now(),
		}
	}

	/// The latest second a reading may have been captured at.
	fn horizon(&self) -> u64 {
		self.now
			.saturating_add(MAX_LEAD.min(self.clock.period_length.into()))
	}

	/// The first period of a microgrid that is not yet to be pruned.
	pub fn kept_from<T: Config>(&self, microgrid: MicrogridId) -> Period {
		self.clock
			.expired_before(self.now)
			.min(T::Progress::settled_before(microgrid))
	}
}

/// Whether a reading can be accepted after the latest of its meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
	/// It can.
	Fresh,
	/// It is not newer, or older than the meter's admission.
	Stale,
	/// It was captured in the future.
	Future,
}

/// Whether `reading` can be accepted now, by a meter admitted at `admitted_at` whose latest reading had
/// this sequence and time.
pub fn freshness(
	moment: &Moment,
	latest: Option<(u64, u64)>,
	admitted_at: u64,
	reading: &Reading,
) -> Freshness {
	let newer = match latest {
		Some((sequence, captured_at)) => {
			reading.sequence > sequence && reading.captured_at > captured_at
		}
		None => reading.captured_at >= admitted_at,
	};
	match (newer, reading.captured_at <= moment.horizon()) {
		(false, _) => Freshness::Stale,
		(true, false) => Freshness::Future,
		(true, true) => Freshness::Fresh,
	}
}

/// Whether readings ascend by meter, and of one meter by sequence.
pub fn is_ordered(readings: &[SignedReading]) -> bool {
	readings.windows(2).all(|pair| match pair {
		[a, b] => (a.reading.meter, a.reading.sequence) < (b.reading.meter, b.reading.sequence),
		_ => true,
	})
}

/// On how many pages the meters of ordered readings lie.
pub fn count_pages(readings: &[SignedReading]) -> u32 {
	let mut pages: Vec<u32> = readings
		.iter()
		.map(|signed| signed.reading.meter.page())
		.collect();
	pages.dedup();
	count(pages.len())
}

/// The length of a bounded list: it fits.
pub fn count(length: usize) -> u32 {
	u32::try_from(length).unwrap_or(u32::MAX)
}
