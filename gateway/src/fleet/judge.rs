//! The judgement of a run: what the chain said and what it holds, against the recount. To the planck, the
//! watt-hour and the reading.

use std::collections::BTreeMap;

use super::{
	events::AccountId,
	observe::{Observed, PeriodSeen},
	recount::{compare::differences, money::Outcome},
};

/// A member as it was enrolled.
#[derive(Clone, Debug)]
pub struct Member {
	/// Its node of the grid.
	pub node: String,
	/// Its meter.
	pub meter: u32,
	/// Its account.
	pub account: AccountId,
}

/// What a run must have come to.
#[derive(Clone, Debug)]
pub struct Expected {
	/// Who takes part.
	pub members: Vec<Member>,
	/// The operator's account.
	pub operator: AccountId,
	/// What each member's account was given, in planck.
	pub endowment: u128,
	/// The settled periods, recounted.
	pub outcomes: BTreeMap<u32, Outcome>,
}

/// What the chain's state holds at the end of a run.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
	/// Trading balances of members and operator, in planck.
	pub ledgers: BTreeMap<AccountId, u128>,
	/// The members' own accounts, what is reserved included.
	pub accounts: BTreeMap<AccountId, u128>,
	/// The community's fund.
	pub fund: u128,
	/// Accepted readings by meter.
	pub accepted: BTreeMap<u32, u64>,
}

/// Everything in which the run is not what it must be; empty if it is.
pub fn judge(observed: &Observed, expected: &Expected, holdings: &Holdings) -> Vec<String> {
	let mut found = observed.wrongs.clone();
	for (period, seen) in &observed.periods {
		let wrongs = match expected.outcomes.get(period) {
			Some(outcome) => period_differences(seen, outcome, &expected.members),
			None => unexplained(seen),
		};
		found.extend((wrongs.into_iter()).map(|what| format!("period {period}, {what}")));
	}
	for period in expected.outcomes.keys() {
		let seen = observed.periods.get(period);
		if seen.is_none_or(|seen| seen.summary.is_none()) {
			found.push(format!("period {period} was passed over"));
		}
	}
	found.extend(money_differences(observed, expected, holdings));

	let counted: u64 = holdings.accepted.values().sum();
	if counted != observed.accepted {
		found.push(format!(
			"events tell of {} accepted readings, the meters' counts of {counted}",
			observed.accepted
		));
	}
	found
}

/// A period as it was told against the period as it should be.
fn period_differences(seen: &PeriodSeen, expected: &Outcome, members: &[Member]) -> Vec<String> {
	let mut found = differences(expected, &seen.outcome());
	found.extend((seen.unmeasured.iter()).map(|meter| format!("meter {meter} was not measured")));
	for (meter, account) in &seen.accounts {
		let member = members.iter().find(|member| member.meter == *meter);
		if member.is_some_and(|member| member.account != *account) {
			found.push(format!("meter {meter}: {} was billed", name(account)));
		}
	}
	found
}

/// Money of a period that was not recounted: nobody had measured anything by then.
fn unexplained(seen: &PeriodSeen) -> Vec<String> {
	let bills = (seen.bills.iter())
		.filter(|(_, bill)| bill.payment != 0)
		.map(|(meter, bill)| format!("meter {meter}: {} planck for nothing", bill.payment));
	let summary = seen.summary.unwrap_or_default();
	let sums = [("operator", summary.operator), ("fund", summary.fund)].into_iter();
	let sums = sums
		.filter(|(_, amount)| *amount != 0)
		.map(|(whose, amount)| format!("{whose}: {amount} planck for nothing"));
	bills.chain(sums).collect()
}

