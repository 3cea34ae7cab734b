//! What is stored and passed.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::ConstU32;
use gridweave_primitives::{
	ids::METERS_PER_PAGE, units::PRICE_BOUND, Balance, EventId, MeterId, MicrogridId, Period,
	Price, ProgrammeId, ResourceId, WattHours, Watts,
};
use scale_info::TypeInfo;
use sp_runtime::{BoundedVec, Permill};

use crate::{baseline::Method, measure::Tally};

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
pub const MAX_TASKS: u32 = 256;
/// Most events whose commands wait to be sent.
pub const MAX_ISSUES: u32 = 64;
/// How many periods reports are kept after an event is measured: a week of quarters of an hour.
pub const REPORT_RETENTION: u32 = 672;
/// Most seconds that a command stays valid.
pub const MAX_VALIDITY: u64 = 2 * 86_400;

/// Which way load is to change.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Direction {
	/// Take less, or feed in more.
	Reduce,
	/// Take more, or feed in less.
	Increase,
}

/// What a resource's energy is compared with.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Baseline {
	/// Like days ([`baseline`](crate::baseline)).
	LikeDays {
		/// Which of them count.
		method: Method,
		/// By how much the same-day adjustment may change the baseline; at most 20 %, 0 for none.
		adjustment: Permill,
	},
	/// For chargers and storages: the command of the event, which the device must have acknowledged. Counted is
	/// what the meter fed in (for a reduction) or took (for an increase), beyond what it does on like days.
	Commanded,
}

/// Prices per kWh.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct Prices {
	/// For what is delivered.
	pub reward: Price,
	/// In addition, for what was committed and is delivered.
	pub bonus: Price,
	/// Taken for what was committed and is not delivered; 0: nobody can commit.
	pub penalty: Price,
}

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
		self.event
			.filter(|_| in_time && self.action != Action::Release)
	}

	/// Whether the device should still be told at `now`.
	pub const fn is_pending(&self, now: u64) -> bool {
		self.acknowledged.is_none() && now < self.until
	}
}

/// The latest commands of 32 neighbouring meters, by their slots.
pub type CommandPage = BoundedVec<(u8, Command), ConstU32<METERS_PER_PAGE>>;

/// The terms of a programme. They never change: open another one.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct ProgrammeTerms {
	/// Which way load is to change.
	pub direction: Direction,
	/// What is paid.
	pub prices: Prices,
	/// What energy is compared with.
	pub baseline: Baseline,
	/// With less like days than this, 1 to 10, there is no baseline.
	pub least_days: u32,
	/// A change by less than this share of the baseline counts as nothing.
	pub dead_band: Permill,
	/// How many periods after an event are netted against it.
	pub rebound: u32,
	/// How many periods lie at least between announcement and start.
	pub notice: u32,
	/// Most events that start on one day.
	pub events_per_day: u32,
	/// What devices are told for the time of an event.
	pub command: Option<Action>,
}

/// Why terms are unsound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsoundTerms {
	/// The reward is zero, or a price is not below the bound of prices.
	Price,
	/// A number of days, periods or events is out of its bounds.
	Number,
	/// The adjustment may change more than 20 %.
	Adjustment,
	/// Measured by command, and none is given.
	NoCommand,
}

impl ProgrammeTerms {
	/// Why these terms are unsound, if they are.
	pub fn check(&self) -> Result<(), UnsoundTerms> {
		let Prices {
			reward,
			bonus,
			penalty,
		} = self.prices;
		let bounded = [reward, bonus, penalty]
			.iter()
			.all(|price| price.0 < PRICE_BOUND);
		if reward.is_zero() || !bounded {
			return Err(UnsoundTerms::Price);
		}
		let days = (1..=crate::baseline::LIKE_DAYS).contains(&self.least_days);
		let events = (1..=MAX_OPEN_EVENTS).contains(&self.events_per_day);
		if !days || !events || self.rebound > MAX_REBOUND || self.notice > MAX_NOTICE {
			return Err(UnsoundTerms::Number);
		}
		match self.baseline {
			Baseline::LikeDays { adjustment, .. } if adjustment > MAX_ADJUSTMENT => {
				Err(UnsoundTerms::Adjustment)
			}
			Baseline::Commanded if matches!(self.command, None | Some(Action::Release)) => {
				Err(UnsoundTerms::NoCommand)
			}
			_ => Ok(()),
		}
	}
}

