//! # Settlement
//!
//! The clearing ledger, and the settlement of what was traded against what was metered.
//!
//! ## Terms
//!
//! - A **member** keeps a *trading balance* with the clearing house: money held by the pallet's account.
//!   Orders and positions *lock* part of it; the rest is free. It is kept by account in [`Ledger`], from its
//!   first bill on with its neighbours' in [`Seats`].
//! - A **position** is what one meter traded for one period, and the *margin* that secures it: the worst
//!   its trades can cost its owner. So no trade can default.
//! - A **bill** is one signed amount per meter and period: trades at their price; a *shortfall* (sold,
//!   not delivered) at retail; an *excess* (bought, not taken) at feed-in; what was metered beyond
//!   contracts by the community's *residual rule*; market fees. It goes to who traded; without a trade to
//!   who owns the meter when the period is settled.
//! - A **correction** follows a bill when a late reading shows that a meter metered otherwise: more import
//!   costs retail, less is refunded at feed-in, export earns or costs feed-in. An estimate's surplus and need
//!   are billed at the tariff, whatever the pool's prices; the difference is the fund's. So silence never
//!   pays: an estimate and its correction together are never better than the bill of a reading in time would
//!   have been, whatever price that would have made.
//! - The **operator** is the counterparty of shortfalls, excess contracts and the residual. With its
//!   entry and that of the community's **fund** all amounts of a community and period sum to zero.
//! - A trade over a **link** joins two communities, which are not settled at the same time. Its buyer pays at
//!   once, out of what its order had locked: the wheeling fee to the operator of the link, for the capacity
//!   that is taken whether or not it is used; the rest is *set aside* with the clearing house until the
//!   seller's community is settled, and counts there as collected. So no default crosses a link. What a
//!   community's members paid and got over links ([`types::Exchange`]) is part of its sum to zero. The fee of
//!   each side's market goes to that side's operator, as of any trade. What buyer or seller does not take or
//!   deliver is between them and their own operator.
//! - **Arrears** are bills that a member's free balance and margin did not cover. Until they are paid they
//!   block bids, and the member's meters in that community neither change hands nor retire. Proceeds and
//!   margins that become free there pay them first. Whoever takes over a meter takes over its bills of
//!   periods that are not settled yet, and its later corrections.
//! - **Claims** are what an operator could not pay. They lie outside the ledger, and are served first
//!   come, first served from what is free of the operator's trading balance. While one is open, in any of
//!   its communities, the operator can neither withdraw nor lock money, and fronts none for later bills:
//!   only what it owes itself as a member is still taken.
//!
//! - **Expected prices** tell members and devices what residual energy of coming periods will probably earn
//!   and cost ([`expected`]). They are a forecast: nobody is billed by them.
//!
//! ## Life cycle
//!
//! `top_up` (or a first order, which tops up by itself) → orders lock → fills turn locks into margins →
//! the period is metered and frozen → settlement: pages of meters are closed and surplus and need summed;
//! page by page who owes pays into a pot, and who is owed is paid from it as soon as it holds what all of
//! the page are owed; when all who owe have paid, who waits is paid from it, else from the operator's
//! ledger, else by a claim; positions go, margins are released, statements are issued; the fund and the operator get what
//! is left → after the clock's retention statements are pruned; they live on as events and in the meters'
//! running totals.
//!
//! Settlement and pruning run stepped in `on_poll` under [`Config::SettleWeight`], one community and
//! period at a time, round robin. They may be late; no period is skipped.
//!
//! ## Guarantees
//!
//! - Money moves; its sum never changes. The pallet's account holds at least all trading balances, funds
//!   and the pot of a settlement under way; exactly these, unless somebody sends money to it directly
//!   (the chain's genesis may endow it with the existential deposit, so that it can always pay out).
//! - What an account cannot receive stays in its trading balance; what cannot be paid is recorded.
//! - Locks never exceed balances; a lock ends with its order or position.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use pallet::*;
pub use weights::WeightInfo;

mod arrears;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod bill;
mod claims;
mod effort;
mod engine;
mod error;
mod event;
mod exchange;
pub mod expected;
mod ledger;
mod outlook;
pub mod pool;
mod positions;
mod provides;
pub mod runtime_api;
mod schedule;
pub mod split;
mod statements;
mod table;
mod till;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
pub mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

use frame_support::pallet_macros::import_section;

