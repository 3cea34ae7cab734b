//! Which transaction caused an event.
//!
//! An event has the number of its transaction. So has what the chain does by itself once the inherents are
//! in: the number of the transaction that comes next. It is told apart by what only the chain does, for all of
//! that lies before the first transaction.

use frame_system::Phase;
use gridweave_primitives::MeterId;
use gridweave_runtime::{Runtime, RuntimeEvent};
use pallet_balances::Event as Balances;
use pallet_meter_registry::Event as Meters;
use pallet_microgrids::Event as Microgrids;
use pallet_order_book::{CancelReason, EndReason, Event as Orders};
use pallet_settlement::Event as Settlement;

use super::Event;

/// The transactions that caused these events of a block; `None` for what the chain did by itself.
pub(super) fn of(events: &[Event]) -> Vec<Option<u32>> {
	let polled = events
		.iter()
		.rposition(|event| extrinsic(event).is_some() && is_the_chains(&event.event));
	let mut placed = None;
	let mut causes = Vec::with_capacity(events.len());
	for (at, record) in events.iter().enumerate() {
		let cause = match &record.event {
			_ if polled.is_some_and(|polled| at <= polled) => None,
			RuntimeEvent::OrderBook(event) if follows_an_order(event) => placed,
			RuntimeEvent::MeterRegistry(Meters::MeterFreed { meter, .. })
			| RuntimeEvent::Settlement(Settlement::TotalsClosed { meter, .. })
				if !was_retired(events, at, *meter) =>
			{
				None
			}
			RuntimeEvent::Microgrids(Microgrids::LinkRemoved { .. })
				if follows_pruning(events, at) =>
			{
				None
			}
			_ => extrinsic(record),
		};
		if let RuntimeEvent::OrderBook(Orders::OrderPlaced { .. }) = record.event {
			placed = cause;
		}
		causes.push(cause);
	}
	causes
}

fn extrinsic(event: &Event) -> Option<u32> {
	match event.phase {
		Phase::ApplyExtrinsic(extrinsic) => Some(extrinsic),
		Phase::Initialization | Phase::Finalization => None,
	}
}

/// Whether only the chain does this.
fn is_the_chains(event: &RuntimeEvent) -> bool {
	match event {
		RuntimeEvent::Microgrids(event) => matches!(
			event,
			Microgrids::PeriodsOpened { .. }
				| Microgrids::PeriodsSkipped { .. }
				| Microgrids::PeriodsPruned { .. }
		),
		RuntimeEvent::OrderBook(event) => matches!(
			event,
			Orders::OrderPlaced { standing: true, .. }
				| Orders::Trade { taker: None, .. }
				| Orders::OrderCancelled {
					reason: CancelReason::GateClosed,
					..
				} | Orders::AuctionCleared { .. }
				| Orders::AuctionAbandoned { .. }
				| Orders::CouplingAccepted { .. }
				| Orders::CouplingRefused { .. }
				| Orders::CoupledFill { .. }
				| Orders::LinkCarried { .. }
				| Orders::ImportsReturned { .. }
				| Orders::CouplingDone { .. }
				| Orders::CouplingAbandoned { .. }
				| Orders::MarketClosed { .. }
				| Orders::StandingOrderRefused { .. }
				| Orders::StandingOrdersSkipped { .. }
				| Orders::StandingOrderEnded {
					reason: EndReason::Unpaid | EndReason::MeterGone,
					..
				}
		),
		RuntimeEvent::Settlement(event) => matches!(
			event,
			Settlement::StatementIssued { .. }
				| Settlement::PeriodSettled { .. }
				| Settlement::StatementsPruned { .. }
				| Settlement::ClaimPaid { set_off: false, .. }
		),
		_ => false,
	}
}

/// Whether it comes of the order placed before.
fn follows_an_order(event: &pallet_order_book::Event<Runtime>) -> bool {
	match event {
		Orders::Trade { .. } | Orders::TradeOverLink { .. } => true,
		Orders::OrderCancelled { reason, .. } => {
			!matches!(reason, CancelReason::Cancelled | CancelReason::Replaced)
		}
		_ => false,
	}
}

/// Whether the transaction of the event at a place retired this meter before.
fn was_retired(events: &[Event], at: usize, meter: MeterId) -> bool {
	let Some(this) = events.get(at).and_then(extrinsic) else {
		return false;
	};
	events.iter().take(at).any(|event| {
		let retired = |retired: &MeterId| *retired == meter && extrinsic(event) == Some(this);
		matches!(
			&event.event,
			RuntimeEvent::MeterRegistry(Meters::MeterRetired { meter }) if retired(meter)
		)
	})
}

/// Whether the links removed at a place had their last period pruned: then nothing but their deposits came
/// between, as no transaction can do without at least its fee.
fn follows_pruning(events: &[Event], at: usize) -> bool {
	let before = events.iter().take(at).rev().map(|event| &event.event);
	let mut others = before.skip_while(|event| {
		matches!(
			event,
			RuntimeEvent::Balances(Balances::Released { .. })
				| RuntimeEvent::Microgrids(Microgrids::LinkRemoved { .. })
		)
	});
	matches!(
		others.next(),
		Some(RuntimeEvent::Microgrids(Microgrids::PeriodsPruned { .. }))
	)
}
