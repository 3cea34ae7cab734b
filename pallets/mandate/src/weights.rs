//! Weights of the call. The runtime's are measured (`runtime/src/weights`); until they are, [`Bounds`] serve.

use frame_support::weights::Weight;

/// Weights this pallet needs.
pub trait WeightInfo {
	/// Enacting a call, without the call.
	fn enact() -> Weight;
}

/// For mocks, and for runtimes that have not measured theirs: on the safe side.
pub struct Bounds;

impl WeightInfo for Bounds {
	fn enact() -> Weight {
		Weight::from_parts(100_000_000, 4_000)
	}
}
