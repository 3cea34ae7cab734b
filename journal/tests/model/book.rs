//! Orders: placed, matched, cancelled, reduced, replaced; and what a meter can stand for.

use super::{
	quote::{plan, Plan, Stop, Taker, Venue},
	types::*,
	*,
};

impl Model {
	/// The worst that energy at a limit can cost who places the order.
	pub fn worst(terms: &Terms, side: Side, limit: Price, energy: Wh) -> Planck {
		match side {
			Side::Bid => cost(limit, energy) + cost(terms.fee, energy),
			Side::Ask => {
				let owed = cost(terms.retail, energy) + cost(terms.fee, energy);
				owed.saturating_sub(cost(limit, energy))
			}
		}
	}

	/// When the gate of a period closes.
	pub fn gate(&self, terms: &Terms, period: Period) -> u64 {
		self.clock.start(period.saturating_sub(terms.gate_closure))
	}

	/// The terms of a period that takes orders.
	pub fn open_terms(&self, grid: Grid, period: Period) -> Outcome<Terms> {
		if period > self.current() + HORIZON {
			return Err("PeriodNotOpen");
		}
		let terms = *self.grid(grid).open.get(&period).ok_or("PeriodNotOpen")?;
		if self.now >= self.gate(&terms, period) {
			return Err("GateClosed");
		}
		Ok(terms)
	}

	/// The meter's community, if this account may trade for it.
	pub fn tradable(&self, who: Who, meter: MeterNo) -> Outcome<Grid> {
		let meter = self.meters.get(&meter).ok_or("UnknownMeter")?;
		if meter.owner != who {
			return Err("NotMeterOwner");
		}
		match meter.may_trade() {
			true => Ok(meter.grid),
			false => Err("MeterMayNotTrade"),
		}
	}

	/// Places an order; `fills` counts those of the whole call, `most` may be made. `calm`: books over links that
	/// more orders have left in this block are left alone.
	pub fn place(
		&mut self,
		who: Who,
		order: &NewOrder,
		fills: &mut u32,
		most: u32,
		calm: Option<u32>,
		out: &mut Vec<Rec>,
	) -> Outcome {
		let grid = self.tradable(who, order.meter)?;
		let id = (grid, order.period);
		let terms = self.open_terms(grid, order.period)?;
		for (bad, error) in [
			(order.energy < terms.least, "BelowMinimumQuantity"),
			(
				terms.auction && order.force != Force::Gate,
				"TimeInForceNotAllowed",
			),
			(order.energy >= 1 << 32, "EnergyOutOfBounds"),
			(order.limit < terms.floor, "PriceBelowFloor"),
			(order.limit > terms.cap, "PriceAboveCap"),
		] {
			if bad {
				return Err(error);
			}
		}
		if order.side == Side::Bid && self.owing(who) > 0 {
			return Err("ArrearsBlockBids");
		}
		self.can_stand_for(order)?;
		if terms.auction {
			self.crosses_own(id, who, order)?;
		}
		let venues = match terms.auction {
			true => Vec::new(),
			false => self.venues(id, order.side, calm),
		};
		let own_room = venues.first().map_or(MAX_REMOVALS, |venue| venue.room);
		let taker = Taker {
			owner: who,
			side: order.side,
			limit: order.limit,
			energy: order.energy,
		};
		let left = most.saturating_sub(*fills);
		let plan = plan(&taker, venues.clone(), left);
		*fills += plan.met;
		if plan.fills.is_empty() && plan.stop == Stop::Limit {
			return Err(match own_room {
				0 => "TooManyRemovals",
				_ => "TooManyFills",
			});
		}
		if order.force == Force::FillOrKill && plan.stop != Stop::Filled {
			return Err("NotFillable");
		}
		let rests = plan.stop == Stop::NoMatch && order.force == Force::Gate;
		// Looked at last by the chain, which then undoes the rest.
		let too_many = rests
			&& self
				.open_orders
				.get(&order.meter)
				.is_some_and(|o| o.len() >= MAX_ORDERS);
		let lock = Self::worst(&terms, order.side, order.limit, order.energy);
		if too_many {
			self.clone().lock(who, lock, &mut Vec::new())?;
			return Err("TooManyOrders");
		}
		self.lock(who, lock, out)?;
		let no = self.next_order;
		self.next_order += 1;
		let standing = calm.is_some();
		out.push(Rec::Placed {
			order: no,
			who,
			grid,
			what: *order,
			standing,
		});
		if !plan.fills.is_empty() || rests {
			self.books.entry(id).or_insert_with(|| Book::new(terms));
		}
		self.fill(id, who, order, no, &plan, &venues, out);
		if plan.left == 0 {
			return Ok(());
		}
		if rests {
			self.rest(id, who, order, no, plan.left, terms.auction);
			return Ok(());
		}
		self.unlock(who, Self::worst(&terms, order.side, order.limit, plan.left));
		let reason = match plan.stop {
			Stop::SelfTrade => Reason::SelfTrade,
			Stop::Limit => Reason::FillLimit,
			_ => Reason::Immediate,
		};
		out.push(Rec::Cancelled {
			order: no,
			who,
			meter: order.meter,
			energy: plan.left,
			reason,
		});
		Ok(())
	}

