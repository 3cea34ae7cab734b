//! # Validator set
//!
//! Who makes and finalises blocks. The chain runs by proof of authority: those whom governance trusts take
//! part, each with the session keys that it registers itself. This pallet keeps the list of them, gives it to
//! the session pallet, puts out whoever is proven to have cheated, and shows who is silent.
//!
//! ## Life of a validator
//!
//! It registers its session keys (`session.setKeys`), and [`Config::ChangeOrigin`] takes it in
//! ([`add_validator`](Pallet::add_validator)). The change takes effect **two session changes later**: the
//! session that comes next is already queued. Then it makes blocks in its turn, until it is put out
//! ([`remove_validator`](Pallet::remove_validator), or a proven offence), which takes as long. Members without
//! keys cannot be taken in, and none can purge its keys ([`purge_keys`](Pallet::purge_keys)) while it belongs
//! to the set or still takes part. Keys may be changed at any time; that too takes two session changes.
//!
//! Guaranteed: the set never loses its last member that has session keys, by nobody's call and for no offence.
//!
//! ## Offences
//!
//! Two are known, both equivocation: to say two contradicting things in one's turn.
//!
//! | who says it | proof | reported by |
//! |---|---|---|
//! | GRANDPA voters | two votes of one round | GRANDPA pallet: nodes that see both report by themselves |
//! | Aura authors | two headers of one slot | [`report_aura_equivocation`](Pallet::report_aura_equivocation), by anyone |
//!
//! The offender is put out; there is no stake to take. If it is the last one that could make blocks it stays,
//! and an event says so. An offence counts once: whoever has left is not put out again, and of one that
//! governance took in again only counts what it does afterwards ([`Since`]). No list of offences is kept.
//!
//! A signature says nothing of the chain it was made for. **Session keys that are used on two chains, or by two
//! nodes at a time, prove equivocation** though nobody cheated.
//!
//! ## Silence
//!
//! A validator that makes no blocks is shown ([`ValidatorsSilent`](Event::ValidatorsSilent) at the end of each
//! session, and the runtime API at any time) and stays. Of four validators one may fail and blocks are
//! finalised; of three none: to put out one that is only offline makes the chain weaker. Governance decides.
//!
//! ## Who pays
//!
//! The list of members is bounded ([`Config::MaxValidators`]) and changed by governance alone. Of each active
//! validator one entry, its last block, is kept while it is active. Session keys are paid for by a deposit
//! with the session pallet. Roots of [`Config::KeptSessions`] past sessions are kept for proofs.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod authorship;
mod equivocation;
mod membership;
mod provides;
mod sessions;
mod types;

#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;

