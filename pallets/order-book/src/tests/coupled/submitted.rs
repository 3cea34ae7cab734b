//! What is taken, and what is not.

use gridweave_primitives::Price;
use sp_runtime::BoundedVec;

use super::*;
use crate::{
	types::{LinkFlow, MAX_CANDIDATES},
	Error,
};

type E = Error<Test>;

#[test]
fn unsound_solutions_should_be_refused_with_a_reason() {
	test_coupling(|| {
		pair();
		block_at(gate(P));
		let prices = [(0, 200), (1, 100)];
		let of =
			|flows: &[(u32, u64)], prices: &[(u32, u64)]| submitting(solution(flows, prices), 1);
		assert_refused(CAROL, submitting(coupling(), 0), E::NothingGained);
		assert_refused(CAROL, of(&[], &[]), E::NoFlow);
		assert_refused(CAROL, of(&[(0, 20), (0, 20)], &prices), E::NotInOrder);
		assert_refused(CAROL, of(&[(7, 20)], &prices), E::UnknownLink);
		assert_refused(CAROL, of(&[(0, 9)], &prices), E::BelowLinkMinimum);
		assert_refused(CAROL, of(&[(0, 4_751)], &prices), E::ExceedsLinkCapacity);
		assert_refused(
			CAROL,
			of(&[(0, 20)], &[(0, 200), (1, 100), (2, 100)]),
			E::PricesMissing,
		);
		assert_refused(CAROL, of(&[(0, 950)], &[(0, 107), (1, 100)]), E::LinkLoses);
		assert_refused(
			CAROL,
			of(&[(0, 20)], &[(0, 1_000_001), (1, 100)]),
			E::PriceAboveCap,
		);
		assert_refused(
			CAROL,
			of(&[(0, 20)], &[(0, 200), (1, 9)]),
			E::PriceBelowFloor,
		);
		assert_refused(
			CAROL,
			of(&[(0, 20)], &[(0, 200), (9, 100)]),
			E::PeriodNotOpen,
		);
		assert_refused(POOR, submitting(coupling(), 1), E::DepositUnavailable);
		submit(CAROL, coupling(), 1);
	});
}

#[test]
fn only_auctions_of_one_gate_should_be_coupled() {
	test_coupling(|| {
		pair();
		let other = |change: fn(&mut gridweave_primitives::microgrid::Terms)| {
			let mut terms = CurrentTerms::get();
			change(&mut terms);
			OtherTerms::set([(NORTH, terms)].into());
		};
		block_at(gate(P));
		other(|terms| terms.rules.mechanism = Mechanism::Continuous);
		assert_refused(CAROL, submitting(coupling(), 1), E::NotCallAuction);
		assert_eq!(OrderBook::coupled_communities(P, None, 10), []);
		other(|terms| terms.rules.gate_closure = 2);
		assert_refused(CAROL, submitting(coupling(), 1), E::GatesDiffer);
		OtherTerms::take();
	});
}

#[test]
fn solutions_should_be_taken_from_the_gate_on_for_a_time() {
	test_coupling(|| {
		pair();
		let submission = || submitting(coupling(), WORTH);
		block_at(gate(P) - 1);
		assert_refused(CAROL, submission(), E::NotCouplingTime);
		block_at(gate(P) + WINDOW);
		assert_refused(CAROL, submission(), E::NotCouplingTime);
	});
	test_coupling(|| {
		pair();
		block_at(gate(P) + WINDOW - 1);
		submit(CAROL, coupling(), WORTH);
		run_from(gate(P) + WINDOW);
		assert_eq!(fills(&events()).len(), 2);
	});
}

#[test]
fn least_claim_should_go_when_there_are_too_many() {
	test_coupling(|| {
		pair();
		block_at(gate(P));
		let most = Balance::from(MAX_CANDIDATES);
		for claim in 2..2 + most {
			submit(ALICE, coupling(), claim);
		}
		assert_refused(CAROL, submitting(coupling(), 2), E::ClaimTooLow);
		let claimed: Balance = (2..2 + most).sum();
		assert_eq!(held_for_solutions(ALICE), most * 1_000 + claimed);
		submit(CAROL, coupling(), 3);
		assert_eq!(
			(held_for_solutions(ALICE), held_for_solutions(CAROL)),
			((most - 1) * 1_000 + claimed - 2, 1_003)
		);
		// Of equal claims the earlier is before.
		let expected: Vec<_> = (4..2 + most).rev().chain([3, 3]).collect();
		assert_eq!(OrderBook::coupling_claims(P, gate(P) + WINDOW), expected);
		// Of auctions whose gate closes at another time there are none.
		assert_eq!(OrderBook::coupling_claims(P, gate(P) + WINDOW + 1), []);
		check();
		submit(CAROL, coupling(), 5);
		assert_eq!(held_for_solutions(CAROL), 1_005);
		// Who claims much has much to lose.
		assert_refused(CAROL, submitting(coupling(), FUNDS), E::DepositUnavailable);
	});
}

#[test]
fn solvers_should_be_told_what_they_need() {
	test_coupling(|| {
		pair();
		place(bid(CAROLS, 20, 230));
		place(bid(CAROLS, 30, 230));
		let told = OrderBook::coupled_communities(P, None, 10);
		assert_eq!(
			told.iter().map(|one| one.microgrid).collect::<Vec<_>>(),
			[GRID, NORTH]
		);
		assert_eq!(
			(told[0].gate_closes_at, told[0].window_ends_at),
			(gate(P), gate(P) + WINDOW)
		);
		assert_eq!(
			(told[0].price_floor, told[0].price_cap),
			(Price(10), Price(1_000_000))
		);
		assert!(told[0].links_out.is_empty());
		let link = told[1].links_out[0];
		assert_eq!(
			(link.to, link.capacity.0, link.min_quantity.0),
			(GRID, 5_000, 10)
		);
		assert_eq!(OrderBook::coupled_communities(P, Some(GRID), 10), told[1..]);
		assert_eq!(OrderBook::coupled_communities(P, None, 1), told[..1]);
		let levels = |after, limit| {
			let side = gridweave_primitives::market::Side::Bid;
			let levels = OrderBook::levels(GRID, P, side, after, limit);
			levels
				.iter()
				.map(|level| (level.price.0, level.energy.0, level.orders))
				.collect::<Vec<_>>()
		};
		assert_eq!(levels(None, 10), [(240, 950, 1), (230, 50, 2)]);
		assert_eq!(levels(None, 1), [(240, 950, 1)]);
		assert_eq!(levels(Some(Price(240)), 10), [(230, 50, 2)]);
		assert_eq!(levels(Some(Price(230)), 10), []);
	});
}

#[test]
fn solutions_should_be_taken_for_at_most_half_a_period() {
	test_coupling(|| {
		pair();
		CouplingWindow::set(100_000);
		let half = gate(P) + 450;
		assert_eq!(
			OrderBook::coupled_communities(P, None, 1)[0].window_ends_at,
			half
		);
		block_at(half - 1);
		submit(CAROL, coupling(), WORTH);
		block_at(half);
		assert_refused(CAROL, submitting(coupling(), WORTH), E::NotCouplingTime);
		run_from(half + 1);
		assert_eq!(fills(&events()).len(), 2);
	});
}

#[test]
fn solutions_should_be_bounded() {
	let flows: Vec<_> = (0..65)
		.map(|id| LinkFlow {
			link: gridweave_primitives::LinkId(id),
			received: WattHours(1),
		})
		.collect();
	let bounded: Result<BoundedVec<_, frame_support::traits::ConstU32<64>>, _> = flows.try_into();
	assert!(bounded.is_err());
}
