//! The door to stored standing orders: nothing else touches [`StandingOrders`].

use gridweave_primitives::{market::Side, Be32, MeterId, MicrogridId};

use crate::{
	seek,
	types::{Round, StandingKey, StandingOrder},
	Config, StandingOrders,
};

fn key(microgrid: MicrogridId, (meter, side): StandingKey) -> (Be32, Be32, Side) {
	(microgrid.into(), meter.into(), side)
}

/// A standing order.
pub(crate) fn get<T: Config>(
	microgrid: MicrogridId,
	of: StandingKey,
) -> Option<StandingOrder<T::AccountId>> {
	StandingOrders::<T>::get(key(microgrid, of))
}

/// Stores a standing order.
pub(crate) fn put<T: Config>(
	microgrid: MicrogridId,
	of: StandingKey,
	order: &StandingOrder<T::AccountId>,
) {
	StandingOrders::<T>::insert(key(microgrid, of), order);
}

/// Removes a standing order.
pub(crate) fn remove<T: Config>(microgrid: MicrogridId, of: StandingKey) {
	StandingOrders::<T>::remove(key(microgrid, of));
}

/// The next standing order of a microgrid in a round that is not over.
pub(crate) fn next<T: Config>(
	microgrid: MicrogridId,
	round: &Round,
) -> Option<(StandingKey, StandingOrder<T::AccountId>)> {
	let prefix = (Be32::from(microgrid),);
	let orders = match round.after {
		None => StandingOrders::<T>::iter_prefix(prefix),
		Some(last) => StandingOrders::<T>::iter_prefix_from(
			prefix,
			StandingOrders::<T>::hashed_key_for(key(microgrid, last)),
		),
	};
	let (key, order): ((Be32, Side), _) = seek::at_most(round.left().min(1), orders).next()?;
	Some(((MeterId(key.0.get()), key.1), order))
}
