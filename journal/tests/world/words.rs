//! The chain's words in the model's, and back.

use codec::Decode;
use gridweave_primitives::{
	link::LinkTerms,
	market,
	meter::{self, MeterKind, Provenance},
	microgrid::{MarketRules, Mechanism, ResidualRule, Terms},
	LinkId, MeterId, MicrogridId, OrderId, Period, Price, WattHours, Watts,
};
use gridweave_runtime::{AccountId, Runtime, RuntimeCall, RuntimeEvent};
use pallet_balances::Event as Money;
use pallet_meter_registry::Event as Registry;
use pallet_microgrids::Event as Grids;
use pallet_order_book::{CancelReason, EndReason, Event as Book, Instruction, TimeInForce};
use pallet_settlement::{types as house, Event as House};
use sp_runtime::{AccountId32, DispatchError, Permill};

use crate::model::types as my;

pub fn who(account: &AccountId) -> my::Who {
	my::Who(*<AccountId32 as AsRef<[u8; 32]>>::as_ref(account))
}

pub fn account(who: my::Who) -> AccountId {
	AccountId::from(who.0)
}

/// The name of an error, as in the metadata.
pub fn error(error: &DispatchError) -> String {
	let DispatchError::Module(module) = error else {
		return match error {
			DispatchError::Token(token) => format!("{token:?}"),
			other => format!("{other:?}"),
		};
	};
	let bytes = &mut &module.error[..];
	match module.index {
		40 => format!("{:?}", pallet_microgrids::Error::<Runtime>::decode(bytes)),
		41 => format!(
			"{:?}",
			pallet_meter_registry::Error::<Runtime>::decode(bytes)
		),
		42 => format!("{:?}", pallet_order_book::Error::<Runtime>::decode(bytes)),
		43 => format!("{:?}", pallet_settlement::Error::<Runtime>::decode(bytes)),
		_ => format!("Ok({error:?})"),
	}
	.trim_start_matches("Ok(")
	.trim_end_matches(')')
	.into()
}

pub fn side(side: market::Side) -> my::Side {
	match side {
		market::Side::Bid => my::Side::Bid,
		market::Side::Ask => my::Side::Ask,
	}
}

pub fn to_side(side: my::Side) -> market::Side {
	match side {
		my::Side::Bid => market::Side::Bid,
		my::Side::Ask => market::Side::Ask,
	}
}

fn new_order(order: &pallet_order_book::NewOrder) -> my::NewOrder {
	my::NewOrder {
		meter: order.meter.0,
		side: side(order.side),
		period: order.period.0,
		energy: order.energy.0,
		limit: order.limit_price.0,
		force: match order.time_in_force {
			TimeInForce::GoodUntilGate => my::Force::Gate,
			TimeInForce::ImmediateOrCancel => my::Force::Immediate,
			TimeInForce::FillOrKill => my::Force::FillOrKill,
		},
	}
}

fn to_new_order(order: &my::NewOrder) -> pallet_order_book::NewOrder {
	pallet_order_book::NewOrder {
		meter: MeterId(order.meter),
		side: to_side(order.side),
		period: Period(order.period),
		energy: WattHours(order.energy),
		limit_price: Price(order.limit),
		time_in_force: match order.force {
			my::Force::Gate => TimeInForce::GoodUntilGate,
			my::Force::Immediate => TimeInForce::ImmediateOrCancel,
			my::Force::FillOrKill => TimeInForce::FillOrKill,
		},
	}
}

pub fn terms(terms: &Terms) -> my::Terms {
	my::Terms {
		retail: terms.retail_price.0,
		feed_in: terms.feed_in_price.0,
		auction: terms.rules.mechanism == Mechanism::CallAuction,
		floor: terms.rules.price_floor.0,
		cap: terms.rules.price_cap.0,
		least: terms.rules.min_quantity.0,
		gate_closure: terms.rules.gate_closure,
		fee: terms.rules.fee.0,
		spread: match terms.residual {
			ResidualRule::Tariff => None,
			ResidualRule::Pool { spread } => Some(spread.deconstruct()),
		},
	}
}

