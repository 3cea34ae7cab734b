//! What follows once an event is measured: rewards are paid, left answers removed, and much later its reports. And the
//! end of a programme. One item a step.

use frame_support::weights::Weight;
use gridweave_primitives::{
	traits::SettlementClock, Be32, EventId, MeterId, ProgrammeId, ResourceId, WattHours,
};

use crate::{
	measuring::Next,
	reward,
	types::{Answer, Job, Stage, Task, Timed, REPORT_RETENTION},
	Config, Event, Events, HoldReason, Members, Pallet, Programmes, Reports, Resources, Responses,
	Timetable, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// Pays the next resource of an event.
	pub(crate) fn pay_step(id: EventId, mut job: Job) -> (Next, Weight) {
		let took = T::WeightInfo::pay_resource();
		let Ok(mut event) = Self::event(id) else {
			return (Next::Done, took);
		};
		let Some(mut programme) = Programmes::<T>::get(Be32::from(event.programme)) else {
			return (Next::Done, took);
		};
		let prefix = (Be32::from(id),);
		let next = match job.after {
			None => Reports::<T>::iter_prefix(prefix).next(),
			Some((resource, _)) => {
				let last = Reports::<T>::hashed_key_for((prefix.0, Be32::from(resource)));
				Reports::<T>::iter_prefix_from(prefix, last).next()
			}
		};
		let Some((key, mut report)) = next else {
			event.stage = Stage::Done;
			programme.free = programme
				.free
				.saturating_add(event.budget.saturating_sub(event.paid));
			Self::put_event(id, &event);
			Self::put_programme(event.programme, &programme);
			Self::deposit_event(Event::EventSettled {
				event: id,
				delivered: event.delivered,
				claims: event.claims,
				paid: event.paid,
			});
			return (Next::Step(Job::new(Task::Sweep(id))), took);
		};
		let resource = ResourceId(key.get());
		job.after = Some((resource, MeterId(0)));
		// Never more than is left, whatever came before.
		let left = event.budget.saturating_sub(event.paid);
		let amount = reward::share(report.claim, event.claims, event.budget).min(left);
		let paid = amount > 0
			&& Self::pay(
				HoldReason::Budget,
				&programme.operator,
				&report.payee,
				amount,
			);
		if paid {
			event.paid = event.paid.saturating_add(amount);
			report.paid = amount;
			let who = report.payee.clone();
			Reports::<T>::insert((prefix.0, key), report);
			Self::put_event(id, &event);
			Self::deposit_event(Event::RewardPaid {
				event: id,
				resource,
				who,
				amount,
			});
		}
		(Next::Step(job), took)
	}

	/// Removes the next answer to an event that is over. Who committed and was not measured, because its group has no
	/// meters left, has delivered nothing.
	pub(crate) fn sweep_step(id: EventId, mut job: Job) -> (Next, Weight) {
		let took = T::WeightInfo::sweep_answer();
		let Ok(event) = Self::event(id) else {
			return (Next::Done, took);
		};
		let Some(mut programme) = Programmes::<T>::get(Be32::from(event.programme)) else {
			return (Next::Done, took);
		};
		let prefix = (Be32::from(id),);
		let next = match job.after {
			None => Responses::<T>::iter_prefix(prefix).next(),
			Some((resource, _)) => {
				let last = Responses::<T>::hashed_key_for((prefix.0, Be32::from(resource)));
				Responses::<T>::iter_prefix_from(prefix, last).next()
			}
		};
		if let Some((key, answer)) = next {
			Responses::<T>::remove((prefix.0, key));
			job.after = Some((ResourceId(key.get()), MeterId(0)));
			match answer {
				Answer::Committed { who, held, .. } if event.stage == Stage::Cancelled => {
					Self::release(HoldReason::Commitment, &who, held);
				}
				answer => {
					let resource = ResourceId(key.get());
					let nothing = WattHours::ZERO;
					Self::settle_answer(id, &event, &programme, resource, Some(answer), nothing);
				}
			}
			return (Next::Step(job), took);
		}
		programme.events.retain(|open| *open != id);
		Self::put_programme(event.programme, &programme);
		if event.stage == Stage::Cancelled {
			Events::<T>::remove(Be32::from(id));
		} else {
			let when = T::Clock::current().saturating_add(REPORT_RETENTION);
			Timetable::<T>::insert((Be32::from(when), Be32::from(id)), Timed::Prune);
		}
		(Next::Done, took)
	}

	/// Removes the next report of an event.
	pub(crate) fn prune_step(id: EventId, mut job: Job) -> (Next, Weight) {
		let took = T::WeightInfo::prune_report();
		let prefix = (Be32::from(id),);
		let next = match job.after {
			None => Reports::<T>::iter_key_prefix(prefix).next(),
			Some((resource, _)) => {
				let last = Reports::<T>::hashed_key_for((prefix.0, Be32::from(resource)));
				Reports::<T>::iter_key_prefix_from(prefix, last).next()
			}
		};
		match next {
			Some(key) => {
				Reports::<T>::remove((prefix.0, key));
				job.after = Some((ResourceId(key.get()), MeterId(0)));
				(Next::Step(job), took)
			}
			None => {
				Events::<T>::remove(prefix.0);
				Self::deposit_event(Event::ReportsPruned { event: id });
				(Next::Done, took)
			}
		}
	}

	/// Removes the next member of a programme that closes.
	pub(crate) fn close_step(id: ProgrammeId, mut job: Job) -> (Next, Weight) {
		let took = T::WeightInfo::close_member();
		let Some(programme) = Programmes::<T>::get(Be32::from(id)) else {
			return (Next::Done, took);
		};
		let prefix = (Be32::from(id),);
		let next = match job.after {
			None => Members::<T>::iter_key_prefix(prefix).next(),
			Some((resource, meter)) => {
				let last = (prefix.0, Be32::from(resource), Be32::from(meter));
				let last = Members::<T>::hashed_key_for(last);
				Members::<T>::iter_key_prefix_from(prefix, last).next()
			}
		};
		match next {
			Some((resource, meter)) => {
				let (resource, meter) = (ResourceId(resource.get()), MeterId(meter.get()));
				Self::remove_member(id, &programme, resource, meter);
				job.after = Some((resource, meter));
				(Next::Step(job), took)
			}
			None => (Next::Step(Job::new(Task::CloseGroups(id))), took),
		}
	}

	/// Removes the next group of a programme that closes, then the programme.
	pub(crate) fn close_group_step(id: ProgrammeId, mut job: Job) -> (Next, Weight) {
		let took = T::WeightInfo::close_group();
		let prefix = (Be32::from(id),);
		let next = match job.after {
			None => Resources::<T>::iter_prefix(prefix).next(),
			Some((resource, _)) => {
				let last = Resources::<T>::hashed_key_for((prefix.0, Be32::from(resource)));
				Resources::<T>::iter_prefix_from(prefix, last).next()
			}
		};
		match next {
			Some((key, resource)) => {
				let group = ResourceId(key.get());
				Self::free_group(group, resource);
				job.after = Some((group, MeterId(0)));
				(Next::Step(job), took)
			}
			None => {
				Self::free_programme(id);
				(Next::Done, took)
			}
		}
	}
}
