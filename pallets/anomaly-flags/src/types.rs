//! What the pallet stores and passes around.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::Get, BoundedVec};
use gridweave_primitives::{Balance, MicrogridId, Period, Slots};
use scale_info::TypeInfo;
use sp_core::H256;

use crate::detectors::{
	days::Days,
	device::Drift,
	feeder::{Feeder, Throughput},
	power::Balance as PowerBalance,
	series::Flow,
	suspects::{Explained, Lesson, Share, Suspect, NAMED},
	Finding, Run,
};

/// What is wrong with a meter. For each kind a meter has at most one flag.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Kind {
	/// A register ran backwards other than by its modulus. Seen: the register, in Wh; expected: at least the
	/// one before.
	#[codec(index = 0)]
	RegisterRollback,
	/// Two different readings of one sequence number, both signed by the device's key. Seen: the number.
	#[codec(index = 1)]
	ClonedKey,
	/// A register advanced by more than the rating allows. Seen: by how much, in Wh; expected: at most this.
	#[codec(index = 2)]
	ImplausiblePower,
	/// A cover was opened, or a magnet held to the meter. Seen: the bits of the status.
	#[codec(index = 3)]
	TamperSwitch,
	/// The device's clock is wrong, or its readings stay late. Seen: seconds ahead of the chain; expected:
	/// the bound.
	#[codec(index = 4)]
	ClockDrift,
	/// A phase's voltage is out of bounds. Seen and expected: in mV.
	#[codec(index = 5)]
	VoltageOutOfRange,
	/// The frequency is out of bounds. Seen and expected: in mHz.
	#[codec(index = 6)]
	FrequencyOutOfRange,
	/// The registers do not follow voltage, current and power factor: a bypassed register or phase. Seen: net
	/// energy of the registers over a window of readings; expected: the energy that flowed; in Wh.
	#[codec(index = 7)]
	PowerMismatch,
	/// No reading. Seen: for how many periods.
	#[codec(index = 8)]
	Silent,
	/// The registers stand still while power flows. Expected: what flowed since the last reading, in Wh.
	#[codec(index = 9)]
	Stuck,
	/// Days with less import than the meter's own. Seen: the day's; expected: the usual; in Wh.
	#[codec(index = 10)]
	SuddenChange,
	/// A long run of one value. Seen: the value, in Wh.
	#[codec(index = 11)]
	FlatProfile,
	/// Days of another shape than the meter's own, or reversed. Seen: how far days were off, summed; expected: less
	/// than this; in 1/16 of what is usual, or for reversed days in 1/1024 of a day's energy.
	#[codec(index = 12)]
	ShapeChange,
	/// A photovoltaic plant feeds in in the dark. Seen: how much in a period, in Wh.
	#[codec(index = 13)]
	NightGeneration,
	/// Of a feeder: energy is used that no meter shows. Seen: what is left over; expected: at most this; in ppm
	/// of the gross throughput.
	#[codec(index = 14)]
	FeederImbalance,
}

impl Kind {
	/// All kinds, in the order of their index.
	pub const ALL: [Self; 15] = [
		Self::RegisterRollback,
		Self::ClonedKey,
		Self::ImplausiblePower,
		Self::TamperSwitch,
		Self::ClockDrift,
		Self::VoltageOutOfRange,
		Self::FrequencyOutOfRange,
		Self::PowerMismatch,
		Self::Silent,
		Self::Stuck,
		Self::SuddenChange,
		Self::FlatProfile,
		Self::ShapeChange,
		Self::NightGeneration,
		Self::FeederImbalance,
	];

	/// Its place in [`Self::ALL`].
	pub const fn index(self) -> u8 {
		self as u8
	}

	/// What it says of a meter.
	pub const fn class(self) -> Class {
		match self {
			Self::RegisterRollback
			| Self::ClonedKey
			| Self::ImplausiblePower
			| Self::TamperSwitch => Class::Proof,
			Self::PowerMismatch
			| Self::Stuck
			| Self::SuddenChange
			| Self::FlatProfile
			| Self::ShapeChange
			| Self::NightGeneration => Class::Statistic,
			Self::ClockDrift
			| Self::VoltageOutOfRange
			| Self::FrequencyOutOfRange
			| Self::Silent
			| Self::FeederImbalance => Class::Notice,
		}
	}

