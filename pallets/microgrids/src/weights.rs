//! Weights of calls and of the steps of opening and pruning. The runtime's are measured
//! (`runtime/src/weights`); those of `()` serve mocks.

use frame_support::weights::Weight;

/// Weights this pallet needs.
pub trait WeightInfo {
	/// Creating a microgrid.
	fn create_microgrid() -> Weight;
	/// Changing terms.
	fn set_terms() -> Weight;
	/// Offering a microgrid.
	fn offer_operator() -> Weight;
	/// Withdrawing an offer.
	fn withdraw_offer() -> Weight;
	/// Taking over a microgrid.
	fn accept_operator() -> Weight;
	/// Opening, before and after the turns of microgrids.
	fn open_base() -> Weight;
	/// A microgrid's turn to open periods, without the periods.
	fn open_microgrid() -> Weight;
	/// Opening one period.
	fn open_period() -> Weight;
	/// Pruning, before and after the turns of microgrids.
	fn prune_base() -> Weight;
	/// A microgrid's turn to prune periods, without the periods.
	fn prune_microgrid() -> Weight;
	/// Pruning one period.
	fn prune_period() -> Weight;
	/// Proposing a link between two microgrids of one operator.
	fn propose_link() -> Weight;
	/// Accepting a link.
	fn accept_link() -> Weight;
	/// Closing a link, or taking a proposal back.
	fn close_link() -> Weight;
	/// Removing `n` links of a microgrid that are over.
	fn prune_links(n: u32) -> Weight;
}

/// For mocks: plausible constants.
impl WeightInfo for () {
	fn create_microgrid() -> Weight {
		Weight::from_parts(200_000_000, 4_000)
	}
	fn set_terms() -> Weight {
		Weight::from_parts(100_000_000, 4_000)
	}
	fn offer_operator() -> Weight {
		Weight::from_parts(100_000_000, 4_000)
	}
	fn withdraw_offer() -> Weight {
		Weight::from_parts(100_000_000, 4_000)
	}
	fn accept_operator() -> Weight {
		Weight::from_parts(300_000_000, 8_000)
	}
	fn open_base() -> Weight {
		Weight::from_parts(90_000_000, 1_500)
	}
	fn open_microgrid() -> Weight {
		Weight::from_parts(80_000_000, 3_500)
	}
	fn open_period() -> Weight {
		Weight::from_parts(55_000_000, 0)
	}
	fn prune_base() -> Weight {
		Weight::from_parts(90_000_000, 1_500)
	}
	fn prune_microgrid() -> Weight {
		Weight::from_parts(80_000_000, 3_500)
	}
	fn prune_period() -> Weight {
		Weight::from_parts(75_000_000, 3_500)
	}
	fn propose_link() -> Weight {
		Weight::from_parts(250_000_000, 8_000)
	}
	fn accept_link() -> Weight {
		Weight::from_parts(150_000_000, 8_000)
	}
	fn close_link() -> Weight {
		Weight::from_parts(200_000_000, 8_000)
	}
	fn prune_links(n: u32) -> Weight {
		Weight::from_parts(1_000_000, 0)
			.saturating_add(Weight::from_parts(40_000_000, 8_000).saturating_mul(n.into()))
	}
}
