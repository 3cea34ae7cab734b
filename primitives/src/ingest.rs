//! How readings come on chain: the authority's ingest key, and the batch it signs.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_runtime::{traits::ConstU32, BoundedVec, KeyTypeId};

use crate::reading::SignedReading;

/// Key type of the ingest keys in a node's keystore.
pub const INGEST: KeyTypeId = KeyTypeId(*b"ingt");

/// Key of the persistent off-chain storage under which a node keeps the base URLs of its gateways: a
/// SCALE-encoded `Vec<Vec<u8>>`, written at every start.
pub const GATEWAYS_KEY: &[u8] = b"gridweave/meter-gateways";

/// Most readings of one batch.
pub const MAX_BATCH_READINGS: u32 = 500;

mod app {
	use sp_application_crypto::{app_crypto, sr25519};
	app_crypto!(sr25519, super::INGEST);
}

sp_application_crypto::with_pair! {
	/// An authority's ingest key pair.
	pub type IngestPair = app::Pair;
}

/// Public ingest key of an authority: a session key of its own.
pub type IngestId = app::Public;

/// Signature by an ingest key.
pub type IngestSignature = app::Signature;

/// Readings that an authority brings on chain, in order of meters.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ReadingBatch {
	/// Place of the signing authority in the current set of ingest keys.
	pub authority: u32,
	/// Makes a batch submitted again a new transaction: the pool bans hashes, not contents.
	pub salt: u32,
	/// Witness: how many meter-periods the readings touch at most, the base of the batch's weight.
	/// Readings beyond it are left for the next batch.
	pub spans: u32,
	/// The readings: ascending by meter, and of one meter by sequence.
	pub readings: BoundedVec<SignedReading, ConstU32<MAX_BATCH_READINGS>>,
}

impl ReadingBatch {
	/// The 32 bytes the authority signs: `blake2_256((b"gridweave/batch/v1", genesis_hash, batch))`.
	pub fn digest(&self, genesis_hash: &H256) -> [u8; 32] {
		(b"gridweave/batch/v1", genesis_hash, self).using_encoded(sp_io::hashing::blake2_256)
	}
}
