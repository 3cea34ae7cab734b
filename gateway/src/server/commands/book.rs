//! The latest command of each meter that delivers here, and what has become of it, in the order of changes.
//!
//! The chain keeps one command per meter, the latest, so that this is one entry per meter at most. An entry
//! that changes moves to the end: who has seen all up to a revision asks for what came after it.

use std::{
	collections::{BTreeMap, BTreeSet, HashMap},
	str::FromStr,
};

use gridweave_primitives::MeterId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::Command;

/// A command as the chain has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
	/// The command.
	pub command: Command,
	/// When the reading was captured that acknowledged it: Unix seconds.
	pub acknowledged: Option<u64>,
}

/// What has become of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CommandState)]
pub enum State {
	/// Its device has not acknowledged it yet.
	Open,
	/// Its device has acknowledged it, and its time is not over.
	Acknowledged,
	/// Its time is over, and its device never acknowledged it.
	Expired,
	/// Its device has acknowledged it, and its time is over.
	Done,
	/// The chain has it no more: the meter has left the programme.
	Withdrawn,
}

impl State {
	/// All of them.
	pub const ALL: [Self; 5] = [
		Self::Open,
		Self::Acknowledged,
		Self::Expired,
		Self::Done,
		Self::Withdrawn,
	];

	/// As in answers and metrics.
	pub const fn name(self) -> &'static str {
		match self {
			Self::Open => "open",
			Self::Acknowledged => "acknowledged",
			Self::Expired => "expired",
			Self::Done => "done",
			Self::Withdrawn => "withdrawn",
		}
	}

	/// Whether the device is told it: until its time is over, for a device may forget what it has acknowledged.
	pub const fn is_told(self) -> bool {
		matches!(self, Self::Open | Self::Acknowledged)
	}

	fn of(given: &Given, now: u64) -> Self {
		match (given.acknowledged.is_some(), now < given.command.until) {
			(false, true) => Self::Open,
			(true, true) => Self::Acknowledged,
			(false, false) => Self::Expired,
			(true, false) => Self::Done,
		}
	}
}

/// From its name.
impl FromStr for State {
	type Err = ();

	fn from_str(name: &str) -> Result<Self, ()> {
		let found = Self::ALL.into_iter().find(|state| state.name() == name);
		found.ok_or(())
	}
}

/// A meter's command, and what has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
	/// The command.
	pub given: Given,
	/// What has become of it.
	pub state: State,
	/// Its place in the order of changes.
	pub revision: u64,
}

/// All of them.
#[derive(Debug)]
pub struct Book {
	entries: HashMap<MeterId, Entry>,
	/// Revision → meter.
	order: BTreeMap<u64, MeterId>,
	/// When the time of those that are told is over.
	ends: BTreeSet<(u64, MeterId)>,
	/// Pages with open commands → how many.
	open: BTreeMap<u32, u32>,
	counts: BTreeMap<State, i64>,
	revision: u64,
	now: u64,
	most: usize,
}

impl Book {
	/// For so many meters at most.
	pub fn new(most: usize) -> Self {
		Self {
			entries: HashMap::new(),
			order: BTreeMap::new(),
			ends: BTreeSet::new(),
			open: BTreeMap::new(),
			counts: State::ALL.map(|state| (state, 0)).into(),
			revision: 0,
			now: 0,
			most,
		}
	}

	/// The chain's time, as far as it is known.
	pub fn now(&self) -> u64 {
		self.now
	}

	/// The last change.
	pub fn revision(&self) -> u64 {
		self.revision
	}

	/// How many commands are in this state.
	pub fn count(&self, state: State) -> i64 {
		self.counts.get(&state).copied().unwrap_or(0)
	}

	/// The command of a meter.
	pub fn get(&self, meter: MeterId) -> Option<&Entry> {
		self.entries.get(&meter)
	}

	/// What has changed after a revision, in order; at most `most`.
	pub fn after(&self, revision: u64, most: usize) -> impl Iterator<Item = &Entry> {
		let from = revision.saturating_add(1);
		let changed = self.order.range(from..).take(most);
		changed.filter_map(|(_, meter)| self.entries.get(meter))
	}

	/// The first pages from `from` on with open commands, at most `most`.
	pub fn open_pages(&self, from: u32, most: usize) -> Vec<u32> {
		let pages = self.open.range(from..).take(most);
		pages.map(|(page, _)| *page).collect()
	}

