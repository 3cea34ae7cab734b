//! The market for Prometheus. All names begin with `gridweave_market_`.

use gridweave_primitives::{MicrogridId, Period};
use gridweave_runtime::Hash;
use pallet_order_book::runtime_api::{OrderBookApi, Survey};
use pallet_settlement::runtime_api::SettlementApi;
use sp_api::{ApiError, ProvideRuntimeApi};
use substrate_prometheus_endpoint::{register, Counter, Gauge, PrometheusError, Registry, U64};

use super::feed::Traded;
use crate::service::FullClient;

/// Books that are looked at in one block. More are looked at over several blocks.
const PAGE: u32 = 1_000;

/// The metrics, and how far the round over all books has come.
pub struct Metrics {
	trades: Counter<U64>,
	traded_energy: Counter<U64>,
	open_orders: Gauge<U64>,
	open_energy: Gauge<U64>,
	books: Gauge<U64>,
	books_due: Gauge<U64>,
	awaiting_settlement: Gauge<U64>,
	round: Round,
}

/// What the books come to that were looked at since the first one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Round {
	after: Option<(MicrogridId, Period)>,
	books: u64,
	orders: u64,
	energy: u64,
}

impl Round {
	/// Adds a page; the sums, if it was the last one.
	fn add(&mut self, page: &Survey) -> Option<Self> {
		self.after = page.last;
		self.books = self.books.saturating_add(page.books.into());
		self.orders = self.orders.saturating_add(page.orders.into());
		self.energy = self.energy.saturating_add(page.energy.0);
		self.after.is_none().then(|| std::mem::take(self))
	}
}

impl Metrics {
	/// Registers them all.
	pub fn register(registry: &Registry) -> Result<Self, PrometheusError> {
		let name = |name: &str| format!("gridweave_market_{name}");
		let counter = |of: &str, help: &str| register(Counter::new(name(of), help)?, registry);
		let gauge = |of: &str, help: &str| register(Gauge::new(name(of), help)?, registry);
		Ok(Self {
			trades: counter("trades_total", "Trades of finalised blocks")?,
			traded_energy: counter("traded_energy_wh_total", "Energy of these trades, in Wh")?,
			open_orders: gauge("open_orders", "Orders that rest in all books")?,
			open_energy: gauge(
				"open_energy_wh",
				"What is left of all resting orders, in Wh",
			)?,
			books: gauge("books", "Books that are kept")?,
			books_due: gauge(
				"books_due",
				"Books that wait for work that is due: auctions, expiry; counts up to 1000",
			)?,
			awaiting_settlement: gauge(
				"periods_awaiting_settlement",
				"Frozen periods of all communities that are not settled yet",
			)?,
			round: Round::default(),
		})
	}

	/// Counts the trades of a block.
	pub fn count(&self, traded: &Traded) {
		self.trades.inc_by(traded.trades.len() as u64);
		let energy = traded.trades.iter().map(|trade| trade.energy.0);
		self.traded_energy
			.inc_by(energy.fold(0, u64::saturating_add));
	}

	/// Measures the rest at a block.
	pub fn measure(&mut self, client: &FullClient, at: Hash) -> Result<(), ApiError> {
		let api = client.runtime_api();
		self.awaiting_settlement
			.set(api.awaiting_settlement(at)?.into());
		self.books_due.set(api.books_due(at)?.into());
		let page = api.survey(at, self.round.after, PAGE)?;
		self.surveyed(&page);
		Ok(())
	}

	fn surveyed(&mut self, page: &Survey) {
		if let Some(all) = self.round.add(page) {
			self.books.set(all.books);
			self.open_orders.set(all.orders);
			self.open_energy.set(all.energy);
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::WattHours;

	#[test]
	fn open_orders_should_be_told_when_all_books_were_looked_at() {
		let registry = Registry::new();
		let mut metrics = Metrics::register(&registry).expect("new names");
		let page = |books, orders, last: Option<u32>| Survey {
			books,
			orders,
			energy: WattHours(10 * u64::from(orders)),
			last: last.map(|period| (MicrogridId(0), Period(period))),
		};
		metrics.surveyed(&page(1_000, 7, Some(5)));
		assert_eq!(metrics.open_orders.get(), 0);
		assert_eq!(metrics.round.after, Some((MicrogridId(0), Period(5))));
		metrics.surveyed(&page(20, 3, None));
		assert_eq!(
			(metrics.books.get(), metrics.open_orders.get()),
			(1_020, 10)
		);
		assert_eq!(metrics.open_energy.get(), 100);
		// The next round begins anew.
		metrics.surveyed(&page(4, 2, None));
		assert_eq!((metrics.books.get(), metrics.open_orders.get()), (4, 2));
	}
}
