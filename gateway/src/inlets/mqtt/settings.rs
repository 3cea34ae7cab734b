//! How to reach a broker, as configured.

use std::path::PathBuf;

use anyhow::{bail, ensure, Context, Result};
use rumqttc::{TlsConfiguration, Transport};
use serde::Deserialize;

/// How to reach a broker.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
	/// `mqtt://host:port`, or `mqtts://host:port` with TLS.
	pub url: String,
	/// Version of MQTT.
	#[serde(default)]
	pub version: Version,
	/// Name of the session, which the broker keeps while we are away: no other client may use it.
	pub client_id: String,
	/// Name of the user, if the broker asks.
	pub username: Option<String>,
	/// File with the user's password.
	pub password_file: Option<PathBuf>,
	/// With TLS: file with the certificates (PEM) of whom we believe.
	pub ca: Option<PathBuf>,
	/// With TLS: file with our own certificate (PEM), if the broker asks.
	pub certificate: Option<PathBuf>,
	/// Its key (PEM).
	pub key: Option<PathBuf>,
}

/// Version of MQTT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Version {
	/// 3.1.1.
	#[serde(rename = "3.1.1")]
	V3,
	/// 5.
	#[default]
	#[serde(rename = "5")]
	V5,
}

/// Whether with TLS, host, and port.
pub fn parse_url(url: &str) -> Result<(bool, String, u16)> {
	let (tls, rest, default) = if let Some(rest) = url.strip_prefix("mqtt://") {
		(false, rest, 1_883)
	} else if let Some(rest) = url.strip_prefix("mqtts://") {
		(true, rest, 8_883)
	} else {
		bail!("{url:?} begins neither with mqtt:// nor with mqtts://");
	};
	let rest = rest.trim_end_matches('/');
	let (host, port) = match rest.rsplit_once(':') {
		// An IPv6 address in brackets, without a port.
		Some((_, after)) if after.contains(']') => (rest, default),
		Some((host, port)) => (
			host,
			port.parse()
				.with_context(|| format!("{port:?} is no port"))?,
		),
		None => (rest, default),
	};
	ensure!(!host.is_empty(), "{url:?} names no host");
	Ok((tls, host.to_owned(), port))
}

/// The way to the broker, with TLS or without.
pub fn transport(settings: &Settings, tls: bool) -> Result<Transport> {
	let read = |path: &PathBuf| {
		std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
	};
	let own = match (&settings.certificate, &settings.key) {
		(Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
		(None, None) => None,
		_ => bail!("certificate and key belong together"),
	};
	match (tls, &settings.ca) {
		(true, Some(ca)) => {
			// An error says that there is one already.
			let _ = rustls::crypto::ring::default_provider().install_default();
			Ok(Transport::Tls(TlsConfiguration::Simple {
				ca: read(ca)?,
				alpn: None,
				client_auth: own,
			}))
		}
		(true, None) => bail!("mqtts:// needs ca, such as /etc/ssl/certs/ca-certificates.crt"),
		(false, None) if own.is_none() => Ok(Transport::Tcp),
		(false, _) => bail!("certificates are for mqtts://"),
	}
}

/// User and password.
pub fn credentials(settings: &Settings) -> Result<Option<(String, String)>> {
	match (&settings.username, &settings.password_file) {
		(Some(user), Some(path)) => {
			let password = std::fs::read_to_string(path)
				.with_context(|| format!("{} cannot be read", path.display()))?;
			Ok(Some((user.clone(), password.trim_end().to_owned())))
		}
		(None, None) => Ok(None),
		_ => bail!("username and password_file belong together"),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::inlets::mqtt::broker::Broker;
	use rumqttc::QoS;

	#[test]
	fn a_url_should_name_a_broker() {
		let cases = [
			("mqtt://broker", Some((false, "broker", 1_883))),
			("mqtts://broker/", Some((true, "broker", 8_883))),
			("mqtt://127.0.0.1:1884", Some((false, "127.0.0.1", 1_884))),
			("mqtt://[::1]", Some((false, "[::1]", 1_883))),
			("mqtt://[::1]:5", Some((false, "[::1]", 5))),
			("http://broker", None),
			("mqtt://", None),
			("mqtt://broker:x", None),
		];
		for (url, expected) in cases {
			let parsed = parse_url(url).ok();
			let expected = expected.map(|(tls, host, port)| (tls, host.to_owned(), port));
			assert_eq!(parsed, expected, "{url}");
		}
	}

	#[test]
	fn half_a_setting_should_be_refused() {
		let good = "url = \"mqtt://broker\"\nclient_id = \"x\"\n";
		let new = |text: &str| {
			let settings: Settings = toml::from_str(text)?;
			Broker::new(&settings, vec![], QoS::AtLeastOnce).map(drop)
		};
		assert!(new(good).is_ok());
		assert!(new(&format!("{good}version = \"3.1.1\"")).is_ok());
		let bad = [
			"version = \"4\"",
			"username = \"x\"",
			"ca = \"/x\"",
			"key = \"/x\"",
			"password_file = \"/x\"",
			"colour = \"blue\"",
		];
		for line in bad {
			assert!(new(&format!("{good}{line}")).is_err(), "{line}");
		}
		assert!(
			new(&good.replace("mqtt:", "mqtts:")).is_err(),
			"TLS needs certificates"
		);
		assert!(new(&good.replace("\"x\"", "\"\"")).is_err(), "no client id");
	}
}
