//! Whose share of the unmetered energy it may be.
//!
//! Each member has a *share*: how much is missing for each Wh that its meter shows. The residual of the feeder is
//! regressed on the energy of all members at once, a step each period, by normalised least mean squares with
//! leakage (Widrow and Hoff 1960; Nagumo and Noda, *A learning method for system identification*, IEEE Trans.
//! Automatic Control 1967): what the present shares leave unexplained is laid on the members in proportion to
//! their energy. Leakage draws the shares of those who explain nothing to zero, as ridge regression does, and
//! a share is never negative. So neighbours who merely cook at the same time lose their share again, which they
//! would not with plain correlation.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::MeterId;
use scale_info::TypeInfo;

use super::clamp_u32;

/// Binary digits after the point of a share.
const FRACTION: u32 = 20;
/// Most share: four times what the meter shows.
const MOST: u32 = 4 << FRACTION;
/// What is left unexplained is learned by this part at a time.
const RATE: i128 = 4;
/// A share loses this part of itself at a time.
const LEAKAGE: u32 = 4_096;

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
	/// The sum of the squares of all members' energy, in Wh².
	pub norm: u128,
}

/// How much is missing for each Wh that a meter shows, times 2²⁰.
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
pub struct Share(pub u32);

impl Share {
	/// Learns from the period in which the meter showed `energy` Wh.
	pub fn learn(&mut self, energy: u32, lesson: &Lesson) {
		if lesson.norm == 0 {
			return;
		}
		let norm = i128::try_from(lesson.norm)
			.unwrap_or(i128::MAX)
			.saturating_mul(RATE);
		// Below 2⁶³ · 2³² · 2²⁰.
		let step = i128::from(lesson.unexplained)
			.saturating_mul(energy.into())
			.saturating_mul(1 << FRACTION)
			/ norm.max(1);
		let leaked = self.0.saturating_sub(self.0 / LEAKAGE);
		self.0 = clamp_u32(i128::from(leaked).saturating_add(step)).min(MOST);
	}

	/// What would be missing where the meter shows `energy` Wh: in Wh.
	pub fn of(&self, energy: u64) -> u64 {
		let missing = u128::from(self.0).saturating_mul(energy.into()) >> FRACTION;
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
	pub explained: u64,
	/// The sum of the squares of energies, in Wh².
	pub norm: u128,
	/// The meters of which most may be missing, the first first.
	pub worst: [Option<Suspect>; NAMED],
}

impl Explained {
	/// Adds a member: its share, its energy in this period and on a usual day, in Wh.
	pub fn add(&mut self, meter: MeterId, share: Share, energy: u32, usual_day: u64) {
		let energy = u128::from(energy);
		self.norm = self.norm.saturating_add(energy.saturating_mul(energy));
		let energy = u64::try_from(energy).unwrap_or(u64::MAX);
		self.explained = self.explained.saturating_add(share.of(energy));
		let missing = share.of(usual_day);
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

	/// What the next pass is to learn of a residual in Wh.
	pub fn lesson(&self, residual: i64) -> Lesson {
		let explained = i64::try_from(self.explained).unwrap_or(i64::MAX);
		Lesson {
			unexplained: residual.saturating_sub(explained),
			norm: self.norm,
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

	/// Runs periods in which one of `members` shows only a part of what it takes. Its place in the ranking.
	fn place_of(thief: u64, per_mille: u64, members: u64, periods: u64) -> Option<usize> {
		let mut shares = vec![Share::default(); members as usize];
		let mut last = Lesson::default();
		let mut sums = Explained::default();
		for n in 0..periods {
			sums = Explained::default();
			for member in 0..members {
				let share = &mut shares[member as usize];
				if n > 0 {
					share.learn(energy(member, n - 1), &last);
				}
				sums.add(MeterId(member as u32), *share, energy(member, n), 10_000);
			}
			// What is missing of the thief, and noise.
			let shown = u64::from(energy(thief, n));
			let missing = (shown * per_mille / (1_000 - per_mille)) as i64;
			let noise = (n * 7_919 % 41) as i64 - 20;
			last = sums.lesson(missing + noise);
		}
		let place = sums
			.named()
			.position(|suspect| suspect.meter == MeterId(thief as u32));
		place
	}

	#[test]
	fn the_thief_should_be_among_the_named() {
		for thief in [3, 17, 38] {
			assert_eq!(place_of(thief, 400, 40, 28 * 96), Some(0), "{thief}");
		}
	}

	#[test]
	fn the_worst_should_be_named_in_order() {
		let mut sums = Explained::default();
		for (meter, share) in [(1, 10), (2, 50), (3, 0), (4, 30), (5, 20), (6, 40), (7, 60)] {
			sums.add(MeterId(meter), Share(share << 10), 100, 1 << 20);
		}
		let named: Vec<u32> = sums.named().map(|suspect| suspect.meter.0).collect();
		assert_eq!(named, [7, 2, 6, 4, 5]);
	}

	#[test]
	fn nothing_unexplained_should_let_shares_fade() {
		let mut share = Share(1 << FRACTION);
		let lesson = Lesson {
			unexplained: 0,
			norm: 1_000_000,
		};
		for _ in 0..10_000 {
			share.learn(500, &lesson);
		}
		assert!(share.0 < 1 << (FRACTION - 3));
	}

	proptest! {
		#[test]
		fn a_lesson_should_never_explain_more_than_there_is(
			energies in prop::collection::vec(0u32..1 << 20, 1..50), unexplained in 0i64..1 << 30,
		) {
			let mut sums = Explained::default();
			for (n, energy) in energies.iter().enumerate() {
				sums.add(MeterId(n as u32), Share::default(), *energy, 0);
			}
			let lesson = sums.lesson(unexplained);
			let mut after = Explained::default();
			for (n, energy) in energies.iter().enumerate() {
				let mut share = Share::default();
				share.learn(*energy, &lesson);
				after.add(MeterId(n as u32), share, *energy, 0);
			}
			prop_assert!(after.explained <= lesson.unexplained as u64);
		}

		#[test]
		fn no_values_should_overflow(
			share: u32, energy: u32, unexplained: i64, norm: u128, usual: u64, residual: i64,
		) {
			let mut share = Share(share);
			share.learn(energy, &Lesson { unexplained, norm });
			prop_assert!(norm == 0 || share.0 <= MOST);
			let mut sums = Explained { norm, ..Explained::default() };
			sums.add(MeterId(0), share, energy, usual);
			sums.lesson(residual);
		}
	}
}
