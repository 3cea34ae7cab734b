//! Discovery and clearing in turns, whatever room there is, and auctions that are given up.

use frame_support::weights::Weight;
use gridweave_primitives::{
	meter::MeterKind, microgrid::Mechanism, MeterId, OrderId, Period, PeriodClock, Price, WattHours,
};
use sp_runtime::DispatchError;

use super::{cleared, noted, room_for, run_auction, stage, turn_of, W};
use crate::{
	mock::*, Agenda, Books, CancelReason, Commitment, Cursor, Event, NewOrder, Orders, Stage,
	WeightInfo,
};

/// Seven kWh trade; on each side an order is left. Bids and asks, best first.
fn worked_book() -> [OrderId; 4] {
	[
		place(bid(BOBS, 700, 240_000)),
		place(bid(CAROLS, 500, 200_000)),
		place(ask(ALICES, 700, 150_000)),
		place(ask(ALICES, 300, 211_001)),
	]
}

/// Three sales of 10 Wh each, to three buyers.
fn three_pairs() {
	for (meter, owner) in [(50, 50), (51, 51), (52, 52)] {
		add_meter(MeterId(meter), owner, GRID, MeterKind::Prosumer, 40_000);
		Accounts::insert(owner, (RICH, 0, 0));
		place(bid(MeterId(meter), 10, 100));
		place(ask(ALICES, 10, 100));
	}
}

#[test]
fn auction_should_trade_at_one_price_and_the_rest_expire() {
	test_auction(|| {
		let [first, second, sold, kept] = worked_book();
		run_auction(gate(P));
		assert_eq!(trades(), vec![(205_500, 700)]);
		let events = events();
		let found = Event::AuctionCleared {
			microgrid: GRID,
			period: P,
			price: Price(205_500),
			volume: WattHours(700),
		};
		assert!(events.contains(&found));
		assert!(events.contains(&Event::Trade {
			microgrid: GRID,
			period: P,
			price: Price(205_500),
			energy: WattHours(700),
			taker: None,
			bid: first,
			buyer: BOB,
			buyer_meter: BOBS,
			ask: sold,
			seller: ALICE,
			seller_meter: ALICES,
		}));
		let expired = events.iter().filter_map(|event| match event {
			Event::OrderCancelled {
				order_id, reason, ..
			} => Some((*order_id, *reason)),
			_ => None,
		});
		let gone = CancelReason::GateClosed;
		assert_eq!(
			expired.collect::<Vec<_>>(),
			vec![(kept, gone), (second, gone)]
		);
		let market = Books::<Test>::iter().next().unwrap().1.market;
		assert!(events.contains(&Event::MarketClosed {
			microgrid: GRID,
			period: P,
			market
		}));
		assert_eq!(market.volume, WattHours(700));
		// Each side released what its own limit had locked, and has the margin of the price locked.
		let (paid, fee) = (205_500, 1_000);
		assert_eq!(
			Accounts::get(BOB),
			Some((RICH - (paid + fee) * 700_000, 0, (paid + fee) * 700_000))
		);
		let margin = (300_000 + fee - paid) * 700_000;
		assert_eq!(Accounts::get(ALICE), Some((RICH - margin, 0, margin)));
		assert_eq!(Accounts::get(CAROL), Some((RICH, 0, 0)));
		assert_eq!(noted(), 0);
	});
}

#[test]
fn discovery_should_go_on_where_it_was() {
	test_auction(|| {
		worked_book();
		// Bids first, and then of whichever side an order is wanted.
		let read = [(1, 0), (1, 1), (2, 1)];
		ServiceWeight::set(turn_of(
			W::discover_order().saturating_add(W::expire_order()),
		));
		for (block, (bids, asks)) in (0..).zip(read) {
			let seeks = seeks(|| block_at(gate(P) + block));
			check();
			// The agenda twice: what is not needed to cancel the order is room for another look, but not
			// for another step. The best order of a side is not sought.
			assert_eq!(seeks, 2 + u32::from(bids > 1));
			match stage() {
				Stage::Discover {
					bids: buys,
					asks: sells,
					..
				} => assert_eq!((buys.kept, sells.kept), (bids, asks)),
				other => panic!("{other:?}"),
			}
			assert_eq!(cleared(), vec![]);
		}
		block_at(gate(P) + 3);
		assert_eq!(cleared(), vec![(205_500, 700)]);
		assert!(matches!(stage(), Stage::Clear(_)));
		assert_eq!(trades(), vec![]);
		room_for(1);
		run_auction(gate(P) + 4);
		assert_eq!(trades(), vec![(205_500, 700)]);
	});
}

