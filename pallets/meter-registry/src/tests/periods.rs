//! Energy per period: measured, estimated, corrected.

use gridweave_primitives::{
	meter::{Correction, MeterKind, MeteredPeriod, Provenance, Ratings},
	traits::MeteredEnergy,
	MeterId, Period, WattHours, Watts,
};

use crate::{mock::*, pages};

fn metered(device: &Device, n: u32) -> Option<(u64, u64, Provenance)> {
	<Registry as MeteredEnergy>::metered(device.id, P0.saturating_add(n)).map(values)
}

fn values(metered: MeteredPeriod) -> (u64, u64, Provenance) {
	(metered.import.0, metered.export.0, metered.provenance)
}

/// Closes the n-th period of page 0, as settlement does.
fn close(n: u32) -> Vec<(MeterId, (u64, u64, Provenance))> {
	let period = P0.saturating_add(n);
	let page = <Registry as MeteredEnergy>::close_page(HERE, 0, period);
	assert_eq!(
		page,
		<Registry as MeteredEnergy>::closed_page(HERE, 0, period)
	);
	page.into_iter()
		.map(|(meter, metered)| (meter, values(metered)))
		.collect()
}

fn corrected(device: &Device, n: u32, import: i64, export: i64) -> (MeterId, Period, Correction) {
	(
		device.id,
		P0.saturating_add(n),
		Correction { import, export },
	)
}

/// A meter with a reading at the start of [`P0`], none of whose periods is settled.
fn measuring(number: u32) -> Device {
	settle_before(P0);
	let device = admitted(number);
	bring_one(&device, 1, T0, 0, 0);
	device
}

use Provenance::{Corrected, Estimated, Measured};

#[test]
fn energy_should_be_spread_over_the_periods_it_spans() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + 5 * L / 2);
		bring_one(&device, 2, T0 + 5 * L / 2, 1_001, 10);
		assert_eq!(metered(&device, 0), Some((400, 4, Measured)));
		assert_eq!(metered(&device, 1), Some((400, 4, Measured)));
		assert_eq!(metered(&device, 2), Some((201, 2, Measured)));
		assert_eq!(metered(&device, 3), None);
		set_now(T0 + 3 * L);
		bring_one(&device, 3, T0 + 3 * L, 1_100, 10);
		assert_eq!(metered(&device, 2), Some((300, 2, Measured)));
	});
}

#[test]
fn a_late_reading_within_grace_should_still_be_measured() {
	run(|| {
		let device = measuring(1);
		// Two periods of grace: frozen three periods after its start.
		set_now(T0 + 3 * L - 1);
		bring_one(&device, 2, T0 + L, 500, 0);
		assert_eq!(metered(&device, 0), Some((500, 0, Measured)));
		assert_eq!(close(0), [], "not frozen");
		set_now(T0 + 3 * L);
		assert_eq!(close(0), [(device.id, (500, 0, Measured))]);
		assert!(corrections().is_empty());
	});
}

#[test]
fn a_silent_meter_should_be_estimated_by_its_mean_import_and_no_export() {
	run(|| {
		let device = measuring(1);
		for (n, register) in [(1, 400), (2, 600)] {
			set_now(T0 + n * L);
			bring_one(&device, 1 + n, T0 + n * L, register, register);
		}
		set_now(T0 + 20 * L);
		assert_eq!(close(0), [(device.id, (400, 400, Measured))]);
		assert_eq!(close(1), [(device.id, (200, 200, Measured))]);
		for n in 2..6 {
			assert_eq!(
				close(n),
				[(device.id, (300, 0, Estimated))].map(|(id, mut e)| {
					// Looking back four periods, the fourth silent one sees but one measured.
					if n == 5 {
						e.0 = 200
					}
					(id, e)
				})
			);
		}
		// None measured in reach any more: as estimated before.
		assert_eq!(close(6), [(device.id, (200, 0, Estimated))]);
		assert_eq!(close(7), [(device.id, (200, 0, Estimated))]);
		// Closing again changes nothing.
		assert_eq!(close(7), [(device.id, (200, 0, Estimated))]);
	});
}

