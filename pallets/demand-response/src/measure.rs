//! What a resource delivered in an event. Pure.
//!
//! The energy of a resource is netted **over the whole event** and over all its meters: what is shifted from one
//! period of the event to another, or from one meter of a group to another, is no reduction. A programme may
//! net the periods that follow as well (*rebound*): what comes back there is taken off; what is saved there adds
//! nothing. What is left counts from zero, in full if it exceeds the dead band, and at most what the connections
//! can do.
//!
//! The dead band is a share of what meters take by their baselines **and** of what they feed in: a group of both
//! errs by either, and where they cancel, a share of the difference would be nothing.

use gridweave_primitives::{meter::Ratings, WattHours};
use sp_runtime::Permill;

use crate::types::Direction;

/// Net import of one meter that was measured, in Wh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
	/// What it would have been in the event.
	pub baseline: i64,
	/// What it was.
	pub measured: i64,
	/// What it would have been in the rebound.
	pub rebound_baseline: i64,
	/// What it was.
	pub rebound: i64,
}

/// The sums of a resource's meters.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	codec::Encode,
	codec::Decode,
	codec::DecodeWithMemTracking,
	codec::MaxEncodedLen,
	scale_info::TypeInfo,
)]
pub struct Tally {
	/// What its meters would have taken in the event, net, in Wh.
	pub baseline: i64,
	/// What they took, net, in Wh; for meters that were not measured, the worst.
	pub measured: i64,
	/// What changed in the rebound, in the direction of the programme, in Wh: negative if load came back.
	pub rebound: i64,
	/// The most that its connections can change, in Wh.
	pub limit: WattHours,
	/// Meters that were measured.
	pub counted: u32,
	/// Meters that should have been and were not, or are under quarantine.
	pub unmeasured: u32,
}

/// The sums while a resource's meters are added, one after the other.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	codec::Encode,
	codec::Decode,
	codec::DecodeWithMemTracking,
	codec::MaxEncodedLen,
	scale_info::TypeInfo,
)]
pub struct Sums {
	/// What is reported.
	pub tally: Tally,
	/// What its meters would have taken, and what they would have fed in, together: the dead band is a share of it.
	pub gross: WattHours,
}

/// The change from `baseline` to `measured` in the direction that is paid.
pub const fn change(direction: Direction, baseline: i64, measured: i64) -> i64 {
	match direction {
		Direction::Reduce => baseline.saturating_sub(measured),
		Direction::Increase => measured.saturating_sub(baseline),
	}
}

/// The most that a connection can change its net import over `seconds`: from taking all it may to feeding in all
/// it may.
pub fn swing(ratings: &Ratings, seconds: u64) -> WattHours {
	ratings
		.max_import
		.over(seconds)
		.saturating_add(ratings.max_export.over(seconds))
}

impl Sums {
	/// Adds a meter that was measured in an event of `seconds`.
	pub fn add(&mut self, direction: Direction, load: &Load, ratings: &Ratings, seconds: u64) {
		// Energies of meters below 2³² Wh a period: sums of fewer than 2³¹ never reach 63 bits.
		self.add_baseline(load.baseline);
		let tally = &mut self.tally;
		tally.measured = tally.measured.saturating_add(load.measured);
		let rebound = change(direction, load.rebound_baseline, load.rebound);
		tally.rebound = tally.rebound.saturating_add(rebound);
		tally.limit = tally.limit.saturating_add(swing(ratings, seconds));
		tally.counted = tally.counted.saturating_add(1);
	}

	/// Adds a baseline.
	fn add_baseline(&mut self, baseline: i64) {
		self.tally.baseline = self.tally.baseline.saturating_add(baseline);
		self.gross = self
			.gross
			.saturating_add(WattHours(baseline.unsigned_abs()));
	}

	/// Adds a meter that has a baseline and was not measured, or cannot be trusted: it counts with the worst that
	/// its connection could do in the event and its rebound, of `seconds` together. So a group gains nothing by
	/// silencing the meters that load was shifted to; and a meter alone earns nothing.
	pub fn add_unmeasured(
		&mut self,
		direction: Direction,
		baseline: i64,
		ratings: &Ratings,
		seconds: u64,
	) {
		let most = |power: gridweave_primitives::Watts| {
			i64::try_from(power.over(seconds).0).unwrap_or(i64::MAX)
		};
		let worst = match direction {
			Direction::Reduce => most(ratings.max_import).max(baseline),
			Direction::Increase => most(ratings.max_export).saturating_neg().min(baseline),
		};
		self.add_baseline(baseline);
		let tally = &mut self.tally;
		tally.measured = tally.measured.saturating_add(worst);
		tally.unmeasured = tally.unmeasured.saturating_add(1);
	}

