//! The market as its documents tell it, in plain Rust: nothing of the pallets, sorted lists and slow loops. It is
//! given what was called and tells what must come of it, record by record; of what the chain does by itself it is
//! given what happened, and tells whether that was right.

pub mod auction;
pub mod book;
pub mod calls;
pub mod check;
pub mod claims;
pub mod coupling;
pub mod grids;
pub mod ledger;
pub mod meters;
pub mod quote;
pub mod settle;
pub mod standing;
pub mod tasks;
pub mod types;

use std::collections::{BTreeMap, BTreeSet};

use types::*;

/// What the runtime fixes.
pub const HORIZON: u32 = 96;
pub const MAX_FILLS: u32 = 50;
pub const MAX_STANDING_FILLS: u32 = 8;
pub const MAX_REMOVALS: u32 = 1_000;
pub const CALM: u32 = 64;
pub const MAX_PASSED: usize = 4;
pub const MAX_ORDERS: usize = 256;
pub const MAX_LINKS: usize = 8;
pub const TURN: u32 = 32;
pub const GRID: Planck = 1_000_000_000_000;
pub const LEAST_TOP_UP: Planck = GRID / 100;
pub const EXISTENTIAL: Planck = GRID / 1_000;
pub const GRID_DEPOSIT: Planck = 100 * GRID;
pub const LINK_DEPOSIT: Planck = 10 * GRID;

/// Why a call is refused: the name of the error.
pub type Refusal = &'static str;
pub type Outcome<T = ()> = Result<T, Refusal>;

/// The settlement clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
	pub length: u64,
	pub grace: u64,
	pub retention: u64,
}

impl Clock {
	pub fn at(&self, second: u64) -> Period {
		(second / self.length) as Period
	}
	pub fn start(&self, period: Period) -> u64 {
		u64::from(period) * self.length
	}
	pub fn end(&self, period: Period) -> u64 {
		self.start(period) + self.length
	}
	pub fn freezes(&self, period: Period) -> u64 {
		self.end(period) + self.grace * self.length
	}
	pub fn expires(&self, period: Period) -> u64 {
		self.freezes(period) + self.retention * self.length
	}
}

/// A community.
#[derive(Clone, Debug)]
pub struct Community {
	pub operator: Who,
	pub deposit: Planck,
	pub offered: Option<Who>,
	/// What periods open with from now on.
	pub terms: Terms,
	/// The terms of the periods that are open and kept.
	pub open: BTreeMap<Period, Terms>,
	/// The next period to open; `None` before the first has.
	pub until: Option<Period>,
	/// The first that is not settled.
	pub unsettled: Period,
	pub fund: Planck,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStage {
	Proposed {
		awaits: Grid,
	},
	Open {
		first: Period,
		until: Option<Period>,
	},
}

#[derive(Clone, Debug)]
pub struct Link {
	pub terms: LinkTerms,
	pub operator: Who,
	pub stage: LinkStage,
}

/// An order that rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
	pub no: OrderNo,
	pub owner: Who,
	pub meter: MeterNo,
	pub limit: Price,
	pub left: Wh,
}

/// The orders of a community and period, best first.
#[derive(Clone, Debug)]
pub struct Book {
	pub terms: Terms,
	pub bids: Vec<Order>,
	pub asks: Vec<Order>,
	pub market: Market,
	/// How many orders have left it in which block.
	pub removals: (u32, u32),
	/// In an auction: how many orders an account has on a side, and the best limit since it had none.
	pub limits: BTreeMap<(Who, Side), (u32, Price)>,
	/// An auction that was cleared: price and what is still to be traded.
	pub clearing: Option<(Price, Wh)>,
	/// What members still trade with links before, and of which side.
	pub linked: Option<(Side, Wh)>,
	pub closed: bool,
}

