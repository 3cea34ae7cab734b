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
/// without length prefix, the microgrid as 4 bytes, little-endian, the serial with its compact length in
/// front. The proof is worth nothing on another chain, for another owner or microgrid.
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

/// The 32 bytes an owner signs, with the key of their account, to let the operator of a microgrid register a
/// meter in their name: `blake2_256((b"gridweave/consent/v1", genesis_hash, operator, microgrid, key, serial,
/// expires))`, the tag without length prefix, the microgrid as 4 bytes, little-endian, the device's key with
/// the byte of its type in front, the serial with its compact length in front, and the Unix second until
/// which the consent may be used as 8 bytes, little-endian.
pub fn consent_digest<AccountId: Encode>(
	genesis_hash: &H256,
	operator: &AccountId,
	microgrid: MicrogridId,
	key: &DeviceKey,
	serial: &Serial,
	expires: u64,
) -> [u8; 32] {
	(
		b"gridweave/consent/v1",
		genesis_hash,
		operator,
		microgrid,
		key,
		serial,
		expires,
	)
		.using_encoded(sp_io::hashing::blake2_256)
}

/// The 32 bytes a device signs with its old key to approve a new one:
/// `blake2_256((b"gridweave/rotate/v1", genesis_hash, meter, new_key))`, the tag without length prefix, the
/// meter as 4 bytes, little-endian, the key with the byte of its type in front.
pub fn rotation_digest(genesis_hash: &H256, meter: MeterId, key: &DeviceKey) -> [u8; 32] {
	(b"gridweave/rotate/v1", genesis_hash, meter, key).using_encoded(sp_io::hashing::blake2_256)
}

#[cfg(test)]
mod tests {
	use super::*;

	const GENESIS: H256 = H256::repeat_byte(1);

	fn keys() -> [DeviceKey; 3] {
		[
			DeviceKey::Ed25519(ed25519::Public::from_raw([0xaa; 32])),
			DeviceKey::Sr25519(sr25519::Public::from_raw([0xab; 32])),
			DeviceKey::Secp256k1(ecdsa::Public::from_raw([0xac; 33])),
		]
	}

	#[test]
	fn keys_and_signatures_should_encode_as_their_type_and_bytes() {
		let expected = [
			"00".to_string() + &"aa".repeat(32),
			"01".to_string() + &"ab".repeat(32),
			"02".to_string() + &"ac".repeat(33),
		];
		assert_eq!(keys().map(|key| hex::encode(key.encode())), expected);
		let signatures = [
			DeviceSignature::Ed25519(ed25519::Signature::from_raw([0xba; 64])),
			DeviceSignature::Sr25519(sr25519::Signature::from_raw([0xbb; 64])),
			DeviceSignature::Secp256k1(ecdsa::Signature::from_raw([0xbc; 65])),
		];
		let expected = [
			"00".to_string() + &"ba".repeat(64),
			"01".to_string() + &"bb".repeat(64),
			"02".to_string() + &"bc".repeat(65),
		];
		assert_eq!(
			signatures.map(|signature| hex::encode(signature.encode())),
			expected
		);
	}

	#[test]
	fn what_devices_sign_should_never_change() {
		// blake2b-256 of "gridweave/register/v1", 32 × 01, 32 × 05, 07000000, 10 and "GW-1".
		let serial = Serial::truncate_from(b"GW-1".to_vec());
		assert_eq!(
			hex::encode(registration_digest(
				&GENESIS,
				&[5u8; 32],
				MicrogridId(7),
				&serial
			)),
			"3fa9e1c8f5f3735114e8749ba83f8144388dce33d924d1196a8d331ced1400ca",
		);
		// blake2b-256 of "gridweave/rotate/v1", 32 × 01, 04030201, 01 and 32 × ab.
		let [_, key, _] = keys();
		assert_eq!(
			hex::encode(rotation_digest(&GENESIS, MeterId(0x0102_0304), &key)),
			"fec420558e5bae2503c298dedd8a621c3fc534489eb5506f9de7f471febb9ebf",
		);
	}
}
