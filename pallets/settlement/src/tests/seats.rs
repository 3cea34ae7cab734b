//! Where trading balances are kept, and whose bills come first.

use frame_support::assert_ok;
use gridweave_primitives::{ids::METERS_PER_PAGE, traits::Clearing, Balance, Be32, MeterId};

use crate::{
	mock::*,
	types::{Member, Seat},
	Event, Ledger, SeatOf, Seats,
};

const G: Balance = 1_000_000_000;
const OPERATOR: AccountId = OPERATORS[0];

fn top_up(who: AccountId, amount: Balance) {
	assert_ok!(Settlement::top_up(RuntimeOrigin::signed(who), amount));
}

/// Who sits at a page of meters.
fn seated(page: u32) -> Vec<AccountId> {
	let seats = Seats::<Test>::get(Be32::from(page));
	seats.iter().map(|seat| seat.account).collect()
}

/// Meters of account `who` that take 100 Wh each (30 × 10⁹ planck).
fn takes(period: gridweave_primitives::Period, meters: &[u32], who: AccountId) {
	for id in meters {
		add_meter(*id, who);
		metered(period, *id, 100, 0);
	}
}

#[test]
fn first_bill_should_give_a_member_its_seat_where_everything_finds_it() {
	run(|| {
		top_up(1, 100 * G);
		takes(PERIOD, &[0], 1);
		assert!(Ledger::<Test>::contains_key(1));
		settle(PERIOD);
		assert!(!Ledger::<Test>::contains_key(1));
		assert_eq!(SeatOf::<Test>::get(1), Some(Be32::from(0)));
		let member = Member {
			balance: 70 * G,
			..Member::default()
		};
		let seat = Seat { account: 1, member };
		assert_eq!(Seats::<Test>::get(Be32::from(0)).into_inner(), [seat]);
		assert_eq!(Settlement::member(&1), member);
		assert_eq!(Settlement::account(&1).free, 70 * G);

		// Whatever meter is named, and if none is.
		for (meter, amount) in [(0, 5 * G), (40, 6 * G), (500, 7 * G)] {
			assert_ok!(Settlement::lock(&1, MeterId(meter), amount));
			assert_eq!((balance(1), locked(1)), (70 * G, amount));
			assert_ok!(Settlement::may_buy(&1, MeterId(meter)));
			Settlement::unlock(&1, MeterId(meter), amount);
		}
		top_up(1, 10 * G);
		assert_ok!(Settlement::withdraw(RuntimeOrigin::signed(1), 30 * G));
		assert_eq!((balance(1), locked(1)), (50 * G, 0));
		assert_eq!(seated(0), [1]);
		assert!(!Ledger::<Test>::contains_key(1));
	});
}

#[test]
fn member_with_several_meters_should_keep_its_first_seat() {
	run(|| {
		top_up(1, 100 * G);
		takes(PERIOD, &[0, 40, 80], 1);
		takes(PERIOD.next(), &[0, 40, 80], 1);
		settle(PERIOD);
		assert_eq!((balance(1), seated(0)), (10 * G, vec![1]));
		// The last of the three is not covered.
		settle(PERIOD.next());
		assert_eq!((balance(1), Settlement::account(&1).arrears), (0, 80 * G));
		assert_eq!((seated(0), seated(1), seated(2)), (vec![1], vec![], vec![]));
	});
}

#[test]
fn who_has_nothing_left_should_lose_its_seat_and_the_page_its_item() {
	run(|| {
		for who in [1, 2] {
			top_up(who, 60 * G);
			takes(PERIOD, &[who as u32], who);
			takes(PERIOD.next(), &[who as u32], who);
		}
		settle(PERIOD);
		assert_eq!(seated(0), [1, 2]);
		assert_ok!(Settlement::withdraw(RuntimeOrigin::signed(1), 30 * G));
		assert_eq!((seated(0), SeatOf::<Test>::get(1)), (vec![2], None));
		// One pays its last; the other owes, which is kept where it was billed.
		settle(PERIOD.next());
		assert_eq!(seated(0), [1]);
		assert_eq!(Settlement::member(&1).owing, 30 * G);
		assert_ok!(Settlement::pay_arrears(
			RuntimeOrigin::signed(1),
			HOME,
			30 * G
		));
		assert_eq!(Seats::<Test>::iter().count(), 0);
		assert_eq!(SeatOf::<Test>::iter().count(), 0);
	});
}

#[test]
fn who_is_paid_first_of_all_should_get_a_seat_and_an_operator_none() {
	run(|| {
		top_up(OPERATOR, 100 * G);
		add_meter(0, 1);
		metered(PERIOD, 0, 0, 100);
		takes(PERIOD, &[1], OPERATOR);
		settle(PERIOD);
		assert_eq!((balance(1), seated(0)), (8 * G, vec![1]));
		assert!(Ledger::<Test>::contains_key(OPERATOR));
		assert_eq!(balance(OPERATOR), 92 * G);
	});
}

