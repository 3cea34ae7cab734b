//! The worker's round: from gateways to batches to the chain.

use gridweave_primitives::{
	ingest::{GATEWAYS_KEY, MAX_BATCH_READINGS},
	traits::MeteredEnergy,
};

use super::world::*;
use crate::{
	mock::*,
	offchain::{LOCK_KEY, LOCK_MS, PROGRESS_KEY, STATE_KEY},
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
		world.serve(GATE, core::slice::from_ref(&first));
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
fn a_meter_with_a_backlog_should_not_keep_its_neighbours_waiting() {
	let world = world();
	world.run(&[0, 1], || {
		let meters: Vec<_> = (1..=3).map(admitted).collect();
		let mut arrived: Vec<_> = (1..=1_500)
			.map(|n| meters[0].read(n, T0 + n, 0, 0))
			.collect();
		arrived.extend(meters[1..].iter().map(|meter| meter.read(1, T0 + 1, 10, 0)));
		set_now(T0 + 1_500);
		world.serve(GATE, &arrived);
		work();
		// No signature was checked for a place that there is not.
		assert_eq!(world.progress().tally.submitted, MAX_BATCH_READINGS);
		let calls = world.submitted();
		for meter in &meters[1..] {
			assert!(brought(&calls[0]).contains(&(meter.id.0, 1)));
		}
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
		next_block();
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
		let batch = batch_of(&calls[0]);
		assert!((10..20).contains(&batch.spans), "{}", batch.spans);
		assert!(
			(5..12).contains(&batch.corrections),
			"{}",
			batch.corrections
		);
		include(calls);
	});
}

#[test]
fn the_witness_should_suffice_for_neighbours_whose_period_is_settled() {
	let world = world();
	world.run(&[0], || {
		let meters: Vec<_> = (1..9).map(admitted).collect();
		bring(
			meters
				.iter()
				.map(|meter| meter.read(1, T0 + 1, 0, 0))
				.collect(),
		);
		set_now(T0 + 4 * L);
		assert_eq!(Registry::close_page(HERE, 0, P0).len(), 8);
		let late: Vec<_> = meters
			.iter()
			.map(|meter| meter.read(2, T0 + 4 * L - 9, 100, 0))
			.collect();
		world.serve(GATE, &late);
		work();
		// Nothing is estimated any more, so that what an estimate looks back at is counted, but never read.
		include(world.submitted());
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
		next_block();
		let rest = world.submitted();
		assert_eq!(brought(&rest[0]).len() + first, 200);
		include_trusting(rest);
	});
}