/// What accounts, trading balances and fund hold against what the recount and their owners' own payments
/// make them.
fn money_differences(observed: &Observed, expected: &Expected, holdings: &Holdings) -> Vec<String> {
	let earned = |meter: u32| -> i128 {
		(expected.outcomes.values())
			.filter_map(|outcome| outcome.accounts.get(&meter))
			.map(|account| account.payment)
			.sum()
	};
	let sum = |value: fn(&Outcome) -> i128| -> i128 { expected.outcomes.values().map(value).sum() };
	let of = |sums: &BTreeMap<AccountId, i128>, who| sums.get(who).copied().unwrap_or(0);
	let held = |holdings: &BTreeMap<AccountId, u128>, who| holdings.get(who).copied().unwrap_or(0);

	let mut found = Vec::new();
	let mut compare = |what: String, expected: i128, found_there: u128| {
		if i128::try_from(found_there) != Ok(expected) {
			found.push(format!(
				"{what}: expected {expected} planck, found {found_there}"
			));
		}
	};
	for Member { meter, account, .. } in &expected.members {
		let moved = of(&observed.moved, account);
		compare(
			format!("trading balance of {}", name(account)),
			moved + earned(*meter),
			held(&holdings.ledgers, account),
		);
		// What was given is far below 2¹²⁷.
		let given = i128::try_from(expected.endowment).unwrap_or(i128::MAX);
		compare(
			format!("account of {}", name(account)),
			given - moved - of(&observed.fees, account),
			held(&holdings.accounts, account),
		);
	}
	let operator = &expected.operator;
	compare(
		format!("trading balance of the operator {}", name(operator)),
		of(&observed.moved, operator) + sum(|outcome| outcome.operator),
		held(&holdings.ledgers, operator),
	);
	compare(
		"the community's fund".into(),
		sum(|outcome| outcome.fund),
		holdings.fund,
	);
	found
}

