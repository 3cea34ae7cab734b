//! Meters with devices, their readings and orders.

use codec::Compact;
use frame_support::assert_ok;
use gridweave_primitives::{
	device::{registration_digest, DeviceKey, DeviceSignature, Serial},
	ingest::{IngestSignature, ReadingBatch},
	market::Side,
	meter::{MeterKind, Ratings},
	reading::{Reading, SignedReading},
	MeterId, MicrogridId, Period, Price, WattHours, Watts,
};
use gridweave_runtime::{MeterRegistry, RuntimeCall, System};
use pallet_order_book::{NewOrder, TimeInForce};
use sp_core::{ed25519, Pair, H256};

use super::{account, pair, Chain};

/// The community these tests take place in.
pub const MICROGRID: MicrogridId = MicrogridId(0);

/// A meter and its device.
#[derive(Clone)]
pub struct Device {
	pair: ed25519::Pair,
	/// Its id.
	pub meter: MeterId,
	sequence: u64,
	/// What its import register shows.
	pub import: u64,
	/// What its export register shows.
	pub export: u64,
	/// Nonce of the last command it carried out.
	pub acknowledged: Option<u32>,
}

/// What devices sign for.
pub fn genesis_hash(chain: &mut Chain) -> H256 {
	chain.read(|| System::block_hash(0))
}

/// Registers a meter of `who` and lets the operator admit it.
pub fn enrol(chain: &mut Chain, who: &str, seed: u8) -> Device {
	enrol_in(chain, (MICROGRID, "Operator"), who, seed)
}

/// Registers a meter of `who` in a microgrid, whose operator admits it.
pub fn enrol_in(
	chain: &mut Chain,
	(microgrid, operator): (MicrogridId, &str),
	who: &str,
	seed: u8,
) -> Device {
	let pair = ed25519::Pair::from_seed(&[seed; 32]);
	let serial = Serial::try_from(vec![seed; 8]).expect("short");
	let digest = registration_digest(&genesis_hash(chain), &account(who), microgrid, &serial);
	let key = DeviceKey::Ed25519(pair.public());
	assert_ok!(chain.submit(
		who,
		RuntimeCall::MeterRegistry(pallet_meter_registry::Call::register_meter {
			microgrid,
			kind: MeterKind::Prosumer,
			key,
			serial,
			modulus: WattHours(1 << 40),
			proof: DeviceSignature::Ed25519(pair.sign(&digest)),
		}),
	));
	let meter = chain
		.read(|| MeterRegistry::api_meter_by_key(&key))
		.expect("registered");
	let ratings = Ratings {
		max_import: Watts(1_000_000),
		max_export: Watts(1_000_000),
	};
	assert_ok!(chain.submit(
		operator,
		RuntimeCall::MeterRegistry(pallet_meter_registry::Call::admit_meter { meter, ratings }),
	));
	Device {
		pair,
		meter,
		sequence: 0,
		import: 0,
		export: 0,
		acknowledged: None,
	}
}

impl Device {
	/// Signs a reading of the registers.
	pub fn read(&mut self, genesis: &H256, captured_at: u64) -> SignedReading {
		self.sequence += 1;
		let reading = Reading {
			meter: self.meter,
			sequence: self.sequence,
			captured_at,
			import_register: WattHours(self.import),
			export_register: WattHours(self.export),
			state_of_charge: None,
			quality: None,
			acknowledged: self.acknowledged.map(Compact),
			status: 0,
		};
		self.resign(reading, genesis)
	}

	/// Signs whatever reading.
	pub fn resign(&self, reading: Reading, genesis: &H256) -> SignedReading {
		let signature = DeviceSignature::Ed25519(self.pair.sign(&reading.digest(genesis)));
		SignedReading { reading, signature }
	}
}

/// Brings readings on chain as the authority's worker does.
pub fn bring(chain: &mut Chain, salt: u32, readings: Vec<SignedReading>) {
	let batch = ReadingBatch {
		authority: 0,
		salt,
		spans: 100,
		corrections: 100,
		readings: readings.try_into().expect("few"),
	};
	let digest = batch.digest(&genesis_hash(chain));
	let signature = IngestSignature::from(pair("Alice").sign(&digest));
	assert_ok!(chain
		.submit_authorised(RuntimeCall::MeterRegistry(
			pallet_meter_registry::Call::submit_readings { batch, signature },
		))
		.expect("valid"));
}

/// An order that rests until the gate.
pub fn order(meter: MeterId, side: Side, period: Period, energy: u64, price: u64) -> RuntimeCall {
	RuntimeCall::OrderBook(pallet_order_book::Call::place_order {
		order: NewOrder {
			meter,
			side,
			period,
			energy: WattHours(energy),
			limit_price: Price(price),
			time_in_force: TimeInForce::GoodUntilGate,
		},
	})
}

/// A device's reading of its registers, captured at this second, on chain.
pub fn report(chain: &mut Chain, device: &mut Device, captured_at: u64) {
	let genesis = genesis_hash(chain);
	let reading = device.read(&genesis, captured_at);
	let salt = u32::try_from(reading.reading.sequence).expect("few");
	bring(chain, salt, vec![reading]);
}
