//! A chain with this pallet, sessions and their history. Who the author of a block is, tests say.

use std::collections::BTreeMap;

use codec::Encode;
use frame_support::{
	construct_runtime, derive_impl, parameter_types,
	traits::{ConstU128, ConstU32, ConstU64, Hooks, KeyOwnerProofSystem, OneSessionHandler},
};
use frame_system::EnsureRoot;
use pallet_authorship::EventHandler;
use pallet_session::historical as pallet_historical;
use sp_consensus_aura::{
	digests::CompatibleDigestItem,
	sr25519::{AuthorityId as AuraId, AuthorityPair, AuthoritySignature},
	Slot,
};
use sp_core::{Pair, H256};
use sp_runtime::{
	generic::{Digest, DigestItem},
	impl_opaque_keys,
	traits::{ConvertInto, Header as _, OpaqueKeys},
	BuildStorage, RuntimeAppPublic,
};
use sp_session::MembershipProof;

use crate as pallet_validator_set;

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		ValidatorSet: pallet_validator_set,
		Session: pallet_session,
		Historical: pallet_historical,
	}
);

pub type AccountId = u64;
pub type Header = sp_runtime::generic::Header<u64, sp_runtime::traits::BlakeTwo256>;
type Block = frame_system::mocking::MockBlock<Test>;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<u128>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = u128;
	type ExistentialDeposit = ConstU128<1>;
}

parameter_types! {
	/// The Aura keys of the session, as Aura is told them.
	pub static Turns: Vec<AuraId> = Vec::new();
}

/// Aura: takes note of the keys.
pub struct Aura;

impl sp_runtime::BoundToRuntimeAppPublic for Aura {
	type Public = AuraId;
}

impl OneSessionHandler<AccountId> for Aura {
	type Key = AuraId;

	fn on_genesis_session<'a, I>(validators: I)
	where
		I: Iterator<Item = (&'a AccountId, AuraId)> + 'a,
	{
		Turns::set(validators.map(|(_, key)| key).collect());
	}

	fn on_new_session<'a, I>(_: bool, validators: I, _: I)
	where
		I: Iterator<Item = (&'a AccountId, AuraId)> + 'a,
	{
		Turns::set(validators.map(|(_, key)| key).collect());
	}

	fn on_disabled(_: u32) {}
}

impl_opaque_keys! {
	pub struct Keys {
		pub aura: Aura,
	}
}

pub const MAX_VALIDATORS: u32 = 4;
/// Blocks of a session.
pub const SESSION: u64 = 10;
pub const KEPT_SESSIONS: u32 = 3;
pub const KEY_DEPOSIT: u128 = 5;

impl pallet_session::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession =
		pallet_session::PeriodicSessions<crate::SessionBlocks<Test>, ConstU64<0>>;
	type NextSessionRotation =
		pallet_session::PeriodicSessions<crate::SessionBlocks<Test>, ConstU64<0>>;
	type SessionManager = pallet_historical::NoteHistoricalRoot<Test, ValidatorSet>;
	type SessionHandler = <Keys as OpaqueKeys>::KeyTypeIdProviders;
	type Keys = Keys;
	type DisablingStrategy = ();
	type WeightInfo = ();
	type Currency = Balances;
	type KeyDeposit = ConstU128<KEY_DEPOSIT>;
}

impl pallet_historical::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type FullIdentification = ();
	type FullIdentificationOf = crate::ByAccount;
}

impl pallet_validator_set::Config for Test {
	type ChangeOrigin = EnsureRoot<AccountId>;
	type Sessions = crate::SessionPallet<Test>;
	type KeyOwners = Historical;
	type MaxValidators = ConstU32<MAX_VALIDATORS>;
	type DefaultSessionLength = ConstU64<SESSION>;
	type KeptSessions = ConstU32<KEPT_SESSIONS>;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = BenchmarkSetup;
}

/// Sets up benchmarks.
#[cfg(feature = "runtime-benchmarks")]
pub struct BenchmarkSetup;

#[cfg(feature = "runtime-benchmarks")]
impl crate::BenchmarkHelper<AccountId> for BenchmarkSetup {
	fn set_keys(who: &AccountId, aura: AuraId) {
		pallet_session::NextKeys::<Test>::insert(who, Keys { aura });
		System::inc_providers(who);
		System::inc_consumers(who).expect("it has a provider");
	}

	fn activate(validators: &[AccountId]) {
		pallet_session::Validators::<Test>::put(validators.to_vec());
	}
}

pub const ALICE: AccountId = 1;
pub const BOB: AccountId = 2;
pub const CHARLIE: AccountId = 3;
pub const DAVE: AccountId = 4;
pub const EVE: AccountId = 5;
/// Owns nothing and has no keys.
pub const POOR: AccountId = 9;

