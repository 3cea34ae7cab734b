//! Validators that make two blocks in one slot. GRANDPA's double votes are reported by every node that sees them;
//! Aura's double blocks somebody has to report from an account. What that takes is kept here: the node warns in its
//! log, counts (`gridweave_equivocations_total`), and tells the call to submit by RPC.

use std::{
	collections::{BTreeMap, VecDeque},
	sync::{Arc, Mutex, PoisonError},
	time::UNIX_EPOCH,
};

use codec::Encode;
use futures::StreamExt;
use gridweave_runtime::{opaque::Block, Header, Runtime, RuntimeCall, BLOCK_SECONDS};
use jsonrpsee::{core::RpcResult, RpcModule};
use pallet_validator_set::{runtime_api::ValidatorSetApi, Call};
use sc_client_api::BlockchainEvents;
use sc_consensus_aura::{find_pre_digest, standalone::slot_author};
use serde_json::{json, Value};
use sp_api::ProvideRuntimeApi;
use sp_consensus_aura::{
	sr25519::{AuthorityId, AuthorityPair, AuthoritySignature},
	AuraApi, Slot,
};
use sp_core::{bytes::to_hex, crypto::ByteArray};
use substrate_prometheus_endpoint::{register, CounterVec, Opts, PrometheusError, Registry, U64};

use crate::service::FullClient;

const LOG: &str = "gridweave::validators";

/// How many slots back a second block is looked for: some minutes.
const SLOTS: u64 = 256;

/// How many equivocations are remembered.
const KEPT: usize = 64;

/// The slot that it is now.
fn now() -> u64 {
	let since = UNIX_EPOCH.elapsed().unwrap_or_default();
	since.as_secs() / u64::from(BLOCK_SECONDS)
}

/// Two blocks of one validator in one slot.
#[derive(Clone, Debug)]
struct Equivocation {
	slot: Slot,
	key: AuthorityId,
	headers: [Header; 2],
	/// The call that reports it; none if it could not be proven whose key it is.
	report: Option<RuntimeCall>,
}

impl Equivocation {
	fn told(&self) -> Value {
		let [first, second] = &self.headers;
		let report = self.report.as_ref();
		json!({
			"slot": u64::from(self.slot),
			"key": to_hex(self.key.as_slice(), false),
			"first": first.hash(),
			"second": second.hash(),
			"report": report.map(|call| to_hex(&call.encode(), false)),
		})
	}
}

/// The first block of each validator in the latest slots.
#[derive(Debug, Default)]
struct Firsts {
	headers: BTreeMap<(Slot, AuthorityId), First>,
}

#[derive(Debug)]
struct First {
	header: Header,
	/// Whether a second one was found already.
	found: bool,
}

impl Firsts {
	/// Notes a block. Another one that its author made in the same slot, if this is the second.
	fn note(&mut self, slot: Slot, key: AuthorityId, header: Header) -> Option<Header> {
		let latest = self.headers.last_key_value().map(|((slot, _), _)| *slot);
		let oldest = latest
			.map_or(slot, |latest| latest.max(slot))
			.saturating_sub(SLOTS);
		self.headers.retain(|(slot, _), _| *slot >= oldest);
		if slot < oldest {
			return None;
		}
		let first = self.headers.entry((slot, key)).or_insert_with(|| First {
			header: header.clone(),
			found: false,
		});
		if first.found || first.header.hash() == header.hash() {
			return None;
		}
		first.found = true;
		Some(first.header.clone())
	}
}

/// What was seen.
pub struct Equivocations {
	client: Arc<FullClient>,
	seen: Mutex<VecDeque<Equivocation>>,
	count: Option<CounterVec<U64>>,
}

impl Equivocations {
	/// None was seen yet.
	pub fn new(
		client: Arc<FullClient>,
		registry: Option<&Registry>,
	) -> Result<Self, PrometheusError> {
		let counter = |registry| {
			let opts = Opts::new(
				"gridweave_equivocations_total",
				"Slots in which a validator made two blocks, by its Aura key",
			);
			register(CounterVec::new(opts, &["key"])?, registry)
		};
		Ok(Self {
			client,
			seen: Mutex::default(),
			count: registry.map(counter).transpose()?,
		})
	}

