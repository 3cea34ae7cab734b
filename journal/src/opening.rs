//! The state that a journal begins with, and the chain it is of.

use codec::Encode;
use frame_support::traits::Get;
use gridweave_primitives::{market::Side, Be32, MeterId, MicrogridId, Period, PeriodClock};
use gridweave_runtime::{AccountId, Hash, Runtime, Settlement, VERSION};
use pallet_meter_registry::Meters;
use pallet_microgrids::{Count, Links, Microgrids, PeriodTerms, Periods};
use pallet_order_book::{
	matching::MAX_PASSED, types::CouplingStage, Agenda, Asks, Bids, Books, Couplings, LinkFlows,
	NextOrderId, Outcomes, Resting, Stage, StandingOrders,
};
use pallet_settlement::{
	types::{self, Claim, Job},
	Arrears, ClaimQueues, Claims, Current, Exchanges, Funds, Positions, Settled, StatementPage,
	Totals,
};

use crate::{
	convert::metered,
	parts::{account, error},
	record::{Auction, Limits, Line, Opening, Planck, Record, FORMAT},
	state::{decode, load, prefix, read, Error, State},
};

/// The storage items that an opening tells.
pub(crate) const ITEMS: &[(&str, &str)] = &[
	("Microgrids", "Count"),
	("Microgrids", "Microgrids"),
	("Microgrids", "Periods"),
	("Microgrids", "PeriodTerms"),
	("Microgrids", "Links"),
	("MeterRegistry", "Meters"),
	("OrderBook", "NextOrderId"),
	("OrderBook", "Asks"),
	("OrderBook", "Bids"),
	("OrderBook", "Books"),
	("OrderBook", "Agenda"),
	("OrderBook", "LinkFlows"),
	("OrderBook", "Couplings"),
	("OrderBook", "Outcomes"),
	("OrderBook", "StandingOrders"),
	("Settlement", "Ledger"),
	("Settlement", "Seats"),
	("Settlement", "Positions"),
	("Settlement", "Exchanges"),
	("Settlement", "Settled"),
	("Settlement", "Current"),
	("Settlement", "Arrears"),
	("Settlement", "Claims"),
	("Settlement", "ClaimQueues"),
	("Settlement", "Funds"),
	("Settlement", "Totals"),
];

/// The lines before those of the first block: `state` is that at the end of block `number`, the one before.
pub fn opening(number: u32, genesis: Hash, state: &impl State) -> Result<Vec<Line>, Error> {
	let key = pallet_microgrids::Clock::<Runtime>::hashed_key().to_vec();
	let clock: PeriodClock = read(state, "the clock", key)?.unwrap_or_default();
	let mut records = vec![Record::Journal {
		format: FORMAT,
		genesis: format!("{genesis:#x}"),
		spec_name: VERSION.spec_name.into(),
		spec_version: VERSION.spec_version,
		clock: clock.into(),
		limits: limits(),
	}];
	let (told, settling, coupling) = load(state, ITEMS)?.execute_with(|| {
		let mut told = Vec::new();
		microgrids(&mut told);
		books(&mut told);
		money(&mut told);
		(told, Current::<Runtime>::get(), coupling())
	});
	if coupling {
		return Err(Error::Coupling);
	}
	records.extend(told.into_iter().map(Record::Opening));
	if let Some(job) = settling {
		let told = settlement(state, &job)?;
		records.extend(told.into_iter().map(Record::Opening));
	}
	let lines = records.into_iter().map(|record| Line {
		block: number,
		event: None,
		extrinsic: None,
		record,
	});
	Ok(lines.collect())
}

/// Whether a coupling of auctions is being carried out, up to the last book that goes on from there.
fn coupling() -> bool {
	let carried_out = |coupling: pallet_order_book::Coupling<AccountId>| {
		matches!(coupling.stage, CouplingStage::Exchange(_))
	};
	Couplings::<Runtime>::iter_values().any(carried_out)
		|| Outcomes::<Runtime>::iter_keys().next().is_some()
}

