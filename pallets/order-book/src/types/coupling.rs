//! The coupling of call auctions over links.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use gridweave_primitives::{Balance, LinkId, MicrogridId, Price, WattHours};
use scale_info::TypeInfo;

/// Most links of a solution.
pub const MAX_FLOWS: u32 = 64;

/// Most communities of a solution.
pub const MAX_COUPLED: u32 = 32;

/// Most solutions that wait to be looked at.
pub const MAX_CANDIDATES: u32 = 8;

/// What goes over a link. What is sent follows from it: `⌈received / (1 − loss)⌉`.
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
pub struct LinkFlow {
	/// Which link.
	pub link: LinkId,
	/// What arrives, in Wh: at least the link's minimum quantity.
	pub received: WattHours,
}

/// The price at which the auction of a community clears.
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
pub struct PriceAt {
	/// The community.
	pub microgrid: MicrogridId,
	/// Its price, in 10⁻⁶ GRID per kWh.
	pub price: Price,
}

/// How the call auctions of some communities clear together for a period.
#[derive(
	Clone,
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
pub struct Solution {
	/// What goes over links, by rising id of the link; at least one.
	pub flows: BoundedVec<LinkFlow, ConstU32<MAX_FLOWS>>,
	/// The price of each community at either end of these links, and of no others, by rising id of the
	/// community.
	pub prices: BoundedVec<PriceAt, ConstU32<MAX_COUPLED>>,
}

/// A solution that was submitted.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Candidate<AccountId> {
	/// Who submitted it.
	pub who: AccountId,
	/// What is held for it, in planck.
	pub deposit: Balance,
	/// How much more than the separate auctions it is said to be worth at least, in planck.
	pub claim: Balance,
	/// The solution.
	pub solution: Solution,
}
