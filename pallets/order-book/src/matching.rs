//! What an incoming order trades: a pure plan over the orders it meets, in price–time priority.

use alloc::vec::Vec;
use core::iter::Peekable;

use gridweave_primitives::{market::Side, MeterId, Price, WattHours};

use crate::{
	linked::{ends, offer, Line, Offer, Quote, Taking},
	types::{CancelReason, Place, Resting, TimeInForce},
};

/// The venue that is the book an order is placed in.
pub const OWN: usize = 0;

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

/// Most orders of one book that are passed over because too little is left of them to go over a link.
pub const MAX_PASSED: u32 = 4;

/// The other side of a book, best order first, and how to get there.
pub struct Venue<I: Iterator> {
	/// The link that leads to it; `None` for the book that the order itself is placed in.
	line: Option<Line>,
	/// Its orders. Taken from it are exactly those that will be gone, and those that are passed over.
	offers: Peekable<I>,
	/// How many orders have left the book in this block before.
	removed: u32,
	/// How many orders may still be met.
	room: u32,
	/// How many were met.
	met: u32,
	/// How many were passed over, and the first of them.
	passed: (u32, Option<Place>),
}

impl<I, AccountId> Venue<I>
where
	I: Iterator<Item = (Place, Resting<AccountId>)>,
{
	/// A book that `removed` orders have left in this block, of `most` that may: the one that the order is
	/// placed in, or one over a line.
	pub fn new(line: Option<Line>, offers: I, removed: u32, most: u32) -> Self {
		Self {
			line,
			offers: offers.peekable(),
			removed,
			room: most.saturating_sub(removed),
			met: 0,
			passed: (0, None),
		}
	}

	/// The best order after the plan.
	pub fn best(&mut self) -> Option<Place> {
		let next = self.offers.peek().map(|(place, _)| *place);
		self.passed.1.or(next)
	}

	/// How many deleted keys a walk had to step over to find the orders that were met or passed over; `None` if
	/// there are none.
	pub fn stepped_over(&self) -> Option<u32> {
		(self.met > 0 || self.passed.0 > 0).then_some(self.removed)
	}

	/// What the best order that can trade has for the incoming one. Orders that are too small to go over a
	/// link are passed over, at most `spare` of them.
	fn look(&mut self, taking: &Taking, spare: u32) -> Option<Quote> {
		let most = self.passed.0.saturating_add(spare).min(MAX_PASSED);
		loop {
			let line = self.line.as_ref();
			let (place, resting) = self.offers.peek()?;
			match offer(taking, place.price, resting.remaining, line) {
				Offer::Good(quote) => return Some(quote),
				Offer::TooSmall if self.passed.0 < most => {
					self.passed.1.get_or_insert(*place);
					self.passed.0 = self.passed.0.saturating_add(1);
					self.offers.next();
				}
				Offer::TooSmall | Offer::Nothing => return None,
			}
		}
	}
}