pub fn to_terms(terms: &my::Terms) -> Terms {
	Terms {
		retail_price: Price(terms.retail),
		feed_in_price: Price(terms.feed_in),
		rules: MarketRules {
			mechanism: match terms.auction {
				true => Mechanism::CallAuction,
				false => Mechanism::Continuous,
			},
			price_floor: Price(terms.floor),
			price_cap: Price(terms.cap),
			min_quantity: WattHours(terms.least),
			gate_closure: terms.gate_closure,
			fee: Price(terms.fee),
		},
		residual: match terms.spread {
			None => ResidualRule::Tariff,
			Some(spread) => ResidualRule::Pool {
				spread: Permill::from_parts(spread),
			},
		},
	}
}

fn link_terms(terms: &LinkTerms) -> my::LinkTerms {
	my::LinkTerms {
		from: terms.from.0,
		to: terms.to.0,
		loss: terms.loss.deconstruct(),
		capacity: terms.capacity.0,
		wheeling: terms.wheeling_fee.0,
		least: terms.min_quantity.0,
	}
}

fn to_link_terms(terms: &my::LinkTerms) -> LinkTerms {
	LinkTerms {
		from: MicrogridId(terms.from),
		to: MicrogridId(terms.to),
		loss: Permill::from_parts(terms.loss),
		capacity: WattHours(terms.capacity),
		wheeling_fee: Price(terms.wheeling),
		min_quantity: WattHours(terms.least),
	}
}

fn kind(kind: &MeterKind) -> my::Kind {
	match kind {
		MeterKind::Storage { capacity } => my::Kind::Storage(capacity.0),
		MeterKind::Feeder => my::Kind::Feeder,
		_ => my::Kind::Plain,
	}
}

pub fn to_kind(kind: my::Kind) -> MeterKind {
	match kind {
		my::Kind::Plain => MeterKind::Prosumer,
		my::Kind::Storage(capacity) => MeterKind::Storage {
			capacity: WattHours(capacity),
		},
		my::Kind::Feeder => MeterKind::Feeder,
	}
}

fn ratings(ratings: &meter::Ratings) -> my::Ratings {
	my::Ratings {
		import: ratings.max_import.0,
		export: ratings.max_export.0,
	}
}

pub fn to_ratings(ratings: my::Ratings) -> meter::Ratings {
	meter::Ratings {
		max_import: Watts(ratings.import),
		max_export: Watts(ratings.export),
	}
}

fn reason(reason: CancelReason) -> my::Reason {
	match reason {
		CancelReason::Cancelled => my::Reason::Cancelled,
		CancelReason::Replaced => my::Reason::Replaced,
		CancelReason::GateClosed => my::Reason::GateClosed,
		CancelReason::ImmediateOrCancel => my::Reason::Immediate,
		CancelReason::SelfTrade => my::Reason::SelfTrade,
		CancelReason::FillLimit => my::Reason::FillLimit,
		CancelReason::Quarantined => my::Reason::Quarantined,
		CancelReason::LinkRemainder => my::Reason::LinkRemainder,
	}
}

fn quantity(quantity: pallet_order_book::Quantity) -> my::Quantity {
	match quantity {
		pallet_order_book::Quantity::Fixed(energy) => my::Quantity::Fixed(energy.0),
		pallet_order_book::Quantity::Above { keep, most } => my::Quantity::Above {
			keep: keep.0,
			most: most.map(|most| most.0),
		},
	}
}

fn to_quantity(quantity: my::Quantity) -> pallet_order_book::Quantity {
	match quantity {
		my::Quantity::Fixed(energy) => pallet_order_book::Quantity::Fixed(WattHours(energy)),
		my::Quantity::Above { keep, most } => pallet_order_book::Quantity::Above {
			keep: WattHours(keep),
			most: most.map(WattHours),
		},
	}
}

pub fn creditor(creditor: &house::Creditor<AccountId>) -> my::Creditor {
	match creditor {
		house::Creditor::Member(account) => my::Creditor::Member(who(account)),
		house::Creditor::Fund => my::Creditor::Fund,
	}
}

