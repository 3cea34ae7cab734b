//! What the chain keeps, in the model's words; and its own invariants.

use std::collections::BTreeMap;

use frame_support::{
	storage::{storage_prefix, unhashed},
	traits::fungible::Inspect,
};
use gridweave_primitives::{traits::MeteredEnergy, Be32, Be64, MeterId, Period};
use gridweave_runtime::{
	configs::monetary::ExistentialDeposit, AccountId, Balances, MeterRegistry, Runtime, Settlement,
	System,
};

use pallet_settlement::types::Stage;

use super::words::{account, contracts, creditor, exchange, side, totals, who};
use crate::model::{
	check::{Kept, Rest},
	types as my, Entry, Order, Position, EXISTENTIAL,
};

/// Forgets what readings gave cause for before flags are raised of it: of quarantine the model knows nothing yet.
pub fn forget_findings() {
	let findings = storage_prefix(b"AnomalyFlags", b"Findings");
	let removed = unhashed::clear_prefix(&findings, None, None);
	assert!(removed.maybe_cursor.is_none(), "all at once");
}

/// What is kept of money; if `all`, everything.
pub fn kept(members: &[my::Who], meters: &[my::MeterNo], current: my::Period, all: bool) -> Kept {
	let ledger = Settlement::members().filter(|(_, member)| member.is_open());
	let ledger = ledger.map(|(of, member)| {
		let entry = Entry {
			balance: member.balance,
			locked: member.locked,
		};
		(who(&of), entry)
	});
	let data = |of: &my::Who| System::account(account(*of)).data;
	let arrears = pallet_settlement::Arrears::<Runtime>::iter();
	let funds = pallet_settlement::Funds::<Runtime>::iter().map(|(grid, fund)| (grid.get(), fund));
	let house = Balances::total_balance(&Settlement::clearing_account());
	Kept {
		ledger: ledger.collect(),
		accounts: members.iter().map(|of| (*of, data(of).free)).collect(),
		held: members
			.iter()
			.map(|of| (*of, data(of).reserved))
			.filter(|(_, held)| *held > 0)
			.collect(),
		arrears: arrears
			.map(|(of, grid, amount)| ((who(&of), grid.get()), amount))
			.collect(),
		claims: claims(),
		funds: funds.collect(),
		house: house - EXISTENTIAL,
		issuance: Balances::total_issuance(),
		rest: all.then(|| rest(meters, current)),
	}
}

fn claims() -> BTreeMap<my::Grid, (my::Who, Vec<(my::Creditor, my::Planck)>)> {
	let mut of: BTreeMap<(u32, u64), (my::Creditor, my::Planck)> = BTreeMap::new();
	for ((grid, index), claim) in pallet_settlement::Claims::<Runtime>::iter() {
		of.insert(
			(grid.get(), index.get()),
			(creditor(&claim.creditor), claim.amount),
		);
	}
	pallet_settlement::ClaimQueues::<Runtime>::iter()
		.map(|(grid, queue)| {
			let grid = grid.get();
			let claims = of
				.range((grid, 0)..=(grid, u64::MAX))
				.map(|(_, claim)| *claim);
			(grid, (who(&queue.debtor), claims.collect()))
		})
		.collect()
}

type Key = (Be32, Be32, Be64, Be64);

fn orders() -> BTreeMap<(my::Grid, my::Period, my::Side), Vec<Order>> {
	let mut orders: BTreeMap<_, Vec<Order>> = BTreeMap::new();
	let mut add = |(grid, period, price, no): Key,
	               on: my::Side,
	               resting: pallet_order_book::Resting<AccountId>| {
		let limit = match on {
			my::Side::Ask => price.get(),
			my::Side::Bid => u64::MAX - price.get(),
		};
		orders
			.entry((grid.get(), period.get(), on))
			.or_default()
			.push(Order {
				no: no.get(),
				owner: who(&resting.owner),
				meter: resting.meter.0,
				limit,
				left: resting.remaining.0,
			});
	};
	for (key, resting) in pallet_order_book::Asks::<Runtime>::iter() {
		add(key, my::Side::Ask, resting);
	}
	for (key, resting) in pallet_order_book::Bids::<Runtime>::iter() {
		add(key, my::Side::Bid, resting);
	}
	orders
}

