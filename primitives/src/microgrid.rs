//! Tariffs and market rules of a community, and the terms of a period that follow from them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::Permill;

use serde::{Deserialize, Serialize};

use crate::{Price, WattHours};

/// How a community's book clears.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen,
	TypeInfo,
)]
#[derive(Serialize, Deserialize)]
#[rustfmt::skip]
pub enum Mechanism {
	/// Orders match on arrival, at the resting order's price.
	#[default]
	Continuous,
	/// Orders rest until the gate closes; then all that trade do so at one price.
	CallAuction,
}

/// Rules of a community's market.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct MarketRules {
	/// How the book clears.
	pub mechanism: Mechanism,
	/// Lowest limit price of an order; at least 1.
	pub price_floor: Price,
	/// Highest limit price of an order.
	pub price_cap: Price,
	/// Least energy of an order; at least 1 Wh.
	pub min_quantity: WattHours,
	/// How many periods before delivery the gate closes; 0 closes it at delivery.
	pub gate_closure: u32,
	/// Fee per kWh that the operator takes of both sides of a trade, at settlement.
	pub fee: Price,
}

/// What becomes of energy that was metered and not traded.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum ResidualRule {
	/// Surplus at the feed-in price, need at the retail price.
	Tariff,
	/// Surplus and need meet at prices that follow the supply–demand ratio (Liu et al. 2017,
	/// doi 10.1109/TPWRS.2017.2649558).
	Pool {
		/// Share of the gain over the tariff that goes to the community's fund.
		spread: Permill,
	},
}

/// The terms of one period of one microgrid, fixed when the period opens: escrow relies on them.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
	/// What the operator charges for energy from the grid.
	pub retail_price: Price,
	/// What the operator pays for energy into the grid; at least 1, at most the retail price.
	pub feed_in_price: Price,
	/// Rules of the market.
	pub rules: MarketRules,
	/// What becomes of the rest.
	pub residual: ResidualRule,
}

/// Why terms are unsound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsoundTerms {
	/// The retail price, the price cap or the fee is not below [`PRICE_BOUND`](crate::units::PRICE_BOUND).
	PriceOutOfBounds,
	/// The feed-in price is zero or above the retail price.
	FeedInPrice,
	/// The price floor is zero or above the price cap.
	PriceFloor,
	/// The minimum quantity is zero or not below [`ENERGY_BOUND`](crate::units::ENERGY_BOUND).
	MinQuantity,
}

impl Terms {
	/// Why these terms are unsound, if they are: `1 ≤ feed_in ≤ retail`, `1 ≤ floor ≤ cap`, a minimum
	/// quantity of at least 1 Wh, and all prices below [`PRICE_BOUND`](crate::units::PRICE_BOUND).
	pub fn check(&self) -> Result<(), UnsoundTerms> {
		use crate::units::{ENERGY_BOUND, PRICE_BOUND};
		let rules = &self.rules;
		let prices = [self.retail_price, rules.price_cap, rules.fee];
		if prices.iter().any(|price| price.0 >= PRICE_BOUND) {
			return Err(UnsoundTerms::PriceOutOfBounds);
		}
		if self.feed_in_price.is_zero() || self.feed_in_price > self.retail_price {
			return Err(UnsoundTerms::FeedInPrice);
		}
		if rules.price_floor.is_zero() || rules.price_floor > rules.price_cap {
			return Err(UnsoundTerms::PriceFloor);
		}
		if rules.min_quantity.is_zero() || rules.min_quantity.0 >= ENERGY_BOUND {
			return Err(UnsoundTerms::MinQuantity);
		}
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::units::{ENERGY_BOUND, PRICE_BOUND};

	fn terms() -> Terms {
		Terms {
			retail_price: Price(300_000),
			feed_in_price: Price(80_000),
			rules: MarketRules {
				mechanism: Mechanism::Continuous,
				price_floor: Price(1),
				price_cap: Price(1_000_000),
				min_quantity: WattHours(1),
				gate_closure: 0,
				fee: Price(0),
			},
			residual: ResidualRule::Tariff,
		}
	}

	#[test]
	fn unsound_terms_should_be_named() {
		let rules = |change: fn(&mut MarketRules)| {
			let mut terms = terms();
			change(&mut terms.rules);
			terms
		};
		assert_eq!(terms().check(), Ok(()));
		let cases = [
			(
				Terms {
					retail_price: Price(PRICE_BOUND),
					..terms()
				},
				UnsoundTerms::PriceOutOfBounds,
			),
			(
				rules(|r| r.price_cap = Price(PRICE_BOUND)),
				UnsoundTerms::PriceOutOfBounds,
			),
			(
				rules(|r| r.fee = Price(PRICE_BOUND)),
				UnsoundTerms::PriceOutOfBounds,
			),
			(
				Terms {
					feed_in_price: Price(0),
					..terms()
				},
				UnsoundTerms::FeedInPrice,
			),
			(
				Terms {
					feed_in_price: Price(300_001),
					..terms()
				},
				UnsoundTerms::FeedInPrice,
			),
			(
				rules(|r| r.price_floor = Price(0)),
				UnsoundTerms::PriceFloor,
			),
			(
				rules(|r| r.price_floor = Price(1_000_001)),
				UnsoundTerms::PriceFloor,
			),
			(
				rules(|r| r.min_quantity = WattHours(0)),
				UnsoundTerms::MinQuantity,
			),
			(
				rules(|r| r.min_quantity = WattHours(ENERGY_BOUND)),
				UnsoundTerms::MinQuantity,
			),
		];
		for (terms, reason) in cases {
			assert_eq!(terms.check(), Err(reason));
		}
	}
}
