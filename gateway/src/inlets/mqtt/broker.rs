//! A connection to an MQTT broker, 3.1.1 or 5, that comes back by itself.
//!
//! Messages are acknowledged by hand. An acknowledgement belongs to one connection: sent on the next one, its
//! packet number could be that of another message, which would be lost. So connections are numbered, and
//! what was received on an old one is not acknowledged: the broker sends it again.

use std::{
	sync::{Arc, Mutex, PoisonError},
	time::Duration,
};

use anyhow::{ensure, Result};
use rumqttc::{v5, AsyncClient, EventLoop, MqttOptions, QoS};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::settings::{credentials, parse_url, transport, Settings, Version};

/// Requests to the broker that may wait: as many acknowledgements as there are packet numbers, and answers.
const REQUESTS: usize = 1 << 17;
/// Messages that an MQTT 5 broker may send before the first is acknowledged. One of 3.1.1 has a limit of its
/// own.
const WINDOW: u16 = 500;
/// Largest message; an MQTT 5 broker is told, one of 3.1.1 is hung up on.
const MAX_MESSAGE: usize = 256 * 1_024;
/// How long a broker keeps messages for us while we are away, in seconds.
const KEEP: u32 = 7 * 86_400;
/// How often a silent connection is tried.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Pauses between attempts to connect.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A message as it came.
pub struct Message {
	/// Its topic.
	pub topic: String,
	/// What it says.
	pub payload: Vec<u8>,
	/// Whether it is older than our subscription.
	pub retained: bool,
	/// With which to acknowledge it.
	pub ticket: Ticket,
}

/// Which message of which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
	connection: u64,
	packet: u16,
}

#[derive(Clone)]
enum Client {
	V3(AsyncClient),
	V5(v5::AsyncClient),
}

enum Events {
	V3(Box<EventLoop>),
	V5(Box<v5::EventLoop>),
}

/// What came from the broker.
enum Event {
	Connected,
	Message {
		topic: String,
		payload: Vec<u8>,
		retained: bool,
		packet: u16,
	},
	/// Subscriptions were granted, or not all of them.
	Subscribed(bool),
	Other,
}

/// What is said to the broker. Clones share the connection.
#[derive(Clone)]
pub struct Link {
	client: Client,
	connection: Arc<Mutex<u64>>,
	connected: Arc<watch::Sender<u64>>,
}

/// The connection, to be run.
pub struct Broker {
	events: Events,
	link: Link,
	topics: Vec<String>,
	qos: QoS,
	name: String,
}

impl Link {
	/// Acknowledges a message, unless its connection is gone. Does not wait.
	pub fn acknowledge(&self, ticket: Ticket) {
		// Held until it is queued: a connection that ends now clears the queue after this.
		let connection = self
			.connection
			.lock()
			.unwrap_or_else(PoisonError::into_inner);
		// Without a packet number, nobody waits for it.
		if *connection != ticket.connection || ticket.packet == 0 {
			return;
		}
		let queued = match &self.client {
			Client::V3(client) => {
				let mut publish = rumqttc::Publish::new("", QoS::AtLeastOnce, []);
				publish.pkid = ticket.packet;
				client.try_ack(&publish).is_ok()
			}
			Client::V5(client) => {
				let publish = v5::mqttbytes::v5::Publish {
					qos: v5::mqttbytes::QoS::AtLeastOnce,
					pkid: ticket.packet,
					..Default::default()
				};
				client.try_ack(&publish).is_ok()
			}
		};
		if !queued {
			error!(
				"an acknowledgement could not be queued; the broker will send the message again"
			);
		}
	}

	/// Publishes a message at least once, if there is room in the queue. Does not wait.
	pub fn publish(&self, topic: &str, payload: Vec<u8>) -> bool {
		self.send(topic, payload, false, None)
	}

	/// The same, and the broker keeps it for those who subscribe later, in place of the last one.
	pub fn retain(&self, topic: &str, payload: Vec<u8>) -> bool {
		self.send(topic, payload, true, None)
	}

	/// The same, and a broker of MQTT 5 forgets it after so many seconds, if any are named.
	pub fn retain_for(&self, topic: &str, payload: Vec<u8>, seconds: Option<u64>) -> bool {
		self.send(topic, payload, true, seconds)
	}

	/// How often the broker was connected to.
	pub fn connections(&self) -> watch::Receiver<u64> {
		self.connected.subscribe()
	}

	fn send(&self, topic: &str, payload: Vec<u8>, retain: bool, seconds: Option<u64>) -> bool {
		match &self.client {
			Client::V3(client) => client
				.try_publish(topic, QoS::AtLeastOnce, retain, payload)
				.is_ok(),
			Client::V5(client) => {
				let qos = v5::mqttbytes::QoS::AtLeastOnce;
				let Some(seconds) = seconds else {
					return client.try_publish(topic, qos, retain, payload).is_ok();
				};
				let properties = v5::mqttbytes::v5::PublishProperties {
					message_expiry_interval: Some(u32::try_from(seconds).unwrap_or(u32::MAX)),
					..Default::default()
				};
				client
					.try_publish_with_properties(topic, qos, retain, payload, properties)
					.is_ok()
			}
		}
	}
}

