//! Expected prices of communities, from a node to the broker, for devices that follow them.
//!
//! What the node tells (`market_subscribePrices`) is published as it is, retained, on the topic
//! `gridweave/v1/prices/<microgrid>`: who subscribes hears the latest at once. A node that tells nothing any
//! more is connected to again; meanwhile nothing is told, and devices see by the periods that what they have
//! is old.

use std::time::Duration;

use anyhow::{bail, Context, Result};
use futures::future::{join_all, pending};
use serde::Deserialize;
use serde_json::Value;
use subxt::rpcs::{rpc_params, RpcClient};
use tokio::time::{sleep, timeout, Instant};
use tracing::{info, warn};

use super::{broker::Link, LONGEST_PAUSE, PAUSE};

/// After how long the same is told again: the broker may have forgotten it.
const AGAIN: Duration = Duration::from_secs(60);
/// Longest wait for the node to connect and to take the subscription.
const ANSWER: Duration = Duration::from_secs(10);

/// Whose prices to tell.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
	/// The node's WebSocket.
	pub node: String,
	/// The communities.
	pub microgrids: Vec<u32>,
}

/// Where the prices of a community are.
pub fn topic(microgrid: u32) -> String {
	format!("gridweave/v1/prices/{microgrid}")
}

/// Tells the broker the prices of all communities that are named, for ever.
pub async fn tell(link: Link, prices: Option<Prices>) {
	if let Some(Prices { node, microgrids }) = prices {
		let all = microgrids
			.into_iter()
			.map(|microgrid| follow(&link, &node, microgrid));
		join_all(all).await;
	}
	pending::<()>().await;
}

/// Follows the prices of a community, for ever.
async fn follow(link: &Link, node: &str, microgrid: u32) {
	let mut pause = PAUSE;
	loop {
		let mut told = false;
		if let Err(error) = follow_once(link, node, microgrid, &mut told).await {
			if told {
				pause = PAUSE;
			}
			warn!("prices of microgrid {microgrid}: {error:#}; asking {node} again in {pause:?}");
		}
		sleep(pause).await;
		pause = (pause * 2).min(LONGEST_PAUSE);
	}
}

/// Follows them until the connection fails. Whether anything was told.
async fn follow_once(link: &Link, node: &str, microgrid: u32, told: &mut bool) -> Result<()> {
	let connected = timeout(ANSWER, RpcClient::from_insecure_url(node)).await;
	let rpc = connected.context("the node does not answer")??;
	let subscribed = rpc.subscribe::<Value>(
		"market_subscribePrices",
		rpc_params![microgrid],
		"market_unsubscribePrices",
	);
	let subscribed = timeout(ANSWER, subscribed).await;
	let mut prices = subscribed.context("the node takes no subscription")??;
	let topic = topic(microgrid);
	let mut latest: Option<(Value, Instant)> = None;
	loop {
		match timeout(AGAIN, prices.next()).await {
			Ok(Some(message)) => {
				if latest.is_none() {
					info!("telling the prices of microgrid {microgrid} on {topic}");
				}
				latest = Some((message?, Instant::now()));
			}
			Ok(None) => bail!("the node has ended the subscription"),
			Err(_) => {}
		}
		let Some((message, since)) = &latest else {
			bail!("the node tells nothing");
		};
		if since.elapsed() > silence(message) {
			bail!("the node tells nothing any more");
		}
		*told = true;
		if !link.retain(&topic, message.to_string().into_bytes()) {
			warn!("{topic}: no room for prices; they come again");
		}
	}
}

/// How long a node may tell nothing after this message: prices change with every period.
fn silence(message: &Value) -> Duration {
	let period = message["periodLength"].as_u64().unwrap_or_default();
	AGAIN + 2 * Duration::from_secs(period.min(86_400))
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	#[test]
	fn a_node_should_be_given_two_periods_and_a_minute() {
		let seconds = |message: Value| silence(&message).as_secs();
		assert_eq!(seconds(json!({ "periodLength": 900 })), 1_860);
		assert_eq!(seconds(json!({ "prices": [] })), 60);
		assert_eq!(
			seconds(json!({ "periodLength": u64::MAX })),
			60 + 2 * 86_400
		);
	}
}
