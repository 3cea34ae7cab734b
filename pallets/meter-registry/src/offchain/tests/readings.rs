//! Bad readings: each is skipped, told, and holds up nobody.

use gridweave_primitives::{meter::MeterKind, reading::SignedReading, MeterId};
use sp_core::H256;

use super::world::*;
use crate::{
	freshness::MAX_LEAD,
	mock::*,
	offchain::{Tally, GRACE_BLOCKS},
};

const GATE: &str = "http://gate";

/// Serves bad readings between good ones of another meter; the good ones must come, the bad ones must be
/// settled after `patience` blocks, and be told.
fn should_skip(
	bad: impl FnOnce() -> Vec<SignedReading>,
	patience: u64,
	told: impl Fn(Tally) -> u32,
) {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0, 1], || {
		let good = admitted(77);
		let bad = bad();
		let count = bad.len() as u32;
		let mut arrived = vec![good.read(1, T0 + 1, 10, 0)];
		arrived.extend(bad);
		arrived.push(good.read(2, T0 + 2, 20, 0));
		world.serve(GATE, &arrived);
		work();
		let calls = world.submitted();
		assert_eq!(calls.len(), 1);
		assert_eq!(brought(&calls[0]), [(good.id.0, 1), (good.id.0, 2)]);
		let mut skipped = told(world.progress().tally);
		include(calls);
		work();
		for _ in 2..=patience.max(2) {
			next_block();
		}
		if patience > 0 {
			skipped = told(world.progress().tally);
		}
		assert_eq!(skipped, count);
		assert!(world.submitted().is_empty());
		let gateway = world.progress().gateways[0].clone();
		assert_eq!((gateway.cursor, gateway.waiting), (arrived.len() as u64, 0));
	});
}

#[test]
fn stale_readings_should_be_skipped() {
	should_skip(
		|| {
			let meter = admitted(1);
			bring_one(&meter, 5, T0 + 5, 50, 0);
			// An older sequence, the same again, and a newer sequence with an older time.
			let mut clock_back = meter.read(6, T0 + 4, 60, 0);
			clock_back.reading.sequence = 6;
			vec![
				meter.read(4, T0 + 4, 40, 0),
				meter.read(5, T0 + 5, 50, 0),
				clock_back,
			]
		},
		0,
		|tally| tally.stale,
	);
}

#[test]
fn readings_from_before_admission_should_be_skipped() {
	should_skip(
		|| vec![admitted(1).read(1, T0 - 1, 10, 0)],
		0,
		|tally| tally.stale,
	);
}

#[test]
fn badly_signed_readings_should_be_skipped() {
	should_skip(
		|| {
			let (meter, other) = (admitted(1), admitted(2));
			let genuine = meter.read(1, T0 + 1, 10, 0);
			let mut tampered = genuine.clone();
			tampered.reading.export_register.0 += 1;
			let mut foreign = genuine.clone();
			foreign.signature = other.sign(&foreign.reading.digest(&genesis()));
			let mut elsewhere = genuine;
			elsewhere.signature = meter.sign(&elsewhere.reading.digest(&H256([9; 32])));
			vec![tampered, foreign, elsewhere]
		},
		0,
		|tally| tally.bad_signature,
	);
}

#[test]
fn readings_of_meters_that_do_not_measure_should_be_skipped_after_some_blocks() {
	should_skip(
		|| {
			let mut unknown = Device::new(1);
			unknown.id = MeterId(1_000);
			let waiting = registered(2, ALICE, HERE, MeterKind::Prosumer);
			let retired = admitted(3);
			// One that gave a reading stays known for a while.
			bring_one(&retired, 1, T0, 10, 0);
			Registry::retire_meter(RuntimeOrigin::signed(ALICE), retired.id).expect("retires");
			[unknown, waiting, retired]
				.map(|meter| meter.read(2, T0 + 2, 10, 0))
				.to_vec()
		},
		GRACE_BLOCKS,
		|tally| tally.unknown,
	);
}

#[test]
fn readings_from_the_future_should_be_skipped_after_some_blocks() {
	should_skip(
		|| vec![admitted(1).read(1, T0 + MAX_LEAD + 1, 10, 0)],
		GRACE_BLOCKS,
		|tally| tally.future,
	);
}

#[test]
fn a_reading_from_the_future_should_come_once_it_does_not_any_more() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0, 1], || {
		let meter = admitted(1);
		world.serve(GATE, &[meter.read(1, T0 + MAX_LEAD + 1, 10, 0)]);
		work();
		assert!(world.submitted().is_empty());
		assert_eq!(world.progress().gateways[0].waiting, 1);
		set_now(T0 + 1);
		work();
		include(world.submitted());
		assert!(Registry::latest(meter.id).is_some());
	});
}

#[test]
fn a_meter_that_is_admitted_soon_should_lose_no_reading() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0, 1], || {
		let meter = registered(1, ALICE, HERE, MeterKind::Prosumer);
		world.serve(GATE, &[meter.read(1, T0 + 1, 10, 0)]);
		work();
		assert!(world.submitted().is_empty());
		Registry::admit_meter(RuntimeOrigin::signed(OPERATOR), meter.id, RATINGS).expect("admits");
		next_block();
		include(world.submitted());
	});
}

#[test]
fn readings_out_of_order_should_be_put_in_order() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0, 1], || {
		let meter = admitted(1);
		world.serve(GATE, &[3, 1, 2].map(|n| meter.read(n, T0 + n, n * 10, 0)));
		work();
		let calls = world.submitted();
		assert_eq!(brought(&calls[0]), [1, 2, 3].map(|n| (meter.id.0, n)));
		include(calls);
	});
}

#[test]
fn a_reading_whose_time_runs_backwards_should_not_spoil_its_batch() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0, 1], || {
		let meter = admitted(1);
		let arrived =
			[(1, 5), (2, 4), (3, 6)].map(|(n, second)| meter.read(n, T0 + second, n * 10, 0));
		world.serve(GATE, &arrived);
		work();
		let calls = world.submitted();
		assert_eq!(brought(&calls[0]), [1, 3].map(|n| (meter.id.0, n)));
		include(calls);
		work();
		assert_eq!(world.progress().gateways[0].waiting, 0);
	});
}

#[test]
fn a_forged_reading_should_not_make_genuine_ones_stale() {
	let world = World::default();
	world.configure(&[GATE]);
	world.run(&[0, 1], || {
		let meter = admitted(1);
		let mut forged = meter.read(1, T0 + 200, 10, 0);
		forged.reading.sequence = u64::MAX;
		world.serve(GATE, &[forged, meter.read(1, T0 + 1, 10, 0)]);
		work();
		let calls = world.submitted();
		assert_eq!(brought(&calls[0]), [(meter.id.0, 1)]);
		include(calls);
	});
}
