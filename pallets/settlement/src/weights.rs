//! Weights of calls and steps. The runtime has measured ones; those for `()` serve mocks only.

use frame_support::weights::Weight;

/// Weights of calls and steps.
pub trait WeightInfo {
	/// The call `top_up`.
	fn top_up() -> Weight;
	/// The call `withdraw`.
	fn withdraw() -> Weight;
	/// The call `pay_arrears`, in its worst case from the caller's account.
	fn pay_arrears() -> Weight;
	/// The call `spend_fund`.
	fn spend_fund() -> Weight;
	/// A poll that finds nothing to do.
	fn poll() -> Weight;
	/// A look at a community that begins a settlement.
	fn look() -> Weight;
	/// A page of 32 meters with positions: closed and summed.
	fn sum_page() -> Weight;
	/// A page of 32 meters with positions who all owe more than they have.
	fn collect_page() -> Weight;
	/// A page of 32 meters with positions who are all owed more than there is.
	fn pay_page() -> Weight;
	/// A position of a meter without metered energy.
	fn leftover() -> Weight;
	/// The end of a settlement.
	fn finish() -> Weight;
	/// A claim served.
	fn serve_claim() -> Weight;
	/// A page of statements pruned.
	fn prune_page() -> Weight;
	/// A correction that becomes a claim.
	fn on_correction() -> Weight;
	/// A meter's totals freed.
	fn on_meter_retired() -> Weight;
}

impl WeightInfo for () {
	fn top_up() -> Weight {
		Weight::from_parts(60_000_000, 4_000)
	}
	fn withdraw() -> Weight {
		Weight::from_parts(70_000_000, 4_000)
	}
	fn pay_arrears() -> Weight {
		Weight::from_parts(80_000_000, 4_000)
	}
	fn spend_fund() -> Weight {
		Weight::from_parts(20_000_000, 4_000)
	}
	fn poll() -> Weight {
		Weight::from_parts(10_000_000, 2_000)
	}
	fn look() -> Weight {
		Weight::from_parts(20_000_000, 4_000)
	}
	fn sum_page() -> Weight {
		Weight::from_parts(300_000_000, 120_000)
	}
	fn collect_page() -> Weight {
		Weight::from_parts(900_000_000, 300_000)
	}
	fn pay_page() -> Weight {
		Weight::from_parts(900_000_000, 300_000)
	}
	fn leftover() -> Weight {
		Weight::from_parts(60_000_000, 20_000)
	}
	fn finish() -> Weight {
		Weight::from_parts(30_000_000, 4_000)
	}
	fn serve_claim() -> Weight {
		Weight::from_parts(40_000_000, 8_000)
	}
	fn prune_page() -> Weight {
		Weight::from_parts(10_000_000, 8_000)
	}
	fn on_correction() -> Weight {
		Weight::from_parts(60_000_000, 8_000)
	}
	fn on_meter_retired() -> Weight {
		Weight::from_parts(10_000_000, 8_000)
	}
}
