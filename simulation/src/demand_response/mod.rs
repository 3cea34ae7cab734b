//! What demand response is worth: how well baselines fit, what it costs to pay for nothing, and a winter's day with an
//! event.
//!
//! | module | holds |
//! |---|---|
//! | [`series`] | what meters show, and which days are like a day |
//! | [`measure`] | events that nobody heard of, measured by the pallet's own code |
//! | [`resources`] | who is measured as one |
//! | [`fit`] | errors and bias of baselines; what is paid when nobody does anything |
//! | [`replay`] | the winter's day, through the real runtime |
//! | [`tell`] | the report |

pub mod fit;
pub mod measure;
pub mod replay;
pub mod resources;
pub mod series;
mod tell;

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use gridweave_grid::grid::Grid;
use gridweave_primitives::{Price, Watts};
use pallet_demand_response::types::{Action, Baseline, Direction, Prices, ProgrammeTerms};
use serde_json::{json, Map, Value};
use sp_runtime::Permill;

use crate::{community::Community, progress, random::Seed, Options};

use self::{
	fit::{Days, Fit, Placebo},
	measure::{Slot, Way},
	replay::LEAST_DAYS,
	resources::{resources, Kind},
	series::Series,
};

/// Dead bands that are compared, in percent; of them [`DEAD_BAND`] is recommended.
pub const DEAD_BANDS: [u32; 6] = [0, 5, 10, 14, 18, 22];

/// The dead band that is recommended, in percent.
pub const DEAD_BAND: u32 = 18;

/// Days of half a year.
pub const HALF: usize = 183;

/// The rebound that is compared with none, in periods.
pub const REBOUND: usize = 4;

/// What is paid, per kWh: 0.20 GRID.
const REWARD: Price = Price(200_000);

/// The terms that are recommended for groups, and a command to take nothing from the grid, as far as one can.
pub fn terms() -> ProgrammeTerms {
	let Way { method, adjustment } = Way::ALL[0];
	ProgrammeTerms {
		direction: Direction::Reduce,
		prices: Prices {
			reward: REWARD,
			bonus: Price(0),
			penalty: Price(0),
		},
		baseline: Baseline::LikeDays { method, adjustment },
		least_days: pallet_demand_response::baseline::LIKE_DAYS,
		dead_band: Permill::from_percent(DEAD_BAND),
		rebound: 0,
		// Devices need none.
		notice: 0,
		events_per_day: 1,
		command: Some(Action::LimitImport(Watts(0))),
	}
}

/// What was found of one grid.
#[derive(Clone, Debug, Default)]
pub struct Findings {
	/// Its name.
	pub name: String,
	/// How many members it has.
	pub members: usize,
	/// How well each way fits in the first slot, in the order of [`Way::ALL`].
	pub ways: Vec<BTreeMap<Kind, Fit>>,
	/// How well the first way fits in each slot, in the order of [`Slot::ALL`].
	pub slots: Vec<BTreeMap<Kind, Fit>>,
	/// How well the first way fits in the first slot in each half of the year, then 10 of 10 as it is.
	pub halves: Vec<BTreeMap<Kind, Fit>>,
	/// How well the first way fits in each slot to the members as they are, not individualised.
	pub as_measured: Vec<BTreeMap<Kind, Fit>>,
	/// The placebo of the first way in the first slot by dead bands, in the order of [`DEAD_BANDS`].
	pub placebos: Vec<BTreeMap<Kind, Placebo>>,
	/// The placebo in each slot with [`DEAD_BAND`], in the order of [`Slot::ALL`]; and in the first with [`REBOUND`].
	pub placebo_slots: Vec<BTreeMap<Kind, Placebo>>,
}

impl Findings {
	/// Measures every day of a community.
	fn of(grid: &Grid, community: &Community, seed: Seed) -> Self {
		let series: Vec<_> = community.homes.iter().map(Series::of).collect();
		let as_measured = Series::as_measured(grid, community);
		let resources = resources(&series, seed);
		let fit = |series: &[Series], way, slot| Days::of(series, way, slot, 0).fit(&resources);
		let half = |way: Way, half: usize| {
			let part = half * HALF..(half + 1) * HALF;
			let days = Days::of(&series, way, Slot::ALL[0], 0);
			days.within(part).fit(&resources)
		};
		let band = Permill::from_percent;
		let first = Days::of(&series, Way::ALL[0], Slot::ALL[0], 0);
		let placebo = |slot, rebound| {
			Days::of(&series, Way::ALL[0], slot, rebound).placebo(&resources, band(DEAD_BAND))
		};
		let mut placebo_slots = Vec::from(Slot::ALL.map(|slot| placebo(slot, 0)));
		placebo_slots.push(placebo(Slot::ALL[0], REBOUND));
		Self {
			name: community.name.clone(),
			members: series.len(),
			ways: Way::ALL.map(|way| fit(&series, way, Slot::ALL[0])).into(),
			slots: Slot::ALL.map(|slot| fit(&series, Way::ALL[0], slot)).into(),
			halves: [
				(Way::ALL[0], 0),
				(Way::ALL[0], 1),
				(Way::PLAIN, 0),
				(Way::PLAIN, 1),
			]
			.map(|(way, number)| half(way, number))
			.into(),
			as_measured: Slot::ALL
				.map(|slot| fit(&as_measured, Way::ALL[0], slot))
				.into(),
			placebos: DEAD_BANDS
				.map(|percent| first.placebo(&resources, band(percent)))
				.into(),
			placebo_slots,
		}
	}

	/// How well the recommended baseline fits the feeder.
	fn feeder(&self) -> Option<&Fit> {
		self.ways.first()?.get(&Kind::Feeder)
	}

	/// What doing nothing earns of what a response does, of those whom the terms are recommended for.
	fn placebo(&self) -> Option<f64> {
		self.placebo_slots.first()?.get(&Kind::Steady)?.share()
	}
}

/// Runs it. Of several grids, figures are those of the one with most members; the report tells of all.
pub fn run(options: &Options) -> Result<Map<String, Value>> {
	ensure!(
		options.days >= LEAST_DAYS,
		"{} days are too few: {LEAST_DAYS} at least",
		options.days
	);
	let seed = Seed(options.seed);
	let (mut findings, mut largest) = (Vec::new(), None::<(Community, Findings)>);
	for source in options.grid.each()? {
		let grid = Grid::load(&source, None)?;
		progress(format_args!("baselines of {}", grid.name));
		let community = Community::load(&source, options.days, seed)?;
		let found = Findings::of(&grid, &community, seed);
		findings.push(found.clone());
		if largest
			.as_ref()
			.is_none_or(|(_, largest)| largest.members < found.members)
		{
			largest = Some((community, found));
		}
	}
	let (community, found) = largest.context("there is no grid")?;
	progress(format_args!("a winter's day of {}", community.name));
	let outcome = replay::run(&community, terms(), seed)?;
	tell::write(options, &findings, &community, &outcome)?;
	let figures = json!({
		"reduction_kwh": outcome.delivered_wh() as f64 / 1_000.0,
		"reward_planck": outcome.paid,
		"budget_planck": replay::BUDGET,
		"baseline_rrmse": found.feeder().map(|fit| fit.error),
		"baseline_bias": found.feeder().map(|fit| fit.bias),
		"placebo_share": found.placebo(),
	});
	match figures {
		Value::Object(figures) => Ok(figures),
		_ => Ok(Map::new()),
	}
}
