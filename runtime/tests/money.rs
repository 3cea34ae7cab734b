//! Money on the whole runtime: fees and dust reach the block's author, and none is made or burned.

mod common;

use common::{account, author_of, Chain};
use frame_support::{assert_ok, traits::fungible::Inspect};
use gridweave_runtime::{configs::monetary::ExistentialDeposit, Balances, RuntimeCall, System};

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

#[test]
fn dust_should_go_to_the_author_and_supply_stay() {
	let mut chain = Chain::development();
	let author = author_of("Alice");
	let poor = sp_runtime::AccountId32::new([7; 32]);
	let (supply, before) = chain.read(|| (Balances::total_issuance(), Balances::balance(&author)));

	let send = |amount| {
		RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
			dest: poor.clone().into(),
			value: amount,
		})
	};
	assert_ok!(chain.submit("Bob", send(ExistentialDeposit::get())));
	// Root takes all but a tenth of what keeps the account alive: the rest is dust.
	let dust = ExistentialDeposit::get() / 10;
	chain.read(|| {
		assert_ok!(Balances::force_transfer(
			frame_system::RawOrigin::Root.into(),
			poor.clone().into(),
			account("Bob").into(),
			ExistentialDeposit::get() - dust,
		));
		assert!(!System::account_exists(&poor));
		assert!(Balances::balance(&author) >= before + dust);
		assert_eq!(Balances::total_issuance(), supply);
	});
}
