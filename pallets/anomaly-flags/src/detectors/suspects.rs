//! Whose share of the unmetered energy it may be.
//!
//! Each member has a *share*: how much is missing for each Wh that its meter shows; negative if it shows more than
//! there is, for every meter errs a little. What the losses leave of the feeder's energy is regressed on the energy of
//! all members at once, a step each period, by normalised least mean squares with leakage (Widrow and Hoff 1960;
//! Nagumo and Noda, *A learning method for system identification*, IEEE Trans. Automatic Control 1967): what the
//! present shares leave unexplained is laid on the members in proportion to their energy. Energy is taken in units of
//! what is usual of the member, so that the shares of small ones are learned as quickly as those of large ones.
//! Leakage draws the shares of those who explain nothing to zero, as ridge regression does. So neighbours who
//! merely cook at the same time lose their share again, which they would not with plain correlation.
//!
//! Honest shares lie within what meters may err by; a suspect's lies beyond.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::MeterId;
use scale_info::TypeInfo;

use super::{clamp, clamp_u32};

/// Binary digits after the point of a share.
const FRACTION: u32 = 20;
/// Most share, either way: four times what the meter shows.
const MOST: i128 = 4 << FRACTION;
/// What is left unexplained is learned by this part at a time.
pub(super) const RATE: i128 = 3;
/// A share loses this part of itself at a time.
const LEAKAGE: i32 = 8_192;
/// A share up to this is what meters may err by: the member's own, the feeder's, and what noise adds. A fortieth.
const TOLERANCE: i128 = (1 << FRACTION) / 40;
/// Fixed point of what is usual: 1/256 of a Wh.
const SCALE: i128 = 256;
/// Fixed point of energy in units of what is usual.
pub(super) const UNIT: i128 = 256;
/// Most energy in units of what is usual.
const HIGHEST: i128 = 32 * UNIT;
/// The least that is usual, in Wh: whoever takes less takes no part.
const LEAST: i128 = 2;
/// Periods that what is usual looks back over, about.
const MEMORY: i128 = 512;

/// How many suspects an alarm names.
pub const NAMED: usize = 5;

/// What a period left to be learned by the next pass over the members.
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
pub struct Lesson {
	/// What the shares left unexplained, in Wh.
	pub unexplained: i64,
	/// The sum of the squares of all members' energy, each in 1/256 of what is usual of it.
	pub norm: u128,
}

/// How much is missing for each Wh that a meter shows.
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
pub struct Share {
	/// The share, times 2²⁰.
	pub part: i32,
	/// The net energy of a period that is usual, without sign, in 1/256 Wh.
	pub usual: u32,
}

impl Share {
	/// Energy of a period, in Wh, in 1/256 of what is usual.
	fn relative(&self, energy: i64) -> i128 {
		let usual = i128::from(self.usual);
		if usual < LEAST.saturating_mul(SCALE) {
			return 0;
		}
		let relative = i128::from(energy).saturating_mul(SCALE.saturating_mul(UNIT)) / usual;
		relative.clamp(0i128.saturating_sub(HIGHEST), HIGHEST)
	}

	/// Learns from the period in which the meter showed so many Wh, net.
	pub fn learn(&mut self, energy: i64, lesson: &Lesson) {
		let relative = self.relative(energy);
		if lesson.norm == 0 || relative == 0 {
			return;
		}
		let norm = i128::try_from(lesson.norm).unwrap_or(i128::MAX);
		let divisor = norm.saturating_mul(self.usual.into()).saturating_mul(RATE);
		// Below 2⁶³ · 2¹³ · 2¹⁶ · 2²⁰.
		let step = i128::from(lesson.unexplained)
			.saturating_mul(relative)
			.saturating_mul(UNIT.saturating_mul(SCALE))
			.saturating_mul(1 << FRACTION)
			/ divisor.max(1);
		let leaked = self.part.saturating_sub(self.part / LEAKAGE);
		let part = i128::from(leaked).saturating_add(step);
		let part = part.clamp(0i128.saturating_sub(MOST), MOST);
		self.part = i32::try_from(part).unwrap_or_default();
	}

	/// Sees the net energy of a period, in Wh, and learns what is usual.
	pub fn see(&mut self, energy: i64) {
		let seen = i128::from(energy.unsigned_abs()).saturating_mul(SCALE);
		let usual = i128::from(self.usual);
		let step = if usual == 0 {
			seen
		} else {
			// Up to sixteen times what is usual.
			seen.min(usual.saturating_mul(16)).saturating_sub(usual) / MEMORY
		};
		self.usual = clamp_u32(usual.saturating_add(step));
	}

	/// What is missing where the meter shows so many Wh, net.
	pub fn of(&self, energy: i64) -> i64 {
		clamp(i128::from(self.part).saturating_mul(energy.into()) >> FRACTION)
	}

	/// What is missing on a usual day with so much import, in Wh, beyond what meters may err by.
	pub fn missing(&self, usual_day: u64) -> u64 {
		let beyond = i128::from(self.part).saturating_sub(TOLERANCE).max(0);
		let missing = beyond.saturating_mul(usual_day.into()) >> FRACTION;
		u64::try_from(missing).unwrap_or(u64::MAX)
	}
}

