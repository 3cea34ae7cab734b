//! Benchmarks of every call, of authorisation, and of pruning; on full pages. What other pallets do when they
//! are told of a correction is not among them: it is charged by its own weight, so the readings that are
//! worth corrections are those of feeders, for which none is called for. A freed meter has nothing there that
//! would have to go.

mod setup;

use alloc::vec::Vec;

use frame_benchmarking::v2::*;
use frame_support::{
	traits::Authorize,
	weights::{Weight, WeightMeter},
	BoundedVec,
};
use frame_system::RawOrigin;
use gridweave_primitives::{
	device::{consent_digest, registration_digest, rotation_digest, DeviceKey},
	ids::METERS_PER_PAGE,
	meter::{MeterKind, MeterState},
	Be32, MeterId, MicrogridId, WattHours,
};
use sp_runtime::transaction_validity::TransactionSource;

use crate::{
	freshness::Moment, pages, Call, Config, EnergyPages, Keys, LatestPage, Meters, Offers,
	Onboarding, Pallet, PrunedBefore, Suspended, SuspendedEnergy, MAX_ONBOARDED,
};
use setup::*;

/// What benchmarks need of the runtime.
pub trait BenchmarkHelper<AccountId, Signature> {
	/// A microgrid and its operator.
	fn microgrid() -> (MicrogridId, AccountId);

	/// An account with this number and enough money for deposits.
	fn funded(number: u32) -> AccountId;

	/// As [`Self::funded`], an account that can sign.
	fn signer(number: u32) -> AccountId;

	/// The signature of an account that can sign.
	fn sign(who: &AccountId, digest: &[u8; 32]) -> Signature;

	/// Sets chain time, in Unix seconds.
	fn set_now(now: u64);
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
	fn register_meters(n: Linear<1, MAX_ONBOARDED>) -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (microgrid, operator) = T::BenchmarkHelper::microgrid();
		let genesis = Pallet::<T>::genesis_hash();
		let meters: Vec<_> = (0..n)
			.map(|number| {
				let owner = T::BenchmarkHelper::signer(number);
				let device = new_device();
				let key = DeviceKey::Sr25519(device);
				let proof = registration_digest(&genesis, &owner, microgrid, &serial());
				let expires = u64::MAX;
				let consent =
					consent_digest(&genesis, &operator, microgrid, &key, &serial(), expires);
				Onboarding {
					kind: MeterKind::Storage {
						capacity: WattHours(1),
					},
					key,
					serial: serial(),
					modulus: MODULUS,
					ratings: RATINGS,
					proof: sign(&device, &proof),
					expires,
					consent: T::BenchmarkHelper::sign(&owner, &consent),
					owner,
				}
			})
			.collect();
		let before = Meters::<T>::iter().count();

		#[extrinsic_call]
		_(
			RawOrigin::Signed(operator),
			microgrid,
			BoundedVec::truncate_from(meters),
		);

