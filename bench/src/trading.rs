//! Blocks of members' transactions, made on the state of a market: orders, and transfers as a yardstick.

use anyhow::{ensure, Result};
use gridweave_primitives::{market::Side, MeterId, Price};
use gridweave_runtime::{
	opaque::Block, Runtime, RuntimeCall, RuntimeEvent, System, BLOCK_SECONDS, MILLI_GRID,
};
use pallet_order_book::{Call, Event};
use sp_runtime::OpaqueExtrinsic;

use crate::{
	chain::{Chain, Made},
	community::{account, START},
	market::{order, resting, Market, ACTIVE, BUYING, EACH, SELLING},
	stopwatch::Took,
	transactions::Members,
};

/// Blocks that do what is due at the chain's start, before those that are measured.
const QUIET_BLOCKS: u32 = 10;

/// From one active member to the next.
const STRIDE: u32 = 3_001;

/// What the transactions of a block came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
	succeeded: usize,
	failed: usize,
	trades: usize,
}

impl Outcome {
	/// That of the best block.
	fn of(chain: &Chain) -> Result<Self> {
		let events = chain.look(System::events)?;
		let mut outcome = Self::default();
		for record in events {
			match record.event {
				RuntimeEvent::System(frame_system::Event::ExtrinsicSuccess { .. }) => {
					outcome.succeeded += 1
				}
				RuntimeEvent::System(frame_system::Event::ExtrinsicFailed { .. }) => {
					outcome.failed += 1
				}
				RuntimeEvent::OrderBook(Event::Trade { .. }) => outcome.trades += 1,
				_ => {}
			}
		}
		Ok(outcome)
	}
}

/// Makes blocks.
pub struct Trading {
	/// The market it is about.
	pub market: Market,
	author: Chain,
	members: Members,
	time: u64,
	/// How many of the active members have placed their order.
	active: u32,
	/// How many transfers there were.
	transfers: u32,
}

impl Trading {
	/// On a chain that begins with the market. The first blocks, without transactions.
	pub fn begin(market: Market, author: Chain) -> Result<(Self, Vec<Block>)> {
		let members = Members::new(author.genesis_hash());
		let mut trading = Self {
			market,
			author,
			members,
			time: START,
			active: 0,
			transfers: 0,
		};
		let quiet = (0..QUIET_BLOCKS)
			.map(|_| trading.empty())
			.collect::<Result<_>>()?;
		Ok((trading, quiet))
	}

	/// Looks at the state.
	pub fn look<R>(&self, look: impl FnOnce() -> R) -> Result<R> {
		self.author.look(look)
	}

	/// A transaction of a member.
	pub fn sign(
		&mut self,
		meter: MeterId,
		call: impl Into<RuntimeCall>,
	) -> Result<OpaqueExtrinsic> {
		self.members.sign(meter, call)
	}

	/// Makes the next block, all of whose transactions must succeed, and make so many trades.
	pub fn block(&mut self, calls: Vec<OpaqueExtrinsic>, trades: usize) -> Result<Made> {
		let count = calls.len();
		let made = self.fill(calls)?;
		let taken = made.took.len();
		ensure!(taken == count, "a block takes only {taken} of {count}");
		let outcome = Outcome::of(&self.author)?;
		ensure!(outcome.trades == trades, "not {trades} trades: {outcome:?}");
		Ok(made)
	}

	/// Makes the next block with as many of the transactions as fit, all of which must succeed.
	fn fill(&mut self, calls: Vec<OpaqueExtrinsic>) -> Result<Made> {
		self.time += u64::from(BLOCK_SECONDS);
		let made = self.author.extend(self.time, calls)?;
		let outcome = Outcome::of(&self.author)?;
		// The one that sets the time is one, too.
		let all = outcome.failed == 0 && outcome.succeeded == made.took.len() + 1;
		ensure!(all, "a transaction fails: {outcome:?}");
		Ok(made)
	}

	/// A block without members' transactions.
	pub fn empty(&mut self) -> Result<Block> {
		Ok(self.block(Vec::new(), 0)?.block)
	}

	/// A block of `count` orders that rest, every second of them a bid.
	pub fn rest(&mut self, count: u32) -> Result<Block> {
		let calls = (0..count)
			.map(|n| {
				let meter = self.next_active()?;
				let at = resting(2 * meter.0 + n % 2);
				let order = order(meter, self.market.period(), at, EACH);
				self.sign(meter, Call::<Runtime>::place_order { order })
			})
			.collect::<Result<_>>()?;
		Ok(self.block(calls, 0)?.block)
	}

	/// A block of `count` orders each of which trades with one that rests, so that nothing is left of either;
	/// every second of them an ask.
	pub fn trade(&mut self, count: u32) -> Result<Block> {
		let calls = (0..count)
			.map(|n| self.taker(if n % 2 == 0 { BUYING } else { SELLING }, 1))
			.collect::<Result<_>>()?;
		Ok(self.block(calls, count as usize)?.block)
	}

	/// An order that trades with `others` that rest.
	pub fn taker(&mut self, at: (Side, Price), others: u32) -> Result<OpaqueExtrinsic> {
		let meter = self.next_active()?;
		let mut order = order(meter, self.market.period(), at, EACH);
		order.energy.0 *= u64::from(others);
		self.sign(meter, Call::<Runtime>::place_order { order })
	}

	/// A block of at most `count` transfers, each from a member to another, and how many it takes.
	pub fn transfer(&mut self, count: u32) -> Result<(Block, u32)> {
		let calls = (0..count)
			.map(|n| {
				let (from, to) = self.partners(self.transfers + n);
				let call = pallet_balances::Call::<Runtime>::transfer_keep_alive {
					dest: account(to).into(),
					value: MILLI_GRID,
				};
				self.sign(from, call)
			})
			.collect::<Result<_>>()?;
		let made = self.fill(calls)?;
		let taken = u32::try_from(made.took.len())?;
		for n in taken..count {
			let (from, _) = self.partners(self.transfers + n);
			self.members.withdraw(from);
		}
		self.transfers += taken;
		Ok((made.block, taken))
	}

	/// Two members for a transfer: neither has sent anything while there are such.
	fn partners(&self, n: u32) -> (MeterId, MeterId) {
		// Those who are not active.
		let members = self.market.first_active().max(2);
		let from = n % members;
		(MeterId(from), MeterId((from + members / 2) % members))
	}

	fn next_active(&mut self) -> Result<MeterId> {
		ensure!(self.active < ACTIVE, "no active member is left");
		// Not one of those beside the last: every one once, for their number and the stride have no common divisor.
		let next = self.active * STRIDE % ACTIVE;
		self.active += 1;
		Ok(MeterId(self.market.first_active() + next))
	}
}

/// Microseconds of processor for each of `count`.
pub fn us(took: Took, count: u32) -> f64 {
	took.cpu.as_secs_f64() * 1e6 / f64::from(count.max(1))
}
