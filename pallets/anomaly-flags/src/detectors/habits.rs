//! What a day's periods are like: how many are idle, how far the highest stands above the mean, how much one
//! differs from the next.
//!
//! Amount and rough shape of a day may stay as they are, or fall no further than they sometimes do, and still the day
//! is not the meter's own: it has hours of nothing (attack h2 of Jokar et al. 2016), no peaks (h4, h5), or a scatter
//! that the meter never had (h3).

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// How many habits there are.
pub const HABITS: usize = 3;

/// A period is idle if at most this part of the mean period is taken and given.
const IDLE: u64 = 16;

/// Fixed point of shares.
const WHOLE: i128 = 1_024;

/// The least deviation that is usual, finer ones are chance: of idle periods; of the share that the mean is of the
/// peak, and of what periods differ by as a share of the day, in 1/1024.
pub const LEAST: [i128; HABITS] = [2, 20, 31];

/// What today's periods are like so far.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Habits {
	/// Periods in which next to nothing was taken and given.
	pub idle: u8,
	/// The highest import of a period, in Wh.
	pub peak: u32,
	/// What each period differed from the one before, summed, in Wh.
	pub scatter: u32,
}

impl Habits {
	/// Adds a period: what was taken, what was given, what was taken in the period before if that is known, and in a
	/// usual day; in Wh, of a day with so many periods.
	pub fn add(
		&mut self,
		import: u32,
		export: u32,
		before: Option<u32>,
		usual_day: u64,
		periods_per_day: u32,
	) {
		let mean = usual_day / u64::from(periods_per_day.max(1));
		if u64::from(import).saturating_add(export.into()) <= mean / IDLE {
			self.idle = self.idle.saturating_add(1);
		}
		self.peak = self.peak.max(import);
		if let Some(before) = before {
			self.scatter = self.scatter.saturating_add(import.abs_diff(before));
		}
	}

	/// The numbers of a day in which so many Wh were taken: idle periods; the mean as a share of the peak, and what
	/// periods differed by as a share of the day, in 1/1024.
	pub fn numbers(&self, import: u64, periods_per_day: u32) -> [i128; HABITS] {
		let whole = i128::from(import);
		let highest = i128::from(self.peak).saturating_mul(periods_per_day.into());
		[
			self.idle.into(),
			whole.saturating_mul(WHOLE) / highest.max(1),
			i128::from(self.scatter).saturating_mul(WHOLE) / whole.max(1),
		]
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn numbers(day: &[u32]) -> [i128; HABITS] {
		let mut habits = Habits::default();
		let mut before = None;
		for import in day {
			habits.add(*import, 0, before, 9_600, 96);
			before = Some(*import);
		}
		habits.numbers(day.iter().map(|import| u64::from(*import)).sum(), 96)
	}

	#[test]
	fn a_constant_day_should_have_no_peak_and_no_scatter() {
		assert_eq!(numbers(&[100; 96]), [0, 1_024, 0]);
	}

	#[test]
	fn a_day_with_holes_should_have_idle_periods() {
		let mut day = [100; 96];
		day[20..36].fill(6);
		let [idle, peak, scatter] = numbers(&day);
		assert_eq!(idle, 16);
		assert!((850..880).contains(&peak), "{peak}");
		// Down and up again: 188 of 8,096 Wh.
		assert_eq!(scatter, 23);
	}

	#[test]
	fn who_feeds_in_should_not_be_idle() {
		let mut habits = Habits::default();
		habits.add(0, 500, Some(0), 9_600, 96);
		assert_eq!(habits.idle, 0);
	}

	proptest! {
		#[test]
		fn numbers_should_stay_within_their_bounds(day in prop::collection::vec(0u32..1 << 24, 96)) {
			let [idle, peak, scatter] = numbers(&day);
			prop_assert!((0..=96).contains(&idle));
			prop_assert!((0..=WHOLE).contains(&peak));
			prop_assert!((0..=2 * WHOLE).contains(&scatter));
		}

		#[test]
		fn no_values_should_overflow(
			import: u32, export: u32, before: Option<u32>, usual: u64, periods: u32, whole: u64,
			idle: u8, peak: u32, scatter: u32,
		) {
			let mut habits = Habits { idle, peak, scatter };
			habits.add(import, export, before, usual, periods);
			habits.numbers(whole, periods);
		}
	}
}
