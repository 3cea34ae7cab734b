//! What thieves do to what their meters show.
//!
//! The first six are the models of Jokar, Arianpoo and Leung, *Electricity theft detection in AMI using customers'
//! consumption patterns*, IEEE Trans. Smart Grid 2016; the others are what devices, keys and wires allow.

use gridweave_grid::grid::ROWS_PER_DAY;

use crate::random::Seed;

/// Energy of a day by row, in mWh.
pub type Day = [u32; ROWS_PER_DAY];

/// Rows of an hour.
const HOUR: usize = 4;

/// A way to cheat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attack {
	/// h1: a constant share of what is taken is shown, from 0.1 to 0.8.
	Scaled,
	/// h1 with a known share, in thousandths.
	ScaledTo(u16),
	/// h2: nothing is shown for a stretch of four hours or more, each day another.
	Gap,
	/// h3: a share is shown, each hour another, from 0.1 to 0.8.
	Hourly,
	/// h4: a share of the day's mean is shown, each row another.
	MeanShare,
	/// h5: the day's mean is shown.
	Mean,
	/// h6: the day is shown backwards.
	Reversed,
	/// The device signs a day of long ago again, day after day: the one with the least import of four weeks.
	OldDay,
	/// One of three phases is led around the meter.
	PhaseBypass,
	/// One of three phases is measured and not counted.
	RegisterBypass,
	/// The register is set back.
	Rollback,
	/// The device's key signs two different readings of one number.
	ClonedKey,
	/// A cover is opened or a magnet is held to the meter.
	Tampered,
	/// The register jumps by more than the connection transfers: energy is sold that never was.
	Implausible,
	/// The device's clock is set back by between three quarters of an hour and six hours.
	ClockShift,
}

impl Attack {
	/// Those that a meter's own values betray or not, with h1 at several strengths.
	pub const OWN: [Self; 12] = [
		Self::Scaled,
		Self::ScaledTo(900),
		Self::ScaledTo(800),
		Self::ScaledTo(600),
		Self::ScaledTo(300),
		Self::Gap,
		Self::Hourly,
		Self::MeanShare,
		Self::Mean,
		Self::Reversed,
		Self::OldDay,
		Self::RegisterBypass,
	];

	/// Those of which curves are drawn.
	pub const DRAWN: [Self; 8] = [
		Self::Scaled,
		Self::ScaledTo(800),
		Self::Gap,
		Self::Hourly,
		Self::MeanShare,
		Self::Mean,
		Self::Reversed,
		Self::OldDay,
	];

	/// Those that break the protocol.
	pub const PROTOCOL: [Self; 5] = [
		Self::Rollback,
		Self::ClonedKey,
		Self::Tampered,
		Self::Implausible,
		Self::ClockShift,
	];

	/// Those whose thieves the feeder is to name.
	pub const NAMED: [Self; 4] = [
		Self::Scaled,
		Self::ScaledTo(800),
		Self::ScaledTo(900),
		Self::PhaseBypass,
	];

	/// Those that own meters are to give away, of households and businesses.
	pub const BETRAYED: [Self; 5] = [
		Self::Gap,
		Self::Hourly,
		Self::MeanShare,
		Self::Mean,
		Self::Reversed,
	];

	/// Those that the feeder shows.
	pub const FEEDER: [Self; 10] = [
		Self::Scaled,
		Self::ScaledTo(900),
		Self::ScaledTo(800),
		Self::ScaledTo(600),
		Self::ScaledTo(300),
		Self::Gap,
		Self::Hourly,
		Self::MeanShare,
		Self::OldDay,
		Self::PhaseBypass,
	];

	/// Its key in the figures.
	pub fn name(self) -> String {
		match self {
			Self::Scaled => "h1".into(),
			Self::ScaledTo(share) => format!("h1_{:.1}", f64::from(share) / 1_000.0),
			Self::Gap => "h2".into(),
			Self::Hourly => "h3".into(),
			Self::MeanShare => "h4".into(),
			Self::Mean => "h5".into(),
			Self::Reversed => "h6".into(),
			Self::OldDay => "resigned_day".into(),
			Self::PhaseBypass => "phase_bypass".into(),
			Self::RegisterBypass => "register_bypass".into(),
			Self::Rollback => "register_rollback".into(),
			Self::ClonedKey => "cloned_key".into(),
			Self::Tampered => "tamper_bit".into(),
			Self::Implausible => "implausible_power".into(),
			Self::ClockShift => "clock_shift".into(),
		}
	}

	/// What it does, in a few words.
	pub fn words(self) -> String {
		match self {
			Self::Scaled => "h1: shows 0.1–0.8 of it, constantly".into(),
			Self::ScaledTo(share) => format!("h1: shows {:.1} of it", f64::from(share) / 1_000.0),
			Self::Gap => "h2: shows nothing for four hours or more a day".into(),
			Self::Hourly => "h3: shows 0.1–0.8 of it, hour by hour".into(),
			Self::MeanShare => "h4: shows 0.1–0.8 of the day's mean, each quarter another".into(),
			Self::Mean => "h5: shows the day's mean".into(),
			Self::Reversed => "h6: shows the day backwards".into(),
			Self::OldDay => "signs an old day again, day after day".into(),
			Self::PhaseBypass => "one phase around the meter".into(),
			Self::RegisterBypass => "one phase measured and not counted".into(),
			Self::Rollback => "the register set back".into(),
			Self::ClonedKey => "a cloned key".into(),
			Self::Tampered => "cover opened, or a magnet".into(),
			Self::Implausible => "the register jumps".into(),
			Self::ClockShift => "the clock set back by 0.75–6 hours".into(),
		}
	}

