//! A few days of a real community against the real flags pallet.

use std::path::Path;

use gridweave_grid::grid::{GridSource, ROWS_PER_DAY};
use gridweave_simulation::{
	anomalies::{
		attack::Attack,
		scene::{Copy, Outcome, Scene, Theft, What},
	},
	community::{flow::Flows, Community},
	random::Seed,
};
use pallet_anomaly_flags::{Class, Kind, Parameters};

const DAYS: usize = 3;

fn community() -> Community {
	let source = GridSource {
		folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench"),
		name: Some("LV1.101".into()),
	};
	Community::load(&source, DAYS, Seed(1)).unwrap()
}

/// The first copy is honest; in each of the others everyone tries an attack from the second day on.
fn live(community: &Community, attacks: &[Attack], feeder: bool) -> Outcome {
	let copy = |attack: Option<Attack>| {
		let theft = attack.map(|attack| Theft {
			attack,
			from_day: 1,
		});
		Copy {
			members: (0..community.homes.len())
				.map(|home| (home, theft))
				.collect(),
			feeder,
			quality: true,
			tap: None,
			parameters: Parameters::default(),
			seed: Seed(2),
		}
	};
	let attacks = attacks.iter().copied().map(Some);
	let flows = Flows::of(community);
	let scene = Scene {
		community,
		flows: &flows,
		first_day: 0,
		days: DAYS,
		copies: std::iter::once(None).chain(attacks).map(copy).collect(),
	};
	scene.run().unwrap()
}

#[test]
fn cheats_of_the_protocol_should_be_caught_and_honest_meters_not() {
	let community = community();
	let attacks = [
		(Attack::Rollback, Kind::RegisterRollback),
		(Attack::ClonedKey, Kind::ClonedKey),
		(Attack::Tampered, Kind::TamperSwitch),
		(Attack::Implausible, Kind::ImplausiblePower),
	];
	let outcome = live(&community, &attacks.map(|(attack, _)| attack), true);
	let honest: Vec<_> = outcome.of(0).collect();
	assert!(honest.is_empty(), "{honest:?}");
	for (place, (_, kind)) in attacks.into_iter().enumerate() {
		for member in 0..community.homes.len() {
			let of = |what| outcome.of(place + 1).find(|said| said.what == what);
			let flag =
				of(What::Flag(member, kind)).unwrap_or_else(|| panic!("{kind:?} of {member}"));
			// The readings of its first period betray it, and it may not trade from then on.
			assert_eq!(flag.row, ROWS_PER_DAY, "{kind:?} of {member}");
			assert!(of(What::Quarantine(member)).is_some_and(|said| said.row == flag.row));
		}
		let others = outcome.of(place + 1).filter(|said| match said.what {
			What::Flag(_, other) => other.class() == Class::Proof && other != kind,
			_ => false,
		});
		assert_eq!(others.count(), 0, "{kind:?}");
	}
}

#[test]
fn a_clock_that_is_set_back_and_a_constant_day_should_be_caught() {
	let community = community();
	let outcome = live(&community, &[Attack::ClockShift, Attack::Mean], false);
	for member in 0..community.homes.len() {
		let caught = |copy: usize, is: fn(Kind) -> bool| {
			outcome.of(copy).any(|said| match said.what {
				What::Flag(of, kind) => of == member && is(kind),
				_ => false,
			})
		};
		assert!(caught(1, |kind| matches!(
			kind,
			Kind::ClockDrift | Kind::Silent
		)));
		// Who feeds in shows no constant power, and little is not worth the while.
		let home = &community.homes[member];
		if home.generation.is_empty() && home.mean_import_of_day() > 5_000 {
			assert!(caught(2, |kind| kind == Kind::FlatProfile), "{member}");
		}
	}
}

#[test]
fn what_is_hidden_should_be_missing_at_the_feeder_and_nothing_else() {
	let community = community();
	let outcome = live(
		&community,
		&[Attack::ScaledTo(600), Attack::Reversed],
		false,
	);
	let hidden = |copy: usize| outcome.hidden[copy].iter().sum::<u64>();
	let rows = ROWS_PER_DAY..DAYS * ROWS_PER_DAY;
	let import: i64 = community
		.homes
		.iter()
		.map(|home| rows.clone().map(|row| home.net(row).max(0)).sum::<i64>())
		.sum();
	let expected = import.unsigned_abs() / 1_000 * 4 / 10;
	assert_eq!(hidden(0), 0);
	assert!(
		hidden(1).abs_diff(expected) < expected / 50,
		"{} {expected}",
		hidden(1)
	);
	assert!(hidden(2) < 50);
}

#[test]
fn a_scene_should_follow_from_its_seed() {
	let community = community();
	let attacks = [Attack::Gap, Attack::Tampered];
	assert_eq!(
		live(&community, &attacks, true),
		live(&community, &attacks, true)
	);
}
