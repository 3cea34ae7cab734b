//! # The simulation
//!
//! Real data through the real pallets, in process: what the chain's rules are worth, measured on communities and
//! not on examples.
//!
//! | module | holds |
//! |---|---|
//! | [`random`] | numbers that look random and follow from a seed |
//! | [`community`] | the members of a grid folder, individualised; what flows in their wires |
//! | [`statistics`] | intervals and medians |
//! | [`picture`], [`report`] | SVG, Markdown |
//! | [`anomalies`] | how well meters that lie are found |
//! | [`demand_response`] | how well baselines fit, what doing nothing earns, and a winter's day with an event |
//!
//! A simulation is a module with a `run` that takes [`Options`], prints its progress, writes its report into
//! [`Options::out`] and returns its figures. All of it follows from the seed.

pub mod anomalies;
pub mod community;
pub mod demand_response;
pub mod picture;
pub mod random;
pub mod report;
pub mod statistics;

use std::path::PathBuf;

use gridweave_grid::grid::GridSource;

/// What a simulation is asked to do.
#[derive(Clone, Debug)]
pub struct Options {
	/// The grid folder, and which of its grids; all of them if none is named.
	pub grid: GridSource,
	/// The first so many days of the year.
	pub days: usize,
	/// What everything random follows from.
	pub seed: u64,
	/// Where reports go.
	pub out: PathBuf,
}

/// Tells how far a simulation is, on standard error.
pub fn progress(what: impl std::fmt::Display) {
	eprintln!("simulate: {what}");
}
