//! What one standing order does when its turn comes.

use frame_support::weights::{RuntimeDbWeight, Weight};
use gridweave_primitives::{
	market::Side, meter::MeterState, microgrid::Mechanism, Balance, MeterId, Period, Price,
	WattHours,
};
use sp_runtime::DispatchError;

use crate::{
	mock::*, CancelReason, Config, EndReason, Error, Event, Instruction, NewOrder, Quantity,
	StandingOrders, WeightInfo,
};

use Side::{Ask, Bid};

type W = <Test as Config>::WeightInfo;

fn after(period: Period, n: u32) -> Period {
	Period(period.0 + n)
}

fn fee(weight: Weight) -> Balance {
	weight.ref_time().into()
}

/// Why standing orders were refused since events were last taken.
fn refusals() -> Vec<(MeterId, Period, DispatchError)> {
	let refused = |event| match event {
		Event::StandingOrderRefused {
			meter,
			period,
			error,
			..
		} => Some((meter, period, error)),
		_ => None,
	};
	take_events().into_iter().filter_map(refused).collect()
}

/// Why standing orders ended since events were last taken.
fn endings() -> Vec<(AccountId, EndReason)> {
	let ended = |event| match event {
		Event::StandingOrderEnded { who, reason, .. } => Some((who, reason)),
		_ => None,
	};
	take_events().into_iter().filter_map(ended).collect()
}

#[test]
fn order_should_be_placed_when_a_period_opens() {
	test(|| {
		stand(ALICES, Ask, fixed(500, 90_000));
		take_events();
		block_at(start_of(after(START, 1)) - 3);
		assert_eq!(placements(), vec![]);
		open(NEXT);
		let order = OrderBook::orders_of(ALICES)[0].clone();
		assert_eq!((order.owner, order.period), (ALICE, NEXT));
		assert_eq!((order.remaining.0, order.limit_price), (500, Price(90_000)));
		check();
		// Once, and again for the next.
		block_at(start_of(after(START, 1)) + 3);
		assert_eq!(OrderBook::orders_of(ALICES).len(), 1);
		open(after(NEXT, 1));
		assert_eq!(OrderBook::orders_of(ALICES).len(), 2);
		// It ends as any other when the gate closes.
		block_at(gate(NEXT));
		let left = OrderBook::orders_of(ALICES);
		assert!(left.iter().all(|order| order.period > NEXT));
	});
}

#[test]
fn what_is_expected_above_a_part_should_be_sold_and_bought() {
	test(|| {
		measured(
			ALICES,
			&[(100, 700), (0, 500), (0, 500), (0, 500), (0, 9_000)],
		);
		measured(BOBS, &[(900, 0), (901, 0)]);
		stand(ALICES, Ask, above(200, 90_000));
		stand(BOBS, Bid, above(100, 80_000));
		take_events();
		open(NEXT);
		// The mean of the latest four, 525, less 200; the mean of two, 900, less 100.
		let expected = vec![(ALICES, Ask, NEXT, 325), (BOBS, Bid, NEXT, 800)];
		assert_eq!(placements(), expected);
	});
}

#[test]
fn nothing_should_be_placed_below_the_least_quantity_and_the_look_be_paid_for() {
	test(|| {
		measured(BOBS, &[(0, 209)]);
		// Of Alice's meter nothing is known.
		stand(ALICES, Ask, above(0, 90_000));
		stand(BOBS, Ask, above(200, 90_000));
		take_events();
		open(NEXT);
		assert_eq!(take_events(), vec![]);
		let price = fee(W::standing_nothing());
		for who in [ALICE, BOB] {
			assert_eq!(free(who) + held(who), FUNDS - price);
		}
		assert_eq!(free(COLLECTOR), 2 * price);
	});
}

