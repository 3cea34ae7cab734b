//! What an operator's ratings do, and when.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{
	meter::{MeterKind, Ratings},
	traits::MeteredEnergy,
	Be32, WattHours, Watts,
};

use crate::{mock::*, Error, Suspended, SuspendedEnergy};

/// As much either way.
fn power(watts: u32) -> Ratings {
	Ratings {
		max_import: Watts(watts),
		max_export: Watts(watts),
	}
}

fn suspended(device: &Device) -> Suspended {
	SuspendedEnergy::<Test>::get(Be32::from(device.id))
}

fn exported(device: &Device) -> u64 {
	Registry::latest(device.id).unwrap().exported.0
}

#[test]
fn a_lower_rating_should_not_cut_what_was_delivered_before() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		set_now(T0 + L);
		assert_ok!(admit(&device, power(400)));
		bring_one(&device, 2, T0 + L, 1_000, 1_000);
		assert_eq!(exported(&device), 1_000);
		assert_eq!(suspended(&device), Suspended::default());
		// From there on it counts.
		set_now(T0 + 2 * L);
		bring_one(&device, 3, T0 + 2 * L, 1_000, 2_000);
		assert_eq!(exported(&device), 1_100);
		assert_eq!(suspended(&device).export, 900);
	});
}

#[test]
fn the_highest_rating_since_the_last_reading_should_count() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		for (second, watts) in [(60, 2_000), (120, 400), (180, 800)] {
			set_now(T0 + second);
			assert_ok!(admit(&device, power(watts)));
		}
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 0, 1_000);
		assert_eq!(exported(&device), 1_000);
		// What was before that reading does not come back.
		assert_ok!(admit(&device, power(400)));
		set_now(T0 + L + 60);
		assert_ok!(admit(&device, power(40)));
		set_now(T0 + 2 * L);
		bring_one(&device, 3, T0 + 2 * L, 0, 2_000);
		assert_eq!(exported(&device), 1_100);
	});
}

#[test]
fn a_meter_with_commitments_should_keep_its_ratings_or_get_higher_ones() {
	run(|| {
		let device = admitted(1);
		commit(device.id, true);
		for (max_import, max_export) in [(3_999, 9_000), (9_000, 3_999)] {
			let lower = Ratings {
				max_import: Watts(max_import),
				max_export: Watts(max_export),
			};
			assert_noop!(admit(&device, lower), Error::<Test>::HasCommitments);
		}
		assert_ok!(admit(&device, RATINGS));
		assert_ok!(admit(&device, power(5_000)));
		commit(device.id, false);
		assert_ok!(admit(&device, power(1)));
	});
}

#[test]
fn an_estimate_should_be_capped_by_the_rating_of_its_time() {
	run(|| {
		settle_before(P0);
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 1_000, 0);
		set_now(T0 + 3 * L);
		assert_ok!(admit(&device, power(400)));
		set_now(T0 + 10 * L);
		let imports: Vec<_> = (0..5)
			.map(|n| {
				Registry::close_page(HERE, 0, P0.saturating_add(n))[0]
					.1
					.import
					.0
			})
			.collect();
		assert_eq!(imports, [1_000, 1_000, 1_000, 100, 100]);
	});
}

#[test]
fn a_modulus_should_tell_a_rollover_at_the_admitted_rating() {
	run(|| {
		let register = |number, modulus| {
			let mut device = Device::new(number);
			assert_ok!(Registry::register_meter(
				RuntimeOrigin::signed(ALICE),
				HERE,
				MeterKind::Consumer,
				device.key(),
				serial(),
				WattHours(modulus),
				device.proof(ALICE, HERE),
			));
			device.id = Registry::api_meter_by_key(&device.key()).unwrap();
			device
		};
		// 96 periods at 4 kW are 96 kWh.
		let small = register(1, 192_000);
		for (max_import, max_export) in [(4_000, 0), (0, 4_000)] {
			let ratings = Ratings {
				max_import: Watts(max_import),
				max_export: Watts(max_export),
			};
			assert_noop!(admit(&small, ratings), Error::<Test>::ModulusBelowRating);
		}
		assert_ok!(admit(&small, power(3_999)));
		assert_noop!(
			admit(&small, power(4_000)),
			Error::<Test>::ModulusBelowRating
		);
		assert_ok!(admit(&register(2, 192_001), power(4_000)));
		assert_ok!(admit(&register(3, u64::MAX), power(u32::MAX)));
	});
}
