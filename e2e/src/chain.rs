//! A chain through its metadata: calls, events and storage by name, nothing known in advance.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::{anyhow, bail, ensure, Context, Result};
use codec::{Compact, Decode};
use subxt::{
	backend::LegacyBackend,
	config::SubstrateConfig,
	dynamic::{At as _, Value},
	ext::scale_value::{scale::decode_as_type, Composite, ValueDef, Variant},
	rpcs::{
		client::{RpcParams, RpcSubscription},
		methods::legacy::LegacyRpcMethods,
		RpcClient,
	},
	tx::{DynamicPayload, Payload, TransactionProgress, TransactionStatus},
	OnlineClient, OnlineClientAtBlock,
};
use subxt_signer::sr25519::Keypair;
use tokio::time::{sleep, timeout, Instant};

/// The chain at one block.
pub type At = OnlineClientAtBlock<SubstrateConfig>;
/// Hash of a block.
pub type Hash = subxt::config::substrate::H256;
/// A call by name, with its arguments.
pub type Call = DynamicPayload<Composite<()>>;

type Progress =
	TransactionProgress<SubstrateConfig, subxt::client::OnlineClientAtBlockImpl<SubstrateConfig>>;

/// How long a transaction may take into a block: some have to wait for the end of a migration, or until all nodes have
/// compiled new code on a busy machine.
const INCLUSION: Duration = Duration::from_secs(150);

/// A connection to a node.
pub struct Chain {
	client: OnlineClient<SubstrateConfig>,
	rpc: RpcClient,
}

/// An event by name.
#[derive(Clone, Debug)]
pub struct Event {
	/// Name of the pallet.
	pub pallet: String,
	/// Name of the event.
	pub name: String,
	/// Its fields.
	pub fields: Value<()>,
}

/// How a transaction came into its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
	/// Put there by the block's author.
	Inherent,
	/// Signed by an account.
	Signed,
	/// Authorised by the call itself: a general transaction.
	General,
}

/// A transaction of a block.
#[derive(Clone, Debug)]
pub struct Transaction {
	/// How it came there.
	pub kind: Kind,
	/// First byte of its encoding: version and kind.
	pub version: u8,
	/// Name of the pallet.
	pub pallet: String,
	/// Name of the call.
	pub name: String,
	/// Its arguments.
	pub arguments: Value<()>,
}

/// A block, decoded as a whole.
#[derive(Clone, Debug)]
pub struct Block {
	/// Its number.
	pub number: u64,
	/// Its time, in Unix milliseconds.
	pub timestamp: u64,
	/// All transactions.
	pub transactions: Vec<Transaction>,
	/// All events.
	pub events: Vec<Event>,
}

/// A call by name.
pub fn call(pallet: &str, name: &str, arguments: Vec<(&str, Value<()>)>) -> Call {
	subxt::dynamic::tx(pallet, name, Composite::named(arguments))
}

/// Asks again and again until there is an answer. `what` says what is waited for.
pub async fn until<T, F: Future<Output = Result<Option<T>>>>(
	what: &str,
	limit: Duration,
	mut ask: impl FnMut() -> F,
) -> Result<T> {
	let deadline = Instant::now() + limit;
	loop {
		if let Some(answer) = ask().await? {
			return Ok(answer);
		}
		if Instant::now() > deadline {
			bail!("waited {limit:?} in vain: {what}")
		}
		sleep(Duration::from_millis(250)).await;
	}
}

impl Chain {
	/// Connects to a node.
	pub async fn connect(url: &str) -> Result<Self> {
		let rpc = RpcClient::from_insecure_url(url).await?;
		let backend = Arc::new(LegacyBackend::builder().build(rpc.clone()));
		let client = OnlineClient::from_backend(backend).await?;
		Ok(Self { client, rpc })
	}

	/// Asks the node by JSON-RPC.
	pub async fn rpc(&self, method: &str, params: RpcParams) -> Result<serde_json::Value> {
		Ok(self.rpc.request(method, params).await?)
	}

	/// Subscribes by JSON-RPC.
	pub async fn subscribe(
		&self,
		method: &str,
		params: RpcParams,
		unsubscribe: &str,
	) -> Result<RpcSubscription<serde_json::Value>> {
		Ok(self.rpc.subscribe(method, params, unsubscribe).await?)
	}