pub fn contracts(contracts: &pallet_settlement::bill::Contracts) -> my::Contracts {
	my::Contracts {
		sold: contracts.sold.0,
		bought: contracts.bought.0,
		receivable: contracts.receivable,
		payable: contracts.payable,
		paid: contracts.paid,
		fee: contracts.fee,
	}
}

fn split(split: &pallet_settlement::split::Split) -> my::Split {
	my::Split {
		delivered: split.delivered.0,
		shortfall: split.shortfall.0,
		consumed: split.consumed.0,
		excess: split.excess.0,
		surplus: split.surplus.0,
		need: split.need.0,
	}
}

fn prices(prices: &pallet_settlement::bill::Prices) -> my::Prices {
	my::Prices {
		retail: prices.retail.0,
		feed_in: prices.feed_in.0,
		sell: prices.residual.members.sell.0,
		buy: prices.residual.members.buy.0,
		base_sell: prices.residual.operator.sell.0,
		base_buy: prices.residual.operator.buy.0,
	}
}

fn statement(statement: &house::Statement<AccountId>) -> my::Statement {
	my::Statement {
		account: who(&statement.account),
		source: statement.provenance.map(|provenance| match provenance {
			Provenance::Measured => my::Source::Measured,
			Provenance::Estimated => my::Source::Estimated,
			Provenance::Corrected => my::Source::Corrected,
		}),
		import: statement.import.0,
		export: statement.export.0,
		contracts: contracts(&statement.contracts),
		split: split(&statement.split),
		prices: prices(&statement.prices),
		amount: statement.amount,
	}
}

pub fn exchange(exchange: &house::Exchange) -> my::Exchange {
	my::Exchange {
		sent: exchange.sent.0,
		received: exchange.received.0,
		proceeds: exchange.proceeds,
		payments: exchange.payments,
	}
}

fn summary(sums: &house::PeriodSummary) -> my::Summary {
	my::Summary {
		meters: sums.meters,
		estimated: sums.estimated,
		import: sums.import.0,
		export: sums.export.0,
		contracted: sums.contracted.0,
		trade_value: sums.trade_value,
		split: my::Split {
			delivered: sums.delivered.0,
			shortfall: sums.shortfall.0,
			consumed: sums.consumed.0,
			excess: sums.excess.0,
			surplus: sums.surplus.0,
			need: sums.need.0,
		},
		prices: prices(&sums.prices),
		fees: sums.fees,
		members: sums.members,
		operator: sums.operator,
		fund: sums.fund,
		links: exchange(&sums.links),
	}
}

pub fn totals(totals: &house::MeterTotals) -> my::Totals {
	my::Totals {
		periods: totals.periods,
		import: totals.import.0,
		export: totals.export.0,
		sold: totals.sold.0,
		bought: totals.bought.0,
		shortfall: totals.shortfall.0,
		excess: totals.excess.0,
		surplus: totals.surplus.0,
		need: totals.need.0,
		fees: totals.fees,
		amount: totals.amount,
	}
}

/// An event as a record; `None` if it is none of the market's. Money that is taken and given back is only of interest
/// where `tasks` do it.
pub fn record(event: &RuntimeEvent, tasks: bool) -> Option<my::Rec> {
	Some(match event {
		RuntimeEvent::Balances(Money::Withdraw { who: of, amount }) if tasks => my::Rec::Charged {
			who: who(of),
			amount: *amount,
		},
		RuntimeEvent::Balances(Money::Deposit { who: of, amount }) if tasks => my::Rec::GivenBack {
			who: who(of),
			amount: *amount,
		},
		RuntimeEvent::Microgrids(event) => grids(event)?,
		RuntimeEvent::MeterRegistry(event) => registry(event)?,
		RuntimeEvent::OrderBook(event) => book(event)?,
		RuntimeEvent::Settlement(event) => money(event)?,
		_ => return None,
	})
}

