//! Who makes and finalises blocks, from the council's decision to the first block.

mod common;

use codec::{Decode, Encode};
use frame_support::{
	assert_noop, assert_ok,
	storage::{with_transaction_unchecked, TransactionOutcome},
	traits::{fungible::Inspect, UnfilteredDispatchable},
};
use gridweave_primitives::ingest::{IngestSignature, ReadingBatch};
use gridweave_runtime::{
	Authorship, Balances, Block, Hash, Runtime, RuntimeCall, RuntimeEvent, Session, System,
	UncheckedExtrinsic, BLOCK_SECONDS,
};
use pallet_validator_set::{Error, Event, AURA_EQUIVOCATION};
use sp_consensus_grandpa::{
	runtime_decl_for_grandpa_api::GrandpaApiV3, AuthorityId as GrandpaId, EquivocationProof,
};
use sp_core::{
	offchain::{testing::TestTransactionPoolExt, TransactionPoolExt},
	Pair,
};
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidity},
	DispatchError,
};
use sp_transaction_pool::runtime_api::runtime_decl_for_tagged_transaction_queue::TaggedTransactionQueueV3;

use common::{
	account,
	council::{decide, outcome, propose},
	meters::{enrol, genesis_hash},
	pair,
	validators::*,
	Chain,
};

/// The chain of Alice, and Eve who has registered her keys and been taken in.
fn two() -> Chain {
	let mut chain = one();
	assert_ok!(set_keys(&mut chain, "Eve", "Eve"));
	assert_ok!(decide(&mut chain, 2, add("Eve")));
	sessions(&mut chain, 2);
	chain
}

fn happened(chain: &mut Chain, event: Event<Runtime>) -> bool {
	let now = chain.read(System::events);
	let event = RuntimeEvent::ValidatorSet(event);
	now.into_iter().any(|record| record.event == event) || chain.events.contains(&event)
}

#[test]
fn a_validator_should_make_blocks_two_session_changes_after_the_councils_decision() {
	let mut chain = one();
	assert_eq!(
		decide(&mut chain, 2, add("Eve")),
		Err(Error::<Runtime>::NoSessionKeys.into())
	);
	assert_ok!(set_keys(&mut chain, "Eve", "Eve"));
	assert_ok!(decide(&mut chain, 2, add("Eve")));
	assert_eq!(members(&mut chain), ["Alice", "Eve"]);
	assert_eq!(active(&mut chain), ["Alice"]);
	sessions(&mut chain, 1);
	assert_eq!(active(&mut chain), ["Alice"]);
	sessions(&mut chain, 1);
	assert_eq!(active(&mut chain), ["Alice", "Eve"]);
	// In her turn.
	let authors: Vec<_> = (0..4)
		.map(|_| {
			chain.next_block();
			chain.read(Authorship::author).expect("an author")
		})
		.map(|author| name(&author))
		.collect();
	assert!(
		authors == ["Alice", "Eve", "Alice", "Eve"] || authors == ["Eve", "Alice", "Eve", "Alice"],
		"{authors:?}"
	);
}

#[test]
fn the_council_should_put_out_validators_but_for_the_last() {
	let mut chain = two();
	assert_ok!(decide(&mut chain, 2, remove("Alice")));
	sessions(&mut chain, 1);
	assert_eq!(active(&mut chain), ["Alice", "Eve"]);
	sessions(&mut chain, 1);
	assert_eq!(active(&mut chain), ["Eve"]);
	assert_eq!(
		decide(&mut chain, 2, remove("Eve")),
		Err(Error::<Runtime>::LastValidator.into())
	);
	sessions(&mut chain, 2);
	assert_eq!(active(&mut chain), ["Eve"]);
}

