//! Commands to devices: sent, told to gateways, acknowledged. The only door to [`CommandPages`].
//!
//! Of a meter the latest command is kept, also when its time is over: so one that was never acknowledged stays
//! visible. The commands of an event go out in the period before it starts, member by member.

use alloc::vec::Vec;

use frame_support::{ensure, weights::Weight};
use gridweave_primitives::{
	traits::{Observation, OnReading, SettlementClock},
	Be32, EventId, MeterId, MicrogridId, ProgrammeId, ResourceId,
};
use sp_runtime::DispatchResult;

use crate::{
	events::issue_key,
	types::{
		Action, Answer, Command, DemandEvent, Issue, PendingCommands, Programme, Stage, MAX_ISSUES,
		MAX_OPEN_EVENTS, MAX_VALIDITY,
	},
	CommandPages, Config, Error, Event, Events, Issuing, Members, NextNonce, Pallet, Responses,
	Timetable, WeightInfo,
};

/// Most commands that one query returns.
pub const MAX_COMMANDS: u32 = 1_000;

/// Most pages of meters that one query looks at.
const MAX_PAGES: usize = 256;

/// The latest command of a meter.
pub fn latest<T: Config>(meter: MeterId) -> Option<Command> {
	let page = CommandPages::<T>::get(Be32::from(meter.page()));
	page.iter()
		.find(|(slot, _)| *slot == meter.slot())
		.map(|(_, command)| *command)
}

/// Puts a command in the place of what the device was told before. If it obeyed that, the meter's record says so
/// from then on. A command that was given earlier and comes later is passed over, as the device would.
pub fn put<T: Config>(meter: MeterId, command: Command) {
	let before = CommandPages::<T>::mutate(Be32::from(meter.page()), |page| {
		match page.iter_mut().find(|(slot, _)| *slot == meter.slot()) {
			Some((_, latest)) if latest.nonce > command.nonce => None,
			Some((_, latest)) => Some(core::mem::replace(latest, command)),
			None => {
				let place = page.partition_point(|(slot, _)| *slot < meter.slot());
				// A page has as many places as slots.
				let _ = page.try_insert(place, (meter.slot(), command));
				None
			}
		}
	});
	if let Some(event) = before.and_then(|before| before.obeyed()) {
		Pallet::<T>::note_obeyed(meter, event);
	}
}

/// Forgets a meter's command.
pub fn remove<T: Config>(meter: MeterId) {
	let key = Be32::from(meter.page());
	let mut page = CommandPages::<T>::get(key);
	let before = page.len();
	page.retain(|(slot, _)| *slot != meter.slot());
	if page.is_empty() {
		CommandPages::<T>::remove(key);
	} else if page.len() < before {
		CommandPages::<T>::insert(key, page);
	}
}

/// The next nonce; the first is 1.
fn next_nonce<T: Config>() -> u32 {
	NextNonce::<T>::mutate(|last| {
		*last = last.saturating_add(1);
		*last
	})
}

impl<T: Config> Pallet<T> {
	/// Has a command sent to the devices of those who take part in an event, or of one resource. Members have half of
	/// the queue at most, so that they hold up no event.
	pub(crate) fn issue(
		id: EventId,
		event: &DemandEvent,
		only: Option<ResourceId>,
		action: Action,
	) -> Result<(), Error<T>> {
		let clock = T::Clock::clock();
		let (from, until) = match action {
			Action::Release => (T::Clock::now(), clock.start_of(event.planned_end)),
			_ => (clock.start_of(event.start), clock.start_of(event.end)),
		};
		let command = Command {
			nonce: next_nonce::<T>(),
			action,
			from,
			until,
			event: Some(id),
			acknowledged: None,
		};
		let issue = Issue {
			event: id,
			programme: event.programme,
			only,
			command,
			after: None,
		};
		let mut issues = Issuing::<T>::get();
		let waits = issues.iter_mut().find(|other| {
			let same = (other.event, other.only) == (id, only);
			same && other.after.is_none()
		});
		match waits {
			// Nobody got it yet: who changes its mind takes no more room.
			Some(waits) => *waits = issue,
			None => {
				let of_members = issues.iter().filter(|other| other.only.is_some()).count();
				let room = only.is_none() || of_members < MAX_ISSUES as usize / 2;
				ensure!(room, Error::Busy);
				issues.try_push(issue).map_err(|_| Error::Busy)?;
			}
		}
		Issuing::<T>::put(issues);
		Self::deposit_event(Event::CommandsIssued {
			event: id,
			only,
			command,
		});
		Ok(())
	}

