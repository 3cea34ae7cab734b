//! `POST /v1/readings`: a content type, a line break, and a body.

#![no_main]

use codec::Encode;
use gridweave_gateway::server::body::{Format, MAX_POST_READINGS};
use gridweave_primitives::reading::SignedReading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
	let Some(at) = bytes.iter().position(|byte| *byte == b'\n') else {
		return;
	};
	let (head, body) = (&bytes[..at], &bytes[at + 1..]);
	let Some(format) = std::str::from_utf8(head).ok().and_then(Format::of) else {
		return;
	};
	let readings = match format.decode(body) {
		Ok(readings) => readings,
		Err(error) => {
			assert!(!error.to_string().is_empty());
			return;
		}
	};
	assert!((1..=MAX_POST_READINGS).contains(&readings.len()));
	// What was read is written as it was, in SCALE to the byte.
	let good: Vec<SignedReading> = readings.iter().flatten().cloned().collect();
	let scale: Vec<u8> = good.iter().flat_map(Encode::encode).collect();
	if format == Format::Scale {
		assert_eq!(scale, body);
	}
	if good.is_empty() {
		return;
	}
	let frames: Vec<String> = good
		.iter()
		.map(|signed| hex::encode(signed.encode()))
		.collect();
	let json = serde_json::json!({ "frames": frames }).to_string();
	let expected: Vec<_> = good.into_iter().map(Some).collect();
	assert_eq!(Format::Scale.decode(&scale).as_ref(), Ok(&expected));
	assert_eq!(Format::Json.decode(json.as_bytes()).as_ref(), Ok(&expected));
});