fn grids(event: &Grids<Runtime>) -> Option<my::Rec> {
	use my::Rec;
	Some(match event {
		Grids::MicrogridCreated {
			microgrid,
			operator,
			deposit,
			terms: of,
		} => Rec::GridCreated {
			grid: microgrid.0,
			operator: who(operator),
			terms: terms(of),
			deposit: *deposit,
		},
		Grids::TermsChanged {
			microgrid,
			terms: of,
			..
		} => Rec::TermsChanged {
			grid: microgrid.0,
			terms: terms(of),
		},
		Grids::OperatorOffered {
			microgrid,
			successor,
		} => Rec::OperatorOffered {
			grid: microgrid.0,
			to: who(successor),
		},
		Grids::OfferWithdrawn {
			microgrid,
			successor,
		} => Rec::OfferWithdrawn {
			grid: microgrid.0,
			to: who(successor),
		},
		Grids::OperatorChanged {
			microgrid,
			old,
			new,
		} => Rec::OperatorChanged {
			grid: microgrid.0,
			old: who(old),
			new: who(new),
		},
		Grids::PeriodsOpened {
			microgrid,
			first,
			last,
		} => Rec::PeriodsOpened {
			grid: microgrid.0,
			first: first.0,
			last: last.0,
		},
		Grids::PeriodsSkipped {
			microgrid,
			first,
			last,
		} => Rec::PeriodsSkipped {
			grid: microgrid.0,
			first: first.0,
			last: last.0,
		},
		Grids::PeriodsPruned {
			microgrid,
			first,
			last,
		} => Rec::PeriodsPruned {
			grid: microgrid.0,
			first: first.0,
			last: last.0,
		},
		Grids::LinkProposed {
			link,
			operator,
			terms,
			deposit,
		} => Rec::LinkProposed {
			link: link.0,
			operator: who(operator),
			terms: link_terms(terms),
			deposit: *deposit,
		},
		Grids::LinkOpened { link, first } => Rec::LinkOpened {
			link: link.0,
			first: first.0,
		},
		Grids::LinkClosed { link, until } => Rec::LinkClosed {
			link: link.0,
			until: until.0,
		},
		Grids::LinkRemoved { link } => Rec::LinkRemoved { link: link.0 },
		_ => return None,
	})
}

fn registry(event: &Registry<Runtime>) -> Option<my::Rec> {
	use my::Rec;
	Some(match event {
		Registry::MeterRegistered {
			meter,
			microgrid,
			owner,
			kind: of,
			..
		} => Rec::MeterRegistered {
			meter: meter.0,
			grid: microgrid.0,
			owner: who(owner),
			kind: kind(of),
		},
		Registry::MeterAdmitted { meter, ratings: of } => Rec::MeterAdmitted {
			meter: meter.0,
			ratings: ratings(of),
		},
		Registry::MeterRetired { meter } => Rec::MeterRetired { meter: meter.0 },
		Registry::MeterFreed {
			meter,
			owner,
			deposit,
		} => Rec::MeterFreed {
			meter: meter.0,
			owner: who(owner),
			deposit: *deposit,
		},
		Registry::MeterOffered { meter, to } => Rec::MeterOffered {
			meter: meter.0,
			to: to.as_ref().map(who),
		},
		Registry::MeterTransferred { meter, from, to } => Rec::MeterTransferred {
			meter: meter.0,
			from: who(from),
			to: who(to),
		},
		Registry::ReadingsAccepted {
			accepted,
			stale,
			deferred,
			..
		} => Rec::Readings {
			accepted: *accepted,
			stale: *stale,
			deferred: *deferred,
		},
		Registry::EnergySuspended {
			meter,
			import,
			export,
		} => Rec::Suspended {
			meter: meter.0,
			import: import.0,
			export: export.0,
		},
		Registry::RegisterRolledBack {
			meter,
			import,
			export,
		} => Rec::RolledBack {
			meter: meter.0,
			import: *import,
			export: *export,
		},
		_ => return None,
	})
}

