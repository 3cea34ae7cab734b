//! What clients of OpenADR 3.0.1 ask for: a VTN that only tells.
//!
//! | module | holds |
//! |---|---|
//! | [`filter`] | which objects are asked for |
//! | [`token`] | tokens for clients that will not go without one |
//! | [`problem`] | requests that are refused |

mod filter;
pub(super) mod problem;
mod token;

use std::sync::Arc;

use axum::{
	extract::{FromRequestParts, Path, State},
	http::{request::Parts, StatusCode, Uri},
	response::{IntoResponse, Response},
	Json,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
	filter::{OfEvent, OfProgram, Page, Targets},
	problem::{Away, Problem},
};
use super::{openapi::HeadTooLong, query::Parameters, App};
use crate::server::openadr::{
	wire::{Event, Program, Report},
	Reports,
};

/// What all of its paths begin with.
pub(super) const BASE: &str = "/openadr3/3.0.1";

/// All endpoints with their descriptions.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
	OpenApiRouter::new()
		.routes(routes!(programs))
		.routes(routes!(program))
		.routes(routes!(events))
		.routes(routes!(event))
		.routes(routes!(reports, post_report))
		.routes(routes!(report))
		.routes(routes!(token::token))
}

/// Whether a path is of these.
pub(super) fn has(path: &str) -> bool {
	path.strip_prefix(BASE)
		.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn parameters(uri: &Uri) -> Result<Parameters, Problem> {
	Parameters::of(uri).map_err(Problem::query)
}

/// Programmes of demand response, and tariffs.
///
/// One of each programme of the communities that are told of, and one of each community for its expected prices.
#[utoipa::path(
	get,
	path = "/openadr3/3.0.1/programs",
	operation_id = "openadrSearchAllPrograms",
	tag = "OpenADR",
	params(Targets, Page),
	responses(
		(status = 200, body = Vec<Program>, description = "Programmes."),
		(status = 400, body = Problem, description = "A parameter is unknown, or not of its range."),
		HeadTooLong,
		Away,
	)
)]
async fn programs(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
	let mut given = parameters(&uri)?;
	let (targets, page) = (Targets::take(&mut given)?, Page::take(&mut given)?);
	given.end().map_err(Problem::query)?;
	let shown = app.openadr.shown().await?;
	let meant = shown.programs.iter();
	let meant = meant.filter(|program| targets.mean_program(program));
	Ok(Json(page.of(meant)).into_response())
}

/// A programme.
#[utoipa::path(
	get,
	path = "/openadr3/3.0.1/programs/{programID}",
	operation_id = "openadrSearchProgramByProgramId",
	tag = "OpenADR",
	params(("programID" = String, Path, description = "Which one.", pattern = "^[a-zA-Z0-9_-]+$", max_length = 128)),
	responses(
		(status = 200, body = Program, description = "The programme."),
		(status = 400, body = Problem, description = "The identity cannot be read."),
		(status = 404, body = Problem, description = "There is none, or none any more."),
		HeadTooLong,
		Away,
	)
)]
async fn program(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Problem> {
	let shown = app.openadr.shown().await?;
	let found = shown.programs.iter().find(|program| program.id == id);
	let found = found.ok_or_else(|| Problem::not_found("programme"))?;
	Ok(Json(found).into_response())
}

/// Events, and expected prices.
///
/// First those that run or are to come, then prices, then those that are over, while the chain keeps them. One that was
/// called off is not told any more.
#[utoipa::path(
	get,
	path = "/openadr3/3.0.1/events",
	operation_id = "openadrSearchAllEvents",
	tag = "OpenADR",
	params(OfProgram, Targets, Page),
	responses(
		(status = 200, body = Vec<Event>, description = "Events."),
		(status = 400, body = Problem, description = "A parameter is unknown, or not of its range."),
		HeadTooLong,
		Away,
	)
)]
async fn events(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
	let mut given = parameters(&uri)?;
	let OfProgram { program } = OfProgram::take(&mut given)?;
	let (targets, page) = (Targets::take(&mut given)?, Page::take(&mut given)?);
	given.end().map_err(Problem::query)?;
	let shown = app.openadr.shown().await?;
	let of_program = |event: &&Event| program.as_ref().is_none_or(|id| *id == event.program_id);
	let meant = shown.events.iter().filter(of_program);
	let meant = meant.filter(|event| targets.mean_event(event));
	Ok(Json(page.of(meant)).into_response())
}

