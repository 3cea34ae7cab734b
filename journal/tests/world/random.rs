//! Calls at random, biased so that many of them come to something.

use super::{
	readings::{Device, Habit},
	World, BLOCK,
};
use crate::model::{types::*, LinkStage, GRID, HORIZON};

/// Prices lie near one another, on few levels, so that orders meet and tie.
const LEVELS: u64 = 15;

impl World {
	/// Calls, as many as asked for, over as many blocks as they need.
	pub fn run(&mut self, calls: u64) {
		let until = self.stats.calls + calls;
		while self.stats.calls < until {
			self.block(until);
		}
	}

	/// One block of random calls, and the next one begun.
	fn block(&mut self, until: u64) {
		self.read_devices();
		self.help();
		let busy = self.dice.from(1, 60);
		for _ in 0..busy {
			if self.stats.calls >= until || !self.step() {
				break;
			}
		}
		// Rarely the chain stands still: for some blocks, some periods, or longer than anything is kept.
		let length = self.model.clock.length;
		let after = match self.dice.below(4_000) {
			0 => length * self.dice.from(7, 130),
			1..=4 => length * self.dice.from(1, 7),
			5..=40 => BLOCK * self.dice.from(2, 5),
			_ => BLOCK,
		};
		self.next_block(after);
	}

	/// Money for those who have none left for fees.
	fn help(&mut self) {
		for who in self.members.clone() {
			if self.model.accounts[&who] < GRID / 2 && self.dice.permille(30) {
				let amount = GRID * u128::from(self.dice.from(1, 8));
				self.give(who, amount);
			}
		}
	}

	/// A random call. Whether the block has room for another.
	fn step(&mut self) -> bool {
		let Some((who, call)) = self.pick() else {
			return true;
		};
		if self.call(who, &call) {
			if let Call::Register { device, .. } = call {
				self.note_device(device);
			}
			return true;
		}
		// No room, or no money for the fee: who has some goes on.
		who.is_some_and(|who| self.model.accounts[&who] < 5 * GRID)
	}

	/// A new meter gets a device with its number.
	pub fn note_device(&mut self, device: u32) {
		let new = self
			.model
			.meters
			.keys()
			.copied()
			.find(|no| !self.devices.contains_key(no));
		let Some(no) = new else { return };
		let habit = match self.dice.weighted(&[5, 3, 3, 1]) {
			0 => Habit::Mixed,
			1 => Habit::Takes,
			2 => Habit::Gives,
			_ => Habit::Empty,
		};
		self.devices.insert(no, Device::new(device, habit));
	}

	fn anybody(&mut self) -> Who {
		*self.dice.of(&self.members.clone())
	}

	/// Mostly this account, sometimes any.
	fn mostly(&mut self, who: Who) -> Who {
		match self.dice.permille(15) {
			true => self.anybody(),
			false => who,
		}
	}

	fn grid(&mut self) -> Grid {
		let grids = self.model.grids.len() as u64;
		match self.dice.permille(4) {
			true => grids as Grid + 3,
			false => self.dice.below(grids) as Grid,
		}
	}

	fn operator(&mut self, grid: Grid) -> Who {
		match self
			.model
			.grids
			.get(grid as usize)
			.map(|grid| grid.operator)
		{
			Some(operator) => self.mostly(operator),
			None => self.anybody(),
		}
	}

	/// A meter and who trades for it.
	fn trader(&mut self) -> (Who, MeterNo) {
		let meters: Vec<(MeterNo, Who)> = self
			.model
			.meters
			.iter()
			.map(|(no, meter)| (*no, meter.owner))
			.collect();
		if meters.is_empty() || self.dice.permille(3) {
			return (self.anybody(), 9_999);
		}
		let (no, owner) = *self.dice.of(&meters);
		(self.mostly(owner), no)
	}

	fn price(&mut self) -> Price {
		match self.dice.below(200) {
			0 => 0,
			1 => 1,
			2 => 999_999,
			3 => 2_000_000,
			4..=20 => self.dice.from(80_000, 320_000),
			_ => 115_000 + 5_000 * self.dice.below(LEVELS),
		}
	}

	fn energy(&mut self) -> Wh {
		match self.dice.below(40) {
			0 => self.dice.below(12),
			1 => 1 << 32,
			2 => self.dice.from(1_000, 4_000),
			3..=9 => *self.dice.of(&[10, 20, 50, 100]),
			_ => self.dice.from(10, 600),
		}
	}

