//! Analysts, their stakes and their findings.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{meter::MeterState, traits::Quarantine, Be32, MeterId};
use sp_core::H256;

use crate::{mock::*, Analysts, Cases, Confirmation, Due, Error, Event, Kind, Severity, Status};

const KIND: Kind = Kind::SuddenChange;

fn register(who: u64) {
	assert_ok!(Anomalies::register_analyst(by(who)));
}

fn report(who: u64) -> sp_runtime::DispatchResult {
	report_of(who, METER, KIND)
}

fn report_of(who: u64, meter: MeterId, kind: Kind) -> sp_runtime::DispatchResult {
	Anomalies::report_finding(by(who), meter, kind, H256::repeat_byte(who as u8))
}

/// Registers three and has them report.
fn quorum() {
	for who in ANALYST..ANALYST + 3 {
		register(who);
		assert_ok!(report(who));
	}
}

#[test]
fn a_stake_should_be_held_until_its_delay_is_over() {
	run(|| {
		register(ANALYST);
		assert_eq!(held(ANALYST), 1_000);
		assert_noop!(
			Anomalies::register_analyst(by(ANALYST)),
			Error::<Test>::AlreadyAnalyst
		);
		assert_noop!(
			Anomalies::withdraw_stake(by(ANALYST)),
			Error::<Test>::NotLeaving
		);
		assert_ok!(Anomalies::leave(by(ANALYST)));
		assert_noop!(
			Anomalies::leave(by(ANALYST)),
			Error::<Test>::AnalystIsLeaving
		);
		assert_noop!(report(ANALYST), Error::<Test>::AnalystIsLeaving);
		Now::set(T0 + 86_399);
		assert_noop!(
			Anomalies::withdraw_stake(by(ANALYST)),
			Error::<Test>::UnbondingDelayRuns
		);
		Now::set(T0 + 86_400);
		assert_ok!(Anomalies::withdraw_stake(by(ANALYST)));
		assert_eq!(held(ANALYST), 0);
		assert_eq!(Analysts::<Test>::iter().count(), 0);
		assert!(events().contains(&Event::AnalystLeft {
			analyst: ANALYST,
			stake: 1_000
		}));
		// And may come back.
		register(ANALYST);
	});
}

#[test]
fn nobody_without_money_should_become_an_analyst() {
	run(|| {
		assert!(Anomalies::register_analyst(by(99)).is_err());
		for call in [
			Anomalies::leave(by(99)),
			Anomalies::withdraw_stake(by(99)),
			report(99),
		] {
			assert_eq!(call, Err(Error::<Test>::NotAnalyst.into()));
		}
	});
}

#[test]
fn a_quorum_should_raise_a_flag_that_quarantines() {
	run(|| {
		register(ANALYST);
		register(ANALYST + 1);
		assert_ok!(report(ANALYST));
		assert_noop!(report(ANALYST), Error::<Test>::AlreadyReported);
		assert_ok!(report(ANALYST + 1));
		assert_eq!(flag(KIND), None);
		assert!(!Anomalies::is_quarantined(METER));
		register(ANALYST + 2);
		assert_ok!(report(ANALYST + 2));
		let flag = flag(KIND).expect("raised");
		assert_eq!(flag.status, Status::Confirmed(Confirmation::Analysts));
		assert_eq!(flag.severity, Severity::Critical);
		assert!(Anomalies::is_quarantined(METER));
		register(ANALYST + 3);
		assert_noop!(report(ANALYST + 3), Error::<Test>::AlreadyConfirmed);
		assert_eq!(Anomalies::api_findings(METER).len(), 3);
	});
}

#[test]
fn a_quorum_should_confirm_what_a_detector_raised() {
	run(|| {
		raise(KIND);
		let before = flag(KIND).expect("raised");
		quorum();
		let after = flag(KIND).expect("raised");
		assert_eq!(after.status, Status::Confirmed(Confirmation::Analysts));
		assert_eq!(after.evidence, before.evidence);
		assert!(Anomalies::is_quarantined(METER));
	});
}

#[test]
fn a_false_report_should_cost_each_analyst_and_pay_the_owner() {
	run(|| {
		quorum();
		let before = Balances::free_balance(OWNER);
		assert_ok!(Anomalies::dismiss(by(INSPECTOR), METER, KIND, true));
		for who in ANALYST..ANALYST + 3 {
			assert_eq!(held(who), 750);
			let analyst = Analysts::<Test>::get(who).expect("an analyst");
			assert_eq!((analyst.stake, analyst.open), (750, 0));
		}
		assert_eq!(Balances::free_balance(OWNER), before + 750);
		assert!(!Anomalies::is_quarantined(METER));
		assert!(events().contains(&Event::CaseClosed {
			meter: METER,
			kind: KIND,
			carried: true,
			slashed: 750
		}));
		// It cannot be reported again while the dismissal is remembered.
		assert_noop!(report(ANALYST), Error::<Test>::DismissedLately);
	});
}

