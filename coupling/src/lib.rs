//! # Coupling of call auctions
//!
//! Communities whose call auctions close together are cleared together: what goes over each link, and at which
//! price each book clears, so that welfare is greatest.
//!
//! ```text
//! maximise    Σ bid · x − Σ ask · y − Σ fee · f
//! subject to  Σ x − Σ y = Σ f in − Σ g out    for each community; these are the prices
//!             0 ≤ x ≤ energy of the bid, 0 ≤ y ≤ energy of the ask
//!             g = ⌈f / (1 − loss)⌉ ≤ capacity  for each link
//! ```
//!
//! The chain could not bound the work that finding it takes; it can bound that of checking it. So anybody may
//! find it, here, and tell the chain, which carries out the best that were told and hold.
//!
//! All is in whole Wh and whole millionths of GRID per kWh. There are prices for what is found, to the planck:
//! every book clears at its price, and no link loses. What whole numbers cost is some Wh of the linear
//! program's optimum, which the tests compare with.
//!
//! | module | holds |
//! |---|---|
//! | [`network`] | what is coupled |
//! | `ladder` | what import is worth to a book |
//! | `flows` | what goes over the links |
//! | `ascent` | the flows of the greatest welfare |
//! | `program` | the same by a linear program, as a hint |
//! | `parts` | what is coupled apart, and what in one solution |
//! | `repair` | those near them that prices exist for |
//! | `pricing` | the prices |
//!
//! ```
//! use gridweave_coupling::{couple, Book, Level, Limits, Link, Network};
//! use gridweave_primitives::{Price, WattHours};
//! use sp_runtime::Permill;
//!
//! let level = |price, energy| Level { price: Price(price), energy: WattHours(energy) };
//! let book = |bids, asks| Book { floor: Price(0), cap: Price(400_000), bids, asks };
//! let network = Network {
//!     books: vec![
//!         book(vec![], vec![level(100_000, 5_000)]),
//!         book(vec![level(250_000, 950)], vec![level(200_000, 950)]),
//!     ],
//!     links: vec![Link {
//!         from: 0,
//!         to: 1,
//!         loss: Permill::from_percent(5),
//!         wheeling_fee: Price(10_000),
//!         capacity: WattHours(4_000),
//!         min_quantity: WattHours(1),
//!     }],
//! };
//! let found = couple(&network, &Limits::NONE).unwrap();
//! let [coupling] = &found[..] else { panic!("one") };
//! // It sells to the dear community, whose own asks stay unsold.
//! assert_eq!(coupling.flows, vec![WattHours(950)]);
//! // The cheap community has more to sell at 0.10; beside losses and fee the link earns nothing.
//! assert_eq!(coupling.prices, vec![Price(100_000), Price(115_264)]);
//! assert_eq!(coupling.gain, 950 * (200_000 - 10_000) - 1_000 * 100_000);
//! ```

pub mod network;

mod ascent;
mod flows;
mod ladder;
mod parts;
mod pricing;
mod program;
mod repair;

use gridweave_primitives::{Price, WattHours};

pub use network::{Book, Level, Link, Network, Unsound};

use flows::{Flows, Model};

/// Energy, prices, and products of both: below 2¹²⁰ all together, of either sign.
type Wide = i128;

/// Steps to the greatest welfare. Each empties or fills a level or a link, or nearly so.
const STEPS: usize = 200_000;
/// How often the linear program is asked; each time it sees what is near what it found before.
const HINTS: usize = 8;
/// Steps that make good for what repair has taken.
const STEPS_AFTER: usize = 500;

/// How much one solution may couple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
	/// The most books that links with a flow lead to or from.
	pub books: usize,
	/// The most links with a flow.
	pub links: usize,
}

impl Limits {
	/// Any number.
	pub const NONE: Self = Self {
		books: usize::MAX,
		links: usize::MAX,
	};
}

/// What a network comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupling {
	/// What is received over each link, in Wh.
	pub flows: Vec<WattHours>,
	/// The price of each book, in 10⁻⁶ GRID per kWh.
	pub prices: Vec<Price>,
	/// How much greater welfare is than if each book clears by itself, in 10⁻⁹ GRID; more than nothing.
	pub gain: i128,
}

/// Couples a network. Each of what is found is within the limits, and no book is coupled by two of them; the one that
/// gains most comes first. Nothing is found if nothing is gained.
pub fn couple(network: &Network, limits: &Limits) -> Result<Vec<Coupling>, Unsound> {
	network.check()?;
	let mut model = Model::new(network);
	let (flows, parts) = loop {
		let flows = best(&mut model);
		let parts = parts::parts(network, &flows);
		let Some(part) = parts.iter().find(|part| !part.is_within(limits)) else {
			break (flows, parts);
		};
		// Without the link that carries least there is less to carry.
		if let Some(least) = part.links.iter().min_by_key(|at| flows.received[**at]) {
			model.most[*least] = 0;
		}
	};
	let alone = Flows::none(network).welfare(&model);
	let mut found: Vec<Coupling> = parts::packed(parts, limits)
		.iter()
		.filter_map(|part| coupling(&model, &flows.over(&model, &part.links), alone))
		.collect();
	found.sort_by_key(|coupling| core::cmp::Reverse(coupling.gain));
	Ok(found)
}

/// What flows come to, if they gain something.
fn coupling(model: &Model<'_>, flows: &Flows, alone: Wide) -> Option<Coupling> {
	let gain = flows.welfare(model) - alone;
	// There are prices, or it would not have been repaired.
	let prices = pricing::prices(model, flows).ok().filter(|_| gain > 0)?;
	let received = flows.received.iter().map(|f| WattHours(whole(*f)));
	Some(Coupling {
		flows: received.collect(),
		prices: prices.iter().map(|price| Price(whole(*price))).collect(),
		gain,
	})
}

fn whole(value: Wide) -> u64 {
	u64::try_from(value).unwrap_or_default()
}

/// The best flows that there are prices for.
fn best(model: &mut Model<'_>) -> Flows {
	let mut flows = greatest(model);
	while let Some(link) = too_little(model, &flows) {
		model.most[link] = 0;
		flows = greatest(model);
	}
	let mut flows = repair::repaired(model, flows);
	let fit = |flows| Some(repair::repaired(model, flows));
	ascent::ascend(model, &mut flows, STEPS_AFTER, fit);
	flows
}

/// The flows of the greatest welfare, whether or not there are prices for them.
fn greatest(model: &Model<'_>) -> Flows {
	let mut flows = Flows::none(model.network);
	let held = |flows: Flows| flows.are_held(model).then_some(flows);
	ascent::ascend(model, &mut flows, STEPS, held);
	for _ in 0..HINTS {
		let Some(hint) = program::hint(model, &flows) else {
			break;
		};
		let mut hint = repair::repaired(model, hint);
		ascent::ascend(model, &mut hint, STEPS_AFTER, held);
		if hint.welfare(model) <= flows.welfare(model) {
			break;
		}
		flows = hint;
	}
	flows
}

/// The link that carries least of those that carry less than they take.
fn too_little(model: &Model<'_>, flows: &Flows) -> Option<usize> {
	let links = model.network.links.iter().enumerate();
	let too_little = links.filter(|(at, link)| {
		flows.received[*at] > 0 && flows.received[*at] < link.min_quantity.0.into()
	});
	let least = too_little.min_by_key(|(at, _)| flows.received[*at]);
	least.map(|(at, _)| at)
}
