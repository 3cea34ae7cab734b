//! Commands to devices, as everybody speaks of them outside the chain: gateways tell them in JSON, over MQTT
//! and HTTP, and devices judge by nonce and validity what to make of them.
//!
//! | module | holds |
//! |---|---|
//! | [`orders`] | what a device makes of what it hears |

pub mod orders;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What topics of commands begin with, before the number of the meter.
const TOPIC: &str = "gridweave/v1/commands/";
/// The topics of all meters' commands.
pub const TOPICS: &str = "gridweave/v1/commands/+";

/// Where a meter's command is told.
pub fn topic(meter: u32) -> String {
	format!("{TOPIC}{meter}")
}

/// Whose commands are told on a topic.
pub fn meter_of(topic: &str) -> Option<u32> {
	let meter = topic.strip_prefix(TOPIC)?.parse().ok()?;
	// No other way of writing it names the topic.
	(self::topic(meter) == topic).then_some(meter)
}

/// What a device is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
	/// Take at most `watts` from the grid.
	LimitImport,
	/// Charge storage with all there is.
	Charge,
	/// Discharge storage with all there is.
	Discharge,
	/// Feed at most `watts` into the grid.
	Curtail,
	/// Do as you like: what was told before is void.
	Release,
}

/// A command to the device of a meter: the message on the meter's topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeviceCommand)]
pub struct Command {
	/// Whose device is meant.
	#[schema(format = "uint32")]
	pub meter: u32,
	/// Names the command. Of two, the one with the higher nonce was given later and voids the other. What the
	/// device names in `acknowledged` of its next reading.
	#[schema(format = "uint32")]
	pub nonce: u32,
	/// What to do.
	pub action: Action,
	/// The limit of `limit_import` and `curtail`; `null` for the others.
	#[schema(required, format = "uint32")]
	pub watts: Option<u32>,
	/// From when on: Unix seconds.
	#[schema(format = "uint64")]
	pub from: u64,
	/// Until when: Unix seconds. Afterwards the device does as it likes.
	#[schema(format = "uint64")]
	pub until: u64,
	/// The event of demand response that it serves, if any.
	#[schema(required, format = "uint32")]
	pub event: Option<u32>,
}

impl Command {
	/// The command in a message; `None` if there is none for this meter in it.
	pub fn parse(meter: u32, payload: &[u8]) -> Option<Self> {
		let command: Self = serde_json::from_slice(payload).ok()?;
		let limited = matches!(command.action, Action::LimitImport | Action::Curtail);
		let sound = command.meter == meter && command.watts.is_some() == limited;
		sound.then_some(command)
	}

	/// As a message.
	pub fn payload(&self) -> Vec<u8> {
		serde_json::json!(self).to_string().into_bytes()
	}
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use proptest::prelude::*;

	/// Any command that a chain may give to the meter.
	pub fn any_command(meter: u32) -> impl Strategy<Value = Command> {
		let action = prop_oneof![
			any::<u32>().prop_map(|watts| (Action::LimitImport, Some(watts))),
			any::<u32>().prop_map(|watts| (Action::Curtail, Some(watts))),
			Just((Action::Charge, None)),
			Just((Action::Discharge, None)),
			Just((Action::Release, None)),
		];
		let times = (0u64..100, 1u64..100);
		(1u32..8, action, times, any::<Option<u32>>()).prop_map(
			move |(nonce, (action, watts), (from, length), event)| Command {
				meter,
				nonce,
				action,
				watts,
				from,
				until: from + length,
				event,
			},
		)
	}

	#[test]
	fn a_message_should_have_all_fields_and_never_change() {
		let command = Command {
			meter: 7,
			nonce: 12,
			action: Action::LimitImport,
			watts: Some(2_000),
			from: 1_780_000_200,
			until: 1_780_001_100,
			event: Some(3),
		};
		let text = r#"{"action":"limit_import","event":3,"from":1780000200,"meter":7,"nonce":12,"until":1780001100,"watts":2000}"#;
		let same = |payload: &[u8]| serde_json::from_slice::<serde_json::Value>(payload).unwrap();
		assert_eq!(same(&command.payload()), same(text.as_bytes()));
		let release = Command {
			action: Action::Release,
			watts: None,
			event: None,
			..command
		};
		let told = same(&release.payload());
		assert_eq!(told["action"], "release");
		assert!(told["watts"].is_null() && told["event"].is_null());
		assert_eq!(told.as_object().unwrap().len(), 7);
	}

	#[test]
	fn what_is_no_command_of_the_meter_should_not_be_taken() {
		let good =
			r#"{"meter":7,"nonce":1,"action":"curtail","watts":5,"from":1,"until":2,"event":null}"#;
		assert!(Command::parse(7, good.as_bytes()).is_some());
		let bad = [
			String::new(),
			good.replace("\"meter\":7", "\"meter\":8"),
			good.replace("curtail", "explode"),
			good.replace("\"watts\":5", "\"watts\":null"),
			good.replace("curtail", "charge"),
			good.replace("\"nonce\":1", "\"nonce\":-1"),
			good.replace("\"until\":2,", ""),
		];
		for text in bad {
			assert_eq!(Command::parse(7, text.as_bytes()), None, "{text}");
		}
	}

	#[test]
	fn a_topic_should_name_one_meter() {
		assert_eq!(topic(7), "gridweave/v1/commands/7");
		assert_eq!(meter_of(&topic(u32::MAX)), Some(u32::MAX));
		let none = ["7", "07", "+7", "", "x", "7/ack", "4294967296"];
		for meter in none.iter().skip(1) {
			assert_eq!(meter_of(&format!("{TOPIC}{meter}")), None, "{meter}");
		}
		assert_eq!(meter_of("gridweave/v1/readings/7"), None);
	}

	proptest! {
		#[test]
		fn every_command_should_survive_the_way(command in any_command(7)) {
			prop_assert_eq!(Command::parse(7, &command.payload()), Some(command));
			prop_assert_eq!(Command::parse(8, &command.payload()), None);
		}

		#[test]
		fn any_message_should_be_survived(payload in prop::collection::vec(any::<u8>(), 0..300), topic in ".{0,40}") {
			let _ = Command::parse(7, &payload);
			let _ = meter_of(&topic);
		}
	}
}
