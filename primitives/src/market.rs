//! Sides, trades, and the money an order locks.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{cost, Balance, LinkId, MeterId, MicrogridId, Period, Price, WattHours};

/// Side of an order.
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
)]
pub enum Side {
	/// Buys energy.
	Bid,
	/// Sells energy.
	Ask,
}

impl Side {
	/// The other side.
	pub const fn opposite(self) -> Self {
		match self {
			Self::Bid => Self::Ask,
			Self::Ask => Self::Bid,
		}
	}

	/// Whether an order of this side with limit `one` trades before one with limit `other`, whenever they
	/// came.
	pub fn is_better(self, one: Price, other: Price) -> bool {
		match self {
			Self::Bid => one > other,
			Self::Ask => one < other,
		}
	}

	/// Whether an order of this side with this limit can trade with one of the other side at `other`.
	pub fn crosses(self, limit: Price, other: Price) -> bool {
		!self.is_better(other, limit)
	}
}

/// The worst that `energy` at `price` can cost its buyer: `(price + fee) × energy`. What a bid at limit
/// `price` locks, and the margin of a purchase at `price`. Linear in `energy`: parts add up exactly.
pub fn buyer_worst_case(price: Price, fee: Price, energy: WattHours) -> Balance {
	cost(price.saturating_add(fee), energy)
}

/// The worst that selling `energy` at `price` can cost its seller, who delivers nothing and buys the
/// shortfall at retail: `(retail + fee − price)⁺ × energy`. What an ask at limit `price` locks, and the
/// margin of a sale at `price`. Linear in `energy`.
pub fn seller_worst_case(price: Price, retail: Price, fee: Price, energy: WattHours) -> Balance {
	cost(retail.saturating_add(fee).saturating_sub(price), energy)
}

/// What the book of a community and period tells of the energy to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
	/// Open asks.
	pub asks: WattHours,
	/// Open bids.
	pub bids: WattHours,
	/// Sold.
	pub sold: WattHours,
	/// Bought.
	pub bought: WattHours,
	/// Lowest price asked.
	pub best_ask: Option<Price>,
	/// Highest price bid.
	pub best_bid: Option<Price>,
}

/// One party of a trade.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Party<AccountId> {
	/// Whose account pays and is paid.
	pub account: AccountId,
	/// The meter whose energy it is.
	pub meter: MeterId,
	/// The community of the meter.
	pub microgrid: MicrogridId,
	/// What the seller sends, or the buyer receives: over a link, the one is more than the other.
	pub energy: WattHours,
	/// The fee of the community's market, per kWh.
	pub fee: Price,
	/// What the party's order had locked for this energy: released by the trade, which locks the
	/// position's margin in its place.
	pub released: Balance,
}

/// What a link does for a trade.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Wheeling<AccountId> {
	/// Which link.
	pub link: LinkId,
	/// Who operates it.
	pub operator: AccountId,
	/// What the buyer pays to the operator, in planck.
	pub fee: Balance,
}

/// A fill.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Trade<AccountId> {
	/// The period of delivery.
	pub period: Period,
	/// Who sells.
	pub seller: Party<AccountId>,
	/// Who buys.
	pub buyer: Party<AccountId>,
	/// The price that it was made at, the resting order's or the auction's.
	pub price: Price,
	/// What the seller gets, in planck, before its market's fee.
	pub value: Balance,
	/// The retail price of the seller's community and period, at which a shortfall is bought.
	pub retail_price: Price,
	/// The link, if the parties are of two communities.
	pub wheeling: Option<Wheeling<AccountId>>,
}

impl<AccountId> Trade<AccountId> {
	/// What the buyer pays, in planck, before its market's fee: what the seller gets, and the wheeling fee.
	pub fn payable(&self) -> Balance {
		let wheeling = self.wheeling.as_ref().map_or(0, |wheeling| wheeling.fee);
		self.value.saturating_add(wheeling)
	}

	/// What of that is paid at once, out of what the buyer's order had locked. Over a link all of it, for
	/// two communities are not settled at the same time; else nothing.
	pub fn paid_at_once(&self) -> Balance {
		self.wheeling.as_ref().map_or(0, |_| self.payable())
	}

