//! Pruning: energy of periods that are settled and past retention, and meters whose last is.
//!
//! Runs in `on_poll`, in steps of one period of one page, or one retired meter. A cursor goes round all
//! microgrids and their pages; a round in which every microgrid had settled up to the retention bound ends
//! the work until the bound moves.

use frame_support::weights::{Weight, WeightMeter};
use gridweave_primitives::{
	traits::{MeteredEnergy, MicrogridInspect},
	Be32, MeterId, MicrogridId, Period,
};

use crate::{
	freshness::Moment, lifecycle::last_period, pages, Config, Cursor, LatestPage, Meters, Pallet,
	PruneCursor, PrunedBefore, WeightInfo,
};

/// What one step does to a page.
enum Step {
	/// Frees a retired meter all of whose periods are pruned.
	Free(u8),
	/// Prunes the oldest period kept.
	Prune(Period),
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
		while weight.try_consume(Self::weight_of_step()).is_ok() {
			if cursor.microgrid.0 >= T::Microgrids::count() {
				if !cursor.behind {
					PrunedBefore::<T>::put(bound);
				}
				cursor = PruneCursor::default();
				break;
			}
			cursor = Self::prune_step(&moment, bound, cursor);
		}
		Cursor::<T>::put(cursor);
	}

	/// What a step costs at most.
	pub(crate) fn weight_of_step() -> Weight {
		T::WeightInfo::prune_period().max(T::WeightInfo::prune_meter())
	}

	/// One step at the cursor; where to go on.
	pub(crate) fn prune_step(moment: &Moment, bound: Period, cursor: PruneCursor) -> PruneCursor {
		let PruneCursor {
			microgrid,
			page: index,
			behind,
		} = cursor;
		let kept_from = moment.kept_from::<T>(microgrid);
		let behind = behind || kept_from < bound;
		if index >= <Self as MeteredEnergy>::pages(microgrid) {
			return PruneCursor {
				microgrid: MicrogridId(microgrid.0.saturating_add(1)),
				page: 0,
				behind,
			};
		}
		let on = PruneCursor {
			microgrid,
			page: index.saturating_add(1),
			behind,
		};
		let Some(page) = pages::page_of::<T>(microgrid, index) else {
			return on;
		};
		let Some(mut latest) = pages::latest_page::<T>(page) else {
			return on;
		};
		match next_step(&moment.clock, &latest, kept_from) {
			None => return on,
			Some(Step::Free(slot)) => {
				let id = MeterId::at(page, slot);
				latest.meters.remove(slot);
				pages::put_latest_page::<T>(page, latest);
				if let Some(meter) = Meters::<T>::get(Be32::from(id)) {
					Self::free(id, meter);
				}
			}
			Some(Step::Prune(period)) => {
				prune_period::<T>(page, &mut latest, period);
				pages::put_latest_page::<T>(page, latest);
			}
		}
		PruneCursor {
			microgrid,
			page: index,
			behind,
		}
	}
}

fn next_step(
	clock: &gridweave_primitives::PeriodClock,
	latest: &LatestPage,
	kept_from: Period,
) -> Option<Step> {
	let retired = latest
		.meters
		.iter()
		.find(|(_, meter)| meter.retired && last_period(clock, meter) < latest.kept_from);
	match retired {
		Some((slot, _)) => Some(Step::Free(slot)),
		None if latest.kept_from < kept_from => Some(Step::Prune(latest.kept_from)),
		None => None,
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
