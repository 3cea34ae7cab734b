//! Values of neighbouring meters, stored together.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, BoundedVec};

use crate::ids::METERS_PER_PAGE;

/// Values of the meters on one page, ascending by slot.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Slots<V>(BoundedVec<(u8, V), ConstU32<METERS_PER_PAGE>>);

impl<V> Default for Slots<V> {
	fn default() -> Self {
		Self(BoundedVec::new())
	}
}

impl<V> Slots<V> {
	fn place(&self, slot: u8) -> Result<usize, usize> {
		self.0.binary_search_by_key(&slot, |(slot, _)| *slot)
	}

	/// The value at `slot`.
	pub fn get(&self, slot: u8) -> Option<&V> {
		self.place(slot)
			.ok()
			.and_then(|place| self.0.get(place))
			.map(|(_, value)| value)
	}

	/// The value at `slot`, to change.
	pub fn get_mut(&mut self, slot: u8) -> Option<&mut V> {
		let place = self.place(slot).ok()?;
		self.0.get_mut(place).map(|(_, value)| value)
	}

	/// Stores `value` at `slot`. Slots at or beyond [`METERS_PER_PAGE`] do not exist; they are ignored.
	pub fn set(&mut self, slot: u8, value: V) {
		match self.place(slot) {
			Ok(place) => {
				if let Some((_, old)) = self.0.get_mut(place) {
					*old = value;
				}
			}
			// A page has as many places as slots, and each slot has at most one.
			Err(place) if u32::from(slot) < METERS_PER_PAGE => {
				let _ = self.0.try_insert(place, (slot, value));
			}
			Err(_) => {}
		}
	}

	/// Takes the value at `slot` out.
	pub fn remove(&mut self, slot: u8) -> Option<V> {
		let place = self.place(slot).ok()?;
		Some(self.0.remove(place).1)
	}

	/// All slots with a value, ascending.
	pub fn iter(&self) -> impl Iterator<Item = (u8, &V)> {
		self.0.iter().map(|(slot, value)| (*slot, value))
	}

	/// Whether no slot has a value.
	pub fn is_empty(&self) -> bool {
		self.0.is_empty()
	}
}
