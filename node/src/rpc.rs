//! RPC beside the stock methods: nonces, fees, finality, the market, meters that lie, and how readings come in.

use std::sync::Arc;

use gridweave_runtime::{opaque::Block, AccountId, Balance, BlockNumber, Hash, Nonce};
use jsonrpsee::RpcModule;
use sc_consensus_grandpa::{
	FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_rpc::SubscriptionTaskExecutor;
use sc_transaction_pool_api::TransactionPool;
use sp_api::ProvideRuntimeApi;
use sp_block_builder::BlockBuilder;
use sp_blockchain::{Error as BlockChainError, HeaderBackend, HeaderMetadata};

use crate::{
	anomalies::{Anomalies, AnomaliesApiServer, AnomaliesRpc},
	market::{Market, MarketApiServer, MarketRpc},
	validators::equivocations::Equivocations,
};

/// What the finality methods need.
pub struct GrandpaDeps<B> {
	pub shared_voter_state: SharedVoterState,
	pub shared_authority_set: SharedAuthoritySet<Hash, BlockNumber>,
	pub justification_stream: GrandpaJustificationStream<Block>,
	pub finality_provider: Arc<FinalityProofProvider<B, Block>>,
	pub subscription_executor: SubscriptionTaskExecutor,
}

/// All that RPC needs of the node.
pub struct FullDeps<C, P, B: sc_client_api::Backend<Block>> {
	pub client: Arc<C>,
	pub pool: Arc<P>,
	pub grandpa: GrandpaDeps<B>,
	pub offchain_storage: Option<B::OffchainStorage>,
	pub market: Arc<Market>,
	pub anomalies: Arc<Anomalies>,
	pub equivocations: Arc<Equivocations>,
}

/// The methods.
pub fn create_full<C, P, B>(
	deps: FullDeps<C, P, B>,
) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>>
where
	C: ProvideRuntimeApi<Block>
		+ HeaderBackend<Block>
		+ HeaderMetadata<Block, Error = BlockChainError>
		+ Send
		+ Sync
		+ 'static,
	C::Api: substrate_frame_rpc_system::AccountNonceApi<Block, AccountId, Nonce>
		+ pallet_transaction_payment_rpc::TransactionPaymentRuntimeApi<Block, Balance>
		+ BlockBuilder<Block>,
	P: TransactionPool + 'static,
	B: sc_client_api::Backend<Block> + Send + Sync + 'static,
	B::OffchainStorage: 'static,
{
	use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
	use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
	use substrate_frame_rpc_system::{System, SystemApiServer};

	let FullDeps {
		client,
		pool,
		grandpa,
		offchain_storage,
		market,
		anomalies,
		equivocations,
	} = deps;
	let mut module = RpcModule::new(());
	module.merge(System::new(client.clone(), pool).into_rpc())?;
	module.merge(TransactionPayment::new(client).into_rpc())?;
	module.merge(
		Grandpa::new(
			grandpa.subscription_executor,
			grandpa.shared_authority_set,
			grandpa.shared_voter_state,
			grandpa.justification_stream,
			grandpa.finality_provider,
		)
		.into_rpc(),
	)?;
	module.merge(MarketRpc::new(market).into_rpc())?;
	module.merge(AnomaliesRpc::new(anomalies).into_rpc())?;
	module.merge(equivocations.methods()?)?;
	module.merge(crate::ingest::methods(offchain_storage)?)?;
	Ok(module)
}
