//! The report, and the picture of the day.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};
use gridweave_grid::{calendar::date_of_row, grid::ROWS_PER_DAY};
use gridweave_runtime::GRID;

use crate::{
	community::Community,
	picture::{Axis, Chart, Line},
	report::Report,
	Options,
};

use super::{
	fit::{Fit, Placebo, RESPONSE_PERCENT},
	measure::{Slot, Way, NOTICE},
	replay::{Outcome, BUDGET, HISTORY, OVER, THRESHOLD_PERCENT},
	resources::Kind,
	Findings, DEAD_BAND, DEAD_BANDS, REBOUND,
};

/// The picture of the day.
const PICTURE: &str = "winter-day.svg";

/// The picture begins at this place of the day, and ends with the data.
const FROM: usize = 48;
const UNTIL: usize = ROWS_PER_DAY + OVER;

/// Writes report and picture.
pub fn write(
	options: &Options,
	findings: &[Findings],
	community: &Community,
	outcome: &Outcome,
) -> Result<()> {
	let mut report = Report::new("Demand response");
	report.text(&format!(
		"Members are individualised from the seed {}. Events of two hours, announced {} minutes before, on each of {} \
		 days that has ten like days before it. Nobody hears of any of them: what is measured is the error.",
		options.seed,
		NOTICE * 15,
		options.days,
	));
	fits(&mut report, findings);
	placebos(&mut report, findings);
	day(&mut report, community, outcome)?;
	let path = options.out.join(PICTURE);
	fs::write(&path, chart(community, outcome).svg())
		.with_context(|| format!("cannot write {}", path.display()))?;
	let path = options.out.join("report.md");
	fs::write(&path, report.finish()).with_context(|| format!("cannot write {}", path.display()))
}

fn signed(share: f64) -> String {
	format!("{:+.1} %", share * 100.0)
}

fn share(share: Option<f64>) -> String {
	share.map_or("–".into(), |share| format!("{:.0} %", share * 100.0))
}

/// A table by kinds of resources: one cell of each of these.
fn table<T>(
	report: &mut Report,
	columns: &[String],
	of: &[BTreeMap<Kind, T>],
	cell: impl Fn(&T) -> String,
) {
	let mut head = vec!["who".to_string()];
	head.extend(columns.iter().cloned());
	let head: Vec<&str> = head.iter().map(String::as_str).collect();
	let kinds = of.first().into_iter().flat_map(BTreeMap::keys);
	let rows: Vec<Vec<String>> = kinds
		.map(|kind| {
			let cells = of.iter().map(|of| of.get(kind).map_or("–".into(), &cell));
			[kind.name()].into_iter().chain(cells).collect()
		})
		.collect();
	report.table(&head, &rows);
}

fn fits(report: &mut Report, findings: &[Findings]) {
	report.section("How well baselines fit");
	report.text(
		"Bias: baseline less what was taken, over what was taken. Error: root mean square of a day's error over what \
		 is taken on a mean day; of several resources the middle one.",
	);
	let cell = |fit: &Fit| format!("{}, {:.0} %", signed(fit.bias), fit.error * 100.0);
	for of in findings {
		let days = of.feeder().map_or(0, |fit| fit.days);
		report.text(&format!(
			"{}, {} members, {}, {days} days:",
			of.name,
			of.members,
			Slot::ALL[0].name
		));
		let ways = Way::ALL.map(Way::name);
		table(report, &ways, &of.ways, cell);
		report.text(&format!(
			"{}, {}, by half-years:",
			of.name,
			Slot::ALL[0].name
		));
		let halves = [Way::ALL[0], Way::PLAIN].map(Way::name);
		let halves: Vec<String> = halves
			.iter()
			.flat_map(|way| ["first", "second"].map(|half| format!("{way}, {half} half")))
			.collect();
		table(report, &halves, &of.halves, cell);
		report.text(&format!(
			"{}, {}, by time of the day:",
			of.name,
			Way::ALL[0].name()
		));
		let slots: Vec<String> = Slot::ALL.iter().map(|slot| slot.name.into()).collect();
		table(report, &slots, &of.slots, cell);
		report.text(&format!(
			"{}, {}, of the members as they are measured, which are few shapes that repeat:",
			of.name,
			Way::ALL[0].name()
		));
		table(report, &slots, &of.as_measured, cell);
	}
}

fn placebos(report: &mut Report, findings: &[Findings]) {
	report.section("What doing nothing earns");
	report.text(&format!(
		"Events that nobody answers, over what is earned when all take {RESPONSE_PERCENT} % less; and what that \
		 response earns of what it is worth. {}.",
		Way::ALL[0].name()
	));
	let cell = |of: &Placebo| format!("{} ({})", share(of.share()), share(of.paid()));
	for of in findings {
		report.text(&format!(
			"{}, {}, by dead band:",
			of.name,
			Slot::ALL[0].name
		));
		let bands: Vec<String> = DEAD_BANDS
			.iter()
			.map(|percent| format!("{percent} %"))
			.collect();
		table(report, &bands, &of.placebos, cell);
		report.text(&format!(
			"{}, dead band {DEAD_BAND} %, by time of the day; and with {} minutes of rebound:",
			of.name,
			REBOUND * 15
		));
		let mut slots: Vec<String> = Slot::ALL.iter().map(|slot| slot.name.into()).collect();
		slots.push(format!("{}, rebound", Slot::ALL[0].name));
		table(report, &slots, &of.placebo_slots, cell);
	}
}

