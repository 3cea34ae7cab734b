//! Money, recomputed from metered energy, trades and tariff by the rules of settlement.

use std::collections::{BTreeMap, BTreeSet};

use sp_core::U256;

use super::energy::Metered;

/// The terms of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
	/// Price of energy from the grid, in 10⁻⁶ GRID per kWh.
	pub retail: u64,
	/// Price of energy into the grid.
	pub feed_in: u64,
	/// Fee of each side of a trade.
	pub fee: u64,
	/// Share of the pool's gain for the community's fund, in millionths; `None` without a pool.
	pub spread: Option<u32>,
}

/// A fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
	/// Meter that sells.
	pub seller: u32,
	/// Meter that buys.
	pub buyer: u32,
	/// Wh.
	pub energy: u64,
	/// 10⁻⁶ GRID per kWh.
	pub price: u64,
}

/// What a period comes to for one meter. Money in planck, positive when received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
	/// Metered energy.
	pub metered: Metered,
	/// Energy sold, Wh.
	pub sold: u64,
	/// Energy bought, Wh.
	pub bought: u64,
	/// What was sold and not delivered, Wh: bought at retail.
	pub shortfall: u64,
	/// What was bought and not consumed, Wh: sold at feed-in.
	pub excess: u64,
	/// What was delivered beyond contracts, Wh.
	pub surplus: u64,
	/// What was consumed beyond contracts, Wh.
	pub need: u64,
	/// Fees paid.
	pub fees: i128,
	/// All that is received, less all that is paid.
	pub payment: i128,
}

/// What a period comes to for a microgrid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
	/// By meter.
	pub accounts: BTreeMap<u32, Account>,
	/// What a surplus earns, in 10⁻⁶ GRID per kWh.
	pub surplus_price: u64,
	/// What a need costs.
	pub need_price: u64,
	/// What the operator receives, less what it pays.
	pub operator: i128,
	/// What the community's fund receives.
	pub fund: i128,
}

/// Money of an energy at a price: millionths of a token per kWh, twelve decimals a token.
fn value(price: u64, energy: u64) -> i128 {
	i128::from(price) * i128::from(energy) * 1_000
}

/// Settles a period by the book: contracts first take what was physically there, what is left meets in the
/// residual rule, the operator is everybody's counterparty for the rest.
pub fn settle(metered: &BTreeMap<u32, Metered>, trades: &[Trade], terms: &Terms) -> Outcome {
	let parties = trades.iter().flat_map(|trade| [trade.seller, trade.buyer]);
	let meters: BTreeSet<u32> = metered.keys().copied().chain(parties).collect();
	let mut outcome = Outcome::default();
	for meter in meters {
		let metered = metered.get(&meter).copied().unwrap_or_default();
		let mut account = Account {
			metered,
			..Default::default()
		};
		for trade in trades {
			if trade.seller == meter {
				account.sold += trade.energy;
				account.payment += value(trade.price, trade.energy);
			}
			if trade.buyer == meter {
				account.bought += trade.energy;
				account.payment -= value(trade.price, trade.energy);
			}
		}
		account.fees = value(terms.fee, account.sold + account.bought);

		let contracted = i128::from(account.sold) - i128::from(account.bought);
		let net = i128::from(metered.export) - i128::from(metered.import);
		// Energies of one meter are far below 2⁶⁴.
		let wh = |energy: i128| energy.max(0) as u64;
		if contracted > 0 {
			let delivered = contracted.min(net.max(0));
			account.shortfall = wh(contracted - delivered);
			account.surplus = wh(net.max(0) - delivered);
			account.need = wh(-net);
		} else {
			let consumed = (-contracted).min((-net).max(0));
			account.excess = wh(-contracted - consumed);
			account.need = wh((-net).max(0) - consumed);
			account.surplus = wh(net);
		}
		outcome.accounts.insert(meter, account);
	}

	let surplus: u64 = outcome
		.accounts
		.values()
		.map(|account| account.surplus)
		.sum();
	let need: u64 = outcome.accounts.values().map(|account| account.need).sum();
	let raw = pool_prices(surplus, need, terms, 0);
	let prices = pool_prices(surplus, need, terms, terms.spread.unwrap_or(0));
	(outcome.surplus_price, outcome.need_price) = prices;
	// What the spread keeps back of everybody's price is the community's.
	outcome.fund = value(raw.0 - prices.0, surplus) + value(prices.1 - raw.1, need);

	for account in outcome.accounts.values_mut() {
		account.payment += value(terms.feed_in, account.excess) + value(prices.0, account.surplus)
			- value(terms.retail, account.shortfall)
			- value(prices.1, account.need)
			- account.fees;
	}
	let members: i128 = outcome
		.accounts
		.values()
		.map(|account| account.payment)
		.sum();
	outcome.operator = -members - outcome.fund;
	outcome
}

