//! Random orders, against the [model](super::model).

use gridweave_primitives::{market::Side, MeterId, OrderId, Period, Price, WattHours};
use proptest::prelude::*;

use super::model::{owner_of_order, Reference};
use crate::{mock::*, NewOrder, TimeInForce};

pub const METERS: [MeterId; 5] = [ALICES, ALICES_OTHER, BOBS, CAROLS, POORS];
pub const PERIODS: [Period; 2] = [P, P1];

#[derive(Clone, Debug)]
pub enum Action {
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
	/// A meter comes under quarantine, or out of it.
	Quarantine {
		meter: usize,
		flagged: bool,
	},
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

pub fn action() -> impl Strategy<Value = Action> {
	prop_oneof![
		10 => order().prop_map(Action::Place),
		2 => any::<u16>().prop_map(|pick| Action::Cancel { pick }),
		1 => (any::<u16>(), 1u64..1_500).prop_map(|(pick, energy)| Action::Reduce { pick, energy }),
		1 => (any::<u16>(), 5u64..2_000, 5u64..30)
			.prop_map(|(pick, energy, price)| Action::Replace { pick, energy, price }),
		1 => proptest::collection::vec(order(), 1..8).prop_map(Action::Batch),
		1 => (0usize..5, any::<bool>())
			.prop_map(|(meter, flagged)| Action::Quarantine { meter, flagged }),
		1 => Just(Action::NextBlock),
	]
}

/// Does an action on the chain and on the reference, which must agree on whether it is allowed.
pub fn act(reference: &mut Reference, action: &Action) {
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
		Action::Quarantine { meter, flagged } => Quarantined::mutate(|meters| {
			let meter = METERS[*meter];
			if *flagged {
				meters.insert(meter);
			} else {
				meters.remove(&meter);
			}
		}),
		Action::NextBlock => {
			block_at(Now::get() + 1);
			reference.removals.clear();
		}
	}
}

/// The chain and the reference must have the same trades, orders, money and commitments.
pub fn compare(reference: &Reference) {
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