fn limits() -> Limits {
	Limits {
		horizon: <Runtime as pallet_microgrids::Config>::Horizon::get(),
		max_fills: <Runtime as pallet_order_book::Config>::MaxFills::get(),
		max_standing_fills: <Runtime as pallet_order_book::Config>::MaxStandingFills::get(),
		max_removals: <Runtime as pallet_order_book::Config>::MaxRemovals::get(),
		max_passed: MAX_PASSED,
		min_top_up: Planck(<Runtime as pallet_settlement::Config>::MinTopUp::get()),
	}
}

/// Communities with their periods, links, meters.
fn microgrids(told: &mut Vec<Opening>) {
	for id in (0..Count::<Runtime>::get()).map(MicrogridId) {
		let Some(microgrid) = Microgrids::<Runtime>::get(id) else {
			continue;
		};
		let first = Periods::<Runtime>::get(id).map(|range| range.first.0);
		let settled = Settled::<Runtime>::get(Be32::from(id)).map(|progress| progress.next.0);
		told.push(Opening::Microgrid {
			microgrid: id.0,
			operator: account(&microgrid.operator),
			terms: microgrid.terms.into(),
			first,
			settled_before: settled.or(first),
		});
	}
	told.extend(
		PeriodTerms::<Runtime>::iter().map(|((microgrid, period), terms)| Opening::Period {
			microgrid: microgrid.get(),
			period: period.get(),
			terms: terms.into(),
		}),
	);
	let mut links: Vec<_> = Links::<Runtime>::iter().collect();
	links.sort_by_key(|(link, _)| *link);
	told.extend(links.into_iter().map(|(id, link)| Opening::Link {
		link: id.0,
		operator: account(&link.operator),
		terms: link.terms.into(),
		stage: link.stage.into(),
	}));
	told.extend(Meters::<Runtime>::iter().map(|(id, meter)| Opening::Meter {
		meter: id.get(),
		microgrid: meter.microgrid.0,
		owner: account(&meter.owner),
		kind: meter.kind.into(),
		max_import: meter.ratings.max_import.0,
		max_export: meter.ratings.max_export.0,
		state: meter.state.into(),
	}));
}

/// Books with their orders, what went over links, standing orders.
fn books(told: &mut Vec<Opening>) {
	told.push(Opening::NextOrder {
		order: NextOrderId::<Runtime>::get().0,
	});
	let auctions: Vec<_> = Agenda::<Runtime>::iter()
		.filter_map(|((_, _, microgrid, period), stage)| match stage {
			Stage::Clear(execution) => Some(((microgrid, period), execution)),
			_ => None,
		})
		.collect();
	told.extend(Books::<Runtime>::iter().map(|(id, book)| {
		let auction = auctions.iter().find(|(of, _)| *of == id);
		Opening::Book {
			microgrid: id.0.get(),
			period: id.1.get(),
			market: book.market.into(),
			auction: auction.map(|(_, execution)| Auction {
				price: execution.price().0,
				left: execution.left().0,
			}),
		}
	}));
	let order = |side: Side, key: (Be32, Be32, _, _), resting: Resting<AccountId>, price: u64| {
		let (microgrid, period, _, order): (_, _, gridweave_primitives::Be64, _) = key;
		let order: gridweave_primitives::Be64 = order;
		Opening::Order {
			order: order.get(),
			who: account(&resting.owner),
			microgrid: microgrid.get(),
			meter: resting.meter.0,
			side: side.into(),
			period: period.get(),
			limit_price: price,
			remaining: resting.remaining.0,
		}
	};
	told.extend(
		Asks::<Runtime>::iter().map(|(key, resting)| order(Side::Ask, key, resting, key.2.get())),
	);
	// Bids are stored by their inverted price, so that the best comes first.
	told.extend(Bids::<Runtime>::iter().map(|(key, resting)| {
		let price = u64::MAX.saturating_sub(key.2.get());
		order(Side::Bid, key, resting, price)
	}));
	for ((_, period), flows) in LinkFlows::<Runtime>::iter() {
		told.extend(flows.into_iter().map(|(link, flow)| Opening::Flow {
			link: link.0,
			period: period.get(),
			sent: flow.sent.0,
			received: flow.received.0,
		}));
	}
	told.extend(
		StandingOrders::<Runtime>::iter().map(|((_, meter, side), order)| Opening::StandingOrder {
			who: account(&order.owner),
			meter: meter.get(),
			side: side.into(),
			limit_price: order.instruction.limit_price.0,
			quantity: order.instruction.quantity.into(),
			refused: order.refused.map(error),
		}),
	);
}

