//! Plugs and meters on ZigBee, as zigbee2mqtt publishes their state: JSON on the topic
//! `zigbee2mqtt/<friendly name>`.
//!
//! | field | what | unit |
//! |---|---|---|
//! | `energy`, `produced_energy` | registers | kWh |
//! | `voltage`, `current` | of the phase | V, A |
//! | `power` | negative when feeding in | W |
//! | `power_factor` | | |
//! | `ac_frequency` | | Hz |
//!
//! Values of the other phases end in `_phase_b` and `_phase_c`.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{
	decimal::Decimal,
	measurement::Measurement,
	obis::{self, Obis, Unit},
};

/// Field, what it is as an OBIS code, its unit, and the power of ten that makes it that unit.
const FIELDS: [(&str, [u8; 3], Unit, i32); 15] = [
	("energy", [1, 8, 0], Unit::WattHour, 3),
	("produced_energy", [2, 8, 0], Unit::WattHour, 3),
	("ac_frequency", [14, 7, 0], Unit::Hertz, 0),
	("voltage", [32, 7, 0], Unit::Volt, 0),
	("voltage_phase_b", [52, 7, 0], Unit::Volt, 0),
	("voltage_phase_c", [72, 7, 0], Unit::Volt, 0),
	("current", [31, 7, 0], Unit::Ampere, 0),
	("current_phase_b", [51, 7, 0], Unit::Ampere, 0),
	("current_phase_c", [71, 7, 0], Unit::Ampere, 0),
	("power", [36, 7, 0], Unit::Watt, 0),
	("power_phase_b", [56, 7, 0], Unit::Watt, 0),
	("power_phase_c", [76, 7, 0], Unit::Watt, 0),
	("power_factor", [33, 7, 0], Unit::None, 0),
	("power_factor_phase_b", [53, 7, 0], Unit::None, 0),
	("power_factor_phase_c", [73, 7, 0], Unit::None, 0),
];

/// Reads the state of a device. `None` if it is no state or shows no energy.
pub fn parse(payload: &[u8]) -> Option<Measurement> {
	// Numbers stay text, so that they stay exact.
	let fields: HashMap<String, &RawValue> = serde_json::from_slice(payload).ok()?;
	let mut measured = Measurement::default();
	for (name, [c, d, e], unit, prefix) in FIELDS {
		let value = fields
			.get(name)
			.and_then(|value| Decimal::parse(value.get()));
		if let Some(mut value) = value {
			value.exponent += prefix;
			let code = Obis {
				a: 1,
				b: 0,
				c,
				d,
				e,
			};
			obis::note(&mut measured, code, value, unit);
		}
	}
	measured.shows_energy().then_some(measured)
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::WattHours;
	use proptest::prelude::*;

	#[test]
	fn the_state_of_a_plug_should_be_read_exactly() {
		// A state as zigbee2mqtt documents it for a plug with a meter.
		let state = br#"{"current": 0.53, "energy": 123.456, "linkquality": 120, "power": 121.5,
			"state": "ON", "update": {"state": "idle"}, "voltage": 231, "last_seen": null}"#;
		let measured = parse(state).unwrap();
		assert_eq!(measured.import.get(), Some(WattHours(123_456)));
		assert_eq!(measured.export.get(), None);
		let quality = measured.quality().unwrap();
		assert_eq!(quality.phases.len(), 1);
		assert_eq!(
			(quality.phases[0].voltage_mv, quality.phases[0].current_ma),
			(231_000, 530)
		);
		assert_eq!(quality.phases[0].power_factor, 1_000);
	}

	#[test]
	fn a_three_phase_meter_should_be_read_with_its_directions() {
		let state =
			br#"{"energy": 12.340000000000002, "produced_energy": 1e-3, "ac_frequency": 49.98,
			"voltage": 230.1, "voltage_phase_b": 229, "voltage_phase_c": 231, "current": 1,
			"current_phase_b": 2, "current_phase_c": 3.25, "power": 200, "power_phase_b": -400,
			"power_factor_phase_b": 0.9}"#;
		let measured = parse(state).unwrap();
		assert_eq!(measured.import.get(), Some(WattHours(12_340)));
		assert_eq!(measured.export.get(), Some(WattHours(1)));
		let quality = measured.quality().unwrap();
		assert_eq!(quality.frequency_mhz, 49_980);
		let factors: Vec<i16> = quality
			.phases
			.iter()
			.map(|phase| phase.power_factor)
			.collect();
		assert_eq!(factors, [1_000, -900, 1_000]);
	}

	#[test]
	fn what_shows_no_energy_should_be_nothing() {
		let bad = [
			"",
			"[]",
			"{}",
			r#"{"state": "ON"}"#,
			r#"{"energy": null}"#,
			r#"{"energy": "5"}"#,
			r#"{"energy": -1}"#,
			r#"{"energy": 1e40}"#,
		];
		for payload in bad {
			assert_eq!(parse(payload.as_bytes()), None, "{payload}");
		}
	}

	proptest! {
		#[test]
		fn any_payload_should_be_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), value in ".{0,30}") {
			let _ = parse(&bytes);
			let _ = parse(format!(r#"{{"energy": {value}, "power": {value}}}"#).as_bytes());
		}
	}
}
