//! A chain with this pallet. Time, communities and meters are tables; the clearing house is a small
//! ledger in storage, so that a refused order undoes it as it does everything else.

use std::collections::{BTreeMap, BTreeSet};

use frame_support::{
	construct_runtime, derive_impl, parameter_types,
	traits::Hooks,
	weights::{RuntimeDbWeight, Weight, WeightMeter},
	BoundedVec,
};
use gridweave_primitives::{
	link::OpenLink,
	market::Side,
	meter::{MeterInfo, MeterKind, MeterState, MeteredPeriod, Ratings},
	microgrid::{MarketRules, Mechanism, ResidualRule, Terms},
	traits::{MeterInspect, MicrogridInspect, Quarantine, SettlementClock, SettlementProgress},
	Balance, MeterId, MicrogridId, OrderId, Period, PeriodClock, Price, WattHours, Watts,
};
use sp_runtime::{traits::Dispatchable, BuildStorage, DispatchError};

mod house;
mod links;
mod standing;

pub use house::{Accounts, House, Proceeds, Trades};
pub use links::*;
pub use standing::{
	above, ending, fixed, free, fund, held, measured, open, stand, standing, transfer, NEXT,
};

use crate as pallet_order_book;
use crate::{Call, CancelReason, Event, NewOrder, TimeInForce};

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		OrderBook: pallet_order_book,
	}
);

pub type AccountId = u64;
type Block = frame_system::mocking::MockBlock<Test>;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type DbWeight = Database;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type AccountStore = System;
	type RuntimeHoldReason = RuntimeHoldReason;
	type ExistentialDeposit = ExistentialDeposit;
}

pub const HORIZON: u32 = 96;

parameter_types! {
	pub static Now: u64 = 0;
	pub static Meters: BTreeMap<MeterId, MeterInfo<AccountId>> = BTreeMap::new();
	pub static Charges: BTreeMap<MeterId, WattHours> = BTreeMap::new();
	pub static Quarantined: BTreeSet<MeterId> = BTreeSet::new();
	pub static InArrears: BTreeSet<AccountId> = BTreeSet::new();
	pub static CurrentTerms: Terms = terms();
	/// Terms of microgrids that differ from [`CurrentTerms`].
	pub static OtherTerms: BTreeMap<MicrogridId, Terms> = BTreeMap::new();
	/// Links that are open for all periods.
	pub static OpenLinks: Vec<OpenLink<AccountId>> = Vec::new();
	/// How many trades are made; every further one fails.
	pub static MostTrades: usize = usize::MAX;
	pub static MaxFills: u32 = 5;
	pub static MaxRemovals: u32 = 1_000;
	pub static MaxOrdersPerMeter: u32 = 12;
	pub static ServiceWeight: Weight = Weight::from_parts(20_000_000_000, u64::MAX);
	pub static StandingWeight: Weight = Weight::from_parts(20_000_000_000, u64::MAX);
	pub static StandingDeposit: Balance = 1_000;
	pub static MaxStandingFills: u32 = 3;
	pub static CouplingWindow: u64 = 0;
	pub const CouplingDeposit: Balance = 1_000;
	/// What meters measured lately, newest first.
	pub static History: BTreeMap<MeterId, Vec<MeteredPeriod>> = BTreeMap::new();
	/// Periods that open late, or never: not before this time.
	pub static OpenLate: BTreeMap<(MicrogridId, Period), u64> = BTreeMap::new();
	/// What reading and writing a key weighs.
	pub static Database: RuntimeDbWeight = RuntimeDbWeight { read: 0, write: 0 };
	/// How often a next key was looked for.
	pub static Seeks: u32 = 0;
	pub const MaxBatch: u32 = 8;
	pub const MaxLinks: u32 = 3;
	pub const Horizon: u32 = HORIZON;
	pub const ExistentialDeposit: Balance = 10;
}

pub struct Tables;

