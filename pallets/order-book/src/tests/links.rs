//! Trades over links, on the chain.

use std::collections::BTreeSet;

use frame_support::dispatch::GetDispatchInfo;
use gridweave_primitives::{
	link::OpenLink, market::Side, microgrid::Mechanism, Be32, LinkId, OrderId, Price, WattHours,
};
use sp_runtime::Permill;

use crate::{
	matching::MAX_PASSED, mock::*, Agenda, Book, Books, CancelReason, Commitment, Error, Event,
	Flow, LinkFlows, NewOrder, TimeInForce, WeightInfo,
};
use TimeInForce::{FillOrKill, ImmediateOrCancel};

/// Energy of the north is sold here.
fn from_north() -> OpenLink<AccountId> {
	link(0, NORTH, GRID)
}

fn with(order: NewOrder, time_in_force: TimeInForce) -> NewOrder {
	NewOrder {
		time_in_force,
		..order
	}
}

/// Link, sent, received, price of all trades over links.
fn linked_trades() -> Vec<(u32, u64, u64, u64)> {
	let linked = |event| match event {
		Event::TradeOverLink {
			link,
			sent,
			received,
			price,
			..
		} => Some((link.0, sent.0, received.0, price.0)),
		_ => None,
	};
	events().into_iter().filter_map(linked).collect()
}

fn book(grid: gridweave_primitives::MicrogridId) -> Book {
	Books::<Test>::get((Be32::from(grid), Be32::from(P))).expect("there is a book")
}

#[test]
fn bid_should_buy_over_a_link_what_it_can_have_no_cheaper_at_home() {
	test(|| {
		connect([from_north()]);
		let sale = place(ask(NORTHS, 1_000, 90));
		let purchase = place(bid(BOBS, 475, 100));
		// 500 Wh at 90 and 2 on 475 Wh: 45,950 units of at most 47,500.
		assert_eq!(remaining(sale), Some(500));
		assert_eq!(remaining(purchase), None);
		let (value, wheeling) = (45_000_000, 950_000);
		assert!(events().contains(&Event::TradeOverLink {
			link: LinkId(0),
			period: P,
			price: Price(90),
			sent: WattHours(500),
			received: WattHours(475),
			value,
			wheeling_fee: wheeling,
			taker: Side::Bid,
			bid: purchase,
			buyer: BOB,
			buyer_meter: BOBS,
			to: GRID,
			ask: sale,
			seller: ALICE,
			seller_meter: NORTHS,
			from: NORTH,
		}));
		let trade = Trades::get().unwrap().remove(0);
		assert_eq!(
			(trade.seller.microgrid, trade.buyer.microgrid),
			(NORTH, GRID)
		);
		assert_eq!(trade.value, value);
		assert_eq!(trade.buyer.released, 1_100 * 475 * 1_000);
		// The buyer has paid; the fee of its market is its margin.
		let fee = 1_000 * 475 * 1_000;
		let paid = value + wheeling;
		assert_eq!(Accounts::get(BOB), Some((RICH - paid - fee, 0, fee)));
		assert_eq!(Accounts::get(LINK_OPERATOR), Some((wheeling, 0, 0)));
		assert_eq!(
			OrderBook::flows_into(GRID, P),
			[(
				LinkId(0),
				Flow {
					from: NORTH,
					sent: WattHours(500),
					received: WattHours(475)
				}
			)]
		);
		let [told] = OrderBook::trades().try_into().expect("one trade");
		let over = told.over.expect("over a link");
		assert_eq!(
			(told.microgrid, told.energy, told.price),
			(NORTH, WattHours(500), Price(90))
		);
		assert_eq!(
			(over.received, over.wheeling_fee),
			(WattHours(475), wheeling)
		);
		assert!(told.is_of(GRID) && told.is_of(NORTH) && !told.is_of(SOUTH));
		// It counts in the market of the order that rested; each side sold or bought its own energy.
		assert_eq!(book(NORTH).market.volume, WattHours(500));
		assert_eq!(book(NORTH).market.last_price, Some(Price(90)));
		assert_eq!(book(GRID).market.trades, 0);
		assert_eq!(
			OrderBook::commitment(NORTHS, P),
			Commitment {
				asks: WattHours(500),
				sold: WattHours(500),
				..Commitment::default()
			}
		);
		assert_eq!(OrderBook::commitment(BOBS, P).bought, WattHours(475));
	});
}

