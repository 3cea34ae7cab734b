//! Registers that do not follow the power that flows: bypassed registers and phases.
//!
//! A meter that reports power quality tells voltage, current and power factor at the moment of each reading. That
//! is a sample of the power since the reading before; over many readings its mean comes near to the registers'.
//! How near is told by how much single samples stray from the registers about their own mean: so a household whose
//! power jumps is given more room than one with a steady load (Student, *The probable error of a mean*, Biometrika
//! 1908). What meters and samples err by constantly comes on top, as a share of the energy.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::reading::Quality;
use scale_info::TypeInfo;

use super::{clamp, Finding, Run};

/// Milliwatt-seconds in a watt-hour.
const MWS_PER_WH: i128 = 3_600 * 1_000;

/// How many standard errors the sum of a window may be off: by chance it is so in one window of ten thousand.
const ERRORS: u128 = 4;

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
	/// Net energy that flowed, by samples of power, in Wh; beyond 2 GWh nothing is told.
	pub flowed: i32,
	/// Net energy that the registers showed, in Wh.
	pub shown: i32,
	/// The larger of both, without sign, summed: in Wh.
	pub gross: u64,
	/// What both differ by, squared, summed: in Wh².
	pub scatter: u64,
	/// Readings summed.
	pub samples: u8,
}

/// When registers and power differ.
#[derive(Clone, Copy, Debug)]
pub struct MatchBounds {
	/// Readings of a window.
	pub window: u8,
	/// How far they may differ, beyond what samples scatter: in thousandths of the gross energy of the window.
	pub tolerance: u16,
	/// And this many Wh.
	pub floor: u32,
}

impl Balance {
	/// Adds a reading; at the end of a window a finding, if they differ: seen what the registers showed,
	/// expected what flowed, in Wh.
	pub fn observe(&mut self, flowed: i64, shown: i64, bounds: &MatchBounds) -> Option<Finding> {
		let difference = i128::from(flowed)
			.saturating_sub(shown.into())
			.unsigned_abs();
		let square = difference.saturating_mul(difference);
		let larger = flowed.unsigned_abs().max(shown.unsigned_abs());
		self.flowed = added(self.flowed, flowed);
		self.shown = added(self.shown, shown);
		self.gross = self.gross.saturating_add(larger);
		self.scatter = self
			.scatter
			.saturating_add(u64::try_from(square).unwrap_or(u64::MAX));
		self.samples = self.samples.saturating_add(1);
		if self.samples < bounds.window {
			return None;
		}
		let whole = core::mem::take(self);
		(whole.difference().saturating_mul(1_000) > whole.allowed(bounds))
			.then(|| Finding::new(whole.shown, whole.flowed))
	}

	/// What flowed and what was shown differ by, in Wh.
	fn difference(&self) -> u128 {
		i128::from(self.flowed)
			.saturating_sub(self.shown.into())
			.unsigned_abs()
	}

	/// The most that both may differ by, in mWh.
	fn allowed(&self, bounds: &MatchBounds) -> u128 {
		if self.scatter == u64::MAX {
			return u128::MAX;
		}
		// The squares about the mean, times a million so that the root is in mWh.
		let difference = self.difference();
		let of_mean = difference.saturating_mul(difference) / u128::from(self.samples.max(1));
		let about = u128::from(self.scatter).saturating_sub(of_mean);
		let error = about.saturating_mul(1_000_000).isqrt();
		u128::from(self.gross)
			.saturating_mul(bounds.tolerance.into())
			.saturating_add(u128::from(bounds.floor).saturating_mul(1_000))
			.saturating_add(error.saturating_mul(ERRORS))
	}
}

/// A sum with another part.
fn added(sum: i32, part: i64) -> i32 {
	let nearest = if part < 0 { i32::MIN } else { i32::MAX };
	i32::try_from(i64::from(sum).saturating_add(part)).unwrap_or(nearest)
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
		tolerance: 40,
		floor: 100,
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
	fn what_steady_loads_give_away_should_be_forgiven_where_power_jumps() {
		// A tenth is missing of a steady load, and of one whose samples are double or nothing.
		let (mut steady, mut jumping) = (Balance::default(), Balance::default());
		let (mut of_steady, mut of_jumping) = (0, 0);
		for n in 0..96i64 {
			of_steady += u32::from(steady.observe(250, 225, &BOUNDS).is_some());
			let flowed = if n % 2 == 0 { 500 } else { 0 };
			of_jumping += u32::from(jumping.observe(flowed, 225, &BOUNDS).is_some());
		}
		assert_eq!((of_steady, of_jumping), (1, 0));
	}

	#[test]
	fn one_sample_that_is_off_should_not_be_found() {
		let mut balance = Balance::default();
		for n in 0..96i64 {
			let flowed = if n == 50 { 50_000 } else { 100 };
			assert_eq!(balance.observe(flowed, 100, &BOUNDS), None);
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
			error in -30i64..30,
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