#[test]
fn execution_should_cost_what_it_weighs() {
	test(|| {
		Database::set(RuntimeDbWeight { read: 7, write: 11 });
		stand(BOBS, Bid, fixed(300, 95_000));
		stand(STORE, Ask, fixed(300, 200_000));
		Charges::mutate(|charges| charges.insert(STORE, CAPACITY));
		let (before, issuance) = (free(BOB), Balances::total_issuance());
		open(NEXT);
		assert_eq!(OrderBook::orders_of(STORE).len(), 1);
		let book = Database::get().reads_writes(2, 2);
		let order = fee(W::standing_order(0) + book);
		let paid = 2 * order + fee(W::check_storage());
		assert_eq!(before - free(BOB), paid);
		assert_eq!(free(COLLECTOR), paid);
		assert_eq!(Balances::total_issuance(), issuance);
	});
}

#[test]
fn order_should_trade_at_once_up_to_the_bound_of_fills() {
	test(|| {
		stand(BOBS, Bid, fixed(500, 95_000));
		let before = free(BOB);
		// Its turn comes late, and five were faster; it makes at most three fills.
		let room = StandingWeight::mutate(core::mem::take);
		open(NEXT);
		for n in 0..5 {
			place(NewOrder {
				period: NEXT,
				..ask(ALICES, 100, 90_000 + n)
			});
		}
		assert_eq!((trades(), before), (vec![], free(BOB)));
		StandingWeight::set(room);
		take_events();
		block_at(Now::get() + 3);
		let filled = vec![(90_000, 100), (90_001, 100), (90_002, 100)];
		assert_eq!(trades(), filled);
		let left = cancellations().pop();
		let left = left.map(|(_, energy, reason)| (energy, reason));
		assert_eq!(left, Some((200, CancelReason::FillLimit)));
		assert_eq!(before - free(BOB), fee(W::standing_order(3)));
	});
}

#[test]
fn standing_orders_should_trade_with_one_another_but_not_with_their_owners() {
	test(|| {
		stand(ALICES, Ask, fixed(300, 90_000));
		stand(ALICES_OTHER, Bid, fixed(100, 95_000));
		stand(BOBS, Bid, fixed(200, 95_000));
		open(NEXT);
		assert_eq!(trades(), vec![(90_000, 200)]);
		let own = cancellations();
		assert!(matches!(own[..], [(_, 100, CancelReason::SelfTrade)]));
	});
}

#[test]
fn orders_should_rest_in_a_call_auction() {
	test(|| {
		CurrentTerms::mutate(|terms| terms.rules.mechanism = Mechanism::CallAuction);
		stand(ALICES, Ask, fixed(300, 90_000));
		stand(BOBS, Bid, fixed(300, 95_000));
		stand(ALICES_OTHER, Bid, fixed(100, 95_000));
		take_events();
		open(NEXT);
		assert_eq!(trades(), vec![]);
		let crosses = Error::<Test>::CrossesOwnOrder.into();
		assert_eq!(refusals(), vec![(ALICES_OTHER, NEXT, crosses)]);
		block_at(gate(NEXT));
		for n in 1..4 {
			block_at(gate(NEXT) + 3 * n);
		}
		assert_eq!(trades(), vec![(92_500, 300)]);
	});
}

#[test]
fn refusal_should_be_told_once_and_again_when_its_reason_changes() {
	test(|| {
		stand(ALICES, Ask, fixed(100, 90_000));
		take_events();
		let least = |quantity: u64| {
			CurrentTerms::mutate(|terms| terms.rules.min_quantity.0 = quantity);
		};
		let quarantine = || Quarantined::mutate(|meters| meters.insert(ALICES));
		let (small, barred) = (
			Error::<Test>::BelowMinimumQuantity.into(),
			DispatchError::from(Error::<Test>::Quarantined),
		);
		let paid = free(ALICE);
		least(200);
		open(NEXT);
		assert_eq!(refusals(), vec![(ALICES, NEXT, small)]);
		assert_eq!(OrderBook::standing_orders(ALICES)[0].refused, Some(small));
		assert!(free(ALICE) < paid);
		open(after(NEXT, 1));
		assert_eq!(refusals(), vec![]);
		quarantine();
		open(after(NEXT, 2));
		assert_eq!(refusals(), vec![(ALICES, after(NEXT, 2), barred)]);
		Quarantined::take();
		least(10);
		open(after(NEXT, 3));
		assert_eq!(placements().len(), 1);
		assert_eq!(OrderBook::standing_orders(ALICES)[0].refused, None);
		least(200);
		open(after(NEXT, 4));
		assert_eq!(refusals(), vec![(ALICES, after(NEXT, 4), small)]);
	});
}

