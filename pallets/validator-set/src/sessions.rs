//! Membership and sessions: the session pallet asks who is next, and is asked who has keys.

use alloc::vec::Vec;
use core::marker::PhantomData;

use frame_support::{traits::Get, Parameter};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use pallet_session::historical;
use sp_runtime::{traits::One, DispatchResult};
use sp_staking::SessionIndex;

use crate::{Config, Event, LastAuthored, Members, Pallet, SessionLength, SessionStart};

/// What this pallet needs of the sessions.
pub trait Sessions<AccountId> {
	/// The present session.
	fn current() -> SessionIndex;

	/// Who makes blocks in the present session, in the order of their turns.
	fn active() -> Vec<AccountId>;

	/// Who will in the next.
	fn queued() -> Vec<AccountId>;

	/// Whether an account has session keys.
	fn has_keys(who: &AccountId) -> bool;

	/// Whether the next session, as it is queued, is of these accounts with the keys they have now.
	fn is_queued(validators: &[AccountId]) -> bool;

	/// Frees an account's session keys and gives their deposit back.
	fn purge_keys(who: AccountId) -> DispatchResult;

	/// Forgets who was active before this session: keys of then can no longer be proven.
	fn forget_before(session: SessionIndex);
}

/// The session pallet of the runtime `T`.
pub struct SessionPallet<T>(PhantomData<T>);

impl<T, AccountId> Sessions<AccountId> for SessionPallet<T>
where
	T: frame_system::Config<AccountId = AccountId>
		+ pallet_session::Config<ValidatorId = AccountId>
		+ historical::Config,
	AccountId: Parameter,
{
	fn current() -> SessionIndex {
		pallet_session::Pallet::<T>::current_index()
	}

	fn active() -> Vec<AccountId> {
		pallet_session::Pallet::<T>::validators()
	}

	fn queued() -> Vec<AccountId> {
		let queued = pallet_session::Pallet::<T>::queued_keys().into_iter();
		queued.map(|(validator, _)| validator).collect()
	}

	fn has_keys(who: &AccountId) -> bool {
		pallet_session::NextKeys::<T>::contains_key(who)
	}

	fn is_queued(validators: &[AccountId]) -> bool {
		let queued = pallet_session::Pallet::<T>::queued_keys();
		queued.len() == validators.len()
			&& queued.iter().zip(validators).all(|(queued, validator)| {
				queued.0 == *validator
					&& pallet_session::Pallet::<T>::load_keys(validator).as_ref() == Some(&queued.1)
			})
	}

	fn purge_keys(who: AccountId) -> DispatchResult {
		pallet_session::Pallet::<T>::purge_keys(RawOrigin::Signed(who).into())
	}

	fn forget_before(session: SessionIndex) {
		historical::Pallet::<T>::prune_up_to(session);
	}
}

/// The length of a session, for [`pallet_session::PeriodicSessions`]. Never zero.
pub struct SessionBlocks<T>(PhantomData<T>);

impl<T: Config> Get<BlockNumberFor<T>> for SessionBlocks<T> {
	fn get() -> BlockNumberFor<T> {
		SessionLength::<T>::get().max(One::one())
	}
}

impl<T: Config> Pallet<T> {
	/// The members that can take part: those with session keys.
	fn able() -> Vec<T::AccountId> {
		Members::<T>::get()
			.into_iter()
			.map(|member| member.validator)
			.filter(T::Sessions::has_keys)
			.collect()
	}

	/// Tells who of a session that ends made no block in it.
	fn tell_silent(session: SessionIndex) {
		let start = SessionStart::<T>::get();
		let validators: Vec<T::AccountId> = T::Sessions::active()
			.into_iter()
			.filter(|who| LastAuthored::<T>::get(who).is_none_or(|last| last.block <= start))
			.collect();
		if !validators.is_empty() {
			Self::deposit_event(Event::ValidatorsSilent {
				session,
				validators,
			});
		}
	}

	/// Frees what is known of those that are no longer active.
	fn forget_inactive() {
		let active = T::Sessions::active();
		let gone: Vec<T::AccountId> = LastAuthored::<T>::iter_keys()
			.filter(|who| !active.contains(who))
			.collect();
		for who in gone {
			LastAuthored::<T>::remove(who);
		}
	}
}

impl<T: Config> pallet_session::SessionManager<T::AccountId> for Pallet<T> {
	/// The members, if they or their keys are others than those queued: with nothing new, GRANDPA's set of
	/// voters stays, and the proofs of who is in it stay short.
	fn new_session(_: SessionIndex) -> Option<Vec<T::AccountId>> {
		let able = Self::able();
		if able.is_empty() {
			// Keys of members cannot be purged, so that this does not happen.
			log::error!(target: "runtime::validator-set", "no member has session keys");
			return None;
		}
		(!T::Sessions::is_queued(&able)).then_some(able)
	}

	fn new_session_genesis(_: SessionIndex) -> Option<Vec<T::AccountId>> {
		let able = Self::able();
		assert_eq!(
			able.len(),
			Members::<T>::decode_len().unwrap_or(0),
			"each validator of genesis needs session keys"
		);
		Some(able)
	}

	fn end_session(session: SessionIndex) {
		Self::tell_silent(session);
	}

	fn start_session(session: SessionIndex) {
		SessionStart::<T>::put(frame_system::Pallet::<T>::block_number());
		Self::forget_inactive();
		if let Some(oldest) = session.checked_sub(T::KeptSessions::get()) {
			T::Sessions::forget_before(oldest);
		}
	}
}

/// Validators are identified by their accounts alone.
impl<T: Config> historical::SessionManager<T::AccountId, ()> for Pallet<T> {
	fn new_session(session: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
		identified(<Self as pallet_session::SessionManager<_>>::new_session(
			session,
		))
	}

	fn new_session_genesis(session: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
		identified(<Self as pallet_session::SessionManager<_>>::new_session_genesis(session))
	}

	fn start_session(session: SessionIndex) {
		<Self as pallet_session::SessionManager<_>>::start_session(session);
	}

	fn end_session(session: SessionIndex) {
		<Self as pallet_session::SessionManager<_>>::end_session(session);
	}
}

fn identified<A>(validators: Option<Vec<A>>) -> Option<Vec<(A, ())>> {
	validators.map(|validators| validators.into_iter().map(|who| (who, ())).collect())
}

/// The identification of a validator in proofs of its keys: its account says all.
pub struct ByAccount;

impl<A> sp_runtime::traits::Convert<A, Option<()>> for ByAccount {
	fn convert(_: A) -> Option<()> {
		Some(())
	}
}
