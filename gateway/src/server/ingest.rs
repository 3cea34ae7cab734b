//! From readings that were posted to readings on disk, and what became of each.

use std::{collections::BTreeSet, sync::Arc};

use gridweave_primitives::{reading::SignedReading, MeterId};
use serde::Serialize;
use sp_core::H256;
use utoipa::ToSchema;

use super::{
	keys::{Key, Known, MeterKeys},
	metrics::Metrics,
	store::{Outcome, Store, StoreError},
	workers::Workers,
};

/// What became of a reading that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Outcome)]
pub enum Verdict {
	/// It is on disk now.
	Stored,
	/// It has been stored before, or is on chain.
	Duplicate,
	/// These bytes are no reading.
	Malformed,
	/// The signature is not the meter's, or for another chain.
	BadSignature,
	/// The chain knows no such meter.
	UnknownMeter,
	/// The operator of the meter's microgrid has not admitted it.
	NotAdmitted,
	/// The meter is out of service.
	Retired,
	/// A newer reading of this meter is stored or on chain.
	Stale,
	/// Another reading of this meter has the same sequence.
	Conflict,
	/// It was captured later than the chain would take now.
	Future,
	/// Too many readings of this meter wait to be finalised.
	MeterFull,
	/// The store is full.
	Full,
	/// The meter's key is not known and the node cannot be asked.
	Unavailable,
}

impl Verdict {
	/// Whether the reading is safe: its device may forget it.
	pub fn is_safe(self) -> bool {
		matches!(self, Self::Stored | Self::Duplicate)
	}

	/// As in answers and metrics.
	pub fn name(self) -> &'static str {
		match self {
			Self::Stored => "stored",
			Self::Duplicate => "duplicate",
			Self::Malformed => "malformed",
			Self::BadSignature => "bad_signature",
			Self::UnknownMeter => "unknown_meter",
			Self::NotAdmitted => "not_admitted",
			Self::Retired => "retired",
			Self::Stale => "stale",
			Self::Conflict => "conflict",
			Self::Future => "future",
			Self::MeterFull => "meter_full",
			Self::Full => "full",
			Self::Unavailable => "unavailable",
		}
	}
}

impl From<Outcome> for Verdict {
	fn from(outcome: Outcome) -> Self {
		match outcome {
			Outcome::Stored => Self::Stored,
			Outcome::Duplicate => Self::Duplicate,
			Outcome::Stale { .. } => Self::Stale,
			Outcome::Conflict => Self::Conflict,
			Outcome::Full => Self::Full,
			Outcome::MeterFull => Self::MeterFull,
			// The chain has to be asked what the key is now.
			Outcome::OldKey => Self::Unavailable,
		}
	}
}

/// A reading of a post, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Result)]
pub struct Entry {
	/// The meter, if the bytes are a reading.
	#[serde(skip_serializing_if = "Option::is_none")]
	#[schema(nullable = false, format = "uint32")]
	pub meter: Option<u32>,
	/// Its sequence, if the bytes are a reading.
	#[serde(skip_serializing_if = "Option::is_none")]
	#[schema(nullable = false, format = "uint64")]
	pub sequence: Option<u64>,
	/// What became of it.
	pub outcome: Verdict,
}

/// Why readings could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
	/// Without the genesis hash no signature can be checked.
	#[error("the node has not been reached yet; come again")]
	NoChain,
	/// The store does not answer.
	#[error(transparent)]
	Store(#[from] StoreError),
}

/// Checks readings and stores them.
pub struct Ingest<Keys> {
	/// Where they go.
	pub store: Store,
	/// Who says whose they are.
	pub keys: Keys,
	/// Who checks signatures.
	pub verifiers: Workers,
	/// What is counted.
	pub metrics: Arc<Metrics>,
}

