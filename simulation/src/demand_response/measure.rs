//! Events that nobody heard of, measured by the pallet's own code.

use gridweave_grid::grid::{ROWS_PER_DAY, ROW_SECONDS};
use gridweave_primitives::WattHours;
use pallet_demand_response::{
	baseline::{baseline, Adjustment, Method, LIKE_DAYS},
	measure::{Load, Sums},
	types::{Direction, WINDOW},
};
use sp_runtime::Permill;

use super::series::{Series, Span};

/// How many periods lie between announcement and start: an hour.
pub const NOTICE: usize = 4;

/// By how much a baseline is adjusted on the day at most, as recommended, in percent.
pub const ADJUSTMENT: u32 = 14;

/// How a baseline is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
	/// Which days count.
	pub method: Method,
	/// By how much it is adjusted on the day.
	pub adjustment: Permill,
}

impl Way {
	/// Those that are compared: the first is what is recommended.
	pub const ALL: [Self; 5] = [
		Self::new(Method::TenOfTen, ADJUSTMENT),
		Self::new(Method::TenOfTen, 20),
		Self::PLAIN,
		Self::new(Method::FiveOfTen, ADJUSTMENT),
		Self::new(Method::FiveOfTen, 0),
	];

	/// Ten of ten, as it is.
	pub const PLAIN: Self = Self::new(Method::TenOfTen, 0);

	/// With that method, adjusted by so many percent at most.
	pub const fn new(method: Method, percent: u32) -> Self {
		Self {
			method,
			adjustment: Permill::from_percent(percent),
		}
	}

	/// What it is called.
	pub fn name(self) -> String {
		let method = match self.method {
			Method::TenOfTen => "10 of 10",
			Method::FiveOfTen => "5 of 10",
		};
		match self.adjustment.deconstruct() / 10_000 {
			0 => method.into(),
			percent => format!("{method}, ±{percent} %"),
		}
	}

	/// The baseline of a meter over a span, for an event that was announced at a place of that day, in Wh; `None` with
	/// fewer than ten days like it.
	pub fn expected(
		self,
		series: &Series,
		day: usize,
		span: Span,
		announced: usize,
	) -> Option<i64> {
		let from = announced.saturating_sub(WINDOW as usize);
		let window = (from < announced && !self.adjustment.is_zero()).then_some(Span {
			from,
			until: announced,
		});
		let days = series.like_days(day, span, window);
		let adjustment = window.map(|window| Adjustment {
			measured: series.sum(day, window),
			bound: self.adjustment,
		});
		baseline(self.method, &days, LIKE_DAYS, adjustment, Direction::Reduce)
	}
}

/// When events would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
	/// What that time is called.
	pub name: &'static str,
	/// When, in two hours.
	pub span: Span,
}

impl Slot {
	/// All of them: two hours each. The first is the one that figures are about.
	pub const ALL: [Self; 4] = [
		Self::new("17–19 h", 68),
		Self::new("6–8 h", 24),
		Self::new("11–13 h", 44),
		Self::new("21–23 h", 84),
	];

	const fn new(name: &'static str, from: usize) -> Self {
		Self {
			name,
			span: Span {
				from,
				until: from + 8,
			},
		}
	}
}

/// What a meter shows of an event, and would have been expected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
	/// As the pallet sums it.
	pub load: Load,
}

impl Measured {
	/// Of a meter on a day, if it has a baseline. So many periods after the event are netted against it.
	pub fn of(way: Way, series: &Series, day: usize, span: Span, rebound: usize) -> Option<Self> {
		let announced = span.from.saturating_sub(NOTICE);
		let after = Span {
			from: span.until,
			until: (span.until + rebound).min(ROWS_PER_DAY),
		};
		Some(Self {
			load: Load {
				baseline: way.expected(series, day, span, announced)?,
				measured: series.sum(day, span)?,
				rebound_baseline: way.expected(series, day, after, announced)?,
				rebound: series.sum(day, after)?,
			},
		})
	}

	/// As it would be if so many percent less had been taken, and nothing came back.
	pub fn less(self, percent: i64) -> Self {
		let mut load = self.load;
		load.measured -= load.measured.saturating_mul(percent).max(0) / 100;
		Self { load }
	}
}

/// What a resource of these meters is found to have delivered.
pub fn delivered<'a>(
	meters: impl IntoIterator<Item = (&'a Series, Measured)>,
	span: Span,
	dead_band: Permill,
) -> WattHours {
	let seconds = (span.until - span.from) as u64 * u64::from(ROW_SECONDS);
	let mut sums = Sums::default();
	for (series, measured) in meters {
		sums.add(Direction::Reduce, &measured.load, &series.ratings, seconds);
	}
	sums.delivered(Direction::Reduce, dead_band)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::community::Class;
	use gridweave_primitives::{meter::Ratings, Watts};

	fn series(of: impl Fn(usize, usize) -> i64) -> Series {
		let rows = (0..30 * ROWS_PER_DAY).map(|row| of(row / ROWS_PER_DAY, row % ROWS_PER_DAY));
		let ratings = Ratings {
			max_import: Watts(20_000),
			max_export: Watts(0),
		};
		Series::new(Class::Household, ratings, rows)
	}

	#[test]
	fn a_meter_that_is_the_same_every_day_should_be_what_is_expected() {
		let same = series(|_, place| place as i64);
		for way in Way::ALL {
			for slot in Slot::ALL {
				let Load {
					baseline,
					measured,
					rebound_baseline,
					rebound,
				} = Measured::of(way, &same, 20, slot.span, 4).unwrap().load;
				assert_eq!((baseline, rebound_baseline), (measured, rebound));
			}
			assert_eq!(Measured::of(way, &same, 10, Slot::ALL[0].span, 0), None);
		}
	}

	#[test]
	fn what_is_adjusted_should_be_seen_before_the_announcement_only() {
		// On the 21st day the hours from noon to the announcement are half as high again.
		let span = Slot::ALL[0].span;
		let with = |from, until| {
			series(move |day, place| {
				if day == 20 && (from..until).contains(&place) {
					150
				} else {
					100
				}
			})
		};
		let expected = |series: &Series, way: Way| {
			Measured::of(way, series, 20, span, 0)
				.unwrap()
				.load
				.baseline
		};
		assert_eq!(expected(&with(48, 64), Way::new(Method::TenOfTen, 20)), 960);
		assert_eq!(expected(&with(48, 64), Way::new(Method::TenOfTen, 15)), 920);
		assert_eq!(expected(&with(48, 64), Way::PLAIN), 800);
		assert_eq!(expected(&with(64, 68), Way::ALL[0]), 800);
	}

	#[test]
	fn a_response_should_be_what_is_delivered() {
		let same = series(|_, _| 100);
		let found = Measured::of(Way::ALL[0], &same, 20, Slot::ALL[0].span, 4).unwrap();
		let of = |found, percent| {
			delivered(
				[(&same, found), (&same, found)],
				Slot::ALL[0].span,
				Permill::from_percent(percent),
			)
			.0
		};
		assert_eq!(of(found, 0), 0);
		assert_eq!(of(found.less(20), 0), 320);
		assert_eq!(of(found.less(20), 20), 320);
		assert_eq!(of(found.less(19), 20), 0);
	}
}
