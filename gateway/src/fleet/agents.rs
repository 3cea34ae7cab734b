//! Trading agents: simple, and honest about what they can know.
//!
//! During period *p* they trade period *p* + 2, from what was measured before *p* began: the same quarter
//! of an hour of preceding days, as far as the data has begun by then, shifted by how much the last quarter
//! differs from what those days led to expect. Everybody can see the community's totals (they are settled in public); an agent reserves at the
//! price the pool would give for the totals it expects. Prices here are estimates of a person's mind, not
//! money: floating point is fine.

use super::{
	grid::{Grid, Storage, ROWS_PER_DAY},
	profiles::UNITS_PER_WH,
	replay::{balance_before, dispatch},
};

/// How many preceding days an expectation is the mean of.
const DAYS: usize = 7;

/// How much of the last quarter's surprise is expected to last: of the values tried on a month of one grid,
/// the one whose errors were least.
const PERSISTENCE: f64 = 0.85;

/// The present period, the next, and the one that is traded.
const OPEN_PERIODS: u64 = 3;

/// What a microgrid charges and pays outside its own market, as far as an agent minds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tariff {
	/// Price of energy from the grid.
	pub retail: u64,
	/// Price of energy into the grid.
	pub feed_in: u64,
	/// Share of the pool's gain that goes to the community's fund; `None` where there is no pool.
	pub spread: Option<f64>,
	/// Least energy of an order, in Wh.
	pub min_quantity: u64,
}

/// What an agent wants: positive energy to sell, negative to buy, at a limit price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
	/// Energy in Wh, positive to sell, negative to buy.
	pub energy_wh: i64,
	/// The least to sell for, or the most to buy for, in 10⁻⁶ GRID per kWh.
	pub limit: u64,
}

/// Expects a series from the values before `now`: `at` gives the value of a row. Rows count on when the year
/// repeats; before row 0 there is nothing.
fn expect(at: impl Fn(usize) -> f64, now: usize, target: usize) -> f64 {
	let usual = |row: usize| {
		let days: Vec<f64> = (1..=DAYS)
			.map_while(|day| row.checked_sub(day * ROWS_PER_DAY))
			.map(&at)
			.collect();
		(!days.is_empty()).then(|| days.iter().sum::<f64>() / days.len() as f64)
	};
	let last = now.checked_sub(1).map(|last| (at(last), usual(last)));
	match (usual(target), last) {
		(Some(usual), Some((last, Some(expected)))) => usual + PERSISTENCE * (last - expected),
		(Some(usual), _) => usual,
		// On the first day, the last quarter is all there is to go by.
		(None, Some((last, _))) => last,
		(None, None) => 0.0,
	}
}

/// What members are expected to take (positive) or give in row `now + 2`, in Wh, known what was measured
/// before row `now`. `charge_wh` are the states of charge of the grid's storages at the start of `now`.
///
/// Never reads a row from `now` on, nor the end of a year that has not passed yet: a test replaces the future
/// and compares.
pub fn expected_nets(grid: &Grid, now: usize, charge_wh: &[u64]) -> Vec<f64> {
	let member = |place: usize, target: usize| {
		let member = &grid.members[place];
		let at = |row| member.net(&grid.profiles, row) as f64 / UNITS_PER_WH as f64;
		let expected = expect(at, now, target);
		// Without a plant nothing is given, however surprising the last quarter.
		if member.plants.is_empty() {
			expected.max(0.0)
		} else {
			expected.max(-(member.max_export_w() as f64) / 4.0)
		}
	};
	let all = |target| {
		(0..grid.members.len())
			.map(|place| member(place, target))
			.collect::<Vec<_>>()
	};

	// Storages follow the balance of the period before: the first is known, the next two expected.
	let storages: Vec<_> = grid.storages().collect();
	let mut charge = charge_wh.to_vec();
	dispatch(balance_before(grid, now), &storages, &mut charge);
	dispatch(-all(now).iter().sum::<f64>() as i64, &storages, &mut charge);
	let flows = dispatch(
		-all(now + 1).iter().sum::<f64>() as i64,
		&storages,
		&mut charge,
	);

	let mut nets = all(now + 2);
	for ((place, _), flow) in storages.iter().zip(flows) {
		nets[*place] += flow as f64;
	}
	nets
}

