//! Random networks against the linear program that coupling is defined by, solved by a solver.

use good_lp::{constraint, microlp, variable, variables, Expression, Solution as _, SolverModel};
use proptest::{
	strategy::ValueTree,
	test_runner::{Config, TestRunner},
};

use super::*;

/// What the program comes to: how much more it is worth than without links, and what goes over each link.
pub fn optimum(network: &Network) -> (f64, Vec<f64>) {
	let solve = |links: &[OpenLink<u64>]| {
		let mut vars = variables!();
		let mut value = Expression::from(0);
		let mut balances = vec![Expression::from(0); network.books.len()];
		for (book, balance) in network.books.iter().zip(&mut balances) {
			for (side, limit, energy) in book {
				let fill = vars.add(variable().min(0).max(*energy as f64));
				match side {
					Side::Bid => {
						value += *limit as f64 * fill;
						*balance -= fill;
					}
					Side::Ask => {
						value -= *limit as f64 * fill;
						*balance += fill;
					}
				}
			}
		}
		let mut flows = Vec::new();
		for link in links {
			let terms = link.terms;
			let kept = 1.0 - f64::from(terms.loss.deconstruct()) / 1e6;
			let most = terms.capacity.0 as f64 * kept;
			let flow = vars.add(variable().min(0).max(most));
			value -= terms.wheeling_fee.0 as f64 * flow;
			balances[terms.from.0 as usize] -= (1.0 / kept) * flow;
			balances[terms.to.0 as usize] += flow;
			flows.push(flow);
		}
		let mut model = vars.maximise(value.clone()).using(microlp);
		for balance in balances {
			model = model.with(constraint!(balance == 0));
		}
		let solution = model.solve().expect("nothing need be traded");
		let flows = flows.into_iter().map(|flow| solution.value(flow)).collect();
		(solution.eval(&value), flows)
	};
	let (coupled, flows) = solve(&network.links);
	(coupled - solve(&[]).0, flows)
}

/// The best whole flows that are no more than these.
pub fn whole(flows: &[f64]) -> Vec<(u32, u64)> {
	let whole = flows.iter().map(|flow| (flow + 1e-6).floor() as u64);
	(0..).zip(whole).filter(|(_, flow)| *flow > 0).collect()
}

proptest! {
	#![proptest_config(Config::with_cases(1_000))]

	/// Without losses the best of the program's solutions are whole: it holds, with prices that can be found, and
	/// is worth what the program comes to.
	#[test]
	fn best_flows_without_losses_should_hold_and_be_worth_the_program(network in networks(0)) {
		let (best, flows) = optimum(&network);
		let flows = whole(&flows);
		if flows.is_empty() {
			prop_assert!(best.abs() < 1e-6, "{}", best);
			return Ok(());
		}
		let prices = network.prices(&flows).expect("books take and give what the program says");
		let plan = network.plan(&solution(&flows, &prices)).expect("no link loses");
		let gain = network.gain(&plan).expect("it holds");
		prop_assert!((gain as f64 - best).abs() < 1e-6, "{} {}", gain, best);
	}
}

/// With losses, whole flows are worth at most what the program comes to, and often hold.
#[test]
fn no_solution_should_be_worth_more_than_the_program() {
	let mut runner = TestRunner::deterministic();
	let strategy = networks(200_000);
	let (mut held, mut near) = (0, 0);
	for _ in 0..1_000 {
		let network = strategy.new_tree(&mut runner).unwrap().current();
		let (best, flows) = optimum(&network);
		let flows = whole(&flows);
		let Some(prices) = network.prices(&flows).filter(|_| !flows.is_empty()) else {
			continue;
		};
		let Ok(plan) = network.plan(&solution(&flows, &prices)) else {
			continue;
		};
		if let Ok(gain) = network.gain(&plan) {
			assert!(gain as f64 <= best + 1e-6, "{gain} {best}");
			held += 1;
			near += u32::from(gain as f64 > best / 2.0);
		}
	}
	assert!(held > 100 && near > 50, "{held} {near}");
}
