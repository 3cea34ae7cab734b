//! What a client sees of the market without knowing the chain: by RPC and by subscription.

use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};
use gridweave_e2e::{
	chain::{call, number_of, until, Call, Chain},
	meter::{account, Device},
	place::{self, free_port},
	process::{Gateway, Node, NodeSpec},
};
use serde_json::{json, Value as Json};
use subxt::{
	dynamic::Value,
	rpcs::{client::RpcSubscription, rpc_params},
};
use tokio::time::timeout;

const MICROGRID: u32 = 0;
/// Length of a period of the development chain, in seconds.
const LENGTH: u64 = 12;

fn order(device: &Device, side: &str, period: u32, energy: u64, price: u64) -> Call {
	let order = Value::named_composite([
		("meter", Value::from(device.meter)),
		("side", Value::unnamed_variant(side, [])),
		("period", Value::from(period)),
		("energy", Value::from(energy)),
		("limit_price", Value::from(price)),
		("time_in_force", Value::unnamed_variant("GoodUntilGate", [])),
	]);
	call("OrderBook", "place_order", vec![("order", order)])
}

/// The first message that is as it should be; `what` says how.
async fn message(
	what: &str,
	messages: &mut RpcSubscription<Json>,
	good: impl Fn(&Json) -> bool,
) -> Result<Json> {
	let wait = async {
		let mut last = Json::Null;
		loop {
			match messages.next().await {
				Some(message) => last = message?,
				None => bail!("closed after {last}"),
			}
			if good(&last) {
				return Ok(last);
			}
		}
	};
	timeout(Duration::from_secs(60), wait)
		.await
		.with_context(|| format!("waited in vain: {what}"))?
		.with_context(|| what.to_string())
}

async fn chain_seconds(chain: &Chain) -> Result<u64> {
	let best = chain.best().await?;
	let now = chain.ask(&best, "MicrogridsApi", "now", vec![]).await?;
	Ok(number_of(&now)?.try_into()?)
}

/// Waits until the chain's time is `second`, and delivers what registers have counted until then.
async fn report(
	chain: &Chain,
	gateway: &Gateway,
	second: u64,
	devices: [(&mut Device, u64, u64); 2],
) -> Result<()> {
	until(
		&format!("chain time {second}"),
		Duration::from_secs(120),
		|| async { Ok((chain_seconds(chain).await? >= second).then_some(())) },
	)
	.await?;
	for (device, import, export) in devices {
		gateway
			.deliver(&device.read(second, import, export))
			.await?;
	}
	Ok(())
}