/// The prices the pool gives for a surplus and a need: (for those who have over, for those who lack).
///
/// SDR pricing: Liu et al., IEEE Trans. Power Syst. 32 (2017) 3569, with the community's spread.
pub fn pool_prices(surplus: f64, need: f64, tariff: &Tariff) -> (f64, f64) {
	let (retail, feed_in) = (tariff.retail as f64, tariff.feed_in as f64);
	let Some(spread) = tariff.spread else {
		return (feed_in, retail);
	};
	let (sell, buy) = if need <= 0.0 || surplus >= need {
		(feed_in, feed_in)
	} else if surplus <= 0.0 {
		(retail, retail)
	} else {
		let ratio = surplus / need;
		let sell = feed_in * retail / ((retail - feed_in) * ratio + feed_in);
		(sell, sell * ratio + retail * (1.0 - ratio))
	};
	(
		feed_in + (sell - feed_in) * (1.0 - spread),
		retail - (retail - buy) * (1.0 - spread),
	)
}

/// What every member wants to trade, given what all are expected to take or give.
pub fn intents(nets: &[f64], tariff: &Tariff) -> Vec<Option<Intent>> {
	let surplus: f64 = nets.iter().map(|net| (-net).max(0.0)).sum();
	let need: f64 = nets.iter().map(|net| net.max(0.0)).sum();
	let (sell, buy) = pool_prices(surplus, need, tariff);
	// A price between two units is rounded so that the reservation holds.
	let sell = (sell.ceil() as u64).clamp(tariff.feed_in, tariff.retail);
	let buy = (buy.floor() as u64).clamp(tariff.feed_in, tariff.retail);
	nets.iter()
		.map(|net| {
			let energy_wh = -net.trunc() as i64;
			let limit = if energy_wh > 0 { sell } else { buy };
			(energy_wh != 0).then_some(Intent { energy_wh, limit })
		})
		.collect()
}

