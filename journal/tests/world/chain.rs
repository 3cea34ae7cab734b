//! The runtime in process: blocks of signed transactions, and what happened in each step of them.

use std::collections::BTreeMap;

use codec::Encode;
use frame_support::{genesis_builder_helper::build_state, traits::UnfilteredDispatchable};
use frame_system::EventRecord;
use gridweave_runtime::{
	genesis::preset, tx_extension, AccountId, Executive, Hash, Header, RuntimeCall, RuntimeEvent,
	RuntimeGenesisConfig, RuntimeOrigin, Signature, SignedPayload, System, UncheckedExtrinsic,
	BLOCK_SECONDS,
};
use serde_json::Value;
use sp_core::{sr25519, Pair};
use sp_runtime::{
	generic::{Digest, DigestItem, Era},
	traits::Header as _,
	transaction_validity::TransactionValidityError,
	DispatchResult,
};

/// 15 June 2026, 06:00 UTC: where chains begin.
pub const START: u64 = 1_781_503_200;

/// What a transaction came to.
pub struct Applied {
	pub result: Result<DispatchResult, TransactionValidityError>,
	pub events: Vec<RuntimeEvent>,
}

/// A chain of one authority, always within a block.
pub struct Chain {
	ext: sp_io::TestExternalities,
	pub number: u32,
	pub time: u64,
	pairs: BTreeMap<String, sr25519::Pair>,
	/// All events of the block, as it stores them.
	stored: Vec<Event>,
}

/// An event as a block stores it.
pub type Event = EventRecord<RuntimeEvent, Hash>;

/// Lays one JSON over another (RFC 7386).
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

impl Chain {
	/// The development preset with changes, before its first block.
	pub fn new(change: impl FnOnce(&mut Value)) -> Self {
		let patch = preset(&"development".into()).expect("a preset");
		let mut config =
			serde_json::to_value(RuntimeGenesisConfig::default()).expect("it serializes");
		merge(
			&mut config,
			serde_json::from_slice(&patch).expect("presets are JSON"),
		);
		change(&mut config);
		let mut ext = sp_io::TestExternalities::default();
		ext.execute_with(|| {
			build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes())
				.expect("the configuration is complete")
		});
		ext.commit_all().expect("no transaction is open");
		Self {
			ext,
			number: 0,
			time: START - u64::from(BLOCK_SECONDS),
			pairs: BTreeMap::new(),
			stored: Vec::new(),
		}
	}

	/// Key pair of a name.
	pub fn pair(&mut self, name: &str) -> sr25519::Pair {
		let new =
			|| sr25519::Pair::from_string(&format!("//{name}"), None).expect("a valid derivation");
		self.pairs.entry(name.into()).or_insert_with(new).clone()
	}

	/// Begins a block so many seconds after the last one, and tells what the chain did by itself.
	pub fn begin(&mut self, after: u64) -> Vec<RuntimeEvent> {
		self.number += 1;
		self.time += after;
		let (number, time) = (self.number, self.time);
		let slot = time / u64::from(BLOCK_SECONDS);
		self.stored.clear();
		let events = self.ext.execute_with(|| {
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
			let inherent = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now });
			Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(inherent))
				.expect("valid")
				.expect("good");
			Executive::inherents_applied();
			take_events()
		});
		self.keep(events)
	}

	/// Ends the block, and tells what the chain did with what was left of it.
	pub fn end(&mut self) -> Vec<RuntimeEvent> {
		let events = self.ext.execute_with(|| {
			Executive::finalize_block();
			take_events()
		});
		self.ext.commit_all().expect("no transaction is open");
		self.keep(events)
	}

	/// Keeps events, and tells them.
	fn keep(&mut self, events: Vec<Event>) -> Vec<RuntimeEvent> {
		let told = events.iter().map(|event| event.event.clone()).collect();
		self.stored.extend(events);
		told
	}

	/// The events of the block so far.
	pub fn stored(&self) -> &[Event] {
		&self.stored
	}

	/// Looks at the state.
	pub fn read<R>(&mut self, f: impl FnOnce() -> R) -> R {
		self.ext.execute_with(f)
	}

	/// Applies a transaction signed by an account.
	pub fn submit(&mut self, who: &str, call: RuntimeCall) -> Applied {
		let pair = self.pair(who);
		let account = AccountId::from(pair.public().0);
		let (result, events) = self.ext.execute_with(|| {
			let nonce = System::account_nonce(&account);
			let payload = SignedPayload::new(call, tx_extension(Era::Immortal, nonce, 0))
				.expect("it encodes");
			let signature = payload.using_encoded(|bytes| pair.sign(bytes));
			let (call, extension, _) = payload.deconstruct();
			let signature = Signature::Sr25519(signature);
			let signed = UncheckedExtrinsic::new_signed(call, account.into(), signature, extension);
			(Executive::apply_extrinsic(signed), take_events())
		});
		let events = self.keep(events);
		Applied { result, events }
	}

	/// Applies an authorised call as a general transaction.
	pub fn submit_authorised(&mut self, call: RuntimeCall) -> Applied {
		let (result, events) = self.ext.execute_with(|| {
			let extension = tx_extension(Era::Immortal, 0, 0);
			let result =
				Executive::apply_extrinsic(UncheckedExtrinsic::new_transaction(call, extension));
			(result, take_events())
		});
		let events = self.keep(events);
		Applied { result, events }
	}

	/// Dispatches a call as the chain's governance.
	pub fn root(&mut self, call: RuntimeCall) -> Applied {
		let (result, events) = self.ext.execute_with(|| {
			let result = call.dispatch_bypass_filter(RuntimeOrigin::root());
			let result = Ok(result.map(|_| ()).map_err(|error| error.error));
			(result, take_events())
		});
		let events = self.keep(events);
		Applied { result, events }
	}
}

/// What happened since this was asked last. Events are taken out, so that none is decoded twice.
fn take_events() -> Vec<Event> {
	let events = System::events().into_iter().collect();
	System::reset_events();
	events
}
