//! What becomes of the readings of a batch.

use codec::Compact;
use frame_support::{assert_ok, weights::Weight};
use gridweave_primitives::{
	ingest::ReadingBatch,
	meter::{MeterState, Movement, Provenance},
	traits::{MeterInspect, MeteredEnergy},
	Be32, MeterId, MicrogridId, WattHours,
};

use crate::{mock::*, BlockReadings, Event, Meters, Suspended, SuspendedEnergy};

fn accepted(events: &[Event<Test>]) -> Vec<(u32, u32, u32)> {
	events
		.iter()
		.filter_map(|event| match event {
			Event::ReadingsAccepted {
				accepted,
				stale,
				deferred,
				..
			} => Some((*accepted, *stale, *deferred)),
			_ => None,
		})
		.collect()
}

#[test]
fn the_first_reading_should_only_set_the_base() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 7, T0 + 10, 5_000, 300);
		let latest = Registry::latest(device.id).unwrap();
		assert_eq!(
			(latest.sequence, latest.captured_at, latest.accepted),
			(7, T0 + 10, 1)
		);
		assert_eq!(
			(latest.imported, latest.exported),
			(WattHours(0), WattHours(0))
		);
		assert_eq!(<Registry as MeteredEnergy>::metered(device.id, P0), None);
		let meter = Meters::<Test>::get(Be32::from(device.id)).unwrap();
		assert_eq!(meter.state, MeterState::Active);
	});
}

#[test]
fn a_batch_should_leave_one_event_with_its_counts() {
	run(|| {
		let (a, b) = (admitted(1), admitted(2));
		bring_one(&a, 1, T0 + 1, 0, 0);
		System::reset_events();
		let mut readings: Vec<_> = (1..=9).map(|i| a.read(i, T0 + i, i - 1, 0)).collect();
		readings.push(b.read(1, T0, 0, 0));
		bring(readings);
		assert_eq!(
			events(),
			[Event::ReadingsAccepted {
				authority: 0,
				accepted: 9,
				stale: 1,
				deferred: 0,
				first_meter: a.id,
				last_meter: b.id,
			}],
		);
		assert_eq!(Registry::latest(a.id).unwrap().accepted, 9);
		assert_eq!(BlockReadings::<Test>::get(), (1, 11));
	});
}

#[test]
fn observers_should_be_told_of_every_accepted_reading_and_the_one_before() {
	run(|| {
		let device = admitted(1);
		let mut first = reading(device.id, 1, T0, 10, 20);
		first.state_of_charge = Some(Compact(5_000));
		first.acknowledged = Some(Compact(3));
		first.status = 9;
		let mut second = reading(device.id, 2, T0 + 60, 11, 20);
		second.state_of_charge = Some(Compact(4_000));
		bring(vec![
			device.sign_reading(first.clone()),
			device.sign_reading(second.clone()),
		]);
		let told = readings_told();
		let pairs: Vec<_> = told
			.iter()
			.map(|told| (told.reading.clone(), told.previous.clone()))
			.collect();
		assert_eq!(pairs, [(first.clone(), None), (second, Some(first))]);
		assert_eq!((told[0].microgrid, told[0].ratings), (HERE, RATINGS));
		assert_eq!(told[0].import, Movement::default());
		assert_eq!(told[1].import.counted, WattHours(1));
		assert_eq!(
			<Registry as MeterInspect<u64>>::state_of_charge(device.id),
			Some(WattHours(4_000)),
		);
		// What is skipped is not told of.
		bring_one(&device, 3, T0 + 61, 11, 20);
		readings_told();
		let mut readings: Vec<_> = (4..=13)
			.map(|i| device.read(i, T0 + 60 + i, 11, 20))
			.collect();
		readings.insert(0, device.read(3, T0 + 61, 11, 20));
		bring(readings);
		assert_eq!(readings_told().len(), 10);
	});
}

#[test]
fn readings_beyond_the_witness_should_be_left_for_the_next_batch() {
	run(|| {
		let (a, b) = (admitted(1), admitted(2));
		bring(vec![a.read(1, T0, 0, 0), b.read(1, T0, 0, 0)]);
		set_now(T0 + 3 * L / 2);
		// The second spans another period besides that of the first; the witness allows one.
		let readings = vec![a.read(2, T0 + L, 9, 0), b.read(2, T0 + 3 * L / 2, 9, 0)];
		System::reset_events();
		let short = ReadingBatch {
			spans: 1,
			..batch(readings.clone())
		};
		assert_ok!(send(call(short)).unwrap());
		assert_eq!(accepted(&events()), [(1, 0, 1)]);
		assert_eq!(Registry::latest(b.id).unwrap().sequence, 1);
		// The same reading counts when it comes again.
		System::reset_events();
		bring(vec![readings[1].clone()]);
		assert_eq!(accepted(&events()), [(1, 0, 0)]);
	});
}

