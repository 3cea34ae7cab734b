//! Days unlike a meter's own: in amount, in shape, reversed.
//!
//! A day's import is summed in eight blocks of three hours. The usual day is the exponentially weighted moving
//! average of each block (EWMA; Roberts, *Control chart tests based on geometric moving averages*,
//! Technometrics 1959). A day's amount is compared with the usual one by cumulative sums in both directions
//! (CUSUM; Page, *Continuous inspection schemes*, Biometrika 1954), in units of the usual deviation, so that
//! what is small and lasts is found as well as what is large. The shape, which is what is left of a day when
//! its amount is divided out, is compared by the distance between shares, summed likewise; and with the usual
//! day read backwards, for a meter that replays its days reversed (attack h6 of Jokar et al., *Electricity theft
//! detection in AMI using customers' consumption patterns*, IEEE Trans. Smart Grid 2016).
//!
//! What is learned from a day is bounded, so that theft is not learned as quickly as it begins.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use super::{clamp_u32, Finding, Run};

/// Blocks of a day.
pub const BLOCKS: usize = 8;

/// Fixed point of averages of energy: sixteenths of a Wh.
const SCALE: i128 = 16;

/// Fixed point of distances between shapes: 1,024 is as much energy in other blocks as half a day's; the most
/// there can be is 2,048.
pub const WHOLE: i128 = 1_024;

/// Fixed point of deviations: sixteenths of the usual one.
const PARTS: i128 = 16;

/// Days that averages look back over, about.
const MEMORY: u8 = 16;

/// A deviation counts, and is learned, up to so many usual ones.
const LIMIT: i128 = 4;

/// What is known of a meter's days.
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
pub struct Days {
	/// Import of each block of the day that is being summed, in Wh.
	pub today: [u32; BLOCKS],
	/// How many measured periods were summed today.
	pub measured: u16,
	/// The usual import of each block, in 1/16 Wh.
	pub usual: [u32; BLOCKS],
	/// The usual deviation of a day's import, in 1/16 Wh.
	pub deviation: u32,
	/// Sum of deviations upward, in 1/16 of the usual one.
	pub above: u16,
	/// Sum of deviations downward, in 1/16 of the usual one.
	pub below: u16,
	/// The usual distance of a day's shape, in 1/1024.
	pub distance: u16,
	/// Sum of what days were more distant, in 1/1024.
	pub strange: u16,
	/// Days in a row that were nearer to the usual day read backwards.
	pub reversed: Run,
	/// Days learned so far, up to 255.
	pub learned: u8,
}

/// When a day is unlike the others.
#[derive(Clone, Copy, Debug)]
pub struct DayBounds {
	/// Days to learn before anything is found.
	pub warm_up: u8,
	/// Deviations, in 1/16 of the usual one, that a day may have without adding to the sum.
	pub slack: u16,
	/// The sum, in 1/16 of the usual deviation, that is found.
	pub limit: u16,
	/// Distance beyond the usual, in 1/1024, that a day may have without adding to the sum.
	pub shape_slack: u16,
	/// The sum, in 1/1024, that is found.
	pub shape_limit: u16,
	/// Days in a row that must be nearer to the reversed usual day.
	pub reversed: u8,
	/// Days below this import, in Wh, have no shape, and deviations below a sixteenth of it none.
	pub floor: u32,
}

/// What a day gave cause for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayFindings {
	/// Unlike in amount: the day's import against the usual, in Wh.
	pub sudden: Option<Finding>,
	/// Unlike in shape: its distance against the usual, in 1/1024.
	pub shape: Option<Finding>,
}

/// The block that a period of the day, counted from 0, lies in.
pub fn block_of(period_of_day: u32, periods_per_day: u32) -> usize {
	let blocks = u64::try_from(BLOCKS).unwrap_or(1);
	let block = u64::from(period_of_day).saturating_mul(blocks) / u64::from(periods_per_day.max(1));
	usize::try_from(block)
		.unwrap_or_default()
		.min(BLOCKS.saturating_sub(1))
}

fn sum(blocks: &[u32; BLOCKS]) -> i128 {
	blocks.iter().map(|block| i128::from(*block)).sum()
}

/// The distance of two shapes, 0 to 2,048; `b` may be read backwards.
fn distance(a: &[u32; BLOCKS], b: &[u32; BLOCKS], backwards: bool) -> i128 {
	let (whole_a, whole_b) = (sum(a).max(1), sum(b).max(1));
	let mut apart = 0i128;
	for (place, block) in a.iter().enumerate() {
		let other = if backwards {
			b.iter().rev().nth(place)
		} else {
			b.get(place)
		};
		let other = i128::from(other.copied().unwrap_or_default());
		// Products of 2³² and 2³⁵.
		let difference = i128::from(*block)
			.saturating_mul(whole_b)
			.saturating_sub(other.saturating_mul(whole_a));
		apart = apart.saturating_add(difference.saturating_abs());
	}
	// Below 2⁷⁰ · 2¹⁰.
	apart.saturating_mul(WHOLE) / whole_a.saturating_mul(whole_b)
}

