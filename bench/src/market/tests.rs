use std::collections::BTreeMap;

use gridweave_runtime::{
	configs::monetary::ExistentialDeposit, Balances, MeterRegistry, Microgrids, OrderBook,
	Settlement, System,
};
use pallet_order_book::{Agenda, Stage};
use sp_state_machine::BasicExternalities;

use super::*;

/// Looks at a state that keeps all invariants of all pallets, and those between them.
fn sound(storage: Result<Storage>, look: impl FnOnce()) {
	let storage = storage.expect("it is made");
	BasicExternalities::new(storage).execute_with(|| {
		Microgrids::do_try_state().expect("microgrids");
		MeterRegistry::do_try_state().expect("meter registry");
		OrderBook::do_try_state().expect("order book");
		Settlement::do_try_state().expect("settlement");
		assert_eq!(Settlement::stray(), Some(ExistentialDeposit::get()));
		let mut locked: BTreeMap<_, Balance> = OrderBook::locked_by_orders();
		for (who, amount) in Settlement::locked_by_positions() {
			*locked.entry(who).or_default() += amount;
		}
		locked.retain(|_, amount| *amount > 0);
		let ledger: BTreeMap<_, _> = Settlement::members()
			.map(|(who, member)| (who, member.locked))
			.filter(|(_, locked)| *locked > 0)
			.collect();
		assert_eq!(locked, ledger);
		let accounts = frame_system::Account::<Runtime>::iter_values();
		let sum: Balance = accounts
			.map(|account| account.data.free + account.data.reserved)
			.sum();
		assert_eq!(sum, Balances::total_issuance());
		assert_eq!(System::block_number(), 0);
		look();
	});
}

#[test]
fn communities_should_be_sound() {
	let community = Community::reporting(64);
	sound(community.storage(|| Ok(())), || {
		assert_eq!(pallet_meter_registry::Meters::<Runtime>::iter().count(), 64);
	});
}

#[test]
fn markets_should_be_sound_and_have_their_orders() {
	for (orders, each) in [(0, None), (500, Some(250))] {
		let market = Market::continuous(600, orders);
		assert_eq!(market.meters(), 608 + ACTIVE);
		sound(market.storage(), || {
			let data = OrderBook::market_data(MICROGRID, market.period());
			let counts = data.map(|data| (data.asks, data.bids, data.trades));
			assert_eq!(counts, each.map(|each| (each, each, 0)));
		});
	}
}

#[test]
fn auctions_should_be_sound_and_wait_for_their_gate() {
	let market = Market::auction(320);
	sound(market.storage(), || {
		let data = OrderBook::market_data(MICROGRID, market.period()).expect("a book");
		assert_eq!((data.asks, data.bids, data.trades), (160, 160, 0));
		assert!(data.best_bid > data.best_ask, "some of them are to trade");
		let agenda: Vec<_> = Agenda::<Runtime>::iter().collect();
		let [((due, ..), Stage::Discover { .. })] = agenda.as_slice() else {
			panic!("one auction is to be held: {agenda:?}");
		};
		assert_eq!(due.get(), CLOCK.start_of(market.period()));
	});
}

#[test]
fn a_delivered_period_should_be_sound_and_wait_for_its_settlement() {
	let delivered = Delivered { meters: 192 };
	assert_eq!(delivered.traded(), 64);
	sound(delivered.storage(), || {
		let progress = Settlement::progress(MICROGRID).expect("periods opened");
		assert_eq!(progress.next, Delivered::period());
		let before = CLOCK.period_at(START);
		let summary = Settlement::summary(MICROGRID, before).expect("it is settled");
		assert_eq!((summary.meters, summary.estimated), (192, 0));
		let period = Delivered::period();
		let traded = (0..192)
			.filter(|meter| Settlement::position(MICROGRID, period, MeterId(*meter)).is_some());
		assert_eq!(traded.count(), 64);
		assert_eq!(Agenda::<Runtime>::count(), 1, "the book waits to be pruned");
	});
}
