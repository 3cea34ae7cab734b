//! The journal of the whole runtime without a node: every kind of record comes about, every line holds what
//! it must, and what it tells is what the chain knows.

#[path = "../../runtime/tests/common/mod.rs"]
mod common;
mod journalist;
mod stories;

use std::collections::BTreeSet;

use common::{
	account, genesis,
	meters::{enrol, report},
};
use frame_support::assert_ok;
use gridweave_journal::{
	record::{CancelReason, Creditor, Opening, Owed, Planck},
	Record,
};
use gridweave_primitives::{cost, market::Side, traits::SettlementClock, Price, WattHours};
use gridweave_runtime::{Microgrids, Runtime, BLOCK_SECONDS};
use journalist::{check_bills, check_orders, Journal};
use pallet_order_book::{Agenda, Call as Orders, NewOrder, Stage, TimeInForce};
use pallet_settlement::Current;
use sp_core::crypto::Ss58Codec;
use stories::{
	communities, coupled, creep, current, debts, metered, orders, settle, standstill, trading,
	two_operators,
};

/// What openings tell of, besides a settlement under way.
const OPENINGS: &[&str] = &[
	"microgrid",
	"period",
	"link",
	"meter",
	"nextOrder",
	"book",
	"order",
	"flow",
	"standingOrder",
	"ledger",
	"position",
	"exchange",
	"arrears",
	"claim",
	"fund",
	"totals",
];

fn address(name: &str) -> String {
	account(name).to_ss58check_with_version(42u16.into())
}

fn kinds(journal: &Journal) -> BTreeSet<&'static str> {
	journal.records().iter().map(Record::kind).collect()
}

#[test]
fn every_kind_of_record_should_come_about() {
	let journals = [communities(), trading(), debts(), standstill(), coupled()];
	let (mut told, mut openings) = (BTreeSet::new(), BTreeSet::new());
	for journal in &journals {
		check_orders(journal);
		openings.extend(journal.openings());
		told.extend(kinds(journal));
	}
	let all: BTreeSet<_> = Record::KINDS.iter().map(|(kind, _)| *kind).collect();
	assert_eq!(
		all.difference(&told).collect::<Vec<_>>(),
		Vec::<&&str>::new(),
		"never told"
	);
	assert_eq!(told, all);
	let docs = include_str!("../../docs/journal.md");
	for of in OPENINGS {
		assert!(openings.contains(*of), "no opening tells of a {of}");
		assert!(docs.contains(&format!("| `{of}` |")), "{of}");
	}
	openings.retain(|of| !OPENINGS.contains(&of.as_str()));
	let within_settlement = ["metered", "settling"];
	assert!(
		openings
			.iter()
			.all(|of| within_settlement.contains(&of.as_str())),
		"{openings:?}"
	);
}

#[test]
fn a_journal_that_begins_within_a_settlement_should_tell_what_is_billed_already() {
	let (mut chain, journal, clock) = two_operators();
	let (mut taker, _) = metered(&mut chain, &clock, "Bob", 1);
	let (mut giver, first) = metered(&mut chain, &clock, "Charlie", 2);
	chain.advance_to(clock.end_of(first));
	// What the taker took is of two periods, and this is the second.
	(taker.import, giver.export) = (500, 1_000);
	report(&mut chain, &mut taker, clock.end_of(first));
	report(&mut chain, &mut giver, clock.end_of(first));
	chain.advance_to(clock.freezes_at(first) - u64::from(BLOCK_SECONDS));
	creep(&mut chain, 1_000, || {
		Current::<Runtime>::get().is_some_and(|job| job.period == first && job.summary.meters == 1)
	});
	let now = journal.opening_now();
	let settling = now.iter().find_map(|opening| match opening {
		Opening::Settling {
			microgrid,
			period,
			billed,
			summary,
			..
		} => Some((*microgrid, *period, billed.clone(), summary.meters)),
		_ => None,
	});
	let meter = taker.meter.0;
	assert_eq!(settling, Some((0, first.0, vec![meter], 1)));
	let energy: Vec<_> = now
		.iter()
		.filter_map(|opening| match opening {
			Opening::Metered(metered) => Some((metered.meter, metered.import, metered.export)),
			_ => None,
		})
		.collect();
	assert_eq!(energy, [(meter, 250, 0), (giver.meter.0, 0, 1_000)]);
	// The rest is billed later, of the energy that was told before the first bill.
	settle(&mut chain, &clock, first);
	check_bills(&journal);
}

