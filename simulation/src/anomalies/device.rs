//! A meter: what it measures, with its error, and what its registers show of that.

use gridweave_primitives::{
	meter::{MeteredPeriod, Movement, Provenance, Ratings},
	reading::{Phase, Quality, Reading},
	traits::Observation,
	MeterId, WattHours,
};
use pallet_meter_registry::energy::{allowance, movement, Span};

use crate::random::Seed;

/// Registers count modulo this.
const MODULUS: WattHours = WattHours(100_000_000_000);

/// What registers show when a meter is mounted.
const MOUNTED: u64 = 10_000_000;

/// A meter errs by a constant factor of its own, up to this many ppm either way: one percent.
pub const ERROR_PPM: i64 = 10_000;

/// Power factor of what is taken, in thousandths.
const POWER_FACTOR: i16 = 970;

/// A meter at work.
#[derive(Clone, Debug)]
pub struct Device {
	id: MeterId,
	ratings: Ratings,
	error_ppm: i64,
	/// All import and export so far, in mWh.
	import: u64,
	export: u64,
	/// By how much the import register was set back, in Wh.
	back: u64,
	last: Option<Reading>,
}

/// A reading and what it says of the time since the one before.
#[derive(Clone, Debug)]
pub struct Read {
	/// What was read.
	pub reading: Reading,
	/// What was read before.
	pub previous: Option<Reading>,
	/// How the registers moved.
	pub import: Movement,
	/// The other one.
	pub export: Movement,
}

impl Read {
	/// As the registry tells it.
	pub fn observation(&self, ratings: Ratings) -> Observation<'_> {
		Observation {
			reading: &self.reading,
			previous: self.previous.clone(),
			import: self.import,
			export: self.export,
			ratings,
		}
	}

	/// The energy of the period that ends with it.
	pub fn energy(&self) -> MeteredPeriod {
		MeteredPeriod {
			import: self.import.counted,
			export: self.export.counted,
			provenance: Provenance::Measured,
		}
	}
}

impl Device {
	/// A meter with an error that follows from its seed.
	pub fn new(id: MeterId, ratings: Ratings, seed: Seed) -> Self {
		Self {
			id,
			ratings,
			error_ppm: seed.between(-ERROR_PPM, ERROR_PPM),
			import: MOUNTED * 1_000 + seed.of(0).below(1_000_000),
			export: MOUNTED * 1_000 + seed.of(1).below(1_000_000),
			back: 0,
			last: None,
		}
	}

	/// Its id.
	pub fn id(&self) -> MeterId {
		self.id
	}

	/// What its connection takes and gives at most.
	pub fn ratings(&self) -> Ratings {
		self.ratings
	}

	/// What it measures of so much energy, in mWh.
	pub fn measured(&self, energy: u32) -> u32 {
		let error = i64::from(energy) * self.error_ppm / 1_000_000;
		u32::try_from(i64::from(energy) + error).unwrap_or_default()
	}

	/// What it measures of so much net energy, in mWh: import and export.
	pub fn measured_net(&self, net: i64) -> (u32, u32) {
		let measured = self.measured(u32::try_from(net.unsigned_abs()).unwrap_or(u32::MAX));
		if net < 0 {
			(0, measured)
		} else {
			(measured, 0)
		}
	}

	/// When it was read last.
	pub fn last_at(&self) -> Option<u64> {
		self.last.as_ref().map(|last| last.captured_at)
	}

	/// Counts energy, in mWh as measured.
	pub fn count(&mut self, import: u32, export: u32) {
		self.import += u64::from(import);
		self.export += u64::from(export);
	}

