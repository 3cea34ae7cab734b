//! What a meter showed, whatever protocol it spoke.

use gridweave_primitives::{
	reading::{Phase, Quality},
	WattHours,
};

use super::decimal::Decimal;

/// Digits behind the point of a Wh that tariffs are added up with.
const MICRO: i32 = 6;

/// What a meter showed at one moment. What it does not measure is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measurement {
	/// All energy ever taken from the grid.
	pub import: Register,
	/// All energy ever fed into the grid.
	pub export: Register,
	/// Values of the phases.
	pub phases: [PhaseValues; 3],
	/// Frequency in mHz.
	pub frequency_mhz: Option<u32>,
	/// How often power ever failed.
	pub power_failures: Option<u32>,
}

/// A cumulative register: its total, or else the sum of its tariffs. In 10⁻⁶ Wh, for tariffs must not be
/// rounded one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Register {
	total: Option<u128>,
	tariffs: Option<u128>,
	seen: u64,
}

impl Register {
	/// A register that shows only its total.
	pub fn of_total(energy: WattHours) -> Self {
		Self {
			total: Some(u128::from(energy.0) * 1_000_000),
			..Self::default()
		}
	}

	/// Takes the total, in Wh.
	pub fn set_total(&mut self, energy: Decimal) {
		if let Some(energy) = micro(energy) {
			self.total = Some(energy);
		}
	}

	/// Takes a tariff's share (1 to 63), in Wh. One that is told twice counts once.
	pub fn add_tariff(&mut self, tariff: u8, energy: Decimal) {
		let bit = 1u64.checked_shl(tariff.into()).unwrap_or(0);
		if bit == 0 || self.seen & bit != 0 {
			return;
		}
		if let Some(energy) = micro(energy) {
			self.seen |= bit;
			self.tariffs = Some(self.tariffs.unwrap_or(0).saturating_add(energy));
		}
	}

	/// What it shows, in whole Wh, rounded down: the rest shows up in a later reading.
	pub fn get(&self) -> Option<WattHours> {
		let micro = self.total.or(self.tariffs)?;
		u64::try_from(micro / 1_000_000).ok().map(WattHours)
	}
}

fn micro(energy: Decimal) -> Option<u128> {
	energy
		.scaled(MICRO)
		.and_then(|energy| u128::try_from(energy).ok())
}

/// What was measured of one phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseValues {
	/// Voltage in mV.
	pub voltage_mv: Option<u32>,
	/// Current in mA, without sign.
	pub current_ma: Option<u32>,
	/// Power factor in thousandths, without sign.
	pub power_factor: Option<i16>,
	/// Whether it fed in.
	pub exports: bool,
}

/// Power factor of a meter that does not tell.
const UNITY: i16 = 1_000;

impl PhaseValues {
	/// As in a reading, if voltage and current are known.
	fn phase(&self) -> Option<Phase> {
		let factor = self.power_factor.unwrap_or(UNITY).clamp(0, UNITY);
		Some(Phase {
			voltage_mv: self.voltage_mv?,
			current_ma: self.current_ma?,
			power_factor: if self.exports { -factor } else { factor },
		})
	}
}

impl Measurement {
	/// Whether it shows any energy; what does not is of no use to anybody.
	pub fn shows_energy(&self) -> bool {
		self.import.get().is_some() || self.export.get().is_some()
	}

	/// Power quality, from the phases whose voltage and current are known, as far as they follow one
	/// another. A frequency that is not measured is 0; a power factor that is not, 1.
	pub fn quality(&self) -> Option<Quality> {
		let phases: Vec<Phase> = self.phases.iter().map_while(PhaseValues::phase).collect();
		(!phases.is_empty()).then_some(())?;
		Some(Quality {
			frequency_mhz: self.frequency_mhz.unwrap_or(0),
			phases: phases.try_into().ok()?,
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn wh(text: &str) -> Decimal {
		Decimal::parse(text).unwrap()
	}

	#[test]
	fn a_register_should_prefer_its_total_and_else_add_up_tariffs() {
		let mut register = Register::default();
		assert_eq!(register.get(), None);
		register.add_tariff(1, wh("100.6"));
		register.add_tariff(2, wh("200.5"));
		register.add_tariff(2, wh("200.5"));
		register.add_tariff(3, wh("-1"));
		register.add_tariff(64, wh("9"));
		// 301.1: rounded once, not 100 + 200.
		assert_eq!(register.get(), Some(WattHours(301)));
		register.set_total(wh("-5"));
		assert_eq!(register.get(), Some(WattHours(301)));
		register.set_total(wh("302.9"));
		assert_eq!(register.get(), Some(WattHours(302)));
		register.set_total(wh("1e19"));
		assert_eq!(register.get(), Some(WattHours(10_000_000_000_000_000_000)));
		register.set_total(wh("1e20"));
		assert_eq!(register.get(), None);
	}

	#[test]
	fn quality_should_hold_the_phases_that_are_known() {
		let mut measured = Measurement::default();
		assert_eq!(measured.quality(), None);
		let phase = PhaseValues {
			voltage_mv: Some(230_000),
			current_ma: Some(2_000),
			power_factor: Some(950),
			exports: true,
		};
		measured.phases[0] = phase;
		measured.phases[2] = phase;
		let quality = measured.quality().unwrap();
		assert_eq!(quality.frequency_mhz, 0);
		assert_eq!(quality.phases.len(), 1);
		assert_eq!(quality.phases[0].power_factor, -950);
		measured.phases[1] = PhaseValues {
			power_factor: None,
			exports: false,
			..phase
		};
		let quality = measured.quality().unwrap();
		assert_eq!(quality.phases.len(), 3);
		assert_eq!(quality.phases[1].power_factor, UNITY);
	}
}
