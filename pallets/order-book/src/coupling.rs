//! The coupling of call auctions: what a [`Solution`] comes to, and whether it holds. Pure: knows links, limits
//! and energies, not storage.
//!
//! ## The problem
//!
//! Of all ways to send energy over links, the one that makes the most of what is traded:
//!
//! ```text
//! maximise Σ bid · x − Σ ask · y − Σ wheeling fee · f
//! with, in every community,   Σ x + Σ sent out = Σ y + Σ f received
//! and of every link           sent = ⌈f / (1 − loss)⌉ ≤ capacity
//! ```
//!
//! To solve it is too much for a chain, to check a solution is not. So anyone may submit one, and the chain takes
//! the best that holds: flows and prices are given, and every book is read once, best orders first.
//!
//! ## What holds
//!
//! * *Links*: every flow is at least the link's minimum quantity, and no more is sent than the capacity that is
//!   left. No link loses: `price there × received ≥ price here × sent + wheeling fee × received`, to the planck. So
//!   the link, which buys here and sells there, bears the rounding of what is sent, and only where it can.
//! * *Books*: what a community sends more than it receives is put before its bids, as a bid that takes any price;
//!   what it receives more than it sends before its asks, as an ask that takes any ([`Net`]). The auction of the
//!   book with that order ([`Discovery`]) must fill it wholly, and the price lie in the interval it finds: then all
//!   members trade within their limits, none that is strictly better than the price goes unfilled, and price and
//!   time decide who fills, as in an auction without links.
//! * *Worth*: limits of bids that fill less limits of asks that fill, less wheeling fees, must be more than what
//!   the books come to by themselves, by what is claimed at least.
//!
//! Prices and flows that hold need not be the best there are. But each community's price supports what is traded
//! there: no member would rather have traded otherwise at it.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{
	cost,
	link::{sent_for, OpenLink},
	market::Side,
	units::ENERGY_BOUND,
	Balance, LinkId, MicrogridId, Price, WattHours,
};
use scale_info::TypeInfo;

use crate::{
	auction::{Discovery, FeedError, LimitOrder, Next},
	types::{LinkFlow, PriceAt, Solution},
};

/// What a community trades with its links, all together. At most one of the two is not zero.
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
pub struct Net {
	/// The community.
	pub microgrid: MicrogridId,
	/// Its price, in 10⁻⁶ GRID per kWh.
	pub price: Price,
	/// What its members buy from links, in Wh.
	pub import: WattHours,
	/// What its members sell to links, in Wh.
	pub export: WattHours,
}

impl Net {
	/// What its members of a side trade with links: the buyers, or the sellers.
	pub fn of(&self, side: Side) -> WattHours {
		match side {
			Side::Bid => self.import,
			Side::Ask => self.export,
		}
	}
}

/// What a link does in a solution.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Carried<AccountId> {
	/// Which link.
	pub link: LinkId,
	/// Who operates it.
	pub operator: AccountId,
	/// Whose energy it is.
	pub from: MicrogridId,
	/// Where it is received.
	pub to: MicrogridId,
	/// What is sent, in Wh.
	pub sent: WattHours,
	/// What is received, in Wh.
	pub received: WattHours,
	/// The wheeling fee, in planck.
	pub wheeling: Balance,
	/// What it earns, in planck: the wheeling fee, and what the prices differ by besides.
	pub earns: Balance,
}

/// Why flows and prices do not hold, whatever is in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
	/// There are no flows.
	NoFlow,
	/// Links or communities do not come by rising id.
	NotInOrder,
	/// A link is not one of those given.
	UnknownLink,
	/// Less is received over a link than its minimum quantity.
	BelowMinimum,
	/// More is sent over a link than its capacity that is left.
	ExceedsCapacity,
	/// A community has flows and no price, or a price and no flows.
	Prices,
	/// A link pays more than it gets and its wheeling fee.
	LinkLoses,
	/// A community trades 2³² Wh or more with its links.
	EnergyOutOfBounds,
}