	/// The chain's time has come to this; it never goes back. Commands whose time is over are told no more.
	pub fn pass(&mut self, now: u64) {
		self.now = self.now.max(now);
		while let Some((until, meter)) = self.ends.first().copied() {
			if until > self.now {
				break;
			}
			match self.entries.get(&meter).copied() {
				Some(Entry { given, .. }) => {
					let state = State::of(&given, self.now);
					self.put(meter, given, state);
				}
				None => drop(self.ends.pop_first()),
			}
		}
	}

	/// What the chain has of the meters on a page whose slots are set in `slots`. How many commands there was no
	/// room for.
	pub fn see(&mut self, page: u32, slots: u32, found: &[(u8, Given)]) -> usize {
		let mut left_out = 0;
		for slot in 0..u32::BITS as u8 {
			if slots & (1 << slot) == 0 {
				continue;
			}
			let meter = MeterId::at(page, slot);
			let given = found.iter().find(|(of, _)| *of == slot);
			match (given, self.entries.get(&meter).copied()) {
				(None, None) => {}
				(None, Some(Entry { given, state, .. })) => {
					if state != State::Withdrawn {
						self.put(meter, given, State::Withdrawn);
					}
				}
				(Some((_, given)), before) => {
					let state = State::of(given, self.now);
					let same = |before: Entry| before.given == *given && before.state == state;
					if before.is_none() && self.entries.len() >= self.most {
						left_out += 1;
					} else if !before.is_some_and(same) {
						self.put(meter, *given, state);
					}
				}
			}
		}
		left_out
	}

	fn put(&mut self, meter: MeterId, given: Given, state: State) {
		self.revision = self.revision.saturating_add(1);
		let entry = Entry {
			given,
			state,
			revision: self.revision,
		};
		if let Some(before) = self.entries.insert(meter, entry) {
			self.order.remove(&before.revision);
			self.ends.remove(&(before.given.command.until, meter));
			self.tally(meter, before.state, -1);
		}
		self.order.insert(self.revision, meter);
		if state.is_told() {
			self.ends.insert((given.command.until, meter));
		}
		self.tally(meter, state, 1);
	}

