//! Identifiers, and big-endian keys.

use codec::{CompactAs, Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use serde::{Deserialize, Serialize};

macro_rules! id {
	($(#[$doc:meta])* $name:ident($inner:ty)) => {
		$(#[$doc])*
		#[derive(
			Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
			Encode, Decode, DecodeWithMemTracking, CompactAs, MaxEncodedLen, TypeInfo,
		)]
		#[derive(Serialize, Deserialize)]
		#[serde(transparent)]
		pub struct $name(pub $inner);

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

id!(
	/// A microgrid (an energy community): dense, from 0.
	MicrogridId(u32)
);
id!(
	/// A meter. Ids are given out in pages of [`METERS_PER_PAGE`] consecutive ids per microgrid, so that
	/// neighbours in a community are neighbours in storage. An id is given out again only if no operator
	/// has admitted its meter.
	MeterId(u32)
);
id!(
	/// A link between two microgrids. Never given out again.
	LinkId(u32)
);
id!(
	/// An order: its place in the order of arrival over all books.
	OrderId(u64)
);
id!(
	/// A programme of demand response. Never given out again.
	ProgrammeId(u32)
);
id!(
	/// What takes part in a programme and is measured as one: a meter, or a group of meters. Never given out
	/// again.
	ResourceId(u32)
);
id!(
	/// An event of a programme of demand response: its place in the order of announcement. Never given out again.
	EventId(u32)
);

/// How many consecutive meter ids form a page, all of one microgrid.
pub const METERS_PER_PAGE: u32 = 32;

impl MeterId {
	/// The page this meter lies on.
	pub const fn page(self) -> u32 {
		self.0 / METERS_PER_PAGE
	}

	/// The meter's place on its page.
	pub const fn slot(self) -> u8 {
		(self.0 % METERS_PER_PAGE) as u8
	}

	/// The meter at `slot` of `page`.
	pub const fn at(page: u32, slot: u8) -> Self {
		Self(
			page.saturating_mul(METERS_PER_PAGE)
				.saturating_add(slot as u32),
		)
	}
}

macro_rules! big_endian {
	($(#[$doc:meta])* $name:ident($inner:ty, $size:literal)) => {
		$(#[$doc])*
		#[derive(
			Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord,
			Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
		)]
		pub struct $name(pub [u8; $size]);

		impl $name {
			/// The number whose big-endian bytes these are.
			pub const fn get(self) -> $inner {
				<$inner>::from_be_bytes(self.0)
			}
		}

		impl From<$inner> for $name {
			fn from(value: $inner) -> Self {
				Self(value.to_be_bytes())
			}
		}
	};
}

big_endian!(
	/// A `u32` as a storage key that keeps numeric order in the trie. SCALE integers are little-endian;
	/// use with the `Identity` hasher and for bounded integers of our own only.
	Be32(u32, 4)
);
big_endian!(
	/// A `u64` as a storage key that keeps numeric order in the trie (see [`Be32`]).
	Be64(u64, 8)
);

impl From<MicrogridId> for Be32 {
	fn from(id: MicrogridId) -> Self {
		id.0.into()
	}
}

impl From<LinkId> for Be32 {
	fn from(id: LinkId) -> Self {
		id.0.into()
	}
}

impl From<MeterId> for Be32 {
	fn from(id: MeterId) -> Self {
		id.0.into()
	}
}

impl From<ProgrammeId> for Be32 {
	fn from(id: ProgrammeId) -> Self {
		id.0.into()
	}
}

impl From<ResourceId> for Be32 {
	fn from(id: ResourceId) -> Self {
		id.0.into()
	}
}

impl From<EventId> for Be32 {
	fn from(id: EventId) -> Self {
		id.0.into()
	}
}

impl From<crate::Period> for Be32 {
	fn from(period: crate::Period) -> Self {
		period.0.into()
	}
}

impl From<OrderId> for Be64 {
	fn from(id: OrderId) -> Self {
		id.0.into()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn encoded_keys_should_sort_as_numbers() {
		let numbers = [0u64, 1, 255, 256, 65_535, 65_536, u64::MAX];
		let mut keys = numbers.map(|n| Be64::from(n).encode());
		keys.sort();
		assert_eq!(
			keys.to_vec(),
			numbers.map(|n| n.to_be_bytes().to_vec()).to_vec()
		);
	}

	#[test]
	fn page_and_slot_should_address_every_meter() {
		for id in [0, 1, 31, 32, 33, 1_000_000, u32::MAX] {
			let meter = MeterId(id);
			assert_eq!(MeterId::at(meter.page(), meter.slot()), meter);
		}
	}
}
