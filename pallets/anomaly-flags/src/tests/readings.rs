//! Readings as they are taken.

use codec::Encode;
use frame_support::weights::Weight;
use gridweave_primitives::{
	meter::MeterKind,
	meter::Movement,
	reading::status,
	traits::{OnMeterRetired, OnReading, Quarantine},
	Be32, MeterId, WattHours,
};

use crate::{detectors::Finding, mock::*, Findings, Kind, RaisedTo, WatchPages, WeightInfo};

#[test]
fn an_honest_reading_should_leave_no_trace() {
	run(|| {
		assert_eq!(take(reading(METER, 2, T0, 500, 0), moved(500)), 0);
		assert_eq!(WatchPages::<Test>::iter().count(), 0);
		assert_eq!(events(), []);
	});
}

#[test]
fn a_rollback_should_be_flagged_with_both_registers() {
	run(|| {
		let low = reading(METER, 2, T0, 40, 0);
		let mut observation = observation(&low, BACK);
		if let Some(previous) = &mut observation.previous {
			previous.import_register = WattHours(90);
		}
		assert_eq!(observe(&[observation]), 1);
		let flag = flag(Kind::RegisterRollback).expect("raised");
		assert_eq!(flag.evidence, Finding::new(40, 90));
		assert!(Anomalies::is_quarantined(METER));
	});
}

#[test]
fn a_first_reading_should_prove_nothing_but_tampering() {
	run(|| {
		let mut first = reading(METER, 2, T0, 1 << 50, 0);
		let mut observation = observation(&first, Movement::default());
		observation.previous = None;
		assert_eq!(observe(&[observation]), 0);
		first.status = status::TERMINAL_OPENED;
		let mut observation = self::observation(&first, Movement::default());
		observation.previous = None;
		assert_eq!(observe(&[observation]), 1);
		let flag = flag(Kind::TamperSwitch).expect("raised");
		assert_eq!(flag.evidence, Finding::new(status::TERMINAL_OPENED, 0));
	});
}

#[test]
fn implausible_power_should_be_flagged_by_what_was_suspended_too() {
	run(|| {
		let suspended = |suspended| Movement {
			suspended: WattHours(suspended),
			..moved(1_000)
		};
		// A kilowatt-hour a period, a tenth more, and the last digit.
		assert_eq!(take(reading(METER, 2, T0, 0, 0), suspended(101)), 0);
		assert_eq!(take(reading(METER, 3, T0, 0, 0), suspended(102)), 1);
		let flag = flag(Kind::ImplausiblePower).expect("raised");
		assert_eq!(flag.evidence, Finding::new(1_102, 1_100));
	});
}

#[test]
fn the_gravest_cause_should_be_flagged_first() {
	run(|| {
		let mut bad = reading(METER, 2, T0, 0, 0);
		bad.status = status::MAGNET;
		assert_eq!(take(bad.clone(), BACK), 1);
		assert!(flag(Kind::RegisterRollback).is_some());
		assert!(flag(Kind::TamperSwitch).is_none());
		assert_eq!(take(bad, moved(1)), 1);
		assert!(flag(Kind::TamperSwitch).is_some());
	});
}

#[test]
fn voltage_out_of_bounds_should_be_flagged_once_it_lasts() {
	run(|| {
		let mut low = reading(METER, 2, T0, 0, 0);
		low.quality = Some(quality(200, 0));
		for n in 2..4 {
			low.sequence = n;
			assert_eq!(take(low.clone(), moved(0)), 0);
		}
		assert_eq!(WatchPages::<Test>::iter().count(), 1);
		assert_eq!(take(low.clone(), moved(0)), 1);
		let flag = flag(Kind::VoltageOutOfRange).expect("raised");
		assert_eq!(flag.evidence, Finding::new(200_000, 207_000));
		assert!(!Anomalies::is_quarantined(METER));
	});
}

#[test]
fn a_register_that_stands_still_should_be_flagged() {
	run(|| {
		let mut still = reading(METER, 2, T0, 0, 0);
		// 250 Wh a period.
		still.quality = Some(quality(230, 1_000));
		for _ in 0..7 {
			assert_eq!(take(still.clone(), moved(0)), 0);
		}
		assert_eq!(take(still.clone(), moved(0)), 1);
		let stuck = flag(Kind::Stuck).expect("raised");
		assert_eq!(stuck.evidence.seen, 0);
		assert!((240..=250).contains(&stuck.evidence.expected));
		// A sample of a longer time says nothing.
		let mut long = observation(&still, moved(0));
		if let Some(previous) = &mut long.previous {
			previous.captured_at = T0 - 2 * L - 1;
		}
		for _ in 0..20 {
			assert_eq!(observe(&[long.clone()]), 0);
		}
	});
}

#[test]
fn a_bypassed_phase_should_be_flagged_after_a_window() {
	run(|| {
		let mut bypassed = reading(METER, 2, T0, 0, 0);
		bypassed.quality = Some(quality(230, 2_000));
		let flagged: u32 = (0..192).map(|_| take(bypassed.clone(), moved(300))).sum();
		assert_eq!(flagged, 1);
		let flag = flag(Kind::PowerMismatch).expect("raised");
		assert_eq!(flag.evidence.seen, 192 * 300);
		assert!(flag.evidence.expected > 192 * 490);
	});
}

