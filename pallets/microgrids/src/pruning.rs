//! Prunes periods that are settled and past their retention.

use frame_support::weights::WeightMeter;
use gridweave_primitives::{traits::SettlementProgress, Be32, MicrogridId, Period};

use crate::{
	opening::Window, types::PeriodRange, Config, Count, Event, Pallet, PeriodTerms, Periods,
	PrunePass, WeightInfo,
};

/// How far one microgrid was pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pruned {
	/// All that has expired.
	All,
	/// All that is settled; more has expired.
	Settled,
	/// What the budget allowed.
	Partly,
}

impl<T: Config> Pallet<T> {
	/// The task: goes on with the pass over all microgrids, as far as the budget allows.
	pub(crate) fn prune_periods(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::prune_base()).is_err() {
			return;
		}
		let Some(window) = Window::now::<T>() else {
			return;
		};
		let count = Count::<T>::get();
		let Some(mut pass) = PrunePass::<T>::get().resume(window.oldest, count) else {
			return;
		};
		while pass.next.0 < count {
			match Self::prune_microgrid(pass.next, window.oldest, meter) {
				Pruned::All => {}
				Pruned::Settled => pass.behind = true,
				Pruned::Partly => break,
			}
			pass.advance();
		}
		PrunePass::<T>::put(pass);
	}

	/// Prunes the settled periods of one microgrid before `expired`.
	pub(crate) fn prune_microgrid(
		id: MicrogridId,
		expired: Period,
		meter: &mut WeightMeter,
	) -> Pruned {
		let each = T::WeightInfo::prune_period();
		if !meter.can_consume(T::WeightInfo::prune_microgrid().saturating_add(each)) {
			return Pruned::Partly;
		}
		meter.consume(T::WeightInfo::prune_microgrid());
		// A microgrid that has not started yet has nothing to prune.
		let Some(mut range) = Periods::<T>::get(id) else {
			return Pruned::All;
		};
		let expired = expired.min(range.until);
		let end = expired.min(T::Settled::settled_before(id));
		let first = range.from;
		while range.from < end && meter.try_consume(each).is_ok() {
			Self::prune_oldest(id, &mut range);
		}
		if first < range.from {
			Periods::<T>::insert(id, range);
			let last = range.from.saturating_sub(1);
			Self::deposit_event(Event::PeriodsPruned {
				microgrid: id,
				first,
				last,
			});
			Self::prune_links(id, meter);
		}
		match () {
			() if range.from < end => Pruned::Partly,
			() if range.from < expired => Pruned::Settled,
			() => Pruned::All,
		}
	}

	/// Removes the oldest period of a microgrid and finds the next one.
	pub(crate) fn prune_oldest(id: MicrogridId, range: &mut PeriodRange) {
		PeriodTerms::<T>::remove((Be32::from(id), Be32::from(range.from)));
		let next = range.from.next();
		range.from = if range.skipped == 0 || next >= range.until {
			next
		} else {
			Self::first_opened_from(id, next).unwrap_or(range.until)
		};
		let passed_over = range.from.0.saturating_sub(next.0);
		range.skipped = range.skipped.saturating_sub(passed_over);
	}

	/// The first period not before `from` whose terms are kept. Looks for it only where it must and one is
	/// certain: behind the last period of a microgrid lie those of the next, and every one that was pruned
	/// in this block would have to be stepped over.
	pub(crate) fn first_kept_from(id: MicrogridId, from: Period) -> Option<Period> {
		let range = Periods::<T>::get(id)?;
		let from = from.max(range.from);
		if from >= range.until {
			return None;
		}
		if range.skipped == 0 {
			return Some(from);
		}
		Self::first_opened_from(id, from)
	}

	/// The first period not before `from` whose terms are stored: one look beyond `from`, however long the
	/// gap is. There must be one, as there is within a range: its last period was opened.
	fn first_opened_from(id: MicrogridId, from: Period) -> Option<Period> {
		let key = (Be32::from(id), Be32::from(from));
		if PeriodTerms::<T>::contains_key(key) {
			return Some(from);
		}
		#[cfg(test)]
		crate::mock::Seeks::mutate(|seeks| *seeks += 1);
		let start = PeriodTerms::<T>::hashed_key_for(key);
		PeriodTerms::<T>::iter_key_prefix_from((key.0,), start)
			.next()
			.map(|next| Period(next.get()))
	}
}
