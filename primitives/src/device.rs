//! Device keys: what a meter signs with.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ecdsa, ed25519, sr25519, H256};
use sp_runtime::{traits::ConstU32, BoundedVec};

use crate::{MeterId, MicrogridId};

/// A meter's serial number, as printed on it.
pub type Serial = BoundedVec<u8, ConstU32<32>>;

/// The public key of a metering device. The private key never leaves the device.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
	Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub enum DeviceKey {
	/// Ed25519 (RFC 8032).
	#[codec(index = 0)]
	Ed25519(ed25519::Public),
	/// Schnorr signatures over Ristretto.
	#[codec(index = 1)]
	Sr25519(sr25519::Public),
	/// ECDSA over secp256k1, as many secure elements offer it; the compressed key.
	#[codec(index = 2)]
	Secp256k1(ecdsa::Public),
}

/// A device's signature; its variant is the type of key.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum DeviceSignature {
	/// By a [`DeviceKey::Ed25519`].
	#[codec(index = 0)]
	Ed25519(ed25519::Signature),
	/// By a [`DeviceKey::Sr25519`].
	#[codec(index = 1)]
	Sr25519(sr25519::Signature),
	/// By a [`DeviceKey::Secp256k1`]; the 32 bytes are signed as they are (prehashed).
	#[codec(index = 2)]
	Secp256k1(ecdsa::Signature),
}

impl DeviceKey {
	/// Whether `signature` is this key's over the 32 bytes `digest`. A signature of another key type
	/// is not. ed25519 and sr25519 sign the 32 bytes as their message, secp256k1 as its digest.
	pub fn verify(&self, digest: &[u8; 32], signature: &DeviceSignature) -> bool {
		match (self, signature) {
			(Self::Ed25519(key), DeviceSignature::Ed25519(signature)) => {
				sp_io::crypto::ed25519_verify(signature, digest, key)
			}
			(Self::Sr25519(key), DeviceSignature::Sr25519(signature)) => {
				sp_io::crypto::sr25519_verify(signature, digest, key)
			}
			(Self::Secp256k1(key), DeviceSignature::Secp256k1(signature)) => {
				sp_io::crypto::ecdsa_verify_prehashed(signature, digest, key)
			}
			_ => false,
		}
	}
}

/// The 32 bytes a device signs to prove, at registration, that it holds its key and that its owner may
/// register it: `blake2_256((b"gridweave/register/v1", genesis_hash, owner, microgrid, serial))`, the tag
/// without length prefix. The proof is worth nothing on another chain, for another owner or microgrid.
pub fn registration_digest<AccountId: Encode>(
	genesis_hash: &H256,
	owner: &AccountId,
	microgrid: MicrogridId,
	serial: &Serial,
) -> [u8; 32] {
	(
		b"gridweave/register/v1",
		genesis_hash,
		owner,
		microgrid,
		serial,
	)
		.using_encoded(sp_io::hashing::blake2_256)
}

/// The 32 bytes a device signs with its old key to approve a new one:
/// `blake2_256((b"gridweave/rotate/v1", genesis_hash, meter, new_key))`, the tag without length prefix.
pub fn rotation_digest(genesis_hash: &H256, meter: MeterId, key: &DeviceKey) -> [u8; 32] {
	(b"gridweave/rotate/v1", genesis_hash, meter, key).using_encoded(sp_io::hashing::blake2_256)
}