	fn period(&mut self, meter: MeterNo) -> Period {
		let grid = self.model.meters.get(&meter).map_or(0, |meter| meter.grid);
		let closure = self.model.grid(grid).terms.gate_closure;
		let now = self.model.current();
		match self.dice.weighted(&[680, 200, 100, 10, 10]) {
			0 => now + 1 + closure + self.dice.below(3) as Period,
			1 => now + self.dice.below(9) as Period,
			2 => now + self.dice.below(u64::from(HORIZON) + 1) as Period,
			3 => now + HORIZON + self.dice.below(4) as Period,
			_ => now.saturating_sub(self.dice.below(12) as Period),
		}
	}

	fn side(&mut self) -> Side {
		*self.dice.of(&[Side::Bid, Side::Ask])
	}

	fn order(&mut self, meter: MeterNo) -> NewOrder {
		let grid = self.model.meters.get(&meter).map_or(0, |meter| meter.grid);
		let auction = self.model.grid(grid).terms.auction;
		let force = match self.dice.weighted(&[700, 180, 120]) {
			1 if !auction || self.dice.permille(50) => Force::Immediate,
			2 if !auction || self.dice.permille(50) => Force::FillOrKill,
			_ => Force::Gate,
		};
		NewOrder {
			meter,
			side: self.side(),
			period: self.period(meter),
			energy: self.energy(),
			limit: self.price(),
			force,
		}
	}

	/// An order that is open, and whose it is.
	fn open_order(&mut self) -> (Who, OrderNo) {
		let last = self.model.next_order;
		let from = last.saturating_sub(self.dice.below(400));
		let found = self
			.model
			.places
			.range(from..)
			.next()
			.or_else(|| self.model.places.iter().next());
		let Some((no, (grid, period, side))) = found.map(|(no, place)| (*no, *place)) else {
			return (self.anybody(), last);
		};
		if self.dice.permille(5) {
			return (self.anybody(), last + 7);
		}
		let book = &self.model.books[&(grid, period)];
		let owner = book
			.side(side)
			.iter()
			.find(|order| order.no == no)
			.expect("open")
			.owner;
		(self.mostly(owner), no)
	}

	fn quantity(&mut self) -> Quantity {
		match self.dice.below(20) {
			0 => Quantity::Fixed(0),
			1 => Quantity::Fixed(1 << 33),
			2..=8 => Quantity::Fixed(self.dice.from(5, 300)),
			9 => Quantity::Above {
				keep: 0,
				most: Some(0),
			},
			10..=14 => Quantity::Above {
				keep: self.dice.below(200),
				most: None,
			},
			_ => Quantity::Above {
				keep: self.dice.below(200),
				most: Some(self.dice.from(5, 500)),
			},
		}
	}

	fn terms(&mut self, grid: Grid) -> Terms {
		let old = self
			.model
			.grids
			.get(grid as usize)
			.map(|grid| grid.terms)
			.unwrap_or(TERMS);
		let dice = &mut self.dice;
		let mut terms = Terms {
			retail: dice.from(250_000, 350_000),
			feed_in: dice.from(60_000, 100_000),
			auction: old.auction != dice.permille(60),
			floor: *dice.of(&[1, 1, 1, 100_000]),
			cap: *dice.of(&[1_000_000, 1_000_000, 200_000]),
			least: *dice.of(&[1, 5, 10, 20]),
			gate_closure: dice.weighted(&[6, 3, 1]) as u32,
			fee: *dice.of(&[0, 500, 1_000, 7_777]),
			spread: match dice.weighted(&[2, 2, 1, 1]) {
				0 => None,
				1 => Some(50_000),
				2 => Some(0),
				_ => Some(dice.below(1_000_001) as u32),
			},
		};
		match dice.below(60) {
			0 => terms.retail = 1 << 40,
			1 => terms.feed_in = 0,
			2 => terms.floor = terms.cap + 1,
			3 => terms.least = 0,
			4 => terms.gate_closure = HORIZON,
			_ => {}
		}
		terms
	}

	fn link_terms(&mut self) -> LinkTerms {
		let (from, to) = (self.grid(), self.grid());
		let dice = &mut self.dice;
		LinkTerms {
			from,
			to,
			loss: *dice.of(&[0, 10_000, 50_000, 123_456, 333_333, 499_999, 500_000]),
			capacity: *dice.of(&[0, 200, 1_000, 5_000, 100_000]),
			wheeling: *dice.of(&[0, 1_000, 5_000, 12_345]),
			least: *dice.of(&[0, 1, 10, 40]),
		}
	}

