//! A simulated meter: a key of its own, registers, and the readings it signs.

use codec::Compact;
use gridweave_gateway::edge::key::KeyKind;
use gridweave_primitives::{
	device::{registration_digest, DeviceKey, DeviceSignature, Serial},
	reading::{Phase, Quality, Reading, SignedReading},
	MeterId, MicrogridId, WattHours,
};
use sp_core::{ecdsa, ed25519, sr25519, Blake2Hasher, Hasher, Pair, H256};

use super::{grid::ROW_SECONDS, replay::Registers};

/// Registers have nine digits of kWh and three of Wh, and begin anew after that.
pub const REGISTER_MODULUS: u64 = 1_000_000_000_000;

/// Nominal voltage, in mV.
const NOMINAL_MV: u32 = 230_000;
/// Nominal frequency, in mHz.
const NOMINAL_MHZ: u32 = 50_000;
/// Power factor of the simulated connections, in thousandths.
const POWER_FACTOR: i16 = 980;
/// Connections rated above this, in W, have three phases.
const SINGLE_PHASE_W: u64 = 4_600;

/// A device's key pair: the three kinds that meters and their secure elements offer.
enum KeyPair {
	Ed25519(Box<ed25519::Pair>),
	Sr25519(Box<sr25519::Pair>),
	Secp256k1(Box<ecdsa::Pair>),
}

/// What a device is like.
#[derive(Clone, Copy, Debug)]
pub struct Model {
	/// The kind of its key.
	pub key: KeyKind,
	/// Most power of its connection, in W, both directions together.
	pub rated_w: u64,
	/// Its registers count modulo this many Wh.
	pub modulus: u64,
	/// Whether it measures power quality.
	pub measures_quality: bool,
}

impl Model {
	/// A meter that can do everything. The kinds of keys take turns.
	pub fn full(index: usize, rated_w: u64) -> Self {
		Self {
			key: key_in_turn(index),
			rated_w,
			modulus: REGISTER_MODULUS,
			measures_quality: true,
		}
	}
}

/// The kind of key that device number `index` has where they take turns.
pub fn key_in_turn(index: usize) -> KeyKind {
	match index % 3 {
		0 => KeyKind::Ed25519,
		1 => KeyKind::Sr25519,
		_ => KeyKind::Secp256k1,
	}
}

/// A meter.
pub struct Device {
	pair: KeyPair,
	serial: Serial,
	phases: usize,
	modulus: u64,
	measures_quality: bool,
	meter: MeterId,
	sequence: u64,
	acknowledged: Option<u32>,
}

impl Device {
	/// Meter number `index` of a run: its key follows from the run's seed.
	pub fn new(run_seed: &[u8; 32], index: usize, model: Model) -> Self {
		let label = [
			run_seed.as_slice(),
			b"device",
			&(index as u64).to_le_bytes(),
		]
		.concat();
		let seed = Blake2Hasher::hash(&label).0;
		let pair = match model.key {
			KeyKind::Ed25519 => KeyPair::Ed25519(Box::new(ed25519::Pair::from_seed(&seed))),
			KeyKind::Sr25519 => KeyPair::Sr25519(Box::new(sr25519::Pair::from_seed(&seed))),
			KeyKind::Secp256k1 => KeyPair::Secp256k1(Box::new(ecdsa::Pair::from_seed(&seed))),
		};
		let label = format!("GW-{}-{index:04}", hex::encode(&run_seed[..4]));
		let serial = Serial::truncate_from(label.into_bytes());
		let phases = if model.rated_w > SINGLE_PHASE_W { 3 } else { 1 };
		Self {
			pair,
			serial,
			phases,
			modulus: model.modulus,
			measures_quality: model.measures_quality,
			meter: MeterId(0),
			sequence: 0,
			acknowledged: None,
		}
	}

	/// The key the chain knows it by.
	pub fn key(&self) -> DeviceKey {
		match &self.pair {
			KeyPair::Ed25519(pair) => DeviceKey::Ed25519(pair.public()),
			KeyPair::Sr25519(pair) => DeviceKey::Sr25519(pair.public()),
			KeyPair::Secp256k1(pair) => DeviceKey::Secp256k1(pair.public()),
		}
	}

