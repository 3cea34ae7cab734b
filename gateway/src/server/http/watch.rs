//! What operators and their machines watch.

use std::{sync::Arc, time::Duration};

use axum::{
	extract::State,
	http::{header::CONTENT_TYPE, StatusCode},
	response::{IntoResponse, Response},
	Json,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
	openapi::HeadTooLong,
	problem::{Code, Problem},
	App,
};
use crate::server::keys::MeterKeys;

/// Finality older than this means that the node does not follow its chain.
const MAX_LAG: Duration = Duration::from_secs(60);

/// What Prometheus reads.
///
/// In Prometheus' text format; all names begin with `gridweave_gateway_`.
#[utoipa::path(
	get,
	path = "/metrics",
	tag = "Operators",
	responses(
		(status = 200, body = String, content_type = "text/plain; version=0.0.4", description = "All metrics."),
		HeadTooLong,
		(status = 500, body = Problem, description = "`metrics`: they could not be gathered."),
		(status = 503, body = Problem, description = "`store`: the disk failed; come again.",
			headers(("retry-after" = u32, description = "Seconds to wait before coming again."))),
	)
)]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
	let (_, age) = app.store().state().await?;
	app.metrics()
		.oldest_age
		.set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
	app.commands.pass();
	let text = app
		.metrics()
		.render()
		.map_err(|error| Problem::new(Code::Metrics, error.to_string()))?;
	Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// How the gateway stands.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
	status: Status,
	store: StoreHealth,
	node: NodeHealth,
}

/// Whether readings can be taken: with the node, without it, or not at all.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = HealthStatus)]
enum Status {
	Ok,
	Offline,
	Unhealthy,
}

/// How the store stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoreHealth {
	/// Whether it can be read and written.
	ok: bool,
	/// What identifies it; a number too large for JavaScript.
	#[schema(pattern = "^[0-9]{1,20}$")]
	epoch: String,
	/// Readings kept now.
	#[schema(format = "uint64")]
	readings: u64,
	/// For how long the oldest of them has been kept.
	#[schema(format = "uint64")]
	oldest_age_seconds: u64,
}

/// How the node stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NodeHealth {
	/// Whether it is connected.
	connected: bool,
	/// Its last finalised block, if any was seen.
	#[schema(required, format = "uint64")]
	finalised_block: Option<u64>,
	/// Time since finality last advanced, as seen here.
	#[schema(required, format = "uint64")]
	lag_seconds: Option<u64>,
	/// Why it is not connected.
	#[schema(required)]
	error: Option<String>,
}

/// Whether readings can be taken.
///
/// `status` is `ok`, `offline` (readings of the meters in the file of keys are taken without the node) or
/// `unhealthy`.
#[utoipa::path(
	get,
	path = "/health",
	tag = "Operators",
	responses(
		(status = 200, body = Health, description = "They can: `ok` or `offline`.",
			example = json!({
				"status": "ok",
				"store": {"ok": true, "epoch": "1234567890123456789", "readings": 42, "oldestAgeSeconds": 7},
				"node": {"connected": true, "finalisedBlock": 1000, "lagSeconds": 2, "error": null},
			})),
		HeadTooLong,
		(status = 503, body = Health, description = "They cannot, `unhealthy`: the store fails, the node is not of \
			the store's chain, or no keys are known without the node and it is not connected or has not finalised \
			anything for a minute."),
	)
)]
pub(super) async fn health(State(app): State<Arc<App>>) -> Response {
	let (store, keys) = (app.store(), &app.ingest.keys);
	let state = store.state().await;
	let store_ok = state.is_ok() && store.is_writing();
	let (stored, age) = state.unwrap_or_default();
	let node = app.status.get();
	let follows = node.connected && node.lag.is_some_and(|lag| lag < MAX_LAG);
	let is_refused = keys.genesis().is_err();
	let healthy = store_ok && !is_refused && (follows || keys.works_offline());
	let status = match (healthy, follows) {
		(false, _) => Status::Unhealthy,
		(true, false) => Status::Offline,
		(true, true) => Status::Ok,
	};
	let body = Health {
		status,
		store: StoreHealth {
			ok: store_ok,
			epoch: store.epoch().to_string(),
			readings: stored,
			oldest_age_seconds: age.as_secs(),
		},
		node: NodeHealth {
			connected: node.connected,
			finalised_block: node.finalised,
			lag_seconds: node.lag.map(|lag| lag.as_secs()),
			error: node.error,
		},
	};
	let code = match healthy {
		true => StatusCode::OK,
		false => StatusCode::SERVICE_UNAVAILABLE,
	};
	(code, Json(body)).into_response()
}