fn name(account: &AccountId) -> String {
	format!("0x{}", hex::encode(account))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::{
		events::{Seen, Summary},
		recount::{
			energy::Metered,
			money::{settle, Terms, Trade},
		},
	};

	const TERMS: Terms = Terms {
		retail: 300_000,
		feed_in: 80_000,
		fee: 1_000,
		spread: Some(50_000),
	};
	const OPERATOR: AccountId = [9; 32];
	const ENDOWMENT: u128 = 1_000_000_000_000_000;
	const TOP_UP: i128 = 500_000_000_000_000;
	const FEE: i128 = 1_234;

	/// A run of two members and one period in which everything is as it must be.
	fn run() -> (Observed, Expected, Holdings) {
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
		assert!(outcome.fund > 0);
		let members: Vec<Member> = (32..=33)
			.map(|meter| Member {
				node: format!("node {meter}"),
				meter,
				account: [meter as u8; 32],
			})
			.collect();

		let mut observed = Observed::default();
		let mut holdings = Holdings {
			fund: outcome.fund.unsigned_abs(),
			accepted: [(32, 2), (33, 2)].into(),
			..Default::default()
		};
		observed.note(Seen::Trade { period: 5, trade });
		for Member { meter, account, .. } in members.clone() {
			let bill = outcome.accounts[&meter];
			observed.note(Seen::Fee {
				account,
				amount: FEE,
			});
			observed.note(Seen::Statement {
				period: 5,
				meter,
				account,
				measured: true,
				bill,
			});
			let ledger = TOP_UP + bill.payment;
			holdings.ledgers.insert(account, ledger.unsigned_abs());
			let left = ENDOWMENT - TOP_UP.unsigned_abs() - FEE.unsigned_abs();
			holdings.accounts.insert(account, left);
		}
		let operator = TOP_UP + outcome.operator;
		holdings.ledgers.insert(OPERATOR, operator.unsigned_abs());
		for account in [[32; 32], [33; 32], OPERATOR] {
			// Something was taken out again.
			for amount in [TOP_UP + 5, -5] {
				observed.note(Seen::Moved { account, amount });
			}
		}
		observed.note(Seen::Readings {
			accepted: 4,
			stale: 0,
			relayed: false,
		});
		let summary = Summary {
			meters: 2,
			operator: outcome.operator,
			fund: outcome.fund,
			surplus_price: outcome.surplus_price,
			need_price: outcome.need_price,
		};
		observed.note(Seen::Settled { period: 5, summary });
		let expected = Expected {
			members,
			operator: OPERATOR,
			endowment: ENDOWMENT,
			outcomes: [(5, outcome)].into(),
		};
		(observed, expected, holdings)
	}

	#[test]
	fn a_right_run_should_pass() {
		let (observed, expected, holdings) = run();
		assert_eq!(judge(&observed, &expected, &holdings), Vec::<String>::new());
	}

	#[test]
	fn whatever_is_off_by_one_should_be_found() {
		type Spoil = fn(&mut PeriodSeen, &mut Observed, &mut Holdings);
		let cases: [(&str, Spoil); 14] = [
			("trading balance of 0x2121", |_, _, holdings| {
				*holdings.ledgers.get_mut(&[33; 32]).unwrap() -= 1
			}),
			("trading balance of 0x2020", |_, _, holdings| {
				_ = holdings.ledgers.remove(&[32; 32])
			}),
			("trading balance of the operator", |_, _, holdings| {
				*holdings.ledgers.get_mut(&OPERATOR).unwrap() += 1
			}),
			("the community's fund", |_, _, holdings| holdings.fund += 1),
			("account of 0x2020", |_, _, holdings| {
				*holdings.accounts.get_mut(&[32; 32]).unwrap() += 1
			}),
			("account of 0x2121", |_, observed, _| {
				*observed.fees.get_mut(&[33; 32]).unwrap() += 1
			}),
			("period 5, meter 33: expected", |seen, _, _| {
				seen.bills.get_mut(&33).unwrap().payment += 1
			}),
			("period 5, meter 32: expected", |seen, _, _| {
				seen.bills.get_mut(&32).unwrap().metered.export -= 1
			}),
			("period 5, meter 33: 0x2020", |seen, _, _| {
				_ = seen.accounts.insert(33, [32; 32])
			}),
			("period 5, operator's entry", |seen, _, _| {
				seen.summary.as_mut().unwrap().operator -= 1
			}),
			("period 5, community's fund", |seen, _, _| {
				seen.summary.as_mut().unwrap().fund += 1
			}),
			("period 5, meter 32 was not measured", |seen, _, _| {
				seen.unmeasured.push(32)
			}),
			(
				"5 accepted readings, the meters' counts of 4",
				|_, observed, _| observed.accepted += 1,
			),
			("the chain reports", |_, observed, _| {
				observed.wrongs.push("the chain reports x".into())
			}),
		];
		for (what, spoil) in cases {
			let (mut observed, expected, mut holdings) = run();
			let mut seen = observed.periods[&5].clone();
			spoil(&mut seen, &mut observed, &mut holdings);
			observed.periods.insert(5, seen);
			let found = judge(&observed, &expected, &holdings);
			assert!(
				found.len() == 1 && found[0].contains(what),
				"{what}: {found:?}"
			);
		}
	}

	/// The chain's own bills are no evidence of what its ledger should hold.
	#[test]
	fn a_ledger_should_not_be_excused_by_a_wrong_bill() {
		let (mut observed, expected, mut holdings) = run();
		let seen = observed.periods.get_mut(&5).unwrap();
		seen.bills.get_mut(&33).unwrap().payment += 1;
		*holdings.ledgers.get_mut(&[33; 32]).unwrap() += 1;
		let found = judge(&observed, &expected, &holdings);
		assert_eq!(found.len(), 2, "{found:?}");
		assert!(found[1].starts_with("trading balance of 0x2121"));
	}

	#[test]
	fn a_period_that_nobody_recounted_should_move_no_money() {
		let (mut observed, expected, holdings) = run();
		let mut seen = PeriodSeen::default();
		seen.bills.insert(32, Default::default());
		seen.summary = Some(Default::default());
		observed.periods.insert(4, seen.clone());
		assert!(judge(&observed, &expected, &holdings).is_empty());
		seen.bills.get_mut(&32).unwrap().payment = -1;
		observed.periods.insert(4, seen);
		let found = judge(&observed, &expected, &holdings);
		assert_eq!(found, ["period 4, meter 32: -1 planck for nothing"]);
	}

	#[test]
	fn a_period_that_was_passed_over_should_be_missed() {
		let (mut observed, mut expected, holdings) = run();
		expected.outcomes.insert(6, Default::default());
		let found = judge(&observed, &expected, &holdings);
		assert_eq!(found, ["period 6 was passed over"]);
		// Traded for, and never settled.
		let trade = observed.periods[&5].trades[0];
		observed.note(Seen::Trade { period: 6, trade });
		let found = judge(&observed, &expected, &holdings);
		assert_eq!(found, ["period 6 was passed over"]);
	}
}
