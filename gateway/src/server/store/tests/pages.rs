//! What is served.

use super::*;

#[tokio::test]
async fn readings_should_be_served_in_order_of_arrival() {
	let fixture = Fixture::new(LIMITS);
	let readings: Vec<_> = [(9, 1), (2, 5), (9, 2), (2, 6)]
		.map(|(meter, n)| sign(reading(meter, n)))
		.to_vec();
	let outcomes = fixture
		.store
		.insert(checked(readings.clone()))
		.await
		.unwrap();
	assert_eq!(outcomes, vec![Outcome::Stored; 4]);
	let all = page(&fixture.store, 0).await;
	assert_eq!(all.epoch, fixture.store.epoch());
	let offsets: Vec<u64> = all.readings.iter().map(|(offset, _)| *offset).collect();
	assert_eq!(offsets, [1, 2, 3, 4]);
	assert_eq!(
		all.readings
			.into_iter()
			.map(|(_, signed)| signed)
			.collect::<Vec<_>>(),
		readings
	);
	assert_eq!(page(&fixture.store, 2).await.readings[0].0, 3);
	assert!(page(&fixture.store, 4).await.readings.is_empty());
	assert!(page(&fixture.store, u64::MAX).await.readings.is_empty());
}

#[tokio::test]
async fn a_page_should_hold_no_more_than_asked_for() {
	let fixture = Fixture::new(LIMITS);
	let readings: Vec<_> = (1..=10).map(|n| sign(reading(1, n))).collect();
	fixture.store.insert(checked(readings)).await.unwrap();
	assert_eq!(fixture.store.page(None, 0, 3).await.unwrap().count, 3);
	assert_eq!(fixture.store.page(None, 8, 3).await.unwrap().count, 2);
	assert_eq!(fixture.store.page(None, 0, 0).await.unwrap().count, 0);
}

#[tokio::test]
async fn a_full_page_of_the_longest_readings_should_fit() {
	let fixture = Fixture::new(LIMITS);
	let signed = sign(longest(1, u64::MAX));
	let readings: Vec<_> = (0..MAX_PAGE_READINGS + 1)
		.map(|n| SignedReading {
			reading: longest(u32::MAX - n, u64::MAX),
			..signed.clone()
		})
		.collect();
	fixture.store.insert(checked(readings)).await.unwrap();
	let page = fixture.store.page(None, 0, u32::MAX).await.unwrap();
	assert_eq!(page.count, MAX_PAGE_READINGS);
	assert!(
		page.bytes.len() <= MAX_PAGE_BYTES as usize,
		"{} bytes",
		page.bytes.len()
	);
}

#[tokio::test]
async fn an_offset_of_another_epoch_should_begin_with_the_oldest_reading() {
	let fixture = Fixture::new(LIMITS);
	insert(&fixture.store, sign(reading(1, 1))).await;
	let epoch = fixture.store.epoch();
	assert_eq!(
		fixture.store.page(Some(epoch), 1, 9).await.unwrap().count,
		0
	);
	assert_eq!(
		fixture
			.store
			.page(Some(epoch ^ 1), 1, 9)
			.await
			.unwrap()
			.count,
		1
	);
	assert_eq!(fixture.store.page(None, 1, 9).await.unwrap().count, 0);
	assert_ne!(epoch, Fixture::new(LIMITS).store.epoch());
}

#[tokio::test]
async fn the_meters_with_readings_should_be_found_in_order() {
	let fixture = Fixture::new(LIMITS);
	let readings = [7, 3].map(|meter| sign(reading(meter, 1))).to_vec();
	fixture.store.insert(checked(readings)).await.unwrap();
	let next = |from| fixture.store.next_held(MeterId(from));
	assert_eq!(next(0).await.unwrap(), Some(MeterId(3)));
	assert_eq!(next(4).await.unwrap(), Some(MeterId(7)));
	assert_eq!(next(8).await.unwrap(), None);
}

#[tokio::test]
async fn the_age_of_the_oldest_reading_should_be_told() {
	let fixture = Fixture::new(LIMITS);
	assert_eq!(fixture.store.state().await.unwrap(), (0, Duration::ZERO));
	insert(&fixture.store, sign(reading(1, 1))).await;
	tokio::time::sleep(Duration::from_millis(50)).await;
	insert(&fixture.store, sign(reading(1, 2))).await;
	let (count, age) = fixture.store.state().await.unwrap();
	assert_eq!(count, 2);
	assert!(age >= Duration::from_millis(50));
}
