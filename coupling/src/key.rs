//! The key of the account that submits.

use std::{fs::File, io::Read, os::unix::fs::MetadataExt, path::Path, str::FromStr};

use anyhow::{anyhow, ensure, Context, Result};
use subxt_signer::{sr25519::Keypair, SecretUri};

/// Largest file that can be a key.
const MAX_FILE: u64 = 4 * 1_024;

/// The shortest phrases have so many words.
const LEAST_WORDS: usize = 12;

/// Reads a key from a file that nobody but its owner may read: the 32 bytes of an sr25519 seed in hex, as
/// `gridweave-gateway key generate --kind sr25519` writes them, or a phrase of words.
pub fn read(path: &Path) -> Result<Keypair> {
	let read = || {
		let file = File::open(path)?;
		let mode = file.metadata()?.mode() & 0o7777;
		ensure!(
			mode & 0o077 == 0,
			"others than its owner may use it (mode {mode:o}): chmod 600 it"
		);
		let mut text = String::new();
		file.take(MAX_FILE).read_to_string(&mut text)?;
		parse(text.trim())
	};
	read().with_context(|| format!("{} is no key", path.display()))
}

fn parse(text: &str) -> Result<Keypair> {
	// What is wrong with it is not told: it may be a secret.
	let wrong = || anyhow!("neither the 32 bytes of a seed in hex nor a phrase");
	let mut seed = [0; 32];
	if hex::decode_to_slice(text.trim_start_matches("0x"), &mut seed).is_ok() {
		return Keypair::from_secret_key(seed).map_err(|_| wrong());
	}
	// Without words, with a path or with nothing, it stands for a key that is known to everybody.
	ensure!(text.split_whitespace().count() >= LEAST_WORDS, wrong());
	let uri = SecretUri::from_str(text).map_err(|_| wrong())?;
	Keypair::from_uri(&uri).map_err(|_| wrong())
}

/// The key of a well-known name, such as `Alice`.
pub fn well_known(name: &str) -> Result<Keypair> {
	let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric());
	ensure!(plain && !name.is_empty(), "{name:?} is no name");
	Ok(Keypair::from_uri(&SecretUri::from_str(&format!(
		"//{name}"
	))?)?)
}

#[cfg(test)]
mod tests {
	use std::{fs, os::unix::fs::PermissionsExt};

	use super::*;

	#[test]
	fn a_key_should_be_read_if_nobody_else_can() {
		let folder = tempfile::TempDir::new().unwrap();
		let path = folder.path().join("key");
		// The seed of //Alice.
		let seed = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
		fs::write(&path, format!("0x{seed}\n")).unwrap();
		fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
		let alice = well_known("Alice").unwrap().public_key().0;
		assert_eq!(read(&path).unwrap().public_key().0, alice);
		for mode in [0o640, 0o604, 0o660] {
			fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
			let refused = read(&path).err().map(|error| format!("{error:#}"));
			assert!(refused.unwrap().contains("chmod 600"), "{mode:o}");
		}
	}

	#[test]
	fn what_is_no_key_should_be_refused_without_telling_it() {
		for text in ["", "//Alice", "5ec4e7", "a secret that is no phrase"] {
			let Err(error) = parse(text) else {
				panic!("taken: {text}");
			};
			let error = error.to_string();
			assert!(text.is_empty() || !error.contains(text), "{error}");
		}
		let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
		assert!(parse(phrase).is_ok());
		assert!(well_known("Alice//stash").is_err() && well_known("").is_err());
	}
}
