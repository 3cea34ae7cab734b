//! Taking in and putting out validators, and their keys.

use codec::Encode;
use frame_support::{
	assert_noop, assert_ok,
	traits::{fungible::InspectHold, KeyOwnerProofSystem},
};
use frame_system::RawOrigin;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_core::{proof_of_possession::statement_of_ownership, Pair};
use sp_runtime::{traits::BadOrigin, DispatchResult, RuntimeAppPublic};
use sp_session::MembershipProof;

use crate::{mock::*, Error, Event, Since, ValidatorStatus};

fn add(who: AccountId) -> DispatchResult {
	ValidatorSet::add_validator(RawOrigin::Root.into(), who)
}

fn remove(who: AccountId) -> DispatchResult {
	ValidatorSet::remove_validator(RawOrigin::Root.into(), who)
}

fn purge(who: AccountId) -> DispatchResult {
	ValidatorSet::purge_keys(RawOrigin::Signed(who).into())
}

#[test]
fn a_validator_should_be_active_after_two_session_changes() {
	with(&[ALICE], || {
		assert_ok!(add(BOB));
		assert_eq!(events(), [Event::ValidatorAdded { validator: BOB }]);
		assert_eq!(members(), [ALICE, BOB]);
		session(1);
		assert_eq!(turns(), [ALICE]);
		session(2);
		assert_eq!(turns(), [ALICE, BOB]);
		assert_eq!(active(), [ALICE, BOB]);
	});
}

#[test]
fn a_validator_that_is_put_out_should_be_active_until_the_second_session_change() {
	with_three(|| {
		assert_ok!(remove(ALICE));
		assert_eq!(events(), [Event::ValidatorRemoved { validator: ALICE }]);
		session(1);
		assert_eq!(turns(), [ALICE, BOB, CHARLIE]);
		session(2);
		assert_eq!(turns(), [BOB, CHARLIE]);
	});
}

#[test]
fn only_the_origin_of_changes_should_change_the_set() {
	with_three(|| {
		let signed = || RawOrigin::Signed(ALICE).into();
		assert_noop!(ValidatorSet::add_validator(signed(), DAVE), BadOrigin);
		assert_noop!(ValidatorSet::remove_validator(signed(), BOB), BadOrigin);
	});
}

#[test]
fn a_validator_should_be_taken_in_once() {
	with_three(|| {
		assert_noop!(add(BOB), Error::<Test>::AlreadyMember);
	});
}

#[test]
fn a_validator_should_need_session_keys() {
	with_three(|| {
		assert_noop!(add(POOR), Error::<Test>::NoSessionKeys);
	});
}

#[test]
fn the_set_should_be_bounded() {
	with(&[ALICE, BOB, CHARLIE, DAVE], || {
		assert_noop!(add(EVE), Error::<Test>::TooManyValidators);
	});
}

#[test]
fn only_members_should_be_put_out() {
	with_three(|| {
		assert_noop!(remove(DAVE), Error::<Test>::NotMember);
	});
}

#[test]
fn the_last_validator_should_stay() {
	with_three(|| {
		assert_ok!(remove(ALICE));
		assert_ok!(remove(CHARLIE));
		assert_noop!(remove(BOB), Error::<Test>::LastValidator);
		session(4);
		assert_eq!(turns(), [BOB]);
	});
}

#[test]
fn one_that_comes_back_at_once_should_not_miss_a_session() {
	with_three(|| {
		block();
		assert_ok!(remove(ALICE));
		assert_ok!(add(ALICE));
		assert_eq!(members(), [BOB, CHARLIE, ALICE]);
		// What it did up to now is spent.
		let slot = slot_of(System::block_number()).saturating_add(1u64);
		let since = Since { session: 1, slot };
		let last = crate::Members::<Test>::get().last().map(|last| last.since);
		assert_eq!(last, Some(since));
		for index in 1..4 {
			session(index);
			assert!(turns().contains(&ALICE));
		}
		assert_eq!(turns(), [BOB, CHARLIE, ALICE]);
	});
}

