//! What this pallet is to others.

use gridweave_primitives::{
	traits::{MeterCommitments, SettlementProgress},
	Be32, MeterId, MicrogridId, Period,
};

use crate::{Communities, Config, Pallet, Watches};

impl<T: Config> MeterCommitments for Pallet<T> {
	/// A meter that takes part in a programme neither changes hands nor retires: it leaves first.
	fn has_commitments(meter: MeterId) -> bool {
		Watches::<T>::contains_key(Be32::from(meter))
	}
}

impl<T: Config> SettlementProgress for Pallet<T> {
	/// Settled periods are done with when they are recorded; at once where nobody is enrolled.
	fn settled_before(microgrid: MicrogridId) -> Period {
		Communities::<T>::get(Be32::from(microgrid))
			.map_or(Period(u32::MAX), |community| community.next)
	}
}
