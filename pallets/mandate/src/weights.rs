//! Weights of the call. The runtime's are measured (`runtime/src/weights`); those of `()` serve mocks.

use frame_support::weights::Weight;

/// Weights this pallet needs.
pub trait WeightInfo {
	/// Enacting a call, without the call.
	fn enact() -> Weight;
}

/// For mocks: a plausible constant.
impl WeightInfo for () {
	fn enact() -> Weight {
		Weight::from_parts(100_000_000, 4_000)
	}
}
