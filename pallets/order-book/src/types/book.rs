//! A book, besides its orders.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{
	market::{buyer_worst_case, seller_worst_case, Side},
	microgrid::{Mechanism, Terms},
	Balance, Price, WattHours,
};
use scale_info::TypeInfo;

use super::{Commitment, Place};

/// What was traded in a book. A trade over a link counts in the book where its order rested, with the energy
/// of that order.
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
	/// How it clears, from the period's terms.
	pub mechanism: Mechanism,
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
	/// What its meters have committed themselves to, all together.
	pub committed: Commitment,
	/// The block that `removals` counts in.
	pub removals_in: u32,
	/// How many orders left the book in that block by trades and cancellations.
	pub removals: u32,
	/// What was sold over links, as sent.
	pub exported: WattHours,
	/// What was bought over links, as received.
	pub imported: WattHours,
	/// What was traded.
	pub market: MarketData,
}

impl Book {
	/// An empty book of a period with these terms.
	pub fn new(terms: &Terms) -> Self {
		Self {
			mechanism: terms.rules.mechanism,
			best_ask: None,
			best_bid: None,
			asks: 0,
			bids: 0,
			fee: terms.rules.fee,
			retail_price: terms.retail_price,
			committed: Commitment::default(),
			removals_in: 0,
			removals: 0,
			exported: WattHours::ZERO,
			imported: WattHours::ZERO,
			market: MarketData::default(),
		}
	}

	/// Whether its orders rest until the gate closes, and then trade at one price.
	pub fn is_auction(&self) -> bool {
		self.mechanism == Mechanism::CallAuction
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
