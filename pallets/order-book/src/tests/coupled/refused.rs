//! Solutions that do not hold.

use super::*;
use crate::{coupling::Fault, CancelReason};

/// Why solutions were refused, and what was taken of their deposits.
fn refusals(events: &[Event<Test>]) -> Vec<(AccountId, Fault, Balance)> {
	let refused = |event: &Event<Test>| match event {
		Event::CouplingRefused {
			who,
			fault,
			slashed,
			..
		} => Some((*who, *fault, *slashed)),
		_ => None,
	};
	events.iter().filter_map(refused).collect()
}

#[test]
fn false_claim_should_cost_the_deposit_and_the_next_solution_be_tried() {
	test_coupling(|| {
		pair();
		block_at(gate(P));
		submit(ALICE, coupling(), WORTH + 1);
		submit(CAROL, coupling(), WORTH);
		run_from(gate(P) + WINDOW);
		let events = events();
		// All that was claimed, besides what a look costs.
		let lost = 1_000 + WORTH + 1;
		assert_eq!(refusals(&events), [(ALICE, Fault::WorthLess, lost)]);
		assert_eq!(fills(&events).len(), 2);
		assert_eq!(
			(free(ALICE), free(CAROL), free(COLLECTOR)),
			(FUNDS - lost, FUNDS, lost)
		);
		assert_eq!(held_for_solutions(ALICE), 0);
	});
}

#[test]
fn solutions_that_books_do_not_bear_should_be_refused() {
	for (flow, here, north, fault) in [
		(1_900, 200, 100, Fault::NotFilled),
		(950, 241, 100, Fault::PriceOffInterval),
		(950, 200, 99, Fault::PriceOffInterval),
	] {
		test_coupling(|| {
			pair();
			block_at(gate(P));
			submit(CAROL, solution(&[(0, flow)], &[(0, here), (1, north)]), 1);
			let score =
				OrderBook::coupling_score(P, &solution(&[(0, flow)], &[(0, here), (1, north)]));
			assert_eq!(score, Err(crate::Error::<Test>::from(fault).into()));
			run_from(gate(P) + WINDOW);
			let events = events();
			assert_eq!(refusals(&events), [(CAROL, fault, 1_001)]);
			// The books have cleared by themselves: they do not cross.
			assert_eq!((fills(&events), trades()), (vec![], vec![]));
			assert_eq!(cancellations().len(), 2);
		});
	}
}

#[test]
fn nobody_should_be_to_blame_once_an_order_was_barred() {
	test_coupling(|| {
		let [sale, _] = pair();
		block_at(gate(P));
		submit(CAROL, coupling(), WORTH);
		Quarantined::mutate(|meters| meters.insert(NORTHS));
		assert_eq!(
			OrderBook::levels(NORTH, P, gridweave_primitives::market::Side::Ask, None, 9)[0].orders,
			0
		);
		run_from(gate(P) + WINDOW);
		let events = events();
		assert_eq!(refusals(&events), [(CAROL, Fault::NotFilled, 0)]);
		assert!(cancellations().contains(&(sale, 1_000, CancelReason::Quarantined)));
		assert_eq!((free(CAROL), held_for_solutions(CAROL)), (FUNDS, 0));
	});
}

#[test]
fn solutions_that_are_not_looked_at_in_time_should_be_dismissed() {
	test_coupling(|| {
		pair();
		block_at(gate(P));
		submit(CAROL, coupling(), WORTH);
		ServiceWeight::set(Weight::zero());
		block_at(gate(P) + WINDOW);
		check();
		ServiceWeight::set(Weight::from_parts(20_000_000_000, u64::MAX));
		run_from(gate(P) + 2 * WINDOW);
		let events = events();
		assert!(events.contains(&Event::CouplingDismissed {
			who: CAROL,
			period: P
		}));
		assert_eq!((fills(&events), refusals(&events)), (vec![], vec![]));
		assert_eq!((free(CAROL), held_for_solutions(CAROL)), (FUNDS, 0));
	});
}

#[test]
fn second_solution_should_be_dismissed_once_the_first_holds() {
	test_coupling(|| {
		pair();
		block_at(gate(P));
		submit(ALICE, coupling(), WORTH - 1);
		submit(CAROL, coupling(), WORTH);
		run_from(gate(P) + WINDOW);
		let events = events();
		assert!(events.contains(&Event::CouplingDismissed {
			who: ALICE,
			period: P
		}));
		assert_eq!((refusals(&events), fills(&events).len()), (vec![], 2));
		assert_eq!(
			(held_for_solutions(ALICE), held_for_solutions(CAROL)),
			(0, 0)
		);
	});
}
