//! Random books against the linear program that clearing is defined by, solved by a solver.

use good_lp::{constraint, microlp, variable, variables, Expression, Solution, SolverModel};
use proptest::test_runner::Config;

use super::*;

/// What the program comes to.
struct Solved {
	value: i64,
	volume: i64,
}

fn whole(value: f64) -> i64 {
	let rounded = value.round();
	assert!((value - rounded).abs() < 1e-6, "not whole: {value}");
	rounded as i64
}

/// Maximises `scale × (Σ bid · x − Σ ask · y) + bonus × Σ x` with `Σ x = Σ y + given`.
///
/// Limits and energies are whole numbers, and so is then the best of its solutions that a vertex stands
/// for.
fn solve(orders: &[Order], scale: f64, bonus: f64, given: f64) -> Solved {
	let mut vars = variables!();
	let (mut value, mut bought, mut sold) = (
		Expression::from(0),
		Expression::from(0),
		Expression::from(0),
	);
	for order in orders {
		let fill = vars.add(variable().min(0).max(order.energy as f64));
		match order.side {
			Side::Bid => {
				value += scale * order.limit as f64 * fill;
				bought += fill;
			}
			Side::Ask => {
				value -= scale * order.limit as f64 * fill;
				sold += fill;
			}
		}
	}
	let objective = value.clone() + bonus * bought.clone();
	let solution = vars
		.maximise(objective)
		.using(microlp)
		.with(constraint!(bought.clone() == sold + given))
		.solve()
		.expect("a book that trades can take or give 1 Wh");
	Solved {
		value: whole(solution.eval(&value)),
		volume: whole(solution.eval(&bought)),
	}
}

/// The value that the program comes to if `given` Wh more are offered for nothing.
fn value(orders: &[Order], given: f64) -> i64 {
	solve(orders, 1.0, 0.0, given).value
}

proptest! {
	#![proptest_config(Config::with_cases(2_000))]

	#[test]
	fn clearing_should_solve_the_linear_program(orders in crowded_book()) {
		let Some(clearing) = discover(&orders).0 else {
			prop_assert_eq!(solve(&orders, 2.0, 1.0, 0.0).volume, 0);
			return Ok(());
		};

		// A bonus below the least difference of prices: of the best solutions the one that trades most.
		prop_assert_eq!(solve(&orders, 2.0, 1.0, 0.0).volume as u64, clearing.volume.0);

		let best = value(&orders, 0.0);
		let worth = |trade: Trade| {
			let spread = orders[trade.bid].limit as i64 - orders[trade.ask].limit as i64;
			spread * trade.energy as i64
		};
		prop_assert_eq!(execute(&orders, &clearing).into_iter().map(worth).sum::<i64>(), best);

		// The ends of the dual interval: what one more Wh is worth, and what one less costs.
		prop_assert_eq!(value(&orders, 1.0) - best, clearing.low.0 as i64);
		prop_assert_eq!(best - value(&orders, -1.0), clearing.high.0 as i64);
	}
}
