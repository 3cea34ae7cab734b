//! Benchmarks of every call, of authorisation, and of pruning; on full pages.

use alloc::{vec, vec::Vec};

use frame_benchmarking::v2::*;
use frame_support::{traits::Authorize, BoundedVec};
use frame_system::RawOrigin;
use gridweave_primitives::{
	device::{registration_digest, rotation_digest, DeviceKey, DeviceSignature, Serial},
	ids::METERS_PER_PAGE,
	ingest::{IngestId, ReadingBatch},
	meter::{MeterKind, MeterState, Provenance, Ratings},
	reading::SignedReading,
	traits::{MeteredEnergy, SettlementClock},
	Be32, MeterId, MicrogridId, Period, PeriodClock, WattHours, Watts,
};
use sp_application_crypto::RuntimeAppPublic;
use sp_core::{crypto::KeyTypeId, sr25519};
use sp_runtime::transaction_validity::TransactionSource;

use crate::{
	freshness::Moment, pages, Allocation, Allocations, Call, Config, EnergyEntry, EnergyPage,
	EnergyPages, IngestKeys, Keys, LatestPage, LatestReading, Meter, Meters, MicrogridPages,
	NextPage, Offers, Pallet, PruneCursor, Registers, Slots, Suspended, SuspendedEnergy, MAX_SPANS,
};

/// What benchmarks need of the runtime.
pub trait BenchmarkHelper<AccountId> {
	/// A microgrid and its operator.
	fn microgrid() -> (MicrogridId, AccountId);

	/// An account with this number and enough money for deposits.
	fn funded(number: u32) -> AccountId;

	/// Sets chain time, in Unix seconds.
	fn set_now(now: u64);

	/// Makes a frozen period one whose corrections are paid: stores its terms.
	fn settled(microgrid: MicrogridId, period: Period);
}

/// Keystore of the devices.
const DEVICES: KeyTypeId = KeyTypeId(*b"devi");

/// Far above and below what registers of the benchmarks show.
const MODULUS: WattHours = WattHours(1 << 48);

const RATINGS: Ratings = Ratings {
	max_import: Watts(10_000),
	max_export: Watts(10_000),
};

fn new_device() -> sr25519::Public {
	sp_io::crypto::sr25519_generate(DEVICES, None)
}

fn sign(key: &sr25519::Public, digest: &[u8; 32]) -> DeviceSignature {
	let signature = sp_io::crypto::sr25519_sign(DEVICES, key, digest);
	DeviceSignature::Sr25519(signature.expect("the keystore holds the key"))
}

fn serial() -> Serial {
	BoundedVec::truncate_from(vec![b'0'; 32])
}

fn clock<T: Config>() -> PeriodClock {
	T::Clock::clock()
}

/// The period that now lies in.
const NOW: Period = Period(1_000_000);

fn set_now<T: Config>() {
	T::BenchmarkHelper::set_now(clock::<T>().start_of(NOW).saturating_add(2));
}

/// Registers a meter by the call.
fn register<T: Config>(number: u32) -> (T::AccountId, sr25519::Public, MeterId) {
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

fn latest(captured_at: u64) -> LatestReading {
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
		retired: false,
	}
}

fn full<V: Clone>(value: V) -> Slots<V> {
	let mut slots = Slots::default();
	(0..METERS_PER_PAGE).for_each(|slot| slots.set(slot as u8, value.clone()));
	slots
}

fn estimated_page(closed: bool) -> EnergyPage {
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
fn new_page<T: Config>(device: sr25519::Public, captured_at: u64) -> u32 {
	let (microgrid, _) = T::BenchmarkHelper::microgrid();
	let owner = T::BenchmarkHelper::funded(0);
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
		},
	);
	for slot in 0..METERS_PER_PAGE {
		let meter = Meter {
			owner: owner.clone(),
			microgrid,
			kind: MeterKind::Prosumer,
			ratings: RATINGS,
			modulus: MODULUS,
			serial: serial(),
			key: DeviceKey::Sr25519(device),
			deposit: 0,
			state: MeterState::Active,
			admitted_at: 0,
			base: Registers::default(),
		};
		Meters::<T>::insert(Be32::from(MeterId::at(page, slot as u8)), meter);
	}
	let kept_from = Moment::read::<T>().kept_from::<T>(microgrid);
	pages::put_latest_page::<T>(
		page,
		LatestPage {
			round: 1,
			kept_from,
			meters: full(latest(captured_at)),
		},
	);
	page
}

