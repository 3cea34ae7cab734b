//! The formulas, by examples computed by hand.

use gridweave_primitives::{
	cost,
	meter::{MeteredPeriod, Provenance},
	microgrid::ResidualRule,
	Price, WattHours,
};
use sp_runtime::Permill;

use crate::{
	bill::{Bill, Contracts, Prices},
	pool::{residual_prices, Pair, ResidualPrices},
	split::Split,
};

fn split(sold: u64, bought: u64, import: u64, export: u64) -> [u64; 6] {
	let split = Split::of(
		WattHours(sold),
		WattHours(bought),
		WattHours(import),
		WattHours(export),
	);
	[
		split.delivered.0,
		split.shortfall.0,
		split.consumed.0,
		split.excess.0,
		split.surplus.0,
		split.need.0,
	]
}

#[test]
fn contracts_should_take_first_what_was_physically_there() {
	// (sold, bought, import, export) → (delivered, shortfall, consumed, excess, surplus, need)
	for (case, expected) in [
		// No contract: all is residual, net of the meter's own other direction.
		((0, 0, 0, 700), [0, 0, 0, 0, 700, 0]),
		((0, 0, 700, 0), [0, 0, 0, 0, 0, 700]),
		((0, 0, 700, 300), [0, 0, 0, 0, 0, 400]),
		// A seller delivers all, more, part, nothing, or takes from the grid instead.
		((500, 0, 0, 500), [500, 0, 0, 0, 0, 0]),
		((500, 0, 0, 800), [500, 0, 0, 0, 300, 0]),
		((500, 0, 0, 200), [200, 300, 0, 0, 0, 0]),
		((500, 0, 0, 0), [0, 500, 0, 0, 0, 0]),
		((500, 0, 250, 0), [0, 500, 0, 0, 0, 250]),
		// A buyer takes all, more, part, nothing, or feeds in instead.
		((0, 500, 500, 0), [0, 0, 500, 0, 0, 0]),
		((0, 500, 800, 0), [0, 0, 500, 0, 0, 300]),
		((0, 500, 200, 0), [0, 0, 200, 300, 0, 0]),
		((0, 500, 0, 0), [0, 0, 0, 500, 0, 0]),
		((0, 500, 0, 250), [0, 0, 0, 500, 250, 0]),
		// Sales and purchases of one meter count net.
		((500, 200, 0, 300), [300, 0, 0, 0, 0, 0]),
		((200, 500, 0, 0), [0, 0, 0, 300, 0, 0]),
		((500, 500, 0, 0), [0, 0, 0, 0, 0, 0]),
	] {
		assert_eq!(split(case.0, case.1, case.2, case.3), expected, "{case:?}");
	}
}

fn pool(spread: u32, surplus: u64, need: u64) -> ResidualPrices {
	residual_prices(
		&ResidualRule::Pool {
			spread: Permill::from_percent(spread),
		},
		Price(300_000),
		Price(80_000),
		WattHours(surplus),
		WattHours(need),
	)
}

fn pair(sell: u64, buy: u64) -> Pair {
	Pair {
		sell: Price(sell),
		buy: Price(buy),
	}
}

#[test]
fn tariff_should_pay_feed_in_and_charge_retail() {
	let prices = residual_prices(
		&ResidualRule::Tariff,
		Price(300_000),
		Price(80_000),
		WattHours(1_000),
		WattHours(10),
	);
	assert_eq!(
		prices,
		ResidualPrices {
			members: pair(80_000, 300_000),
			operator: pair(80_000, 300_000)
		}
	);
}

#[test]
fn pool_prices_should_follow_the_supply_demand_ratio() {
	// SDR ½: Ps = 80·300 / (220·½ + 80) = 24000/190 = 126.315789…; Pb = (126.315789 + 300)/2.
	assert_eq!(pool(0, 500, 1_000).members, pair(126_315, 213_158));
	// SDR 1: Ps = 24000/300 = 80, and Pb = Ps.
	assert_eq!(pool(0, 1_000, 1_000).members, pair(80_000, 80_000));
	// More surplus than need: feed-in.
	assert_eq!(pool(0, 1_001, 1_000).members, pair(80_000, 80_000));
	// Nobody feeds in: retail. Nobody takes: feed-in.
	assert_eq!(pool(0, 0, 1_000).members.buy, Price(300_000));
	assert_eq!(pool(0, 1_000, 0).members.sell, Price(80_000));
	// Neither: the tariff, of nothing.
	assert_eq!(pool(0, 0, 0).members, pair(80_000, 300_000));
}

#[test]
fn spread_should_return_its_share_of_the_gain() {
	let prices = pool(50, 500, 1_000);
	assert_eq!(prices.operator, pair(126_315, 213_158));
	// Gains 46 315 and 86 842, halved and rounded down.
	assert_eq!(prices.members, pair(80_000 + 23_157, 300_000 - 43_421));
	// With everything returned the tariff is left.
	assert_eq!(pool(100, 500, 1_000).members, pair(80_000, 300_000));
}

