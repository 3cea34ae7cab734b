//! What runs in `on_poll`, under one budget: what the timetable says, triggers, commands, the recording of energy, then
//! tasks one after the other. Tasks have at least half of it. Of the other half each takes at most half of what is left,
//! but for recording, which comes last: so that none holds up the others for ever.

use frame_support::weights::{Weight, WeightMeter};
use gridweave_primitives::{
	traits::{MeteredEnergy, SettlementClock, SettlementProgress},
	Be32, EventId, MicrogridId, Period,
};

use crate::{
	history::{self, Reader},
	measuring::Next,
	types::{Evaluation, Issue, Job, Recording, Stage, Task, Timed, KEPT_DAYS},
	Communities, Config, Current, Evaluated, Events, IdleUntil, Issuing, Pallet, Recorder, Tasks,
	Timetable, Turn, WatchedPages, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// One block's work.
	pub(crate) fn poll(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::poll()).is_err() {
			return;
		}
		let now = T::Clock::current();
		half(meter, |meter| {
			half(meter, |meter| Self::follow_timetable(now, meter));
			half(meter, |meter| Self::evaluate_triggers(now, meter));
			half(meter, Self::send_commands);
			Self::record_energy(meter);
		});
		Self::do_tasks(meter);
	}

	/// The least budget that lets everything go on: tasks have half of it, what comes before them half of what is
	/// left of the other half, one after the other, and the last all of it.
	pub(crate) fn least_budget() -> Weight {
		let record = T::WeightInfo::record_look().saturating_add(T::WeightInfo::record_page());
		let steps = [
			T::WeightInfo::timetable().saturating_mul(2),
			T::WeightInfo::evaluate_trigger().saturating_mul(4),
			T::WeightInfo::issue_command().saturating_mul(8),
			record.saturating_mul(8),
			Self::task_weight(&Task::Measure(EventId(0))),
			T::WeightInfo::pay_resource(),
			T::WeightInfo::sweep_answer(),
			T::WeightInfo::prune_report(),
			T::WeightInfo::close_member(),
			T::WeightInfo::close_group(),
		];
		let most = steps
			.into_iter()
			.fold(Weight::zero(), |most, step| most.max(step));
		T::WeightInfo::poll().saturating_add(most.saturating_mul(2))
	}

	/// Does what is due in this period or before.
	pub(crate) fn follow_timetable(now: Period, meter: &mut WeightMeter) {
		let mut entries = Timetable::<T>::iter();
		while meter.try_consume(T::WeightInfo::timetable()).is_ok() {
			let Some(((period, id), timed)) = entries.next() else {
				return;
			};
			if period.get() > now.0 {
				return;
			}
			let event = EventId(id.get());
			let done = match timed {
				Timed::Issue => Self::issue_event(event),
				Timed::Prune => Self::enqueue(Task::Prune(event)).is_ok(),
			};
			// If its queue is full, in a later block: what comes after it may be for another.
			if done {
				Timetable::<T>::remove((period, id));
			}
		}
	}

	/// Has the command of an event sent. Whether that is under way, or needs not be.
	fn issue_event(id: EventId) -> bool {
		let Ok(event) = Self::event(id) else {
			return true;
		};
		let Ok(programme) = Self::programme(event.programme) else {
			return true;
		};
		match programme.terms.command {
			Some(action) if event.stage == Stage::Announced => {
				Self::issue(id, &event, None, action).is_ok()
			}
			_ => true,
		}
	}

	/// Looks at programmes with a trigger, once a period.
	fn evaluate_triggers(now: Period, meter: &mut WeightMeter) {
		let mut evaluation = Evaluated::<T>::get();
		if evaluation.period == now && evaluation.done {
			return;
		}
		if evaluation.period < now {
			evaluation = Evaluation {
				period: now,
				..Evaluation::default()
			};
		}
		while !evaluation.done && meter.try_consume(T::WeightInfo::evaluate_trigger()).is_ok() {
			Self::trigger_step(&mut evaluation);
		}
		Evaluated::<T>::put(evaluation);
	}

	/// Sends commands to their meters.
	fn send_commands(meter: &mut WeightMeter) {
		let mut issues = Issuing::<T>::get();
		if issues.is_empty() {
			return;
		}
		while let Some(issue) = issues.iter_mut().next() {
			if !Self::send_to(issue, meter) {
				break;
			}
			issues.remove(0);
		}
		if issues.is_empty() {
			Issuing::<T>::kill();
		} else {
			Issuing::<T>::put(issues);
		}
	}

	/// Sends one command. Whether all have got it.
	fn send_to(issue: &mut Issue, meter: &mut WeightMeter) -> bool {
		while meter.try_consume(T::WeightInfo::issue_command()).is_ok() {
			if !Self::issue_step(issue) {
				return true;
			}
		}
		false
	}

	/// Records settled periods of enrolled meters, community by community.
	fn record_energy(meter: &mut WeightMeter) {
		loop {
			let recording = match Recorder::<T>::take() {
				Some(recording) => recording,
				None => match Self::next_to_record(meter) {
					Some(recording) => recording,
					None => return,
				},
			};
			if let Some(rest) = Self::record_period(recording, meter) {
				Recorder::<T>::put(rest);
				return;
			}
		}
	}

	/// The next period that is settled and not recorded, of any community.
	pub(crate) fn next_to_record(meter: &mut WeightMeter) -> Option<Recording> {
		let now = T::Clock::now();
		if now < IdleUntil::<T>::get() {
			return None;
		}
		let clock = T::Clock::clock();
		let mut idle = u64::MAX;
		for _ in 0..Communities::<T>::count() {
			meter.try_consume(T::WeightInfo::record_look()).ok()?;
			let after = Turn::<T>::get().and_then(|last| {
				let last = Communities::<T>::hashed_key_for(last);
				Communities::<T>::iter_from(last).next()
			});
			let (key, community) = after.or_else(|| Communities::<T>::iter().next())?;
			Turn::<T>::put(key);
			let microgrid = MicrogridId(key.get());
			if T::Progress::settled_before(microgrid) > community.next {
				return Some(Recording {
					microgrid,
					period: community.next,
					after: None,
				});
			}
			idle = idle.min(clock.freezes_at(community.next));
		}
		IdleUntil::<T>::put(idle);
		None
	}

	/// Records a period, page by page of meters. What is left to do, if the budget is spent.
	fn record_period(mut recording: Recording, meter: &mut WeightMeter) -> Option<Recording> {
		while meter.try_consume(T::WeightInfo::record_page()).is_ok() {
			if !Self::record_step(&mut recording) {
				return None;
			}
		}
		Some(recording)
	}

	/// Records the next page. Whether there was one; if not, the period is done.
	pub(crate) fn record_step(recording: &mut Recording) -> bool {
		let Recording {
			microgrid, period, ..
		} = *recording;
		let prefix = (Be32::from(microgrid),);
		let next = match recording.after {
			None => WatchedPages::<T>::iter_prefix(prefix).next(),
			Some(page) => {
				let last = WatchedPages::<T>::hashed_key_for((prefix.0, Be32::from(page)));
				WatchedPages::<T>::iter_prefix_from(prefix, last).next()
			}
		};
		match next {
			Some((page, bits)) => {
				let (page, clock) = (page.get(), T::Clock::clock());
				history::record::<T>(page, bits, &clock, period, |meter| {
					T::Metered::metered(meter, period)
				});
				recording.after = Some(page);
				true
			}
			None => {
				Self::recorded(microgrid, period);
				false
			}
		}
	}

	/// A period of a community is recorded: events whose energy is complete are measured.
	fn recorded(microgrid: MicrogridId, period: Period) {
		let key = Be32::from(microgrid);
		// It is gone if its last meter left meanwhile.
		let Some(mut community) = Communities::<T>::get(key) else {
			return;
		};
		if community.next == period {
			community.next = period.next();
		}
		while let Some((due, event)) = community.agenda.first().copied() {
			// If too much waits, with the next period.
			if due > community.next || Self::enqueue(Task::Measure(event)).is_err() {
				break;
			}
			community.agenda.remove(0);
		}
		if community.watched == 0 && community.agenda.is_empty() {
			Communities::<T>::remove(key);
		} else {
			Communities::<T>::insert(key, community);
		}
	}

	/// Does tasks while the budget lasts.
	fn do_tasks(meter: &mut WeightMeter) {
		let mut job = Current::<T>::take();
		let mut days = Reader::new();
		loop {
			let Some(next) = job.or_else(Self::next_job) else {
				return;
			};
			if !meter.can_consume(Self::task_weight(&next.task)) {
				Current::<T>::put(next);
				return;
			}
			let (after, took) = Self::step(next, &mut days);
			meter.consume(took);
			job = match after {
				Next::Step(job) => Some(job),
				Next::Done => None,
			};
		}
	}

	/// The first of the tasks that wait.
	fn next_job() -> Option<Job> {
		let mut tasks = Tasks::<T>::get();
		if tasks.is_empty() {
			return None;
		}
		let task = tasks.remove(0);
		if tasks.is_empty() {
			Tasks::<T>::kill();
		} else {
			Tasks::<T>::put(tasks);
		}
		Some(Job::new(task))
	}

	/// One step of a task, and what it took. What was read for the last is at hand for the next.
	fn step(job: Job, days: &mut Reader<T>) -> (Next, Weight) {
		match job.task {
			Task::Measure(event) => Self::measure_step(event, job, days),
			Task::Pay(event) => Self::pay_step(event, job),
			Task::Sweep(event) => Self::sweep_step(event, job),
			Task::Prune(event) => Self::prune_step(event, job),
			Task::Close(programme) => {
				// Histories are removed.
				*days = Reader::new();
				Self::close_step(programme, job)
			}
			Task::CloseGroups(programme) => Self::close_group_step(programme, job),
		}
	}

	/// What a step of a task weighs at most.
	fn task_weight(task: &Task) -> Weight {
		match task {
			// The ring has no more days.
			Task::Measure(_) => {
				T::WeightInfo::measure_meter(KEPT_DAYS).saturating_add(T::WeightInfo::conclude())
			}
			Task::Pay(_) => T::WeightInfo::pay_resource(),
			Task::Sweep(_) => T::WeightInfo::sweep_answer(),
			Task::Prune(_) => T::WeightInfo::prune_report(),
			Task::Close(_) => T::WeightInfo::close_member(),
			Task::CloseGroups(_) => T::WeightInfo::close_group(),
		}
	}

	/// How many events wait to be measured, or are being measured or paid.
	pub fn open_events() -> u32 {
		let open = Events::<T>::iter_values()
			.filter(|event| !matches!(event.stage, Stage::Done | Stage::Cancelled))
			.count();
		u32::try_from(open).unwrap_or(u32::MAX)
	}
}

/// Does work under half of what is left.
fn half(meter: &mut WeightMeter, work: impl FnOnce(&mut WeightMeter)) {
	let mut own = WeightMeter::with_limit(meter.remaining().div(2));
	work(&mut own);
	meter.consume(own.consumed());
}
