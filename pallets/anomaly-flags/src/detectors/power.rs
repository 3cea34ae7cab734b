//! Registers that do not follow the power that flows: bypassed registers and phases.
//!
//! A meter that reports power quality tells voltage, current and power factor at the moment of each reading. That
//! is a sample of the power since the reading before; over many readings its mean comes near to the registers'.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::reading::Quality;
use scale_info::TypeInfo;

use super::{clamp, Finding, Run};

/// Milliwatt-seconds in a watt-hour.
const MWS_PER_WH: i128 = 3_600 * 1_000;

/// Active power in mW, taken from the grid; negative when feeding in: Σ U · I · cos φ.
pub fn active_power(quality: &Quality) -> i64 {
	// Below 3 · 2⁶⁴ · 2¹⁵, in 10⁻⁹ W.
	let nano: i128 = quality
		.phases
		.iter()
		.map(|phase| {
			i128::from(phase.voltage_mv)
				.saturating_mul(phase.current_ma.into())
				.saturating_mul(phase.power_factor.into())
		})
		.fold(0, i128::saturating_add);
	clamp(nano / 1_000_000)
}

/// The energy in Wh of a power in mW over `seconds`.
pub fn energy_of(power: i64, seconds: u64) -> i64 {
	clamp(i128::from(power).saturating_mul(seconds.into()) / MWS_PER_WH)
}

/// What the registers showed against what flowed, summed over a window of readings.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Balance {
	/// Net energy that flowed, by samples of power, in Wh.
	pub flowed: i64,
	/// Net energy that the registers showed, in Wh.
	pub shown: i64,
	/// The larger of both, without sign, summed: in Wh.
	pub gross: u64,
	/// Readings summed.
	pub samples: u8,
}

/// When registers and power differ.
#[derive(Clone, Copy, Debug)]
pub struct MatchBounds {
	/// Readings of a window.
	pub window: u8,
	/// How far they may differ: in thousandths of the gross energy of the window.
	pub tolerance: u16,
	/// And this many Wh.
	pub floor: u32,
}

impl Balance {
	/// Adds a reading; at the end of a window a finding, if they differ: seen what the registers showed,
	/// expected what flowed, in Wh.
	pub fn observe(&mut self, flowed: i64, shown: i64, bounds: &MatchBounds) -> Option<Finding> {
		self.flowed = self.flowed.saturating_add(flowed);
		self.shown = self.shown.saturating_add(shown);
		let larger = flowed.unsigned_abs().max(shown.unsigned_abs());
		self.gross = self.gross.saturating_add(larger);
		self.samples = self.samples.saturating_add(1);
		if self.samples < bounds.window {
			return None;
		}
		let whole = core::mem::take(self);
		let difference = i128::from(whole.flowed)
			.saturating_sub(whole.shown.into())
			.unsigned_abs();
		let allowed = u128::from(whole.gross)
			.saturating_mul(bounds.tolerance.into())
			.saturating_add(u128::from(bounds.floor).saturating_mul(1_000));
		(difference.saturating_mul(1_000) > allowed)
			.then(|| Finding::new(whole.shown, whole.flowed))
	}
}

/// Registers that stand still while power flows: `limit` readings in a row in which at least `floor` Wh should
/// have been counted. Seen nothing, expected what flowed since the last reading, in Wh.
pub fn stuck(run: &mut Run, flowed: i64, moved: bool, floor: u32, limit: u8) -> Option<Finding> {
	let bad = !moved && flowed.unsigned_abs() >= u64::from(floor.max(1));
	run.count(bad, limit).then(|| Finding::new(0, flowed))
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::reading::Phase;
	use proptest::prelude::*;

	const BOUNDS: MatchBounds = MatchBounds {
		window: 96,
		tolerance: 250,
		floor: 200,
	};

	fn phase(voltage_mv: u32, current_ma: u32, power_factor: i16) -> Phase {
		Phase {
			voltage_mv,
			current_ma,
			power_factor,
		}
	}

	#[test]
	fn power_should_be_that_of_all_phases_with_its_direction() {
		let quality = |phases: Vec<Phase>| Quality {
			frequency_mhz: 50_000,
			phases: phases.try_into().expect("three at most"),
		};
		// 230 V × 10 A × 0.9 + 230 V × 2 A × −1 = 1,610 W.
		let both = vec![phase(230_000, 10_000, 900), phase(230_000, 2_000, -1_000)];
		assert_eq!(active_power(&quality(both)), 1_610_000);
		assert_eq!(active_power(&quality(vec![])), 0);
		let worst = vec![phase(u32::MAX, u32::MAX, i16::MIN); 3];
		assert!(active_power(&quality(worst)) < 0);
		assert_eq!(energy_of(4_000_000, 900), 1_000);
		assert_eq!(energy_of(-4_000_000, 900), -1_000);
	}

	#[test]
	fn a_bypassed_phase_should_be_found_at_the_end_of_the_window() {
		let mut balance = Balance::default();
		for n in 1..96 {
			assert_eq!(balance.observe(300, 200, &BOUNDS), None, "reading {n}");
		}
		assert_eq!(
			balance.observe(300, 200, &BOUNDS),
			Some(Finding::new(96 * 200, 96 * 300))
		);
		assert_eq!(balance, Balance::default());
	}

	#[test]
	fn samples_that_scatter_about_the_truth_should_not_be_found() {
		let mut balance = Balance::default();
		for n in 0..960i64 {
			// The sample is double, or nothing; in turn.
			let flowed = if n % 2 == 0 { 500 } else { 0 };
			assert_eq!(balance.observe(flowed, 250, &BOUNDS), None);
		}
	}

	#[test]
	fn a_register_that_stands_still_should_be_found_only_while_power_flows() {
		let mut run = Run::default();
		for _ in 0..7 {
			assert_eq!(stuck(&mut run, -50, false, 10, 8), None);
		}
		assert_eq!(
			stuck(&mut run, -50, false, 10, 8),
			Some(Finding::new(0, -50))
		);
		for _ in 0..20 {
			assert_eq!(stuck(&mut run, 9, false, 10, 8), None);
			assert_eq!(stuck(&mut run, 50, true, 10, 8), None);
		}
	}

	proptest! {
		#[test]
		fn registers_that_follow_should_never_be_found(
			energies in prop::collection::vec(-4_000i64..4_000, 200),
			error in -240i64..240,
		) {
			let mut balance = Balance::default();
			for flowed in energies {
				let shown = flowed + flowed * error / 1_000;
				prop_assert_eq!(balance.observe(flowed, shown, &BOUNDS), None);
			}
		}

		#[test]
		fn registers_that_show_half_should_always_be_found(
			energies in prop::collection::vec(50i64..4_000, 96),
		) {
			let mut balance = Balance::default();
			let found = energies
				.iter()
				.filter_map(|flowed| balance.observe(*flowed, flowed / 2, &BOUNDS))
				.count();
			prop_assert_eq!(found, 1);
		}

		#[test]
		fn no_values_should_overflow(
			values in prop::collection::vec((any::<i64>(), any::<i64>()), 1..300),
			power: i64, seconds: u64,
		) {
			let (mut balance, mut run) = (Balance::default(), Run::default());
			for (flowed, shown) in values {
				balance.observe(flowed, shown, &BOUNDS);
				stuck(&mut run, flowed, shown == 0, 0, 3);
			}
			energy_of(power, seconds);
		}
	}
}
