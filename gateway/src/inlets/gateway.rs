//! The way to a gateway: `POST /v1/readings` as `docs/gateway.md` describes it.

use std::time::Duration;

use anyhow::{ensure, Context, Result};
use reqwest::Client;
use serde::Deserialize;
use serde_json::json;

/// Patience with one post.
const ATTEMPT: Duration = Duration::from_secs(30);

/// A gateway that readings are posted to.
#[derive(Clone)]
pub struct Gateway {
	client: Client,
	url: String,
}

/// What became of a reading, by its name in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Outcome {
	/// As in `docs/gateway.md`.
	pub outcome: String,
}

/// What to do about an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
	/// The gateway has it on disk.
	Forget,
	/// The gateway will never take it.
	GiveUp,
	/// The gateway does not take it of this meter, as things stand.
	AskAgain,
	/// The gateway takes none at the moment.
	Wait,
}

impl Outcome {
	/// What to do about it. Outcomes of gateways to come are asked about again.
	pub fn advice(&self) -> Advice {
		match self.outcome.as_str() {
			"stored" | "duplicate" => Advice::Forget,
			"stale" | "conflict" | "malformed" | "retired" => Advice::GiveUp,
			"full" | "unavailable" => Advice::Wait,
			_ => Advice::AskAgain,
		}
	}
}

#[derive(Deserialize)]
struct Answer {
	results: Vec<Outcome>,
}

impl Gateway {
	/// The gateway at this base URL.
	pub fn new(url: &str) -> Result<Self> {
		let client = Client::builder().timeout(ATTEMPT).no_proxy().build()?;
		Ok(Self {
			client,
			url: format!("{}/v1/readings", url.trim_end_matches('/')),
		})
	}

	/// Posts frames; returns their outcomes, one by one. An error says that it looked at none of them, or
	/// that nobody knows.
	pub async fn post<'a>(
		&self,
		frames: impl ExactSizeIterator<Item = &'a [u8]>,
	) -> Result<Vec<Outcome>> {
		let count = frames.len();
		let frames: Vec<String> = frames
			.map(|frame| format!("0x{}", hex::encode(frame)))
			.collect();
		let answer = self
			.client
			.post(&self.url)
			.json(&json!({ "frames": frames }))
			.send()
			.await?;
		let status = answer.status();
		let body = answer.bytes().await?;
		let answer: Answer = serde_json::from_slice(&body).with_context(|| {
			let body = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
			format!("the gateway answers {status}: {body}")
		})?;
		ensure!(
			answer.results.len() == count,
			"the gateway answers for {} readings of {count}",
			answer.results.len()
		);
		Ok(answer.results)
	}
}
