//! The door to what meters have on offer and traded: nothing else touches [`Commitments`] and
//! [`OrdersOf`]. A [`Book`] counts the meters that have committed themselves in it and sums up to what; the
//! caller saves it.

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
	seek,
	types::{Book, BookId, Commitment, NewOrder},
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
fn mutate<T: Config>(
	id: BookId,
	book: &mut Book,
	meter: MeterId,
	change: impl Fn(&mut Commitment),
) {
	change(&mut book.committed);
	Commitments::<T>::mutate_exists(key(id, meter), |stored| {
		let before = stored.is_some();
		let mut commitment = stored.unwrap_or_default();
		change(&mut commitment);
		*stored = (commitment != Commitment::default()).then_some(commitment);
		match (before, stored.is_some()) {
			(false, true) => book.meters = book.meters.saturating_add(1),
			(true, false) => book.meters = book.meters.saturating_sub(1),
			_ => {}
		}
	});
}

/// Notes an order that goes to rest.
pub(crate) fn opened<T: Config>(
	id: BookId,
	book: &mut Book,
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
	mutate::<T>(id, book, meter, |commitment| {
		let open = commitment.open_mut(side);
		*open = open.saturating_add(energy);
	});
	Ok(())
}

/// Notes that an open order offers less.
pub(crate) fn reduced<T: Config>(
	id: BookId,
	book: &mut Book,
	side: Side,
	meter: MeterId,
	energy: WattHours,
) {
	mutate::<T>(id, book, meter, |commitment| {
		let open = commitment.open_mut(side);
		*open = open.saturating_sub(energy);
	});
}

/// Notes a trade of energy that was on offer as an open order.
pub(crate) fn filled<T: Config>(
	id: BookId,
	book: &mut Book,
	side: Side,
	meter: MeterId,
	energy: WattHours,
) {
	mutate::<T>(id, book, meter, |commitment| {
		let open = commitment.open_mut(side);
		*open = open.saturating_sub(energy);
		let traded = commitment.traded_mut(side);
		*traded = traded.saturating_add(energy);
	});
}

/// Notes a trade of energy that was not on offer before.
pub(crate) fn traded<T: Config>(
	id: BookId,
	book: &mut Book,
	side: Side,
	meter: MeterId,
	energy: WattHours,
) {
	mutate::<T>(id, book, meter, |commitment| {
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

/// Forgets, one by one, what the next `count` meters had committed to: there must be as many. Those up to
/// `after` are forgotten already, and not sought past again.
pub(crate) fn forget<T: Config>(
	id: BookId,
	after: Option<MeterId>,
	count: u32,
) -> impl Iterator<Item = MeterId> {
	let prefix = (Be32::from(id.microgrid), Be32::from(id.period));
	let meters = match after {
		None => Commitments::<T>::iter_key_prefix(prefix),
		Some(meter) => Commitments::<T>::iter_key_prefix_from(
			prefix,
			Commitments::<T>::hashed_key_for(key(id, meter)),
		),
	};
	seek::at_most(count, meters.drain()).map(|meter| MeterId(meter.get()))
}

/// Why a meter cannot stand for more than its rating.
pub(crate) fn exceeds<T: Config>(side: Side) -> Error<T> {
	match side {
		Side::Ask => Error::ExceedsExportRating,
		Side::Bid => Error::ExceedsImportRating,
	}
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
	ensure!(at_most <= rated, exceeds::<T>(order.side));
	if let MeterKind::Storage { capacity } = info.kind {
		checked();
		let current = T::Clock::current();
		// What is not known is taken as full by who wants to buy, as empty by who wants to sell.
		let unknown = match order.side {
			Side::Ask => WattHours::ZERO,
			Side::Bid => capacity,
		};
		let check = StorageCheck {
			capacity,
			charge: T::Meters::state_of_charge(order.meter).unwrap_or(unknown),
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
