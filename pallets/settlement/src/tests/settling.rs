//! A period from trades and readings to money, computed by hand. 1 kWh at 0.300 is 300 × 10⁹ planck.

use frame_support::assert_ok;
use gridweave_primitives::{
	meter::{MeterState, MeteredPeriod, Provenance},
	microgrid::ResidualRule,
	traits::{OnMeterRetired, SettlementProgress},
	MeterId, Price, WattHours,
};
use sp_runtime::Permill;

use crate::{
	mock::*,
	types::{MeterTotals, Position},
	Event,
};

/// 10⁹ planck.
const G: u128 = 1_000_000_000;

/// Owners 1, 2 and 3 of meters 0, 1 and 2, and the operator, with 1000 × 10⁹ planck each.
fn community() {
	for (meter, who) in [(0, 1), (1, 2), (2, 3)] {
		add_meter(meter, who);
	}
	for who in [1, 2, 3, OPERATORS[0]] {
		assert_ok!(Settlement::top_up(RuntimeOrigin::signed(who), 1_000 * G));
	}
}

#[test]
fn tariff_period_should_be_settled_to_the_planck() {
	run(|| {
		community();
		trade(PERIOD, 0, 1, 500, 200_000);
		metered(PERIOD, 0, 0, 300);
		metered(PERIOD, 1, 800, 0);
		metered(PERIOD, 2, 100, 0);
		events();
		assert_eq!(settle(PERIOD), 1);

		// Sold 500 Wh at 0.2, fee 0.001; 200 Wh short at 0.3.
		assert_eq!(balance(1), 1_000 * G + 39_500_000_000);
		// Bought 500 Wh, took 300 Wh more at 0.3.
		assert_eq!(balance(2), 1_000 * G - 190_500_000_000);
		assert_eq!(balance(3), 1_000 * G - 30 * G);
		assert_eq!(balance(OPERATORS[0]), 1_000 * G + 181 * G);
		assert_eq!((locked(1), locked(2)), (0, 0));
		assert_eq!(
			Settlement::position_of(MeterId(0), PERIOD),
			None::<Position<u64>>
		);
		assert_eq!(Settlement::settled_before(HOME), PERIOD.next());

		let events = events();
		let Some(Event::PeriodSettled {
			microgrid,
			period,
			summary,
		}) = events.last()
		else {
			panic!("{events:?}")
		};
		assert_eq!((*microgrid, *period, summary.meters), (HOME, PERIOD, 3));
		assert_eq!(
			(summary.import, summary.export),
			(WattHours(900), WattHours(300))
		);
		assert_eq!(
			(summary.contracted, summary.trade_value),
			(WattHours(500), 100 * G)
		);
		assert_eq!(
			(summary.shortfall, summary.excess),
			(WattHours(200), WattHours(0))
		);
		assert_eq!(
			(summary.surplus, summary.need),
			(WattHours(0), WattHours(400))
		);
		assert_eq!(summary.fees, G);
		assert_eq!(
			(summary.members, summary.operator, summary.fund),
			(-181_000_000_000, 181_000_000_000, 0)
		);
		assert_eq!(Settlement::summary(HOME, PERIOD).as_ref(), Some(summary));
		let issued = events
			.iter()
			.filter(|e| matches!(e, Event::StatementIssued { .. }))
			.count();
		assert_eq!((issued, events.len()), (3, 4));
	});
}

#[test]
fn statement_should_show_the_whole_bill() {
	run(|| {
		community();
		trade(PERIOD, 0, 1, 500, 200_000);
		metered(PERIOD, 0, 0, 300);
		metered(PERIOD, 1, 800, 0);
		world(|world| {
			let of = |import| MeteredPeriod {
				import: WattHours(import),
				export: WattHours(0),
				provenance: Provenance::Estimated,
			};
			world.energy.insert((PERIOD, MeterId(2)), of(100))
		});
		settle(PERIOD);
		let bill = Settlement::statement(MeterId(1), PERIOD).expect("issued");
		assert_eq!(
			(bill.account, bill.provenance),
			(2, Some(Provenance::Measured))
		);
		assert_eq!((bill.import, bill.export), (WattHours(800), WattHours(0)));
		assert_eq!(bill.contracts.bought, WattHours(500));
		assert_eq!(
			(bill.contracts.payable, bill.contracts.fee),
			(100 * G, 500_000_000)
		);
		assert_eq!(
			(bill.split.consumed, bill.split.need),
			(WattHours(500), WattHours(300))
		);
		assert_eq!((bill.prices.retail, bill.prices.feed_in), (RETAIL, FEED_IN));
		assert_eq!(bill.prices.residual.members.buy, RETAIL);
		assert_eq!(bill.amount, -190_500_000_000);
		let estimated = Settlement::statement(MeterId(2), PERIOD).expect("issued");
		assert_eq!(estimated.provenance, Some(Provenance::Estimated));
		assert_eq!(
			Settlement::summary(HOME, PERIOD).expect("kept").estimated,
			1
		);
		assert_eq!(Settlement::statement(MeterId(3), PERIOD), None);
		assert_eq!(Settlement::statements(MeterId(1)), [(PERIOD, bill)]);
	});
}

