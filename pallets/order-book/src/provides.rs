//! What the order book offers to other pallets.

use gridweave_primitives::{
	market::Interest,
	traits::{MarketInspect, MeterCommitments},
	MeterId, MicrogridId, Period,
};

use crate::{book, commitments, types::BookId, Config, Pallet};

impl<T: Config> MeterCommitments for Pallet<T> {
	/// Open orders. What has traded is a position of settlement.
	fn has_commitments(meter: MeterId) -> bool {
		commitments::any_order::<T>(meter)
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
