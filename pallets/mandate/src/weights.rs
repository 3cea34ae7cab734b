//! Weights of the call. That of `()` is a bound, for mocks and for runtimes that have not measured theirs.

use frame_support::weights::Weight;

/// Weights this pallet needs.
pub trait WeightInfo {
	/// Enacting a call, without the call.
	fn enact() -> Weight;
}

/// A constant on the safe side.
impl WeightInfo for () {
	fn enact() -> Weight {
		Weight::from_parts(100_000_000, 4_000)
	}
}
