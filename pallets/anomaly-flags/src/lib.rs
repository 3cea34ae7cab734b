//! # Anomaly flags
//!
//! Finds the meters that lie, says why, and keeps them from the market until somebody has looked.
//!
//! ## How
//!
//! [Detectors](detectors) are pure functions. Those that judge single readings run when readings are taken
//! ([`OnReading`](gridweave_primitives::traits::OnReading)), and what they find is raised in the next block, or
//! the next that has room; those that compare periods and days run when a
//! period is settled, in steps, page by page of meters. What they find becomes a *flag*. The operator of a
//! microgrid may set its detectors ([`Parameters`]).
//!
//! ## Life of a flag
//!
//! ```text
//! raised ──confirm──▶ confirmed ──long enough──▶ expired ──▶ forgotten
//!    │                    └──────dismiss──────┐     ▲
//!    ├──dismiss──▶ dismissed ◀───────────────┘     │
//!    └──nobody looked in time──────────────────────┘
//! ```
//!
//! For each kind a meter has at most one flag; what is seen again while it stands is counted. Inspectors, whom
//! the operator appoints, confirm and dismiss. A flag that was dismissed is not raised again while it is
//! remembered, unless it is a proof.
//!
//! ## Quarantine
//!
//! A flag is no verdict. Quarantine ([`Quarantine`](gridweave_primitives::traits::Quarantine)) follows only
//! from proofs that the meter itself gives (a rollback, a cloned key, a tamper switch, implausible power), and
//! from statistics that independent evidence confirms: an inspector, the feeder's alarm that names the meter
//! among the first suspects, or a quorum of analysts. It lasts while one such flag stands: so it ends when an
//! inspector dismisses the last one, or when that expires. As flags live for days and dismissed ones do not come
//! back, a meter does not go in and out. Confirmed tampering costs the meter's deposit.
//!
//! ## Analysts
//!
//! Anybody may become an analyst by a stake, and report what they found off chain by its hash. A quorum of
//! them confirms a flag. If an inspector dismisses it as a false report, each of them pays the owner of the
//! meter. Whoever leaves gets the stake back after a delay, once nothing they reported is open.
//!
//! ## Who pays for storage
//!
//! | storage | paid by | freed |
//! |---|---|---|
//! | `Flags`, their entries of `Due`, `Quarantined` | the deposit of the meter: at most one flag for each kind | when a flag is forgotten; with the meter |
//! | slots of `WatchPages` and `ProfilePages` | the deposit of the meter | with the meter |
//! | slots of `Findings` | the deposit of the meter | when the flag is raised; with the meter |
//! | `ParametersOf`, `Inspectors`, `Feeders`, `Inspected` | the deposit of the microgrid's operator; one bounded item each | with the microgrid, or when the operator removes them |
//! | `Analysts`, `Cases`, their entries of `Due` | the stake of the analysts; cases are bounded by their findings | when a case is closed; when an analyst leaves |
//! | `Current`, `Turn`, `IdleUntil`, `DueFrom`, `RaisedTo` | the chain; single bounded items | overwritten |

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod analysts;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod detectors;
mod error;
mod event;
mod expiring;
mod flags;
mod inspecting;
pub mod judging;
#[cfg(test)]
mod mock;
mod observing;
pub mod parameters;
pub mod profiling;
mod provides;
mod resolving;
pub mod runtime_api;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
pub mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use pallet::*;
pub use parameters::Parameters;
pub use types::*;
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

#[import_section(error::error)]
#[import_section(event::event)]
#[frame_support::pallet]
pub mod pallet {
	use alloc::boxed::Box;

	use frame_support::{pallet_prelude::*, traits::fungible, weights::WeightMeter};
	use frame_system::pallet_prelude::*;
	use gridweave_primitives::{
		reading::SignedReading,
		traits::{
			DeviceKeys, MeterDeposits, MeterInspect, MeteredEnergy, MicrogridInspect,
			SettlementClock, SettlementProgress,
		},
		Balance, Be32, MeterId, MicrogridId, Period,
	};
	use sp_core::H256;
	use sp_runtime::Permill;

