//! Deposits that are taken for tampering.

use frame_support::traits::{
	fungible::hold::Mutate as _,
	tokens::{Fortitude, Precision, Restriction},
};
use gridweave_primitives::{
	traits::{CommunityFunds, MeterDeposits},
	Balance, Be32, MeterId,
};
use sp_runtime::Permill;

use crate::{Config, Event, HoldReason, Meters, Pallet};

impl<T: Config> MeterDeposits for Pallet<T> {
	/// To the fund, not to the operator: who appoints the inspectors must not gain by what they find. Nothing
	/// is moved if there is no such meter, or if the funds' account cannot receive it.
	fn slash_deposit(meter: MeterId, share: Permill) -> Balance {
		let key = Be32::from(meter);
		let Some(mut record) = Meters::<T>::get(key) else {
			return 0;
		};
		let amount = share.mul_ceil(record.deposit);
		if amount == 0 {
			return 0;
		}
		let moved = T::Currency::transfer_on_hold(
			&HoldReason::Registration.into(),
			&record.owner,
			&T::Funds::account(),
			amount,
			Precision::BestEffort,
			Restriction::Free,
			Fortitude::Force,
		);
		let moved = match moved {
			Ok(moved) => moved,
			Err(error) => {
				log::error!(
					target: "runtime::meter-registry",
					"the deposit of meter {meter} cannot be taken: {error:?}",
				);
				return 0;
			}
		};
		let (owner, microgrid) = (record.owner.clone(), record.microgrid);
		T::Funds::received(microgrid, moved);
		// At most what is left: what is gone is not released when the meter is freed.
		record.deposit = record.deposit.saturating_sub(moved);
		Meters::<T>::insert(key, record);
		Self::deposit_event(Event::DepositSlashed {
			meter,
			owner,
			microgrid,
			amount: moved,
		});
		moved
	}
}
