//! Days unlike a meter's own: in amount, in shape, reversed.
//!
//! A day's import is summed in eight blocks of three hours, and there are [habits] of its periods. Of each of
//! these numbers the usual value and the usual deviation are learned, as exponentially weighted moving averages (EWMA;
//! Roberts, *Control chart tests based on geometric moving averages*, Technometrics 1959). How far the numbers of a
//! day are off, in usual deviations, is [summed](super::strays) over days: so what is small and lasts is found as
//! well as what is large, and what shows a little in many numbers as well as what shows in one.
//!
//! A meter that replays its days backwards (attack h6 of Jokar et al., *Electricity theft detection in AMI using
//! customers' consumption patterns*, IEEE Trans. Smart Grid 2016) is found by how much nearer its days are to the usual
//! day read backwards than to the usual day, summed likewise (CUSUM; Page, *Continuous inspection schemes*, Biometrika
//! 1954): honest days are nearer to the usual one.
//!
//! What is learned from a day is bounded, so that theft is not learned as quickly as it begins.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use super::{
	clamp_u32,
	habits::{Habits, HABITS, LEAST},
	strays::{Strays, NUMBERS, PARTS},
	Finding,
};

/// Blocks of a day.
pub const BLOCKS: usize = 8;

/// Fixed point of averages: sixteenths.
const SCALE: i128 = 16;

/// Fixed point of distances between shapes: 1,024 is as much energy in other blocks as half a day's; the most
/// there can be is 2,048.
pub const WHOLE: i128 = 1_024;

/// Days that averages look back over, about.
const MEMORY: u8 = 24;

/// A deviation counts, and is learned, up to so many usual ones.
const LIMIT: i128 = 3;

/// The least usual deviation of a block: this part of a usual block.
const LEAST_OF_BLOCK: i128 = 16;

/// What is usual of a habit, in sixteenths of its unit.
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
pub struct Usual {
	/// Its value.
	pub value: u16,
	/// Its deviation.
	pub deviation: u16,
}

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
	/// What its periods are like.
	pub habits: Habits,
	/// How many measured periods were summed today.
	pub measured: u16,
	/// The usual import of each block, in 1/16 Wh.
	pub usual: [u32; BLOCKS],
	/// The usual deviation of each block, in 1/16 Wh.
	pub deviation: [u32; BLOCKS],
	/// What is usual of the habits.
	pub usual_habits: [Usual; HABITS],
	/// Sums of deviations.
	pub strays: Strays,
	/// Sum of what days were nearer to the usual day read backwards, in 1/1024.
	pub reversed: u16,
	/// Days learned so far, up to 255.
	pub learned: u8,
}

/// When a day is unlike the others.
#[derive(Clone, Copy, Debug)]
pub struct DayBounds {
	/// Days to learn before anything is found.
	pub warm_up: u8,
	/// By how much the sum of deviations shrinks each day, in 1/16 of the usual one.
	pub slack: u16,
	/// The sum, in 1/16 of the usual deviation, that is found.
	pub limit: u16,
	/// The sum of what days were nearer to the reversed usual day, in 1/1024, that is found.
	pub reversed: u16,
	/// Days below this import, in Wh, have no shape, and deviations below a sixteenth of it none.
	pub floor: u32,
}

/// What a day gave cause for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayFindings {
	/// Unlike in amount: the day's import against the usual, in Wh.
	pub sudden: Option<Finding>,
	/// Unlike in shape: the sum of deviations against its bound, in 1/16 of the usual one; or that of reversed
	/// days, in 1/1024.
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

/// A number of a day: what it is, and what is usual.
struct Number {
	value: i128,
	usual: i128,
	deviation: i128,
	/// The least deviation that is usual.
	least: i128,
}

impl Number {
	/// By how much it is off, in 1/64 of the usual deviation. What is usual is learned from it, by no more than the
	/// bounds allow once there is something to compare with.
	fn look(&mut self, learned: u8, ready: bool) -> i128 {
		let unit = self.deviation.max(self.least).max(1);
		let most = unit.saturating_mul(LIMIT);
		let mut off = self.value.saturating_sub(self.usual);
		if ready {
			off = off.clamp(0i128.saturating_sub(most), most);
		}
		if learned > 0 {
			self.deviation = moved(self.deviation, off.saturating_abs(), learned);
		}
		self.usual = moved(self.usual, self.usual.saturating_add(off), learned);
		off.saturating_mul(PARTS) / unit
	}
}

