//! What events alone do not tell at once: what caused them, and what belongs together.

use codec::Encode;
use frame_system::Phase;
use gridweave_primitives::{
	market::Side,
	meter::{MeterKind, MeterState, Ratings},
	Be32, MeterId, MicrogridId, Period, WattHours,
};
use gridweave_runtime::{AccountId, Hash, Runtime, RuntimeEvent};
use pallet_meter_registry::Meter;
use pallet_order_book::{CancelReason, Event as Orders};
use sp_core::ed25519;

use super::*;
use crate::{
	record::{Opening, Record},
	state::Snapshot,
};

mod events;

use events::*;

const GRID: MicrogridId = MicrogridId(0);
const PERIOD: Period = Period(100);

fn who(seed: u8) -> AccountId {
	AccountId::from([seed; 32])
}

/// A state with the time, and meter 1 in microgrid 3.
fn state() -> Snapshot {
	let meter = Meter {
		owner: who(1),
		microgrid: MicrogridId(3),
		kind: MeterKind::Consumer,
		ratings: Ratings::default(),
		former: None,
		modulus: WattHours(1 << 40),
		serial: Default::default(),
		key: gridweave_primitives::device::DeviceKey::Ed25519(ed25519::Public::from_raw([1; 32])),
		rotated: None,
		deposit: 0,
		state: MeterState::Active,
		admitted_at: 0,
		base: Default::default(),
	};
	let key = pallet_meter_registry::Meters::<Runtime>::hashed_key_for(Be32::from(MeterId(1)));
	let now = pallet_timestamp::Now::<Runtime>::hashed_key().to_vec();
	Snapshot([(now, 12_999u64.encode()), (key, meter.encode())].into())
}

/// The lines of a block with these events, without those of the block and of its end.
fn lines(events: &[Event]) -> Vec<Line> {
	let block = Block {
		number: 5,
		hash: Hash::default(),
		events,
	};
	let told = records(&block, &state(), &state()).expect("it can be told");
	let mut told = told.into_iter();
	let first = told.next().expect("the block is told");
	assert!(matches!(first.record, Record::Block { time: 12, .. }));
	told.filter(|line| !matches!(line.record, Record::Ledger { .. } | Record::Fund { .. }))
		.collect()
}

fn kinds(lines: &[Line]) -> Vec<&'static str> {
	lines.iter().map(|line| line.record.kind()).collect()
}

#[test]
fn money_should_be_told_apart_that_a_member_and_that_a_lock_brings() {
	let events: Vec<_> = of_transaction(
		1,
		[
			fee(1),
			topped_up(1),
			item_completed(),
			topped_up(1),
			placed(1, 1, false),
			item_completed(),
			success(),
		],
	)
	.collect();
	let told = lines(&events);
	assert_eq!(kinds(&told), ["topUp", "toppedUp", "place"]);
	assert!(told.iter().all(|line| line.extrinsic == Some(1)));
	assert_eq!(told[2].event, Some(4));
	assert!(matches!(told[2].record, Record::Place { call: 1, .. }));
}

#[test]
fn orders_of_one_call_should_be_told_apart_from_those_of_others() {
	let batch = of_transaction(
		1,
		[
			placed(1, 1, false),
			placed(2, 1, false),
			item_completed(),
			placed(3, 1, false),
			item_completed(),
			success(),
		],
	);
	let other = of_transaction(2, [placed(4, 1, false), success()]);
	let told = lines(&batch.chain(other).collect::<Vec<_>>());
	let calls: Vec<_> = told
		.iter()
		.filter_map(|line| match line.record {
			Record::Place { call, .. } => Some((line.extrinsic, call)),
			_ => None,
		})
		.collect();
	assert_eq!(
		calls,
		[(Some(1), 0), (Some(1), 0), (Some(1), 1), (Some(2), 0)]
	);
}