	/// Puts what is left of an order into its book: behind all that are as good.
	fn rest(
		&mut self,
		id: (Grid, Period),
		who: Who,
		order: &NewOrder,
		no: OrderNo,
		left: Wh,
		auction: bool,
	) {
		let book = self.books.get_mut(&id).expect("opened");
		let resting = Order {
			no,
			owner: who,
			meter: order.meter,
			limit: order.limit,
			left,
		};
		let (side, limit) = (order.side, order.limit);
		let orders = book.side_mut(side);
		let better = |other: &Order| match side {
			Side::Bid => other.limit >= limit,
			Side::Ask => other.limit <= limit,
		};
		let at = orders.iter().take_while(|other| better(other)).count();
		orders.insert(at, resting);
		if auction {
			let own = book.limits.entry((who, side)).or_insert((0, limit));
			let better = match side {
				Side::Bid => limit > own.1,
				Side::Ask => limit < own.1,
			};
			*own = (own.0 + 1, if better { limit } else { own.1 });
		}
		self.places.insert(no, (id.0, id.1, side));
		self.open_orders.entry(order.meter).or_default().insert(no);
	}

	/// Nobody trades with themselves: in an auction an order that could is refused.
	fn crosses_own(&self, id: (Grid, Period), who: Who, order: &NewOrder) -> Outcome {
		let own = self
			.books
			.get(&id)
			.and_then(|book| book.limits.get(&(who, order.side.other())));
		let crosses = own.is_some_and(|(_, best)| match order.side {
			Side::Bid => order.limit >= *best,
			Side::Ask => order.limit <= *best,
		});
		match crosses {
			true => Err("CrossesOwnOrder"),
			false => Ok(()),
		}
	}

	/// How many orders have left a book in this block.
	pub fn removals(&self, id: (Grid, Period)) -> u32 {
		let counted = self.books.get(&id).map_or((0, 0), |book| book.removals);
		if counted.0 == self.block {
			counted.1
		} else {
			0
		}
	}

	pub fn count_removal(&mut self, id: (Grid, Period)) {
		let (block, before) = (self.block, self.removals(id));
		self.books.get_mut(&id).expect("it was there").removals = (block, before + 1);
	}

	/// The books that an order of a side meets others in: its own, and those over links, the oldest link first.
	fn venues(&self, id: (Grid, Period), side: Side, calm: Option<u32>) -> Vec<Venue> {
		let orders = |id| match self.books.get(&id) {
			Some(book) => book.side(side.other()).clone(),
			None => Vec::new(),
		};
		let mut venues = vec![Venue {
			grid: id.0,
			link: None,
			orders: orders(id),
			room: MAX_REMOVALS.saturating_sub(self.removals(id)),
			passed: 0,
		}];
		for (no, link) in &self.links {
			let LinkStage::Open { first, until } = link.stage else {
				continue;
			};
			if id.1 < first || until.is_some_and(|until| id.1 >= until) {
				continue;
			}
			let (here, there) = match side {
				Side::Bid => (link.terms.to, link.terms.from),
				Side::Ask => (link.terms.from, link.terms.to),
			};
			let sent = self.flows.get(&(*no, id.1)).map_or(0, |flow| flow.0);
			let other = (there, id.1);
			let open = self
				.open_terms(there, id.1)
				.is_ok_and(|terms| !terms.auction);
			if here != id.0
				|| !open || sent >= link.terms.capacity
				|| orders(other).is_empty()
				|| calm.is_some_and(|most| self.removals(other) > most)
			{
				continue;
			}
			venues.push(Venue {
				grid: there,
				link: Some((*no, link.terms, link.terms.capacity - sent)),
				orders: orders(other),
				room: MAX_REMOVALS.saturating_sub(self.removals(other)),
				passed: 0,
			});
		}
		venues
	}