fn rest(meters: &[my::MeterNo], current: my::Period) -> Rest {
	let mut positions = BTreeMap::new();
	for ((grid, period, page), of_meters) in pallet_settlement::Positions::<Runtime>::iter() {
		for (slot, position) in of_meters.iter() {
			let meter = MeterId::at(page.get(), slot).0;
			let position = Position {
				owner: who(&position.owner),
				contracts: contracts(&position.contracts),
				margin: position.margin,
			};
			positions.insert((grid.get(), period.get(), meter), position);
		}
	}
	let exchanges = pallet_settlement::Exchanges::<Runtime>::iter()
		.map(|((grid, period), sums)| ((grid.get(), period.get()), exchange(&sums)));
	let mut flows = BTreeMap::new();
	for ((_, period), of_links) in pallet_order_book::LinkFlows::<Runtime>::iter() {
		for (link, flow) in of_links {
			flows.insert((link.0, period.get()), (flow.sent.0, flow.received.0));
		}
	}
	let mut sums = BTreeMap::new();
	for (page, of_meters) in pallet_settlement::Totals::<Runtime>::iter() {
		for (slot, of_meter) in of_meters {
			sums.insert(MeterId::at(page.get(), slot).0, totals(&of_meter));
		}
	}
	let mut metered = BTreeMap::new();
	for meter in meters {
		for period in current.saturating_sub(200)..=current + 1 {
			if let Some(energy) = MeterRegistry::metered(MeterId(*meter), Period(period)) {
				metered.insert((*meter, period), (energy.import.0, energy.export.0));
			}
		}
	}
	let standing = pallet_order_book::StandingOrders::<Runtime>::iter()
		.map(|((grid, meter, on), order)| ((grid.get(), meter.get(), side(on)), who(&order.owner)));
	Rest {
		positions,
		exchanges: exchanges.collect(),
		orders: orders(),
		flows,
		totals: sums,
		metered,
		standing: standing.collect(),
	}
}

/// From which period on the energy of each page of meters is kept, where any meter on it was read.
pub fn pruned() -> BTreeMap<u32, my::Period> {
	let pages = pallet_meter_registry::NextPage::<Runtime>::get();
	let prefix = storage_prefix(b"MeterRegistry", b"LatestPages");
	let of = |page: u32| {
		let key = [&prefix[..], &page.to_be_bytes()].concat();
		let latest: pallet_meter_registry::LatestPage = unhashed::get(&key)?;
		Some((page, latest.kept_from.0))
	};
	(0..pages).filter_map(of).collect()
}

/// Whether the block has room for anything.
pub fn has_room() -> bool {
	let most = <Runtime as frame_system::Config>::BlockWeights::get().max_block;
	System::block_weight().total().all_lt(most)
}

/// For which period the standing orders of each community are executed, or will be.
pub fn rounds() -> BTreeMap<my::Grid, my::Period> {
	pallet_order_book::StandingRounds::<Runtime>::iter()
		.map(|(grid, round)| (grid.get(), round.period.0))
		.collect()
}

/// The pages of meters that a settlement under way has closed its period for.
pub fn closed() -> Option<((my::Grid, my::Period, my::Who), Vec<u32>)> {
	let job = pallet_settlement::Current::<Runtime>::get()?;
	let grid = Be32::from(job.till.microgrid);
	let closed = match job.stage {
		Stage::Sum { page } => page,
		_ => job.pages,
	};
	let page =
		|index: u32| pallet_meter_registry::MicrogridPages::<Runtime>::get(grid, Be32::from(index));
	let begun = (grid.get(), job.period.0, who(&job.till.operator));
	Some((begun, (0..closed).filter_map(page).collect()))
}

/// Every pallet's invariants, and those that hold between them.
pub fn invariants() {
	pallet_microgrids::Pallet::<Runtime>::do_try_state().expect("microgrids");
	pallet_meter_registry::Pallet::<Runtime>::do_try_state().expect("meter registry");
	pallet_order_book::Pallet::<Runtime>::do_try_state().expect("order book");
	pallet_settlement::Pallet::<Runtime>::do_try_state().expect("settlement");
	assert_eq!(Settlement::stray(), Some(ExistentialDeposit::get()));
	let mut locked: BTreeMap<AccountId, u128> =
		pallet_order_book::Pallet::<Runtime>::locked_by_orders();
	for (who, amount) in pallet_settlement::Pallet::<Runtime>::locked_by_positions() {
		*locked.entry(who).or_default() += amount;
	}
	locked.retain(|_, amount| *amount > 0);
	let ledger: BTreeMap<AccountId, u128> = Settlement::members()
		.map(|(who, member)| (who, member.locked))
		.filter(|(_, locked)| *locked > 0)
		.collect();
	assert_eq!(locked, ledger);
}
