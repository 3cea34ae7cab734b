//! Meters, and what readings are worth: how registers moved, spread over the time between two readings; what is
//! estimated of a meter that is silent when a period is frozen; what a later reading corrects.

use super::{types::*, *};

/// A page of ids: neighbours whose periods are kept and pruned together.
pub const PAGE: u32 = 32;
/// Periods before, of which an estimate is the mean.
const ESTIMATE_OF: u32 = 4;
/// Most periods that a reading is spread over, and that are estimated since the last one.
const MAX_SPAN: u32 = 96;
/// What standing orders expect is the mean of so many.
const EXPECTED_OF: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Energy {
	pub import: Wh,
	pub export: Wh,
	pub source: Source,
	/// What of the import is estimated and not confirmed yet.
	pub outstanding: Wh,
}

const NONE: Energy = Energy {
	import: 0,
	export: 0,
	source: Source::Measured,
	outstanding: 0,
};

#[derive(Clone, Debug)]
pub struct Meter {
	pub owner: Who,
	pub grid: Grid,
	pub kind: Kind,
	pub ratings: Ratings,
	/// Ratings before a change, and when that was.
	pub former: Option<(Ratings, u64)>,
	pub admitted: Option<u64>,
	pub retired: bool,
	pub retired_at: Option<u64>,
	pub offered: Option<Who>,
	pub deposit: Planck,
	pub latest: Option<Reading>,
	pub energy: BTreeMap<Period, Energy>,
	/// Estimated, settled and no longer kept.
	pub gone: Wh,
	/// All that was counted, and all that was booked or corrected: the same at any time.
	pub counted: (u128, u128),
	pub booked: (i128, i128),
}

impl Meter {
	pub fn new(owner: Who, grid: Grid, kind: Kind) -> Self {
		Self {
			owner,
			grid,
			kind,
			ratings: Ratings::default(),
			former: None,
			admitted: None,
			retired: false,
			retired_at: None,
			offered: None,
			deposit: 0,
			latest: None,
			energy: BTreeMap::new(),
			gone: 0,
			counted: (0, 0),
			booked: (0, 0),
		}
	}

	pub fn may_trade(&self) -> bool {
		self.admitted.is_some() && !self.retired && self.kind != Kind::Feeder
	}

	/// The state of charge that it reported last.
	pub fn charge(&self) -> Option<Wh> {
		self.latest.as_ref().and_then(|reading| reading.charge)
	}

	fn ratings_since(&self, from: u64) -> Ratings {
		match self.former {
			Some((former, until)) if from < until => Ratings {
				import: former.import.max(self.ratings.import),
				export: former.export.max(self.ratings.export),
			},
			_ => self.ratings,
		}
	}

	/// Whether a frozen period is to be estimated.
	fn is_silent(&self, clock: &Clock, kept: Period, period: Period) -> bool {
		let Some(latest) = &self.latest else {
			return false;
		};
		let first = clock.at(latest.at).max(kept);
		let entry = self.energy.get(&period).copied().unwrap_or(NONE);
		self.uncovered(clock, period) > 0
			&& period.saturating_sub(first) < MAX_SPAN - 1
			&& entry.source == Source::Measured
	}

	/// Estimates what is missing of a frozen period.
	fn close(&mut self, clock: &Clock, kept: Period, period: Period) {
		if !self.is_silent(clock, kept, period) {
			return;
		}
		let uncovered = self.uncovered(clock, period);
		let latest = self.latest.as_ref().map_or(0, |latest| latest.at);
		let from = latest.max(clock.start(period));
		let most = u128::from(self.ratings_since(from).import) * u128::from(uncovered) / 3_600;
		let usual = usual_import(&self.energy, period, kept);
		let estimate = part(usual, uncovered, clock.length).min(most as Wh);
		self.booked.0 += i128::from(estimate);
		let entry = self.energy.entry(period).or_insert(NONE);
		entry.import += estimate;
		entry.source = Source::Estimated;
		entry.outstanding = estimate;
	}

	/// Until when a period is estimated: a retired meter is so until it was retired.
	fn uncovered(&self, clock: &Clock, period: Period) -> u64 {
		let Some(latest) = &self.latest else { return 0 };
		let end = clock.end(period);
		let until = self.retired_at.map_or(end, |at| at.min(end));
		until.saturating_sub(latest.at.max(clock.start(period)))
	}
}