/// A meter, and what may be missing of it a day.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Suspect {
	/// Which meter.
	pub meter: MeterId,
	/// How much may be missing on a usual day, in Wh.
	pub missing: u64,
}

/// Sums over the members of a pass.
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
pub struct Explained {
	/// What the shares explain, in Wh.
	pub explained: i64,
	/// The sum of the squares of energies, each in 1/256 of what is usual of the member.
	pub norm: u128,
	/// The meters of which most may be missing, the first first.
	pub worst: [Option<Suspect>; NAMED],
}

impl Explained {
	/// Adds a member: its share, its net energy in this period and its import on a usual day, in Wh.
	pub fn add(&mut self, meter: MeterId, share: Share, energy: i64, usual_day: u64) {
		let relative = share.relative(energy).unsigned_abs();
		self.norm = self.norm.saturating_add(relative.saturating_mul(relative));
		if relative > 0 {
			self.explained = self.explained.saturating_add(share.of(energy));
		}
		let missing = share.missing(usual_day);
		if missing > 0 {
			self.rank(Suspect { meter, missing });
		}
	}

	fn rank(&mut self, mut suspect: Suspect) {
		for place in &mut self.worst {
			match place {
				Some(other) if other.missing >= suspect.missing => {}
				Some(other) => core::mem::swap(other, &mut suspect),
				None => {
					*place = Some(suspect);
					return;
				}
			}
		}
	}

	/// What the next pass is to learn of what was left unexplained, in Wh, when losses add so much to the sum of
	/// squares.
	pub fn lesson(&self, unexplained: i64, losses: u128) -> Lesson {
		Lesson {
			unexplained,
			norm: self.norm.saturating_add(losses),
		}
	}

	/// The meters of which most may be missing, the first first.
	pub fn named(&self) -> impl Iterator<Item = Suspect> + '_ {
		self.worst.iter().flatten().copied()
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	/// Energy of a member in a period: a shape all share, a level, and what is its own.
	fn energy(member: u64, n: u64) -> u32 {
		let hour = n % 96 / 4;
		let shape = if (17..22).contains(&hour) { 300 } else { 80 };
		let own = (member * 31 + n * (member * 2 + 17)) * 2_654_435_761 % 1_009 % 200;
		(shape + own + member % 7 * 10) as u32
	}

	/// What meter `member` errs by, in thousandths: up to ten either way.
	fn error(member: u64) -> i64 {
		(member * 7_919 % 21) as i64 - 10
	}

	/// Runs periods in which one of `members` shows only a part of what it takes. Those named in the end.
	fn named(thief: u64, per_mille: u64, members: u64, periods: u64) -> Vec<u64> {
		let mut shares = vec![Share::default(); members as usize];
		let mut last = Lesson::default();
		let mut sums = Explained::default();
		for n in 0..periods {
			sums = Explained::default();
			let mut missing = 0;
			for member in 0..members {
				let share = &mut shares[member as usize];
				let taken = i64::from(energy(member, n));
				let hidden = if member == thief && n > 14 * 96 {
					per_mille as i64
				} else {
					0
				};
				let shown =
					|taken: i64| taken * (1_000 - hidden) / 1_000 * (1_000 + error(member)) / 1_000;
				if n > 0 {
					share.learn(shown(i64::from(energy(member, n - 1))), &last);
				}
				share.see(shown(taken));
				sums.add(MeterId(member as u32), *share, shown(taken), 10_000);
				missing += taken - shown(taken);
			}
			let noise = (n * 7_919 % 41) as i64 - 20;
			last = sums.lesson(missing + noise - sums.explained, 0);
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
			energies in prop::collection::vec(3i64..1 << 20, 1..50), unexplained in 0i64..1 << 30,
		) {
			let seen = |energy: i64| {
				let mut share = Share::default();
				share.see(energy);
				share
			};
			let mut sums = Explained::default();
			for (n, energy) in energies.iter().enumerate() {
				sums.add(MeterId(n as u32), seen(*energy), *energy, 0);
			}
			let lesson = sums.lesson(unexplained, 0);
			let mut after = Explained::default();
			for (n, energy) in energies.iter().enumerate() {
				let mut share = seen(*energy);
				share.learn(*energy, &lesson);
				after.add(MeterId(n as u32), share, *energy, 0);
			}
			prop_assert!((0..=lesson.unexplained).contains(&after.explained));
		}

		#[test]
		fn what_is_usual_should_be_learned(energy in 2u32..1 << 20, other in 0u32..1 << 20) {
			let mut share = Share::default();
			share.see(other.into());
			for _ in 0..20_000 {
				share.see(0i64.saturating_sub(energy.into()));
			}
			prop_assert!((share.usual >> 8).abs_diff(energy) <= 3 || other == 0 || other > energy * 16);
		}

		#[test]
		fn no_values_should_overflow(
			part: i32, seen: i64, energy: i64, unexplained: i64, norm: u128, usual: u64, residual: i64,
		) {
			let mut share = Share { part, usual: 0 };
			share.see(seen);
			share.learn(energy, &Lesson { unexplained, norm });
			let mut sums = Explained { norm, ..Explained::default() };
			sums.add(MeterId(0), share, energy, usual);
			sums.lesson(residual, norm);
		}
	}
}
