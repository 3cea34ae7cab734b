//! Trades, block by block.

use std::sync::Arc;

use gridweave_primitives::MicrogridId;
use gridweave_runtime::{BlockNumber, Hash};
use jsonrpsee::{core::SubscriptionResult, SubscriptionSink};
use pallet_order_book::runtime_api::TradeReport;
use serde_json::{json, Value};
use tokio::sync::broadcast::{self, error::RecvError};

use super::render;
use crate::board;

/// How many blocks with trades a subscriber may be behind.
pub const BLOCKS: usize = 64;

/// The trades of a block.
#[derive(Clone, Debug)]
pub struct Traded {
	/// The block.
	pub hash: Hash,
	/// Its number.
	pub block: BlockNumber,
	/// Its trades, in their order.
	pub trades: Vec<TradeReport>,
}

/// A block with trades, or the number of one whose trades could not be read.
pub type Item = Result<Arc<Traded>, BlockNumber>;

/// Tells trades to all who follow.
pub struct Feed(broadcast::Sender<Item>);

impl Feed {
	/// Nobody follows it yet.
	pub fn new() -> Self {
		Self(broadcast::Sender::new(BLOCKS))
	}

	/// Whether anybody follows.
	pub fn is_followed(&self) -> bool {
		self.0.receiver_count() > 0
	}

	/// Follows it from now on.
	pub fn follow(&self) -> broadcast::Receiver<Item> {
		self.0.subscribe()
	}

	/// Tells the trades of a block, if it has any.
	pub fn tell(&self, traded: Result<Traded, BlockNumber>) {
		if traded.as_ref().is_ok_and(|traded| traded.trades.is_empty()) {
			return;
		}
		// Only fails if nobody follows.
		let _ = self.0.send(traded.map(Arc::new));
	}
}

/// What a subscriber is told of a block; nothing if nothing was traded in its community.
fn told(traded: &Traded, microgrid: Option<MicrogridId>) -> Option<Value> {
	let trades: Vec<_> = traded
		.trades
		.iter()
		.filter(|trade| microgrid.is_none_or(|of| trade.is_of(of)))
		.map(render::trade)
		.collect();
	(!trades.is_empty())
		.then(|| board::message(traded.hash, traded.block, &json!({ "trades": trades })))
}

/// Tells a subscriber the trades of a community, or of all: none is left out while the subscription is open.
pub async fn tell(
	sink: SubscriptionSink,
	mut blocks: broadcast::Receiver<Item>,
	microgrid: Option<MicrogridId>,
) -> SubscriptionResult {
	loop {
		let traded = tokio::select! {
			() = sink.closed() => return Ok(()),
			traded = blocks.recv() => traded,
		};
		match traded {
			Ok(Ok(traded)) => {
				let Some(message) = told(&traded, microgrid) else {
					continue;
				};
				if !board::send(&sink, &message).await? {
					return Ok(());
				}
			}
			Ok(Err(block)) => {
				return Err(format!(
					"the state of block {block} is gone: read its events, and subscribe again"
				)
				.into())
			}
			Err(RecvError::Lagged(missed)) => {
				return Err(format!(
					"too slow: the trades of {missed} blocks were passed over, subscribe again"
				)
				.into())
			}
			Err(RecvError::Closed) => return Err("the node stops".into()),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use gridweave_primitives::{market::Side, MeterId, OrderId, Period, Price, WattHours};
	use jsonrpsee::RpcModule;
	use pallet_order_book::runtime_api::TradedOrder;

	fn traded(block: BlockNumber, microgrids: &[u32]) -> Traded {
		let traded = |order_id, meter| {
			Some(TradedOrder {
				order_id: OrderId(order_id),
				meter: MeterId(meter),
			})
		};
		let trade = |microgrid: &u32| TradeReport {
			microgrid: MicrogridId(*microgrid),
			period: Period(7),
			price: Price(100_000),
			energy: WattHours(500),
			taker: Some(Side::Bid),
			over: None,
			bid: traded(2, 1),
			ask: traded(1, 0),
		};
		Traded {
			hash: Hash::zero(),
			block,
			trades: microgrids.iter().map(trade).collect(),
		}
	}

	#[test]
	fn subscriber_should_be_told_the_trades_of_its_community() {
		let block = traded(3, &[0, 1, 0]);
		let told = |of| told(&block, of).map(|told| told["trades"].as_array().map(Vec::len));
		assert_eq!(told(Some(MicrogridId(0))), Some(Some(2)));
		assert_eq!(told(None), Some(Some(3)));
		assert_eq!(told(Some(MicrogridId(2))), None);
	}

	#[tokio::test]
	async fn slow_subscriber_should_be_told_that_it_missed_trades() {
		let feed = Arc::new(Feed::new());
		let mut module = RpcModule::new(feed.clone());
		module
			.register_subscription(
				"follow",
				"trades",
				"leave",
				|_, pending, feed, _| async move {
					let blocks = feed.follow();
					let sink = pending.accept().await?;
					// More than it may be behind, before it takes the first.
					for block in 0..=BLOCKS as u32 {
						feed.tell(Ok(traded(block, &[0])));
					}
					let told = tell(sink, blocks, None).await;
					let reason = told.expect_err("it is too slow");
					assert!(format!("{reason:?}").contains("too slow"), "{reason:?}");
					Err(reason)
				},
			)
			.expect("one subscription");
		let mut news = module
			.subscribe_unbounded("follow", [(); 0])
			.await
			.expect("it is accepted");
		let closed = news.next::<Value>().await;
		assert!(!matches!(closed, Some(Ok(_))), "{closed:?}");
	}

	#[test]
	fn blocks_without_trades_should_not_be_told() {
		let feed = Feed::new();
		assert!(!feed.is_followed());
		let mut blocks = feed.follow();
		assert!(feed.is_followed());
		feed.tell(Ok(traded(1, &[])));
		feed.tell(Ok(traded(2, &[0])));
		feed.tell(Err(3));
		let first = blocks.try_recv().expect("told").expect("readable");
		assert_eq!(first.block, 2);
		assert_eq!(blocks.try_recv().expect("told").err(), Some(3));
	}
}
