//! The coupling of call auctions over links.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use gridweave_primitives::{market::Side, Balance, LinkId, MicrogridId, Price, WattHours};
use scale_info::TypeInfo;
use sp_runtime::DispatchError;

use super::Cursor;
use crate::coupling::{Carried, Net, Scan};

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
	/// What its communities trade with links, by rising id.
	pub nets: BoundedVec<Net, ConstU32<MAX_COUPLED>>,
	/// What its links carry, by rising id.
	pub carried: BoundedVec<Carried<AccountId>, ConstU32<MAX_FLOWS>>,
}

/// How far the looking at a solution has come.
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
pub struct Verification {
	/// Which of its communities is looked at.
	pub place: u32,
	/// Whether that is with what the community trades with links, after it was without.
	pub coupled: bool,
	/// What is known of the orders that were read.
	pub scan: Scan,
	/// How far bids were read.
	pub bids: Cursor,
	/// How far asks were read.
	pub asks: Cursor,
	/// What it is worth more than the separate auctions, wheeling fees aside, in planck.
	pub gain: i128,
	/// What members trade among themselves, of the communities that were looked at, in Wh.
	pub within: BoundedVec<WattHours, ConstU32<MAX_COUPLED>>,
}

/// How far what members trade with links is carried out.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Exchanging {
	/// Whose turn it is: first the buyers of all communities, then the sellers.
	pub side: Side,
	/// Which community's.
	pub place: u32,
	/// How much of that is traded, in Wh.
	pub done: WattHours,
	/// What buyers have paid and nobody was paid yet, in planck.
	pub pot: Balance,
	/// What members trade among themselves afterwards, by community, in Wh.
	pub within: BoundedVec<WattHours, ConstU32<MAX_COUPLED>>,
	/// How many links, and communities, have come to their end.
	pub closed: u32,
	/// Why it is given up, if it is.
	pub failed: Option<DispatchError>,
}

/// What is to be done next for a coupling, once its time has come.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum CouplingStage {
	/// Look at the best solution that is left.
	Verify(Verification),
	/// It holds: trade with links. None is left of the solutions that concern one of its communities.
	Exchange(Exchanging),
}

impl Default for CouplingStage {
	fn default() -> Self {
		Self::Verify(Verification::default())
	}
}

impl<AccountId> Candidate<AccountId> {
	/// Whether it concerns a community that another one does.
	pub fn concerns_any_of(&self, other: &Self) -> bool {
		let of = |net: &Net| net.microgrid;
		let concerned = |net: &Net| other.nets.binary_search_by_key(&net.microgrid, of).is_ok();
		self.nets.iter().any(concerned)
	}

	/// What is gained if the books are worth so much more than without, in planck; nothing if less is.
	pub fn gain(&self, books: i128) -> Balance {
		let fees = self.carried.iter().map(|carried| carried.wheeling);
		let fees = fees.fold(0, Balance::saturating_add);
		let books = Balance::try_from(books).unwrap_or(0);
		books.saturating_sub(fees)
	}
}

/// The coupling of those call auctions of a period that close at one time.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Coupling<AccountId> {
	/// Solutions, the highest claim first, of equal ones the earliest.
	pub candidates: BoundedVec<Candidate<AccountId>, ConstU32<MAX_CANDIDATES>>,
	/// Whether orders left the books for a quarantine since the first look: then nobody is to blame for a
	/// solution that does not hold.
	pub barred: bool,
	/// What is to be done next.
	pub stage: CouplingStage,
}

impl<AccountId> Default for Coupling<AccountId> {
	fn default() -> Self {
		Self {
			candidates: BoundedVec::new(),
			barred: false,
			stage: CouplingStage::default(),
		}
	}
}
