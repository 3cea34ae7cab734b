//! Carrying out the coupling that holds: the trades with links.
//!
//! First the buyers of all communities that receive more than they send pay, then the sellers of the others are
//! paid of that, and at last the links: what they get is what the prices of their ends differ by. So nothing is
//! ever paid that is not there, and a coupling that breaks off leaves nobody's sale unpaid.

use frame_support::{storage::with_storage_layer, weights::WeightMeter};
use gridweave_primitives::{
	cost,
	market::Side,
	traits::{MicrogridInspect, OnTrade},
	Balance, Be32, Period, WattHours,
};
use sp_runtime::{DispatchError, DispatchResult};

use super::{auction::corrupt, schedule};
use crate::{
	auction::Execution,
	book,
	coupling::{Carried, Net},
	links,
	trading::Trader,
	types::{Book, BookId, Candidate, Exchanging, Flow},
	Config, Event, Outcomes, Pallet, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// Goes on with the trades with links. Whether the coupling is done.
	pub(super) fn exchange(
		period: Period,
		candidate: &Candidate<T::AccountId>,
		exchanging: &mut Exchanging,
		meter: &mut WeightMeter,
	) -> bool {
		while exchanging.failed.is_none() {
			let Some(net) = candidate.nets.get(exchanging.place as usize) else {
				if exchanging.side == Side::Ask {
					break;
				}
				(exchanging.side, exchanging.place) = (Side::Ask, 0);
				continue;
			};
			if exchanging.done >= net.of(exchanging.side) {
				exchanging.place = exchanging.place.saturating_add(1);
				exchanging.done = WattHours::ZERO;
				continue;
			}
			if meter
				.try_consume(T::WeightInfo::advance_coupling())
				.is_err()
			{
				return false;
			}
			match Self::exchange_side(period, net, exchanging, meter) {
				Ok(true) => {}
				Ok(false) => return false,
				Err(error) => exchanging.failed = Some(error),
			}
		}
		let items = candidate.nets.len().max(candidate.carried.len());
		while (exchanging.closed as usize) < items {
			if meter.try_consume(Self::weight_of_closing()).is_err() {
				return false;
			}
			Self::close_item(period, candidate, exchanging);
		}
		Self::deposit_event(match exchanging.failed {
			None => Event::CouplingDone { period },
			Some(error) => Event::CouplingAbandoned { period, error },
		});
		true
	}

	/// Lets the members of one side of a community trade with links. Whether all of it is traded.
	fn exchange_side(
		period: Period,
		net: &Net,
		exchanging: &mut Exchanging,
		meter: &mut WeightMeter,
	) -> Result<bool, DispatchError> {
		let id = BookId {
			microgrid: net.microgrid,
			period,
		};
		let mut book = book::load::<T>(id).ok_or_else(|| corrupt(id, &"no book"))?;
		let mut result = Ok(true);
		while exchanging.done < net.of(exchanging.side) {
			if meter.try_consume(T::WeightInfo::exchange_order()).is_err() {
				result = Ok(false);
				break;
			}
			let (mut after, mut next) = (book, exchanging.clone());
			let traded = with_storage_layer(|| Self::exchange_best(id, &mut after, net, &mut next));
			if let Err(error) = traded {
				result = Err(error);
				break;
			}
			(book, *exchanging) = (after, next);
		}
		book::save::<T>(id, &book);
		result
	}

	/// Lets the best order of a side trade with links.
	pub(crate) fn exchange_best(
		id: BookId,
		book: &mut Book,
		net: &Net,
		exchanging: &mut Exchanging,
	) -> DispatchResult {
		let side = exchanging.side;
		let (place, resting) =
			book::best::<T>(id, book, side).ok_or_else(|| corrupt(id, &"a side is empty"))?;
		if !side.crosses(place.price, net.price) {
			return Err(corrupt(id, &"an order is beyond its limit"));
		}
		let open = net.of(side).saturating_sub(exchanging.done);
		let energy = resting.remaining.min(open);
		let left = resting.remaining.saturating_sub(energy);
		let trader = Trader {
			order: place.order,
			owner: resting.owner.clone(),
			meter: resting.meter,
			limit: place.price,
			left: Some(left),
		};
		let amount = Self::trade_with_links(id, book, side, (net.price, energy), trader)?;
		exchanging.pot = match side {
			Side::Bid => exchanging.pot.checked_add(amount),
			Side::Ask => exchanging.pot.checked_sub(amount),
		}
		.ok_or_else(|| corrupt(id, &"sellers get more than buyers paid"))?;
		exchanging.done = exchanging.done.saturating_add(energy);
		book::filled::<T>(id, book, side, (place, resting), left);
		Ok(())
	}

	/// Ends what is next of a coupling: a link, a community, or one of each.
	pub(crate) fn close_item(
		period: Period,
		candidate: &Candidate<T::AccountId>,
		exchanging: &mut Exchanging,
	) {
		let item = exchanging.closed as usize;
		exchanging.closed = exchanging.closed.saturating_add(1);
		if let (None, Some(carried)) = (exchanging.failed, candidate.carried.get(item)) {
			Self::pay_link(period, carried);
			exchanging.pot = exchanging.pot.saturating_sub(carried.earns);
		}
		let Some(net) = candidate.nets.get(item) else {
			return;
		};
		// What the book goes on with: the rest of its trades, or nothing.
		let mut left = exchanging.within.get(item).copied().unwrap_or_default();
		if exchanging.failed.is_some() {
			left = WattHours::ZERO;
			Self::return_imports(period, net, &mut exchanging.pot);
		}
		let id = BookId {
			microgrid: net.microgrid,
			period,
		};
		if Self::has_or_opens(id) {
			let key = (Be32::from(net.microgrid), Be32::from(period));
			Outcomes::<T>::insert(key, Execution::at(net.price, left));
		}
	}

	/// Whether there is a book. Where energy goes through a community in which nobody placed an order it is opened: what
	/// went over links is kept with it, and forgotten.
	fn has_or_opens(id: BookId) -> bool {
		if book::load::<T>(id).is_some() {
			return true;
		}
		let Some(terms) = T::Microgrids::terms(id.microgrid, id.period) else {
			return false;
		};
		book::save::<T>(id, &Book::new(&terms));
		schedule::<T>(id, &terms);
		true
	}

	/// All is traded with links: pays one, and notes what it carried.
	fn pay_link(period: Period, carried: &Carried<T::AccountId>) {
		T::Trades::pay_of_imports(&carried.operator, carried.earns);
		Self::deposit_event(Event::LinkCarried {
			link: carried.link,
			period,
			sent: carried.sent,
			received: carried.received,
			operator: carried.operator.clone(),
			earned: carried.earns,
		});
		let flow = Flow {
			from: carried.from,
			sent: carried.sent,
			received: carried.received,
		};
		if let Err(error) = links::add_flow::<T>(carried.link, carried.to, period, flow) {
			log::error!(target: super::LOG_TARGET, "{} of {period:?}: {error:?}", carried.link);
		}
	}

	/// A trade with links could not be made: what is in the pot goes to those who have to supply what was bought.
	fn return_imports(period: Period, net: &Net, pot: &mut Balance) {
		let amount = cost(net.price, net.import).min(*pot);
		let operator = T::Microgrids::operator(net.microgrid).filter(|_| amount > 0);
		let Some(operator) = operator else { return };
		*pot = pot.saturating_sub(amount);
		T::Trades::pay_of_imports(&operator, amount);
		Self::deposit_event(Event::ImportsReturned {
			microgrid: net.microgrid,
			period,
			operator,
			amount,
		});
	}
}
