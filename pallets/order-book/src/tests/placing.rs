//! Who may place what, and what it locks.

use frame_support::{assert_ok, dispatch::GetDispatchInfo};
use gridweave_primitives::{
	meter::MeterState,
	traits::{MeterCommitments, MeterInspect},
	MeterId, OrderId, Period, Price, WattHours,
};
use sp_runtime::DispatchError;

use crate::{mock::*, Call, CancelReason, Error, Event, NewOrder, TimeInForce};

#[track_caller]
fn refused(order: NewOrder, error: impl Into<DispatchError>) {
	let owner = Tables::meter(order.meter).map_or(ALICE, |info| info.owner);
	assert_refused(owner, placing(order), error);
}

#[test]
fn order_should_rest_and_lock_its_worst_case_when_no_counterparty_crosses() {
	test(|| {
		let sale = place(ask(ALICES, 1_000, 120_000));
		let purchase = place(bid(BOBS, 500, 110_000));
		assert_eq!(
			(remaining(sale), remaining(purchase)),
			(Some(1_000), Some(500))
		);
		// Not delivering costs retail and fee less the price; buying costs price and fee. × 1000 × Wh.
		assert_eq!(locked(ALICE), (300_000 + 1_000 - 120_000) * 1_000 * 1_000);
		assert_eq!(locked(BOB), (110_000 + 1_000) * 500 * 1_000);
		assert_eq!(
			events(),
			vec![
				Event::OrderPlaced {
					order_id: sale,
					who: ALICE,
					microgrid: GRID,
					order: ask(ALICES, 1_000, 120_000),
					standing: false,
				},
				Event::OrderPlaced {
					order_id: purchase,
					who: BOB,
					microgrid: GRID,
					order: bid(BOBS, 500, 110_000),
					standing: false,
				},
			]
		);
		assert!(OrderBook::has_commitments(ALICES) && OrderBook::has_commitments(BOBS));
		assert!(!OrderBook::has_commitments(ALICES_OTHER));
	});
}

#[test]
fn ask_above_retail_and_fee_should_lock_nothing() {
	test(|| {
		place(ask(ALICES, 1_000, 301_000));
		place(ask(ALICES, 1_000, 900_000));
		assert_eq!(locked(ALICE), 0);
	});
}

#[test]
fn unknown_meter_should_be_refused() {
	test(|| {
		refused(
			ask(MeterId(1_234), 100, 100_000),
			Error::<Test>::UnknownMeter,
		)
	});
}

#[test]
fn another_ones_meter_should_be_refused() {
	test(|| {
		assert_refused(
			BOB,
			placing(ask(ALICES, 100, 100_000)),
			Error::<Test>::NotMeterOwner,
		)
	});
}

#[test]
fn meter_that_may_not_trade_should_be_refused() {
	test(|| {
		refused(bid(FEEDER, 100, 100_000), Error::<Test>::MeterMayNotTrade);
		for state in [MeterState::Registered, MeterState::Retired] {
			Meters::mutate(|meters| {
				meters.entry(ALICES).and_modify(|info| info.state = state);
			});
			refused(bid(ALICES, 100, 100_000), Error::<Test>::MeterMayNotTrade);
		}
		Meters::mutate(|meters| {
			meters
				.entry(ALICES)
				.and_modify(|info| info.state = MeterState::Admitted);
		});
		place(bid(ALICES, 100, 100_000));
	});
}

#[test]
fn quarantined_meter_should_be_refused() {
	test(|| {
		Quarantined::mutate(|meters| meters.insert(ALICES));
		refused(bid(ALICES, 100, 100_000), Error::<Test>::Quarantined);
		refused(ask(ALICES, 100, 100_000), Error::<Test>::Quarantined);
		place(bid(ALICES_OTHER, 100, 100_000));
	});
}

#[test]
fn period_beyond_the_horizon_or_pruned_should_be_refused() {
	test(|| {
		let last = Period(START.0 + HORIZON);
		for period in [last.next(), Period(u32::MAX), Period(0)] {
			let order = NewOrder {
				period,
				..ask(ALICES, 100, 100_000)
			};
			refused(order, Error::<Test>::PeriodNotOpen);
		}
		place(NewOrder {
			period: last,
			..ask(ALICES, 100, 100_000)
		});
	});
}

#[test]
fn order_should_be_refused_from_the_second_its_gate_closes() {
	test(|| {
		let closes = start_of(Period(P.0 - 1));
		Now::set(closes - 1);
		place(ask(ALICES, 100, 100_000));
		Now::set(closes);
		refused(ask(ALICES, 100, 100_000), Error::<Test>::GateClosed);
		refused(
			NewOrder {
				period: START,
				..ask(ALICES, 100, 100_000)
			},
			Error::<Test>::GateClosed,
		);
	});
}

#[test]
fn order_outside_of_the_rules_should_be_refused() {
	test(|| {
		refused(ask(ALICES, 0, 100_000), Error::<Test>::BelowMinimumQuantity);
		refused(ask(ALICES, 9, 100_000), Error::<Test>::BelowMinimumQuantity);
		refused(
			ask(ALICES, 1 << 32, 100_000),
			Error::<Test>::EnergyOutOfBounds,
		);
		refused(
			ask(ALICES, u64::MAX, 100_000),
			Error::<Test>::EnergyOutOfBounds,
		);
		refused(ask(ALICES, 100, 0), Error::<Test>::PriceBelowFloor);
		refused(bid(ALICES, 100, 9), Error::<Test>::PriceBelowFloor);
		refused(bid(ALICES, 100, 1_000_001), Error::<Test>::PriceAboveCap);
		refused(ask(ALICES, 100, u64::MAX), Error::<Test>::PriceAboveCap);
		place(ask(ALICES, 10, 1_000_000));
		place(bid(ALICES, 10, 10));
	});
}

