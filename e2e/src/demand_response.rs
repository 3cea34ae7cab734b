//! Programmes and events of demand response.

use anyhow::{Context, Result};
use subxt::dynamic::Value;
use subxt_signer::sr25519::Keypair;

use crate::chain::{call, Call, Chain};

fn variant(name: &str) -> Value<()> {
	Value::unnamed_variant(name, [])
}

fn programme(penalty: u64) -> Call {
	let prices = [("reward", 100_000), ("bonus", 0), ("penalty", penalty)];
	let like_days = [
		("method", variant("TenOfTen")),
		("adjustment", Value::from(0u32)),
	];
	let limit = Value::unnamed_variant("LimitImport", [Value::from(1_500u32)]);
	let terms = Value::named_composite([
		("direction", variant("Reduce")),
		(
			"prices",
			Value::named_composite(prices.map(|(name, price)| (name, Value::from(price)))),
		),
		("baseline", Value::named_variant("LikeDays", like_days)),
		("least_days", Value::from(1u32)),
		("dead_band", Value::from(0u32)),
		("rebound", Value::from(0u32)),
		("notice", Value::from(0u32)),
		("events_per_day", Value::from(4u32)),
		("command", Value::unnamed_variant("Some", [limit])),
	]);
	call(
		"DemandResponse",
		"open_programme",
		vec![
			("microgrid", Value::from(0u32)),
			("terms", terms),
			("budget", Value::from(10_000_000_000_000u128)),
		],
	)
}

/// A meter takes part in a programme.
pub fn enrolment(programme: u128, meter: u32) -> Call {
	call(
		"DemandResponse",
		"enrol",
		vec![
			("programme", Value::from(programme)),
			("meter", Value::from(meter)),
		],
	)
}

/// An event of a programme, from a period on.
pub fn event(programme: u128, start: u64, periods: u32) -> Call {
	call(
		"DemandResponse",
		"announce_event",
		vec![
			("programme", Value::from(programme)),
			("start", Value::from(start)),
			("periods", Value::from(periods)),
			("target", Value::from(1_000u64)),
		],
	)
}

/// A resource commits itself to deliver so many Wh in an event.
pub fn commitment(event: u128, resource: u128, energy: u64) -> Call {
	let commit = Value::unnamed_variant("Commit", [Value::from(energy)]);
	call(
		"DemandResponse",
		"respond",
		vec![
			("event", Value::from(event)),
			("resource", Value::from(resource)),
			("response", commit),
		],
	)
}

/// Opens a programme whose events tell devices to take at most 1,500 W, with this penalty for what was committed and
/// missed, per kWh in 10⁻⁶ GRID; 0: nobody can commit. Its id.
pub async fn open(chain: &Chain, operator: &Keypair, penalty: u64) -> Result<u128> {
	let events = chain.run(operator, &programme(penalty)).await?;
	let opened = events
		.iter()
		.find(|event| event.is("DemandResponse", "ProgrammeOpened"));
	opened.context("no programme")?.number("programme")
}
