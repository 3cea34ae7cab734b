//! Lets time pass on a state that is being made: what pallets do with time, without blocks.

use anyhow::{bail, Result};
use frame_support::{
	traits::{Get, Hooks},
	weights::{Weight, WeightMeter},
};
use gridweave_primitives::{
	traits::{MicrogridInspect, SettlementClock, SettlementProgress},
	MicrogridId,
};
use gridweave_runtime::{
	AccountId, BlockNumber, DemandResponse, MeterRegistry, Microgrids, OrderBook, Runtime,
	Settlement,
};

/// Far more turns of a task than anything here takes.
const PATIENCE: u32 = 100_000;

/// Sets the chain's time, in Unix seconds, and lets each pallet do all that is due by then.
pub fn pass_until(time: u64) -> Result<()> {
	pallet_timestamp::Now::<Runtime>::put(time * 1_000);
	let clock = <Microgrids as SettlementClock>::clock();
	let horizon: u32 = <Runtime as pallet_order_book::Config>::Horizon::get();
	let last = clock.period_at(time).saturating_add(horizon);
	let grids = || (0..<Microgrids as MicrogridInspect<AccountId>>::count()).map(MicrogridId);
	turns(polled::<Microgrids>, || {
		grids().all(|grid| <Microgrids as MicrogridInspect<AccountId>>::terms(grid, last).is_some())
	})?;
	turns(
		|| {
			OrderBook::on_idle(NO_BLOCK, Weight::MAX);
		},
		|| OrderBook::books_due() == 0,
	)?;
	turns(polled::<Settlement>, || {
		let settled = |grid| {
			Settlement::progress(grid)
				.is_none_or(|progress| progress.next >= clock.frozen_before(time))
		};
		grids().all(settled)
	})?;
	let expired = clock.expired_before(time);
	// What is still to be recorded, for demand response, is not pruned.
	if grids().any(|grid| DemandResponse::settled_before(grid) < expired) {
		return Ok(());
	}
	turns(polled::<MeterRegistry>, || {
		pallet_meter_registry::PrunedBefore::<Runtime>::get() >= expired
	})
}

/// No block is being made.
const NO_BLOCK: BlockNumber = 0;

fn polled<P: Hooks<BlockNumber>>() {
	P::on_poll(NO_BLOCK, &mut WeightMeter::with_limit(Weight::MAX));
}

/// Gives a task turns until it is done.
fn turns(turn: impl Fn(), done: impl Fn() -> bool) -> Result<()> {
	for _ in 0..PATIENCE {
		if done() {
			return Ok(());
		}
		turn();
	}
	bail!("a task of the pallets does not end")
}