#[test]
fn refused_order_should_leave_nothing_but_its_fee() {
	test(|| {
		stand(BOBS, Bid, fixed(100, 90_000));
		InArrears::mutate(|accounts| accounts.insert(BOB));
		let before = locked(BOB);
		open(NEXT);
		// An error whose text is not stored is not told twice either.
		open(after(NEXT, 1));
		assert_eq!(refusals().len(), 1);
		assert_eq!((locked(BOB), OrderBook::orders_of(BOBS)), (before, vec![]));
		assert_eq!(OrderBook::commitment(BOBS, NEXT), Default::default());
		// Arrears block bids alone.
		stand(BOBS, Ask, fixed(100, 90_000));
		open(after(NEXT, 2));
		assert_eq!(OrderBook::orders_of(BOBS).len(), 1);
	});
}

#[test]
fn standing_order_should_end_with_its_meter_at_no_cost() {
	let retire = || {
		Meters::mutate(|meters| meters.get_mut(&ALICES).unwrap().state = MeterState::Retired);
	};
	let free_it = || {
		Meters::mutate(|meters| meters.remove(&ALICES));
	};
	let cases: [&dyn Fn(); 3] = [&retire, &free_it, &|| transfer(ALICES, BOB)];
	for gone in cases {
		test(|| {
			stand(ALICES, Ask, fixed(100, 90_000));
			stand(ALICES, Bid, fixed(100, 80_000));
			stand(CAROLS, Ask, fixed(100, 90_000));
			gone();
			take_events();
			open(NEXT);
			assert_eq!(endings(), vec![(ALICE, EndReason::MeterGone); 2]);
			assert_eq!((held(ALICE), free(ALICE)), (0, FUNDS));
			assert_eq!(OrderBook::orders_of(CAROLS).len(), 1);
			assert_eq!(StandingOrders::<Test>::iter().count(), 1);
		});
	}
}

#[test]
fn standing_order_should_end_when_its_owner_cannot_pay() {
	test(|| {
		stand(ALICES, Ask, fixed(100, 90_000));
		stand(BOBS, Ask, fixed(100, 90_000));
		let most = fee(OrderBook::weight_of_execution(0));
		let kept = <Test as pallet_balances::Config>::ExistentialDeposit::get();
		fund(ALICE, most + kept);
		fund(BOB, most - 1);
		open(NEXT);
		assert_eq!(endings(), vec![(BOB, EndReason::Unpaid)]);
		assert_eq!((held(BOB), free(BOB)), (0, most - 1 + 1_000));
		assert_eq!(
			(held(ALICE), OrderBook::orders_of(ALICES).len()),
			(1_000, 1)
		);
		assert_eq!(OrderBook::orders_of(BOBS), vec![]);
	});
}

#[test]
fn quantity_above_should_never_exceed_the_rating() {
	test(|| {
		measured(ALICES, &[(0, 5 * RATED)]);
		let most = |energy: u64| Instruction {
			quantity: Quantity::Above {
				keep: WattHours(100),
				most: Some(WattHours(energy)),
			},
			..above(0, 90_000)
		};
		stand(ALICES, Ask, above(100, 90_000));
		measured(CAROLS, &[(0, 5 * RATED)]);
		stand(CAROLS, Ask, most(1_234));
		take_events();
		open(NEXT);
		let expected = vec![(ALICES, Ask, NEXT, RATED), (CAROLS, Ask, NEXT, 1_234)];
		assert_eq!(placements(), expected);
	});
}
