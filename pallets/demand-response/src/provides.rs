//! What this pallet is to others.

use gridweave_primitives::{traits::MeterCommitments, Be32, MeterId};

use crate::{Config, Pallet, Watches};

impl<T: Config> MeterCommitments for Pallet<T> {
	/// A meter that takes part in a programme neither changes hands nor retires: it leaves first.
	fn has_commitments(meter: MeterId) -> bool {
		Watches::<T>::contains_key(Be32::from(meter))
	}
}