#[test]
fn pool_period_should_be_settled_to_the_planck() {
	run(|| {
		community();
		world(|world| {
			world.residual = ResidualRule::Pool {
				spread: Permill::zero(),
			}
		});
		metered(PERIOD, 0, 0, 500);
		metered(PERIOD, 1, 600, 0);
		metered(PERIOD, 2, 400, 0);
		settle(PERIOD);
		// Ps 0.126315, Pb 0.213158.
		assert_eq!(balance(1), 1_000 * G + 63_157_500_000);
		assert_eq!(balance(2), 1_000 * G - 127_894_800_000);
		assert_eq!(balance(3), 1_000 * G - 85_263_200_000);
		// 500 Wh of the grid at 0.3, and the rounding.
		assert_eq!(balance(OPERATORS[0]), 1_000 * G + 150_000_500_000);
		assert_eq!(Settlement::fund(HOME), 0);
	});
}

#[test]
fn spread_should_fill_the_communitys_fund() {
	run(|| {
		community();
		let spread = Permill::from_percent(50);
		world(|world| world.residual = ResidualRule::Pool { spread });
		metered(PERIOD, 0, 0, 500);
		metered(PERIOD, 1, 600, 0);
		metered(PERIOD, 2, 400, 0);
		settle(PERIOD);
		assert_eq!(Settlement::fund(HOME), 55 * G);
		assert_eq!(balance(OPERATORS[0]), 1_000 * G + 150_000_500_000);
		let summary = Settlement::summary(HOME, PERIOD).expect("kept");
		assert_eq!(summary.fund, 55 * G);
		assert_eq!(summary.prices.residual.members.sell, Price(103_157));
	});
}

#[test]
fn trades_without_any_metered_energy_should_settle_as_shortfall_and_excess() {
	run(|| {
		community();
		trade(PERIOD, 0, 1, 500, 200_000);
		// Only meter 2 metered anything.
		metered(PERIOD, 2, 100, 0);
		settle(PERIOD);
		// 100 − 150 − 0.5, and −100 + 40 − 0.5.
		assert_eq!(balance(1), 1_000 * G - 50_500_000_000);
		assert_eq!(balance(2), 1_000 * G - 60_500_000_000);
		assert_eq!(balance(OPERATORS[0]), 1_000 * G + 141 * G);
		assert_eq!((locked(1), locked(2)), (0, 0));
		let bill = Settlement::statement(MeterId(0), PERIOD).expect("issued");
		assert_eq!(
			(bill.provenance, bill.split.shortfall),
			(None, WattHours(500))
		);
		assert_eq!(Settlement::summary(HOME, PERIOD).expect("kept").meters, 3);
	});
}

#[test]
fn locks_of_other_orders_should_not_pay_a_bill() {
	run(|| {
		add_meter(0, 1);
		add_meter(1, 2);
		metered(PERIOD, 1, 1_000, 0);
		// All that member 2 has is the margin of a later period, and 7 planck.
		trade(PERIOD.next(), 0, 1, 500, 200_000);
		assert_ok!(Settlement::top_up(RuntimeOrigin::signed(2), 7));
		let margin = locked(2);
		settle(PERIOD);
		assert_eq!((balance(2), locked(2)), (margin, margin));
		assert_eq!(Settlement::account(&2).arrears, 300 * G - 7);
		assert_eq!(balance(OPERATORS[0]), 7);
	});
}

