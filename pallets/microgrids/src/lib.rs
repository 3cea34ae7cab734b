//! # Microgrids
//!
//! Energy communities and the clock they settle by. This pallet owns
//!
//! * the **settlement clock**: length of a period, periods per day, grace and retention, set once at
//!   genesis and never changed;
//! * the **microgrids**: who operates each, and the terms (tariff, market rules) it offers;
//! * the **terms of each open period**: fixed when the period opens, so that money locked for a trade
//!   ahead of delivery stays enough whatever the operator changes later.
//!
//! ## Life of a period
//!
//! A period opens [`Config::Horizon`] periods ahead of delivery, with the microgrid's terms of that
//! moment; from then on they do not change. It is pruned once its retention has passed
//! ([`PeriodClock::expires_at`]) *and* settlement is done with it ([`Config::Settled`]).
//!
//! A new microgrid starts with the period in which its turn comes: in the block after its creation, or
//! the first block of the chain. That period is its [first](PeriodRange::first), and the first one
//! settled.
//!
//! ## Work per block
//!
//! Opening and pruning run in `on_poll`, when the block's time is known. Each has a budget of its own
//! ([`Config::OpenWeight`], [`Config::PruneWeight`]) and a stored [`Pass`] over all microgrids in order
//! of their ids, so work that does not fit into a block goes on in the next. Guaranteed:
//!
//! * *Fairness*: no microgrid is visited twice before all others were visited once.
//! * *Order*: a microgrid's periods open one after the other, and no microgrid starts before an older one.
//! * *Completeness*: being late is allowed, being left out is not, with one exception: a period that has
//!   already expired when its turn comes (the chain stood still for longer than grace and retention
//!   together) does not open. Nothing was ever traded for it, the event
//!   [`PeriodsSkipped`](Event::PeriodsSkipped) names it, and its energy is in the registers that the next
//!   readings carry.
//!
//! While nothing is due, a block costs a few reads, however many microgrids there are.
//!
//! ## Who pays
//!
//! The operator's deposit ([`HoldReason::Microgrid`]) pays for the microgrid's own entries, which are
//! bounded: the record, the offer to a successor, the range of its periods, and the terms of the periods
//! between retention and horizon. Microgrids of genesis hold no deposit until they are handed over.
//! A microgrid stays as long as the chain; [`Config::MaxMicrogrids`] bounds their number.
//!
//! ## Links
//!
//! A [`Link`] carries energy of one microgrid to another, one way: it loses a part of what is sent, carries
//! so much for a period, and costs a wheeling fee. The operator of one side proposes it and becomes its
//! operator; the other side accepts. Its terms never change. It is open from the first period that neither
//! side has opened yet when it is accepted, if there is no other one from the one to the other then; it closes, when either side wants, with the first that neither
//! has opened yet then. So which links a period has is fixed when the period opens, like its terms.
//!
//! Its operator's deposit ([`HoldReason::Link`]) pays for the record and its places in the lists of both
//! sides. A link that is closed leaves them when both sides have pruned the last period that it was open for,
//! and the deposit goes back. [`Config::MaxLinks`] bounds how many a microgrid has into it, and out of it;
//! one that is closed counts until then. Proposals count to none.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod error;
mod event;
mod links;
mod opening;
mod provides;
mod pruning;
mod steps;
mod types;

#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;

pub mod runtime_api;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use pallet::*;
pub use types::{Link, LinkStage, Microgrid, Pass, PeriodRange};
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

#[import_section(error::error)]
#[import_section(event::event)]
#[frame_support::pallet]
pub mod pallet {
	use alloc::vec::Vec;

	use frame_support::{
		pallet_prelude::*,
		traits::{
			fungible::{Inspect, MutateHold},
			tokens::Precision,
			UnixTime,
		},
		weights::WeightMeter,
	};
	use frame_system::pallet_prelude::*;
	use gridweave_primitives::{
		link::{LinkTerms, UnsoundLink},
		microgrid::{Terms, UnsoundTerms},
		traits::SettlementProgress,
		Balance, Be32, LinkId, MicrogridId, Period, PeriodClock,
	};

	use super::*;

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// Money for deposits.
		type Currency: Inspect<Self::AccountId, Balance = Balance>
			+ MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;

		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;

		/// Chain time.
		type Time: UnixTime;

		/// How far settlement has come: periods are kept until it has passed them.
		type Settled: SettlementProgress;

