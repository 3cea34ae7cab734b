//! The trials of a grid: all attacks by all members, what feeders show, honest years.

use anyhow::Result;
use gridweave_grid::grid::ROWS_PER_DAY;
use pallet_anomaly_flags::{Class as FlagClass, Kind, Parameters};

use super::{
	attack::Attack,
	results::{
		Feeder, Honest, Named, Own, Part, Results, Tap, Windows, HALF, HONEST_WINDOW, TAP_RATES,
	},
	scene::{Copy, Outcome, Scene, Theft, What},
	study::{Place, Study, LEAD, WATCH},
};
use crate::community::{flow::Flows, Community};

/// Days before a theft that the feeder is to show.
const FEEDER_LEAD: usize = 21;
/// Thieves in each window, for each attack that the feeder is to show.
const THIEVES: usize = 3;
/// Copies in each window of each unmetered load.
const TAPS: u64 = 2;

/// Detectors whose bounds of days, of runs and of the feeder are moved.
fn scaled(scale: u32) -> Parameters {
	let defaults = Parameters::default();
	let by = |value: u32, least: u32| (value * scale / 100).max(least);
	let small = |value: u8, least: u32| by(value.into(), least).min(255) as u8;
	let large = |value: u16, least: u32| by(value.into(), least).min(65_535) as u16;
	Parameters {
		change_limit: large(defaults.change_limit, 32),
		reversed_limit: large(defaults.reversed_limit, 256),
		flat_periods: small(defaults.flat_periods, 8),
		feeder_limit: large(defaults.feeder_limit, 4),
		feeder_missing: by(defaults.feeder_missing, 1),
		..defaults
	}
}

/// Whether a flag of this kind tells of the attack.
fn tells(attack: Attack, kind: Kind) -> bool {
	match attack {
		Attack::Rollback => kind == Kind::RegisterRollback,
		Attack::ClonedKey => kind == Kind::ClonedKey,
		Attack::Tampered => kind == Kind::TamperSwitch,
		Attack::Implausible => kind == Kind::ImplausiblePower,
		Attack::ClockShift => matches!(kind, Kind::ClockDrift | Kind::Silent),
		_ => kind.class() == FlagClass::Statistic,
	}
}

/// Days from a row on until the end of another.
fn days_until(row: usize, from_day: usize) -> f64 {
	(row + 1 - from_day * ROWS_PER_DAY) as f64 / ROWS_PER_DAY as f64
}

impl Study {
	/// Every eligible member whose turn it is, with every attack.
	pub(super) fn own(&self, place: &Place, window: usize, scale: u32) -> Result<Results> {
		let first_day = self.first_day(window);
		let from_day = first_day + LEAD;
		let mut attacks = Attack::DRAWN.to_vec();
		if scale == 100 {
			attacks = Attack::OWN.to_vec();
			attacks.push(Attack::PhaseBypass);
			attacks.extend(Attack::PROTOCOL);
		}
		let eligible = place.eligible();
		let turn = |number: usize, home: &usize| (home + number) % self.windows == window;
		let copy = |(number, attack): (usize, &Attack)| Copy {
			members: eligible
				.iter()
				.filter(|home| turn(number, home))
				.map(|home| {
					let attack = *attack;
					(*home, Some(Theft { attack, from_day }))
				})
				.collect(),
			feeder: false,
			quality: matches!(attack, Attack::PhaseBypass | Attack::RegisterBypass),
			tap: None,
			parameters: scaled(scale),
			seed: self.seed.of(1).of(number as u64),
		};
		let copies: Vec<Copy> = attacks.iter().enumerate().map(copy).collect();
		let scene = self.scene(place, first_day, LEAD + WATCH, copies);
		let outcome = scene.run()?;
		let mut results = Results::default();
		for (number, (copy, attack)) in scene.copies.iter().zip(&attacks).enumerate() {
			for (member, (home, _)) in copy.members.iter().enumerate() {
				// Who is suspected already is to be inspected already.
				let suspected = outcome.of(number).any(|said| {
					said.row < from_day * ROWS_PER_DAY
						&& matches!(said.what, What::Flag(of, kind) if of == member && tells(*attack, kind))
				});
				if suspected {
					continue;
				}
				let first = outcome.of(number).find(|said| {
					said.row >= from_day * ROWS_PER_DAY
						&& matches!(said.what, What::Flag(of, kind) if of == member && tells(*attack, kind))
				});
				results.own.push(Own {
					part: Part::of(&place.grid.name, from_day),
					class: place.community.homes[*home].class,
					attack: *attack,
					scale,
					days: first.map(|said| days_until(said.row, from_day)),
				});
			}
		}
		Ok(results)
	}