#[test]
fn an_error_in_good_faith_should_cost_nothing() {
	run(|| {
		quorum();
		assert_ok!(Anomalies::dismiss(by(INSPECTOR), METER, KIND, false));
		assert_eq!(held(ANALYST), 1_000);
		assert_eq!(Cases::<Test>::iter().count(), 0);
	});
}

#[test]
fn what_an_inspector_confirms_should_close_the_case() {
	run(|| {
		quorum();
		assert_ok!(Anomalies::confirm(by(INSPECTOR), METER, KIND, true));
		assert_eq!(Cases::<Test>::iter().count(), 0);
		assert_eq!(Analysts::<Test>::get(ANALYST).expect("one").open, 0);
		assert_ok!(Anomalies::dismiss(by(INSPECTOR), METER, KIND, true));
		assert_eq!(held(ANALYST), 1_000, "they were right");
	});
}

#[test]
fn findings_without_a_quorum_should_lapse() {
	run(|| {
		register(ANALYST);
		assert_ok!(report(ANALYST));
		assert_eq!(Due::<Test>::iter().count(), 1);
		assert_ok!(Anomalies::leave(by(ANALYST)));
		Now::set(T0 + 86_400);
		assert_noop!(
			Anomalies::withdraw_stake(by(ANALYST)),
			Error::<Test>::FindingsOpen
		);
		// From the first poll on.
		go_to(P0.saturating_add(96));
		go_to(P0.saturating_add(2_688));
		assert_eq!(Cases::<Test>::iter().count(), 0);
		assert_eq!(Due::<Test>::iter().count(), 0);
		assert_ok!(Anomalies::withdraw_stake(by(ANALYST)));
	});
}

#[test]
fn findings_should_outlive_a_flag_that_nobody_confirmed() {
	run(|| {
		poll();
		raise(KIND);
		go_to(P0.saturating_add(2_000));
		register(ANALYST);
		assert_ok!(report(ANALYST));
		go_to(P0.saturating_add(2_688));
		assert_eq!(flag(KIND).expect("remembered").status, Status::Expired);
		for who in [ANALYST + 1, ANALYST + 2] {
			register(who);
			assert_ok!(report(who));
		}
		let status = flag(KIND).expect("raised").status;
		assert_eq!(status, Status::Confirmed(Confirmation::Analysts));
		// The case goes with the flag.
		go_to(P0.saturating_add(2_688 + 8_640));
		assert_eq!(Cases::<Test>::iter().count(), 0);
		assert_eq!(Analysts::<Test>::get(ANALYST).expect("one").open, 0);
	});
}

#[test]
fn only_what_statistics_show_should_be_reported() {
	run(|| {
		register(ANALYST);
		for kind in [
			Kind::ClonedKey,
			Kind::RegisterRollback,
			Kind::Silent,
			Kind::FeederImbalance,
		] {
			assert_noop!(
				report_of(ANALYST, METER, kind),
				Error::<Test>::NotReportable
			);
		}
		assert_noop!(
			report_of(ANALYST, MeterId(99), KIND),
			Error::<Test>::UnknownMeter
		);
		set_state(METER, MeterState::Retired);
		assert_noop!(report(ANALYST), Error::<Test>::MeterNotActive);
		set_state(METER, MeterState::Active);
	});
}

#[test]
fn those_who_are_concerned_should_not_be_analysts_of_it() {
	run(|| {
		for who in [OWNER, OPERATOR, INSPECTOR] {
			register(who);
			assert_noop!(report(who), Error::<Test>::NotIndependent);
		}
	});
}

#[test]
fn the_stake_should_cover_all_that_is_open() {
	run(|| {
		register(ANALYST);
		for kind in [
			Kind::SuddenChange,
			Kind::ShapeChange,
			Kind::FlatProfile,
			Kind::Stuck,
		] {
			assert_ok!(report_of(ANALYST, METER, kind));
		}
		assert_noop!(
			report_of(ANALYST, METER, Kind::PowerMismatch),
			Error::<Test>::TooManyFindings
		);
		// A slash leaves less.
		for who in [ANALYST + 1, ANALYST + 2] {
			register(who);
			assert_ok!(report(who));
		}
		assert_ok!(Anomalies::dismiss(by(INSPECTOR), METER, KIND, true));
		assert_eq!(held(ANALYST), 750);
		assert_noop!(
			report_of(ANALYST, METER, Kind::PowerMismatch),
			Error::<Test>::TooManyFindings
		);
		assert!(Cases::<Test>::contains_key((
			Be32::from(METER),
			Kind::Stuck
		)));
	});
}
