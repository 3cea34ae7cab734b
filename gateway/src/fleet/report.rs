//! What a run comes to, and whether it passes.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;

use super::table::{mean_price, Row};

/// The figures of a run: the keys are the contract of `scripts/run --json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
	/// Settled periods.
	pub periods: usize,
	/// Readings that devices signed and the gateway acknowledged.
	pub readings_sent: u64,
	/// Readings that the chain accepted, by its own count per meter.
	pub readings_on_chain: u64,
	/// Readings that came on chain again and were skipped.
	pub duplicates: u64,
	/// Energy that passed the meters, both ways.
	pub energy_metered_wh: u64,
	/// Energy traded.
	pub energy_traded_wh: u64,
	/// Energy that met in the pool.
	pub energy_pooled_wh: u64,
	/// Energy taken from the grid.
	pub grid_import_wh: u64,
	/// Energy given to the grid.
	pub grid_export_wh: u64,
	/// Mean price of trades in 10⁻⁶ GRID per kWh.
	pub mean_price: Option<f64>,
	/// Sum of all payments of all periods: zero.
	pub payments_sum_planck: i128,
	/// What energy balances miss over all periods: zero.
	pub energy_balance_wh: i64,
	/// Largest distance of finality behind the best block.
	pub finality_lag_blocks: u64,
}

/// Everything the verdict rests on.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
	/// Settled periods.
	pub rows: Vec<Row>,
	/// Readings sent and accepted, per meter.
	pub readings: BTreeMap<u32, (u64, u64)>,
	/// Readings that came again.
	pub duplicates: u64,
	/// Readings that came by the relay call.
	pub relayed: u64,
	/// Largest distance of finality behind the best block.
	pub lag_blocks: u64,
	/// What the recount found.
	pub differences: Vec<String>,
	/// How many periods were asked for.
	pub periods_wanted: Option<usize>,
}

impl Evidence {
	/// The figures.
	pub fn figures(&self) -> Figures {
		let sum = |value: fn(&Row) -> u64| self.rows.iter().map(value).sum();
		let traded = sum(|row| row.traded_wh);
		Figures {
			periods: self.rows.len(),
			readings_sent: self.readings.values().map(|(sent, _)| sent).sum(),
			readings_on_chain: self.readings.values().map(|(_, accepted)| accepted).sum(),
			duplicates: self.duplicates,
			energy_metered_wh: sum(|row| row.metered_wh),
			energy_traded_wh: traded,
			energy_pooled_wh: sum(|row| row.pooled_wh),
			grid_import_wh: sum(|row| row.grid_import_wh),
			grid_export_wh: sum(|row| row.grid_export_wh),
			mean_price: mean_price(self.rows.iter().map(|row| row.trade_value).sum(), traded),
			payments_sum_planck: self.rows.iter().map(|row| row.payments).sum(),
			energy_balance_wh: self.rows.iter().map(|row| row.energy_balance_wh).sum(),
			finality_lag_blocks: self.lag_blocks,
		}
	}

	/// Why the run fails; empty if it passes.
	pub fn failures(&self) -> Vec<String> {
		let mut failures = Vec::new();
		let wanted = self.periods_wanted.unwrap_or(1);
		if self.rows.len() < wanted {
			failures.push(format!(
				"{} of {wanted} periods were settled",
				self.rows.len()
			));
		}
		if self.rows.iter().all(|row| row.traded_wh == 0) {
			failures.push("nothing was traded".into());
		}
		for row in &self.rows {
			let (period, sum, missing) = (row.period, row.payments, row.energy_balance_wh);
			if sum != 0 {
				failures.push(format!(
					"period {period}: payments sum to {sum} planck, not to zero"
				));
			}
			if missing != 0 {
				failures.push(format!(
					"period {period}: the energy balance misses {missing} Wh"
				));
			}
		}
		if self.readings.is_empty() {
			failures.push("no meter took part".into());
		}
		for (meter, (sent, accepted)) in &self.readings {
			if sent != accepted {
				failures.push(format!(
					"meter {meter}: {sent} readings sent, {accepted} on chain"
				));
			}
		}
		if self.duplicates > 0 {
			failures.push(format!(
				"{} readings came on chain more than once",
				self.duplicates
			));
		}
		if self.relayed > 0 {
			failures.push(format!("{} readings came by the relay call", self.relayed));
		}
		failures.extend(
			self.differences
				.iter()
				.map(|what| format!("recount: {what}")),
		);
		failures
	}

