//! What orders cost, against stock transfers on the same state; how that grows with the book; and that the
//! next taker does not pay for what has left the book before it in its block.

use anyhow::{ensure, Result};
use gridweave_primitives::{Be32, MeterId, OrderId};
use gridweave_runtime::{opaque::Block, Runtime};
use pallet_order_book::{Asks, Call};
use serde_json::{json, Map, Value};
use sp_runtime::OpaqueExtrinsic;

use crate::{
	chain::Chain,
	community::MICROGRID,
	figures::{median, rounded},
	market::{scatter, Market, BUYING},
	state::{Stage, State},
	stopwatch::Took,
	trading::{us, Trading},
};

/// Transactions of a measured block.
const COUNT: u32 = 300;

/// Rounds that are measured.
const ROUNDS: usize = 9;

/// Takers whose order is timed in one block.
const TAKERS: u32 = 25;

/// Orders that leave the book before them in their block: with them as many as may.
const REMOVED: u32 = 1_000 - TAKERS;

/// How often each way of leaving the book is measured.
const SWEEPS: u32 = 5;

/// Orders that one taker takes to clear the way: what a connection can take in a period.
const SWEPT: u32 = 35;

/// Measures orders in a book of so many, and in an empty one.
pub fn run(orders: u32) -> Result<Value> {
	let empty = measure(Market::continuous(orders, 0))?;
	let full = measure(Market::continuous(orders, orders))?;
	let growth = |of: fn(&Round) -> f64| anyhow::Ok(middle(&full, of)? / middle(&empty, of)?);
	let (resting, trading) = (growth(Round::resting)?, growth(Round::trading)?);
	let mut figures = json!({
		"orders": orders,
		"transactions_of_a_block": COUNT,
		"transfer_us": middle(&full, |round| round.transfer)?,
		"resting_us": middle(&full, |round| round.rest)?,
		"trading_us": middle(&full, |round| round.trade)?,
		"resting_us_of_empty": middle(&empty, |round| round.rest)?,
		"trading_us_of_empty": middle(&empty, |round| round.trade)?,
		"empty_block_us": middle(&full, |round| round.nothing)?,
		"resting_over_transfer": middle(&full, Round::resting)?,
		"trading_over_transfer": middle(&full, Round::trading)?,
		"resting_growth": rounded(resting),
		"trading_growth": rounded(trading),
		"growth_0_to_100k": rounded(resting.max(trading)),
	});
	if let Some(figures) = figures.as_object_mut() {
		figures.extend(full.takers);
	}
	Ok(figures)
}

/// Microseconds of a round, for each transaction of a block; of a block without any, for all of it.
struct Round {
	rest: f64,
	trade: f64,
	transfer: f64,
	nothing: f64,
}

impl Round {
	fn resting(&self) -> f64 {
		self.rest / self.transfer
	}

	fn trading(&self) -> f64 {
		self.trade / self.transfer
	}
}

/// What was measured in a book.
struct Measured {
	rounds: Vec<Round>,
	takers: Map<String, Value>,
}

fn middle(measured: &Measured, of: impl Fn(&Round) -> f64) -> Result<f64> {
	median(measured.rounds.iter().map(of))
}

/// The blocks of a round.
struct Blocks {
	rest: Block,
	trade: Block,
	transfer: Block,
	nothing: Block,
}

impl Blocks {
	/// In a book of which as much is left afterwards as was there before.
	fn make(trading: &mut Trading) -> Result<Self> {
		let rest = trading.rest(COUNT)?;
		let trade = trading.trade(COUNT)?;
		let (transfer, count) = trading.transfer(COUNT)?;
		ensure!(count == COUNT, "a block takes fewer transfers than orders");
		Ok(Self {
			rest,
			trade,
			transfer,
			nothing: trading.empty()?,
		})
	}

	fn import(self, importer: &Chain) -> Result<Round> {
		let each = |block| anyhow::Ok(us(importer.import(block)?, COUNT));
		Ok(Round {
			rest: each(self.rest)?,
			trade: each(self.trade)?,
			transfer: each(self.transfer)?,
			nothing: us(importer.import(self.nothing)?, 1),
		})
	}
}

