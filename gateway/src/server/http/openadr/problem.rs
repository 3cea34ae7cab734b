//! Requests that are refused, as OpenADR has it.

use std::collections::BTreeMap;

use axum::{
	http::StatusCode,
	response::{IntoResponse, Response},
	Json,
};
use serde::Serialize;
use utoipa::{
	openapi::{RefOr, Response as Described},
	IntoResponses, ToSchema,
};

use crate::server::{
	http::{openapi::unavailable, problem::answer},
	openadr::Unanswered,
};

/// A request that was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OpenAdrProblem)]
pub(in crate::server::http) struct Problem {
	/// `about:blank`: what the status says.
	#[serde(rename = "type")]
	#[schema(value_type = String, format = "uri")]
	kind: &'static str,
	/// What the status says.
	title: String,
	/// The status.
	#[schema(format = "int32", minimum = 400, maximum = 599)]
	status: u16,
	/// Why, for people; may change.
	detail: String,
}

impl Problem {
	/// With this status.
	pub(in crate::server::http) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
		Self {
			kind: "about:blank",
			title: status.canonical_reason().unwrap_or("Error").into(),
			status: status.as_u16(),
			detail: detail.into(),
		}
	}

	/// A parameter is not as it should be.
	pub(super) fn query(detail: impl Into<String>) -> Self {
		Self::new(StatusCode::BAD_REQUEST, detail)
	}

	/// There is no such object.
	pub(super) fn not_found(what: &str) -> Self {
		Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
	}
}

impl IntoResponse for Problem {
	fn into_response(self) -> Response {
		let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
		answer(status, Json(self))
	}
}

impl From<Unanswered> for Problem {
	fn from(why: Unanswered) -> Self {
		let status = match why {
			Unanswered::NoNode | Unanswered::Silent => StatusCode::SERVICE_UNAVAILABLE,
			Unanswered::TooFar => StatusCode::BAD_REQUEST,
		};
		Self::new(status, why.to_string())
	}
}

/// While the chain cannot be asked.
pub(super) struct Away;

impl IntoResponses for Away {
	fn responses() -> BTreeMap<String, RefOr<Described>> {
		let what = "The node is not connected, or does not tell.";
		unavailable(what, &Problem::name())
	}
}
