//! From facts to objects.

use proptest::prelude::*;
use serde_json::{json, Value};

use super::{
	facts::{
		Action, Community, DemandEvent, Direction, ExpectedPrice, Facts, Pair, Prices, Programme,
		Report, Stage, Tally, Terms,
	},
	map::{objects, Clock},
	report::{parse_report_id, parse_resource_name, report, report_id, resource_name},
	wire::Datum,
	Scope, MAX_COMMUNITIES,
};

/// 28 May 2026, 20:30.
const PERIOD: u32 = 1_977_778;
const NOW: u64 = PERIOD as u64 * 900 + 450;

fn expected(period: u32, buy: u64, sell: u64) -> ExpectedPrice {
	let prices = Pair { sell, buy };
	ExpectedPrice { period, prices }
}

fn programme(direction: Direction, command: Option<Action>) -> Programme {
	let prices = Prices {
		reward: 100_000,
		bonus: 20_000,
		penalty: 0,
	};
	let terms = Terms {
		direction,
		prices,
		command,
	};
	Programme {
		microgrid: 4,
		terms,
	}
}

fn event(start: u32, end: u32) -> DemandEvent {
	DemandEvent {
		programme: 3,
		announced: PERIOD - 8,
		start,
		end,
		planned_end: end,
		due: end + 2,
		target: 1_500,
		stage: Stage::Announced,
	}
}

fn facts(programme: Programme, events: impl IntoIterator<Item = DemandEvent>) -> Facts {
	let prices = vec![
		expected(PERIOD, 300_000, 80_000),
		expected(PERIOD + 1, 91_000, 0),
	];
	let community = Community {
		first: PERIOD - 96,
		prices,
	};
	Facts {
		now: NOW,
		period: 900,
		communities: vec![(4, community)],
		programmes: vec![(3, programme)],
		events: (7..).zip(events).collect(),
	}
}

fn told(facts: &Facts) -> (Value, Value) {
	let (programs, events) = objects(facts);
	(
		serde_json::to_value(programs).unwrap(),
		serde_json::to_value(events).unwrap(),
	)
}

fn ids(events: &Value) -> Vec<&str> {
	let events = events.as_array().unwrap().iter();
	events.map(|event| event["id"].as_str().unwrap()).collect()
}

#[test]
fn programmes_should_be_told_with_what_their_payloads_mean() {
	let reduce = programme(Direction::Reduce, Some(Action::LimitImport(1_500)));
	let (programs, _) = told(&facts(reduce, []));
	let area = json!([{"type": "SERVICE_AREA", "values": ["microgrid-4"]}]);
	let descriptor =
		|payload: &str| json!({"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": payload});
	let with = |payload: &str, units: &str| {
		let mut descriptor = descriptor(payload);
		descriptor["units"] = json!(units);
		descriptor
	};
	let priced = |payload: &str| {
		let mut descriptor = with(payload, "KWH");
		descriptor["currency"] = json!("XXX");
		descriptor
	};
	let began = "2026-05-27T20:30:00Z";
	assert_eq!(
		programs,
		json!([
			{"id": "tariff-4", "createdDateTime": began, "modificationDateTime": began, "objectType": "PROGRAM",
				"programName": "tariff-4", "programLongName": "Expected prices of microgrid 4",
				"programType": "PRICING_TARIFF", "timeZoneOffset": "PT0S", "bindingEvents": false,
				"payloadDescriptors": [priced("PRICE"), priced("EXPORT_PRICE")], "targets": area},
			{"id": "programme-3", "createdDateTime": began, "modificationDateTime": began, "objectType": "PROGRAM",
				"programName": "programme-3",
				"programLongName": "Demand response of microgrid 4: take less when asked to",
				"programType": "DEMAND_RESPONSE", "timeZoneOffset": "PT0S", "bindingEvents": false,
				"payloadDescriptors": [descriptor("SIMPLE"), with("IMPORT_CAPACITY_LIMIT", "KW"),
					descriptor("GRIDWEAVE_DIRECTION"), with("GRIDWEAVE_TARGET", "KWH"), priced("GRIDWEAVE_REWARD")],
				"targets": area},
		])
	);
}

#[test]
fn events_should_be_told_with_what_devices_are_to_do() {
	let reduce = programme(Direction::Reduce, Some(Action::LimitImport(1_500)));
	let (programs, events) = told(&facts(reduce, [event(PERIOD + 4, PERIOD + 8)]));
	let announced = "2026-05-28T18:30:00Z";
	assert_eq!(
		events[0],
		json!({"id": "event-7", "createdDateTime": announced, "modificationDateTime": announced,
		"objectType": "EVENT", "programID": "programme-3", "eventName": "event-7",
		"payloadDescriptors": programs[1]["payloadDescriptors"], "targets": programs[1]["targets"],
		"intervalPeriod": {"start": "2026-05-28T21:30:00Z", "duration": "PT1H"},
		"intervals": [{"id": 0, "payloads": [
			{"type": "SIMPLE", "values": [1]},
			{"type": "IMPORT_CAPACITY_LIMIT", "values": [1.5]},
			{"type": "GRIDWEAVE_DIRECTION", "values": ["REDUCE"]},
			{"type": "GRIDWEAVE_TARGET", "values": [1.5]},
			{"type": "GRIDWEAVE_REWARD", "values": [0.1]},
		]}]})
	);
}

