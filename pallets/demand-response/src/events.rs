//! Events: announced, answered, called off, ended.

use frame_support::ensure;
use gridweave_primitives::{
	traits::SettlementClock, Be32, EventId, Period, ProgrammeId, ResourceId, WattHours,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	reward,
	types::{Action, Answer, DemandEvent, Programme, Response, Stage, Task, Timed, MAX_AHEAD},
	Config, Error, Event, Events, HoldReason, NextEvent, Pallet, Responses, Timetable,
};

impl<T: Config> Pallet<T> {
	/// An event.
	pub(crate) fn event(id: EventId) -> Result<DemandEvent, Error<T>> {
		Events::<T>::get(Be32::from(id)).ok_or(Error::UnknownEvent)
	}

	pub(crate) fn put_event(id: EventId, event: &DemandEvent) {
		Events::<T>::insert(Be32::from(id), event);
	}

	pub(crate) fn do_announce(
		who: &T::AccountId,
		id: ProgrammeId,
		start: Period,
		periods: u32,
		target: WattHours,
	) -> DispatchResult {
		let mut programme = Self::programme_of(who, id)?;
		Self::announce(id, &mut programme, start, periods, target, false)?;
		Ok(())
	}

	/// Announces an event, and stores its programme.
	pub(crate) fn announce(
		id: ProgrammeId,
		programme: &mut Programme<T::AccountId>,
		start: Period,
		periods: u32,
		target: WattHours,
		automatic: bool,
	) -> Result<EventId, DispatchError> {
		ensure!(!programme.closing, Error::<T>::ProgrammeClosing);
		Self::check_extent(periods, target)?;
		let now = T::Clock::current();
		let terms = &programme.terms;
		ensure!(
			start > now.saturating_add(terms.notice),
			Error::<T>::NoticeTooShort
		);
		ensure!(
			start <= now.saturating_add(MAX_AHEAD),
			Error::<T>::TooFarAhead
		);
		let end = start.saturating_add(periods);
		let due = end.saturating_add(terms.rebound);
		for other in &programme.events {
			let Some(other) = Events::<T>::get(Be32::from(*other)) else {
				continue;
			};
			let apart = other.stage == Stage::Cancelled || due <= other.start || start >= other.due;
			ensure!(apart, Error::<T>::EventsOverlap);
		}
		Self::count_day(programme, now, start)?;
		let budget = reward::worth(&programme.terms.prices, target).min(programme.free);
		ensure!(budget > 0, Error::<T>::BudgetExhausted);
		let event = NextEvent::<T>::mutate(|next| {
			let id = EventId(*next);
			*next = next.saturating_add(1);
			id
		});
		let pushed = programme.events.try_push(event);
		pushed.map_err(|_| Error::<T>::TooManyEvents)?;
		Self::mutate_community(programme.microgrid, now, |community| {
			let place = community
				.agenda
				.partition_point(|entry| *entry < (due, event));
			let inserted = community.agenda.try_insert(place, (due, event));
			inserted.map_err(|_| Error::<T>::TooManyEvents)
		})?;
		programme.free = programme.free.saturating_sub(budget);
		Self::put_programme(id, programme);
		Self::put_event(
			event,
			&DemandEvent {
				programme: id,
				microgrid: programme.microgrid,
				announced: now,
				start,
				end,
				planned_end: end,
				due,
				target,
				budget,
				claims: 0,
				paid: 0,
				delivered: WattHours::ZERO,
				stage: Stage::Announced,
			},
		);
		if programme.terms.command.is_some() {
			Timetable::<T>::insert(issue_key(event, start), Timed::Issue);
		}
		Self::deposit_event(Event::EventAnnounced {
			event,
			programme: id,
			start,
			end,
			target,
			budget,
			automatic,
		});
		Ok(event)
	}

	/// Counts an event on the day it starts. Those that are called off count as well: their notice was given.
	fn count_day(
		programme: &mut Programme<T::AccountId>,
		now: Period,
		start: Period,
	) -> Result<(), Error<T>> {
		let clock = T::Clock::clock();
		let day = |period| u32::try_from(clock.day_of(period)).unwrap_or(u32::MAX);
		let (today, on) = (day(now), day(start));
		let most = programme.terms.events_per_day;
		programme.days.retain(|(day, _)| *day >= today);
		match programme.days.iter_mut().find(|(day, _)| *day == on) {
			Some((_, count)) => {
				ensure!(*count < most, Error::TooManyEventsThatDay);
				*count = count.saturating_add(1);
			}
			// Events start at most `MAX_AHEAD` periods ahead: on a few days, unless days are very short.
			None => programme
				.days
				.try_push((on, 1))
				.map_err(|_| Error::TooManyEvents)?,
		}
		Ok(())
	}

