//! Electricity: communities, meters, the market and its settlement, demand response.

use codec::MaxEncodedLen;
use frame_support::{
	parameter_types,
	traits::{ConstU32, ConstU64},
	weights::Weight,
	PalletId,
};
use gridweave_primitives::{market::Side, Be32};
use sp_runtime::{traits::Verify, Permill};

use super::{
	consensus::MAX_AUTHORITIES,
	council::MoreThanHalf,
	governance::deposit,
	monetary::ToAuthor,
	system::{BLOCK_SECONDS, MAX_BLOCK_WEIGHT},
};
use crate::{
	weights, AccountId, AnomalyFlags, Balance, Balances, DemandResponse, MeterRegistry, Microgrids,
	OrderBook, Runtime, RuntimeHoldReason, Settlement, Signature, Timestamp, TransactionPayment,
	GRID, MILLI_GRID,
};

/// How many periods ahead of the current one are open for trading: a day.
const HORIZON: u32 = 96;

/// Most links into a microgrid, and most out of it: an order looks at the book behind each.
const MAX_LINKS: u32 = 8;

/// A share of a block's computation. The steps of all pallets together take at most a fifth.
const fn share(percent: u64) -> Weight {
	per_mille(percent.saturating_mul(10))
}

/// A smaller share of a block's computation.
const fn per_mille(parts: u64) -> Weight {
	Weight::from_parts(MAX_BLOCK_WEIGHT.ref_time() / 1_000 * parts, u64::MAX)
}

parameter_types! {
	/// Held of the operator of a microgrid.
	pub const MicrogridDeposit: Balance = 100 * GRID;
	/// Held of the operator of a link.
	pub const LinkDeposit: Balance = 10 * GRID;
	pub const OpenWeight: Weight = share(3);
	pub const PruneTermsWeight: Weight = share(1);
}

impl pallet_microgrids::Config for Runtime {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Time = Timestamp;
	type Settled = Settlement;
	type CreateOrigin = MoreThanHalf;
	type BlockSeconds = ConstU32<BLOCK_SECONDS>;
	type Horizon = ConstU32<HORIZON>;
	type MaxMicrogrids = ConstU32<4_096>;
	type Deposit = MicrogridDeposit;
	type MaxLinks = ConstU32<MAX_LINKS>;
	type LinkDeposit = LinkDeposit;
	type OpenWeight = OpenWeight;
	type PruneWeight = PruneTermsWeight;
	type WeightInfo = weights::pallet_microgrids::WeightInfo<Runtime>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::setup::Setup;
}

/// What the deposits of meters are divided by: one, but in a rehearsal.
#[cfg(not(feature = "rehearsal"))]
const METER_DEPOSIT_DIVISOR: Balance = 1;
#[cfg(feature = "rehearsal")]
use crate::migrations::rehearsal::DIVISOR as METER_DEPOSIT_DIVISOR;

parameter_types! {
	/// Held of a meter's owner: little for a household, and much for 32 that nobody admits, by which alone
	/// a stranger opens a page of ids that stays.
	pub const MeterDepositBase: Balance = GRID / METER_DEPOSIT_DIVISOR;
	pub const MeterDepositPerByte: Balance = deposit(0, 1) / METER_DEPOSIT_DIVISOR;
	pub const PruneReadingsWeight: Weight = share(2);
}

impl pallet_meter_registry::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type OwnerSignature = Signature;
	type OwnerPublic = <Signature as Verify>::Signer;
	type Currency = Balances;
	type Microgrids = Microgrids;
	type Clock = Microgrids;
	type Readings = (AnomalyFlags, DemandResponse);
	type Corrections = Settlement;
	type Commitments = (OrderBook, (Settlement, DemandResponse));
	type Progress = (Settlement, DemandResponse);
	type Retired = (OrderBook, (Settlement, AnomalyFlags));
	type Funds = Settlement;
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
	type MaxSpan = ConstU32<96>;
	// By their weights half a block of 1.5 s.
	type MaxBlockReadings = ConstU32<8_320>;
	type DepositBase = MeterDepositBase;
	type DepositPerByte = MeterDepositPerByte;
	type TaskWeight = PruneReadingsWeight;
	type WeightInfo = weights::pallet_meter_registry::WeightInfo<Runtime>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::setup::Setup;
}

parameter_types! {
	pub const ServiceWeight: Weight = share(2);
	pub const StandingWeight: Weight = share(2);
	/// Besides what is claimed. Much for who claims what does not hold: looking at a solution reads whole books.
	pub const CouplingDeposit: Balance = 10 * GRID;
	/// By what is stored: the order and the three parts of its key.
	pub StandingDeposit: Balance = {
		let order = pallet_order_book::StandingOrder::<AccountId>::max_encoded_len();
		let key = <(Be32, Be32, Side)>::max_encoded_len();
		deposit(1, u32::try_from(order.saturating_add(key)).unwrap_or(u32::MAX))
	};
}

