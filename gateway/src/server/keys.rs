//! Which key a meter signs with.

use std::{collections::HashMap, path::Path};

use codec::{Decode, Encode};
use futures::future::BoxFuture;
use gridweave_primitives::{device::DeviceKey, MeterId};
use serde::Deserialize;
use sp_core::{ecdsa, ed25519, sr25519, H256};

use super::store::StoreError;

/// Most seconds a reading may lie ahead of the chain's time, unless a settlement period is shorter.
pub const MAX_LEAD: u64 = 300;

/// A meter's key, and how new that word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Key {
	/// What the meter's device signs with.
	pub device: DeviceKey,
	/// The block whose state says so; 0 if a file does, which the chain's word always overrides.
	pub block: u64,
}

/// What is known of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
	/// It may deliver readings, signed with this key.
	Key(Key),
	/// There is no such meter.
	Unknown,
	/// It is registered, but its microgrid's operator has not admitted it.
	NotAdmitted,
	/// It is out of service.
	Retired,
	/// Nobody can be asked at the moment.
	Unavailable,
}

/// Knows the keys of meters. Provided by the chain ([`super::chain::Chain`]) and, for gateways that run
/// without one for a while, by a file ([`FileKeys`]).
pub trait MeterKeys: Send + Sync + 'static {
	/// Hash of the first block of the chain that readings are signed for; `None` while unknown. An error if
	/// the node is not of the store's chain: whatever came in would never be settled.
	fn genesis(&self) -> Result<Option<H256>, StoreError>;

	/// What is known of these meters; of each exactly one. `fresh`: what was cached is asked for again.
	fn lookup<'a>(
		&'a self,
		meters: &'a [MeterId],
		fresh: bool,
	) -> BoxFuture<'a, HashMap<MeterId, Known>>;

	/// The latest second (Unix) a reading may have been captured at for the chain to take it now.
	fn horizon(&self) -> u64 {
		unix_now().saturating_add(MAX_LEAD)
	}
}

/// Seconds since 1970 by this machine's clock.
pub fn unix_now() -> u64 {
	std::time::UNIX_EPOCH
		.elapsed()
		.map_or(0, |since| since.as_secs())
}

/// The chain, and for meters it cannot be asked about the file.
pub struct Keys {
	chain: Box<dyn MeterKeys>,
	offline: Option<FileKeys>,
}

impl Keys {
	/// Asks `chain` first.
	pub fn new(chain: impl MeterKeys, offline: Option<FileKeys>) -> Self {
		let chain = Box::new(chain);
		Self { chain, offline }
	}

	/// Whether some meters are known without the chain.
	pub fn works_offline(&self) -> bool {
		self.offline.is_some()
	}
}

impl MeterKeys for Keys {
	fn genesis(&self) -> Result<Option<H256>, StoreError> {
		let offline = self.offline.as_ref().map(FileKeys::genesis_hash);
		Ok(self.chain.genesis()?.or(offline))
	}

	fn lookup<'a>(
		&'a self,
		meters: &'a [MeterId],
		fresh: bool,
	) -> BoxFuture<'a, HashMap<MeterId, Known>> {
		Box::pin(async move {
			let mut known = self.chain.lookup(meters, fresh).await;
			if let Some(offline) = &self.offline {
				for (meter, known) in &mut known {
					if *known == Known::Unavailable {
						*known = offline.get(*meter);
					}
				}
			}
			known
		})
	}

	fn horizon(&self) -> u64 {
		self.chain.horizon()
	}
}

/// Keys from a file: `{"genesis": "0x…", "meters": {"7": {"ed25519": "0x…"}}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileKeys {
	genesis: H256,
	meters: HashMap<MeterId, DeviceKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
	genesis: String,
	meters: HashMap<u32, FileKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileKey {
	Ed25519(String),
	Sr25519(String),
	Secp256k1(String),
}

fn bytes<const N: usize>(hex: &str) -> anyhow::Result<[u8; N]> {
	let mut bytes = [0; N];
	hex::decode_to_slice(hex.trim_start_matches("0x"), &mut bytes)
		.map_err(|error| anyhow::anyhow!("{hex:?} is not {N} bytes in hex: {error}"))?;
	Ok(bytes)
}

impl FileKeys {
	/// Reads a file.
	pub fn read(path: &Path) -> anyhow::Result<Self> {
		Self::parse(&std::fs::read_to_string(path)?)
	}

