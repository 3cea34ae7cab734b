//! # Order book
//!
//! Members of a community trade the energy of a settlement period ahead of its delivery. There is one
//! book per microgrid and period. How it clears, its [terms](Terms) say: orders match on arrival, or, in a
//! call auction, all together when the gate has closed.
//!
//! ## Matching on arrival
//!
//! * *Price, then time*: the best price trades first, of one price the earliest. A trade has the price of
//!   the order that rested.
//! * *Partial fills*: what does not match at once rests, or is cancelled, as the order's
//!   [`TimeInForce`] says. A remainder may be less than the minimum quantity; it stays good.
//! * *Nobody trades with themselves*: on meeting an order of the same owner, what is left of the newer
//!   one is cancelled; a fill-or-kill order that would need it is refused.
//! * *Quarantine*: an order whose meter came under quarantine since it was placed never trades. When the
//!   next order meets it, it is cancelled, and counts as a fill.
//! * *Bounds*: an extrinsic makes at most [`Config::MaxFills`] fills. Once [`Config::MaxRemovals`] orders
//!   have left a book in a block, by trades and cancellations, nothing trades in it until the next, and its
//!   best orders cannot be cancelled; all others can, for nothing has to be found in their place. What is
//!   left of an order at a bound is cancelled, for resting it would cross the book; an event says so. An
//!   order not one fill is left for is refused. Expiry is not counted: nothing matches in a book whose gate
//!   is closed.
//!
//! ## Over links
//!
//! An order that is matched on arrival also meets the orders of other communities: a bid the asks of those
//! with a link into its community, an ask the bids of those with a link out of it. Of the best orders of its own
//! book and of those it trades with the one that is best for it after losses and wheeling fee ([`linked`]); its
//! own book wins ties. In each book price and time decide as ever.
//!
//! * *Energy*: what is received takes `⌈received / (1 − loss)⌉` from the seller. The order that rested trades
//!   at its price on its own energy, to the planck. The order that came in bears losses, wheeling fee and
//!   rounding, and its limit counts after them: a bid pays `ask × sent + wheeling fee × received`, an ask gets
//!   `(bid − wheeling fee) × received`.
//! * *Rules*: each order keeps those of its own community. Both books must match on arrival and both gates be
//!   open. Call auctions are coupled instead: see there.
//! * *Capacity*: of a link and period no more is sent than that. What is left beyond it trades elsewhere, or
//!   rests.
//! * *Small quantities*: a trade is at least the link's minimum quantity, received, or all that is left of the
//!   order that rested. Of an ask what is left then and too little to arrive, at most 1 Wh, is cancelled. An
//!   order that rests and is too small to be worth the rounding is passed over, at most [`matching::MAX_PASSED`]
//!   of a book; it counts as a fill. Of an ask that comes in 1 Wh may be left for the same reason, so that only
//!   an ask of a quantity that can be sent without a remainder can be filled or killed over a lossy link.
//! * *Bounds*: those of fills and removals count over all books. One over a link that has let go of all it may
//!   in this block is left out.
//! * Orders meet when one of them comes in. Two that rest in different books do not, even if they could trade
//!   by now.
//!
//! ## Call auction
//!
//! Until the gate closes, orders rest, and may cross; they are placed, cancelled, reduced and replaced as in
//! other books. Then the service of books finds the one price at which most energy trades, and makes the
//! trades ([`auction`]); what is left expires. Price and time decide who trades; every trade has the price of
//! the auction.
//!
//! * Only orders that are good until the gate are taken.
//! * *Nobody trades with themselves*: an order that crosses one of the same owner is refused.
//! * *Quarantine*: an order whose meter is under quarantine when its turn comes to be looked at is
//!   cancelled.
//! * From the closing of the gate on, orders cannot be cancelled, reduced or replaced.
//! * An auction must end before the period is settled. What it has not traded by then expires; an event
//!   says so.
//!
//! ## Coupled auctions
//!
//! Call auctions of linked communities whose gates close together can clear together: energy goes over links to
//! where more is bid for it ([`coupling`]). To find the best way is too much for a chain, so anyone may submit a
//! [`Solution`] when the gates have closed, for [`Config::CouplingWindow`] seconds, at most half a period, with a
//! claim of what it gains and a deposit. Then the one with the highest claim is looked at, in bounded steps, and the next one if it does
//! not hold; the first that holds is carried out.
//!
//! * *Carried out*: members trade with links at the price of their community, best orders first: buyers pay at
//!   once, sellers' communities are paid of that, and each link's operator gets what is left. Then the auctions
//!   go on with what their members trade among themselves, at the same price.
//! * *None*: without a solution that holds every auction clears by itself. One that has no link to another that
//!   it could be coupled with does not wait.
//! * *Deposits*: of a solution that was looked at and does not hold it is lost, unless an order was found meanwhile
//!   whose meter has come under quarantine. All others are released.
//! * *Bounds*: [`types::MAX_FLOWS`] links, [`types::MAX_COUPLED`] communities, [`types::MAX_CANDIDATES`] solutions
//!   for a period and gate. Solutions are looked at for no longer than they were taken.
//!
//! ## What an order needs
//!
//! * The meter is the sender's, admitted, not retired, not quarantined, and no feeder.
//! * The period is open, its gate is not closed, and the order keeps its [terms'](Terms) rules.
//! * The meter can stand for it besides what else it has on offer and traded ([`availability`]).
//! * Money: an order locks its worst case with the clearing house ([`Config::Clearing`]): a bid
//!   `(limit + fee) × energy`, an ask `(retail + fee − limit)⁺ × energy`. A fill hands the part of the
//!   filled energy over to the trade's margin; a cancellation unlocks what is left. Bids need an account
//!   without arrears.
//!
//! A refused order leaves nothing behind.
//!
//! ## The book is the trie
//!
//! A side of a book is a run of neighbouring keys ([`Asks`], [`Bids`]): microgrid, period, price, order,
//! all big-endian, bids with the price inverted. [`Books`] keeps a pointer to the best order of either
//! side. Nothing is ever decoded as a whole: the cost of an order does not grow with the book.
//!
//! ## Life of a book
//!
//! Written with the first order that rests in it. When the gate closes, its auction is held, if that is how
//! it clears, and its open orders are cancelled; when delivery ends, the meters' commitments are forgotten
//! (what was traded is a position of settlement since the trade); when the period is no longer kept, the book
//! goes with its market data. All of that is done by a stepped task. Being late is allowed, being left out is
//! not, and an order that is late to expire cannot trade. Books have turns, so that a crowded one does not
//! hold up the others.
//!
//! The task has a budget of its own in `on_poll` ([`Config::ServiceWeight`]), within the share of a block
//! that the steps of all pallets may take. What transactions leave of a block, it may use besides, in
//! `on_idle`: nobody else wants that, so it is not counted to the share.
//!
//! ## Standing orders
//!
//! A member may tell the chain what to place for every period that opens ([`standing`]).
//!
//! ## Who pays
//!
//! Orders hold no deposit. Their number is bounded per meter ([`Config::MaxOrdersPerMeter`]), a meter has a
//! deposit of its own, and the transaction's fee pays for what they write. An order's entries are freed when
//! it leaves the book, at the latest when its gate has closed; a meter's commitment at the latest when the
//! period was delivered; the book itself, one per microgrid and period, when the period is no longer kept.
//! Besides, an order locks what it can cost its owner: for an ask at retail price and fee or above, nothing.
//! For a standing order a deposit is held, and its owner pays for each execution.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod auction;
pub mod availability;
pub mod coupling;
mod error;
mod event;
pub mod linked;
pub mod matching;
pub mod runtime_api;
pub mod standing;
pub mod types;
pub mod weights;

