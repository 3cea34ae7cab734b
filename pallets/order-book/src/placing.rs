//! Placing an order: checked, then locked for, then matched, in its own book and over links, then rested or
//! ended. In a call auction nothing is matched: the order rests.

use alloc::vec::Vec;

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
	links::Linked,
	matching::{plan, Fill, Incoming, Outcome, Plan, Stop, Venue, OWN},
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

impl<AccountId: Clone> Admitted<'_, AccountId> {
	/// As one side of a trade.
	fn trader(&self) -> Trader<AccountId> {
		Trader {
			order: self.id,
			owner: self.owner.clone(),
			meter: self.order.meter,
			limit: self.order.limit_price,
			left: None,
		}
	}
}

impl<AccountId: Clone> Fill<AccountId> {
	/// The resting order as one side of the trade.
	fn trader(&self) -> Trader<AccountId> {
		Trader {
			order: self.place.order,
			owner: self.owner.clone(),
			meter: self.meter,
			limit: self.place.price,
			left: Some(self.left),
		}
	}
}

/// The book over a link that is a venue of a plan; `None` for the order's own.
fn over<AccountId>(
	linked: &mut [Linked<AccountId>],
	venue: usize,
) -> Option<&mut Linked<AccountId>> {
	linked.get_mut(venue.checked_sub(1)?)
}

