//! Several gateways, and several authorities.

use frame_support::BoundedVec;
use gridweave_primitives::{meter::MeterKind, MicrogridId};
use proptest::prelude::*;
use sp_core::Pair;

use super::world::*;
use crate::{
	mock::*,
	offchain::{is_mine, FLIGHT_BLOCKS, MAX_GATEWAYS, ROTATION_BLOCKS, TAKE_OVER_BLOCKS},
	IngestKeys,
};

const GATE: &str = "http://gate";
const OTHER: &str = "http://other";

#[test]
fn what_two_gateways_serve_should_come_once() {
	let world = World::default();
	world.configure(&[GATE, OTHER]);
	world.run(&[0], || {
		let meter = admitted(1);
		let readings = [1, 2, 3].map(|n| meter.read(n, T0 + n, n * 10, 0));
		world.serve(GATE, &readings[..2]);
		world.serve(OTHER, &readings[1..]);
		work();
		let calls = world.submitted();
		assert_eq!(brought(&calls[0]), [1, 2, 3].map(|n| (meter.id.0, n)));
		include(calls);
		work();
		assert!(world
			.progress()
			.gateways
			.iter()
			.all(|gateway| gateway.waiting == 0));
	});
}

#[test]
fn a_flood_of_forgeries_should_not_use_up_the_room_of_others() {
	// Whichever is asked first.
	for block in [1, 2] {
		let world = World::default();
		world.configure(&[GATE, OTHER]);
		world.run(&[0], || {
			System::set_block_number(block);
			MaxBlockReadings::set(500);
			let (victim, meter) = (admitted(1), admitted(2));
			let mut forged = victim.read(1, T0 + 1, 10, 0);
			let forged: Vec<_> = (1..=1_500)
				.map(|n| {
					forged.reading.sequence = n + 1;
					forged.clone()
				})
				.collect();
			world.serve(GATE, &forged);
			world.serve(OTHER, &[meter.read(1, T0 + 1, 10, 0)]);
			work();
			let tally = world.progress().tally;
			// Two blocks' worth for two authorities, and half of it for each gateway.
			assert!((250..=500).contains(&tally.bad_signature), "{tally}");
			let calls = world.submitted();
			assert_eq!(brought(&calls[0]), [(meter.id.0, 1)]);
			include(calls);
		});
	}
}

#[test]
fn a_busy_gateway_should_leave_room_for_others() {
	// Whichever is asked first.
	for block in [1, 2] {
		let world = World::default();
		world.configure(&[GATE, OTHER]);
		world.run(&[0, 1], || {
			System::set_block_number(block);
			MaxBlockReadings::set(500);
			let [busy, quiet] = two_pages();
			let many: Vec<_> = (1..=600).map(|n| busy.read(n, T0 + n, 0, 0)).collect();
			set_now(T0 + 600);
			System::set_block_number(block);
			world.serve(GATE, &many);
			world.serve(OTHER, &[quiet.read(1, T0 + 1, 10, 0)]);
			work();
			let calls = world.submitted();
			let all: Vec<_> = calls.iter().flat_map(brought).collect();
			assert!(all.contains(&(quiet.id.0, 1)));
			assert!((251..=500).contains(&all.len()), "{}", all.len());
		});
	}
}

#[test]
fn what_is_known_of_gateways_should_follow_them_in_the_list() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0], || {
		let meter = admitted(1);
		world.serve(GATE, &[meter.read(1, T0 + 1, 10, 0)]);
		world.serve(OTHER, &[]);
		work();
		include(world.submitted());
		work();
		// The node was started with another one before it.
		world.configure(&[OTHER, GATE]);
		world.requests();
		next_block();
		let mut asked = world.requests();
		asked.sort();
		assert_eq!(
			asked,
			[
				"http://gate/v1/readings?after=1&epoch=1&limit=2000",
				"http://other/v1/readings?after=0&limit=2000",
			],
		);
	});
}

/// A meter on each of two pages.
fn two_pages() -> [Device; 2] {
	let one = admitted(1);
	let two = registered(2, ALICE, MicrogridId(1), MeterKind::Prosumer);
	Registry::admit_meter(RuntimeOrigin::signed(OPERATOR + 1), two.id, RATINGS).expect("admits");
	assert_ne!(one.id.page() % 2, two.id.page() % 2);
	[one, two]
}

#[test]
fn authorities_should_share_the_pages() {
	let mut all = Vec::new();
	for place in [0, 1] {
		let world = World::default();
		world.configure(&[GATE]);
		world.run(&[place], || {
			let meters = two_pages();
			world.serve(
				GATE,
				&meters.clone().map(|meter| meter.read(1, T0 + 1, 10, 0)),
			);
			work();
			let calls = world.submitted();
			assert_eq!(calls.len(), 1);
			assert_eq!(batch_of(&calls[0]).authority, place);
			assert_eq!(brought(&calls[0]).len(), 1);
			all.extend(brought(&calls[0]));
			include(calls);
		});
	}
	all.sort();
	all.dedup();
	assert_eq!(all.len(), 2);
}

