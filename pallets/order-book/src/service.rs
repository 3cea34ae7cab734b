//! What becomes of books with time: a stepped task with a budget of its own.
//!
//! Every book has one entry in the [`Agenda`], ordered by the time at which its next [`Stage`] is due, so
//! that a block in which nothing is due costs one look, however many books there are. A stage that does
//! not fit into a block is gone on with in the next: what is left to do is what is left in storage.
//!
//! * *Order*: what is due first is done first, and wholly.
//! * *Completeness*: being late is allowed, being left out is not. An order that is late to expire cannot
//!   trade: the gate is closed by the clock, not by this task.

use frame_support::{traits::Get, weights::WeightMeter};
use gridweave_primitives::{
	microgrid::Terms,
	traits::{Clearing, MicrogridInspect, SettlementClock},
	Be32, Be64, MicrogridId, Period,
};

use crate::{
	book, commitments,
	types::{BookId, CancelReason, Stage},
	Agenda, Config, Event, Pallet, WeightInfo,
};

type Key = (Be64, Be32, Be32);

fn key(due: u64, id: BookId) -> Key {
	(due.into(), id.microgrid.into(), id.period.into())
}

/// Enters a new book into the agenda.
pub(crate) fn schedule<T: Config>(id: BookId, terms: &Terms) {
	let gate = T::Microgrids::gate_closes_at(&T::Clock::clock(), terms, id.period);
	Agenda::<T>::insert(key(gate, id), Stage::Expire);
}

/// The stage after `stage`, and when it is due.
fn following<T: Config>(id: BookId, stage: Stage) -> Option<(u64, Stage)> {
	let clock = T::Clock::clock();
	match stage {
		Stage::Expire => Some((clock.end_of(id.period), Stage::Forget)),
		Stage::Forget => Some((clock.expires_at(id.period), Stage::Prune)),
		Stage::Prune => None,
	}
}

impl<T: Config> Pallet<T> {
	/// Does what is due, as far as the budget goes.
	pub(crate) fn serve(meter: &mut WeightMeter) {
		let now = T::Clock::now();
		let mut behind: Option<alloc::vec::Vec<u8>> = None;
		while meter.try_consume(T::WeightInfo::service_base()).is_ok() {
			// Entries done with in this block are walked on from, not sought past.
			let mut agenda = match behind.take() {
				None => Agenda::<T>::iter(),
				Some(last) => Agenda::<T>::iter_from(last),
			};
			let Some(((due, microgrid, period), stage)) = agenda.next() else {
				return;
			};
			if due.get() > now {
				return;
			}
			let id = BookId {
				microgrid: MicrogridId(microgrid.get()),
				period: Period(period.get()),
			};
			if meter.try_consume(T::WeightInfo::advance_book()).is_err() {
				return;
			}
			let done = match stage {
				Stage::Expire => Self::expire_orders(id, meter),
				Stage::Forget => Self::forget_commitments(id, meter),
				Stage::Prune => {
					book::prune::<T>(id);
					true
				}
			};
			if !done {
				return;
			}
			let key = key(due.get(), id);
			Agenda::<T>::remove(key);
			if let Some((next, stage)) = following::<T>(id, stage) {
				Agenda::<T>::insert(self::key(next, id), stage);
			}
			behind = Some(Agenda::<T>::hashed_key_for(key));
		}
	}

	/// Cancels the orders of a book whose gate is closed. Whether all are done.
	pub(crate) fn expire_orders(id: BookId, meter: &mut WeightMeter) -> bool {
		let Some(mut book) = book::load::<T>(id) else {
			return true;
		};
		let mut done = true;
		while let Some((side, place)) = book.any_best() {
			if meter.try_consume(T::WeightInfo::expire_order()).is_err() {
				done = false;
				break;
			}
			let locator = crate::types::Locator {
				book: id,
				side,
				price: place.price,
			};
			let resting = book::order::<T>(place.order, &locator);
			book::remove::<T>(id, &mut book, side, place);
			let Some(resting) = resting else { continue };
			commitments::reduced::<T>(id, side, resting.meter, resting.remaining);
			commitments::closed::<T>(resting.meter, place.order);
			T::Clearing::unlock(
				&resting.owner,
				book.lock(side, place.price, resting.remaining),
			);
			Self::deposit_event(Event::OrderCancelled {
				order_id: place.order,
				who: resting.owner,
				meter: resting.meter,
				energy: resting.remaining,
				reason: CancelReason::GateClosed,
			});
		}
		book::save::<T>(id, &book);
		if done {
			Self::deposit_event(Event::MarketClosed {
				microgrid: id.microgrid,
				period: id.period,
				market: book.market,
			});
		}
		done
	}

	/// Forgets what meters had committed to in a book whose period was delivered. Whether all is done.
	pub(crate) fn forget_commitments(id: BookId, meter: &mut WeightMeter) -> bool {
		let mut stored = commitments::forget::<T>(id);
		loop {
			if meter
				.try_consume(T::WeightInfo::forget_commitment())
				.is_err()
			{
				return false;
			}
			if stored.next().is_none() {
				return true;
			}
		}
	}

	/// Runs [`Self::serve`] on its own budget within what is left of the block.
	pub(crate) fn run_service(block: &mut WeightMeter) {
		let budget = T::ServiceWeight::get().min(block.remaining());
		let mut meter = WeightMeter::with_limit(budget);
		Self::serve(&mut meter);
		block.consume(meter.consumed());
	}
}
