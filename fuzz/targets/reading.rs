//! The frame of a device: it is read in one way only, whatever it is followed by.

#![no_main]

use codec::{Decode, Encode, MaxEncodedLen};
use gridweave_primitives::{device::DeviceKey, reading::SignedReading};
use libfuzzer_sys::fuzz_target;
use sp_core::{ecdsa, ed25519, sr25519, H256};

fuzz_target!(|bytes: &[u8]| {
	let mut rest = bytes;
	let Ok(signed) = SignedReading::decode(&mut rest) else {
		return;
	};
	let frame = &bytes[..bytes.len() - rest.len()];
	// One reading has one encoding: else a frame could be told apart from itself.
	assert_eq!(signed.encode(), frame);
	assert!(frame.len() <= SignedReading::max_encoded_len());
	assert_eq!(signed.encoded_size(), frame.len());

	let (here, elsewhere) = (H256::repeat_byte(1), H256::repeat_byte(2));
	assert_ne!(
		signed.reading.digest(&here),
		signed.reading.digest(&elsewhere)
	);
	// Keys that nobody signs with, good and bad ones.
	for byte in [0, 2, 0xff] {
		let keys = [
			DeviceKey::Ed25519(ed25519::Public::from_raw([byte; 32])),
			DeviceKey::Sr25519(sr25519::Public::from_raw([byte; 32])),
			DeviceKey::Secp256k1(ecdsa::Public::from_raw([byte; 33])),
		];
		for key in keys {
			signed.is_signed_by(&key, &here);
		}
	}
});