	/// Reads the text of a file.
	pub fn parse(text: &str) -> anyhow::Result<Self> {
		let file: File = serde_json::from_str(text)?;
		let key = |key: FileKey| -> anyhow::Result<DeviceKey> {
			Ok(match key {
				FileKey::Ed25519(hex) => {
					DeviceKey::Ed25519(ed25519::Public::from_raw(bytes(&hex)?))
				}
				FileKey::Sr25519(hex) => {
					DeviceKey::Sr25519(sr25519::Public::from_raw(bytes(&hex)?))
				}
				FileKey::Secp256k1(hex) => {
					DeviceKey::Secp256k1(ecdsa::Public::from_raw(bytes(&hex)?))
				}
			})
		};
		let meters = file
			.meters
			.into_iter()
			.map(|(meter, value)| Ok((MeterId(meter), key(value)?)))
			.collect::<anyhow::Result<_>>()?;
		Ok(Self {
			genesis: H256(bytes(&file.genesis)?),
			meters,
		})
	}

	/// The chain the meters sign for.
	pub fn genesis_hash(&self) -> H256 {
		self.genesis
	}

	/// How many meters are listed.
	pub fn len(&self) -> usize {
		self.meters.len()
	}

	/// Whether none is.
	pub fn is_empty(&self) -> bool {
		self.meters.is_empty()
	}

	/// A meter that is not listed may well exist: nobody can be asked.
	fn get(&self, meter: MeterId) -> Known {
		self.meters.get(&meter).map_or(Known::Unavailable, |key| {
			Known::Key(Key {
				device: *key,
				block: 0,
			})
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const KEY: [u8; 32] = [7; 32];

	fn file() -> String {
		let hex = hex::encode(KEY);
		let secp = hex::encode([2; 33]);
		format!(
			r#"{{"genesis": "0x{hex}", "meters": {{"1": {{"ed25519": "0x{hex}"}},
			"2": {{"sr25519": "{hex}"}}, "3": {{"secp256k1": "0x{secp}"}}}}}}"#
		)
	}

	/// A chain that knows meter 1 only, or cannot be asked.
	struct Fake {
		reachable: bool,
	}

	impl MeterKeys for Fake {
		fn genesis(&self) -> Result<Option<H256>, StoreError> {
			Ok(self.reachable.then_some(H256([9; 32])))
		}

		fn lookup<'a>(
			&'a self,
			meters: &'a [MeterId],
			_: bool,
		) -> BoxFuture<'a, HashMap<MeterId, Known>> {
			let known = |meter: &MeterId| match (self.reachable, meter.0) {
				(false, _) => Known::Unavailable,
				(true, 1) => Known::Retired,
				(true, _) => Known::Unknown,
			};
			let known = meters.iter().map(|meter| (*meter, known(meter))).collect();
			Box::pin(async move { known })
		}
	}

	#[test]
	fn a_file_should_name_keys_of_every_type() {
		let keys = FileKeys::parse(&file()).unwrap();
		assert_eq!(keys.genesis_hash(), H256(KEY));
		assert_eq!(keys.len(), 3);
		let expected = [
			(1, DeviceKey::Ed25519(ed25519::Public::from_raw(KEY))),
			(2, DeviceKey::Sr25519(sr25519::Public::from_raw(KEY))),
			(3, DeviceKey::Secp256k1(ecdsa::Public::from_raw([2; 33]))),
		];
		for (meter, device) in expected {
			let key = Key { device, block: 0 };
			assert_eq!(keys.get(MeterId(meter)), Known::Key(key));
		}
	}

	#[test]
	fn a_bad_file_should_be_refused() {
		let bad = [
			"",
			"{}",
			r#"{"genesis": "0x00", "meters": {}}"#,
			&file().replace("ed25519", "rsa"),
			&file().replace("\"1\"", "\"one\""),
			&file().replace("meters", "metres"),
		];
		for text in bad {
			assert!(FileKeys::parse(text).is_err(), "{text}");
		}
	}

	#[tokio::test]
	async fn the_file_should_serve_only_while_the_chain_cannot_be_asked() {
		let meters = [MeterId(1), MeterId(4)];
		let offline = Some(FileKeys::parse(&file()).unwrap());
		let keys = Keys::new(Fake { reachable: true }, offline.clone());
		assert_eq!(keys.genesis(), Ok(Some(H256([9; 32]))));
		let known = keys.lookup(&meters, false).await;
		assert_eq!(known[&MeterId(1)], Known::Retired);
		assert_eq!(known[&MeterId(4)], Known::Unknown);
		let keys = Keys::new(Fake { reachable: false }, offline);
		assert_eq!(keys.genesis(), Ok(Some(H256(KEY))));
		let known = keys.lookup(&meters, false).await;
		assert!(matches!(known[&MeterId(1)], Known::Key(_)));
		assert_eq!(known[&MeterId(4)], Known::Unavailable);
	}
}