pub mod runtime_api;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use equivocation::Flaw;
pub use pallet::*;
pub use sessions::{ByAccount, SessionBlocks, SessionPallet, Sessions};
pub use types::{Authored, Member, Since, ValidatorStatus, AURA_EQUIVOCATION};
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
	use alloc::{boxed::Box, collections::btree_set::BTreeSet, vec::Vec};

	use codec::Encode;
	use frame_support::{pallet_prelude::*, traits::KeyOwnerProofSystem};
	use frame_system::pallet_prelude::*;
	use sp_consensus_aura::sr25519::AuthorityId as AuraId;
	use sp_core::crypto::KeyTypeId;
	use sp_runtime::{traits::One, RuntimeAppPublic};
	use sp_session::MembershipProof;
	use sp_staking::{offence::Kind, SessionIndex};

	use super::*;
	use crate::types::{Member, Moment};

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// Who may take in validators and put them out.
		type ChangeOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Sessions and their keys.
		type Sessions: Sessions<Self::AccountId>;

		/// Proves whose key was active in a session.
		type KeyOwners: KeyOwnerProofSystem<
			(KeyTypeId, Vec<u8>),
			Proof = MembershipProof,
			IdentificationTuple = (Self::AccountId, ()),
		>;

		/// Most validators.
		#[pallet::constant]
		type MaxValidators: Get<u32>;

		/// The length of a session, in blocks, if genesis says nothing else.
		#[pallet::constant]
		type DefaultSessionLength: Get<BlockNumberFor<Self>>;

		/// Of how many past sessions offences can be proven.
		#[pallet::constant]
		type KeptSessions: Get<SessionIndex>;

		/// Measured weights.
		type WeightInfo: WeightInfo;

		/// Sets up, for benchmarks, what other pallets keep.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: BenchmarkHelper<Self::AccountId>;
	}

	/// The members of the set, in the order they were taken in, which is that of their turns to make blocks.
	/// One item for the whole chain.
	#[pallet::storage]
	pub type Members<T: Config> =
		StorageValue<_, BoundedVec<Member<T::AccountId>, T::MaxValidators>, ValueQuery>;

	/// The length of a session, in blocks, fixed at genesis. One item for the whole chain.
	#[pallet::storage]
	pub type SessionLength<T: Config> =
		StorageValue<_, BlockNumberFor<T>, ValueQuery, T::DefaultSessionLength>;

	/// The block in which the present session began; its author belonged to the one before. One item for the
	/// whole chain.
	#[pallet::storage]
	pub type SessionStart<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery>;

	/// The last block of each active validator. Written with each block; freed when the validator is no longer
	/// active.
	#[pallet::storage]
	pub type LastAuthored<T: Config> =
		StorageMap<_, Twox64Concat, T::AccountId, Authored<BlockNumberFor<T>>>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A validator was taken in. It makes blocks from the second session change on.
		ValidatorAdded {
			/// Who.
			validator: T::AccountId,
		},
		/// Governance put out a validator. It makes blocks until the second session change.
		ValidatorRemoved {
			/// Who.
			validator: T::AccountId,
		},
		/// A validator was proven to have cheated, and put out. It makes blocks until the second session
		/// change.
		OffenderRemoved {
			/// Who.
			validator: T::AccountId,
			/// What it did: `aura:equivocatio` or `grandpa:equivoca`.
			kind: Kind,
			/// Of which session the proof is that its key was active.
			session: SessionIndex,
		},
		/// A validator was proven to have cheated, and stays: it is the last one that can make blocks.
		OffenderKept {
			/// Who.
			validator: T::AccountId,
			/// What it did: `aura:equivocatio` or `grandpa:equivoca`.
			kind: Kind,
			/// Of which session the proof is that its key was active.
			session: SessionIndex,
		},
		/// Validators made no block in a session that has ended.
		ValidatorsSilent {
			/// The session.
			session: SessionIndex,
			/// Who.
			validators: Vec<T::AccountId>,
		},
		/// An account that takes no part any more freed its session keys.
		SessionKeysPurged {
			/// Who.
			who: T::AccountId,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The account belongs to the set already.
		AlreadyMember,
		/// The account does not belong to the set.
		NotMember,
		/// The set is full: put out another validator first.
		TooManyValidators,
		/// The account has no session keys: it calls `session.setKeys` first.
		NoSessionKeys,
		/// Nobody with session keys would be left to make blocks: take in another validator first.
		LastValidator,
		/// The account's session keys are needed: it belongs to the set, or takes part in this session or the
		/// next.
		KeysInUse,
		/// A header does not name exactly one Aura slot, or does not end with an Aura seal. Send headers as
		/// their author made them.
		HeaderUnsealed,
		/// The headers are of different slots: who makes a block in each of two slots does what is right.
		DifferentSlots,
		/// The headers differ in nothing but their seals: a key may seal a header twice.
		SameHeader,
		/// A seal is not of the key that is accused.
		BadSeal,
		/// The headers are of a slot that has not come yet.
		FutureSlot,
		/// The proof does not show that the key was an active validator's, or it is of a session too long ago.
		/// Ask for another by `aura_key_ownership_proof`.
		BadKeyOwnerProof,
		/// The offender has left the set, or the offence has had its consequences.
		AlreadyReported,
	}

	impl<T> From<Flaw> for Error<T> {
		fn from(flaw: Flaw) -> Self {
			match flaw {
				Flaw::Unsealed => Self::HeaderUnsealed,
				Flaw::DifferentSlots => Self::DifferentSlots,
				Flaw::SameHeader => Self::SameHeader,
				Flaw::BadSeal => Self::BadSeal,
			}
		}
	}

	/// The set of genesis.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// The validators, in the order of their turns. Each needs session keys, in the genesis of the session
		/// pallet.
		pub validators: Vec<T::AccountId>,
		/// The length of a session, in blocks; [`Config::DefaultSessionLength`] if none is given.
		pub session_length: Option<BlockNumberFor<T>>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			let accounts: BTreeSet<_> = self.validators.iter().collect();
			assert_eq!(
				accounts.len(),
				self.validators.len(),
				"a validator of genesis is given twice"
			);
			let members: Vec<_> = self
				.validators
				.iter()
				.map(|validator| Member {
					validator: validator.clone(),
					since: Since::default(),
				})
				.collect();
			let members = BoundedVec::try_from(members);
			assert!(members.is_ok(), "there are too many validators of genesis");
			Members::<T>::put(members.unwrap_or_default());
			if let Some(length) = self.session_length {
				assert!(length > One::one(), "sessions have more than one block");
				SessionLength::<T>::put(length);
			}
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(T::MaxValidators::get() > 0, "there must be validators");
			assert!(
				T::DefaultSessionLength::get() > One::one(),
				"sessions have more than one block"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Takes in a validator, for [`Config::ChangeOrigin`]. It makes blocks from the second session change
		/// on. What it may have done before it left an earlier time is forgotten.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::add_validator())]
		pub fn add_validator(origin: OriginFor<T>, validator: T::AccountId) -> DispatchResult {
			T::ChangeOrigin::ensure_origin(origin)?;
			Self::add(validator.clone())?;
			Self::deposit_event(Event::ValidatorAdded { validator });
			Ok(())
		}

		/// Puts out a validator, for [`Config::ChangeOrigin`]. It makes blocks until the second session change.
		/// The last one that has session keys stays.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::remove_validator())]
		pub fn remove_validator(origin: OriginFor<T>, validator: T::AccountId) -> DispatchResult {
			T::ChangeOrigin::ensure_origin(origin)?;
			Self::remove(&validator)?;
			Self::deposit_event(Event::ValidatorRemoved { validator });
			Ok(())
		}

		/// Proves that a validator made two blocks in one slot, which puts it out. For anyone; it costs
		/// nothing if the proof holds and is the first.
		///
		/// - `key`: the Aura key that sealed both headers.
		/// - `first`, `second`: the headers, with their seals. They may be of any fork.
		/// - `key_owner_proof`: that the key was a validator's in some session that is still known: runtime API
		///   `aura_key_ownership_proof`.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::report_aura_equivocation(evidence_bytes(
			first,
			second,
			key_owner_proof
		)))]
		pub fn report_aura_equivocation(
			origin: OriginFor<T>,
			key: AuraId,
			first: Box<HeaderFor<T>>,
			second: Box<HeaderFor<T>>,
			key_owner_proof: MembershipProof,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let slot = equivocation::check(*first, *second, &key).map_err(Error::<T>::from)?;
			ensure!(
				Self::slot().is_some_and(|now| slot <= now),
				Error::<T>::FutureSlot
			);
			let session = key_owner_proof.session;
			let (validator, ()) =
				T::KeyOwners::check_proof((AuraId::ID, key.to_raw_vec()), key_owner_proof)
					.ok_or(Error::<T>::BadKeyOwnerProof)?;
			Self::punish(&validator, AURA_EQUIVOCATION, session, Moment::Slot(slot))?;
			Ok(Pays::No.into())
		}

		/// Frees the sender's session keys and gives their deposit back, once it takes no part any more. (The
		/// session pallet's own call would let a validator take away keys that the chain needs; it is refused.)
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::purge_keys())]
		pub fn purge_keys(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			ensure!(!Self::needs_keys(&who), Error::<T>::KeysInUse);
			T::Sessions::purge_keys(who.clone())?;
			Self::deposit_event(Event::SessionKeysPurged { who });
			Ok(())
		}
	}

	/// How many bytes a report of Aura equivocation has to be hashed.
	fn evidence_bytes<H: Encode>(first: &H, second: &H, proof: &MembershipProof) -> u32 {
		let bytes = first
			.encoded_size()
			.saturating_add(second.encoded_size())
			.saturating_add(proof.encoded_size());
		u32::try_from(bytes).unwrap_or(u32::MAX)
	}
}
