//! The balance of a microgrid, and whom its alarm names.

use gridweave_primitives::{
	meter::{MeterKind, Provenance},
	traits::Quarantine,
	Be32, MeterId,
};

use crate::{mock::*, Confirmation, Event, Feeders, Kind, Parameters, Status};

/// Members, of whom the last one cheats.
const MEMBERS: u32 = 10;
const THIEF: MeterId = MeterId(9);

fn begin() {
	add_meter(FEEDER, HERE, MeterKind::Feeder);
	for meter in 0..MEMBERS {
		add_meter(MeterId(meter), HERE, MeterKind::Consumer);
	}
	let parameters = Parameters {
		feeder: Some(FEEDER),
		feeder_calibration: 96,
		..Parameters::default()
	};
	Anomalies::set_parameters(by(OPERATOR), HERE, Some(parameters)).expect("sets");
	poll();
	System::reset_events();
}

/// Lives through a period in which so many thousandths of what the thief uses are not metered.
fn live(n: u32, stolen: u64) {
	let period = P0.saturating_add(n);
	let mut all = 0;
	for meter in 0..MEMBERS {
		let own = 200 + u64::from(meter * 37 + n * (meter * 2 + 11)) * 7_919 % 301;
		let shown = if MeterId(meter) == THIEF {
			own - own * stolen / 1_000
		} else {
			own
		};
		meter_energy(MeterId(meter), period, shown, 0);
		all += own;
	}
	// Losses of a fiftieth, and what the feeder errs by.
	let error = u64::from(n * 13 % 7);
	meter_energy(FEEDER, period, all + all / 50 + error - 3, 0);
	go_to(period.next());
}

fn calibrate() -> u32 {
	for n in 0..200 {
		live(n, 0);
	}
	let record = Feeders::<Test>::get(Be32::from(HERE)).expect("kept");
	let bounds = Anomalies::parameters_of(HERE).balance(96);
	assert!(record.feeder.is_calibrated(&bounds));
	assert_eq!(flag_of(FEEDER, Kind::FeederImbalance), None);
	200
}

#[test]
fn theft_should_give_the_alarm_and_name_the_thief() {
	run(|| {
		begin();
		let from = calibrate();
		let mut after = 0;
		while flag_of(FEEDER, Kind::FeederImbalance).is_none() {
			live(from + after, 400);
			after += 1;
			assert!(after <= 96, "within a day");
		}
		// The alarm alone quarantines nobody.
		assert!(!Anomalies::is_quarantined(FEEDER));
		assert!(!Anomalies::is_quarantined(THIEF));
		for n in after..after + 900 {
			live(from + n, 400);
		}
		let suspects = Anomalies::api_suspects(HERE);
		assert!(suspects.calibrated && suspects.alarm);
		let named: Vec<_> = suspects.suspects.iter().map(|s| s.meter).collect();
		assert!(named.contains(&THIEF), "{named:?}");
	});
}

#[test]
fn what_statistics_say_of_the_named_should_be_confirmed() {
	run(|| {
		begin();
		let from = calibrate();
		for n in 0..1_000 {
			live(from + n, 400);
		}
		assert!(Anomalies::api_suspects(HERE).alarm);
		// A flag that comes after the alarm is confirmed at once, a notice never.
		raise_for(THIEF, Kind::SuddenChange);
		let status = flag_of(THIEF, Kind::SuddenChange).expect("raised").status;
		assert_eq!(status, Status::Confirmed(Confirmation::Feeder));
		assert!(Anomalies::is_quarantined(THIEF));
		raise_for(THIEF, Kind::Silent);
		let status = flag_of(THIEF, Kind::Silent).expect("raised").status;
		assert_eq!(status, Status::Raised);
		// Whoever is not named waits for an inspector.
		raise_for(FEEDER, Kind::SuddenChange);
		let status = flag_of(FEEDER, Kind::SuddenChange).expect("raised").status;
		assert_eq!(status, Status::Raised);
	});
}

#[test]
fn a_flag_that_waits_should_be_confirmed_by_the_next_alarm() {
	run(|| {
		begin();
		let from = calibrate();
		raise_for(THIEF, Kind::PowerMismatch);
		assert!(!Anomalies::is_quarantined(THIEF));
		let confirmed = |n| {
			live(from + n, 400);
			Anomalies::is_quarantined(THIEF)
		};
		assert!((0..960).any(confirmed), "within ten days");
		let confirmation = Event::FlagConfirmed {
			microgrid: HERE,
			meter: THIEF,
			kind: Kind::PowerMismatch,
			by: Confirmation::Feeder,
		};
		assert!(events().contains(&confirmation));
	});
}

#[test]
fn periods_that_the_feeder_was_silent_in_should_be_passed_over() {
	run(|| {
		begin();
		calibrate();
		let before = Feeders::<Test>::get(Be32::from(HERE));
		for n in 200..300 {
			let period = P0.saturating_add(n);
			meter_energy(METER, period, 100, 0);
			meter_as(FEEDER, period, 90_000, 0, Provenance::Estimated);
			go_to(period.next());
		}
		assert_eq!(Feeders::<Test>::get(Be32::from(HERE)), before);
	});
}

#[test]
fn another_feeder_or_a_new_fit_should_forget_the_losses() {
	run(|| {
		begin();
		calibrate();
		Anomalies::recalibrate(by(OPERATOR), HERE).expect("recalibrates");
		assert_eq!(Feeders::<Test>::get(Be32::from(HERE)), None);
		live(200, 0);
		assert!(Feeders::<Test>::get(Be32::from(HERE)).is_some());
		Anomalies::set_parameters(by(OPERATOR), HERE, None).expect("sets");
		assert_eq!(Feeders::<Test>::get(Be32::from(HERE)), None);
		assert!(!Anomalies::api_suspects(HERE).calibrated);
	});
}
