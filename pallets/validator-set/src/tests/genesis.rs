//! Genesis.

use frame_support::traits::BuildGenesisConfig;
use sp_runtime::BuildStorage;

use crate::{mock::*, GenesisConfig, Member, Since};

#[test]
fn genesis_should_make_its_validators_active_in_their_order() {
	with(&[CHARLIE, ALICE, BOB], || {
		assert_eq!(members(), [CHARLIE, ALICE, BOB]);
		assert_eq!(turns(), [CHARLIE, ALICE, BOB]);
		assert_eq!(active(), [CHARLIE, ALICE, BOB]);
		session(3);
		assert_eq!(turns(), [CHARLIE, ALICE, BOB]);
	});
}

#[test]
fn the_offences_of_all_time_should_count_for_validators_of_genesis() {
	with(&[ALICE], || {
		let member = Member {
			validator: ALICE,
			since: Since::default(),
		};
		assert_eq!(crate::Members::<Test>::get().into_inner(), [member]);
	});
}

#[test]
fn genesis_should_set_the_length_of_sessions() {
	chain_of(&[ALICE], Some(4)).execute_with(|| {
		for _ in 1..4 {
			assert_eq!(Session::current_index(), 0);
			block();
		}
		assert_eq!(Session::current_index(), 1);
	});
	with(&[ALICE], || {
		for _ in 1..SESSION {
			assert_eq!(Session::current_index(), 0);
			block();
		}
		assert_eq!(Session::current_index(), 1);
	});
}

fn build(validators: Vec<AccountId>, session_length: Option<u64>) {
	sp_io::TestExternalities::default().execute_with(|| {
		GenesisConfig::<Test> {
			validators,
			session_length,
		}
		.build();
	});
}

#[test]
#[should_panic(expected = "given twice")]
fn genesis_should_refuse_a_validator_that_is_given_twice() {
	build(vec![ALICE, BOB, ALICE], None);
}

#[test]
#[should_panic(expected = "too many validators")]
fn genesis_should_refuse_more_validators_than_there_may_be() {
	build((0..=u64::from(MAX_VALIDATORS)).collect(), None);
}

#[test]
#[should_panic(expected = "more than one block")]
fn genesis_should_refuse_sessions_without_room_for_transactions() {
	build(vec![ALICE], Some(1));
}

fn build_all(validators: Vec<AccountId>) {
	let genesis = RuntimeGenesisConfig {
		validator_set: GenesisConfig {
			validators,
			session_length: None,
		},
		..Default::default()
	};
	let _ = genesis.build_storage();
}

#[test]
#[should_panic(expected = "needs session keys")]
fn genesis_should_refuse_a_validator_without_session_keys() {
	build_all(vec![ALICE]);
}
