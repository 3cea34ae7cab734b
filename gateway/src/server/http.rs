//! Endpoints, limits, and typed errors.

use std::{sync::Arc, time::Duration};

use axum::{
	body::{Body, Bytes},
	extract::{rejection::QueryRejection, Query, Request, State},
	http::{
		header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER},
		HeaderMap, StatusCode,
	},
	response::{IntoResponse, Response},
	routing::{self, get, MethodRouter},
	Json, Router,
};
use futures::StreamExt;
use gridweave_primitives::reading::MAX_PAGE_READINGS;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;
use tracing::warn;

use super::{
	chain::NodeStatus,
	ingest::{decode_json, decode_scale, BodyError, Entry, Ingest, IngestError, Verdict},
	keys::{Keys, MeterKeys},
	metrics::Metrics,
	store::{Store, StoreError},
	workers::Workers,
};

/// Most bytes of a SCALE body.
pub const MAX_SCALE_BYTES: usize = 128 * 1024;
/// Most bytes of a JSON body: the same readings in hex.
pub const MAX_JSON_BYTES: usize = 288 * 1024;
/// Longest time a body may take to arrive.
pub const BODY_PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });
/// Most posts at a time whose bodies have arrived.
pub const MAX_POSTS: usize = 256;
/// Finality older than this means that the node does not follow its chain.
pub const MAX_LAG: Duration = Duration::from_secs(60);

/// What the endpoints share.
pub struct App<Chain> {
	ingest: Ingest<Keys<Chain>>,
	status: Arc<NodeStatus>,
	posts: Semaphore,
}

impl<Chain: MeterKeys> App<Chain> {
	/// Over this store and these keys.
	pub fn new(
		store: Store,
		keys: Keys<Chain>,
		status: Arc<NodeStatus>,
		metrics: Arc<Metrics>,
	) -> Arc<Self> {
		let verifiers = Workers::per_core();
		Arc::new(Self {
			ingest: Ingest {
				store,
				keys,
				verifiers,
				metrics,
			},
			status,
			posts: Semaphore::new(MAX_POSTS),
		})
	}

	fn store(&self) -> &Store {
		&self.ingest.store
	}

	fn metrics(&self) -> &Metrics {
		&self.ingest.metrics
	}
}

/// All endpoints.
pub fn router<Chain: MeterKeys>(app: Arc<App<Chain>>) -> Router {
	routes(app, routing::post(post::<Chain>))
}

/// All but posts: for the connections that devices cannot use up.
pub fn reserved_router<Chain: MeterKeys>(app: Arc<App<Chain>>) -> Router {
	routes(app, routing::post(|| async { Problem::busy() }))
}

fn routes<Chain: MeterKeys>(app: Arc<App<Chain>>, post: MethodRouter<Arc<App<Chain>>>) -> Router {
	Router::new()
		.route("/v1/readings", post.get(page::<Chain>))
		.route("/metrics", get(metrics::<Chain>))
		.route("/health", get(health::<Chain>))
		.fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "not_found", "no such endpoint") })
		.method_not_allowed_fallback(|| async {
			let what = "the endpoint does not take this method";
			Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", what)
		})
		.with_state(app)
}

/// A refused request: `{"error": {"code": …, "message": …}}`.
#[derive(Debug)]
pub struct Problem {
	status: StatusCode,
	code: &'static str,
	message: String,
}

impl Problem {
	fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
		Self {
			status,
			code,
			message: message.into(),
		}
	}

	fn too_large(message: impl Into<String>) -> Self {
		Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
	}

	fn busy() -> Self {
		let what = "too many requests at a time; come again";
		Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", what)
	}
}

impl IntoResponse for Problem {
	fn into_response(self) -> Response {
		let body = json!({ "error": { "code": self.code, "message": self.message } });
		answer(self.status, Json(body))
	}
}

/// An answer to devices and workers; if it is the gateway's fault, with when to come again.
fn answer(status: StatusCode, body: impl IntoResponse) -> Response {
	let mut response = (status, body).into_response();
	if status == StatusCode::SERVICE_UNAVAILABLE {
		response.headers_mut().insert(RETRY_AFTER, 1.into());
	}
	response
}

