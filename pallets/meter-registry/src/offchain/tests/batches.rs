//! Batches: bounded, in order, and no page in two of them.

use std::collections::BTreeMap;

use gridweave_primitives::{
	device::DeviceSignature, ingest::MAX_BATCH_READINGS, reading::SignedReading, MeterId,
};
use proptest::prelude::*;

use crate::{
	freshness::is_ordered,
	mock::{reading, T0},
	offchain::batches::{build, Spanned},
	MAX_SPANS,
};

fn spanned(meter: u32, sequence: u64, spans: u32) -> Spanned {
	let signature = DeviceSignature::Ed25519(Default::default());
	let reading = reading(MeterId(meter), sequence, T0 + sequence, 0, 0);
	Spanned {
		signed: SignedReading { reading, signature },
		spans,
	}
}

#[test]
fn nothing_should_make_no_batch() {
	assert!(build(vec![]).is_empty());
}

#[test]
fn first_readings_should_have_a_witness_that_is_not_zero() {
	let drafts = build(vec![spanned(1, 1, 0)]);
	assert_eq!((drafts.len(), drafts[0].spans), (1, 1));
}

#[test]
fn pages_should_fill_a_batch_and_begin_the_next() {
	let page = |page: u32| (0..300).map(move |n| spanned(page * 32, n, 1));
	let drafts = build((0..3).flat_map(page).collect());
	// Two pages of 300 do not fit one batch.
	assert_eq!(
		drafts
			.iter()
			.map(|draft| draft.readings.len())
			.collect::<Vec<_>>(),
		[300; 3]
	);
	let small = |page: u32| (0..250).map(move |n| spanned(page * 32, n, 1));
	let drafts = build((0..3).flat_map(small).collect());
	assert_eq!(
		drafts
			.iter()
			.map(|draft| draft.readings.len())
			.collect::<Vec<_>>(),
		[500, 250]
	);
}

#[test]
fn the_witness_should_bound_a_batch_as_well() {
	let drafts = build((0..100).map(|n| spanned(1, n, 100)).collect());
	assert_eq!((drafts.len(), drafts[0].readings.len()), (1, 20));
	assert_eq!(drafts[0].spans, MAX_SPANS);
	let drafts = build((0..3).map(|page| spanned(page * 32, 1, 900)).collect());
	assert_eq!(
		drafts.iter().map(|draft| draft.spans).collect::<Vec<_>>(),
		[1_800, 900]
	);
}

#[test]
fn nothing_should_overtake_a_reading_that_does_not_fit() {
	let mut readings: Vec<_> = (0..19).map(|n| spanned(1, n, 100)).collect();
	readings.push(spanned(1, 19, 200));
	readings.push(spanned(1, 20, 1));
	let drafts = build(readings);
	assert_eq!(
		drafts[0]
			.readings
			.last()
			.map(|signed| signed.reading.sequence),
		Some(18)
	);
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn batches_should_be_bounded_ordered_and_disjoint(
		counts in proptest::collection::btree_map(0u32..400, (1u64..80, 0u32..120), 1..60),
	) {
		let all: Vec<_> = counts
			.iter()
			.flat_map(|(meter, (count, spans))| (0..*count).map(|n| spanned(*meter, n, *spans)))
			.collect();
		let mut pages = BTreeMap::new();
		let mut taken = BTreeMap::<u32, u64>::new();
		for (place, draft) in build(all.clone()).into_iter().enumerate() {
			prop_assert!(!draft.readings.is_empty());
			prop_assert!(draft.readings.len() <= MAX_BATCH_READINGS as usize);
			prop_assert!((1..=MAX_SPANS).contains(&draft.spans));
			prop_assert!(is_ordered(&draft.readings));
			let spans: u32 =
				draft.readings.iter().map(|signed| counts[&signed.reading.meter.0].1).sum();
			prop_assert_eq!(draft.spans, spans.max(1));
			for signed in &draft.readings {
				let page = signed.reading.meter.page();
				prop_assert_eq!(*pages.entry(page).or_insert(place), place);
				// Of each meter the first ones, without a gap.
				let next = taken.entry(signed.reading.meter.0).or_default();
				prop_assert_eq!(signed.reading.sequence, *next);
				*next += 1;
			}
		}
		// Of every page something comes.
		for meter in counts.keys() {
			prop_assert!(pages.contains_key(&(meter / 32)));
		}
	}
}
