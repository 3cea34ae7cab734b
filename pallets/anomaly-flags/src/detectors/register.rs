//! Registers that run backwards, or faster than the connection allows.

use gridweave_primitives::{meter::Movement, WattHours, Watts};

use super::Finding;

/// A register that ran backwards other than by its modulus. Rollovers are told apart where readings are
/// booked ([`Movement::rolled_back`]), for that decides what is paid; here it becomes a finding: the register
/// now, and at least what it showed before.
pub fn rollback(movement: &Movement, before: WattHours, now: WattHours) -> Option<Finding> {
	movement
		.rolled_back
		.then(|| Finding::new(i128::from(now.0), i128::from(before.0)))
}

/// A register that advanced, in `seconds`, by more than `tolerance` thousandths of what a connection of power
/// `rating` transfers, and one `step` of the register. Seen and expected in Wh.
pub fn implausible_power(
	movement: &Movement,
	rating: Watts,
	seconds: u64,
	tolerance: u16,
	step: u16,
) -> Option<Finding> {
	// Below 2⁶⁵, and 2³² · 2⁶⁴ · 2¹⁶: nothing saturates.
	let advance = u128::from(movement.counted.0).saturating_add(movement.suspended.0.into());
	let limit = u128::from(rating.0)
		.saturating_mul(seconds.into())
		.saturating_mul(tolerance.into());
	const WH: u128 = 3_600 * 1_000;
	if advance.saturating_sub(step.into()).saturating_mul(WH) <= limit {
		return None;
	}
	let signed = |value: u128| i128::try_from(value).unwrap_or(i128::MAX);
	Some(Finding::new(signed(advance), signed(limit / WH)))
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn moved(counted: u64, suspended: u64) -> Movement {
		Movement {
			counted: WattHours(counted),
			suspended: WattHours(suspended),
			rolled_back: false,
		}
	}

	#[test]
	fn a_register_that_ran_backwards_should_be_found_and_no_other() {
		let back = Movement {
			rolled_back: true,
			..Movement::default()
		};
		assert_eq!(
			rollback(&back, WattHours(9), WattHours(4)),
			Some(Finding::new(4, 9))
		);
		assert_eq!(rollback(&moved(4, 0), WattHours(9), WattHours(4)), None);
	}

	#[test]
	fn the_limit_of_power_should_be_the_rating_with_its_tolerance_and_one_digit() {
		// 4 kW for a quarter of an hour is 1 kWh.
		let found = |energy| implausible_power(&moved(1_000, energy), Watts(4_000), 900, 1_100, 1);
		assert_eq!(found(101), None);
		assert_eq!(found(102), Some(Finding::new(1_102, 1_100)));
	}

	#[test]
	fn a_connection_that_may_not_feed_in_should_be_found_doing_so() {
		let found = |energy| implausible_power(&moved(0, energy), Watts(0), 900, 1_100, 1);
		assert_eq!(found(1), None);
		assert_eq!(found(2), Some(Finding::new(2, 0)));
	}

	proptest! {
		#[test]
		fn power_within_the_rating_should_never_be_found(
			rating in any::<u32>(), seconds in 1u64..1 << 40, tolerance in 1_000u16..2_000,
		) {
			let energy = Watts(rating).over(seconds).0;
			prop_assert_eq!(
				implausible_power(&moved(energy, 0), Watts(rating), seconds, tolerance, 0), None
			);
		}

		#[test]
		fn power_above_the_tolerance_should_always_be_found(
			counted in any::<u64>(), suspended in any::<u64>(),
			rating in any::<u32>(), seconds in any::<u64>(), tolerance in 1_000u16..2_000,
			step: u16,
		) {
			let found = implausible_power(
				&moved(counted, suspended), Watts(rating), seconds, tolerance, step,
			);
			let advance = u128::from(counted) + u128::from(suspended);
			let limit = u128::from(rating) * u128::from(seconds) * u128::from(tolerance) / 3_600_000;
			prop_assert_eq!(found.is_some(), advance > limit + u128::from(step));
		}
	}
}
