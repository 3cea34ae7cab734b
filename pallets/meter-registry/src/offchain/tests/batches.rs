//! Batches: bounded, in order, and no page in two of them.

use std::{
	collections::{BTreeMap, BTreeSet},
	ops::Range,
};

use gridweave_primitives::{
	device::DeviceSignature, ingest::MAX_BATCH_READINGS, reading::SignedReading, MeterId,
};
use proptest::prelude::*;

use crate::{
	freshness::is_ordered,
	mock::{reading, T0},
	offchain::batches::{build, Spanned},
	witness::Touched,
	MAX_CORRECTIONS, MAX_SPANS,
};

/// A reading that touches the periods `run`.
fn touching(meter: u32, sequence: u64, run: Range<u32>, corrections: u32) -> Spanned {
	let signature = DeviceSignature::Ed25519(Default::default());
	let reading = reading(MeterId(meter), sequence, T0 + sequence, 0, 0);
	Spanned {
		signed: SignedReading { reading, signature },
		touched: Some(Touched {
			run,
			last: None,
			corrections,
		}),
	}
}

/// A reading that touches `spans` periods that none of its neighbours does.
fn spanned(meter: u32, sequence: u64, spans: u32) -> Spanned {
	let first = (meter % 32 * 2_000 + sequence as u32) * 1_000;
	touching(meter, sequence, first..first + spans, 0)
}

#[test]
fn nothing_should_make_no_batch() {
	assert!(build(vec![]).is_empty());
}

#[test]
fn first_readings_should_have_a_witness_that_is_not_zero() {
	let drafts = build(vec![spanned(1, 1, 0)]);
	assert_eq!((drafts.len(), drafts[0].witness.spans), (1, 1));
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
	let drafts = build((0..100).map(|n| spanned(1, n, 50)).collect());
	assert_eq!((drafts.len(), drafts[0].readings.len()), (1, 18));
	assert_eq!(drafts[0].witness.spans, MAX_SPANS);
	let drafts = build((0..3).map(|page| spanned(page * 32, 1, 450)).collect());
	assert_eq!(
		drafts
			.iter()
			.map(|draft| draft.witness.spans)
			.collect::<Vec<_>>(),
		[900, 450]
	);
}

#[test]
fn neighbours_should_share_their_pages_of_energy() {
	let late = |meter| touching(meter, 1, 10..17, 2);
	let drafts = build((0..480).map(late).collect());
	assert_eq!(drafts.len(), 1);
	let witness = drafts[0].witness;
	assert_eq!((witness.spans, witness.corrections), (15 * 7, 480 * 2));
	// Another page does not: the pages have items of their own.
	let drafts = build([0, 1, 32].map(|meter| touching(meter, 1, 10..12, 0)).into());
	assert_eq!(drafts[0].witness.spans, 4);
}

#[test]
fn the_witness_of_corrections_should_bound_a_batch_as_well() {
	let late = |meter| touching(meter, 1, 10..17, 20);
	let drafts = build((0..32).map(late).collect());
	assert_eq!(drafts[0].witness.corrections, 640);
	let drafts = build((0..64).map(late).collect());
	let corrections: Vec<_> = drafts
		.iter()
		.map(|draft| draft.witness.corrections)
		.collect();
	assert_eq!(corrections, [640, 640]);
	let drafts = build(vec![
		touching(0, 1, 0..9, MAX_CORRECTIONS),
		touching(0, 2, 9..10, 1),
		touching(1, 1, 0..9, 0),
	]);
	assert_eq!((drafts.len(), drafts[0].readings.len()), (1, 2));
}

#[test]
fn nothing_should_overtake_a_reading_that_does_not_fit() {
	let mut readings: Vec<_> = (0..17).map(|n| spanned(1, n, 50)).collect();
	readings.push(spanned(1, 17, 100));
	readings.push(spanned(1, 18, 1));
	let drafts = build(readings);
	assert_eq!(
		drafts[0]
			.readings
			.last()
			.map(|signed| signed.reading.sequence),
		Some(16)
	);
}

#[test]
fn a_meter_with_a_backlog_should_take_no_place_from_its_neighbours() {
	let backlog = (0..2_000).map(|n| spanned(32, n, 1));
	let neighbours = (33..64).map(|meter| spanned(meter, 7, 1));
	let drafts = build(backlog.chain(neighbours).collect());
	assert_eq!(drafts.len(), 1);
	let readings = &drafts[0].readings;
	assert_eq!(readings.len() as u32, MAX_BATCH_READINGS);
	let of = |meter| {
		readings
			.iter()
			.filter(|signed| signed.reading.meter.0 == meter)
			.count()
	};
	assert_eq!(of(32), MAX_BATCH_READINGS as usize - 31);
	assert!((33..64).all(|meter| of(meter) == 1));
}

#[test]
fn a_reading_that_does_not_fit_should_hold_up_its_own_meter_only() {
	let drafts = build(vec![
		spanned(1, 0, MAX_SPANS / 2),
		spanned(1, 1, MAX_SPANS),
		spanned(1, 2, 1),
		spanned(2, 0, 1),
		spanned(2, 1, 1),
		spanned(2, 2, 1),
	]);
	let taken = drafts[0]
		.readings
		.iter()
		.map(|signed| (signed.reading.meter.0, signed.reading.sequence));
	assert_eq!(taken.collect::<Vec<_>>(), [(1, 0), (2, 0), (2, 1), (2, 2)]);
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
			prop_assert!((1..=MAX_SPANS).contains(&draft.witness.spans));
			prop_assert!(is_ordered(&draft.readings));
			let spans: u32 =
				draft.readings.iter().map(|signed| counts[&signed.reading.meter.0].1).sum();
			prop_assert_eq!(draft.witness.spans, spans.max(1));
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

	#[test]
	fn of_every_meter_something_should_come(
		backlogs in proptest::collection::btree_map(0u32..64, (1u64..2_000, 0..=MAX_SPANS / 32), 1..64),
	) {
		let all = backlogs
			.iter()
			.flat_map(|(meter, (count, spans))| (0..*count).map(|n| spanned(*meter, n, *spans)));
		let drafts = build(all.collect());
		let came: BTreeSet<u32> = drafts
			.iter()
			.flat_map(|draft| &draft.readings)
			.map(|signed| signed.reading.meter.0)
			.collect();
		prop_assert_eq!(came, backlogs.keys().copied().collect::<BTreeSet<_>>());
	}
}