	fn legacy(&self) -> LegacyRpcMethods<subxt::config::RpcConfigFor<SubstrateConfig>> {
		LegacyRpcMethods::new(self.rpc.clone())
	}

	/// Hash of the first block.
	pub fn genesis_hash(&self) -> Hash {
		self.client.genesis_hash()
	}

	/// Number of the best block.
	pub async fn best_number(&self) -> Result<u64> {
		Ok(self
			.legacy()
			.chain_get_header(None)
			.await?
			.context("no best block")?
			.number)
	}

	/// The best block.
	pub async fn best(&self) -> Result<At> {
		let hash = self
			.legacy()
			.chain_get_block_hash(None)
			.await?
			.context("no best block")?;
		Ok(self.client.at_block(hash).await?)
	}

	/// The last finalised block.
	pub async fn finalised(&self) -> Result<At> {
		Ok(self.client.at_current_block().await?)
	}

	/// A block of the best chain by its number.
	pub async fn at(&self, number: u64) -> Result<At> {
		Ok(self.client.at_block(number).await?)
	}

	/// Waits until a block of this number is finalised.
	pub async fn until_finalised(&self, number: u64, limit: Duration) -> Result<()> {
		until(&format!("block {number} finalised"), limit, || async {
			Ok((self.finalised().await?.block_number() >= number).then_some(()))
		})
		.await
	}

	/// Decodes a block as a whole: what does not decode by the metadata is an error.
	pub async fn block(&self, number: u64) -> Result<Block> {
		let at = self.at(number).await?;
		let mut transactions = Vec::new();
		for transaction in at.extrinsics().fetch().await?.iter() {
			let transaction = transaction?;
			let mut bytes = transaction.bytes();
			let length = Compact::<u32>::decode(&mut bytes)?.0;
			ensure!(
				length as usize == bytes.len(),
				"a transaction of a wrong length"
			);
			let version = *bytes.first().context("an empty transaction")?;
			let kind = match version >> 6 {
				0b10 => Kind::Signed,
				0b01 => Kind::General,
				0b00 => Kind::Inherent,
				_ => bail!("a transaction of an unknown kind: {version:#x}"),
			};
			if let Some(extensions) = transaction.transaction_extensions() {
				for extension in extensions.iter() {
					extension.decode_unchecked_as::<Value>()?;
				}
			}
			let fields: Composite<()> = transaction.decode_call_data_fields_unchecked_as()?;
			transactions.push(Transaction {
				kind,
				version,
				pallet: transaction.pallet_name().into(),
				name: transaction.call_name().into(),
				arguments: Value::without_context(fields.into()),
			});
		}
		let events = at.events().fetch().await?;
		let events = events
			.iter()
			.map(|event| Event::of(&event?))
			.collect::<Result<_>>()?;
		let timestamp = self
			.storage(&at, "Timestamp", "Now", vec![])
			.await?
			.context("no time")?;
		let timestamp = number_of(&timestamp)?.try_into()?;
		Ok(Block {
			number,
			timestamp,
			transactions,
			events,
		})
	}

