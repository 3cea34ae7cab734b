//! The call auction, by trying every price.
//!
//! At a price, so much is bid at it or above and so much is asked at it or below: the less of both trades. The
//! auction trades the most that any price allows, at a price that leaves no order better than it unfilled; of these
//! prices the midpoint, rounded down. Who fills: the better limit, then the earlier order.

use super::{types::*, *};

/// Price and volume of a book, if it trades.
pub fn clear(bids: &[Order], asks: &[Order]) -> Option<(Price, Wh)> {
	let (low, high, volume) = interval(bids, asks)?;
	Some((low + (high - low) / 2, volume))
}

/// The lowest and the highest clearing price, and the volume, if it trades.
pub fn interval(bids: &[Order], asks: &[Order]) -> Option<(Price, Price, Wh)> {
	let limits: BTreeSet<Price> = bids.iter().chain(asks).map(|order| order.limit).collect();
	let bid_from = |price: Price| -> Wh {
		bids.iter()
			.filter(|o| o.limit >= price)
			.map(|o| o.left)
			.sum()
	};
	let ask_up_to = |price: Price| -> Wh {
		asks.iter()
			.filter(|o| o.limit <= price)
			.map(|o| o.left)
			.sum()
	};
	let volume = limits
		.iter()
		.map(|price| bid_from(*price).min(ask_up_to(*price)))
		.max()?;
	if volume == 0 {
		return None;
	}
	// A clearing price trades the whole volume within limits, and what is strictly better than it fills: no more is
	// bid above it, or asked below it, than trades. Between limits nothing changes, so that the lowest and the highest
	// of these prices are limits of orders.
	let clears = |price: Price| {
		bid_from(price) >= volume
			&& ask_up_to(price) >= volume
			&& bid_from(price + 1) <= volume
			&& ask_up_to(price - 1) <= volume
	};
	let low = *limits.iter().find(|price| clears(**price))?;
	let high = *limits.iter().rev().find(|price| clears(**price))?;
	Some((low, high, volume))
}

impl Model {
	/// The next trade of an auction that was cleared: the best bid with the best ask.
	pub fn next_auction_trade(&mut self, id: (Grid, Period)) -> Option<Rec> {
		let book = self.books.get(&id)?;
		let (price, left) = book.clearing.filter(|(_, left)| *left > 0)?;
		let (bid, ask) = (book.bids.first()?.clone(), book.asks.first()?.clone());
		let energy = bid.left.min(ask.left).min(left);
		assert!(
			bid.limit >= price && ask.limit <= price,
			"the auction trades beyond a limit"
		);
		let quote = quote::Quote {
			sent: energy,
			received: energy,
			value: cost(price, energy),
			wheeling: 0,
		};
		self.book_trade(id.1, None, &quote, (id.0, &bid), (id.0, &ask));
		let book = self.books.get_mut(&id)?;
		book.clearing = Some((price, left - energy));
		book.market.volume += energy;
		book.market.value += cost(price, energy);
		book.market.last = Some(price);
		book.market.trades += 1;
		for (side, order) in [(Side::Bid, &bid), (Side::Ask, &ask)] {
			let first = &mut self.books.get_mut(&id)?.side_mut(side)[0];
			first.left -= energy;
			if first.left == 0 {
				self.forget(id, side, order.no);
			}
		}
		Some(Rec::Trade {
			grid: id.0,
			period: id.1,
			price,
			energy,
			taker: None,
			bid: bid.no,
			buyer: bid.owner,
			buyer_meter: bid.meter,
			ask: ask.no,
			seller: ask.owner,
			seller_meter: ask.meter,
		})
	}
}
