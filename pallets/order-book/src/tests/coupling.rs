//! The coupling of call auctions: against hand-worked networks, against every Wh tried, against a linear program.

pub mod linear_program;
mod plans;
mod random_networks;
mod worked_networks;

use gridweave_primitives::{
	link::{sent_for, LinkTerms, OpenLink},
	market::Side,
	LinkId, MicrogridId, Price, WattHours,
};
use proptest::prelude::*;
use sp_runtime::Permill;

use crate::{
	auction::{LimitOrder, Next},
	coupling::{plan, Fault, Net, Plan, Scan, Unsound},
	types::{LinkFlow, PriceAt, Solution},
};

/// An order of a test book: its side, limit and energy.
pub type Order = (Side, u64, u64);

/// Communities with their orders, and links between them.
#[derive(Clone, Debug)]
pub struct Network {
	pub books: Vec<Vec<Order>>,
	pub links: Vec<OpenLink<u64>>,
}

/// A link that loses parts in a million.
pub fn line(id: u32, (from, to): (u32, u32), loss: u32, capacity: u64, fee: u64) -> OpenLink<u64> {
	OpenLink {
		id: LinkId(id),
		terms: LinkTerms {
			from: MicrogridId(from),
			to: MicrogridId(to),
			loss: Permill::from_parts(loss),
			capacity: WattHours(capacity),
			wheeling_fee: Price(fee),
			min_quantity: WattHours(1),
		},
		operator: 100 + u64::from(id),
	}
}

/// A solution of flows by link and prices by community.
pub fn solution(flows: &[(u32, u64)], prices: &[(u32, u64)]) -> Solution {
	let flow = |(link, received): &(u32, u64)| LinkFlow {
		link: LinkId(*link),
		received: WattHours(*received),
	};
	let price = |(microgrid, price): &(u32, u64)| PriceAt {
		microgrid: MicrogridId(*microgrid),
		price: Price(*price),
	};
	Solution {
		flows: flows
			.iter()
			.map(flow)
			.collect::<Vec<_>>()
			.try_into()
			.unwrap(),
		prices: prices
			.iter()
			.map(price)
			.collect::<Vec<_>>()
			.try_into()
			.unwrap(),
	}
}

/// Feeds a scan the orders of a book, best first.
pub fn scanned(mut scan: Scan, book: &[Order]) -> Scan {
	let side = |side| {
		let mut orders: Vec<_> = book.iter().filter(|order| order.0 == side).collect();
		orders.sort_by_key(|order| match side {
			Side::Bid => u64::MAX - order.1,
			Side::Ask => order.1,
		});
		orders.into_iter().map(|order| LimitOrder {
			limit: Price(order.1),
			energy: WattHours(order.2),
		})
	};
	let (mut bids, mut asks) = (side(Side::Bid), side(Side::Ask));
	while let Next::Order(side) = scan.next() {
		let order = match side {
			Side::Bid => bids.next(),
			Side::Ask => asks.next(),
		};
		scan.feed(order).expect("it asked for this one");
	}
	scan
}

impl Network {
	fn open(&self) -> Vec<(OpenLink<u64>, WattHours)> {
		let open = |link: &OpenLink<u64>| (link.clone(), link.terms.capacity);
		self.links.iter().map(open).collect()
	}

	fn plan(&self, solution: &Solution) -> Result<Plan<u64>, Unsound> {
		plan(solution, &self.open())
	}

	fn book(&self, net: &Net) -> &[Order] {
		&self.books[net.microgrid.0 as usize]
	}

	/// What a plan is worth more than the separate auctions, in millionths of a GRID per kWh times Wh.
	fn gain(&self, plan: &Plan<u64>) -> Result<i128, Fault> {
		let mut gain = -i128::try_from(plan.wheeling()).unwrap();
		for net in &plan.nets {
			let coupled = scanned(Scan::coupled(net).unwrap(), self.book(net));
			coupled.within(net.price)?;
			gain += coupled.worth() - scanned(Scan::default(), self.book(net)).worth();
		}
		assert_eq!(gain % 1_000, 0);
		Ok(gain / 1_000)
	}

	/// The least prices at which no link of these flows loses, from those on at which the books take and give
	/// what the flows bring and take. None if a book does not.
	pub fn prices(&self, flows: &[(u32, u64)]) -> Option<Vec<(u32, u64)>> {
		let count = self.books.len();
		let (mut out, mut into) = (vec![0; count], vec![0; count]);
		let used: Vec<_> = flows
			.iter()
			.map(|(id, received)| {
				let terms = self.links[*id as usize].terms;
				let sent = sent_for(terms.loss, WattHours(*received)).0;
				let (from, to) = (terms.from.0 as usize, terms.to.0 as usize);
				out[from] += sent;
				into[to] += received;
				(from, to, sent, *received, terms.wheeling_fee.0)
			})
			.collect();
		let touched: Vec<_> = (0..count)
			.filter(|node| out[*node] + into[*node] > 0)
			.collect();
		let mut prices = vec![1; count];
		for node in &touched {
			let net = Net {
				microgrid: MicrogridId(*node as u32),
				price: Price(0),
				import: WattHours(into[*node]).saturating_sub(WattHours(out[*node])),
				export: WattHours(out[*node]).saturating_sub(WattHours(into[*node])),
			};
			let scan = scanned(Scan::coupled(&net)?, self.book(&net));
			prices[*node] = scan.interval()?.0 .0.max(1);
		}
		for _ in 0..=count {
			for (from, to, sent, received, fee) in &used {
				let needed = prices[*from] * sent + fee * received;
				prices[*to] = prices[*to].max(needed.div_ceil(*received));
			}
		}
		Some(
			touched
				.into_iter()
				.map(|node| (node as u32, prices[node]))
				.collect(),
		)
	}
}

/// Networks of few prices and little energy, whose links lose at most `loss` parts in a million.
fn networks(loss: u32) -> impl Strategy<Value = Network> {
	let order = (any::<bool>(), 1u64..12, 1u64..6).prop_map(|(buys, limit, energy)| {
		let side = if buys { Side::Bid } else { Side::Ask };
		(side, limit, energy)
	});
	let book = proptest::collection::vec(order, 0..8);
	(2u32..5).prop_flat_map(move |count| {
		let books = proptest::collection::vec(book.clone(), count as usize);
		let ends = (0..count, 1..count).prop_map(move |(from, by)| (from, (from + by) % count));
		let link = (ends, 0..=loss, 1u64..12, 0u64..3);
		let links = proptest::collection::vec(link, 1..8);
		(books, links).prop_map(|(books, links)| {
			let mut ways = std::collections::BTreeSet::new();
			let links = links.into_iter().filter(|link| ways.insert(link.0));
			let links = links
				.zip(0..)
				.map(|((ends, loss, capacity, fee), id)| line(id, ends, loss, capacity, fee));
			Network {
				books,
				links: links.collect(),
			}
		})
	})
}
