//! Random orders, against a book of plain vectors that shares nothing with the pallet's.

use gridweave_primitives::{market::Side, MeterId, OrderId, Period, Price, WattHours};
use proptest::prelude::*;

use crate::{mock::*, NewOrder, TimeInForce};

const METERS: [MeterId; 5] = [ALICES, ALICES_OTHER, BOBS, CAROLS, POORS];
const PERIODS: [Period; 2] = [P, P1];

#[derive(Clone, Debug)]
enum Action {
	Place(NewOrder),
	/// Of the order `pick` of all given out.
	Cancel {
		pick: u16,
	},
	Reduce {
		pick: u16,
		energy: u64,
	},
	Replace {
		pick: u16,
		energy: u64,
		price: u64,
	},
	Batch(Vec<NewOrder>),
	NextBlock,
}

fn order() -> impl Strategy<Value = NewOrder> {
	let time_in_force = prop_oneof![
		4 => Just(TimeInForce::GoodUntilGate),
		1 => Just(TimeInForce::ImmediateOrCancel),
		1 => Just(TimeInForce::FillOrKill),
	];
	(
		0usize..5,
		any::<bool>(),
		0usize..2,
		5u64..2_000,
		5u64..30,
		time_in_force,
	)
		.prop_map(
			|(meter, is_bid, period, energy, price, time_in_force)| NewOrder {
				meter: METERS[meter],
				side: if is_bid { Side::Bid } else { Side::Ask },
				period: PERIODS[period],
				energy: WattHours(energy),
				limit_price: Price(price),
				time_in_force,
			},
		)
}

fn action() -> impl Strategy<Value = Action> {
	prop_oneof![
		10 => order().prop_map(Action::Place),
		2 => any::<u16>().prop_map(|pick| Action::Cancel { pick }),
		1 => (any::<u16>(), 1u64..1_500).prop_map(|(pick, energy)| Action::Reduce { pick, energy }),
		1 => (any::<u16>(), 5u64..2_000, 5u64..30)
			.prop_map(|(pick, energy, price)| Action::Replace { pick, energy, price }),
		1 => proptest::collection::vec(order(), 1..8).prop_map(Action::Batch),
		1 => Just(Action::NextBlock),
	]
}

#[derive(Clone, Debug)]
struct Open {
	id: u64,
	order: NewOrder,
	left: u64,
}

/// Vectors and sums, and the rules read off the documentation.
#[derive(Clone, Default)]
struct Reference {
	next: u64,
	open: Vec<Open>,
	/// Buyer's order, seller's order, price, energy.
	trades: Vec<(u64, u64, u64, u64)>,
	/// Meter, side, period, energy.
	traded: Vec<(MeterId, Side, Period, u64)>,
	/// Free, locked, margin of each account.
	money: std::collections::BTreeMap<AccountId, (u128, u128, u128)>,
	/// Removals in this block, by period.
	removals: Vec<Period>,
}

/// What energy costs at worst, by the terms of the mock.
fn worst(side: Side, price: u64, energy: u64) -> u128 {
	let per = match side {
		Side::Bid => price + 1_000,
		Side::Ask => 301_000 - price,
	};
	u128::from(per) * u128::from(energy) * 1_000
}

impl Reference {
	fn new() -> Self {
		let money = Accounts::iter().collect();
		Self {
			money,
			..Self::default()
		}
	}

