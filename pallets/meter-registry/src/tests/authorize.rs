//! What is refused before it costs anything. Each check has a test that fails without it.

use codec::{Compact, Decode, Encode};
use frame_support::{
	assert_noop, assert_ok,
	dispatch::GetDispatchInfo,
	pallet_prelude::{InvalidTransaction, TransactionSource, TransactionValidityError},
	traits::Authorize,
};
use gridweave_primitives::{
	ingest::{ReadingBatch, MAX_BATCH_READINGS},
	meter::MeterKind,
	reading::SignedReading,
	MeterId,
};
use sp_core::{crypto::Pair as _, H256};
use sp_runtime::transaction_validity::ValidTransaction;

use crate::{authorize::refusal, mock::*, Call, MAX_CORRECTIONS, MAX_SPANS};

fn validate(call: &RuntimeCall) -> Result<ValidTransaction, TransactionValidityError> {
	call.authorize(TransactionSource::External)
		.expect("authorised")
		.map(|(valid, _)| valid)
}

fn validity(batch: ReadingBatch) -> Result<ValidTransaction, TransactionValidityError> {
	validate(&call(batch))
}

fn refused(code: u8) -> Result<ValidTransaction, TransactionValidityError> {
	Err(InvalidTransaction::Custom(code).into())
}

fn invalid(reason: InvalidTransaction) -> Result<ValidTransaction, TransactionValidityError> {
	Err(reason.into())
}

/// `n` fresh readings of one device, a second apart.
fn fresh(device: &Device, n: u64) -> Vec<SignedReading> {
	(1..=n).map(|i| device.read(i, T0 + i, 0, 0)).collect()
}

#[test]
fn a_good_batch_should_be_valid_and_tell_its_worth() {
	run(|| {
		let (a, b) = (admitted(1), admitted(2));
		let mut readings = fresh(&a, 2);
		readings.extend(fresh(&b, 1));
		let valid = validity(batch(readings.clone())).unwrap();
		assert_eq!(valid.priority, 3);
		assert_eq!(valid.longevity, crate::authorize::LONGEVITY);
		assert!(valid.propagate);
		assert_eq!(
			valid.provides,
			vec![("MeterReadings", (0u32, 0u32)).encode()]
		);
		bring(readings);
		// The page's next round, and the page of another microgrid.
		let mut device = registered(
			9,
			ALICE,
			gridweave_primitives::MicrogridId(1),
			MeterKind::Consumer,
		);
		device.id = MeterId(32);
		assert_ok!(Registry::admit_meter(
			RuntimeOrigin::signed(OPERATOR + 1),
			device.id,
			RATINGS
		));
		let next = vec![a.read(3, T0 + 3, 0, 0), device.read(1, T0, 0, 0)];
		assert_eq!(
			validity(batch(next)).unwrap().provides,
			vec![
				("MeterReadings", (0u32, 1u32)).encode(),
				("MeterReadings", (1u32, 0u32)).encode()
			],
		);
	});
}

#[test]
fn an_empty_batch_should_be_refused() {
	run(|| assert_eq!(validity(batch(vec![])), refused(refusal::EMPTY)));
}

#[test]
fn an_unordered_batch_should_be_refused() {
	run(|| {
		let (a, b) = (admitted(1), admitted(2));
		let (first, second) = (a.read(1, T0, 0, 0), a.read(2, T0 + 1, 0, 0));
		let other = b.read(1, T0, 0, 0);
		for readings in [
			vec![second.clone(), first.clone()],
			vec![first.clone(), first.clone()],
			vec![other.clone(), first.clone()],
			vec![first.clone(), other, second],
		] {
			assert_eq!(validity(batch(readings)), refused(refusal::UNORDERED));
		}
	});
}