#[test]
fn ask_should_sell_over_a_link_for_what_is_left_after_the_fee() {
	test(|| {
		connect([from_north()]);
		let purchase = place(bid(BOBS, 475, 100));
		// 98 on 475 Wh for 500 Wh: 93.1 per kWh sent.
		let dear = place(ask(NORTHS, 500, 94));
		assert_eq!(
			(remaining(dear), remaining(purchase)),
			(Some(500), Some(475))
		);
		let sale = place(ask(NORTHS_OTHER, 500, 93));
		assert_eq!((remaining(sale), remaining(purchase)), (None, None));
		assert_eq!(linked_trades(), [(0, 500, 475, 100)]);
		let trade = Trades::get().unwrap().remove(0);
		assert_eq!(
			(trade.value, trade.seller.account),
			(98 * 475 * 1_000, CAROL)
		);
		assert_eq!(book(GRID).market.volume, WattHours(475));
		assert_eq!(
			(book(NORTH).exported, book(GRID).imported),
			(WattHours(500), WattHours(475))
		);
	});
}

#[test]
fn links_should_lead_one_way_and_not_on() {
	test(|| {
		// What the north sells is not seen there by who buys in the south, nor the other way round.
		connect([from_north(), link(1, GRID, SOUTH)]);
		let sale = place(ask(NORTHS, 100, 50));
		let far = place(bid(SOUTHS, 100, 200));
		assert_eq!((remaining(sale), remaining(far)), (Some(100), Some(100)));
		// Nor does the north buy here.
		let there = place(bid(NORTHS_OTHER, 50, 49));
		let here = place(ask(CAROLS, 100, 45));
		assert_eq!(remaining(there), Some(50));
		assert_eq!(remaining(here), None, "it is sold to the south");
		assert_eq!(linked_trades(), [(1, 100, 95, 200)]);
	});
}

#[test]
fn own_book_should_win_ties_and_cheaper_books_come_first() {
	test(|| {
		let free = |id, from| {
			let mut link = link(id, from, GRID);
			link.terms.loss = Permill::zero();
			link.terms.wheeling_fee = Price(0);
			link
		};
		let mut priced = free(1, SOUTH);
		priced.terms.wheeling_fee = Price(1);
		connect([free(0, NORTH), priced]);
		let far = place(ask(SOUTHS, 100, 89));
		let over = place(ask(NORTHS_OTHER, 100, 90));
		let home = place(ask(ALICES, 100, 90));
		let cheap = place(ask(NORTHS, 100, 70));
		let order = || [cheap, home, over, far].map(remaining);
		place(bid(CAROLS, 150, 95));
		assert_eq!(order(), [None, Some(50), Some(100), Some(100)]);
		// All at 90 now: the own book, then links by age. Carol meets herself in the north.
		let buyer = place(bid(CAROLS, 200, 95));
		assert_eq!(order(), [None, None, Some(100), Some(100)]);
		assert_eq!(cancellations(), [(buyer, 150, CancelReason::SelfTrade)]);
		assert_eq!(remaining(buyer), None);
		place(bid(BOBS, 200, 95));
		assert_eq!(
			order(),
			[None, None, None, Some(100)],
			"Bob meets himself in the south"
		);
	});
}

