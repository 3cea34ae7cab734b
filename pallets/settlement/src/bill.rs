//! The bill of one meter and period: trades, shortfall, excess, residual and fees as one signed amount,
//! and the entries of its counterparties, the operator and the community's fund.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{cost, meter::MeteredPeriod, Balance, Price, WattHours};
use scale_info::TypeInfo;

use crate::{
	pool::{Pair, ResidualPrices},
	split::Split,
};

/// What a meter traded for one period. Trades pay their price whatever is metered.
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
pub struct Contracts {
	/// Energy sold.
	pub sold: WattHours,
	/// Energy bought.
	pub bought: WattHours,
	/// What buyers owe for it, in planck.
	pub receivable: Balance,
	/// What is owed to sellers, and to operators of links, in planck.
	pub payable: Balance,
	/// How much of that was paid with the trades: those over links.
	pub paid: Balance,
	/// Market fees, in planck, for the operator.
	pub fee: Balance,
}

/// The prices on a bill.
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
pub struct Prices {
	/// What a shortfall costs.
	pub retail: Price,
	/// What an excess contract earns.
	pub feed_in: Price,
	/// Prices of the residual.
	pub residual: ResidualPrices,
}

/// A bill: `amount + operator + fund = receivable − payable` exactly. Over a community and period trades
/// within it cancel out: what is left is what goes over its links, so that with that everything sums to zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
	/// How the energy was split.
	pub split: Split,
	/// What the meter's owner gets for the period, or owes if negative, in planck.
	pub amount: i128,
	/// What of that is still to be paid: all but what was paid with trades over links.
	pub due: i128,
	/// What the operator gets, or owes if negative.
	pub operator: i128,
	/// What the community's fund gets.
	pub fund: Balance,
}

/// Money with a sign. Every amount here is below 2¹²⁰: prices are below 2⁴¹, energies below 2⁶⁴.
pub fn signed(amount: Balance) -> i128 {
	i128::try_from(amount).unwrap_or(i128::MAX)
}

/// What a signed amount owes, if it is negative.
pub fn owed(amount: i128) -> Balance {
	if amount < 0 {
		amount.unsigned_abs()
	} else {
		0
	}
}

impl Prices {
	/// What surplus earns and need pays. Of an estimate the tariff, never the pool's prices: else whoever is
	/// silent about more than is usual would gain by the prices that its silence makes.
	fn residual(&self, is_estimate: bool) -> Pair {
		if is_estimate {
			Pair {
				sell: self.feed_in,
				buy: self.retail,
			}
		} else {
			self.residual.members
		}
	}
}

impl Bill {
	/// The bill for these contracts and this metered energy; for none, as of 0. What an estimate earns less or
	/// pays more than the pool's prices is the fund's.
	pub fn of(contracts: &Contracts, metered: Option<&MeteredPeriod>, prices: &Prices) -> Self {
		let (import, export) =
			metered.map_or_else(Default::default, |metered| (metered.import, metered.export));
		let split = Split::of(contracts.sold, contracts.bought, import, export);
		let Pair { sell, buy } = prices.residual(metered.is_some_and(MeteredPeriod::is_estimate));
		let base = prices.residual.operator;

		let trades = signed(contracts.receivable).saturating_sub(signed(contracts.payable));
		let fee = signed(contracts.fee);
		let shortfall = signed(cost(prices.retail, split.shortfall));
		let excess = signed(cost(prices.feed_in, split.excess));
		let residual =
			signed(cost(sell, split.surplus)).saturating_sub(signed(cost(buy, split.need)));
		let through = signed(cost(base.sell, split.surplus))
			.saturating_sub(signed(cost(base.buy, split.need)));

		// Sums of six amounts below 2¹²⁰: no saturation.
		let grid = excess.saturating_sub(shortfall).saturating_sub(fee);
		let amount = trades.saturating_add(grid).saturating_add(residual);
		Self {
			split,
			amount,
			due: amount.saturating_add(signed(contracts.paid)),
			operator: grid.saturating_add(through).saturating_neg(),
			// The operator's price is never worse for it than the members' price is for them.
			fund: owed(residual.saturating_sub(through)),
		}
	}
}
