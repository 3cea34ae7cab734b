//! Batches in flight: what becomes of them, and how many there are.

use codec::Encode;
use gridweave_primitives::{ingest::MAX_BATCH_READINGS, meter::MeterKind, MicrogridId};
use sp_core::Pair;

use super::world::*;
use crate::{
	authorize::LONGEVITY,
	mock::*,
	offchain::{FLIGHT_BLOCKS, LANDED_BLOCKS},
};

const GATE: &str = "http://gate";

fn world() -> World {
	let world = World::default();
	world.configure(&[GATE]);
	world
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
fn a_batch_that_the_pool_takes_and_forgets_should_be_brought_again() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		world.serve(GATE, &[meter.read(1, T0 + 1, 10, 0)]);
		world.swallow(true);
		work();
		assert_eq!(world.progress().batches_in_flight, 1);
		world.swallow(false);
		for _ in 1..FLIGHT_BLOCKS {
			next_block();
			assert!(world.submitted().is_empty());
		}
		next_block();
		include(world.submitted());
		work();
		assert_eq!(world.progress().gateways[0].waiting, 0);
	});
	const {
		assert!(
			FLIGHT_BLOCKS > LONGEVITY,
			"the pool has forgotten it by then"
		)
	};
}

#[test]
fn a_batch_that_the_pool_does_not_even_take_should_be_brought_by_the_next_run() {
	let world = world();
	world.run(&[0], || {
		let meter = admitted(1);
		world.serve(GATE, &[meter.read(1, T0 + 1, 10, 0)]);
		world.refuse(true);
		work();
		let progress = world.progress();
		assert_eq!((progress.tally.refused, progress.in_flight), (1, 0));
		world.refuse(false);
		next_block();
		include(world.submitted());
		work();
		assert_eq!(world.progress().gateways[0].waiting, 0);
	});
}

#[test]
fn a_page_that_has_just_come_on_chain_should_wait_until_the_pool_has_seen_it() {
	let world = world();
	world.run(&[0], || {
		let (one, neighbour) = (admitted(1), admitted(2));
		let mut arrived = vec![one.read(1, T0 + 1, 10, 0)];
		world.serve(GATE, &arrived);
		work();
		include(world.submitted());
		arrived.push(neighbour.read(1, T0 + 2, 10, 0));
		world.serve(GATE, &arrived);
		// At the block before, the pool has a batch with the same tags.
		work();
		assert_eq!(world.progress().tally.landed, 1);
		assert!(world.submitted().is_empty());
		next_block();
		assert_eq!(brought(&world.submitted()[0]), [(neighbour.id.0, 1)]);
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
		for _ in 0..LANDED_BLOCKS {
			next_block();
			assert!(world.submitted().is_empty());
		}
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
		next_block();
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
		let mut rest = world.submitted();
		next_block();
		rest.extend(world.submitted());
		assert_eq!(count(&rest), 101);
		include_trusting(rest);
		assert_eq!(Registry::latest(one.id).expect("read").accepted, 300);
		assert_eq!(Registry::latest(two.id).expect("read").accepted, 300);
	});
}

#[test]
fn many_authorities_together_should_let_no_more_fly() {
	let world = world();
	world.run(&[0], || {
		MaxBlockReadings::set(MAX_BATCH_READINGS);
		let four = (0..4).map(|place| authority(place).public()).collect();
		crate::IngestKeys::<Test>::put(frame_support::BoundedVec::truncate_from(four));
		let meter = admitted(1);
		let arrived: Vec<_> = (1..=600).map(|n| meter.read(n, T0 + n, 0, 0)).collect();
		set_now(T0 + 600);
		world.serve(GATE, &arrived);
		work();
		// A quarter of two blocks' worth.
		assert_eq!(world.progress().in_flight, MAX_BATCH_READINGS / 2);
	});
}
