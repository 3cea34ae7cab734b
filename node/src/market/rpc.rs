//! The methods `market_*`. Every one that is not a subscription takes the hash of a block as its last
//! argument: without it, it answers for the best one.

use std::sync::Arc;

use gridweave_primitives::{market::Side, MeterId, MicrogridId, Period};
use gridweave_runtime::{AccountId, Hash};
use jsonrpsee::{
	core::{async_trait, RpcResult, SubscriptionResult},
	proc_macros::rpc,
	PendingSubscriptionSink,
};
use pallet_meter_registry::runtime_api::MeterRegistryApi;
use pallet_order_book::runtime_api::OrderBookApi;
use pallet_settlement::runtime_api::SettlementApi;
use serde_json::{json, Value};
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;

use super::{feed, render, Market, LEVELS, PERIODS};
use crate::{
	answers::{self, failed},
	service::FullClient,
};

/// Price levels of a side, if none are asked for.
const FEW_LEVELS: u32 = 10;

/// Bills of one answer, if none are asked for: a day of quarters of an hour.
const FEW_BILLS: u32 = 96;

/// The market.
#[rpc(server)]
pub trait MarketApi {
	/// The orders that trade first in a book: `bid` and `ask`.
	#[method(name = "market_best", blocking)]
	fn best(&self, microgrid: MicrogridId, period: Period, at: Option<Hash>) -> RpcResult<Value>;

	/// The price levels of a book, best first: `bids` and `asks`, at most `levels` (10, at most 100) each.
	#[method(name = "market_depth", blocking)]
	fn depth(
		&self,
		microgrid: MicrogridId,
		period: Period,
		levels: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Value>;

	/// A book at a glance: best, last and average prices, volume. Null if no order ever rested there, or the
	/// period is no longer kept.
	#[method(name = "market_summary", blocking)]
	fn summary(
		&self,
		microgrid: MicrogridId,
		period: Period,
		at: Option<Hash>,
	) -> RpcResult<Option<Value>>;

	/// The meters of an account: `meters`, ascending, from `from` (0) on; and `next`, from where on to ask
	/// for more, null if there are none.
	#[method(name = "market_meters", blocking)]
	fn meters(&self, who: AccountId, from: Option<MeterId>, at: Option<Hash>) -> RpcResult<Value>;

	/// The open orders of a meter, oldest first.
	#[method(name = "market_orders", blocking)]
	fn orders(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Vec<Value>>;

	/// What a meter traded for periods that are not settled yet, oldest first.
	#[method(name = "market_positions", blocking)]
	fn positions(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Vec<Value>>;

	/// The bills of a meter that are kept, oldest first, from period `from` on, at most `limit` (96, at most
	/// 512), and its running totals.
	#[method(name = "market_bill", blocking)]
	fn bill(
		&self,
		meter: MeterId,
		from: Option<Period>,
		limit: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Value>;

	/// An account's standing with the clearing house.
	#[method(name = "market_account", blocking)]
	fn account(&self, who: AccountId, at: Option<Hash>) -> RpcResult<Value>;

	/// What surplus will probably earn and need pay in the open periods of a community, from `from` (the
	/// current period) on, at most `count` (96, at most 96) of them.
	#[method(name = "market_expectedPrices", blocking)]
	fn expected_prices(
		&self,
		microgrid: MicrogridId,
		from: Option<Period>,
		count: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Vec<Value>>;

	/// A book: now, and after every best block in which it has changed. Levels as for `market_depth`.
	#[subscription(
		name = "market_subscribeBook" => "market_book",
		unsubscribe = "market_unsubscribeBook",
		item = Value
	)]
	async fn subscribe_book(
		&self,
		microgrid: MicrogridId,
		period: Period,
		levels: Option<u32>,
	) -> SubscriptionResult;

	/// The trades of a community, or of all, of each block as it becomes best; with `finalised`, as it is
	/// finalised.
	#[subscription(
		name = "market_subscribeTrades" => "market_trades",
		unsubscribe = "market_unsubscribeTrades",
		item = Value
	)]
	async fn subscribe_trades(
		&self,
		microgrid: Option<MicrogridId>,
		finalised: Option<bool>,
	) -> SubscriptionResult;

	/// Expected prices of a community from the current period on: now, and after every best block in which
	/// they have changed.
	#[subscription(
		name = "market_subscribePrices" => "market_prices",
		unsubscribe = "market_unsubscribePrices",
		item = Value
	)]
	async fn subscribe_prices(&self, microgrid: MicrogridId) -> SubscriptionResult;
}

/// Answers from the node's client.
pub struct MarketRpc(Arc<Market>);

impl MarketRpc {
	/// Answers for this market.
	pub fn new(market: Arc<Market>) -> Self {
		Self(market)
	}

	fn client(&self) -> &FullClient {
		&self.0.client
	}

	fn at(&self, at: Option<Hash>) -> Hash {
		at.unwrap_or_else(|| self.client().info().best_hash)
	}
}

