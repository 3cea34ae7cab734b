//! What befalls which reading of which device. It follows from the seed alone, whatever happens meanwhile.

use codec::Encode;
use sp_core::{Blake2Hasher, Hasher};

use super::faults::Faults;

/// Readings for which a clock that goes wrong stays wrong; then somebody sets it.
pub const DRIFTING: u32 = 3;

/// What befalls a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
	/// Nothing.
	Plain,
	/// It is never sent.
	Drop,
	/// It is posted again.
	Duplicate,
	/// It is posted after its successor.
	Reorder,
	/// It is posted late.
	Delay,
	/// The device starts again before it.
	Restart,
}

/// The faults of a run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
	/// How many there are.
	pub faults: Faults,
	/// What they follow from.
	pub seed: u64,
}

impl Plan {
	fn draw(&self, what: &str, device: u32, round: u32) -> u64 {
		let hash = (self.seed, what, device, round).using_encoded(Blake2Hasher::hash);
		hash.to_low_u64_le()
	}

	/// What befalls reading number `round` of a device. Its first is the base of all that is counted: it is
	/// plain.
	pub fn step(&self, device: u32, round: u32) -> Step {
		use Step::*;
		let Some(sums) = self.faults.exclusive().filter(|_| round > 0) else {
			return Plain;
		};
		let drawn = self.draw("step", device, round);
		let steps = [Drop, Duplicate, Reorder, Delay, Restart];
		let found = (sums.iter().zip(steps)).find(|(sum, _)| sum.takes(drawn));
		found.map_or(Plain, |(_, step)| step)
	}

	/// By how many seconds a device's clock is ahead (or behind, negative) at a reading.
	pub fn clock_offset(&self, device: u32, round: u32) -> i64 {
		let by = i64::try_from(self.faults.drift_by.as_secs()).unwrap_or(0);
		let starts =
			|round: &u32| *round > 0 && self.faults.drift.takes(self.draw("drift", device, *round));
		let first = round.saturating_sub(DRIFTING - 1);
		match (first..=round).rev().find(starts) {
			None => 0,
			Some(start) if self.draw("direction", device, start).is_multiple_of(2) => by,
			Some(_) => -by,
		}
	}

	/// Whether a device's registers roll over in the middle of the run.
	pub fn rolls_over(&self, device: u32) -> bool {
		self.faults.rollover.takes(self.draw("rollover", device, 0))
	}
}

#[cfg(test)]
mod tests {
	use super::{super::faults::tests::any_faults, *};
	use proptest::prelude::*;

	fn plan(faults: &str, seed: u64) -> Plan {
		Plan {
			faults: faults.parse().unwrap(),
			seed,
		}
	}

	#[test]
	fn faults_should_be_as_many_as_ordered() {
		let plan = plan(
			"drop=2%,duplicate=4%,reorder=6%,delay=8%:30s,restart=10%,rollover=12%",
			7,
		);
		let count = |wanted| {
			let all = (0..100).flat_map(|device| (1..=1_000).map(move |round| (device, round)));
			all.filter(|(device, round)| plan.step(*device, *round) == wanted)
				.count()
		};
		for (step, percent) in [
			(Step::Drop, 2),
			(Step::Duplicate, 4),
			(Step::Reorder, 6),
			(Step::Delay, 8),
			(Step::Restart, 10),
		] {
			let count = count(step);
			assert!(
				count.abs_diff(percent * 1_000) < 300,
				"{step:?}: {count} of 100000"
			);
		}
		let rolling = (0..100_000).filter(|device| plan.rolls_over(*device));
		assert!(rolling.count().abs_diff(12_000) < 300);
	}

	#[test]
	fn a_clock_should_be_wrong_for_some_readings_in_both_directions() {
		let plan = plan("drift=2%:20s", 1);
		let offsets: Vec<i64> = (0..20_000)
			.map(|round| plan.clock_offset(3, round))
			.collect();
		let wrong = |offset: i64| offsets.iter().filter(|found| **found == offset).count();
		let right = wrong(0);
		assert!(
			right.abs_diff(18_824) < 300,
			"0.98³ of all are right: {right}"
		);
		for offset in [20, -20] {
			assert!(wrong(offset).abs_diff(588) < 150, "{offset}");
		}
		// Nothing ends before its time.
		let runs = offsets.chunk_by(|a, b| (*a == 0) == (*b == 0));
		let drifting = runs.filter(|run| run[0] != 0);
		assert!(drifting
			.into_iter()
			.all(|run| run.len() >= DRIFTING as usize || run.is_empty()));
	}

	#[test]
	fn nothing_should_be_ordered_by_default() {
		let plan = plan("", 5);
		for round in 0..1_000 {
			assert_eq!(plan.step(1, round), Step::Plain);
			assert_eq!(plan.clock_offset(1, round), 0);
		}
		assert!(!plan.rolls_over(1));
	}

	proptest! {
		#[test]
		fn a_plan_should_follow_from_its_seed_and_begin_plainly(
			faults in any_faults(),
			seed: u64,
			device: u32,
			round in 0..10_000u32,
		) {
			let plan = Plan { faults, seed };
			let again = Plan { faults, seed };
			prop_assert_eq!(plan.step(device, round), again.step(device, round));
			prop_assert_eq!(plan.clock_offset(device, round), again.clock_offset(device, round));
			prop_assert_eq!(plan.step(device, 0), Step::Plain);
			prop_assert_eq!(plan.clock_offset(device, 0), 0);
			let by = faults.drift_by.as_secs() as i64;
			prop_assert!(plan.clock_offset(device, round).abs() <= by);
		}
	}
}
