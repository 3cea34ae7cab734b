//! The live table: one row per settled period.

use std::fmt;

use super::calendar::date_of_row;

/// A settled period in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
	/// Settlement period of the chain.
	pub period: u32,
	/// Row of the data it replayed.
	pub data_row: usize,
	/// Energy that passed the meters, both ways, in Wh.
	pub metered_wh: u64,
	/// Energy traded in the book.
	pub traded_wh: u64,
	/// Energy that met in the pool.
	pub pooled_wh: u64,
	/// Energy the community took from the grid.
	pub grid_import_wh: u64,
	/// Energy it gave.
	pub grid_export_wh: u64,
	/// What was paid for the traded energy, in planck.
	pub trade_value: u128,
	/// What members received in sum, in planck.
	pub paid: u128,
	/// How many of them.
	pub paid_members: usize,
	/// How many there are.
	pub members: usize,
	/// Sum of all payments, those of operator and fund included, in planck: zero.
	pub payments: i128,
	/// What the energy balance misses, in Wh: zero.
	pub energy_balance_wh: i64,
	/// Best less finalised block when the settlement was finalised.
	pub lag_blocks: u64,
}

/// Column titles, and units below.
pub const HEADER: &str = concat!(
	"   period  data time      metered    traded    pooled   grid in  grid out     price",
	"      members paid payments   balance   lag\n",
	"           2016 UTC            Wh        Wh        Wh        Wh        Wh  GRID/kWh",
	"      GRID         Σ planck      Σ Wh blocks",
);

impl Row {
	/// Mean price of the trades in 10⁻⁶ GRID per kWh.
	pub fn mean_price(&self) -> Option<f64> {
		mean_price(self.trade_value, self.traded_wh)
	}
}

/// Mean price in 10⁻⁶ GRID per kWh: a planck per Wh is a thousandth of it.
pub fn mean_price(value: u128, energy_wh: u64) -> Option<f64> {
	(energy_wh > 0).then(|| value as f64 / energy_wh as f64 / 1_000.0)
}

impl fmt::Display for Row {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let price = self
			.mean_price()
			.map_or("–".into(), |price| format!("{:.4}", price / 1e6));
		write!(
			f,
			"{:>9}  {}  {:>9} {:>9} {:>9} {:>9} {:>9}  {:>8}  {:>8.4} {:>3}/{:<3} {:>8}  {:>8} {:>5}",
			self.period,
			date_of_row(self.data_row),
			self.metered_wh,
			self.traded_wh,
			self.pooled_wh,
			self.grid_import_wh,
			self.grid_export_wh,
			price,
			self.paid as f64 / 1e12,
			self.paid_members,
			self.members,
			self.payments,
			self.energy_balance_wh,
			self.lag_blocks,
		)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn rows_should_stand_below_their_titles() {
		let row = Row {
			period: 148_300_123,
			data_row: 28,
			metered_wh: 12_345,
			traded_wh: 2_000,
			trade_value: 300_000_000_000,
			paid: 1_500_000_000_000,
			paid_members: 4,
			members: 13,
			payments: -12,
			energy_balance_wh: 3,
			lag_blocks: 2,
			..Default::default()
		};
		assert_eq!(
			row.to_string(),
			concat!(
				"148300123  01-01 07:00      12345      2000         0         0       ",
				"  0    0.1500    1.5000   4/13       -12         3     2",
			),
		);
		// Title and value end at the same place.
		let (titles, row) = (HEADER.lines().next().unwrap(), row.to_string());
		let end = |text: &str, part: &str| {
			let start = text.rfind(part).unwrap();
			text[..start].chars().count() + part.chars().count()
		};
		for (title, value) in [
			("metered", "12345"),
			("price", "0.1500"),
			("payments", "-12"),
			("balance", " 3"),
			("lag", " 2"),
		] {
			assert_eq!(end(titles, title), end(&row, value), "{title}");
		}
	}

	#[test]
	fn a_period_without_trades_should_have_no_price() {
		assert_eq!(Row::default().mean_price(), None);
		assert!(Row::default().to_string().contains('–'));
		assert_eq!(mean_price(150_000_000, 1), Some(150_000.0));
	}
}