/// Energy of a power between two seconds: of whole watt-hours since the epoch, the difference.
fn allowance(power: u32, from: u64, until: u64) -> Wh {
	let since = |at: u64| u128::from(power) * u128::from(at) / 3_600;
	(since(until) - since(from)) as Wh
}

/// What each meter metered in a period, in order.
pub type Metered = Vec<(MeterNo, Energy)>;

/// Periods with what import and export turned out to be more, in Wh.
type Corrections = Vec<(Period, i64, i64)>;

impl Model {
	/// From this period on a community's energy is kept: that of expired periods goes once they are settled.
	pub fn kept_from(&self, grid: Grid) -> Period {
		let grid = self.grid(grid);
		match grid.until {
			Some(_) => self.expired_before().min(grid.unsettled),
			None => self.expired_before().min(self.current()),
		}
	}

	/// From this period on the energy of a meter's page is kept.
	pub fn kept_of(&self, meter: MeterNo, grid: Grid) -> Period {
		self.kept
			.get(&(meter / PAGE))
			.copied()
			.unwrap_or_else(|| self.kept_from(grid))
	}

	/// Forgets energy that is no longer kept. When pages are pruned is a matter of how much room a block has: the model is
	/// told, and looks whether they may be.
	pub fn prune_energy(&mut self, kept: BTreeMap<u32, Period>) {
		for (no, meter) in &self.meters {
			let told = kept.get(&(no / PAGE)).copied().unwrap_or(0);
			let most = self.kept_from(meter.grid);
			assert!(
				told <= most,
				"page {} is pruned up to {told}, not {most}",
				no / PAGE
			);
		}
		self.kept = kept;
		for (no, meter) in &mut self.meters {
			let kept = self.kept.get(&(no / PAGE)).copied().unwrap_or(0);
			let before = meter
				.energy
				.range(..kept)
				.map(|(period, _)| *period)
				.collect::<Vec<_>>();
			for period in before {
				let energy = meter.energy.remove(&period).expect("listed");
				meter.gone += energy.outstanding;
			}
		}
	}

	/// Readings that an authority brought, in order. What corrections they called for.
	pub fn read(&mut self, readings: &[Reading], out: &mut Vec<Rec>) -> (u32, u32, u32) {
		let (mut accepted, mut stale, mut deferred) = (0, 0, 0);
		let mut corrections: Vec<(MeterNo, Corrections)> = Vec::new();
		// What is told of a page is told when the next one begins.
		let mut page = None;
		for reading in readings {
			if page.is_some_and(|page| page != reading.meter / PAGE) {
				for (meter, corrections) in std::mem::take(&mut corrections) {
					self.settle_corrections(meter, &corrections, out);
				}
			}
			page = Some(reading.meter / PAGE);
			let meter = &self.meters[&reading.meter];
			let newer = match &meter.latest {
				Some(latest) => reading.sequence > latest.sequence && reading.at > latest.at,
				None => reading.at >= meter.admitted.expect("admitted"),
			};
			if !newer {
				stale += 1;
				continue;
			}
			if reading.at > self.now + self.clock.length.min(300) {
				deferred += 1;
				continue;
			}
			accepted += 1;
			let found = self.take_reading(reading, out);
			match corrections.last_mut() {
				_ if found.is_empty() => {}
				Some((meter, before)) if *meter == reading.meter => before.extend(found),
				_ => corrections.push((reading.meter, found)),
			}
		}
		for (meter, corrections) in corrections {
			self.settle_corrections(meter, &corrections, out);
		}
		(accepted, stale, deferred)
	}

