//! Meters that get another owner.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{
	meter::{MeterKind, MeterOwner},
	traits::MeterInspect,
	Be32,
};
use sp_runtime::TokenError;

use crate::{mock::*, Error, Offers};

#[test]
fn a_meter_that_changes_owner_should_cost_the_deposit_of_the_day() {
	run(|| {
		let device = admitted(1);
		let before = held(ALICE);
		let hand = |from, to| {
			Registry::offer_meter(RuntimeOrigin::signed(from), device.id, Some(to)).unwrap();
			Registry::accept_meter(RuntimeOrigin::signed(to), device.id).unwrap();
		};
		// Also from hand to hand.
		DepositBase::set(5_000);
		hand(ALICE, ALICE);
		assert_eq!(held(ALICE), before + 4_000);
		assert_eq!(Offers::<Test>::get(Be32::from(device.id)), None);
		DepositBase::set(2_000);
		hand(ALICE, BOB);
		assert_eq!((held(ALICE), held(BOB)), (0, before + 1_000));
		Registry::do_try_state().unwrap();
		Registry::retire_meter(RuntimeOrigin::signed(BOB), device.id).unwrap();
		assert_eq!((held(ALICE), held(BOB)), (0, 0));
	});
}

#[test]
fn a_page_of_owners_should_tell_who_is_billed_for_each_admitted_meter() {
	run(|| {
		let owners = |page| -> Vec<_> {
			let owners = <Registry as MeterInspect<u64>>::owners(page);
			let of = |(slot, owner): (u8, &MeterOwner<u64>)| (slot, owner.account, owner.retired);
			owners.iter().map(of).collect()
		};
		let _ = registered(1, ALICE, HERE, MeterKind::Prosumer);
		assert_eq!(owners(0), []);
		let device = admitted(2);
		let (page, slot) = (device.id.page(), device.id.slot());
		assert_eq!(owners(page), [(slot, ALICE, false)]);
		assert_ok!(Registry::offer_meter(
			RuntimeOrigin::signed(ALICE),
			device.id,
			Some(BOB)
		));
		assert_ok!(Registry::accept_meter(
			RuntimeOrigin::signed(BOB),
			device.id
		));
		assert_eq!(owners(page), [(slot, BOB, false)]);
		Registry::do_try_state().unwrap();
		// Without a reading it is freed at once.
		assert_ok!(Registry::retire_meter(
			RuntimeOrigin::signed(BOB),
			device.id
		));
		assert_eq!(owners(page), []);
		Registry::do_try_state().unwrap();
	});
}

#[test]
fn a_meter_should_change_owner_by_offer_and_acceptance() {
	run(|| {
		let device = admitted(1);
		let deposit = held(ALICE);
		let offer = |who, to| Registry::offer_meter(RuntimeOrigin::signed(who), device.id, to);
		let accept = |who| Registry::accept_meter(RuntimeOrigin::signed(who), device.id);
		assert_noop!(offer(BOB, Some(BOB)), Error::<Test>::NotOwner);
		assert_noop!(accept(BOB), Error::<Test>::NotOffered);
		assert_ok!(offer(ALICE, Some(BOB)));
		assert_noop!(accept(3), Error::<Test>::NotOffered);
		commit(device.id, true);
		assert_noop!(accept(BOB), Error::<Test>::HasCommitments);
		commit(device.id, false);
		assert_ok!(accept(BOB));
		assert_eq!((held(ALICE), held(BOB)), (0, deposit));
		assert_eq!(
			<Registry as MeterInspect<u64>>::meter(device.id)
				.unwrap()
				.owner,
			BOB
		);
		assert_eq!(Offers::<Test>::get(Be32::from(device.id)), None);
		// Withdrawn, or too dear.
		assert_ok!(offer(BOB, Some(ALICE)));
		assert_ok!(offer(BOB, None));
		assert_noop!(accept(ALICE), Error::<Test>::NotOffered);
		assert_ok!(offer(BOB, Some(3)));
		assert_noop!(accept(3), TokenError::FundsUnavailable);
	});
}

#[test]
fn an_offered_meter_that_retires_should_not_be_accepted() {
	run(|| {
		settle_before(P0);
		let device = admitted(1);
		bring_one(&device, 1, T0 + 1, 0, 0);
		assert_ok!(Registry::offer_meter(
			RuntimeOrigin::signed(ALICE),
			device.id,
			Some(BOB)
		));
		assert_ok!(Registry::retire_meter(
			RuntimeOrigin::signed(OPERATOR),
			device.id
		));
		assert_noop!(
			Registry::accept_meter(RuntimeOrigin::signed(BOB), device.id),
			Error::<Test>::MeterIsRetired
		);
	});
}
