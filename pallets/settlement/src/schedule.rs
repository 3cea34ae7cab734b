//! What runs in `on_poll`, under one budget: claims first, then the settlement under way, then
//! communities in turn, each of which is looked at for statements to prune and a period to settle.

use alloc::boxed::Box;

use frame_support::weights::WeightMeter;
use gridweave_primitives::{
	microgrid::Terms,
	traits::{MeteredEnergy, MicrogridInspect, SettlementClock},
	Be32, MicrogridId, Period, PeriodClock,
};

use crate::{
	claims::Serving,
	engine::Next,
	types::{Job, Progress},
	ClaimQueues, Config, Current, Event, IdleUntil, Pallet, Served, Settled, Statements, Summaries,
	Turn, WeightInfo,
};

/// What a look at a community found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look<AccountId> {
	/// Nothing to do before this second: a short look.
	Nothing(u64),
	/// Nothing to do before this second, which took a full look to see.
	Waits(u64),
	/// A period's statements to prune.
	Prune(Period),
	/// A period of a community without meters was passed.
	Passed,
	/// A period to settle.
	Settle(Box<Job<AccountId>>),
}

impl<T: Config> Pallet<T> {
	/// One block's work.
	pub(crate) fn poll(meter: &mut WeightMeter) {
		if meter.try_consume(Self::poll_weight()).is_err() {
			return;
		}
		// Operators without money are asked every block: settlement must not wait for that.
		let mut share = WeightMeter::with_limit(meter.remaining().div(2));
		Self::serve_claims(&mut share);
		meter.consume(share.consumed());
		if let Some(job) = Current::<T>::take() {
			if !Self::run(job, meter) {
				return;
			}
		}
		let now = T::Clock::now();
		if now >= IdleUntil::<T>::get() {
			Self::go_round(meter);
		}
	}

	/// Steps of a settlement, as far as the budget goes. Whether it is settled.
	fn run(mut job: Job<T::AccountId>, meter: &mut WeightMeter) -> bool {
		while meter.can_consume(Self::step_weight(&job)) {
			let (next, took) = Self::step(job);
			meter.consume(took);
			job = match next {
				Next::Step(job) => job,
				Next::Done(job) => {
					Self::move_on(job.till.microgrid, job.period);
					return true;
				}
			};
		}
		Current::<T>::put(job);
		false
	}

	/// Communities in turn, until none has anything to do or the budget is spent.
	fn go_round(meter: &mut WeightMeter) {
		let count = T::Microgrids::count();
		let (mut idle, mut until) = (0u32, u64::MAX);
		while idle < count && meter.can_consume(T::WeightInfo::look()) {
			let microgrid = Self::next_in_turn(count);
			let found = Self::look(microgrid);
			meter.consume(Self::looked(&found));
			match found {
				Look::Nothing(before) | Look::Waits(before) => {
					idle = idle.saturating_add(1);
					until = until.min(before);
					continue;
				}
				Look::Passed => {}
				Look::Prune(period) => {
					if !Self::prune(microgrid, period, meter) {
						// It comes first in the next block: what idle looks leave of a budget might
						// never do.
						Turn::<T>::put(microgrid.0);
						return;
					}
				}
				Look::Settle(job) => {
					if !Self::run(*job, meter) {
						return;
					}
				}
			}
			(idle, until) = (0, u64::MAX);
		}
		if idle >= count && count > 0 {
			IdleUntil::<T>::put(until);
		}
	}

	/// The community whose turn it is, of `count`.
	pub(crate) fn next_in_turn(count: u32) -> MicrogridId {
		let turn = Turn::<T>::get();
		let microgrid = MicrogridId(if turn < count { turn } else { 0 });
		Turn::<T>::put(microgrid.0.saturating_add(1));
		microgrid
	}

