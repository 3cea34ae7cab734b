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
	/// How many of them of members who did not sit at the page.
	guests: u32,
}

impl Tally {
	/// Counts a meter.
	pub fn add(&mut self, effort: Effort, sits_here: bool) {
		let count = match effort {
			Effort::Plain => &mut self.plain,
			Effort::Traded => &mut self.traded,
			Effort::Unpaid => &mut self.unpaid,
		};
		*count = count.saturating_add(1);
		self.guests = self.guests.saturating_add(u32::from(!sits_here));
	}

	fn of(self, page: fn(u32, u32, u32) -> Weight) -> Weight {
		page(self.plain, self.traded, self.unpaid)
	}
}

/// What was done with a page of bills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
	/// Bills of those who owe.
	pub collected: Tally,
	/// Bills of the others.
	pub paid: Tally,
	/// Whether these wait until all who owe have been asked.
	pub waits: bool,
}

impl Work {
	fn guests(&self) -> u64 {
		(self.collected.guests)
			.saturating_add(self.paid.guests)
			.into()
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
			Self::collect_at_most(),
			Self::pay_at_most(),
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
			Stage::Collect { page } if page < job.pages => Self::collect_at_most(),
			Stage::Pay { page } if page < job.pages => Self::pay_at_most(),
			// Passing on to the next stage is weighed with the end.
			Stage::Sum { .. } | Stage::Collect { .. } | Stage::Pay { .. } => Weight::zero(),
			Stage::Finish => T::WeightInfo::finish(),
		}
	}

	/// What bills weigh that are paid with the page's debtors: what the page itself takes, these pay.
	fn paid_along(bills: Weight) -> Weight {
		bills.saturating_sub(T::WeightInfo::pay_page(0, 0, 0))
	}

	/// What a page weighs at most while collecting, whoever of its members owes or is owed.
	fn collect_at_most() -> Weight {
		let creditors = T::WeightInfo::collect_page(0, 0, 0)
			.saturating_add(Self::paid_along(full(T::WeightInfo::pay_page)));
		full(T::WeightInfo::collect_page)
			.max(creditors)
			.saturating_add(T::WeightInfo::guest().saturating_mul(METERS_PER_PAGE.into()))
	}

	/// What a page weighs at most while paying.
	fn pay_at_most() -> Weight {
		full(T::WeightInfo::pay_page)
			.saturating_add(T::WeightInfo::guest().saturating_mul(METERS_PER_PAGE.into()))
	}

	/// What a page took while collecting.
	pub(crate) fn collected(work: Work) -> Weight {
		let paid = Self::paid_along(work.paid.of(T::WeightInfo::pay_page));
		(work.collected.of(T::WeightInfo::collect_page))
			.saturating_add(paid)
			.saturating_add(T::WeightInfo::guest().saturating_mul(work.guests()))
			.min(Self::collect_at_most())
	}

	/// What a page took while paying.
	pub(crate) fn paid(work: Work) -> Weight {
		(work.paid.of(T::WeightInfo::pay_page))
			.saturating_add(T::WeightInfo::guest().saturating_mul(work.guests()))
			.min(Self::pay_at_most())
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
