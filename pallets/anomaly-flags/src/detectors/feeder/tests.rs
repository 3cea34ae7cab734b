use super::*;
use proptest::prelude::*;

const BOUNDS: FeederBounds = FeederBounds {
	calibration: 672,
	least_band: 500,
	limit: 24,
	floor: 1_000,
	missing: 150,
	standing: 96,
	periods_per_day: 96,
};

/// The members' import of a period in Wh, about 100 households: more in the evening, and never twice the same.
fn demand(n: u64) -> u64 {
	let hour = n % 96 / 4;
	let base = if (17..22).contains(&hour) {
		25_000
	} else {
		9_000
	};
	base + n * 7_919 % 3_001
}

/// What the feeder measures: losses of 150 Wh and 2 % of 250 hWh squared, and meters that err by up to 3 in
/// a thousand, in turn.
fn measured(import: u64, n: u64, unmetered: u64) -> u64 {
	let mut flow = import + unmetered;
	for _ in 0..4 {
		let units = flow / 100;
		flow = import + unmetered + 150 + units * units * 8 / 1_000;
	}
	let error = n * 104_729 % 7;
	flow + flow * error / 1_000 - flow * 3 / 1_000
}

fn look(feeder: &mut Feeder, n: u64, unmetered: u64) -> Balanced {
	let members = Throughput {
		import: demand(n),
		..Throughput::default()
	};
	let import = measured(members.import, n, unmetered);
	feeder.observe(import, 0, &members, &Explained::default(), &BOUNDS)
}

fn calibrated(periods: u64) -> Feeder {
	let mut feeder = Feeder::default();
	for n in 0..periods {
		let balanced = look(&mut feeder, n, 0);
		assert_eq!(balanced.alarm, None, "period {n}");
	}
	feeder
}

#[test]
fn losses_should_be_fitted() {
	let feeder = calibrated(1_100);
	assert!(feeder.is_calibrated(&BOUNDS));
	assert!(
		(50..=250).contains(&feeder.model.constant),
		"{:?}",
		feeder.model
	);
	// 8 in a thousand, times 2²⁰, is 8,389.
	assert!(
		(7_000..=9_800).contains(&feeder.model.quadratic),
		"{:?}",
		feeder.model
	);
	assert!(feeder.taking.usual < 5_000, "{:?}", feeder.taking);
}

#[test]
fn an_honest_year_should_give_no_alarm() {
	let mut feeder = calibrated(1_100);
	for n in 1_100..36_000 {
		assert_eq!(look(&mut feeder, n, 0).alarm, None, "period {n}");
	}
}

/// By day members feed in three times as much as they take, and what passes the feeder by is measured less well: by up to
/// 2 %, either way.
fn look_in_the_sun(feeder: &mut Feeder, n: u64, unmetered: u64) -> Balanced {
	let hour = n % 96 / 4;
	let export = if (9..16).contains(&hour) {
		3 * demand(n)
	} else {
		0
	};
	let members = Throughput {
		import: demand(n),
		export,
		..Throughput::default()
	};
	let real = export * (980 + n * 104_729 % 41) / 1_000;
	let (taken, fed) = (measured(members.import, n, unmetered), real);
	let (import, export) = (taken.saturating_sub(fed), fed.saturating_sub(taken));
	feeder.observe(import, export, &members, &Explained::default(), &BOUNDS)
}

#[test]
fn sunny_days_should_have_a_band_of_their_own() {
	let mut feeder = Feeder::default();
	for n in 0..96 * 90 {
		let balanced = look_in_the_sun(&mut feeder, n, 0);
		assert_eq!(balanced.alarm, None, "period {n}");
	}
	let (taking, feeding) = (feeder.taking.usual, feeder.feeding.usual);
	assert!(feeding > 2 * taking, "{taking} and {feeding} ppm");
	let alarm =
		(96 * 90..96 * 91).find_map(|n| look_in_the_sun(&mut feeder, n, demand(n) / 25).alarm);
	assert!(alarm.is_some(), "what nobody metered is found in a day");
}

