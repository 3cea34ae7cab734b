//! Whether a meter can stand for what its orders promise.
//!
//! Every meter: what it may come to sell in a period (open asks and sales) is at most its export rating
//! over the period; what it may come to buy likewise for import.
//!
//! A storage also needs the energy, or the room for it, over time. From its present state of charge, two
//! levels are followed over the periods in order of delivery:
//!
//! * the **lowest** level it may come to: every open ask filled, no open bid. An ask must keep it at
//!   zero or above, from its period on;
//! * the **highest** level: every open bid filled, no open ask. A bid must keep it at the capacity or
//!   below, from its period on.
//!
//! Trades count on both levels, except that in the period being delivered a purchase does not raise the
//! lowest level and a sale does not lower the highest one: part of it is in the state of charge already.
//! So whatever subset of the orders fills, and in whatever order, the storage stays between empty and
//! full by what it traded; a fill, a cancellation and a reduction never break this. What it loses, or
//! consumes besides, is its owner's risk, as is a state of charge that is reported late; the lock of the
//! order covers it. A period that begins before the state of charge shows what was bought may leave the
//! lowest level below zero: then asks are refused until the next report.

use gridweave_primitives::{market::Side, meter::Ratings, Period, WattHours};

use crate::types::Commitment;

/// The most energy a meter may trade on a side in a period of `seconds`.
pub fn rated(ratings: &Ratings, side: Side, seconds: u32) -> WattHours {
	match side {
		Side::Bid => ratings.max_import,
		Side::Ask => ratings.max_export,
	}
	.over(u64::from(seconds))
}

/// A storage as its meter knows it, and an order on it that is to be checked.
#[derive(Clone, Copy, Debug)]
pub struct StorageCheck {
	/// Energy it holds when full.
	pub capacity: WattHours,
	/// Energy it holds at present.
	pub charge: WattHours,
	/// The period being delivered at present.
	pub current: Period,
	/// The order's side.
	pub side: Side,
	/// The order's period.
	pub period: Period,
	/// The order's energy.
	pub energy: WattHours,
}

impl StorageCheck {
	/// Whether the storage can stand for the order besides its commitments: those of all periods from
	/// the current one to the last open one, in order, without gaps.
	pub fn is_feasible(&self, commitments: impl Iterator<Item = (Period, Commitment)>) -> bool {
		// Sums of at most some hundred 64-bit values: far inside 128 bits.
		let mut level = i128::from(self.charge.min(self.capacity).0);
		let capacity = i128::from(self.capacity.0);
		for (period, commitment) in commitments {
			let mut out = i128::from(commitment.sold.0);
			let mut into = i128::from(commitment.bought.0);
			let begun = period <= self.current;
			let energy = if period == self.period {
				i128::from(self.energy.0)
			} else {
				0
			};
			match self.side {
				Side::Ask => {
					out = out
						.saturating_add(commitment.asks.0.into())
						.saturating_add(energy);
					if begun {
						into = 0;
					}
				}
				Side::Bid => {
					into = into
						.saturating_add(commitment.bids.0.into())
						.saturating_add(energy);
					if begun {
						out = 0;
					}
				}
			}
			level = level.saturating_add(into).saturating_sub(out);
			let holds = match self.side {
				Side::Ask => level >= 0,
				Side::Bid => level <= capacity,
			};
			if period >= self.period && !holds {
				return false;
			}
		}
		true
	}
}
