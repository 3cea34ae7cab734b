//! Invariants over arbitrary histories.

use std::collections::BTreeMap;

use frame_support::weights::Weight;
use frame_system::RawOrigin;
use gridweave_primitives::{microgrid::Terms, Be32, MicrogridId, Period};
use proptest::prelude::*;

use crate::{mock::*, types::PeriodRange, PeriodTerms, Periods, WeightInfo};

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
	/// A block, so many seconds after the last one, whose tasks may use a share of their budgets.
	Block { seconds: u64, percent: u64 },
	/// The operator of a microgrid sets another retail price.
	Terms { microgrid: u32, retail: u64 },
	/// Governance creates a microgrid.
	Create,
	/// Settlement reaches so many periods after the start.
	Settle { microgrid: u32, periods: u32 },
	/// Settlement reaches everything.
	SettleAll,
}

fn step() -> impl Strategy<Value = Step> {
	let seconds = prop_oneof![
		6 => 3u64..2_000,
		2 => 2_000u64..50_000,
		1 => 50_000u64..10_000_000,
		1 => Just(1u64 << 40),
	];
	prop_oneof![
		6 => (seconds, 0u64..=120).prop_map(|(seconds, percent)| Step::Block { seconds, percent }),
		2 => (0u32..5, 80_000u64..1 << 40)
			.prop_map(|(microgrid, retail)| Step::Terms { microgrid, retail }),
		1 => Just(Step::Create),
		2 => (0u32..5, 0u32..3_000)
			.prop_map(|(microgrid, periods)| Step::Settle { microgrid, periods }),
		1 => Just(Step::SettleAll),
	]
}

/// The terms of all periods kept.
fn snapshot() -> BTreeMap<(u32, u32), Terms> {
	PeriodTerms::<Test>::iter()
		.map(|((id, period), terms)| ((id.get(), period.get()), terms))
		.collect()
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

	/// Whatever happens: open terms never change, no block does more than its budgets allow, periods
	/// are contiguous but for those that could not open in time, first periods never change and are
	/// ordered like microgrids, nothing unsettled is pruned, and nothing panics.
	#[test]
	fn open_terms_should_never_change(steps in proptest::collection::vec(step(), 1..60)) {
		on(chain(vec![(ALICE, terms()), (BOB, terms())]), || {
			let mut now = START_TIME;
			let mut before = BTreeMap::new();
			let mut firsts = BTreeMap::new();
			for step in steps {
				match step {
					Step::Block { seconds, percent } => {
						now = now.saturating_add(seconds);
						let budget = OpenWeight::get().saturating_add(PruneWeight::get());
						let limit = Weight::from_parts(budget.ref_time() / 100 * percent, u64::MAX);
						let ranges = Periods::<Test>::iter().collect::<BTreeMap<_, _>>();
						let used = limited_block_at(now, limit);
						assert!(used.all_lte(limit.min(budget)));
						check_block(&before, &ranges, now, used);
					},
					Step::Terms { microgrid, retail } => {
						let id = MicrogridId(microgrid);
						if let Some(record) = crate::Microgrids::<Test>::get(id) {
							let origin = RuntimeOrigin::signed(record.operator);
							Microgrids::set_terms(origin, id, terms_at(retail)).expect("sound");
						}
					},
					Step::Create => {
						// Fails when there is no more room, which is as good.
						let _ = Microgrids::create_microgrid(RawOrigin::Root.into(), CHARLIE, terms());
					},
					Step::Settle { microgrid, periods } => {
						settle(MicrogridId(microgrid), START.saturating_add(periods));
					},
					Step::SettleAll => SettledBefore::set(BTreeMap::new()),
				}
				let after = snapshot();
				for (key, terms) in &after {
					assert_eq!(before.get(key).unwrap_or(terms), terms, "open terms never change");
				}
				before = after;
				let mut last = Period(0);
				for id in 0..crate::Count::<Test>::get() {
					let Some(range) = Periods::<Test>::get(MicrogridId(id)) else { continue };
					assert_eq!(*firsts.entry(id).or_insert(range.first), range.first);
					assert!(last <= range.first, "no microgrid starts before an older one");
					last = range.first;
				}
			}
		});
	}

	/// With time enough, every microgrid is open up to the horizon and everything else is freed.
	#[test]
	fn everything_should_be_open_and_freed_in_the_end(steps in proptest::collection::vec(step(), 1..30)) {
		on(chain(vec![(ALICE, terms()), (BOB, terms())]), || {
			let mut now = START_TIME;
			// Who has not started when the numbers of periods are used up never will.
			let end = clock().start_of(Period(u32::MAX - 1));
			for step in steps {
				if let Step::Block { seconds, percent } = step {
					now = now.saturating_add(seconds).min(end);
					let limit = OpenWeight::get().saturating_mul(percent) / 100;
					settle(SECOND, START.saturating_add(10));
					limited_block_at(now, Weight::from_parts(limit.ref_time(), u64::MAX));
				}
			}
			SettledBefore::set(BTreeMap::new());
			let mut blocks = 0;
			let (current, oldest) = (clock().period_at(now), clock().expired_before(now));
			let last = current.saturating_add(HORIZON).min(Period(u32::MAX - 1));
			let done = |id| {
				let range = Periods::<Test>::get(id);
				range.is_some_and(|range| range.until > last && range.from >= oldest)
			};
			while !(done(FIRST) && done(SECOND)) {
				block_at(now);
				blocks += 1;
				assert!(blocks < 2_000, "opening and pruning make progress");
			}
			for id in [FIRST, SECOND] {
				let range = Periods::<Test>::get(id).expect("has started");
				assert_eq!(kept(id), span(range.from, last));
				assert_eq!(range.skipped, 0);
			}
		});
	}
}

/// What a block may have done, given the periods and ranges before it.
fn check_block(
	before: &BTreeMap<(u32, u32), Terms>,
	ranges: &BTreeMap<MicrogridId, PeriodRange>,
	now: u64,
	used: Weight,
) {
	let after = snapshot();
	let opened = after.keys().filter(|key| !before.contains_key(key)).count() as u64;
	let pruned = before
		.keys()
		.filter(|key| !after.contains_key(key))
		.copied()
		.collect::<Vec<_>>();
	let least = <()>::open_period() * opened + <()>::prune_period() * pruned.len() as u64;
	assert!(least.all_lte(used), "work is paid for");
	for (id, period) in pruned {
		let settled = SettledBefore::get().get(&MicrogridId(id)).copied();
		assert!(
			settled.is_none_or(|settled| Period(period) < settled),
			"nothing unsettled goes"
		);
		assert!(
			now >= clock().expires_at(Period(period)),
			"nothing goes before its retention ends"
		);
	}
	for (id, range) in Periods::<Test>::iter() {
		// Opening goes on where it ended, or with the oldest period worth opening.
		let Some(old) = ranges.get(&id) else { continue };
		assert!(old.until <= range.until && old.from <= range.from);
		let resumed = old.until.max(clock().expired_before(now));
		for period in (resumed.0.max(range.from.0))..range.until.0 {
			let key = (Be32::from(id), Be32::from(period));
			assert!(
				PeriodTerms::<Test>::contains_key(key),
				"periods open one after the other"
			);
		}
	}
}