#[test]
fn full_page_should_leave_others_in_the_ledger_until_a_seat_is_free() {
	run(|| {
		let full = METERS_PER_PAGE as usize;
		for id in 0..METERS_PER_PAGE {
			let who = AccountId::from(id) + 1;
			top_up(who, 60 * G);
			takes(PERIOD, &[id], who);
		}
		settle(PERIOD);
		assert_eq!(seated(0).len(), full);
		// A meter changes hands; the former owner keeps its balance.
		top_up(50, 100 * G);
		takes(PERIOD.next(), &[0], 50);
		settle(PERIOD.next());
		assert_eq!((seated(0).len(), balance(50)), (full, 70 * G));
		assert!(Ledger::<Test>::contains_key(50));
		assert_ok!(Settlement::withdraw(RuntimeOrigin::signed(1), 30 * G));
		takes(PERIOD.saturating_add(2), &[0], 50);
		settle(PERIOD.saturating_add(2));
		assert_eq!((seated(0).len(), balance(50)), (full, 40 * G));
		assert_eq!(SeatOf::<Test>::get(50), Some(Be32::from(0)));
	});
}

#[test]
fn seats_that_are_not_right_should_be_found() {
	run(|| {
		top_up(1, 100 * G);
		takes(PERIOD, &[0], 1);
		settle(PERIOD);
		let page = Be32::from(0);
		let seats = Seats::<Test>::get(page);
		let broken = |how: &dyn Fn()| {
			how();
			assert!(Settlement::do_try_state().is_err());
			Seats::<Test>::insert(page, &seats);
			SeatOf::<Test>::insert(1, page);
			assert_ok!(Settlement::do_try_state());
		};
		broken(&|| SeatOf::<Test>::remove(1));
		broken(&|| SeatOf::<Test>::insert(1, Be32::from(1)));
		broken(&|| Seats::<Test>::remove(page));
		broken(&|| {
			Ledger::<Test>::insert(1, Member::default());
			assert!(Settlement::do_try_state().is_err());
			Ledger::<Test>::insert(
				1,
				Member {
					balance: 1,
					..Member::default()
				},
			);
			assert!(Settlement::do_try_state().is_err());
			Ledger::<Test>::remove(1);
			Seats::<Test>::insert(Be32::from(1), &seats);
			assert!(Settlement::do_try_state().is_err());
			Seats::<Test>::insert(Be32::from(1), crate::types::Row::<u64>::default());
			assert!(Settlement::do_try_state().is_err());
			Seats::<Test>::remove(Be32::from(1));
			SeatOf::<Test>::insert(2, page);
			assert!(Settlement::do_try_state().is_err());
			SeatOf::<Test>::remove(2);
			crate::PaidPages::<Test>::put(0);
			assert!(Settlement::do_try_state().is_err());
			crate::PaidPages::<Test>::kill();
			SeatOf::<Test>::remove(1);
		});
	});
}

/// The meters billed since the last call, in order.
fn billed() -> Vec<u32> {
	let of = |event| match event {
		Event::StatementIssued { meter, .. } => Some(meter.0),
		_ => None,
	};
	events().into_iter().filter_map(of).collect()
}

#[test]
fn members_of_a_page_should_be_paid_with_its_debtors_if_the_pot_suffices() {
	run(|| {
		// Four pages: the first is owed 8, the second takes for 60 and is owed 16, the third is owed 40,
		// the fourth takes for 30.
		top_up(1, 1_000 * G);
		takes(PERIOD, &[33, 34, 97], 1);
		for (id, export) in [(0, 100), (32, 200), (64, 500)] {
			add_meter(id, 2);
			metered(PERIOD, id, 0, export);
		}
		settle(PERIOD);
		// The pot holds 44 when the third page's turn comes.
		assert_eq!(billed(), [33, 34, 32, 64, 97, 0]);
		assert_eq!((balance(2), balance(OPERATOR)), (64 * G, 26 * G));
		assert!(!crate::PaidPages::<Test>::exists());
	});
}

#[test]
fn who_waits_should_not_ask_the_operator_while_members_have_not_paid() {
	run(|| {
		// The operator has nothing, and the members of the second page enough.
		for id in 0..3 {
			add_meter(id, 2);
			metered(PERIOD, id, 0, 100);
		}
		top_up(1, 1_000 * G);
		takes(PERIOD, &[32], 1);
		settle(PERIOD);
		assert_eq!(billed(), [32, 0, 1, 2]);
		assert_eq!((balance(2), balance(OPERATOR)), (24 * G, 6 * G));
		assert_eq!(Settlement::open_claims(HOME), 0);
	});
}
