//! What this pallet provides to others.

use alloc::vec::Vec;

use gridweave_primitives::{
	device::DeviceKey,
	meter::{MeterInfo, MeterOwner, MeteredPage, MeteredPeriod, Provenance},
	traits::{DeviceKeys, MeterHistory, MeterInspect, MeteredEnergy, SettlementClock},
	Be32, MeterId, MicrogridId, Period, Slots, WattHours,
};

use crate::{pages, Allocations, Config, Meters, Pallet};

impl<T: Config> MeterInspect<T::AccountId> for Pallet<T> {
	fn meter(meter: MeterId) -> Option<MeterInfo<T::AccountId>> {
		Meters::<T>::get(Be32::from(meter)).map(|meter| MeterInfo {
			owner: meter.owner,
			microgrid: meter.microgrid,
			kind: meter.kind,
			ratings: meter.ratings,
			state: meter.state,
		})
	}

	fn owners(page: u32) -> Slots<MeterOwner<T::AccountId>> {
		pages::owners::<T>(page)
	}

	fn state_of_charge(meter: MeterId) -> Option<WattHours> {
		pages::latest::<T>(meter)?
			.state_of_charge
			.map(|energy| WattHours(energy.0))
	}
}

impl<T: Config> DeviceKeys for Pallet<T> {
	fn device_key(meter: MeterId) -> Option<DeviceKey> {
		Meters::<T>::get(Be32::from(meter)).map(|meter| meter.key)
	}
}

impl<T: Config> MeteredEnergy for Pallet<T> {
	fn pages(microgrid: MicrogridId) -> u32 {
		Allocations::<T>::get(Be32::from(microgrid)).pages
	}

	fn page(microgrid: MicrogridId, index: u32) -> Option<u32> {
		pages::page_of::<T>(microgrid, index)
	}

	fn close_page(microgrid: MicrogridId, index: u32, period: Period) -> MeteredPage {
		Self::close(microgrid, index, period);
		Self::closed(microgrid, index, period)
	}

	fn closed_page(microgrid: MicrogridId, index: u32, period: Period) -> MeteredPage {
		Self::closed(microgrid, index, period)
	}

	fn metered(meter: MeterId, period: Period) -> Option<MeteredPeriod> {
		pages::energy::<T>(meter, period).map(Into::into)
	}
}

impl<T: Config> MeterHistory for Pallet<T> {
	fn recent(meter: MeterId, most: u32) -> Vec<MeteredPeriod> {
		let Some(page) = pages::latest_page::<T>(meter.page()) else {
			return Vec::new();
		};
		let Some(latest) = page.meters.get(meter.slot()) else {
			return Vec::new();
		};
		// Readings come in order of time: before this period they have said all they will.
		let open = T::Clock::clock().period_at(latest.captured_at);
		(1..=most)
			.map_while(|back| open.0.checked_sub(back).map(Period))
			.take_while(|period| *period >= page.kept_from)
			.filter_map(|period| pages::energy::<T>(meter, period))
			.filter(|entry| entry.provenance == Provenance::Measured)
			.map(Into::into)
			.collect()
	}
}