/// What a storage can stand for: of its charge, or of the room it has left, as much to each of the three
/// periods it has orders and trades in as to the others. Before its charge is known, nothing.
pub fn within_storage(want: Intent, storage: &Storage, charge_wh: Option<u64>) -> Option<Intent> {
	let charge_wh = charge_wh?;
	let most = if want.energy_wh > 0 {
		charge_wh
	} else {
		storage.capacity_wh.saturating_sub(charge_wh)
	};
	let most = i64::try_from(most / OPEN_PERIODS).unwrap_or(i64::MAX);
	let energy_wh = want.energy_wh.clamp(-most, most);
	(energy_wh != 0).then_some(Intent { energy_wh, ..want })
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::{
		grid::{Member, Unit},
		profiles::{Profiles, SHARE_ONE},
	};
	use proptest::prelude::*;

	const TARIFF: Tariff = Tariff {
		retail: 300_000,
		feed_in: 80_000,
		spread: Some(0.0),
		min_quantity: 1,
	};

	fn grid(load: Vec<i64>, sun: Vec<i64>) -> Grid {
		let unit = |profile, rated_w| {
			vec![Unit {
				profile,
				rated_w,
				flexible: false,
			}]
		};
		let member = |loads, plants, storage| Member {
			node: String::new(),
			loads,
			plants,
			storage,
		};
		let storage = Storage {
			rated_w: 4_000,
			capacity_wh: 8_000,
		};
		Grid {
			name: "test".into(),
			members: vec![
				member(unit(0, 4_000), vec![], None),
				member(unit(0, 400), unit(1, 8_000), None),
				member(unit(0, 400), vec![], Some(storage)),
			],
			profiles: Profiles::from_columns(vec![load, sun]),
		}
	}

	#[test]
	fn steady_days_should_be_expected_again() {
		let rows = 10 * ROWS_PER_DAY;
		let grid = grid(vec![SHARE_ONE; rows], vec![SHARE_ONE / 2; rows]);
		// 1,200 Wh of load against 1,000 Wh of sun: a charged storage gives the 200 Wh that lack.
		assert_eq!(
			expected_nets(&grid, 8 * ROWS_PER_DAY, &[8_000]),
			[1_000.0, -900.0, -100.0]
		);
		assert_eq!(
			expected_nets(&grid, 8 * ROWS_PER_DAY, &[0]),
			[1_000.0, -900.0, 100.0]
		);
	}

	#[test]
	fn the_last_quarter_should_shift_what_is_expected() {
		let rows = 10 * ROWS_PER_DAY;
		let now = 8 * ROWS_PER_DAY;
		let mut load = vec![SHARE_ONE / 2; rows];
		load[now - 1] = SHARE_ONE;
		let grid = grid(load, vec![0; rows]);
		assert_eq!(expected_nets(&grid, now, &[0])[0], 925.0);
	}

	#[test]
	fn the_first_days_should_be_expected_by_what_there_is() {
		let rows = 10 * ROWS_PER_DAY;
		// December takes twice as much as January.
		let mut load = vec![SHARE_ONE / 2; rows];
		load[5 * ROWS_PER_DAY..].fill(SHARE_ONE);
		let grid = grid(load, vec![0; rows]);
		let first = |now| expected_nets(&grid, now, &[0])[0];
		for now in [1, 50, ROWS_PER_DAY - 2, ROWS_PER_DAY, 4 * ROWS_PER_DAY] {
			assert_eq!(first(now), 500.0, "row {now}");
		}
		assert_eq!(first(0), 0.0);
		// In the second year the first one's December has passed: 6,000 Wh in seven days, and then 1,000 Wh
		// where 5,500 Wh in seven days had led to expect less.
		assert!((first(rows) - (6_000.0 + 0.85 * 1_500.0) / 7.0).abs() < 1e-6);
	}

	#[test]
	fn storages_should_sell_what_they_are_expected_to_give() {
		let rows = 10 * ROWS_PER_DAY;
		let grid = grid(vec![SHARE_ONE; rows], vec![0; rows]);
		// 1,200 Wh lacking, at most 1,000 Wh from the storage, whose own load takes 100 Wh.
		let nets = expected_nets(&grid, 8 * ROWS_PER_DAY, &[8_000]);
		assert_eq!(nets[2], 100.0 - 1_000.0);
		// Half of it is gone after two periods: an empty storage sells nothing.
		assert_eq!(expected_nets(&grid, 8 * ROWS_PER_DAY, &[2_000])[2], 100.0);
	}

	#[test]
	fn sellers_and_buyers_should_reserve_at_the_pool_price() {
		let wants = intents(&[1_000.0, -500.5, 0.9], &TARIFF);
		// SDR one half: Ps = 0.3 × 0.08 / (0.22 × 0.5005 + 0.08), Pb between it and retail.
		let (sell, buy) = pool_prices(500.5, 1_000.9, &TARIFF);
		assert!((126_280.0..126_350.0).contains(&sell) && buy > sell);
		assert_eq!(
			wants[0],
			Some(Intent {
				energy_wh: -1_000,
				limit: buy.floor() as u64
			})
		);
		assert_eq!(
			wants[1],
			Some(Intent {
				energy_wh: 500,
				limit: sell.ceil() as u64
			})
		);
		assert_eq!(wants[2], None);
	}

	#[test]
	fn storages_should_promise_no_more_than_they_hold_or_take() {
		let storage = Storage {
			rated_w: 4_000,
			capacity_wh: 8_000,
		};
		let want = |energy_wh| Intent {
			energy_wh,
			limit: 1,
		};
		let bounded = |energy_wh, charge| within_storage(want(energy_wh), &storage, Some(charge));
		assert_eq!(bounded(1_000, 6_000), Some(want(1_000)));
		assert_eq!(bounded(1_000, 600), Some(want(200)));
		assert_eq!(bounded(-1_000, 7_400), Some(want(-200)));
		assert_eq!(bounded(1_000, 0), None);
		assert_eq!(bounded(-1_000, 8_000), None);
		for energy_wh in [1_000, -1_000] {
			assert_eq!(within_storage(want(energy_wh), &storage, None), None);
		}
	}

	#[test]
	fn without_a_pool_the_tariff_should_be_reserved() {
		let tariff = Tariff {
			spread: None,
			..TARIFF
		};
		assert_eq!(pool_prices(500.0, 1_000.0, &tariff), (80_000.0, 300_000.0));
	}

	proptest! {
		/// Agents see nothing of the present and the future.
		#[test]
		fn expectations_should_not_know_the_future(
			load in prop::collection::vec(0i64..=SHARE_ONE, 10 * ROWS_PER_DAY),
			other in prop::collection::vec(0i64..=SHARE_ONE, 2 * ROWS_PER_DAY),
			charge in 0u64..8_000, now in 0usize..=8 * ROWS_PER_DAY,
		) {
			let sun = |load: &Vec<i64>| load.iter().rev().copied().collect::<Vec<_>>();
			let before = grid(load.clone(), {
				let mut sun = sun(&load);
				sun[now..].fill(0);
				sun
			});
			let mut changed = load.clone();
			changed[now..].iter_mut().zip(other.iter().cycle()).for_each(|(row, other)| *row = *other);
			let after = grid(changed, {
				let mut sun = sun(&load);
				sun[now..].fill(SHARE_ONE);
				sun
			});
			prop_assert_eq!(expected_nets(&before, now, &[charge]), expected_nets(&after, now, &[charge]));
		}

		#[test]
		fn limits_should_lie_between_feed_in_and_retail(
			nets in prop::collection::vec(-1e5f64..1e5, 0..20), spread in 0.0f64..=1.0,
		) {
			let tariff = Tariff { spread: Some(spread), ..TARIFF };
			for intent in intents(&nets, &tariff).into_iter().flatten() {
				prop_assert!((tariff.feed_in..=tariff.retail).contains(&intent.limit));
				prop_assert!(intent.energy_wh != 0);
			}
		}
	}
}
