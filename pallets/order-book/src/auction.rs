//! The call auction: when the gate of a book has closed, all its orders trade at one price. Pure: knows
//! limits and energies, not storage.
//!
//! ## Price and volume
//!
//! Clearing maximises the value of what is traded, the linear program
//!
//! ```text
//! maximise Σ bid · x − Σ ask · y    with Σ x = Σ y, 0 ≤ x ≤ energy of the bid, 0 ≤ y ≤ energy of the ask
//! ```
//!
//! * *Volume*: of its solutions the one that trades most. Bids by falling limit and asks by rising limit
//!   are met one by one for as long as the bid is at least the ask.
//! * *Interval*: the dual prices of the balance `Σ x = Σ y`. At these, and at no others, the whole volume
//!   trades within every limit, and no order that is strictly better than the price goes unfilled:
//!   - low = the higher of the last ask that fills and the first bid that something is left of,
//!   - high = the lower of the last bid that fills and the first ask that something is left of.
//!
//!   Where nothing is left of a side, the other side's last order that fills is the bound alone. So the
//!   interval lies between limits of orders, and floor and cap of the market need no look.
//! * *Price*: its midpoint, rounded down: the ½-double auction of Rustichini, Satterthwaite and Williams,
//!   *Convergence to efficiency in a simple market with incomplete information*, Econometrica 62, 1994.
//!   Rounding favours buyers, by less than 10⁻⁶ GRID per kWh.
//! * *Who fills*: on each side the first `volume` Wh by price, then time. Where more is offered at the
//!   price than trades, the earliest fill.
//! * *No price*: a book with an empty side, or whose best bid is below its best ask, trades nothing.
//!
//! The order of arrival among orders of one price decides who fills, and neither price nor volume.
//!
//! ## Two phases, in bounded steps
//!
//! 1. [`Discovery`] is fed the orders of both sides, best first, and finds the [`Clearing`]. It reads the
//!    orders that fill and at most one more of each side, however many rest behind.
//! 2. [`Execution`] pairs them, best first, into trades at the price. Every trade finishes an order, so
//!    there are fewer trades than orders that fill.
//!
//! Every step is constant work, and after every step either may be stored and gone on with later. Between
//! the first step and the last nothing but these steps may change the orders that fill.
//!
//! ## Nobody trades with themselves
//!
//! Pairs are formed without looking at owners, and need no look: a paired bid is at least the price and a
//! paired ask at most, so the two cross. If no two orders of one owner cross, which is to be seen to when
//! an order is placed, no two of one owner are paired.
//!
//! ## Example
//!
//! ```
//! use gridweave_primitives::{market::Side, Price, WattHours};
//! use pallet_order_book::auction::{Discovery, Execution, LimitOrder, Next};
//!
//! let order = |limit, energy| LimitOrder { limit: Price(limit), energy: WattHours(energy) };
//! let mut bids = [order(240_000, 700), order(200_000, 500)].into_iter();
//! let mut asks = [order(150_000, 700), order(211_001, 300)].into_iter();
//!
//! let mut discovery = Discovery::default();
//! let clearing = loop {
//!     match discovery.next() {
//!         Next::Order(Side::Bid) => discovery.feed(bids.next()).unwrap(),
//!         Next::Order(Side::Ask) => discovery.feed(asks.next()).unwrap(),
//!         Next::Done(clearing) => break clearing.unwrap(),
//!     }
//! };
//! // 700 Wh trade. Nobody who is left bids more than the price, or asks less.
//! assert_eq!(clearing.volume, WattHours(700));
//! assert_eq!((clearing.low, clearing.high), (Price(200_000), Price(211_001)));
//! assert_eq!(clearing.price(), Price(205_500));
//!
//! let mut execution = Execution::new(&clearing);
//! let pairing = execution.pair(order(240_000, 700), order(150_000, 700)).unwrap();
//! assert_eq!(pairing.energy, WattHours(700));
//! assert!(execution.left().is_zero());
//! ```

mod discovery;
mod execution;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{units::ENERGY_BOUND, Price, WattHours};
use scale_info::TypeInfo;

pub use discovery::{Clearing, Discovery, FeedError, Margin, Next};
pub use execution::{Execution, PairError, Pairing};

/// What the auction needs to know of an order.
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
pub struct LimitOrder {
	/// The most a bid pays, the least an ask takes, in 10⁻⁶ GRID per kWh.
	pub limit: Price,
	/// What is left of it, in Wh: more than nothing and less than 2³².
	pub energy: WattHours,
}

impl LimitOrder {
	fn energy_is_in_bounds(&self) -> bool {
		(1..ENERGY_BOUND).contains(&self.energy.0)
	}
}
