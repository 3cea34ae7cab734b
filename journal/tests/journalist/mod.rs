//! Keeps the journal of a chain without a node, and checks of each block what any journal must hold.

use std::{
	cell::RefCell,
	collections::{BTreeMap, BTreeSet},
	rc::Rc,
};

use gridweave_journal::{
	opening,
	record::{Opening, Owed, Planck, Side},
	records,
	state::load,
	Block, Line, Record, Snapshot,
};
use gridweave_runtime::{AccountId, Runtime, Settlement, System};
use pallet_settlement::Funds;
use serde_json::Value;
use sp_core::{crypto::Ss58Codec, H256};

use crate::common::Chain;

/// The journal of a chain, as far as its blocks have ended.
#[derive(Clone, Default)]
pub struct Journal(Rc<RefCell<Book>>);

#[derive(Default)]
struct Book {
	lines: Vec<Line>,
	/// What openings at the end of any block would tell of.
	openings: BTreeSet<String>,
	last: Snapshot,
}

impl Journal {
	/// A chain of this genesis, and its journal.
	pub fn of(config: Value) -> (Chain, Self) {
		let journal = Self::default();
		let keeper = journal.clone();
		let chain = Chain::watched(config, Box::new(move |number| keeper.note(number)));
		(chain, journal)
	}

	/// All lines so far.
	pub fn lines(&self) -> Vec<Line> {
		self.0.borrow().lines.clone()
	}

	/// All records so far.
	pub fn records(&self) -> Vec<Record> {
		let book = self.0.borrow();
		book.lines.iter().map(|line| line.record.clone()).collect()
	}

	/// What journals that begin after any of the blocks tell of first.
	pub fn openings(&self) -> BTreeSet<String> {
		self.0.borrow().openings.clone()
	}

	/// What a journal would tell first that begins after the last block.
	pub fn opening_now(&self) -> Vec<Opening> {
		let book = self.0.borrow();
		let told = opening(0, H256::zero(), &book.last).expect("it can be told");
		let openings = told.into_iter().filter_map(|line| match line.record {
			Record::Opening(opening) => Some(opening),
			_ => None,
		});
		openings.collect()
	}

	fn note(&self, number: u32) {
		let mut book = self.0.borrow_mut();
		let state = Snapshot::take();
		let told = if number == 0 {
			opening(0, H256::zero(), &state).expect("it can be told")
		} else {
			let events = System::events();
			let block = Block {
				number,
				hash: H256::repeat_byte(1),
				events: &events,
			};
			let told = records(&block, &book.last, &state).expect("it can be told");
			check_order(&told);
			check_money(&told, &book.last, &state);
			told
		};
		let begun = match opening(number, H256::zero(), &state) {
			// None begins while a coupling is carried out.
			Err(gridweave_journal::Error::Coupling) => Vec::new(),
			told => told.expect("it can be told"),
		};
		for line in told.iter().chain(&begun) {
			let text = serde_json::to_string(line).expect("it serializes");
			let read: Line = serde_json::from_str(&text).expect("it reads");
			assert_eq!(&read, line);
			let value: Value = serde_json::from_str(&text).expect("it is JSON");
			book.openings.extend(value["of"].as_str().map(Into::into));
		}
		book.lines.extend(told);
		book.last = state;
	}
}

/// Lines are in the order of events.
fn check_order(told: &[Line]) {
	assert!(matches!(told[0].record, Record::Block { .. }));
	let events: Vec<_> = told.iter().filter_map(|line| line.event).collect();
	assert!(events.is_sorted(), "{events:?}");
}

/// Balances and locks by account: what accounts owe is told as arrears.
fn ledger(state: &Snapshot) -> BTreeMap<AccountId, (u128, u128)> {
	let items = [("Settlement", "Ledger"), ("Settlement", "Seats")];
	let mut loaded = load(state, &items).expect("it is there");
	loaded.execute_with(|| {
		Settlement::members()
			.filter(|(_, member)| member.is_open())
			.map(|(who, member)| (who, (member.balance, member.locked)))
			.collect()
	})
}

fn funds(state: &Snapshot) -> BTreeMap<u32, u128> {
	let mut loaded = load(state, &[("Settlement", "Funds")]).expect("it is there");
	loaded.execute_with(|| {
		Funds::<Runtime>::iter()
			.map(|(grid, fund)| (grid.get(), fund))
			.collect()
	})
}

