//! Weights of calls and steps. A runtime uses what its own benchmark run generated.

use frame_support::weights::Weight;

/// What calls and steps cost.
///
/// `g` pages of meters, `r` readings, `f` of them that give cause for a flag.
pub trait WeightInfo {
	/// [`Call::set_parameters`](crate::Call::set_parameters).
	fn set_parameters() -> Weight;
	/// [`Call::appoint_inspector`](crate::Call::appoint_inspector).
	fn appoint_inspector() -> Weight;
	/// [`Call::remove_inspector`](crate::Call::remove_inspector).
	fn remove_inspector() -> Weight;
	/// [`Call::confirm`](crate::Call::confirm) of a flag that a quorum reported.
	fn confirm() -> Weight;
	/// [`Call::dismiss`](crate::Call::dismiss) of a flag that a quorum reported falsely.
	fn dismiss() -> Weight;
	/// [`Call::report_equivocation`](crate::Call::report_equivocation).
	fn report_equivocation() -> Weight;
	/// [`Call::recalibrate`](crate::Call::recalibrate).
	fn recalibrate() -> Weight;
	/// [`Call::register_analyst`](crate::Call::register_analyst).
	fn register_analyst() -> Weight;
	/// [`Call::leave`](crate::Call::leave).
	fn leave() -> Weight;
	/// [`Call::withdraw_stake`](crate::Call::withdraw_stake).
	fn withdraw_stake() -> Weight;
	/// [`Call::report_finding`](crate::Call::report_finding) that makes the quorum.
	fn report_finding() -> Weight;
	/// Judging one reading with power quality on each of `g` pages.
	fn observe_pages(g: u32) -> Weight;
	/// The same with `r` readings of one page.
	fn observe_readings(r: u32) -> Weight;
	/// Finding out that there is nothing to raise.
	fn raise_idle() -> Weight;
	/// A page with something to raise, without that.
	fn raise_page() -> Weight;
	/// Raising what a reading gave cause for.
	fn raise_finding() -> Weight;
	/// Finding out that there is nothing to look at.
	fn inspect_idle() -> Weight;
	/// A look at a microgrid whose turn it is.
	fn inspect_look() -> Weight;
	/// Looking at a full page of meters at the end of a day, without what is raised.
	fn inspect_page() -> Weight;
	/// The balance of a microgrid, without what is raised.
	fn inspect_balance() -> Weight;
	/// Raising a flag that the feeder's alarm confirms.
	fn raise_flag() -> Weight;
	/// Finding out that nothing falls due.
	fn expire_idle() -> Weight;
	/// A look for what falls due in a period.
	fn expire_look() -> Weight;
	/// A flag that expires with the case of a quorum.
	fn expire_item() -> Weight;
	/// Forgetting a meter with flags and cases of all kinds.
	fn forget_meter() -> Weight;
}

/// For mocks only: plausible, not measured.
impl WeightInfo for () {
	fn set_parameters() -> Weight {
		Weight::from_parts(60_000_000, 8_000)
	}
	fn appoint_inspector() -> Weight {
		Weight::from_parts(50_000_000, 8_000)
	}
	fn remove_inspector() -> Weight {
		Weight::from_parts(50_000_000, 8_000)
	}
	fn confirm() -> Weight {
		Weight::from_parts(350_000_000, 40_000)
	}
	fn dismiss() -> Weight {
		Weight::from_parts(500_000_000, 40_000)
	}
	fn report_equivocation() -> Weight {
		Weight::from_parts(350_000_000, 20_000)
	}
	fn recalibrate() -> Weight {
		Weight::from_parts(50_000_000, 8_000)
	}
	fn register_analyst() -> Weight {
		Weight::from_parts(100_000_000, 8_000)
	}
	fn leave() -> Weight {
		Weight::from_parts(50_000_000, 8_000)
	}
	fn withdraw_stake() -> Weight {
		Weight::from_parts(100_000_000, 8_000)
	}
	fn report_finding() -> Weight {
		Weight::from_parts(300_000_000, 40_000)
	}
	fn observe_pages(g: u32) -> Weight {
		Weight::from_parts(10_000_000, 2_000)
			.saturating_add(Weight::from_parts(60_000_000, 4_000).saturating_mul(g.into()))
	}
	fn observe_readings(r: u32) -> Weight {
		Weight::from_parts(1_000_000, 0).saturating_mul(r.into())
	}
	fn raise_idle() -> Weight {
		Weight::from_parts(10_000_000, 2_000)
	}
	fn raise_page() -> Weight {
		Weight::from_parts(60_000_000, 4_000)
	}
	fn raise_finding() -> Weight {
		Weight::from_parts(150_000_000, 12_000)
	}
	fn inspect_idle() -> Weight {
		Weight::from_parts(10_000_000, 2_000)
	}
	fn inspect_look() -> Weight {
		Weight::from_parts(40_000_000, 8_000)
	}
	fn inspect_page() -> Weight {
		Weight::from_parts(250_000_000, 20_000)
	}
	fn inspect_balance() -> Weight {
		Weight::from_parts(120_000_000, 12_000)
	}
	fn raise_flag() -> Weight {
		Weight::from_parts(150_000_000, 12_000)
	}
	fn expire_idle() -> Weight {
		Weight::from_parts(10_000_000, 2_000)
	}
	fn expire_look() -> Weight {
		Weight::from_parts(15_000_000, 4_000)
	}
	fn expire_item() -> Weight {
		Weight::from_parts(400_000_000, 40_000)
	}
	fn forget_meter() -> Weight {
		Weight::from_parts(2_500_000_000, 200_000)
	}
}
