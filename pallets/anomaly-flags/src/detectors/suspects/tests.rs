use super::{
	super::drift::{Drift, Relative},
	*,
};
use proptest::prelude::*;

/// Energy of a member in a period: a shape all share, a level, and what is its own.
fn energy(member: u64, n: u64) -> u32 {
	let hour = n % 96 / 4;
	let shape = if (17..22).contains(&hour) { 300 } else { 80 };
	let mixed = (n * 64 + member + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
	let own = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32 & 511;
	(shape + own + member % 7 * 10) as u32
}

/// What meter `member` errs by, in thousandths: up to ten either way.
fn error(member: u64) -> i64 {
	(member * 7_919 % 21) as i64 - 10
}

/// What the losses add to the sum of squares.
const LOSSES: u128 = 1_966_080;

/// What meter `member` feeds in, in Wh, if it is the one with a roof of panels.
fn sun(member: u64, n: u64) -> i64 {
	let hour = n % 96 / 4;
	if member == ROOF && (9..17).contains(&hour) {
		600 + (n * 7_919 % 301) as i64
	} else {
		0
	}
}

/// The member with photovoltaics.
const ROOF: u64 = 7;

/// Runs periods in which one of `members` shows only a part of what it takes. Those named in the end.
fn named(thief: u64, per_mille: u64, members: u64, periods: u64) -> Vec<u64> {
	let mut shares = vec![Share::default(); members as usize];
	let mut drift = Drift::default();
	let mut last = Lesson::default();
	let mut sums = Explained::default();
	for n in 0..periods {
		sums = Explained::default();
		let (mut missing, mut all) = (0, 0);
		for member in 0..members {
			let share = &mut shares[member as usize];
			let taken = |n| (i64::from(energy(member, n)) - sun(member, n)).max(0);
			let hidden = if member == thief && n > 14 * 96 {
				per_mille as i64
			} else {
				0
			};
			let shown = |taken: i64| {
				(taken * (1_000 - hidden) / 1_000 * (1_000 + error(member)) / 1_000) as u32
			};
			if n > 0 {
				share.learn(shown(taken(n - 1)), &last);
			}
			share.see(shown(taken(n)));
			sums.add(MeterId(member as u32), *share, shown(taken(n)), 10_000);
			missing += taken(n) - i64::from(shown(taken(n)));
			all += taken(n);
		}
		let noise = (n * 7_919 % 41) as i64 - 20;
		// The mean square is that of 16 kWh.
		let at = Relative::of(all.into(), all.unsigned_abs(), 0, 25_600);
		let losses = i64::try_from(drift.losses(&at)).expect("fits");
		last = sums.lesson(missing + noise - sums.explained - losses, Drift::norm(&at));
		drift.learn(last.unexplained.into(), &at, last.norm);
	}
	sums.named().map(|suspect| suspect.meter.0.into()).collect()
}

#[test]
fn the_thief_should_be_among_the_named() {
	for thief in [3, 17, 38] {
		let of = named(thief, 400, 40, 28 * 96);
		assert_eq!(of.first(), Some(&thief), "{of:?}");
		// A tenth, where meters err by a hundredth.
		let of = named(thief, 100, 40, 42 * 96);
		assert!(of.contains(&thief), "{of:?}");
	}
}

#[test]
fn a_thief_with_photovoltaics_should_be_among_the_named() {
	let of = named(ROOF, 400, 40, 28 * 96);
	assert_eq!(of.first(), Some(&ROOF), "{of:?}");
}

#[test]
fn what_all_have_in_common_should_teach_nothing() {
	let mut sums = Explained::default();
	let share = Share {
		part: 0,
		usual: 500 << 8,
	};
	for meter in 0..10 {
		sums.add(MeterId(meter), share, 1_000, 0);
	}
	let lesson = sums.lesson(5_000, LOSSES);
	assert_eq!((lesson.common, lesson.norm), (512, LOSSES));
	let mut after = share;
	after.learn(1_000, &lesson);
	assert_eq!(after, share);
	// Who took more than the others is laid on, who took less is relieved.
	after.learn(1_500, &lesson);
	assert!(after.part > 0);
	let mut after = share;
	after.learn(0, &lesson);
	assert!(after.part < 0);
}

#[test]
fn meters_that_err_should_not_be_named() {
	assert_eq!(named(99, 0, 40, 42 * 96), Vec::<u64>::new());
}

#[test]
fn the_worst_should_be_named_in_order() {
	let mut sums = Explained::default();
	for (meter, share) in [(1, 10), (2, 50), (3, 0), (4, 30), (5, 20), (6, 40), (7, 60)] {
		let share = Share {
			part: share << 10,
			usual: 25_600,
		};
		sums.add(MeterId(meter), share, 100, 1 << 20);
	}
	let named: Vec<u32> = sums.named().map(|suspect| suspect.meter.0).collect();
	// The others are within what meters err by.
	assert_eq!(named, [7, 2, 6, 4]);
}

#[test]
fn nothing_unexplained_should_let_shares_fade() {
	let mut share = Share {
		part: 1 << FRACTION,
		usual: 500 << 8,
	};
	let lesson = Lesson {
		unexplained: 0,
		common: 0,
		norm: 1_000_000,
	};
	for _ in 0..20_000 {
		share.learn(500, &lesson);
	}
	assert!(share.part < 1 << (FRACTION - 3));
}

proptest! {
	#[test]
	fn a_lesson_should_never_explain_more_than_there_is(
		energies in prop::collection::vec((3u32..1 << 20, 0u32..1 << 20), 1..50),
		unexplained in 0i64..1 << 30,
	) {
		let seen = |usual: u32| {
			let mut share = Share::default();
			share.see(usual);
			share
		};
		let mut sums = Explained::default();
		for (n, (usual, energy)) in energies.iter().enumerate() {
			sums.add(MeterId(n as u32), seen(*usual), *energy, 0);
		}
		let lesson = sums.lesson(unexplained, LOSSES);
		let mut after = Explained::default();
		for (n, (usual, energy)) in energies.iter().enumerate() {
			let mut share = seen(*usual);
			// So small a share that it is learned exactly, and not cut off.
			share.learn(*energy, &Lesson { unexplained: unexplained / 1_024, ..lesson });
			after.add(MeterId(n as u32), share, *energy, 0);
		}
		let rounded = energies.iter().map(|(_, energy)| i64::from(*energy) >> 19).sum::<i64>() + 50;
		prop_assert!(after.explained <= unexplained + rounded, "{} {}", after.explained, unexplained);
		prop_assert!(after.explained >= -rounded, "{}", after.explained);
	}

	#[test]
	fn what_is_usual_should_be_learned(energy in 2u32..1 << 20, other in 0u32..1 << 20) {
		let mut share = Share::default();
		share.see(other);
		for _ in 0..20_000 {
			share.see(energy);
		}
		prop_assert!((share.usual >> 8).abs_diff(energy) <= 3 || other == 0 || other > energy * 16);
	}

	#[test]
	fn no_values_should_overflow(
		part: i32, seen: u32, energy: u32, unexplained: i64, common: u32, norm: u128, usual: u64,
		residual: i64, sum: u64, count: u32,
	) {
		let mut share = Share { part, usual: 0 };
		share.see(seen);
		share.learn(energy, &Lesson { unexplained, common, norm });
		let mut sums = Explained { norm, sum, count, ..Explained::default() };
		sums.add(MeterId(0), share, energy, usual);
		sums.lesson(residual, norm);
	}
}
