//! What an incoming order trades: a pure plan over the orders it meets, in price–time priority.

use alloc::vec::Vec;
use core::iter::Peekable;

use gridweave_primitives::{market::Side, MeterId, Price, WattHours};

use crate::types::{CancelReason, Place, Resting, TimeInForce};

/// An order on its way into the book.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a, AccountId> {
	/// Who places it.
	pub owner: &'a AccountId,
	/// Its side.
	pub side: Side,
	/// Its limit.
	pub limit: Price,
	/// Its energy.
	pub energy: WattHours,
}

impl<AccountId> Incoming<'_, AccountId> {
	/// Whether an order of the other side at `price` is good enough.
	fn crosses(&self, price: Price) -> bool {
		match self.side {
			Side::Bid => price <= self.limit,
			Side::Ask => price >= self.limit,
		}
	}
}

/// A trade to be made with a resting order, at its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill<AccountId> {
	/// Where the resting order is.
	pub place: Place,
	/// Its owner.
	pub owner: AccountId,
	/// Its meter.
	pub meter: MeterId,
	/// How much is traded.
	pub energy: WattHours,
	/// What is left of the resting order afterwards.
	pub left: WattHours,
}

/// Why matching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
	/// The order is filled.
	Filled,
	/// No order of the other side is good enough.
	NoMatch,
	/// The next one belongs to the same owner.
	SelfTrade,
	/// The most fills are reached, and more would match.
	Limit,
}

/// What an incoming order trades, and why no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<AccountId> {
	/// The fills, best first.
	pub fills: Vec<Fill<AccountId>>,
	/// What is left of the order.
	pub left: WattHours,
	/// Why matching ended.
	pub stop: Stop,
}

/// What becomes of an order after matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
	/// All of it is traded.
	Filled,
	/// What is left rests in the book.
	Rest,
	/// What is left is cancelled.
	Cancel(CancelReason),
	/// It must not trade at all.
	Kill,
}

impl<AccountId> Plan<AccountId> {
	/// What becomes of the order. A remainder rests only if nothing in the book crosses it.
	pub fn outcome(&self, time_in_force: TimeInForce) -> Outcome {
		match (time_in_force, self.stop) {
			(_, Stop::Filled) => Outcome::Filled,
			(TimeInForce::FillOrKill, _) => Outcome::Kill,
			(_, Stop::SelfTrade) => Outcome::Cancel(CancelReason::SelfTrade),
			(_, Stop::Limit) => Outcome::Cancel(CancelReason::FillLimit),
			(TimeInForce::GoodUntilGate, Stop::NoMatch) => Outcome::Rest,
			(TimeInForce::ImmediateOrCancel, Stop::NoMatch) => {
				Outcome::Cancel(CancelReason::ImmediateOrCancel)
			}
		}
	}
}

/// Plans the fills of `incoming` against `resting`: the other side's orders, best first. Takes from the
/// iterator exactly those that are wholly consumed: the next one it yields is the side's best afterwards.
pub fn plan<AccountId: PartialEq + Clone>(
	incoming: &Incoming<AccountId>,
	resting: &mut Peekable<impl Iterator<Item = (Place, Resting<AccountId>)>>,
	max_fills: u32,
) -> Plan<AccountId> {
	let mut fills = Vec::new();
	let mut left = incoming.energy;
	let stop = loop {
		if left.is_zero() {
			break Stop::Filled;
		}
		let Some((place, order)) = resting.peek() else {
			break Stop::NoMatch;
		};
		if !incoming.crosses(place.price) {
			break Stop::NoMatch;
		}
		if order.owner == *incoming.owner {
			break Stop::SelfTrade;
		}
		if fills.len() >= max_fills as usize {
			break Stop::Limit;
		}
		let energy = left.min(order.remaining);
		left = left.saturating_sub(energy);
		let consumed = energy == order.remaining;
		fills.push(Fill {
			place: *place,
			owner: order.owner.clone(),
			meter: order.meter,
			energy,
			left: order.remaining.saturating_sub(energy),
		});
		if consumed {
			resting.next();
		}
	};
	Plan { fills, left, stop }
}
