//! Validators, their keys and their sessions.

use codec::Encode;
use gridweave_primitives::ingest::IngestId;
use gridweave_runtime::{
	session_keys, AccountId, Header, Runtime, RuntimeCall, Session, SessionKeys, ValidatorSet,
};
use serde_json::{json, Value};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_core::{
	crypto::ByteArray, ed25519, proof_of_possession::statement_of_ownership, sr25519, Pair,
};
use sp_runtime::{
	generic::{Digest, DigestItem},
	traits::Header as _,
	DispatchResult,
};

use super::{account, genesis, pair, Chain};

/// Blocks of a session of these chains.
pub const SESSION: u32 = 5;

/// The development chain with short sessions.
pub fn one() -> Chain {
	Chain::from_genesis(genesis("development", short))
}

/// The local network, of Alice, Bob, Charlie and Dave, with short sessions.
pub fn four() -> Chain {
	Chain::from_genesis(genesis("local_testnet", short))
}

fn short(config: &mut Value) {
	config["validatorSet"]["sessionLength"] = json!(SESSION);
}

/// GRANDPA's key pair of a well-known name.
pub fn voter(name: &str) -> ed25519::Pair {
	ed25519::Pair::from_string(&format!("//{name}"), None).expect("a valid derivation")
}

/// The session keys of a well-known name.
pub fn keys_of(name: &str) -> SessionKeys {
	session_keys(
		AuraId::from(pair(name).public()),
		GrandpaId::from(voter(name).public()),
		IngestId::from(pair(name).public()),
	)
}

/// Gives the account `who` the session keys of the name `of`.
pub fn set_keys(chain: &mut Chain, who: &str, of: &str) -> DispatchResult {
	let statement = statement_of_ownership(&account(who).encode());
	let (sr25519, ed25519) = (pair(of), voter(of));
	let proof = (
		sr25519.sign(&statement),
		ed25519.sign(&statement),
		sr25519.sign(&statement),
	)
		.encode();
	let keys = keys_of(of);
	chain.submit(
		who,
		RuntimeCall::Session(pallet_session::Call::set_keys { keys, proof }),
	)
}

/// Blocks until so many sessions have begun.
pub fn sessions(chain: &mut Chain, count: u32) {
	let goal = chain.read(Session::current_index) + count;
	while chain.read(Session::current_index) < goal {
		chain.next_block();
	}
	// GRANDPA's voters change at the end of the session's first block.
	chain.next_block();
}

const NAMES: [&str; 6] = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"];

/// Who of the well-known names takes part, with Aura, GRANDPA and the readings agreeing on it.
pub fn active(chain: &mut Chain) -> Vec<&'static str> {
	let (accounts, aura, grandpa, ingest) = chain.read(|| {
		let grandpa = pallet_grandpa::Authorities::<Runtime>::get().into_inner();
		(
			Session::validators(),
			pallet_aura::Authorities::<Runtime>::get().into_inner(),
			grandpa
				.into_iter()
				.map(|(key, _)| key.to_raw_vec())
				.collect::<Vec<_>>(),
			pallet_meter_registry::IngestKeys::<Runtime>::get().into_inner(),
		)
	});
	let names: Vec<&str> = accounts.iter().map(|who| name(who)).collect();
	let keys = |key: fn(&str) -> Vec<u8>| names.iter().map(|name| key(name)).collect::<Vec<_>>();
	let sr25519 = keys(|name| pair(name).public().to_raw_vec());
	let raw = |key: &[u8]| key.to_vec();
	assert_eq!(
		aura.iter().map(|key| raw(key.as_ref())).collect::<Vec<_>>(),
		sr25519
	);
	assert_eq!(
		ingest
			.iter()
			.map(|key| raw(key.as_ref()))
			.collect::<Vec<_>>(),
		sr25519
	);
	assert_eq!(grandpa, keys(|name| voter(name).public().to_raw_vec()));
	names
}

/// The well-known name of an account.
pub fn name(who: &AccountId) -> &'static str {
	NAMES
		.into_iter()
		.find(|name| account(name) == *who)
		.expect("a well-known name")
}

/// The members of the set.
pub fn members(chain: &mut Chain) -> Vec<&'static str> {
	let members = chain.read(pallet_validator_set::Members::<Runtime>::get);
	members
		.iter()
		.map(|member| name(&member.validator))
		.collect()
}

/// A header of this slot, sealed by `by`; `salt` tells it from others.
pub fn sealed(slot: u64, salt: u8, by: &sr25519::Pair) -> Header {
	let mut header = Header::new(
		9,
		[salt; 32].into(),
		Default::default(),
		Default::default(),
		Digest {
			logs: vec![DigestItem::PreRuntime(*b"aura", slot.encode())],
		},
	);
	let seal = by.sign(header.hash().as_ref()).encode();
	header.digest_mut().push(DigestItem::Seal(*b"aura", seal));
	header
}

/// The report that `of` made two blocks in one slot.
pub fn aura_report(chain: &mut Chain, of: &str, slot: u64) -> RuntimeCall {
	let key = AuraId::from(pair(of).public());
	let key_owner_proof = chain
		.read(|| ValidatorSet::prove_aura_key(&key))
		.expect("the key is active");
	RuntimeCall::ValidatorSet(pallet_validator_set::Call::report_aura_equivocation {
		key,
		first: Box::new(sealed(slot, 1, &pair(of))),
		second: Box::new(sealed(slot, 2, &pair(of))),
		key_owner_proof,
	})
}

/// Calls of the validator set.
pub fn add(name: &str) -> RuntimeCall {
	RuntimeCall::ValidatorSet(pallet_validator_set::Call::add_validator {
		validator: account(name),
	})
}

/// As [`add`].
pub fn remove(name: &str) -> RuntimeCall {
	RuntimeCall::ValidatorSet(pallet_validator_set::Call::remove_validator {
		validator: account(name),
	})
}

/// The place of an authority among the ingest keys.
pub fn place(chain: &mut Chain, name: &str) -> Option<u32> {
	let keys = chain.read(pallet_meter_registry::IngestKeys::<Runtime>::get);
	let key = IngestId::from(pair(name).public());
	keys.iter()
		.position(|other| *other == key)
		.map(|place| u32::try_from(place).expect("few"))
}
