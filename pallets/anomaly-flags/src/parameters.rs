//! What the detectors of a microgrid are set to.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::MeterId;
use scale_info::TypeInfo;

use crate::detectors::{
	days::DayBounds,
	device::ClockBounds,
	feeder::{FeederBounds, MOST_PERIODS},
	power::MatchBounds,
	quality::Band,
	series::{Dark, MINUTES},
};

/// What the detectors of a microgrid are set to. The operator may change it; the values by default suit
/// quarters of an hour in Central Europe.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Parameters {
	/// The meter that measures all members together. Without one nothing tells of unmetered energy.
	pub feeder: Option<MeterId>,
	/// Implausible power: thousandths of the rating, 1,000 to 2,000.
	pub power_tolerance: u16,
	/// Implausible power: by how much the registers of the microgrid's meters move at once, in Wh, 1 to 1,000.
	pub register_step: u16,
	/// Clock drift: seconds ahead, at most 300, as readings further ahead are not taken.
	pub clock_ahead: u16,
	/// Clock drift: seconds behind; at least a minute.
	pub clock_behind: u32,
	/// Clock drift: how many periods in a row; at least 2.
	pub clock_repeats: u8,
	/// Voltage in mV (EN 50160: 230 V ± 10 %).
	pub voltage: Band,
	/// Frequency in mHz (EN 50160: 50 Hz ± 1 %).
	pub frequency: Band,
	/// Voltage and frequency: how many readings in a row; at least 1.
	pub quality_repeats: u8,
	/// Power mismatch: readings of a window; at least 8.
	pub mismatch_window: u8,
	/// Power mismatch: by how much registers and power may differ beyond what samples scatter, in thousandths of the
	/// window's gross energy, 20 to 1,000.
	pub mismatch_tolerance: u16,
	/// Power mismatch: and so many Wh.
	pub mismatch_floor: u32,
	/// Stuck: energy that should have been counted between readings, in Wh; at least 1.
	pub stuck_floor: u32,
	/// Stuck: how many readings in a row; at least 2.
	pub stuck_repeats: u8,
	/// Silent: periods without a reading, 1 to 64.
	pub silent_periods: u8,
	/// Flat profile: periods of one value; at least 8.
	pub flat_periods: u8,
	/// Flat profile: values of less, in Wh, are none; at least 1.
	pub flat_floor: u32,
	/// Night generation: the dark hours.
	pub dark: Dark,
	/// Night generation: export of a period in Wh; at least 1.
	pub night_floor: u32,
	/// Night generation: dark periods in a row; at least 1.
	pub night_periods: u8,
	/// Days: how many to learn first, 7 to 100.
	pub warm_up_days: u8,
	/// Sudden change, shape change: by how much the sum of deviations shrinks each day, in 1/16 of the usual one.
	pub change_slack: u16,
	/// Sudden change, shape change: the sum, in 1/16 of the usual deviation, 32 to 4,096.
	pub change_limit: u16,
	/// Shape change: the sum of what days were nearer to the usual one read backwards, in 1/1024; at least 256.
	pub reversed_limit: u16,
	/// Days of less import, in Wh, have no shape; at least 1.
	pub day_floor: u32,
	/// Feeder imbalance: periods to fit the losses to, 96 to 4,096.
	pub feeder_calibration: u16,
	/// Feeder imbalance: the least band, in ppm of gross throughput; at least 1.
	pub feeder_least_band: u32,
	/// Feeder imbalance: the sum, in bands, 4 to 1,000.
	pub feeder_limit: u16,
	/// Feeder imbalance: periods of less gross throughput, in Wh, are passed over; at least 1.
	pub feeder_floor: u32,
	/// Feeder imbalance: what must be missing of a member on a usual day, in Wh, beyond what meters may err by; at
	/// least 1.
	pub feeder_missing: u32,
	/// Feeder imbalance: for how many periods, 4 to 10,000.
	pub feeder_standing: u16,
	/// Feeder imbalance: for how many periods an alarm confirms the flags of those it names, 1 to 10,000.
	pub feeder_alarm: u16,
	/// For how many periods a flag waits to be confirmed, 4 to 100,000.
	pub flag_life: u32,
	/// For how many periods a confirmed flag stands, 4 to 1,000,000.
	pub confirmed_life: u32,
	/// For how many periods a flag that does not stand any more is remembered, 4 to 1,000,000. One that was
	/// dismissed is not raised again so long, if it is not a proof.
	pub history_life: u32,
}

impl Default for Parameters {
	fn default() -> Self {
		Self {
			feeder: None,
			power_tolerance: 1_100,
			register_step: 1,
			clock_ahead: 60,
			clock_behind: 1_800,
			clock_repeats: 8,
			voltage: Band {
				least: 207_000,
				most: 253_000,
			},
			frequency: Band {
				least: 49_500,
				most: 50_500,
			},
			quality_repeats: 3,
			mismatch_window: 192,
			mismatch_tolerance: 40,
			mismatch_floor: 100,
			stuck_floor: 20,
			stuck_repeats: 8,
			silent_periods: 8,
			flat_periods: 64,
			flat_floor: 20,
			dark: Dark {
				from: 21 * 60,
				until: 2 * 60,
			},
			night_floor: 20,
			night_periods: 4,
			warm_up_days: 21,
			change_slack: 42,
			change_limit: 128,
			reversed_limit: 1_536,
			day_floor: 500,
			feeder_calibration: 672,
			feeder_least_band: 500,
			feeder_limit: 24,
			feeder_floor: 1_000,
			feeder_missing: 150,
			feeder_standing: 96,
			feeder_alarm: 672,
			flag_life: 2_688,
			confirmed_life: 8_640,
			history_life: 2_880,
		}
	}
}

