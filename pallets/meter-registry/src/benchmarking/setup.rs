//! The state that benchmarks start from.

use alloc::{vec, vec::Vec};

use frame_benchmarking::{account, BenchmarkError};
use frame_support::{traits::Get, BoundedVec};
use frame_system::RawOrigin;
use gridweave_primitives::{
	device::{registration_digest, DeviceKey, DeviceSignature, Serial},
	ids::METERS_PER_PAGE,
	ingest::{IngestId, IngestSignature, ReadingBatch},
	meter::{MeterKind, MeterState, Provenance, Ratings},
	reading::{Phase, Quality, SignedReading},
	traits::{MeteredEnergy, SettlementClock},
	Be32, MeterId, Period, PeriodClock, WattHours, Watts,
};
use sp_application_crypto::RuntimeAppPublic;
use sp_core::{crypto::KeyTypeId, sr25519};

use super::BenchmarkHelper;
use crate::{
	freshness::Moment, pages, Allocation, Allocations, Call, Config, EnergyEntry, EnergyPage,
	EnergyPages, FormerRatings, IngestKeys, Keys, LatestPage, LatestQuality, LatestReading, Meter,
	Meters, MicrogridPages, NextPage, Pallet, PruneCursor, QualityPages, Registers, Slots,
	MAX_CORRECTIONS, MAX_SPANS,
};

/// Keystore of the devices.
const DEVICES: KeyTypeId = KeyTypeId(*b"devi");

/// Far above and below what registers of the benchmarks show.
pub(super) const MODULUS: WattHours = WattHours(1 << 48);

/// On how many pages readings lie where these are not what is measured.
pub(super) const PAGES: u32 = 16;

/// Of all meters.
pub(super) const RATINGS: Ratings = Ratings {
	max_import: Watts(10_000),
	max_export: Watts(10_000),
};

/// The key of a new device.
pub(super) fn new_device() -> sr25519::Public {
	sp_io::crypto::sr25519_generate(DEVICES, None)
}

/// A device's signature.
pub(super) fn sign(key: &sr25519::Public, digest: &[u8; 32]) -> DeviceSignature {
	let signature = sp_io::crypto::sr25519_sign(DEVICES, key, digest);
	DeviceSignature::Sr25519(signature.expect("the keystore holds the key"))
}

/// The longest serial.
pub(super) fn serial() -> Serial {
	BoundedVec::truncate_from(vec![b'0'; 32])
}

/// The chain's clock.
pub(super) fn clock<T: Config>() -> PeriodClock {
	T::Clock::clock()
}

/// The period that now lies in.
pub(super) const NOW: Period = Period(1_000_000);

/// Sets chain time to the beginning of [`NOW`].
pub(super) fn set_now<T: Config>() {
	T::BenchmarkHelper::set_now(clock::<T>().start_of(NOW).saturating_add(2));
}

/// Registers a meter by the call.
pub(super) fn register<T: Config>(number: u32) -> (T::AccountId, sr25519::Public, MeterId) {
	let (microgrid, _) = T::BenchmarkHelper::microgrid();
	let owner = T::BenchmarkHelper::funded(number);
	let device = new_device();
	let digest = registration_digest(&Pallet::<T>::genesis_hash(), &owner, microgrid, &serial());
	Pallet::<T>::register_meter(
		RawOrigin::Signed(owner.clone()).into(),
		microgrid,
		MeterKind::Prosumer,
		DeviceKey::Sr25519(device),
		serial(),
		MODULUS,
		sign(&device, &digest),
	)
	.expect("registers");
	let id = Keys::<T>::get(Pallet::<T>::key_hash(&DeviceKey::Sr25519(device)));
	(owner, device, id.expect("registered"))
}

