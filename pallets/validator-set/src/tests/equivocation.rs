//! Two headers of one slot, reported.

use frame_support::{
	assert_noop, assert_ok,
	dispatch::{DispatchResultWithPostInfo, GetDispatchInfo, Pays},
};
use frame_system::RawOrigin;
use sp_consensus_aura::{digests::CompatibleDigestItem, sr25519::AuthoritySignature};
use sp_core::{Pair, H256};
use sp_runtime::{
	generic::DigestItem,
	traits::{BadOrigin, Header as _},
};
use sp_session::MembershipProof;

use crate::{equivocation::check, mock::*, Call, Error, Event, Flaw, AURA_EQUIVOCATION};

/// Two headers of the slot of this block, by one author.
fn pair_of(block: u64, by: AccountId) -> (Header, Header) {
	let slot = slot_of(block);
	(sealed(header(slot, 1), by), sealed(header(slot, 2), by))
}

fn report(
	of: AccountId,
	(first, second): (Header, Header),
	proof: MembershipProof,
) -> DispatchResultWithPostInfo {
	ValidatorSet::report_aura_equivocation(
		RawOrigin::Signed(EVE).into(),
		aura(of).public(),
		Box::new(first),
		Box::new(second),
		proof,
	)
}

/// A report must be refused for this, with nothing changed and the fee kept.
fn refuse(of: AccountId, headers: (Header, Header), proof: MembershipProof, why: Error<Test>) {
	assert_noop!(report(of, headers, proof), why);
}

#[test]
fn an_equivocation_should_put_out_its_author_at_no_cost() {
	with_three(|| {
		let result = report(BOB, pair_of(1, BOB), key_proof(BOB)).expect("it holds");
		assert_eq!(result.pays_fee, Pays::No);
		assert_eq!(
			events(),
			[Event::OffenderRemoved {
				validator: BOB,
				kind: AURA_EQUIVOCATION,
				session: 0
			}]
		);
		assert_eq!(members(), [ALICE, CHARLIE]);
		session(1);
		assert_eq!(turns(), [ALICE, BOB, CHARLIE]);
		session(2);
		assert_eq!(turns(), [ALICE, CHARLIE]);
	});
}

#[test]
fn a_report_should_be_signed() {
	with_three(|| {
		let (first, second) = pair_of(1, BOB);
		assert_noop!(
			ValidatorSet::report_aura_equivocation(
				RawOrigin::Root.into(),
				aura(BOB).public(),
				Box::new(first),
				Box::new(second),
				key_proof(BOB),
			),
			BadOrigin
		);
	});
}

#[test]
fn an_equivocation_should_count_once() {
	with_three(|| {
		let proof = key_proof(BOB);
		assert_ok!(report(BOB, pair_of(1, BOB), proof.clone()));
		refuse(BOB, pair_of(1, BOB), proof.clone(), Error::AlreadyReported);
		// Nor does another one: it has left.
		block();
		refuse(BOB, pair_of(2, BOB), proof, Error::AlreadyReported);
	});
}

#[test]
fn of_one_that_came_back_only_later_offences_should_count() {
	with_three(|| {
		let proof = key_proof(BOB);
		assert_ok!(report(BOB, pair_of(1, BOB), proof.clone()));
		session(2);
		let now = System::block_number();
		assert_ok!(ValidatorSet::add_validator(RawOrigin::Root.into(), BOB));
		for spent in [1, now] {
			refuse(
				BOB,
				pair_of(spent, BOB),
				proof.clone(),
				Error::AlreadyReported,
			);
		}
		session(4);
		assert_eq!(turns(), [ALICE, CHARLIE, BOB]);
		// With a new proof, as well.
		refuse(
			BOB,
			pair_of(now, BOB),
			key_proof(BOB),
			Error::AlreadyReported,
		);
		assert_ok!(report(BOB, pair_of(now + 1, BOB), key_proof(BOB)));
		assert_eq!(members(), [ALICE, CHARLIE]);
	});
}

#[test]
fn the_last_validator_should_stay_though_it_equivocates() {
	with(&[ALICE], || {
		let kept = |session| Event::OffenderKept {
			validator: ALICE,
			kind: AURA_EQUIVOCATION,
			session,
		};
		assert_ok!(report(ALICE, pair_of(1, ALICE), key_proof(ALICE)));
		assert_eq!(events(), [kept(0)]);
		assert_eq!(members(), [ALICE]);
		// The same is known from now on.
		refuse(
			ALICE,
			pair_of(1, ALICE),
			key_proof(ALICE),
			Error::AlreadyReported,
		);
		assert_ok!(ValidatorSet::add_validator(RawOrigin::Root.into(), BOB));
		refuse(
			ALICE,
			pair_of(1, ALICE),
			key_proof(ALICE),
			Error::AlreadyReported,
		);
		// A later one counts: there is another validator now.
		block();
		assert_ok!(report(ALICE, pair_of(2, ALICE), key_proof(ALICE)));
		assert_eq!(members(), [BOB]);
	});
}

