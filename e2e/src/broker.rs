//! An MQTT broker (mosquitto), the bridge between it and a gateway, and devices that listen.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{bail, Context, Result};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::Value;
use tokio::{
	sync::mpsc,
	time::{sleep, timeout, Instant},
};

use crate::{
	place::{free_port, Place},
	process::{binary, Process},
};

/// How long a process may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running broker.
pub struct Broker {
	process: Process,
	port: u16,
}

impl Broker {
	/// Starts a broker for anybody on this machine, and waits until it listens.
	pub async fn start(place: &Place) -> Result<Self> {
		let port = free_port()?;
		let path = place.folder("broker")?.join("mosquitto.conf");
		let config = format!("listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n");
		std::fs::write(&path, config)?;
		let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
			.into_iter()
			.find(|path| Path::new(path).exists())
			.unwrap_or("mosquitto");
		let mut command = Command::new(program);
		command.arg("-c").arg(path);
		let process = Process::start(place, "broker", &mut command)?;
		let mut broker = Self { process, port };
		let deadline = Instant::now() + PATIENCE;
		while tokio::net::TcpStream::connect(("127.0.0.1", port))
			.await
			.is_err()
		{
			broker.process.check("the broker")?;
			if Instant::now() > deadline {
				bail!("the broker does not listen")
			}
			sleep(Duration::from_millis(100)).await;
		}
		Ok(broker)
	}

	/// Where it listens.
	pub fn url(&self) -> String {
		format!("mqtt://127.0.0.1:{}", self.port)
	}

	/// Starts a bridge between the gateway at `url` and this broker.
	pub fn bridge(&self, place: &Place, url: &str) -> Result<Bridge> {
		let path = place.folder("broker")?.join("bridge.toml");
		let port = self.port;
		let config = format!(
			"gateway = \"{url}\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\nclient_id = \"bridge\"\n"
		);
		std::fs::write(&path, config)?;
		let mut command = Command::new(binary("gridweave-gateway")?);
		command.arg("mqtt").arg("--config").arg(path);
		let process = Process::start(place, "bridge", &mut command)?;
		Ok(Bridge { _process: process })
	}

	/// A client named `name` that subscribes to a topic.
	pub fn listen(&self, name: &str, topic: &str) -> Listener {
		let (sender, messages) = mpsc::unbounded_channel();
		let options = MqttOptions::new(name, "127.0.0.1", self.port);
		let (client, mut events) = AsyncClient::new(options, 16);
		let topic = topic.to_owned();
		let task = tokio::spawn(async move {
			loop {
				match events.poll().await {
					Ok(Event::Incoming(Packet::ConnAck(_))) => {
						// An error means that the queue is full: then it is subscribed to already.
						let _ = client.try_subscribe(topic.clone(), QoS::AtLeastOnce);
					}
					Ok(Event::Incoming(Packet::Publish(publish))) => {
						// Who hears no more has heard enough.
						let _ = sender.send(publish.payload.to_vec());
					}
					Ok(_) => {}
					Err(_) => sleep(Duration::from_millis(200)).await,
				}
			}
		});
		Listener { messages, task }
	}
}

/// A running bridge; dropping it kills it.
pub struct Bridge {
	_process: Process,
}

/// Hears what is published on a topic.
pub struct Listener {
	messages: mpsc::UnboundedReceiver<Vec<u8>>,
	task: tokio::task::JoinHandle<()>,
}

impl Listener {
	/// The next message, `None` if it is empty; or an error if there is none for so long.
	pub async fn next(&mut self, patience: Duration) -> Result<Option<Value>> {
		let next = timeout(patience, self.messages.recv()).await;
		let message = next
			.context("nothing was heard")?
			.context("it hears no more")?;
		match message.is_empty() {
			true => Ok(None),
			false => Ok(Some(serde_json::from_slice(&message)?)),
		}
	}
}

impl Drop for Listener {
	fn drop(&mut self) {
		self.task.abort();
	}
}
