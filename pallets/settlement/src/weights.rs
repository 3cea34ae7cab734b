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
	/// A look at a community that finds nothing due.
	fn look_idle() -> Weight;
	/// A page of 32 meters with positions: closed and summed.
	fn sum_page() -> Weight;
	/// A page of 32 meters of which `p` without a position pay their bills, `t` with one do, and `u` with
	/// one owe more than they have.
	fn collect_page(p: u32, t: u32, u: u32) -> Weight;
	/// A page of 32 meters of which `p` without a position are paid, `t` with one are, and `u` with one are
	/// owed more than there is.
	fn pay_page(p: u32, t: u32, u: u32) -> Weight;
	/// What a member adds to its bill who does not sit at the page: it is moved there, or its balance is
	/// changed where it sits.
	fn guest() -> Weight;
	/// The end of a settlement, and its passing from stage to stage.
	fn finish() -> Weight;
	/// A claim served.
	fn serve_claim() -> Weight;
	/// A page of statements pruned.
	fn prune_page() -> Weight;
	/// `m` meters of one page corrected, each once: what they are owed becomes claims.
	fn on_corrections(m: u32) -> Weight;
	/// A meter corrected in `c` periods, whose terms are kept no longer.
	fn correct(c: u32) -> Weight;
	/// A meter's totals freed.
	fn on_meter_retired() -> Weight;
}

fn page(p: u32, t: u32, u: u32) -> Weight {
	let each = |meters: u32, time, proof| {
		Weight::from_parts(time, proof).saturating_mul(u64::from(meters))
	};
	Weight::from_parts(100_000_000, 44_000)
		.saturating_add(each(p, 5_000_000, 2_000))
		.saturating_add(each(t, 10_000_000, 4_000))
		.saturating_add(each(u, 25_000_000, 8_000))
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
	fn look_idle() -> Weight {
		Weight::from_parts(5_000_000, 2_000)
	}
	fn sum_page() -> Weight {
		Weight::from_parts(300_000_000, 120_000)
	}
	fn collect_page(p: u32, t: u32, u: u32) -> Weight {
		page(p, t, u)
	}
	fn pay_page(p: u32, t: u32, u: u32) -> Weight {
		page(p, t, u)
	}
	fn guest() -> Weight {
		Weight::from_parts(5_000_000, 4_000)
	}
	fn finish() -> Weight {
		Weight::from_parts(35_000_000, 4_000)
	}
	fn serve_claim() -> Weight {
		Weight::from_parts(40_000_000, 8_000)
	}
	fn prune_page() -> Weight {
		Weight::from_parts(10_000_000, 8_000)
	}
	fn on_corrections(m: u32) -> Weight {
		Weight::from_parts(60_000_000, 8_000).saturating_mul(m.into())
	}
	fn correct(c: u32) -> Weight {
		Weight::from_parts(60_000_000, 8_000)
			.saturating_add(Weight::from_parts(10_000_000, 0).saturating_mul(c.into()))
	}
	fn on_meter_retired() -> Weight {
		Weight::from_parts(10_000_000, 8_000)
	}
}
