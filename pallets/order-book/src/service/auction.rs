//! The stages of a call auction ([`crate::auction`]), on the orders in storage.
//!
//! Its gate is closed, so that its orders are placed, cancelled and reduced no more: from the first step to
//! the last the book is as these steps leave it.
//!
//! * *Discovery* leaves the orders where they are, and knows where it was by a [`Cursor`] for each side. An
//!   order of a meter under quarantine is cancelled when it is read. One that was read trades, even if its
//!   meter comes under quarantine afterwards: price and volume count on it.
//! * *Clearing* trades the best two orders at a time. Every trade leaves the book as it must be for the next
//!   one, or, if it fails, as it was.
//!
//! A trade may fail that has become too late to be settled. Then the auction is given up: what was traded
//! stays so, what was not expires.

use frame_support::{storage::with_storage_layer, weights::WeightMeter};
use gridweave_primitives::{market::Side, traits::Quarantine, WattHours};
use sp_runtime::{DispatchError, DispatchResult};

use super::{Turn, LOG_TARGET, TURN};
use crate::{
	auction::{Discovery, Execution, LimitOrder, Next},
	book,
	trading::Trader,
	types::{Book, BookId, CancelReason, Cursor, Place, Resting, Stage},
	Config, Event, Pallet, WeightInfo,
};

/// What the auction needs to know of an order.
pub(super) fn limit_order<AccountId>(place: &Place, resting: &Resting<AccountId>) -> LimitOrder {
	LimitOrder {
		limit: place.price,
		energy: resting.remaining,
	}
}

/// What cannot be, unless the book is not as it was left.
pub(super) fn corrupt(id: BookId, what: &dyn core::fmt::Debug) -> DispatchError {
	log::error!(target: LOG_TARGET, "auction of {id:?}: {what:?}");
	DispatchError::Corruption
}

impl<T: Config> Pallet<T> {
	/// Reads orders, best first, until price and volume are known.
	pub(crate) fn discover(
		id: BookId,
		mut discovery: Discovery,
		mut bids: Cursor,
		mut asks: Cursor,
		meter: &mut WeightMeter,
	) -> Turn {
		let Some(mut book) = book::load::<T>(id) else {
			return Turn::Next(Stage::Expire);
		};
		let (read, cancel) = (
			T::WeightInfo::discover_order(),
			Self::weight_of_expiry(&book),
		);
		let mut steps = 0u32;
		let next = loop {
			let side = match discovery.next() {
				Next::Order(side) => side,
				Next::Done(None) => break Turn::Next(Stage::Expire),
				Next::Done(Some(clearing)) => {
					Self::deposit_event(Event::AuctionCleared {
						microgrid: id.microgrid,
						period: id.period,
						price: clearing.price(),
						volume: clearing.volume,
					});
					break Turn::Next(Stage::Clear(Execution::new(&clearing)));
				}
			};
			// Only a barred order takes both.
			if steps >= TURN || !meter.can_consume(read.saturating_add(cancel)) {
				break Turn::Part(Stage::Discover {
					discovery,
					bids,
					asks,
				});
			}
			steps = steps.saturating_add(1);
			meter.consume(read);
			let cursor = match side {
				Side::Bid => &mut bids,
				Side::Ask => &mut asks,
			};
			let order = book::next::<T>(id, &book, side, cursor);
			if let Some((place, resting)) = &order {
				cursor.after = Some(*place);
				if T::Quarantine::is_quarantined(resting.meter) {
					meter.consume(cancel);
					book::remove::<T>(id, &mut book, side, *place);
					Self::release(
						id,
						&mut book,
						side,
						*place,
						resting,
						CancelReason::Quarantined,
					);
					continue;
				}
				cursor.kept = cursor.kept.saturating_add(1);
			}
			let order = order.map(|(place, resting)| limit_order(&place, &resting));
			if let Err(error) = discovery.feed(order) {
				let error = corrupt(id, &error);
				break Self::abandon(id, WattHours::ZERO, error);
			}
		};
		if steps == 0 && matches!(next, Turn::Part(_)) {
			return Turn::NoRoom;
		}
		book::save::<T>(id, &book);
		next
	}

	/// Makes trades until the volume is traded.
	pub(crate) fn clear(id: BookId, mut execution: Execution, meter: &mut WeightMeter) -> Turn {
		let Some(mut book) = book::load::<T>(id) else {
			return Turn::Next(Stage::Expire);
		};
		let mut steps = 0u32;
		let next = loop {
			if execution.left().is_zero() {
				break Turn::Next(Stage::Expire);
			}
			if steps >= TURN || meter.try_consume(T::WeightInfo::auction_trade()).is_err() {
				break Turn::Part(Stage::Clear(execution));
			}
			steps = steps.saturating_add(1);
			let (mut after, mut rest) = (book, execution);
			let traded = with_storage_layer(|| Self::trade_best(id, &mut after, &mut rest));
			if let Err(error) = traded {
				break Self::abandon(id, execution.left(), error);
			}
			(book, execution) = (after, rest);
		};
		if steps == 0 && matches!(next, Turn::Part(_)) {
			return Turn::NoRoom;
		}
		book::save::<T>(id, &book);
		next
	}

	/// Trades the best bid with the best ask.
	fn trade_best(id: BookId, book: &mut Book, execution: &mut Execution) -> DispatchResult {
		let best = |book: &Book, side| {
			book::best::<T>(id, book, side).ok_or_else(|| corrupt(id, &"a side is empty"))
		};
		let (bid, ask) = (best(book, Side::Bid)?, best(book, Side::Ask)?);
		let pairing = execution
			.pair(limit_order(&bid.0, &bid.1), limit_order(&ask.0, &ask.1))
			.map_err(|error| corrupt(id, &error))?;
		let trader = |(place, resting): &(Place, Resting<T::AccountId>), left| Trader {
			order: place.order,
			owner: resting.owner.clone(),
			meter: resting.meter,
			limit: place.price,
			left: Some(left),
		};
		Self::trade(
			id,
			book,
			(execution.price(), pairing.energy),
			trader(&bid, pairing.bid_left),
			trader(&ask, pairing.ask_left),
		)?;
		book::filled::<T>(id, book, Side::Bid, bid, pairing.bid_left);
		book::filled::<T>(id, book, Side::Ask, ask, pairing.ask_left);
		Ok(())
	}

	/// Gives an auction up with so much left to be traded.
	fn abandon(id: BookId, left: WattHours, error: DispatchError) -> Turn {
		Self::deposit_event(Event::AuctionAbandoned {
			microgrid: id.microgrid,
			period: id.period,
			left,
			error,
		});
		Turn::Next(Stage::Expire)
	}
}