#[test]
fn capacity_that_is_used_up_should_leave_the_rest_to_the_own_book() {
	test(|| {
		let mut narrow = from_north();
		narrow.terms.capacity = WattHours(300);
		connect([narrow]);
		let sale = place(ask(NORTHS, 1_000, 50));
		let home = place(ask(ALICES, 100, 80));
		// ⌊0.95 × 300⌋ = 285 Wh come over the link, then 100 Wh of its own, and the rest stays.
		let buyer = place(bid(CAROLS, 500, 90));
		assert_eq!((remaining(sale), remaining(home)), (Some(700), None));
		assert_eq!(remaining(buyer), Some(115));
		// Nothing more for this period, from either side; for the next one there is.
		place(with(ask(NORTHS_OTHER, 100, 10), ImmediateOrCancel));
		place(with(bid(BOBS, 100, 90), ImmediateOrCancel));
		assert_eq!(linked_trades(), [(0, 300, 285, 50)]);
		let later = |order: NewOrder| NewOrder {
			period: P1,
			..order
		};
		place(later(ask(NORTHS, 1_000, 50)));
		let other = place(later(bid(CAROLS, 285, 90)));
		assert_eq!(remaining(other), None);
	});
}

#[test]
fn fill_or_kill_should_count_what_links_bring() {
	test(|| {
		connect([from_north()]);
		place(ask(NORTHS, 100, 80));
		place(ask(ALICES, 50, 85));
		assert_refused(
			BOB,
			placing(with(bid(BOBS, 146, 90), FillOrKill)),
			Error::<Test>::NotFillable,
		);
		place(with(bid(BOBS, 145, 90), FillOrKill));
		assert_eq!(linked_trades(), [(0, 100, 95, 80)]);
		// An ask whose last Wh cannot arrive is not filled wholly.
		place(bid(BOBS, 300, 100));
		assert_refused(
			ALICE,
			placing(with(ask(NORTHS, 101, 80), FillOrKill)),
			Error::<Test>::NotFillable,
		);
		place(with(ask(NORTHS, 100, 80), FillOrKill));
		let linked = [(0, 100, 95, 80), (0, 100, 95, 100)];
		assert_eq!(linked_trades(), linked);
	});
}

#[test]
fn what_is_left_of_a_sale_and_cannot_arrive_should_be_cancelled() {
	test(|| {
		connect([from_north()]);
		// 101 Wh sent bring 95 Wh, as 100 Wh do.
		let sale = place(ask(NORTHS, 101, 50));
		let next = place(ask(NORTHS, 100, 51));
		events();
		place(bid(BOBS, 190, 90));
		let events = events();
		let cancelled = events.iter().any(|event| {
			matches!(event, Event::OrderCancelled { order_id, energy, reason, .. }
				if (*order_id, energy.0, *reason) == (sale, 1, CancelReason::LinkRemainder))
		});
		assert!(cancelled);
		assert_eq!((remaining(sale), remaining(next)), (None, None));
		assert_eq!(locked(ALICE), 0);
		// Of an ask that comes in, it rests.
		place(bid(BOBS, 95, 90));
		let sale = place(ask(NORTHS, 101, 50));
		assert_eq!(remaining(sale), Some(1));
	});
}

#[test]
fn small_orders_should_be_passed_over_and_keep_their_places() {
	test(|| {
		connect([from_north()]);
		CurrentTerms::mutate(|terms| terms.rules.min_quantity = WattHours(1));
		let small: Vec<OrderId> = (0..MAX_PASSED).map(|_| place(ask(NORTHS, 1, 50))).collect();
		let sale = place(ask(NORTHS, 100, 60));
		place(with(bid(BOBS, 95, 90), ImmediateOrCancel));
		assert_eq!(remaining(sale), None);
		assert!(small.iter().all(|order| remaining(*order) == Some(1)));
		assert_eq!(
			book(NORTH).best_ask.map(|place| place.order),
			Some(small[0])
		);
		// One more, and the link is of no use until some of them are sold at home.
		let more = place(ask(NORTHS, 1, 50));
		let sale = place(ask(NORTHS, 100, 60));
		place(with(bid(BOBS, 95, 90), ImmediateOrCancel));
		assert_eq!(remaining(sale), Some(100));
		place(bid(NORTHS_OTHER, 1, 50));
		assert_eq!((remaining(small[0]), remaining(more)), (None, Some(1)));
		place(with(bid(BOBS, 95, 90), ImmediateOrCancel));
		assert_eq!(remaining(sale), None);
		// Less than the minimum of the link is not bought, but for the rest of an order.
		let sale = place(ask(NORTHS, 12, 20));
		let buyer = place(bid(BOBS, 9, 30));
		assert_eq!((remaining(sale), remaining(buyer)), (Some(12), Some(9)));
		place(with(bid(BOBS, 10, 30), ImmediateOrCancel));
		place(with(bid(BOBS, 10, 30), ImmediateOrCancel));
		assert_eq!(remaining(sale), None);
	});
}