#[test]
fn a_journal_that_begins_within_an_auction_should_tell_what_is_left_of_it() {
	let (mut chain, journal) = Journal::of(genesis("development", |config| {
		config["microgrids"]["microgrids"][0][1]["rules"]["mechanism"] = "CallAuction".into();
	}));
	chain.next_block();
	let clock = chain.read(<Microgrids as SettlementClock>::clock);
	let seller = enrol(&mut chain, "Bob", 1);
	let buyer = enrol(&mut chain, "Charlie", 2);
	let period = current(&mut chain).saturating_add(2);
	for (who, device, side) in [("Bob", &seller, Side::Ask), ("Charlie", &buyer, Side::Bid)] {
		let batch = vec![
			NewOrder {
				meter: device.meter,
				side,
				period,
				energy: WattHours(10),
				limit_price: Price(150_000),
				time_in_force: TimeInForce::GoodUntilGate,
			};
			40
		];
		let batch = batch.try_into().expect("as many as a batch takes");
		assert_ok!(chain.submit(who, orders(Orders::place_orders { orders: batch })));
	}
	chain.advance_to(clock.start_of(period) - u64::from(BLOCK_SECONDS));
	let traded = |journal: &Journal| {
		let trades = journal.records();
		let trades = trades.iter().filter_map(|record| match record {
			Record::Trade { energy, .. } => Some(*energy),
			_ => None,
		});
		trades.sum::<u64>()
	};
	creep(&mut chain, 100, || {
		Agenda::<Runtime>::iter_values().any(|stage| match stage {
			Stage::Clear(execution) => execution.left() < WattHours(400),
			_ => false,
		})
	});
	let auction = journal
		.opening_now()
		.into_iter()
		.find_map(|opening| match opening {
			Opening::Book { auction, .. } => auction,
			_ => None,
		});
	let auction = auction.expect("it is under way");
	assert_eq!(auction.price, 150_000);
	assert_eq!(auction.left, 400 - traded(&journal));
	check_orders(&journal);
	for _ in 0..3 {
		chain.next_block();
	}
	assert_eq!(traded(&journal), 400);
	check_orders(&journal);
}

#[test]
fn what_buyers_paid_for_nothing_should_go_to_their_operator() {
	let records = coupled().records();
	let last = records
		.iter()
		.rposition(|record| matches!(record, Record::Coupled { .. }));
	let cut_short = &records[last.expect("two")..];
	let mut paid = 0;
	for record in cut_short {
		match record {
			Record::CoupledFill {
				side,
				price,
				energy,
				..
			} => {
				assert_eq!(*side, gridweave_journal::record::Side::Bid);
				paid += cost(Price(*price), WattHours(*energy));
			}
			Record::ImportsReturned {
				operator, amount, ..
			} => assert_eq!((operator, amount.0), (&address("Eve"), paid)),
			Record::CouplingAbandoned { error, .. } => {
				assert_eq!(error, "Settlement.PeriodFrozen");
				return;
			}
			Record::LinkCarried { .. } => panic!("the link was to carry nothing"),
			_ => {}
		}
	}
	panic!("it was carried out");
}

