//! Benchmarks of every call, and of noting a block's author, with a full set.

use alloc::{boxed::Box, vec, vec::Vec};

use frame_benchmarking::v2::*;
use frame_support::{
	traits::{EnsureOrigin, Get},
	BoundedVec,
};
use frame_system::{pallet_prelude::HeaderFor, RawOrigin};
use pallet_authorship::EventHandler;
use sp_consensus_aura::{
	digests::CompatibleDigestItem,
	sr25519::{AuthorityId as AuraId, AuthoritySignature as AuraSignature},
	Slot,
};
use sp_runtime::{
	generic::{Digest, DigestItem},
	traits::Header,
	RuntimeAppPublic,
};

use crate::*;

/// Sets up, for benchmarks, what other pallets keep.
pub trait BenchmarkHelper<AccountId> {
	/// Gives an account session keys: this Aura key, and others that nobody else has.
	fn set_keys(who: &AccountId, aura: AuraId);

	/// Makes these accounts the active validators.
	fn activate(validators: &[AccountId]);
}

const SLOT: u64 = 1_000;

/// A validator with session keys and its Aura key.
fn validator<T: Config>(number: u32) -> (T::AccountId, AuraId) {
	let who: T::AccountId = account("validator", number, 0);
	let aura = AuraId::generate_pair(None);
	T::BenchmarkHelper::set_keys(&who, aura.clone());
	(who, aura)
}

/// Makes a set of so many validators, active as well; returns the last.
fn set_of<T: Config>(count: u32) -> (T::AccountId, AuraId) {
	let validators: Vec<_> = (0..count).map(validator::<T>).collect();
	let accounts: Vec<T::AccountId> = validators.iter().map(|(who, _)| who.clone()).collect();
	T::BenchmarkHelper::activate(&accounts);
	let members: Vec<_> = accounts
		.into_iter()
		.map(|validator| Member {
			validator,
			since: Since::default(),
		})
		.collect();
	Members::<T>::put(BoundedVec::truncate_from(members));
	let digest = CompatibleDigestItem::<AuraSignature>::aura_pre_digest(Slot::from(SLOT));
	frame_system::Pallet::<T>::deposit_log(digest);
	let last = validators.into_iter().last();
	last.unwrap_or_else(|| validator::<T>(count))
}

/// A header of the block's slot, sealed by `key`, with a digest of so many more bytes.
fn sealed<T: Config>(key: &AuraId, salt: u8, bytes: u32) -> HeaderFor<T> {
	let padding = usize::try_from(bytes).unwrap_or_default();
	let logs = vec![
		CompatibleDigestItem::<AuraSignature>::aura_pre_digest(Slot::from(SLOT)),
		DigestItem::Other(vec![salt; padding]),
	];
	let mut header = HeaderFor::<T>::new(
		1u32.into(),
		Default::default(),
		Default::default(),
		Default::default(),
		Digest { logs },
	);
	let seal = key.sign(&header.hash().as_ref());
	if let Some(signature) = seal {
		header
			.digest_mut()
			.push(CompatibleDigestItem::<AuraSignature>::aura_seal(signature));
	}
	header
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn add_validator() -> Result<(), BenchmarkError> {
		let origin =
			T::ChangeOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		let most = T::MaxValidators::get();
		set_of::<T>(most.saturating_sub(1));
		let (newcomer, _) = validator::<T>(most);
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, newcomer.clone());
		assert!(Pallet::<T>::is_member(&newcomer));
		Ok(())
	}

	#[benchmark]
	fn remove_validator() -> Result<(), BenchmarkError> {
		let origin =
			T::ChangeOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		let (last, _) = set_of::<T>(T::MaxValidators::get());
		// All but the last member have lost their keys: the search for one with keys goes through all.
		Members::<T>::mutate(|members| {
			let strangers = members.len().saturating_sub(2);
			for (number, member) in members.iter_mut().take(strangers).enumerate() {
				member.validator =
					account("stranger", u32::try_from(number).unwrap_or_default(), 0);
			}
		});
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, last.clone());
		assert!(!Pallet::<T>::is_member(&last));
		Ok(())
	}

	#[benchmark]
	fn report_aura_equivocation(b: Linear<1_000, 100_000>) -> Result<(), BenchmarkError> {
		let (offender, key) = set_of::<T>(T::MaxValidators::get());
		let proof = Pallet::<T>::prove_aura_key(&key).ok_or("the key is active")?;
		let half = b / 2;
		let first = Box::new(sealed::<T>(&key, 1, half));
		let second = Box::new(sealed::<T>(&key, 2, half));
		let reporter: T::AccountId = whitelisted_caller();
		#[extrinsic_call]
		_(RawOrigin::Signed(reporter), key, first, second, proof);
		assert!(!Pallet::<T>::is_member(&offender));
		Ok(())
	}

	#[benchmark]
	fn purge_keys() -> Result<(), BenchmarkError> {
		let most = T::MaxValidators::get();
		set_of::<T>(most);
		let (former, _) = validator::<T>(most);
		#[extrinsic_call]
		_(RawOrigin::Signed(former.clone()));
		assert!(!T::Sessions::has_keys(&former));
		Ok(())
	}

	#[benchmark]
	fn note_author() {
		let (author, _) = set_of::<T>(T::MaxValidators::get());
		#[block]
		{
			<Pallet<T> as EventHandler<_, _>>::note_author(author.clone());
		}
		assert!(LastAuthored::<T>::contains_key(author));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::chain_of(&[1], None), crate::mock::Test);
}