	/// What was delivered: the change over the event less what came back in the rebound; nothing if that is
	/// less than `dead_band` of what the meters take and feed in; at most what the connections can do.
	pub fn delivered(&self, direction: Direction, dead_band: Permill) -> WattHours {
		let Tally {
			baseline,
			measured,
			rebound,
			limit,
			..
		} = self.tally;
		let net = change(direction, baseline, measured).saturating_add(rebound.min(0));
		let Ok(net) = u64::try_from(net) else {
			return WattHours::ZERO;
		};
		let band = u128::from(self.gross.0).saturating_mul(dead_band.deconstruct().into());
		if u128::from(net).saturating_mul(1_000_000) < band {
			return WattHours::ZERO;
		}
		WattHours(net).min(limit)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::Watts;
	use proptest::prelude::*;
	use Direction::{Increase, Reduce};

	const HOUR: u64 = 3_600;
	const RATINGS: Ratings = Ratings {
		max_import: Watts(10_000),
		max_export: Watts(5_000),
	};

	fn sums(direction: Direction, loads: &[(i64, i64, i64, i64)]) -> Sums {
		let mut sums = Sums::default();
		for (baseline, measured, rebound_baseline, rebound) in loads.iter().copied() {
			let load = Load {
				baseline,
				measured,
				rebound_baseline,
				rebound,
			};
			sums.add(direction, &load, &RATINGS, HOUR);
		}
		sums
	}

	#[test]
	fn what_is_delivered_should_be_that_of_the_table() {
		let band = Permill::from_percent(10);
		// direction, (baseline, measured, rebound baseline, rebound) of the meters, delivered
		let table = [
			(Reduce, vec![(2_000, 1_500, 0, 0)], 500),
			(Reduce, vec![(2_000, 2_500, 0, 0)], 0),
			(Increase, vec![(2_000, 2_500, 0, 0)], 500),
			(Increase, vec![(2_000, 1_500, 0, 0)], 0),
			// On the edge of the dead band, and within it.
			(Reduce, vec![(2_000, 1_800, 0, 0)], 200),
			(Reduce, vec![(2_000, 1_801, 0, 0)], 0),
			// Load that comes back is taken off; what is saved later adds nothing.
			(Reduce, vec![(2_000, 1_500, 1_000, 1_200)], 300),
			(Reduce, vec![(2_000, 1_500, 1_000, 1_500)], 0),
			(Reduce, vec![(2_000, 1_500, 1_000, 200)], 500),
			(Increase, vec![(0, 900, 1_000, 600)], 500),
			// From taking to feeding in.
			(Reduce, vec![(2_000, -1_000, 0, 0)], 3_000),
			// At most what the connection can do in an hour.
			(Reduce, vec![(40_000, 0, 0, 0)], 15_000),
			(Increase, vec![(0, 40_000, 0, 0)], 15_000),
			// Netted over the group.
			(
				Reduce,
				vec![(2_000, 1_000, 0, 0), (1_000, 1_500, 0, 0)],
				500,
			),
			(Reduce, vec![(2_000, 1_000, 0, 0), (1_000, 2_000, 0, 0)], 0),
			// The dead band is a tenth of 10 000 + 9 000, though but 1 000 are left of them.
			(
				Reduce,
				vec![(10_000, 8_101, 0, 0), (-9_000, -9_000, 0, 0)],
				0,
			),
			(
				Reduce,
				vec![(10_000, 8_100, 0, 0), (-9_000, -9_000, 0, 0)],
				1_900,
			),
			(Reduce, vec![], 0),
		];
		for (direction, loads, expected) in table {
			let found = sums(direction, &loads).delivered(direction, band);
			assert_eq!(found, WattHours(expected), "{direction:?} {loads:?}");
		}
	}

	#[test]
	fn a_silent_member_should_cost_a_group_the_worst() {
		let mut group = sums(Reduce, &[(20_000, 5_000, 0, 0)]);
		group.add_unmeasured(Reduce, 2_000, &RATINGS, HOUR);
		// 15 000 of the one, less the 10 000 − 2 000 that the other may have taken more.
		assert_eq!(group.delivered(Reduce, Permill::zero()), WattHours(7_000));
		let mut group = sums(Increase, &[(0, 10_000, 0, 0)]);
		group.add_unmeasured(Increase, 1_000, &RATINGS, HOUR);
		assert_eq!(group.delivered(Increase, Permill::zero()), WattHours(4_000));
		assert_eq!((group.tally.counted, group.tally.unmeasured), (1, 1));
	}

	fn any_load() -> impl Strategy<Value = (i64, i64, i64, i64)> {
		let any = || -50_000i64..50_000;
		(any(), any(), any(), any())
	}

	fn any_direction() -> impl Strategy<Value = Direction> {
		prop_oneof![Just(Reduce), Just(Increase)]
	}

	proptest! {
		/// Nobody is credited with more than changed, or than connections can do.
		#[test]
		fn nothing_should_be_delivered_without_a_change(
			direction in any_direction(),
			loads in proptest::collection::vec(any_load(), 0..6),
			percent in 0u32..100,
		) {
			let sums = sums(direction, &loads);
			let delivered = sums.delivered(direction, Permill::from_percent(percent));
			let changed: i64 = loads.iter().map(|load| change(direction, load.0, load.1)).sum();
			prop_assert!(delivered.0 <= u64::try_from(changed).unwrap_or(0));
			prop_assert!(delivered <= sums.tally.limit);
		}

		/// Silencing a member never brings a group more, whatever it did within its ratings.
		#[test]
		fn silence_should_never_pay_a_group(
			direction in any_direction(),
			others in proptest::collection::vec(any_load(), 0..4),
			baseline in -5_000i64..10_000,
			measured in -5_000i64..10_000,
		) {
			let mut honest = sums(direction, &others);
			let mut silent = honest;
			let load = Load { baseline, measured, ..Load::default() };
			honest.add(direction, &load, &RATINGS, HOUR);
			silent.add_unmeasured(direction, baseline, &RATINGS, HOUR);
			prop_assert!(
				silent.delivered(direction, Permill::zero())
					<= honest.delivered(direction, Permill::zero())
			);
		}
	}
}
