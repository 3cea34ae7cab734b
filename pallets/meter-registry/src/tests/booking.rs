//! Entries: measured, estimated, confirmed.

use gridweave_primitives::{
	meter::{Correction, Provenance},
	WattHours, Watts,
};
use proptest::prelude::*;

use crate::{
	booking::{correction, estimate, portion, usual_import},
	EnergyEntry,
};

fn entry(import: u64, provenance: Provenance) -> EnergyEntry {
	EnergyEntry {
		import: WattHours(import),
		provenance,
		..EnergyEntry::default()
	}
}

#[test]
fn the_usual_import_should_be_the_mean_of_measured_periods() {
	use Provenance::*;
	let usual = |history: &[EnergyEntry]| usual_import(history.iter()).0;
	assert_eq!(usual(&[entry(100, Measured), entry(201, Measured)]), 150);
	assert_eq!(
		usual(&[
			entry(900, Estimated),
			entry(900, Corrected),
			entry(50, Measured)
		]),
		50
	);
	// None measured: as estimated before, the newest first.
	assert_eq!(usual(&[entry(70, Estimated), entry(900, Corrected)]), 70);
	assert_eq!(usual(&[]), 0);
}

#[test]
fn an_estimate_should_cover_the_uncovered_time_and_stay_within_the_rating() {
	let of = |usual, uncovered| estimate(WattHours(usual), Watts(4_000), uncovered, 900).0;
	assert_eq!(of(600, 900), 600);
	assert_eq!(of(600, 450), 300);
	assert_eq!(of(600, 0), 0);
	assert_eq!(of(5_000, 900), 1_000);
	assert_eq!(of(5_000, 90), 100);
}

#[test]
fn a_correction_should_be_what_was_measured_less_what_was_settled() {
	assert_eq!(
		correction(WattHours(30), WattHours(7), WattHours(50)),
		Correction {
			import: -20,
			export: 7
		},
	);
}

proptest! {
	/// However a period is covered piece by piece, its whole estimate is confirmed in the end, once.
	#[test]
	fn confirmations_should_add_up_to_the_estimate(
		outstanding in 0u64..1 << 40,
		pieces in prop::collection::vec(1u64..1_000, 1..20),
	) {
		let mut entry = EnergyEntry::default();
		entry.close(WattHours(outstanding));
		let mut uncovered: u64 = pieces.iter().sum();
		let mut confirmed = 0;
		for piece in pieces {
			confirmed += entry.confirm(piece, uncovered).0;
			uncovered -= piece;
		}
		prop_assert_eq!(confirmed, outstanding);
		prop_assert_eq!(entry.outstanding, WattHours(0));
		prop_assert_eq!(entry.import, WattHours(outstanding), "what was settled stays");
	}

	#[test]
	fn a_portion_should_never_exceed_the_whole(amount: u64, covered: u64, whole: u64) {
		prop_assert!(portion(WattHours(amount), covered, whole).0 <= amount);
	}
}
