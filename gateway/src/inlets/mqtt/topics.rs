//! What messages of which topics hold.

use base64::{prelude::BASE64_STANDARD, Engine};
use codec::Decode;
use gridweave_primitives::reading::SignedReading;
use serde::Deserialize;

/// Signed readings, straight from devices.
pub const READINGS: &str = "gridweave/v1/readings/+";
/// Uplinks of LoRaWAN devices, as ChirpStack (version 4) publishes them.
pub const CHIRPSTACK: &str = "application/+/device/+/event/up";
/// What topics of devices begin with, before the number of the meter.
const DEVICE: &str = "gridweave/v1/readings/";
/// Longest frame; a full reading has 222 bytes with the longest of numbers.
const MAX_FRAME: usize = 512;

/// Signed reading of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
	/// The frame.
	pub frame: Vec<u8>,
	/// The meter.
	pub meter: u32,
	/// Its sequence.
	pub sequence: u64,
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
	/// A signed reading.
	Offer(Offer),
	/// From the device of this meter, but no reading of it.
	Malformed(u32),
	/// Nothing that concerns us, such as an uplink without data.
	Nothing,
}

/// Reads a message.
pub fn read(topic: &str, payload: &[u8]) -> Read {
	match topic.strip_prefix(DEVICE) {
		Some(meter) => match meter.parse::<u32>() {
			Ok(meter) => match offer(payload.to_vec()) {
				Some(offer) if offer.meter == meter => Read::Offer(offer),
				// Who may publish there is no other meter's business.
				_ => Read::Malformed(meter),
			},
			Err(_) => Read::Nothing,
		},
		None => uplink(payload).map_or(Read::Nothing, Read::Offer),
	}
}

/// Whether a topic is a device's own, so that it may listen for an answer.
pub fn is_a_devices(topic: &str) -> bool {
	topic.starts_with(DEVICE)
}

/// Where the answer about a meter's reading goes.
pub fn answer_topic(meter: u32) -> String {
	format!("{DEVICE}{meter}/ack")
}

fn offer(frame: Vec<u8>) -> Option<Offer> {
	if frame.len() > MAX_FRAME {
		return None;
	}
	let mut rest = &frame[..];
	let reading = SignedReading::decode(&mut rest).ok()?.reading;
	let all = rest.is_empty();
	all.then_some(Offer {
		meter: reading.meter.0,
		sequence: reading.sequence,
		frame,
	})
}

/// An uplink event of ChirpStack; of its many fields only the payload matters, for it is signed.
#[derive(Deserialize)]
struct Uplink {
	data: Option<String>,
}

fn uplink(payload: &[u8]) -> Option<Offer> {
	let Uplink { data } = serde_json::from_slice(payload).ok()?;
	offer(BASE64_STANDARD.decode(data?).ok()?)
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Encode;
	use gridweave_primitives::{device::DeviceSignature, reading::Reading, MeterId, WattHours};
	use proptest::prelude::*;
	use sp_core::ed25519;

	fn frame(meter: u32) -> Vec<u8> {
		let reading = Reading {
			meter: MeterId(meter),
			sequence: 42,
			captured_at: 1_780_000_000,
			import_register: WattHours(1),
			export_register: WattHours(0),
			state_of_charge: None,
			quality: None,
			acknowledged: None,
			status: 0,
		};
		let signature = DeviceSignature::Ed25519(ed25519::Signature::from_raw([7; 64]));
		SignedReading { reading, signature }.encode()
	}

	fn expected(meter: u32) -> Read {
		Read::Offer(Offer {
			frame: frame(meter),
			meter,
			sequence: 42,
		})
	}

	#[test]
	fn a_devices_topic_should_bring_its_own_readings_only() {
		let topic = "gridweave/v1/readings/7";
		assert_eq!(read(topic, &frame(7)), expected(7));
		assert_eq!(read(topic, &frame(8)), Read::Malformed(7));
		assert_eq!(
			read(topic, &[frame(7), vec![0]].concat()),
			Read::Malformed(7)
		);
		assert_eq!(read(topic, b""), Read::Malformed(7));
		assert_eq!(
			read("gridweave/v1/readings/seven", &frame(7)),
			Read::Nothing
		);
		assert_eq!(answer_topic(7), "gridweave/v1/readings/7/ack");
	}

	/// An uplink as ChirpStack's documentation shows it (Integrations, Events, `up`), with other data.
	#[test]
	fn an_uplink_of_chirpstack_should_bring_its_data() {
		let data = BASE64_STANDARD.encode(frame(9));
		let event = format!(
			r#"{{"deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
			"time": "2022-07-18T09:34:15.775023242+00:00",
			"deviceInfo": {{"tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242", "tenantName": "ChirpStack",
			"applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97", "applicationName": "Test application",
			"deviceProfileId": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad", "deviceProfileName": "Test",
			"deviceName": "Test device", "devEui": "0101010101010101", "tags": {{"key": "value"}}}},
			"devAddr": "00189440", "dr": 1, "fPort": 1, "data": "{data}",
			"rxInfo": [{{"gatewayId": "0016c001f153a14c", "uplinkId": 4217106255, "rssi": -36, "snr": 10.5,
			"context": "E3OWOQ==", "metadata": {{"region_name": "eu868", "region_common_name": "EU868"}}}}],
			"txInfo": {{"frequency": 867100000, "modulation": {{"lora": {{"bandwidth": 125000,
			"spreadingFactor": 11, "codeRate": "CR_4_5"}}}}}}}}"#
		);
		let topic =
			"application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/up";
		assert_eq!(read(topic, event.as_bytes()), expected(9));
		for without in [
			r#"{"fPort": 1}"#,
			r#"{"data": "!"}"#,
			r#"{"data": "AAAA"}"#,
			"[]",
			"",
		] {
			assert_eq!(read(topic, without.as_bytes()), Read::Nothing, "{without}");
		}
	}

	proptest! {
		#[test]
		fn any_message_should_be_survived(topic in ".{0,40}", payload in prop::collection::vec(any::<u8>(), 0..600)) {
			let _ = read(&topic, &payload);
			let _ = read("gridweave/v1/readings/7", &payload);
			let event = format!(r#"{{"data": "{}"}}"#, BASE64_STANDARD.encode(&payload));
			let _ = read("application/a/device/b/event/up", event.as_bytes());
		}
	}
}