#[test]
fn only_the_uncovered_part_of_a_period_should_be_estimated() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 600, 0);
		set_now(T0 + 3 * L / 2);
		bring_one(&device, 3, T0 + 3 * L / 2, 700, 40);
		set_now(T0 + 10 * L);
		close(0);
		assert_eq!(close(1), [(device.id, (100 + 300, 40, Estimated))]);
	});
}

#[test]
fn an_estimate_should_not_exceed_the_rating() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 1_000, 0);
		let ratings = Ratings {
			max_import: Watts(400),
			..RATINGS
		};
		Registry::admit_meter(RuntimeOrigin::signed(OPERATOR), device.id, ratings).unwrap();
		set_now(T0 + 10 * L);
		close(0);
		assert_eq!(close(1), [(device.id, (100, 0, Estimated))]);
	});
}

#[test]
fn meters_should_have_no_energy_before_their_first_reading_and_after_their_last() {
	run(|| {
		let device = measuring(1);
		let silent = admitted(2);
		set_now(T0 + L);
		bring(vec![
			device.read(2, T0 + L, 500, 0),
			silent.read(1, T0 + L, 0, 0),
		]);
		set_now(T0 + 3 * L / 2);
		bring_one(&device, 3, T0 + 3 * L / 2, 600, 0);
		Registry::retire_meter(RuntimeOrigin::signed(ALICE), device.id).unwrap();
		set_now(T0 + 10 * L);
		assert_eq!(close(0), [(device.id, (500, 0, Measured))]);
		// Nothing is estimated for the retired, nothing is known of the other.
		assert_eq!(
			close(1),
			[
				(device.id, (100, 0, Measured)),
				(silent.id, (0, 0, Estimated))
			],
		);
		assert_eq!(close(2), [(silent.id, (0, 0, Estimated))]);
	});
}

#[test]
fn a_reading_after_the_close_should_be_a_correction() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 500, 0);
		set_now(T0 + 4 * L);
		close(0);
		assert_eq!(close(1), [(device.id, (500, 0, Estimated))]);
		bring_one(&device, 3, T0 + 4 * L, 1_400, 90);
		assert_eq!(corrections(), [corrected(&device, 1, 300 - 500, 30)]);
		// What was settled stays.
		assert_eq!(metered(&device, 1), Some((500, 0, Corrected)));
		assert_eq!(close(1), [(device.id, (500, 0, Corrected))]);
		// What was not frozen is measured.
		assert_eq!(metered(&device, 2), Some((300, 30, Measured)));
		assert_eq!(metered(&device, 3), Some((300, 30, Measured)));
	});
}

#[test]
fn a_frozen_period_should_be_corrected_before_settlement_closes_it() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 500, 0);
		set_now(T0 + 4 * L);
		bring_one(&device, 3, T0 + 4 * L, 1_400, 90);
		assert_eq!(corrections(), [corrected(&device, 1, 300 - 500, 30)]);
		// Settlement finds the estimate that the correction was measured against.
		assert_eq!(close(0), [(device.id, (500, 0, Measured))]);
		assert_eq!(close(1), [(device.id, (500, 0, Corrected))]);
	});
}

#[test]
fn a_period_should_be_corrected_piece_by_piece() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 500, 0);
		set_now(T0 + 4 * L);
		close(0);
		close(1);
		bring_one(&device, 3, T0 + L + 300, 600, 0);
		assert_eq!(corrections(), [corrected(&device, 1, 100 - 166, 0)]);
		bring_one(&device, 4, T0 + 2 * L, 600, 0);
		assert_eq!(corrections(), [corrected(&device, 1, -334, 0)]);
		assert_eq!(metered(&device, 1), Some((500, 0, Corrected)));
	});
}

