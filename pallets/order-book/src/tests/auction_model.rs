//! Call auctions in the [model](super::model): every price tried, then the queues of both sides met one by
//! one.

use gridweave_primitives::{market::Side, Period};

use super::model::{is_quarantined, worst, Open, Reference};
use crate::{mock::*, NewOrder, TimeInForce};

fn own_key(order: &NewOrder) -> (AccountId, Period, bool) {
	let owner = owner_of(order.meter);
	(owner, order.period, order.side == Side::Bid)
}

/// How much of a side is offered at limits that `counts`.
fn offered(queue: &[Open], counts: impl Fn(u64) -> bool) -> u64 {
	let offers = queue.iter().filter(|open| counts(open.order.limit_price.0));
	offers.map(|open| open.left).sum()
}

/// Volume and price of the orders of two sides.
fn clearing(bids: &[Open], asks: &[Open]) -> Option<(u64, u64)> {
	let limits = bids.iter().chain(asks).map(|open| open.order.limit_price.0);
	let prices: Vec<_> = limits.flat_map(|limit| limit - 1..=limit + 1).collect();
	let volume_at =
		|price| offered(bids, |limit| limit >= price).min(offered(asks, |limit| limit <= price));
	let volume = prices.iter().map(|price| volume_at(*price)).max()?;
	let clears = |price: &u64| {
		volume_at(*price) == volume
			&& offered(bids, |limit| limit > *price) <= volume
			&& offered(asks, |limit| limit < *price) <= volume
	};
	let clearing = || prices.iter().copied().filter(clears);
	let (low, high) = (clearing().min()?, clearing().max()?);
	(volume > 0).then_some((volume, (low + high) / 2))
}

impl Reference {
	/// Places an order that keeps the rules; `Err` if it is refused.
	pub fn place_for_auction(&mut self, order: &NewOrder) -> Result<usize, usize> {
		let (side, limit) = (order.side, order.limit_price.0);
		let key = own_key(order);
		let of_meter = self
			.open
			.iter()
			.filter(|open| open.order.meter == order.meter)
			.count();
		let crosses_own =
			self.own_best
				.get(&(key.0, key.1, !key.2))
				.is_some_and(|other| match side {
					Side::Bid => limit >= *other,
					Side::Ask => limit <= *other,
				});
		let money = self.money.entry(key.0).or_default();
		let worst = worst(side, limit, order.energy.0);
		if order.time_in_force != TimeInForce::GoodUntilGate
			|| crosses_own
			|| of_meter == MaxOrdersPerMeter::get() as usize
			|| money.0 < worst
		{
			return Err(0);
		}
		money.0 -= worst;
		money.1 += worst;
		let best = self.own_best.entry(key).or_insert(limit);
		*best = match side {
			Side::Bid => limit.max(*best),
			Side::Ask => limit.min(*best),
		};
		self.open.push(Open {
			id: self.next,
			order: *order,
			left: order.energy.0,
		});
		self.next += 1;
		Ok(0)
	}

	/// Forgets the limits of accounts that have no order on a side any more.
	pub fn forget_own_best(&mut self) {
		let open: Vec<_> = self.open.iter().map(|open| own_key(&open.order)).collect();
		self.own_best.retain(|key, _| open.contains(key));
	}

	/// The orders of a side of a book that may trade, best first.
	fn queue(&self, period: Period, side: Side) -> Vec<Open> {
		let of_side = |open: &&Open| {
			(open.order.period, open.order.side) == (period, side)
				&& !is_quarantined(open.order.meter)
		};
		let mut queue: Vec<_> = self.open.iter().filter(of_side).cloned().collect();
		queue.sort_by_key(|open| {
			let limit = i128::from(open.order.limit_price.0);
			(if side == Side::Bid { -limit } else { limit }, open.id)
		});
		queue
	}

	/// Holds the auction of a period, and cancels what is left.
	pub fn hold_auction(&mut self, period: Period) {
		let [bids, asks] = [Side::Bid, Side::Ask].map(|side| self.queue(period, side));
		if let Some((mut volume, price)) = clearing(&bids, &asks) {
			let (mut bids, mut asks) = (bids.into_iter(), asks.into_iter());
			let (mut bid, mut ask) = (bids.next(), asks.next());
			while let (Some(buys), Some(sells), 1..) = (&mut bid, &mut ask, volume) {
				let energy = buys.left.min(sells.left).min(volume);
				volume -= energy;
				self.trades.push((buys.id, sells.id, price, energy));
				for party in [&mut *buys, &mut *sells] {
					party.left -= energy;
					let order = party.order;
					let (owner, limit) = (owner_of(order.meter), order.limit_price.0);
					self.traded.push((order.meter, order.side, period, energy));
					self.pay(owner, order.side, limit, price, energy);
					let id = party.id;
					let open = self.open.iter_mut().find(|open| open.id == id);
					open.expect("it is open").left -= energy;
				}
				let (no_bid, no_ask) = (buys.left == 0, sells.left == 0);
				bid = if no_bid { bids.next() } else { bid };
				ask = if no_ask { asks.next() } else { ask };
			}
			assert_eq!(volume, 0);
		}
		let (gone, kept) = std::mem::take(&mut self.open)
			.into_iter()
			.partition::<Vec<_>, _>(|open| open.order.period == period);
		self.open = kept;
		for Open { order, left, .. } in gone {
			let owner = owner_of(order.meter);
			self.unlock(owner, order.side, order.limit_price.0, left);
		}
		self.forget_own_best();
	}
}