#[test]
fn bills_should_add_up_over_a_link() {
	let journal = communities();
	check_bills(&journal);
	let over_link: Vec<_> = journal
		.records()
		.into_iter()
		.filter_map(|record| match record {
			Record::TradeOverLink {
				sent,
				received,
				value,
				wheeling_fee,
				..
			} => Some((sent, received, value.0, wheeling_fee.0)),
			_ => None,
		})
		.collect();
	let value = cost(Price(150_000), WattHours(1_000));
	let wheeling = cost(Price(10_000), WattHours(950));
	assert_eq!(over_link, [(1_000, 950, value, wheeling)]);
	// Who operates the link is paid at once, and told so at the end of the block.
	let paid = Record::Ledger {
		account: address("Eve"),
		balance: Planck(wheeling),
		locked: Planck(0),
	};
	assert!(journal.records().contains(&paid));
}

#[test]
fn trades_and_what_is_left_should_be_told_in_the_order_of_happening() {
	let journal = trading();
	check_bills(&journal);
	let records = journal.records();
	let refused: Vec<_> = records
		.iter()
		.filter_map(|record| match record {
			Record::OrderRefused { index, error, .. } => Some((*index, error.as_str())),
			_ => None,
		})
		.collect();
	assert_eq!(
		refused,
		[(1, "OrderBook.PriceAboveCap"), (3, "OrderBook.NotFillable")]
	);
	let reasons: Vec<_> = records
		.iter()
		.filter_map(|record| match record {
			Record::Cancelled { reason, .. } => Some(*reason),
			_ => None,
		})
		.collect();
	assert_eq!(
		reasons[..2],
		[CancelReason::SelfTrade, CancelReason::ImmediateOrCancel]
	);
	assert!(reasons.contains(&CancelReason::GateClosed));
	// The locks of the batch's orders brought money to the trading balance; then Charlie did, by a call.
	let first: Vec<_> = records
		.iter()
		.filter(|record| {
			matches!(record, Record::ToppedUp { who, .. } | Record::TopUp { who, .. }
				if *who == address("Charlie"))
		})
		.map(Record::kind)
		.collect();
	assert_eq!(first[..3], ["toppedUp", "toppedUp", "topUp"]);
	let standing: BTreeSet<_> = records
		.iter()
		.filter_map(|record| match record {
			Record::Place { standing, call, .. } => Some((*standing, *call)),
			_ => None,
		})
		.collect();
	// By a call of its own, as the second and the fifth of a batch of calls, by the chain.
	assert_eq!(
		standing,
		[(false, 0), (false, 1), (false, 4), (true, 0)].into()
	);
	let own = journal.lines();
	let mut own = own
		.iter()
		.filter(|line| matches!(line.record, Record::Place { standing: true, .. }));
	assert!(own.all(|line| line.extrinsic.is_none()));
}

#[test]
fn debts_should_be_told_with_their_causes() {
	let journal = debts();
	check_bills(&journal);
	let records = journal.records();
	let set_off: BTreeSet<_> = records
		.iter()
		.filter_map(|record| match record {
			Record::ClaimPaid {
				set_off, creditor, ..
			} => Some((*set_off, creditor.clone())),
			_ => None,
		})
		.collect();
	let charlie = Creditor::Member(address("Charlie"));
	assert!(set_off.contains(&(true, charlie)), "{set_off:?}");
	assert!(set_off.iter().any(|(set_off, _)| !set_off));
	let paid: Vec<_> = records
		.iter()
		.filter(|record| matches!(record, Record::PayArrears { .. }))
		.collect();
	assert_eq!(paid.len(), 1);
	// What was corrected is settled on the next line, and its sum is that of its parts.
	let at = records
		.iter()
		.position(|record| matches!(record, Record::Corrected { .. }))
		.expect("it was corrected");
	let (
		Record::Corrected { corrections, .. },
		Record::CorrectionsSettled {
			settled, amount, ..
		},
	) = (&records[at], &records[at + 1])
	else {
		panic!("{:?}", &records[at..at + 2]);
	};
	assert_eq!(corrections.len(), settled.len());
	let sum: i128 = settled.iter().map(|part| part.amount.0).sum();
	assert_eq!(*amount, Owed(sum));
}
