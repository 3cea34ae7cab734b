//! What the store keeps, refuses, serves and forgets.

mod durability;
mod model;
mod order;
mod pages;
mod retention;

use std::time::Duration;

use codec::{Decode, Encode};
use gridweave_primitives::reading::{ReadingPage, MAX_PAGE_BYTES};

use super::*;
use crate::server::testing::{
	breakable, checked, key_at, longest, reading, sign, sign_by, sign_sr25519, Fixture, GENESIS,
	LIMITS, SOON,
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
	store.insert(checked([signed])).await.unwrap()[0]
}

async fn held(store: &Store) -> Vec<(u32, u64)> {
	let page = page(store, 0).await;
	page.readings
		.iter()
		.map(|(_, s)| (s.reading.meter.0, s.reading.sequence))
		.collect()
}
