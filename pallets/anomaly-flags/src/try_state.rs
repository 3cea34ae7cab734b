//! Invariants.

use alloc::collections::{BTreeMap, BTreeSet};

use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use gridweave_primitives::{
	meter::MeterKind,
	traits::{MeterInspect, MicrogridInspect},
	Be32, MeterId, MicrogridId,
};
use sp_runtime::TryRuntimeError;

use crate::{
	types::Class, Analysts, Cases, Config, Current, Due, DueItem, Findings, Flags, HoldReason,
	Inspectors, Pallet, ParametersOf, ProfilePages, Quarantined, Status, Watch, WatchPages,
};

impl<T: Config> Pallet<T> {
	/// Checks that
	///
	/// 1. each flag is of a meter of its microgrid, and falls due once; each case without a quorum does; nothing
	///    else does;
	/// 2. a meter is under quarantine exactly while a flag of it quarantines, and for those;
	/// 3. a case has each analyst once, and less than a quorum of them or a flag that is confirmed; an analyst
	///    has as many open findings as cases they are part of;
	/// 4. stakes are held, and cover the findings that are open;
	/// 5. parameters are sound, and name a feeder of their microgrid; inspectors are of a microgrid, each once;
	/// 6. detectors keep nothing of meters that are not there, and no page is empty; a pass is within its pages.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::try_flags()?;
		Self::try_cases()?;
		Self::try_settings()?;
		Self::try_detectors()
	}

	fn try_flags() -> Result<(), TryRuntimeError> {
		let mut dues = BTreeSet::new();
		let mut causes = BTreeMap::<Be32, u16>::new();
		for ((microgrid, meter, kind), flag) in Flags::<T>::iter() {
			let info = T::Meters::meter(MeterId(meter.get()));
			ensure!(
				info.is_some_and(|info| Be32::from(info.microgrid) == microgrid),
				"a flag is of no meter of its microgrid",
			);
			ensure!(flag.times > 0, "a flag was raised without a cause");
			ensure!(
				flag.raised_at <= flag.seen_at,
				"the cause of a flag was seen last before it was seen first"
			);
			dues.insert((Be32::from(flag.due), meter, DueItem::Flag(kind)));
			if flag.status.quarantines(kind.class()) {
				let bits = causes.entry(meter).or_default();
				*bits |= 1 << kind.index();
			}
		}
		for ((meter, kind), case) in Cases::<T>::iter() {
			if !case.carried {
				dues.insert((Be32::from(case.due), meter, DueItem::Case(kind)));
			}
		}
		let stored: BTreeSet<_> = Due::<T>::iter_keys().collect();
		ensure!(
			stored == dues,
			"what falls due is not what flags and cases say"
		);
		let isolated: BTreeMap<_, _> = Quarantined::<T>::iter()
			.map(|(meter, isolation)| (meter, isolation.causes))
			.collect();
		ensure!(isolated == causes, "quarantine is not what flags call for");
		Ok(())
	}

	fn try_cases() -> Result<(), TryRuntimeError> {
		let mut open = BTreeMap::<T::AccountId, u32>::new();
		for ((meter, kind), case) in Cases::<T>::iter() {
			ensure!(kind.class() == Class::Statistic, "a case of a wrong kind");
			let info = T::Meters::meter(MeterId(meter.get()));
			let flag =
				info.and_then(|info| Flags::<T>::get((Be32::from(info.microgrid), meter, kind)));
			let confirmed = flag.is_some_and(|flag| matches!(flag.status, Status::Confirmed(_)));
			ensure!(!case.carried || confirmed, "a quorum confirmed no flag");
			ensure!(!case.findings.is_empty(), "a case without findings");
			let mut seen = BTreeSet::new();
			for (who, _) in case.findings {
				ensure!(seen.insert(who.clone()), "an analyst is twice in a case");
				let count = open.entry(who).or_default();
				*count = count.saturating_add(1);
			}
		}
		for (who, analyst) in Analysts::<T>::iter() {
			ensure!(
				open.remove(&who).unwrap_or_default() == analyst.open,
				"an analyst has other open findings than cases",
			);
			ensure!(
				T::Currency::balance_on_hold(&HoldReason::Analyst.into(), &who) == analyst.stake,
				"the stake held is not that of the analyst",
			);
			let most = T::FalseReportSlash::get().saturating_mul(analyst.open.into());
			ensure!(most <= analyst.stake, "a stake does not cover the findings");
		}
		ensure!(open.is_empty(), "somebody who is no analyst is in a case");
		Ok(())
	}

	fn try_settings() -> Result<(), TryRuntimeError> {
		for (microgrid, parameters) in ParametersOf::<T>::iter() {
			ensure!(parameters.is_sound(), "unsound parameters are stored");
			// A feeder that was retired since is none any more.
			let feeder = parameters.feeder.and_then(T::Meters::meter);
			ensure!(
				feeder.is_none_or(|info| {
					Be32::from(info.microgrid) == microgrid && info.kind == MeterKind::Feeder
				}),
				"the feeder of a microgrid is none of it",
			);
		}
		for (microgrid, inspectors) in Inspectors::<T>::iter() {
			let microgrid = MicrogridId(microgrid.get());
			ensure!(
				T::Microgrids::operator(microgrid).is_some(),
				"inspectors of no microgrid"
			);
			ensure!(!inspectors.is_empty(), "an empty list of inspectors");
			let distinct: BTreeSet<_> = inspectors.iter().collect();
			ensure!(
				distinct.len() == inspectors.len(),
				"an inspector is appointed twice"
			);
		}
		Ok(())
	}

	fn try_detectors() -> Result<(), TryRuntimeError> {
		let known =
			|page: Be32, slot: u8| T::Meters::meter(MeterId::at(page.get(), slot)).is_some();
		for (page, watches) in WatchPages::<T>::iter() {
			ensure!(!watches.is_empty(), "an empty page is stored");
			for (slot, watch) in watches.iter() {
				ensure!(known(page, slot), "no meter is watched");
				ensure!(*watch != Watch::default(), "nothing is stored of a meter");
			}
		}
		for (page, findings) in Findings::<T>::iter() {
			ensure!(!findings.is_empty(), "an empty page is stored");
			for (slot, _) in findings.iter() {
				ensure!(known(page, slot), "something is to be raised of no meter");
			}
		}
		for (page, profiles) in ProfilePages::<T>::iter() {
			ensure!(!profiles.is_empty(), "an empty page is stored");
			for (slot, _) in profiles.iter() {
				ensure!(known(page, slot), "a profile is of no meter");
			}
		}
		if let Some(job) = Current::<T>::get() {
			ensure!(job.page <= job.pages, "a pass is beyond its pages");
		}
		Ok(())
	}
}
