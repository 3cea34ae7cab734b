//! A book of plain vectors that shares nothing with the pallet's.

use gridweave_primitives::{market::Side, microgrid::Mechanism, MeterId, Period, Price};

use crate::{mock::*, NewOrder, TimeInForce};

#[derive(Clone, Debug)]
pub struct Open {
	pub id: u64,
	pub order: NewOrder,
	pub left: u64,
}

/// Vectors and sums, and the rules read off the documentation.
#[derive(Clone, Default)]
pub struct Reference {
	pub next: u64,
	pub open: Vec<Open>,
	/// Buyer's order, seller's order, price, energy.
	pub trades: Vec<(u64, u64, u64, u64)>,
	/// Meter, side, period, energy.
	pub traded: Vec<(MeterId, Side, Period, u64)>,
	/// Free, locked, margin of each account.
	pub money: std::collections::BTreeMap<AccountId, (u128, u128, u128)>,
	/// Removals in this block, by period.
	pub removals: Vec<Period>,
	/// In call auctions: the best limit that an account had on a side since it had none there.
	pub own_best: std::collections::BTreeMap<(AccountId, Period, bool), u64>,
}

pub fn is_auction() -> bool {
	CurrentTerms::get().rules.mechanism == Mechanism::CallAuction
}

/// What energy costs at worst, by the terms of the mock.
pub fn worst(side: Side, price: u64, energy: u64) -> u128 {
	let per = match side {
		Side::Bid => price + 1_000,
		Side::Ask => 301_000 - price,
	};
	u128::from(per) * u128::from(energy) * 1_000
}

impl Reference {
	pub fn new() -> Self {
		let money = Accounts::iter().collect();
		Self {
			money,
			..Self::default()
		}
	}

	pub fn committed(&self, order: &NewOrder) -> u64 {
		let key = (order.meter, order.side, order.period);
		let open = self
			.open
			.iter()
			.filter(|open| (open.order.meter, open.order.side, open.order.period) == key);
		let traded = self
			.traded
			.iter()
			.filter(|(meter, side, period, _)| (*meter, *side, *period) == key);
		open.map(|open| open.left).sum::<u64>() + traded.map(|(.., energy)| *energy).sum::<u64>()
	}

	/// The order that trades first with this one.
	fn counterparty(&self, order: &NewOrder) -> Option<usize> {
		let good = |open: &Open| {
			let (mine, its) = (order.limit_price, open.order.limit_price);
			open.order.period == order.period
				&& open.order.side != order.side
				&& if order.side == Side::Bid {
					its <= mine
				} else {
					its >= mine
				}
		};
		let rank = |open: &Open| {
			let price = i128::from(open.order.limit_price.0);
			(
				if order.side == Side::Bid {
					price
				} else {
					-price
				},
				open.id,
			)
		};
		let candidates = self.open.iter().enumerate().filter(|(_, open)| good(open));
		candidates
			.min_by_key(|(_, open)| rank(open))
			.map(|(index, _)| index)
	}

	pub fn pay(&mut self, who: AccountId, side: Side, limit: u64, price: u64, energy: u64) {
		let money = self.money.entry(who).or_default();
		money.1 -= worst(side, limit, energy);
		money.2 += worst(side, price, energy);
		money.0 += worst(side, limit, energy) - worst(side, price, energy);
	}

	pub fn unlock(&mut self, who: AccountId, side: Side, limit: u64, energy: u64) {
		let money = self.money.entry(who).or_default();
		money.1 -= worst(side, limit, energy);
		money.0 += worst(side, limit, energy);
	}

