//! What is stored and passed.

mod command;
mod terms;
mod work;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::ConstU32;
use gridweave_primitives::{
	ids::METERS_PER_PAGE, Balance, EventId, MeterId, MicrogridId, Period, ProgrammeId, ResourceId,
	WattHours,
};
use scale_info::TypeInfo;
use sp_runtime::{BoundedVec, Permill};

pub use command::*;
pub use terms::*;
pub use work::*;

use crate::measure::Tally;

/// How many days of an enrolled meter are kept: ten weekend days take five weeks; one more for days of events.
pub const KEPT_DAYS: u32 = 42;
/// Most periods of a day that can be kept: those of five minutes.
pub const MAX_PERIODS_PER_DAY: u32 = 288;
/// Most periods of an event.
pub const MAX_EVENT_PERIODS: u32 = 96;
/// Most periods of an event's rebound.
pub const MAX_REBOUND: u32 = 16;
/// Most periods of notice: two days of quarters of an hour.
pub const MAX_NOTICE: u32 = 192;
/// How far ahead an event may be announced, in periods.
pub const MAX_AHEAD: u32 = 288;
/// How many periods before notice the same-day adjustment looks at.
pub const WINDOW: u32 = 8;
/// Most by which the same-day adjustment changes a baseline.
pub const MAX_ADJUSTMENT: Permill = Permill::from_percent(20);
/// Most programmes that a meter takes part in.
pub const MAX_ENROLMENTS: u32 = 4;
/// Most events of a programme that are announced and not measured yet.
pub const MAX_OPEN_EVENTS: u32 = 8;
/// Most events of a community that are announced and not measured yet.
pub const MAX_AGENDA: u32 = 64;
/// Most meters that a group has invited and that have not joined yet.
pub const MAX_INVITED: u32 = 16;
/// Most tasks that wait for their turn.
pub const MAX_TASKS: u32 = 1_024;
/// Most events whose commands wait to be sent.
pub const MAX_ISSUES: u32 = 64;
/// How many periods reports are kept after an event is measured: a week of quarters of an hour.
pub const REPORT_RETENTION: u32 = 672;
/// Most seconds that a command stays valid.
pub const MAX_VALIDITY: u64 = 2 * 86_400;

/// A programme.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[rustfmt::skip]
pub struct Programme<AccountId> {
	/// The community.
	pub microgrid: MicrogridId,
	/// Who opened it, and pays.
	pub operator: AccountId,
	/// Its terms.
	pub terms: ProgrammeTerms,
	/// What is held for the record, in planck.
	pub deposit: Balance,
	/// What is held for rewards and not set aside for an event, in planck.
	pub free: Balance,
	/// Events that are announced and not measured yet.
	pub events: BoundedVec<EventId, ConstU32<MAX_OPEN_EVENTS>>,
	/// How many events started or will start on the latest days.
	pub days: BoundedVec<(u32, u32), ConstU32<8>>,
	/// What makes the chain announce events.
	pub trigger: Option<Trigger>,
	/// Whether it takes part in nothing any more, and is being freed.
	pub closing: bool,
}

/// What takes part in a programme and is measured as one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[rustfmt::skip]
pub struct Resource<AccountId> {
	/// The programme.
	pub programme: ProgrammeId,
	/// Who is paid, and decides on events.
	pub owner: AccountId,
	/// Whether it is a group: others' meters may join, if invited.
	pub group: bool,
	/// How many meters it has.
	pub members: u32,
	/// Meters that may join.
	pub invited: BoundedVec<MeterId, ConstU32<MAX_INVITED>>,
	/// What is held for the record, in planck.
	pub deposit: Balance,
}

impl<AccountId> Resource<AccountId> {
	/// Takes a meter off those that may join; `None` if it is none of them.
	pub fn withdraw(&mut self, meter: MeterId) -> Option<MeterId> {
		let mut invited = self.invited.iter();
		let place = invited.position(|invited| *invited == meter)?;
		Some(self.invited.remove(place))
	}
}

/// A meter's part in a resource.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[rustfmt::skip]
pub struct Member<AccountId> {
	/// Who owns the meter.
	pub owner: AccountId,
	/// When it came. It counts in events that start later.
	pub since: Period,
	/// What is held for the record, in planck.
	pub deposit: Balance,
}

