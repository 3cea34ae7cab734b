//! What devices post: readings in one of two formats.

use codec::Decode;
use gridweave_primitives::reading::SignedReading;
use serde::Deserialize;

/// Most readings of one post.
pub const MAX_POST_READINGS: usize = 500;
/// Most bytes of a SCALE body.
pub const MAX_SCALE_BYTES: usize = 128 * 1024;
/// Most bytes of a JSON body: the same readings in hex.
pub const MAX_JSON_BYTES: usize = 288 * 1024;

/// How the readings of a post are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
	/// SCALE frames that follow one another.
	Scale,
	/// `{"frames": ["0x…"]}`.
	Json,
}

/// Why a body as a whole is no post of readings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
	/// There is nothing in it.
	#[error("there is no reading in the body")]
	Empty,
	/// There is too much in it.
	#[error("more than {MAX_POST_READINGS} readings")]
	TooMany,
	/// It is not what its content type says.
	#[error("{0}")]
	Malformed(String),
}

impl Format {
	/// What a header `content-type` says; `None` if it is none of the formats.
	pub fn of(content_type: &str) -> Option<Self> {
		let essence = content_type.split(';').next()?.trim();
		let is = |name: &str| essence.eq_ignore_ascii_case(name);
		if is("application/octet-stream") {
			Some(Self::Scale)
		} else if is("application/json") {
			Some(Self::Json)
		} else {
			None
		}
	}

	/// Longest body.
	pub fn max_bytes(self) -> usize {
		match self {
			Self::Scale => MAX_SCALE_BYTES,
			Self::Json => MAX_JSON_BYTES,
		}
	}

	/// The readings of a body, at least one; a frame that is no reading is `None`.
	pub fn decode(self, body: &[u8]) -> Result<Vec<Option<SignedReading>>, BodyError> {
		match self {
			Self::Scale => decode_scale(body),
			Self::Json => decode_json(body),
		}
	}
}

/// One that is no reading spoils all: nobody knows where the next one begins.
fn decode_scale(mut body: &[u8]) -> Result<Vec<Option<SignedReading>>, BodyError> {
	let mut readings = Vec::new();
	while !body.is_empty() {
		if readings.len() == MAX_POST_READINGS {
			return Err(BodyError::TooMany);
		}
		let at = readings.len();
		let reading = SignedReading::decode(&mut body)
			.map_err(|error| BodyError::Malformed(format!("frame {at} is no reading: {error}")))?;
		readings.push(Some(reading));
	}
	match readings.is_empty() {
		true => Err(BodyError::Empty),
		false => Ok(readings),
	}
}

/// An enumeration, for of a structure serde would take an array of its fields as well.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum JsonBody {
	Frames(Vec<String>),
}

fn decode_json(body: &[u8]) -> Result<Vec<Option<SignedReading>>, BodyError> {
	let JsonBody::Frames(frames) = serde_json::from_slice(body)
		.map_err(|error| BodyError::Malformed(format!("not {{\"frames\": [\"0x…\"]}}: {error}")))?;
	if frames.is_empty() {
		return Err(BodyError::Empty);
	}
	if frames.len() > MAX_POST_READINGS {
		return Err(BodyError::TooMany);
	}
	Ok(frames.iter().map(|frame| decode_hex(frame)).collect())
}

fn decode_hex(frame: &str) -> Option<SignedReading> {
	let bytes = hex::decode(frame.strip_prefix("0x").unwrap_or(frame)).ok()?;
	let mut rest = &bytes[..];
	SignedReading::decode(&mut rest)
		.ok()
		.filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::server::testing::{longest, reading, sign};
	use codec::Encode;
	use serde_json::json;

	#[test]
	fn a_content_type_should_name_a_format() {
		let cases = [
			("application/octet-stream", Some(Format::Scale)),
			("application/json", Some(Format::Json)),
			("Application/JSON; charset=utf-8", Some(Format::Json)),
			("application/json5", None),
			("text/plain", None),
			("", None),
		];
		for (content_type, expected) in cases {
			assert_eq!(Format::of(content_type), expected, "{content_type}");
		}
	}

	#[test]
	fn both_formats_should_hold_the_most_and_the_longest_readings() {
		let frame = sign(longest(u32::MAX, u64::MAX)).encode();
		let scale = frame.repeat(MAX_POST_READINGS);
		let hex = format!("0x{}", hex::encode(&frame));
		let json = json!({ "frames": vec![hex; MAX_POST_READINGS] }).to_string();
		for (format, body) in [(Format::Scale, scale), (Format::Json, json.into_bytes())] {
			assert!(body.len() <= format.max_bytes(), "{format:?}");
			let readings = format.decode(&body).unwrap();
			assert_eq!(readings.iter().flatten().count(), MAX_POST_READINGS);
		}
	}

	#[test]
	fn only_an_object_of_frames_should_be_taken_as_json() {
		let frame = hex::encode(sign(reading(1, 1)).encode());
		let decode = |body: serde_json::Value| Format::Json.decode(body.to_string().as_bytes());
		assert!(decode(json!({ "frames": [frame] })).unwrap()[0].is_some());
		assert!(decode(json!({ "frames": [format!("0x0x{frame}")] })).unwrap()[0].is_none());
		let bad = [
			json!([[frame]]),
			json!({ "frames": [frame], "more": 1 }),
			json!({ "frames": frame }),
			json!({ "frames": { "0": frame } }),
			json!({ "frames": null }),
			json!("frames"),
			json!(null),
		];
		for body in bad {
			let decoded = decode(body.clone());
			assert!(matches!(decoded, Err(BodyError::Malformed(_))), "{body}");
		}
	}
}
