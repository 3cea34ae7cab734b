//! What the node has said about meters, and for how long it serves.

use std::{
	collections::HashMap,
	time::{Duration, Instant},
};

use gridweave_primitives::MeterId;

use super::keys::{Key, Known};

/// How long a key is trusted to be the meter's.
pub const KEY_LIFE: Duration = Duration::from_secs(600);
/// How long the node is not asked again about a meter that may not deliver, or whose signature was wrong.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// Most keys remembered.
const MAX_KEYS: usize = 1 << 20;
/// Most refusals remembered. Anyone can cause them, with ids that nobody has: they have no share in the
/// room for keys.
const MAX_REFUSED: usize = 1 << 14;

type Answers<T> = HashMap<MeterId, (T, Instant)>;

/// Answers of the node.
#[derive(Debug)]
pub struct Cache {
	keys: Answers<Key>,
	refused: Answers<Known>,
	limits: (usize, usize),
}

impl Default for Cache {
	fn default() -> Self {
		Self::with_limits(MAX_KEYS, MAX_REFUSED)
	}
}

impl Cache {
	fn with_limits(keys: usize, refused: usize) -> Self {
		Self {
			keys: HashMap::new(),
			refused: HashMap::new(),
			limits: (keys, refused),
		}
	}

	/// What serves without asking. `fresh`: the meter's key has just failed to verify.
	pub fn get(&self, meter: MeterId, fresh: bool, now: Instant) -> Option<Known> {
		let life = if fresh { PATIENCE } else { KEY_LIFE };
		let key = self
			.keys
			.get(&meter)
			.filter(|answer| is_young(answer, life, now));
		let refused = || {
			let refused = self.refused.get(&meter)?;
			is_young(refused, PATIENCE, now).then_some(refused.0)
		};
		key.map(|(key, _)| Known::Key(*key)).or_else(refused)
	}

	/// What serves while nobody can be asked: a key, however old. That a meter may not deliver is no lasting
	/// truth.
	pub fn stale(&self, meter: MeterId) -> Option<Known> {
		self.keys.get(&meter).map(|(key, _)| Known::Key(*key))
	}

	/// Remembers an answer.
	pub fn put(&mut self, meter: MeterId, known: Known, now: Instant) {
		match known {
			Known::Key(key) => {
				self.refused.remove(&meter);
				let known = self.keys.get(&meter);
				// Of two answers that overtook one another the newer block's counts.
				if known.is_none_or(|(known, _)| known.block <= key.block) {
					make_room(&mut self.keys, self.limits.0, KEY_LIFE, now);
					self.keys.insert(meter, (key, now));
				}
			}
			Known::Unknown | Known::NotAdmitted | Known::Retired => {
				self.keys.remove(&meter);
				make_room(&mut self.refused, self.limits.1, PATIENCE, now);
				self.refused.insert(meter, (known, now));
			}
			Known::Unavailable => {}
		}
	}
}

fn is_young<T>((_, at): &(T, Instant), life: Duration, now: Instant) -> bool {
	now.saturating_duration_since(*at) < life
}

/// Forgets what would not serve any more, and all if that does not even halve it: looking for old answers
/// at every new one would cost more than asking again.
fn make_room<T>(answers: &mut Answers<T>, most: usize, life: Duration, now: Instant) {
	if answers.len() >= most {
		answers.retain(|_, answer| is_young(answer, life, now));
		if answers.len() > most / 2 {
			answers.clear();
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::server::testing::key_at;

	const METER: MeterId = MeterId(1);

	#[test]
	fn an_answer_should_serve_for_a_time_that_fits_it() {
		let (mut cache, now) = (Cache::default(), Instant::now());
		let key = Known::Key(key_at(1, 5));
		cache.put(METER, key, now);
		assert_eq!(cache.get(METER, false, now + KEY_LIFE / 2), Some(key));
		assert_eq!(cache.get(METER, false, now + KEY_LIFE), None);
		assert_eq!(cache.get(METER, true, now + PATIENCE / 2), Some(key));
		assert_eq!(cache.get(METER, true, now + PATIENCE), None);
		for refused in [Known::Unknown, Known::NotAdmitted, Known::Retired] {
			cache.put(METER, refused, now);
			assert_eq!(cache.get(METER, false, now + PATIENCE / 2), Some(refused));
			assert_eq!(cache.get(METER, false, now + PATIENCE), None);
		}
	}

	#[test]
	fn only_keys_should_outlive_the_node() {
		let (mut cache, now) = (Cache::default(), Instant::now());
		cache.put(METER, Known::Key(key_at(1, 5)), now);
		cache.put(METER, Known::Unavailable, now);
		assert_eq!(cache.stale(METER), Some(Known::Key(key_at(1, 5))));
		cache.put(METER, Known::Retired, now);
		assert_eq!(cache.stale(METER), None);
		cache.put(METER, Known::Key(key_at(2, 6)), now);
		assert_eq!(cache.stale(METER), Some(Known::Key(key_at(2, 6))));
	}

	#[test]
	fn an_answer_that_was_overtaken_should_not_replace_a_newer_one() {
		let (mut cache, now) = (Cache::default(), Instant::now());
		cache.put(METER, Known::Key(key_at(2, 6)), now);
		cache.put(METER, Known::Key(key_at(1, 5)), now);
		assert_eq!(cache.get(METER, false, now), Some(Known::Key(key_at(2, 6))));
	}

	#[test]
	fn ids_that_nobody_has_should_not_drive_out_keys() {
		let (mut cache, now) = (Cache::with_limits(4, 4), Instant::now());
		for meter in 0..3 {
			cache.put(MeterId(meter), Known::Key(key_at(meter, 5)), now);
		}
		for meter in 100..200 {
			cache.put(MeterId(meter), Known::Unknown, now);
			assert!(cache.refused.len() <= 4);
		}
		for meter in 0..3 {
			assert!(cache.get(MeterId(meter), false, now).is_some());
		}
	}

	#[test]
	fn what_is_too_old_to_serve_should_be_forgotten_first() {
		let (mut cache, now) = (Cache::with_limits(4, 4), Instant::now());
		for meter in 0..3 {
			cache.put(MeterId(meter), Known::Key(key_at(meter, 5)), now);
		}
		let later = now + KEY_LIFE;
		cache.put(MeterId(3), Known::Key(key_at(3, 5)), later);
		cache.put(MeterId(4), Known::Key(key_at(4, 5)), later);
		let kept: Vec<bool> = (0..5)
			.map(|meter| cache.stale(MeterId(meter)).is_some())
			.collect();
		assert_eq!(kept, [false, false, false, true, true]);
	}
}
