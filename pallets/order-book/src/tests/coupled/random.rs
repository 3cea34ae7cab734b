//! Random orders in three linked communities, coupled by what a linear program says.

use proptest::prelude::*;

use super::{
	super::coupling::{line, linear_program, Network, Order},
	*,
};
use crate::{Config, NewOrder, WeightInfo};
use gridweave_primitives::{market::Side, MeterId};

type W = <Test as Config>::WeightInfo;

fn order() -> impl Strategy<Value = NewOrder> {
	const METERS: [MeterId; 7] = [ALICES, BOBS, CAROLS, NORTHS, NORTHS_OTHER, SOUTHS, BOBS];
	(0usize..7, any::<bool>(), 10u64..60, 10u64..20).prop_map(|(meter, buys, energy, price)| {
		let order = if buys { bid } else { ask };
		order(METERS[meter], energy, price)
	})
}

/// The books as they are, with links of these losses.
fn network(losses: [u32; 4]) -> Network {
	let levels = |grid, side| {
		let levels = OrderBook::levels(grid, P, side, None, 100).into_iter();
		levels.map(move |level| (side, level.price.0, level.energy.0))
	};
	let book = |grid| -> Vec<Order> {
		levels(grid, Side::Bid)
			.chain(levels(grid, Side::Ask))
			.collect()
	};
	let ways = [(1, 0), (0, 2), (2, 1), (0, 1)];
	let links = (0..)
		.zip(ways)
		.zip(losses)
		.map(|((id, ends), loss)| line(id, ends, loss, 40, 1));
	Network {
		books: vec![book(GRID), book(NORTH), book(SOUTH)],
		links: links.collect(),
	}
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

	/// Whatever the solution is: the invariants hold in every block and money is only where it belongs; one that
	/// was said to hold is carried out.
	#[test]
	fn coupled_auctions_should_keep_the_invariants(
		orders in proptest::collection::vec(order(), 1..24),
		losses in proptest::array::uniform4(prop_oneof![2 => Just(0u32), 1 => 0u32..100_000]),
		barred in proptest::option::weighted(0.2, 0u32..4),
		steps in 2u64..20,
	) {
		chain().execute_with(|| {
			CurrentTerms::mutate(|terms| terms.rules.mechanism = Mechanism::CallAuction);
			CouplingWindow::set(WINDOW);
			connect(network(losses).links.into_iter().map(|mut link| {
				link.operator = LINK_OPERATOR;
				link
			}));
			for order in orders {
				let call: RuntimeCall = placing(order).into();
				let _ = frame_support::storage::with_storage_layer(|| {
					dispatch(owner_of(order.meter), call).map_err(|error| error.error)
				});
			}
			let before = money();
			block_at(gate(P));
			let network = network(losses);
			let flows = linear_program::whole(&linear_program::optimum(&network).1);
			let solved = network.prices(&flows).map(|prices| solution(&flows, &prices));
			let score = solved.and_then(|solution| {
				let score = OrderBook::coupling_score(P, &solution).ok()?;
				submit(CAROL, solution, score);
				Some(score)
			});
			if let Some(meter) = barred {
				Quarantined::mutate(|meters| meters.insert(MeterId(meter)));
			}
			let turns = W::advance_coupling().saturating_mul(2);
			let work = W::discover_order().saturating_add(W::expire_order()).saturating_mul(steps);
			room_for_coupling(turns.saturating_add(W::exchange_order()).saturating_add(work));
			System::reset_events();
			let mut told = Vec::new();
			for now in gate(P) + WINDOW..gate(P) + 2 * WINDOW {
				block_at(now);
				check();
				assert_eq!(money(), before);
				told.extend(take_events());
			}
			prop_assert_eq!(crate::Couplings::<Test>::count(), 0);
			if let Some(score) = score {
				let accepted = told.iter().any(|event| matches!(
					event,
					Event::CouplingAccepted { gain, .. } if *gain == score
				));
				let done = told.contains(&Event::CouplingDone { period: P });
				prop_assert!((accepted && done) || barred.is_some());
			}
			let prices = |microgrid| told.iter().filter_map(move |event| match event {
				Event::CoupledFill { microgrid: grid, price, .. }
				| Event::Trade { microgrid: grid, price, .. } if *grid == microgrid => Some(*price),
				_ => None,
			});
			// All of a community trade at one price.
			for grid in [GRID, NORTH, SOUTH] {
				prop_assert!(prices(grid).collect::<std::collections::BTreeSet<_>>().len() <= 1);
			}
			Ok(())
		})?;
	}
}
