//! The description of the endpoints, and whether they keep to it.

use std::sync::LazyLock;

use codec::DecodeAll;
use gridweave_primitives::device::DeviceKey;
use reqwest::{header::ALLOW, Method};
use sp_core::{ed25519, Pair};

use super::*;
use crate::server::http::{problem::Code, status_of, API};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(&*API).unwrap());

fn operation(method: &str, path: &str) -> &'static Value {
	&DESCRIPTION["paths"][path][method]
}

/// Panics if an answer of an endpoint is not in its description.
pub fn expect_described(
	method: &str,
	path: &str,
	status: StatusCode,
	content_type: Option<&HeaderValue>,
) {
	let operation = operation(method, path);
	let response = &operation["responses"][status.as_str()];
	assert!(response.is_object(), "{method} {path}: {status}");
	let content_type = content_type.map(|content_type| content_type.to_str().unwrap());
	match response.get("content") {
		Some(content) => assert!(content.get(content_type.unwrap()).is_some(), "{content}"),
		None => assert_eq!(content_type, None),
	}
}

#[tokio::test]
async fn the_description_should_be_served_and_have_all_endpoints() {
	let gateway = Gateway::start(true).await;
	let served: Value = gateway.get("/v1/openapi.json").await.json().await.unwrap();
	assert_eq!(served, *DESCRIPTION);
	assert_eq!(served["openapi"], "3.1.0");
	let paths = served["paths"].as_object().unwrap();
	let endpoints: Vec<_> = paths
		.iter()
		.flat_map(|(path, item)| {
			let methods = item.as_object().unwrap().keys();
			methods.map(move |method| format!("{method} {path}"))
		})
		.collect();
	let expected = [
		"get /health",
		"get /metrics",
		"post /openadr3/3.0.1/auth/token",
		"get /openadr3/3.0.1/events",
		"get /openadr3/3.0.1/events/{eventID}",
		"get /openadr3/3.0.1/programs",
		"get /openadr3/3.0.1/programs/{programID}",
		"get /openadr3/3.0.1/reports",
		"post /openadr3/3.0.1/reports",
		"get /openadr3/3.0.1/reports/{reportID}",
		"get /v1/commands",
		"get /v1/commands/{meter}",
		"get /v1/openapi.json",
		"get /v1/readings",
		"post /v1/readings",
	];
	assert_eq!(endpoints, expected);
}

#[test]
fn every_outcome_should_be_described_with_the_status_it_has() {
	let outcomes = [
		Verdict::Stored,
		Verdict::Duplicate,
		Verdict::Malformed,
		Verdict::BadSignature,
		Verdict::UnknownMeter,
		Verdict::NotAdmitted,
		Verdict::Retired,
		Verdict::Stale,
		Verdict::Conflict,
		Verdict::Future,
		Verdict::MeterFull,
		Verdict::Full,
		Verdict::Unavailable,
	];
	let names: Vec<_> = outcomes.iter().map(|outcome| outcome.name()).collect();
	assert_eq!(
		DESCRIPTION["components"]["schemas"]["Outcome"]["enum"],
		json!(names)
	);
	let responses = &operation("post", "/v1/readings")["responses"];
	for outcome in outcomes {
		assert_eq!(json!(outcome), outcome.name());
		let response = &responses[status_of(outcome).as_str()];
		let text = response["description"].as_str().unwrap();
		assert!(text.contains(&format!("`{}`", outcome.name())), "{text}");
	}
}

#[test]
fn every_problem_should_be_described_with_the_status_it_has() {
	let codes = [
		Code::Malformed,
		Code::Query,
		Code::NotFound,
		Code::MethodNotAllowed,
		Code::Timeout,
		Code::TooLarge,
		Code::ContentType,
		Code::Metrics,
		Code::Busy,
		Code::NoNode,
		Code::WrongChain,
		Code::AnotherRun,
		Code::Store,
		Code::Stopping,
	];
	let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
	assert_eq!(
		DESCRIPTION["components"]["schemas"]["ProblemCode"]["enum"],
		json!(names)
	);
	let paths = DESCRIPTION["paths"].as_object().unwrap();
	let operations: Vec<_> = paths
		.values()
		.flat_map(|item| item.as_object().unwrap().values())
		.collect();
	// Those of requests that meet no endpoint are told of at the beginning.
	let about = DESCRIPTION["info"]["description"].as_str().unwrap();
	for code in codes {
		assert_eq!(json!(code), code.name());
		let name = format!("`{}`", code.name());
		let of_endpoint = operations.iter().any(|operation| {
			let text = &operation["responses"][code.status().as_str()]["description"];
			text.as_str().is_some_and(|text| text.contains(&name))
		});
		let of_none = about.contains(code.status().as_str()) && about.contains(&name);
		assert!(of_endpoint || of_none, "{name}");
	}
}

#[test]
fn the_example_should_be_a_signed_reading() {
	let schema = &DESCRIPTION["components"]["schemas"]["JsonFrames"];
	let example = &schema["properties"]["frames"]["items"]["examples"][0];
	let frame = hex::decode(example.as_str().unwrap().trim_start_matches("0x")).unwrap();
	let signed = SignedReading::decode_all(&mut &frame[..]).unwrap();
	assert_eq!((signed.reading.meter.0, signed.reading.sequence), (7, 42));
	let key = DeviceKey::Ed25519(ed25519::Pair::from_seed(&[7; 32]).public());
	assert!(signed.is_signed_by(&key, &H256([1; 32])));
}

#[tokio::test]
async fn a_method_that_is_not_taken_should_be_told_which_are() {
	let gateway = Gateway::start(true).await;
	let paths = DESCRIPTION["paths"].as_object().unwrap();
	for (path, item) in paths {
		for method in [Method::DELETE, Method::PUT, Method::OPTIONS, Method::TRACE] {
			let request = gateway.client.request(
				method,
				format!(
					"{}{}",
					gateway.url,
					path.replace(['{', '}'], "").replace("/meter", "/7")
				),
			);
			let answer = request.send().await.unwrap();
			assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
			let allowed = answer.headers()[ALLOW].to_str().unwrap().to_lowercase();
			let allowed: Vec<_> = allowed.split(',').filter(|name| *name != "head").collect();
			let described: Vec<_> = item.as_object().unwrap().keys().collect();
			assert_eq!(allowed.len(), described.len(), "{allowed:?}");
			assert!(described
				.iter()
				.all(|name| allowed.contains(&name.as_str())));
			let answer: Value = answer.json().await.unwrap();
			match path.starts_with("/openadr3/") {
				true => assert_eq!(answer["title"], "Method Not Allowed"),
				false => assert_eq!(answer["error"]["code"], "method_not_allowed"),
			}
		}
	}
}

#[tokio::test]
async fn a_head_that_is_too_long_should_be_refused_without_a_body() {
	let gateway = Gateway::start(true).await;
	let padding = "x".repeat(20_000);
	let answer = gateway
		.client
		.get(format!("{}/health", gateway.url))
		.header("x-padding", padding)
		.send()
		.await
		.unwrap();
	assert_eq!(answer.status().as_u16(), 431);
	expect_described(
		"get",
		"/health",
		answer.status(),
		answer.headers().get(CONTENT_TYPE),
	);
	assert_eq!(answer.bytes().await.unwrap().len(), 0);
}