#[test]
fn a_frozen_period_should_be_corrected_piece_by_piece_before_settlement_closes_it() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 500, 0);
		set_now(T0 + 4 * L);
		bring_one(&device, 3, T0 + L + 300, 600, 0);
		assert_eq!(corrections(), [corrected(&device, 1, 100 - 166, 0)]);
		// Estimated once, whoever looks at it afterwards.
		close(0);
		let other = admitted(2);
		bring_one(&device, 4, T0 + L + 600, 600, 0);
		assert_eq!(corrections(), [corrected(&device, 1, -167, 0)]);
		assert_eq!(close(1), [(device.id, (500, 0, Corrected))]);
		bring(vec![
			device.read(5, T0 + 2 * L, 600, 0),
			other.read(1, T0 + 4 * L, 0, 0),
		]);
		assert_eq!(corrections(), [corrected(&device, 1, -167, 0)]);
		assert_eq!(close(1), [(device.id, (500, 0, Corrected))]);
	});
}

#[test]
fn an_estimate_that_proves_right_should_need_no_correction() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 500, 0);
		set_now(T0 + 4 * L);
		close(0);
		close(1);
		bring_one(&device, 3, T0 + 2 * L, 1_000, 0);
		assert_eq!(corrections(), []);
	});
}

#[test]
fn energy_of_a_period_settled_without_the_meter_should_be_corrected_in_full() {
	run(|| {
		settle_before(P0);
		let (device, other) = (admitted(1), admitted(2));
		bring_one(&other, 1, T0, 0, 0);
		set_now(T0 + 3 * L);
		assert_eq!(close(0), [(other.id, (0, 0, Estimated))]);
		// The base comes late, and lies in the closed period.
		bring_one(&device, 1, T0 + L / 2, 0, 0);
		bring_one(&device, 2, T0 + L, 50, 60);
		assert_eq!(corrections(), [corrected(&device, 0, 50, 60)]);
		assert_eq!(metered(&device, 0), None);
		assert_eq!(close(0), [(other.id, (0, 0, Estimated))]);
	});
}

#[test]
fn energy_of_a_period_settled_before_the_page_had_readings_should_be_corrected_in_full() {
	run(|| {
		settle_before(P0);
		let device = admitted(1);
		set_now(T0 + 3 * L);
		assert_eq!(close(0), []);
		bring_one(&device, 1, T0 + L / 2, 0, 0);
		bring_one(&device, 2, T0 + L, 50, 60);
		assert_eq!(corrections(), [corrected(&device, 0, 50, 60)]);
		assert_eq!(close(0), []);
		// The mark is pruned as well.
		settle_before(P0.next());
		set_now(T0 + 20 * L);
		prune();
		assert!(pages::energy_page::<Test>(0, P0).is_none());
	});
}

#[test]
fn the_mark_of_a_page_that_never_had_readings_should_be_pruned() {
	run(|| {
		settle_before(P0);
		admitted(1);
		set_now(T0 + 3 * L);
		assert_eq!(close(0), []);
		assert!(pages::energy_page::<Test>(0, P0).is_some_and(|page| page.closed));
		Registry::do_try_state().unwrap();
		settle_before(P0.next());
		set_now(T0 + 20 * L);
		prune();
		assert!(pages::energy_page::<Test>(0, P0).is_none());
	});
}

#[test]
fn feeders_should_be_metered_and_not_settled() {
	run(|| {
		settle_before(P0);
		let feeder = admitted_as(1, MeterKind::Feeder);
		bring_one(&feeder, 1, T0, 0, 0);
		set_now(T0 + L);
		bring_one(&feeder, 2, T0 + L, 700, 0);
		set_now(T0 + 4 * L);
		assert_eq!(close(0), []);
		assert_eq!(close(1), []);
		assert_eq!(metered(&feeder, 0), Some((700, 0, Measured)));
		assert_eq!(metered(&feeder, 1), Some((700, 0, Estimated)));
		bring_one(&feeder, 3, T0 + 4 * L, 1_000, 0);
		assert_eq!(corrections(), []);
	});
}

