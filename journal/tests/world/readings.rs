//! Devices: what they meter, and when they tell it.

use std::collections::BTreeMap;

use codec::Compact;
use gridweave_primitives::{
	device::DeviceSignature,
	ingest::{IngestSignature, ReadingBatch},
	reading::{Reading as Signed, SignedReading},
	MeterId, WattHours,
};
use gridweave_runtime::RuntimeCall;
use sp_core::{ed25519, Pair};

use super::{chain::Applied, World};
use crate::model::types::*;

/// Pages of energy and corrections that every batch declares.
const DECLARED: (u32, u32) = (600, 600);

/// What a meter is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
	/// Takes, gives, or both, as it comes.
	Mixed,
	Takes,
	Gives,
	/// Meters nothing.
	Empty,
}

pub struct Device {
	pub pair: ed25519::Pair,
	pub habit: Habit,
	sequence: u64,
	/// When it was read last.
	at: Option<u64>,
	import: Wh,
	export: Wh,
	charge: Wh,
	/// Nothing is read before this second.
	silent_until: u64,
	/// What was read and is not delivered yet.
	waiting: Vec<(u64, Reading)>,
}

impl Device {
	pub fn new(number: u32, habit: Habit) -> Self {
		Self {
			pair: World::device_pair(number),
			habit,
			sequence: 0,
			at: None,
			import: 1_000,
			export: 0,
			charge: 0,
			silent_until: 0,
			waiting: Vec::new(),
		}
	}
}

impl World {
	/// Reads devices whose time it is, and brings what has waited long enough.
	pub fn read_devices(&mut self) {
		let meters: Vec<MeterNo> = self.devices.keys().copied().collect();
		for no in &meters {
			let gone = self.model.meters.get(no).is_none_or(|meter| meter.retired);
			if gone {
				self.devices.remove(no);
			}
		}
		let now = self.chain.time;
		let boundary = now.is_multiple_of(self.model.clock.length);
		let ready: Vec<MeterNo> = self
			.devices
			.keys()
			.copied()
			.filter(|no| self.model.meters[no].admitted.is_some())
			.collect();
		for no in ready {
			let device = &self.devices[&no];
			let silent = now < device.silent_until || device.at == Some(now);
			// On the boundaries of periods, and sometimes in between.
			if silent || !(boundary || self.dice.permille(10)) {
				continue;
			}
			self.read_device(no, now);
		}
		self.deliver(now);
	}

	/// Reads a device now that has metered so much since it was read before.
	pub fn read_exactly(&mut self, no: MeterNo, import: Wh, export: Wh) {
		let now = self.chain.time;
		let device = self.devices.get_mut(&no).expect("known");
		device.sequence += 1;
		device.at = Some(now);
		device.import += import;
		device.export += export;
		let reading = Reading {
			meter: no,
			sequence: device.sequence,
			at: now,
			import: device.import,
			export: device.export,
			charge: None,
		};
		assert!(
			self.call(None, &Call::Readings(vec![reading])),
			"there is room"
		);
	}

