//! Whether a batch of readings may enter the pool and a block.
//!
//! In this order, so that an outsider's junk costs a pass over it, a hash, reads of a few single items and
//! one signature, and no device's signature is checked before the batch may be worth it:
//!
//! 1. its shape: readings there are, in order, and a sound witness;
//! 2. the authority exists, and the block's share of readings is not used up;
//! 3. the authority's signature over the whole batch;
//! 4. every meter is known and measures, and enough readings are fresh: looked up in order, and no further
//!    than it takes to refuse;
//! 5. the device signatures of those that are.
//!
//! Refusals that time may cure are `Stale`, `Future` and `ExhaustsResources`; a wrong signature of the
//! authority is `BadProof`; the rest have a code of [`refusal`].

use alloc::vec::Vec;

use frame_support::pallet_prelude::*;
use gridweave_primitives::{
	device::DeviceKey,
	ingest::{IngestSignature, ReadingBatch},
	reading::SignedReading,
};
use sp_application_crypto::RuntimeAppPublic;
use sp_runtime::transaction_validity::TransactionValidityWithRefund;

use crate::{
	freshness::{count, freshness, is_ordered, Freshness, Moment},
	pages, BlockReadings, Config, Error, IngestKeys, LatestPage, MeteringPage, Pallet, Witness,
};

/// Codes of `InvalidTransaction::Custom` with which batches are refused.
pub mod refusal {
	/// The batch has no reading.
	pub const EMPTY: u8 = 1;
	/// The readings do not ascend by meter, and of one meter by sequence.
	pub const UNORDERED: u8 = 2;
	/// The witness of touched periods is zero or too large.
	pub const BAD_WITNESS: u8 = 3;
	/// There is no such authority.
	pub const NO_SUCH_AUTHORITY: u8 = 4;
	/// There is no such meter.
	pub const UNKNOWN_METER: u8 = 5;
	/// The operator has not admitted the meter.
	pub const NOT_ADMITTED: u8 = 6;
	/// The meter is out of service.
	pub const RETIRED: u8 = 7;
	/// A reading is not signed by its meter's key, for this chain.
	pub const BAD_DEVICE_SIGNATURE: u8 = 8;
}

/// Blocks that a batch stays valid in the pool. Few: until it is included or forgotten, no other batch with
/// one of its pages can come.
pub const LONGEVITY: u64 = 3;

/// A batch is refused if more than this part of its readings, one in so many, cannot be accepted; one may
/// always be, so that nobody spoils a small batch by relaying one of its readings.
const TOLERANCE: usize = 10;

const fn refuse(code: u8) -> TransactionValidityError {
	TransactionValidityError::Invalid(InvalidTransaction::Custom(code))
}

/// The readings that a batch would have accepted.
struct Review<'a> {
	/// With the key that must have signed them.
	fresh: Vec<(&'a SignedReading, DeviceKey)>,
	/// The pages they change, with their round.
	rounds: Vec<(u32, u32)>,
	stale: usize,
	future: usize,
}

impl Review<'_> {
	fn skipped(&self) -> usize {
		self.stale.saturating_add(self.future)
	}

	/// Why the batch cannot be accepted now, if too many of its readings cannot.
	fn refusal(&self) -> TransactionValidityError {
		match self.future {
			0 => InvalidTransaction::Stale,
			_ => InvalidTransaction::Future,
		}
		.into()
	}
}

impl<T: Config> Pallet<T> {
	/// How many readings the batches of this block have brought so far.
	pub(crate) fn block_readings() -> u32 {
		let (block, readings) = BlockReadings::<T>::get();
		if block == frame_system::Pallet::<T>::block_number() {
			readings
		} else {
			0
		}
	}

