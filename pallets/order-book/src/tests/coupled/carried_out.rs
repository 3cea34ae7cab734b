//! Solutions that hold.

use gridweave_primitives::{cost, meter::MeterKind, LinkId, MeterId, Price};
use sp_runtime::DispatchError;

use super::*;
use crate::{runtime_api::TradedOrder, Config, Flow, Outcomes, WeightInfo};

type W = <Test as Config>::WeightInfo;

#[test]
fn solution_that_holds_should_be_carried_out() {
	test_coupling(|| {
		let [sale, purchase] = pair();
		let before = money();
		block_at(gate(P));
		assert_eq!(OrderBook::coupling_score(P, &coupling()), Ok(WORTH));
		submit(CAROL, coupling(), WORTH);
		assert_eq!(
			(
				held_for_solutions(CAROL),
				OrderBook::coupling_claims(P, gate(P) + WINDOW)
			),
			(1_000 + WORTH, vec![WORTH])
		);
		run_from(gate(P) + WINDOW);
		let told: Vec<_> = OrderBook::trades()
			.iter()
			.map(|trade| {
				let meter = |order: Option<TradedOrder>| order.map(|order| order.meter);
				(trade.microgrid, meter(trade.bid), meter(trade.ask))
			})
			.collect();
		assert_eq!(
			told,
			[(GRID, Some(BOBS), None), (NORTH, None, Some(NORTHS))]
		);
		let events = events();
		assert_eq!(
			fills(&events),
			[
				(GRID, true, 200, 950, purchase),
				(NORTH, false, 100, 1_000, sale)
			]
		);
		assert!(events.iter().any(|event| matches!(
			event,
			Event::CouplingAccepted {
				who: CAROL,
				gain: WORTH,
				..
			}
		)));
		assert!(events.contains(&Event::LinkCarried {
			link: LinkId(0),
			period: P,
			sent: WattHours(1_000),
			received: WattHours(950),
			operator: LINK_OPERATOR,
			earned: 200_000 * 950 - 100_000 * 1_000,
		}));
		assert!(events.contains(&Event::CouplingDone { period: P }));
		// The buyer has paid, the seller's price is set aside, the link has the rest.
		let (paid, gets) = (
			cost(Price(200), WattHours(950)),
			cost(Price(100), WattHours(1_000)),
		);
		let fee = 1_000 * 950_000;
		assert_eq!(Accounts::get(BOB), Some((RICH - paid - fee, 0, fee)));
		let margin = (300_000 + 1_000 - 100) * 1_000_000;
		assert_eq!(Accounts::get(ALICE), Some((RICH - margin, 0, margin)));
		assert_eq!(Accounts::get(LINK_OPERATOR), Some((paid - gets, 0, 0)));
		assert_eq!((Proceeds::get(), money()), (gets, before));
		assert_eq!(
			(over_links(NORTH), over_links(GRID)),
			((1_000, 0), (0, 950))
		);
		let flow = Flow {
			from: NORTH,
			sent: WattHours(1_000),
			received: WattHours(950),
		};
		assert_eq!(OrderBook::flows_into(GRID, P), [(LinkId(0), flow)]);
		assert_eq!((held_for_solutions(CAROL), free(CAROL)), (0, FUNDS));
		let market = OrderBook::market_data(GRID, P).unwrap();
		assert_eq!(
			(market.volume.0, market.value, market.trades),
			(950, paid, 1)
		);
	});
}

#[test]
fn members_should_trade_among_themselves_at_the_same_price() {
	test_coupling(|| {
		connect([link(0, NORTH, GRID)]);
		place(ask(NORTHS, 200, 100));
		let dear = place(ask(ALICES, 100, 150));
		place(bid(BOBS, 190, 240));
		place(bid(CAROLS, 60, 160));
		block_at(gate(P));
		// 190 Wh come over the link, 60 Wh are sold at home: half of the dear ask is left, and it is the price.
		let solution = solution(&[(0, 190)], &[(0, 150), (1, 100)]);
		let claim = OrderBook::coupling_score(P, &solution).unwrap();
		// Without, 100 Wh would be sold to Bob at home.
		assert_eq!(
			claim,
			((240 * 190 + 160 * 60 - 100 * 200 - 150 * 60 - 2 * 190) - 90 * 100) * 1_000
		);
		submit(CAROL, solution, claim);
		run_from(gate(P) + WINDOW);
		assert_eq!(trades(), [(150, 60)]);
		let cleared = Event::AuctionCleared {
			microgrid: GRID,
			period: P,
			price: Price(150),
			volume: WattHours(60),
		};
		let events = events();
		assert!(events.contains(&cleared));
		assert_eq!(fills(&events).len(), 2);
		assert!(events.iter().any(|event| matches!(
			event,
			Event::OrderCancelled { order_id, energy: WattHours(40), .. } if *order_id == dear
		)));
		assert_eq!((over_links(NORTH), over_links(GRID)), ((200, 0), (0, 190)));
	});
}

