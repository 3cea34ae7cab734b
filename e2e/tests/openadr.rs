//! Programmes, events, expected prices and reports of a real chain, told by a real gateway to a client of OpenADR that
//! this project did not write.

use std::{
	collections::BTreeMap,
	time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{ensure, Context, Result};
use gridweave_e2e::{
	chain::{number_of, until, Chain},
	demand_response::{commitment, enrolment, event, open},
	meter::{account, Device},
	openadr::{look, BASE},
	place,
	process::{Gateway, Node, NodeSpec},
};
use serde_json::{json, Value as Json};
use subxt::dynamic::{At as _, Value};

/// Length of a period of the development chain, in seconds.
const LENGTH: u64 = 12;
/// Soon enough for a loaded machine.
const SOON: Duration = Duration::from_secs(90);
/// Until an event that is announced is over, settled and paid.
const PAID: Duration = Duration::from_secs(180);

fn now() -> u64 {
	SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.map_or(0, |since| since.as_secs())
}

/// What the gateway tells below a path, once it is told and as it should be.
async fn until_told(
	gateway: &Gateway,
	path: &str,
	limit: Duration,
	is_so: impl Fn(&Json) -> bool,
) -> Result<Json> {
	let path = format!("{BASE}{path}");
	until(&format!("{path} is told"), limit, || async {
		let (status, text) = gateway.get(&path).await?;
		let told: Option<Json> = (status == 200)
			.then(|| serde_json::from_str(&text))
			.transpose()?;
		Ok(told.filter(&is_so))
	})
	.await
}

/// Expected prices of a community at the last finalised block: by period what need pays and surplus earns.
async fn prices(chain: &Chain, microgrid: u32) -> Result<BTreeMap<u64, (u128, u128)>> {
	let at = chain.finalised().await?;
	let arguments = vec![
		Value::from(microgrid),
		Value::from(0u32),
		Value::from(96u32),
	];
	let expected = chain
		.ask(&at, "SettlementApi", "expected_prices", arguments)
		.await?;
	let mut prices = BTreeMap::new();
	for place in 0..96usize {
		let Some(expected) = expected.at(place) else {
			break;
		};
		let field = |name: &str| number_of(expected.at(name).context("no such field")?);
		let pair = expected.at("prices").context("no prices")?;
		let price = |name: &str| number_of(pair.at(name).context("no such price")?);
		let period = u64::try_from(field("period")?)?;
		prices.insert(period, (price("buy")?, price("sell")?));
	}
	Ok(prices)
}

/// A price as it is told, in 10⁻⁶ per kWh.
fn millionths(payload: &Json) -> Result<u128> {
	let price = payload[0].as_f64().context("no price")?;
	Ok((price * 1e6).round() as u128)
}

#[test]
fn a_client_of_openadr_should_be_told_what_the_chain_offers() -> Result<()> {
	place::run(|place| async move {
		let node = Node::start(&place, &NodeSpec::development()).await?;
		let gateway = Gateway::start(&place, node.rpc_port).await?;
		let chain = &node.chain;
		let (operator, alice) = (account("Operator")?, account("Alice")?);
		let mut device = Device::new("a device", chain.genesis_hash())?;
		device.join(chain, &alice, &operator, 0).await?;
		let programme = open(chain, &operator, 50_000).await?;
		let enrolment = enrolment(programme, device.meter);
		chain.run(&alice, &enrolment).await?;
		let resource = resource(chain, device.meter).await?;
		// Early enough for an answer.
		let start = (now() + 18) / LENGTH + 1;
		let announced = chain.run(&operator, &event(programme, start, 1)).await?;
		let announced = announced
			.iter()
			.find(|event| event.is("DemandResponse", "EventAnnounced"));
		let number = announced.context("no event")?.number("event")?;
		let (program_id, event_id) = (format!("programme-{programme}"), format!("event-{number}"));
		let commitment = commitment(number, resource, 2_000);
		chain.run(&alice, &commitment).await?;
		until_told(&gateway, &format!("/events/{event_id}"), SOON, |_| true).await?;

		let told = look(&gateway.url)?;
		let ids = |list: &Json| -> Vec<String> {
			let ids = list.as_array().into_iter().flatten();
			ids.filter_map(|object| Some(object["id"].as_str()?.to_owned()))
				.collect()
		};
		// A tariff of each community of the development chain, and the programme.
		let programs = &told["programs"];
		let expected = ["tariff-0", "tariff-1", program_id.as_str()];
		ensure!(ids(programs) == expected, "{programs}");
		ensure!(told["by_id"] == true && told["nowhere"] == 0, "{programs}");
		ensure!(
			told["area"] == json!(["tariff-0", program_id]),
			"{}",
			told["area"]
		);
		let (tariff, offer) = (&programs[0], &programs[2]);
		ensure!(offer["type"] == "DEMAND_RESPONSE", "{offer}");
		ensure!(offer["areas"] == json!([["microgrid-0"]]), "{offer}");
		let created = offer["created"].as_f64().context("no time")?;
		ensure!(created > 0.0 && created <= now() as f64, "{offer}");
		let described = json!([["PRICE", "KWH", "XXX"], ["EXPORT_PRICE", "KWH", "XXX"]]);
		ensure!(tariff["descriptors"] == described, "{tariff}");

		// The event, as it was announced.
		let events = &told["events"];
		let event = &events[&program_id][0];
		ensure!(ids(&events[&program_id]) == [event_id.as_str()], "{events}");
		ensure!(told["first"] == json!([event_id]), "{}", told["first"]);
		ensure!(event["program"] == program_id.as_str(), "{event}");
		let period = json!({"start": (start * LENGTH) as f64, "seconds": LENGTH as f64});
		ensure!(event["period"] == period, "{event}");
		ensure!(event["created"].as_f64() <= Some(now() as f64), "{event}");
		ensure!(event["reports"].is_null(), "{event}");
		let payloads = json!({"SIMPLE": [1], "IMPORT_CAPACITY_LIMIT": [1.5], "GRIDWEAVE_DIRECTION": ["REDUCE"],
			"GRIDWEAVE_TARGET": [1.0], "GRIDWEAVE_REWARD": [0.1], "GRIDWEAVE_BONUS": [0.0],
			"GRIDWEAVE_PENALTY": [0.05]});
		ensure!(event["intervals"] == json!([payloads]), "{event}");

		// Prices, as the chain expects them.
		let of_tariff = &events["tariff-0"];
		ensure!(ids(of_tariff) == ["prices-0"], "{events}");
		let told_prices = &of_tariff[0];
		let first = told_prices["period"]["start"].as_f64().context("no time")? as u64 / LENGTH;
		ensure!(
			told_prices["period"]["seconds"] == LENGTH as f64,
			"{told_prices}"
		);
		let expected = prices(chain, 0).await?;
		let intervals = told_prices["intervals"]
			.as_array()
			.context("no intervals")?;
		let mut compared = 0;
		for (period, interval) in (first..).zip(intervals) {
			if let Some(expected) = expected.get(&period) {
				let price = |kind: &str| millionths(&interval[kind]);
				let told = (price("PRICE")?, price("EXPORT_PRICE")?);
				ensure!(
					told == *expected,
					"period {period}: {told:?}, not {expected:?}"
				);
				compared += 1;
			}
		}
		ensure!(compared > 10, "{compared} periods of {told_prices}");

		// A client can say what it likes; the chain measures.
		ensure!(told["refused"]["status"] == 403, "{}", told["refused"]);
		ensure!(told["reports"] == json!([]), "{}", told["reports"]);
		let has_report = |told: &Json| told.as_array().is_some_and(|reports| !reports.is_empty());
		until_told(&gateway, "/reports", PAID, has_report).await?;
		let told = look(&gateway.url)?;
		let report = &told["reports"][0];
		ensure!(report["event"] == event_id.as_str(), "{report}");
		ensure!(report["program"] == program_id.as_str(), "{report}");
		ensure!(report["client"] == report["resource"], "{report}");
		ensure!(report["period"] == period, "{report}");
		// Too new for a baseline: nothing was delivered, and what was committed was missed.
		let payloads = &report["payloads"];
		ensure!(payloads["GRIDWEAVE_DELIVERED"] == json!([0.0]), "{report}");
		ensure!(payloads["GRIDWEAVE_COMMITTED"] == json!([2.0]), "{report}");
		ensure!(payloads["GRIDWEAVE_PAID"] == json!(["0"]), "{report}");
		ensure!(
			payloads["GRIDWEAVE_FINED"] == json!(["100000000000"]),
			"{report}"
		);
		ensure!(
			report["client"] == format!("resource-{resource}"),
			"{report}"
		);

		// The node goes.
		drop(node);
		until("clients are told to come again", SOON, || async {
			let (status, text) = gateway.get(&format!("{BASE}/events")).await?;
			Ok((status == 503 && text.contains("not connected")).then_some(()))
		})
		.await
	})
}

/// The resource that a meter takes part as, once that is final.
async fn resource(chain: &Chain, meter: u32) -> Result<u128> {
	until("the meter takes part", SOON, || async {
		let at = chain.finalised().await?;
		let arguments = vec![Value::from(meter)];
		let enrolments = chain
			.ask(&at, "DemandResponseApi", "enrolments", arguments)
			.await?;
		let resource = enrolments.at(0usize).and_then(|first| first.at(1usize));
		resource.map(number_of).transpose()
	})
	.await
}
