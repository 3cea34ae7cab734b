//! Settlement periods: the only place where time is divided.

use codec::{CompactAs, Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use serde::{Deserialize, Serialize};

/// A settlement period: `unix_seconds / period_length`. In Europe a quarter of an hour
/// (Regulation (EU) 2017/2195, article 53).
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Encode,
	Decode,
	DecodeWithMemTracking,
	CompactAs,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(transparent)]
pub struct Period(pub u32);

impl Period {
	/// The period `n` later.
	pub const fn saturating_add(self, n: u32) -> Self {
		Self(self.0.saturating_add(n))
	}

	/// The period `n` earlier.
	pub const fn saturating_sub(self, n: u32) -> Self {
		Self(self.0.saturating_sub(n))
	}

	/// The next period.
	pub const fn next(self) -> Self {
		self.saturating_add(1)
	}
}

impl core::fmt::Display for Period {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		self.0.fmt(f)
	}
}

/// The clock of a chain, fixed at genesis. All times are Unix seconds, UTC.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct PeriodClock {
	/// Length of a settlement period, in seconds; a whole multiple of the block time.
	pub period_length: u32,
	/// How many settlement periods make a day: 96 quarters of an hour.
	pub periods_per_day: u32,
	/// Added to a period before it is divided into days, so that the weekdays of replayed data are those
	/// of the day they were measured on. 0 in production.
	pub day_offset: u32,
	/// How many periods after its end a period still takes late readings. Then its energy is frozen.
	pub grace: u32,
	/// How many periods a settled period is kept after its energy froze, before it is pruned. One that is
	/// settled later is kept until then.
	pub retention: u32,
}

impl Default for PeriodClock {
	/// Production: quarters of an hour.
	fn default() -> Self {
		Self {
			period_length: 900,
			periods_per_day: 96,
			day_offset: 0,
			grace: 2,
			retention: 4,
		}
	}
}

impl PeriodClock {
	/// Why this clock cannot drive a chain of blocks of `block_seconds`, if it cannot.
	pub fn check(&self, block_seconds: u32) -> Result<(), &'static str> {
		if block_seconds == 0 || self.period_length == 0 {
			return Err("block time and period length must not be zero");
		}
		if !self.period_length.is_multiple_of(block_seconds) {
			return Err("the period length must be a whole multiple of the block time");
		}
		if self.periods_per_day == 0 {
			return Err("a day must have at least one period");
		}
		Ok(())
	}

	/// The period that contains the second `at`.
	pub fn period_at(&self, at: u64) -> Period {
		Period(u32::try_from(at / u64::from(self.period_length.max(1))).unwrap_or(u32::MAX))
	}

	/// The period whose energy a reading at `at` completes: a reading on a boundary closes the period
	/// that ends there. `at` 0 gives period 0.
	pub fn period_before(&self, at: u64) -> Period {
		self.period_at(at.saturating_sub(1))
	}

	/// First second of a period.
	pub const fn start_of(&self, period: Period) -> u64 {
		period.0 as u64 * self.period_length as u64
	}

	/// The second after the last of a period.
	pub const fn end_of(&self, period: Period) -> u64 {
		self.start_of(period) + self.period_length as u64
	}

	/// When a period's energy is frozen: the end of its grace.
	pub const fn freezes_at(&self, period: Period) -> u64 {
		self.end_of(period) + self.grace as u64 * self.period_length as u64
	}

	/// Whether a period's energy is frozen at `now`.
	pub const fn is_frozen(&self, period: Period, now: u64) -> bool {
		now >= self.freezes_at(period)
	}

	/// The first period whose energy is not frozen at `now`.
	pub fn frozen_before(&self, now: u64) -> Period {
		self.period_at(now).saturating_sub(self.grace)
	}

	/// From when on a period is no longer kept, provided that its settlement is done: `retention` periods
	/// after its energy froze.
	pub const fn expires_at(&self, period: Period) -> u64 {
		self.freezes_at(period) + self.retention as u64 * self.period_length as u64
	}

	/// The first period that has not yet expired at `now` ([`Self::expires_at`]).
	pub fn expired_before(&self, now: u64) -> Period {
		self.frozen_before(now).saturating_sub(self.retention)
	}

	/// The number of the day a period belongs to.
	pub const fn day_of(&self, period: Period) -> u64 {
		(period.0 as u64 + self.day_offset as u64) / self.periods_per_day as u64
	}

	/// The place of a period in its day, from 0.
	pub const fn period_of_day(&self, period: Period) -> u32 {
		((period.0 as u64 + self.day_offset as u64) % self.periods_per_day as u64) as u32
	}

	/// Whether a period lies on a Saturday or Sunday.
	pub const fn is_weekend(&self, period: Period) -> bool {
		is_weekend(self.day_of(period))
	}
}

/// Whether the day of this number ([`PeriodClock::day_of`]) is a Saturday or Sunday. Day 0, 1 January 1970, was a
/// Thursday.
pub const fn is_weekend(day: u64) -> bool {
	matches!(day % 7, 2 | 3)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn a_boundary_should_belong_to_the_next_period_and_close_the_last() {
		let clock = PeriodClock::default();
		assert_eq!(clock.period_at(899), Period(0));
		assert_eq!(clock.period_at(900), Period(1));
		assert_eq!(clock.period_before(900), Period(0));
		assert_eq!(clock.period_before(901), Period(1));
	}

	#[test]
	fn a_clock_that_blocks_cannot_follow_should_be_refused() {
		let clock = PeriodClock::default();
		assert!(clock.check(3).is_ok());
		assert!(clock.check(0).is_err());
		assert!(PeriodClock {
			period_length: 10,
			..clock
		}
		.check(3)
		.is_err());
		assert!(PeriodClock {
			period_length: 0,
			..clock
		}
		.check(3)
		.is_err());
		assert!(PeriodClock {
			periods_per_day: 0,
			..clock
		}
		.check(3)
		.is_err());
	}

	#[test]
	fn weekends_should_be_those_of_the_calendar() {
		let clock = PeriodClock::default();
		// 2026-01-03 00:00 UTC, a Saturday.
		let saturday = clock.period_at(1_767_398_400);
		assert!(!clock.is_weekend(saturday.saturating_sub(1)));
		assert!(clock.is_weekend(saturday));
		assert!(clock.is_weekend(saturday.saturating_add(2 * 96 - 1)));
		assert!(!clock.is_weekend(saturday.saturating_add(2 * 96)));
	}

	proptest! {
		#[test]
		fn every_second_should_lie_in_its_period(at in 0u64..u32::MAX as u64, length in 1u32..100_000) {
			let clock = PeriodClock { period_length: length, ..PeriodClock::default() };
			let period = clock.period_at(at);
			prop_assert!(clock.start_of(period) <= at && at < clock.end_of(period));
		}

		#[test]
		fn periods_should_expire_one_by_one(
			at in 0u64..u32::MAX as u64,
			length in 1u32..100_000,
			grace in 0u32..100,
			retention in 0u32..100,
		) {
			let clock =
				PeriodClock { period_length: length, grace, retention, ..PeriodClock::default() };
			let open = clock.frozen_before(at);
			prop_assert!(!clock.is_frozen(open, at));
			if let Some(frozen) = open.0.checked_sub(1) {
				prop_assert!(clock.is_frozen(Period(frozen), at));
			}
			let kept = clock.expired_before(at);
			prop_assert!(at < clock.expires_at(kept));
			if let Some(expired) = kept.0.checked_sub(1) {
				prop_assert!(at >= clock.expires_at(Period(expired)));
			}
		}
	}
}