/// What changed of trading balances and funds is told, and nothing else than what is so.
fn check_money(told: &[Line], before: &Snapshot, after: &Snapshot) {
	let (old, new) = (ledger(before), ledger(after));
	let (old_funds, new_funds) = (funds(before), funds(after));
	let mut left = old.clone();
	let mut left_funds = old_funds.clone();
	for line in told {
		match &line.record {
			Record::Ledger {
				account,
				balance,
				locked,
			} => {
				let who = AccountId::from_ss58check(account).expect("an address");
				let member = (balance.0, locked.0);
				assert_eq!(new.get(&who).copied().unwrap_or_default(), member);
				if member == (0, 0) {
					left.remove(&who);
				} else {
					left.insert(who, member);
				}
			}
			Record::Fund { microgrid, amount } => {
				assert_eq!(
					new_funds.get(microgrid).copied().unwrap_or_default(),
					amount.0
				);
				left_funds.insert(*microgrid, amount.0);
				left_funds.retain(|_, amount| *amount > 0);
			}
			_ => {}
		}
	}
	assert_eq!(left, new, "a trading balance changed and was not told");
	assert_eq!(left_funds, new_funds, "a fund changed and was not told");
}

/// What is left of each order, replayed: as it is told at the end.
pub fn check_orders(journal: &Journal) {
	let mut open: BTreeMap<u64, (Side, u64)> = BTreeMap::new();
	let take = |open: &mut BTreeMap<u64, (Side, u64)>, order: u64, energy: u64| {
		let (_, left) = open.get_mut(&order).expect("it was placed");
		*left = left.checked_sub(energy).expect("it has as much");
		if *left == 0 {
			open.remove(&order);
		}
	};
	for record in journal.records() {
		match record {
			Record::Place {
				order,
				side,
				energy,
				..
			} => assert!(open.insert(order, (side, energy)).is_none()),
			Record::Trade {
				bid, ask, energy, ..
			} => {
				take(&mut open, bid, energy);
				take(&mut open, ask, energy);
			}
			Record::TradeOverLink {
				bid,
				ask,
				sent,
				received,
				..
			} => {
				take(&mut open, bid, received);
				take(&mut open, ask, sent);
			}
			Record::CoupledFill { order, energy, .. } => take(&mut open, order, energy),
			Record::Cancel { order, energy, .. } | Record::Cancelled { order, energy, .. } => {
				take(&mut open, order, energy);
				assert!(!open.contains_key(&order), "something is left of it");
			}
			Record::Reduce {
				order, remaining, ..
			} => open.get_mut(&order).expect("it was placed").1 = remaining,
			_ => {}
		}
	}
	let told: BTreeMap<u64, (Side, u64)> = journal
		.opening_now()
		.into_iter()
		.filter_map(|opening| match opening {
			Opening::Order {
				order,
				side,
				remaining,
				..
			} => Some((order, (side, remaining))),
			_ => None,
		})
		.collect();
	assert_eq!(open, told);
}

/// Bills are of what was metered and add up, period by period.
pub fn check_bills(journal: &Journal) {
	type Key = (u32, u32);
	let mut metered: BTreeMap<(Key, u32), (u64, u64)> = BTreeMap::new();
	let mut bills: BTreeMap<Key, (u32, i128)> = BTreeMap::new();
	let mut periods = 0;
	for record in journal.records() {
		match record {
			Record::Metered(energy) => {
				let key = ((energy.microgrid, energy.period), energy.meter);
				let energy = (energy.import, energy.export);
				assert_eq!(metered.insert(key, energy), None, "told twice");
			}
			Record::Statement {
				microgrid,
				period,
				meter,
				bill,
			} => {
				let key = (microgrid, period);
				let energy = metered.remove(&(key, meter));
				assert_eq!(bill.provenance.is_some(), energy.is_some());
				assert_eq!((bill.import, bill.export), energy.unwrap_or_default());
				let (meters, sum) = bills.entry(key).or_default();
				*meters += 1;
				*sum += bill.amount.0;
			}
			Record::PeriodSettled {
				microgrid,
				period,
				summary,
			} => {
				let (meters, sum) = bills.remove(&(microgrid, period)).unwrap_or_default();
				assert_eq!((meters, Owed(sum)), (summary.meters, summary.members));
				let (Owed(operator), Planck(fund)) = (summary.operator, summary.fund);
				let links = summary.links;
				assert_eq!(
					sum + operator + fund as i128,
					links.proceeds.0 as i128 - links.payments.0 as i128
				);
				periods += 1;
			}
			_ => {}
		}
	}
	assert!(periods > 0, "nothing was settled");
	assert!(metered.is_empty(), "metered and not billed: {metered:?}");
	assert!(bills.is_empty(), "billed and not settled: {bills:?}");
}
