//! Weights of the calls and steps. A runtime uses what its own benchmark run generated.

use frame_support::weights::Weight;

/// What calls and steps cost.
///
/// `r` readings, `x` more that write beyond the hot pages (a meter's first, or one whose energy was not all
/// counted), on `g` pages of meters, touching `s` pages of energy. What others do when they are told of a
/// correction or of a freed meter is not included: it has a weight of its own
/// ([`OnCorrection`](gridweave_primitives::traits::OnCorrection),
/// [`OnMeterRetired`](gridweave_primitives::traits::OnMeterRetired)).
pub trait WeightInfo {
	/// [`Call::register_meter`](crate::Call::register_meter).
	fn register_meter() -> Weight;
	/// [`Call::register_meters`](crate::Call::register_meters) with `n` meters.
	fn register_meters(n: u32) -> Weight;
	/// [`Call::admit_meter`](crate::Call::admit_meter).
	fn admit_meter() -> Weight;
	/// [`Call::retire_meter`](crate::Call::retire_meter), at worst.
	fn retire_meter() -> Weight;
	/// [`Call::rotate_key`](crate::Call::rotate_key).
	fn rotate_key() -> Weight;
	/// [`Call::offer_meter`](crate::Call::offer_meter).
	fn offer_meter() -> Weight;
	/// [`Call::accept_meter`](crate::Call::accept_meter).
	fn accept_meter() -> Weight;
	/// [`Call::submit_readings`](crate::Call::submit_readings), authorisation apart, with one reading on each
	/// of `g` pages, which touches one page of energy.
	fn submit_pages(g: u32) -> Weight;
	/// The same with `r` readings on 16 pages.
	fn submit_regular(r: u32) -> Weight;
	/// The same with `x` readings that exceed the rating and run backwards.
	fn submit_irregular(x: u32) -> Weight;
	/// The same with readings that touch `s` pages of energy.
	fn submit_spans(s: u32) -> Weight;
	/// Authorisation of [`Call::submit_readings`](crate::Call::submit_readings) with one reading on each of
	/// `g` pages.
	fn authorize_pages(g: u32) -> Weight;
	/// The same with `r` readings on 16 pages.
	fn authorize_readings(r: u32) -> Weight;
	/// Finding out that there is nothing to prune.
	fn prune_idle() -> Weight;
	/// A look of pruning at a full page on which nothing is due.
	fn prune_look() -> Weight;
	/// A step of pruning that forgets a period of a full page.
	fn prune_period() -> Weight;
	/// A step of pruning that frees a retired meter.
	fn prune_meter() -> Weight;
}

/// For mocks only: plausible, not measured.
impl WeightInfo for () {
	fn register_meter() -> Weight {
		Weight::from_parts(150_000_000, 0)
	}
	fn register_meters(n: u32) -> Weight {
		Weight::from_parts(20_000_000, 0)
			.saturating_add(Weight::from_parts(250_000_000, 0).saturating_mul(n.into()))
	}
	fn admit_meter() -> Weight {
		Weight::from_parts(30_000_000, 0)
	}
	fn retire_meter() -> Weight {
		Weight::from_parts(80_000_000, 0)
	}
	fn rotate_key() -> Weight {
		Weight::from_parts(200_000_000, 0)
	}
	fn offer_meter() -> Weight {
		Weight::from_parts(30_000_000, 0)
	}
	fn accept_meter() -> Weight {
		Weight::from_parts(90_000_000, 0)
	}
	fn submit_pages(g: u32) -> Weight {
		Weight::from_parts(20_000_000, 0)
			.saturating_add(Weight::from_parts(120_000_000, 0).saturating_mul(g.into()))
	}
	fn submit_regular(r: u32) -> Weight {
		Weight::from_parts(15_000_000, 0).saturating_mul(r.into())
	}
	fn submit_irregular(x: u32) -> Weight {
		Weight::from_parts(45_000_000, 0).saturating_mul(x.into())
	}
	fn submit_spans(s: u32) -> Weight {
		Weight::from_parts(60_000_000, 0).saturating_mul(s.into())
	}
	fn authorize_pages(g: u32) -> Weight {
		Weight::from_parts(80_000_000, 0)
			.saturating_add(Weight::from_parts(12_000_000, 0).saturating_mul(g.into()))
	}
	fn authorize_readings(r: u32) -> Weight {
		Weight::from_parts(75_000_000, 0).saturating_mul(r.into())
	}
	fn prune_idle() -> Weight {
		Weight::from_parts(10_000_000, 0)
	}
	fn prune_look() -> Weight {
		Weight::from_parts(40_000_000, 0)
	}
	fn prune_period() -> Weight {
		Weight::from_parts(100_000_000, 0)
	}
	fn prune_meter() -> Weight {
		Weight::from_parts(150_000_000, 0)
	}
}
