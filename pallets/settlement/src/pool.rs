//! Prices of the residual rule: what surplus earns and need pays.
//!
//! `Pool` follows the supply–demand ratio of Liu et al., *Energy sharing model with price-based demand
//! response for microgrids of peer-to-peer prosumers*, IEEE Trans. Power Syst. 2017
//! (doi 10.1109/TPWRS.2017.2649558). Rounding is the operator's: the selling price rounds down, the
//! buying price up, which leaves it at most one price unit per Wh of need.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{microgrid::ResidualRule, Price, WattHours};
use scale_info::TypeInfo;
use sp_core::U256;
use sp_runtime::{PerThing, Permill};

/// A price for surplus and one for need.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Pair {
	/// What surplus earns.
	pub sell: Price,
	/// What need pays.
	pub buy: Price,
}

/// Prices of a period's residual energy.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct ResidualPrices {
	/// What members are paid and pay.
	pub members: Pair,
	/// What the operator pays and is paid; the difference is the community fund's.
	pub operator: Pair,
}

/// The prices under `rule`, for the sums of surplus and need over the community.
pub fn residual_prices(
	rule: &ResidualRule,
	retail: Price,
	feed_in: Price,
	surplus: WattHours,
	need: WattHours,
) -> ResidualPrices {
	match rule {
		ResidualRule::Tariff => {
			let tariff = Pair {
				sell: feed_in,
				buy: retail,
			};
			ResidualPrices {
				members: tariff,
				operator: tariff,
			}
		}
		ResidualRule::Pool { spread } => {
			let operator = shared(retail, feed_in, surplus, need);
			let members = Pair {
				sell: feed_in.saturating_add(keep(operator.sell.saturating_sub(feed_in), *spread)),
				buy: retail.saturating_sub(keep(retail.saturating_sub(operator.buy), *spread)),
			};
			ResidualPrices { members, operator }
		}
	}
}

/// What is left of a gain over the tariff after the fund's share, rounded down: rounding is the fund's.
fn keep(gain: Price, spread: Permill) -> Price {
	let parts = u128::from(spread.left_from_one().deconstruct());
	let kept = u128::from(gain.0).saturating_mul(parts) / 1_000_000;
	// At most the gain, which is a u64.
	Price(u64::try_from(kept).unwrap_or(gain.0))
}

/// The pool's prices before the fund's share. With U and M the sums of surplus and need:
///
/// - `U ≤ M`: `Ps = ⌊λs·λb·M / ((λb − λs)·U + λs·M)⌋`, `Pb = ⌈(Ps·U + λb·(M − U)) / M⌉`;
/// - `U > M`: both the feed-in price.
fn shared(retail: Price, feed_in: Price, surplus: WattHours, need: WattHours) -> Pair {
	if surplus > need {
		return Pair {
			sell: feed_in,
			buy: feed_in,
		};
	}
	if need.is_zero() {
		// Nobody feeds in, nobody takes: the prices apply to nothing.
		return Pair {
			sell: feed_in,
			buy: retail,
		};
	}
	let (u, m) = (U256::from(surplus.0), U256::from(need.0));
	let (high, low) = (U256::from(retail.0), U256::from(feed_in.0));
	// Factors are u64: no product of three reaches 2²⁵⁶.
	let numerator = low.saturating_mul(high).saturating_mul(m);
	let denominator = high
		.saturating_sub(low)
		.saturating_mul(u)
		.saturating_add(low.saturating_mul(m));
	let sell = numerator
		.checked_div(denominator)
		.and_then(|price| u64::try_from(price).ok())
		.map_or(feed_in, Price)
		.max(feed_in)
		.min(retail);
	let paid = U256::from(sell.0)
		.saturating_mul(u)
		.saturating_add(high.saturating_mul(m.saturating_sub(u)));
	let buy = paid
		.saturating_add(m.saturating_sub(U256::one()))
		.checked_div(m)
		.and_then(|price| u64::try_from(price).ok())
		.map_or(retail, Price)
		.min(retail);
	Pair { sell, buy }
}
