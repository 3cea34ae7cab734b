//! Commands to devices.

use std::{sync::Arc, time::Duration};

use axum::{
	extract::{rejection::PathRejection, Path, State},
	http::Uri,
	Json,
};
use gridweave_primitives::MeterId;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
	openapi::{HeadTooLong, NoCommands},
	problem::{Code, Problem},
	query::{After, Parameters},
	App,
};
use crate::{
	command::Command,
	server::{
		commands::{
			book::{Entry, State as CommandState},
			MAX_PAGE,
		},
		keys::MeterKeys,
	},
};

/// Longest wait for a change, in seconds: connections do not live long.
const MAX_WAIT: u64 = 25;

/// A command, and what has become of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Given {
	/// What the device is told.
	#[serde(flatten)]
	command: Command,
	/// What has become of it.
	state: CommandState,
	/// When the reading was captured that acknowledged it: Unix seconds.
	#[schema(required, format = "uint64")]
	acknowledged: Option<u64>,
}

impl From<&Entry> for Given {
	fn from(entry: &Entry) -> Self {
		Self {
			command: entry.given.command,
			state: entry.state,
			acknowledged: entry.given.acknowledged,
		}
	}
}

/// What the device of a meter is told.
#[derive(Serialize, ToSchema)]
pub(super) struct OfMeter {
	/// The meter.
	#[schema(format = "uint32")]
	meter: u32,
	/// The chain's time: Unix seconds.
	#[schema(format = "uint64")]
	now: u64,
	/// What the device is told: `open` and `acknowledged` commands, of which the chain keeps one at most.
	#[schema(max_items = 1)]
	commands: Vec<Given>,
	/// The latest command, whatever has become of it.
	#[schema(required)]
	latest: Option<Given>,
}

/// Changes of commands.
#[derive(Serialize, ToSchema)]
pub(super) struct Changes {
	/// Identity of the order of changes: another one at every start. A number too large for JavaScript.
	#[schema(pattern = "^[0-9]{1,20}$")]
	epoch: String,
	/// The chain's time: Unix seconds.
	#[schema(format = "uint64")]
	now: u64,
	/// What to ask for as `after` next.
	#[schema(format = "uint64")]
	next: u64,
	/// Whether there is more already.
	more: bool,
	/// The latest command of each meter that has changed, in the order of changes.
	#[schema(max_items = 500)]
	commands: Vec<Given>,
}

/// Which changes are asked for, beside [`After`].
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesQuery {
	/// Most commands in the answer, which never has more than 500.
	#[param(
		format = "uint32",
		minimum = 0,
		maximum = 4_294_967_295u32,
		default = 500,
		required = false
	)]
	limit: u32,
	/// Only commands in this state.
	#[param(inline, nullable = false)]
	state: Option<CommandState>,
	/// If nothing has changed, how many seconds to wait for a change, at most 25. Without the gateway's own `epoch`
	/// there is no wait, nor when too many others wait.
	#[param(
		format = "uint64",
		minimum = 0,
		maximum = 25,
		default = 0,
		required = false
	)]
	wait: u64,
}

impl ChangesQuery {
	fn read(uri: &Uri) -> Result<(After, Self), String> {
		let mut given = Parameters::of(uri)?;
		let after = After::take(&mut given)?;
		let query = Self {
			limit: given.one("limit")?.unwrap_or(MAX_PAGE as u32),
			state: given.one("state")?,
			wait: given.one("wait")?.unwrap_or(0),
		};
		given.end()?;
		if query.wait > MAX_WAIT {
			return Err(format!("wait is at most {MAX_WAIT}"));
		}
		Ok((after, query))
	}
}

fn unknown() -> Problem {
	let what = "the chain's commands have not been looked at since the start; come again";
	Problem::new(Code::NoNode, what)
}

/// Commands are of no use from a node that is not of the store's chain.
fn check(app: &App) -> Result<(), Problem> {
	app.ingest.keys.genesis()?;
	Ok(())
}

