//! The door to what meters have on offer and traded: nothing else touches [`MeterDealings`]. A [`Book`] sums up what
//! the meters in it have committed themselves to; the caller saves it.

use frame_support::{defensive, ensure};
use gridweave_primitives::{
	market::Side,
	meter::{MeterInfo, MeterKind},
	traits::{MeterInspect, SettlementClock, SettlementProgress},
	Be32, MeterId, OrderId, Period, WattHours,
};
use sp_runtime::DispatchResult;

use crate::{
	availability::{rated, StorageCheck},
	types::{Book, BookId, Commitment, Dealings, NewOrder},
	Config, Error, MeterDealings,
};

type DealingsOf<T> = Dealings<<T as Config>::MaxOrdersPerMeter>;

/// What a meter has on offer and traded, over all periods.
pub(crate) fn of<T: Config>(meter: MeterId) -> DealingsOf<T> {
	MeterDealings::<T>::get(Be32::from(meter))
}

/// Changes it for a period of a book; what comes to nothing is freed.
fn mutate<T: Config>(
	meter: MeterId,
	book: &mut Book,
	id: BookId,
	change: impl Fn(&mut Commitment),
	orders: impl FnOnce(&mut DealingsOf<T>) -> DispatchResult,
) -> DispatchResult {
	change(&mut book.committed);
	MeterDealings::<T>::try_mutate_exists(Be32::from(meter), |stored| {
		let mut dealings = stored.take().unwrap_or_default();
		orders(&mut dealings)?;
		let settled_before = || T::Progress::settled_before(id.microgrid);
		if !dealings.change(id.period, settled_before, change) {
			// That there is room was looked at when the order was placed.
			defensive!("a meter deals in too many periods");
		}
		*stored = (!dealings.is_empty()).then_some(dealings);
		Ok(())
	})
}

/// As [`mutate`], and notes an order that ends, if one does.
fn change<T: Config>(
	meter: MeterId,
	book: &mut Book,
	id: BookId,
	ended: Option<OrderId>,
	change: impl Fn(&mut Commitment),
) {
	let _ = mutate::<T>(meter, book, id, change, |dealings| {
		if let Some(order) = ended {
			dealings.close(order);
		}
		Ok(())
	});
}

/// Notes an order that goes to rest.
pub(crate) fn opened<T: Config>(
	meter: MeterId,
	book: &mut Book,
	(id, side): (BookId, Side),
	order: OrderId,
	energy: WattHours,
) -> DispatchResult {
	let more = |commitment: &mut Commitment| {
		let open = commitment.open_mut(side);
		*open = open.saturating_add(energy);
	};
	mutate::<T>(meter, book, id, more, |dealings| {
		let pushed = dealings.orders.try_push(order);
		Ok(pushed.map_err(|_| Error::<T>::TooManyOrders)?)
	})
}

/// Notes that an open order offers less, or, if it ended, nothing any more.
pub(crate) fn reduced<T: Config>(
	meter: MeterId,
	book: &mut Book,
	(id, side): (BookId, Side),
	ended: Option<OrderId>,
	energy: WattHours,
) {
	change::<T>(meter, book, id, ended, |commitment| {
		let open = commitment.open_mut(side);
		*open = open.saturating_sub(energy);
	});
}

/// Notes a trade of energy that was on offer as an open order, which may have ended by it.
pub(crate) fn filled<T: Config>(
	meter: MeterId,
	book: &mut Book,
	(id, side): (BookId, Side),
	ended: Option<OrderId>,
	energy: WattHours,
) {
	change::<T>(meter, book, id, ended, |commitment| {
		let open = commitment.open_mut(side);
		*open = open.saturating_sub(energy);
		let traded = commitment.traded_mut(side);
		*traded = traded.saturating_add(energy);
	});
}

/// Notes a trade of energy that was not on offer before.
pub(crate) fn traded<T: Config>(
	meter: MeterId,
	book: &mut Book,
	(id, side): (BookId, Side),
	energy: WattHours,
) {
	change::<T>(meter, book, id, None, |commitment| {
		let traded = commitment.traded_mut(side);
		*traded = traded.saturating_add(energy);
	});
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
	let dealings = of::<T>(order.meter);
	let settled_before = || T::Progress::settled_before(info.microgrid);
	ensure!(
		dealings.has_room_for(order.period, settled_before),
		Error::<T>::TooManyOrders
	);
	let at_most = dealings
		.of(order.period)
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
			check.is_feasible(upcoming::<T>(&dealings, current)),
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
	dealings: &DealingsOf<T>,
	current: Period,
) -> impl Iterator<Item = (Period, Commitment)> + '_ {
	use frame_support::traits::Get;
	(0..=T::Horizon::get()).map(move |ahead| {
		let period = current.saturating_add(ahead);
		(period, dealings.of(period))
	})
}