#[test]
fn no_less_than_two_thirds_of_the_council_should_change_the_set() {
	let mut chain = one();
	assert_ok!(set_keys(&mut chain, "Eve", "Eve"));
	// A motion of one vote is done at once, with the power of one.
	assert_ok!(chain.submit(
		"Alice",
		RuntimeCall::Council(pallet_collective::Call::propose {
			threshold: 1,
			length_bound: 1_000,
			proposal: Box::new(add("Eve")),
		}),
	));
	assert_eq!(outcome(&mut chain), Some(Err(DispatchError::BadOrigin)));
	for who in ["Alice", "Dave"] {
		assert_eq!(chain.submit(who, add("Eve")), Err(DispatchError::BadOrigin));
	}
	let motion = propose(&mut chain, 2, add("Eve"));
	assert_ok!(motion.vote(&mut chain, "Alice", true));
	for who in ["Bob", "Charlie"] {
		assert_ok!(motion.vote(&mut chain, who, false));
	}
	assert_ok!(motion.close(&mut chain, "Dave"));
	assert_eq!(outcome(&mut chain), None);
	assert_eq!(members(&mut chain), ["Alice"]);
}

#[test]
fn voters_should_be_a_new_set_only_when_they_change() {
	let mut chain = four();
	let set = |chain: &mut Chain| chain.read(pallet_grandpa::CurrentSetId::<Runtime>::get);
	sessions(&mut chain, 4);
	assert_eq!(set(&mut chain), 0);
	assert_ok!(decide(&mut chain, 2, remove("Dave")));
	sessions(&mut chain, 4);
	assert_eq!(set(&mut chain), 1);
	// New keys of a validator.
	assert_ok!(set_keys(&mut chain, "Bob", "Ferdie"));
	sessions(&mut chain, 4);
	assert_eq!(set(&mut chain), 2);
	let keys = chain.read(pallet_grandpa::Authorities::<Runtime>::get);
	let keys: Vec<_> = keys.into_iter().map(|(key, _)| key).collect();
	let expected = ["Alice", "Ferdie", "Charlie"].map(|name| voter(name).public().into());
	assert_eq!(keys, expected);
}

#[test]
fn readings_should_come_by_the_authorities_of_the_session() {
	let mut chain = two();
	let mut device = enrol(&mut chain, "Dave", 1);
	let genesis = genesis_hash(&mut chain);
	let bring = |chain: &mut Chain, device: &mut common::meters::Device, by: &str, place: u32| {
		let now = chain.now();
		let batch = ReadingBatch {
			authority: place,
			salt: u32::try_from(now & 0xffff).expect("short"),
			spans: 100,
			corrections: 100,
			readings: vec![device.read(&genesis, now)].try_into().expect("one"),
		};
		let signature = IngestSignature::from(pair(by).sign(&batch.digest(&genesis)));
		chain.submit_authorised(RuntimeCall::MeterRegistry(
			pallet_meter_registry::Call::submit_readings { batch, signature },
		))
	};
	assert_eq!(place(&mut chain, "Eve"), Some(1));
	assert_ok!(bring(&mut chain, &mut device, "Eve", 1).expect("of an authority"));
	chain.next_block();
	// A place is that of its key: nobody signs for another.
	assert_eq!(
		bring(&mut chain, &mut device, "Eve", 0),
		Err(InvalidTransaction::BadProof.into())
	);

	assert_ok!(decide(&mut chain, 2, remove("Alice")));
	sessions(&mut chain, 2);
	assert_eq!(place(&mut chain, "Alice"), None);
	// On its way when the set changed: its place is another's now, or nobody's.
	assert_eq!(
		bring(&mut chain, &mut device, "Alice", 0),
		Err(InvalidTransaction::BadProof.into())
	);
	assert!(bring(&mut chain, &mut device, "Eve", 1).is_err());
	assert_eq!(place(&mut chain, "Eve"), Some(0));
	assert_ok!(bring(&mut chain, &mut device, "Eve", 0).expect("of an authority"));
}

#[test]
fn session_keys_should_stay_as_long_as_they_are_needed() {
	let mut chain = two();
	let purge = || RuntimeCall::Session(pallet_session::Call::purge_keys {});
	let filtered = Err(frame_system::Error::<Runtime>::CallFiltered.into());
	assert_eq!(chain.submit("Eve", purge()), filtered);
	assert_ok!(chain.submit(
		"Eve",
		RuntimeCall::Utility(pallet_utility::Call::batch {
			calls: vec![purge()]
		}),
	));
	let interrupted = chain.read(System::events).into_iter().any(|record| {
		matches!(
			record.event,
			RuntimeEvent::Utility(pallet_utility::Event::BatchInterrupted { .. })
		)
	});
	assert!(interrupted);
	let own = || RuntimeCall::ValidatorSet(pallet_validator_set::Call::purge_keys {});
	let in_use = Err(Error::<Runtime>::KeysInUse.into());
	assert_eq!(chain.submit("Eve", own()), in_use);
	assert_ok!(decide(&mut chain, 2, remove("Eve")));
	assert_eq!(chain.submit("Eve", own()), in_use);
	sessions(&mut chain, 2);
	assert_eq!(active(&mut chain), ["Alice"]);
	assert_ok!(chain.submit("Eve", own()));
	assert_eq!(
		decide(&mut chain, 2, add("Eve")),
		Err(Error::<Runtime>::NoSessionKeys.into())
	);
}