impl SettlementClock for Tables {
	fn clock() -> PeriodClock {
		PeriodClock::default()
	}

	fn now() -> u64 {
		Now::get()
	}
}

impl MicrogridInspect<AccountId> for Tables {
	fn count() -> u32 {
		4
	}

	fn operator(_: MicrogridId) -> Option<AccountId> {
		Some(OPERATOR)
	}

	fn terms(microgrid: MicrogridId, period: Period) -> Option<Terms> {
		let late = OpenLate::get().get(&(microgrid, period)).copied();
		let kept = period >= START && period <= Self::current().saturating_add(HORIZON);
		let open = kept && late.is_none_or(|at| Now::get() >= at);
		let terms = || OtherTerms::get().get(&microgrid).copied();
		(microgrid.0 < Self::count() && open).then(|| terms().unwrap_or_else(CurrentTerms::get))
	}

	fn first_period(_: MicrogridId) -> Option<Period> {
		Some(START)
	}

	fn next_opened(microgrid: MicrogridId, from: Period) -> Option<Period> {
		let last = Self::current().saturating_add(HORIZON);
		(from.0..=last.0)
			.map(Period)
			.find(|period| Self::terms(microgrid, *period).is_some())
	}
}

impl MeterInspect<AccountId> for Tables {
	fn meter(meter: MeterId) -> Option<MeterInfo<AccountId>> {
		Meters::get().get(&meter).cloned()
	}

	fn state_of_charge(meter: MeterId) -> Option<WattHours> {
		Charges::get().get(&meter).copied()
	}
}

/// Settled as soon as it is delivered.
impl SettlementProgress for Tables {
	fn settled_before(_: MicrogridId) -> Period {
		Self::current()
	}
}

impl Quarantine for Tables {
	fn is_quarantined(meter: MeterId) -> bool {
		Quarantined::get().contains(&meter)
	}
}

impl pallet_order_book::Config for Test {
	type Clock = Tables;
	type Microgrids = Tables;
	type Links = Tables;
	type Meters = Tables;
	type Quarantine = Tables;
	type Clearing = House;
	type Trades = House;
	type Progress = Tables;
	type MaxFills = MaxFills;
	type MaxBatch = MaxBatch;
	type MaxOrdersPerMeter = MaxOrdersPerMeter;
	type MaxRemovals = MaxRemovals;
	type MaxLinks = MaxLinks;
	type Horizon = Horizon;
	type ServiceWeight = ServiceWeight;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type History = Tables;
	type WeightToFee = Tables;
	type Fees = Tables;
	type StandingDeposit = StandingDeposit;
	type MaxStandingFills = MaxStandingFills;
	type StandingWeight = StandingWeight;
	type CouplingWindow = CouplingWindow;
	type CouplingDeposit = CouplingDeposit;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Tables;
}

#[cfg(feature = "runtime-benchmarks")]
impl pallet_order_book::BenchmarkHelper<AccountId> for Tables {
	fn market() -> (MicrogridId, Period) {
		(GRID, P)
	}

	fn linked(into: MicrogridId, n: u32) -> MicrogridId {
		open([link(n, NORTH, into)]);
		NORTH
	}

	fn auctions_at(now: u64) {
		CurrentTerms::mutate(|terms| terms.rules.mechanism = Mechanism::CallAuction);
		CouplingWindow::set(60);
		Now::set(now);
	}

	fn meter(microgrid: MicrogridId, n: u32, storage: bool) -> (AccountId, MeterId) {
		let kind = if storage {
			MeterKind::Storage {
				capacity: WattHours(1 << 30),
			}
		} else {
			MeterKind::Prosumer
		};
		let (owner, meter) = (u64::from(n), MeterId(1_000 + Meters::get().len() as u32));
		add_meter(meter, owner, microgrid, kind, u32::MAX);
		Charges::mutate(|charges| charges.insert(meter, WattHours(1 << 29)));
		Accounts::insert(owner, (RICH, 0, 0));
		fund(owner, FUNDS);
		(owner, meter)
	}

