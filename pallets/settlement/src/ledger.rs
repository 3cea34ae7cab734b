//! Money in and out of the clearing house, and locks.

use frame_support::traits::{
	fungible::{Inspect, Mutate},
	tokens::{DepositConsequence, Preservation, Provenance},
	Get,
};
use gridweave_primitives::{Balance, MeterId, MicrogridId};
use sp_runtime::{
	traits::{AccountIdConversion, Zero},
	DispatchResult,
};

use crate::{table::Table, Config, Error, Event, Funds, Indebted, Pallet};

impl<T: Config> Pallet<T> {
	/// The account that holds all trading balances, funds and pots.
	pub fn clearing_account() -> T::AccountId {
		T::PalletId::get().into_account_truncating()
	}

	/// Locks `amount`; what is missing is topped up from the account, to at least `MinTopUp` if that
	/// opens the trading balance. Not for operators with open claims: a lock would keep money from them.
	pub(crate) fn do_lock(who: &T::AccountId, meter: MeterId, amount: Balance) -> DispatchResult {
		if amount.is_zero() {
			return Ok(());
		}
		frame_support::ensure!(!Indebted::<T>::contains_key(who), Error::<T>::OwesClaims);
		Self::near(meter, |table| {
			let member = table.member(who);
			let locked = member
				.locked
				.checked_add(amount)
				.ok_or(Error::<T>::Overflow)?;
			let missing = amount.saturating_sub(member.free());
			if !missing.is_zero() {
				let least = if member.is_open() {
					0
				} else {
					T::MinTopUp::get()
				};
				Self::pay_in(table, who, missing.max(least))?;
			}
			table.change(who, |member| member.locked = locked);
			Ok(())
		})
	}

	pub(crate) fn do_top_up(who: &T::AccountId, amount: Balance) -> DispatchResult {
		frame_support::ensure!(!amount.is_zero(), Error::<T>::ZeroAmount);
		frame_support::ensure!(
			amount >= T::MinTopUp::get() || Self::member(who).is_open(),
			Error::<T>::BelowMinimumTopUp
		);
		Self::anywhere(|table| Self::pay_in(table, who, amount))
	}

	fn pay_in(table: &mut Table<T>, who: &T::AccountId, amount: Balance) -> DispatchResult {
		Self::collect_from_account(who, amount)?;
		table.credit(who, amount);
		Self::deposit_event(Event::ToppedUp {
			who: who.clone(),
			amount,
		});
		Ok(())
	}

	/// Transfers from an account to the clearing house. The caller books it.
	pub(crate) fn collect_from_account(who: &T::AccountId, amount: Balance) -> DispatchResult {
		T::Currency::transfer(
			who,
			&Self::clearing_account(),
			amount,
			Preservation::Preserve,
		)
		.map(|_| ())
		.map_err(|_| Error::<T>::InsufficientFunds.into())
	}

	pub(crate) fn do_withdraw(who: &T::AccountId, amount: Balance) -> DispatchResult {
		frame_support::ensure!(!amount.is_zero(), Error::<T>::ZeroAmount);
		let member = Self::member(who);
		frame_support::ensure!(member.is_open(), Error::<T>::NotAMember);
		frame_support::ensure!(!Indebted::<T>::contains_key(who), Error::<T>::OwesClaims);
		let free = member
			.free()
			.checked_sub(amount)
			.ok_or(Error::<T>::InsufficientFree)?;
		frame_support::ensure!(free >= member.owing, Error::<T>::OwesArrears);
		let rest = member.balance.saturating_sub(amount);
		frame_support::ensure!(
			rest.is_zero() || rest >= T::MinTopUp::get(),
			Error::<T>::RestTooSmall
		);
		frame_support::ensure!(
			T::Currency::can_deposit(who, amount, Provenance::Extant)
				== DepositConsequence::Success,
			Error::<T>::CannotReceive
		);

		// Dust would leave the clearing house for good: it pays out all or keeps itself alive.
		let house = Self::clearing_account();
		let left = T::Currency::total_balance(&house).saturating_sub(amount);
		frame_support::ensure!(
			left.is_zero() || left >= T::Currency::minimum_balance(),
			Error::<T>::ReserveTooLow
		);
		T::Currency::transfer(&house, who, amount, Preservation::Expendable)?;
		Self::anywhere(|table| table.draw(who, amount));
		Self::deposit_event(Event::Withdrawn {
			who: who.clone(),
			amount,
		});
		Ok(())
	}

	pub(crate) fn do_spend_fund(
		microgrid: MicrogridId,
		beneficiary: T::AccountId,
		amount: Balance,
	) -> DispatchResult {
		frame_support::ensure!(!amount.is_zero(), Error::<T>::ZeroAmount);
		Funds::<T>::try_mutate_exists(gridweave_primitives::Be32::from(microgrid), |fund| {
			let left = fund
				.unwrap_or_default()
				.checked_sub(amount)
				.ok_or(Error::<T>::FundTooSmall)?;
			*fund = (!left.is_zero()).then_some(left);
			Ok::<_, Error<T>>(())
		})?;
		Self::anywhere(|table| table.credit(&beneficiary, amount));
		Self::deposit_event(Event::FundSpent {
			microgrid,
			beneficiary,
			amount,
		});
		Ok(())
	}
}
