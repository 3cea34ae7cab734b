//! Pruning: energy of periods that are settled and past retention, and meters whose last is.
//!
//! Runs in `on_poll`. A cursor goes round all microgrids and looks at their pages; what is due on a page is
//! done in steps of one period or one retired meter. A page has a bounded number of steps a round, so that
//! none holds up the others. A round that left nothing undone ends the work until the bound of retention
//! moves.

use frame_support::weights::{Weight, WeightMeter};
use gridweave_primitives::{
	traits::{MeteredEnergy, MicrogridInspect, OnMeterRetired},
	Be32, MeterId, MicrogridId, Period, PeriodClock,
};

use crate::{
	freshness::Moment, pages, Config, Cursor, LatestPage, Meters, Pallet, PruneCursor,
	PrunedBefore, WeightInfo,
};

/// Most steps a round takes on one page: to free all its meters, and as many periods.
pub(crate) const PAGE_STEPS: u32 = 64;

/// What one step does to a page.
enum Step {
	/// Frees a retired meter all of whose periods are pruned.
	Free(u8),
	/// Prunes the oldest period kept.
	Prune(Period),
}

impl Step {
	fn weight<T: Config>(&self) -> Weight {
		match self {
			Self::Free(_) => T::WeightInfo::prune_meter().saturating_add(T::Retired::weight()),
			Self::Prune(_) => T::WeightInfo::prune_period(),
		}
	}
}

/// How a look at the cursor ended.
pub(crate) enum Look {
	/// Nothing is left to do there: the cursor is here now.
	Done(PruneCursor),
	/// The weight is used up: the cursor is still there.
	Spent(PruneCursor),
}

impl<T: Config> Pallet<T> {
	/// Prunes while `weight` lasts.
	pub(crate) fn prune(weight: &mut WeightMeter) {
		if weight.try_consume(T::WeightInfo::prune_idle()).is_err() {
			return;
		}
		let moment = Moment::read::<T>();
		let bound = moment.clock.expired_before(moment.now);
		if bound <= PrunedBefore::<T>::get() {
			return;
		}
		let mut cursor = Cursor::<T>::get();
		while weight.try_consume(T::WeightInfo::prune_look()).is_ok() {
			if cursor.microgrid.0 >= T::Microgrids::count() {
				if !cursor.behind {
					PrunedBefore::<T>::put(bound);
				}
				cursor = PruneCursor::default();
				break;
			}
			match Self::prune_page(&moment, bound, cursor, weight) {
				Look::Done(next) => cursor = next,
				Look::Spent(here) => {
					cursor = here;
					break;
				}
			}
		}
		Cursor::<T>::put(cursor);
	}

	/// What a poll must be able to spend to get on, wherever the cursor is.
	pub(crate) fn least_prune_weight() -> Weight {
		let step = Step::Free(0)
			.weight::<T>()
			.max(Step::Prune(Period(0)).weight::<T>());
		T::WeightInfo::prune_idle()
			.saturating_add(T::WeightInfo::prune_look())
			.saturating_add(step)
	}

	/// Does what is due on the page at the cursor, while `weight` lasts. The look itself is paid for.
	pub(crate) fn prune_page(
		moment: &Moment,
		bound: Period,
		cursor: PruneCursor,
		weight: &mut WeightMeter,
	) -> Look {
		let PruneCursor {
			microgrid,
			page: index,
			mut steps,
			behind,
		} = cursor;
		let kept_from = moment.kept_from::<T>(microgrid);
		let behind = behind || kept_from < bound;
		if index >= <Self as MeteredEnergy>::pages(microgrid) {
			return Look::Done(PruneCursor {
				microgrid: MicrogridId(microgrid.0.saturating_add(1)),
				page: 0,
				steps: 0,
				behind,
			});
		}
		let on = PruneCursor {
			microgrid,
			page: index.saturating_add(1),
			steps: 0,
			behind,
		};
		let Some(page) = pages::page_of::<T>(microgrid, index) else {
			return Look::Done(on);
		};
		let Some(mut latest) = pages::latest_page::<T>(page) else {
			return Look::Done(on);
		};
		while let Some(step) = next_step(&moment.clock, &latest, kept_from) {
			if steps >= PAGE_STEPS {
				return Look::Done(PruneCursor { behind: true, ..on });
			}
			if weight.try_consume(step.weight::<T>()).is_err() {
				return Look::Spent(PruneCursor {
					steps,
					behind,
					..cursor
				});
			}
			take_step::<T>(page, &mut latest, step);
			steps = steps.saturating_add(1);
		}
		Look::Done(on)
	}
}

fn next_step(clock: &PeriodClock, latest: &LatestPage, kept_from: Period) -> Option<Step> {
	let gone = latest.meters.iter().find(|(_, meter)| {
		meter
			.last_period(clock)
			.is_some_and(|last| last < latest.kept_from)
	});
	match gone {
		Some((slot, _)) => Some(Step::Free(slot)),
		None if latest.kept_from < kept_from => Some(Step::Prune(latest.kept_from)),
		None => None,
	}
}

/// Takes a step, and stores the page.
fn take_step<T: Config>(page: u32, latest: &mut LatestPage, step: Step) {
	match step {
		Step::Free(slot) => {
			latest.meters.remove(slot);
			pages::put_latest_page::<T>(page, latest);
			let id = MeterId::at(page, slot);
			if let Some(meter) = Meters::<T>::get(Be32::from(id)) {
				Pallet::<T>::free(id, meter);
			}
		}
		Step::Prune(period) => {
			prune_period::<T>(page, latest, period);
			pages::put_latest_page::<T>(page, latest);
		}
	}
}

/// Forgets a period of a page, except for what was estimated in it and no reading has confirmed.
fn prune_period<T: Config>(page: u32, latest: &mut LatestPage, period: Period) {
	if let Some(energy) = pages::take_energy_page::<T>(page, period) {
		for (slot, entry) in energy.meters.iter() {
			if let Some(meter) = latest.meters.get_mut(slot) {
				// Estimates are bounded by rating × time: nothing saturates.
				meter.pruned_estimate = meter.pruned_estimate.saturating_add(entry.outstanding);
			}
		}
	}
	latest.kept_from = period.next();
}
