//! What is taken, and what is refused.

use super::*;

#[tokio::test]
async fn a_reading_sent_again_should_be_a_duplicate_however_it_is_signed() {
	let fixture = Fixture::new(LIMITS);
	let signed = [1, 2, 3].map(|n| sign_sr25519(reading(1, n)));
	fixture.store.insert(checked(signed.clone())).await.unwrap();
	let again = [1, 2, 3].map(|n| sign_sr25519(reading(1, n)));
	assert_ne!(signed, again);
	let outcomes = fixture.store.insert(checked(again)).await.unwrap();
	assert_eq!(outcomes, vec![Outcome::Duplicate; 3]);
	assert_eq!(held(&fixture.store).await.len(), 3);
}

#[tokio::test]
async fn another_reading_of_the_same_sequence_should_be_a_conflict() {
	let fixture = Fixture::new(LIMITS);
	for n in [1, 2] {
		insert(&fixture.store, sign(reading(1, n))).await;
	}
	for n in [1, 2] {
		let mut other = reading(1, n);
		other.status = 1;
		assert_eq!(insert(&fixture.store, sign(other)).await, Outcome::Conflict);
	}
}

#[tokio::test]
async fn an_older_reading_should_be_stale() {
	let fixture = Fixture::new(LIMITS);
	insert(&fixture.store, sign(reading(1, 5))).await;
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 4))).await,
		Outcome::Stale { newest: 5 }
	);
	// Other meters have sequences of their own.
	assert_eq!(
		insert(&fixture.store, sign(reading(2, 4))).await,
		Outcome::Stored
	);
	// The chain may be further than this store.
	fixture.store.finalise(finalised(1, 8, 3)).await.unwrap();
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 8))).await,
		Outcome::Stale { newest: 8 }
	);
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 9))).await,
		Outcome::Stored
	);
}

#[tokio::test]
async fn a_first_reading_of_sequence_zero_should_be_stored() {
	let fixture = Fixture::new(LIMITS);
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 0))).await,
		Outcome::Stored
	);
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 0))).await,
		Outcome::Duplicate
	);
}

#[tokio::test]
async fn a_full_store_should_refuse_and_take_again_once_readings_are_finalised() {
	let fixture = Fixture::new(Limits {
		max_readings: 2,
		..LIMITS
	});
	let readings = [1, 2, 3].map(|n| sign(reading(n, 1))).to_vec();
	let outcomes = fixture.store.insert(checked(readings)).await.unwrap();
	assert_eq!(outcomes, [Outcome::Stored, Outcome::Stored, Outcome::Full]);
	fixture.store.finalise(finalised(1, 1, 1)).await.unwrap();
	assert_eq!(
		insert(&fixture.store, sign(reading(3, 1))).await,
		Outcome::Stored
	);
}

#[tokio::test]
async fn one_meter_should_not_fill_the_store() {
	let fixture = Fixture::new(Limits {
		max_per_meter: 2,
		..LIMITS
	});
	let readings = [1, 2, 3].map(|n| sign(reading(1, n))).to_vec();
	let outcomes = fixture.store.insert(checked(readings)).await.unwrap();
	assert_eq!(
		outcomes,
		[Outcome::Stored, Outcome::Stored, Outcome::MeterFull]
	);
	assert_eq!(
		insert(&fixture.store, sign(reading(2, 1))).await,
		Outcome::Stored
	);
	fixture.store.finalise(finalised(1, 1, 1)).await.unwrap();
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 3))).await,
		Outcome::Stored
	);
}

#[tokio::test]
async fn a_reading_that_is_not_kept_any_more_should_not_block_its_meter() {
	let fixture = Fixture::new(Limits {
		max_age: Some(Duration::ZERO),
		..LIMITS
	});
	insert(&fixture.store, sign(reading(1, u64::MAX))).await;
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 5))).await,
		Outcome::Stale { newest: u64::MAX }
	);
	tokio::time::sleep(Duration::from_millis(5)).await;
	assert_eq!(fixture.store.expire().await.unwrap(), 1);
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 5))).await,
		Outcome::Stored
	);
}

#[tokio::test]
async fn a_new_key_should_free_its_meter_of_what_the_old_one_signed() {
	let fixture = Fixture::new(LIMITS);
	let store = &fixture.store;
	let insert = |meter, sequence, key: Key| async move {
		let signed = sign(reading(meter, sequence));
		store.insert(vec![(signed, key)]).await.unwrap()[0]
	};
	let (stolen, new) = (key_at(8, 10), key_at(9, 20));
	for (meter, sequence) in [(1, 1), (1, u64::MAX), (2, 1)] {
		assert_eq!(insert(meter, sequence, stolen).await, Outcome::Stored);
	}
	assert_eq!(insert(1, 2, new).await, Outcome::Stored);
	assert_eq!(held(store).await, [(2, 1), (1, 2)]);
	assert_eq!(fixture.metrics.superseded.get(), 2);
	// Who was slow to check with the old key, or checks with that of a file, drops nothing.
	assert_eq!(insert(1, 3, stolen).await, Outcome::OldKey);
	assert_eq!(insert(1, 3, key_at(8, 0)).await, Outcome::OldKey);
	// The word of an older block that the key is the new one changes nothing either.
	assert_eq!(insert(1, 3, key_at(9, 0)).await, Outcome::Stored);
	assert_eq!(insert(1, 4, key_at(8, 15)).await, Outcome::OldKey);
	assert_eq!(insert(1, 2, new).await, Outcome::Duplicate);
	let fixture = fixture.reopen(LIMITS).await;
	assert_eq!(held(&fixture.store).await, [(2, 1), (1, 2), (1, 3)]);
}

#[tokio::test]
async fn what_the_old_key_signed_should_make_room_for_the_new_one() {
	let fixture = Fixture::new(Limits {
		max_per_meter: 2,
		..LIMITS
	});
	let with = |sequences: std::ops::Range<u64>, key| -> Vec<_> {
		sequences.map(|n| (sign(reading(1, n)), key)).collect()
	};
	let outcomes = fixture.store.insert(with(7..10, key_at(8, 10))).await;
	assert_eq!(
		outcomes.unwrap(),
		[Outcome::Stored, Outcome::Stored, Outcome::MeterFull]
	);
	let outcomes = fixture.store.insert(with(1..4, key_at(9, 20))).await;
	assert_eq!(
		outcomes.unwrap(),
		[Outcome::Stored, Outcome::Stored, Outcome::MeterFull]
	);
}
