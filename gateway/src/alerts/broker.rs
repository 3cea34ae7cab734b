//! Alerts to an MQTT broker.
//!
//! They are told on `gridweave/v1/alerts/<microgrid>`. An alert counts as told once it has come back from the
//! broker, to which we listen ourselves.

use std::{future::Future, time::Duration};

use anyhow::{bail, Result};
use rumqttc::QoS;
use serde_json::Value;
use tokio::{
	sync::mpsc,
	time::{timeout_at, Instant},
};

use super::{due::Alert, Answer};
use crate::inlets::mqtt::{
	broker::{self, Link, Message},
	settings::Settings,
};

/// What topics of alerts begin with, before the number of the community.
const TOPIC: &str = "gridweave/v1/alerts/";
/// The topics of all communities' alerts.
const TOPICS: &str = "gridweave/v1/alerts/+";
/// How long a message may take to the broker and back.
const ROUND_TRIP: Duration = Duration::from_secs(10);
/// Messages that came back and may wait to be looked at; further ones are not missed, as theirs are sent again.
const QUEUE: usize = 1_024;

/// A broker that is told.
pub struct Broker {
	link: Link,
	came_back: mpsc::Receiver<String>,
}

/// The name of the alert in a message.
fn id_of(payload: &[u8]) -> Option<String> {
	let message: Value = serde_json::from_slice(payload).ok()?;
	message["id"].as_str().map(str::to_owned)
}

impl Broker {
	/// The broker, and the connection to it, which is to be run.
	pub fn new(settings: &Settings) -> Result<(Self, impl Future<Output = Result<()>> + Send)> {
		let topics = vec![TOPICS.to_owned()];
		let (broker, link) = broker::Broker::new(settings, topics, QoS::AtLeastOnce)?;
		let (sender, came_back) = mpsc::channel(QUEUE);
		let answering = link.clone();
		let take = move |message: Message| {
			if let Some(id) = id_of(&message.payload) {
				// If there is no room, the alert is told again.
				let _ = sender.try_send(id);
			}
			answering.acknowledge(message.ticket);
		};
		let connection = async move {
			broker.run(take).await;
			Ok(())
		};
		Ok((Self { link, came_back }, connection))
	}

	/// Publishes an alert, and waits until it comes back.
	pub async fn publish(&mut self, alert: &Alert, message: &Value) -> Result<Answer> {
		let (id, deadline) = (alert.id(), Instant::now() + ROUND_TRIP);
		let topic = format!("{TOPIC}{}", alert.microgrid);
		if !self.link.publish(&topic, message.to_string().into_bytes()) {
			bail!("there is no room for alerts to the broker");
		}
		loop {
			match timeout_at(deadline, self.came_back.recv()).await {
				Ok(Some(back)) if back == id => return Ok(Answer::Taken),
				Ok(Some(_)) => {}
				Ok(None) => bail!("the connection to the broker has ended"),
				Err(_) => bail!("the broker does not tell {topic} back: may we read it?"),
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn only_an_alert_should_have_a_name() {
		assert_eq!(id_of(br#"{"id":"x"}"#), Some("x".to_owned()));
		for payload in [&b""[..], b"{}", b"[]", b"{\"id\":1}", b"\xff"] {
			assert_eq!(id_of(payload), None);
		}
	}
}
