//! How authorities behaved that signed the batches which came to the door, and who is let in. Pure.

use std::{
	collections::{BTreeMap, VecDeque},
	time::{Duration, Instant},
};

use gridweave_primitives::ingest::IngestId;
use gridweave_runtime::Hash;

/// For how long what an authority did is remembered, and for how long it is barred.
pub const WINDOW: Duration = Duration::from_secs(60);

/// With so many offences within [`WINDOW`] an authority is barred.
pub const MAX_OFFENCES: usize = 3;

/// What an authority may have checked here: more than an honest one brings.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
	/// Batches that are being checked at a time.
	pub pending: usize,
	/// Batches that were checked to the last signature, or are being checked, within [`WINDOW`].
	pub checked: usize,
}

/// Why a batch that an authority signed is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
	/// The authority is barred.
	Barred,
	/// It has brought too many batches.
	TooMany,
	/// The very batch was let in before.
	Known,
}

/// What became of a batch that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
	/// An honest authority never signs such a batch, whatever block it knows.
	Offence,
	/// It was refused for what may befall honest authorities, before its devices' signatures were checked.
	Innocent,
	/// Its devices' signatures were checked, or may have been.
	Checked,
}

/// A batch that was let in.
#[derive(Clone, Copy, Debug)]
struct Admission {
	at: Instant,
	hash: Hash,
	pending: bool,
}

/// What is remembered of one authority. Bounded by [`Limits`].
#[derive(Debug, Default)]
struct Conduct {
	admissions: VecDeque<Admission>,
	offences: VecDeque<Instant>,
	barred_until: Option<Instant>,
}

impl Conduct {
	fn forget(&mut self, now: Instant) {
		let old = |at: Instant| now.saturating_duration_since(at) >= WINDOW;
		self.admissions
			.retain(|admission| admission.pending || !old(admission.at));
		self.offences.retain(|at| !old(*at));
		if self.barred_until.is_some_and(|until| until <= now) {
			self.barred_until = None;
		}
	}

	fn admit(&mut self, hash: Hash, now: Instant, limits: Limits) -> Result<(), Refusal> {
		self.forget(now);
		if self.barred_until.is_some() {
			return Err(Refusal::Barred);
		}
		if self.admissions.iter().any(|known| known.hash == hash) {
			return Err(Refusal::Known);
		}
		let pending = self.admissions.iter().filter(|known| known.pending).count();
		if pending >= limits.pending || self.admissions.len() >= limits.checked {
			return Err(Refusal::TooMany);
		}
		self.admissions.push_back(Admission {
			at: now,
			hash,
			pending: true,
		});
		Ok(())
	}

	/// True if the authority is barred from now on, and was not before.
	fn settle(&mut self, hash: &Hash, fate: Fate, now: Instant) -> bool {
		self.forget(now);
		if fate == Fate::Innocent {
			self.admissions.retain(|known| known.hash != *hash);
		} else if let Some(known) = self.admissions.iter_mut().find(|known| known.hash == *hash) {
			known.pending = false;
		}
		if fate != Fate::Offence || self.barred_until.is_some() {
			return false;
		}
		self.offences.push_back(now);
		let barred = self.offences.len() >= MAX_OFFENCES;
		if barred {
			self.offences.clear();
			self.barred_until = now.checked_add(WINDOW);
		}
		barred
	}
}

/// The conduct of all authorities.
#[derive(Debug)]
pub struct Register {
	limits: Limits,
	authorities: BTreeMap<IngestId, Conduct>,
}

impl Register {
	/// Nothing is known of anybody.
	pub const fn new(limits: Limits) -> Self {
		Self {
			limits,
			authorities: BTreeMap::new(),
		}
	}

	/// Forgets who is no authority: no more is remembered than there are authorities.
	pub fn retain(&mut self, keys: &[IngestId]) {
		self.authorities.retain(|key, _| keys.contains(key));
	}

	/// Lets in a batch that `key` signed, or not. What becomes of it must be told by [`Self::settle`].
	pub fn admit(&mut self, key: &IngestId, hash: Hash, now: Instant) -> Result<(), Refusal> {
		let limits = self.limits;
		self.authorities
			.entry(key.clone())
			.or_default()
			.admit(hash, now, limits)
	}

