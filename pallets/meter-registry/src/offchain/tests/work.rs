//! The worker's round: from gateways to batches to the chain, and again if they do not come.

use codec::Encode;
use gridweave_primitives::{
	ingest::{GATEWAYS_KEY, MAX_BATCH_READINGS},
	meter::MeterKind,
	MicrogridId,
};
use sp_core::offchain::{Duration, Timestamp};

use super::world::*;
use crate::{
	mock::*,
	offchain::{
		FLIGHT_BLOCKS, LOCK_KEY, LOCK_MS, PROGRESS_KEY, REFUSED_BLOCKS, STATE_KEY, SWEEP_BLOCKS,
	},
};

const GATE: &str = "http://gate";

fn world() -> World {
	let world = World::default();
	world.configure(&[GATE]);
	world
}

#[test]
fn readings_should_come_on_chain_in_one_batch_in_order_of_meters() {
	let world = world();
	world.run(&[0], || {
		let meters = [1, 2, 3].map(admitted);
		let arrived = [(2, 1), (0, 1), (0, 2), (1, 1), (2, 2)]
			.map(|(meter, n): (usize, u64)| meters[meter].read(n, T0 + n, n * 10, 0));
		world.serve(GATE, &arrived);
		work();
		let calls = world.submitted();
		assert_eq!(calls.len(), 1);
		let ids = meters.clone().map(|meter| meter.id.0);
		let expected = vec![
			(ids[0], 1),
			(ids[0], 2),
			(ids[1], 1),
			(ids[2], 1),
			(ids[2], 2),
		];
		assert_eq!(brought(&calls[0]), expected);
		assert_eq!(world.progress().in_flight, 5);
		assert_eq!(world.progress().tally.submitted, 5);
		include(calls);
		work();
		assert!(world.submitted().is_empty());
		let progress = world.progress();
		assert_eq!(
			(
				progress.in_flight,
				progress.tally.landed,
				progress.tally.stale
			),
			(0, 5, 5)
		);
		assert_eq!(
			(progress.gateways[0].cursor, progress.gateways[0].waiting),
			(5, 0)
		);
		assert_eq!(progress.gateways[0].oldest, None);
	});
}

#[test]
fn the_next_run_should_go_on_after_what_is_settled() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		let first = meter.read(1, T0 + 1, 10, 0);
		world.serve(GATE, &[first.clone()]);
		work();
		include(world.submitted());
		work();
		assert_eq!(
			world.requests().last().expect("asked"),
			"http://gate/v1/readings?after=0&epoch=1&limit=2000"
		);
		world.serve(GATE, &[first, meter.read(2, T0 + 2, 20, 0)]);
		next_block();
		assert_eq!(
			world.requests(),
			["http://gate/v1/readings?after=1&epoch=1&limit=2000"]
		);
		let calls = world.submitted();
		assert_eq!(brought(&calls[0]), [(meter.id.0, 2)]);
		include(calls);
	});
}

#[test]
fn a_node_without_an_authority_s_key_should_do_nothing() {
	for keys in [&[][..], &[9]] {
		let world = world();
		world.run(keys, || {
			world.serve(GATE, &[admitted(1).read(1, T0 + 1, 10, 0)]);
			work();
			assert!(world.requests().is_empty());
			assert!(world.submitted().is_empty());
			assert!(!world.has(PROGRESS_KEY));
		});
	}
}

#[test]
fn a_node_without_gateways_should_do_nothing() {
	let world = World::default();
	world.run(&[0], || {
		work();
		assert!(!world.has(LOCK_KEY) && !world.has(PROGRESS_KEY));
		world.configure(&[]);
		work();
		assert!(!world.has(PROGRESS_KEY));
		world.store(GATEWAYS_KEY, &[0xff; 9]);
		work();
		assert!(!world.has(PROGRESS_KEY));
	});
}

#[test]
fn a_run_should_not_begin_before_the_last_is_over() {
	let world = world();
	world.run(&[0], || {
		world.serve(GATE, &[admitted(1).read(1, T0 + 1, 10, 0)]);
		let held = Timestamp::from_unix_millis(world.clock()).add(Duration::from_millis(LOCK_MS));
		world.store(LOCK_KEY, &held.encode());
		work();
		assert!(world.requests().is_empty());
		// The lock of a run that died is forgotten before the next block.
		world.wait(LOCK_MS + 1);
		work();
		assert_eq!(world.submitted().len(), 1);
		assert!(!world.has(LOCK_KEY));
	});
	const { assert!(LOCK_MS < 3_000, "less than the time between blocks") };
}

