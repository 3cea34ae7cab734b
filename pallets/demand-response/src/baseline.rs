//! Baselines: what a meter would have taken without the event. Pure.
//!
//! The **ten of ten** baseline is the mean of the ten latest *like days* (weekdays for a weekday, days of the
//! weekend for a day of the weekend; days on which the meter took part in an event are left out), over the
//! same periods of the day. **Five of ten** takes the five of those days on which the meter took most; it is
//! offered because contracts ask for it, though it overpays. Both are those of the North American Energy
//! Standards Board's *Measurement and Verification of Wholesale Demand Response* (type I, interval meters).
//!
//! A *same-day adjustment* scales the baseline by what the meter took in a window before it was given notice,
//! over what it took in that window on the like days; bounded to a share both ways. That share is covered by the
//! dead band, so that nothing is won by inflating the window. A window that was not measured adjusts as if the
//! claimant had least to claim: silence never pays.
//!
//! All values are net import in Wh: what a meter feeds in counts as negative. A baseline over several periods is
//! that of their sum and is rounded **once**, against who is paid by it: down where a reduction is paid, up
//! where an increase is.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::Permill;

use crate::types::Direction;

/// How many like days a baseline rests on.
pub const LIKE_DAYS: u32 = 10;

/// How many like days that were not measured are passed over. More, and there is no baseline: whoever could
/// choose the days to be silent on would choose the baseline.
pub const MAX_GAPS: u32 = 2;

/// The parts of the whole that a [`Permill`] counts.
const WHOLE: i128 = 1_000_000;

/// Which of the like days count.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Method {
	/// All ten.
	TenOfTen,
	/// The five of ten with most net import.
	FiveOfTen,
}

/// What a like day shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LikeDay {
	/// Net import over the periods of the event, in Wh.
	pub event: i64,
	/// Net import over the window before notice, in Wh; `None` if it was not measured.
	pub window: Option<i64>,
}

/// The same-day adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjustment {
	/// Net import over the window before notice, on the day itself; `None` if it was not measured.
	pub measured: Option<i64>,
	/// By how much the baseline may change at most, either way.
	pub bound: Permill,
}

/// The baseline over the periods of an event, in Wh of net import; `None` if there are less than `least` like
/// days, or none at all.
///
/// There is no adjustment of a baseline that is not positive, or whose like days took nothing in the window:
/// a factor means nothing there.
pub fn baseline(
	method: Method,
	days: &[LikeDay],
	least: u32,
	adjustment: Option<Adjustment>,
	direction: Direction,
) -> Option<i64> {
	let enough = usize::try_from(least.max(1)).ok()?;
	if days.len() < enough {
		return None;
	}
	let days = chosen(method, days);
	let count = i128::try_from(days.len()).ok()?;
	let sum: i128 = days.iter().map(|day| i128::from(day.event)).sum();
	let mean = divide(sum, count, direction);
	let adjusted = match adjustment {
		Some(adjustment) if sum > 0 => adjusted(&days, sum, count, adjustment, direction),
		_ => None,
	};
	i64::try_from(adjusted.unwrap_or(mean)).ok()
}

/// The days that count, of the latest ten.
fn chosen(method: Method, days: &[LikeDay]) -> Vec<LikeDay> {
	let mut days: Vec<LikeDay> = days.iter().take(LIKE_DAYS as usize).copied().collect();
	if method == Method::FiveOfTen {
		// Stable: of days that took the same, the later ones.
		days.sort_by_key(|day| core::cmp::Reverse(day.event));
		days.truncate(days.len().div_ceil(2));
	}
	days
}

/// The adjusted mean of `sum` over `count` days, if an adjustment means anything.
fn adjusted(
	days: &[LikeDay],
	sum: i128,
	count: i128,
	adjustment: Adjustment,
	direction: Direction,
) -> Option<i128> {
	let bound = i128::from(adjustment.bound.deconstruct());
	let bounded = |parts| {
		divide(
			sum.saturating_mul(parts),
			count.saturating_mul(WHOLE),
			direction,
		)
	};
	let (low, high) = (
		bounded(WHOLE.saturating_sub(bound)),
		bounded(WHOLE.saturating_add(bound)),
	);
	let least_claim = match direction {
		Direction::Reduce => low,
		Direction::Increase => high,
	};
	let windows: Vec<i128> = days
		.iter()
		.filter_map(|day| day.window)
		.map(i128::from)
		.collect();
	let (Some(measured), false) = (adjustment.measured, windows.is_empty()) else {
		return Some(least_claim);
	};
	let usual: i128 = windows.iter().sum();
	if usual <= 0 {
		return None;
	}
	// sum / count × measured / (usual / windows)
	let windows = i128::try_from(windows.len()).ok()?;
	let scaled = sum
		.checked_mul(i128::from(measured))?
		.checked_mul(windows)?;
	Some(divide(scaled, count.checked_mul(usual)?, direction).clamp(low, high))
}

