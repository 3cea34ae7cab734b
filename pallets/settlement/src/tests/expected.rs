//! Expected prices: what is learnt from settled periods, and what is told of coming ones.

use gridweave_primitives::{
	market::Interest,
	meter::Provenance,
	microgrid::{ResidualRule, Terms},
	Be32, MeterId, Period, Price, WattHours,
};
use proptest::prelude::*;
use sp_runtime::Permill;

use crate::{
	expected::{expect, flow, residual, ExpectedPrice, Flow, Recent, Usual},
	mock::*,
	pool::Pair,
	split::Split,
	types::PeriodSummary,
	Profiles,
};

const POOL: ResidualRule = ResidualRule::Pool {
	spread: Permill::zero(),
};

fn flows(surplus: u64, need: u64) -> Flow {
	Flow {
		surplus: WattHours(surplus),
		need: WattHours(need),
	}
}

fn usual(surplus: u64, need: u64, days: u32) -> Usual {
	Usual {
		flow: flows(surplus, need),
		days,
	}
}

fn orders(asks: u64, bids: u64, sold: u64, bought: u64) -> Interest {
	Interest {
		asks: WattHours(asks),
		bids: WattHours(bids),
		sold: WattHours(sold),
		bought: WattHours(bought),
		..Interest::default()
	}
}

#[test]
fn first_days_should_count_alike_and_later_ones_a_quarter() {
	let mut learnt = Usual::default();
	for (surplus, mean) in [(100, 100), (200, 150), (300, 200), (400, 250), (650, 350)] {
		learnt = learnt.after(flows(surplus, 2 * surplus));
		assert_eq!(learnt.flow, flows(mean, 2 * mean), "day {}", learnt.days);
	}
	assert_eq!(learnt.days, 5);
	// 2.5 is rounded up.
	assert_eq!(usual(2, 0, 1).after(flows(3, 0)).flow.surplus, WattHours(3));
}

#[test]
fn silence_should_teach_nothing() {
	let sums = |meters, estimated| PeriodSummary {
		meters,
		estimated,
		surplus: WattHours(5),
		delivered: WattHours(10),
		need: WattHours(7),
		consumed: WattHours(20),
		..PeriodSummary::default()
	};
	assert_eq!(Flow::of(&sums(4, 0)), Some(flows(15, 27)));
	assert_eq!(Flow::of(&sums(4, 2)), Some(flows(15, 27)));
	assert_eq!(Flow::of(&sums(4, 3)), None);
	assert_eq!(Flow::of(&sums(0, 0)), None);
}

#[test]
fn today_should_scale_what_is_usual_by_a_fifth_at_most() {
	let mut recent = Recent::default();
	recent.add(flows(50, 220), flows(100, 100));
	recent.add(flows(40, 220), flows(100, 300));
	let known = Some(usual(1_000, 1_000, 3));
	// 90 of 200: at least four fifths. 440 of 400: a tenth more.
	assert_eq!(flow(known, &recent, true), (flows(800, 1_100), 3));
	// Tomorrow is another day.
	assert_eq!(flow(known, &recent, false), (flows(1_000, 1_000), 3));
	// Nothing is usual: there is no ratio.
	let mut night = Recent::default();
	night.add(flows(70, 500), flows(0, 100));
	assert_eq!(flow(known, &night, true), (flows(1_000, 1_200), 3));
	// No history of this time of day: as it was lately.
	assert_eq!(flow(None, &recent, true), (flows(45, 220), 0));
	assert_eq!(flow(None, &Recent::default(), true), (flows(0, 0), 0));
}

