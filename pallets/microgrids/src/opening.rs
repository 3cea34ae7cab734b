//! Opens periods up to the horizon.

use frame_support::{
	traits::{Get, UnixTime},
	weights::WeightMeter,
};
use gridweave_primitives::{microgrid::Terms, Be32, MicrogridId, Period};

use crate::{
	types::PeriodRange, Clock, Config, Count, Event, Microgrids, OpenPass, Pallet, PeriodTerms,
	Periods, WeightInfo,
};

/// What is to be open at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Window {
	/// The oldest period worth opening: those before have expired.
	pub oldest: Period,
	/// The period that now lies in.
	pub current: Period,
	/// The last period within the horizon.
	pub last: Period,
}

impl Window {
	/// What is to be open now; `None` before the chain has a time, that is at genesis.
	pub(crate) fn now<T: Config>() -> Option<Self> {
		let now = T::Time::now().as_secs();
		if now == 0 {
			return None;
		}
		let clock = Clock::<T>::get();
		let current = clock.period_at(now);
		Some(Self {
			oldest: clock.expired_before(now),
			current,
			last: current.saturating_add(T::Horizon::get()),
		})
	}
}

impl<T: Config> Pallet<T> {
	/// The task: goes on with the pass over all microgrids, as far as the budget allows.
	pub(crate) fn open_periods(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::open_base()).is_err() {
			return;
		}
		let Some(window) = Window::now::<T>() else {
			return;
		};
		let count = Count::<T>::get();
		let Some(mut pass) = OpenPass::<T>::get().resume(window.last, count) else {
			return;
		};
		while pass.next.0 < count && Self::open_microgrid(pass.next, window, meter) {
			pass.advance();
		}
		OpenPass::<T>::put(pass);
	}

	/// Opens what is due of one microgrid. Returns whether that is all done: `false` asks for another turn,
	/// in the next block.
	pub(crate) fn open_microgrid(id: MicrogridId, window: Window, meter: &mut WeightMeter) -> bool {
		let each = T::WeightInfo::open_period();
		if !meter.can_consume(T::WeightInfo::open_microgrid().saturating_add(each)) {
			return false;
		}
		meter.consume(T::WeightInfo::open_microgrid());
		// Ids are dense: there is always one.
		let Some(microgrid) = Microgrids::<T>::get(id) else {
			return true;
		};
		let mut range =
			Periods::<T>::get(id).unwrap_or_else(|| PeriodRange::starting_with(window.current));
		if let Some((first, last)) = range.skip_to(window.oldest) {
			Self::deposit_event(Event::PeriodsSkipped {
				microgrid: id,
				first,
				last,
			});
		}

		let due = range.due(window.last);
		let affordable = meter
			.remaining()
			.checked_div_per_component(&each)
			.unwrap_or(u64::MAX);
		let count = due.min(u32::try_from(affordable).unwrap_or(u32::MAX));
		if count == 0 {
			return due == 0;
		}
		meter.consume(each.saturating_mul(count.into()));
		let first = range.until;
		for n in 0..count {
			Self::open_period(id, first.saturating_add(n), &microgrid.terms);
		}
		range.until = first.saturating_add(count);
		Periods::<T>::insert(id, range);
		let last = range.until.saturating_sub(1);
		Self::deposit_event(Event::PeriodsOpened {
			microgrid: id,
			first,
			last,
		});
		count == due
	}

	/// Fixes the terms of a period.
	pub(crate) fn open_period(id: MicrogridId, period: Period, terms: &Terms) {
		PeriodTerms::<T>::insert((Be32::from(id), Be32::from(period)), terms);
	}
}
