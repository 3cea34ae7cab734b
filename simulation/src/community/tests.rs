use std::path::Path;

use super::*;

fn community(seed: u64) -> Community {
	let source = GridSource {
		folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench"),
		name: Some("LV1.101".into()),
	};
	Community::load(&source, 28, Seed(seed)).unwrap()
}

#[test]
fn members_should_be_their_own_and_follow_from_the_seed() {
	let one = community(1);
	assert_eq!(one, community(1));
	assert_ne!(one.homes, community(2).homes);
	assert_eq!(one.homes.len(), 13);
	assert_eq!(one.rows(), 28 * ROWS_PER_DAY);
	for home in &one.homes {
		assert_eq!(home.load.len(), one.rows());
		assert!(home.generation.is_empty() || home.generation.len() == one.rows());
	}
	// Members of one profile differ.
	let loads: Vec<_> = one.homes.iter().map(|home| &home.load).collect();
	for (place, load) in loads.iter().enumerate() {
		assert!(!loads[..place].contains(load));
	}
}

#[test]
fn what_is_individualised_should_stay_near_the_grid() {
	let source = GridSource {
		folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench"),
		name: Some("LV1.101".into()),
	};
	let grid = Grid::load(&source, None).unwrap();
	let year = Community::load(&source, 366, Seed(3)).unwrap();
	let of_grid: i128 = (0..year.rows()).map(|row| grid.net(row)).sum::<i128>() / UNITS_PER_MWH;
	let of_homes: i64 = year
		.homes
		.iter()
		.map(|home| (0..year.rows()).map(|row| home.net(row)).sum::<i64>())
		.sum();
	let gross: i64 = year
		.homes
		.iter()
		.map(|home| (0..year.rows()).map(|row| home.net(row).abs()).sum::<i64>())
		.sum();
	let apart = (of_homes - of_grid as i64).abs();
	assert!(apart * 100 < gross * 15, "{apart} of {gross}");
}

#[test]
fn connections_should_carry_every_row() {
	for home in &community(1).homes {
		for row in 0..home.load.len() {
			let net = home.net(row);
			// A quarter of an hour at the rating, in mWh.
			assert!(net <= i64::from(home.max_import_w) * 250, "{}", home.node);
			assert!(-net <= i64::from(home.max_export_w) * 250, "{}", home.node);
		}
	}
}

#[test]
fn members_should_be_known_by_what_they_have() {
	let homes = community(1).homes;
	let count = |class| homes.iter().filter(|home| home.class == class).count();
	assert_eq!(count(Class::Prosumer), 8);
	assert_eq!(Class::ALL.map(count).iter().sum::<usize>(), homes.len());
	assert_eq!(count(Class::Business), 0);
}
