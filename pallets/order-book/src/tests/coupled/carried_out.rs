//! Solutions that hold.

use gridweave_primitives::{cost, LinkId, Price};
use sp_runtime::DispatchError;

use super::*;
use crate::{Config, Flow, Outcomes, WeightInfo};

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
			(held_for_solutions(CAROL), OrderBook::coupling_claims(P)),
			(1_000 + WORTH, vec![WORTH])
		);
		run_from(gate(P) + WINDOW);
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
fn coupling_should_go_on_where_it_was() {
	test_coupling(|| {
		connect([link(0, NORTH, GRID)]);
		for _ in 0..5 {
			place(ask(NORTHS, 20, 100));
			place(bid(BOBS, 19, 240));
		}
		let before = money();
		block_at(gate(P));
		submit(CAROL, solution(&[(0, 95)], &[(0, 200), (1, 100)]), 1);
		// One order is read, or trades, a block.
		let turns = W::advance_coupling().saturating_mul(2);
		let read = W::discover_order();
		room_for_coupling(
			turns
				.saturating_add(W::exchange_order())
				.saturating_add(read),
		);
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
		assert!(blocks > 20, "{blocks}");
		assert_eq!(fills(&events()).len(), 10);
		ServiceWeight::set(Weight::from_parts(20_000_000_000, u64::MAX));
		run_from(gate(P) + 2 * WINDOW);
		assert_eq!(Outcomes::<Test>::iter().count(), 0);
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
