//! Which days are like a day. Pure: what is known of a day, the caller tells.

use alloc::vec::Vec;

use gridweave_primitives::clock::is_weekend;

use crate::{
	baseline::{LikeDay, LIKE_DAYS, MAX_GAPS},
	types::KEPT_DAYS,
};

/// What is known of a day that is past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
	/// Nothing: it is not kept, or no more, or is still to come.
	Nothing,
	/// The periods that matter were not all measured.
	Unmeasured,
	/// This.
	Measured(LikeDay),
}

/// The latest days like `day`, newest first: working days if it is one, days of weekends if not. At most [`LIKE_DAYS`]
/// that were measured, among the [`KEPT_DAYS`] that are kept. Days on which the meter `took_part` in an event are left
/// out. More than [`MAX_GAPS`] in between that were not measured, and there is none: then no day counts.
pub fn latest(
	day: u64,
	took_part: impl Fn(u64) -> bool,
	mut known: impl FnMut(u64) -> Past,
) -> Vec<LikeDay> {
	let weekend = is_weekend(day);
	let (mut days, mut gaps) = (Vec::new(), 0u32);
	let like = (1..u64::from(KEPT_DAYS))
		.map_while(|back| day.checked_sub(back))
		.filter(|before| is_weekend(*before) == weekend && !took_part(*before));
	for before in like {
		match known(before) {
			// Still to come, for whoever asks ahead.
			Past::Nothing if days.is_empty() && gaps == 0 => continue,
			// Days follow one another from enrolment on: before this one there is none.
			Past::Nothing => break,
			Past::Unmeasured => gaps = gaps.saturating_add(1),
			Past::Measured(like) => days.push(like),
		}
		if gaps > MAX_GAPS {
			return Vec::new();
		}
		if days.len() >= LIKE_DAYS as usize {
			break;
		}
	}
	days
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	/// Tuesday, 1 September 2026. The Saturday before is the 29th of August: [`TUESDAY`] less 3.
	const TUESDAY: u64 = 20_697;

	/// A day that took as many Wh as its number.
	fn measured(day: u64) -> Past {
		Past::Measured(LikeDay {
			event: i64::try_from(day).unwrap(),
			window: None,
		})
	}

	/// How many days before `day` the like days lie.
	fn backs(day: u64, took_part: &[u64], known: impl FnMut(u64) -> Past) -> Vec<u64> {
		latest(day, |on| took_part.contains(&(day - on)), known)
			.iter()
			.map(|like| day - u64::try_from(like.event).unwrap())
			.collect()
	}

	#[test]
	fn like_days_should_be_those_of_the_table() {
		// day, days (before it) of events, the like days
		let table: [(u64, &[u64], &[u64]); 4] = [
			(TUESDAY, &[], &[1, 4, 5, 6, 7, 8, 11, 12, 13, 14]),
			(TUESDAY, &[1, 4, 8], &[5, 6, 7, 11, 12, 13, 14, 15, 18, 19]),
			// A Saturday: ten days of weekends take five weeks.
			(TUESDAY + 4, &[], &[6, 7, 13, 14, 20, 21, 27, 28, 34, 35]),
			// With a weekend of events there is one day more.
			(TUESDAY + 4, &[6, 7], &[13, 14, 20, 21, 27, 28, 34, 35, 41]),
		];
		for (day, took_part, expected) in table {
			assert_eq!(backs(day, took_part, measured), expected, "{day}");
		}
	}

	#[test]
	fn two_days_that_were_not_measured_should_be_passed_over_and_no_more() {
		let silent = |on: &'static [u64]| {
			move |day: u64| match on.contains(&(TUESDAY - day)) {
				true => Past::Unmeasured,
				false => measured(day),
			}
		};
		let expected = [4, 5, 7, 8, 11, 12, 13, 14, 15, 18];
		assert_eq!(backs(TUESDAY, &[], silent(&[1, 6])), expected);
		assert!(backs(TUESDAY, &[], silent(&[1, 6, 12])).is_empty());
		// Behind the tenth nobody looks.
		let expected = [4, 5, 7, 8, 11, 12, 13, 14, 15, 18];
		assert_eq!(backs(TUESDAY, &[], silent(&[1, 6, 19])), expected);
	}

	#[test]
	fn days_should_be_those_from_enrolment_on() {
		let from = |first: u64| {
			move |day: u64| match day < TUESDAY - first {
				true => Past::Nothing,
				false => measured(day),
			}
		};
		assert_eq!(backs(TUESDAY, &[], from(6)), [1, 4, 5, 6]);
		assert!(backs(TUESDAY, &[], from(0)).is_empty());
		// Asked two days ahead: of tomorrow nothing is known yet.
		let ahead = |day: u64| match day > TUESDAY {
			true => Past::Nothing,
			false => measured(day),
		};
		assert_eq!(backs(TUESDAY + 2, &[], ahead)[..3], [2, 3, 6]);
		assert!(latest(0, |_| false, measured).is_empty());
	}

	proptest! {
		/// Whatever was an event, silent or not kept: like days are of the kind, in order, few, and had no event.
		#[test]
		fn like_days_should_be_alike(
			day in 0u64..30_000, took_part: u64, silent: u64, kept in 0u64..60,
		) {
			let bit = |bits: u64, on: u64| bits >> ((day - on) % 64) & 1 == 1;
			let found = latest(day, |on| bit(took_part, on), |on| match () {
				() if day - on > kept => Past::Nothing,
				() if bit(silent, on) => Past::Unmeasured,
				() => measured(on),
			});
			let days: Vec<u64> = found.iter().map(|like| like.event.unsigned_abs()).collect();
			prop_assert!(days.len() <= LIKE_DAYS as usize);
			prop_assert!(days.windows(2).all(|two| two[0] > two[1]));
			for on in days {
				prop_assert!(on < day && day - on < u64::from(KEPT_DAYS) && day - on <= kept);
				prop_assert_eq!(is_weekend(on), is_weekend(day));
				prop_assert!(!bit(took_part, on) && !bit(silent, on));
			}
		}
	}
}
