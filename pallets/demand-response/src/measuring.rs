//! Measuring an event, one meter a step; a resource is concluded when its last meter is summed.

use alloc::vec::Vec;

use frame_support::weights::Weight;
use gridweave_primitives::{
	traits::{CommunityFunds, MeterInspect, Quarantine, SettlementClock},
	Be32, EventId, MeterId, Period, ResourceId, WattHours,
};

use crate::{
	baseline::{self, Adjustment, Method},
	history::{self, Reader, Segment},
	measure::{change, Load, Sums},
	reward,
	types::{
		Answer, Baseline, DemandEvent, Excluded, Job, Member, Programme, ProgrammeTerms, Report,
		Stage, Task, Watch, KEPT_DAYS, MAX_EVENT_PERIODS, MAX_REBOUND, WINDOW,
	},
	Config, Event, HoldReason, Members, Pallet, Programmes, Reports, Resources, Responses,
	WeightInfo,
};

/// What comes after a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
	/// The next step.
	Step(Job),
	/// The task is done.
	Done,
}

/// What a meter did.
pub(crate) enum Outcome {
	/// It counts with this.
	Counts(Load),
	/// It has a baseline, and counts with the worst it could have done.
	Worst(Excluded, i64),
	/// It does not count.
	Out(Excluded),
}

impl<T: Config> Pallet<T> {
	/// A step of measuring an event, and what it weighs: by the days that it had to read, for neighbours share them.
	pub(crate) fn measure_step(id: EventId, mut job: Job, days: &mut Reader<T>) -> (Next, Weight) {
		let before = days.read();
		let took = |days: &Reader<T>| {
			T::WeightInfo::measure_meter(days.read().saturating_sub(before).min(KEPT_DAYS))
		};
		let Ok(mut event) = Self::event(id) else {
			return (Next::Done, took(days));
		};
		let Some(programme) = Programmes::<T>::get(Be32::from(event.programme)) else {
			return (Next::Done, took(days));
		};
		event.stage = Stage::Measuring;
		let prefix = (Be32::from(event.programme),);
		let next = match job.after {
			None => Members::<T>::iter_prefix(prefix).next(),
			Some((resource, meter)) => {
				let last = (prefix.0, Be32::from(resource), Be32::from(meter));
				let last = Members::<T>::hashed_key_for(last);
				Members::<T>::iter_prefix_from(prefix, last).next()
			}
		};
		let mut concluded = false;
		let next = next.map(|((resource, meter), member)| {
			(ResourceId(resource.get()), MeterId(meter.get()), member)
		});
		let open = job.open.map(|(resource, _)| resource);
		if open.is_some() && open != next.as_ref().map(|(resource, ..)| *resource) {
			concluded = true;
			if let Some((resource, sums)) = job.open.take() {
				Self::conclude(id, &mut event, &programme, resource, sums);
			}
		}
		let result = match next {
			None => {
				event.stage = Stage::Paying;
				Next::Step(Job::new(Task::Pay(id)))
			}
			Some((resource, meter, member)) => {
				let (_, sums) = job.open.get_or_insert_with(|| {
					let answer = Responses::<T>::get((Be32::from(id), Be32::from(resource)));
					let out = matches!(answer, Some(Answer::OptedOut));
					(resource, (!out).then(Sums::default))
				});
				if let Some(sums) = sums {
					let terms = &programme.terms;
					Self::measure_meter(id, &event, terms, meter, &member, days, sums);
				}
				job.after = Some((resource, meter));
				Next::Step(job)
			}
		};
		Self::put_event(id, &event);
		let took = took(days);
		if concluded {
			return (result, took.saturating_add(T::WeightInfo::conclude()));
		}
		(result, took)
	}

