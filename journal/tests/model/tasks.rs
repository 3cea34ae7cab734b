//! What the chain does by itself. When it does it is a matter of how much room a block has; what it then does is not:
//! the model is given the records and says whether they are right, and at the end of a block whether something is due
//! for too long.

use super::{standing::Turn, types::*, *};

/// Tasks may be late by this many seconds where blocks have room.
const PATIENCE: u64 = 30;

/// How far a block's settlement has come.
#[derive(Clone, Debug, Default)]
pub struct Phase {
	/// Claims had their turn.
	served: bool,
	/// Communities whose claims could be paid something of at first; `None`: not looked at yet.
	waiting: Option<BTreeSet<Grid>>,
	/// The community whose standing orders have their turn, and how many of them had.
	pub turn: Option<(Grid, u32)>,
}

/// How long auctions may wait for what couples them with others: half a period, and another until it is looked at.
const COUPLING_WINDOW: u64 = 12;

/// What was wrong: the record, and what it should have been.
#[derive(Debug)]
pub struct Mismatch {
	pub seen: Option<Box<Rec>>,
	pub expected: String,
}

fn wrong<T>(seen: &Rec, expected: impl Into<String>) -> Result<T, Mismatch> {
	Err(Mismatch {
		seen: Some(Box::new(seen.clone())),
		expected: expected.into(),
	})
}

/// Compares what was predicted with what comes next.
pub fn compare(
	predicted: &[Rec],
	seen: &mut std::collections::VecDeque<Rec>,
) -> Result<(), Mismatch> {
	for expected in predicted {
		match seen.pop_front() {
			Some(record) if record == *expected => {}
			seen => {
				return Err(Mismatch {
					seen: seen.map(Box::new),
					expected: format!("{expected:?}"),
				})
			}
		}
	}
	Ok(())
}

impl Model {
	/// What tasks did, in order.
	pub fn tasks(&mut self, records: Vec<Rec>) -> Result<(), Mismatch> {
		let mut records: std::collections::VecDeque<Rec> = records.into();
		while let Some(record) = records.front().cloned() {
			self.task(&record, &mut records)?;
		}
		Ok(())
	}

	fn task(
		&mut self,
		record: &Rec,
		records: &mut std::collections::VecDeque<Rec>,
	) -> Result<(), Mismatch> {
		match record {
			Rec::ArrearsGrew { .. }
			| Rec::ArrearsPaid { .. }
			| Rec::ClaimRecorded { .. }
			| Rec::ClaimPaid { .. }
			| Rec::Bill { .. }
			| Rec::Settled { .. } => self.settlement(record, records),
			Rec::Charged { who, amount } => {
				records.pop_front();
				self.charged(record, *who, *amount, records)
			}
			_ => {
				records.pop_front();
				self.single(record, records)
			}
		}
	}

