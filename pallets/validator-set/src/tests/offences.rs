//! Offences that other pallets prove.

use codec::{Decode, Encode};
use frame_support::assert_ok;
use frame_system::RawOrigin;
use sp_runtime::Perbill;
use sp_staking::{
	offence::{Kind, Offence, OffenceError, ReportOffence},
	SessionIndex,
};

use crate::{mock::*, Event};

const KIND: Kind = *b"grandpa:equivoca";

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
struct Round(u64);

struct TwoVotes {
	offenders: Vec<AccountId>,
	session: SessionIndex,
}

impl Offence<(AccountId, ())> for TwoVotes {
	const ID: Kind = KIND;
	type Slot = Round;

	fn offenders(&self) -> Vec<(AccountId, ())> {
		self.offenders.iter().map(|who| (*who, ())).collect()
	}

	fn session_index(&self) -> SessionIndex {
		self.session
	}

	fn validator_set_count(&self) -> u32 {
		3
	}

	fn slot(&self) -> Round {
		Round(1)
	}

	fn slash_fraction(&self, _: u32) -> Perbill {
		Perbill::zero()
	}
}

fn report(offenders: &[AccountId], session: SessionIndex) -> Result<(), OffenceError> {
	let offenders = offenders.to_vec();
	ValidatorSet::report_offence(Vec::new(), TwoVotes { offenders, session })
}

fn is_known(offenders: &[AccountId]) -> bool {
	let offenders: Vec<_> = offenders.iter().map(|who| (*who, ())).collect();
	<ValidatorSet as ReportOffence<AccountId, (AccountId, ()), TwoVotes>>::is_known_offence(
		&offenders,
		&Round(1),
	)
}

fn removed(validator: AccountId, session: SessionIndex) -> Event<Test> {
	Event::OffenderRemoved {
		validator,
		kind: KIND,
		session,
	}
}

#[test]
fn an_offender_should_be_put_out_once() {
	with_three(|| {
		assert!(!is_known(&[BOB]));
		assert_eq!(report(&[BOB], 0), Ok(()));
		assert_eq!(events(), [removed(BOB, 0)]);
		assert_eq!(members(), [ALICE, CHARLIE]);
		assert!(is_known(&[BOB]));
		assert_eq!(report(&[BOB], 0), Err(OffenceError::DuplicateReport));
		session(2);
		assert_eq!(turns(), [ALICE, CHARLIE]);
	});
}

#[test]
fn of_several_offenders_each_that_is_left_should_be_put_out() {
	with(&[ALICE, BOB, CHARLIE, DAVE], || {
		assert_eq!(report(&[BOB], 0), Ok(()));
		assert!(!is_known(&[BOB, DAVE]));
		assert_eq!(report(&[BOB, DAVE], 0), Ok(()));
		assert_eq!(events(), [removed(BOB, 0), removed(DAVE, 0)]);
		assert_eq!(members(), [ALICE, CHARLIE]);
	});
}

#[test]
fn offences_of_sessions_before_a_return_should_be_spent() {
	with_three(|| {
		session(1);
		assert_eq!(report(&[BOB], 1), Ok(()));
		assert_ok!(ValidatorSet::add_validator(RawOrigin::Root.into(), BOB));
		for spent in [0, 1] {
			assert_eq!(report(&[BOB], spent), Err(OffenceError::DuplicateReport));
		}
		assert!(members().contains(&BOB));
		session(2);
		assert_eq!(report(&[BOB], 2), Ok(()));
		assert!(!members().contains(&BOB));
	});
}

#[test]
fn the_last_validator_should_be_told_of_once_a_session() {
	with(&[ALICE], || {
		assert_eq!(report(&[ALICE], 0), Ok(()));
		let kept = Event::OffenderKept {
			validator: ALICE,
			kind: KIND,
			session: 0,
		};
		assert_eq!(events(), [kept]);
		assert_eq!(members(), [ALICE]);
		assert_eq!(report(&[ALICE], 0), Err(OffenceError::DuplicateReport));
		session(1);
		assert_eq!(report(&[ALICE], 1), Ok(()));
		assert_eq!(members(), [ALICE]);
	});
}

#[test]
fn strangers_should_offend_nobody() {
	with_three(|| {
		assert!(is_known(&[EVE]));
		assert_eq!(report(&[EVE], 0), Err(OffenceError::DuplicateReport));
		assert!(events().is_empty());
	});
}
