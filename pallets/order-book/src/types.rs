//! Stored and passed types, each field with its unit.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{
	market::{buyer_worst_case, seller_worst_case, Side},
	microgrid::Terms,
	Balance, MeterId, MicrogridId, OrderId, Period, Price, WattHours,
};
use scale_info::TypeInfo;

/// How long an order is good for.
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
pub enum TimeInForce {
	/// What does not match at once rests in the book until the period's gate closes.
	GoodUntilGate,
	/// What does not match at once is cancelled.
	ImmediateOrCancel,
	/// Matches at once and wholly, or not at all.
	FillOrKill,
}

/// What an order asks for.
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
pub struct NewOrder {
	/// The meter that will deliver or consume; the sender must own it.
	pub meter: MeterId,
	/// Whether to buy (`Bid`) or to sell (`Ask`).
	pub side: Side,
	/// The period of delivery.
	pub period: Period,
	/// How much, in Wh.
	pub energy: WattHours,
	/// The most a bid pays, the least an ask takes, in 10⁻⁶ GRID per kWh.
	pub limit_price: Price,
	/// How long the order is good for.
	pub time_in_force: TimeInForce,
}

/// Which book: there is one per microgrid and period of delivery.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct BookId {
	/// The community.
	pub microgrid: MicrogridId,
	/// The period of delivery.
	pub period: Period,
}

/// Where on a side of a book an order rests.
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
pub struct Place {
	/// The order's limit price, in 10⁻⁶ GRID per kWh.
	pub price: Price,
	/// The order; ids are given in order of arrival.
	pub order: OrderId,
}

impl Place {
	/// Whether an order here comes before one at `other`, on the given side: better price first, then
	/// earlier arrival.
	pub fn precedes(&self, other: &Self, side: Side) -> bool {
		let better = match side {
			Side::Bid => self.price > other.price,
			Side::Ask => self.price < other.price,
		};
		better || (self.price == other.price && self.order < other.order)
	}
}

/// An order in the book.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Resting<AccountId> {
	/// Who placed it, and whose trading balance it locks.
	pub owner: AccountId,
	/// The meter it is for.
	pub meter: MeterId,
	/// What is left of it, in Wh.
	pub remaining: WattHours,
}

/// Where an open order is to be found.
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
pub struct Locator {
	/// In which book.
	pub book: BookId,
	/// On which side.
	pub side: Side,
	/// At which price, in 10⁻⁶ GRID per kWh.
	pub price: Price,
}

/// What was traded in a book.
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
pub struct MarketData {
	/// Energy traded, in Wh.
	pub volume: WattHours,
	/// What was paid for it, in planck, without fees.
	pub value: Balance,
	/// The price of the last trade, in 10⁻⁶ GRID per kWh.
	pub last_price: Option<Price>,
	/// How many trades there were.
	pub trades: u32,
}

/// What is known of a book besides its orders: the pointers to its best orders, the prices that its
/// orders' locks are computed from, and what was traded.
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
pub struct Book {
	/// The ask that trades first.
	pub best_ask: Option<Place>,
	/// The bid that trades first.
	pub best_bid: Option<Place>,
	/// How many asks rest.
	pub asks: u32,
	/// How many bids rest.
	pub bids: u32,
	/// The fee of either side, from the period's terms, in 10⁻⁶ GRID per kWh.
	pub fee: Price,
	/// The retail price, from the period's terms, in 10⁻⁶ GRID per kWh.
	pub retail_price: Price,
	/// How many meters have commitments in it.
	pub meters: u32,
	/// The block that `removals` counts in.
	pub removals_in: u32,
	/// How many orders left the book in that block by trades and cancellations.
	pub removals: u32,
	/// What was traded.
	pub market: MarketData,
}

impl Book {
	/// An empty book of a period with these terms.
	pub fn new(terms: &Terms) -> Self {
		Self {
			best_ask: None,
			best_bid: None,
			asks: 0,
			bids: 0,
			fee: terms.rules.fee,
			retail_price: terms.retail_price,
			meters: 0,
			removals_in: 0,
			removals: 0,
			market: MarketData::default(),
		}
	}

