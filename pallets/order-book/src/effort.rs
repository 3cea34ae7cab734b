//! What a call did, and what that weighs.

use frame_support::{
	dispatch::{DispatchErrorWithPostInfo, DispatchResultWithPostInfo},
	traits::Get,
	weights::Weight,
};
use sp_runtime::DispatchResult;

use crate::{Config, Pallet, WeightInfo};

/// Counts what a call does beyond its plain form: matching, following storages, stepping over deleted
/// keys. Refused orders count as well: their work was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effort {
	/// Resting orders met: filled, or cancelled because they may not trade.
	pub fills: u32,
	/// Storages followed over all open periods.
	pub storage_checks: u32,
	/// Walks that had to step over keys deleted in this block.
	pub walks: u32,
	/// How many keys, all walks together.
	pub stepped_over: u32,
}

impl Effort {
	/// The most that a call with `orders` orders (at least one) may do.
	pub fn most<T: Config>(orders: u32) -> Self {
		let fills = T::MaxFills::get();
		let walks = orders.min(fills);
		Self {
			fills,
			storage_checks: orders,
			walks,
			stepped_over: walks.saturating_mul(T::MaxRemovals::get()),
		}
	}

	/// One walk over keys deleted in this block.
	pub fn walk(deleted: u32) -> Self {
		Self {
			walks: u32::from(deleted > 0),
			stepped_over: deleted,
			..Self::default()
		}
	}

	/// Notes a walk past at most `deleted` keys deleted in this block.
	pub fn note_walk(&mut self, deleted: u32) {
		let walk = Self::walk(deleted);
		self.walks = self.walks.saturating_add(walk.walks);
		self.stepped_over = self.stepped_over.saturating_add(walk.stepped_over);
	}

	/// What it weighs, in addition to the call's plain form.
	pub fn weight<T: Config>(&self) -> Weight {
		let fills =
			T::WeightInfo::place_order(self.fills).saturating_sub(T::WeightInfo::place_order(0));
		let steps =
			T::WeightInfo::step_over(self.stepped_over).saturating_sub(T::WeightInfo::step_over(0));
		fills
			.saturating_add(
				T::WeightInfo::check_storage().saturating_mul(self.storage_checks.into()),
			)
			.saturating_add(T::WeightInfo::step_over(0).saturating_mul(self.walks.into()))
			.saturating_add(steps)
	}
}

impl<T: Config> Pallet<T> {
	/// What placing an order that rests weighs. If it opens a book, that is entered in the agenda, which is
	/// counted.
	pub(crate) fn weight_of_resting() -> Weight {
		T::WeightInfo::place_order(0)
			.saturating_add(<T as frame_system::Config>::DbWeight::get().reads_writes(2, 2))
	}

	/// The most that placing one order may weigh.
	pub(crate) fn weight_of_place() -> Weight {
		Self::weight_of_resting().saturating_add(Effort::most::<T>(1).weight::<T>())
	}

	/// The most that placing `orders` orders at once may weigh.
	pub(crate) fn weight_of_batch(orders: u32) -> Weight {
		T::WeightInfo::place_orders(orders).saturating_add(Effort::most::<T>(orders).weight::<T>())
	}

	/// The most that cancelling an order may weigh.
	pub(crate) fn weight_of_cancel() -> Weight {
		T::WeightInfo::cancel_order()
			.saturating_add(Effort::walk(T::MaxRemovals::get()).weight::<T>())
	}

	/// The most that replacing an order may weigh.
	pub(crate) fn weight_of_replace() -> Weight {
		T::WeightInfo::replace_order()
			.saturating_add(Effort::most::<T>(1).weight::<T>())
			.saturating_add(Effort::walk(T::MaxRemovals::get()).weight::<T>())
	}

	/// The result of a call that took `effort` besides its `base`.
	pub(crate) fn spent(
		result: DispatchResult,
		base: Weight,
		effort: &Effort,
	) -> DispatchResultWithPostInfo {
		let post_info = Some(base.saturating_add(effort.weight::<T>())).into();
		match result {
			Ok(()) => Ok(post_info),
			Err(error) => Err(DispatchErrorWithPostInfo { post_info, error }),
		}
	}
}
