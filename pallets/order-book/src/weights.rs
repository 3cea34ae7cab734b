//! Weights of calls and of the steps of the book's service. The runtime's are measured
//! (`runtime/src/weights`); those of `()` serve mocks.

use frame_support::weights::Weight;

/// Weights this pallet needs.
pub trait WeightInfo {
	/// Placing an order that makes `f` fills, or has as many orders cancelled that may not trade (0: it
	/// rests), in a book that exists.
	fn place_order(f: u32) -> Weight;
	/// Placing `n` orders that rest, each of a meter and in a book of its own.
	fn place_orders(n: u32) -> Weight;
	/// Cancelling the best order of a side.
	fn cancel_order() -> Weight;
	/// Reducing an order.
	fn reduce_order() -> Weight;
	/// Replacing the best order of a side by one that rests.
	fn replace_order() -> Weight;
	/// Placing an order that rests, with `n` links to books in which nothing is good enough.
	fn look_at_links(n: u32) -> Weight;
	/// Placing an order that makes `f` fills over one link (0: it rests).
	fn fill_over_link(f: u32) -> Weight;
	/// Following a storage over all open periods.
	fn check_storage() -> Weight;
	/// Finding the next order behind `r` keys deleted in the same block.
	fn step_over(r: u32) -> Weight;
	/// Looking for due books when there are none.
	fn service_base() -> Weight;
	/// Giving a due book its turn and entering it for the next, without what is in it.
	fn advance_book() -> Weight;
	/// Reading the next order of a call auction, which may trade.
	fn discover_order() -> Weight;
	/// Making a trade of a call auction that fills both orders.
	fn auction_trade() -> Weight;
	/// Cancelling one order whose gate has closed.
	fn expire_order() -> Weight;
	/// Giving the first standing order of a microgrid.
	fn set_standing_order() -> Weight;
	/// Ending a standing order.
	fn cancel_standing_order() -> Weight;
	/// Looking for due standing orders when there are none.
	fn standing_base() -> Weight;
	/// Giving a microgrid its turn and entering it for the next, without its standing orders.
	fn advance_round() -> Weight;
	/// Executing a standing order for which nothing is placed.
	fn standing_nothing() -> Weight;
	/// Executing a standing order that makes `f` fills, the rest of which rests, in a book that exists.
	fn standing_order(f: u32) -> Weight;
	/// Ending a standing order whose turn it is.
	fn end_standing_order() -> Weight;
	/// Submitting a solution with `f` flows, between as many communities and one, that takes the place of another.
	fn submit_coupling(f: u32) -> Weight;
	/// Giving a due coupling its turn, or a book of it, without what is in it.
	fn advance_coupling() -> Weight;
	/// Filling an order that trades with links.
	fn exchange_order() -> Weight;
	/// Ending a link and a community of a coupling.
	fn close_coupling() -> Weight;
}

/// For mocks: plausible constants.
impl WeightInfo for () {
	fn place_order(f: u32) -> Weight {
		Weight::from_parts(500_000_000, 10_000)
			.saturating_add(Weight::from_parts(600_000_000, 8_000).saturating_mul(f.into()))
	}
	fn place_orders(n: u32) -> Weight {
		Weight::from_parts(50_000_000, 0)
			.saturating_add(Weight::from_parts(450_000_000, 10_000).saturating_mul(n.into()))
	}
	fn cancel_order() -> Weight {
		Weight::from_parts(400_000_000, 8_000)
	}
	fn reduce_order() -> Weight {
		Weight::from_parts(250_000_000, 6_000)
	}
	fn replace_order() -> Weight {
		Weight::from_parts(800_000_000, 12_000)
	}
	fn look_at_links(n: u32) -> Weight {
		Weight::from_parts(500_000_000, 10_000)
			.saturating_add(Weight::from_parts(100_000_000, 15_000).saturating_mul(n.into()))
	}
	fn fill_over_link(f: u32) -> Weight {
		Weight::from_parts(600_000_000, 25_000)
			.saturating_add(Weight::from_parts(750_000_000, 12_000).saturating_mul(f.into()))
	}
	fn check_storage() -> Weight {
		Weight::from_parts(800_000_000, 200_000)
	}
	fn step_over(r: u32) -> Weight {
		Weight::from_parts(10_000_000, 1_500)
			.saturating_add(Weight::from_parts(700_000, 100).saturating_mul(r.into()))
	}
	fn service_base() -> Weight {
		Weight::from_parts(20_000_000, 1_500)
	}
	fn advance_book() -> Weight {
		Weight::from_parts(250_000_000, 4_000)
	}
	fn discover_order() -> Weight {
		Weight::from_parts(60_000_000, 5_000)
	}
	fn auction_trade() -> Weight {
		Weight::from_parts(900_000_000, 16_000)
	}
	fn expire_order() -> Weight {
		Weight::from_parts(400_000_000, 8_000)
	}
	fn set_standing_order() -> Weight {
		Weight::from_parts(500_000_000, 8_000)
	}
	fn cancel_standing_order() -> Weight {
		Weight::from_parts(300_000_000, 6_000)
	}
	fn standing_base() -> Weight {
		Weight::from_parts(20_000_000, 1_500)
	}
	fn advance_round() -> Weight {
		Weight::from_parts(250_000_000, 5_000)
	}
	fn standing_nothing() -> Weight {
		Weight::from_parts(300_000_000, 8_000)
	}
	fn standing_order(f: u32) -> Weight {
		Weight::from_parts(800_000_000, 16_000)
			.saturating_add(Weight::from_parts(600_000_000, 8_000).saturating_mul(f.into()))
	}
	fn end_standing_order() -> Weight {
		Weight::from_parts(300_000_000, 6_000)
	}
	fn submit_coupling(f: u32) -> Weight {
		Weight::from_parts(500_000_000, 20_000)
			.saturating_add(Weight::from_parts(60_000_000, 8_000).saturating_mul(f.into()))
	}
	fn advance_coupling() -> Weight {
		Weight::from_parts(250_000_000, 70_000)
	}
	fn exchange_order() -> Weight {
		Weight::from_parts(500_000_000, 12_000)
	}
	fn close_coupling() -> Weight {
		Weight::from_parts(160_000_000, 8_000)
	}
}
