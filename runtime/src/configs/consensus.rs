//! Who makes and finalises blocks: the validators that governance trusts, under proof of authority.

use frame_support::{
	parameter_types,
	traits::{ConstBool, ConstU32, ConstU64, Contains},
	weights::Weight,
};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::traits::{ConvertInto, OpaqueKeys};

use super::{council::TwoThirds, system::BLOCK_SECONDS};
use crate::{
	Aura, Balance, Balances, BlockNumber, Historical, Runtime, RuntimeCall, RuntimeEvent,
	SessionKeys, ValidatorSet,
};

/// Most authorities.
pub const MAX_AUTHORITIES: u32 = 32;

/// Blocks of a session, if genesis says nothing else: an hour.
pub const SESSION_BLOCKS: BlockNumber = 3_600 / BLOCK_SECONDS;

/// Of how many past sessions, and changes of the voters, offences can be proven: a week of hours.
pub const KEPT_SESSIONS: u32 = 168;

/// How many blocks a report of an offence waits in a node's pool: a session of an hour.
pub const REPORT_LONGEVITY: u64 = SESSION_BLOCKS as u64;

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
	type MaxSetIdSessionEntries = ConstU64<{ KEPT_SESSIONS as u64 }>;
	type KeyOwnerProof = sp_session::MembershipProof;
	type EquivocationReportSystem = pallet_grandpa::EquivocationReportSystem<
		Self,
		ValidatorSet,
		Historical,
		ConstU64<REPORT_LONGEVITY>,
	>;
}

impl pallet_authorship::Config for Runtime {
	type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Aura>;
	type EventHandler = ValidatorSet;
}

impl pallet_validator_set::Config for Runtime {
	type ChangeOrigin = TwoThirds;
	type Sessions = pallet_validator_set::SessionPallet<Runtime>;
	type KeyOwners = Historical;
	type MaxValidators = ConstU32<MAX_AUTHORITIES>;
	type DefaultSessionLength = ConstU32<SESSION_BLOCKS>;
	type KeptSessions = ConstU32<KEPT_SESSIONS>;
	type WeightInfo = crate::weights::pallet_validator_set::WeightInfo<Runtime>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::setup::Setup;
}

/// All calls but one: validators purge their session keys by `validatorSet.purgeKeys`, which does not let
/// them take away keys that the chain needs.
pub struct KeysStay;

impl Contains<RuntimeCall> for KeysStay {
	fn contains(call: &RuntimeCall) -> bool {
		!matches!(
			call,
			RuntimeCall::Session(pallet_session::Call::purge_keys {})
		)
	}
}

parameter_types! {
	pub const SessionOffset: BlockNumber = 0;
	/// Held for an authority's session keys.
	pub const SessionKeyDeposit: Balance = crate::GRID;
}

type Periodic =
	pallet_session::PeriodicSessions<pallet_validator_set::SessionBlocks<Runtime>, SessionOffset>;

impl pallet_session::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = crate::AccountId;
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession = Periodic;
	type NextSessionRotation = Periodic;
	type SessionManager = pallet_session::historical::NoteHistoricalRoot<Self, ValidatorSet>;
	type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
	type Keys = SessionKeys;
	type DisablingStrategy = ();
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
	type Currency = Balances;
	type KeyDeposit = SessionKeyDeposit;
}

impl pallet_session::historical::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type FullIdentification = ();
	type FullIdentificationOf = pallet_validator_set::ByAccount;
}
