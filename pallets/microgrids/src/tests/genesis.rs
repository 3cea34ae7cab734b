//! Genesis.

use frame_support::traits::{fungible::InspectHold, BuildGenesisConfig, Hooks};
use gridweave_primitives::{
	traits::{MicrogridInspect, SettlementClock},
	PeriodClock,
};

use crate::{mock::*, GenesisConfig, HoldReason};

#[test]
fn genesis_should_set_the_clock_and_create_microgrids_without_deposit() {
	on(
		chain(vec![(ALICE, terms()), (BOB, terms_at(310_000))]),
		|| {
			assert_eq!(<Microgrids as SettlementClock>::clock(), clock());
			assert_eq!(<Microgrids as MicrogridInspect<_>>::count(), 2);
			assert_eq!(
				<Microgrids as MicrogridInspect<_>>::operator(FIRST),
				Some(ALICE)
			);
			let second = crate::Microgrids::<Test>::get(SECOND).expect("exists");
			assert_eq!(
				(second.operator, second.terms, second.deposit),
				(BOB, terms_at(310_000), 0)
			);
			assert_eq!(
				Balances::balance_on_hold(&HoldReason::Microgrid.into(), &ALICE),
				0
			);
			assert!(events().is_empty());
		},
	);
}

#[test]
fn genesis_should_be_written_and_read_as_json() {
	let json = serde_json(&GenesisConfig::<Test> {
		clock: clock(),
		microgrids: vec![(ALICE, terms())],
	});
	assert!(json.contains(r#""clock":{"periodLength":900"#), "{json}");
	assert!(json.contains(r#""retailPrice":300000"#), "{json}");
}

fn serde_json(genesis: &GenesisConfig<Test>) -> String {
	frame_support::__private::serde_json::to_string(genesis).expect("genesis serialises")
}

#[test]
#[should_panic(expected = "a whole multiple of the block time")]
fn genesis_should_refuse_a_clock_that_blocks_cannot_follow() {
	on(chain(vec![]), || {
		let clock = PeriodClock {
			period_length: 10,
			..clock()
		};
		GenesisConfig::<Test> {
			clock,
			microgrids: vec![],
		}
		.build();
	});
}

#[test]
#[should_panic(expected = "FeedInPriceOutOfBounds")]
fn genesis_should_refuse_unsound_terms() {
	chain(vec![(ALICE, terms_at(1))]);
}

#[test]
#[should_panic(expected = "TooManyMicrogrids")]
fn genesis_should_refuse_more_microgrids_than_there_is_room_for() {
	chain(vec![(ALICE, terms()); MAX_MICROGRIDS as usize + 1]);
}

#[test]
fn budgets_of_the_mock_should_pass_the_integrity_test() {
	on(chain(vec![]), Microgrids::integrity_test);
}

#[test]
#[should_panic(expected = "OpenWeight must have room")]
fn a_budget_without_room_for_a_horizon_should_fail_the_integrity_test() {
	on(chain(vec![]), || {
		OpenWeight::set(OpenWeight::get().div(2));
		Microgrids::integrity_test();
	});
}

#[test]
#[should_panic(expected = "PruneWeight must have room")]
fn a_budget_without_room_for_one_pruning_should_fail_the_integrity_test() {
	on(chain(vec![]), || {
		PruneWeight::set(PruneWeight::get().div(10));
		Microgrids::integrity_test();
	});
}
