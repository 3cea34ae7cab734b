//! What a call auction costs to be held, against the same algorithm over arrays in memory and what its storage
//! takes natively; and that it grows with its orders only.

use anyhow::{ensure, Context, Result};
use gridweave_primitives::{Be32, MeterId};
use gridweave_runtime::{
	genesis, opaque::Block, OrderBook, Runtime, Settlement, System, BLOCK_SECONDS,
};
use pallet_order_book::{Agenda, Stage as Due};
use serde_json::{json, Value};
use sp_runtime::traits::Block as _;

use crate::{
	access::{self, Access},
	arrays::{self, Account, Cleared, Order, Terms},
	chain::Chain,
	community::{account, CLOCK, MICROGRID, START},
	figures::rounded,
	market::{offered, Market},
	state::{Stage, State},
	stopwatch::{Stopwatch, Took},
	trading::us,
};

/// Blocks before the gate closes.
const QUIET_BLOCKS: u32 = 10;

/// Measures an auction of so many orders, and one of a tenth.
pub fn run(orders: u32) -> Result<Value> {
	let few = measure(orders / 10)?;
	let many = measure(orders)?;
	let each = |held: &Held, took: Took| us(took, held.orders);
	Ok(json!({
		"orders": many.orders,
		"trades": many.trades,
		"blocks": many.blocks,
		"import_us": rounded(each(&many, many.import)),
		"native_us": rounded(each(&many, many.native())),
		"algorithm_us": rounded(each(&many, many.algorithm)),
		"reads": many.reads,
		"writes": many.writes,
		"over_native": rounded(many.ratio()),
		"worst_block_us": rounded(us(many.worst, 1)),
		"empty_block_us": rounded(us(many.empty, 1)),
		"few_orders": few.orders,
		"import_us_of_few": rounded(each(&few, few.import)),
		"over_native_of_few": rounded(few.ratio()),
		"growth": rounded(each(&many, many.import) / each(&few, few.import)),
	}))
}

/// What an auction took.
struct Held {
	orders: u32,
	trades: usize,
	blocks: usize,
	/// Import of the blocks that hold it.
	import: Took,
	/// The longest of them.
	worst: Took,
	/// Import of the last block before.
	empty: Took,
	/// The algorithm over arrays.
	algorithm: Took,
	/// What those blocks read and write, done natively, with root and commit.
	storage: Took,
	reads: usize,
	writes: usize,
}

impl Held {
	fn native(&self) -> Took {
		let mut native = self.algorithm;
		native += self.storage;
		native
	}

	fn ratio(&self) -> f64 {
		self.import.cpu.as_secs_f64() / self.native().cpu.as_secs_f64()
	}
}

/// The blocks of an auction.
struct Blocks {
	before: Vec<Block>,
	holding: Vec<(Block, Vec<Access>)>,
}

fn measure(orders: u32) -> Result<Held> {
	let market = Market::auction(orders);
	let stage = Stage::new()?;
	let cleared = cleared(orders)?;
	let author = stage.chain(State::Market(market), "author")?;
	let blocks = hold(&market, &author)?;
	compare(&market, &author, &cleared.0)?;
	drop(author);

	let importer = stage.chain(State::Market(market), "importer")?;
	let mut empty = Took::default();
	for block in &blocks.before {
		empty = importer.import(block.clone())?;
	}
	let (mut import, mut worst) = (Took::default(), Took::default());
	for (block, _) in &blocks.holding {
		let took = importer.import(block.clone())?;
		import += took;
		worst = if took.cpu > worst.cpu { took } else { worst };
	}
	drop(importer);

	let native = stage.chain(State::Market(market), "native")?;
	for block in blocks.before {
		native.import(block)?;
	}
	let (mut storage, mut reads, mut writes) = (Took::default(), 0, 0);
	let count = blocks.holding.len();
	for (block, accesses) in blocks.holding {
		let writing = accesses.iter().filter(|access| access.writes()).count();
		writes += writing;
		reads += accesses.len() - writing;
		storage += redo(&native, block, accesses)?;
	}
	let held = Held {
		orders,
		trades: cleared.0.trades.len(),
		blocks: count,
		import,
		worst,
		empty,
		algorithm: cleared.1,
		storage,
		reads,
		writes,
	};
	eprintln!(
		"{orders} orders, {} trades, {count} blocks: import {import:?}, natively {:?} and {storage:?}",
		held.trades, held.algorithm
	);
	Ok(held)
}

