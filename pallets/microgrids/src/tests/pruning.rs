//! Pruning periods.

use frame_support::weights::Weight;
use gridweave_primitives::{traits::MicrogridInspect, Period};

use crate::{mock::*, Event, Periods, PrunePass, WeightInfo};

/// Grace and retention of the mock's clock: a period ended this long ago has expired.
const KEPT: u32 = 6;

#[test]
fn a_period_should_be_pruned_when_its_retention_ends() {
	with_one(|| {
		let expiry = clock().expires_at(START);
		block_at(expiry - 1);
		assert_eq!(kept(FIRST).first(), Some(&START));
		block_at(expiry);
		assert_eq!(kept(FIRST).first(), Some(&START.next()));
		assert!(events().contains(&Event::PeriodsPruned {
			microgrid: FIRST,
			first: START,
			last: START
		}));
		assert_eq!(
			<Microgrids as MicrogridInspect<AccountId>>::terms(FIRST, START),
			None
		);
		// What was first stays known.
		assert_eq!(
			<Microgrids as MicrogridInspect<AccountId>>::first_period(FIRST),
			Some(START)
		);
	});
}

#[test]
fn a_period_should_be_kept_until_it_is_settled() {
	with_one(|| {
		settle(FIRST, START);
		let later = START.saturating_add(20);
		block_in(later);
		assert_eq!(kept(FIRST).first(), Some(&START));

		// Settlement comes late: what it has passed goes in the next block, the rest stays.
		let settled = START.saturating_add(3);
		settle(FIRST, settled);
		block_at(clock().start_of(later) + 3);
		assert_eq!(kept(FIRST).first(), Some(&settled));
		block_at(clock().start_of(later) + 6);
		assert_eq!(kept(FIRST).first(), Some(&settled));

		settle(FIRST, later);
		for n in 3..6 {
			block_at(clock().start_of(later) + 3 * n);
		}
		// Settled further than expired: retention counts.
		assert_eq!(kept(FIRST).first(), Some(&later.saturating_sub(KEPT)));
	});
}

#[test]
fn an_unsettled_microgrid_should_not_hold_up_others() {
	on(chain(vec![(ALICE, terms()), (BOB, terms())]), || {
		block_at(START_TIME);
		block_at(START_TIME + 3);
		settle(FIRST, START);
		let later = START.saturating_add(10);
		block_in(later);
		assert_eq!(kept(FIRST).first(), Some(&START));
		assert_eq!(kept(SECOND).first(), Some(&later.saturating_sub(KEPT)));
	});
}

#[test]
fn pruning_should_go_on_where_the_budget_ended() {
	with_one(|| {
		let later = START.saturating_add(40);
		// Opening has nothing to do in the second block of a period: the whole budget is pruning's.
		settle(FIRST, START);
		block_in(later);
		settle(FIRST, later);
		let limit = <()>::open_base()
			+ <()>::prune_base()
			+ <()>::prune_microgrid()
			+ <()>::prune_period() * 4;
		for n in 1..=3u32 {
			let used = limited_block_at(clock().start_of(later) + u64::from(3 * n), limit);
			assert!(used.all_lte(limit));
			assert_eq!(kept(FIRST).first(), Some(&START.saturating_add(4 * n)));
		}
	});
}

#[test]
fn a_block_should_prune_no_more_than_the_tasks_own_budget() {
	with_one(|| {
		block_in(START.saturating_add(60));
		assert_eq!(kept(FIRST).first(), Some(&START.saturating_add(11)));
	});
}

#[test]
fn pruning_should_free_everything_and_pass_over_what_never_opened() {
	with_one(|| {
		settle(FIRST, START);
		// Two standstills before settlement has come anywhere: two gaps.
		let first_jump = START.saturating_add(1_000);
		block_in(first_jump);
		let second_jump = first_jump.saturating_add(2_000);
		block_in(second_jump);
		let range = Periods::<Test>::get(FIRST).expect("has started");
		assert_eq!(
			range.skipped as usize,
			(range.until.0 - range.from.0) as usize - kept(FIRST).len()
		);
		assert!(range.skipped > 2_000);

		settle(FIRST, Period(u32::MAX));
		for n in 1..30 {
			block_at(clock().start_of(second_jump) + 3 * n);
		}
		let oldest = second_jump.saturating_sub(KEPT);
		assert_eq!(
			kept(FIRST),
			span(oldest, second_jump.saturating_add(HORIZON))
		);
		assert_eq!(
			Periods::<Test>::get(FIRST).map(|range| range.skipped),
			Some(0)
		);

		// The chain stands still until all that was open has expired, and has no room to open more.
		let end = clock().expires_at(second_jump.saturating_add(HORIZON));
		OpenWeight::set(Weight::zero());
		for n in 0..30 {
			block_at(end + 3 * n);
		}
		assert!(kept(FIRST).is_empty());
		let range = Periods::<Test>::get(FIRST).expect("has started");
		assert_eq!((range.from, range.skipped), (range.until, 0));
	});
}

#[test]
fn a_microgrid_without_open_periods_should_start_again_after_a_standstill() {
	with_one(|| {
		let end = clock().expires_at(START.saturating_add(HORIZON));
		let budget = OpenWeight::get();
		OpenWeight::set(Weight::zero());
		for n in 0..30 {
			block_at(end + 3 * n);
		}
		assert!(kept(FIRST).is_empty());

		OpenWeight::set(budget);
		let now = end + 900 * 50;
		block_at(now);
		let current = clock().period_at(now);
		assert_eq!(
			kept(FIRST),
			span(
				current.saturating_sub(KEPT),
				current.saturating_add(HORIZON)
			)
		);
		assert_eq!(
			Periods::<Test>::get(FIRST).map(|range| range.skipped),
			Some(0)
		);
	});
}

#[test]
fn a_pass_should_rest_when_nothing_is_behind() {
	with_one(|| {
		block_in(START.saturating_add(8));
		let pass = PrunePass::<Test>::get();
		assert_eq!((pass.next.0, pass.behind), (1, false));
		settle(FIRST, START);
		block_in(START.saturating_add(9));
		assert!(PrunePass::<Test>::get().behind);
	});
}