	/// What is printed on it.
	pub fn serial(&self) -> &Serial {
		&self.serial
	}

	/// Tells the device its id on chain.
	pub fn set_meter(&mut self, meter: MeterId) {
		self.meter = meter;
	}

	/// Its id on chain.
	pub fn meter(&self) -> MeterId {
		self.meter
	}

	/// Sequence of its last reading; 0 if there is none.
	pub fn sequence(&self) -> u64 {
		self.sequence
	}

	/// Lets the next reading's sequence be the one after `last`.
	pub fn set_sequence(&mut self, last: u64) {
		self.sequence = last;
	}

	/// Lets readings say from now on that the command of this nonce is carried out.
	pub fn acknowledge(&mut self, nonce: Option<u32>) {
		self.acknowledged = nonce;
	}

	/// Proof that it holds its key, for `owner`'s registration in `microgrid`.
	pub fn prove_possession(
		&self,
		genesis_hash: &H256,
		owner: &[u8; 32],
		microgrid: MicrogridId,
	) -> DeviceSignature {
		self.sign(&registration_digest(
			genesis_hash,
			owner,
			microgrid,
			&self.serial,
		))
	}

	/// Signs what the meter shows at `captured_at` (Unix seconds). A period of `period_seconds` replays a
	/// quarter of an hour: power is as much larger as time is shorter.
	pub fn read(
		&mut self,
		genesis_hash: &H256,
		captured_at: u64,
		shown: &Registers,
		period_seconds: u32,
	) -> SignedReading {
		self.sequence += 1;
		let power_w = shown.power_w * i64::from(ROW_SECONDS) / i64::from(period_seconds.max(1));
		let reading = Reading {
			meter: self.meter,
			sequence: self.sequence,
			captured_at,
			import_register: WattHours(shown.import_wh % self.modulus),
			export_register: WattHours(shown.export_wh % self.modulus),
			state_of_charge: shown.charge_wh.map(Compact),
			quality: (self.measures_quality).then(|| self.quality(captured_at, power_w)),
			acknowledged: self.acknowledged.map(Compact),
			status: 0,
		};
		let signature = self.sign(&reading.digest(genesis_hash));
		SignedReading { reading, signature }
	}

