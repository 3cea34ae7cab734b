//! The linear program near some flows.
//!
//! Energy that is moved along one path or one circle at a time may end where only several together gain:
//! parallel links, say, with different losses and fees. The program sees all at once. It knows parts of a Wh and
//! floating point, so its answer is only a hint: it is rounded, repaired, and taken if the exact welfare grows.
//! And of every book it knows some steps either way. Welfare is concave, so what is best near some flows, and not
//! at the edge of what is near, is best of all.

use good_lp::{
	constraint, microlp, variable, Expression, ProblemVariables, Solution, SolverModel, Variable,
};

use crate::{
	flows::{Flows, Model},
	Wide,
};

/// How many steps of a book are near, either way.
const NEAR: usize = 24;
/// The largest numbers that the program is given, for prices and for energies.
const LARGEST: f64 = 1e6;
/// No more can go over the links of a book.
const MOST: Wide = 1 << 40;

#[allow(clippy::cast_precision_loss)] // It is a hint.
fn part(value: Wide, of: Wide) -> f64 {
	value as f64 / of.max(1) as f64 * LARGEST
}

/// Flows near these that may be better; `None` if the solver finds none.
pub(crate) fn hint(model: &Model<'_>, flows: &Flows) -> Option<Flows> {
	let books = || model.ladders.iter().zip(&flows.imports);
	let near: Vec<_> = books()
		.map(|(ladder, import)| {
			let within = |step: (Wide, Wide)| (step.0, step.1.min(MOST));
			let more: Vec<_> = ladder.steps_in(*import).take(NEAR).map(within).collect();
			let less: Vec<_> = ladder.steps_out(*import).take(NEAR).map(within).collect();
			(more, less)
		})
		.collect();
	let steps = || near.iter().flat_map(|(more, less)| more.iter().chain(less));
	let dearest = steps().map(|(price, _)| *price).max()?;
	let widest = model.most.iter().copied().max()?;

	let mut variables = ProblemVariables::new();
	let mut welfare = Expression::from(0);
	let mut balances: Vec<Expression> = Vec::new();
	for (more, less) in &near {
		let mut balance = Expression::from(0);
		for (steps, sign) in [(more, 1.0), (less, -1.0)] {
			for (price, room) in steps {
				let moved = variables.add(variable().min(0).max(part(*room, widest)));
				welfare += sign * part(*price, dearest) * moved;
				balance += sign * moved;
			}
		}
		balances.push(balance);
	}
	let mut carried: Vec<Variable> = Vec::new();
	for (link, most) in model.network.links.iter().zip(&model.most) {
		let flow = variables.add(variable().min(0).max(part(*most, widest)));
		let kept = 1.0 - f64::from(link.loss.deconstruct()) / 1e6;
		welfare -= part(link.wheeling_fee.0.into(), dearest) * flow;
		balances[link.to] -= flow;
		balances[link.from] += flow / kept;
		carried.push(flow);
	}
	let mut program = variables.maximise(welfare).using(microlp);
	for (balance, (_, import)) in balances.into_iter().zip(books()) {
		program = program.with(constraint!(balance == -part(*import, widest)));
	}
	let solved = program.solve().ok()?;

	let mut hint = Flows::none(model.network);
	for (link, flow) in carried.into_iter().enumerate() {
		let parts = solved.value(flow) / LARGEST;
		#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // It is a hint.
		let received = (parts * widest as f64).round() as Wide;
		hint.set(model, link, received.clamp(0, model.most[link]));
	}
	Some(hint)
}
