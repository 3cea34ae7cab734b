//! Trading balances: money in and out of the clearing house, and locks. The only door to [`Ledger`].

use frame_support::{
	defensive,
	traits::{
		fungible::{Inspect, Mutate},
		tokens::{DepositConsequence, Preservation, Provenance},
		Get,
	},
};
use gridweave_primitives::{Balance, MicrogridId};
use sp_runtime::{
	traits::{AccountIdConversion, Zero},
	DispatchResult,
};

use crate::{types::Member, Config, Error, Event, Funds, Indebted, Ledger, Pallet};

impl<T: Config> Pallet<T> {
	/// The account that holds all trading balances, funds and pots.
	pub fn clearing_account() -> T::AccountId {
		T::PalletId::get().into_account_truncating()
	}

	/// Changes a member's entry, opens it if there is none, frees it if it is empty afterwards.
	pub(crate) fn mutate_member<R>(who: &T::AccountId, f: impl FnOnce(&mut Member) -> R) -> R {
		Ledger::<T>::mutate_exists(who, |entry| {
			let mut member = entry.take().unwrap_or_default();
			let result = f(&mut member);
			*entry = (!member.is_empty()).then_some(member);
			result
		})
	}

	/// Adds to a trading balance money that the clearing house already holds.
	pub(crate) fn credit(who: &T::AccountId, amount: Balance) {
		if !amount.is_zero() {
			// No saturation: bounded by the total issuance.
			Self::mutate_member(who, |member| {
				member.balance = member.balance.saturating_add(amount)
			});
		}
	}

	/// Takes up to `amount` of a trading balance's free part; returns what was taken.
	pub(crate) fn draw(who: &T::AccountId, amount: Balance) -> Balance {
		if amount.is_zero() {
			return 0;
		}
		// Nothing is written for one that has nothing.
		Ledger::<T>::try_mutate_exists(who, |entry| {
			let member = entry.as_mut().ok_or(())?;
			let drawn = member.draw(amount);
			if member.is_empty() {
				*entry = None;
			}
			(!drawn.is_zero()).then_some(drawn).ok_or(())
		})
		.unwrap_or(0)
	}

	/// Ends a lock.
	pub(crate) fn release(who: &T::AccountId, amount: Balance) {
		if amount.is_zero() {
			return;
		}
		Self::mutate_member(who, |member| match member.locked.checked_sub(amount) {
			Some(locked) => member.locked = locked,
			None => {
				defensive!("more unlocked than was locked");
				member.locked = 0;
			}
		});
	}

	/// Locks `amount`; what is missing is topped up from the account, to at least `MinTopUp` if that
	/// opens the trading balance. Not for operators with open claims: a lock would keep money from them.
	pub(crate) fn do_lock(who: &T::AccountId, amount: Balance) -> DispatchResult {
		if amount.is_zero() {
			return Ok(());
		}
		frame_support::ensure!(!Indebted::<T>::contains_key(who), Error::<T>::OwesClaims);
		let member = Ledger::<T>::get(who);
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
			Self::pay_in(who, missing.max(least))?;
		}
		Self::mutate_member(who, |member| member.locked = locked);
		Ok(())
	}

	pub(crate) fn do_top_up(who: &T::AccountId, amount: Balance) -> DispatchResult {
		frame_support::ensure!(!amount.is_zero(), Error::<T>::ZeroAmount);
		frame_support::ensure!(
			amount >= T::MinTopUp::get() || Ledger::<T>::get(who).is_open(),
			Error::<T>::BelowMinimumTopUp
		);
		Self::pay_in(who, amount)
	}

	fn pay_in(who: &T::AccountId, amount: Balance) -> DispatchResult {
		Self::collect_from_account(who, amount)?;
		Self::credit(who, amount);
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
		let member = Ledger::<T>::get(who);
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
		Self::draw(who, amount);
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
		Self::credit(&beneficiary, amount);
		Self::deposit_event(Event::FundSpent {
			microgrid,
			beneficiary,
			amount,
		});
		Ok(())
	}
}