#[test]
fn a_client_should_see_the_market_as_it_changes() -> Result<()> {
	place::run(|place| async move {
		let rpc_port = free_port()?;
		let gateway = Gateway::start(&place, rpc_port).await?;
		let spec = NodeSpec::development()
			.rpc_port(rpc_port)
			.gateways([gateway.url.clone()]);
		let node = Node::start(&place, &spec).await?;
		let chain = &node.chain;
		let genesis = chain.genesis_hash();
		let operator = account("Operator")?;
		let (alice, bob) = (account("Alice")?, account("Bob")?);
		let mut roof = Device::new("roof", genesis)?;
		let mut flat = Device::new("flat", genesis)?;
		roof.join(chain, &alice, &operator, MICROGRID).await?;
		flat.join(chain, &bob, &operator, MICROGRID).await?;
		let period = u32::try_from(chain_seconds(chain).await? / LENGTH)? + 5;

		// An empty book at once; a price level when an order rests.
		let mut book = chain
			.subscribe(
				"market_subscribeBook",
				rpc_params![MICROGRID, period, 5],
				"market_unsubscribeBook",
			)
			.await?;
		let first = message("the book at once", &mut book, |_| true).await?;
		ensure!(
			first["bids"] == json!([]) && first["asks"] == json!([]) && first["summary"].is_null(),
			"{first}"
		);
		let mut feeds = Vec::new();
		for finalised in [false, true] {
			let feed = chain.subscribe(
				"market_subscribeTrades",
				rpc_params![MICROGRID, finalised],
				"market_unsubscribeTrades",
			);
			feeds.push(feed.await?);
		}
		chain
			.run(&alice, &order(&roof, "Ask", period, 600, 150_000))
			.await?;
		let offered = json!([{ "price": 150_000, "energy": 600, "orders": 1 }]);
		message("the ask", &mut book, |book| book["asks"] == offered).await?;

		// A trade, in the book and in both feeds.
		chain
			.run(&bob, &order(&flat, "Bid", period, 200, 160_000))
			.await?;
		let left = json!([{ "price": 150_000, "energy": 400, "orders": 1 }]);
		let traded = message("the trade", &mut book, |book| book["asks"] == left).await?;
		let summary = &traded["summary"];
		// 0.15 GRID per kWh for 200 Wh.
		let expected = json!({
			"bestBid": null, "bestAsk": 150_000, "bids": 0, "asks": 1, "bidEnergy": 0,
			"askEnergy": 400, "lastPrice": 150_000, "averagePrice": 150_000, "volume": 200,
			"value": "30000000000", "trades": 1,
		});
		ensure!(*summary == expected, "{summary}");
		for feed in &mut feeds {
			let told = message("the trade in a feed", feed, |_| true).await?;
			let trade = &told["trades"][0];
			ensure!(
				trade["energy"] == 200
					&& trade["price"] == 150_000
					&& trade["sellerMeter"] == roof.meter
					&& trade["buyerMeter"] == flat.meter
					&& trade["taker"] == "bid",
				"{told}"
			);
		}

		// The same by methods.
		let ask = |method: &'static str, params| chain.rpc(method, params);
		let told = ask("market_summary", rpc_params![MICROGRID, period]).await?;
		ensure!(told == expected, "{told}");
		let told = ask("market_depth", rpc_params![MICROGRID, period]).await?;
		ensure!(told == json!({ "bids": [], "asks": left }), "{told}");
		let told = ask("market_best", rpc_params![MICROGRID, period]).await?;
		ensure!(told["bid"].is_null(), "{told}");
		let owner = alice.public_key().to_account_id();
		let mine = ask("market_meters", rpc_params![owner.to_string()]).await?;
		ensure!(
			mine == json!({ "meters": [roof.meter], "next": null }),
			"{mine}"
		);
		let orders = ask("market_orders", rpc_params![roof.meter]).await?;
		ensure!(orders == json!([told["ask"]]), "{orders} and {told}");
		let told = ask("market_positions", rpc_params![flat.meter]).await?;
		ensure!(
			told[0]["period"] == period && told[0]["contracts"]["bought"] == 200,
			"{told}"
		);
		let unknown = rpc_params![MICROGRID, period, format!("0x{}", "11".repeat(32))];
		let refused = ask("market_summary", unknown).await;
		ensure!(refused.is_err(), "an unknown block answers: {refused:?}");

		// 1,000 Wh in and 500 Wh out, exactly within the period.
		let (start, end) = (u64::from(period) * LENGTH, u64::from(period + 1) * LENGTH);
		let none = [(&mut roof, 0, 0), (&mut flat, 0, 0)];
		report(chain, &gateway, start, none).await?;
		let energy = [(&mut roof, 0, 1_000), (&mut flat, 500, 0)];
		report(chain, &gateway, end, energy).await?;
		// What was left of the ask is gone with the gate, at the latest now.
		message("the book after its gate", &mut book, |book| {
			book["asks"] == json!([])
		})
		.await?;

		// The pool meets what was metered again, as far as is known.
		let mut prices = chain
			.subscribe(
				"market_subscribePrices",
				rpc_params![MICROGRID],
				"market_unsubscribePrices",
			)
			.await?;
		let settled = |told: &Json| {
			let price = &told["prices"][1];
			price["surplus"] == 1_000 && price["need"] == 500
		};
		let told = message("prices after settlement", &mut prices, settled).await?;
		ensure!(told["periodLength"] == LENGTH, "{told}");
		let price = &told["prices"][1];
		ensure!(
			price["ratio"] == 2_000_000 && price["sell"] == 80_000 && price["days"] == 0,
			"{price}"
		);
		let told = ask(
			"market_expectedPrices",
			rpc_params![MICROGRID, period + 96, 1],
		)
		.await?;
		ensure!(
			told[0]["period"] == period + 96 && told[0]["days"] == 1 && told[0]["need"] == 500,
			"{told}"
		);

		// The bill: 200 Wh at 0.15, 800 Wh at the feed-in price, less the fee of 0.001 for 200 Wh.
		let told = ask("market_bill", rpc_params![roof.meter, period, 1]).await?;
		let bill = &told["statements"][0];
		let amount = (200 * 150_000 + 800 * 80_000 - 200 * 1_000) * 1_000u64;
		let amount = amount.to_string();
		ensure!(
			bill["period"] == period
				&& bill["delivered"] == 200
				&& bill["surplus"] == 800
				&& bill["amount"] == amount,
			"{told}"
		);

		// What Prometheus is told of that trade, finalised long since.
		for (metric, expected) in [("trades_total", "1"), ("traded_energy_wh_total", "200")] {
			let counted = node.metric(&format!("gridweave_market_{metric}")).await?;
			let value = counted.first().and_then(|line| line.split(' ').next_back());
			ensure!(value == Some(expected), "{counted:?}");
		}

		// A book that is no longer kept is told once, and the subscription ends.
		let mut past = chain
			.subscribe(
				"market_subscribeBook",
				rpc_params![MICROGRID, period - 20],
				"market_unsubscribeBook",
			)
			.await?;
		let first = message("a past book", &mut past, |_| true).await?;
		ensure!(first["summary"].is_null(), "{first}");
		let end = timeout(Duration::from_secs(30), past.next()).await?;
		ensure!(!matches!(end, Some(Ok(_))), "it goes on: {end:?}");
		Ok(())
	})
}
