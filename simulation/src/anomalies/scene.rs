//! A span of days of a community, seen by the chain: as often as one likes at once, each time with other thieves.
//!
//! What flows is the same in every copy; what differs is who cheats, how meters err, and how detectors are set.

use anyhow::{anyhow, Result};
use gridweave_grid::grid::ROWS_PER_DAY;
use gridweave_primitives::{
	meter::{MeterKind, MeteredPeriod, Provenance, Ratings},
	reading::{status, SignedReading},
	traits::OnReading,
	MeterId, MicrogridId, WattHours, Watts,
};
use pallet_anomaly_flags::{Event, Kind, Parameters};
use sp_core::crypto::Pair as _;

use super::{
	attack::{Attack, Day},
	chain::{self, Flags},
	device::{quality, Device, Read},
};
use crate::{
	community::{flow::Flows, Community},
	random::Seed,
};

/// Days of which the least is signed again by [`Attack::OldDay`].
const OLD_DAYS: usize = 28;

/// Readings later than this, in seconds, find their period settled by an estimate: two periods of grace.
const GRACE: u64 = 1_800;

/// Somebody who cheats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theft {
	/// How.
	pub attack: Attack,
	/// From which day of the year on.
	pub from_day: usize,
}

/// A copy of the community.
#[derive(Clone, Debug)]
pub struct Copy {
	/// Its members: which home, and whether it cheats.
	pub members: Vec<(usize, Option<Theft>)>,
	/// Whether the feeder is measured; then all homes must be members.
	pub feeder: bool,
	/// Whether meters report voltage, current and power factor.
	pub quality: bool,
	/// Somebody without a meter takes so many W, from a day on.
	pub tap: Option<(u32, usize)>,
	/// How its detectors are set.
	pub parameters: Parameters,
	/// What the errors of its meters follow from.
	pub seed: Seed,
}

/// What the chain said of a copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
	/// Of which copy.
	pub copy: usize,
	/// In which row of the year.
	pub row: usize,
	/// What.
	pub what: What,
}

/// What the chain may say; members by their place.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
	/// A flag of a member was raised.
	Flag(usize, Kind),
	/// A member came under quarantine.
	Quarantine(usize),
	/// The feeder gave the alarm, and named these.
	Alarm(Vec<usize>),
}

/// What came of a scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
	/// What the chain said, in the order in which it did.
	pub said: Vec<Said>,
	/// What each member of each copy took and did not show, in Wh.
	pub hidden: Vec<Vec<u64>>,
}

impl Outcome {
	/// What was said of a copy.
	pub fn of(&self, copy: usize) -> impl Iterator<Item = &Said> + '_ {
		self.said.iter().filter(move |said| said.copy == copy)
	}
}

/// A span of days, and the copies that live through it.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
	/// Whose days.
	pub community: &'a Community,
	/// What flows in its wires.
	pub flows: &'a Flows,
	/// The first day of the year.
	pub first_day: usize,
	/// How many.
	pub days: usize,
	/// The copies.
	pub copies: Vec<Copy>,
}

/// A member at work.
struct Actor {
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

/// A copy at work.
struct Group {
	microgrid: MicrogridId,
	first: MeterId,
	actors: Vec<Actor>,
	feeder: Option<Device>,
}

impl Scene<'_> {
	/// Lives through it.
	pub fn run(&self) -> Result<Outcome> {
		let mut ext = chain::begin(self.first_day * ROWS_PER_DAY);
		ext.execute_with(|| {
			let groups = self.copies.iter().map(|copy| self.found(copy));
			let mut groups = groups.collect::<Result<Vec<_>>>()?;
			let mut said = Vec::new();
			for day in self.first_day..self.first_day + self.days {
				for group in &mut groups {
					for actor in &mut group.actors {
						self.dawn(actor, day);
					}
				}
				for of_day in 0..ROWS_PER_DAY {
					self.pass(&mut groups, day, of_day, &mut said)?;
				}
			}
			Flags::do_try_state()
				.map_err(|error| anyhow!("the invariants do not hold: {error:?}"))?;
			let hidden = groups.iter().map(|group| {
				let actors = group.actors.iter();
				actors.map(|actor| actor.hidden / 1_000).collect()
			});
			Ok(Outcome {
				said,
				hidden: hidden.collect(),
			})
		})
	}

