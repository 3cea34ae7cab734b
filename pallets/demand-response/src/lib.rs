//! # Demand response
//!
//! Programmes that pay members for changing their load when it matters, and the commands by which devices do it.
//! The terms are those of OpenADR 3: programme, event, resource, report, enrolment.
//!
//! ## Terms
//!
//! - A **programme** belongs to a community. Its operator opens it and pays: the *budget* is held from the start.
//!   Its terms ([`types::ProgrammeTerms`]) never change.
//! - A **resource** takes part in a programme and is measured as one: a single meter, or a *group* of meters whose
//!   owner is paid for all. Single households are noise, groups are not.
//! - An **event** names periods and a target. The operator announces it, or the chain does, by the programme's
//!   *trigger* ([`types::Trigger`]). What the target is worth is set aside of the budget at once, so that no later
//!   event can use it up.
//! - A resource takes part in every event of its programme unless it **opts out** before it starts. It may
//!   **commit** itself: for a bonus, and a penalty that is held from the start. Penalties go to the community's fund,
//!   not to the operator: it could bring them about.
//! - A **report** tells what a resource did in an event, and what that was worth.
//!
//! ## Life of an event
//!
//! announced → (a period before it starts) commands are sent → it starts: nobody joins, opts out or leaves any
//! more → it ends (as planned, or early) → its energy and that of the *rebound* freezes, is settled and recorded →
//! its resources are measured → rewards are paid, pro rata if the budget falls short → what is left goes back to
//! the budget → after [`types::REPORT_RETENTION`] its reports are pruned; they live on as chain events.
//!
//! What counts is told by [`like_days`], [`baseline`], [`measure`] and [`reward`]; every rounding is against who is
//! paid.
//!
//! ## What does not pay
//!
//! | attempt | why not |
//! |---|---|
//! | inflating the window of the same-day adjustment | it ends before notice; the adjustment is bounded, and no terms are sound whose dead band does not cover the bound |
//! | silence in that window | it adjusts as if least was to claim |
//! | silence on days that would lower the baseline | two such days are passed over; with more there is no baseline |
//! | shifting to another period of the event | energy is netted over the event |
//! | shifting to the periods after it | the rebound is netted as well |
//! | shifting to another meter of the group | energy is netted over the group; a silent member counts with the worst its rating allows |
//! | a group whose baseline is next to nothing, for plants feed in what others take | the dead band is a share of both together |
//! | enrolling a meter twice | refused in one programme; in several, a period counts in the event that ends first |
//! | leaving when it went badly | nobody leaves between start and measurement |
//! | estimates, quarantine | only measured periods count; who is under quarantine earns nothing |
//!
//! ## Commands
//!
//! The device of an enrolled meter has one latest command ([`types::Command`]) with a time of validity and a
//! nonce. A gateway asks for what is pending at finalised blocks and tells the devices; the device names the nonce
//! in its next signed reading, which acknowledges it. A reading that acknowledges nothing new costs no storage
//! access.
//!
//! ## Who pays for storage
//!
//! | storage | paid by | freed |
//! |---|---|---|
//! | `Programmes`, its place in `Triggered` | the operator's deposit | when the programme is closed |
//! | `Resources`, `Members` | deposits of the owners of the group and of the meters | when they leave |
//! | `Watches`, `WatchedPages`, `DayPages`, `CommandPages` | the deposit of the meter's owner for its history | when it leaves its last programme |
//! | `Events`, `Timetable`, agendas | the operator's deposit: few events are open, and few start on a day | a time after the event |
//! | `Responses`, `Reports` | the deposits of resources: one an event, few events a day | when the event is measured; a time after |
//! | `Tasks`, cursors | the chain: single bounded items | overwritten |
//!
//! ## Work
//!
//! All that grows with meters is done step by step in `on_poll`, under [`Config::TaskWeight`], with stored cursors:
//! commands are sent, energy is recorded, events measured and paid. It may be late; nothing is skipped: metered energy
//! is kept until it is recorded.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod baseline;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod commands;
mod enrolment;
mod error;
mod event;
mod events;
mod history;
pub mod like_days;
pub mod measure;
mod measuring;
#[cfg(test)]
mod mock;
mod money;
mod paying;
mod programmes;
mod provides;
pub mod reward;
pub mod runtime_api;
mod schedule;
mod storage;
#[cfg(test)]
mod tests;
mod triggers;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
pub mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use pallet::*;
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

