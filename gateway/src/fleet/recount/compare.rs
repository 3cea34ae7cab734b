//! What a chain says of a period against what it should say.

use std::collections::BTreeSet;

use super::money::Outcome;

/// Every way in which what a chain says differs from what it should say; empty if it agrees to the planck
/// and the Wh.
pub fn differences(expected: &Outcome, observed: &Outcome) -> Vec<String> {
	let mut found = Vec::new();
	let meters: BTreeSet<&u32> = expected
		.accounts
		.keys()
		.chain(observed.accounts.keys())
		.collect();
	for meter in meters {
		match (expected.accounts.get(meter), observed.accounts.get(meter)) {
			(Some(expected), Some(observed)) if expected == observed => (),
			(Some(expected), Some(observed)) => found.push(format!(
				"meter {meter}: expected {expected:?}, found {observed:?}"
			)),
			(Some(expected), None) => found.push(format!(
				"meter {meter}: no statement, expected {expected:?}"
			)),
			(None, _) => found.push(format!("meter {meter}: a statement nobody expected")),
		}
	}
	let sums = |outcome: &Outcome| {
		let (surplus, need) = (outcome.accounts.values()).fold((0, 0), |(u, m), account| {
			(u + account.surplus, m + account.need)
		});
		// A price of nothing does not matter.
		[
			(
				"price of surplus",
				if surplus > 0 {
					outcome.surplus_price.into()
				} else {
					0
				},
			),
			(
				"price of need",
				if need > 0 {
					outcome.need_price.into()
				} else {
					0
				},
			),
			("operator's entry", outcome.operator),
			("community's fund", outcome.fund),
		]
	};
	for ((what, expected), (_, observed)) in sums(expected).into_iter().zip(sums(observed)) {
		if expected != observed {
			found.push(format!("{what}: expected {expected}, found {observed}"));
		}
	}
	found
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::recount::money::{
		settle,
		tests::{example, TERMS},
	};

	#[test]
	fn one_wrong_planck_should_be_found_wherever_it_is() {
		let (metered, trades) = example();
		let right = settle(&metered, &trades, &TERMS);
		assert!(differences(&right, &right.clone()).is_empty());
		for meter in 1..=4 {
			let mut wrong = right.clone();
			wrong.accounts.get_mut(&meter).expect("a party").payment += 1;
			assert_eq!(differences(&right, &wrong).len(), 1);
		}
		let wrong = Outcome {
			operator: right.operator - 1,
			..right.clone()
		};
		assert_eq!(differences(&right, &wrong).len(), 1);
		let wrong = Outcome {
			fund: right.fund + 1,
			..right.clone()
		};
		assert_eq!(differences(&right, &wrong).len(), 1);
		let wrong = Outcome {
			need_price: right.need_price - 1,
			..right.clone()
		};
		assert_eq!(differences(&right, &wrong).len(), 1);
	}

	#[test]
	fn one_wrong_watt_hour_should_be_found() {
		let (metered, trades) = example();
		let right = settle(&metered, &trades, &TERMS);
		for meter in 1..=4 {
			let mut metered = metered.clone();
			metered.get_mut(&meter).expect("a party").import += 1;
			assert!(!differences(&right, &settle(&metered, &trades, &TERMS)).is_empty());
		}
		let mut trades = trades;
		trades[0].energy += 1;
		assert!(!differences(&right, &settle(&metered, &trades, &TERMS)).is_empty());
	}

	#[test]
	fn missing_and_unexpected_statements_should_be_found() {
		let (metered, trades) = example();
		let right = settle(&metered, &trades, &TERMS);
		let mut wrong = right.clone();
		wrong.accounts.remove(&2);
		assert!(differences(&right, &wrong)[0].contains("no statement"));
		assert!(differences(&wrong, &right)[0].contains("nobody expected"));
	}
}
