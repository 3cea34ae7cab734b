//! What a call did, and what that weighs.

use frame_support::{
	dispatch::{DispatchErrorWithPostInfo, DispatchResultWithPostInfo},
	traits::Get,
	weights::Weight,
};
use sp_runtime::DispatchResult;

use crate::{
	matching::Plan,
	types::{Book, MAX_CANDIDATES},
	Config, Pallet, WeightInfo,
};

/// Counts what a call does beyond its plain form: matching, following storages, stepping over deleted
/// keys. Refused orders count as well: their work was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effort {
	/// Resting orders met: filled, cancelled because they may not trade, or passed over.
	pub fills: u32,
	/// How many of them over links.
	pub linked: u32,
	/// Links looked at.
	pub links: u32,
	/// Storages followed over all open periods.
	pub storage_checks: u32,
	/// Walks that had to step over keys deleted in this block.
	pub walks: u32,
	/// How many keys, all walks together.
	pub stepped_over: u32,
	/// Times that what an account bids and asks in a call auction is looked up and noted.
	pub own_limits: u32,
	/// Gates that have to be open besides those of orders that are placed.
	pub gates: u32,
	/// Fills of an extrinsic that are not to be made.
	pub withheld: u32,
	/// If set, books over links that more orders than this have left in this block are passed over.
	pub calm: Option<u32>,
	/// Whether the chain places what a standing order wants.
	pub standing: bool,
}

impl Effort {
	/// Nothing yet, of what is to make at most `fills` fills.
	pub fn of_fills<T: Config>(fills: u32) -> Self {
		Self {
			withheld: T::MaxFills::get().saturating_sub(fills),
			..Self::default()
		}
	}

	/// How many fills may still be made.
	pub fn fills_left<T: Config>(&self) -> u32 {
		T::MaxFills::get()
			.saturating_sub(self.withheld)
			.saturating_sub(self.fills)
	}

	/// The most that a call with `orders` orders (at least one) may do.
	pub fn most<T: Config>(orders: u32) -> Self {
		let fills = T::MaxFills::get();
		let links = T::MaxLinks::get();
		// A walk in each book in which an order is met.
		let books = links.saturating_add(1);
		let walks = orders.saturating_mul(books).min(fills);
		Self {
			fills,
			linked: 0,
			links: orders.saturating_mul(links),
			storage_checks: orders,
			walks,
			stepped_over: walks.saturating_mul(T::MaxRemovals::get()),
			own_limits: orders,
			..Self::default()
		}
	}

	/// What the most that a call with `orders` orders may do weighs.
	fn weight_of_most<T: Config>(orders: u32) -> Weight {
		let within = Self::most::<T>(orders);
		let over = Self {
			linked: within.fills,
			..within
		};
		within.weight::<T>().max(over.weight::<T>())
	}

	/// The most that cancelling an order may do.
	fn most_of_cancel<T: Config>() -> Self {
		Self {
			own_limits: 1,
			gates: 1,
			..Self::walk(T::MaxRemovals::get())
		}
	}

	/// Notes links that were looked at.
	pub fn note_links(&mut self, links: usize) {
		let links = u32::try_from(links).unwrap_or(u32::MAX);
		self.links = self.links.saturating_add(links);
	}

	/// Notes what matching an order met. Counted as soon as it is planned: a plan that comes to nothing was
	/// work as well.
	pub fn note_plan<AccountId>(&mut self, plan: &Plan<AccountId>) {
		self.fills = self.fills.saturating_add(plan.met());
		self.linked = self.linked.saturating_add(plan.met_over_links());
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
		let within = self.fills.saturating_sub(self.linked);
		let fills =
			T::WeightInfo::place_order(within).saturating_sub(T::WeightInfo::place_order(0));
		let linked = T::WeightInfo::fill_over_link(self.linked)
			.saturating_sub(T::WeightInfo::fill_over_link(0));
		let links = T::WeightInfo::look_at_links(self.links)
			.saturating_sub(T::WeightInfo::look_at_links(0));
		let steps =
			T::WeightInfo::step_over(self.stepped_over).saturating_sub(T::WeightInfo::step_over(0));
		fills
			.saturating_add(linked)
			.saturating_add(links)
			.saturating_add(
				T::WeightInfo::check_storage().saturating_mul(self.storage_checks.into()),
			)
			.saturating_add(T::WeightInfo::step_over(0).saturating_mul(self.walks.into()))
			.saturating_add(steps)
			.saturating_add(own_limits::<T>(self.own_limits))
			// The clock, the time, and the terms.
			.saturating_add(DbWeight::<T>::get().reads(self.gates.saturating_mul(3).into()))
	}
}

