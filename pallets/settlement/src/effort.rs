//! What steps weigh: before one begins, at most; afterwards, what it turned out to take. A step begins if
//! the budget holds its worst case, and takes from it what it did.

use frame_support::weights::Weight;
use gridweave_primitives::ids::METERS_PER_PAGE;

use crate::{
	schedule::Look,
	types::{Job, Stage},
	Config, Pallet, WeightInfo,
};

/// What settling a meter took, from cheap to costly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
	/// A bill without a position, paid at once.
	Plain,
	/// A bill with a position, paid at once.
	Traded,
	/// A bill that changed arrears or claims.
	Unpaid,
}

/// How many meters of a page were settled, by what that took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
	plain: u32,
	traded: u32,
	unpaid: u32,
}

impl Tally {
	/// Counts a meter.
	pub fn add(&mut self, effort: Effort) {
		let count = match effort {
			Effort::Plain => &mut self.plain,
			Effort::Traded => &mut self.traded,
			Effort::Unpaid => &mut self.unpaid,
		};
		*count = count.saturating_add(1);
	}

	/// What a page settled so weighs.
	fn weigh(self, page: fn(u32, u32, u32) -> Weight) -> Weight {
		page(self.plain, self.traded, self.unpaid).min(full(page))
	}
}

/// What a full page weighs at most.
fn full(page: fn(u32, u32, u32) -> Weight) -> Weight {
	const ALL: u32 = METERS_PER_PAGE;
	page(ALL, 0, 0).max(page(0, ALL, 0)).max(page(0, 0, ALL))
}

impl<T: Config> Pallet<T> {
	/// What a poll weighs that finds nothing to do.
	pub(crate) fn poll_weight() -> Weight {
		T::WeightInfo::poll()
	}

	/// The least budget that lets everything go on: claims take at most half of what a poll leaves, and
	/// the other half fits a look at a community and the largest step.
	pub(crate) fn least_budget() -> Weight {
		let half = T::WeightInfo::look().saturating_add(Self::largest_step());
		Self::poll_weight().saturating_add(half.saturating_mul(2))
	}

	/// The weight of the largest step.
	fn largest_step() -> Weight {
		[
			T::WeightInfo::sum_page(),
			full(T::WeightInfo::collect_page),
			full(T::WeightInfo::pay_page),
			T::WeightInfo::finish(),
			T::WeightInfo::serve_claim(),
			T::WeightInfo::prune_page(),
		]
		.into_iter()
		.fold(Weight::zero(), |most, step| most.max(step))
	}

	/// What the next step of a settlement weighs at most.
	pub(crate) fn step_weight(job: &Job<T::AccountId>) -> Weight {
		match job.stage {
			Stage::Sum { page } if page < job.pages => T::WeightInfo::sum_page(),
			Stage::Collect { page } if page < job.pages => full(T::WeightInfo::collect_page),
			Stage::Pay { page } if page < job.pages => full(T::WeightInfo::pay_page),
			// Passing on to the next stage is weighed with the end.
			Stage::Sum { .. } | Stage::Collect { .. } | Stage::Pay { .. } => Weight::zero(),
			Stage::Finish => T::WeightInfo::finish(),
		}
	}

	/// What collecting from the debtors of a page took.
	pub(crate) fn collected(tally: Tally) -> Weight {
		tally.weigh(T::WeightInfo::collect_page)
	}

	/// What paying the creditors of a page took.
	pub(crate) fn paid(tally: Tally) -> Weight {
		tally.weigh(T::WeightInfo::pay_page)
	}

	/// What a look at a community took.
	pub(crate) fn looked(found: &Look<T::AccountId>) -> Weight {
		let most = T::WeightInfo::look();
		match found {
			Look::Nothing(_) => T::WeightInfo::look_idle().min(most),
			_ => most,
		}
	}
}
