//! Programmes: opened, funded, closed.

use frame_support::{ensure, traits::Get};
use gridweave_primitives::{
	meter::MeterKind,
	traits::{MeterInspect, MicrogridInspect},
	Balance, Be32, MicrogridId, ProgrammeId, WattHours,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	types::{
		Condition, Programme, ProgrammeTerms, Task, Trigger, UnsoundTerms, MAX_EVENT_PERIODS,
		MAX_PERIODS_PER_DAY,
	},
	Config, Error, Event, HoldReason, NextProgramme, Pallet, Programmes, Tasks, Triggered,
};

impl<T: Config> From<UnsoundTerms> for Error<T> {
	fn from(unsound: UnsoundTerms) -> Self {
		match unsound {
			UnsoundTerms::Price => Self::PriceOutOfBounds,
			UnsoundTerms::Number => Self::NumberOutOfBounds,
			UnsoundTerms::Adjustment => Self::AdjustmentTooLarge,
			UnsoundTerms::NoCommand => Self::CommandMissing,
		}
	}
}

impl<T: Config> Pallet<T> {
	/// A programme.
	pub(crate) fn programme(id: ProgrammeId) -> Result<Programme<T::AccountId>, Error<T>> {
		Programmes::<T>::get(Be32::from(id)).ok_or(Error::UnknownProgramme)
	}

	/// A programme that `who` opened.
	pub(crate) fn programme_of(
		who: &T::AccountId,
		id: ProgrammeId,
	) -> Result<Programme<T::AccountId>, Error<T>> {
		let programme = Self::programme(id)?;
		ensure!(programme.operator == *who, Error::NotOperator);
		Ok(programme)
	}

	/// A programme in which things may begin.
	pub(crate) fn open_programme_at(id: ProgrammeId) -> Result<Programme<T::AccountId>, Error<T>> {
		let programme = Self::programme(id)?;
		ensure!(!programme.closing, Error::ProgrammeClosing);
		Ok(programme)
	}

	/// Stores a programme.
	pub(crate) fn put_programme(id: ProgrammeId, programme: &Programme<T::AccountId>) {
		Programmes::<T>::insert(Be32::from(id), programme);
	}

	pub(crate) fn do_open(
		who: T::AccountId,
		microgrid: MicrogridId,
		terms: ProgrammeTerms,
		budget: Balance,
	) -> DispatchResult {
		let operator = T::Microgrids::operator(microgrid).ok_or(Error::<T>::UnknownMicrogrid)?;
		ensure!(operator == who, Error::<T>::NotOperator);
		terms.check().map_err(Error::<T>::from)?;
		let day = <T::Clock as gridweave_primitives::traits::SettlementClock>::clock();
		ensure!(
			day.periods_per_day <= MAX_PERIODS_PER_DAY,
			Error::<T>::DayTooLong
		);
		let deposit = T::ProgrammeDeposit::get();
		Self::hold(HoldReason::Enrolment, &who, deposit)?;
		Self::hold(HoldReason::Budget, &who, budget)?;
		let programme = NextProgramme::<T>::mutate(|next| {
			let id = ProgrammeId(*next);
			*next = next.saturating_add(1);
			id
		});
		Self::put_programme(
			programme,
			&Programme {
				microgrid,
				operator: who.clone(),
				terms,
				deposit,
				free: budget,
				events: Default::default(),
				days: Default::default(),
				trigger: None,
				closing: false,
			},
		);
		Self::deposit_event(Event::ProgrammeOpened {
			programme,
			microgrid,
			operator: who,
			terms,
		});
		Self::deposit_event(Event::BudgetChanged {
			programme,
			free: budget,
		});
		Ok(())
	}

	pub(crate) fn do_fund(who: &T::AccountId, id: ProgrammeId, amount: Balance) -> DispatchResult {
		let mut programme = Self::programme_of(who, id)?;
		ensure!(!programme.closing, Error::<T>::ProgrammeClosing);
		Self::hold(HoldReason::Budget, who, amount)?;
		programme.free = programme.free.saturating_add(amount);
		Self::put_programme(id, &programme);
		Self::deposit_event(Event::BudgetChanged {
			programme: id,
			free: programme.free,
		});
		Ok(())
	}