/// An average moved towards `value`: by a part that shrinks while days are few, then stays.
fn moved(average: i128, value: i128, learned: u8) -> i128 {
	let days = i128::from(learned.saturating_add(1).min(MEMORY));
	let step = value.saturating_sub(average);
	// Rounded to the nearest, so that it comes to rest on the value.
	let half = if step < 0 {
		0i128.saturating_sub(days / 2)
	} else {
		days / 2
	};
	average.saturating_add(step.saturating_add(half) / days)
}

fn clamp_u16(value: i128) -> u16 {
	u16::try_from(value.clamp(0, u16::MAX.into())).unwrap_or_default()
}

impl Days {
	/// Adds a measured period of today.
	pub fn add(&mut self, block: usize, import: u32) {
		if let Some(sum) = self.today.get_mut(block) {
			*sum = sum.saturating_add(import);
		}
		self.measured = self.measured.saturating_add(1);
	}

	/// Ends the day, which has so many periods: looks at it and learns from it, if no more than a sixteenth of it
	/// is missing.
	pub fn end(&mut self, periods_per_day: u32, bounds: &DayBounds) -> DayFindings {
		let today = core::mem::take(&mut self.today);
		let measured = u32::from(core::mem::take(&mut self.measured));
		if measured == 0 || measured < periods_per_day.saturating_sub(periods_per_day / 16) {
			return DayFindings::default();
		}
		let ready = self.learned >= bounds.warm_up.max(1);
		let mut found = DayFindings {
			sudden: self.amount(&today, ready, bounds),
			shape: None,
		};
		if self.learned > 0 && sum(&today) >= bounds.floor.into() {
			found.shape = self.shape(&today, ready, bounds);
		}
		self.learn(&today, ready);
		self.learned = self.learned.saturating_add(1);
		found
	}

	fn amount(
		&mut self,
		today: &[u32; BLOCKS],
		ready: bool,
		bounds: &DayBounds,
	) -> Option<Finding> {
		let usual = sum(&self.usual);
		let difference = sum(today).saturating_mul(SCALE).saturating_sub(usual);
		let least = (i128::from(bounds.floor).saturating_mul(SCALE) / 16).max(1);
		let unit = i128::from(self.deviation).max(least);
		if self.learned > 0 {
			let bounded = if ready {
				difference.saturating_abs().min(unit.saturating_mul(LIMIT))
			} else {
				difference.saturating_abs()
			};
			let days = self.learned.saturating_sub(1);
			self.deviation = clamp_u32(moved(self.deviation.into(), bounded, days));
		}
		if !ready {
			return None;
		}
		let most = LIMIT.saturating_mul(PARTS);
		let parts =
			(difference.saturating_mul(PARTS) / unit).clamp(0i128.saturating_sub(most), most);
		let slack = i128::from(bounds.slack);
		let summed = |sum: u16, parts: i128| {
			clamp_u16(i128::from(sum).saturating_add(parts).saturating_sub(slack))
		};
		self.above = summed(self.above, parts);
		self.below = summed(self.below, 0i128.saturating_sub(parts));
		if self.above.max(self.below) < bounds.limit {
			return None;
		}
		(self.above, self.below) = (0, 0);
		Some(Finding::new(sum(today), usual / SCALE))
	}

	fn shape(&mut self, today: &[u32; BLOCKS], ready: bool, bounds: &DayBounds) -> Option<Finding> {
		if sum(&self.usual) < i128::from(bounds.floor).saturating_mul(SCALE) {
			return None;
		}
		let apart = distance(today, &self.usual, false);
		let usual = i128::from(self.distance);
		let slack = i128::from(bounds.shape_slack);
		let learned = if ready {
			apart.min(usual.saturating_add(slack))
		} else {
			apart
		};
		self.distance = clamp_u16(moved(usual, learned, self.learned.saturating_sub(1)));
		if !ready {
			return None;
		}
		let beyond = apart.saturating_sub(usual).saturating_sub(slack);
		self.strange = clamp_u16(i128::from(self.strange).saturating_add(beyond));
		let backwards = distance(today, &self.usual, true);
		// Nearer by a half of the way, and not near anyhow.
		let nearer = backwards.saturating_mul(2) < apart && apart > usual;
		let reversed = self.reversed.count(nearer, bounds.reversed);
		let strange = self.strange >= bounds.shape_limit;
		if strange {
			self.strange = 0;
		}
		(strange || reversed).then(|| Finding::new(apart, usual))
	}

	/// Moves the usual day towards this one: once warm, no block by more than the usual deviation allows.
	fn learn(&mut self, today: &[u32; BLOCKS], ready: bool) {
		let most = i128::from(self.deviation).saturating_mul(LIMIT);
		for (usual, block) in self.usual.iter_mut().zip(today) {
			let before = i128::from(*usual);
			let mut value = i128::from(*block).saturating_mul(SCALE);
			if ready {
				value = value.clamp(before.saturating_sub(most), before.saturating_add(most));
			}
			*usual = clamp_u32(moved(before, value, self.learned));
		}
	}

	/// The usual import of a day, in Wh.
	pub fn usual_day(&self) -> u64 {
		u64::try_from(sum(&self.usual) / SCALE).unwrap_or_default()
	}
}

#[cfg(test)]
mod tests;
