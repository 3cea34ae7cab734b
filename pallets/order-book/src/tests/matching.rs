//! What trades with what.

use gridweave_primitives::{market::Side, OrderId, WattHours};

use crate::{
	matching::{plan, Incoming, Outcome, Stop, Venue},
	mock::*,
	CancelReason, Error, Event, NewOrder, Place, Resting, TimeInForce,
};
use TimeInForce::{FillOrKill, GoodUntilGate, ImmediateOrCancel};

struct Case {
	name: &'static str,
	resting: Vec<NewOrder>,
	incoming: NewOrder,
	/// Price and energy of each trade.
	trades: Vec<(u64, u64)>,
	/// What is left of the resting orders.
	left: Vec<Option<u64>>,
	/// What is left of the incoming order in the book.
	rests: Option<u64>,
	cancelled: Option<(u64, CancelReason)>,
}

impl Default for Case {
	fn default() -> Self {
		Self {
			name: "",
			resting: vec![],
			incoming: bid(BOBS, 100, 100),
			trades: vec![],
			left: vec![],
			rests: None,
			cancelled: None,
		}
	}
}

fn immediate(order: NewOrder) -> NewOrder {
	NewOrder {
		time_in_force: ImmediateOrCancel,
		..order
	}
}

fn whole(order: NewOrder) -> NewOrder {
	NewOrder {
		time_in_force: FillOrKill,
		..order
	}
}

fn cases() -> Vec<Case> {
	vec![
		Case {
			name: "equal prices trade",
			resting: vec![ask(ALICES, 100, 100)],
			trades: vec![(100, 100)],
			left: vec![None],
			..Case::default()
		},
		Case {
			name: "a bid trades at the lower price of the ask that rested",
			resting: vec![ask(ALICES, 100, 60)],
			trades: vec![(60, 100)],
			left: vec![None],
			..Case::default()
		},
		Case {
			name: "an ask trades at the higher price of the bid that rested",
			resting: vec![bid(ALICES, 100, 90)],
			incoming: ask(BOBS, 100, 20),
			trades: vec![(90, 100)],
			left: vec![None],
			..Case::default()
		},
		Case {
			name: "prices that do not cross rest",
			resting: vec![ask(ALICES, 100, 101)],
			left: vec![Some(100)],
			rests: Some(100),
			..Case::default()
		},
		Case {
			name: "the lowest ask trades first, whenever it came",
			resting: vec![
				ask(ALICES, 50, 90),
				ask(CAROLS, 50, 80),
				ask(ALICES_OTHER, 50, 70),
			],
			trades: vec![(70, 50), (80, 50)],
			left: vec![Some(50), None, None],
			..Case::default()
		},
		Case {
			name: "the highest bid trades first, whenever it came",
			resting: vec![
				bid(ALICES, 50, 70),
				bid(CAROLS, 50, 90),
				bid(ALICES_OTHER, 50, 80),
			],
			incoming: ask(BOBS, 100, 60),
			trades: vec![(90, 50), (80, 50)],
			left: vec![Some(50), None, None],
			..Case::default()
		},
		Case {
			name: "of one price the earlier trades first",
			resting: vec![
				ask(ALICES, 60, 90),
				ask(CAROLS, 60, 90),
				ask(ALICES_OTHER, 60, 90),
			],
			trades: vec![(90, 60), (90, 40)],
			left: vec![None, Some(20), Some(60)],
			..Case::default()
		},
		Case {
			name: "what is left of a resting order stays, even below the minimum quantity",
			resting: vec![ask(ALICES, 105, 90)],
			trades: vec![(90, 100)],
			left: vec![Some(5)],
			..Case::default()
		},
		Case {
			name: "what is left of an incoming order rests, even below the minimum quantity",
			resting: vec![ask(ALICES, 95, 90)],
			trades: vec![(90, 95)],
			left: vec![None],
			rests: Some(5),
			..Case::default()
		},
		Case {
			name: "what is left after the last price that crosses rests",
			resting: vec![
				ask(ALICES, 30, 90),
				ask(CAROLS, 30, 100),
				ask(CAROLS, 30, 101),
			],
			trades: vec![(90, 30), (100, 30)],
			left: vec![None, None, Some(30)],
			rests: Some(40),
			..Case::default()
		},
		Case {
			name: "an immediate order trades what it can and cancels the rest",
			resting: vec![ask(ALICES, 30, 90), ask(CAROLS, 30, 101)],
			incoming: immediate(bid(BOBS, 100, 100)),
			trades: vec![(90, 30)],
			left: vec![None, Some(30)],
			cancelled: Some((70, CancelReason::ImmediateOrCancel)),
			..Case::default()
		},
		Case {
			name: "an immediate order that is filled cancels nothing",
			resting: vec![ask(ALICES, 300, 90)],
			incoming: immediate(bid(BOBS, 100, 100)),
			trades: vec![(90, 100)],
			left: vec![Some(200)],
			..Case::default()
		},
		Case {
			name: "a fill-or-kill order trades when all of it can",
			resting: vec![ask(ALICES, 50, 90), ask(CAROLS, 50, 100)],
			incoming: whole(bid(BOBS, 100, 100)),
			trades: vec![(90, 50), (100, 50)],
			left: vec![None, None],
			..Case::default()
		},
		Case {
			name: "an order stops at one's own and what is left is cancelled",
			resting: vec![ask(ALICES, 30, 80), ask(STORE, 50, 90), ask(ALICES, 50, 95)],
			trades: vec![(80, 30)],
			left: vec![None, Some(50), Some(50)],
			cancelled: Some((70, CancelReason::SelfTrade)),
			..Case::default()
		},
		Case {
			name: "one's own order that does not cross is no matter",
			resting: vec![ask(STORE, 50, 101)],
			left: vec![Some(50)],
			rests: Some(100),
			..Case::default()
		},
		Case {
			name: "an order that is filled just before one's own is not cancelled",
			resting: vec![ask(ALICES, 100, 80), ask(STORE, 50, 90)],
			trades: vec![(80, 100)],
			left: vec![None, Some(50)],
			..Case::default()
		},
		Case {
			name: "what is left at the most fills of an extrinsic is cancelled",
			resting: (0..6)
				.map(|i| ask([ALICES, CAROLS][i % 2], 10, 80))
				.collect(),
			trades: vec![(80, 10); 5],
			left: vec![None, None, None, None, None, Some(10)],
			cancelled: Some((50, CancelReason::FillLimit)),
			..Case::default()
		},
		Case {
			name: "what is left after the most fills rests when nothing more crosses",
			resting: (0..6)
				.map(|i| ask(ALICES, 10, if i < 5 { 80 } else { 110 }))
				.collect(),
			trades: vec![(80, 10); 5],
			left: vec![None, None, None, None, None, Some(10)],
			rests: Some(50),
			..Case::default()
		},
		Case {
			name: "other periods are other books",
			resting: vec![NewOrder {
				period: P1,
				..ask(ALICES, 100, 80)
			}],
			left: vec![Some(100)],
			rests: Some(100),
			..Case::default()
		},
	]
}

