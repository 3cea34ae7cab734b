//! What an incoming order and a resting one can trade, over a link or within a community: a pure function of
//! their limits, in exact integers.
//!
//! A fill is of so much *sent* by the seller and *received* by the buyer. Over a link `sent = ⌈received /
//! (1 − loss)⌉`, the buyer pays the wheeling fee on what is received, and the one whose order rested gets, or
//! pays, its price on its own energy to the planck. So rounding falls on the incoming order, whose limit
//! counts after it:
//!
//! * a bid comes in: `ask × sent + wheeling fee × received ≤ limit × received`;
//! * an ask comes in: `(bid − wheeling fee) × received ≥ limit × sent`.

use core::cmp::Ordering;

use gridweave_primitives::{
	cost,
	link::{received_of, sent_for, LinkTerms},
	market::Side,
	Balance, Price, WattHours,
};
use sp_runtime::PerThing;

/// What a link still does for a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
	/// What is agreed.
	pub terms: LinkTerms,
	/// What may still be sent.
	pub capacity: WattHours,
}

/// An incoming order, as far as it is not traded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking {
	/// Its side.
	pub side: Side,
	/// Its limit.
	pub limit: Price,
	/// What is left of it: to be received by a bid, to be sent by an ask.
	pub left: WattHours,
}

/// A fill that both limits allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
	/// What the seller sends.
	pub sent: WattHours,
	/// What the buyer receives.
	pub received: WattHours,
	/// What the seller gets, in planck.
	pub value: Balance,
	/// What the buyer pays besides, to the link's operator, in planck.
	pub wheeling: Balance,
}

/// What a resting order has for an incoming one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
	/// This fill.
	Good(Quote),
	/// Nothing, because too little is left of the resting order. One behind it may have something.
	TooSmall,
	/// Nothing, and those behind it have nothing either.
	Nothing,
}

impl Quote {
	/// The fill of an order of this side: what it receives, or sends.
	pub fn energy(&self, side: Side) -> WattHours {
		match side {
			Side::Bid => self.received,
			Side::Ask => self.sent,
		}
	}

	/// What an order of this side pays, or gets, for its energy.
	fn money(&self, side: Side) -> Balance {
		match side {
			Side::Bid => self.value.saturating_add(self.wheeling),
			Side::Ask => self.value,
		}
	}

	/// Whether this fill is better for an incoming order of this side than another: a bid pays less per kWh it
	/// receives, an ask gets more per kWh it sends.
	pub fn is_better(&self, other: &Self, side: Side) -> bool {
		// Compared without dividing: money is below 2^84, energy below 2^33.
		let of = |one: &Self, by: &Self| one.money(side).saturating_mul(by.energy(side).0.into());
		let order = of(self, other).cmp(&of(other, self));
		match side {
			Side::Bid => order == Ordering::Less,
			Side::Ask => order == Ordering::Greater,
		}
	}

	/// Whether the fill keeps the limit of an order of this side.
	fn keeps(&self, side: Side, limit: Price) -> bool {
		let worst = cost(limit, self.energy(side));
		match side {
			Side::Bid => self.money(side) <= worst,
			Side::Ask => self.money(side) >= worst,
		}
	}
}

/// What a resting order of the other side, at `price` and with `remaining` left of it, has for an incoming
/// one: within the book, or over a line.
pub fn offer(taking: &Taking, price: Price, remaining: WattHours, line: Option<&Line>) -> Offer {
	match line {
		None => within(taking, price, remaining),
		Some(line) => over(taking, price, remaining, line),
	}
}

fn within(taking: &Taking, price: Price, remaining: WattHours) -> Offer {
	let energy = taking.left.min(remaining);
	if energy.is_zero() || !taking.side.crosses(taking.limit, price) {
		return Offer::Nothing;
	}
	Offer::Good(Quote {
		sent: energy,
		received: energy,
		value: cost(price, energy),
		wheeling: 0,
	})
}

fn over(taking: &Taking, price: Price, remaining: WattHours, line: &Line) -> Offer {
	let loss = line.terms.loss;
	let carried = received_of(loss, line.capacity);
	// What either order can receive, or have received of what it sends.
	let (wanted, offered) = match taking.side {
		Side::Bid => (taking.left, received_of(loss, remaining)),
		Side::Ask => (received_of(loss, taking.left), remaining),
	};
	let most = wanted.min(carried);
	if most < line.terms.min_quantity || !line.crosses(taking, price) {
		return Offer::Nothing;
	}
	let received = most.min(offered);
	let sent = sent_for(loss, received);
	let wheeling = cost(line.terms.wheeling_fee, received);
	let value = match taking.side {
		Side::Bid => cost(price, sent),
		Side::Ask => cost(price, received).saturating_sub(wheeling),
	};
	let quote = Quote {
		sent,
		received,
		value,
		wheeling,
	};
	if !received.is_zero() && quote.keeps(taking.side, taking.limit) {
		Offer::Good(quote)
	} else if offered < most {
		// Rounding weighs less on a larger order.
		Offer::TooSmall
	} else {
		Offer::Nothing
	}
}

/// Whether a resting order with `remaining` left of it ends with a fill by an incoming order of side `taker`:
/// nothing is left of it, or only what is too little to arrive if it is sent over the line.
pub fn ends(taker: Side, quote: &Quote, remaining: WattHours, line: Option<&Line>) -> bool {
	let traded = quote.energy(taker.opposite());
	let left = remaining.saturating_sub(traded);
	left.is_zero()
		|| line
			.is_some_and(|line| taker == Side::Bid && received_of(line.terms.loss, left).is_zero())
}

impl Line {
	/// Whether an incoming order could trade with a resting one at `price` if there were no rounding: if not,
	/// neither with any behind it.
	fn crosses(&self, taking: &Taking, price: Price) -> bool {
		let fee = self.terms.wheeling_fee;
		let (buyer, seller) = match taking.side {
			Side::Bid => (taking.limit, price),
			Side::Ask => (price, taking.limit),
		};
		// seller ≤ (buyer − fee) × (1 − loss), in millionths.
		let Some(net) = buyer.checked_sub(fee) else {
			return false;
		};
		let whole = u128::from(seller.0).saturating_mul(1_000_000);
		let kept = self.terms.loss.left_from_one().deconstruct();
		whole <= u128::from(net.0).saturating_mul(kept.into())
	}
}
