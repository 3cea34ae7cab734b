//! When standing orders are executed: a stepped task.
//!
//! Every microgrid with standing orders has a [`Round`] and one entry in the [`StandingAgenda`], ordered by
//! the time at which its next period opens, so that a block in which none does costs one look.
//!
//! * *Fairness*: a turn is at most [`TURN`] instructions. A microgrid that needs more is entered again behind
//!   all that are due: none has another turn before each of them had one.
//! * *Progress*: a turn begins only if there is room for the dearest instruction.
//! * *At most once*: a round goes on behind the last instruction that had its turn, and its periods only go
//!   up.
//! * *Seeking*: the next round begins in another block than the last one ended in, so that it steps over
//!   nothing that was deleted there. Over what the calls of a block deleted it may have to step; that is
//!   counted and charged.
//!
//! As the service of books, it runs twice a block: in `on_poll` on a budget of its own
//! ([`Config::StandingWeight`]), within the share of a block that the steps of all pallets may take, and in
//! `on_idle` on what transactions leave.

use frame_support::{
	traits::{fungible::Credit, Get, Imbalance, OnUnbalanced},
	weights::WeightMeter,
};
use gridweave_primitives::{
	microgrid::Terms,
	traits::{MicrogridInspect, SettlementClock},
	Be32, Be64, MicrogridId, Period,
};

use super::store;
use crate::{
	book,
	effort::Effort,
	seek,
	service::TURN,
	types::{BookId, Round, StandingKey},
	Config, Error, Event, Pallet, StandingAgenda, StandingRounds, StandingServed, WeightInfo,
};

/// A microgrid on the agenda: when it is due, how many turns it has had at that time, which it is.
pub(crate) type Entry = (Be64, Be32, Be32);

/// What a microgrid's turn came to.
enum Turn {
	/// Nothing: there is no room for an instruction.
	NoRoom,
	/// The round goes on.
	Part,
	/// The period has not opened yet.
	NotOpen,
	/// All instructions had their turn, or are skipped.
	Done,
}

/// When a period opens, for a task in block time `now`: not in this block.
fn opens<T: Config>(period: Period, now: u64) -> u64 {
	let opens = T::Clock::clock().start_of(period.saturating_sub(T::Horizon::get()));
	opens.max(now.saturating_add(1))
}

/// Counts a new standing order in. The first of a microgrid waits for the next period that opens.
pub(crate) fn enter<T: Config>(microgrid: MicrogridId, key: StandingKey) {
	let grid = Be32::from(microgrid);
	let mut round = StandingRounds::<T>::get(grid).unwrap_or_else(|| {
		let period = T::Clock::current().saturating_add(T::Horizon::get()).next();
		let due = opens::<T>(period, T::Clock::now());
		StandingAgenda::<T>::insert((Be64::from(due), Be32::from(0), grid), ());
		Round::new(period)
	});
	round.enter(key);
	StandingRounds::<T>::insert(grid, round);
}

/// Counts a standing order out. After the last one, the round ends with its next turn.
pub(crate) fn leave<T: Config>(microgrid: MicrogridId, key: StandingKey) {
	StandingRounds::<T>::mutate(Be32::from(microgrid), |stored| {
		if let Some(round) = stored {
			round.leave(key, book::block::<T>());
		}
	});
}

/// The entry that comes first behind `served`, or of all, if it is due.
fn first_due<T: Config>(served: Option<Entry>, now: u64) -> Option<Entry> {
	let entries = match served {
		None => StandingAgenda::<T>::iter_keys(),
		Some(entry) => {
			StandingAgenda::<T>::iter_keys_from(StandingAgenda::<T>::hashed_key_for(entry))
		}
	};
	let count = StandingAgenda::<T>::count().min(1);
	let entry: Entry = seek::at_most(count, entries).next()?;
	(entry.0.get() <= now).then_some(entry)
}

impl<T: Config> Pallet<T> {
	/// Executes standing orders of periods that have opened, as far as the budget goes.
	pub(crate) fn serve_standing(meter: &mut WeightMeter) {
		let (now, block) = (T::Clock::now(), book::block::<T>());
		// All entries lie behind those that had their turn in this block.
		let before = StandingServed::<T>::get().filter(|(in_block, _)| *in_block == block);
		let before = before.map(|(_, entry)| entry);
		let mut served = before;
		while meter.try_consume(T::WeightInfo::standing_base()).is_ok() {
			let Some(entry) = first_due::<T>(served, now) else {
				break;
			};
			if !Self::serve_round(entry, now, meter) {
				break;
			}
			served = Some(entry);
		}
		if let Some(entry) = served.filter(|_| served != before) {
			StandingServed::<T>::put((block, entry));
		}
	}

