//! A chain with this pallet, balances and a clock. Settlement is a table.

use std::collections::BTreeMap;

use frame_support::{
	construct_runtime, derive_impl, parameter_types,
	traits::{ConstU128, ConstU32, Hooks},
	weights::{Weight, WeightMeter},
};
use frame_system::EnsureRoot;
use gridweave_primitives::{
	microgrid::{MarketRules, Mechanism, ResidualRule, Terms},
	traits::SettlementProgress,
	Balance, Be32, MicrogridId, Period, PeriodClock, Price, WattHours,
};
use sp_runtime::{BuildStorage, Permill};

use crate as pallet_microgrids;

construct_runtime!(
	pub enum Test {
		System: frame_system,
		Timestamp: pallet_timestamp,
		Balances: pallet_balances,
		Microgrids: pallet_microgrids,
	}
);

pub type AccountId = u64;
type Block = frame_system::mocking::MockBlock<Test>;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_timestamp::config_preludes::TestDefaultConfig)]
impl pallet_timestamp::Config for Test {}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<1>;
}

/// Settlement: everything is settled unless the table says otherwise.
pub struct Settlement;

impl SettlementProgress for Settlement {
	fn settled_before(microgrid: MicrogridId) -> Period {
		SettledBefore::get()
			.get(&microgrid)
			.copied()
			.unwrap_or(Period(u32::MAX))
	}
}

pub const HORIZON: u32 = 96;
pub const DEPOSIT: Balance = 1_000;
pub const MAX_MICROGRIDS: u32 = 5;
pub const MAX_LINKS: u32 = 2;
pub const LINK_DEPOSIT: Balance = 300;

parameter_types! {
	pub static SettledBefore: BTreeMap<MicrogridId, Period> = BTreeMap::new();
	/// How often a next key was looked for.
	pub static Seeks: u32 = 0;
	/// Room for a horizon and a little more: 105 periods.
	pub static OpenWeight: Weight = Weight::from_parts(6_000_000_000, u64::MAX);
	/// Room for 11 periods.
	pub static PruneWeight: Weight = Weight::from_parts(1_000_000_000, u64::MAX);
}

impl pallet_microgrids::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Time = Timestamp;
	type Settled = Settlement;
	type CreateOrigin = EnsureRoot<AccountId>;
	type BlockSeconds = ConstU32<3>;
	type Horizon = ConstU32<HORIZON>;
	type MaxMicrogrids = ConstU32<MAX_MICROGRIDS>;
	type Deposit = ConstU128<DEPOSIT>;
	type MaxLinks = ConstU32<MAX_LINKS>;
	type LinkDeposit = ConstU128<LINK_DEPOSIT>;
	type OpenWeight = OpenWeight;
	type PruneWeight = PruneWeight;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Settlement;
}

#[cfg(feature = "runtime-benchmarks")]
impl pallet_microgrids::BenchmarkHelper for Settlement {
	fn set_time(now: u64) {
		Timestamp::set_timestamp(now * 1_000);
	}

	fn set_settled(microgrid: MicrogridId, period: Period) {
		settle(microgrid, period);
	}
}

pub const ALICE: AccountId = 1;
pub const BOB: AccountId = 2;
pub const CHARLIE: AccountId = 3;
/// Owns nothing.
pub const POOR: AccountId = 9;

pub const FIRST: MicrogridId = MicrogridId(0);
pub const SECOND: MicrogridId = MicrogridId(1);

/// Where the chains of tests start: the first second of period [`START`].
pub const START_TIME: u64 = 1_780_000_200;
pub const START: Period = Period(1_977_778);

pub fn clock() -> PeriodClock {
	PeriodClock::default()
}

pub fn terms() -> Terms {
	Terms {
		retail_price: Price(300_000),
		feed_in_price: Price(80_000),
		rules: MarketRules {
			mechanism: Mechanism::Continuous,
			price_floor: Price(1),
			price_cap: Price(1_000_000),
			min_quantity: WattHours(1),
			gate_closure: 1,
			fee: Price(1_000),
		},
		residual: ResidualRule::Pool {
			spread: Permill::from_percent(5),
		},
	}
}

/// Terms that differ in the retail price.
pub fn terms_at(retail: u64) -> Terms {
	Terms {
		retail_price: Price(retail),
		..terms()
	}
}

/// A chain whose genesis has these microgrids.
pub fn chain(microgrids: Vec<(AccountId, Terms)>) -> sp_io::TestExternalities {
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: vec![(ALICE, 10_000), (BOB, 10_000), (CHARLIE, 10_000)],
			..Default::default()
		},
		microgrids: pallet_microgrids::GenesisConfig {
			clock: clock(),
			microgrids,
		},
		..Default::default()
	};
	let storage = genesis.build_storage().expect("genesis is sound");
	let mut ext = sp_io::TestExternalities::from(storage);
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test on a chain and checks the invariants afterwards.
pub fn on(mut chain: sp_io::TestExternalities, test: impl FnOnce()) {
	SettledBefore::set(BTreeMap::new());
	chain.execute_with(|| {
		test();
		Microgrids::do_try_state().expect("invariants hold");
	});
}

/// Runs a test with one microgrid of genesis, operated by Alice, and its horizon open.
pub fn with_one(test: impl FnOnce()) {
	on(chain(vec![(ALICE, terms())]), || {
		block_at(START_TIME);
		test();
	});
}

/// Settles all periods of a microgrid before `period`.
pub fn settle(microgrid: MicrogridId, period: Period) {
	SettledBefore::mutate(|table| table.insert(microgrid, period));
}

/// One block at this time (Unix seconds) whose tasks may use `limit`; returns what they used.
pub fn limited_block_at(now: u64, limit: Weight) -> Weight {
	System::set_block_number(System::block_number() + 1);
	System::reset_events();
	Timestamp::set_timestamp(now.saturating_mul(1_000));
	let mut meter = WeightMeter::with_limit(limit);
	Microgrids::on_poll(System::block_number(), &mut meter);
	Microgrids::do_try_state().expect("invariants hold after every block");
	meter.consumed()
}

/// One block at this time.
pub fn block_at(now: u64) {
	limited_block_at(now, Weight::MAX);
}

/// One block at the first second of a period.
pub fn block_in(period: Period) {
	block_at(clock().start_of(period));
}

/// The periods of a microgrid whose terms are stored, in the order of the trie.
pub fn kept(microgrid: MicrogridId) -> Vec<Period> {
	crate::PeriodTerms::<Test>::iter_key_prefix((Be32::from(microgrid),))
		.map(|period| Period(period.get()))
		.collect()
}

/// All periods from the first to the last.
pub fn span(first: Period, last: Period) -> Vec<Period> {
	(first.0..=last.0).map(Period).collect()
}

/// This pallet's events of the current block.
pub fn events() -> Vec<crate::Event<Test>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Microgrids(event) => Some(event),
			_ => None,
		})
		.collect()
}
