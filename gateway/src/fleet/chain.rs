//! The chain as the fleet meets it: metadata at run time, calls by name, events by name.

use std::{str::FromStr, sync::Arc, time::Duration};

use anyhow::{anyhow, bail, Context, Result};
use codec::{Compact, Decode, DecodeAll, Encode};
use subxt::{
	backend::LegacyBackend,
	config::substrate::SubstrateConfig,
	ext::{
		scale_decode::DecodeAsType,
		scale_value::{Composite, Value},
	},
	rpcs::{methods::legacy::LegacyRpcMethods, RpcClient},
	transactions::{DynamicPayload, TransactionProgress, TransactionStatus},
	OnlineClient, OnlineClientAtBlock,
};
use subxt_signer::{sr25519::Keypair, SecretUri};

/// The chain at one block.
pub type At = OnlineClientAtBlock<SubstrateConfig>;
/// Hash of blocks and transactions.
pub type Hash = subxt::config::substrate::H256;
/// Events of a transaction.
pub type ExtrinsicEvents = subxt::extrinsics::ExtrinsicEvents<SubstrateConfig>;
/// A submitted transaction that is watched.
pub type Progress =
	TransactionProgress<SubstrateConfig, subxt::client::OnlineClientAtBlockImpl<SubstrateConfig>>;

type Rpc = LegacyRpcMethods<subxt::config::RpcConfigFor<SubstrateConfig>>;

/// How long a transaction may take into a block.
const INCLUSION: Duration = Duration::from_secs(30);

/// An account that signs, and the nonce of its next transaction.
pub struct Account {
	pair: Keypair,
	nonce: u64,
}

impl Account {
	/// The account of a secret URI, such as `//Alice`, on a chain where it has done nothing yet.
	pub fn from_uri(uri: &str) -> Result<Self> {
		let pair = Keypair::from_uri(&SecretUri::from_str(uri)?)?;
		Ok(Self { pair, nonce: 0 })
	}

	/// Its id.
	pub fn id(&self) -> [u8; 32] {
		self.pair.public_key().0
	}