/// Trading balances, positions, debts, funds.
fn money(told: &mut Vec<Opening>) {
	let mut ledger: Vec<_> = Settlement::members().collect();
	ledger.retain(|(_, member)| member.is_open());
	ledger.sort_by(|(one, _), (other, _)| one.cmp(other));
	told.extend(ledger.into_iter().map(|(who, member)| Opening::Ledger {
		account: account(&who),
		balance: Planck(member.balance),
		locked: Planck(member.locked),
	}));
	for ((microgrid, period, page), positions) in Positions::<Runtime>::iter() {
		told.extend(positions.iter().map(|(slot, position)| Opening::Position {
			microgrid: microgrid.get(),
			period: period.get(),
			meter: MeterId::at(page.get(), slot).0,
			owner: account(&position.owner),
			contracts: position.contracts.into(),
			margin: Planck(position.margin),
		}));
	}
	told.extend(
		Exchanges::<Runtime>::iter().map(|((microgrid, period), exchange)| Opening::Exchange {
			microgrid: microgrid.get(),
			period: period.get(),
			exchange: exchange.into(),
		}),
	);
	let mut arrears: Vec<_> = Arrears::<Runtime>::iter().collect();
	arrears.sort();
	told.extend(
		arrears
			.into_iter()
			.map(|(who, microgrid, amount)| Opening::Arrears {
				who: account(&who),
				microgrid: microgrid.get(),
				amount: Planck(amount),
			}),
	);
	told.extend(
		Claims::<Runtime>::iter().filter_map(|((microgrid, _), claim)| {
			let queue = ClaimQueues::<Runtime>::get(microgrid)?;
			let Claim { creditor, amount } = claim;
			Some(Opening::Claim {
				microgrid: microgrid.get(),
				creditor: (&creditor).into(),
				amount: Planck(amount),
				debtor: account(&queue.debtor),
			})
		}),
	);
	told.extend(
		Funds::<Runtime>::iter().map(|(microgrid, amount)| Opening::Fund {
			microgrid: microgrid.get(),
			amount: Planck(amount),
		}),
	);
	for (page, totals) in Totals::<Runtime>::iter() {
		told.extend(totals.into_iter().map(|(slot, totals)| Opening::Totals {
			meter: MeterId::at(page.get(), slot).0,
			totals: totals.into(),
		}));
	}
}

/// A settlement under way, and what it is of if it has billed already.
fn settlement(state: &impl State, job: &Job<AccountId>) -> Result<Vec<Opening>, Error> {
	let (microgrid, period) = (job.till.microgrid, job.period);
	let mut told = vec![Opening::Settling {
		microgrid: microgrid.0,
		period: period.0,
		pot: Planck(job.till.pot),
		billed: billed(state, microgrid, period)?,
		summary: job.summary.into(),
	}];
	if job.summary.meters > 0 {
		let energy = metered(state, microgrid, period)?;
		told.extend(energy.into_iter().map(Opening::Metered));
	}
	Ok(told)
}

/// The meters that have their statement of a period.
fn billed(state: &impl State, microgrid: MicrogridId, period: Period) -> Result<Vec<u32>, Error> {
	let of_period = [
		prefix("Settlement", "Statements"),
		Be32::from(microgrid).encode(),
		Be32::from(period).encode(),
	]
	.concat();
	let mut billed = Vec::new();
	for (key, value) in state.entries(&of_period)? {
		let page: Be32 = decode(
			"a page of statements",
			key.get(of_period.len()..).unwrap_or(&[]),
		)?;
		let statements: StatementPage<Runtime> = decode("statements", &value)?;
		billed.extend(
			statements
				.iter()
				.map(|(slot, _): &(u8, types::Statement<AccountId>)| {
					MeterId::at(page.get(), *slot).0
				}),
		);
	}
	billed.sort_unstable();
	Ok(billed)
}
