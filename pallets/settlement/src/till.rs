//! The till of a community: takes what members owe, pays what they are owed, and lets the operator
//! front what is missing.

use gridweave_primitives::Balance;
use sp_runtime::traits::Zero;

use crate::{
	types::{Creditor, Till},
	Config, Pallet,
};

impl<T: Config> Pallet<T> {
	/// Takes `amount` from a member's free balance into the pot; the rest becomes arrears. What the
	/// operator owes itself is not moved.
	pub(crate) fn till_collect(till: &mut Till<T::AccountId>, who: &T::AccountId, amount: Balance) {
		if *who == till.operator || amount.is_zero() {
			return;
		}
		let paid = Self::draw(who, amount);
		till.pot = till.pot.saturating_add(paid);
		Self::owe(who, till.microgrid, amount.saturating_sub(paid));
	}

	/// Pays `amount` to a member or the fund: set off against arrears first, then from the pot, then
	/// from the operator's ledger unless older claims wait for that; the rest becomes a claim.
	pub(crate) fn till_pay(
		till: &mut Till<T::AccountId>,
		creditor: Creditor<T::AccountId>,
		amount: Balance,
	) {
		let microgrid = till.microgrid;
		let due = match &creditor {
			Creditor::Member(who) if *who == till.operator => return,
			Creditor::Member(who) => {
				amount.saturating_sub(Self::reduce_arrears(who, microgrid, amount))
			}
			Creditor::Fund => amount,
		};
		if due.is_zero() {
			return;
		}
		let from_pot = due.min(till.pot);
		till.pot = till.pot.saturating_sub(from_pot);
		let missing = due.saturating_sub(from_pot);
		let fronted = if missing.is_zero() || Self::has_claims(microgrid) {
			0
		} else {
			Self::draw(&till.operator, missing)
		};
		let paid = from_pot.saturating_add(fronted);
		match &creditor {
			Creditor::Member(who) => Self::credit(who, paid),
			Creditor::Fund => Self::add_to_fund(microgrid, paid),
		}
		Self::claim(
			microgrid,
			&till.operator,
			creditor,
			due.saturating_sub(paid),
		);
	}

	/// Gives the operator what is left.
	pub(crate) fn till_close(till: &mut Till<T::AccountId>) {
		Self::credit(&till.operator, core::mem::take(&mut till.pot));
	}
}
