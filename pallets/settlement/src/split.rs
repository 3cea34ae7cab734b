//! What was physically there: a meter's metered energy against its contracts.
//!
//! Contracts first take what was metered; only what is left, physical surplus and need, meets in the
//! residual rule. So trades between empty meters change nobody else's bill.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::WattHours;
use scale_info::TypeInfo;

/// The metered energy of one meter and period, split by its contracts. All in Wh.
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
pub struct Split {
	/// Of the contracted net sale, what was fed in.
	pub delivered: WattHours,
	/// Of the contracted net sale, what was not: bought at the retail price.
	pub shortfall: WattHours,
	/// Of the contracted net purchase, what was taken.
	pub consumed: WattHours,
	/// Of the contracted net purchase, what was not: sold at the feed-in price.
	pub excess: WattHours,
	/// Fed in beyond contracts: for the residual rule.
	pub surplus: WattHours,
	/// Taken beyond contracts: for the residual rule.
	pub need: WattHours,
}

impl Split {
	/// Splits net metered energy N = export − import against the net contract C = sold − bought:
	///
	/// - C > 0: delivered `d = min(C, N⁺)`, shortfall `C − d`, surplus `N⁺ − d`, need `N⁻`;
	/// - C < 0: consumed `c = min(−C, N⁻)`, excess `−C − c`, need `N⁻ − c`, surplus `N⁺`;
	/// - C = 0: surplus `N⁺`, need `N⁻`.
	///
	/// ```
	/// # use pallet_settlement::split::Split;
	/// # use gridweave_primitives::WattHours;
	/// // 500 Wh sold, 200 Wh fed in.
	/// let split = Split::of(WattHours(500), WattHours(0), WattHours(0), WattHours(200));
	/// assert_eq!((split.delivered, split.shortfall), (WattHours(200), WattHours(300)));
	/// ```
	pub fn of(sold: WattHours, bought: WattHours, import: WattHours, export: WattHours) -> Self {
		let (sale, purchase) = (sold.saturating_sub(bought), bought.saturating_sub(sold));
		let (fed_in, taken) = (export.saturating_sub(import), import.saturating_sub(export));
		let (delivered, consumed) = (sale.min(fed_in), purchase.min(taken));
		Self {
			delivered,
			shortfall: sale.saturating_sub(delivered),
			consumed,
			excess: purchase.saturating_sub(consumed),
			surplus: fed_in.saturating_sub(delivered),
			need: taken.saturating_sub(consumed),
		}
	}
}