#[async_trait]
impl MarketApiServer for MarketRpc {
	fn best(&self, microgrid: MicrogridId, period: Period, at: Option<Hash>) -> RpcResult<Value> {
		let (api, at) = (self.client().runtime_api(), self.at(at));
		let best = |side| {
			let best = api.best(at, microgrid, period, side).map_err(failed)?;
			RpcResult::Ok(best.as_ref().map(render::order))
		};
		Ok(json!({ "bid": best(Side::Bid)?, "ask": best(Side::Ask)? }))
	}

	fn depth(
		&self,
		microgrid: MicrogridId,
		period: Period,
		levels: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Value> {
		let (api, at) = (self.client().runtime_api(), self.at(at));
		let levels = levels.unwrap_or(FEW_LEVELS);
		let depth = |side| {
			let depth = api.depth(at, microgrid, period, side, levels);
			RpcResult::Ok(render::levels(&depth.map_err(failed)?))
		};
		Ok(json!({ "bids": depth(Side::Bid)?, "asks": depth(Side::Ask)? }))
	}

	fn summary(
		&self,
		microgrid: MicrogridId,
		period: Period,
		at: Option<Hash>,
	) -> RpcResult<Option<Value>> {
		let api = self.client().runtime_api();
		let summary = api.market_data(self.at(at), microgrid, period);
		Ok(summary.map_err(failed)?.as_ref().map(render::summary))
	}

	fn meters(&self, who: AccountId, from: Option<MeterId>, at: Option<Hash>) -> RpcResult<Value> {
		let api = self.client().runtime_api();
		let found = api.meters_of(self.at(at), who, from.unwrap_or_default());
		let found = found.map_err(failed)?;
		Ok(json!({ "meters": found.meters, "next": found.next }))
	}

	fn orders(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Vec<Value>> {
		let orders = self.client().runtime_api().orders_of(self.at(at), meter);
		Ok(orders.map_err(failed)?.iter().map(render::order).collect())
	}

	fn positions(&self, meter: MeterId, at: Option<Hash>) -> RpcResult<Vec<Value>> {
		let positions = self.client().runtime_api().positions(self.at(at), meter);
		let positions = positions.map_err(failed)?;
		Ok(positions
			.iter()
			.map(|(period, position)| render::position(*period, position))
			.collect())
	}

	fn bill(
		&self,
		meter: MeterId,
		from: Option<Period>,
		limit: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Value> {
		let (api, at) = (self.client().runtime_api(), self.at(at));
		let totals = api.totals(at, meter).map_err(failed)?;
		let from = from.unwrap_or_default();
		let statements: Vec<_> = api
			.statements(at, meter)
			.map_err(failed)?
			.iter()
			.filter(|(period, _)| *period >= from)
			.take(limit.unwrap_or(FEW_BILLS) as usize)
			.map(|(period, statement)| render::statement(*period, statement))
			.collect();
		Ok(json!({ "totals": render::totals(&totals), "statements": statements }))
	}

	fn account(&self, who: AccountId, at: Option<Hash>) -> RpcResult<Value> {
		let account = self.client().runtime_api().account(self.at(at), who);
		Ok(render::account(&account.map_err(failed)?))
	}

	fn expected_prices(
		&self,
		microgrid: MicrogridId,
		from: Option<Period>,
		count: Option<u32>,
		at: Option<Hash>,
	) -> RpcResult<Vec<Value>> {
		let api = self.client().runtime_api();
		let (from, count) = (from.unwrap_or_default(), count.unwrap_or(PERIODS));
		let prices = api.expected_prices(self.at(at), microgrid, from, count);
		Ok(prices
			.map_err(failed)?
			.iter()
			.map(render::expected)
			.collect())
	}

	async fn subscribe_book(
		&self,
		pending: PendingSubscriptionSink,
		microgrid: MicrogridId,
		period: Period,
		levels: Option<u32>,
	) -> SubscriptionResult {
		let key = (microgrid, period);
		let levels = levels.unwrap_or(FEW_LEVELS).min(LEVELS) as usize;
		let (market, at) = (self.0.clone(), self.at(None));
		let look = move || {
			let seen = market.seen_book(at, key)?;
			market.books.show_first(&key, seen);
			Ok(())
		};
		let view = move |book: &Value| render::cut(book, levels);
		answers::subscribe(pending, self.0.books.watch(key), look, view).await
	}

	async fn subscribe_trades(
		&self,
		pending: PendingSubscriptionSink,
		microgrid: Option<MicrogridId>,
		finalised: Option<bool>,
	) -> SubscriptionResult {
		let feed = match finalised {
			Some(true) => &self.0.finalised,
			_ => &self.0.best,
		};
		let blocks = feed.follow();
		feed::tell(pending.accept().await?, blocks, microgrid).await
	}

	async fn subscribe_prices(
		&self,
		pending: PendingSubscriptionSink,
		microgrid: MicrogridId,
	) -> SubscriptionResult {
		let (market, at) = (self.0.clone(), self.at(None));
		let look = move || {
			let seen = market.seen_prices(at, microgrid)?;
			market.prices.show_first(&microgrid, seen);
			Ok(())
		};
		answers::subscribe(pending, self.0.prices.watch(microgrid), look, Value::clone).await
	}
}
