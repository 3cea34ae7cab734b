//! From readings in order of meters to batches. Pure.
//!
//! All readings of a page of meters go into one batch: two batches with the same page would exclude one
//! another in the pool. Of a page with more readings than a batch takes the first ones go; the others
//! wait for the next round.

use alloc::vec::Vec;

use gridweave_primitives::{ingest::MAX_BATCH_READINGS, reading::SignedReading};
use sp_runtime::{traits::ConstU32, BoundedVec};

use crate::MAX_SPANS;

/// A reading, and how many periods it touches at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned {
	/// The reading.
	pub signed: SignedReading,
	/// Periods.
	pub spans: u32,
}

/// A batch to be signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
	/// Its readings.
	pub readings: BoundedVec<SignedReading, ConstU32<MAX_BATCH_READINGS>>,
	/// Its witness.
	pub spans: u32,
}

impl Draft {
	/// Adds a reading, if there is room.
	fn push(&mut self, spanned: Spanned) -> bool {
		let spans = self.spans.saturating_add(spanned.spans);
		let fits = spans <= MAX_SPANS && self.readings.try_push(spanned.signed).is_ok();
		if fits {
			self.spans = spans;
		}
		fits
	}

	/// Adds all of another, if there is room.
	fn append(&mut self, other: &Self) -> bool {
		let spans = self.spans.saturating_add(other.spans);
		let fits = spans <= MAX_SPANS
			&& self
				.readings
				.try_extend(other.readings.iter().cloned())
				.is_ok();
		if fits {
			self.spans = spans;
		}
		fits
	}
}

/// Batches of these readings, which are in order of meters.
pub fn build(spanned: Vec<Spanned>) -> Vec<Draft> {
	let mut drafts: Vec<Draft> = Vec::new();
	let mut pages = spanned.into_iter().peekable();
	while let Some(first) = pages.next() {
		let page = first.signed.reading.meter.page();
		let mut draft = Draft::default();
		let mut fits = draft.push(first);
		while let Some(next) = pages.next_if(|next| next.signed.reading.meter.page() == page) {
			// After the first that does not fit none is taken: it would overtake.
			fits = fits && draft.push(next);
		}
		if draft.readings.is_empty() {
			continue;
		}
		if !drafts.last_mut().is_some_and(|last| last.append(&draft)) {
			drafts.push(draft);
		}
	}
	for draft in &mut drafts {
		// First readings touch no period, but a witness of nothing is refused.
		draft.spans = draft.spans.max(1);
	}
	drafts
}
