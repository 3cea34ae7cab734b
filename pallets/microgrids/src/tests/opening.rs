//! Opening periods.

use frame_support::{assert_ok, weights::Weight};
use frame_system::RawOrigin;
use gridweave_primitives::{
	traits::{MicrogridInspect, SettlementClock},
	MicrogridId, Period,
};

use crate::{mock::*, Event, WeightInfo};

fn last_open() -> Period {
	START.saturating_add(HORIZON)
}

fn first_period(id: MicrogridId) -> Option<Period> {
	<Microgrids as MicrogridInspect<AccountId>>::first_period(id)
}

fn next_opened(id: MicrogridId, from: Period) -> Option<Period> {
	<Microgrids as MicrogridInspect<AccountId>>::next_opened(id, from)
}

/// What opening so many periods of one microgrid takes.
fn opening(periods: u64) -> Weight {
	<()>::open_base() + <()>::open_microgrid() + <()>::open_period() * periods
}

#[test]
fn nothing_should_open_before_the_chain_has_a_time() {
	on(chain(vec![(ALICE, terms())]), || {
		block_at(0);
		assert!(kept(FIRST).is_empty());
		assert_eq!(first_period(FIRST), None);
	});
}

#[test]
fn the_first_block_should_open_the_whole_horizon() {
	on(chain(vec![(ALICE, terms())]), || {
		block_at(START_TIME);
		assert_eq!(<Microgrids as SettlementClock>::current(), START);
		assert_eq!(kept(FIRST), span(START, last_open()));
		assert_eq!(first_period(FIRST), Some(START));
		assert_eq!(
			events(),
			[Event::PeriodsOpened {
				microgrid: FIRST,
				first: START,
				last: last_open()
			}]
		);
	});
}

#[test]
fn each_period_should_open_one_more_and_blocks_between_should_do_nothing() {
	with_one(|| {
		block_at(START_TIME + 3);
		assert!(events().is_empty());
		block_in(START.next());
		let next = last_open().next();
		assert_eq!(
			events(),
			[Event::PeriodsOpened {
				microgrid: FIRST,
				first: next,
				last: next
			}]
		);
		assert_eq!(first_period(FIRST), Some(START));
	});
}

#[test]
fn a_new_microgrid_should_start_at_the_current_period() {
	with_one(|| {
		block_at(clock().start_of(START.saturating_add(2)) + 30);
		assert_ok!(Microgrids::create_microgrid(
			RawOrigin::Root.into(),
			BOB,
			terms()
		));
		assert_eq!(first_period(SECOND), None);
		block_at(clock().start_of(START.saturating_add(2)) + 33);
		let first = START.saturating_add(2);
		assert_eq!(kept(SECOND), span(first, first.saturating_add(HORIZON)));
		assert_eq!(first_period(SECOND), Some(first));
	});
}

#[test]
fn opening_should_go_on_where_the_budget_ended() {
	on(chain(vec![(ALICE, terms()), (BOB, terms())]), || {
		let used = limited_block_at(START_TIME, opening(10));
		assert!(used.all_lte(opening(10)));
		assert_eq!(kept(FIRST), span(START, START.saturating_add(9)));
		limited_block_at(START_TIME + 3, opening(87));
		assert_eq!(kept(FIRST), span(START, last_open()));
		assert!(kept(SECOND).is_empty());
		block_at(START_TIME + 6);
		assert_eq!(kept(SECOND), span(START, last_open()));
	});
}

#[test]
fn late_microgrids_should_catch_up_before_earlier_ones_get_another_turn() {
	on(chain(vec![(ALICE, terms()), (BOB, terms())]), || {
		// A budget of 50 periods and a period per block: two of them are worth a horizon.
		let mut period = START;
		while kept(SECOND).len() <= HORIZON as usize {
			limited_block_at(clock().start_of(period), opening(50));
			period = period.next();
			assert!(period < START.saturating_add(10), "opening makes progress");
		}
		// In the end both are open up to the horizon, nothing missing.
		let now = clock().start_of(period);
		block_at(now);
		block_at(now + 3);
		assert_eq!(
			kept(FIRST).last(),
			Some(&period.saturating_add(HORIZON)),
			"the first microgrid got its next turn"
		);
		assert_eq!(kept(FIRST).last(), kept(SECOND).last());
		assert!(first_period(FIRST) <= first_period(SECOND));
	});
}

#[test]
fn no_work_should_be_done_without_budget() {
	on(chain(vec![(ALICE, terms())]), || {
		assert_eq!(limited_block_at(START_TIME, Weight::zero()), Weight::zero());
		assert!(kept(FIRST).is_empty());
		// Room for a turn, but not for a period: none is begun.
		limited_block_at(START_TIME + 3, opening(0));
		assert!(kept(FIRST).is_empty());
		limited_block_at(START_TIME + 6, opening(1));
		assert_eq!(kept(FIRST), [START]);
	});
}

