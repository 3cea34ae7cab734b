//! What this pallet provides to others.

use frame_support::weights::Weight;
use gridweave_primitives::{
	traits::{MeterInspect, OnMeterRetired, Quarantine},
	Be32, MeterId,
};

use crate::{
	flags::Subject, Cases, Config, Findings, Flags, Kind, Pallet, ProfilePages, Quarantined,
	WatchPages, WeightInfo,
};

impl<T: Config> Quarantine for Pallet<T> {
	fn is_quarantined(meter: MeterId) -> bool {
		Quarantined::<T>::contains_key(Be32::from(meter))
	}
}

/// The meter must still be known when this is called.
impl<T: Config> OnMeterRetired for Pallet<T> {
	fn on_meter_retired(meter: MeterId) {
		let key = Be32::from(meter);
		for kind in Kind::ALL {
			if Cases::<T>::contains_key((key, kind)) {
				Self::close_case(meter, kind, false);
			}
		}
		if let Some(info) = T::Meters::meter(meter) {
			for kind in Kind::ALL {
				let subject = Subject {
					microgrid: info.microgrid,
					meter,
					kind,
				};
				if Flags::<T>::contains_key(subject.key()) {
					Self::forget_flag(subject);
				}
			}
		}
		let page = Be32::from(meter.page());
		let mut watches = WatchPages::<T>::get(page);
		if watches.remove(meter.slot()).is_some() {
			if watches.is_empty() {
				WatchPages::<T>::remove(page);
			} else {
				WatchPages::<T>::insert(page, watches);
			}
		}
		let mut findings = Findings::<T>::get(page);
		if findings.remove(meter.slot()).is_some() {
			if findings.is_empty() {
				Findings::<T>::remove(page);
			} else {
				Findings::<T>::insert(page, findings);
			}
		}
		let mut profiles = ProfilePages::<T>::get(page);
		if profiles.remove(meter.slot()).is_some() {
			if profiles.is_empty() {
				ProfilePages::<T>::remove(page);
			} else {
				ProfilePages::<T>::insert(page, profiles);
			}
		}
	}

	fn weight() -> Weight {
		T::WeightInfo::forget_meter()
	}
}