/// What the communities and the links of a solution trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<AccountId> {
	/// The communities, by rising id.
	pub nets: Vec<Net>,
	/// The links, by rising id.
	pub carried: Vec<Carried<AccountId>>,
}

impl<AccountId> Plan<AccountId> {
	/// All wheeling fees, in planck.
	pub fn wheeling(&self) -> Balance {
		let fees = self.carried.iter().map(|carried| carried.wheeling);
		fees.fold(0, Balance::saturating_add)
	}
}

fn rising<K: Ord>(keys: impl Iterator<Item = K> + Clone) -> bool {
	keys.clone().zip(keys.skip(1)).all(|(one, next)| one < next)
}

/// What a solution comes to over `links`, of which so much capacity is left.
pub fn plan<AccountId: Clone>(
	solution: &Solution,
	links: &[(OpenLink<AccountId>, WattHours)],
) -> Result<Plan<AccountId>, Unsound> {
	let Solution { flows, prices } = solution;
	if flows.is_empty() {
		return Err(Unsound::NoFlow);
	}
	if !rising(flows.iter().map(|flow| flow.link)) || !rising(prices.iter().map(|at| at.microgrid))
	{
		return Err(Unsound::NotInOrder);
	}
	// What leaves and what reaches each community: sums of at most 64 energies below 2^33.
	let mut sums: Vec<(PriceAt, WattHours, WattHours)> = prices
		.iter()
		.map(|at| (*at, WattHours::ZERO, WattHours::ZERO))
		.collect();
	let place = |microgrid: MicrogridId| {
		let found = prices.binary_search_by_key(&microgrid, |at| at.microgrid);
		found.map_err(|_| Unsound::Prices)
	};
	let mut carried = Vec::new();
	for flow in flows {
		let (link, capacity) = links
			.iter()
			.find(|(link, _)| link.id == flow.link)
			.ok_or(Unsound::UnknownLink)?;
		let (from, to) = (place(link.terms.from)?, place(link.terms.to)?);
		let price = |place: usize| prices.get(place).map_or(Price(0), |at| at.price);
		carried.push(carry(flow, link, *capacity, (price(from), price(to)))?);
		let sent = sent_for(link.terms.loss, flow.received);
		if let Some((_, out, _)) = sums.get_mut(from) {
			*out = out.saturating_add(sent);
		}
		if let Some((_, _, into)) = sums.get_mut(to) {
			*into = into.saturating_add(flow.received);
		}
	}
	let nets = sums.into_iter().map(|(at, out, into)| {
		if out.is_zero() && into.is_zero() {
			return Err(Unsound::Prices);
		}
		let net = Net {
			microgrid: at.microgrid,
			price: at.price,
			import: into.saturating_sub(out),
			export: out.saturating_sub(into),
		};
		if net.import.0 >= ENERGY_BOUND || net.export.0 >= ENERGY_BOUND {
			return Err(Unsound::EnergyOutOfBounds);
		}
		Ok(net)
	});
	Ok(Plan {
		nets: nets.collect::<Result<_, _>>()?,
		carried,
	})
}

/// What a link does between two prices.
fn carry<AccountId: Clone>(
	flow: &LinkFlow,
	link: &OpenLink<AccountId>,
	capacity: WattHours,
	(here, there): (Price, Price),
) -> Result<Carried<AccountId>, Unsound> {
	let (terms, received) = (&link.terms, flow.received);
	if received < terms.min_quantity || received.is_zero() {
		return Err(Unsound::BelowMinimum);
	}
	// Before anything is computed of it: a capacity is below 2^32.
	let sent = sent_for(terms.loss, received);
	if sent > capacity {
		return Err(Unsound::ExceedsCapacity);
	}
	let wheeling = cost(terms.wheeling_fee, received);
	let earns = cost(there, received)
		.checked_sub(cost(here, sent))
		.filter(|earns| *earns >= wheeling)
		.ok_or(Unsound::LinkLoses)?;
	Ok(Carried {
		link: link.id,
		operator: link.operator.clone(),
		from: terms.from,
		to: terms.to,
		sent,
		received,
		wheeling,
		earns,
	})
}

