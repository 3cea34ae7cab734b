//! What the chain says, finalised block by finalised block, and what it comes to.

use std::collections::BTreeMap;

use super::{
	events::{AccountId, Seen, Summary},
	recount::money::{Account, Outcome, Trade},
	table::Row,
};

/// A period as the chain tells it.
#[derive(Clone, Debug, Default)]
pub struct PeriodSeen {
	/// Fills for this period.
	pub trades: Vec<Trade>,
	/// Bills by meter.
	pub bills: BTreeMap<u32, Account>,
	/// Who was billed, by meter.
	pub accounts: BTreeMap<u32, AccountId>,
	/// Meters whose energy was not measured.
	pub unmeasured: Vec<u32>,
	/// Sums, once it is settled.
	pub summary: Option<Summary>,
}

/// All that was seen.
#[derive(Clone, Debug, Default)]
pub struct Observed {
	/// By period.
	pub periods: BTreeMap<u32, PeriodSeen>,
	/// What each account paid into its trading balance, less what it took out.
	pub moved: BTreeMap<AccountId, i128>,
	/// What each account paid for transactions.
	pub fees: BTreeMap<AccountId, i128>,
	/// Readings taken.
	pub accepted: u64,
	/// Readings that came again.
	pub stale: u64,
	/// Readings that somebody relayed.
	pub relayed: u64,
	/// Things that must not happen.
	pub wrongs: Vec<String>,
}

impl Observed {
	/// Takes note; tells which period was settled by it.
	pub fn note(&mut self, seen: Seen) -> Option<u32> {
		match seen {
			Seen::Trade { period, trade } => {
				self.periods.entry(period).or_default().trades.push(trade)
			}
			Seen::Statement {
				period,
				meter,
				account,
				measured,
				bill,
			} => {
				let seen = self.periods.entry(period).or_default();
				if !measured {
					seen.unmeasured.push(meter);
				}
				seen.accounts.insert(meter, account);
				if seen.bills.insert(meter, bill).is_some() {
					self.wrongs
						.push(format!("meter {meter}: two statements for period {period}"));
				}
			}
			Seen::Settled { period, summary } => {
				let seen = self.periods.entry(period).or_default();
				if seen.summary.replace(summary).is_some() {
					self.wrongs
						.push(format!("period {period} was settled twice"));
				}
				return Some(period);
			}
			Seen::Readings {
				accepted,
				stale,
				relayed,
			} => {
				self.accepted += accepted;
				self.stale += stale;
				if relayed {
					self.relayed += accepted;
				}
			}
			Seen::Moved { account, amount } => *self.moved.entry(account).or_default() += amount,
			Seen::Fee { account, amount } => *self.fees.entry(account).or_default() += amount,
			Seen::Wrong(what) => self.wrongs.push(what),
		}
		None
	}

	/// Whether a period is settled in part.
	pub fn is_settling(&self) -> bool {
		(self.periods.values()).any(|seen| seen.summary.is_none() && !seen.bills.is_empty())
	}
}

impl PeriodSeen {
	/// The period as the recount compares it.
	pub fn outcome(&self) -> Outcome {
		let summary = self.summary.unwrap_or_default();
		Outcome {
			accounts: self.bills.clone(),
			surplus_price: summary.surplus_price,
			need_price: summary.need_price,
			operator: summary.operator,
			fund: summary.fund,
		}
	}

	/// Sum of all payments, those of operator and fund included: zero.
	pub fn payments(&self) -> i128 {
		let summary = self.summary.unwrap_or_default();
		let members: i128 = self.bills.values().map(|bill| bill.payment).sum();
		members + summary.operator + summary.fund
	}

	/// What the energy balance misses, in Wh: what the operator supplied by the bills (shortfalls and needs
	/// less excesses and surpluses) against what the meters took less what they gave, and what was bought
	/// against what was sold. Zero.
	pub fn energy_balance(&self) -> i64 {
		let sum = |value: fn(&Account) -> u64| -> i128 {
			self.bills
				.values()
				.map(|bill| i128::from(value(bill)))
				.sum()
		};
		let supplied =
			sum(|bill| bill.shortfall + bill.need) - sum(|bill| bill.excess + bill.surplus);
		let taken = sum(|bill| bill.metered.import) - sum(|bill| bill.metered.export);
		let traded: i128 = self
			.trades
			.iter()
			.map(|trade| i128::from(trade.energy))
			.sum();
		let contracted =
			(traded - sum(|bill| bill.sold)).abs() + (traded - sum(|bill| bill.bought)).abs();
		i64::try_from((supplied - taken).abs() + contracted).unwrap_or(i64::MAX)
	}

