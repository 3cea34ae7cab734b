//! The file that tells the edge signer which meters there are (docs/meters.md).

use std::{
	collections::BTreeSet,
	path::{Path, PathBuf},
};

use anyhow::{ensure, Context, Result};
use serde::{de::Error, Deserialize, Deserializer};
use sp_core::H256;

use super::tool::parse_hash;
use crate::inlets::{mqtt::settings::Settings, stream};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
	/// Base URL of the gateway.
	pub gateway: String,
	/// Hash of the first block of the chain that readings are signed for.
	#[serde(deserialize_with = "hash")]
	pub genesis: H256,
	/// Folder of the outbox.
	pub outbox: PathBuf,
	/// Seconds between readings of a meter: the first one measured in each such span of time is recorded.
	#[serde(default = "quarter_of_an_hour")]
	pub interval: u64,
	/// Most readings of a meter that wait for the gateway; after that, the oldest are dropped.
	#[serde(default = "a_year")]
	pub max_waiting: u32,
	/// The broker of zigbee2mqtt, and of devices that are told commands.
	pub mqtt: Option<Settings>,
	/// The meters.
	#[serde(default, rename = "meter")]
	pub meters: Vec<MeterConfig>,
}

/// One meter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterConfig {
	/// Its id on chain.
	pub id: u32,
	/// File of its key.
	pub key: PathBuf,
	/// Where its measurements come from; nowhere if they are only imported.
	pub source: Option<SourceConfig>,
	/// Whether a device behind it is told commands, over the broker.
	#[serde(default)]
	pub commands: bool,
}

/// Where measurements come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "protocol", rename_all = "lowercase", deny_unknown_fields)]
pub enum SourceConfig {
	/// Telegrams of DSMR P1.
	P1(StreamConfig),
	/// Transmissions of SML.
	Sml(StreamConfig),
	/// States of zigbee2mqtt.
	Zigbee2Mqtt(StateConfig),
}

impl std::fmt::Display for SourceConfig {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		let (protocol, stream) = match self {
			Self::P1(stream) => ("P1", stream),
			Self::Sml(stream) => ("SML", stream),
			Self::Zigbee2Mqtt(state) => return write!(f, "states from {}", state.topic),
		};
		let tcp = stream.tcp.iter().map(String::as_str);
		let path = stream.path.iter().filter_map(|path| path.to_str());
		write!(
			f,
			"{protocol} from {}",
			tcp.chain(path).next().unwrap_or("a path")
		)
	}
}

/// A device of zigbee2mqtt.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
	/// Topic of its state, such as `zigbee2mqtt/washing machine`.
	pub topic: String,
}

/// A stream of bytes: one of the two.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
	/// `host:port` of a TCP server.
	pub tcp: Option<String>,
	/// A serial device, pipe or file.
	pub path: Option<PathBuf>,
}

impl StreamConfig {
	/// The source it names.
	pub fn source(&self) -> Result<stream::Source> {
		match (&self.tcp, &self.path) {
			(Some(address), None) => Ok(stream::Source::Tcp(address.clone())),
			(None, Some(path)) => Ok(stream::Source::Path(path.clone())),
			_ => anyhow::bail!("a source has either tcp or path"),
		}
	}
}

fn hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<H256, D::Error> {
	parse_hash(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn quarter_of_an_hour() -> u64 {
	900
}

fn a_year() -> u32 {
	366 * 96
}

impl Config {
	/// Reads the file.
	pub fn read(path: &Path) -> Result<Self> {
		let text = std::fs::read_to_string(path)
			.with_context(|| format!("{} cannot be read", path.display()))?;
		Self::parse(&text).with_context(|| format!("in {}", path.display()))
	}

	/// Reads the text of the file.
	pub fn parse(text: &str) -> Result<Self> {
		let config: Self = toml::from_str(text)?;
		ensure!(config.interval > 0, "interval is at least a second");
		let mut ids = BTreeSet::new();
		for meter in &config.meters {
			ensure!(ids.insert(meter.id), "meter {} is there twice", meter.id);
			let has_broker = config.mqtt.is_some() || !meter.commands;
			ensure!(has_broker, "commands of meter {} need [mqtt]", meter.id);
		}
		Ok(config)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn text() -> String {
		let genesis = "01".repeat(32);
		format!(
			r#"
			gateway = "http://127.0.0.1:9950"
			genesis = "0x{genesis}"
			outbox = "/var/lib/gridweave/edge"

			[[meter]]
			id = 7
			key = "/etc/gridweave/meter-7.pem"
			source = {{ protocol = "p1", tcp = "192.0.2.1:2001" }}

			[[meter]]
			id = 8
			key = "/etc/gridweave/meter-8.pem"
			source = {{ protocol = "sml", path = "/dev/ttyUSB0" }}

			[[meter]]
			id = 9
			key = "/etc/gridweave/meter-9.pem"

			[[meter]]
			id = 10
			key = "/etc/gridweave/meter-10.hex"
			source = {{ protocol = "zigbee2mqtt", topic = "zigbee2mqtt/pump" }}
			commands = true

			[mqtt]
			url = "mqtt://127.0.0.1"
			client_id = "edge"
			"#
		)
	}

	#[test]
	fn a_file_should_name_meters_and_their_sources() {
		let config = Config::parse(&text()).unwrap();
		assert_eq!(config.genesis, H256([1; 32]));
		assert_eq!((config.interval, config.max_waiting), (900, 35_136));
		let sources = config.meters.iter().map(|meter| match &meter.source {
			Some(source) => source.to_string(),
			None => "none".into(),
		});
		let expected = [
			"P1 from 192.0.2.1:2001",
			"SML from /dev/ttyUSB0",
			"none",
			"states from zigbee2mqtt/pump",
		];
		assert_eq!(sources.collect::<Vec<_>>(), expected);
		let commanded: Vec<_> = config.meters.iter().map(|meter| meter.commands).collect();
		assert_eq!(commanded, [false, false, false, true]);
		assert_eq!(config.mqtt.unwrap().client_id, "edge");
	}

	#[test]
	fn a_bad_file_should_be_refused() {
		let good = text();
		let bad = [
			good.replace("id = 8", "id = 7"),
			good.replace("0x01", "0x"),
			good.replace("protocol = \"p1\"", "protocol = \"morse\""),
			good.replace("gateway", "gatway"),
			good.replace("outbox =", "interval = 0\noutbox ="),
			good.replace("id = 9", "id = -9"),
			good.split("[mqtt]").next().unwrap().to_owned(),
		];
		for text in bad {
			assert!(Config::parse(&text).is_err(), "{text}");
		}
		let both = StreamConfig {
			tcp: Some("x:1".into()),
			path: Some("/x".into()),
		};
		assert!(both.source().is_err());
	}

	proptest! {
		#[test]
		fn any_text_should_be_survived(text in "(.|\n){0,200}") {
			let _ = Config::parse(&text);
		}
	}
}
