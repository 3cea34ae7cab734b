//! What work takes of a block's budget.

use frame_support::{assert_ok, weights::Weight};
use gridweave_primitives::{traits::SettlementProgress, Be32, MeterId, MicrogridId};

use super::stepping::tiny;
use crate::{mock::*, types::Progress, Statements};

#[test]
fn budget_should_never_be_exceeded() {
	run(|| {
		for id in 0..100 {
			add_meter(id, 1);
			metered(PERIOD, id, 100, 0);
		}
		freeze(PERIOD);
		SettleWeight::set(tiny());
		let mut blocks = 0;
		while Settlement::settled_before(HOME) == PERIOD {
			assert!(poll().all_lte(tiny()));
			blocks += 1;
			assert!(blocks < 100);
		}
		// One for the sums. Nobody pays: four pages of large steps, of which two fit a block.
		assert!(blocks >= 3, "{blocks}");
		assert_eq!(Settlement::summary(HOME, PERIOD).expect("kept").meters, 100);
	});
}

#[test]
fn page_of_bills_should_take_from_the_budget_what_it_took() {
	run(|| {
		for id in 0..128 {
			add_meter(id, 1);
			metered(PERIOD, id, 100, 0);
		}
		assert_ok!(Settlement::top_up(
			RuntimeOrigin::signed(1),
			10_000_000_000_000
		));
		freeze(PERIOD);
		SettleWeight::set(tiny());
		let mut blocks = 0;
		while Settlement::settled_before(HOME) == PERIOD {
			assert!(poll().all_lte(tiny()));
			blocks += 1;
		}
		// One for the sums. If two passes over four pages took the worst they can, of which a block fits
		// two pages, they would need four more.
		assert_eq!(blocks, 3);
		assert_eq!(Settlement::account(&1).arrears, 0);
	});
}

#[test]
fn idle_look_should_take_less_from_the_budget() {
	run(|| {
		poll();
		crate::IdleUntil::<Test>::kill();
		let looks = <() as crate::WeightInfo>::look_idle().saturating_mul(2);
		assert_eq!(poll(), Settlement::poll_weight().saturating_add(looks));
	});
}

#[test]
fn poll_without_weight_should_do_nothing() {
	run(|| {
		add_meter(0, 1);
		metered(PERIOD, 0, 100, 0);
		freeze(PERIOD);
		let mut none = frame_support::weights::WeightMeter::with_limit(Weight::zero());
		Settlement::poll(&mut none);
		assert_eq!(none.consumed(), Weight::zero());
		assert_eq!(Settlement::settled_before(HOME), PERIOD);
	});
}

#[test]
fn pruning_should_go_on_where_the_budget_ended() {
	run(|| {
		for id in (0..128).step_by(32) {
			add_meter(id, 1);
			metered(PERIOD, id, 100, 0);
		}
		settle(PERIOD);
		freeze(PERIOD.saturating_add(4));
		let page = <() as crate::WeightInfo>::prune_page();
		let look = <() as crate::WeightInfo>::look();
		// One look and one page a block.
		SettleWeight::set(
			Settlement::poll_weight()
				.saturating_add(look)
				.saturating_add(page),
		);
		// Microgrid 1 has its empty periods to pass as well.
		let left =
			|| Statements::<Test>::iter_prefix((Be32::from(HOME), Be32::from(PERIOD))).count();
		let mut last = left();
		assert_eq!(last, 4);
		for _ in 0..400 {
			poll();
			assert!(last - left() <= 1);
			last = left();
			assert_ok!(Settlement::do_try_state());
		}
		assert_eq!(last, 0);
		assert_eq!(Settlement::summary(HOME, PERIOD), None);
	});
}

#[test]
fn pruning_should_not_starve_behind_idle_looks() {
	run(|| {
		add_meter(0, 1);
		metered(PERIOD, 0, 100, 0);
		settle(PERIOD);
		world(|world| world.operators = vec![OPERATORS[0]; 40]);
		world(|world| world.now = world.clock.freezes_at(PERIOD.saturating_add(3)));
		for _ in 0..20 {
			poll();
		}
		assert!(Settlement::statement(MeterId(0), PERIOD).is_some());
		world(|world| world.now = world.clock.freezes_at(PERIOD.saturating_add(4)));
		// A budget that 39 idle looks leave too little of to prune anything.
		let look = <() as crate::WeightInfo>::look();
		let idle = <() as crate::WeightInfo>::look_idle().saturating_mul(39);
		let rest = look.saturating_add(Weight::from_parts(1, 1));
		SettleWeight::set(
			Settlement::poll_weight()
				.saturating_add(idle)
				.saturating_add(rest),
		);
		crate::Turn::<Test>::put(1);
		for id in 0..40 {
			let next = PERIOD.saturating_add(5);
			let oldest = if id == 0 { PERIOD } else { next };
			crate::Settled::<Test>::insert(Be32::from(MicrogridId(id)), Progress { next, oldest });
		}
		poll();
		poll();
		assert_eq!(Settlement::statement(MeterId(0), PERIOD), None);
	});
}

#[test]
#[should_panic(expected = "the settlement budget must fit every step")]
fn budget_below_the_largest_step_should_not_pass_the_runtimes_test() {
	use frame_support::traits::Hooks;
	let least = Settlement::least_budget();
	SettleWeight::set(least);
	<Settlement as Hooks<u64>>::integrity_test();
	SettleWeight::set(least.saturating_sub(Weight::from_parts(1, 0)));
	<Settlement as Hooks<u64>>::integrity_test();
}
