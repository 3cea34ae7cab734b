//! # Meter registry
//!
//! Meters and their device keys; signed readings in, metered energy per settlement period out.
//!
//! ## Life of a meter
//!
//! ```text
//! register_meter ──▶ registered ──admit_meter──▶ admitted ──first reading──▶ active ──retire_meter──▶ retired ──▶ freed
//!  (owner, deposit)                 (operator)                               (owner or operator)   (last period pruned)
//! ```
//!
//! The owner registers a meter with a proof that the device holds its key; the operator of the microgrid
//! admits it and fixes its ratings. An operator who has the owners' signed consent does both for many meters at
//! once ([`Pallet::register_meters`]). Readings count from admission, the first one only sets the base.
//! A retired meter gives no more readings, and is estimated up to its retirement like any silent meter;
//! once its last period is settled and pruned, everything kept for it is freed and the deposit is released.
//! A meter that never gave a reading is freed at once.
//!
//! Ids are dense and given out in pages of 32 per microgrid: neighbours in a community are neighbours in
//! storage. The id of a meter that was never admitted is given out again; any other never. So nobody but an
//! operator makes pages that stay: whoever wants a new one must hold the deposits of all unadmitted ids at
//! once.
//!
//! ## Readings
//!
//! An authority brings readings on chain in batches that carry its ingest key's signature
//! ([`Pallet::submit_readings`], an *authorised call* without fee); anyone else may relay them by a
//! signed, paying call ([`Pallet::relay_readings`]). What is checked, and in which order, is told in
//! [`authorize`]; what energy a reading is worth in [`energy`]; how it is booked on periods, estimated
//! and corrected in [`booking`]. A reading is accepted at most once, and a meter's readings in order.
//!
//! Energy of a period may be booked until the end of its grace. Then it is frozen: settlement closes it
//! ([`MeteredEnergy::close_page`](gridweave_primitives::traits::MeteredEnergy::close_page)), silent meters
//! get an estimate, and what readings show later is handed to `Config::Corrections`. Import that a reading
//! takes back is a negative correction; what that is worth settlement decides.
//!
//! ## Who pays for storage
//!
//! | storage | paid by | freed |
//! |---|---|---|
//! | `Meters`, `Keys`, its slots of `MeteringPages`, `OwnerPages`, `LatestPages` and `QualityPages`, `SuspendedEnergy`, `Offers` | the owner's deposit | when the meter is freed |
//! | `EnergyPages` | the owner's deposit; the periods not yet settled and those in retention | pruned after settlement and retention |
//! | `MicrogridPages`, `Allocations`, `NextPage` | the deposits of the meters on a page, held when it was opened | never: at most one page per 32 meters that were registered at once or admitted |
//! | `FreeIds` | the chain: at most one for each id given out, which needed a deposit | when the id is given out again |
//! | `IngestKeys`, `BlockReadings`, cursors | the chain; single bounded items | overwritten |

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod authorize;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod booking;
mod closing;
mod deposits;
pub mod energy;
mod error;
mod event;
pub mod freshness;
mod ingest;
mod intake;
mod lifecycle;
pub mod load;
#[cfg(test)]
mod mock;
pub mod offchain;
mod onboarding;
mod pages;
mod provides;
mod pruning;
pub mod runtime_api;
mod session;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
pub mod types;
pub mod weights;
pub mod witness;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::BenchmarkHelper;
pub use gridweave_primitives::Slots;
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;
pub use witness::{Witness, MAX_CORRECTIONS, MAX_SPANS};

use frame_support::pallet_macros::import_section;

#[import_section(error::error)]
#[import_section(event::event)]
#[frame_support::pallet]
pub mod pallet {
	use frame_support::{pallet_prelude::*, traits::fungible, weights::WeightMeter};
	use frame_system::{
		ensure_authorized, offchain::CreateAuthorizedTransaction, pallet_prelude::*,
	};
	use gridweave_primitives::{
		device::{DeviceKey, DeviceSignature, Serial},
		ingest::{IngestId, IngestSignature, ReadingBatch},
		meter::{MeterKind, MeterOwner, Ratings},
		traits::{
			CommunityFunds, MeterCommitments, MicrogridInspect, OnCorrection, OnMeterRetired,
			OnReading, SettlementClock, SettlementProgress,
		},
		Balance, Be32, MeterId, MicrogridId, WattHours,
	};
	use sp_core::H256;
	use sp_runtime::traits::{IdentifyAccount, Verify};