#[test]
fn what_lies_in_pruned_periods_should_be_compared_with_their_estimates() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 500, 0);
		// Settled up to 9; kept from 12 − 2 − 4 = 6.
		set_now(T0 + 12 * L);
		(0..10).for_each(|n| drop(close(n)));
		settle_before(P0.saturating_add(10));
		prune();
		assert_eq!(metered(&device, 5), None);
		assert_eq!(metered(&device, 6), Some((500, 0, Estimated)));
		assert_eq!(
			Registry::latest(device.id).unwrap().pruned_estimate,
			WattHours(5 * 500)
		);
		// 100 Wh a period, over 11 periods: five pruned, four estimated, two open.
		bring_one(&device, 3, T0 + 12 * L, 1_600, 0);
		assert_eq!(
			corrections(),
			[(6, -2_000), (6, -400), (7, -400), (8, -400), (9, -400)]
				.map(|(n, import)| corrected(&device, n, import, 0)),
		);
		assert_eq!(metered(&device, 10), Some((100, 0, Measured)));
		assert_eq!(metered(&device, 11), Some((100, 0, Measured)));
		assert_eq!(
			Registry::latest(device.id).unwrap().pruned_estimate,
			WattHours(0)
		);
	});
}

#[test]
fn a_reading_from_pruned_times_should_confirm_its_part_only() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 500, 0);
		set_now(T0 + 12 * L);
		(0..10).for_each(|n| drop(close(n)));
		settle_before(P0.saturating_add(10));
		prune();
		// Two of the five pruned periods.
		bring_one(&device, 3, T0 + 3 * L, 500, 7);
		assert_eq!(corrections(), [corrected(&device, 6, -1_000, 7)]);
		assert_eq!(
			Registry::latest(device.id).unwrap().pruned_estimate,
			WattHours(1_500)
		);
	});
}

#[test]
fn a_correction_should_go_to_a_period_whose_terms_are_kept() {
	run(|| {
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 500, 0);
		set_now(T0 + 12 * L);
		(0..10).for_each(|n| drop(close(n)));
		settle_before(P0.saturating_add(10));
		// Nothing is pruned here yet, but others may have pruned up to the sixth.
		bring_one(&device, 3, T0 + 3 * L, 500, 0);
		assert_eq!(
			corrections(),
			[
				corrected(&device, 6, -500, 0),
				corrected(&device, 6, -500, 0)
			]
		);
	});
}

#[test]
fn a_gap_beyond_the_longest_span_should_be_booked_on_its_last_period() {
	run(|| {
		MaxSpan::set(4);
		let device = measuring(1);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 400, 0);
		set_now(T0 + 12 * L);
		// Estimates reach as far as a reading can confirm them.
		for n in 0..10 {
			let expected = match n {
				0 => vec![(device.id, (400, 0, Measured))],
				1..=3 => vec![(device.id, (400, 0, Estimated))],
				_ => vec![],
			};
			assert_eq!(close(n), expected);
		}
		bring_one(&device, 3, T0 + 12 * L, 1_500, 0);
		assert_eq!(
			corrections(),
			[1, 2, 3].map(|n| corrected(&device, n, -300, 0))
		);
		assert_eq!(metered(&device, 11), Some((800, 0, Measured)));
		assert_eq!(metered(&device, 10), None);
	});
}

#[test]
fn closing_should_not_touch_pages_without_meters_or_unknown_ones() {
	run(|| {
		let device = admitted(1);
		set_now(T0 + 10 * L);
		assert_eq!(close(0), []);
		assert!(pages::energy_page::<Test>(0, P0).is_none());
		assert_eq!(<Registry as MeteredEnergy>::close_page(HERE, 7, P0), []);
		// A period pruned before is not written again.
		bring_one(&device, 1, T0 + 10 * L, 0, 0);
		assert_eq!(close(0), []);
		assert!(pages::energy_page::<Test>(0, P0).is_none());
	});
}