/// The book that is a venue of a plan.
fn venue_book<'a, AccountId>(
	id: BookId,
	book: &'a mut Book,
	linked: &'a mut [Linked<AccountId>],
	venue: usize,
) -> (BookId, &'a mut Book) {
	match over(linked, venue) {
		None => (id, book),
		Some(over) => (over.id, &mut over.book),
	}
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
			T::Clearing::may_buy(owner, order.meter)?;
		}
		commitments::check::<T>(&info, order, || {
			effort.storage_checks = effort.storage_checks.saturating_add(1)
		})?;

		let stored = book::load::<T>(id);
		let is_new = stored.is_none();
		let mut book = stored.unwrap_or_else(|| Book::new(&terms));
		let (mut linked, mut venues) = (Vec::new(), Vec::new());
		let plan = if book.is_auction() {
			effort.own_limits = effort.own_limits.saturating_add(1);
			own_limits::check::<T>(id, owner, order.side, order.limit_price)?;
			Plan::of_none(order.energy)
		} else {
			linked = Self::linked_books(id, order.side, effort);
			venues = Self::venues(id, order.side, &book, &linked);
			Self::plan_fills(owner, order, &book, &mut venues, effort)?
		};
		let outcome = plan.outcome(order.time_in_force);
		ensure!(outcome != Outcome::Kill, Error::<T>::NotFillable);

		T::Clearing::lock(
			owner,
			order.meter,
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
			standing: effort.standing,
		});
		// Looked up before anything is deleted: walks go on behind what the plan consumed.
		let taken: Vec<_> = (0..)
			.zip(&mut venues)
			.filter(|(venue, _)| plan.takes_of(*venue))
			.map(|(venue, offers)| (venue, offers.best()))
			.collect();
		Self::carry_out(&admitted, &mut book, &mut linked, &plan, taken)?;
		Self::conclude(&admitted, &mut book, &plan, outcome)?;
		if plan.takes() || outcome == Outcome::Rest {
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

	/// Where an order of a side, placed in book `id`, finds others: the book itself, and those over links.
	fn venues(
		id: BookId,
		side: Side,
		book: &Book,
		linked: &[Linked<T::AccountId>],
	) -> Vec<Venue<impl Iterator<Item = (Place, Resting<T::AccountId>)>>> {
		let now = book::block::<T>();
		let venue = |line, id, book: &Book| {
			let offers = book::walk::<T>(id, side.opposite(), book);
			Venue::new(line, offers, book.removals_at(now), T::MaxRemovals::get())
		};
		let own = core::iter::once(venue(None, id, book));
		let over = linked
			.iter()
			.map(|over| venue(Some(over.line), over.id, &over.book));
		own.chain(over).collect()
	}

	/// What the order would trade within the bounds of this extrinsic and of the books in this block. An
	/// order that would trade, but not one fill is left for, is refused. Resting orders of meters that came
	/// under quarantine since they were placed do not trade.
	fn plan_fills(
		owner: &T::AccountId,
		order: &NewOrder,
		book: &Book,
		venues: &mut [Venue<impl Iterator<Item = (Place, Resting<T::AccountId>)>>],
		effort: &mut Effort,
	) -> Result<Plan<T::AccountId>, DispatchError> {
		let fills = effort.fills_left::<T>();
		let incoming = Incoming {
			owner,
			side: order.side,
			limit: order.limit_price,
			energy: order.energy,
		};
		let plan = plan(&incoming, venues, fills, T::Quarantine::is_quarantined);
		effort.note_plan(&plan);
		venues
			.iter()
			.filter_map(Venue::stepped_over)
			.for_each(|deleted| effort.note_walk(deleted));
		if !plan.takes() && plan.stop == Stop::Limit {
			let removals = book.removals_at(book::block::<T>());
			ensure!(
				removals < T::MaxRemovals::get(),
				Error::<T>::TooManyRemovals
			);
			return Err(Error::<T>::TooManyFills.into());
		}
		Ok(plan)
	}

	/// Does what the plan of an order says. `taken` are the venues that it takes orders of, with the best one
	/// there afterwards.
	fn carry_out(
		taker: &Admitted<T::AccountId>,
		book: &mut Book,
		linked: &mut [Linked<T::AccountId>],
		plan: &Plan<T::AccountId>,
		taken: Vec<(usize, Option<Place>)>,
	) -> DispatchResult {
		let other = taker.order.side.opposite();
		for fill in &plan.fills {
			match over(linked, fill.venue) {
				None => Self::fill(taker, book, fill)?,
				Some(over) => Self::fill_over_link(taker, book, over, fill)?,
			}
		}
		for (venue, place, resting) in &plan.barred {
			let (id, book) = venue_book(taker.book, book, linked, *venue);
			let reason = CancelReason::Quarantined;
			Self::release(id, book, other, *place, resting, reason);
		}
		for (venue, best) in taken {
			let (id, changed) = venue_book(taker.book, book, linked, venue);
			book::consume::<T>(id, changed, other, (plan, venue), best);
			if venue != OWN {
				book::save::<T>(id, changed);
			}
		}
		Ok(())
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
		let (took, made) = (taker.trader(), fill.trader());
		let (bid, ask) = match taker.order.side {
			Side::Bid => (took, made),
			Side::Ask => (made, took),
		};
		let terms = (fill.place.price, fill.quote.received);
		Self::trade(taker.book, book, terms, bid, ask)
	}

	/// Makes one fill over a link at the resting order's price, and cancels what is left of that order if it is
	/// too little to go over the link.
	fn fill_over_link(
		taker: &Admitted<T::AccountId>,
		own: &mut Book,
		over: &mut Linked<T::AccountId>,
		fill: &Fill<T::AccountId>,
	) -> DispatchResult {
		let took = (taker.book, own, taker.trader());
		let made = (over.id, &mut over.book, fill.trader());
		let (bid, ask) = match taker.order.side {
			Side::Bid => (took, made),
			Side::Ask => (made, took),
		};
		Self::trade_over_link(&over.link, fill.place.price, &fill.quote, bid, ask)?;
		if fill.ends && !fill.left.is_zero() {
			let rest = Resting {
				owner: fill.owner.clone(),
				meter: fill.meter,
				remaining: fill.left,
			};
			let (side, reason) = (taker.order.side.opposite(), CancelReason::LinkRemainder);
			Self::release(over.id, &mut over.book, side, fill.place, &rest, reason);
		}
		Ok(())
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
				let side = (id, order.side);
				commitments::opened::<T>(order.meter, book, side, taker.id, plan.left)?;
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
					order.meter,
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