impl Parameters {
	/// Whether all lie within their bounds. Whether the feeder is one is checked where it is set.
	pub fn is_sound(&self) -> bool {
		let bands = [self.voltage, self.frequency];
		let between = |value: u32, least: u32, most: u32| (least..=most).contains(&value);
		(1_000..=2_000).contains(&self.power_tolerance)
			&& (1..=1_000).contains(&self.register_step)
			&& (1..=300).contains(&self.clock_ahead)
			&& self.clock_behind >= 60
			&& self.clock_repeats >= 2
			&& bands.iter().all(|band| band.least < band.most)
			&& self.quality_repeats >= 1
			&& self.mismatch_window >= 8
			&& (20..=1_000).contains(&self.mismatch_tolerance)
			&& self.stuck_floor >= 1
			&& self.stuck_repeats >= 2
			&& (1..=64).contains(&self.silent_periods)
			&& self.flat_periods >= 8
			&& self.flat_floor >= 1
			&& self.dark.from < MINUTES
			&& self.dark.until < MINUTES
			&& self.night_floor >= 1
			&& self.night_periods >= 1
			&& (7..=100).contains(&self.warm_up_days)
			&& (32..=4_096).contains(&self.change_limit)
			&& self.reversed_limit >= 256
			&& self.day_floor >= 1
			&& (96..=MOST_PERIODS).contains(&self.feeder_calibration)
			&& between(self.feeder_least_band, 1, 1_000_000)
			&& (4..=1_000).contains(&self.feeder_limit)
			&& self.feeder_floor >= 1
			&& self.feeder_missing >= 1
			&& (4..=10_000).contains(&self.feeder_standing)
			&& (1..=10_000).contains(&self.feeder_alarm)
			&& between(self.flag_life, 4, 100_000)
			&& between(self.confirmed_life, 4, 1_000_000)
			&& between(self.history_life, 4, 1_000_000)
	}

	/// Of clocks.
	pub fn clock(&self) -> ClockBounds {
		ClockBounds {
			ahead: self.clock_ahead.into(),
			behind: self.clock_behind,
			repeats: self.clock_repeats,
		}
	}

	/// Of registers against power.
	pub fn mismatch(&self) -> MatchBounds {
		MatchBounds {
			window: self.mismatch_window,
			tolerance: self.mismatch_tolerance,
			floor: self.mismatch_floor,
		}
	}

	/// Of days.
	pub fn days(&self) -> DayBounds {
		DayBounds {
			warm_up: self.warm_up_days,
			slack: self.change_slack,
			limit: self.change_limit,
			reversed: self.reversed_limit,
			floor: self.day_floor,
		}
	}

	/// Of the balance, where a day has so many periods.
	pub fn balance(&self, periods_per_day: u32) -> FeederBounds {
		FeederBounds {
			calibration: self.feeder_calibration,
			least_band: self.feeder_least_band,
			limit: self.feeder_limit,
			floor: self.feeder_floor,
			missing: self.feeder_missing,
			standing: self.feeder_standing,
			periods_per_day,
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_defaults_should_be_sound() {
		assert!(Parameters::default().is_sound());
	}

	#[test]
	fn what_lies_out_of_bounds_should_be_refused() {
		let unsound: [fn(&mut Parameters); 35] = [
			|p| p.register_step = 0,
			|p| p.register_step = 1_001,
			|p| p.power_tolerance = 999,
			|p| p.power_tolerance = 2_001,
			|p| p.clock_ahead = 0,
			|p| p.clock_ahead = 301,
			|p| p.clock_behind = 59,
			|p| p.clock_repeats = 1,
			|p| p.voltage.least = p.voltage.most,
			|p| p.frequency.most = 0,
			|p| p.quality_repeats = 0,
			|p| p.mismatch_window = 7,
			|p| p.mismatch_tolerance = 19,
			|p| p.mismatch_tolerance = 1_001,
			|p| p.stuck_floor = 0,
			|p| p.stuck_repeats = 1,
			|p| p.silent_periods = 0,
			|p| p.silent_periods = 65,
			|p| p.flat_periods = 7,
			|p| p.flat_floor = 0,
			|p| p.dark.from = MINUTES,
			|p| p.dark.until = MINUTES,
			|p| p.night_floor = 0,
			|p| p.night_periods = 0,
			|p| p.warm_up_days = 6,
			|p| p.change_limit = 31,
			|p| p.change_limit = 4_097,
			|p| p.reversed_limit = 255,
			|p| p.feeder_calibration = MOST_PERIODS + 1,
			|p| p.feeder_limit = 3,
			|p| p.feeder_missing = 0,
			|p| p.feeder_standing = 3,
			|p| p.flag_life = 3,
			|p| p.confirmed_life = 1_000_001,
			|p| p.history_life = 3,
		];
		for (place, change) in unsound.iter().enumerate() {
			let mut parameters = Parameters::default();
			change(&mut parameters);
			assert!(!parameters.is_sound(), "case {place}");
		}
	}
}