impl Broker {
	/// Prepares a connection that subscribes to these topics with this quality of service at most.
	pub fn new(settings: &Settings, topics: Vec<String>, qos: QoS) -> Result<(Self, Link)> {
		let (tls, host, port) = parse_url(&settings.url)?;
		let transport = transport(settings, tls)?;
		let credentials = credentials(settings)?;
		let id = settings.client_id.clone();
		ensure!(!id.is_empty(), "client_id is empty");
		let (client, events) = match settings.version {
			Version::V3 => {
				let mut options = MqttOptions::new(id, host, port);
				options
					.set_keep_alive(KEEP_ALIVE)
					.set_transport(transport)
					.set_clean_session(false)
					.set_manual_acks(true)
					.set_pending_throttle(Duration::ZERO)
					.set_max_packet_size(MAX_MESSAGE, MAX_MESSAGE);
				if let Some((user, password)) = credentials {
					options.set_credentials(user, password);
				}
				let (client, events) = AsyncClient::new(options, REQUESTS);
				(Client::V3(client), Events::V3(Box::new(events)))
			}
			Version::V5 => {
				let mut options = v5::MqttOptions::new(id, host, port);
				options
					.set_keep_alive(KEEP_ALIVE)
					.set_transport(transport)
					.set_clean_start(false)
					.set_manual_acks(true)
					.set_pending_throttle(Duration::ZERO)
					.set_session_expiry_interval(Some(KEEP))
					.set_receive_maximum(Some(WINDOW))
					.set_max_packet_size(u32::try_from(MAX_MESSAGE).ok());
				if let Some((user, password)) = credentials {
					options.set_credentials(user, password);
				}
				let (client, events) = v5::AsyncClient::new(options, REQUESTS);
				(Client::V5(client), Events::V5(Box::new(events)))
			}
		};
		let link = Link {
			client,
			connection: Arc::default(),
			connected: Arc::default(),
		};
		let broker = Self {
			events,
			link: link.clone(),
			topics,
			qos,
			name: settings.url.clone(),
		};
		Ok((broker, link))
	}

	/// Connects and hands on messages, for ever. `take` must not wait: meanwhile nothing is said to the
	/// broker.
	pub async fn run(mut self, mut take: impl FnMut(Message)) {
		let mut pause = PAUSE;
		loop {
			match self.poll().await {
				Ok(Event::Connected) => {
					info!("connected to {}", self.name);
					pause = PAUSE;
					if !self.subscribe() {
						error!("{}: subscriptions could not be queued", self.name);
					}
					self.link.connected.send_modify(|count| *count += 1);
				}
				Ok(Event::Message {
					topic,
					payload,
					retained,
					packet,
				}) => {
					let connection = *self
						.link
						.connection
						.lock()
						.unwrap_or_else(PoisonError::into_inner);
					take(Message {
						topic,
						payload,
						retained,
						ticket: Ticket { connection, packet },
					});
				}
				Ok(Event::Subscribed(true)) => info!("subscribed at {}", self.name),
				Ok(Event::Subscribed(false)) => error!("{} refuses a subscription", self.name),
				Ok(Event::Other) => {}
				Err(error) => {
					warn!("{}: {error:#}; connecting again in {pause:?}", self.name);
					*self
						.link
						.connection
						.lock()
						.unwrap_or_else(PoisonError::into_inner) += 1;
					// Once more, after the number has changed: now no old acknowledgement can be queued.
					match &mut self.events {
						Events::V3(events) => events.clean(),
						Events::V5(events) => events.clean(),
					}
					tokio::time::sleep(pause).await;
					pause = (pause * 2).min(LONGEST_PAUSE);
				}
			}
		}
	}

	fn subscribe(&self) -> bool {
		let topics = self.topics.iter();
		match &self.link.client {
			Client::V3(client) => client
				.try_subscribe_many(
					topics.map(|topic| rumqttc::SubscribeFilter::new(topic.clone(), self.qos)),
				)
				.is_ok(),
			Client::V5(client) => {
				use v5::mqttbytes::{v5::Filter, QoS};
				let qos = match self.qos {
					rumqttc::QoS::AtMostOnce => QoS::AtMostOnce,
					_ => QoS::AtLeastOnce,
				};
				client
					.try_subscribe_many(topics.map(|topic| Filter::new(topic.clone(), qos)))
					.is_ok()
			}
		}
	}

	async fn poll(&mut self) -> Result<Event> {
		match &mut self.events {
			Events::V3(events) => Ok(match events.poll().await? {
				rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_)) => Event::Connected,
				rumqttc::Event::Incoming(rumqttc::Packet::Publish(publish)) => Event::Message {
					topic: publish.topic,
					payload: publish.payload.to_vec(),
					retained: publish.retain,
					packet: publish.pkid,
				},
				rumqttc::Event::Incoming(rumqttc::Packet::SubAck(ack)) => {
					let refused = rumqttc::SubscribeReasonCode::Failure;
					Event::Subscribed(!ack.return_codes.contains(&refused))
				}
				_ => Event::Other,
			}),
			Events::V5(events) => {
				use v5::mqttbytes::v5::{Packet, SubscribeReasonCode::Success};
				Ok(match events.poll().await? {
					v5::Event::Incoming(Packet::ConnAck(_)) => Event::Connected,
					v5::Event::Incoming(Packet::Publish(publish)) => Event::Message {
						// A topic that is no text is none of ours.
						topic: String::from_utf8(publish.topic.to_vec()).unwrap_or_default(),
						payload: publish.payload.to_vec(),
						retained: publish.retain,
						packet: publish.pkid,
					},
					v5::Event::Incoming(Packet::SubAck(ack)) => {
						let granted = |code| matches!(code, &Success(_));
						Event::Subscribed(ack.return_codes.iter().all(granted))
					}
					_ => Event::Other,
				})
			}
		}
	}
}