	/// Sends a command to its next meter. Whether there was one.
	pub(crate) fn issue_step(issue: &mut Issue) -> bool {
		let programme = Be32::from(issue.programme);
		let after = issue.after.map(|(resource, meter)| {
			Members::<T>::hashed_key_for((programme, Be32::from(resource), Be32::from(meter)))
		});
		let next = match (issue.only, after) {
			(None, None) => Members::<T>::iter_key_prefix((programme,)).next(),
			(None, Some(after)) => Members::<T>::iter_key_prefix_from((programme,), after).next(),
			(Some(only), after) => {
				let only = Be32::from(only);
				let prefix = (programme, only);
				let meter = match after {
					None => Members::<T>::iter_key_prefix(prefix).next(),
					Some(after) => Members::<T>::iter_key_prefix_from(prefix, after).next(),
				};
				meter.map(|meter| (only, meter))
			}
		};
		let Some((resource, meter)) = next else {
			return false;
		};
		let meter = MeterId(meter.get());
		issue.after = Some((ResourceId(resource.get()), meter));
		let answer = Responses::<T>::get((Be32::from(issue.event), resource));
		if issue.only.is_some() || !matches!(answer, Some(Answer::OptedOut)) {
			put::<T>(meter, issue.command);
		}
		true
	}

	/// Tells a meter that joins what the others were told already, for an event that has not started.
	pub(crate) fn catch_up(
		programme: &Programme<T::AccountId>,
		resource: ResourceId,
		meter: MeterId,
	) {
		let Some(action) = programme.terms.command else {
			return;
		};
		let (clock, now) = (T::Clock::clock(), T::Clock::current());
		for id in &programme.events {
			let Some(event) = Events::<T>::get(Be32::from(*id)) else {
				continue;
			};
			let waits = Timetable::<T>::contains_key(issue_key(*id, event.start));
			let answer = Responses::<T>::get((Be32::from(*id), Be32::from(resource)));
			let out = matches!(answer, Some(Answer::OptedOut));
			if event.stage != Stage::Announced || event.start <= now || waits || out {
				continue;
			}
			let command = Command {
				nonce: next_nonce::<T>(),
				action,
				from: clock.start_of(event.start),
				until: clock.start_of(event.end),
				event: Some(*id),
				acknowledged: None,
			};
			put::<T>(meter, command);
			Self::deposit_event(Event::CommandSent { meter, command });
		}
	}

	pub(crate) fn do_send(
		who: &T::AccountId,
		id: ProgrammeId,
		meter: MeterId,
		action: Action,
		from: u64,
		until: u64,
	) -> DispatchResult {
		Self::programme_of(who, id)?;
		let watch = Self::watch(meter).ok_or(Error::<T>::NotEnrolled)?;
		let enrolled = watch
			.enrolments
			.iter()
			.any(|(programme, _)| *programme == id);
		ensure!(enrolled, Error::<T>::NotEnrolled);
		let now = T::Clock::now();
		// Whoever is measured by a command must have it until it is acknowledged.
		let told = latest::<T>(meter).filter(|command| command.event.is_some());
		let waits = told.is_some_and(|command| !command.releases() && command.is_pending(now));
		ensure!(!waits, Error::<T>::CommandOfEvent);
		let on_its_way = Issuing::<T>::get().iter().any(|issue| {
			let mut enrolments = watch.enrolments.iter();
			!issue.command.releases() && enrolments.any(|(id, _)| *id == issue.programme)
		});
		ensure!(!on_its_way, Error::<T>::CommandOfEvent);
		let sound = from < until && now < until && until <= now.saturating_add(MAX_VALIDITY);
		ensure!(sound, Error::<T>::ValidityOutOfBounds);
		let command = Command {
			nonce: next_nonce::<T>(),
			action,
			from,
			until,
			event: None,
			acknowledged: None,
		};
		put::<T>(meter, command);
		Self::deposit_event(Event::CommandSent { meter, command });
		Ok(())
	}

