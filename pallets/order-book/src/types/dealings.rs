//! What a meter is in the market for, over all periods.

use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{
	traits::{ConstU32, Get},
	BoundedVec, CloneNoBound, DebugNoBound, DefaultNoBound, EqNoBound, PartialEqNoBound,
};
use gridweave_primitives::{OrderId, Period};
use scale_info::TypeInfo;

use super::Commitment;

/// Most periods that are kept for a meter: those with open orders, and those with trades that are not settled.
pub const MAX_PERIODS: u32 = 512;

/// Whether nothing more will come of what there is of a period.
fn is_over((period, kept): &(Period, Commitment), settled_before: Period) -> bool {
	*period < settled_before && !kept.is_open()
}

/// What a meter has on offer and traded. One item for all periods: as few as most meters deal in, the trie keeps it in
/// the node of its key.
#[derive(
	CloneNoBound,
	DebugNoBound,
	DefaultNoBound,
	PartialEqNoBound,
	EqNoBound,
	Encode,
	Decode,
	MaxEncodedLen,
	TypeInfo,
)]
#[codec(mel_bound(MaxOrders: Get<u32>))]
#[scale_info(skip_type_params(MaxOrders))]
pub struct Dealings<MaxOrders: Get<u32>> {
	/// Its open orders, oldest first: ids are given in order of arrival.
	pub orders: BoundedVec<OrderId, MaxOrders>,
	/// By rising period: those with open orders, and those with trades that are not settled yet; settled ones go with the
	/// next period that is entered.
	pub periods: BoundedVec<(Period, Commitment), ConstU32<MAX_PERIODS>>,
}

impl<MaxOrders: Get<u32>> Dealings<MaxOrders> {
	fn find(&self, period: Period) -> Result<usize, usize> {
		self.periods.binary_search_by_key(&period, |(of, _)| *of)
	}

	/// What there is of a period.
	pub fn of(&self, period: Period) -> Commitment {
		let found = self.find(period).ok();
		let entry = found.and_then(|place| self.periods.get(place));
		entry.map(|(_, commitment)| *commitment).unwrap_or_default()
	}

	/// Whether a period can be entered, or is there.
	pub fn has_room_for(&self, period: Period, settled_before: impl FnOnce() -> Period) -> bool {
		if !self.periods.is_full() || self.find(period).is_ok() {
			return true;
		}
		let settled_before = settled_before();
		self.periods
			.iter()
			.any(|entry| is_over(entry, settled_before))
	}

	/// Whether it traded for a period that is not settled.
	pub fn has_trades(&self, settled_before: Period) -> bool {
		let mut since = self.periods.iter().filter(|(of, _)| *of >= settled_before);
		since.any(|(_, kept)| !kept.sold.is_zero() || !kept.bought.is_zero())
	}

	/// Changes what there is of a period; what comes to nothing is freed. If the period is new, those go first that are
	/// settled and have no open orders. Whether there was room for it.
	pub fn change(
		&mut self,
		period: Period,
		settled_before: impl FnOnce() -> Period,
		change: impl FnOnce(&mut Commitment),
	) -> bool {
		let mut commitment = self.of(period);
		change(&mut commitment);
		let empty = commitment == Commitment::default();
		match self.find(period) {
			Ok(place) if empty => {
				self.periods.remove(place);
			}
			Ok(place) => {
				if let Some(entry) = self.periods.get_mut(place) {
					entry.1 = commitment;
				}
			}
			Err(_) if empty => {}
			Err(_) => {
				let settled_before = settled_before();
				self.periods.retain(|entry| !is_over(entry, settled_before));
				let place = self.find(period).unwrap_or_else(|place| place);
				let entry = (period, commitment);
				return self.periods.try_insert(place, entry).is_ok();
			}
		}
		true
	}

	/// Notes that an order is no longer open.
	pub fn close(&mut self, order: OrderId) {
		if let Ok(place) = self.orders.binary_search(&order) {
			self.orders.remove(place);
		}
	}

	/// Whether nothing is left.
	pub fn is_empty(&self) -> bool {
		self.orders.is_empty() && self.periods.is_empty()
	}
}
