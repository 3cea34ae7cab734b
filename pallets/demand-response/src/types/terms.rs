//! Terms of programmes, and triggers.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::{units::PRICE_BOUND, MeterId, Price, WattHours, Watts};
use scale_info::TypeInfo;
use sp_runtime::Permill;

use super::{Action, MAX_ADJUSTMENT, MAX_NOTICE, MAX_OPEN_EVENTS, MAX_REBOUND};
use crate::baseline::Method;

/// Which way load is to change.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Direction {
	/// Take less, or feed in more.
	Reduce,
	/// Take more, or feed in less.
	Increase,
}

/// What a resource's energy is compared with.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Baseline {
	/// Like days ([`baseline`](crate::baseline)).
	LikeDays {
		/// Which of them count.
		method: Method,
		/// By how much the same-day adjustment may change the baseline; at most 20 %, 0 for none. The dead band
		/// covers it ([`ProgrammeTerms::check`]).
		adjustment: Permill,
	},
	/// For chargers and storages: the command of the event, which the device must have acknowledged. Counted is
	/// what the meter fed in (for a reduction) or took (for an increase), beyond what it does on like days.
	Commanded,
}

/// Prices per kWh.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct Prices {
	/// For what is delivered.
	pub reward: Price,
	/// In addition, for what was committed and is delivered.
	pub bonus: Price,
	/// Taken for what was committed and is not delivered; 0: nobody can commit.
	pub penalty: Price,
}

/// The terms of a programme. They never change: open another one.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct ProgrammeTerms {
	/// Which way load is to change.
	pub direction: Direction,
	/// What is paid.
	pub prices: Prices,
	/// What energy is compared with.
	pub baseline: Baseline,
	/// With less like days than this, 1 to 10, there is no baseline.
	pub least_days: u32,
	/// A change by less than this share of the baseline counts as nothing; of a group, of what its meters take and
	/// feed in by their baselines.
	pub dead_band: Permill,
	/// How many periods after an event are netted against it.
	pub rebound: u32,
	/// How many periods lie at least between announcement and start.
	pub notice: u32,
	/// Most events that start on one day.
	pub events_per_day: u32,
	/// What devices are told for the time of an event.
	pub command: Option<Action>,
}

/// Why terms are unsound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsoundTerms {
	/// The reward is zero, or a price is not below the bound of prices.
	Price,
	/// A number of days, periods or events is out of its bounds.
	Number,
	/// The adjustment may change more than 20 %, or more than the dead band covers.
	Adjustment,
	/// Measured by command, and none is given.
	NoCommand,
}

impl ProgrammeTerms {
	/// Why these terms are unsound, if they are.
	///
	/// Who takes more (or less) in the window of the adjustment moves the baseline by the adjustment's bound, and would
	/// be paid for doing the usual in the event. So terms are sound only if such a change stays within the dead band.
	pub fn check(&self) -> Result<(), UnsoundTerms> {
		let Prices {
			reward,
			bonus,
			penalty,
		} = self.prices;
		let bounded = [reward, bonus, penalty]
			.iter()
			.all(|price| price.0 < PRICE_BOUND);
		if reward.is_zero() || !bounded {
			return Err(UnsoundTerms::Price);
		}
		let days = (1..=crate::baseline::LIKE_DAYS).contains(&self.least_days);
		let events = (1..=MAX_OPEN_EVENTS).contains(&self.events_per_day);
		if !days || !events || self.rebound > MAX_REBOUND || self.notice > MAX_NOTICE {
			return Err(UnsoundTerms::Number);
		}
		match self.baseline {
			Baseline::LikeDays { adjustment, .. }
				if adjustment > MAX_ADJUSTMENT || !self.covers(adjustment) =>
			{
				Err(UnsoundTerms::Adjustment)
			}
			Baseline::Commanded if matches!(self.command, None | Some(Action::Release)) => {
				Err(UnsoundTerms::NoCommand)
			}
			_ => Ok(()),
		}
	}

