//! Random orders in linked communities.

use gridweave_primitives::{MeterId, OrderId, WattHours};
use proptest::prelude::*;

use crate::{mock::*, NewOrder, TimeInForce};

#[derive(Clone, Debug)]
enum Action {
	Place(NewOrder),
	Cancel(u16),
	NextBlock,
}

fn action() -> impl Strategy<Value = Action> {
	const METERS: [MeterId; 7] = [ALICES, BOBS, CAROLS, POORS, NORTHS, NORTHS_OTHER, SOUTHS];
	let time_in_force = prop_oneof![
		4 => Just(TimeInForce::GoodUntilGate),
		1 => Just(TimeInForce::ImmediateOrCancel),
		1 => Just(TimeInForce::FillOrKill),
	];
	let order = (
		0usize..7,
		any::<bool>(),
		10u64..900,
		10u64..40,
		time_in_force,
	)
		.prop_map(|(meter, is_bid, energy, price, time_in_force)| {
			let order = if is_bid { bid } else { ask };
			NewOrder {
				time_in_force,
				..order(METERS[meter], energy, price)
			}
		});
	prop_oneof![
		12 => order.prop_map(Action::Place),
		2 => any::<u16>().prop_map(Action::Cancel),
		1 => Just(Action::NextBlock),
	]
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

	/// Whatever is ordered in three linked communities: the invariants hold after every call, and money is only
	/// where it belongs.
	#[test]
	fn random_orders_over_links_should_keep_the_invariants(
		actions in proptest::collection::vec(action(), 1..80),
		capacity in prop_oneof![Just(5_000u64), 50u64..1_000],
		max_removals in 1u32..8,
		funds in 0u128..3_000_000_000,
	) {
		chain().execute_with(|| {
			MaxRemovals::set(max_removals);
			Accounts::insert(POOR, (funds, 0, 0));
			let ways = [(NORTH, GRID), (GRID, SOUTH), (SOUTH, NORTH), (GRID, NORTH)];
			connect((0..).zip(ways).map(|(id, (from, to))| {
				let mut link = link(id, from, to);
				link.terms.capacity = WattHours(capacity);
				link
			}));
			let all = || Accounts::iter_values().map(|(free, locked, margin)| free + locked + margin).sum::<u128>();
			let before = all();
			for action in &actions {
				match action {
					Action::Place(order) => {
						let call: RuntimeCall = placing(*order).into();
						let _ = frame_support::storage::with_storage_layer(|| {
							dispatch(owner_of(order.meter), call).map_err(|error| error.error)
						});
					}
					Action::Cancel(pick) => {
						let id = OrderId(u64::from(*pick) % crate::NextOrderId::<Test>::get().0.max(1));
						if let Some(order) = OrderBook::order(id) {
							let _ = frame_support::storage::with_storage_layer(|| {
								dispatch(order.owner, cancelling(id)).map_err(|error| error.error)
							});
						}
					}
					Action::NextBlock => block_at(Now::get() + 3),
				}
				check();
			}
			// What buyers over links have paid, less wheeling fees, is set aside.
			let trades = Trades::get().unwrap_or_default();
			let aside: u128 = trades.iter().filter(|trade| trade.wheeling.is_some()).map(|trade| trade.value).sum();
			prop_assert_eq!(all() + aside, before);
			for trade in trades.iter().filter(|trade| trade.wheeling.is_some()) {
				prop_assert!(trade.seller.account != trade.buyer.account);
			}
			Ok(())
		})?;
	}
}