/// The auction over arrays, and what it took.
fn cleared(orders: u32) -> Result<(Cleared, Took)> {
	let terms = genesis::development_terms();
	let terms = Terms {
		retail: terms.retail_price,
		fee: terms.rules.fee,
	};
	let orders: Vec<Order> = (0..orders)
		.map(|n| {
			let (side, limit, energy) = offered(n);
			Order {
				side,
				limit,
				energy,
			}
		})
		.collect();
	let accounts = arrays::locked(&orders, &terms);
	let stopwatch = Stopwatch::start();
	let cleared = arrays::clear(&orders, &terms, accounts);
	let took = stopwatch.read();
	ensure!(!cleared.trades.is_empty(), "too few orders: none trade");
	Ok((cleared, took))
}

/// Makes the blocks that hold the auction, from the one in which its gate closes.
fn hold(market: &Market, author: &Chain) -> Result<Blocks> {
	let mut time = START;
	let mut next = |author: &Chain| -> Result<Block> {
		time += u64::from(BLOCK_SECONDS);
		if author.look(System::block_number)? == QUIET_BLOCKS {
			time = CLOCK.start_of(market.period());
		}
		Ok(author.extend(time, [])?.block)
	};
	let before = (0..QUIET_BLOCKS)
		.map(|_| next(author))
		.collect::<Result<_>>()?;
	let mut holding = Vec::new();
	while author.look(|| is_held(market))? {
		let block = next(author)?;
		let accesses = access::record(author, &block)?;
		holding.push((block, accesses));
	}
	Ok(Blocks { before, holding })
}

/// Whether the auction is still to be held, or under way.
fn is_held(market: &Market) -> bool {
	let book = (Be32::from(MICROGRID), Be32::from(market.period()));
	Agenda::<Runtime>::iter().any(|((_, _, microgrid, period), due)| {
		(microgrid, period) == book && matches!(due, Due::Discover { .. } | Due::Clear(_))
	})
}

/// The chain must have come to what the arrays say: price, volume, and for each member what it traded and
/// what that locks.
fn compare(market: &Market, chain: &Chain, cleared: &Cleared) -> Result<()> {
	chain.look(|| {
		let data = OrderBook::market_data(MICROGRID, market.period()).context("a book")?;
		ensure!(
			data.last_price == Some(cleared.price)
				&& data.volume == cleared.volume
				&& data.trades as usize == cleared.trades.len(),
			"the auction is cleared otherwise than over arrays: {data:?}"
		);
		for (n, expected) in (0..market.orders).zip(&cleared.accounts) {
			let meter = MeterId(n);
			let position = Settlement::position(MICROGRID, market.period(), meter);
			let contracts = position.map(|position| position.contracts);
			let contracts = contracts.unwrap_or_default();
			let found = Account {
				locked: Settlement::member(&account(meter)).locked,
				sold: contracts.sold,
				bought: contracts.bought,
				receivable: contracts.receivable,
				payable: contracts.payable,
				fee: contracts.fee,
			};
			ensure!(
				found == *expected,
				"{meter} has traded otherwise: {found:?}"
			);
		}
		Ok(())
	})?
}

/// Does natively what a block does to storage, and imports the block with the changes that come of it.
fn redo(native: &Chain, block: Block, accesses: Vec<Access>) -> Result<Took> {
	let (parent, root) = (block.header().parent_hash, block.header().state_root);
	let stopwatch = Stopwatch::start();
	let changes = access::replay(native, parent, accesses)?;
	let mut took = stopwatch.read();
	ensure!(
		changes.transaction_storage_root == root,
		"what was recorded leads elsewhere"
	);
	took += native.adopt(block, changes)?;
	Ok(took)
}

#[cfg(test)]
mod tests {
	use gridweave_primitives::{market::Side, WattHours};

	use super::*;

	#[test]
	fn about_half_of_what_is_offered_should_trade() {
		let cleared = cleared(10_000).expect("some trade").0;
		let sum = |side| {
			(0..10_000)
				.map(offered)
				.filter(|(of, ..)| *of == side)
				.fold(WattHours::ZERO, |sum, (.., energy)| {
					sum.saturating_add(energy)
				})
		};
		for side in [Side::Bid, Side::Ask] {
			let share = cleared.volume.0 * 100 / sum(side).0;
			assert!((40..60).contains(&share), "{share} % of {side:?}");
		}
		assert!((4_000..6_000).contains(&cleared.trades.len()));
	}
}