#[test]
fn energy_should_go_through_a_community_whose_members_do_not_trade() {
	test_coupling(|| {
		connect([link(0, NORTH, GRID), link(1, GRID, SOUTH)]);
		place(ask(NORTHS, 1_000, 100));
		place(ask(ALICES, 50, 500));
		place(bid(SOUTHS, 902, 400));
		let before = money();
		block_at(gate(P));
		// 1000 are sent, 950 arrive and are sent on, 902 arrive: 949.47 would do.
		let solution = solution(&[(0, 950), (1, 902)], &[(0, 200), (1, 100), (2, 400)]);
		let claim = OrderBook::coupling_score(P, &solution).unwrap();
		assert_eq!(claim, (400 * 902 - 100 * 1_000 - 2 * 950 - 2 * 902) * 1_000);
		submit(CAROL, solution, claim);
		run_from(gate(P) + WINDOW);
		assert_eq!(fills(&events()).len(), 2);
		assert_eq!(over_links(GRID), (0, 0));
		assert_eq!(money(), before);
		assert_eq!(
			Accounts::get(LINK_OPERATOR),
			Some((400_000 * 902 - 100_000_000, 0, 0))
		);
	});
}

#[test]
fn energy_should_go_through_a_community_without_orders() {
	test_coupling(|| {
		connect([link(0, NORTH, GRID), link(1, GRID, SOUTH)]);
		place(ask(NORTHS, 1_000, 100));
		place(bid(SOUTHS, 902, 400));
		let before = money();
		block_at(gate(P));
		assert_eq!(OrderBook::market_data(GRID, P), None);
		let prices = |here| solution(&[(0, 950), (1, 902)], &[(0, here), (1, 100), (2, 400)]);
		let claim = OrderBook::coupling_score(P, &prices(200)).unwrap();
		assert_eq!(claim, (400 * 902 - 100 * 1_000 - 2 * 950 - 2 * 902) * 1_000);
		submit(CAROL, prices(200), claim);
		// What is only told opens nothing.
		assert_eq!(OrderBook::market_data(GRID, P), None);
		run_from(gate(P) + WINDOW);
		assert_eq!(fills(&events()).len(), 2);
		let sent = OrderBook::flows_into(GRID, P);
		assert_eq!((sent.len(), sent[0].1.received), (1, WattHours(950)));
		// Its book is opened, closes, and goes with the period, with what went over its links.
		let closed = Event::MarketClosed {
			microgrid: GRID,
			period: P,
			market: Default::default(),
		};
		for later in 0..3 {
			block_at(gate(P) + 2 * WINDOW + later);
		}
		assert!(events().contains(&closed));
		assert_eq!(money(), before);
		let end = gridweave_primitives::PeriodClock::default().expires_at(P);
		for now in end..end + 4 {
			block_at(now);
			check();
		}
		assert_eq!(crate::LinkFlows::<Test>::iter().count(), 0);
		assert_eq!(crate::Books::<Test>::iter().count(), 0);
	});
}

#[test]
fn solutions_that_are_not_in_each_others_way_should_all_be_carried_out() {
	test_coupling(|| {
		pair();
		far_pair();
		let before = money();
		block_at(gate(P));
		let worth = OrderBook::coupling_score(P, &far_coupling()).unwrap();
		submit(ALICE, coupling(), WORTH);
		// In the way of the first, and one of them the same.
		submit(BOB, coupling(), WORTH - 1);
		submit(ALICE, coupling(), WORTH - 1);
		submit(CAROL, far_coupling(), worth);
		run_from(gate(P) + WINDOW);
		let events = events();
		let who = |event: &Event<Test>| match event {
			Event::CouplingAccepted { who, .. } => Some((*who, true)),
			Event::CouplingDismissed { who, .. } => Some((*who, false)),
			_ => None,
		};
		let became: Vec<_> = events.iter().filter_map(who).collect();
		assert_eq!(
			became,
			[(BOB, false), (ALICE, false), (ALICE, true), (CAROL, true)]
		);
		assert_eq!(fills(&events).len(), 4);
		let done = |event: &&Event<Test>| matches!(event, Event::CouplingDone { .. });
		assert_eq!(events.iter().filter(done).count(), 2);
		assert_eq!(OrderBook::flows_into(EAST, P).len(), 1);
		assert_eq!(money(), before);
		for who in [ALICE, BOB, CAROL] {
			assert_eq!(held_for_solutions(who), 0);
		}
	});
}

const EAST: MicrogridId = MicrogridId(3);

/// A pair as that of the grid and the north, of two other communities.
fn far_pair() {
	const EASTS: MeterId = MeterId(30);
	add_meter(EASTS, CAROL, EAST, MeterKind::Prosumer, 40_000);
	connect([link(0, NORTH, GRID), link(1, SOUTH, EAST)]);
	place(ask(SOUTHS, 200, 100));
	place(bid(EASTS, 190, 150));
}