	/// Makes the trades of a plan.
	#[allow(clippy::too_many_arguments)]
	fn fill(
		&mut self,
		id: (Grid, Period),
		who: Who,
		order: &NewOrder,
		no: OrderNo,
		plan: &Plan,
		venues: &[Venue],
		out: &mut Vec<Rec>,
	) {
		for fill in &plan.fills {
			let venue = &venues[fill.venue];
			let there = (venue.grid, id.1);
			let took = Order {
				no,
				owner: who,
				meter: order.meter,
				limit: order.limit,
				left: 0,
			};
			let made = fill.order.clone();
			let (bid, ask, to, from) = match order.side {
				Side::Bid => (took, made, id, there),
				Side::Ask => (made, took, there, id),
			};
			let quote = &fill.quote;
			match venue.link {
				None => out.push(Rec::Trade {
					grid: id.0,
					period: id.1,
					price: fill.order.limit,
					energy: quote.sent,
					taker: Some(order.side),
					bid: bid.no,
					buyer: bid.owner,
					buyer_meter: bid.meter,
					ask: ask.no,
					seller: ask.owner,
					seller_meter: ask.meter,
				}),
				Some((link, ..)) => out.push(Rec::TradeOverLink {
					link,
					period: id.1,
					price: fill.order.limit,
					sent: quote.sent,
					received: quote.received,
					value: quote.value,
					wheeling: quote.wheeling,
					taker: order.side,
					bid: bid.no,
					buyer: bid.owner,
					buyer_meter: bid.meter,
					to: to.0,
					ask: ask.no,
					seller: ask.owner,
					seller_meter: ask.meter,
					from: from.0,
				}),
			}
			let (bought, sold) = ((to.0, &bid), (from.0, &ask));
			let link = venue.link.map(|(link, ..)| link);
			self.book_trade(id.1, link, quote, bought, sold);
			let energy = match order.side {
				Side::Bid => quote.sent,
				Side::Ask => quote.received,
			};
			let market = &mut self.books.get_mut(&there).expect("it has orders").market;
			market.volume += energy;
			market.value += cost(fill.order.limit, energy);
			market.last = Some(fill.order.limit);
			market.trades += 1;
			let side = order.side.other();
			let orders = self
				.books
				.get_mut(&there)
				.expect("it has orders")
				.side_mut(side);
			let at = orders
				.iter()
				.position(|other| other.no == fill.order.no)
				.expect("it rests");
			orders[at].left = fill.left;
			if fill.gone {
				if fill.left > 0 {
					self.take_out(there, side, fill.order.no, Reason::LinkRemainder, out);
				} else {
					self.forget(there, side, fill.order.no);
				}
				self.count_removal(there);
			}
		}
	}

	/// Takes an order off its book.
	pub fn forget(&mut self, id: (Grid, Period), side: Side, no: OrderNo) -> Order {
		let book = self.books.get_mut(&id).expect("an open order has a book");
		let orders = book.side_mut(side);
		let at = orders
			.iter()
			.position(|order| order.no == no)
			.expect("it rests");
		let order = orders.remove(at);
		if let Some(own) = book.limits.get_mut(&(order.owner, side)) {
			own.0 -= 1;
			if own.0 == 0 {
				book.limits.remove(&(order.owner, side));
			}
		}
		self.places.remove(&no);
		if let Some(open) = self.open_orders.get_mut(&order.meter) {
			open.remove(&no);
		}
		order
	}

	/// Cancels an order: what it locks is free.
	pub fn take_out(
		&mut self,
		id: (Grid, Period),
		side: Side,
		no: OrderNo,
		reason: Reason,
		out: &mut Vec<Rec>,
	) {
		let order = self.forget(id, side, no);
		let terms = self.books[&id].terms;
		self.unlock(
			order.owner,
			Self::worst(&terms, side, order.limit, order.left),
		);
		out.push(Rec::Cancelled {
			order: no,
			who: order.owner,
			meter: order.meter,
			energy: order.left,
			reason,
		});
	}

	fn own_order(&self, who: Who, no: OrderNo) -> Outcome<(Grid, Period, Side, Order)> {
		let (grid, period, side) = *self.places.get(&no).ok_or("OrderNotFound")?;
		let orders = self.books[&(grid, period)].side(side);
		let order = orders
			.iter()
			.find(|order| order.no == no)
			.expect("it rests")
			.clone();
		match order.owner == who {
			true => Ok((grid, period, side, order)),
			false => Err("NotOrderOwner"),
		}
	}

	pub fn cancel(
		&mut self,
		who: Who,
		no: OrderNo,
		reason: Reason,
		out: &mut Vec<Rec>,
	) -> Outcome<(Grid, Period, Side, Order)> {
		let (grid, period, side, order) = self.own_order(who, no)?;
		let id = (grid, period);
		// The gate of a continuous book may be closed, that of an auction not.
		if self.books[&id].terms.auction {
			self.open_terms(grid, period)?;
		}
		let orders = self.books[&id].side(side);
		if orders[0].no == no && orders.len() > 1 && self.removals(id) >= MAX_REMOVALS {
			return Err("TooManyRemovals");
		}
		self.take_out(id, side, no, reason, out);
		self.count_removal(id);
		Ok((grid, period, side, order))
	}

