//! A member on the chain: account, meter and device; and what stands behind it.

use anyhow::Result;
use codec::Compact;
use gridweave_grid::{
	flex::{flow, net, Told},
	grid::{Behind, Storage},
	profiles::UNITS_PER_WH,
};
use gridweave_primitives::{
	device::{registration_digest, DeviceKey, DeviceSignature, Serial},
	meter::{MeterKind, Ratings},
	reading::{Reading, SignedReading},
	MeterId, MicrogridId, WattHours,
};
use gridweave_runtime::Runtime;
use pallet_demand_response::types::{Action, Command};
use sp_core::{ed25519, sr25519, Pair, H256};

use crate::{community::Home, demand_response::series::Registers, random::Seed};

use super::chain::{account, Chain};

/// The community.
pub const MICROGRID: MicrogridId = MicrogridId(0);

/// Energy in the unit of the profiles in one mWh.
const UNITS_PER_MWH: i128 = UNITS_PER_WH / 1_000;

/// A meter's device: it signs what its registers show.
pub struct Device {
	pair: ed25519::Pair,
	/// The meter's id.
	pub meter: MeterId,
	sequence: u64,
	/// What it has counted.
	pub registers: Registers,
	/// The nonce of the last command it heard.
	pub acknowledged: Option<u32>,
}

impl Device {
	/// Registers a meter of `owner`, whom the operator admits.
	pub fn enrol(
		chain: &mut Chain,
		operator: &sr25519::Pair,
		owner: &sr25519::Pair,
		(kind, ratings): (MeterKind, Ratings),
		seed: Seed,
		registers: Registers,
	) -> Result<Self> {
		let mut bytes = [0u8; 32];
		for (place, byte) in bytes.iter_mut().enumerate() {
			*byte = seed.of(place as u64).below(256) as u8;
		}
		let pair = ed25519::Pair::from_seed(&bytes);
		let key = DeviceKey::Ed25519(pair.public());
		let serial = Serial::truncate_from(bytes[..8].to_vec());
		let digest = registration_digest(&chain.genesis, &account(owner), MICROGRID, &serial);
		let call = pallet_meter_registry::Call::<Runtime>::register_meter {
			microgrid: MICROGRID,
			kind,
			key,
			serial,
			modulus: WattHours(1 << 40),
			proof: DeviceSignature::Ed25519(pair.sign(&digest)),
		};
		chain.submit(owner, call)?;
		let meter = chain.meter_of(&key)?;
		let call = pallet_meter_registry::Call::<Runtime>::admit_meter { meter, ratings };
		chain.submit(operator, call)?;
		Ok(Self {
			pair,
			meter,
			sequence: 0,
			registers,
			acknowledged: None,
		})
	}

	/// Signs a reading of its registers.
	pub fn read(&mut self, genesis: &H256, captured_at: u64) -> SignedReading {
		self.sequence += 1;
		let (import, export) = self.registers.shown();
		let reading = Reading {
			meter: self.meter,
			sequence: self.sequence,
			captured_at,
			import_register: WattHours(import),
			export_register: WattHours(export),
			state_of_charge: None,
			quality: None,
			acknowledged: self.acknowledged.map(Compact),
			status: 0,
		};
		let signature = DeviceSignature::Ed25519(self.pair.sign(&reading.digest(genesis)));
		SignedReading { reading, signature }
	}
}

/// What stands behind a meter, and what it was told.
#[derive(Clone, Debug)]
pub struct Plant<'a> {
	home: &'a Home,
	/// What the storage holds, in Wh.
	held: u64,
	/// What heat pumps and chargers still have to catch up with, in the unit of the profiles.
	owed: i128,
	/// The most that they ever take in a period, in the unit of the profiles.
	flexible_rated: i128,
	/// The latest command.
	pub command: Option<Command>,
}

impl<'a> Plant<'a> {
	/// With a storage that is half full.
	pub fn new(home: &'a Home) -> Self {
		let most = home.flexible.iter().max().copied().unwrap_or_default();
		Self {
			home,
			held: home.storage.map_or(0, half),
			owed: 0,
			flexible_rated: i128::from(most) * UNITS_PER_MWH,
			command: None,
		}
	}

