//! # The Gridweave runtime
//!
//! Composes the pallets. This file is the table of contents:
//!
//! | where | what |
//! |---|---|
//! | [`configs`] | one file per concern: system, consensus, monetary, governance, council, energy |
//! | [`apis`] | what clients may ask of the runtime |
//! | [`genesis`] | the presets `development` and `local_testnet` |
//! | [`migrations`] | what runs on a runtime upgrade |
//! | [`weights`] | measured weights |
//! | `benchmarking` | what measures them (feature `runtime-benchmarks`) |

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "256"]
// The runtime macros generate public items that they do not document.
#![allow(missing_docs)]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

extern crate alloc;

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
pub mod configs;
pub mod genesis;
pub mod migrations;
pub mod weights;

use alloc::vec::Vec;

use codec::Encode;
use gridweave_primitives::ingest::IngestId;
use sp_runtime::{
	generic, impl_opaque_keys,
	traits::{BlakeTwo256, ExtensionVariant, IdentifyAccount, Verify},
	MultiAddress, MultiSignature,
};
use sp_version::RuntimeVersion;

pub use apis::{RuntimeApi, RUNTIME_API_VERSIONS};
pub use configs::system::{BLOCK_SECONDS, SS58_PREFIX};
pub use gridweave_primitives::Balance;

/// What the off-chain worker that brings readings tells of itself.
pub mod ingest {
	pub use pallet_meter_registry::offchain::{GatewayProgress, Progress, Tally, PROGRESS_KEY};
}

/// Signature of a transaction.
pub type Signature = MultiSignature;
/// An account: the public key of its signer, or derived.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Number of a block.
pub type BlockNumber = u32;
/// Count of an account's transactions.
pub type Nonce = u32;
/// Hash of blocks and state.
pub type Hash = sp_core::H256;
/// How accounts are named in calls.
pub type Address = MultiAddress<AccountId, ()>;
/// Block header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// Block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// Block with its justifications.
pub type SignedBlock = generic::SignedBlock<Block>;
/// Block id.
pub type BlockId = generic::BlockId<Block>;

/// One GRID in planck.
pub const GRID: Balance = 1_000_000_000_000;
/// A thousandth of a GRID.
pub const MILLI_GRID: Balance = GRID / 1_000;
/// A millionth of a GRID.
pub const MICRO_GRID: Balance = GRID / 1_000_000;

/// What every transaction carries beside its call.
pub type TxExtension = (
	frame_system::AuthorizeCall<Runtime>,
	frame_system::CheckNonZeroSender<Runtime>,
	frame_system::CheckSpecVersion<Runtime>,
	frame_system::CheckTxVersion<Runtime>,
	frame_system::CheckGenesis<Runtime>,
	frame_system::CheckEra<Runtime>,
	frame_system::CheckNonce<Runtime>,
	frame_system::CheckWeight<Runtime>,
	pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
	frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
	frame_system::WeightReclaim<Runtime>,
);

/// A transaction as it travels: signed (version 4) by users, general (version 5) for authorised calls.
pub type UncheckedExtrinsic =
	generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;

/// What an account signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Executes blocks.
pub type Executive = frame_executive::Executive<
	Runtime,
	Block,
	frame_system::ChainContext<Runtime>,
	Runtime,
	AllPalletsWithSystem,
>;

impl_opaque_keys! {
	/// Keys of an authority.
	pub struct SessionKeys {
		/// Signs blocks.
		pub aura: Aura,
		/// Votes for finality.
		pub grandpa: Grandpa,
		/// Signs batches of meter readings.
		pub ingest: MeterRegistry,
	}
}

/// The session keys of an authority from their parts.
pub fn session_keys(
	aura: sp_consensus_aura::sr25519::AuthorityId,
	grandpa: sp_consensus_grandpa::AuthorityId,
	ingest: IngestId,
) -> SessionKeys {
	SessionKeys {
		aura,
		grandpa,
		ingest,
	}
}

/// Says which runtime this is. The version is written into the blob as it is written here: as a number.
macro_rules! version {
	($spec:tt) => {
		/// Version of the runtime.
		#[sp_version::runtime_version]
		pub const VERSION: RuntimeVersion = RuntimeVersion {
			spec_name: alloc::borrow::Cow::Borrowed("gridweave"),
			impl_name: alloc::borrow::Cow::Borrowed("gridweave"),
			authoring_version: 1,
			spec_version: $spec,
			impl_version: 1,
			apis: RUNTIME_API_VERSIONS,
			transaction_version: 1,
			system_version: 1,
		};
	};
}

#[cfg(not(feature = "rehearsal"))]
version!(1);
// One more: what upgrades are rehearsed with.
#[cfg(feature = "rehearsal")]
version!(2);

/// Opaque types, for those who need not decode transactions.
pub mod opaque {
	use super::{generic, BlakeTwo256, BlockNumber};

	pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

