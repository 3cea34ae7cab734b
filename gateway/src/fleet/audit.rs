//! The audit of a run: what the chain said, against the recount and against the chain's own ledger.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use codec::Decode;
use gridweave_primitives::{microgrid::ResidualRule, Period};

use super::{
	chain::{At, Chain, Hash},
	events::AccountId,
	follow::Block,
	observe::{Observed, PeriodSeen},
	recount::{
		energy::{self, Metered},
		money::{differences, settle, Terms},
	},
	report::Evidence,
	table::Row,
	trade::terms_of,
};

/// An account's standing, as the chain's settlement gives it; only the first field matters here.
#[derive(Decode)]
struct Standing {
	balance: u128,
	_locked: u128,
	_free: u128,
	_arrears: u128,
	_claims: u128,
}

/// Follows a run and judges it.
pub struct Audit {
	/// The node.
	pub chain: Arc<Chain>,
	/// Folder of the grid.
	pub folder: PathBuf,
	/// The first metered period.
	pub first: Period,
	/// The row it replays.
	pub first_row: usize,
	/// Node, meter and account of each member.
	pub members: Vec<(String, u32, AccountId)>,
	/// The operator's account.
	pub operator: AccountId,
	/// What the chain said so far.
	pub observed: Observed,
	/// The terms of counted periods.
	pub terms: BTreeMap<u32, Terms>,
	/// What was found so far.
	pub evidence: Evidence,
	/// The last finalised block.
	pub last: Option<Hash>,
}

impl Audit {
	/// Takes note of a finalised block; returns the rows of periods settled by it, of which no more than
	/// `most` count in all.
	pub async fn take(&mut self, block: Block, most: Option<usize>) -> Result<Vec<Row>> {
		self.last = Some(block.hash);
		self.evidence.lag_blocks = self.evidence.lag_blocks.max(block.lag);
		let settled: Vec<u32> = block
			.seen
			.into_iter()
			.filter_map(|seen| self.observed.note(seen))
			.collect();
		let mut rows = Vec::new();
		for period in settled {
			if let Some(summary) = self.observed.periods[&period].summary {
				*self.observed.balances.entry(self.operator).or_default() += summary.operator;
			}
			let counted = self.evidence.rows.len();
			if period < self.first.0 || most.is_some_and(|most| counted >= most) {
				continue;
			}
			let seen = &self.observed.periods[&period];
			let row = seen.row(
				period,
				self.first_row + (period - self.first.0) as usize,
				block.lag,
			);
			let terms = terms_of(&self.chain, Period(period)).await?;
			let terms = terms.with_context(|| format!("period {period} has no terms"))?;
			self.terms.insert(
				period,
				Terms {
					retail: terms.retail_price.0,
					feed_in: terms.feed_in_price.0,
					fee: terms.rules.fee.0,
					spread: match terms.residual {
						ResidualRule::Tariff => None,
						ResidualRule::Pool { spread } => Some(spread.deconstruct()),
					},
				},
			);
			self.evidence.payments.insert(period, seen.payments());
			self.evidence.balances.insert(period, seen.energy_balance());
			self.evidence.rows.push(row);
			rows.push(row);
		}
		Ok(rows)
	}

	/// Whether the chain, finalised, has accepted as many readings of each meter as were sent.
	pub async fn all_accepted(&self, sent: &[(u32, u64)]) -> Result<bool> {
		let at = self.last_block().await?;
		let accepted = accepted(&self.chain, &at, sent.iter().map(|(meter, _)| *meter)).await?;
		Ok(sent
			.iter()
			.all(|(meter, sent)| accepted.get(meter) == Some(sent)))
	}

	async fn last_block(&self) -> Result<At> {
		match self.last {
			Some(hash) => Ok(self.chain.client().at_block(hash).await?),
			None => self.chain.finalized().await,
		}
	}

	/// Compares everything, at the last finalised block.
	pub async fn conclude(mut self, sent: &[(u32, u64)]) -> Result<Evidence> {
		let at = self.last_block().await?;
		let accepted = accepted(&self.chain, &at, sent.iter().map(|(meter, _)| *meter)).await?;
		self.evidence.readings = (sent.iter())
			.map(|(meter, sent)| (*meter, (*sent, accepted.get(meter).copied().unwrap_or(0))))
			.collect();
		self.evidence.duplicates = self.observed.stale;
		self.evidence.relayed = self.observed.relayed;

		let mut found = self.observed.wrongs.clone();
		found.extend(self.recount()?);
		let owners = self.members.iter().map(|(_, _, owner)| *owner);
		for owner in owners.chain([self.operator]) {
			let standing: Standing = self.chain.ask(&at, "SettlementApi_account", &owner).await?;
			let expected = self.observed.balances.get(&owner).copied().unwrap_or(0);
			found.extend(ledger_difference(&owner, expected, standing.balance));
		}
		self.evidence.differences = found;
		Ok(self.evidence)
	}

