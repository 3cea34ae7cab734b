//! From the outbox to the gateway, in each meter's order, for as long as it takes.

use std::{
	collections::BTreeMap,
	time::{Duration, Instant},
};

use anyhow::{ensure, Result};
use codec::Encode;
use gridweave_primitives::{reading::SignedReading, MeterId};
use tracing::{info, warn};

use super::outbox::{Fate, Outbox};
use crate::{
	inlets::gateway::{Advice, Gateway, Outcome},
	server::body::MAX_POST_READINGS,
};

/// Pause after the first failure; doubled with each further one.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest pause between attempts to reach the gateway.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Longest pause for a meter whose readings the gateway does not take yet.
const LONGEST_HOLD: Duration = Duration::from_secs(300);

/// The way from an outbox to a gateway.
pub struct Delivery {
	outbox: Outbox,
	gateway: Gateway,
	meters: BTreeMap<MeterId, Hold>,
}

/// A meter that the gateway does not take readings of yet.
#[derive(Clone, Copy, Debug, Default)]
struct Hold {
	/// When to come again.
	until: Option<Instant>,
	/// For how long to wait after the next refusal.
	pause: Duration,
}

/// How a round of posts went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
	/// Nothing waits.
	Empty,
	/// Something became of some readings.
	Progress,
	/// What waits is of meters that the gateway does not take readings of yet.
	Held,
}

impl Delivery {
	/// To this gateway, for these meters.
	pub fn new(outbox: Outbox, gateway: Gateway, meters: impl Iterator<Item = MeterId>) -> Self {
		Self {
			outbox,
			gateway,
			meters: meters.map(|meter| (meter, Hold::default())).collect(),
		}
	}

	/// Delivers for ever; fails only if the outbox does.
	pub async fn run(mut self) -> Result<()> {
		let mut pause = PAUSE;
		loop {
			let wait =
				match self.round().await {
					Ok(Round::Progress) => {
						pause = PAUSE;
						continue;
					}
					Ok(Round::Empty | Round::Held) => {
						pause = PAUSE;
						PAUSE
					}
					Err(Trouble::Outbox(error)) => return Err(error),
					Err(Trouble::Gateway(error)) => {
						warn!("the gateway does not take readings; trying again in {pause:?}: {error:#}");
						tokio::time::sleep(pause).await;
						pause = (pause * 2).min(LONGEST_PAUSE);
						continue;
					}
				};
			tokio::select! {
				() = self.outbox.changed() => {},
				() = tokio::time::sleep(wait) => {},
			}
		}
	}

	/// Delivers until nothing waits any more, for at most so long without any progress.
	pub async fn run_dry(mut self, patience: Duration) -> Result<()> {
		let mut last = Instant::now();
		loop {
			match self.round().await {
				Ok(Round::Empty) => return Ok(()),
				Ok(Round::Progress) => {
					last = Instant::now();
					continue;
				}
				Ok(Round::Held) => {}
				Err(Trouble::Outbox(error)) => return Err(error),
				Err(Trouble::Gateway(error)) => warn!("{error:#}"),
			}
			ensure!(
				last.elapsed() < patience,
				"the gateway does not take the rest; `edge` goes on delivering it"
			);
			tokio::time::sleep(PAUSE).await;
		}
	}

	/// Offers the oldest readings of all meters that are not on hold, in one post.
	pub async fn round(&mut self) -> Result<Round, Trouble> {
		let (batch, held) = self.collect().await.map_err(Trouble::Outbox)?;
		if batch.is_empty() {
			return Ok(if held { Round::Held } else { Round::Empty });
		}
		let outcomes = self.post(&batch).await.map_err(Trouble::Gateway)?;
		let now = Instant::now();
		let mut fates = Vec::new();
		for (signed, outcome) in batch.iter().zip(&outcomes) {
			let (meter, sequence) = (signed.reading.meter, signed.reading.sequence);
			match fate_of(outcome.advice()) {
				Some(fate) => {
					if fate == Fate::Refused {
						warn!(
							"the gateway refuses reading {sequence} of meter {}: {}",
							meter.0, outcome.outcome
						);
					}
					fates.push((meter, sequence, fate));
				}
				None => self.hold(meter, outcome, now),
			}
		}
		for (meter, _, _) in &fates {
			// Readings that are held all the same were refused later than these were taken.
			if let Some(hold) = self
				.meters
				.get_mut(meter)
				.filter(|hold| hold.until.is_none())
			{
				hold.pause = Duration::ZERO;
			}
		}
		let progress = !fates.is_empty();
		self.outbox.settle(fates).await.map_err(Trouble::Outbox)?;
		Ok(if progress {
			Round::Progress
		} else {
			Round::Held
		})
	}