#[test]
fn margin_that_becomes_free_should_pay_what_it_kept_from_an_earlier_bill() {
	run(|| {
		// One account with two meters; the sale of the second locks all its money.
		for (meter, who) in [(0, 1), (1, 1), (2, 2)] {
			add_meter(meter, who);
		}
		trade(PERIOD, 1, 2, 500, 100_000);
		assert_eq!((balance(1), locked(1)), (100_500_000_000, 100_500_000_000));
		metered(PERIOD, 0, 400, 0);
		metered(PERIOD, 1, 0, 500);
		metered(PERIOD, 2, 500, 0);
		settle(PERIOD);
		// 120 for what the first took; 50 less the fee for what the second sold.
		assert_eq!(Settlement::account(&1).arrears, 0);
		assert_eq!((balance(1), locked(1)), (30 * G, 0));
		assert_eq!(balance(OPERATORS[0]), 121 * G);
	});
}

#[test]
fn margin_that_becomes_free_should_pay_no_arrears_of_another_community() {
	run(|| {
		for (meter, who) in [(0, 1), (1, 2), (128, 1)] {
			add_meter(meter, who);
		}
		metered(PERIOD, 128, 100, 0);
		trade(PERIOD, 0, 1, 500, 100_000);
		// The other community is settled first.
		crate::Turn::<Test>::put(1);
		metered(PERIOD, 0, 0, 500);
		metered(PERIOD, 1, 500, 0);
		settle(PERIOD);
		assert_eq!(Settlement::account(&1).arrears, 30 * G);
		assert_eq!(balance(1), 150 * G);
	});
}

#[test]
fn operators_own_meter_should_not_move_its_money_in_circles() {
	run(|| {
		let operator = OPERATORS[0];
		add_meter(0, operator);
		add_meter(1, 2);
		assert_ok!(Settlement::top_up(RuntimeOrigin::signed(2), 1_000 * G));
		trade(PERIOD, 0, 1, 500, 200_000);
		let before = balance(operator);
		metered(PERIOD, 0, 0, 500);
		metered(PERIOD, 1, 500, 0);
		metered(PERIOD.next(), 0, 700, 0);
		settle(PERIOD.next());
		// The trade and the buyer's fee; what it takes itself it owes to nobody.
		assert_eq!(balance(operator), before + 100_500_000_000);
		assert_eq!(
			(locked(operator), Settlement::account(&operator).arrears),
			(0, 0)
		);
		assert_eq!(
			Settlement::statement(MeterId(0), PERIOD.next()).map(|bill| bill.amount),
			Some(-210_000_000_000)
		);
	});
}

#[test]
fn energy_of_a_meter_nobody_owns_should_be_the_operators() {
	run(|| {
		community();
		metered(PERIOD, 5, 1_000, 0);
		settle(PERIOD);
		let issued = events().into_iter().find_map(|event| match event {
			Event::StatementIssued { statement, .. } => Some(statement),
			_ => None,
		});
		assert_eq!(issued.expect("issued").account, OPERATORS[0]);
		assert_eq!(balance(OPERATORS[0]), 1_000 * G);
		assert_eq!(Settlement::totals(MeterId(5)), MeterTotals::default());
	});
}

#[test]
fn totals_should_add_up_bills_until_the_meter_is_retired() {
	run(|| {
		community();
		trade(PERIOD, 0, 1, 500, 200_000);
		metered(PERIOD, 0, 0, 300);
		metered(PERIOD, 1, 800, 0);
		metered(PERIOD.next(), 1, 100, 30);
		settle(PERIOD.next());
		let totals = Settlement::totals(MeterId(1));
		assert_eq!(totals.periods, 2);
		assert_eq!(
			(totals.import, totals.export),
			(WattHours(900), WattHours(30))
		);
		assert_eq!(
			(totals.bought, totals.need),
			(WattHours(500), WattHours(370))
		);
		assert_eq!(
			(totals.amount, totals.fees),
			(-211_500_000_000, 500_000_000)
		);
		assert_eq!(Settlement::totals(MeterId(0)).shortfall, WattHours(200));

		events();
		Settlement::on_meter_retired(MeterId(1));
		assert_eq!(
			events(),
			[Event::TotalsClosed {
				meter: MeterId(1),
				totals
			}]
		);
		assert_eq!(Settlement::totals(MeterId(1)), MeterTotals::default());
		// Its last bills come without totals.
		world(|world| {
			world.meters.get_mut(&MeterId(1)).expect("known").state = MeterState::Retired
		});
		metered(PERIOD.saturating_add(2), 1, 100, 0);
		settle(PERIOD.saturating_add(2));
		assert_eq!(Settlement::totals(MeterId(1)), MeterTotals::default());
		Settlement::on_meter_retired(MeterId(1));
		Settlement::on_meter_retired(MeterId(0));
		assert_eq!(crate::Totals::<Test>::iter().count(), 0);
	});
}
