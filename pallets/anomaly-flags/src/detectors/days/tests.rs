use super::*;
use proptest::prelude::*;

const BOUNDS: DayBounds = DayBounds {
	warm_up: 14,
	slack: 51,
	limit: 128,
	reversed: 1_536,
	floor: 500,
};

/// A household's day in Wh by block: little at night, most in the evening.
const USUAL: [u32; BLOCKS] = [400, 300, 800, 900, 1_000, 1_200, 3_000, 2_000];

/// Lives through a day whose periods have so much energy.
fn live_through(days: &mut Days, energy: impl Fn(u32) -> u32) -> DayFindings {
	for period in 0..96u32 {
		let before = period.checked_sub(1).map(&energy);
		days.add(block_of(period, 96), energy(period), 0, before, 96);
	}
	days.end(96, &BOUNDS)
}

fn live(days: &mut Days, day: [u32; BLOCKS]) -> DayFindings {
	live_through(days, |period| day[block_of(period, 96)] / 12)
}

/// The usual day, up or down by `noise` thousandths.
fn noisy(noise: i64) -> [u32; BLOCKS] {
	USUAL.map(|block| (i64::from(block) * (1_000 + noise) / 1_000) as u32)
}

/// Days that scatter by a tenth.
fn settled(days: u32) -> Days {
	let mut known = Days::default();
	for n in 0..days {
		let noise = [-100, 60, 20, -40, 100, -60][n as usize % 6];
		let found = live(&mut known, noisy(noise));
		assert_eq!(found, DayFindings::default(), "day {n}");
	}
	known
}

/// Days of a kind until something is found.
fn until_found(days: &mut Days, day: [u32; BLOCKS]) -> (u32, DayFindings) {
	for n in 1..=28 {
		let found = live(days, day);
		if found != DayFindings::default() {
			return (n, found);
		}
	}
	panic!("nothing was found");
}

#[test]
fn what_is_kept_should_have_a_fixed_size() {
	let full = Days {
		today: [u32::MAX; BLOCKS],
		usual: [u32::MAX; BLOCKS],
		..Days::default()
	};
	assert_eq!(full.encoded_size(), Days::default().encoded_size());
	assert_eq!(Days::max_encoded_len(), 144);
}

#[test]
fn periods_should_lie_in_their_block() {
	assert_eq!(block_of(0, 96), 0);
	assert_eq!(block_of(11, 96), 0);
	assert_eq!(block_of(12, 96), 1);
	assert_eq!(block_of(95, 96), 7);
	assert_eq!(block_of(u32::MAX, 1), 7);
	assert_eq!(block_of(3, 0), 7);
}

#[test]
fn the_usual_day_should_be_learned() {
	let days = settled(60);
	let usual = days.usual_day();
	assert!((9_100..=10_100).contains(&usual), "{usual}");
	assert!(days.deviation.iter().all(|deviation| *deviation > 0));
}

#[test]
fn a_day_that_falls_by_half_should_be_found_within_a_week() {
	let (after, found) = until_found(&mut settled(30), noisy(-500));
	assert!(after <= 7, "{after} days");
	let sudden = found.sudden.expect("the amount changed");
	assert!(sudden.seen < sudden.expected);
	assert_eq!(found.shape, None);
}

#[test]
fn the_evening_cut_off_should_be_found_by_its_shape_or_amount() {
	let mut day = USUAL;
	(day[6], day[7]) = (0, 0);
	let (after, _) = until_found(&mut settled(30), day);
	assert!(after <= 7, "{after} days");
}

#[test]
fn the_mean_all_day_should_be_found_by_its_shape() {
	let mean = USUAL.iter().sum::<u32>() / 8;
	let (after, found) = until_found(&mut settled(30), [mean; BLOCKS]);
	assert!(after <= 7, "{after} days");
	assert!(found.shape.is_some());
}

#[test]
fn a_reversed_day_should_be_found() {
	let mut day = USUAL;
	day.reverse();
	let (after, found) = until_found(&mut settled(30), day);
	assert!(after <= 5, "{after} days");
	let shape = found.shape.expect("the shape changed");
	assert!(shape.seen > shape.expected);
}

#[test]
fn hours_of_nothing_should_be_found_wherever_they_lie() {
	let mut days = settled(30);
	let found = (0..14u32).any(|n| {
		let from = n * 37 % 80;
		let holes = |period: u32| {
			let idle = (from..from + 16).contains(&period);
			if idle {
				0
			} else {
				noisy(0)[block_of(period, 96)] / 12
			}
		};
		live_through(&mut days, holes) != DayFindings::default()
	});
	assert!(found);
}

#[test]
fn a_scatter_that_the_meter_never_had_should_be_found() {
	let mut days = settled(30);
	let found = (0..7u32).find_map(|n| {
		// As much energy, now more and now less.
		let scattered = |period: u32| {
			let energy = USUAL[block_of(period, 96)] / 12;
			if (period + n).is_multiple_of(2) {
				energy / 4
			} else {
				energy * 7 / 4
			}
		};
		live_through(&mut days, scattered).shape
	});
	assert!(found.is_some());
}

#[test]
fn a_day_with_holes_should_neither_be_judged_nor_learned() {
	let mut days = settled(30);
	let before = days;
	for block in 0..BLOCKS {
		days.add(block, 99_000, 0, None, 96);
	}
	assert_eq!(days.end(96, &BOUNDS), DayFindings::default());
	assert_eq!(days, before);
}

#[test]
fn a_meter_at_rest_should_give_no_cause() {
	let mut days = Days::default();
	for n in 0..200u32 {
		let found = live(&mut days, [n % 3 * 12, 0, 0, 12, 0, 0, 0, 0]);
		assert_eq!(found, DayFindings::default());
	}
}

#[test]
fn theft_should_not_be_learned_as_quickly_as_it_begins() {
	let mut days = settled(60);
	let before = days.usual_day();
	live(&mut days, [0; BLOCKS]);
	assert!(days.usual_day() > before * 9 / 10);
}

proptest! {
	#[test]
	fn days_that_scatter_by_a_tenth_should_give_no_cause(
		noise in prop::collection::vec(-100i64..=100, 100),
	) {
		let mut days = Days::default();
		for noise in noise {
			prop_assert_eq!(live(&mut days, noisy(noise)), DayFindings::default());
		}
	}

	#[test]
	fn no_values_should_overflow(
		blocks in prop::collection::vec(prop::array::uniform8(any::<u32>()), 1..60),
		slack: u16, limit: u16, reversed: u16, floor: u32, periods in 1u32..200,
	) {
		let bounds = DayBounds { slack, limit, reversed, floor, warm_up: 2 };
		let mut days = Days::default();
		for day in blocks {
			for (block, energy) in day.into_iter().enumerate() {
				for _ in 0..periods.div_ceil(8) {
					days.add(block, energy, energy, Some(block as u32), periods);
				}
			}
			days.end(periods, &bounds);
		}
		days.usual_day();
	}

	#[test]
	fn a_shape_should_be_as_far_from_another_as_that_from_it(
		a in prop::array::uniform8(any::<u32>()), b in prop::array::uniform8(any::<u32>()),
	) {
		let apart = distance(&a, &b, false);
		prop_assert_eq!(apart, distance(&b, &a, false));
		prop_assert!((0..=2 * WHOLE).contains(&apart));
		let mut reversed = b;
		reversed.reverse();
		prop_assert_eq!(distance(&a, &b, true), distance(&a, &reversed, false));
		prop_assert_eq!(distance(&a, &a, false), 0);
	}
}
