//! What is aimed at, and what was measured.

use super::{
	attack::Attack,
	figures::{Figures, Of, ANY},
};
use crate::{
	community::Class,
	report::{percent_within, within, Report},
	statistics::Estimate,
};

/// Those of whom own meters are to betray thieves.
const JUDGED: [Class; 3] = [Class::Household, Class::Electrified, Class::Business];

/// Where there was nobody to try it on.
const NONE: &str = "–";

/// What came of an aim.
struct Measured {
	/// What is aimed at.
	aim: String,
	/// What was measured.
	value: String,
	/// By how much it was missed, if it was.
	missed: Option<String>,
}

impl Measured {
	/// A share of so many that is to be `aim` at least.
	fn at_least(what: String, share: &Estimate, cases: usize, aim: f64) -> Self {
		if cases == 0 {
			return Self {
				aim: what,
				value: NONE.into(),
				missed: None,
			};
		}
		let short = (aim - share.value) * 100.0;
		Self {
			aim: what,
			value: format!("{} of {cases}", percent_within(share)),
			missed: (short > 0.0).then(|| format!("by {short:.0} points")),
		}
	}

	/// A rate that is to be `aim` at most.
	fn at_most(what: &str, rate: &Estimate, value: String, aim: f64) -> Self {
		let over = rate.value - aim;
		Self {
			aim: what.into(),
			value,
			missed: (over > 0.0).then(|| format!("by {over:.2}")),
		}
	}
}

/// The tables of targets: of all that is unseen, then grid by grid.
pub fn tell(report: &mut Report, figures: &Figures) {
	report.section("Targets");
	let rows = measure(figures, Of::Unseen).into_iter().map(|measured| {
		let verdict = measured
			.missed
			.map_or_else(|| "reached".into(), |missed| format!("**missed** {missed}"));
		vec![measured.aim, measured.value, verdict]
	});
	report.table(
		&["target", "measured (95 % interval)", ""],
		&rows.collect::<Vec<_>>(),
	);
	let grids = figures.unseen_grids();
	if figures.is_all_tuned() {
		return;
	}
	report.text("By grid, and where detectors were tuned; **bold** is missed.");
	let mut columns: Vec<(&str, Vec<Measured>)> = grids
		.iter()
		.map(|grid| (*grid, measure(figures, Of::Grid(grid))))
		.collect();
	if figures.has_tuned() {
		columns.push(("tuned on", measure(figures, Of::Tuned)));
	}
	let mut head = vec!["target"];
	head.extend(columns.iter().map(|(name, _)| *name));
	let aims = columns.first().map_or(0, |(_, measured)| measured.len());
	let rows = (0..aims).map(|place| {
		let mut row = vec![columns[0].1[place].aim.clone()];
		row.extend(columns.iter().map(|(_, measured)| {
			let of = &measured[place];
			match of.missed {
				Some(_) => format!("**{}**", of.value),
				None => of.value.clone(),
			}
		}));
		row
	});
	report.table(&head, &rows.collect::<Vec<_>>());
}

/// Everything that is aimed at.
fn measure(figures: &Figures, of: Of<'_>) -> Vec<Measured> {
	let mut all = Vec::new();
	let protocol = [
		Attack::Rollback,
		Attack::ClonedKey,
		Attack::Tampered,
		Attack::Implausible,
	];
	for attack in protocol {
		let flagged = figures.flagged(of, attack, 100, &Class::ALL);
		let what = format!("{}: all found", attack.words());
		all.push(Measured::at_least(what, &flagged.share, flagged.cases, 1.0));
	}
	let (proofs, _) = figures.honest(of, &Class::ALL, |honest| honest.proofs);
	all.push(Measured::at_most(
		"no proof against an honest meter, per meter and year",
		&proofs,
		within(&proofs),
		0.0,
	));
	for attack in Attack::BETRAYED {
		let flagged = figures.flagged(of, attack, 100, &JUDGED);
		let what = format!(
			"{}: 90 % of households and businesses within 14 days",
			attack.words()
		);
		all.push(Measured::at_least(what, &flagged.share, flagged.cases, 0.9));
	}
	for attack in Attack::NAMED {
		let named = figures.in_top_five(of, &[attack], 100, ANY);
		let what = format!(
			"{}: alarm, and among five suspects, 85 % within 28 days",
			attack.words()
		);
		all.push(Measured::at_least(what, &named.last, named.cases, 0.85));
	}
	let (cases, soon, _) = figures.taps(of, 10);
	let what = "1 % of the throughput unmetered: alarm within a day".into();
	all.push(Measured::at_least(what, &soon, cases, 0.95));
	let (alarms, years) = figures.false_alarms(of);
	let alarms = Estimate {
		value: alarms,
		..Estimate::default()
	};
	all.push(Measured::at_most(
		"at most one false alarm of a feeder a year",
		&alarms,
		format!("{:.2} ({years:.1} feeder-years)", alarms.value),
		1.0,
	));
	let (flags, years) = figures.honest(of, &Class::ALL, |honest| honest.flags);
	all.push(Measured::at_most(
		"at most one statistical flag of an honest meter a year",
		&flags,
		format!("{} ({years:.0} meter-years)", within(&flags)),
		1.0,
	));
	let (quarantines, _) = figures.honest(of, &Class::ALL, |honest| honest.quarantines);
	all.push(Measured::at_most(
		"at most 2 % of honest meters under quarantine a year",
		&quarantines,
		percent_within(&quarantines),
		0.02,
	));
	all
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::statistics::share;

	#[test]
	fn what_is_missed_should_say_by_how_much() {
		let of = |hits| Measured::at_least("h3".into(), &share(hits, 100), 100, 0.9).missed;
		assert_eq!(of(90), None);
		assert_eq!(of(84).as_deref(), Some("by 6 points"));
		let none = Measured::at_least("h3".into(), &share(0, 0), 0, 0.9);
		assert_eq!((none.value.as_str(), none.missed), (NONE, None));
		let of = |value| {
			let rate = Estimate {
				value,
				..Estimate::default()
			};
			Measured::at_most("flags", &rate, String::new(), 1.0).missed
		};
		assert_eq!(of(1.0), None);
		assert_eq!(of(1.29).as_deref(), Some("by 0.29"));
	}
}