	/// Adds a meter to the sums of its resource, and notes that its energy is counted.
	pub(crate) fn measure_meter(
		id: EventId,
		event: &DemandEvent,
		terms: &ProgrammeTerms,
		meter: MeterId,
		member: &Member<T::AccountId>,
		days: &mut Reader<T>,
		sums: &mut Sums,
	) {
		let Some(mut watch) = Self::watch(meter) else {
			return;
		};
		let exclude = |reason| {
			Self::deposit_event(Event::MeterExcluded {
				event: id,
				meter,
				reason,
			})
		};
		if member.since >= event.start {
			return exclude(Excluded::CameLate);
		}
		let elsewhere =
			|(from, until): &(Period, Period)| *from < event.end && event.start < *until;
		if watch.counted.iter().any(elsewhere) {
			return exclude(Excluded::CountedElsewhere);
		}
		let Some(info) = T::Meters::meter(meter) else {
			return exclude(Excluded::Unmeasured);
		};
		let clock = T::Clock::clock();
		let length = u64::from(clock.period_length);
		let seconds = |from: Period, until: Period| {
			u64::from(until.0.saturating_sub(from.0)).saturating_mul(length)
		};
		match Self::outcome(id, event, terms, meter, &watch, days) {
			Outcome::Counts(load) => {
				note_counted(&mut watch, event);
				let lasted = seconds(event.start, event.end);
				sums.add(terms.direction, &load, &info.ratings, lasted);
				Self::deposit_event(Event::MeterMeasured {
					event: id,
					meter,
					baseline: load.baseline,
					measured: load.measured,
				});
			}
			Outcome::Worst(reason, baseline) => {
				note_counted(&mut watch, event);
				let lasted = seconds(event.start, event.due);
				sums.add_unmeasured(terms.direction, baseline, &info.ratings, lasted);
				exclude(reason);
			}
			// Nothing of it is counted here: another programme may.
			Outcome::Out(reason) => exclude(reason),
		}
		for part in history::segments(&clock, event.start, event.due) {
			watch.take_part(part.day);
		}
		Self::put_watch(meter, &watch);
	}

	pub(crate) fn outcome(
		id: EventId,
		event: &DemandEvent,
		terms: &ProgrammeTerms,
		meter: MeterId,
		watch: &Watch<T::AccountId>,
		days: &mut Reader<T>,
	) -> Outcome {
		let clock = T::Clock::clock();
		let during = history::segments(&clock, event.start, event.end);
		let after = history::segments(&clock, event.end, event.due);
		let mut expected = |parts: &[Segment]| -> Option<i64> {
			parts.iter().try_fold(0i64, |sum, part| {
				let part = Self::baseline_of(terms, event.announced, meter, watch, part, days)?;
				Some(sum.saturating_add(part))
			})
		};
		let (Some(baseline), Some(rebound_baseline)) = (expected(&during), expected(&after)) else {
			return Outcome::Out(Excluded::NoBaseline);
		};
		if T::Quarantine::is_quarantined(meter) {
			return Outcome::Worst(Excluded::Quarantined, baseline);
		}
		let mut found = |parts: &[Segment]| -> Option<i64> {
			parts.iter().try_fold(0i64, |sum, part| {
				Some(sum.saturating_add(days.measured(meter, part)?))
			})
		};
		let (Some(measured), Some(rebound)) = (found(&during), found(&after)) else {
			return Outcome::Worst(Excluded::Unmeasured, baseline);
		};
		let commanded = terms.baseline == Baseline::Commanded;
		let gained = change(terms.direction, baseline, measured) > 0;
		if commanded && gained && !watch.acknowledged.contains(&id) && !Self::obeys(meter, id) {
			// It did what was wanted, but not because it was told. What it did against it would count.
			return Outcome::Out(Excluded::NotAcknowledged);
		}
		Outcome::Counts(Load {
			baseline,
			measured,
			rebound_baseline,
			rebound,
		})
	}

	/// The baseline of a meter over periods of one day, for an event that was announced then.
	pub(crate) fn baseline_of(
		terms: &ProgrammeTerms,
		announced: Period,
		meter: MeterId,
		watch: &Watch<T::AccountId>,
		part: &Segment,
		days: &mut Reader<T>,
	) -> Option<i64> {
		let clock = T::Clock::clock();
		let (method, bound) = match terms.baseline {
			Baseline::LikeDays { method, adjustment } => (method, adjustment),
			Baseline::Commanded => (Method::TenOfTen, sp_runtime::Permill::zero()),
		};
		// On a day that had an event already the window tells of that.
		let window = history::window(&clock, announced, WINDOW).filter(|window| {
			!bound.is_zero() && window.day == part.day && !watch.took_part(part.day)
		});
		let like = days.like_days(meter, watch, part, window.as_ref());
		let adjustment = window.map(|window| Adjustment {
			measured: days.measured(meter, &window),
			bound,
		});
		let found =
			baseline::baseline(method, &like, terms.least_days, adjustment, terms.direction)?;
		Some(match terms.baseline {
			Baseline::LikeDays { .. } => found,
			Baseline::Commanded => baseline::commanded(found, terms.direction),
		})
	}