	/// Counts energy, in mWh as measured, and is read.
	pub fn read(
		&mut self,
		import: u32,
		export: u32,
		at: u64,
		status: u16,
		quality: Option<Quality>,
	) -> Read {
		self.count(import, export);
		let shown = |energy: u64| WattHours(energy / 1_000 % MODULUS.0);
		let previous = self.last.take();
		let reading = Reading {
			meter: self.id,
			sequence: previous
				.as_ref()
				.map_or(1, |previous| previous.sequence + 1),
			captured_at: at,
			import_register: WattHours(shown(self.import).0.saturating_sub(self.back)),
			export_register: shown(self.export),
			state_of_charge: None,
			quality,
			acknowledged: None,
			status,
		};
		let moved = |rating, of: fn(&Reading) -> WattHours| match &previous {
			Some(previous) => {
				let span = Span {
					from: previous.captured_at,
					until: at,
				};
				movement(of(previous), of(&reading), MODULUS, allowance(rating, span))
			}
			None => Movement::default(),
		};
		let read = Read {
			import: moved(self.ratings.max_import, |reading| reading.import_register),
			export: moved(self.ratings.max_export, |reading| reading.export_register),
			previous,
			reading,
		};
		self.last = Some(Reading {
			quality: None,
			..read.reading.clone()
		});
		read
	}

	/// Sets the import register back, in Wh.
	pub fn set_back(&mut self, energy: u64) {
		self.back += energy;
	}
}

/// What a meter's power quality is in a moment at which it takes so many mW, split over phases by shares in
/// thousandths, at this voltage in mV.
pub fn quality(milliwatts: i64, shares: [u16; 3], millivolts: u32, seed: Seed) -> Quality {
	let mut phases = Quality {
		frequency_mhz: 50_000u32.saturating_add_signed(seed.of(9).between(-80, 80) as i32),
		phases: Default::default(),
	};
	for (number, share) in shares.into_iter().enumerate() {
		let power = milliwatts * i64::from(share) / 1_000;
		let spread = seed.of(number as u64).between(-700, 700) as i32;
		let voltage_mv = millivolts.saturating_add_signed(spread);
		let factor = if power < 0 {
			1_000
		} else {
			i64::from(POWER_FACTOR)
		};
		// mW of mV and mA, at a factor in thousandths.
		let current = power.abs() * 1_000_000 / (i64::from(voltage_mv).max(1) * factor);
		let phase = Phase {
			voltage_mv,
			current_ma: u32::try_from(current).unwrap_or(u32::MAX),
			power_factor: if power < 0 { -1_000 } else { POWER_FACTOR },
		};
		// There are three places.
		let _ = phases.phases.try_push(phase);
	}
	phases
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::Watts;
	use pallet_anomaly_flags::detectors::power::active_power;
	use proptest::prelude::*;

	const RATINGS: Ratings = Ratings {
		max_import: Watts(10_000),
		max_export: Watts(10_000),
	};

	fn device(seed: u64) -> Device {
		Device::new(MeterId(0), RATINGS, Seed(seed))
	}

	#[test]
	fn fractions_should_be_carried() {
		let mut device = device(1);
		device.read(0, 0, 900, 0, None);
		let counted: u64 = (2..102)
			.map(|n| device.read(10_333, 0, n * 900, 0, None).energy().import.0)
			.sum();
		assert!((1_032..=1_034).contains(&counted), "{counted}");
	}

	#[test]
	fn a_register_that_is_set_back_should_be_seen_so() {
		let mut device = device(2);
		device.read(0, 0, 900, 0, None);
		assert!(!device.read(100_000, 0, 1_800, 0, None).import.rolled_back);
		device.set_back(5_000);
		let read = device.read(100_000, 0, 2_700, 0, None);
		assert!(read.import.rolled_back);
		assert_eq!(read.energy().import, WattHours(0));
		assert!(!device.read(100_000, 0, 3_600, 0, None).import.rolled_back);
	}

	proptest! {
		#[test]
		fn errors_should_stay_within_a_percent(seed: u64, energy in 0u32..20_000_000) {
			let measured = device(seed).measured(energy);
			prop_assert!(measured.abs_diff(energy) <= energy / 100 + 1);
		}

		#[test]
		fn quality_should_carry_the_power(seed: u64, watts in -20_000i64..20_000, volts in 220u32..245) {
			let values = quality(watts * 1_000, [500, 300, 200], volts * 1_000, Seed(seed));
			prop_assert_eq!(values.phases.len(), 3);
			let shown = active_power(&values);
			// A mA of each phase.
			prop_assert!((shown - watts * 1_000).abs() < 1_000, "{} {}", shown, watts);
		}
	}
}