	/// The order that trades first on a side.
	pub fn best(&self, side: Side) -> Option<Place> {
		match side {
			Side::Bid => self.best_bid,
			Side::Ask => self.best_ask,
		}
	}

	/// An order of either side, while there is one.
	pub(crate) fn any_best(&self) -> Option<(Side, Place)> {
		let ask = self.best_ask.map(|place| (Side::Ask, place));
		ask.or_else(|| self.best_bid.map(|place| (Side::Bid, place)))
	}

	pub(crate) fn set_best(&mut self, side: Side, best: Option<Place>) {
		match side {
			Side::Bid => self.best_bid = best,
			Side::Ask => self.best_ask = best,
		}
	}

	/// How many orders rest on a side.
	pub fn count(&self, side: Side) -> u32 {
		match side {
			Side::Bid => self.bids,
			Side::Ask => self.asks,
		}
	}

	pub(crate) fn count_mut(&mut self, side: Side) -> &mut u32 {
		match side {
			Side::Bid => &mut self.bids,
			Side::Ask => &mut self.asks,
		}
	}

	/// How many orders have left the book in block `now` by trades and cancellations.
	pub fn removals_at(&self, now: u32) -> u32 {
		if self.removals_in == now {
			self.removals
		} else {
			0
		}
	}

	pub(crate) fn count_removal(&mut self, now: u32) {
		self.removals = self.removals_at(now).saturating_add(1);
		self.removals_in = now;
	}

	/// What `energy` of an order with this limit locks: the worst it can cost its owner.
	pub fn lock(&self, side: Side, limit: Price, energy: WattHours) -> Balance {
		match side {
			Side::Bid => buyer_worst_case(limit, self.fee, energy),
			Side::Ask => seller_worst_case(limit, self.retail_price, self.fee, energy),
		}
	}
}

/// What a meter has on offer and has traded in one period, in Wh.
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
pub struct Commitment {
	/// Open asks.
	pub asks: WattHours,
	/// Open bids.
	pub bids: WattHours,
	/// Sold.
	pub sold: WattHours,
	/// Bought.
	pub bought: WattHours,
}

impl Commitment {
	/// The open orders of a side.
	pub fn open_mut(&mut self, side: Side) -> &mut WattHours {
		match side {
			Side::Bid => &mut self.bids,
			Side::Ask => &mut self.asks,
		}
	}

	/// What was traded on a side.
	pub fn traded_mut(&mut self, side: Side) -> &mut WattHours {
		match side {
			Side::Bid => &mut self.bought,
			Side::Ask => &mut self.sold,
		}
	}

	/// All that a side may come to: its open orders and its trades.
	pub fn at_most(&self, side: Side) -> WattHours {
		match side {
			Side::Bid => self.bids.saturating_add(self.bought),
			Side::Ask => self.asks.saturating_add(self.sold),
		}
	}
}

/// What is to be done next for a book, once its time has come.
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
pub enum Stage {
	/// The gate closes: cancel the orders that are left.
	Expire,
	/// Delivery ends: forget the meters' commitments.
	Forget {
		/// Those of the meters up to this one are forgotten already.
		after: Option<MeterId>,
	},
	/// The period is no longer kept: remove the book with its market data.
	Prune,
}

/// Why an order, or what was left of it, was cancelled.
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
pub enum CancelReason {
	/// Its owner cancelled it.
	Cancelled,
	/// Its owner replaced it by the order that is placed next.
	Replaced,
	/// The gate of its period closed.
	GateClosed,
	/// It was an immediate-or-cancel order, and nothing more matched.
	ImmediateOrCancel,
	/// It met an order of the same owner: nobody trades with themselves.
	SelfTrade,
	/// It reached the most fills of one extrinsic, or the most orders that may leave a book in one
	/// block. Place the rest again.
	FillLimit,
	/// Its meter came under quarantine since it was placed: it would have been traded with, and may not.
	Quarantined,
}