impl pallet_order_book::Config for Runtime {
	type Clock = Microgrids;
	type Microgrids = Microgrids;
	type Links = Microgrids;
	type Meters = MeterRegistry;
	type Quarantine = AnomalyFlags;
	type Clearing = Settlement;
	type Trades = Settlement;
	type Progress = Settlement;
	type MaxFills = ConstU32<50>;
	type MaxBatch = ConstU32<96>;
	type MaxOrdersPerMeter = ConstU32<256>;
	type MaxRemovals = ConstU32<1_000>;
	type MaxLinks = ConstU32<MAX_LINKS>;
	type Horizon = ConstU32<HORIZON>;
	type ServiceWeight = ServiceWeight;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type History = MeterRegistry;
	type WeightToFee = TransactionPayment;
	type Fees = ToAuthor;
	type StandingDeposit = StandingDeposit;
	type MaxStandingFills = ConstU32<8>;
	type StandingWeight = StandingWeight;
	type CouplingWindow = ConstU64<60>;
	type CouplingDeposit = CouplingDeposit;
	type WeightInfo = weights::pallet_order_book::WeightInfo<Runtime>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::setup::Setup;
}

parameter_types! {
	pub const ClearingHouse: PalletId = PalletId(*b"gw/clear");
	pub const SettleWeight: Weight = per_mille(65);
	pub const MinTopUp: Balance = 10 * MILLI_GRID;
}

impl pallet_settlement::Config for Runtime {
	type Currency = Balances;
	type PalletId = ClearingHouse;
	type Microgrids = Microgrids;
	type Clock = Microgrids;
	type Meters = MeterRegistry;
	type Metered = MeterRegistry;
	type Market = OrderBook;
	type SettleWeight = SettleWeight;
	type MinTopUp = MinTopUp;
	type WeightInfo = weights::pallet_settlement::WeightInfo<Runtime>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::setup::Setup;
}

parameter_types! {
	/// Of a meter's deposit: all of it.
	pub const TamperingSlash: Permill = Permill::one();
	pub const AnalystStake: Balance = 1_000 * GRID;
	pub const FalseReportSlash: Balance = 50 * GRID;
	pub const InspectWeight: Weight = per_mille(11);
	pub const RaiseWeight: Weight = per_mille(2);
	pub const ExpireWeight: Weight = per_mille(2);
}

impl pallet_anomaly_flags::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Microgrids = Microgrids;
	type Clock = Microgrids;
	type Meters = MeterRegistry;
	type Metered = MeterRegistry;
	type Settled = Settlement;
	type Deposits = MeterRegistry;
	type TamperingSlash = TamperingSlash;
	type MaxInspectors = ConstU32<16>;
	type AnalystStake = AnalystStake;
	type FalseReportSlash = FalseReportSlash;
	type MaxFindings = ConstU32<20>;
	type Quorum = ConstU32<3>;
	// A week.
	type UnbondingDelay = ConstU64<{ 7 * 24 * 60 * 60 }>;
	type InspectWeight = InspectWeight;
	type RaiseWeight = RaiseWeight;
	type ExpireWeight = ExpireWeight;
	type WeightInfo = weights::pallet_anomaly_flags::WeightInfo<Runtime>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::setup::Setup;
}

parameter_types! {
	pub const DemandWeight: Weight = share(2);
	/// Held of the operator: for the record, the events that are open, and those whose reports are kept.
	pub const ProgrammeDeposit: Balance = 10 * GRID;
	pub GroupDeposit: Balance = stored::<pallet_demand_response::types::Resource<AccountId>>(1);
	/// For a meter's part in a resource, and the resource that it is.
	pub EnrolmentDeposit: Balance = stored::<(
		pallet_demand_response::types::Member<AccountId>,
		pallet_demand_response::types::Resource<AccountId>,
	)>(2);
	/// For its record, its command, and its part in the days that are kept of its page.
	pub HistoryDeposit: Balance = {
		let day = 4_u32.saturating_mul(QUARTERS).saturating_add(8);
		stored::<(
			pallet_demand_response::types::Watch<AccountId>,
			pallet_demand_response::types::Command,
		)>(3)
		.saturating_add(deposit(0, day.saturating_mul(pallet_demand_response::types::KEPT_DAYS)))
	};
}

/// Periods of a day of quarters of an hour.
const QUARTERS: u32 = 96;

/// Deposit for as many items with their keys, by what they hold at most.
fn stored<Value: MaxEncodedLen>(items: u32) -> Balance {
	let bytes = u32::try_from(Value::max_encoded_len()).unwrap_or(u32::MAX);
	deposit(items, bytes.saturating_add(items.saturating_mul(12)))
}

