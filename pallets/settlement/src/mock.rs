//! A runtime with this pallet, and a world of communities and meters that tests write down.

use std::{
	cell::RefCell,
	collections::{BTreeMap, BTreeSet},
};

use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{ConstU128, Hooks},
	weights::{Weight, WeightMeter},
	PalletId,
};
use gridweave_primitives::{
	cost,
	market::{buyer_worst_case, seller_worst_case, Interest, Party, Trade, Wheeling},
	meter::{MeterInfo, MeterKind, MeterState, MeteredPage, MeteredPeriod, Provenance, Ratings},
	microgrid::{MarketRules, Mechanism, ResidualRule, Terms},
	traits::{
		Clearing, MarketInspect, MeterInspect, MeteredEnergy, MicrogridInspect, OnTrade,
		SettlementClock,
	},
	Balance, LinkId, MeterId, MicrogridId, Period, PeriodClock, Price, WattHours, Watts,
};
use sp_runtime::{BuildStorage, DispatchResult};

use crate as pallet_settlement;

pub type Block = frame_system::mocking::MockBlock<Test>;
pub type AccountId = u64;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Settlement: pallet_settlement,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<{ ED }>;
}

pub const ED: Balance = 10;
pub const MIN_TOP_UP: Balance = 100;
/// What every account has at the start.
pub const ENDOWMENT: Balance = 1_000_000_000_000_000_000;
/// Operators of microgrids 0 and 1.
pub const OPERATORS: [AccountId; 2] = [100, 101];
/// Operates the link of tests.
pub const LINK_OPERATOR: AccountId = 64;
pub const RETAIL: Price = Price(300_000);
pub const FEED_IN: Price = Price(80_000);
pub const FEE: Price = Price(1_000);
/// The period tests trade for: they begin while it is open.
pub const PERIOD: Period = Period(10);
pub const HOME: MicrogridId = MicrogridId(0);

parameter_types! {
	pub const HouseId: PalletId = PalletId(*b"gw/clear");
	pub static SettleWeight: Weight = Weight::from_parts(100_000_000_000, 100_000_000);
}

impl pallet_settlement::Config for Test {
	type Currency = Balances;
	type PalletId = HouseId;
	type Microgrids = World;
	type Clock = World;
	type Meters = World;
	type Metered = World;
	type Market = World;
	type SettleWeight = SettleWeight;
	type MinTopUp = ConstU128<{ MIN_TOP_UP }>;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = World;
}

/// What other pallets know.
#[derive(Clone)]
pub struct World {
	pub now: u64,
	pub clock: PeriodClock,
	pub operators: Vec<AccountId>,
	pub first: Option<Period>,
	pub residual: ResidualRule,
	/// Periods that never opened.
	pub gaps: BTreeSet<u32>,
	/// Periods before this one have lost their terms.
	pub terms_from: u32,
	pub meters: BTreeMap<MeterId, MeterInfo<AccountId>>,
	pub energy: BTreeMap<(Period, MeterId), MeteredPeriod>,
	pub closed: BTreeSet<(MicrogridId, u32, Period)>,
	/// What books tell, of both microgrids.
	pub interest: BTreeMap<Period, Interest>,
}

impl Default for World {
	fn default() -> Self {
		let clock = PeriodClock {
			period_length: 12,
			..PeriodClock::default()
		};
		Self {
			now: clock.start_of(PERIOD.saturating_sub(1)),
			clock,
			operators: OPERATORS.to_vec(),
			first: Some(PERIOD),
			residual: ResidualRule::Tariff,
			gaps: BTreeSet::new(),
			terms_from: 0,
			meters: BTreeMap::new(),
			energy: BTreeMap::new(),
			closed: BTreeSet::new(),
			interest: BTreeMap::new(),
		}
	}
}

thread_local! {
	static WORLD: RefCell<World> = RefCell::new(World::default());
}

/// Reads or changes the world.
pub fn world<R>(f: impl FnOnce(&mut World) -> R) -> R {
	WORLD.with(|world| f(&mut world.borrow_mut()))
}

impl World {
	fn pages_of(&self, microgrid: MicrogridId) -> BTreeSet<u32> {
		let of = |(id, info): (&MeterId, &MeterInfo<_>)| {
			(info.microgrid == microgrid).then_some(id.page())
		};
		self.meters.iter().filter_map(of).collect()
	}

	fn page(&self, microgrid: MicrogridId, page: u32, period: Period) -> MeteredPage {
		let page = self.pages_of(microgrid).into_iter().nth(page as usize);
		self.energy
			.iter()
			.filter(|((at, meter), _)| *at == period && Some(meter.page()) == page)
			.map(|((_, meter), metered)| (*meter, *metered))
			.collect()
	}
}

