//! The wires of a grid folder: lines and the transformer, as a tree from the transformer outward.
//!
//! Low-voltage grids are run radially. A line that would close a loop is left out: it stands for one with an open
//! switch.

use std::{
	collections::{BTreeMap, VecDeque},
	fs::File,
	io::Read,
};

use anyhow::{bail, ensure, Context, Result};

use crate::grid::GridSource;

/// A node and the line that it hangs on.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
	/// Its name.
	pub name: String,
	/// Place of the node nearer to the transformer: always smaller than its own. The first node, which the
	/// transformer feeds, is its own.
	pub parent: usize,
	/// Resistance of the line from there, in ohm.
	pub ohm: f64,
	/// Reactance of the line from there, in ohm.
	pub reactance: f64,
}

/// What the transformer is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transformer {
	/// Rated power, in VA.
	pub rated_va: f64,
}

/// Lines and transformer of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Wires {
	/// Nodes, each behind its parent.
	pub nodes: Vec<Node>,
	/// What feeds the first.
	pub transformer: Transformer,
}

#[derive(Clone, serde::Deserialize)]
struct LineRow {
	grid: String,
	from: String,
	to: String,
	length_km: f64,
	r_ohm_per_km: f64,
	x_ohm_per_km: f64,
}

#[derive(serde::Deserialize)]
struct TransformerRow {
	grid: String,
	lv_node: String,
	r#type: String,
}

impl Wires {
	/// The wires of one grid of a folder.
	pub fn load(source: &GridSource, grid: &str) -> Result<Self> {
		let open = |name: &str| {
			let path = source.folder.join(name);
			File::open(&path).with_context(|| format!("cannot open {}", path.display()))
		};
		Self::read(open("lines.csv")?, open("transformers.csv")?, grid)
	}

	/// The wires of a grid, from its two tables.
	pub fn read(lines: impl Read, transformers: impl Read, grid: &str) -> Result<Self> {
		let lines = csv::Reader::from_reader(lines)
			.into_deserialize()
			.collect::<Result<Vec<LineRow>, _>>()
			.context("lines")?;
		let transformers = csv::Reader::from_reader(transformers)
			.into_deserialize()
			.collect::<Result<Vec<TransformerRow>, _>>()
			.context("transformers")?;
		let lines: Vec<_> = lines.into_iter().filter(|row| row.grid == grid).collect();
		let of_grid: Vec<_> = transformers.iter().filter(|row| row.grid == grid).collect();
		let [transformer] = of_grid[..] else {
			bail!("{grid} has {} transformers, not one", of_grid.len());
		};
		let rated_va = rated_va(&transformer.r#type)
			.with_context(|| format!("no rated power in {:?}", transformer.r#type))?;
		Ok(Self {
			nodes: tree(&transformer.lv_node, &lines)?,
			transformer: Transformer { rated_va },
		})
	}

	/// The place of a node.
	pub fn place(&self, name: &str) -> Option<usize> {
		self.nodes.iter().position(|node| node.name == name)
	}
}

/// `0.4 MVA 20/0.4 kV …` is 400 kVA.
fn rated_va(kind: &str) -> Option<f64> {
	let (number, _) = kind.split_once("MVA")?;
	let mva = number.trim().parse::<f64>().ok()?;
	(mva > 0.0 && mva.is_finite()).then_some(mva * 1e6)
}

fn tree(root: &str, lines: &[LineRow]) -> Result<Vec<Node>> {
	let mut ends: BTreeMap<&str, Vec<&LineRow>> = BTreeMap::new();
	for line in lines {
		let (ohm, reactance) = impedance(line);
		ensure!(
			ohm >= 0.0 && reactance >= 0.0 && (ohm + reactance).is_finite(),
			"the line from {} to {} has no impedance",
			line.from,
			line.to
		);
		ends.entry(&line.from).or_default().push(line);
		ends.entry(&line.to).or_default().push(line);
	}
	let mut nodes = vec![Node {
		name: root.into(),
		parent: 0,
		ohm: 0.0,
		reactance: 0.0,
	}];
	let mut places = BTreeMap::from([(root, 0)]);
	let mut next = VecDeque::from([root]);
	while let Some(name) = next.pop_front() {
		let parent = places[name];
		for line in ends.get(name).into_iter().flatten() {
			let far = if line.from == name {
				&line.to
			} else {
				&line.from
			};
			if places.contains_key(far.as_str()) {
				continue;
			}
			places.insert(far, nodes.len());
			let (ohm, reactance) = impedance(line);
			nodes.push(Node {
				name: far.clone(),
				parent,
				ohm,
				reactance,
			});
			next.push_back(far);
		}
	}
	Ok(nodes)
}

fn impedance(line: &LineRow) -> (f64, f64) {
	(
		line.r_ohm_per_km * line.length_km,
		line.x_ohm_per_km * line.length_km,
	)
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::path::Path;

	const LINES: &str = "id,grid,from,to,length_km,r_ohm_per_km,x_ohm_per_km,max_a\n\
		1,A,b,c,0.5,0.2,0.08,270\n2,A,a,b,1,0.2,0.08,270\n3,A,c,a,1,0.2,0.08,270\n4,B,x,y,1,1,1,1\n";
	const TRANSFORMERS: &str =
		"id,grid,hv_node,lv_node,type\nT,A,m,a,0.4 MVA 20/0.4 kV Dyn5 ASEA\n";

	#[test]
	fn nodes_should_stand_behind_their_parents_and_loops_be_cut() {
		let wires = Wires::read(LINES.as_bytes(), TRANSFORMERS.as_bytes(), "A").unwrap();
		let names: Vec<_> = wires.nodes.iter().map(|node| node.name.as_str()).collect();
		assert_eq!(names, ["a", "b", "c"]);
		assert_eq!(wires.nodes[2].parent, 0);
		assert_eq!(wires.transformer.rated_va, 400_000.0);
		assert_eq!(wires.place("y"), None);
	}

	#[test]
	fn a_grid_without_its_transformer_should_be_refused() {
		let error = Wires::read(LINES.as_bytes(), TRANSFORMERS.as_bytes(), "B").unwrap_err();
		assert!(error.to_string().contains("0 transformers"));
		let odd = TRANSFORMERS.replace("0.4 MVA", "large");
		assert!(Wires::read(LINES.as_bytes(), odd.as_bytes(), "A").is_err());
	}

	#[test]
	fn every_member_of_the_shared_grids_should_be_wired() {
		let source = GridSource {
			folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/simbench"),
			name: None,
		};
		for source in source.each().unwrap() {
			let grid = crate::grid::Grid::load(&source, None).unwrap();
			let wires = Wires::load(&source, &grid.name).unwrap();
			for member in &grid.members {
				assert!(wires.place(&member.node).is_some(), "{}", member.node);
			}
			for (place, node) in wires.nodes.iter().enumerate() {
				assert!(node.parent < place || place == 0);
			}
		}
	}
}
