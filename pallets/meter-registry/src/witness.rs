//! What readings touch in storage besides their meters: declared in advance by whoever brings them, for it is
//! the base of the weight. Pure.

use core::ops::Range;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{ingest::ReadingBatch, Period};
use scale_info::TypeInfo;

use crate::{
	energy::{self, Span},
	freshness::Moment,
	ESTIMATE_PERIODS,
};

/// Most pages of energy a batch or a relay call may declare as touched. A full batch must fit a block.
pub const MAX_SPANS: u32 = 900;

/// Most corrections a batch or a relay call may declare.
pub const MAX_CORRECTIONS: u32 = 1_000;

/// What a batch or a relay call declares to touch at most, the base of its weight.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Witness {
	/// Pages of energy: 32 neighbouring meters in one period.
	pub spans: u32,
	/// Corrections of settled periods.
	pub corrections: u32,
}

impl Witness {
	/// Nothing.
	pub const NONE: Self = Self {
		spans: 0,
		corrections: 0,
	};
	/// The largest.
	pub const MAX: Self = Self {
		spans: MAX_SPANS,
		corrections: MAX_CORRECTIONS,
	};

	/// That of a batch.
	pub fn of(batch: &ReadingBatch) -> Self {
		Self {
			spans: batch.spans,
			corrections: batch.corrections,
		}
	}

	/// Whether something can be done within it, and not too much.
	pub fn is_valid(&self) -> bool {
		self.spans > 0 && self.fits(&Self::MAX)
	}

	/// Of both together.
	pub fn saturating_add(self, other: Self) -> Self {
		Self {
			spans: self.spans.saturating_add(other.spans),
			corrections: self.corrections.saturating_add(other.corrections),
		}
	}

	/// Whether it is no more than `other`.
	pub fn fits(&self, other: &Self) -> bool {
		self.spans <= other.spans && self.corrections <= other.corrections
	}

	/// What is left after `needed`, if that fits.
	pub fn checked_sub(&self, needed: Self) -> Option<Self> {
		Some(Self {
			spans: self.spans.checked_sub(needed.spans)?,
			corrections: self.corrections.checked_sub(needed.corrections)?,
		})
	}
}

/// What booking a span touches at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
	/// Periods one after another.
	pub(crate) run: Range<u32>,
	/// Another one behind them.
	pub(crate) last: Option<u32>,
	/// How many corrections it calls for.
	pub corrections: u32,
}

impl Touched {
	/// The periods in which it touches its meter's page of energy.
	pub fn periods(&self) -> impl Iterator<Item = Period> {
		self.run.clone().chain(self.last).map(Period)
	}
}

/// What booking `span` touches at most: each period that it is booked on, and where it starts in a frozen one
/// those that an estimate may look back at; and a correction for each frozen period, and for what lies before
/// the kept ones.
pub fn touched(moment: &Moment, span: Span, kept_from: Period, max_span: u32) -> Touched {
	let clock = &moment.clock;
	let pruned = u32::from(span.from < clock.start_of(kept_from));
	let Some((first, last)) = energy::kept(clock, span, kept_from) else {
		return Touched {
			run: 0..0,
			last: None,
			corrections: pruned,
		};
	};
	// As `energy::slices` cuts: one by one as far as the longest span, and what is left on the last.
	let longest = first.saturating_add(max_span.saturating_sub(1));
	// The last period that there is ends no range.
	let (end, apart) = match last <= longest && last.0 < u32::MAX {
		true => (last.saturating_add(1), None),
		false => (longest, Some(last)),
	};
	let frozen_before = clock.frozen_before(moment.now);
	let frozen = end.min(frozen_before).0.saturating_sub(first.0);
	let from = match frozen {
		0 => first,
		_ => first.saturating_sub(ESTIMATE_PERIODS).max(kept_from),
	};
	Touched {
		run: from.0..end.0,
		last: apart.map(|last| last.0),
		corrections: frozen
			.saturating_add(apart.is_some_and(|last| last < frozen_before).into())
			.saturating_add(pruned),
	}
}
