//! Rewards and penalties. Pure; all in planck.
//!
//! What resources claim of an event is paid in full if the event's budget suffices, else pro rata: each claim
//! times budget over all claims, rounded **down**. So the sum of rewards never exceeds the budget; what
//! rounding leaves (less than one planck a claim) goes back to it.

use gridweave_primitives::{cost, Balance, WattHours};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

use crate::types::Prices;

/// What a resource claims that delivered so much and had committed itself to so much.
pub fn claim(prices: &Prices, delivered: WattHours, committed: WattHours) -> Balance {
	cost(prices.reward, delivered).saturating_add(cost(prices.bonus, delivered.min(committed)))
}

/// What is paid of a claim, of all `claims` on a budget.
pub fn share(claim: Balance, claims: Balance, budget: Balance) -> Balance {
	if claims <= budget {
		return claim;
	}
	// `claim ≤ claims`, so the quotient is at most the budget: `None` never comes.
	multiply_by_rational_with_rounding(claim, budget, claims, Rounding::Down)
		.unwrap_or(0)
		.min(claim)
}

/// What an event of a target can cost at most, if nobody delivers more.
pub fn worth(prices: &Prices, target: WattHours) -> Balance {
	claim(prices, target, target)
}

/// What is held for a commitment: the penalty for missing all of it.
pub fn pledge(prices: &Prices, committed: WattHours) -> Balance {
	cost(prices.penalty, committed)
}

/// What a commitment comes to in an event that lasted `lasted` of `planned` periods, rounded down.
pub fn due(committed: WattHours, lasted: u32, planned: u32) -> WattHours {
	if lasted >= planned {
		return committed;
	}
	let due = u128::from(committed.0)
		.saturating_mul(lasted.into())
		.checked_div(planned.into())
		.unwrap_or(0);
	WattHours(u64::try_from(due).unwrap_or(u64::MAX))
}

/// What is taken of a pledge: the penalty for what was not delivered of what was due.
pub fn penalty(prices: &Prices, due: WattHours, delivered: WattHours, held: Balance) -> Balance {
	cost(prices.penalty, due.saturating_sub(delivered)).min(held)
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::Price;
	use proptest::prelude::*;

	const PRICES: Prices = Prices {
		reward: Price(200_000),
		bonus: Price(50_000),
		penalty: Price(100_000),
	};

	#[test]
	fn claims_should_be_price_times_energy() {
		let claim =
			|delivered, committed| claim(&PRICES, WattHours(delivered), WattHours(committed));
		// 2 kWh at 0.20 are 0.40 GRID; 1 kWh of them was committed: 0.05 more.
		assert_eq!(claim(2_000, 0), 400_000_000_000);
		assert_eq!(claim(2_000, 1_000), 450_000_000_000);
		assert_eq!(claim(2_000, 9_000), 500_000_000_000);
		assert_eq!(claim(0, 9_000), 0);
	}

	#[test]
	fn shares_should_be_pro_rata_and_leave_the_rest() {
		assert_eq!(share(30, 90, 90), 30);
		let shares = [30, 30, 31].map(|claim| share(claim, 91, 50));
		assert_eq!(shares, [16, 16, 17]);
		assert_eq!(share(1, 1, 0), 0);
		assert_eq!(share(0, 0, 0), 0);
	}

	#[test]
	fn penalties_should_be_of_what_was_missed() {
		let held = pledge(&PRICES, WattHours(2_000));
		assert_eq!(held, 200_000_000_000);
		let penalty = |due, delivered| penalty(&PRICES, WattHours(due), WattHours(delivered), held);
		assert_eq!(penalty(2_000, 2_500), 0);
		assert_eq!(penalty(2_000, 500), 150_000_000_000);
		assert_eq!(penalty(2_000, 0), held);
		assert_eq!(penalty(9_000, 0), held);
		assert_eq!(due(WattHours(2_001), 1, 2), WattHours(1_000));
		assert_eq!(due(WattHours(2_001), 4, 4), WattHours(2_001));
		assert_eq!(due(WattHours(2_001), 0, 0), WattHours(2_001));
	}

	proptest! {
		/// Whatever is claimed of whatever there is: the budget is never exceeded, nobody gets more than it
		/// claims, and rounding leaves less than a planck a claim.
		#[test]
		fn rewards_should_never_exceed_the_budget(
			claims in proptest::collection::vec(0u128..1 << 110, 1..20),
			budget in 0u128..1 << 120,
		) {
			let sum: u128 = claims.iter().sum();
			let paid: Vec<u128> = claims.iter().map(|claim| share(*claim, sum, budget)).collect();
			let total: u128 = paid.iter().sum();
			prop_assert!(total <= budget && total <= sum);
			prop_assert!(paid.iter().zip(&claims).all(|(paid, claim)| paid <= claim));
			prop_assert!(budget.min(sum) - total < claims.len() as u128);
		}

		/// A penalty never exceeds what is held for it.
		#[test]
		fn penalties_should_never_exceed_the_pledge(
			committed in 0u64..1 << 40, delivered in 0u64..1 << 40, lasted in 0u32..10, planned in 0u32..10,
		) {
			let committed = WattHours(committed);
			let held = pledge(&PRICES, committed);
			let due = due(committed, lasted, planned);
			prop_assert!(due <= committed);
			let penalty = penalty(&PRICES, due, WattHours(delivered), held);
			prop_assert!(penalty <= held);
			prop_assert_eq!(penalty == 0, delivered >= due.0);
		}
	}
}