#[test]
fn a_batch_that_never_comes_should_be_brought_again_as_another_transaction() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		world.serve(GATE, &[meter.read(1, T0 + 1, 10, 0)]);
		work();
		let lost = world.submitted();
		assert_eq!(lost.len(), 1);
		for _ in 1..FLIGHT_BLOCKS {
			next_block();
			assert!(world.submitted().is_empty());
		}
		assert_eq!(world.progress().gateways[0].oldest, Some(FLIGHT_BLOCKS - 1));
		next_block();
		assert_eq!(world.progress().tally.expired, 1);
		let again = world.submitted();
		assert_eq!(brought(&again[0]), brought(&lost[0]));
		// The pool bans hashes.
		assert_ne!(again[0].encode(), lost[0].encode());
		include(again);
	});
}

#[test]
fn a_batch_that_the_pool_refuses_should_be_brought_again_soon() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		world.serve(GATE, &[meter.read(1, T0 + 1, 10, 0)]);
		world.refuse(true);
		work();
		assert_eq!(world.progress().tally.refused, 1);
		world.refuse(false);
		for _ in 1..REFUSED_BLOCKS {
			next_block();
			assert!(world.submitted().is_empty());
		}
		next_block();
		include(world.submitted());
		work();
		assert_eq!(world.progress().gateways[0].waiting, 0);
	});
}

#[test]
fn what_a_batch_did_not_bring_should_be_brought_again_soon() {
	let world = world();
	world.run(&[0], || {
		let (one, two) = (admitted(1), admitted(2));
		world.serve(
			GATE,
			&[one.read(1, T0 + 1, 10, 0), two.read(1, T0 + 1, 10, 0)],
		);
		work();
		world.submitted();
		// Somebody else brings one of the two.
		bring_one(&one, 1, T0 + 1, 10, 0);
		next_block();
		assert!(world.submitted().is_empty());
		next_block();
		assert_eq!(brought(&world.submitted()[0]), [(two.id.0, 1)]);
	});
}

#[test]
fn a_page_should_not_be_in_two_batches_in_flight() {
	let world = world();
	world.run(&[0, 1], || {
		let (one, neighbour) = (admitted(1), admitted(2));
		assert_eq!(one.id.page(), neighbour.id.page());
		let elsewhere = registered(3, ALICE, MicrogridId(1), MeterKind::Prosumer);
		Registry::admit_meter(RuntimeOrigin::signed(OPERATOR + 1), elsewhere.id, RATINGS)
			.expect("admits");
		let mut arrived = vec![one.read(1, T0 + 1, 10, 0)];
		world.serve(GATE, &arrived);
		work();
		let flying = world.submitted();
		arrived.extend([
			one.read(2, T0 + 2, 20, 0),
			neighbour.read(1, T0 + 2, 10, 0),
			elsewhere.read(1, T0 + 2, 10, 0),
		]);
		world.serve(GATE, &arrived);
		next_block();
		// Of another page, it need not wait.
		let other = world.submitted();
		assert_eq!(brought(&other[0]), [(elsewhere.id.0, 1)]);
		include([flying, other].concat());
		work();
		let calls = world.submitted();
		assert_eq!(brought(&calls[0]), [(one.id.0, 2), (neighbour.id.0, 1)]);
		include(calls);
	});
}

#[test]
fn no_more_than_two_blocks_readings_should_fly() {
	let world = world();
	world.run(&[0, 1], || {
		MaxBlockReadings::set(MAX_BATCH_READINGS);
		let one = admitted(1);
		let two = registered(2, ALICE, MicrogridId(1), MeterKind::Prosumer);
		Registry::admit_meter(RuntimeOrigin::signed(OPERATOR + 1), two.id, RATINGS)
			.expect("admits");
		// Two blocks' worth for two authorities: 500 readings are ours.
		let mut arrived: Vec<_> = (1..=300)
			.flat_map(|n| [one.read(n, T0 + n, 0, 0), two.read(n, T0 + n, 0, 0)])
			.collect();
		set_now(T0 + 800);
		world.serve(GATE, &arrived);
		work();
		let count = |calls: &[RuntimeCall]| calls.iter().map(|c| brought(c).len()).sum::<usize>();
		let calls = world.submitted();
		assert_eq!(count(&calls), 500);
		// Of a page that does not fly.
		let mut other = Device::new(3);
		for number in 3..=34 {
			other = admitted(number);
		}
		assert_ne!(other.id.page(), one.id.page());
		arrived.push(other.read(1, T0 + 800, 0, 0));
		world.serve(GATE, &arrived);
		next_block();
		assert!(world.submitted().is_empty(), "there is no room");
		include_trusting(calls);
		work();
		let rest = world.submitted();
		assert_eq!(count(&rest), 101);
		include_trusting(rest);
		assert_eq!(Registry::latest(one.id).expect("read").accepted, 300);
		assert_eq!(Registry::latest(two.id).expect("read").accepted, 300);
	});
}

