//! What the runtime knows, as records tell it.

use gridweave_primitives::{
	link::LinkTerms,
	market::Side,
	meter::{MeterKind, MeterState, Provenance},
	microgrid::{Mechanism, ResidualRule, Terms},
	PeriodClock,
};
use gridweave_runtime::{AccountId, RuntimeError};
use pallet_microgrids::LinkStage;
use pallet_order_book::{CancelReason, EndReason, MarketData, Quantity, TimeInForce};
use pallet_settlement::{
	bill::{Contracts, Prices},
	split::Split,
	types::{Creditor, Exchange, MeterTotals, PeriodSummary, Statement},
};
use sp_core::crypto::{Ss58AddressFormat, Ss58Codec};
use sp_runtime::DispatchError;

use crate::record::{self, Owed, Planck};

/// The prefix of addresses that belongs to no chain, as the node's RPC has it.
const GENERIC: u16 = 42;

/// An account's address.
pub fn account(who: &AccountId) -> String {
	who.to_ss58check_with_version(Ss58AddressFormat::custom(GENERIC))
}

/// An error's name, with that of its pallet.
pub fn error(error: DispatchError) -> String {
	let named = match RuntimeError::from_dispatch_error(error) {
		Some(named) => format!("{named:?}"),
		None => format!("{error:?}"),
	};
	named.trim_end_matches(')').replace('(', ".")
}

impl From<PeriodClock> for record::Clock {
	fn from(clock: PeriodClock) -> Self {
		Self {
			period_length: clock.period_length,
			grace: clock.grace,
			retention: clock.retention,
		}
	}
}

impl From<Side> for record::Side {
	fn from(side: Side) -> Self {
		match side {
			Side::Bid => Self::Bid,
			Side::Ask => Self::Ask,
		}
	}
}

impl From<TimeInForce> for record::TimeInForce {
	fn from(time: TimeInForce) -> Self {
		match time {
			TimeInForce::GoodUntilGate => Self::GoodUntilGate,
			TimeInForce::ImmediateOrCancel => Self::ImmediateOrCancel,
			TimeInForce::FillOrKill => Self::FillOrKill,
		}
	}
}

/// Why the market cancelled an order; or, if its owner did, whether to replace it.
pub fn cancel_reason(reason: CancelReason) -> Result<record::CancelReason, bool> {
	use record::CancelReason as Told;
	Ok(match reason {
		CancelReason::Cancelled => return Err(false),
		CancelReason::Replaced => return Err(true),
		CancelReason::GateClosed => Told::GateClosed,
		CancelReason::ImmediateOrCancel => Told::ImmediateOrCancel,
		CancelReason::SelfTrade => Told::SelfTrade,
		CancelReason::FillLimit => Told::FillLimit,
		CancelReason::Quarantined => Told::Quarantined,
		CancelReason::LinkRemainder => Told::LinkRemainder,
	})
}

impl From<EndReason> for record::StandingEnd {
	fn from(reason: EndReason) -> Self {
		match reason {
			EndReason::Cancelled => Self::Cancelled,
			EndReason::Unpaid => Self::Unpaid,
			EndReason::MeterGone => Self::MeterGone,
		}
	}
}

impl From<Quantity> for record::Quantity {
	fn from(quantity: Quantity) -> Self {
		match quantity {
			Quantity::Fixed(energy) => Self::Fixed(energy.0),
			Quantity::Above { keep, most } => Self::Above {
				keep: keep.0,
				most: most.map(|most| most.0),
			},
		}
	}
}

impl From<MarketData> for record::Market {
	fn from(market: MarketData) -> Self {
		Self {
			volume: market.volume.0,
			value: Planck(market.value),
			last_price: market.last_price.map(|price| price.0),
			trades: market.trades,
		}
	}
}

impl From<Terms> for record::Terms {
	fn from(terms: Terms) -> Self {
		let rules = terms.rules;
		Self {
			retail_price: terms.retail_price.0,
			feed_in_price: terms.feed_in_price.0,
			mechanism: match rules.mechanism {
				Mechanism::Continuous => record::Mechanism::Continuous,
				Mechanism::CallAuction => record::Mechanism::CallAuction,
			},
			price_floor: rules.price_floor.0,
			price_cap: rules.price_cap.0,
			min_quantity: rules.min_quantity.0,
			gate_closure: rules.gate_closure,
			fee: rules.fee.0,
			residual: match terms.residual {
				ResidualRule::Tariff => record::Residual::Tariff,
				ResidualRule::Pool { spread } => record::Residual::Pool {
					spread: spread.deconstruct(),
				},
			},
		}
	}
}

impl From<LinkTerms> for record::LinkTerms {
	fn from(terms: LinkTerms) -> Self {
		Self {
			from: terms.from.0,
			to: terms.to.0,
			loss: terms.loss.deconstruct(),
			capacity: terms.capacity.0,
			wheeling_fee: terms.wheeling_fee.0,
			min_quantity: terms.min_quantity.0,
		}
	}
}

