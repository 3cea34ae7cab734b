//! Call auctions on the chain: what is placed, how it is cleared, and against a [model](super::model).

mod clearing;
mod placing;
mod quarantine;
mod random;

use frame_support::weights::Weight;

use crate::{mock::*, Agenda, Config, Event, OwnLimits, Pallet, Stage, WeightInfo};

type W = <Test as Config>::WeightInfo;

/// Room for one turn of so much work.
fn turn_of(work: Weight) -> Weight {
	W::service_base()
		.saturating_add(W::advance_book())
		.saturating_add(work)
}

/// Leaves the service of books room for one turn with so many steps of the weightiest kind.
fn room_for(steps: u64) {
	ServiceWeight::set(turn_of(
		Pallet::<Test>::weight_of_step().saturating_mul(steps),
	));
}

/// What is due next for the only book.
fn stage() -> Stage {
	let stages: Vec<_> = Agenda::<Test>::iter().map(|(_, stage)| stage).collect();
	assert_eq!(stages.len(), 1);
	stages[0]
}

/// Price and volume that auctions came to since events were last read.
fn cleared() -> Vec<(u64, u64)> {
	let cleared = |event| match event {
		Event::AuctionCleared { price, volume, .. } => Some((price.0, volume.0)),
		_ => None,
	};
	events().into_iter().filter_map(cleared).collect()
}

/// Blocks from a time on until the only book has no orders any more.
fn run_auction(begin: u64) {
	for now in begin..begin + 100 {
		block_at(now);
		check();
		if !stage().has_orders() {
			return;
		}
	}
	panic!("the auction does not end");
}

/// How many accounts are noted with orders in auctions.
fn noted() -> usize {
	OwnLimits::<Test>::iter().count()
}
