//! Results in figures: shares, rates and medians, and whether targets are met.

use serde_json::{json, Map, Value};

use super::{
	attack::Attack,
	results::{Named, Own, Part, Results, Windows, FEEDER_WINDOWS},
};
use crate::{
	community::Class,
	random::Seed,
	statistics::{area, median, rate, share, Estimate},
};

/// Days in which a thief is to be flagged by the own meter.
pub const FLAG_DAYS: f64 = 14.0;

/// Which results count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
	/// Those on which nothing was tuned; all, if there are no others.
	Unseen,
	/// Those on which detectors were chosen.
	Tuned,
	/// Those of a grid on which nothing was tuned.
	Grid(&'a str),
}

/// What own meters gave away of an attack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flagged {
	/// How many tried.
	pub cases: usize,
	/// How many were flagged in time.
	pub share: Estimate,
	/// Days until they were.
	pub median: Option<f64>,
}

/// What feeders showed of an attack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InTopFive {
	/// How many tried.
	pub cases: usize,
	/// In how many the alarm was given.
	pub alarm: Estimate,
	/// How many were among the five suspects of an alarm.
	pub named: Estimate,
	/// How many were so at the last alarm.
	pub last: Estimate,
	/// Days until they were named first.
	pub median: Option<f64>,
}

/// Results, and how they are counted.
pub struct Figures<'a> {
	/// What came of it.
	pub results: &'a Results,
	/// What intervals follow from.
	pub seed: Seed,
}

