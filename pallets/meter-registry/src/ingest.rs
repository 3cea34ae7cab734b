//! From signed readings to booked energy: what both calls do with theirs.

use frame_support::{dispatch::PostDispatchInfo, ensure, pallet_prelude::*};
use gridweave_primitives::{
	ingest::ReadingBatch, reading::SignedReading, traits::OnCorrection, Be32, MeterId,
};
use sp_core::H256;

use crate::{
	freshness::{count, count_pages, is_ordered},
	intake::{Intake, Outcome},
	BlockReadings, Config, Error, Event, Metering, MeteringPage, Meters, Pallet, RelayedReadings,
	WeightInfo, MAX_SPANS,
};

impl<T: Config> Pallet<T> {
	/// What the readings of a meter on this page are judged by, if they count.
	pub(crate) fn measuring(page: &MeteringPage, id: MeterId) -> Result<Metering, Error<T>> {
		match page.meters.get(id.slot()) {
			Some(metering) if metering.retired => Err(Error::MeterIsRetired),
			Some(metering) => Ok(*metering),
			None if Meters::<T>::contains_key(Be32::from(id)) => Err(Error::NotAdmitted),
			None => Err(Error::UnknownMeter),
		}
	}

	/// Applies ordered readings, touching at most `spans` energy pages. Their signatures are checked against
	/// `genesis`, if given. After the first reading that the witness does not allow nothing is taken: a
	/// later reading of the same meter would make it stale for ever.
	fn apply(
		readings: &[SignedReading],
		spans: u32,
		genesis: Option<&H256>,
	) -> Result<Outcome, Error<T>> {
		let mut intake = Intake::<T>::new(readings, spans);
		for (place, signed) in readings.iter().enumerate() {
			intake.take(place, signed, genesis)?;
			if intake.outcome.exhausted {
				let rest = count(readings.len().saturating_sub(place));
				intake.outcome.deferred = intake.outcome.deferred.saturating_add(rest);
				break;
			}
		}
		intake.clear();
		Ok(intake.outcome)
	}

	pub(crate) fn do_submit(batch: ReadingBatch) -> DispatchResultWithPostInfo {
		let readings = count(batch.readings.len());
		let block = frame_system::Pallet::<T>::block_number();
		let brought = Self::block_readings();
		BlockReadings::<T>::put((block, brought.saturating_add(readings)));

		let outcome = Self::apply(&batch.readings, batch.spans, None)?;
		if let (Some(first), Some(last)) = (batch.readings.first(), batch.readings.last()) {
			Self::deposit_event(Event::ReadingsAccepted {
				authority: batch.authority,
				accepted: outcome.accepted,
				stale: outcome.stale,
				deferred: outcome.deferred,
				first_meter: first.reading.meter,
				last_meter: last.reading.meter,
			});
		}
		let regular = readings.saturating_sub(outcome.irregular);
		let weight = T::WeightInfo::submit_readings(
			regular,
			outcome.irregular,
			outcome.pages,
			outcome.energy_pages,
		)
		.saturating_add(Self::weight_of_corrections(outcome.corrections));
		Ok(PostDispatchInfo {
			actual_weight: Some(weight),
			pays_fee: Pays::No,
		})
	}

	pub(crate) fn do_relay(
		who: T::AccountId,
		readings: RelayedReadings,
		spans: u32,
	) -> DispatchResultWithPostInfo {
		ensure!(!readings.is_empty(), Error::<T>::NoReadings);
		ensure!((1..=MAX_SPANS).contains(&spans), Error::<T>::BadWitness);
		ensure!(is_ordered(&readings), Error::<T>::Unordered);
		let genesis = Self::genesis_hash();
		let outcome = Self::apply(&readings, spans, Some(&genesis))?;
		if outcome.accepted == 0 {
			return Err(match (outcome.exhausted, outcome.deferred) {
				(true, _) => Error::<T>::WitnessExceeded,
				(false, 0) => Error::<T>::NothingFresh,
				(false, _) => Error::<T>::TooFarAhead,
			}
			.into());
		}
		Self::deposit_event(Event::ReadingsRelayed {
			who,
			accepted: outcome.accepted,
			stale: outcome.stale,
			deferred: outcome.deferred,
		});
		let regular = count(readings.len()).saturating_sub(outcome.irregular);
		let weight = T::WeightInfo::relay_readings(
			regular,
			outcome.irregular,
			outcome.pages,
			outcome.energy_pages,
		)
		.saturating_add(Self::weight_of_corrections(outcome.corrections));
		Ok(PostDispatchInfo {
			actual_weight: Some(weight),
			pays_fee: Pays::Yes,
		})
	}

	/// At worst, all readings are irregular, and whatever they touch is corrected: a reading calls for at
	/// most as many corrections as the witness counts pages of energy for it.
	pub(crate) fn weight_of_batch(readings: &[SignedReading], spans: u32) -> Weight {
		T::WeightInfo::submit_readings(0, count(readings.len()), count_pages(readings), spans)
			.saturating_add(Self::weight_of_corrections(spans))
	}

	/// At worst, as of a batch.
	pub(crate) fn weight_of_relay(readings: &[SignedReading], spans: u32) -> Weight {
		T::WeightInfo::relay_readings(0, count(readings.len()), count_pages(readings), spans)
			.saturating_add(Self::weight_of_corrections(spans))
	}

	fn weight_of_corrections(corrections: u32) -> Weight {
		T::Corrections::weight().saturating_mul(corrections.into())
	}

	/// The hash of the first block, which ties signatures to this chain.
	pub(crate) fn genesis_hash() -> H256 {
		frame_system::Pallet::<T>::block_hash(
			frame_system::pallet_prelude::BlockNumberFor::<T>::default(),
		)
	}
}
