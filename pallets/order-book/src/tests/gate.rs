//! What becomes of books with time.

use frame_support::{assert_ok, weights::Weight};
use gridweave_primitives::{
	traits::{MeterCommitments, OnMeterRetired},
	Be32, OrderId, PeriodClock,
};

use crate::{
	mock::*, Agenda, Asks, Bids, Books, CancelReason, Event, MeterDealings, NewOrder, Orders,
	WeightInfo,
};

/// Room for the orders (and what else is needed for one book), and no more.
fn room_for(orders: u64) {
	let each = <() as WeightInfo>::expire_order().saturating_mul(orders);
	let rest = <() as WeightInfo>::service_base()
		.saturating_add(<() as WeightInfo>::advance_book())
		.saturating_add(Weight::from_parts(1_000, 1_000));
	ServiceWeight::set(each.saturating_add(rest));
}

#[test]
fn open_orders_should_expire_when_the_gate_closes() {
	test(|| {
		let sale = place(ask(ALICES, 100, 110));
		let purchase = place(bid(BOBS, 60, 90));
		let later = place(NewOrder {
			period: P1,
			..bid(BOBS, 60, 90)
		});
		block_at(gate(P) - 1);
		assert_eq!(remaining(sale), Some(100));
		block_at(gate(P));
		assert_eq!(
			cancellations(),
			vec![
				(sale, 100, CancelReason::GateClosed),
				(purchase, 60, CancelReason::GateClosed)
			]
		);
		assert_eq!((remaining(sale), remaining(purchase)), (None, None));
		assert_eq!(remaining(later), Some(60));
		assert!(!OrderBook::has_commitments(ALICES) && OrderBook::has_commitments(BOBS));
		assert_eq!((locked(ALICE), locked(BOB)), (0, (90 + 1_000) * 60 * 1_000));
	});
}

#[test]
fn closing_of_a_market_should_be_told_with_what_was_traded() {
	test(|| {
		place(ask(ALICES, 100, 80));
		place(bid(BOBS, 60, 90));
		block_at(gate(P));
		let market = Books::<Test>::iter().next().unwrap().1.market;
		assert_eq!(
			(market.volume.0, market.value, market.trades),
			(60, 80 * 60 * 1_000, 1)
		);
		assert!(events().contains(&Event::MarketClosed {
			microgrid: GRID,
			period: P,
			market
		}));
	});
}

#[test]
fn expiry_should_go_on_in_the_next_block_when_it_does_not_fit() {
	test(|| {
		for i in 0..5 {
			place(ask(ALICES, 10, 100 + i));
			place(bid(BOBS, 10, 50 + i));
		}
		room_for(4);
		block_at(gate(P));
		check();
		assert_eq!(
			Asks::<Test>::iter().count() + Bids::<Test>::iter().count(),
			6
		);
		block_at(gate(P) + 3);
		check();
		assert_eq!(Orders::<Test>::iter().count(), 2);
		block_at(gate(P) + 6);
		assert_eq!(Orders::<Test>::iter().count(), 0);
		assert_eq!(cancellations().len(), 10);
	});
}

#[test]
fn order_late_to_expire_should_be_cancellable_and_never_trade() {
	test(|| {
		let first = place(ask(ALICES, 10, 100));
		let second = place(ask(ALICES, 10, 101));
		room_for(0);
		block_at(gate(P));
		assert_eq!(remaining(first), Some(10));
		assert_refused(
			BOB,
			placing(bid(BOBS, 10, 200)),
			crate::Error::<Test>::GateClosed,
		);
		assert_ok!(OrderBook::cancel_order(RuntimeOrigin::signed(ALICE), first));
		room_for(1);
		block_at(gate(P) + 3);
		assert_eq!(remaining(second), None);
	});
}

#[test]
fn service_without_room_should_do_nothing() {
	test(|| {
		let sale = place(ask(ALICES, 10, 100));
		ServiceWeight::set(Weight::from_parts(1, 1));
		block_at(gate(P));
		assert_eq!(remaining(sale), Some(10));
	});
}