	/// What to post next, and whether there is more of meters on hold.
	async fn collect(&mut self) -> Result<(Vec<SignedReading>, bool)> {
		let now = Instant::now();
		let (mut batch, mut held) = (Vec::new(), false);
		// A meter with days of readings must not keep the others waiting.
		let share = (MAX_POST_READINGS / self.meters.len().max(1)).max(1);
		for (meter, hold) in &mut self.meters {
			let room = MAX_POST_READINGS - batch.len();
			if room == 0 {
				break;
			}
			if hold.until.is_some_and(|until| now < until) {
				held |= !self.outbox.oldest(*meter, 1).await?.is_empty();
				continue;
			}
			hold.until = None;
			batch.extend(self.outbox.oldest(*meter, room.min(share)).await?);
		}
		Ok((batch, held))
	}

	fn hold(&mut self, meter: MeterId, outcome: &Outcome, now: Instant) {
		let Some(hold) = self
			.meters
			.get_mut(&meter)
			.filter(|hold| hold.until.is_none())
		else {
			return;
		};
		hold.pause = (hold.pause * 2).clamp(PAUSE, LONGEST_HOLD);
		hold.until = Some(now + hold.pause);
		warn!(
			"the gateway does not take readings of meter {} yet: {}; trying again in {:?}",
			meter.0, outcome.outcome, hold.pause
		);
	}

	/// Posts readings; returns their outcomes, one by one.
	async fn post(&self, batch: &[SignedReading]) -> Result<Vec<Outcome>> {
		let frames: Vec<Vec<u8>> = batch.iter().map(Encode::encode).collect();
		let outcomes = self.gateway.post(frames.iter().map(Vec::as_slice)).await?;
		let delivered = outcomes
			.iter()
			.filter(|outcome| outcome.advice() == Advice::Forget);
		info!(
			"the gateway has taken {} of {} readings",
			delivered.count(),
			batch.len()
		);
		Ok(outcomes)
	}
}

/// Why a round failed.
#[derive(Debug)]
pub enum Trouble {
	/// The outbox does not work: nothing will.
	Outbox(anyhow::Error),
	/// The gateway does not answer as it should: it may, later.
	Gateway(anyhow::Error),
}