	/// Opaque block header.
	pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
	/// Opaque block.
	pub type Block = generic::Block<Header, UncheckedExtrinsic>;
	/// Opaque block id.
	pub type BlockId = generic::BlockId<Block>;
	/// Hash of a block.
	pub type Hash = super::Hash;
}

#[frame_support::runtime]
mod runtime {
	/// The runtime.
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Runtime;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Timestamp = pallet_timestamp;
	#[runtime::pallet_index(2)]
	pub type Authorship = pallet_authorship;
	#[runtime::pallet_index(3)]
	pub type Aura = pallet_aura;
	// Before the sessions, whose genesis asks it for its validators.
	#[runtime::pallet_index(4)]
	pub type ValidatorSet = pallet_validator_set;
	#[runtime::pallet_index(5)]
	pub type Session = pallet_session;
	#[runtime::pallet_index(6)]
	pub type Grandpa = pallet_grandpa;
	#[runtime::pallet_index(7)]
	pub type Historical = pallet_session::historical;

	#[runtime::pallet_index(10)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(11)]
	pub type TransactionPayment = pallet_transaction_payment;

	#[runtime::pallet_index(20)]
	pub type Sudo = pallet_sudo;
	#[runtime::pallet_index(21)]
	pub type Utility = pallet_utility;
	#[runtime::pallet_index(22)]
	pub type Proxy = pallet_proxy;
	#[runtime::pallet_index(23)]
	pub type Multisig = pallet_multisig;
	#[runtime::pallet_index(24)]
	pub type Council = pallet_collective<Instance1>;
	#[runtime::pallet_index(25)]
	pub type CouncilMembership = pallet_membership<Instance1>;
	#[runtime::pallet_index(26)]
	pub type Mandate = pallet_mandate;
	#[runtime::pallet_index(27)]
	pub type Preimage = pallet_preimage;
	#[runtime::pallet_index(28)]
	pub type Scheduler = pallet_scheduler;
	#[runtime::pallet_index(29)]
	pub type MultiBlockMigrations = pallet_migrations;

	#[runtime::pallet_index(40)]
	pub type Microgrids = pallet_microgrids;
	#[runtime::pallet_index(41)]
	pub type MeterRegistry = pallet_meter_registry;
	#[runtime::pallet_index(42)]
	pub type OrderBook = pallet_order_book;
	#[runtime::pallet_index(43)]
	pub type Settlement = pallet_settlement;
	#[runtime::pallet_index(45)]
	pub type AnomalyFlags = pallet_anomaly_flags;
	#[runtime::pallet_index(44)]
	pub type DemandResponse = pallet_demand_response;
}

impl frame_system::offchain::SigningTypes for Runtime {
	type Public = <Signature as Verify>::Signer;
	type Signature = Signature;
}

impl<LocalCall> frame_system::offchain::CreateTransactionBase<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	type RuntimeCall = RuntimeCall;
	type Extrinsic = UncheckedExtrinsic;
}

impl<LocalCall> frame_system::offchain::CreateTransaction<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	type Extension = TxExtension;

	fn create_transaction(call: RuntimeCall, extension: TxExtension) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_transaction(call, extension)
	}
}

/// For reports of GRANDPA's equivocations, which nodes submit unsigned.
impl<LocalCall> frame_system::offchain::CreateBare<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_bare(call)
	}
}

impl<LocalCall> frame_system::offchain::CreateAuthorizedTransaction<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	fn create_extension() -> TxExtension {
		tx_extension(generic::Era::Immortal, 0, 0)
	}
}

/// Whether a general transaction carries the very extension that nodes give to authorised calls. Nobody
/// signs it: with any other nonce, tip or lifetime whoever sees a batch of readings could make as many
/// transactions of it as they like, each with a new hash, and have all its signatures checked for each.
pub fn is_canonical(transaction: &UncheckedExtrinsic) -> bool {
	match &transaction.preamble {
		generic::Preamble::General(extension) => {
			let canonical = tx_extension(generic::Era::Immortal, 0, 0);
			matches!(extension, ExtensionVariant::V0(found) if found.encode() == canonical.encode())
		}
		_ => true,
	}
}

/// The extension of a transaction with this lifetime, nonce and tip.
pub fn tx_extension(era: generic::Era, nonce: Nonce, tip: Balance) -> TxExtension {
	(
		frame_system::AuthorizeCall::new(),
		frame_system::CheckNonZeroSender::new(),
		frame_system::CheckSpecVersion::new(),
		frame_system::CheckTxVersion::new(),
		frame_system::CheckGenesis::new(),
		frame_system::CheckEra::from(era),
		frame_system::CheckNonce::from(nonce),
		frame_system::CheckWeight::new(),
		pallet_transaction_payment::ChargeTransactionPayment::from(tip),
		frame_metadata_hash_extension::CheckMetadataHash::new(false),
		frame_system::WeightReclaim::new(),
	)
}
