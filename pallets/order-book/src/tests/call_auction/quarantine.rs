//! Orders of an auction whose meters come under quarantine.

use gridweave_primitives::MeterId;

use super::{cleared, run_auction, stage, turn_of, W};
use crate::{mock::*, CancelReason, Stage, WeightInfo};

fn quarantine(meter: MeterId) {
	Quarantined::mutate(|meters| meters.insert(meter));
}

#[test]
fn quarantined_order_should_be_cancelled_when_it_is_read() {
	test_auction(|| {
		let barred = place(ask(ALICES, 100, 80));
		place(ask(CAROLS, 100, 100));
		place(bid(BOBS, 60, 200));
		quarantine(ALICES);
		block_at(gate(P));
		assert_eq!(
			cancellations(),
			vec![(barred, 100, CancelReason::Quarantined)]
		);
		assert_eq!(locked(ALICE), 0);
		run_auction(gate(P) + 1);
		// As if it had never been there.
		assert_eq!(trades(), vec![(100, 60)]);
	});
}

#[test]
fn order_that_comes_under_quarantine_when_it_was_read_should_trade() {
	test_auction(|| {
		place(ask(ALICES, 60, 80));
		place(bid(BOBS, 60, 200));
		block_at(gate(P));
		assert_eq!(cleared(), vec![(140, 60)]);
		quarantine(ALICES);
		run_auction(gate(P) + 1);
		assert_eq!(trades(), vec![(140, 60)]);
	});
}

#[test]
fn quarantined_order_that_is_not_read_should_expire() {
	test_auction(|| {
		place(ask(CAROLS, 60, 80));
		place(bid(BOBS, 60, 200));
		// The first that is left of its side is read, and no more.
		place(ask(CAROLS, 60, 81));
		let behind = place(ask(ALICES, 60, 82));
		quarantine(ALICES);
		run_auction(gate(P));
		let reason = cancellations().into_iter().find(|(id, ..)| *id == behind);
		assert_eq!(reason, Some((behind, 60, CancelReason::GateClosed)));
	});
}

#[test]
fn auction_of_quarantined_orders_alone_should_trade_nothing() {
	test_auction(|| {
		place(ask(ALICES, 60, 80));
		place(bid(BOBS, 60, 200));
		quarantine(ALICES);
		quarantine(BOBS);
		run_auction(gate(P));
		assert_eq!((trades(), cancellations().len()), (vec![], 2));
	});
}

#[test]
fn discovery_should_go_on_behind_orders_that_it_cancelled() {
	for in_one_block in [false, true] {
		test_auction(|| {
			// Alice's are barred: the best, two in the middle, and the last.
			place(ask(ALICES, 10, 80));
			place(ask(CAROLS, 10, 81));
			place(ask(ALICES, 10, 82));
			place(ask(ALICES, 10, 83));
			place(ask(CAROLS, 10, 84));
			place(ask(ALICES, 10, 85));
			place(bid(BOBS, 100, 200));
			quarantine(ALICES);
			let step = turn_of(W::discover_order().saturating_add(W::expire_order()));
			ServiceWeight::set(step);
			let mut now = gate(P);
			block_at(now);
			let mut steps = 1;
			while matches!(stage(), Stage::Discover { .. }) {
				let sought = seeks(|| {
					if in_one_block {
						idle(step);
					} else {
						now += 1;
						block_at(now);
					}
				});
				// The agenda; what comes next; and the next best in place of one that is cancelled.
				assert!(sought <= 3, "{sought}");
				check();
				steps += 1;
			}
			// Bob's bid, six asks, and that there are no more of them.
			assert_eq!(steps, 8);
			assert_eq!(cleared(), vec![(200, 20)]);
			assert_eq!(remaining(gridweave_primitives::OrderId(0)), None);
			ServiceWeight::set(frame_support::weights::Weight::MAX);
			run_auction(now + 1);
			assert_eq!(trades(), vec![(200, 10), (200, 10)]);
		});
	}
}