	/// Reads a device now.
	fn read_device(&mut self, no: MeterNo, now: u64) {
		let (ratings, kind) = (self.model.meters[&no].ratings, self.model.meters[&no].kind);
		let habit = self.devices[&no].habit;
		let length = self.model.clock.length;
		let since = now - self.devices[&no].at.unwrap_or(now);
		let most = |power: u32| u64::from(power) * since / 3_600;
		let dice = &mut self.dice;
		let takes = habit != Habit::Empty && habit != Habit::Gives && dice.permille(700);
		let gives = habit != Habit::Empty && habit != Habit::Takes && dice.permille(700);
		let mut import = if takes {
			dice.from(0, most(ratings.import) / 2)
		} else {
			0
		};
		let export = if gives {
			dice.from(0, most(ratings.export) / 2)
		} else {
			0
		};
		if dice.permille(4) {
			// More than its connection can take.
			import = most(ratings.import) * 3;
		}
		let back = if dice.permille(2) {
			dice.from(1, 50)
		} else {
			0
		};
		let (unread, mode) = (dice.from(1, 8), dice.weighted(&[860, 80, 55, 5]));
		let wait = dice.from(1, 20) * 3;
		let level = dice.below(1_000);
		let device = self.devices.get_mut(&no).expect("known");
		device.sequence += 1;
		device.at = Some(now);
		device.import = (device.import + import).saturating_sub(back);
		device.export += export;
		if let Kind::Storage(capacity) = kind {
			device.charge = capacity * level / 1_000;
		}
		let reading = Reading {
			meter: no,
			sequence: device.sequence,
			at: now,
			import: device.import,
			export: device.export,
			charge: matches!(kind, Kind::Storage(_)).then_some(device.charge),
		};
		let after = match mode {
			1 => now + wait,
			_ => now,
		};
		device.waiting.push((after, reading));
		match mode {
			2 => device.silent_until = now + unread * length,
			3 => device.silent_until = now + unread * 5 * length,
			_ => {}
		}
	}

	/// Brings what is due; of a meter nothing before what was read earlier.
	fn deliver(&mut self, now: u64) {
		let mut readings = Vec::new();
		for device in self.devices.values_mut() {
			let due = device
				.waiting
				.iter()
				.take_while(|(after, _)| *after <= now)
				.count();
			readings.extend(device.waiting.drain(..due).map(|(_, reading)| reading));
		}
		for some in self.batches(&readings) {
			let call = Call::Readings(some.clone());
			if !self.call(None, &call) {
				// No room: in a later block.
				for reading in some.iter().rev() {
					let device = self.devices.get_mut(&reading.meter).expect("known");
					device.waiting.insert(0, (now, *reading));
				}
			}
		}
	}

	/// Readings in batches, each of which touches no more than it declares.
	fn batches(&self, readings: &[Reading]) -> Vec<Vec<Reading>> {
		let length = self.model.clock.length;
		let mut latest = BTreeMap::new();
		let mut batches: Vec<Vec<Reading>> = Vec::new();
		let mut room = 0;
		for reading in readings {
			let known = self.model.meters.get(&reading.meter);
			let known = known.and_then(|meter| meter.latest).map(|latest| latest.at);
			let before = latest.insert(reading.meter, reading.at).or(known);
			let periods = before.map_or(1, |before| reading.at.saturating_sub(before) / length + 2);
			match batches.last_mut() {
				Some(batch) if periods <= room && batch.len() < 40 => {
					batch.push(*reading);
					room -= periods;
				}
				_ => {
					batches.push(vec![*reading]);
					room = u64::from(DECLARED.1).saturating_sub(periods);
				}
			}
		}
		batches
	}

	/// A batch as the authority's worker makes it.
	pub fn bring(&mut self, readings: &[Reading]) -> Applied {
		let genesis = self.genesis;
		let sign = |reading: &Reading| {
			let device = &self.devices[&reading.meter];
			let reading = Signed {
				meter: MeterId(reading.meter),
				sequence: reading.sequence,
				captured_at: reading.at,
				import_register: WattHours(reading.import),
				export_register: WattHours(reading.export),
				state_of_charge: reading.charge.map(Compact),
				quality: None,
				acknowledged: None,
				status: 0,
			};
			let signature = DeviceSignature::Ed25519(device.pair.sign(&reading.digest(&genesis)));
			SignedReading { reading, signature }
		};
		let signed: Vec<SignedReading> = readings.iter().map(sign).collect();
		self.salt += 1;
		let batch = ReadingBatch {
			authority: 0,
			salt: self.salt,
			spans: DECLARED.0,
			corrections: DECLARED.1,
			readings: signed.try_into().expect("few"),
		};
		let digest = batch.digest(&genesis);
		let signature = IngestSignature::from(self.chain.pair("Alice").sign(&digest));
		self.chain.submit_authorised(RuntimeCall::MeterRegistry(
			pallet_meter_registry::Call::submit_readings { batch, signature },
		))
	}
}