#[test]
fn one_part_in_a_hundred_unmetered_should_give_the_alarm_within_a_day() {
	let mut feeder = calibrated(1_100);
	let after = (1_100..1_196)
		.position(|n| look(&mut feeder, n, demand(n) / 50).alarm.is_some())
		.expect("within a day");
	assert!(after > 3, "one outlier is none");
}

#[test]
fn energy_that_nobody_fed_in_should_give_the_alarm_too() {
	let mut feeder = calibrated(1_100);
	let found = (1_100..1_196).find_map(|n| {
		let members = Throughput {
			import: demand(n),
			..Throughput::default()
		};
		let import = measured(members.import, n, 0) * 19 / 20;
		feeder
			.observe(import, 0, &members, &Explained::default(), &BOUNDS)
			.alarm
	});
	assert!(found.expect("within a day").seen < 0);
}

#[test]
fn what_is_not_known_should_be_passed_over() {
	let mut feeder = calibrated(1_100);
	let before = feeder;
	let silent = Throughput {
		import: 10_000,
		export: 0,
		estimated: 101,
	};
	let balanced = feeder.observe(99_000, 0, &silent, &Explained::default(), &BOUNDS);
	assert_eq!(balanced, Balanced::default());
	let little = Throughput {
		import: 999,
		..Throughput::default()
	};
	assert_eq!(
		feeder.observe(99_000, 0, &little, &Explained::default(), &BOUNDS),
		Balanced::default()
	);
	assert_eq!(feeder, before);
}

#[test]
fn a_single_outlier_should_give_no_alarm() {
	let mut feeder = calibrated(1_100);
	let members = Throughput {
		import: 10_000,
		..Throughput::default()
	};
	let balanced = feeder.observe(900_000, 0, &members, &Explained::default(), &BOUNDS);
	assert_eq!(balanced.alarm, None);
	for n in 1_101..1_300 {
		assert_eq!(look(&mut feeder, n, 0).alarm, None);
	}
}

#[test]
fn constant_flow_should_be_fitted_by_a_constant() {
	let mut fit = Fit::default();
	for _ in 0..100 {
		fit.add(10_000, 70);
	}
	let model = fit.solve();
	assert_eq!((model.constant, model.quadratic), (70, 0));
	assert_eq!(Fit::default().solve(), LossModel::default());
}

proptest! {
	#[test]
	fn exact_losses_should_be_found(
		constant in -500i128..500, per_mille in 0i128..500,
		flows in prop::collection::vec(1_000u64..2_000_000, 50..200),
	) {
		let mut fit = Fit::default();
		for flow in &flows {
			fit.add(*flow, constant + squared(*flow) * per_mille / 1_000);
		}
		let model = fit.solve();
		for flow in flows {
			let expected = constant + squared(flow) * per_mille / 1_000;
			// The coefficient's last digit is worth at most 400.
			prop_assert!((model.losses(flow) - expected).abs() <= 420);
		}
	}

	#[test]
	fn no_values_should_overflow(
		periods in prop::collection::vec(
			(any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()), 1..300,
		),
		calibration in 1u16..100, limit: u16, least_band: u32,
	) {
		let bounds = FeederBounds { calibration, limit, least_band, ..BOUNDS };
		let mut feeder = Feeder::default();
		for (import, export, members_import, members_export) in periods {
			let members = Throughput {
				import: members_import,
				export: members_export,
				estimated: 0,
			};
			feeder.observe(import, export, &members, &Explained::default(), &bounds);
		}
	}

	#[test]
	fn the_fit_should_not_overflow_at_its_bounds(negative: bool) {
		let mut fit = Fit::default();
		let residual = if negative { i128::MIN / 2 } else { i128::MAX / 2 };
		for n in 0..MOST_PERIODS {
			fit.add(if n % 2 == 0 { u64::MAX } else { 0 }, residual);
		}
		let model = fit.solve();
		prop_assert_eq!(i128::from(model.constant).signum(), residual.signum());
	}
}