/// The quotient by a positive divisor, rounded against the claimant.
fn divide(value: i128, by: i128, direction: Direction) -> i128 {
	let down = |value: i128| value.checked_div_euclid(by).unwrap_or(0);
	match direction {
		Direction::Reduce => down(value),
		Direction::Increase => down(value.saturating_neg()).saturating_neg(),
	}
}

/// The claimant's worst of a baseline and none: what a resource that is measured by its command is compared with.
/// So load that a meter has anyway, or feeds in anyway, earns nothing.
pub fn commanded(baseline: i64, direction: Direction) -> i64 {
	match direction {
		Direction::Reduce => baseline.min(0),
		Direction::Increase => baseline.max(0),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;
	use Direction::{Increase, Reduce};
	use Method::{FiveOfTen, TenOfTen};

	const BOUND: Permill = Permill::from_percent(20);

	fn days(events: &[i64]) -> Vec<LikeDay> {
		events
			.iter()
			.map(|event| LikeDay {
				event: *event,
				window: Some(1_000),
			})
			.collect()
	}

	fn adjust(measured: impl Into<Option<i64>>) -> Option<Adjustment> {
		Some(Adjustment {
			measured: measured.into(),
			bound: BOUND,
		})
	}

	/// Ten evenings of a household, newest first, in Wh, worked by hand: their sum is 21 337, the five highest
	/// are 3 120, 2 760, 2 515, 2 480 and 2 310, together 13 185.
	const EVENINGS: [i64; 10] = [
		2_310, 1_980, 2_515, 1_742, 3_120, 1_655, 2_480, 1_200, 2_760, 1_575,
	];

	#[test]
	fn baselines_should_be_those_of_the_table() {
		// method, direction, adjustment, expected
		let table = [
			(TenOfTen, Reduce, None, 2_133),   // 2 133.7 down
			(TenOfTen, Increase, None, 2_134), // up
			(FiveOfTen, Reduce, None, 2_637),  // 13 185 / 5, exact
			(TenOfTen, Reduce, adjust(1_000), 2_133),
			(TenOfTen, Reduce, adjust(1_100), 2_347), // × 1.1 = 2 347.07
			(TenOfTen, Reduce, adjust(900), 1_920),   // × 0.9 = 1 920.33
			(TenOfTen, Increase, adjust(900), 1_921),
			(TenOfTen, Reduce, adjust(1_500), 2_560), // bounded: × 1.2 = 2 560.44
			(TenOfTen, Reduce, adjust(0), 1_706),     // bounded: × 0.8 = 1 706.96
			(TenOfTen, Reduce, adjust(-800), 1_706),
			(FiveOfTen, Reduce, adjust(1_100), 2_900), // 2 637 × 1.1 = 2 900.7
			// Not measured: the least to claim.
			(TenOfTen, Reduce, adjust(None), 1_706),
			(TenOfTen, Increase, adjust(None), 2_561),
		];
		for (method, direction, adjustment, expected) in table {
			let found = baseline(method, &days(&EVENINGS), 10, adjustment, direction);
			assert_eq!(
				found,
				Some(expected),
				"{method:?} {direction:?} {adjustment:?}"
			);
		}
	}

	#[test]
	fn days_beyond_the_tenth_should_not_count() {
		let mut more = EVENINGS.to_vec();
		more.push(1_000_000);
		let found = baseline(TenOfTen, &days(&more), 10, None, Reduce);
		assert_eq!(found, Some(2_133));
	}

	#[test]
	fn too_few_days_should_give_no_baseline() {
		let few = days(&EVENINGS[..7]);
		assert_eq!(baseline(TenOfTen, &few, 8, None, Reduce), None);
		// 15 802 / 7 = 2 257.4
		assert_eq!(baseline(TenOfTen, &few, 7, None, Reduce), Some(2_257));
		// The four highest of seven: 3 120 + 2 515 + 2 480 + 2 310 = 10 425.
		assert_eq!(baseline(FiveOfTen, &few, 7, None, Reduce), Some(2_606));
		assert_eq!(baseline(TenOfTen, &[], 0, None, Reduce), None);
	}

	#[test]
	fn what_is_fed_in_should_round_against_the_claimant_and_not_be_scaled() {
		let solar = days(&[-1_000, -1_001]);
		for adjustment in [None, adjust(2_000), adjust(None)] {
			let found = |direction| baseline(TenOfTen, &solar, 2, adjustment, direction);
			assert_eq!(found(Reduce), Some(-1_001));
			assert_eq!(found(Increase), Some(-1_000));
		}
	}

	#[test]
	fn windows_that_took_nothing_should_not_adjust_and_missing_ones_be_left_out() {
		let mut quiet = days(&EVENINGS);
		for day in &mut quiet {
			day.window = Some(0);
		}
		let found = baseline(TenOfTen, &quiet, 10, adjust(500), Reduce);
		assert_eq!(found, Some(2_133));
		let mut gaps = days(&EVENINGS);
		for day in gaps.iter_mut().skip(5) {
			day.window = None;
		}
		let found = baseline(TenOfTen, &gaps, 10, adjust(1_100), Reduce);
		assert_eq!(found, Some(2_347));
		for day in &mut gaps {
			day.window = None;
		}
		let found = baseline(TenOfTen, &gaps, 10, adjust(1_100), Reduce);
		assert_eq!(found, Some(1_706));
	}

	#[test]
	fn a_commanded_resource_should_not_be_paid_for_what_it_does_anyway() {
		assert_eq!(commanded(500, Reduce), 0);
		assert_eq!(commanded(-500, Reduce), -500);
		assert_eq!(commanded(500, Increase), 500);
		assert_eq!(commanded(-500, Increase), 0);
	}

	fn any_days() -> impl Strategy<Value = Vec<LikeDay>> {
		let day = (
			-100_000i64..100_000,
			proptest::option::of(-100_000i64..100_000),
		)
			.prop_map(|(event, window)| LikeDay { event, window });
		proptest::collection::vec(day, 1..14)
	}

	proptest! {
		/// Rounding costs less than one Wh, and always the claimant.
		#[test]
		fn rounding_should_be_against_the_claimant(days in any_days()) {
			let counted: Vec<_> = days.iter().take(10).collect();
			let (sum, n) = (
				counted.iter().map(|day| day.event).sum::<i64>(),
				i64::try_from(counted.len()).unwrap(),
			);
			let down = baseline(TenOfTen, &days, 1, None, Reduce).unwrap();
			let up = baseline(TenOfTen, &days, 1, None, Increase).unwrap();
			prop_assert!(down * n <= sum && sum < (down + 1) * n);
			prop_assert!((up - 1) * n < sum && sum <= up * n);
		}

		/// An adjustment never leaves its bound, whatever the window shows.
		#[test]
		fn adjustments_should_stay_within_their_bound(
			days in any_days(),
			measured in proptest::option::of(-1_000_000_000i64..1_000_000_000),
			percent in 0u32..=20,
		) {
			let bound = Permill::from_percent(percent);
			for method in [TenOfTen, FiveOfTen] {
				let plain = baseline(method, &days, 1, None, Reduce).unwrap();
				let adjustment = Some(Adjustment { measured, bound });
				let found = baseline(method, &days, 1, adjustment, Reduce).unwrap();
				let most = plain.abs() * i64::from(percent) / 100 + 2;
				prop_assert!((found - plain).abs() <= most, "{plain} {found}");
			}
		}

		/// The highest days never give less than all.
		#[test]
		fn five_of_ten_should_not_be_below_ten_of_ten(days in any_days()) {
			let found = |method| baseline(method, &days, 1, None, Reduce);
			prop_assert!(found(FiveOfTen) >= found(TenOfTen));
		}

		/// A silent window never gives a better baseline than any that was measured.
		#[test]
		fn silence_should_never_pay(days in any_days(), measured in -1_000_000i64..1_000_000) {
			let sum: i64 = days.iter().take(10).map(|day| day.event).sum();
			let usual: i64 = days.iter().take(10).filter_map(|day| day.window).sum();
			prop_assume!(sum > 0 && usual > 0);
			let found = |measured, direction| {
				let adjustment = Some(Adjustment { measured, bound: BOUND });
				baseline(TenOfTen, &days, 1, adjustment, direction)
			};
			prop_assert!(found(None, Reduce) <= found(Some(measured), Reduce));
			prop_assert!(found(None, Increase) >= found(Some(measured), Increase));
		}
	}
}
