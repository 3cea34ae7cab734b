//! The life of a meter: what the calls do.

use codec::Encode;
use frame_support::{
	ensure,
	pallet_prelude::*,
	traits::{fungible::hold::Mutate as _, tokens::Precision},
};
use gridweave_primitives::{
	device::{registration_digest, rotation_digest, DeviceKey, DeviceSignature, Serial},
	ids::METERS_PER_PAGE,
	meter::{MeterKind, MeterState, Ratings},
	traits::{MeterCommitments, MicrogridInspect, OnMeterRetired, SettlementClock},
	units::ENERGY_BOUND,
	Balance, Be32, MeterId, MicrogridId, Period, PeriodClock, WattHours,
};
use sp_core::H256;

use crate::{
	pages, Allocation, Allocations, Config, Error, Event, HoldReason, Keys, LatestReading, Meter,
	Meters, MicrogridPages, NextPage, Offers, Pallet, Registers, SuspendedEnergy,
};

/// Whether what a connection of these ratings transfers in a period stays within what can be booked.
fn bookable(ratings: Ratings, clock: &PeriodClock) -> bool {
	[ratings.max_import, ratings.max_export]
		.iter()
		.all(|power| power.over(clock.period_length.into()).0 < ENERGY_BOUND)
}

/// The last period a meter's readings say anything of.
pub(crate) fn last_period(clock: &PeriodClock, latest: &LatestReading) -> Period {
	clock.period_before(latest.captured_at)
}

impl<T: Config> Pallet<T> {
	/// What a key is looked up by.
	pub(crate) fn key_hash(key: &DeviceKey) -> H256 {
		H256(key.using_encoded(sp_io::hashing::blake2_256))
	}

	fn load(id: MeterId) -> Result<Meter<T::AccountId>, Error<T>> {
		Meters::<T>::get(Be32::from(id)).ok_or(Error::UnknownMeter)
	}

	fn is_operator(who: &T::AccountId, microgrid: MicrogridId) -> bool {
		T::Microgrids::operator(microgrid).as_ref() == Some(who)
	}

	/// The deposit for a meter: for what its registration takes.
	fn deposit_for(meter: &Meter<T::AccountId>) -> Balance {
		let bytes = Balance::try_from(meter.encoded_size()).unwrap_or(Balance::MAX);
		T::DepositBase::get().saturating_add(T::DepositPerByte::get().saturating_mul(bytes))
	}

	/// The next id of a microgrid, on a new page if its last is full.
	fn next_id(microgrid: MicrogridId) -> Result<MeterId, Error<T>> {
		let key = Be32::from(microgrid);
		let Allocation {
			mut pages,
			mut slots,
		} = Allocations::<T>::get(key);
		if pages == 0 || u32::from(slots) >= METERS_PER_PAGE {
			let page = NextPage::<T>::get();
			// The ids of the page after the last would not fit.
			ensure!(page < u32::MAX / METERS_PER_PAGE, Error::<T>::NoIdsLeft);
			NextPage::<T>::put(page.saturating_add(1));
			MicrogridPages::<T>::insert(key, Be32::from(pages), page);
			pages = pages.saturating_add(1);
			slots = 0;
		}
		let page = MicrogridPages::<T>::get(key, Be32::from(pages.saturating_sub(1)))
			.ok_or(Error::NoIdsLeft)?;
		let id = MeterId::at(page, slots);
		Allocations::<T>::insert(
			key,
			Allocation {
				pages,
				slots: slots.saturating_add(1),
			},
		);
		Ok(id)
	}

	pub(crate) fn do_register(
		owner: T::AccountId,
		microgrid: MicrogridId,
		kind: MeterKind,
		key: DeviceKey,
		serial: Serial,
		modulus: WattHours,
		proof: DeviceSignature,
	) -> DispatchResult {
		ensure!(
			T::Microgrids::operator(microgrid).is_some(),
			Error::<T>::UnknownMicrogrid
		);
		ensure!(modulus.0 >= 2, Error::<T>::ModulusTooSmall);
		let hash = Self::key_hash(&key);
		ensure!(!Keys::<T>::contains_key(hash), Error::<T>::KeyInUse);
		let digest = registration_digest(&Self::genesis_hash(), &owner, microgrid, &serial);
		ensure!(
			key.verify(&digest, &proof),
			Error::<T>::BadProofOfPossession
		);

		let mut meter = Meter {
			owner: owner.clone(),
			microgrid,
			kind,
			ratings: Ratings::default(),
			modulus,
			serial,
			key,
			deposit: 0,
			state: MeterState::Registered,
			admitted_at: 0,
			base: Registers::default(),
		};
		meter.deposit = Self::deposit_for(&meter);
		T::Currency::hold(&HoldReason::Registration.into(), &owner, meter.deposit)?;
		let id = Self::next_id(microgrid)?;
		Meters::<T>::insert(Be32::from(id), meter);
		Keys::<T>::insert(hash, id);
		Self::deposit_event(Event::MeterRegistered {
			meter: id,
			microgrid,
			owner,
			kind,
		});
		Ok(())
	}

	pub(crate) fn do_admit(
		operator: T::AccountId,
		id: MeterId,
		ratings: Ratings,
	) -> DispatchResult {
		let mut meter = Self::load(id)?;
		ensure!(
			Self::is_operator(&operator, meter.microgrid),
			Error::<T>::NotOperator
		);
		ensure!(
			bookable(ratings, &T::Clock::clock()),
			Error::<T>::RatingTooHigh
		);
		match meter.state {
			MeterState::Registered => {
				meter.state = MeterState::Admitted;
				meter.admitted_at = T::Clock::now();
			}
			MeterState::Admitted | MeterState::Active => {}
			MeterState::Retired => return Err(Error::<T>::MeterIsRetired.into()),
		}
		meter.ratings = ratings;
		Meters::<T>::insert(Be32::from(id), meter);
		Self::deposit_event(Event::MeterAdmitted { meter: id, ratings });
		Ok(())
	}