	/// Notes of devices on one page that each carried out the command of its nonce, if that is its latest.
	pub(crate) fn acknowledge(page: u32, acknowledged: &[(u8, u32, u64)]) {
		let key = Be32::from(page);
		let mut commands = CommandPages::<T>::get(key);
		let mut changed = false;
		for (slot, nonce, captured_at) in acknowledged {
			let command = commands.iter_mut().find(|(of, command)| {
				of == slot && command.nonce == *nonce && command.acknowledged.is_none()
			});
			let Some((_, command)) = command else {
				continue;
			};
			command.acknowledged = Some(*captured_at);
			changed = true;
			Self::deposit_event(Event::CommandAcknowledged {
				meter: MeterId::at(page, *slot),
				nonce: *nonce,
			});
		}
		if changed {
			CommandPages::<T>::insert(key, commands);
		}
	}

	/// Whether the meter's latest command is of this event, and its device obeyed it in time.
	pub(crate) fn obeys(meter: MeterId, event: EventId) -> bool {
		latest::<T>(meter).and_then(|command| command.obeyed()) == Some(event)
	}

	/// Notes with the meter that its device obeyed an event, before its latest command becomes another.
	fn note_obeyed(meter: MeterId, event: EventId) {
		if let Some(mut watch) = Self::watch(meter) {
			if !watch.acknowledged.contains(&event) {
				if watch.acknowledged.len() >= MAX_OPEN_EVENTS as usize {
					watch.acknowledged.remove(0);
				}
				let _ = watch.acknowledged.try_push(event);
				Self::put_watch(meter, &watch);
			}
		}
	}

	/// Commands that devices from `from` on should be told now, in the order of meters: at most `most`, and at
	/// most [`MAX_COMMANDS`].
	pub fn pending_commands(from: MeterId, most: u32) -> PendingCommands {
		let now = T::Clock::now();
		let most = usize::try_from(most.min(MAX_COMMANDS)).unwrap_or(0);
		// Keys are hashed by identity: pages iterate in order. Start behind the last key before the wanted page.
		let pages = match from.page().checked_sub(1) {
			Some(before) => {
				CommandPages::<T>::iter_from(CommandPages::<T>::hashed_key_for(Be32::from(before)))
			}
			None => CommandPages::<T>::iter(),
		};
		let mut commands = Vec::new();
		for (count, (page, entries)) in pages.enumerate() {
			if count >= MAX_PAGES {
				let next = Some(MeterId::at(page.get(), 0));
				return PendingCommands { commands, next };
			}
			for (slot, command) in entries {
				let meter = MeterId::at(page.get(), slot);
				if meter < from || !command.is_pending(now) {
					continue;
				}
				if commands.len() >= most {
					return PendingCommands {
						commands,
						next: Some(meter),
					};
				}
				commands.push((meter, command));
			}
		}
		PendingCommands {
			commands,
			next: None,
		}
	}
}

impl<T: Config> OnReading for Pallet<T> {
	/// Storage is looked at only if a device acknowledges something that its reading before did not.
	fn on_readings(_: MicrogridId, observations: &[Observation]) {
		let acknowledged: Vec<_> = observations
			.iter()
			.filter_map(|observation| {
				let reading = observation.reading;
				let nonce = reading.acknowledged?;
				let before = observation.previous.as_ref();
				let new = before.and_then(|before| before.acknowledged) != Some(nonce);
				new.then(|| (reading.meter.slot(), nonce.0, reading.captured_at))
			})
			.collect();
		if let (Some(first), false) = (observations.first(), acknowledged.is_empty()) {
			Self::acknowledge(first.reading.meter.page(), &acknowledged);
		}
	}

	fn weight(pages: u32, readings: u32) -> Weight {
		let beyond = |of: fn(u32) -> Weight, n: u32| of(n).saturating_sub(of(0));
		T::WeightInfo::acknowledge_pages(pages)
			.saturating_add(beyond(T::WeightInfo::acknowledge_readings, readings))
	}
}