	/// The period's row of the table.
	pub fn row(&self, period: u32, data_row: usize, lag_blocks: u64) -> Row {
		let sum = |value: fn(&Account) -> u64| -> u64 { self.bills.values().map(value).sum() };
		let (import, export) = (
			sum(|bill| bill.metered.import),
			sum(|bill| bill.metered.export),
		);
		let paid: Vec<i128> = self
			.bills
			.values()
			.map(|bill| bill.payment)
			.filter(|amount| *amount > 0)
			.collect();
		Row {
			period,
			data_row,
			metered_wh: import + export,
			traded_wh: self.trades.iter().map(|trade| trade.energy).sum(),
			pooled_wh: sum(|bill| bill.surplus).min(sum(|bill| bill.need)),
			grid_import_wh: import.saturating_sub(export),
			grid_export_wh: export.saturating_sub(import),
			trade_value: (self.trades.iter())
				.map(|trade| u128::from(trade.price) * u128::from(trade.energy) * 1_000)
				.sum(),
			paid: paid.iter().sum::<i128>().unsigned_abs(),
			paid_members: paid.len(),
			members: self.bills.len(),
			payments: self.payments(),
			energy_balance_wh: self.energy_balance(),
			lag_blocks,
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::recount::{
		compare::differences,
		energy::Metered,
		money::{settle, Terms},
	};

	const TERMS: Terms = Terms {
		retail: 300_000,
		feed_in: 80_000,
		fee: 1_000,
		spread: Some(50_000),
	};

	/// A settled period as the chain would tell it, statement by statement.
	fn told() -> (Observed, BTreeMap<u32, Metered>, Vec<Trade>) {
		let metered: BTreeMap<u32, Metered> = [(1, 0, 700), (2, 900, 0), (3, 0, 100)]
			.map(|(meter, import, export)| (meter, Metered { import, export }))
			.into();
		let trades = vec![Trade {
			seller: 1,
			buyer: 2,
			energy: 600,
			price: 120_000,
		}];
		let outcome = settle(&metered, &trades, &TERMS);
		let mut observed = Observed::default();
		for trade in &trades {
			observed.note(Seen::Trade {
				period: 9,
				trade: *trade,
			});
		}
		for (meter, bill) in &outcome.accounts {
			observed.note(Seen::Statement {
				period: 9,
				meter: *meter,
				account: [*meter as u8; 32],
				measured: true,
				bill: *bill,
			});
		}
		let summary = Summary {
			meters: 3,
			operator: outcome.operator,
			fund: outcome.fund,
			surplus_price: outcome.surplus_price,
			need_price: outcome.need_price,
		};
		assert_eq!(observed.note(Seen::Settled { period: 9, summary }), Some(9));
		(observed, metered, trades)
	}

	#[test]
	fn a_period_told_rightly_should_balance_and_agree() {
		let (observed, metered, trades) = told();
		let period = &observed.periods[&9];
		assert_eq!((period.payments(), period.energy_balance()), (0, 0));
		assert!(differences(&settle(&metered, &trades, &TERMS), &period.outcome()).is_empty());
		assert!(observed.wrongs.is_empty());
	}

	#[test]
	fn a_wrong_planck_or_watt_hour_should_upset_the_balances() {
		let (observed, metered, trades) = told();
		let mut wrong = observed.periods[&9].clone();
		wrong.bills.get_mut(&2).unwrap().payment -= 1;
		assert_eq!(wrong.payments(), -1);
		assert_eq!(
			differences(&settle(&metered, &trades, &TERMS), &wrong.outcome()).len(),
			1
		);
		for spoil in [
			|bill: &mut Account| bill.metered.import += 1,
			|bill: &mut Account| bill.need += 1,
			|bill: &mut Account| bill.bought += 1,
		] {
			let mut wrong = observed.periods[&9].clone();
			spoil(wrong.bills.get_mut(&2).unwrap());
			assert_eq!(wrong.energy_balance(), 1);
		}
	}

	#[test]
	fn a_row_should_sum_the_period_up() {
		let (observed, ..) = told();
		let row = observed.periods[&9].row(9, 27, 2);
		assert_eq!(
			(row.metered_wh, row.traded_wh, row.pooled_wh),
			(1_700, 600, 200)
		);
		assert_eq!((row.grid_import_wh, row.grid_export_wh), (100, 0));
		assert_eq!(
			(row.mean_price(), row.paid_members, row.members),
			(Some(120_000.0), 2, 3)
		);
		assert_eq!((row.payments, row.energy_balance_wh), (0, 0));
		let mut wrong = observed.periods[&9].clone();
		wrong.bills.get_mut(&2).unwrap().payment -= 3;
		wrong.bills.get_mut(&2).unwrap().need += 2;
		let row = wrong.row(9, 27, 2);
		assert_eq!((row.payments, row.energy_balance_wh), (-3, 2));
	}

	#[test]
	fn payments_and_fees_should_add_up_by_account() {
		let mut observed = Observed::default();
		let account = [1; 32];
		for amount in [500, -20] {
			observed.note(Seen::Moved { account, amount });
		}
		for amount in [7, 8] {
			observed.note(Seen::Fee { account, amount });
		}
		assert_eq!(
			(observed.moved[&account], observed.fees[&account]),
			(480, 15)
		);
	}

	#[test]
	fn a_period_should_be_settling_from_its_first_bill_to_its_sums() {
		let (mut observed, ..) = told();
		assert!(!observed.is_settling());
		let summary = observed.periods.get_mut(&9).unwrap().summary.take();
		assert!(observed.is_settling());
		let summary = summary.unwrap();
		observed.note(Seen::Settled { period: 9, summary });
		assert!(!observed.is_settling());
	}

	#[test]
	fn what_must_not_happen_should_be_remembered() {
		let (mut observed, ..) = told();
		let bill = observed.periods[&9].bills[&1];
		let again = Seen::Statement {
			period: 9,
			meter: 1,
			account: [1; 32],
			measured: false,
			bill,
		};
		observed.note(again);
		observed.note(Seen::Settled {
			period: 9,
			summary: Summary::default(),
		});
		observed.note(Seen::Wrong("x".into()));
		assert_eq!(observed.wrongs.len(), 3);
		assert_eq!(observed.periods[&9].unmeasured, [1]);
		observed.note(Seen::Readings {
			accepted: 5,
			stale: 1,
			relayed: false,
		});
		observed.note(Seen::Readings {
			accepted: 2,
			stale: 0,
			relayed: true,
		});
		assert_eq!(
			(observed.accepted, observed.stale, observed.relayed),
			(7, 1, 2)
		);
	}
}
