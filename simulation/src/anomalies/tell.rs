//! The report, in Markdown.

use super::{
	attack::Attack,
	curves::{self, HIDDEN},
	figures::{Figures, InTopFive, Of, ANY, FLAG_DAYS},
	results::{Part, TAP_RATES, TUNED_GRID},
	targets,
};
use crate::{
	community::Class,
	report::{percent, percent_within, within, Report},
};

/// A report, and its charts by file name.
pub struct Told {
	/// Markdown.
	pub report: String,
	/// SVG.
	pub charts: Vec<(&'static str, String)>,
}

/// Tells what came of it.
pub fn tell(figures: &Figures, options: &crate::Options) -> Told {
	let mut report = Report::new("Meters that lie: how many are found");
	introduce(&mut report, figures, options);
	targets::tell(&mut report, figures);
	own(&mut report, figures);
	classes(&mut report, figures);
	feeder(&mut report, figures);
	honest(&mut report, figures);
	curves::tell(&mut report, figures);
	Told {
		report: report.finish(),
		charts: curves::charts(figures),
	}
}

fn introduce(report: &mut Report, figures: &Figures, options: &crate::Options) {
	let mut parts: Vec<&Part> = figures
		.results
		.honest
		.iter()
		.map(|honest| &honest.part)
		.collect();
	parts.sort();
	parts.dedup();
	let names = |tuned: bool| {
		let names = parts.iter().filter(|part| part.is_tuned() == tuned);
		names.map(|part| part.name()).collect::<Vec<_>>().join("; ")
	};
	report.text(&format!(
		"{} days, seed {}. Members are individualised: weeks change places within four, values are scaled and \
		 jittered. Every meter, the feeder's too, errs by a constant factor of up to 1 %. Everything is judged by \
		 the real pallet with its defaults.",
		options.days, options.seed,
	));
	if figures.is_all_tuned() {
		report.text(&format!(
			"**Detectors and defaults were chosen on these very days ({}): what follows says little of others.**",
			names(true)
		));
		return;
	}
	report.text(&format!("Counted: {}.", names(false)));
	if parts.iter().any(|part| part.is_tuned()) {
		report.text(&format!(
			"Not counted, for detectors and defaults were chosen on it: {}. Its figures stand apart, under *tuned on*.",
			names(true)
		));
	}
	report.text(&format!(
		"Profiles of different grids come from the same measured households: members of another grid than \
		 {TUNED_GRID} are unseen as members, not as shapes."
	));
}

fn days(median: Option<f64>) -> String {
	median.map_or_else(|| "–".into(), |days| format!("{days:.1}"))
}

/// By attack.
fn own(report: &mut Report, figures: &Figures) {
	let every = (Attack::OWN.iter().chain([&Attack::PhaseBypass])).chain(&Attack::PROTOCOL);
	let rows = every.map(|attack| {
		let unseen = figures.flagged(Of::Unseen, *attack, 100, &Class::ALL);
		let tuned = figures.flagged(Of::Tuned, *attack, 100, &Class::ALL);
		vec![
			attack.words(),
			unseen.cases.to_string(),
			percent_within(&unseen.share),
			days(unseen.median),
			if tuned.cases > 0 {
				percent(tuned.share.value)
			} else {
				"–".into()
			},
		]
	});
	report.section("What the own meter gives away");
	report.text(&format!(
		"Thieves that are flagged within {FLAG_DAYS:.0} days by what their own meter shows, and the median of the \
		 days until then."
	));
	report.table(
		&["attack", "thieves", "flagged", "days", "tuned on"],
		&rows.collect::<Vec<_>>(),
	);
}

/// By attack and class of member.
fn classes(report: &mut Report, figures: &Figures) {
	let mut head = vec!["attack"];
	head.extend(Class::ALL.map(Class::name));
	let rows = Attack::OWN.iter().map(|attack| {
		let mut row = vec![attack.words()];
		row.extend(Class::ALL.map(|class| {
			let flagged = figures.flagged(Of::Unseen, *attack, 100, &[class]);
			match flagged.cases {
				0 => "–".into(),
				cases => format!("{} of {cases}", percent(flagged.share.value)),
			}
		}));
		row
	});
	report.section("By class of member");
	report.table(&head, &rows.collect::<Vec<_>>());
}

/// What the feeder shows.
fn feeder(report: &mut Report, figures: &Figures) {
	let line = |what: String, of: InTopFive| {
		vec![
			what,
			of.cases.to_string(),
			percent_within(&of.alarm),
			percent_within(&of.named),
			percent_within(&of.last),
			days(of.median),
		]
	};
	let head = ["thieves", "alarm", "named", "named last", "days"];
	let rows = Attack::FEEDER.iter().map(|attack| {
		line(
			attack.words(),
			figures.in_top_five(Of::Unseen, &[*attack], 100, ANY),
		)
	});
	report.section("What the feeder shows");
	report.text(
		"One thief at a time. Alarm: it was given within 28 days. Named: an alarm named the thief among the first \
		 five suspects; named last: the last alarm of the 28 days did. Days: until the thief was named first.",
	);
	let mut titles = vec!["attack"];
	titles.extend(head);
	report.table(&titles, &rows.collect::<Vec<_>>());
	let rows = Attack::FEEDER.iter().map(|attack| {
		let mut row = vec![attack.words()];
		row.extend(Class::ALL.map(|class| {
			let of = figures.named(Of::Unseen, &[*attack], 100, |named| named.class == class);
			match of.cases {
				0 => "–".into(),
				cases => format!("{} of {cases}", percent(of.last.value)),
			}
		}));
		row
	});
	let mut classes = vec!["named last"];
	classes.extend(Class::ALL.map(Class::name));
	report.table(&classes, &rows.collect::<Vec<_>>());
	let rows = HIDDEN.iter().map(|(from, until)| {
		let what = match (from.is_finite(), until.is_finite()) {
			(false, _) => format!("below {:.1} %", until * 100.0),
			(_, false) => format!("{:.1} % and more", from * 100.0),
			_ => format!("{:.1}–{:.1} %", from * 100.0, until * 100.0),
		};
		line(
			what,
			figures.in_top_five(Of::Unseen, &Attack::FEEDER, 100, (*from, *until)),
		)
	});
	titles[0] = "hidden, of the gross throughput";
	report.table(&titles, &rows.collect::<Vec<_>>());
	report.picture("Thieves named by how much they hide", "feeder.svg");
	let rows = TAP_RATES.map(|rate| {
		let (cases, soon, median) = figures.taps(Of::Unseen, rate);
		vec![
			format!("{:.1} %", f64::from(rate) / 10.0),
			cases.to_string(),
			percent_within(&soon),
			days(median),
		]
	});
	report.text("A constant load without a meter, as a share of the mean gross throughput:");
	report.table(&["unmetered", "cases", "alarm within a day", "days"], &rows);
	let (unseen, years) = figures.false_alarms(Of::Unseen);
	let (tuned, of_tuned) = figures.false_alarms(Of::Tuned);
	report.text(&format!(
		"False alarms of a feeder and year: {unseen:.2} ({years:.1} years); tuned on: {tuned:.2} ({of_tuned:.1} years)."
	));
}

/// Meters that do not lie.
fn honest(report: &mut Report, figures: &Figures) {
	let mut rows = Vec::new();
	let mut row = |name: &str, of: Of, classes: &[Class]| {
		let (flags, years) = figures.honest(of, classes, |honest| honest.flags);
		let (quarantines, _) = figures.honest(of, classes, |honest| honest.quarantines);
		if years > 0.0 {
			rows.push(vec![
				name.into(),
				format!("{years:.0}"),
				within(&flags),
				percent_within(&quarantines),
			]);
		}
	};
	for class in Class::ALL {
		row(class.name(), Of::Unseen, &[class]);
	}
	row("all", Of::Unseen, &Class::ALL);
	row("tuned on", Of::Tuned, &Class::ALL);
	report.section("Honest meters");
	report.text(
		"Statistical flags and quarantines per meter and year; intervals by drawing members again.",
	);
	report.table(&["class", "meter-years", "flags", "quarantined"], &rows);
	let mut kinds: Vec<(String, usize)> = Vec::new();
	for honest in figures
		.results
		.honest
		.iter()
		.filter(|honest| figures.holds(Of::Unseen, &honest.part))
	{
		for kind in &honest.kinds {
			let name = format!("{kind:?}");
			match kinds.iter_mut().find(|(known, _)| *known == name) {
				Some((_, count)) => *count += 1,
				None => kinds.push((name, 1)),
			}
		}
	}
	let rows: Vec<_> = kinds
		.into_iter()
		.map(|(kind, count)| vec![format!("`{kind}`"), count.to_string()])
		.collect();
	if !rows.is_empty() {
		report.table(&["flag", "raised of honest meters"], &rows);
	}
}