/// The Aura key pair of an account.
pub fn aura(who: AccountId) -> AuthorityPair {
	AuthorityPair::from_string(&format!("//{who}"), None).expect("a valid derivation")
}

/// A chain whose genesis has these validators, in its first block. Alice to Eve have session keys.
pub fn chain_of(validators: &[AccountId], session_length: Option<u64>) -> sp_io::TestExternalities {
	let keys = |who: &AccountId| {
		let aura = aura(*who).public();
		(*who, *who, Keys { aura })
	};
	let others: Vec<AccountId> = (ALICE..=EVE)
		.filter(|who| !validators.contains(who))
		.collect();
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (ALICE..=EVE).map(|who| (who, 1_000)).collect(),
			..Default::default()
		},
		validator_set: pallet_validator_set::GenesisConfig {
			validators: validators.to_vec(),
			session_length,
		},
		session: pallet_session::GenesisConfig {
			keys: validators.iter().map(keys).collect(),
			non_authority_keys: others.iter().map(keys).collect(),
		},
		..Default::default()
	};
	let storage = genesis.build_storage().expect("genesis is sound");
	let mut ext = sp_io::TestExternalities::from(storage);
	ext.execute_with(|| block_of(None));
	ext
}

/// Runs a test on a chain of Alice, Bob and Charlie and checks the invariants afterwards.
pub fn with_three(test: impl FnOnce()) {
	with(&[ALICE, BOB, CHARLIE], test);
}

/// Runs a test on a chain of these validators and checks the invariants afterwards.
pub fn with(validators: &[AccountId], test: impl FnOnce()) {
	chain_of(validators, None).execute_with(|| {
		test();
		ValidatorSet::do_try_state().expect("invariants hold");
	});
}

/// The slot of a block: a thousand more than its number.
pub fn slot_of(block: u64) -> Slot {
	Slot::from(block + 1_000)
}

/// One block by this author, or by nobody.
pub fn block_of(author: Option<AccountId>) {
	let number = System::block_number() + 1;
	let digest = Digest {
		logs: vec![CompatibleDigestItem::<AuthoritySignature>::aura_pre_digest(
			slot_of(number),
		)],
	};
	System::reset_events();
	System::initialize(&number, &H256::repeat_byte(7), &digest);
	// Authorship comes before sessions: whose turn it is, the session before has settled.
	if let Some(author) = author {
		ValidatorSet::note_author(author);
	}
	Session::on_initialize(number);
	ValidatorSet::do_try_state().expect("invariants hold after every block");
}

/// One block by whose turn it is.
pub fn block() {
	let turns = active();
	let turn = System::block_number() % turns.len() as u64;
	block_of(turns.get(turn as usize).copied());
}

/// Blocks until this session has begun.
pub fn session(index: u32) {
	while Session::current_index() < index {
		block();
	}
}

/// Who makes blocks, as Aura knows it.
pub fn turns() -> Vec<AccountId> {
	let names: BTreeMap<Vec<u8>, AccountId> = (ALICE..=EVE)
		.map(|who| (aura(who).public().encode(), who))
		.collect();
	Turns::get()
		.iter()
		.filter_map(|key| names.get(&key.encode()).copied())
		.collect()
}

/// Who makes blocks, as the session pallet knows it.
pub fn active() -> Vec<AccountId> {
	Session::validators()
}

/// The members of the set.
pub fn members() -> Vec<AccountId> {
	let members = crate::Members::<Test>::get().into_iter();
	members.map(|member| member.validator).collect()
}

/// A header of this slot; `salt` tells it from others.
pub fn header(slot: Slot, salt: u8) -> Header {
	let logs = vec![CompatibleDigestItem::<AuthoritySignature>::aura_pre_digest(
		slot,
	)];
	Header::new(
		5,
		H256::repeat_byte(salt),
		H256::repeat_byte(1),
		H256::repeat_byte(2),
		Digest { logs },
	)
}

/// A header sealed by an account's Aura key.
pub fn sealed(mut header: Header, by: AccountId) -> Header {
	let signature = aura(by).sign(header.hash().as_ref());
	let seal: DigestItem = CompatibleDigestItem::aura_seal(signature);
	header.digest_mut().push(seal);
	header
}

/// A proof that the account's Aura key is one of this session's.
pub fn key_proof(of: AccountId) -> MembershipProof {
	Historical::prove((AuraId::ID, aura(of).public().encode())).expect("it can be made")
}

/// This pallet's events of the current block.
pub fn events() -> Vec<crate::Event<Test>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::ValidatorSet(event) => Some(event),
			_ => None,
		})
		.collect()
}