#[import_section(error::error)]
#[import_section(event::event)]
#[frame_support::pallet]
pub mod pallet {
	use frame_support::{pallet_prelude::*, traits::fungible, weights::WeightMeter, PalletId};
	use frame_system::pallet_prelude::*;
	use gridweave_primitives::{
		meter::Correction,
		traits::{MarketInspect, MeterInspect, MeteredEnergy, MicrogridInspect, SettlementClock},
		Balance, Be32, Be64, MeterId, MicrogridId, Period, Slots,
	};

	use crate::{
		expected::Usual,
		types::{
			Claim, ClaimQueue, Creditor, Exchange, Job, Member, MeterTotals, PageOf, PeriodSummary,
			Position, Progress, Row, Statement,
		},
		WeightInfo,
	};

	/// The current storage version.
	pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

	/// The claim an account, or a community's fund, has on a community.
	pub type CreditorOf<T> = Creditor<<T as frame_system::Config>::AccountId>;
	/// A page of a period's statements.
	pub type StatementPage<T> = PageOf<Statement<<T as frame_system::Config>::AccountId>>;

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// The money.
		type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>;

		/// The clearing house: the account that holds all trading balances, funds and pots.
		#[pallet::constant]
		type PalletId: Get<PalletId>;

		/// Communities and the terms of their periods.
		type Microgrids: MicrogridInspect<Self::AccountId>;

		/// Periods and the time.
		type Clock: SettlementClock;

		/// Who owns a meter.
		type Meters: MeterInspect<Self::AccountId>;

		/// What meters metered.
		type Metered: MeteredEnergy;

		/// What books tell of coming periods, for those who ask for expected prices.
		type Market: MarketInspect;

		/// Most weight that settlement, claims and pruning take of a block. Claims take at most half of
		/// it; either half must fit every single step, which is checked when the runtime is tested.
		#[pallet::constant]
		type SettleWeight: Get<Weight>;

		/// Least amount that opens a trading balance, in planck; at least the existential deposit.
		#[pallet::constant]
		type MinTopUp: Get<Balance>;

		/// Weights of calls and steps.
		type WeightInfo: WeightInfo;

		/// Sets up a community to settle.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: crate::BenchmarkHelper<Self::AccountId>;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Trading balances by account, and what their owners owe: of those without a seat, as every member is
	/// before its first bill. All are found by the runtime API `SettlementApi_account` and the RPC
	/// `market_account`.
	///
	/// Opened by a top-up of at least `MinTopUp` from the member's own account, or by what settlement pays:
	/// an operator's income, a fund spent by governance. Freed when it is empty: a withdrawal leaves nothing
	/// or at least `MinTopUp`; only bills and arrears may leave less.
	#[pallet::storage]
	pub type Ledger<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Member, ValueQuery>;

	/// Trading balances of members who have a seat, with what they owe, by page of meters: the bills of a
	/// page read and write one item.
	///
	/// Taken from the ledger, or opened, by the first bill of a meter of that page, whose deposit pays; at most
	/// as many as the page has meters. Freed as in the ledger, the page with the last of them.
	#[pallet::storage]
	pub type Seats<T: Config> = StorageMap<_, Identity, Be32, Row<T::AccountId>, ValueQuery>;

	/// The page at which a member sits. Freed with its seat.
	#[pallet::storage]
	pub type SeatOf<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Be32>;

