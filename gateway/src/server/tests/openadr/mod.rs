//! Programmes, events, prices and reports, from what a node says to what clients of OpenADR are told.

mod clients;
mod reports;

use super::{fake_node::FakeNode, *};
use crate::server::openadr::facts::{
	Community, DemandEvent, Direction, ExpectedPrice, Facts, Pair, Prices, Programme, Report,
	Stage, Tally, Terms,
};

const BASE: &str = "/openadr3/3.0.1";
const PERIOD: u32 = 1_888_888;

fn programme(microgrid: u32) -> Programme {
	let prices = Prices {
		reward: 100_000,
		bonus: 0,
		penalty: 0,
	};
	let terms = Terms {
		direction: Direction::Reduce,
		prices,
		command: None,
	};
	Programme { microgrid, terms }
}

fn event(programme: u32, start: u32, stage: Stage) -> DemandEvent {
	DemandEvent {
		programme,
		announced: start - 1,
		start,
		end: start + 2,
		planned_end: start + 2,
		due: start + 3,
		target: 1_000,
		stage,
	}
}

fn community(buy: u64) -> Community {
	let prices = Pair { sell: 80_000, buy };
	let expected = (PERIOD..PERIOD + 3).map(|period| ExpectedPrice { period, prices });
	Community {
		first: PERIOD - 9,
		prices: expected.collect(),
	}
}

/// Two communities, a programme in each, two paid events and two to come.
fn facts() -> Facts {
	Facts {
		now: u64::from(PERIOD) * 900,
		period: 900,
		communities: vec![(0, community(300_000)), (1, community(290_000))],
		programmes: vec![(5, programme(0)), (6, programme(1))],
		events: vec![
			(10, event(5, PERIOD - 9, Stage::Done)),
			(11, event(6, PERIOD - 8, Stage::Done)),
			(12, event(5, PERIOD + 2, Stage::Announced)),
			(13, event(6, PERIOD + 1, Stage::Announced)),
		],
	}
}

fn measured(delivered: u64) -> Report {
	let tally = Tally {
		baseline: 2_000,
		measured: 2_000 - delivered as i64,
		unmeasured: 0,
	};
	Report {
		tally,
		delivered,
		committed: 0,
		paid: 1,
		penalty: 0,
	}
}

/// A node that says so, with reports of so many resources in each paid event.
fn node(resources: u32) -> FakeNode {
	let node = FakeNode::new(1, 100);
	node.set(|state| {
		state.finalised = 1;
		state.facts = Some(facts());
		for resource in 0..resources {
			for event in [10, 11] {
				state
					.reports
					.insert((event, resource), measured(resource.into()));
			}
		}
	});
	node
}

impl Gateway {
	/// What is told at a path, and with which status; as described.
	async fn openadr(&self, path: &str) -> (StatusCode, Value) {
		let endpoint = path.split('?').next().unwrap();
		let mut parts = endpoint.trim_start_matches('/').split('/');
		let endpoint = match (parts.next().unwrap(), parts.next()) {
			(list, None) => format!("{BASE}/{list}"),
			(list, Some(_)) => format!("{BASE}/{list}/{{{}ID}}", list.trim_end_matches('s')),
		};
		self.json(&format!("{BASE}{path}"), &endpoint).await
	}

	async fn list(&self, path: &str) -> Vec<String> {
		let (status, told) = self.openadr(path).await;
		assert_eq!(status, StatusCode::OK, "{path}: {told}");
		let told = told.as_array().unwrap().iter();
		told.map(|object| object["id"].as_str().unwrap().to_owned())
			.collect()
	}

	/// Waits until the node is known.
	async fn until_told(&self) {
		let wait = async {
			while self.openadr("/programs").await.0 != StatusCode::OK {
				tokio::time::sleep(Duration::from_millis(20)).await;
			}
		};
		tokio::time::timeout(SOON, wait).await.unwrap();
	}

	async fn until_modified(&self, event: &str, other_than: &Value) -> Value {
		let wait = async {
			loop {
				let (_, told) = self.openadr(&format!("/events/{event}")).await;
				if told["modificationDateTime"] != *other_than {
					return told;
				}
				tokio::time::sleep(Duration::from_millis(20)).await;
			}
		};
		tokio::time::timeout(SOON, wait).await.unwrap()
	}
}

async fn told_by(node: &FakeNode) -> Gateway {
	let gateway = Gateway::following(node, Fixture::new(LIMITS)).await;
	gateway.until_told().await;
	gateway
}

#[tokio::test]
async fn clients_should_be_told_what_the_chain_offers() {
	let gateway = told_by(&node(0)).await;
	let programs = ["tariff-0", "tariff-1", "programme-5", "programme-6"];
	assert_eq!(gateway.list("/programs").await, programs);
	let events = [
		"event-13", "event-12", "prices-0", "prices-1", "event-11", "event-10",
	];
	assert_eq!(gateway.list("/events").await, events);
	let (status, event) = gateway.openadr("/events/event-12").await;
	assert_eq!(
		(status, &event["programID"]),
		(StatusCode::OK, &json!("programme-5"))
	);
	let (_, program) = gateway.openadr("/programs/programme-5").await;
	assert_eq!(program["programName"], "programme-5");
	for (path, what) in [
		("/programs/programme-7", "programme"),
		("/events/event-9", "event"),
		("/reports/report-10-0", "report"),
		("/reports/whatever", "report"),
	] {
		let (status, problem) = gateway.openadr(path).await;
		let expected = json!({"type": "about:blank", "title": "Not Found", "status": 404,
			"detail": format!("there is no such {what}")});
		assert_eq!(
			(status, problem),
			(StatusCode::NOT_FOUND, expected),
			"{path}"
		);
	}
}