/// `r` regular and `x` irregular readings on `g` full pages, which touch `s` pages of energy: one of the
/// present period per page, and the rest of settled ones, each of which has to be corrected.
fn readings<T: Config>(r: u32, x: u32, g: u32, s: u32) -> Vec<SignedReading> {
	set_now::<T>();
	let clock = clock::<T>();
	let (microgrid, _) = T::BenchmarkHelper::microgrid();
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
			}
			pages::put_latest_page::<T>(page, stored);
			reading.captured_at = clock.end_of(last);
			for back in 0..late(place) {
				let period = last.saturating_sub(back);
				T::BenchmarkHelper::settled(microgrid, period);
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
fn batch<T: Config>(
	readings: Vec<SignedReading>,
) -> (ReadingBatch, gridweave_primitives::ingest::IngestSignature) {
	let most = <T::MaxAuthorities as frame_support::traits::Get<u32>>::get();
	let keys: Vec<IngestId> = (0..most).map(|_| IngestId::generate_pair(None)).collect();
	let key = keys.last().cloned().expect("an authority");
	IngestKeys::<T>::put(BoundedVec::truncate_from(keys));
	let batch = ReadingBatch {
		authority: most - 1,
		salt: 0,
		spans: MAX_SPANS,
		readings: BoundedVec::truncate_from(readings),
	};
	let digest = batch.digest(&Pallet::<T>::genesis_hash());
	let signature = key.sign(&digest).expect("the keystore holds the key");
	(batch, signature)
}

impl<T: Config> Pallet<T> {
	/// Gives the benchmarks' microgrid a page of meters whose closing in `period`, which must be frozen,
	/// costs most: all of them silent, after measured periods. The page's place among the microgrid's.
	/// For benchmarks of whoever closes pages.
	pub fn benchmark_silent_page(period: Period) -> u32 {
		let clock = clock::<T>();
		let page = new_page::<T>(new_device(), clock.start_of(period));
		for back in 1..=crate::ESTIMATE_PERIODS {
			let measured = EnergyEntry {
				import: WattHours(2_000),
				..EnergyEntry::default()
			};
			let key = (Be32::from(page), Be32::from(period.saturating_sub(back)));
			EnergyPages::<T>::insert(
				key,
				EnergyPage {
					closed: true,
					meters: full(measured),
				},
			);
		}
		if let Some(mut latest) = pages::latest_page::<T>(page) {
			let oldest = period.saturating_sub(crate::ESTIMATE_PERIODS);
			latest.kept_from = latest.kept_from.min(oldest);
			pages::put_latest_page::<T>(page, latest);
		}
		let (microgrid, _) = T::BenchmarkHelper::microgrid();
		<Self as MeteredEnergy>::pages(microgrid).saturating_sub(1)
	}
}

#[benchmarks(where <T as frame_system::Config>::RuntimeCall: From<Call<T>>)]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn register_meter() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (microgrid, _) = T::BenchmarkHelper::microgrid();
		let owner = T::BenchmarkHelper::funded(1);
		let device = new_device();
		let digest =
			registration_digest(&Pallet::<T>::genesis_hash(), &owner, microgrid, &serial());
		let proof = sign(&device, &digest);
		let key = DeviceKey::Sr25519(device);

		#[extrinsic_call]
		_(
			RawOrigin::Signed(owner),
			microgrid,
			MeterKind::Storage {
				capacity: WattHours(1),
			},
			key,
			serial(),
			MODULUS,
			proof,
		);

		assert!(Keys::<T>::contains_key(Pallet::<T>::key_hash(&key)));
		Ok(())
	}

	#[benchmark]
	fn admit_meter() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (_, operator) = T::BenchmarkHelper::microgrid();
		let (_, _, meter) = register::<T>(1);

		#[extrinsic_call]
		_(RawOrigin::Signed(operator), meter, RATINGS);

		let stored = Meters::<T>::get(Be32::from(meter)).ok_or("registered")?;
		assert_eq!(stored.state, MeterState::Admitted);
		Ok(())
	}

	/// Of a meter whose periods are all pruned, on a full page, with everything there is to free.
	#[benchmark]
	fn retire_meter() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (owner, _, meter) = register::<T>(1);
		let key = Be32::from(meter);
		Offers::<T>::insert(key, owner.clone());
		SuspendedEnergy::<T>::insert(
			key,
			Suspended {
				import: 1,
				export: 1,
			},
		);
		let page = LatestPage {
			round: 1,
			kept_from: NOW,
			meters: full(latest(clock::<T>().start_of(NOW))),
		};
		pages::put_latest_page::<T>(meter.page(), page);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner), meter);

		assert!(!Meters::<T>::contains_key(key));
		Ok(())
	}

	#[benchmark]
	fn rotate_key() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (microgrid, _) = T::BenchmarkHelper::microgrid();
		let (owner, old, meter) = register::<T>(1);
		let (new, genesis) = (new_device(), Pallet::<T>::genesis_hash());
		let key = DeviceKey::Sr25519(new);
		let proof = sign(
			&new,
			&registration_digest(&genesis, &owner, microgrid, &serial()),
		);
		let approval = sign(&old, &rotation_digest(&genesis, meter, &key));

		#[extrinsic_call]
		_(RawOrigin::Signed(owner), meter, key, proof, Some(approval));

		assert_eq!(Keys::<T>::get(Pallet::<T>::key_hash(&key)), Some(meter));
		Ok(())
	}

	#[benchmark]
	fn offer_meter() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (owner, _, meter) = register::<T>(1);
		let to = T::BenchmarkHelper::funded(2);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner), meter, Some(to.clone()));

		assert_eq!(Offers::<T>::get(Be32::from(meter)), Some(to));
		Ok(())
	}

	#[benchmark]
	fn accept_meter() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (_, _, meter) = register::<T>(1);
		let to = T::BenchmarkHelper::funded(2);
		Offers::<T>::insert(Be32::from(meter), to.clone());

		#[extrinsic_call]
		_(RawOrigin::Signed(to.clone()), meter);

		assert_eq!(
			Meters::<T>::get(Be32::from(meter))
				.ok_or("registered")?
				.owner,
			to
		);
		Ok(())
	}

	#[benchmark]
	fn submit_readings(
		r: Linear<64, 250>,
		x: Linear<0, 250>,
		g: Linear<16, 64>,
		s: Linear<64, 512>,
	) -> Result<(), BenchmarkError> {
		let (batch, signature) = batch::<T>(readings::<T>(r, x, g, s));
		let last = batch.readings.last().ok_or("readings")?.reading.clone();

		#[extrinsic_call]
		_(RawOrigin::Authorized, batch, signature);

		let stored = Pallet::<T>::latest(last.meter).ok_or("a reading")?;
		assert_eq!(stored.sequence, last.sequence);
		Ok(())
	}

	#[benchmark]
	fn authorize_submit_readings(
		r: Linear<64, 500>,
		g: Linear<16, 64>,
	) -> Result<(), BenchmarkError> {
		let (batch, signature) = batch::<T>(readings::<T>(r, 0, g, g));
		let call: <T as frame_system::Config>::RuntimeCall =
			Call::submit_readings { batch, signature }.into();

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call is authorised")?
				.map_err(|_| "the batch is valid")?;
		}

		Ok(())
	}

	#[benchmark]
	fn relay_readings(
		r: Linear<16, 25>,
		x: Linear<0, 25>,
		g: Linear<2, 16>,
		s: Linear<16, 64>,
	) -> Result<(), BenchmarkError> {
		let readings = readings::<T>(r, x, g, s);
		let last = readings.last().ok_or("readings")?.reading.clone();
		let who = T::BenchmarkHelper::funded(2);

		#[extrinsic_call]
		_(
			RawOrigin::Signed(who),
			BoundedVec::truncate_from(readings),
			MAX_SPANS,
		);

		let stored = Pallet::<T>::latest(last.meter).ok_or("a reading")?;
		assert_eq!(stored.sequence, last.sequence);
		Ok(())
	}

	#[benchmark]
	fn prune_idle() -> Result<(), BenchmarkError> {
		set_now::<T>();
		crate::PrunedBefore::<T>::put(NOW);
		let mut weight = frame_support::weights::WeightMeter::new();

		#[block]
		{
			Pallet::<T>::prune(&mut weight);
		}

		Ok(())
	}

	/// A page on which every meter was estimated.
	#[benchmark]
	fn prune_period() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (microgrid, _) = T::BenchmarkHelper::microgrid();
		let page = new_page::<T>(new_device(), 0);
		let mut latest = pages::latest_page::<T>(page).ok_or("a page")?;
		let period = latest.kept_from.saturating_sub(1);
		latest.kept_from = period;
		pages::put_latest_page::<T>(page, latest);
		let key = (Be32::from(page), Be32::from(period));
		EnergyPages::<T>::insert(key, estimated_page(true));
		let index = <Pallet<T> as MeteredEnergy>::pages(microgrid).saturating_sub(1);
		let cursor = PruneCursor {
			microgrid,
			page: index,
			behind: false,
		};
		let moment = Moment::read::<T>();

		#[block]
		{
			Pallet::<T>::prune_step(&moment, NOW, cursor);
		}

		assert!(!EnergyPages::<T>::contains_key(key));
		Ok(())
	}

	/// A retired meter with everything there is to free, last of a full page.
	#[benchmark]
	fn prune_meter() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (microgrid, _) = T::BenchmarkHelper::microgrid();
		let (owner, _, meter) = register::<T>(1);
		let key = Be32::from(meter);
		Offers::<T>::insert(key, owner);
		SuspendedEnergy::<T>::insert(
			key,
			Suspended {
				import: 1,
				export: 1,
			},
		);
		let mut page = LatestPage {
			round: 1,
			kept_from: NOW,
			meters: full(latest(0)),
		};
		if let Some(latest) = page.meters.get_mut(meter.slot()) {
			latest.retired = true;
		}
		pages::put_latest_page::<T>(meter.page(), page);
		let index = <Pallet<T> as MeteredEnergy>::pages(microgrid).saturating_sub(1);
		let cursor = PruneCursor {
			microgrid,
			page: index,
			behind: false,
		};
		let moment = Moment::read::<T>();

		#[block]
		{
			Pallet::<T>::prune_step(&moment, NOW, cursor);
		}

		assert!(!Meters::<T>::contains_key(key));
		Ok(())
	}
}
