//! A winter's day of a small community on the real runtime.

use std::path::Path;

use gridweave_grid::grid::GridSource;
use gridweave_simulation::{
	community::Community,
	demand_response::{
		replay::{self, BUDGET, LEAST_DAYS},
		series::weekend,
		terms,
	},
	random::Seed,
};

fn community(days: usize) -> Community {
	let source = GridSource {
		folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench"),
		name: Some("LV1.101".into()),
	};
	Community::load(&source, days, Seed(1)).unwrap()
}

#[test]
fn a_day_should_end_with_every_planck_where_it_belongs() {
	let community = community(LEAST_DAYS + 4);
	// Beside what is checked here, the replay fails if what the chain finds is not what the data say.
	let outcome = replay::run(&community, terms(), Seed(1)).unwrap();
	assert!(!weekend(outcome.day));
	let homes = community.homes.iter();
	let can_wait = homes.filter(|home| home.storage.is_some() || !home.flexible.is_empty());
	assert_eq!(outcome.enrolled, can_wait.count());
	assert_eq!(
		(outcome.told, outcome.acknowledged),
		(outcome.enrolled, outcome.enrolled)
	);
	assert_eq!((outcome.excluded, outcome.held), (0, 0));
	assert_eq!(outcome.paid + outcome.returned, BUDGET);
	assert_eq!(outcome.paid, outcome.earned);
	// 0.20 GRID per kWh are 200 000 000 planck per Wh.
	assert_eq!(
		outcome.paid,
		u128::from(outcome.delivered_wh()) * 200_000_000
	);
	assert!(outcome.delivered_wh() > 0 && outcome.truth_wh() > 0);
	// What was given in the event was taken again: to the Wh of each storage.
	assert!(outcome.truth_wh().abs_diff(outcome.came_back_wh()) <= 1);
}

#[test]
fn too_few_days_should_be_refused() {
	let error = replay::run(&community(LEAST_DAYS - 2), terms(), Seed(1)).unwrap_err();
	assert!(error.to_string().contains("days are too few"), "{error:#}");
}
