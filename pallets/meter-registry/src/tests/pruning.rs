//! Everything written has an end.

use frame_support::{
	assert_ok,
	traits::{fungible::InspectHold, Hooks},
	weights::{Weight, WeightMeter},
};
use gridweave_primitives::{traits::MeteredEnergy, Be32, Period};

use crate::{
	mock::*, pages, pruning::PAGE_STEPS, Cursor, EnergyPages, Event, HoldReason, Keys, LatestPages,
	Meters, PrunedBefore, WeightInfo,
};

fn stored() -> Vec<u32> {
	let mut periods: Vec<_> = EnergyPages::<Test>::iter_keys()
		.map(|(_, period)| period.get() - P0.0)
		.collect();
	periods.sort();
	periods
}

/// A meter measured for `n` periods from [`P0`] on; now is the end of the last.
fn measured(number: u32, n: u64) -> Device {
	settle_before(P0);
	let device = admitted(number);
	for i in 0..=n {
		set_now(T0 + i * L);
		bring_one(&device, 1 + i, T0 + i * L, 100 * i, 0);
	}
	device
}

#[test]
fn a_period_should_be_kept_until_it_is_settled_and_past_retention() {
	run(|| {
		measured(1, 10);
		prune();
		assert_eq!(stored(), (0..10).collect::<Vec<_>>(), "nothing is settled");
		settle_before(P0.saturating_add(2));
		prune();
		assert_eq!(stored(), (2..10).collect::<Vec<_>>());
		settle_before(P0.saturating_add(8));
		prune();
		// Two periods of grace, four of retention.
		assert_eq!(stored(), (4..10).collect::<Vec<_>>());
		set_now(T0 + 11 * L);
		prune();
		assert_eq!(stored(), (5..10).collect::<Vec<_>>());
		assert_eq!(PrunedBefore::<Test>::get(), P0.saturating_add(5));
		set_now(T0 + 100 * L);
		prune();
		assert_eq!(stored(), (8..10).collect::<Vec<_>>());
		settle_before(Period(u32::MAX));
		prune();
		assert!(stored().is_empty());
	});
}

#[test]
fn pruning_should_go_on_where_its_budget_ended() {
	run(|| {
		measured(1, 10);
		settle_before(Period(u32::MAX));
		set_now(T0 + 13 * L);
		let step = <() as WeightInfo>::prune_period();
		TaskWeight::set(
			<() as WeightInfo>::prune_idle() + <() as WeightInfo>::prune_look() + step + step,
		);
		let mut blocks = 0;
		while stored().len() > 3 {
			let before = stored().len();
			let mut meter = WeightMeter::new();
			Registry::on_poll(1, &mut meter);
			assert!(meter.consumed().all_lte(TaskWeight::get()));
			assert!(before - stored().len() <= 2);
			blocks += 1;
			assert!(blocks < 20, "it gets on");
			Registry::do_try_state().unwrap();
		}
		assert_eq!(stored(), [7, 8, 9]);
		assert_ne!(Cursor::<Test>::get(), Default::default());
		// What the block has left bounds it too.
		let mut meter = WeightMeter::with_limit(Weight::zero());
		Registry::on_poll(1, &mut meter);
		assert_eq!(meter.consumed(), Weight::zero());
	});
}

#[test]
fn a_page_with_much_to_prune_should_not_hold_up_others() {
	run(|| {
		settle_before(P0);
		let devices: Vec<_> = (0..33).map(admitted).collect();
		let (first, last) = (&devices[0], &devices[32]);
		bring(vec![first.read(1, T0, 0, 0), last.read(1, T0, 0, 0)]);
		set_now(T0 + L);
		bring(vec![
			first.read(2, T0 + L, 9, 0),
			last.read(2, T0 + L, 9, 0),
		]);
		LatestPages::<Test>::mutate(Be32::from(0), |page| {
			page.as_mut().unwrap().kept_from = P0.saturating_sub(300);
		});
		settle_before(P0.next());
		set_now(T0 + 7 * L);
		// Ten steps a block.
		let (idle, look, step) = (
			<() as WeightInfo>::prune_idle(),
			<() as WeightInfo>::prune_look(),
			<() as WeightInfo>::prune_period(),
		);
		TaskWeight::set(idle + look + step * 10);
		let poll = |blocks: u32| {
			(0..blocks).for_each(|n| Registry::on_poll(u64::from(n), &mut WeightMeter::new()));
		};
		let kept_from = |page: u32| {
			LatestPages::<Test>::get(Be32::from(page))
				.unwrap()
				.kept_from
		};
		poll(8);
		assert_eq!(kept_from(1), P0.next(), "the other page had its turn");
		assert_eq!(kept_from(0), P0.saturating_sub(300 - PAGE_STEPS));
		assert_eq!(PrunedBefore::<Test>::get(), Period(0));
		poll(40);
		assert_eq!(kept_from(0), P0.next());
		assert_eq!(PrunedBefore::<Test>::get(), P0.next());
		assert!(stored().is_empty());
	});
}

