//! Stored and passed types, each field with its unit.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{market::Side, MeterId, MicrogridId, OrderId, Period, Price, WattHours};
use scale_info::TypeInfo;

mod book;
mod coupling;
mod dealings;
mod stage;
mod standing;

pub use book::{Book, MarketData};
pub use coupling::{
	Candidate, Coupling, CouplingStage, Exchanging, LinkFlow, PriceAt, Solution, Verification,
	MAX_CANDIDATES, MAX_COUPLED, MAX_FLOWS,
};
pub use dealings::{Dealings, MAX_PERIODS};
pub use stage::{Cursor, Stage};
pub use standing::{
	expected, EndReason, Instruction, Quantity, Round, StandingKey, StandingOrder, Unsound,
};

/// How long an order is good for. In a call auction nothing matches at once, and only those that are good
/// until the gate are taken.
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
	/// What does not match at once rests in the book until the period's gate closes. In a call auction it
	/// is the order that trades then.
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
		side.is_better(self.price, other.price)
			|| (self.price == other.price && self.order < other.order)
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

/// What a meter has on offer and has traded in one period, in Wh. Integers are encoded compact: as small as most
/// are, it needs no node of the trie for itself.
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
	#[codec(compact)]
	pub asks: WattHours,
	/// Open bids.
	#[codec(compact)]
	pub bids: WattHours,
	/// Sold.
	#[codec(compact)]
	pub sold: WattHours,
	/// Bought.
	#[codec(compact)]
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

	/// Whether there are open orders.
	pub fn is_open(&self) -> bool {
		!self.asks.is_zero() || !self.bids.is_zero()
	}

	/// All that a side may come to: its open orders and its trades.
	pub fn at_most(&self, side: Side) -> WattHours {
		match side {
			Side::Bid => self.bids.saturating_add(self.bought),
			Side::Ask => self.asks.saturating_add(self.sold),
		}
	}
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
	/// The gate of its period closed. In a call auction: and it did not fill, or not wholly.
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
	/// It was traded over a link, and what was left of it, at most 1 Wh, is too little to arrive.
	LinkRemainder,
}

/// What has gone over a link for a period, in Wh.
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
pub struct Flow {
	/// The community it came from.
	pub from: MicrogridId,
	/// What was sent: it counts against the link's capacity.
	pub sent: WattHours,
	/// What was received: the rest is the link's loss.
	pub received: WattHours,
}

/// What the open orders of an account come to on one side of a book.
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
pub struct SideLimit {
	/// How many there are.
	pub orders: u32,
	/// A limit that none of them is better than, in 10⁻⁶ GRID per kWh: that of the best order since there
	/// was none on this side. Nothing while there are no orders.
	pub best: Price,
}

/// What the open orders of an account come to in the book of a call auction.
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
pub struct AccountLimits {
	/// Its bids.
	pub bids: SideLimit,
	/// Its asks.
	pub asks: SideLimit,
}

impl AccountLimits {
	/// What there is on a side.
	pub fn of(&self, side: Side) -> SideLimit {
		match side {
			Side::Bid => self.bids,
			Side::Ask => self.asks,
		}
	}

	pub(crate) fn of_mut(&mut self, side: Side) -> &mut SideLimit {
		match side {
			Side::Bid => &mut self.bids,
			Side::Ask => &mut self.asks,
		}
	}
}
