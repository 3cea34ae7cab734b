//! # Mandate
//!
//! What those entrusted with it decide is done as root. Some things only root may do, as authorising an
//! upgrade of the runtime, and a council is not root. It is given a mandate instead: its origin
//! ([`Config::EnactOrigin`]) dispatches any call as root by [`enact`](Pallet::enact).
//!
//! The call is part of the motion that the council votes on: everybody sees what is going to be done. One that
//! fails changes nothing, and the motion's outcome says why. Nothing is stored.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;

pub mod weights;

#[cfg(test)]
mod tests;

pub use pallet::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
	use alloc::boxed::Box;

	use frame_support::{
		dispatch::{
			extract_actual_weight, GetDispatchInfo, PostDispatchInfo, WithPostDispatchInfo,
		},
		pallet_prelude::*,
		traits::UnfilteredDispatchable,
	};
	use frame_system::{pallet_prelude::*, RawOrigin};
	use sp_runtime::traits::{Dispatchable, Hash};

	use super::*;

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// What may be done.
		type Call: Parameter
			+ UnfilteredDispatchable<RuntimeOrigin = Self::RuntimeOrigin>
			+ Dispatchable<RuntimeOrigin = Self::RuntimeOrigin, PostInfo = PostDispatchInfo>
			+ From<frame_system::Call<Self>>
			+ GetDispatchInfo;

		/// Who may have it done.
		type EnactOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Measured weights.
		type WeightInfo: WeightInfo;
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A call was dispatched as root, and succeeded.
		Enacted {
			/// Hash of the encoded call.
			call: T::Hash,
		},
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Dispatches a call as root, for [`Config::EnactOrigin`]. Fails as the call fails.
		#[pallet::call_index(0)]
		#[pallet::weight({
			let info = call.get_dispatch_info();
			(T::WeightInfo::enact().saturating_add(info.call_weight), info.class)
		})]
		pub fn enact(
			origin: OriginFor<T>,
			call: Box<<T as Config>::Call>,
		) -> DispatchResultWithPostInfo {
			T::EnactOrigin::ensure_origin(origin)?;
			let hash = T::Hashing::hash_of(&call);
			let info = call.get_dispatch_info();
			let result = call.dispatch_bypass_filter(RawOrigin::Root.into());
			let weight =
				T::WeightInfo::enact().saturating_add(extract_actual_weight(&result, &info));
			match result {
				Ok(_) => {
					Self::deposit_event(Event::Enacted { call: hash });
					Ok(Some(weight).into())
				}
				Err(failure) => Err(failure.error.with_weight(weight)),
			}
		}
	}
}
