//! The clock that ages are counted by.

use std::time::Instant;

/// For how long a store has been open in its life. It never goes back and never jumps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
	before: u64,
	opened: Instant,
}

impl Clock {
	/// Goes on from where it stood when the store was last written.
	pub fn resume(before: u64) -> Self {
		Self {
			before,
			opened: Instant::now(),
		}
	}

	/// Milliseconds.
	pub fn now(&self) -> u64 {
		let open = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
		self.before.saturating_add(open)
	}
}
