//! The runtime without a node: blocks, signed transactions, and every invariant after every block.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod council;
pub mod meters;
pub mod validators;

use std::collections::BTreeMap;

use codec::Encode;
use frame_support::{genesis_builder_helper::build_state, traits::UnfilteredDispatchable};
use gridweave_primitives::{Be32, MeterId, Period};
use gridweave_runtime::{
	configs::monetary::ExistentialDeposit, genesis::preset, tx_extension, AccountId, Executive,
	Header, Runtime, RuntimeCall, RuntimeEvent, RuntimeGenesisConfig, RuntimeOrigin, Settlement,
	Signature, SignedPayload, System, UncheckedExtrinsic, BLOCK_SECONDS,
};
use serde_json::Value;
use sp_core::{sr25519, Pair};
use sp_runtime::{
	generic::{Digest, DigestItem, Era},
	traits::Header as _,
	transaction_validity::TransactionValidityError,
	DispatchResult,
};

/// 15 June 2026, 06:00 UTC: where the chains of these tests begin.
pub const START: u64 = 1_781_503_200;

/// Key pair of a well-known name.
pub fn pair(name: &str) -> sr25519::Pair {
	sr25519::Pair::from_string(&format!("//{name}"), None).expect("a valid derivation")
}

/// Account of a well-known name.
pub fn account(name: &str) -> AccountId {
	AccountId::from(pair(name).public().0)
}

/// Account of an authority.
pub fn author_of(name: &str) -> AccountId {
	account(name)
}

/// Lays a preset over the default configuration, as a chain specification does (RFC 7386).
fn merge(into: &mut Value, patch: Value) {
	match (into, patch) {
		(Value::Object(into), Value::Object(patch)) => {
			for (key, value) in patch {
				merge(into.entry(key).or_insert(Value::Null), value);
			}
		}
		(into, patch) => *into = patch,
	}
}

/// The genesis configuration of a preset, with changes.
pub fn genesis(name: &str, change: impl FnOnce(&mut Value)) -> Value {
	let patch = preset(&name.into()).expect("a preset");
	let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("it serializes");
	merge(
		&mut config,
		serde_json::from_slice(&patch).expect("presets are JSON"),
	);
	change(&mut config);
	config
}

/// Looks at the state at the end of each block, genesis included, and is told the block's number.
pub type Watch = Box<dyn FnMut(u32)>;

/// A chain of one authority, always within a block.
pub struct Chain {
	pub ext: sp_io::TestExternalities,
	pub number: u32,
	pub time: u64,
	/// What happened in all blocks that have ended.
	pub events: Vec<RuntimeEvent>,
	pub watch: Watch,
}

impl Chain {
	/// The development preset in its first block.
	pub fn development() -> Self {
		Self::from_genesis(genesis("development", |_| ()))
	}

	/// A chain of this genesis in its first block.
	pub fn from_genesis(config: Value) -> Self {
		Self::watched(config, Box::new(|_| ()))
	}