/// What becomes of a reading; `None` if another time may be better.
fn fate_of(advice: Advice) -> Option<Fate> {
	match advice {
		Advice::Forget => Some(Fate::Delivered),
		Advice::GiveUp => Some(Fate::Refused),
		Advice::AskAgain | Advice::Wait => None,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::edge::{
		key::{FileSigner, Signer},
		outbox::Record,
	};
	use axum::{body::Bytes, routing::post, Router};
	use codec::Decode;
	use gridweave_primitives::WattHours;
	use sp_core::H256;
	use std::sync::{Arc, Mutex};

	const METERS: [MeterId; 2] = [MeterId(7), MeterId(8)];

	/// What the gateway was offered, as meters, post by post.
	type Offered = Arc<Mutex<Vec<Vec<u32>>>>;

	/// An outbox with so many readings of both meters, and a gateway that answers so.
	async fn deliver(
		readings: u64,
		answer: impl Fn(&[u32]) -> String + Clone + Send + Sync + 'static,
	) -> (tempfile::TempDir, Outbox, Delivery, Offered) {
		let folder = tempfile::TempDir::new().unwrap();
		let outbox = Outbox::open(folder.path(), H256([1; 32]), 1_000).unwrap();
		let signer: Arc<dyn Signer> = Arc::new(FileSigner::parse(&"01".repeat(32)).unwrap());
		for meter in METERS {
			let record = |at| Record {
				captured_at: at,
				import: Some(WattHours(at)),
				export: None,
				quality: None,
				power_failures: None,
			};
			let records = (1..=readings).map(record).collect();
			outbox.record(meter, signer.clone(), records).await.unwrap();
		}
		let offered = Offered::default();
		let log = offered.clone();
		let take = move |body: Bytes| async move {
			let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
			let meter = |frame: &serde_json::Value| {
				let frame = hex::decode(&frame.as_str().unwrap()[2..]).unwrap();
				SignedReading::decode(&mut &frame[..])
					.unwrap()
					.reading
					.meter
					.0
			};
			let meters: Vec<u32> = body["frames"]
				.as_array()
				.unwrap()
				.iter()
				.map(meter)
				.collect();
			let text = answer(&meters);
			log.lock().unwrap().push(meters);
			text
		};
		let router = Router::new().route("/v1/readings", post(take));
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
		let gateway = Gateway::new(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
		tokio::spawn(async move { axum::serve(listener, router).await });
		let delivery = Delivery::new(outbox.clone(), gateway, METERS.into_iter());
		(folder, outbox, delivery, offered)
	}

	fn results(outcomes: impl Iterator<Item = &'static str>) -> String {
		let results: Vec<_> = outcomes
			.map(|outcome| serde_json::json!({ "outcome": outcome }))
			.collect();
		serde_json::json!({ "results": results }).to_string()
	}

	async fn waiting(outbox: &Outbox) -> [u32; 2] {
		let rows = METERS.map(|meter| outbox.row(meter));
		let [first, second] = rows;
		[
			first.await.unwrap().unwrap().waiting,
			second.await.unwrap().unwrap().waiting,
		]
	}

	#[tokio::test]
	async fn a_meter_that_is_not_known_should_not_hold_up_another() {
		let answer = |meters: &[u32]| {
			let outcome = |meter: &u32| {
				if *meter == 7 {
					"unknown_meter"
				} else {
					"stored"
				}
			};
			results(meters.iter().map(outcome))
		};
		let (_folder, outbox, mut delivery, offered) = deliver(600, answer).await;
		while waiting(&outbox).await[1] > 0 {
			assert_eq!(delivery.round().await.unwrap(), Round::Progress);
		}
		assert_eq!(waiting(&outbox).await, [600, 0]);
		let offered = offered.lock().unwrap();
		assert_eq!(offered[0], [vec![7; 250], vec![8; 250]].concat());
		// Then it is on hold, at first for a second.
		assert_eq!(offered[1], [8; 250]);
	}

	#[tokio::test]
	async fn what_is_refused_for_good_should_be_counted_and_gone() {
		let answer = |meters: &[u32]| {
			let outcomes = ["stale", "conflict", "duplicate", "stored"]
				.into_iter()
				.cycle();
			results(outcomes.take(meters.len()))
		};
		let (_folder, outbox, mut delivery, _) = deliver(4, answer).await;
		assert_eq!(delivery.round().await.unwrap(), Round::Progress);
		assert_eq!(delivery.round().await.unwrap(), Round::Empty);
		let row = outbox.row(METERS[0]).await.unwrap().unwrap();
		assert_eq!((row.waiting, row.refused, row.delivered), (0, 2, 2));
	}

	#[tokio::test]
	async fn an_answer_that_is_none_should_lose_nothing() {
		let answers = [
			"",
			"<html>bad gateway</html>",
			r#"{"error": {"code": "busy", "message": ""}}"#,
			r#"{"results": []}"#,
			r#"{"results": [{"outcome": "stored"}]}"#,
		];
		for text in answers {
			let (_folder, outbox, mut delivery, _) = deliver(2, move |_| text.into()).await;
			assert!(
				matches!(delivery.round().await, Err(Trouble::Gateway(_))),
				"{text}"
			);
			assert_eq!(waiting(&outbox).await, [2, 2]);
		}
	}
}
