//! The first phase: volume and price.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{market::Side, Price, WattHours};
use scale_info::TypeInfo;

use super::LimitOrder;

/// The last level of prices that fills on a side, wholly or in part.
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
pub struct Margin {
	/// The limit of its orders, in 10⁻⁶ GRID per kWh.
	pub limit: Price,
	/// How much of them fills, all together, in Wh.
	pub filled: WattHours,
}

/// What a book comes to that trades. Price and volume are explained with the [module](super).
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
pub struct Clearing {
	/// How much trades, in Wh; more than nothing.
	pub volume: WattHours,
	/// The lowest of the clearing prices, in 10⁻⁶ GRID per kWh.
	pub low: Price,
	/// The highest of the clearing prices, in 10⁻⁶ GRID per kWh; at least `low`.
	pub high: Price,
	/// The last level of bids that fills.
	pub bid_margin: Margin,
	/// The last level of asks that fills.
	pub ask_margin: Margin,
}

impl Clearing {
	/// The price of all trades: the midpoint of the clearing prices, rounded down, in 10⁻⁶ GRID per kWh.
	pub const fn price(&self) -> Price {
		let half = self.high.saturating_sub(self.low).0 / 2;
		self.low.saturating_add(Price(half))
	}
}

/// What comes next in a [`Discovery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
	/// To be fed the next order of this side, or to be told that it has no more.
	Order(Side),
	/// Nothing: this is what the book comes to, if it trades.
	Done(Option<Clearing>),
}

/// Why an order was not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedError {
	/// No order is wanted any more: the discovery is done.
	Done,
	/// The order is better than one that was fed before. Those of a side come best first.
	NotInOrder,
	/// The order has no energy, or 2³² Wh or more.
	EnergyOutOfBounds,
}

/// The best order of a side that is not filled yet.
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
enum Front {
	/// Not fed yet.
	#[default]
	Wanted,
	/// This, less what is filled of it.
	Order(LimitOrder),
	/// None: all orders of the side fill.
	Exhausted,
}

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
struct Curve {
	front: Front,
	/// None if nothing of the side fills so far.
	margin: Option<Margin>,
}

impl Curve {
	fn take(&mut self, side: Side, order: Option<LimitOrder>) -> Result<(), FeedError> {
		let Some(order) = order else {
			self.front = Front::Exhausted;
			return Ok(());
		};
		if !order.energy_is_in_bounds() {
			return Err(FeedError::EnergyOutOfBounds);
		}
		// Another order is wanted only when the one before is filled: it is at the margin.
		let before = self.margin;
		if before.is_some_and(|margin| side.is_better(order.limit, margin.limit)) {
			return Err(FeedError::NotInOrder);
		}
		self.front = Front::Order(order);
		Ok(())
	}

	/// Fills `energy` of `order`, which is the front.
	fn fill(&mut self, order: LimitOrder, energy: WattHours) {
		let left = order.energy.saturating_sub(energy);
		self.front = if left.is_zero() {
			Front::Wanted
		} else {
			Front::Order(LimitOrder {
				energy: left,
				..order
			})
		};
		let same_level = self.margin.filter(|margin| margin.limit == order.limit);
		let before = same_level.map_or(WattHours::ZERO, |margin| margin.filled);
		self.margin = Some(Margin {
			limit: order.limit,
			filled: before.saturating_add(energy),
		});
	}

	/// The limit of the best order that something is left of.
	fn unfilled(&self) -> Option<Price> {
		match self.front {
			Front::Order(order) => Some(order.limit),
			Front::Wanted | Front::Exhausted => None,
		}
	}
}

/// Finds what a book comes to, one order a step. Holds all it knows of the orders fed so far, in a fixed
/// size: its keeper only has to know which order of a side was fed last.
///
/// [`Self::next`] tells of which side the next order is to be fed; [`Self::feed`] takes it.
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
pub struct Discovery {
	bids: Curve,
	asks: Curve,
	/// What trades so far, in Wh.
	volume: WattHours,
}

impl Discovery {
	/// What comes next.
	pub fn next(&self) -> Next {
		// Fronts that cross are met as soon as both are known: those that are still there do not.
		match (self.bids.front, self.asks.front) {
			(Front::Wanted, _) => Next::Order(Side::Bid),
			(_, Front::Wanted) => Next::Order(Side::Ask),
			_ => Next::Done(self.clearing()),
		}
	}

	/// Takes the next order of the side that [`Self::next`] names, `None` if it has no more.
	pub fn feed(&mut self, order: Option<LimitOrder>) -> Result<(), FeedError> {
		match self.next() {
			Next::Order(Side::Bid) => self.bids.take(Side::Bid, order)?,
			Next::Order(Side::Ask) => self.asks.take(Side::Ask, order)?,
			Next::Done(_) => return Err(FeedError::Done),
		}
		let (Front::Order(bid), Front::Order(ask)) = (self.bids.front, self.asks.front) else {
			return Ok(());
		};
		if bid.limit >= ask.limit {
			let energy = bid.energy.min(ask.energy);
			self.bids.fill(bid, energy);
			self.asks.fill(ask, energy);
			// Does not saturate: a book counts its orders in 32 bits, and each is below 2^32 Wh.
			self.volume = self.volume.saturating_add(energy);
		}
		Ok(())
	}

	/// What trades so far, in Wh.
	pub const fn volume(&self) -> WattHours {
		self.volume
	}

	/// What is left of the best order of a side that does not fill, once it is done.
	pub fn unfilled(&self, side: Side) -> Option<LimitOrder> {
		let curve = match side {
			Side::Bid => self.bids,
			Side::Ask => self.asks,
		};
		match curve.front {
			Front::Order(order) => Some(order),
			Front::Wanted | Front::Exhausted => None,
		}
	}

	/// The prices at which nobody trades beyond a limit and no strictly better order goes unfilled, once it is
	/// done: also of a book that does not trade.
	pub fn interval(&self) -> (Price, Price) {
		let filled = |curve: &Curve| curve.margin.map(|margin| margin.limit);
		let low = filled(&self.asks).max(self.bids.unfilled());
		let high = [filled(&self.bids), self.asks.unfilled()];
		let high = high.into_iter().flatten().min();
		(low.unwrap_or(Price(0)), high.unwrap_or(Price(u64::MAX)))
	}

	/// What it comes to, once both fronts are known.
	fn clearing(&self) -> Option<Clearing> {
		let (bid_margin, ask_margin) = (self.bids.margin?, self.asks.margin?);
		let (low, high) = self.interval();
		Some(Clearing {
			volume: self.volume,
			low,
			high,
			bid_margin,
			ask_margin,
		})
	}
}
