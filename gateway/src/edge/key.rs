//! Device keys: what signs for a meter that cannot.

use std::{
	fs::OpenOptions,
	io::{Read, Write},
	os::unix::fs::{MetadataExt, OpenOptionsExt},
	path::Path,
};

use anyhow::{bail, ensure, Context, Result};
use gridweave_primitives::device::{DeviceKey, DeviceSignature};
use pkcs8::{
	der::{Decode, Encode},
	AlgorithmIdentifierRef, LineEnding, ObjectIdentifier, PrivateKeyInfo, SecretDocument,
};
use sec1::EcPrivateKey;
use sp_core::{ecdsa, ed25519, sr25519, Pair};

/// Signs for one meter. A secure element is another implementation: nothing else here ever sees a private
/// key.
pub trait Signer: Send + Sync {
	/// The key the chain knows the meter by.
	fn public(&self) -> DeviceKey;
	/// Signs 32 bytes: ed25519 and sr25519 as their message, secp256k1 as the digest.
	fn sign(&self, digest: &[u8; 32]) -> Result<DeviceSignature>;
}

/// Kinds of keys, as the chain takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyKind {
	/// Ed25519 (RFC 8032), in a file of PKCS#8 PEM.
	Ed25519,
	/// Schnorr signatures over Ristretto; the file is the 32 bytes of the seed in hex.
	Sr25519,
	/// ECDSA over secp256k1, in a file of PKCS#8 PEM.
	Secp256k1,
}

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
const PEM_LABEL: &str = "PRIVATE KEY";
/// DER of an octet string of 32 bytes: how PKCS#8 wraps an Ed25519 key (RFC 8410).
const OCTETS_32: [u8; 2] = [0x04, 0x20];
/// Largest file that can be a key.
const MAX_FILE: u64 = 4 * 1_024;

/// A key that was in a file.
pub enum FileSigner {
	/// Ed25519.
	Ed25519(Box<ed25519::Pair>),
	/// Sr25519.
	Sr25519(Box<sr25519::Pair>),
	/// Secp256k1.
	Secp256k1(Box<ecdsa::Pair>),
}

impl Signer for FileSigner {
	fn public(&self) -> DeviceKey {
		match self {
			Self::Ed25519(pair) => DeviceKey::Ed25519(pair.public()),
			Self::Sr25519(pair) => DeviceKey::Sr25519(pair.public()),
			Self::Secp256k1(pair) => DeviceKey::Secp256k1(pair.public()),
		}
	}

	fn sign(&self, digest: &[u8; 32]) -> Result<DeviceSignature> {
		Ok(match self {
			Self::Ed25519(pair) => DeviceSignature::Ed25519(pair.sign(digest)),
			Self::Sr25519(pair) => DeviceSignature::Sr25519(pair.sign(digest)),
			Self::Secp256k1(pair) => DeviceSignature::Secp256k1(pair.sign_prehashed(digest)),
		})
	}
}

impl FileSigner {
	/// Reads a key from a file that nobody but its owner may read.
	pub fn read(path: &Path) -> Result<Self> {
		let read = || {
			let file = std::fs::File::open(path)?;
			let mode = file.metadata()?.mode() & 0o7777;
			ensure!(
				mode & 0o077 == 0,
				"others than its owner may use it (mode {mode:o}): chmod 600 it"
			);
			let mut text = String::new();
			file.take(MAX_FILE).read_to_string(&mut text)?;
			Self::parse(&text)
		};
		read().with_context(|| format!("{} is no key", path.display()))
	}

