//! The audit of a run: follows what the chain says, recounts it, and asks the chain's state what it holds.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result};
use codec::Decode;
use gridweave_primitives::{microgrid::ResidualRule, Period};

use super::{
	chain::{At, Chain, Hash},
	enrol::MICROGRID,
	flex::Told,
	follow::Block,
	grid::GridSource,
	judge::{judge, Expected, Holdings},
	obey::Obeyed,
	observe::Observed,
	progress::progress,
	recount::{
		energy::{self, Metered, Order, Orders},
		money::{settle, Outcome, Terms},
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
	/// Where the grid lies, by name.
	pub source: GridSource,
	/// The first metered period.
	pub first: Period,
	/// The row it replays.
	pub first_row: usize,
	/// What the run must come to; its outcomes are filled in at the end.
	pub expected: Expected,
	/// What the chain said so far.
	pub observed: Observed,
	/// The terms of settled periods.
	pub terms: BTreeMap<u32, Terms>,
	/// What was found so far.
	pub evidence: Evidence,
	/// What devices did as they were told.
	pub obeyed: Vec<Obeyed>,
	/// The last finalised block.
	pub last: Option<Hash>,
}

impl Audit {
	/// Takes note of a finalised block; returns the rows of periods settled by it, of which no more than
	/// `most` count in all. Those beyond are recounted all the same: the ledger holds their money.
	pub async fn take(&mut self, block: Block, most: Option<usize>) -> Result<Vec<Row>> {
		self.last = Some(block.hash);
		self.evidence.lag_blocks = self.evidence.lag_blocks.max(block.lag);
		let settled: Vec<u32> = block
			.seen
			.into_iter()
			.filter_map(|seen| self.observed.note(seen))
			.filter(|period| *period >= self.first.0)
			.collect();
		if settled.is_empty() {
			return Ok(Vec::new());
		}
		let at = self.chain.client().at_block(block.hash).await?;
		let mut rows = Vec::new();
		for period in settled {
			// Terms are pruned some periods later: this block still has them.
			let terms = terms_of(&self.chain, &at, Period(period)).await?;
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
			if most.is_none_or(|most| self.evidence.rows.len() < most) {
				let data_row = self.first_row + (period - self.first.0) as usize;
				let row = self.observed.periods[&period].row(period, data_row, block.lag);
				self.evidence.rows.push(row);
				rows.push(row);
			}
		}
		Ok(rows)
	}

	/// Whether the chain, finalised, has accepted as many readings of each meter as were sent, and is not
	/// in the middle of a settlement.
	pub async fn is_complete(&self, sent: &[(u32, u64)]) -> Result<bool> {
		let accepted = self.accepted(&self.last_block().await?).await?;
		let all =
			(sent.iter()).all(|(meter, sent)| accepted.get(meter).copied().unwrap_or(0) == *sent);
		Ok(all && !self.observed.is_settling())
	}

	async fn last_block(&self) -> Result<At> {
		match self.last {
			Some(hash) => Ok(self.chain.client().at_block(hash).await?),
			None => self.chain.finalized().await,
		}
	}

	/// Compares everything, at the last finalised block.
	pub async fn conclude(mut self, sent: &[(u32, u64)]) -> Result<Evidence> {
		let holdings = self.holdings().await?;
		let accepted = |meter| holdings.accepted.get(meter).copied().unwrap_or(0);
		self.evidence.readings = (sent.iter())
			.map(|(meter, sent)| (*meter, (*sent, accepted(meter))))
			.collect();
		self.evidence.duplicates = self.observed.stale;
		self.evidence.relayed = self.observed.relayed;
		self.expected.outcomes = self.recount()?;
		self.evidence.differences = judge(&self.observed, &self.expected, &holdings);
		Ok(self.evidence)
	}

	/// Recomputes every settled period from the files, the trades and the tariff.
	fn recount(&self) -> Result<BTreeMap<u32, Outcome>> {
		let members = &self.expected.members;
		let nodes: Vec<String> = members.iter().map(|member| member.node.clone()).collect();
		let last = self.terms.keys().max();
		let count = last.map_or(0, |last| (last - self.first.0) as usize + 1);
		let GridSource { folder, name } = &self.source;
		let grid = name.as_deref().context("the grid has no name")?;
		let orders = self.obeyed.iter().map(|obeyed| {
			let order = match obeyed.told {
				Told::Import(most) => Order::Import(most),
				Told::Export(most) => Order::Export(most),
				Told::Charge => Order::Fill,
				Told::Discharge => Order::Empty,
			};
			((obeyed.period, nodes[obeyed.member].clone()), order)
		});
		let orders: Orders = orders.collect();
		let metered = energy::recount(folder, grid, &nodes, self.first_row, count, &orders)?;
		let mut outcomes = BTreeMap::new();
		for (period, metered) in (self.first.0..).zip(metered) {
			let by_meter: BTreeMap<u32, Metered> = members
				.iter()
				.map(|member| (member.meter, metered[&member.node]))
				.collect();
			let trades = match self.observed.periods.get(&period) {
				Some(seen) => seen.trades.as_slice(),
				None => &[],
			};
			let outcome = match self.terms.get(&period) {
				Some(terms) => settle(&by_meter, trades, terms),
				// Passed over, which shows when it is compared.
				None => Outcome::default(),
			};
			outcomes.insert(period, outcome);
		}
		Ok(outcomes)
	}

	/// What the chain holds at the last finalised block.
	async fn holdings(&self) -> Result<Holdings> {
		let at = self.last_block().await?;
		let mut holdings = Holdings {
			accepted: self.accepted(&at).await?,
			fund: self
				.chain
				.ask(&at, "SettlementApi_fund", &MICROGRID)
				.await?,
			..Default::default()
		};
		for member in &self.expected.members {
			let wealth = self.chain.wealth(&at, &member.account).await?;
			holdings.accounts.insert(member.account, wealth);
		}
		let members = (self.expected.members.iter()).map(|member| member.account);
		for owner in members.chain([self.expected.operator]) {
			let standing: Standing = self.chain.ask(&at, "SettlementApi_account", &owner).await?;
			holdings.ledgers.insert(owner, standing.balance);
		}
		Ok(holdings)
	}

	/// How many readings of each meter the chain has accepted.
	async fn accepted(&self, at: &At) -> Result<BTreeMap<u32, u64>> {
		let progress = progress(&self.chain, at).await?;
		Ok((progress.into_iter())
			.map(|(meter, progress)| (meter, progress.accepted))
			.collect())
	}
}