	/// What stands for itself.
	fn single(
		&mut self,
		record: &Rec,
		records: &mut std::collections::VecDeque<Rec>,
	) -> Result<(), Mismatch> {
		match record {
			Rec::PeriodsOpened { grid, first, last } => {
				let (current, begins) = (self.current(), self.grid(*grid).until.is_none());
				let community = self.grid_mut(*grid);
				let expected = community.until.unwrap_or(current);
				if *first != expected || *last > current + HORIZON {
					return wrong(
						record,
						format!("opens from {expected}, to at most {}", current + HORIZON),
					);
				}
				let terms = community.terms;
				community
					.open
					.extend((*first..=*last).map(|period| (period, terms)));
				community.until = Some(last + 1);
				if begins {
					community.unsettled = *first;
				}
				Ok(())
			}
			Rec::PeriodsSkipped { grid, first, last } => {
				let oldest = self.expired_before();
				let until = self.grid(*grid).until;
				if until != Some(*first) || *last + 1 != oldest {
					return wrong(record, format!("skips from {until:?} to before {oldest}"));
				}
				self.grid_mut(*grid).until = Some(last + 1);
				Ok(())
			}
			Rec::PeriodsPruned { grid, last, .. } => {
				let (bound, given) = (self.expired_before(), self.given.is_some());
				let community = self.grid_mut(*grid);
				// Of those that are not settled only such go as never opened: they have no terms to keep.
				let unsettled = community.unsettled;
				let early =
					*last >= unsettled && community.open.range(unsettled..=*last).next().is_some();
				if *last >= bound || (!given && early) {
					return wrong(
						record,
						format!("keeps from {bound} or {} on", community.unsettled),
					);
				}
				community.open.retain(|period, _| period > last);
				let done =
					|book: &Book| book.closed || book.bids.is_empty() && book.asks.is_empty();
				self.books
					.retain(|(of, period), book| of != grid || period > last || !done(book));
				let links = &self.links;
				self.flows.retain(|(link, period), _| {
					links.get(link).is_some_and(|link| link.terms.to != *grid) || period > last
				});
				Ok(())
			}
			Rec::LinkRemoved { link } => {
				if !self.is_over(*link) {
					return wrong(record, "the link is still kept");
				}
				let link = self.links.remove(link).expect("it is over");
				self.release(link.operator, LINK_DEPOSIT);
				Ok(())
			}
			Rec::TotalsClosed { meter, .. } | Rec::MeterFreed { meter, .. } => {
				let info = match self.meters.get(meter) {
					Some(info) if info.retired => info.clone(),
					_ => return wrong(record, "the meter is in service"),
				};
				let latest = info.latest.map_or(0, |latest| latest.at);
				let last = self.clock.at(info.retired_at.unwrap_or(0).max(latest) - 1);
				if last >= self.kept_of(*meter, info.grid) {
					return wrong(record, format!("period {last} of it is still kept"));
				}
				let mut out = Vec::new();
				self.free_meter(*meter, &mut out);
				records.push_front(record.clone());
				compare(&out, records)
			}
			Rec::Cancelled {
				order,
				reason: Reason::GateClosed,
				..
			} => {
				let Some((grid, period, side)) = self.places.get(order).copied() else {
					return wrong(record, "no such order is open");
				};
				if self.open_terms(grid, period).is_ok() {
					return wrong(record, "the gate is open");
				}
				let book = &self.books[&(grid, period)];
				let auction = book.terms.auction;
				let left = match book.clearing {
					None if auction => {
						auction::clear(&book.bids, &book.asks).map_or(0, |(_, volume)| volume)
					}
					clearing => clearing.map_or(0, |(_, left)| left),
				};
				if left > 0 && !self.frozen(period) {
					return wrong(record, format!("the auction has {left} Wh to trade"));
				}
				let mut out = Vec::new();
				self.take_out((grid, period), side, *order, Reason::GateClosed, &mut out);
				records.push_front(record.clone());
				compare(&out, records)
			}
			Rec::AuctionCleared {
				grid,
				period,
				price,
				volume,
			} => {
				let id = (*grid, *period);
				let book = &self.books[&id];
				let terms = book.terms;
				let coupled = book.clearing.filter(|_| book.linked.is_some());
				let expected = coupled.or_else(|| auction::clear(&book.bids, &book.asks));
				if expected != Some((*price, *volume)) || self.now < self.gate(&terms, *period) {
					return wrong(record, format!("the auction comes to {expected:?}"));
				}
				self.books.get_mut(&id).expect("it is there").clearing = expected;
				Ok(())
			}
			Rec::Coupled {
				period,
				gain,
				nets,
				links,
			} => match self.couple(*period, *gain, nets, links) {
				Ok(()) => Ok(()),
				Err(why) => wrong(record, why),
			},
			Rec::CoupledFill {
				grid, period, side, ..
			} => match self.next_fill((*grid, *period), *side) {
				Some(expected) if expected == *record => Ok(()),
				expected => wrong(record, format!("{expected:?}")),
			},
			Rec::LinkCarried { .. } => match self.next_carried() {
				Some(expected) if expected == *record => Ok(()),
				expected => wrong(record, format!("{expected:?}")),
			},
			Rec::AuctionAbandoned { period, .. } if !self.frozen(*period) => {
				wrong(record, "the auction goes on")
			}
			Rec::AuctionAbandoned { grid, period, .. } => {
				self.books
					.get_mut(&(*grid, *period))
					.expect("it is there")
					.clearing = None;
				Ok(())
			}
			Rec::Trade {
				grid,
				period,
				taker: None,
				..
			} => match self.next_auction_trade((*grid, *period)) {
				Some(expected) if expected == *record => Ok(()),
				expected => wrong(record, format!("{expected:?}")),
			},
			Rec::MarketClosed {
				grid,
				period,
				market,
			} => {
				let Some(book) = self.books.get_mut(&(*grid, *period)) else {
					return wrong(record, "there is no such book");
				};
				if book.market != *market
					|| !book.bids.is_empty()
					|| !book.asks.is_empty()
					|| book.closed
				{
					return wrong(record, format!("{book:?}"));
				}
				book.closed = true;
				Ok(())
			}
			Rec::StandingSkipped {
				grid,
				period,
				orders,
			} => {
				let turns = self.turns();
				if !turns.contains(&Turn::Skip(*grid, *period, *orders)) {
					return wrong(record, format!("one of {turns:?}"));
				}
				self.restart(*grid, *period);
				Ok(())
			}
			Rec::StandingEnded {
				meter,
				side,
				reason,
				..
			} => {
				let turns = self.turns();
				let this = |turn: &&Turn| matches!(turn, Turn::Execute(_, _, no, of) if (no, of) == (meter, side));
				let Some(Turn::Execute(grid, ..)) = turns.iter().find(this) else {
					return wrong(record, format!("one of {turns:?}"));
				};
				let gone = self.stands_alone(*grid, *meter, *side);
				if gone != (*reason == Ended::MeterGone) {
					return wrong(record, format!("its meter is gone: {gone}"));
				}
				let out = self.end_in_turn(*grid, *meter, *side, *reason);
				records.push_front(record.clone());
				compare(&out, records)
			}
			Rec::StatementsPruned { grid, period } => {
				if self.now < self.clock.expires(*period) || *period >= self.grid(*grid).unsettled {
					return wrong(record, "it is kept");
				}
				Ok(())
			}
			_ => wrong(record, "the chain does not do this by itself"),
		}
	}