type DbWeight<T> = <T as frame_system::Config>::DbWeight;

/// What it weighs to look up and note `times` what accounts bid and ask in a call auction.
fn own_limits<T: Config>(times: u32) -> Weight {
	DbWeight::<T>::get().reads_writes(times.into(), times.into())
}

impl<T: Config> Pallet<T> {
	/// What it weighs besides if an order opens a book: that is entered in the agenda, which is counted.
	pub(crate) fn weight_of_new_book() -> Weight {
		DbWeight::<T>::get().reads_writes(2, 2)
	}

	/// What placing an order that rests weighs.
	pub(crate) fn weight_of_resting() -> Weight {
		T::WeightInfo::place_order(0).saturating_add(Self::weight_of_new_book())
	}

	/// The most that placing one order may weigh.
	pub(crate) fn weight_of_place() -> Weight {
		Self::weight_of_resting().saturating_add(Effort::weight_of_most::<T>(1))
	}

	/// The most that placing `orders` orders at once may weigh.
	pub(crate) fn weight_of_batch(orders: u32) -> Weight {
		T::WeightInfo::place_orders(orders).saturating_add(Effort::weight_of_most::<T>(orders))
	}

	/// The most that cancelling an order may weigh.
	pub(crate) fn weight_of_cancel() -> Weight {
		T::WeightInfo::cancel_order().saturating_add(Effort::most_of_cancel::<T>().weight::<T>())
	}

	/// The most that replacing an order may weigh.
	pub(crate) fn weight_of_replace() -> Weight {
		T::WeightInfo::replace_order()
			.saturating_add(Effort::weight_of_most::<T>(1))
			.saturating_add(Effort::most_of_cancel::<T>().weight::<T>())
	}

	/// What a turn of a due book weighs, without what is in it. What went over links is forgotten with it; of an
	/// auction terms, clock, and what it may be coupled by are looked at.
	pub(crate) fn weight_of_turn() -> Weight {
		T::WeightInfo::advance_book().saturating_add(DbWeight::<T>::get().reads_writes(6, 2))
	}

	/// What looking at so many links of a community for others to couple with weighs, besides a turn.
	pub(crate) fn weight_of_links(links: u32) -> Weight {
		let looked =
			T::WeightInfo::look_at_links(links).saturating_sub(T::WeightInfo::look_at_links(0));
		// Terms and clock of each.
		looked.saturating_add(DbWeight::<T>::get().reads(links.saturating_mul(2).into()))
	}

	/// What ending an item of a coupling weighs, a community's whose book is opened by it: terms, clock and time are
	/// looked at, and the book is written.
	pub(crate) fn weight_of_closing() -> Weight {
		T::WeightInfo::close_coupling()
			.saturating_add(Self::weight_of_new_book())
			.saturating_add(DbWeight::<T>::get().reads_writes(4, 1))
	}

	/// What letting go of so many solutions weighs: their deposits are released, or taken.
	pub(crate) fn weight_of_releases(solutions: u32) -> Weight {
		let of_one = DbWeight::<T>::get().reads_writes(3, 3);
		of_one.saturating_mul(solutions.into())
	}

	/// What the most of one step of a coupling weighs, with what comes before it.
	pub(crate) fn weight_of_coupling_step() -> Weight {
		let read = T::WeightInfo::discover_order()
			.saturating_add(T::WeightInfo::expire_order())
			.saturating_add(own_limits::<T>(1));
		let step = read
			.max(T::WeightInfo::exchange_order())
			.max(Self::weight_of_closing())
			.max(Self::weight_of_releases(MAX_CANDIDATES));
		T::WeightInfo::advance_coupling()
			.saturating_mul(2)
			.saturating_add(step)
	}

	/// What cancelling an order of a book whose gate is closed weighs.
	pub(crate) fn weight_of_expiry(book: &Book) -> Weight {
		T::WeightInfo::expire_order().saturating_add(own_limits::<T>(book.is_auction().into()))
	}

	/// The most that one step of the service of books weighs.
	pub(crate) fn weight_of_step() -> Weight {
		let cancel = T::WeightInfo::expire_order().saturating_add(own_limits::<T>(1));
		let discover = T::WeightInfo::discover_order().saturating_add(cancel);
		discover
			.max(Self::weight_of_links(T::MaxLinks::get().saturating_mul(2)))
			.max(T::WeightInfo::auction_trade())
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
