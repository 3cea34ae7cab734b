//! Signed transactions of members.

use std::collections::BTreeMap;

use anyhow::Result;
use codec::Encode;
use gridweave_primitives::MeterId;
use gridweave_runtime::{
	tx_extension, AccountId, Hash, Nonce, RuntimeCall, Signature, SignedPayload,
	UncheckedExtrinsic, VERSION,
};
use sp_core::Pair;
use sp_runtime::{generic::Era, OpaqueExtrinsic};

use crate::{chain::opaque, community::owner};

/// Signs in the name of members, and counts what each of them has signed.
pub struct Members {
	genesis: Hash,
	nonces: BTreeMap<MeterId, Nonce>,
}

impl Members {
	/// Those of the chain of `genesis`, who have not signed anything.
	pub fn new(genesis: Hash) -> Self {
		Self {
			genesis,
			nonces: BTreeMap::new(),
		}
	}

	/// A call by the owner of a meter as its next transaction.
	pub fn sign(
		&mut self,
		meter: MeterId,
		call: impl Into<RuntimeCall>,
	) -> Result<OpaqueExtrinsic> {
		let nonce = self.nonces.entry(meter).or_default();
		let extension = tx_extension(Era::Immortal, *nonce, 0);
		*nonce += 1;
		let implicit = (
			(),
			(),
			VERSION.spec_version,
			VERSION.transaction_version,
			self.genesis,
			self.genesis,
			(),
			(),
			(),
			None,
			(),
		);
		let pair = owner(meter);
		let payload = SignedPayload::from_raw(call.into(), extension, implicit);
		let signature = payload.using_encoded(|bytes| pair.sign(bytes));
		let (call, extension, _) = payload.deconstruct();
		opaque(UncheckedExtrinsic::new_signed(
			call,
			AccountId::from(pair.public().0).into(),
			Signature::Sr25519(signature),
			extension,
		))
	}

	/// Forgets the last transaction of a meter's owner: it did not come into a block.
	pub fn withdraw(&mut self, meter: MeterId) {
		if let Some(nonce) = self.nonces.get_mut(&meter) {
			*nonce = nonce.saturating_sub(1);
		}
	}
}
