//! What inspectors decide.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{traits::Quarantine, MeterId, MicrogridId};
use sp_runtime::Permill;

use crate::{mock::*, Confirmation, Error, Event, Kind, Severity, Status};

#[test]
fn operators_should_appoint_and_remove_inspectors() {
	run(|| {
		let appoint = |who, inspector| Anomalies::appoint_inspector(by(who), HERE, inspector);
		assert_noop!(appoint(OWNER, 31), Error::<Test>::NotOperator);
		assert_noop!(
			appoint(OPERATOR, INSPECTOR),
			Error::<Test>::AlreadyInspector
		);
		assert_noop!(
			Anomalies::appoint_inspector(by(OPERATOR), MicrogridId(9), 31),
			Error::<Test>::UnknownMicrogrid
		);
		assert_ok!(appoint(OPERATOR, 31));
		assert_ok!(appoint(OPERATOR, 32));
		assert_noop!(appoint(OPERATOR, 33), Error::<Test>::TooManyInspectors);
		let remove = |who, inspector| Anomalies::remove_inspector(by(who), HERE, inspector);
		assert_noop!(remove(OWNER, 31), Error::<Test>::NotOperator);
		for inspector in [31, 32, INSPECTOR] {
			assert_ok!(remove(OPERATOR, inspector));
			assert_noop!(remove(OPERATOR, inspector), Error::<Test>::NotInspector);
		}
		assert_eq!(crate::Inspectors::<Test>::iter().count(), 0);
		raise(Kind::Silent);
		assert_noop!(
			Anomalies::confirm(by(INSPECTOR), METER, Kind::Silent, false),
			Error::<Test>::NotInspector
		);
	});
}

#[test]
fn confirmed_tampering_should_cost_the_deposit_once() {
	run(|| {
		raise(Kind::SuddenChange);
		assert!(!Anomalies::is_quarantined(METER));
		let confirm =
			|tampering| Anomalies::confirm(by(INSPECTOR), METER, Kind::SuddenChange, tampering);
		// As a defect first.
		assert_ok!(confirm(false));
		assert!(Anomalies::is_quarantined(METER));
		assert_eq!(slashed(), []);
		assert_noop!(confirm(false), Error::<Test>::AlreadyConfirmed);
		assert_ok!(confirm(true));
		assert_eq!(slashed(), [(METER, Permill::from_percent(80))]);
		assert!(events().contains(&Event::TamperingPunished {
			meter: METER,
			amount: 77
		}));
		for tampering in [false, true] {
			assert_noop!(confirm(tampering), Error::<Test>::AlreadyConfirmed);
		}
		let flag = flag(Kind::SuddenChange).expect("raised");
		assert_eq!(flag.severity, Severity::Critical);
		assert_eq!(
			flag.status,
			Status::Confirmed(Confirmation::Inspector { tampering: true })
		);
	});
}

#[test]
fn a_notice_should_quarantine_only_if_it_was_tampering() {
	run(|| {
		raise(Kind::ClockDrift);
		let confirm =
			|tampering| Anomalies::confirm(by(INSPECTOR), METER, Kind::ClockDrift, tampering);
		assert_ok!(confirm(false));
		assert!(!Anomalies::is_quarantined(METER));
		assert_ok!(confirm(true));
		assert!(Anomalies::is_quarantined(METER));
	});
}

#[test]
fn what_does_not_stand_should_not_be_decided_on() {
	run(|| {
		for call in [
			Anomalies::confirm(by(INSPECTOR), METER, Kind::Stuck, true),
			Anomalies::dismiss(by(INSPECTOR), METER, Kind::Stuck, true),
		] {
			assert_eq!(call, Err(Error::<Test>::NoSuchFlag.into()));
		}
		raise(Kind::Stuck);
		assert_ok!(Anomalies::dismiss(by(INSPECTOR), METER, Kind::Stuck, true));
		assert_noop!(
			Anomalies::dismiss(by(INSPECTOR), METER, Kind::Stuck, true),
			Error::<Test>::NoSuchFlag
		);
		assert_noop!(
			Anomalies::confirm(by(INSPECTOR), MeterId(99), Kind::Stuck, true),
			Error::<Test>::UnknownMeter
		);
		assert_eq!(slashed(), []);
	});
}

#[test]
fn a_dismissal_should_lift_what_was_confirmed() {
	run(|| {
		raise(Kind::TamperSwitch);
		assert_ok!(Anomalies::confirm(
			by(INSPECTOR),
			METER,
			Kind::TamperSwitch,
			true
		));
		assert_ok!(Anomalies::dismiss(
			by(INSPECTOR),
			METER,
			Kind::TamperSwitch,
			false
		));
		assert!(!Anomalies::is_quarantined(METER));
		assert!(events().contains(&Event::FlagDismissed {
			microgrid: HERE,
			meter: METER,
			kind: Kind::TamperSwitch,
			inspector: INSPECTOR
		}));
	});
}

#[test]
fn inspectors_of_elsewhere_should_decide_nothing_here() {
	run(|| {
		assert_ok!(Anomalies::appoint_inspector(
			by(OPERATOR + 1),
			MicrogridId(1),
			35
		));
		raise(Kind::Stuck);
		assert_noop!(
			Anomalies::dismiss(by(35), METER, Kind::Stuck, false),
			Error::<Test>::NotInspector
		);
	});
}