	use super::*;
	use crate::detectors::Finding;

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// A case of analysts.
	pub type CaseOf<T> = Case<<T as frame_system::Config>::AccountId, <T as Config>::Quorum>;

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>, Hash = H256> {
		/// The runtime's reasons for holds.
		type RuntimeHoldReason: From<HoldReason>;

		/// Holds the stakes of analysts.
		type Currency: fungible::hold::Mutate<
			Self::AccountId,
			Reason = Self::RuntimeHoldReason,
			Balance = Balance,
		>;

		/// The communities.
		type Microgrids: MicrogridInspect<Self::AccountId>;

		/// Time and periods.
		type Clock: SettlementClock;

		/// The meters, and what they sign with.
		type Meters: MeterInspect<Self::AccountId> + DeviceKeys;

		/// What they metered.
		type Metered: MeteredEnergy;

		/// How far settlement has come: a period is looked at once it is settled.
		type Settled: SettlementProgress;

		/// Takes the deposit of a meter that was tampered with, for the fund of its community.
		type Deposits: MeterDeposits;

		/// Share of a meter's deposit that confirmed tampering costs.
		#[pallet::constant]
		type TamperingSlash: Get<Permill>;

		/// Most inspectors of a microgrid.
		#[pallet::constant]
		type MaxInspectors: Get<u32>;

		/// What an analyst stakes, in planck.
		#[pallet::constant]
		type AnalystStake: Get<Balance>;

		/// What a false report costs an analyst, in planck.
		#[pallet::constant]
		type FalseReportSlash: Get<Balance>;

		/// Most findings of an analyst that nobody has decided on yet. The stake covers them all.
		#[pallet::constant]
		type MaxFindings: Get<u32>;

		/// How many analysts confirm a flag.
		#[pallet::constant]
		type Quorum: Get<u32>;

		/// How many seconds an analyst who leaves waits for the stake.
		#[pallet::constant]
		type UnbondingDelay: Get<u64>;

		/// Most weight of a block that looking at periods may use.
		#[pallet::constant]
		type InspectWeight: Get<Weight>;

		/// Most weight of a block that raising what readings gave cause for may use.
		#[pallet::constant]
		type RaiseWeight: Get<Weight>;

		/// Most weight of a block that what falls due may use.
		#[pallet::constant]
		type ExpireWeight: Get<Weight>;

		/// What calls and steps cost.
		type WeightInfo: WeightInfo;

		/// Sets up what benchmarks need of other pallets.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: BenchmarkHelper<Self::AccountId>;
	}

