//! Standing orders: executed once for every period that opens, in the order of meters, bids first.

use super::{types::*, *};

/// What a round comes to next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
	Execute(Grid, Period, MeterNo, Side),
	/// The gate is closed already: so many are passed over.
	Skip(Grid, Period, u32),
}

impl Model {
	pub fn set_standing(
		&mut self,
		who: Who,
		meter: MeterNo,
		side: Side,
		limit: Price,
		quantity: Quantity,
		out: &mut Vec<Rec>,
	) -> Outcome {
		let grid = self.tradable(who, meter)?;
		if limit == 0 || limit >= 1 << 40 {
			return Err("LimitPriceOutOfBounds");
		}
		match quantity {
			Quantity::Fixed(energy) if energy > self.rated(meter, side) => {
				return Err(match side {
					Side::Ask => "ExceedsExportRating",
					Side::Bid => "ExceedsImportRating",
				})
			}
			Quantity::Fixed(0) | Quantity::Above { most: Some(0), .. } => {
				return Err("NothingToTrade")
			}
			_ => {}
		}
		let key = (grid, meter, side);
		let stored = self.standing.get(&key).cloned();
		if stored.as_ref().is_none_or(|standing| standing.owner != who) {
			let deposit = self.standing_deposit;
			if self.accounts.get(&who).copied().unwrap_or(0) < deposit + EXISTENTIAL {
				return Err("FundsUnavailable");
			}
			if stored.is_some() {
				self.end_standing(key, Ended::MeterGone, out);
			}
			self.hold(who, deposit, "FundsUnavailable")?;
		}
		self.standing.insert(
			key,
			Standing {
				owner: who,
				limit,
				quantity,
				refused: None,
			},
		);
		if stored.is_none() && !self.rounds.contains_key(&grid) {
			let period = self.current() + HORIZON + 1;
			let round = Round {
				period,
				after: None,
				due: self.opens(period),
				turns: 0,
			};
			self.rounds.insert(grid, round);
		}
		out.push(Rec::StandingSet {
			who,
			meter,
			side,
			limit,
			quantity,
		});
		Ok(())
	}

	pub fn cancel_standing(
		&mut self,
		who: Who,
		meter: MeterNo,
		side: Side,
		out: &mut Vec<Rec>,
	) -> Outcome {
		let grid = self.meters.get(&meter).ok_or("UnknownMeter")?.grid;
		let key = (grid, meter, side);
		let standing = self.standing.get(&key).ok_or("NoStandingOrder")?;
		if standing.owner != who {
			return Err("NotOrderOwner");
		}
		self.end_standing(key, Ended::Cancelled, out);
		Ok(())
	}

	fn end_standing(&mut self, key: (Grid, MeterNo, Side), reason: Ended, out: &mut Vec<Rec>) {
		let standing = self.standing.remove(&key).expect("it stands");
		self.release(standing.owner, self.standing_deposit);
		out.push(Rec::StandingEnded {
			who: standing.owner,
			meter: key.1,
			side: key.2,
			reason,
		});
	}

	/// When a period opens: not in this block any more.
	fn opens(&self, period: Period) -> u64 {
		self.clock.start(period - HORIZON).max(self.now + 1)
	}

