//! What came of the day, and whether the chain's figures are those of the data.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use gridweave_grid::grid::ROWS_PER_DAY;
use gridweave_primitives::{Balance, MeterId, Watts};
use gridweave_runtime::{AccountId, RuntimeEvent};
use pallet_demand_response::{
	types::{DemandEvent, Report},
	Event,
};

use crate::demand_response::{
	measure::Way,
	series::{weekend, Series, Span},
};

use super::{
	village::{Passed, Village},
	BUDGET, EVENING, HISTORY,
};

/// What passed in a row, in mWh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
	/// Through the transformer.
	pub feeder: i64,
	/// And had nobody been told anything.
	pub feeder_without: i64,
	/// Through the meters that take part.
	pub group: i64,
	/// And had nobody been told anything.
	pub group_without: i64,
}

/// What came of the day.
#[derive(Clone, Debug)]
pub struct Outcome {
	/// The day.
	pub day: usize,
	/// The row that was replayed first.
	first: usize,
	/// How many members there are.
	pub members: usize,
	/// How many of them take part.
	pub enrolled: usize,
	/// What the trigger was set to.
	pub threshold: Watts,
	/// What the chain expected in the second half of the day of all that take part, in Wh by period.
	pub expected: Vec<Option<i64>>,
	/// What passed, by row.
	rows: Vec<Row>,
	/// What each meter showed of the event's day, in Wh by row.
	shown: Vec<Vec<i64>>,
	/// The event.
	pub event: Option<DemandEvent>,
	/// Its rows.
	pub span: (usize, usize),
	/// How many devices heard a command.
	pub told: usize,
	/// How many acknowledged it.
	pub acknowledged: usize,
	/// Meters that were measured: what was expected, and what they took, in Wh.
	measured: BTreeMap<MeterId, (i64, i64)>,
	/// How many meters did not count.
	pub excluded: u32,
	/// What resources did.
	pub reports: Vec<Report<AccountId>>,
	/// What was paid by the chain's events, in planck.
	pub paid: Balance,
	/// By how much more its payee owns, in planck.
	pub earned: Balance,
	/// What is left of the budget, and was given back, in planck.
	pub returned: Balance,
	/// What is still held of anybody in the end, in planck.
	pub held: Balance,
}

impl Outcome {
	pub(super) fn new(village: &Village<'_>, day: usize, first: usize) -> Self {
		let enrolled = village.members.iter().filter(|member| member.enrolled);
		Self {
			day,
			first,
			members: village.members.len(),
			enrolled: enrolled.count(),
			threshold: Watts(u32::MAX),
			expected: Vec::new(),
			rows: Vec::new(),
			shown: Vec::new(),
			event: None,
			span: (0, 0),
			told: 0,
			acknowledged: 0,
			measured: BTreeMap::new(),
			excluded: 0,
			reports: Vec::new(),
			paid: 0,
			earned: 0,
			returned: 0,
			held: 0,
		}
	}

	/// What passed in a row.
	pub fn row(&self, row: usize) -> Row {
		let place = row.checked_sub(self.first);
		let found = place.and_then(|place| self.rows.get(place));
		found.copied().unwrap_or_default()
	}

	/// So many percent of what the evenings of the working days before peaked at, on average.
	pub(super) fn usual_peak(&self, percent: u64) -> Watts {
		let days = (self.day - HISTORY + 1..self.day).filter(|day| !weekend(*day));
		let peak = |day: usize| {
			let rows = (EVENING.from..EVENING.until).map(|place| day * ROWS_PER_DAY + place);
			rows.map(|row| self.row(row).feeder).max()
		};
		let peaks: Vec<i64> = days.filter_map(peak).collect();
		let mean = peaks.iter().sum::<i64>() / peaks.len().max(1) as i64;
		// A quarter of an hour in mWh is four times that in mW.
		let watts = mean.unsigned_abs() * 4 / 1_000 * percent / 100;
		Watts(u32::try_from(watts).unwrap_or(u32::MAX))
	}