#[test]
fn orders_should_keep_the_rules_of_their_own_communities() {
	test(|| {
		connect([from_north()]);
		let mut dear = terms();
		dear.rules.fee = Price(5_000);
		dear.rules.price_cap = Price(80);
		dear.retail_price = Price(400_000);
		OtherTerms::mutate(|terms| terms.insert(NORTH, dear));
		assert_refused(
			ALICE,
			placing(ask(NORTHS, 100, 81)),
			Error::<Test>::PriceAboveCap,
		);
		place(ask(NORTHS, 100, 80));
		place(bid(BOBS, 95, 90_000));
		let trade = Trades::get().unwrap().remove(0);
		assert_eq!(
			(trade.seller.fee, trade.buyer.fee),
			(Price(5_000), Price(1_000))
		);
		assert_eq!(trade.retail_price, Price(400_000));
		assert_eq!(trade.seller.released, (405_000 - 80) * 100 * 1_000);
	});
}

#[test]
fn a_gate_that_is_shut_on_either_side_should_shut_the_link() {
	for ours in [true, false] {
		test(|| {
			connect([from_north()]);
			let mut early = terms();
			early.rules.gate_closure = 2;
			OtherTerms::mutate(|terms| terms.insert(if ours { GRID } else { NORTH }, early));
			let order = |order: NewOrder| NewOrder {
				period: P1,
				..order
			};
			place(order(ask(NORTHS, 100, 80)));
			// The gate of the one is shut, that of the other still open.
			Now::set(gate(P));
			let buyer = placing(order(bid(BOBS, 95, 90)));
			if ours {
				assert_refused(BOB, buyer, Error::<Test>::GateClosed);
			} else {
				place(order(bid(BOBS, 95, 90)));
			}
			assert_eq!(linked_trades(), []);
		});
	}
}

#[test]
fn call_auctions_should_not_trade_over_links() {
	for ours in [true, false] {
		test(|| {
			connect([from_north()]);
			let mut auction = terms();
			auction.rules.mechanism = Mechanism::CallAuction;
			OtherTerms::mutate(|terms| terms.insert(if ours { GRID } else { NORTH }, auction));
			place(ask(NORTHS, 100, 80));
			place(bid(BOBS, 95, 90));
			place(ask(NORTHS_OTHER, 100, 80));
			assert_eq!(linked_trades(), []);
		});
	}
}

#[test]
fn orders_under_quarantine_should_be_cancelled_over_links_too() {
	test(|| {
		connect([from_north()]);
		let barred = place(ask(NORTHS, 100, 50));
		let sale = place(ask(NORTHS_OTHER, 100, 60));
		Quarantined::set(BTreeSet::from([NORTHS]));
		events();
		place(bid(BOBS, 95, 90));
		assert_eq!(remaining(sale), None);
		assert_eq!(remaining(barred), None);
		assert_eq!((locked(ALICE), book(NORTH).removals), (0, 2));
	});
}

