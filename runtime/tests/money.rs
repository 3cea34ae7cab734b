//! Money on the whole runtime: fees and dust reach the block's author, and none is made or burned.

mod common;

use common::{account, author_of, genesis, Chain};
use frame_support::{assert_ok, traits::fungible::Inspect};
use gridweave_runtime::{
	configs::monetary::{ExistentialDeposit, TreasuryAccount},
	AccountId, Authorship, Balance, Balances, RuntimeCall, System,
};
use serde_json::Value;

#[test]
fn fees_should_go_to_the_author_and_supply_stay() {
	let mut chain = Chain::development();
	let author = author_of("Alice");
	let (supply, before, bob) = chain.read(|| {
		(
			Balances::total_issuance(),
			Balances::balance(&author),
			Balances::balance(&account("Bob")),
		)
	});

	let call = RuntimeCall::System(frame_system::Call::remark {
		remark: vec![0; 64],
	});
	assert_ok!(chain.submit("Bob", call));
	chain.next_block();

	chain.read(|| {
		let fee = bob - Balances::balance(&account("Bob"));
		assert!(fee > 0);
		assert_eq!(Balances::balance(&author), before + fee);
		assert_eq!(Balances::total_issuance(), supply);
	});
}

/// Leaves a tenth of what keeps an account alive on an account, which is dust.
fn make_dust(chain: &mut Chain) -> Balance {
	let poor = AccountId::new([7; 32]);
	let least = ExistentialDeposit::get();
	let dust = least / 10;
	let (bob, root) = (account("Bob"), frame_system::RawOrigin::Root);
	chain.read(|| {
		for (from, to, amount) in [(&bob, &poor, least), (&poor, &bob, least - dust)] {
			assert_ok!(Balances::force_transfer(
				root.clone().into(),
				from.clone().into(),
				to.clone().into(),
				amount,
			));
		}
		assert!(!System::account_exists(&poor));
	});
	dust
}

#[test]
fn dust_should_go_to_the_author_and_supply_stay() {
	let mut chain = Chain::development();
	let author = author_of("Alice");
	let (supply, before) = chain.read(|| (Balances::total_issuance(), Balances::balance(&author)));
	let dust = make_dust(&mut chain);
	chain.read(|| {
		assert_eq!(Balances::balance(&author), before + dust);
		assert_eq!(Balances::total_issuance(), supply);
	});
}

#[test]
fn what_the_author_cannot_take_should_go_to_the_treasury() {
	// An author without an account: dust does not open one.
	let author = author_of("Alice");
	let mut chain = Chain::from_genesis(genesis("development", |config| {
		let of = |entry: &Value| serde_json::from_value(entry[0].clone()).ok();
		if let Some(balances) = config["balances"]["balances"].as_array_mut() {
			balances.retain(|entry| of(entry) != Some(author.clone()));
		}
	}));
	let treasury = TreasuryAccount::get();
	let (supply, before) =
		chain.read(|| (Balances::total_issuance(), Balances::balance(&treasury)));
	chain.read(|| {
		assert_eq!(Authorship::author(), Some(author.clone()));
		assert_eq!(Balances::balance(&author), 0);
	});
	let dust = make_dust(&mut chain);
	chain.read(|| {
		assert_eq!(Balances::balance(&author), 0);
		assert_eq!(Balances::balance(&treasury), before + dust);
		assert_eq!(Balances::total_issuance(), supply);
	});
}
