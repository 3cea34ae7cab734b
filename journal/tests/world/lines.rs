//! The journal's words in the model's: nothing but names.

use gridweave_journal::record::{self as theirs, Record};
use sp_core::crypto::Ss58Codec;
use sp_runtime::AccountId32;

use crate::model::types as my;

pub fn who(address: &str) -> my::Who {
	my::Who(
		AccountId32::from_ss58check(address)
			.expect("an address")
			.into(),
	)
}

pub fn side(side: theirs::Side) -> my::Side {
	match side {
		theirs::Side::Bid => my::Side::Bid,
		theirs::Side::Ask => my::Side::Ask,
	}
}

pub fn force(force: theirs::TimeInForce) -> my::Force {
	match force {
		theirs::TimeInForce::GoodUntilGate => my::Force::Gate,
		theirs::TimeInForce::ImmediateOrCancel => my::Force::Immediate,
		theirs::TimeInForce::FillOrKill => my::Force::FillOrKill,
	}
}

pub fn terms(terms: &theirs::Terms) -> my::Terms {
	my::Terms {
		retail: terms.retail_price,
		feed_in: terms.feed_in_price,
		auction: terms.mechanism == theirs::Mechanism::CallAuction,
		floor: terms.price_floor,
		cap: terms.price_cap,
		least: terms.min_quantity,
		gate_closure: terms.gate_closure,
		fee: terms.fee,
		spread: match terms.residual {
			theirs::Residual::Tariff => None,
			theirs::Residual::Pool { spread } => Some(spread),
		},
	}
}

pub fn link_terms(terms: &theirs::LinkTerms) -> my::LinkTerms {
	my::LinkTerms {
		from: terms.from,
		to: terms.to,
		loss: terms.loss,
		capacity: terms.capacity,
		wheeling: terms.wheeling_fee,
		least: terms.min_quantity,
	}
}

pub fn kind(kind: theirs::Kind) -> my::Kind {
	match kind {
		theirs::Kind::Storage { capacity } => my::Kind::Storage(capacity),
		theirs::Kind::Feeder => my::Kind::Feeder,
		_ => my::Kind::Plain,
	}
}

fn reason(reason: theirs::CancelReason) -> my::Reason {
	match reason {
		theirs::CancelReason::GateClosed => my::Reason::GateClosed,
		theirs::CancelReason::ImmediateOrCancel => my::Reason::Immediate,
		theirs::CancelReason::SelfTrade => my::Reason::SelfTrade,
		theirs::CancelReason::FillLimit => my::Reason::FillLimit,
		theirs::CancelReason::Quarantined => my::Reason::Quarantined,
		theirs::CancelReason::LinkRemainder => my::Reason::LinkRemainder,
	}
}

pub fn source(source: theirs::Provenance) -> my::Source {
	match source {
		theirs::Provenance::Measured => my::Source::Measured,
		theirs::Provenance::Estimated => my::Source::Estimated,
		theirs::Provenance::Corrected => my::Source::Corrected,
	}
}

fn creditor(creditor: &theirs::Creditor) -> my::Creditor {
	match creditor {
		theirs::Creditor::Member(address) => my::Creditor::Member(who(address)),
		theirs::Creditor::Fund => my::Creditor::Fund,
	}
}

fn split(split: &theirs::Split) -> my::Split {
	my::Split {
		delivered: split.delivered,
		shortfall: split.shortfall,
		consumed: split.consumed,
		excess: split.excess,
		surplus: split.surplus,
		need: split.need,
	}
}

fn prices(prices: &theirs::Prices) -> my::Prices {
	my::Prices {
		retail: prices.retail,
		feed_in: prices.feed_in,
		sell: prices.sell,
		buy: prices.buy,
		base_sell: prices.operator_sell,
		base_buy: prices.operator_buy,
	}
}

fn bill(bill: &theirs::Bill) -> my::Statement {
	my::Statement {
		account: who(&bill.account),
		source: bill.provenance.map(source),
		import: bill.import,
		export: bill.export,
		contracts: my::Contracts {
			sold: bill.contracts.sold,
			bought: bill.contracts.bought,
			receivable: bill.contracts.receivable.0,
			payable: bill.contracts.payable.0,
			paid: bill.contracts.paid.0,
			fee: bill.contracts.fee.0,
		},
		split: split(&bill.split),
		prices: prices(&bill.prices),
		amount: bill.amount.0,
	}
}

fn summary(sums: &theirs::PeriodSummary) -> my::Summary {
	my::Summary {
		meters: sums.meters,
		estimated: sums.estimated,
		import: sums.import,
		export: sums.export,
		contracted: sums.contracted,
		trade_value: sums.trade_value.0,
		split: split(&sums.split),
		prices: prices(&sums.prices),
		fees: sums.fees.0,
		members: sums.members.0,
		operator: sums.operator.0,
		fund: sums.fund.0,
		links: my::Exchange {
			sent: sums.links.sent,
			received: sums.links.received,
			proceeds: sums.links.proceeds.0,
			payments: sums.links.payments.0,
		},
	}
}

