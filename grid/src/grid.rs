//! A grid folder: members and their profiles.
//!
//! The rows of one node (loads, photovoltaics, storages) are one member behind one meter.

use std::{collections::BTreeMap, fs::File, io::Read, path::PathBuf, str::FromStr};

use anyhow::{bail, ensure, Context, Result};

use crate::profiles::{Profiles, SHARE_ONE};

/// Rows of a day: quarters of an hour.
pub const ROWS_PER_DAY: usize = 96;

/// Seconds of data in a row.
pub const ROW_SECONDS: u32 = 900;

/// Where a grid lies: a folder, and the grid's name if the folder holds several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridSource {
	/// Folder with `members.csv` and `profiles.csv.gz`.
	pub folder: PathBuf,
	/// Name in the column `grid`; the only one of the folder if `None`.
	pub name: Option<String>,
}

impl FromStr for GridSource {
	type Err = std::convert::Infallible;

	/// `DIR` or `DIR:NAME`.
	fn from_str(source: &str) -> Result<Self, Self::Err> {
		Ok(match source.rsplit_once(':') {
			Some((folder, name)) => Self {
				folder: folder.into(),
				name: Some(name.into()),
			},
			None => Self {
				folder: source.into(),
				name: None,
			},
		})
	}
}

/// Something that follows a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
	/// Place of its profile in [`Grid::profiles`].
	pub profile: usize,
	/// Power at share one, in W.
	pub rated_w: u32,
	/// Whether it can wait: a heat pump or a car's charger.
	pub flexible: bool,
}

/// What is behind a meter in a period; energy in 10⁻⁹ Wh × 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
	/// Load less generation, without the storage.
	pub net: i128,
	/// Of the load what heat pumps and chargers take.
	pub flexible: i128,
	/// The most that they can take.
	pub flexible_rated: i128,
	/// What the plants give.
	pub generation: i128,
}

/// Profiles of loads that can wait begin with this: heat pumps (air, soil), chargers at home and elsewhere.
const FLEXIBLE: [&str; 4] = ["Air_", "Soil_", "HLS_", "APLS_"];

/// The storages of a member, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
	/// Most power to charge and discharge with, in W.
	pub rated_w: u32,
	/// Energy when full, in Wh.
	pub capacity_wh: u64,
}

/// One connection point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
	/// The node of the grid it stands at.
	pub node: String,
	/// What it consumes.
	pub loads: Vec<Unit>,
	/// What it generates.
	pub plants: Vec<Unit>,
	/// What it stores.
	pub storage: Option<Storage>,
}

/// Members and profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
	/// Name of the grid.
	pub name: String,
	/// Its members, in the order of their first row.
	pub members: Vec<Member>,
	/// Their profiles.
	pub profiles: Profiles,
}

impl Unit {
	/// Energy of a row in 10⁻⁹ Wh × 4: share × rated power, exactly.
	pub fn energy(&self, profiles: &Profiles, row: usize) -> i128 {
		i128::from(profiles.share(self.profile, row)) * i128::from(self.rated_w)
	}
}

impl Member {
	/// Load less generation of a row, without storage, in 10⁻⁹ Wh × 4.
	pub fn net(&self, profiles: &Profiles, row: usize) -> i128 {
		let sum = |units: &[Unit]| {
			units
				.iter()
				.map(|unit| unit.energy(profiles, row))
				.sum::<i128>()
		};
		sum(&self.loads) - sum(&self.plants)
	}

	/// What is behind its meter in a row.
	pub fn behind(&self, profiles: &Profiles, row: usize) -> Behind {
		let can_wait = || self.loads.iter().filter(|unit| unit.flexible);
		let energy = |unit: &Unit| unit.energy(profiles, row);
		Behind {
			net: self.net(profiles, row),
			flexible: can_wait().map(energy).sum(),
			flexible_rated: can_wait()
				.map(|unit| i128::from(unit.rated_w) * i128::from(SHARE_ONE))
				.sum(),
			generation: self.plants.iter().map(energy).sum(),
		}
	}

	/// Most power it can take, in W: all loads and its storage at once.
	pub fn max_import_w(&self) -> u64 {
		rated(&self.loads) + self.storage.map_or(0, |storage| storage.rated_w.into())
	}