#[test]
fn prices_at_their_bounds_should_not_overflow() {
	let most = (1u64 << 40) - 1;
	let rule = ResidualRule::Pool {
		spread: Permill::from_percent(0),
	};
	let all = WattHours(u64::MAX);
	let prices = residual_prices(&rule, Price(most), Price(most), all, all);
	assert_eq!(prices.members, pair(most, most));
	let prices = residual_prices(&rule, Price(most), Price(1), WattHours(u64::MAX / 2), all);
	// λs = 1: Ps = λb·M / ((λb − 1)·U + M) = 2 − ε at SDR ½.
	assert_eq!(prices.members.sell, Price(1));
	// U is half a Wh less than half of M: Pb lies a trace above (λb + 1)/2, and rounds up.
	assert_eq!(prices.members.buy, Price(most.div_ceil(2) + 1));
}

fn prices() -> Prices {
	Prices {
		retail: Price(300_000),
		feed_in: Price(80_000),
		residual: ResidualPrices {
			members: pair(100_000, 250_000),
			operator: pair(120_000, 220_000),
		},
	}
}

/// The bill for energy that was measured.
fn bill_of(contracts: &Contracts, import: u64, export: u64) -> Bill {
	let metered = metered(import, export, Provenance::Measured);
	Bill::of(contracts, Some(&metered), &prices())
}

fn metered(import: u64, export: u64, provenance: Provenance) -> MeteredPeriod {
	MeteredPeriod {
		import: WattHours(import),
		export: WattHours(export),
		provenance,
	}
}

#[test]
fn estimate_should_be_billed_at_the_tariff_and_its_difference_be_the_funds() {
	for provenance in [Provenance::Estimated, Provenance::Corrected] {
		let of = |import, export| {
			let metered = metered(import, export, provenance);
			Bill::of(&Contracts::default(), Some(&metered), &prices())
		};
		// Need of 100 Wh at 0.3, of which 0.22 go to the operator; the members' pool asks 0.25.
		let bill = of(100, 0);
		assert_eq!(
			(bill.amount, bill.operator, bill.fund),
			(-30_000_000_000, 22_000_000_000, 8_000_000_000)
		);
		// Surplus of 100 Wh at 0.08, for which the operator pays 0.12; the members' pool gives 0.1.
		let bill = of(0, 100);
		assert_eq!(
			(bill.amount, bill.operator, bill.fund),
			(8_000_000_000, -12_000_000_000, 4_000_000_000)
		);
	}
}

#[test]
fn sellers_bill_should_hold_trades_shortfall_and_fees() {
	// 500 Wh sold at 0.2, fee 0.001; 200 Wh fed in.
	let contracts = Contracts {
		sold: WattHours(500),
		receivable: cost(Price(200_000), WattHours(500)),
		fee: cost(Price(1_000), WattHours(500)),
		..Default::default()
	};
	let bill = bill_of(&contracts, 0, 200);
	// In units of 10⁶ planck: 100 000 − 300·300 − 500.
	assert_eq!(bill.amount, 9_500_000_000);
	assert_eq!(bill.operator, 90_500_000_000);
	assert_eq!(bill.fund, 0);
}

#[test]
fn buyers_bill_should_hold_trades_excess_need_and_fees() {
	let contracts = Contracts {
		bought: WattHours(500),
		payable: cost(Price(200_000), WattHours(500)),
		fee: cost(Price(1_000), WattHours(500)),
		..Default::default()
	};
	// 200 Wh taken: the other 300 Wh are sold at feed-in. −100 000 − 500 + 24 000.
	let bill = bill_of(&contracts, 200, 0);
	assert_eq!(
		(bill.amount, bill.operator, bill.fund),
		(-76_500_000_000, -23_500_000_000, 0)
	);
	// 800 Wh taken: need of 300 Wh at 0.25, of which 0.22 go to the operator.
	let bill = bill_of(&contracts, 800, 0);
	assert_eq!(
		(bill.amount, bill.operator, bill.fund),
		(-175_500_000_000, 66_500_000_000, 9_000_000_000)
	);
	// 100 Wh fed in: all of the purchase is excess, and the surplus earns 0.1; the fund gets 0.02.
	let bill = bill_of(&contracts, 0, 100);
	assert_eq!(
		(bill.amount, bill.operator, bill.fund),
		(-50_500_000_000, -51_500_000_000, 2_000_000_000)
	);
}

#[test]
fn what_was_paid_with_a_trade_should_be_billed_and_not_be_due() {
	// 500 Wh at 0.2 over a link that takes 0.01, all of it paid; 300 Wh are not taken. −105 000 − 500 + 24 000.
	let value = cost(Price(210_000), WattHours(500));
	let contracts = Contracts {
		bought: WattHours(500),
		payable: value,
		paid: value,
		fee: cost(Price(1_000), WattHours(500)),
		..Default::default()
	};
	let bill = bill_of(&contracts, 200, 0);
	assert_eq!((bill.amount, bill.due), (-81_500_000_000, 23_500_000_000));
	assert_eq!((bill.operator, bill.fund), (-23_500_000_000, 0));
}

#[test]
fn trades_between_empty_meters_should_change_nobody_elses_bill() {
	// Neither surplus nor need enters the pool.
	let [_, _, _, _, surplus, need] = split(500, 0, 0, 0);
	assert_eq!((surplus, need), (0, 0));
	let [_, _, _, _, surplus, need] = split(0, 500, 0, 0);
	assert_eq!((surplus, need), (0, 0));
}