	fn metered(microgrid: MicrogridId, n: u32) -> (AccountId, MeterId) {
		let (owner, meter) = Self::meter(microgrid, n, false);
		measured(meter, &[(RATED, 0); 4]);
		(owner, meter)
	}
}

pub const OPERATOR: AccountId = 99;
pub const ALICE: AccountId = 1;
pub const BOB: AccountId = 2;
pub const CAROL: AccountId = 3;
/// Has nothing.
pub const POOR: AccountId = 9;
/// Gets the fees.
pub const COLLECTOR: AccountId = 98;
/// What Alice, Bob and Carol have on their accounts.
pub const FUNDS: Balance = 1_000_000_000_000_000;

pub const RICH: Balance = 1_000_000_000_000_000_000_000;

pub const GRID: MicrogridId = MicrogridId(0);

/// Meters that may import and export 10 kWh in a period.
pub const ALICES: MeterId = MeterId(0);
pub const ALICES_OTHER: MeterId = MeterId(1);
pub const BOBS: MeterId = MeterId(2);
pub const CAROLS: MeterId = MeterId(3);
pub const POORS: MeterId = MeterId(4);
/// Bob's storage: 20 kWh, 10 kWh a period either way.
pub const STORE: MeterId = MeterId(5);
/// Exports nothing.
pub const LOAD: MeterId = MeterId(6);
pub const FEEDER: MeterId = MeterId(7);
pub const CAPACITY: WattHours = WattHours(20_000);
/// What a rating lets a meter trade in a period.
pub const RATED: u64 = 10_000;

/// The period in which tests start, at its first second.
pub const START: Period = Period(1_977_778);
/// The first period whose gate is not closed then, and the two after it.
pub const P: Period = Period(START.0 + 2);
pub const P1: Period = Period(START.0 + 3);
pub const P2: Period = Period(START.0 + 4);

pub fn terms() -> Terms {
	Terms {
		retail_price: Price(300_000),
		feed_in_price: Price(80_000),
		rules: MarketRules {
			mechanism: Mechanism::Continuous,
			price_floor: Price(10),
			price_cap: Price(1_000_000),
			min_quantity: WattHours(10),
			gate_closure: 1,
			fee: Price(1_000),
		},
		residual: ResidualRule::Tariff,
	}
}

pub fn add_meter(
	meter: MeterId,
	owner: AccountId,
	microgrid: MicrogridId,
	kind: MeterKind,
	export: u32,
) {
	let ratings = Ratings {
		max_import: Watts(40_000),
		max_export: Watts(export),
	};
	let info = MeterInfo {
		owner,
		microgrid,
		kind,
		ratings,
		state: MeterState::Active,
	};
	Meters::mutate(|meters| meters.insert(meter, info));
}

/// A chain at the start of [`START`], with the meters above.
pub fn chain() -> sp_io::TestExternalities {
	Now::set(PeriodClock::default().start_of(START));
	Meters::take();
	Charges::take();
	Quarantined::take();
	InArrears::take();
	CurrentTerms::set(terms());
	OtherTerms::take();
	OpenLinks::take();
	MostTrades::set(usize::MAX);
	Database::take();
	MaxFills::set(5);
	MaxRemovals::set(1_000);
	MaxOrdersPerMeter::set(12);
	ServiceWeight::set(Weight::from_parts(20_000_000_000, u64::MAX));
	StandingWeight::set(Weight::from_parts(20_000_000_000, u64::MAX));
	StandingDeposit::set(1_000);
	CouplingWindow::set(0);
	History::take();
	OpenLate::take();
	let prosumers = [
		(ALICES, ALICE),
		(ALICES_OTHER, ALICE),
		(BOBS, BOB),
		(CAROLS, CAROL),
		(POORS, POOR),
	];
	for (meter, owner) in prosumers {
		add_meter(meter, owner, GRID, MeterKind::Prosumer, 40_000);
	}
	add_meter(
		STORE,
		BOB,
		GRID,
		MeterKind::Storage { capacity: CAPACITY },
		40_000,
	);
	for (meter, owner, grid) in [
		(NORTHS, ALICE, NORTH),
		(NORTHS_OTHER, CAROL, NORTH),
		(SOUTHS, BOB, SOUTH),
	] {
		add_meter(meter, owner, grid, MeterKind::Prosumer, 40_000);
	}
	add_meter(LOAD, BOB, GRID, MeterKind::Consumer, 0);
	add_meter(FEEDER, ALICE, GRID, MeterKind::Feeder, 40_000);
	let storage = RuntimeGenesisConfig::default()
		.build_storage()
		.expect("genesis is sound");
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| {
		System::set_block_number(1);
		for who in [ALICE, BOB, CAROL] {
			Accounts::insert(who, (RICH, 0, 0));
			fund(who, FUNDS);
		}
	});
	ext
}

