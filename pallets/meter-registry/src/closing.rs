//! Closing what readings do not cover.

use frame_support::traits::Get;
use gridweave_primitives::{
	meter::{MeteredPage, Provenance},
	MeterId, MicrogridId, Period, PeriodClock,
};

use crate::{
	booking, freshness::Moment, pages, pages::Desk, Config, LatestReading, Metering, Pallet,
};

impl<T: Config> Desk<T> {
	/// Closes the entry of a meter whose readings do not reach the end of `period`, with an estimate;
	/// unless it is closed. A reading is compared with estimates of at most `max_span` periods: beyond
	/// those that it can reach nothing is estimated.
	pub fn close_entry(
		&mut self,
		slot: u8,
		latest: &LatestReading,
		meter: &Metering,
		period: Period,
		clock: &PeriodClock,
		max_span: u32,
	) {
		let first = clock
			.period_at(latest.captured_at)
			.max(self.latest.kept_from);
		if period.0.saturating_sub(first.0) >= max_span.saturating_sub(1) {
			return;
		}
		let mut entry = self
			.energy(period)
			.meters
			.get(slot)
			.copied()
			.unwrap_or_default();
		if entry.provenance != Provenance::Measured {
			return;
		}
		let usual = booking::usual_import(self.history(slot, period).iter());
		let uncovered = latest.uncovered(clock, period);
		let from = latest.captured_at.max(clock.start_of(period));
		entry.close(booking::estimate(
			usual,
			meter.ratings_since(from).max_import,
			uncovered,
			clock.period_length,
		));
		self.energy_mut(period).meters.set(slot, entry);
	}
}

impl<T: Config> Pallet<T> {
	/// Closes a period for a page of meters, if it is frozen: silent meters get their estimate. Also a page
	/// without readings is marked: its meters were settled as nothing.
	pub(crate) fn close(microgrid: MicrogridId, index: u32, period: Period) {
		let moment = Moment::read::<T>();
		let clock = moment.clock;
		if !clock.is_frozen(period, moment.now) {
			log::error!(
				target: "runtime::meter-registry",
				"period {period} of microgrid {microgrid} is to be closed before it is frozen",
			);
			return;
		}
		let Some(page) = pages::page_of::<T>(microgrid, index) else {
			return;
		};
		let mut desk = Desk::<T>::open(page, &moment);
		if period < desk.latest.kept_from || desk.energy(period).closed {
			return;
		}
		let silent: alloc::vec::Vec<(u8, LatestReading)> = desk
			.latest
			.meters
			.iter()
			.filter(|(_, latest)| latest.uncovered(&clock, period) > 0)
			.map(|(slot, latest)| (slot, latest.clone()))
			.collect();
		for (slot, latest) in silent {
			// A meter that has given a reading is there until that is gone.
			if let Some(meter) = desk.metering.meters.get(slot).copied() {
				desk.close_entry(slot, &latest, &meter, period, &clock, T::MaxSpan::get());
			}
		}
		// A page of which nothing is stored yet would not be found when the mark is to be pruned.
		desk.changed |= desk.latest.meters.is_empty();
		desk.energy_mut(period).closed = true;
		desk.clear();
	}

	/// What a closed page holds, feeders left out.
	pub(crate) fn closed(microgrid: MicrogridId, index: u32, period: Period) -> MeteredPage {
		let Some(page) = pages::page_of::<T>(microgrid, index) else {
			return MeteredPage::new();
		};
		let Some(energy) = pages::energy_page::<T>(page, period).filter(|energy| energy.closed)
		else {
			return MeteredPage::new();
		};
		let Some(latest) = pages::latest_page::<T>(page) else {
			return MeteredPage::new();
		};
		energy
			.meters
			.iter()
			.filter(|(slot, _)| {
				latest
					.meters
					.get(*slot)
					.is_some_and(|latest| latest.settles)
			})
			.map(|(slot, entry)| (MeterId::at(page, slot), (*entry).into()))
			.collect()
	}
}
