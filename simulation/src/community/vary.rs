//! How a member's year is made its own: weeks change places, values are scaled and jittered.

use gridweave_grid::grid::ROWS_PER_DAY;

use crate::random::Seed;

/// Weeks move by this many places at most.
pub const FURTHEST_WEEKS: usize = 4;

/// Rows of a week.
const ROWS_PER_WEEK: usize = 7 * ROWS_PER_DAY;

/// Values are scaled by a factor of one member, in thousandths.
const SCALE: (i64, i64) = (850, 1_180);

/// And by one of each row, in thousandths.
const JITTER: (i64, i64) = (920, 1_080);

/// Which week stands in the place of each: a permutation that moves none further than [`FURTHEST_WEEKS`].
///
/// Weeks are sorted by their number plus a fraction of five: of those that pass a week, all lie within four of it.
pub fn shuffled_weeks(seed: Seed, weeks: usize) -> Vec<usize> {
	const PARTS: u64 = 1 << 20;
	let most = (FURTHEST_WEEKS as u64 + 1) * PARTS;
	let mut order: Vec<usize> = (0..weeks).collect();
	order.sort_by_key(|week| {
		let number = *week as u64;
		(number * PARTS + seed.of(number).below(most), number)
	});
	order
}

/// The values of one load or plant of a member.
#[derive(Clone, Copy, Debug)]
pub struct Variation<'a> {
	weeks: &'a [usize],
	scale: i64,
	seed: Seed,
}

impl<'a> Variation<'a> {
	/// With these weeks in place of the year's; those behind them stay.
	pub fn new(weeks: &'a [usize], seed: Seed) -> Self {
		Self {
			weeks,
			scale: seed.of(0).between(SCALE.0, SCALE.1),
			seed: seed.of(1),
		}
	}

	/// The row of the data that stands in the place of `row`.
	pub fn source(&self, row: usize) -> usize {
		match self.weeks.get(row / ROWS_PER_WEEK) {
			Some(week) => week * ROWS_PER_WEEK + row % ROWS_PER_WEEK,
			None => row,
		}
	}

	/// The value of a row, of what the data have in each.
	pub fn value(&self, row: usize, of: impl Fn(usize) -> i128) -> i128 {
		let jitter = self.seed.of(row as u64).between(JITTER.0, JITTER.1);
		of(self.source(row)) * i128::from(self.scale) * i128::from(jitter) / 1_000_000
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	proptest! {
		#[test]
		fn weeks_should_change_places_with_neighbours_only(seed: u64, weeks in 0usize..60) {
			let shuffled = shuffled_weeks(Seed(seed), weeks);
			for (place, week) in shuffled.iter().enumerate() {
				prop_assert!(place.abs_diff(*week) <= FURTHEST_WEEKS);
			}
			let mut sorted = shuffled;
			sorted.sort_unstable();
			prop_assert_eq!(sorted, (0..weeks).collect::<Vec<_>>());
		}

		#[test]
		fn values_should_stay_near_and_keep_their_time_of_the_week(seed: u64, row in 0usize..35_136) {
			let weeks = shuffled_weeks(Seed(seed), 52);
			let vary = Variation::new(&weeks, Seed(seed));
			prop_assert_eq!(vary.source(row) % ROWS_PER_WEEK, row % ROWS_PER_WEEK);
			let value = vary.value(row, |_| 1_000_000);
			prop_assert!((780_000..1_280_000).contains(&value), "{}", value);
		}
	}

	#[test]
	fn most_weeks_should_move() {
		let moved = shuffled_weeks(Seed(1), 52).into_iter().enumerate();
		assert!(moved.filter(|(place, week)| place != week).count() > 30);
	}
}
