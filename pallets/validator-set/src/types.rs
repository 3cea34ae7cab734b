//! What is stored of validators, and told.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_consensus_aura::Slot;
use sp_staking::{offence::Kind, SessionIndex};

/// A member of the set.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Member<AccountId> {
	/// Whose session keys make and finalise blocks.
	pub validator: AccountId,
	/// From when on offences count against it.
	pub since: Since,
}

/// The moment before which offences are spent: of one that was removed for them and came back, and of the
/// last one, which stays.
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
pub struct Since {
	/// The first session whose offences count, of those that are told by session.
	pub session: SessionIndex,
	/// The first slot whose offences count, of those that are told by slot.
	pub slot: Slot,
}

/// When an offence happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
	/// In a session.
	Session(SessionIndex),
	/// In a slot.
	Slot(Slot),
}

impl Since {
	/// Whether an offence of this moment counts.
	pub fn counts(&self, moment: Moment) -> bool {
		match moment {
			Moment::Session(session) => session >= self.session,
			Moment::Slot(slot) => slot >= self.slot,
		}
	}
}

/// A block of a validator.
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
pub struct Authored<BlockNumber> {
	/// Its number.
	pub block: BlockNumber,
	/// Its slot: times the length of a slot, Unix time.
	pub slot: Slot,
}

/// How a validator stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ValidatorStatus<AccountId, BlockNumber> {
	/// Who.
	pub validator: AccountId,
	/// It belongs to the set: unless its keys go, it will be in the sessions to come.
	pub member: bool,
	/// It has session keys.
	pub has_keys: bool,
	/// It makes blocks in this session.
	pub active: bool,
	/// It will in the next.
	pub queued: bool,
	/// The last block it made in this time of its being active; none since then if `None`.
	pub last_authored: Option<Authored<BlockNumber>>,
}

/// The kind of offence that [`report_aura_equivocation`](crate::Pallet::report_aura_equivocation) proves.
pub const AURA_EQUIVOCATION: Kind = *b"aura:equivocatio";
