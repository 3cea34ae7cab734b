//! How losses move after they were fitted.
//!
//! Seasons change what flows where, and meters err. A part that is constant, one that grows with the flow, one that
//! grows with its square and one that grows with what members feed in are learned along with the
//! [shares](super::suspects) of the members, and take up what concerns them all.
//!
//! The last is what the meters of those who feed in err by: the same sun shines on all of them, so that one number tells
//! most of it. Left to the shares, which know of import alone, it would be laid on whoever takes little while the sun
//! shines.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use super::{
	clamp,
	feeder::{squared, FLOW_UNIT, FRACTION, RESIDUAL_BOUND},
	suspects::{RATE, UNIT},
};

/// How many members' weight each part of it has.
const DRIFT_WEIGHT: i128 = 10;

/// Most squared flow, in 1/256 of the mean.
const SQUARED_BOUND: i128 = 1_024 * UNIT;

/// Most flow, either way, in 1/256 of what is usual.
const RELATIVE_BOUND: i128 = 32 * UNIT;

/// How the losses have moved since they were fitted: learned as the shares of members are.
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
pub struct Drift {
	/// In Wh a period, times 2²⁰.
	pub constant: i64,
	/// In Wh at the flow of the fit, times 2²⁰: what the feeder's meter errs by, and what all members' have in common.
	pub linear: i64,
	/// In Wh at the mean squared flow of the fit, times 2²⁰.
	pub copper: i64,
	/// In Wh when members feed in as much as flowed at the fit, times 2²⁰: what their meters err by in it.
	pub fed: i64,
}

/// The flow of a period, beside that of the fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relative {
	/// The flow, negative towards the grid, in 1/256 of the root mean square.
	flow: i128,
	/// Its square, in 1/256 of the mean square.
	square: i128,
	/// What members feed in, in 1/256 of the root mean square of the flow.
	fed: i128,
}

impl Relative {
	/// Of a net flow in Wh, one without direction, and what members feed in, where the mean square was `mean`.
	pub(super) fn of(net: i128, flow: u64, fed: u64, mean: i128) -> Self {
		let usual = mean.max(1).isqrt().saturating_mul(FLOW_UNIT.into()).max(1);
		let relative = |energy: i128| {
			(energy.saturating_mul(UNIT) / usual)
				.clamp(0i128.saturating_sub(RELATIVE_BOUND), RELATIVE_BOUND)
		};
		Self {
			flow: relative(net),
			fed: relative(fed.into()),
			square: (squared(flow).saturating_mul(UNIT) / mean.max(1)).min(SQUARED_BOUND),
		}
	}
}

impl Drift {
	/// What it adds, in Wh, at a flow.
	pub(super) fn losses(&self, at: &Relative) -> i128 {
		let part = |of: i64, share: i128| i128::from(of).saturating_mul(share) / UNIT;
		i128::from(self.constant)
			.saturating_add(part(self.linear, at.flow))
			.saturating_add(part(self.copper, at.square))
			.saturating_add(part(self.fed, at.fed))
			>> FRACTION
	}

	/// What a flow adds to the sum of squares of what explains a period.
	pub(super) fn norm(at: &Relative) -> u128 {
		[UNIT, at.flow, at.square, at.fed]
			.into_iter()
			.map(|share| share.saturating_mul(share))
			.fold(0, i128::saturating_add)
			.saturating_mul(DRIFT_WEIGHT)
			.unsigned_abs()
	}

	/// Learns from what was left unexplained in a period.
	pub(super) fn learn(&mut self, unexplained: i128, at: &Relative, norm: u128) {
		let divisor = i128::try_from(norm)
			.unwrap_or(i128::MAX)
			.saturating_mul(RATE)
			.max(1);
		// Below 2³⁶ · 2⁴ · 2¹⁸ · 2⁸ · 2²⁰.
		let bounded = unexplained.clamp(0i128.saturating_sub(RESIDUAL_BOUND), RESIDUAL_BOUND);
		let step = |share: i128| {
			bounded
				.saturating_mul(DRIFT_WEIGHT)
				.saturating_mul(share)
				.saturating_mul(UNIT << FRACTION)
				/ divisor
		};
		let most = RESIDUAL_BOUND << FRACTION;
		let moved = |value: i64, share: i128| {
			let value = i128::from(value).saturating_add(step(share));
			clamp(value.clamp(0i128.saturating_sub(most), most))
		};
		self.constant = moved(self.constant, UNIT);
		self.linear = moved(self.linear, at.flow);
		self.copper = moved(self.copper, at.square);
		self.fed = moved(self.fed, at.fed);
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn what_grows_with_the_flow_should_be_learned_with_its_direction() {
		let mut drift = Drift::default();
		// A hundredth of what flows, whichever way; the mean square is that of 10 kWh.
		let at = |n: i128| {
			let net = (n * 7_919 % 401 - 200) * 100;
			(net, Relative::of(net, net.unsigned_abs() as u64, 0, 10_000))
		};
		for n in 0..5_000 {
			let (net, at) = at(n);
			let unexplained = net / 100 - drift.losses(&at);
			drift.learn(unexplained, &at, Drift::norm(&at));
		}
		for net in [-15_000i128, -4_000, 6_000, 18_000] {
			let at = Relative::of(net, net.unsigned_abs() as u64, 0, 10_000);
			assert!(
				(drift.losses(&at) - net / 100).abs() <= 8,
				"{net}: {drift:?}"
			);
		}
	}

	#[test]
	fn what_meters_err_by_in_what_is_fed_in_should_be_learned() {
		let mut drift = Drift::default();
		// Every other period is one of the day, in which twice as much is fed in as is taken; a hundredth of that is not
		// counted.
		let at = |n: i128| {
			let taken = (n * 7_919 % 101 + 20) * 50;
			let fed = (n * 104_729 % 97) * 150 * (n % 2);
			let net = taken - fed;
			let at = Relative::of(net, net.unsigned_abs() as u64, fed as u64, 10_000);
			(fed, at)
		};
		for n in 0..5_000 {
			let (fed, at) = at(n);
			let unexplained = fed / 100 - drift.losses(&at);
			drift.learn(unexplained, &at, Drift::norm(&at));
		}
		for n in 5_000..5_100 {
			let (fed, at) = at(n);
			assert!(
				(drift.losses(&at) - fed / 100).abs() <= 8,
				"{fed}: {drift:?}"
			);
		}
	}

	proptest! {
		#[test]
		fn no_values_should_overflow(
			constant: i64, linear: i64, copper: i64, fed: i64, unexplained: i64, net: i64, flow: u64, export: u64,
			mean: i64, norm: u128,
		) {
			let mut drift = Drift { constant, linear, copper, fed };
			let at = Relative::of(net.into(), flow, export, mean.into());
			drift.learn(unexplained.into(), &at, norm);
			drift.losses(&at);
			Drift::norm(&at);
		}
	}
}