mod book;
mod commitments;
mod coupling_views;
mod effort;
mod links;
mod open_orders;
mod own_limits;
mod placing;
mod provides;
mod seek;
mod service;
mod submission;
mod trading;
mod views;

#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use pallet::*;
pub use types::{
	AccountLimits, Book, BookId, CancelReason, Commitment, Coupling, Cursor, Dealings, EndReason,
	Flow, Instruction, LinkFlow, Locator, MarketData, NewOrder, Place, PriceAt, Quantity, Resting,
	Round, SideLimit, Solution, Stage, StandingOrder, TimeInForce,
};
pub use weights::WeightInfo;

// For the docs.
#[allow(unused_imports)]
use gridweave_primitives::microgrid::Terms;

use frame_support::pallet_macros::import_section;

#[import_section(error::error)]
#[import_section(event::event)]
#[frame_support::pallet]
pub mod pallet {
	use alloc::vec::Vec;

	use frame_support::{
		dispatch::DispatchResultWithPostInfo,
		pallet_prelude::*,
		storage::with_storage_layer,
		traits::{
			fungible::{self, Credit},
			OnUnbalanced,
		},
		weights::WeightMeter,
	};
	use frame_system::pallet_prelude::*;
	use gridweave_primitives::{
		market::Side,
		traits::{
			Clearing, LinkInspect, MeterHistory, MeterInspect, MicrogridInspect, OnTrade,
			Quarantine, SettlementClock, SettlementProgress,
		},
		Balance, Be32, Be64, LinkId, MeterId, MicrogridId, OrderId, Period, Price, WattHours,
	};
	use sp_runtime::traits::Convert;

