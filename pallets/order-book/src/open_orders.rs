//! What becomes of an order that rests: cancelled, reduced, replaced.

use frame_support::{ensure, traits::Get};
use gridweave_primitives::{traits::Clearing, OrderId, Price, WattHours};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	book, commitments,
	effort::Effort,
	types::{CancelReason, Locator, NewOrder, Place, Resting, TimeInForce},
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
	/// gate and the step that expires it.
	pub(crate) fn do_cancel(
		who: &T::AccountId,
		id: OrderId,
		reason: CancelReason,
		effort: &mut Effort,
	) -> Result<(Locator, Resting<T::AccountId>), DispatchError> {
		let (locator, resting) = Self::own_order(who, id)?;
		let mut book = book::load::<T>(locator.book).ok_or(Error::<T>::OrderNotFound)?;
		let removals = book.removals_at(book::block::<T>());
		ensure!(
			removals < T::MaxRemovals::get(),
			Error::<T>::TooManyRemovals
		);
		let place = Place {
			price: locator.price,
			order: id,
		};
		if book.best(locator.side) == Some(place) {
			effort.note_walk(removals);
		}
		book::remove::<T>(locator.book, &mut book, locator.side, place);
		book::save::<T>(locator.book, &book);
		commitments::reduced::<T>(locator.book, locator.side, resting.meter, resting.remaining);
		commitments::closed::<T>(resting.meter, id);
		T::Clearing::unlock(
			who,
			book.lock(locator.side, locator.price, resting.remaining),
		);
		Self::deposit_event(Event::OrderCancelled {
			order_id: id,
			who: who.clone(),
			meter: resting.meter,
			energy: resting.remaining,
			reason,
		});
		Ok((locator, resting))
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
		let book = book::load::<T>(locator.book).ok_or(Error::<T>::OrderNotFound)?;
		let freed = resting.remaining.saturating_sub(energy);
		resting.remaining = energy;
		book::change::<T>(id, &locator, &resting);
		commitments::reduced::<T>(locator.book, locator.side, resting.meter, freed);
		T::Clearing::unlock(who, book.lock(locator.side, locator.price, freed));
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