#[test]
fn a_witness_should_be_declared_and_bounded() {
	run(|| {
		let readings = fresh(&admitted(1), 1);
		let with = |spans, corrections| {
			validity(ReadingBatch {
				spans,
				corrections,
				..batch(readings.clone())
			})
		};
		let bad = refused(refusal::BAD_WITNESS);
		assert_eq!(with(0, 0), bad);
		assert_eq!(with(MAX_SPANS + 1, 0), bad);
		assert_eq!(with(1, MAX_CORRECTIONS + 1), bad);
		assert_ok!(with(1, 0));
		assert_ok!(with(MAX_SPANS, MAX_CORRECTIONS));
	});
}

#[test]
fn weight_should_follow_readings_and_witness() {
	run(|| {
		let device = admitted(1);
		let weights = |n, spans, corrections| {
			let info = call(ReadingBatch {
				spans,
				corrections,
				..batch(fresh(&device, n))
			})
			.get_dispatch_info();
			(
				info.call_weight.ref_time(),
				info.extension_weight.ref_time(),
			)
		};
		let authorize = |n| {
			call(batch(fresh(&device, n)))
				.weight_of_authorize()
				.ref_time()
		};
		assert!(weights(2, 1, 0).0 > weights(1, 1, 0).0);
		assert!(weights(1, 2, 0).0 > weights(1, 1, 0).0);
		assert!(weights(1, 1, 1).0 > weights(1, 1, 0).0);
		assert!(authorize(2) > authorize(1));
	});
}

#[test]
fn an_unknown_authority_should_be_refused() {
	run(|| {
		let readings = fresh(&admitted(1), 1);
		for authority in [2, 4, u32::MAX] {
			assert_eq!(
				validity(ReadingBatch {
					authority,
					..batch(readings.clone())
				}),
				refused(refusal::NO_SUCH_AUTHORITY),
			);
		}
		assert_ok!(validity(ReadingBatch {
			authority: 1,
			..batch(readings)
		}));
	});
}

#[test]
fn a_forged_authority_should_be_refused_before_anything_is_looked_up() {
	run(|| {
		// All else is wrong with this batch too: an unknown meter and a bad device signature.
		let mut stranger = Device::new(9);
		stranger.id = MeterId(999);
		let batch = batch(vec![stranger.read(1, T0, 0, 0)]);
		let forged = |signature| {
			validate(&RuntimeCall::Registry(Call::submit_readings {
				batch: batch.clone(),
				signature,
			}))
		};
		let digest = batch.digest(&genesis());
		assert_eq!(
			forged(authority(1).sign(&digest)),
			invalid(InvalidTransaction::BadProof)
		);
		let elsewhere = batch.digest(&H256::repeat_byte(3));
		assert_eq!(
			forged(authority(0).sign(&elsewhere)),
			invalid(InvalidTransaction::BadProof)
		);
		let changed = ReadingBatch {
			salt: 1,
			..batch.clone()
		}
		.digest(&genesis());
		assert_eq!(
			forged(authority(0).sign(&changed)),
			invalid(InvalidTransaction::BadProof)
		);
		assert_eq!(
			forged(authority(0).sign(&digest)),
			refused(refusal::UNKNOWN_METER)
		);
	});
}

#[test]
fn a_block_should_take_its_share_of_readings_and_no_more() {
	run(|| {
		let (a, b) = (admitted(1), admitted(2));
		MaxBlockReadings::set(3);
		bring(fresh(&a, 2));
		assert_eq!(
			validity(batch(fresh(&b, 2))),
			invalid(InvalidTransaction::ExhaustsResources),
		);
		assert_ok!(validity(batch(fresh(&b, 1))));
		// The next block has its own share.
		System::set_block_number(System::block_number() + 1);
		bring(fresh(&b, 3));
	});
}