	/// A standing order was executed: its owner paid the most that it may weigh, and gets the rest back. It is the next
	/// one of some community's round.
	fn charged(
		&mut self,
		record: &Rec,
		who: Who,
		amount: Planck,
		records: &mut std::collections::VecDeque<Rec>,
	) -> Result<(), Mismatch> {
		let mut turns = self.turns();
		turns.retain(|turn| match turn {
			Turn::Execute(grid, _, meter, side) => {
				self.standing[&(*grid, *meter, *side)].owner == who
					&& !self.stands_alone(*grid, *meter, *side)
			}
			Turn::Skip(..) => false,
		});
		let account = self.accounts.get_mut(&who).expect("it pays");
		if *account < amount + EXISTENTIAL {
			return wrong(record, "it cannot pay");
		}
		*account -= amount;
		let mut result = wrong(record, "nothing is due of its standing orders");
		for turn in &turns {
			let Turn::Execute(grid, period, meter, side) = *turn else {
				continue;
			};
			let (mut model, mut left) = (self.clone(), records.clone());
			let expected = model.execute(grid, period, meter, side);
			result = compare(&expected, &mut left);
			let ends = matches!(left.front(), Some(Rec::GivenBack { who: to, .. }) if *to == who);
			if result.is_ok() && !ends {
				result = wrong(record, format!("nothing more than {expected:?}"));
			}
			if result.is_ok() {
				(*self, *records) = (model, left);
				break;
			}
		}
		result.map_err(|mismatch| Mismatch {
			expected: format!(
				"{}, one of {turns:?}; rounds {:?}, of it {:?}",
				mismatch.expected,
				self.rounds,
				self.standing
					.iter()
					.filter(|(_, one)| one.owner == who)
					.collect::<Vec<_>>(),
			),
			..mismatch
		})?;
		if let Some(Rec::GivenBack {
			who: to,
			amount: back,
		}) = records.front().cloned()
		{
			records.pop_front();
			if to != who || back > amount {
				return wrong(record, format!("{who:?} gets back at most what it paid"));
			}
			self.release(who, back);
		}
		Ok(())
	}

	/// Claims first, then bills.
	fn settlement(
		&mut self,
		record: &Rec,
		records: &mut std::collections::VecDeque<Rec>,
	) -> Result<(), Mismatch> {
		if !self.phase.served {
			self.begin_serving();
			if let Rec::ClaimPaid {
				grid,
				set_off: false,
				..
			} = record
			{
				if self.is_servable(*grid) {
					let mut out = Vec::new();
					self.serve(*grid, &mut out);
					if let Some(waiting) = &mut self.phase.waiting {
						waiting.remove(grid);
					}
					return compare(&out, records);
				}
			}
			self.end_serving()?;
		}
		if self.job.is_none() {
			let next = records.iter().find_map(|record| match record {
				Rec::Bill { grid, period, .. } | Rec::Settled { grid, period, .. } => {
					Some((*grid, *period))
				}
				_ => None,
			});
			let Some((grid, period)) = next else {
				return wrong(record, "nothing is settled");
			};
			self.pass_empty(grid, Some(period));
			self.begin_settling(grid, period);
		}
		let expected = self.settle_next();
		if expected.is_empty() {
			return wrong(record, "the period is settled");
		}
		compare(&expected, records)
	}

