//! Voltage and frequency out of bounds (EN 50160: 230 V ± 10 %, 50 Hz ± 1 %).

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::reading::Quality;
use scale_info::TypeInfo;

use super::Finding;

/// What a value may be, both ends included.
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
pub struct Band {
	/// The least.
	pub least: u32,
	/// The most.
	pub most: u32,
}

impl Band {
	/// A value outside, and the end it passed.
	pub fn outside(&self, value: u32) -> Option<Finding> {
		let end = value.clamp(self.least, self.most.max(self.least));
		(end != value).then(|| Finding::new(value, end))
	}
}

/// The first phase whose voltage, in mV, is out of bounds.
pub fn voltage(quality: &Quality, band: &Band) -> Option<Finding> {
	quality
		.phases
		.iter()
		.find_map(|phase| band.outside(phase.voltage_mv))
}

/// A frequency, in mHz, out of bounds.
pub fn frequency(quality: &Quality, band: &Band) -> Option<Finding> {
	band.outside(quality.frequency_mhz)
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::reading::Phase;
	use proptest::prelude::*;

	fn quality(frequency_mhz: u32, volts: &[u32]) -> Quality {
		let phases: Vec<_> = volts
			.iter()
			.map(|volts| Phase {
				voltage_mv: volts * 1_000,
				current_ma: 0,
				power_factor: 1_000,
			})
			.collect();
		Quality {
			frequency_mhz,
			phases: phases.try_into().expect("three at most"),
		}
	}

	const VOLTS: Band = Band {
		least: 207_000,
		most: 253_000,
	};

	#[test]
	fn any_phase_out_of_bounds_should_be_found() {
		assert_eq!(voltage(&quality(0, &[207, 253, 230]), &VOLTS), None);
		assert_eq!(voltage(&quality(0, &[]), &VOLTS), None);
		assert_eq!(
			voltage(&quality(0, &[230, 254, 206]), &VOLTS),
			Some(Finding::new(254_000, 253_000))
		);
		assert_eq!(
			voltage(&quality(0, &[230, 230, 0]), &VOLTS),
			Some(Finding::new(0, 207_000))
		);
	}

	proptest! {
		#[test]
		fn frequency_should_be_found_exactly_outside_its_bounds(
			value: u32, a: u32, b: u32,
		) {
			let band = Band { least: a.min(b), most: a.max(b) };
			let found = frequency(&quality(value, &[]), &band);
			prop_assert_eq!(found.is_none(), (band.least..=band.most).contains(&value));
			// A band without room is no reason to panic.
			Band { least: 2, most: 1 }.outside(value);
		}
	}
}
