use super::*;

fn own(grid: &str, attack: Attack, days: Option<f64>) -> Own {
	Own {
		part: Part {
			grid: grid.into(),
			second: false,
		},
		class: Class::Household,
		attack,
		scale: 100,
		days,
	}
}

#[test]
fn what_was_tuned_on_should_be_told_apart() {
	let results = Results {
		honest: vec![crate::anomalies::results::Honest {
			part: Part {
				grid: "LV5.201".into(),
				second: false,
			},
			home: 0,
			class: Class::Household,
			years: 1.0,
			flags: 0,
			proofs: 0,
			quarantines: 0,
			kinds: vec![],
		}],
		own: vec![
			own("LV3.101", Attack::Mean, None),
			own("LV5.201", Attack::Mean, Some(2.0)),
			own("LV5.201", Attack::Mean, Some(20.0)),
			own("LV5.201", Attack::Gap, None),
		],
		..Results::default()
	};
	let figures = Figures {
		results: &results,
		seed: Seed(1),
	};
	let unseen = figures.flagged(Of::Unseen, Attack::Mean, 100, &Class::ALL);
	assert_eq!((unseen.cases, unseen.share.value), (2, 0.5));
	assert_eq!(unseen.median, Some(2.0));
	assert_eq!(
		figures
			.flagged(Of::Tuned, Attack::Mean, 100, &Class::ALL)
			.cases,
		1
	);
	let json = figures.json();
	assert_eq!(json["attacks"]["h5"]["flagged"], 0.5);
	assert_eq!(json["attacks"]["h5"]["in_top_five"], Value::Null);
}

fn figures(results: &Results) -> Figures<'_> {
	Figures {
		results,
		seed: Seed(1),
	}
}

#[test]
fn settings_of_the_feeder_should_be_told_apart() {
	let named = |scale, last| Named {
		part: Part {
			grid: "LV5.201".into(),
			second: true,
		},
		class: Class::Household,
		attack: Attack::Scaled,
		scale,
		share: 0.01,
		alarm: Some(1.0),
		named: Some(2.0),
		last,
	};
	let results = Results {
		named: vec![named(100, true), named(100, false), named(50, true)],
		..Results::default()
	};
	let of = |scale| figures(&results).in_top_five(Of::Unseen, &[Attack::Scaled], scale, ANY);
	assert_eq!((of(100).cases, of(100).last.value), (2, 0.5));
	assert_eq!((of(50).cases, of(50).last.value), (1, 1.0));
	assert_eq!(of(25).cases, 0);
}

#[test]
fn fortnights_should_be_joined_within_a_half_year() {
	let fortnight = |second, alarmed| Windows {
		part: Part {
			grid: "LV5.201".into(),
			second,
		},
		scale: 100,
		windows: 10,
		flagged: 1,
		alarmed,
	};
	let results = Results {
		windows: vec![
			fortnight(false, true),
			fortnight(false, false),
			fortnight(false, false),
			fortnight(true, true),
			fortnight(true, true),
		],
		..Results::default()
	};
	// Two of the first half, the odd one alone, and one of the second.
	let (share, months) = figures(&results).alarmed(Of::Unseen, 100);
	assert_eq!(months, 3);
	assert!((share - 2.0 / 3.0).abs() < 1e-9);
	assert!((figures(&results).suspected(Of::Unseen, 100) - 0.1).abs() < 1e-9);
}

#[test]
fn a_grid_should_stand_without_what_was_tuned_on() {
	let half = |grid: &str, second| crate::anomalies::results::Feeder {
		part: Part {
			grid: grid.into(),
			second,
		},
		years: 0.5,
		alarms: 1,
	};
	let results = Results {
		feeders: vec![
			half("LV3.101", false),
			half("LV3.101", true),
			half("LV5.201", false),
		],
		..Results::default()
	};
	let of = |of| figures(&results).false_alarms(of);
	assert_eq!(of(Of::Grid("LV3.101")), (2.0, 0.5));
	assert_eq!(of(Of::Tuned), (2.0, 0.5));
	assert_eq!(of(Of::Grid("LV5.201")).1, 0.5);
}
