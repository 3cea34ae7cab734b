//! From readings in order of meters to batches. Pure.
//!
//! All readings of a page of meters go into one batch: two batches with the same page would exclude one
//! another in the pool. Of a page with more readings than a batch takes, the first of every meter go, then
//! the second of every meter, and so on: a meter with a long backlog takes no place from its neighbours.
//! The others wait for the next round.

use alloc::{collections::BTreeSet, vec::Vec};

use gridweave_primitives::{ingest::MAX_BATCH_READINGS, reading::SignedReading, MeterId};
use sp_runtime::{traits::ConstU32, BoundedVec};

use crate::{
	freshness::count,
	witness::{Touched, Witness},
};

/// A reading, and what booking it touches at most: nothing, if it is its meter's first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned {
	/// The reading.
	pub signed: SignedReading,
	/// What it touches.
	pub touched: Option<Touched>,
}

/// A batch to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
	/// Its readings.
	pub readings: BoundedVec<SignedReading, ConstU32<MAX_BATCH_READINGS>>,
	/// Its witness.
	pub witness: Witness,
}

impl Draft {
	fn new() -> Self {
		Self {
			readings: BoundedVec::new(),
			witness: Witness::NONE,
		}
	}

	/// Adds readings that touch `more`, if there is room.
	fn add(&mut self, readings: &[SignedReading], more: Witness) -> bool {
		let witness = self.witness.saturating_add(more);
		let fits = witness.fits(&Witness::MAX)
			&& self.readings.try_extend(readings.iter().cloned()).is_ok();
		if fits {
			self.witness = witness;
		}
		fits
	}
}

/// Batches of these readings, which are in order of meters, and of one meter by sequence.
pub fn build(spanned: Vec<Spanned>) -> Vec<Draft> {
	let mut drafts: Vec<Draft> = Vec::new();
	let mut rest = spanned.into_iter().peekable();
	while let Some(first) = rest.next() {
		let number = first.signed.reading.meter.page();
		let mut page = Vec::from([first]);
		while let Some(next) = rest.next_if(|next| next.signed.reading.meter.page() == number) {
			page.push(next);
		}
		let draft = draft_of(page);
		if draft.readings.is_empty() {
			continue;
		}
		let appended = drafts
			.last_mut()
			.is_some_and(|last| last.add(&draft.readings, draft.witness));
		if !appended {
			drafts.push(draft);
		}
	}
	for draft in &mut drafts {
		// First readings touch no period, but a witness of nothing is refused.
		draft.witness.spans = draft.witness.spans.max(1);
	}
	drafts
}

/// What of a page goes into one batch.
fn draft_of(page: Vec<Spanned>) -> Draft {
	let mut before: Option<(MeterId, u32)> = None;
	let mut ranked: Vec<(u32, Spanned)> = page
		.into_iter()
		.map(|spanned| {
			let meter = spanned.signed.reading.meter;
			let rank = match before {
				Some((held, rank)) if held == meter => rank.saturating_add(1),
				_ => 0,
			};
			before = Some((meter, rank));
			(rank, spanned)
		})
		.collect();
	// Stable: those of one rank stay in order of meters.
	ranked.sort_by_key(|(rank, _)| *rank);

	let mut draft = Draft::new();
	let mut periods = BTreeSet::new();
	let mut held_up = BTreeSet::new();
	for (_, Spanned { signed, touched }) in ranked {
		let meter = signed.reading.meter;
		if held_up.contains(&meter) {
			continue;
		}
		let new = touched.iter().flat_map(Touched::periods);
		let new: Vec<_> = new.filter(|period| !periods.contains(period)).collect();
		let more = Witness {
			spans: count(new.len()),
			corrections: touched.map_or(0, |touched| touched.corrections),
		};
		if draft.add(&[signed], more) {
			periods.extend(new);
		} else {
			// After the first of a meter that does not fit none of it is taken: it would overtake.
			held_up.insert(meter);
		}
	}
	draft
		.readings
		.as_mut()
		.sort_by_key(|signed| (signed.reading.meter, signed.reading.sequence));
	draft
}
