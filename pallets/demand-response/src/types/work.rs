//! Work that is done step by step.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::ConstU32;
use gridweave_primitives::{EventId, MeterId, MicrogridId, Period, ProgrammeId, ResourceId};
use scale_info::TypeInfo;
use sp_runtime::BoundedVec;

use super::MAX_AGENDA;
use crate::measure::Sums;

/// A community in which meters are enrolled or events open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[rustfmt::skip]
pub struct Community {
	/// The period whose energy is recorded next.
	pub next: Period,
	/// How many meters are enrolled.
	pub watched: u32,
	/// Events to be measured, and once which period is recorded; ascending.
	pub agenda: BoundedVec<(Period, EventId), ConstU32<MAX_AGENDA>>,
}

/// What is done step by step.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Task {
	/// The resources of an event are measured.
	Measure(EventId),
	/// Their rewards are paid.
	Pay(EventId),
	/// What is left of answers to an event that was measured or called off is removed.
	Sweep(EventId),
	/// The reports of an event are removed.
	Prune(EventId),
	/// The members of a programme are removed.
	Close(ProgrammeId),
	/// Its groups are removed, then it itself.
	CloseGroups(ProgrammeId),
}

/// A task that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[rustfmt::skip]
pub struct Job {
	/// Which.
	pub task: Task,
	/// The resource and meter dealt with last.
	pub after: Option<(ResourceId, MeterId)>,
	/// The resource whose meters are being summed; without sums, if it takes no part.
	pub open: Option<(ResourceId, Option<Sums>)>,
}

impl Job {
	/// A task from its beginning.
	pub const fn new(task: Task) -> Self {
		Self {
			task,
			after: None,
			open: None,
		}
	}
}

/// What is to be done in a period.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Timed {
	/// The command of an event is sent: a period before it starts.
	Issue,
	/// The reports of an event are pruned.
	Prune,
}

/// The period of a community that is being recorded.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct Recording {
	/// The community.
	pub microgrid: MicrogridId,
	/// The period.
	pub period: Period,
	/// The page of meters recorded last.
	pub after: Option<u32>,
}

/// Where the evaluation of triggers is.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen,
	TypeInfo,
)]
#[rustfmt::skip]
pub struct Evaluation {
	/// The period in which it goes on.
	pub period: Period,
	/// The programme looked at last.
	pub after: Option<ProgrammeId>,
	/// Whether all were looked at.
	pub done: bool,
}