#[test]
fn incoming_orders_should_match_by_the_table() {
	for case in cases() {
		test(|| {
			Charges::mutate(|charges| charges.insert(STORE, CAPACITY));
			let resting: Vec<OrderId> = case.resting.iter().map(|order| place(*order)).collect();
			assert_eq!(
				trades(),
				vec![],
				"{}: resting orders must not cross",
				case.name
			);
			let incoming = place(case.incoming);
			let left: Vec<_> = resting.iter().map(|order| remaining(*order)).collect();
			assert_eq!(trades(), case.trades, "{}", case.name);
			assert_eq!(left, case.left, "{}", case.name);
			assert_eq!(remaining(incoming), case.rests, "{}", case.name);
			let cancelled: Vec<_> = case
				.cancelled
				.iter()
				.map(|(energy, reason)| (incoming, *energy, *reason))
				.collect();
			assert_eq!(cancellations(), cancelled, "{}", case.name);
		});
	}
}

#[test]
fn orders_of_another_microgrid_should_not_match() {
	test(|| {
		let elsewhere = gridweave_primitives::MeterId(77);
		let kind = gridweave_primitives::meter::MeterKind::Prosumer;
		add_meter(
			elsewhere,
			CAROL,
			gridweave_primitives::MicrogridId(1),
			kind,
			40_000,
		);
		let sale = place(ask(elsewhere, 100, 80));
		place(bid(BOBS, 100, 100));
		assert_eq!((trades(), remaining(sale)), (vec![], Some(100)));
	});
}