	/// Concludes a resource whose meters are summed: what it delivered, claims and owes.
	pub(crate) fn conclude(
		id: EventId,
		event: &mut DemandEvent,
		programme: &Programme<T::AccountId>,
		resource: ResourceId,
		sums: Option<Sums>,
	) {
		let key = (Be32::from(event.programme), Be32::from(resource));
		let answer = Responses::<T>::take((Be32::from(id), Be32::from(resource)));
		let Some(sums) = sums else {
			return;
		};
		let terms = &programme.terms;
		let delivered = sums.delivered(terms.direction, terms.dead_band);
		let tally = sums.tally;
		let committed = match &answer {
			Some(Answer::Committed { energy, .. }) => due_of(event, *energy),
			_ => WattHours::ZERO,
		};
		let penalty = Self::settle_answer(id, event, programme, resource, answer, delivered);
		let Some(resource_record) = Resources::<T>::get(key) else {
			return;
		};
		let silent = tally.counted == 0 && tally.unmeasured == 0;
		if silent && committed.is_zero() {
			return;
		}
		let claim = reward::claim(&terms.prices, delivered, committed);
		event.claims = event.claims.saturating_add(claim);
		event.delivered = event.delivered.saturating_add(delivered);
		let report = Report {
			payee: resource_record.owner,
			tally,
			delivered,
			committed,
			claim,
			paid: 0,
			penalty,
		};
		Reports::<T>::insert((Be32::from(id), key.1), &report);
		Self::deposit_event(Event::ResourceMeasured {
			event: id,
			resource,
			report,
		});
	}

	/// Takes the penalty of what was committed and not delivered, for the community's fund, and releases the rest of the
	/// pledge. What was taken.
	pub(crate) fn settle_answer(
		id: EventId,
		event: &DemandEvent,
		programme: &Programme<T::AccountId>,
		resource: ResourceId,
		answer: Option<Answer<T::AccountId>>,
		delivered: WattHours,
	) -> gridweave_primitives::Balance {
		let Some(Answer::Committed { energy, who, held }) = answer else {
			return 0;
		};
		let due = due_of(event, energy);
		let mut penalty = reward::penalty(&programme.terms.prices, due, delivered, held);
		if penalty > 0 {
			if Self::pay(HoldReason::Commitment, &who, &T::Funds::account(), penalty) {
				T::Funds::received(programme.microgrid, penalty);
				Self::deposit_event(Event::PenaltyTaken {
					event: id,
					resource,
					who: who.clone(),
					amount: penalty,
				});
			} else {
				penalty = 0;
			}
		}
		Self::release(HoldReason::Commitment, &who, held.saturating_sub(penalty));
		penalty
	}

	/// What a meter would take, net, in each of some periods, by the terms of a programme; without an adjustment.
	/// For clients.
	pub fn expected_load(
		id: gridweave_primitives::ProgrammeId,
		meter: MeterId,
		from: Period,
		count: u32,
	) -> Vec<Option<i64>> {
		let Ok(programme) = Self::programme(id) else {
			return Vec::new();
		};
		let Some(watch) = Self::watch(meter) else {
			return Vec::new();
		};
		let clock = T::Clock::clock();
		let mut days = Reader::new();
		(0..count.min(MAX_EVENT_PERIODS))
			.map(|ahead| {
				let period = from.saturating_add(ahead);
				let parts = history::segments(&clock, period, period.next());
				let part = parts.first()?;
				let never = Period(0);
				Self::baseline_of(&programme.terms, never, meter, &watch, part, &mut days)
			})
			.collect()
	}
}

/// What a commitment comes to in the time that the event lasted.
fn due_of(event: &DemandEvent, energy: WattHours) -> WattHours {
	let periods = |end: Period| end.0.saturating_sub(event.start.0);
	reward::due(energy, periods(event.end), periods(event.planned_end))
}

/// Notes that the energy of an event's periods is counted, and forgets what no event can reach that is measured
/// later: those end later.
fn note_counted<AccountId>(watch: &mut Watch<AccountId>, event: &DemandEvent) {
	let reach = event.due.saturating_sub(MAX_EVENT_PERIODS + MAX_REBOUND);
	watch.counted.retain(|(_, until)| *until > reach);
	if watch.counted.is_full() {
		watch.counted.remove(0);
	}
	let _ = watch.counted.try_push((event.start, event.end));
}