#[test]
fn pruning_should_be_charged_by_kind_of_step() {
	run(|| {
		let device = measured(1, 1);
		retire(&device);
		settle_before(Period(u32::MAX));
		set_now(T0 + 8 * L);
		let kept_from = LatestPages::<Test>::get(Be32::from(0)).unwrap().kept_from;
		let mut meter = WeightMeter::new();
		Registry::prune(&mut meter);
		assert_eq!(freed(), [device.id]);
		// The page, the ends of both microgrids, and that of the round.
		let looks = <() as WeightInfo>::prune_look() * 4;
		let periods =
			<() as WeightInfo>::prune_period() * u64::from(P0.saturating_add(2).0 - kept_from.0);
		let free = <() as WeightInfo>::prune_meter() + FREED_WEIGHT;
		assert_eq!(
			meter.consumed(),
			<() as WeightInfo>::prune_idle() + looks + periods + free,
		);
	});
}

#[test]
fn a_silent_meter_should_be_freed_only_after_it_was_billed_up_to_its_retirement() {
	run(|| {
		let device = measured(1, 1);
		// Settlement is in the middle of the second period when the meter retires in the fifth.
		set_now(T0 + 4 * L + L / 2);
		let import = |n: u32| {
			let page = Registry::close_page(HERE, 0, P0.saturating_add(n));
			page.first().map(|(_, metered)| metered.import.0)
		};
		assert_eq!((import(0), import(1)), (Some(100), Some(100)));
		settle_before(P0.next());
		retire(&device);
		set_now(T0 + 30 * L);
		prune();
		assert!(freed().is_empty());
		assert_eq!(import(1), Some(100));
		// The last one up to the retirement.
		assert_eq!(
			[import(2), import(3), import(4), import(5)],
			[Some(100), Some(100), Some(50), None]
		);
		for n in 2..5 {
			settle_before(P0.saturating_add(n));
			prune();
			assert!(freed().is_empty());
		}
		settle_before(P0.saturating_add(5));
		prune();
		assert_eq!(freed(), [device.id]);
	});
}

#[test]
fn a_meter_with_readings_should_be_freed_by_pruning_alone() {
	run(|| {
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		set_now(T0 + 100 * L);
		prune();
		retire(&device);
		assert!(freed().is_empty());
		assert!(Registry::latest(device.id).is_some());
		set_now(T0 + 107 * L);
		prune();
		assert_eq!(freed(), [device.id]);
		assert_eq!(Registry::latest(device.id), None);
	});
}

#[test]
fn a_retired_meter_whose_reading_lies_ahead_should_be_kept_for_its_period() {
	run(|| {
		settle_before(P0);
		let device = admitted(1);
		bring_one(&device, 1, T0, 0, 0);
		set_now(T0 + L - 100);
		bring_one(&device, 2, T0 + L + 100, 100, 0);
		retire(&device);
		settle_before(P0.next());
		set_now(T0 + 20 * L);
		prune();
		assert!(freed().is_empty());
		settle_before(P0.saturating_add(2));
		prune();
		assert_eq!(freed(), [device.id]);
	});
}

#[test]
fn a_round_without_work_should_cost_little() {
	run(|| {
		measured(1, 3);
		settle_before(Period(u32::MAX));
		set_now(T0 + 20 * L);
		prune();
		let mut meter = WeightMeter::new();
		Registry::on_poll(1, &mut meter);
		assert_eq!(meter.consumed(), <() as WeightInfo>::prune_idle());
	});
}

#[test]
fn a_retired_meter_should_be_freed_with_its_last_period() {
	run(|| {
		let (device, other) = (measured(1, 1), admitted(2));
		bring_one(&other, 1, T0 + L, 0, 0);
		assert_ok!(Registry::retire_meter(
			RuntimeOrigin::signed(ALICE),
			device.id
		));
		set_now(T0 + 3 * L);
		assert_eq!(
			<Registry as MeteredEnergy>::close_page(HERE, 0, P0).len(),
			1
		);
		prune();
		assert!(freed().is_empty());
		settle_before(P0.next());
		set_now(T0 + 7 * L);
		prune();
		assert_eq!(freed(), [device.id]);
		assert_eq!(Meters::<Test>::get(Be32::from(device.id)), None);
		assert_eq!(Keys::<Test>::get(Registry::key_hash(&device.key())), None);
		assert_eq!(Registry::latest(device.id), None);
		assert_eq!(pages::energy::<Test>(device.id, P0), None);
		assert!(Registry::latest(other.id).is_some());
		let deposit = Meters::<Test>::get(Be32::from(other.id)).unwrap().deposit;
		let reason = HoldReason::Registration.into();
		assert_eq!(Balances::balance_on_hold(&reason, &ALICE), deposit);
		assert!(events().contains(&Event::MeterFreed {
			meter: device.id,
			owner: ALICE,
			deposit
		}));
	});
}

#[test]
fn several_microgrids_and_pages_should_be_pruned() {
	run(|| {
		settle_before(P0);
		let there = gridweave_primitives::MicrogridId(1);
		let kind = gridweave_primitives::meter::MeterKind::Consumer;
		let mut devices: Vec<_> = (0..33).map(admitted).collect();
		devices.push(registered(99, BOB, there, kind));
		let last = devices.last().unwrap();
		assert_ok!(Registry::admit_meter(
			RuntimeOrigin::signed(OPERATOR + 1),
			last.id,
			RATINGS
		));
		devices.sort_by_key(|device| device.id);
		for n in 0..4 {
			set_now(T0 + n * L);
			bring_unsigned(
				devices
					.iter()
					.map(|device| reading(device.id, n, T0 + n * L, n, 0))
					.collect(),
			);
		}
		assert_eq!(stored().len(), 9);
		settle_before(Period(u32::MAX));
		set_now(T0 + 20 * L);
		prune();
		assert!(stored().is_empty());
	});
}
