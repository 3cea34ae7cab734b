//! What resources did in an event, as the chain has measured it by signed readings.

use super::{
	facts::{self, DemandEvent},
	map::{event_id, programme_id, Clock, KILO},
	wire::{Datum, Descriptor, Interval, ObjectType, Report, ReportResource, ValuesMap},
};

const KWH: Option<&str> = Some("KWH");

/// Identity of a report.
pub fn report_id(event: u32, resource: u32) -> String {
	format!("report-{event}-{resource}")
}

/// Event and resource of a report. No other way of writing it names it.
pub fn parse_report_id(id: &str) -> Option<(u32, u32)> {
	let (event, resource) = id.strip_prefix("report-")?.split_once('-')?;
	let parsed = (event.parse().ok()?, resource.parse().ok()?);
	(report_id(parsed.0, parsed.1) == id).then_some(parsed)
}

/// Name of a resource.
pub fn resource_name(resource: u32) -> String {
	format!("resource-{resource}")
}

/// Which resource has this name.
pub fn parse_resource_name(name: &str) -> Option<u32> {
	let resource = name.strip_prefix("resource-")?.parse().ok()?;
	(resource_name(resource) == name).then_some(resource)
}

/// A report of an event that is paid.
pub fn report(
	(id, event): (u32, &DemandEvent),
	(resource, report): (u32, &facts::Report),
	clock: Clock,
) -> Report {
	let tally = &report.tally;
	let energy = |watt_hours: i64| Datum::parts(watt_hours, KILO);
	let unsigned = |watt_hours: u64| energy(i64::try_from(watt_hours).unwrap_or(i64::MAX));
	// What has more digits than a number of JSON keeps.
	let money = |planck: u128| Datum::Text(planck.to_string());
	let quality = match tally.unmeasured {
		0 => "OK",
		_ => "ESTIMATED",
	};
	let told = [
		("BASELINE", KWH, energy(tally.baseline)),
		(
			"DELTA_USAGE",
			KWH,
			energy(tally.measured.saturating_sub(tally.baseline)),
		),
		("DATA_QUALITY", None, quality.into()),
		("GRIDWEAVE_DELIVERED", KWH, unsigned(report.delivered)),
		("GRIDWEAVE_COMMITTED", KWH, unsigned(report.committed)),
		("GRIDWEAVE_PAID", Some("PLANCK"), money(report.paid)),
		("GRIDWEAVE_FINED", Some("PLANCK"), money(report.penalty)),
	];
	let descriptors = told.iter().map(|(payload_type, units, _)| Descriptor {
		object_type: None,
		payload_type,
		units: *units,
		currency: None,
	});
	let payload_descriptors = descriptors.collect();
	let payloads = told
		.into_iter()
		.map(|(kind, _, value)| ValuesMap::one(kind, value));
	let interval = Interval {
		id: 0,
		payloads: payloads.collect(),
	};
	let measured = clock.start_of(event.due);
	Report {
		id: report_id(id, resource),
		created_date_time: measured,
		modification_date_time: measured,
		object_type: ObjectType::Report,
		program_id: programme_id(event.programme),
		event_id: event_id(id),
		client_name: resource_name(resource),
		payload_descriptors,
		resources: vec![ReportResource {
			resource_name: resource_name(resource),
			interval_period: clock.span(event.start, event.end),
			intervals: vec![interval],
		}],
	}
}