/// An event.
#[utoipa::path(
	get,
	path = "/openadr3/3.0.1/events/{eventID}",
	operation_id = "openadrSearchEventsByID",
	tag = "OpenADR",
	params(("eventID" = String, Path, description = "Which one.", pattern = "^[a-zA-Z0-9_-]+$", max_length = 128)),
	responses(
		(status = 200, body = Event, description = "The event."),
		(status = 400, body = Problem, description = "The identity cannot be read."),
		(status = 404, body = Problem, description = "There is none, it was called off, or the chain keeps it no more."),
		HeadTooLong,
		Away,
	)
)]
async fn event(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Problem> {
	let shown = app.openadr.shown().await?;
	let found = shown.events.iter().find(|event| event.id == id);
	let found = found.ok_or_else(|| Problem::not_found("event"))?;
	Ok(Json(found).into_response())
}

/// What resources did in events.
///
/// As the chain has measured it by signed readings, of events that are paid; those of the latest first.
#[utoipa::path(
	get,
	path = "/openadr3/3.0.1/reports",
	operation_id = "openadrSearchAllReports",
	tag = "OpenADR",
	params(OfProgram, OfEvent, Page),
	responses(
		(status = 200, body = Vec<Report>, description = "Reports."),
		(status = 400, body = Problem, description = "A parameter is unknown, or not of its range; or too many reports \
			lie before those asked for."),
		HeadTooLong,
		Away,
	)
)]
async fn reports(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<Vec<Report>>, Problem> {
	let mut given = parameters(&uri)?;
	let OfProgram { program } = OfProgram::take(&mut given)?;
	let OfEvent { event, client } = OfEvent::take(&mut given)?;
	let Page { skip, limit } = Page::take(&mut given)?;
	given.end().map_err(Problem::query)?;
	let (skip, limit) = (skip as usize, limit as usize);
	let wanted = Reports {
		program,
		event,
		client,
		skip,
		limit,
	};
	Ok(Json(app.openadr.reports(&wanted).await?))
}

/// A report.
#[utoipa::path(
	get,
	path = "/openadr3/3.0.1/reports/{reportID}",
	operation_id = "openadrSearchReportsByReportID",
	tag = "OpenADR",
	params(("reportID" = String, Path, description = "Which one.", pattern = "^[a-zA-Z0-9_-]+$", max_length = 128)),
	responses(
		(status = 200, body = Report, description = "The report."),
		(status = 400, body = Problem, description = "The identity cannot be read."),
		(status = 404, body = Problem, description = "There is none, not yet, or the chain keeps it no more."),
		HeadTooLong,
		Away,
	)
)]
async fn report(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<Report>, Problem> {
	let found = app.openadr.report(&id).await?;
	found.map(Json).ok_or_else(|| Problem::not_found("report"))
}

/// Not taken.
///
/// What a resource did is measured by the signed readings of its meters: what a client says of it could not earn
/// anything. Events ask for no reports, so that clients have none to send.
#[utoipa::path(
	post,
	path = "/openadr3/3.0.1/reports",
	operation_id = "openadrCreateReport",
	tag = "OpenADR",
	responses(
		(status = 403, body = Problem, description = "Always."),
		HeadTooLong,
		(status = 503, body = super::problem::Problem, description = "`busy`: the connection is one of those that are \
			reserved for who reads.",
			headers(("retry-after" = u32, description = "Seconds to wait before coming again."))),
	)
)]
async fn post_report() -> Problem {
	let what = "reports are made by the chain: it measures by the signed readings of meters";
	Problem::new(StatusCode::FORBIDDEN, what)
}

/// An identity in a path.
struct Id(String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
	type Rejection = Problem;

	async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
		let Path(id) = Path::from_request_parts(parts, state)
			.await
			.map_err(|error| Problem::query(error.body_text()))?;
		Ok(Self(id))
	}
}