impl SettlementClock for World {
	fn clock() -> PeriodClock {
		world(|world| world.clock)
	}
	fn now() -> u64 {
		world(|world| world.now)
	}
}

impl MicrogridInspect<AccountId> for World {
	fn count() -> u32 {
		world(|world| world.operators.len() as u32)
	}
	fn operator(microgrid: MicrogridId) -> Option<AccountId> {
		world(|world| world.operators.get(microgrid.0 as usize).copied())
	}
	fn terms(_: MicrogridId, period: Period) -> Option<Terms> {
		let horizon = Self::current().saturating_add(96);
		world(|world| {
			let open = period >= world.first? && period <= horizon;
			(open && period.0 >= world.terms_from && !world.gaps.contains(&period.0))
				.then(|| terms(world.residual))
		})
	}
	fn first_period(_: MicrogridId) -> Option<Period> {
		world(|world| world.first)
	}
	fn next_opened(microgrid: MicrogridId, from: Period) -> Option<Period> {
		let horizon = Self::current().saturating_add(96);
		(from.0..=horizon.0)
			.map(Period)
			.find(|at| Self::terms(microgrid, *at).is_some())
	}
}

impl MeterInspect<AccountId> for World {
	fn meter(meter: MeterId) -> Option<MeterInfo<AccountId>> {
		world(|world| world.meters.get(&meter).cloned())
	}
	fn state_of_charge(_: MeterId) -> Option<WattHours> {
		None
	}
}

impl MeteredEnergy for World {
	fn pages(microgrid: MicrogridId) -> u32 {
		world(|world| world.pages_of(microgrid).len() as u32)
	}
	fn page(microgrid: MicrogridId, index: u32) -> Option<u32> {
		world(|world| world.pages_of(microgrid).into_iter().nth(index as usize))
	}
	fn close_page(microgrid: MicrogridId, page: u32, period: Period) -> MeteredPage {
		assert!(Self::is_frozen(period), "closed before it is frozen");
		world(|world| {
			assert!(
				world.closed.insert((microgrid, page, period)),
				"closed twice"
			);
			world.page(microgrid, page, period)
		})
	}
	fn closed_page(microgrid: MicrogridId, page: u32, period: Period) -> MeteredPage {
		world(|world| {
			assert!(
				world.closed.contains(&(microgrid, page, period)),
				"not closed yet"
			);
			world.page(microgrid, page, period)
		})
	}
	fn metered(meter: MeterId, period: Period) -> Option<MeteredPeriod> {
		world(|world| world.energy.get(&(period, meter)).copied())
	}
}

impl MarketInspect for World {
	fn interest(_: MicrogridId, period: Period) -> Interest {
		world(|world| world.interest.get(&period).copied().unwrap_or_default())
	}
}

#[cfg(feature = "runtime-benchmarks")]
impl crate::BenchmarkHelper<AccountId> for World {
	fn community(
		operator: AccountId,
		owners: Vec<AccountId>,
		silent: bool,
	) -> (MicrogridId, Period, Vec<MeterId>) {
		world(|world| {
			*world = World::default();
			world.operators[0] = operator;
		});
		let meters: Vec<_> = (0..32).map(MeterId).collect();
		for meter in &meters {
			add_meter(meter.0, owners[meter.0 as usize % owners.len()]);
			let (import, export) = if silent { (500, 0) } else { (0, 500) };
			metered(PERIOD, meter.0, import, export);
		}
		freeze(PERIOD);
		(HOME, PERIOD, meters)
	}
}

/// The terms of every period.
pub fn terms(residual: ResidualRule) -> Terms {
	Terms {
		retail_price: RETAIL,
		feed_in_price: FEED_IN,
		rules: MarketRules {
			mechanism: Mechanism::Continuous,
			price_floor: Price(1),
			price_cap: Price(1_000_000),
			min_quantity: WattHours(1),
			gate_closure: 0,
			fee: FEE,
		},
		residual,
	}
}

/// Registers a meter: ids below 128 in microgrid 0, others in microgrid 1.
pub fn add_meter(id: u32, owner: AccountId) {
	let info = MeterInfo {
		owner,
		microgrid: MicrogridId(id / 128),
		kind: MeterKind::Prosumer,
		ratings: Ratings {
			max_import: Watts(10_000),
			max_export: Watts(10_000),
		},
		state: MeterState::Active,
	};
	world(|world| world.meters.insert(MeterId(id), info));
}

/// Writes down what a meter metered.
pub fn metered(period: Period, id: u32, import: u64, export: u64) {
	let metered = MeteredPeriod {
		import: WattHours(import),
		export: WattHours(export),
		provenance: Provenance::Measured,
	};
	world(|world| world.energy.insert((period, MeterId(id)), metered));
}

