//! Which books wait for solutions, and for how long.

use super::*;
use crate::{Agenda, Stage};

fn stages() -> Vec<Stage> {
	Agenda::<Test>::iter().map(|(_, stage)| stage).collect()
}

#[test]
fn linked_auctions_should_wait_and_then_clear_by_themselves() {
	test_coupling(|| {
		connect([link(0, NORTH, GRID)]);
		place(ask(ALICES, 100, 100));
		place(bid(BOBS, 100, 200));
		block_at(gate(P));
		let until = gate(P) + WINDOW;
		assert_eq!(stages(), [Stage::Await { until }]);
		for now in [gate(P) + 1, until - 1] {
			block_at(now);
			check();
			assert_eq!((stages(), trades()), (vec![Stage::Await { until }], vec![]));
		}
		run_from(until);
		assert_eq!(trades(), [(150, 100)]);
	});
}

#[test]
fn auctions_without_others_to_couple_with_should_not_wait() {
	let continuous = |grid| {
		let mut terms = CurrentTerms::get();
		terms.rules.mechanism = Mechanism::Continuous;
		OtherTerms::set([(grid, terms)].into());
	};
	let earlier = |grid| {
		let mut terms = CurrentTerms::get();
		terms.rules.gate_closure = 2;
		OtherTerms::set([(grid, terms)].into());
	};
	let cases: [&dyn Fn(); 5] = [
		&|| {},
		&|| connect([link(0, NORTH, SOUTH)]),
		&|| {
			connect([link(0, NORTH, GRID)]);
			continuous(NORTH);
		},
		&|| {
			connect([link(0, GRID, NORTH)]);
			earlier(NORTH);
		},
		&|| {
			connect([link(0, NORTH, GRID)]);
			CouplingWindow::set(0);
		},
	];
	for prepare in cases {
		test_coupling(|| {
			prepare();
			place(ask(ALICES, 100, 100));
			place(bid(BOBS, 100, 200));
			block_at(gate(P));
			assert!(matches!(stages()[..], [Stage::Clear(_)]));
			run_from(gate(P) + 1);
			assert_eq!(trades(), [(150, 100)]);
		});
	}
}

#[test]
fn auction_that_is_late_should_wait_for_what_it_is_coupled_by() {
	test_coupling(|| {
		pair();
		ServiceWeight::set(Weight::zero());
		block_at(gate(P));
		submit(CAROL, coupling(), WORTH);
		// No book had its turn before.
		ServiceWeight::set(Weight::from_parts(20_000_000_000, u64::MAX));
		run_from(gate(P) + WINDOW);
		assert_eq!(fills(&events()).len(), 2);
	});
}
