//! Deposits that are taken for tampering.

use frame_support::traits::fungible::{Inspect, Mutate};
use gridweave_primitives::{
	meter::MeterKind,
	traits::{DeviceKeys, MeterDeposits},
	MeterId,
};
use sp_runtime::Permill;

use crate::{mock::*, Event};

#[test]
fn a_slash_should_move_a_share_of_what_is_left_to_the_fund_and_nothing_to_the_operator() {
	run(|| {
		let device = registered(1, ALICE, HERE, MeterKind::Consumer);
		let other = registered(2, ALICE, HERE, MeterKind::Consumer);
		let each = held(ALICE) / 2;
		let operator = Balances::total_balance(&OPERATOR);
		let half = Registry::slash_deposit(device.id, Permill::from_percent(50));
		assert_eq!(half, each.div_ceil(2));
		assert_eq!(
			events().last(),
			Some(&Event::DepositSlashed {
				meter: device.id,
				owner: ALICE,
				microgrid: HERE,
				amount: half
			})
		);
		let rest = Registry::slash_deposit(device.id, Permill::one());
		assert_eq!(half + rest, each);
		assert_eq!(Registry::slash_deposit(device.id, Permill::one()), 0);
		assert_eq!(Balances::free_balance(FUNDS), each);
		assert_eq!(funded(), [(HERE, half), (HERE, rest)]);
		assert_eq!(Balances::total_balance(&OPERATOR), operator);
		// The deposit of another meter is not touched, and comes back.
		assert_eq!(held(ALICE), each);
		retire(&other);
		retire(&device);
		assert_eq!(held(ALICE), 0);
	});
}

#[test]
fn a_slash_of_nobody_should_move_nothing() {
	run(|| {
		assert_eq!(Registry::slash_deposit(MeterId(7), Permill::one()), 0);
		assert_eq!(funded(), []);
	});
}

#[test]
fn a_slash_should_spare_no_operator() {
	run(|| {
		Balances::mint_into(&OPERATOR, 1_000_000).expect("it can receive");
		let device = registered(1, OPERATOR, HERE, MeterKind::Consumer);
		let deposit = held(OPERATOR);
		assert_eq!(Registry::slash_deposit(device.id, Permill::one()), deposit);
		assert_eq!((held(OPERATOR), funded()), (0, vec![(HERE, deposit)]));
	});
}

#[test]
fn a_slash_of_no_share_should_leave_the_deposit() {
	run(|| {
		let device = registered(1, ALICE, HERE, MeterKind::Consumer);
		let before = held(ALICE);
		assert_eq!(Registry::slash_deposit(device.id, Permill::zero()), 0);
		assert_eq!(held(ALICE), before);
	});
}

#[test]
fn the_key_of_a_device_should_be_told() {
	run(|| {
		let device = registered(1, ALICE, HERE, MeterKind::Consumer);
		assert_eq!(Registry::device_key(device.id), Some(device.key()));
		assert_eq!(Registry::device_key(MeterId(7)), None);
	});
}