	use super::*;

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// The runtime's transactions must carry the extension `frame_system::AuthorizeCall`.
	#[pallet::config]
	pub trait Config:
		CreateAuthorizedTransaction<Call<Self>>
		+ frame_system::Config<RuntimeEvent: From<Event<Self>>, Hash = H256>
	{
		/// The runtime's reasons for holds.
		type RuntimeHoldReason: From<HoldReason>;

		/// Signature by which an owner consents to a registration by the operator.
		type OwnerSignature: Parameter + Verify<Signer = Self::OwnerPublic>;

		/// Public key of an owner's account.
		type OwnerPublic: IdentifyAccount<AccountId = Self::AccountId>;

		/// Holds the deposits.
		type Currency: fungible::hold::Mutate<
			Self::AccountId,
			Reason = Self::RuntimeHoldReason,
			Balance = Balance,
		>;

		/// The communities meters belong to.
		type Microgrids: MicrogridInspect<Self::AccountId>;

		/// Time and periods.
		type Clock: SettlementClock;

		/// Told of every accepted reading.
		type Readings: OnReading;

		/// Told when a reading shows that settled energy was wrong.
		type Corrections: OnCorrection;

		/// Whether orders, positions or debts keep a meter in service, with its owner and its ratings.
		type Commitments: MeterCommitments;

		/// How far settlement has come, and who reads settled energy: it is kept until they have passed.
		type Progress: SettlementProgress;

		/// Told when a meter is freed.
		type Retired: OnMeterRetired;

		/// Gets the deposits that tampering costs. Not an operator, who appoints those that judge it.
		type Funds: CommunityFunds<Self::AccountId>;

		/// Most authorities that may bring batches.
		#[pallet::constant]
		type MaxAuthorities: Get<u32>;

		/// Most periods over which one reading's energy is spread; what goes beyond is booked on the last.
		#[pallet::constant]
		type MaxSpan: Get<u32>;

		/// Most readings that all batches of a block bring together.
		#[pallet::constant]
		type MaxBlockReadings: Get<u32>;

		/// Deposit per meter, in planck.
		#[pallet::constant]
		type DepositBase: Get<Balance>;

		/// Deposit per byte of a meter's registration, in planck.
		#[pallet::constant]
		type DepositPerByte: Get<Balance>;

		/// Most weight a block spends on pruning.
		#[pallet::constant]
		type TaskWeight: Get<Weight>;

		/// What calls and steps cost.
		type WeightInfo: WeightInfo;

		/// Sets up what benchmarks need of other pallets.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: BenchmarkHelper<Self::AccountId, Self::OwnerSignature>;
	}