#[test]
fn two_blocks_in_one_slot_should_put_their_author_out_at_no_cost_to_the_reporter() {
	let mut chain = four();
	sessions(&mut chain, 1);
	let slot = chain.now() / u64::from(BLOCK_SECONDS);
	let report = aura_report(&mut chain, "Bob", slot);
	let balance = |chain: &mut Chain| chain.read(|| Balances::balance(&account("Ferdie")));
	let before = balance(&mut chain);
	assert_ok!(chain.submit("Ferdie", report.clone()));
	assert_eq!(balance(&mut chain), before);
	let session = chain.read(Session::current_index);
	assert!(happened(
		&mut chain,
		Event::OffenderRemoved {
			validator: account("Bob"),
			kind: AURA_EQUIVOCATION,
			session,
		}
	));
	assert_eq!(members(&mut chain), ["Alice", "Charlie", "Dave"]);
	// Again, it is of no use and costs its fee.
	assert_eq!(
		chain.submit("Ferdie", report),
		Err(Error::<Runtime>::AlreadyReported.into())
	);
	assert!(balance(&mut chain) < before);
	sessions(&mut chain, 1);
	assert_eq!(active(&mut chain), ["Alice", "Bob", "Charlie", "Dave"]);
	sessions(&mut chain, 1);
	assert_eq!(active(&mut chain), ["Alice", "Charlie", "Dave"]);
}

#[test]
fn the_only_validator_should_stay_whatever_it_did() {
	let mut chain = one();
	chain.next_block();
	let slot = chain.now() / u64::from(BLOCK_SECONDS);
	let report = aura_report(&mut chain, "Alice", slot);
	assert_ok!(chain.submit("Bob", report.clone()));
	assert!(happened(
		&mut chain,
		Event::OffenderKept {
			validator: account("Alice"),
			kind: AURA_EQUIVOCATION,
			session: 0,
		}
	));
	assert_eq!(
		chain.submit("Bob", report),
		Err(Error::<Runtime>::AlreadyReported.into())
	);
	sessions(&mut chain, 2);
	assert_eq!(active(&mut chain), ["Alice"]);
}

/// The proof that `who` voted twice in a round of a set.
fn two_votes(who: &str, set: u64, round: u64) -> EquivocationProof<Hash, u32> {
	/// How a precommit is told from other messages, and such a proof from others.
	const PRECOMMIT: u8 = 1;
	let voter = voter(who);
	let vote = |salt: u8| {
		let target = (Hash::repeat_byte(salt), 3u32);
		let message = (PRECOMMIT, target, round, set).encode();
		(target, voter.sign(&message))
	};
	let encoded = (
		set,
		PRECOMMIT,
		round,
		GrandpaId::from(voter.public()),
		vote(1),
		vote(2),
	)
		.encode();
	EquivocationProof::decode(&mut &encoded[..]).expect("its encoding")
}

/// What a node that saw both votes submits, by the runtime API that it calls.
fn submitted(chain: &mut Chain, proof: EquivocationProof<Hash, u32>) -> UncheckedExtrinsic {
	let (extension, pool) = TestTransactionPoolExt::new();
	chain
		.host()
		.register_extension(TransactionPoolExt::new(extension));
	chain.read(|| {
		let owner = <Runtime as GrandpaApiV3<Block>>::generate_key_ownership_proof(
			proof.set_id(),
			proof.offender().clone(),
		)
		.expect("there is a proof");
		<Runtime as GrandpaApiV3<Block>>::submit_report_equivocation_unsigned_extrinsic(
			proof, owner,
		)
		.expect("it is submitted");
	});
	let bytes = pool.write().transactions.pop().expect("one");
	UncheckedExtrinsic::decode(&mut &bytes[..]).expect("an extrinsic")
}

