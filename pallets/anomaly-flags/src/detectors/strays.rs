//! Sums of deviations of several numbers at once.
//!
//! Each day gives a vector: how far each number of the day is from its usual value, in usual deviations. Vectors are
//! summed, and the sum is drawn towards nothing by a slack each day (Crosier, *Multivariate generalizations of
//! cumulative sum quality-control schemes*, Technometrics 1988). What strays in one direction day after day grows
//! long, also where no number alone is remarkable; what strays now here and now there does not.
//!
//! Two things set theft apart from what honest members do. The blocks of an honest day move together, with the weather
//! and with who is at home: what they have in common varies about three times as much as blocks that knew nothing of one
//! another would let expect, and counts for less therefore. And nobody steals by showing more: a sum that
//! points towards more in all blocks is forgotten.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// How many numbers a day has: its blocks, and its habits.
pub const NUMBERS: usize = 11;

/// Fixed point of deviations: 1/64 of the usual one.
pub const PARTS: i128 = 64;

/// Fixed point of bounds: sixteenths. So many parts make one.
const OF_BOUND: i128 = PARTS / 16;

/// Of what all blocks of a day have in common, this part does not count.
const COMMON: i128 = 4;

/// The sum, in 1/64 of usual deviations.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Strays(pub [i16; NUMBERS]);

/// A sum that grew too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strayed {
	/// How long it was, in 1/16 of usual deviations.
	pub length: i128,
	/// Whether it points mainly towards less in all blocks: the amount of the day.
	pub amount: bool,
}

fn clamp_i16(value: i128) -> i16 {
	let nearest = if value < 0 { i16::MIN } else { i16::MAX };
	i16::try_from(value).unwrap_or(nearest)
}

fn length_of(values: &[i128; NUMBERS]) -> i128 {
	let squares = values
		.iter()
		.map(|value| value.unsigned_abs().saturating_mul(value.unsigned_abs()))
		.fold(0u128, u128::saturating_add);
	i128::try_from(squares.isqrt()).unwrap_or(i128::MAX)
}

impl Strays {
	/// Adds the deviations of a day, each in 1/64 of the usual one; the first `blocks` of them are amounts. Found:
	/// the sum, if with the slack taken off it is `limit` long, and is not more of everything; then it begins anew.
	/// Bounds are in sixteenths.
	pub fn add(
		&mut self,
		deviations: &[i128; NUMBERS],
		blocks: usize,
		slack: u16,
		limit: u16,
	) -> Option<Strayed> {
		let of_blocks = i128::try_from(blocks).unwrap_or(1).max(1);
		let common = together(deviations, blocks) / of_blocks.saturating_mul(COMMON);
		let mut sums = [0i128; NUMBERS];
		for (place, ((sum, before), deviation)) in
			sums.iter_mut().zip(&self.0).zip(deviations).enumerate()
		{
			let discount = if place < blocks { common } else { 0 };
			*sum = i128::from(*before)
				.saturating_add(*deviation)
				.saturating_sub(discount);
		}
		let length = length_of(&sums);
		let left = length.saturating_sub(i128::from(slack).saturating_mul(OF_BOUND));
		if left <= 0 {
			self.0 = Default::default();
			return None;
		}
		for (kept, sum) in self.0.iter_mut().zip(&sums) {
			*kept = clamp_i16(sum.saturating_mul(left) / length.max(1));
		}
		if left < i128::from(limit).saturating_mul(OF_BOUND) {
			return None;
		}
		self.0 = Default::default();
		// The square of the cosine with all blocks alike is a half at least.
		let together = together(&sums, blocks);
		let square = |value: i128| value.saturating_mul(value);
		let amount = square(together).saturating_mul(2) >= square(length).saturating_mul(of_blocks);
		(!amount || together < 0).then_some(Strayed {
			length: left / OF_BOUND,
			amount,
		})
	}
}

/// The sum of the blocks.
fn together(values: &[i128; NUMBERS], blocks: usize) -> i128 {
	let values = values.iter().take(blocks).copied();
	values.fold(0, i128::saturating_add)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	/// Half a deviation of slack, eight of limit.
	fn add(strays: &mut Strays, deviations: [i128; NUMBERS]) -> Option<Strayed> {
		strays.add(&deviations, 8, 8, 128)
	}

	#[test]
	fn what_strays_day_after_day_should_be_found() {
		let mut strays = Strays::default();
		let day = [-64; NUMBERS];
		// Three quarters of eight, and three whole ones: 2.7 deviations, less a half.
		for _ in 0..3 {
			assert_eq!(add(&mut strays, day), None);
		}
		let found = add(&mut strays, day).expect("on the fourth day");
		assert!(found.amount && found.length >= 128);
		assert_eq!(strays, Strays::default());
	}

	#[test]
	fn more_of_everything_should_be_forgotten() {
		let mut strays = Strays::default();
		let mut longest = 0;
		for n in 0..50 {
			assert_eq!(add(&mut strays, [192; NUMBERS]), None, "day {n}");
			longest = longest.max(strays.0[0]);
		}
		// It was summed, and began anew.
		assert!(longest > 0);
		// More in some blocks and less in others is a shape.
		let day: [i128; NUMBERS] = core::array::from_fn(|place| if place < 4 { 64 } else { -64 });
		let mut strays = Strays::default();
		let found = (0..9).find_map(|_| add(&mut strays, day));
		assert!(!found.expect("within nine days").amount);
	}

	#[test]
	fn what_blocks_have_in_common_should_count_for_less() {
		let days_until = |day: [i128; NUMBERS]| {
			let mut strays = Strays::default();
			(1..30).find(|_| add(&mut strays, day).is_some())
		};
		let mut alike = [-64; NUMBERS];
		alike[8..].fill(0);
		let to_and_fro =
			core::array::from_fn(|place| alike[place] * if place % 2 == 0 { 1 } else { -1 });
		assert!(days_until(to_and_fro) < days_until(alike));
	}

	#[test]
	fn what_strays_to_and_fro_should_not() {
		let mut strays = Strays::default();
		for n in 0..200 {
			let value = if n % 2 == 0 { 100 } else { -100 };
			assert_eq!(add(&mut strays, [value; NUMBERS]), None, "day {n}");
		}
	}

	#[test]
	fn one_number_alone_should_not_be_an_amount() {
		let mut strays = Strays::default();
		let mut day = [0; NUMBERS];
		day[9] = 192;
		let found = (0..9).find_map(|_| add(&mut strays, day));
		assert!(!found.expect("within nine days").amount);
	}

	proptest! {
		#[test]
		fn days_within_the_slack_should_never_be_found(
			days in prop::collection::vec(prop::array::uniform11(-9i128..=9), 1..100),
		) {
			let mut strays = Strays::default();
			for day in days {
				prop_assert_eq!(add(&mut strays, day), None);
			}
		}

		#[test]
		fn no_values_should_overflow(
			sums in prop::array::uniform11(any::<i16>()), day in prop::array::uniform11(any::<i64>()),
			blocks in 0usize..20, slack: u16, limit: u16,
		) {
			let mut strays = Strays(sums);
			strays.add(&day.map(i128::from), blocks, slack, limit);
		}
	}
}