#[test]
fn every_command_should_be_told_in_payloads_of_its_own() {
	use Direction::{Increase, Reduce};
	let cases = [
		(Reduce, None, vec![json!(["SIMPLE", 1])]),
		(Reduce, Some(Action::Release), vec![json!(["SIMPLE", 1])]),
		(
			Reduce,
			Some(Action::Discharge),
			vec![json!(["SIMPLE", 1]), json!(["CHARGE_STATE_SETPOINT", 0])],
		),
		(
			Increase,
			Some(Action::Charge),
			vec![json!(["CHARGE_STATE_SETPOINT", 100])],
		),
		(
			Increase,
			Some(Action::Curtail(0)),
			vec![json!(["EXPORT_CAPACITY_LIMIT", 0.0])],
		),
		(Increase, None, vec![]),
	];
	for (direction, command, expected) in cases {
		let mut programme = programme(direction, command);
		programme.terms.prices.penalty = 50_000;
		let (_, events) = told(&facts(programme, [event(PERIOD, PERIOD + 1)]));
		let payloads = events[0]["intervals"][0]["payloads"].as_array().unwrap();
		let (ours, standard): (Vec<_>, Vec<_>) = payloads
			.iter()
			.map(|payload| json!([payload["type"], payload["values"][0]]))
			.partition(|payload| payload[0].as_str().unwrap().starts_with("GRIDWEAVE_"));
		assert_eq!(standard, expected);
		let way = if direction == Reduce {
			"REDUCE"
		} else {
			"INCREASE"
		};
		let expected = [
			json!(["GRIDWEAVE_DIRECTION", way]),
			json!(["GRIDWEAVE_TARGET", 1.5]),
			json!(["GRIDWEAVE_REWARD", 0.1]),
			json!(["GRIDWEAVE_BONUS", 0.02]),
			json!(["GRIDWEAVE_PENALTY", 0.05]),
		];
		assert_eq!(ours, expected);
		// Every payload has a descriptor.
		let described = events[0]["payloadDescriptors"].as_array().unwrap();
		let described: Vec<_> = described.iter().map(|what| &what["payloadType"]).collect();
		let given: Vec<_> = payloads.iter().map(|payload| &payload["type"]).collect();
		assert_eq!(described, given);
	}
}

#[test]
fn what_is_to_come_should_be_told_first_and_what_was_called_off_not() {
	let stage = |event: DemandEvent, stage| DemandEvent { stage, ..event };
	let past = event(PERIOD - 4, PERIOD - 2);
	let events = [
		stage(past, Stage::Done),
		stage(event(PERIOD - 2, PERIOD), Stage::Measuring),
		event(PERIOD + 9, PERIOD + 10),
		stage(event(PERIOD + 1, PERIOD + 2), Stage::Cancelled),
		event(PERIOD - 1, PERIOD + 1),
		// Of a programme that is closed.
		DemandEvent {
			programme: 2,
			..event(PERIOD, PERIOD + 1)
		},
		event(PERIOD + 2, PERIOD + 2),
	];
	let (_, events) = told(&facts(programme(Direction::Reduce, None), events));
	assert_eq!(
		ids(&events),
		["event-11", "event-9", "prices-4", "event-8", "event-7"]
	);
}

#[test]
fn an_event_that_was_ended_early_should_have_changed() {
	let shorter = DemandEvent {
		planned_end: PERIOD + 4,
		..event(PERIOD - 1, PERIOD + 1)
	};
	let (_, events) = told(&facts(programme(Direction::Reduce, None), [shorter]));
	let event = &events[0];
	assert_eq!(event["createdDateTime"], "2026-05-28T18:30:00Z");
	assert_eq!(event["modificationDateTime"], "2026-05-28T20:45:00Z");
	let period = json!({"start": "2026-05-28T20:15:00Z", "duration": "PT30M"});
	assert_eq!(event["intervalPeriod"], period);
}

#[test]
fn expected_prices_should_be_one_event_until_the_first_gap() {
	let mut facts = facts(programme(Direction::Reduce, None), []);
	facts.communities[0]
		.1
		.prices
		.push(expected(PERIOD + 3, 1, 1));
	let (_, events) = told(&facts);
	let payloads = |buy: f64, sell: f64| json!([{"type": "PRICE", "values": [buy]}, {"type": "EXPORT_PRICE", "values": [sell]}]);
	let event = &events[0];
	assert_eq!(
		(&event["id"], &event["programID"]),
		(&json!("prices-4"), &json!("tariff-4"))
	);
	assert_eq!(event["modificationDateTime"], "2026-05-28T20:37:30Z");
	let period = json!({"start": "2026-05-28T20:30:00Z", "duration": "PT15M"});
	assert_eq!(event["intervalPeriod"], period);
	let intervals = json!([
		{"id": 0, "payloads": payloads(0.3, 0.08)},
		{"id": 1, "payloads": payloads(0.091, 0.0)},
	]);
	assert_eq!(event["intervals"], intervals);
	facts.communities[0].1.prices.clear();
	assert!(ids(&told(&facts).1).is_empty());
}

