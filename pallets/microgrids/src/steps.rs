//! The steps that calls, genesis and hooks share.

use frame_support::{
	ensure,
	traits::{fungible::MutateHold, Get},
	weights::{Weight, WeightMeter},
};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use gridweave_primitives::{microgrid::Terms, Balance, MicrogridId};
use sp_runtime::DispatchError;

use crate::{types::Microgrid, Config, Count, Error, HoldReason, Microgrids, Pallet};

impl<T: Config> Pallet<T> {
	/// The microgrid, if the origin is its operator.
	pub(crate) fn ensure_operator(
		origin: OriginFor<T>,
		microgrid: MicrogridId,
	) -> Result<Microgrid<T::AccountId>, DispatchError> {
		let who = ensure_signed(origin)?;
		let record = Microgrids::<T>::get(microgrid).ok_or(Error::<T>::UnknownMicrogrid)?;
		ensure!(record.operator == who, Error::<T>::NotOperator);
		Ok(record)
	}

	/// Refuses terms that no period may open with.
	pub(crate) fn check_terms(terms: &Terms) -> Result<(), Error<T>> {
		terms.check()?;
		if terms.rules.gate_closure >= T::Horizon::get() {
			return Err(Error::GateBeyondHorizon);
		}
		Ok(())
	}

	/// Holds the deposit of a microgrid, and tells how much that is.
	pub(crate) fn hold_deposit(operator: &T::AccountId) -> Result<Balance, DispatchError> {
		let deposit = T::Deposit::get();
		T::Currency::hold(&HoldReason::Microgrid.into(), operator, deposit)
			.map_err(|_| Error::<T>::DepositUnavailable)?;
		Ok(deposit)
	}

	/// Stores a new microgrid under the next id.
	pub(crate) fn add_microgrid(
		operator: &T::AccountId,
		terms: Terms,
		deposit: Balance,
	) -> Result<MicrogridId, Error<T>> {
		let id = Count::<T>::get();
		if id >= T::MaxMicrogrids::get() {
			return Err(Error::TooManyMicrogrids);
		}
		let microgrid = MicrogridId(id);
		Microgrids::<T>::insert(
			microgrid,
			Microgrid {
				operator: operator.clone(),
				terms,
				deposit,
			},
		);
		// Below `MaxMicrogrids`: cannot saturate.
		Count::<T>::put(id.saturating_add(1));
		Ok(microgrid)
	}

	/// Runs a task within its own budget and what is left of the block's.
	pub(crate) fn run_task(
		budget: Weight,
		meter: &mut WeightMeter,
		task: impl FnOnce(&mut WeightMeter),
	) {
		let mut own = WeightMeter::with_limit(budget.min(meter.remaining()));
		task(&mut own);
		meter.consume(own.consumed());
	}
}
