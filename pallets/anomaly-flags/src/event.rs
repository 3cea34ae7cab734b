//! What the pallet tells.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod event {
	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A flag was raised, or raised anew.
		FlagRaised {
			/// The community of the meter.
			microgrid: MicrogridId,
			/// Which meter.
			meter: MeterId,
			/// What is wrong with it.
			kind: Kind,
			/// How grave it is.
			severity: Severity,
			/// What was seen, and what was expected; the unit depends on the kind.
			evidence: Finding,
		},
		/// A flag was confirmed.
		FlagConfirmed {
			/// The community of the meter.
			microgrid: MicrogridId,
			/// Which meter.
			meter: MeterId,
			/// What is wrong with it.
			kind: Kind,
			/// By whom, or by what.
			by: Confirmation,
		},
		/// An inspector dismissed a flag.
		FlagDismissed {
			/// The community of the meter.
			microgrid: MicrogridId,
			/// Which meter.
			meter: MeterId,
			/// What seemed to be wrong with it.
			kind: Kind,
			/// The inspector.
			inspector: T::AccountId,
		},
		/// A flag does not stand any more: nobody confirmed it in time, or it stood long enough.
		FlagExpired {
			/// The community of the meter.
			microgrid: MicrogridId,
			/// Which meter.
			meter: MeterId,
			/// What was wrong with it.
			kind: Kind,
		},
		/// A meter came under quarantine: it may not trade and earns nothing.
		MeterQuarantined {
			/// The community of the meter.
			microgrid: MicrogridId,
			/// Which meter.
			meter: MeterId,
			/// The kind of flag that caused it.
			kind: Kind,
		},
		/// A meter's quarantine was lifted.
		QuarantineLifted {
			/// The community of the meter.
			microgrid: MicrogridId,
			/// Which meter.
			meter: MeterId,
		},
		/// Tampering was confirmed, and the deposit of the meter taken.
		TamperingPunished {
			/// Which meter.
			meter: MeterId,
			/// What was taken, in planck.
			amount: Balance,
		},
		/// The detectors of a microgrid were set.
		ParametersSet {
			/// Which microgrid.
			microgrid: MicrogridId,
			/// To what; to the defaults if empty.
			parameters: Option<Parameters>,
		},
		/// An inspector was appointed.
		InspectorAppointed {
			/// Of which microgrid.
			microgrid: MicrogridId,
			/// Who.
			inspector: T::AccountId,
		},
		/// An inspector was removed.
		InspectorRemoved {
			/// Of which microgrid.
			microgrid: MicrogridId,
			/// Who.
			inspector: T::AccountId,
		},
		/// The losses of a microgrid are fitted anew from now on.
		CalibrationStarted {
			/// Which microgrid.
			microgrid: MicrogridId,
		},
		/// Periods were passed over: the chain was so far behind that their energy was no longer kept.
		PeriodsPassedOver {
			/// Which microgrid.
			microgrid: MicrogridId,
			/// The first of them.
			from: Period,
			/// The first after them.
			until: Period,
		},
		/// Somebody became an analyst.
		AnalystRegistered {
			/// Who.
			analyst: T::AccountId,
			/// What they staked, in planck.
			stake: Balance,
		},
		/// An analyst reports no more, and waits for the stake.
		AnalystLeaving {
			/// Who.
			analyst: T::AccountId,
			/// From which Unix second on the stake may be withdrawn.
			leaves_at: u64,
		},
		/// An analyst left, and got back what was left of the stake.
		AnalystLeft {
			/// Who.
			analyst: T::AccountId,
			/// What was released, in planck.
			stake: Balance,
		},
		/// An analyst reported a finding.
		FindingReported {
			/// Who.
			analyst: T::AccountId,
			/// Which meter.
			meter: MeterId,
			/// What is wrong with it.
			kind: Kind,
			/// The hash of what was found.
			evidence: H256,
		},
		/// The findings of analysts about a meter are closed.
		CaseClosed {
			/// Which meter.
			meter: MeterId,
			/// What they reported.
			kind: Kind,
			/// Whether there was a quorum.
			carried: bool,
			/// What was taken of all their stakes for false reports and paid to the owner of the meter, in planck.
			slashed: Balance,
		},
	}
}
