//! From signed readings to booked energy: what both calls do with theirs.

use frame_support::{dispatch::PostDispatchInfo, ensure, pallet_prelude::*};
use gridweave_primitives::{
	ingest::ReadingBatch,
	reading::SignedReading,
	traits::{OnCorrection, OnReading},
	Be32, MeterId,
};
use sp_core::H256;

use crate::{
	freshness::{count, count_pages, is_ordered},
	intake::{Intake, Outcome},
	load, BlockReadings, Config, Error, Event, Metering, MeteringPage, Meters, Pallet,
	RelayedReadings, Witness,
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

	/// Applies ordered readings, touching at most what `witness` declares. Their signatures are checked against
	/// `genesis`, if given. After the first reading that the witness does not allow nothing is taken: a
	/// later reading of the same meter would make it stale for ever.
	fn apply(
		readings: &[SignedReading],
		witness: Witness,
		genesis: Option<&H256>,
	) -> Result<Outcome, Error<T>> {
		let mut intake = Intake::<T>::new(readings, witness);
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

		let outcome = Self::apply(&batch.readings, Witness::of(&batch), None)?;
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
		Ok(PostDispatchInfo {
			actual_weight: Some(Self::weight_of(readings, &outcome)),
			pays_fee: Pays::No,
		})
	}

	pub(crate) fn do_relay(
		who: T::AccountId,
		readings: RelayedReadings,
		witness: Witness,
	) -> DispatchResultWithPostInfo {
		ensure!(!readings.is_empty(), Error::<T>::NoReadings);
		ensure!(witness.is_valid(), Error::<T>::BadWitness);
		ensure!(is_ordered(&readings), Error::<T>::Unordered);
		let genesis = Self::genesis_hash();
		let outcome = Self::apply(&readings, witness, Some(&genesis))?;
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
		let weight = Self::weight_of(count(readings.len()), &outcome);
		Ok(PostDispatchInfo {
			actual_weight: Some(weight.saturating_add(Self::weight_of_review(&readings))),
			pays_fee: Pays::Yes,
		})
	}

	/// What readings weigh besides their authorisation, by what became of them.
	fn weight_of(readings: u32, outcome: &Outcome) -> Weight {
		load::intake::<T>(load::Load {
			regular: readings.saturating_sub(outcome.irregular),
			irregular: outcome.irregular,
			pages: outcome.pages,
			spans: outcome.energy_pages,
		})
		.saturating_add(T::Corrections::weight(
			outcome.corrected,
			outcome.corrections,
		))
		.saturating_add(T::Readings::weight(outcome.pages, outcome.accepted))
	}

	/// What readings weigh at worst besides their authorisation: all are irregular, and all that the witness
	/// allows is touched.
	pub(crate) fn weight_of_batch(readings: &[SignedReading], witness: Witness) -> Weight {
		let (all, pages) = (count(readings.len()), count_pages(readings));
		load::intake::<T>(load::Load {
			regular: 0,
			irregular: all,
			pages,
			spans: witness.spans,
		})
		.saturating_add(T::Corrections::weight(
			witness.corrections.min(all),
			witness.corrections,
		))
		.saturating_add(T::Readings::weight(pages, all))
	}

	/// What looking readings up and checking their signatures weighs.
	pub(crate) fn weight_of_review(readings: &[SignedReading]) -> Weight {
		load::review::<T>(count(readings.len()), count_pages(readings))
	}

	/// What relayed readings weigh at worst.
	pub(crate) fn weight_of_relay(readings: &[SignedReading], witness: Witness) -> Weight {
		Self::weight_of_batch(readings, witness).saturating_add(Self::weight_of_review(readings))
	}

	/// The hash of the first block, which ties signatures to this chain.
	pub(crate) fn genesis_hash() -> H256 {
		frame_system::Pallet::<T>::block_hash(
			frame_system::pallet_prelude::BlockNumberFor::<T>::default(),
		)
	}
}