	pub(crate) fn authorize_batch(
		_: TransactionSource,
		batch: &ReadingBatch,
		signature: &IngestSignature,
	) -> TransactionValidityWithRefund {
		ensure!(!batch.readings.is_empty(), refuse(refusal::EMPTY));
		ensure!(Witness::of(batch).is_valid(), refuse(refusal::BAD_WITNESS));
		ensure!(is_ordered(&batch.readings), refuse(refusal::UNORDERED));

		let place = usize::try_from(batch.authority).unwrap_or(usize::MAX);
		let keys = IngestKeys::<T>::get();
		let key = keys.get(place).ok_or(refuse(refusal::NO_SUCH_AUTHORITY))?;
		let readings = Self::block_readings().saturating_add(count(batch.readings.len()));
		ensure!(
			readings <= T::MaxBlockReadings::get(),
			InvalidTransaction::ExhaustsResources
		);

		let genesis = Self::genesis_hash();
		ensure!(
			key.verify(&batch.digest(&genesis), signature),
			InvalidTransaction::BadProof
		);

		let review = Self::review(&batch.readings)?;
		for (signed, key) in &review.fresh {
			ensure!(
				signed.is_signed_by(key, &genesis),
				refuse(refusal::BAD_DEVICE_SIGNATURE)
			);
		}

		review
			.rounds
			.into_iter()
			.fold(
				ValidTransaction::with_tag_prefix("MeterReadings"),
				|validity, page_and_round| validity.and_provides(page_and_round),
			)
			.priority(count(review.fresh.len()).into())
			.longevity(LONGEVITY)
			.propagate(true)
			.build()
			.map(|validity| (validity, Weight::zero()))
	}

	/// Looks up meters and what of ordered readings is fresh, each page once. Refuses if too few are, or none.
	fn review(readings: &[SignedReading]) -> Result<Review<'_>, TransactionValidityError> {
		let moment = Moment::read::<T>();
		let mut review = Review {
			fresh: Vec::new(),
			rounds: Vec::new(),
			stale: 0,
			future: 0,
		};
		let most_skipped = (readings.len() / TOLERANCE).max(1);
		let mut page: Option<(u32, LatestPage, MeteringPage)> = None;
		let mut meter = None;
		// Sequence and time of the latest reading before, which may be of the batch itself.
		let mut known = None;
		for signed in readings {
			let reading = &signed.reading;
			let id = reading.meter;
			let (latest, metering) = match page.take() {
				Some((number, latest, metering)) if number == id.page() => (latest, metering),
				_ => (
					pages::latest_page::<T>(id.page()).unwrap_or_default(),
					pages::metering_page::<T>(id.page()),
				),
			};
			let (key, admitted_at) = match meter {
				Some((held, key, admitted_at)) if held == id => (key, admitted_at),
				_ => {
					let found =
						Self::measuring(&metering, id).map_err(|error| refuse(code(&error)))?;
					known = latest
						.meters
						.get(id.slot())
						.map(|latest| (latest.sequence, latest.captured_at));
					(found.key, found.admitted_at)
				}
			};
			meter = Some((id, key, admitted_at));
			match freshness(&moment, known, admitted_at, reading) {
				Freshness::Fresh => {
					known = Some((reading.sequence, reading.captured_at));
					review.fresh.push((signed, key));
					if review.rounds.last().map(|(number, _)| *number) != Some(id.page()) {
						review.rounds.push((id.page(), latest.round));
					}
				}
				Freshness::Stale => review.stale = review.stale.saturating_add(1),
				Freshness::Future => review.future = review.future.saturating_add(1),
			}
			if review.skipped() > most_skipped {
				return Err(review.refusal());
			}
			page = Some((id.page(), latest, metering));
		}
		ensure!(!review.fresh.is_empty(), review.refusal());
		Ok(review)
	}
}

/// The code for a meter that does not measure.
const fn code<T>(error: &Error<T>) -> u8 {
	match error {
		Error::NotAdmitted => refusal::NOT_ADMITTED,
		Error::MeterIsRetired => refusal::RETIRED,
		_ => refusal::UNKNOWN_METER,
	}
}
