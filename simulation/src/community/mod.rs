//! The members of a grid folder, each with a year of its own.
//!
//! The rows of one node are one member behind one meter. As few household shapes serve many members, they are
//! [individualised](vary). What flows in the wires follows from that ([`flow`]).
//!
//! Row `n` of the profiles is the `n`-th quarter of an hour of 2016 in UTC. Energy is in mWh; storages rest.

pub mod flow;
pub mod vary;

use anyhow::{Context, Result};
use gridweave_grid::{
	grid::{Grid, GridSource, Member, Storage, Unit, ROWS_PER_DAY},
	profiles::Profiles,
	wires::Wires,
};

use crate::random::Seed;
use vary::{shuffled_weeks, Variation};

/// Energy in the unit of the profiles, 10⁻⁹ Wh × 4, that makes a mWh.
const UNITS_PER_MWH: i128 = 4_000_000;

/// Headroom of ratings above the sum of what is rated behind the meter, in percent.
const HEADROOM_PERCENT: u64 = 50;

/// What a photovoltaic plant takes in the night, in percent of what it can give.
const OWN_USE_PERCENT: u64 = 1;

/// What kind of member one is, by what stands behind the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
	/// A household.
	Household,
	/// A household with a heat pump or a car's charger.
	Electrified,
	/// A business.
	Business,
	/// A farm.
	Farm,
	/// Heat pumps and chargers alone.
	Device,
	/// Anyone with a photovoltaic plant.
	Prosumer,
}

impl Class {
	/// All of them.
	pub const ALL: [Self; 6] = [
		Self::Household,
		Self::Electrified,
		Self::Business,
		Self::Farm,
		Self::Device,
		Self::Prosumer,
	];

	/// What it is called.
	pub const fn name(self) -> &'static str {
		match self {
			Self::Household => "household",
			Self::Electrified => "household with heat pump or charger",
			Self::Business => "business",
			Self::Farm => "farm",
			Self::Device => "heat pump or charger alone",
			Self::Prosumer => "with photovoltaics",
		}
	}

	fn of(member: &Member, profiles: &Profiles) -> Self {
		let any = |begins: &str| {
			let mut units = member.loads.iter();
			units.any(|unit| profiles.name(unit.profile).starts_with(begins))
		};
		let flexible = member.loads.iter().any(|unit| unit.flexible);
		match () {
			() if !member.plants.is_empty() => Self::Prosumer,
			() if any("G") => Self::Business,
			() if any("L") => Self::Farm,
			() if flexible && any("H0") => Self::Electrified,
			() if flexible => Self::Device,
			() => Self::Household,
		}
	}
}

/// A member of a community: one connection, one meter.
#[derive(Clone, Debug, PartialEq)]
pub struct Home {
	/// The node of the grid it stands at.
	pub node: String,
	/// What kind of member.
	pub class: Class,
	/// Most power that its connection takes, in W.
	pub max_import_w: u32,
	/// Most power that its connection gives, in W.
	pub max_export_w: u32,
	/// What it consumes by row, in mWh.
	pub load: Vec<u32>,
	/// Of that what heat pumps and chargers take, in mWh; empty if it has none.
	pub flexible: Vec<u32>,
	/// What it generates by row, in mWh; empty if it has no plant.
	pub generation: Vec<u32>,
	/// What it can store. It rests.
	pub storage: Option<Storage>,
}

impl Home {
	/// Load less generation of a row, in mWh.
	pub fn net(&self, row: usize) -> i64 {
		let at = |energy: &[u32]| i64::from(energy.get(row).copied().unwrap_or_default());
		at(&self.load) - at(&self.generation)
	}

	/// What it takes from the grid on a mean day, in Wh.
	pub fn mean_import_of_day(&self) -> u64 {
		let rows = self.load.len();
		let taken: i64 = (0..rows).map(|row| self.net(row).max(0)).sum();
		let days = (rows / ROWS_PER_DAY).max(1) as u64;
		taken.unsigned_abs() / 1_000 / days
	}
}

