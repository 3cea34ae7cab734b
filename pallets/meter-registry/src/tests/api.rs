//! Sessions and what clients ask.

use frame_support::traits::OneSessionHandler;
use gridweave_primitives::{meter::MeterKind, MeterId};
use sp_core::crypto::Pair as _;

use crate::{mock::*, runtime_api::OwnMeters, IngestKeys};

#[test]
fn ingest_keys_should_follow_the_session_and_stay_bounded() {
	run(|| {
		let keys = |n: u32| {
			(0..n)
				.map(|i| authority(i + 10).public())
				.collect::<Vec<_>>()
		};
		let accounts: Vec<u64> = (0..9).collect();
		let set = |n: u32| accounts.iter().zip(keys(n));
		Registry::on_genesis_session(set(2));
		assert_eq!(IngestKeys::<Test>::get().to_vec(), keys(2));
		Registry::on_new_session(true, set(3), set(3));
		assert_eq!(IngestKeys::<Test>::get().to_vec(), keys(3));
		// More than may be: the first ones bring batches.
		Registry::on_new_session(true, set(6), set(6));
		assert_eq!(IngestKeys::<Test>::get().to_vec(), keys(4));
	});
}

#[test]
fn progress_should_go_by_meter_from_anywhere_and_stay_bounded() {
	run(|| {
		let devices: Vec<_> = (0..70).map(admitted).collect();
		let (silent, speaking): (Vec<_>, Vec<_>) =
			devices.iter().partition(|device| device.id.0 % 5 == 0);
		bring(
			speaking
				.iter()
				.map(|device| device.read(3, T0, 0, 0))
				.collect(),
		);
		assert!(!silent.is_empty());
		let all: Vec<_> = speaking.iter().map(|device| (device.id, 3, 1)).collect();
		assert_eq!(Registry::api_progress(MeterId(0), u32::MAX), all);
		for from in [1, 31, 32, 33, 64, 69, 70, 500] {
			let expected: Vec<_> = all
				.iter()
				.filter(|(id, ..)| id.0 >= from)
				.copied()
				.collect();
			assert_eq!(Registry::api_progress(MeterId(from), 2_000), expected);
			let expected: Vec<_> = expected.into_iter().take(3).collect();
			assert_eq!(Registry::api_progress(MeterId(from), 3), expected);
		}
	});
}

#[test]
fn meters_should_be_found_by_id_and_key() {
	run(|| {
		let device = registered(1, ALICE, HERE, MeterKind::Feeder);
		assert_eq!(Registry::api_meter_by_key(&device.key()), Some(device.id));
		assert_eq!(Registry::api_meter_by_key(&Device::new(2).key()), None);
		assert_eq!(Registry::api_meter(device.id).unwrap().key, device.key());
		assert_eq!(Registry::api_meter(MeterId(1)), None);
		assert_eq!(Registry::api_metered(device.id, P0), None);
	});
}

#[test]
fn meters_of_an_account_should_be_found_bit_by_bit() {
	run(|| {
		let owners = [ALICE, BOB, ALICE, ALICE, BOB];
		let meters: Vec<_> = (1..)
			.zip(owners)
			.map(|(seed, owner)| registered(seed, owner, HERE, MeterKind::Consumer).id)
			.collect();
		let found = |of: [usize; 3], next| OwnMeters {
			meters: of
				.into_iter()
				.filter_map(|at| meters.get(at).copied())
				.collect(),
			next,
		};
		const NONE: usize = usize::MAX;
		assert_eq!(
			Registry::api_meters_of(&ALICE, MeterId(0)),
			found([0, 2, 3], None)
		);
		assert_eq!(
			Registry::api_meters_of(&3, MeterId(0)),
			OwnMeters::default()
		);
		assert_eq!(
			Registry::search(&ALICE, MeterId(0), 3),
			found([0, 2, NONE], Some(meters[3]))
		);
		assert_eq!(
			Registry::search(&ALICE, meters[3], 3),
			found([3, NONE, NONE], None)
		);
		// From an id that is nobody's.
		assert_eq!(
			Registry::search(&ALICE, MeterId(500), 3),
			OwnMeters::default()
		);
	});
}
