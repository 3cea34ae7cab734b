//! Numbers that look random and follow from a seed: the same wherever and in whatever order they are asked for.

/// Mixes the bits of an integer (SplitMix64; Steele, Lea and Flood, *Fast splittable pseudorandom number
/// generators*, OOPSLA 2014).
const fn mix(value: u64) -> u64 {
	let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
	z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
	z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
	z ^ (z >> 31)
}

/// What random numbers follow from. A seed has one number of each kind, and as many other seeds as one likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
	/// The seed of something that has this number.
	pub const fn of(self, number: u64) -> Self {
		Self(mix(self.0 ^ mix(number)))
	}

	/// A number below `bound`; 0 if that is 0.
	pub const fn below(self, bound: u64) -> u64 {
		((mix(self.0) as u128 * bound as u128) >> 64) as u64
	}

	/// A number from `least` to `most`, both included.
	pub const fn between(self, least: i64, most: i64) -> i64 {
		let span = (most - least) as u64 + 1;
		least + self.below(span) as i64
	}

	/// A fraction from 0 to below 1.
	pub fn fraction(self) -> f64 {
		(mix(self.0) >> 11) as f64 / (1u64 << 53) as f64
	}

	/// About normal, with mean 0 and deviation 1: the sum of twelve fractions, less six.
	pub fn normal(self) -> f64 {
		(0..12).map(|n| self.of(n).fraction()).sum::<f64>() - 6.0
	}

	/// So many different numbers below `bound`, in random order; all of them if there are fewer.
	pub fn sample(self, count: usize, bound: usize) -> Vec<usize> {
		let mut all: Vec<usize> = (0..bound).collect();
		all.sort_by_key(|place| self.of(*place as u64).below(u64::MAX));
		all.truncate(count);
		all
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn numbers_should_follow_from_the_seed_and_spread_evenly() {
		let seed = Seed(7);
		assert_eq!(seed.of(1), Seed(7).of(1));
		assert_ne!(seed.of(1), seed.of(2));
		assert_ne!(seed.of(1).of(2), seed.of(2).of(1));
		let mean = (0..10_000).map(|n| seed.of(n).fraction()).sum::<f64>() / 10_000.0;
		assert!((0.49..0.51).contains(&mean), "{mean}");
		let squares = (0..10_000).map(|n| seed.of(n).normal().powi(2));
		let deviation = (squares.sum::<f64>() / 10_000.0).sqrt();
		assert!((0.97..1.03).contains(&deviation), "{deviation}");
	}

	proptest! {
		#[test]
		fn numbers_should_lie_within_their_bounds(
			seed: u64, bound in 1u64.., least in -1_000i64..1_000, span in 0i64..1_000, count in 0usize..40,
		) {
			let seed = Seed(seed);
			prop_assert!(seed.below(bound) < bound);
			prop_assert!((least..=least + span).contains(&seed.between(least, least + span)));
			prop_assert!((0.0..1.0).contains(&seed.fraction()));
			let mut drawn = seed.sample(count, 30);
			prop_assert_eq!(drawn.len(), count.min(30));
			drawn.sort_unstable();
			drawn.dedup();
			prop_assert_eq!(drawn.len(), count.min(30));
		}
	}
}