#[test]
fn fills_should_be_bounded_over_all_books() {
	test(|| {
		connect([from_north()]);
		for price in 0..3 {
			place(ask(ALICES, 10, 50 + price));
			place(ask(NORTHS, 20, 40 + price));
		}
		let buyer = place(bid(BOBS, 1_000, 90));
		assert_eq!(trades().len(), 5);
		assert_eq!(
			cancellations(),
			[(buyer, 1_000 - 3 * 19 - 20, CancelReason::FillLimit)]
		);
	});
}

#[test]
fn book_that_has_let_go_of_all_it_may_should_not_be_reached() {
	test(|| {
		connect([from_north()]);
		MaxRemovals::set(1);
		place(ask(NORTHS, 100, 50));
		let next = place(ask(NORTHS, 100, 50));
		place(bid(BOBS, 95, 90));
		let waits = place(bid(BOBS, 95, 90));
		assert_eq!((remaining(next), remaining(waits)), (Some(100), Some(95)));
		block_at(Now::get() + 3);
		place(with(bid(CAROLS, 95, 90), ImmediateOrCancel));
		assert_eq!(remaining(next), None);
	});
}

#[test]
fn trade_that_fails_over_a_link_should_leave_nothing_behind() {
	test(|| {
		connect([from_north()]);
		place(ask(NORTHS, 100, 50));
		MostTrades::set(0);
		assert_refused(
			BOB,
			placing(bid(BOBS, 95, 90)),
			sp_runtime::DispatchError::Other("trade refused"),
		);
	});
}

#[test]
fn looking_at_links_and_trading_over_them_should_be_charged() {
	test(|| {
		let weight = |order: NewOrder| {
			let placed = dispatch(owner_of(order.meter), placing(order)).expect("allowed");
			placed.actual_weight.expect("it is corrected")
		};
		let idle = weight(bid(BOBS, 100, 20));
		connect([from_north(), link(1, SOUTH, GRID)]);
		let seen = <() as WeightInfo>::look_at_links(2) - <() as WeightInfo>::look_at_links(0);
		assert_eq!(weight(bid(BOBS, 100, 20)), idle + seen);
		place(ask(NORTHS, 100, 50));
		place(ask(NORTHS_OTHER, 100, 50));
		place(ask(ALICES, 10, 55));
		// Two over the link, one at home.
		let linked = <() as WeightInfo>::fill_over_link(2) - <() as WeightInfo>::fill_over_link(0);
		let own = <() as WeightInfo>::place_order(1) - <() as WeightInfo>::place_order(0);
		assert_eq!(weight(bid(BOBS, 300, 90)), idle + seen + linked + own);
		// A bid for which no fill would be left is charged no more than it announces.
		let call: RuntimeCall = placing(bid(BOBS, 100, 20)).into();
		let announced = call.get_dispatch_info().call_weight;
		assert!(announced.all_gte(idle + seen + <() as WeightInfo>::fill_over_link(5)));
	});
}

#[test]
fn a_link_that_is_listed_twice_should_not_sell_an_order_twice() {
	test(|| {
		connect([from_north(), link(1, NORTH, GRID)]);
		place(ask(NORTHS, 100, 50));
		let buyer = place(bid(BOBS, 190, 90));
		assert_eq!(remaining(buyer), Some(95));
		assert_eq!(linked_trades(), [(0, 100, 95, 50)]);
	});
}

#[test]
fn what_went_over_links_should_be_forgotten_with_the_book() {
	test(|| {
		connect([from_north()]);
		place(ask(NORTHS, 100, 50));
		place(bid(BOBS, 95, 90));
		let expires = gridweave_primitives::PeriodClock::default().expires_at(P);
		for at in [gate(P), start_of(P1), expires - 1] {
			(0..4).for_each(|n| block_at(at.min(expires - 4) + n));
			check();
			assert_eq!(OrderBook::flows_into(GRID, P).len(), 1);
		}
		(0..4).for_each(|n| block_at(expires + n));
		assert_eq!(LinkFlows::<Test>::iter().count(), 0);
		assert_eq!(
			(Books::<Test>::iter().count(), Agenda::<Test>::count()),
			(0, 0)
		);
	});
}
