//! A call auction over arrays in memory: the algorithm of `pallet-order-book`'s, with nothing of its code.

use std::cmp::Reverse;

use gridweave_primitives::{cost, market::Side, Balance, Price, WattHours};

/// An order; its place in the array is its arrival, its meter and its owner.
#[derive(Clone, Copy, Debug)]
pub struct Order {
	/// Whether it buys.
	pub side: Side,
	/// The most it pays, the least it takes.
	pub limit: Price,
	/// How much.
	pub energy: WattHours,
}

/// What an owner has with the clearing house.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
	/// What its order, and then its position, locks.
	pub locked: Balance,
	/// What it sold.
	pub sold: WattHours,
	/// What it bought.
	pub bought: WattHours,
	/// What it is to get, and to pay.
	pub receivable: Balance,
	/// What it is to pay.
	pub payable: Balance,
	/// Fees of its trades.
	pub fee: Balance,
}

/// A trade of two orders at the price of the auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
	/// The bid.
	pub bid: usize,
	/// The ask.
	pub ask: usize,
	/// How much.
	pub energy: WattHours,
}

/// What an auction comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
	/// The price; nothing if there is no trade.
	pub price: Price,
	/// How much trades.
	pub volume: WattHours,
	/// The trades.
	pub trades: Vec<Trade>,
	/// The owners.
	pub accounts: Vec<Account>,
}

/// Prices that orders lock and pay besides their limits.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
	/// What a shortfall costs.
	pub retail: Price,
	/// The market's fee.
	pub fee: Price,
}

impl Terms {
	/// What `energy` locks at this price.
	fn lock(&self, side: Side, price: Price, energy: WattHours) -> Balance {
		let worst = match side {
			Side::Bid => price.0 + self.fee.0,
			Side::Ask => (self.retail.0 + self.fee.0).saturating_sub(price.0),
		};
		cost(Price(worst), energy)
	}
}

/// Owners whose orders are locked for.
pub fn locked(orders: &[Order], terms: &Terms) -> Vec<Account> {
	orders
		.iter()
		.map(|order| Account {
			locked: terms.lock(order.side, order.limit, order.energy),
			..Account::default()
		})
		.collect()
}

/// Holds the auction: sorts the orders, finds price and volume, makes the trades.
pub fn clear(orders: &[Order], terms: &Terms, accounts: Vec<Account>) -> Cleared {
	let of = |side| (0..orders.len()).filter(move |n| orders[*n].side == side);
	let mut bids: Vec<usize> = of(Side::Bid).collect();
	let mut asks: Vec<usize> = of(Side::Ask).collect();
	bids.sort_by_key(|n| (Reverse(orders[*n].limit), *n));
	asks.sort_by_key(|n| (orders[*n].limit, *n));

	let mut cleared = Cleared {
		accounts,
		..Cleared::default()
	};
	let limit = |side: &[usize], at: usize| side.get(at).map(|n| orders[*n].limit);
	let mut scan = Pairs::new(orders, &bids, &asks);
	let mut last = None;
	while let (Some(bid), Some(ask)) = (limit(&bids, scan.bid), limit(&asks, scan.ask)) {
		if bid < ask {
			break;
		}
		last = Some((bid, ask));
		cleared.volume.0 += scan.meet().energy.0;
	}
	let Some((last_bid, last_ask)) = last else {
		return cleared;
	};
	let low = limit(&bids, scan.bid).map_or(last_ask, |bid| bid.max(last_ask));
	let high = limit(&asks, scan.ask).map_or(last_bid, |ask| ask.min(last_bid));
	cleared.price = Price(low.0 + (high.0 - low.0) / 2);

	let mut fill = Pairs::new(orders, &bids, &asks);
	let mut left = cleared.volume;
	while !left.is_zero() {
		let trade = fill.meet();
		left.0 -= trade.energy.0;
		cleared.book(orders, terms, &trade);
		cleared.trades.push(trade);
	}
	cleared
}

impl Cleared {
	/// Books a trade on both accounts: locks become margins.
	fn book(&mut self, orders: &[Order], terms: &Terms, trade: &Trade) {
		let (energy, value) = (trade.energy, cost(self.price, trade.energy));
		for n in [trade.bid, trade.ask] {
			let (order, account) = (&orders[n], &mut self.accounts[n]);
			account.locked -= terms.lock(order.side, order.limit, energy);
			account.locked += terms.lock(order.side, self.price, energy);
			account.fee += cost(terms.fee, energy);
			match order.side {
				Side::Bid => {
					account.bought.0 += energy.0;
					account.payable += value;
				}
				Side::Ask => {
					account.sold.0 += energy.0;
					account.receivable += value;
				}
			}
		}
	}
}