#[tokio::test]
async fn lists_should_be_filtered_and_cut() {
	let gateway = told_by(&node(0)).await;
	let cases: [(&str, &[&str]); 15] = [
		(
			"/programs?targetType=SERVICE_AREA&targetValues=microgrid-1",
			&["tariff-1", "programme-6"],
		),
		(
			"/programs?targetType=PROGRAM_NAME&targetValues=tariff-0",
			&["tariff-0"],
		),
		(
			"/programs?targetValues=programme-5&targetValues=tariff-1",
			&["tariff-1", "programme-5"],
		),
		("/programs?targetType=GROUP&targetValues=microgrid-1", &[]),
		("/programs?targetType=GROUP", &[]),
		("/programs?skip=1&limit=2", &["tariff-1", "programme-5"]),
		("/programs?skip=2147483647", &[]),
		("/programs?limit=0", &[]),
		("/events?programID=programme-5", &["event-12", "event-10"]),
		("/events?programID=tariff-1", &["prices-1"]),
		("/events?programID=programme-5&skip=1", &["event-10"]),
		(
			"/events?targetType=SERVICE_AREA&targetValues=microgrid-0&limit=2",
			&["event-12", "prices-0"],
		),
		(
			"/events?targetType=EVENT_NAME&targetValues=event-11",
			&["event-11"],
		),
		(
			"/events?targetType=PROGRAM_NAME&targetValues=tariff-1",
			&["prices-1"],
		),
		("/events?programID=programme-9", &[]),
	];
	for (path, expected) in cases {
		assert_eq!(gateway.list(path).await, expected, "{path}");
	}
	for path in [
		"/programs?limit=51",
		"/programs?skip=-1",
		"/programs?skip=2147483648",
		"/programs?limit=1&limit=2",
		"/programs?programID=programme-5",
		"/events?programID=",
		"/events?programID=a%20b",
		"/events?active=true",
		"/reports?eventID=%2F",
		"/reports?targetType=GROUP",
	] {
		let (status, problem) = gateway.openadr(path).await;
		let told = (status, &problem["title"]);
		assert_eq!(
			told,
			(StatusCode::BAD_REQUEST, &json!("Bad Request")),
			"{path}"
		);
	}
}

#[tokio::test]
async fn the_node_should_be_asked_once_a_block_and_only_if_a_client_asks() {
	let node = node(0);
	let gateway = told_by(&node).await;
	let asked = |node: &FakeNode| {
		let mut questions = (0, 0);
		node.set(|state| questions = state.questions);
		questions.0
	};
	let before = asked(&node);
	let all = (0..20).map(|_| gateway.list("/events"));
	futures::future::join_all(all).await;
	assert_eq!(asked(&node), before);
	for _ in 0..3 {
		node.set(|state| state.finalised += 1);
		tokio::time::sleep(Duration::from_millis(100)).await;
	}
	assert_eq!(asked(&node), before);
	let all = (0..20).map(|_| gateway.list("/events"));
	futures::future::join_all(all).await;
	assert_eq!(asked(&node), before + 1);
}

#[tokio::test]
async fn prices_should_be_modified_only_if_they_are() {
	let node = node(0);
	let gateway = told_by(&node).await;
	let (_, before) = gateway.openadr("/events/prices-0").await;
	let (_, other) = gateway.openadr("/events/prices-1").await;
	let later = |node: &FakeNode, buy| {
		node.set(|state| {
			state.finalised += 1;
			let facts = state.facts.as_mut().unwrap();
			facts.now += 3;
			facts.communities[0].1 = community(buy);
		});
	};
	later(&node, 300_000);
	later(&node, 310_000);
	let after = gateway
		.until_modified("prices-0", &before["modificationDateTime"])
		.await;
	assert_eq!(
		after["intervals"][0]["payloads"][0]["values"],
		json!([0.31])
	);
	assert_eq!(after["createdDateTime"], before["createdDateTime"]);
	assert_eq!(gateway.openadr("/events/prices-1").await.1, other);
}

#[tokio::test]
async fn without_a_node_clients_should_be_told_to_come_again() {
	let alone = Gateway::start(true).await;
	for path in [
		"/programs",
		"/events",
		"/events/event-1",
		"/reports",
		"/reports/report-1-1",
	] {
		let (status, problem) = alone.openadr(path).await;
		assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
		assert_eq!(problem["detail"], "the node is not connected; come again");
	}
	// A node of a chain without all that, and one that goes.
	let node = node(0);
	let gateway = told_by(&node).await;
	node.set(|state| {
		state.finalised += 1;
		state.facts = None;
	});
	let refused = |gateway: &Gateway, detail: &'static str| {
		let client = gateway.client.clone();
		let url = format!("{}{BASE}/events", gateway.url);
		async move {
			let wait = async {
				loop {
					let answer = client.get(&url).send().await.unwrap();
					let problem: Value = answer.json().await.unwrap();
					if problem["detail"]
						.as_str()
						.is_some_and(|told| told.contains(detail))
					{
						break;
					}
					tokio::time::sleep(Duration::from_millis(20)).await;
				}
			};
			tokio::time::timeout(SOON, wait).await.unwrap();
		}
	};
	refused(&gateway, "does not tell").await;
	node.set(|state| {
		state.finalised += 1;
		state.facts = Some(facts());
	});
	gateway.until_told().await;
	node.set(|state| state.up = false);
	refused(&gateway, "not connected").await;
}