/// Runs a test on a new chain, then checks the invariants.
pub fn test(f: impl FnOnce()) {
	chain().execute_with(|| {
		f();
		check();
	});
}

/// Runs a test on a new chain whose books are call auctions, then checks the invariants.
pub fn test_auction(f: impl FnOnce()) {
	test(|| {
		CurrentTerms::mutate(|terms| terms.rules.mechanism = Mechanism::CallAuction);
		f();
	});
}

/// The pallet's invariants, that the clearing house has locked what the open orders lock, and that nothing
/// is held but for standing orders.
pub fn check() {
	assert_eq!(OrderBook::do_try_state(), Ok(()));
	let locked: BTreeMap<_, _> = Accounts::iter()
		.filter_map(|(who, (_, locked, _))| (locked > 0).then_some((who, locked)))
		.collect();
	let mut expected = OrderBook::locked_by_orders();
	expected.retain(|_, amount| *amount > 0);
	assert_eq!(locked, expected);
	let holders = pallet_balances::Holds::<Test>::iter_keys();
	let held: BTreeMap<_, _> = holders
		.map(|who| (who, held(who)))
		.filter(|(_, amount)| *amount > 0)
		.collect();
	assert_eq!(held, OrderBook::held_for_standing_orders());
}

/// Dispatches a call, as a block does.
pub fn dispatch(
	who: AccountId,
	call: impl Into<RuntimeCall>,
) -> frame_support::dispatch::DispatchResultWithPostInfo {
	call.into().dispatch(RuntimeOrigin::signed(who))
}

/// Refused, and nothing changed.
#[track_caller]
pub fn assert_refused(
	who: AccountId,
	call: impl Into<RuntimeCall>,
	error: impl Into<DispatchError>,
) {
	let before = sp_io::storage::root(sp_runtime::StateVersion::V1);
	let result = dispatch(who, call).map_err(|refused| refused.error);
	assert_eq!(result.map(|_| ()), Err(error.into()));
	assert_eq!(before, sp_io::storage::root(sp_runtime::StateVersion::V1));
}

/// The call that places an order.
pub fn placing(order: NewOrder) -> Call<Test> {
	Call::place_order { order }
}

/// The call that cancels an order.
pub fn cancelling(order_id: OrderId) -> Call<Test> {
	Call::cancel_order { order_id }
}

/// The call that replaces an order.
pub fn replacing(order_id: OrderId, energy: u64, limit_price: u64) -> Call<Test> {
	Call::replace_order {
		order_id,
		energy: WattHours(energy),
		limit_price: Price(limit_price),
	}
}

pub fn bid(meter: MeterId, energy: u64, price: u64) -> NewOrder {
	NewOrder {
		meter,
		side: Side::Bid,
		period: P,
		energy: WattHours(energy),
		limit_price: Price(price),
		time_in_force: TimeInForce::GoodUntilGate,
	}
}

