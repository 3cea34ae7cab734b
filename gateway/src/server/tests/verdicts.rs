//! What becomes of readings, by what the chain says of their meters.

use super::*;

async fn verdicts(chain: &Arc<FakeChain>, readings: Vec<SignedReading>) -> Vec<Verdict> {
	let fixture = Fixture::new(LIMITS);
	take(&fixture, chain, readings).await
}

async fn take(
	fixture: &Fixture,
	chain: &Arc<FakeChain>,
	readings: Vec<SignedReading>,
) -> Vec<Verdict> {
	let ingest = Ingest {
		store: fixture.store.clone(),
		keys: chain.clone(),
		verifiers: Workers::per_core(),
		metrics: fixture.metrics.clone(),
	};
	let readings = readings.into_iter().map(Some).collect();
	let entries = ingest.take(readings).await.unwrap();
	entries.into_iter().map(|entry| entry.outcome).collect()
}

#[tokio::test]
async fn only_meters_that_measure_should_be_taken() {
	let cached = [
		(1, Known::Key(key_at(1, 1))),
		(2, Known::NotAdmitted),
		(3, Known::Retired),
		(4, Known::Unknown),
		(5, Known::Unavailable),
	];
	let chain: Arc<_> = FakeChain {
		cached: cached.into(),
		..Default::default()
	}
	.into();
	let readings = (1..=5).map(|meter| sign(reading(meter, 1))).collect();
	let expected = [
		Verdict::Stored,
		Verdict::NotAdmitted,
		Verdict::Retired,
		Verdict::UnknownMeter,
		Verdict::Unavailable,
	];
	assert_eq!(verdicts(&chain, readings).await, expected);
	assert_eq!(*chain.asked.lock().unwrap(), [false]);
}

#[tokio::test]
async fn a_rotated_key_should_be_asked_for_once() {
	let cached = [(1, Known::Key(key_at(7, 1))), (2, Known::Key(key_at(2, 1)))];
	let fresh = [(1, Known::Key(key_at(1, 2)))];
	let chain: Arc<_> = FakeChain {
		cached: cached.into(),
		fresh: fresh.into(),
		..Default::default()
	}
	.into();
	let readings = vec![
		sign(reading(1, 1)),
		sign(reading(2, 1)),
		sign_by(7, reading(1, 2)),
	];
	// All that the meter sent is judged by the key that was asked for last.
	let expected = [Verdict::Stored, Verdict::Stored, Verdict::BadSignature];
	assert_eq!(verdicts(&chain, readings).await, expected);
	assert_eq!(*chain.asked.lock().unwrap(), [false, true]);
	let bad = vec![sign_by(3, reading(1, 1))];
	assert_eq!(verdicts(&chain, bad).await, [Verdict::BadSignature]);
}

#[tokio::test]
async fn a_reading_for_another_chain_should_be_refused() {
	let cached = [(1, Known::Key(key_at(1, 1)))];
	let fresh = cached;
	let chain: Arc<_> = FakeChain {
		cached: cached.into(),
		fresh: fresh.into(),
		..Default::default()
	}
	.into();
	let mut signed = sign(reading(1, 1));
	let pair = <sp_core::ed25519::Pair as sp_core::Pair>::from_seed(&{
		let mut seed = [0; 32];
		seed[0] = 1;
		seed
	});
	let elsewhere = signed.reading.digest(&H256([4; 32]));
	signed.signature = gridweave_primitives::device::DeviceSignature::Ed25519(sp_core::Pair::sign(
		&pair, &elsewhere,
	));
	assert_eq!(
		verdicts(&chain, vec![signed]).await,
		[Verdict::BadSignature]
	);
}

#[tokio::test]
async fn a_stolen_key_should_not_block_its_meter_once_it_is_rotated() {
	let old = Known::Key(key_at(7, 10));
	let chain: Arc<_> = FakeChain::knowing([(1, old)]).into();
	let fixture = Fixture::new(LIMITS);
	let stolen = sign_by(7, reading(1, u64::MAX));
	assert_eq!(
		take(&fixture, &chain, vec![stolen]).await,
		[Verdict::Stored]
	);
	// The gateway still believes in the old key when the new one is first used.
	let new = Known::Key(key_at(1, 20));
	let chain: Arc<_> = FakeChain {
		cached: [(1, old)].into(),
		fresh: [(1, new)].into(),
		..Default::default()
	}
	.into();
	let own = sign(reading(1, 43));
	assert_eq!(take(&fixture, &chain, vec![own]).await, [Verdict::Stored]);
	let page = fixture.store.page(None, 0, 9).await.unwrap();
	assert_eq!(page.count, 1);
	// A post that was checked with the old key before comes too late.
	let chain: Arc<_> = FakeChain::knowing([(1, old)]).into();
	let late = vec![sign_by(7, reading(1, 99))];
	assert_eq!(take(&fixture, &chain, late).await, [Verdict::Unavailable]);
}