		/// Who may create microgrids.
		type CreateOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Seconds from block to block. The length of a period must be a whole multiple of it.
		#[pallet::constant]
		type BlockSeconds: Get<u32>;

		/// How many periods ahead of the current one are open.
		#[pallet::constant]
		type Horizon: Get<u32>;

		/// Most microgrids there may be.
		#[pallet::constant]
		type MaxMicrogrids: Get<u32>;

		/// What an operator deposits for a microgrid.
		#[pallet::constant]
		type Deposit: Get<Balance>;

		/// Most links into, and most links out of, one microgrid.
		#[pallet::constant]
		type MaxLinks: Get<u32>;

		/// What the operator of a link deposits for it.
		#[pallet::constant]
		type LinkDeposit: Get<Balance>;

		/// Most weight of a block that opening periods may use.
		#[pallet::constant]
		type OpenWeight: Get<Weight>;

		/// Most weight of a block that pruning periods may use.
		#[pallet::constant]
		type PruneWeight: Get<Weight>;

		/// Measured weights.
		type WeightInfo: WeightInfo;

		/// Sets up, for benchmarks, what other pallets keep.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: BenchmarkHelper;
	}

	/// Why this pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The deposit of a microgrid's operator, given back when another operator takes over.
		#[codec(index = 0)]
		Microgrid,
		/// The deposit of a link's operator, given back when the link is removed.
		#[codec(index = 1)]
		Link,
	}

	/// The settlement clock, fixed at genesis. One item for the whole chain.
	#[pallet::storage]
	pub type Clock<T: Config> = StorageValue<_, PeriodClock, ValueQuery>;

	/// How many microgrids there are: their ids are 0 up to this, exclusive.
	#[pallet::storage]
	pub type Count<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// The microgrids, with the terms that periods opened from now on take. Paid for by the operator's
	/// deposit; stays as long as the chain.
	#[pallet::storage]
	pub type Microgrids<T: Config> =
		StorageMap<_, Twox64Concat, MicrogridId, Microgrid<T::AccountId>>;

	/// To whom an operator has offered its microgrid: at most one account per microgrid. Covered by the
	/// operator's deposit; freed when the offer is accepted or withdrawn.
	#[pallet::storage]
	pub type Offers<T: Config> = StorageMap<_, Twox64Concat, MicrogridId, T::AccountId>;

	/// Which periods of a microgrid have opened and are still kept. Written when its first period opens;
	/// covered by the operator's deposit; stays as long as the microgrid.
	#[pallet::storage]
	pub type Periods<T: Config> = StorageMap<_, Twox64Concat, MicrogridId, PeriodRange>;

	/// The terms of each open period, by microgrid and period (both big-endian, so that the trie keeps
	/// their order). Written when the period opens, never changed, freed after settlement and retention:
	/// horizon, grace and retention bound their number per microgrid while settlement keeps up. Covered
	/// by the operator's deposit.
	#[pallet::storage]
	pub type PeriodTerms<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), Terms>;

	/// The id of the next link. One item for the whole chain.
	#[pallet::storage]
	pub type NextLinkId<T: Config> = StorageValue<_, LinkId, ValueQuery>;

	/// Links, proposed ones as well. Paid for by their operators' deposits. Freed when a proposal is taken
	/// back or refused, or when both sides have pruned the last period that a closed link was open for.
	#[pallet::storage]
	pub type Links<T: Config> = StorageMap<_, Twox64Concat, LinkId, Link<T::AccountId>>;

	/// The links into each microgrid, oldest first. Paid for and freed with the links.
	#[pallet::storage]
	pub type LinksInto<T: Config> =
		StorageMap<_, Twox64Concat, MicrogridId, BoundedVec<LinkId, T::MaxLinks>, ValueQuery>;

	/// The links out of each microgrid, oldest first. Paid for and freed with the links.
	#[pallet::storage]
	pub type LinksOutOf<T: Config> =
		StorageMap<_, Twox64Concat, MicrogridId, BoundedVec<LinkId, T::MaxLinks>, ValueQuery>;

	/// Where opening is on its way over all microgrids. One item for the whole chain.
	#[pallet::storage]
	pub type OpenPass<T: Config> = StorageValue<_, Pass, ValueQuery>;

	/// Where pruning is on its way over all microgrids. One item for the whole chain.
	#[pallet::storage]
	pub type PrunePass<T: Config> = StorageValue<_, Pass, ValueQuery>;

	impl<T> From<UnsoundLink> for Error<T> {
		fn from(unsound: UnsoundLink) -> Self {
			match unsound {
				UnsoundLink::Loop => Self::LinkToItself,
				UnsoundLink::Loss => Self::LossOutOfBounds,
				UnsoundLink::Capacity => Self::CapacityOutOfBounds,
				UnsoundLink::WheelingFee => Self::WheelingFeeOutOfBounds,
				UnsoundLink::MinQuantity => Self::LinkQuantityOutOfBounds,
			}
		}
	}

	impl<T> From<UnsoundTerms> for Error<T> {
		fn from(unsound: UnsoundTerms) -> Self {
			match unsound {
				UnsoundTerms::PriceOutOfBounds => Self::PriceOutOfBounds,
				UnsoundTerms::FeedInPrice => Self::FeedInPriceOutOfBounds,
				UnsoundTerms::PriceFloor => Self::PriceFloorOutOfBounds,
				UnsoundTerms::MinQuantity => Self::MinQuantityOutOfBounds,
			}
		}
	}

	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// The settlement clock.
		pub clock: PeriodClock,
		/// Operator and terms of each microgrid; their ids are their places, from 0. No deposit is held.
		pub microgrids: Vec<(T::AccountId, Terms)>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			if let Err(reason) = self.clock.check(T::BlockSeconds::get()) {
				panic!("the settlement clock of genesis is unsound: {reason}");
			}
			Clock::<T>::put(self.clock);
			for (operator, terms) in &self.microgrids {
				if let Err(reason) = Pallet::<T>::check_terms(terms) {
					panic!("terms of genesis are unsound: {reason:?}");
				}
				if let Err(reason) = Pallet::<T>::add_microgrid(operator, *terms, 0) {
					panic!("a microgrid of genesis cannot be created: {reason:?}");
				}
			}
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
			Self::run_task(T::OpenWeight::get(), meter, Self::open_periods);
			Self::run_task(T::PruneWeight::get(), meter, Self::prune_periods);
		}

		fn integrity_test() {
			// A block must have room for a microgrid's whole horizon: a market that starts is open at once.
			let horizon = u64::from(T::Horizon::get()).saturating_add(1);
			let open = T::WeightInfo::open_base()
				.saturating_add(T::WeightInfo::open_microgrid())
				.saturating_add(T::WeightInfo::open_period().saturating_mul(horizon));
			assert!(
				open.all_lte(T::OpenWeight::get()),
				"OpenWeight must have room for a microgrid's whole horizon: {open:?}",
			);
			let prune = T::WeightInfo::prune_base()
				.saturating_add(T::WeightInfo::prune_microgrid())
				.saturating_add(T::WeightInfo::prune_period());
			assert!(
				prune.all_lte(T::PruneWeight::get()),
				"PruneWeight must have room for one period: {prune:?}",
			);
			let links = T::WeightInfo::prune_links(T::MaxLinks::get().saturating_mul(2));
			assert!(
				prune.saturating_add(links).all_lte(T::PruneWeight::get()),
				"PruneWeight must have room for all links of a microgrid: {links:?}",
			);
			assert!(
				T::Horizon::get() > 0,
				"a period must open before it is delivered"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Creates a microgrid. Its periods open from the next block on.
		///
		/// For governance only. The constant `Deposit` is held on the operator's account until another
		/// operator takes over.
		///
		/// - `operator`: who operates it: sets its terms, admits meters, is the counterparty of what
		///   members do not trade among themselves.
		/// - `terms`: tariff and market rules.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::create_microgrid())]
		pub fn create_microgrid(
			origin: OriginFor<T>,
			operator: T::AccountId,
			terms: Terms,
		) -> DispatchResult {
			T::CreateOrigin::ensure_origin(origin)?;
			Self::check_terms(&terms)?;
			let deposit = Self::hold_deposit(&operator)?;
			let microgrid = Self::add_microgrid(&operator, terms, deposit)?;
			Self::deposit_event(Event::MicrogridCreated {
				microgrid,
				operator,
				deposit,
				terms,
			});
			Ok(())
		}

		/// Changes the terms of all periods of a microgrid that open from now on. Periods already open
		/// keep theirs. For the microgrid's operator.
		///
		/// - `microgrid`: the operator's microgrid.
		/// - `terms`: tariff and market rules.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::set_terms())]
		pub fn set_terms(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			terms: Terms,
		) -> DispatchResult {
			let mut record = Self::ensure_operator(origin, microgrid)?;
			Self::check_terms(&terms)?;
			record.terms = terms;
			Microgrids::<T>::insert(microgrid, record);
			let from = Periods::<T>::get(microgrid).map(|range| range.until);
			Self::deposit_event(Event::TermsChanged {
				microgrid,
				from,
				terms,
			});
			Ok(())
		}

		/// Offers a microgrid to another operator, who takes over by `accept_operator`. Nothing changes
		/// before. Another offer of the same microgrid is replaced. For the microgrid's operator.
		///
		/// - `microgrid`: the operator's microgrid.
		/// - `successor`: who may take over.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::offer_operator())]
		pub fn offer_operator(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			successor: T::AccountId,
		) -> DispatchResult {
			let record = Self::ensure_operator(origin, microgrid)?;
			ensure!(record.operator != successor, Error::<T>::AlreadyOperator);
			Offers::<T>::insert(microgrid, &successor);
			Self::deposit_event(Event::OperatorOffered {
				microgrid,
				successor,
			});
			Ok(())
		}

		/// Withdraws the offer of a microgrid. For the microgrid's operator.
		///
		/// - `microgrid`: the operator's microgrid.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::withdraw_offer())]
		pub fn withdraw_offer(origin: OriginFor<T>, microgrid: MicrogridId) -> DispatchResult {
			Self::ensure_operator(origin, microgrid)?;
			let successor = Offers::<T>::take(microgrid).ok_or(Error::<T>::NotOffered)?;
			Self::deposit_event(Event::OfferWithdrawn {
				microgrid,
				successor,
			});
			Ok(())
		}

		/// Takes over a microgrid that its operator has offered to the signer.
		///
		/// The signer deposits the constant `Deposit`, the old operator gets its own deposit back. From
		/// now on the signer is the counterparty of everything that is settled in the microgrid, periods
		/// already open included.
		///
		/// - `microgrid`: the microgrid offered.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::accept_operator())]
		pub fn accept_operator(origin: OriginFor<T>, microgrid: MicrogridId) -> DispatchResult {
			let new = ensure_signed(origin)?;
			let mut record = Microgrids::<T>::get(microgrid).ok_or(Error::<T>::UnknownMicrogrid)?;
			ensure!(
				Offers::<T>::get(microgrid).as_ref() == Some(&new),
				Error::<T>::NotOffered
			);
			let deposit = Self::hold_deposit(&new)?;
			let old = core::mem::replace(&mut record.operator, new.clone());
			// What was held is all there: nobody else uses this reason. Should the currency have lost some of
			// it, the rest is given back rather than the handover refused.
			T::Currency::release(
				&HoldReason::Microgrid.into(),
				&old,
				record.deposit,
				Precision::BestEffort,
			)?;
			record.deposit = deposit;
			Microgrids::<T>::insert(microgrid, record);
			Offers::<T>::remove(microgrid);
			Self::deposit_event(Event::OperatorChanged {
				microgrid,
				old,
				new,
			});
			Ok(())
		}

		/// Proposes a link, over which the energy of one microgrid is sold in another. For the operator of
		/// either; who operates both opens it by this alone.
		///
		/// The signer becomes the link's operator, who is paid the wheeling fee, and deposits the constant
		/// `LinkDeposit` until the link is gone. Terms of a link never change: to have others, propose another
		/// link and close this one.
		///
		/// - `terms`: whose energy the link carries and to where; the part of it that is lost; most energy sent
		///   for a period, in Wh; what the buyer pays for the use of it, in 10⁻⁶ GRID per kWh received; least
		///   energy received of a trade, in Wh.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::propose_link())]
		pub fn propose_link(origin: OriginFor<T>, terms: LinkTerms) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_propose_link(who, terms)
		}

		/// Accepts a proposed link: it is open for all periods that neither microgrid has opened yet. For the
		/// operator of the microgrid that has not agreed yet.
		///
		/// - `link`: the proposed link.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::accept_link())]
		pub fn accept_link(origin: OriginFor<T>, link: LinkId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_accept_link(&who, link)
		}

		/// Closes a link for all periods that neither microgrid has opened yet; those already open keep it.
		/// Takes a proposal back, or refuses it. For the operators of both microgrids, and the link's.
		///
		/// The deposit goes back when the link is gone: at once, if it was open for no period; else when the
		/// last one is pruned.
		///
		/// - `link`: the link.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::close_link())]
		pub fn close_link(origin: OriginFor<T>, link: LinkId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_close_link(&who, link)
		}
	}
}