/// An amount in GRID, to the planck.
fn money(planck: u128) -> String {
	format!("{}.{:012} GRID", planck / GRID, planck % GRID)
}

fn day(report: &mut Report, community: &Community, outcome: &Outcome) -> Result<()> {
	report.section("A winter's day");
	let at = |row: usize| date_of_row(row);
	let event = outcome.event.context("no event")?;
	report.text(&format!(
		"{} on {}, with the {HISTORY} days before it, through the real runtime: {} members with signed readings, of whom \
		 {} take part, as one group; commands reached {} devices, and {} acknowledged theirs. The trigger was set to \
		 {} W, {THRESHOLD_PERCENT} % of what evenings peaked at before; the chain announced the event that ran from {} to {}.",
		community.name,
		&at(outcome.day * ROWS_PER_DAY)[..5],
		outcome.members,
		outcome.enrolled,
		outcome.told,
		outcome.acknowledged,
		outcome.threshold.0,
		at(outcome.span.0),
		at(outcome.span.1),
	));
	report.picture("Load with and without the event", PICTURE);
	let kwh = |wh: i64| format!("{:.1} kWh", wh as f64 / 1_000.0);
	let sum = |of: fn(&pallet_demand_response::measure::Tally) -> i64| -> i64 {
		outcome.reports.iter().map(|report| of(&report.tally)).sum()
	};
	let rows = [
		("baseline", kwh(sum(|tally| tally.baseline))),
		("taken", kwh(sum(|tally| tally.measured))),
		(
			"delivered, by the chain's measure",
			kwh(outcome.delivered_wh() as i64),
		),
		(
			"less taken in the event than without it, in truth",
			kwh(outcome.truth_wh()),
		),
		("came back until 8 h, in truth", kwh(outcome.came_back_wh())),
		("budget", money(BUDGET)),
		("set aside for the event", money(event.budget)),
		("paid", money(outcome.paid)),
		("returned", money(outcome.returned)),
		(
			"paid and returned less budget",
			money(outcome.paid + outcome.returned - BUDGET),
		),
		("held in the end", money(outcome.held)),
	];
	let rows: Vec<Vec<String>> = rows.map(|(what, value)| vec![what.into(), value]).into();
	report.table(&["", ""], &rows);
	Ok(())
}

fn chart(community: &Community, outcome: &Outcome) -> Chart {
	let first = outcome.day * ROWS_PER_DAY;
	let hour = |place: usize| place as f64 / 4.0;
	// A quarter of an hour in mWh is four times that in mW.
	let kilowatts = |mwh: i64| mwh as f64 * 4.0 / 1e6;
	let line = |name: &str, of: &dyn Fn(usize) -> Option<f64>| Line {
		name: name.into(),
		points: (FROM..UNTIL)
			.filter_map(|place| Some((hour(place), of(place)?)))
			.collect(),
		joined: true,
	};
	let lines = vec![
		line("feeder without", &|place| {
			Some(kilowatts(outcome.row(first + place).feeder_without))
		}),
		line("feeder with", &|place| {
			Some(kilowatts(outcome.row(first + place).feeder))
		}),
		line("group without", &|place| {
			Some(kilowatts(outcome.row(first + place).group_without))
		}),
		line("group with", &|place| {
			Some(kilowatts(outcome.row(first + place).group))
		}),
		line("group, baseline", &|place| {
			let expected = outcome.expected.get(place - FROM)?;
			Some(kilowatts((*expected)? * 1_000))
		}),
	];
	let values = || {
		lines
			.iter()
			.flat_map(|line| &line.points)
			.map(|point| point.1)
	};
	let least = values().fold(0.0, f64::min);
	let most = values().fold(0.0, f64::max);
	Chart {
		title: format!(
			"{} on {}: event from {} to {}",
			community.name,
			&date_of_row(first)[..5],
			&date_of_row(outcome.span.0)[6..],
			&date_of_row(outcome.span.1)[6..],
		),
		x: Axis {
			name: "hours of the day".into(),
			from: hour(FROM),
			to: hour(UNTIL),
		},
		y: Axis {
			name: "kW".into(),
			from: -end(-least),
			to: end(most),
		},
		lines,
	}
}

/// A round number not below a value, of which a fifth is round, too; 0 of what is not above it.
fn end(value: f64) -> f64 {
	const ROUND: [f64; 5] = [1.0, 1.5, 2.0, 2.5, 5.0];
	if value <= 0.0 {
		return 0.0;
	}
	let power = 10f64.powf(value.log10().floor());
	let mut fits = ROUND.iter().map(|round| round * power);
	fits.find(|end| *end >= value).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn axes_should_end_at_round_numbers() {
		for (value, expected) in [
			(0.0, 0.0),
			(-3.0, 0.0),
			(1.0, 1.0),
			(210.0, 250.0),
			(51.0, 100.0),
			(0.3, 0.5),
		] {
			assert!((end(value) - expected).abs() < 1e-9, "{value}");
		}
	}

	#[test]
	fn figures_should_be_readable() {
		assert_eq!(signed(-0.0312), "-3.1 %");
		assert_eq!(
			(share(Some(0.099)), share(None)),
			("10 %".into(), "–".into())
		);
		assert_eq!(money(2_800_800_000_000), "2.800800000000 GRID");
	}
}
