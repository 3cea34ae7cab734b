//! When each device reads its registers: once per interval, at an offset that follows from its number, so
//! that load is even and readings come in the order of meters.

use std::time::Duration;

use anyhow::{ensure, Result};

/// The turns of all devices. Times are since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
	/// The turn of the first device.
	pub start: Duration,
	/// Time between two readings of a device.
	pub every: Duration,
	/// How many devices.
	pub devices: u32,
	/// How many readings each gives, if they are not stopped before.
	pub rounds: u32,
}

/// How much is to be sent.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
	/// For so long.
	Time(Duration),
	/// So many readings of all devices together, and more, so that each gives as many as another.
	Readings(u64),
}

impl Schedule {
	/// From `start` on. Each device gives two readings at least: no energy lies before the first.
	pub fn new(start: Duration, every: Duration, devices: u32, amount: Amount) -> Result<Self> {
		ensure!(devices > 0, "there is no device");
		ensure!(
			every >= Duration::from_secs(1),
			"a device would read its registers every {every:?}: once a second is the most"
		);
		let rounds = match amount {
			Amount::Time(time) => u64::try_from(time.as_millis() / every.as_millis())?,
			Amount::Readings(readings) => readings.div_ceil(devices.into()),
		};
		let rounds = u32::try_from(rounds)?;
		ensure!(
			rounds >= 2,
			"each of {devices} devices would give {rounds} readings, {every:?} apart: at least two make a run"
		);
		Ok(Self {
			start,
			every,
			devices,
			rounds,
		})
	}

	/// When a device's turn is.
	pub fn turn(&self, device: u32, round: u32) -> Duration {
		self.start + self.every * round + self.every * device / self.devices
	}

	/// When the last turn is.
	pub fn end(&self) -> Duration {
		self.turn(self.devices - 1, self.rounds - 1)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	const SECOND: Duration = Duration::from_secs(1);

	#[test]
	fn what_is_no_run_should_be_refused() {
		let minute = Amount::Time(SECOND * 60);
		assert!(Schedule::new(SECOND, SECOND * 12, 0, minute).is_err());
		assert!(Schedule::new(SECOND, SECOND / 2, 1, minute).is_err());
		assert!(Schedule::new(SECOND, SECOND * 31, 1, minute).is_err());
		assert!(Schedule::new(SECOND, SECOND, 10, Amount::Readings(10)).is_err());
		let schedule = Schedule::new(SECOND, SECOND, 10, Amount::Readings(11)).unwrap();
		assert_eq!(schedule.rounds, 2);
		assert_eq!(schedule.end(), Duration::from_millis(2_900));
	}

	proptest! {
		#[test]
		fn turns_should_be_even_and_in_order(
			devices in 1..20_000u32,
			every in 1_000..900_000u64,
			device in 0..20_000u32,
			round in 0..1_000u32,
		) {
			let device = device % devices;
			let every = Duration::from_millis(every);
			let amount = Amount::Readings(u64::from(devices) * 1_001);
			let schedule = Schedule::new(SECOND * 1_000, every, devices, amount).unwrap();
			let turn = schedule.turn(device, round);
			// Of one device, times ascend also in whole seconds; of all devices, one comes after another.
			prop_assert!(schedule.turn(device, round + 1).as_secs() > turn.as_secs());
			let next = match device + 1 == devices {
				true => schedule.turn(0, round + 1),
				false => schedule.turn(device + 1, round),
			};
			prop_assert!(next >= turn);
			prop_assert!(next - turn <= every / devices + Duration::from_nanos(2));
		}
	}
}