	/// Reads the text of a key file: PKCS#8 PEM, or the hex of an sr25519 seed.
	pub fn parse(text: &str) -> Result<Self> {
		let text = text.trim();
		if !text.starts_with("-----") {
			let mut seed = [0; 32];
			// What is wrong with it is not told: it may be a secret.
			hex::decode_to_slice(text.trim_start_matches("0x"), &mut seed)
				.map_err(|_| anyhow::anyhow!("neither PEM nor the 32 bytes of a seed in hex"))?;
			return Ok(Self::from_seed(KeyKind::Sr25519, &seed));
		}
		let (label, document) =
			SecretDocument::from_pem(text).map_err(|error| anyhow::anyhow!("not PEM: {error}"))?;
		ensure!(
			label == PEM_LABEL,
			"it is a {label}, not a {PEM_LABEL} of PKCS#8 without a password"
		);
		let info = PrivateKeyInfo::from_der(document.as_bytes())
			.map_err(|error| anyhow::anyhow!("not PKCS#8: {error}"))?;
		let curve = info.algorithm.parameters_oid().ok();
		let (kind, secret) = match (info.algorithm.oid, curve) {
			(ED25519, _) => {
				let secret = info.private_key.strip_prefix(&OCTETS_32);
				(
					KeyKind::Ed25519,
					secret.context("its key is no octet string")?,
				)
			}
			(EC_PUBLIC_KEY, Some(SECP256K1)) => {
				let key = EcPrivateKey::from_der(info.private_key)
					.map_err(|error| anyhow::anyhow!("no key of an elliptic curve: {error}"))?;
				(KeyKind::Secp256k1, key.private_key)
			}
			_ => bail!("its algorithm is neither Ed25519 nor ECDSA over secp256k1"),
		};
		let secret: &[u8; 32] = secret.try_into().context("its key has not 32 bytes")?;
		if kind == KeyKind::Secp256k1 {
			ecdsa::Pair::from_seed_slice(secret)
				.map_err(|_| anyhow::anyhow!("no secret key of secp256k1"))?;
		}
		Ok(Self::from_seed(kind, secret))
	}

	/// From 32 secret bytes.
	fn from_seed(kind: KeyKind, seed: &[u8; 32]) -> Self {
		match kind {
			KeyKind::Ed25519 => Self::Ed25519(Box::new(ed25519::Pair::from_seed(seed))),
			KeyKind::Sr25519 => Self::Sr25519(Box::new(sr25519::Pair::from_seed(seed))),
			KeyKind::Secp256k1 => Self::Secp256k1(Box::new(ecdsa::Pair::from_seed(seed))),
		}
	}
}

/// Makes a key from the system's randomness and writes it to a new file that only its owner may read.
pub fn generate(kind: KeyKind, path: &Path) -> Result<FileSigner> {
	let seed: [u8; 32] = match kind {
		KeyKind::Ed25519 => ed25519::Pair::generate().1,
		KeyKind::Sr25519 => sr25519::Pair::generate().1,
		KeyKind::Secp256k1 => ecdsa::Pair::generate().1,
	};
	let text = text_of(kind, &seed)?;
	let mut file = OpenOptions::new()
		.write(true)
		.create_new(true)
		.mode(0o600)
		.open(path)
		.with_context(|| format!("{} cannot be made", path.display()))?;
	file.write_all(text.as_bytes())?;
	file.sync_all()?;
	Ok(FileSigner::from_seed(kind, &seed))
}

