//! Invariants of standing orders.

use alloc::collections::{btree_map::BTreeMap, btree_set::BTreeSet};

use frame_support::{ensure, traits::fungible::InspectHold};
use gridweave_primitives::{Balance, Be32, MeterId};
use sp_runtime::TryRuntimeError;

use crate::{
	book::block, types::Round, Config, HoldReason, Pallet, StandingAgenda, StandingOrders,
	StandingRounds, StandingServed,
};

impl<T: Config> Pallet<T> {
	/// What must be held for standing orders, by account.
	pub fn held_for_standing_orders() -> BTreeMap<T::AccountId, Balance> {
		let mut held = BTreeMap::new();
		for order in StandingOrders::<T>::iter_values() {
			let total: &mut Balance = held.entry(order.owner).or_default();
			*total = total.saturating_add(order.deposit);
		}
		held
	}

	/// Checks that
	///
	/// * of each account exactly the deposits of its standing orders are held;
	/// * each round counts the standing orders of its microgrid, and those up to where it has come;
	/// * each round is on the agenda exactly once, and nothing else is; nothing on it lies before what had
	///   its turn in this block.
	pub(crate) fn check_standing() -> Result<(), TryRuntimeError> {
		let reason = HoldReason::StandingOrder.into();
		for (who, deposits) in Self::held_for_standing_orders() {
			ensure!(
				T::Currency::balance_on_hold(&reason, &who) == deposits,
				"what is held of an account is not what its standing orders need"
			);
		}
		let mut found: BTreeMap<Be32, Round> = BTreeMap::new();
		for (grid, meter, side) in StandingOrders::<T>::iter_keys() {
			let stored = StandingRounds::<T>::get(grid);
			let stored = stored.ok_or("a standing order is in no round")?;
			let round = found.entry(grid).or_insert(Round {
				orders: 0,
				passed: 0,
				..stored
			});
			round.enter((MeterId(meter.get()), side));
		}
		for (grid, round) in StandingRounds::<T>::iter() {
			let counted = found.remove(&grid).unwrap_or(Round {
				orders: 0,
				passed: 0,
				..round
			});
			ensure!(round == counted, "standing orders are miscounted");
		}
		let mut due = BTreeSet::new();
		for (_, _, grid) in StandingAgenda::<T>::iter_keys() {
			ensure!(due.insert(grid), "a round is on the agenda twice");
		}
		ensure!(
			StandingAgenda::<T>::count() as usize == due.len(),
			"the agenda of standing orders is miscounted"
		);
		if let Some((in_block, served)) = StandingServed::<T>::get() {
			let first = StandingAgenda::<T>::iter_keys().next();
			ensure!(
				in_block != block::<T>() || first.is_none_or(|first| first > served),
				"a round on the agenda would be passed over"
			);
		}
		let rounds: BTreeSet<Be32> = StandingRounds::<T>::iter_keys().collect();
		ensure!(due == rounds, "agenda and rounds differ");
		Ok(())
	}
}