impl From<StoreError> for Problem {
	fn from(error: StoreError) -> Self {
		let code = match error {
			StoreError::Busy => "busy",
			StoreError::Closed => "stopping",
			StoreError::WrongChain { .. } => "wrong_chain",
			StoreError::AnotherRun { .. } => "another_run",
			StoreError::Disk(_) | StoreError::NotWritten => "store",
		};
		Self::new(StatusCode::SERVICE_UNAVAILABLE, code, error.to_string())
	}
}

impl From<BodyError> for Problem {
	fn from(error: BodyError) -> Self {
		match error {
			BodyError::TooMany => Self::too_large(error.to_string()),
			BodyError::Empty | BodyError::Malformed(_) => {
				Self::new(StatusCode::BAD_REQUEST, "malformed", error.to_string())
			}
		}
	}
}

impl From<IngestError> for Problem {
	fn from(error: IngestError) -> Self {
		match error {
			IngestError::NoChain => Self::new(
				StatusCode::SERVICE_UNAVAILABLE,
				"no_node",
				error.to_string(),
			),
			IngestError::Store(error) => error.into(),
		}
	}
}

/// The status that a reading of this outcome has when it is alone.
fn status_of(verdict: Verdict) -> StatusCode {
	match verdict {
		Verdict::Stored | Verdict::Duplicate => StatusCode::CREATED,
		Verdict::Malformed => StatusCode::BAD_REQUEST,
		Verdict::BadSignature | Verdict::NotAdmitted => StatusCode::FORBIDDEN,
		Verdict::UnknownMeter => StatusCode::NOT_FOUND,
		Verdict::Retired => StatusCode::GONE,
		Verdict::Stale | Verdict::Conflict | Verdict::Future => StatusCode::CONFLICT,
		Verdict::MeterFull | Verdict::Full => StatusCode::TOO_MANY_REQUESTS,
		Verdict::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
	}
}

/// The answer to a post that was looked at.
#[derive(Serialize)]
struct Posted {
	/// Readings that are safe.
	safe: usize,
	/// Readings that are not.
	refused: usize,
	/// One by one, in the order of the body.
	results: Vec<Entry>,
}

async fn post<Chain: MeterKeys>(
	State(app): State<Arc<App<Chain>>>,
	request: Request,
) -> Result<Response, Problem> {
	let posted = take(&app, request).await;
	let metrics = app.metrics();
	let refused = |why: &str| metrics.refused.with_label_values(&[why]).inc();
	match &posted {
		Err(problem) => refused(problem.code),
		Ok(posted) => {
			for entry in &posted.results {
				match entry.outcome {
					Verdict::Stored => metrics.stored_total.inc(),
					Verdict::Duplicate => metrics.duplicates.inc(),
					verdict => refused(verdict.name()),
				}
				if entry.outcome == Verdict::Conflict {
					warn!(
						"meter {:?} signed two readings of sequence {:?}: a cloned key?",
						entry.meter, entry.sequence
					);
				}
			}
		}
	}
	let posted = posted?;
	let first_refused = posted.results.iter().find(|entry| !entry.outcome.is_safe());
	let status = match first_refused {
		None => StatusCode::CREATED,
		Some(_) if posted.safe > 0 => StatusCode::MULTI_STATUS,
		Some(entry) => status_of(entry.outcome),
	};
	Ok(answer(status, Json(posted)))
}

