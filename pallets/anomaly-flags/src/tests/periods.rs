//! Periods as they are settled.

use frame_support::weights::Weight;
use gridweave_primitives::{
	meter::{MeterKind, Provenance},
	traits::SettlementClock,
	Be32, MeterId, MicrogridId, Period,
};

use crate::{mock::*, Current, Event, IdleUntil, Inspected, Kind, Pallet, ProfilePages, Status};

fn next() -> Option<Period> {
	Inspected::<Test>::get(Be32::from(HERE))
}

/// Has a meter meter `import` of a period, and goes on to the next.
fn live(meter: MeterId, n: u32, import: u64, export: u64) {
	meter_energy(meter, P0.saturating_add(n), import, export);
	go_to(P0.saturating_add(n + 1));
}

#[test]
fn a_microgrid_should_begin_with_what_is_not_settled_yet() {
	run(|| {
		poll();
		assert_eq!(next(), Some(P0));
		live(METER, 0, 100, 0);
		assert_eq!(next(), Some(P0.next()));
		let page = ProfilePages::<Test>::get(Be32::from(0));
		assert_eq!(page.iter().count(), 1);
		assert_eq!(page.get(0).expect("looked at").last.import, 100);
		assert_eq!(page.get(0).expect("looked at").period, P0);
	});
}

#[test]
fn nothing_should_be_looked_at_before_it_is_settled() {
	run(|| {
		poll();
		meter_energy(METER, P0, 100, 0);
		Now::set(T0 + 10 * L);
		poll();
		assert_eq!(next(), Some(P0));
		assert_eq!(ProfilePages::<Test>::iter().count(), 0);
		// It is looked for again in the next block.
		Now::set(T0 + 10 * L + 3);
		SettledTo::set(P0.next());
		poll();
		assert_eq!(next(), Some(P0.next()));
	});
}

#[test]
fn periods_whose_energy_is_gone_should_be_passed_over() {
	run(|| {
		SettledTo::set(P0);
		poll();
		System::reset_events();
		let kept = Others::clock().grace + Others::clock().retention;
		Now::set(T0 + u64::from(kept + 1) * L);
		SettledTo::set(P0.saturating_add(kept));
		poll();
		assert!(events().contains(&Event::PeriodsPassedOver {
			microgrid: HERE,
			from: P0,
			until: P0.next(),
		}));
		assert_eq!(next(), Some(P0.saturating_add(kept)));
	});
}

#[test]
fn a_pass_should_be_given_up_when_the_energy_goes() {
	run(|| {
		poll();
		for page in 0..4 {
			add_meter(MeterId(page * 32), HERE, MeterKind::Consumer);
			meter_energy(MeterId(page * 32), P0, 100, 0);
		}
		InspectWeight::set(Pallet::<Test>::least_inspect_weight() + Weight::from_parts(1, 1));
		Now::set(T0 + L);
		SettledTo::set(P0.next());
		poll();
		assert!(Current::<Test>::exists());
		let kept = Others::clock().grace + Others::clock().retention;
		Now::set(T0 + u64::from(kept + 1) * L);
		System::reset_events();
		poll();
		assert!(!Current::<Test>::exists());
		assert!(events().contains(&Event::PeriodsPassedOver {
			microgrid: HERE,
			from: P0,
			until: P0.next(),
		}));
		assert_eq!(next(), Some(P0.next()));
	});
}

#[test]
fn a_pass_should_go_on_where_the_block_ended() {
	run(|| {
		poll();
		for page in 0..4 {
			add_meter(MeterId(page * 32), HERE, MeterKind::Consumer);
			meter_energy(MeterId(page * 32), P0, 100, 0);
		}
		// Enough for one page at a time.
		InspectWeight::set(Pallet::<Test>::least_inspect_weight() + Weight::from_parts(1, 1));
		Now::set(T0 + L);
		SettledTo::set(P0.next());
		let mut blocks = 0;
		while next() == Some(P0) || Current::<Test>::exists() {
			poll();
			blocks += 1;
			assert!(blocks < 50, "it must get on");
			Anomalies::do_try_state().expect("the invariants hold");
		}
		assert!(blocks > 1);
		assert_eq!(ProfilePages::<Test>::iter().count(), 4);
	});
}

#[test]
fn microgrids_should_take_turns() {
	run(|| {
		let there = MicrogridId(1);
		add_meter(MeterId(32), there, MeterKind::Consumer);
		poll();
		for n in 0..3 {
			meter_energy(METER, P0.saturating_add(n), 100, 0);
			meter_energy(MeterId(32), P0.saturating_add(n), 100, 0);
		}
		go_to(P0.saturating_add(3));
		for microgrid in [HERE, there] {
			let next = Inspected::<Test>::get(Be32::from(microgrid));
			assert_eq!(next, Some(P0.saturating_add(3)));
		}
		assert!(IdleUntil::<Test>::get() > Now::get());
	});
}

#[test]
fn silence_should_be_flagged_once_it_lasts() {
	run(|| {
		poll();
		live(METER, 0, 100, 0);
		for n in 1..=8 {
			assert_eq!(flag(Kind::Silent), None);
			meter_as(METER, P0.saturating_add(n), 100, 0, Provenance::Estimated);
			go_to(P0.saturating_add(n + 1));
		}
		assert!(flag(Kind::Silent).is_some());
	});
}

#[test]
fn one_value_for_long_should_be_flagged() {
	run(|| {
		poll();
		for n in 0..65 {
			assert_eq!(flag(Kind::FlatProfile), None, "period {n}");
			live(METER, n, 150, 0);
		}
		assert_eq!(
			flag(Kind::FlatProfile).expect("raised").status,
			Status::Raised
		);
	});
}

#[test]
fn plants_that_feed_in_in_the_dark_should_be_flagged_and_no_others() {
	run(|| {
		let (plant, storage) = (MeterId(5), MeterId(6));
		add_meter(plant, HERE, SOLAR);
		add_meter(storage, HERE, MeterKind::Prosumer);
		poll();
		for n in 0..4 {
			assert_eq!(flag_of(plant, Kind::NightGeneration), None);
			for meter in [plant, storage] {
				meter_energy(meter, P0.saturating_add(n), 0, 100 + u64::from(n) * 5);
			}
			go_to(P0.saturating_add(n + 1));
		}
		assert!(flag_of(plant, Kind::NightGeneration).is_some());
		assert_eq!(flag_of(storage, Kind::NightGeneration), None);
	});
}

/// Lives through days of 96 periods, each with the energy that `of` gives for a period of the day.
fn days(from: u32, count: u32, of: impl Fn(u32, u32) -> u64) {
	for day in from..from + count {
		for period in 0..96 {
			live(METER, day * 96 + period, of(day, period), 0);
		}
	}
}

fn evening(day: u32, period: u32) -> u64 {
	let base = if (68..88).contains(&period) { 250 } else { 60 };
	// A tenth up or down, and never one value twice.
	base + u64::from((day * 31 + period * 17) % 11) * base / 50
}

#[test]
fn a_day_that_falls_by_half_should_be_flagged_and_an_honest_month_should_not() {
	run(|| {
		poll();
		days(0, 30, evening);
		assert_eq!(events(), []);
		days(30, 7, |day, period| evening(day, period) / 2);
		assert!(flag(Kind::SuddenChange).is_some());
		assert!(flag(Kind::ShapeChange).is_none());
	});
}

#[test]
fn reversed_days_should_be_flagged() {
	run(|| {
		poll();
		days(0, 30, evening);
		days(30, 7, |day, period| evening(day, 95 - period));
		assert!(flag(Kind::ShapeChange).is_some());
	});
}
