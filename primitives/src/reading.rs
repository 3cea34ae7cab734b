//! The record a meter signs. Its form is fixed: what devices sign never changes silently.

use alloc::vec::Vec;

use codec::{Compact, Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_runtime::{traits::ConstU32, BoundedVec};

use crate::{
	device::{DeviceKey, DeviceSignature},
	MeterId, WattHours,
};

/// One reading of a meter. Registers are **cumulative** (OBIS 1.8.0 and 2.8.0), so that a lost reading
/// loses no energy. Integers are encoded compact.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Reading {
	/// The meter's id on chain.
	#[codec(compact)]
	pub meter: MeterId,
	/// Strictly increases from reading to reading.
	#[codec(compact)]
	pub sequence: u64,
	/// When the registers were read: Unix seconds, UTC; strictly increases.
	#[codec(compact)]
	pub captured_at: u64,
	/// All energy ever taken from the grid, modulo the meter's declared modulus.
	#[codec(compact)]
	pub import_register: WattHours,
	/// All energy ever fed into the grid, modulo the meter's declared modulus.
	#[codec(compact)]
	pub export_register: WattHours,
	/// Energy in the storage in Wh, if the meter has one.
	pub state_of_charge: Option<Compact<u64>>,
	/// Power quality, if the meter measures it.
	pub quality: Option<Quality>,
	/// Nonce of the last device command carried out.
	pub acknowledged: Option<Compact<u32>>,
	/// Bits of [`status`].
	#[codec(compact)]
	pub status: u16,
}

/// Power quality at the moment of a reading.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Quality {
	/// Frequency in mHz.
	#[codec(compact)]
	pub frequency_mhz: u32,
	/// One to three phases.
	pub phases: BoundedVec<Phase, ConstU32<3>>,
}

/// Electrical values of one phase.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Phase {
	/// Voltage in mV.
	#[codec(compact)]
	pub voltage_mv: u32,
	/// Current in mA.
	#[codec(compact)]
	pub current_ma: u32,
	/// Power factor in thousandths; negative when feeding in.
	pub power_factor: i16,
}

/// Bits of [`Reading::status`]; unnamed bits are reserved and kept as evidence.
pub mod status {
	/// The meter's cover was opened.
	pub const COVER_OPENED: u16 = 1 << 0;
	/// The terminal cover was opened.
	pub const TERMINAL_OPENED: u16 = 1 << 1;
	/// A strong magnetic field was present.
	pub const MAGNET: u16 = 1 << 2;
	/// The device's clock is not synchronised.
	pub const CLOCK_UNSYNCHRONISED: u16 = 1 << 3;
	/// Power failed since the last reading.
	pub const POWER_FAILED: u16 = 1 << 4;
	/// All bits that report an attack on the device.
	pub const TAMPERED: u16 = COVER_OPENED | TERMINAL_OPENED | MAGNET;
}

/// A reading with its device's signature over [`Reading::digest`]: the frame that travels.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SignedReading {
	/// What was measured.
	pub reading: Reading,
	/// The device's signature.
	pub signature: DeviceSignature,
}

impl Reading {
	/// The 32 bytes the device signs: `blake2_256(b"gridweave/reading/v1" ++ genesis_hash ++ reading)`.
	/// The hash of the first block makes a reading valid on one chain only.
	pub fn digest(&self, genesis_hash: &H256) -> [u8; 32] {
		(b"gridweave/reading/v1", genesis_hash, self).using_encoded(sp_io::hashing::blake2_256)
	}
}

impl SignedReading {
	/// Whether `key` signed this reading for the chain of `genesis_hash`.
	pub fn is_signed_by(&self, key: &DeviceKey, genesis_hash: &H256) -> bool {
		key.verify(&self.reading.digest(genesis_hash), &self.signature)
	}
}

/// Most readings of one page that a gateway serves.
pub const MAX_PAGE_READINGS: u32 = 2_000;

/// Most bytes of one page; an off-chain worker reads no further.
pub const MAX_PAGE_BYTES: u32 = 512 * 1024;

/// What a gateway answers to `GET /v1/readings`: SCALE, at most [`MAX_PAGE_READINGS`] readings and
/// [`MAX_PAGE_BYTES`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ReadingPage {
	/// Identity of the gateway's store; another value means that offsets start anew.
	pub epoch: u64,
	/// Readings with their offset in order of arrival, ascending.
	pub readings: Vec<(u64, SignedReading)>,
}

