//! Weights of calls and of noting a block's author. The runtime's are measured (`runtime/src/weights`); those
//! of `()` serve mocks.

use frame_support::weights::Weight;

/// Weights this pallet needs.
pub trait WeightInfo {
	/// Taking in a validator.
	fn add_validator() -> Weight;
	/// Putting out a validator.
	fn remove_validator() -> Weight;
	/// Proving an equivocation, with headers and proof of `b` bytes.
	fn report_aura_equivocation(b: u32) -> Weight;
	/// Freeing session keys.
	fn purge_keys() -> Weight;
	/// Noting a block's author.
	fn note_author() -> Weight;
}

/// For mocks: plausible constants.
impl WeightInfo for () {
	fn add_validator() -> Weight {
		Weight::from_parts(300_000_000, 10_000)
	}
	fn remove_validator() -> Weight {
		Weight::from_parts(800_000_000, 120_000)
	}
	fn report_aura_equivocation(b: u32) -> Weight {
		Weight::from_parts(10_000_000_000, 200_000)
			.saturating_add(Weight::from_parts(20_000, 0).saturating_mul(b.into()))
	}
	fn purge_keys() -> Weight {
		Weight::from_parts(1_000_000_000, 50_000)
	}
	fn note_author() -> Weight {
		Weight::from_parts(100_000_000, 4_000)
	}
}