	fn tally(&mut self, meter: MeterId, state: State, by: i32) {
		*self.counts.entry(state).or_default() += i64::from(by);
		if state == State::Open {
			let page = meter.page();
			let open = self.open.entry(page).or_default();
			*open = open.saturating_add_signed(by);
			if *open == 0 {
				self.open.remove(&page);
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::command::tests::any_command;
	use proptest::prelude::*;

	fn given(meter: u32, nonce: u32, until: u64, acknowledged: Option<u64>) -> Given {
		let command = Command {
			meter,
			nonce,
			action: crate::command::Action::Charge,
			watts: None,
			from: 0,
			until,
			event: None,
		};
		Given {
			command,
			acknowledged,
		}
	}

	fn state(book: &Book, meter: u32) -> Option<State> {
		Some(book.get(MeterId(meter))?.state)
	}

	#[test]
	fn a_command_should_be_open_until_acknowledged_and_told_until_its_time_is_over() {
		let mut book = Book::new(9);
		book.pass(10);
		let commands = [(1, given(1, 1, 20, None)), (2, given(2, 1, 20, None))];
		book.see(0, 0b110, &commands);
		assert_eq!(state(&book, 1), Some(State::Open));
		assert_eq!(book.open_pages(0, 9), [0]);
		let commands = [(1, given(1, 1, 20, Some(15))), commands[1]];
		book.see(0, 0b110, &commands);
		assert_eq!(state(&book, 1), Some(State::Acknowledged));
		book.pass(19);
		assert_eq!(book.after(3, 9).count(), 0);
		book.pass(20);
		assert_eq!(state(&book, 1), Some(State::Done));
		assert_eq!(state(&book, 2), Some(State::Expired));
		assert!(book.open_pages(0, 9).is_empty());
		// What the chain says of it again is no news.
		let revision = book.revision();
		book.see(0, 0b110, &commands);
		book.pass(15);
		assert_eq!(book.revision(), revision);
	}

	#[test]
	fn only_meters_that_deliver_here_should_be_seen() {
		let mut book = Book::new(9);
		book.see(
			0,
			0b10,
			&[(0, given(0, 1, 5, None)), (1, given(1, 1, 5, None))],
		);
		assert_eq!(state(&book, 0), None);
		assert_eq!(state(&book, 1), Some(State::Open));
	}

	#[test]
	fn a_command_that_the_chain_has_no_more_should_be_withdrawn_and_may_be_followed_by_another() {
		let mut book = Book::new(9);
		book.see(1, 1, &[(0, given(32, 1, 50, None))]);
		book.see(1, 1, &[]);
		assert_eq!(state(&book, 32), Some(State::Withdrawn));
		let revision = book.revision();
		book.see(1, 1, &[]);
		book.pass(60);
		assert_eq!(book.revision(), revision);
		book.see(1, 1, &[(0, given(32, 2, 90, None))]);
		assert_eq!(state(&book, 32), Some(State::Open));
	}

	#[test]
	fn memory_should_be_bounded_and_what_is_left_out_counted() {
		let mut book = Book::new(2);
		let commands: Vec<_> = (0..4)
			.map(|slot| (slot, given(slot.into(), 1, 9, None)))
			.collect();
		assert_eq!(book.see(0, 0b1111, &commands), 2);
		assert_eq!(book.entries.len(), 2);
		// Those that are in it go on changing.
		assert_eq!(book.see(0, 0b11, &[(0, given(0, 2, 9, None))]), 0);
		assert_eq!(
			book.get(MeterId(0)).map(|entry| entry.given.command.nonce),
			Some(2)
		);
	}

	#[derive(Clone, Debug)]
	enum Step {
		Give(u8, Command, Option<u64>),
		Take(u8),
		Look,
		Pass(u64),
	}

	fn step() -> impl Strategy<Value = Step> {
		let acknowledged = prop::option::of(0u64..200);
		prop_oneof![
			(0u8..4, any_command(0), acknowledged)
				.prop_map(|(slot, command, at)| Step::Give(slot, command, at)),
			(0u8..4).prop_map(Step::Take),
			Just(Step::Look),
			(0u64..250).prop_map(Step::Pass),
		]
	}

	proptest! {
		/// Whoever follows the changes, however many at a time, knows what the chain has; and the indexes agree
		/// with the entries.
		#[test]
		fn who_follows_the_changes_should_know_all(steps in prop::collection::vec(step(), 0..60), most in 1usize..4) {
			let mut book = Book::new(9);
			let mut chain: BTreeMap<u8, Given> = BTreeMap::new();
			let mut mirror: BTreeMap<u32, (Given, State)> = BTreeMap::new();
			let mut seen = 0;
			for step in steps {
				match step {
					Step::Give(slot, command, acknowledged) => {
						let command = Command { meter: slot.into(), ..command };
						chain.insert(slot, Given { command, acknowledged });
					}
					Step::Take(slot) => drop(chain.remove(&slot)),
					Step::Pass(now) => book.pass(now),
					Step::Look => {
						let found: Vec<_> = chain.iter().map(|(slot, given)| (*slot, *given)).collect();
						book.see(0, 0b1111, &found);
						for slot in 0..4u8 {
							let entry = book.get(MeterId(slot.into())).copied();
							match chain.get(&slot) {
								Some(given) => {
									let entry = entry.unwrap();
									prop_assert_eq!(entry.given, *given);
									prop_assert_eq!(entry.state, State::of(given, book.now()));
								}
								None => prop_assert!(entry.is_none_or(|entry| entry.state == State::Withdrawn)),
							}
						}
					}
				}
				for entry in book.after(seen, most) {
					prop_assert!(entry.revision > seen);
					seen = entry.revision;
					mirror.insert(entry.given.command.meter, (entry.given, entry.state));
				}
			}
			let rest: Vec<_> = book.after(seen, usize::MAX).copied().collect();
			mirror.extend(rest.iter().map(|entry| (entry.given.command.meter, (entry.given, entry.state))));
			let all: BTreeMap<_, _> = book.entries.iter().map(|(meter, entry)| (meter.0, (entry.given, entry.state))).collect();
			prop_assert_eq!(mirror, all);
			prop_assert_eq!(book.order.len(), book.entries.len());
			for state in State::ALL {
				let count = book.entries.values().filter(|entry| entry.state == state).count();
				prop_assert_eq!(book.count(state), count as i64);
			}
			let told = book.entries.values().filter(|entry| entry.state.is_told());
			prop_assert_eq!(book.ends.len(), told.clone().count());
			for entry in told {
				prop_assert!(entry.given.command.until > book.now());
			}
			let open = book.entries.values().filter(|entry| entry.state == State::Open).count();
			prop_assert_eq!(book.open.values().sum::<u32>() as usize, open);
		}
	}
}
