//! Why calls are refused.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod error {
	/// Why a call failed.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such microgrid. Use the id of an existing one.
		UnknownMicrogrid,
		/// There is no such meter. Use the id of an existing one.
		UnknownMeter,
		/// Only the operator of the microgrid may do this. Sign with the operator's account.
		NotOperator,
		/// Only an inspector of the meter's microgrid may do this. Ask the operator to appoint you.
		NotInspector,
		/// A parameter lies out of its bounds. The documentation of `Parameters` tells them.
		UnsoundParameters,
		/// The feeder is no meter in service of this microgrid that was registered as feeder. Name one that is.
		NotFeeder,
		/// The account is an inspector already. There is nothing to do.
		AlreadyInspector,
		/// The microgrid has as many inspectors as it may have. Remove one first.
		TooManyInspectors,
		/// There is no such flag that stands. Look at the flags of the meter.
		NoSuchFlag,
		/// The flag is confirmed already. There is nothing to do.
		AlreadyConfirmed,
		/// Both readings are the same. Report two different ones.
		SameReading,
		/// The readings are not of one meter and one sequence number. Report two that are.
		NotOneSequence,
		/// A reading is not signed by the key that its meter has now, for this chain. Only such readings prove
		/// anything.
		BadDeviceSignature,
		/// The meter's key is known to be cloned. There is nothing to do until the flag is decided on.
		AlreadyFlagged,
		/// A flag of this kind was dismissed, and what is reported is not newer. Report newer evidence, or wait
		/// until the dismissal is forgotten.
		DismissedLately,
		/// The microgrid has no feeder. Set one by its parameters.
		NoFeeder,
		/// The account is an analyst already. There is nothing to do.
		AlreadyAnalyst,
		/// The account is no analyst. Register it.
		NotAnalyst,
		/// The analyst is leaving, and may not report any more. Withdraw the stake and register again.
		AnalystIsLeaving,
		/// The analyst has not asked to leave. Do so first.
		NotLeaving,
		/// The stake may not be withdrawn yet. Wait until the time that `AnalystLeaving` told.
		UnbondingDelayRuns,
		/// Something that the analyst reported is not decided on. Wait until it is.
		FindingsOpen,
		/// The analyst has as many open findings as they may have, or what is left of the stake does not cover
		/// another. Wait until some are decided on; or leave, and register with the whole stake.
		TooManyFindings,
		/// Analysts cannot report this kind: it is proven by readings, or told by the chain.
		NotReportable,
		/// The meter gives no readings. Report those that do.
		MeterNotActive,
		/// The owner of the meter, and the operator and the inspectors of its microgrid, are not independent.
		NotIndependent,
		/// The analyst has reported this already. There is nothing to do.
		AlreadyReported,
	}
}
