//! Flags, as a node tells them (`anomalies_*`).

use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};
use serde::{de::DeserializeOwned, Deserialize};
use serde_json::Value;
use subxt::rpcs::{client::RpcParams, rpc_params, RpcClient};
use tokio::time::timeout;

/// Longest wait for the node.
const ANSWER: Duration = Duration::from_secs(10);
/// Flags of one answer.
const PAGE: u32 = 1_000;
/// Most answers about a community.
const MOST_PAGES: usize = 1_000;

/// How grave a flag is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
	/// Something to look after.
	Notice,
	/// To be inspected.
	#[default]
	Warning,
	/// A proof, or confirmed.
	Critical,
}

/// A flag: what matters here, and all that the node tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
	/// Which meter.
	pub meter: u32,
	/// What is wrong with it.
	pub kind: String,
	/// How grave it is.
	pub severity: Severity,
	/// Whether it is confirmed.
	pub confirmed: bool,
	/// When it was raised: Unix seconds.
	pub raised_at: u64,
	/// As it was told.
	pub told: Value,
}

impl Flag {
	/// What is told of a flag.
	pub fn read(told: Value) -> Result<Self> {
		#[derive(Deserialize)]
		#[serde(rename_all = "camelCase")]
		struct Fields {
			meter: u32,
			kind: String,
			severity: Severity,
			status: String,
			raised_at: u64,
		}
		let fields = Fields::deserialize(&told).with_context(|| format!("no flag: {told}"))?;
		Ok(Self {
			meter: fields.meter,
			kind: fields.kind,
			severity: fields.severity,
			confirmed: fields.status == "confirmed",
			raised_at: fields.raised_at,
			told,
		})
	}
}

/// A finalised block.
#[derive(Clone, Debug)]
pub struct At {
	/// Its hash.
	pub hash: String,
	/// The chain's first block.
	pub genesis: String,
}

/// A node that is asked.
pub struct Node {
	url: String,
	rpc: Option<RpcClient>,
}

impl Node {
	/// The node at this WebSocket.
	pub fn new(url: &str) -> Self {
		Self {
			url: url.to_owned(),
			rpc: None,
		}
	}

	/// Next time, it is connected to again.
	pub fn disconnect(&mut self) {
		self.rpc = None;
	}

	/// The last finalised block.
	pub async fn finalised(&mut self) -> Result<At> {
		Ok(At {
			hash: self.ask("chain_getFinalizedHead", rpc_params![]).await?,
			genesis: self.ask("chain_getBlockHash", rpc_params![0]).await?,
		})
	}

	/// The flags of a community that stand.
	pub async fn open_flags(&mut self, at: &At, microgrid: u32) -> Result<Vec<Flag>> {
		#[derive(Deserialize)]
		struct Page {
			flags: Vec<Value>,
			next: Option<(u32, String)>,
		}
		let (mut flags, mut next) = (Vec::new(), None);
		for _ in 0..MOST_PAGES {
			let params = rpc_params![microgrid, next.take(), PAGE, &at.hash];
			let page: Page = self.ask("anomalies_openFlags", params).await?;
			for told in page.flags {
				flags.push(Flag::read(told)?);
			}
			next = page.next;
			if next.is_none() {
				return Ok(flags);
			}
		}
		bail!("microgrid {microgrid} has too many flags")
	}

	/// What is remembered of a flag of a meter, if anything.
	pub async fn remembered(&mut self, at: &At, meter: u32, kind: &str) -> Result<Option<Flag>> {
		let params = rpc_params![meter, &at.hash];
		let flags: Vec<Value> = self.ask("anomalies_history", params).await?;
		let found = flags.into_iter().find(|flag| flag["kind"] == *kind);
		found.map(Flag::read).transpose()
	}

	/// Of whom unmetered energy of a community may be missing.
	pub async fn suspects(&mut self, at: &At, microgrid: u32) -> Result<Value> {
		let params = rpc_params![microgrid, &at.hash];
		let mut told: Value = self.ask("anomalies_suspects", params).await?;
		Ok(told["suspects"].take())
	}

	async fn ask<T: DeserializeOwned>(&mut self, method: &str, params: RpcParams) -> Result<T> {
		let rpc = match &self.rpc {
			Some(rpc) => rpc.clone(),
			None => {
				ensure!(self.url.starts_with("ws"), "{:?} is no WebSocket", self.url);
				let connected = timeout(ANSWER, RpcClient::from_insecure_url(&self.url)).await;
				let rpc = connected
					.with_context(|| format!("{} does not answer", self.url))?
					.with_context(|| format!("{} cannot be reached", self.url))?;
				self.rpc.insert(rpc).clone()
			}
		};
		let answer = timeout(ANSWER, rpc.request(method, params)).await;
		answer
			.with_context(|| format!("{} does not answer {method}", self.url))?
			.with_context(|| method.to_owned())
	}
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use serde_json::json;

	/// A flag that nobody confirmed.
	pub fn flag(meter: u32, kind: &str, severity: &str, raised_at: u64) -> Flag {
		let told = json!({
			"meter": meter, "kind": kind, "severity": severity, "status": "raised",
			"raisedAt": raised_at, "seen": "5",
		});
		Flag::read(told).unwrap()
	}

	#[test]
	fn a_flag_should_be_read_and_kept_as_it_was_told() {
		let read = flag(7, "silent", "notice", 11);
		assert_eq!(
			(read.meter, &read.kind[..], read.raised_at),
			(7, "silent", 11)
		);
		assert_eq!((read.severity, read.confirmed), (Severity::Notice, false));
		assert_eq!(read.told["seen"], "5");
		let mut told = read.told.clone();
		told["status"] = json!("confirmed");
		assert!(Flag::read(told).unwrap().confirmed);
		for field in ["meter", "kind", "severity", "status", "raisedAt"] {
			let mut told = read.told.clone();
			told[field] = Value::Null;
			assert!(Flag::read(told).is_err(), "{field}");
		}
	}

	#[test]
	fn severities_should_be_ordered() {
		assert!(Severity::Notice < Severity::Warning && Severity::Warning < Severity::Critical);
	}
}