	/// One thief at a time, with each attack; and loads without a meter. With detectors that are set otherwise only what
	/// targets are about.
	pub(super) fn feeder(&self, place: &Place, window: usize, scale: u32) -> Result<Results> {
		let defaults = scale == 100;
		let first_day = self.first_day(window) + LEAD - FEEDER_LEAD;
		let from_day = first_day + FEEDER_LEAD;
		let part = Part::of(&place.grid.name, from_day);
		let gross = place.gross(from_day, from_day + WATCH);
		let seed = self.seed.of(2).of(window as u64);
		let eligible = place.eligible();
		let mut cases = Vec::new();
		for (number, attack) in Attack::FEEDER.iter().enumerate() {
			if !defaults && !Attack::NAMED.contains(attack) {
				continue;
			}
			for drawn in seed.of(number as u64).sample(THIEVES, eligible.len()) {
				cases.push((*attack, eligible[drawn], number * THIEVES));
			}
		}
		let homes = 0..place.community.homes.len();
		let base = |number: usize| Copy {
			members: homes.clone().map(|home| (home, None)).collect(),
			feeder: true,
			quality: false,
			tap: None,
			parameters: scaled(scale),
			seed: seed.of(1_000 + number as u64),
		};
		let mut copies = Vec::new();
		for (place, (attack, thief, number)) in cases.iter().enumerate() {
			// The same meters, however detectors are set.
			let mut copy = base(number + place % THIEVES);
			let attack = *attack;
			copy.members[*thief].1 = Some(Theft { attack, from_day });
			copies.push(copy);
		}
		let taps = (0..TAPS).flat_map(|_| TAP_RATES).filter(|_| defaults);
		let taps: Vec<u32> = taps.collect();
		for rate in &taps {
			let watts = gross * u64::from(*rate) / 1_000 / (WATCH as u64 * 24);
			let mut copy = base(copies.len());
			copy.tap = Some((u32::try_from(watts).unwrap_or(u32::MAX), from_day));
			copies.push(copy);
		}
		let scene = self.scene(place, first_day, FEEDER_LEAD + WATCH, copies);
		let outcome = scene.run()?;
		let mut results = Results::default();
		for (number, (attack, thief, _)) in cases.iter().enumerate() {
			let alarms = alarms(&outcome, number, from_day);
			let names = |(_, named): &&(f64, &Vec<usize>)| named.contains(thief);
			results.named.push(Named {
				part: part.clone(),
				class: place.community.homes[*thief].class,
				attack: *attack,
				scale,
				share: outcome.hidden[number][*thief] as f64 / gross.max(1) as f64,
				alarm: alarms.first().map(|(days, _)| *days),
				named: alarms.iter().find(names).map(|(days, _)| *days),
				last: alarms.last().as_ref().is_some_and(names),
			});
		}
		for (number, rate) in taps.iter().enumerate() {
			let alarms = alarms(&outcome, cases.len() + number, from_day);
			results.taps.push(Tap {
				part: part.clone(),
				rate: *rate,
				alarm: alarms.first().map(|(days, _)| *days),
			});
		}
		Ok(results)
	}

