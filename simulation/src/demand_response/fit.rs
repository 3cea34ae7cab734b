//! How well baselines fit on days without an event, and what events cost that nobody answers.

use std::{collections::BTreeMap, ops::Range};

use pallet_demand_response::measure::Load;
use sp_runtime::Permill;

use crate::statistics::median;

use super::{
	measure::{delivered, Measured, Slot, Way},
	resources::{Kind, Resource},
	series::Series,
};

/// The response that a placebo is compared with, in percent of what is taken.
pub const RESPONSE_PERCENT: i64 = 20;

/// How well a baseline fits resources of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
	/// How many resources there are.
	pub resources: usize,
	/// On how many days each.
	pub days: usize,
	/// Baseline less what was taken, of all, over what was taken.
	pub bias: f64,
	/// Root of the mean square error of a day over what is taken on a mean day: the median of the resources.
	pub error: f64,
}

/// What is paid for, of resources of one kind on all days, in Wh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placebo {
	/// When nobody does anything.
	pub none: u64,
	/// When all take [`RESPONSE_PERCENT`] less.
	pub response: u64,
	/// What that is in truth.
	pub truth: u64,
}

impl Placebo {
	/// What doing nothing earns of what the response does. Nothing of nothing: where the response earns nothing, no
	/// terms are right.
	pub fn share(&self) -> Option<f64> {
		(self.response > 0).then(|| self.none as f64 / self.response as f64)
	}

	/// What the response earns of what it is worth.
	pub fn paid(&self) -> Option<f64> {
		(self.truth > 0).then(|| self.response as f64 / self.truth as f64)
	}
}

/// Every day of meters in a slot, measured: those days on which all have a baseline.
#[derive(Clone, Debug)]
pub struct Days<'a> {
	series: &'a [Series],
	slot: Slot,
	/// The number of each day, and what meters show of it.
	measured: Vec<(usize, Vec<Measured>)>,
}

impl<'a> Days<'a> {
	/// Measures every day. So many periods after an event are netted against it.
	pub fn of(series: &'a [Series], way: Way, slot: Slot, rebound: usize) -> Self {
		let days = series.iter().map(Series::days).min().unwrap_or_default();
		let measured = (0..days).filter_map(|day| {
			let of_day = series.iter();
			let of_day: Option<Vec<_>> = of_day
				.map(|series| Measured::of(way, series, day, slot.span, rebound))
				.collect();
			Some((day, of_day?))
		});
		Self {
			series,
			slot,
			measured: measured.collect(),
		}
	}

	/// Those that lie in a part of the year.
	pub fn within(mut self, part: Range<usize>) -> Self {
		self.measured.retain(|(day, _)| part.contains(day));
		self
	}

	/// How many days have a baseline.
	pub fn count(&self) -> usize {
		self.measured.len()
	}

	/// How well the baseline fits, by kinds of resources.
	pub fn fit(&self, resources: &[Resource]) -> BTreeMap<Kind, Fit> {
		let mut kinds: BTreeMap<Kind, Vec<Errors>> = BTreeMap::new();
		for resource in resources {
			let errors = self.errors(resource);
			if errors.taken > 0.0 {
				kinds.entry(resource.kind).or_default().push(errors);
			}
		}
		let fit = |errors: Vec<Errors>| {
			let sum = |of: fn(&Errors) -> f64| errors.iter().map(of).sum::<f64>();
			let relative: Vec<f64> = errors.iter().map(|of| of.relative(self.count())).collect();
			Fit {
				resources: errors.len(),
				days: self.count(),
				bias: sum(|of| of.error) / sum(|of| of.taken),
				error: median(&relative).unwrap_or_default(),
			}
		};
		kinds
			.into_iter()
			.map(|(kind, errors)| (kind, fit(errors)))
			.collect()
	}

	fn errors(&self, resource: &Resource) -> Errors {
		let mut errors = Errors::default();
		for (_, day) in &self.measured {
			let loads = resource.members.iter().filter_map(|place| day.get(*place));
			let (mut baseline, mut measured) = (0i64, 0i64);
			for Measured { load } in loads {
				baseline += load.baseline;
				measured += load.measured;
			}
			let error = (baseline - measured) as f64;
			errors.error += error;
			errors.squares += error * error;
			errors.taken += measured.unsigned_abs() as f64;
		}
		errors
	}

