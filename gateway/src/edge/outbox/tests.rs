//! Tests of the outbox.

use super::*;
use crate::edge::key::FileSigner;
use tempfile::TempDir;

const METER: MeterId = MeterId(7);
const CHAIN: H256 = H256([1; 32]);

fn signer(seed: &str) -> Arc<dyn Signer> {
	Arc::new(FileSigner::parse(&seed.repeat(32)).unwrap())
}

fn record(captured_at: u64, import: u64) -> Record {
	Record {
		captured_at,
		import: Some(WattHours(import)),
		export: None,
		quality: None,
		power_failures: None,
	}
}

/// Of what waits, counted from the first that ever was.
async fn sequences(outbox: &Outbox, first: u64) -> Vec<u64> {
	let waiting = outbox.oldest(METER, 100).await.unwrap();
	waiting
		.iter()
		.map(|signed| signed.reading.sequence - first)
		.collect()
}

async fn put(outbox: &Outbox, record: Record) -> Recorded {
	outbox
		.record_one(METER, signer("01"), record)
		.await
		.unwrap()
}

/// The number of the first reading.
async fn first(outbox: &Outbox) -> u64 {
	match put(outbox, record(1, 1)).await {
		Recorded::As(sequence) => sequence,
		other => panic!("{other:?}"),
	}
}

#[tokio::test]
async fn sequences_should_go_on_after_a_restart() {
	let folder = TempDir::new().unwrap();
	let open = || Outbox::open(folder.path(), CHAIN, 10).unwrap();
	let outbox = open();
	let first = first(&outbox).await;
	assert!(
		first.abs_diff(unix_now()) < 60,
		"a new outbox counts from the time"
	);
	for at in 2..=3 {
		assert_eq!(
			put(&outbox, record(at, at)).await,
			Recorded::As(first + at - 1)
		);
	}
	let fates = [0, 1, 2].map(|nth| (METER, first + nth, Fate::Delivered));
	outbox.settle(fates.to_vec()).await.unwrap();
	drop(outbox);
	// Nothing waits, and still the next number is a new one.
	let outbox = open();
	assert_eq!(put(&outbox, record(4, 4)).await, Recorded::As(first + 3));
	let row = outbox.row(METER).await.unwrap().unwrap();
	assert_eq!(
		(row.waiting, row.delivered, row.import),
		(1, 3, WattHours(4))
	);
	assert!(outbox.oldest(METER, 1).await.unwrap()[0].is_signed_by(&signer("01").public(), &CHAIN));
	drop(outbox);
	assert!(
		Outbox::open(folder.path(), H256([2; 32]), 10).is_err(),
		"another chain"
	);
}

#[tokio::test]
async fn time_should_ascend_and_registers_stay() {
	let folder = TempDir::new().unwrap();
	let outbox = Outbox::open(folder.path(), CHAIN, 10).unwrap();
	first(&outbox).await;
	assert_eq!(put(&outbox, record(1, 6)).await, Recorded::NotNewer);
	assert_eq!(put(&outbox, record(0, 6)).await, Recorded::NotNewer);
	let vanished = Record {
		import: None,
		export: Some(WattHours(1)),
		..record(2, 0)
	};
	assert_eq!(put(&outbox, vanished).await, Recorded::Incomplete);
	for (at, count) in [(3, 3), (4, 3), (5, 4)] {
		let failed = Record {
			power_failures: Some(count),
			..record(at, 6)
		};
		put(&outbox, failed).await;
	}
	let waiting = outbox.oldest(METER, 100).await.unwrap();
	let statuses: Vec<u16> = waiting.iter().map(|signed| signed.reading.status).collect();
	assert_eq!(statuses, [0, 0, 0, status::POWER_FAILED]);
}

#[tokio::test]
async fn the_oldest_should_make_room() {
	let folder = TempDir::new().unwrap();
	let outbox = Outbox::open(folder.path(), CHAIN, 3).unwrap();
	let first = first(&outbox).await;
	for at in 2..=5 {
		put(&outbox, record(at, at)).await;
	}
	assert_eq!(sequences(&outbox, first).await, [2, 3, 4]);
	let settled = vec![
		(METER, first, Fate::Delivered),
		(METER, first + 2, Fate::Refused),
	];
	outbox.settle(settled).await.unwrap();
	let row = outbox.row(METER).await.unwrap().unwrap();
	assert_eq!(
		(row.waiting, row.dropped, row.refused, row.delivered),
		(2, 2, 1, 0)
	);
}

#[tokio::test]
async fn a_new_key_should_sign_what_waits() {
	let folder = TempDir::new().unwrap();
	let outbox = Outbox::open(folder.path(), CHAIN, 10).unwrap();
	first(&outbox).await;
	put(&outbox, record(2, 2)).await;
	let before = outbox.oldest(METER, 10).await.unwrap();
	assert_eq!(outbox.sign_anew(METER, signer("01")).await.unwrap(), 0);
	assert_eq!(outbox.sign_anew(METER, signer("02")).await.unwrap(), 2);
	let after = outbox.oldest(METER, 10).await.unwrap();
	for (before, after) in before.iter().zip(&after) {
		assert_eq!(before.reading, after.reading);
		assert!(after.is_signed_by(&signer("02").public(), &CHAIN));
	}
}

#[tokio::test]
async fn what_a_device_carries_out_should_be_in_readings_from_then_on_also_after_a_restart() {
	let folder = TempDir::new().unwrap();
	let open = || Outbox::open(folder.path(), CHAIN, 10).unwrap();
	let outbox = open();
	put(&outbox, record(1, 1)).await;
	outbox.carry_out(METER, 5, 10).await.unwrap();
	// Captured before the device said so, as load profiles are.
	put(&outbox, record(9, 2)).await;
	put(&outbox, record(10, 3)).await;
	drop(outbox);
	let outbox = open();
	assert_eq!(outbox.carried_out(METER).await.unwrap(), Some((5, 10)));
	put(&outbox, record(11, 4)).await;
	outbox.carry_out(METER, 6, 12).await.unwrap();
	put(&outbox, record(12, 5)).await;
	let waiting = outbox.oldest(METER, 10).await.unwrap();
	let said = waiting
		.iter()
		.map(|signed| signed.reading.acknowledged.map(|nonce| nonce.0));
	let expected = [None, None, Some(5), Some(5), Some(6)];
	assert_eq!(said.collect::<Vec<_>>(), expected);
	let key = signer("01").public();
	assert!(waiting
		.iter()
		.all(|signed| signed.is_signed_by(&key, &CHAIN)));
	assert_eq!(outbox.carried_out(MeterId(8)).await.unwrap(), None);
}
