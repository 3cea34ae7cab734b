//! The second phase: the trades.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{market::Side, Price, WattHours};
use scale_info::TypeInfo;

use super::{Clearing, LimitOrder};

/// A trade between two orders, and what is left of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairing {
	/// How much is traded, in Wh.
	pub energy: WattHours,
	/// What is left of the bid, in Wh. If nothing, the bid behind it is paired next.
	pub bid_left: WattHours,
	/// What is left of the ask, in Wh. If nothing, the ask behind it is paired next.
	pub ask_left: WattHours,
}

/// Why two orders were not paired. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairError {
	/// The volume is traded.
	Done,
	/// The price is beyond the limit of this side's order: it is none of those that fill.
	BeyondLimit(Side),
	/// This side's order has no energy, or 2³² Wh or more.
	EnergyOutOfBounds(Side),
}

/// Trades the volume that was found at the price that was found, one trade a step.
///
/// Its keeper takes filled orders off the book, and stores what is left of others: then the best two orders
/// of the book are at any time those to be paired.
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
pub struct Execution {
	price: Price,
	left: WattHours,
}

impl Execution {
	/// To trade what a book comes to.
	pub const fn new(clearing: &Clearing) -> Self {
		Self {
			price: clearing.price(),
			left: clearing.volume,
		}
	}

	/// To trade so much at a price that was found otherwise.
	pub const fn at(price: Price, left: WattHours) -> Self {
		Self { price, left }
	}

	/// The price of every trade, in 10⁻⁶ GRID per kWh.
	pub const fn price(&self) -> Price {
		self.price
	}

	/// How much is still to be traded, in Wh. Nothing: it is done.
	pub const fn left(&self) -> WattHours {
		self.left
	}

	/// Makes a trade of the best bid and the best ask.
	pub fn pair(&mut self, bid: LimitOrder, ask: LimitOrder) -> Result<Pairing, PairError> {
		if self.left.is_zero() {
			return Err(PairError::Done);
		}
		for (side, order) in [(Side::Bid, bid), (Side::Ask, ask)] {
			if !order.energy_is_in_bounds() {
				return Err(PairError::EnergyOutOfBounds(side));
			}
			if side.is_better(self.price, order.limit) {
				return Err(PairError::BeyondLimit(side));
			}
		}
		let energy = bid.energy.min(ask.energy).min(self.left);
		self.left = self.left.saturating_sub(energy);
		Ok(Pairing {
			energy,
			bid_left: bid.energy.saturating_sub(energy),
			ask_left: ask.energy.saturating_sub(energy),
		})
	}
}