	/// What there is to do for a community.
	pub(crate) fn look(microgrid: MicrogridId) -> Look<T::AccountId> {
		let clock = T::Clock::clock();
		let now = T::Clock::now();
		let Some(progress) = Self::progress(microgrid) else {
			// Its first period opens no earlier than now.
			return Look::Waits(clock.freezes_at(clock.period_at(now)));
		};
		let Progress { next, oldest } = progress;
		let prune_at = if oldest < next {
			kept_until(&clock, oldest)
		} else {
			u64::MAX
		};
		if now >= prune_at {
			return Look::Prune(oldest);
		}
		let due = prune_at.min(clock.freezes_at(next));
		if !clock.is_frozen(next, now) {
			return Look::Nothing(due);
		}
		let pages = T::Metered::pages(microgrid);
		if pages == 0 {
			Self::move_on(microgrid, next);
			return Look::Passed;
		}
		let (Some(terms), Some(operator)) = (
			Self::terms_of(microgrid, next),
			T::Microgrids::operator(microgrid),
		) else {
			// The period waits for its terms: look again soon.
			return Look::Waits(due);
		};
		let links = Self::take_exchange(microgrid, next);
		let job = Job::new(microgrid, next, &terms, operator, pages, links);
		Look::Settle(Box::new(job))
	}

	/// The terms a period is settled by: its own; for one that never opened, because the chain stood
	/// still, or whose terms are no longer kept, those of the next that did.
	pub(crate) fn terms_of(microgrid: MicrogridId, period: Period) -> Option<Terms> {
		T::Microgrids::terms(microgrid, period).or_else(|| {
			let opened = T::Microgrids::next_opened(microgrid, period)?;
			T::Microgrids::terms(microgrid, opened)
		})
	}

	/// How far a community's settlement has come; `None` before its first period opens.
	pub fn progress(microgrid: MicrogridId) -> Option<Progress> {
		Settled::<T>::get(Be32::from(microgrid)).or_else(|| {
			let first = T::Microgrids::first_period(microgrid)?;
			Some(Progress {
				next: first,
				oldest: first,
			})
		})
	}

	/// Notes that a period is settled. One that left no statements needs no pruning, unless an older one
	/// waits for that.
	pub(crate) fn move_on(microgrid: MicrogridId, period: Period) {
		let mut progress = Self::progress(microgrid).unwrap_or_default();
		progress.next = period.next();
		if progress.oldest == period && Self::summary(microgrid, period).is_none() {
			progress.oldest = progress.next;
		}
		Settled::<T>::insert(Be32::from(microgrid), progress);
	}

	/// Removes a period's statements, page by page. Whether all are gone.
	pub(crate) fn prune(microgrid: MicrogridId, period: Period, meter: &mut WeightMeter) -> bool {
		let prefix = (Be32::from(microgrid), Be32::from(period));
		if Summaries::<T>::contains_key(prefix) {
			// The iterator walks on from the key it gave last: none is sought twice.
			let mut pages = Statements::<T>::iter_key_prefix(prefix);
			loop {
				if meter.try_consume(T::WeightInfo::prune_page()).is_err() {
					return false;
				}
				let Some(page) = pages.next() else { break };
				Statements::<T>::remove((prefix.0, prefix.1, page));
			}
			Summaries::<T>::remove(prefix);
			Self::deposit_event(Event::StatementsPruned { microgrid, period });
		}
		let mut progress = Self::progress(microgrid).unwrap_or_default();
		progress.oldest = period.next();
		Settled::<T>::insert(prefix.0, progress);
		true
	}

	/// One round over the communities with open claims, from where the last block stopped.
	pub(crate) fn serve_claims(meter: &mut WeightMeter) {
		let step = T::WeightInfo::serve_claim();
		for _ in 0..ClaimQueues::<T>::count() {
			if !meter.can_consume(step) {
				return;
			}
			let after = Served::<T>::get().and_then(|last| {
				let last = ClaimQueues::<T>::hashed_key_for(last);
				ClaimQueues::<T>::iter_from(last).next().map(|(key, _)| key)
			});
			let Some(key) = after.or_else(|| ClaimQueues::<T>::iter().next().map(|(key, _)| key))
			else {
				return;
			};
			Served::<T>::put(key);
			let microgrid = MicrogridId(key.get());
			while meter.try_consume(step).is_ok() {
				if Self::serve_claim(microgrid) == Serving::Waits {
					break;
				}
			}
		}
	}
}

/// The second from which a period's statements need no longer be kept.
fn kept_until(clock: &PeriodClock, period: Period) -> u64 {
	let retention = u64::from(clock.retention).saturating_mul(u64::from(clock.period_length));
	clock.freezes_at(period).saturating_add(retention)
}
