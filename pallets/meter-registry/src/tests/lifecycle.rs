//! Registration, admission, retirement.

use frame_support::{assert_noop, assert_ok, traits::fungible::BalancedHold};
use gridweave_primitives::{
	device::{DeviceKey, DeviceSignature},
	meter::{EnergySource, MeterKind, MeterState, Ratings},
	traits::{MeterInspect, MeteredEnergy},
	Be32, MeterId, MicrogridId, WattHours, Watts,
};
use sp_core::{crypto::Pair as _, ecdsa, sr25519};
use sp_runtime::{DispatchError, TokenError};

use crate::{mock::*, Allocation, Allocations, Error, Event, FreeIds, HoldReason, Keys, Meters};

fn register(
	owner: u64,
	microgrid: u32,
	device: &Device,
	proof: DeviceSignature,
) -> Result<(), DispatchError> {
	Registry::register_meter(
		RuntimeOrigin::signed(owner),
		MicrogridId(microgrid),
		MeterKind::Consumer,
		device.key(),
		serial(),
		MODULUS,
		proof,
	)
}

#[test]
fn a_registration_should_hold_a_deposit_and_await_admission() {
	run(|| {
		let kind = MeterKind::Producer {
			source: EnergySource::Solar,
		};
		let device = registered(1, ALICE, HERE, kind);
		assert_eq!(device.id, MeterId(0));
		let meter = Meters::<Test>::get(Be32::from(device.id)).unwrap();
		assert_eq!(meter.state, MeterState::Registered);
		assert_eq!(
			meter.deposit,
			1_000 + 10 * codec::Encode::encoded_size(&meter) as u128
		);
		assert_eq!(held(ALICE), meter.deposit);
		assert_eq!(
			events(),
			[Event::MeterRegistered {
				meter: device.id,
				microgrid: HERE,
				owner: ALICE,
				kind,
				modulus: MODULUS,
			}],
		);
		let info = <Registry as MeterInspect<u64>>::meter(device.id).unwrap();
		assert_eq!((info.owner, info.microgrid, info.kind), (ALICE, HERE, kind));
		assert!(!info.may_trade());
	});
}

#[test]
fn every_key_type_should_register() {
	run(|| {
		let digest =
			gridweave_primitives::device::registration_digest(&genesis(), &ALICE, HERE, &serial());
		let sr = sr25519::Pair::from_seed(&[2; 32]);
		let ec = ecdsa::Pair::from_seed(&[3; 32]);
		let keys = [
			(
				DeviceKey::Sr25519(sr.public()),
				DeviceSignature::Sr25519(sr.sign(&digest)),
			),
			(
				DeviceKey::Secp256k1(ec.public()),
				DeviceSignature::Secp256k1(ec.sign_prehashed(&digest)),
			),
		];
		for (key, proof) in keys {
			assert_ok!(Registry::register_meter(
				RuntimeOrigin::signed(ALICE),
				HERE,
				MeterKind::Consumer,
				key,
				serial(),
				MODULUS,
				proof,
			));
		}
	});
}

#[test]
fn ids_should_be_dense_in_pages_of_one_microgrid() {
	run(|| {
		let there = MicrogridId(1);
		let mut ids = Vec::new();
		for number in 0..33 {
			ids.push(registered(number, ALICE, HERE, MeterKind::Consumer).id.0);
			if number == 0 {
				assert_eq!(
					registered(1_000, BOB, there, MeterKind::Consumer).id,
					MeterId(32)
				);
			}
		}
		assert_eq!(ids[..32], (0..32).collect::<Vec<_>>());
		assert_eq!(ids[32], 64, "a new page, after the other microgrid's");
		assert_eq!(<Registry as MeteredEnergy>::pages(HERE), 2);
		assert_eq!(<Registry as MeteredEnergy>::pages(there), 1);
	});
}

#[test]
fn the_id_of_a_meter_that_was_admitted_should_never_be_given_out_again() {
	run(|| {
		retire(&admitted(1));
		assert_eq!(freed(), [MeterId(0)]);
		assert_eq!(
			registered(2, ALICE, HERE, MeterKind::Consumer).id,
			MeterId(1)
		);
	});
}