#[test]
fn orders_should_shift_what_is_expected() {
	let usual = flows(1_000, 2_000);
	for (orders, expected) in [
		(orders(0, 0, 0, 0), (1_000, 2_000)),
		// What is traded leaves the residual.
		(orders(0, 0, 300, 300), (700, 1_700)),
		(orders(0, 0, 1_500, 2_500), (0, 0)),
		// Who offers what is not usual means to have it.
		(orders(400, 0, 800, 800), (400, 1_200)),
		(orders(0, 3_000, 0, 0), (1_000, 3_000)),
		// Who offers part of what is usual changes nothing.
		(orders(400, 500, 0, 0), (1_000, 2_000)),
	] {
		assert_eq!(
			residual(usual, &orders),
			flows(expected.0, expected.1),
			"{orders:?}"
		);
	}
}

#[test]
fn expected_prices_should_follow_the_residual_rule() {
	let told = |rule, surplus, need| {
		let flow = (flows(surplus, need), 2);
		let told = expect(PERIOD, &terms(rule), flow, &Interest::default());
		(told.ratio, told.prices.sell.0, told.prices.buy.0)
	};
	let (retail, feed_in) = (RETAIL.0, FEED_IN.0);
	assert_eq!(
		told(ResidualRule::Tariff, 1_000, 2_000),
		(Some(500_000), feed_in, retail)
	);
	// Ps = 0.08 × 0.3 / (0.22 × 0.5 + 0.08), Pb = Ps / 2 + 0.15.
	assert_eq!(told(POOL, 1_000, 2_000), (Some(500_000), 126_315, 213_158));
	assert_eq!(
		told(POOL, 2_000, 1_000),
		(Some(2_000_000), feed_in, feed_in)
	);
	assert_eq!(told(POOL, 0, 3), (Some(0), retail, retail));
	assert_eq!(told(POOL, 5, 0), (None, feed_in, feed_in));
	assert_eq!(told(POOL, 0, 0), (None, feed_in, retail));
	assert_eq!(told(POOL, u64::MAX, 1).0, Some(u32::MAX));
}

/// What microgrid 0 expects of a period; nothing if it is not open.
fn told(period: Period) -> Option<ExpectedPrice> {
	let told = Settlement::expected_prices(HOME, period, 1);
	told.into_iter().find(|told| told.period == period)
}

/// Meter 0 feeds in 300 Wh of 500 Wh that it sold to meter 1, which takes 800 Wh.
fn settle_a_period(period: Period) {
	for (meter, who) in [(0, 1), (1, 2)] {
		add_meter(meter, who);
	}
	trade(period, 0, 1, 500, 200_000);
	metered(period, 0, 0, 300);
	metered(period, 1, 800, 0);
	settle(period);
}

#[test]
fn settled_period_should_be_expected_again_tomorrow() {
	run(|| {
		world(|world| world.residual = POOL);
		assert_eq!(Settlement::usual(HOME, PERIOD), None);
		settle_a_period(PERIOD);
		let learnt = usual(300, 800, 1);
		assert_eq!(Settlement::usual(HOME, PERIOD), Some(learnt));
		let tomorrow = PERIOD.saturating_add(96);
		assert_eq!(Settlement::usual(HOME, tomorrow), Some(learnt));

		let expected = told(tomorrow).expect("it is open");
		assert_eq!(
			(
				expected.surplus,
				expected.need,
				expected.ratio,
				expected.days
			),
			(WattHours(300), WattHours(800), Some(375_000), 1)
		);
		// Other times of the day were never settled: as it was lately.
		let next = told(PERIOD.saturating_add(3)).expect("it is open");
		assert_eq!(
			(next.surplus, next.need, next.days),
			(WattHours(300), WattHours(800), 0)
		);
		// Orders shift it, and are told.
		let book = Interest {
			best_bid: Some(Price(90_000)),
			best_ask: Some(Price(100_000)),
			..orders(400, 10, 200, 200)
		};
		world(|world| world.interest.insert(tomorrow, book));
		let expected = told(tomorrow).expect("it is open");
		assert_eq!(
			(expected.surplus, expected.need, expected.ratio),
			(WattHours(400), WattHours(600), Some(666_666))
		);
		assert_eq!(
			(expected.best_bid, expected.best_ask),
			(Some(Price(90_000)), Some(Price(100_000)))
		);
		assert!(expected.prices.sell > FEED_IN && expected.prices.buy < RETAIL);

		// The next day is settled as well.
		metered(tomorrow, 0, 0, 500);
		settle(tomorrow);
		assert_eq!(Settlement::usual(HOME, tomorrow), Some(usual(400, 400, 2)));
		assert_eq!(Profiles::<Test>::iter().count(), 1);
	});
}