#[test]
fn order_that_must_fill_should_be_refused_when_it_cannot() {
	let lacking: [(&str, Vec<NewOrder>); 4] = [
		("not enough", vec![ask(ALICES, 99, 80)]),
		(
			"not at the price",
			vec![ask(ALICES, 50, 80), ask(ALICES, 50, 101)],
		),
		(
			"needs one's own",
			vec![ask(ALICES, 50, 80), ask(STORE, 50, 90)],
		),
		("needs too many fills", vec![ask(ALICES, 17, 80); 6]),
	];
	for (name, resting) in lacking {
		test(|| {
			Charges::mutate(|charges| charges.insert(STORE, CAPACITY));
			resting.iter().for_each(|order| {
				place(*order);
			});
			let order = whole(bid(BOBS, 100, 100));
			assert_refused(BOB, placing(order), Error::<Test>::NotFillable);
			assert_eq!(trades(), vec![], "{name}");
		});
	}
}

#[test]
fn trade_should_be_told_with_both_sides_and_release_what_they_locked() {
	test(|| {
		let sale = place(ask(ALICES, 100, 60));
		let purchase = place(bid(BOBS, 40, 90));
		let trade = Trades::get().unwrap().remove(0);
		assert_eq!((trade.buyer.microgrid, trade.period), (GRID, P));
		assert_eq!(
			(trade.seller.microgrid, trade.wheeling.is_none()),
			(GRID, true)
		);
		assert_eq!((trade.buyer.account, trade.buyer.meter), (BOB, BOBS));
		assert_eq!((trade.seller.account, trade.seller.meter), (ALICE, ALICES));
		assert_eq!(trade.buyer.released, (90 + 1_000) * 40 * 1_000);
		assert_eq!(trade.seller.released, (301_000 - 60) * 40 * 1_000);
		assert!(events().contains(&Event::Trade {
			microgrid: GRID,
			period: P,
			price: gridweave_primitives::Price(60),
			energy: WattHours(40),
			taker: Some(Side::Bid),
			bid: purchase,
			buyer: BOB,
			buyer_meter: BOBS,
			ask: sale,
			seller: ALICE,
			seller_meter: ALICES,
		}));
		// The buyer got a better price than its limit: the difference is free again.
		assert_eq!(
			Accounts::get(BOB),
			Some((RICH - 1_060 * 40_000, 0, 1_060 * 40_000))
		);
	});
}

#[test]
fn plan_should_leave_the_next_best_order_in_the_iterator() {
	let offer = |price, order, remaining| {
		let place = Place {
			price: gridweave_primitives::Price(price),
			order: OrderId(order),
		};
		(
			place,
			Resting {
				owner: 7u64,
				meter: ALICES,
				remaining: WattHours(remaining),
			},
		)
	};
	let book = vec![offer(1, 1, 10), offer(2, 2, 10), offer(3, 3, 10)];
	let next_after = |energy, max| {
		let mut venues = [Venue::new(None, book.clone().into_iter(), 0, u32::MAX)];
		let incoming = Incoming {
			owner: &1u64,
			side: Side::Bid,
			limit: gridweave_primitives::Price(2),
			energy: WattHours(energy),
		};
		let plan = plan(&incoming, &mut venues, max, |_| false);
		(
			plan.stop,
			plan.left.0,
			venues[0].best().map(|place| place.order.0),
		)
	};
	assert_eq!(next_after(5, 9), (Stop::Filled, 0, Some(1)));
	assert_eq!(next_after(10, 9), (Stop::Filled, 0, Some(2)));
	assert_eq!(next_after(15, 9), (Stop::Filled, 0, Some(2)));
	assert_eq!(next_after(30, 9), (Stop::NoMatch, 10, Some(3)));
	assert_eq!(next_after(30, 1), (Stop::Limit, 20, Some(2)));
	assert_eq!(next_after(30, 0), (Stop::Limit, 30, Some(1)));
}

#[test]
fn only_an_order_good_until_the_gate_may_rest() {
	let plan = |stop| crate::matching::Plan::<u64> {
		fills: vec![],
		barred: vec![],
		passed: 0,
		left: WattHours(1),
		stop,
	};
	for stop in [Stop::Filled, Stop::NoMatch, Stop::SelfTrade, Stop::Limit] {
		let rests = |tif| plan(stop).outcome(tif) == Outcome::Rest;
		assert_eq!(rests(GoodUntilGate), stop == Stop::NoMatch);
		assert!(!rests(ImmediateOrCancel) && !rests(FillOrKill));
		assert_eq!(
			plan(stop).outcome(FillOrKill) == Outcome::Kill,
			stop != Stop::Filled
		);
	}
}