	/// Most power it can give, in W.
	pub fn max_export_w(&self) -> u64 {
		rated(&self.plants) + self.storage.map_or(0, |storage| storage.rated_w.into())
	}
}

fn rated(units: &[Unit]) -> u64 {
	units.iter().map(|unit| u64::from(unit.rated_w)).sum()
}

impl GridSource {
	/// The grids that it names: the one, or all of the folder, by name.
	pub fn each(&self) -> Result<Vec<Self>> {
		if self.name.is_some() {
			return Ok(vec![self.clone()]);
		}
		let path = self.folder.join("members.csv");
		let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
		let mut names = csv::Reader::from_reader(file)
			.into_deserialize()
			.map(|row| row.map(|row: MemberRow| row.grid))
			.collect::<Result<Vec<_>, _>>()
			.with_context(|| format!("cannot use {}", path.display()))?;
		names.sort_unstable();
		names.dedup();
		let named = |name| Self {
			folder: self.folder.clone(),
			name: Some(name),
		};
		Ok(names.into_iter().map(named).collect())
	}
}

impl Grid {
	/// Reads a grid folder; `limit` keeps the first so many members.
	pub fn load(source: &GridSource, limit: Option<usize>) -> Result<Self> {
		let path = source.folder.join("members.csv");
		let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
		let (name, members, profile_names) = read_members(file, source.name.as_deref(), limit)
			.with_context(|| format!("cannot use {}", path.display()))?;
		let path = source.folder.join("profiles.csv.gz");
		let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
		let profiles = Profiles::read(flate2::read::GzDecoder::new(file), &profile_names)
			.with_context(|| format!("cannot use {}", path.display()))?;
		Ok(Self {
			name,
			members,
			profiles,
		})
	}

	/// The storages, each with the place of its member.
	pub fn storages(&self) -> impl Iterator<Item = (usize, Storage)> + '_ {
		self.members
			.iter()
			.enumerate()
			.filter_map(|(i, m)| m.storage.map(|storage| (i, storage)))
	}

	/// Load less generation of all members in a row, without storages, in 10⁻⁹ Wh × 4.
	pub fn net(&self, row: usize) -> i128 {
		self.members
			.iter()
			.map(|member| member.net(&self.profiles, row))
			.sum()
	}
}

#[derive(serde::Deserialize)]
struct MemberRow {
	id: String,
	grid: String,
	kind: String,
	node: String,
	profile: String,
	rated_w: u32,
	capacity_wh: Option<u64>,
}