	/// Looks at every block that is imported, of any fork, for as long as the node runs.
	pub async fn watch(self: Arc<Self>) {
		let mut imports = self.client.every_import_notification_stream();
		let mut firsts = Firsts::default();
		while let Some(import) = imports.next().await {
			// Blocks of long ago, as a node that catches up imports them, prove nothing that can still be reported.
			let slot = find_pre_digest::<Block, AuthoritySignature>(&import.header);
			if slot.map_or(true, |slot| slot + SLOTS < now()) {
				continue;
			}
			// That of the database has its seal.
			let Ok(Some(header)) = self.client.header(import.hash) else {
				continue;
			};
			let Some((slot, key)) = self.author(&header) else {
				continue;
			};
			if let Some(first) = firsts.note(slot, key.clone(), header.clone()) {
				self.tell(slot, key, [first, header]);
			}
		}
	}

	/// Slot and author of a block, if it has any.
	fn author(&self, header: &Header) -> Option<(Slot, AuthorityId)> {
		let slot = find_pre_digest::<Block, AuthoritySignature>(header).ok()?;
		let authorities = self.client.runtime_api().authorities(header.parent_hash);
		let authorities = authorities.ok()?;
		let key = slot_author::<AuthorityPair>(slot, &authorities)?;
		Some((slot, key.clone()))
	}

	fn tell(&self, slot: Slot, key: AuthorityId, headers: [Header; 2]) {
		let name = to_hex(key.as_slice(), false);
		log::error!(
			target: LOG,
			"the validator with the Aura key {name} made two blocks in slot {slot}: its keys are on two machines, \
			or it cheats. The method validators_equivocations tells how to report it",
		);
		if let Some(count) = &self.count {
			count.with_label_values(&[&name]).inc();
		}
		let report = self.report(&key, &headers);
		let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
		if seen.len() >= KEPT {
			seen.pop_front();
		}
		seen.push_back(Equivocation {
			slot,
			key,
			headers,
			report,
		});
	}

	/// The call that reports it.
	fn report(&self, key: &AuthorityId, headers: &[Header; 2]) -> Option<RuntimeCall> {
		let [first, second] = headers;
		let api = self.client.runtime_api();
		let proof = api.aura_key_ownership_proof(first.parent_hash, key.clone());
		let key_owner_proof = proof.ok()??;
		Some(RuntimeCall::from(
			Call::<Runtime>::report_aura_equivocation {
				key: key.clone(),
				first: Box::new(first.clone()),
				second: Box::new(second.clone()),
				key_owner_proof,
			},
		))
	}

	/// The method `validators_equivocations`: what was seen since the node was started, the latest last.
	pub fn methods(
		self: Arc<Self>,
	) -> Result<RpcModule<Arc<Self>>, jsonrpsee::core::RegisterMethodError> {
		let mut module = RpcModule::new(self);
		module.register_method("validators_equivocations", |_, equivocations, _| {
			let seen = equivocations.seen.lock();
			let seen = seen.unwrap_or_else(PoisonError::into_inner);
			RpcResult::Ok(seen.iter().map(Equivocation::told).collect::<Vec<_>>())
		})?;
		Ok(module)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_runtime::Hash;
	use sp_runtime::traits::Header as _;

	fn key(of: u8) -> AuthorityId {
		AuthorityId::from_slice(&[of; 32]).expect("32 bytes")
	}

	fn header(state: u8) -> Header {
		let state = Hash::from([state; 32]);
		Header::new(
			7,
			Hash::default(),
			state,
			Hash::default(),
			Default::default(),
		)
	}

	#[test]
	fn a_second_block_in_a_slot_should_be_found_once() {
		let mut firsts = Firsts::default();
		let (slot, author) = (Slot::from(1_000), key(1));
		assert_eq!(firsts.note(slot, author.clone(), header(1)), None);
		assert_eq!(
			firsts.note(slot, author.clone(), header(1)),
			None,
			"the same"
		);
		assert_eq!(firsts.note(slot, key(2), header(2)), None, "another's");
		assert_eq!(
			firsts.note(slot + 1, author.clone(), header(2)),
			None,
			"another slot"
		);
		assert_eq!(
			firsts.note(slot, author.clone(), header(2)),
			Some(header(1))
		);
		assert_eq!(firsts.note(slot, author, header(3)), None, "told already");
	}

	#[test]
	fn what_lies_far_back_should_be_forgotten() {
		let mut firsts = Firsts::default();
		for slot in 0..1_000 {
			firsts.note(Slot::from(slot), key(1), header(1));
		}
		assert_eq!(firsts.headers.len() as u64, SLOTS + 1);
		assert_eq!(firsts.note(Slot::from(3), key(1), header(2)), None);
		assert_eq!(firsts.headers.len() as u64, SLOTS + 1);
		let last = Slot::from(999);
		assert_eq!(firsts.note(last, key(1), header(2)), Some(header(1)));
	}
}
