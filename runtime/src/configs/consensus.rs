//! Who makes and finalises blocks: a fixed set of authorities under proof of authority.

use alloc::vec::Vec;

use frame_support::{
	parameter_types,
	traits::{ConstBool, ConstU32, ConstU64},
	weights::Weight,
};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::traits::{ConvertInto, OpaqueKeys};

use super::system::BLOCK_SECONDS;
use crate::{AccountId, Aura, Balance, Balances, BlockNumber, Runtime, RuntimeEvent, SessionKeys};

/// Most authorities.
pub const MAX_AUTHORITIES: u32 = 32;

/// Blocks of a session: ten minutes.
pub const SESSION_BLOCKS: BlockNumber = 600 / BLOCK_SECONDS;

impl pallet_aura::Config for Runtime {
	type AuthorityId = AuraId;
	type DisabledValidators = ();
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
	type AllowMultipleBlocksPerSlot = ConstBool<false>;
	type SlotDuration = ConstU64<{ BLOCK_SECONDS as u64 * 1_000 }>;
}

/// The weights that the SDK states for GRANDPA's calls; it generates none that a runtime could name.
pub struct GrandpaWeights;

impl pallet_grandpa::WeightInfo for GrandpaWeights {
	fn report_equivocation(validators: u32, nominators: u32) -> Weight {
		<() as pallet_grandpa::WeightInfo>::report_equivocation(validators, nominators)
	}

	fn note_stalled() -> Weight {
		<() as pallet_grandpa::WeightInfo>::note_stalled()
	}
}

impl pallet_grandpa::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = GrandpaWeights;
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
	type MaxNominators = ConstU32<0>;
	type MaxSetIdSessionEntries = ConstU64<0>;
	type KeyOwnerProof = sp_core::Void;
	type EquivocationReportSystem = ();
}

impl pallet_authorship::Config for Runtime {
	type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Aura>;
	type EventHandler = ();
}

/// The authorities of genesis, for ever; they may change their session keys.
pub struct FixedAuthorities;

impl pallet_session::SessionManager<AccountId> for FixedAuthorities {
	fn new_session(_: sp_staking::SessionIndex) -> Option<Vec<AccountId>> {
		None
	}

	fn start_session(_: sp_staking::SessionIndex) {}

	fn end_session(_: sp_staking::SessionIndex) {}
}

parameter_types! {
	pub const SessionPeriod: BlockNumber = SESSION_BLOCKS;
	pub const SessionOffset: BlockNumber = 0;
	/// Held for an authority's session keys.
	pub const SessionKeyDeposit: Balance = crate::GRID;
}

impl pallet_session::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession = pallet_session::PeriodicSessions<SessionPeriod, SessionOffset>;
	type NextSessionRotation = pallet_session::PeriodicSessions<SessionPeriod, SessionOffset>;
	type SessionManager = FixedAuthorities;
	type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
	type Keys = SessionKeys;
	type DisablingStrategy = ();
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
	type Currency = Balances;
	type KeyDeposit = SessionKeyDeposit;
}
