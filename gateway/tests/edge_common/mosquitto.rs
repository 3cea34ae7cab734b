//! A real broker (mosquitto) for a test, and clients of it.

use std::{path::Path, process::Command, time::Duration};

use rumqttc::{v5, AsyncClient, MqttOptions, QoS, TlsConfiguration, Transport};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, time::sleep};

use super::Process;

/// A broker on a port of its own, which keeps its sessions on disk.
pub struct Mosquitto<'a> {
	folder: &'a Path,
	port: u16,
	tls: bool,
}

impl<'a> Mosquitto<'a> {
	/// With TLS or without; not started yet.
	pub async fn new(folder: &'a Path, tls: bool) -> Self {
		let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
		let port = listener.local_addr().expect("an address").port();
		if tls {
			certificates(folder);
		}
		let name = folder.display();
		let certificates = match tls {
			true => format!(
				"cafile {name}/ca.pem\ncertfile {name}/server.pem\nkeyfile {name}/server.key\n"
			),
			false => String::new(),
		};
		let config = format!(
			"listener {port} 127.0.0.1\n{certificates}allow_anonymous true\nuser root\n\
			persistence true\npersistence_location {name}/\nautosave_interval 1\n\
			max_queued_messages 0\nlog_dest stderr\nlog_type all\n"
		);
		std::fs::write(folder.join("mosquitto.conf"), config).expect("written");
		Self { folder, port, tls }
	}

	/// Starts it.
	pub fn start(&self) -> Process {
		let path = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
			.into_iter()
			.find(|path| Path::new(path).exists())
			.unwrap_or("mosquitto");
		let mut command = Command::new(path);
		command.arg("-c").arg(self.folder.join("mosquitto.conf"));
		Process::start(&mut command, "running").0
	}

	/// The `[mqtt]` of configurations.
	pub fn settings(&self, version: &str) -> String {
		let (scheme, ca) = match self.tls {
			true => (
				"mqtts",
				format!("ca = \"{}/ca.pem\"", self.folder.display()),
			),
			false => ("mqtt", String::new()),
		};
		let port = self.port;
		format!(
			"[mqtt]\nurl = \"{scheme}://127.0.0.1:{port}\"\nversion = \"{version}\"\n\
			client_id = \"under-test\"\n{ca}\n"
		)
	}

	fn transport(&self) -> Transport {
		match self.tls {
			true => Transport::Tls(TlsConfiguration::Simple {
				ca: std::fs::read(self.folder.join("ca.pem")).expect("made"),
				alpn: None,
				client_auth: None,
			}),
			false => Transport::Tcp,
		}
	}
}

/// An authority, and a certificate of it for 127.0.0.1.
fn certificates(folder: &Path) {
	let openssl = |arguments: &str| {
		let status = Command::new("openssl")
			.args(arguments.split(' '))
			.current_dir(folder)
			.stderr(std::process::Stdio::null())
			.status();
		assert!(status.expect("openssl runs").success(), "{arguments}");
	};
	let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
	openssl(&format!(
		"req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=ca"
	));
	openssl(&format!(
		"req {key} -keyout server.key -out server.csr -subj /CN=broker"
	));
	std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1").expect("written");
	openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem");
}

/// A client of the broker: what it says, and what it hears on a topic.
pub enum Client {
	V3(AsyncClient),
	V5(v5::AsyncClient),
}

impl Client {
	/// Connects, again and again, and hears what is JSON on the topic `hears`.
	pub fn connect(
		broker: &Mosquitto<'_>,
		version: &str,
		name: &str,
		hears: String,
	) -> (Self, mpsc::UnboundedReceiver<Value>) {
		let (sender, answers) = mpsc::unbounded_channel();
		let (port, transport, pause) =
			(broker.port, broker.transport(), Duration::from_millis(200));
		let hear = move |payload: &[u8]| {
			// Nothing is kept there any more.
			if payload.is_empty() {
				return;
			}
			let answer = serde_json::from_slice(payload).expect("JSON");
			// Who hears no more has heard enough.
			let _ = sender.send(answer);
		};
		if version == "5" {
			let mut options = v5::MqttOptions::new(name, "127.0.0.1", port);
			options
				.set_transport(transport)
				.set_pending_throttle(Duration::ZERO);
			let (client, mut events) = v5::AsyncClient::new(options, 64);
			let own = client.clone();
			tokio::spawn(async move {
				use v5::mqttbytes::{v5::Packet, QoS};
				loop {
					match events.poll().await {
						Ok(v5::Event::Incoming(Packet::ConnAck(_))) => {
							own.try_subscribe(hears.clone(), QoS::AtLeastOnce)
								.expect("room");
						}
						Ok(v5::Event::Incoming(Packet::Publish(publish))) => hear(&publish.payload),
						Ok(_) => {}
						Err(_) => sleep(pause).await,
					}
				}
			});
			return (Self::V5(client), answers);
		}
		let mut options = MqttOptions::new(name, "127.0.0.1", port);
		options
			.set_transport(transport)
			.set_pending_throttle(Duration::ZERO);
		let (client, mut events) = AsyncClient::new(options, 64);
		let own = client.clone();
		tokio::spawn(async move {
			use rumqttc::{Event, Packet};
			loop {
				match events.poll().await {
					Ok(Event::Incoming(Packet::ConnAck(_))) => {
						own.try_subscribe(hears.clone(), QoS::AtLeastOnce)
							.expect("room");
					}
					Ok(Event::Incoming(Packet::Publish(publish))) => hear(&publish.payload),
					Ok(_) => {}
					Err(_) => sleep(pause).await,
				}
			}
		});
		(Self::V3(client), answers)
	}

	/// Publishes at least once, if there is room.
	pub fn publish(&self, topic: String, payload: Vec<u8>) {
		self.send(topic, payload, false);
	}

	/// The same, and the broker keeps it.
	pub fn retain(&self, topic: String, payload: Vec<u8>) {
		self.send(topic, payload, true);
	}

	fn send(&self, topic: String, payload: Vec<u8>, retain: bool) {
		let _ = match self {
			Self::V3(client) => client
				.try_publish(topic, QoS::AtLeastOnce, retain, payload)
				.is_ok(),
			Self::V5(client) => {
				let qos = v5::mqttbytes::QoS::AtLeastOnce;
				client.try_publish(topic, qos, retain, payload).is_ok()
			}
		};
	}
}
