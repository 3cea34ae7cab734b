//! The way to a gateway: `POST /v1/readings` and `GET /v1/commands` as `docs/gateway.md` describes them.

use std::time::Duration;

use anyhow::{ensure, Context, Result};
use reqwest::Client;
use serde::Deserialize;
use serde_json::json;

use crate::{command::Command, server::commands::book::State};

/// Patience with one post.
const ATTEMPT: Duration = Duration::from_secs(30);

/// A gateway that readings are posted to.
#[derive(Clone)]
pub struct Gateway {
	client: Client,
	url: String,
	commands: String,
}

/// A command, and what has become of it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Given {
	/// The command.
	#[serde(flatten)]
	pub command: Command,
	/// What has become of it.
	pub state: State,
}

/// Changes of commands.
#[derive(Clone, Debug, Deserialize)]
pub struct Changes {
	/// Identity of the order of changes.
	pub epoch: String,
	/// The chain's time: Unix seconds.
	pub now: u64,
	/// Where to go on.
	pub next: u64,
	/// Whether there is more already.
	pub more: bool,
	/// What has changed.
	pub commands: Vec<Given>,
}

/// How far changes were followed; by default, not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
	/// The epoch that the changes were of.
	pub epoch: Option<String>,
	/// After which to go on.
	pub after: u64,
}

impl Changes {
	/// Where to go on.
	pub fn cursor(&self) -> Cursor {
		Cursor {
			epoch: Some(self.epoch.clone()),
			after: self.next,
		}
	}
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
struct OfMeter {
	commands: Vec<Given>,
}

#[derive(Deserialize)]
struct Answer {
	results: Vec<Outcome>,
}

impl Gateway {
	/// The gateway at this base URL.
	pub fn new(url: &str) -> Result<Self> {
		let client = Client::builder().timeout(ATTEMPT).no_proxy().build()?;
		let url = url.trim_end_matches('/');
		Ok(Self {
			client,
			url: format!("{url}/v1/readings"),
			commands: format!("{url}/v1/commands"),
		})
	}

	/// What has changed since; if nothing has, waits so many seconds for it. Of another epoch than the cursor's it
	/// is everything from the beginning.
	pub async fn changes(&self, cursor: &Cursor, wait: u64) -> Result<Changes> {
		let mut url = format!("{}?after={}", self.commands, cursor.after);
		if let Some(epoch) = &cursor.epoch {
			url += &format!("&epoch={epoch}&wait={wait}");
		}
		let answer = self.client.get(url).send().await?;
		read(answer).await
	}

	/// What the device of a meter is told; an error also if the meter has not delivered to the gateway yet.
	pub async fn commands_of(&self, meter: u32) -> Result<Vec<Given>> {
		let url = format!("{}/{meter}", self.commands);
		let OfMeter { commands } = read(self.client.get(url).send().await?).await?;
		Ok(commands)
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
		let answer: Answer = read(answer).await?;
		ensure!(
			answer.results.len() == count,
			"the gateway answers for {} readings of {count}",
			answer.results.len()
		);
		Ok(answer.results)
	}
}

async fn read<A: serde::de::DeserializeOwned>(answer: reqwest::Response) -> Result<A> {
	let status = answer.status();
	let body = answer.bytes().await?;
	serde_json::from_slice(&body).with_context(|| {
		let body = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
		format!("the gateway answers {status}: {body}")
	})
}