/// Goes through both sides, best first.
struct Pairs<'a> {
	orders: &'a [Order],
	bids: &'a [usize],
	asks: &'a [usize],
	/// Where in the bids, and what is taken of that one.
	bid: usize,
	taken_of_bid: u64,
	/// Where in the asks, and what is taken of that one.
	ask: usize,
	taken_of_ask: u64,
}

impl<'a> Pairs<'a> {
	fn new(orders: &'a [Order], bids: &'a [usize], asks: &'a [usize]) -> Self {
		Self {
			orders,
			bids,
			asks,
			bid: 0,
			taken_of_bid: 0,
			ask: 0,
			taken_of_ask: 0,
		}
	}

	/// Meets the two orders it is at, and goes on behind what is used up.
	fn meet(&mut self) -> Trade {
		let (bid, ask) = (self.bids[self.bid], self.asks[self.ask]);
		let of_bid = self.orders[bid].energy.0 - self.taken_of_bid;
		let of_ask = self.orders[ask].energy.0 - self.taken_of_ask;
		let energy = of_bid.min(of_ask);
		self.taken_of_bid += energy;
		self.taken_of_ask += energy;
		if energy == of_bid {
			(self.bid, self.taken_of_bid) = (self.bid + 1, 0);
		}
		if energy == of_ask {
			(self.ask, self.taken_of_ask) = (self.ask + 1, 0);
		}
		Trade {
			bid,
			ask,
			energy: WattHours(energy),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const TERMS: Terms = Terms {
		retail: Price(300_000),
		fee: Price(1_000),
	};

	fn order(side: Side, limit: u64, energy: u64) -> Order {
		Order {
			side,
			limit: Price(limit),
			energy: WattHours(energy),
		}
	}

	fn held(orders: &[Order]) -> Cleared {
		clear(orders, &TERMS, locked(orders, &TERMS))
	}

	/// The example of the pallet's docs.
	#[test]
	fn an_auction_should_clear_at_the_middle_of_its_interval() {
		let cleared = held(&[
			order(Side::Bid, 200_000, 500),
			order(Side::Ask, 211_001, 300),
			order(Side::Bid, 240_000, 700),
			order(Side::Ask, 150_000, 700),
		]);
		assert_eq!(
			(cleared.price, cleared.volume),
			(Price(205_500), WattHours(700))
		);
		let trade = Trade {
			bid: 2,
			ask: 3,
			energy: WattHours(700),
		};
		assert_eq!(cleared.trades, [trade]);
		let buyer = Account {
			locked: cost(Price(206_500), WattHours(700)),
			bought: WattHours(700),
			payable: cost(Price(205_500), WattHours(700)),
			fee: cost(Price(1_000), WattHours(700)),
			..Account::default()
		};
		let seller = Account {
			locked: cost(Price(95_500), WattHours(700)),
			sold: WattHours(700),
			receivable: buyer.payable,
			fee: buyer.fee,
			..Account::default()
		};
		assert_eq!(cleared.accounts[2..], [buyer, seller]);
		assert_eq!(
			cleared.accounts[0].locked,
			cost(Price(201_000), WattHours(500))
		);
	}

	#[test]
	fn the_earliest_should_fill_at_the_margin_and_what_is_left_stay_locked() {
		let cleared = held(&[
			order(Side::Ask, 100_000, 150),
			order(Side::Bid, 120_000, 100),
			order(Side::Bid, 120_000, 100),
		]);
		assert_eq!(
			(cleared.price, cleared.volume),
			(Price(120_000), WattHours(150))
		);
		let bought: Vec<_> = cleared.accounts.iter().map(|one| one.bought.0).collect();
		assert_eq!((cleared.trades.len(), bought), (2, vec![0, 100, 50]));
		assert_eq!(
			cleared.accounts[2].locked,
			cost(Price(121_000), WattHours(100))
		);
	}

	#[test]
	fn nothing_should_trade_where_nothing_crosses() {
		let apart = [order(Side::Ask, 150_000, 10), order(Side::Bid, 149_999, 10)];
		for orders in [&apart[..], &apart[..1], &[]] {
			let cleared = held(orders);
			assert_eq!((cleared.volume, cleared.trades.len()), (WattHours(0), 0));
		}
	}
}