/// Follow commands to devices.
///
/// The latest command of each meter that delivers here, in the order in which something became of them: given,
/// acknowledged, over, withdrawn. A meter whose command changes moves to the end. For who tells the devices, and for
/// operators: those in the state `expired` were never acknowledged.
#[utoipa::path(
	get,
	path = "/v1/commands",
	operation_id = "getCommands",
	tag = "Operators",
	params(After, ChangesQuery),
	responses(
		(status = 200, body = Changes, description = "Changes, none if there are none."),
		(status = 400, body = Problem, description = "`query`: a parameter is unknown, given twice, or not of its \
			range."),
		HeadTooLong,
		NoCommands,
	)
)]
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<Changes>, Problem> {
	let (After { after, epoch }, query) =
		ChangesQuery::read(&uri).map_err(|why| Problem::new(Code::Query, why))?;
	check(&app)?;
	let commands = &app.commands;
	let most = usize::try_from(query.limit).unwrap_or(MAX_PAGE);
	let page = || commands.page(epoch, after, most, query.state);
	let mut found = page().ok_or_else(unknown)?;
	let may_wait = epoch == Some(commands.epoch()) && query.wait > 0;
	if found.entries.is_empty() && !found.more && may_wait {
		if let Ok(_permit) = app.waits.try_acquire() {
			let patience = Duration::from_secs(query.wait);
			commands.wait(found.next, patience).await;
			found = page().ok_or_else(unknown)?;
		}
	}
	Ok(Json(Changes {
		epoch: commands.epoch().to_string(),
		now: found.now,
		next: found.next,
		more: found.more,
		commands: found.entries.iter().map(Given::from).collect(),
	}))
}

/// What a device is told.
///
/// For devices that speak HTTP only: the command of a meter, from finalised blocks. There is no signature on it: what
/// a device does about its nonce and its validity is told in docs/gateway.md of the project.
#[utoipa::path(
	get,
	path = "/v1/commands/{meter}",
	operation_id = "getCommandsOfMeter",
	tag = "Devices",
	params(("meter" = u32, Path, format = "uint32", minimum = 0, maximum = 4_294_967_295u32,
		description = "The meter's id on chain.")),
	responses(
		(status = 200, body = OfMeter, description = "What its device is told, if anything.",
			example = json!({"meter": 7, "now": 1_780_000_000, "commands": [{"meter": 7, "nonce": 12,
				"action": "limit_import", "watts": 2_000, "from": 1_780_000_200, "until": 1_780_001_100, "event": 3,
				"state": "open", "acknowledged": null}], "latest": {"meter": 7, "nonce": 12,
				"action": "limit_import", "watts": 2_000, "from": 1_780_000_200, "until": 1_780_001_100, "event": 3,
				"state": "open", "acknowledged": null}})),
		(status = 400, body = Problem, description = "`query`: the meter is no number of its range."),
		(status = 404, body = Problem, description = "`not_found`: the meter has not delivered a reading here yet."),
		HeadTooLong,
		NoCommands,
	)
)]
pub(super) async fn of_meter(
	State(app): State<Arc<App>>,
	meter: Result<Path<u32>, PathRejection>,
) -> Result<Json<OfMeter>, Problem> {
	let Path(meter) = meter.map_err(|error| Problem::new(Code::Query, error.body_text()))?;
	check(&app)?;
	if !app.store().served().contains(MeterId(meter)) {
		let what = "the meter has not delivered a reading here yet";
		return Err(Problem::new(Code::NotFound, what));
	}
	let (now, entry) = app.commands.of(MeterId(meter)).ok_or_else(unknown)?;
	let told = entry.iter().filter(|entry| entry.state.is_told());
	Ok(Json(OfMeter {
		meter,
		now,
		commands: told.map(Given::from).collect(),
		latest: entry.as_ref().map(Given::from),
	}))
}
