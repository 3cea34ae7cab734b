//! A block's events as records.
//!
//! Events tell what was done, whoever asked for it and however: by a transaction of its own, in a batch, for
//! somebody else, by governance; what failed left none. What they do not tell is read from the state at the
//! end of the block, or of the one before. Transactions are not looked at.

use std::collections::BTreeSet;

use frame_system::EventRecord;
use gridweave_primitives::{MicrogridId, OrderId, Period};
use gridweave_runtime::{AccountId, Hash, Runtime, RuntimeEvent};
use pallet_settlement::types::Job;

use crate::{
	record::{Line, Record},
	state::{read, Error, State},
};

mod causes;
mod communities;
mod energy;
mod money;
mod orders;
mod touched;

#[cfg(test)]
mod tests;

pub(crate) use energy::metered;
use touched::Touched;

/// An event as a block stores it.
pub type Event = EventRecord<RuntimeEvent, Hash>;

/// A block to be told.
pub struct Block<'a> {
	/// Its number.
	pub number: u32,
	/// Its hash.
	pub hash: Hash,
	/// Its events, all of them.
	pub events: &'a [Event],
}

/// What happened in a block, in order, with the state `before` it and `after` it.
pub fn records(block: &Block, before: &impl State, after: &impl State) -> Result<Vec<Line>, Error> {
	let mut telling = Telling::of(block, before, after)?;
	telling.begin()?;
	for (at, event) in block.events.iter().enumerate() {
		telling.tell(at, &event.event)?;
	}
	telling.end()
}

/// A block that is being told.
struct Telling<'a, B, A> {
	block: &'a Block<'a>,
	before: &'a B,
	after: &'a A,
	/// The transaction that caused each event.
	causes: Vec<Option<u32>>,
	/// The settlement that was under way before the block.
	settling: Option<Job<AccountId>>,
	/// What was told.
	lines: Vec<Line>,
	/// Which calls of its transaction came to their end before.
	calls: u32,
	/// The order that the next one replaces.
	replaced: Option<OrderId>,
	/// Where in `lines` the debts begin that came directly before.
	debts: Option<usize>,
	/// The periods whose metered energy was told.
	metered: BTreeSet<(MicrogridId, Period)>,
	/// Whose money may have changed.
	touched: Touched,
}

impl<'a, B: State, A: State> Telling<'a, B, A> {
	fn of(block: &'a Block, before: &'a B, after: &'a A) -> Result<Self, Error> {
		let key = pallet_settlement::Current::<Runtime>::hashed_key().to_vec();
		Ok(Self {
			block,
			before,
			after,
			causes: causes::of(block.events),
			settling: read(before, "the settlement under way", key)?,
			lines: Vec::new(),
			calls: 0,
			replaced: None,
			debts: None,
			metered: BTreeSet::new(),
			touched: Touched::default(),
		})
	}

	fn begin(&mut self) -> Result<(), Error> {
		let key = pallet_timestamp::Now::<Runtime>::hashed_key().to_vec();
		let now: u64 = read(self.after, "the time", key)?
			.ok_or_else(|| Error::Missing("the time of the block".into()))?;
		self.add(Record::Block {
			hash: format!("{:#x}", self.block.hash),
			time: now / 1_000,
		});
		Ok(())
	}

	fn tell(&mut self, at: usize, event: &RuntimeEvent) -> Result<(), Error> {
		let debts = self.debts.take();
		match event {
			RuntimeEvent::Microgrids(event) => self.microgrid(at, event)?,
			RuntimeEvent::MeterRegistry(event) => self.meter(at, event),
			RuntimeEvent::OrderBook(event) => self.order(at, event)?,
			RuntimeEvent::Settlement(event) => self.settlement(at, event, debts)?,
			RuntimeEvent::System(
				frame_system::Event::ExtrinsicSuccess { .. }
				| frame_system::Event::ExtrinsicFailed { .. },
			) => {
				self.calls = 0;
				self.replaced = None;
			}
			RuntimeEvent::System(_)
			| RuntimeEvent::Balances(_)
			| RuntimeEvent::TransactionPayment(_) => {}
			// Whatever carries out calls of others tells when one of them came to its end.
			_ => {
				self.calls = self.calls.saturating_add(1);
				self.replaced = None;
			}
		}
		Ok(())
	}

	fn end(mut self) -> Result<Vec<Line>, Error> {
		for record in self
			.touched
			.ledger(self.before, self.after, self.settling.as_ref())?
		{
			self.add(record);
		}
		for record in self.touched.funds(self.after)? {
			self.add(record);
		}
		Ok(self.lines)
	}

	/// A line that no event tells.
	fn line(&self, record: Record) -> Line {
		Line {
			block: self.block.number,
			event: None,
			extrinsic: None,
			record,
		}
	}

	/// Adds what no event tells.
	fn add(&mut self, record: Record) {
		self.lines.push(self.line(record));
	}

	/// Adds what an event tells.
	fn push(&mut self, at: usize, record: Record) {
		self.lines.push(Line {
			event: u32::try_from(at).ok(),
			extrinsic: self.causes.get(at).copied().flatten(),
			..self.line(record)
		});
	}

	/// The event at a place, with those of whatever pallet.
	fn event(&self, at: usize) -> Option<&'a RuntimeEvent> {
		self.block.events.get(at).map(|event| &event.event)
	}
}