/// The text of a key file.
fn text_of(kind: KeyKind, seed: &[u8; 32]) -> Result<String> {
	let wrong = |error| anyhow::anyhow!("the key cannot be encoded: {error}");
	let (algorithm, secret) = match kind {
		KeyKind::Sr25519 => return Ok(format!("{}\n", hex::encode(seed))),
		KeyKind::Ed25519 => {
			let algorithm = AlgorithmIdentifierRef {
				oid: ED25519,
				parameters: None,
			};
			(algorithm, [&OCTETS_32[..], seed].concat())
		}
		KeyKind::Secp256k1 => {
			let key = EcPrivateKey {
				private_key: seed,
				parameters: None,
				public_key: None,
			};
			let algorithm = AlgorithmIdentifierRef {
				oid: EC_PUBLIC_KEY,
				parameters: Some((&SECP256K1).into()),
			};
			(algorithm, key.to_der().map_err(wrong)?)
		}
	};
	let info = PrivateKeyInfo::new(algorithm, &secret);
	let document = SecretDocument::encode_msg(&info).map_err(wrong)?;
	let pem = document.to_pem(PEM_LABEL, LineEnding::LF).map_err(wrong)?;
	Ok(pem.to_string())
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;
	use std::os::unix::fs::PermissionsExt;

	const KINDS: [KeyKind; 3] = [KeyKind::Ed25519, KeyKind::Sr25519, KeyKind::Secp256k1];

	#[test]
	fn a_new_key_should_be_private_and_come_back() {
		let folder = tempfile::TempDir::new().unwrap();
		for kind in KINDS {
			let path = folder.path().join(format!("{kind:?}"));
			let made = generate(kind, &path).unwrap();
			let read = FileSigner::read(&path).unwrap();
			assert_eq!(made.public(), read.public());
			assert!(read
				.public()
				.verify(&[7; 32], &read.sign(&[7; 32]).unwrap()));
			assert!(generate(kind, &path).is_err(), "it never overwrites a key");
			for mode in [0o640, 0o604, 0o620] {
				std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
				let refused = FileSigner::read(&path)
					.err()
					.map(|error| format!("{error:#}"));
				assert!(refused.unwrap().contains("chmod 600"), "{mode:o}");
			}
		}
	}

	#[test]
	fn keys_of_openssl_should_be_read_and_ours_by_openssl() {
		let openssl = |arguments: &[&str], input: &str| {
			let mut child = std::process::Command::new("openssl")
				.args(arguments)
				.stdin(std::process::Stdio::piped())
				.stdout(std::process::Stdio::piped())
				.spawn()
				.unwrap();
			child
				.stdin
				.take()
				.unwrap()
				.write_all(input.as_bytes())
				.unwrap();
			let output = child.wait_with_output().unwrap();
			assert!(output.status.success(), "{arguments:?}");
			output.stdout
		};
		let ed25519 = &["genpkey", "-algorithm", "ed25519"][..];
		let secp256k1 = &[
			"genpkey",
			"-algorithm",
			"EC",
			"-pkeyopt",
			"ec_paramgen_curve:secp256k1",
		][..];
		for (kind, arguments) in [(KeyKind::Ed25519, ed25519), (KeyKind::Secp256k1, secp256k1)] {
			let theirs = String::from_utf8(openssl(arguments, "")).unwrap();
			let public = match FileSigner::parse(&theirs).unwrap().public() {
				DeviceKey::Ed25519(key) => key.0.to_vec(),
				DeviceKey::Secp256k1(key) => key.0.to_vec(),
				DeviceKey::Sr25519(_) => panic!("openssl knows no sr25519"),
			};
			let compressed = match kind {
				KeyKind::Secp256k1 => &[
					"pkey",
					"-pubout",
					"-outform",
					"DER",
					"-ec_conv_form",
					"compressed",
				][..],
				_ => &["pkey", "-pubout", "-outform", "DER"],
			};
			assert!(openssl(compressed, &theirs).ends_with(&public));
			let ours = text_of(kind, &[7; 32]).unwrap();
			let public = match FileSigner::parse(&ours).unwrap().public() {
				DeviceKey::Ed25519(key) => key.0.to_vec(),
				DeviceKey::Secp256k1(key) => key.0.to_vec(),
				DeviceKey::Sr25519(_) => panic!("PEM holds no sr25519"),
			};
			assert!(openssl(compressed, &ours).ends_with(&public));
		}
		let other = [
			"genpkey",
			"-algorithm",
			"EC",
			"-pkeyopt",
			"ec_paramgen_curve:P-256",
		];
		let other = String::from_utf8(openssl(&other, "")).unwrap();
		assert!(FileSigner::parse(&other).is_err());
	}

	#[test]
	fn what_is_no_key_should_be_refused_without_telling_it() {
		let zero = text_of(KeyKind::Secp256k1, &[0; 32]).unwrap();
		let secret = "5ec4e7".repeat(11);
		for text in ["", "-----BEGIN PRIVATE KEY-----", &zero, &secret] {
			let error = FileSigner::parse(text).err().expect("refused");
			assert!(!format!("{error:#}").contains(&secret));
		}
	}

	proptest! {
		#[test]
		fn any_text_should_be_survived(text in ".{0,200}", der in prop::collection::vec(any::<u8>(), 0..100)) {
			let _ = FileSigner::parse(&text);
			let pem = SecretDocument::try_from(der).ok()
				.and_then(|document| document.to_pem(PEM_LABEL, LineEnding::LF).ok());
			if let Some(pem) = pem {
				let _ = FileSigner::parse(&pem);
			}
		}
	}
}