impl<Keys: MeterKeys> Ingest<Keys> {
	/// Checks signatures and stores the readings in their order. When this returns, what it calls stored is
	/// on disk.
	pub async fn take(
		&self,
		readings: Vec<Option<SignedReading>>,
	) -> Result<Vec<Entry>, IngestError> {
		let genesis = self.keys.genesis()?.ok_or(IngestError::NoChain)?;
		let (readings, verdicts) = self.check(genesis, readings).await;
		let entry = |(reading, verdict): (&Option<SignedReading>, &Result<Key, Verdict>)| Entry {
			meter: reading.as_ref().map(|signed| signed.reading.meter.0),
			sequence: reading.as_ref().map(|signed| signed.reading.sequence),
			outcome: verdict.err().unwrap_or(Verdict::Stored),
		};
		let mut entries: Vec<Entry> = readings.iter().zip(&verdicts).map(entry).collect();
		let (places, good): (Vec<usize>, Vec<(SignedReading, Key)>) = readings
			.into_iter()
			.zip(verdicts)
			.enumerate()
			.filter_map(|(place, (reading, verdict))| Some((place, (reading?, verdict.ok()?))))
			.unzip();
		if !good.is_empty() {
			let outcomes = self.store.insert(good).await?;
			for (place, outcome) in places.into_iter().zip(outcomes) {
				if let Some(entry) = entries.get_mut(place) {
					entry.outcome = outcome.into();
				}
			}
		}
		Ok(entries)
	}

	/// With which key each reading is signed, or why it is refused.
	async fn check(
		&self,
		genesis: H256,
		readings: Vec<Option<SignedReading>>,
	) -> (Vec<Option<SignedReading>>, Vec<Result<Key, Verdict>>) {
		let mut verdicts = self.verify(genesis, &readings, false).await;
		// Their keys may have been rotated since they were asked for: then all that they sent is judged anew.
		let doubtful: BTreeSet<MeterId> = readings
			.iter()
			.zip(&verdicts)
			.filter(|(_, verdict)| **verdict == Err(Verdict::BadSignature))
			.filter_map(|(reading, _)| Some(reading.as_ref()?.reading.meter))
			.collect();
		if !doubtful.is_empty() {
			let is_doubtful = |signed: &SignedReading| doubtful.contains(&signed.reading.meter);
			let again: Vec<_> = readings
				.iter()
				.map(|reading| reading.clone().filter(is_doubtful))
				.collect();
			let fresh = self.verify(genesis, &again, true).await;
			for ((verdict, fresh), again) in verdicts.iter_mut().zip(fresh).zip(again) {
				if again.is_some() {
					*verdict = fresh;
				}
			}
		}
		(readings, verdicts)
	}

	async fn verify(
		&self,
		genesis: H256,
		readings: &[Option<SignedReading>],
		fresh: bool,
	) -> Vec<Result<Key, Verdict>> {
		let meters: BTreeSet<MeterId> = readings
			.iter()
			.flatten()
			.map(|signed| signed.reading.meter)
			.collect();
		let meters: Vec<MeterId> = meters.into_iter().collect();
		let known = self.keys.lookup(&meters, fresh).await;
		let horizon = self.keys.horizon();
		let readings = readings.to_vec();
		let count = readings.len();
		let verdict = move |reading: &Option<SignedReading>| {
			let signed = reading.as_ref().ok_or(Verdict::Malformed)?;
			match known.get(&signed.reading.meter) {
				Some(Known::Key(_)) if signed.reading.captured_at > horizon => Err(Verdict::Future),
				Some(Known::Key(key)) if signed.is_signed_by(&key.device, &genesis) => Ok(*key),
				Some(Known::Key(_)) => Err(Verdict::BadSignature),
				Some(Known::Unknown) => Err(Verdict::UnknownMeter),
				Some(Known::NotAdmitted) => Err(Verdict::NotAdmitted),
				Some(Known::Retired) => Err(Verdict::Retired),
				Some(Known::Unavailable) | None => Err(Verdict::Unavailable),
			}
		};
		let running = self.metrics.verifying.clone();
		// Some 60 µs per signature: a full post would hold up everyone else on this thread.
		self.verifiers
			.run(move || {
				running.inc();
				let verdicts = readings.iter().map(verdict).collect();
				running.dec();
				verdicts
			})
			.await
			.unwrap_or_else(|| vec![Err(Verdict::Unavailable); count])
	}
}
