//! Random networks: what is found holds, by a check that shares nothing with the search and by the chain's own
//! rules, and is as good as the linear program, by a solver that this project did not write.

use std::time::{Duration, Instant};

use good_lp::{constraint, microlp, variable, variables, Expression, Solution as _, SolverModel};
use gridweave_coupling::{couple, Book, Coupling, Level, Limits, Link, Network};
use gridweave_primitives::{
	link::{received_of, sent_for, LinkTerms, OpenLink},
	market::Side,
	LinkId, MicrogridId, Price, WattHours,
};
use pallet_order_book::{
	auction::{LimitOrder, Next},
	coupling::{plan, Scan},
	LinkFlow, PriceAt, Solution,
};
use proptest::{prelude::*, test_runner::Config};
use sp_runtime::{PerThing, Permill};

/// The floor and the cap of all books.
const CAP: u64 = 1_000_000;

/// What an independent look at a coupling finds.
struct Looked {
	gain: i128,
	/// What links that could carry more earn beyond their fee, in 10⁻⁹ GRID.
	rent: i128,
}

/// Fills a book, the flow before all others: welfare, and the prices between which it clears.
fn fill(book: &Book, import: i128) -> (i128, i128, i128) {
	let queue = |levels: &[Level], flow: i128, sign: i128| {
		let mut queue: Vec<(i128, i128, bool)> = (levels.iter())
			.map(|level| (level.price.0.into(), level.energy.0.into(), true))
			.collect();
		queue.sort_by_key(|(price, ..)| sign * price);
		if flow > 0 {
			queue.insert(0, (-sign * i128::MAX, flow, false));
		}
		queue
	};
	let mut bids = queue(&book.bids, -import, -1);
	let mut asks = queue(&book.asks, import, 1);
	let (mut welfare, mut at_bid, mut at_ask) = (0, 0, 0);
	let (mut low, mut high) = (0, i128::from(u64::MAX));
	while at_bid < bids.len() && at_ask < asks.len() {
		let (bid, ask) = (bids[at_bid], asks[at_ask]);
		if bid.0 < ask.0 {
			break;
		}
		let energy = bid.1.min(ask.1);
		if energy > 0 && bid.2 {
			welfare += energy * bid.0;
			high = bid.0;
		}
		if energy > 0 && ask.2 {
			welfare -= energy * ask.0;
			low = ask.0;
		}
		bids[at_bid].1 -= energy;
		asks[at_ask].1 -= energy;
		at_bid += usize::from(bids[at_bid].1 == 0);
		at_ask += usize::from(asks[at_ask].1 == 0);
	}
	let left = |queue: &[(i128, i128, bool)]| {
		assert!(
			queue.iter().all(|order| order.2 || order.1 == 0),
			"a flow fills"
		);
		queue.iter().find(|order| order.1 > 0).map(|order| order.0)
	};
	if let Some(bid) = left(&bids) {
		low = low.max(bid);
	}
	if let Some(ask) = left(&asks) {
		high = high.min(ask);
	}
	(welfare, low, high)
}

