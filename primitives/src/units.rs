//! Units: integers, typed, exact. Nothing in Gridweave computes energy or money in floating point.

use codec::{CompactAs, Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use serde::{Deserialize, Serialize};

/// Money in planck: 10⁻¹² GRID.
pub type Balance = u128;

/// Prices are below this bound (2⁴⁰ × 10⁻⁶ GRID per kWh), which keeps every product of a price and an
/// energy far inside [`Balance`]. Checked where prices enter: tariffs, market rules, orders.
pub const PRICE_BOUND: u64 = 1 << 40;

/// What a meter's ratings allow in a period, and what an order asks for, is below this bound (2³² Wh).
/// Checked where both enter. Metered energy can be more: the end of a long silence is booked on one period.
pub const ENERGY_BOUND: u64 = 1 << 32;

macro_rules! quantity {
	($(#[$doc:meta])* $name:ident($inner:ty)) => {
		$(#[$doc])*
		#[derive(
			Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
			Encode, Decode, DecodeWithMemTracking, CompactAs, MaxEncodedLen, TypeInfo,
		)]
		#[derive(Serialize, Deserialize)]
		#[serde(transparent)]
		pub struct $name(pub $inner);

		impl $name {
			/// Nothing of it.
			pub const ZERO: Self = Self(0);

			/// Whether there is none of it.
			pub const fn is_zero(self) -> bool {
				self.0 == 0
			}

			/// The sum, or `None` if it does not fit.
			pub fn checked_add(self, other: Self) -> Option<Self> {
				self.0.checked_add(other.0).map(Self)
			}

			/// The difference, or `None` if it would be negative.
			pub fn checked_sub(self, other: Self) -> Option<Self> {
				self.0.checked_sub(other.0).map(Self)
			}

			/// The sum, at most the largest value.
			pub const fn saturating_add(self, other: Self) -> Self {
				Self(self.0.saturating_add(other.0))
			}

			/// The difference, at least zero.
			pub const fn saturating_sub(self, other: Self) -> Self {
				Self(self.0.saturating_sub(other.0))
			}
		}

		impl From<$inner> for $name {
			fn from(value: $inner) -> Self {
				Self(value)
			}
		}

		impl core::fmt::Display for $name {
			fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
				self.0.fmt(f)
			}
		}
	};
}

quantity!(
	/// Energy in watt-hours.
	WattHours(u64)
);
quantity!(
	/// Power in watts.
	Watts(u32)
);
quantity!(
	/// A price in 10⁻⁶ GRID per kWh.
	Price(u64)
);

impl Watts {
	/// The energy of this power held for `seconds`, rounded down.
	///
	/// ```
	/// # use gridweave_primitives::{Watts, WattHours};
	/// assert_eq!(Watts(4_000).over(900), WattHours(1_000));
	/// ```
	pub const fn over(self, seconds: u64) -> WattHours {
		WattHours((self.0 as u128 * seconds as u128 / 3_600) as u64)
	}
}

/// What `energy` costs at `price`, in planck: **exactly** price × energy × 1000, for
/// 10⁻⁶ GRID/kWh × Wh = 10⁻⁹ GRID = 1000 planck. No rounding, and nothing saturates: below [`PRICE_BOUND`],
/// which is checked at the door, the cost of any energy is below 2¹¹⁴.
///
/// ```
/// # use gridweave_primitives::{cost, Price, WattHours};
/// // 2.5 kWh at 0.30 GRID per kWh are 0.75 GRID.
/// assert_eq!(cost(Price(300_000), WattHours(2_500)), 750_000_000_000);
/// ```
pub const fn cost(price: Price, energy: WattHours) -> Balance {
	(price.0 as Balance)
		.saturating_mul(energy.0 as Balance)
		.saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn cost_at_the_bounds_should_be_exact() {
		let (price, energy) = (PRICE_BOUND - 1, ENERGY_BOUND - 1);
		assert_eq!(
			cost(Price(price), WattHours(energy)),
			price as u128 * energy as u128 * 1_000,
		);
		// Nor does it saturate for energy beyond what one period allows.
		assert_eq!(
			cost(Price(price), WattHours(u64::MAX)),
			price as u128 * u64::MAX as u128 * 1_000,
		);
	}

	#[test]
	fn power_over_time_should_round_down_and_never_overflow() {
		assert_eq!(Watts(1).over(3_599), WattHours(0));
		assert_eq!(Watts(1).over(3_600), WattHours(1));
		assert_eq!(Watts(u32::MAX).over(3_600), WattHours(u32::MAX as u64));
	}
}