	/// A year without a thief.
	pub(super) fn honest(&self, place: &Place, number: u64) -> Result<Results> {
		let seed = self.seed.of(3).of(number);
		let (community, flows);
		let mut scene = self.scene(place, 0, self.days, Vec::new());
		if number > 0 {
			community = Community::of(&place.grid, place.wires.clone(), self.days, seed.of(0))?;
			flows = Flows::of(&community);
			(scene.community, scene.flows) = (&community, &flows);
		}
		let homes = 0..place.community.homes.len();
		scene.copies = vec![Copy {
			members: homes.clone().map(|home| (home, None)).collect(),
			feeder: true,
			quality: true,
			tap: None,
			parameters: Parameters::default(),
			seed: seed.of(1),
		}];
		let outcome = scene.run()?;
		let mut results = Results::default();
		for (from, until) in halves(self.days) {
			let part = Part::of(&place.grid.name, from);
			let years = (until - from) as f64 / 366.0;
			let rows = from * ROWS_PER_DAY..until * ROWS_PER_DAY;
			let said = || outcome.said.iter().filter(|said| rows.contains(&said.row));
			for home in homes.clone() {
				let kinds: Vec<Kind> = said()
					.filter_map(|said| match said.what {
						What::Flag(member, kind) if member == home => Some(kind),
						_ => None,
					})
					.collect();
				let of = |class| kinds.iter().filter(|kind| kind.class() == class).count() as u32;
				results.honest.push(Honest {
					part: part.clone(),
					home,
					class: place.community.homes[home].class,
					years,
					flags: of(FlagClass::Statistic),
					proofs: of(FlagClass::Proof),
					quarantines: said()
						.filter(|said| said.what == What::Quarantine(home))
						.count() as u32,
					kinds,
				});
			}
			let week = 7 * ROWS_PER_DAY;
			let (mut alarms, mut last) = (0, None);
			for said in said().filter(|said| matches!(said.what, What::Alarm(_))) {
				if last.is_none_or(|last| said.row > last + week) {
					alarms += 1;
				}
				last = Some(said.row);
			}
			results.feeders.push(Feeder {
				part,
				years,
				alarms,
			});
		}
		Ok(results)
	}

	/// A year without a thief, with detectors set otherwise.
	pub(super) fn windows(&self, place: &Place, scale: u32) -> Result<Results> {
		let homes = place.community.homes.len();
		let copy = Copy {
			members: (0..homes).map(|home| (home, None)).collect(),
			feeder: true,
			quality: false,
			tap: None,
			parameters: scaled(scale),
			seed: self.seed.of(4),
		};
		let outcome = self.scene(place, 0, self.days, vec![copy]).run()?;
		let mut results = Results::default();
		for from in (LEAD..=self.days - HONEST_WINDOW).step_by(HONEST_WINDOW) {
			let rows = from * ROWS_PER_DAY..(from + HONEST_WINDOW) * ROWS_PER_DAY;
			let mut flagged = vec![false; homes];
			let mut alarmed = false;
			for said in outcome.said.iter().filter(|said| rows.contains(&said.row)) {
				match said.what {
					What::Flag(member, kind) => {
						flagged[member] |= kind.class() == FlagClass::Statistic;
					}
					What::Alarm(_) => alarmed = true,
					What::Quarantine(_) => {}
				}
			}
			results.windows.push(Windows {
				part: Part::of(&place.grid.name, from),
				scale,
				windows: homes as u32,
				flagged: flagged.iter().filter(|flagged| **flagged).count() as u32,
				alarmed,
			});
		}
		Ok(results)
	}

	fn scene<'a>(
		&self,
		place: &'a Place,
		first_day: usize,
		days: usize,
		copies: Vec<Copy>,
	) -> Scene<'a> {
		Scene {
			community: &place.community,
			flows: &place.flows,
			first_day,
			days,
			copies,
		}
	}
}

/// The halves of the year that there are days of.
fn halves(days: usize) -> Vec<(usize, usize)> {
	match days {
		0..=HALF => vec![(0, days)],
		_ => vec![(0, HALF), (HALF, days)],
	}
}

/// A copy's alarms from a day on, and whom they named.
fn alarms(outcome: &Outcome, copy: usize, from_day: usize) -> Vec<(f64, &Vec<usize>)> {
	let since = outcome
		.of(copy)
		.filter(|said| said.row >= from_day * ROWS_PER_DAY);
	since
		.filter_map(|said| match &said.what {
			What::Alarm(named) => Some((days_until(said.row, from_day), named)),
			_ => None,
		})
		.collect()
}