#[test]
fn a_member_without_turns_left_should_not_save_the_last_one() {
	with(&[ALICE, BOB], || {
		assert_ok!(report(ALICE, pair_of(1, ALICE), key_proof(ALICE)));
		assert_ok!(report(BOB, pair_of(1, BOB), key_proof(BOB)));
		assert_eq!(members(), [BOB], "the second one is the last");
		session(3);
		assert_eq!(turns(), [BOB]);
	});
}

#[test]
fn an_equivocation_of_a_past_session_should_be_proven_while_its_root_is_kept() {
	with_three(|| {
		block();
		let proof = key_proof(BOB);
		session(KEPT_SESSIONS);
		let mut unknown = proof.clone();
		unknown.session = KEPT_SESSIONS + 9;
		refuse(BOB, pair_of(1, BOB), unknown, Error::BadKeyOwnerProof);
		assert_ok!(report(BOB, pair_of(1, BOB), proof));
	});
	with_three(|| {
		let proof = key_proof(BOB);
		session(KEPT_SESSIONS + 1);
		refuse(BOB, pair_of(1, BOB), proof, Error::BadKeyOwnerProof);
	});
}

#[test]
fn a_key_of_nobody_should_accuse_nobody() {
	with_three(|| {
		// Dave has session keys but is no validator; Bob's proof is not of that key.
		assert!(ValidatorSet::prove_aura_key(&aura(BOB).public()).is_some());
		refuse(
			DAVE,
			pair_of(1, DAVE),
			key_proof(BOB),
			Error::BadKeyOwnerProof,
		);
		refuse(
			DAVE,
			pair_of(1, DAVE),
			key_proof(DAVE),
			Error::BadKeyOwnerProof,
		);
		let mut wrong = key_proof(BOB);
		wrong.validator_count += 1;
		refuse(BOB, pair_of(1, BOB), wrong, Error::BadKeyOwnerProof);
		let mut padded = key_proof(BOB);
		padded.trie_nodes.push(vec![0; 40]);
		refuse(BOB, pair_of(1, BOB), padded, Error::BadKeyOwnerProof);
	});
}

#[test]
fn headers_that_prove_nothing_should_be_refused() {
	with_three(|| {
		let slot = slot_of(1);
		let good = || sealed(header(slot, 1), BOB);
		let other = || sealed(header(slot, 2), BOB);
		let refused = |first, second, why| refuse(BOB, (first, second), key_proof(BOB), why);

		refused(good(), good(), Error::SameHeader);
		// Sealed twice: the seals differ, the headers do not.
		let (once, twice) = (good(), good());
		assert_ne!(once.digest(), twice.digest(), "signatures are random");
		refused(once, twice, Error::SameHeader);

		let next = sealed(header(slot_of(0), 2), BOB);
		refused(good(), next, Error::DifferentSlots);

		let forged = sealed(header(slot, 2), ALICE);
		refused(good(), forged.clone(), Error::BadSeal);
		refused(forged, good(), Error::BadSeal);
		let mut changed = other();
		changed.state_root = H256::repeat_byte(9);
		refused(good(), changed, Error::BadSeal);

		refused(good(), header(slot, 2), Error::HeaderUnsealed);
		let mut slotless = header(slot, 2);
		slotless.digest_mut().logs.clear();
		refused(sealed(slotless, BOB), good(), Error::HeaderUnsealed);
		// Of two slots: nobody can say which it was made in.
		let mut ambiguous = header(slot, 2);
		let item: DigestItem =
			CompatibleDigestItem::<AuthoritySignature>::aura_pre_digest(slot_of(0));
		ambiguous.digest_mut().push(item);
		refused(good(), sealed(ambiguous, BOB), Error::HeaderUnsealed);
		// What comes after the seal is not sealed.
		let mut tail = other();
		tail.digest_mut().push(DigestItem::Other(vec![1]));
		refused(good(), tail, Error::HeaderUnsealed);

		let future = slot_of(2);
		let headers = (
			sealed(header(future, 1), BOB),
			sealed(header(future, 2), BOB),
		);
		refused(headers.0, headers.1, Error::FutureSlot);
	});
}

#[test]
fn headers_should_be_compared_in_any_order() {
	let slot = slot_of(7);
	let (first, second) = (sealed(header(slot, 1), BOB), sealed(header(slot, 2), BOB));
	let key = aura(BOB).public();
	assert_eq!(check(first.clone(), second.clone(), &key), Ok(slot));
	assert_eq!(check(second, first.clone(), &key), Ok(slot));
	assert_eq!(
		check(first.clone(), first, &aura(ALICE).public()),
		Err(Flaw::SameHeader)
	);
}

#[test]
fn longer_evidence_should_weigh_more() {
	with_three(|| {
		let weight = |padding: usize| {
			let (mut first, second) = pair_of(1, BOB);
			first
				.digest_mut()
				.logs
				.insert(0, DigestItem::Other(vec![0; padding]));
			let call = Call::<Test>::report_aura_equivocation {
				key: aura(BOB).public(),
				first: Box::new(first),
				second: Box::new(second),
				key_owner_proof: key_proof(BOB),
			};
			call.get_dispatch_info().call_weight.ref_time()
		};
		assert!(weight(10_000) > weight(0) + 10_000 * 10_000);
	});
}
