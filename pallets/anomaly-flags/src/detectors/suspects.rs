//! Whose share of the unmetered energy it may be.
//!
//! Each member has a *share*: how much is missing for each Wh of import that its meter shows; negative if it shows more
//! than there is, for every meter errs a little. What the losses leave of the feeder's energy is regressed on the import
//! of all members at once, a step each period, by normalised least mean squares with leakage (Widrow and Hoff 1960;
//! Nagumo and Noda, *A learning method for system identification*, IEEE Trans. Automatic Control 1967): what the
//! present shares leave unexplained is laid on the members in proportion to their energy. Energy is taken in units of
//! what is usual of the member, so that the shares of small ones are learned as quickly as those of large ones.
//! Leakage draws the shares of those who explain nothing to zero, as ridge regression does. So neighbours who
//! merely cook at the same time lose their share again, which they would not with plain correlation.
//!
//! Import, not net energy: nobody hides what is fed in, and with the sun in the sum the share of a thief
//! with photovoltaics would never be learned. And less what all members have in common in that period: the evening that
//! they share tells of nobody, and would hold up the learning of what sets them apart. What is missing in common is
//! left to the [drift](super::drift) of the losses.
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
/// A share up to this is what meters may err by: the member's own, the feeder's, and what its line loses. A fiftieth.
const TOLERANCE: i128 = (1 << FRACTION) / 50;
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
	/// The mean of all members' import, each in 1/256 of what is usual of it.
	pub common: u32,
	/// The sum of the squares of what each differed from that by.
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
	/// The import of a period that is usual, in 1/256 Wh.
	pub usual: u32,
}

impl Share {
	/// Import of a period, in Wh, in 1/256 of what is usual; none of whoever takes next to nothing.
	fn relative(&self, import: u32) -> Option<i128> {
		let usual = i128::from(self.usual);
		if usual < LEAST.saturating_mul(SCALE) {
			return None;
		}
		let relative = i128::from(import).saturating_mul(SCALE.saturating_mul(UNIT)) / usual;
		Some(relative.min(HIGHEST))
	}

	/// Learns from the period in which the meter showed an import of so many Wh.
	pub fn learn(&mut self, import: u32, lesson: &Lesson) {
		let Some(relative) = self.relative(import).filter(|_| lesson.norm > 0) else {
			return;
		};
		let apart = relative.saturating_sub(lesson.common.into());
		let norm = i128::try_from(lesson.norm).unwrap_or(i128::MAX);
		let divisor = norm.saturating_mul(self.usual.into()).saturating_mul(RATE);
		// Below 2⁶³ · 2³³ · 2¹⁶ · 2²⁰ with any lesson; 2¹³ with one that was given.
		let step = i128::from(lesson.unexplained)
			.saturating_mul(apart)
			.saturating_mul(UNIT.saturating_mul(SCALE))
			.saturating_mul(1 << FRACTION)
			/ divisor.max(1);
		let leaked = self.part.saturating_sub(self.part / LEAKAGE);
		let part = i128::from(leaked).saturating_add(step);
		let part = part.clamp(0i128.saturating_sub(MOST), MOST);
		self.part = i32::try_from(part).unwrap_or_default();
	}

	/// Sees the import of a period, in Wh, and learns what is usual.
	pub fn see(&mut self, import: u32) {
		let seen = i128::from(import).saturating_mul(SCALE);
		let usual = i128::from(self.usual);
		let step = if usual == 0 {
			seen
		} else {
			// Up to sixteen times what is usual.
			seen.min(usual.saturating_mul(16)).saturating_sub(usual) / MEMORY
		};
		self.usual = clamp_u32(usual.saturating_add(step));
	}

	/// What is missing where the meter shows an import of so many Wh.
	pub fn of(&self, import: u32) -> i64 {
		clamp(i128::from(self.part).saturating_mul(import.into()) >> FRACTION)
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
	/// How many members take part.
	pub count: u32,
	/// The sum of their import, each in 1/256 of what is usual of the member.
	pub sum: u64,
	/// The sum of the squares of that.
	pub norm: u128,
	/// The meters of which most may be missing, the first first.
	pub worst: [Option<Suspect>; NAMED],
}

impl Explained {
	/// Adds a member: its share, its import in this period and on a usual day, in Wh.
	pub fn add(&mut self, meter: MeterId, share: Share, import: u32, usual_day: u64) {
		if let Some(relative) = share.relative(import) {
			let relative = u64::try_from(relative).unwrap_or_default();
			let square = u128::from(relative).saturating_mul(relative.into());
			self.count = self.count.saturating_add(1);
			self.sum = self.sum.saturating_add(relative);
			self.norm = self.norm.saturating_add(square);
			self.explained = self.explained.saturating_add(share.of(import));
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
		let common = self.sum / u64::from(self.count.max(1));
		// The squares about the mean, which is rounded down.
		let (mean, count) = (u128::from(common), u128::from(self.count));
		let square = mean.saturating_mul(mean).saturating_mul(count);
		let product = mean.saturating_mul(self.sum.into()).saturating_mul(2);
		let about = self.norm.saturating_add(square).saturating_sub(product);
		Lesson {
			unexplained,
			common: u32::try_from(common).unwrap_or(u32::MAX),
			norm: about.saturating_add(losses),
		}
	}

	/// The meters of which most may be missing, the first first.
	pub fn named(&self) -> impl Iterator<Item = Suspect> + '_ {
		self.worst.iter().flatten().copied()
	}
}

#[cfg(test)]
mod tests;