#[test]
fn replacing_order_should_name_the_one_that_it_replaces() {
	let events: Vec<_> = of_transaction(
		1,
		[
			cancelled(7, CancelReason::Replaced),
			topped_up(1),
			placed(8, 1, false),
			traded(Some(Side::Ask)),
			cancelled(8, CancelReason::SelfTrade),
			item_completed(),
			cancelled(9, CancelReason::Cancelled),
			item_completed(),
			placed(10, 1, false),
			success(),
		],
	)
	.collect();
	let told = lines(&events);
	assert_eq!(
		kinds(&told),
		[
			"cancel",
			"toppedUp",
			"place",
			"trade",
			"cancelled",
			"cancel",
			"place"
		]
	);
	let replaces = |line: &Line| match line.record {
		Record::Place { replaces, .. } => replaces,
		_ => None,
	};
	assert_eq!((replaces(&told[2]), replaces(&told[6])), (Some(7), None));
	let replaced = |line: &Line| matches!(line.record, Record::Cancel { replaced: true, .. });
	assert!(replaced(&told[0]) && !replaced(&told[5]));
}

#[test]
fn what_the_chain_does_by_itself_should_have_no_transaction() {
	// The chain's own work comes first, under the number of the first transaction.
	let own = of_transaction(
		1,
		[
			claim_paid(4, false),
			topped_up(2),
			placed(1, 2, true),
			traded(Some(Side::Ask)),
			cancelled(1, CancelReason::FillLimit),
		],
	);
	let first = of_transaction(
		1,
		[
			fee(1),
			placed(2, 1, false),
			traded(Some(Side::Ask)),
			success(),
		],
	);
	let idle = [placed(3, 2, true), traded(Some(Side::Bid))];
	let idle = idle.into_iter().map(|event| Event {
		phase: Phase::Finalization,
		event,
		topics: Vec::new(),
	});
	let told = lines(&own.chain(first).chain(idle).collect::<Vec<_>>());
	let causes: Vec<_> = told.iter().map(|line| line.extrinsic).collect();
	assert_eq!(
		causes,
		[None, None, None, None, None, Some(1), Some(1), None, None]
	);
}

#[test]
fn links_and_meters_should_go_with_their_periods_or_by_transaction() {
	let freed = |meter| {
		RuntimeEvent::MeterRegistry(pallet_meter_registry::Event::MeterFreed {
			meter: MeterId(meter),
			owner: who(1),
			deposit: 0,
		})
	};
	let retired = RuntimeEvent::MeterRegistry(pallet_meter_registry::Event::MeterRetired {
		meter: MeterId(2),
	});
	let own = of_transaction(
		1,
		[
			pruned(),
			released(),
			link_removed(1),
			released(),
			link_removed(2),
			freed(1),
		],
	);
	let first = of_transaction(1, [fee(1), released(), link_removed(3), success()]);
	let second = of_transaction(2, [fee(1), retired, freed(2), success()]);
	let told = lines(&own.chain(first).chain(second).collect::<Vec<_>>());
	let causes: Vec<_> = told.iter().map(|line| line.extrinsic).collect();
	assert_eq!(causes, [None, None, None, None, Some(1), Some(2), Some(2)]);
}

#[test]
fn arrears_should_be_an_input_if_they_were_paid_by_call() {
	let own = of_transaction(1, [arrears_paid(2), billed(2, PERIOD)]);
	let corrections = of_transaction(1, [corrected(1, 90, 5), arrears_paid(1), success()]);
	let paid = of_transaction(2, [fee(1), arrears_paid(1), success()]);
	let told = lines(&own.chain(corrections).chain(paid).collect::<Vec<_>>());
	let by_call = told
		.iter()
		.filter(|line| matches!(line.record, Record::PayArrears { .. }))
		.map(|line| line.event)
		.collect::<Vec<_>>();
	assert_eq!(by_call, [Some(6)]);
	assert_eq!(
		kinds(&told)[told.len() - 2..],
		["payArrears", "arrearsPaid"]
	);
}