#[test]
fn a_block_should_open_no_more_than_the_tasks_own_budget() {
	on(chain(vec![(ALICE, terms()), (BOB, terms())]), || {
		block_at(START_TIME);
		let opened = kept(FIRST).len() + kept(SECOND).len();
		assert!((97..=105).contains(&opened), "{opened}");
	});
}

#[test]
fn idle_blocks_should_cost_no_more_with_more_microgrids() {
	let idle = |count: u32| {
		let mut used = Weight::zero();
		on(chain(vec![(ALICE, terms()); count as usize]), || {
			for n in 0..10 {
				block_at(START_TIME + 3 * n);
			}
			used = limited_block_at(START_TIME + 30, Weight::MAX);
		});
		used
	};
	assert_eq!(idle(1), idle(MAX_MICROGRIDS));
	assert_eq!(idle(1), <()>::open_base() + <()>::prune_base());
}

#[test]
fn periods_that_ended_recently_should_open_late_rather_than_not_at_all() {
	with_one(|| {
		// The chain stands still. The period after the last open one ends, freezes, and is in the last
		// second of its retention.
		let late = last_open().next();
		let now = clock().expires_at(late) - 1;
		block_at(now);
		let last = clock().period_at(now).saturating_add(HORIZON);
		assert_eq!(
			events()[0],
			Event::PeriodsOpened {
				microgrid: FIRST,
				first: late,
				last
			},
			"no period is skipped"
		);
	});
}

#[test]
fn periods_that_expired_before_their_turn_should_be_skipped() {
	with_one(|| {
		settle(FIRST, START);
		let late = last_open().next();
		let now = clock().expires_at(late.saturating_add(1_000));
		let oldest = late.saturating_add(1_001);
		assert_eq!(clock().expired_before(now), oldest);
		let current = clock().period_at(now);
		block_at(now);
		assert_eq!(
			events(),
			[
				Event::PeriodsSkipped {
					microgrid: FIRST,
					first: late,
					last: late.saturating_add(1_000)
				},
				Event::PeriodsOpened {
					microgrid: FIRST,
					first: oldest,
					last: current.saturating_add(HORIZON)
				},
			]
		);

		// Those who walk from period to period find their way across.
		assert_eq!(next_opened(FIRST, START), Some(START));
		assert_eq!(next_opened(FIRST, last_open()), Some(last_open()));
		assert_eq!(next_opened(FIRST, late), Some(oldest));
		assert_eq!(
			next_opened(FIRST, current.saturating_add(HORIZON + 1)),
			None
		);
		assert_eq!(next_opened(SECOND, START), None);
		assert_eq!(first_period(FIRST), Some(START));
	});
}

#[test]
fn next_opened_should_not_run_into_another_microgrid() {
	on(chain(vec![(ALICE, terms()), (BOB, terms())]), || {
		block_at(START_TIME);
		block_at(START_TIME + 3);
		assert_eq!(next_opened(FIRST, last_open().next()), None);
		assert_eq!(next_opened(SECOND, Period(0)), Some(START));
	});
}

#[test]
fn the_end_of_time_should_be_reached_without_panic() {
	with_one(|| {
		let end = u64::from(u32::MAX) * 900;
		for now in [end - 900 * 50, end, end + 900, u64::MAX / 1_000] {
			for _ in 0..20 {
				block_at(now);
			}
		}
		assert_eq!(kept(FIRST).last(), Some(&Period(u32::MAX - 1)));
	});
}

#[test]
fn microgrid_should_start_with_the_last_period_at_the_latest() {
	let end = clock().start_of(Period(u32::MAX));
	for (now, first) in [(end - 1, Some(Period(u32::MAX - 1))), (end, None)] {
		on(chain(vec![(ALICE, terms())]), || {
			for _ in 0..3 {
				block_at(now);
			}
			assert_eq!(first_period(FIRST), first);
			assert_eq!(kept(FIRST), Vec::from_iter(first));
		});
	}
}

#[test]
fn next_opened_should_not_look_for_what_is_not_there() {
	on(chain(vec![(ALICE, terms()), (BOB, terms())]), || {
		block_at(START_TIME);
		Seeks::set(0);
		assert_eq!(next_opened(FIRST, last_open().next()), None);
		assert_eq!(next_opened(FIRST, Period(0)), Some(START));
		let later = START.saturating_add(10);
		block_in(later);
		// Behind what was pruned in this block, nothing has to be stepped over.
		let oldest = clock().expired_before(clock().start_of(later));
		assert_eq!(next_opened(FIRST, START), Some(oldest));
		assert_eq!(Seeks::get(), 0);
	});
}
