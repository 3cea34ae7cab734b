//! What this pallet stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{link::LinkTerms, microgrid::Terms, Balance, MicrogridId, Period};
use scale_info::TypeInfo;

/// An energy community.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Microgrid<AccountId> {
	/// Who operates it.
	pub operator: AccountId,
	/// Tariff and market rules that periods opened from now on take.
	pub terms: Terms,
	/// What the operator has deposited, in planck; 0 for a microgrid of genesis.
	pub deposit: Balance,
}

/// Which periods of a microgrid have opened and are still kept: those from `from` up to `until`,
/// exclusive, but for `skipped` of them that expired before they could open.
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
pub struct PeriodRange {
	/// The first period that ever opened. Never changes.
	pub first: Period,
	/// The oldest period still kept; equal to `until` if none is.
	pub from: Period,
	/// The next period to open.
	pub until: Period,
	/// How many periods between `from` and `until` never opened.
	pub skipped: u32,
}

impl PeriodRange {
	/// A range that starts with `first`, which is not open yet.
	pub const fn starting_with(first: Period) -> Self {
		Self {
			first,
			from: first,
			until: first,
			skipped: 0,
		}
	}

	/// How many periods are due to open so that `last` is open.
	pub const fn due(&self, last: Period) -> u32 {
		last.next().0.saturating_sub(self.until.0)
	}

	/// Leaves out what would have to open before `start`. Returns the first and the last period left out,
	/// if there are any.
	pub fn skip_to(&mut self, start: Period) -> Option<(Period, Period)> {
		let (first, count) = (self.until, start.0.checked_sub(self.until.0)?);
		if count == 0 {
			return None;
		}
		if self.from == self.until {
			self.from = start;
		} else {
			// At most the length of the range, which is a `u32`: cannot saturate.
			self.skipped = self.skipped.saturating_add(count);
		}
		self.until = start;
		Some((first, start.saturating_sub(1)))
	}
}

/// How far a link has come.
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
pub enum LinkStage {
	/// One side has proposed it.
	Proposed {
		/// The side that has not agreed yet.
		awaits: MicrogridId,
	},
	/// Both sides have agreed.
	Open {
		/// The first period it is open for.
		first: Period,
		/// The first period it is no longer open for; `None` until it is closed.
		until: Option<Period>,
	},
}

impl LinkStage {
	/// Whether the link is open for a period.
	pub fn is_open_for(&self, period: Period) -> bool {
		match self {
			Self::Proposed { .. } => false,
			Self::Open { first, until } => {
				*first <= period && until.is_none_or(|until| period < until)
			}
		}
	}
}

/// A link between two microgrids.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Link<AccountId> {
	/// What is agreed, or proposed.
	pub terms: LinkTerms,
	/// Who proposed it, has paid the deposit, and is paid the wheeling fee: also when another account operates
	/// its microgrid since.
	pub operator: AccountId,
	/// What the operator has deposited, in planck.
	pub deposit: Balance,
	/// How far it has come.
	pub stage: LinkStage,
}

impl<AccountId> Link<AccountId> {
	/// Whether it was closed for the periods that open from then on.
	pub fn is_closed(&self) -> bool {
		matches!(self.stage, LinkStage::Open { until: Some(_), .. })
	}
}

/// Where a task is on its way over all microgrids, in order of their ids.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Pass {
	/// The microgrid whose turn is next; the number of microgrids when the pass is done.
	pub next: MicrogridId,
	/// Each microgrid visited by this pass was brought at least up to this period.
	pub target: Period,
	/// Whether some microgrid visited by this pass could not be brought that far: pruning waits for
	/// settlement.
	pub behind: bool,
}

impl Pass {
	/// The pass to go on with so that all of `count` microgrids reach `target`; `None` if the last one
	/// has achieved that.
	pub fn resume(self, target: Period, count: u32) -> Option<Self> {
		if self.next.0 < count {
			// Under way, or done before the youngest microgrid was created: that one still lacks its turn.
			Some(self)
		} else if self.behind || self.target < target {
			Some(Self {
				next: MicrogridId(0),
				target,
				behind: false,
			})
		} else {
			None
		}
	}

	/// Goes on to the next microgrid.
	pub fn advance(&mut self) {
		// Below the number of microgrids: cannot saturate.
		self.next = MicrogridId(self.next.0.saturating_add(1));
	}
}