	/// Gives a microgrid its turn. Whether there was room for one.
	fn serve_round(entry: Entry, now: u64, meter: &mut WeightMeter) -> bool {
		if meter.try_consume(T::WeightInfo::advance_round()).is_err() {
			return false;
		}
		let (due, turns, grid) = entry;
		let microgrid = MicrogridId(grid.get());
		let stored = StandingRounds::<T>::get(grid).filter(|round| round.orders > 0);
		let next = match stored {
			None => None,
			Some(mut round) => {
				let next = match Self::take_turn(microgrid, &mut round, meter) {
					Turn::NoRoom => return false,
					Turn::Part => {
						let turns = if due.get() == now { turns.get() } else { 0 };
						(now, turns.saturating_add(1))
					}
					Turn::NotOpen => (now.saturating_add(1), 0),
					Turn::Done => {
						round.restart(round.period.next());
						(opens::<T>(round.period, now), 0)
					}
				};
				Some((round, next))
			}
		};
		StandingAgenda::<T>::remove(entry);
		match next {
			Some((round, (due, turns))) => {
				StandingRounds::<T>::insert(grid, round);
				StandingAgenda::<T>::insert((Be64::from(due), Be32::from(turns), grid), ());
			}
			None => StandingRounds::<T>::remove(grid),
		}
		true
	}

	/// Goes on with a round that has orders.
	fn take_turn(microgrid: MicrogridId, round: &mut Round, meter: &mut WeightMeter) -> Turn {
		let Some(period) = T::Microgrids::next_opened(microgrid, round.period) else {
			return Turn::NotOpen;
		};
		// Later than expected if the chain stood still: what expired meanwhile never opened.
		round.period = period;
		let id = BookId { microgrid, period };
		match Self::open_terms(id) {
			Ok(terms) => Self::execute_round(id, &terms, round, meter),
			Err(error) if error == Error::<T>::GateClosed.into() => {
				if round.left() > 0 {
					Self::deposit_event(Event::StandingOrdersSkipped {
						microgrid,
						period,
						orders: round.left(),
					});
				}
				Turn::Done
			}
			Err(_) => Turn::NotOpen,
		}
	}

	/// Executes the next instructions of a round.
	fn execute_round(
		id: BookId,
		terms: &Terms,
		round: &mut Round,
		meter: &mut WeightMeter,
	) -> Turn {
		let block = book::block::<T>();
		let deleted = Effort::walk(round.removals_at(block));
		if meter.try_consume(deleted.weight::<T>()).is_err() {
			return Turn::NoRoom;
		}
		// Orders that have left the book in this block are stepped over by those that trade.
		let mut removals = book::load::<T>(id).map_or(0, |book| book.removals_at(block));
		let mut fees = Credit::<T::AccountId, T::Currency>::zero();
		let mut steps = 0u32;
		while round.left() > 0 {
			let most = Self::weight_of_execution(removals);
			// No order shall be refused because too many have left the book: it has time.
			let trades = removals.saturating_add(T::MaxStandingFills::get());
			if steps >= TURN || trades > T::MaxRemovals::get() || !meter.can_consume(most) {
				break;
			}
			steps = steps.saturating_add(1);
			let Some((key, order)) = store::next::<T>(id.microgrid, round) else {
				log::error!(
					target: "runtime::order-book",
					"standing orders of microgrid {} are miscounted", id.microgrid,
				);
				round.orders = round.passed;
				break;
			};
			let executed = Self::execute_standing(id, terms, key, order, most);
			meter.consume(executed.weight);
			removals = removals.saturating_add(executed.fills);
			round.pass(key, executed.stays);
			if let Some(fee) = executed.fee {
				fees.subsume(fee);
			}
		}
		T::Fees::on_unbalanced(fees);
		match (round.left(), steps) {
			(0, _) => Turn::Done,
			(_, 0) => Turn::NoRoom,
			_ => Turn::Part,
		}
	}
}
