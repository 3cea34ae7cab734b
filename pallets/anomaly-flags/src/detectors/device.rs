//! What a device says of itself: its tamper switches, and its clock.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{reading::status, Period};
use scale_info::TypeInfo;

use super::{Finding, Run};

/// A cover that was opened, or a magnet. Seen: the bits that are set.
pub fn tampered(bits: u16) -> Option<Finding> {
	let set = bits & status::TAMPERED;
	(set != 0).then(|| Finding::new(set, 0))
}

/// In how many periods in a row a meter's clock was seen to be wrong.
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
pub struct Drift {
	/// The periods.
	pub run: Run,
	/// The last of them, by chain time.
	pub counted: Period,
}

/// How far a clock may be off.
#[derive(Clone, Copy, Debug)]
pub struct ClockBounds {
	/// Seconds that a reading may be ahead of the chain.
	pub ahead: u32,
	/// Seconds that the newest reading of a meter may be behind the chain when it comes.
	pub behind: u32,
	/// How many periods in a row it takes.
	pub repeats: u8,
}

impl Drift {
	/// Looks at the newest reading of a meter, captured at `captured_at` by its clock, that comes at `now`, in
	/// `period`. Seen: how many seconds it is ahead.
	///
	/// A clock that is behind makes every reading late, and so does a gateway that was cut off; but that one
	/// catches up: readings that come in one period count once, and one that is in time ends the run. A device
	/// that says its clock is not synchronised is believed.
	pub fn observe(
		&mut self,
		captured_at: u64,
		now: u64,
		bits: u16,
		period: Period,
		bounds: &ClockBounds,
	) -> Option<Finding> {
		let ahead = i128::from(captured_at).saturating_sub(now.into());
		let (most, least) = (
			i128::from(bounds.ahead),
			0i128.saturating_sub(bounds.behind.into()),
		);
		let bad = ahead > most || ahead < least || bits & status::CLOCK_UNSYNCHRONISED != 0;
		if bad && self.run != Run::default() && self.counted == period {
			return None;
		}
		self.counted = if bad { period } else { Period::default() };
		let full = self.run.count(bad, bounds.repeats);
		full.then(|| Finding::new(ahead, ahead.clamp(least, most)))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	const BOUNDS: ClockBounds = ClockBounds {
		ahead: 60,
		behind: 1_800,
		repeats: 3,
	};

	fn look(drift: &mut Drift, captured_at: u64, now: u64) -> Option<Finding> {
		drift.observe(captured_at, now, 0, Period((now / 900) as u32), &BOUNDS)
	}

	#[test]
	fn bits_that_report_an_attack_should_be_found_and_no_others() {
		assert_eq!(
			tampered(status::POWER_FAILED | status::CLOCK_UNSYNCHRONISED),
			None
		);
		assert_eq!(
			tampered(status::MAGNET | status::POWER_FAILED),
			Some(Finding::new(status::MAGNET, 0))
		);
		for bit in 0..16u16 {
			let found = tampered(1 << bit).is_some();
			assert_eq!(found, bit < 3, "bit {bit}");
		}
	}

	#[test]
	fn a_clock_that_stays_behind_should_be_found_at_the_third_period() {
		let mut drift = Drift::default();
		let late = |at: u64| at * 900 - 1_801;
		assert_eq!(look(&mut drift, late(1_000), 900_000), None);
		assert_eq!(look(&mut drift, late(1_001), 900_900), None);
		assert_eq!(
			look(&mut drift, late(1_002), 901_800),
			Some(Finding::new(-1_801, -1_800))
		);
		// Told of again only after as long.
		assert_eq!(look(&mut drift, late(1_003), 902_700), None);
	}

	#[test]
	fn a_backlog_that_comes_in_one_period_should_count_once() {
		let mut drift = Drift::default();
		for n in 0..50 {
			assert_eq!(look(&mut drift, 800_000 + n * 900, 900_000), None);
		}
		assert_eq!(drift.run, Run(1));
		assert_eq!(look(&mut drift, 900_900, 900_910), None);
		assert_eq!(drift, Drift::default());
	}

	#[test]
	fn a_clock_ahead_or_not_synchronised_should_be_found() {
		let mut drift = Drift::default();
		let mut found = None;
		for n in 1_000..1_003 {
			found = look(&mut drift, n * 900 + 61, n * 900);
		}
		assert_eq!(found, Some(Finding::new(61, 60)));
		let mut drift = Drift::default();
		for n in 1_000u64..1_003 {
			let at = n * 900;
			found = drift.observe(
				at,
				at,
				status::CLOCK_UNSYNCHRONISED,
				Period(n as u32),
				&BOUNDS,
			);
		}
		assert_eq!(found, Some(Finding::new(0, 0)));
	}

	proptest! {
		#[test]
		fn a_clock_within_its_bounds_should_never_be_found(
			steps in prop::collection::vec((1u64..3_000, -1_800i64..=60), 1..60),
		) {
			let (mut drift, mut now) = (Drift::default(), 10_000_000u64);
			for (step, off) in steps {
				now += step;
				prop_assert_eq!(look(&mut drift, now.saturating_add_signed(off), now), None);
				prop_assert_eq!(drift, Drift::default());
			}
		}

		#[test]
		fn no_times_should_overflow(
			captured_at: u64, now: u64, bits: u16, period: u32, run: u8, ahead: u32, behind: u32,
		) {
			let mut drift = Drift { run: Run(run), counted: Period(1) };
			let bounds = ClockBounds { ahead, behind, repeats: 8 };
			drift.observe(captured_at, now, bits, Period(period), &bounds);
		}
	}
}