#[import_section(error::error)]
#[import_section(event::event)]
#[import_section(storage::storage)]
#[frame_support::pallet]
pub mod pallet {
	use frame_support::{pallet_prelude::*, traits::fungible, weights::WeightMeter};
	use frame_system::pallet_prelude::*;
	use gridweave_primitives::{
		traits::{
			CommunityFunds, MarketInspect, MeterInspect, MeteredEnergy, MicrogridInspect,
			Quarantine, SettlementClock, SettlementProgress,
		},
		Balance, Be32, EventId, MeterId, MicrogridId, Period, ProgrammeId, ResourceId, WattHours,
	};

	// Both named: the prelude has others of these names.
	use crate::types::{Member, Task};
	use crate::{types::*, WeightInfo};

	/// The current storage version.
	pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// The runtime's reasons for holds.
		type RuntimeHoldReason: From<HoldReason>;

		/// The money.
		type Currency: fungible::hold::Mutate<
			Self::AccountId,
			Reason = Self::RuntimeHoldReason,
			Balance = Balance,
		>;

		/// Where penalties go.
		type Funds: CommunityFunds<Self::AccountId>;

		/// The communities.
		type Microgrids: MicrogridInspect<Self::AccountId>;

		/// Time and periods.
		type Clock: SettlementClock;

		/// The meters.
		type Meters: MeterInspect<Self::AccountId>;

		/// What meters metered.
		type Metered: MeteredEnergy;

		/// How far settlement has come: energy is recorded once it is settled, for then estimates are told
		/// from what was measured.
		type Progress: SettlementProgress;

		/// What energy costs in periods to come.
		type Market: MarketInspect;

		/// Which meters are under quarantine.
		type Quarantine: Quarantine;

		/// Held of an operator for a programme, in planck.
		#[pallet::constant]
		type ProgrammeDeposit: Get<Balance>;

		/// Held of the owner of a group for its record, in planck.
		#[pallet::constant]
		type GroupDeposit: Get<Balance>;

		/// Held of a meter's owner for each programme it takes part in, in planck.
		#[pallet::constant]
		type EnrolmentDeposit: Get<Balance>;

		/// Held of a meter's owner for the history of an enrolled meter, in planck.
		#[pallet::constant]
		type HistoryDeposit: Get<Balance>;

		/// Most weight that the steps take of a block.
		#[pallet::constant]
		type TaskWeight: Get<Weight>;

		/// Weights of calls and steps.
		type WeightInfo: WeightInfo;

