//! Readings in, pages out.

use std::sync::Arc;

use axum::{
	body::{Body, Bytes},
	extract::{Request, State},
	http::{
		header::{CONTENT_LENGTH, CONTENT_TYPE},
		HeaderMap, StatusCode, Uri,
	},
	response::{IntoResponse, Response},
	Json,
};
use futures::StreamExt;
use gridweave_primitives::reading::MAX_PAGE_READINGS;
use serde::Serialize;
use tracing::warn;
use utoipa::{IntoParams, ToSchema};

use super::{
	openapi::{HeadTooLong, JsonFrames, PostedOrProblem, ScaleFrames, ScalePage},
	problem::{answer, Code, Problem},
	query::{After, Parameters},
	App, BODY_PATIENCE,
};
use crate::server::{
	body::Format,
	ingest::{Entry, Verdict},
};

/// The status that a reading of this outcome has when it is alone.
pub(in crate::server) fn status_of(verdict: Verdict) -> StatusCode {
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

/// What became of the readings of a post.
#[derive(Serialize, ToSchema)]
pub(super) struct Posted {
	/// How many are safe: on disk or on chain. Their device may forget them.
	safe: usize,
	/// How many are not.
	refused: usize,
	/// One by one, in the order of the body.
	#[schema(min_items = 1, max_items = 500)]
	results: Vec<Entry>,
}

/// Deliver signed readings.
///
/// Takes 1 to 500 *frames*, each a signed reading: in SCALE one after the other without a count, or in JSON in
/// hex. The answer tells of each reading, in the order of the body, what became of it. A reading is called
/// `stored` only after it is synced to disk. The same reading may be posted as often as one likes, signed again
/// or not.
///
/// The status is 201 if all readings are safe, 207 if some are, and else that of the first.
#[utoipa::path(
	post,
	path = "/v1/readings",
	operation_id = "postReadings",
	tag = "Devices",
	request_body(
		description = "Readings, oldest first.",
		content(
			(ScaleFrames = "application/octet-stream"),
			(JsonFrames = "application/json")
		)
	),
	responses(
		(status = 201, body = Posted, description = "All readings are safe, their outcomes `stored` (on disk now) \
			or `duplicate` (stored before, or on chain). Forget them.",
			example = json!({"safe": 1, "refused": 0,
				"results": [{"meter": 7, "sequence": 42, "outcome": "stored"}]})),
		(status = 207, body = Posted, description = "Some readings are safe and some are not: look at `results`. \
			What to do about each outcome is told with the status that it has when it comes first."),
		(status = 400, body = PostedOrProblem, description = "An outcome `malformed`: a frame is no reading, or \
			no hex. Or a problem `malformed`: there are no readings in the body. In SCALE one bad frame spoils \
			all, for nobody knows where the next one begins. Do not send it again."),
		(status = 403, body = Posted, description = "`bad_signature`: sign with the meter's registered key, for \
			this chain. `not_admitted`: ask the operator of the meter's microgrid, and come again."),
		(status = 404, body = Posted, description = "`unknown_meter`: register the meter, and come again."),
		(status = 408, body = Problem, description = "`timeout`: the body took longer than 10 s to arrive."),
		(status = 409, body = Posted, description = "`stale`: forget it, for a newer reading of the meter is kept \
			or on chain. `conflict`: another reading of this sequence exists; two devices have one key. `future`: \
			set the device's clock; the chain would not take it yet."),
		(status = 410, body = Posted, description = "`retired`: stop, for the meter is out of service."),
		(status = 413, body = Problem, description = "`too_large`: more than 500 readings, or more bytes than the \
			content type may have."),
		(status = 415, body = Problem, description = "`content_type`: neither of the two."),
		(status = 429, body = Posted, description = "`meter_full`: too many readings of the meter wait to be \
			finalised. `full`: the store is full. Come again later."),
		HeadTooLong,
		(status = 503, body = PostedOrProblem, description = "Keep the readings and come again. An outcome \
			`unavailable`: the meter's key is not known and the node cannot be asked. Or a problem: `busy` (too \
			many posts at a time), `no_node` (the node has not been reached since the start), `wrong_chain` or \
			`another_run` (the node's chain is not that of the store: an operator has to look), `store` (the disk \
			failed; it is not known what was written), `stopping` (the gateway ends).",
			headers(("retry-after" = u32, description = "Seconds to wait before coming again."))),
	)
)]
pub(super) async fn post(
	State(app): State<Arc<App>>,
	request: Request,
) -> Result<Response, Problem> {
	let posted = take(&app, request).await;
	let metrics = app.metrics();
	let refused = |why: &str| metrics.refused.with_label_values(&[why]).inc();
	match &posted {
		Err(problem) => refused(problem.code().name()),
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

async fn take(app: &App, request: Request) -> Result<Posted, Problem> {
	let (parts, body) = request.into_parts();
	let format = parts
		.headers
		.get(CONTENT_TYPE)
		.and_then(|content_type| Format::of(content_type.to_str().ok()?))
		.ok_or_else(|| {
			let what = "post application/octet-stream or application/json";
			Problem::new(Code::ContentType, what)
		})?;
	let body = receive(&parts.headers, body, format.max_bytes()).await?;
	// Only now: whoever sends slowly takes nobody's place.
	let _permit = app.posts.try_acquire().map_err(|_| Problem::busy())?;
	let readings = format.decode(&body)?;
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
pub(super) async fn receive(
	headers: &HeaderMap,
	body: Body,
	most: usize,
) -> Result<Bytes, Problem> {
	let too_large = || Problem::new(Code::TooLarge, format!("more than {most} bytes"));
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
			let chunk = chunk.map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
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
			Err(Problem::new(Code::Timeout, what))
		})
}

/// Which page is asked for, beside [`After`].
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
	/// Most readings in the page, which never has more than 2,000 nor more than 512 KiB.
	#[param(
		format = "uint32",
		minimum = 0,
		maximum = 4_294_967_295u32,
		default = 2_000,
		required = false
	)]
	limit: u32,
}

impl PageQuery {
	fn read(uri: &Uri) -> Result<(After, Self), String> {
		let mut given = Parameters::of(uri)?;
		let after = After::take(&mut given)?;
		let limit = given.one("limit")?.unwrap_or(MAX_PAGE_READINGS);
		given.end()?;
		Ok((after, Self { limit }))
	}
}

/// Fetch readings.
///
/// What the off-chain workers of the chain's authorities ask for: readings in order of arrival, after an offset.
/// Offsets begin at 1, ascend, and are never given out twice in one epoch, which identifies the store. A page
/// with fewer readings than asked for is the last one for now.
#[utoipa::path(
	get,
	path = "/v1/readings",
	operation_id = "getReadings",
	tag = "Off-chain workers",
	params(After, PageQuery),
	responses(
		(status = 200, body = ScalePage, content_type = "application/octet-stream", description = "A page."),
		(status = 400, body = Problem, description = "`query`: a parameter is unknown, given twice, or no number \
			of its range."),
		HeadTooLong,
		(status = 503, body = Problem, description = "`store`: the disk failed; come again.",
			headers(("retry-after" = u32, description = "Seconds to wait before coming again."))),
	)
)]
pub(super) async fn page(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
	let (After { after, epoch }, PageQuery { limit }) =
		PageQuery::read(&uri).map_err(|why| Problem::new(Code::Query, why))?;
	let page = app.store().page(epoch, after, limit).await?;
	Ok(([(CONTENT_TYPE, "application/octet-stream")], page.bytes).into_response())
}
