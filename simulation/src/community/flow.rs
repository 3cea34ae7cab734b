//! What flows in the wires: currents, voltages and losses of a radial grid.
//!
//! Phases are balanced. Voltages and currents are found by sweeping backward and forward along the tree (Shirmohammadi
//! et al., *A compensation-based power flow method*, IEEE Trans. Power Systems 1988), which comes to rest in a few
//! rounds in low voltage.

use gridweave_grid::wires::Wires;

use super::Community;

/// Voltage of a phase where the transformer feeds the lines, in V: 400 V, and the tap two percent above.
pub const SOURCE_V: f64 = 230.94 * 1.02;

/// Power factor of loads; plants feed in without reactive power.
pub const POWER_FACTOR: f64 = 0.97;

/// Share of its rated power that a transformer takes at no load.
const IRON: f64 = 0.003;

/// Share of its rated power that is lost at full load beside that.
const COPPER: f64 = 0.014;

/// Rounds of sweeps.
const ROUNDS: usize = 4;

/// The state of a grid in one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
	/// Voltage of a phase at each node, in V.
	pub volts: Vec<f64>,
	/// Power into the lines from the transformer, in W; negative when they feed back.
	pub power_w: f64,
	/// Power lost in lines, in W.
	pub lines_w: f64,
	/// Power lost in the transformer, in W.
	pub transformer_w: f64,
}

/// A complex number.
#[derive(Clone, Copy, Debug)]
struct Complex(f64, f64);

/// Solves the flow of a grid whose nodes take so much active and reactive power, in W and var.
pub fn solve(wires: &Wires, active: &[f64], reactive: &[f64]) -> Flow {
	let count = wires.nodes.len();
	let mut volts = vec![Complex(SOURCE_V, 0.0); count];
	let mut amps = vec![Complex(0.0, 0.0); count];
	for _ in 0..ROUNDS {
		// What each node draws of a phase: the conjugate of S / 3U.
		for ((amps, volts), (p, q)) in
			(amps.iter_mut().zip(&volts)).zip(active.iter().zip(reactive))
		{
			let square = 3.0 * (volts.0 * volts.0 + volts.1 * volts.1);
			*amps = Complex(
				(p * volts.0 + q * volts.1) / square,
				(p * volts.1 - q * volts.0) / square,
			);
		}
		for place in (1..count).rev() {
			let Complex(re, im) = amps[place];
			let parent = &mut amps[wires.nodes[place].parent];
			*parent = Complex(parent.0 + re, parent.1 + im);
		}
		for place in 1..count {
			let node = &wires.nodes[place];
			let (before, through) = (volts[node.parent], amps[place]);
			volts[place] = Complex(
				before.0 - (through.0 * node.ohm - through.1 * node.reactance),
				before.1 - (through.0 * node.reactance + through.1 * node.ohm),
			);
		}
	}
	let square = |amps: Complex| amps.0 * amps.0 + amps.1 * amps.1;
	let losses = |place: usize| 3.0 * square(amps[place]) * wires.nodes[place].ohm;
	let lines_w: f64 = (1..count).map(losses).sum();
	let (power_w, reactive_w) = (3.0 * SOURCE_V * amps[0].0, 3.0 * SOURCE_V * amps[0].1);
	let rated = wires.transformer.rated_va;
	let used = (power_w * power_w + reactive_w * reactive_w) / (rated * rated);
	Flow {
		volts: volts.iter().map(|volts| volts.0.hypot(volts.1)).collect(),
		power_w,
		lines_w,
		transformer_w: rated * (IRON + COPPER * used),
	}
}

/// What the wires of a community carry and lose in every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Flows {
	/// What is lost in lines and transformer by row, in mWh.
	pub losses: Vec<u32>,
	/// Voltage of a phase at each member by row, in mV: the rows of one member follow one another.
	volts: Vec<u32>,
	rows: usize,
}

impl Flows {
	/// Of all rows of a community.
	pub fn of(community: &Community) -> Self {
		let rows = community.rows();
		let nodes = community.wires.nodes.len();
		let per_active = (1.0 / (POWER_FACTOR * POWER_FACTOR) - 1.0f64).sqrt();
		let mut losses = Vec::with_capacity(rows);
		let mut volts = vec![0u32; rows * community.homes.len()];
		let (mut active, mut reactive) = (vec![0.0; nodes], vec![0.0; nodes]);
		for row in 0..rows {
			active.fill(0.0);
			reactive.fill(0.0);
			for (home, place) in community.homes.iter().zip(&community.places) {
				// A quarter of an hour in mWh, four times that in mW.
				active[*place] += home.net(row) as f64 * 0.004;
				let load = home.load.get(row).copied().unwrap_or_default();
				reactive[*place] += f64::from(load) * 0.004 * per_active;
			}
			let flow = solve(&community.wires, &active, &reactive);
			losses.push(((flow.lines_w + flow.transformer_w) * 250.0) as u32);
			for (member, place) in community.places.iter().enumerate() {
				volts[member * rows + row] = (flow.volts[*place] * 1_000.0) as u32;
			}
		}
		Self {
			losses,
			volts,
			rows,
		}
	}

	/// Voltage of a phase at a member in a row, in mV.
	pub fn volts(&self, member: usize, row: usize) -> u32 {
		self.volts
			.get(member * self.rows + row)
			.copied()
			.unwrap_or_default()
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_grid::wires::{Node, Transformer};
	use proptest::prelude::*;

	/// A line of nodes behind one another.
	fn wires(ohms: &[f64]) -> Wires {
		let node = |place: usize, ohm: f64| Node {
			name: place.to_string(),
			parent: place.saturating_sub(1),
			ohm,
			reactance: ohm / 3.0,
		};
		let nodes = (0..=ohms.len())
			.map(|place| node(place, if place == 0 { 0.0 } else { ohms[place - 1] }));
		Wires {
			nodes: nodes.collect(),
			transformer: Transformer {
				rated_va: 400_000.0,
			},
		}
	}

	#[test]
	fn a_load_should_draw_its_power_and_heat_its_line() {
		let flow = solve(&wires(&[0.1]), &[0.0, 9_000.0], &[0.0, 0.0]);
		// About 12.7 A in each phase.
		assert!(
			(flow.power_w - 9_000.0 - flow.lines_w).abs() < 0.01,
			"{flow:?}"
		);
		assert!((48.0..50.0).contains(&flow.lines_w), "{flow:?}");
		assert!((1.2..1.4).contains(&(SOURCE_V - flow.volts[1])), "{flow:?}");
		assert!((1_200.0..1_205.0).contains(&flow.transformer_w));
	}

	#[test]
	fn feeding_in_should_raise_the_voltage() {
		let flow = solve(&wires(&[0.1, 0.1]), &[0.0, 0.0, -9_000.0], &[0.0; 3]);
		assert!(flow.volts[2] > flow.volts[1] && flow.volts[1] > SOURCE_V);
		assert!(flow.power_w < 0.0 && flow.lines_w > 0.0);
	}

	proptest! {
		#[test]
		fn what_is_fed_in_should_be_drawn_or_lost(
			powers in prop::collection::vec(-5_000.0f64..8_000.0, 2..12),
		) {
			let count = powers.len();
			let wires = wires(&vec![0.02; count]);
			let mut active = vec![0.0];
			active.extend(&powers);
			let reactive: Vec<f64> = active.iter().map(|p| p.abs() * 0.25).collect();
			let flow = solve(&wires, &active, &reactive);
			let drawn: f64 = powers.iter().sum();
			prop_assert!((flow.power_w - drawn - flow.lines_w).abs() < 1.0, "{:?}", flow);
		}
	}
}
