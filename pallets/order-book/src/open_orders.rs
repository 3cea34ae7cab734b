//! What becomes of an order that rests: cancelled, reduced, replaced.

use frame_support::{ensure, traits::Get};
use gridweave_primitives::{market::Side, traits::Clearing, OrderId, Price, WattHours};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	book, commitments,
	effort::Effort,
	types::{Book, BookId, CancelReason, Locator, NewOrder, Place, Resting, TimeInForce},
	Config, Error, Event, Pallet,
};

impl<T: Config> Pallet<T> {
	/// The open order of `who`.
	fn own_order(
		who: &T::AccountId,
		id: OrderId,
	) -> Result<(Locator, Resting<T::AccountId>), DispatchError> {
		let locator = book::locate::<T>(id).ok_or(Error::<T>::OrderNotFound)?;
		let resting = book::order::<T>(id, &locator).ok_or(Error::<T>::OrderNotFound)?;
		ensure!(resting.owner == *who, Error::<T>::NotOrderOwner);
		Ok((locator, resting))
	}

	/// Cancels an order of `who`. Allowed while the order is there, so also between the closing of the
	/// gate and the step that expires it; but in a call auction only until the gate closes, for then the
	/// orders are to trade. To look for the next best order only so many may have left the
	/// book in this block; where nothing is looked for, that is no matter.
	pub(crate) fn do_cancel(
		who: &T::AccountId,
		id: OrderId,
		reason: CancelReason,
		effort: &mut Effort,
	) -> Result<(Locator, Resting<T::AccountId>), DispatchError> {
		let (locator, resting) = Self::own_order(who, id)?;
		let Locator {
			book: at,
			side,
			price,
		} = locator;
		let mut book = book::load::<T>(at).ok_or(Error::<T>::OrderNotFound)?;
		if book.is_auction() {
			effort.own_limits = effort.own_limits.saturating_add(1);
			effort.gates = effort.gates.saturating_add(1);
			Self::open_terms(at)?;
		}
		let now = book::block::<T>();
		let place = Place { price, order: id };
		if book.best(side) == Some(place) && book.count(side) > 1 {
			let removals = book.removals_at(now);
			ensure!(
				removals < T::MaxRemovals::get(),
				Error::<T>::TooManyRemovals
			);
			effort.note_walk(removals);
		}
		book::remove::<T>(at, &mut book, side, place);
		book.count_removal(now);
		Self::release(at, &mut book, side, place, &resting, reason);
		book::save::<T>(at, &book);
		Ok((locator, resting))
	}

	/// Frees what an order that leaves the book without a trade committed and locked.
	pub(crate) fn release(
		id: BookId,
		book: &mut Book,
		side: Side,
		place: Place,
		resting: &Resting<T::AccountId>,
		reason: CancelReason,
	) {
		let Resting {
			owner,
			meter,
			remaining,
		} = resting;
		let ended = Some(place.order);
		commitments::reduced::<T>(*meter, book, (id, side), ended, *remaining);
		Self::closed(id, book, side, owner);
		let locked = book.lock(side, place.price, *remaining);
		T::Clearing::unlock(owner, *meter, locked);
		Self::deposit_event(Event::OrderCancelled {
			order_id: place.order,
			who: owner.clone(),
			meter: *meter,
			energy: *remaining,
			reason,
		});
	}

	/// Reduces what is left of an order of `who` to `energy`.
	pub(crate) fn do_reduce(who: &T::AccountId, id: OrderId, energy: WattHours) -> DispatchResult {
		let (locator, mut resting) = Self::own_order(who, id)?;
		let terms = Self::open_terms(locator.book)?;
		ensure!(
			energy >= terms.rules.min_quantity,
			Error::<T>::BelowMinimumQuantity
		);
		ensure!(energy < resting.remaining, Error::<T>::NotReduced);
		let mut book = book::load::<T>(locator.book).ok_or(Error::<T>::OrderNotFound)?;
		let freed = resting.remaining.saturating_sub(energy);
		resting.remaining = energy;
		book::change::<T>(id, &locator, &resting);
		let place = (locator.book, locator.side);
		commitments::reduced::<T>(resting.meter, &mut book, place, None, freed);
		book::save::<T>(locator.book, &book);
		let locked = book.lock(locator.side, locator.price, freed);
		T::Clearing::unlock(who, resting.meter, locked);
		Self::deposit_event(Event::OrderReduced {
			order_id: id,
			who: who.clone(),
			meter: resting.meter,
			remaining: energy,
		});
		Ok(())
	}

	/// Cancels an order of `who` and places another one for the same meter, side and period.
	pub(crate) fn do_replace(
		who: &T::AccountId,
		id: OrderId,
		energy: WattHours,
		limit_price: Price,
		effort: &mut Effort,
	) -> Result<OrderId, DispatchError> {
		let (locator, resting) = Self::do_cancel(who, id, CancelReason::Replaced, effort)?;
		let order = NewOrder {
			meter: resting.meter,
			side: locator.side,
			period: locator.book.period,
			energy,
			limit_price,
			time_in_force: TimeInForce::GoodUntilGate,
		};
		Self::do_place(who, &order, effort)
	}
}