	/// What general transactions of a block have before their call, and the calls.
	pub async fn general(&self, number: u64) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
		let at = self.at(number).await?;
		let mut found = Vec::new();
		for transaction in at.extrinsics().fetch().await?.iter() {
			let transaction = transaction?;
			let mut bytes = transaction.bytes();
			Compact::<u32>::decode(&mut bytes)?;
			if bytes.first().is_some_and(|version| version >> 6 == 0b01) {
				let call = transaction.call_data_bytes().to_vec();
				let envelope = bytes
					.strip_suffix(call.as_slice())
					.context("a transaction does not end with its call")?;
				found.push((envelope.to_vec(), call));
			}
		}
		Ok(found)
	}

	/// A value in storage.
	pub async fn storage(
		&self,
		at: &At,
		pallet: &str,
		entry: &str,
		keys: Vec<Value<()>>,
	) -> Result<Option<Value<()>>> {
		let address = subxt::dynamic::storage::<Vec<Value<()>>, Value>(pallet, entry);
		let Some(value) = at.storage().try_fetch(address, keys).await? else {
			return Ok(None);
		};
		Ok(Some(value.decode()?.remove_context()))
	}

	/// What a runtime API answers.
	pub async fn ask(
		&self,
		at: &At,
		api: &str,
		method: &str,
		arguments: Vec<Value<()>>,
	) -> Result<Value<()>> {
		let payload = subxt::dynamic::runtime_api_call::<_, Value>(api, method, arguments);
		Ok(at.runtime_apis().call(payload).await?.remove_context())
	}

	/// A call that somebody has encoded.
	pub async fn decoded(&self, encoded: &[u8]) -> Result<Call> {
		let at = self.finalised().await?;
		let metadata = at.metadata_ref();
		let (calls, bytes) = (metadata.outer_enums().call_enum_ty(), &mut &encoded[..]);
		let value = decode_as_type(bytes, calls, metadata.types())?.remove_context();
		let variant = |value: Value<()>| -> Result<Variant<()>> {
			match value.value {
				ValueDef::Variant(variant) => Ok(variant),
				_ => bail!("no call"),
			}
		};
		let pallet = variant(value)?;
		let inner = pallet.values.into_values().next();
		let call = variant(inner.context("a pallet without a call")?)?;
		Ok(subxt::dynamic::tx(pallet.name, call.name, call.values))
	}

	/// The next nonce of an account, with what it has in the pool.
	async fn nonce(&self, signer: &Keypair) -> Result<u64> {
		let account = signer.public_key().0.into();
		Ok(self.legacy().system_account_next_index(&account).await?)
	}

	/// Signs a call and submits it, without waiting.
	async fn submit<C: Payload>(&self, signer: &Keypair, call: &C, nonce: u64) -> Result<Progress> {
		let params = subxt::config::DefaultExtrinsicParamsBuilder::new()
			.immortal()
			.nonce(nonce);
		let base = self.finalised().await?;
		let transactions = base.transactions();
		let mut signable = transactions.create_v4_signable_offline(call, params.build())?;
		Ok(signable.sign(signer)?.submit_and_watch().await?)
	}

	/// Signs a call, submits it, waits until it is in a block, and returns its events. A failed dispatch is
	/// an error that names the pallet's error.
	pub async fn run<C: Payload>(&self, signer: &Keypair, call: &C) -> Result<Vec<Event>> {
		let nonce = self.nonce(signer).await?;
		included(self.submit(signer, call, nonce).await?).await
	}

	/// The same for many calls at once.
	pub async fn run_all(&self, signer: &Keypair, calls: &[Call]) -> Result<Vec<Vec<Event>>> {
		let first = self.nonce(signer).await?;
		let mut submitted = Vec::new();
		for (nonce, call) in (first..).zip(calls) {
			submitted.push(self.submit(signer, call, nonce).await?);
		}
		let mut events = Vec::new();
		for progress in submitted {
			events.push(included(progress).await?);
		}
		Ok(events)
	}
}

/// Waits until a transaction is in a block; returns its events.
async fn included(mut progress: Progress) -> Result<Vec<Event>> {
	let wait = async {
		while let Some(status) = progress.next().await {
			match status? {
				TransactionStatus::InBestBlock(block)
				| TransactionStatus::InFinalizedBlock(block) => {
					let events = block.wait_for_success().await?;
					return events.iter().map(|event| Event::of(&event?)).collect();
				}
				TransactionStatus::Error { message }
				| TransactionStatus::Invalid { message }
				| TransactionStatus::Dropped { message } => bail!("transaction lost: {message}"),
				_ => (),
			}
		}
		Err(anyhow!("the node stopped watching the transaction"))
	};
	timeout(INCLUSION, wait)
		.await
		.context("a transaction found no block")?
}

impl Event {
	fn of(event: &subxt::events::Event<'_, SubstrateConfig>) -> Result<Self> {
		let fields: Composite<()> = event.decode_fields_unchecked_as()?;
		Ok(Self {
			pallet: event.pallet_name().into(),
			name: event.event_name().into(),
			fields: Value::without_context(fields.into()),
		})
	}

	/// Whether it is this event.
	pub fn is(&self, pallet: &str, name: &str) -> bool {
		self.pallet == pallet && self.name == name
	}

	/// A number among its fields.
	pub fn number(&self, field: &str) -> Result<u128> {
		let value = self.fields.at(field);
		number_of(value.with_context(|| format!("{self:?} has no {field}"))?)
	}
}

/// The number in a value, also if it is wrapped as the only field of a type of its own.
pub fn number_of(value: &Value<()>) -> Result<u128> {
	match value.as_u128() {
		Some(number) => Ok(number),
		None => number_of(
			value
				.at(0usize)
				.with_context(|| format!("no number: {value}"))?,
		),
	}
}
