//! Readings as they are taken: a read for a page of meters, and a write if something changed.

use frame_support::weights::Weight;
use gridweave_primitives::{
	traits::{Observation, OnReading, SettlementClock},
	Be32, MicrogridId,
};

use crate::{flags::Subject, judging::Moment, Config, Pallet, Watch, WatchPages, WeightInfo};

impl<T: Config> OnReading for Pallet<T> {
	fn on_readings(microgrid: MicrogridId, observations: &[Observation]) -> u32 {
		let Some(first) = observations.first() else {
			return 0;
		};
		let key = Be32::from(first.reading.meter.page());
		let parameters = Self::parameters_of(microgrid);
		let moment = Moment {
			now: T::Clock::now(),
			current: T::Clock::current(),
			period_length: T::Clock::clock().period_length,
		};
		let mut page = WatchPages::<T>::get(key);
		let (mut changed, mut flagged) = (false, 0u32);
		let mut rest = observations.iter().peekable();
		while let Some(observation) = rest.next() {
			let meter = observation.reading.meter;
			let newest = rest.peek().is_none_or(|next| next.reading.meter != meter);
			let before = page.get(meter.slot()).copied().unwrap_or_default();
			let mut watch = before;
			let found = watch.judge(observation, newest, &moment, &parameters);
			if watch != before {
				changed = true;
				if watch == Watch::default() {
					page.remove(meter.slot());
				} else {
					page.set(meter.slot(), watch);
				}
			}
			if let Some((kind, finding)) = found {
				flagged = flagged.saturating_add(1);
				let subject = Subject {
					microgrid,
					meter,
					kind,
				};
				Self::raise(subject, finding, &parameters);
			}
		}
		if changed {
			if page.is_empty() {
				WatchPages::<T>::remove(key);
			} else {
				WatchPages::<T>::insert(key, page);
			}
		}
		flagged
	}

	fn weight(pages: u32, readings: u32, flagged: u32) -> Weight {
		let beyond = |of: fn(u32) -> Weight, n: u32| of(n).saturating_sub(of(0));
		T::WeightInfo::observe_pages(pages)
			.saturating_add(beyond(T::WeightInfo::observe_readings, readings))
			.saturating_add(beyond(T::WeightInfo::observe_flagged, flagged))
	}
}
