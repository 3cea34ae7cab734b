//! A runtime with this pallet, and a world of meters that tests write down. Its days have eight periods.

use std::{
	cell::RefCell,
	collections::{BTreeMap, BTreeSet},
};

use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{fungible::InspectHold, ConstU128, Hooks},
	weights::{Weight, WeightMeter},
};
use gridweave_primitives::{
	market::Interest,
	meter::{MeterInfo, MeterKind, MeterState, MeteredPage, MeteredPeriod, Provenance, Ratings},
	microgrid::{MarketRules, Mechanism, ResidualRule, Terms},
	traits::{
		CommunityFunds, MarketInspect, MeterInspect, MeteredEnergy, MicrogridInspect, Quarantine,
		SettlementClock, SettlementProgress,
	},
	Balance, Be32, EventId, MeterId, MicrogridId, Period, PeriodClock, Price, ProgrammeId,
	ResourceId, WattHours, Watts,
};
use sp_runtime::{BuildStorage, Permill};

use crate::{
	self as pallet_demand_response,
	baseline::Method,
	types::{Baseline, Direction, Prices, ProgrammeTerms},
	HoldReason,
};

pub type Block = frame_system::mocking::MockBlock<Test>;
pub type AccountId = u64;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		DemandResponse: pallet_demand_response,
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
	type ExistentialDeposit = ConstU128<10>;
	type RuntimeHoldReason = RuntimeHoldReason;
}

pub const PROGRAMME_DEPOSIT: Balance = 1_000;
pub const GROUP_DEPOSIT: Balance = 200;
pub const ENROLMENT_DEPOSIT: Balance = 30;
pub const HISTORY_DEPOSIT: Balance = 500;
/// What every account has at the start.
pub const ENDOWMENT: Balance = 1_000_000_000_000_000_000;
/// Operators of microgrids 0 and 1.
pub const OPERATORS: [AccountId; 2] = [100, 101];
pub const OPERATOR: AccountId = OPERATORS[0];
/// Holds the money of communities' funds.
pub const FUNDS: AccountId = 102;
pub const HOME: MicrogridId = MicrogridId(0);
/// The feeder of microgrid 0.
pub const FEEDER: MeterId = MeterId(64);
/// Periods of a day.
pub const DAY: u32 = 8;
/// A Monday: day 0 is a Thursday.
pub const MONDAY: u32 = 4;
/// The first Monday with ten working days behind it, if those begin on [`MONDAY`].
pub const THIRD_MONDAY: u32 = 18;
/// What is set aside in tests that do not care: as much as anybody could earn.
pub const BUDGET: Balance = 100_000_000_000_000;

parameter_types! {
	pub static TaskWeight: Weight = Weight::from_parts(1_000_000_000_000, 1_000_000_000);
}

impl pallet_demand_response::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Funds = World;
	type Microgrids = World;
	type Clock = World;
	type Meters = World;
	type Metered = World;
	type Progress = World;
	type Market = World;
	type Quarantine = World;
	type ProgrammeDeposit = ConstU128<PROGRAMME_DEPOSIT>;
	type GroupDeposit = ConstU128<GROUP_DEPOSIT>;
	type EnrolmentDeposit = ConstU128<ENROLMENT_DEPOSIT>;
	type HistoryDeposit = ConstU128<HISTORY_DEPOSIT>;
	type TaskWeight = TaskWeight;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = World;
}

/// What other pallets know.
#[derive(Clone)]
pub struct World {
	pub now: u64,
	pub clock: PeriodClock,
	/// Of microgrid 0.
	pub operator: AccountId,
	pub meters: BTreeMap<MeterId, MeterInfo<AccountId>>,
	/// What meters take, net, in a period of the day.
	pub usual: BTreeMap<MeterId, Vec<i64>>,
	/// What they took where it was not the usual; `None`: an estimate.
	pub unusual: BTreeMap<(Period, MeterId), Option<i64>>,
	pub quarantined: BTreeSet<MeterId>,
	pub best_ask: Option<Price>,
	pub retail: Price,
	/// Settlement stands still at this period.
	pub stalled: Option<Period>,
	/// What the community's fund received.
	pub fund: Balance,
}

