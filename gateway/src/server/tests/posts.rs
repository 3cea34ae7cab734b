//! Readings in, pages out.

use gridweave_primitives::reading::Reading;

use super::*;
use crate::server::keys::{unix_now, MAX_LEAD};

#[tokio::test]
async fn a_posted_reading_should_be_acknowledged_and_served() {
	let gateway = Gateway::start(true).await;
	let signed = sign(reading(1, 1));
	let (status, answer) = gateway.post_scale(std::slice::from_ref(&signed)).await;
	assert_eq!(status, StatusCode::CREATED);
	assert_eq!(
		answer,
		json!({"safe": 1, "refused": 0, "results": [{"meter": 1, "sequence": 1, "outcome": "stored"}]}),
	);
	let page = gateway.page("").await;
	assert_eq!(page.readings, vec![(1, signed.clone())]);
	// Its device did not hear the answer: the same again.
	let (status, answer) = gateway.post_scale(&[signed]).await;
	assert_eq!(
		(status, outcomes(&answer)),
		(StatusCode::CREATED, vec!["duplicate"])
	);
	assert_eq!(gateway.page("").await.readings.len(), 1);
}

#[tokio::test]
async fn pages_should_go_on_after_an_offset_of_this_epoch() {
	let gateway = Gateway::start(true).await;
	let readings: Vec<_> = (1..=5).map(|n| sign(reading(1, n))).collect();
	gateway.post_scale(&readings).await;
	let first = gateway.page("?limit=2").await;
	assert_eq!(first.readings.len(), 2);
	let next = gateway
		.page(&format!("?after=2&epoch={}", first.epoch))
		.await;
	assert_eq!(
		next.readings
			.iter()
			.map(|(offset, _)| *offset)
			.collect::<Vec<_>>(),
		[3, 4, 5]
	);
	let other = gateway
		.page(&format!("?after=2&epoch={}", first.epoch ^ 1))
		.await;
	assert_eq!(other.readings.len(), 5);
}

#[tokio::test]
async fn a_batch_should_be_answered_reading_by_reading() {
	let gateway = Gateway::start(true).await;
	gateway.post_scale(&[sign(reading(1, 5))]).await;
	let mut conflict = reading(1, 5);
	conflict.status = 1;
	let frames = [
		sign(reading(1, 6)).encode(),
		sign(reading(1, 4)).encode(),
		sign(conflict).encode(),
		sign_by(3, reading(2, 1)).encode(),
		sign(reading(99, 1)).encode(),
		vec![1, 2, 3],
		[sign(reading(2, 1)).encode(), vec![0]].concat(),
		sign(reading(2, 2)).encode(),
	];
	let frames: Vec<String> = frames
		.iter()
		.map(|f| format!("0x{}", hex::encode(f)))
		.collect();
	let body = json!({ "frames": frames }).to_string().into_bytes();
	let (status, answer) = gateway.post("application/json; charset=utf-8", body).await;
	assert_eq!(status, StatusCode::MULTI_STATUS);
	assert_eq!(
		(&answer["safe"], &answer["refused"]),
		(&json!(2), &json!(6))
	);
	let expected = [
		"stored",
		"stale",
		"conflict",
		"bad_signature",
		"unavailable",
		"malformed",
		"malformed",
		"stored",
	];
	assert_eq!(outcomes(&answer), expected);
}

#[tokio::test]
async fn a_refused_reading_should_have_the_status_of_its_reason() {
	let gateway = Gateway::start(true).await;
	gateway.post_scale(&[sign(reading(1, 5))]).await;
	let cases = [
		(
			sign_by(2, reading(1, 6)),
			StatusCode::FORBIDDEN,
			"bad_signature",
		),
		(sign(reading(1, 4)), StatusCode::CONFLICT, "stale"),
		(
			sign(Reading {
				captured_at: unix_now() + MAX_LEAD + 60,
				..reading(1, 6)
			}),
			StatusCode::CONFLICT,
			"future",
		),
		(
			sign(reading(99, 1)),
			StatusCode::SERVICE_UNAVAILABLE,
			"unavailable",
		),
	];
	for (signed, expected, outcome) in cases {
		let (status, answer) = gateway.post_scale(&[signed]).await;
		assert_eq!((status, outcomes(&answer)), (expected, vec![outcome]));
	}
	let body = json!({ "frames": ["0x00"] }).to_string().into_bytes();
	let (status, answer) = gateway.post("application/json", body).await;
	assert_eq!(
		(status, outcomes(&answer)),
		(StatusCode::BAD_REQUEST, vec!["malformed"])
	);
}

#[tokio::test]
async fn a_full_store_and_a_full_meter_should_be_told_with_429() {
	let gateway = Gateway::start(true).await;
	let many = |meter, first: u64| -> Vec<_> {
		(first..first + 300)
			.map(|n| sign(reading(meter, n)))
			.collect()
	};
	gateway.post_scale(&many(1, 1)).await;
	gateway.post_scale(&many(1, 301)).await;
	let (status, answer) = gateway.post_scale(&[sign(reading(1, 601))]).await;
	assert_eq!(
		(status, outcomes(&answer)),
		(StatusCode::TOO_MANY_REQUESTS, vec!["meter_full"])
	);
	gateway.post_scale(&many(2, 1)).await;
	gateway.post_scale(&many(3, 1)[..100]).await;
	let (status, answer) = gateway.post_scale(&[sign(reading(4, 1))]).await;
	assert_eq!(
		(status, outcomes(&answer)),
		(StatusCode::TOO_MANY_REQUESTS, vec!["full"])
	);
}

#[tokio::test]
async fn a_meter_the_chain_does_not_let_deliver_should_be_told_so() {
	let keys = [
		(1, Known::NotAdmitted),
		(2, Known::Retired),
		(3, Known::Unavailable),
	];
	let gateway = Gateway::of(FakeChain::knowing(keys)).await;
	let cases = [
		(1, StatusCode::FORBIDDEN, "not_admitted"),
		(2, StatusCode::GONE, "retired"),
		(3, StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
		(4, StatusCode::NOT_FOUND, "unknown_meter"),
	];
	for (meter, expected, outcome) in cases {
		let (status, answer) = gateway.post_scale(&[sign(reading(meter, 1))]).await;
		assert_eq!((status, outcomes(&answer)), (expected, vec![outcome]));
	}
}

#[tokio::test]
async fn a_reading_the_chain_would_take_should_not_be_called_future() {
	let gateway = Gateway::start(true).await;
	let signed = sign(Reading {
		captured_at: unix_now() + MAX_LEAD - 60,
		..reading(1, 1)
	});
	assert_eq!(gateway.post_scale(&[signed]).await.0, StatusCode::CREATED);
}
