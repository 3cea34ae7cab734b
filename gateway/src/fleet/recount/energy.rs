//! Metered energy, recomputed from the files of the grid.

use std::{
	collections::BTreeMap,
	fs,
	io::{BufRead, BufReader},
	path::Path,
};

use anyhow::{anyhow, Context, Result};

/// Energy of a connection point in a period, in Wh: taken and given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metered {
	/// Taken from the grid.
	pub import: u64,
	/// Given to the grid.
	pub export: u64,
}

/// Energy is summed in 10⁻⁹ Wh: shares in 10⁻⁹ × 4, times W, over a quarter of an hour.
const NANO: i128 = 1_000_000_000;

/// What a device was told for a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
	/// Take no more than so many Wh.
	Import(u64),
	/// Give no more than so many Wh.
	Export(u64),
	/// Fill the storage.
	Fill,
	/// Empty the storage.
	Empty,
}

/// What devices did as they were told: by place of the period and node.
pub type Orders = BTreeMap<(usize, String), Order>;

#[derive(Default)]
struct Node {
	/// Column of the profile and power: positive consumes, negative generates.
	units: Vec<(String, i128)>,
	storage_w: i128,
	storage_wh: i128,
}

/// What each of `nodes` of the grid `grid` metered in each of `periods` rows from `first_row` on. Storages
/// are half full at the start; in every row they answer the balance of `nodes` without storages in the row
/// before. Before the first row of the data there was none. Who has an order follows it.
pub fn recount(
	folder: &Path,
	grid: &str,
	nodes: &[String],
	first_row: usize,
	periods: usize,
	orders: &Orders,
) -> Result<Vec<BTreeMap<String, Metered>>> {
	let mut grid = nodes_of(folder, grid, nodes)?;
	let wanted: Vec<String> = grid
		.values()
		.flat_map(|node| node.units.iter().map(|(column, _)| column.clone()))
		.collect();
	let rows = rows_of(folder, &wanted)?;
	let year = rows.values().next().map_or(0, Vec::len);

	// Load less generation of a node in a row, in nano-Wh. Shares carry a factor of four, so that a
	// quarter of an hour needs no division.
	let net = |node: &Node, row: usize| -> i128 {
		node.units
			.iter()
			.map(|(column, power)| rows[column][row % year] * power)
			.sum()
	};

	let mut charge: BTreeMap<String, i128> = grid
		.iter()
		.map(|(name, node)| (name.clone(), node.storage_wh / 2))
		.collect();
	let all_storages: i128 = grid.values().map(|node| node.storage_w).sum();
	// Of a node and row: what pumps and chargers take, what they could, what plants give.
	let parts = |node: &Node, row: usize| -> (i128, i128, i128) {
		let (mut pumps, mut could, mut sun) = (0, 0, 0);
		for (column, power) in &node.units {
			let energy = rows[column][row % year] * power;
			if *power < 0 {
				sun -= energy;
			} else if ["Air_", "Soil_", "HLS_", "APLS_"]
				.iter()
				.any(|name| column.starts_with(name))
			{
				pumps += energy;
				could += NANO / 4 * power;
			}
		}
		(pumps, could, sun)
	};
	let mut postponed: BTreeMap<String, i128> = BTreeMap::new();
	let mut totals: BTreeMap<String, (i128, i128)> = BTreeMap::new();
	let mut result = Vec::with_capacity(periods);
	for row in first_row..first_row + periods {
		let lacking: i128 = match row {
			0 => 0,
			_ => grid.values().map(|node| net(node, row - 1)).sum(),
		};
		let mut metered = BTreeMap::new();
		for (name, node) in &mut grid {
			let order = orders.get(&(row - first_row, name.clone())).copied();
			let (pumps, could, sun) = parts(node, row);
			let bare = net(node, row);
			let mut flow = 0;
			if node.storage_w > 0 {
				let held = charge
					.get_mut(name)
					.ok_or_else(|| anyhow!("{name} has no charge"))?;
				// Whole Wh, rounded towards zero, first of the balance and then of the part of it.
				let part = (lacking.abs() / NANO) * node.storage_w / all_storages;
				let part = part.min(node.storage_w / 4);
				flow = if lacking < 0 {
					part.min(node.storage_wh - *held)
				} else {
					-part.min(*held)
				};
				let in_most = (node.storage_w / 4).min(node.storage_wh - *held);
				let out_most = (node.storage_w / 4).min(*held);
				match order {
					Some(Order::Fill) => flow = in_most,
					Some(Order::Empty) => flow = -out_most,
					Some(Order::Import(limit)) => {
						// Wh by Wh beyond the limit, begun ones in full.
						let beyond = bare + flow * NANO - i128::from(limit) * NANO;
						if beyond > 0 {
							flow = (flow - (beyond + NANO - 1) / NANO).max(-out_most);
						}
					}
					Some(Order::Export(limit)) => {
						let beyond = -(bare + flow * NANO) - i128::from(limit) * NANO;
						if beyond > 0 {
							flow = (flow + (beyond + NANO - 1) / NANO).min(in_most);
						}
					}
					None => {}
				}
				*held += flow;
			}
			let mut net = bare + flow * NANO;
			let later = postponed.entry(name.clone()).or_default();
			match order {
				Some(Order::Import(limit)) if net > i128::from(limit) * NANO => {
					let less = (net - i128::from(limit) * NANO).min(pumps);
					net -= less;
					*later += less;
				}
				Some(Order::Export(limit)) if -net > i128::from(limit) * NANO => {
					net += (-net - i128::from(limit) * NANO).min(sun.max(0));
				}
				Some(_) => {}
				None => {
					let more = (*later).min((could - pumps).max(0));
					net += more;
					*later -= more;
				}
			}
			let (import, export) = totals.entry(name.clone()).or_default();
			let before = (*import / NANO, *export / NANO);
			if net > 0 {
				*import += net
			} else {
				*export -= net
			}
			let difference = |after: i128, before: i128| u64::try_from(after / NANO - before);
			metered.insert(
				name.clone(),
				Metered {
					import: difference(*import, before.0)?,
					export: difference(*export, before.1)?,
				},
			);
		}
		result.push(metered);
	}
	Ok(result)
}