fn book(event: &Book<Runtime>) -> Option<my::Rec> {
	use my::Rec;
	Some(match event {
		Book::OrderPlaced {
			order_id,
			who: of,
			microgrid,
			order,
			standing,
		} => Rec::Placed {
			order: order_id.0,
			who: who(of),
			grid: microgrid.0,
			what: new_order(order),
			standing: *standing,
		},
		Book::OrderRefused {
			who: of,
			index,
			error: why,
		} => Rec::Refused {
			who: who(of),
			index: *index,
			error: error(why),
		},
		Book::Trade {
			microgrid,
			period,
			price,
			energy,
			taker,
			bid,
			buyer,
			buyer_meter,
			ask,
			seller,
			seller_meter,
		} => Rec::Trade {
			grid: microgrid.0,
			period: period.0,
			price: price.0,
			energy: energy.0,
			taker: taker.map(side),
			bid: bid.0,
			buyer: who(buyer),
			buyer_meter: buyer_meter.0,
			ask: ask.0,
			seller: who(seller),
			seller_meter: seller_meter.0,
		},
		Book::TradeOverLink {
			link,
			period,
			price,
			sent,
			received,
			value,
			wheeling_fee,
			taker,
			bid,
			buyer,
			buyer_meter,
			to,
			ask,
			seller,
			seller_meter,
			from,
		} => Rec::TradeOverLink {
			link: link.0,
			period: period.0,
			price: price.0,
			sent: sent.0,
			received: received.0,
			value: *value,
			wheeling: *wheeling_fee,
			taker: side(*taker),
			bid: bid.0,
			buyer: who(buyer),
			buyer_meter: buyer_meter.0,
			to: to.0,
			ask: ask.0,
			seller: who(seller),
			seller_meter: seller_meter.0,
			from: from.0,
		},
		Book::OrderCancelled {
			order_id,
			who: of,
			meter,
			energy,
			reason: why,
		} => Rec::Cancelled {
			order: order_id.0,
			who: who(of),
			meter: meter.0,
			energy: energy.0,
			reason: reason(*why),
		},
		Book::OrderReduced {
			order_id,
			who: of,
			meter,
			remaining,
		} => Rec::Reduced {
			order: order_id.0,
			who: who(of),
			meter: meter.0,
			left: remaining.0,
		},
		Book::CouplingAccepted {
			period,
			gain,
			nets,
			carried,
			..
		} => Rec::Coupled {
			period: period.0,
			gain: *gain,
			nets: nets
				.iter()
				.map(|net| (net.microgrid.0, net.price.0, net.import.0, net.export.0))
				.collect(),
			links: carried
				.iter()
				.map(|one| {
					let (sent, received) = (one.sent.0, one.received.0);
					(one.link.0, sent, received, one.wheeling, one.earns)
				})
				.collect(),
		},
		Book::CoupledFill {
			microgrid,
			period,
			side: on,
			price,
			energy,
			order_id,
			who: of,
			meter,
		} => Rec::CoupledFill {
			grid: microgrid.0,
			period: period.0,
			side: side(*on),
			price: price.0,
			energy: energy.0,
			order: order_id.0,
			who: who(of),
			meter: meter.0,
		},
		Book::LinkCarried {
			link,
			period,
			sent,
			received,
			operator,
			earned,
		} => Rec::LinkCarried {
			link: link.0,
			period: period.0,
			sent: sent.0,
			received: received.0,
			operator: who(operator),
			earned: *earned,
		},
		Book::AuctionCleared {
			microgrid,
			period,
			price,
			volume,
		} => Rec::AuctionCleared {
			grid: microgrid.0,
			period: period.0,
			price: price.0,
			volume: volume.0,
		},
		Book::AuctionAbandoned {
			microgrid,
			period,
			left,
			error: why,
		} => Rec::AuctionAbandoned {
			grid: microgrid.0,
			period: period.0,
			left: left.0,
			error: error(why),
		},
		Book::MarketClosed {
			microgrid,
			period,
			market,
		} => Rec::MarketClosed {
			grid: microgrid.0,
			period: period.0,
			market: my::Market {
				volume: market.volume.0,
				value: market.value,
				last: market.last_price.map(|price| price.0),
				trades: market.trades,
			},
		},
		Book::StandingOrderSet {
			who: of,
			meter,
			side: on,
			instruction,
		} => Rec::StandingSet {
			who: who(of),
			meter: meter.0,
			side: side(*on),
			limit: instruction.limit_price.0,
			quantity: quantity(instruction.quantity),
		},
		Book::StandingOrderEnded {
			who: of,
			meter,
			side: on,
			reason,
		} => Rec::StandingEnded {
			who: who(of),
			meter: meter.0,
			side: side(*on),
			reason: match reason {
				EndReason::Cancelled => my::Ended::Cancelled,
				EndReason::Unpaid => my::Ended::Unpaid,
				EndReason::MeterGone => my::Ended::MeterGone,
			},
		},
		Book::StandingOrderRefused {
			who: of,
			meter,
			side: on,
			period,
			error: why,
		} => Rec::StandingRefused {
			who: who(of),
			meter: meter.0,
			side: side(*on),
			period: period.0,
			error: error(why),
		},
		Book::StandingOrdersSkipped {
			microgrid,
			period,
			orders,
		} => Rec::StandingSkipped {
			grid: microgrid.0,
			period: period.0,
			orders: *orders,
		},
		_ => return None,
	})
}

