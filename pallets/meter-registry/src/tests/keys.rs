//! Devices that get another key.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::device::{rotation_digest, DeviceSignature};

use crate::{mock::*, Error, Keys};

#[test]
fn a_key_should_rotate_with_both_keys_signatures() {
	run(|| {
		let device = admitted(1);
		let mut new = Device::new(2);
		new.id = device.id;
		let approval = device.sign(&rotation_digest(&genesis(), device.id, &new.key()));
		let proof = new.proof(ALICE, HERE);
		let rotate = |who, proof: &DeviceSignature, approval: Option<&DeviceSignature>| {
			Registry::rotate_key(
				RuntimeOrigin::signed(who),
				device.id,
				new.key(),
				proof.clone(),
				approval.cloned(),
			)
		};
		assert_noop!(
			rotate(BOB, &proof, Some(&approval)),
			Error::<Test>::NotOwnerNorOperator
		);
		assert_noop!(
			rotate(ALICE, &proof, None),
			Error::<Test>::BadRotationSignature
		);
		assert_noop!(
			rotate(ALICE, &proof, Some(&proof)),
			Error::<Test>::BadRotationSignature
		);
		assert_noop!(
			rotate(OPERATOR, &proof, Some(&proof)),
			Error::<Test>::BadRotationSignature
		);
		assert_noop!(
			rotate(ALICE, &approval, Some(&approval)),
			Error::<Test>::BadProofOfPossession
		);
		assert_ok!(rotate(ALICE, &proof, Some(&approval)));
		assert_eq!(Keys::<Test>::get(Registry::key_hash(&device.key())), None);
		assert_eq!(
			Keys::<Test>::get(Registry::key_hash(&new.key())),
			Some(device.id)
		);
		assert_noop!(rotate(OPERATOR, &proof, None), Error::<Test>::KeyInUse);
		// Readings count by the new key, and no more by the old.
		assert!(send(call(batch(vec![device.read(1, T0, 0, 0)]))).is_err());
		bring_one(&new, 1, T0, 0, 0);
	});
}

#[test]
fn the_operator_should_rotate_a_key_after_an_inspection() {
	run(|| {
		let (device, new) = (admitted(1), Device::new(2));
		assert_ok!(Registry::rotate_key(
			RuntimeOrigin::signed(OPERATOR),
			device.id,
			new.key(),
			new.proof(ALICE, HERE),
			None,
		));
	});
}

#[test]
fn an_approval_should_hold_for_one_meter_one_key_and_one_chain() {
	run(|| {
		let (device, other, new) = (admitted(1), admitted(2), Device::new(3));
		let rotate = |who, digest: [u8; 32]| {
			Registry::rotate_key(
				RuntimeOrigin::signed(who),
				device.id,
				new.key(),
				new.proof(ALICE, HERE),
				Some(device.sign(&digest)),
			)
		};
		let elsewhere = sp_core::H256::repeat_byte(9);
		for digest in [
			rotation_digest(&genesis(), other.id, &new.key()),
			rotation_digest(&genesis(), device.id, &Device::new(4).key()),
			rotation_digest(&elsewhere, device.id, &new.key()),
		] {
			for who in [ALICE, OPERATOR] {
				assert_noop!(rotate(who, digest), Error::<Test>::BadRotationSignature);
			}
		}
		assert_ok!(rotate(
			ALICE,
			rotation_digest(&genesis(), device.id, &new.key())
		));
	});
}

#[test]
fn an_owner_should_rotate_a_key_once_a_day_and_the_operator_whenever() {
	run(|| {
		let mut device = admitted(1);
		let mut rotate = |who, number| {
			let mut new = Device::new(number);
			new.id = device.id;
			let approval = device.sign(&rotation_digest(&genesis(), device.id, &new.key()));
			let done = Registry::rotate_key(
				RuntimeOrigin::signed(who),
				device.id,
				new.key(),
				new.proof(ALICE, HERE),
				Some(approval),
			);
			if done.is_ok() {
				device = new;
			}
			done
		};
		assert_ok!(rotate(OPERATOR, 2));
		assert_ok!(rotate(ALICE, 3));
		assert_noop!(rotate(ALICE, 4), Error::<Test>::RotatedRecently);
		assert_ok!(rotate(OPERATOR, 5));
		set_now(T0 + 96 * L - 1);
		assert_noop!(rotate(ALICE, 6), Error::<Test>::RotatedRecently);
		set_now(T0 + 96 * L);
		assert_ok!(rotate(ALICE, 6));
		assert_noop!(rotate(ALICE, 7), Error::<Test>::RotatedRecently);
	});
}