fn read_members(
	input: impl Read,
	wanted: Option<&str>,
	limit: Option<usize>,
) -> Result<(String, Vec<Member>, Vec<String>)> {
	let rows = csv::Reader::from_reader(input)
		.into_deserialize()
		.collect::<Result<Vec<MemberRow>, _>>()?;
	let mut names: Vec<&str> = rows.iter().map(|row| row.grid.as_str()).collect();
	names.sort_unstable();
	names.dedup();
	let name = match wanted {
		Some(name) => name.to_string(),
		None if names.len() == 1 => names[0].to_string(),
		None => bail!("name one of the grids {}: DIR:NAME", names.join(", ")),
	};
	let names = names.join(", ");

	let mut members: Vec<Member> = Vec::new();
	let mut places: BTreeMap<String, usize> = BTreeMap::new();
	let mut profiles: Vec<String> = Vec::new();
	for row in rows.into_iter().filter(|row| row.grid == name) {
		let place = match places.get(&row.node) {
			Some(place) => *place,
			None => {
				if limit.is_some_and(|limit| members.len() >= limit) {
					continue;
				}
				let (node, place) = (row.node.clone(), members.len());
				members.push(Member {
					node,
					loads: vec![],
					plants: vec![],
					storage: None,
				});
				places.insert(row.node.clone(), place);
				place
			}
		};
		let member = &mut members[place];
		if row.kind == "storage" {
			let capacity = row
				.capacity_wh
				.with_context(|| format!("{}: no capacity", row.id))?;
			let storage = member.storage.get_or_insert(Storage {
				rated_w: 0,
				capacity_wh: 0,
			});
			storage.rated_w += row.rated_w;
			storage.capacity_wh += capacity;
			continue;
		}
		let profile = profiles
			.iter()
			.position(|known| *known == row.profile)
			.unwrap_or_else(|| {
				profiles.push(row.profile.clone());
				profiles.len() - 1
			});
		let unit = Unit {
			profile,
			rated_w: row.rated_w,
			flexible: FLEXIBLE
				.iter()
				.any(|prefix| row.profile.starts_with(prefix)),
		};
		match row.kind.as_str() {
			"load" => member.loads.push(unit),
			"pv" => member.plants.push(unit),
			other => bail!("{}: unknown kind {other}", row.id),
		}
	}
	ensure!(!members.is_empty(), "no grid {name}; there are {names}");
	Ok((name, members, profiles))
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::path::Path;

	fn simbench(name: &str) -> GridSource {
		let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench");
		GridSource {
			folder,
			name: Some(name.into()),
		}
	}

	#[test]
	fn rows_of_one_node_should_be_one_member() {
		let grid = Grid::load(&simbench("LV1.101"), None).unwrap();
		assert_eq!(grid.members.len(), 13);
		assert_eq!(grid.profiles.rows(), 366 * ROWS_PER_DAY);
		let bus_8 = grid
			.members
			.iter()
			.find(|member| member.node == "LV1.101 Bus 8")
			.unwrap();
		assert_eq!(
			(bus_8.loads.len(), bus_8.plants.len(), bus_8.storage),
			(2, 1, None)
		);
		assert_eq!(
			(bus_8.max_import_w(), bus_8.max_export_w()),
			(5_000, 19_000)
		);
		assert_eq!(grid.storages().count(), 4);
		// 40 kW of PV5 and a load of 3 kW at the first row of the year, at night.
		let bus_7 = grid
			.members
			.iter()
			.find(|member| member.node == "LV1.101 Bus 7")
			.unwrap();
		assert_eq!(bus_7.net(&grid.profiles, 0), 321_100_000 * 3_000);
	}

	#[test]
	fn heat_pumps_and_chargers_should_be_what_can_wait() {
		let grid = Grid::load(&simbench("LV3.101"), None).unwrap();
		let members = grid.members.iter();
		let loads: Vec<_> = members.flat_map(|member| &member.loads).collect();
		let flexible = loads.iter().filter(|unit| unit.flexible).count();
		assert!(
			(10..60).contains(&flexible),
			"{flexible} of {}",
			loads.len()
		);
	}

	#[test]
	fn every_grid_of_the_folder_should_load() {
		for (name, members) in [("LV3.101", 110), ("LV5.201", 104)] {
			let grid = Grid::load(&simbench(name), None).unwrap();
			assert!(
				grid.members.len() >= members,
				"{name}: {}",
				grid.members.len()
			);
		}
	}

	#[test]
	fn a_folder_should_tell_its_grids() {
		let all = GridSource {
			name: None,
			..simbench("")
		};
		let named = ["LV1.101", "LV3.101", "LV5.201"].map(simbench);
		assert_eq!(all.each().unwrap(), named);
		assert_eq!(named[1].each().unwrap(), named[1..2]);
	}

	#[test]
	fn members_beyond_the_limit_should_be_left_out() {
		let grid = Grid::load(&simbench("LV1.101"), Some(3)).unwrap();
		assert_eq!(grid.members.len(), 3);
		// Rows of a kept node still count where they stand after the limit was reached.
		assert!(grid.members.iter().any(|member| !member.plants.is_empty()));
	}

	#[test]
	fn an_unknown_or_unnamed_grid_should_be_refused() {
		let error = Grid::load(&simbench("LV9"), None).unwrap_err();
		assert!(format!("{error:#}").contains("no grid LV9"));
		let error = Grid::load(
			&GridSource {
				name: None,
				..simbench("")
			},
			None,
		)
		.unwrap_err();
		assert!(format!("{error:#}").contains("LV1.101, LV3.101, LV5.201"));
	}

	#[test]
	fn a_source_should_name_folder_and_grid() {
		let source: GridSource = "data/simbench:LV1.101".parse().unwrap();
		assert_eq!(
			source,
			GridSource {
				folder: "data/simbench".into(),
				name: Some("LV1.101".into())
			}
		);
		let source: GridSource = "data/simbench".parse().unwrap();
		assert_eq!(source.name, None);
	}
}
