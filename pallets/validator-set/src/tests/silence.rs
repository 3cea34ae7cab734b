//! Who makes no blocks.

use frame_support::assert_ok;
use frame_system::RawOrigin;

use crate::{mock::*, Authored, Event, LastAuthored};

fn last(who: AccountId) -> Option<Authored<u64>> {
	LastAuthored::<Test>::get(who)
}

fn silent() -> Vec<(u32, Vec<AccountId>)> {
	events()
		.into_iter()
		.filter_map(|event| match event {
			Event::ValidatorsSilent {
				session,
				validators,
			} => Some((session, validators)),
			_ => None,
		})
		.collect()
}

#[test]
fn the_last_block_of_each_validator_should_be_known() {
	with_three(|| {
		assert_eq!(last(ALICE), None);
		block_of(Some(ALICE));
		block_of(Some(BOB));
		block_of(Some(ALICE));
		let authored = |block| {
			Some(Authored {
				block,
				slot: slot_of(block),
			})
		};
		assert_eq!(last(ALICE), authored(4));
		assert_eq!(last(BOB), authored(3));
		assert_eq!(last(CHARLIE), None);
		let told: Vec<_> = ValidatorSet::statuses()
			.into_iter()
			.map(|status| (status.validator, status.last_authored))
			.collect();
		assert_eq!(
			told,
			[(ALICE, authored(4)), (BOB, authored(3)), (CHARLIE, None)]
		);
	});
}

#[test]
fn who_makes_no_block_of_a_session_should_be_told_at_its_end_and_stay() {
	with_three(|| {
		for _ in 0..4 * SESSION {
			block_of(Some(ALICE));
			let expected = if System::block_number().is_multiple_of(SESSION) {
				let session = Session::current_index() - 1;
				vec![(session, vec![BOB, CHARLIE])]
			} else {
				vec![]
			};
			assert_eq!(silent(), expected);
		}
		assert_eq!(members(), [ALICE, BOB, CHARLIE]);
		assert_eq!(turns(), [ALICE, BOB, CHARLIE]);
	});
}

#[test]
fn nobody_should_be_told_of_when_all_make_blocks() {
	with_three(|| {
		for _ in 0..3 * SESSION {
			block();
			assert!(silent().is_empty());
		}
	});
}

#[test]
fn blocks_of_a_session_should_begin_after_the_one_that_changes_it() {
	with(&[ALICE, BOB], || {
		while System::block_number() < SESSION - 1 {
			block_of(Some(ALICE));
		}
		// The last block of session 0.
		block_of(Some(BOB));
		assert_eq!(Session::current_index(), 1);
		assert!(silent().is_empty());
		for _ in 0..SESSION {
			block_of(Some(ALICE));
		}
		assert_eq!(silent(), [(1, vec![BOB])]);
	});
}

#[test]
fn blocks_should_be_forgotten_of_who_is_no_longer_active() {
	with(&[ALICE, BOB], || {
		block_of(Some(BOB));
		assert_ok!(ValidatorSet::remove_validator(RawOrigin::Root.into(), BOB));
		session(1);
		assert!(last(BOB).is_some());
		session(2);
		assert_eq!(last(BOB), None);
		assert_eq!(LastAuthored::<Test>::iter().count(), 1);
	});
}