impl Book {
	pub fn new(terms: Terms) -> Self {
		Self {
			terms,
			bids: Vec::new(),
			asks: Vec::new(),
			market: Market::default(),
			removals: (0, 0),
			limits: BTreeMap::new(),
			clearing: None,
			linked: None,
			closed: false,
		}
	}
	pub fn side(&self, side: Side) -> &Vec<Order> {
		match side {
			Side::Bid => &self.bids,
			Side::Ask => &self.asks,
		}
	}
	pub fn side_mut(&mut self, side: Side) -> &mut Vec<Order> {
		match side {
			Side::Bid => &mut self.bids,
			Side::Ask => &mut self.asks,
		}
	}
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
	pub balance: Planck,
	pub locked: Planck,
}

impl Entry {
	pub fn free(&self) -> Planck {
		self.balance - self.locked
	}
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
	pub owner: Who,
	pub contracts: Contracts,
	pub margin: Planck,
}

/// What an operator owes and could not pay, oldest first.
#[derive(Clone, Debug)]
pub struct Queue {
	pub debtor: Who,
	pub claims: Vec<(Creditor, Planck)>,
}

#[derive(Clone, Debug)]
pub struct Standing {
	pub owner: Who,
	pub limit: Price,
	pub quantity: Quantity,
	pub refused: Option<String>,
}

/// How far a community's standing orders are executed: for which period, behind which one; when they are due.
#[derive(Clone, Debug)]
pub struct Round {
	pub period: Period,
	pub after: Option<(MeterNo, Side)>,
	pub due: u64,
	/// How many turns it had when it was due.
	pub turns: u32,
}

/// A settlement under way.
#[derive(Clone, Debug)]
pub struct Job {
	pub grid: Grid,
	pub period: Period,
	pub operator: Who,
	pub pot: Planck,
	/// Bills by page of meters, of pages that are not begun.
	pub pages: std::collections::VecDeque<Vec<settle::Draft>>,
	/// Bills in the order in which they are to be settled next.
	pub bills: std::collections::VecDeque<settle::Draft>,
	/// Of the same page, those who owe nothing: paid after these if the pot holds all of it.
	pub owed: Vec<settle::Draft>,
	/// Those who wait until all pages are begun.
	pub waiting: Vec<settle::Draft>,
	/// Meters that traded and are billed already: they are bound until all are.
	pub traded: BTreeSet<MeterNo>,
	pub summary: Summary,
}

/// What came of it all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
	pub trades: u64,
	pub trades_over_links: u64,
	pub sent: u128,
	pub received: u128,
	pub bills: u64,
	pub corrections: u64,
}

#[derive(Clone, Debug)]
pub struct Model {
	pub clock: Clock,
	pub now: u64,
	pub block: u32,
	pub grids: Vec<Community>,
	pub links: BTreeMap<LinkNo, Link>,
	pub next_link: LinkNo,
	pub meters: BTreeMap<MeterNo, meters::Meter>,
	pub next_order: OrderNo,
	pub books: BTreeMap<(Grid, Period), Book>,
	/// Where open orders are.
	pub places: BTreeMap<OrderNo, (Grid, Period, Side)>,
	/// How many open orders a meter has.
	pub open_orders: BTreeMap<MeterNo, BTreeSet<OrderNo>>,
	/// What was sent over a link for a period, and what arrived.
	pub flows: BTreeMap<(LinkNo, Period), (Wh, Wh)>,
	pub accounts: BTreeMap<Who, Planck>,
	pub ledger: BTreeMap<Who, Entry>,
	pub positions: BTreeMap<(Grid, Period, MeterNo), Position>,
	pub exchanges: BTreeMap<(Grid, Period), Exchange>,
	/// What buyers from links have paid, and nobody was paid yet, by period.
	pub pots: BTreeMap<Period, Planck>,
	/// What links of couplings that are carried out are to be paid.
	pub carrying: Vec<Rec>,
	pub arrears: BTreeMap<(Who, Grid), Planck>,
	pub queues: BTreeMap<Grid, Queue>,
	pub standing: BTreeMap<(Grid, MeterNo, Side), Standing>,
	pub rounds: BTreeMap<Grid, Round>,
	pub standing_deposit: Planck,
	pub job: Option<Job>,
	/// Of a bill: what the rest of it has been corrected by since, for those who look at silence.
	pub totals: BTreeMap<MeterNo, Totals>,
	pub tally: Tally,
	/// What tasks have begun in this phase.
	pub phase: tasks::Phase,
	pub silence: settle::Silence,
	/// From which period on energy is kept in this block, by pages of meters.
	pub kept: BTreeMap<u32, Period>,
	/// The settlement under way, and the operator it began with, if it has billed nobody yet.
	pub begun: Option<(Grid, Period, Who)>,
	/// Pages of meters whose period the settlement under way has closed.
	pub closed: BTreeSet<(u32, Period)>,
	/// What meters metered in a period, where the model does not know their readings.
	pub given: Option<BTreeMap<(Grid, Period), meters::Metered>>,
	/// Whether accounts pay whatever they are asked for, where the model does not know their money.
	pub unlimited: bool,
}

