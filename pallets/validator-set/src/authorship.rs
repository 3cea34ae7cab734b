//! Who made which block last.

use frame_support::dispatch::DispatchClass;
use frame_system::pallet_prelude::BlockNumberFor;
use sp_consensus_aura::{
	digests::CompatibleDigestItem, sr25519::AuthoritySignature as AuraSignature, Slot,
};

use crate::{types::Authored, Config, LastAuthored, Pallet, WeightInfo};

impl<T: Config> Pallet<T> {
	/// The slot of this block; none before the first.
	pub(crate) fn slot() -> Option<Slot> {
		frame_system::Pallet::<T>::digest()
			.logs
			.iter()
			.find_map(CompatibleDigestItem::<AuraSignature>::as_aura_pre_digest)
	}
}

impl<T: Config> pallet_authorship::EventHandler<T::AccountId, BlockNumberFor<T>> for Pallet<T> {
	fn note_author(author: T::AccountId) {
		let authored = Authored {
			block: frame_system::Pallet::<T>::block_number(),
			slot: Self::slot().unwrap_or_default(),
		};
		LastAuthored::<T>::insert(author, authored);
		// It is called from another pallet's hook, which does not know what it costs.
		frame_system::Pallet::<T>::register_extra_weight_unchecked(
			T::WeightInfo::note_author(),
			DispatchClass::Mandatory,
		);
	}
}