fn nodes_of(folder: &Path, name: &str, wanted: &[String]) -> Result<BTreeMap<String, Node>> {
	let text = fs::read_to_string(folder.join("members.csv")).context("members.csv")?;
	let mut lines = text.lines();
	let header: Vec<&str> = lines
		.next()
		.context("members.csv is empty")?
		.split(',')
		.collect();
	let mut grid: BTreeMap<String, Node> = wanted
		.iter()
		.map(|name| (name.clone(), Node::default()))
		.collect();
	for line in lines {
		let fields: BTreeMap<&str, &str> = header.iter().copied().zip(line.split(',')).collect();
		let field = |name: &str| {
			fields
				.get(name)
				.copied()
				.with_context(|| format!("no {name}"))
		};
		// Nodes of two grids may have one name.
		if field("grid")? != name {
			continue;
		}
		let Some(node) = grid.get_mut(field("node")?) else {
			continue;
		};
		let power: i128 = field("rated_w")?
			.parse()
			.with_context(|| line.to_string())?;
		match field("kind")? {
			"storage" => {
				node.storage_w += power;
				node.storage_wh += field("capacity_wh")?.parse::<i128>()?;
			}
			"pv" => node.units.push((field("profile")?.into(), -power)),
			_ => node.units.push((field("profile")?.into(), power)),
		}
	}
	Ok(grid)
}

/// The wanted columns: shares in 10⁻⁹, divided by four.
fn rows_of(folder: &Path, wanted: &[String]) -> Result<BTreeMap<String, Vec<i128>>> {
	let file = fs::File::open(folder.join("profiles.csv.gz")).context("profiles.csv.gz")?;
	let mut lines = BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines();
	let header = lines.next().context("profiles.csv.gz is empty")??;
	let header: Vec<&str> = header.trim_end().split(',').collect();
	let mut columns: BTreeMap<String, Vec<i128>> = wanted
		.iter()
		.map(|name| (name.clone(), Vec::new()))
		.collect();
	for line in lines {
		let line = line?;
		for (name, text) in header.iter().zip(line.trim_end().split(',')) {
			if let Some(column) = columns.get_mut(*name) {
				column.push(quarter_of(text).with_context(|| format!("{text:?} in {name}"))?);
			}
		}
	}
	Ok(columns)
}

