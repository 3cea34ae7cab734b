//! Work over many blocks: nothing is skipped, nothing depends on how it is cut.

use frame_support::{assert_ok, weights::Weight};
use gridweave_primitives::{
	microgrid::ResidualRule,
	traits::{SettlementClock, SettlementProgress},
	Balance, Be32, MeterId, MicrogridId, Period, WattHours,
};
use proptest::prelude::*;
use sp_runtime::Permill;

use crate::{mock::*, types::Progress, Current, Event, Statements, Summaries};

/// What is left when everything is settled.
fn state() -> impl PartialEq + core::fmt::Debug {
	fn sorted<V: Ord>(values: impl Iterator<Item = V>) -> Vec<V> {
		let mut values: Vec<_> = values.collect();
		values.sort();
		values
	}
	let key = |value: &dyn core::fmt::Debug| format!("{value:?}");
	(
		sorted(Settlement::members().map(|entry| key(&entry))),
		sorted(crate::Arrears::<Test>::iter()),
		sorted(crate::Claims::<Test>::iter().map(|entry| key(&entry))),
		sorted(crate::Funds::<Test>::iter()),
		sorted(Statements::<Test>::iter().map(|entry| key(&entry))),
		sorted(Summaries::<Test>::iter().map(|entry| key(&entry))),
		sorted(crate::Totals::<Test>::iter().map(|entry| key(&entry))),
	)
}

/// The least budget the runtime's test allows.
pub(super) fn tiny() -> Weight {
	Settlement::least_budget()
}

/// A random community: what members have, what meters meter and trade.
#[derive(Clone, Debug)]
struct Plan {
	spread: u32,
	operator: u128,
	/// Balance, import, export, and whether the meter meters at all; 40 meters on two pages.
	members: Vec<(u128, u64, u64, bool)>,
	/// Seller, buyer, energy, price.
	trades: Vec<(u32, u32, u64, u64)>,
}

const METERS: u32 = 40;

fn plan() -> impl Strategy<Value = Plan> {
	let money = || prop_oneof![Just(0u128), MIN_TOP_UP..2_000_000_000_000];
	let energy = || prop_oneof![1 => Just(0u64), 2 => 0..3_000u64];
	let member = (money(), energy(), energy(), prop::bool::weighted(0.9));
	let trade = (0..METERS, 0..METERS, 1..2_000u64, 1..500_000u64);
	(
		0u32..=1_000_000,
		money(),
		prop::collection::vec(member, METERS as usize),
		prop::collection::vec(trade, 0..60),
	)
		.prop_map(|(spread, operator, members, trades)| Plan {
			spread,
			operator,
			members,
			trades,
		})
}

/// Plays a plan over two periods and settles both.
fn play(plan: &Plan, budget: Weight) {
	SettleWeight::set(budget);
	let spread = Permill::from_parts(plan.spread);
	world(|world| world.residual = ResidualRule::Pool { spread });
	let top_up = |who, amount: Balance| {
		if amount > 0 {
			assert_ok!(Settlement::top_up(RuntimeOrigin::signed(who), amount));
		}
	};
	top_up(OPERATORS[0], plan.operator);
	for (id, (money, import, export, meters)) in (0..).zip(&plan.members) {
		// Every fourth account owns two meters.
		let who = u64::from(id - u32::from(id % 4 == 3)) + 1;
		add_meter(id, who);
		top_up(who, *money);
		if *meters {
			metered(PERIOD, id, *import, *export);
			metered(PERIOD.next(), id, *export, *import);
		}
	}
	for (at, (seller, buyer, energy, price)) in plan.trades.iter().enumerate() {
		if seller != buyer {
			trade(
				PERIOD.saturating_add(at as u32 % 2),
				*seller,
				*buyer,
				*energy,
				*price,
			);
		}
	}
	settle(PERIOD);
	settle(PERIOD.next());
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	/// Whatever happens: `run` checks all invariants, the clearing house's balance and the money supply,
	/// `settle` the invariants between blocks.
	#[test]
	fn any_community_should_be_settled_alike_whatever_the_budget(plan in plan()) {
		let mut states = Vec::new();
		for budget in [Weight::MAX, tiny()] {
			run(|| {
				play(&plan, budget);
				for period in [PERIOD, PERIOD.next()] {
					let sums = Settlement::summary(HOME, period);
					let bills: i128 = (0..METERS)
						.filter_map(|id| Settlement::statement(MeterId(id), period))
						.map(|bill| bill.amount)
						.sum();
					assert_eq!(sums.map_or(0, |sums| sums.members), bills);
				}
				assert!(Settlement::locked_by_positions().is_empty());
				assert!(Settlement::members().all(|(_, member)| member.locked == 0));
				states.push(state());
			});
		}
		prop_assert_eq!(&states[0], &states[1]);
	}
}

