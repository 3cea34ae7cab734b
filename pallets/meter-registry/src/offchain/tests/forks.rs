//! Chains that are left, and stores that go back.

use gridweave_primitives::reading::SignedReading;

use super::world::*;
use crate::{mock::*, offchain::SWEEP_BLOCKS};

const GATE: &str = "http://gate";

fn world() -> World {
	let world = World::default();
	world.configure(&[GATE]);
	world
}

/// What the gateway has: a reading for each of these sequences.
fn arrived(sequences: std::ops::RangeInclusive<u64>) -> Vec<SignedReading> {
	let meter = admitted(1);
	sequences
		.map(|n| meter.read(n, T0 + n, n * 10, 0))
		.collect()
}

/// A chain on which one reading came, and the worker ran for so many blocks after it.
fn first_chain(world: &World, blocks: u64) {
	world.run(&[0], || {
		world.serve(GATE, &arrived(1..=1));
		name_block(1, 1);
		work();
		include(world.submitted());
		for number in 2..blocks {
			name_block(number, 1);
			System::set_block_number(number);
			work();
		}
		assert_eq!(world.progress().gateways[0].cursor, 1);
	});
}

#[test]
fn readings_whose_block_was_retracted_should_be_brought_again_at_once() {
	for blocks in [3, 2 * SWEEP_BLOCKS, 2 * SWEEP_BLOCKS + 7] {
		let world = world();
		first_chain(&world, blocks);
		// The same node, on a fork without the reading that is one block longer.
		world.run(&[0], || {
			arrived(1..=1);
			(1..=blocks).for_each(|number| name_block(number, 2));
			System::set_block_number(blocks);
			work();
			assert_eq!(world.submitted().len(), 1, "after {blocks} blocks");
		});
	}
}

#[test]
fn a_chain_that_was_reverted_should_be_noticed() {
	let world = world();
	first_chain(&world, 10);
	world.run(&[0], || {
		arrived(1..=1);
		name_block(1, 1);
		System::set_block_number(2);
		work();
		assert_eq!(world.submitted().len(), 1);
	});
}

#[test]
fn the_same_chain_should_not_be_read_from_its_start() {
	let world = world();
	world.run(&[0], || {
		world.serve(GATE, &arrived(1..=1));
		name_block(1, 1);
		work();
		include(world.submitted());
		name_block(2, 1);
		work();
		world.requests();
		name_block(3, 1);
		next_block();
		assert_eq!(
			world.requests(),
			["http://gate/v1/readings?after=1&epoch=1&limit=2000"]
		);
	});
}

#[test]
fn a_sweep_should_find_what_was_retracted_unnoticed() {
	let world = world();
	first_chain(&world, 2 * SWEEP_BLOCKS);
	// The fork is not told from the chain by the hash of the last run's block.
	world.run(&[0], || {
		arrived(1..=1);
		(1..=2 * SWEEP_BLOCKS).for_each(|number| name_block(number, 1));
		System::set_block_number(2 * SWEEP_BLOCKS);
		let found = (0..=SWEEP_BLOCKS).any(|_| {
			work();
			System::set_block_number(System::block_number() + 1);
			!world.submitted().is_empty()
		});
		assert!(found);
	});
}

#[test]
fn a_store_whose_offsets_went_back_should_be_read_again() {
	let world = world();
	world.run(&[0], || {
		let all = arrived(1..=9);
		world.serve(GATE, &all[..8]);
		work();
		include(world.submitted());
		next_block();
		assert_eq!(world.progress().gateways[0].cursor, 8);
		// It was restored from a copy that had the first three, and gives the next offset out again.
		let restored = [&all[..3], &all[8..]].concat();
		world.serve(GATE, &restored);
		let found = (0..=SWEEP_BLOCKS).any(|_| {
			next_block();
			!world.submitted().is_empty()
		});
		assert!(found);
	});
}