	/// Who calls what; `None`: nothing comes to mind.
	fn pick(&mut self) -> Option<(Option<Who>, Call)> {
		let weights = [
			470, // an order
			45,  // many
			100, // cancel
			60,  // reduce
			70,  // replace
			40,  // standing orders
			14, 45, // money
			40, 40, 10, 9, // communities
			2, 1, 4, 9, // links
			9, 2, 6, // meters
			8, 3, 4, 6, 3, // bursts
		];
		let picked = self.dice.weighted(&weights);
		Some(match picked {
			0 => {
				let (who, meter) = self.trader();
				(Some(who), Call::Place(self.order(meter)))
			}
			1 => {
				let (who, meter) = self.trader();
				let count = self.dice.from(0, 12);
				let orders = (0..count).map(|_| self.order(meter)).collect();
				(Some(who), Call::PlaceMany(orders))
			}
			2 => {
				let (who, order) = self.open_order();
				(Some(who), Call::Cancel(order))
			}
			3 => {
				let (who, order) = self.open_order();
				let energy = self.dice.from(0, 200);
				(Some(who), Call::Reduce { order, energy })
			}
			4 => {
				let (who, order) = self.open_order();
				let (energy, limit) = (self.energy(), self.price());
				(
					Some(who),
					Call::Replace {
						order,
						energy,
						limit,
					},
				)
			}
			5 => {
				let (who, meter) = self.trader();
				let (side, limit, quantity) = (self.side(), self.price(), self.quantity());
				let call = Call::SetStanding {
					meter,
					side,
					limit,
					quantity,
				};
				(Some(who), call)
			}
			6 => {
				let standing: Vec<(MeterNo, Side, Who)> = self
					.model
					.standing
					.iter()
					.map(|((_, meter, side), standing)| (*meter, *side, standing.owner))
					.collect();
				let (meter, side, owner) = match standing.is_empty() || self.dice.permille(100) {
					true => {
						let (who, meter) = self.trader();
						(meter, self.side(), who)
					}
					false => *self.dice.of(&standing),
				};
				(
					Some(self.mostly(owner)),
					Call::CancelStanding { meter, side },
				)
			}
			7 => {
				let amount = match self.dice.below(10) {
					0 => 0,
					1 => u128::from(self.dice.below(10_000_000_000)),
					2..=6 => GRID * u128::from(self.dice.from(1, 60)),
					_ => GRID / 10 * u128::from(self.dice.from(1, 30)),
				};
				(Some(self.anybody()), Call::TopUp(amount))
			}
			8 => {
				let who = self.anybody();
				let entry = self.model.entry(who);
				let share = u128::from(self.dice.from(0, 12));
				let amount = match self.dice.below(8) {
					0 => entry.balance,
					1 => entry.free(),
					2 => entry.free().saturating_sub(1_000),
					_ => entry.free() * share / 10,
				};
				(Some(who), Call::Withdraw(amount))
			}
			9 => {
				let arrears: Vec<((Who, Grid), Planck)> = self
					.model
					.arrears
					.iter()
					.map(|(key, amount)| (*key, *amount))
					.collect();
				let ((who, grid), owed) = match arrears.is_empty() || self.dice.permille(50) {
					true => ((self.anybody(), self.grid()), 7),
					false => *self.dice.of(&arrears),
				};
				let amount = match self.dice.below(5) {
					0 => owed / 2,
					1 => owed * 2,
					_ => owed,
				};
				(Some(self.mostly(who)), Call::PayArrears { grid, amount })
			}
			10 => {
				let grid = self.grid();
				let fund = self
					.model
					.grids
					.get(grid as usize)
					.map_or(0, |grid| grid.fund);
				let share = u128::from(self.dice.from(0, 11));
				let (beneficiary, amount) = (self.anybody(), fund * share / 10);
				let call = Call::SpendFund {
					grid,
					beneficiary,
					amount,
				};
				(None, call)
			}
			11 => {
				let grid = self.grid();
				let terms = self.terms(grid);
				(Some(self.operator(grid)), Call::SetTerms { grid, terms })
			}
			12 => {
				let grid = self.grid();
				let to = self.anybody();
				(Some(self.operator(grid)), Call::OfferOperator { grid, to })
			}
			13 => {
				let grid = self.grid();
				(Some(self.operator(grid)), Call::WithdrawOffer { grid })
			}
			14 => {
				let grid = self.grid();
				let offered = self
					.model
					.grids
					.get(grid as usize)
					.and_then(|grid| grid.offered);
				let who = offered.unwrap_or(self.anybody());
				(Some(self.mostly(who)), Call::AcceptOperator { grid })
			}
			15 => {
				let terms = self.link_terms();
				let side = *self.dice.of(&[terms.from, terms.to]);
				(Some(self.operator(side)), Call::ProposeLink(terms))
			}
			16 => {
				let waiting = self
					.model
					.links
					.iter()
					.filter_map(|(no, link)| match link.stage {
						LinkStage::Proposed { awaits } => Some((*no, awaits)),
						LinkStage::Open { .. } => None,
					});
				let waiting: Vec<(LinkNo, Grid)> = waiting.collect();
				let (link, awaits) = match waiting.is_empty() || self.dice.permille(60) {
					true => (
						self.dice.below(u64::from(self.model.next_link) + 1) as LinkNo,
						self.grid(),
					),
					false => *self.dice.of(&waiting),
				};
				(Some(self.operator(awaits)), Call::AcceptLink(link))
			}
			17 => {
				let links: Vec<(LinkNo, Who)> = self
					.model
					.links
					.iter()
					.map(|(no, link)| (*no, link.operator))
					.collect();
				if links.is_empty() {
					return None;
				}
				let (link, who) = *self.dice.of(&links);
				(Some(self.mostly(who)), Call::CloseLink(link))
			}
			18 => {
				let who = self.anybody();
				// The model does not know what is held for a registration before it is.
				if self.model.meters.len() >= 48 || self.model.accounts[&who] < 5 * GRID {
					return None;
				}
				self.serial += 1;
				let kind = match self.dice.weighted(&[8, 2, 1]) {
					0 => Kind::Plain,
					1 => Kind::Storage(self.dice.from(500, 4_000)),
					_ => Kind::Feeder,
				};
				let (grid, device) = (self.grid(), self.serial);
				(Some(who), Call::Register { grid, kind, device })
			}
			19 => {
				let meters: Vec<(MeterNo, Grid, bool)> = self
					.model
					.meters
					.iter()
					.map(|(no, meter)| (*no, meter.grid, meter.admitted.is_some()))
					.filter(|(.., admitted)| !admitted || self.stats.calls.is_multiple_of(8))
					.collect();
				if meters.is_empty() {
					return None;
				}
				let (meter, grid, _) = *self.dice.of(&meters);
				let ratings = Ratings {
					import: *self.dice.of(&[300_000, 600_000, 1_000_000]),
					export: *self.dice.of(&[300_000, 600_000, 1_000_000]),
				};
				(Some(self.operator(grid)), Call::Admit { meter, ratings })
			}
			20 => {
				let (who, meter) = self.trader();
				// Few enough that there are meters left.
				if self.model.meters.len() < 20 {
					return None;
				}
				(Some(who), Call::Retire(meter))
			}
			21 => {
				let (who, meter) = self.trader();
				let to = match self.dice.permille(150) {
					true => None,
					false => Some(self.anybody()),
				};
				(Some(who), Call::OfferMeter { meter, to })
			}
			22 => {
				let offers: Vec<(MeterNo, Who)> = self
					.model
					.meters
					.iter()
					.filter_map(|(no, meter)| Some((*no, meter.offered?)))
					.collect();
				if offers.is_empty() {
					return None;
				}
				let (meter, to) = *self.dice.of(&offers);
				let who = self.mostly(to);
				if self.model.accounts[&who] < 5 * GRID {
					return None;
				}
				(Some(who), Call::AcceptMeter(meter))
			}
			_ => return self.burst(),
		})
	}

	/// Many small orders at one price; a large one that meets them comes another time, perhaps.
	fn burst(&mut self) -> Option<(Option<Who>, Call)> {
		let (who, meter) = self.trader();
		let (side, period, limit) = (self.side(), self.period(meter), self.price());
		let order = NewOrder {
			meter,
			side,
			period,
			energy: 10,
			limit,
			force: Force::Gate,
		};
		if self.dice.permille(400) {
			let large = NewOrder {
				energy: 1_500,
				limit: if side == Side::Bid { 190_000 } else { 110_000 },
				..order
			};
			return Some((Some(who), Call::Place(large)));
		}
		Some((Some(who), Call::PlaceMany(vec![order; 60])))
	}
}

/// What communities begin with, unless they have terms of their own.
pub const TERMS: Terms = Terms {
	retail: 300_000,
	feed_in: 80_000,
	auction: false,
	floor: 1,
	cap: 1_000_000,
	least: 10,
	gate_closure: 0,
	fee: 1_000,
	spread: Some(50_000),
};
