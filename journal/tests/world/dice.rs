//! Random numbers that are the same for the same seed on every machine: SplitMix64 (Steele, Lea, Flood, *Fast splittable
//! pseudorandom number generators*, OOPSLA 2014).

#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
	pub fn new(seed: u64) -> Self {
		Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5851_f42d_4c95_7f2d)
	}

	fn roll(&mut self) -> u64 {
		self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
		let mut z = self.0;
		z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
		z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
		z ^ (z >> 31)
	}

	/// A number below `bound`, which is not 0.
	pub fn below(&mut self, bound: u64) -> u64 {
		self.roll() % bound
	}

	/// One from `low` up to `high`, inclusive.
	pub fn from(&mut self, low: u64, high: u64) -> u64 {
		low + self.below(high - low + 1)
	}

	/// Whether something happens that does so many times in a thousand.
	pub fn permille(&mut self, times: u64) -> bool {
		self.below(1_000) < times
	}

	pub fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
		&list[self.below(list.len() as u64) as usize]
	}

	/// The place of one of these weights, the likelier the heavier.
	pub fn weighted(&mut self, weights: &[u64]) -> usize {
		let mut at = self.below(weights.iter().sum());
		for (place, weight) in weights.iter().enumerate() {
			match at.checked_sub(*weight) {
				None => return place,
				Some(rest) => at = rest,
			}
		}
		unreachable!("below the sum")
	}
}
