//! What the order book offers to other pallets.

use gridweave_primitives::{traits::MeterCommitments, MeterId};

use crate::{commitments, Config, Pallet};

impl<T: Config> MeterCommitments for Pallet<T> {
	/// Open orders. What has traded is a position of settlement.
	fn has_commitments(meter: MeterId) -> bool {
		commitments::any_order::<T>(meter)
	}
}
