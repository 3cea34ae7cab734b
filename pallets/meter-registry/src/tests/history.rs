//! What a meter did lately.

use gridweave_primitives::{
	traits::{MeterHistory, MeteredEnergy},
	MeterId,
};

use crate::mock::*;

/// Import and export of a meter in its latest periods.
fn recent(meter: MeterId, most: u32) -> Vec<(u64, u64)> {
	let recent = <Registry as MeterHistory>::recent(meter, most);
	recent
		.into_iter()
		.map(|metered| (metered.import.0, metered.export.0))
		.collect()
}

/// A meter with a reading at the start of [`P0`], none of whose periods is settled.
fn measuring() -> Device {
	settle_before(P0);
	let device = admitted(1);
	bring_one(&device, 1, T0, 0, 0);
	device
}

#[test]
fn periods_that_readings_cover_should_be_told_newest_first() {
	run(|| {
		let device = measuring();
		assert_eq!(recent(device.id, 4), [], "the first reading covers nothing");
		for (n, import, export) in [(1, 100, 7), (2, 100, 7), (3, 250, 27)] {
			set_now(T0 + n * L);
			bring_one(&device, 1 + n, T0 + n * L, import, export);
		}
		// Also one in which nothing was metered.
		assert_eq!(recent(device.id, 4), [(150, 20), (0, 0), (100, 7)]);
		assert_eq!(recent(device.id, 2), [(150, 20), (0, 0)]);
		assert_eq!(recent(device.id, 0), []);
		// What a reading covers in part may yet grow.
		set_now(T0 + 7 * L / 2);
		bring_one(&device, 5, T0 + 7 * L / 2, 300, 30);
		assert_eq!(recent(device.id, 1), [(150, 20)]);
		set_now(T0 + 4 * L);
		bring_one(&device, 6, T0 + 4 * L, 301, 31);
		assert_eq!(recent(device.id, 1), [(51, 4)]);
	});
}

#[test]
fn estimates_should_be_left_out_also_when_they_are_corrected() {
	run(|| {
		let device = measuring();
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 100, 10);
		set_now(T0 + 5 * L);
		for n in 0..3 {
			<Registry as MeteredEnergy>::close_page(HERE, 0, P0.saturating_add(n));
		}
		assert_eq!(recent(device.id, 4), [(100, 10)]);
		// Periods 1 and 2 were estimated, and are corrected now.
		bring_one(&device, 3, T0 + 4 * L, 400, 40);
		assert_eq!(recent(device.id, 4), [(100, 10), (100, 10)]);
		assert_eq!(recent(device.id, 3), [(100, 10)]);
	});
}

#[test]
fn nothing_should_be_told_of_meters_that_gave_no_reading_and_of_pruned_periods() {
	run(|| {
		assert_eq!(recent(MeterId(999), 4), []);
		let device = measuring();
		let silent = admitted(2);
		assert_eq!(recent(silent.id, 4), []);
		for n in 1..=4 {
			set_now(T0 + n * L);
			bring_one(&device, 1 + n, T0 + n * L, n * 100, 0);
		}
		settle_before(P0.saturating_add(2));
		set_now(T0 + 20 * L);
		prune();
		assert_eq!(recent(device.id, 4), [(100, 0), (100, 0)]);
	});
}
