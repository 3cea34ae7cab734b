//! One post of one reading to the gateway, and what it answers.

use std::time::Duration;

use anyhow::Result;
use gridweave_gateway::inlets::gateway::{Advice, Outcome};
use reqwest::{header::CONTENT_TYPE, Client};
use serde::Deserialize;

/// Patience with one post.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The gateway closes a connection on which nothing comes for 5 s: it is given up before.
const IDLE: Duration = Duration::from_secs(4);

/// The way to a gateway, on connections that stay.
#[derive(Clone)]
pub struct Post {
	client: Client,
	url: String,
}

/// What the gateway says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
	/// What became of the reading.
	Outcome(Outcome),
	/// It has looked at nothing; the code of its error.
	Problem(String),
	/// Nobody knows what it would have said.
	None,
}

#[derive(Deserialize)]
struct Body {
	#[serde(default)]
	results: Vec<Outcome>,
	error: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
	code: String,
}

impl Answer {
	/// By name, as it is counted.
	pub fn name(&self) -> &str {
		match self {
			Self::Outcome(outcome) => &outcome.outcome,
			Self::Problem(code) => code,
			Self::None => "no_answer",
		}
	}

	/// What to do about it.
	pub fn advice(&self) -> Advice {
		match self {
			Self::Outcome(outcome) => outcome.advice(),
			Self::Problem(_) | Self::None => Advice::Wait,
		}
	}

	/// Of a body of an answer about one reading.
	fn of(body: &[u8]) -> Self {
		let body = serde_json::from_slice(body).ok();
		match body.map(|Body { results, error }| (results.into_iter().next(), error)) {
			Some((Some(outcome), _)) => Self::Outcome(outcome),
			Some((None, Some(error))) => Self::Problem(error.code),
			_ => Self::None,
		}
	}
}

impl Post {
	/// To the gateway at this base URL.
	pub fn new(gateway: &str) -> Result<Self> {
		let client = Client::builder()
			.timeout(ATTEMPT)
			.pool_idle_timeout(IDLE)
			.tcp_nodelay(true)
			.no_proxy()
			.build()?;
		Ok(Self {
			client,
			url: format!("{}/v1/readings", gateway.trim_end_matches('/')),
		})
	}

	/// Posts an encoded reading once.
	pub async fn post(&self, frame: Vec<u8>) -> Answer {
		let sent = self
			.client
			.post(&self.url)
			.header(CONTENT_TYPE, "application/octet-stream")
			.body(frame)
			.send()
			.await;
		match sent {
			Ok(answer) => answer
				.bytes()
				.await
				.map_or(Answer::None, |body| Answer::of(&body)),
			Err(_) => Answer::None,
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn answers_should_be_told_apart() {
		let outcome = |outcome: &str| {
			Answer::Outcome(Outcome {
				outcome: outcome.into(),
			})
		};
		for (body, answer, advice) in [
			(
				r#"{"safe":1,"refused":0,"results":[{"meter":7,"sequence":1,"outcome":"stored"}]}"#,
				outcome("stored"),
				Advice::Forget,
			),
			(
				r#"{"safe":0,"refused":1,"results":[{"meter":7,"sequence":1,"outcome":"stale"}]}"#,
				outcome("stale"),
				Advice::GiveUp,
			),
			(
				r#"{"safe":0,"refused":1,"results":[{"outcome":"future"}]}"#,
				outcome("future"),
				Advice::AskAgain,
			),
			(
				r#"{"error":{"code":"busy","message":"come again"}}"#,
				Answer::Problem("busy".into()),
				Advice::Wait,
			),
			(r#"{"results":[]}"#, Answer::None, Advice::Wait),
			("<html>", Answer::None, Advice::Wait),
			("", Answer::None, Advice::Wait),
		] {
			let found = Answer::of(body.as_bytes());
			assert_eq!((found.advice(), &found), (advice, &answer), "{body}");
		}
	}
}