/// A grid's members, individualised.
#[derive(Clone, Debug, PartialEq)]
pub struct Community {
	/// The grid's name.
	pub name: String,
	/// How many days there are of it, from the first of the year.
	pub days: usize,
	/// Its members.
	pub homes: Vec<Home>,
	/// The place of each member's node in the wires.
	pub places: Vec<usize>,
	/// Its lines and its transformer.
	pub wires: Wires,
}

impl Community {
	/// The community of a grid, from the first day of the year, as it follows from a seed.
	pub fn load(source: &GridSource, days: usize, seed: Seed) -> Result<Self> {
		let grid = Grid::load(source, None)?;
		let wires = Wires::load(source, &grid.name)?;
		Self::of(&grid, wires, days, seed)
	}

	/// As [`Self::load`], of what is loaded.
	pub fn of(grid: &Grid, wires: Wires, days: usize, seed: Seed) -> Result<Self> {
		let places = grid.members.iter().map(|member| {
			wires
				.place(&member.node)
				.with_context(|| format!("no line leads to {}", member.node))
		});
		let places = places.collect::<Result<Vec<_>>>()?;
		let homes = grid.members.iter().enumerate();
		let homes = homes
			.map(|(place, member)| home(member, &grid.profiles, days, seed.of(place as u64)))
			.collect();
		Ok(Self {
			name: grid.name.clone(),
			days,
			homes,
			places,
			wires,
		})
	}

	/// How many rows there are.
	pub fn rows(&self) -> usize {
		self.days * ROWS_PER_DAY
	}
}

fn home(member: &Member, profiles: &Profiles, days: usize, seed: Seed) -> Home {
	let rows = days * ROWS_PER_DAY;
	let year = profiles.rows();
	// A member's loads keep their weeks together: who is away heats no car.
	let weeks = shuffled_weeks(seed.of(0), year / ROWS_PER_DAY / 7);
	let own = |units: &[&Unit], weeks: &[usize], seed: Seed| -> Vec<u32> {
		if units.is_empty() {
			return Vec::new();
		}
		let mut sums = vec![0i128; rows];
		for (number, unit) in units.iter().enumerate() {
			let vary = Variation::new(weeks, seed.of(number as u64));
			for (row, sum) in sums.iter_mut().enumerate() {
				*sum += vary.value(row, |source| unit.energy(profiles, source % year));
			}
		}
		let mwh = |sum: i128| u32::try_from((sum / UNITS_PER_MWH).max(0)).unwrap_or(u32::MAX);
		sums.into_iter().map(mwh).collect()
	};
	let (flexible, rest): (Vec<&Unit>, Vec<&Unit>) =
		member.loads.iter().partition(|unit| unit.flexible);
	let flexible = own(&flexible, &weeks, seed.of(1));
	let mut load = own(&rest, &weeks, seed.of(2));
	load.resize(rows, 0);
	for (load, flexible) in load.iter_mut().zip(&flexible) {
		*load = load.saturating_add(*flexible);
	}
	// All plants stand under one sky.
	let plants: Vec<&Unit> = member.plants.iter().collect();
	let generation = own(&plants, &[], seed.of(3));
	let rated = |units: &[Unit]| -> u64 { units.iter().map(|unit| u64::from(unit.rated_w)).sum() };
	let plants_w = rated(&member.plants);
	let rating = |watts: u64| {
		let watts = (watts * (100 + HEADROOM_PERCENT)).div_ceil(100);
		u32::try_from(watts).unwrap_or(u32::MAX)
	};
	Home {
		node: member.node.clone(),
		class: Class::of(member, profiles),
		max_import_w: rating(member.max_import_w() + (plants_w * OWN_USE_PERCENT).div_ceil(100)),
		max_export_w: rating(member.max_export_w()),
		load,
		flexible,
		generation,
		storage: member.storage,
	}
}

#[cfg(test)]
mod tests;
