//! What the pallet stores and passes around.

use codec::{Compact, Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use gridweave_primitives::{
	device::{DeviceKey, Serial},
	ids::METERS_PER_PAGE,
	meter::{MeterKind, MeterState, MeteredPeriod, Provenance, Ratings},
	reading::{Reading, SignedReading},
	Balance, MeterId, MicrogridId, Period, WattHours,
};
use scale_info::TypeInfo;

/// Most readings of one relay call.
pub const MAX_RELAY_READINGS: u32 = 50;

/// Most meter-periods a batch or a relay call may declare as touched.
pub const MAX_SPANS: u32 = 2_000;

/// How many periods back an estimate looks for measured ones.
pub const ESTIMATE_PERIODS: u32 = 4;

/// Most meters one answer of the runtime API's `progress` covers.
pub const MAX_PROGRESS: u32 = 2_000;

/// The readings of one relay call.
pub type RelayedReadings = BoundedVec<SignedReading, ConstU32<MAX_RELAY_READINGS>>;

/// A meter's registration: the cold part of what is known of it.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Meter<AccountId> {
	/// Who owns it, trades for it and is billed for it.
	pub owner: AccountId,
	/// The community it belongs to.
	pub microgrid: MicrogridId,
	/// What stands behind it.
	pub kind: MeterKind,
	/// Most power it may take and give; zero before admission.
	pub ratings: Ratings,
	/// Both registers count modulo this many Wh.
	pub modulus: WattHours,
	/// As printed on it.
	pub serial: Serial,
	/// What its device signs with.
	pub key: DeviceKey,
	/// Held on the owner's account until the meter is freed, in planck.
	pub deposit: Balance,
	/// Where it is in its life.
	pub state: MeterState,
	/// When the operator admitted it, in Unix seconds; readings count from here. 0 before.
	pub admitted_at: u64,
	/// Where both registers would stand had nothing been counted or suspended: at first those of the
	/// first reading, moved when a register runs backwards. Ties the registers to what was counted.
	pub base: Registers,
}

/// Both registers of a meter.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Registers {
	/// Import (OBIS 1.8.0).
	pub import: WattHours,
	/// Export (OBIS 2.8.0).
	pub export: WattHours,
}

/// A meter's latest accepted reading and what hangs on it: the hot part, read and written with every
/// reading, so it is kept small.
#[derive(
	Clone,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct LatestReading {
	/// The reading's sequence number.
	#[codec(compact)]
	pub sequence: u64,
	/// When it was captured, in Unix seconds.
	#[codec(compact)]
	pub captured_at: u64,
	/// Import register, in Wh.
	#[codec(compact)]
	pub import_register: WattHours,
	/// Export register, in Wh.
	#[codec(compact)]
	pub export_register: WattHours,
	/// Energy in the storage in Wh, if the meter has one.
	pub state_of_charge: Option<Compact<u64>>,
	/// Nonce of the last device command carried out.
	pub acknowledged: Option<Compact<u32>>,
	/// Status bits of the device.
	#[codec(compact)]
	pub status: u16,
	/// How many readings of this meter were accepted.
	#[codec(compact)]
	pub accepted: u64,
	/// All import ever counted: booked on a period or as a correction, in Wh.
	#[codec(compact)]
	pub imported: WattHours,
	/// All export ever counted, in Wh.
	#[codec(compact)]
	pub exported: WattHours,
	/// Import estimated, and settled, since this reading in periods that are pruned by now, in Wh: the
	/// next reading is compared with it.
	#[codec(compact)]
	pub pruned_estimate: WattHours,
	/// Whether the meter is settled. Feeders are not: they measure all members together.
	pub settles: bool,
	/// Taken out of service: nothing is estimated any more; freed once its last period is pruned.
	pub retired: bool,
}

impl LatestReading {
	/// Both registers.
	pub const fn registers(&self) -> Registers {
		Registers {
			import: self.import_register,
			export: self.export_register,
		}
	}

	/// The reading this came from. Its power quality is not kept.
	pub fn to_reading(&self, meter: MeterId) -> Reading {
		Reading {
			meter,
			sequence: self.sequence,
			captured_at: self.captured_at,
			import_register: self.import_register,
			export_register: self.export_register,
			state_of_charge: self.state_of_charge,
			quality: None,
			acknowledged: self.acknowledged,
			status: self.status,
		}
	}