	/// Voltage and frequency as a healthy grid shows them, and the current that goes with the power.
	fn quality(&self, captured_at: u64, power_w: i64) -> Quality {
		let wobble = |salt: u64, range: u32| {
			let mixed = (captured_at ^ (u64::from(self.meter.0) << 32) ^ salt)
				.wrapping_mul(0x9e37_79b9_7f4a_7c15);
			(mixed >> 33) as u32 % range
		};
		let phases = (0..self.phases).map(|phase| {
			let voltage_mv = NOMINAL_MV - 2_000 + wobble(phase as u64, 4_000);
			// I = P / (phases × U × cos φ), in mA from W, mV and thousandths.
			let apparent = u128::from(power_w.unsigned_abs()) * 1_000_000_000;
			let divisor = self.phases as u128 * u128::from(voltage_mv) * POWER_FACTOR as u128;
			let current_ma = u32::try_from(apparent / divisor).unwrap_or(u32::MAX);
			let power_factor = if power_w < 0 {
				-POWER_FACTOR
			} else {
				POWER_FACTOR
			};
			Phase {
				voltage_mv,
				current_ma,
				power_factor,
			}
		});
		Quality {
			// The frequency is one for the whole grid.
			frequency_mhz: NOMINAL_MHZ - 20
				+ (captured_at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32 % 40,
			phases: phases.collect::<Vec<_>>().try_into().unwrap_or_default(),
		}
	}

	fn sign(&self, digest: &[u8; 32]) -> DeviceSignature {
		match &self.pair {
			KeyPair::Ed25519(pair) => DeviceSignature::Ed25519(pair.sign(digest)),
			KeyPair::Sr25519(pair) => DeviceSignature::Sr25519(pair.sign(digest)),
			KeyPair::Secp256k1(pair) => DeviceSignature::Secp256k1(pair.sign_prehashed(digest)),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const SEED: [u8; 32] = [7; 32];

	fn shown(power_w: i64) -> Registers {
		Registers {
			import_wh: 12,
			export_wh: 3,
			charge_wh: Some(5),
			power_w,
		}
	}

	#[test]
	fn every_kind_of_device_should_sign_what_its_key_verifies() {
		let genesis = H256::repeat_byte(9);
		for index in 0..3 {
			let mut device = Device::new(&SEED, index, Model::full(index, 10_000));
			device.set_meter(MeterId(40 + index as u32));
			let signed = device.read(&genesis, 1_700_000_004, &shown(1_000), 12);
			assert!(signed.is_signed_by(&device.key(), &genesis));
			assert!(!signed.is_signed_by(&device.key(), &H256::zero()));
			let owner = [3; 32];
			let proof = device.prove_possession(&genesis, &owner, MicrogridId(0));
			let digest = registration_digest(&genesis, &owner, MicrogridId(0), device.serial());
			assert!(device.key().verify(&digest, &proof));
		}
	}

	#[test]
	fn keys_should_follow_from_seed_and_place() {
		let key = |seed: &[u8; 32], index| Device::new(seed, index, Model::full(index, 1)).key();
		assert_eq!(key(&SEED, 4), key(&SEED, 4));
		assert_ne!(key(&SEED, 4), key(&SEED, 7));
		assert_ne!(key(&SEED, 4), key(&[8; 32], 4));
	}

	#[test]
	fn what_is_carried_out_should_be_said_in_every_reading_from_then_on() {
		let mut device = Device::new(&SEED, 0, Model::full(0, 1));
		let said = |device: &mut Device| {
			let signed = device.read(&H256::zero(), 1, &shown(0), 12);
			assert!(signed.is_signed_by(&device.key(), &H256::zero()));
			signed.reading.acknowledged.map(|nonce| nonce.0)
		};
		assert_eq!(said(&mut device), None);
		device.acknowledge(Some(9));
		assert_eq!([said(&mut device), said(&mut device)], [Some(9); 2]);
	}

	#[test]
	fn sequences_should_count_from_one() {
		let mut device = Device::new(&SEED, 0, Model::full(0, 1));
		for expected in 1..4 {
			let signed = device.read(&H256::zero(), expected, &shown(0), 12);
			assert_eq!(signed.reading.sequence, expected);
		}
	}

	#[test]
	fn a_plain_meter_should_roll_over_and_measure_energy_alone() {
		let plain = Model {
			modulus: 10,
			measures_quality: false,
			..Model::full(0, 1)
		};
		let mut device = Device::new(&SEED, 0, plain);
		device.set_sequence(41);
		let reading = device.read(&H256::zero(), 1, &shown(0), 12).reading;
		assert_eq!(reading.sequence, 42);
		assert_eq!(
			(reading.import_register, reading.export_register),
			(WattHours(2), WattHours(3))
		);
		assert_eq!(reading.quality, None);
	}

	#[test]
	fn power_quality_should_agree_with_the_power() {
		let mut device = Device::new(&SEED, 1, Model::full(1, 10_000));
		for power_w in [-9_000, 0, 9_000] {
			let signed = device.read(&H256::zero(), 1_700_000_000, &shown(power_w), 450);
			let quality = signed
				.reading
				.quality
				.expect("a simulated meter measures it");
			assert!(quality.frequency_mhz.abs_diff(NOMINAL_MHZ) <= 20);
			assert_eq!(quality.phases.len(), 3);
			let power: f64 = (quality.phases.iter())
				.map(|phase| {
					assert!(phase.voltage_mv.abs_diff(NOMINAL_MV) <= 2_000);
					let volts = f64::from(phase.voltage_mv) / 1e3;
					volts * f64::from(phase.current_ma) / 1e3 * f64::from(phase.power_factor) / 1e3
				})
				.sum();
			assert!(
				(power - 2.0 * power_w as f64).abs() < 2.0,
				"{power} for {power_w}"
			);
		}
	}
}
