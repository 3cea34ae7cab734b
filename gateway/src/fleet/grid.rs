//! A grid folder: members and their profiles.
//!
//! The rows of one node (loads, photovoltaics, storages) are one member behind one meter. Shares are kept
//! as integers in units of 10⁻⁹ so that the energy a meter counts is exact, whoever adds it up.

use std::{collections::BTreeMap, fs::File, io::Read, path::PathBuf, str::FromStr};

use anyhow::{bail, ensure, Context, Result};

/// One in the unit shares are kept in.
pub const SHARE_ONE: i64 = 1_000_000_000;

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
}

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

/// The columns of profiles that a grid uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profiles {
	columns: Vec<Vec<i64>>,
	rows: usize,
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

impl Profiles {
	/// How many rows there are: a whole year of quarters of an hour.
	pub fn rows(&self) -> usize {
		self.rows
	}

	/// The share of `profile` in `row`, in units of [`SHARE_ONE`]; the year repeats.
	pub fn share(&self, profile: usize, row: usize) -> i64 {
		self.columns[profile][row % self.rows]
	}

	/// Columns given directly, all of one length.
	#[cfg(test)]
	pub fn from_columns(columns: Vec<Vec<i64>>) -> Self {
		let rows = columns[0].len();
		Self { columns, rows }
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
		let profiles = read_profiles(flate2::read::GzDecoder::new(file), &profile_names)
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

fn read_profiles(input: impl Read, wanted: &[String]) -> Result<Profiles> {
	let mut reader = csv::Reader::from_reader(input);
	let header = reader.headers()?.clone();
	let places = wanted
		.iter()
		.map(|name| {
			header
				.iter()
				.position(|h| h == name)
				.with_context(|| format!("no profile {name}"))
		})
		.collect::<Result<Vec<usize>>>()?;
	let mut columns = vec![Vec::new(); wanted.len()];
	let mut record = csv::StringRecord::new();
	let mut rows = 0;
	while reader.read_record(&mut record)? {
		for (column, place) in columns.iter_mut().zip(&places) {
			let text = record.get(*place).unwrap_or_default();
			column.push(share(text).with_context(|| format!("row {rows}: {text:?} is no share"))?);
		}
		rows += 1;
	}
	ensure!(rows > 0, "no rows");
	Ok(Profiles { columns, rows })
}

/// A decimal number, possibly with an exponent, in units of 10⁻⁹; finer digits are an error: nothing is
/// rounded.
fn share(text: &str) -> Option<i64> {
	let (mantissa, exponent) = match text.split_once(['e', 'E']) {
		Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
		None => (text, 0),
	};
	let (sign, mantissa) = match mantissa.strip_prefix('-') {
		Some(rest) => (-1, rest),
		None => (1, mantissa),
	};
	let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
	let digits = format!("{whole}{fraction}");
	if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
		return None;
	}
	let value = digits.parse::<i64>().ok()?;
	let shift = 9 + exponent - i32::try_from(fraction.len()).ok()?;
	let scale = 10i64.checked_pow(shift.unsigned_abs())?;
	if shift >= 0 {
		value.checked_mul(scale).map(|value| sign * value)
	} else {
		(value % scale == 0).then_some(sign * (value / scale))
	}
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
	fn shares_should_be_exact_or_refused() {
		for (text, value) in [
			("0", Some(0)),
			("1", Some(SHARE_ONE)),
			("0.06247", Some(62_470_000)),
			("-6e-06", Some(-6_000)),
			("8.2e-05", Some(82_000)),
			("1.5E1", Some(15 * SHARE_ONE)),
			("0.0000000001", None),
			("1e-10", None),
			("", None),
			("-", None),
			("nan", None),
			("0.1.2", None),
			("1e400", None),
		] {
			assert_eq!(share(text), value, "{text}");
		}
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
