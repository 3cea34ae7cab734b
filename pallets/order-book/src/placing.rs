//! Placing an order: checked, then locked for, then matched, then rested or ended. In a call auction nothing
//! is matched: the order rests.

use core::iter::Peekable;

use frame_support::{ensure, traits::Get};
use gridweave_primitives::{
	market::Side,
	meter::MeterInfo,
	microgrid::{Mechanism, Terms},
	traits::{Clearing, MeterInspect, MicrogridInspect, Quarantine, SettlementClock},
	units::ENERGY_BOUND,
	MeterId, OrderId,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	book, commitments,
	effort::Effort,
	matching::{plan, Fill, Incoming, Outcome, Plan, Stop},
	own_limits, service,
	trading::Trader,
	types::{Book, BookId, CancelReason, NewOrder, Place, Resting, TimeInForce},
	Config, Error, Event, NextOrderId, Pallet,
};

/// An order that has passed the checks of meter, terms and availability.
struct Admitted<'a, AccountId> {
	id: OrderId,
	owner: &'a AccountId,
	book: BookId,
	order: &'a NewOrder,
}

impl<T: Config> Pallet<T> {
	/// Places an order. Must run in a storage layer: an error may come after changes.
	pub(crate) fn do_place(
		owner: &T::AccountId,
		order: &NewOrder,
		effort: &mut Effort,
	) -> Result<OrderId, DispatchError> {
		let info = Self::trading_meter(owner, order.meter)?;
		let id = BookId {
			microgrid: info.microgrid,
			period: order.period,
		};
		let terms = Self::open_terms(id)?;
		check_rules::<T>(order, &terms)?;
		if order.side == Side::Bid {
			T::Clearing::may_buy(owner)?;
		}
		commitments::check::<T>(&info, order, || {
			effort.storage_checks = effort.storage_checks.saturating_add(1)
		})?;

		let stored = book::load::<T>(id);
		let is_new = stored.is_none();
		let mut book = stored.unwrap_or_else(|| Book::new(&terms));
		let other = order.side.opposite();
		let mut offers = book::walk::<T>(id, other, &book).peekable();
		let plan = if book.is_auction() {
			effort.own_limits = effort.own_limits.saturating_add(1);
			own_limits::check::<T>(id, owner, order.side, order.limit_price)?;
			Plan::of_none(order.energy)
		} else {
			Self::plan_fills(owner, order, &book, &mut offers, effort)?
		};
		if plan.met() > 0 {
			// Counted as soon as they are planned: a plan that comes to nothing was work as well.
			effort.fills = effort.fills.saturating_add(plan.met());
			effort.note_walk(book.removals_at(book::block::<T>()));
		}
		let outcome = plan.outcome(order.time_in_force);
		ensure!(outcome != Outcome::Kill, Error::<T>::NotFillable);

		T::Clearing::lock(
			owner,
			book.lock(order.side, order.limit_price, order.energy),
		)?;
		let admitted = Admitted {
			id: Self::next_order_id(),
			owner,
			book: id,
			order,
		};
		Self::deposit_event(Event::OrderPlaced {
			order_id: admitted.id,
			who: owner.clone(),
			microgrid: id.microgrid,
			order: *order,
		});
		if plan.met() > 0 {
			// Looked up before anything is deleted: the walk goes on behind what the plan consumed.
			let best = offers.peek().map(|(place, _)| *place);
			for fill in &plan.fills {
				Self::fill(&admitted, &mut book, fill)?;
			}
			for (place, resting) in &plan.barred {
				Self::release(
					id,
					&mut book,
					other,
					*place,
					resting,
					CancelReason::Quarantined,
				);
			}
			book::consume::<T>(id, &mut book, other, &plan, best);
		}
		Self::conclude(&admitted, &mut book, &plan, outcome)?;
		if plan.met() > 0 || outcome == Outcome::Rest {
			if is_new {
				service::schedule::<T>(id, &terms);
			}
			book::save::<T>(id, &book);
		}
		Ok(admitted.id)
	}

	/// The meter, if `owner` may trade for it.
	pub(crate) fn trading_meter(
		owner: &T::AccountId,
		meter: MeterId,
	) -> Result<MeterInfo<T::AccountId>, DispatchError> {
		let info = T::Meters::meter(meter).ok_or(Error::<T>::UnknownMeter)?;
		ensure!(info.owner == *owner, Error::<T>::NotMeterOwner);
		ensure!(info.may_trade(), Error::<T>::MeterMayNotTrade);
		ensure!(
			!T::Quarantine::is_quarantined(meter),
			Error::<T>::Quarantined
		);
		Ok(info)
	}