	use super::*;
	use crate::{
		auction::Execution,
		coupling::{Carried, Fault, Net},
		effort::Effort,
		service::Entry,
		standing::rounds::Entry as Due,
	};

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(3);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// The settlement clock.
		type Clock: SettlementClock;

		/// Communities, and the terms of open periods.
		type Microgrids: MicrogridInspect<Self::AccountId>;

		/// Links between communities.
		type Links: LinkInspect<Self::AccountId>;

		/// Who owns a meter, and what it can do.
		type Meters: MeterInspect<Self::AccountId>;

		/// Which meters may not trade.
		type Quarantine: Quarantine;

		/// The clearing house, where orders lock their worst case.
		type Clearing: Clearing<Self::AccountId>;

		/// Is told of every fill.
		type Trades: OnTrade<Self::AccountId>;

		/// How far these are settled: what a meter traded is noted until then.
		type Progress: SettlementProgress;

		/// Most fills of one extrinsic.
		#[pallet::constant]
		type MaxFills: Get<u32>;

		/// Most orders of one batch.
		#[pallet::constant]
		type MaxBatch: Get<u32>;

		/// Most open orders of one meter.
		#[pallet::constant]
		type MaxOrdersPerMeter: Get<u32>;

		/// How many orders may have left a book in one block, by trades and cancellations, when the next
		/// best order is looked for: bounds how many deleted keys that look-up has to step over. Trades
		/// keep below it; cancellations that look for nothing are counted, but never refused.
		#[pallet::constant]
		type MaxRemovals: Get<u32>;

		/// Most links into, and most links out of, one microgrid: as many as [`Self::Links`] has. Bounds the
		/// books that an order looks at.
		#[pallet::constant]
		type MaxLinks: Get<u32>;

		/// How many periods ahead of the current one take orders at most; at least the horizon of the
		/// microgrids. Bounds the periods a storage is followed over.
		#[pallet::constant]
		type Horizon: Get<u32>;

		/// Most weight of a block that the service of books may use, besides what transactions leave.
		#[pallet::constant]
		type ServiceWeight: Get<Weight>;

		/// The runtime's reasons for holds.
		type RuntimeHoldReason: From<HoldReason>;

		/// Holds the deposits of standing orders and pays for their execution.
		type Currency: fungible::Balanced<Self::AccountId, Balance = Balance>
			+ fungible::hold::Mutate<
				Self::AccountId,
				Reason = Self::RuntimeHoldReason,
				Balance = Balance,
			> + fungible::hold::Balanced<Self::AccountId>;

		/// What meters did lately: what standing orders expect of them.
		type History: MeterHistory;

		/// What the owner of a standing order pays for what its execution weighs, in planck.
		type WeightToFee: Convert<Weight, Balance>;

