//! A metering device, and its registration.

use std::str::FromStr;

use anyhow::{anyhow, Context, Result};
use gridweave_primitives::{
	device::{registration_digest, DeviceSignature, Serial},
	reading::{Reading, SignedReading},
	MeterId, MicrogridId, WattHours,
};
use sp_core::{ed25519, Pair, H256};
use subxt::{
	dynamic::{At as _, Value},
	ext::scale_value::ValueDef,
};
use subxt_signer::{sr25519::Keypair, SecretUri};

use crate::chain::{call, number_of, Block, Call, Chain, Kind};

/// The account of a well-known name.
pub fn account(name: &str) -> Result<Keypair> {
	Ok(Keypair::from_uri(&SecretUri::from_str(&format!(
		"//{name}"
	))?)?)
}

/// A device with an ed25519 key.
pub struct Device {
	pair: ed25519::Pair,
	serial: Vec<u8>,
	genesis: H256,
	/// Its id on chain, once it is registered.
	pub meter: u32,
	sequence: u64,
	import: u64,
	export: u64,
}

impl Device {
	/// A device of this name for the chain of this first block; name and key follow from one another.
	pub fn new(name: &str, genesis: impl AsRef<[u8]>) -> Result<Self> {
		Ok(Self {
			pair: ed25519::Pair::from_string(&format!("//{name}"), None)?,
			serial: name.as_bytes().to_vec(),
			genesis: H256::from_slice(genesis.as_ref()),
			meter: u32::MAX,
			sequence: 0,
			import: 0,
			export: 0,
		})
	}

	/// Signs 32 bytes.
	pub fn sign(&self, digest: &[u8; 32]) -> DeviceSignature {
		DeviceSignature::Ed25519(self.pair.sign(digest))
	}

	/// Adds to the registers and reads them at `captured_at`.
	pub fn read(&mut self, captured_at: u64, import: u64, export: u64) -> SignedReading {
		self.sequence += 1;
		self.import += import;
		self.export += export;
		self.signed(Reading {
			meter: MeterId(self.meter),
			sequence: self.sequence,
			captured_at,
			import_register: WattHours(self.import),
			export_register: WattHours(self.export),
			state_of_charge: None,
			quality: None,
			acknowledged: None,
			status: 0,
		})
	}

	/// Any reading, signed by this device.
	pub fn signed(&self, reading: Reading) -> SignedReading {
		let signature = self.sign(&reading.digest(&self.genesis));
		SignedReading { reading, signature }
	}
}

impl Device {
	/// The call that registers it, as an unlimited prosumer's meter, in the name of `owner`.
	pub fn registration(&self, owner: &Keypair, microgrid: u32) -> Result<Call> {
		let serial = Serial::try_from(self.serial.clone()).map_err(|_| anyhow!("a long serial"))?;
		let owner = owner.public_key().0;
		let digest = registration_digest(&self.genesis, &owner, MicrogridId(microgrid), &serial);
		let proof = self.pair.sign(&digest);
		let variant = |bytes: &[u8]| Value::unnamed_variant("Ed25519", [Value::from_bytes(bytes)]);
		Ok(call(
			"MeterRegistry",
			"register_meter",
			vec![
				("microgrid", Value::from(microgrid)),
				("kind", Value::unnamed_variant("Prosumer", [])),
				("key", variant(&self.pair.public().0)),
				("serial", Value::from_bytes(&self.serial)),
				("modulus", Value::from(u64::MAX)),
				("proof", variant(&proof.0)),
			],
		))
	}

	/// Registers it in the name of `owner`, and lets the operator of the microgrid admit it.
	pub async fn join(
		&mut self,
		chain: &Chain,
		owner: &Keypair,
		operator: &Keypair,
		microgrid: u32,
	) -> Result<()> {
		join_all(
			chain,
			std::slice::from_mut(self),
			owner,
			operator,
			microgrid,
		)
		.await
	}
}

/// Registers devices in the name of `owner`, and lets the operator of the microgrid admit them.
pub async fn join_all(
	chain: &Chain,
	devices: &mut [Device],
	owner: &Keypair,
	operator: &Keypair,
	microgrid: u32,
) -> Result<()> {
	let registrations = devices
		.iter()
		.map(|device| device.registration(owner, microgrid))
		.collect::<Result<Vec<_>>>()?;
	let registered = chain.run_all(owner, &registrations).await?;
	for (device, events) in devices.iter_mut().zip(registered) {
		let registered = events
			.iter()
			.find(|event| event.is("MeterRegistry", "MeterRegistered"));
		device.meter = registered
			.context("no registration")?
			.number("meter")?
			.try_into()?;
	}
	let admissions: Vec<_> = devices
		.iter()
		.map(|device| admission(device.meter))
		.collect();
	chain.run_all(operator, &admissions).await?;
	Ok(())
}

/// The readings that a block's batches bring: meter and sequence of each.
pub fn brought(block: &Block) -> Result<Vec<(u32, u64)>> {
	let mut found = Vec::new();
	for transaction in &block.transactions {
		if transaction.kind == Kind::General {
			collect(&transaction.arguments, &mut found)?;
		}
	}
	Ok(found)
}

/// Finds readings wherever they are in a call's arguments.
fn collect(value: &Value<()>, found: &mut Vec<(u32, u64)>) -> Result<()> {
	if let (Some(meter), Some(sequence)) = (value.at("meter"), value.at("sequence")) {
		found.push((
			number_of(meter)?.try_into()?,
			number_of(sequence)?.try_into()?,
		));
	} else if let ValueDef::Composite(fields) = &value.value {
		for field in fields.values() {
			collect(field, found)?;
		}
	}
	Ok(())
}

/// The call by which an operator admits a meter, at 20 MW: registers may move fast in tests.
pub fn admission(meter: u32) -> Call {
	let power = || Value::from(20_000_000u32);
	let ratings = Value::named_composite([("max_import", power()), ("max_export", power())]);
	call(
		"MeterRegistry",
		"admit_meter",
		vec![("meter", Value::from(meter)), ("ratings", ratings)],
	)
}
