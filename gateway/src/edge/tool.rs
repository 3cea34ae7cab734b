//! `gridweave-gateway key`: makes device keys, and shows what the chain has to be told of them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use codec::Encode;
use gridweave_primitives::{
	device::{registration_digest, DeviceKey, Serial},
	MicrogridId,
};
use serde_json::{json, Value};
use sp_core::{
	crypto::{AccountId32, Ss58Codec},
	H256,
};

use super::key::{generate, FileSigner, KeyKind, Signer};

/// Options of `gridweave-gateway key`.
#[derive(Clone, Debug, clap::Args)]
pub struct KeyArgs {
	#[command(subcommand)]
	command: KeyCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum KeyCommand {
	/// Make a new key in a file that only its owner may read, and show it.
	Generate {
		/// Kind of key.
		#[arg(long, value_enum, default_value = "ed25519")]
		kind: KeyKind,
		/// The file; it must not exist.
		#[arg(long, value_name = "FILE")]
		key: PathBuf,
		#[command(flatten)]
		registration: Registration,
	},
	/// Show the public key of a file and, for a registration, the proof that its device holds it.
	Show {
		/// The file.
		#[arg(long, value_name = "FILE")]
		key: PathBuf,
		#[command(flatten)]
		registration: Registration,
	},
}

/// For which registration a proof is wanted: all of them or none.
#[derive(Clone, Debug, clap::Args)]
struct Registration {
	/// Hash of the chain's first block.
	#[arg(long, value_name = "HASH", value_parser = parse_hash,
		requires_all = ["owner", "microgrid", "serial"])]
	genesis: Option<H256>,
	/// Account of the meter's owner.
	#[arg(long, value_name = "ADDRESS", value_parser = parse_owner, requires = "genesis")]
	owner: Option<AccountId32>,
	/// The microgrid it is to join.
	#[arg(long, value_name = "ID", requires = "genesis")]
	microgrid: Option<u32>,
	/// What is printed on the meter: at most 32 bytes.
	#[arg(long, value_name = "TEXT", value_parser = parse_serial, requires = "genesis")]
	serial: Option<Serial>,
}

fn parse_owner(text: &str) -> Result<AccountId32, String> {
	AccountId32::from_ss58check(text).map_err(|error| format!("no SS58 address: {error}"))
}

fn parse_serial(text: &str) -> Result<Serial, String> {
	Serial::try_from(text.as_bytes().to_vec()).map_err(|_| "longer than 32 bytes".into())
}

/// Reads 32 bytes in hex.
pub fn parse_hash(text: &str) -> Result<H256, String> {
	let mut bytes = [0; 32];
	hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes)
		.map_err(|error| format!("not 32 bytes in hex: {error}"))?;
	Ok(H256(bytes))
}

/// Runs the command and prints one JSON object.
pub fn run(args: KeyArgs) -> Result<()> {
	let (signer, registration) = match args.command {
		KeyCommand::Generate {
			kind,
			key,
			registration,
		} => (generate(kind, &key)?, registration),
		KeyCommand::Show { key, registration } => (FileSigner::read(&key)?, registration),
	};
	println!("{:#}", describe(&signer, &registration)?);
	Ok(())
}

/// The public key as the chain and the gateway's file of keys write it, and the proof.
fn describe(signer: &dyn Signer, registration: &Registration) -> Result<Value> {
	let key = signer.public();
	let (kind, public) = match &key {
		DeviceKey::Ed25519(key) => ("ed25519", key.0.to_vec()),
		DeviceKey::Sr25519(key) => ("sr25519", key.0.to_vec()),
		DeviceKey::Secp256k1(key) => ("secp256k1", key.0.to_vec()),
	};
	let mut shown = json!({
		"kind": kind,
		"public": format!("0x{}", hex::encode(public)),
		"scale": format!("0x{}", hex::encode(key.encode())),
	});
	let Registration {
		genesis: Some(genesis),
		owner: Some(owner),
		microgrid: Some(microgrid),
		serial: Some(serial),
	} = registration
	else {
		return Ok(shown);
	};
	let digest = registration_digest(genesis, owner, MicrogridId(*microgrid), serial);
	let proof = signer.sign(&digest).context("the key does not sign")?;
	shown["proof"] = json!(format!("0x{}", hex::encode(proof.encode())));
	Ok(shown)
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Decode;
	use gridweave_primitives::device::DeviceSignature;

	const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

	#[test]
	fn the_proof_should_hold_for_this_registration() {
		let folder = tempfile::TempDir::new().unwrap();
		let registration = Registration {
			genesis: Some(parse_hash(&"01".repeat(32)).unwrap()),
			owner: Some(parse_owner(ALICE).unwrap()),
			microgrid: Some(7),
			serial: Some(parse_serial("GW-1").unwrap()),
		};
		for kind in [KeyKind::Ed25519, KeyKind::Sr25519, KeyKind::Secp256k1] {
			let signer = generate(kind, &folder.path().join(format!("{kind:?}"))).unwrap();
			let shown = describe(&signer, &registration).unwrap();
			let bytes = |name: &str| hex::decode(&shown[name].as_str().unwrap()[2..]).unwrap();
			let key = DeviceKey::decode(&mut &bytes("scale")[..]).unwrap();
			let proof = DeviceSignature::decode(&mut &bytes("proof")[..]).unwrap();
			let owner = parse_owner(ALICE).unwrap();
			let serial = parse_serial("GW-1").unwrap();
			let digest = registration_digest(&H256([1; 32]), &owner, MicrogridId(7), &serial);
			assert!(key.verify(&digest, &proof));
			assert_eq!(bytes("public"), bytes("scale")[1..]);
		}
	}
}