/// Whether a node lets a transaction into its pool.
fn validity(
	chain: &mut Chain,
	source: TransactionSource,
	transaction: &UncheckedExtrinsic,
) -> TransactionValidity {
	chain.read(|| {
		with_transaction_unchecked(|| {
			let parent = System::parent_hash();
			TransactionOutcome::Rollback(
				<Runtime as TaggedTransactionQueueV3<Block>>::validate_transaction(
					source,
					transaction.clone(),
					parent,
				),
			)
		})
	})
}

#[test]
fn two_votes_in_one_round_should_put_the_voter_out() {
	let mut chain = four();
	sessions(&mut chain, 1);
	let transaction = submitted(&mut chain, two_votes("Dave", 0, 7));
	let refused = validity(&mut chain, TransactionSource::External, &transaction);
	assert_eq!(refused, Err(InvalidTransaction::Call.into()));
	assert_ok!(validity(&mut chain, TransactionSource::Local, &transaction));
	assert_ok!(chain
		.submit_bare(transaction.function.clone())
		.expect("valid"));
	let session = chain.read(Session::current_index);
	assert!(happened(
		&mut chain,
		Event::OffenderRemoved {
			validator: account("Dave"),
			kind: *b"grandpa:equivoca",
			session,
		}
	));
	// No node brings it again, and no block takes it.
	let again = validity(&mut chain, TransactionSource::Local, &transaction);
	assert_eq!(again, Err(InvalidTransaction::Stale.into()));
	assert_eq!(
		chain.submit_bare(transaction.function),
		Err(InvalidTransaction::Stale.into())
	);
	sessions(&mut chain, 2);
	assert_eq!(active(&mut chain), ["Alice", "Bob", "Charlie"]);
}

#[test]
fn votes_of_another_set_should_prove_nothing() {
	let mut chain = four();
	sessions(&mut chain, 1);
	// Signed for a set that is not: the proof of the key says that it was in set 0.
	let transaction = submitted(&mut chain, two_votes("Dave", 3, 7));
	assert_eq!(
		chain.submit_bare(transaction.function).expect("taken"),
		Err(pallet_grandpa::Error::<Runtime>::InvalidEquivocationProof.into())
	);
	assert_eq!(members(&mut chain).len(), 4);
}

#[test]
fn who_is_offline_should_be_told_and_stay() {
	let mut chain = four();
	for _ in 0..3 * SESSION {
		// The next slot that is Alice's.
		let slot = chain.now() / u64::from(BLOCK_SECONDS) + 1;
		chain.stand_still_until(slot.next_multiple_of(4) * u64::from(BLOCK_SECONDS));
	}
	let told: Vec<_> = chain
		.events
		.iter()
		.filter_map(|event| match event {
			RuntimeEvent::ValidatorSet(Event::ValidatorsSilent {
				session,
				validators,
			}) => Some((*session, validators.iter().map(name).collect::<Vec<_>>())),
			_ => None,
		})
		.collect();
	assert!(told.len() >= 2, "{told:?}");
	for (_, silent) in told.into_iter().skip(1) {
		assert_eq!(silent, ["Bob", "Charlie", "Dave"]);
	}
	assert_eq!(active(&mut chain), ["Alice", "Bob", "Charlie", "Dave"]);
}

#[test]
fn the_way_of_an_equivocator_back_should_be_by_the_council() {
	let mut chain = four();
	let slot = chain.now() / u64::from(BLOCK_SECONDS);
	let report = aura_report(&mut chain, "Bob", slot);
	assert_ok!(chain.submit("Ferdie", report.clone()));
	sessions(&mut chain, 2);
	assert_ok!(decide(&mut chain, 2, add("Bob")));
	// What he did before is spent.
	chain.read(|| {
		let reporter = frame_system::RawOrigin::Signed(account("Ferdie"));
		assert_noop!(
			report.dispatch_bypass_filter(reporter.into()),
			Error::<Runtime>::AlreadyReported
		);
	});
	sessions(&mut chain, 2);
	assert_eq!(active(&mut chain), ["Alice", "Charlie", "Dave", "Bob"]);
}