		/// Sets up what benchmarks need of other pallets.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: crate::BenchmarkHelper<Self::AccountId>;
	}

	/// Why money is held.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The budget of programmes.
		Budget,
		/// Deposits for programmes, groups and enrolled meters.
		Enrolment,
		/// Pledges for what was committed.
		Commitment,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_poll(_: BlockNumberFor<T>, weight: &mut WeightMeter) {
			let limit = T::TaskWeight::get().min(weight.remaining());
			let mut meter = WeightMeter::with_limit(limit);
			Self::poll(&mut meter);
			weight.consume(meter.consumed());
		}

		fn integrity_test() {
			assert!(
				T::TaskWeight::get().all_gte(Self::least_budget()),
				"the budget must fit every step, or work stops for ever"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Opens a programme of the caller's microgrid, and holds a deposit and the budget (planck).
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::open_programme())]
		pub fn open_programme(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			terms: ProgrammeTerms,
			budget: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_open(who, microgrid, terms, budget)
		}

		/// Adds to the budget of the caller's programme (planck).
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::fund_programme())]
		pub fn fund_programme(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			amount: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_fund(&who, programme, amount)
		}

		/// Takes back what is free of the budget of the caller's programme (planck).
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::withdraw_budget())]
		pub fn withdraw_budget(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			amount: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(&who, programme, amount)
		}

		/// Sets or removes what makes the chain announce events of the caller's programme. It is evaluated once
		/// a period, for the last period but one: readings have had a period's time to come.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::set_trigger())]
		pub fn set_trigger(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			trigger: Option<Trigger>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_trigger(&who, programme, trigger)
		}

		/// Closes the caller's programme: its members are freed step by step, their deposits released, then the
		/// budget. No event may be open.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::close_programme())]
		pub fn close_programme(origin: OriginFor<T>, programme: ProgrammeId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_close(&who, programme)
		}

		/// Enrols a meter of the caller in a programme of its community, and holds deposits. While it takes part
		/// in any programme it neither changes hands nor retires.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::enrol())]
		pub fn enrol(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			meter: MeterId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_enrol(who, programme, meter)
		}

		/// Makes a group that is measured as one and whose rewards go to the caller. Holds a deposit.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::create_group())]
		pub fn create_group(origin: OriginFor<T>, programme: ProgrammeId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_create_group(who, programme)
		}

		/// Invites a meter into the caller's group.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::invite())]
		pub fn invite(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			resource: ResourceId,
			meter: MeterId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_invite(&who, programme, resource, meter)
		}

		/// Lets a meter of the caller join a group that invited it. Rewards go to the group's owner; deposits are
		/// held of the caller.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::join_group())]
		pub fn join_group(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			resource: ResourceId,
			meter: MeterId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_join(who, programme, resource, meter)
		}

		/// Takes a meter out of a programme and releases its deposits; with its last programme its history is
		/// freed. For the meter's owner, its group's, and the programme's operator; not between the start of an
		/// event and its measurement. While a group is committed to an event, the operator takes none of its
		/// meters out; while a single meter is, nobody does.
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::leave())]
		pub fn leave(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			meter: MeterId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_leave(&who, programme, meter)
		}

		/// Dissolves the caller's group, which must be empty, and releases its deposit.
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::dissolve_group())]
		pub fn dissolve_group(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			resource: ResourceId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_dissolve(&who, programme, resource)
		}

		/// Announces an event of the caller's programme: `periods` periods from `start` on, which are to bring
		/// `target` at most. What that is worth, or what is free of the budget if that is less, is set aside.
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::announce_event())]
		pub fn announce_event(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			start: Period,
			periods: u32,
			target: WattHours,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_announce(&who, programme, start, periods, target)
		}

		/// Calls off an event that has not started. Pledges are released step by step.
		#[pallet::call_index(12)]
		#[pallet::weight(T::WeightInfo::cancel_event())]
		pub fn cancel_event(origin: OriginFor<T>, event: EventId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_cancel(&who, event)
		}

		/// Ends an event that runs with the current period. What was committed shrinks with the time.
		#[pallet::call_index(13)]
		#[pallet::weight(T::WeightInfo::end_event())]
		pub fn end_event(origin: OriginFor<T>, event: EventId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_end(&who, event)
		}

		/// Answers to an event for a resource of the caller, until it starts; the last answer counts. A
		/// commitment holds the penalty for missing all of it.
		#[pallet::call_index(14)]
		#[pallet::weight(T::WeightInfo::respond())]
		pub fn respond(
			origin: OriginFor<T>,
			event: EventId,
			resource: ResourceId,
			response: Response,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_respond(who, event, resource, response)
		}

		/// Sends a command to the device of a meter that takes part in the caller's programme, valid between two
		/// times (Unix seconds). It takes the place of what the device was told before, but not of the command of an
		/// event that the device has yet to acknowledge.
		#[pallet::call_index(15)]
		// Besides what is measured, commands that are on their way are looked at.
		#[pallet::weight(T::WeightInfo::send_command().saturating_add(T::DbWeight::get().reads(1)))]
		pub fn send_command(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			meter: MeterId,
			action: Action,
			from: u64,
			until: u64,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_send(&who, programme, meter, action, from, until)
		}

		/// Takes back an invitation into the caller's group that was not followed yet.
		#[pallet::call_index(16)]
		// It looks at no more than an invitation does, and changes the same.
		#[pallet::weight(T::WeightInfo::invite())]
		pub fn withdraw_invitation(
			origin: OriginFor<T>,
			programme: ProgrammeId,
			resource: ResourceId,
			meter: MeterId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw_invitation(&who, programme, resource, meter)
		}
	}
}