	/// Claims have their turn: debts are those of whoever operates the community now.
	fn begin_serving(&mut self) {
		if self.phase.waiting.is_none() {
			self.assign_debts();
			let grids = self
				.queues
				.keys()
				.copied()
				.filter(|grid| self.is_servable(*grid));
			self.phase.waiting = Some(grids.collect());
		}
	}

	/// All claims that could be paid something of were, but for those whose operator owes others as well.
	fn end_serving(&mut self) -> Result<(), Mismatch> {
		self.begin_serving();
		self.phase.served = true;
		let owes = |who: Who| {
			self.queues
				.values()
				.filter(|queue| queue.debtor == who)
				.count()
		};
		let waiting = self.phase.waiting.clone().unwrap_or_default();
		let mut left = waiting.into_iter().filter(|grid| self.is_servable(*grid));
		match left.find(|grid| owes(self.queues[grid].debtor) == 1) {
			None => Ok(()),
			Some(grid) => Err(Mismatch {
				seen: None,
				expected: format!("claims on {grid} are served: {:?}", self.queues[&grid]),
			}),
		}
	}

	/// Passes over periods in which nobody metered or traded anything.
	fn pass_empty(&mut self, grid: Grid, until: Option<Period>) {
		loop {
			let period = self.grid(grid).unsettled;
			let started = self.grid(grid).until.is_some();
			if !started || !self.frozen(period) || until.is_some_and(|until| period >= until) {
				return;
			}
			let traded = self
				.positions
				.range((grid, period, 0)..=(grid, period, MeterNo::MAX))
				.next();
			if traded.is_some() || self.is_metered(grid, period) {
				return;
			}
			self.grid_mut(grid).unsettled = period + 1;
		}
	}

	/// Tasks at the begin of a block are done; or there was no `room` for any, as in a block that ends a session.
	pub fn end_of_poll(&mut self, room: bool) -> Result<(), Mismatch> {
		if !room {
			return Ok(());
		}
		self.end_turn();
		if !self.phase.served {
			self.end_serving()?;
		}
		// Without readings, what is settled is known when it is.
		for grid in 0..self.grids.len() as Grid {
			if self.given.is_some() {
				break;
			}
			if self.job.as_ref().is_none_or(|job| job.grid != grid) {
				self.pass_empty(grid, None);
			}
		}
		Ok(())
	}

	/// Nothing is due for too long.
	pub fn check_due(&mut self) -> Result<(), String> {
		let late = self.now.saturating_sub(PATIENCE);
		for ((grid, period), book) in &self.books {
			// Auctions may wait for what couples them with others.
			let wait = if book.terms.auction {
				COUPLING_WINDOW
			} else {
				0
			};
			if !book.closed && late >= self.gate(&book.terms, *period) + wait {
				return Err(format!(
					"the book of {grid}/{period} is still open: {book:?}"
				));
			}
		}
		for (grid, community) in self.grids.iter().enumerate() {
			let Some(until) = community.until else {
				continue;
			};
			if until + 1 < self.clock.at(late) + HORIZON {
				return Err(format!("{grid} has opened its periods before {until} only"));
			}
			if late >= self.clock.freezes(community.unsettled) {
				return Err(format!("{grid}/{} is not settled", community.unsettled));
			}
			let oldest = community.open.keys().next().copied().unwrap_or(until);
			if late >= self.clock.expires(oldest) && oldest < community.unsettled {
				return Err(format!("{grid}/{oldest} is not pruned"));
			}
		}
		for turn in self.turns() {
			let (Turn::Execute(grid, ..) | Turn::Skip(grid, ..)) = turn;
			if self.rounds[&grid].due < late {
				return Err(format!("standing orders are late: {turn:?}"));
			}
		}
		for (no, meter) in &self.meters {
			let Some(at) = meter.retired_at else { continue };
			let last = self
				.clock
				.at(at.max(meter.latest.map_or(0, |latest| latest.at)) - 1);
			if late >= self.clock.expires(last) + self.clock.length {
				return Err(format!("meter {no}, retired at {at}, is not freed"));
			}
		}
		Ok(())
	}
}
