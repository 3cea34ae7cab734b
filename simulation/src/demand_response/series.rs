//! What meters show of members: net import by period, in whole Wh.

use gridweave_grid::{
	grid::{Grid, ROWS_PER_DAY},
	profiles::UNITS_PER_WH,
};
use gridweave_primitives::{clock::is_weekend, meter::Ratings, Watts};
use pallet_demand_response::{
	baseline::LikeDay,
	like_days::{latest, Past},
};

use crate::community::{Class, Community, Home};

/// The number of the data's first day: 1 January 2016, a Friday.
pub const FIRST_DAY: u64 = 16_801;

/// Whether a day of the data, from 0 on, is a Saturday or Sunday.
pub const fn weekend(day: usize) -> bool {
	is_weekend(FIRST_DAY + day as u64)
}

/// Periods of one day, by their places in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
	/// The first.
	pub from: usize,
	/// The one after the last.
	pub until: usize,
}

/// A meter's periods from the first day on.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
	/// What kind of member it measures.
	pub class: Class,
	/// What its connection can do.
	pub ratings: Ratings,
	/// Net import before each row, since the beginning, in Wh; and of all rows.
	sums: Vec<i64>,
}

impl Series {
	/// Of net import by period, in Wh.
	pub fn new(class: Class, ratings: Ratings, net: impl IntoIterator<Item = i64>) -> Self {
		let mut sums = vec![0];
		let mut sum = 0i64;
		for net in net {
			sum = sum.saturating_add(net);
			sums.push(sum);
		}
		Self {
			class,
			ratings,
			sums,
		}
	}

	/// Of a home whose storage rests.
	pub fn of(home: &Home) -> Self {
		let mut registers = Registers::default();
		let net = (0..home.load.len()).map(|row| registers.pass(home.net(row)));
		let ratings = Ratings {
			max_import: Watts(home.max_import_w),
			max_export: Watts(home.max_export_w),
		};
		Self::new(home.class, ratings, net)
	}

	/// Of the members of a grid as they are, in the order of a community's homes.
	pub fn as_measured(grid: &Grid, community: &Community) -> Vec<Self> {
		let each = grid.members.iter().zip(&community.homes);
		let series = each.map(|(member, home)| {
			let mut registers = Registers::default();
			let rows = 0..community.rows();
			let mwh = |row| member.net(&grid.profiles, row) * 1_000 / UNITS_PER_WH;
			let net = rows
				.map(|row| registers.pass(i64::try_from(mwh(row)).unwrap_or_default()))
				.collect::<Vec<_>>();
			let ratings = Self::of(home).ratings;
			Self::new(home.class, ratings, net)
		});
		series.collect()
	}

	/// How many days there are.
	pub fn days(&self) -> usize {
		(self.sums.len() - 1) / ROWS_PER_DAY
	}

	/// Net import over a span of a day, in Wh; `None` beyond the last day.
	pub fn sum(&self, day: usize, span: Span) -> Option<i64> {
		let at = |place: usize| self.sums.get(day * ROWS_PER_DAY + place);
		Some(at(span.until)? - at(span.from)?)
	}

	/// The latest days like this one, newest first, as the pallet finds them where every day was measured and none
	/// had an event.
	pub fn like_days(&self, day: usize, span: Span, window: Option<Span>) -> Vec<LikeDay> {
		let known = |number: u64| {
			let Some(before) = number.checked_sub(FIRST_DAY) else {
				return Past::Nothing;
			};
			let before = before as usize;
			match self.sum(before, span) {
				Some(event) => Past::Measured(LikeDay {
					event,
					window: window.and_then(|window| self.sum(before, window)),
				}),
				None => Past::Nothing,
			}
		};
		latest(FIRST_DAY + day as u64, |_| false, known)
	}
}

/// What a meter has counted: whole Wh in both directions, and what is left of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registers {
	taken: u64,
	given: u64,
}

impl Registers {
	/// Energy passes, in mWh of net import. What that changes on the display, in Wh of net import.
	pub const fn pass(&mut self, mwh: i64) -> i64 {
		let register = if mwh < 0 {
			&mut self.given
		} else {
			&mut self.taken
		};
		let before = *register / 1_000;
		*register += mwh.unsigned_abs();
		let shown = (*register / 1_000 - before) as i64;
		if mwh < 0 {
			-shown
		} else {
			shown
		}
	}

	/// What the displays show: taken, and given, in Wh.
	pub const fn shown(&self) -> (u64, u64) {
		(self.taken / 1_000, self.given / 1_000)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	const RATINGS: Ratings = Ratings {
		max_import: Watts(10_000),
		max_export: Watts(0),
	};

	#[test]
	fn like_days_should_be_the_latest_ten_of_their_kind() {
		// Each period of a day takes the day's number in Wh.
		let net = (0..60i64).flat_map(|day| [day; ROWS_PER_DAY]);
		let series = Series::new(Class::Household, RATINGS, net);
		assert_eq!(series.days(), 60);
		let span = Span {
			from: 68,
			until: 70,
		};
		let window = Some(Span {
			from: 60,
			until: 68,
		});
		let days = |day| -> Vec<i64> {
			let found = series.like_days(day, span, window);
			for like in &found {
				assert_eq!(like.window, Some(like.event * 4));
			}
			found.iter().map(|like| like.event / 2).collect()
		};
		// 1 January is a Friday: the 4th, a Monday, has one working day behind it.
		assert_eq!(days(3), [0]);
		assert_eq!(days(20), [19, 18, 17, 14, 13, 12, 11, 10, 7, 6]);
		// Ten days of weekends take five weeks.
		assert_eq!(days(36), [30, 29, 23, 22, 16, 15, 9, 8, 2, 1]);
		assert!(days(0).is_empty());
		assert_eq!(series.sum(60, span), None);
	}

	proptest! {
		/// Displays are never a Wh away from the energy that passed.
		#[test]
		fn displays_should_not_drift(energy in prop::collection::vec(-5_000_000i64..5_000_000, 1..200)) {
			let mut registers = Registers::default();
			let (mut net, mut taken, mut given) = (0, 0, 0);
			for mwh in energy {
				net += registers.pass(mwh);
				taken += mwh.max(0);
				given += (-mwh).max(0);
			}
			let (import, export) = registers.shown();
			prop_assert_eq!(import as i64, taken / 1_000);
			prop_assert_eq!(export as i64, given / 1_000);
			prop_assert_eq!(net, import as i64 - export as i64);
		}
	}
}