#[test]
fn reports_should_be_told_as_measured() {
	let event = event(PERIOD - 8, PERIOD - 4);
	let tally = Tally {
		baseline: 1_200,
		measured: -300,
		unmeasured: 0,
	};
	let measured = Report {
		tally,
		delivered: 1_500,
		committed: 1_000,
		paid: 150_000_000_000,
		penalty: 0,
	};
	let as_json = |measured| {
		let report = report((7, &event), (5, &measured), Clock(900));
		serde_json::to_value(report).unwrap()
	};
	let told = as_json(measured);
	let due = "2026-05-28T20:00:00Z";
	let energy = |payload: &str| json!({"payloadType": payload, "units": "KWH"});
	let planck = |payload: &str| json!({"payloadType": payload, "units": "PLANCK"});
	assert_eq!(
		told,
		json!({"id": "report-7-5", "createdDateTime": due, "modificationDateTime": due, "objectType": "REPORT",
		"programID": "programme-3", "eventID": "event-7", "clientName": "resource-5",
		"payloadDescriptors": [energy("BASELINE"), energy("DELTA_USAGE"), {"payloadType": "DATA_QUALITY"},
			energy("GRIDWEAVE_DELIVERED"), energy("GRIDWEAVE_COMMITTED"), planck("GRIDWEAVE_PAID"),
			planck("GRIDWEAVE_FINED")],
		"resources": [{"resourceName": "resource-5",
			"intervalPeriod": {"start": "2026-05-28T18:30:00Z", "duration": "PT1H"},
			"intervals": [{"id": 0, "payloads": [
				{"type": "BASELINE", "values": [1.2]},
				{"type": "DELTA_USAGE", "values": [-1.5]},
				{"type": "DATA_QUALITY", "values": ["OK"]},
				{"type": "GRIDWEAVE_DELIVERED", "values": [1.5]},
				{"type": "GRIDWEAVE_COMMITTED", "values": [1.0]},
				{"type": "GRIDWEAVE_PAID", "values": ["150000000000"]},
				{"type": "GRIDWEAVE_FINED", "values": ["0"]},
			]}]}]})
	);
	let tally = Tally {
		unmeasured: 1,
		..tally
	};
	let told = as_json(Report { tally, ..measured });
	let quality = &told["resources"][0]["intervals"][0]["payloads"][2]["values"];
	assert_eq!(*quality, json!(["ESTIMATED"]));
}

#[test]
fn an_identity_should_name_one_report_only() {
	for (event, resource) in [(0, 0), (7, 5), (u32::MAX, u32::MAX)] {
		assert_eq!(
			parse_report_id(&report_id(event, resource)),
			Some((event, resource))
		);
		assert_eq!(
			parse_resource_name(&resource_name(resource)),
			Some(resource)
		);
	}
	for id in [
		"",
		"report-",
		"report-7",
		"report-07-5",
		"report-7-+5",
		"report-7-5-1",
		"event-7",
	] {
		assert_eq!(parse_report_id(id), None, "{id}");
	}
	assert_eq!(parse_report_id("report-4294967296-0"), None);
	for name in ["resource-", "resource-05", "resource-5 ", "5"] {
		assert_eq!(parse_resource_name(name), None, "{name}");
	}
}

#[test]
fn no_more_communities_should_be_told_of_than_there_is_room_for() {
	let most = MAX_COMMUNITIES as u32;
	assert_eq!(Scope::default().among(2), [0, 1]);
	assert_eq!(
		Scope::default().among(u32::MAX),
		(0..most).collect::<Vec<_>>()
	);
	let named = Scope::new(vec![9, 3, 3, 70]).unwrap();
	assert_eq!(named.among(10), [3, 9]);
	assert!(Scope::new((0..most).collect()).is_some());
	assert_eq!(Scope::new((0..=most).collect()), None);
}

proptest! {
	/// A price is told with the digits that it has; the lowest ones with an exponent.
	#[test]
	fn prices_should_be_told_exactly(price in 10i64..1 << 40) {
		let told = serde_json::to_string(&Datum::parts(price, 1_000_000)).unwrap();
		let (whole, part) = told.split_once('.').unwrap();
		prop_assert!(part.len() <= 6, "{}", told);
		let digits = format!("{whole}{part:0<6}");
		prop_assert_eq!(digits.parse::<i64>().unwrap(), price);
	}
}