impl Model {
	/// A chain at genesis.
	pub fn new(clock: Clock, grids: &[(Who, Terms)], standing_deposit: Planck) -> Self {
		let community = |(operator, terms): &(Who, Terms)| Community::new(*operator, *terms, 0);
		Self {
			clock,
			now: 0,
			block: 0,
			grids: grids.iter().map(community).collect(),
			links: BTreeMap::new(),
			next_link: 0,
			meters: BTreeMap::new(),
			next_order: 0,
			books: BTreeMap::new(),
			places: BTreeMap::new(),
			open_orders: BTreeMap::new(),
			flows: BTreeMap::new(),
			accounts: BTreeMap::new(),
			ledger: BTreeMap::new(),
			positions: BTreeMap::new(),
			exchanges: BTreeMap::new(),
			pots: BTreeMap::new(),
			carrying: Vec::new(),
			arrears: BTreeMap::new(),
			queues: BTreeMap::new(),
			standing: BTreeMap::new(),
			rounds: BTreeMap::new(),
			standing_deposit,
			job: None,
			totals: BTreeMap::new(),
			tally: Tally::default(),
			phase: tasks::Phase::default(),
			silence: settle::Silence::default(),
			kept: BTreeMap::new(),
			begun: None,
			closed: BTreeSet::new(),
			given: None,
			unlimited: false,
		}
	}

	pub fn current(&self) -> Period {
		self.clock.at(self.now)
	}

	pub fn frozen(&self, period: Period) -> bool {
		self.now >= self.clock.freezes(period)
	}

	/// Of the periods before this one everything has expired.
	pub fn expired_before(&self) -> Period {
		let back = self.clock.grace + self.clock.retention;
		self.current().saturating_sub(back as u32)
	}

	pub fn grid(&self, grid: Grid) -> &Community {
		&self.grids[grid as usize]
	}

	pub fn grid_mut(&mut self, grid: Grid) -> &mut Community {
		&mut self.grids[grid as usize]
	}

	/// A new block.
	pub fn begin_block(&mut self, block: u32, now: u64) {
		self.block = block;
		self.now = now;
		self.phase = tasks::Phase::default();
	}
}

impl Community {
	pub fn new(operator: Who, terms: Terms, deposit: Planck) -> Self {
		Self {
			operator,
			deposit,
			offered: None,
			terms,
			open: BTreeMap::new(),
			until: None,
			unsettled: 0,
			fund: 0,
		}
	}
}

/// What energy costs: exact.
pub fn cost(price: Price, energy: Wh) -> Planck {
	Planck::from(price) * Planck::from(energy) * 1_000
}

pub fn signed(amount: Planck) -> i128 {
	i128::try_from(amount).expect("far below the bound")
}