	/// Whether the dead band covers what an adjustment by `bound` makes of the usual load, which is `1`: the baseline
	/// becomes `1 + bound` where a reduction is paid, and `1 - bound` where an increase is, and the change from there to
	/// the usual is `bound`. The dead band is a share of that baseline, and a change as large as it counts.
	fn covers(&self, bound: Permill) -> bool {
		if bound.is_zero() {
			return true;
		}
		let parts = |share: Permill| u64::from(share.deconstruct());
		let whole = parts(Permill::one());
		let (bound, band) = (parts(bound), parts(self.dead_band));
		match self.direction {
			// Somewhat more than needed, and easily told: not above the dead band.
			Direction::Reduce => bound <= band,
			Direction::Increase => {
				bound.saturating_mul(whole) < band.saturating_mul(whole.saturating_sub(bound))
			}
		}
	}
}

/// What makes the chain announce an event.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Condition {
	/// The community's feeder took more than this from the grid, over a period.
	NetImport {
		/// The feeder's meter.
		feeder: MeterId,
		/// Mean power.
		above: Watts,
	},
	/// The community's feeder fed in more than this, over a period.
	Surplus {
		/// The feeder's meter.
		feeder: MeterId,
		/// Mean power.
		above: Watts,
	},
	/// Energy of the period in which the event would start costs more than this: the best ask of the book, or
	/// the retail price if that is lower.
	Price {
		/// Per kWh.
		above: Price,
	},
}

/// How the chain announces events by itself.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct Trigger {
	/// When.
	pub condition: Condition,
	/// How many periods the event lasts.
	pub periods: u32,
	/// What it is to bring at most.
	pub target: WattHours,
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn unsound_terms_should_be_named() {
		let sound = ProgrammeTerms {
			direction: Direction::Reduce,
			prices: Prices {
				reward: Price(1),
				bonus: Price(0),
				penalty: Price(0),
			},
			baseline: Baseline::LikeDays {
				method: Method::TenOfTen,
				adjustment: MAX_ADJUSTMENT,
			},
			least_days: 10,
			dead_band: MAX_ADJUSTMENT,
			rebound: 0,
			notice: 0,
			events_per_day: 1,
			command: None,
		};
		let with = |change: fn(&mut ProgrammeTerms)| {
			let mut terms = sound;
			change(&mut terms);
			terms.check()
		};
		assert_eq!(with(|_| ()), Ok(()));
		type Change = fn(&mut ProgrammeTerms);
		let cases: [(Change, UnsoundTerms); 13] = [
			(|terms| terms.prices.reward = Price(0), UnsoundTerms::Price),
			(
				|terms| terms.prices.bonus = Price(PRICE_BOUND),
				UnsoundTerms::Price,
			),
			(
				|terms| terms.prices.penalty = Price(PRICE_BOUND),
				UnsoundTerms::Price,
			),
			(|terms| terms.least_days = 0, UnsoundTerms::Number),
			(|terms| terms.least_days = 11, UnsoundTerms::Number),
			(|terms| terms.events_per_day = 0, UnsoundTerms::Number),
			(
				|terms| terms.rebound = MAX_REBOUND + 1,
				UnsoundTerms::Number,
			),
			(|terms| terms.notice = MAX_NOTICE + 1, UnsoundTerms::Number),
			(
				|terms| {
					terms.baseline = Baseline::LikeDays {
						method: Method::FiveOfTen,
						adjustment: Permill::from_percent(21),
					}
				},
				UnsoundTerms::Adjustment,
			),
			(
				|terms| terms.dead_band = Permill::from_parts(199_999),
				UnsoundTerms::Adjustment,
			),
			(
				// 0.2 of 0.8 is a quarter, and a change as large as the dead band counts.
				|terms| {
					terms.direction = Direction::Increase;
					terms.dead_band = Permill::from_percent(25);
				},
				UnsoundTerms::Adjustment,
			),
			(
				|terms| terms.baseline = Baseline::Commanded,
				UnsoundTerms::NoCommand,
			),
			(
				|terms| {
					terms.baseline = Baseline::Commanded;
					terms.command = Some(Action::Release);
				},
				UnsoundTerms::NoCommand,
			),
		];
		for (change, reason) in cases {
			assert_eq!(with(change), Err(reason));
		}
		let sound: [Change; 2] = [
			|terms| {
				terms.direction = Direction::Increase;
				terms.dead_band = Permill::from_parts(250_001);
			},
			// Without an adjustment there is nothing to cover.
			|terms| {
				terms.dead_band = Permill::zero();
				terms.baseline = Baseline::LikeDays {
					method: Method::TenOfTen,
					adjustment: Permill::zero(),
				};
			},
		];
		for change in sound {
			assert_eq!(with(change), Ok(()));
		}
	}
}