#[test]
fn nothing_should_overtake_a_reading_beyond_the_witness() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		set_now(T0 + 2 * L);
		let readings = vec![
			device.read(2, T0 + 2 * L, 10, 0),
			device.read(3, T0 + 2 * L + 1, 10, 0),
		];
		System::reset_events();
		assert_ok!(send(call(ReadingBatch {
			spans: 1,
			..batch(readings)
		}))
		.unwrap());
		assert_eq!(accepted(&events()), [(0, 0, 2)]);
		assert_eq!(Registry::latest(device.id).unwrap().sequence, 1);
	});
}

#[test]
fn a_reading_from_the_future_should_be_deferred() {
	run(|| {
		let device = admitted(1);
		let mut readings: Vec<_> = (1..=9).map(|i| device.read(i, T0 + i, 0, 0)).collect();
		readings.push(device.read(10, T0 + 301, 0, 0));
		bring(readings);
		assert_eq!(accepted(&events()), [(9, 0, 1)]);
	});
}

#[test]
fn weight_should_be_refunded_to_what_was_touched() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		set_now(T0 + 60);
		let call = call(batch(vec![device.read(2, T0 + 60, 1, 0)]));
		let info = frame_support::dispatch::GetDispatchInfo::get_dispatch_info(&call);
		let post = send(call).unwrap().unwrap();
		let actual = post.actual_weight.unwrap();
		let expected = crate::load::intake::<Test>(crate::load::Load {
			regular: 1,
			irregular: 0,
			pages: 1,
			spans: 1,
		});
		assert!(actual.ref_time() >= expected.ref_time());
		assert!(actual.ref_time() < info.call_weight.ref_time());
		assert_ne!(actual, Weight::zero());
	});
}

#[test]
fn corrections_should_be_charged_by_what_they_cost_others() {
	run(|| {
		let (device, other) = (admitted(1), admitted(2));
		settle_before(P0);
		bring(vec![device.read(1, T0, 0, 0), other.read(1, T0, 0, 0)]);
		set_now(T0 + 5 * L);
		// Three frozen periods are corrected, of one meter.
		let call = call(ReadingBatch {
			corrections: 20,
			..batch(vec![device.read(2, T0 + 5 * L, 500, 0)])
		});
		let info = frame_support::dispatch::GetDispatchInfo::get_dispatch_info(&call);
		let post = send(call).unwrap().unwrap();
		assert_eq!(corrections().len(), 3);
		// Nothing else has a proof size here, but what is told of the reading.
		let (each, meter) = (
			CORRECTION_WEIGHT.proof_size(),
			CORRECTED_WEIGHT.proof_size(),
		);
		let told = OBSERVED_PAGE_WEIGHT.proof_size() + OBSERVED_WEIGHT.proof_size();
		let meter = meter + told;
		assert_eq!(info.call_weight.proof_size(), 20 * each + meter);
		assert_eq!(post.actual_weight.unwrap().proof_size(), 3 * each + meter);
		// As of a relay.
		let readings = vec![other.read(2, T0 + 5 * L, 500, 0)];
		let readings = crate::RelayedReadings::truncate_from(readings);
		let post =
			Registry::relay_readings(RuntimeOrigin::signed(BOB), readings, crate::Witness::MAX)
				.unwrap();
		assert_eq!(post.actual_weight.unwrap().proof_size(), 3 * each + meter);
	});
}

#[test]
fn observers_should_be_told_what_was_not_counted() {
	run(|| {
		let (device, other) = (admitted(1), admitted(2));
		bring(vec![device.read(1, T0, 50, 50), other.read(1, T0, 0, 0)]);
		readings_told();
		set_now(T0 + L);
		// 1 kWh is all that the connection can take in a period.
		bring(vec![
			device.read(2, T0 + L, 1_250, 40),
			other.read(2, T0 + L, 1, 0),
		]);
		let told = readings_told();
		assert_eq!(told.len(), 2, "both lie on one page");
		assert_eq!(told[0].import.counted, WattHours(1_000));
		assert_eq!(told[0].import.suspended, WattHours(200));
		assert!(told[0].export.rolled_back);
		assert!(!told[1].export.rolled_back);
	});
}

#[test]
fn observers_should_be_charged_by_what_they_do() {
	run(|| {
		let (device, other) = (admitted(1), admitted(2));
		bring(vec![device.read(1, T0, 0, 0), other.read(1, T0, 0, 0)]);
		set_now(T0 + L);
		// The last one is stale.
		let readings = vec![
			device.read(2, T0 + L, 1, 0),
			device.read(3, T0 + L + 1, 1, 0),
			other.read(1, T0 + L, 1, 0),
		];
		let call = call(batch(readings));
		let info = frame_support::dispatch::GetDispatchInfo::get_dispatch_info(&call);
		let post = send(call).unwrap().unwrap();
		let weigh = |pages: u64, readings: u64| {
			OBSERVED_PAGE_WEIGHT.proof_size() * pages + OBSERVED_WEIGHT.proof_size() * readings
		};
		let corrections = u64::from(crate::MAX_CORRECTIONS) * CORRECTION_WEIGHT.proof_size()
			+ 3 * CORRECTED_WEIGHT.proof_size();
		assert_eq!(info.call_weight.proof_size() - corrections, weigh(1, 3));
		assert_eq!(post.actual_weight.unwrap().proof_size(), weigh(1, 2));
	});
}

