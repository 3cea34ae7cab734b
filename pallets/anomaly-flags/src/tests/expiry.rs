//! What falls due.

use frame_support::weights::Weight;
use gridweave_primitives::{traits::Quarantine, MeterId};

use crate::{mock::*, Due, DueFrom, Event, Flags, Kind, Pallet, Status};

#[test]
fn a_flag_that_nobody_confirmed_should_expire_and_then_be_forgotten() {
	run(|| {
		poll();
		raise(Kind::TamperSwitch);
		go_to(P0.saturating_add(2_687));
		assert!(Anomalies::is_quarantined(METER));
		System::reset_events();
		go_to(P0.saturating_add(2_688));
		assert!(!Anomalies::is_quarantined(METER));
		assert_eq!(
			flag(Kind::TamperSwitch).expect("remembered").status,
			Status::Expired
		);
		assert!(events().contains(&Event::FlagExpired {
			microgrid: HERE,
			meter: METER,
			kind: Kind::TamperSwitch
		}));
		go_to(P0.saturating_add(2_688 + 2_880));
		assert_eq!(flag(Kind::TamperSwitch), None);
		assert_eq!(Due::<Test>::iter().count(), 0);
	});
}

#[test]
fn a_confirmed_flag_should_stand_longer_and_end_too() {
	run(|| {
		poll();
		raise(Kind::SuddenChange);
		Anomalies::confirm(by(INSPECTOR), METER, Kind::SuddenChange, false).expect("confirms");
		go_to(P0.saturating_add(8_639));
		assert!(Anomalies::is_quarantined(METER));
		go_to(P0.saturating_add(8_640));
		assert!(!Anomalies::is_quarantined(METER));
	});
}

#[test]
fn what_falls_due_should_be_done_in_steps_and_in_order() {
	run(|| {
		poll();
		for meter in 0..3 {
			for kind in Kind::ALL {
				raise_for(MeterId(meter), kind);
			}
		}
		let count = Flags::<Test>::iter().count();
		assert_eq!(count, 45);
		// One item at a time.
		ExpireWeight::set(Pallet::<Test>::least_expire_weight());
		go_to(P0.saturating_add(2_687));
		let mut blocks = 0;
		while DueFrom::<Test>::get() != Some(P0.saturating_add(2_688)) {
			poll();
			blocks += 1;
			assert!(blocks < 3_000, "it must get on");
		}
		Now::set(T0 + 2_688 * L);
		let standing = || {
			Flags::<Test>::iter_values()
				.filter(|flag| flag.status.is_open())
				.count()
		};
		let mut before = standing();
		assert_eq!(before, 45);
		while before > 0 {
			poll();
			let now = standing();
			assert_eq!(now, before - 1);
			before = now;
			Anomalies::do_try_state().expect("the invariants hold");
		}
	});
}

#[test]
fn without_weight_nothing_should_happen() {
	run(|| {
		poll();
		raise(Kind::Silent);
		ExpireWeight::set(Weight::zero());
		go_to(P0.saturating_add(5_000));
		assert!(flag(Kind::Silent).expect("raised").status.is_open());
	});
}