	pub(crate) fn do_retire(who: T::AccountId, id: MeterId) -> DispatchResult {
		let mut meter = Self::load(id)?;
		ensure!(
			meter.owner == who || Self::is_operator(&who, meter.microgrid),
			Error::<T>::NotOwnerNorOperator
		);
		ensure!(
			meter.state != MeterState::Retired,
			Error::<T>::MeterIsRetired
		);
		ensure!(
			!T::Commitments::has_commitments(id),
			Error::<T>::HasCommitments
		);
		Self::deposit_event(Event::MeterRetired { meter: id });

		let page = pages::latest_page::<T>(id.page());
		let Some(mut page) = page.filter(|page| page.meters.get(id.slot()).is_some()) else {
			Self::free(id, meter);
			return Ok(());
		};
		let kept_from = page.kept_from;
		let kept = match page.meters.get_mut(id.slot()) {
			Some(latest) => {
				latest.retired = true;
				last_period(&T::Clock::clock(), latest) >= kept_from
			}
			None => false,
		};
		if kept {
			meter.state = MeterState::Retired;
			Meters::<T>::insert(Be32::from(id), meter);
		} else {
			page.meters.remove(id.slot());
			Self::free(id, meter);
		}
		pages::put_latest_page::<T>(id.page(), page);
		Ok(())
	}

	/// Frees what is kept for a meter, apart from its slots on pages, and releases its deposit.
	pub(crate) fn free(id: MeterId, meter: Meter<T::AccountId>) {
		let key = Be32::from(id);
		Meters::<T>::remove(key);
		Keys::<T>::remove(Self::key_hash(&meter.key));
		SuspendedEnergy::<T>::remove(key);
		Offers::<T>::remove(key);
		T::Retired::on_meter_retired(id);
		let reason = HoldReason::Registration.into();
		// Best effort releases whatever is still held: all of it, unless it was slashed.
		let released =
			T::Currency::release(&reason, &meter.owner, meter.deposit, Precision::BestEffort);
		if let Err(error) = released {
			log::error!(
				target: "runtime::meter-registry",
				"the deposit of meter {id} cannot be released: {error:?}",
			);
		}
		Self::deposit_event(Event::MeterFreed {
			meter: id,
			owner: meter.owner,
			deposit: meter.deposit,
		});
	}

	pub(crate) fn do_rotate(
		who: T::AccountId,
		id: MeterId,
		key: DeviceKey,
		proof: DeviceSignature,
		approval: Option<DeviceSignature>,
	) -> DispatchResult {
		let mut meter = Self::load(id)?;
		let operates = Self::is_operator(&who, meter.microgrid);
		ensure!(
			operates || meter.owner == who,
			Error::<T>::NotOwnerNorOperator
		);
		ensure!(
			meter.state != MeterState::Retired,
			Error::<T>::MeterIsRetired
		);
		let hash = Self::key_hash(&key);
		ensure!(!Keys::<T>::contains_key(hash), Error::<T>::KeyInUse);
		let genesis = Self::genesis_hash();
		let approved = match approval {
			Some(approval) => meter
				.key
				.verify(&rotation_digest(&genesis, id, &key), &approval),
			None => operates,
		};
		ensure!(approved, Error::<T>::BadRotationSignature);
		let digest = registration_digest(&genesis, &meter.owner, meter.microgrid, &meter.serial);
		ensure!(
			key.verify(&digest, &proof),
			Error::<T>::BadProofOfPossession
		);

		Keys::<T>::remove(Self::key_hash(&meter.key));
		Keys::<T>::insert(hash, id);
		meter.key = key;
		Meters::<T>::insert(Be32::from(id), meter);
		Self::deposit_event(Event::KeyRotated { meter: id, key });
		Ok(())
	}

	pub(crate) fn do_offer(
		owner: T::AccountId,
		id: MeterId,
		to: Option<T::AccountId>,
	) -> DispatchResult {
		let meter = Self::load(id)?;
		ensure!(meter.owner == owner, Error::<T>::NotOwner);
		ensure!(
			meter.state != MeterState::Retired,
			Error::<T>::MeterIsRetired
		);
		Offers::<T>::set(Be32::from(id), to.clone());
		Self::deposit_event(Event::MeterOffered { meter: id, to });
		Ok(())
	}

	pub(crate) fn do_accept(who: T::AccountId, id: MeterId) -> DispatchResult {
		let key = Be32::from(id);
		let mut meter = Self::load(id)?;
		ensure!(
			Offers::<T>::get(key).as_ref() == Some(&who),
			Error::<T>::NotOffered
		);
		ensure!(
			meter.state != MeterState::Retired,
			Error::<T>::MeterIsRetired
		);
		ensure!(
			!T::Commitments::has_commitments(id),
			Error::<T>::HasCommitments
		);
		let reason = HoldReason::Registration.into();
		let from = core::mem::replace(&mut meter.owner, who.clone());
		let before = core::mem::replace(&mut meter.deposit, 0);
		meter.deposit = Self::deposit_for(&meter);
		T::Currency::hold(&reason, &who, meter.deposit)?;
		T::Currency::release(&reason, &from, before, Precision::BestEffort)?;
		Offers::<T>::remove(key);
		Meters::<T>::insert(key, meter);
		Self::deposit_event(Event::MeterTransferred {
			meter: id,
			from,
			to: who,
		});
		Ok(())
	}
}