	/// Positions not settled yet, by microgrid, period and page of meters.
	///
	/// Opened by a meter's first trade for a period: bounded by meters and open periods. Freed at
	/// settlement.
	#[pallet::storage]
	pub type Positions<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
		),
		Slots<Position<T::AccountId>>,
		ValueQuery,
	>;

	/// What goes over the links of a microgrid for a period, with the money that is set aside for its
	/// sellers. Written with the first trade over a link, whose order's owner pays by the transaction; freed
	/// when the period's settlement begins.
	#[pallet::storage]
	pub type Exchanges<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), Exchange, ValueQuery>;

	/// What members have paid for what they bought from links where auctions are coupled, as long as nobody was
	/// paid of it: some blocks. One item for the whole chain.
	#[pallet::storage]
	pub type Transit<T: Config> = StorageValue<_, Balance, ValueQuery>;

	/// How far each microgrid's settlement has come. One small item per microgrid, whose operator's
	/// deposit pays; kept as long as the microgrid.
	#[pallet::storage]
	pub type Settled<T: Config> = StorageMap<_, Identity, Be32, Progress>;

	/// The settlement under way, if it did not fit into one block.
	#[pallet::storage]
	pub type Current<T: Config> = StorageValue<_, Job<T::AccountId>>;

	/// How many pages of the settlement under way, from the first on, have no member that waits to be paid,
	/// while it collects.
	#[pallet::storage]
	pub type PaidPages<T: Config> = StorageValue<_, u32>;

	/// The microgrid that is looked at next.
	#[pallet::storage]
	pub type Turn<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// No period is due for settlement or pruning before this second.
	#[pallet::storage]
	pub type IdleUntil<T: Config> = StorageValue<_, u64, ValueQuery>;

	/// Statements by microgrid, period and page of meters: one per meter, by its slot on the page.
	///
	/// Bounded by meters (whose deposits pay) and the clock's retention. Freed by pruning.
	#[pallet::storage]
	pub type Statements<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
		),
		StatementPage<T>,
		ValueQuery,
	>;

	/// Sums and prices of settled periods, by microgrid and period. Freed with the statements.
	#[pallet::storage]
	pub type Summaries<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), PeriodSummary>;

	/// What a community's meters usually feed in and take, by microgrid and period of the day: what
	/// expected prices rest on ([`expected`](crate::expected)). At most one small item per microgrid and
	/// period of the clock's day, written when a period is settled; the deposit of the microgrid's operator
	/// pays. Kept as long as the microgrid, each overwritten a day later.
	#[pallet::storage]
	pub type Profiles<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), Usual>;

	/// Running totals by page of meters. Freed when a meter is retired; the meter's deposit pays.
	#[pallet::storage]
	pub type Totals<T: Config> = StorageMap<_, Identity, Be32, PageOf<MeterTotals>, ValueQuery>;

	/// What accounts owe to microgrids. One item per account and microgrid in which it has meters.
	/// Freed when paid.
	#[pallet::storage]
	pub type Arrears<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, Be32, Balance, ValueQuery>;

	/// Open claims by microgrid and index. One per creditor and microgrid: what is added later keeps the
	/// place of what came first. Freed when paid.
	#[pallet::storage]
	pub type Claims<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be64>), Claim<T::AccountId>>;

	/// The index of a creditor's claim on a microgrid. Freed with the claim.
	#[pallet::storage]
	pub type ClaimIndex<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, CreditorOf<T>, Identity, Be32, u64>;

	/// The queue of each microgrid that has open claims. Freed with the last claim.
	#[pallet::storage]
	pub type ClaimQueues<T: Config> =
		CountedStorageMap<_, Identity, Be32, ClaimQueue<T::AccountId>>;

	/// How many claim queues an operator owes. Freed with the last of them.
	#[pallet::storage]
	pub type Indebted<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

	/// The microgrid whose claims were looked at last.
	#[pallet::storage]
	pub type Served<T: Config> = StorageValue<_, Be32>;

	/// Money of the communities' funds, in planck. One item per microgrid; freed when spent.
	#[pallet::storage]
	pub type Funds<T: Config> = StorageMap<_, Identity, Be32, Balance, ValueQuery>;

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Pays `amount` planck from the caller's account into its trading balance, which secures its
		/// orders and pays its bills. Opens the trading balance if there is none: then at least
		/// `MinTopUp`. The account keeps its existential deposit.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::top_up())]
		pub fn top_up(origin: OriginFor<T>, amount: Balance) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_top_up(&who, amount)
		}

		/// Pays `amount` planck of the free part of the caller's trading balance to its account. As much
		/// as the caller owes stays; nothing is paid to an operator with open claims. What is left is
		/// nothing or at least `MinTopUp`.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::withdraw())]
		pub fn withdraw(origin: OriginFor<T>, amount: Balance) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(&who, amount)
		}

		/// Pays up to `amount` planck of the caller's arrears with a community, from its trading balance
		/// as far as that is free, then from its account.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::pay_arrears())]
		pub fn pay_arrears(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			amount: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_pay_arrears(&who, microgrid, amount)
		}

		/// Pays `amount` planck of a community's fund into a trading balance. For the chain's governance,
		/// on the community's behalf.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::spend_fund())]
		pub fn spend_fund(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			beneficiary: T::AccountId,
			amount: Balance,
		) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_spend_fund(microgrid, beneficiary, amount)
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_poll(_: BlockNumberFor<T>, weight: &mut WeightMeter) {
			let limit = T::SettleWeight::get().min(weight.remaining());
			let mut meter = WeightMeter::with_limit(limit);
			Self::poll(&mut meter);
			weight.consume(meter.consumed());
		}

		fn integrity_test() {
			use frame_support::traits::fungible::Inspect;
			assert!(
				T::MinTopUp::get() >= T::Currency::minimum_balance(),
				"the least top-up must keep the clearing house alive"
			);
			assert!(
				T::SettleWeight::get().all_gte(Self::least_budget()),
				"the settlement budget must fit every step, or settlement stops for ever"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}
}
