//! What this pallet is to others.

use frame_support::traits::UnixTime;
use gridweave_primitives::{
	microgrid::Terms,
	traits::{MicrogridInspect, SettlementClock},
	Be32, MicrogridId, Period, PeriodClock,
};

use crate::{Clock, Config, Count, Microgrids, Pallet, PeriodTerms, Periods};

impl<T: Config> SettlementClock for Pallet<T> {
	fn clock() -> PeriodClock {
		Clock::<T>::get()
	}

	fn now() -> u64 {
		T::Time::now().as_secs()
	}
}

impl<T: Config> MicrogridInspect<T::AccountId> for Pallet<T> {
	fn count() -> u32 {
		Count::<T>::get()
	}

	fn operator(microgrid: MicrogridId) -> Option<T::AccountId> {
		Microgrids::<T>::get(microgrid).map(|record| record.operator)
	}

	fn terms(microgrid: MicrogridId, period: Period) -> Option<Terms> {
		PeriodTerms::<T>::get((Be32::from(microgrid), Be32::from(period)))
	}

	fn first_period(microgrid: MicrogridId) -> Option<Period> {
		Periods::<T>::get(microgrid).map(|range| range.first)
	}

	fn next_opened(microgrid: MicrogridId, from: Period) -> Option<Period> {
		Self::first_kept_from(microgrid, from)
	}
}