/// A latest reading.
pub(super) fn latest(captured_at: u64) -> LatestReading {
	LatestReading {
		sequence: 1 << 32,
		captured_at,
		import_register: WattHours(1 << 40),
		export_register: WattHours(1 << 40),
		state_of_charge: None,
		acknowledged: None,
		status: 0,
		accepted: 1 << 20,
		imported: WattHours(1 << 30),
		exported: WattHours(1 << 30),
		pruned_estimate: WattHours(0),
		settles: true,
		retired_at: None,
	}
}

/// Power quality of three phases.
pub(super) fn quality() -> Quality {
	let phase = Phase {
		voltage_mv: u32::MAX,
		current_ma: u32::MAX,
		power_factor: -1_000,
	};
	Quality {
		frequency_mhz: u32::MAX,
		phases: BoundedVec::truncate_from(vec![phase; 3]),
	}
}

/// This in every slot.
pub(super) fn full<V: Clone>(value: V) -> Slots<V> {
	let mut slots = Slots::default();
	(0..METERS_PER_PAGE).for_each(|slot| slots.set(slot as u8, value.clone()));
	slots
}

/// A page whose meters were all estimated.
pub(super) fn estimated_page(closed: bool) -> EnergyPage {
	let energy = WattHours(2_000);
	EnergyPage {
		closed,
		meters: full(EnergyEntry {
			import: energy,
			export: energy,
			outstanding: energy,
			provenance: Provenance::Estimated,
		}),
	}
}

/// Gives a microgrid a new, full page of active meters; its number.
pub(super) fn new_page<T: Config>(device: sr25519::Public, captured_at: u64) -> u32 {
	let (microgrid, _) = T::BenchmarkHelper::microgrid();
	let key = Be32::from(microgrid);
	let index = Allocations::<T>::get(key).pages;
	let page = NextPage::<T>::get();
	NextPage::<T>::put(page + 1);
	MicrogridPages::<T>::insert(key, Be32::from(index), page);
	Allocations::<T>::insert(
		key,
		Allocation {
			pages: index + 1,
			slots: METERS_PER_PAGE as u8,
			free: 0,
		},
	);
	for slot in 0..METERS_PER_PAGE {
		let id = MeterId::at(page, slot as u8);
		let meter = Meter {
			owner: account::<T::AccountId>("neighbour", id.0, 0),
			microgrid,
			kind: MeterKind::Prosumer,
			ratings: RATINGS,
			former: Some(FormerRatings {
				ratings: RATINGS,
				until: u64::MAX,
			}),
			modulus: MODULUS,
			serial: serial(),
			key: DeviceKey::Sr25519(device),
			rotated: Some(NOW),
			deposit: 0,
			state: MeterState::Active,
			admitted_at: 0,
			base: Registers::default(),
		};
		pages::put_metering::<T>(id, &meter);
		Meters::<T>::insert(Be32::from(id), meter);
	}
	let kept_from = Moment::read::<T>().kept_from::<T>(microgrid);
	pages::put_latest_page::<T>(
		page,
		&LatestPage {
			round: 1,
			kept_from,
			meters: full(latest(captured_at)),
		},
	);
	put_qualities::<T>(page, captured_at);
	page
}

/// All meters of a page have reported power quality.
pub(super) fn put_qualities<T: Config>(page: u32, captured_at: u64) {
	let quality = LatestQuality {
		captured_at,
		quality: quality(),
	};
	QualityPages::<T>::insert(Be32::from(page), full(quality));
}

