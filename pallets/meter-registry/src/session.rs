//! The ingest keys of the session's authorities.

use alloc::vec::Vec;

use frame_support::{
	traits::{Get, OneSessionHandler},
	BoundedVec,
};
use gridweave_primitives::ingest::IngestId;

use crate::{Config, IngestKeys, Pallet};

impl<T: Config> Pallet<T> {
	/// Takes over the authorities' keys. Those beyond the most that may be are told in the log and bring no
	/// batches.
	fn set_ingest_keys<'a>(validators: impl Iterator<Item = (&'a T::AccountId, IngestId)>)
	where
		T::AccountId: 'a,
	{
		let keys: Vec<IngestId> = validators.map(|(_, key)| key).collect();
		if u32::try_from(keys.len()).map_or(true, |keys| keys > T::MaxAuthorities::get()) {
			log::error!(
				target: "runtime::meter-registry",
				"{} authorities, of which only {} may bring readings",
				keys.len(),
				T::MaxAuthorities::get(),
			);
		}
		IngestKeys::<T>::put(BoundedVec::truncate_from(keys));
	}
}

impl<T: Config> sp_runtime::BoundToRuntimeAppPublic for Pallet<T> {
	type Public = IngestId;
}

impl<T: Config> OneSessionHandler<T::AccountId> for Pallet<T> {
	type Key = IngestId;

	fn on_genesis_session<'a, I>(validators: I)
	where
		I: Iterator<Item = (&'a T::AccountId, IngestId)> + 'a,
	{
		Self::set_ingest_keys(validators);
	}

	fn on_new_session<'a, I>(_: bool, validators: I, _: I)
	where
		I: Iterator<Item = (&'a T::AccountId, IngestId)> + 'a,
	{
		Self::set_ingest_keys(validators);
	}

	// An authority disabled for an offence may still bring readings: each carries its device's signature.
	fn on_disabled(_: u32) {}
}
