//! How many of a meter's readings the chain can have accepted, of those that a gateway has acknowledged.
//!
//! The chain accepts a reading if sequence and time are newer than those of the last. Sequences ascend as the
//! gateway acknowledges them; times do not where a clock was wrong. What was captured *ahead* of its time may
//! have to wait, and while it waits one that was captured earlier, by a clock that was set right meanwhile,
//! may come before it: then the first is refused, else the second. Both are right, so there can be more than
//! one number. What was captured by a right clock never waits: a chain whose clock is later than the lead it
//! allows makes no block, and looks at no reading.

use std::collections::BTreeSet;

/// An acknowledged reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
	/// When it was captured by the device's clock, in seconds after the start.
	pub captured: i32,
	/// Whether that clock was ahead.
	pub ahead: bool,
}

/// The numbers of readings that the chain can have accepted of these, which come in order of sequence.
pub fn accepted(readings: &[Acknowledged]) -> BTreeSet<u32> {
	// When the last accepted reading was captured, and how many were accepted.
	let mut states = BTreeSet::from([(i32::MIN, 0u32)]);
	let mut earliest_after = vec![i32::MAX; readings.len()];
	let mut earliest = i32::MAX;
	for (place, reading) in readings.iter().enumerate().rev() {
		earliest_after[place] = earliest;
		earliest = earliest.min(reading.captured);
	}
	for (reading, earliest_after) in readings.iter().zip(earliest_after) {
		let may_wait = reading.ahead && earliest_after < reading.captured;
		let mut next = BTreeSet::new();
		for (last, count) in states {
			let fresh = reading.captured > last;
			if fresh {
				next.insert((reading.captured, count + 1));
			}
			if !fresh || may_wait {
				next.insert((last, count));
			}
		}
		states = next;
	}
	states.into_iter().map(|(_, count)| count).collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn at(captured: i32) -> Acknowledged {
		Acknowledged {
			captured,
			ahead: false,
		}
	}

	fn ahead(captured: i32) -> Acknowledged {
		Acknowledged {
			captured,
			ahead: true,
		}
	}

	#[test]
	fn readings_in_order_should_all_be_accepted() {
		assert_eq!(accepted(&[]), BTreeSet::from([0]));
		assert_eq!(accepted(&[at(0), at(12), at(24)]), BTreeSet::from([3]));
		// Ahead, but nothing overtakes it.
		assert_eq!(accepted(&[at(0), ahead(32), at(36)]), BTreeSet::from([3]));
	}

	#[test]
	fn readings_of_a_clock_that_is_behind_should_be_refused() {
		assert_eq!(accepted(&[at(20), at(12), at(24)]), BTreeSet::from([2]));
		assert_eq!(accepted(&[at(20), at(20)]), BTreeSet::from([1]));
	}

	#[test]
	fn one_of_two_should_be_refused_when_a_clock_is_set_back() {
		// Either 45 and 49, or 36 and 49.
		let readings = [at(12), ahead(45), at(36), at(49)];
		assert_eq!(accepted(&readings), BTreeSet::from([3]));
		// Either 45, or 30 and 40.
		let readings = [at(12), ahead(45), at(30), at(40), at(50)];
		assert_eq!(accepted(&readings), BTreeSet::from([3, 4]));
	}

	proptest! {
		/// A chain that lets readings ahead of their time wait, and takes them in any order that can happen.
		#[test]
		fn whatever_a_chain_accepts_should_be_expected(
			readings in prop::collection::vec((-25i32..=25, 1u32..4), 1..30),
			lags in prop::collection::vec(0i32..=12, 30),
		) {
			let mut true_time = 0;
			let readings: Vec<(i32, Acknowledged)> = readings
				.into_iter()
				.map(|(offset, gap)| {
					true_time += 6 * gap as i32;
					let captured = true_time + offset;
					(true_time, Acknowledged { captured, ahead: offset > 0 })
				})
				.collect();
			// Readings arrive at their true time. The chain looks at what has arrived, its clock late by no more
			// than the lead that it allows, in order; what lies in the future waits.
			let (mut last, mut count) = ((-1, i32::MIN), 0u32);
			let end = true_time + 100;
			let mut lags = lags.into_iter().cycle();
			for now in (0..=end).step_by(6) {
				let chain_now = now - if now < end - 40 { lags.next().unwrap_or(0) } else { 0 };
				for (sequence, (arrived, reading)) in readings.iter().enumerate() {
					let sequence = sequence as i32;
					let newer = sequence > last.0 && reading.captured > last.1;
					if *arrived <= now && newer && reading.captured <= chain_now + 12 {
						last = (sequence, reading.captured);
						count += 1;
					}
				}
			}
			let readings: Vec<Acknowledged> = readings.into_iter().map(|(_, reading)| reading).collect();
			let expected = accepted(&readings);
			prop_assert!(expected.contains(&count), "{} of {:?}: {:?}", count, readings, expected);
		}
	}
}
