//! Invariants:
//!
//! 1. The clock fits the block time.
//! 2. Ids are dense: there are [`Count`] microgrids, at most [`Config::MaxMicrogrids`], with ids from 0.
//! 3. All terms, present and of open periods, are sound.
//! 4. On each operator's account exactly the deposits of its microgrids are held, on all others nothing.
//! 5. Every period range belongs to a microgrid and is ordered: `first ≤ from ≤ until`.
//! 6. Terms are stored for exactly the periods of the ranges: all from `from` up to `until`, but for those
//!    skipped, and `from` itself is never one of those.
//! 7. An offer belongs to a microgrid and goes to another account than its operator's.
//! 8. Passes stay within the microgrids.

use alloc::collections::BTreeMap;

use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use gridweave_primitives::{Balance, Be32, MicrogridId, Period};
use sp_runtime::TryRuntimeError;

use crate::{
	Clock, Config, Count, HoldReason, Microgrids, Offers, OpenPass, Pallet, PeriodTerms, Periods,
	PrunePass,
};

impl<T: Config> Pallet<T> {
	/// Checks the invariants of this pallet.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Clock::<T>::get()
			.check(T::BlockSeconds::get())
			.map_err(TryRuntimeError::Other)?;
		Self::try_microgrids()?;
		Self::try_periods()?;
		let count = Count::<T>::get();
		ensure!(
			OpenPass::<T>::get().next.0 <= count,
			"opening is beyond the last microgrid"
		);
		ensure!(
			PrunePass::<T>::get().next.0 <= count,
			"pruning is beyond the last microgrid"
		);
		Ok(())
	}

	fn try_microgrids() -> Result<(), TryRuntimeError> {
		let count = Count::<T>::get();
		ensure!(count <= T::MaxMicrogrids::get(), "too many microgrids");
		let mut stored = 0u32;
		let mut deposits = BTreeMap::<T::AccountId, Balance>::new();
		for (id, microgrid) in Microgrids::<T>::iter() {
			stored = stored.saturating_add(1);
			ensure!(id.0 < count, "a microgrid's id is beyond their number");
			ensure!(
				Self::check_terms(&microgrid.terms).is_ok(),
				"a microgrid's terms are unsound"
			);
			let sum = deposits.entry(microgrid.operator).or_default();
			*sum = sum.saturating_add(microgrid.deposit);
		}
		ensure!(stored == count, "microgrids are missing");
		// All accounts: a hold may have been left on that of a former operator.
		for who in frame_system::Account::<T>::iter_keys() {
			let held = T::Currency::balance_on_hold(&HoldReason::Microgrid.into(), &who);
			let deposited = deposits.remove(&who).unwrap_or_default();
			ensure!(
				held == deposited,
				"an account's deposits are not what is held"
			);
		}
		ensure!(
			deposits.into_values().all(|sum| sum == 0),
			"an operator with a deposit has no account"
		);
		for (id, successor) in Offers::<T>::iter() {
			let microgrid = Microgrids::<T>::get(id).ok_or("an offer of no microgrid")?;
			ensure!(
				microgrid.operator != successor,
				"an offer to the operator itself"
			);
		}
		Ok(())
	}

	fn try_periods() -> Result<(), TryRuntimeError> {
		let mut kept = BTreeMap::<MicrogridId, u32>::new();
		for ((id, period), terms) in PeriodTerms::<T>::iter() {
			let (id, period) = (MicrogridId(id.get()), Period(period.get()));
			let range = Periods::<T>::get(id).ok_or("a period of no microgrid")?;
			ensure!(
				range.from <= period && period < range.until,
				"a period out of range"
			);
			ensure!(
				Self::check_terms(&terms).is_ok(),
				"a period's terms are unsound"
			);
			let count = kept.entry(id).or_default();
			*count = count.saturating_add(1);
		}
		for (id, range) in Periods::<T>::iter() {
			ensure!(Microgrids::<T>::contains_key(id), "a range of no microgrid");
			ensure!(
				range.first <= range.from && range.from <= range.until,
				"a disordered range"
			);
			let kept = kept.get(&id).copied().unwrap_or_default();
			ensure!(
				range.until.0.checked_sub(range.from.0) == kept.checked_add(range.skipped),
				"a range does not count its periods",
			);
			ensure!(
				range.from == range.until
					|| PeriodTerms::<T>::contains_key((Be32::from(id), Be32::from(range.from))),
				"a range starts with a period that is not kept",
			);
		}
		Ok(())
	}
}
