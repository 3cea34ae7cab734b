//! What clients may ask of meters.

use alloc::vec::Vec;

use codec::Codec;
use gridweave_primitives::{
	device::DeviceKey, meter::MeteredPeriod, traits::MeteredEnergy, Be32, MeterId, Period,
};

use crate::{
	pages, Config, Keys, LatestQuality, LatestReading, Meter, Meters, Pallet, MAX_PROGRESS,
};

sp_api::decl_runtime_apis! {
	/// Meters and their readings.
	pub trait MeterRegistryApi<AccountId>
	where
		AccountId: Codec,
	{
		/// The last accepted sequence and the number of accepted readings of meters that have given any,
		/// ascending from `from`; at most `limit`, and at most 2000. Ask on from the id after the last.
		fn progress(from: MeterId, limit: u32) -> Vec<(MeterId, u64, u64)>;

		/// A meter's registration.
		fn meter(meter: MeterId) -> Option<Meter<AccountId>>;

		/// The meter whose device signs with `key`.
		fn meter_by_key(key: DeviceKey) -> Option<MeterId>;

		/// A meter's latest accepted reading.
		fn latest(meter: MeterId) -> Option<LatestReading>;

		/// The latest power quality a meter reported, and when; none if it never did.
		fn quality(meter: MeterId) -> Option<LatestQuality>;

		/// A meter's energy in a period, while it is kept; what was measured so far, before it is frozen.
		fn metered(meter: MeterId, period: Period) -> Option<MeteredPeriod>;
	}
}

/// Answers for the runtime's implementation of [`MeterRegistryApi`].
impl<T: Config> Pallet<T> {
	/// See [`MeterRegistryApi`].
	pub fn api_progress(from: MeterId, limit: u32) -> Vec<(MeterId, u64, u64)> {
		let limit = usize::try_from(limit.min(MAX_PROGRESS)).unwrap_or_default();
		pages::latest_from::<T>(from)
			.take(limit)
			.map(|(meter, latest)| (meter, latest.sequence, latest.accepted))
			.collect()
	}

	/// See [`MeterRegistryApi`].
	pub fn api_meter(meter: MeterId) -> Option<Meter<T::AccountId>> {
		Meters::<T>::get(Be32::from(meter))
	}

	/// See [`MeterRegistryApi`].
	pub fn api_meter_by_key(key: &DeviceKey) -> Option<MeterId> {
		Keys::<T>::get(Self::key_hash(key))
	}

	/// See [`MeterRegistryApi`].
	pub fn api_quality(meter: MeterId) -> Option<LatestQuality> {
		pages::quality::<T>(meter)
	}

	/// See [`MeterRegistryApi`].
	pub fn api_metered(meter: MeterId, period: Period) -> Option<MeteredPeriod> {
		<Self as MeteredEnergy>::metered(meter, period)
	}
}
