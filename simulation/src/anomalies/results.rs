//! What came of what was tried.

use pallet_anomaly_flags::Kind;

use super::attack::Attack;
use crate::community::Class;

/// The grid and the half-year on which detectors and their defaults were chosen: figures on it are told apart.
pub const TUNED_GRID: &str = "LV3.101";
/// Where the year is parted, in days.
pub const HALF: usize = 183;
/// Unmetered loads that are tried, in thousandths of the gross throughput.
pub const TAP_RATES: [u32; 3] = [5, 10, 20];
/// Days of a window in which an honest meter is suspected or not.
pub const HONEST_WINDOW: usize = 14;
/// How many of these windows make one in which an honest feeder gives the alarm or not: as long as thieves are watched.
pub const FEEDER_WINDOWS: usize = 2;
/// By how much the bounds of days and runs are moved for the curve, in percent of the default.
pub const SCALES: [u32; 6] = [25, 50, 75, 100, 150, 250];
/// By how much the feeder's are moved: all of them are among those above.
pub const FEEDER_SCALES: [u32; 5] = [25, 50, 100, 150, 250];

/// A grid and a half of the year.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
	/// The grid's name.
	pub grid: String,
	/// Whether it is the second half.
	pub second: bool,
}

impl Part {
	/// In which a day lies.
	pub fn of(grid: &str, day: usize) -> Self {
		Self {
			grid: grid.into(),
			second: day >= HALF,
		}
	}

	/// Whether detectors were tuned on it.
	pub fn is_tuned(&self) -> bool {
		self.grid == TUNED_GRID && !self.second
	}

	/// What it is called.
	pub fn name(&self) -> String {
		let half = if self.second { "second" } else { "first" };
		format!("{}, {half} half-year", self.grid)
	}
}

/// A thief, and what its own meter gave away.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
	/// Where and when.
	pub part: Part,
	/// Who.
	pub class: Class,
	/// How.
	pub attack: Attack,
	/// How detectors were set, in percent of the default.
	pub scale: u32,
	/// After how many days a flag was raised that tells of it; none within four weeks.
	pub days: Option<f64>,
}

/// A thief, and what the feeder showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
	/// Where and when.
	pub part: Part,
	/// Who.
	pub class: Class,
	/// How.
	pub attack: Attack,
	/// How the feeder's detector was set, in percent of the default.
	pub scale: u32,
	/// What was hidden, as a share of the gross throughput.
	pub share: f64,
	/// After how many days the alarm was given first.
	pub alarm: Option<f64>,
	/// After how many days an alarm named the thief first.
	pub named: Option<f64>,
	/// Whether the last alarm of the four weeks named the thief.
	pub last: bool,
}

/// An unmetered load.
#[derive(Clone, Debug, PartialEq)]
pub struct Tap {
	/// Where and when.
	pub part: Part,
	/// How much, in thousandths of the gross throughput.
	pub rate: u32,
	/// After how many days the alarm was given.
	pub alarm: Option<f64>,
}

/// What an honest member went through in a half-year.
#[derive(Clone, Debug, PartialEq)]
pub struct Honest {
	/// Where and when.
	pub part: Part,
	/// Which home of the grid.
	pub home: usize,
	/// What it is.
	pub class: Class,
	/// How long, in years.
	pub years: f64,
	/// Flags of what statistics show.
	pub flags: u32,
	/// Flags of proofs.
	pub proofs: u32,
	/// Times it came under quarantine.
	pub quarantines: u32,
	/// Kinds of its flags.
	pub kinds: Vec<Kind>,
}

/// What an honest feeder showed in a half-year.
#[derive(Clone, Debug, PartialEq)]
pub struct Feeder {
	/// Where and when.
	pub part: Part,
	/// How long, in years.
	pub years: f64,
	/// Alarms; those within a week of the one before belong to it.
	pub alarms: u32,
}

/// Windows of two weeks of honest meters, by how detectors were set.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
	/// Where and when.
	pub part: Part,
	/// In percent of the default.
	pub scale: u32,
	/// How many.
	pub windows: u32,
	/// In how many a flag was raised.
	pub flagged: u32,
	/// Whether the feeder gave the alarm.
	pub alarmed: bool,
}

/// Everything that came of it.
#[derive(Clone, Debug, Default)]
pub struct Results {
	/// What meters gave away.
	pub own: Vec<Own>,
	/// What feeders showed.
	pub named: Vec<Named>,
	/// Unmetered loads.
	pub taps: Vec<Tap>,
	/// Honest members.
	pub honest: Vec<Honest>,
	/// Honest feeders.
	pub feeders: Vec<Feeder>,
	/// Honest windows.
	pub windows: Vec<Windows>,
}

impl Results {
	/// Adds others behind these.
	pub fn extend(&mut self, others: Self) {
		self.own.extend(others.own);
		self.named.extend(others.named);
		self.taps.extend(others.taps);
		self.honest.extend(others.honest);
		self.feeders.extend(others.feeders);
		self.windows.extend(others.windows);
	}
}
