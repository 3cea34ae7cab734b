//! Properties of the formulas over random communities, prices at their bounds included.

use gridweave_primitives::{
	cost,
	market::buyer_worst_case,
	market::seller_worst_case,
	meter::{Correction, MeteredPeriod, Provenance},
	microgrid::ResidualRule,
	Balance, Price, WattHours,
};
use proptest::prelude::*;
use sp_runtime::Permill;

use crate::{
	bill::{signed, Bill, Contracts, Prices},
	pool::{residual_prices, ResidualPrices},
	provides::correction_amount,
	split::Split,
};

#[derive(Clone, Debug)]
struct Community {
	retail: u64,
	feed_in: u64,
	fee: u64,
	rule: ResidualRule,
	/// Import and export.
	meters: Vec<(u64, u64)>,
	/// Seller, buyer, energy, price.
	trades: Vec<(usize, usize, u64, u64)>,
}

/// A number that likes its bounds.
fn up_to(bound: u64) -> impl Strategy<Value = u64> {
	prop_oneof![4 => 0..=bound, 1 => Just(0), 1 => Just(bound), 1 => 0..=bound.min(1_000)]
}

fn rule() -> impl Strategy<Value = ResidualRule> {
	prop_oneof![
		Just(ResidualRule::Tariff),
		prop_oneof![Just(0), Just(1_000_000), 0u32..=1_000_000].prop_map(|parts| {
			ResidualRule::Pool {
				spread: Permill::from_parts(parts),
			}
		}),
	]
}

const MOST: u64 = (1 << 40) - 1;
const WH: u64 = (1 << 32) - 1;

fn community() -> impl Strategy<Value = Community> {
	let sizes = (2usize..12, 0usize..20);
	(sizes, up_to(MOST - 1), up_to(MOST), up_to(MOST), rule()).prop_flat_map(
		|((meters, trades), a, b, fee, rule)| {
			let (a, b) = (a + 1, b.max(1));
			let energy = prop_oneof![
				(up_to(WH), Just(0)),
				(Just(0), up_to(WH)),
				(up_to(WH), up_to(WH))
			];
			let trade = (0..meters, 0..meters, up_to(WH / 32), up_to(MOST));
			(
				proptest::collection::vec(energy, meters),
				proptest::collection::vec(trade, trades),
			)
				.prop_map(move |(meters, trades)| Community {
					retail: a.max(b),
					feed_in: a.min(b),
					fee,
					rule,
					meters,
					trades,
				})
		},
	)
}

impl Community {
	/// Contracts and margin of each meter.
	fn contracts(&self) -> Vec<(Contracts, Balance)> {
		let mut all = vec![(Contracts::default(), 0); self.meters.len()];
		for &(seller, buyer, energy, price) in &self.trades {
			let (price, energy, fee) = (Price(price), WattHours(energy), Price(self.fee));
			let (contracts, margin) = &mut all[seller];
			contracts.sold.0 += energy.0;
			contracts.receivable += cost(price, energy);
			contracts.fee += cost(fee, energy);
			*margin += seller_worst_case(price, Price(self.retail), fee, energy);
			let (contracts, margin) = &mut all[buyer];
			contracts.bought.0 += energy.0;
			contracts.payable += cost(price, energy);
			contracts.fee += cost(fee, energy);
			*margin += buyer_worst_case(price, fee, energy);
		}
		all
	}

	fn splits(&self) -> Vec<Split> {
		let split = |(metered, (contracts, _)): (&(u64, u64), (Contracts, Balance))| {
			let (import, export) = *metered;
			Split::of(
				contracts.sold,
				contracts.bought,
				WattHours(import),
				WattHours(export),
			)
		};
		self.meters
			.iter()
			.zip(self.contracts())
			.map(split)
			.collect()
	}

	fn sums(&self) -> (u64, u64) {
		let splits = self.splits();
		let sum = |of: fn(&Split) -> WattHours| splits.iter().map(|split| of(split).0).sum();
		(sum(|split| split.surplus), sum(|split| split.need))
	}

	fn prices(&self, rule: &ResidualRule) -> Prices {
		let (surplus, need) = self.sums();
		let (retail, feed_in) = (Price(self.retail), Price(self.feed_in));
		Prices {
			retail,
			feed_in,
			residual: residual_prices(rule, retail, feed_in, WattHours(surplus), WattHours(need)),
		}
	}

	fn bills(&self, prices: &Prices) -> Vec<Bill> {
		let bill = |(metered, (contracts, _)): (&(u64, u64), (Contracts, Balance))| {
			bill(&contracts, *metered, Provenance::Measured, prices)
		};
		self.meters.iter().zip(self.contracts()).map(bill).collect()
	}
}