	/// What is paid for with a dead band, by kinds of resources.
	pub fn placebo(&self, resources: &[Resource], dead_band: Permill) -> BTreeMap<Kind, Placebo> {
		let mut kinds: BTreeMap<Kind, Placebo> = BTreeMap::new();
		for resource in resources {
			let sum = kinds.entry(resource.kind).or_default();
			for (_, day) in &self.measured {
				let meters = || {
					resource
						.members
						.iter()
						.filter_map(|place| Some((self.series.get(*place)?, *day.get(*place)?)))
				};
				let answered =
					meters().map(|(series, found)| (series, found.less(RESPONSE_PERCENT)));
				sum.none += delivered(meters(), self.slot.span, dead_band).0;
				sum.response += delivered(answered, self.slot.span, dead_band).0;
				let less = |Load { measured, .. }: Load| {
					measured
						- Measured {
							load: Load {
								measured,
								..Load::default()
							},
						}
						.less(RESPONSE_PERCENT)
						.load
						.measured
				};
				sum.truth += meters()
					.map(|(_, found)| less(found.load).unsigned_abs())
					.sum::<u64>();
			}
		}
		kinds
	}
}

/// Sums of one resource over days, in Wh.
#[derive(Clone, Copy, Debug, Default)]
struct Errors {
	error: f64,
	squares: f64,
	taken: f64,
}

impl Errors {
	fn relative(&self, days: usize) -> f64 {
		let days = days as f64;
		(self.squares / days).sqrt() / (self.taken / days)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{community::Class, demand_response::resources::resources, random::Seed};
	use gridweave_grid::grid::ROWS_PER_DAY;
	use gridweave_primitives::{meter::Ratings, Watts};

	/// Meters that take 100 Wh a period, and every second working day, from a time of the day on, as much more as
	/// this.
	fn series(more: i64, count: usize) -> Vec<Series> {
		let ratings = Ratings {
			max_import: Watts(20_000),
			max_export: Watts(0),
		};
		let net = move |row: usize| {
			let (day, place) = (row / ROWS_PER_DAY, row % ROWS_PER_DAY);
			100 + if day % 2 == 0 && place >= 64 { more } else { 0 }
		};
		vec![Series::new(Class::Household, ratings, (0..28 * ROWS_PER_DAY).map(net)); count]
	}

	#[test]
	fn errors_and_bias_should_be_those_worked_by_hand() {
		// From the first Monday on, ten working days are five odd and five even ones or nearly so; a baseline of 100
		// with a day of 140 is 40 short.
		let steady = series(0, 4);
		let days = Days::of(&steady, Way::PLAIN, Slot::ALL[0], 0);
		// Of 28 days from a Friday on, 20 are working days, ten of them with ten before.
		assert_eq!(days.count(), 10);
		let fit = days.fit(&resources(&steady, Seed(1)));
		let feeder = fit[&Kind::Feeder];
		assert_eq!(
			(feeder.bias, feeder.error, feeder.days, feeder.resources),
			(0.0, 0.0, 10, 1)
		);
		assert_eq!(fit[&Kind::Alone].resources, 4);
		assert!(!fit.contains_key(&Kind::Group(10)));
		// The first such day is the 15th, Friday two weeks later; ten working days on, it is the 28th.
		assert_eq!(days.clone().within(0..15).count(), 1);
		assert_eq!(days.within(15..40).count(), 9);

		let restless = series(100, 1);
		let days = Days::of(&restless, Way::PLAIN, Slot::ALL[0], 0);
		let fit = days.fit(&resources(&restless, Seed(1)))[&Kind::Feeder];
		let expected: Vec<(i64, i64)> = (0..28)
			.filter_map(|day| {
				let span = Slot::ALL[0].span;
				let like = restless[0].like_days(day, span, None);
				let sum: i64 = like.iter().map(|like| like.event).sum();
				(like.len() == 10).then(|| (sum / 10, restless[0].sum(day, span).unwrap()))
			})
			.collect();
		let error: i64 = expected
			.iter()
			.map(|(baseline, taken)| baseline - taken)
			.sum();
		let taken: i64 = expected.iter().map(|(_, taken)| taken).sum();
		assert_eq!(fit.bias, error as f64 / taken as f64);
		assert!((0.3..0.4).contains(&fit.error), "{}", fit.error);
	}

	#[test]
	fn a_placebo_should_earn_nothing_where_days_are_alike_and_little_behind_a_dead_band() {
		let share = |more, percent| {
			let series = series(more, 1);
			let days = Days::of(&series, Way::PLAIN, Slot::ALL[0], 0);
			let placebo =
				days.placebo(&resources(&series, Seed(1)), Permill::from_percent(percent));
			placebo[&Kind::Feeder]
		};
		let steady = share(0, 0);
		assert_eq!(
			(steady.none, steady.share(), steady.paid()),
			(0, Some(0.0), Some(1.0))
		);
		// Baselines of some 105 where 100 is taken every second day.
		let (restless, behind) = (share(10, 0), share(10, 10));
		assert!(
			restless.none > 0 && behind.none == 0,
			"{restless:?} {behind:?}"
		);
		assert_eq!(restless.truth, behind.truth);
	}
}