	pub fn reduce(&mut self, who: Who, no: OrderNo, energy: Wh, out: &mut Vec<Rec>) -> Outcome {
		let (grid, period, side, order) = self.own_order(who, no)?;
		let terms = self.open_terms(grid, period)?;
		if energy < terms.least {
			return Err("BelowMinimumQuantity");
		}
		if energy >= order.left {
			return Err("NotReduced");
		}
		let orders = self
			.books
			.get_mut(&(grid, period))
			.expect("it rests")
			.side_mut(side);
		let resting = orders
			.iter_mut()
			.find(|other| other.no == no)
			.expect("it rests");
		resting.left = energy;
		self.unlock(
			who,
			Self::worst(&terms, side, order.limit, order.left - energy),
		);
		out.push(Rec::Reduced {
			order: no,
			who,
			meter: order.meter,
			left: energy,
		});
		Ok(())
	}

	pub fn replace(
		&mut self,
		who: Who,
		no: OrderNo,
		energy: Wh,
		limit: Price,
		out: &mut Vec<Rec>,
	) -> Outcome {
		let before = self.clone();
		let (_, period, side, order) = self.cancel(who, no, Reason::Replaced, out)?;
		let new = NewOrder {
			meter: order.meter,
			side,
			period,
			energy,
			limit,
			force: Force::Gate,
		};
		let placed = self.place(who, &new, &mut 0, MAX_FILLS, None, out);
		if placed.is_err() {
			// Either both happen, or neither.
			*self = before;
			out.clear();
		}
		placed
	}

	/// Open orders and trades of a meter in a period, of a side.
	fn committed(&self, grid: Grid, period: Period, meter: MeterNo, side: Side) -> (Wh, Wh) {
		let open = match (
			self.open_orders.get(&meter),
			self.books.get(&(grid, period)),
		) {
			(Some(open), Some(book)) if !open.is_empty() => {
				let orders = book.side(side).iter().filter(|order| order.meter == meter);
				orders.map(|order| order.left).sum()
			}
			_ => 0,
		};
		let traded = self
			.positions
			.get(&(grid, period, meter))
			.map_or(0, |position| match side {
				Side::Bid => position.contracts.bought,
				Side::Ask => position.contracts.sold,
			});
		(open, traded)
	}

	/// Energy of a power over a period.
	pub fn rated(&self, meter: MeterNo, side: Side) -> Wh {
		let ratings = self.meters[&meter].ratings;
		let power = match side {
			Side::Bid => ratings.import,
			Side::Ask => ratings.export,
		};
		(u128::from(power) * u128::from(self.clock.length) / 3_600) as Wh
	}

	/// Whether a meter can stand for an order besides what else it has promised.
	fn can_stand_for(&self, order: &NewOrder) -> Outcome {
		let meter = &self.meters[&order.meter];
		let (open, traded) = self.committed(meter.grid, order.period, order.meter, order.side);
		if open + traded + order.energy > self.rated(order.meter, order.side) {
			return Err(match order.side {
				Side::Ask => "ExceedsExportRating",
				Side::Bid => "ExceedsImportRating",
			});
		}
		// Where its readings are not known, neither is its charge.
		if self.given.is_some() {
			return Ok(());
		}
		let Kind::Storage(capacity) = meter.kind else {
			return Ok(());
		};
		let unknown = match order.side {
			Side::Ask => 0,
			Side::Bid => capacity,
		};
		let charge = meter.charge().unwrap_or(unknown).min(capacity);
		let mut level = i128::from(charge);
		let now = self.current();
		for period in now..=now + HORIZON {
			let (asked, sold) = self.committed(meter.grid, period, order.meter, Side::Ask);
			let (bid, bought) = self.committed(meter.grid, period, order.meter, Side::Bid);
			let new = if period == order.period {
				order.energy
			} else {
				0
			};
			let (up, down) = match order.side {
				// All asks fill and no bid; what was bought for the period under way may not have come yet.
				Side::Ask => (if period == now { 0 } else { bought }, sold + asked + new),
				Side::Bid => (bought + bid + new, if period == now { 0 } else { sold }),
			};
			level += i128::from(up) - i128::from(down);
			if period < order.period {
				continue;
			}
			if order.side == Side::Ask && level < 0 {
				return Err("ExceedsStateOfCharge");
			}
			if order.side == Side::Bid && level > i128::from(capacity) {
				return Err("ExceedsCapacity");
			}
		}
		Ok(())
	}
}
