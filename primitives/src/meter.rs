//! What others may know of a meter, and what it metered.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{MeterId, MicrogridId, WattHours, Watts};

/// What a producer runs on.
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
pub enum EnergySource {
	/// Photovoltaics.
	Solar,
	/// Wind.
	Wind,
	/// Water.
	Hydro,
	/// Biomass and biogas.
	Biomass,
	/// Combined heat and power on fossil fuel.
	Cogeneration,
	/// Anything else.
	Other,
}

/// What stands behind a meter.
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
pub enum MeterKind {
	/// Load only.
	Consumer,
	/// Generation only.
	Producer {
		/// What it runs on.
		source: EnergySource,
	},
	/// Load and generation.
	Prosumer,
	/// A storage, alone or beside load.
	Storage {
		/// Energy it holds when full.
		capacity: WattHours,
	},
	/// The feeder of a microgrid: measures all its members together.
	Feeder,
}

/// Most power a connection may take and give, fixed by the operator at admission.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen,
	TypeInfo,
)]
#[rustfmt::skip]
pub struct Ratings {
	/// Most power taken from the grid.
	pub max_import: Watts,
	/// Most power fed into the grid.
	pub max_export: Watts,
}

impl Ratings {
	/// The higher of both, per direction.
	pub fn or_higher(self, other: Self) -> Self {
		Self {
			max_import: self.max_import.max(other.max_import),
			max_export: self.max_export.max(other.max_export),
		}
	}
}

/// How a register moved between two readings, and what of it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Movement {
	/// What settlement counts.
	pub counted: WattHours,
	/// What the register advanced beyond that.
	pub suspended: WattHours,
	/// Whether it ran backwards other than by its modulus, or shows what its modulus excludes.
	pub rolled_back: bool,
}

/// Where a meter is in its life. Quarantine is no part of it: anomaly flags keep that.
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
pub enum MeterState {
	/// Registered by its owner; the microgrid's operator has not admitted it yet.
	Registered,
	/// Admitted by the operator; no valid reading yet.
	Admitted,
	/// It has given a valid reading.
	Active,
	/// Taken out of service.
	Retired,
}

/// What other pallets may know of a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterInfo<AccountId> {
	/// Who owns it, trades for it and is billed for it.
	pub owner: AccountId,
	/// The community it belongs to.
	pub microgrid: MicrogridId,
	/// What stands behind it.
	pub kind: MeterKind,
	/// Most power it may take and give.
	pub ratings: Ratings,
	/// Where it is in its life.
	pub state: MeterState,
}

impl<AccountId> MeterInfo<AccountId> {
	/// Whether the meter may trade: admitted by its operator, not retired, and not a feeder.
	pub fn may_trade(&self) -> bool {
		matches!(self.state, MeterState::Admitted | MeterState::Active)
			&& !matches!(self.kind, MeterKind::Feeder)
	}
}

/// Who is billed for a meter's energy.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct MeterOwner<AccountId> {
	/// Its owner.
	pub account: AccountId,
	/// Whether it was taken out of service.
	pub retired: bool,
}

/// Where a period's energy comes from.
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
pub enum Provenance {
	/// From register differences.
	Measured,
	/// No reading covered the whole period when it was frozen; what was missing is estimated.
	Estimated,
	/// Estimated when it was frozen; a later reading has shown the truth, and the difference was
	/// booked as a correction. The energy stays that which was settled.
	Corrected,
}

/// The energy of one meter in one period.
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
pub struct MeteredPeriod {
	/// Taken from the grid.
	pub import: WattHours,
	/// Fed into the grid.
	pub export: WattHours,
	/// Where the values come from.
	pub provenance: Provenance,
}

impl MeteredPeriod {
	/// Whether some of it was estimated when it was frozen, corrected since or not.
	pub fn is_estimate(&self) -> bool {
		self.provenance != Provenance::Measured
	}
}

/// Energy that differs from what was frozen, per direction.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen,
	TypeInfo,
)]
#[rustfmt::skip]
pub struct Correction {
	/// Import measured later, less what was settled, in Wh.
	pub import: i64,
	/// Export measured later, less what was settled, in Wh.
	pub export: i64,
}

/// A page of meters with a period's energy: what settlement pulls.
pub type MeteredPage = alloc::vec::Vec<(MeterId, MeteredPeriod)>;