	/// Notes the next row.
	pub(super) fn note(&mut self, passed: Passed, village: &Village<'_>) {
		let row = self.first + self.rows.len();
		let (mut group, mut group_without) = (0, 0);
		let members = village.members.iter().zip(&village.community.homes);
		for ((member, home), net) in members.zip(&passed.nets) {
			if member.enrolled {
				group += net;
				group_without += home.net(row);
			}
		}
		self.rows.push(Row {
			feeder: passed.feeder,
			feeder_without: passed.feeder_without,
			group,
			group_without,
		});
		if row / ROWS_PER_DAY == self.day {
			self.shown.push(passed.shown);
		}
		for event in passed.events {
			let RuntimeEvent::DemandResponse(event) = event else {
				continue;
			};
			match event {
				Event::EventAnnounced { start, end, .. } => {
					self.span = (village.row_of(start), village.row_of(end));
				}
				Event::CommandAcknowledged { .. } => self.acknowledged += 1,
				Event::MeterMeasured {
					meter,
					baseline,
					measured,
					..
				} => {
					self.measured.insert(meter, (baseline, measured));
				}
				Event::MeterExcluded { .. } => self.excluded += 1,
				Event::RewardPaid { amount, .. } => self.paid += amount,
				_ => {}
			}
		}
	}

	/// By how much less those that take part took in the event than they would have, in Wh.
	pub fn truth_wh(&self) -> i64 {
		let rows = (self.span.0..self.span.1).map(|row| self.row(row));
		rows.map(|row| row.group_without - row.group).sum::<i64>() / 1_000
	}

	/// By how much more they took afterwards, in Wh.
	pub fn came_back_wh(&self) -> i64 {
		let rows = (self.span.1..self.first + self.rows.len()).map(|row| self.row(row));
		rows.map(|row| row.group - row.group_without).sum::<i64>() / 1_000
	}

	/// What was delivered by the chain's measure, in Wh.
	pub fn delivered_wh(&self) -> u64 {
		self.reports.iter().map(|report| report.delivered.0).sum()
	}

	/// Whether money is whole to the planck, and baselines and energy are those of the data.
	pub(super) fn check(&self, village: &Village<'_>) -> Result<()> {
		let event = self.event.context("no event")?;
		let reported: Balance = self.reports.iter().map(|report| report.paid).sum();
		ensure!(
			[reported, event.paid, self.earned] == [self.paid; 3],
			"{} was paid, {reported} reported, {} noted and {} earned",
			self.paid,
			event.paid,
			self.earned
		);
		ensure!(
			self.paid.checked_add(self.returned) == Some(BUDGET),
			"{} was paid and {} returned of {BUDGET}",
			self.paid,
			self.returned
		);
		ensure!(self.held == 0, "{} are held in the end", self.held);
		ensure!(
			self.measured.len() + self.excluded as usize == self.enrolled,
			"of {} meters {} were measured and {} excluded",
			self.enrolled,
			self.measured.len(),
			self.excluded
		);
		let place = |row: usize| row - self.day * ROWS_PER_DAY;
		let span = Span {
			from: place(self.span.0),
			until: place(self.span.1),
		};
		let announced = place(village.row_of(event.announced));
		for (number, (member, home)) in village
			.members
			.iter()
			.zip(&village.community.homes)
			.enumerate()
		{
			let Some(found) = self.measured.get(&member.device.meter) else {
				continue;
			};
			let series = Series::of(home);
			let expected = Way::ALL[0].expected(&series, self.day, span, announced);
			let expected = expected.context("no baseline")?;
			let rows = self.shown.get(span.from..span.until).unwrap_or_default();
			let taken = rows.iter().filter_map(|row| row.get(number)).sum::<i64>();
			ensure!(
				*found == (expected, taken),
				"of {} the chain found {found:?}, and not {expected} and {taken}",
				home.node
			);
		}
		Ok(())
	}
}
