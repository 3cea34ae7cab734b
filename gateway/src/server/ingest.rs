//! From the body of a post to readings on disk, and what became of each.

use std::collections::BTreeSet;

use codec::Decode;
use gridweave_primitives::{reading::SignedReading, MeterId};
use serde::{Deserialize, Serialize};
use sp_core::H256;

use super::{
	keys::{Known, MeterKeys},
	store::{Outcome, Store, StoreError},
};

/// Most readings of one post.
pub const MAX_POST_READINGS: usize = 500;

/// What became of a reading that was posted; the name is that of the answer's `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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
		}
	}
}

/// A reading of a post, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
	/// The meter, if the bytes are a reading.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub meter: Option<u32>,
	/// Its sequence.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub sequence: Option<u64>,
	/// What became of it.
	pub outcome: Verdict,
}

/// Why a body as a whole is no post of readings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
	/// There is nothing in it.
	#[error("there is no reading in the body")]
	Empty,
	/// There is too much in it.
	#[error("more than {MAX_POST_READINGS} readings")]
	TooMany,
	/// It is not what its content type says.
	#[error("{0}")]
	Malformed(String),
}

/// Decodes SCALE frames that follow one another. One that is no reading spoils all: nobody knows where
/// the next one begins.
pub fn decode_scale(mut body: &[u8]) -> Result<Vec<Option<SignedReading>>, BodyError> {
	let mut readings = Vec::new();
	while !body.is_empty() {
		if readings.len() == MAX_POST_READINGS {
			return Err(BodyError::TooMany);
		}
		let at = readings.len();
		let reading = SignedReading::decode(&mut body)
			.map_err(|error| BodyError::Malformed(format!("frame {at} is no reading: {error}")))?;
		readings.push(Some(reading));
	}
	match readings.is_empty() {
		true => Err(BodyError::Empty),
		false => Ok(readings),
	}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frames {
	frames: Vec<String>,
}

/// Decodes `{"frames": ["0x…"]}`; a frame that is no reading is `None`.
pub fn decode_json(body: &[u8]) -> Result<Vec<Option<SignedReading>>, BodyError> {
	let Frames { frames } = serde_json::from_slice(body)
		.map_err(|error| BodyError::Malformed(format!("not {{\"frames\": [\"0x…\"]}}: {error}")))?;
	if frames.is_empty() {
		return Err(BodyError::Empty);
	}
	if frames.len() > MAX_POST_READINGS {
		return Err(BodyError::TooMany);
	}
	let decode = |frame: &String| {
		let bytes = hex::decode(frame.trim_start_matches("0x")).ok()?;
		let mut rest = &bytes[..];
		SignedReading::decode(&mut rest)
			.ok()
			.filter(|_| rest.is_empty())
	};
	Ok(frames.iter().map(decode).collect())
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

/// Checks signatures and stores the readings in their order. When this returns, what it calls stored is
/// on disk.
pub async fn ingest(
	store: &Store,
	keys: &impl MeterKeys,
	readings: Vec<Option<SignedReading>>,
) -> Result<Vec<Entry>, IngestError> {
	let genesis = keys.genesis().ok_or(IngestError::NoChain)?;
	let mut verdicts = verify(genesis, keys, &readings, false).await;
	let refused = |(verdict, reading): (&Result<(), Verdict>, &Option<SignedReading>)| {
		let refused = *verdict == Err(Verdict::BadSignature);
		reading.clone().filter(|_| refused)
	};
	let again: Vec<_> = verdicts.iter().zip(&readings).map(refused).collect();
	if again.iter().any(Option::is_some) {
		// The key may have been rotated since it was asked for.
		let fresh = verify(genesis, keys, &again, true).await;
		for (verdict, fresh) in verdicts.iter_mut().zip(fresh) {
			if *verdict == Err(Verdict::BadSignature) {
				*verdict = fresh;
			}
		}
	}
	let entry = |reading: &Option<SignedReading>, outcome| Entry {
		meter: reading.as_ref().map(|signed| signed.reading.meter.0),
		sequence: reading.as_ref().map(|signed| signed.reading.sequence),
		outcome,
	};
	let mut entries: Vec<Entry> = readings
		.iter()
		.zip(&verdicts)
		.map(|(reading, verdict)| entry(reading, verdict.err().unwrap_or(Verdict::Stored)))
		.collect();
	let (places, good): (Vec<usize>, Vec<SignedReading>) = readings
		.into_iter()
		.zip(&verdicts)
		.enumerate()
		.filter_map(|(place, (reading, verdict))| {
			Some((place, reading.filter(|_| verdict.is_ok())?))
		})
		.unzip();
	if !good.is_empty() {
		let outcomes = store.insert(good).await?;
		for (place, outcome) in places.into_iter().zip(outcomes) {
			if let Some(entry) = entries.get_mut(place) {
				entry.outcome = outcome.into();
			}
		}
	}
	Ok(entries)
}

async fn verify(
	genesis: H256,
	keys: &impl MeterKeys,
	readings: &[Option<SignedReading>],
	fresh: bool,
) -> Vec<Result<(), Verdict>> {
	let meters: BTreeSet<MeterId> = readings
		.iter()
		.flatten()
		.map(|signed| signed.reading.meter)
		.collect();
	let meters: Vec<MeterId> = meters.into_iter().collect();
	let known = keys.lookup(&meters, fresh).await;
	let readings = readings.to_vec();
	let count = readings.len();
	let verify = move || {
		let verdict = |reading: &Option<SignedReading>| {
			let Some(signed) = reading else {
				return Err(Verdict::Malformed);
			};
			match known
				.get(&signed.reading.meter)
				.copied()
				.unwrap_or(Known::Unavailable)
			{
				Known::Key(key) if signed.is_signed_by(&key, &genesis) => Ok(()),
				Known::Key(_) => Err(Verdict::BadSignature),
				Known::Unknown => Err(Verdict::UnknownMeter),
				Known::NotAdmitted => Err(Verdict::NotAdmitted),
				Known::Retired => Err(Verdict::Retired),
				Known::Unavailable => Err(Verdict::Unavailable),
			}
		};
		readings.iter().map(verdict).collect::<Vec<_>>()
	};
	// Some 60 µs per signature: a full post would hold up everyone else on this thread.
	tokio::task::spawn_blocking(verify)
		.await
		.unwrap_or_else(|_| vec![Err(Verdict::Unavailable); count])
}