#[test]
fn changed_keys_should_be_used_after_two_session_changes() {
	with(&[ALICE, BOB], || {
		// The keys of Eve, who frees them.
		assert_ok!(purge(EVE));
		let keys = Keys {
			aura: aura(EVE).public(),
		};
		let proof = ownership(EVE, BOB);
		assert_ok!(Session::set_keys(
			RawOrigin::Signed(BOB).into(),
			keys,
			proof
		));
		session(1);
		assert_eq!(turns(), [ALICE, BOB]);
		session(2);
		assert_eq!(turns(), [ALICE, EVE], "Bob, with the key that was Eve's");
		assert_eq!(active(), [ALICE, BOB]);
		// Its new key can be proven to be its own, and its old one of then.
		let proof = key_proof(EVE);
		assert!(ValidatorSet::prove_aura_key(&aura(EVE).public()).is_some());
		session(4);
		assert_eq!(owner(EVE, proof), Some(BOB));
	});
}

/// The proof that the owner of a key wants an account to have it.
fn ownership(key: AccountId, of: AccountId) -> Vec<u8> {
	let statement = statement_of_ownership(&of.encode());
	aura(key).sign(&statement).encode()
}

/// Whose key it was, by a proof.
fn owner(key: AccountId, proof: MembershipProof) -> Option<AccountId> {
	Historical::check_proof((AuraId::ID, aura(key).public().encode()), proof).map(|(who, ())| who)
}

#[test]
fn a_set_that_does_not_change_should_not_be_queued_anew() {
	with_three(|| {
		let queued = |event: &RuntimeEvent| {
			matches!(
				event,
				RuntimeEvent::Session(pallet_session::Event::NewQueued)
			)
		};
		for _ in 0..3 * SESSION {
			block();
			assert!(!System::events().iter().any(|record| queued(&record.event)));
		}
		assert_ok!(add(DAVE));
		session(Session::current_index() + 1);
		assert!(System::events().iter().any(|record| queued(&record.event)));
	});
}

#[test]
fn keys_that_are_needed_should_not_be_purged() {
	with_three(|| {
		assert_noop!(purge(BOB), Error::<Test>::KeysInUse);
		assert_ok!(remove(BOB));
		for _ in 0..2 {
			assert_noop!(purge(BOB), Error::<Test>::KeysInUse);
			session(Session::current_index() + 1);
		}
		assert_ok!(purge(BOB));
		assert_eq!(
			events().last(),
			Some(&Event::SessionKeysPurged { who: BOB })
		);
		assert_noop!(add(BOB), Error::<Test>::NoSessionKeys);
		// One that is queued but not active yet.
		assert_ok!(add(DAVE));
		session(3);
		assert_ok!(remove(DAVE));
		assert!(!active().contains(&DAVE));
		assert_noop!(purge(DAVE), Error::<Test>::KeysInUse);
	});
}

#[test]
fn purging_should_give_the_deposit_back() {
	with_three(|| {
		assert_ok!(purge(EVE));
		let keys = Keys {
			aura: aura(EVE).public(),
		};
		let proof = ownership(EVE, EVE);
		assert_ok!(Session::set_keys(
			RawOrigin::Signed(EVE).into(),
			keys,
			proof
		));
		let reason = pallet_session::HoldReason::Keys.into();
		assert_eq!(Balances::balance_on_hold(&reason, &EVE), KEY_DEPOSIT);
		assert_ok!(purge(EVE));
		assert_eq!(Balances::balance_on_hold(&reason, &EVE), 0);
		assert_noop!(purge(EVE), pallet_session::Error::<Test>::NoKeys);
	});
}

#[test]
fn clients_should_see_who_takes_part() {
	with(&[ALICE, BOB], || {
		assert_ok!(remove(BOB));
		assert_ok!(add(DAVE));
		let told = || {
			ValidatorSet::statuses()
				.into_iter()
				.map(|status: ValidatorStatus<_, _>| {
					assert!(status.has_keys);
					let ValidatorStatus {
						validator,
						member,
						active,
						queued,
						..
					} = status;
					(validator, member, active, queued)
				})
				.collect::<Vec<_>>()
		};
		let alice = (ALICE, true, true, true);
		assert_eq!(
			told(),
			[alice, (DAVE, true, false, false), (BOB, false, true, true)]
		);
		session(1);
		assert_eq!(
			told(),
			[alice, (DAVE, true, false, true), (BOB, false, true, false)]
		);
		session(2);
		assert_eq!(told(), [alice, (DAVE, true, true, true)]);
	});
}