fn money(event: &House<Runtime>) -> Option<my::Rec> {
	use my::Rec;
	Some(match event {
		House::ToppedUp { who: of, amount } => Rec::ToppedUp {
			who: who(of),
			amount: *amount,
		},
		House::Withdrawn { who: of, amount } => Rec::Withdrawn {
			who: who(of),
			amount: *amount,
		},
		House::StatementIssued {
			microgrid,
			period,
			meter,
			statement: bill,
		} => Rec::Bill {
			grid: microgrid.0,
			period: period.0,
			meter: meter.0,
			statement: statement(bill),
		},
		House::PeriodSettled {
			microgrid,
			period,
			summary: sums,
		} => Rec::Settled {
			grid: microgrid.0,
			period: period.0,
			summary: summary(sums),
		},
		House::CorrectionSettled {
			meter,
			period,
			account,
			correction,
			amount,
		} => Rec::Corrected {
			meter: meter.0,
			period: period.0,
			account: who(account),
			import: correction.import,
			export: correction.export,
			amount: *amount,
		},
		House::ArrearsGrew {
			who: of,
			microgrid,
			amount,
			total,
		} => Rec::ArrearsGrew {
			who: who(of),
			grid: microgrid.0,
			amount: *amount,
			total: *total,
		},
		House::ArrearsPaid {
			who: of,
			microgrid,
			amount,
			left,
		} => Rec::ArrearsPaid {
			who: who(of),
			grid: microgrid.0,
			amount: *amount,
			left: *left,
		},
		House::ClaimRecorded {
			microgrid,
			creditor: whom,
			amount,
			total,
		} => Rec::ClaimRecorded {
			grid: microgrid.0,
			creditor: creditor(whom),
			amount: *amount,
			total: *total,
		},
		House::ClaimPaid {
			microgrid,
			creditor: whom,
			amount,
			left,
			set_off,
		} => Rec::ClaimPaid {
			grid: microgrid.0,
			creditor: creditor(whom),
			amount: *amount,
			left: *left,
			set_off: *set_off,
		},
		House::FundSpent {
			microgrid,
			beneficiary,
			amount,
		} => Rec::FundSpent {
			grid: microgrid.0,
			beneficiary: who(beneficiary),
			amount: *amount,
		},
		House::StatementsPruned { microgrid, period } => Rec::StatementsPruned {
			grid: microgrid.0,
			period: period.0,
		},
		House::TotalsClosed { meter, totals: of } => Rec::TotalsClosed {
			meter: meter.0,
			totals: totals(of),
		},
		_ => return None,
	})
}