	/// Signs a message, by sr25519.
	pub fn sign(&self, message: &[u8]) -> [u8; 64] {
		self.pair.sign(message).0
	}
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountInfo {
	data: AccountData,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountData {
	free: u128,
	reserved: u128,
}

/// An encoded call.
#[derive(Clone, Debug)]
pub struct Call(Vec<u8>);

/// A connection to a node.
pub struct Chain {
	client: OnlineClient<SubstrateConfig>,
	rpc: Rpc,
	/// The block whose metadata calls are encoded by.
	base: At,
}

impl Chain {
	/// Connects to a node, which may still be starting.
	pub async fn connect(url: &str, patience: Duration) -> Result<Self> {
		let deadline = tokio::time::Instant::now() + patience;
		let rpc = loop {
			match RpcClient::from_insecure_url(url).await {
				Ok(rpc) => break rpc,
				Err(error) if tokio::time::Instant::now() >= deadline => {
					return Err(error).with_context(|| format!("no node answers at {url}"))
				}
				Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
			}
		};
		let backend = Arc::new(LegacyBackend::builder().build(rpc.clone()));
		let client = OnlineClient::from_backend(backend).await?;
		let base = client.at_current_block().await?;
		Ok(Self {
			client,
			rpc: Rpc::new(rpc),
			base,
		})
	}

	/// Hash of the first block.
	pub fn genesis_hash(&self) -> Hash {
		self.client.genesis_hash()
	}

	/// The client, to follow blocks with.
	pub fn client(&self) -> &OnlineClient<SubstrateConfig> {
		&self.client
	}

	/// The best block now.
	pub async fn best(&self) -> Result<At> {
		let hash = self
			.rpc
			.chain_get_block_hash(None)
			.await?
			.context("no best block")?;
		Ok(self.client.at_block(hash).await?)
	}

	/// The finalised block now.
	pub async fn finalized(&self) -> Result<At> {
		Ok(self.client.at_current_block().await?)
	}

	/// Number of the best block.
	pub async fn best_number(&self) -> Result<u64> {
		let header = self
			.rpc
			.chain_get_header(None)
			.await?
			.context("no best block")?;
		Ok(header.number)
	}

	/// The fields of an event, if the chain has it.
	pub fn fields_of(&self, pallet: &str, event: &str) -> Option<Vec<String>> {
		let metadata = self.base.metadata_ref();
		let events = metadata.pallet_by_name(pallet)?.event_variants()?;
		let variant = events.iter().find(|variant| variant.name == event)?;
		Some(
			(variant.fields.iter())
				.filter_map(|field| field.name.clone())
				.collect(),
		)
	}

	/// All that an account owns, what is reserved included.
	pub async fn wealth(&self, at: &At, account: &[u8; 32]) -> Result<u128> {
		let address = subxt::dynamic::storage::<(Value,), AccountInfo>("System", "Account");
		let found = at
			.storage()
			.try_fetch(address, (Value::from_bytes(account),))
			.await?;
		let Some(found) = found else { return Ok(0) };
		let AccountData { free, reserved } = found.decode()?.data;
		free.checked_add(reserved)
			.context("an account of more than there is")
	}

	/// A call by name. `args` are its arguments as a tuple; what does not fit the metadata is an error.
	pub fn call(&self, pallet: &str, name: &str, args: &impl Encode) -> Result<Call> {
		let metadata = self.base.metadata_ref();
		let pallet_meta = metadata
			.pallet_by_name(pallet)
			.with_context(|| format!("the chain has no pallet {pallet}"))?;
		let variant = pallet_meta
			.call_variant_by_name(name)
			.with_context(|| format!("the chain has no call {pallet}.{name}"))?;
		let mut bytes = vec![pallet_meta.call_index(), variant.index];
		args.encode_to(&mut bytes);
		self.payload(&Call(bytes.clone()))
			.with_context(|| format!("{pallet}.{name}"))?;
		Ok(Call(bytes))
	}

	/// All of these calls or none.
	pub fn batch_all(&self, calls: &[Call]) -> Result<Call> {
		let count = Compact(u32::try_from(calls.len())?);
		let mut args = count.encode();
		calls
			.iter()
			.for_each(|call| args.extend_from_slice(&call.0));
		self.call("Utility", "batch_all", &Raw(args))
	}

	fn payload(&self, call: &Call) -> Result<DynamicPayload<Composite<()>>> {
		Ok(self.base.transactions().from_call_data_bytes(&call.0)?)
	}

	/// Reads from the pool what the account's next nonce is.
	pub async fn refresh_nonce(&self, account: &mut Account) -> Result<()> {
		account.nonce = self
			.rpc
			.system_account_next_index(&account.id().into())
			.await?;
		Ok(())
	}

	/// Signs and submits; the account's nonce moves on if the pool takes it.
	pub async fn submit(&self, account: &mut Account, call: &Call) -> Result<Progress> {
		let payload = self.payload(call)?;
		let params = subxt::config::DefaultExtrinsicParamsBuilder::new()
			.immortal()
			.nonce(account.nonce)
			.build();
		let transaction = self
			.base
			.transactions()
			.create_v4_signable_offline(&payload, params)?
			.sign(&account.pair)?;
		let progress = transaction.submit_and_watch().await?;
		account.nonce += 1;
		Ok(progress)
	}

	/// Waits until the transaction is in a best block and returns its events; a failed dispatch is an error.
	pub async fn included(&self, mut progress: Progress) -> Result<ExtrinsicEvents> {
		let wait = async {
			while let Some(status) = progress.next().await {
				match status? {
					TransactionStatus::InBestBlock(block)
					| TransactionStatus::InFinalizedBlock(block) => return Ok(block.wait_for_success().await?),
					TransactionStatus::Error { message }
					| TransactionStatus::Invalid { message }
					| TransactionStatus::Dropped { message } => bail!("transaction lost: {message}"),
					_ => (),
				}
			}
			Err(anyhow!("the node stopped watching the transaction"))
		};
		tokio::time::timeout(INCLUSION, wait)
			.await
			.context("a transaction found no block")?
	}

	/// Submits and waits for the block.
	pub async fn run(&self, account: &mut Account, call: &Call) -> Result<ExtrinsicEvents> {
		let progress = self.submit(account, call).await?;
		self.included(progress).await
	}

	/// Asks a runtime API: `function` is `Api_method`, `args` its arguments as a tuple.
	pub async fn ask<A: Decode>(&self, at: &At, function: &str, args: &impl Encode) -> Result<A> {
		let args = args.encode();
		let answer = (at.runtime_apis().call_raw(function, Some(&args)).await)
			.with_context(|| function.to_string())?;
		A::decode_all(&mut &answer[..]).with_context(|| format!("answer of {function}"))
	}
}

/// Bytes that are encoded already.
struct Raw(Vec<u8>);

impl Encode for Raw {
	fn encode_to<T: codec::Output + ?Sized>(&self, dest: &mut T) {
		dest.write(&self.0)
	}
}
