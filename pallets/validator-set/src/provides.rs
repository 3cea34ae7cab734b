//! What clients ask, answered.

use alloc::vec::Vec;

use frame_support::traits::KeyOwnerProofSystem;
use frame_system::pallet_prelude::BlockNumberFor;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::RuntimeAppPublic;
use sp_session::MembershipProof;

use crate::{Config, LastAuthored, Members, Pallet, Sessions, ValidatorStatus};

impl<T: Config> Pallet<T> {
	/// How each member stands, and each that is no member any more but still active or queued.
	pub fn statuses() -> Vec<ValidatorStatus<T::AccountId, BlockNumberFor<T>>> {
		let active = T::Sessions::active();
		let queued = T::Sessions::queued();
		let mut all: Vec<T::AccountId> = Members::<T>::get()
			.into_iter()
			.map(|member| member.validator)
			.collect();
		let members = all.len();
		for who in active.iter().chain(&queued) {
			if !all.contains(who) {
				all.push(who.clone());
			}
		}
		all.into_iter()
			.enumerate()
			.map(|(place, validator)| ValidatorStatus {
				member: place < members,
				has_keys: T::Sessions::has_keys(&validator),
				active: active.contains(&validator),
				queued: queued.contains(&validator),
				last_authored: LastAuthored::<T>::get(&validator),
				validator,
			})
			.collect()
	}

	/// A proof for [`Self::report_aura_equivocation`] that a key is one of this session's.
	pub fn prove_aura_key(key: &AuraId) -> Option<MembershipProof> {
		let key = (AuraId::ID, key.to_raw_vec());
		let proof = T::KeyOwners::prove(key.clone())?;
		// Of a key that is nobody's there is a proof as well, that it is nobody's.
		T::KeyOwners::check_proof(key, proof.clone()).map(|_| proof)
	}
}
