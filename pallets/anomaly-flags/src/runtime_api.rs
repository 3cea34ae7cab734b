//! What clients may ask.

use alloc::vec::Vec;

use codec::{Codec, Decode, Encode};
use gridweave_primitives::{
	traits::{MeterInspect, SettlementClock},
	Be32, MeterId, MicrogridId,
};
use scale_info::TypeInfo;
use sp_core::H256;

use crate::{
	detectors::suspects::Suspect, Cases, Config, FeederRecord, Feeders, Flag, Flags, Isolation,
	Kind, Pallet, Parameters, Quarantined,
};

/// Most flags of one answer, and most that one answer looks at.
pub const MAX_FLAGS: u32 = 1_000;

/// A flag, with what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct FlagReport {
	/// Which meter.
	pub meter: MeterId,
	/// What is wrong with it.
	pub kind: Kind,
	/// How it stands.
	pub flag: Flag,
}

/// A page of flags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct FlagPage {
	/// Flags, by meter and kind.
	pub flags: Vec<FlagReport>,
	/// Where to ask on from; nothing if these were the last.
	pub next: Option<(MeterId, Kind)>,
}

/// Those of whom unmetered energy of a microgrid may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Suspects {
	/// Whether the losses are fitted: before that nobody is suspected.
	pub calibrated: bool,
	/// Whether the feeder's alarm stands.
	pub alarm: bool,
	/// The meters, with what may be missing of them a day; the first first.
	pub suspects: Vec<Suspect>,
}

sp_api::decl_runtime_apis! {
	/// Flags, quarantine and suspects.
	pub trait AnomalyFlagsApi<AccountId: Codec> {
		/// Flags of a microgrid that stand, `limit` at most, beginning with `from`; an answer looks at 1,000
		/// flags at most, so that it may be short, or empty, before the last.
		fn open_flags(
			microgrid: MicrogridId,
			from: Option<(MeterId, Kind)>,
			limit: u32,
		) -> FlagPage;

		/// All flags of a meter that are remembered, at most one of each kind.
		fn history(meter: MeterId) -> Vec<FlagReport>;

		/// Since when a meter is under quarantine, and why.
		fn quarantine(meter: MeterId) -> Option<Isolation>;

		/// Of whom unmetered energy of a microgrid may be missing.
		fn suspects(microgrid: MicrogridId) -> Suspects;

		/// What is known of a microgrid's balance: its losses and the band of the residual.
		fn balance(microgrid: MicrogridId) -> Option<FeederRecord>;

		/// What the detectors of a microgrid are set to.
		fn parameters(microgrid: MicrogridId) -> Parameters;

		/// The findings of analysts about a meter that are open: who, what, and the hash of the evidence.
		fn findings(meter: MeterId) -> Vec<(AccountId, Kind, H256)>;
	}
}

impl<T: Config> Pallet<T> {
	/// See [`AnomalyFlagsApi`](runtime_decl_for_anomaly_flags_api::AnomalyFlagsApi).
	pub fn api_open_flags(
		microgrid: MicrogridId,
		from: Option<(MeterId, Kind)>,
		limit: u32,
	) -> FlagPage {
		let prefix = Be32::from(microgrid);
		let limit = usize::try_from(limit.min(MAX_FLAGS)).unwrap_or_default();
		let mut page = FlagPage::default();
		let looked = usize::try_from(MAX_FLAGS).unwrap_or_default();
		let report = |meter: Be32, kind, flag| FlagReport {
			meter: MeterId(meter.get()),
			kind,
			flag,
		};
		let first = from.and_then(|(meter, kind)| {
			let flag = Flags::<T>::get((prefix, Be32::from(meter), kind))?;
			Some(report(meter.into(), kind, flag))
		});
		let rest = match from {
			Some((meter, kind)) => {
				let after = Flags::<T>::hashed_key_for((prefix, Be32::from(meter), kind));
				Flags::<T>::iter_prefix_from((prefix,), after)
			}
			None => Flags::<T>::iter_prefix((prefix,)),
		};
		let rest = rest.map(|((meter, kind), flag)| report(meter, kind, flag));
		for (place, found) in first.into_iter().chain(rest).enumerate() {
			if page.flags.len() >= limit || place >= looked {
				page.next = Some((found.meter, found.kind));
				break;
			}
			if found.flag.status.is_open() {
				page.flags.push(found);
			}
		}
		page
	}

	/// See [`AnomalyFlagsApi`](runtime_decl_for_anomaly_flags_api::AnomalyFlagsApi).
	pub fn api_history(meter: MeterId) -> Vec<FlagReport> {
		let Some(info) = T::Meters::meter(meter) else {
			return Vec::new();
		};
		let prefix = (Be32::from(info.microgrid), Be32::from(meter));
		Flags::<T>::iter_prefix(prefix)
			.map(|(kind, flag)| FlagReport { meter, kind, flag })
			.collect()
	}

	/// See [`AnomalyFlagsApi`](runtime_decl_for_anomaly_flags_api::AnomalyFlagsApi).
	pub fn api_quarantine(meter: MeterId) -> Option<Isolation> {
		Quarantined::<T>::get(Be32::from(meter))
	}

	/// See [`AnomalyFlagsApi`](runtime_decl_for_anomaly_flags_api::AnomalyFlagsApi).
	pub fn api_suspects(microgrid: MicrogridId) -> Suspects {
		let Some(record) = Self::api_balance(microgrid) else {
			return Suspects::default();
		};
		let bounds = Self::parameters_of(microgrid).balance(T::Clock::clock().periods_per_day);
		let current = T::Clock::current();
		Suspects {
			calibrated: record.feeder.is_calibrated(&bounds),
			alarm: current < record.alarm_until,
			suspects: record.suspects.iter().flatten().copied().collect(),
		}
	}

	/// See [`AnomalyFlagsApi`](runtime_decl_for_anomaly_flags_api::AnomalyFlagsApi).
	pub fn api_balance(microgrid: MicrogridId) -> Option<FeederRecord> {
		Feeders::<T>::get(Be32::from(microgrid))
	}

	/// See [`AnomalyFlagsApi`](runtime_decl_for_anomaly_flags_api::AnomalyFlagsApi).
	pub fn api_findings(meter: MeterId) -> Vec<(T::AccountId, Kind, H256)> {
		Cases::<T>::iter_prefix((Be32::from(meter),))
			.flat_map(|(kind, case)| {
				case.findings
					.into_iter()
					.map(move |(who, evidence)| (who, kind, evidence))
			})
			.collect()
	}
}
