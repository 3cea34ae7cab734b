//! A member at work: what it takes, what it shows of that, and what its meter is read to say.

use anyhow::{anyhow, Result};
use gridweave_grid::grid::ROWS_PER_DAY;
use gridweave_primitives::{
	device::DeviceSignature,
	meter::{MeteredPeriod, Provenance},
	reading::{status, SignedReading},
	WattHours,
};
use sp_core::crypto::Pair as _;

use super::{
	attack::{Attack, Day},
	chain::{self, Flags},
	device::{quality, Device, Read},
	scene::Theft,
};
use crate::{
	community::{flow::Flows, Community},
	random::Seed,
};

/// Days of which the least is signed again by [`Attack::OldDay`].
const OLD_DAYS: usize = 28;

/// Readings later than this, in seconds, find their period settled by an estimate: two periods of grace.
const GRACE: u64 = 1_800;

/// A member at work.
pub struct Member {
	home: usize,
	theft: Option<Theft>,
	device: Device,
	seed: Seed,
	/// What is shown of today, in mWh.
	import: Day,
	export: Day,
	/// The day that is signed again.
	old: Day,
	/// What was metered last, which stands where no reading is.
	last: MeteredPeriod,
	/// What was taken and not shown so far, in mWh.
	hidden: u64,
}

impl Member {
	/// One that has not begun.
	pub const fn new(home: usize, theft: Option<Theft>, device: Device, seed: Seed) -> Self {
		Self {
			home,
			theft,
			device,
			seed,
			import: [0; ROWS_PER_DAY],
			export: [0; ROWS_PER_DAY],
			old: [0; ROWS_PER_DAY],
			last: MeteredPeriod {
				import: WattHours(0),
				export: WattHours(0),
				provenance: Provenance::Measured,
			},
			hidden: 0,
		}
	}

	/// Its meter.
	pub const fn device(&self) -> &Device {
		&self.device
	}

	/// What counts for the row that was read last.
	pub const fn metered(&self) -> MeteredPeriod {
		self.last
	}

	/// What was taken and not shown so far, in Wh.
	pub const fn hidden(&self) -> u64 {
		self.hidden / 1_000
	}

	/// What is taken and given on a day, as the meter measures it.
	fn true_day(&self, community: &Community, day: usize) -> (Day, Day) {
		let home = &community.homes[self.home];
		let (mut import, mut export) = ([0; ROWS_PER_DAY], [0; ROWS_PER_DAY]);
		for of_day in 0..ROWS_PER_DAY {
			let net = home.net(day * ROWS_PER_DAY + of_day);
			(import[of_day], export[of_day]) = self.device.measured_net(net);
		}
		(import, export)
	}

	/// Decides what is shown today.
	pub fn dawn(&mut self, community: &Community, day: usize) {
		(self.import, self.export) = self.true_day(community, day);
		let Some(theft) = self.theft.filter(|theft| day >= theft.from_day) else {
			return;
		};
		if theft.attack == Attack::OldDay && day == theft.from_day {
			let before =
				(day.saturating_sub(OLD_DAYS)..day).map(|day| self.true_day(community, day).0);
			let least = before.min_by_key(|day| day.iter().map(|row| u64::from(*row)).sum::<u64>());
			self.old = least.unwrap_or(self.import);
		}
		let mut phase = [0; ROWS_PER_DAY];
		for (of_day, share) in phase.iter_mut().enumerate() {
			*share = phases(self.seed, day * ROWS_PER_DAY + of_day)[0];
		}
		let shown = theft
			.attack
			.show(&self.import, &phase, &self.old, self.seed, day as u64);
		let sum = |day: &Day| day.iter().map(|energy| u64::from(*energy)).sum::<u64>();
		self.hidden += sum(&self.import).saturating_sub(sum(&shown));
		self.import = shown;
	}