impl Figures<'_> {
	/// Whether there is nothing on which nothing was tuned.
	pub fn is_all_tuned(&self) -> bool {
		self.results
			.honest
			.iter()
			.all(|honest| honest.part.is_tuned())
	}

	/// Whether there is something on which detectors were tuned.
	pub fn has_tuned(&self) -> bool {
		self.results
			.honest
			.iter()
			.any(|honest| honest.part.is_tuned())
	}

	/// The grids of which there is something on which nothing was tuned.
	pub fn unseen_grids(&self) -> Vec<&str> {
		let parts = self.results.honest.iter().map(|honest| &honest.part);
		let grids = parts.filter(|part| !part.is_tuned());
		let mut grids: Vec<_> = grids.map(|part| part.grid.as_str()).collect();
		grids.sort_unstable();
		grids.dedup();
		grids
	}

	/// Whether a part's results count.
	pub fn holds(&self, of: Of<'_>, part: &Part) -> bool {
		match of {
			Of::Unseen => !part.is_tuned() || self.is_all_tuned(),
			Of::Tuned => part.is_tuned(),
			Of::Grid(grid) => !part.is_tuned() && part.grid == grid,
		}
	}

	/// What own meters gave away, of some classes or all.
	pub fn flagged(&self, of: Of<'_>, attack: Attack, scale: u32, classes: &[Class]) -> Flagged {
		let tried = |own: &&Own| {
			self.holds(of, &own.part)
				&& own.attack == attack
				&& own.scale == scale
				&& classes.contains(&own.class)
		};
		let days: Vec<Option<f64>> = self
			.results
			.own
			.iter()
			.filter(tried)
			.map(|own| own.days)
			.collect();
		let found: Vec<f64> = days
			.iter()
			.flatten()
			.copied()
			.filter(|days| *days <= FLAG_DAYS)
			.collect();
		Flagged {
			cases: days.len(),
			share: share(found.len(), days.len()),
			median: median(&found),
		}
	}

	/// What feeders showed of thieves that hide at least this share of the throughput, and less than that.
	pub fn in_top_five(
		&self,
		of: Of<'_>,
		attacks: &[Attack],
		scale: u32,
		hidden: (f64, f64),
	) -> InTopFive {
		self.named(of, attacks, scale, |named| {
			(hidden.0..hidden.1).contains(&named.share)
		})
	}

	/// What feeders showed of some thieves.
	pub fn named(
		&self,
		of: Of<'_>,
		attacks: &[Attack],
		scale: u32,
		which: impl Fn(&Named) -> bool,
	) -> InTopFive {
		let tried = |named: &&Named| {
			self.holds(of, &named.part)
				&& named.scale == scale
				&& attacks.contains(&named.attack)
				&& which(named)
		};
		let all: Vec<&Named> = self.results.named.iter().filter(tried).collect();
		let count = |is: fn(&Named) -> bool| all.iter().filter(|named| is(named)).count();
		let days: Vec<f64> = all.iter().filter_map(|named| named.named).collect();
		InTopFive {
			cases: all.len(),
			alarm: share(count(|named| named.alarm.is_some()), all.len()),
			named: share(count(|named| named.named.is_some()), all.len()),
			last: share(count(|named| named.last), all.len()),
			median: median(&days),
		}
	}

	/// Something that honest meters of some classes went through, per meter and year; and how many years.
	pub fn honest(
		&self,
		of: Of<'_>,
		classes: &[Class],
		count: fn(&super::results::Honest) -> u32,
	) -> (Estimate, f64) {
		let (mut homes, mut members) = (Vec::new(), Vec::<(u32, f64)>::new());
		for honest in &self.results.honest {
			if !self.holds(of, &honest.part) || !classes.contains(&honest.class) {
				continue;
			}
			// A home's communities and halves belong together.
			let key = (honest.part.grid.as_str(), honest.home);
			let place = homes.iter().position(|known| *known == key);
			let place = place.unwrap_or_else(|| {
				homes.push(key);
				members.push((0, 0.0));
				members.len() - 1
			});
			let (events, years) = &mut members[place];
			*events += count(honest);
			*years += honest.years;
		}
		let years = members.iter().map(|(_, years)| years).sum();
		(rate(&members, self.seed), years)
	}

	/// False alarms of a feeder and year; and how many years.
	pub fn false_alarms(&self, of: Of) -> (f64, f64) {
		let feeders = self
			.results
			.feeders
			.iter()
			.filter(|feeder| self.holds(of, &feeder.part));
		let (mut alarms, mut years) = (0.0, 0.0);
		for feeder in feeders {
			alarms += f64::from(feeder.alarms);
			years += feeder.years;
		}
		(if years > 0.0 { alarms / years } else { 0.0 }, years)
	}

	/// Unmetered loads of a rate: how many, how many gave the alarm within a day, and the median of days.
	pub fn taps(&self, of: Of<'_>, rate: u32) -> (usize, Estimate, Option<f64>) {
		let tried = |tap: &&super::results::Tap| self.holds(of, &tap.part) && tap.rate == rate;
		// One that gives no alarm gives it after all that do.
		let days: Vec<f64> = self
			.results
			.taps
			.iter()
			.filter(tried)
			.map(|tap| tap.alarm.unwrap_or(f64::INFINITY))
			.collect();
		let soon = days.iter().filter(|days| **days <= 1.0).count();
		let middle = median(&days).filter(|days| days.is_finite());
		(days.len(), share(soon, days.len()), middle)
	}

	/// The share of honest windows of two weeks in which a meter is suspected.
	pub fn suspected(&self, of: Of<'_>, scale: u32) -> f64 {
		let of_scale = |windows: &&Windows| self.holds(of, &windows.part) && windows.scale == scale;
		let (mut flagged, mut all) = (0u32, 0u32);
		for windows in self.results.windows.iter().filter(of_scale) {
			flagged += windows.flagged;
			all += windows.windows;
		}
		f64::from(flagged) / f64::from(all.max(1))
	}

	/// The share of honest windows of four weeks in which a feeder gives the alarm; and how many there are.
	pub fn alarmed(&self, of: Of<'_>, scale: u32) -> (f64, usize) {
		let of_scale = |windows: &&Windows| self.holds(of, &windows.part) && windows.scale == scale;
		let windows: Vec<_> = self.results.windows.iter().filter(of_scale).collect();
		// Those that follow one another, of one part.
		let months: Vec<_> = windows
			.chunk_by(|one, next| one.part == next.part)
			.flat_map(|part| part.chunks(FEEDER_WINDOWS))
			.collect();
		let alarmed = months
			.iter()
			.filter(|month| month.iter().any(|window| window.alarmed));
		let share = alarmed.count() as f64 / months.len().max(1) as f64;
		(share, months.len())
	}

	/// Suspected honest windows against flagged thieves, by how detectors are set; and the area under it.
	pub fn curve(&self, of: Of<'_>, attack: Attack, scales: &[u32]) -> (Vec<(f64, f64)>, f64) {
		let mut points: Vec<(f64, f64)> = scales
			.iter()
			.map(|scale| {
				let flagged = self.flagged(of, attack, *scale, &Class::ALL);
				(self.suspected(of, *scale), flagged.share.value)
			})
			.collect();
		points.sort_by(|a, b| a.0.total_cmp(&b.0));
		let area = area(&points);
		(points, area)
	}

	/// What `scripts/simulate` prints.
	pub fn json(&self) -> Map<String, Value> {
		let mut attacks = Map::new();
		let every = (Attack::OWN.iter().chain(&Attack::PROTOCOL)).chain([&Attack::PhaseBypass]);
		for attack in every {
			let own = self.flagged(Of::Unseen, *attack, 100, &Class::ALL);
			let feeder = self.in_top_five(Of::Unseen, &[*attack], 100, ANY);
			let by_feeder = (feeder.cases > 0).then_some(feeder);
			attacks.insert(
				attack.name(),
				json!({
					"cases": own.cases,
					"flagged": own.share.value,
					"median_days": own.median,
					"in_top_five": by_feeder.map(|feeder| feeder.last.value),
					"feeder_cases": feeder.cases,
					"feeder_alarm": by_feeder.map(|feeder| feeder.alarm.value),
					"named_median_days": by_feeder.and_then(|feeder| feeder.median),
				}),
			);
		}
		let (flags, years) = self.honest(Of::Unseen, &Class::ALL, |honest| honest.flags);
		let (quarantines, _) = self.honest(Of::Unseen, &Class::ALL, |honest| honest.quarantines);
		let (proofs, _) = self.honest(Of::Unseen, &Class::ALL, |honest| honest.proofs);
		let (alarms, feeder_years) = self.false_alarms(Of::Unseen);
		let (taps, within_a_day, days) = self.taps(Of::Unseen, 10);
		let figures = json!({
			"attacks": attacks,
			"honest": {
				"flags_per_meter_year": flags.value,
				"flags_interval": [flags.least, flags.most],
				"quarantined_per_meter_year": quarantines.value,
				"quarantined_interval": [quarantines.least, quarantines.most],
				"proofs_per_meter_year": proofs.value,
				"meter_years": years,
			},
			"feeder": {
				"false_alarms_per_year": alarms,
				"feeder_years": feeder_years,
				"unmetered_1pct_days": days,
				"unmetered_1pct_cases": taps,
				"unmetered_1pct_within_a_day": within_a_day.value,
			},
		});
		match figures {
			Value::Object(figures) => figures,
			_ => Map::new(),
		}
	}
}

/// However much is hidden.
pub const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

#[cfg(test)]
mod tests;
