//! What the store keeps, refuses, serves and forgets.

use std::{collections::BTreeMap, time::Duration};

use codec::{Decode, Encode};
use gridweave_primitives::reading::{ReadingPage, MAX_PAGE_BYTES};
use proptest::prelude::*;

use super::*;
use crate::server::testing::{
	longest, reading, sign, sign_by, sign_sr25519, Fixture, GENESIS, LIMITS,
};

async fn page(store: &Store, after: u64) -> ReadingPage {
	let page = store
		.page(Some(store.epoch()), after, u32::MAX)
		.await
		.unwrap();
	let decoded = ReadingPage::decode(&mut &page.bytes[..]).unwrap();
	assert_eq!(decoded.readings.len(), page.count as usize);
	assert_eq!(decoded.encode(), page.bytes);
	decoded
}

fn finalised(meter: u32, sequence: u64, accepted: u64) -> Vec<Finalised> {
	vec![Finalised {
		meter: MeterId(meter),
		sequence,
		accepted,
	}]
}

async fn insert(store: &Store, signed: SignedReading) -> Outcome {
	store.insert(vec![signed]).await.unwrap()[0]
}

async fn held(store: &Store) -> Vec<(u32, u64)> {
	let page = page(store, 0).await;
	page.readings
		.iter()
		.map(|(_, s)| (s.reading.meter.0, s.reading.sequence))
		.collect()
}