impl Days {
	/// Adds a measured period of today, of a day with so many: what was taken, what was given, and what was taken in
	/// the period before if that is known; in Wh.
	pub fn add(
		&mut self,
		block: usize,
		import: u32,
		export: u32,
		before: Option<u32>,
		periods_per_day: u32,
	) {
		if let Some(sum) = self.today.get_mut(block) {
			*sum = sum.saturating_add(import);
		}
		let usual = self.usual_day();
		self.habits
			.add(import, export, before, usual, periods_per_day);
		self.measured = self.measured.saturating_add(1);
	}

	/// Ends the day, which has so many periods: looks at it and learns from it, if no more than a sixteenth of it
	/// is missing.
	pub fn end(&mut self, periods_per_day: u32, bounds: &DayBounds) -> DayFindings {
		let today = core::mem::take(&mut self.today);
		let habits = core::mem::take(&mut self.habits);
		let measured = u32::from(core::mem::take(&mut self.measured));
		if measured == 0 || measured < periods_per_day.saturating_sub(periods_per_day / 16) {
			return DayFindings::default();
		}
		let ready = self.learned >= bounds.warm_up.max(1);
		let shaped = sum(&today) >= bounds.floor.into();
		let usual = sum(&self.usual) / SCALE;
		let reversed = (ready && shaped)
			.then(|| self.reverse(&today, bounds))
			.flatten();
		let whole = u64::try_from(sum(&today)).unwrap_or(u64::MAX);
		let numbers = habits.numbers(whole, periods_per_day);
		let deviations = self.look(&today, &numbers, shaped, ready, bounds);
		self.learned = self.learned.saturating_add(1);
		if !ready {
			return DayFindings::default();
		}
		let strayed = self
			.strays
			.add(&deviations, BLOCKS, bounds.slack, bounds.limit);
		let shape = strayed
			.filter(|strayed| !strayed.amount)
			.map(|strayed| Finding::new(strayed.length, bounds.limit));
		DayFindings {
			sudden: strayed
				.filter(|strayed| strayed.amount)
				.map(|_| Finding::new(sum(&today), usual)),
			shape: reversed.or(shape),
		}
	}

	/// By how much the numbers of a day are off; what is usual is learned from them.
	fn look(
		&mut self,
		today: &[u32; BLOCKS],
		habits: &[i128; HABITS],
		shaped: bool,
		ready: bool,
		bounds: &DayBounds,
	) -> [i128; NUMBERS] {
		let learned = self.learned;
		let blocks = i128::try_from(BLOCKS).unwrap_or(1);
		let floor = i128::from(bounds.floor).saturating_mul(SCALE) / 16 / blocks;
		let least = (sum(&self.usual) / blocks / LEAST_OF_BLOCK).max(floor);
		let mut deviations = [0; NUMBERS];
		let mut places = deviations.iter_mut();
		let known = self.usual.iter_mut().zip(self.deviation.iter_mut());
		for (((usual, deviation), block), off) in known.zip(today).zip(places.by_ref()) {
			let mut number = Number {
				value: i128::from(*block).saturating_mul(SCALE),
				usual: (*usual).into(),
				deviation: (*deviation).into(),
				least,
			};
			*off = number.look(learned, ready);
			(*usual, *deviation) = (clamp_u32(number.usual), clamp_u32(number.deviation));
		}
		// A day without energy is idle, and has no other habit.
		let judged = [true, shaped, shaped];
		let known = self.usual_habits.iter_mut().zip(habits).zip(LEAST);
		for (((usual, value), least), (off, judged)) in known.zip(places.zip(judged)) {
			if !judged {
				continue;
			}
			let mut number = Number {
				value: value.saturating_mul(SCALE),
				usual: usual.value.into(),
				deviation: usual.deviation.into(),
				least: least.saturating_mul(SCALE),
			};
			*off = number.look(learned, ready);
			*usual = Usual {
				value: clamp_u16(number.usual),
				deviation: clamp_u16(number.deviation),
			};
		}
		deviations
	}

	/// Whether days were nearer to the usual one read backwards for long enough.
	fn reverse(&mut self, today: &[u32; BLOCKS], bounds: &DayBounds) -> Option<Finding> {
		if sum(&self.usual) < i128::from(bounds.floor).saturating_mul(SCALE) {
			return None;
		}
		let nearer =
			distance(today, &self.usual, false).saturating_sub(distance(today, &self.usual, true));
		self.reversed = clamp_u16(i128::from(self.reversed).saturating_add(nearer));
		if self.reversed < bounds.reversed.max(1) {
			return None;
		}
		let summed = core::mem::take(&mut self.reversed);
		Some(Finding::new(summed, bounds.reversed))
	}

	/// The usual import of a day, in Wh.
	pub fn usual_day(&self) -> u64 {
		u64::try_from(sum(&self.usual) / SCALE).unwrap_or_default()
	}
}

#[cfg(test)]
mod tests;
