//! Brings readings to the gateway: over and over until it acknowledges with 201, in order per meter.

use std::time::Duration;

use anyhow::{bail, Result};
use codec::Encode;
use gridweave_primitives::reading::SignedReading;
use reqwest::{header::CONTENT_TYPE, Client, StatusCode};
use tracing::debug;

/// Longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Patience with one attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long a gateway may not have heard yet that the chain has admitted a meter.
const ADMISSION: Duration = Duration::from_secs(60);

/// A device's way to the gateway.
#[derive(Clone)]
pub struct Delivery {
	client: Client,
	url: String,
}

impl Delivery {
	/// To the gateway at this base URL.
	pub fn new(gateway: &str) -> Result<Self> {
		let client = Client::builder().timeout(ATTEMPT).no_proxy().build()?;
		Ok(Self {
			client,
			url: format!("{}/v1/readings", gateway.trim_end_matches('/')),
		})
	}

	/// Delivers one reading; returns how many attempts it took. A gateway that is away or troubled is tried
	/// again with growing pauses; one that does not know the meter for a minute, in which finality catches
	/// up; one that refuses the reading as wrong is not.
	pub async fn deliver(&self, signed: &SignedReading) -> Result<u32> {
		let body = signed.encode();
		let started = tokio::time::Instant::now();
		let mut pause = Duration::from_millis(50);
		for attempt in 1.. {
			let sent = self
				.client
				.post(&self.url)
				.header(CONTENT_TYPE, "application/octet-stream")
				.body(body.clone())
				.send()
				.await;
			match sent {
				Ok(answer) if answer.status() == StatusCode::CREATED => return Ok(attempt),
				Ok(answer) if is_final(answer.status(), started.elapsed()) => {
					let status = answer.status();
					let why = answer.text().await.unwrap_or_default();
					bail!("the gateway refuses {:?}: {status} {why}", signed.reading)
				}
				Ok(answer) => debug!("gateway answers {}; trying again", answer.status()),
				Err(error) => debug!("gateway does not answer ({error}); trying again"),
			}
			tokio::time::sleep(pause).await;
			pause = (pause * 2).min(LONGEST_PAUSE);
		}
		bail!("too many attempts")
	}
}

/// Whether trying again is pointless: the reading is at fault, not the moment.
fn is_final(status: StatusCode, waited: Duration) -> bool {
	match status {
		StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => false,
		StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => waited > ADMISSION,
		status => status.is_client_error(),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::{
		device::{Device, Model},
		replay::Registers,
	};
	use axum::{body::Bytes, extract::State, routing::post, Router};
	use codec::Decode;
	use std::sync::{Arc, Mutex};

	type Log = Arc<Mutex<(Vec<StatusCode>, Vec<SignedReading>)>>;

	/// A gateway that gives these answers, one by one, and then 201.
	async fn gateway(answers: &[StatusCode]) -> (Delivery, Log) {
		let log: Log = Arc::new(Mutex::new((answers.to_vec(), vec![])));
		let answer = |State(log): State<Log>, body: Bytes| async move {
			let mut log = log.lock().unwrap();
			log.1.push(SignedReading::decode(&mut &body[..]).unwrap());
			if log.0.is_empty() {
				StatusCode::CREATED
			} else {
				log.0.remove(0)
			}
		};
		let router = Router::new()
			.route("/v1/readings", post(answer))
			.with_state(log.clone());
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
		let url = format!("http://{}/", listener.local_addr().unwrap());
		tokio::spawn(async move { axum::serve(listener, router).await });
		(Delivery::new(&url).unwrap(), log)
	}

	fn signed() -> SignedReading {
		Device::new(&[1; 32], 0, Model::full(0, 1)).read(
			&Default::default(),
			12,
			&Registers::default(),
			12,
		)
	}

	#[tokio::test]
	async fn delivery_should_go_on_until_the_gateway_has_it() {
		let troubles = [
			StatusCode::SERVICE_UNAVAILABLE,
			StatusCode::TOO_MANY_REQUESTS,
			StatusCode::OK,
		];
		let (delivery, log) = gateway(&troubles).await;
		assert_eq!(delivery.deliver(&signed()).await.unwrap(), 4);
		assert_eq!(log.lock().unwrap().1, vec![signed(); 4]);
	}

	#[tokio::test]
	async fn a_refused_reading_should_be_an_error_at_once() {
		let (delivery, log) = gateway(&[StatusCode::UNPROCESSABLE_ENTITY]).await;
		let error = delivery.deliver(&signed()).await.unwrap_err();
		assert!(error.to_string().contains("422"));
		assert_eq!(log.lock().unwrap().1.len(), 1);
	}

	#[tokio::test]
	async fn a_gateway_should_be_given_time_to_hear_of_the_meter() {
		let (delivery, _) = gateway(&[StatusCode::NOT_FOUND, StatusCode::FORBIDDEN]).await;
		assert_eq!(delivery.deliver(&signed()).await.unwrap(), 3);
		assert!(is_final(StatusCode::FORBIDDEN, ADMISSION * 2));
	}

	#[tokio::test]
	async fn delivery_should_outlast_a_gateway_that_is_away() {
		let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
		let address = listener.local_addr().unwrap();
		drop(listener);
		let delivery = Delivery::new(&format!("http://{address}")).unwrap();
		let sent = tokio::spawn(async move { delivery.deliver(&signed()).await });
		tokio::time::sleep(Duration::from_millis(200)).await;
		let router = Router::new().route("/v1/readings", post(|| async { StatusCode::CREATED }));
		let listener = tokio::net::TcpListener::bind(address).await.unwrap();
		tokio::spawn(async move { axum::serve(listener, router).await });
		assert!(sent.await.unwrap().unwrap() > 1);
	}
}
