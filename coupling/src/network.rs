//! What is coupled: books of a period and the links between them.

use gridweave_primitives::{
	link::{received_of, LOSS_BOUND},
	units::{ENERGY_BOUND, PRICE_BOUND},
	Price, WattHours,
};
use sp_runtime::Permill;

/// All orders of one limit on one side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
	/// The limit, in 10⁻⁶ GRID per kWh.
	pub price: Price,
	/// What is on offer, in Wh.
	pub energy: WattHours,
}

/// The book of a community.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
	/// The least that its price may be, in 10⁻⁶ GRID per kWh.
	pub floor: Price,
	/// The most that its price may be, in 10⁻⁶ GRID per kWh.
	pub cap: Price,
	/// What its members would buy, in any order.
	pub bids: Vec<Level>,
	/// What its members would sell, in any order.
	pub asks: Vec<Level>,
}

/// A link, by the places of its communities in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
	/// Whose energy it carries.
	pub from: usize,
	/// Where that is received.
	pub to: usize,
	/// Part of what is sent that does not arrive.
	pub loss: Permill,
	/// What is paid to its operator per kWh received, in 10⁻⁶ GRID.
	pub wheeling_fee: Price,
	/// What may still be sent, in Wh.
	pub capacity: WattHours,
	/// Least that is received if anything is, in Wh.
	pub min_quantity: WattHours,
}

impl Link {
	/// The most that may be received, in Wh.
	pub fn most(&self) -> WattHours {
		received_of(self.loss, self.capacity)
	}
}

/// Books and links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
	/// The books, one of each community.
	pub books: Vec<Book>,
	/// The links between them.
	pub links: Vec<Link>,
}

/// Why a network cannot be coupled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
	/// A limit, the floor or the cap is out of bounds.
	#[error("a price of book {0} is not below 2^40, or its floor is above its cap")]
	Price(usize),
	/// A book offers more than can be counted.
	#[error("book {0} has more energy than can be counted")]
	Energy(usize),
	/// A link leads to or from a book that is not there, or back to where it comes from.
	#[error("link {0} does not lead from one of the books to another")]
	Ends(usize),
	/// The loss, fee or capacity of a link is out of bounds.
	#[error("loss, fee or capacity of link {0} is out of bounds")]
	Terms(usize),
}

/// The most energy of a side of a book, in Wh. A side holds fewer than 2³² orders, each below 2³² Wh; and
/// 2⁶³ × 2⁴⁰ leaves a network of thousands of books far inside 128 bits.
const MOST_OF_A_SIDE: u64 = 1 << 63;

impl Network {
	/// Why it cannot be coupled, if it cannot.
	pub fn check(&self) -> Result<(), Unsound> {
		for (at, book) in self.books.iter().enumerate() {
			if book.cap.0 >= PRICE_BOUND || book.floor > book.cap {
				return Err(Unsound::Price(at));
			}
			for side in [&book.bids, &book.asks] {
				let mut energy = 0u64;
				for level in side {
					if level.price.0 >= PRICE_BOUND {
						return Err(Unsound::Price(at));
					}
					energy = energy.saturating_add(level.energy.0);
				}
				if energy > MOST_OF_A_SIDE {
					return Err(Unsound::Energy(at));
				}
			}
		}
		let books = self.books.len();
		for (at, link) in self.links.iter().enumerate() {
			if link.from >= books || link.to >= books || link.from == link.to {
				return Err(Unsound::Ends(at));
			}
			if link.loss >= LOSS_BOUND
				|| link.wheeling_fee.0 >= PRICE_BOUND
				|| link.capacity.0 >= ENERGY_BOUND
			{
				return Err(Unsound::Terms(at));
			}
		}
		Ok(())
	}
}