	fn committed(&self, order: &NewOrder) -> u64 {
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

	fn pay(&mut self, who: AccountId, side: Side, limit: u64, price: u64, energy: u64) {
		let money = self.money.entry(who).or_default();
		money.1 -= worst(side, limit, energy);
		money.2 += worst(side, price, energy);
		money.0 += worst(side, limit, energy) - worst(side, price, energy);
	}

	fn unlock(&mut self, who: AccountId, side: Side, limit: u64, energy: u64) {
		let money = self.money.entry(who).or_default();
		money.1 -= worst(side, limit, energy);
		money.0 += worst(side, limit, energy);
	}

	/// Places an order with so many fills allowed; `Err` if it is refused (and then `self` is spoilt),
	/// else how many fills it made.
	fn place(&mut self, order: &NewOrder, fills: usize) -> Result<usize, usize> {
		let (side, limit) = (order.side, order.limit_price.0);
		let owner = owner_of(order.meter);
		let rules = order.energy.0 >= 10 && limit >= 10;
		if !rules || self.committed(order) + order.energy.0 > RATED {
			return Err(0);
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
			if owner_of(other.order.meter) == owner || made == fills {
				may_rest = false;
				break;
			}
			made += 1;
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
	fn try_place(&mut self, order: &NewOrder, fills: &mut usize) -> bool {
		let mut tried = self.clone();
		let result = tried.place(order, *fills);
		let (Ok(made) | Err(made)) = result;
		*fills -= made;
		if result.is_ok() {
			*self = tried;
		}
		result.is_ok()
	}

	fn cancel(&mut self, id: u64) -> Option<Open> {
		let index = self.open.iter().position(|open| open.id == id)?;
		let period = self.open[index].order.period;
		let removed = self
			.removals
			.iter()
			.filter(|removed| **removed == period)
			.count();
		if removed >= MaxRemovals::get() as usize {
			return None;
		}
		let open = self.open.remove(index);
		self.removals.push(period);
		let order = &open.order;
		self.unlock(
			owner_of(order.meter),
			order.side,
			order.limit_price.0,
			open.left,
		);
		Some(open)
	}

	fn reduce(&mut self, id: u64, energy: u64) -> bool {
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

fn owner_of_order(reference: &Reference, id: u64) -> AccountId {
	let open = reference.open.iter().find(|open| open.id == id);
	open.map_or(ALICE, |open| owner_of(open.order.meter))
}

/// Does an action on the chain and on the reference, which must agree on whether it is allowed.
fn act(reference: &mut Reference, action: &Action) {
	let mut fills = MaxFills::get() as usize;
	let picked = |pick: u16, next: u64| u64::from(pick) % next.max(1);
	// As a block's extrinsic is executed: undone as a whole if it fails.
	let done = |call: &dyn Fn() -> bool| {
		frame_support::storage::with_storage_layer(|| match call() {
			true => Ok(()),
			false => Err(sp_runtime::DispatchError::Other("refused")),
		})
		.is_ok()
	};
	match action {
		Action::Place(order) => {
			let origin = || RuntimeOrigin::signed(owner_of(order.meter));
			let placed = done(&|| OrderBook::place_order(origin(), *order).is_ok());
			assert_eq!(placed, reference.try_place(order, &mut fills), "{action:?}");
		}
		Action::Cancel { pick } => {
			let id = picked(*pick, reference.next);
			let who = owner_of_order(reference, id);
			let origin = || RuntimeOrigin::signed(who);
			let cancelled = done(&|| OrderBook::cancel_order(origin(), OrderId(id)).is_ok());
			assert_eq!(cancelled, reference.cancel(id).is_some(), "{action:?}");
		}
		Action::Reduce { pick, energy } => {
			let id = picked(*pick, reference.next);
			let who = owner_of_order(reference, id);
			let (origin, energy) = (|| RuntimeOrigin::signed(who), *energy);
			let reduced =
				done(&|| OrderBook::reduce_order(origin(), OrderId(id), WattHours(energy)).is_ok());
			assert_eq!(reduced, reference.reduce(id, energy), "{action:?}");
		}
		Action::Replace {
			pick,
			energy,
			price,
		} => {
			let id = picked(*pick, reference.next);
			let who = owner_of_order(reference, id);
			let (energy, price) = (WattHours(*energy), Price(*price));
			let replaced = done(&|| {
				OrderBook::replace_order(RuntimeOrigin::signed(who), OrderId(id), energy, price)
					.is_ok()
			});
			let mut tried = reference.clone();
			let allowed = tried.cancel(id).is_some_and(|open| {
				let order = NewOrder {
					energy,
					limit_price: price,
					time_in_force: TimeInForce::GoodUntilGate,
					..open.order
				};
				tried.try_place(&order, &mut fills)
			});
			assert_eq!(replaced, allowed, "{action:?}");
			if allowed {
				*reference = tried;
			}
		}
		Action::Batch(orders) => {
			let who = owner_of(orders[0].meter);
			let origin = RuntimeOrigin::signed(who);
			assert!(OrderBook::place_orders(origin, batch(orders)).is_ok());
			for order in orders.iter().filter(|order| owner_of(order.meter) == who) {
				reference.try_place(order, &mut fills);
			}
		}
		Action::NextBlock => {
			block_at(Now::get() + 1);
			reference.removals.clear();
		}
	}
}

/// The chain and the reference must have the same trades, orders, money and commitments.
fn compare(reference: &Reference) {
	let trades: Vec<_> = events()
		.into_iter()
		.filter_map(|event| match event {
			crate::Event::Trade {
				bid,
				ask,
				price,
				energy,
				..
			} => Some((bid.0, ask.0, price.0, energy.0)),
			_ => None,
		})
		.collect();
	assert_eq!(trades, reference.trades);
	let mut open: Vec<_> = METERS.into_iter().flat_map(OrderBook::orders_of).collect();
	open.sort_by_key(|order| order.order_id);
	let mut expected = reference.open.clone();
	expected.sort_by_key(|open| open.id);
	assert_eq!(open.len(), expected.len());
	for (order, expected) in open.iter().zip(&expected) {
		assert_eq!(
			(order.order_id.0, order.remaining.0),
			(expected.id, expected.left)
		);
		assert_eq!(
			(order.meter, order.side),
			(expected.order.meter, expected.order.side)
		);
		assert_eq!(order.limit_price, expected.order.limit_price);
	}
	for (who, money) in &reference.money {
		assert_eq!(
			Accounts::get(who).unwrap_or_default(),
			*money,
			"account {who}"
		);
	}
	for meter in METERS {
		for period in PERIODS {
			let commitment = OrderBook::commitment(meter, period);
			for side in [Side::Bid, Side::Ask] {
				let order = NewOrder {
					period,
					side,
					..bid(meter, 0, 0)
				};
				assert_eq!(commitment.at_most(side).0, reference.committed(&order));
			}
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

	#[test]
	fn random_orders_should_trade_as_in_the_reference(
		actions in proptest::collection::vec(action(), 1..120),
		max_removals in 1u32..8,
		funds in 0u128..300_000_000_000,
	) {
		chain().execute_with(|| {
			MaxFills::set(4);
			MaxRemovals::set(max_removals);
			Accounts::insert(POOR, (funds, 0, 0));
			let mut reference = Reference::new();
			for action in &actions {
				act(&mut reference, action);
				check();
			}
			compare(&reference);
		});
	}
}