/// Looks at everything that the chain looks at.
fn look(network: &Network, coupling: &Coupling) -> Looked {
	let mut imports = vec![0i128; network.books.len()];
	let (mut fees, mut rent) = (0, 0);
	assert_eq!(coupling.flows.len(), network.links.len());
	assert_eq!(coupling.prices.len(), network.books.len());
	for (link, flow) in network.links.iter().zip(&coupling.flows) {
		if flow.is_zero() {
			continue;
		}
		assert!(*flow >= link.min_quantity);
		let sent = sent_for(link.loss, *flow);
		assert!(sent <= link.capacity);
		let (received, sent) = (i128::from(flow.0), i128::from(sent.0));
		imports[link.to] += received;
		imports[link.from] -= sent;
		let fee = i128::from(link.wheeling_fee.0) * received;
		fees += fee;
		let price = |book: usize| i128::from(coupling.prices[book].0);
		let earns = price(link.to) * received - price(link.from) * sent - fee;
		assert!(earns >= 0, "a link loses {earns}");
		if *flow < received_of(link.loss, link.capacity) {
			rent += earns;
		}
	}
	let (mut welfare, mut alone) = (0, 0);
	for (at, book) in network.books.iter().enumerate() {
		let (of_book, low, high) = fill(book, imports[at]);
		let price = i128::from(coupling.prices[at].0);
		assert!(low <= price && price <= high, "{low} ≤ {price} ≤ {high}");
		assert!(book.floor <= coupling.prices[at] && coupling.prices[at] <= book.cap);
		welfare += of_book;
		alone += fill(book, 0).0;
	}
	let gain = welfare - fees - alone;
	assert_eq!(gain, coupling.gain);
	Looked { gain, rent }
}

/// What the chain's own rules make of it: the gain, in planck.
fn chain_says(network: &Network, coupling: &Coupling) -> i128 {
	let links = network.links.iter().enumerate().map(|(at, link)| {
		let terms = LinkTerms {
			from: MicrogridId(link.from as u32),
			to: MicrogridId(link.to as u32),
			loss: link.loss,
			capacity: link.capacity,
			wheeling_fee: link.wheeling_fee,
			min_quantity: link.min_quantity,
		};
		let (id, operator) = (LinkId(at as u32), ());
		(
			OpenLink {
				id,
				terms,
				operator,
			},
			link.capacity,
		)
	});
	let links: Vec<_> = links.collect();
	let carries = || (coupling.flows.iter().enumerate()).filter(|(_, flow)| !flow.is_zero());
	let flows = carries().map(|(at, flow)| LinkFlow {
		link: LinkId(at as u32),
		received: *flow,
	});
	let mut coupled: Vec<_> = carries()
		.flat_map(|(at, _)| [network.links[at].from, network.links[at].to])
		.collect();
	coupled.sort_unstable();
	coupled.dedup();
	let prices = coupled.iter().map(|&book| PriceAt {
		microgrid: MicrogridId(book as u32),
		price: coupling.prices[book],
	});
	let solution = Solution {
		flows: flows.collect::<Vec<_>>().try_into().expect("few links"),
		prices: prices
			.collect::<Vec<_>>()
			.try_into()
			.expect("few communities"),
	};
	let plan = plan(&solution, &links).expect("links do not lose");
	let mut gain = -i128::try_from(plan.wheeling()).unwrap();
	for net in &plan.nets {
		let book = &network.books[net.microgrid.0 as usize];
		let coupled = scanned(book, Scan::coupled(net).expect("in bounds"));
		coupled.within(net.price).expect("it holds");
		gain += coupled.worth() - scanned(book, Scan::default()).worth();
	}
	gain
}

/// The auction of a book, with what is fed to it first.
fn scanned(book: &Book, mut scan: Scan) -> Scan {
	let queue = |levels: &[Level], side: Side| {
		let order = |level: &Level| LimitOrder {
			limit: level.price,
			energy: level.energy,
		};
		let mut orders: Vec<_> = levels.iter().map(order).collect();
		orders.sort_by_key(|order| match side {
			Side::Bid => u64::MAX - order.limit.0,
			Side::Ask => order.limit.0,
		});
		orders.into_iter()
	};
	let mut bids = queue(&book.bids, Side::Bid);
	let mut asks = queue(&book.asks, Side::Ask);
	while let Next::Order(side) = scan.next() {
		let order = match side {
			Side::Bid => bids.next(),
			Side::Ask => asks.next(),
		};
		scan.feed(order).expect("best first");
	}
	scan
}

