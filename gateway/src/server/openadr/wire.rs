//! The objects of OpenADR 3.0.1, as far as they are told here. Names and forms are those of its description.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Number;
use utoipa::{
	openapi::{schema::OneOfBuilder, RefOr, Schema},
	PartialSchema, ToSchema,
};

use super::time::{date_time, duration};

/// Unix seconds, told as date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, as = OpenAdrDateTime)]
pub struct DateTime(pub u64);

impl Serialize for DateTime {
	fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.serialize_str(&date_time(self.0))
	}
}

/// Seconds, told as a duration of ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = r"^PT([0-9]+H)?([0-9]+M)?([0-9]+S)?$", as = OpenAdrDuration)]
pub struct Duration(pub u64);

impl Serialize for Duration {
	fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.serialize_str(&duration(self.0))
	}
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = OpenAdrObjectType)]
pub enum ObjectType {
	/// A programme.
	Program,
	/// An event, or prices.
	Event,
	/// A report.
	Report,
	/// Says what the payloads of events mean.
	EventPayloadDescriptor,
}

/// A number or a word.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Datum {
	/// A number.
	Number(Number),
	/// A word.
	Text(String),
}

impl ToSchema for Datum {
	fn name() -> Cow<'static, str> {
		"OpenAdrValue".into()
	}
}

impl PartialSchema for Datum {
	fn schema() -> RefOr<Schema> {
		OneOfBuilder::new()
			.item(f64::schema())
			.item(String::schema())
			.description(Some("A number or a word."))
			.into()
	}
}

impl From<i64> for Datum {
	fn from(number: i64) -> Self {
		Self::Number(number.into())
	}
}

impl From<&str> for Datum {
	fn from(text: &str) -> Self {
		Self::Text(text.into())
	}
}

impl Datum {
	/// So many parts of which `per` make one: 91,000 of 1,000,000 are 0.091. The nearest number that there is: below
	/// 2⁵³ parts it is written with the digits it has.
	pub fn parts(parts: i64, per: u32) -> Self {
		let number = Number::from_f64(parts as f64 / f64::from(per));
		// No division by zero, and so a finite number.
		Self::Number(number.unwrap_or_else(|| 0.into()))
	}
}

/// Values of a kind.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = OpenAdrValuesMap)]
pub struct ValuesMap {
	/// What they are.
	#[serde(rename = "type")]
	#[schema(value_type = String, min_length = 1, max_length = 128)]
	pub kind: &'static str,
	/// One, or several.
	pub values: Vec<Datum>,
}

impl ValuesMap {
	/// One value.
	pub fn one(kind: &'static str, value: impl Into<Datum>) -> Self {
		let values = vec![value.into()];
		Self { kind, values }
	}
}

/// What the payloads of a type mean.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenAdrPayloadDescriptor)]
pub struct Descriptor {
	/// That of events. Those of reports have none, for there is a client that takes this one only.
	#[serde(skip_serializing_if = "Option::is_none")]
	#[schema(nullable = false)]
	pub object_type: Option<ObjectType>,
	/// The type.
	#[schema(value_type = String, min_length = 1, max_length = 128)]
	pub payload_type: &'static str,
	/// The unit.
	#[serde(skip_serializing_if = "Option::is_none")]
	#[schema(value_type = Option<String>, nullable = false)]
	pub units: Option<&'static str>,
	/// The currency, of prices.
	#[serde(skip_serializing_if = "Option::is_none")]
	#[schema(value_type = Option<String>, nullable = false)]
	pub currency: Option<&'static str>,
}

/// When it begins, and how long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OpenAdrIntervalPeriod)]
pub struct IntervalPeriod {
	/// Its begin.
	pub start: DateTime,
	/// How long each interval lasts.
	pub duration: Duration,
}

/// What holds for a time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = OpenAdrInterval)]
pub struct Interval {
	/// Which of the object's intervals it is. They follow one another, beginning with 0.
	#[schema(format = "int32")]
	pub id: u32,
	/// What holds.
	pub payloads: Vec<ValuesMap>,
}

/// A programme.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenAdrProgram)]
pub struct Program {
	/// Its identity.
	#[schema(pattern = "^[a-zA-Z0-9_-]*$")]
	pub id: String,
	/// When its community began: the chain does not keep when a programme was opened.
	pub created_date_time: DateTime,
	/// The same: programmes do not change.
	pub modification_date_time: DateTime,
	/// `PROGRAM`.
	pub object_type: ObjectType,
	/// As the identity.
	pub program_name: String,
	/// For people.
	pub program_long_name: String,
	/// `DEMAND_RESPONSE` or `PRICING_TARIFF`.
	#[schema(value_type = String)]
	pub program_type: &'static str,
	/// None: days are those of UTC.
	pub time_zone_offset: Duration,
	/// Never: events may be called off or end early, and expected prices change.
	pub binding_events: bool,
	/// What the payloads of its events mean.
	pub payload_descriptors: Vec<Descriptor>,
	/// The community, as a `SERVICE_AREA`.
	pub targets: Vec<ValuesMap>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenAdrEvent)]
pub struct Event {
	/// Its identity.
	#[schema(pattern = "^[a-zA-Z0-9_-]*$")]
	pub id: String,
	/// Begin of the period in which it was announced; of prices, when their community began.
	pub created_date_time: DateTime,
	/// When it changed: when it was ended early, or prices did.
	pub modification_date_time: DateTime,
	/// `EVENT`.
	pub object_type: ObjectType,
	/// Of which programme it is.
	#[serde(rename = "programID")]
	#[schema(pattern = "^[a-zA-Z0-9_-]*$")]
	pub program_id: String,
	/// As the identity.
	pub event_name: String,
	/// What its payloads mean.
	pub payload_descriptors: Vec<Descriptor>,
	/// The community, as a `SERVICE_AREA`.
	pub targets: Vec<ValuesMap>,
	/// Begin of the first interval, and length of each.
	pub interval_period: IntervalPeriod,
	/// One, or of prices one of each settlement period.
	#[schema(min_items = 1, max_items = 96)]
	pub intervals: Vec<Interval>,
}

/// What a resource did in an event, as the chain has measured it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenAdrReport)]
pub struct Report {
	/// Its identity.
	#[schema(pattern = "^[a-zA-Z0-9_-]*$")]
	pub id: String,
	/// Begin of the period after the event's rebound: earlier it cannot have been measured.
	pub created_date_time: DateTime,
	/// The same: reports are told when they change no more.
	pub modification_date_time: DateTime,
	/// `REPORT`.
	pub object_type: ObjectType,
	/// Of which programme.
	#[serde(rename = "programID")]
	#[schema(pattern = "^[a-zA-Z0-9_-]*$")]
	pub program_id: String,
	/// Of which event.
	#[serde(rename = "eventID")]
	#[schema(pattern = "^[a-zA-Z0-9_-]*$")]
	pub event_id: String,
	/// Name of the resource.
	pub client_name: String,
	/// What its payloads mean.
	pub payload_descriptors: Vec<Descriptor>,
	/// What it did: always one.
	#[schema(min_items = 1, max_items = 1)]
	pub resources: Vec<ReportResource>,
}

/// What a resource did.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenAdrReportResource)]
pub struct ReportResource {
	/// Its name.
	pub resource_name: String,
	/// The time of the event.
	pub interval_period: IntervalPeriod,
	/// One.
	#[schema(min_items = 1, max_items = 1)]
	pub intervals: Vec<Interval>,
}
