//! Power quality: the latest values only.

use gridweave_primitives::{
	reading::{Phase, Quality},
	Be32,
};

use crate::{mock::*, LatestQuality, QualityPages};

fn quality(voltage_mv: u32) -> Quality {
	Quality {
		frequency_mhz: 49_990,
		phases: frame_support::BoundedVec::truncate_from(vec![Phase {
			voltage_mv,
			current_ma: 500,
			power_factor: 985,
		}]),
	}
}

fn bring_quality(device: &Device, sequence: u64, at: u64, quality: Option<Quality>) {
	let mut reading = reading(device.id, sequence, at, 0, 0);
	reading.quality = quality;
	bring(vec![device.sign_reading(reading)]);
}

#[test]
fn the_latest_power_quality_should_be_kept() {
	run(|| {
		let (one, other) = (admitted(1), admitted(2));
		assert_eq!(Registry::api_quality(one.id), None);
		bring_quality(&one, 1, T0, Some(quality(230_000)));
		bring_quality(&other, 1, T0, Some(quality(240_000)));
		bring_quality(&one, 2, T0 + 1, Some(quality(231_000)));
		// A reading without leaves the last values, and their time.
		bring_quality(&one, 3, T0 + 2, None);
		assert_eq!(
			Registry::api_quality(one.id),
			Some(LatestQuality {
				captured_at: T0 + 1,
				quality: quality(231_000)
			}),
		);
		assert_eq!(
			Registry::api_quality(other.id).unwrap().quality,
			quality(240_000)
		);
	});
}

#[test]
fn readings_that_do_not_count_should_leave_the_power_quality() {
	run(|| {
		let device = admitted(1);
		bring_quality(&device, 2, T0 + 2, Some(quality(230_000)));
		let stale = {
			let mut reading = reading(device.id, 1, T0 + 1, 0, 0);
			reading.quality = Some(quality(250_000));
			reading
		};
		bring_unsigned(vec![stale]);
		assert_eq!(
			Registry::api_quality(device.id).unwrap().captured_at,
			T0 + 2
		);
	});
}

#[test]
fn power_quality_should_be_freed_with_its_meter() {
	run(|| {
		let (device, neighbour) = (admitted(1), admitted(2));
		bring_quality(&device, 1, T0, Some(quality(230_000)));
		bring_quality(&neighbour, 1, T0, Some(quality(231_000)));
		retire(&device);
		set_now(T0 + 100 * L);
		prune();
		assert_eq!(freed(), [device.id]);
		assert_eq!(Registry::api_quality(device.id), None);
		assert_eq!(
			Registry::api_quality(neighbour.id).unwrap().quality,
			quality(231_000)
		);
		retire(&neighbour);
		set_now(T0 + 200 * L);
		prune();
		assert!(!QualityPages::<Test>::contains_key(Be32::from(0)));
	});
}
