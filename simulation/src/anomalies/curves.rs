//! Curves: how many thieves are found against how many honest members are suspected, as detectors are set.

use super::{
	attack::Attack,
	figures::{Figures, InTopFive, Of, ANY, FLAG_DAYS},
	results::{FEEDER_SCALES, FEEDER_WINDOWS, HONEST_WINDOW, SCALES},
};
use crate::{
	picture::{Axis, Chart, Line},
	report::{percent, Report},
};

/// Share of thieves among meters for which precision is drawn.
const PREVALENCE: f64 = 0.05;

/// Share of communities with a thief for which precision is drawn.
const COMMUNITIES: f64 = 0.2;

/// Shares of the throughput that thieves hide, for the table and the curve.
pub const HIDDEN: [(f64, f64); 7] = [
	(f64::NEG_INFINITY, 0.001),
	(0.001, 0.002),
	(0.002, 0.004),
	(0.004, 0.007),
	(0.007, 0.01),
	(0.01, 0.02),
	(0.02, f64::INFINITY),
];

/// The charts by file name.
pub fn charts(figures: &Figures) -> Vec<(&'static str, String)> {
	vec![
		("roc.svg", roc(figures).svg()),
		("precision-recall.svg", precision_recall(figures).svg()),
		("feeder.svg", by_share(figures).svg()),
		("feeder-precision-recall.svg", named(figures).svg()),
	]
}

/// What the charts show, and the areas under curves.
pub fn tell(report: &mut Report, figures: &Figures) {
	report.section("Curves");
	report.text(&format!(
		"The bounds of days and runs are moved from {} to {} % of their defaults. To the right: windows of \
		 {HONEST_WINDOW} days in which an honest meter is flagged; upward: thieves flagged within \
		 {FLAG_DAYS:.0} days. Precision is that of a flag where {} of the meters steal.",
		SCALES[0],
		SCALES[SCALES.len() - 1],
		percent(PREVALENCE),
	));
	report.picture("Receiver operating characteristic", "roc.svg");
	report.picture("Precision and recall", "precision-recall.svg");
	let areas = Attack::DRAWN.iter().map(|attack| {
		let (_, area) = figures.curve(Of::Unseen, *attack, &SCALES);
		vec![attack.words(), format!("{area:.2}")]
	});
	report.table(
		&["attack", "area under the curve"],
		&areas.collect::<Vec<_>>(),
	);
	report.text(&format!(
		"The bounds of the feeder are moved, too: what must be missing, and the sum that gives the alarm. Recall: thieves \
		 that the last alarm of {} days names. Precision is that of an alarm where {} of the communities have one \
		 thief; an alarm is right if it names the thief.",
		HONEST_WINDOW * FEEDER_WINDOWS,
		percent(COMMUNITIES),
	));
	let rows = FEEDER_SCALES.iter().map(|scale| {
		let (alarmed, windows) = figures.alarmed(Of::Unseen, *scale);
		let mut row = vec![
			format!("{scale} %"),
			format!("{} of {windows}", percent(alarmed)),
		];
		row.extend(Attack::NAMED.iter().map(|attack| {
			let of = figures.in_top_five(Of::Unseen, &[*attack], *scale, ANY);
			percent(of.last.value)
		}));
		row
	});
	let names = Attack::NAMED.map(Attack::name);
	let mut titles = vec!["bounds", "honest windows with an alarm"];
	titles.extend(names.iter().map(String::as_str));
	report.table(&titles, &rows.collect::<Vec<_>>());
	report.picture(
		"Precision and recall of the feeder",
		"feeder-precision-recall.svg",
	);
	report.text(
		"For comparison: rules on voltage, current and power factor find 94.8 % at 10 % false positives (Raipur); an \
		 isolation forest reaches an area of 0.83 (REFIT); CPBETD, a classifier trained per customer, 94 % at 11 % \
		 (Jokar et al. 2016, days of the Irish trial). Those judge a day or a customer each; here a meter is judged \
		 by a small state on chain, from day to day, and a false flag is counted in two weeks.",
	);
}

