//! What a meter's periods show one after another: silence, runs of one value, generation in the dark.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{
	meter::{MeteredPeriod, Provenance},
	PeriodClock, WattHours,
};
use scale_info::TypeInfo;

use super::{clamp_u32, Finding, Run};

/// Energy of a period in Wh, both ways. Kept in 32 bits: what ratings allow in a period fits.
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
pub struct Flow {
	/// Taken from the grid.
	pub import: u32,
	/// Fed into the grid.
	pub export: u32,
}

impl Flow {
	/// Of a metered period.
	pub fn of(metered: &MeteredPeriod) -> Self {
		let small = |energy: WattHours| clamp_u32(energy.0.into());
		Self {
			import: small(metered.import),
			export: small(metered.export),
		}
	}
}

/// Periods without a reading in a row. Seen: how many, expected none.
pub fn silent(run: &mut Run, provenance: Provenance, limit: u8) -> Option<Finding> {
	let silent = provenance == Provenance::Estimated;
	run.count(silent, limit).then(|| Finding::new(limit, 0))
}

/// Periods in a row with the same energy, but for the last digit: constant power lies over periods as one value
/// or the next. Only energy of at least `floor` Wh counts: a house at rest draws little, and evenly. Seen: the
/// energy; expected: another.
pub fn flat(run: &mut Run, last: Flow, this: Flow, floor: u32, limit: u8) -> Option<Finding> {
	let same = last.import.abs_diff(this.import) <= 1 && last.export.abs_diff(this.export) <= 1;
	let energy = this.import.max(this.export);
	let full = run.count(same && energy >= floor.max(1), limit);
	full.then(|| Finding::new(energy, 0))
}

/// The dark hours of a microgrid, in every season: minutes of the day by the settlement clock. May pass midnight;
/// none if both are equal.
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
)]
pub struct Dark {
	/// From this minute.
	pub from: u16,
	/// Until this one.
	pub until: u16,
}

/// Minutes of a day.
pub const MINUTES: u16 = 24 * 60;

impl Dark {
	/// Whether all of a period of the day, counted from 0, lies in the dark.
	pub fn covers(&self, clock: &PeriodClock, period_of_day: u32) -> bool {
		let day = u64::from(clock.periods_per_day.max(1));
		let minute = |period: u64| period.saturating_mul(MINUTES.into()) / day;
		let period = u64::from(period_of_day);
		// The last minute that the period touches.
		let (first, last) = (
			minute(period),
			minute(period.saturating_add(1)).saturating_sub(1),
		);
		let inside = |minute: u64| {
			let (from, until) = (u64::from(self.from), u64::from(self.until));
			if from <= until {
				(from..until).contains(&minute)
			} else {
				minute >= from || minute < until
			}
		};
		inside(first) && inside(last.max(first))
	}
}

/// Dark periods in a row in which a plant that runs on light feeds in at least `floor` Wh; daylight neither adds
/// to them nor ends them. Seen: the export of the last one, expected none.
pub fn night_generation(
	run: &mut Run,
	dark: bool,
	export: u32,
	floor: u32,
	limit: u8,
) -> Option<Finding> {
	if !dark {
		return None;
	}
	run.count(export >= floor.max(1), limit)
		.then(|| Finding::new(export, 0))
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn flow(import: u32, export: u32) -> Flow {
		Flow { import, export }
	}

	#[test]
	fn silence_should_be_found_once_it_lasts() {
		let mut run = Run::default();
		for _ in 0..7 {
			assert_eq!(silent(&mut run, Provenance::Estimated, 8), None);
		}
		assert_eq!(
			silent(&mut run, Provenance::Estimated, 8),
			Some(Finding::new(8, 0))
		);
		for _ in 0..7 {
			assert_eq!(silent(&mut run, Provenance::Estimated, 8), None);
		}
		assert_eq!(silent(&mut run, Provenance::Corrected, 8), None);
		assert_eq!(silent(&mut run, Provenance::Estimated, 8), None);
	}

	#[test]
	fn constant_power_should_be_found_and_standby_should_not() {
		let mut run = Run::default();
		let mut found = 0;
		for n in 0..65u32 {
			let (last, this) = (flow(100 + (n + 1) % 2, 0), flow(100 + n % 2, 0));
			found += u32::from(flat(&mut run, last, this, 20, 64).is_some());
		}
		assert_eq!(found, 1);
		let mut run = Run::default();
		for _ in 0..300 {
			assert_eq!(flat(&mut run, flow(19, 0), flow(19, 0), 20, 64), None);
		}
	}

	#[test]
	fn dark_hours_should_pass_midnight_and_hold_whole_periods_only() {
		let clock = PeriodClock::default();
		let dark = Dark {
			from: 21 * 60,
			until: 2 * 60,
		};
		let covered: Vec<u32> = (0..96).filter(|n| dark.covers(&clock, *n)).collect();
		let expected: Vec<u32> = (0..8).chain(84..96).collect();
		assert_eq!(covered, expected);
		let odd = Dark {
			from: 21 * 60 + 1,
			until: 2 * 60 - 1,
		};
		assert!(!odd.covers(&clock, 84) && odd.covers(&clock, 85));
		assert!(!odd.covers(&clock, 7) && odd.covers(&clock, 6));
		let none = Dark { from: 0, until: 0 };
		assert!((0..96).all(|n| !none.covers(&clock, n)));
	}

	#[test]
	fn days_should_not_interrupt_nights() {
		let mut run = Run::default();
		assert_eq!(night_generation(&mut run, true, 50, 10, 3), None);
		assert_eq!(night_generation(&mut run, true, 50, 10, 3), None);
		assert_eq!(night_generation(&mut run, false, 500, 10, 3), None);
		assert_eq!(
			night_generation(&mut run, true, 50, 10, 3),
			Some(Finding::new(50, 0))
		);
		assert_eq!(night_generation(&mut run, true, 9, 10, 3), None);
		assert_eq!(run, Run::default());
	}

	proptest! {
		#[test]
		fn values_that_move_should_never_be_found(
			values in prop::collection::vec(0u32..u32::MAX / 2, 2..300),
		) {
			let mut run = Run::default();
			// Every second value is far from the one before.
			let moving: Vec<_> = values.iter().enumerate().map(|(n, v)| v + 2 * (n as u32 % 2)).collect();
			for pair in moving.windows(2) {
				let moved = pair[0].abs_diff(pair[1]) > 1;
				let found = flat(&mut run, flow(pair[0], 0), flow(pair[1], 0), 1, 2);
				prop_assert!(!(moved && found.is_some()));
			}
		}

		#[test]
		fn any_clock_and_hours_should_be_taken(
			from: u16, until: u16, period: u32, periods_per_day: u32, import: u64, export: u64,
		) {
			let clock = PeriodClock { periods_per_day, ..PeriodClock::default() };
			Dark { from, until }.covers(&clock, period);
			let flow = Flow::of(&MeteredPeriod {
				import: WattHours(import),
				export: WattHours(export),
				provenance: Provenance::Measured,
			});
			prop_assert_eq!(u64::from(flow.import), import.min(u32::MAX.into()));
			prop_assert_eq!(u64::from(flow.export), export.min(u32::MAX.into()));
		}
	}
}