#[test]
fn period_should_be_settled_when_it_is_frozen_and_not_before() {
	run(|| {
		add_meter(0, 1);
		metered(PERIOD, 0, 100, 0);
		world(|world| world.now = world.clock.freezes_at(PERIOD) - 1);
		poll();
		assert_eq!(Settlement::settled_before(HOME), PERIOD);
		assert_eq!(Settlement::awaiting_settlement(), 0);
		world(|world| world.now += 1);
		assert_eq!(Settlement::awaiting_settlement(), 2);
		poll();
		assert_eq!(Settlement::settled_before(HOME), PERIOD.next());
		assert_eq!(Settlement::awaiting_settlement(), 0);
	});
}

#[test]
fn late_blocks_should_settle_every_period_that_has_frozen_meanwhile() {
	run(|| {
		add_meter(0, 1);
		let last = PERIOD.saturating_add(9);
		for period in PERIOD.0..=last.0 {
			metered(Period(period), 0, 100, 0);
		}
		freeze(last);
		poll();
		assert_eq!(Settlement::settled_before(HOME), last.next());
		let settled: Vec<_> = events()
			.into_iter()
			.filter_map(|event| match event {
				Event::PeriodSettled { period, .. } => Some(period.0),
				_ => None,
			})
			.collect();
		assert_eq!(settled, (PERIOD.0..=last.0).collect::<Vec<_>>());
	});
}

#[test]
fn empty_periods_should_be_passed_without_a_trace() {
	run(|| {
		let last = PERIOD.saturating_add(5_000);
		assert!(settle(last) <= 3);
		assert_eq!(Settlement::settled_before(HOME), last.next());
		assert_eq!(Settlement::settled_before(MicrogridId(1)), last.next());
		let passed = Progress {
			next: last.next(),
			oldest: last.next(),
		};
		assert_eq!(Settlement::progress(HOME), Some(passed));
		assert!(events().is_empty());
		assert_eq!(Summaries::<Test>::iter().count(), 0);
	});
}

#[test]
fn period_in_which_no_meter_metered_should_leave_no_trace() {
	run(|| {
		add_meter(0, 1);
		settle(PERIOD);
		assert!(events().is_empty());
		assert_eq!(Summaries::<Test>::iter().count(), 0);
	});
}

#[test]
fn communities_should_take_turns() {
	run(|| {
		for period in 0..4 {
			for id in [0, 128] {
				add_meter(id, 1);
				metered(PERIOD.saturating_add(period), id, 100, 0);
			}
		}
		freeze(PERIOD.saturating_add(3));
		SettleWeight::set(tiny());
		while Settlement::awaiting_settlement() > 0 {
			poll();
			let [a, b] = [0, 1].map(|id| Settlement::settled_before(MicrogridId(id)).0);
			assert!(a.abs_diff(b) <= 1, "{a} {b}");
		}
	});
}

#[test]
fn community_without_periods_should_wait_for_its_first() {
	run(|| {
		world(|world| world.first = None);
		add_meter(0, 1);
		freeze(PERIOD);
		poll();
		assert_eq!(Settlement::progress(HOME), None);
		// Nothing is left to settle of periods that never were.
		assert_eq!(Settlement::settled_before(HOME), World::current());
		let first = PERIOD.saturating_add(3);
		world(|world| world.first = Some(first));
		metered(first, 0, 100, 0);
		settle(first);
		assert_eq!(
			Settlement::progress(HOME),
			Some(Progress {
				next: first.next(),
				oldest: first
			})
		);
	});
}