#[test]
fn meters_that_do_not_measure_should_be_refused() {
	run(|| {
		settle_before(P0);
		let of = |device: &Device| validity(batch(vec![device.read(9, T0 + 9, 0, 0)]));
		let mut unknown = Device::new(9);
		unknown.id = MeterId(4_711);
		assert_eq!(of(&unknown), refused(refusal::UNKNOWN_METER));
		let waiting = registered(1, ALICE, HERE, MeterKind::Consumer);
		assert_eq!(of(&waiting), refused(refusal::NOT_ADMITTED));
		let retired = admitted(2);
		bring_one(&retired, 1, T0 + 1, 0, 0);
		assert_ok!(of(&retired));
		assert_ok!(Registry::retire_meter(
			RuntimeOrigin::signed(ALICE),
			retired.id
		));
		assert_eq!(of(&retired), refused(refusal::RETIRED));
	});
}

#[test]
fn bad_device_signatures_should_be_refused() {
	run(|| {
		let (device, other) = (admitted(1), admitted(2));
		let good = device.read(1, T0, 5, 0);
		let with = |signed: SignedReading| validity(batch(vec![signed]));
		assert_ok!(with(good.clone()));
		// By another key.
		let forged = other.sign_reading(good.reading.clone());
		assert_eq!(with(forged), refused(refusal::BAD_DEVICE_SIGNATURE));
		// For another chain.
		let signature = device.sign(&good.reading.digest(&H256::repeat_byte(1)));
		assert_eq!(
			with(SignedReading {
				signature,
				..good.clone()
			}),
			refused(refusal::BAD_DEVICE_SIGNATURE),
		);
		// Changed on the way.
		let mut changed = good;
		changed.reading.import_register.0 += 1;
		assert_eq!(with(changed), refused(refusal::BAD_DEVICE_SIGNATURE));
		// One among many.
		let mut readings = fresh(&device, 20);
		readings[19].signature = readings[18].signature.clone();
		assert_eq!(
			validity(batch(readings)),
			refused(refusal::BAD_DEVICE_SIGNATURE)
		);
	});
}

#[test]
fn nine_in_ten_readings_must_be_fresh() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0 + 1, 0, 0);
		assert_ok!(validity(batch(fresh(&device, 10))));
		bring_one(&device, 2, T0 + 2, 0, 0);
		assert_ok!(validity(batch(fresh(&device, 20))));
		// 17 of 19 are 89.5 %.
		assert_eq!(
			validity(batch(fresh(&device, 19))),
			invalid(InvalidTransaction::Stale)
		);
	});
}

#[test]
fn one_stale_reading_should_not_spoil_a_small_batch_with_fresh_ones() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0 + 1, 0, 0);
		assert_ok!(validity(batch(fresh(&device, 2))));
		assert_ok!(validity(batch(fresh(&device, 9))));
		assert_eq!(
			validity(batch(fresh(&device, 1))),
			invalid(InvalidTransaction::Stale)
		);
		let ahead = vec![device.read(2, T0 + 2, 0, 0), device.read(3, T0 + 400, 0, 0)];
		assert_ok!(validity(batch(ahead.clone())));
		assert_eq!(
			validity(batch(ahead[1..].to_vec())),
			invalid(InvalidTransaction::Future)
		);
	});
}

#[test]
fn a_batch_should_be_refused_as_soon_as_too_much_of_it_is_stale() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 12, T0 + 12, 0, 0);
		let mut unknown = Device::new(9);
		unknown.id = MeterId(999);
		let mut readings = fresh(&device, 100);
		readings.push(unknown.read(1, T0, 0, 0));
		assert_eq!(
			validity(batch(readings.clone())),
			invalid(InvalidTransaction::Stale)
		);
		// With three stale ones less the last one is looked at.
		assert_eq!(
			validity(batch(readings[3..].to_vec())),
			refused(refusal::UNKNOWN_METER)
		);
	});
}

