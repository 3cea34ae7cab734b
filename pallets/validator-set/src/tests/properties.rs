//! Whatever is called in whatever order: there is always somebody to make blocks. (The invariants are checked
//! after every block.)

use codec::Encode;
use frame_system::RawOrigin;
use proptest::prelude::*;
use sp_core::{proof_of_possession::statement_of_ownership, Pair};

use crate::mock::*;

#[derive(Clone, Debug)]
enum Act {
	Add(AccountId),
	Remove(AccountId),
	Purge(AccountId),
	SetKeys(AccountId),
	/// It equivocates in this block, and somebody reports it if its key can be proven.
	Equivocate(AccountId),
	/// So many blocks, made by those whose turn it is and who are not in the mask.
	Blocks(u8, u8),
}

fn act() -> impl Strategy<Value = Act> {
	let who = ALICE..=EVE;
	prop_oneof![
		who.clone().prop_map(Act::Add),
		who.clone().prop_map(Act::Remove),
		who.clone().prop_map(Act::Purge),
		who.clone().prop_map(Act::SetKeys),
		who.prop_map(Act::Equivocate),
		(1u8..30, 0u8..32).prop_map(|(count, silent)| Act::Blocks(count, silent)),
	]
}

fn perform(act: &Act) {
	let signed = |who: &AccountId| RawOrigin::Signed(*who).into();
	match act {
		Act::Add(who) => {
			let known = members().contains(who);
			let added = ValidatorSet::add_validator(RawOrigin::Root.into(), *who);
			assert!(added.is_err() || !known);
		}
		Act::Remove(who) => {
			let known = members().contains(who);
			let removed = ValidatorSet::remove_validator(RawOrigin::Root.into(), *who);
			assert!(removed.is_err() || known);
		}
		Act::Purge(who) => {
			let needed = members().contains(who) || active().contains(who);
			let purged = ValidatorSet::purge_keys(signed(who));
			assert!(purged.is_err() || !needed);
		}
		Act::SetKeys(who) => {
			let aura = aura(*who);
			let proof = aura.sign(&statement_of_ownership(&who.encode())).encode();
			let aura = aura.public();
			Session::set_keys(signed(who), Keys { aura }, proof).expect("their own keys");
		}
		Act::Equivocate(who) => {
			let Some(proof) = ValidatorSet::prove_aura_key(&aura(*who).public()) else {
				assert!(!active().contains(who) || !has_keys(who));
				return;
			};
			let before = members();
			let slot = slot_of(System::block_number());
			let reported = ValidatorSet::report_aura_equivocation(
				signed(&POOR),
				aura(*who).public(),
				Box::new(sealed(header(slot, 1), *who)),
				Box::new(sealed(header(slot, 2), *who)),
				proof,
			);
			// Whoever is told of has belonged to the set, and now does not, unless it is the last.
			if reported.is_ok() {
				assert!(before.contains(who));
				assert!(
					!members().contains(who)
						|| before.iter().filter(|who| has_keys(who)).count() == 1
				);
			} else {
				assert_eq!(members(), before);
			}
		}
		Act::Blocks(count, silent) => {
			for _ in 0..*count {
				let turns = active();
				assert!(!turns.is_empty());
				let turn = System::block_number() % turns.len() as u64;
				let author = turns.get(turn as usize).copied();
				let speaks = |who: &AccountId| silent >> who & 1 == 0;
				block_of(author.filter(speaks));
			}
		}
	}
}

fn has_keys(who: &AccountId) -> bool {
	pallet_session::NextKeys::<Test>::contains_key(who)
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	#[test]
	fn somebody_should_always_make_blocks(acts in proptest::collection::vec(act(), 1..40)) {
		with(&[ALICE, BOB], || {
			for act in &acts {
				perform(act);
				assert!(!members().is_empty());
				assert!(!turns().is_empty());
			}
			// What was decided comes true.
			let able: Vec<_> = members().into_iter().filter(has_keys).collect();
			session(Session::current_index() + 2);
			assert_eq!(turns(), able);
		});
	}
}
