//! Energy that a late reading shows to have been different.

use frame_support::assert_ok;
use gridweave_primitives::{
	meter::{Correction, MeterState},
	microgrid::ResidualRule,
	traits::{OnCorrection, OnMeterRetired},
	MeterId, WattHours,
};
use sp_runtime::Permill;

use crate::{mock::*, Event};

const G: u128 = 1_000_000_000;
const OPERATOR: AccountId = OPERATORS[0];

fn correct(import: i64, export: i64) {
	Settlement::on_corrections(MeterId(0), &[(PERIOD, Correction { import, export })]);
}

fn funded() {
	add_meter(0, 1);
	for who in [1, OPERATOR] {
		assert_ok!(Settlement::top_up(RuntimeOrigin::signed(who), 1_000 * G));
	}
}

#[test]
fn more_import_should_cost_retail_and_more_export_earn_feed_in() {
	run(|| {
		funded();
		correct(100, 0);
		assert_eq!((balance(1), balance(OPERATOR)), (970 * G, 1_030 * G));
		correct(0, 100);
		assert_eq!((balance(1), balance(OPERATOR)), (978 * G, 1_022 * G));
		events();
		correct(100, 200);
		let correction = Correction {
			import: 100,
			export: 200,
		};
		assert_eq!(
			events(),
			[Event::CorrectionSettled {
				meter: MeterId(0),
				period: PERIOD,
				account: 1,
				correction,
				amount: -14_000_000_000
			}]
		);
	});
}

#[test]
fn estimate_that_was_too_high_should_be_refunded_at_feed_in() {
	run(|| {
		funded();
		correct(-100, 0);
		assert_eq!((balance(1), balance(OPERATOR)), (1_008 * G, 992 * G));
		correct(0, -200);
		assert_eq!((balance(1), balance(OPERATOR)), (992 * G, 1_008 * G));
		let totals = Settlement::totals(MeterId(0));
		assert_eq!(totals.amount, -8_000_000_000);
		// Totals of energy stop at zero.
		assert_eq!((totals.import, totals.export), (WattHours(0), WattHours(0)));
	});
}

#[test]
fn what_cannot_be_paid_should_be_owed() {
	run(|| {
		add_meter(0, 1);
		correct(-100, 0);
		let account = Settlement::account(&1);
		assert_eq!((account.claims, account.arrears), (8 * G, 0));
		correct(200, 0);
		let account = Settlement::account(&1);
		assert_eq!((account.claims, account.arrears), (0, 52 * G));
	});
}

#[test]
fn silence_should_earn_nothing_where_the_pool_is_cheaper_than_retail() {
	run(|| {
		funded();
		world(|world| {
			world.residual = ResidualRule::Pool {
				spread: Permill::zero(),
			}
		});
		// As much is fed in as the silent meter is taken to use: its estimate costs feed-in.
		add_meter(1, 2);
		metered(PERIOD, 0, 100, 0);
		metered(PERIOD, 1, 0, 100);
		settle(PERIOD);
		assert_eq!(balance(1), 992 * G);
		// It used nothing: it gets back what it paid, and no more.
		correct(-100, 0);
		assert_eq!((balance(1), balance(OPERATOR)), (1_000 * G, 992 * G));
	});
}

#[test]
fn what_calls_weigh_should_be_what_they_are_measured_to() {
	use crate::WeightInfo;
	assert_eq!(
		<Settlement as OnCorrection>::weight(2, 5),
		<() as WeightInfo>::on_corrections(2) + <() as WeightInfo>::correct(5)
			- <() as WeightInfo>::correct(0)
	);
	assert_eq!(
		<Settlement as OnCorrection>::weight(2, 0),
		frame_support::weights::Weight::zero()
	);
	assert_eq!(
		<Settlement as OnMeterRetired>::weight(),
		<() as WeightInfo>::on_meter_retired()
	);
}

#[test]
fn pruned_period_should_be_corrected_at_the_oldest_terms_kept() {
	run(|| {
		funded();
		world(|world| world.terms_from = PERIOD.0 + 3);
		correct(100, 0);
		assert_eq!(balance(1), 970 * G);
	});
}

#[test]
fn corrections_of_several_periods_should_be_priced_one_by_one_and_paid_at_once() {
	run(|| {
		funded();
		let of = |import, export| Correction { import, export };
		// Import too low in one period, too high in another: retail for the one, feed-in for the other.
		events();
		let both = [
			(PERIOD, of(100, 0)),
			(PERIOD.saturating_add(1), of(-100, 0)),
		];
		Settlement::on_corrections(MeterId(0), &both);
		assert_eq!(balance(1), 978 * G);
		let amounts: Vec<_> = events()
			.into_iter()
			.filter_map(|event| match event {
				Event::CorrectionSettled { amount, .. } => Some(amount),
				_ => None,
			})
			.collect();
		assert_eq!(amounts, [-30 * G as i128, 8 * G as i128]);
		let totals = Settlement::totals(MeterId(0));
		assert_eq!((totals.import.0, totals.amount), (0, -22 * G as i128));
	});
}

#[test]
fn correction_should_never_fail() {
	run(|| {
		// No such meter; then no terms at all.
		correct(100, 0);
		funded();
		world(|world| world.first = None);
		correct(100, 0);
		assert_eq!(balance(1), 1_000 * G);
		world(|world| world.first = Some(PERIOD));
		correct(i64::MAX, i64::MIN);
		correct(i64::MIN, i64::MAX);
	});
}

#[test]
fn correction_of_a_retired_meter_should_open_no_totals() {
	run(|| {
		funded();
		world(|world| {
			world.meters.get_mut(&MeterId(0)).expect("known").state = MeterState::Retired
		});
		correct(100, 0);
		assert_eq!(balance(1), 970 * G);
		assert_eq!(crate::Totals::<Test>::iter().count(), 0);
	});
}