	/// The terms of a book that takes orders now.
	pub(crate) fn open_terms(id: BookId) -> Result<Terms, DispatchError> {
		let last = T::Clock::current().saturating_add(T::Horizon::get());
		ensure!(id.period <= last, Error::<T>::PeriodNotOpen);
		let terms =
			T::Microgrids::terms(id.microgrid, id.period).ok_or(Error::<T>::PeriodNotOpen)?;
		let gate = T::Microgrids::gate_closes_at(&T::Clock::clock(), &terms, id.period);
		ensure!(T::Clock::now() < gate, Error::<T>::GateClosed);
		Ok(terms)
	}

	/// What the order would trade within the bounds of this extrinsic and of the book in this block. An
	/// order that would trade, but not one fill is left for, is refused. Resting orders of meters that came
	/// under quarantine since they were placed do not trade.
	fn plan_fills(
		owner: &T::AccountId,
		order: &NewOrder,
		book: &Book,
		offers: &mut Peekable<impl Iterator<Item = (Place, Resting<T::AccountId>)>>,
		effort: &Effort,
	) -> Result<Plan<T::AccountId>, DispatchError> {
		let fills = effort.fills_left::<T>();
		let removals = T::MaxRemovals::get().saturating_sub(book.removals_at(book::block::<T>()));
		let incoming = Incoming {
			owner,
			side: order.side,
			limit: order.limit_price,
			energy: order.energy,
		};
		let plan = plan(
			&incoming,
			offers,
			fills.min(removals),
			T::Quarantine::is_quarantined,
		);
		if plan.met() == 0 && plan.stop == Stop::Limit {
			ensure!(removals > 0, Error::<T>::TooManyRemovals);
			return Err(Error::<T>::TooManyFills.into());
		}
		Ok(plan)
	}

	fn next_order_id() -> OrderId {
		NextOrderId::<T>::mutate(|next| {
			let id = *next;
			// 64 bits: not exhausted by a million orders a second in half a million years.
			next.0 = next.0.saturating_add(1);
			id
		})
	}

	/// Makes one fill at the resting order's price.
	fn fill(
		taker: &Admitted<T::AccountId>,
		book: &mut Book,
		fill: &Fill<T::AccountId>,
	) -> DispatchResult {
		let order = taker.order;
		let took = Trader {
			order: taker.id,
			owner: taker.owner.clone(),
			meter: order.meter,
			limit: order.limit_price,
			left: None,
		};
		let made = Trader {
			order: fill.place.order,
			owner: fill.owner.clone(),
			meter: fill.meter,
			limit: fill.place.price,
			left: Some(fill.left),
		};
		let (bid, ask) = match order.side {
			Side::Bid => (took, made),
			Side::Ask => (made, took),
		};
		Self::trade(taker.book, book, (fill.place.price, fill.energy), bid, ask)
	}

	/// Rests what is left of an order, or cancels it and releases its lock.
	fn conclude(
		taker: &Admitted<T::AccountId>,
		book: &mut Book,
		plan: &Plan<T::AccountId>,
		outcome: Outcome,
	) -> DispatchResult {
		let (id, order) = (taker.book, taker.order);
		match outcome {
			Outcome::Filled | Outcome::Kill => {}
			Outcome::Rest => {
				commitments::opened::<T>(id, book, order.side, order.meter, taker.id, plan.left)?;
				let place = Place {
					price: order.limit_price,
					order: taker.id,
				};
				let resting = Resting {
					owner: taker.owner.clone(),
					meter: order.meter,
					remaining: plan.left,
				};
				book::rest::<T>(id, book, order.side, place, &resting);
				if book.is_auction() {
					own_limits::opened::<T>(id, taker.owner, order.side, order.limit_price);
				}
			}
			Outcome::Cancel(reason) => {
				T::Clearing::unlock(
					taker.owner,
					book.lock(order.side, order.limit_price, plan.left),
				);
				Self::deposit_event(Event::OrderCancelled {
					order_id: taker.id,
					who: taker.owner.clone(),
					meter: order.meter,
					energy: plan.left,
					reason,
				});
			}
		}
		Ok(())
	}
}

/// Refuses an order that the terms of its period do not allow.
fn check_rules<T: Config>(order: &NewOrder, terms: &Terms) -> DispatchResult {
	let rules = &terms.rules;
	ensure!(
		order.energy >= rules.min_quantity,
		Error::<T>::BelowMinimumQuantity
	);
	ensure!(
		rules.mechanism == Mechanism::Continuous
			|| order.time_in_force == TimeInForce::GoodUntilGate,
		Error::<T>::TimeInForceNotAllowed
	);
	ensure!(order.energy.0 < ENERGY_BOUND, Error::<T>::EnergyOutOfBounds);
	ensure!(
		order.limit_price >= rules.price_floor,
		Error::<T>::PriceBelowFloor
	);
	ensure!(
		order.limit_price <= rules.price_cap,
		Error::<T>::PriceAboveCap
	);
	Ok(())
}