impl Default for World {
	fn default() -> Self {
		let clock = PeriodClock {
			periods_per_day: DAY,
			..PeriodClock::default()
		};
		Self {
			now: clock.start_of(at(MONDAY, 0)),
			clock,
			operator: OPERATOR,
			meters: BTreeMap::new(),
			usual: BTreeMap::new(),
			unusual: BTreeMap::new(),
			quarantined: BTreeSet::new(),
			best_ask: None,
			retail: Price(300_000),
			stalled: None,
			fund: 0,
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
		2
	}
	fn operator(microgrid: MicrogridId) -> Option<AccountId> {
		[world(|world| world.operator), OPERATORS[1]]
			.get(microgrid.0 as usize)
			.copied()
	}
	fn terms(_: MicrogridId, _: Period) -> Option<Terms> {
		Some(Terms {
			retail_price: world(|world| world.retail),
			feed_in_price: Price(80_000),
			rules: MarketRules {
				mechanism: Mechanism::Continuous,
				price_floor: Price(1),
				price_cap: Price(1_000_000),
				min_quantity: WattHours(1),
				gate_closure: 0,
				fee: Price(0),
			},
			residual: ResidualRule::Tariff,
		})
	}
	fn first_period(_: MicrogridId) -> Option<Period> {
		Some(Period(0))
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
	fn pages(_: MicrogridId) -> u32 {
		4
	}
	fn page(_: MicrogridId, index: u32) -> Option<u32> {
		Some(index)
	}
	fn close_page(_: MicrogridId, _: u32, _: Period) -> MeteredPage {
		unreachable!("settlement alone closes pages")
	}
	fn closed_page(_: MicrogridId, _: u32, _: Period) -> MeteredPage {
		unreachable!("settlement alone closes pages")
	}
	fn metered(meter: MeterId, period: Period) -> Option<MeteredPeriod> {
		world(|world| {
			let (net, provenance) = match world.unusual.get(&(period, meter)) {
				Some(Some(net)) => (*net, Provenance::Measured),
				// An estimate of no import: the best for who is silent.
				Some(None) => (0, Provenance::Estimated),
				None => {
					let usual = world.usual.get(&meter)?;
					let place = world.clock.period_of_day(period) as usize % usual.len();
					(usual[place], Provenance::Measured)
				}
			};
			let of = |net: i64| WattHours(u64::try_from(net).unwrap_or(0));
			Some(MeteredPeriod {
				import: of(net),
				export: of(-net),
				provenance,
			})
		})
	}
}

impl CommunityFunds<AccountId> for World {
	fn account() -> AccountId {
		FUNDS
	}

	fn received(microgrid: MicrogridId, amount: Balance) {
		assert_eq!(microgrid, HOME);
		world(|world| world.fund += amount);
	}
}

impl SettlementProgress for World {
	fn settled_before(_: MicrogridId) -> Period {
		world(|world| {
			let frozen = world.clock.frozen_before(world.now);
			world.stalled.map_or(frozen, |stalled| stalled.min(frozen))
		})
	}
}

impl MarketInspect for World {
	fn interest(_: MicrogridId, _: Period) -> Interest {
		Interest {
			best_ask: world(|world| world.best_ask),
			..Interest::default()
		}
	}
}

impl Quarantine for World {
	fn is_quarantined(meter: MeterId) -> bool {
		world(|world| world.quarantined.contains(&meter))
	}
}

/// The period at a place of a day.
pub const fn at(day: u32, place: u32) -> Period {
	Period(day * DAY + place)
}

/// The account that owns a meter: another for each.
pub const fn owner(meter: u32) -> AccountId {
	meter as u64 + 1
}

pub const RATINGS: Ratings = Ratings {
	max_import: Watts(40_000),
	max_export: Watts(20_000),
};

/// Adds a meter of microgrid 0 (ids from 96 on: of microgrid 1) that takes 1 kWh in every period.
pub fn add_meter(id: u32) -> MeterId {
	add_meter_of(id, owner(id), MeterKind::Prosumer)
}

pub fn add_meter_of(id: u32, owner: AccountId, kind: MeterKind) -> MeterId {
	let meter = MeterId(id);
	let info = MeterInfo {
		owner,
		microgrid: MicrogridId(id / 96),
		kind,
		ratings: RATINGS,
		state: MeterState::Active,
	};
	world(|world| {
		world.meters.insert(meter, info);
		world.usual.insert(meter, vec![1_000; DAY as usize]);
	});
	meter
}

/// Writes down what a meter took, net, in a period; `None`: it was silent.
pub fn took(meter: MeterId, period: Period, net: impl Into<Option<i64>>) {
	world(|world| world.unusual.insert((period, meter), net.into()));
}

/// Terms that tests vary: reduce, 0.20 GRID per kWh, ten of ten.
pub fn terms() -> ProgrammeTerms {
	ProgrammeTerms {
		direction: Direction::Reduce,
		prices: Prices {
			reward: Price(200_000),
			bonus: Price(50_000),
			penalty: Price(100_000),
		},
		baseline: Baseline::LikeDays {
			method: Method::TenOfTen,
			adjustment: Permill::zero(),
		},
		least_days: 10,
		dead_band: Permill::zero(),
		rebound: 0,
		notice: 0,
		events_per_day: 4,
		command: None,
	}
}

/// What a number of Wh earns under [`terms`].
pub const fn reward(energy: u128) -> Balance {
	energy * 200_000 * 1_000
}

/// Opens a programme of microgrid 0.
pub fn open(terms: ProgrammeTerms, budget: Balance) -> ProgrammeId {
	let id = ProgrammeId(crate::NextProgramme::<Test>::get());
	assert_ok!(DemandResponse::open_programme(
		RuntimeOrigin::signed(OPERATOR),
		HOME,
		terms,
		budget
	));
	id
}

/// Enrols a meter alone.
pub fn enrol(programme: ProgrammeId, meter: MeterId) -> ResourceId {
	let id = ResourceId(crate::NextResource::<Test>::get());
	let owner = world(|world| world.meters[&meter].owner);
	assert_ok!(DemandResponse::enrol(
		RuntimeOrigin::signed(owner),
		programme,
		meter
	));
	id
}

/// Makes a group of `who` and lets meters join.
pub fn group(programme: ProgrammeId, who: AccountId, meters: &[MeterId]) -> ResourceId {
	let id = ResourceId(crate::NextResource::<Test>::get());
	assert_ok!(DemandResponse::create_group(
		RuntimeOrigin::signed(who),
		programme
	));
	for meter in meters {
		let owner = world(|world| world.meters[meter].owner);
		assert_ok!(DemandResponse::invite(
			RuntimeOrigin::signed(who),
			programme,
			id,
			*meter
		));
		assert_ok!(DemandResponse::join_group(
			RuntimeOrigin::signed(owner),
			programme,
			id,
			*meter
		));
	}
	id
}

/// Announces an event whose target nobody reaches.
pub fn announce(programme: ProgrammeId, start: Period, periods: u32) -> EventId {
	announce_for(programme, start, periods, 100_000)
}

pub fn announce_for(programme: ProgrammeId, start: Period, periods: u32, target: u64) -> EventId {
	let id = EventId(crate::NextEvent::<Test>::get());
	assert_ok!(DemandResponse::announce_event(
		RuntimeOrigin::signed(OPERATOR),
		programme,
		start,
		periods,
		WattHours(target)
	));
	id
}

/// One block's poll, with all the weight there is.
pub fn acknowledge(meter: MeterId, nonce: u32, at: u64) {
	DemandResponse::acknowledge(meter.page(), &[(meter.slot(), nonce, at)]);
}

pub fn poll() -> Weight {
	let mut meter = WeightMeter::new();
	let block = System::block_number() + 1;
	System::set_block_number(block);
	DemandResponse::on_poll(block, &mut meter);
	DemandResponse::do_try_state().expect("invariants hold between blocks");
	meter.consumed()
}

/// Lets time pass until a period begins, with a block in each.
pub fn live_until(period: Period) {
	poll();
	while World::current() < period {
		world(|world| world.now += u64::from(world.clock.period_length));
		poll();
	}
}

/// Lets time pass until an event is measured and paid.
pub fn settle(event: EventId) -> crate::types::DemandEvent {
	for _ in 0..1_000 {
		let record = DemandResponse::event(event).expect("reports are kept");
		let open = DemandResponse::programme(record.programme)
			.expect("it is there")
			.events;
		if !open.contains(&event) {
			return record;
		}
		live_until(World::current().next());
	}
	panic!("{event:?} is never settled")
}

/// What a resource reported.
pub fn report(event: EventId, resource: ResourceId) -> Option<crate::types::Report<AccountId>> {
	crate::Reports::<Test>::get((Be32::from(event), Be32::from(resource)))
}

/// What a resource was paid.
pub fn paid(event: EventId, resource: ResourceId) -> Balance {
	report(event, resource).map_or(0, |report| report.paid)
}

/// What is held of an account.
pub fn held(reason: HoldReason, who: AccountId) -> Balance {
	Balances::balance_on_hold(&reason.into(), &who)
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<crate::Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::DemandResponse(event) => Some(event),
			_ => None,
		});
	let events = events.collect();
	System::reset_events();
	events
}

