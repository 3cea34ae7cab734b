//! The detectors: pure functions of what a meter did before and what it shows now. One file per family.
//!
//! All arithmetic is on integers; nothing overflows for any input. Averages are kept as fixed-point numbers,
//! whose scale the field's documentation tells. What a detector keeps of a meter has a fixed encoded size.
//!
//! | family | finds | looks at |
//! |---|---|---|
//! | [`register`] | registers that run backwards, or faster than the connection allows | each reading |
//! | [`device`] | tamper switches, clocks that are wrong | each reading |
//! | [`quality`] | voltage and frequency out of bounds | each reading |
//! | [`power`] | registers that do not follow the power that flows | each reading |
//! | [`series`] | silence, runs of one value, generation in the dark | each period |
//! | [`days`], of [`habits`] and [`strays`] | days unlike the meter's own: in amount, in shape, reversed | each day |
//! | [`feeder`], with a [`drift`] | energy that is used and not metered | each period of a microgrid |
//! | [`suspects`] | whose share of that it may be | each period of a microgrid |

pub mod days;
pub mod device;
pub mod drift;
pub mod feeder;
pub mod habits;
pub mod power;
pub mod quality;
pub mod register;
pub mod series;
pub mod strays;
pub mod suspects;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What a detector saw, against what it expected. The unit depends on the
/// [kind](crate::types::Kind).
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
pub struct Finding {
	/// What was seen.
	pub seen: i128,
	/// What was expected: the bound that was passed, or the usual value.
	pub expected: i128,
}

impl Finding {
	/// From integers of any type that fits.
	pub fn new(seen: impl Into<i128>, expected: impl Into<i128>) -> Self {
		Self {
			seen: seen.into(),
			expected: expected.into(),
		}
	}
}

/// A count of bad observations in a row.
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
pub struct Run(pub u8);

impl Run {
	/// Counts an observation. Whether the run is `limit` long now; then it starts anew, so that what lasts
	/// is told of again only after as many more.
	pub fn count(&mut self, bad: bool, limit: u8) -> bool {
		self.0 = if bad { self.0.saturating_add(1) } else { 0 };
		let full = bad && self.0 >= limit;
		if full {
			self.0 = 0;
		}
		full
	}
}

/// An integer as one of 64 bits: the nearest that fits.
pub(crate) fn clamp(value: i128) -> i64 {
	let nearest = if value < 0 { i64::MIN } else { i64::MAX };
	i64::try_from(value).unwrap_or(nearest)
}

/// As [`clamp`], to 32 bits without a sign.
pub(crate) fn clamp_u32(value: i128) -> u32 {
	u32::try_from(value.clamp(0, i128::from(u32::MAX))).unwrap_or_default()
}
