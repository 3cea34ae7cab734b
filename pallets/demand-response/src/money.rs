//! Money that is held: the only door to the currency.

use frame_support::{
	ensure,
	traits::{
		fungible::MutateHold,
		tokens::{Fortitude, Precision, Restriction},
	},
};
use gridweave_primitives::Balance;

use crate::{Config, Error, HoldReason, Pallet};

impl<T: Config> Pallet<T> {
	/// Holds `amount`.
	pub(crate) fn hold(
		reason: HoldReason,
		who: &T::AccountId,
		amount: Balance,
	) -> Result<(), Error<T>> {
		if amount == 0 {
			return Ok(());
		}
		T::Currency::hold(&reason.into(), who, amount).map_err(|_| Error::<T>::CannotHold)
	}

	/// Releases `amount`, which is held: nobody else takes of what is held for these reasons.
	pub(crate) fn release(reason: HoldReason, who: &T::AccountId, amount: Balance) {
		if amount == 0 {
			return;
		}
		let released = T::Currency::release(&reason.into(), who, amount, Precision::BestEffort);
		if released != Ok(amount) {
			log::error!(
				target: "runtime::demand-response",
				"{amount} was to be released, and is not: {released:?}",
			);
		}
	}

	/// Pays `amount` of what is held of `from` to `to`; whether that was possible. If not, nothing has changed:
	/// the account that was to be paid cannot receive it.
	#[must_use]
	pub(crate) fn pay(
		reason: HoldReason,
		from: &T::AccountId,
		to: &T::AccountId,
		amount: Balance,
	) -> bool {
		if from == to {
			Self::release(reason, from, amount);
			return true;
		}
		let paid = frame_support::storage::with_storage_layer(|| {
			let paid = T::Currency::transfer_on_hold(
				&reason.into(),
				from,
				to,
				amount,
				Precision::Exact,
				Restriction::Free,
				Fortitude::Force,
			)?;
			ensure!(paid == amount, Error::<T>::CannotHold);
			Ok::<(), sp_runtime::DispatchError>(())
		});
		if let Err(error) = paid {
			log::warn!(
				target: "runtime::demand-response",
				"{amount} could not be paid: {error:?}",
			);
			return false;
		}
		true
	}
}