	/// One that counts: books what it is worth, and tells what it corrects.
	fn take_reading(&mut self, reading: &Reading, out: &mut Vec<Rec>) -> Vec<(Period, i64, i64)> {
		let (clock, now) = (self.clock, self.now);
		let grid = self.meters[&reading.meter].grid;
		// What is kept, and what may be: more was settled since the block began.
		let (kept, due) = (self.kept_of(reading.meter, grid), self.kept_from(grid));
		let unsettled = self.grid(grid).unsettled;
		let meter = self.meters.get_mut(&reading.meter).expect("known");
		let Some(before) = meter.latest else {
			meter.latest = Some(*reading);
			return Vec::new();
		};
		// What is frozen and waits for its settlement is estimated as it would be then.
		for period in clock.at(before.at).max(kept).max(unsettled)..=clock.at(reading.at - 1) {
			if now >= clock.freezes(period)
				&& !self.closed.contains(&(reading.meter / PAGE, period))
			{
				meter.close(&clock, kept, period);
			}
		}
		meter.latest = Some(*reading);
		let ratings = meter.ratings_since(before.at);
		let (from, until) = (before.at, reading.at);
		let counted = |old: Wh, new: Wh, power: u32| {
			if new < old {
				return (0, 0, true);
			}
			let counted = (new - old).min(allowance(power, from, until));
			(counted, new - old - counted, false)
		};
		let import = counted(before.import, reading.import, ratings.import);
		let export = counted(before.export, reading.export, ratings.export);
		if import.1 > 0 || export.1 > 0 {
			out.push(Rec::Suspended {
				meter: reading.meter,
				import: import.1,
				export: export.1,
			});
		}
		if import.2 || export.2 {
			out.push(Rec::RolledBack {
				meter: reading.meter,
				import: import.2,
				export: export.2,
			});
		}
		let (import, export) = (import.0, export.0);
		meter.counted.0 += u128::from(import);
		meter.counted.1 += u128::from(export);
		// The periods that the time between the readings touches. What is no longer kept is one part; if there are too
		// many, the last takes what is left.
		let mut parts: Vec<(Option<Period>, u64, u64)> = Vec::new();
		let start = clock.start(kept);
		if from < start {
			parts.push((None, from, until.min(start)));
		}
		let (first, last) = (clock.at(from).max(kept), clock.at(until - 1));
		let mut at = from.max(start);
		for period in first..=last {
			let alone = period == last || period - first < MAX_SPAN - 1;
			if !alone {
				continue;
			}
			let end = if period == last {
				until
			} else {
				clock.end(period)
			};
			parts.push((Some(period), at, end));
			at = end;
		}
		let share = |energy: Wh, from_: u64, until_: u64| {
			let up_to =
				|at: u64| u128::from(energy) * u128::from(at - from) / u128::from(until - from);
			(up_to(until_) - up_to(from_)) as Wh
		};
		let mut corrections = Vec::new();
		for (period, from, until) in parts {
			let (import, export) = (share(import, from, until), share(export, from, until));
			let (period, confirmed) = match period {
				Some(period) if now < clock.freezes(period) => {
					let energy = meter.energy.entry(period).or_insert(NONE);
					energy.import += import;
					energy.export += export;
					meter.booked.0 += i128::from(import);
					meter.booked.1 += i128::from(export);
					continue;
				}
				Some(period) => {
					let confirmed = meter.energy.get_mut(&period).map_or(0, |energy| {
						let start = from.max(clock.start(period));
						let confirmed =
							part(energy.outstanding, until - start, clock.end(period) - start);
						energy.outstanding -= confirmed;
						energy.source = Source::Corrected;
						confirmed
					});
					(period, confirmed)
				}
				None => {
					let confirmed = part(meter.gone, until - from, start - before.at);
					meter.gone -= confirmed;
					(kept, confirmed)
				}
			};
			let import = import as i64 - confirmed as i64;
			meter.booked.0 += i128::from(import);
			meter.booked.1 += i128::from(export);
			if (import, export) != (0, 0) && meter.kind != Kind::Feeder {
				corrections.push((period.max(due), import, export as i64));
			}
		}
		corrections
	}

	/// Freezes a period: of who is silent the import is estimated. What each meter metered, in order.
	pub fn close(&mut self, grid: Grid, period: Period) -> Metered {
		if let Some(given) = &self.given {
			return given.get(&(grid, period)).cloned().unwrap_or_default();
		}
		let (clock, due) = (self.clock, self.kept_from(grid));
		let mut metered = Vec::new();
		for (no, meter) in self
			.meters
			.iter_mut()
			.filter(|(_, meter)| meter.grid == grid)
		{
			let kept = self.kept.get(&(no / PAGE)).copied().unwrap_or(due);
			if !self.closed.contains(&(no / PAGE, period)) {
				meter.close(&clock, kept, period);
			}
			if let (Some(energy), true) = (meter.energy.get(&period), meter.kind != Kind::Feeder) {
				metered.push((*no, *energy));
			}
		}
		// Bills may take several blocks; readings that come meanwhile close nothing again.
		let pages = self.meters.iter().filter(|(_, meter)| meter.grid == grid);
		self.closed.extend(pages.map(|(no, _)| (no / PAGE, period)));
		metered
	}