#[test]
fn period_that_never_opened_should_be_settled_by_the_next_terms() {
	run(|| {
		add_meter(0, 1);
		metered(PERIOD, 0, 100, 0);
		world(|world| world.gaps.extend([PERIOD.0, PERIOD.0 + 1]));
		settle(PERIOD.next());
		let bill = Settlement::statement(MeterId(0), PERIOD).expect("billed");
		assert_eq!(bill.amount, -30_000_000_000);
	});
}

#[test]
fn period_should_wait_for_terms_that_are_still_to_come() {
	run(|| {
		add_meter(0, 1);
		metered(PERIOD, 0, 100, 0);
		world(|world| world.terms_from = u32::MAX);
		freeze(PERIOD);
		poll();
		assert_eq!(Settlement::settled_before(HOME), PERIOD);
		world(|world| world.terms_from = 0);
		poll();
		assert_eq!(Settlement::settled_before(HOME), PERIOD.next());
	});
}

#[test]
fn statements_should_be_pruned_after_the_retention() {
	run(|| {
		for id in [0, 40] {
			add_meter(id, 1);
			metered(PERIOD, id, 100, 0);
			metered(PERIOD.next(), id, 100, 0);
		}
		settle(PERIOD.next());
		assert_eq!(Settlement::statements(MeterId(0)).len(), 2);
		let retention = u64::from(world(|world| {
			world.clock.retention * world.clock.period_length
		}));
		world(|world| world.now = world.clock.freezes_at(PERIOD) + retention - 1);
		poll();
		assert!(Settlement::statement(MeterId(0), PERIOD).is_some());
		events();
		world(|world| world.now += 1);
		SettleWeight::set(tiny());
		poll();
		assert_eq!(Settlement::statement(MeterId(0), PERIOD), None);
		assert_eq!(Settlement::summary(HOME, PERIOD), None);
		assert_eq!(
			Statements::<Test>::iter_prefix((Be32::from(HOME), Be32::from(PERIOD))).count(),
			0
		);
		assert!(events().contains(&Event::StatementsPruned {
			microgrid: HOME,
			period: PERIOD
		}));
		assert_eq!(Settlement::statements(MeterId(0)).len(), 1);
		// Totals stay.
		assert_eq!(Settlement::totals(MeterId(40)).import, WattHours(200));
		freeze(PERIOD.saturating_add(20));
		for _ in 0..50 {
			poll();
		}
		assert_eq!(
			(
				Statements::<Test>::iter().count(),
				Summaries::<Test>::iter().count()
			),
			(0, 0)
		);
	});
}

#[test]
fn member_may_use_its_money_while_a_settlement_is_under_way() {
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
		poll();
		assert!(Current::<Test>::exists());
		assert_ok!(Settlement::withdraw(
			RuntimeOrigin::signed(1),
			10_000_000_000_000
		));
		settle(PERIOD);
		assert_eq!(Settlement::account(&1).arrears, 128 * 30_000_000_000);
	});
}

#[test]
fn claims_without_money_should_not_hold_up_settlement() {
	run(|| {
		// Both operators owe, and have nothing.
		for id in [0, 128] {
			add_meter(id, 1);
			metered(PERIOD, id, 0, 100);
			metered(PERIOD.next(), id, 0, 100);
		}
		SettleWeight::set(tiny());
		settle(PERIOD);
		assert!(settle(PERIOD.next()) < 10);
	});
}

#[test]
fn look_should_rest_until_something_is_due() {
	run(|| {
		add_meter(0, 1);
		metered(PERIOD, 0, 100, 0);
		settle(PERIOD);
		poll();
		assert_eq!(
			crate::IdleUntil::<Test>::get(),
			world(|w| w.clock.freezes_at(PERIOD.next()))
		);
		assert_eq!(poll(), Settlement::poll_weight());
	});
}
