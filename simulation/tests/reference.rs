//! The pallet's baselines against those that pandas finds for metered households: `data/README.md`.

use std::collections::BTreeMap;

use gridweave_primitives::{meter::Ratings, Watts};
use gridweave_simulation::{
	community::Class,
	demand_response::{
		measure::Way,
		series::{Series, Span},
	},
};
use pallet_demand_response::{
	baseline::Method::{FiveOfTen, TenOfTen},
	measure::{Load, Sums},
	types::Direction,
};

/// From 17 to 19 h, announced at 16 h.
const SPAN: Span = Span {
	from: 68,
	until: 76,
};
const ANNOUNCED: usize = 64;

fn rows(text: &str) -> impl Iterator<Item = Vec<f64>> + '_ {
	let numbers = |line: &str| line.split(',').map(|cell| cell.parse().unwrap()).collect();
	text.lines().skip(1).map(numbers)
}

#[test]
fn baselines_should_be_those_of_pandas_rounded_down() {
	let mut meters: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
	for row in rows(include_str!("data/meters.csv")) {
		let quarters = meters.entry(row[0] as u64).or_default();
		// All of the hour in one of its quarters: only whole hours are asked for.
		quarters.extend([row[1] as i64, 0, 0, 0]);
	}
	let ratings = Ratings {
		max_import: Watts(20_000),
		max_export: Watts(0),
	};
	let meters: BTreeMap<_, _> = meters
		.into_iter()
		.map(|(meter, net)| (meter, Series::new(Class::Household, ratings, net)))
		.collect();
	assert_eq!(meters.len(), 3);
	// In the order of the columns: adjusted by 20 % at most, and not.
	let ways = [
		(TenOfTen, 20),
		(TenOfTen, 0),
		(FiveOfTen, 20),
		(FiveOfTen, 0),
	]
	.map(|(method, percent)| Way::new(method, percent));
	// All three as a group, by day and way.
	let mut groups: BTreeMap<(usize, usize), (Sums, f64)> = BTreeMap::new();
	let mut compared = 0;
	for row in rows(include_str!("data/baselines.csv")) {
		let [meter, day, taken, ten, ten_adjusted, five, five_adjusted] = row[..] else {
			panic!("{row:?}");
		};
		let (series, day) = (&meters[&(meter as u64)], day as usize);
		assert_eq!(series.sum(day, SPAN), Some(taken as i64));
		let expected = [ten_adjusted, ten, five_adjusted, five];
		for (place, (way, expected)) in ways.into_iter().zip(expected).enumerate() {
			let baseline = way.expected(series, day, SPAN, ANNOUNCED).unwrap();
			let (sums, all) = groups.entry((day, place)).or_default();
			let load = Load {
				baseline,
				..Load::default()
			};
			sums.add(Direction::Reduce, &load, &ratings, 7_200);
			*all += expected;
			let found = baseline as f64;
			let name = way.name();
			assert!(
				found <= expected + 1e-5 && expected < found + 1.0 + 1e-5,
				"meter {meter}, day {day}, {name}: {found} and not {expected}"
			);
			compared += 1;
		}
	}
	// Twelve weeks, less two of working days and five of weekends.
	assert_eq!(compared, 3 * 4 * (50 + 14));
	assert_eq!(groups.len(), 4 * (50 + 14));
	for (key, (sums, expected)) in groups {
		assert_eq!(sums.tally.counted, 3);
		// Each rounded down.
		let found = sums.tally.baseline as f64;
		assert!(
			found <= expected + 1e-4 && expected < found + 3.0 + 1e-4,
			"{key:?}: {found} and not {expected}"
		);
	}
	for series in meters.values() {
		assert_eq!(Way::ALL[1].expected(series, 13, SPAN, ANNOUNCED), None);
	}
}
