//! What is tried, on whom and when; and what came of it.
//!
//! Thieves are honest for four weeks, then cheat for four. Each eligible member tries each attack once, in one of the
//! windows that a year has room for. What the feeder shows is tried with one thief at a time.

use std::{
	sync::atomic::{AtomicUsize, Ordering},
	sync::Mutex,
	thread,
};

use super::results::{Results, FEEDER_SCALES, SCALES};
use crate::{
	community::{flow::Flows, Community},
	progress,
	random::Seed,
	Options,
};
use anyhow::{ensure, Result};
use gridweave_grid::{
	grid::Grid,
	grid::{GridSource, ROWS_PER_DAY},
	wires::Wires,
};

/// Days before a theft.
pub const LEAD: usize = 28;
/// Days of a theft.
pub const WATCH: usize = 28;
/// Members with less import on a mean day, in Wh, steal nothing.
const ELIGIBLE: u64 = 1_000;
/// Communities of each grid that live honestly.
const HONEST: u64 = 2;

/// A piece of work.
enum Job {
	/// All that is tried in a window of a grid, with one setting.
	Own {
		grid: usize,
		window: usize,
		scale: u32,
	},
	Feeder {
		grid: usize,
		window: usize,
		scale: u32,
	},
	Honest {
		grid: usize,
		number: u64,
	},
	Windows {
		grid: usize,
		scale: u32,
	},
}

/// A grid with its first community.
pub struct Place {
	/// The grid.
	pub grid: Grid,
	/// Its wires.
	pub wires: Wires,
	/// Its first community.
	pub community: Community,
	/// What flows there.
	pub flows: Flows,
}

/// Tries everything.
pub fn run(options: &Options) -> Result<Results> {
	ensure!(
		options.days >= LEAD + WATCH,
		"meters that lie take {} days at least: four weeks of honesty, and four of theft",
		LEAD + WATCH
	);
	let seed = Seed(options.seed);
	let mut places = Vec::new();
	for source in options.grid.each()? {
		places.push(Place::load(&source, options.days, seed)?);
	}
	let windows = options.days / (LEAD + WATCH);
	let mut jobs = Vec::new();
	for grid in 0..places.len() {
		// The longest first.
		jobs.extend((0..HONEST).map(|number| Job::Honest { grid, number }));
		for scale in FEEDER_SCALES {
			jobs.extend((0..windows).map(|window| Job::Feeder {
				grid,
				window,
				scale,
			}));
		}
		for scale in SCALES {
			jobs.push(Job::Windows { grid, scale });
			jobs.extend((0..windows).map(|window| Job::Own {
				grid,
				window,
				scale,
			}));
		}
	}
	let study = Study {
		places,
		windows,
		days: options.days,
		seed,
	};
	study.work(&jobs)
}

/// What trials have in common.
pub struct Study {
	places: Vec<Place>,
	/// How many windows there are.
	pub windows: usize,
	/// Days of the year.
	pub days: usize,
	/// What everything random follows from.
	pub seed: Seed,
}

impl Place {
	fn load(source: &GridSource, days: usize, seed: Seed) -> Result<Self> {
		let grid = Grid::load(source, None)?;
		let wires = Wires::load(source, &grid.name)?;
		progress(format!(
			"{}: {} members, {days} days",
			grid.name,
			grid.members.len()
		));
		let community = Community::of(&grid, wires.clone(), days, seed.of(0))?;
		let flows = Flows::of(&community);
		Ok(Self {
			grid,
			wires,
			community,
			flows,
		})
	}

	/// The homes that have something to steal.
	pub fn eligible(&self) -> Vec<usize> {
		let homes = self.community.homes.iter().enumerate();
		homes
			.filter(|(_, home)| home.mean_import_of_day() >= ELIGIBLE)
			.map(|(place, _)| place)
			.collect()
	}

	/// Gross throughput of some days, in Wh.
	pub fn gross(&self, from: usize, until: usize) -> u64 {
		let rows = from * ROWS_PER_DAY..until * ROWS_PER_DAY;
		let homes = &self.community.homes;
		let of_row = |row| {
			homes
				.iter()
				.map(|home| home.net(row).unsigned_abs())
				.sum::<u64>()
		};
		rows.map(of_row).sum::<u64>() / 1_000
	}
}

impl Study {
	/// Does all jobs, as many at once as there are processors. Results stand in the order of the jobs.
	fn work(&self, jobs: &[Job]) -> Result<Results> {
		let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
		let results = Mutex::new(Vec::new());
		let threads = thread::available_parallelism().map_or(1, usize::from);
		thread::scope(|scope| {
			for _ in 0..threads {
				scope.spawn(|| loop {
					let place = next.fetch_add(1, Ordering::Relaxed);
					let Some(job) = jobs.get(place) else {
						break;
					};
					let result = self.one(job);
					let count = done.fetch_add(1, Ordering::Relaxed) + 1;
					if count % 10 == 0 || count == jobs.len() {
						progress(format!("{count} of {} scenes", jobs.len()));
					}
					if let Ok(mut results) = results.lock() {
						results.push((place, result));
					}
				});
			}
		});
		let mut all = results.into_inner().unwrap_or_default();
		ensure!(all.len() == jobs.len(), "a scene broke off");
		all.sort_by_key(|(place, _)| *place);
		let mut whole = Results::default();
		for (_, part) in all {
			whole.extend(part?);
		}
		Ok(whole)
	}

	fn one(&self, job: &Job) -> Result<Results> {
		match *job {
			Job::Own {
				grid,
				window,
				scale,
			} => self.own(&self.places[grid], window, scale),
			Job::Feeder {
				grid,
				window,
				scale,
			} => self.feeder(&self.places[grid], window, scale),
			Job::Honest { grid, number } => self.honest(&self.places[grid], number),
			Job::Windows { grid, scale } => self.windows(&self.places[grid], scale),
		}
	}

	/// The first day of a window.
	pub fn first_day(&self, window: usize) -> usize {
		let room = self.days - LEAD - WATCH;
		room * window / self.windows.saturating_sub(1).max(1)
	}
}