	/// Recomputes every counted period from the files, the trades and the tariff.
	fn recount(&self) -> Result<Vec<String>> {
		let nodes: Vec<String> = self.members.iter().map(|(node, ..)| node.clone()).collect();
		let last = self.evidence.rows.iter().map(|row| row.period).max();
		let count = last.map_or(0, |last| (last - self.first.0) as usize + 1);
		let metered = energy::recount(&self.folder, &nodes, self.first_row, count)?;
		let mut found = Vec::new();
		for (period, metered) in (self.first.0..).zip(metered) {
			let by_meter: BTreeMap<u32, Metered> = self
				.members
				.iter()
				.map(|(node, meter, _)| (*meter, metered[node]))
				.collect();
			let (Some(seen), Some(terms)) =
				(self.observed.periods.get(&period), self.terms.get(&period))
			else {
				found.push(format!("period {period} was passed over"));
				continue;
			};
			found.extend(compare(period, &by_meter, seen, terms));
		}
		Ok(found)
	}
}

/// A period as it should be against the period as it was told.
fn compare(
	period: u32,
	metered: &BTreeMap<u32, Metered>,
	seen: &PeriodSeen,
	terms: &Terms,
) -> Vec<String> {
	let expected = settle(metered, &seen.trades, terms);
	let unmeasured = seen
		.unmeasured
		.iter()
		.map(|meter| format!("meter {meter} was not measured"));
	(differences(&expected, &seen.outcome()).into_iter())
		.chain(unmeasured)
		.map(|what| format!("period {period}, {what}"))
		.collect()
}

/// A trading balance as bills and payments make it against the chain's ledger.
fn ledger_difference(owner: &AccountId, expected: i128, found: u128) -> Option<String> {
	(i128::try_from(found) != Ok(expected)).then(|| {
		format!(
			"ledger of 0x{}: expected {expected} planck, found {found}",
			hex::encode(owner)
		)
	})
}

/// Meters of one answer; the chain gives at most 2,000.
const PROGRESS_PAGE: u32 = 1_000;

/// How many readings of each meter the chain has accepted.
async fn accepted(
	chain: &Chain,
	at: &At,
	meters: impl Iterator<Item = u32> + Clone,
) -> Result<BTreeMap<u32, u64>> {
	let (Some(mut from), Some(last)) = (meters.clone().min(), meters.max()) else {
		return Ok(BTreeMap::new());
	};
	let mut accepted = BTreeMap::new();
	while from <= last {
		// Meter, last sequence, accepted readings.
		let page: Vec<(u32, u64, u64)> = chain
			.ask(at, "MeterRegistryApi_progress", &(from, PROGRESS_PAGE))
			.await?;
		let Some((newest, ..)) = page.last() else {
			break;
		};
		from = newest + 1;
		accepted.extend(
			page.into_iter()
				.map(|(meter, _, accepted)| (meter, accepted)),
		);
	}
	Ok(accepted)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::{
		events::{Seen, Summary},
		recount::money::Trade,
	};

	const TERMS: Terms = Terms {
		retail: 300_000,
		feed_in: 80_000,
		fee: 1_000,
		spread: Some(50_000),
	};

	fn told() -> (BTreeMap<u32, Metered>, Observed) {
		let metered: BTreeMap<u32, Metered> = [(32, 0, 700), (33, 900, 0)]
			.map(|(meter, import, export)| (meter, Metered { import, export }))
			.into();
		let trade = Trade {
			seller: 32,
			buyer: 33,
			energy: 600,
			price: 120_000,
		};
		let outcome = settle(&metered, &[trade], &TERMS);
		let mut observed = Observed::default();
		observed.note(Seen::Trade { period: 5, trade });
		for (meter, bill) in outcome.accounts {
			let account = [meter as u8; 32];
			observed.note(Seen::Statement {
				period: 5,
				meter,
				account,
				measured: true,
				bill,
			});
		}
		let summary = Summary {
			meters: 2,
			operator: outcome.operator,
			fund: outcome.fund,
			surplus_price: outcome.surplus_price,
			need_price: outcome.need_price,
		};
		observed.note(Seen::Settled { period: 5, summary });
		(metered, observed)
	}

	#[test]
	fn a_right_period_should_pass_and_a_wrong_planck_fail() {
		let (metered, observed) = told();
		let mut seen = observed.periods[&5].clone();
		assert_eq!(compare(5, &metered, &seen, &TERMS), Vec::<String>::new());
		seen.bills.get_mut(&33).unwrap().payment += 1;
		let found = compare(5, &metered, &seen, &TERMS);
		assert!(
			found.len() == 1 && found[0].starts_with("period 5, meter 33"),
			"{found:?}"
		);
	}

	#[test]
	fn a_wrong_watt_hour_should_fail() {
		let (mut metered, observed) = told();
		metered.get_mut(&32).unwrap().export -= 1;
		assert!(!compare(5, &metered, &observed.periods[&5], &TERMS).is_empty());
	}

	#[test]
	fn an_estimate_should_fail() {
		let (metered, observed) = told();
		let mut seen = observed.periods[&5].clone();
		seen.unmeasured.push(32);
		assert_eq!(
			compare(5, &metered, &seen, &TERMS),
			["period 5, meter 32 was not measured"]
		);
	}

	#[test]
	fn a_ledger_should_agree_to_the_planck() {
		assert_eq!(ledger_difference(&[1; 32], 10, 10), None);
		for (expected, found) in [(10, 11), (10, 9), (-1, 0), (0, u128::MAX)] {
			assert!(ledger_difference(&[1; 32], expected, found).is_some());
		}
	}
}