#[tokio::test]
async fn readings_should_be_served_in_order_of_arrival() {
	let fixture = Fixture::new(LIMITS);
	let readings: Vec<_> = [(9, 1), (2, 5), (9, 2), (2, 6)]
		.map(|(meter, n)| sign(reading(meter, n)))
		.to_vec();
	let outcomes = fixture.store.insert(readings.clone()).await.unwrap();
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
	let readings = (1..=10).map(|n| sign(reading(1, n))).collect();
	fixture.store.insert(readings).await.unwrap();
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
	fixture.store.insert(readings).await.unwrap();
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
async fn a_reading_sent_again_should_be_a_duplicate_however_it_is_signed() {
	let fixture = Fixture::new(LIMITS);
	let signed = [1, 2, 3].map(|n| sign_sr25519(reading(1, n)));
	fixture.store.insert(signed.to_vec()).await.unwrap();
	let again = [1, 2, 3].map(|n| sign_sr25519(reading(1, n)));
	assert_ne!(signed, again);
	let outcomes = fixture.store.insert(again.to_vec()).await.unwrap();
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
	let outcomes = fixture.store.insert(readings).await.unwrap();
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
	let outcomes = fixture.store.insert(readings).await.unwrap();
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
async fn finalised_readings_should_be_deleted_and_no_others() {
	let fixture = Fixture::new(LIMITS);
	let readings = [(1, 1), (1, 2), (1, 4), (2, 1)]
		.map(|(m, n)| sign(reading(m, n)))
		.to_vec();
	fixture.store.insert(readings).await.unwrap();
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
async fn a_store_should_serve_one_chain_only() {
	let fixture = Fixture::new(LIMITS);
	fixture.store.bind(GENESIS).await.unwrap();
	let fixture = fixture.reopen(LIMITS).await;
	fixture.store.bind(GENESIS).await.unwrap();
	let found = H256([9; 32]);
	assert_eq!(
		fixture.store.bind(found).await,
		Err(StoreError::WrongChain {
			stored: GENESIS,
			found
		}),
	);
}

#[tokio::test]
async fn the_meters_with_readings_should_be_found_in_order() {
	let fixture = Fixture::new(LIMITS);
	let readings = [7, 3].map(|meter| sign(reading(meter, 1))).to_vec();
	fixture.store.insert(readings).await.unwrap();
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

#[tokio::test]
async fn a_closed_store_should_have_written_what_was_queued_and_take_no_more() {
	let fixture = Fixture::new(LIMITS);
	let pending: Vec<_> = (0..20)
		.map(|meter| {
			let store = fixture.store.clone();
			tokio::spawn(async move { store.insert(vec![sign(reading(meter, 1))]).await })
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
		fixture.store.insert(vec![sign(reading(1, 2))]).await,
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
		async move { store.insert(vec![signed]).await.unwrap() }
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
		fixture.store.insert(vec![signed; 100])
	});
	let busy = futures::future::join_all(posts.take(QUEUE * 8)).await;
	assert!(busy.contains(&Err(StoreError::Busy)));
	assert!(busy.iter().any(|answer| answer.is_ok()));
}

#[derive(Clone, Debug)]
enum Step {
	Post(Vec<(u32, u64, bool)>),
	Finalise(u32, u64),
	Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
	let post = proptest::collection::vec((0u32..3, 0u64..12, any::<bool>()), 1..8);
	proptest::collection::vec(
		prop_oneof![
			6 => post.prop_map(Step::Post),
			3 => (0u32..3, 0u64..12).prop_map(|(meter, sequence)| Step::Finalise(meter, sequence)),
			1 => Just(Step::Reopen),
		],
		1..20,
	)
}

/// What the store should hold, said naively.
#[derive(Default)]
struct Model {
	held: Vec<SignedReading>,
	newest: BTreeMap<u32, SignedReading>,
	finalised: BTreeMap<u32, u64>,
}

impl Model {
	fn post(&mut self, signed: &SignedReading) -> Outcome {
		let (meter, sequence) = (signed.reading.meter.0, signed.reading.sequence);
		let Some(newest) = self.newest.get(&meter).cloned() else {
			return self.store(signed);
		};
		let on_chain = self.finalised.get(&meter).copied().unwrap_or(0);
		let limit = on_chain.max(newest.reading.sequence);
		if sequence > limit {
			return self.store(signed);
		}
		let known = self
			.held
			.iter()
			.chain([&newest])
			.find(|held| (held.reading.meter.0, held.reading.sequence) == (meter, sequence));
		match known {
			Some(known) if known.reading == signed.reading => Outcome::Duplicate,
			Some(_) => Outcome::Conflict,
			None => Outcome::Stale { newest: limit },
		}
	}

	fn store(&mut self, signed: &SignedReading) -> Outcome {
		self.held.push(signed.clone());
		self.newest.insert(signed.reading.meter.0, signed.clone());
		Outcome::Stored
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(32))]

	#[test]
	fn the_store_should_do_as_its_model(steps in steps()) {
		let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
		runtime.block_on(async {
			let mut fixture = Fixture::new(LIMITS);
			let mut model = Model::default();
			for step in steps {
				match step {
					Step::Post(readings) => {
						let readings: Vec<_> = readings
							.into_iter()
							.map(|(meter, sequence, tampered)| {
								let mut reading = reading(meter, sequence);
								reading.status = tampered.into();
								sign_by(0, reading)
							})
							.collect();
						let expected: Vec<_> = readings.iter().map(|r| model.post(r)).collect();
						prop_assert_eq!(fixture.store.insert(readings).await.unwrap(), expected);
					},
					Step::Finalise(meter, sequence) => {
						let before = model.finalised.get(&meter).copied().unwrap_or(0);
						let sequence = sequence.max(before);
						let accepted = sequence + 1;
						fixture.store.finalise(finalised(meter, sequence, accepted)).await.unwrap();
						if model.newest.contains_key(&meter) {
							model.finalised.insert(meter, sequence);
							model.held.retain(|held| {
								held.reading.meter.0 != meter || held.reading.sequence > sequence
							});
						}
					},
					Step::Reopen => fixture = fixture.reopen(LIMITS).await,
				}
				let served = page(&fixture.store, 0).await;
				let served: Vec<_> = served.readings.into_iter().map(|(_, signed)| signed).collect();
				prop_assert_eq!(&served, &model.held);
				prop_assert_eq!(fixture.metrics.stored.get(), model.held.len() as i64);
				let accepted: u64 = model.finalised.values().map(|sequence| sequence + 1).sum();
				prop_assert_eq!(fixture.metrics.accepted.get(), accepted as i64);
			}
			Ok(())
		})?;
	}
}