	/// Whether it can do as it is told: it stores, heats or charges.
	pub fn can_wait(&self) -> bool {
		self.home.storage.is_some() || !self.home.flexible.is_empty()
	}

	/// A row passes that begins at this second. What the meter counts, in mWh of net import.
	///
	/// Of its own accord a storage rests; once it is told nothing any more and `night` has come it fills up to where it
	/// was.
	pub fn pass(&mut self, row: usize, at: u64, night: bool) -> i64 {
		let told = self.told(at);
		let mwh = |energy: &[u32]| i128::from(energy.get(row).copied().unwrap_or_default());
		let behind = Behind {
			net: i128::from(self.home.net(row)) * UNITS_PER_MWH,
			flexible: mwh(&self.home.flexible) * UNITS_PER_MWH,
			flexible_rated: self.flexible_rated,
			generation: mwh(&self.home.generation) * UNITS_PER_MWH,
		};
		let held = self.home.storage.map(|storage| (storage, self.held));
		let own = match self.home.storage {
			Some(storage) if night => {
				let room = half(storage).saturating_sub(self.held);
				room.min(u64::from(storage.rated_w) / 4) as i64
			}
			_ => 0,
		};
		let flow = flow(told, &behind, held, own);
		self.held = self.held.saturating_add_signed(flow);
		let net = net(told, &behind, flow, &mut self.owed);
		// What is behind it is whole mWh, and so is what it is told.
		i64::try_from(net / UNITS_PER_MWH).unwrap_or_default()
	}

	fn told(&self, at: u64) -> Option<Told> {
		let command = self
			.command
			.filter(|command| command.from <= at && at < command.until)?;
		let quarter = |watts: gridweave_primitives::Watts| watts.over(900).0;
		match command.action {
			Action::LimitImport(watts) => Some(Told::Import(quarter(watts))),
			Action::Curtail(watts) => Some(Told::Export(quarter(watts))),
			Action::Charge => Some(Told::Charge),
			Action::Discharge => Some(Told::Discharge),
			Action::Release => None,
		}
	}
}

/// Half of what a storage holds.
const fn half(storage: Storage) -> u64 {
	storage.capacity_wh / 2
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::community::Class;
	use gridweave_primitives::Watts;

	fn home(load: Vec<u32>, flexible: Vec<u32>, storage: Option<Storage>) -> Home {
		Home {
			node: "a".into(),
			class: Class::Electrified,
			max_import_w: 10_000,
			max_export_w: 0,
			load,
			flexible,
			generation: vec![],
			storage,
		}
	}

	fn limit(from: u64, until: u64) -> Command {
		Command {
			nonce: 1,
			action: Action::LimitImport(Watts(0)),
			from,
			until,
			event: None,
			acknowledged: None,
		}
	}

	#[test]
	fn a_heat_pump_should_wait_while_it_is_told_to_and_catch_up() {
		let home = home(vec![500_001; 4], vec![400_000, 400_000, 0, 0], None);
		let mut plant = Plant::new(&home);
		assert!(plant.can_wait());
		plant.command = Some(limit(900, 1_800));
		let passed: Vec<i64> = (0..4)
			.map(|row| plant.pass(row, 900 * row as u64, false))
			.collect();
		assert_eq!(passed, [500_001, 100_001, 900_001, 500_001]);
	}

	#[test]
	fn a_storage_should_give_while_it_is_told_to_and_fill_up_at_night() {
		let storage = Storage {
			rated_w: 4_000,
			capacity_wh: 2_000,
		};
		let home = home(vec![600_000; 5], vec![], Some(storage));
		let mut plant = Plant::new(&home);
		plant.command = Some(limit(0, 1_800));
		let passed: Vec<i64> = (0..5)
			.map(|row| plant.pass(row, 900 * row as u64, row > 2))
			.collect();
		assert_eq!(passed, [0, 200_000, 600_000, 1_600_000, 600_000]);
	}
}
