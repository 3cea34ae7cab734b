//! What members owe: bills that their trading balance did not cover. The only door to [`Arrears`].
//!
//! Nobody owes a community and has a claim on it at once: one is set off against the other when either
//! would be recorded.

use gridweave_primitives::{traits::MicrogridInspect, Balance, Be32, MicrogridId};
use sp_runtime::{traits::Zero, DispatchResult};

use crate::{table::Table, types::Creditor, Arrears, Config, Error, Event, Pallet};

impl<T: Config> Pallet<T> {
	/// Records what `who` owes to a community's operator, after setting it off against its claim.
	pub(crate) fn owe(
		table: &mut Table<T>,
		who: &T::AccountId,
		microgrid: MicrogridId,
		amount: Balance,
	) {
		let set_off = Self::reduce_claim(microgrid, &Creditor::Member(who.clone()), amount, true);
		let amount = amount.saturating_sub(set_off);
		if amount.is_zero() {
			return;
		}
		// Sums of bills, far below the bounds of a balance.
		let total = Arrears::<T>::mutate(who, Be32::from(microgrid), |arrears| {
			*arrears = arrears.saturating_add(amount);
			*arrears
		});
		table.change(who, |member| {
			member.owing = member.owing.saturating_add(amount)
		});
		Self::deposit_event(Event::ArrearsGrew {
			who: who.clone(),
			microgrid,
			amount,
			total,
		});
	}

	/// What `who` owes to a community. Whoever owes nothing anywhere, as most do, is not looked for there.
	pub(crate) fn arrears_at(
		table: &Table<T>,
		who: &T::AccountId,
		microgrid: MicrogridId,
	) -> Balance {
		if table.member(who).owing.is_zero() {
			return 0;
		}
		Arrears::<T>::get(who, Be32::from(microgrid))
	}

	/// Reduces arrears by up to `amount`; returns by how much. The caller moves the money.
	pub(crate) fn reduce_arrears(
		table: &mut Table<T>,
		who: &T::AccountId,
		microgrid: MicrogridId,
		amount: Balance,
	) -> Balance {
		let arrears = Self::arrears_at(table, who, microgrid);
		let paid = amount.min(arrears);
		if paid.is_zero() {
			return 0;
		}
		let left = arrears.saturating_sub(paid);
		Arrears::<T>::mutate_exists(who, Be32::from(microgrid), |arrears| {
			*arrears = (!left.is_zero()).then_some(left)
		});
		table.change(who, |member| {
			member.owing = member.owing.saturating_sub(paid)
		});
		Self::deposit_event(Event::ArrearsPaid {
			who: who.clone(),
			microgrid,
			amount: paid,
			left,
		});
		paid
	}

	pub(crate) fn do_pay_arrears(
		who: &T::AccountId,
		microgrid: MicrogridId,
		amount: Balance,
	) -> DispatchResult {
		frame_support::ensure!(!amount.is_zero(), Error::<T>::ZeroAmount);
		Self::anywhere(|table| {
			let due = amount.min(Self::arrears_at(table, who, microgrid));
			frame_support::ensure!(!due.is_zero(), Error::<T>::NoArrears);
			let drawn = due.min(table.member(who).free());
			let missing = due.saturating_sub(drawn);
			if !missing.is_zero() {
				Self::collect_from_account(who, missing)?;
			}
			table.draw(who, drawn);
			Self::reduce_arrears(table, who, microgrid, due);
			match T::Microgrids::operator(microgrid) {
				Some(operator) => table.credit(&operator, due),
				// A community that has ceased to exist has no operator to pay.
				None => Self::add_to_fund(microgrid, due),
			}
			Ok(())
		})
	}

	/// Adds to a community's fund money that the clearing house already holds.
	pub(crate) fn add_to_fund(microgrid: MicrogridId, amount: Balance) {
		if !amount.is_zero() {
			// No saturation: bounded by the total issuance.
			crate::Funds::<T>::mutate(Be32::from(microgrid), |fund| {
				*fund = fund.saturating_add(amount)
			});
		}
	}
}
