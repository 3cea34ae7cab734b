//! Two runs at a time, and a clock that is set.

use codec::Encode;
use sp_core::offchain::{Duration, Timestamp};

use super::world::*;
use crate::{
	mock::*,
	offchain::{
		lock::{Held, Lock},
		LOCK_KEY, LOCK_MS, STATE_KEY, SUBMIT_MS,
	},
};

const GATE: &str = "http://gate";

fn world() -> World {
	let world = World::default();
	world.configure(&[GATE]);
	world.wait(1_000_000);
	world
}

/// A lock that somebody else took so that it is held until `until`.
fn held_until(until: u64) -> Vec<u8> {
	Held {
		until: Timestamp::from_unix_millis(until),
		owner: [9; 8],
	}
	.encode()
}

#[test]
fn a_run_should_not_begin_before_the_last_is_over() {
	let world = world();
	world.run(&[0], || {
		world.serve(GATE, &[admitted(1).read(1, T0 + 1, 10, 0)]);
		world.store(LOCK_KEY, &held_until(world.clock() + LOCK_MS));
		work();
		assert!(world.requests().is_empty());
		// The lock of a run that died is forgotten before the next block.
		world.wait(LOCK_MS);
		work();
		assert_eq!(world.submitted().len(), 1);
		assert!(!world.has(LOCK_KEY));
	});
	const { assert!(LOCK_MS < 3_000, "less than the time between blocks") };
	const { assert!(SUBMIT_MS < LOCK_MS, "there is time to write the state") };
}

#[test]
fn a_lock_from_before_the_clock_was_set_back_should_be_forgotten() {
	let world = world();
	world.run(&[0], || {
		world.serve(GATE, &[admitted(1).read(1, T0 + 1, 10, 0)]);
		world.store(LOCK_KEY, &held_until(world.clock() + LOCK_MS + 1));
		work();
		assert_eq!(world.submitted().len(), 1);
	});
}

#[test]
fn a_lock_that_cannot_be_read_should_be_forgotten() {
	let world = world();
	world.run(&[0], || {
		world.serve(GATE, &[admitted(1).read(1, T0 + 1, 10, 0)]);
		world.store(LOCK_KEY, &[1]);
		work();
		assert_eq!(world.submitted().len(), 1);
	});
}

#[test]
fn the_lock_of_another_run_should_be_left_alone() {
	let world = world();
	world.run(&[0], || {
		let now = || Timestamp::from_unix_millis(world.clock());
		let lost = Lock::take(now()).expect("free");
		assert!(Lock::take(now()).is_none());
		world.wait(LOCK_MS);
		let mine = Lock::take(now()).expect("free again");
		drop(lost);
		assert!(Lock::take(now()).is_none(), "it is still held");
		drop(mine);
		assert!(Lock::take(now().add(Duration::from_millis(1))).is_some());
	});
}

#[test]
fn a_run_that_was_overtaken_should_not_overwrite_what_the_other_remembers() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		let readings = vec![(1, meter.read(1, T0 + 1, 10, 0))];
		// While it waits for the gateway, another run comes to an end.
		let elsewhere = world.clone();
		let make = move |_| {
			elsewhere.store(STATE_KEY, b"of the other run");
			gridweave_primitives::reading::ReadingPage {
				epoch: 1,
				readings: readings.clone(),
			}
		};
		world.hold(GATE, make);
		work();
		assert_eq!(world.stored(STATE_KEY), Some(b"of the other run".to_vec()));
	});
}

#[test]
fn a_run_should_stop_submitting_before_its_lock_is_anybody_s() {
	let world = world();
	world.run(&[0, 1], || {
		MaxBlockReadings::set(2_000);
		let mut arrived = Vec::new();
		// Five pages that fill a batch each.
		for page in 0..5 {
			let mut meter = Device::new(0);
			for n in 1..=32 {
				meter = admitted(page * 32 + n);
			}
			arrived.extend((1..=300).map(|n| meter.read(n, T0 + n, 0, 0)));
		}
		set_now(T0 + 300);
		world.serve(GATE, &arrived);
		world.check_for(1_000);
		let start = world.clock();
		work();
		assert!(world.clock() - start < SUBMIT_MS + 1_000);
		let calls = world.submitted();
		assert_eq!(calls.len(), 3, "at 0, 1 and 2 seconds");
		// What was not submitted comes in the next run.
		assert_eq!(world.progress().batches_in_flight, 3);
		world.check_for(0);
		next_block();
		assert_eq!(world.submitted().len(), 2);
	});
}