/// Prices of surplus and need, the first rounded down, the second up.
fn pool_prices(surplus: u64, need: u64, terms: &Terms, spread: u32) -> (u64, u64) {
	let Some(_) = terms.spread else {
		return (terms.feed_in, terms.retail);
	};
	let (sell, buy) = if need == 0 || surplus >= need {
		(terms.feed_in, terms.feed_in)
	} else if surplus == 0 {
		(terms.retail, terms.retail)
	} else {
		let [u, m, retail, feed_in] = [surplus, need, terms.retail, terms.feed_in].map(U256::from);
		// Ps = λs λb / ((λb − λs) u/m + λs)
		let divisor = (retail - feed_in) * u + feed_in * m;
		let sell = feed_in * retail * m / divisor;
		// Pb = Ps u/m + λb (1 − u/m), from the rounded Ps.
		let buy = (sell * u + retail * (m - u) + m - U256::one()) / m;
		(sell.low_u64(), buy.low_u64())
	};
	let kept = 1_000_000 - u128::from(spread);
	let gain = u128::from(sell - terms.feed_in) * kept / 1_000_000;
	let saving = u128::from(terms.retail - buy) * kept / 1_000_000;
	(terms.feed_in + gain as u64, terms.retail - saving as u64)
}

#[cfg(test)]
pub(super) mod tests {
	use super::*;
	use proptest::prelude::*;

	pub const TERMS: Terms = Terms {
		retail: 300_000,
		feed_in: 80_000,
		fee: 100,
		spread: Some(0),
	};

	fn metered(values: &[(u32, u64, u64)]) -> BTreeMap<u32, Metered> {
		values
			.iter()
			.map(|(meter, import, export)| {
				(
					*meter,
					Metered {
						import: *import,
						export: *export,
					},
				)
			})
			.collect()
	}

	pub fn example() -> (BTreeMap<u32, Metered>, Vec<Trade>) {
		// 1 sold 600 and delivers 500; 2 sold 200 and has 400 over; 3 bought 700 and takes 1,500;
		// 4 bought 100 and takes 40.
		let metered = metered(&[(1, 0, 500), (2, 0, 600), (3, 1_500, 0), (4, 40, 0)]);
		let trade = |seller, buyer, energy| Trade {
			seller,
			buyer,
			energy,
			price: 150_000,
		};
		(
			metered,
			vec![trade(1, 3, 600), trade(2, 3, 100), trade(2, 4, 100)],
		)
	}

