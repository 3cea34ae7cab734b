//! Events to be told.

use frame_system::Phase;
use gridweave_primitives::{
	market::Side, meter::Correction, Balance, LinkId, MeterId, OrderId, Period, Price, WattHours,
};
use gridweave_runtime::RuntimeEvent;
use pallet_order_book::{CancelReason, Event as Orders, NewOrder, TimeInForce};
use pallet_settlement::{
	types::{Creditor, Statement},
	Event as Settlement,
};

use super::{who, Event, GRID, PERIOD};

/// Events of a transaction.
pub fn of_transaction(
	number: u32,
	events: impl IntoIterator<Item = RuntimeEvent>,
) -> impl Iterator<Item = Event> {
	let phase = Phase::ApplyExtrinsic(number);
	events.into_iter().map(move |event| Event {
		phase: phase.clone(),
		event,
		topics: Vec::new(),
	})
}

pub fn success() -> RuntimeEvent {
	let dispatch_info = Default::default();
	RuntimeEvent::System(frame_system::Event::ExtrinsicSuccess { dispatch_info })
}

pub fn item_completed() -> RuntimeEvent {
	RuntimeEvent::Utility(pallet_utility::Event::ItemCompleted)
}

pub fn fee(seed: u8) -> RuntimeEvent {
	RuntimeEvent::Balances(pallet_balances::Event::Withdraw {
		who: who(seed),
		amount: 1,
	})
}

pub fn topped_up(seed: u8) -> RuntimeEvent {
	RuntimeEvent::Settlement(Settlement::ToppedUp {
		who: who(seed),
		amount: 9,
	})
}

pub fn placed(order: u64, seed: u8, standing: bool) -> RuntimeEvent {
	RuntimeEvent::OrderBook(Orders::OrderPlaced {
		order_id: OrderId(order),
		who: who(seed),
		microgrid: GRID,
		order: NewOrder {
			meter: MeterId(1),
			side: Side::Ask,
			period: PERIOD,
			energy: WattHours(10),
			limit_price: Price(5),
			time_in_force: TimeInForce::GoodUntilGate,
		},
		standing,
	})
}

pub fn cancelled(order: u64, reason: CancelReason) -> RuntimeEvent {
	RuntimeEvent::OrderBook(Orders::OrderCancelled {
		order_id: OrderId(order),
		who: who(1),
		meter: MeterId(1),
		energy: WattHours(4),
		reason,
	})
}

pub fn traded(taker: Option<Side>) -> RuntimeEvent {
	RuntimeEvent::OrderBook(Orders::Trade {
		microgrid: GRID,
		period: PERIOD,
		price: Price(5),
		energy: WattHours(6),
		taker,
		bid: OrderId(1),
		buyer: who(2),
		buyer_meter: MeterId(2),
		ask: OrderId(2),
		seller: who(1),
		seller_meter: MeterId(1),
	})
}

pub fn arrears_paid(seed: u8) -> RuntimeEvent {
	RuntimeEvent::Settlement(Settlement::ArrearsPaid {
		who: who(seed),
		microgrid: GRID,
		amount: 3,
		left: 0,
	})
}

pub fn claim_paid(seed: u8, set_off: bool) -> RuntimeEvent {
	RuntimeEvent::Settlement(Settlement::ClaimPaid {
		microgrid: GRID,
		creditor: Creditor::Member(who(seed)),
		amount: 3,
		left: 0,
		set_off,
	})
}

pub fn billed(seed: u8, period: Period) -> RuntimeEvent {
	RuntimeEvent::Settlement(Settlement::StatementIssued {
		microgrid: GRID,
		period,
		meter: MeterId(seed.into()),
		statement: Statement {
			account: who(seed),
			provenance: None,
			import: WattHours(0),
			export: WattHours(0),
			contracts: Default::default(),
			split: Default::default(),
			prices: Default::default(),
			amount: 0,
		},
	})
}

pub fn corrected(seed: u8, period: u32, amount: i128) -> RuntimeEvent {
	RuntimeEvent::Settlement(Settlement::CorrectionSettled {
		meter: MeterId(1),
		period: Period(period),
		account: who(seed),
		correction: Correction {
			import: amount as i64,
			export: 0,
		},
		amount,
	})
}

pub fn link_removed(link: u32) -> RuntimeEvent {
	RuntimeEvent::Microgrids(pallet_microgrids::Event::LinkRemoved { link: LinkId(link) })
}

pub fn pruned() -> RuntimeEvent {
	RuntimeEvent::Microgrids(pallet_microgrids::Event::PeriodsPruned {
		microgrid: GRID,
		first: Period(1),
		last: Period(1),
	})
}

pub fn released() -> RuntimeEvent {
	RuntimeEvent::Balances(pallet_balances::Event::Released {
		reason: pallet_microgrids::HoldReason::Link.into(),
		who: who(1),
		amount: Balance::default(),
	})
}