	/// The run in a few lines.
	pub fn summary(&self) -> String {
		let figures = self.figures();
		let mut text = String::new();
		let kwh = |wh: u64| format!("{:.3} kWh", wh as f64 / 1e3);
		let price = figures
			.mean_price
			.map_or("–".into(), |p| format!("{:.4} GRID/kWh", p / 1e6));
		for (what, value) in [
			("periods settled", figures.periods.to_string()),
			(
				"readings",
				format!(
					"{} sent, {} on chain, {} more than once, {} relayed",
					figures.readings_sent,
					figures.readings_on_chain,
					figures.duplicates,
					self.relayed,
				),
			),
			("energy metered", kwh(figures.energy_metered_wh)),
			(
				"energy traded",
				format!("{} at {price}", kwh(figures.energy_traded_wh)),
			),
			("energy pooled", kwh(figures.energy_pooled_wh)),
			(
				"grid",
				format!(
					"{} in, {} out",
					kwh(figures.grid_import_wh),
					kwh(figures.grid_export_wh)
				),
			),
			(
				"sum of payments",
				format!("{} planck", figures.payments_sum_planck),
			),
			(
				"energy balance",
				format!("{} Wh", figures.energy_balance_wh),
			),
			(
				"finality",
				format!("at most {} blocks behind", figures.finality_lag_blocks),
			),
			(
				"recount",
				match self.differences.len() {
					0 => "agrees to the planck and the Wh".into(),
					n => format!("{n} differences"),
				},
			),
		] {
			// Writing to a string cannot fail.
			let _ = writeln!(text, "  {what:<16} {value}");
		}
		text
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn good() -> Evidence {
		let row = |period, traded_wh| Row {
			period,
			traded_wh,
			trade_value: u128::from(traded_wh) * 150_000_000,
			metered_wh: 5_000,
			..Default::default()
		};
		Evidence {
			rows: vec![row(7, 0), row(8, 400)],
			readings: [(32, (3, 3)), (33, (3, 3))].into(),
			lag_blocks: 2,
			periods_wanted: Some(2),
			..Default::default()
		}
	}

	#[test]
	fn a_good_run_should_pass() {
		assert_eq!(good().failures(), Vec::<String>::new());
	}

	#[test]
	fn figures_should_have_the_keys_of_the_contract() {
		let json = serde_json::to_value(good().figures()).unwrap();
		let mut keys: Vec<_> = json
			.as_object()
			.unwrap()
			.keys()
			.map(String::as_str)
			.collect();
		keys.sort_unstable();
		assert_eq!(
			keys.join(" "),
			"duplicates energy_balance_wh energy_metered_wh energy_pooled_wh energy_traded_wh \
			 finality_lag_blocks grid_export_wh grid_import_wh mean_price payments_sum_planck periods \
			 readings_on_chain readings_sent",
		);
		assert_eq!(json["readings_on_chain"], 6);
		assert_eq!(json["mean_price"], 150_000.0);
	}

	#[test]
	fn whatever_is_wrong_should_fail_the_run() {
		type Spoil = fn(&mut Evidence);
		let cases: [(&str, Spoil); 9] = [
			("nothing was traded", |run| run.rows[1].traded_wh = 0),
			("1 of 2 periods", |run| _ = run.rows.remove(0)),
			("sum to 1 planck", |run| run.rows[1].payments = 1),
			("misses -1 Wh", |run| run.rows[0].energy_balance_wh = -1),
			("3 readings sent, 2 on chain", |run| {
				_ = run.readings.insert(33, (3, 2))
			}),
			("no meter took part", |run| run.readings.clear()),
			("1 readings came on chain more than once", |run| {
				run.duplicates = 1
			}),
			("1 readings came by the relay call", |run| run.relayed = 1),
			("recount: one planck", |run| {
				run.differences.push("one planck".into())
			}),
		];
		for (why, spoil) in cases {
			let mut run = good();
			spoil(&mut run);
			let failures = run.failures();
			assert!(
				failures.len() == 1 && failures[0].contains(why),
				"{why}: {failures:?}"
			);
		}
	}

	#[test]
	fn wrongs_of_two_periods_should_not_cancel_out() {
		let mut run = good();
		(run.rows[0].payments, run.rows[1].payments) = (5, -5);
		assert_eq!(run.figures().payments_sum_planck, 0);
		assert_eq!(run.failures().len(), 2);
	}

	#[test]
	fn the_summary_should_name_what_was_asked() {
		let summary = good().summary();
		for part in [
			"6 sent, 6 on chain",
			"0 planck",
			"0 Wh",
			"agrees to the planck",
			"0.1500 GRID",
		] {
			assert!(summary.contains(part), "{part} in\n{summary}");
		}
	}
}
