//! A span of days of a community, seen by the chain: as often as one likes at once, each time with other thieves.
//!
//! What flows is the same in every copy; what differs is who cheats, how meters err, and how detectors are set.

use anyhow::{anyhow, Result};
use gridweave_grid::grid::ROWS_PER_DAY;
use gridweave_primitives::{
	meter::{MeterKind, Ratings},
	traits::OnReading,
	MeterId, MicrogridId, Watts,
};
use pallet_anomaly_flags::{Event, Kind, Parameters};

use super::{
	attack::Attack,
	chain::{self, Flags},
	device::{Device, Read},
	member::Member,
};
use crate::{
	community::{flow::Flows, Community},
	random::Seed,
};

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

/// A copy at work.
struct Group {
	microgrid: MicrogridId,
	first: MeterId,
	members: Vec<Member>,
	feeder: Option<Device>,
}

impl Scene<'_> {
	/// Lives through it.
	pub fn run(&self) -> Result<Outcome> {
		let mut ext = chain::begin(self.first_day * ROWS_PER_DAY)?;
		ext.execute_with(|| {
			let groups = self.copies.iter().map(|copy| self.found(copy));
			let mut groups = groups.collect::<Result<Vec<_>>>()?;
			let mut said = Vec::new();
			for day in self.first_day..self.first_day + self.days {
				for group in &mut groups {
					for member in &mut group.members {
						member.dawn(self.community, day);
					}
				}
				for of_day in 0..ROWS_PER_DAY {
					self.pass(&mut groups, day, of_day, &mut said)?;
				}
			}
			Flags::do_try_state()
				.map_err(|error| anyhow!("the invariants do not hold: {error:?}"))?;
			let hidden = groups.iter().map(|group| {
				let members = group.members.iter();
				members.map(Member::hidden).collect()
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
		let (microgrid, first) = chain::add_microgrid(&meters, copy.parameters)?;
		let device = |place: usize, ratings, seed: Seed| {
			Device::new(MeterId(first.0 + place as u32), ratings, seed.of(0))
		};
		let members = copy.members.iter().enumerate();
		let members = members.map(|(place, (home, theft))| {
			let seed = copy.seed.of(*home as u64);
			Member::new(*home, *theft, device(place, ratings(*home), seed), seed)
		});
		Ok(Group {
			microgrid,
			first,
			members: members.collect(),
			feeder: copy
				.feeder
				.then(|| device(copy.members.len(), of_feeder, copy.seed.of(u64::MAX))),
		})
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
				let (import, export) = feeder.measured_net(net);
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
			if member < groups[copy].members.len() {
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
		for page in group.members.chunks_mut(32) {
			let mut reads: Vec<(Read, Ratings)> = Vec::with_capacity(page.len());
			for member in page {
				let read = member.read(self.community, self.flows, copy.quality, (day, of_day))?;
				reads.extend(read.map(|read| (read, member.device().ratings())));
				chain::meter(member.device().id(), member.metered());
			}
			let observations: Vec<_> = reads
				.iter()
				.map(|(read, ratings)| read.observation(*ratings))
				.collect();
			Flags::on_readings(group.microgrid, &observations);
		}
		Ok(())
	}
}