#[test]
fn arrears_should_block_bids_only() {
	test(|| {
		InArrears::mutate(|accounts| accounts.insert(ALICE));
		refused(bid(ALICES, 100, 100_000), DispatchError::Other("arrears"));
		place(ask(ALICES, 100, 100_000));
	});
}

#[test]
fn order_without_funds_should_leave_nothing() {
	test(|| {
		refused(bid(POORS, 100, 100_000), DispatchError::Other("no funds"));
		refused(ask(POORS, 100, 100_000), DispatchError::Other("no funds"));
		// Enough for the trade, not for the worst case of the order.
		place(ask(ALICES, 100, 50_000));
		Accounts::insert(POOR, (51_000 * 100 * 1_000, 0, 0));
		refused(bid(POORS, 100, 60_000), DispatchError::Other("no funds"));
		place(bid(POORS, 100, 50_000));
		assert_eq!(trades(), vec![(50_000, 100)]);
	});
}

#[test]
fn fill_that_settlement_refuses_should_undo_the_order() {
	test(|| {
		let sale = place(ask(ALICES, 100, 50_000));
		MostTrades::set(0);
		refused(bid(BOBS, 50, 60_000), DispatchError::Other("trade refused"));
		assert_eq!(remaining(sale), Some(100));
	});
}

#[test]
fn meter_should_have_at_most_so_many_open_orders() {
	test(|| {
		let orders: Vec<OrderId> = (0..12)
			.map(|i| place(ask(ALICES, 10, 100_000 + i)))
			.collect();
		refused(ask(ALICES, 10, 100_000), Error::<Test>::TooManyOrders);
		// An order that does not rest is no open order.
		place(NewOrder {
			time_in_force: TimeInForce::ImmediateOrCancel,
			..ask(ALICES, 10, 200_000)
		});
		place(bid(BOBS, 10, 100_000));
		assert_eq!(remaining(orders[0]), None);
		place(ask(ALICES, 10, 100_000));
	});
}

#[test]
fn order_that_does_not_rest_should_leave_no_book() {
	test(|| {
		let order = NewOrder {
			time_in_force: TimeInForce::ImmediateOrCancel,
			..bid(BOBS, 100, 100_000)
		};
		let id = place(order);
		assert_eq!(
			cancellations(),
			vec![(id, 100, CancelReason::ImmediateOrCancel)]
		);
		assert_eq!(OrderBook::market_data(GRID, P), None);
		assert_eq!(locked(BOB), 0);
	});
}

#[test]
fn weight_should_be_that_of_the_fills_made() {
	test(|| {
		let base = <() as crate::WeightInfo>::place_order(0);
		let order = |energy| bid(BOBS, energy, 100_000);
		let charged = Call::<Test>::place_order { order: order(10) }
			.get_dispatch_info()
			.call_weight;
		let spent = |energy| {
			let result = OrderBook::place_order(RuntimeOrigin::signed(BOB), order(energy));
			result.map(|info| info.actual_weight.unwrap())
		};
		for meter in [ALICES, CAROLS, ALICES, CAROLS, ALICES] {
			place(ask(meter, 10, 100_000));
		}
		let two = spent(20).unwrap();
		assert_eq!(two, <() as crate::WeightInfo>::place_order(2));
		let three = spent(30).unwrap();
		// Two keys deleted in this block may have to be stepped over.
		assert_eq!(
			three,
			<() as crate::WeightInfo>::place_order(3)
				.saturating_add(<() as crate::WeightInfo>::step_over(2)),
		);
		assert_eq!(spent(40), Ok(base));
		assert!(three.all_lt(charged));
	});
}

#[test]
fn weight_of_a_refused_order_should_be_that_of_its_work() {
	test(|| {
		place(ask(ALICES, 10, 100_000));
		let order = NewOrder {
			time_in_force: TimeInForce::FillOrKill,
			..bid(BOBS, 20, 100_000)
		};
		let error = OrderBook::place_order(RuntimeOrigin::signed(BOB), order).unwrap_err();
		assert_eq!(error.error, Error::<Test>::NotFillable.into());
		assert_eq!(
			error.post_info.actual_weight,
			Some(<() as crate::WeightInfo>::place_order(1))
		);
	});
}

#[test]
fn terms_of_a_book_should_outlive_their_change() {
	test(|| {
		let sale = place(ask(ALICES, 100, 100_000));
		CurrentTerms::mutate(|terms| {
			terms.retail_price = Price(500_000);
			terms.rules.fee = Price(7);
			terms.rules.min_quantity = WattHours(20);
		});
		place(bid(BOBS, 50, 100_000));
		assert_ok!(OrderBook::cancel_order(RuntimeOrigin::signed(ALICE), sale));
		assert_eq!(locked(ALICE), 0);
		assert_eq!(Trades::get().unwrap()[0].retail_price, Price(300_000));
	});
}
