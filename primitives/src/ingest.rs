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

/// Most gateways of a node.
pub const MAX_GATEWAYS: usize = 16;

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
	/// Witness: how many pages of energy (32 neighbouring meters in one period) the readings touch at most.
	/// Readings beyond it are left for the next batch.
	pub spans: u32,
	/// Witness: how many corrections of settled periods the readings may call for at most: none, as long as
	/// they come in time. Readings beyond it are left for the next batch.
	pub corrections: u32,
	/// The readings: ascending by meter, and of one meter by sequence.
	pub readings: BoundedVec<SignedReading, ConstU32<MAX_BATCH_READINGS>>,
}

impl ReadingBatch {
	/// The 32 bytes the authority signs: `blake2_256((b"gridweave/batch/v1", genesis_hash, batch))`, the tag
	/// without length prefix.
	pub fn digest(&self, genesis_hash: &H256) -> [u8; 32] {
		(b"gridweave/batch/v1", genesis_hash, self).using_encoded(sp_io::hashing::blake2_256)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{device::DeviceSignature, reading::Reading, MeterId, WattHours};
	use sp_core::ed25519;

	#[test]
	fn what_authorities_sign_should_never_change() {
		let signed = SignedReading {
			reading: Reading {
				meter: MeterId(7),
				sequence: 42,
				captured_at: 1_780_000_000,
				import_register: WattHours(123_456),
				export_register: WattHours(0),
				state_of_charge: None,
				quality: None,
				acknowledged: None,
				status: 0,
			},
			signature: DeviceSignature::Ed25519(ed25519::Signature::from_raw([0xcd; 64])),
		};
		let reading = "1ca80300a5186a028907000000000000".to_string() + "00" + &"cd".repeat(64);
		assert_eq!(hex::encode(signed.encode()), reading);
		let batch = ReadingBatch {
			authority: 3,
			salt: 9,
			spans: 2,
			corrections: 5,
			readings: BoundedVec::truncate_from(vec![signed]),
		};
		assert_eq!(
			hex::encode(batch.encode()),
			"03000000090000000200000005000000".to_string() + "04" + &reading,
		);
		assert_eq!(
			hex::encode(batch.digest(&H256::repeat_byte(1))),
			"acaa871d8cb4ac492bb0c39888783e04a32860dc3be43ec7e88e5a30eb1f13ee",
		);
	}
}