	/// The worst that the sale can still cost its seller: `(retail + fee) × energy − value`, if that is
	/// positive; of a trade within a community its [`seller_worst_case`].
	pub fn seller_margin(&self) -> Balance {
		let price = self.retail_price.saturating_add(self.seller.fee);
		cost(price, self.seller.energy).saturating_sub(self.value)
	}

	/// The worst that the purchase can still cost its buyer: what is not paid yet, and the fee; of a trade
	/// within a community its [`buyer_worst_case`].
	pub fn buyer_margin(&self) -> Balance {
		let due = self.payable().saturating_sub(self.paid_at_once());
		due.saturating_add(cost(self.buyer.fee, self.buyer.energy))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn high_bids_and_low_asks_should_be_better_and_equal_limits_cross() {
		let [low, high] = [Price(80), Price(90)];
		for (side, better, worse) in [(Side::Bid, high, low), (Side::Ask, low, high)] {
			assert!(side.is_better(better, worse));
			assert!(!side.is_better(worse, better) && !side.is_better(low, low));
			assert!(side.crosses(better, worse) && side.crosses(low, low));
			assert!(!side.crosses(worse, better));
		}
	}

	proptest! {
		/// A fill at the resting price never needs more margin than the order had locked.
		#[test]
		fn margins_should_fit_what_orders_locked(
			ask in 1u64..1 << 40, bid in 1u64..1 << 40, price in 1u64..1 << 40,
			fee in 0u64..1 << 40, retail in 1u64..1 << 40, energy in 0u64..1 << 32,
		) {
			let (fee, retail, energy) = (Price(fee), Price(retail), WattHours(energy));
			let price = Price(price.clamp(ask.min(bid), ask.max(bid)));
			let (ask, bid) = (Price(ask.min(bid)), Price(ask.max(bid)));
			prop_assert!(
				buyer_worst_case(price, fee, energy) <= buyer_worst_case(bid, fee, energy)
			);
			prop_assert!(
				seller_worst_case(price, retail, fee, energy)
					<= seller_worst_case(ask, retail, fee, energy)
			);
		}

		/// The margins of a trade are the worst cases of its price; over a link, what is not paid at once.
		#[test]
		fn margins_of_a_trade_should_be_its_worst_cases(
			price in 1u64..1 << 40, fee in 0u64..1 << 40, retail in 1u64..1 << 40, energy in 0u64..1 << 32,
			wheeling in 0u128..1 << 80,
		) {
			let (price, fee, retail, energy) = (Price(price), Price(fee), Price(retail), WattHours(energy));
			let party = |account| Party {
				account,
				meter: MeterId(0),
				microgrid: MicrogridId(0),
				energy,
				fee,
				released: 0,
			};
			let mut trade = Trade {
				period: Period(0),
				seller: party(1),
				buyer: party(2),
				price,
				value: cost(price, energy),
				retail_price: retail,
				wheeling: None,
			};
			let sale = seller_worst_case(price, retail, fee, energy);
			prop_assert_eq!(trade.seller_margin(), sale);
			prop_assert_eq!(trade.buyer_margin(), buyer_worst_case(price, fee, energy));
			prop_assert_eq!(trade.paid_at_once(), 0);
			trade.wheeling = Some(Wheeling { link: LinkId(0), operator: 3, fee: wheeling });
			prop_assert_eq!(trade.seller_margin(), sale);
			prop_assert_eq!(trade.buyer_margin(), cost(fee, energy));
			prop_assert_eq!(trade.paid_at_once(), cost(price, energy) + wheeling);
		}

		/// Parts of an order lock what the whole does.
		#[test]
		fn locks_should_add_up(limit in 1u64..1 << 40, a in 0u64..1 << 31, b in 0u64..1 << 31) {
			let lock = |energy| buyer_worst_case(Price(limit), Price(7), WattHours(energy));
			prop_assert_eq!(lock(a) + lock(b), lock(a + b));
			let lock = |energy| seller_worst_case(Price(limit), Price(300_000), Price(7), WattHours(energy));
			prop_assert_eq!(lock(a) + lock(b), lock(a + b));
		}
	}
}
