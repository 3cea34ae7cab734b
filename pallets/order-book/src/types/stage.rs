//! What becomes of a book with time.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridweave_primitives::microgrid::Mechanism;
use scale_info::TypeInfo;

use super::Place;
use crate::auction::{Discovery, Execution};

/// How far a side of a book was read, in the order of its keys.
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
pub struct Cursor {
	/// The last place that was read: what comes next lies behind. The order there may be gone. `None`:
	/// nothing was read.
	pub after: Option<Place>,
	/// How many orders that were read are still there.
	pub kept: u32,
}

/// What is to be done next for a book, once its time has come.
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
pub enum Stage {
	/// The gate of a call auction closes: find price and volume.
	Discover {
		/// What is known of the orders that were read.
		discovery: Discovery,
		/// How far bids were read.
		bids: Cursor,
		/// How far asks were read.
		asks: Cursor,
	},
	/// Price and volume of a call auction are found: make the trades.
	Clear(Execution),
	/// The gate is closed, and nothing trades any more: cancel the orders that are left.
	Expire,
	/// The period is no longer kept: remove the book with its market data.
	Prune,
	/// The gate of a call auction is closed, and solutions that couple it with others are waited for.
	Await {
		/// Until when they are taken, in Unix seconds.
		until: u64,
	},
}

impl Stage {
	/// What is to be done first when the gate of a book closes.
	pub fn at_gate(mechanism: Mechanism) -> Self {
		match mechanism {
			Mechanism::Continuous => Self::Expire,
			Mechanism::CallAuction => Self::Discover {
				discovery: Discovery::default(),
				bids: Cursor::default(),
				asks: Cursor::default(),
			},
		}
	}

	/// Whether a book may have orders until this is done.
	pub fn has_orders(&self) -> bool {
		matches!(
			self,
			Self::Await { .. } | Self::Discover { .. } | Self::Clear(_) | Self::Expire
		)
	}
}
