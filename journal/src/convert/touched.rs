//! Whose money a block may have changed: told as it is at the end of the block.

use std::collections::BTreeSet;

use gridweave_primitives::{Balance, Be32, MicrogridId};
use gridweave_runtime::{AccountId, Runtime};
use pallet_microgrids::Microgrid;
use pallet_settlement::types::{Job, Member};

use crate::{
	parts::account,
	record::{Planck, Record},
	state::{read_all, Error, State},
};

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
		let keys: Vec<_> = self
			.members
			.iter()
			.map(pallet_settlement::Ledger::<Runtime>::hashed_key_for)
			.collect();
		let found = read_all::<Member>(after, "a trading balance", &keys)?;
		let told = self.members.iter().zip(found).map(|(who, member)| {
			let member = member.unwrap_or_default();
			Record::Ledger {
				account: account(who),
				balance: Planck(member.balance),
				locked: Planck(member.locked),
			}
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
