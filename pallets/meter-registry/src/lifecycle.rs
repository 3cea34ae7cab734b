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
	pages, Allocation, Allocations, Config, Error, Event, FormerRatings, FreeIds, HoldReason, Keys,
	Meter, Meters, MicrogridPages, NextPage, Offers, Pallet, Registers, SuspendedEnergy,
};

/// Whether what a connection of these ratings transfers in a period stays within what can be booked.
fn bookable(ratings: Ratings, clock: &PeriodClock) -> bool {
	[ratings.max_import, ratings.max_export]
		.iter()
		.all(|power| power.over(clock.period_length.into()).0 < ENERGY_BOUND)
}

/// Whether registers of this modulus tell a rollover from a register that runs backwards: in the longest
/// span that is booked period by period they go round less than half.
fn tells_rollovers(
	modulus: WattHours,
	ratings: Ratings,
	clock: &PeriodClock,
	max_span: u32,
) -> bool {
	let longest = u64::from(clock.period_length).saturating_mul(max_span.into());
	let most = ratings.max_import.max(ratings.max_export).over(longest);
	u128::from(modulus.0) > u128::from(most.0).saturating_mul(2)
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

	/// An id for a meter of a microgrid: one that is free again; else the next, on a new page if the last is
	/// full.
	fn next_id(microgrid: MicrogridId) -> Result<MeterId, Error<T>> {
		let key = Be32::from(microgrid);
		let mut given = Allocations::<T>::get(key);
		if let Some(last) = given.free.checked_sub(1) {
			given.free = last;
			Allocations::<T>::insert(key, given);
			return FreeIds::<T>::take(key, Be32::from(last)).ok_or(Error::NoIdsLeft);
		}
		let Allocation {
			mut pages,
			mut slots,
			free,
		} = given;
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
				free,
			},
		);
		Ok(id)
	}

	/// Lets an id of a microgrid be given out again.
	fn give_back(id: MeterId, microgrid: MicrogridId) {
		let key = Be32::from(microgrid);
		Allocations::<T>::mutate(key, |given| {
			FreeIds::<T>::insert(key, Be32::from(given.free), id);
			given.free = given.free.saturating_add(1);
		});
	}

	/// Registers a meter; its id.
	pub(crate) fn do_register(
		owner: T::AccountId,
		microgrid: MicrogridId,
		kind: MeterKind,
		key: DeviceKey,
		serial: Serial,
		modulus: WattHours,
		proof: DeviceSignature,
	) -> Result<MeterId, DispatchError> {
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
			former: None,
			modulus,
			serial,
			key,
			rotated: None,
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
			modulus,
		});
		Ok(id)
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
			meter.state != MeterState::Retired,
			Error::<T>::MeterIsRetired
		);
		let (clock, now) = (T::Clock::clock(), T::Clock::now());
		ensure!(bookable(ratings, &clock), Error::<T>::RatingTooHigh);
		ensure!(
			tells_rollovers(meter.modulus, ratings, &clock, T::MaxSpan::get()),
			Error::<T>::ModulusBelowRating
		);
		// What the owner has sold counts on the ratings it was sold under.
		ensure!(
			ratings.or_higher(meter.ratings) == ratings || !T::Commitments::has_commitments(id),
			Error::<T>::HasCommitments
		);
		if meter.state == MeterState::Registered {
			meter.state = MeterState::Admitted;
			meter.admitted_at = now;
		}
		meter.former = pages::latest::<T>(id).map(|latest| FormerRatings {
			ratings: meter.metering().ratings_since(latest.captured_at),
			until: now,
		});
		meter.ratings = ratings;
		pages::put_metering::<T>(id, &meter);
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

		let mut page = pages::latest_page::<T>(id.page()).unwrap_or_default();
		let Some(latest) = page.meters.get_mut(id.slot()) else {
			Self::free(id, meter);
			return Ok(());
		};
		latest.retired_at = Some(T::Clock::now().into());
		pages::put_latest_page::<T>(id.page(), &page);
		meter.state = MeterState::Retired;
		pages::put_metering::<T>(id, &meter);
		Meters::<T>::insert(Be32::from(id), meter);
		Ok(())
	}

	/// Frees what is kept for a meter, apart from its slots on pages, and releases its deposit.
	pub(crate) fn free(id: MeterId, meter: Meter<T::AccountId>) {
		let key = Be32::from(id);
		// Others may still ask what meter it was.
		T::Retired::on_meter_retired(id);
		Meters::<T>::remove(key);
		Keys::<T>::remove(Self::key_hash(&meter.key));
		SuspendedEnergy::<T>::remove(key);
		Offers::<T>::remove(key);
		pages::remove_metering::<T>(id);
		pages::remove_quality::<T>(id);
		if meter.state == MeterState::Registered {
			Self::give_back(id, meter.microgrid);
		}
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
			deposit: released.unwrap_or_default(),
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
		if !operates {
			// Readings on their way by the old key are lost, and their batches with them.
			let (clock, now) = (T::Clock::clock(), T::Clock::current());
			let again = |at: Period| at.saturating_add(clock.periods_per_day);
			ensure!(
				meter.rotated.is_none_or(|at| now >= again(at)),
				Error::<T>::RotatedRecently
			);
			meter.rotated = Some(now);
		}
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
		if meter.state != MeterState::Registered {
			pages::put_metering::<T>(id, &meter);
		}
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
		if meter.state != MeterState::Registered {
			pages::put_metering::<T>(id, &meter);
		}
		Meters::<T>::insert(key, meter);
		Self::deposit_event(Event::MeterTransferred {
			meter: id,
			from,
			to: who,
		});
		Ok(())
	}
}