/// What the linear program gains over no flows, in 10⁻⁹ GRID.
fn program(network: &Network) -> f64 {
	let mut vars = variables!();
	let mut welfare = Expression::from(0);
	let mut balances = Vec::new();
	for book in &network.books {
		let mut balance = Expression::from(0);
		for (levels, sign) in [(&book.bids, 1.0), (&book.asks, -1.0)] {
			for level in levels {
				let filled = vars.add(variable().min(0).max(level.energy.0 as f64 / 1e3));
				welfare += sign * level.price.0 as f64 * filled;
				balance += sign * filled;
			}
		}
		balances.push(balance);
	}
	for link in &network.links {
		let most = received_of(link.loss, link.capacity).0 as f64 / 1e3;
		let flow = vars.add(variable().min(0).max(most));
		let kept = f64::from(link.loss.left_from_one().deconstruct()) / 1e6;
		welfare -= link.wheeling_fee.0 as f64 * flow;
		balances[link.to] -= flow;
		balances[link.from] += flow / kept;
	}
	let mut model = vars.maximise(welfare.clone()).using(microlp);
	for balance in balances {
		model = model.with(constraint!(balance == 0));
	}
	let best = model
		.solve()
		.expect("no flows are a solution")
		.eval(&welfare)
		* 1e3;
	let alone: i128 = network.books.iter().map(|book| fill(book, 0).0).sum();
	best - alone as f64
}

fn levels(most: usize, prices: u64, energy: u64) -> impl Strategy<Value = Vec<Level>> {
	let level = (0..=prices, 1..=energy).prop_map(move |(price, energy)| Level {
		// Few prices are many ties.
		price: Price(price * (CAP / prices.max(1))),
		energy: WattHours(energy),
	});
	prop::collection::vec(level, 0..=most)
}

fn network(books: usize, most: usize, prices: u64, energy: u64) -> impl Strategy<Value = Network> {
	let book = (levels(most, prices, energy), levels(most, prices, energy));
	let book = book.prop_map(|(bids, asks)| Book {
		floor: Price(0),
		cap: Price(CAP),
		bids,
		asks,
	});
	let loss = prop_oneof![Just(0u32), Just(50_000), 1u32..300_000];
	let fee = prop_oneof![Just(0u64), 0..CAP / 10];
	let link = (0..books, 1..books, loss, fee, 2..=3 * energy);
	let link = link.prop_map(move |(from, on, loss, fee, capacity)| Link {
		from,
		to: (from + on) % books,
		loss: Permill::from_parts(loss),
		wheeling_fee: Price(fee),
		capacity: WattHours(capacity),
		min_quantity: WattHours(1),
	});
	let books = prop::collection::vec(book, books);
	(books, prop::collection::vec(link, 1..12)).prop_map(|(books, links)| Network { books, links })
}

fn any_network() -> impl Strategy<Value = Network> {
	let shape = (
		2usize..7,
		0usize..8,
		prop_oneof![Just(4u64), Just(20), Just(CAP)],
	);
	let energy = prop_oneof![Just(20u64), Just(5_000), Just(4_000_000)];
	(shape, energy)
		.prop_flat_map(|((books, most, prices), energy)| network(books, most, prices, energy))
}