	/// What is shown of a day's import. `phase` is the share of the first phase in each row, in thousandths; `old` the
	/// day that is signed again.
	pub fn show(
		self,
		day: &Day,
		phase: &[u16; ROWS_PER_DAY],
		old: &Day,
		seed: Seed,
		number: u64,
	) -> Day {
		let mean =
			(day.iter().map(|energy| u64::from(*energy)).sum::<u64>() / ROWS_PER_DAY as u64) as u32;
		let hour = |row: usize| share(seed.of(number).of((row / HOUR) as u64));
		let mut shown = *day;
		let (from, until) = gap(seed.of(number));
		for (row, energy) in shown.iter_mut().enumerate() {
			*energy = match self {
				Self::Scaled => part(*energy, share(seed)),
				Self::ScaledTo(share) => part(*energy, share.into()),
				Self::Gap if (from..until).contains(&row) => 0,
				Self::Hourly => part(*energy, hour(row)),
				Self::MeanShare => part(mean, share(seed.of(number).of(row as u64))),
				Self::Mean => mean,
				Self::Reversed => day[ROWS_PER_DAY - 1 - row],
				Self::OldDay => old[row],
				Self::PhaseBypass | Self::RegisterBypass => {
					part(*energy, 1_000 - u64::from(phase[row]).min(1_000))
				}
				_ => *energy,
			};
		}
		shown
	}

	/// By how many seconds the device's clock is behind.
	pub fn clock_behind(self, seed: Seed) -> u64 {
		match self {
			Self::ClockShift => seed.between(45 * 60, 6 * 3_600).unsigned_abs(),
			_ => 0,
		}
	}
}

/// A share from 0.1 to 0.8, in thousandths.
fn share(seed: Seed) -> u64 {
	seed.between(100, 800).unsigned_abs()
}

fn part(energy: u32, thousandths: u64) -> u32 {
	u32::try_from(u64::from(energy) * thousandths / 1_000).unwrap_or(u32::MAX)
}

/// The rows in which nothing is shown: a day's stretch of four hours at least.
fn gap(seed: Seed) -> (usize, usize) {
	const LEAST: usize = 4 * HOUR;
	let from = seed.of(100).below((ROWS_PER_DAY - LEAST + 1) as u64) as usize;
	let longer = seed.of(101).below((ROWS_PER_DAY - LEAST - from + 1) as u64) as usize;
	(from, from + LEAST + longer)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn sum(day: &Day) -> u64 {
		day.iter().map(|energy| u64::from(*energy)).sum()
	}

	const PHASE: [u16; ROWS_PER_DAY] = [333; ROWS_PER_DAY];

	#[test]
	fn names_should_differ() {
		let mut names: Vec<_> = (Attack::OWN.iter().chain(&Attack::PROTOCOL))
			.chain([&Attack::PhaseBypass])
			.map(|attack| attack.name())
			.collect();
		let count = names.len();
		names.sort();
		names.dedup();
		assert_eq!(names.len(), count);
		assert_eq!(Attack::ScaledTo(900).name(), "h1_0.9");
	}

	proptest! {
		#[test]
		fn attacks_should_do_what_the_paper_says(
			seed: u64, number in 0u64..400, values in prop::collection::vec(0u32..5_000_000, ROWS_PER_DAY),
		) {
			let day: Day = values.try_into().expect("a day");
			let show = |attack: Attack| attack.show(&day, &PHASE, &[7; ROWS_PER_DAY], Seed(seed), number);
			let scaled = show(Attack::Scaled);
			prop_assert!(scaled.iter().zip(&day).all(|(shown, taken)| *shown <= taken / 10 * 8 + 8));
			let gap = show(Attack::Gap);
			let zeros = gap.iter().zip(&day).filter(|(shown, _)| **shown == 0).count();
			prop_assert!(zeros >= 16);
			prop_assert!(gap.iter().zip(&day).all(|(shown, taken)| *shown == 0 || shown == taken));
			let mean = show(Attack::Mean);
			prop_assert!(mean.iter().all(|shown| *shown == mean[0]));
			prop_assert!(sum(&mean).abs_diff(sum(&day)) < ROWS_PER_DAY as u64);
			let mut backwards = show(Attack::Reversed);
			backwards.reverse();
			prop_assert_eq!(backwards, day);
			prop_assert!(sum(&show(Attack::MeanShare)) <= sum(&day));
			prop_assert_eq!(show(Attack::OldDay), [7; ROWS_PER_DAY]);
			let bypass = sum(&show(Attack::PhaseBypass)) as f64;
			prop_assert!((bypass - sum(&day) as f64 * 0.667).abs() < 200.0);
			prop_assert_eq!(show(Attack::Rollback), day);
		}

		#[test]
		fn clocks_should_be_set_back_by_the_attack_alone(seed: u64) {
			prop_assert_eq!(Attack::Mean.clock_behind(Seed(seed)), 0);
			prop_assert!((2_700..=21_600).contains(&Attack::ClockShift.clock_behind(Seed(seed))));
		}
	}
}