/// What makes the chain announce an event.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum Condition {
	/// The community's feeder took more than this from the grid, over a period.
	NetImport {
		/// The feeder's meter.
		feeder: MeterId,
		/// Mean power.
		above: Watts,
	},
	/// The community's feeder fed in more than this, over a period.
	Surplus {
		/// The feeder's meter.
		feeder: MeterId,
		/// Mean power.
		above: Watts,
	},
	/// Energy of the period in which the event would start costs more than this: the best ask of the book, or
	/// the retail price if that is lower.
	Price {
		/// Per kWh.
		above: Price,
	},
}

/// How the chain announces events by itself.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct Trigger {
	/// When.
	pub condition: Condition,
	/// How many periods the event lasts.
	pub periods: u32,
	/// What it is to bring at most.
	pub target: WattHours,
}

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
	pub open: Option<(ResourceId, Option<Tally>)>,
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

/// A page of commands that a client asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct PendingCommands {
	/// Commands that devices should be told, in the order of meters.
	pub commands: Vec<(MeterId, Command)>,
	/// Where to go on, if there may be more.
	pub next: Option<MeterId>,
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn unsound_terms_should_be_named() {
		let sound = ProgrammeTerms {
			direction: Direction::Reduce,
			prices: Prices {
				reward: Price(1),
				bonus: Price(0),
				penalty: Price(0),
			},
			baseline: Baseline::LikeDays {
				method: Method::TenOfTen,
				adjustment: MAX_ADJUSTMENT,
			},
			least_days: 10,
			dead_band: Permill::zero(),
			rebound: 0,
			notice: 0,
			events_per_day: 1,
			command: None,
		};
		let with = |change: fn(&mut ProgrammeTerms)| {
			let mut terms = sound;
			change(&mut terms);
			terms.check()
		};
		assert_eq!(with(|_| ()), Ok(()));
		type Change = fn(&mut ProgrammeTerms);
		let cases: [(Change, UnsoundTerms); 11] = [
			(|terms| terms.prices.reward = Price(0), UnsoundTerms::Price),
			(
				|terms| terms.prices.bonus = Price(PRICE_BOUND),
				UnsoundTerms::Price,
			),
			(
				|terms| terms.prices.penalty = Price(PRICE_BOUND),
				UnsoundTerms::Price,
			),
			(|terms| terms.least_days = 0, UnsoundTerms::Number),
			(|terms| terms.least_days = 11, UnsoundTerms::Number),
			(|terms| terms.events_per_day = 0, UnsoundTerms::Number),
			(
				|terms| terms.rebound = MAX_REBOUND + 1,
				UnsoundTerms::Number,
			),
			(|terms| terms.notice = MAX_NOTICE + 1, UnsoundTerms::Number),
			(
				|terms| {
					terms.baseline = Baseline::LikeDays {
						method: Method::FiveOfTen,
						adjustment: Permill::from_percent(21),
					}
				},
				UnsoundTerms::Adjustment,
			),
			(
				|terms| terms.baseline = Baseline::Commanded,
				UnsoundTerms::NoCommand,
			),
			(
				|terms| {
					terms.baseline = Baseline::Commanded;
					terms.command = Some(Action::Release);
				},
				UnsoundTerms::NoCommand,
			),
		];
		for (change, reason) in cases {
			assert_eq!(with(change), Err(reason));
		}
	}
}
