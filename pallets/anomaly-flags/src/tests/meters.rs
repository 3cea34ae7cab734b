//! Meters that are taken out of service.

use frame_support::assert_ok;
use gridweave_primitives::{
	traits::{OnMeterRetired, Quarantine},
	MeterId,
};
use sp_core::H256;

use crate::{
	mock::*, Analysts, Cases, Due, Flags, Kind, ProfilePages, Quarantined, WatchPages, WeightInfo,
};

fn everything(meter: MeterId) {
	for kind in Kind::ALL {
		raise_for(meter, kind);
	}
	let mut low = reading(meter, 2, T0, 0, 0);
	low.quality = Some(quality(200, 0));
	take(low, moved(0));
	meter_energy(meter, P0, 100, 0);
}

#[test]
fn all_that_is_kept_for_a_meter_should_be_freed() {
	run(|| {
		poll();
		everything(METER);
		go_to(P0.next());
		assert_ok!(Anomalies::register_analyst(by(ANALYST)));
		assert_ok!(Anomalies::report_finding(
			by(ANALYST),
			METER,
			Kind::Stuck,
			H256::zero()
		));
		assert_eq!(WatchPages::<Test>::iter().count(), 1);
		assert_eq!(ProfilePages::<Test>::iter().count(), 1);

		<Anomalies as OnMeterRetired>::on_meter_retired(METER);
		remove_meter(METER);
		assert_eq!(Flags::<Test>::iter().count(), 0);
		assert_eq!(Due::<Test>::iter().count(), 0);
		assert_eq!(Quarantined::<Test>::iter().count(), 0);
		assert_eq!(Cases::<Test>::iter().count(), 0);
		assert_eq!(WatchPages::<Test>::iter().count(), 0);
		assert_eq!(ProfilePages::<Test>::iter().count(), 0);
		assert_eq!(Analysts::<Test>::get(ANALYST).expect("one").open, 0);
	});
}

#[test]
fn neighbours_should_stay() {
	run(|| {
		poll();
		everything(METER);
		everything(MeterId(1));
		go_to(P0.next());
		<Anomalies as OnMeterRetired>::on_meter_retired(METER);
		remove_meter(METER);
		assert!(!Anomalies::is_quarantined(METER));
		assert!(Anomalies::is_quarantined(MeterId(1)));
		assert_eq!(Flags::<Test>::iter().count(), 15);
		let kept = ProfilePages::<Test>::iter_values().map(|page| page.iter().count());
		assert_eq!(kept.sum::<usize>(), 1);
	});
}

#[test]
fn a_meter_of_which_nothing_is_kept_should_be_forgotten_too() {
	run(|| {
		<Anomalies as OnMeterRetired>::on_meter_retired(MeterId(2));
		assert_eq!(
			<Anomalies as OnMeterRetired>::weight(),
			<() as WeightInfo>::forget_meter()
		);
	});
}