async fn take<Chain: MeterKeys>(app: &App<Chain>, request: Request) -> Result<Posted, Problem> {
	let (parts, body) = request.into_parts();
	let kind = parts
		.headers
		.get(CONTENT_TYPE)
		.and_then(|kind| kind.to_str().ok());
	let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
	let (most, decode): (_, fn(&[u8]) -> _) = match kind {
		Some("application/octet-stream") => (MAX_SCALE_BYTES, decode_scale),
		Some("application/json") => (MAX_JSON_BYTES, decode_json),
		_ => {
			let what = "post application/octet-stream or application/json";
			return Err(Problem::new(
				StatusCode::UNSUPPORTED_MEDIA_TYPE,
				"content_type",
				what,
			));
		}
	};
	let body = receive(&parts.headers, body, most).await?;
	// Only now: whoever sends slowly takes nobody's place.
	let _permit = app.posts.try_acquire().map_err(|_| Problem::busy())?;
	let readings = decode(&body)?;
	app.metrics().received.inc_by(readings.len() as u64);
	let results = app.ingest.take(readings).await?;
	let safe = results
		.iter()
		.filter(|entry| entry.outcome.is_safe())
		.count();
	Ok(Posted {
		safe,
		refused: results.len().saturating_sub(safe),
		results,
	})
}

/// A body of bounded size, in bounded time.
async fn receive(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Problem> {
	let too_large = || Problem::too_large(format!("more than {most} bytes"));
	let announced = headers
		.get(CONTENT_LENGTH)
		.and_then(|length| length.to_str().ok()?.parse().ok());
	if announced.is_some_and(|length: u64| length > most as u64) {
		return Err(too_large());
	}
	let receive = async {
		let mut chunks = body.into_data_stream();
		let mut bytes = Vec::new();
		while let Some(chunk) = chunks.next().await {
			let chunk = chunk.map_err(|error| {
				Problem::new(StatusCode::BAD_REQUEST, "malformed", error.to_string())
			})?;
			if bytes.len() + chunk.len() > most {
				return Err(too_large());
			}
			bytes.extend_from_slice(&chunk);
		}
		Ok(bytes.into())
	};
	tokio::time::timeout(BODY_PATIENCE, receive)
		.await
		.unwrap_or_else(|_| {
			let what = "the body took too long to arrive";
			Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", what))
		})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
	#[serde(default)]
	after: u64,
	epoch: Option<u64>,
	#[serde(default = "full_page")]
	limit: u32,
}

fn full_page() -> u32 {
	MAX_PAGE_READINGS
}

async fn page<Chain: MeterKeys>(
	State(app): State<Arc<App<Chain>>>,
	query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, Problem> {
	let Query(query) =
		query.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "query", error.body_text()))?;
	let page = app
		.store()
		.page(query.epoch, query.after, query.limit)
		.await?;
	Ok(([(CONTENT_TYPE, "application/octet-stream")], page.bytes).into_response())
}

async fn metrics<Chain: MeterKeys>(
	State(app): State<Arc<App<Chain>>>,
) -> Result<Response, Problem> {
	let (_, age) = app.store().state().await?;
	app.metrics()
		.oldest_age
		.set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
	let text = app.metrics().render().map_err(|error| {
		Problem::new(
			StatusCode::INTERNAL_SERVER_ERROR,
			"metrics",
			error.to_string(),
		)
	})?;
	Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

async fn health<Chain: MeterKeys>(State(app): State<Arc<App<Chain>>>) -> Response {
	let (store, keys) = (app.store(), &app.ingest.keys);
	let state = store.state().await;
	let store_ok = state.is_ok() && store.is_writing();
	let (stored, age) = state.unwrap_or_default();
	let node = app.status.get();
	let follows = node.connected && node.lag.is_some_and(|lag| lag < MAX_LAG);
	let is_refused = keys.genesis().is_err();
	let healthy = store_ok && !is_refused && (follows || keys.works_offline());
	let status = match (healthy, follows) {
		(false, _) => "unhealthy",
		(true, false) => "offline",
		(true, true) => "ok",
	};
	let body = json!({
		"status": status,
		"store": { "ok": store_ok, "epoch": store.epoch().to_string(), "readings": stored,
			"oldestAgeSeconds": age.as_secs() },
		"node": { "connected": node.connected, "finalisedBlock": node.finalised,
			"lagSeconds": node.lag.map(|lag| lag.as_secs()), "error": node.error },
	});
	let code = match healthy {
		true => StatusCode::OK,
		false => StatusCode::SERVICE_UNAVAILABLE,
	};
	(code, Json(body)).into_response()
}