	/// Why money is held.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The deposit for a registered meter.
		Registration,
	}

	/// Registrations. The owner's deposit pays; freed with the meter.
	#[pallet::storage]
	pub type Meters<T: Config> = StorageMap<_, Identity, Be32, Meter<T::AccountId>>;

	/// The meter that signs with a key, by blake2-256 of the encoded key. The owner's deposit pays; freed
	/// with the meter, and when the key is rotated.
	#[pallet::storage]
	pub type Keys<T: Config> = StorageMap<_, Identity, H256, MeterId>;

	/// To whom a meter is offered. The owner's deposit pays; freed when it is accepted or withdrawn, and
	/// with the meter.
	#[pallet::storage]
	pub type Offers<T: Config> = StorageMap<_, Identity, Be32, T::AccountId>;

	/// The pages of meter ids a microgrid has, in order. Paid by the deposits of its meters; never freed.
	#[pallet::storage]
	pub type MicrogridPages<T: Config> = StorageDoubleMap<_, Identity, Be32, Identity, Be32, u32>;

	/// How many ids a microgrid was given. Paid by the deposits of its meters; never freed.
	#[pallet::storage]
	pub type Allocations<T: Config> = StorageMap<_, Identity, Be32, Allocation, ValueQuery>;

	/// The ids of a microgrid to be given out again, by their place in a stack: they were of meters that no
	/// operator admitted. At most as many as ids were given out; freed when they are given out again.
	#[pallet::storage]
	pub type FreeIds<T: Config> = StorageDoubleMap<_, Identity, Be32, Identity, Be32, MeterId>;

	/// The next page of ids to give out. One item.
	#[pallet::storage]
	pub type NextPage<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// What the readings of admitted meters are judged by, by page of meters: copied from their registrations.
	/// The owners' deposits pay; a slot is freed with its meter.
	#[pallet::storage]
	pub(crate) type MeteringPages<T: Config> =
		StorageMap<_, Identity, Be32, MeteringPage, ValueQuery>;

	/// Who is billed for admitted meters, by page of meters: copied from their registrations. The owners'
	/// deposits pay; a slot is freed with its meter.
	#[pallet::storage]
	pub(crate) type OwnerPages<T: Config> =
		StorageMap<_, Identity, Be32, Slots<MeterOwner<T::AccountId>>, ValueQuery>;

	/// The latest readings, by page of meters. The owners' deposits pay; a slot is freed with its meter.
	#[pallet::storage]
	pub(crate) type LatestPages<T: Config> = StorageMap<_, Identity, Be32, LatestPage>;

	/// The latest power quality of meters that report it, by page of meters. The owners' deposits pay; a slot is
	/// freed with its meter.
	#[pallet::storage]
	pub(crate) type QualityPages<T: Config> =
		StorageMap<_, Identity, Be32, Slots<LatestQuality>, ValueQuery>;

	/// Metered energy, by page of meters and period. The owners' deposits pay; pruned after settlement and
	/// retention.
	#[pallet::storage]
	pub(crate) type EnergyPages<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), EnergyPage>;

	/// Energy beyond the ratings, never settled. Only meters that have some. The owner's deposit pays;
	/// freed with the meter.
	#[pallet::storage]
	pub type SuspendedEnergy<T: Config> = StorageMap<_, Identity, Be32, Suspended, ValueQuery>;

	/// The keys of the authorities that may bring batches, in the session's order. One item, overwritten at
	/// each session.
	#[pallet::storage]
	pub type IngestKeys<T: Config> =
		StorageValue<_, BoundedVec<IngestId, T::MaxAuthorities>, ValueQuery>;

	/// How many readings the batches of the latest block with any have brought. One item, overwritten.
	#[pallet::storage]
	pub type BlockReadings<T: Config> = StorageValue<_, (BlockNumberFor<T>, u32), ValueQuery>;

	/// Where pruning goes on. One item, overwritten.
	#[pallet::storage]
	pub type Cursor<T: Config> = StorageValue<_, PruneCursor, ValueQuery>;

	/// Before which period everything is pruned, in all microgrids. One item, overwritten.
	#[pallet::storage]
	pub type PrunedBefore<T: Config> = StorageValue<_, gridweave_primitives::Period, ValueQuery>;

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(
				T::MaxSpan::get() >= 2,
				"a reading spans at least its own period and the last"
			);
			assert!(
				T::MaxSpan::get()
					.saturating_add(1)
					.saturating_add(ESTIMATE_PERIODS)
					<= MAX_SPANS.min(MAX_CORRECTIONS),
				"every reading must fit a batch's witness"
			);
			assert!(
				T::MaxBlockReadings::get() >= gridweave_primitives::ingest::MAX_BATCH_READINGS,
				"a full batch must fit a block",
			);
			assert!(
				T::TaskWeight::get().all_gte(Self::least_prune_weight()),
				"pruning must get on"
			);
		}

		fn on_poll(_: BlockNumberFor<T>, weight: &mut WeightMeter) {
			let limit = weight.remaining().min(T::TaskWeight::get());
			let mut task = WeightMeter::with_limit(limit);
			Self::prune(&mut task);
			weight.consume(task.consumed());
		}

		fn offchain_worker(block: BlockNumberFor<T>) {
			crate::offchain::run::<T>(block);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers a meter in your name, and holds a deposit.
		///
		/// - `microgrid`: the community it is to belong to; its operator admits it.
		/// - `kind`: what stands behind it.
		/// - `key`: what its device signs with.
		/// - `serial`: as printed on it.
		/// - `modulus`: its registers count modulo this many Wh, at least 2: 10 to the power of their
		///   digits, or 2^64 − 1 for those that never roll over in practice.
		/// - `proof`: the device's signature over
		///   `blake2_256("gridweave/register/v1" ++ genesis hash ++ owner ++ microgrid ++ serial)`, of which
		///   the microgrid is 4 bytes, little-endian, and the serial has its compact length in front.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::register_meter())]
		pub fn register_meter(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			kind: MeterKind,
			key: DeviceKey,
			serial: Serial,
			modulus: WattHours,
			proof: DeviceSignature,
		) -> DispatchResult {
			let owner = ensure_signed(origin)?;
			Self::do_register(owner, microgrid, kind, key, serial, modulus, proof).map(drop)
		}

		/// Admits a meter to your microgrid, or changes its ratings. Its readings count from now on.
		///
		/// - `ratings`: the most power its connection may take and give. Energy beyond is not settled. A
		///   change does not reach back: time that the next reading covers from before it has the higher of
		///   both. Lower ones are refused while the meter has open orders or unsettled positions, or its
		///   owner owes in its microgrid.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::admit_meter())]
		pub fn admit_meter(
			origin: OriginFor<T>,
			meter: MeterId,
			ratings: Ratings,
		) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_admit(operator, meter, ratings)
		}

		/// Takes your meter, or one of your microgrid, out of service; also refuses a registration. A meter
		/// that gave readings is freed, and its deposit released, when its last period is settled and
		/// pruned; any other at once. Refused while it has open orders or unsettled positions, or its owner
		/// owes in its microgrid.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::retire_meter().saturating_add(T::Retired::weight()))]
		pub fn retire_meter(origin: OriginFor<T>, meter: MeterId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_retire(who, meter)
		}

		/// Replaces the key a meter's device signs with. The owner may do so once a day.
		///
		/// - `proof`: signature by the new key over the registration digest (see `register_meter`).
		/// - `approval`: signature by the old key over
		///   `blake2_256("gridweave/rotate/v1" ++ genesis hash ++ meter ++ new key)`, of which the meter is
		///   4 bytes, little-endian, and the key has the byte of its type in front; needed from the owner.
		///   The microgrid's operator may leave it out, after an inspection.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::rotate_key())]
		pub fn rotate_key(
			origin: OriginFor<T>,
			meter: MeterId,
			key: DeviceKey,
			proof: DeviceSignature,
			approval: Option<DeviceSignature>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_rotate(who, meter, key, proof, approval)
		}

		/// Offers your meter to another account, or withdraws the offer.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::offer_meter())]
		pub fn offer_meter(
			origin: OriginFor<T>,
			meter: MeterId,
			to: Option<T::AccountId>,
		) -> DispatchResult {
			let owner = ensure_signed(origin)?;
			Self::do_offer(owner, meter, to)
		}

		/// Takes over a meter that was offered to you: you place the deposit, and are billed for every
		/// period not yet settled. Refused while it has open orders or unsettled positions, or its owner
		/// owes in its microgrid.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::accept_meter())]
		pub fn accept_meter(origin: OriginFor<T>, meter: MeterId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_accept(who, meter)
		}

		/// Brings readings on chain, by an authority: no fee, no account. The batch carries the signature of
		/// the authority's ingest key; each reading that of its device.
		///
		/// Readings that are not newer than their meter's latest, that lie in the future, or that exceed
		/// the batch's witness are skipped and counted in the event.
		#[pallet::call_index(6)]
		#[pallet::weight(Pallet::<T>::weight_of_batch(&batch.readings, Witness::of(batch)))]
		#[pallet::weight_of_authorize(Pallet::<T>::weight_of_review(&batch.readings))]
		#[pallet::authorize(Self::authorize_batch)]
		pub fn submit_readings(
			origin: OriginFor<T>,
			batch: ReadingBatch,
			// Verified by `authorize_batch`, without which there is no such origin.
			_signature: IngestSignature,
		) -> DispatchResultWithPostInfo {
			ensure_authorized(origin)?;
			Self::do_submit(batch)
		}

		/// Relays readings that devices signed, by anyone, for a fee.
		///
		/// - `readings`: ascending by meter, and of one meter by sequence.
		/// - `witness`: what the readings touch at most; those beyond are skipped. `spans`: in how many periods,
		///   counted for each 32 meters whose ids are neighbours; one or two when devices report every period,
		///   and four more when they come late. `corrections`: how many settled periods they change, counted for
		///   each meter; none unless they come late.
		#[pallet::call_index(7)]
		#[pallet::weight(Pallet::<T>::weight_of_relay(readings, *witness))]
		pub fn relay_readings(
			origin: OriginFor<T>,
			readings: RelayedReadings,
			witness: Witness,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_relay(who, readings, witness)
		}

		/// Registers meters in their owners' names and admits them to your microgrid, all of them or, if one
		/// is refused, none. Deposits are held on the owners' accounts.
		///
		/// - `microgrid`: the community, which you operate.
		/// - `meters`: as in `register_meter` and `admit_meter`; and of each the owner's `consent`, a
		///   signature by the key of the owner's account over
		///   `blake2_256("gridweave/consent/v1" ++ genesis hash ++ operator ++ microgrid ++ key ++ serial ++
		///   expires)`, of which the microgrid is 4 bytes, little-endian, the key has the byte of its type and
		///   the serial its compact length in front, and `expires`, the Unix second until which it may be used,
		///   is 8 bytes, little-endian. Also as wallets sign it, between `<Bytes>` and `</Bytes>`.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::register_meters(
			crate::freshness::count(meters.len())
		))]
		pub fn register_meters(
			origin: OriginFor<T>,
			microgrid: MicrogridId,
			meters: Onboardings<T::AccountId, T::OwnerSignature>,
		) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_onboard(operator, microgrid, meters)
		}
	}
}