/// A call as the chain takes it. Registrations and readings need signatures of devices: they are made elsewhere.
pub fn call(call: &my::Call) -> RuntimeCall {
	use pallet_meter_registry::Call as Registry;
	use pallet_microgrids::Call as Grids;
	use pallet_order_book::Call as Book;
	use pallet_settlement::Call as House;
	let grids = |call: Grids<Runtime>| RuntimeCall::Microgrids(call);
	let registry = |call: Registry<Runtime>| RuntimeCall::MeterRegistry(call);
	let book = |call: Book<Runtime>| RuntimeCall::OrderBook(call);
	let house = |call: House<Runtime>| RuntimeCall::Settlement(call);
	match call {
		my::Call::CreateGrid { operator, terms } => grids(Grids::create_microgrid {
			operator: account(*operator),
			terms: to_terms(terms),
		}),
		my::Call::SetTerms { grid, terms } => grids(Grids::set_terms {
			microgrid: MicrogridId(*grid),
			terms: to_terms(terms),
		}),
		my::Call::OfferOperator { grid, to } => grids(Grids::offer_operator {
			microgrid: MicrogridId(*grid),
			successor: account(*to),
		}),
		my::Call::WithdrawOffer { grid } => grids(Grids::withdraw_offer {
			microgrid: MicrogridId(*grid),
		}),
		my::Call::AcceptOperator { grid } => grids(Grids::accept_operator {
			microgrid: MicrogridId(*grid),
		}),
		my::Call::ProposeLink(terms) => grids(Grids::propose_link {
			terms: to_link_terms(terms),
		}),
		my::Call::AcceptLink(link) => grids(Grids::accept_link {
			link: LinkId(*link),
		}),
		my::Call::CloseLink(link) => grids(Grids::close_link {
			link: LinkId(*link),
		}),
		my::Call::Register { .. } | my::Call::Readings(_) => unreachable!("made elsewhere"),
		my::Call::Admit { meter, ratings } => registry(Registry::admit_meter {
			meter: MeterId(*meter),
			ratings: to_ratings(*ratings),
		}),
		my::Call::Retire(meter) => registry(Registry::retire_meter {
			meter: MeterId(*meter),
		}),
		my::Call::OfferMeter { meter, to } => registry(Registry::offer_meter {
			meter: MeterId(*meter),
			to: to.map(account),
		}),
		my::Call::AcceptMeter(meter) => registry(Registry::accept_meter {
			meter: MeterId(*meter),
		}),
		my::Call::Place(order) => book(Book::place_order {
			order: to_new_order(order),
		}),
		my::Call::PlaceMany(orders) => {
			let orders: Vec<_> = orders.iter().map(to_new_order).collect();
			book(Book::place_orders {
				orders: orders.try_into().expect("few"),
			})
		}
		my::Call::Cancel(order) => book(Book::cancel_order {
			order_id: OrderId(*order),
		}),
		my::Call::Reduce { order, energy } => book(Book::reduce_order {
			order_id: OrderId(*order),
			energy: WattHours(*energy),
		}),
		my::Call::Replace {
			order,
			energy,
			limit,
		} => book(Book::replace_order {
			order_id: OrderId(*order),
			energy: WattHours(*energy),
			limit_price: Price(*limit),
		}),
		my::Call::SetStanding {
			meter,
			side,
			limit,
			quantity,
		} => book(Book::set_standing_order {
			meter: MeterId(*meter),
			side: to_side(*side),
			instruction: Instruction {
				limit_price: Price(*limit),
				quantity: to_quantity(*quantity),
			},
		}),
		my::Call::CancelStanding { meter, side } => book(Book::cancel_standing_order {
			meter: MeterId(*meter),
			side: to_side(*side),
		}),
		my::Call::TopUp(amount) => house(House::top_up { amount: *amount }),
		my::Call::Withdraw(amount) => house(House::withdraw { amount: *amount }),
		my::Call::PayArrears { grid, amount } => house(House::pay_arrears {
			microgrid: MicrogridId(*grid),
			amount: *amount,
		}),
		my::Call::SpendFund {
			grid,
			beneficiary,
			amount,
		} => house(House::spend_fund {
			microgrid: MicrogridId(*grid),
			beneficiary: account(*beneficiary),
			amount: *amount,
		}),
	}
}
