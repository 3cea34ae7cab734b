//! Tells the off-chain worker where its gateways are.

use std::str::FromStr;

use codec::Encode;
use gridweave_primitives::ingest::{GATEWAYS_KEY, MAX_GATEWAYS};
use gridweave_runtime::ingest::PROGRESS_KEY;
use sp_core::offchain::{OffchainStorage, STORAGE_PREFIX};

/// Base URL of a gateway, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayUrl(String);

impl FromStr for GatewayUrl {
	type Err = String;

	fn from_str(url: &str) -> Result<Self, String> {
		let host = url
			.strip_prefix("http://")
			.or_else(|| url.strip_prefix("https://"))
			.ok_or("a gateway's URL begins with http:// or https://")?;
		if host.is_empty() || host.starts_with('/') {
			return Err("a gateway's URL names a host".into());
		}
		if host.contains(['?', '#']) || host.chars().any(char::is_whitespace) {
			return Err("a gateway's base URL has no query, fragment or space".into());
		}
		if host.contains('@') {
			return Err("a gateway's URL has no credentials: whoever asks is told it".into());
		}
		Ok(Self(url.trim_end_matches('/').into()))
	}
}

/// Writes the gateways into the persistent off-chain storage, or clears what an earlier start left
/// there, and with it what the worker told of them. To be called before the off-chain workers start.
pub fn store(storage: &mut impl OffchainStorage, gateways: &[GatewayUrl]) -> Result<(), String> {
	if gateways.len() > MAX_GATEWAYS {
		return Err(format!("at most {MAX_GATEWAYS} gateways"));
	}
	let urls: Vec<&[u8]> = gateways.iter().map(|url| url.0.as_bytes()).collect();
	storage.set(STORAGE_PREFIX, GATEWAYS_KEY, &urls.encode());
	storage.remove(STORAGE_PREFIX, PROGRESS_KEY);
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Decode;
	use sp_core::offchain::storage::InMemOffchainStorage;

	fn stored(storage: &InMemOffchainStorage) -> Vec<Vec<u8>> {
		let bytes = storage.get(STORAGE_PREFIX, GATEWAYS_KEY).expect("written");
		Decode::decode(&mut &bytes[..]).expect("a list")
	}

	#[test]
	fn urls_should_be_checked_and_lose_their_last_slash() {
		assert_eq!(
			GatewayUrl::from_str("http://127.0.0.1:9950/"),
			Ok(GatewayUrl("http://127.0.0.1:9950".into())),
		);
		for bad in [
			"127.0.0.1:9950",
			"ftp://a",
			"http://",
			"http:///x",
			"http://a?b",
			"http://a b",
			"http://user:secret@a",
		] {
			assert!(GatewayUrl::from_str(bad).is_err(), "{bad}");
		}
	}

	#[test]
	fn a_start_without_gateways_should_clear_those_of_the_last() {
		let mut storage = InMemOffchainStorage::default();
		let url = GatewayUrl::from_str("http://127.0.0.1:9950").expect("valid");
		store(&mut storage, &[url]).expect("one fits");
		assert_eq!(stored(&storage), vec![b"http://127.0.0.1:9950".to_vec()]);
		storage.set(STORAGE_PREFIX, PROGRESS_KEY, b"told of the last");
		store(&mut storage, &[]).expect("none fits");
		assert!(stored(&storage).is_empty());
		assert!(storage.get(STORAGE_PREFIX, PROGRESS_KEY).is_none());
	}

	#[test]
	fn too_many_gateways_should_be_refused() {
		let url = GatewayUrl::from_str("http://a").expect("valid");
		assert!(store(
			&mut InMemOffchainStorage::default(),
			&vec![url; MAX_GATEWAYS + 1]
		)
		.is_err());
	}
}