	/// How grave it is, unconfirmed.
	pub const fn severity(self) -> Severity {
		match self {
			Self::FeederImbalance => Severity::Warning,
			_ => match self.class() {
				Class::Proof => Severity::Critical,
				Class::Statistic => Severity::Warning,
				Class::Notice => Severity::Notice,
			},
		}
	}
}

/// What a kind of flag says of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
	/// The meter itself proves it: quarantine at once.
	Proof,
	/// Its values are unlikely: quarantine once there is other evidence.
	Statistic,
	/// Something to look after. Quarantine only if an inspector found tampering.
	Notice,
}

/// How grave a flag is.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Severity {
	/// Something to look after.
	Notice,
	/// To be inspected.
	Warning,
	/// A proof, or confirmed.
	Critical,
}

/// Who confirmed a flag.
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
pub enum Confirmation {
	/// An inspector.
	Inspector {
		/// Whether the meter was tampered with; else it is defective.
		tampering: bool,
	},
	/// The feeder's alarm, which names the meter among those of whom most may be missing.
	Feeder,
	/// A quorum of independent analysts.
	Analysts,
}

/// Where a flag is in its life.
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
pub enum Status {
	/// Raised: an inspector is asked to look.
	Raised,
	/// Confirmed.
	Confirmed(Confirmation),
	/// Dismissed by an inspector.
	Dismissed,
	/// Nobody confirmed it in time, or what was confirmed lies back long enough.
	Expired,
}

impl Status {
	/// Whether the flag still stands.
	pub const fn is_open(&self) -> bool {
		matches!(self, Self::Raised | Self::Confirmed(_))
	}

	/// Whether a flag of this class that stands so quarantines its meter.
	pub const fn quarantines(&self, class: Class) -> bool {
		match self {
			Self::Confirmed(Confirmation::Inspector { tampering: true }) => true,
			Self::Confirmed(_) => !matches!(class, Class::Notice),
			Self::Raised => matches!(class, Class::Proof),
			Self::Dismissed | Self::Expired => false,
		}
	}
}

/// A flag of a meter.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Flag {
	/// Where it is in its life.
	pub status: Status,
	/// How grave it is.
	pub severity: Severity,
	/// What was seen last, and what was expected.
	pub evidence: Finding,
	/// When it was raised, in Unix seconds, chain time.
	pub raised_at: u64,
	/// When its cause was seen last, in Unix seconds, chain time.
	pub seen_at: u64,
	/// How often its cause was seen since it was raised.
	pub times: u32,
	/// When it expires, if it stands; when it is forgotten, if not.
	pub due: Period,
}

/// That a meter is under quarantine.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Isolation {
	/// Since when, in Unix seconds, chain time.
	pub since: u64,
	/// The kinds of flags that cause it: a bit for each, by index.
	pub causes: u16,
}

/// What falls due for a meter: a flag of a kind, or a case that analysts have opened.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum DueItem {
	/// A flag.
	#[codec(index = 0)]
	Flag(Kind),
	/// A case.
	#[codec(index = 1)]
	Case(Kind),
}

/// What detectors keep of a meter from reading to reading.
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
pub struct Watch {
	/// Of its clock.
	pub drift: Drift,
	/// Readings in a row with a voltage out of bounds.
	pub voltage: Run,
	/// Readings in a row with a frequency out of bounds.
	pub frequency: Run,
	/// Readings in a row without movement while power flows.
	pub stuck: Run,
	/// Registers against power.
	pub balance: PowerBalance,
}

/// What detectors keep of a meter from period to period.
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
pub struct Profile {
	/// The period looked at last.
	pub period: Period,
	/// Energy of that period.
	pub last: Flow,
	/// Its days.
	pub days: Days,
	/// Periods of one value in a row.
	pub flat: Run,
	/// Periods without a reading in a row.
	pub silent: Run,
	/// Dark periods with export in a row.
	pub night: Run,
	/// Whether it runs on light alone.
	pub solar: bool,
	/// How much of the unmetered energy may be its.
	pub share: Share,
}