#[test]
fn the_clock_should_be_judged_by_the_newest_reading_of_a_call() {
	run(|| {
		for n in 0..20 {
			Now::set(T0 + n * L);
			// Late ones, and one in time.
			let readings: Vec<_> = (0..4)
				.map(|back| reading(METER, 2, Now::get() - (3 - back) * L, 0, 0))
				.collect();
			let all: Vec<_> = readings
				.iter()
				.map(|reading| observation(reading, moved(0)))
				.collect();
			assert_eq!(observe(&all), 0);
		}
		for n in 20..28 {
			Now::set(T0 + n * L);
			let flagged = take(reading(METER, 2, Now::get() - 3 * L, 0, 0), moved(0));
			assert_eq!(flagged, u32::from(n == 27));
		}
		assert!(flag(Kind::ClockDrift).is_some());
	});
}

#[test]
fn neighbours_should_share_an_item() {
	run(|| {
		let mut low = reading(METER, 2, T0, 0, 0);
		low.quality = Some(quality(200, 0));
		let neighbours: Vec<_> = (0..3)
			.map(|meter| {
				let mut reading = low.clone();
				reading.meter = MeterId(meter);
				reading
			})
			.collect();
		let all: Vec<_> = neighbours
			.iter()
			.map(|reading| observation(reading, moved(0)))
			.collect();
		assert_eq!(observe(&all), 0);
		let page = WatchPages::<Test>::get(Be32::from(0));
		assert_eq!(page.iter().count(), 3);
		// 32 slots of 34 bytes at most.
		assert!(page.encoded_size() <= 1 + 3 * 34);
	});
}

#[test]
fn nothing_should_weigh_but_what_is_looked_at() {
	assert_eq!(
		<Anomalies as OnReading>::weight(0, 0),
		<() as WeightInfo>::observe_pages(0)
	);
	let readings = <Anomalies as OnReading>::weight(2, 40);
	let expected = <() as WeightInfo>::observe_pages(2) + <() as WeightInfo>::observe_readings(40);
	assert_eq!(readings, expected);
	assert_ne!(readings, Weight::zero());
	run(|| assert_eq!(observe(&[]), 0));
}

/// Takes a reading of a meter whose cover was opened, without raising anything.
fn tamper(meter: u32) {
	let mut opened = reading(MeterId(meter), 2, T0, 0, 0);
	opened.status = 1;
	Anomalies::on_readings(HERE, &[observation(&opened, moved(0))]);
}

fn raised(meters: &[u32]) -> Vec<u32> {
	let raised = |meter: &u32| flag_of(MeterId(*meter), Kind::TamperSwitch).is_some();
	meters.iter().copied().filter(raised).collect()
}

#[test]
fn findings_should_be_raised_in_steps_and_none_be_left_behind() {
	run(|| {
		// Three on one page, one on another, one on a third.
		let meters = [0, 1, 2, 40, 70];
		for meter in meters {
			add_meter(MeterId(meter), HERE, MeterKind::Consumer);
		}
		meters.iter().for_each(|meter| tamper(*meter));
		assert!(raised(&meters).is_empty());
		// Room for two findings of one page.
		let two = <() as WeightInfo>::raise_idle()
			+ <() as WeightInfo>::raise_page()
			+ <() as WeightInfo>::raise_finding() * 2;
		RaiseWeight::set(two);
		poll();
		assert_eq!(raised(&meters), [0, 1]);
		// Who comes again has no earlier turn.
		tamper(0);
		poll();
		assert_eq!(raised(&meters), [0, 1, 2]);
		RaiseWeight::set(two * 10);
		poll();
		assert_eq!(raised(&meters), meters);
		assert_eq!(Findings::<Test>::iter().count(), 0);
		assert_eq!(RaisedTo::<Test>::get(), None);
	});
}

#[test]
fn the_gravest_finding_of_a_meter_should_be_raised() {
	run(|| {
		let mut both = reading(METER, 2, T0, 0, 0);
		both.status = 1;
		let worse = reading(METER, 3, T0 + 1, 0, 0);
		Anomalies::on_readings(HERE, &[observation(&both, moved(0))]);
		Anomalies::on_readings(HERE, &[observation(&worse, BACK)]);
		Anomalies::on_readings(HERE, &[observation(&both, moved(0))]);
		poll();
		assert!(flag(Kind::RegisterRollback).is_some());
		assert!(flag(Kind::TamperSwitch).is_none());
	});
}

#[test]
fn findings_of_a_meter_that_is_gone_should_be_forgotten() {
	run(|| {
		tamper(METER.0);
		Anomalies::on_meter_retired(METER);
		assert_eq!(Findings::<Test>::iter().count(), 0);
		poll();
		assert!(flag(Kind::TamperSwitch).is_none());
	});
}
