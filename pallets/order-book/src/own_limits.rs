//! The door to what accounts bid and ask in call auctions: nothing else touches [`OwnLimits`].
//!
//! In an auction orders meet when the gate has closed, and whoever pairs them does not look at owners. So
//! an order that crosses one of the same owner is refused when it is placed. To know, in constant work,
//! only how many orders the owner has on either side is kept, and the best limit since there were none.

use frame_support::ensure;
use gridweave_primitives::{market::Side, Be32, Price};
use sp_runtime::DispatchResult;

use crate::{
	types::{AccountLimits, BookId},
	Config, Error, OwnLimits,
};

fn key<AccountId>(id: BookId, who: AccountId) -> (Be32, Be32, AccountId) {
	(id.microgrid.into(), id.period.into(), who)
}

/// Refuses an order that would cross one of its owner.
pub(crate) fn check<T: Config>(
	id: BookId,
	who: &T::AccountId,
	side: Side,
	limit: Price,
) -> DispatchResult {
	let other = OwnLimits::<T>::get(key(id, who)).of(side.opposite());
	ensure!(
		other.orders == 0 || !side.crosses(limit, other.best),
		Error::<T>::CrossesOwnOrder
	);
	Ok(())
}

/// Notes an order that goes to rest.
pub(crate) fn opened<T: Config>(id: BookId, who: &T::AccountId, side: Side, limit: Price) {
	OwnLimits::<T>::mutate(key(id, who), |limits| {
		let own = limits.of_mut(side);
		if own.orders == 0 || side.is_better(limit, own.best) {
			own.best = limit;
		}
		own.orders = own.orders.saturating_add(1);
	});
}

/// Notes that an order is no longer open.
pub(crate) fn closed<T: Config>(id: BookId, who: &T::AccountId, side: Side) {
	OwnLimits::<T>::mutate_exists(key(id, who), |stored| {
		let Some(limits) = stored else { return };
		let own = limits.of_mut(side);
		own.orders = own.orders.saturating_sub(1);
		if own.orders == 0 {
			*own = Default::default();
		}
		if *limits == AccountLimits::default() {
			*stored = None;
		}
	});
}