#[test]
fn stages_should_not_share_a_block() {
	test_auction(|| {
		worked_book();
		block_at(gate(P));
		idle(Weight::MAX);
		assert!(matches!(stage(), Stage::Clear(_)));
		check();
		block_at(gate(P) + 1);
		idle(Weight::MAX);
		assert_eq!((trades().len(), stage()), (1, Stage::Expire));
		check();
		block_at(gate(P) + 2);
		assert_eq!(stage(), Stage::Prune);
	});
}

#[test]
fn clearing_should_go_on_where_it_was() {
	test_auction(|| {
		three_pairs();
		block_at(gate(P));
		ServiceWeight::set(turn_of(W::auction_trade()));
		for made in 1..=3 {
			let block = gate(P) + u64::try_from(made).unwrap();
			// The agenda, and the next best order of each side, but behind the last.
			let sought = if made < 3 { 3 } else { 1 };
			assert_eq!(seeks(|| block_at(block)), sought);
			check();
			assert_eq!(trades(), vec![(100, 10); made]);
		}
		assert_eq!(stage(), Stage::Expire);
	});
}

#[test]
fn service_without_room_for_a_step_should_leave_an_auction_as_it_is() {
	test_auction(|| {
		worked_book();
		let nearly = |work| turn_of(work).saturating_sub(Weight::from_parts(1, 0));
		let before = stage();
		ServiceWeight::set(nearly(
			W::discover_order().saturating_add(W::expire_order()),
		));
		block_at(gate(P));
		assert_eq!(
			(stage(), before),
			(before, Stage::at_gate(Mechanism::CallAuction))
		);
		room_for(10);
		block_at(gate(P) + 1);
		let before = stage();
		assert!(matches!(before, Stage::Clear(_)));
		ServiceWeight::set(nearly(W::auction_trade()));
		block_at(gate(P) + 2);
		assert_eq!((stage(), trades()), (before, vec![]));
	});
}

#[test]
fn crowded_auction_should_take_turns_of_bounded_work() {
	test_auction(|| {
		MaxOrdersPerMeter::set(1_000);
		for _ in 0..50 {
			place(bid(BOBS, 10, 100));
			place(ask(ALICES, 10, 100));
		}
		ServiceWeight::set(Weight::zero());
		block_at(gate(P));
		// Every order, and on each side that there are no more, 32 in a turn; and looks that
		// find nothing, also for standing orders.
		let (reads, turns) = (102, 4);
		let expected = turn_of(Weight::zero())
			.saturating_mul(turns)
			.saturating_add(W::discover_order().saturating_mul(reads))
			.saturating_add(W::service_base())
			.saturating_add(W::standing_base());
		assert_eq!(idle(Weight::MAX), expected);
		assert!(matches!(stage(), Stage::Clear(_)));
		block_at(gate(P) + 1);
		let expected = turn_of(Weight::zero())
			.saturating_mul(2)
			.saturating_add(W::auction_trade().saturating_mul(50))
			.saturating_add(W::service_base())
			.saturating_add(W::standing_base());
		assert_eq!(idle(Weight::MAX), expected);
		assert_eq!(stage(), Stage::Expire);
		room_for(1);
		run_auction(gate(P) + 2);
		assert_eq!(trades(), vec![(100, 10); 50]);
	});
}

#[test]
fn book_that_does_not_cross_should_trade_nothing() {
	for orders in [
		vec![bid(BOBS, 10, 99), ask(ALICES, 10, 100)],
		vec![bid(BOBS, 10, 99)],
		vec![ask(ALICES, 10, 99)],
	] {
		test_auction(|| {
			let count = orders.len();
			for order in orders {
				place(order);
			}
			run_auction(gate(P));
			assert_eq!((trades(), cancellations().len()), (vec![], count));
			assert!(!Books::<Test>::iter().any(|(_, book)| book.market.trades > 0));
		});
	}
}

