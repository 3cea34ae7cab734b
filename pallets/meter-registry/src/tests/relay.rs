//! The signed, paying call.

use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use gridweave_primitives::{meter::MeterKind, reading::SignedReading, MeterId};
use sp_core::H256;

use crate::{mock::*, Error, Event, RelayedReadings, Witness, MAX_SPANS};

fn relay(
	readings: Vec<SignedReading>,
	spans: u32,
) -> frame_support::dispatch::DispatchResultWithPostInfo {
	let readings = RelayedReadings::truncate_from(readings);
	let witness = Witness {
		spans,
		corrections: 0,
	};
	Registry::relay_readings(RuntimeOrigin::signed(BOB), readings, witness)
}

#[test]
fn anyone_should_relay_what_devices_signed_and_pay() {
	run(|| {
		let device = admitted(1);
		let post = relay(
			vec![device.read(1, T0, 0, 0), device.read(2, T0 + 1, 1, 0)],
			2,
		)
		.unwrap();
		assert_eq!(post.pays_fee, Pays::Yes);
		assert_eq!(
			events().last(),
			Some(&Event::ReadingsRelayed {
				who: BOB,
				accepted: 2,
				stale: 0,
				deferred: 0
			}),
		);
		assert_eq!(Registry::latest(device.id).unwrap().accepted, 2);
		// Some stale readings do not matter.
		assert_ok!(relay(
			vec![device.read(2, T0 + 1, 1, 0), device.read(3, T0 + 2, 1, 0)],
			2
		));
		assert_eq!(
			events().last(),
			Some(&Event::ReadingsRelayed {
				who: BOB,
				accepted: 1,
				stale: 1,
				deferred: 0
			}),
		);
	});
}

#[test]
fn a_relay_should_need_ordered_readings_and_a_sound_witness() {
	run(|| {
		let device = admitted(1);
		let (a, b) = (device.read(1, T0, 0, 0), device.read(2, T0 + 1, 0, 0));
		assert_noop!(relay(vec![], 1), Error::<Test>::NoReadings);
		assert_noop!(
			relay(vec![b.clone(), a.clone()], 2),
			Error::<Test>::Unordered
		);
		assert_noop!(relay(vec![a.clone()], 0), Error::<Test>::BadWitness);
		assert_noop!(
			relay(vec![a.clone()], MAX_SPANS + 1),
			Error::<Test>::BadWitness
		);
		assert_ok!(relay(vec![a, b], 1));
	});
}

#[test]
fn a_relay_should_name_meters_that_do_not_measure() {
	run(|| {
		settle_before(P0);
		let mut unknown = Device::new(9);
		unknown.id = MeterId(77);
		assert_noop!(
			relay(vec![unknown.read(1, T0, 0, 0)], 1),
			Error::<Test>::UnknownMeter
		);
		let waiting = registered(1, ALICE, HERE, MeterKind::Consumer);
		assert_noop!(
			relay(vec![waiting.read(1, T0, 0, 0)], 1),
			Error::<Test>::NotAdmitted
		);
		let retired = admitted(2);
		bring_one(&retired, 1, T0 + 1, 0, 0);
		assert_ok!(Registry::retire_meter(
			RuntimeOrigin::signed(ALICE),
			retired.id
		));
		assert_noop!(
			relay(vec![retired.read(2, T0 + 2, 0, 0)], 1),
			Error::<Test>::MeterIsRetired
		);
	});
}

#[test]
fn a_relay_with_a_bad_signature_should_fail_as_a_whole() {
	run(|| {
		let (device, other) = (admitted(1), admitted(2));
		let good = device.read(1, T0, 0, 0);
		let bad = device.sign_reading(other.read(1, T0, 0, 0).reading);
		assert_noop!(
			relay(vec![good.clone(), bad], 2),
			Error::<Test>::BadDeviceSignature
		);
		let signature = device.sign(&good.reading.digest(&H256::repeat_byte(1)));
		assert_noop!(
			relay(vec![SignedReading { signature, ..good }], 1),
			Error::<Test>::BadDeviceSignature
		);
		// Also of a reading that would only be deferred.
		let mut later = device.read(1, T0 + 400, 0, 0);
		later.reading.captured_at += 1;
		assert_noop!(relay(vec![later], 1), Error::<Test>::BadDeviceSignature);
	});
}

#[test]
fn a_relay_of_nothing_acceptable_should_say_why() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		assert_noop!(
			relay(vec![device.read(1, T0, 0, 0)], 1),
			Error::<Test>::NothingFresh
		);
		assert_noop!(
			relay(vec![device.read(2, T0 + 301, 0, 0)], 1),
			Error::<Test>::TooFarAhead
		);
		set_now(T0 + 2 * L);
		let long = vec![device.read(2, T0 + 2 * L, 0, 0)];
		assert_noop!(relay(long.clone(), 1), Error::<Test>::WitnessExceeded);
		assert_ok!(relay(long, 2));
	});
}