/// What follows from something else, as the model says it; `None` of what is given.
pub fn outcome(record: &Record) -> Option<my::Rec> {
	use my::Rec;
	Some(match record {
		Record::ToppedUp { who: of, amount } => Rec::ToppedUp {
			who: who(of),
			amount: amount.0,
		},
		Record::Cancelled {
			order,
			who: of,
			meter,
			energy,
			reason: why,
		} => Rec::Cancelled {
			order: *order,
			who: who(of),
			meter: *meter,
			energy: *energy,
			reason: reason(*why),
		},
		Record::Trade {
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
			grid: *microgrid,
			period: *period,
			price: *price,
			energy: *energy,
			taker: taker.map(side),
			bid: *bid,
			buyer: who(buyer),
			buyer_meter: *buyer_meter,
			ask: *ask,
			seller: who(seller),
			seller_meter: *seller_meter,
		},
		Record::TradeOverLink {
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
			link: *link,
			period: *period,
			price: *price,
			sent: *sent,
			received: *received,
			value: value.0,
			wheeling: wheeling_fee.0,
			taker: side(*taker),
			bid: *bid,
			buyer: who(buyer),
			buyer_meter: *buyer_meter,
			to: *to,
			ask: *ask,
			seller: who(seller),
			seller_meter: *seller_meter,
			from: *from,
		},
		Record::Coupled {
			period,
			gain,
			communities,
			links,
			..
		} => Rec::Coupled {
			period: *period,
			gain: gain.0,
			nets: communities
				.iter()
				.map(|one| (one.microgrid, one.price, one.import, one.export))
				.collect(),
			links: links
				.iter()
				.map(|one| {
					let money = (one.wheeling_fee.0, one.earns.0);
					(one.link, one.sent, one.received, money.0, money.1)
				})
				.collect(),
		},
		Record::CoupledFill {
			microgrid,
			period,
			side: on,
			price,
			energy,
			order,
			who: of,
			meter,
		} => Rec::CoupledFill {
			grid: *microgrid,
			period: *period,
			side: side(*on),
			price: *price,
			energy: *energy,
			order: *order,
			who: who(of),
			meter: *meter,
		},
		Record::LinkCarried {
			link,
			period,
			sent,
			received,
			operator,
			earned,
		} => Rec::LinkCarried {
			link: *link,
			period: *period,
			sent: *sent,
			received: *received,
			operator: who(operator),
			earned: earned.0,
		},
		Record::AuctionCleared {
			microgrid,
			period,
			price,
			volume,
		} => Rec::AuctionCleared {
			grid: *microgrid,
			period: *period,
			price: *price,
			volume: *volume,
		},
		Record::AuctionAbandoned {
			microgrid,
			period,
			left,
			error,
		} => Rec::AuctionAbandoned {
			grid: *microgrid,
			period: *period,
			left: *left,
			error: error.clone(),
		},
		Record::MarketClosed {
			microgrid,
			period,
			market,
		} => Rec::MarketClosed {
			grid: *microgrid,
			period: *period,
			market: my::Market {
				volume: market.volume,
				value: market.value.0,
				last: market.last_price,
				trades: market.trades,
			},
		},
		Record::ArrearsGrew {
			who: of,
			microgrid,
			amount,
			total,
		} => Rec::ArrearsGrew {
			who: who(of),
			grid: *microgrid,
			amount: amount.0,
			total: total.0,
		},
		Record::ArrearsPaid {
			who: of,
			microgrid,
			amount,
			left,
		} => Rec::ArrearsPaid {
			who: who(of),
			grid: *microgrid,
			amount: amount.0,
			left: left.0,
		},
		Record::ClaimRecorded {
			microgrid,
			creditor: whom,
			amount,
			total,
		} => Rec::ClaimRecorded {
			grid: *microgrid,
			creditor: creditor(whom),
			amount: amount.0,
			total: total.0,
		},
		Record::ClaimPaid {
			microgrid,
			creditor: whom,
			amount,
			left,
			set_off,
		} => Rec::ClaimPaid {
			grid: *microgrid,
			creditor: creditor(whom),
			amount: amount.0,
			left: left.0,
			set_off: *set_off,
		},
		Record::Statement {
			microgrid,
			period,
			meter,
			bill: of,
		} => Rec::Bill {
			grid: *microgrid,
			period: *period,
			meter: *meter,
			statement: bill(of),
		},
		Record::PeriodSettled {
			microgrid,
			period,
			summary: sums,
		} => Rec::Settled {
			grid: *microgrid,
			period: *period,
			summary: summary(sums),
		},
		Record::TotalsClosed { meter, totals } => Rec::TotalsClosed {
			meter: *meter,
			totals: my::Totals {
				periods: totals.periods,
				import: totals.import,
				export: totals.export,
				sold: totals.sold,
				bought: totals.bought,
				shortfall: totals.shortfall,
				excess: totals.excess,
				surplus: totals.surplus,
				need: totals.need,
				fees: totals.fees.0,
				amount: totals.amount.0,
			},
		},
		_ => return None,
	})
}