	/// An event of a programme of `who`, with its programme.
	fn event_of(
		who: &T::AccountId,
		id: EventId,
	) -> Result<(DemandEvent, Programme<T::AccountId>), Error<T>> {
		let event = Self::event(id)?;
		let programme = Self::programme_of(who, event.programme)?;
		Ok((event, programme))
	}

	pub(crate) fn do_cancel(who: &T::AccountId, id: EventId) -> DispatchResult {
		let (mut event, mut programme) = Self::event_of(who, id)?;
		let now = T::Clock::current();
		let announced = event.stage == Stage::Announced && event.start > now;
		ensure!(announced, Error::<T>::EventStarted);
		Self::enqueue(Task::Sweep(id))?;
		Self::mutate_community(event.microgrid, now, |community| {
			community.agenda.retain(|(_, event)| *event != id);
			Ok::<(), DispatchError>(())
		})?;
		let waits = Timetable::<T>::take(issue_key(id, event.start)).is_some();
		if programme.terms.command.is_some() && !waits {
			Self::issue(id, &event, None, Action::Release)?;
		}
		programme.free = programme.free.saturating_add(event.budget);
		event.budget = 0;
		event.stage = Stage::Cancelled;
		Self::put_event(id, &event);
		Self::put_programme(event.programme, &programme);
		Self::deposit_event(Event::EventCancelled { event: id });
		Ok(())
	}

	pub(crate) fn do_end(who: &T::AccountId, id: EventId) -> DispatchResult {
		let (mut event, programme) = Self::event_of(who, id)?;
		let now = T::Clock::current();
		let runs = event.stage == Stage::Announced && event.start <= now;
		ensure!(runs && now.next() < event.end, Error::<T>::NothingToEnd);
		event.end = now.next();
		event.due = event.end.saturating_add(programme.terms.rebound);
		Self::mutate_community(event.microgrid, now, |community| {
			community.agenda.retain(|(_, event)| *event != id);
			let entry = (event.due, id);
			let place = community.agenda.partition_point(|other| *other < entry);
			let inserted = community.agenda.try_insert(place, entry);
			inserted.map_err(|_| Error::<T>::TooManyEvents)
		})?;
		if programme.terms.command.is_some() {
			Self::issue(id, &event, None, Action::Release)?;
		}
		Self::put_event(id, &event);
		Self::deposit_event(Event::EventShortened {
			event: id,
			end: event.end,
		});
		Ok(())
	}

	pub(crate) fn do_respond(
		who: T::AccountId,
		id: EventId,
		resource_id: ResourceId,
		response: Response,
	) -> DispatchResult {
		let event = Self::event(id)?;
		let programme = Self::programme(event.programme)?;
		let resource = Self::resource(event.programme, resource_id)?;
		ensure!(resource.owner == who, Error::<T>::NotResourceOwner);
		let open = event.stage == Stage::Announced && event.start > T::Clock::current();
		ensure!(open, Error::<T>::EventStarted);
		let key = (Be32::from(id), Be32::from(resource_id));
		let before = Responses::<T>::take(key);
		let was_out = matches!(before, Some(Answer::OptedOut));
		if let Some(Answer::Committed { who, held, .. }) = before {
			Self::release(HoldReason::Commitment, &who, held);
		}
		match response {
			Response::OptIn => {}
			Response::OptOut => Responses::<T>::insert(key, Answer::OptedOut),
			Response::Commit(energy) => {
				let prices = &programme.terms.prices;
				ensure!(!prices.penalty.is_zero(), Error::<T>::NoCommitments);
				ensure!(resource.members > 0, Error::<T>::NothingToCommit);
				Self::check_extent(1, energy)?;
				let held = reward::pledge(prices, energy);
				Self::hold(HoldReason::Commitment, &who, held)?;
				Responses::<T>::insert(key, Answer::Committed { energy, who, held });
			}
		}
		// Whose devices were told already.
		let told = programme.terms.command.is_some()
			&& !Timetable::<T>::contains_key(issue_key(id, event.start));
		let is_out = response == Response::OptOut;
		match programme.terms.command {
			Some(action) if told && was_out != is_out => {
				let action = if is_out { Action::Release } else { action };
				Self::issue(id, &event, Some(resource_id), action)?;
			}
			_ => {}
		}
		Self::deposit_event(Event::Responded {
			event: id,
			resource: resource_id,
			response,
		});
		Ok(())
	}
}

/// Where the timetable notes that the command of an event is to be sent: in the period before it starts.
pub(crate) fn issue_key(event: EventId, start: Period) -> (Be32, Be32) {
	(Be32::from(start.saturating_sub(1)), Be32::from(event))
}