fn owner(id: u32) -> AccountId {
	world(|world| world.meters[&MeterId(id)].owner)
}

/// A trade as the order book would book it, both orders at the trade's price.
pub fn trade_of(period: Period, seller: u32, buyer: u32, energy: u64, price: u64) -> Trade<u64> {
	let (energy, price) = (WattHours(energy), Price(price));
	let party = |meter: u32, released| Party {
		account: owner(meter),
		meter: MeterId(meter),
		microgrid: MicrogridId(meter / 128),
		energy,
		fee: FEE,
		released,
	};
	Trade {
		period,
		seller: party(seller, seller_worst_case(price, RETAIL, FEE, energy)),
		buyer: party(buyer, buyer_worst_case(price, FEE, energy)),
		price,
		value: cost(price, energy),
		retail_price: RETAIL,
		wheeling: None,
	}
}

/// A trade over a link: what of `sent` arrives is `received`, for which the buyer pays `wheeling` per kWh. Its
/// bid was at twice the price.
pub fn linked_trade_of(
	(seller, sent): (u32, u64),
	(buyer, received): (u32, u64),
	price: u64,
	wheeling: u64,
) -> Trade<u64> {
	let mut trade = trade_of(PERIOD, seller, buyer, sent, price);
	let received = WattHours(received);
	trade.buyer.energy = received;
	trade.buyer.released = buyer_worst_case(Price(2 * price), FEE, received);
	trade.wheeling = Some(Wheeling {
		link: LinkId(7),
		operator: LINK_OPERATOR,
		fee: cost(Price(wheeling), received),
	});
	trade
}

/// Locks both sides of a trade and makes it, or does neither.
pub fn book(trade: Trade<u64>) -> DispatchResult {
	frame_support::storage::with_storage_layer(|| {
		for party in [&trade.seller, &trade.buyer] {
			Settlement::lock(&party.account, party.meter, party.released)?;
		}
		Settlement::on_trade(trade)
	})
}

/// Locks both sides and trades, or does neither.
pub fn try_trade(
	period: Period,
	seller: u32,
	buyer: u32,
	energy: u64,
	price: u64,
) -> DispatchResult {
	book(trade_of(period, seller, buyer, energy, price))
}

/// [`try_trade`], which must succeed.
pub fn trade(period: Period, seller: u32, buyer: u32, energy: u64, price: u64) {
	assert_ok!(try_trade(period, seller, buyer, energy, price));
}

/// Lets the chain's time pass until the period is frozen.
pub fn freeze(period: Period) {
	world(|world| world.now = world.now.max(world.clock.freezes_at(period)));
}

/// One block's poll, with all the weight there is.
pub fn poll() -> Weight {
	let mut meter = WeightMeter::new();
	let block = System::block_number() + 1;
	System::set_block_number(block);
	Settlement::on_poll(block, &mut meter);
	meter.consumed()
}

/// Polls until the period is settled in both microgrids; returns how many blocks that took.
pub fn settle(period: Period) -> u32 {
	freeze(period);
	for blocks in 1..10_000 {
		poll();
		Settlement::do_try_state().expect("invariants hold between blocks");
		let settled = |id| {
			Settlement::progress(MicrogridId(id)).is_some_and(|progress| progress.next > period)
		};
		if settled(0) && settled(1) {
			return blocks;
		}
	}
	panic!("period {period} is never settled")
}

/// A member's trading balance.
pub fn balance(who: AccountId) -> Balance {
	Settlement::member(&who).balance
}

/// What is locked of it.
pub fn locked(who: AccountId) -> Balance {
	Settlement::member(&who).locked
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<crate::Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Settlement(event) => Some(event),
			_ => None,
		});
	let events = events.collect();
	System::reset_events();
	events
}

/// A fresh chain and world.
pub fn chain() -> sp_io::TestExternalities {
	WORLD.with(|world| *world.borrow_mut() = World::default());
	SettleWeight::set(Weight::from_parts(100_000_000_000, 100_000_000));
	let accounts = (1..=64).chain(OPERATORS);
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: accounts.map(|who| (who, ENDOWMENT)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext: sp_io::TestExternalities =
		storage.build_storage().expect("genesis is sound").into();
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test in a fresh chain and world, and checks afterwards that all invariants hold, that the
/// clearing house holds exactly what it owes, and that money neither came nor went.
pub fn run(test: impl FnOnce()) {
	chain().execute_with(|| {
		let issued = Balances::total_issuance();
		test();
		Settlement::do_try_state().expect("invariants hold after the test");
		assert_eq!(
			Settlement::stray(),
			Some(0),
			"the clearing house holds what it owes"
		);
		assert_eq!(
			Balances::total_issuance(),
			issued,
			"money neither comes nor goes"
		);
	});
}