	/// The standing orders of a community, in order.
	fn of_grid(&self, grid: Grid) -> impl Iterator<Item = (MeterNo, Side)> + '_ {
		let all = self
			.standing
			.range((grid, 0, Side::Bid)..=(grid, MeterNo::MAX, Side::Ask));
		all.map(|((_, meter, side), _)| (*meter, *side))
	}

	/// Those that have not had their turn in its round.
	fn waiting(&self, grid: Grid, round: &Round) -> Vec<(MeterNo, Side)> {
		let left = |key: &(MeterNo, Side)| round.after.is_none_or(|after| *key > after);
		self.of_grid(grid).filter(left).collect()
	}

	/// What is due next of each community's round. One whose turn it is goes on, as far as there is room; after that who
	/// was due first has its turn first, and then who had fewer.
	pub fn turns(&mut self) -> Vec<Turn> {
		let on = self.phase.turn.map(|(grid, _)| grid);
		let due = self
			.rounds
			.iter()
			.filter(|(_, round)| round.due <= self.now);
		let mut grids: Vec<_> = due
			.map(|(grid, round)| (on != Some(*grid), round.due, round.turns, *grid))
			.collect();
		grids.sort_unstable();
		let grids: Vec<Grid> = grids.into_iter().map(|(.., grid)| grid).collect();
		grids
			.into_iter()
			.filter_map(|grid| self.turn(grid))
			.collect()
	}

	/// What is due next of a community's round, if anything is.
	fn turn(&mut self, grid: Grid) -> Option<Turn> {
		let mut round = self.rounds.get(&grid)?.clone();
		if round.due > self.now {
			return None;
		}
		let opened = self.grid(grid).open.range(round.period..).next();
		let period = opened.map(|(period, _)| *period)?;
		let skips = match self.open_terms(grid, period) {
			Ok(_) => false,
			Err("GateClosed") => true,
			Err(_) => return None,
		};
		round.period = period;
		let waiting = self.waiting(grid, &round);
		let (meter, side) = waiting.first().copied()?;
		self.rounds.insert(grid, round);
		Some(match skips {
			true => Turn::Skip(grid, period, waiting.len() as u32),
			false => Turn::Execute(grid, period, meter, side),
		})
	}

	/// Rounds that nothing is left of end, or are for the next period, when they have their turn: what the chain has come to
	/// is told, by community and period.
	pub fn note_rounds(&mut self, told: &BTreeMap<Grid, Period>) {
		for grid in self.rounds.keys().copied().collect::<Vec<_>>() {
			let round = self.rounds[&grid].clone();
			if !self.waiting(grid, &round).is_empty() {
				continue;
			}
			match told.get(&grid) {
				None if self.of_grid(grid).next().is_none() => {
					self.rounds.remove(&grid);
				}
				Some(period) if *period > round.period => self.restart(grid, period - 1),
				_ => {}
			}
		}
	}

	/// A round is done: the next one is for the next period.
	pub fn restart(&mut self, grid: Grid, period: Period) {
		let due = self.opens(period + 1);
		let round = Round {
			period: period + 1,
			after: None,
			due,
			turns: 0,
		};
		self.rounds.insert(grid, round);
	}

	/// The turn of a community is over: if there is something left, it comes behind all that are due.
	pub fn end_turn(&mut self) {
		let Some((grid, _)) = self.phase.turn.take() else {
			return;
		};
		let now = self.now;
		if let Some(round) = self.rounds.get_mut(&grid).filter(|round| round.due <= now) {
			round.turns = if round.due == now { round.turns + 1 } else { 1 };
			round.due = now;
		}
	}

	/// Notes that one had its turn.
	fn pass(&mut self, grid: Grid, key: (MeterNo, Side)) {
		if self
			.phase
			.turn
			.is_some_and(|(on, steps)| on != grid || steps >= TURN)
		{
			self.end_turn();
		}
		let steps = self.phase.turn.map_or(0, |(_, steps)| steps);
		self.phase.turn = Some((grid, steps + 1));
		let round = self.rounds.get_mut(&grid).expect("under way");
		round.after = Some(key);
		let round = round.clone();
		if self.waiting(grid, &round).is_empty() {
			self.restart(grid, round.period);
		}
	}

	/// Executes a standing order whose owner was charged.
	pub fn execute(&mut self, grid: Grid, period: Period, meter: MeterNo, side: Side) -> Vec<Rec> {
		let mut out = Vec::new();
		let standing = self.standing[&(grid, meter, side)].clone();
		let least = self.grid(grid).open[&period].least;
		let energy = match standing.quantity {
			Quantity::Fixed(energy) => Some(energy),
			Quantity::Above { keep, most } => {
				let rated = self.rated(meter, side);
				let beyond = self.expected(meter, side).saturating_sub(keep);
				let energy = beyond.min(most.unwrap_or(rated)).min(rated);
				Some(energy).filter(|energy| *energy >= least)
			}
		};
		if let Some(energy) = energy {
			let order = NewOrder {
				meter,
				side,
				period,
				energy,
				limit: standing.limit,
				force: Force::Gate,
			};
			let placed = self.place(
				standing.owner,
				&order,
				&mut 0,
				MAX_STANDING_FILLS,
				Some(CALM),
				&mut out,
			);
			let refused = placed.err().map(String::from);
			if refused != standing.refused {
				if let Some(error) = refused.clone() {
					out.push(Rec::StandingRefused {
						who: standing.owner,
						meter,
						side,
						period,
						error,
					});
				}
				self.standing
					.get_mut(&(grid, meter, side))
					.expect("it stands")
					.refused = refused;
			}
		}
		self.pass(grid, (meter, side));
		out
	}

	/// Whether a standing order's meter is still its owner's to trade for.
	pub fn stands_alone(&self, grid: Grid, meter: MeterNo, side: Side) -> bool {
		let owner = self.standing[&(grid, meter, side)].owner;
		!self
			.meters
			.get(&meter)
			.is_some_and(|meter| meter.owner == owner && meter.may_trade())
	}

	/// Ends one in its turn.
	pub fn end_in_turn(
		&mut self,
		grid: Grid,
		meter: MeterNo,
		side: Side,
		reason: Ended,
	) -> Vec<Rec> {
		let mut out = Vec::new();
		self.end_standing((grid, meter, side), reason, &mut out);
		self.pass(grid, (meter, side));
		out
	}
}