#[test]
fn a_page_with_more_readings_than_a_batch_takes_should_come_in_rounds() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		let arrived: Vec<_> = (1..=600).map(|n| meter.read(n, T0 + n, 0, 0)).collect();
		set_now(T0 + 600);
		world.serve(GATE, &arrived);
		work();
		let calls = world.submitted();
		assert_eq!(calls.len(), 1);
		assert_eq!(brought(&calls[0]).len() as u32, MAX_BATCH_READINGS);
		include_trusting(calls);
		work();
		let calls = world.submitted();
		assert_eq!(brought(&calls[0]).len() as u32, 100);
		include_trusting(calls);
	});
}

#[test]
fn the_witness_should_suffice_for_readings_after_a_silence() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		bring_one(&meter, 1, T0 + 1, 0, 0);
		// Ten periods later: several are frozen by now, and cost an estimate.
		set_now(T0 + 10 * L);
		let arrived = [2, 3, 4].map(|n| meter.read(n, T0 + 10 * L - 9 + n, n * 100, 0));
		world.serve(GATE, &arrived);
		work();
		let calls = world.submitted();
		let spans = batch_of(&calls[0]).spans;
		assert!((10..40).contains(&spans), "{spans}");
		include(calls);
	});
}

#[test]
fn the_witness_should_allow_for_a_period_that_freezes_meanwhile() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		bring_one(&meter, 1, T0 + 1, 0, 0);
		// Two seconds before the end of the period's grace.
		set_now(T0 + 3 * L - 2);
		assert!(!Clock::is_frozen_at(0));
		world.serve(GATE, &[meter.read(2, T0 + 3 * L - 2, 100, 0)]);
		work();
		let calls = world.submitted();
		set_now(T0 + 3 * L + 1);
		assert!(Clock::is_frozen_at(0));
		include(calls);
	});
}

#[test]
fn readings_whose_block_was_retracted_should_be_brought_again() {
	let world = world();
	let arrived = || {
		let meter = admitted(1);
		vec![meter.read(1, T0 + 1, 10, 0)]
	};
	world.run(&[0], || {
		world.serve(GATE, &arrived());
		work();
		include(world.submitted());
		next_block();
		assert_eq!(world.progress().gateways[0].cursor, 1);
	});
	// The same node, on a fork without the reading.
	world.run(&[0], || {
		arrived();
		System::set_block_number(2);
		let found = (0..SWEEP_BLOCKS).any(|_| {
			next_block();
			!world.submitted().is_empty()
		});
		assert!(found);
	});
}

#[test]
fn state_that_cannot_be_read_should_be_forgotten() {
	let world = world();
	world.run(&[0], || {
		world.serve(GATE, &[admitted(1).read(1, T0 + 1, 10, 0)]);
		world.store(STATE_KEY, &[0xff; 7]);
		work();
		assert_eq!(world.submitted().len(), 1);
	});
}

#[test]
fn a_run_should_stop_checking_when_its_time_is_over() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		let arrived: Vec<_> = (1..=200).map(|n| meter.read(n, T0 + n, 0, 0)).collect();
		set_now(T0 + 200);
		world.serve(GATE, &arrived);
		world.tick(20);
		let start = world.clock();
		work();
		assert!(
			world.clock() - start < LOCK_MS,
			"{} ms",
			world.clock() - start
		);
		let calls = world.submitted();
		let first = brought(&calls[0]).len();
		assert!((50..150).contains(&first), "{first}");
		world.tick(0);
		include_trusting(calls);
		work();
		let rest = world.submitted();
		assert_eq!(brought(&rest[0]).len() + first, 200);
		include_trusting(rest);
	});
}
