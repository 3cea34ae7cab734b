//! Links between communities: lines over which the energy of one is sold in another, one way each.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{PerThing, Permill};

use crate::{
	units::{ENERGY_BOUND, PRICE_BOUND},
	LinkId, MicrogridId, Price, WattHours,
};

/// A link loses less than this part of what is sent: then what rounding leaves of an order is at most 1 Wh.
pub const LOSS_BOUND: Permill = Permill::from_percent(50);

/// What two communities have agreed about a link. It never changes: other terms are another link.
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
pub struct LinkTerms {
	/// Whose energy it carries.
	pub from: MicrogridId,
	/// Where that is received.
	pub to: MicrogridId,
	/// Part of what is sent that does not arrive; below [`LOSS_BOUND`].
	pub loss: Permill,
	/// Most energy that may be sent for one period, in Wh.
	pub capacity: WattHours,
	/// What the buyer pays to the link's operator per kWh received, in 10⁻⁶ GRID.
	pub wheeling_fee: Price,
	/// Least energy received of one trade, in Wh, unless the trade takes all that is left of the order that
	/// rested. It keeps rounding small.
	pub min_quantity: WattHours,
}

/// Why the terms of a link are unsound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsoundLink {
	/// It leads back to where it comes from.
	Loop,
	/// The loss is not below [`LOSS_BOUND`].
	Loss,
	/// The capacity is zero or not below [`ENERGY_BOUND`].
	Capacity,
	/// The wheeling fee is not below [`PRICE_BOUND`].
	WheelingFee,
	/// The minimum quantity is zero, or more than the capacity can deliver.
	MinQuantity,
}

impl LinkTerms {
	/// Why these terms are unsound, if they are.
	pub fn check(&self) -> Result<(), UnsoundLink> {
		if self.from == self.to {
			return Err(UnsoundLink::Loop);
		}
		if self.loss >= LOSS_BOUND {
			return Err(UnsoundLink::Loss);
		}
		if self.capacity.is_zero() || self.capacity.0 >= ENERGY_BOUND {
			return Err(UnsoundLink::Capacity);
		}
		if self.wheeling_fee.0 >= PRICE_BOUND {
			return Err(UnsoundLink::WheelingFee);
		}
		if self.min_quantity.is_zero() || self.min_quantity > received_of(self.loss, self.capacity)
		{
			return Err(UnsoundLink::MinQuantity);
		}
		Ok(())
	}
}

/// The millionths that arrive.
fn kept(loss: Permill) -> u128 {
	loss.left_from_one().deconstruct().into()
}

/// What has to be sent so that `received` arrives: `⌈received / (1 − loss)⌉`. Rounding is borne by whoever
/// came last, the taker: it pays for what is sent, or sends it. With a loss of all, nothing can: the most
/// that can be said.
///
/// ```
/// # use gridweave_primitives::{link::sent_for, WattHours};
/// # use sp_runtime::Permill;
/// assert_eq!(sent_for(Permill::from_percent(5), WattHours(950)), WattHours(1_000));
/// assert_eq!(sent_for(Permill::from_percent(5), WattHours(951)), WattHours(1_002));
/// ```
pub fn sent_for(loss: Permill, received: WattHours) -> WattHours {
	let parts = u128::from(received.0).saturating_mul(1_000_000);
	let kept = kept(loss);
	let sent = parts
		.saturating_add(kept.saturating_sub(1))
		.checked_div(kept)
		.and_then(|sent| u64::try_from(sent).ok());
	WattHours(sent.unwrap_or(u64::MAX))
}

/// The most that can be received of what is sent: `⌊sent × (1 − loss)⌋`, the largest `q` of which
/// [`sent_for`] is at most `sent`.
pub fn received_of(loss: Permill, sent: WattHours) -> WattHours {
	let parts = u128::from(sent.0).saturating_mul(kept(loss));
	// At most `sent`.
	WattHours(u64::try_from(parts / 1_000_000).unwrap_or(sent.0))
}

/// A link that is open for a period.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct OpenLink<AccountId> {
	/// Which link.
	pub id: LinkId,
	/// What is agreed.
	pub terms: LinkTerms,
	/// Who is paid the wheeling fee.
	pub operator: AccountId,
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn terms() -> LinkTerms {
		LinkTerms {
			from: MicrogridId(0),
			to: MicrogridId(1),
			loss: Permill::from_percent(5),
			capacity: WattHours(1_000),
			wheeling_fee: Price(0),
			min_quantity: WattHours(950),
		}
	}

	#[test]
	fn unsound_links_should_be_named() {
		let with = |change: fn(&mut LinkTerms)| {
			let mut terms = terms();
			change(&mut terms);
			terms.check()
		};
		assert_eq!(terms().check(), Ok(()));
		for (result, reason) in [
			(with(|link| link.to = link.from), UnsoundLink::Loop),
			(with(|link| link.loss = LOSS_BOUND), UnsoundLink::Loss),
			(
				with(|link| link.capacity = WattHours(0)),
				UnsoundLink::Capacity,
			),
			(
				with(|link| link.capacity = WattHours(ENERGY_BOUND)),
				UnsoundLink::Capacity,
			),
			(
				with(|link| link.wheeling_fee = Price(PRICE_BOUND)),
				UnsoundLink::WheelingFee,
			),
			(
				with(|link| link.min_quantity = WattHours(0)),
				UnsoundLink::MinQuantity,
			),
			(
				with(|link| link.min_quantity = WattHours(951)),
				UnsoundLink::MinQuantity,
			),
		] {
			assert_eq!(result, Err(reason));
		}
	}

	proptest! {
		/// What is received of `sent` is the most whose sending takes no more.
		#[test]
		fn sending_and_receiving_should_be_each_others_inverse(
			loss in 0u32..500_000, energy in 0u64..1 << 32,
		) {
			let (loss, energy) = (Permill::from_parts(loss), WattHours(energy));
			let received = received_of(loss, energy);
			prop_assert!(sent_for(loss, received) <= energy);
			prop_assert!(sent_for(loss, received.saturating_add(WattHours(1))) > energy);
			// Below LOSS_BOUND an order that gives all it can has at most 1 Wh left.
			prop_assert!(energy.0 - sent_for(loss, received).0 <= 1);
			prop_assert_eq!(received_of(loss, sent_for(loss, energy)), energy);
			prop_assert!(sent_for(loss, energy) >= energy);
		}
	}
}
