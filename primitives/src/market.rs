//! Sides, trades, and the money an order locks.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{cost, Balance, MeterId, MicrogridId, Period, Price, WattHours};

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

/// One party of a trade.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Party<AccountId> {
	/// Whose account pays and is paid.
	pub account: AccountId,
	/// The meter whose energy it is.
	pub meter: MeterId,
	/// What the party's order had locked for this energy: released by the trade, which locks the
	/// position's margin in its place.
	pub released: Balance,
}

/// A fill.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Trade<AccountId> {
	/// The community whose book it is.
	pub microgrid: MicrogridId,
	/// The period of delivery.
	pub period: Period,
	/// Who sells.
	pub seller: Party<AccountId>,
	/// Who buys.
	pub buyer: Party<AccountId>,
	/// How much.
	pub energy: WattHours,
	/// At what price: the resting order's.
	pub price: Price,
	/// The market's fee of each side, per kWh.
	pub fee: Price,
	/// The period's retail price, at which a shortfall is bought.
	pub retail_price: Price,
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
