//! The till of a community: takes what members owe, pays what they are owed, and lets the operator
//! front what is missing.

use gridweave_primitives::Balance;
use sp_runtime::traits::Zero;

use crate::{
	table::Table,
	types::{Creditor, Till},
	Config, Indebted, Pallet,
};

impl<T: Config> Pallet<T> {
	/// Takes `amount` from a member's free balance into the pot; the rest becomes arrears. What the
	/// operator owes itself is not moved. Whether debts have changed.
	pub(crate) fn till_collect(
		till: &mut Till<T::AccountId>,
		table: &mut Table<T>,
		who: &T::AccountId,
		amount: Balance,
	) -> bool {
		if *who == till.operator {
			return false;
		}
		let paid = table.draw(who, amount);
		till.pot = till.pot.saturating_add(paid);
		let missing = amount.saturating_sub(paid);
		if missing.is_zero() {
			return false;
		}
		Self::owe(table, who, till.microgrid, missing);
		true
	}

	/// Takes a member's arrears from its free balance into the pot, as far as that goes: for a margin that
	/// was locked when the bill came, and no longer is. Whether debts have changed.
	pub(crate) fn till_recover(
		till: &mut Till<T::AccountId>,
		table: &mut Table<T>,
		who: &T::AccountId,
	) -> bool {
		let arrears = Self::arrears_at(table, who, till.microgrid);
		let paid = table.draw(who, arrears);
		till.pot = till.pot.saturating_add(paid);
		!Self::reduce_arrears(table, who, till.microgrid, paid).is_zero()
	}

	/// Pays `amount` to a member or the fund: set off against arrears first, then from the pot, then
	/// from the operator's ledger unless claims wait for that, on this community or another of the
	/// operator's; the rest becomes a claim. Whether debts have changed.
	pub(crate) fn till_pay(
		till: &mut Till<T::AccountId>,
		table: &mut Table<T>,
		creditor: Creditor<T::AccountId>,
		amount: Balance,
	) -> bool {
		let microgrid = till.microgrid;
		let set_off = match &creditor {
			Creditor::Member(who) if *who == till.operator => return false,
			Creditor::Member(who) => Self::reduce_arrears(table, who, microgrid, amount),
			Creditor::Fund => 0,
		};
		let due = amount.saturating_sub(set_off);
		if due.is_zero() {
			return !set_off.is_zero();
		}
		let from_pot = due.min(till.pot);
		till.pot = till.pot.saturating_sub(from_pot);
		let missing = due.saturating_sub(from_pot);
		// The queue of a community whose operator has changed counts for the new one once it is looked at.
		let fronted = if missing.is_zero()
			|| Self::has_claims(microgrid)
			|| Indebted::<T>::contains_key(&till.operator)
		{
			0
		} else {
			table.draw(&till.operator, missing)
		};
		let paid = from_pot.saturating_add(fronted);
		match &creditor {
			Creditor::Member(who) => table.credit(who, paid),
			Creditor::Fund => Self::add_to_fund(microgrid, paid),
		}
		let claimed = due.saturating_sub(paid);
		Self::claim(microgrid, &till.operator, creditor, claimed);
		!set_off.is_zero() || !claimed.is_zero()
	}

	/// Gives the operator what is left.
	pub(crate) fn till_close(till: &mut Till<T::AccountId>, table: &mut Table<T>) {
		table.credit(&till.operator, core::mem::take(&mut till.pot));
	}
}