/// An enrolled meter.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[rustfmt::skip]
pub struct Watch<AccountId> {
	/// Who owns it.
	pub owner: AccountId,
	/// What is held for its history, in planck.
	pub deposit: Balance,
	/// Where it takes part.
	pub enrolments: BoundedVec<(ProgrammeId, ResourceId), ConstU32<MAX_ENROLMENTS>>,
	/// The latest days on which it took part in an event, ascending.
	pub event_days: BoundedVec<u32, ConstU32<KEPT_DAYS>>,
	/// The latest events whose command its device acknowledged in time.
	pub acknowledged: BoundedVec<EventId, ConstU32<MAX_OPEN_EVENTS>>,
	/// Periods of events that it was measured in, first and the one after the last: no period counts twice.
	pub counted: BoundedVec<(Period, Period), ConstU32<{ MAX_EVENT_PERIODS + MAX_REBOUND }>>,
}

/// What a period of a [`Day`] holds that was not measured.
pub const UNMEASURED: i32 = i32::MIN;

/// A day of an enrolled meter.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[rustfmt::skip]
pub struct Day {
	/// The meter's place on its page.
	pub slot: u8,
	/// Net import by period of the day, in Wh, or [`UNMEASURED`]. The day is not over where it ends.
	pub net: BoundedVec<i32, ConstU32<MAX_PERIODS_PER_DAY>>,
}

/// A day of the enrolled meters among 32 neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[rustfmt::skip]
pub struct DayPage {
	/// Which day, by number.
	pub number: u32,
	/// The meters, in the order of their slots.
	pub meters: BoundedVec<Day, ConstU32<METERS_PER_PAGE>>,
}

/// How far an event has come.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Stage {
	/// Announced: before it starts, active, or waiting for its energy.
	Announced,
	/// Called off before it started.
	Cancelled,
	/// Its resources are being measured.
	Measuring,
	/// Rewards are being paid.
	Paying,
	/// Paid. Its reports are kept for a while.
	Done,
}

/// An event of a programme.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct DemandEvent {
	/// The programme.
	pub programme: ProgrammeId,
	/// The community.
	pub microgrid: MicrogridId,
	/// The period it was announced in.
	pub announced: Period,
	/// Its first period.
	pub start: Period,
	/// The period after its last.
	pub end: Period,
	/// The period after its last as announced.
	pub planned_end: Period,
	/// The period after its rebound, whose energy is waited for.
	pub due: Period,
	/// What it is to bring at most.
	pub target: WattHours,
	/// What is set aside for its rewards, in planck.
	pub budget: Balance,
	/// What its resources claim, as far as they are measured, in planck.
	pub claims: Balance,
	/// What was paid, in planck.
	pub paid: Balance,
	/// What was delivered, as far as it is measured.
	pub delivered: WattHours,
	/// How far it has come.
	pub stage: Stage,
}

/// What a resource wants of an event.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Response {
	/// To take part: what holds if nothing is said.
	OptIn,
	/// Not to.
	OptOut,
	/// To take part, and to deliver this much.
	Commit(WattHours),
}

/// What is stored of a response.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Answer<AccountId> {
	/// Takes no part.
	OptedOut,
	/// Delivers this much.
	Committed {
		/// How much.
		energy: WattHours,
		/// Who pledged for it.
		who: AccountId,
		/// What is held for it, in planck.
		held: Balance,
	},
}

/// What a resource did in an event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[rustfmt::skip]
pub struct Report<AccountId> {
	/// Who is paid.
	pub payee: AccountId,
	/// The sums of its meters.
	pub tally: Tally,
	/// What was delivered.
	pub delivered: WattHours,
	/// What was committed, of the time the event lasted.
	pub committed: WattHours,
	/// What it claims, in planck.
	pub claim: Balance,
	/// What it was paid, in planck.
	pub paid: Balance,
	/// What was taken for what it missed, in planck.
	pub penalty: Balance,
}

/// Why a meter does not count in an event.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Excluded {
	/// It came when the event had started.
	CameLate,
	/// Its energy counts in another event already.
	CountedElsewhere,
	/// It has too few like days.
	NoBaseline,
	/// Not all of its periods were measured.
	Unmeasured,
	/// It is under quarantine.
	Quarantined,
	/// Its device did not acknowledge the event's command before the event ended.
	NotAcknowledged,
}