	/// A chain of this genesis in its first block, with somebody who looks on.
	pub fn watched(config: Value, mut watch: Watch) -> Self {
		let mut ext = sp_io::TestExternalities::default();
		ext.execute_with(|| {
			build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes())
				.expect("the configuration is complete");
			watch(0);
		});
		let mut chain = Self {
			ext,
			number: 0,
			time: START,
			events: Vec::new(),
			watch,
		};
		chain.begin();
		chain
	}

	fn begin(&mut self) {
		self.number += 1;
		let (number, time) = (self.number, self.time);
		let slot = time / u64::from(BLOCK_SECONDS);
		self.ext.execute_with(|| {
			let digest = Digest {
				logs: vec![DigestItem::PreRuntime(*b"aura", slot.encode())],
			};
			let header = Header::new(
				number,
				Default::default(),
				Default::default(),
				System::block_hash(number - 1),
				digest,
			);
			Executive::initialize_block(&header);
			let inherent =
				UncheckedExtrinsic::new_bare(RuntimeCall::Timestamp(pallet_timestamp::Call::set {
					now: time * 1_000,
				}));
			Executive::apply_extrinsic(inherent)
				.expect("valid")
				.expect("good");
		});
	}

	/// Ends the block, checks every invariant, begins the next.
	pub fn next_block(&mut self) {
		let (number, watch) = (self.number, &mut self.watch);
		let events = self.ext.execute_with(|| {
			Executive::finalize_block();
			try_state();
			watch(number);
			System::events()
		});
		self.events
			.extend(events.into_iter().map(|record| record.event));
		self.time += u64::from(BLOCK_SECONDS);
		self.begin();
	}

	/// Blocks until chain time reaches `time`.
	pub fn advance_to(&mut self, time: u64) {
		while self.time < time {
			self.next_block();
		}
	}

	/// Makes no block until `time`, and then one.
	pub fn stand_still_until(&mut self, time: u64) {
		self.time = time - u64::from(BLOCK_SECONDS);
		self.next_block();
	}

	/// Chain time in Unix seconds.
	pub fn now(&self) -> u64 {
		self.time
	}

	/// Looks at the state, or changes it as genesis could.
	pub fn read<R>(&mut self, f: impl FnOnce() -> R) -> R {
		self.ext.execute_with(f)
	}

	/// Applies a transaction signed by a well-known account.
	pub fn submit(&mut self, who: &str, call: RuntimeCall) -> DispatchResult {
		self.try_submit(who, call).expect("a valid transaction")
	}

	/// Applies a signed transaction, which may be invalid.
	pub fn try_submit(
		&mut self,
		who: &str,
		call: RuntimeCall,
	) -> Result<DispatchResult, TransactionValidityError> {
		self.ext.execute_with(|| {
			let nonce = System::account_nonce(account(who));
			let payload = SignedPayload::new(call, tx_extension(Era::Immortal, nonce, 0))
				.expect("it encodes");
			let signature = payload.using_encoded(|bytes| pair(who).sign(bytes));
			let (call, extension, _) = payload.deconstruct();
			Executive::apply_extrinsic(UncheckedExtrinsic::new_signed(
				call,
				account(who).into(),
				Signature::Sr25519(signature),
				extension,
			))
		})
	}

	/// Applies a transaction that nobody signed.
	pub fn submit_bare(
		&mut self,
		call: RuntimeCall,
	) -> Result<DispatchResult, TransactionValidityError> {
		self.ext
			.execute_with(|| Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(call)))
	}

	/// The host, to give it extensions as a node does.
	pub fn host(&mut self) -> &mut sp_io::TestExternalities {
		&mut self.ext
	}

	/// Applies an authorised call as a general transaction.
	pub fn submit_authorised(
		&mut self,
		call: RuntimeCall,
	) -> Result<DispatchResult, TransactionValidityError> {
		self.ext.execute_with(|| {
			let extension = tx_extension(Era::Immortal, 0, 0);
			Executive::apply_extrinsic(UncheckedExtrinsic::new_transaction(call, extension))
		})
	}

	/// Dispatches a call as root.
	pub fn root(&mut self, call: RuntimeCall) -> DispatchResult {
		self.ext.execute_with(|| {
			call.dispatch_bypass_filter(RuntimeOrigin::root())
				.map(|_| ())
				.map_err(|e| e.error)
		})
	}
}

/// Every pallet's invariants, and those that hold between them.
fn try_state() {
	pallet_microgrids::Pallet::<Runtime>::do_try_state().expect("microgrids");
	pallet_meter_registry::Pallet::<Runtime>::do_try_state().expect("meter registry");
	pallet_order_book::Pallet::<Runtime>::do_try_state().expect("order book");
	pallet_settlement::Pallet::<Runtime>::do_try_state().expect("settlement");
	pallet_validator_set::Pallet::<Runtime>::do_try_state().expect("validator set");
	pallet_demand_response::Pallet::<Runtime>::do_try_state().expect("demand response");
	pallet_anomaly_flags::Pallet::<Runtime>::do_try_state().expect("anomaly flags");
	// The clearing house holds what it owes, and what genesis endowed it with.
	assert_eq!(Settlement::stray(), Some(ExistentialDeposit::get()));
	check_locks();
	check_positions();
}

/// A meter whose trades are not settled is bound: the order book notes each of them until then.
fn check_positions() {
	for ((_, period, page), positions) in pallet_settlement::Positions::<Runtime>::iter() {
		for (slot, _) in positions.iter() {
			let meter = MeterId::at(page.get(), slot);
			let dealings = pallet_order_book::MeterDealings::<Runtime>::get(Be32::from(meter));
			let traded = dealings.of(Period(period.get()));
			assert!(
				!traded.sold.is_zero() || !traded.bought.is_zero(),
				"{meter:?}"
			);
		}
	}
}

/// What orders and positions lock must be what the ledger says is locked.
fn check_locks() {
	let mut locked: BTreeMap<AccountId, u128> =
		pallet_order_book::Pallet::<Runtime>::locked_by_orders();
	for (who, amount) in pallet_settlement::Pallet::<Runtime>::locked_by_positions() {
		*locked.entry(who).or_default() += amount;
	}
	locked.retain(|_, amount| *amount > 0);
	let ledger: BTreeMap<AccountId, u128> = Settlement::members()
		.map(|(who, member)| (who, member.locked))
		.filter(|(_, locked)| *locked > 0)
		.collect();
	assert_eq!(locked, ledger);
}