/// Why a solution does not hold, with the books as they are.
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
pub enum Fault {
	/// The members of a community do not take, or give, all that its links are to bring, or take.
	NotFilled,
	/// The price of a community is not one at which its auction clears.
	PriceOffInterval,
	/// It is worth less than was claimed.
	WorthLess,
}

/// The auction of a book with what its community trades with links, one order a step. As [`Discovery`], which it
/// is besides that.
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
pub struct Scan {
	discovery: Discovery,
	/// What links buy or sell, in Wh.
	linked: WattHours,
	/// What links sell, until asks are asked for.
	offer: Option<WattHours>,
	/// Limits of the bids that were fed less limits of the asks, for all their energy, in planck.
	worth: i128,
}

/// What an order is worth if it fills, in planck. Far below 2^127: a limit and an energy below 2^64, times 1000.
fn value(order: &LimitOrder) -> i128 {
	i128::try_from(cost(order.limit, order.energy)).unwrap_or(i128::MAX)
}

impl Scan {
	/// Of a book with what its community trades with links. `None` if that is 2³² Wh or more.
	pub fn coupled(net: &Net) -> Option<Self> {
		let mut scan = Self {
			linked: net.import.max(net.export),
			offer: (!net.import.is_zero()).then_some(net.import),
			..Self::default()
		};
		if !net.export.is_zero() {
			let any_price = LimitOrder {
				limit: Price(u64::MAX),
				energy: net.export,
			};
			scan.discovery.feed(Some(any_price)).ok()?;
		}
		Some(scan)
	}

	/// What comes next.
	pub fn next(&self) -> Next {
		self.discovery.next()
	}

	/// Takes the next order of the side that [`Self::next`] names, `None` if it has no more.
	pub fn feed(&mut self, order: Option<LimitOrder>) -> Result<(), FeedError> {
		let side = match self.next() {
			Next::Order(side) => side,
			Next::Done(_) => return Err(FeedError::Done),
		};
		self.discovery.feed(order)?;
		if let Some(order) = order {
			let value = value(&order);
			self.worth = match side {
				Side::Bid => self.worth.saturating_add(value),
				Side::Ask => self.worth.saturating_sub(value),
			};
		}
		if let (Next::Order(Side::Ask), Some(energy)) = (self.next(), self.offer) {
			self.offer = None;
			let any_price = LimitOrder {
				limit: Price(0),
				energy,
			};
			self.discovery.feed(Some(any_price))?;
		}
		Ok(())
	}

	/// Takes a book without orders.
	pub fn feed_nothing(&mut self) -> Result<(), FeedError> {
		while let Next::Order(_) = self.next() {
			self.feed(None)?;
		}
		Ok(())
	}

	/// What trades is worth, once it is done, in planck: less than nothing where more is sold to links than bought
	/// by members.
	pub fn worth(&self) -> i128 {
		let unfilled = |side| {
			let order = self.discovery.unfilled(side);
			order.map_or(0, |order| value(&order))
		};
		self.worth
			.saturating_sub(unfilled(Side::Bid))
			.saturating_add(unfilled(Side::Ask))
	}

	/// The prices at which the community's auction clears with what it trades with links, once it is done; `None`
	/// if that does not all trade.
	pub fn interval(&self) -> Option<(Price, Price)> {
		let open = self.offer.is_some() || self.discovery.volume() < self.linked;
		(!open).then(|| self.discovery.interval())
	}

	/// What members trade among themselves, once it is done, if it holds at that price for the community.
	pub fn within(&self, price: Price) -> Result<WattHours, Fault> {
		let (low, high) = self.interval().ok_or(Fault::NotFilled)?;
		if price < low || price > high {
			return Err(Fault::PriceOffInterval);
		}
		Ok(self.discovery.volume().saturating_sub(self.linked))
	}
}
