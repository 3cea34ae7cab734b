//! Meters that an operator registers for their owners.

use codec::Encode;
use frame_support::{assert_noop, assert_ok, BoundedVec};
use gridweave_primitives::{
	device::consent_digest,
	meter::{MeterKind, MeterState, Ratings},
	Be32, MeterId, MicrogridId, Watts,
};
use sp_runtime::{testing::TestSignature, DispatchError, DispatchResult, TokenError};

use crate::{mock::*, Error, Event, Keys, Meters, Onboarding};

type Meter = Onboarding<u64, TestSignature>;

const EXPIRES: u64 = T0 + 60;

/// The device with a number, to be registered for an owner who consents.
fn meter(number: u32, owner: u64) -> Meter {
	let device = Device::new(number);
	let digest = consent_digest(
		&genesis(),
		&OPERATOR,
		HERE,
		&device.key(),
		&serial(),
		EXPIRES,
	);
	Onboarding {
		owner,
		kind: MeterKind::Consumer,
		key: device.key(),
		serial: serial(),
		modulus: MODULUS,
		ratings: RATINGS,
		proof: device.proof(owner, HERE),
		expires: EXPIRES,
		consent: TestSignature(owner, digest.to_vec()),
	}
}

fn onboard(who: u64, microgrid: MicrogridId, meters: Vec<Meter>) -> DispatchResult {
	Registry::register_meters(
		RuntimeOrigin::signed(who),
		microgrid,
		BoundedVec::truncate_from(meters),
	)
}

/// The call with one meter, changed.
fn onboard_changed(change: impl FnOnce(&mut Meter)) -> DispatchResult {
	let mut meter = meter(1, ALICE);
	change(&mut meter);
	onboard(OPERATOR, HERE, vec![meter])
}

#[test]
fn an_operator_should_register_and_admit_meters_of_several_owners() {
	run(|| {
		let meters = vec![meter(1, ALICE), meter(2, BOB)];
		assert_ok!(onboard(OPERATOR, HERE, meters.clone()));
		for (id, (meter, owner)) in meters.iter().zip([ALICE, BOB]).enumerate() {
			let id = MeterId(id as u32);
			let stored = Meters::<Test>::get(Be32::from(id)).unwrap();
			assert_eq!((stored.owner, stored.key), (owner, meter.key));
			assert_eq!(stored.state, MeterState::Admitted);
			assert_eq!(stored.admitted_at, T0);
			assert_eq!(stored.ratings, RATINGS);
			assert_eq!(held(owner), stored.deposit);
			assert!(stored.deposit > 0);
			assert!(events().contains(&Event::MeterRegistered {
				meter: id,
				microgrid: HERE,
				owner,
				kind: MeterKind::Consumer,
				modulus: MODULUS,
			}));
			assert!(events().contains(&Event::MeterAdmitted {
				meter: id,
				ratings: RATINGS
			}));
		}
		// Their readings count.
		let mut device = Device::new(2);
		device.id = MeterId(1);
		bring_one(&device, 1, T0, 5, 0);
		assert_eq!(Registry::latest(device.id).unwrap().accepted, 1);
	});
}

#[test]
fn consent_should_be_taken_as_wallets_sign_it() {
	run(|| {
		assert_ok!(onboard_changed(|meter| {
			let digest = core::mem::take(&mut meter.consent.1);
			meter.consent.1 = [b"<Bytes>".to_vec(), digest, b"</Bytes>".to_vec()].concat();
		}));
	});
}

#[test]
fn only_the_operator_should_onboard_to_an_existing_microgrid() {
	run(|| {
		for who in [ALICE, OPERATOR + 1] {
			assert_noop!(
				onboard(who, HERE, vec![meter(1, ALICE)]),
				Error::<Test>::NotOperator
			);
		}
		assert_noop!(
			onboard(OPERATOR, MicrogridId(2), vec![]),
			Error::<Test>::UnknownMicrogrid
		);
		assert_noop!(
			Registry::register_meters(RuntimeOrigin::root(), HERE, BoundedVec::new()),
			DispatchError::BadOrigin
		);
	});
}

#[test]
fn consent_should_hold_for_what_the_owner_signed_alone() {
	run(|| {
		let other = Device::new(9);
		let changes: [fn(&mut Meter); 4] = [
			|meter| meter.consent.1[0] ^= 1,
			|meter| meter.owner = BOB,
			|meter| meter.serial = another_serial(),
			|meter| meter.expires += 1,
		];
		for change in changes {
			assert_noop!(onboard_changed(change), Error::<Test>::BadConsent);
		}
		assert_noop!(
			onboard_changed(|meter| meter.key = other.key()),
			Error::<Test>::BadConsent
		);
		// For another operator, in another microgrid.
		assert_noop!(
			onboard(OPERATOR + 1, MicrogridId(1), vec![meter(1, ALICE)]),
			Error::<Test>::BadConsent
		);
	});
}

fn another_serial() -> gridweave_primitives::device::Serial {
	gridweave_primitives::device::Serial::truncate_from(b"GW-2".to_vec())
}

#[test]
fn consent_should_expire() {
	run(|| {
		set_now(EXPIRES + 1);
		assert_noop!(onboard_changed(|_| ()), Error::<Test>::ConsentExpired);
		set_now(EXPIRES);
		assert_ok!(onboard_changed(|_| ()));
	});
}

#[test]
fn one_bad_meter_should_refuse_all() {
	run(|| {
		let bad = [
			(Error::<Test>::BadProofOfPossession.into(), {
				let mut meter = meter(2, BOB);
				meter.proof = Device::new(3).proof(BOB, HERE);
				meter
			}),
			(Error::<Test>::KeyInUse.into(), meter(1, ALICE)),
			(Error::<Test>::ModulusBelowRating.into(), {
				let mut meter = meter(2, BOB);
				meter.ratings = Ratings {
					max_import: Watts(u32::MAX),
					max_export: Watts(0),
				};
				meter
			}),
			// An owner without money for the deposit.
			(
				DispatchError::Token(TokenError::FundsUnavailable),
				meter(2, 99),
			),
		];
		for (error, bad) in bad {
			assert_noop!(onboard(OPERATOR, HERE, vec![meter(1, ALICE), bad]), error);
			assert_eq!(Keys::<Test>::iter().count(), 0);
		}
	});
}

#[test]
fn a_consent_should_not_register_a_meter_twice() {
	run(|| {
		assert_ok!(onboard_changed(|_| ()));
		assert_noop!(onboard_changed(|_| ()), Error::<Test>::KeyInUse);
	});
}

#[test]
fn what_owners_sign_should_never_change() {
	run(|| {
		let key = Device::new(1).key();
		let parts = [
			b"gridweave/consent/v1".to_vec(),
			genesis().as_bytes().to_vec(),
			OPERATOR.to_le_bytes().to_vec(),
			HERE.0.to_le_bytes().to_vec(),
			key.encode(),
			serial().encode(),
			EXPIRES.to_le_bytes().to_vec(),
		];
		assert_eq!(
			consent_digest(&genesis(), &OPERATOR, HERE, &key, &serial(), EXPIRES),
			sp_io::hashing::blake2_256(&parts.concat()),
		);
	});
}