#[test]
fn estimated_period_should_not_be_learnt() {
	run(|| {
		add_meter(0, 1);
		metered(PERIOD, 0, 700, 0);
		world(|world| {
			let metered = world.energy.get_mut(&(PERIOD, MeterId(0)));
			metered.expect("written").provenance = Provenance::Estimated;
		});
		settle(PERIOD);
		assert_eq!(Settlement::usual(HOME, PERIOD), None);
		let next = told(PERIOD.saturating_add(3)).expect("it is open");
		assert_eq!((next.need, next.days), (WattHours(0), 0));
	});
}

#[test]
fn only_open_periods_should_be_told_from_now_on() {
	run(|| {
		let now = PERIOD.saturating_sub(1);
		let periods = |from: u32, count| -> Vec<u32> {
			let told = Settlement::expected_prices(HOME, Period(from), count);
			told.iter().map(|told| told.period.0).collect()
		};
		// The first period opens after the current one, which has no terms.
		assert_eq!(periods(0, 4), [10, 11, 12]);
		assert_eq!(periods(20, 2), [20, 21]);
		assert_eq!(periods(10, u32::MAX).len(), 96);
		let last = now.saturating_add(96).0;
		assert_eq!(periods(last - 1, 96), [last - 1, last]);
		assert!(periods(u32::MAX, 96).is_empty());
		assert!(periods(10, 0).is_empty());
		world(|world| world.gaps.insert(11));
		assert_eq!(periods(10, 3), [10, 12]);
	});
}

#[test]
fn positions_of_a_meter_should_be_told_until_they_are_settled() {
	run(|| {
		for (meter, who) in [(0, 1), (1, 2)] {
			add_meter(meter, who);
		}
		let later = PERIOD.saturating_add(40);
		trade(later, 0, 1, 200, 100_000);
		trade(PERIOD, 0, 1, 500, 200_000);
		let periods = |meter| -> Vec<(Period, WattHours)> {
			let told = Settlement::positions_of(MeterId(meter));
			let sold = |(period, position): (_, crate::types::Position<u64>)| {
				(period, position.contracts.sold)
			};
			told.into_iter().map(sold).collect()
		};
		assert_eq!(
			periods(0),
			[(PERIOD, WattHours(500)), (later, WattHours(200))]
		);
		assert_eq!(periods(1).len(), 2);
		assert!(periods(2).is_empty());
		settle(PERIOD);
		assert_eq!(periods(0), [(later, WattHours(200))]);
	});
}

#[test]
#[should_panic(expected = "a profile that was learnt from nothing")]
fn empty_profile_should_break_an_invariant() {
	run(|| {
		let key = (Be32::from(HOME), Be32::from(3));
		Profiles::<Test>::insert(key, Usual::default());
	});
}

fn any_flow(most: u64) -> impl Strategy<Value = Flow> {
	(0..=most, 0..=most).prop_map(|(surplus, need)| flows(surplus, need))
}

fn any_orders(most: u64) -> impl Strategy<Value = Interest> {
	(0..=most, 0..=most, 0..=most, 0..=most)
		.prop_map(|(asks, bids, sold, bought)| orders(asks, bids, sold, bought))
}

