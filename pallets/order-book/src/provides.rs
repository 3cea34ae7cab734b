//! What the order book offers to other pallets.

use frame_support::{traits::Get, weights::Weight};
use gridweave_primitives::{
	market::Interest,
	traits::{
		MarketInspect, MeterCommitments, MeterInspect, OnMeterRetired, SettlementClock,
		SettlementProgress,
	},
	Be32, MeterId, MicrogridId, Period,
};

use crate::{book, commitments, types::BookId, Config, MeterDealings, Pallet};

impl<T: Config> MeterCommitments for Pallet<T> {
	/// Open orders, and trades that are not settled.
	fn has_commitments(meter: MeterId) -> bool {
		let dealings = commitments::of::<T>(meter);
		let settled_before = || {
			let microgrid = T::Meters::meter(meter).map(|info| info.microgrid);
			microgrid.map_or_else(T::Clock::current, T::Progress::settled_before)
		};
		!dealings.orders.is_empty()
			|| (!dealings.is_empty() && dealings.has_trades(settled_before()))
	}
}

impl<T: Config> OnMeterRetired for Pallet<T> {
	/// Forgets what it traded. It has no open orders.
	fn on_meter_retired(meter: MeterId) {
		MeterDealings::<T>::remove(Be32::from(meter));
	}

	fn weight() -> Weight {
		T::DbWeight::get().writes(1)
	}
}

impl<T: Config> MarketInspect for Pallet<T> {
	fn interest(microgrid: MicrogridId, period: Period) -> Interest {
		let Some(book) = book::load::<T>(BookId { microgrid, period }) else {
			return Interest::default();
		};
		Interest {
			asks: book.committed.asks,
			bids: book.committed.bids,
			sold: book.committed.sold,
			bought: book.committed.bought,
			best_ask: book.best_ask.map(|place| place.price),
			best_bid: book.best_bid.map(|place| place.price),
		}
	}
}
