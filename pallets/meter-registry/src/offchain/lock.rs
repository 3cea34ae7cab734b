//! Keeps runs apart. A run that takes too long loses the lock, and a lock that somebody else has taken
//! since is left alone.

use codec::{Decode, Encode};
use sp_core::offchain::{Duration, Timestamp};
use sp_runtime::offchain::storage::{StorageRetrievalError, StorageValueRef};

use super::{LOCK_KEY, LOCK_MS};

/// What is stored while a run holds the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Held {
	/// When it is anybody's again.
	pub until: Timestamp,
	/// Which run holds it: a random number.
	pub owner: [u8; 8],
}

/// The lock, held until it is dropped.
pub struct Lock(Held);

impl Lock {
	/// Takes the lock, if nobody holds it.
	pub fn take(now: Timestamp) -> Option<Self> {
		let seed = sp_io::offchain::random_seed();
		let longest = now.add(Duration::from_millis(LOCK_MS));
		let mine = Held {
			until: longest,
			owner: seed.first_chunk().copied().unwrap_or_default(),
		};
		let free = |stored: Result<Option<Held>, StorageRetrievalError>| match stored {
			// One that is held for longer than anybody may was taken before the clock was set back.
			Ok(Some(held)) if now < held.until && held.until <= longest => Err(()),
			_ => Ok(mine),
		};
		storage().mutate(free).ok().map(Self)
	}
}

impl Drop for Lock {
	fn drop(&mut self) {
		if storage().get() == Ok(Some(self.0)) {
			storage().clear();
		}
	}
}

fn storage() -> StorageValueRef<'static> {
	StorageValueRef::persistent(LOCK_KEY)
}