/// A trade to be made with a resting order, at its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill<AccountId> {
	/// In which of the venues.
	pub venue: usize,
	/// Where the resting order is.
	pub place: Place,
	/// Its owner.
	pub owner: AccountId,
	/// Its meter.
	pub meter: MeterId,
	/// How much is traded, and what is paid for it.
	pub quote: Quote,
	/// What is left of the resting order afterwards.
	pub left: WattHours,
	/// Whether the resting order ends. What is left of it then is cancelled: it is too little to go over a link.
	pub ends: bool,
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
	/// Orders that were met and may not trade, by venue: they are to be cancelled.
	pub barred: Vec<(usize, Place, Resting<AccountId>)>,
	/// How many orders were passed over: they are too small to go over a link.
	pub passed: u32,
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
			passed: 0,
			left: energy,
			stop: Stop::NoMatch,
		}
	}

	/// How many resting orders the plan takes, wholly or in part, or passes over.
	pub fn met(&self) -> u32 {
		let taken = self.fills.len().saturating_add(self.barred.len());
		self.passed
			.saturating_add(u32::try_from(taken).unwrap_or(u32::MAX))
	}

	/// Whether it takes any.
	pub fn takes(&self) -> bool {
		!self.fills.is_empty() || !self.barred.is_empty()
	}

	/// Whether it takes any of a venue.
	pub fn takes_of(&self, venue: usize) -> bool {
		self.fills.iter().any(|fill| fill.venue == venue)
			|| self.barred.iter().any(|(of, ..)| *of == venue)
	}

	/// How many orders it meets over links, or passes over.
	pub fn met_over_links(&self) -> u32 {
		let fills = self.fills.iter().filter(|fill| fill.venue != OWN).count();
		let barred = self.barred.iter().filter(|(of, ..)| *of != OWN).count();
		self.passed
			.saturating_add(u32::try_from(fills.saturating_add(barred)).unwrap_or(u32::MAX))
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

/// Plans the fills of `incoming` against the resting orders of `venues`: its own book, and then those over
/// links. It trades with the order that is best for it, and of equal ones with that of the venue that comes
/// first; in each venue in the order of the book.
///
/// It ends when `most` orders were met, or when its own book has no room for another one; a book over a link
/// without room is left out. `is_barred` tells of a meter whether its orders may not trade. Such an order is
/// noted instead, and counts as a fill does, for it is as much work.
pub fn plan<AccountId: PartialEq + Clone>(
	incoming: &Incoming<AccountId>,
	venues: &mut [Venue<impl Iterator<Item = (Place, Resting<AccountId>)>>],
	most: u32,
	is_barred: impl Fn(MeterId) -> bool,
) -> Plan<AccountId> {
	let mut plan = Plan {
		stop: Stop::Filled,
		..Plan::of_none(incoming.energy)
	};
	while !plan.left.is_zero() {
		let best = best_offer(incoming, &mut plan, venues, most);
		let found = best.and_then(|(at, quote)| Some((at, quote, venues.get_mut(at)?)));
		let Some((at, quote, venue)) = found else {
			plan.stop = Stop::NoMatch;
			break;
		};
		// The offer was just seen: it is there.
		let Some((place, order)) = venue.offers.peek() else {
			plan.stop = Stop::NoMatch;
			break;
		};
		let own = order.owner == *incoming.owner;
		if plan.met() >= most || venue.room == 0 {
			plan.stop = if own { Stop::SelfTrade } else { Stop::Limit };
			break;
		}
		let barred = is_barred(order.meter);
		if own && !barred {
			plan.stop = Stop::SelfTrade;
			break;
		}
		venue.room = venue.room.saturating_sub(1);
		venue.met = venue.met.saturating_add(1);
		if barred {
			let order = venue.offers.next();
			plan.barred
				.extend(order.map(|(place, order)| (at, place, order)));
			continue;
		}
		let left = order
			.remaining
			.saturating_sub(quote.energy(incoming.side.opposite()));
		let ends = ends(incoming.side, &quote, order.remaining, venue.line.as_ref());
		plan.fills.push(Fill {
			venue: at,
			place: *place,
			owner: order.owner.clone(),
			meter: order.meter,
			quote,
			left,
			ends,
		});
		plan.left = plan.left.saturating_sub(quote.energy(incoming.side));
		if let Some(line) = &mut venue.line {
			line.capacity = line.capacity.saturating_sub(quote.sent);
		}
		if ends {
			venue.offers.next();
		}
	}
	plan
}

/// The venue whose offer is best for what is left of an order, and the offer.
fn best_offer<AccountId, I>(
	incoming: &Incoming<AccountId>,
	plan: &mut Plan<AccountId>,
	venues: &mut [Venue<I>],
	most: u32,
) -> Option<(usize, Quote)>
where
	I: Iterator<Item = (Place, Resting<AccountId>)>,
{
	let taking = Taking {
		side: incoming.side,
		limit: incoming.limit,
		left: plan.left,
	};
	let mut best: Option<(usize, Quote)> = None;
	for (at, venue) in venues.iter_mut().enumerate() {
		if at != OWN && venue.room == 0 {
			continue;
		}
		let before = venue.passed.0;
		let quote = venue.look(&taking, most.saturating_sub(plan.met()));
		plan.passed = plan
			.passed
			.saturating_add(venue.passed.0.saturating_sub(before));
		let Some(quote) = quote else { continue };
		if best.is_none_or(|(_, other)| quote.is_better(&other, incoming.side)) {
			best = Some((at, quote));
		}
	}
	best
}