	/// Places an order with so many fills allowed; `Err` if it is refused (and then `self` is spoilt),
	/// else how many fills it made.
	fn place(&mut self, order: &NewOrder, fills: usize) -> Result<usize, usize> {
		let (side, limit) = (order.side, order.limit_price.0);
		let owner = owner_of(order.meter);
		let rules = order.energy.0 >= 10 && limit >= 10 && !is_quarantined(order.meter);
		if !rules || self.committed(order) + order.energy.0 > RATED {
			return Err(0);
		}
		if is_auction() {
			return self.place_for_auction(order);
		}
		let removed = self
			.removals
			.iter()
			.filter(|period| **period == order.period)
			.count();
		let fills = fills.min((MaxRemovals::get() as usize).saturating_sub(removed));
		let id = self.next;
		self.next += 1;
		let worst = worst(side, limit, order.energy.0);
		let money = self.money.entry(owner).or_default();
		let funded = money.0 >= worst;
		if funded {
			money.0 -= worst;
			money.1 += worst;
		}
		let mut left = order.energy.0;
		let mut made = 0;
		let mut may_rest = true;
		while let Some(index) = self.counterparty(order).filter(|_| left > 0) {
			let other = self.open[index].clone();
			let may_trade = !is_quarantined(other.order.meter);
			if made == fills || (may_trade && owner_of(other.order.meter) == owner) {
				may_rest = false;
				break;
			}
			made += 1;
			if !may_trade {
				self.take(index);
				continue;
			}
			let (energy, price) = (left.min(other.left), other.order.limit_price.0);
			left -= energy;
			if energy == other.left {
				self.open.remove(index);
				self.removals.push(order.period);
			} else {
				self.open[index].left -= energy;
			}
			if funded {
				self.pay(owner, side, limit, price, energy);
				self.pay(
					owner_of(other.order.meter),
					other.order.side,
					price,
					price,
					energy,
				);
			}
			let (bid, ask) = if side == Side::Bid {
				(id, other.id)
			} else {
				(other.id, id)
			};
			self.trades.push((bid, ask, price, energy));
			self.traded.push((order.meter, side, order.period, energy));
			self.traded
				.push((other.order.meter, other.order.side, order.period, energy));
		}
		let no_fill_left = made == 0
			&& fills == 0
			&& self
				.counterparty(order)
				.is_some_and(|index| owner_of(self.open[index].order.meter) != owner);
		if no_fill_left || (order.time_in_force == TimeInForce::FillOrKill && left > 0) {
			return Err(made);
		}
		if !funded {
			return Err(made);
		}
		if left > 0 {
			if may_rest && order.time_in_force == TimeInForce::GoodUntilGate {
				let of_meter = self
					.open
					.iter()
					.filter(|open| open.order.meter == order.meter);
				if of_meter.count() == MaxOrdersPerMeter::get() as usize {
					return Err(made);
				}
				self.open.push(Open {
					id,
					order: *order,
					left,
				});
			} else {
				self.unlock(owner, side, limit, left);
			}
		}
		Ok(made)
	}

	/// Does it if it is allowed. Whether it was.
	pub fn try_place(&mut self, order: &NewOrder, fills: &mut usize) -> bool {
		let mut tried = self.clone();
		let result = tried.place(order, *fills);
		let (Ok(made) | Err(made)) = result;
		*fills -= made;
		if result.is_ok() {
			*self = tried;
		}
		result.is_ok()
	}

	/// Cancels the open order at an index.
	fn take(&mut self, index: usize) -> Open {
		let open = self.open.remove(index);
		let order = &open.order;
		self.removals.push(order.period);
		self.unlock(
			owner_of(order.meter),
			order.side,
			order.limit_price.0,
			open.left,
		);
		self.forget_own_best();
		open
	}

	pub fn cancel(&mut self, id: u64) -> Option<Open> {
		let index = self.open.iter().position(|open| open.id == id)?;
		let order = self.open[index].order;
		let removed = self
			.removals
			.iter()
			.filter(|removed| **removed == order.period)
			.count();
		// The best order is what one of the other side that takes any price would trade with.
		let any_price = NewOrder {
			side: order.side.opposite(),
			limit_price: match order.side {
				Side::Bid => Price(0),
				Side::Ask => Price(u64::MAX),
			},
			..order
		};
		let of_side =
			|open: &&Open| (open.order.period, open.order.side) == (order.period, order.side);
		let must_find = self.counterparty(&any_price) == Some(index)
			&& self.open.iter().filter(of_side).count() > 1;
		if must_find && removed >= MaxRemovals::get() as usize {
			return None;
		}
		Some(self.take(index))
	}

	pub fn reduce(&mut self, id: u64, energy: u64) -> bool {
		let Some(open) = self.open.iter_mut().find(|open| open.id == id) else {
			return false;
		};
		if energy < 10 || energy >= open.left {
			return false;
		}
		let (order, freed) = (open.order, open.left - energy);
		open.left = energy;
		self.unlock(
			owner_of(order.meter),
			order.side,
			order.limit_price.0,
			freed,
		);
		true
	}
}

pub fn is_quarantined(meter: MeterId) -> bool {
	Quarantined::get().contains(&meter)
}

pub fn owner_of_order(reference: &Reference, id: u64) -> AccountId {
	let open = reference.open.iter().find(|open| open.id == id);
	open.map_or(ALICE, |open| owner_of(open.order.meter))
}
