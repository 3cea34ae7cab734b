//! The door to what meters have on offer and traded: nothing else touches [`Commitments`] and
//! [`OrdersOf`].

use frame_support::ensure;
use gridweave_primitives::{
	market::Side,
	meter::{MeterInfo, MeterKind},
	traits::{MeterInspect, SettlementClock},
	Be32, MeterId, MicrogridId, OrderId, Period, WattHours,
};
use sp_runtime::DispatchResult;

use crate::{
	availability::{rated, StorageCheck},
	types::{BookId, Commitment, NewOrder},
	Commitments, Config, Error, OrdersOf,
};

fn key(book: BookId, meter: MeterId) -> (Be32, Be32, Be32) {
	(book.microgrid.into(), book.period.into(), meter.into())
}

/// What a meter has on offer and traded in a book.
pub(crate) fn of<T: Config>(book: BookId, meter: MeterId) -> Commitment {
	Commitments::<T>::get(key(book, meter))
}

/// Changes it; what comes to nothing is freed.
fn mutate<T: Config>(book: BookId, meter: MeterId, change: impl FnOnce(&mut Commitment)) {
	Commitments::<T>::mutate_exists(key(book, meter), |stored| {
		let mut commitment = stored.unwrap_or_default();
		change(&mut commitment);
		*stored = (commitment != Commitment::default()).then_some(commitment);
	});
}

/// Notes an order that goes to rest.
pub(crate) fn opened<T: Config>(
	book: BookId,
	side: Side,
	meter: MeterId,
	order: OrderId,
	energy: WattHours,
) -> DispatchResult {
	OrdersOf::<T>::try_mutate(Be32::from(meter), |orders| {
		orders
			.try_push(order)
			.map_err(|_| Error::<T>::TooManyOrders)
	})?;
	mutate::<T>(book, meter, |commitment| {
		let open = commitment.open_mut(side);
		*open = open.saturating_add(energy);
	});
	Ok(())
}

/// Notes that an open order offers less.
pub(crate) fn reduced<T: Config>(book: BookId, side: Side, meter: MeterId, energy: WattHours) {
	mutate::<T>(book, meter, |commitment| {
		let open = commitment.open_mut(side);
		*open = open.saturating_sub(energy);
	});
}

/// Notes a trade of energy that was on offer as an open order.
pub(crate) fn filled<T: Config>(book: BookId, side: Side, meter: MeterId, energy: WattHours) {
	mutate::<T>(book, meter, |commitment| {
		let open = commitment.open_mut(side);
		*open = open.saturating_sub(energy);
		let traded = commitment.traded_mut(side);
		*traded = traded.saturating_add(energy);
	});
}

/// Notes a trade of energy that was not on offer before.
pub(crate) fn traded<T: Config>(book: BookId, side: Side, meter: MeterId, energy: WattHours) {
	mutate::<T>(book, meter, |commitment| {
		let traded = commitment.traded_mut(side);
		*traded = traded.saturating_add(energy);
	});
}

/// Notes that an order is no longer open.
pub(crate) fn closed<T: Config>(meter: MeterId, order: OrderId) {
	OrdersOf::<T>::mutate_exists(Be32::from(meter), |stored| {
		let Some(orders) = stored else { return };
		// Ascending: ids are given out in order.
		if let Ok(place) = orders.binary_search(&order) {
			orders.remove(place);
		}
		if orders.is_empty() {
			*stored = None;
		}
	});
}

/// The open orders of a meter, oldest first.
pub(crate) fn orders_of<T: Config>(meter: MeterId) -> alloc::vec::Vec<OrderId> {
	OrdersOf::<T>::get(Be32::from(meter)).into_inner()
}

/// Whether a meter has open orders.
pub(crate) fn any_order<T: Config>(meter: MeterId) -> bool {
	OrdersOf::<T>::contains_key(Be32::from(meter))
}

/// The meters with commitments in a book, to be forgotten one by one.
pub(crate) fn forget<T: Config>(book: BookId) -> impl Iterator<Item = Be32> {
	let prefix = (Be32::from(book.microgrid), Be32::from(book.period));
	Commitments::<T>::iter_key_prefix(prefix).drain()
}

/// Refuses an order that the meter cannot stand for ([`crate::availability`]). `checked` is told when a
/// storage has to be followed over all open periods.
pub(crate) fn check<T: Config>(
	info: &MeterInfo<T::AccountId>,
	order: &NewOrder,
	checked: impl FnOnce(),
) -> DispatchResult {
	let clock = T::Clock::clock();
	let book = BookId {
		microgrid: info.microgrid,
		period: order.period,
	};
	let at_most = of::<T>(book, order.meter)
		.at_most(order.side)
		.saturating_add(order.energy);
	let rated = rated(&info.ratings, order.side, clock.period_length);
	ensure!(
		at_most <= rated,
		match order.side {
			Side::Ask => Error::<T>::ExceedsExportRating,
			Side::Bid => Error::<T>::ExceedsImportRating,
		}
	);
	if let MeterKind::Storage { capacity } = info.kind {
		checked();
		let current = T::Clock::current();
		let check = StorageCheck {
			capacity,
			charge: T::Meters::state_of_charge(order.meter).unwrap_or_default(),
			current,
			side: order.side,
			period: order.period,
			energy: order.energy,
		};
		ensure!(
			check.is_feasible(upcoming::<T>(info.microgrid, order.meter, current)),
			match order.side {
				Side::Ask => Error::<T>::ExceedsStateOfCharge,
				Side::Bid => Error::<T>::ExceedsCapacity,
			}
		);
	}
	Ok(())
}

/// A meter's commitments from the current period to the horizon, without gaps.
fn upcoming<T: Config>(
	microgrid: MicrogridId,
	meter: MeterId,
	current: Period,
) -> impl Iterator<Item = (Period, Commitment)> {
	use frame_support::traits::Get;
	(0..=T::Horizon::get()).map(move |ahead| {
		let period = current.saturating_add(ahead);
		(period, of::<T>(BookId { microgrid, period }, meter))
	})
}