#[test]
fn a_node_with_several_keys_should_bring_all_their_pages() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0, 1], || {
		world.serve(GATE, &two_pages().map(|meter| meter.read(1, T0 + 1, 10, 0)));
		work();
		let calls = world.submitted();
		assert_eq!(brought(&calls[0]).len(), 2);
		include(calls);
	});
}

#[test]
fn the_readings_of_an_absent_authority_should_be_taken_over() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0], || {
		let meters = two_pages();
		world.serve(
			GATE,
			&meters.clone().map(|meter| meter.read(1, T0 + 1, 10, 0)),
		);
		work();
		let own = world.submitted();
		let (own_meter, _) = brought(&own[0])[0];
		include(own);
		let absent = meters
			.iter()
			.find(|meter| meter.id.0 != own_meter)
			.expect("another");
		for _ in 2..=TAKE_OVER_BLOCKS {
			next_block();
			assert!(world.submitted().is_empty());
		}
		next_block();
		let taken = world.submitted();
		assert_eq!(brought(&taken[0]), [(absent.id.0, 1)]);
		include(taken);
		work();
		assert_eq!(world.progress().gateways[0].waiting, 0);
	});
}

/// The ingest keys of a new session.
fn change_authorities(places: &[u32]) {
	let keys = places.iter().map(|place| authority(*place).public());
	IngestKeys::<Test>::put(BoundedVec::truncate_from(keys.collect()));
}

#[test]
fn a_new_place_among_the_authorities_should_be_taken_and_nothing_be_lost() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[1], || {
		let meters = two_pages();
		let readings = meters.clone().map(|meter| meter.read(1, T0 + 1, 10, 0));
		world.serve(GATE, &readings);
		work();
		let before = world.submitted();
		assert_eq!(batch_of(&before[0]).authority, 1);
		let aloft = brought(&before[0]);
		// The other authority goes before the batch comes on chain: it is nobody's now.
		change_authorities(&[1]);
		assert!(send(before[0].clone()).is_err());
		next_block();
		let now = world.submitted();
		assert_eq!(batch_of(&now[0]).authority, 0);
		let others: Vec<_> = meters
			.iter()
			.map(|meter| (meter.id.0, 1))
			.filter(|reading| !aloft.contains(reading))
			.collect();
		assert_eq!(brought(&now[0]), others);
		include(now);
		let again: Vec<_> = (0..=FLIGHT_BLOCKS)
			.flat_map(|_| {
				next_block();
				world.submitted()
			})
			.collect();
		assert_eq!(again.len(), 1);
		assert_eq!(batch_of(&again[0]).authority, 0);
		assert_eq!(brought(&again[0]), aloft);
		include(again);
	});
}

#[test]
fn who_is_no_longer_an_authority_should_rest_and_who_becomes_one_should_work() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0], || {
		let meter = admitted(1);
		world.serve(GATE, &[meter.read(1, T0 + 1, 10, 0)]);
		change_authorities(&[1]);
		for _ in 0..=TAKE_OVER_BLOCKS {
			next_block();
		}
		assert!(world.submitted().is_empty());
		assert!(world.requests().is_empty());
		// Another one's pages are taken over when it leaves them.
		change_authorities(&[2, 0]);
		next_block();
		for _ in 0..=TAKE_OVER_BLOCKS {
			next_block();
		}
		let calls = world.submitted();
		assert_eq!(batch_of(&calls[0]).authority, 1);
		include(calls);
	});
}

#[test]
fn every_gateway_should_be_asked_first_at_times() {
	let world = World::default();
	world.configure(&[GATE, OTHER]);
	world.run(&[0], || {
		world.serve(GATE, &[]);
		world.serve(OTHER, &[]);
		let first = |block| {
			System::set_block_number(block);
			work();
			world.requests()[0].clone()
		};
		assert_ne!(first(1).starts_with(GATE), first(2).starts_with(GATE));
	});
	const { assert!(MAX_GATEWAYS > 1) };
}

proptest! {
	#[test]
	fn a_page_should_belong_to_one_authority_at_a_time_and_to_all_in_turn(
		page: u32,
		block in 0u64..u64::from(u32::MAX),
		authorities in 1u32..20,
	) {
		let owner = |block| {
			let places = 0..authorities as usize;
			let owners: Vec<_> =
				places.filter(|place| is_mine(page, block, &[*place], authorities)).collect();
			assert_eq!(owners.len(), 1);
			owners[0]
		};
		let mut owners: Vec<_> =
			(0..authorities).map(|n| owner(block + u64::from(n) * ROTATION_BLOCKS)).collect();
		owners.sort();
		prop_assert_eq!(owners, (0..authorities as usize).collect::<Vec<_>>());
	}
}

#[test]
fn without_authorities_no_page_should_be_anybody_s() {
	assert!(!is_mine(0, 0, &[0], 0));
}