	/// The settlement under way has closed a period for these pages, and not told of any bill yet.
	pub fn close_pages(&mut self, period: Period, pages: &[u32]) {
		let clock = self.clock;
		self.closed.retain(|(_, of)| *of + 64 > period);
		for page in pages {
			if !self.closed.insert((*page, period)) {
				continue;
			}
			let kept = self.kept.get(page).copied().unwrap_or(0);
			for (_, meter) in self.meters.range_mut(page * PAGE..(page + 1) * PAGE) {
				meter.close(&clock, kept, period);
			}
		}
	}

	/// Whether any meter has energy in a period that is frozen, measured or to be estimated.
	pub fn is_metered(&self, grid: Grid, period: Period) -> bool {
		if self.given.is_some() {
			return !self.clone().close(grid, period).is_empty();
		}
		let metered = |(no, meter): (&MeterNo, &Meter)| {
			let kept = self.kept_of(*no, grid);
			meter.grid == grid
				&& meter.kind != Kind::Feeder
				&& (meter.energy.contains_key(&period)
					|| meter.is_silent(&self.clock, kept, period))
		};
		self.meters.iter().any(metered)
	}

	/// What a standing order may expect of a meter: the mean of the latest periods that its readings cover.
	pub fn expected(&self, meter: MeterNo, side: Side) -> Wh {
		let Some(info) = self.meters.get(&meter) else {
			return 0;
		};
		let Some(latest) = &info.latest else { return 0 };
		let open = self.clock.at(latest.at);
		let recent = (1..=EXPECTED_OF).filter_map(|back| info.energy.get(&(open - back)));
		let measured: Vec<&Energy> = recent
			.filter(|energy| energy.source == Source::Measured)
			.collect();
		let net = |energy: &&Energy| match side {
			Side::Ask => energy.export.saturating_sub(energy.import),
			Side::Bid => energy.import.saturating_sub(energy.export),
		};
		match measured.len() as u64 {
			0 => 0,
			count => measured.iter().map(net).sum::<Wh>() / count,
		}
	}

	/// What is open for a meter: orders, positions, or debts of its owner there.
	pub fn is_committed(&self, meter: MeterNo) -> bool {
		let info = &self.meters[&meter];
		self.open_orders
			.get(&meter)
			.is_some_and(|open| !open.is_empty())
			|| self.positions.keys().any(|(.., no)| *no == meter)
			|| (self.job.as_ref()).is_some_and(|job| job.traded.contains(&meter))
			|| self.arrears.contains_key(&(info.owner, info.grid))
	}
}

/// The part of an amount for some seconds of others: all of it for all of them.
fn part(amount: Wh, covered: u64, whole: u64) -> Wh {
	if covered >= whole {
		return amount;
	}
	(u128::from(amount) * u128::from(covered) / u128::from(whole)) as Wh
}

/// The mean of what was measured in the periods before; without any, what was estimated last.
fn usual_import(energy: &BTreeMap<Period, Energy>, period: Period, kept: Period) -> Wh {
	let first = period.saturating_sub(ESTIMATE_OF).max(kept);
	let before: Vec<&Energy> = energy
		.range(first..period)
		.map(|(_, energy)| energy)
		.collect();
	let measured: Vec<&&Energy> = before
		.iter()
		.filter(|e| e.source == Source::Measured)
		.collect();
	if measured.is_empty() {
		return before.last().map_or(0, |energy| energy.import);
	}
	let sum: u128 = measured
		.iter()
		.map(|energy| u128::from(energy.import))
		.sum();
	(sum / measured.len() as u128) as Wh
}

impl Meter {
	/// The ratings that counted since the latest reading, if there is one.
	pub fn since_latest(&self) -> Option<Ratings> {
		self.latest
			.as_ref()
			.map(|latest| self.ratings_since(latest.at))
	}
}
