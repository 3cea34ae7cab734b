//! What two orders can trade, and who of those that rest an order trades with.

use super::{types::*, *};

/// What arrives of what is sent over a link: the whole watt-hours.
pub fn arrives(loss: u32, sent: Wh) -> Wh {
	(u128::from(sent) * u128::from(1_000_000 - loss) / 1_000_000) as Wh
}

/// The least that has to be sent so that so much arrives, found by halving.
pub fn to_send(loss: u32, received: Wh) -> Wh {
	let (mut low, mut high) = (received, 2 * received + 2);
	while low < high {
		let middle = (low + high) / 2;
		if arrives(loss, middle) >= received {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	low
}

/// A trade that two orders allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
	pub sent: Wh,
	pub received: Wh,
	/// What the seller gets.
	pub value: Planck,
	/// What the buyer pays besides.
	pub wheeling: Planck,
}

impl Quote {
	/// The energy of one side, and what it pays or gets.
	fn terms(&self, side: Side) -> (Wh, Planck) {
		match side {
			Side::Bid => (self.received, self.value + self.wheeling),
			Side::Ask => (self.sent, self.value),
		}
	}

	/// Whether an order of this side is better off with this than with another: per kWh of its own.
	fn beats(&self, other: &Self, side: Side) -> bool {
		let ((energy, money), (energy2, money2)) = (self.terms(side), other.terms(side));
		let (one, two) = (money * Planck::from(energy2), money2 * Planck::from(energy));
		match side {
			Side::Bid => one < two,
			Side::Ask => one > two,
		}
	}
}

/// An order on its way in.
#[derive(Clone, Copy, Debug)]
pub struct Taker {
	pub owner: Who,
	pub side: Side,
	pub limit: Price,
	pub energy: Wh,
}

enum Offer {
	Good(Quote),
	TooSmall,
	Nothing,
}

/// What an order that rests has for one that comes in.
fn offer(taker: &Taker, left: Wh, resting: &Order, link: Option<(&LinkTerms, Wh)>) -> Offer {
	let Some((terms, capacity)) = link else {
		let crosses = match taker.side {
			Side::Bid => taker.limit >= resting.limit,
			Side::Ask => taker.limit <= resting.limit,
		};
		let energy = left.min(resting.left);
		return match crosses && energy > 0 {
			true => Offer::Good(Quote {
				sent: energy,
				received: energy,
				value: cost(resting.limit, energy),
				wheeling: 0,
			}),
			false => Offer::Nothing,
		};
	};
	// What either can have, as it would be received.
	let (wanted, offered) = match taker.side {
		Side::Bid => (left, arrives(terms.loss, resting.left)),
		Side::Ask => (arrives(terms.loss, left), resting.left),
	};
	let most = wanted.min(arrives(terms.loss, capacity));
	// Without rounding: what the seller asks is at most what is left of what the buyer pays.
	let (buyer, seller) = match taker.side {
		Side::Bid => (taker.limit, resting.limit),
		Side::Ask => (resting.limit, taker.limit),
	};
	let kept = i128::from(1_000_000 - terms.loss);
	let pays = (i128::from(buyer) - i128::from(terms.wheeling)) * kept;
	if most < terms.least || pays < 0 || i128::from(seller) * 1_000_000 > pays {
		return Offer::Nothing;
	}
	let received = most.min(offered);
	let sent = to_send(terms.loss, received);
	let wheeling = cost(terms.wheeling, received);
	let good = received > 0
		&& match taker.side {
			Side::Bid => cost(resting.limit, sent) + wheeling <= cost(taker.limit, received),
			Side::Ask => cost(resting.limit, received) >= cost(taker.limit, sent) + wheeling,
		};
	let value = match taker.side {
		Side::Bid => cost(resting.limit, sent),
		Side::Ask if good => cost(resting.limit, received) - wheeling,
		Side::Ask => 0,
	};
	match good {
		true => Offer::Good(Quote {
			sent,
			received,
			value,
			wheeling,
		}),
		false if offered < most => Offer::TooSmall,
		false => Offer::Nothing,
	}
}

/// A book that an order looks at.
#[derive(Clone, Debug)]
pub struct Venue {
	pub grid: Grid,
	/// The link there, and what it can still take.
	pub link: Option<(LinkNo, LinkTerms, Wh)>,
	/// The other side of it.
	pub orders: Vec<Order>,
	/// How many of its orders may still be met in this block.
	pub room: u32,
	/// How many of them were passed over.
	pub passed: usize,
}

#[derive(Clone, Debug)]
pub struct Fill {
	pub venue: usize,
	pub order: Order,
	pub quote: Quote,
	/// What is left of the order that rested.
	pub left: Wh,
	/// Whether it leaves the book.
	pub gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
	Filled,
	NoMatch,
	SelfTrade,
	Limit,
}

#[derive(Clone, Debug)]
pub struct Plan {
	pub fills: Vec<Fill>,
	pub left: Wh,
	pub stop: Stop,
	/// How many orders were met or passed over.
	pub met: u32,
}

/// What an order trades: always with the one that is best for it; of equals its own book's, then the older link's.
/// The first venue is its own book.
pub fn plan(taker: &Taker, mut venues: Vec<Venue>, most: u32) -> Plan {
	let mut plan = Plan {
		fills: Vec::new(),
		left: taker.energy,
		stop: Stop::Filled,
		met: 0,
	};
	while plan.left > 0 {
		let mut best: Option<(usize, Quote)> = None;
		for (at, venue) in venues.iter_mut().enumerate() {
			if at > 0 && venue.room == 0 {
				continue;
			}
			let quote = loop {
				let Some(first) = venue.orders.first() else {
					break None;
				};
				let link = venue
					.link
					.as_ref()
					.map(|(_, terms, capacity)| (terms, *capacity));
				match offer(taker, plan.left, first, link) {
					Offer::Good(quote) => break Some(quote),
					Offer::TooSmall if venue.passed < MAX_PASSED && plan.met < most => {
						venue.passed += 1;
						plan.met += 1;
						venue.orders.remove(0);
					}
					Offer::TooSmall | Offer::Nothing => break None,
				}
			};
			let Some(quote) = quote else { continue };
			if best.is_none_or(|(_, other)| quote.beats(&other, taker.side)) {
				best = Some((at, quote));
			}
		}
		let Some((at, quote)) = best else {
			plan.stop = Stop::NoMatch;
			break;
		};
		let venue = &mut venues[at];
		let order = venue.orders[0].clone();
		if order.owner == taker.owner {
			plan.stop = Stop::SelfTrade;
			break;
		}
		if plan.met >= most || venue.room == 0 {
			plan.stop = Stop::Limit;
			break;
		}
		plan.met += 1;
		venue.room -= 1;
		let (own, resting) = match taker.side {
			Side::Bid => (quote.received, quote.sent),
			Side::Ask => (quote.sent, quote.received),
		};
		plan.left -= own;
		let left = order.left - resting;
		// What is left of an ask and would not arrive goes with it.
		let stuck = venue
			.link
			.as_ref()
			.is_some_and(|(_, terms, _)| taker.side == Side::Bid && arrives(terms.loss, left) == 0);
		let gone = left == 0 || stuck;
		if gone {
			venue.orders.remove(0);
		} else {
			venue.orders[0].left = left;
		}
		if let Some((_, _, capacity)) = &mut venue.link {
			*capacity -= quote.sent;
		}
		plan.fills.push(Fill {
			venue: at,
			order,
			quote,
			left,
			gone,
		});
	}
	plan
}