	/// Why money is held.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The stake of an analyst.
		#[codec(index = 0)]
		Analyst,
	}

	/// What the detectors of a microgrid are set to, where the operator has changed it. Paid by the operator's
	/// deposit.
	#[pallet::storage]
	pub type ParametersOf<T: Config> = StorageMap<_, Identity, Be32, Parameters>;

	/// The inspectors of a microgrid. Paid by the operator's deposit; bounded.
	#[pallet::storage]
	pub type Inspectors<T: Config> =
		StorageMap<_, Identity, Be32, BoundedVec<T::AccountId, T::MaxInspectors>, ValueQuery>;

	/// Flags by microgrid, meter and kind. The deposits of the meters pay; freed when they are forgotten, and with
	/// the meter.
	#[pallet::storage]
	pub type Flags<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Kind>,
		),
		Flag,
	>;

	/// What falls due in a period, by meter. One entry for each flag, and for each case without a quorum; paid and
	/// freed with them.
	#[pallet::storage]
	pub type Due<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, DueItem>,
		),
		(),
	>;

	/// The first period whose dues are not all done. One item, overwritten.
	#[pallet::storage]
	pub type DueFrom<T: Config> = StorageValue<_, Period>;

	/// Meters under quarantine. Their deposits pay; freed when the last flag that causes it does not stand any
	/// more, and with the meter.
	#[pallet::storage]
	pub type Quarantined<T: Config> = StorageMap<_, Identity, Be32, Isolation>;

	/// What detectors keep of meters from reading to reading, by page of meters; only what differs from nothing.
	/// The deposits of the meters pay; a slot is freed with its meter.
	#[pallet::storage]
	pub(crate) type WatchPages<T: Config> = StorageMap<_, Identity, Be32, WatchPage, ValueQuery>;

	/// What readings gave cause for and is not raised yet, by page of meters: for each meter the gravest. The
	/// deposits of the meters pay; freed in the blocks that follow.
	#[pallet::storage]
	pub(crate) type Findings<T: Config> = StorageMap<_, Identity, Be32, FindingPage, ValueQuery>;

	/// The page whose findings were raised last, if there are more behind it. One item for the whole chain.
	#[pallet::storage]
	pub(crate) type RaisedTo<T: Config> = StorageValue<_, Be32>;

	/// What detectors keep of meters from period to period, by page of meters. The deposits of the meters pay; a
	/// slot is freed with its meter.
	#[pallet::storage]
	pub(crate) type ProfilePages<T: Config> =
		StorageMap<_, Identity, Be32, ProfilePage, ValueQuery>;

	/// What is known of a microgrid's balance, if it has a feeder. Paid by the operator's deposit; freed when the
	/// feeder changes or is taken away, and when the operator has it fitted anew.
	#[pallet::storage]
	pub type Feeders<T: Config> = StorageMap<_, Identity, Be32, FeederRecord>;

	/// The next period of a microgrid to be looked at. Paid by the operator's deposit.
	#[pallet::storage]
	pub type Inspected<T: Config> = StorageMap<_, Identity, Be32, Period>;

	/// The pass under way. One item.
	#[pallet::storage]
	pub type Current<T: Config> = StorageValue<_, Job>;

	/// The microgrid whose turn it is. One item, overwritten.
	#[pallet::storage]
	pub type Turn<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// There is nothing to look at before this Unix second. One item, overwritten.
	#[pallet::storage]
	pub type IdleUntil<T: Config> = StorageValue<_, u64, ValueQuery>;

	/// Analysts. Their stake pays; freed when they withdraw it.
	#[pallet::storage]
	pub type Analysts<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Analyst>;

	/// Findings of analysts, by meter and kind. Their stakes pay; freed when the flag is decided on, or when there
	/// is no quorum in time.
	#[pallet::storage]
	pub type Cases<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Kind>), CaseOf<T>>;

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(T::Quorum::get() >= 1, "a quorum has at least one analyst");
			let slashes = T::FalseReportSlash::get().checked_mul(T::MaxFindings::get().into());
			assert!(
				slashes.is_some_and(|all| all <= T::AnalystStake::get()),
				"the stake must cover all open findings"
			);
			assert!(
				T::InspectWeight::get().all_gte(Self::least_inspect_weight()),
				"looking at periods must get on"
			);
			assert!(
				T::ExpireWeight::get().all_gte(Self::least_expire_weight()),
				"what falls due must get on"
			);
			assert!(
				T::RaiseWeight::get().all_gte(Self::least_raise_weight()),
				"what readings gave cause for must get on"
			);
		}

		fn on_poll(_: BlockNumberFor<T>, weight: &mut WeightMeter) {
			let mut own = WeightMeter::with_limit(weight.remaining().min(T::RaiseWeight::get()));
			Self::raise_findings(&mut own);
			weight.consume(own.consumed());
			let mut own = WeightMeter::with_limit(weight.remaining().min(T::ExpireWeight::get()));
			Self::expire(&mut own);
			weight.consume(own.consumed());
			let mut own = WeightMeter::with_limit(weight.remaining().min(T::InspectWeight::get()));
			Self::inspect(&mut own);
			weight.consume(own.consumed());
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Sets the detectors of your microgrid, or puts them back to the defaults. Another feeder, or none,
		/// forgets what was learned of the losses.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::set_parameters())]
		pub fn set_parameters(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			parameters: Option<Parameters>,
		) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_set_parameters(operator, microgrid, parameters)
		}

		/// Appoints an inspector of your microgrid, who confirms and dismisses flags.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::appoint_inspector())]
		pub fn appoint_inspector(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			inspector: T::AccountId,
		) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_appoint(operator, microgrid, inspector)
		}

		/// Removes an inspector of your microgrid. What they decided stands.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::remove_inspector())]
		pub fn remove_inspector(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			inspector: T::AccountId,
		) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_remove(operator, microgrid, inspector)
		}

		/// Confirms a flag, as an inspector of the meter's microgrid.
		///
		/// - `tampering`: whether the meter was tampered with, which costs the owner the deposit, in favour of
		///   the community's fund; else it is defective. One that was confirmed as a defect may be confirmed as tampering later.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::confirm())]
		pub fn confirm(
			origin: OriginFor<T>,
			meter: MeterId,
			kind: Kind,
			tampering: bool,
		) -> DispatchResult {
			let inspector = ensure_signed(origin)?;
			Self::do_confirm(inspector, meter, kind, tampering)
		}

		/// Dismisses a flag, confirmed or not, as an inspector of the meter's microgrid: there is nothing wrong,
		/// or not any more. A deposit that was taken stays so.
		///
		/// - `false_report`: whether the analysts who reported it, if any did, pay for it.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::dismiss())]
		pub fn dismiss(
			origin: OriginFor<T>,
			meter: MeterId,
			kind: Kind,
			false_report: bool,
		) -> DispatchResult {
			let inspector = ensure_signed(origin)?;
			Self::do_dismiss(inspector, meter, kind, false_report)
		}

		/// Proves, by two different readings of one sequence number that its device's key signed, that the key
		/// of a meter was cloned. Anyone may; a proof costs no fee.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::report_equivocation())]
		pub fn report_equivocation(
			origin: OriginFor<T>,
			first: Box<SignedReading>,
			second: Box<SignedReading>,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Self::do_report_equivocation(&first, &second)?;
			Ok(Pays::No.into())
		}

		/// Has the losses of your microgrid fitted anew, after its lines or its feeder were changed or a theft
		/// ended. Until that is done nothing tells of unmetered energy.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::recalibrate())]
		pub fn recalibrate(origin: OriginFor<T>, microgrid: MicrogridId) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_recalibrate(operator, microgrid)
		}

		/// Becomes an analyst: holds the stake.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::register_analyst())]
		pub fn register_analyst(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_register(who)
		}

		/// Stops being an analyst: no more reports, and after a delay the stake may be withdrawn.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::leave())]
		pub fn leave(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_leave(who)
		}

		/// Withdraws the stake, after the delay and once nothing you reported is open.
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::withdraw_stake())]
		pub fn withdraw_stake(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(who)
		}

		/// Reports, as an analyst, what you found of a meter off chain.
		///
		/// - `kind`: what is wrong with it; only what statistics show.
		/// - `evidence`: the hash of what you found, which you show the inspector.
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::report_finding())]
		pub fn report_finding(
			origin: OriginFor<T>,
			meter: MeterId,
			kind: Kind,
			evidence: H256,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_report(who, meter, kind, evidence)
		}
	}
}
