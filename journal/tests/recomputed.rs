//! The market, on the real runtime, against a model of it that shares no code with it: random calls by many accounts,
//! over many periods, and after every call and every block the same trades, bills and balances, to the planck.
//!
//! `GRIDWEAVE_MODEL_CALLS` calls (2,000 by default) with the random numbers of `GRIDWEAVE_MODEL_SEED`. What fails tells
//! its seed, block and call; the same seed fails at the same place.

mod model;
mod promises;
mod world;

use world::World;

fn setting(name: &str, default: u64) -> u64 {
	match std::env::var(name) {
		Ok(text) => text
			.parse()
			.unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
		Err(_) => default,
	}
}

#[test]
fn market_should_do_what_the_model_says() {
	let calls = setting("GRIDWEAVE_MODEL_CALLS", 2_000);
	let seed = setting("GRIDWEAVE_MODEL_SEED", 1);
	let journal = setting("GRIDWEAVE_MODEL_JOURNAL", u64::from(calls <= 20_000)) > 0;
	let mut world = World::begun(seed, journal);
	world.rarities();
	world.run(calls);
	world.come_to_rest();
	world.wind_up();
	println!("seed {seed}: {}", world.stats.report());
	println!(
		"{:?}, {} estimates compared",
		world.model.tally, world.model.silence.compared
	);
	if let Some((replay, _)) = &world.replay {
		println!("{} outcomes recomputed from the journal", replay.compared);
	}
	let missing = world.stats.missing();
	println!("never happened: {missing:?}");
	assert!(
		calls < 200_000 || missing.is_empty(),
		"a long run sees everything"
	);
}
