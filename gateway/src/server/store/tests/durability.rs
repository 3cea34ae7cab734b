//! What survives, and what failing means.

use super::*;

#[tokio::test]
async fn a_store_should_survive_being_closed() {
	let fixture = Fixture::new(LIMITS);
	let epoch = fixture.store.epoch();
	insert(&fixture.store, sign(reading(1, 1))).await;
	fixture.store.finalise(finalised(1, 1, 7)).await.unwrap();
	insert(&fixture.store, sign(reading(1, 2))).await;
	let fixture = fixture.reopen(LIMITS).await;
	assert_eq!(fixture.store.epoch(), epoch);
	assert_eq!(held(&fixture.store).await, [(1, 2)]);
	assert_eq!(
		(fixture.metrics.stored.get(), fixture.metrics.accepted.get()),
		(1, 7)
	);
	assert_eq!(
		insert(&fixture.store, sign(reading(1, 2))).await,
		Outcome::Duplicate
	);
	insert(&fixture.store, sign(reading(1, 3))).await;
	// Offsets are never given out twice.
	assert_eq!(page(&fixture.store, 2).await.readings[0].0, 3);
}

#[tokio::test]
async fn a_store_should_serve_one_chain_only() {
	let fixture = Fixture::new(LIMITS);
	fixture.store.tie(GENESIS).await.unwrap();
	let fixture = fixture.reopen(LIMITS).await;
	fixture.store.tie(GENESIS).await.unwrap();
	let found = H256([9; 32]);
	assert_eq!(
		fixture.store.tie(found).await,
		Err(StoreError::WrongChain {
			stored: GENESIS,
			found
		}),
	);
}

#[tokio::test]
async fn the_first_and_the_last_finalised_block_should_be_remembered() {
	let block = |number| Block {
		number,
		hash: H256::repeat_byte(number as u8),
	};
	let fixture = Fixture::new(LIMITS);
	// Before the store is tied to a chain there is nothing to remember.
	fixture.store.see(block(7)).await.unwrap();
	let tie = fixture.store.tie(GENESIS).await.unwrap();
	assert_eq!((tie.first, tie.last), (None, None));
	// The genesis block tells nothing about the run.
	for number in [0, 3, 4, 9] {
		fixture.store.see(block(number)).await.unwrap();
	}
	let fixture = fixture.reopen(LIMITS).await;
	let tie = fixture.store.tie(GENESIS).await.unwrap();
	assert_eq!((tie.first, tie.last), (Some(block(3)), Some(block(9))));
}

#[tokio::test]
async fn a_store_of_another_version_should_not_be_opened() {
	let fixture = Fixture::new(LIMITS);
	fixture.store.close().await;
	let Fixture { folder, store, .. } = fixture;
	drop(store);
	{
		let db = Database::open(folder.path().join("readings.redb")).unwrap();
		let transaction = db.begin_write().unwrap();
		transaction
			.open_table(META)
			.unwrap()
			.remove(Meta::FORMAT)
			.unwrap();
		transaction.commit().unwrap();
	}
	let metrics = Arc::new(Metrics::new().unwrap());
	assert!(Store::open(folder.path(), LIMITS, metrics).is_err());
}

#[tokio::test]
async fn a_store_should_end_when_its_disk_fails() {
	let metrics = Arc::new(Metrics::new().unwrap());
	let (store, broken) = breakable(metrics);
	assert_eq!(insert(&store, sign(reading(1, 1))).await, Outcome::Stored);
	broken.store(true, std::sync::atomic::Ordering::SeqCst);
	let failed = store.insert(checked([sign(reading(1, 2))])).await;
	assert_eq!(failed, Err(StoreError::NotWritten));
	tokio::time::timeout(SOON, store.ended()).await.unwrap();
	assert!(!store.is_writing());
	// The disk may be well again: the store is not.
	broken.store(false, std::sync::atomic::Ordering::SeqCst);
	let refused = store.insert(checked([sign(reading(1, 2))])).await;
	assert_eq!(refused, Err(StoreError::Closed));
	store.close().await;
}

#[tokio::test]
async fn a_store_should_end_when_its_writer_panics() {
	let fixture = Fixture::new(LIMITS);
	let panicked: Result<()> = fixture.store.write(1, |_| panic!("on purpose")).await;
	assert_eq!(panicked, Err(StoreError::NotWritten));
	tokio::time::timeout(SOON, fixture.store.ended())
		.await
		.unwrap();
}

#[tokio::test]
async fn a_closed_store_should_have_written_what_was_queued_and_take_no_more() {
	let fixture = Fixture::new(LIMITS);
	let pending: Vec<_> = (0..20)
		.map(|meter| {
			let store = fixture.store.clone();
			tokio::spawn(async move { store.insert(checked([sign(reading(meter, 1))])).await })
		})
		.collect();
	tokio::task::yield_now().await;
	fixture.store.close().await;
	let mut stored = 0;
	for pending in pending {
		match pending.await.unwrap() {
			Ok(outcomes) => stored += outcomes.len(),
			Err(error) => assert!(matches!(error, StoreError::Closed | StoreError::NotWritten)),
		}
	}
	assert!(!fixture.store.is_writing());
	assert_eq!(
		fixture.store.insert(checked([sign(reading(1, 2))])).await,
		Err(StoreError::Closed),
	);
	assert_eq!(held(&fixture.store).await.len(), stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_posts_should_share_syncs() {
	let fixture = Fixture::new(LIMITS);
	let before = fixture.metrics.fsync.get_sample_count();
	let posts = (0..400u32).map(|meter| {
		let store = fixture.store.clone();
		let signed = sign_by(0, reading(meter, 1));
		async move { store.insert(checked([signed])).await.unwrap() }
	});
	let outcomes = futures::future::join_all(posts).await;
	assert!(outcomes
		.into_iter()
		.flatten()
		.all(|outcome| outcome == Outcome::Stored));
	let syncs = fixture.metrics.fsync.get_sample_count() - before;
	assert!(syncs < 200, "{syncs} syncs for 400 posts");
	assert_eq!(held(&fixture.store).await.len(), 400);
}

#[tokio::test]
async fn posts_should_not_queue_without_bound() {
	let fixture = Fixture::new(LIMITS);
	// On this single thread nobody awaits an answer before all have been sent.
	let posts = (0..50_000u32).map(|meter| {
		let signed = sign_by(0, reading(0, meter.into()));
		fixture.store.insert(checked(vec![signed; 100]))
	});
	let busy = futures::future::join_all(posts.take(QUEUE * 8)).await;
	assert!(busy.contains(&Err(StoreError::Busy)));
	assert!(busy.iter().any(|answer| answer.is_ok()));
}