	/// Notes what became of a batch. True if its authority is barred from now on, and was not before.
	pub fn settle(&mut self, key: &IngestId, hash: &Hash, fate: Fate, now: Instant) -> bool {
		self.authorities
			.get_mut(key)
			.is_some_and(|conduct| conduct.settle(hash, fate, now))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const LIMITS: Limits = Limits {
		pending: 4,
		checked: 6,
	};

	fn key(byte: u8) -> IngestId {
		sp_core::sr25519::Public::from_raw([byte; 32]).into()
	}

	fn hash(number: u64) -> Hash {
		Hash::from_low_u64_be(number)
	}

	fn seconds(count: u64) -> Duration {
		Duration::from_secs(count)
	}

	/// Lets in a batch and tells its fate at once; true if that bars the authority.
	fn bring(register: &mut Register, number: u64, fate: Fate, now: Instant) -> bool {
		let hash = hash(number);
		assert_eq!(register.admit(&key(1), hash, now), Ok(()));
		register.settle(&key(1), &hash, fate, now)
	}

	#[test]
	fn an_authority_should_be_barred_after_three_offences_and_free_after_a_minute() {
		let start = Instant::now();
		let mut register = Register::new(LIMITS);
		assert!(!bring(&mut register, 1, Fate::Offence, start));
		assert!(!bring(&mut register, 2, Fate::Offence, start + seconds(10)));
		let third = start + seconds(59);
		assert!(bring(&mut register, 3, Fate::Offence, third));
		assert_eq!(
			register.admit(&key(1), hash(4), third),
			Err(Refusal::Barred)
		);
		assert_eq!(register.admit(&key(2), hash(4), third), Ok(()));
		let last = third + WINDOW - Duration::from_millis(1);
		assert_eq!(register.admit(&key(1), hash(4), last), Err(Refusal::Barred));
		let after = third + WINDOW;
		assert!(!bring(&mut register, 4, Fate::Offence, after));
		assert!(!bring(&mut register, 5, Fate::Offence, after));
		assert!(bring(&mut register, 6, Fate::Offence, after));
	}

	#[test]
	fn offences_should_be_forgotten_after_a_minute() {
		let start = Instant::now();
		let mut register = Register::new(LIMITS);
		assert!(!bring(&mut register, 1, Fate::Offence, start));
		assert!(!bring(&mut register, 2, Fate::Offence, start));
		assert!(!bring(&mut register, 3, Fate::Offence, start + WINDOW));
		assert_eq!(
			register.admit(&key(1), hash(4), start + WINDOW),
			Ok(()),
			"one offence is remembered"
		);
	}

	#[test]
	fn batches_in_flight_should_not_bar_an_authority_anew() {
		let start = Instant::now();
		let mut register = Register::new(LIMITS);
		for number in 0..4 {
			assert_eq!(register.admit(&key(1), hash(number), start), Ok(()));
		}
		let barred: Vec<bool> = (0..4)
			.map(|number| {
				let now = start + seconds(number);
				register.settle(&key(1), &hash(number), Fate::Offence, now)
			})
			.collect();
		assert_eq!(barred, [false, false, true, false]);
		let free = start + seconds(2) + WINDOW;
		assert_eq!(register.admit(&key(1), hash(9), free), Ok(()));
	}

	#[test]
	fn only_so_many_batches_should_be_checked_at_a_time() {
		let start = Instant::now();
		let mut register = Register::new(LIMITS);
		for number in 0..4 {
			assert_eq!(register.admit(&key(1), hash(number), start), Ok(()));
		}
		let refused = Err(Refusal::TooMany);
		assert_eq!(register.admit(&key(1), hash(4), start), refused);
		// They do not time out: each is told of.
		assert_eq!(register.admit(&key(1), hash(4), start + WINDOW), refused);
		register.settle(&key(1), &hash(0), Fate::Checked, start);
		assert_eq!(register.admit(&key(1), hash(4), start), Ok(()));
	}

	#[test]
	fn only_so_many_batches_should_be_checked_in_a_minute() {
		let start = Instant::now();
		let mut register = Register::new(LIMITS);
		for number in 0..6 {
			assert!(!bring(&mut register, number, Fate::Checked, start));
		}
		let late = start + seconds(59);
		assert_eq!(
			register.admit(&key(1), hash(6), late),
			Err(Refusal::TooMany)
		);
		assert_eq!(register.admit(&key(1), hash(6), start + WINDOW), Ok(()));
	}

	#[test]
	fn innocent_refusals_should_cost_an_authority_nothing() {
		let now = Instant::now();
		let mut register = Register::new(LIMITS);
		for number in 0..100 {
			assert!(!bring(&mut register, number, Fate::Innocent, now));
		}
		assert_eq!(register.admit(&key(1), hash(0), now), Ok(()));
	}

	#[test]
	fn a_batch_should_be_checked_once() {
		let now = Instant::now();
		let mut register = Register::new(LIMITS);
		assert!(!bring(&mut register, 1, Fate::Checked, now));
		assert_eq!(register.admit(&key(1), hash(1), now), Err(Refusal::Known));
	}

	#[test]
	fn who_is_no_authority_should_be_forgotten() {
		let now = Instant::now();
		let mut register = Register::new(LIMITS);
		assert!(!bring(&mut register, 1, Fate::Checked, now));
		register.retain(&[key(2)]);
		assert!(register.authorities.is_empty());
		assert!(!register.settle(&key(1), &hash(1), Fate::Offence, now));
	}
}