	#[test]
	fn an_example_by_hand_should_come_out() {
		let (metered, trades) = example();
		let outcome = settle(&metered, &trades, &TERMS);
		let [one, two, three, four] = [1, 2, 3, 4].map(|meter| outcome.accounts[&meter]);
		assert_eq!((one.shortfall, one.surplus, one.need), (100, 0, 0));
		assert_eq!((two.shortfall, two.surplus, two.need), (0, 400, 0));
		assert_eq!((three.excess, three.surplus, three.need), (0, 0, 800));
		assert_eq!((four.excess, four.surplus, four.need), (60, 0, 0));
		// SDR one half: Ps = 0.024 / 0.19 = 0.126315…, Pb = (Ps + 0.3) / 2.
		assert_eq!(
			(outcome.surplus_price, outcome.need_price),
			(126_315, 213_158)
		);
		assert_eq!(
			one.payment,
			(150_000 * 600 - 300_000 * 100 - 100 * 600) * 1_000
		);
		assert_eq!(
			two.payment,
			(150_000 * 200 + 126_315 * 400 - 100 * 200) * 1_000
		);
		assert_eq!(
			three.payment,
			-(150_000 * 700 + 213_158 * 800 + 100 * 700) * 1_000
		);
		assert_eq!(
			four.payment,
			(-150_000 * 100 + 80_000 * 60 - 100 * 100) * 1_000
		);
		// Fees, the shortfall, the excess, and the pool's 400 Wh from the grid.
		let operator = 100 * 1_600 + 300_000 * 100 - 80_000 * 60 + 213_158 * 800 - 126_315 * 400;
		assert_eq!((outcome.operator, outcome.fund), (operator * 1_000, 0));
	}

	#[test]
	fn the_spread_should_go_to_the_fund() {
		let (metered, trades) = example();
		let outcome = settle(
			&metered,
			&trades,
			&Terms {
				spread: Some(250_000),
				..TERMS
			},
		);
		// A quarter of the gains 46,315 and 86,842, rounded for the fund.
		assert_eq!(
			(outcome.surplus_price, outcome.need_price),
			(114_736, 234_869)
		);
		let fund = (126_315 - 114_736) * 400 + (234_869 - 213_158) * 800;
		assert_eq!(outcome.fund, fund * 1_000);
	}

	#[test]
	fn the_tariff_should_rule_without_a_pool() {
		let outcome = settle(
			&metered(&[(1, 10, 0), (2, 0, 30)]),
			&[],
			&Terms {
				spread: None,
				..TERMS
			},
		);
		assert_eq!(outcome.accounts[&1].payment, -3_000_000_000);
		assert_eq!(outcome.accounts[&2].payment, 2_400_000_000);
		assert_eq!(outcome.operator, 600_000_000);
	}

	proptest! {
		/// Nobody fares worse in the pool than by the tariff, and the operator loses nothing by rounding.
		#[test]
		fn the_pool_should_serve_everybody(
			energies in prop::collection::vec((0u64..1 << 32, any::<bool>()), 1..20),
			feed_in in 1u64..1_000_000, above in 0u64..1_000_000, spread in 0u32..=1_000_000,
		) {
			let terms = Terms { retail: feed_in + above, feed_in, fee: 0, spread: Some(spread) };
			let metered: BTreeMap<u32, Metered> = energies.iter().enumerate()
				.map(|(i, (energy, takes))| (i as u32, match takes {
					true => Metered { import: *energy, export: 0 },
					false => Metered { import: 0, export: *energy },
				}))
				.collect();
			let pool = settle(&metered, &[], &terms);
			let tariff = settle(&metered, &[], &Terms { spread: None, ..terms });
			for (meter, account) in &pool.accounts {
				prop_assert!(account.payment >= tariff.accounts[meter].payment);
			}
			let surplus: u64 = pool.accounts.values().map(|a| a.surplus).sum();
			let need: u64 = pool.accounts.values().map(|a| a.need).sum();
			// What the operator makes beyond the exchange with the grid is rounding: at most one price
			// unit per Wh of need.
			let grid = value(terms.retail, need.saturating_sub(surplus))
				- value(terms.feed_in, surplus.saturating_sub(need));
			let rounding = pool.operator - grid;
			if surplus <= need {
				prop_assert!(rounding >= 0 && rounding <= value(1, need), "{rounding}");
			}
		}
	}
}