pub fn ask(meter: MeterId, energy: u64, price: u64) -> NewOrder {
	NewOrder {
		side: Side::Ask,
		..bid(meter, energy, price)
	}
}

pub fn owner_of(meter: MeterId) -> AccountId {
	Tables::meter(meter).expect("a meter of the mock").owner
}

/// Places an order, which must not be refused, and returns its id.
#[track_caller]
pub fn place(order: NewOrder) -> OrderId {
	let id = crate::NextOrderId::<Test>::get();
	let result = OrderBook::place_order(RuntimeOrigin::signed(owner_of(order.meter)), order);
	assert!(result.is_ok(), "{result:?}");
	id
}

pub fn batch(orders: &[NewOrder]) -> BoundedVec<NewOrder, MaxBatch> {
	orders.to_vec().try_into().expect("not too many")
}

/// What is left of an order, if it is open.
pub fn remaining(order: OrderId) -> Option<u64> {
	OrderBook::order(order).map(|order| order.remaining.0)
}

/// Price and energy of all trades.
pub fn trades() -> Vec<(u64, u64)> {
	let trades = Trades::get().unwrap_or_default();
	trades
		.iter()
		.map(|trade| (trade.price.0, trade.buyer.energy.0))
		.collect()
}

/// What is locked for open orders of an account.
pub fn locked(who: AccountId) -> Balance {
	Accounts::get(who).unwrap_or_default().1
}

/// How many meters have open orders, or traded what is still to be delivered.
pub fn dealing() -> usize {
	let current = Tables::current();
	let dealings = crate::MeterDealings::<Test>::iter_values();
	let left = |dealings: &crate::Dealings<MaxOrdersPerMeter>| {
		!dealings.orders.is_empty() || dealings.periods.iter().any(|(of, _)| *of >= current)
	};
	dealings.filter(left).count()
}

pub fn events() -> Vec<Event<Test>> {
	System::read_events_for_pallet()
}

/// Why orders were cancelled since events were last read.
pub fn cancellations() -> Vec<(OrderId, u64, CancelReason)> {
	let cancelled = |event| match event {
		Event::OrderCancelled {
			order_id,
			energy,
			reason,
			..
		} => Some((order_id, energy.0, reason)),
		_ => None,
	};
	events().into_iter().filter_map(cancelled).collect()
}

/// Begins a new block at a time, in Unix seconds.
pub fn block_at(now: u64) {
	Now::set(now);
	System::set_block_number(System::block_number() + 1);
	let mut meter = WeightMeter::new();
	OrderBook::on_poll(System::block_number(), &mut meter);
	let most = ServiceWeight::get().saturating_add(StandingWeight::get());
	assert!(meter.consumed().all_lte(most));
}

/// Ends a block: what its transactions left may be used.
pub fn idle(left: Weight) -> Weight {
	let used = OrderBook::on_idle(System::block_number(), left);
	assert!(used.all_lte(left));
	used
}

/// How often a next key is looked for while `f` runs.
pub fn seeks(f: impl FnOnce()) -> u32 {
	Seeks::set(0);
	f();
	Seeks::get()
}

/// The events so far, which are forgotten.
pub fn take_events() -> Vec<Event<Test>> {
	let events = events();
	System::reset_events();
	events
}

/// Orders that were placed since events were last taken: meter, side, period and energy.
pub fn placements() -> Vec<(MeterId, Side, Period, u64)> {
	let placed = |event| match event {
		Event::OrderPlaced { order, .. } => {
			Some((order.meter, order.side, order.period, order.energy.0))
		}
		_ => None,
	};
	take_events().into_iter().filter_map(placed).collect()
}

/// When the gate of a period closes.
pub fn gate(period: Period) -> u64 {
	start_of(Period(period.0 - 1))
}

/// When a period begins.
pub fn start_of(period: Period) -> u64 {
	PeriodClock::default().start_of(period)
}
