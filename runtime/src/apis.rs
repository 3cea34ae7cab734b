//! What clients may ask of the runtime.

use alloc::vec::Vec;

use codec::Encode;
use frame_support::{
	genesis_builder_helper::{build_state, get_preset},
	traits::KeyOwnerProofSystem,
	weights::Weight,
};
use gridweave_primitives::{
	device::DeviceKey,
	market::Side,
	meter::MeteredPeriod,
	microgrid::Terms,
	traits::{MicrogridInspect, SettlementClock},
	EventId, LinkId, MeterId, MicrogridId, OrderId, Period, PeriodClock, Price, ProgrammeId,
	ResourceId,
};
use sp_api::impl_runtime_apis;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_core::{crypto::KeyTypeId, OpaqueMetadata};
use sp_runtime::{
	traits::{Block as BlockT, NumberFor},
	transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidity},
	ApplyExtrinsicResult, ExtrinsicInclusionMode,
};
use sp_session::OpaqueGeneratedSessionKeys;
use sp_version::RuntimeVersion;

use crate::{
	AccountId, AnomalyFlags, Aura, Balance, Block, BlockNumber, DemandResponse, Executive, Grandpa,
	Hash, Historical, InherentDataExt, MeterRegistry, Microgrids, Nonce, OrderBook, Runtime,
	RuntimeCall, RuntimeGenesisConfig, SessionKeys, Settlement, System, TransactionPayment,
	ValidatorSet, VERSION,
};

