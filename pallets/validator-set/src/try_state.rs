//! Invariants:
//!
//! 1. The set has at least one member and at most [`Config::MaxValidators`], each once.
//! 2. At least one member has session keys.
//! 3. No offence is spent that could happen only later: after the next session, or after this slot.
//! 4. Blocks are remembered of active validators alone, and none of the future.
//! 5. A session has more than one block: in the first of each no transaction fits.

use alloc::collections::btree_set::BTreeSet;

use frame_support::{ensure, traits::Get};
use sp_runtime::{traits::One, TryRuntimeError};

use crate::{Config, LastAuthored, Members, Pallet, SessionLength, SessionStart, Sessions};

impl<T: Config> Pallet<T> {
	/// Checks the invariants of this pallet.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let members = Members::<T>::get();
		let most = usize::try_from(T::MaxValidators::get()).unwrap_or(usize::MAX);
		ensure!(!members.is_empty(), "the set is empty");
		ensure!(members.len() <= most, "there are too many members");
		let accounts: BTreeSet<_> = members.iter().map(|member| &member.validator).collect();
		ensure!(
			accounts.len() == members.len(),
			"a validator is a member twice"
		);
		ensure!(
			accounts.iter().any(|who| T::Sessions::has_keys(who)),
			"no member has session keys"
		);
		let next = T::Sessions::current().saturating_add(1);
		let slot = Self::slot().unwrap_or_default().saturating_add(1u64);
		for member in &members {
			ensure!(
				member.since.session <= next && member.since.slot <= slot,
				"offences of the future are spent"
			);
		}
		let now = frame_system::Pallet::<T>::block_number();
		let active = T::Sessions::active();
		for (who, authored) in LastAuthored::<T>::iter() {
			ensure!(
				active.contains(&who),
				"a block of an inactive validator is remembered"
			);
			ensure!(authored.block <= now, "a block of the future is remembered");
		}
		ensure!(
			SessionStart::<T>::get() <= now,
			"the session begins in the future"
		);
		ensure!(
			SessionLength::<T>::get() > One::one(),
			"sessions are too short"
		);
		Ok(())
	}
}
