//! What `scripts/weights` measures.

pub mod setup;

use alloc::{string::String, vec::Vec};

use frame_benchmarking::{BenchmarkBatch, BenchmarkConfig, BenchmarkList};
use frame_support::traits::{StorageInfo, StorageInfoTrait, WhitelistedStorageKeys};
use sp_storage::TrackedStorageKey;

use crate::{
	AllPalletsWithSystem, Balances, DemandResponse, Grandpa, MeterRegistry, Microgrids, Multisig,
	OrderBook, Proxy, Runtime, Settlement, Sudo, Timestamp, TransactionPayment, Utility,
};

type Extensions = frame_system_benchmarking::extensions::Pallet<Runtime>;
type SystemBench = frame_system_benchmarking::Pallet<Runtime>;

impl frame_system_benchmarking::Config for Runtime {}
impl pallet_transaction_payment::BenchmarkConfig for Runtime {}

frame_benchmarking::define_benchmarks!(
	[frame_system, SystemBench]
	[frame_system_extensions, Extensions]
	[pallet_balances, Balances]
	[pallet_grandpa, Grandpa]
	[pallet_multisig, Multisig]
	[pallet_proxy, Proxy]
	[pallet_sudo, Sudo]
	[pallet_timestamp, Timestamp]
	[pallet_transaction_payment, TransactionPayment]
	[pallet_utility, Utility]
	[pallet_microgrids, Microgrids]
	[pallet_meter_registry, MeterRegistry]
	[pallet_order_book, OrderBook]
	[pallet_settlement, Settlement]
	[pallet_demand_response, DemandResponse]
);

/// The list of benchmarks, and of storage items.
pub fn metadata(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
	let mut list = Vec::new();
	list_benchmarks!(list, extra);
	(list, AllPalletsWithSystem::storage_info())
}

/// Runs benchmarks.
pub fn dispatch(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
	let whitelist: Vec<TrackedStorageKey> = AllPalletsWithSystem::whitelisted_storage_keys();
	let mut batches = Vec::new();
	let params = (&config, &whitelist);
	add_benchmarks!(params, batches);
	Ok(batches)
}
