//! What clients may ask.

use alloc::vec::Vec;

use codec::Codec;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_session::MembershipProof;

use crate::types::ValidatorStatus;

sp_api::decl_runtime_apis! {
	/// Who makes and finalises blocks.
	pub trait ValidatorSetApi<AccountId: Codec, BlockNumber: Codec> {
		/// How each validator stands: members in the order they were taken in, then those that are no
		/// members any more but still take part. One that is active and whose last block is old, or that has
		/// none, is offline.
		fn validators() -> Vec<ValidatorStatus<AccountId, BlockNumber>>;

		/// A proof that an Aura key is one of an active validator, for a report of its equivocation. Ask at
		/// a block of the session in which it happened; `None` if the key is nobody's then.
		fn aura_key_ownership_proof(key: AuraId) -> Option<MembershipProof>;
	}
}