/// `r` regular and `x` irregular readings on `g` full pages, which touch `s` pages of energy: one of the
/// present period per page, and the rest of settled ones, spanned by feeders: all but the call for a
/// correction is done for each. All report power quality.
pub(super) fn readings<T: Config>(r: u32, x: u32, g: u32, s: u32) -> Vec<SignedReading> {
	set_now::<T>();
	let clock = clock::<T>();
	let present = clock.start_of(NOW);
	let device = new_device();
	let genesis = Pallet::<T>::genesis_hash();
	let pages: Vec<u32> = (0..g).map(|_| new_page::<T>(device, present)).collect();
	for page in &pages {
		EnergyPages::<T>::insert((Be32::from(*page), Be32::from(NOW)), estimated_page(false));
	}
	// How many settled periods the first reading of each page spans.
	let late = |place: u32| {
		let extra = s.saturating_sub(g);
		extra / g + u32::from(place < extra % g)
	};
	let last = clock
		.period_before(clock.start_of(NOW))
		.saturating_sub(clock.grace);
	let mut readings = Vec::new();
	for n in 0..r + x {
		let (place, slot) = (n % g, n / g);
		let page = pages[place as usize];
		let id = MeterId::at(page, slot as u8);
		let irregular = n >= r;
		let mut reading = latest(present).to_reading(id);
		reading.sequence += 1;
		reading.captured_at = present + 1;
		reading.quality = Some(quality());
		if irregular {
			// Beyond the rating, and backwards.
			reading.import_register.0 += 1_000_000;
			reading.export_register.0 -= 1_000_000;
		} else {
			reading.import_register.0 += 2;
		}
		if slot == 0 && late(place) > 0 {
			let first = last.saturating_sub(late(place) - 1);
			let mut stored = pages::latest_page::<T>(page).expect("a page");
			stored.kept_from = stored.kept_from.min(first);
			if let Some(before) = stored.meters.get_mut(0) {
				before.captured_at = clock.start_of(first);
				before.settles = false;
			}
			pages::put_latest_page::<T>(page, &stored);
			reading.captured_at = clock.end_of(last);
			for back in 0..late(place) {
				let period = last.saturating_sub(back);
				let key = (Be32::from(page), Be32::from(period));
				EnergyPages::<T>::insert(key, estimated_page(true));
			}
		}
		let signature = sign(&device, &reading.digest(&genesis));
		readings.push(SignedReading { reading, signature });
	}
	readings.sort_by_key(|signed| signed.reading.meter);
	readings
}

/// A batch of the last of as many authorities as there may be, and its signature.
pub(super) fn batch<T: Config>(readings: Vec<SignedReading>) -> (ReadingBatch, IngestSignature) {
	let most = T::MaxAuthorities::get();
	let keys: Vec<IngestId> = (0..most).map(|_| IngestId::generate_pair(None)).collect();
	let key = keys.last().cloned().expect("an authority");
	IngestKeys::<T>::put(BoundedVec::truncate_from(keys));
	let batch = ReadingBatch {
		authority: most - 1,
		salt: 0,
		spans: MAX_SPANS,
		corrections: MAX_CORRECTIONS,
		readings: BoundedVec::truncate_from(readings),
	};
	let digest = batch.digest(&Pallet::<T>::genesis_hash());
	let signature = key.sign(&digest).expect("the keystore holds the key");
	(batch, signature)
}

/// The call with such a batch.
pub(super) fn authorized<T: Config>(
	readings: Vec<SignedReading>,
) -> <T as frame_system::Config>::RuntimeCall
where
	<T as frame_system::Config>::RuntimeCall: From<Call<T>>,
{
	let (batch, signature) = batch::<T>(readings);
	Call::<T>::submit_readings { batch, signature }.into()
}

/// Whether the last reading of a batch is the latest of its meter.
pub(super) fn arrived<T: Config>(batch: &ReadingBatch) -> Result<(), BenchmarkError> {
	let last = &batch.readings.last().ok_or("readings")?.reading;
	let stored = Pallet::<T>::latest(last.meter).ok_or("a reading")?;
	assert_eq!(stored.sequence, last.sequence);
	Ok(())
}

/// The cursor of pruning at the last page of the benchmarks' microgrid.
pub(super) fn at_last_page<T: Config>() -> PruneCursor {
	let (microgrid, _) = T::BenchmarkHelper::microgrid();
	PruneCursor {
		microgrid,
		page: <Pallet<T> as MeteredEnergy>::pages(microgrid).saturating_sub(1),
		steps: 0,
		behind: false,
	}
}