#[test]
fn commitments_should_be_told_until_the_period_is_delivered_and_go_with_the_next_order() {
	test(|| {
		place(ask(ALICES, 100, 80));
		place(bid(BOBS, 100, 80));
		let end = PeriodClock::default().end_of(P);
		block_at(end - 1);
		assert_eq!(OrderBook::commitment(ALICES, P).sold.0, 100);
		block_at(end);
		check();
		assert_eq!(OrderBook::commitment(ALICES, P), Default::default());
		assert_eq!(OrderBook::market_data(GRID, P).unwrap().volume.0, 100);
		let periods = || -> Vec<_> {
			let dealings = MeterDealings::<Test>::get(Be32::from(ALICES));
			dealings.periods.iter().map(|(period, _)| *period).collect()
		};
		assert_eq!(periods(), [P]);
		let sell = |period| {
			place(NewOrder {
				period,
				..ask(ALICES, 10, 80)
			})
		};
		let [next, later] = [3, 6].map(|ahead| P.saturating_add(ahead));
		sell(next);
		assert_eq!(periods(), [next]);
		check();
		// What is still open of a delivered period stays.
		ServiceWeight::set(Weight::zero());
		block_at(PeriodClock::default().end_of(next));
		sell(later);
		assert_eq!(periods(), [next, later]);
	});
}

#[test]
fn dealings_should_go_with_the_meter() {
	test(|| {
		place(ask(ALICES, 100, 80));
		place(bid(BOBS, 100, 80));
		block_at(PeriodClock::default().end_of(P));
		let dealt = |meter| MeterDealings::<Test>::contains_key(Be32::from(meter));
		assert!(dealt(ALICES));
		<OrderBook as OnMeterRetired>::on_meter_retired(ALICES);
		assert_eq!((dealt(ALICES), dealt(BOBS)), (false, true));
	});
}

#[test]
fn nothing_should_be_left_of_a_period_that_is_no_longer_kept() {
	test(|| {
		for period in [P, P1] {
			place(NewOrder {
				period,
				..ask(ALICES, 100, 80)
			});
			place(NewOrder {
				period,
				..bid(BOBS, 60, 80)
			});
		}
		let expires = PeriodClock::default().expires_at(P1);
		for before in [9, 6, 3] {
			block_at(expires - before);
			check();
		}
		assert_eq!(Books::<Test>::iter().count(), 1);
		block_at(expires);
		assert_eq!(Books::<Test>::iter().count(), 0);
		assert_eq!(Agenda::<Test>::iter().count(), 0);
		assert_eq!(Orders::<Test>::iter().count(), 0);
		assert_eq!(dealing(), 0);
		assert_eq!(
			Asks::<Test>::iter().count() + Bids::<Test>::iter().count(),
			0
		);
	});
}

#[test]
fn service_should_catch_up_after_a_standstill() {
	test(|| {
		for period in [P, P1, P2] {
			place(NewOrder {
				period,
				..ask(ALICES, 100, 80)
			});
			place(NewOrder {
				period,
				..bid(BOBS, 60, 80)
			});
		}
		let late = PeriodClock::default().expires_at(P2) + 10_000;
		room_for(2);
		for block in 0..30 {
			block_at(late + 3 * block);
			check();
		}
		assert_eq!(Books::<Test>::iter().count(), 0);
		assert_eq!(Agenda::<Test>::iter().count(), 0);
	});
}

#[test]
fn idle_block_should_cost_one_look() {
	test(|| {
		place(ask(ALICES, 100, 80));
		let mut meter = frame_support::weights::WeightMeter::new();
		OrderBook::run_task(ServiceWeight::get(), &mut meter, OrderBook::serve);
		assert_eq!(meter.consumed(), <() as WeightInfo>::service_base());
	});
}

#[test]
fn service_should_respect_what_is_left_of_the_block() {
	test(|| {
		let sale = place(ask(ALICES, 100, 80));
		Now::set(gate(P));
		let left = <() as WeightInfo>::service_base();
		let mut meter = frame_support::weights::WeightMeter::with_limit(left);
		OrderBook::run_task(ServiceWeight::get(), &mut meter, OrderBook::serve);
		assert_eq!((meter.consumed(), remaining(sale)), (left, Some(100)));
	});
}

#[test]
fn ids_should_not_be_given_out_again() {
	test(|| {
		let first = place(ask(ALICES, 100, 80));
		block_at(gate(P));
		assert_eq!(
			place(NewOrder {
				period: P1,
				..ask(ALICES, 100, 80)
			}),
			OrderId(first.0 + 1)
		);
	});
}
