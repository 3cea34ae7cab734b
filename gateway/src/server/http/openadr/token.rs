//! Tokens, for clients that will not go without one.
//!
//! All that is told here is public, and nothing can be written: there is nothing that a token could protect, and no
//! secret is compared, kept or logged.

use axum::{
	extract::Request,
	http::{
		header::{CACHE_CONTROL, CONTENT_TYPE},
		StatusCode, Uri,
	},
	response::{IntoResponse, Response},
	Json,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::http::{openapi::HeadTooLong, query::Parameters, readings::receive};

/// Longest body.
const MAX_BYTES: usize = 16 * 1024;
/// The content type of the body.
const FORM: &str = "application/x-www-form-urlencoded";

/// What is asked for.
#[derive(ToSchema)]
#[schema(as = OpenAdrTokenRequest)]
#[allow(dead_code)] // Only described: what it holds is not looked at.
pub(super) struct TokenRequest {
	/// `client_credentials`.
	grant_type: GrantType,
	/// Whoever it is.
	#[schema(nullable = false)]
	client_id: Option<String>,
	/// Is not looked at.
	#[schema(nullable = false)]
	client_secret: Option<String>,
	/// Is not looked at.
	#[schema(nullable = false)]
	scope: Option<String>,
}

/// How it is asked for.
#[derive(ToSchema)]
#[schema(as = OpenAdrGrantType, rename_all = "snake_case")]
#[allow(dead_code)] // Only described.
enum GrantType {
	/// With a name and a secret.
	ClientCredentials,
}

/// A token.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenAdrToken)]
pub(super) struct Token {
	/// Whatever it is: nobody asks for it.
	#[schema(value_type = String)]
	access_token: &'static str,
	/// `Bearer`.
	#[schema(value_type = String)]
	token_type: &'static str,
	/// Seconds after which to ask for another.
	#[schema(format = "int32")]
	expires_in: u32,
	/// `read_all`, whatever was asked for.
	#[schema(value_type = String)]
	scope: &'static str,
}

/// Why there is none: RFC 6749, 5.2.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenAdrTokenError)]
pub(super) struct TokenError {
	/// `invalid_request` or `unsupported_grant_type`.
	#[schema(value_type = String)]
	error: &'static str,
	/// For people; may change.
	error_description: String,
}

impl TokenError {
	fn invalid(why: impl Into<String>) -> Self {
		Self {
			error: "invalid_request",
			error_description: why.into(),
		}
	}
}

impl IntoResponse for TokenError {
	fn into_response(self) -> Response {
		(StatusCode::BAD_REQUEST, Json(self)).into_response()
	}
}

/// A token for clients that ask for one.
///
/// Whoever asks gets one, and it is not asked for: what is told here is public.
#[utoipa::path(
	post,
	path = "/openadr3/3.0.1/auth/token",
	operation_id = "openadrFetchToken",
	tag = "OpenADR",
	request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
	responses(
		(status = 200, body = Token, description = "A token."),
		(status = 400, body = TokenError, description = "`invalid_request`: the body is no form, has more than 16 KiB, \
			or took too long. `unsupported_grant_type`: another one than `client_credentials`."),
		HeadTooLong,
		(status = 503, body = super::super::problem::Problem, description = "`busy`: the connection is one of those \
			that are reserved for who reads.",
			headers(("retry-after" = u32, description = "Seconds to wait before coming again."))),
	)
)]
pub(in crate::server::http) async fn token(request: Request) -> Result<Response, TokenError> {
	let (parts, body) = request.into_parts();
	let content_type = parts.headers.get(CONTENT_TYPE);
	let essence = content_type
		.and_then(|kind| kind.to_str().ok()?.split(';').next())
		.unwrap_or_default();
	if !essence.trim().eq_ignore_ascii_case(FORM) {
		return Err(TokenError::invalid(format!("post {FORM}")));
	}
	let body = receive(&parts.headers, body, MAX_BYTES).await;
	let body = body.map_err(|problem| TokenError::invalid(problem.message()))?;
	let not_a_form = |_| TokenError::invalid("the body is no form");
	let form =
		std::str::from_utf8(&body).map_err(|_| TokenError::invalid("the body is no text"))?;
	let form: Uri = format!("/?{form}").parse().map_err(not_a_form)?;
	let mut form = Parameters::of(&form).map_err(TokenError::invalid)?;
	let grant: Option<String> = form.one("grant_type").map_err(TokenError::invalid)?;
	match grant.as_deref() {
		Some("client_credentials") => {
			let token = Token {
				access_token: "public",
				token_type: "Bearer",
				expires_in: 3_600,
				scope: "read_all",
			};
			Ok(([(CACHE_CONTROL, "no-store")], Json(token)).into_response())
		}
		Some(other) => Err(TokenError {
			error: "unsupported_grant_type",
			error_description: format!("{other:?} is not client_credentials"),
		}),
		None => Err(TokenError::invalid("there is no grant_type")),
	}
}
