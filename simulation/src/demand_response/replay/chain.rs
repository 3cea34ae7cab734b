//! The real runtime, natively and without a node: blocks, signed transactions, and batches of signed readings as an
//! authority's worker brings them.

use std::mem;

use anyhow::{anyhow, Context, Result};
use codec::Encode;
use frame_support::genesis_builder_helper::build_state;
use gridweave_primitives::{
	ingest::{IngestSignature, ReadingBatch, MAX_BATCH_READINGS},
	reading::SignedReading,
	PeriodClock,
};
use gridweave_runtime::{
	genesis::preset, tx_extension, AccountId, Executive, Header, MeterRegistry, Runtime,
	RuntimeCall, RuntimeEvent, RuntimeGenesisConfig, Signature, SignedPayload, System,
	UncheckedExtrinsic, BLOCK_SECONDS, GRID,
};
use serde_json::{json, Value};
use sp_core::{sr25519, Pair, H256};
use sp_runtime::{
	generic::{Digest, DigestItem, Era},
	traits::Header as _,
};

/// What each account begins with.
const ENDOWMENT: u128 = 10_000 * GRID;

/// Most pages of energy that a batch touches.
const SPANS: u32 = 200;

/// Key pair of a well-known name.
pub fn well_known(name: &str) -> Result<sr25519::Pair> {
	sr25519::Pair::from_string(&format!("//{name}"), None).map_err(|error| anyhow!("{error}"))
}

/// The account of a key pair.
pub fn account(pair: &sr25519::Pair) -> AccountId {
	AccountId::from(pair.public().0)
}

/// A chain of one authority, always within a block.
pub struct Chain {
	ext: sp_io::TestExternalities,
	number: u32,
	time: u64,
	salt: u32,
	authority: sr25519::Pair,
	/// What devices sign for.
	pub genesis: H256,
}