	/// The reading at the end of a row of a day, if the registry takes it; with voltage, current and power factor or
	/// without.
	pub fn read(
		&mut self,
		community: &Community,
		flows: &Flows,
		with_quality: bool,
		(day, of_day): (usize, usize),
	) -> Result<Option<Read>> {
		let row = day * ROWS_PER_DAY + of_day;
		let (mut export, import) = (self.export[of_day], self.import[of_day]);
		let theft = self.theft.filter(|theft| day >= theft.from_day);
		let begins = theft.is_some_and(|theft| day == theft.from_day && of_day == 0);
		let (mut bits, mut behind) = (0, 0);
		match theft.map(|theft| theft.attack) {
			Some(Attack::Rollback) if begins => {
				let back = self.seed.of(3).between(20_000, 500_000);
				self.device.set_back(back.unsigned_abs());
			}
			Some(Attack::Tampered) if begins => {
				let kinds = [
					status::COVER_OPENED,
					status::TERMINAL_OPENED,
					status::MAGNET,
				];
				bits = kinds[self.seed.of(4).below(3) as usize];
			}
			Some(Attack::Implausible) if begins => {
				// Twice to twenty times what fits into the period, and not less than 100 Wh.
				let fits = u64::from(self.device.ratings().max_export.0.max(200)) * 250;
				export = u32::try_from(fits * (2 + self.seed.of(5).below(19))).unwrap_or(u32::MAX);
			}
			Some(Attack::ClonedKey) if begins => self.report_clone(row)?,
			Some(attack) => behind = attack.clock_behind(self.seed.of(6)),
			None => {}
		}
		let captured_at = chain::end_of(row) - behind;
		if self
			.device
			.last_at()
			.is_some_and(|last| captured_at <= last)
		{
			// Refused: time must increase. What was counted is read with the next one that is taken.
			self.device.count(import, export);
			self.last.provenance = Provenance::Estimated;
			return Ok(None);
		}
		let values = with_quality.then(|| {
			let power = self.power(community, row);
			let mut shares = phases(self.seed, row);
			// What is fed in is not led around the meter.
			if power > 0 && theft.is_some_and(|theft| theft.attack == Attack::PhaseBypass) {
				shares[0] = 0;
			}
			let volts = flows.volts(self.home, row);
			quality(power, shares, volts, self.seed.of(7).of(row as u64))
		});
		let read = self.device.read(import, export, captured_at, bits, values);
		if behind > GRACE {
			self.last.provenance = Provenance::Estimated;
		} else {
			self.last = read.energy();
		}
		Ok(Some(read))
	}

	/// The power in the moment in which a row ends, in mW: about the mean of what is before and behind.
	fn power(&self, community: &Community, row: usize) -> i64 {
		let home = &community.homes[self.home];
		let next = (row + 1).min(community.rows() - 1);
		let mean = (home.net(row) + home.net(next)) * 2;
		let noise = 1.0 + 0.15 * self.seed.of(8).of(row as u64).normal();
		(mean as f64 * noise) as i64
	}

	/// Somebody shows two readings of one number that the meter's key signed.
	fn report_clone(&self, row: usize) -> Result<()> {
		let mut device = self.device.clone();
		let genesis = chain::System::block_hash(0);
		let mut signed = |energy: u32| {
			let reading = device
				.clone()
				.read(energy, 0, chain::end_of(row), 0, None)
				.reading;
			let signature = chain::pair(device.id()).sign(&reading.digest(&genesis));
			device.count(1_000, 0);
			SignedReading {
				reading,
				signature: DeviceSignature::Ed25519(signature),
			}
		};
		let (first, second) = (signed(1_000), signed(2_000));
		Flags::report_equivocation(
			frame_system::RawOrigin::Signed(chain::OPERATOR).into(),
			Box::new(first),
			Box::new(second),
		)
		.map(|_| ())
		.map_err(|error| anyhow!("the clone is not believed: {:?}", error.error))
	}
}

/// How a member's power is split over its phases in a row, in thousandths: by a habit of its own, and by the hour.
fn phases(seed: Seed, row: usize) -> [u16; 3] {
	let hour = seed.of(10).of(row as u64 / 4);
	let weight =
		|phase: u64| seed.of(11).of(phase).between(60, 140) * hour.of(phase).between(50, 150);
	let weights = [weight(0), weight(1), weight(2)];
	let whole: i64 = weights.iter().sum();
	weights.map(|weight| u16::try_from(weight * 1_000 / whole).unwrap_or_default())
}
