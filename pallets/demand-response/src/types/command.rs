//! Commands to devices.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::ConstU32;
use gridweave_primitives::{
	ids::METERS_PER_PAGE, EventId, MeterId, ProgrammeId, ResourceId, Watts,
};
use scale_info::TypeInfo;
use sp_runtime::BoundedVec;

/// What a device is told to do.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Action {
	/// Take at most this from the grid.
	LimitImport(Watts),
	/// Charge storage with all there is.
	Charge,
	/// Discharge storage with all there is.
	Discharge,
	/// Feed at most this into the grid.
	Curtail(Watts),
	/// Do as you like: what was told before is void.
	Release,
}

/// A command to the device of a meter.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct Command {
	/// Names the command; of two, the one with the higher nonce was given later. What the device acknowledges.
	pub nonce: u32,
	/// What to do.
	pub action: Action,
	/// From when on: Unix seconds.
	pub from: u64,
	/// Until when: Unix seconds. Afterwards the device does as it likes.
	pub until: u64,
	/// The event it serves, if any.
	pub event: Option<EventId>,
	/// When the reading was captured that acknowledged it: Unix seconds.
	pub acknowledged: Option<u64>,
}

impl Command {
	/// The event that the device obeyed by this command in time, if any.
	pub fn obeyed(&self) -> Option<EventId> {
		let in_time = self.acknowledged.is_some_and(|at| at <= self.until);
		self.event.filter(|_| in_time && !self.releases())
	}

	/// Whether it leaves the device to itself.
	pub fn releases(&self) -> bool {
		self.action == Action::Release
	}

	/// Whether the device should still be told at `now`.
	pub const fn is_pending(&self, now: u64) -> bool {
		self.acknowledged.is_none() && now < self.until
	}
}

/// The latest commands of 32 neighbouring meters, by their slots.
pub type CommandPage = BoundedVec<(u8, Command), ConstU32<METERS_PER_PAGE>>;

/// A command that is being sent to members of a programme.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct Issue {
	/// The event it serves.
	pub event: EventId,
	/// The programme.
	pub programme: ProgrammeId,
	/// To whom alone, if not to all that take part.
	pub only: Option<ResourceId>,
	/// The command.
	pub command: Command,
	/// The resource and meter that got it last.
	pub after: Option<(ResourceId, MeterId)>,
}

/// A page of commands that a client asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct PendingCommands {
	/// Commands that devices should be told, in the order of meters.
	pub commands: Vec<(MeterId, Command)>,
	/// Where to go on, if there may be more.
	pub next: Option<MeterId>,
}