impl Chain {
	/// The development preset with this clock, whose first block is of this second, and in which these accounts own
	/// something.
	pub fn begin(clock: PeriodClock, time: u64, accounts: &[AccountId]) -> Result<Self> {
		let patch = preset(&"development".into()).context("no such preset")?;
		let mut config = serde_json::to_value(RuntimeGenesisConfig::default())?;
		merge(&mut config, serde_json::from_slice(&patch)?);
		config["microgrids"]["clock"] = serde_json::to_value(clock)?;
		let balances = config["balances"]["balances"].as_array_mut();
		let balances = balances.context("the preset has balances")?;
		// As a number of JSON, it is one of 64 bits.
		let endowment = u64::try_from(ENDOWMENT)?;
		balances.extend(accounts.iter().map(|who| json!([who, endowment])));
		let mut ext = sp_io::TestExternalities::default();
		ext.execute_with(|| build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes()))
			.map_err(|error| anyhow!("the genesis is refused: {error}"))?;
		let mut chain = Self {
			ext,
			number: 0,
			time,
			salt: 0,
			authority: well_known("Alice")?,
			genesis: H256::zero(),
		};
		chain.begin_block()?;
		chain.genesis = chain.read(|| System::block_hash(0));
		Ok(chain)
	}

	fn begin_block(&mut self) -> Result<()> {
		self.number += 1;
		let (number, time) = (self.number, self.time);
		let slot = time / u64::from(BLOCK_SECONDS);
		let applied = self.ext.execute_with(|| {
			let digest = Digest {
				logs: vec![DigestItem::PreRuntime(*b"aura", slot.encode())],
			};
			let parent = System::block_hash(number - 1);
			let header = Header::new(
				number,
				Default::default(),
				Default::default(),
				parent,
				digest,
			);
			Executive::initialize_block(&header);
			let now = time * 1_000;
			let call = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now });
			Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(call))
		});
		judge(applied).context("the time of a block is refused")
	}

	/// Ends the block; the next is of this second, or of the next block's if that is later. What happened.
	pub fn pass_to(&mut self, time: u64) -> Result<Vec<RuntimeEvent>> {
		let events = self.ext.execute_with(|| {
			Executive::finalize_block();
			System::events()
		});
		self.ext.commit_all().map_err(|error| anyhow!(error))?;
		self.time = time.max(self.time + u64::from(BLOCK_SECONDS));
		self.begin_block()?;
		Ok(events.into_iter().map(|record| record.event).collect())
	}

	/// The time of this block, in Unix seconds.
	pub const fn now(&self) -> u64 {
		self.time
	}

	/// Looks at the state.
	pub fn read<R>(&mut self, look: impl FnOnce() -> R) -> R {
		self.ext.execute_with(look)
	}

	/// Applies a signed transaction, which must succeed.
	pub fn submit(&mut self, who: &sr25519::Pair, call: impl Into<RuntimeCall>) -> Result<()> {
		let call = call.into();
		let applied = self.ext.execute_with(|| {
			let nonce = System::account_nonce(account(who));
			let payload = SignedPayload::new(call, tx_extension(Era::Immortal, nonce, 0))
				.map_err(|error| anyhow!("{error:?}"))?;
			let signature = payload.using_encoded(|bytes| who.sign(bytes));
			let (call, extension, _) = payload.deconstruct();
			let address = account(who).into();
			let signature = Signature::Sr25519(signature);
			anyhow::Ok(Executive::apply_extrinsic(UncheckedExtrinsic::new_signed(
				call, address, signature, extension,
			)))
		});
		judge(applied?)
	}

	/// Brings readings on chain, in order of meters, as the authority's worker does.
	pub fn bring(&mut self, readings: Vec<SignedReading>) -> Result<()> {
		for readings in readings.chunks(MAX_BATCH_READINGS as usize) {
			self.salt += 1;
			let batch = ReadingBatch {
				authority: 0,
				salt: self.salt,
				spans: SPANS,
				corrections: 0,
				readings: (readings.to_vec().try_into())
					.map_err(|_| anyhow!("too many readings"))?,
			};
			let digest = batch.digest(&self.genesis);
			let signature = IngestSignature::from(self.authority.sign(&digest));
			let call = pallet_meter_registry::Call::<Runtime>::submit_readings { batch, signature };
			let applied = self.ext.execute_with(|| {
				let extension = tx_extension(Era::Immortal, 0, 0);
				let call = RuntimeCall::MeterRegistry(call);
				Executive::apply_extrinsic(UncheckedExtrinsic::new_transaction(call, extension))
			});
			judge(applied).context("readings are refused")?;
		}
		Ok(())
	}

	/// Checks what must always hold of the pallets that have to do with energy and its money.
	pub fn check(&mut self) -> Result<()> {
		self.read(|| {
			pallet_meter_registry::Pallet::<Runtime>::do_try_state()?;
			pallet_settlement::Pallet::<Runtime>::do_try_state()?;
			pallet_demand_response::Pallet::<Runtime>::do_try_state()
		})
		.map_err(|error| anyhow!("an invariant is broken: {error:?}"))
	}

	/// The meter of a device.
	pub fn meter_of(
		&mut self,
		key: &gridweave_primitives::device::DeviceKey,
	) -> Result<gridweave_primitives::MeterId> {
		self.read(|| MeterRegistry::api_meter_by_key(key))
			.context("the meter is not registered")
	}
}

fn judge(applied: sp_runtime::ApplyExtrinsicResult) -> Result<()> {
	match applied {
		Ok(Ok(())) => Ok(()),
		Ok(Err(error)) => Err(anyhow!("refused: {error:?}")),
		Err(error) => Err(anyhow!("not valid: {error:?}")),
	}
}

/// Lays a preset over the default configuration, as a chain specification does (RFC 7386).
fn merge(into: &mut Value, patch: Value) {
	match (into, patch) {
		(Value::Object(into), Value::Object(patch)) => {
			for (key, value) in patch {
				merge(into.entry(key).or_insert(Value::Null), value);
			}
		}
		(into, mut patch) => *into = mem::take(&mut patch),
	}
}
