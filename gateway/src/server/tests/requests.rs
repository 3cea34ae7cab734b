//! Requests that are none.

use super::*;

#[tokio::test]
async fn a_bad_request_should_get_a_typed_error() {
	let gateway = Gateway::start(true).await;
	let scale = "application/octet-stream";
	let frame = sign(reading(1, 1)).encode();
	let too_many = frame.repeat(MAX_POST_READINGS + 1);
	let frames = |n| {
		json!({ "frames": vec!["0x00"; n] })
			.to_string()
			.into_bytes()
	};
	let cases = [
		(
			"text/plain",
			frame.clone(),
			StatusCode::UNSUPPORTED_MEDIA_TYPE,
			"content_type",
		),
		(scale, vec![], StatusCode::BAD_REQUEST, "malformed"),
		(scale, vec![0xff; 40], StatusCode::BAD_REQUEST, "malformed"),
		(
			scale,
			frame[..frame.len() - 1].to_vec(),
			StatusCode::BAD_REQUEST,
			"malformed",
		),
		(scale, too_many, StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
		(
			scale,
			vec![0; body::MAX_SCALE_BYTES + 1],
			StatusCode::PAYLOAD_TOO_LARGE,
			"too_large",
		),
		(
			"application/json",
			b"{}".to_vec(),
			StatusCode::BAD_REQUEST,
			"malformed",
		),
		(
			"application/json",
			frames(0),
			StatusCode::BAD_REQUEST,
			"malformed",
		),
		(
			"application/json",
			frames(501),
			StatusCode::PAYLOAD_TOO_LARGE,
			"too_large",
		),
	];
	for (kind, body, expected, code) in cases {
		let (status, answer) = gateway.post(kind, body).await;
		assert_eq!(
			(status, &answer["error"]["code"]),
			(expected, &json!(code)),
			"{answer}"
		);
		assert!(answer["error"]["message"].is_string());
	}
	let paths = [
		("/v1/readings?after=x", StatusCode::BAD_REQUEST, "query"),
		("/v1/readings?before=1", StatusCode::BAD_REQUEST, "query"),
		(
			"/v1/readings?after=1&after=2",
			StatusCode::BAD_REQUEST,
			"query",
		),
		(
			"/v1/readings?after=18446744073709551616",
			StatusCode::BAD_REQUEST,
			"query",
		),
	];
	for (path, expected, code) in paths {
		let answer = gateway.get(path).await;
		assert_eq!(answer.status(), expected);
		assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], code);
	}
	let answer = gateway.try_get("/v2/readings").await.unwrap();
	assert_eq!(answer.status(), StatusCode::NOT_FOUND);
	assert_eq!(
		answer.json::<Value>().await.unwrap()["error"]["code"],
		"not_found"
	);
	// None of it has harmed anything.
	assert_eq!(
		gateway.post_scale(&[sign(reading(1, 1))]).await.0,
		StatusCode::CREATED
	);
}

#[tokio::test]
async fn a_body_without_end_should_be_cut_off() {
	let gateway = Gateway::start(true).await;
	// Written by hand: a client library would need another feature for streams.
	let answer = raw(gateway.address, |socket| {
		let head = "POST /v1/readings HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\
			content-type: application/octet-stream\r\n\r\n";
		socket.write_all(head.as_bytes())?;
		loop {
			socket.write_all(b"400\r\n")?;
			socket.write_all(&[0; 0x400])?;
			socket.write_all(b"\r\n")?;
		}
	})
	.await;
	assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_body_that_never_comes_should_be_given_up() {
	let gateway = Gateway::start(true).await;
	let answer = raw(gateway.address, |socket| {
		let head = "POST /v1/readings HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\
			content-type: application/octet-stream\r\n\r\n";
		socket.write_all(head.as_bytes())
	})
	.await;
	assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}
