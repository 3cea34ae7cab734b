//! Batches of readings as transactions.

mod common;

use codec::Encode;
use frame_support::storage::{with_transaction_unchecked, TransactionOutcome};
use gridweave_primitives::{
	ingest::{IngestSignature, ReadingBatch},
	reading::SignedReading,
};
use gridweave_runtime::{
	tx_extension, Balance, Block, Nonce, Runtime, RuntimeCall, Signature, SignedPayload, System,
	UncheckedExtrinsic,
};
use pallet_meter_registry::Call;
use sp_core::Pair;
use sp_runtime::{
	generic::Era,
	transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidity},
};
use sp_transaction_pool::runtime_api::runtime_decl_for_tagged_transaction_queue::TaggedTransactionQueueV3;

use common::{
	account,
	meters::{enrol, genesis_hash},
	pair, Chain,
};

/// What the pool is told of a transaction.
fn validate(chain: &mut Chain, transaction: UncheckedExtrinsic) -> TransactionValidity {
	chain.read(|| {
		with_transaction_unchecked(|| {
			let parent = System::parent_hash();
			let source = TransactionSource::External;
			TransactionOutcome::Rollback(
				<Runtime as TaggedTransactionQueueV3<Block>>::validate_transaction(
					source,
					transaction,
					parent,
				),
			)
		})
	})
}

/// The call that brings readings.
fn batch_of(chain: &mut Chain, readings: Vec<SignedReading>) -> RuntimeCall {
	let batch = ReadingBatch {
		authority: 0,
		salt: 7,
		spans: 10,
		corrections: 0,
		readings: readings.try_into().expect("few"),
	};
	let digest = batch.digest(&genesis_hash(chain));
	let signature = IngestSignature::from(pair("Alice").sign(&digest));
	RuntimeCall::MeterRegistry(Call::submit_readings { batch, signature })
}

#[test]
fn a_batch_should_be_valid_in_one_wrapping_only() {
	let mut chain = Chain::development();
	let mut device = enrol(&mut chain, "Alice", 1);
	let (genesis, now) = (genesis_hash(&mut chain), chain.now());
	let reading = device.read(&genesis, now);
	let call = batch_of(&mut chain, vec![reading]);
	let wrapped = |era: Era, nonce: Nonce, tip: Balance| {
		UncheckedExtrinsic::new_transaction(call.clone(), tx_extension(era, nonce, tip))
	};
	let valid = validate(&mut chain, wrapped(Era::Immortal, 0, 0)).expect("as nodes send it");
	assert_eq!(valid.provides.len(), 1);
	for other in [
		wrapped(Era::Immortal, 1, 0),
		wrapped(Era::Immortal, 0, 1),
		wrapped(Era::mortal(64, 0), 0, 0),
	] {
		assert_ne!(other.encode(), wrapped(Era::Immortal, 0, 0).encode());
		assert_eq!(
			validate(&mut chain, other),
			Err(InvalidTransaction::Call.into())
		);
	}
}

#[test]
fn signed_transactions_should_keep_their_nonce_tip_and_lifetime() {
	let mut chain = Chain::development();
	let transfer = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
		dest: account("Bob").into(),
		value: 1_000_000_000_000,
	});
	let transaction = chain.read(|| {
		let nonce = System::account_nonce(account("Alice"));
		let payload = SignedPayload::new(transfer, tx_extension(Era::Immortal, nonce, 5))
			.expect("it encodes");
		let signature = payload.using_encoded(|bytes| pair("Alice").sign(bytes));
		let (call, extension, _) = payload.deconstruct();
		let signature = Signature::Sr25519(signature);
		UncheckedExtrinsic::new_signed(call, account("Alice").into(), signature, extension)
	});
	let valid = validate(&mut chain, transaction);
	assert!(valid.is_ok(), "{valid:?}");
}
