//! What tests share: devices, and stores in folders of their own.

use std::{
	io,
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	},
	time::Duration,
};

use gridweave_primitives::{
	device::{DeviceKey, DeviceSignature},
	reading::{Phase, Quality, Reading, SignedReading},
	MeterId, WattHours,
};
use redb::{backends::InMemoryBackend, Builder, StorageBackend};
use sp_core::{ed25519, sr25519, Pair, H256};
use tempfile::TempDir;

use super::{
	keys::Key,
	metrics::Metrics,
	store::{Limits, Store},
};

pub const GENESIS: H256 = H256([3; 32]);

pub const LIMITS: Limits = Limits {
	max_readings: 100_000,
	max_per_meter: 10_000,
	max_age: None,
};

/// A reading without options.
pub fn reading(meter: u32, sequence: u64) -> Reading {
	Reading {
		meter: MeterId(meter),
		sequence,
		captured_at: 1_700_000_000 + sequence % 1_000_000,
		import_register: WattHours(sequence.saturating_mul(10)),
		export_register: WattHours(0),
		state_of_charge: None,
		quality: None,
		acknowledged: None,
		status: 0,
	}
}

/// The longest reading there is.
pub fn longest(meter: u32, sequence: u64) -> Reading {
	let phase = Phase {
		voltage_mv: u32::MAX,
		current_ma: u32::MAX,
		power_factor: i16::MAX,
	};
	Reading {
		meter: MeterId(meter),
		sequence,
		captured_at: u64::MAX,
		import_register: WattHours(u64::MAX),
		export_register: WattHours(u64::MAX),
		state_of_charge: Some(codec::Compact(u64::MAX)),
		quality: Some(Quality {
			frequency_mhz: u32::MAX,
			phases: vec![phase; 3].try_into().unwrap(),
		}),
		acknowledged: Some(codec::Compact(u32::MAX)),
		status: u16::MAX,
	}
}

fn pair(meter: u32) -> ed25519::Pair {
	let mut seed = [0; 32];
	seed[..4].copy_from_slice(&meter.to_le_bytes());
	ed25519::Pair::from_seed(&seed)
}

/// The key of a meter's device.
pub fn key(meter: u32) -> DeviceKey {
	DeviceKey::Ed25519(pair(meter).public())
}

/// The key of a meter's device, as the state of this block has it.
pub fn key_at(meter: u32, block: u64) -> Key {
	Key {
		device: key(meter),
		block,
	}
}

/// Checked with the same key, whoever signed them: stores look at no signature.
pub fn checked(readings: impl IntoIterator<Item = SignedReading>) -> Vec<(SignedReading, Key)> {
	let checked = |signed| (signed, key_at(0, 1));
	readings.into_iter().map(checked).collect()
}

/// Signed by the meter's device, for the chain of [`GENESIS`].
pub fn sign(reading: Reading) -> SignedReading {
	sign_by(reading.meter.0, reading)
}

/// Signed by the device of meter `signer`.
pub fn sign_by(signer: u32, reading: Reading) -> SignedReading {
	let signature = DeviceSignature::Ed25519(pair(signer).sign(&reading.digest(&GENESIS)));
	SignedReading { reading, signature }
}

/// Signed by an sr25519 key: differently every time.
pub fn sign_sr25519(reading: Reading) -> SignedReading {
	let pair = sr25519::Pair::from_seed(&[1; 32]);
	let signature = DeviceSignature::Sr25519(pair.sign(&reading.digest(&GENESIS)));
	SignedReading { reading, signature }
}

/// A file of the keys of meters 0 to `meters`, for gateways without a node.
pub fn key_file(folder: &TempDir, meters: u32) -> std::path::PathBuf {
	let keys: serde_json::Map<String, serde_json::Value> = (0..meters)
		.map(|meter| {
			let key = hex::encode(pair(meter).public());
			(meter.to_string(), serde_json::json!({ "ed25519": key }))
		})
		.collect();
	let file = serde_json::json!({ "genesis": hex::encode(GENESIS), "meters": keys });
	let path = folder.path().join("keys.json");
	std::fs::write(&path, file.to_string()).unwrap();
	path
}

/// A store in a folder of its own.
pub struct Fixture {
	pub folder: TempDir,
	pub store: Store,
	pub metrics: Arc<Metrics>,
}

impl Fixture {
	pub fn new(limits: Limits) -> Self {
		Self::open(TempDir::new().unwrap(), limits)
	}

	fn open(folder: TempDir, limits: Limits) -> Self {
		let metrics = Arc::new(Metrics::new().unwrap());
		let store = Store::open(folder.path(), limits, metrics.clone()).unwrap();
		Self {
			folder,
			store,
			metrics,
		}
	}

	/// Closed and opened again.
	pub async fn reopen(self, limits: Limits) -> Self {
		let Self { folder, store, .. } = self;
		store.close().await;
		drop(store);
		Self::open(folder, limits)
	}
}

/// Soon enough for a loaded machine.
pub const SOON: Duration = Duration::from_secs(20);

/// A disk that can be broken.
#[derive(Debug, Default)]
pub struct Disk {
	memory: InMemoryBackend,
	broken: Arc<AtomicBool>,
}

impl Disk {
	fn check(&self) -> io::Result<()> {
		match self.broken.load(Ordering::SeqCst) {
			true => Err(io::Error::other("broken on purpose")),
			false => Ok(()),
		}
	}
}

impl StorageBackend for Disk {
	fn len(&self) -> io::Result<u64> {
		self.memory.len()
	}

	fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
		self.memory.read(offset, out)
	}

	fn set_len(&self, len: u64) -> io::Result<()> {
		self.check()?;
		self.memory.set_len(len)
	}

	fn sync_data(&self) -> io::Result<()> {
		self.check()?;
		self.memory.sync_data()
	}

	fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
		self.check()?;
		self.memory.write(offset, data)
	}
}

/// A store on a disk that fails from when the switch is set.
pub fn breakable(metrics: Arc<Metrics>) -> (Store, Arc<AtomicBool>) {
	let disk = Disk::default();
	let broken = disk.broken.clone();
	let db = Builder::new().create_with_backend(disk).unwrap();
	(Store::start(db, LIMITS, metrics).unwrap(), broken)
}
