//! What becomes of books with time: a stepped task.
//!
//! Every book has one entry in the [`Agenda`], ordered by the time at which its next [`Stage`] is due, so
//! that a block in which nothing is due costs one look, however many books there are. What is left to do of
//! a stage is what is left in storage, and what the stage itself notes.
//!
//! * *Order*: what is due first has its turn first.
//! * *Fairness*: a turn is at most [`TURN`] steps. A book that needs more is entered again behind all that
//!   are due: none has another turn before each of them had one.
//! * *Progress*: a turn begins only if there is room for a step of it.
//! * *Completeness*: being late is allowed, being left out is not. The gate is
//!   closed by the clock, not by this task: after that nothing trades but in the auction of a book, and an
//!   order that is late to expire does not.
//!
//! It runs twice a block: within a budget of its own, and again, when the block's transactions are in, within
//! all that they left of it. So it never takes more than its budget from others, and a burst of orders is
//! expired as fast as the chain has time.

use frame_support::weights::{Weight, WeightMeter};
use gridweave_primitives::{
	microgrid::Terms,
	traits::{MicrogridInspect, SettlementClock},
	Be32, Be64, MicrogridId, Period,
};

use crate::{
	book,
	effort::Effort,
	links, seek,
	types::{BookId, CancelReason, Locator, Stage},
	Agenda, Config, Event, Pallet, Served, WeightInfo,
};

mod auction;
mod coupling;
mod exchange;

const LOG_TARGET: &str = "runtime::order-book";

/// Most orders that are read, traded or cancelled in one turn of a book.
pub(crate) const TURN: u32 = 32;

/// A book on the agenda: when it is due, how many turns it has had at that time, which it is.
pub(crate) type Entry = (Be64, Be32, Be32, Be32);

/// What a book's turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
	/// Nothing: there is no room for a step.
	NoRoom,
	/// The stage goes on like this.
	Part(Stage),
	/// The stage is done, and this is the next one.
	Next(Stage),
	/// The last stage is done.
	Last,
}

fn entry(due: u64, turns: u32, id: BookId) -> Entry {
	(
		due.into(),
		turns.into(),
		id.microgrid.into(),
		id.period.into(),
	)
}

/// Enters a new book into the agenda: for its gate, or, if that has closed, for the next block.
pub(crate) fn schedule<T: Config>(id: BookId, terms: &Terms) {
	let gate = T::Microgrids::gate_closes_at(&T::Clock::clock(), terms, id.period);
	let due = gate.max(T::Clock::now().saturating_add(1));
	Agenda::<T>::insert(entry(due, 0, id), Stage::at_gate(terms.rules.mechanism));
}

/// When the stage that follows another in block time `now` is due. Not in the same block: then nothing that
/// a stage looks for lies behind what the one before deleted.
fn due<T: Config>(id: BookId, stage: &Stage, now: u64) -> u64 {
	let clock = T::Clock::clock();
	let due = match stage {
		Stage::Discover { .. } | Stage::Clear(_) | Stage::Expire => now,
		Stage::Await { until } => *until,
		Stage::Prune => clock.expires_at(id.period),
	};
	due.max(now.saturating_add(1))
}

/// The entry that comes first behind `served`, or of all, if it is due.
fn first_due<T: Config>(served: Option<Entry>, now: u64) -> Option<(Entry, Stage)> {
	let entries = match served {
		None => Agenda::<T>::iter(),
		Some(entry) => Agenda::<T>::iter_from(Agenda::<T>::hashed_key_for(entry)),
	};
	let count = Agenda::<T>::count().min(1);
	let (entry, stage) = seek::at_most(count, entries).next()?;
	(entry.0.get() <= now).then_some((entry, stage))
}

/// How many books are due; counts up to `most`.
pub(crate) fn count_due<T: Config>(most: u32) -> u32 {
	let now = T::Clock::now();
	let due = Agenda::<T>::iter_keys()
		.take(most as usize)
		.take_while(|(due, ..)| due.get() <= now)
		.count();
	u32::try_from(due).unwrap_or(most)
}

