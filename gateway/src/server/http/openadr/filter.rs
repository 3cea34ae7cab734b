//! Which objects are asked for.

use utoipa::IntoParams;

use super::problem::Problem;
use crate::server::{
	http::query::Parameters,
	openadr::{
		wire::{Datum, Event, Program, ValuesMap},
		MAX_PAGE,
	},
};

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
	/// How many to pass over.
	#[param(
		format = "int32",
		minimum = 0,
		maximum = 2_147_483_647u32,
		default = 0,
		required = false
	)]
	pub(super) skip: u32,
	/// Most of them.
	#[param(
		format = "int32",
		minimum = 0,
		maximum = 50,
		default = 50,
		required = false
	)]
	pub(super) limit: u32,
}

impl Page {
	/// From a request.
	pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
		let most = MAX_PAGE as u32;
		let mut one = |name| parameters.one(name).map_err(Problem::query);
		let (skip, limit) = (one("skip")?.unwrap_or(0), one("limit")?.unwrap_or(most));
		if skip > i32::MAX as u32 || limit > most {
			return Err(Problem::query(format!(
				"skip is at most {}, limit at most {most}",
				i32::MAX
			)));
		}
		Ok(Self { skip, limit })
	}

	/// The part of a list.
	pub(super) fn of<T>(&self, list: impl Iterator<Item = T>) -> Vec<T> {
		list.skip(self.skip as usize)
			.take(self.limit as usize)
			.collect()
	}
}

/// For whom. Communities are a `SERVICE_AREA` as `microgrid-0`; and objects have a name, which is their identity:
/// `PROGRAM_NAME`, `EVENT_NAME`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct Targets {
	/// Only what has a target of this type.
	#[param(nullable = false)]
	target_type: Option<String>,
	/// Only what has one of these among its targets.
	#[param(required = false)]
	target_values: Vec<String>,
}

impl Targets {
	/// From a request.
	pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
		Ok(Self {
			target_type: parameters.one("targetType").map_err(Problem::query)?,
			target_values: parameters.all("targetValues"),
		})
	}

	/// Whether a programme is meant.
	pub(super) fn mean_program(&self, program: &Program) -> bool {
		self.mean(&program.targets, ("PROGRAM_NAME", &program.program_name))
	}

	/// Whether an event is meant.
	pub(super) fn mean_event(&self, event: &Event) -> bool {
		let name = ("EVENT_NAME", event.event_name.as_str());
		self.mean(&event.targets, name) || self.mean(&[], ("PROGRAM_NAME", &event.program_id))
	}

	fn mean(&self, targets: &[ValuesMap], (kind, name): (&str, &str)) -> bool {
		let of_type = |kind: &str| {
			self.target_type
				.as_ref()
				.is_none_or(|wanted| wanted == kind)
		};
		let of_value = |value: &str| {
			let wanted = &self.target_values;
			wanted.is_empty() || wanted.iter().any(|wanted| wanted == value)
		};
		let is_meant = |target: &ValuesMap| {
			let mut values = target.values.iter();
			of_type(target.kind)
				&& values.any(|value| matches!(value, Datum::Text(value) if of_value(value)))
		};
		(of_type(kind) && of_value(name)) || targets.iter().any(is_meant)
	}
}

/// Only what is of a programme.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfProgram {
	/// Only what is of this programme.
	#[param(
		rename = "programID",
		nullable = false,
		pattern = "^[a-zA-Z0-9_-]*$",
		min_length = 1,
		max_length = 128
	)]
	pub(super) program: Option<String>,
}

impl OfProgram {
	/// From a request.
	pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
		let program = identity(parameters, "programID")?;
		Ok(Self { program })
	}
}

/// Which reports.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfEvent {
	/// Only those of this event.
	#[param(
		rename = "eventID",
		nullable = false,
		pattern = "^[a-zA-Z0-9_-]*$",
		min_length = 1,
		max_length = 128
	)]
	pub(super) event: Option<String>,
	/// Only those of the resource of this name, as `resource-5`.
	#[param(rename = "clientName", nullable = false)]
	pub(super) client: Option<String>,
}

impl OfEvent {
	/// From a request.
	pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
		Ok(Self {
			event: identity(parameters, "eventID")?,
			client: parameters.one("clientName").map_err(Problem::query)?,
		})
	}
}

fn identity(parameters: &mut Parameters, name: &str) -> Result<Option<String>, Problem> {
	let given: Option<String> = parameters.one(name).map_err(Problem::query)?;
	match given {
		Some(id) if !is_identity(&id) => {
			let what = "has 1 to 128 letters, digits, and _ or -";
			Err(Problem::query(format!("{name} {what}")))
		}
		given => Ok(given),
	}
}

fn is_identity(id: &str) -> bool {
	let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
	(1..=128).contains(&id.len()) && id.bytes().all(allowed)
}
