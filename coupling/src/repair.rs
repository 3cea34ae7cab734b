//! From flows of the greatest welfare to flows that prices exist for.
//!
//! In whole Wh a link may lose what it would not in parts of them: its losses are rounded up, and the last Wh
//! may have taken a price a step too far. Then a little less goes the way that loses. Only less, so it ends.

use crate::{
	flows::{Flows, Model},
	pricing::{holds, Loss},
	Wide,
};

/// So many Wh less are tried one by one.
const FEW: Wide = 8;
/// After so many rounds a link that loses carries nothing any more.
const PATIENCE: usize = 1_000;

/// Makes flows such that there are prices for them, with nothing below the least quantity of a link.
pub(crate) fn repaired(model: &Model<'_>, mut flows: Flows) -> Flows {
	for round in 0.. {
		drop_the_least(model, &mut flows);
		let Err(loss) = holds(model, &flows) else {
			break;
		};
		flows = less(model, &flows, &loss, round < PATIENCE);
	}
	flows
}

fn drop_the_least(model: &Model<'_>, flows: &mut Flows) {
	for (at, link) in model.network.links.iter().enumerate() {
		if flows.received[at] < link.min_quantity.0.into() {
			flows.set(model, at, 0);
		}
	}
}

/// Less on a way that loses.
fn less(model: &Model<'_>, flows: &Flows, loss: &Loss, patient: bool) -> Flows {
	let heals = |flows: &Flows| match holds(model, flows) {
		Ok(_) => true,
		Err(left) => left.books < loss.books,
	};
	if patient {
		let few = (1..=FEW).filter_map(|size| flows.along(model, &loss.way, size));
		if let Some(healed) = few.into_iter().find(heals) {
			return healed;
		}
		let room = flows.room(model, &loss.way);
		if let Some(less) = flows.along(model, &loss.way, room) {
			return less;
		}
	}
	let mut none = flows.clone();
	for arc in loss.way.iter().take(1) {
		none.set(model, arc.link, 0);
	}
	none
}