/// A quarter of the decimal number `text`, in 10⁻⁹: moves the point by text, digit by digit. The files
/// have at most six decimals, so that a quarter always fits.
fn quarter_of(text: &str) -> Result<i128> {
	let text = text.to_ascii_lowercase();
	let mut exponent = 9;
	let mut digits = text.as_str();
	if let Some(place) = text.find('e') {
		exponent += text[place + 1..].parse::<i64>()?;
		digits = &text[..place];
	}
	let negative = digits.starts_with('-');
	let mut value: i128 = 0;
	let mut after_point = false;
	for letter in digits.trim_start_matches('-').chars() {
		match letter.to_digit(10) {
			Some(digit) => {
				value = value * 10 + i128::from(digit);
				exponent -= i64::from(after_point);
			}
			None if letter == '.' && !after_point => after_point = true,
			None => return Err(anyhow!("not a number")),
		}
	}
	for _ in 0..exponent {
		value *= 10;
	}
	for _ in exponent..0 {
		anyhow::ensure!(value % 10 == 0, "too many decimals");
		value /= 10;
	}
	anyhow::ensure!(value % 4 == 0, "too many decimals");
	Ok(if negative { -value / 4 } else { value / 4 })
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::{
		flex::Told,
		grid::{Grid, GridSource},
		replay::Replay,
	};
	use std::io::Write;

	#[test]
	fn quarters_should_be_exact() {
		for (text, value) in [
			("1", 250_000_000),
			("0.06247", 15_617_500),
			("8.2e-05", 20_500),
			("-6E-06", -1_500),
			("0", 0),
		] {
			assert_eq!(quarter_of(text).unwrap(), value, "{text}");
		}
		for text in ["x", "1.2.3", "0.0000000001", "1e"] {
			assert!(quarter_of(text).is_err(), "{text}");
		}
	}

	/// The two ways to compute what meters show agree on real data, over a day and a night.
	#[test]
	fn recount_should_agree_with_the_meters() {
		for (name, row) in [("LV1.101", 15_652), ("LV3.101", 35_100), ("LV1.101", 0)] {
			agree(name, row, false);
			agree(name, row, true);
		}
	}

	/// With orders every so often, of every kind.
	fn agree(name: &str, row: usize, with_orders: bool) {
		let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench");
		let source = GridSource {
			folder: folder.clone(),
			name: Some(name.into()),
		};
		let grid = Grid::load(&source, None).unwrap();
		let nodes: Vec<_> = grid
			.members
			.iter()
			.map(|member| member.node.clone())
			.collect();
		let (mut orders, mut told) = (Orders::new(), vec![BTreeMap::new(); 96]);
		for (period, told) in told.iter_mut().enumerate().filter(|_| with_orders) {
			for (place, node) in nodes.iter().enumerate() {
				let (order, of_period) = match (period / 8 + place) % 6 {
					0 => (Order::Import(50), Told::Import(50)),
					1 => (Order::Fill, Told::Charge),
					2 => (Order::Empty, Told::Discharge),
					3 => (Order::Export(30), Told::Export(30)),
					_ => continue,
				};
				orders.insert((period, node.clone()), order);
				told.insert(place, of_period);
			}
		}
		let recounted = recount(&folder, name, &nodes, row, 96, &orders).unwrap();
		let mut replay = Replay::new(&grid, row);
		let mut before = replay.registers();
		let mut flowed = 0;
		for (metered, told) in recounted.into_iter().zip(&told) {
			let now = replay.step_told(told);
			for ((node, now), before) in nodes.iter().zip(&now).zip(&before) {
				let expected = Metered {
					import: now.import_wh - before.import_wh,
					export: now.export_wh - before.export_wh,
				};
				assert_eq!(metered[node], expected, "{node}");
				flowed += expected.import + expected.export;
			}
			before = now;
		}
		assert!(flowed > 100_000);
	}

	#[test]
	fn nodes_of_another_grid_should_not_count() {
		let folder = tempfile::tempdir().unwrap();
		let members = "id,grid,kind,node,profile,rated_w,capacity_wh\n\
			a,one,load,Bus 1,P,4000,\n\
			b,two,load,Bus 1,P,8000,\n";
		fs::write(folder.path().join("members.csv"), members).unwrap();
		let file = fs::File::create(folder.path().join("profiles.csv.gz")).unwrap();
		let mut profiles = flate2::write::GzEncoder::new(file, Default::default());
		profiles.write_all(b"P\n0.5\n1\n").unwrap();
		profiles.finish().unwrap();
		for (grid, import) in [("one", 1_000), ("two", 2_000)] {
			let recounted =
				recount(folder.path(), grid, &["Bus 1".into()], 1, 1, &Orders::new()).unwrap();
			assert_eq!(recounted[0]["Bus 1"], Metered { import, export: 0 });
		}
	}
}
