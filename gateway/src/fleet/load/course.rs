//! What the members' meters show at any second of the run.

use anyhow::{ensure, Result};

use crate::fleet::{
	grid::Grid,
	replay::{Registers, Replay},
};

/// Most registers that are computed beforehand: some 200 MB.
const MOST: usize = 4_000_000;

/// The members' registers, from one row of the data on. A settlement period replays a row, evenly.
pub struct Course {
	/// At the start of each period.
	rows: Vec<Vec<Registers>>,
	period: u64,
}

impl Course {
	/// From `row` on, for `seconds`.
	pub fn new(grid: &Grid, row: usize, period_seconds: u32, seconds: u64) -> Result<Self> {
		ensure!(period_seconds > 0, "a period lasts no time");
		let period = u64::from(period_seconds);
		let count = usize::try_from(seconds / period)?.saturating_add(2);
		ensure!(
			count.saturating_mul(grid.members.len()) <= MOST,
			"{count} periods of {} members are too many for one run: begin a new --state, or take fewer --members",
			grid.members.len()
		);
		let mut replay = Replay::new(grid, row);
		let mut rows = vec![replay.registers()];
		rows.extend((1..count).map(|_| replay.step()));
		Ok(Self { rows, period })
	}

	/// What a member's meter shows `second`s after the start; at the last after the end.
	pub fn at(&self, member: usize, second: u64) -> Registers {
		let last = self.rows.len() - 2;
		let row = usize::try_from(second / self.period)
			.unwrap_or(last)
			.min(last);
		let into = (second - row as u64 * self.period).min(self.period);
		let (from, until) = (&self.rows[row][member], &self.rows[row + 1][member]);
		let between = |from: u64, until: u64| {
			let (from, until) = (i128::from(from), i128::from(until));
			// Between the two: both are u64.
			(from + (until - from) * i128::from(into) / i128::from(self.period)) as u64
		};
		Registers {
			import_wh: between(from.import_wh, until.import_wh),
			export_wh: between(from.export_wh, until.export_wh),
			charge_wh: (from.charge_wh.zip(until.charge_wh))
				.map(|(from, until)| between(from, until)),
			power_w: until.power_w,
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::grid::GridSource;
	use std::path::Path;

	#[test]
	fn registers_should_be_those_of_the_replay_and_ascend_between_them() {
		let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench");
		let name = Some("LV1.101".into());
		let grid = Grid::load(&GridSource { folder, name }, None).unwrap();
		let course = Course::new(&grid, 15_000, 12, 95).unwrap();
		let mut replay = Replay::new(&grid, 15_000);
		let mut shown = replay.registers();
		for second in 0..=96 {
			for (member, shown) in shown.iter().enumerate() {
				let (now, before) = (
					course.at(member, second),
					course.at(member, second.saturating_sub(1)),
				);
				assert!(now.import_wh >= before.import_wh && now.export_wh >= before.export_wh);
				if second % 12 == 0 {
					assert_eq!(
						(now.import_wh, now.export_wh, now.charge_wh),
						(shown.import_wh, shown.export_wh, shown.charge_wh),
						"member {member} at {second}"
					);
				}
			}
			if second % 12 == 0 {
				shown = replay.step();
			}
		}
		// Nothing comes after the end.
		assert_eq!(course.at(0, 96), course.at(0, 10_000));
		assert!(Course::new(&grid, 0, 12, u64::MAX).is_err());
	}
}
