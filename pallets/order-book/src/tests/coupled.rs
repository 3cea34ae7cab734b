//! Coupled auctions on the chain: solutions are submitted, looked at, carried out.

mod carried_out;
mod random;
mod refused;
mod submitted;
mod waiting;

use frame_support::weights::Weight;
use gridweave_primitives::{microgrid::Mechanism, Balance, MicrogridId, OrderId, WattHours};

use super::coupling::solution;
use crate::{mock::*, types::Solution, Call, Event, HoldReason};

/// How long solutions are taken.
pub const WINDOW: u64 = 60;

/// Runs a test on a chain with call auctions that can be coupled, then checks the invariants.
fn test_coupling(f: impl FnOnce()) {
	test(|| {
		CurrentTerms::mutate(|terms| terms.rules.mechanism = Mechanism::CallAuction);
		CouplingWindow::set(WINDOW);
		f();
	});
}

/// 1,000 Wh are cheap in the north, 950 Wh of them can be had here: what that is worth.
const WORTH: Balance = (240 * 950 - 100 * 1_000 - 2 * 950) * 1_000;

/// A link from the north, an ask there and a bid here.
fn pair() -> [OrderId; 2] {
	connect([link(0, NORTH, GRID)]);
	[place(ask(NORTHS, 1_000, 100)), place(bid(BOBS, 950, 240))]
}

/// What couples the pair.
fn coupling() -> Solution {
	solution(&[(0, 950)], &[(0, 200), (1, 100)])
}

/// The call that submits a solution.
fn submitting(solution: Solution, claim: Balance) -> Call<Test> {
	Call::submit_coupling {
		period: P,
		solution,
		claim,
	}
}

/// Submits a solution, which must not be refused.
#[track_caller]
fn submit(who: AccountId, solution: Solution, claim: Balance) {
	let result = dispatch(who, submitting(solution, claim));
	assert!(result.is_ok(), "{result:?}");
}

/// What is held of an account for its solutions.
fn held_for_solutions(who: AccountId) -> Balance {
	use frame_support::traits::fungible::InspectHold;
	Balances::balance_on_hold(&HoldReason::Coupling.into(), &who)
}

/// Blocks from a time on, until no order is left.
fn run_from(begin: u64) {
	for now in begin..begin + 200 {
		block_at(now);
		check();
		if crate::Orders::<Test>::iter().next().is_none() && crate::Couplings::<Test>::count() == 0
		{
			return;
		}
	}
	panic!("the auctions do not end");
}

/// Fills with links since events were last taken: community, side, price, energy, order.
fn fills(events: &[Event<Test>]) -> Vec<(MicrogridId, bool, u64, u64, OrderId)> {
	let fill = |event: &Event<Test>| match event {
		Event::CoupledFill {
			microgrid,
			side,
			price,
			energy,
			order_id,
			..
		} => {
			let buys = *side == gridweave_primitives::market::Side::Bid;
			Some((*microgrid, buys, price.0, energy.0, *order_id))
		}
		_ => None,
	};
	events.iter().filter_map(fill).collect()
}

/// All money: of members, in the pot, and set aside for sellers.
fn money() -> Balance {
	use gridweave_primitives::traits::OnTrade;
	let members = Accounts::iter_values().map(|(free, locked, margin)| free + locked + margin);
	members.sum::<Balance>() + House::imports_unpaid() + Proceeds::get()
}

/// Leaves the service of books room for its base, a turn, and twice so much for a coupling.
fn room_for_coupling(work: Weight) {
	ServiceWeight::set(work.saturating_mul(2));
}

/// What a book has sold, and bought, over links.
fn over_links(microgrid: MicrogridId) -> (u64, u64) {
	let key: (gridweave_primitives::Be32, gridweave_primitives::Be32) =
		(microgrid.into(), P.into());
	let book = crate::Books::<Test>::get(key).expect("a book");
	let (WattHours(exported), WattHours(imported)) = (book.exported, book.imported);
	(exported, imported)
}