impl<T: Config> Pallet<T> {
	/// Does what is due, as far as the budget goes.
	pub(crate) fn serve(meter: &mut WeightMeter) {
		Self::serve_couplings(meter);
		let (now, block) = (T::Clock::now(), book::block::<T>());
		// All entries lie behind those that had their turn in this block: they are walked on from, never
		// sought past.
		let before = Served::<T>::get().filter(|(in_block, _)| *in_block == block);
		let before = before.map(|(_, entry)| entry);
		let mut served = before;
		while meter.try_consume(T::WeightInfo::service_base()).is_ok() {
			let Some((entry, stage)) = first_due::<T>(served, now) else {
				break;
			};
			if !Self::serve_book(entry, stage, now, meter) {
				break;
			}
			served = Some(entry);
		}
		if let Some(entry) = served.filter(|_| served != before) {
			Served::<T>::put((block, entry));
		}
	}

	/// Gives a book its turn. Whether there was room for one.
	fn serve_book(
		(due_at, turns, microgrid, period): Entry,
		stage: Stage,
		now: u64,
		meter: &mut WeightMeter,
	) -> bool {
		if meter.try_consume(Self::weight_of_turn()).is_err() {
			return false;
		}
		let id = BookId {
			microgrid: MicrogridId(microgrid.get()),
			period: Period(period.get()),
		};
		let turn = match stage {
			Stage::Discover {
				discovery,
				bids,
				asks,
			} => {
				let fresh = stage == Self::stage_without_coupling();
				let coupled = fresh
					.then(|| Self::await_coupling(id, now, meter))
					.flatten();
				coupled.unwrap_or_else(|| Self::discover(id, discovery, bids, asks, meter))
			}
			Stage::Await { .. } => Self::await_coupling(id, now, meter)
				.unwrap_or_else(|| Turn::Next(Self::stage_without_coupling())),
			Stage::Clear(execution) => Self::clear(id, execution, meter),
			Stage::Expire => Self::expire_orders(id, meter),
			Stage::Prune => {
				book::prune::<T>(id);
				links::forget::<T>(id);
				Turn::Last
			}
		};
		let next = match turn {
			Turn::NoRoom => return false,
			Turn::Part(stage) => {
				let turns = if due_at.get() == now { turns.get() } else { 0 };
				Some((entry(now, turns.saturating_add(1), id), stage))
			}
			Turn::Next(stage) => Some((entry(due::<T>(id, &stage, now), 0, id), stage)),
			Turn::Last => None,
		};
		Agenda::<T>::remove((due_at, turns, microgrid, period));
		if let Some((entry, stage)) = next {
			Agenda::<T>::insert(entry, stage);
		}
		true
	}

	/// Cancels orders of a book whose gate is closed.
	pub(crate) fn expire_orders(id: BookId, meter: &mut WeightMeter) -> Turn {
		let next = Turn::Next(Stage::Prune);
		let Some(mut book) = book::load::<T>(id) else {
			return next;
		};
		// What was cancelled in this block may lie between what is left, and is stepped over.
		let cancelled = Effort::walk(book.removals_at(book::block::<T>()));
		if meter.try_consume(cancelled.weight::<T>()).is_err() {
			return Turn::NoRoom;
		}
		let expire = Self::weight_of_expiry(&book);
		let mut steps = 0u32;
		while let Some((side, place)) = book.any_best() {
			if steps >= TURN || meter.try_consume(expire).is_err() {
				break;
			}
			steps = steps.saturating_add(1);
			let locator = Locator {
				book: id,
				side,
				price: place.price,
			};
			let resting = book::order::<T>(place.order, &locator);
			book::remove::<T>(id, &mut book, side, place);
			if let Some(resting) = resting {
				Self::release(
					id,
					&mut book,
					side,
					place,
					&resting,
					CancelReason::GateClosed,
				);
			}
		}
		let done = book.any_best().is_none();
		if steps == 0 && !done {
			return Turn::NoRoom;
		}
		book::save::<T>(id, &book);
		if !done {
			return Turn::Part(Stage::Expire);
		}
		Self::deposit_event(Event::MarketClosed {
			microgrid: id.microgrid,
			period: id.period,
			market: book.market,
		});
		next
	}

	/// Runs a task on a budget of its own, as far as the block has room for it.
	pub(crate) fn run_task(
		budget: Weight,
		block: &mut WeightMeter,
		task: impl FnOnce(&mut WeightMeter),
	) {
		let mut meter = WeightMeter::with_limit(budget.min(block.remaining()));
		task(&mut meter);
		block.consume(meter.consumed());
	}
}