	/// Founds the microgrid of a copy.
	fn found(&self, copy: &Copy) -> Result<Group> {
		let homes = &self.community.homes;
		let ratings = |home: usize| Ratings {
			max_import: Watts(homes[home].max_import_w),
			max_export: Watts(homes[home].max_export_w),
		};
		let kind = |home: usize| match homes[home].generation.is_empty() {
			true => MeterKind::Consumer,
			false => MeterKind::Prosumer,
		};
		let whole = homes
			.iter()
			.map(|home| home.max_import_w.max(home.max_export_w));
		let whole = Watts(whole.fold(1_000_000, u32::saturating_add));
		let of_feeder = Ratings {
			max_import: whole,
			max_export: whole,
		};
		let mut meters: Vec<_> = copy
			.members
			.iter()
			.map(|(home, _)| (kind(*home), ratings(*home)))
			.collect();
		if copy.feeder {
			meters.push((MeterKind::Feeder, of_feeder));
		}
		let (microgrid, first) =
			chain::add_microgrid(&meters, copy.parameters).map_err(|error| anyhow!(error))?;
		let device = |place: usize, ratings, seed: Seed| {
			Device::new(MeterId(first.0 + place as u32), ratings, seed.of(0))
		};
		let actors = copy
			.members
			.iter()
			.enumerate()
			.map(|(place, (home, theft))| {
				let seed = copy.seed.of(*home as u64);
				Actor {
					home: *home,
					theft: *theft,
					device: device(place, ratings(*home), seed),
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
			});
		Ok(Group {
			microgrid,
			first,
			actors: actors.collect(),
			feeder: copy
				.feeder
				.then(|| device(copy.members.len(), of_feeder, copy.seed.of(u64::MAX))),
		})
	}

	/// What a member takes and gives on a day, as its meter measures it.
	fn true_day(&self, actor: &Actor, day: usize) -> (Day, Day) {
		let home = &self.community.homes[actor.home];
		let (mut import, mut export) = ([0; ROWS_PER_DAY], [0; ROWS_PER_DAY]);
		for of_day in 0..ROWS_PER_DAY {
			let net = home.net(day * ROWS_PER_DAY + of_day);
			let energy = u32::try_from(net.unsigned_abs()).unwrap_or(u32::MAX);
			let measured = actor.device.measured(energy);
			let (taken, given) = if net < 0 {
				(0, measured)
			} else {
				(measured, 0)
			};
			import[of_day] = taken;
			export[of_day] = given;
		}
		(import, export)
	}

	/// Decides what a member shows today.
	fn dawn(&self, actor: &mut Actor, day: usize) {
		(actor.import, actor.export) = self.true_day(actor, day);
		let Some(theft) = actor.theft.filter(|theft| day >= theft.from_day) else {
			return;
		};
		if theft.attack == Attack::OldDay && day == theft.from_day {
			let before = (day.saturating_sub(OLD_DAYS)..day).map(|day| self.true_day(actor, day).0);
			let least = before.min_by_key(|day| day.iter().map(|row| u64::from(*row)).sum::<u64>());
			actor.old = least.unwrap_or(actor.import);
		}
		let mut phase = [0; ROWS_PER_DAY];
		for (of_day, share) in phase.iter_mut().enumerate() {
			*share = phases(actor.seed, day * ROWS_PER_DAY + of_day)[0];
		}
		let shown = theft
			.attack
			.show(&actor.import, &phase, &actor.old, actor.seed, day as u64);
		let sum = |day: &Day| day.iter().map(|energy| u64::from(*energy)).sum::<u64>();
		actor.hidden += sum(&actor.import).saturating_sub(sum(&shown));
		actor.import = shown;
	}

	/// One row: readings are taken, the period is settled.
	fn pass(
		&self,
		groups: &mut [Group],
		day: usize,
		of_day: usize,
		said: &mut Vec<Said>,
	) -> Result<()> {
		let row = day * ROWS_PER_DAY + of_day;
		chain::end_row(row);
		let flows = self
			.community
			.homes
			.iter()
			.map(|home| home.net(row))
			.sum::<i64>()
			+ i64::from(self.flows.losses[row]);
		for (copy, group) in self.copies.iter().zip(groups.iter_mut()) {
			self.take_readings(copy, group, day, of_day)?;
			if let Some(feeder) = &mut group.feeder {
				let tapped = copy.tap.filter(|(_, from_day)| day >= *from_day);
				let net = flows + tapped.map_or(0, |(watts, _)| i64::from(watts) * 250);
				let measured =
					feeder.measured(u32::try_from(net.unsigned_abs()).unwrap_or(u32::MAX));
				let (import, export) = if net < 0 {
					(0, measured)
				} else {
					(measured, 0)
				};
				let read = feeder.read(import, export, chain::end_of(row), 0, None);
				chain::meter(feeder.id(), read.energy());
			}
		}
		for event in chain::settle(row) {
			let (microgrid, meter, kind) = match event {
				Event::FlagRaised {
					microgrid,
					meter,
					kind,
					..
				} => (microgrid, meter, Some(kind)),
				Event::MeterQuarantined {
					microgrid, meter, ..
				} => (microgrid, meter, None),
				_ => continue,
			};
			let copy = microgrid.0 as usize;
			let member = (meter.0 - groups[copy].first.0) as usize;
			if member < groups[copy].actors.len() {
				let what = match kind {
					Some(kind) => What::Flag(member, kind),
					None => What::Quarantine(member),
				};
				said.push(Said { copy, row, what });
			}
		}
		for (copy, group) in groups
			.iter()
			.enumerate()
			.filter(|(_, group)| group.feeder.is_some())
		{
			if let Some(named) = chain::alarm(group.microgrid, row) {
				let named = named.iter().map(|meter| (meter.0 - group.first.0) as usize);
				let what = What::Alarm(named.collect());
				said.push(Said { copy, row, what });
			}
		}
		Ok(())
	}

	/// The readings of a copy's members, page by page.
	fn take_readings(
		&self,
		copy: &Copy,
		group: &mut Group,
		day: usize,
		of_day: usize,
	) -> Result<()> {
		for page in group.actors.chunks_mut(32) {
			let mut reads: Vec<(Read, Ratings)> = Vec::with_capacity(page.len());
			for actor in page {
				if let Some(read) = self.read(copy, actor, day, of_day)? {
					reads.push((read, actor.device.ratings()));
				}
				chain::meter(actor.device.id(), actor.last);
			}
			let observations: Vec<_> = reads
				.iter()
				.map(|(read, ratings)| read.observation(*ratings))
				.collect();
			Flags::on_readings(group.microgrid, &observations);
		}
		Ok(())
	}

	/// A member's reading at the end of a row, if the registry takes it.
	fn read(
		&self,
		copy: &Copy,
		actor: &mut Actor,
		day: usize,
		of_day: usize,
	) -> Result<Option<Read>> {
		let row = day * ROWS_PER_DAY + of_day;
		let (mut export, import) = (actor.export[of_day], actor.import[of_day]);
		let theft = actor.theft.filter(|theft| day >= theft.from_day);
		let begins = theft.is_some_and(|theft| day == theft.from_day && of_day == 0);
		let (mut bits, mut behind) = (0, 0);
		match theft.map(|theft| theft.attack) {
			Some(Attack::Rollback) if begins => {
				actor
					.device
					.set_back(actor.seed.of(3).between(20_000, 500_000).unsigned_abs());
			}
			Some(Attack::Tampered) if begins => {
				let kinds = [
					status::COVER_OPENED,
					status::TERMINAL_OPENED,
					status::MAGNET,
				];
				bits = kinds[actor.seed.of(4).below(3) as usize];
			}
			Some(Attack::Implausible) if begins => {
				// Twice to twenty times what fits into the period, and not less than 100 Wh.
				let fits = u64::from(actor.device.ratings().max_export.0.max(200)) * 250;
				export = u32::try_from(fits * (2 + actor.seed.of(5).below(19))).unwrap_or(u32::MAX);
			}
			Some(Attack::ClonedKey) if begins => report_clone(actor, row)?,
			Some(attack) => behind = attack.clock_behind(actor.seed.of(6)),
			None => {}
		}
		let captured_at = chain::end_of(row) - behind;
		if actor
			.device
			.last_at()
			.is_some_and(|last| captured_at <= last)
		{
			// Refused: time must increase. What was counted is read with the next one that is taken.
			actor.device.count(import, export);
			actor.last.provenance = Provenance::Estimated;
			return Ok(None);
		}
		let values = copy.quality.then(|| {
			let power = self.power(actor, row);
			let mut shares = phases(actor.seed, row);
			// What is fed in is not led around the meter.
			if power > 0 && theft.is_some_and(|theft| theft.attack == Attack::PhaseBypass) {
				shares[0] = 0;
			}
			let volts = self.flows.volts(actor.home, row);
			quality(power, shares, volts, actor.seed.of(7).of(row as u64))
		});
		let read = actor.device.read(import, export, captured_at, bits, values);
		if behind > GRACE {
			actor.last.provenance = Provenance::Estimated;
		} else {
			actor.last = read.energy();
		}
		Ok(Some(read))
	}

	/// The power of a member in the moment in which a row ends, in mW: about the mean of what is before and behind.
	fn power(&self, actor: &Actor, row: usize) -> i64 {
		let home = &self.community.homes[actor.home];
		let next = (row + 1).min(self.community.rows() - 1);
		let mean = (home.net(row) + home.net(next)) * 2;
		let noise = 1.0 + 0.15 * actor.seed.of(8).of(row as u64).normal();
		(mean as f64 * noise) as i64
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

/// Somebody shows two readings of one number that the meter's key signed.
fn report_clone(actor: &Actor, row: usize) -> Result<()> {
	let mut device = actor.device.clone();
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
			signature: gridweave_primitives::device::DeviceSignature::Ed25519(signature),
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
