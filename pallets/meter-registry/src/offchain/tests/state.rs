//! What the worker remembers.

use gridweave_primitives::{device::DeviceSignature, reading::SignedReading, MeterId};
use proptest::prelude::*;

use crate::{
	mock::{reading, T0},
	offchain::{
		state::{Flights, GatewayState, Tally},
		FetchError, FLIGHT_BLOCKS, LANDED_BLOCKS, MAX_BACK_OFF_BLOCKS, SWEEP_BLOCKS,
	},
};

fn readings(of: &[(u32, u64)]) -> Vec<SignedReading> {
	let signed = |(meter, sequence): &(u32, u64)| SignedReading {
		reading: reading(MeterId(*meter), *sequence, T0, 0, 0),
		signature: DeviceSignature::Ed25519(Default::default()),
	};
	of.iter().map(signed).collect()
}

fn flying() -> Flights {
	let mut flights = Flights::default();
	flights.depart(
		10,
		10 + FLIGHT_BLOCKS,
		&readings(&[(1, 1), (1, 2), (40, 7)]),
		500,
	);
	flights
}

#[test]
fn a_flight_should_know_its_readings_and_pages() {
	let flights = flying();
	assert_eq!((flights.readings(), flights.weight()), (3, 500));
	assert_eq!(flights.pages().into_iter().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_flight_should_end_once_all_its_meters_have_arrived() {
	let cases = [
		// block, latest of meter 1, of meter 40: whether it still flies.
		(11, None, None, true),
		(11, Some(1), Some(7), true),
		(11, Some(2), Some(7), false),
		(11, Some(9), Some(9), false),
		(10 + LANDED_BLOCKS - 1, Some(2), Some(6), true),
		(10 + LANDED_BLOCKS, Some(2), Some(6), false),
		(10 + FLIGHT_BLOCKS - 1, None, None, true),
		(10 + FLIGHT_BLOCKS, None, None, false),
		// The chain was reverted to before it.
		(9, None, None, false),
	];
	for (block, one, forty, flies) in cases {
		let mut flights = flying();
		let mut tally = Tally::default();
		let pages = flights.settle(
			block,
			&mut tally,
			|meter| if meter.0 == 1 { one } else { forty },
		);
		// What has come on chain is left alone until the pool has seen it.
		let arrived = !flies && (one >= Some(2) || forty >= Some(7));
		assert_eq!(pages.len(), if arrived { 2 } else { 0 });
		assert_eq!(
			flights.readings() > 0,
			flies,
			"at {block}: {one:?} and {forty:?}"
		);
		let landed = one >= Some(2) && forty >= Some(7);
		assert_eq!(tally.landed, if landed { 3 } else { 0 });
		assert_eq!(tally.expired, u32::from(!flies && !landed));
	}
}

#[test]
fn a_gateway_should_rest_only_as_long_as_it_may() {
	let mut gateway = GatewayState::default();
	assert!(!gateway.rests(0));
	gateway.fail(1_000, FetchError::Slow);
	assert!(gateway.rests(1_000) && !gateway.rests(1_001));
	for _ in 0..100 {
		gateway.fail(1_000, FetchError::Slow);
	}
	assert!(gateway.rests(999 + MAX_BACK_OFF_BLOCKS));
	assert!(!gateway.rests(1_000 + MAX_BACK_OFF_BLOCKS));
	// The chain was reverted: block 1000 may take hours to come again.
	assert!(!gateway.rests(10));
}

#[test]
fn a_sweep_should_go_back_to_the_start_once_all_was_seen() {
	let mut gateway = GatewayState::default();
	gateway.begin(1);
	gateway.cursor = 50;
	gateway.sweep_if_due(1_000);
	assert_eq!(gateway.cursor, 50, "the head was not reached");
	gateway.reach(1_000, 60);
	gateway.reach(1_010, 70);
	gateway.sweep_if_due(999 + SWEEP_BLOCKS);
	assert_eq!(gateway.cursor, 50, "it is not time");
	gateway.sweep_if_due(1_000 + SWEEP_BLOCKS);
	assert_eq!(gateway.cursor, 0);
	gateway.cursor = 80;
	gateway.sweep_if_due(1_000 + 2 * SWEEP_BLOCKS);
	assert_eq!(gateway.cursor, 80, "the head was not reached since");
	gateway.reach(1_100, 90);
	// The chain was reverted.
	gateway.sweep_if_due(10);
	assert_eq!(gateway.cursor, 0);
}

#[test]
fn offsets_that_a_store_has_lost_should_be_new_when_they_come_again() {
	let mut gateway = GatewayState::default();
	for (block, offset) in [(10, 5), (11, 10), (12, 20)] {
		gateway.mark(block, offset);
	}
	gateway.reach(12, 20);
	assert_eq!(
		[4, 9, 15].map(|offset| gateway.age(offset, 30)),
		[20, 19, 18]
	);
	gateway.reach(30, 7);
	assert_eq!([4, 7, 8].map(|offset| gateway.age(offset, 30)), [20, 19, 0]);
	gateway.mark(30, 9);
	assert_eq!(gateway.age(9, 31), 1);
	gateway.reach(31, 0);
	assert_eq!(gateway.age(4, 31), 0);
}

proptest! {
	#[test]
	fn ages_should_be_right_or_older(seen in proptest::collection::vec((1u64..4, 0u64..4), 1..60)) {
		let mut gateway = GatewayState::default();
		let (mut block, mut last) = (0, 0);
		let mut truth = Vec::new();
		for (blocks, offsets) in &seen {
			block += blocks;
			truth.extend((last + 1..=last + offsets).map(|offset| (offset, block)));
			last += offsets;
			gateway.mark(block, last);
			// Seeing something again changes nothing.
			gateway.mark(block, last / 2);
		}
		prop_assert_eq!(gateway.age(last + 1, block), 0);
		for (place, (offset, at)) in truth.iter().rev().enumerate() {
			let age = gateway.age(*offset, block);
			prop_assert!(age >= block - at);
			// Each block has a mark of its own, but for the oldest.
			if place < 30 || seen.len() < 30 {
				prop_assert_eq!(age, block - at);
			}
		}
	}
}