impl_runtime_apis! {
	impl sp_api::Core<Block> for Runtime {
		fn version() -> RuntimeVersion {
			VERSION
		}

		fn execute_block(block: <Block as BlockT>::LazyBlock) {
			Executive::execute_block(block);
		}

		fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
			Executive::initialize_block(header)
		}
	}

	impl sp_api::Metadata<Block> for Runtime {
		fn metadata() -> OpaqueMetadata {
			OpaqueMetadata::new(Runtime::metadata().into())
		}

		fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
			Runtime::metadata_at_version(version)
		}

		fn metadata_versions() -> Vec<u32> {
			Runtime::metadata_versions()
		}
	}

	impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
		fn execute_view_function(
			id: frame_support::view_functions::ViewFunctionId,
			input: Vec<u8>,
		) -> Result<Vec<u8>, frame_support::view_functions::ViewFunctionDispatchError> {
			Runtime::execute_view_function(id, input)
		}
	}

	impl sp_block_builder::BlockBuilder<Block> for Runtime {
		fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
			Executive::apply_extrinsic(extrinsic)
		}

		fn finalize_block() -> <Block as BlockT>::Header {
			Executive::finalize_block()
		}

		fn inherent_extrinsics(
			data: sp_inherents::InherentData,
		) -> Vec<<Block as BlockT>::Extrinsic> {
			data.create_extrinsics()
		}

		fn check_inherents(
			block: <Block as BlockT>::LazyBlock,
			data: sp_inherents::InherentData,
		) -> sp_inherents::CheckInherentsResult {
			data.check_extrinsics(&block)
		}
	}

	impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
		fn validate_transaction(
			source: TransactionSource,
			tx: <Block as BlockT>::Extrinsic,
			block_hash: <Block as BlockT>::Hash,
		) -> TransactionValidity {
			// Only the pool asks this, and authors take what they include from the pool. In a block a second
			// wrapping of a batch is invalid anyhow: its readings are stale.
			if !crate::is_canonical(&tx) {
				return Err(InvalidTransaction::Call.into());
			}
			Executive::validate_transaction(source, tx, block_hash)
		}
	}

	impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
		fn offchain_worker(header: &<Block as BlockT>::Header) {
			Executive::offchain_worker(header)
		}
	}

	impl sp_consensus_aura::AuraApi<Block, AuraId> for Runtime {
		fn slot_duration() -> sp_consensus_aura::SlotDuration {
			sp_consensus_aura::SlotDuration::from_millis(Aura::slot_duration())
		}

		fn authorities() -> Vec<AuraId> {
			pallet_aura::Authorities::<Runtime>::get().into_inner()
		}
	}

	impl sp_session::SessionKeys<Block> for Runtime {
		fn generate_session_keys(
			owner: Vec<u8>,
			seed: Option<Vec<u8>>,
		) -> OpaqueGeneratedSessionKeys {
			SessionKeys::generate(&owner, seed).into()
		}

		fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
			SessionKeys::decode_into_raw_public_keys(&encoded)
		}
	}

	impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
		fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
			Grandpa::grandpa_authorities()
		}

		fn current_set_id() -> sp_consensus_grandpa::SetId {
			pallet_grandpa::CurrentSetId::<Runtime>::get()
		}

		fn submit_report_equivocation_unsigned_extrinsic(
			equivocation_proof: sp_consensus_grandpa::EquivocationProof<
				<Block as BlockT>::Hash,
				NumberFor<Block>,
			>,
			key_owner_proof: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			let key_owner_proof = key_owner_proof.decode()?;
			Grandpa::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof)
		}

		fn generate_key_ownership_proof(
			_set_id: sp_consensus_grandpa::SetId,
			authority: GrandpaId,
		) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
			let proof = Historical::prove((sp_consensus_grandpa::KEY_TYPE, authority))?;
			Some(sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(proof.encode()))
		}
	}

	impl pallet_validator_set::runtime_api::ValidatorSetApi<Block, AccountId, BlockNumber>
		for Runtime
	{
		fn validators() -> Vec<pallet_validator_set::ValidatorStatus<AccountId, BlockNumber>> {
			ValidatorSet::statuses()
		}

		fn aura_key_ownership_proof(key: AuraId) -> Option<sp_session::MembershipProof> {
			ValidatorSet::prove_aura_key(&key)
		}
	}

	impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
		fn account_nonce(account: AccountId) -> Nonce {
			System::account_nonce(account)
		}
	}

	impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance>
		for Runtime
	{
		fn query_info(
			uxt: <Block as BlockT>::Extrinsic,
			len: u32,
		) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> {
			TransactionPayment::query_info(uxt, len)
		}

		fn query_fee_details(
			uxt: <Block as BlockT>::Extrinsic,
			len: u32,
		) -> pallet_transaction_payment::FeeDetails<Balance> {
			TransactionPayment::query_fee_details(uxt, len)
		}

		fn query_weight_to_fee(weight: Weight) -> Balance {
			TransactionPayment::weight_to_fee(weight)
		}

		fn query_length_to_fee(length: u32) -> Balance {
			TransactionPayment::length_to_fee(length)
		}
	}

	impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<
		Block,
		Balance,
		RuntimeCall,
	> for Runtime
	{
		fn query_call_info(
			call: RuntimeCall,
			len: u32,
		) -> pallet_transaction_payment::RuntimeDispatchInfo<Balance> {
			TransactionPayment::query_call_info(call, len)
		}

		fn query_call_fee_details(
			call: RuntimeCall,
			len: u32,
		) -> pallet_transaction_payment::FeeDetails<Balance> {
			TransactionPayment::query_call_fee_details(call, len)
		}

		fn query_weight_to_fee(weight: Weight) -> Balance {
			TransactionPayment::weight_to_fee(weight)
		}

		fn query_length_to_fee(length: u32) -> Balance {
			TransactionPayment::length_to_fee(length)
		}
	}

	impl pallet_microgrids::runtime_api::MicrogridsApi<Block, AccountId> for Runtime {
		fn clock() -> PeriodClock {
			<Microgrids as SettlementClock>::clock()
		}

		fn now() -> u64 {
			<Microgrids as SettlementClock>::now()
		}

		fn current_period() -> Period {
			<Microgrids as SettlementClock>::current()
		}

		fn count() -> u32 {
			<Microgrids as MicrogridInspect<AccountId>>::count()
		}

		fn microgrid(microgrid: MicrogridId) -> Option<pallet_microgrids::Microgrid<AccountId>> {
			pallet_microgrids::Microgrids::<Runtime>::get(microgrid)
		}

		fn terms(microgrid: MicrogridId, period: Period) -> Option<Terms> {
			<Microgrids as MicrogridInspect<AccountId>>::terms(microgrid, period)
		}

		fn open_periods(microgrid: MicrogridId) -> Option<pallet_microgrids::PeriodRange> {
			pallet_microgrids::Periods::<Runtime>::get(microgrid)
		}

		fn link(link: LinkId) -> Option<pallet_microgrids::Link<AccountId>> {
			pallet_microgrids::Links::<Runtime>::get(link)
		}

		fn links(microgrid: MicrogridId) -> Vec<(LinkId, pallet_microgrids::Link<AccountId>)> {
			Microgrids::links_of(microgrid)
		}
	}

	impl pallet_meter_registry::runtime_api::MeterRegistryApi<Block, AccountId> for Runtime {
		fn progress(from: MeterId, limit: u32) -> Vec<(MeterId, u64, u64)> {
			MeterRegistry::api_progress(from, limit)
		}

		fn meter(meter: MeterId) -> Option<pallet_meter_registry::Meter<AccountId>> {
			MeterRegistry::api_meter(meter)
		}

		fn meters_of(
			owner: AccountId,
			from: MeterId,
		) -> pallet_meter_registry::runtime_api::OwnMeters {
			MeterRegistry::api_meters_of(&owner, from)
		}

		fn meter_by_key(key: DeviceKey) -> Option<MeterId> {
			MeterRegistry::api_meter_by_key(&key)
		}

		fn latest(meter: MeterId) -> Option<pallet_meter_registry::LatestReading> {
			MeterRegistry::latest(meter)
		}

		fn quality(meter: MeterId) -> Option<pallet_meter_registry::LatestQuality> {
			MeterRegistry::api_quality(meter)
		}

		fn metered(meter: MeterId, period: Period) -> Option<MeteredPeriod> {
			MeterRegistry::api_metered(meter, period)
		}
	}

	impl pallet_order_book::runtime_api::OrderBookApi<Block, AccountId> for Runtime {
		fn best(
			microgrid: MicrogridId,
			period: Period,
			side: Side,
		) -> Option<pallet_order_book::runtime_api::OpenOrder<AccountId>> {
			OrderBook::best(microgrid, period, side)
		}

		fn depth(
			microgrid: MicrogridId,
			period: Period,
			side: Side,
			levels: u32,
		) -> Vec<pallet_order_book::runtime_api::Level> {
			OrderBook::depth(microgrid, period, side, levels)
		}

		fn market_data(
			microgrid: MicrogridId,
			period: Period,
		) -> Option<pallet_order_book::runtime_api::MarketSummary> {
			OrderBook::market_data(microgrid, period)
		}

		fn order(
			order_id: OrderId,
		) -> Option<pallet_order_book::runtime_api::OpenOrder<AccountId>> {
			OrderBook::order(order_id)
		}

		fn orders_of(
			meter: MeterId,
		) -> Vec<pallet_order_book::runtime_api::OpenOrder<AccountId>> {
			OrderBook::orders_of(meter)
		}

		fn standing_orders(
			meter: MeterId,
		) -> Vec<pallet_order_book::runtime_api::StandingOrderInfo<AccountId>> {
			OrderBook::standing_orders(meter)
		}

		fn commitments(meter: MeterId, period: Period) -> pallet_order_book::Commitment {
			OrderBook::commitment(meter, period)
		}

		fn flows_into(
			microgrid: MicrogridId,
			period: Period,
		) -> Vec<(LinkId, pallet_order_book::Flow)> {
			OrderBook::flows_into(microgrid, period)
		}

		fn trades() -> Vec<pallet_order_book::runtime_api::TradeReport> {
			OrderBook::trades()
		}

		fn survey(
			after: Option<(MicrogridId, Period)>,
			limit: u32,
		) -> pallet_order_book::runtime_api::Survey {
			OrderBook::survey(after, limit)
		}

		fn coupled_communities(
			period: Period,
			after: Option<MicrogridId>,
			limit: u32,
		) -> Vec<pallet_order_book::runtime_api::CoupledCommunity> {
			OrderBook::coupled_communities(period, after, limit)
		}

		fn levels(
			microgrid: MicrogridId,
			period: Period,
			side: Side,
			after: Option<Price>,
			limit: u32,
		) -> Vec<pallet_order_book::runtime_api::Level> {
			OrderBook::levels(microgrid, period, side, after, limit)
		}

		fn coupling_score(
			period: Period,
			solution: pallet_order_book::Solution,
		) -> Result<Balance, sp_runtime::DispatchError> {
			OrderBook::coupling_score(period, &solution)
		}

		fn coupling_claims(period: Period, window_ends_at: u64) -> Vec<Balance> {
			OrderBook::coupling_claims(period, window_ends_at)
		}

		fn books_due() -> u32 {
			OrderBook::books_due()
		}
	}

	impl pallet_settlement::runtime_api::SettlementApi<Block, AccountId> for Runtime {
		fn account(who: AccountId) -> pallet_settlement::runtime_api::Account {
			Settlement::account(&who)
		}

		fn statement(
			meter: MeterId,
			period: Period,
		) -> Option<pallet_settlement::types::Statement<AccountId>> {
			Settlement::statement(meter, period)
		}

		fn statements(
			meter: MeterId,
		) -> Vec<(Period, pallet_settlement::types::Statement<AccountId>)> {
			Settlement::statements(meter)
		}

		fn totals(meter: MeterId) -> pallet_settlement::types::MeterTotals {
			Settlement::totals(meter)
		}

		fn position(
			meter: MeterId,
			period: Period,
		) -> Option<pallet_settlement::types::Position<AccountId>> {
			Settlement::position_of(meter, period)
		}

		fn positions(
			meter: MeterId,
		) -> Vec<(Period, pallet_settlement::types::Position<AccountId>)> {
			Settlement::positions_of(meter)
		}

		fn expected_prices(
			microgrid: MicrogridId,
			from: Period,
			count: u32,
		) -> Vec<pallet_settlement::expected::ExpectedPrice> {
			Settlement::expected_prices(microgrid, from, count)
		}

		fn fund(microgrid: MicrogridId) -> Balance {
			Settlement::fund(microgrid)
		}

		fn open_claims(microgrid: MicrogridId) -> Balance {
			Settlement::open_claims(microgrid)
		}

		fn summary(
			microgrid: MicrogridId,
			period: Period,
		) -> Option<pallet_settlement::types::PeriodSummary> {
			Settlement::summary(microgrid, period)
		}

		fn progress(microgrid: MicrogridId) -> Option<pallet_settlement::types::Progress> {
			Settlement::progress(microgrid)
		}

		fn awaiting_settlement() -> u32 {
			Settlement::awaiting_settlement()
		}
	}

	impl pallet_anomaly_flags::runtime_api::AnomalyFlagsApi<Block, AccountId> for Runtime {
		fn open_flags(
			microgrid: MicrogridId,
			from: Option<(MeterId, pallet_anomaly_flags::Kind)>,
			limit: u32,
		) -> pallet_anomaly_flags::runtime_api::FlagPage {
			AnomalyFlags::api_open_flags(microgrid, from, limit)
		}

		fn history(meter: MeterId) -> Vec<pallet_anomaly_flags::runtime_api::FlagReport> {
			AnomalyFlags::api_history(meter)
		}

		fn quarantine(meter: MeterId) -> Option<pallet_anomaly_flags::Isolation> {
			AnomalyFlags::api_quarantine(meter)
		}

		fn suspects(microgrid: MicrogridId) -> pallet_anomaly_flags::runtime_api::Suspects {
			AnomalyFlags::api_suspects(microgrid)
		}

		fn balance(microgrid: MicrogridId) -> Option<pallet_anomaly_flags::FeederRecord> {
			AnomalyFlags::api_balance(microgrid)
		}

		fn parameters(microgrid: MicrogridId) -> pallet_anomaly_flags::Parameters {
			AnomalyFlags::parameters_of(microgrid)
		}

		fn findings(meter: MeterId) -> Vec<(AccountId, pallet_anomaly_flags::Kind, Hash)> {
			AnomalyFlags::api_findings(meter)
		}
	}

	impl pallet_demand_response::runtime_api::DemandResponseApi<Block, AccountId> for Runtime {
		fn programmes(
			from: ProgrammeId,
			count: u32,
		) -> Vec<(ProgrammeId, pallet_demand_response::types::Programme<AccountId>)> {
			DemandResponse::api_programmes(from, count)
		}

		fn resources(
			programme: ProgrammeId,
			from: ResourceId,
			count: u32,
		) -> Vec<(ResourceId, pallet_demand_response::types::Resource<AccountId>)> {
			DemandResponse::api_resources(programme, from, count)
		}

		fn enrolments(meter: MeterId) -> Vec<(ProgrammeId, ResourceId)> {
			DemandResponse::api_enrolments(meter)
		}

		fn events(
			from: EventId,
			count: u32,
		) -> Vec<(EventId, pallet_demand_response::types::DemandEvent)> {
			DemandResponse::api_events(from, count)
		}

		fn answer(
			event: EventId,
			resource: ResourceId,
		) -> Option<pallet_demand_response::types::Answer<AccountId>> {
			DemandResponse::api_answer(event, resource)
		}

		fn reports(
			event: EventId,
			from: ResourceId,
			count: u32,
		) -> Vec<(ResourceId, pallet_demand_response::types::Report<AccountId>)> {
			DemandResponse::api_reports(event, from, count)
		}

		fn expected_load(
			programme: ProgrammeId,
			meter: MeterId,
			from: Period,
			count: u32,
		) -> Vec<Option<i64>> {
			DemandResponse::expected_load(programme, meter, from, count)
		}

		fn command(meter: MeterId) -> Option<pallet_demand_response::types::Command> {
			DemandResponse::api_command(meter)
		}

		fn pending_commands(
			from: MeterId,
			count: u32,
		) -> pallet_demand_response::types::PendingCommands {
			DemandResponse::pending_commands(from, count)
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	impl frame_benchmarking::Benchmark<Block> for Runtime {
		fn benchmark_metadata(
			extra: bool,
		) -> (
			Vec<frame_benchmarking::BenchmarkList>,
			Vec<frame_support::traits::StorageInfo>,
		) {
			crate::benchmarking::metadata(extra)
		}

		fn dispatch_benchmark(
			config: frame_benchmarking::BenchmarkConfig,
		) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
			crate::benchmarking::dispatch(config)
		}
	}

	#[cfg(feature = "try-runtime")]
	impl frame_try_runtime::TryRuntime<Block> for Runtime {
		fn on_runtime_upgrade(
			checks: frame_try_runtime::UpgradeCheckSelect,
		) -> (Weight, Weight) {
			#[allow(clippy::expect_used)] // Test tooling: a failure must stop it.
			let weight = Executive::try_runtime_upgrade(checks).expect("the upgrade must pass");
			(weight, crate::configs::system::MAX_BLOCK_WEIGHT)
		}

		fn execute_block(
			block: <Block as BlockT>::LazyBlock,
			state_root_check: bool,
			signature_check: bool,
			select: frame_try_runtime::TryStateSelect,
		) -> Weight {
			#[allow(clippy::expect_used)] // Test tooling: a failure must stop it.
			Executive::try_execute_block(block, state_root_check, signature_check, select)
				.expect("the block must pass")
		}
	}

	impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
		fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
			build_state::<RuntimeGenesisConfig>(config)
		}

		fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
			get_preset::<RuntimeGenesisConfig>(id, crate::genesis::preset)
		}

		fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
			crate::genesis::names()
		}
	}
}