#[test]
fn book_without_orders_should_close() {
	test_auction(|| {
		let sale = place(ask(ALICES, 10, 99));
		dispatch(ALICE, cancelling(sale)).unwrap();
		assert_eq!(noted(), 0);
		run_auction(gate(P));
		assert!(events()
			.iter()
			.any(|event| matches!(event, Event::MarketClosed { .. })));
	});
}

#[test]
fn trade_that_fails_should_leave_everything_as_it_was_and_end_the_auction() {
	test_auction(|| {
		three_pairs();
		block_at(gate(P));
		MostTrades::set(1);
		block_at(gate(P) + 1);
		// What was not traded is locked and on offer as before.
		check();
		assert_eq!((trades(), stage()), (vec![(100, 10)], Stage::Expire));
		let left: Vec<_> = (0..6).map(|order| remaining(OrderId(order))).collect();
		assert_eq!(left, [None, None, Some(10), Some(10), Some(10), Some(10)]);
		assert_eq!(locked(ALICE), (301_000 - 100) * 20_000);
		assert_eq!(locked(51), (100 + 1_000) * 10_000);
		assert_eq!(
			OrderBook::commitment(ALICES, P),
			Commitment {
				asks: WattHours(20),
				sold: WattHours(10),
				..Commitment::default()
			}
		);
		let events = events();
		let abandoned = Event::AuctionAbandoned {
			microgrid: GRID,
			period: P,
			left: WattHours(20),
			error: DispatchError::Other(""),
		};
		assert!(events.contains(&abandoned));
		let told = events
			.iter()
			.filter(|event| matches!(event, Event::Trade { .. }));
		assert_eq!(told.count(), 1);
		block_at(gate(P) + 2);
		assert_eq!((locked(ALICE), locked(51), noted()), (0, 0, 0));
		assert_eq!(cancellations().len(), 4);
		assert_eq!(trades().len(), 1);
	});
}

#[test]
fn orders_that_are_not_where_they_should_be_should_end_an_auction() {
	chain().execute_with(|| {
		CurrentTerms::mutate(|terms| terms.rules.mechanism = Mechanism::CallAuction);
		three_pairs();
		block_at(gate(P));
		let pointer = |change: fn(&mut crate::Book)| {
			Books::<Test>::translate_values(|mut book: crate::Book| {
				change(&mut book);
				Some(book)
			})
		};
		pointer(|book| book.best_bid = None);
		block_at(gate(P) + 1);
		let abandoned = Event::AuctionAbandoned {
			microgrid: GRID,
			period: P,
			left: WattHours(30),
			error: DispatchError::Corruption,
		};
		assert!(events().contains(&abandoned));
		assert_eq!((trades(), stage()), (vec![], Stage::Expire));
	});
}

#[test]
fn order_that_fills_partly_should_expire_with_the_rest() {
	test_auction(|| {
		let sale = place(ask(ALICES, 100, 80));
		place(bid(BOBS, 60, 90));
		run_auction(gate(P));
		assert_eq!(trades(), vec![(80, 60)]);
		assert_eq!(cancellations(), vec![(sale, 40, CancelReason::GateClosed)]);
	});
}

#[test]
fn nothing_of_an_auction_should_be_left_in_the_end() {
	test_auction(|| {
		worked_book();
		place(NewOrder {
			period: P1,
			..bid(BOBS, 10, 100)
		});
		run_until_gone(P1);
		assert_eq!(Orders::<Test>::iter().count(), 0);
		assert_eq!(dealing(), 0);
		assert_eq!(
			(Books::<Test>::iter().count(), Agenda::<Test>::count()),
			(0, 0)
		);
		assert_eq!(noted(), 0);
	});
}

/// Blocks until the books up to that of a period are gone.
fn run_until_gone(last: Period) {
	let end = PeriodClock::default().expires_at(last);
	for now in [
		gate(P),
		gate(P) + 1,
		gate(last),
		end,
		end + 1,
		end + 2,
		end + 3,
		end + 4,
	] {
		block_at(now);
		check();
	}
}

#[test]
fn discovery_of_a_stored_stage_should_begin_with_the_best_orders() {
	assert_eq!(
		Stage::at_gate(Mechanism::CallAuction),
		Stage::Discover {
			discovery: Default::default(),
			bids: Cursor::default(),
			asks: Cursor::default(),
		}
	);
	assert_eq!(Stage::at_gate(Mechanism::Continuous), Stage::Expire);
}
