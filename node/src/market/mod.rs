//! The market for clients: what the runtime APIs tell of books, bills and expected prices, by RPC, by
//! subscription and to Prometheus.
//!
//! What somebody watches is looked at once per best block, for all who watch it, on a thread of its own, and
//! told if it has changed ([`board`](crate::board)). Trades are read once per block and kept for the slow for
//! [`feed::BLOCKS`] blocks with trades.
//! So no client slows the node or another one.

mod feed;
mod metrics;
mod render;
mod rpc;

use std::sync::Arc;

use futures::{stream, FutureExt, StreamExt};
use gridweave_primitives::{market::Side, MicrogridId, Period};
use gridweave_runtime::{opaque::Block, BlockNumber, Hash};
use pallet_microgrids::runtime_api::MicrogridsApi;
use pallet_order_book::runtime_api::OrderBookApi;
use pallet_settlement::runtime_api::SettlementApi;
use sc_client_api::{BlockImportNotification, BlockchainEvents, FinalityNotification};
use serde_json::{json, Value};
use sp_api::{ApiError, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;

use crate::{
	board::{Board, Seen},
	service::FullClient,
};
use feed::{Feed, Traded};

pub use metrics::Metrics;
pub use rpc::{MarketApiServer, MarketRpc};

const LOG: &str = "gridweave::market";

/// Most price levels of a side that a book is told with: as many as the runtime tells.
const LEVELS: u32 = 100;

/// Most periods that expected prices are told for: as many as the runtime tells.
const PERIODS: u32 = 96;

/// How many different books are watched at a time.
const MOST_BOOKS: usize = 512;

/// In how many different communities expected prices are watched at a time.
const MOST_PRICES: usize = 128;

/// What there is to be watched, and who asks the runtime for it.
pub struct Market {
	client: Arc<FullClient>,
	books: Board<(MicrogridId, Period)>,
	prices: Board<MicrogridId>,
	/// Trades of blocks as they become best.
	best: Feed,
	/// Trades of blocks as they are finalised.
	finalised: Feed,
}

/// What the client tells.
enum News {
	Imported(BlockImportNotification<Block>),
	Finalised(FinalityNotification<Block>),
}

impl Market {
	/// Nothing is watched yet.
	pub fn new(client: Arc<FullClient>) -> Self {
		Self {
			client,
			books: Board::new(MOST_BOOKS),
			prices: Board::new(MOST_PRICES),
			best: Feed::new(),
			finalised: Feed::new(),
		}
	}

	/// Both sides of a book and its summary, at a block.
	fn book(&self, at: Hash, microgrid: MicrogridId, period: Period) -> Result<Value, ApiError> {
		let api = self.client.runtime_api();
		let side = |side| api.depth(at, microgrid, period, side, LEVELS);
		let (bids, asks) = (side(Side::Bid)?, side(Side::Ask)?);
		let summary = api.market_data(at, microgrid, period)?;
		Ok(json!({
			"microgrid": microgrid,
			"period": period,
			"bids": render::levels(&bids),
			"asks": render::levels(&asks),
			"summary": summary.as_ref().map(render::summary),
		}))
	}

	/// A book as its watchers see it. It is seen for the last time when its period is no longer kept.
	fn seen_book(&self, at: Hash, key: (MicrogridId, Period)) -> Result<Seen, ApiError> {
		let what = self.book(at, key.0, key.1)?;
		let over = key.1 < self.client.runtime_api().current_period(at)?;
		let last = (over && what["summary"].is_null()).then_some("the period is no longer kept");
		Ok(self.seen(at, what, last))
	}

	/// Expected prices from the current period on, as those see them who watch them.
	fn seen_prices(&self, at: Hash, microgrid: MicrogridId) -> Result<Seen, ApiError> {
		let api = self.client.runtime_api();
		let prices = api.expected_prices(at, microgrid, Period(0), PERIODS)?;
		let prices: Vec<_> = prices.iter().map(render::expected).collect();
		let what = json!({
			"microgrid": microgrid,
			"periodLength": api.clock(at)?.period_length,
			"prices": prices,
		});
		Ok(self.seen(at, what, None))
	}

	fn seen(&self, at: Hash, what: Value, last: Option<&'static str>) -> Seen {
		Seen {
			hash: at,
			block: self.number(at),
			what,
			last,
		}
	}

	fn number(&self, at: Hash) -> BlockNumber {
		self.client.number(at).ok().flatten().unwrap_or_default()
	}

	/// Shows the state of a block to all who watch.
	fn show(&self, at: Hash) {
		for key in self.books.watched() {
			match self.seen_book(at, key) {
				Ok(seen) => self.books.show(&key, seen),
				Err(error) => log::debug!(target: LOG, "book {key:?} at {at:?}: {error}"),
			}
		}
		for microgrid in self.prices.watched() {
			match self.seen_prices(at, microgrid) {
				Ok(seen) => self.prices.show(&microgrid, seen),
				Err(error) => log::debug!(target: LOG, "prices of {microgrid} at {at:?}: {error}"),
			}
		}
	}

	/// The trades of a block. `Err` with its number if they cannot be read any more.
	fn trades(&self, at: Hash) -> Result<Traded, BlockNumber> {
		let block = self.number(at);
		match self.client.runtime_api().trades(at) {
			Ok(trades) => Ok(Traded {
				hash: at,
				block,
				trades,
			}),
			Err(error) => {
				log::debug!(target: LOG, "trades of block {block}: {error}");
				Err(block)
			}
		}
	}

	/// Follows the chain, for as long as the node runs. Blocks the thread it runs on.
	pub async fn follow(self: Arc<Self>, mut metrics: Option<Metrics>) {
		let imported = self.client.import_notification_stream().map(News::Imported);
		let finalised = self
			.client
			.finality_notification_stream()
			.map(News::Finalised);
		let mut news = stream::select(imported, finalised);
		while let Some(first) = news.next().await {
			// If looking takes longer than a block, the states between are passed over; no trade is.
			let mut best = self.note(first, metrics.as_ref());
			while let Some(Some(next)) = news.next().now_or_never() {
				best = self.note(next, metrics.as_ref()).or(best);
			}
			let Some(best) = best else { continue };
			self.show(best);
			if let Some(metrics) = &mut metrics {
				if let Err(error) = metrics.measure(&self.client, best) {
					log::debug!(target: LOG, "metrics at {best:?}: {error}");
				}
			}
		}
	}

	/// Tells the trades that news bring. The new best block, if there is one.
	fn note(&self, news: News, metrics: Option<&Metrics>) -> Option<Hash> {
		match news {
			News::Imported(import) => {
				if !import.is_new_best {
					return None;
				}
				let routes = import.tree_route.iter();
				let enacted = routes
					.flat_map(|route| route.enacted())
					.map(|block| block.hash);
				for block in enacted.chain([import.hash]) {
					if !self.best.is_followed() {
						break;
					}
					self.best.tell(self.trades(block));
				}
				Some(import.hash)
			}
			News::Finalised(finality) => {
				for block in finality.tree_route.iter().copied().chain([finality.hash]) {
					if metrics.is_none() && !self.finalised.is_followed() {
						break;
					}
					let trades = self.trades(block);
					if let (Some(metrics), Ok(traded)) = (metrics, &trades) {
						metrics.count(traded);
					}
					self.finalised.tell(trades);
				}
				None
			}
		}
	}
}
