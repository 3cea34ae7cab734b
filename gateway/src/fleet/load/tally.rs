//! What is counted while devices report.

use std::{
	collections::{BTreeMap, VecDeque},
	sync::{
		atomic::{AtomicU64, Ordering},
		Mutex, PoisonError,
	},
	time::{Duration, Instant},
};

use super::post::Answer;

/// A number that many devices add to.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
	/// One more.
	pub fn add(&self) {
		self.0.fetch_add(1, Ordering::Relaxed);
	}

	/// How many so far.
	pub fn get(&self) -> u64 {
		self.0.load(Ordering::Relaxed)
	}
}

/// Readings and faults of all devices.
#[derive(Debug, Default)]
pub struct Tally {
	/// Readings that were posted, repetitions not counted.
	pub sent: Counter,
	/// Of these, those that the gateway has acknowledged.
	pub acknowledged: Counter,
	/// Repetitions that the gateway knew again.
	pub duplicates: Counter,
	/// Readings that the gateway refused because it had taken a newer one.
	pub stale: Counter,
	/// Readings that were never sent, by order.
	pub dropped: Counter,
	/// Readings that were posted again, by order.
	pub duplicated: Counter,
	/// Readings that were posted after their successor.
	pub reordered: Counter,
	/// Readings that were posted late.
	pub delayed: Counter,
	/// Readings that were captured by a clock that was wrong.
	pub drifted: Counter,
	/// How often a device started again.
	pub restarted: Counter,
	/// Answers by which nothing became safe.
	refusals: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
	/// Notes an answer by which nothing became safe.
	pub fn refuse(&self, answer: &Answer) {
		let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
		let count = refusals.entry(answer.name().into()).or_default();
		*count = count.saturating_add(1);
	}

	/// Those answers, by name.
	pub fn refusals(&self) -> BTreeMap<String, u64> {
		let refusals = self.refusals.lock();
		refusals.unwrap_or_else(PoisonError::into_inner).clone()
	}
}

/// Acknowledged readings that the chain can take at once and has not finalised yet, by device: sequence, and
/// since when.
#[derive(Debug)]
pub struct Waiting(Box<[Mutex<Acknowledged>]>);

/// Sequences of a device, each with the time of its acknowledgement.
type Acknowledged = VecDeque<(u64, Instant)>;

impl Waiting {
	/// Nothing waits of so many devices.
	pub fn new(devices: u32) -> Self {
		Self((0..devices).map(|_| Mutex::default()).collect())
	}

	/// A reading was acknowledged.
	pub fn acknowledged(&self, device: u32, sequence: u64, at: Instant) {
		if let Some(waiting) = self.0.get(device as usize) {
			let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
			waiting.push_back((sequence, at));
		}
	}

	/// All readings of a device up to this sequence are finalised; how long the oldest of them took.
	pub fn finalised(&self, device: u32, sequence: u64, now: Instant) -> Option<Duration> {
		let waiting = self.0.get(device as usize)?;
		let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
		let mut oldest = None;
		while let Some((_, at)) = waiting.front().filter(|(waiting, _)| *waiting <= sequence) {
			oldest = oldest.max(Some(now.saturating_duration_since(*at)));
			waiting.pop_front();
		}
		oldest
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_is_finalised_should_wait_no_longer() {
		let waiting = Waiting::new(2);
		let start = Instant::now();
		let after = |seconds| start + Duration::from_secs(seconds);
		for sequence in 1..=4 {
			waiting.acknowledged(1, sequence, after(sequence));
		}
		assert_eq!(waiting.finalised(1, 0, after(9)), None);
		let lag = waiting.finalised(1, 3, after(9));
		assert_eq!(lag, Some(Duration::from_secs(8)));
		assert_eq!(waiting.finalised(1, 3, after(10)), None);
		let lag = waiting.finalised(1, 4, after(10));
		assert_eq!(lag, Some(Duration::from_secs(6)));
		assert_eq!(waiting.finalised(0, 9, after(9)), None);
		assert_eq!(waiting.finalised(2, 9, after(9)), None);
	}

	#[test]
	fn refusals_should_be_counted_by_name() {
		let tally = Tally::default();
		for code in ["busy", "store", "busy"] {
			tally.refuse(&Answer::Problem(code.into()));
		}
		tally.refuse(&Answer::None);
		let refusals: Vec<_> = tally.refusals().into_iter().collect();
		let expected = [("busy", 2), ("no_answer", 1), ("store", 1)];
		assert_eq!(refusals, expected.map(|(name, count)| (name.into(), count)));
	}
}
