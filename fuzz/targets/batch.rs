//! The batch of an authority, as the runtime meets it, and the energy of the readings in it.
//!
//! What the pure functions need beside readings comes from the batch's own numbers, whose meaning is of no
//! matter here: the fuzzer then varies them, too.

#![no_main]

use std::collections::BTreeSet;

use codec::{Decode, Encode, MaxEncodedLen};
use gridweave_primitives::{
	ingest::ReadingBatch,
	reading::{Reading, SignedReading},
	PeriodClock, WattHours, Watts,
};
use libfuzzer_sys::fuzz_target;
use pallet_meter_registry::{
	energy::{allowance, base_of, movement, share, slices, Movement, Span},
	freshness::{count_pages, freshness, is_ordered, Freshness, Moment},
	witness::touched,
};
use sp_core::H256;

/// Most periods of a span that are booked one by one: enough to be cut short.
const MAX_SPAN: u32 = 300;

fuzz_target!(|bytes: &[u8]| {
	let mut rest = bytes;
	let Ok(batch) = ReadingBatch::decode(&mut rest) else {
		return;
	};
	let read = &bytes[..bytes.len() - rest.len()];
	assert_eq!(batch.encode(), read);
	assert!(read.len() <= ReadingBatch::max_encoded_len());
	assert_ne!(
		batch.digest(&H256::repeat_byte(1)),
		batch.digest(&H256::repeat_byte(2))
	);

	look_at_order(&batch.readings);
	for pair in batch.readings.windows(2) {
		look_at_energy(&batch, &pair[0].reading, &pair[1].reading);
	}
});

fn look_at_order(readings: &[SignedReading]) {
	let places: Vec<_> = readings
		.iter()
		.map(|signed| (signed.reading.meter, signed.reading.sequence))
		.collect();
	let ascending: Vec<_> = BTreeSet::from_iter(places.iter().copied())
		.into_iter()
		.collect();
	assert_eq!(is_ordered(readings), places == ascending);
	let pages: BTreeSet<_> = places.iter().map(|(meter, _)| meter.page()).collect();
	let counted = count_pages(readings) as usize;
	assert!((pages.len()..=readings.len()).contains(&counted));
	if is_ordered(readings) {
		assert_eq!(counted, pages.len());
	}
}

fn look_at_energy(batch: &ReadingBatch, old: &Reading, new: &Reading) {
	let clock = PeriodClock {
		period_length: (batch.salt & 0xfff).max(1),
		grace: (batch.salt >> 12) & 0xf,
		retention: (batch.salt >> 16) & 0xf,
		..Default::default()
	};
	let moment = Moment {
		clock,
		now: old.captured_at.saturating_add(batch.spans.into()),
	};
	let latest = Some((old.sequence, old.captured_at));
	let fresh = freshness(&moment, latest, 0, new) == Freshness::Fresh;
	if fresh {
		assert!(new.captured_at > old.captured_at && new.sequence > old.sequence);
	}
	if new.captured_at <= old.captured_at {
		return;
	}
	let span = Span {
		from: old.captured_at,
		until: new.captured_at,
	};
	let kept_from = clock
		.period_at(span.from)
		.saturating_add(batch.authority & 0xff)
		.saturating_sub(batch.authority >> 8 & 0xff);
	let max_span = (batch.spans % MAX_SPAN).max(1);
	let touched = touched(&moment, span, kept_from, max_span);

	let slices = slices(&clock, span, kept_from, max_span);
	let booked: Vec<_> = slices.iter().filter_map(|slice| slice.period).collect();
	let mut covered = touched.periods();
	assert!(booked
		.iter()
		.all(|period| covered.any(|other| other == *period)));
	assert!(touched.corrections as usize <= slices.len());
	assert_eq!(slices.first().map(|slice| slice.from), Some(span.from));
	assert_eq!(slices.last().map(|slice| slice.until), Some(span.until));
	assert!(slices.iter().all(|slice| slice.from < slice.until));
	assert!(slices.windows(2).all(|pair| pair[0].until == pair[1].from));

	let rating = Watts(batch.salt);
	let modulus = WattHours(10u64.saturating_pow(batch.authority >> 16 & 0x1f));
	let due = allowance(rating, span);
	let registers = [
		(old.import_register, new.import_register),
		(old.export_register, new.export_register),
	];
	for (old, new) in registers {
		let Movement {
			counted,
			suspended,
			rolled_back,
		} = movement(old, new, modulus, due);
		assert!(counted <= due);
		if rolled_back {
			assert_eq!((counted, suspended), (WattHours(0), WattHours(0)));
		} else {
			let advanced = u128::from(counted.0) + u128::from(suspended.0);
			let shown = (u128::from(old.0) + advanced) % u128::from(modulus.0);
			assert_eq!(shown, new.0.into());
			assert_eq!(base_of(new, modulus, advanced), old);
		}
		let parts = slices.iter().map(|slice| share(counted, span, slice).0);
		assert_eq!(parts.map(u128::from).sum::<u128>(), counted.0.into());
	}
}
