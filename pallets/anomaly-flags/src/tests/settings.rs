//! What operators set.

use frame_support::{assert_noop, assert_ok};
use gridweave_primitives::{
	meter::{MeterKind, MeterState},
	Be32, MeterId, MicrogridId,
};

use crate::{mock::*, Error, Event, Kind, Parameters, ParametersOf};

fn set(who: u64, parameters: Option<Parameters>) -> sp_runtime::DispatchResult {
	Anomalies::set_parameters(by(who), HERE, parameters)
}

#[test]
fn only_the_operator_should_set_sound_parameters() {
	run(|| {
		let sound = Parameters::default();
		assert_noop!(set(OWNER, Some(sound)), Error::<Test>::NotOperator);
		assert_noop!(
			Anomalies::set_parameters(by(OPERATOR), MicrogridId(9), Some(sound)),
			Error::<Test>::UnknownMicrogrid
		);
		let unsound = Parameters {
			silent_periods: 0,
			..sound
		};
		assert_noop!(
			set(OPERATOR, Some(unsound)),
			Error::<Test>::UnsoundParameters
		);
		let eager = Parameters {
			silent_periods: 1,
			..sound
		};
		assert_ok!(set(OPERATOR, Some(eager)));
		assert_eq!(Anomalies::parameters_of(HERE), eager);
		assert_eq!(Anomalies::parameters_of(MicrogridId(1)), sound);
		assert_ok!(set(OPERATOR, None));
		assert_eq!(ParametersOf::<Test>::iter().count(), 0);
		assert_eq!(
			events().last(),
			Some(&Event::ParametersSet {
				microgrid: HERE,
				parameters: None
			})
		);
	});
}

#[test]
fn the_feeder_should_be_one_of_the_microgrid() {
	run(|| {
		let with = |feeder| {
			Some(Parameters {
				feeder: Some(feeder),
				..Parameters::default()
			})
		};
		assert_noop!(set(OPERATOR, with(METER)), Error::<Test>::NotFeeder);
		assert_noop!(
			set(OPERATOR, with(MeterId(99))),
			Error::<Test>::UnknownMeter
		);
		add_meter(MeterId(64), MicrogridId(1), MeterKind::Feeder);
		assert_noop!(set(OPERATOR, with(MeterId(64))), Error::<Test>::NotFeeder);
		assert_noop!(
			Anomalies::recalibrate(by(OPERATOR), HERE),
			Error::<Test>::NoFeeder
		);
		add_meter(FEEDER, HERE, MeterKind::Feeder);
		for state in [MeterState::Registered, MeterState::Retired] {
			set_state(FEEDER, state);
			assert_noop!(set(OPERATOR, with(FEEDER)), Error::<Test>::NotFeeder);
		}
		set_state(FEEDER, MeterState::Active);
		assert_ok!(set(OPERATOR, with(FEEDER)));
		assert_noop!(
			Anomalies::recalibrate(by(OWNER), HERE),
			Error::<Test>::NotOperator
		);
		assert_ok!(Anomalies::recalibrate(by(OPERATOR), HERE));
	});
}

#[test]
fn detectors_should_follow_what_is_set() {
	run(|| {
		let parameters = Parameters {
			power_tolerance: 2_000,
			flag_life: 10,
			..Parameters::default()
		};
		assert_ok!(set(OPERATOR, Some(parameters)));
		assert_eq!(take(reading(METER, 2, T0, 0, 0), moved(2_000)), 0);
		assert_eq!(take(reading(METER, 2, T0, 0, 0), moved(2_002)), 1);
		let flag = flag(Kind::ImplausiblePower).expect("raised");
		assert_eq!(flag.due, P0.saturating_add(10));
		assert!(ParametersOf::<Test>::contains_key(Be32::from(HERE)));
	});
}