#[cfg(test)]
mod tests {
	use super::*;
	use sp_core::{crypto::Pair as _, ecdsa, ed25519, sr25519};

	fn full() -> Reading {
		Reading {
			meter: MeterId(999_999),
			sequence: 1 << 40,
			captured_at: 1_780_000_000,
			import_register: WattHours(u64::MAX),
			export_register: WattHours(u64::MAX),
			state_of_charge: Some(Compact(u32::MAX.into())),
			quality: Some(Quality {
				frequency_mhz: 49_987,
				phases: vec![
					Phase {
						voltage_mv: 231_400,
						current_ma: 63_000,
						power_factor: -985
					};
					3
				]
				.try_into()
				.expect("three phases"),
			}),
			acknowledged: Some(Compact(u32::MAX)),
			status: u16::MAX,
		}
	}

	fn plain() -> Reading {
		Reading {
			meter: MeterId(7),
			sequence: 42,
			captured_at: 1_780_000_000,
			import_register: WattHours(123_456),
			export_register: WattHours(0),
			state_of_charge: None,
			quality: None,
			acknowledged: None,
			status: 0,
		}
	}

	#[test]
	fn encoding_should_never_change() {
		assert_eq!(
			hex::encode(plain().encode()),
			"1ca80300a5186a028907000000000000"
		);
		// Field by field, so that the layout can be read off.
		let fields = [
			"fe083d00",             // meter 999 999
			"0b000000000001",       // sequence 2⁴⁰
			"0300a5186a",           // captured at 1 780 000 000
			"13ffffffffffffffff",   // import register
			"13ffffffffffffffff",   // export register
			"01",                   // a state of charge:
			"03ffffffff",           //   2³² − 1 Wh
			"01",                   // power quality:
			"0e0d0300",             //   49 987 mHz
			"0c",                   //   three phases of 231 400 mV, 63 000 mA, −985 ‰
			"a21f0e0062d8030027fc", //
			"a21f0e0062d8030027fc", //
			"a21f0e0062d8030027fc", //
			"01",                   // a command carried out:
			"03ffffffff",           //   nonce 2³² − 1
			"feff0300",             // status, all bits
		];
		assert_eq!(hex::encode(full().encode()), fields.concat());
		assert_eq!(
			hex::encode(plain().digest(&H256::repeat_byte(1))),
			"eb07e5e234ca2bb25e9d96d7badd6ac78bb8110966c2260d4055e9c7c5e60d1b",
		);
	}

	#[test]
	fn frames_should_fit_the_radio() {
		// LoRaWAN: 115 bytes at the data rates of registers alone, 222 at those of a full reading.
		let signature = DeviceSignature::Secp256k1(ecdsa::Signature::default());
		let frame = |reading| {
			SignedReading {
				reading,
				signature: signature.clone(),
			}
			.encode()
			.len()
		};
		let registers = Reading {
			state_of_charge: None,
			quality: None,
			acknowledged: None,
			..full()
		};
		assert!(frame(registers) <= 115);
		assert!(frame(full()) <= 222);
	}

	#[test]
	fn every_key_type_should_sign_for_one_chain_and_one_reading() {
		let (here, elsewhere) = (H256::repeat_byte(1), H256::repeat_byte(2));
		let (reading, digest) = (plain(), plain().digest(&here));
		let ed = ed25519::Pair::from_seed(&[1; 32]);
		let sr = sr25519::Pair::from_seed(&[2; 32]);
		let ec = ecdsa::Pair::from_seed(&[3; 32]);
		let cases = [
			(
				DeviceKey::Ed25519(ed.public()),
				DeviceSignature::Ed25519(ed.sign(&digest)),
			),
			(
				DeviceKey::Sr25519(sr.public()),
				DeviceSignature::Sr25519(sr.sign(&digest)),
			),
			(
				DeviceKey::Secp256k1(ec.public()),
				DeviceSignature::Secp256k1(ec.sign_prehashed(&digest)),
			),
		];
		for (i, (_, signature)) in cases.iter().enumerate() {
			let signed = SignedReading {
				reading: reading.clone(),
				signature: signature.clone(),
			};
			let mut changed = signed.clone();
			changed.reading.import_register = WattHours(123_457);
			for (j, (key, _)) in cases.iter().enumerate() {
				assert_eq!(signed.is_signed_by(key, &here), i == j);
				assert!(!signed.is_signed_by(key, &elsewhere));
				assert!(!changed.is_signed_by(key, &here));
			}
		}
	}
}