#[test]
fn the_ids_of_meters_that_were_never_admitted_should_be_given_out_again() {
	run(|| {
		let there = MicrogridId(1);
		let devices: Vec<_> = (0..3)
			.map(|n| registered(n, ALICE, HERE, MeterKind::Consumer))
			.collect();
		retire(&devices[0]);
		retire(&devices[2]);
		Registry::do_try_state().unwrap();
		// Each microgrid has its own.
		assert_eq!(
			registered(10, BOB, there, MeterKind::Consumer).id,
			MeterId(32)
		);
		let next = |n| registered(n, BOB, HERE, MeterKind::Consumer).id.0;
		assert_eq!([next(11), next(12), next(13)], [2, 0, 3]);
		let given = Allocations::<Test>::get(Be32::from(HERE));
		assert_eq!((given.pages, given.slots, given.free), (1, 4, 0));
	});
}

#[test]
fn coming_and_going_without_admission_should_open_no_pages() {
	run(|| {
		for n in 0..100 {
			retire(&registered(n, ALICE, HERE, MeterKind::Consumer));
		}
		assert_eq!(<Registry as MeteredEnergy>::pages(HERE), 1);
		assert_eq!(FreeIds::<Test>::iter().count(), 1);
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn a_proof_should_hold_for_one_key_owner_microgrid_and_chain() {
	run(|| {
		let device = Device::new(1);
		let good = device.proof(ALICE, HERE);
		let refused = DispatchError::from(Error::<Test>::BadProofOfPossession);
		assert_noop!(register(BOB, 0, &device, good.clone()), refused);
		assert_noop!(register(ALICE, 1, &device, good.clone()), refused);
		assert_noop!(register(ALICE, 0, &Device::new(2), good.clone()), refused);
		let elsewhere = gridweave_primitives::device::registration_digest(
			&sp_core::H256::repeat_byte(9),
			&ALICE,
			HERE,
			&serial(),
		);
		assert_noop!(
			register(ALICE, 0, &device, device.sign(&elsewhere)),
			refused
		);
		assert_ok!(register(ALICE, 0, &device, good));
	});
}

#[test]
fn a_key_should_register_once() {
	run(|| {
		let device = registered(1, ALICE, HERE, MeterKind::Consumer);
		let again = register(BOB, 0, &device, device.proof(BOB, HERE));
		assert_noop!(again, Error::<Test>::KeyInUse);
	});
}

#[test]
fn a_registration_should_need_a_microgrid_a_modulus_and_money() {
	run(|| {
		let device = Device::new(1);
		let there = MicrogridId(2);
		let proof = device.proof(ALICE, there);
		assert_noop!(
			register(ALICE, 2, &device, proof),
			Error::<Test>::UnknownMicrogrid
		);
		let modulus = |modulus| {
			Registry::register_meter(
				RuntimeOrigin::signed(ALICE),
				HERE,
				MeterKind::Consumer,
				device.key(),
				serial(),
				WattHours(modulus),
				device.proof(ALICE, HERE),
			)
		};
		assert_noop!(modulus(1), Error::<Test>::ModulusTooSmall);
		assert_noop!(
			register(3, 0, &device, device.proof(3, HERE)),
			TokenError::FundsUnavailable
		);
		assert_ok!(modulus(2));
	});
}

#[test]
fn registration_should_fail_when_all_ids_are_given_out() {
	ext().execute_with(|| {
		crate::NextPage::<Test>::put(u32::MAX / 32);
		let device = Device::new(1);
		assert_noop!(
			register(ALICE, 0, &device, device.proof(ALICE, HERE)),
			Error::<Test>::NoIdsLeft
		);
		// On a page that was given out before there is still room.
		crate::NextPage::<Test>::put(1);
		crate::MicrogridPages::<Test>::insert(Be32::from(0), Be32::from(0), 0);
		Allocations::<Test>::insert(
			Be32::from(0),
			Allocation {
				pages: 1,
				slots: 31,
				free: 0,
			},
		);
		assert_ok!(register(ALICE, 0, &device, device.proof(ALICE, HERE)));
	});
}

#[test]
fn the_operator_alone_should_admit_and_change_ratings() {
	run(|| {
		let device = registered(1, ALICE, HERE, MeterKind::Prosumer);
		let admit =
			|who, ratings| Registry::admit_meter(RuntimeOrigin::signed(who), device.id, ratings);
		assert_noop!(admit(ALICE, RATINGS), Error::<Test>::NotOperator);
		assert_noop!(admit(OPERATOR + 1, RATINGS), Error::<Test>::NotOperator);
		assert_ok!(admit(OPERATOR, RATINGS));
		let more = Ratings {
			max_import: Watts(9_000),
			max_export: Watts(0),
		};
		Now::set(T0 + 50);
		assert_ok!(admit(OPERATOR, more));
		let meter = Meters::<Test>::get(Be32::from(device.id)).unwrap();
		assert_eq!((meter.state, meter.ratings), (MeterState::Admitted, more));
		assert_eq!(meter.admitted_at, T0, "it was admitted once");
		assert_noop!(
			Registry::admit_meter(RuntimeOrigin::signed(OPERATOR), MeterId(7), RATINGS),
			Error::<Test>::UnknownMeter
		);
	});
}

#[test]
fn a_rating_whose_energy_cannot_be_booked_should_be_refused() {
	run(|| {
		let device = registered(1, ALICE, HERE, MeterKind::Prosumer);
		Meters::<Test>::mutate(Be32::from(device.id), |meter| {
			meter.as_mut().unwrap().modulus = WattHours(u64::MAX);
		});
		Length::set(7_200);
		let admit = |max_import, max_export| {
			let ratings = Ratings {
				max_import: Watts(max_import),
				max_export: Watts(max_export),
			};
			Registry::admit_meter(RuntimeOrigin::signed(OPERATOR), device.id, ratings)
		};
		assert_noop!(admit(1 << 31, 0), Error::<Test>::RatingTooHigh);
		assert_noop!(admit(0, 1 << 31), Error::<Test>::RatingTooHigh);
		assert_ok!(admit((1 << 31) - 1, (1 << 31) - 1));
	});
}

#[test]
fn a_meter_without_readings_should_be_freed_at_once_by_owner_or_operator() {
	run(|| {
		for (number, who) in [(1, ALICE), (2, OPERATOR)] {
			let device = registered(number, ALICE, HERE, MeterKind::Consumer);
			let retire = |who| Registry::retire_meter(RuntimeOrigin::signed(who), device.id);
			assert_noop!(retire(BOB), Error::<Test>::NotOwnerNorOperator);
			assert_ok!(retire(who));
			assert_eq!(held(ALICE), 0);
			assert_eq!(Keys::<Test>::get(Registry::key_hash(&device.key())), None);
			assert_eq!(freed(), [device.id]);
			assert_noop!(retire(who), Error::<Test>::UnknownMeter);
			// The key may register again.
			assert_ok!(register(BOB, 0, &device, device.proof(BOB, HERE)));
		}
	});
}

#[test]
fn a_meter_with_commitments_should_not_retire() {
	run(|| {
		let device = admitted(1);
		commit(device.id, true);
		let retire = || Registry::retire_meter(RuntimeOrigin::signed(ALICE), device.id);
		assert_noop!(retire(), Error::<Test>::HasCommitments);
		commit(device.id, false);
		assert_ok!(retire());
	});
}

#[test]
fn a_meter_with_unsettled_energy_should_be_retired_and_kept() {
	run(|| {
		settle_before(P0);
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		set_now(T0 + 60);
		bring_one(&device, 2, T0 + 60, 10, 0);
		assert_ok!(Registry::retire_meter(
			RuntimeOrigin::signed(ALICE),
			device.id
		));
		let meter = Meters::<Test>::get(Be32::from(device.id)).unwrap();
		assert_eq!(meter.state, MeterState::Retired);
		assert_eq!(held(ALICE), meter.deposit);
		assert!(freed().is_empty());
		let signed = RuntimeOrigin::signed;
		let retired = DispatchError::from(Error::<Test>::MeterIsRetired);
		assert_noop!(Registry::retire_meter(signed(ALICE), device.id), retired);
		assert_noop!(
			Registry::admit_meter(signed(OPERATOR), device.id, RATINGS),
			retired
		);
		assert_noop!(
			Registry::offer_meter(signed(ALICE), device.id, Some(BOB)),
			retired
		);
		let (key, proof) = (Device::new(5).key(), device.proof(ALICE, HERE));
		assert_noop!(
			Registry::rotate_key(signed(OPERATOR), device.id, key, proof, None),
			retired
		);
	});
}

#[test]
fn what_a_slash_has_left_of_a_deposit_should_be_released() {
	run(|| {
		let device = registered(1, ALICE, HERE, MeterKind::Consumer);
		let deposit = held(ALICE);
		let reason = HoldReason::Registration.into();
		let slashed = <Balances as BalancedHold<u64>>::slash(&reason, &ALICE, 400);
		assert_eq!(slashed.1, 0);
		drop(slashed);
		retire(&device);
		assert_eq!(held(ALICE), 0);
		assert_eq!(
			events().last(),
			Some(&Event::MeterFreed {
				meter: device.id,
				owner: ALICE,
				deposit: deposit - 400
			})
		);
	});
}