fn bill(
	contracts: &Contracts,
	(import, export): (u64, u64),
	provenance: Provenance,
	prices: &Prices,
) -> Bill {
	let metered = MeteredPeriod {
		import: WattHours(import),
		export: WattHours(export),
		provenance,
	};
	Bill::of(contracts, Some(&metered), prices)
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(2_000))]

	/// Whatever is metered and traded, at whatever prices.
	#[test]
	fn all_payments_should_sum_to_zero(community in community()) {
		let bills = community.bills(&community.prices(&community.rule));
		let members: i128 = bills.iter().map(|bill| bill.amount).sum();
		let operator: i128 = bills.iter().map(|bill| bill.operator).sum();
		let fund: Balance = bills.iter().map(|bill| bill.fund).sum();
		prop_assert_eq!(members + operator + signed(fund), 0);
	}

	/// Energy in equals energy out, meter by meter.
	#[test]
	fn energy_should_balance(community in community()) {
		for ((split, (import, export)), (contracts, _)) in
			community.splits().iter().zip(&community.meters).zip(community.contracts())
		{
			let wh = |energy: WattHours| i128::from(energy.0);
			let net = i128::from(*export) - i128::from(*import);
			prop_assert_eq!(
				wh(split.delivered) + wh(split.surplus) - wh(split.consumed) - wh(split.need),
				net
			);
			let contracted = wh(contracts.sold) - wh(contracts.bought);
			prop_assert_eq!(
				wh(split.delivered) + wh(split.shortfall) - wh(split.consumed) - wh(split.excess),
				contracted
			);
			prop_assert!(split.surplus.is_zero() || split.need.is_zero());
		}
	}

	/// What trades can cost, and no more than that, is secured.
	#[test]
	fn margins_should_cover_all_but_need(community in community()) {
		let prices = community.prices(&community.rule);
		for (bill, (_, margin)) in
			community.bills(&prices).into_iter().zip(community.contracts())
		{
			let need = signed(cost(prices.residual.members.buy, bill.split.need));
			prop_assert!(bill.amount + need + signed(margin) >= 0);
		}
	}

	/// Nobody is worse off in the pool than at the tariff.
	#[test]
	fn pool_should_never_be_worse_than_the_tariff(community in community()) {
		let tariff = community.bills(&community.prices(&ResidualRule::Tariff));
		let pool = community.bills(&community.prices(&community.rule));
		for (tariff, pool) in tariff.iter().zip(&pool) {
			prop_assert!(pool.amount >= tariff.amount);
		}
	}

	/// Whoever stays silent, about all of a period or the rest of one, is billed by an estimate, and corrected
	/// later: never better than by the reading, whose energy would have made other prices.
	#[test]
	fn silence_should_never_pay(
		community in community(), estimate in up_to(WH), shown in up_to(WH), truth in (up_to(WH), up_to(WH)),
	) {
		let mut community = community;
		let shown = shown.min(truth.1);
		let contracts = community.contracts()[0].0;
		community.meters[0] = truth;
		let prices = community.prices(&community.rule);
		let punctual = bill(&contracts, truth, Provenance::Measured, &prices).amount;
		community.meters[0] = (estimate, shown);
		let prices = community.prices(&community.rule);
		let silent = bill(&contracts, (estimate, shown), Provenance::Estimated, &prices).amount;
		let correction = Correction {
			import: truth.0 as i64 - estimate as i64,
			export: truth.1 as i64 - shown as i64,
		};
		let corrected = correction_amount(&correction, prices.retail, prices.feed_in);
		prop_assert!(silent + corrected <= punctual);
	}

	/// Prices lie between feed-in and retail, selling below buying; the operator never pays for the pool,
	/// and its gain of rounding is below one price unit per Wh of need.
	#[test]
	fn pool_should_balance_its_budget(
		a in up_to(MOST - 1), b in up_to(MOST), surplus in up_to(1 << 50), need in up_to(1 << 50),
		spread in 0u32..=1_000_000,
	) {
		let (a, b) = (a + 1, b.max(1));
		let (retail, feed_in) = (a.max(b), a.min(b));
		let rule = ResidualRule::Pool { spread: Permill::from_parts(spread) };
		let ResidualPrices { members, operator } = residual_prices(
			&rule, Price(retail), Price(feed_in), WattHours(surplus), WattHours(need),
		);
		for price in [members.sell, members.buy, operator.sell, operator.buy] {
			prop_assert!(feed_in <= price.0 && price.0 <= retail);
		}
		prop_assert!(operator.sell <= operator.buy && members.sell <= members.buy);
		prop_assert!(members.sell <= operator.sell && members.buy >= operator.buy);

		// What the operator gets of the pool, less what the grid's energy is worth at the tariff.
		let units = |price: u64, energy: u64| i128::from(price) * i128::from(energy);
		let pool = units(operator.buy.0, need) - units(operator.sell.0, surplus);
		let grid = if need >= surplus {
			units(retail, need - surplus)
		} else {
			-units(feed_in, surplus - need)
		};
		prop_assert!((0..=i128::from(need)).contains(&(pool - grid)), "{}", pool - grid);
	}
}