fn roc(figures: &Figures) -> Chart {
	let lines = Attack::DRAWN.iter().map(|attack| Line {
		name: attack.name(),
		points: figures.curve(Of::Unseen, *attack, &SCALES).0,
		joined: true,
	});
	Chart {
		title: "Thieves flagged within 14 days against honest meters flagged in 14".into(),
		x: Axis::to("honest meters flagged", 0.3),
		y: Axis::to("thieves flagged", 1.0),
		lines: lines.collect(),
	}
}

fn precision_recall(figures: &Figures) -> Chart {
	let lines = Attack::DRAWN.iter().map(|attack| {
		let (points, _) = figures.curve(Of::Unseen, *attack, &SCALES);
		let precise = points.into_iter().map(|(suspected, flagged)| {
			let wrong = (1.0 - PREVALENCE) * suspected;
			(flagged, precision(PREVALENCE, flagged, wrong))
		});
		Line {
			name: attack.name(),
			points: precise.collect(),
			joined: true,
		}
	});
	Chart {
		title: format!(
			"Precision and recall where {} of the meters steal",
			percent(PREVALENCE)
		),
		x: Axis::to("recall: thieves flagged within 14 days", 1.0),
		y: Axis::to("precision", 1.0),
		lines: lines.collect(),
	}
}

fn by_share(figures: &Figures) -> Chart {
	let line = |name: &str, of: fn(&InTopFive) -> f64| Line {
		name: name.into(),
		points: HIDDEN
			.iter()
			.filter_map(|(from, until)| {
				let found = figures.in_top_five(Of::Unseen, &Attack::FEEDER, 100, (*from, *until));
				let middle = match (from.is_finite(), until.is_finite()) {
					(false, _) => until / 2.0,
					(_, false) => from * 1.25,
					_ => (from + until) / 2.0,
				};
				(found.cases > 0).then(|| (middle * 100.0, of(&found)))
			})
			.collect(),
		joined: true,
	};
	Chart {
		title: "Thieves that the feeder betrays within 28 days".into(),
		x: Axis::to("hidden, in % of the gross throughput", 2.5),
		y: Axis::to("share of thieves", 1.0),
		lines: vec![
			line("alarm", |found| found.alarm.value),
			line("named", |found| found.named.value),
			line("named last", |found| found.last.value),
		],
	}
}

/// Of all that is found, what is right.
fn precision(prevalence: f64, right: f64, wrong: f64) -> f64 {
	let (right, wrong) = (prevalence * right, wrong);
	if right + wrong > 0.0 {
		right / (right + wrong)
	} else {
		1.0
	}
}

fn named(figures: &Figures) -> Chart {
	let lines = Attack::NAMED.iter().map(|attack| {
		let points = FEEDER_SCALES.iter().map(|scale| {
			let of = figures.in_top_five(Of::Unseen, &[*attack], *scale, ANY);
			let (honest, _) = figures.alarmed(Of::Unseen, *scale);
			let misled = (of.alarm.value - of.last.value).max(0.0);
			let wrong = COMMUNITIES * misled + (1.0 - COMMUNITIES) * honest;
			(of.last.value, precision(COMMUNITIES, of.last.value, wrong))
		});
		Line {
			name: attack.name(),
			points: points.collect(),
			joined: true,
		}
	});
	Chart {
		title: format!(
			"The feeder, where {} of the communities have a thief",
			percent(COMMUNITIES)
		),
		x: Axis::to("recall: thieves named within 28 days", 1.0),
		y: Axis::to("precision of an alarm", 1.0),
		lines: lines.collect(),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn precision_should_be_what_is_right_of_what_is_found() {
		// Of a hundred, twenty steal and half of them are found; eight honest ones are suspected.
		assert!((precision(0.2, 0.5, 0.8 * 0.1) - 10.0 / 18.0).abs() < 1e-9);
		assert_eq!(precision(0.2, 0.0, 0.0), 1.0);
		assert_eq!(precision(0.2, 0.0, 0.1), 0.0);
	}
}
