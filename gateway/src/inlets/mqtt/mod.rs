//! `gridweave-gateway mqtt`: signed readings from an MQTT broker to a gateway; commands to devices from the gateway,
//! and expected prices from a node, to the broker.
//!
//! A message is acknowledged to the broker only once the gateway has synced its reading to disk, or has
//! refused it for a reason that is the reading's own. While the gateway takes nothing, the broker keeps what
//! comes. Devices learn what became of a reading from the topic `gridweave/v1/readings/<meter>/ack`.
//!
//! | module | holds |
//! |---|---|
//! | [`broker`] | the connection: 3.1.1 and 5, TLS, coming back |
//! | [`commands`] | what the chain commands devices |
//! | [`prices`] | expected prices, for devices that follow them |
//! | [`settings`] | where the broker is, and who we are to it |
//! | [`topics`] | what messages of which topics hold |

pub mod broker;
pub mod commands;
pub mod prices;
pub mod settings;
pub mod topics;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use rumqttc::QoS;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use self::{
	broker::{Broker, Link, Message, Ticket},
	commands::Found,
	prices::Prices,
	settings::Settings,
	topics::{answer_topic, read, Offer, Read},
};
use super::gateway::{Advice, Gateway};
use crate::{command, interrupted, server::body::MAX_POST_READINGS};

/// Readings that may wait to be posted: as many as there are packet numbers, so that only messages that
/// nobody wants acknowledged (quality of service 0) are ever dropped.
const QUEUE: usize = 1 << 16;
/// Pauses while the gateway takes nothing.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Options of `gridweave-gateway mqtt`.
#[derive(Clone, Debug, clap::Args)]
pub struct MqttArgs {
	/// File that names the gateway and the broker (docs/meters.md).
	#[arg(long, value_name = "FILE")]
	pub config: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
	/// Base URL of the gateway.
	gateway: String,
	/// The broker.
	mqtt: Settings,
	/// Whether to tell devices what the chain commands.
	#[serde(default = "yes")]
	commands: bool,
	/// Whose prices to tell, if any.
	prices: Option<Prices>,
}

fn yes() -> bool {
	true
}

/// A signed reading that the broker waits for us to acknowledge.
struct Waiting {
	offer: Offer,
	ticket: Ticket,
	/// Whether its device listens for an answer.
	answer: bool,
}

/// Runs until SIGINT or SIGTERM.
pub async fn run(args: MqttArgs) -> Result<()> {
	let text = std::fs::read_to_string(&args.config)
		.with_context(|| format!("{} cannot be read", args.config.display()))?;
	let config: Config =
		toml::from_str(&text).with_context(|| format!("in {}", args.config.display()))?;
	let gateway = Gateway::new(&config.gateway)?;
	let mut topics = vec![topics::READINGS, topics::CHIRPSTACK];
	let found = config.commands.then(Found::default);
	topics.extend(found.as_ref().map(|_| command::TOPICS));
	let topics = topics.into_iter().map(str::to_owned).collect();
	let (broker, link) = Broker::new(&config.mqtt, topics, QoS::AtLeastOnce)?;
	let (sender, waiting) = mpsc::channel(QUEUE);
	info!("from {} to {}", config.mqtt.url, config.gateway);
	let taking = link.clone();
	let prices = prices::tell(link.clone(), config.prices);
	let commands = commands::tell(link.clone(), gateway.clone(), found.clone());
	let take = move |message: Message| match &found {
		Some(found) if command::meter_of(&message.topic).is_some() => {
			found.note(&message);
			taking.acknowledge(message.ticket);
		}
		_ => take(message, &taking, &sender),
	};
	tokio::select! {
		() = broker.run(take) => Ok(()),
		() = commands => Ok(()),
		() = forward(gateway, link, waiting) => Ok(()),
		() = prices => Ok(()),
		signal = interrupted() => Ok(signal?),
	}
}

/// Takes a message from the broker, without waiting.
fn take(message: Message, link: &Link, queue: &mpsc::Sender<Waiting>) {
	let Message {
		topic,
		payload,
		ticket,
		..
	} = message;
	match read(&topic, &payload) {
		Read::Offer(offer) => {
			let waiting = Waiting {
				answer: topics::is_a_devices(&topic),
				offer,
				ticket,
			};
			if queue.try_send(waiting).is_err() {
				warn!("too many messages wait; one of {topic} is dropped");
			}
		}
		Read::Malformed(meter) => {
			debug!("{topic}: no reading of meter {meter}");
			link.publish(
				&answer_topic(meter),
				json!({ "outcome": "malformed" }).to_string().into(),
			);
			link.acknowledge(ticket);
		}
		Read::Nothing => {
			debug!("{topic}: nothing for us");
			link.acknowledge(ticket);
		}
	}
}

/// Posts what waits, many at a time and in order of arrival, and tells broker and devices what became of it.
async fn forward(gateway: Gateway, link: Link, mut queue: mpsc::Receiver<Waiting>) {
	let mut batch: Vec<Waiting> = Vec::new();
	let mut pause = PAUSE;
	loop {
		let room = MAX_POST_READINGS.saturating_sub(batch.len());
		if batch.is_empty() {
			if queue.recv_many(&mut batch, room).await == 0 {
				return;
			}
		} else {
			// What waits longer comes first.
			while batch.len() < MAX_POST_READINGS {
				let Ok(waiting) = queue.try_recv() else { break };
				batch.push(waiting);
			}
		}
		let count = batch.len();
		match gateway
			.post(batch.iter().map(|waiting| &waiting.offer.frame[..]))
			.await
		{
			Ok(outcomes) => {
				let mut outcomes = outcomes.into_iter();
				batch.retain(|waiting| {
					let Some(outcome) = outcomes.next() else {
						return true;
					};
					// Anything but a gateway that takes nothing is news for the device, which may come again.
					let wait = outcome.advice() == Advice::Wait;
					if !wait {
						settle(&link, waiting, &outcome.outcome);
					}
					wait
				});
			}
			Err(error) => warn!("readings wait; trying again in {pause:?}: {error:#}"),
		}
		if batch.len() < count {
			pause = PAUSE;
			if batch.is_empty() {
				continue;
			}
		}
		tokio::time::sleep(pause).await;
		pause = (pause * 2).min(LONGEST_PAUSE);
	}
}

fn settle(link: &Link, waiting: &Waiting, outcome: &str) {
	let Offer {
		meter, sequence, ..
	} = waiting.offer;
	if waiting.answer {
		let answer = json!({ "meter": meter, "sequence": sequence, "outcome": outcome });
		if !link.publish(&answer_topic(meter), answer.to_string().into()) {
			debug!("meter {meter}: no room for an answer; its device asks again");
		}
	}
	link.acknowledge(waiting.ticket);
}
