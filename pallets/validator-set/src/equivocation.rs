//! Aura equivocation: two blocks of one slot, sealed by one key. Pure, but for the signatures.

use codec::{Decode, Encode};
use sp_consensus_aura::{
	digests::CompatibleDigestItem,
	sr25519::{AuthorityId as AuraId, AuthoritySignature as AuraSignature},
	Slot,
};
use sp_runtime::{traits::Header, RuntimeAppPublic};

/// Why two headers prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Flaw {
	/// A header names no slot, or several, or does not end with a seal.
	Unsealed,
	/// They are of different slots.
	DifferentSlots,
	/// They are one header: a key may seal it twice.
	SameHeader,
	/// A seal is not of the key.
	BadSeal,
}

/// A header without its seal.
struct Opened<Hash> {
	slot: Slot,
	/// What the seal signs.
	hash: Hash,
	seal: AuraSignature,
}

fn open<H: Header>(mut header: H) -> Option<Opened<H::Hash>> {
	let seal = header.digest_mut().pop()?.as_aura_seal()?;
	let slot = {
		let mut slots = header
			.digest()
			.logs
			.iter()
			.filter_map(CompatibleDigestItem::<AuraSignature>::as_aura_pre_digest);
		let slot = slots.next()?;
		if slots.next().is_some() {
			return None;
		}
		slot
	};
	Some(Opened {
		slot,
		hash: header.hash(),
		seal,
	})
}

/// The slot for which `key` sealed two different headers.
pub fn check<H: Header>(first: H, second: H, key: &AuraId) -> Result<Slot, Flaw> {
	let first = open(first).ok_or(Flaw::Unsealed)?;
	let second = open(second).ok_or(Flaw::Unsealed)?;
	if first.slot != second.slot {
		return Err(Flaw::DifferentSlots);
	}
	if first.hash == second.hash {
		return Err(Flaw::SameHeader);
	}
	let sealed = [&first, &second]
		.into_iter()
		.all(|header| key.verify(&header.hash.as_ref(), &header.seal));
	if !sealed {
		return Err(Flaw::BadSeal);
	}
	Ok(first.slot)
}