fn measure(market: Market) -> Result<Measured> {
	let stage = Stage::new()?;
	let author = stage.chain(State::Market(market), "author")?;
	let importer = stage.chain(State::Market(market), "importer")?;
	let (mut trading, quiet) = Trading::begin(market, author)?;
	// The first is not measured.
	let blocks = (0..=ROUNDS)
		.map(|_| Blocks::make(&mut trading))
		.collect::<Result<Vec<_>>>()?;
	let takers = if market.orders > 0 {
		takers(&mut trading)?
	} else {
		Map::new()
	};
	drop(trading);
	for block in quiet {
		importer.import(block)?;
	}
	let mut rounds = Vec::new();
	for (number, blocks) in blocks.into_iter().enumerate() {
		let round = blocks.import(&importer)?;
		eprintln!(
			"{} orders: {:.1} µs rests, {:.1} µs trades, {:.1} µs transfer, empty block {:.0} µs",
			market.orders, round.rest, round.trade, round.transfer, round.nothing
		);
		if number > 0 {
			rounds.push(round);
		}
	}
	Ok(Measured { rounds, takers })
}

/// What a taker's order takes to be executed in a block in which many better orders were cancelled, or traded,
/// before, against one in which none were.
fn takers(trading: &mut Trading) -> Result<Map<String, Value>> {
	// All sweeps together find enough.
	let share = trading.market.orders / 2 / SWEEPS;
	let removed = REMOVED.min(share.saturating_sub(3 * TAKERS) / 2).max(1);
	let swept = SWEPT.min(removed);
	let sweepers = removed / swept;
	let (mut fresh, mut cancelled, mut filled) = (Vec::new(), Vec::new(), Vec::new());
	for _ in 0..SWEEPS {
		let cancels = cancels(trading, removed)?;
		cancelled.extend(take(trading, cancels, 0)?);
		fresh.extend(take(trading, Vec::new(), 0)?);
		let sweeps = (0..sweepers)
			.map(|_| trading.taker(BUYING, swept))
			.collect::<Result<Vec<_>>>()?;
		filled.extend(take(trading, sweeps, sweepers * swept)?);
	}
	let of = |took: Vec<Took>| median(took.into_iter().map(|took| us(took, 1)));
	let (fresh, cancelled, filled) = (of(fresh)?, of(cancelled)?, of(filled)?);
	let figures = json!({
		"taker_us": fresh,
		"cancelled_before_taker": removed,
		"taker_after_cancelled_over_fresh": rounded(cancelled / fresh),
		"filled_before_taker": sweepers * swept,
		"taker_after_filled_over_fresh": rounded(filled / fresh),
	});
	Ok(figures.as_object().cloned().unwrap_or_default())
}

/// What takers' orders took to be executed in a block that begins with these transactions, which make so many
/// trades.
fn take(trading: &mut Trading, mut calls: Vec<OpaqueExtrinsic>, trades: u32) -> Result<Vec<Took>> {
	let before = calls.len();
	for _ in 0..TAKERS {
		calls.push(trading.taker(BUYING, 1)?);
	}
	let mut made = trading.block(calls, (trades + TAKERS) as usize)?;
	Ok(made.took.split_off(before))
}

/// Cancellations of the best `count` asks, in no order.
fn cancels(trading: &mut Trading, count: u32) -> Result<Vec<OpaqueExtrinsic>> {
	let book = (Be32::from(MICROGRID), Be32::from(trading.market.period()));
	let mut best: Vec<(OrderId, MeterId)> = trading.look(|| {
		Asks::<Runtime>::iter_prefix(book)
			.take(count as usize)
			.map(|((_, order), resting)| (OrderId(order.get()), resting.meter))
			.collect()
	})?;
	ensure!(best.len() == count as usize, "there are fewer asks");
	best.sort_by_key(|(_, meter)| scatter(meter.0));
	best.into_iter()
		.map(|(order_id, meter)| trading.sign(meter, Call::<Runtime>::cancel_order { order_id }))
		.collect()
}