/// Runs a test in a fresh chain and world, and checks afterwards that all invariants hold, that nothing is held
/// but what records tell of, and that money neither came nor went.
pub fn run<R>(test: impl FnOnce() -> R) -> R {
	WORLD.with(|world| *world.borrow_mut() = World::default());
	TaskWeight::set(Weight::from_parts(1_000_000_000_000, 1_000_000_000));
	let accounts: Vec<AccountId> = (1..=99).chain(OPERATORS).chain([FUNDS]).collect();
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: accounts.iter().map(|who| (*who, ENDOWMENT)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext: sp_io::TestExternalities =
		storage.build_storage().expect("genesis is sound").into();
	ext.execute_with(|| {
		System::set_block_number(1);
		add_meter_of(FEEDER.0, OPERATOR, MeterKind::Feeder);
		let issued = Balances::total_issuance();
		let result = test();
		DemandResponse::do_try_state().expect("invariants hold after the test");
		let owed = DemandResponse::owed_holds();
		let reasons = [
			HoldReason::Budget,
			HoldReason::Enrolment,
			HoldReason::Commitment,
		];
		for (reason, owed) in reasons.into_iter().zip(owed) {
			for who in &accounts {
				let owed = owed.get(who).copied().unwrap_or_default();
				assert_eq!(held(reason, *who), owed, "{reason:?} of {who}");
			}
		}
		assert_eq!(
			Balances::total_issuance(),
			issued,
			"money neither comes nor goes"
		);
		result
	})
}

/// A programme with a meter that has ten like days behind it on [`THIRD_MONDAY`].
pub struct Village {
	pub programme: ProgrammeId,
	pub meters: Vec<MeterId>,
	pub resources: Vec<ResourceId>,
}

/// Enrols `count` meters, each alone, and lets two weeks pass.
pub fn village(terms: ProgrammeTerms, count: u32) -> Village {
	let programme = open(terms, BUDGET);
	let meters: Vec<_> = (0..count).map(add_meter).collect();
	let resources = meters
		.iter()
		.map(|meter| enrol(programme, *meter))
		.collect();
	live_until(at(THIRD_MONDAY, 0));
	events();
	Village {
		programme,
		meters,
		resources,
	}
}

impl World {
	/// The place of the current period in its day.
	pub fn place() -> u32 {
		Self::clock().period_of_day(Self::current())
	}
}

#[cfg(feature = "runtime-benchmarks")]
impl crate::BenchmarkHelper<AccountId> for World {
	fn community(
		operator: AccountId,
		owners: Vec<AccountId>,
	) -> (MicrogridId, Period, Vec<MeterId>) {
		world(|world| {
			world.operator = operator;
			world.clock.periods_per_day = 96;
		});
		let meters = (0..32).map(|id| {
			let owner = owners[id as usize % owners.len()];
			add_meter_of(id, owner, MeterKind::Prosumer)
		});
		(HOME, Period(5 * 96), meters.collect())
	}

	fn fund(who: &AccountId, amount: Balance) {
		use frame_support::traits::fungible::Mutate;
		Balances::set_balance(who, amount);
	}

	fn feeder(_: MicrogridId) -> MeterId {
		add_meter_of(FEEDER.0, OPERATOR, MeterKind::Feeder)
	}

	fn set_time(now: u64) {
		world(|world| world.now = now);
	}
}