proptest! {
	/// What is learnt lies between what was known and what is new, and comes to what does not change.
	#[test]
	fn learning_should_move_towards_what_is_new(
		old in any_flow(u64::MAX), new in any_flow(u64::MAX), days in 1u32..100,
	) {
		let known = Usual { flow: old, days };
		let learnt = known.after(new);
		prop_assert_eq!(learnt.days, days + 1);
		for (old, new, now) in [
			(old.surplus, new.surplus, learnt.flow.surplus),
			(old.need, new.need, learnt.flow.need),
		] {
			prop_assert!(now >= old.min(new) && now <= old.max(new));
		}
		let settled = (0..300).fold(known, |known, _| known.after(new)).flow;
		prop_assert!(settled.surplus.0.abs_diff(new.surplus.0) <= 2);
		prop_assert!(settled.need.0.abs_diff(new.need.0) <= 2);
	}

	/// Today changes what is usual by at most a fifth.
	#[test]
	fn adjustment_should_keep_its_bounds(
		known in any_flow(u64::MAX / 2), metered in any_flow(u64::MAX), of in any_flow(u64::MAX),
	) {
		let mut recent = Recent::default();
		recent.add(metered, of);
		let (today, _) = flow(Some(Usual { flow: known, days: 1 }), &recent, true);
		for (usual, now) in [(known.surplus.0, today.surplus.0), (known.need.0, today.need.0)] {
			prop_assert!(now >= usual - usual / 5 && now <= usual + usual / 5);
		}
	}

	/// If tomorrow is as usual, and all that is traded is delivered and taken, what is expected comes true.
	#[test]
	fn what_is_usual_should_be_expected_exactly(
		sellers in proptest::collection::vec((0u64..1 << 32, 0u64..1 << 32), 0..8),
		buyers in proptest::collection::vec((0u64..1 << 32, 0u64..1 << 32), 0..8),
	) {
		let (mut known, mut left, mut book) = (Flow::default(), Flow::default(), Interest::default());
		let mut meter = |sold, bought, import, export| {
			let [sold, bought] = [WattHours(sold), WattHours(bought)];
			let split = Split::of(sold, bought, WattHours(import), WattHours(export));
			let rest = Flow { surplus: split.surplus, need: split.need };
			let traded = Flow { surplus: split.delivered, need: split.consumed };
			left = left.plus(rest);
			known = known.plus(rest).plus(traded);
			book.sold = book.sold.saturating_add(sold);
			book.bought = book.bought.saturating_add(bought);
		};
		for (sold, more) in sellers {
			meter(sold, 0, 0, sold + more);
		}
		for (bought, more) in buyers {
			meter(0, bought, bought + more, 0);
		}
		prop_assert_eq!(residual(known, &book), left);
	}

	/// Prices lie within the tariff; more on offer never makes surplus dearer, more bids never cheaper.
	#[test]
	fn expected_prices_should_lie_within_the_tariff(
		feed_in in 1u64..1 << 40, more in 0u64..1 << 40, parts in 0u32..=1_000_000,
		flow in any_flow(1 << 50), book in any_orders(1 << 50), extra in 0u64..1 << 50,
	) {
		let rule = ResidualRule::Pool { spread: Permill::from_parts(parts) };
		let terms = Terms {
			feed_in_price: Price(feed_in),
			retail_price: Price(feed_in + more),
			..terms(rule)
		};
		let told = |book: &Interest| expect(PERIOD, &terms, (flow, 1), book);
		let ExpectedPrice { prices: Pair { sell, buy }, ratio, .. } = told(&book);
		prop_assert!(terms.feed_in_price <= sell && sell <= buy && buy <= terms.retail_price);
		let asks = book.asks.saturating_add(WattHours(extra));
		let offered = told(&Interest { asks, ..book });
		prop_assert!(offered.prices.sell <= sell && offered.ratio >= ratio);
		let bids = book.bids.saturating_add(WattHours(extra));
		let wanted = told(&Interest { bids, ..book });
		prop_assert!(ratio.is_none() || wanted.ratio <= ratio);
	}
}
