//! What this pallet provides to others.

use gridweave_primitives::{
	meter::{MeterInfo, MeteredPage, MeteredPeriod},
	traits::{MeterInspect, MeteredEnergy},
	Be32, MeterId, MicrogridId, Period, WattHours,
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

	fn state_of_charge(meter: MeterId) -> Option<WattHours> {
		pages::latest::<T>(meter)?
			.state_of_charge
			.map(|energy| WattHours(energy.0))
	}
}

impl<T: Config> MeteredEnergy for Pallet<T> {
	fn pages(microgrid: MicrogridId) -> u32 {
		Allocations::<T>::get(Be32::from(microgrid)).pages
	}

	fn close_page(microgrid: MicrogridId, page: u32, period: Period) -> MeteredPage {
		Self::close(microgrid, page, period);
		Self::closed(microgrid, page, period)
	}

	fn closed_page(microgrid: MicrogridId, page: u32, period: Period) -> MeteredPage {
		Self::closed(microgrid, page, period)
	}

	fn metered(meter: MeterId, period: Period) -> Option<MeteredPeriod> {
		pages::energy::<T>(meter, period).map(Into::into)
	}
}