		assert_eq!(Meters::<T>::iter().count(), before + n as usize);
		Ok(())
	}

	#[benchmark]
	fn admit_meter() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let (_, operator) = T::BenchmarkHelper::microgrid();
		let (_, _, meter) = register::<T>(1);
		let page = LatestPage {
			round: 1,
			kept_from: NOW,
			meters: full(latest(clock::<T>().start_of(NOW))),
		};
		pages::put_latest_page::<T>(meter.page(), &page);
		let registration = Meters::<T>::get(Be32::from(meter)).ok_or("registered")?;
		(0..METERS_PER_PAGE).for_each(|slot| {
			pages::put_metering::<T>(MeterId::at(meter.page(), slot as u8), &registration);
		});

		#[extrinsic_call]
		_(RawOrigin::Signed(operator), meter, RATINGS);

		let stored = Meters::<T>::get(Be32::from(meter)).ok_or("registered")?;
		assert_eq!(stored.state, MeterState::Admitted);
		assert!(stored.former.is_some());
		Ok(())
	}

	/// Of a meter that was never admitted, on an otherwise full page, with everything there is to free.
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
		let mut page = LatestPage {
			round: 1,
			kept_from: NOW,
			meters: full(latest(clock::<T>().start_of(NOW))),
		};
		page.meters.remove(meter.slot());
		pages::put_latest_page::<T>(meter.page(), &page);
		put_qualities::<T>(meter.page(), 1);

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
	fn submit_pages(g: Linear<1, 64>) -> Result<(), BenchmarkError> {
		let (batch, signature) = batch::<T>(readings::<T>(g, 0, g, g));

		#[extrinsic_call]
		submit_readings(RawOrigin::Authorized, batch.clone(), signature);

		arrived::<T>(&batch)
	}

	#[benchmark]
	fn submit_regular(r: Linear<16, 500>) -> Result<(), BenchmarkError> {
		let (batch, signature) = batch::<T>(readings::<T>(r, 0, PAGES, PAGES));

		#[extrinsic_call]
		submit_readings(RawOrigin::Authorized, batch.clone(), signature);

		arrived::<T>(&batch)
	}

	#[benchmark]
	fn submit_irregular(x: Linear<16, 500>) -> Result<(), BenchmarkError> {
		let (batch, signature) = batch::<T>(readings::<T>(0, x, PAGES, PAGES));

		#[extrinsic_call]
		submit_readings(RawOrigin::Authorized, batch.clone(), signature);

		arrived::<T>(&batch)
	}

	#[benchmark]
	fn submit_spans(s: Linear<16, 400>) -> Result<(), BenchmarkError> {
		let (batch, signature) = batch::<T>(readings::<T>(PAGES, 0, PAGES, s));

		#[extrinsic_call]
		submit_readings(RawOrigin::Authorized, batch.clone(), signature);

		arrived::<T>(&batch)
	}

	#[benchmark]
	fn authorize_pages(g: Linear<1, 64>) -> Result<(), BenchmarkError> {
		let call = authorized::<T>(readings::<T>(g, 0, g, g));

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call is authorised")?
				.map_err(|_| "the batch is valid")?;
		}

		Ok(())
	}

	#[benchmark]
	fn authorize_readings(r: Linear<16, 500>) -> Result<(), BenchmarkError> {
		let call = authorized::<T>(readings::<T>(r, 0, PAGES, PAGES));

		#[block]
		{
			call.authorize(TransactionSource::InBlock)
				.ok_or("the call is authorised")?
				.map_err(|_| "the batch is valid")?;
		}

		Ok(())
	}

	#[benchmark]
	fn prune_idle() -> Result<(), BenchmarkError> {
		set_now::<T>();
		PrunedBefore::<T>::put(NOW);
		let mut weight = WeightMeter::new();

		#[block]
		{
			Pallet::<T>::prune(&mut weight);
		}

		Ok(())
	}

	#[benchmark]
	fn prune_look() -> Result<(), BenchmarkError> {
		set_now::<T>();
		new_page::<T>(new_device(), 0);
		let cursor = at_last_page::<T>();
		let (moment, mut weight) = (Moment::read::<T>(), WeightMeter::new());

		#[block]
		{
			Pallet::<T>::prune_page(&moment, NOW, cursor, &mut weight);
		}

		assert_eq!(weight.consumed(), Weight::zero(), "nothing was due");
		Ok(())
	}

	/// A page on which every meter was estimated.
	#[benchmark]
	fn prune_period() -> Result<(), BenchmarkError> {
		set_now::<T>();
		let page = new_page::<T>(new_device(), 0);
		let mut latest = pages::latest_page::<T>(page).ok_or("a page")?;
		let period = latest.kept_from.saturating_sub(1);
		latest.kept_from = period;
		pages::put_latest_page::<T>(page, &latest);
		let key = (Be32::from(page), Be32::from(period));
		EnergyPages::<T>::insert(key, estimated_page(true));
		let cursor = at_last_page::<T>();
		let (moment, mut weight) = (Moment::read::<T>(), WeightMeter::new());

		#[block]
		{
			Pallet::<T>::prune_page(&moment, NOW, cursor, &mut weight);
		}

		assert!(!EnergyPages::<T>::contains_key(key));
		Ok(())
	}

	/// A retired meter with everything there is to free, last of a full page.
	#[benchmark]
	fn prune_meter() -> Result<(), BenchmarkError> {
		set_now::<T>();
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
			latest.retired_at = Some(codec::Compact(0));
		}
		pages::put_latest_page::<T>(meter.page(), &page);
		let mut registration = Meters::<T>::get(key).ok_or("registered")?;
		registration.state = MeterState::Retired;
		(0..METERS_PER_PAGE).for_each(|slot| {
			pages::put_metering::<T>(MeterId::at(meter.page(), slot as u8), &registration);
		});
		Meters::<T>::insert(key, registration);
		put_qualities::<T>(meter.page(), 0);
		let cursor = at_last_page::<T>();
		let (moment, mut weight) = (Moment::read::<T>(), WeightMeter::new());

		#[block]
		{
			Pallet::<T>::prune_page(&moment, NOW, cursor, &mut weight);
		}

		assert!(!Meters::<T>::contains_key(key));
		Ok(())
	}
}