#[test]
fn retiring_should_be_charged_by_what_it_costs_others() {
	use frame_support::dispatch::GetDispatchInfo;
	let call = crate::Call::<Test>::retire_meter { meter: MeterId(0) };
	let own = <() as crate::WeightInfo>::retire_meter();
	assert_eq!(call.get_dispatch_info().call_weight, own + FREED_WEIGHT);
}

#[test]
fn a_rollover_should_count_as_an_advance() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, MODULUS.0 - 5, 0);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 95, 0);
		let metered = <Registry as MeteredEnergy>::metered(device.id, P0).unwrap();
		assert_eq!(metered.import, WattHours(100));
	});
}

#[test]
fn a_rollback_should_contribute_nothing_and_be_told() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 500, 5_000);
		set_now(T0 + L);
		bring_one(&device, 2, T0 + L, 600, 4_000);
		let metered = <Registry as MeteredEnergy>::metered(device.id, P0).unwrap();
		assert_eq!(
			(metered.import, metered.export),
			(WattHours(100), WattHours(0))
		);
		assert!(events().contains(&Event::RegisterRolledBack {
			meter: device.id,
			import: false,
			export: true,
		}));
		// From there on it counts again.
		set_now(T0 + 2 * L);
		bring_one(&device, 3, T0 + 2 * L, 600, 4_300);
		let next = <Registry as MeteredEnergy>::metered(device.id, P0.next()).unwrap();
		assert_eq!(next.export, WattHours(300));
	});
}

#[test]
fn energy_beyond_the_rating_should_be_suspended() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		set_now(T0 + L);
		// 4 kW make 1 kWh a period.
		bring_one(&device, 2, T0 + L, 1_000, 1_250);
		let metered = <Registry as MeteredEnergy>::metered(device.id, P0).unwrap();
		assert_eq!(
			(metered.import, metered.export),
			(WattHours(1_000), WattHours(1_000))
		);
		assert!(events().contains(&Event::EnergySuspended {
			meter: device.id,
			import: WattHours(0),
			export: WattHours(250),
		}));
		set_now(T0 + 2 * L);
		bring_one(&device, 3, T0 + 2 * L, 3_000, 2_250);
		assert_eq!(
			SuspendedEnergy::<Test>::get(Be32::from(device.id)),
			Suspended {
				import: 1_000,
				export: 250
			},
		);
	});
}

#[test]
fn an_honest_outage_should_not_be_cut() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		// All the energy of four periods in the last: no more than rating × time over all.
		set_now(T0 + 4 * L);
		settle_before(P0);
		bring_one(&device, 2, T0 + 4 * L, 0, 4_000);
		assert!(!events()
			.iter()
			.any(|event| matches!(event, Event::EnergySuspended { .. })));
		assert_eq!(
			Registry::latest(device.id).unwrap().exported,
			WattHours(4_000)
		);
	});
}

#[test]
fn a_stolen_key_should_sell_no_more_than_the_rating() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		let mut sold = 0;
		for second in 1..=100 {
			set_now(T0 + second);
			bring_one(&device, 1 + second, T0 + second, 0, second * 90_000);
			sold = Registry::latest(device.id).unwrap().exported.0;
		}
		assert_eq!(sold, 100 * 4_000 / 3_600);
	});
}

#[test]
fn neighbours_should_share_pages_and_stay_apart() {
	run(|| {
		let devices: Vec<_> = (0..40).map(admitted).collect();
		bring(
			devices
				.iter()
				.map(|device| device.read(1, T0, 0, 0))
				.collect(),
		);
		set_now(T0 + L);
		bring(
			devices
				.iter()
				.map(|device| device.read(2, T0 + L, u64::from(device.id.0), 0))
				.collect(),
		);
		for device in &devices {
			let metered = <Registry as MeteredEnergy>::metered(device.id, P0).unwrap();
			assert_eq!(metered.import, WattHours(device.id.0.into()));
			assert_eq!(metered.provenance, Provenance::Measured);
		}
		assert_eq!(<Registry as MeteredEnergy>::pages(HERE), 2);
		assert_eq!(
			<Registry as MeteredEnergy>::metered(MeterId(9_999), P0),
			None
		);
		assert_eq!(<Registry as MeteredEnergy>::pages(MicrogridId(1)), 0);
	});
}
