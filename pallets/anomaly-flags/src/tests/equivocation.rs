//! Two readings of one sequence.

use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use gridweave_primitives::{reading::SignedReading, traits::Quarantine, MeterId};

use crate::{detectors::Finding, mock::*, Error, Kind, Status};

fn pair_of(sequence: u64) -> (SignedReading, SignedReading) {
	(
		signed(reading(METER, sequence, T0, 10, 0)),
		signed(reading(METER, sequence, T0, 11, 0)),
	)
}

fn report(pair: (SignedReading, SignedReading)) -> sp_runtime::DispatchResult {
	Anomalies::report_equivocation(by(9), Box::new(pair.0), Box::new(pair.1))
		.map(drop)
		.map_err(|error| error.error)
}

#[test]
fn a_pair_should_prove_a_cloned_key_for_free() {
	run(|| {
		let (first, second) = pair_of(7);
		let info = Anomalies::report_equivocation(by(9), Box::new(first), Box::new(second))
			.expect("a proof");
		assert_eq!(info.pays_fee, Pays::No);
		let flag = flag(Kind::ClonedKey).expect("raised");
		assert_eq!(flag.status, Status::Raised);
		assert_eq!(flag.evidence, Finding::new(7, 0));
		assert!(Anomalies::is_quarantined(METER));
		assert_noop!(report(pair_of(8)), Error::<Test>::AlreadyFlagged);
	});
}

#[test]
fn what_proves_nothing_should_be_refused() {
	run(|| {
		let (first, second) = pair_of(7);
		assert_noop!(
			report((first.clone(), first.clone())),
			Error::<Test>::SameReading
		);
		// The same reading signed twice is one reading.
		let other = signed(reading(METER, 8, T0, 11, 0));
		assert_noop!(
			report((first.clone(), other)),
			Error::<Test>::NotOneSequence
		);
		let other = signed(reading(MeterId(1), 7, T0, 11, 0));
		assert_noop!(
			report((first.clone(), other)),
			Error::<Test>::NotOneSequence
		);
		let mut forged = second.clone();
		forged.reading.import_register.0 += 1;
		for pair in [(first.clone(), forged.clone()), (forged, first)] {
			assert_noop!(report(pair), Error::<Test>::BadDeviceSignature);
		}
		let unknown = MeterId(99);
		let pair = (
			signed(reading(unknown, 7, T0, 10, 0)),
			signed(reading(unknown, 7, T0, 11, 0)),
		);
		assert_noop!(report(pair), Error::<Test>::UnknownMeter);
	});
}

#[test]
fn what_was_dismissed_should_be_proven_only_by_a_newer_pair() {
	run(|| {
		assert_ok!(report(pair_of(7)));
		assert_ok!(Anomalies::dismiss(
			by(INSPECTOR),
			METER,
			Kind::ClonedKey,
			false
		));
		assert!(!Anomalies::is_quarantined(METER));
		assert_noop!(report(pair_of(7)), Error::<Test>::DismissedLately);
		assert_noop!(report(pair_of(6)), Error::<Test>::DismissedLately);
		assert_ok!(report(pair_of(8)));
		assert!(Anomalies::is_quarantined(METER));
	});
}