impl pallet_demand_response::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Funds = Settlement;
	type Microgrids = Microgrids;
	type Clock = Microgrids;
	type Meters = MeterRegistry;
	type Metered = MeterRegistry;
	type Progress = Settlement;
	type Market = OrderBook;
	type Quarantine = AnomalyFlags;
	type ProgrammeDeposit = ProgrammeDeposit;
	type GroupDeposit = GroupDeposit;
	type EnrolmentDeposit = EnrolmentDeposit;
	type HistoryDeposit = HistoryDeposit;
	type TaskWeight = DemandWeight;
	type WeightInfo = weights::pallet_demand_response::WeightInfo<Runtime>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::setup::Setup;
}

#[cfg(test)]
mod tests {
	use super::*;
	use frame_support::{
		dispatch::{DispatchClass, GetDispatchInfo},
		traits::Get,
	};
	use frame_system::offchain::CreateAuthorizedTransaction;
	use gridweave_primitives::{
		device::DeviceSignature,
		ids::METERS_PER_PAGE,
		ingest::{ReadingBatch, MAX_BATCH_READINGS},
		reading::{Reading, SignedReading},
		MeterId, WattHours,
	};
	use pallet_meter_registry::{
		load, Call, Witness, MAX_CORRECTIONS, MAX_RELAY_READINGS, MAX_SPANS,
	};
	use sp_core::{ed25519, sr25519};
	use sp_runtime::Perbill;

	use crate::RuntimeCall;

	/// Readings of as many meters, each on a page of its own.
	fn readings(n: u32) -> Vec<SignedReading> {
		(0..n)
			.map(|page| SignedReading {
				reading: Reading {
					meter: MeterId::at(page, 0),
					sequence: u64::MAX,
					captured_at: u64::MAX,
					import_register: WattHours(u64::MAX),
					export_register: WattHours(u64::MAX),
					state_of_charge: None,
					quality: None,
					acknowledged: None,
					status: 0,
				},
				signature: DeviceSignature::Ed25519(ed25519::Signature::from_raw([0; 64])),
			})
			.collect()
	}

	fn most() -> Weight {
		let limits = crate::configs::system::RuntimeBlockWeights::get();
		let class = limits.get(DispatchClass::Normal);
		class.max_extrinsic.expect("the class is limited")
	}

	#[test]
	fn the_largest_batch_of_readings_should_fit_a_block() {
		let batch = ReadingBatch {
			authority: 0,
			salt: 0,
			spans: MAX_SPANS,
			corrections: MAX_CORRECTIONS,
			readings: readings(MAX_BATCH_READINGS)
				.try_into()
				.expect("as many fit"),
		};
		let signature = sr25519::Signature::from_raw([0; 64]).into();
		let call = RuntimeCall::from(Call::<Runtime>::submit_readings { batch, signature });
		let transaction =
			<Runtime as CreateAuthorizedTransaction<Call<Runtime>>>::create_authorized_transaction(
				call,
			);
		let info = transaction.get_dispatch_info();
		assert!(
			info.extension_weight != Weight::zero(),
			"authorisation is part of it"
		);
		assert!(
			info.total_weight().all_lte(most()),
			"{:?} of {:?}",
			info.total_weight(),
			most()
		);
	}

	/// Of readings that came as expected: each of a meter's next period, whole pages of meters in full
	/// batches.
	#[test]
	fn readings_should_take_at_most_half_a_block() {
		let pages = MAX_BATCH_READINGS.div_ceil(METERS_PER_PAGE);
		let batch = load::punctual::<Runtime>(MAX_BATCH_READINGS, pages);
		let most: u32 = <Runtime as pallet_meter_registry::Config>::MaxBlockReadings::get();
		let all = batch * u64::from(most) / u64::from(MAX_BATCH_READINGS);
		assert!(
			all.ref_time() <= MAX_BLOCK_WEIGHT.ref_time() / 2,
			"{all:?} of {MAX_BLOCK_WEIGHT:?}"
		);
	}

	#[test]
	fn the_largest_relay_of_readings_should_fit_a_block() {
		let call = RuntimeCall::from(Call::<Runtime>::relay_readings {
			readings: readings(MAX_RELAY_READINGS)
				.try_into()
				.expect("as many fit"),
			witness: Witness::MAX,
		});
		assert!(call.get_dispatch_info().total_weight().all_lte(most()));
	}

	#[test]
	fn steps_should_take_at_most_a_fifth_of_a_block() {
		let tasks = [
			OpenWeight::get(),
			PruneTermsWeight::get(),
			PruneReadingsWeight::get(),
			SettleWeight::get(),
			ServiceWeight::get(),
			StandingWeight::get(),
			InspectWeight::get(),
			RaiseWeight::get(),
			ExpireWeight::get(),
			DemandWeight::get(),
		];
		let sum = tasks
			.into_iter()
			.fold(Weight::zero(), |sum, weight| sum.saturating_add(weight));
		assert!(sum.ref_time() <= (Perbill::from_percent(20) * MAX_BLOCK_WEIGHT).ref_time());
	}
}