impl From<LinkStage> for record::LinkStage {
	fn from(stage: LinkStage) -> Self {
		match stage {
			LinkStage::Proposed { awaits } => Self::Proposed { awaits: awaits.0 },
			LinkStage::Open { first, until } => Self::Open {
				first: first.0,
				until: until.map(|until| until.0),
			},
		}
	}
}

impl From<MeterKind> for record::Kind {
	fn from(kind: MeterKind) -> Self {
		match kind {
			MeterKind::Consumer => Self::Consumer,
			MeterKind::Producer { .. } => Self::Producer,
			MeterKind::Prosumer => Self::Prosumer,
			MeterKind::Storage { capacity } => Self::Storage {
				capacity: capacity.0,
			},
			MeterKind::Feeder => Self::Feeder,
		}
	}
}

impl From<MeterState> for record::MeterState {
	fn from(state: MeterState) -> Self {
		match state {
			MeterState::Registered => Self::Registered,
			MeterState::Admitted => Self::Admitted,
			MeterState::Active => Self::Active,
			MeterState::Retired => Self::Retired,
		}
	}
}

impl From<Provenance> for record::Provenance {
	fn from(provenance: Provenance) -> Self {
		match provenance {
			Provenance::Measured => Self::Measured,
			Provenance::Estimated => Self::Estimated,
			Provenance::Corrected => Self::Corrected,
		}
	}
}

impl From<&Creditor<AccountId>> for record::Creditor {
	fn from(creditor: &Creditor<AccountId>) -> Self {
		match creditor {
			Creditor::Member(who) => Self::Member(account(who)),
			Creditor::Fund => Self::Fund,
		}
	}
}

impl From<Contracts> for record::Contracts {
	fn from(contracts: Contracts) -> Self {
		Self {
			sold: contracts.sold.0,
			bought: contracts.bought.0,
			receivable: Planck(contracts.receivable),
			payable: Planck(contracts.payable),
			paid: Planck(contracts.paid),
			fee: Planck(contracts.fee),
		}
	}
}

impl From<Split> for record::Split {
	fn from(split: Split) -> Self {
		Self {
			delivered: split.delivered.0,
			shortfall: split.shortfall.0,
			consumed: split.consumed.0,
			excess: split.excess.0,
			surplus: split.surplus.0,
			need: split.need.0,
		}
	}
}

impl From<Prices> for record::Prices {
	fn from(prices: Prices) -> Self {
		let (members, operator) = (prices.residual.members, prices.residual.operator);
		Self {
			retail: prices.retail.0,
			feed_in: prices.feed_in.0,
			sell: members.sell.0,
			buy: members.buy.0,
			operator_sell: operator.sell.0,
			operator_buy: operator.buy.0,
		}
	}
}

impl From<&Statement<AccountId>> for record::Bill {
	fn from(bill: &Statement<AccountId>) -> Self {
		Self {
			account: account(&bill.account),
			provenance: bill.provenance.map(Into::into),
			import: bill.import.0,
			export: bill.export.0,
			contracts: bill.contracts.into(),
			split: bill.split.into(),
			prices: bill.prices.into(),
			amount: Owed(bill.amount),
		}
	}
}

impl From<Exchange> for record::Exchange {
	fn from(exchange: Exchange) -> Self {
		Self {
			sent: exchange.sent.0,
			received: exchange.received.0,
			proceeds: Planck(exchange.proceeds),
			payments: Planck(exchange.payments),
		}
	}
}

impl From<PeriodSummary> for record::PeriodSummary {
	fn from(sums: PeriodSummary) -> Self {
		Self {
			meters: sums.meters,
			estimated: sums.estimated,
			import: sums.import.0,
			export: sums.export.0,
			contracted: sums.contracted.0,
			trade_value: Planck(sums.trade_value),
			split: record::Split {
				delivered: sums.delivered.0,
				shortfall: sums.shortfall.0,
				consumed: sums.consumed.0,
				excess: sums.excess.0,
				surplus: sums.surplus.0,
				need: sums.need.0,
			},
			prices: sums.prices.into(),
			fees: Planck(sums.fees),
			members: Owed(sums.members),
			operator: Owed(sums.operator),
			fund: Planck(sums.fund),
			links: sums.links.into(),
		}
	}
}

impl From<MeterTotals> for record::MeterTotals {
	fn from(totals: MeterTotals) -> Self {
		Self {
			periods: totals.periods,
			import: totals.import.0,
			export: totals.export.0,
			sold: totals.sold.0,
			bought: totals.bought.0,
			shortfall: totals.shortfall.0,
			excess: totals.excess.0,
			surplus: totals.surplus.0,
			need: totals.need.0,
			fees: Planck(totals.fees),
			amount: Owed(totals.amount),
		}
	}
}
