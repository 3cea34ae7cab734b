//! How flags are raised, and what follows.

use gridweave_primitives::traits::Quarantine;

use crate::{
	detectors::Finding, mock::*, Class, Event, Isolation, Kind, Quarantined, Severity, Status,
};

#[test]
fn a_flag_should_hold_what_was_seen_and_when() {
	run(|| {
		raise(Kind::Silent);
		let flag = flag(Kind::Silent).expect("raised");
		assert_eq!(flag.status, Status::Raised);
		assert_eq!(flag.severity, Severity::Notice);
		assert_eq!(flag.evidence, Finding::new(2, 1));
		assert_eq!((flag.raised_at, flag.seen_at, flag.times), (T0, T0, 1));
		assert_eq!(flag.due, P0.saturating_add(2_688));
		assert_eq!(
			events(),
			[Event::FlagRaised {
				microgrid: HERE,
				meter: METER,
				kind: Kind::Silent,
				severity: Severity::Notice,
				evidence: Finding::new(2, 1),
			}]
		);
	});
}

#[test]
fn what_is_seen_again_should_be_counted_without_an_event() {
	run(|| {
		raise(Kind::Silent);
		System::reset_events();
		Now::set(T0 + L);
		raise(Kind::Silent);
		let flag = flag(Kind::Silent).expect("raised");
		assert_eq!((flag.raised_at, flag.seen_at, flag.times), (T0, T0 + L, 2));
		// Its entry is moved only once half of its time has passed.
		assert_eq!(flag.due, P0.saturating_add(2_688));
		assert_eq!(events(), []);
		Now::set(T0 + 1_345 * L);
		raise(Kind::Silent);
		let due = flag_of(METER, Kind::Silent).expect("raised").due;
		assert_eq!(due, P0.saturating_add(1_345 + 2_688));
	});
}

#[test]
fn proofs_alone_should_quarantine_at_once() {
	for kind in Kind::ALL {
		run(|| {
			raise(kind);
			let proof = kind.class() == Class::Proof;
			assert_eq!(Anomalies::is_quarantined(METER), proof, "{kind:?}");
			assert!(!Anomalies::is_quarantined(FEEDER));
			let quarantined = events()
				.iter()
				.any(|event| matches!(event, Event::MeterQuarantined { .. }));
			assert_eq!(quarantined, proof);
		});
	}
}

#[test]
fn quarantine_should_last_while_one_cause_stands() {
	run(|| {
		raise(Kind::TamperSwitch);
		Now::set(T0 + L);
		raise(Kind::RegisterRollback);
		assert_eq!(
			Quarantined::<Test>::get(gridweave_primitives::Be32::from(METER)),
			Some(Isolation {
				since: T0,
				causes: 1 << 3 | 1 << 0
			})
		);
		System::reset_events();
		Anomalies::dismiss(by(INSPECTOR), METER, Kind::TamperSwitch, false).expect("dismisses");
		assert!(Anomalies::is_quarantined(METER));
		Anomalies::dismiss(by(INSPECTOR), METER, Kind::RegisterRollback, false).expect("dismisses");
		assert!(!Anomalies::is_quarantined(METER));
		let lifted = events()
			.iter()
			.filter(|event| matches!(event, Event::QuarantineLifted { .. }))
			.count();
		assert_eq!(lifted, 1);
	});
}

#[test]
fn what_was_dismissed_should_not_come_back_unless_it_is_a_proof() {
	run(|| {
		for kind in [Kind::SuddenChange, Kind::Silent, Kind::TamperSwitch] {
			raise(kind);
			Anomalies::dismiss(by(INSPECTOR), METER, kind, false).expect("dismisses");
			Now::set(Now::get() + L);
			raise(kind);
			let status = flag(kind).expect("remembered").status;
			let back = kind.class() == Class::Proof;
			assert_eq!(status.is_open(), back, "{kind:?}");
		}
		assert!(Anomalies::is_quarantined(METER));
	});
}

#[test]
fn what_expired_should_be_raised_anew() {
	run(|| {
		raise(Kind::SuddenChange);
		go_to(P0.saturating_add(2_688));
		assert_eq!(
			flag(Kind::SuddenChange).expect("remembered").status,
			Status::Expired
		);
		raise(Kind::SuddenChange);
		let flag = flag(Kind::SuddenChange).expect("raised");
		assert_eq!((flag.status, flag.times), (Status::Raised, 1));
		assert_eq!(flag.raised_at, Now::get());
	});
}