/// What couples that.
fn far_coupling() -> Solution {
	solution(&[(1, 190)], &[(2, 100), (3, 140)])
}

/// One step a block: reads an order, lets it trade, or ends a link or a community.
fn step_by_step(least: u32, most_fills: usize) {
	let before = money();
	let turns = W::advance_coupling().saturating_mul(2);
	let step = W::exchange_order().saturating_add(W::discover_order());
	room_for_coupling(turns.saturating_add(step));
	let mut blocks = 0;
	for now in gate(P) + WINDOW.. {
		block_at(now);
		check();
		assert_eq!(money(), before);
		if crate::Couplings::<Test>::count() == 0 {
			break;
		}
		blocks += 1;
	}
	assert!(blocks > least, "{blocks}");
	assert_eq!(fills(&events()).len(), most_fills);
	ServiceWeight::set(Weight::from_parts(20_000_000_000, u64::MAX));
	run_from(gate(P) + 2 * WINDOW);
	assert_eq!(Outcomes::<Test>::iter().count(), 0);
}

#[test]
fn coupling_should_go_on_where_it_was() {
	test_coupling(|| {
		connect([link(0, NORTH, GRID)]);
		for _ in 0..5 {
			place(ask(NORTHS, 20, 100));
			place(bid(BOBS, 19, 240));
		}
		block_at(gate(P));
		submit(CAROL, solution(&[(0, 95)], &[(0, 200), (1, 100)]), 1);
		step_by_step(20, 10);
	});
}

#[test]
fn several_couplings_should_go_on_where_they_were() {
	test_coupling(|| {
		pair();
		far_pair();
		block_at(gate(P));
		submit(ALICE, coupling(), WORTH);
		submit(BOB, far_coupling(), 1);
		submit(ALICE, far_coupling(), 1);
		step_by_step(12, 4);
		assert_eq!((held_for_solutions(ALICE), held_for_solutions(BOB)), (0, 0));
	});
}

#[test]
fn link_may_be_paid_before_the_book_behind_it_is_opened() {
	test_coupling(|| {
		// The community in the middle has the last place.
		connect([link(0, GRID, SOUTH), link(1, SOUTH, NORTH)]);
		place(ask(ALICES, 1_000, 100));
		place(bid(NORTHS_OTHER, 902, 400));
		block_at(gate(P));
		let solution = solution(&[(0, 950), (1, 902)], &[(0, 100), (1, 400), (2, 200)]);
		submit(CAROL, solution, 1);
		step_by_step(8, 2);
		assert_eq!(OrderBook::flows_into(SOUTH, P).len(), 1);
	});
}

#[test]
fn trade_that_fails_should_end_the_coupling_and_leave_no_sale_unpaid() {
	// The purchase is made, the sale is not, and before even the second purchase is not.
	for (most, sides) in [(2, vec![true, true]), (1, vec![true])] {
		test_coupling(|| {
			connect([link(0, NORTH, GRID)]);
			place(ask(NORTHS, 1_000, 100));
			place(bid(BOBS, 500, 240));
			place(bid(CAROLS, 450, 240));
			let before = money();
			block_at(gate(P));
			submit(CAROL, coupling(), WORTH);
			MostTrades::set(most);
			run_from(gate(P) + WINDOW);
			let events = events();
			let made: Vec<_> = fills(&events).into_iter().map(|fill| fill.1).collect();
			assert_eq!(made, sides);
			let abandoned = |event: &Event<Test>| {
				let other = DispatchError::Other("");
				*event
					== Event::CouplingAbandoned {
						period: P,
						error: other,
					}
			};
			assert!(events.iter().any(abandoned));
			// What was paid for nothing goes to those who have to supply it.
			let paid =
				made.len() as Balance * 200_000 * 475 + if most == 1 { 200_000 * 25 } else { 0 };
			assert_eq!(Accounts::get(OPERATOR), Some((paid, 0, 0)));
			assert_eq!((Proceeds::get(), money()), (0, before));
			assert_eq!(OrderBook::flows_into(GRID, P), []);
		});
	}
}

#[test]
fn nothing_of_a_coupling_should_be_left_in_the_end() {
	test_coupling(|| {
		pair();
		block_at(gate(P));
		submit(CAROL, coupling(), WORTH);
		run_from(gate(P) + WINDOW);
		let end = gridweave_primitives::PeriodClock::default().expires_at(P);
		for now in [end, end + 1, end + 2, end + 3] {
			block_at(now);
			check();
		}
		assert_eq!(crate::Books::<Test>::iter().count(), 0);
		assert_eq!(crate::LinkFlows::<Test>::iter().count(), 0);
		assert_eq!(crate::Couplings::<Test>::count(), 0);
		assert_eq!(Outcomes::<Test>::iter().count(), 0);
	});
}
