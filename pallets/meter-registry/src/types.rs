//! What the pallet stores and passes around.

use codec::{Compact, Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use gridweave_primitives::{
	device::{DeviceKey, DeviceSignature, Serial},
	meter::{MeterKind, MeterOwner, MeterState, MeteredPeriod, Provenance, Ratings},
	reading::{Quality, Reading, SignedReading},
	Balance, MeterId, MicrogridId, Period, PeriodClock, WattHours,
};
use scale_info::TypeInfo;

use crate::Slots;

/// Most readings of one relay call.
pub const MAX_RELAY_READINGS: u32 = 50;

/// How many periods back an estimate looks for measured ones.
pub const ESTIMATE_PERIODS: u32 = 4;

/// Most meters one answer of the runtime API's `progress` covers.
pub const MAX_PROGRESS: u32 = 2_000;

/// Most registrations that one search for an account's meters looks at.
pub const MAX_SEARCH: u32 = 10_000;

/// Most meters an operator registers by one call.
pub const MAX_ONBOARDED: u32 = 100;

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
	/// The ratings before those, for what it took and gave while they held.
	pub former: Option<FormerRatings>,
	/// Both registers count modulo this many Wh.
	pub modulus: WattHours,
	/// As printed on it.
	pub serial: Serial,
	/// What its device signs with.
	pub key: DeviceKey,
	/// The period in which its owner last rotated the key.
	pub rotated: Option<Period>,
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

/// A meter that an operator registers in its owner's name, and admits.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Onboarding<AccountId, Signature> {
	/// Who is to own it; the deposit is held on this account.
	pub owner: AccountId,
	/// What stands behind it.
	pub kind: MeterKind,
	/// What its device signs with.
	pub key: DeviceKey,
	/// As printed on it.
	pub serial: Serial,
	/// Its registers count modulo this many Wh.
	pub modulus: WattHours,
	/// The most power its connection may take and give.
	pub ratings: Ratings,
	/// The device's signature over the registration digest.
	pub proof: DeviceSignature,
	/// Until which Unix second the owner's consent may be used.
	pub expires: u64,
	/// The owner's signature over the consent digest.
	pub consent: Signature,
}

/// The meters that an operator registers by one call.
pub type Onboardings<AccountId, Signature> =
	BoundedVec<Onboarding<AccountId, Signature>, ConstU32<MAX_ONBOARDED>>;

impl<AccountId> Meter<AccountId> {
	/// What its readings are judged by.
	pub fn metering(&self) -> Metering {
		Metering {
			key: self.key,
			modulus: self.modulus,
			ratings: self.ratings,
			former: self.former,
			admitted_at: self.admitted_at,
			feeder: matches!(self.kind, MeterKind::Feeder),
			retired: self.state == MeterState::Retired,
		}
	}
}

impl<AccountId: Clone> Meter<AccountId> {
	/// Who is billed for it.
	pub fn billed(&self) -> MeterOwner<AccountId> {
		MeterOwner {
			account: self.owner.clone(),
			retired: self.state == MeterState::Retired,
		}
	}
}

/// What the readings of an admitted meter are judged by: that of its registration which every reading needs,
/// kept once more beside its neighbours', so that a batch reads one item for 32 meters.
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
pub struct Metering {
	/// What its device signs with.
	pub key: DeviceKey,
	/// Both registers count modulo this many Wh.
	#[codec(compact)]
	pub modulus: WattHours,
	/// Most power it may take and give.
	pub ratings: Ratings,
	/// The ratings before those.
	pub former: Option<FormerRatings>,
	/// When the operator admitted it, in Unix seconds.
	#[codec(compact)]
	pub admitted_at: u64,
	/// Whether it measures all members together, and is not settled.
	pub feeder: bool,
	/// Whether it was taken out of service.
	pub retired: bool,
}

impl Metering {
	/// The most power it may have taken and given since `from`: a change of ratings does not reach back.
	pub fn ratings_since(&self, from: u64) -> Ratings {
		match self.former {
			Some(former) if from < former.until => self.ratings.or_higher(former.ratings),
			_ => self.ratings,
		}
	}
}

/// The admitted meters of a page.
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
pub struct MeteringPage {
	/// The community that all of them belong to.
	pub microgrid: MicrogridId,
	/// The meters.
	pub meters: Slots<Metering>,
}

/// Ratings that were changed.
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
pub struct FormerRatings {
	/// Most power it might take and give.
	pub ratings: Ratings,
	/// When they were changed, in Unix seconds.
	pub until: u64,
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
	/// When it was taken out of service, in Unix seconds: until then it is estimated. Freed once its last
	/// period is pruned.
	pub retired_at: Option<Compact<u64>>,
}

impl LatestReading {
	/// Both registers.
	pub const fn registers(&self) -> Registers {
		Registers {
			import: self.import_register,
			export: self.export_register,
		}
	}

	/// How many seconds of a period are still without a reading, while it is in service.
	pub fn uncovered(&self, clock: &PeriodClock, period: Period) -> u64 {
		let end = clock.end_of(period);
		let until = self.retired_at.map_or(end, |at| at.0.min(end));
		until.saturating_sub(self.captured_at.max(clock.start_of(period)))
	}

	/// The last period in which a retired meter can have energy, measured or estimated; `None` while it is
	/// in service.
	pub fn last_period(&self, clock: &PeriodClock) -> Option<Period> {
		// A reading may lie somewhat ahead of the chain.
		Some(clock.period_before(self.retired_at?.0.max(self.captured_at)))
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

/// The latest power quality a meter reported.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct LatestQuality {
	/// When it was measured, in Unix seconds.
	#[codec(compact)]
	pub captured_at: u64,
	/// Frequency, and voltage, current and power factor of each phase.
	pub quality: Quality,
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
	/// How many ids are free to be given out again.
	pub free: u32,
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
	/// How many steps this round has taken on it.
	pub steps: u32,
	/// Whether this round has left something to the next: the settlement of a microgrid is behind, or a
	/// page had too much.
	pub behind: bool,
}
