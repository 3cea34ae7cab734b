//! Requests that are refused as a whole.

use axum::{
	http::{header::RETRY_AFTER, StatusCode},
	response::{IntoResponse, Response},
	Json,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::{body::BodyError, ingest::IngestError, store::StoreError};

/// What the problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProblemCode)]
pub enum Code {
	/// No readings can be found in the body.
	Malformed,
	/// The query has a parameter that is unknown, or of which the value is no number; or the path has none.
	Query,
	/// There is no such endpoint, or no such meter delivers here.
	NotFound,
	/// The endpoint does not take this method.
	MethodNotAllowed,
	/// The body took too long to arrive.
	Timeout,
	/// Too many bytes or readings.
	TooLarge,
	/// The body's content type is none of the two.
	ContentType,
	/// Metrics could not be gathered.
	Metrics,
	/// Too many requests at a time.
	Busy,
	/// The node has not been reached since the start, and no keys are known without it.
	NoNode,
	/// The node is of another chain than the store.
	WrongChain,
	/// The node's chain has begun anew since the store was made.
	AnotherRun,
	/// The disk failed.
	Store,
	/// The gateway ends.
	Stopping,
}

impl Code {
	/// The status that an answer with this code has.
	pub fn status(self) -> StatusCode {
		match self {
			Self::Malformed | Self::Query => StatusCode::BAD_REQUEST,
			Self::NotFound => StatusCode::NOT_FOUND,
			Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
			Self::Timeout => StatusCode::REQUEST_TIMEOUT,
			Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
			Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
			Self::Metrics => StatusCode::INTERNAL_SERVER_ERROR,
			Self::Busy
			| Self::NoNode
			| Self::WrongChain
			| Self::AnotherRun
			| Self::Store
			| Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
		}
	}

	/// As in answers and metrics.
	pub fn name(self) -> &'static str {
		match self {
			Self::Malformed => "malformed",
			Self::Query => "query",
			Self::NotFound => "not_found",
			Self::MethodNotAllowed => "method_not_allowed",
			Self::Timeout => "timeout",
			Self::TooLarge => "too_large",
			Self::ContentType => "content_type",
			Self::Metrics => "metrics",
			Self::Busy => "busy",
			Self::NoNode => "no_node",
			Self::WrongChain => "wrong_chain",
			Self::AnotherRun => "another_run",
			Self::Store => "store",
			Self::Stopping => "stopping",
		}
	}
}

/// A request that was refused as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
	/// Why.
	error: Reason,
}

/// Why a request was refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemReason)]
struct Reason {
	/// For programs.
	code: Code,
	/// For people; may change.
	message: String,
}

impl Problem {
	pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
		let message = message.into();
		Self {
			error: Reason { code, message },
		}
	}

	pub(super) fn busy() -> Self {
		Self::new(Code::Busy, "too many requests at a time; come again")
	}

	/// Why, for people.
	pub(super) fn message(&self) -> &str {
		&self.error.message
	}

	/// What it is.
	pub fn code(&self) -> Code {
		self.error.code
	}
}

impl IntoResponse for Problem {
	fn into_response(self) -> Response {
		answer(self.code().status(), Json(self))
	}
}

/// An answer to devices and workers; if it is the gateway's fault, with when to come again.
pub(super) fn answer(status: StatusCode, body: impl IntoResponse) -> Response {
	let mut response = (status, body).into_response();
	if status == StatusCode::SERVICE_UNAVAILABLE {
		response.headers_mut().insert(RETRY_AFTER, 1.into());
	}
	response
}

impl From<StoreError> for Problem {
	fn from(error: StoreError) -> Self {
		let code = match error {
			StoreError::Busy => Code::Busy,
			StoreError::Closed => Code::Stopping,
			StoreError::WrongChain { .. } => Code::WrongChain,
			StoreError::AnotherRun { .. } => Code::AnotherRun,
			StoreError::Disk(_) | StoreError::NotWritten => Code::Store,
		};
		Self::new(code, error.to_string())
	}
}

impl From<BodyError> for Problem {
	fn from(error: BodyError) -> Self {
		let code = match error {
			BodyError::TooMany => Code::TooLarge,
			BodyError::Empty | BodyError::Malformed(_) => Code::Malformed,
		};
		Self::new(code, error.to_string())
	}
}

impl From<IngestError> for Problem {
	fn from(error: IngestError) -> Self {
		match error {
			IngestError::NoChain => Self::new(Code::NoNode, error.to_string()),
			IngestError::Store(error) => error.into(),
		}
	}
}
