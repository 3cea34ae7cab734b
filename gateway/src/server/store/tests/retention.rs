//! What leaves, and when.

use super::*;

#[tokio::test]
async fn finalised_readings_should_be_deleted_and_no_others() {
	let fixture = Fixture::new(LIMITS);
	let readings = [(1, 1), (1, 2), (1, 4), (2, 1)]
		.map(|(m, n)| sign(reading(m, n)))
		.to_vec();
	fixture.store.insert(checked(readings)).await.unwrap();
	// The chain knows the meter, but has accepted nothing of it.
	assert_eq!(fixture.store.finalise(finalised(1, 9, 0)).await.unwrap(), 0);
	// A meter that never delivered here.
	assert_eq!(fixture.store.finalise(finalised(3, 9, 9)).await.unwrap(), 0);
	assert_eq!(fixture.store.finalise(finalised(1, 3, 2)).await.unwrap(), 2);
	assert_eq!(held(&fixture.store).await, [(1, 4), (2, 1)]);
	assert_eq!(fixture.store.finalise(finalised(1, 3, 2)).await.unwrap(), 0);
	assert_eq!(fixture.metrics.accepted.get(), 2);
	assert_eq!(fixture.metrics.finalised.get(), 2);
	fixture.store.finalise(finalised(1, 4, 3)).await.unwrap();
	assert_eq!(held(&fixture.store).await, [(2, 1)]);
	assert_eq!(fixture.metrics.accepted.get(), 3);
	// The newest is remembered: its device may not have heard the first answer.
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 4))).await,
		Outcome::Duplicate
	);
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 3))).await,
		Outcome::Stale { newest: 4 }
	);
}

#[tokio::test]
async fn old_readings_should_expire_and_be_taken_again() {
	let max_age = Some(Duration::from_millis(300));
	let fixture = Fixture::new(Limits {
		max_age,
		max_per_meter: 1,
		..LIMITS
	});
	insert(&fixture.store, sign(reading(1, 1))).await;
	assert_eq!(fixture.store.expire().await.unwrap(), 0);
	tokio::time::sleep(Duration::from_millis(400)).await;
	insert(&fixture.store, sign(reading(2, 1))).await;
	assert_eq!(fixture.store.expire().await.unwrap(), 1);
	assert_eq!(fixture.metrics.expired.get(), 1);
	assert_eq!(held(&fixture.store).await, [(2, 1)]);
	// Nobody has it: calling it a duplicate would lose it.
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 1))).await,
		Outcome::Stored
	);
	assert_eq!(held(&fixture.store).await, [(2, 1), (1, 1)]);
}

#[tokio::test]
async fn ages_should_go_on_where_they_stood_when_the_store_is_opened_again() {
	let fixture = Fixture::new(LIMITS);
	insert(&fixture.store, sign(reading(1, 1))).await;
	tokio::time::sleep(Duration::from_millis(300)).await;
	insert(&fixture.store, sign(reading(1, 2))).await;
	let fixture = fixture.reopen(LIMITS).await;
	let (_, age) = fixture.store.state().await.unwrap();
	assert!(age >= Duration::from_millis(300), "{age:?}");
}

#[tokio::test]
async fn ages_should_not_know_the_date() {
	let fixture = Fixture::new(LIMITS);
	insert(&fixture.store, sign(reading(1, 1))).await;
	let arrived = fixture.store.read(|db| {
		let table = db.begin_read()?.open_table(READINGS)?;
		let first = table.first()?.unwrap();
		Ok(tables::received_at(first.1.value()))
	});
	// By the date it would be decades; whoever sets the machine's clock cannot reach this.
	assert!(arrived.await.unwrap() < 3_600_000);
}