		/// Takes what was paid for the execution of standing orders, and the deposits of solutions that do not
		/// hold.
		type Fees: OnUnbalanced<Credit<Self::AccountId, Self::Currency>>;

		/// Held for each standing order, in planck.
		#[pallet::constant]
		type StandingDeposit: Get<Balance>;

		/// Most fills of an order that is placed for a standing order: what is left then, and would cross
		/// the book, is cancelled.
		#[pallet::constant]
		type MaxStandingFills: Get<u32>;

		/// Most weight of a block that standing orders may use, besides what transactions leave.
		#[pallet::constant]
		type StandingWeight: Get<Weight>;

		/// How long solutions that couple call auctions are taken when their gate has closed, in seconds, and how
		/// long they are looked at then at most: in either case at most half a period. None are with 0.
		#[pallet::constant]
		type CouplingWindow: Get<u64>;

		/// Held for each solution, besides what it claims, until it is known whether it holds, in planck; lost if it
		/// does not.
		#[pallet::constant]
		type CouplingDeposit: Get<Balance>;

		/// Measured weights.
		type WeightInfo: WeightInfo;

		/// Sets up, for benchmarks, what other pallets keep.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: BenchmarkHelper<Self::AccountId>;
	}

	/// The id of the next order. One item for the whole chain.
	#[pallet::storage]
	pub type NextOrderId<T: Config> = StorageValue<_, OrderId, ValueQuery>;

	/// Resting asks by microgrid, period, price and order, all big-endian: in each book the best first.
	/// Freed when the order is filled, cancelled, replaced, or its gate closes. The order's owner pays by
	/// the transaction; their number is bounded per meter.
	#[pallet::storage]
	pub type Asks<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be64>,
			NMapKey<Identity, Be64>,
		),
		Resting<T::AccountId>,
	>;

	/// Resting bids by microgrid, period, inverted price (2^64 − 1 less the price) and order, all
	/// big-endian: in each book the best first. Paid for and freed as asks are.
	#[pallet::storage]
	pub type Bids<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be64>,
			NMapKey<Identity, Be64>,
		),
		Resting<T::AccountId>,
	>;

	/// The books by microgrid and period: best orders, locks' prices, market data. Written with the first
	/// order that rests, whose owner pays by the transaction, or when a coupling leads energy through a community
	/// without orders; freed when the period is no longer kept.
	#[pallet::storage]
	pub type Books<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), Book>;

	/// Where each open order is, by its id (big-endian). Paid for and freed with the order.
	#[pallet::storage]
	pub type Orders<T: Config> = StorageMap<_, Identity, Be64, Locator>;

	/// What each meter has on offer and traded: its open orders, and sums by period. Written with the first order or
	/// trade of a meter, whose owner pays by the transaction; an order is freed with it, a period when nothing is
	/// left of it, or with the next order for another period once it is settled, and all of it with the meter,
	/// whose deposit pays for what is left until then.
	#[pallet::storage]
	pub type MeterDealings<T: Config> =
		StorageMap<_, Identity, Be32, Dealings<T::MaxOrdersPerMeter>, ValueQuery>;

	/// What each account bids and asks in the book of a call auction, by microgrid, period and account:
	/// nobody trades with themselves. Written with the first order that an account rests there, which pays
	/// by the transaction; freed with its last.
	#[pallet::storage]
	pub type OwnLimits<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Blake2_128Concat, T::AccountId>,
		),
		AccountLimits,
		ValueQuery,
	>;

	/// What has gone over the links into a microgrid for a period, by microgrid and period. Written with the
	/// first trade over one of them, whose order's owner pays by the transaction; freed with the microgrid's
	/// book of the period.
	#[pallet::storage]
	pub type LinkFlows<T: Config> = StorageNMap<
		_,
		(NMapKey<Identity, Be32>, NMapKey<Identity, Be32>),
		BoundedVec<(LinkId, Flow), T::MaxLinks>,
		ValueQuery,
	>;

	/// What is due next for each book, by time (Unix seconds), number of turns the book has had at that
	/// time, microgrid and period. One entry per book, paid for and freed with it. A book whose turn was
	/// not enough is entered again for the time of that block. Counted, so that nobody looks for an entry
	/// behind the last.
	#[pallet::storage]
	pub type Agenda<T: Config> = CountedStorageNMap<
		_,
		(
			NMapKey<Identity, Be64>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
		),
		Stage,
	>;

	/// The block in which a book last had its turn, and the entry of the agenda that it was: all others lie
	/// behind. One item for the whole chain.
	#[pallet::storage]
	pub type Served<T: Config> = StorageValue<_, (u32, Entry)>;

	/// The block in which a microgrid's standing orders last had their turn, and the entry of the agenda that
	/// it was: all others lie behind. One item for the whole chain.
	#[pallet::storage]
	pub type StandingServed<T: Config> = StorageValue<_, (u32, Due)>;

	/// The couplings of call auctions, by when solutions are no longer taken (Unix seconds) and period. Written
	/// with the first solution, whose deposit pays; freed when all that hold are carried out, at the latest
	/// some blocks after that time. Counted, so that nobody looks for an entry behind the last.
	#[pallet::storage]
	pub type Couplings<T: Config> = CountedStorageNMap<
		_,
		(NMapKey<Identity, Be64>, NMapKey<Identity, Be32>),
		Coupling<T::AccountId>,
	>;

	/// What call auctions still have to trade whose coupling was carried out, by microgrid and period. Freed a
	/// block or some later, when the book has its turn.
	#[pallet::storage]
	pub type Outcomes<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), Execution>;

	/// Why money is held.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The deposit for a standing order.
		StandingOrder,
		/// The deposit for a solution that couples call auctions.
		Coupling,
	}

	/// Standing orders by microgrid, meter and side. Their owners' deposits pay; freed when they end, at the
	/// latest when the first period opens after the meter was retired or transferred.
	#[pallet::storage]
	pub type StandingOrders<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Side>,
		),
		StandingOrder<T::AccountId>,
	>;

	/// How far the standing orders of each microgrid are executed. Written with the first one, whose owner
	/// pays by the transaction; freed when the first period opens after the last one ended.
	#[pallet::storage]
	pub type StandingRounds<T: Config> = StorageMap<_, Identity, Be32, Round>;

	/// When standing orders are to be executed, by time (Unix seconds), number of turns the microgrid has had
	/// at that time, and microgrid. One entry per round, paid for and freed with it. Counted, so that nobody
	/// looks for an entry behind the last.
	#[pallet::storage]
	pub type StandingAgenda<T: Config> = CountedStorageNMap<
		_,
		(
			NMapKey<Identity, Be64>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
		),
		(),
	>;

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
			Self::run_task(T::ServiceWeight::get(), meter, Self::serve);
			Self::run_task(T::StandingWeight::get(), meter, Self::serve_standing);
		}

		fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
			let mut meter = WeightMeter::with_limit(remaining);
			Self::serve(&mut meter);
			Self::serve_standing(&mut meter);
			meter.consumed()
		}

		fn integrity_test() {
			let least = T::WeightInfo::service_base()
				.saturating_add(Self::weight_of_turn())
				.saturating_add(Self::weight_of_step());
			assert!(
				least.all_lte(T::ServiceWeight::get()),
				"ServiceWeight must have room for one step of a due book: {least:?}",
			);
			let half = T::ServiceWeight::get().div(2);
			let least = Self::weight_of_coupling_step();
			assert!(
				T::CouplingWindow::get() == 0 || least.all_lte(half),
				"half of ServiceWeight must have room for one step of a coupling: {least:?}",
			);
			let least = T::WeightInfo::standing_base()
				.saturating_add(T::WeightInfo::advance_round())
				.saturating_add(Self::weight_of_execution(0));
			assert!(
				least.all_lte(T::StandingWeight::get()),
				"StandingWeight must have room for one standing order: {least:?}",
			);
			let periods = T::Horizon::get().saturating_add(1);
			assert!(
				T::MaxOrdersPerMeter::get().saturating_add(periods) <= types::MAX_PERIODS,
				"a meter must be able to deal in all periods",
			);
			assert!(T::MaxFills::get() > 0, "an order must be able to match");
			let fills = T::MaxStandingFills::get();
			assert!(
				fills > 0 && fills <= T::MaxFills::get(),
				"an order that is placed for a standing order must be able to match, like others"
			);
			assert!(
				T::MaxRemovals::get() >= T::MaxFills::get(),
				"a book must let go of what one extrinsic fills",
			);
			assert!(
				T::MaxLinks::get() >= T::Links::most(),
				"an order must be able to look at all links",
			);
			let batch = Self::weight_of_batch(T::MaxBatch::get());
			let limits = T::BlockWeights::get();
			if let Some(most) = limits.get(DispatchClass::Normal).max_extrinsic {
				assert!(
					batch.all_lte(most),
					"a full batch must fit into a block: {batch:?}"
				);
			}
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Places an order: buys or sells energy of a period at a limit price or better.
		///
		/// It trades at once with resting orders of the other side, best price first, at their prices, those
		/// of linked communities included; what is left rests, or is cancelled, as `time_in_force` says. In a call auction all of it rests, and
		/// trades at the price of the auction when the gate has closed. Locks the worst case of the order in
		/// your trading balance, topped up from your account: for a bid the limit price and the fee, for
		/// an ask what not delivering could cost you. The fee of the transaction is that of the fills
		/// really made.
		///
		/// - `order`: the meter, which must be yours; side; period of delivery; energy in Wh; limit price
		///   in 10⁻⁶ GRID per kWh; time in force.
		#[pallet::call_index(0)]
		#[pallet::weight(Pallet::<T>::weight_of_place())]
		pub fn place_order(origin: OriginFor<T>, order: NewOrder) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let mut effort = Effort::default();
			let placed = Self::do_place(&who, &order, &mut effort);
			let base = Self::weight_of_resting();
			Self::spent(placed.map(|_| ()), base, &effort)
		}

		/// Places many orders in one transaction: a household's day, or those of several meters.
		///
		/// Each order stands for itself, as if placed alone, in the order given: one that is refused leaves
		/// nothing behind and does not affect the others; the event `OrderRefused` tells its place and
		/// why. All of them together make at most `MaxFills` fills.
		///
		/// - `orders`: the orders, at most `MaxBatch`.
		#[pallet::call_index(1)]
		#[pallet::weight(Pallet::<T>::weight_of_batch(orders.len() as u32))]
		pub fn place_orders(
			origin: OriginFor<T>,
			orders: BoundedVec<NewOrder, T::MaxBatch>,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			ensure!(!orders.is_empty(), Error::<T>::EmptyBatch);
			let mut effort = Effort::default();
			for (index, order) in (0u32..).zip(&orders) {
				let placed =
					with_storage_layer(|| Self::do_place(&who, order, &mut effort).map(|_| ()));
				if let Err(error) = placed {
					Self::deposit_event(Event::OrderRefused {
						who: who.clone(),
						index,
						error,
					});
				}
			}
			let base = T::WeightInfo::place_orders(orders.len() as u32);
			Self::spent(Ok(()), base, &effort)
		}

		/// Cancels one of your open orders and unlocks what it locked. In a call auction until the gate
		/// closes.
		///
		/// - `order_id`: the order.
		#[pallet::call_index(2)]
		#[pallet::weight(Pallet::<T>::weight_of_cancel())]
		pub fn cancel_order(origin: OriginFor<T>, order_id: OrderId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let mut effort = Effort::default();
			let cancelled = Self::do_cancel(&who, order_id, CancelReason::Cancelled, &mut effort);
			Self::spent(
				cancelled.map(|_| ()),
				T::WeightInfo::cancel_order(),
				&effort,
			)
		}

		/// Reduces what is left of one of your open orders. It keeps its place in the queue, and what is
		/// locked for the rest is unlocked.
		///
		/// - `order_id`: the order.
		/// - `energy`: what shall be left of it, in Wh: less than now, and at least the minimum quantity.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::reduce_order())]
		pub fn reduce_order(
			origin: OriginFor<T>,
			order_id: OrderId,
			energy: WattHours,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_reduce(&who, order_id, energy)
		}

		/// Replaces one of your open orders by a new one for the same meter, side and period, good until
		/// the gate closes. Either both happen, or, with an error, neither. The new order has a new id and
		/// goes to the end of the queue, after trading with what it crosses.
		///
		/// - `order_id`: the order to be replaced.
		/// - `energy`: energy of the new order, in Wh.
		/// - `limit_price`: its limit price, in 10⁻⁶ GRID per kWh.
		#[pallet::call_index(4)]
		#[pallet::weight(Pallet::<T>::weight_of_replace())]
		pub fn replace_order(
			origin: OriginFor<T>,
			order_id: OrderId,
			energy: WattHours,
			limit_price: Price,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let mut effort = Effort::default();
			let placed = Self::do_replace(&who, order_id, energy, limit_price, &mut effort);
			Self::spent(placed.map(|_| ()), T::WeightInfo::replace_order(), &effort)
		}

		/// Tells the chain what to place for one side of a meter for every period that opens: always the
		/// same, or what the meter lately exported (imported) net beyond a part that is kept. Replaces
		/// what was told for this side before.
		///
		/// When a period opens, an order that is good until the gate is placed in your name, as if you had
		/// placed it, if the quantity is at least the market's minimum. It makes at most `MaxStandingFills`
		/// fills at once. Periods that are open already are left alone. Holds a deposit until the standing
		/// order ends: when you cancel it, when the meter is retired or no longer yours, or when you
		/// cannot pay. Each execution is paid for by what it weighs, also if nothing is placed: the most it
		/// may cost must be free on your account, and what it did not cost is given back.
		///
		/// - `meter`: the meter, which must be yours.
		/// - `side`: whether to buy (`Bid`) or to sell (`Ask`).
		/// - `instruction`: limit price in 10⁻⁶ GRID per kWh, and how much for each period.
		#[pallet::call_index(5)]
		#[pallet::weight(Pallet::<T>::weight_of_set_standing(true))]
		pub fn set_standing_order(
			origin: OriginFor<T>,
			meter: MeterId,
			side: Side,
			instruction: Instruction,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let ended = Self::do_set_standing(who, meter, side, instruction)?;
			Ok(Some(Self::weight_of_set_standing(ended)).into())
		}

		/// Ends one of your standing orders and releases its deposit. Orders that it placed stay: cancel
		/// them by themselves.
		///
		/// - `meter`: the meter.
		/// - `side`: whether it buys (`Bid`) or sells (`Ask`).
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::cancel_standing_order())]
		pub fn cancel_standing_order(
			origin: OriginFor<T>,
			meter: MeterId,
			side: Side,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_cancel_standing(&who, meter, side)
		}

		/// Submits how call auctions of linked communities clear together: what goes over each link, and the
		/// price in each community. Anyone may, from the closing of their gate on for `CouplingWindow` seconds.
		///
		/// Then the solution with the highest claim that holds is carried out, and others that hold and have no
		/// community in common with it: members trade with links at the price of their community, and each link
		/// earns what the prices of its ends differ by. Holds a deposit, `CouplingDeposit` and what is claimed,
		/// which is released when a solution for one of its communities is taken, yours or another; it is lost if
		/// yours is looked at and does not hold.
		///
		/// - `period`: the period of delivery.
		/// - `solution`: flows by rising id of the link; prices of the communities at their ends, by rising id.
		/// - `claim`: how much more than the separate auctions it is worth at least, in planck. The runtime API
		///   `coupling_score` tells.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::submit_coupling(
			(solution.flows.len() as u32).max(solution.prices.len() as u32)
		))]
		pub fn submit_coupling(
			origin: OriginFor<T>,
			period: Period,
			solution: Solution,
			claim: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_submit_coupling(who, period, &solution, claim)
		}
	}
}
