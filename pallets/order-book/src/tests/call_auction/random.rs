//! Random orders and auctions, against the [model](crate::tests::model).

use gridweave_primitives::{microgrid::Mechanism, Period, PeriodClock};
use proptest::prelude::*;

use super::{noted, room_for};
use crate::{
	mock::*,
	tests::{
		model::Reference,
		reference::{act, action, compare, Action, PERIODS},
	},
	Agenda, Books, NewOrder, Orders, TimeInForce,
};

/// In auctions others are refused, which would leave most books empty.
fn good_until_gate(action: Action) -> Action {
	let order = |order| NewOrder {
		time_in_force: TimeInForce::GoodUntilGate,
		..order
	};
	match action {
		Action::Place(placed) => Action::Place(order(placed)),
		Action::Batch(orders) => Action::Batch(orders.into_iter().map(order).collect()),
		other => other,
	}
}

/// Mostly orders that an auction takes.
fn auction_action() -> impl Strategy<Value = Action> {
	prop_oneof![1 => action(), 9 => action().prop_map(good_until_gate)]
}

/// Whether the orders of a book are still there.
fn has_orders(period: Period) -> bool {
	Agenda::<Test>::iter().any(|((.., its), stage)| its.get() == period.0 && stage.has_orders())
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

	#[test]
	fn random_auctions_should_come_to_what_the_model_does(
		actions in proptest::collection::vec(auction_action(), 1..120),
		funds in 0u128..300_000_000_000,
		steps in proptest::collection::vec(1u64..6, 2),
	) {
		chain().execute_with(|| {
			CurrentTerms::mutate(|terms| terms.rules.mechanism = Mechanism::CallAuction);
			Accounts::insert(POOR, (funds, 0, 0));
			let mut reference = Reference::new();
			for action in &actions {
				act(&mut reference, action);
				check();
			}
			compare(&reference);
			for (period, steps) in PERIODS.into_iter().zip(steps) {
				room_for(steps);
				let mut now = gate(period);
				while has_orders(period) {
					assert!(now < gate(period) + 500, "the auction does not end");
					block_at(now);
					check();
					now += 1;
				}
				reference.hold_auction(period);
				compare(&reference);
			}
			ServiceWeight::set(frame_support::weights::Weight::MAX);
			for later in 0..4 {
				block_at(PeriodClock::default().expires_at(PERIODS[1]) + later);
				check();
			}
			let left = (
				Agenda::<Test>::count(),
				Books::<Test>::iter().count(),
				Orders::<Test>::iter().count(),
				dealing(),
				noted(),
			);
			assert_eq!(left, (0, 0, 0, 0, 0));
		});
	}
}