#[test]
fn replayed_and_older_readings_should_be_stale() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 5, T0 + 5, 0, 0);
		let of = |sequence, at| validity(batch(vec![device.read(sequence, at, 0, 0)]));
		assert_eq!(of(5, T0 + 5), invalid(InvalidTransaction::Stale));
		assert_eq!(
			of(4, T0 + 6),
			invalid(InvalidTransaction::Stale),
			"older sequence"
		);
		assert_eq!(
			of(5, T0 + 6),
			invalid(InvalidTransaction::Stale),
			"same sequence"
		);
		assert_eq!(
			of(6, T0 + 5),
			invalid(InvalidTransaction::Stale),
			"same time"
		);
		assert_ok!(of(6, T0 + 6));
		// Within a batch, too: the second reading of these is no newer than the first.
		let twice = vec![device.read(6, T0 + 6, 0, 0), device.read(7, T0 + 6, 0, 0)];
		assert_eq!(validity(batch(twice.clone())).unwrap().priority, 1);
		let thrice = [twice, vec![device.read(8, T0 + 6, 0, 0)]].concat();
		assert_eq!(validity(batch(thrice)), invalid(InvalidTransaction::Stale));
	});
}

#[test]
fn a_reading_from_before_admission_should_be_stale() {
	run(|| {
		let device = admitted(1);
		let of = |at| validity(batch(vec![device.read(1, at, 0, 0)]));
		assert_eq!(of(T0 - 1), invalid(InvalidTransaction::Stale));
		assert_ok!(of(T0));
	});
}

#[test]
fn a_reading_from_the_future_should_wait() {
	run(|| {
		let device = admitted(1);
		let of = |at| validity(batch(vec![device.read(1, at, 0, 0)]));
		assert_ok!(of(T0 + 300));
		assert_eq!(of(T0 + 301), invalid(InvalidTransaction::Future));
		// A period, if that is shorter.
		Length::set(12);
		assert_ok!(of(T0 + 12));
		assert_eq!(of(T0 + 13), invalid(InvalidTransaction::Future));
	});
}

#[test]
fn the_call_should_need_authorisation() {
	run(|| {
		let device = admitted(1);
		let batch = batch(fresh(&device, 1));
		let signature = sign(&batch);
		for origin in [
			RuntimeOrigin::signed(ALICE),
			RuntimeOrigin::none(),
			RuntimeOrigin::root(),
		] {
			assert_noop!(
				Registry::submit_readings(origin, batch.clone(), signature.clone()),
				sp_runtime::DispatchError::BadOrigin
			);
		}
		// And the transaction extension runs it again in the block.
		let forged = RuntimeCall::Registry(Call::submit_readings {
			batch: batch.clone(),
			signature: authority(3).sign(&batch.digest(&genesis())),
		});
		assert_eq!(
			send(forged).unwrap_err(),
			InvalidTransaction::BadProof.into()
		);
	});
}

#[test]
fn malformed_and_oversized_batches_should_not_decode() {
	run(|| {
		let device = admitted(1);
		let good = call(batch(fresh(&device, 3))).encode();
		assert!(RuntimeCall::decode(&mut &good[..]).is_ok());
		for cut in 0..good.len() {
			assert!(RuntimeCall::decode(&mut &good[..cut]).is_err());
		}
		// Pallet, call, authority, salt, witness; then readings beyond the bound.
		let signed = device.read(1, T0, 0, 0).encode();
		let with = |n: u32| {
			let mut bytes = good[..2 + 16].to_vec();
			Compact(n).encode_to(&mut bytes);
			(0..n).for_each(|_| bytes.extend(&signed));
			bytes.extend([0u8; 64]);
			RuntimeCall::decode(&mut &bytes[..])
		};
		assert!(with(MAX_BATCH_READINGS).is_ok());
		assert!(with(MAX_BATCH_READINGS + 1).is_err());
		// Garbage never panics.
		for byte in 0..=255u8 {
			let garbage = vec![byte; 300];
			let _ = ReadingBatch::decode(&mut &garbage[..]);
		}
	});
}