proptest! {
	#![proptest_config(Config::with_cases(2_000))]

	/// It holds, and only what whole numbers cost is missing of the optimum: a few Wh of each link.
	#[test]
	fn a_coupling_should_hold_and_be_as_good_as_the_linear_program(network in any_network()) {
		let best = program(&network);
		let gain = match &couple(&network, &Limits::NONE).unwrap()[..] {
			[coupling] => {
				let looked = look(&network, coupling);
				prop_assert!(looked.gain > 0);
				prop_assert_eq!(chain_says(&network, coupling), looked.gain * 1_000);
				looked.gain
			}
			found => {
				prop_assert!(found.is_empty());
				0
			}
		};
		let few = (3 * network.links.len() as u64 * CAP) as f64;
		let blur = best.abs() * 1e-7 + 1e3;
		prop_assert!(gain as f64 <= best + blur, "{gain} of {best}");
		prop_assert!(gain as f64 >= best - few - blur, "{gain} of {best}, less than {few} short");
	}

	/// So it is where links ask for a least quantity, and where few may be coupled.
	#[test]
	fn a_coupling_within_limits_should_hold(
		mut network in any_network(),
		least in 1u64..3_000,
		books in 2usize..5,
		links in 1usize..4,
	) {
		for link in &mut network.links {
			link.min_quantity = WattHours(least.min(link.most().0).max(1));
		}
		let mut all = Vec::new();
		for coupling in couple(&network, &Limits { books, links }).unwrap() {
			prop_assert!(look(&network, &coupling).gain > 0);
			let carries = || (network.links.iter().zip(&coupling.flows)).filter(|(_, flow)| !flow.is_zero());
			prop_assert!(carries().count() <= links);
			let mut coupled: Vec<_> = carries().flat_map(|(link, _)| [link.from, link.to]).collect();
			coupled.sort_unstable();
			coupled.dedup();
			prop_assert!(coupled.len() <= books);
			all.extend(coupled);
		}
		// None of them is in the way of another.
		let count = all.len();
		all.sort_unstable();
		all.dedup();
		prop_assert_eq!(all.len(), count);
	}
}

/// Numbers that look random (xorshift).
struct Dice(u64);

impl Dice {
	fn below(&mut self, bound: u64) -> u64 {
		self.0 ^= self.0 << 13;
		self.0 ^= self.0 >> 7;
		self.0 ^= self.0 << 17;
		self.0 % bound
	}
}

fn large(seed: u64) -> Network {
	let mut dice = Dice(seed);
	let mut books = Vec::new();
	for _ in 0..32 {
		// Some have too much, others too little.
		let (sun, dear) = (dice.below(4), dice.below(100_000));
		let mut side = |count: u64, from: u64| -> Vec<Level> {
			let mut level = || Level {
				price: Price(from + dear + dice.below(200_000)),
				energy: WattHours(1 + dice.below(3_000)),
			};
			(0..count).map(|_| level()).collect()
		};
		let (bids, asks) = (side(500 * (4 - sun), 60_000), side(500 * (1 + sun), 20_000));
		books.push(Book {
			floor: Price(0),
			cap: Price(CAP),
			bids,
			asks,
		});
	}
	let mut links = Vec::new();
	for _ in 0..64 {
		let from = dice.below(32) as usize;
		links.push(Link {
			from,
			to: (from + 1 + dice.below(31) as usize) % 32,
			loss: Permill::from_parts(dice.below(80_000) as u32),
			wheeling_fee: Price(dice.below(20_000)),
			capacity: WattHours(10_000 + dice.below(2_000_000)),
			min_quantity: WattHours(100),
		});
	}
	Network { books, links }
}

/// The largest networks that the chain takes, with thousands of levels in each book.
#[test]
fn large_networks_should_be_coupled_in_a_moment() {
	for seed in 1..=5 {
		let network = large(seed * 0x9e37_79b9_7f4a_7c15);
		let start = Instant::now();
		let limits = Limits {
			books: 32,
			links: 64,
		};
		let mut found = couple(&network, &limits).unwrap();
		let coupling = found.pop().expect("something is gained");
		assert!(found.is_empty());
		let took = start.elapsed();
		let looked = look(&network, &coupling);
		assert_eq!(chain_says(&network, &coupling), looked.gain * 1_000);
		let carries = coupling.flows.iter().filter(|flow| !flow.is_zero()).count();
		println!(
			"seed {seed}: {took:?}, {carries} links, gain {}, rent {}",
			looked.gain, looked.rent
		);
		// Many times what it takes, for busy machines and unoptimised builds.
		assert!(took < Duration::from_secs(20), "{took:?}");
		assert!(
			looked.rent * 1_000 <= looked.gain,
			"only rounding is earned on links that are not full"
		);
	}
}