#[test]
fn corrections_of_a_meter_that_come_together_should_be_told_together() {
	let relayed = RuntimeEvent::MeterRegistry(pallet_meter_registry::Event::ReadingsRelayed {
		who: who(1),
		accepted: 1,
		stale: 0,
		deferred: 0,
	});
	let events: Vec<_> = of_transaction(
		1,
		[
			corrected(1, 90, 5),
			corrected(1, 91, -7),
			arrears_paid(1),
			relayed,
			item_completed(),
			corrected(1, 92, 1),
			success(),
		],
	)
	.collect();
	let told = lines(&events);
	assert_eq!(
		kinds(&told),
		[
			"corrected",
			"correctionsSettled",
			"arrearsPaid",
			"corrected",
			"correctionsSettled"
		]
	);
	let Record::Corrected {
		microgrid,
		corrections,
		..
	} = &told[0].record
	else {
		panic!("{:?}", told[0]);
	};
	assert_eq!((*microgrid, corrections.len()), (3, 2));
	let Record::CorrectionsSettled {
		settled, amount, ..
	} = &told[1].record
	else {
		panic!("{:?}", told[1]);
	};
	assert_eq!((settled.len(), amount.0), (2, -2));
	assert_eq!((told[0].event, told[1].event), (Some(0), Some(1)));
}

#[test]
fn errors_should_be_told_by_name() {
	let refused = |error| {
		RuntimeEvent::OrderBook(Orders::OrderRefused {
			who: who(1),
			index: 3,
			error,
		})
	};
	let error: sp_runtime::DispatchError = pallet_order_book::Error::<Runtime>::NotFillable.into();
	// As it is in storage: without its text.
	let error = codec::DecodeAll::decode_all(&mut &error.encode()[..]).expect("it decodes");
	let token = sp_runtime::TokenError::FundsUnavailable.into();
	let corrupt = sp_runtime::DispatchError::Corruption;
	let events: Vec<_> =
		of_transaction(1, [refused(error), refused(token), refused(corrupt)]).collect();
	let errors: Vec<_> = lines(&events)
		.into_iter()
		.filter_map(|line| match line.record {
			Record::OrderRefused { error, .. } => Some(error),
			_ => None,
		})
		.collect();
	assert_eq!(
		errors,
		[
			"OrderBook.NotFillable",
			"Token.FundsUnavailable",
			"Corruption"
		]
	);
}

#[test]
fn state_without_what_events_speak_of_should_be_an_error() {
	let opened = RuntimeEvent::Microgrids(pallet_microgrids::Event::PeriodsOpened {
		microgrid: GRID,
		first: PERIOD,
		last: PERIOD,
	});
	let events: Vec<_> = of_transaction(1, [opened]).collect();
	let block = Block {
		number: 5,
		hash: Hash::default(),
		events: &events,
	};
	let told = records(&block, &state(), &state());
	assert!(matches!(told, Err(Error::Missing(_))), "{told:?}");
	let told = records(&block, &Snapshot::default(), &Snapshot::default());
	assert!(matches!(told, Err(Error::Missing(_))), "{told:?}");
	let mut garbled = state();
	let now = pallet_timestamp::Now::<Runtime>::hashed_key().to_vec();
	garbled.0.insert(now, vec![1, 2, 3]);
	let told = records(&block, &garbled, &garbled);
	assert!(matches!(told, Err(Error::Encoding { .. })), "{told:?}");
}

#[test]
fn opening_should_read_items_that_there_are() {
	use frame_support::traits::StorageInfoTrait;
	let items: Vec<_> = gridweave_runtime::AllPalletsWithSystem::storage_info()
		.into_iter()
		.map(|info| (info.pallet_name, info.storage_name))
		.collect();
	let read = [
		("MeterRegistry", "MicrogridPages"),
		("MeterRegistry", "LatestPages"),
		("MeterRegistry", "EnergyPages"),
		("Settlement", "Statements"),
	];
	for (pallet, item) in crate::opening::ITEMS.iter().chain(&read) {
		let name = (pallet.as_bytes().to_vec(), item.as_bytes().to_vec());
		assert!(items.contains(&name), "{pallet}::{item}");
	}
	// A chain without anything.
	let told = crate::opening(0, Hash::default(), &Snapshot::default()).expect("it can be told");
	let kinds: Vec<_> = told.iter().map(|line| line.record.kind()).collect();
	assert_eq!(kinds, ["journal", "opening"]);
	assert_eq!(
		told[1].record,
		Record::Opening(Opening::NextOrder { order: 0 })
	);
}