/// What detectors keep of neighbouring meters from reading to reading.
pub type WatchPage = Slots<Watch>;
/// What readings of neighbouring meters gave cause for.
pub type FindingPage = Slots<(Kind, Finding)>;
/// What detectors keep of neighbouring meters from period to period.
pub type ProfilePage = Slots<Profile>;

/// What is kept of a microgrid's balance.
#[derive(
	Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[rustfmt::skip]
pub struct FeederRecord {
	/// Its loss model, and the residual's band.
	pub feeder: Feeder,
	/// What the last period left to be learned of the members' shares.
	pub lesson: Lesson,
	/// The last period.
	pub period: Period,
	/// Those of whom most may be missing, as of the last period, the first first.
	pub suspects: [Option<Suspect>; NAMED],
	/// Until when the last alarm stands, and confirms flags of those that it names.
	pub alarm_until: Period,
}

/// A pass over the members of a microgrid for one period.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Job {
	/// The microgrid.
	pub microgrid: MicrogridId,
	/// The period.
	pub period: Period,
	/// The next page, and how many there are.
	pub page: u32,
	/// How many pages there are.
	pub pages: u32,
	/// The members' energy so far.
	pub members: Throughput,
	/// What their shares explain so far.
	pub explained: Explained,
}

/// An independent analyst.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Analyst {
	/// Held on the account, in planck.
	pub stake: Balance,
	/// Findings that nobody has decided on yet.
	pub open: u32,
	/// From when on the stake may be withdrawn, in Unix seconds, once the analyst leaves.
	pub leaves_at: Option<u64>,
}

/// Findings of analysts about a meter.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[scale_info(skip_type_params(Quorum))]
#[codec(mel_bound(AccountId: MaxEncodedLen))]
pub struct Case<AccountId, Quorum: Get<u32>> {
	/// Who found it, and the hash of what they found.
	pub findings: BoundedVec<(AccountId, H256), Quorum>,
	/// When it is dropped, if there is no quorum. Once there is, it lives as long as the flag.
	pub due: Period,
	/// Whether the quorum was reached.
	pub carried: bool,
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn kinds_should_stand_at_their_index() {
		for (place, kind) in Kind::ALL.into_iter().enumerate() {
			assert_eq!(usize::from(kind.index()), place);
			assert_eq!(kind.encode(), [place as u8]);
		}
		// A bit for each.
		assert!(Kind::ALL.len() <= 16);
	}

	#[test]
	fn what_is_kept_of_a_meter_should_be_small_and_of_fixed_size() {
		assert_eq!(Watch::max_encoded_len(), 33);
		assert_eq!(Profile::max_encoded_len(), 168);
		assert_eq!(Watch::default().encoded_size(), 33);
		assert_eq!(Profile::default().encoded_size(), 168);
		let watch = Watch {
			balance: PowerBalance {
				flowed: i32::MAX,
				shown: i32::MIN,
				gross: u64::MAX,
				scatter: u64::MAX,
				samples: u8::MAX,
			},
			..Watch::default()
		};
		assert_eq!(watch.encoded_size(), 33);
	}

	#[test]
	fn only_proofs_and_what_is_confirmed_should_quarantine() {
		let inspector = |tampering| Status::Confirmed(Confirmation::Inspector { tampering });
		let confirmed = [
			Status::Confirmed(Confirmation::Feeder),
			Status::Confirmed(Confirmation::Analysts),
			inspector(false),
		];
		for kind in Kind::ALL {
			let class = kind.class();
			let proof = class == Class::Proof;
			assert_eq!(Status::Raised.quarantines(class), proof, "{kind:?}");
			for status in &confirmed {
				assert_eq!(
					status.quarantines(class),
					class != Class::Notice,
					"{kind:?}"
				);
			}
			assert!(inspector(true).quarantines(class));
			assert!(!Status::Dismissed.quarantines(class));
			assert!(!Status::Expired.quarantines(class));
		}
	}
}
