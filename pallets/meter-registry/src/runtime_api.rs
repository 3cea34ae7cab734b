//! What clients may ask of meters.

use alloc::vec::Vec;

use codec::{Codec, Decode, Encode};
use gridweave_primitives::{
	device::DeviceKey, meter::MeteredPeriod, traits::MeteredEnergy, Be32, MeterId, Period,
};
use scale_info::TypeInfo;

use crate::{
	pages, Config, Keys, LatestQuality, LatestReading, Meter, Meters, Pallet, MAX_PROGRESS,
	MAX_SEARCH,
};

/// Meters of an account, as far as was looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct OwnMeters {
	/// Their ids, ascending.
	pub meters: Vec<MeterId>,
	/// From where on to look for more; `None` if there are no more.
	pub next: Option<MeterId>,
}

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

		/// The meters of an account, ascending. Looks at 10,000 registrations from `from` on; ask on from the
		/// `next` of the answer, until there is none.
		fn meters_of(owner: AccountId, from: MeterId) -> OwnMeters;

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
	pub fn api_meters_of(owner: &T::AccountId, from: MeterId) -> OwnMeters {
		Self::search(owner, from, MAX_SEARCH)
	}

	/// The meters of `owner` among the next `most` from `from` on.
	pub(crate) fn search(owner: &T::AccountId, from: MeterId, most: u32) -> OwnMeters {
		let key = Be32::from(from);
		let first = Meters::<T>::get(key).map(|meter| (key, meter));
		let others = Meters::<T>::iter_from(Meters::<T>::hashed_key_for(key));
		let mut found = OwnMeters::default();
		let mut looked = 0u32;
		for (id, meter) in first.into_iter().chain(others) {
			let id = MeterId(id.get());
			if looked >= most {
				found.next = Some(id);
				break;
			}
			looked = looked.saturating_add(1);
			if meter.owner == *owner {
				found.meters.push(id);
			}
		}
		found
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