	/// Takes over what a newer reading says.
	pub fn update(&mut self, reading: &Reading) {
		self.sequence = reading.sequence;
		self.captured_at = reading.captured_at;
		self.import_register = reading.import_register;
		self.export_register = reading.export_register;
		self.state_of_charge = reading.state_of_charge;
		self.acknowledged = reading.acknowledged;
		self.status = reading.status;
		self.accepted = self.accepted.saturating_add(1);
	}
}

/// One meter's energy in one period, as stored.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct EnergyEntry {
	/// Taken from the grid, in Wh: measured so far, and what was estimated.
	#[codec(compact)]
	pub import: WattHours,
	/// Fed into the grid, in Wh.
	#[codec(compact)]
	pub export: WattHours,
	/// How much of the import is an estimate that no reading has replaced yet, in Wh.
	#[codec(compact)]
	pub outstanding: WattHours,
	/// Where the values come from.
	pub provenance: Provenance,
}

impl Default for EnergyEntry {
	fn default() -> Self {
		Self {
			import: WattHours::ZERO,
			export: WattHours::ZERO,
			outstanding: WattHours::ZERO,
			provenance: Provenance::Measured,
		}
	}
}

impl From<EnergyEntry> for MeteredPeriod {
	fn from(entry: EnergyEntry) -> Self {
		Self {
			import: entry.import,
			export: entry.export,
			provenance: entry.provenance,
		}
	}
}

/// Values of the meters on one page, ascending by slot.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Slots<V>(BoundedVec<(u8, V), ConstU32<METERS_PER_PAGE>>);

impl<V> Default for Slots<V> {
	fn default() -> Self {
		Self(BoundedVec::new())
	}
}

impl<V> Slots<V> {
	fn place(&self, slot: u8) -> Result<usize, usize> {
		self.0.binary_search_by_key(&slot, |(slot, _)| *slot)
	}

	/// The value at `slot`.
	pub fn get(&self, slot: u8) -> Option<&V> {
		self.place(slot)
			.ok()
			.and_then(|place| self.0.get(place))
			.map(|(_, value)| value)
	}

	/// The value at `slot`, to change.
	pub fn get_mut(&mut self, slot: u8) -> Option<&mut V> {
		let place = self.place(slot).ok()?;
		self.0.get_mut(place).map(|(_, value)| value)
	}

	/// Stores `value` at `slot`. Slots at or beyond [`METERS_PER_PAGE`] do not exist; they are ignored.
	pub fn set(&mut self, slot: u8, value: V) {
		match self.place(slot) {
			Ok(place) => {
				if let Some((_, old)) = self.0.get_mut(place) {
					*old = value;
				}
			}
			// A page has as many places as slots, and each slot has at most one.
			Err(place) if u32::from(slot) < METERS_PER_PAGE => {
				let _ = self.0.try_insert(place, (slot, value));
			}
			Err(_) => {}
		}
	}

	/// Takes the value at `slot` out.
	pub fn remove(&mut self, slot: u8) -> Option<V> {
		let place = self.place(slot).ok()?;
		Some(self.0.remove(place).1)
	}

	/// All slots with a value, ascending.
	pub fn iter(&self) -> impl Iterator<Item = (u8, &V)> {
		self.0.iter().map(|(slot, value)| (*slot, value))
	}

	/// Whether no slot has a value.
	pub fn is_empty(&self) -> bool {
		self.0.is_empty()
	}
}

/// The latest readings of a page of meters.
#[derive(
	Clone,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct LatestPage {
	/// Grows with every batch that changes the page: a batch provides (page, round).
	pub round: u32,
	/// Energy of earlier periods is pruned.
	pub kept_from: Period,
	/// The meters that have given a reading.
	pub meters: Slots<LatestReading>,
}

/// The energy of a page of meters in one period.
#[derive(
	Clone,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct EnergyPage {
	/// Whether settlement has closed it: what is not in it was settled as nothing.
	pub closed: bool,
	/// The meters that were measured or estimated.
	pub meters: Slots<EnergyEntry>,
}

/// Energy that registers showed and settlement did not count, because it is more than the ratings allow.
/// In Wh; wider than a register, for it only ever grows.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Suspended {
	/// Of the import register.
	pub import: u128,
	/// Of the export register.
	pub export: u128,
}

/// The meter ids given out to a microgrid.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Allocation {
	/// How many pages it has.
	pub pages: u32,
	/// How many slots of the last one were ever given out.
	pub slots: u8,
}

/// Where pruning goes on.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct PruneCursor {
	/// The next microgrid.
	pub microgrid: MicrogridId,
	/// The next of its pages.
	pub page: u32,
	/// Whether this round has met a microgrid whose settlement is behind.
	pub behind: bool,
}
