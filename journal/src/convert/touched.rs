//! Whose money a block may have changed: told as it is at the end of the block.

use std::collections::{BTreeMap, BTreeSet};

use gridweave_primitives::{Balance, Be32, MicrogridId};
use gridweave_runtime::{AccountId, Runtime};
use pallet_microgrids::Microgrid;
use pallet_settlement::{
	types::{Job, Member, Row},
	Ledger, SeatOf, Seats,
};

use crate::{
	parts::account,
	record::{Planck, Record},
	state::{read_all, Error, State},
};

/// Trading balances of accounts, in the same order: of who has a seat at a page of meters, there; else in the
/// ledger.
fn members(state: &impl State, accounts: &BTreeSet<AccountId>) -> Result<Vec<Member>, Error> {
	let keys: Vec<_> = (accounts.iter().map(SeatOf::<Runtime>::hashed_key_for)).collect();
	let pages = read_all::<Be32>(state, "a member's seat", &keys)?;
	let taken: BTreeSet<Be32> = pages.iter().flatten().copied().collect();
	let keys: Vec<_> = taken.iter().map(Seats::<Runtime>::hashed_key_for).collect();
	let rows = read_all::<Row<AccountId>>(state, "a page of trading balances", &keys)?;
	let seated: BTreeMap<AccountId, Member> = (rows.into_iter().flatten().flatten())
		.map(|seat| (seat.account, seat.member))
		.collect();
	let keys: Vec<_> = (accounts.iter().map(Ledger::<Runtime>::hashed_key_for)).collect();
	let others = read_all::<Member>(state, "a trading balance", &keys)?;
	let found = accounts.iter().zip(others).map(|(who, other)| {
		let seated = seated.get(who).copied();
		seated.or(other).unwrap_or_default()
	});
	Ok(found.collect())
}

#[derive(Default)]
pub(super) struct Touched {
	members: BTreeSet<AccountId>,
	/// Communities whose operators' money may have changed, whoever they were.
	operators: BTreeSet<MicrogridId>,
	funds: BTreeSet<MicrogridId>,
}

impl Touched {
	pub(super) fn member(&mut self, who: &AccountId) {
		if !self.members.contains(who) {
			self.members.insert(who.clone());
		}
	}

	pub(super) fn operator(&mut self, microgrid: MicrogridId) {
		self.operators.insert(microgrid);
	}

	pub(super) fn fund(&mut self, microgrid: MicrogridId) {
		self.funds.insert(microgrid);
	}

	/// All trading balances that may have changed, by account. A settlement under way keeps the operator that
	/// it began with.
	pub(super) fn ledger(
		&mut self,
		before: &impl State,
		after: &impl State,
		settling: Option<&Job<AccountId>>,
	) -> Result<Vec<Record>, Error> {
		let keys: Vec<_> = self
			.operators
			.iter()
			.map(pallet_microgrids::Microgrids::<Runtime>::hashed_key_for)
			.collect();
		let mut operators = read_all::<Microgrid<AccountId>>(before, "a microgrid", &keys)?;
		operators.extend(read_all(after, "a microgrid", &keys)?);
		let operators = operators.into_iter().flatten();
		self.members
			.extend(operators.map(|microgrid| microgrid.operator));
		if let Some(job) = settling {
			self.member(&job.till.operator);
		}
		let found = members(after, &self.members)?;
		let told = self
			.members
			.iter()
			.zip(found)
			.map(|(who, member)| Record::Ledger {
				account: account(who),
				balance: Planck(member.balance),
				locked: Planck(member.locked),
			});
		Ok(told.collect())
	}

	/// All funds that may have changed.
	pub(super) fn funds(&self, after: &impl State) -> Result<Vec<Record>, Error> {
		let keys: Vec<_> = self
			.funds
			.iter()
			.map(|microgrid| {
				pallet_settlement::Funds::<Runtime>::hashed_key_for(Be32::from(*microgrid))
			})
			.collect();
		let found = read_all::<Balance>(after, "a fund", &keys)?;
		let told = self.funds.iter().zip(found).map(|(microgrid, amount)| {
			let amount = Planck(amount.unwrap_or_default());
			Record::Fund {
				microgrid: microgrid.0,
				amount,
			}
		});
		Ok(told.collect())
	}
}
