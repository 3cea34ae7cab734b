//! Flows and prices that do not hold, whatever is in the books.

use gridweave_primitives::{cost, units::ENERGY_BOUND};

use super::*;

/// Two communities and a link that loses 5 %.
fn pair() -> Network {
	Network {
		books: vec![vec![], vec![]],
		links: vec![line(0, (0, 1), 50_000, 1_000, 2)],
	}
}

fn unsound(flows: &[(u32, u64)], prices: &[(u32, u64)]) -> Option<Unsound> {
	pair().plan(&solution(flows, prices)).err()
}

#[test]
fn plan_should_tell_what_each_trades_and_earns() {
	let plan = pair()
		.plan(&solution(&[(0, 950)], &[(0, 100), (1, 108)]))
		.unwrap();
	let nets: Vec<_> = plan
		.nets
		.iter()
		.map(|net| (net.price.0, net.import.0, net.export.0))
		.collect();
	assert_eq!(nets, [(100, 0, 1_000), (108, 950, 0)]);
	let carried = &plan.carried[0];
	assert_eq!(
		(carried.sent.0, carried.received.0, carried.operator),
		(1_000, 950, 100)
	);
	assert_eq!(carried.wheeling, cost(Price(2), WattHours(950)));
	assert_eq!(carried.earns, 108_000 * 950 - 100_000 * 1_000);
	assert_eq!(plan.wheeling(), carried.wheeling);
}

#[test]
fn unsound_solutions_should_be_named() {
	let prices = [(0, 100), (1, 108)];
	assert_eq!(unsound(&[(0, 950)], &prices), None);
	assert_eq!(unsound(&[], &[]), Some(Unsound::NoFlow));
	assert_eq!(
		unsound(&[(0, 950), (0, 950)], &prices),
		Some(Unsound::NotInOrder)
	);
	assert_eq!(
		unsound(&[(0, 950)], &[(1, 108), (0, 100)]),
		Some(Unsound::NotInOrder)
	);
	assert_eq!(unsound(&[(1, 950)], &prices), Some(Unsound::UnknownLink));
	assert_eq!(unsound(&[(0, 0)], &prices), Some(Unsound::BelowMinimum));
	assert_eq!(
		unsound(&[(0, 951)], &prices),
		Some(Unsound::ExceedsCapacity)
	);
	assert_eq!(
		unsound(&[(0, u64::MAX)], &prices),
		Some(Unsound::ExceedsCapacity)
	);
	assert_eq!(unsound(&[(0, 950)], &[(0, 100)]), Some(Unsound::Prices));
	assert_eq!(
		unsound(&[(0, 950)], &[(0, 100), (1, 108), (2, 1)]),
		Some(Unsound::Prices)
	);
	// 107 × 950 is less than 100 × 1000 + 2 × 950.
	assert_eq!(
		unsound(&[(0, 950)], &[(0, 100), (1, 107)]),
		Some(Unsound::LinkLoses)
	);
	assert_eq!(
		unsound(&[(0, 950)], &[(0, 300), (1, 108)]),
		Some(Unsound::LinkLoses)
	);
}

#[test]
fn no_community_should_trade_more_with_links_than_an_order_may_have() {
	let most = ENERGY_BOUND - 1;
	let network = Network {
		books: vec![vec![]; 3],
		links: vec![line(0, (0, 1), 0, most, 0), line(1, (0, 2), 0, most, 0)],
	};
	let flows = [(0, most), (1, 1)];
	let prices = [(0, 1), (1, 1), (2, 1)];
	assert_eq!(
		network.plan(&solution(&flows, &prices)),
		Err(Unsound::EnergyOutOfBounds)
	);
	// What goes through does not count.
	let network = Network {
		books: vec![vec![]; 3],
		links: vec![line(0, (0, 1), 0, most, 0), line(1, (1, 2), 0, most, 0)],
	};
	let plan = network
		.plan(&solution(&[(0, most), (1, most)], &prices))
		.unwrap();
	assert_eq!(plan.nets[1].import.0.max(plan.nets[1].export.0), 0);
}
