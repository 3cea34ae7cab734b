//! Invariants.

use alloc::collections::{BTreeMap, BTreeSet};

use frame_support::{ensure, traits::fungible::InspectHold};
use gridweave_primitives::{ids::METERS_PER_PAGE, meter::MeterState, Be32, MeterId, Period};
use sp_runtime::TryRuntimeError;

use crate::{
	energy, Allocations, Config, EnergyPages, FreeIds, HoldReason, Keys, LatestPages, Meter,
	MeteringPages, Meters, MicrogridPages, NextPage, Offers, OwnerPages, Pallet, QualityPages,
	SuspendedEnergy,
};

impl<T: Config> Pallet<T> {
	/// Checks that
	///
	/// 1. every page of ids belongs to one microgrid, all pages given out do, and a microgrid's meters lie
	///    on its pages within what it was given; a free id is one of those, once, and of no meter;
	/// 2. each meter has one key and each key one meter;
	/// 3. deposits are held; readings are judged by what the registrations of all admitted meters say, and
	///    billed to whom they say;
	/// 4. a latest reading exists exactly for meters that are active, or retired after they were; registers
	///    equal their base plus what was counted and suspended;
	/// 5. energy is kept only for meters that have given a reading, from the page's first kept period on,
	///    and no entry has more outstanding than it has import;
	/// 6. offers and suspended energy exist only for meters, power quality only for meters that have given a
	///    reading, and not newer than their latest.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let owners = Self::try_pages()?;
		Self::try_free_ids(&owners)?;
		Self::try_meters(&owners)?;
		Self::try_readings()?;
		Self::try_energy()
	}

	fn try_pages() -> Result<BTreeMap<u32, (Be32, u32)>, TryRuntimeError> {
		let mut owners = BTreeMap::new();
		let mut counts = BTreeMap::<Be32, u32>::new();
		for (microgrid, index, page) in MicrogridPages::<T>::iter() {
			ensure!(
				owners.insert(page, (microgrid, index.get())).is_none(),
				"a page of ids belongs to two places",
			);
			let count = counts.entry(microgrid).or_default();
			*count = count.saturating_add(1);
		}
		ensure!(
			u32::try_from(owners.len()) == Ok(NextPage::<T>::get()),
			"pages of ids were given out and belong to nobody",
		);
		for (microgrid, allocation) in Allocations::<T>::iter() {
			ensure!(
				counts.remove(&microgrid) == Some(allocation.pages),
				"a microgrid has other pages than it was given",
			);
			ensure!(
				(1..=METERS_PER_PAGE).contains(&allocation.slots.into()),
				"the last page of a microgrid has an impossible number of meters",
			);
		}
		ensure!(
			counts.is_empty(),
			"a microgrid has pages without an allocation"
		);
		Ok(owners)
	}

	fn try_free_ids(owners: &BTreeMap<u32, (Be32, u32)>) -> Result<(), TryRuntimeError> {
		let mut free = BTreeMap::<Be32, u32>::new();
		let mut ids = BTreeSet::new();
		for (microgrid, place, id) in FreeIds::<T>::iter() {
			let given = Allocations::<T>::get(microgrid);
			ensure!(place.get() < given.free, "a free id is beyond its stack");
			let count = free.entry(microgrid).or_default();
			*count = count.saturating_add(1);
			ensure!(ids.insert(id), "an id is free twice");
			ensure!(
				!Meters::<T>::contains_key(Be32::from(id)),
				"the id of a meter is free"
			);
			let index = owners
				.get(&id.page())
				.filter(|(owner, _)| *owner == microgrid)
				.map(|(_, index)| index.saturating_add(1))
				.ok_or("a free id lies on a page of another microgrid")?;
			ensure!(
				index < given.pages || id.slot() < given.slots,
				"a free id was not given out"
			);
		}
		for (microgrid, given) in Allocations::<T>::iter() {
			ensure!(
				free.get(&microgrid).copied().unwrap_or_default() == given.free,
				"a microgrid has other free ids than counted",
			);
		}
		Ok(())
	}

	fn try_meters(owners: &BTreeMap<u32, (Be32, u32)>) -> Result<(), TryRuntimeError> {
		let mut deposits = BTreeMap::<T::AccountId, u128>::new();
		let (mut meters, mut admitted) = (0u32, 0u32);
		for (key, meter) in Meters::<T>::iter() {
			let id = MeterId(key.get());
			meters = meters.saturating_add(1);
			let place = owners.get(&id.page());
			ensure!(
				place.map(|(microgrid, _)| *microgrid) == Some(meter.microgrid.into()),
				"a meter lies on a page of another microgrid",
			);
			let given = Allocations::<T>::get(Be32::from(meter.microgrid));
			let last = place.is_some_and(|(_, index)| index.saturating_add(1) == given.pages);
			ensure!(
				!last || id.slot() < given.slots,
				"a meter has an id that was not given out"
			);
			ensure!(
				Keys::<T>::get(Self::key_hash(&meter.key)) == Some(id),
				"a meter's key leads elsewhere",
			);
			let owners_of_page = OwnerPages::<T>::get(Be32::from(id.page()));
			let metering = MeteringPages::<T>::get(Be32::from(id.page()));
			ensure!(
				metering.meters.get(id.slot()).copied()
					== (meter.state != MeterState::Registered).then(|| meter.metering()),
				"readings are judged by something else than the meter's registration",
			);
			ensure!(
				meter.state == MeterState::Registered || metering.microgrid == meter.microgrid,
				"a page of meters names another microgrid",
			);
			ensure!(
				owners_of_page.get(id.slot())
					== (meter.state != MeterState::Registered)
						.then(|| meter.billed())
						.as_ref(),
				"another is billed for a meter than its registration says",
			);
			admitted = admitted.saturating_add((meter.state != MeterState::Registered).into());
			let deposit = deposits.entry(meter.owner).or_default();
			*deposit = deposit.saturating_add(meter.deposit);
		}
		ensure!(
			Keys::<T>::iter().count() == usize::try_from(meters).unwrap_or_default(),
			"a key leads to no meter",
		);
		let judged = MeteringPages::<T>::iter_values()
			.map(|page| page.meters.iter().count())
			.fold(0usize, usize::saturating_add);
		ensure!(
			Ok(judged) == usize::try_from(admitted),
			"readings of meters are judged that are not admitted"
		);
		let billed = OwnerPages::<T>::iter_values()
			.map(|page| page.iter().count())
			.fold(0usize, usize::saturating_add);
		ensure!(
			billed == judged,
			"somebody is billed for meters that are not admitted"
		);
		for (owner, deposit) in deposits {
			ensure!(
				T::Currency::balance_on_hold(&HoldReason::Registration.into(), &owner) == deposit,
				"the deposits held are not those of the owner's meters",
			);
		}
		for (key, _) in Offers::<T>::iter() {
			ensure!(Meters::<T>::contains_key(key), "no meter is offered");
		}
		for (key, _) in SuspendedEnergy::<T>::iter() {
			ensure!(
				Meters::<T>::contains_key(key),
				"energy of no meter is suspended"
			);
		}
		Ok(())
	}

	fn try_readings() -> Result<(), TryRuntimeError> {
		let mut with_readings = 0usize;
		for (page, latest) in LatestPages::<T>::iter() {
			for (slot, latest) in latest.meters.iter() {
				with_readings = with_readings.saturating_add(1);
				let key = Be32::from(MeterId::at(page.get(), slot));
				let meter = Meters::<T>::get(key).ok_or("a reading has no meter")?;
				let state = match latest.retired_at {
					Some(_) => MeterState::Retired,
					None => MeterState::Active,
				};
				ensure!(
					meter.state == state,
					"a meter with readings is in another state"
				);
				ensure!(latest.accepted > 0, "a reading was not counted");
				Self::try_registers(key, &meter, latest)?;
			}
		}
		for (page, qualities) in QualityPages::<T>::iter() {
			ensure!(!qualities.is_empty(), "an empty page of power quality");
			let latest = LatestPages::<T>::get(page).ok_or("a page has qualities, no readings")?;
			for (slot, quality) in qualities.iter() {
				let latest = latest.meters.get(slot).ok_or("a quality has no meter")?;
				ensure!(
					quality.captured_at <= latest.captured_at,
					"a quality is newer than its reading"
				);
			}
		}
		let measured = Meters::<T>::iter_values()
			.filter(|meter| matches!(meter.state, MeterState::Active | MeterState::Retired))
			.count();
		ensure!(measured == with_readings, "an active meter has no reading");
		Ok(())
	}

	fn try_registers(
		key: Be32,
		meter: &Meter<T::AccountId>,
		latest: &crate::LatestReading,
	) -> Result<(), TryRuntimeError> {
		let suspended = SuspendedEnergy::<T>::get(key);
		let base = |register, counted: u64, suspended: u128| {
			energy::base_of(
				register,
				meter.modulus,
				suspended.saturating_add(counted.into()),
			)
		};
		ensure!(
			base(latest.import_register, latest.imported.0, suspended.import) == meter.base.import,
			"the import register is not what was counted",
		);
		ensure!(
			base(latest.export_register, latest.exported.0, suspended.export) == meter.base.export,
			"the export register is not what was counted",
		);
		Ok(())
	}

	fn try_energy() -> Result<(), TryRuntimeError> {
		for ((page, period), energy) in EnergyPages::<T>::iter() {
			let latest = LatestPages::<T>::get(page).ok_or("a page has energy but no readings")?;
			ensure!(
				Period(period.get()) >= latest.kept_from,
				"a pruned period has energy"
			);
			for (slot, entry) in energy.meters.iter() {
				ensure!(latest.meters.get(slot).is_some(), "energy has no meter");
				ensure!(
					entry.outstanding <= entry.import,
					"more is outstanding than was booked"
				);
			}
		}
		Ok(())
	}
}
