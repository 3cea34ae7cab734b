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
		self.side.crosses(self.limit, price)
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
	/// The most orders are met, and more would match.
	Limit,
}

/// What an incoming order trades, and why no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<AccountId> {
	/// The fills, best first.
	pub fills: Vec<Fill<AccountId>>,
	/// Orders that were met and may not trade: they are to be cancelled.
	pub barred: Vec<(Place, Resting<AccountId>)>,
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
	/// To meet nobody: `energy` is left.
	pub fn of_none(energy: WattHours) -> Self {
		Self {
			fills: Vec::new(),
			barred: Vec::new(),
			left: energy,
			stop: Stop::NoMatch,
		}
	}

	/// How many resting orders the plan takes, wholly or in part.
	pub fn met(&self) -> u32 {
		u32::try_from(self.fills.len().saturating_add(self.barred.len())).unwrap_or(u32::MAX)
	}

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
/// iterator exactly those that will be gone: the next one it yields is the side's best afterwards.
///
/// `is_barred` tells of a meter whether its orders may not trade. Such an order is passed over and noted,
/// and counts to `most` as a fill does, for it is as much work.
pub fn plan<AccountId: PartialEq + Clone>(
	incoming: &Incoming<AccountId>,
	resting: &mut Peekable<impl Iterator<Item = (Place, Resting<AccountId>)>>,
	most: u32,
	is_barred: impl Fn(MeterId) -> bool,
) -> Plan<AccountId> {
	let mut plan = Plan {
		stop: Stop::Filled,
		..Plan::of_none(incoming.energy)
	};
	while !plan.left.is_zero() {
		let Some((place, order)) = resting
			.peek()
			.filter(|(place, _)| incoming.crosses(place.price))
		else {
			plan.stop = Stop::NoMatch;
			break;
		};
		let own = order.owner == *incoming.owner;
		if plan.met() >= most {
			plan.stop = if own { Stop::SelfTrade } else { Stop::Limit };
			break;
		}
		if is_barred(order.meter) {
			plan.barred.extend(resting.next());
			continue;
		}
		if own {
			plan.stop = Stop::SelfTrade;
			break;
		}
		let energy = plan.left.min(order.remaining);
		plan.left = plan.left.saturating_sub(energy);
		let consumed = energy == order.remaining;
		plan.fills.push(Fill {
			place: *place,
			owner: order.owner.clone(),
			meter: order.meter,
			energy,
			left: order.remaining.saturating_sub(energy),
		});
		if consumed {
			resting.next();
		}
	}
	plan
}