	pub(crate) fn do_withdraw(
		who: &T::AccountId,
		id: ProgrammeId,
		amount: Balance,
	) -> DispatchResult {
		let mut programme = Self::programme_of(who, id)?;
		let free = programme.free.checked_sub(amount);
		programme.free = free.ok_or(Error::<T>::BudgetNotFree)?;
		Self::release(HoldReason::Budget, who, amount);
		Self::put_programme(id, &programme);
		Self::deposit_event(Event::BudgetChanged {
			programme: id,
			free: programme.free,
		});
		Ok(())
	}

	pub(crate) fn do_set_trigger(
		who: &T::AccountId,
		id: ProgrammeId,
		trigger: Option<Trigger>,
	) -> DispatchResult {
		let mut programme = Self::programme_of(who, id)?;
		ensure!(!programme.closing, Error::<T>::ProgrammeClosing);
		match trigger {
			Some(trigger) => {
				Self::check_trigger(programme.microgrid, &trigger)?;
				Triggered::<T>::insert(Be32::from(id), ());
			}
			None => Triggered::<T>::remove(Be32::from(id)),
		}
		programme.trigger = trigger;
		Self::put_programme(id, &programme);
		Self::deposit_event(Event::TriggerSet {
			programme: id,
			trigger,
		});
		Ok(())
	}

	fn check_trigger(microgrid: MicrogridId, trigger: &Trigger) -> Result<(), DispatchError> {
		Self::check_extent(trigger.periods, trigger.target)?;
		match trigger.condition {
			Condition::NetImport { feeder, .. } | Condition::Surplus { feeder, .. } => {
				let meter = T::Meters::meter(feeder);
				let fits = meter.is_some_and(|meter| {
					meter.kind == MeterKind::Feeder && meter.microgrid == microgrid
				});
				ensure!(fits, Error::<T>::NotAFeeder);
			}
			Condition::Price { .. } => {}
		}
		Ok(())
	}

	/// Refuses events that are too short, too long, or of no or too much energy.
	pub(crate) fn check_extent(periods: u32, target: WattHours) -> Result<(), Error<T>> {
		ensure!(
			(1..=MAX_EVENT_PERIODS).contains(&periods),
			Error::DurationOutOfBounds
		);
		// What a million meters of the highest rating take in a period.
		ensure!(
			!target.is_zero() && target.0 < 1 << 52,
			Error::TargetOutOfBounds
		);
		Ok(())
	}

	pub(crate) fn do_close(who: &T::AccountId, id: ProgrammeId) -> DispatchResult {
		let mut programme = Self::programme_of(who, id)?;
		ensure!(!programme.closing, Error::<T>::ProgrammeClosing);
		ensure!(programme.events.is_empty(), Error::<T>::EventsOpen);
		Self::enqueue(Task::Close(id))?;
		programme.closing = true;
		programme.trigger = None;
		Triggered::<T>::remove(Be32::from(id));
		Self::put_programme(id, &programme);
		Self::deposit_event(Event::ProgrammeClosing { programme: id });
		Ok(())
	}

	/// Frees a programme that has no members and no groups any more.
	pub(crate) fn free_programme(id: ProgrammeId) {
		let Some(programme) = Programmes::<T>::take(Be32::from(id)) else {
			return;
		};
		let operator = &programme.operator;
		Self::release(HoldReason::Budget, operator, programme.free);
		Self::release(HoldReason::Enrolment, operator, programme.deposit);
		Self::deposit_event(Event::ProgrammeClosed { programme: id });
	}

	/// Has a task done when its turn comes.
	pub(crate) fn enqueue(task: Task) -> Result<(), Error<T>> {
		Tasks::<T>::try_append(task).map_err(|_| Error::Busy)
	}
}
